"""Attacks on who counts as having decided: who corrects or restores a listing, and who inherits from a decider."""

from __future__ import annotations

from typing import Any

from creditledger.acts.kinds import ActRef
from creditledger.record.entry import Entry
from support.attacks.table import attack, attack_each, lawful, lawful_each
from support.courts import DECIDING, define_list, listed
from support.drafts import (
    appeal_decide,
    appeal_file,
    authority_close,
    authority_register,
    list_define,
    list_open,
    listing_add,
    listing_correct,
    listing_restore,
    listing_suspend,
    mandate_grant,
    mandate_revoke,
)
from support.world import DAY, World, days_after

TOMORROW = days_after(DAY, 1)


def suspended(world: World) -> ActRef:
    listing = listed(world)
    world.append("district", listing_suspend(listing))
    return listing


def restored(world: World, author: str, *cosigners: str) -> ActRef:
    """A listing by `district`, suspended and restored."""
    listing = suspended(world)
    world.append(author, listing_restore(listing), cosigners=cosigners)
    return listing


def corrected(world: World, author: str, *cosigners: str) -> ActRef:
    """A listing by `district`, corrected."""
    listing = listed(world)
    world.append(author, listing_correct(listing), cosigners=cosigners)
    return listing


def no_recourse_left(world: World) -> None:
    world.append("root", mandate_revoke("ombudsman-defaulters-lodge"))


def another_list(world: World, lodgers: tuple[str, ...], reviewers: tuple[str, ...], **changes: Any) -> None:
    """Opens a list `new` on which `district` decides, and `high` above it, with these for the appeals."""
    world.append("root", list_define("new", lodgers=lodgers, reviewers=reviewers, **changes))
    world.append("root", *(mandate_grant(body, "new", "lodge") for body in lodgers))
    world.append("root", *(mandate_grant(body, "new", "review") for body in reviewers))
    world.append("root", *(mandate_grant(body, "new", *DECIDING) for body in ("district", "high")), list_open("new"))


def appeal_there(world: World, listing: ActRef) -> ActRef:
    return world.append("ombudsman", appeal_file(listing, list="new")).ref()


# -- somebody must remain to lodge and to decide -----------------------------------------------------------------------

EVERYBODY = ("supreme", "tribunal")
CHANGES = (
    ("correct", listed, listing_correct()),
    ("restore", suspended, listing_restore()),
)

attack_each(
    "R-INDEPENDENT",
    *((f"{verb} with the countersignature of every reviewer", (begin, act)) for verb, begin, act in CHANGES),
)(lambda world, change: world.build("district", change[1]._replace(listing=change[0](world)), cosigners=EVERYBODY))

attack_each(
    "R-INDEPENDENT",
    *((f"{verb} with the countersignature of the only lodging body", (begin, act)) for verb, begin, act in CHANGES),
)(lambda world, change: world.build("district", change[1]._replace(listing=change[0](world)), cosigners=("ombudsman",)))

lawful_each(
    "R-INDEPENDENT",
    *((f"{verb} with the countersignature of one reviewer of two", (begin, act)) for verb, begin, act in CHANGES),
)(lambda world, change: world.build("district", change[1]._replace(listing=change[0](world)), cosigners=("supreme",)))


@attack("R-INDEPENDENT", "use up the reviewers one by one, by two corrections")
def _(world: World) -> Entry:
    return world.build("district", listing_correct(corrected(world, "district", "supreme")), cosigners=("tribunal",))


@attack("R-INDEPENDENT", "use up the reviewers one by one, by a correction and a restoration")
def _(world: World) -> Entry:
    listing = corrected(world, "district", "supreme")
    world.append("district", listing_suspend(listing))
    return world.build("district", listing_restore(listing), cosigners=("tribunal",))


@attack("R-INDEPENDENT", "use up the reviewers one by one, by a restoration and a correction in another's name")
def _(world: World) -> Entry:
    listing = restored(world, "high", "tribunal")
    return world.build("high", listing_correct(listing), cosigners=("supreme:admin",))


@attack("R-INDEPENDENT", "move a listing in one entry to where only the body that countersigned it reviews", at=1)
def _(world: World) -> Entry:
    world.append("root", mandate_revoke("tribunal-defaulters-review"))
    world.append("root", mandate_grant("tribunal", "defaulters", "review", mandate="elsewhere", areas=("cn-11",)))
    correct = listing_correct(ActRef(None, 0), area="cn-44")
    return world.build("district", listing_add(area="cn-11"), correct, cosigners=("supreme",))


attack_each(
    "R-INDEPENDENT",
    *((f"{verb} as a new decider where nobody may lodge any more", (begin, act)) for verb, begin, act in CHANGES),
)(lambda world, change: _without_recourse(world, "high", *change))

lawful_each(
    "R-INDEPENDENT",
    *((f"{verb} as the lister where nobody may lodge any more", (begin, act)) for verb, begin, act in CHANGES),
)(lambda world, change: _without_recourse(world, "district", *change))


def _without_recourse(world: World, author: str, begin: Any, act: Any) -> Entry:
    listing = begin(world)
    no_recourse_left(world)
    return world.build(author, act._replace(listing=listing))


@lawful("R-INDEPENDENT", "restore as a new decider where appeals are for the listing's area only")
def _(world: World) -> Entry:
    listing = listed(world, area="cn-44")
    world.append("district", listing_suspend(listing))
    for mandate in ("ombudsman-defaulters-lodge", "tribunal-defaulters-review", "supreme-defaulters-review"):
        world.append("root", mandate_revoke(mandate))
    for body, power in (("ombudsman", "lodge"), ("tribunal", "review")):
        world.append("root", mandate_grant(body, "defaulters", power, mandate=f"{body}-here", areas=("cn-44",)))
    return world.build("high", listing_restore(listing))


@lawful("R-INDEPENDENT", "list with the countersignature of the own admin key, which makes nobody a co-decider")
def _(world: World) -> Entry:
    return world.build("district", listing_add(), cosigners=("district:admin",))


@lawful("R-INDEPENDENT", "correct again as a decider of before, where nobody may lodge any more")
def _(world: World) -> Entry:
    listing = corrected(world, "high")
    no_recourse_left(world)
    return world.build("high", listing_correct(listing), cosigners=("district:admin",))


@lawful("R-INDEPENDENT", "suspend as a new body where nobody may lodge any more")
def _(world: World) -> Entry:
    listing = listed(world)
    no_recourse_left(world)
    return world.build("high", listing_suspend(listing), cosigners=EVERYBODY)


@lawful("R-INDEPENDENT", "correct with everybody's countersignature on a list that needs no recourse")
def _(world: World) -> Entry:
    late = listing_add(list="watched", ground="late-filing", until="2027-03-02")
    listing = world.append("branch", late).ref()
    correct = listing_correct(listing, list="watched", until="2027-03-01")
    return world.build("regulator", correct, cosigners=("ombudsman", "supreme", "tribunal"))


# -- who has corrected or restored, does not hear the appeal -----------------------------------------------------------


@attack_each(
    "R-REVIEWER",
    ("review what one has countersigned the correction of", corrected),
    ("review what one has countersigned the restoration of", restored),
)
def _(world: World, change: Any) -> Entry:
    appeal = world.append("ombudsman", appeal_file(change(world, "district", "supreme"))).ref()
    return world.build("supreme", appeal_decide(appeal))


@lawful_each(
    "R-REVIEWER",
    ("review what another reviewer has countersigned the correction of", corrected),
    ("review what another reviewer has countersigned the restoration of", restored),
)
def _(world: World, change: Any) -> Entry:
    appeal = world.append("ombudsman", appeal_file(change(world, "district", "supreme"))).ref()
    return world.build("tribunal", appeal_decide(appeal))


@lawful("R-REVIEWER", "review what one has countersigned the suspension of")
def _(world: World) -> Entry:
    listing = listed(world)
    world.append("district", listing_suspend(listing), cosigners=("supreme",))
    appeal = world.append("ombudsman", appeal_file(listing)).ref()
    return world.build("supreme", appeal_decide(appeal))


@attack("R-REVIEWER", "review what one has countersigned a correction of, after the appeal was lodged")
def _(world: World) -> Entry:
    listing = listed(world)
    appeal = world.append("ombudsman", appeal_file(listing)).ref()
    world.append("district", listing_correct(listing), cosigners=("supreme:admin",))
    return world.build("supreme", appeal_decide(appeal))


def below_the_corrector(world: World, corrector: str) -> Entry:
    """`county`, below `high`, decides on what `district` has listed and somebody has corrected."""
    another_list(world, ("ombudsman",), ("county", "tribunal"))
    listing = listed(world, list="new")
    world.append(corrector, listing_correct(listing, list="new"))
    return world.build("county", appeal_decide(appeal_there(world, listing), list="new"))


attack("R-REVIEWER", "review below the body that has corrected")(lambda world: below_the_corrector(world, "high"))
lawful("R-REVIEWER", "review beside the body that has corrected")(lambda world: below_the_corrector(world, "district"))


def lodged_below_the_corrector(world: World, corrector: str) -> Entry:
    """`county`, below `high`, lodges against what `district` has listed and somebody has corrected."""
    another_list(world, ("county", "ombudsman"), ("tribunal",))
    listing = listed(world, list="new")
    world.append(corrector, listing_correct(listing, list="new"))
    return world.build("county", appeal_file(listing, list="new"))


attack("R-INDEPENDENT", "occupy the appeal below the body that has corrected")(
    lambda world: lodged_below_the_corrector(world, "high")
)
lawful("R-INDEPENDENT", "lodge an appeal beside the body that has corrected")(
    lambda world: lodged_below_the_corrector(world, "district")
)


@attack("R-INDEPENDENT", "occupy the appeal as a body that has countersigned a correction")
def _(world: World) -> Entry:
    another_list(world, ("ombudsman", "regulator"), ("tribunal",))
    listing = listed(world, list="new")
    world.append("district", listing_correct(listing, list="new"), cosigners=("regulator",))
    return world.build("regulator", appeal_file(listing, list="new"))


@lawful("R-INDEPENDENT", "lodge an appeal beside another lodging body's open one")
def _(world: World) -> Entry:
    another_list(world, ("ombudsman", "regulator"), ("tribunal",))
    listing = listed(world, list="new")
    appeal_there(world, listing)
    return world.build("regulator", appeal_file(listing, list="new"))


# -- heirs of a decider ------------------------------------------------------------------------------------------------


def inherited(world: World, lodger: str, heir: str, effective: str = DAY, cosigner: str | None = None) -> Entry:
    """Somebody lodges an appeal after the lister (or the cosigner) was closed in favour of an heir."""
    another_list(world, tuple(sorted({lodger, "ombudsman"})), ("tribunal",))
    cosigners = () if cosigner is None else (cosigner,)
    listing = world.append("district", listing_add(list="new"), cosigners=cosigners).ref()
    world.append("root", authority_close(cosigner or "district", effective=effective, successor=heir))
    return world.build(lodger, appeal_file(listing, list="new"))


@attack_each(
    "R-INDEPENDENT",
    ("lodge the appeal as the heir of the lister", ("regulator", "regulator")),
    ("lodge the appeal below the heir of the lister", ("branch", "regulator")),
    ("lodge the appeal above the heir of the lister", ("regulator", "branch")),
    ("lodge the appeal as the heir of a body that countersigned", ("regulator", "regulator", DAY, "county")),
)
def _(world: World, roles: Any) -> Entry:
    return inherited(world, *roles)


@lawful_each(
    "R-INDEPENDENT",
    ("lodge the appeal on the day before one inherits from the lister", ("regulator", "regulator", TOMORROW)),
    ("lodge the appeal though somebody else inherits from the lister", ("ombudsman", "regulator")),
    ("lodge the appeal beside the heir of the lister", ("archive", "regulator")),
)
def _(world: World, roles: Any) -> Entry:
    return inherited(world, *roles)


@attack("R-INDEPENDENT", "lodge the appeal as the heir of the lister's heir")
def _(world: World) -> Entry:
    another_list(world, ("ombudsman", "regulator"), ("tribunal",))
    listing = listed(world, list="new")
    world.append("root", authority_close("district", successor="county"))
    world.append("root", authority_close("county", successor="regulator"))
    return world.build("regulator", appeal_file(listing, list="new"))


@lawful("R-INDEPENDENT", "lodge the appeal as the heir of a body that has decided nothing here")
def _(world: World) -> Entry:
    listing = listed(world)
    world.append("root", authority_close("county", successor="ombudsman"))
    return world.build("ombudsman", appeal_file(listing))


def corrected_above_the_heir(world: World, heir: str) -> Entry:
    """`high` corrects a listing of `district`, which was closed in favour of an heir."""
    listing = listed(world)
    world.append("root", authority_close("district", successor=heir))
    return world.build("high", listing_correct(listing))


attack("R-INDEPENDENT", "correct what the only lodging body has inherited")(
    lambda world: corrected_above_the_heir(world, "ombudsman")
)
lawful("R-INDEPENDENT", "correct what another body has inherited")(
    lambda world: corrected_above_the_heir(world, "county")
)


def parent_passed_on(world: World, heir: str) -> Entry:
    """`district` is to decide on a list that demands the consent of its parent, which was closed for an heir."""
    define_list(world, consent="parent", reviewers=("tribunal",))
    world.append("root", authority_close("high", successor=heir))
    return world.build("root", mandate_grant("district", "new", "add"))


attack("R-INDEPENDENT", "let a body decide when the heir of its consenting parent alone lodges the appeals")(
    lambda world: parent_passed_on(world, "ombudsman")
)
lawful("R-INDEPENDENT", "let a body decide when the heir of its consenting parent has no part in appeals")(
    lambda world: parent_passed_on(world, "regulator")
)


@attack("R-CONSENT", "make the only reviewer the heir of the lister without its consent")
def _(world: World) -> Entry:
    return world.build("high:admin", authority_close("district", successor="tribunal"))


@lawful("R-CONSENT", "become the heir of one's own child, by one's own signature")
def _(world: World) -> Entry:
    return world.build("high:admin", authority_close("district", successor="high"))


@attack("R-CONSENT", "make the parent's parent the heir without its consent")
def _(world: World) -> Entry:
    return world.build("high:admin", authority_close("district", successor="supreme"))


@lawful("R-CONSENT", "make a newly registered child the heir with its consent")
def _(world: World) -> Entry:
    world.append("high:admin", authority_register("village", "high"))
    world.add_keys("village:admin", by="high:admin")
    return world.build("high:admin", authority_close("district", successor="village"), cosigners=("village:admin",))


# -- heirs that would bar the appeals ----------------------------------------------------------------------------------


def closed_in_favour_of(world: World, heir: str, lodger: str = "ombudsman", reviewer: str = "tribunal") -> Entry:
    """The parent of `district` closes it in favour of an heir that consents; one body lodges and one reviews."""
    another_list(world, (lodger,), (reviewer,))
    world.append("root", mandate_revoke("district-new-add"))
    cosigners = (f"{heir}:admin",)
    return world.build("high:admin", authority_close("district", successor=heir), cosigners=cosigners)


@attack_each(
    "R-INDEPENDENT",
    ("make the only lodging body the heir of a decider, with its consent", ("archive", "archive")),
    ("make the parent of the only lodging body the heir of a decider", ("regulator", "branch")),
    ("make a body below the only lodging body the heir of a decider", ("branch", "regulator")),
    ("make the only reviewer the heir of a decider, with its consent", ("archive", "ombudsman", "archive")),
    ("make the parent of the only reviewer the heir of a decider", ("regulator", "ombudsman", "branch")),
)
def _(world: World, roles: tuple[str, ...]) -> Entry:
    return closed_in_favour_of(world, *roles)


@lawful_each(
    "R-INDEPENDENT",
    ("make a body that has no part in appeals the heir of a decider", ("archive",)),
    ("make a body below a reviewer the heir of a decider", ("branch", "ombudsman", "regulator")),
)
def _(world: World, roles: tuple[str, ...]) -> Entry:
    return closed_in_favour_of(world, *roles)


@attack("R-INDEPENDENT", "make a lodging body the heir of a body that has decided on other lists only")
def _(world: World) -> Entry:
    another_list(world, ("regulator",), ("tribunal",))
    return world.build("high:admin", authority_close("county", successor="regulator"), cosigners=("regulator",))


@lawful("R-INDEPENDENT", "let the root keys make a lodging body the heir of a decider")
def _(world: World) -> Entry:
    return world.build("root", authority_close("district", successor="ombudsman"))


def puppet(world: World) -> None:
    """A body of the making of `high`, without any mandate; on a list `new` only `branch` lodges."""
    another_list(world, ("branch",), ("tribunal",))
    world.append("high:admin", authority_register("puppet", "high"))
    world.add_keys("puppet:admin", by="high:admin")


@attack("R-INDEPENDENT", "bar the appeals by way of a puppet that inherits from the lister and passes it on")
def _(world: World) -> Entry:
    puppet(world)
    listed(world, list="new")
    world.append("high:admin", authority_close("district", successor="puppet"), cosigners=("puppet:admin",))
    return world.build("high:admin", authority_close("puppet", successor="regulator"), cosigners=("regulator:admin",))


@attack("R-INDEPENDENT", "bar the appeals by the heir of a puppet that has countersigned the listing")
def _(world: World) -> Entry:
    puppet(world)
    world.append("district", listing_add(list="new"), cosigners=("puppet:admin",))
    return world.build("high:admin", authority_close("puppet", successor="regulator"), cosigners=("regulator:admin",))


@attack("R-SELF", "name a successor whose own successor is the body that closes, so that nobody is ever either of them")
def _(world: World) -> Entry:
    world.append("root", authority_close("branch", successor="archive", effective=TOMORROW))
    return world.build("root", authority_close("archive", successor="branch", effective=TOMORROW))
