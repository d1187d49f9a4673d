"""Attacks on the independence of those who lodge and review, and on the erasure of content."""

from __future__ import annotations

from typing import Any

from creditledger.acts.kinds import ActRef
from creditledger.record.entry import Entry
from support.attacks.table import attack, attack_each
from support.courts import HIGH_COURT, appealed, listed
from support.drafts import (
    FIRM,
    PERSON,
    appeal_decide,
    appeal_file,
    appeal_withdraw,
    authority_close,
    authority_register,
    content,
    content_erase,
    list_define,
    list_open,
    listing_add,
    listing_correct,
    mandate_grant,
    mandate_revoke,
    opening_balance,
    uscc,
)
from support.world import DAY, World, days_after

RECOURSE = ("lodge", "review")
YESTERDAY = days_after(DAY, -1)
TOMORROW = days_after(DAY, 1)


# -- R-INDEPENDENT, R-MANDATE-AREA -------------------------------------------------------------------------------------


def another_list(world: World, **powers: tuple[str, str]) -> None:
    """Opens a list `new` on which each body named holds a power, in an area (an empty one: everywhere)."""
    bodies = {power: tuple(sorted(who for who, (held, _) in powers.items() if held == power)) for power in RECOURSE}
    world.append("root", list_define("new", lodgers=bodies["lodge"], reviewers=bodies["review"]))
    for who, (power, area) in powers.items():
        world.append("root", mandate_grant(who, "new", power, areas=(area,) if area else ()))
    world.append("root", list_open("new"))


def appealed_there(world: World, lister: str = "district") -> ActRef:
    listing = world.append(lister, listing_add(list="new", area="cn-44")).ref()
    return world.append("ombudsman", appeal_file(listing, list="new")).ref()


@attack("R-INDEPENDENT", "occupy the appeal by a body below the lister")
def _(world: World) -> Entry:
    another_list(world, high=("add", ""), county=("lodge", ""), ombudsman=("lodge", ""), tribunal=("review", ""))
    listing = world.append("high", listing_add(list="new")).ref()
    return world.build("county", appeal_file(listing, list="new"))


@attack("R-INDEPENDENT", "occupy the appeal by a body above the lister")
def _(world: World) -> Entry:
    another_list(world, district=("add", ""), supreme=("lodge", ""), ombudsman=("lodge", ""), tribunal=("review", ""))
    listing = world.append("district", listing_add(list="new")).ref()
    return world.build("supreme", appeal_file(listing, list="new"))


@attack("R-INDEPENDENT", "occupy the appeal by a body that countersigned the listing")
def _(world: World) -> Entry:
    another_list(world, district=("add", ""), regulator=("lodge", ""), ombudsman=("lodge", ""), tribunal=("review", ""))
    listing = world.append("district", listing_add(list="new"), cosigners=("regulator",)).ref()
    return world.build("regulator", appeal_file(listing, list="new"))


@attack("R-MANDATE-AREA", "lodge an appeal in another area")
def _(world: World) -> Entry:
    another_list(
        world, district=("add", ""), ombudsman=("lodge", ""), regulator=("lodge", "cn-45"), tribunal=("review", "")
    )
    listing = world.append("district", listing_add(list="new", area="cn-44")).ref()
    return world.build("regulator", appeal_file(listing, list="new"))


@attack("R-MANDATE-AREA", "decide an appeal of another area")
def _(world: World) -> Entry:
    another_list(
        world, district=("add", ""), ombudsman=("lodge", ""), regulator=("review", "cn-45"), tribunal=("review", "")
    )
    return world.build("regulator", appeal_decide(appealed_there(world), list="new"))


@attack("R-MANDATE-AREA", "erase what belongs to another area")
def _(world: World) -> Entry:
    world.append("root", mandate_grant("archive", "defaulters", "erase", areas=("cn-45",)))
    listed(world, area="cn-44", content=(content(1),))
    return world.build("archive", content_erase(content(1).digest))


@attack("R-INDEPENDENT", "list in an area where nobody may decide appeals")
def _(world: World) -> Entry:
    another_list(world, district=("add", ""), ombudsman=("lodge", ""), tribunal=("review", "cn-45"))
    return world.build("district", listing_add(list="new", area="cn-44"))


@attack("R-INDEPENDENT", "take over a listing before anybody may lodge appeals")
def _(world: World) -> Entry:
    world.append("root", list_define("new"), mandate_grant("district", "new", "add"))
    return world.build("district", opening_balance(list="new"))


# -- R-LISTER, R-SELF --------------------------------------------------------------------------------------------------


@attack("R-LISTER", "withdraw an appeal that another body lodged")
def _(world: World) -> Entry:
    world.append("root", authority_register("advocate"), list_define("new", lodgers=("advocate", "ombudsman")))
    for body, power in (("advocate", "lodge"), ("ombudsman", "lodge"), ("tribunal", "review"), ("district", "add")):
        world.append("root", mandate_grant(body, "new", power))
    world.append("root", list_open("new"))
    world.add_keys("advocate")
    appeal = world.append("ombudsman", appeal_file(listed(world, list="new"), list="new")).ref()
    return world.build("advocate", appeal_withdraw(appeal, list="new"))


@attack("R-SELF", "decide an appeal about oneself")
def _(world: World) -> Entry:
    world.append("root", authority_register("panel", identity=FIRM), list_define("new", reviewers=("panel",)))
    for body, power in (("ombudsman", "lodge"), ("panel", "review"), ("district", "add")):
        world.append("root", mandate_grant(body, "new", power))
    world.append("root", list_open("new"))
    world.add_keys("panel")
    appeal = world.append("ombudsman", appeal_file(listed(world, list="new"), list="new")).ref()
    return world.build("panel", appeal_decide(appeal, "quash_ex_tunc", list="new"))


@attack("R-SELF", "erase content about oneself")
def _(world: World) -> Entry:
    world.append("root", mandate_grant("high", "defaulters", "erase"))
    return world.build("high", content_erase(content(1).digest, subject=HIGH_COURT))


# -- R-REVIEWER --------------------------------------------------------------------------------------------------------


def reviewed_by(world: World, reviewer: str, lodgers: tuple[str, ...] = ("ombudsman",), **changes: Any) -> None:
    """Opens a list `new` on which `reviewer` may review beside the tribunal, and `high` and `district` list."""
    reviewers = tuple(sorted({reviewer, "tribunal"}))
    world.append("root", list_define("new", lodgers=lodgers, reviewers=reviewers, **changes))
    for body, power in (*((one, "lodge") for one in lodgers), *((one, "review") for one in reviewers)):
        world.append("root", mandate_grant(body, "new", power))
    world.append("root", mandate_grant("district", "new", "add"), list_open("new"))


@attack("R-REVIEWER", "review one's superior's listing")
def _(world: World) -> Entry:
    reviewed_by(world, "county")
    world.append("root", mandate_grant("high", "new", "add"))
    listing = world.append("high", listing_add(list="new")).ref()
    appeal = world.append("ombudsman", appeal_file(listing, list="new")).ref()
    return world.build("county", appeal_decide(appeal, list="new"))


@attack("R-REVIEWER", "review as the parent that gave its consent")
def _(world: World) -> Entry:
    reviewed_by(world, "high", consent="parent")
    listing = world.append("district", listing_add(list="new"), cosigners=("high",)).ref()
    appeal = world.append("ombudsman", appeal_file(listing, list="new")).ref()
    return world.build("high", appeal_decide(appeal, list="new"))


@attack("R-REVIEWER", "review below the parent that gave its consent")
def _(world: World) -> Entry:
    reviewed_by(world, "county", consent="parent")
    listing = world.append("district", listing_add(list="new"), cosigners=("high",)).ref()
    appeal = world.append("ombudsman", appeal_file(listing, list="new")).ref()
    return world.build("county", appeal_decide(appeal, list="new"))


@attack("R-REVIEWER", "review a listing that one countersigned with an admin key")
def _(world: World) -> Entry:
    listing = world.append("district", listing_add(), cosigners=("supreme:admin",)).ref()
    appeal = world.append("ombudsman", appeal_file(listing)).ref()
    return world.build("supreme", appeal_decide(appeal))


@attack("R-REVIEWER", "review below the body that lodged the appeal")
def _(world: World) -> Entry:
    reviewed_by(world, "branch", lodgers=("regulator",))
    listing = world.append("district", listing_add(list="new")).ref()
    appeal = world.append("regulator", appeal_file(listing, list="new")).ref()
    return world.build("branch", appeal_decide(appeal, list="new"))


@attack("R-REVIEWER", "review two steps below the lister")
def _(world: World) -> Entry:
    world.append("root", authority_register("panel", "county"))
    world.add_keys("panel")
    reviewed_by(world, "panel")
    world.append("root", mandate_grant("high", "new", "add"))
    listing = world.append("high", listing_add(list="new")).ref()
    appeal = world.append("ombudsman", appeal_file(listing, list="new")).ref()
    return world.build("panel", appeal_decide(appeal, list="new"))


@attack("R-REVIEWER", "review as the heir of the lister")
def _(world: World) -> Entry:
    appeal = appealed(world)
    world.append("root", authority_close("district", successor="tribunal"))
    return world.build("tribunal", appeal_decide(appeal))


@attack("R-REVIEWER", "review below the heir of the lister")
def _(world: World) -> Entry:
    reviewed_by(world, "branch")
    listing = world.append("district", listing_add(list="new")).ref()
    appeal = world.append("ombudsman", appeal_file(listing, list="new")).ref()
    world.append("root", authority_close("district", successor="regulator"))
    return world.build("branch", appeal_decide(appeal, list="new"))


# -- R-ERASE -----------------------------------------------------------------------------------------------------------


@attack("R-ERASE", "erase what was never committed to")
def _(world: World) -> Entry:
    listed(world, content=(content(1),))
    return world.build("district", content_erase(content(2).digest))


@attack("R-ERASE", "erase another subject's content")
def _(world: World) -> Entry:
    listed(world, content=(content(1),))
    return world.build("district", content_erase(content(1).digest, subject=PERSON))


@attack("R-ERASE", "erase twice")
def _(world: World) -> Entry:
    listed(world, content=(content(1),))
    world.append("district", content_erase(content(1).digest))
    return world.build("district", content_erase(content(1).digest))


@attack("R-ERASE", "erase one thing that is there and one that is not")
def _(world: World) -> Entry:
    listed(world, content=(content(1),))
    return world.build("district", content_erase(content(1).digest, content(2).digest))


@attack_each(
    "R-ERASE",
    ("commit again to what was erased, by a listing", listing_add(case=bytes(16), content=(content(1),))),
    ("commit again to what was erased, by a correction", listing_correct(content=(content(1),))),
)
def _(world: World, act: Any) -> Entry:
    listing = listed(world, content=(content(1),))
    world.append("district", content_erase(content(1).digest))
    return world.build("district", act._replace(listing=listing) if "listing" in act._fields else act)


@attack("R-ERASE", "commit again to what was erased, by an appeal")
def _(world: World) -> Entry:
    listing = listed(world, content=(content(1),))
    world.append("district", content_erase(content(1).digest))
    return world.build("ombudsman", appeal_file(listing, content=(content(1),)))


@attack("R-ERASE", "commit again to what was erased, by a decision")
def _(world: World) -> Entry:
    listing = listed(world, content=(content(1),))
    world.append("district", content_erase(content(1).digest))
    appeal = world.append("ombudsman", appeal_file(listing)).ref()
    return world.build("tribunal", appeal_decide(appeal, content=(content(1),)))


@attack("R-ERASE", "erase what an open appeal rests on")
def _(world: World) -> Entry:
    world.append("ombudsman", appeal_file(listed(world), content=(content(1),)))
    return world.build("district", content_erase(content(1).digest))


@attack("R-CONSENT", "make the reviewer the heir of a party, so that nobody may decide")
def _(world: World) -> Entry:
    world.append("root", authority_register("puppet", parent="high"))
    world.add_keys("puppet")
    return world.build("high:admin", authority_close("puppet", successor="tribunal"))


@attack("R-INDEPENDENT", "correct a listing into an area where nobody may appeal for it")
def _(world: World) -> Entry:
    for mandate in ("ombudsman-defaulters-lodge", "tribunal-defaulters-review", "supreme-defaulters-review"):
        world.append("root", mandate_revoke(mandate))
    for body, power in (("ombudsman", "lodge"), ("tribunal", "review")):
        act = mandate_grant(body, "defaulters", power, mandate=f"{body}-here", areas=("cn-11",))
        world.append("root", act)
    listing = listed(world, area="cn-11")
    return world.build("district", listing_correct(listing, area="cn-99"))


@attack("R-ERASE", "erase what a later act of the entry commits to")
def _(world: World) -> Entry:
    subject = uscc(3)
    add = listing_add(subject, content=(content(1),))
    return world.build("district", content_erase(content(1).digest, subject=subject), add)
