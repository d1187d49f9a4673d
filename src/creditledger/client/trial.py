"""Trying entries out on a ledger, before they are signed: the rules judge them as they would at append.

What the rules refuse must not be signed in the first place, because a signed entry takes a number of its key until it
expires. A trial judges entries one after the other, signed or not, as if all those named had signed, and leaves nothing
behind; a ledger that is open to read is enough. It reaches into `Ledger`, as the writer's own trial does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from creditledger.acts.kinds import ActRef
from creditledger.errors import SequenceConflict, UsageError
from creditledger.ledger.ledger import Ledger
from creditledger.ledger.view import LedgerView
from creditledger.record.entry import CheckedEntry, Entry, decode_entry, encode_entry, entry_hash
from creditledger.record.record import Record, encode_record
from creditledger.rules import engine
from creditledger.rules.rows import KeyHead
from creditledger.tlog.tree import leaf_hash

_NO_SIGNATURE = bytes(64)


class _View(LedgerView):
    """The ledger as it will be for keys whose entries before are signed, and neither recorded nor at hand."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger.log, ledger._state)
        self.assumed: dict[bytes, KeyHead] = {}

    @property
    def heads(self) -> dict[bytes, KeyHead]:
        """Where each key's own chain stands, or will."""
        return super().heads | self.assumed if self.assumed else super().heads


class Trial:
    """A ledger on which entries are tried out; made by `trial`."""

    def __init__(self, ledger: Ledger) -> None:
        self._state = ledger._state
        self._view = _View(ledger)
        size = self._state.applied
        last = ledger.log.record(size - 1)
        self._recorded_at = max(ledger._clock(), last.recorded_at)
        self._leaf = leaf_hash(encode_record(last))

    def judge(self, entry: Entry, *, gap: bool = False) -> bool:
        """Judge an entry as the next record, as if all it names had signed it; those tried out after it build on it.

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
def trial(ledger: Ledger) -> Iterator[Trial]:
    """Try entries out on a ledger as it stands now; nothing of it remains, and no other thread is let in meanwhile."""
    with ledger._asking():
        attempt = Trial(ledger)
        ledger._state.begin()
        try:
            yield attempt
        finally:
            ledger._state.roll_back()


def act_at(ledger: Ledger, seq: int, index: int) -> ActRef:
    """The reference to act `index` of record `seq`, as drafts may write it: `17.0`. `UsageError` if there is none."""
    size = ledger.size
    if seq >= size:
        raise UsageError(f"there is no record {seq}; the ledger's last one is {size - 1}")
    data = ledger.record(seq).entry
    acts = len(decode_entry(data).acts)
    if index >= acts:
        raise UsageError(f"record {seq} has acts 0 to {acts - 1}; there is no {seq}.{index}")
    return ActRef(entry_hash(data), index)
