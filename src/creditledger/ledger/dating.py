"""The dates of records against the times of witnesses: nothing is recorded or kept that an audit would reject.

An audit (LED-TIME) holds each cosignature of time T over s records against the dates of record s-1, which must not be
later than T + 300 s, and of record s, which must not be earlier than T - 300 s. A clock that was wrong once, here or at
a witness, would otherwise make the ledger fail for ever, and for everybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from creditledger.codec.dates import clock_time
from creditledger.errors import FormatError, StoreError, VerificationFailed
from creditledger.ledger.heads import signature_line
from creditledger.ledger.log import Log
from creditledger.tlog.cosignature import timestamp
from creditledger.witness import MAX_CLOCK_SKEW

if TYPE_CHECKING:
    from creditledger.tlog.policy import Policy
    from creditledger.witness.asking import Asked

_SECOND = 1_000_000


def drop_contradicted(asked: Sequence[Asked], log: Log, size: int) -> list[Asked]:
    """What witnesses have answered, without cosignatures that the dates of the records beside them contradict.

    To be called while nobody extends the log. `size` is that of the checkpoint which they have cosigned.
    """
    last = log.record(size - 1).recorded_at
    following = log.record(size).recorded_at if log.checked_size > size else None
    return [_judged(one, size, last, following) for one in asked]


def _judged(one: Asked, size: int, last: int, following: int | None) -> Asked:
    for time in map(timestamp, one.signatures):
        if last > (time + MAX_CLOCK_SKEW) * _SECOND:
            # The witness's time is near that of the clock here, or it would not have been taken.
            return one._replace(
                signatures=(),
                problem=f"this machine's clock was ahead when record {size - 1} was recorded, which is dated "
                f"{clock_time(last)}; the witness's cosignature, of {clock_time(time * _SECOND)}, contradicts that "
                f"and is not kept. A cosignature can be had from {clock_time(last - MAX_CLOCK_SKEW * _SECOND)} on",
            )
        if following is not None and following < earliest_after(time):
            return one._replace(
                signatures=(),
                problem=f"its cosignature, of {clock_time(time * _SECOND)}, is not kept: record {size}, dated "
                f"{clock_time(following)}, was recorded before it came, and is not covered by it",
            )
    return one


def earliest_after(time: int) -> int:
    """The earliest date (µs) of a record that is not covered by what was cosigned at this time (POSIX seconds)."""
    return (time - MAX_CLOCK_SKEW) * _SECOND


def earliest_next(note: bytes, policy: Policy) -> int:
    """The earliest date (µs) of the record that follows this checkpoint; 0 if no witness of the policy says any.

    Only right cosignatures count. Those that are wrong are for cosigning and auditing to tell.
    """
    text, _, block = note.rpartition(b"\n\n")
    verifiers = {(one.name, one.key_id): one for one in policy.verifiers()}
    found = 0
    for line in map(signature_line, block.splitlines()):
        verifier = verifiers.get((line.name, line.key_id))
        if verifier is not None:
            with suppress(FormatError, VerificationFailed):
                verifier.verify(text + b"\n", line.signature)
                found = max(found, earliest_after(timestamp(line)))
    return found


def require_not_before(recorded_at: int, earliest: int) -> None:
    """A record of this date may follow what witnesses have cosigned; raises `StoreError`."""
    if recorded_at < earliest:
        raise StoreError(
            "nothing is recorded, because this machine's clock is behind the witnesses of the ledger, and a record of "
            f"that date would make every audit fail: the clock says {clock_time(recorded_at)}, and since the last "
            f"cosignature nothing earlier than {clock_time(earliest)} can follow; set it right"
        )
