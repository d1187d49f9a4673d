"""What appending gives back, and what travels with an entry."""

from __future__ import annotations

from typing import Any, NamedTuple

from creditledger.acts.content import MAX_CONTENT_BYTES, NONCE_BYTES
from creditledger.acts.identifiers import check_value
from creditledger.acts.kinds import ActRef, Subject
from creditledger.codec.text import check_identifier
from creditledger.errors import FormatError


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


def content_item(raw: Any) -> ContentItem:
    """The item that a decoded array of five elements is, as it stands in submissions and exports.

    Whether it is what its commitment commits to is yet to be checked. Raises `FormatError`.
    """
    if type(raw) is not tuple or len(raw) != 5 or type(raw[1]) is not tuple or len(raw[1]) != 2:
        raise FormatError("an item of content is an array of list, subject, commitment, nonce and content")
    list_id, subject, commitment, nonce, content = raw
    check_identifier(list_id)
    check_value(*subject)
    sizes = [len(one) if type(one) is bytes else -1 for one in (commitment, nonce, content)]
    if sizes[:2] != [32, NONCE_BYTES] or not 0 <= sizes[2] <= MAX_CONTENT_BYTES:
        raise FormatError(f"a commitment and a nonce have 32 bytes, content at most {MAX_CONTENT_BYTES}")
    return ContentItem(list_id, Subject._make(subject), commitment, nonce, content)
