"""What the rules may look at while records are sequenced or replayed: the state, and two facts about the log."""

from __future__ import annotations

from creditledger.ledger.log import Log
from creditledger.ledger.state import State
from creditledger.record.entry import entry_hash
from creditledger.record.record import decode_record
from creditledger.rules.governance_state import Governance
from creditledger.rules.rows import KeyHead


class LedgerView:
    """`rules.engine.View` over state and log; `recent` holds the records of the commit under way."""

    def __init__(self, log: Log, state: State) -> None:
        self._log = log
        self._state = state
        self.recent: dict[int, bytes] = {}
        self.subject_row = state.subject_row

    @property
    def governance(self) -> Governance:
        """Governance as of the last record applied."""
        return self._state.governance

    @property
    def heads(self) -> dict[bytes, KeyHead]:
        """Where each key's own chain stands."""
        return self._state.heads

    def past_entry(self, key: bytes, author_seq: int) -> bytes | None:
        """The hash of the entry that the key made at `author_seq`, or None."""
        found = self.past_record(key, author_seq)
        return None if found is None else entry_hash(decode_record(found[1]).entry)

    def past_record(self, key: bytes, author_seq: int) -> tuple[int, bytes] | None:
        """The record that holds the key's entry `author_seq`: its number and its bytes, or None."""
        seq = self._state.past_entry_seq(key, author_seq)
        if seq is None:
            return None
        data = self.recent.get(seq)
        return (seq, data) if data is not None else next(self._log.records(seq, seq + 1))

    def root_at(self, size: int) -> bytes | None:
        """The committed tree's root at a size, or None."""
        return self._log.root_at(size)
