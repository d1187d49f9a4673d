"""Attacks on the registration, revocation and confirmation of keys."""

from __future__ import annotations

from creditledger.acts.catalogue import KeyRevoke
from creditledger.record.entry import Entry
from support.attacks.table import attack, attack_each, lawful, lawful_each
from support.drafts import (
    FIRM,
    NOT_CANONICAL,
    NOT_ON_THE_CURVE,
    OTHER_FIRM,
    SMALL_ORDER,
    entry_confirm,
    key_revoke,
    listing_add,
)
from support.world import DAY, Receipt, World, days_after, key_add, public_key

# -- R-KEY-UNIQUE, R-KEY-FORM, R-KEY-POSSESSION ------------------------------------------------------------------------


@attack("R-KEY-UNIQUE", "give one key to two authorities")
def _(world: World) -> Entry:
    return world.build("root", key_add("district")._replace(authority="county"))


@attack("R-KEY-UNIQUE", "give one key two roles")
def _(world: World) -> Entry:
    return world.build("root", key_add("district", role="admin"))


@attack("R-KEY-UNIQUE", "revive a revoked key")
def _(world: World) -> Entry:
    world.append("root", key_revoke("district"))
    return world.build("root", key_add("district"))


@attack("R-KEY-UNIQUE", "let a log key act")
def _(world: World) -> Entry:
    return world.build("root", key_add("district")._replace(key=public_key("root:log")))


@attack("R-KEY-UNIQUE", "add one key twice in an entry", at=1)
def _(world: World) -> Entry:
    adds = (key_add("district:act:2"), key_add("district:act:2")._replace(authority="county"))
    return world.build("root", *adds, cosigners=("district:act:2",))


@attack("R-KEY-UNIQUE", "found a ledger whose log key is a root key", world=World)
def _(world: World) -> Entry:
    return world.founding_entry(log_keys=(public_key("root:0"),))


attack_each(
    "R-KEY-FORM",
    ("add a key of small order, for which everything is signed", SMALL_ORDER),
    ("add a key in a form that is not canonical", NOT_CANONICAL),
    ("add a key that is no point of the curve", NOT_ON_THE_CURVE),
)(lambda world, key: world.build("root", key_add("district:act:2")._replace(key=key)))


@attack("R-KEY-FORM", "found a ledger with a log key of small order", world=World)
def _(world: World) -> Entry:
    return world.founding_entry(log_keys=(SMALL_ORDER,))


@attack("R-KEY-POSSESSION", "register a key that somebody else holds")
def _(world: World) -> Entry:
    return world.build("root", key_add("district:act:2"))


@attack("R-KEY-POSSESSION", "let another added key cosign for it", at=1)
def _(world: World) -> Entry:
    adds = (key_add("district:act:2"), key_add("district:act:3"))
    return world.build("root", *adds, cosigners=("district:act:2",))


# -- R-KEY-REVOKED, R-KEY-STANDS ---------------------------------------------------------------------------------------


@attack("R-KEY-REVOKED", "revoke a key again, to move what the authority stands behind")
def _(world: World) -> Entry:
    receipt = world.append("district", listing_add())
    world.append("root", key_revoke("district"))
    return world.build("root", key_revoke("district", stands_behind=(0, receipt.digest)))


@attack("R-KEY-REVOKED", "revoke the last log key")
def _(world: World) -> Entry:
    return world.build("root", key_revoke("root:log"))


@attack("R-KEY-REVOKED", "revoke the root keys below their quorum", at=1)
def _(world: World) -> Entry:
    return world.build("root", key_revoke("root:2"), key_revoke("root:1"))


@attack("R-ROLE", "add a root key that ends by itself, and the quorum with it")
def _(world: World) -> Entry:
    return world.build("root", key_add("root:3")._replace(until=days_after(DAY, 1)), cosigners=["root:3"])


@attack("R-KEY-STANDS", "stand behind an entry that the key never made")
def _(world: World) -> Entry:
    return world.build("root", key_revoke("district", stands_behind=(0, bytes(32))))


@attack("R-KEY-STANDS", "stand behind another entry than the one of that number")
def _(world: World) -> Entry:
    receipt = world.append("district", listing_add())
    world.append("district", listing_add(OTHER_FIRM))
    return world.build("root", key_revoke("district", stands_behind=(1, receipt.digest)))


@attack("R-KEY-STANDS", "stand behind an entry of another key")
def _(world: World) -> Entry:
    receipt = world.append("high", listing_add())
    return world.build("root", key_revoke("district", stands_behind=(0, receipt.digest)))


@attack("R-KEY-STANDS", "stand behind an entry that is still to come")
def _(world: World) -> Entry:
    coming = world.seal(world.build("district", listing_add()))
    return world.build("root", key_revoke("district", stands_behind=(0, coming.digest)))


# -- R-CONFIRM ---------------------------------------------------------------------------------------------------------


@attack("R-CONFIRM", "confirm an entry of a key that is not revoked")
def _(world: World) -> Entry:
    receipt = world.append("district", listing_add())
    return world.build("district:admin", entry_confirm("district", 0, receipt))


@attack("R-CONFIRM", "confirm an entry that the authority stands behind anyway")
def _(world: World) -> Entry:
    receipt = world.append("district", listing_add())
    world.append("root", key_revoke("district", stands_behind=(0, receipt.digest)))
    return world.build("district:admin", entry_confirm("district", 0, receipt))


@attack("R-CONFIRM", "confirm an entry twice", at=1)
def _(world: World) -> Entry:
    receipt = world.append("district", listing_add())
    world.append("root", key_revoke("district"))
    confirm = entry_confirm("district", 0, receipt)
    return world.build("district:admin", confirm, confirm)


@attack("R-CONFIRM", "confirm again what a later, sound entry has confirmed")
def _(world: World) -> Entry:
    receipt = world.append("district", listing_add())
    world.add_keys("district:admin:2")
    world.append("root", key_revoke("district"))
    confirmed = world.append("district:admin", entry_confirm("district", 0, receipt))
    world.append("root", key_revoke("district:admin"))
    world.append("district:admin:2", entry_confirm("district:admin", 0, confirmed))
    return world.build("district:admin:2", entry_confirm("district", 0, receipt))


@attack("R-CONFIRM", "let the parent confirm")
def _(world: World) -> Entry:
    receipt = world.append("district", listing_add())
    world.append("root", key_revoke("district"))
    return world.build("high:admin", entry_confirm("district", 0, receipt))


@attack("R-CONFIRM", "let the root keys confirm")
def _(world: World) -> Entry:
    receipt = world.append("district", listing_add())
    world.append("root", key_revoke("district"))
    return world.build("root", entry_confirm("district", 0, receipt))


@attack("R-CONFIRM", "confirm another authority's entry as one's own")
def _(world: World) -> Entry:
    receipt = world.append("district", listing_add(FIRM))
    world.append("root", key_revoke("district"))
    return world.build("high:admin", entry_confirm("district", 0, receipt)._replace(authority="high"))


@attack("R-CONFIRM", "confirm an entry that was never recorded")
def _(world: World) -> Entry:
    receipt = world.append("district", listing_add())
    world.append("root", key_revoke("district"))
    return world.build("district:admin", entry_confirm("district", 1, receipt))


# -- disowning later ---------------------------------------------------------------------------------------------------


def retired_twice(world: World, first: str, stands: int | None, again: KeyRevoke) -> Entry:
    """A key that has signed two entries is revoked, and revoked again; of the entries the first one names some."""
    marks = [(n, world.append("district", listing_add(who)).digest) for n, who in enumerate((FIRM, OTHER_FIRM))]
    world.append("district:admin", key_revoke("district", first, None if stands is None else marks[stands]))
    number = None if again.stands_behind is None else again.stands_behind[0]
    return world.build("root", again._replace(stands_behind=None if number is None else marks[number]))


def once_more(reason: str, number: int | None) -> KeyRevoke:
    """Another revocation that names the entry of this number."""
    return key_revoke("district", reason, None if number is None else (number, bytes(32)))


attack_each(
    "R-KEY-REVOKED",
    ("retire a retired key", ("retired", 1, once_more("retired", 1))),
    ("call a compromised key retired", ("compromised", 0, once_more("retired", 1))),
    ("stand behind as much of a compromised key as before", ("compromised", 0, once_more("compromised", 0))),
    ("stand behind more of a compromised key than before", ("compromised", 0, once_more("compromised", 1))),
)(lambda world, how: retired_twice(world, *how))

lawful_each(
    "R-KEY-REVOKED",
    ("disown all that was signed with a retired key", ("retired", 1, once_more("compromised", None))),
    ("disown the last that was signed with a lost key", ("lost", 1, once_more("compromised", 0))),
    ("call a retired key compromised, and stand behind all of it", ("retired", 1, once_more("compromised", 1))),
    ("stand behind less of a compromised key than before", ("compromised", 1, once_more("compromised", 0))),
    ("disown the rest of a compromised key", ("compromised", 0, once_more("compromised", None))),
)(lambda world, how: retired_twice(world, *how))


def laundered(world: World) -> Receipt:
    """A thief adds a key with a stolen admin key, lists, and retires both, standing behind everything."""
    world.append("district:admin", key_add("district:act:2"), cosigners=("district:act:2",))
    listing = world.append("district:act:2", listing_add())
    last = world.append("district:admin", key_revoke("district:act:2", "retired", (0, listing.digest)))
    world.append("district:admin", key_revoke("district:admin", "retired", (1, last.digest)))
    return listing


@lawful("R-KEY-REVOKED", "disown a key that the thief itself has retired")
def _(world: World) -> Entry:
    laundered(world)
    return world.build("root", key_revoke("district:admin"))


@lawful("R-CONFIRM", "confirm what a thief has signed, retired, and had disowned all the same")
def _(world: World) -> Entry:
    listing = laundered(world)
    world.append("root", key_revoke("district:admin"))
    return world.build("district", entry_confirm("district:act:2", 0, listing))


@lawful("R-KEY-REVOKED", "disown a retired root key")
def _(world: World) -> Entry:
    world.append("root", key_revoke("root:2", "retired"))
    return world.build("root", key_revoke("root:2"))
