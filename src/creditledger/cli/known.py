"""`--known-at`: how far knowledge of the log goes in an answer; and its restatement in words, with `--valid-at`."""

from __future__ import annotations

from typing import Any, NamedTuple

import click

from creditledger.cli.options import MomentType, format_moment
from creditledger.client.phrases import count, day_in_words, moment
from creditledger.codec.dates import check_date, day_number, offset_minutes
from creditledger.errors import FormatError, UsageError
from creditledger.ledger.log import Log
from creditledger.ledger.queries import first_record_after
from creditledger.rules.governance_state import Governance

_MINUTE = 60_000_000
_DAY = 1440 * _MINUTE


class Known(NamedTuple):
    """How far knowledge goes, as it was asked for: up to a record, to the end of a day, or to a moment (µs)."""

    record: int | None = None
    day: str | None = None
    moment: int | None = None

    def resolve(self, log: Log, governance: Governance, size: int) -> int:
        """The moment meant (µs since the Unix epoch), in a log of `size` records.

        Raises `UsageError` when there is no such record, or when later ones were recorded at the same moment, so that
        no moment tells them apart.
        """
        if self.moment is not None:
            return self.moment
        if self.day is not None:
            offset = offset_minutes(governance.ledger.utc_offset) if governance.ledger else 0
            return (day_number(self.day) + 1) * _DAY - offset * _MINUTE - 1
        seq = self.record or 0
        if seq >= size:
            raise UsageError(f"there is no record {seq}; the ledger has {count(size, 'record')}, numbered from 0")
        found = log.record(seq).recorded_at
        last = first_record_after(log, found, size) - 1
        if last > seq:
            raise UsageError(
                f"records {seq} to {last} were recorded at the same moment, {format_moment(found)}; "
                f"knowledge up to record {last} can be asked about, but nothing between them"
            )
        return found


class KnownType(click.ParamType[Known]):
    """A record number, a day or a moment on the command line."""

    name = "day, moment or record"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Known:
        """Reads it; fails with what each of the three looks like."""
        if isinstance(value, Known):
            return value
        if value.isascii() and value.isdecimal() and len(value) <= 15:
            return Known(record=int(value))
        if len(value) == 10:
            try:
                check_date(value)
            except FormatError as error:
                self.fail(str(error), param, ctx)
            return Known(day=value)
        try:
            return Known(moment=MomentType().convert(value, param, ctx))
        except click.UsageError as error:
            self.fail(f"{error.message}; a day like 2026-03-10, or a record number, will do, too", param, ctx)


def restate(log: Log, valid_at: str, size: int, have: int) -> list[tuple[str, str]]:
    """What an answer holds for, in words: the day asked about, and the `size` of `have` records that were known."""
    if size == 0:
        known = "before the first record, when nothing was known"
    else:
        last = f"the last one of {moment(log.record(size - 1).recorded_at)}"
        known = f"all {count(size, 'record')}, {last}" if size == have else f"records 0 to {size - 1}, {last}"
        if size < have:
            known += f"; {count(have - size, 'later record')} left out"
    return [("valid at", f"{day_in_words(valid_at)} ({valid_at})"), ("known at", known)]
