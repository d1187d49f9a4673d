"""Trying entries out on a ledger, before they are signed: the rules judge them as they would at append.

What the rules refuse must not be signed in the first place, because a signed entry takes a number of its key until it
expires. A trial judges entries one after the other, signed or not, as if all those named had signed, and leaves nothing
behind; a ledger that is open to read is enough.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from creditledger.errors import SequenceConflict
from creditledger.ledger.log import Log
from creditledger.ledger.state import State
from creditledger.ledger.view import LedgerView
from creditledger.record.entry import CheckedEntry, Entry, encode_entry, entry_hash
from creditledger.record.record import Record, encode_record
from creditledger.rules import engine
from creditledger.rules.rows import KeyHead
from creditledger.tlog.tree import leaf_hash

_NO_SIGNATURE = bytes(64)


class _View(LedgerView):
    """The ledger as it will be for keys whose entries before are signed, and neither recorded nor at hand."""

    def __init__(self, log: Log, state: State) -> None:
        super().__init__(log, state)
        self.assumed: dict[bytes, KeyHead] = {}

    @property
    def heads(self) -> dict[bytes, KeyHead]:
        """Where each key's own chain stands, or will."""
        return super().heads | self.assumed if self.assumed else super().heads


class Trial:
    """A ledger on which entries are tried out; made by `Ledger.trial`."""

    def __init__(self, log: Log, state: State, now: int) -> None:
        """Takes a state that may be applied to, because it will be rolled back, and the time in microseconds."""
        self._state = state
        self._view = _View(log, state)
        last = log.record(state.applied - 1)
        self._recorded_at = max(now, last.recorded_at)
        self._leaf = leaf_hash(encode_record(last))

    def judge(self, entry: Entry, *, gap: bool = False) -> bool:
        """Judges an entry as the next record, as if all it names had signed it; those tried out after it build on it.

        With `gap`, it may follow entries of its key that are neither recorded nor tried out before.

        Returns whether it is recorded already, so that appending it would change nothing. Raises `Refused`,
        `UnsupportedError`, and `SequenceConflict` when another entry is recorded under its number.
        """
        data = encode_entry(entry)
        digest = entry_hash(data)
        head = self._view.heads.get(entry.key)
        if head is not None and entry.author_seq < head.next_seq:
            found = self._view.past_entry(entry.key, entry.author_seq)
            if found != digest:
                raise SequenceConflict(
                    f"the ledger holds another entry as number {entry.author_seq} of {entry.authority}'s key "
                    f"{entry.key.hex()[:18]}…: {found.hex() if found else 'none'}, and this one is {digest.hex()}; "
                    "sign these acts again under the key's next number"
                )
            return True
        if gap:
            seen = 0 if head is None else head.seen_size
            self._view.assumed[entry.key] = KeyHead(entry.author_seq, entry.author_prev, seen)
        seq = self._state.applied
        signatures = (_NO_SIGNATURE,) * (1 + len(entry.cosigners))
        record = encode_record(Record(seq, self._recorded_at, self._leaf, data, signatures))
        self._leaf = leaf_hash(record)
        checked = CheckedEntry(data, digest, entry, signatures)
        self._state.apply(seq, checked, engine.apply(self._view, seq, self._recorded_at, self._leaf, checked))
        self._view.assumed.pop(entry.key, None)
        self._view.recent[seq] = record
        return False


@contextmanager
def trial(log: Log, state: State, now: int) -> Iterator[Trial]:
    """Tries entries out on a state that nobody else uses meanwhile; afterwards it is as it was."""
    attempt = Trial(log, state, now)
    state.begin()
    try:
        yield attempt
    finally:
        state.roll_back()
