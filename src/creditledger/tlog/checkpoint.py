"""Checkpoints: the size and the root of a log, signed by it (c2sp.org/tlog-checkpoint).

    example.com/registry                                           origin: which log
    20852163                                                       size: the number of leaves, decimal
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=                   root: base64 of 32 bytes

This is the text of a signed note (module `note`). Extension lines, which the specification allows and advises against,
are not accepted here: ML-DSA-44 cosignatures do not cover them.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from creditledger.errors import FormatError, VerificationFailed
from creditledger.tlog.note import Signer, Verifier, check_name, decode_base64, open_note, sign_note
from creditledger.tlog.tree import EMPTY_ROOT, HASH_BYTES, MAX_SIZE

MAX_ORIGIN_BYTES: Final = 255
MAX_TEXT_BYTES: Final = MAX_ORIGIN_BYTES + len(f"\n{MAX_SIZE}\n") + 4 * 11 + 1

# Controls, and what some readers take for the end of a line.
_NOT_IN_ORIGINS: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a log at one size. It says nothing until its signature has been verified (`open_checkpoint`).

    Attributes:
        origin: the name of the log; 1 to 255 bytes of UTF-8 on one line, compared as it stands. It is opaque: older
            logs have origins with spaces in them. `sign_checkpoint` asks for more.
        size: the number of leaves, at most 2^53 - 1.
        root: 32 bytes, the root of the tree.
    """

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        """Refuse what cannot be the head of a log, with FormatError."""
        try:
            length = len(self.origin.encode())
        except UnicodeEncodeError:
            raise FormatError(f"the origin {self.origin[:300]!r} is not Unicode text") from None
        if not 1 <= length <= MAX_ORIGIN_BYTES:
            raise FormatError(f"an origin has 1 to {MAX_ORIGIN_BYTES} bytes; {self.origin[:300]!r} has {length}")
        if match := _NOT_IN_ORIGINS.search(self.origin):
            raise FormatError(f"the origin {self.origin!r} has the control character {match[0]!r} in it")
        if not 0 <= self.size <= MAX_SIZE:
            raise FormatError(f"the size of a log is 0 to {MAX_SIZE}, not {self.size}")
        if len(self.root) != HASH_BYTES:
            raise FormatError(f"the root of a log has {HASH_BYTES} bytes, not {len(self.root)}")
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise FormatError(f"a log of size 0 has the root {EMPTY_ROOT.hex()}, not {self.root.hex()}")

    def to_bytes(self) -> bytes:
        """Return the text that is signed."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n".encode()

    @classmethod
    def from_bytes(cls, text: bytes) -> Self:
        """Read the text of a checkpoint; of several spellings of the same head, only that of `to_bytes` is accepted.

        Raises:
            FormatError: it is not that of a checkpoint, or it has extension lines.
        """
        if len(text) > MAX_TEXT_BYTES:
            raise FormatError(f"the text of a checkpoint has at most {MAX_TEXT_BYTES} bytes, this one has {len(text)}")
        try:
            lines = text.decode().split("\n")
        except UnicodeDecodeError as error:
            raise FormatError(f"the text of the checkpoint is not UTF-8, from byte {error.start} on") from None
        if len(lines) != 4:
            raise FormatError(
                f"a checkpoint has the 3 lines origin, size and root, and no others; this has {len(lines) - 1}"
            )
        origin, size, root, _ = lines
        if not (size.isascii() and size.isdecimal()):
            raise FormatError(f"the size {size!r} of the checkpoint is not a decimal number")
        checkpoint = cls(origin, int(size), decode_base64(root, "the root of the checkpoint"))
        if checkpoint.to_bytes() != text:
            raise FormatError(f"the checkpoint is not spelt in the one way that is allowed: {text.decode()!r}")
        return checkpoint


def sign_checkpoint(checkpoint: Checkpoint, *signers: Signer) -> bytes:
    """Return a checkpoint as a note that is signed by each of the signers.

    The caller vouches that the log has signed nothing that contradicts it, and never will.

    Raises:
        FormatError: the origin cannot be the name of a key, as is required of logs that sign here (no space, no `+`).
        UsageError: no signer, or two of the same name and key id.
    """
    check_name(checkpoint.origin)
    return sign_note(checkpoint.to_bytes(), *signers)


def open_checkpoint(data: bytes, verifiers: Iterable[Verifier], origin: str) -> Checkpoint:
    """Verify a signed checkpoint and return it.

    Args:
        data: the checkpoint as received.
        verifiers: the keys of the log, each of which suffices; the name of a key may differ from the origin. Witnesses
            do not belong here: what they have signed is seen by `note.open_note` with their keys.
        origin: the log of which it must be.

    Raises:
        FormatError: it is not a signed checkpoint in the one form that is allowed.
        VerificationFailed: finding `LED-CKPT`; a signature by one of the keys is wrong, there is none, or it is the
            checkpoint of another log.
        UsageError: two of the verifiers have the same name and key id.
    """
    checkpoint = Checkpoint.from_bytes(open_note(data, verifiers).text)
    if checkpoint.origin != origin:
        raise VerificationFailed(
            "LED-CKPT", "this is the checkpoint of another log", expected=repr(origin), found=repr(checkpoint.origin)
        )
    return checkpoint
