"""Proofs that travel alone: where an entry stands in a log, as a file (c2sp.org/tlog-proof, `.tlog-proof`).

    c2sp.org/tlog-proof@v1
    extra YWxnIHNwZWNpZmlj                                         optional: base64 of what the application needs
    index 73894                                                    the entry's index, from 0
    gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=                   inclusion proof, from the leaf's sibling upwards
                                                                   an empty line
    example.com/registry                                           the checkpoint, as it stands, with its signatures
    ...

Nothing in such a file may be believed before the checkpoint has been opened with keys that are trusted
(`checkpoint.open_checkpoint`) and `TlogProof.check` has tied the leaf to its root. `extra` is covered by neither.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import Final, Self

from creditledger.errors import FormatError
from creditledger.tlog.checkpoint import Checkpoint
from creditledger.tlog.lines import (
    HASH_LINE_BYTES,
    MAX_PROOF_HASHES,
    check_checkpoint,
    check_hashes,
    format_hashes,
    parse_hashes,
    parse_number,
    split_head,
)
from creditledger.tlog.note import MAX_NOTE_BYTES, decode_base64
from creditledger.tlog.tree import MAX_SIZE, check_inclusion

HEADER: Final = "c2sp.org/tlog-proof@v1"
MAX_EXTRA_BYTES: Final = 49_146
"""The most that keeps its line below 64 KiB, which other implementations read at a time."""

MAX_HEAD_BYTES: Final = 65_536 + 64 + MAX_PROOF_HASHES * HASH_LINE_BYTES
MAX_PROOF_FILE_BYTES: Final = MAX_HEAD_BYTES + MAX_NOTE_BYTES
_WHAT: Final = "a proof file"


@dataclass(frozen=True, slots=True)
class TlogProof:
    """A proof that a leaf stands at an index of a log, with the checkpoint to which it leads.

    Attributes:
        index: the index of the leaf, from 0.
        hashes: the inclusion proof: at most 63 hashes of 32 bytes, from the leaf's sibling upwards.
        checkpoint: the signed checkpoint, as received; nothing has been verified.
        extra: what the application put there; None, or 1 to 49,146 bytes.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None

    def head(self) -> bytes:
        """Return everything before the checkpoint, to and with the empty line.

        Raises:
            FormatError: the index, the hashes or the extra data are beyond what is allowed.
        """
        if not 0 <= self.index < MAX_SIZE:
            raise FormatError(f"the index of a leaf is 0 to {MAX_SIZE - 1}, not {self.index}")
        check_hashes(self.hashes, "the inclusion proof")
        extra = b""
        if self.extra is not None:
            _check_extra(self.extra)
            extra = b"extra " + b64encode(self.extra) + b"\n"
        return b"".join(
            [HEADER.encode(), b"\n", extra, f"index {self.index}\n".encode(), format_hashes(self.hashes), b"\n"]
        )

    def to_bytes(self) -> bytes:
        """Return the file.

        Raises:
            FormatError: a part is beyond what is allowed.
        """
        check_checkpoint(self.checkpoint, _WHAT)
        return self.head() + self.checkpoint

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read such a file; of several spellings of the same proof, only that of `to_bytes` is accepted.

        Raises:
            FormatError: it is not in this format, or beyond its bounds.
        """
        lines, checkpoint = split_head(data, _WHAT, most=MAX_PROOF_FILE_BYTES, most_head=MAX_HEAD_BYTES)
        check_checkpoint(checkpoint, _WHAT)
        if lines.pop(0) != HEADER:
            raise FormatError(f"a proof file begins with the line {HEADER!r}; this one begins {data[:40]!r}")
        extra = None
        if lines and lines[0].startswith("extra "):
            encoded = lines.pop(0).removeprefix("extra ")
            # At most 65,535 bytes of head have been let in, so the line is bounded.
            extra = decode_base64(encoded, "the extra data of the proof")
            _check_extra(extra)
        if not lines or not lines[0].startswith("index "):
            raise FormatError("a proof file says the index of the entry in a line 'index N' before the hashes")
        index = parse_number(lines.pop(0).removeprefix("index "), "the index of the entry", MAX_SIZE - 1)
        return cls(index, parse_hashes(lines, "the inclusion proof"), checkpoint, extra)

    def check(self, leaf: bytes, checkpoint: Checkpoint) -> None:
        """Check that the leaf stands at the index in the tree of a checkpoint.

        Args:
            leaf: its 32-byte hash (`tree.leaf_hash`).
            checkpoint: what `checkpoint.open_checkpoint` returned for this proof's own checkpoint.

        Raises:
            VerificationFailed: finding `LED-TREE`; the proof does not show it.
        """
        check_inclusion(self.hashes, self.index, leaf, checkpoint.size, checkpoint.root)


def _check_extra(extra: bytes) -> None:
    if not 1 <= len(extra) <= MAX_EXTRA_BYTES:
        raise FormatError(f"extra data of a proof has 1 to {MAX_EXTRA_BYTES} bytes, not {len(extra)}; leave out none")
