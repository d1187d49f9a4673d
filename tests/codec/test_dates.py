"""Dates against Python's own calendar, over the whole range."""

from __future__ import annotations

import calendar
import datetime as dt

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from creditledger.codec.dates import (
    add_months,
    check_date,
    check_offset,
    date_of_day,
    day_at,
    day_number,
    offset_minutes,
)
from creditledger.errors import FormatError

EPOCH = dt.date(1970, 1, 1)
FIRST, LAST = (dt.date.min - EPOCH).days, (dt.date.max - EPOCH).days

dates = st.dates()
moments = st.integers(0, 8000 * 365 * 86_400 * 10**6)


def test_every_day_of_two_eras_and_the_ends() -> None:
    """An era of 400 years repeats exactly, so two of them and both ends stand for all."""
    start = (dt.date(1599, 12, 1) - EPOCH).days
    for number in [*range(start, start + 2 * 146_097), *range(FIRST, FIRST + 800), *range(LAST - 800, LAST + 1)]:
        assert date_of_day(number) == (EPOCH + dt.timedelta(number)).isoformat()


@given(dates)
@example(dt.date.min)
@example(dt.date.max)
@example(dt.date(2000, 2, 29))
@example(dt.date(1900, 3, 1))
def test_day_numbers(date: dt.date) -> None:
    text = date.isoformat()
    check_date(text)
    assert day_number(text) == (date - EPOCH).days
    assert date_of_day(day_number(text)) == text


@given(dates, dates)
def test_strings_are_in_the_order_of_time(left: dt.date, right: dt.date) -> None:
    assert (left.isoformat() < right.isoformat()) is (left < right)
    assert (left.isoformat() < right.isoformat()) is (day_number(left.isoformat()) < day_number(right.isoformat()))


@given(st.integers(0, 10_000), st.integers(0, 99), st.integers(0, 99))
def test_only_days_that_exist(year: int, month: int, day: int) -> None:
    text = f"{year:04}-{month:02}-{day:02}"
    try:
        exists = len(text) == 10 and dt.date(year, month, day).isoformat() == text
    except ValueError:
        exists = False
    if exists:
        check_date(text)
    else:
        with pytest.raises(FormatError, match="is not a date"):
            check_date(text)


@pytest.mark.parametrize(
    "value",
    [
        "", "2026", "2026-1-1", "2026-01-01\n", "\n2026-01-01", " 2026-01-01", "2026-01-01 ", "2026/01/01", "20260101",
        "2026-W01-1", "2026-001", "+2026-01-01", "-026-01-01", "02026-01-01", "2026-01-01T00:00:00Z", "2026-02-29",
        "1900-02-29", "0000-01-01", "2026-00-10", "2026-13-01", "2026-04-31", "2026-01-00", "2026-01-32",
        "\uff12\uff10\uff12\uff16-01-01", "\u0662\u0660\u0662\u0666-01-01", "2026\u201101\u201101", "2026-01-0\0",
        "10000-01-01",
    ],
)  # fmt: skip
def test_no_dates(value: str) -> None:
    for function in (check_date, day_number, lambda text: add_months(text, 1)):
        with pytest.raises(FormatError, match="is not a date"):
            function(value)


@pytest.mark.parametrize("value", [None, 20260101, 1.5, b"2026-01-01", ["2026-01-01"], ("2026-01-01",), {}])
def test_no_dates_of_other_types(value: object) -> None:
    for check in (check_date, check_offset):
        with pytest.raises(FormatError, match="found a value of type"):
            check(value)


@pytest.mark.parametrize("number", [FIRST - 1, LAST + 1, -(10**30), 10**30])
def test_days_beyond_the_calendar(number: int) -> None:
    with pytest.raises(FormatError, match="outside the years"):
        date_of_day(number)


@pytest.mark.parametrize(
    ("date", "months", "expected"),
    [
        ("2024-01-31", 1, "2024-02-29"), ("2023-01-31", 1, "2023-02-28"), ("2024-02-29", 12, "2025-02-28"),
        ("2024-02-29", 48, "2028-02-29"), ("2024-12-31", 2, "2025-02-28"), ("2024-03-31", -1, "2024-02-29"),
        ("2024-01-15", -1, "2023-12-15"), ("2024-05-31", 0, "2024-05-31"), ("2000-01-31", 1201, "2100-02-28"),
    ],
)  # fmt: skip
def test_months_are_clamped(date: str, months: int, expected: str) -> None:
    assert add_months(date, months) == expected


@given(dates, st.integers(-30_000, 30_000))
def test_months_against_a_naive_model(date: dt.date, months: int) -> None:
    count = date.year * 12 + date.month - 1 + months
    year, month = count // 12, count % 12 + 1
    if 1 <= year <= 9999:
        # `calendar` cannot name the weekdays of year 0 and 10000, hence the check first.
        day = min(date.day, calendar.monthrange(year, month)[1])
        assert add_months(date.isoformat(), months) == dt.date(year, month, day).isoformat()
    else:
        with pytest.raises(FormatError, match="outside the years"):
            add_months(date.isoformat(), months)


@given(moments, st.integers(-12 * 60, 14 * 60))
def test_the_day_of_a_moment(us: int, minutes: int) -> None:
    sign, size = ("-", -minutes) if minutes < 0 else ("+", minutes)
    offset = f"{sign}{size // 60:02}:{size % 60:02}"
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=us)
    assert offset_minutes(offset) == minutes
    assert day_at(us, offset) == moment.astimezone(dt.timezone(dt.timedelta(minutes=minutes))).date().isoformat()


def test_midnight_belongs_to_the_new_day() -> None:
    midnight = day_number("2026-03-03") * 86_400_000_000
    assert day_at(midnight, "+00:00") == "2026-03-03"
    assert day_at(midnight - 1, "+00:00") == "2026-03-02"
    assert day_at(midnight - 8 * 3_600_000_000, "+08:00") == "2026-03-03"
    assert day_at(midnight - 8 * 3_600_000_000 - 1, "+08:00") == "2026-03-02"
    assert day_at(0, "-00:01") == "1969-12-31"


@pytest.mark.parametrize(
    "offset",
    [
        "", "Z", "UTC", "+8", "+08", "+0800", "08:00", "+8:00", "+08:0", "+08:60", "+08:99", "-00:00", "-12:01",
        "-13:00", "+14:01", "+15:00", "+24:00", "+08:00\n", " +08:00", "\u221208:00", "+\uff108:00", "+08:00:00",
        "Asia/Shanghai",
    ],
)  # fmt: skip
def test_no_offsets(offset: str) -> None:
    for function in (check_offset, offset_minutes, lambda text: day_at(0, text)):
        with pytest.raises(FormatError, match="is not a UTC offset"):
            function(offset)


@pytest.mark.parametrize("offset", ["+00:00", "-12:00", "+14:00", "+05:45", "-03:30", "-00:01", "+08:59"])
def test_offsets(offset: str) -> None:
    check_offset(offset)
