"""Attacks that list again what was quashed on appeal."""

from __future__ import annotations

from typing import Any

from creditledger.acts.kinds import ActRef
from creditledger.record.entry import Entry
from support.attacks.table import attack, attack_each, lawful, lawful_each
from support.courts import decided, listed, taken_over
from support.drafts import (
    OTHER_FIRM,
    appeal_decide,
    appeal_file,
    appeal_withdraw,
    listing_add,
    listing_annul,
    listing_remove,
    opening_balance,
)
from support.world import DAY, World, days_after

CASE, OTHER_CASE = bytes(16), bytes(15) + b"\x01"
LATER = days_after(DAY, 30)
OVER = "2028-03-02"
QUASHED = ("quash_ex_nunc", "quash_ex_tunc")


def quashed(world: World, outcome: str = "quash_ex_nunc", **changes: Any) -> ActRef:
    """A listing of a firm that the tribunal has quashed."""
    listing = listed(world, **changes)
    decided(world, listing, outcome)
    return listing


def again(world: World, day: str, **changes: Any) -> Entry:
    """The same listing once more, on a later day."""
    world.day = day
    return world.build("district", listing_add(decided=day, effective=day)._replace(**changes))


attack_each(
    "R-DUPLICATE",
    *((f"list again in the same case after {outcome}", (outcome, CASE)) for outcome in QUASHED),
    *((f"list again without a case after {outcome}", (outcome, None)) for outcome in QUASHED),
)(lambda world, how: again(world, LATER, case=_case_of(quashed(world, how[0], case=how[1]), how[1])))

lawful_each(
    "R-DUPLICATE",
    *((f"list again in a case of its own after {outcome}", (outcome, CASE, OTHER_CASE)) for outcome in QUASHED),
    ("list again in a case of its own what was quashed without one", ("quash_ex_tunc", None, CASE)),
    ("list again without a case what was quashed in one", ("quash_ex_tunc", CASE, None)),
)(lambda world, how: again(world, LATER, case=_case_of(quashed(world, how[0], case=how[1]), how[2])))


def _case_of(_listing: ActRef, case: bytes | None) -> bytes | None:
    return case


@attack("R-DUPLICATE", "list again in the same case when the quashed listing would have run out")
def _(world: World) -> Entry:
    quashed(world)
    return again(world, days_after(OVER, 400), until="2030-03-02")


@attack("R-DUPLICATE", "let another court list again in the same case what was quashed")
def _(world: World) -> Entry:
    quashed(world)
    world.day = LATER
    return world.build("high", listing_add(decided=LATER, effective=LATER))


@attack("R-DUPLICATE", "annul what was quashed, and list it again in the same case", at=1)
def _(world: World) -> Entry:
    listing = quashed(world)
    world.day = LATER
    return world.build("district", listing_annul(listing), listing_add(decided=LATER, effective=LATER))


@attack("R-DUPLICATE", "list again in the same case what was quashed after the authority had annulled it itself")
def _(world: World) -> Entry:
    listing = listed(world)
    appeal = world.append("ombudsman", appeal_file(listing)).ref()
    world.append("district", listing_annul(listing))
    world.append("tribunal", appeal_decide(appeal, "quash_ex_tunc"))
    return again(world, LATER)


@attack("R-DUPLICATE", "list again in the same case what was quashed after it had been removed")
def _(world: World) -> Entry:
    listing = listed(world)
    world.append("district", listing_remove(listing))
    decided(world, listing, "quash_ex_nunc")
    return again(world, LATER)


@attack("R-DUPLICATE", "list again in the same case for after a quashing that lies ahead")
def _(world: World) -> Entry:
    decided(world, listed(world), "quash_ex_nunc", effective=LATER)
    return world.build("district", listing_add(effective=LATER))


@attack("R-DUPLICATE", "list again in the same case what the second of two appeals has quashed")
def _(world: World) -> Entry:
    listing = listed(world)
    decided(world, listing, "uphold")
    decided(world, listing, "quash_ex_nunc")
    return again(world, LATER)


@attack("R-DUPLICATE", "list again in the same case what the first of two appeals has quashed")
def _(world: World) -> Entry:
    listing = listed(world)
    decided(world, listing, "quash_ex_nunc")
    decided(world, listing, "uphold")
    return again(world, LATER)


@attack("R-DUPLICATE", "take over again in the same case what was quashed")
def _(world: World) -> Entry:
    listing = taken_over(world, effective="2024-06-01", until="2025-06-01")
    appeal = world.append("ombudsman", appeal_file(listing, list="legacy")).ref()
    world.append("tribunal", appeal_decide(appeal, "quash_ex_tunc", list="legacy"))
    return world.build("district", opening_balance())


@attack("R-DUPLICATE", "list again in the same case on the day to which an appeal has shortened the term")
def _(world: World) -> Entry:
    decided(world, listed(world), "vary", until=LATER)
    return again(world, LATER)


@attack_each(
    "R-DUPLICATE",
    ("annul and list again in the same case while the appeal is open", listing_annul()),
    ("remove and list again in the same case while the appeal is open", listing_remove()),
    at=1,
)
def _(world: World, end: Any) -> Entry:
    listing = listed(world)
    world.append("ombudsman", appeal_file(listing))
    return world.build("district", end._replace(listing=listing), listing_add())


@attack("R-DUPLICATE", "list again in the same case what has run out while the appeal is open")
def _(world: World) -> Entry:
    world.append("ombudsman", appeal_file(listed(world)))
    return again(world, OVER, until="2030-03-02")


@attack("R-DUPLICATE", "take over again in the same case what has run out while the appeal is open")
def _(world: World) -> Entry:
    listing = taken_over(world, effective="2024-06-01", until="2025-06-01")
    world.append("ombudsman", appeal_file(listing, list="legacy"))
    return world.build("district", opening_balance())


@attack("R-DUPLICATE", "list again in the same case while the second of two appeals is open")
def _(world: World) -> Entry:
    listing = listed(world)
    decided(world, listing, "uphold")
    world.append("ombudsman", appeal_file(listing))
    return again(world, OVER, until="2030-03-02")


@lawful("R-DUPLICATE", "list in another case while the appeal is open")
def _(world: World) -> Entry:
    world.append("ombudsman", appeal_file(listed(world)))
    return again(world, LATER, case=CASE)


@lawful("R-DUPLICATE", "take over again in the same case what has run out")
def _(world: World) -> Entry:
    taken_over(world, effective="2024-06-01", until="2025-06-01")
    return world.build("district", opening_balance())


@lawful("R-DUPLICATE", "list another firm without a case after a quashing")
def _(world: World) -> Entry:
    quashed(world)
    return again(world, LATER, subject=OTHER_FIRM)


@lawful_each(
    "R-DUPLICATE",
    *((f"list again in the same case what has run out after {one}", one) for one in ("remit", "uphold")),
)
def _(world: World, outcome: str) -> Entry:
    decided(world, listed(world), outcome)
    return again(world, OVER, until="2030-03-02")


@lawful("R-DUPLICATE", "list again in the same case what has run out after an appeal that was withdrawn")
def _(world: World) -> Entry:
    appeal = world.append("ombudsman", appeal_file(listed(world))).ref()
    world.append("ombudsman", appeal_withdraw(appeal))
    return again(world, OVER, until="2030-03-02")


@lawful("R-DUPLICATE", "list again in the same case what the authority has annulled itself")
def _(world: World) -> Entry:
    listing = listed(world)
    return world.build("district", listing_annul(listing), listing_add())


@lawful("R-DUPLICATE", "list again in the same case what the authority has removed itself")
def _(world: World) -> Entry:
    listing = listed(world)
    return world.build("district", listing_remove(listing), listing_add())


@lawful("R-DUPLICATE", "list again in the same case on the day on which the term runs out")
def _(world: World) -> Entry:
    listed(world)
    return again(world, OVER, until="2030-03-02")
