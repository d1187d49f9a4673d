"""Detached content: what a salted commitment commits to, and under which name the private store keeps it.

The commitment stands in the log for ever; content and nonce live in the private store and can be destroyed. Without
the 32-byte nonce a commitment tells nothing about its content, however guessable (DESIGN: P6).
"""

from __future__ import annotations

import hashlib

from creditledger.acts.kinds import Subject
from creditledger.errors import FormatError, VerificationFailed

NONCE_BYTES = 32
MAX_CONTENT_BYTES = 1 << 20


def commit(nonce: bytes, content: bytes) -> bytes:
    """SHA-256(02 ‖ nonce ‖ content), 32 bytes.

    Raises `FormatError` unless the nonce is 32 bytes and the content at most 1 MiB.
    """
    if len(nonce) != NONCE_BYTES:
        raise FormatError(f"a content nonce is {NONCE_BYTES} bytes, not {len(nonce)}")
    if len(content) > MAX_CONTENT_BYTES:
        raise FormatError(f"one item of content is at most {MAX_CONTENT_BYTES} bytes, not {len(content)}")
    return hashlib.sha256(b"\x02" + nonce + content).digest()


def check_commitment(commitment: bytes, nonce: bytes, content: bytes) -> None:
    """Raises `VerificationFailed` unless the commitment commits to exactly this nonce and content."""
    found = commit(nonce, content)
    if found != commitment:
        raise VerificationFailed(
            "LED-CONTENT",
            "the content is not what was committed to",
            expected=commitment.hex(),
            found=found.hex(),
        )


def subject_key(list_id: str, subject: Subject | tuple[str, str | bytes]) -> bytes:
    """The ordered key of one subject on one list: list ‖ 00 ‖ scheme ‖ 00 ‖ value, at most 325 bytes."""
    scheme, value = subject
    # The type of the value follows its scheme, which a checker of types cannot know.
    return b"%b\x00%b\x00%b" % (list_id.encode(), scheme.encode(), value if type(value) is bytes else value.encode())  # type: ignore[union-attr]


def item_id(list_id: str, subject: Subject, commitment: bytes) -> bytes:
    """The private store's name for one item: SHA-256(03 ‖ commitment ‖ subject key), 32 bytes.

    It binds the item to the list and subject it belongs to, so that an act about somebody else, quoting the same
    commitment, can neither read nor erase it.
    """
    return hashlib.sha256(b"\x03" + commitment + subject_key(list_id, subject)).digest()
