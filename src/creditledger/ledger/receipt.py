"""What appending gives back, and what travels with an entry."""

from __future__ import annotations

from typing import NamedTuple

from creditledger.acts.kinds import ActRef, Subject


class Receipt(NamedTuple):
    """Where an entry stands in the log.

    `seq` the record, `acts` how many acts the entry has, `entry_hash` and `leaf_hash` 32 bytes each, `recorded_at`
    microseconds since the Unix epoch, `size` the size of the signed checkpoint that covers the record.
    """

    seq: int
    acts: int
    entry_hash: bytes
    leaf_hash: bytes
    recorded_at: int
    size: int

    @property
    def address(self) -> str:
        """`seq.index` of the entry's first act, for display."""
        return f"{self.seq}.0"

    def ref(self, index: int = 0) -> ActRef:
        """How later acts refer to act `index` of this entry."""
        return ActRef(self.entry_hash, index)


class ContentItem(NamedTuple):
    """One item of detached content: list, subject and commitment it belongs to, its nonce (32 bytes) and bytes."""

    list: str
    subject: Subject
    commitment: bytes
    nonce: bytes
    content: bytes
