"""What is sent to a witness to have a subtree signed: `sign-subtree` of c2sp.org/tlog-witness.

subtree 8 13                                                   the interval of leaves, [8, 13)
mbsQCg+dEIMGlpqeGgk94JutQwKKS2Lo5IuDhKmDjiU=                   its root
CD82D2LDm0phY0+xKbHyZfq3Hw21lVkuV7Zis5EFg0k=                   proof that it is part of the checkpoint's tree
                                                               an empty line
example.com/registry                                           a checkpoint that this witness has cosigned
...
"""

from __future__ import annotations

from typing import NamedTuple, Self

from creditledger.errors import FormatError
from creditledger.tlog.add_checkpoint import MAX_HEAD_BYTES, MAX_REQUEST_BYTES
from creditledger.tlog.lines import HASH_LINE_BYTES, format_hashes, parse_hashes, parse_number, split_head
from creditledger.tlog.tree import MAX_SIZE, is_subtree

_MAX_HEAD_BYTES = MAX_HEAD_BYTES + len(f"subtree {MAX_SIZE}") + HASH_LINE_BYTES


class SignSubtree(NamedTuple):
    """The body of a `sign-subtree` request.

    Attributes:
        start: the first leaf.
        end: the leaf after the last; `[start, end)` is a subtree (`tree.is_subtree`) and not empty.
        root: 32 bytes.
        proof: the subtree consistency proof to the checkpoint: at most 63 hashes of 32 bytes.
        checkpoint: a checkpoint with a cosignature of the witness, as received; nothing has been verified.
    """

    start: int
    end: int
    root: bytes
    proof: tuple[bytes, ...]
    checkpoint: bytes

    def to_bytes(self) -> bytes:
        """Return the body."""
        lines = format_hashes((self.root, *self.proof))
        return b"".join([f"subtree {self.start} {self.end}\n".encode(), lines, b"\n", self.checkpoint])

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a body; of several spellings of the same request, only that of `to_bytes` is accepted.

        Raises:
            FormatError: it is not in this format, beyond its bounds, or the interval is no subtree.
        """
        (first, *hashes), checkpoint = split_head(
            data, "a sign-subtree request", most=MAX_REQUEST_BYTES, most_head=_MAX_HEAD_BYTES
        )
        match first.split(" "):
            case ["subtree", start_text, end_text]:
                start, end = parse_number(start_text, "the start"), parse_number(end_text, "the end")
            case _:
                raise FormatError(f"a sign-subtree request begins with a line 'subtree N N', not {first[:40]!r}")
        if start >= end or not is_subtree(start, end):
            raise FormatError(f"[{start}, {end}) is not a subtree that can be signed")
        root = parse_hashes(hashes[:1], "the root of the subtree")
        if not root:
            raise FormatError("a sign-subtree request has the root of the subtree on its second line; this one has not")
        return cls(start, end, root[0], parse_hashes(hashes[1:], "the proof"), checkpoint)
