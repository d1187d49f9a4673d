"""Attacks on the powers of root, admin and act keys, on names, and by acting on oneself."""

from __future__ import annotations

from creditledger.acts.catalogue import ListingAdd
from creditledger.acts.kinds import Subject
from creditledger.record.entry import Entry
from support.attacks.table import attack, attack_each
from support.courts import HIGH_COURT, REGULATOR
from support.drafts import (
    authority_close,
    authority_register,
    ground_register,
    key_revoke,
    law_register,
    list_define,
    list_open,
    listing_add,
    listing_annul,
    listing_remove,
    mandate_grant,
    mandate_revoke,
    measure_register,
    opening_balance,
    rules_activate,
    source_cite,
)
from support.world import DAY, World, days_after, key_add

# -- R-ROOT ------------------------------------------------------------------------------------------------------------


@attack("R-ROOT", "govern with one root key of the two demanded")
def _(world: World) -> Entry:
    return world.build("root:0", authority_register("new"))


@attack("R-ROOT", "count the root key that the same entry adds towards the quorum")
def _(world: World) -> Entry:
    return world.build("root:0", key_add("root:3"), cosigners=("root:3",))


@attack("R-ROOT", "slip an act of the root keys in behind one of the catalogue", at=1)
def _(world: World) -> Entry:
    return world.build("regulator:admin", law_register("new"), rules_activate())


@attack("R-ROOT", "reach the quorum with the countersignature of an admin key")
def _(world: World) -> Entry:
    return world.build("root:0", law_register("new"), cosigners=("supreme:admin",))


@attack("R-ROOT", "let an admin key author what two root keys merely countersign")
def _(world: World) -> Entry:
    return world.build("supreme:admin", rules_activate(), cosigners=("root:0", "root:1"))


@attack("R-ROOT", "add a root key by an authority's admin key")
def _(world: World) -> Entry:
    return world.build("supreme:admin", key_add("root:3"), cosigners=("root:3",))


@attack("R-ROOT", "revoke a root key by one root key")
def _(world: World) -> Entry:
    return world.build("root:0", key_revoke("root:1"))


@attack("R-ROOT", "define a list with one root key")
def _(world: World) -> Entry:
    return world.build("root:0", list_define("new"))


@attack("R-ROOT", "open a list with one root key")
def _(world: World) -> Entry:
    return world.build("root:0", list_open("legacy"))


# -- R-ADMIN -----------------------------------------------------------------------------------------------------------


@attack("R-ADMIN", "register a body without a parent by an admin key")
def _(world: World) -> Entry:
    return world.build("supreme:admin", authority_register("new"))


@attack("R-ADMIN", "register a body under somebody else's parent")
def _(world: World) -> Entry:
    return world.build("regulator:admin", authority_register("new", "supreme"))


@attack("R-ADMIN", "register a body under a grandparent's child")
def _(world: World) -> Entry:
    return world.build("supreme:admin", authority_register("new", "district"))


@attack("R-ADMIN", "let an authority close itself")
def _(world: World) -> Entry:
    return world.build("district:admin", authority_close("district"))


@attack("R-ADMIN", "let an authority close its parent")
def _(world: World) -> Entry:
    return world.build("district:admin", authority_close("high"))


@attack("R-ADMIN", "grant a mandate with an act key")
def _(world: World) -> Entry:
    return world.build("high", mandate_grant("county", "defaulters", "add"))


@attack("R-ADMIN", "grant a mandate to somebody else's child")
def _(world: World) -> Entry:
    return world.build("regulator:admin", mandate_grant("county", "defaulters", "add"))


@attack("R-ADMIN", "delegate past the child to the grandchild")
def _(world: World) -> Entry:
    world.append("root", authority_register("village", "district"))
    return world.build("high:admin", mandate_grant("village", "defaulters", "add"))


@attack("R-ADMIN", "let the tribunal's mandate be revoked by the court it reviews")
def _(world: World) -> Entry:
    return world.build("district:admin", mandate_revoke("tribunal-defaulters-review"))


@attack("R-ADMIN", "let a child revoke its parent's mandate")
def _(world: World) -> Entry:
    return world.build("district:admin", mandate_revoke("high-defaulters-add"))


@attack("R-ADMIN", "add a key to another authority")
def _(world: World) -> Entry:
    return world.build("regulator:admin", key_add("district:act:2"), cosigners=("district:act:2",))


@attack("R-ADMIN", "add a key with an act key")
def _(world: World) -> Entry:
    return world.build("district", key_add("district:act:2"), cosigners=("district:act:2",))


@attack("R-ADMIN", "add a key to the own parent")
def _(world: World) -> Entry:
    return world.build("district:admin", key_add("high:act:2"), cosigners=("high:act:2",))


@attack("R-ADMIN", "revoke a key of another authority")
def _(world: World) -> Entry:
    return world.build("regulator:admin", key_revoke("ombudsman"))


# -- R-ROLE ------------------------------------------------------------------------------------------------------------


@attack("R-ROLE", "list somebody with an admin key")
def _(world: World) -> Entry:
    return world.build("district:admin", listing_add())


@attack("R-ROLE", "list somebody with the root keys")
def _(world: World) -> Entry:
    return world.build("root", listing_add())


@attack("R-ROLE", "register a law with an act key")
def _(world: World) -> Entry:
    return world.build("regulator", law_register("new"))


@attack("R-ROLE", "define a list with an act key")
def _(world: World) -> Entry:
    return world.build("regulator", list_define("new"))


@attack("R-ROLE", "open a list with an act key")
def _(world: World) -> Entry:
    return world.build("regulator", list_open("legacy"))


@attack("R-ROLE", "cite a source with an admin key")
def _(world: World) -> Entry:
    return world.build("archive:admin", source_cite())


@attack("R-ROLE", "give an authority a root key")
def _(world: World) -> Entry:
    return world.build("root", key_add("district:act:2", role="root"), cosigners=("district:act:2",))


@attack("R-ROLE", "give an authority a log key")
def _(world: World) -> Entry:
    return world.build("district:admin", key_add("district:act:2", role="log"))


@attack("R-ROLE", "give root an act key")
def _(world: World) -> Entry:
    return world.build("root", key_add("root:3", role="act"), cosigners=("root:3",))


# -- R-UNKNOWN ---------------------------------------------------------------------------------------------------------

attack_each(
    "R-UNKNOWN",
    ("register a body under an unknown parent", authority_register("new", "nobody")),
    ("close an unknown body", authority_close("nobody")),
    ("name an unknown successor", authority_close("district", successor="nobody")),
    ("empower an unknown body", mandate_grant("nobody", "defaulters", "add")),
    ("empower root", mandate_grant("root", "defaulters", "add")),
    ("empower a body on an unknown list", mandate_grant("county", "nowhere", "add")),
    ("revoke an unknown mandate", mandate_revoke("nothing")),
    ("revoke an unknown key", key_revoke("district:act:2")),
    ("revoke a key under another authority", key_revoke("district")._replace(authority="high")),
    ("let an unknown agency apply a measure", measure_register("new", agency="nobody")),
    ("define a list on an unknown ground", list_define("new", grounds=("nothing",))),
    ("define a list with an unknown measure", list_define("new", measures=("nothing",))),
    ("let an unknown body lodge appeals", list_define("new", lodgers=("nobody",))),
    ("let an unknown body review appeals", list_define("new", reviewers=("nobody",))),
    ("open an unknown list", list_open("nowhere")),
)(lambda world, act: world.build("root", act))


@attack("R-UNKNOWN", "list somebody on an unknown list")
def _(world: World) -> Entry:
    return world.build("district", listing_add(list="nowhere"))


@attack("R-UNKNOWN", "use a body before the act that registers it")
def _(world: World) -> Entry:
    return world.build("root", mandate_grant("new", "defaulters", "add"), authority_register("new"))


@attack("R-UNKNOWN", "give an unknown body a key")
def _(world: World) -> Entry:
    return world.build("root", key_add("nobody"), cosigners=("nobody",))


# -- R-ID-TAKEN --------------------------------------------------------------------------------------------------------

attack_each(
    "R-ID-TAKEN",
    ("register an authority again, under another parent", authority_register("district", "regulator")),
    ("register a body called root", authority_register("root")),
    ("prolong a repealed law by registering it again", law_register("repealed-law")),
    ("raise a term cap by registering the ground again", ground_register("evades-by-sham-suit", max_months=120)),
    ("change a measure by registering it again", measure_register("no-flights", polarity="incentive")),
    ("change a list by defining it again", list_define("defaulters", reviewers=("tribunal",))),
    ("widen a mandate by granting it again", mandate_grant("county", "county-defaulters", "add")),
)(lambda world, act: world.build("root", act))


@attack("R-ID-TAKEN", "revive a revoked mandate")
def _(world: World) -> Entry:
    world.append("root", mandate_revoke("county-county-defaulters-add"))
    return world.build("root", mandate_grant("county", "county-defaulters", "add", areas=("cn-44",)))


@attack("R-ID-TAKEN", "register one identifier twice in an entry", at=1)
def _(world: World) -> Entry:
    return world.build("root", law_register("new"), law_register("new", effective="2001-01-01"))


# -- R-SELF ------------------------------------------------------------------------------------------------------------


@attack("R-SELF", "grant oneself a mandate")
def _(world: World) -> Entry:
    return world.build("high:admin", mandate_grant("high", "watched", "add"))


@attack("R-SELF", "grant one's parent a mandate")
def _(world: World) -> Entry:
    return world.build("district:admin", mandate_grant("high", "watched", "add"))


@attack("R-SELF", "grant one's grandparent a mandate")
def _(world: World) -> Entry:
    return world.build("district:admin", mandate_grant("supreme", "watched", "add"))


@attack("R-SELF", "name a closed body as its own successor")
def _(world: World) -> Entry:
    return world.build("root", authority_close("district", effective=days_after(DAY, 1), successor="district"))


@attack("R-SELF", "list oneself")
def _(world: World) -> Entry:
    return world.build("regulator", honour(REGULATOR))


@attack("R-SELF", "let a body list its parent")
def _(world: World) -> Entry:
    world.append("root", mandate_grant("branch", "trusted", "add"))
    return world.build("branch", honour(REGULATOR))


@attack("R-SELF", "take over a listing of the own parent")
def _(world: World) -> Entry:
    return world.build("district", opening_balance(HIGH_COURT))


@attack("R-SELF", "clear oneself of a listing")
def _(world: World) -> Entry:
    world.append("root", mandate_grant("archive", "watched", "add"))
    late = listing_add(REGULATOR, list="watched", ground="late-filing", until="2027-03-02")
    listing = world.append("archive", late).ref()
    return world.build("regulator", listing_remove(listing, REGULATOR, list="watched"))


@attack("R-SELF", "let a body annul a listing of its parent")
def _(world: World) -> Entry:
    world.append("root", mandate_grant("archive", "watched", "add"))
    late = listing_add(REGULATOR, list="watched", ground="late-filing", until="2027-03-02")
    listing = world.append("archive", late).ref()
    return world.build("branch", listing_annul(listing, REGULATOR, list="watched"))


def honour(subject: Subject) -> ListingAdd:
    """A listing on the list of trusted traders."""
    return listing_add(subject, list="trusted", ground="honest-trader", until="2029-03-02")
