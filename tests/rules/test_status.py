"""The derived status of a listing on every day around the days that matter, and a subject's overall answer."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditledger.rules.rows import Ended, Ending, Listing, SubjectRow, Suspension
from creditledger.rules.status import STATUSES, listing_status, row_status
from support.courts import courts, decided, listed, taken_over
from support.drafts import FIRM, listing_remove, listing_restore, listing_suspend
from support.world import days_after

BEGIN, END, MIDDLE = "2026-03-02", "2028-03-02", "2027-03-02"
EVER, NEVER = "0001-01-01", "9999-12-31"


def day_before(day: str) -> str:
    return days_after(day, -1)


def day_after(day: str) -> str:
    return days_after(day, 1)


def listing(**changes: Any) -> Listing:
    made = Listing(bytes(32), 0, 9, "district", (), False, None, "ground", None, BEGIN, END)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def ended(how: Ending, effective: str) -> Ended:
    return Ended(how, "reason", effective, 10)


LIFE = listing()
OPEN_ENDED = listing(until=None)
UNKNOWN_BEGIN = listing(effective=None)
UNKNOWN = listing(effective=None, until=None)
REMOVED = listing(ended=ended("removed", MIDDLE))
QUASHED = listing(ended=ended("quashed", MIDDLE))
QUASHED_FIRST = listing(ended=ended("quashed", "2026-01-15"))
CLEARED_UP = listing(ended=ended("removed", "2028-04-01"))
VOID = listing(ended=ended("annulled", MIDDLE))
ONCE_SUSPENDED = listing(suspensions=(Suspension("2026-06-01", "2026-09-01"),))
STILL_SUSPENDED = listing(suspensions=(Suspension("2026-06-01", "2026-09-01"), Suspension(MIDDLE, None)))
SUSPENDED_FOR_NO_DAY = listing(suspensions=(Suspension("2026-06-01", "2026-06-01"),))
SUSPENDED_THEN_REMOVED = listing(suspensions=(Suspension("2026-06-01", None),), ended=ended("removed", MIDDLE))


@pytest.mark.parametrize(
    ("one", "valid_at", "status"),
    [
        (LIFE, EVER, "not-yet-effective"),
        (LIFE, day_before(BEGIN), "not-yet-effective"),
        (LIFE, BEGIN, "listed"),
        (LIFE, day_before(END), "listed"),
        (LIFE, END, "expired"),
        (LIFE, NEVER, "expired"),
        (OPEN_ENDED, day_before(BEGIN), "not-yet-effective"),
        (OPEN_ENDED, NEVER, "listed"),
        (UNKNOWN_BEGIN, EVER, "listed"),
        (UNKNOWN_BEGIN, day_before(END), "listed"),
        (UNKNOWN_BEGIN, END, "expired"),
        (UNKNOWN, EVER, "listed"),
        (UNKNOWN, NEVER, "listed"),
        (REMOVED, day_before(BEGIN), "not-yet-effective"),
        (REMOVED, day_before(MIDDLE), "listed"),
        (REMOVED, MIDDLE, "removed"),
        (REMOVED, END, "removed"),
        (QUASHED, day_before(MIDDLE), "listed"),
        (QUASHED, MIDDLE, "quashed"),
        (QUASHED_FIRST, "2026-01-14", "not-yet-effective"),
        (QUASHED_FIRST, "2026-01-15", "quashed"),
        (QUASHED_FIRST, BEGIN, "quashed"),
        (CLEARED_UP, day_before(END), "listed"),
        (CLEARED_UP, END, "expired"),
        (CLEARED_UP, "2028-03-31", "expired"),
        (CLEARED_UP, "2028-04-01", "removed"),
        (ONCE_SUSPENDED, "2026-05-31", "listed"),
        (ONCE_SUSPENDED, "2026-06-01", "suspended"),
        (ONCE_SUSPENDED, "2026-08-31", "suspended"),
        (ONCE_SUSPENDED, "2026-09-01", "listed"),
        (STILL_SUSPENDED, "2026-06-01", "suspended"),
        (STILL_SUSPENDED, day_before(MIDDLE), "listed"),
        (STILL_SUSPENDED, MIDDLE, "suspended"),
        (STILL_SUSPENDED, day_before(END), "suspended"),
        (STILL_SUSPENDED, END, "expired"),
        (SUSPENDED_FOR_NO_DAY, "2026-06-01", "listed"),
        (SUSPENDED_THEN_REMOVED, day_before(MIDDLE), "suspended"),
        (SUSPENDED_THEN_REMOVED, MIDDLE, "removed"),
    ],
)
def test_status_on_the_days_that_matter(one: Listing, valid_at: str, status: str) -> None:
    for known_day in (EVER, valid_at, NEVER):
        assert listing_status(one, valid_at, known_day, False) == status


@pytest.mark.parametrize(
    ("valid_at", "known_day", "status"),
    [
        (day_before(BEGIN), day_before(MIDDLE), "not-yet-effective"),
        (BEGIN, day_before(MIDDLE), "listed"),
        (day_before(MIDDLE), day_before(MIDDLE), "listed"),
        (day_before(MIDDLE), MIDDLE, "annulled"),
        (day_before(BEGIN), MIDDLE, "annulled"),
        (BEGIN, MIDDLE, "annulled"),
        (MIDDLE, day_before(MIDDLE), "annulled"),
        (MIDDLE, MIDDLE, "annulled"),
        (NEVER, BEGIN, "annulled"),
    ],
)
def test_an_annulment_voids_the_past_once_it_is_in_effect(valid_at: str, known_day: str, status: str) -> None:
    assert listing_status(VOID, valid_at, known_day, False) == status


@pytest.mark.parametrize(
    ("one", "valid_at", "status"),
    [
        (LIFE, day_before(BEGIN), "unconfirmed"),
        (LIFE, BEGIN, "unconfirmed"),
        (LIFE, day_before(END), "unconfirmed"),
        (LIFE, END, "unconfirmed"),
        (LIFE, NEVER, "unconfirmed"),
        (CLEARED_UP, END, "unconfirmed"),
        (CLEARED_UP, "2028-04-01", "removed"),
        (UNKNOWN, EVER, "unconfirmed"),
        (STILL_SUSPENDED, MIDDLE, "unconfirmed"),
        (REMOVED, day_before(MIDDLE), "unconfirmed"),
        (REMOVED, MIDDLE, "removed"),
        (QUASHED, MIDDLE, "quashed"),
        (VOID, MIDDLE, "annulled"),
    ],
)
def test_no_restriction_flows_from_a_tainted_listing(one: Listing, valid_at: str, status: str) -> None:
    assert listing_status(one, valid_at, valid_at, True) == status


def test_an_empty_row_says_that_nothing_is_recorded_and_not_that_anybody_is_clean() -> None:
    assert row_status(SubjectRow(), BEGIN, BEGIN, lambda _: False) == ("nothing-recorded", [])
    assert not {"clean", "clear", "ok"} & set(STATUSES)


EXAMPLES = {
    "listed": (LIFE, False),
    "suspended": (listing(suspensions=(Suspension(BEGIN, None),)), False),
    "unconfirmed": (listing(), True),
    "not-yet-effective": (listing(effective=day_after(MIDDLE)), False),
    "expired": (listing(until=MIDDLE), False),
    "removed": (REMOVED, False),
    "quashed": (QUASHED, False),
    "annulled": (VOID, False),
}


def test_every_status_has_an_example() -> None:
    assert [*EXAMPLES, "nothing-recorded"] == list(STATUSES)


@given(st.lists(st.sampled_from(list(EXAMPLES)), min_size=1, max_size=6))
def test_the_answer_is_the_status_that_weighs_most_with_all_its_listings(names: list[str]) -> None:
    row = SubjectRow()
    row.listings = [EXAMPLES[name][0] for name in names]
    tainted = [EXAMPLES[name][0] for name in EXAMPLES if EXAMPLES[name][1]]
    status, found = row_status(row, MIDDLE, MIDDLE, lambda one: any(one is other for other in tainted))
    expected = min(names, key=STATUSES.index)
    assert status == expected
    assert [id(one) for one in found] == [id(EXAMPLES[name][0]) for name in names if name == expected]


DAYS = st.sampled_from([days_after(BEGIN, n) for n in range(6)])
MAYBE = st.none() | DAYS


@st.composite
def listings(draw: st.DrawFn) -> Listing:
    days = [draw(DAYS) for _ in range(4)]
    suspensions = tuple(Suspension(begin, draw(MAYBE)) for begin in sorted(days[:2]))
    hows: list[Ending | None] = [None, "removed", "quashed", "annulled"]
    how = draw(st.sampled_from(hows))
    return listing(
        effective=draw(MAYBE),
        until=draw(MAYBE),
        suspensions=suspensions[: draw(st.integers(0, 2))],
        ended=None if how is None else ended(how, days[3]),
    )


@given(listings(), DAYS, DAYS, st.booleans())
def test_status_agrees_with_the_days_counted_one_by_one(
    one: Listing, valid_at: str, known_day: str, tainted: bool
) -> None:
    """The naive reading: colour every day of a calendar, layer by layer, and look the day up."""
    calendar = {days_after(BEGIN, n): "listed" for n in range(-1, 8)}
    for suspension in one.suspensions:
        for day in calendar:
            if day >= suspension.effective and not (suspension.until is not None and day >= suspension.until):
                calendar[day] = "suspended"
    for day in calendar:
        if one.effective is not None and day < one.effective:
            calendar[day] = "not-yet-effective"
        if one.until is not None and day >= one.until:
            calendar[day] = "expired"
        if tainted:
            calendar[day] = "unconfirmed"
        if one.ended is not None and day >= one.ended.effective:
            calendar[day] = one.ended.how
        if one.ended is not None and one.ended.how == "annulled" and known_day >= one.ended.effective:
            calendar[day] = "annulled"
    assert listing_status(one, valid_at, known_day, tainted) == calendar[valid_at]


def test_status_follows_the_acts_of_a_life() -> None:
    world = courts()
    ref = listed(world)

    def status(valid_at: str) -> tuple[str, int]:
        answer, found = row_status(world.row("defaulters", FIRM), valid_at, world.day, lambda _: False)
        return answer, len(found)

    assert [status(day) for day in ("2026-03-01", "2026-03-02", "2028-03-01", "2028-03-02")] == [
        ("not-yet-effective", 1), ("listed", 1), ("listed", 1), ("expired", 1),
    ]  # fmt: skip
    world.append("district", listing_suspend(ref, effective="2026-04-01"))
    world.day = "2026-05-01"
    world.append("district", listing_restore(ref, decided=world.day, effective="2026-05-02"))
    assert [status(day)[0] for day in ("2026-03-31", "2026-04-01", "2026-05-01", "2026-05-02")] == [
        "listed", "suspended", "suspended", "listed",
    ]  # fmt: skip
    world.append("district", listing_remove(ref, effective="2026-06-01"))
    assert [status(day)[0] for day in ("2026-05-31", "2026-06-01")] == ["listed", "removed"]
    decided(world, ref, "quash_ex_tunc")
    assert {status(day)[0] for day in (EVER, "2026-03-02", "2026-06-01", NEVER)} == {"annulled"}


def test_a_listing_of_unknown_beginning_counts_since_ever() -> None:
    world = courts()
    taken_over(world, effective=None, until="2027-01-01")
    row = world.row("legacy", FIRM)
    assert row_status(row, EVER, world.day, lambda _: False)[0] == "listed"
    assert row_status(row, "2027-01-01", world.day, lambda _: False)[0] == "expired"
