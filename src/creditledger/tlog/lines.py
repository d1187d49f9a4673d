"""The lines of which the small text formats of C2SP are made: decimal numbers and hashes in base64.

Each has one spelling. Whatever reads from outside bounds the whole before it takes it apart with these.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from typing import Final

from creditledger.errors import FormatError
from creditledger.tlog.note import MAX_NOTE_BYTES, decode_base64
from creditledger.tlog.tree import HASH_BYTES, MAX_SIZE

MAX_PROOF_HASHES: Final = 63
"""The most hashes of a proof that C2SP allows; trees of format v1 need at most 53."""

HASH_LINE_BYTES: Final = 45
"""32 bytes in base64, and a line feed."""


def parse_number(text: str, what: str, most: int = MAX_SIZE) -> int:
    """Return a number written in ASCII digits without leading zeros.

    Args:
        text: the digits.
        what: what the number is, for messages.
        most: the largest number allowed.

    Raises:
        FormatError: it is written otherwise, or larger.
    """
    if not (text.isascii() and text.isdigit()) or (text[0] == "0" and text != "0"):
        raise FormatError(f"{what} is a decimal number without leading zeros; {text[:40]!r} is none")
    # The length is compared first, so that no endless number is converted.
    if len(text) > len(str(most)) or int(text) > most:
        raise FormatError(f"{what} is at most {most}; {text[:40]} is more")
    return int(text)


def ascii_lines(data: bytes, what: str) -> list[str]:
    """Return lines of ASCII, each of which ends with a line feed, without their line feeds.

    Raises:
        FormatError: another octet, or the last line does not end.
    """
    if not data.isascii():
        raise FormatError(f"{what} holds octets that are not ASCII")
    if not data.endswith(b"\n"):
        raise FormatError(f"{what} must end with a line feed")
    return data[:-1].decode().split("\n")


def split_head(data: bytes, what: str, *, most: int, most_head: int) -> tuple[list[str], bytes]:
    """Take apart a head of ASCII lines and the checkpoint that follows it after an empty line.

    Args:
        data: the whole, from anywhere.
        what: what it is, for messages: "a proof file".
        most: the most bytes that it may have.
        most_head: within how many bytes the head must have ended.

    Returns:
        The lines of the head without their line feeds, and what follows the first empty line.

    Raises:
        FormatError: it is too large, has no empty line, or its head is not of ASCII lines.
    """
    if len(data) > most:
        raise FormatError(f"{what} has at most {most} bytes, this one has {len(data)}")
    end = data.find(b"\n\n", 0, most_head)
    if end < 0:
        raise FormatError(f"{what} has an empty line before the checkpoint; this one has none")
    return ascii_lines(data[: end + 1], f"the head of {what}"), data[end + 2 :]


def check_checkpoint(checkpoint: bytes, what: str) -> None:
    """Refuse what can be no signed checkpoint, before anybody asks who signed it; `what` holds it.

    Raises:
        FormatError: it is empty, begins with an empty line, or is too large.
    """
    if not checkpoint or checkpoint.startswith(b"\n"):
        raise FormatError(f"there is no checkpoint after the empty line of {what}")
    if len(checkpoint) > MAX_NOTE_BYTES:
        raise FormatError(f"a signed checkpoint has at most {MAX_NOTE_BYTES} bytes, this one has {len(checkpoint)}")


def parse_hashes(lines: Sequence[str], what: str) -> tuple[bytes, ...]:
    """Return the 32-byte hashes of a proof, of which each line holds one in base64.

    Raises:
        FormatError: more than 63, or a line that holds anything else.
    """
    hashes = tuple(decode_base64(line, f"hash {number} of {what}") for number, line in enumerate(lines, 1))
    check_hashes(hashes, what)
    return hashes


def check_hashes(hashes: Sequence[bytes], what: str) -> None:
    """Check that there are at most 63 hashes, each of 32 bytes.

    Raises:
        FormatError: otherwise.
    """
    if len(hashes) > MAX_PROOF_HASHES:
        raise FormatError(f"{what} has at most {MAX_PROOF_HASHES} hashes, this one has {len(hashes)}")
    for number, one in enumerate(hashes, 1):
        if len(one) != HASH_BYTES:
            raise FormatError(f"hash {number} of {what} has {len(one)} bytes instead of {HASH_BYTES}")


def format_hashes(hashes: Iterable[bytes]) -> bytes:
    """Return hashes as lines of base64."""
    return b"".join([b64encode(one) + b"\n" for one in hashes])
