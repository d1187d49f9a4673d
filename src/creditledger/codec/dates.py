"""Civil dates as text, `YYYY-MM-DD`, and the integer arithmetic on them.

A date is exactly ten ASCII characters, from 0001-01-01 to 9999-12-31 of the proleptic Gregorian calendar (ISO 8601).
Compared as strings, dates are in the order of time. Nothing here looks at a clock, a locale or a time-zone database:
the day on which a moment falls follows from a UTC offset that is itself signed data.

Days are counted from 1970-01-01, which is day 0; days before it are negative.
"""

from __future__ import annotations

import re
from functools import lru_cache

from creditledger.errors import FormatError

_DAYS_IN_MONTH = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_MICROSECONDS_PER_MINUTE = 60_000_000
_MICROSECONDS_PER_DAY = 86_400_000_000
# Days from 0000-03-01, where the count below begins, to 1970-01-01.
_EPOCH = 719_468

_date = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})").fullmatch
_offset = re.compile(r"[+-][0-9]{2}:[0-9]{2}").fullmatch


def check_date(date: object) -> None:
    """Check that a value, of whatever type, is a date of this format.

    Raises:
        FormatError: it is not `YYYY-MM-DD`, or there is no such day.
    """
    if type(date) is not str:
        raise FormatError(f"expected a date, written YYYY-MM-DD, found a value of type {type(date).__name__}")
    _parse(date)


def clock_time(us: int) -> str:
    """Return `2026-03-03T14:05:09.000001Z` for microseconds since the Unix epoch."""
    seconds, fraction = divmod(us, 1_000_000)
    days, seconds = divmod(seconds, 86_400)
    return f"{date_of_day(days)}T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{fraction:06}Z"


def day_number(date: str) -> int:
    """Return the number of days from 1970-01-01 to a date; FormatError if it is not a date."""
    year, month, day = _parse(date)
    # Years are taken to begin in March, so that the leap day ends them; 153 days make five months from March on.
    if month < 3:
        year -= 1
        month += 12
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day - 1 - _EPOCH


@lru_cache(maxsize=4096)
def date_of_day(number: int) -> str:
    """Return the date of a day number, the inverse of `day_number`.

    Raises:
        FormatError: the day lies outside the years 0001 to 9999.
    """
    # An era is 400 years of 146,097 days; the divisions drop its 1-, 4- and 100-year leap days in turn.
    era, day = divmod(number + _EPOCH, 146_097)
    year = (day - day // 1_460 + day // 36_524 - day // 146_096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    day -= (153 * month + 2) // 5 - 1
    month += 3 if month < 10 else -9
    return _format(400 * era + year + (month < 3), month, day)


@lru_cache(maxsize=16384)
def add_months(date: str, months: int) -> str:
    """Return the date so many calendar months later (earlier if negative), clamped to the end of the month.

    One month after 2024-01-31 is 2024-02-29; twelve months after 2024-02-29 is 2025-02-28.

    Raises:
        FormatError: it is not a date, or the result lies outside the years 0001 to 9999.
    """
    year, month, day = _parse(date)
    years, month0 = divmod(month - 1 + months, 12)
    year += years
    return _format(year, month0 + 1, min(day, _month_length(year, month0 + 1)))


def day_at(us: int, utc_offset: str) -> str:
    """Return the civil date at a moment, where the clocks show UTC plus the offset.

    Args:
        us: microseconds since 1970-01-01T00:00:00Z.
        utc_offset: signed, as in `+08:00`.

    Raises:
        FormatError: the offset is malformed, or the date lies outside the years 0001 to 9999.
    """
    return date_of_day((us + offset_minutes(utc_offset) * _MICROSECONDS_PER_MINUTE) // _MICROSECONDS_PER_DAY)


def check_offset(utc_offset: object) -> None:
    """Check that a value, of whatever type, is a UTC offset: exactly `+HH:MM` or `-HH:MM`, from -12:00 to +14:00.

    UTC itself is `+00:00` and nothing else.

    Raises:
        FormatError: it is anything else.
    """
    if type(utc_offset) is not str:
        raise FormatError(f"expected a UTC offset such as +08:00, found a value of type {type(utc_offset).__name__}")
    offset_minutes(utc_offset)


@lru_cache(maxsize=256)
def offset_minutes(utc_offset: str) -> int:
    """Return the minutes that a UTC offset adds to UTC; FormatError if it is not one that `check_offset` accepts."""
    if _offset(utc_offset):
        minutes = int(utc_offset[1:3]) * 60 + int(utc_offset[4:6])
        if utc_offset[0] == "-":
            minutes = -minutes
        if utc_offset[4] < "6" and -12 * 60 <= minutes <= 14 * 60 and utc_offset != "-00:00":
            return minutes
    raise FormatError(f"{utc_offset[:20]!a} is not a UTC offset, such as +08:00, from -12:00 to +14:00")


# Acts repeat the same few days, so a bounded cache answers nearly always; errors are never cached.
@lru_cache(maxsize=4096)
def _parse(date: str) -> tuple[int, int, int]:
    """Return year, month and day of a date that exists; the only place where validity is decided."""
    if (match := _date(date)) is not None:
        year, month, day = map(int, match.groups())
        if year >= 1 and 1 <= month <= 12 and 1 <= day <= _month_length(year, month):
            return year, month, day
    raise FormatError(f"{date[:20]!a} is not a date: it takes a day that exists, written YYYY-MM-DD")


def _format(year: int, month: int, day: int) -> str:
    if not 1 <= year <= 9999:
        raise FormatError(f"a date in the year {year} lies outside the years 0001 to 9999")
    return f"{year:04}-{month:02}-{day:02}"


def _month_length(year: int, month: int) -> int:
    leap = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return _DAYS_IN_MONTH[month] + leap
