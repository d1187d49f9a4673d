"""Attacks by those who list: on grounds, consent, dates, terms, duplicates and sources."""

from __future__ import annotations

from typing import Any

from creditledger.acts.kinds import ActRef
from creditledger.record.entry import Entry
from support.attacks.table import attack, attack_each
from support.courts import listed, taken_over
from support.drafts import (
    FIRM,
    NO_REF,
    PERSON,
    appeal_decide,
    appeal_file,
    list_close,
    list_define,
    list_open,
    listing_add,
    listing_annul,
    listing_correct,
    listing_remove,
    listing_restore,
    listing_suspend,
    mandate_grant,
    opening_balance,
    source_cite,
    uscc,
)
from support.world import DAY, World, days_after

YESTERDAY = days_after(DAY, -1)
TOMORROW = days_after(DAY, 1)
UNTIL = "2028-03-02"


# -- R-SCHEME, R-GROUND, R-MEASURE -------------------------------------------------------------------------------------


@attack("R-SCHEME", "take over a listing of a person on a list of firms")
def _(world: World) -> Entry:
    world.append("root", list_define("new", schemes=("lei",)), mandate_grant("district", "new", "add"))
    return world.build("district", opening_balance(FIRM, list="new"))


attack_each(
    "R-GROUND",
    ("list on a ground of another list", "late-filing"),
    ("list on a ground that is not registered", "dislike"),
)(lambda world, ground: world.build("district", listing_add(ground=ground)))
attack_each(
    "R-MEASURE",
    ("impose a measure of another list", ("closer-audits",)),
    ("impose a measure that is not registered", ("exile", "no-flights")),
)(lambda world, measures: world.build("district", listing_add(measures=measures)))

attack("R-GROUND", "take over a listing on a ground of another list")(
    lambda world: world.build("district", opening_balance(ground="late-filing"))
)
attack("R-MEASURE", "impose a measure on a transcript")(
    lambda world: world.build("archive", listing_add(list="foreign", measures=("no-flights",)))
)

# -- R-CONSENT ---------------------------------------------------------------------------------------------------------

attack_each(
    "R-CONSENT",
    ("list without the parent's consent", ()),
    ("list with the consent of the grandparent", ("supreme",)),
    ("list with the consent of a sibling", ("district",)),
    ("list with the consent of the parent's admin key", ("high:admin",)),
)(
    lambda world, cosigners: world.build(
        "county", listing_add(list="county-defaulters", area="cn-44"), cosigners=cosigners
    )
)


@attack("R-CONSENT", "list as a body that has no parent")
def _(world: World) -> Entry:
    world.append("root", mandate_grant("regulator", "county-defaulters", "add"))
    return world.build("regulator", listing_add(list="county-defaulters"), cosigners=("high",))


# -- R-DATES -----------------------------------------------------------------------------------------------------------

attack_each(
    "R-DATES",
    ("decide tomorrow", {"decided": TOMORROW, "effective": TOMORROW}),
    ("take effect before the decision", {"effective": YESTERDAY, "until": "2027-03-02"}),
    ("end on the day it begins", {"until": DAY}),
    ("end before it begins", {"effective": TOMORROW, "until": DAY}),
    ("end on the day it begins, without a fixed term", {"ground": "refuses-to-obey", "until": DAY}),
)(lambda world, changes: world.build("district", listing_add(**changes)))

attack_each(
    "R-DATES",
    ("take over a listing of tomorrow", {"effective": TOMORROW}),
    ("take over a listing that ended as it began", {"until": "2025-06-01"}),
)(lambda world, changes: world.build("district", opening_balance(**changes)))

attack_each(
    "R-DATES",
    ("correct by a decision of tomorrow", listing_correct(decided=TOMORROW)),
    ("drop the day of beginning by a correction", listing_correct(effective=None)),
    ("correct a listing into one that never begins", listing_correct(effective=UNTIL)),
    ("suspend by a decision of tomorrow", listing_suspend(decided=TOMORROW)),
    ("suspend before the listing begins", listing_suspend(effective=YESTERDAY)),
    ("remove by a decision of tomorrow", listing_remove(decided=TOMORROW)),
    ("remove before the listing begins", listing_remove(effective=YESTERDAY)),
    ("annul by a decision of tomorrow", listing_annul(decided=TOMORROW)),
)(lambda world, act: world.build("district", act._replace(listing=listed(world))))


@attack("R-DATES", "restore before the suspension begins")
def _(world: World) -> Entry:
    listing = listed(world)
    world.append("district", listing_suspend(listing, effective=TOMORROW))
    return world.build("district", listing_restore(listing))


@attack("R-DATES", "restore before it is decided")
def _(world: World) -> Entry:
    listing = listed(world)
    world.append("district", listing_suspend(listing))
    world.day = days_after(DAY, 5)
    return world.build("district", listing_restore(listing, decided=days_after(DAY, 4), effective=days_after(DAY, 3)))


@attack("R-DATES", "restore by a decision of tomorrow")
def _(world: World) -> Entry:
    listing = listed(world)
    world.append("district", listing_suspend(listing))
    return world.build("district", listing_restore(listing, decided=TOMORROW, effective=TOMORROW))


@attack("R-DATES", "suspend within an earlier suspension")
def _(world: World) -> Entry:
    listing = listed(world)
    world.append("district", listing_suspend(listing))
    world.append("district", listing_restore(listing, effective=days_after(DAY, 10)))
    return world.build("district", listing_suspend(listing, effective=days_after(DAY, 9)))


@attack("R-DATES", "close a list before it opened")
def _(world: World) -> Entry:
    return world.build("root", list_close("defaulters", effective="2019-12-31"))


# -- R-TERM ------------------------------------------------------------------------------------------------------------

attack_each(
    "R-TERM",
    ("list for a day longer than the ground allows", {"until": "2028-03-03"}),
    ("list without an end on a ground with a term", {"until": None}),
    ("begin on a leap day and end on the 29th two years later", {"effective": "2028-02-29", "until": "2030-03-01"}),
    ("list for ever, at the end of the calendar", {"effective": "9999-12-30", "until": None}),
)(lambda world, changes: world.build("district", listing_add(**changes)))

attack_each(
    "R-TERM",
    ("take over a listing that is longer than the ground allows", {"until": "2027-06-02"}),
    ("take over a listing without an end on a ground with a term", {"until": None}),
    ("take over a listing of unknown beginning without an end", {"effective": None, "until": None}),
    ("hide the beginning to reach a later end", {"effective": None, "until": "2028-03-03"}),
)(lambda world, changes: world.build("district", opening_balance(**changes)))


@attack("R-TERM", "exceed the term in two steps: hide the beginning, then correct it")
def _(world: World) -> Entry:
    listing = taken_over(world, effective=None, until=UNTIL)
    correct = listing_correct(listing, list="legacy", effective="2026-03-01", until=UNTIL)
    return world.build("district", correct)


# -- R-DUPLICATE -------------------------------------------------------------------------------------------------------


@attack("R-DUPLICATE", "list twice for the same case")
def _(world: World) -> Entry:
    listed(world, case=bytes(16))
    return world.build("district", listing_add(case=bytes(16), ground="refuses-to-obey", until=None))


@attack("R-DUPLICATE", "list twice in one entry", at=1)
def _(world: World) -> Entry:
    return world.build("district", listing_add(), listing_add())


@attack("R-DUPLICATE", "let two courts list for the same case")
def _(world: World) -> Entry:
    listed(world)
    return world.build("high", listing_add())


@attack("R-DUPLICATE", "chain a second term to the first, ahead of time")
def _(world: World) -> Entry:
    listed(world)
    return world.build("district", listing_add(effective=UNTIL, until="2030-03-02"))


@attack("R-DUPLICATE", "chain terms around the cap in one entry", at=1)
def _(world: World) -> Entry:
    chain = [listing_add(effective=f"20{year}-03-02", until=f"20{year + 2}-03-02") for year in range(26, 40, 2)]
    return world.build("district", *chain)


@attack("R-DUPLICATE", "relist on the day before the term runs out")
def _(world: World) -> Entry:
    listed(world)
    world.day = "2028-03-01"
    return world.build("district", listing_add(decided=world.day, effective=UNTIL, until="2030-03-02"))


@attack("R-DUPLICATE", "relist beside a removal that lies ahead")
def _(world: World) -> Entry:
    listing = listed(world)
    world.append("district", listing_remove(listing, effective="2028-01-01"))
    return world.build("district", listing_add(effective=TOMORROW))


@attack("R-DUPLICATE", "relist backdated into the time before a removal")
def _(world: World) -> Entry:
    listing = listed(world)
    world.day = days_after(DAY, 30)
    world.append("district", listing_remove(listing, effective=days_after(DAY, 20)))
    return world.build("district", listing_add(effective=days_after(DAY, 10)))


@attack("R-DUPLICATE", "relist beside an annulment that lies ahead")
def _(world: World) -> Entry:
    appeal = world.append("ombudsman", appeal_file(listed(world))).ref()
    world.append("tribunal", appeal_decide(appeal, "quash_ex_tunc", effective="2026-05-12"))
    return world.build("district", listing_add())


@attack("R-DUPLICATE", "take over a listing of unknown beginning beside an expired one")
def _(world: World) -> Entry:
    taken_over(world, effective="2020-01-01", until="2021-01-01")
    return world.build("district", opening_balance(effective=None, until="2027-01-01"))


# -- R-SOURCE ----------------------------------------------------------------------------------------------------------


def transcribed(**changes: Any) -> Any:
    return listing_add(list="foreign", source=ActRef(None, 0))._replace(**changes)


attack("R-SOURCE", "cite nothing")(lambda world: world.build("archive", transcribed()))
attack("R-SOURCE", "cite a later act")(
    lambda world: world.build("archive", transcribed(source=ActRef(None, 1)), source_cite())
)
attack("R-SOURCE", "cite an act that is no citation", at=1)(
    lambda world: world.build("archive", transcribed(source=None), transcribed(subject=PERSON))
)
attack("R-SOURCE", "cite an act beyond the entry")(
    lambda world: world.build("archive", transcribed(source=ActRef(None, 1000)))
)


@attack("R-SOURCE", "cite the source of another entry")
def _(world: World) -> Entry:
    cited = world.append("archive", source_cite())
    return world.build("archive", transcribed(source=cited.ref()))


@attack("R-SOURCE", "pass another entry's citation off as the same place here", at=1)
def _(world: World) -> Entry:
    return world.build("archive", source_cite(), transcribed(source=NO_REF))


@attack("R-SOURCE", "cite a source for another list", at=1)
def _(world: World) -> Entry:
    world.append("root", list_define("new", measures=(), source="Another office", lodgers=(), reviewers=()))
    world.append("root", mandate_grant("archive", "new", "transcribe"), list_open("new"))
    return world.build("archive", source_cite("new"), transcribed())


@attack_each(
    "R-SOURCE",
    ("remove on a source that is not cited", listing_remove()),
    ("correct on a source that is not cited", listing_correct()),
)
def _(world: World, act: Any) -> Entry:
    return world.build("district", act._replace(listing=listed(world), source=ActRef(None, 0)))


@attack("R-SOURCE", "take over a listing on a source that is not cited")
def _(world: World) -> Entry:
    return world.build("district", opening_balance(uscc(3), source=ActRef(None, 0)))
