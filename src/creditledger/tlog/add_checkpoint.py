"""What a log sends to a witness, and what it may hear back: `add-checkpoint` of c2sp.org/tlog-witness.

    old 20852014                                                   the size that the witness is thought to know
    PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=                   consistency proof from that size
                                                                   an empty line
    example.com/registry                                           the new checkpoint, as it stands, signed by the log
    ...

If the witness knows another size, it answers 409 with that size on a line (`SIZE_TYPE`); if it agrees, 200 with its
signature lines (`note.Signature.to_bytes`).
"""

from __future__ import annotations

from typing import Final, NamedTuple, Self

from creditledger.errors import FormatError
from creditledger.tlog.lines import (
    HASH_LINE_BYTES,
    MAX_PROOF_HASHES,
    ascii_lines,
    check_checkpoint,
    check_hashes,
    format_hashes,
    parse_hashes,
    parse_number,
    split_head,
)
from creditledger.tlog.note import MAX_NOTE_BYTES
from creditledger.tlog.tree import MAX_SIZE

MAX_HEAD_BYTES: Final = len(f"old {MAX_SIZE}\n\n") + MAX_PROOF_HASHES * HASH_LINE_BYTES
MAX_REQUEST_BYTES: Final = MAX_HEAD_BYTES + MAX_NOTE_BYTES

_WHAT: Final = "an add-checkpoint request"

SIZE_TYPE: Final = "text/x.tlog.size"
"""The content type of a size."""
MAX_SIZE_BYTES: Final = len(f"{MAX_SIZE}\n")


class AddCheckpoint(NamedTuple):
    """The body of an `add-checkpoint` request.

    Attributes:
        old: the size of the checkpoint that the witness cosigned last; 0 if none.
        proof: the consistency proof from `old` to the checkpoint: at most 63 hashes of 32 bytes.
        checkpoint: the signed checkpoint, as received; nothing has been verified.
    """

    old: int
    proof: tuple[bytes, ...]
    checkpoint: bytes

    def to_bytes(self) -> bytes:
        """Return the body.

        Raises:
            FormatError: a part is beyond what is allowed.
        """
        if not 0 <= self.old <= MAX_SIZE:
            raise FormatError(f"the size of a log is 0 to {MAX_SIZE}, not {self.old}")
        check_hashes(self.proof, "the consistency proof")
        check_checkpoint(self.checkpoint, _WHAT)
        return b"".join([f"old {self.old}\n".encode(), format_hashes(self.proof), b"\n", self.checkpoint])

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a body; of several spellings of the same request, only that of `to_bytes` is accepted.

        Raises:
            FormatError: it is not in this format, or beyond its bounds.
        """
        (first, *hashes), checkpoint = split_head(data, _WHAT, most=MAX_REQUEST_BYTES, most_head=MAX_HEAD_BYTES)
        if not first.startswith("old "):
            raise FormatError(f"an add-checkpoint request begins with a line 'old N', not {first[:40]!r}")
        old = parse_number(first.removeprefix("old "), "the old size")
        check_checkpoint(checkpoint, _WHAT)
        return cls(old, parse_hashes(hashes, "the consistency proof"), checkpoint)


def format_size(size: int) -> bytes:
    """Return the body of a 409 answer: the size that the witness cosigned last, on a line."""
    return f"{size}\n".encode()


def parse_size(data: bytes) -> int:
    """Read the body of a 409 answer.

    Raises:
        FormatError: it is not one size, at most 2^53 - 1, on a line.
    """
    if len(data) > MAX_SIZE_BYTES:
        raise FormatError(f"the size of a log takes at most {MAX_SIZE_BYTES} bytes, not {len(data)}")
    return parse_number("\n".join(ascii_lines(data, "the size that a witness answers")), "the size of a log")
