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
    check_hashes,
    format_hashes,
    parse_hashes,
    parse_number,
)
from creditledger.tlog.note import MAX_NOTE_BYTES
from creditledger.tlog.tree import MAX_SIZE

MAX_HEAD_BYTES: Final = len(f"old {MAX_SIZE}\n\n") + MAX_PROOF_HASHES * HASH_LINE_BYTES
MAX_REQUEST_BYTES: Final = MAX_HEAD_BYTES + MAX_NOTE_BYTES

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
        _check_checkpoint(self.checkpoint)
        return b"".join([f"old {self.old}\n".encode(), format_hashes(self.proof), b"\n", self.checkpoint])

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a body; of several spellings of the same request, only that of `to_bytes` is accepted.

        Raises:
            FormatError: it is not in this format, or beyond its bounds.
        """
        if len(data) > MAX_REQUEST_BYTES:
            raise FormatError(f"an add-checkpoint request has at most {MAX_REQUEST_BYTES} bytes, not {len(data)}")
        end = data.find(b"\n\n", 0, MAX_HEAD_BYTES)
        if end < 0:
            raise FormatError("an add-checkpoint request has an empty line before the checkpoint; this one has none")
        first, *hashes = ascii_lines(data[: end + 1], "the head of an add-checkpoint request")
        if not first.startswith("old "):
            raise FormatError(f"an add-checkpoint request begins with a line 'old N', not {first[:40]!r}")
        old = parse_number(first.removeprefix("old "), "the old size")
        checkpoint = data[end + 2 :]
        _check_checkpoint(checkpoint)
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


def _check_checkpoint(checkpoint: bytes) -> None:
    """Refuse what can be no signed checkpoint, before anybody asks who signed it."""
    if not checkpoint or checkpoint.startswith(b"\n"):
        raise FormatError("there is no checkpoint after the empty line of the request")
    if len(checkpoint) > MAX_NOTE_BYTES:
        raise FormatError(f"a signed checkpoint has at most {MAX_NOTE_BYTES} bytes, this one has {len(checkpoint)}")
