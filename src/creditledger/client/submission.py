"""The submission: a signed entry on its way to the ledger, as a file that cosigners pass on until it is complete.

    ["creditledger/submission/v1", entry bytes, signatures, contents]

`signatures` holds 64 bytes for the author and each cosigner in the entry's order, nil where a cosigner has not signed
yet. `contents` holds `[list, [scheme, value], commitment, nonce, content]` in ascending order: detached content that
goes to the private store and never into the log. A submission in memory is always sound: whatever was read or added
has been verified.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from creditledger.acts.content import check_commitment
from creditledger.client.files import read_bounded, write_whole
from creditledger.client.phrases import fingerprint
from creditledger.codec.canonical import MAX_ARRAY, decode, encode
from creditledger.errors import FormatError, UnsupportedError, UsageError, VerificationFailed
from creditledger.keys import ed25519
from creditledger.ledger.receipt import ContentItem, content_item
from creditledger.record.entry import Cosigner, Entry, decode_entry, entry_hash

SUBMISSION_VERSION = "creditledger/submission/v1"
MAX_SUBMISSION_BYTES = 16 << 20

_FAMILY = "creditledger/submission/"
# The header of a short array, then that of its first element, a text that begins so.
_BEGINS = re.compile(rb"[\x90-\x9f](?:[\xa0-\xbf]|\xd9.)" + _FAMILY.encode(), re.DOTALL).match


@dataclass(frozen=True, slots=True)
class Submission:
    """A signed entry with the content that travels with it; made by `make`, `from_bytes` and `read` only.

    `data` are the bytes that are signed, `entry` what they say, `signatures` 64 bytes each (None: not yet), author
    first, then the cosigners in the entry's order.
    """

    data: bytes
    entry: Entry
    signatures: tuple[bytes | None, ...]
    contents: tuple[ContentItem, ...]

    @classmethod
    def make(cls, data: bytes, signature: bytes, contents: Iterable[ContentItem] = ()) -> Submission:
        """The submission of an entry that only its author has signed.

        Raises `FormatError` or `VerificationFailed` if entry, signature or contents are not sound.
        """
        entry = decode_entry(data)
        ordered = tuple(sorted(contents, key=_order))
        submission = cls(data, entry, (signature, *(None for _ in entry.cosigners)), ordered)
        submission.check()
        return submission

    @classmethod
    def from_bytes(cls, data: bytes, name: str = "the file") -> Submission:
        """Read a submission in its one canonical form, and verify every signature and commitment in it.

        Raises:
            FormatError: it is empty, too large, truncated, something else, or not sound; the message says where.
            UnsupportedError: a version of submissions or entries, or an act type, that this version does not know.
            VerificationFailed: a signature (LED-SIG) or a commitment (LED-CONTENT) does not hold.
        """
        raw = _decode(data, name)
        try:
            submission = cls(raw[1], decode_entry(raw[1]), raw[2], tuple(map(content_item, raw[3])))
            submission.check()
        except UnsupportedError as error:
            raise UnsupportedError(f"{name}: {error}") from None
        except FormatError as error:
            raise FormatError(f"{name}: {error}") from None
        return submission

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Submission:
        """Read a submission file: `from_bytes`, and `UsageError` if there is none, `StoreError` if the disk fails."""
        data = read_bounded(path, MAX_SUBMISSION_BYTES, "the submission")
        return cls.from_bytes(data, f"the file {os.fspath(path)}")

    def to_bytes(self) -> bytes:
        """The canonical bytes; raises `FormatError` if there is too much content for one submission."""
        contents = tuple(map(tuple, self.contents))
        if len(contents) > MAX_ARRAY:
            raise FormatError(f"a submission carries at most {MAX_ARRAY} items of content, not {len(contents)}")
        data = encode((SUBMISSION_VERSION, self.data, self.signatures, contents))
        if len(data) > MAX_SUBMISSION_BYTES:
            raise FormatError(
                f"a submission has at most {MAX_SUBMISSION_BYTES} bytes, this one would have {len(data)}: "
                "divide the acts among several entries"
            )
        return data

    def write(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Write the file (mode 0600, whole or not at all); `UsageError` if it exists and `force` is not set."""
        write_whole(path, self.to_bytes(), force=force)

    @property
    def digest(self) -> bytes:
        """SHA-256 of the entry, 32 bytes: how later acts refer to it."""
        return entry_hash(self.data)

    @property
    def complete(self) -> bool:
        """Whether everybody has signed, so that the entry can be appended."""
        return None not in self.signatures

    @property
    def missing(self) -> tuple[Cosigner, ...]:
        """The cosigners who have not signed yet."""
        unsigned = zip(self.entry.cosigners, self.signatures[1:], strict=True)
        return tuple(cosigner for cosigner, signature in unsigned if signature is None)

    def all_signatures(self) -> tuple[bytes, ...]:
        """The signatures, as appending needs them; raises `UsageError` naming who has not signed."""
        if self.missing:
            names = ", ".join(f"{who} (key {fingerprint(key)})" for who, key in self.missing)
            raise UsageError(f"the entry is not complete: {names} must still countersign it")
        return tuple(signature for signature in self.signatures if signature is not None)

    def add_signature(self, key: bytes, signature: bytes) -> Submission:
        """The submission with the signature (64 bytes) of a cosigner's 33-byte key.

        Adding again what is there changes nothing.

        Raises:
            UsageError: the key is not one of the entry's cosigners.
            VerificationFailed: LED-SIG, the signature does not verify.
        """
        place = self.require_cosigner(key)
        ed25519.verify(key[1:], self.data, signature)
        return replace(self, signatures=(*self.signatures[:place], signature, *self.signatures[place + 1 :]))

    def require_cosigner(self, key: bytes) -> int:
        """Return the place of a cosigner's signature in `signatures`; `UsageError` if the key is none of theirs."""
        for place, cosigner in enumerate(self.entry.cosigners, 1):
            if cosigner.key == key:
                return place
        listed = ", ".join(f"{who} (key {fingerprint(one)})" for who, one in self.entry.cosigners) or "nobody"
        raise UsageError(
            f"the key {fingerprint(key)} is not one of the entry's cosigners, who are: {listed}. Who signs is part "
            "of what the author signed; to change it, the author signs the acts afresh"
        )

    def check(self) -> None:
        """Verify every signature that is there and every commitment; raises as `from_bytes`."""
        signers = [(self.entry.authority, self.entry.key), *self.entry.cosigners]
        if type(self.signatures) is not tuple or len(self.signatures) != len(signers):
            raise FormatError(f"the entry has {len(signers)} signers, so as many signatures, nil where one is missing")
        for index, (signature, (authority, key)) in enumerate(zip(self.signatures, signers, strict=True)):
            if signature is None and index > 0:
                continue
            if type(signature) is not bytes or len(signature) != ed25519.SIGNATURE_BYTES:
                raise FormatError(f"the signature of {authority} is not 64 bytes")
            try:
                ed25519.verify(key[1:], self.data, signature)
            except VerificationFailed as error:
                raise VerificationFailed(
                    error.finding, f"the signature of {authority}: {error}", found=signature.hex()
                ) from None
        _check_contents(self.entry, self.contents)


def _decode(data: bytes, name: str) -> tuple[Any, Any, Any, Any]:
    """The four elements of a submission's array, the first of them checked."""
    if not data:
        raise FormatError(f"this is no submission: {name} is empty")
    if data.lstrip()[:1] == b"{":
        raise FormatError(f"{name} is text, not a signed entry; a draft has to be signed first")
    if not _BEGINS(data):
        raise FormatError(
            f"this is no submission: {name} is neither a draft nor a signed entry, since it does not begin with "
            f"{SUBMISSION_VERSION!r}"
        )
    try:
        raw = decode(data, MAX_SUBMISSION_BYTES)
    except FormatError as error:
        raise FormatError(f"this is no submission, or a damaged one: {name}: {error}") from None
    if type(raw) is not tuple or not raw or type(raw[0]) is not str or not raw[0].startswith(_FAMILY):
        raise FormatError(f"this is no submission: {name} does not begin with {SUBMISSION_VERSION!r}")
    if raw[0] != SUBMISSION_VERSION:
        raise UnsupportedError(f"{name} is of version {raw[0]!r:.80}; this version reads {SUBMISSION_VERSION!r}")
    if len(raw) != 4 or type(raw[1]) is not bytes or type(raw[2]) is not tuple or type(raw[3]) is not tuple:
        raise FormatError(f"{name} is not an array of version, entry, signatures and contents")
    return raw


def _order(item: ContentItem) -> tuple[str, str, str | bytes, bytes]:
    return item.list, *item.subject, item.commitment


def _check_contents(entry: Entry, contents: tuple[ContentItem, ...]) -> None:
    """Each item was committed to by an act of the entry about that subject on that list, once, in ascending order."""
    promised = {
        (act.list, act.subject, commitment.digest)  # type: ignore[union-attr]  # acts with content have both
        for act in entry.acts
        for commitment in getattr(act, "content", ())
    }
    last: tuple[str, str, str | bytes, bytes] | None = None
    for item in contents:
        if (item.list, item.subject, item.commitment) not in promised:
            raise FormatError(
                f"no act of the entry commits to the content for {item.list} with commitment {item.commitment.hex()}"
            )
        if last is not None and _order(item) <= last:
            raise FormatError("the items of content must be in ascending order, each once")
        last = _order(item)
        check_commitment(item.commitment, item.nonce, item.content)
