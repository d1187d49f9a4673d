"""Attacks by those who change listings: on references, on who may do it, on the steps that are legal."""

from __future__ import annotations

from typing import Any

from creditledger.acts.kinds import ActRef
from creditledger.record.entry import Entry
from support.attacks.table import attack, attack_each
from support.courts import listed
from support.drafts import (
    NO_REF,
    OTHER_FIRM,
    appeal_decide,
    appeal_file,
    authority_close,
    authority_register,
    listing_add,
    listing_annul,
    listing_correct,
    listing_remove,
    listing_restore,
    listing_suspend,
    mandate_grant,
)
from support.world import DAY, World, days_after

YESTERDAY = days_after(DAY, -1)
TOMORROW = days_after(DAY, 1)
UNTIL = "2028-03-02"


# -- R-REFERENCE -------------------------------------------------------------------------------------------------------

attack_each(
    "R-REFERENCE",
    ("correct nothing", listing_correct(NO_REF)),
    ("remove nothing", listing_remove(NO_REF)),
    ("annul nothing", listing_annul(NO_REF)),
)(lambda world, act: world.build("district", act))


@attack("R-REFERENCE", "remove another subject's listing")
def _(world: World) -> Entry:
    return world.build("district", listing_remove(listed(world), OTHER_FIRM))


@attack("R-REFERENCE", "remove the subject's listing on another list")
def _(world: World) -> Entry:
    return world.build("high", listing_remove(listed(world), list="county-defaulters"))


@attack("R-REFERENCE", "refer to another act of the entry that listed")
def _(world: World) -> Entry:
    receipt = world.append("district", listing_add(), listing_add(OTHER_FIRM))
    return world.build("district", listing_remove(receipt.ref(1)))


@attack("R-REFERENCE", "remove what a later act of the same entry lists")
def _(world: World) -> Entry:
    return world.build("district", listing_remove(ActRef(None, 1)), listing_add())


@attack("R-REFERENCE", "refer to oneself")
def _(world: World) -> Entry:
    return world.build("district", listing_remove(ActRef(None, 0)))


@attack("R-REFERENCE", "remove in the same entry what was listed for another subject", at=1)
def _(world: World) -> Entry:
    return world.build("district", listing_add(), listing_remove(ActRef(None, 0), OTHER_FIRM))


@attack("R-REFERENCE", "suspend on an appeal against another listing")
def _(world: World) -> Entry:
    other = listed(world, case=bytes(16))
    appeal = world.append("ombudsman", appeal_file(other)).ref()
    return world.build("district", listing_suspend(listed(world), appeal=appeal))


@attack("R-REFERENCE", "suspend on a listing instead of an appeal")
def _(world: World) -> Entry:
    listing = listed(world)
    return world.build("district", listing_suspend(listing, appeal=listing))


# -- R-LISTER ----------------------------------------------------------------------------------------------------------


def empower(world: World, body: str) -> None:
    world.append("root", mandate_grant(body, "defaulters", "annul", "correct", "remove", "suspend"))


@attack_each(
    "R-LISTER",
    ("let a sibling correct a listing", listing_correct()),
    ("let a sibling suspend a listing", listing_suspend()),
    ("let a sibling remove a listing", listing_remove()),
    ("let a sibling annul a listing", listing_annul()),
)
def _(world: World, act: Any) -> Entry:
    empower(world, "county")
    return world.build("county", act._replace(listing=listed(world)))


@attack("R-LISTER", "let a child change its parent's listing")
def _(world: World) -> Entry:
    listing = world.append("high", listing_add()).ref()
    return world.build("district", listing_remove(listing))


@attack("R-LISTER", "let the successor act on the day before the closing")
def _(world: World) -> Entry:
    empower(world, "regulator")
    listing = listed(world)
    world.append("root", authority_close("district", effective=TOMORROW, successor="regulator"))
    return world.build("regulator", listing_remove(listing))


@attack("R-LISTER", "let somebody else than the named successor act")
def _(world: World) -> Entry:
    empower(world, "regulator")
    listing = listed(world)
    world.append("root", authority_close("district", successor="county"))
    return world.build("regulator", listing_remove(listing))


@attack("R-LISTER", "let a body below the successor act")
def _(world: World) -> Entry:
    empower(world, "branch")
    listing = listed(world)
    world.append("root", authority_close("district", successor="regulator"))
    return world.build("branch", listing_remove(listing))


@attack("R-LISTER", "let a body registered under the lister act")
def _(world: World) -> Entry:
    world.append("root", authority_register("village", "district"))
    empower(world, "village")
    world.add_keys("village")
    return world.build("village", listing_remove(listed(world)))


# -- R-TRANSITION ------------------------------------------------------------------------------------------------------


@attack_each(
    "R-TRANSITION",
    ("correct a removed listing", listing_correct()),
    ("suspend a removed listing", listing_suspend()),
    ("restore a removed listing", listing_restore()),
    ("remove a listing twice", listing_remove()),
)
def _(world: World, act: Any) -> Entry:
    listing = listed(world)
    world.append("district", listing_remove(listing))
    return world.build("district", act._replace(listing=listing))


@attack_each(
    "R-TRANSITION",
    ("correct an annulled listing", listing_correct()),
    ("remove an annulled listing", listing_remove()),
    ("annul a listing twice", listing_annul()),
    at=1,
)
def _(world: World, act: Any) -> Entry:
    listing = listed(world)
    return world.build("district", listing_annul(listing), act._replace(listing=listing))


@attack("R-TRANSITION", "remove a listing that an appeal has quashed")
def _(world: World) -> Entry:
    listing = listed(world)
    appeal = world.append("ombudsman", appeal_file(listing)).ref()
    world.append("tribunal", appeal_decide(appeal, "quash_ex_nunc"))
    return world.build("district", listing_remove(listing))


@attack("R-TRANSITION", "restore a suspended listing that was removed")
def _(world: World) -> Entry:
    listing = listed(world)
    world.append("district", listing_suspend(listing), listing_remove(listing))
    return world.build("district", listing_restore(listing))


@attack("R-TRANSITION", "backdate a removal that has taken effect")
def _(world: World) -> Entry:
    listing = listed(world)
    world.day = days_after(DAY, 30)
    world.append("district", listing_remove(listing, effective=days_after(DAY, 20)))
    return world.build("district", listing_remove(listing, effective=days_after(DAY, 10)))


@attack("R-TRANSITION", "give a removal that lies ahead another reason")
def _(world: World) -> Entry:
    listing = listed(world)
    world.append("district", listing_remove(listing, effective=days_after(DAY, 10)))
    return world.build("district", listing_remove(listing, reason="repaired", effective=days_after(DAY, 10)))


@attack("R-TRANSITION", "postpone a removal that lies ahead")
def _(world: World) -> Entry:
    listing = listed(world)
    world.append("district", listing_remove(listing, effective=days_after(DAY, 10)))
    return world.build("district", listing_remove(listing, effective=days_after(DAY, 11)))


@attack("R-TRANSITION", "turn an annulment that lies ahead into a removal")
def _(world: World) -> Entry:
    listing = listed(world)
    appeal = world.append("ombudsman", appeal_file(listing)).ref()
    world.append("tribunal", appeal_decide(appeal, "quash_ex_tunc", effective="2026-05-12"))
    return world.build("district", listing_remove(listing))


@attack("R-TRANSITION", "suspend what is suspended")
def _(world: World) -> Entry:
    listing = listed(world)
    world.append("district", listing_suspend(listing))
    return world.build("district", listing_suspend(listing))


@attack("R-TRANSITION", "postpone a suspension by suspending again")
def _(world: World) -> Entry:
    listing = listed(world)
    world.append("district", listing_suspend(listing, effective=TOMORROW))
    return world.build("district", listing_suspend(listing, effective="2027-01-01"))


@attack("R-TRANSITION", "restore what is not suspended")
def _(world: World) -> Entry:
    return world.build("district", listing_restore(listed(world)))


@attack("R-TRANSITION", "restore twice, to move the day")
def _(world: World) -> Entry:
    listing = listed(world)
    world.append("district", listing_suspend(listing))
    world.append("district", listing_restore(listing, effective=days_after(DAY, 10)))
    return world.build("district", listing_restore(listing))


# -- R-EXTENDS ---------------------------------------------------------------------------------------------------------

attack_each(
    "R-EXTENDS",
    ("lengthen a listing by a correction", {"until": "2028-03-03"}),
    ("drop the end by a correction", {"until": None}),
    ("begin a day earlier by a correction", {"effective": YESTERDAY}),
    ("shift a listing into the future by a correction", {"effective": TOMORROW, "until": "2028-03-03"}),
)(lambda world, changes: world.build("district", listing_correct(listed(world), **changes)))


@attack("R-EXTENDS", "lengthen in two steps: shorten, then back again")
def _(world: World) -> Entry:
    listing = listed(world)
    world.append("district", listing_correct(listing, until="2027-03-02"))
    return world.build("district", listing_correct(listing))


@attack("R-EXTENDS", "shorten and lengthen in one entry", at=1)
def _(world: World) -> Entry:
    listing = listed(world)
    return world.build("district", listing_correct(listing, until="2027-03-02"), listing_correct(listing))


@attack("R-EXTENDS", "undo by correction what an appeal has varied")
def _(world: World) -> Entry:
    listing = listed(world)
    appeal = world.append("ombudsman", appeal_file(listing)).ref()
    world.append("tribunal", appeal_decide(appeal, "vary", until="2026-06-01"))
    return world.build("district", listing_correct(listing))
