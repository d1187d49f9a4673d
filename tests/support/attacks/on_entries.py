"""Attacks on the envelope (ledger, keys, chain, expiry, what it has seen) and on the founding of a ledger."""

from __future__ import annotations

from creditledger.record.entry import Cosigner, Entry
from support.attacks.table import attack
from support.drafts import (
    OTHER_FIRM,
    authority_close,
    authority_register,
    key_revoke,
    law_register,
    listing_add,
    mandate_grant,
    rules_activate,
)
from support.world import DAY, HOUR, World, days_after, key_add, public_key

# -- R-ENTRY-LEDGER ----------------------------------------------------------------------------------------------------


@attack("R-ENTRY-LEDGER", "replay an entry signed for another ledger", at=None)
def _(world: World) -> Entry:
    return world.build("district", listing_add(), ledger_id=b"\x07" * 32)


@attack("R-ENTRY-LEDGER", "pass with the zero id of a founding entry", at=None)
def _(world: World) -> Entry:
    return world.build("district", listing_add(), ledger_id=bytes(32))


# -- R-ENTRY-KEY -------------------------------------------------------------------------------------------------------


@attack("R-ENTRY-KEY", "sign with a key that nobody registered", at=None)
def _(world: World) -> Entry:
    return world.build("district:act:2", listing_add())


@attack("R-ENTRY-KEY", "sign in the name of another authority", at=None)
def _(world: World) -> Entry:
    return world.build("ombudsman", listing_add(), authority="district")


@attack("R-ENTRY-KEY", "sign with a revoked key", at=None)
def _(world: World) -> Entry:
    world.append("root", key_revoke("district"))
    return world.build("district", listing_add())


@attack("R-ENTRY-KEY", "sign on the day on which the key ends", at=None)
def _(world: World) -> Entry:
    world.add_keys("district:act:2", until=days_after(DAY, 1))
    world.append("district:act:2", listing_add())
    world.day = days_after(DAY, 1)
    return world.build("district:act:2", listing_add(OTHER_FIRM))


@attack("R-ENTRY-KEY", "sign an entry with a log key, which signs checkpoints only", at=None)
def _(world: World) -> Entry:
    return world.build("root:log", law_register("new"))


@attack("R-ENTRY-KEY", "be the author with a key that the same entry adds", at=None)
def _(world: World) -> Entry:
    return world.build("root:3", key_add("root:3"), cosigners=("root:0", "root:1"))


# -- R-ENTRY-CHAIN -----------------------------------------------------------------------------------------------------


@attack("R-ENTRY-CHAIN", "record the same entry a second time", at=None)
def _(world: World) -> Entry:
    entry = world.build("district", listing_add())
    world.submit(world.seal(entry))
    return entry


@attack("R-ENTRY-CHAIN", "put a second, different entry at a used author_seq", at=None)
def _(world: World) -> Entry:
    entry = world.build("district", listing_add())
    world.submit(world.seal(entry))
    return entry._replace(acts=(listing_add(OTHER_FIRM),))


@attack("R-ENTRY-CHAIN", "leave out an entry of the key", at=None)
def _(world: World) -> Entry:
    entry = world.build("district", listing_add())
    return entry._replace(author_seq=1, author_prev=world.seal(entry).digest)


@attack("R-ENTRY-CHAIN", "follow another entry than the key's last one", at=None)
def _(world: World) -> Entry:
    first = world.append("district", listing_add())
    world.append("district", listing_add(OTHER_FIRM))
    return world.build("district", listing_add(OTHER_FIRM), author_prev=first.digest)


@attack("R-ENTRY-CHAIN", "begin a key's chain elsewhere than at the record that added the key", at=None)
def _(world: World) -> Entry:
    return world.build("district", listing_add(), author_prev=bytes(32))


# -- R-ENTRY-EXPIRED, R-ENTRY-SEEN -------------------------------------------------------------------------------------


@attack("R-ENTRY-EXPIRED", "be recorded a microsecond after not_after", at=None)
def _(world: World) -> Entry:
    return world.build("district", listing_add(), not_after=world.recorded_at - 1)


@attack("R-ENTRY-EXPIRED", "found a ledger with an entry that has expired", at=None, world=World)
def _(world: World) -> Entry:
    return world.founding_entry()._replace(not_after=world.recorded_at - HOUR)


@attack("R-ENTRY-SEEN", "have seen another root of that size", at=None)
def _(world: World) -> Entry:
    return world.build("district", listing_add(), seen=(world.size, b"\x07" * 32))


@attack("R-ENTRY-SEEN", "have seen a true root under a wrong size", at=None)
def _(world: World) -> Entry:
    return world.build("district", listing_add(), seen=(world.size - 1, world.view.roots[world.size]))


@attack("R-ENTRY-SEEN", "have seen a tree larger than there is", at=None)
def _(world: World) -> Entry:
    return world.build("district", listing_add(), seen=(world.size + 1, world.view.roots[world.size]))


@attack("R-ENTRY-SEEN", "have seen less than the key's previous entry", at=None)
def _(world: World) -> Entry:
    size = world.size
    world.append("district", listing_add(), seen=(size, world.view.roots[size]))
    world.append("district", listing_add(OTHER_FIRM))
    return world.build("district", listing_add(), seen=(size - 1, world.view.roots[size - 1]))


# -- R-ENTRY-COSIGNER --------------------------------------------------------------------------------------------------


@attack("R-ENTRY-COSIGNER", "be countersigned by an unregistered key", at=None)
def _(world: World) -> Entry:
    return world.build("district", listing_add(), cosigners=("high:act:2",))


@attack("R-ENTRY-COSIGNER", "pass off one authority's countersignature as another's", at=None)
def _(world: World) -> Entry:
    return world.build("district", listing_add(), cosigners=("county",))._replace(
        cosigners=(Cosigner("high", public_key("county")),)
    )


@attack("R-ENTRY-COSIGNER", "be countersigned by a revoked key", at=None)
def _(world: World) -> Entry:
    world.append("root", key_revoke("high"))
    return world.build("district", listing_add(), cosigners=("high",))


@attack("R-ENTRY-COSIGNER", "be countersigned by a key that has ended", at=None)
def _(world: World) -> Entry:
    world.add_keys("high:act:2", until=DAY)
    return world.build("district", listing_add(), cosigners=("high:act:2",))


@attack("R-ENTRY-COSIGNER", "be countersigned by a log key", at=None)
def _(world: World) -> Entry:
    return world.build("root", law_register("new"), cosigners=("root:log",))


@attack("R-ENTRY-COSIGNER", "be countersigned by the log key that it adds", at=None)
def _(world: World) -> Entry:
    return world.build("root", key_add("root:log:2"), cosigners=("root:log:2",))


@attack("R-ENTRY-COSIGNER", "be countersigned by an added key under another authority", at=None)
def _(world: World) -> Entry:
    entry = world.build("root", key_add("district:act:2"))
    return entry._replace(cosigners=(Cosigner("high", public_key("district:act:2")), *entry.cosigners))


# -- R-AUTHORITY-CLOSED ------------------------------------------------------------------------------------------------


@attack("R-AUTHORITY-CLOSED", "act on the day on which the authority closes", at=None)
def _(world: World) -> Entry:
    world.append("root", authority_close("district", effective=days_after(DAY, 1)))
    world.append("district", listing_add())
    world.day = days_after(DAY, 1)
    return world.build("district", listing_add(OTHER_FIRM))


@attack("R-AUTHORITY-CLOSED", "be countersigned by a closed authority", at=None)
def _(world: World) -> Entry:
    world.append("root", authority_close("high"))
    return world.build("district", listing_add(), cosigners=("high",))


@attack("R-AUTHORITY-CLOSED", "give a closed authority a key")
def _(world: World) -> Entry:
    world.append("root", authority_close("county"))
    return world.build("root", key_add("county:act:2"), cosigners=("county:act:2",))


@attack("R-AUTHORITY-CLOSED", "give a closed authority a mandate")
def _(world: World) -> Entry:
    world.append("root", authority_close("county"))
    return world.build("root", mandate_grant("county", "defaulters", "add"))


@attack("R-AUTHORITY-CLOSED", "register a body under a parent that the same entry has closed", at=1)
def _(world: World) -> Entry:
    return world.build("root", authority_close("county"), authority_register("village", "county"))


@attack("R-AUTHORITY-CLOSED", "name a closed authority as successor")
def _(world: World) -> Entry:
    world.append("root", authority_close("county"))
    return world.build("root", authority_close("district", successor="county"))


@attack("R-AUTHORITY-CLOSED", "close an authority again, for another successor")
def _(world: World) -> Entry:
    world.append("root", authority_close("district", successor="high"))
    return world.build("root", authority_close("district", successor="regulator"))


# -- R-GENESIS ---------------------------------------------------------------------------------------------------------


@attack("R-GENESIS", "begin a ledger with another act", at=None, world=World)
def _(world: World) -> Entry:
    return world.build("root", law_register("new"))


@attack("R-GENESIS", "slip a second act into record 0", world=World)
def _(world: World) -> Entry:
    return world.founding_entry()._replace(acts=(world.founding_act(), law_register("new")))


@attack("R-GENESIS", "found a ledger that pretends to have a ledger id", at=None, world=World)
def _(world: World) -> Entry:
    return world.founding_entry()._replace(ledger_id=b"\x07" * 32)


@attack("R-GENESIS", "found a ledger with the signatures of the quorum only", world=World)
def _(world: World) -> Entry:
    return world.build("root:0", world.founding_act(), cosigners=("root:1",))


@attack("R-GENESIS", "found a ledger with the signature of somebody who is no root key", world=World)
def _(world: World) -> Entry:
    return world.build("root:0", world.founding_act(), cosigners=("root:1", "root:3"))


@attack("R-GENESIS", "found a ledger with root keys signing for another authority", world=World)
def _(world: World) -> Entry:
    entry = world.founding_entry()
    return entry._replace(cosigners=tuple(one._replace(authority="high") for one in entry.cosigners))


@attack("R-GENESIS", "found a ledger in the name of another authority", world=World)
def _(world: World) -> Entry:
    return world.founding_entry()._replace(authority="high")


@attack("R-GENESIS", "found a ledger whose quorum nobody can reach", world=World)
def _(world: World) -> Entry:
    return world.founding_entry(threshold=4)


@attack("R-GENESIS", "found the ledger a second time")
def _(world: World) -> Entry:
    return world.build("root:0", world.founding_act(), cosigners=("root:1", "root:2"))


# -- R-RULE-SET --------------------------------------------------------------------------------------------------------


@attack("R-RULE-SET", "found a ledger under another text of the rules", world=World)
def _(world: World) -> Entry:
    return world.founding_entry(rule_set_hash=b"\x07" * 32)


@attack("R-RULE-SET", "activate another text of the rules under a known name")
def _(world: World) -> Entry:
    return world.build("root", rules_activate(rule_set_hash=b"\x07" * 32))


@attack("R-RULE-SET", "activate the rule set that is in force")
def _(world: World) -> Entry:
    return world.build("root", rules_activate())


@attack("R-ROOT", "activate a rule set that nobody has, without the quorum")
def _(world: World) -> Entry:
    return world.build("root:0", rules_activate("rules-9"))


@attack("R-GENESIS", "found a ledger under a rule set that nobody has, with the quorum only", world=World)
def _(world: World) -> Entry:
    return world.build("root:0", world.founding_act(rule_set="rules-9"), cosigners=("root:1",))
