"""How the work of an audit is divided: records into ranges, subjects into partitions, from a look at a sample.

A bad sample costs balance, never correctness: a partition that turns out too large is folded in several goes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from creditledger.acts.catalogue import LedgerCreate
from creditledger.acts.registry import restore_act
from creditledger.audit.crew import Crew
from creditledger.audit.forms import read_entry, read_record
from creditledger.audit.passes import Plan
from creditledger.audit.trust import Trust
from creditledger.errors import FormatError
from creditledger.tlog.tiles import WIDTH
from creditledger.tlog.tree import leaf_hash

RANGE_ACTS: Final = 32_768
RANGE_BYTES: Final = 8 * 1024 * 1024
MAX_RANGE: Final = 8192
"""A range of records has so many acts, bytes and records at most, as far as the sample tells."""

PARTITION_ACTS: Final = 60_000
"""Acts that a partition of the subjects is to have; it bounds the memory of a worker."""

MAX_PARTITIONS: Final = 4096
MAX_SPANS: Final = 64


class Division(NamedTuple):
    """The plan, the ranges of records as (start, stop), and the bytes of record 0 if it can be read."""

    plan: Plan
    ranges: list[tuple[int, int]]
    first: bytes | None


def divide(crew: Crew, trust: Trust, verified: int, scratch: Path) -> Division:
    """Divide a log that has records; `verified` of them are known from an earlier audit."""
    size = crew.extent.size
    first: bytes | None = crew.call("first")
    places = sorted({at * (size // WIDTH) // 8 * WIDTH for at in range(8)})
    records, length, acts, _ = crew.call("sample", places, 16)
    density = acts / records if records else 1.0
    largest = min(RANGE_ACTS / max(density, 1.0), RANGE_BYTES * records / length if length else MAX_RANGE, MAX_RANGE)
    # Several ranges for each worker, so that they end at about the same time.
    step = max(min(int(largest), size // (4 * crew.jobs)) // WIDTH, 1) * WIDTH
    starts = list(range(0, size, step))
    spans = min(len(starts), MAX_SPANS)
    plan = Plan(
        size=size,
        ledger_id=b"" if first is None else leaf_hash(first),
        utc_offset=_utc_offset(first),
        trust=trust.to_text(),
        bounds=_bounds(crew, round(size * density)),
        span=(size // spans // WIDTH + 1) * WIDTH,
        spans=spans,
        verified=verified,
        marks=tuple(applied for applied in crew.applied if applied < size),
        scratch=str(scratch),
    )
    crew.plan(plan)
    return Division(plan, list(zip(starts, [*starts[1:], size], strict=True)), first)


def _bounds(crew: Crew, acts: int) -> tuple[bytes, ...]:
    """Subject keys at which partitions begin, so that each has about as many acts."""
    count = min(round(acts / PARTITION_ACTS), MAX_PARTITIONS)
    if count <= 1:
        return ()
    tiles = crew.extent.size // WIDTH
    places = sorted({at * tiles // 256 * WIDTH for at in range(256)})
    keys = crew.call("sample", places, max(-(-20 * count // len(places)), 8))[3]
    return tuple(sorted({keys[at * len(keys) // count] for at in range(1, count)})) if keys else ()


def _utc_offset(first: bytes | None) -> str:
    """The civil time of the ledger that a record founds; if it founds none, nothing after it is judged either."""
    try:
        act = None if first is None else restore_act(read_entry(read_record(first)[4])[9][0])
    except FormatError:
        act = None
    return act.utc_offset if isinstance(act, LedgerCreate) else "+00:00"
