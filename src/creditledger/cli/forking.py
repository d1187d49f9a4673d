"""A second history of a ledger, signed by the same log key: what an operator who keeps two sets of books would show."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

from creditledger.cli import output
from creditledger.errors import Refused, UsageError
from creditledger.keys.signer import Signer
from creditledger.ledger.ledger import Ledger
from creditledger.record.entry import restore_entry
from creditledger.record.record import Record, decode_record

LATER = 1_000_000
"""By how much the entries of the second history are recorded later, in microseconds, if they do not expire before."""


class Fork(NamedTuple):
    """Where two histories part: the first record that differs, and the size and both roots (32 bytes) after it."""

    seq: int
    size: int
    root: bytes
    other_root: bytes


def fork(source: Ledger, out: Path, seq: int, log_signer: Signer, progress: output.Progress | None) -> Fork:
    """Records the entries of a ledger again in a new directory, those from record `seq` on a second later.

    The entries and their signatures are those of the source, so every rule is kept, and so is every record before
    `seq`; only the log key is needed. The head outside the directory is kept in a place that is removed.

    Raises `UsageError` for a record that there is not, one that cannot be recorded later because its entry expires, and
    where a later entry is bound to the history that its author saw.
    """
    size = source.size
    if not 1 <= seq < size:
        raise UsageError(f"there is no record {seq} to part at; it must be one after the first, up to {size - 1}")
    _, apart = next(source.records(seq, seq + 1))
    if _later(decode_record(apart)) == decode_record(apart).recorded_at:
        raise UsageError(f"record {seq} was recorded at its last moment; choose another to part at")
    with tempfile.TemporaryDirectory(prefix="creditledger-fork-") as heads:
        try:
            return Fork(seq, size, source.root, _record_again(source, out, seq, log_signer, heads, progress))
        except BaseException:
            shutil.rmtree(out, ignore_errors=True)
            raise


def _record_again(
    source: Ledger, out: Path, seq: int, log_signer: Signer, heads: str, progress: output.Progress | None
) -> bytes:
    """Builds the second history; returns its root."""
    now = 0
    size = source.size
    records = ((number, decode_record(data)) for number, data in source.records(0, size))
    _, first = next(records)
    now = first.recorded_at
    with Ledger.create_from_entry(
        out, first.entry, first.signatures, log_signer=log_signer, head_dir=heads, clock=lambda: now
    ) as other:
        for number, record in records:
            now = record.recorded_at if number < seq else _later(record)
            try:
                other.append_signed(record.entry, record.signatures)
            except Refused as refused:
                # It pins a checkpoint, or the record that added its key, of the history that its author saw.
                raise UsageError(
                    f"the entry of record {number} cannot stand in another history ({refused.rule}); part later"
                ) from None
            if progress is not None:
                progress("recording again", number + 1, size)
        return other.root


def _later(record: Record) -> int:
    """When the second history records an entry: in microseconds since the Unix epoch, not after it has expired."""
    return min(record.recorded_at + LATER, restore_entry(record.entry).not_after)
