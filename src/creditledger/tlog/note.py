"""Signed notes: a text, an empty line, and one signature line for each key that signed it (c2sp.org/signed-note).

    example.com/registry                                           the text, to its last line feed
    20852163
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
                                                                   the last empty line ends the text
    — example.com/registry Az3grlgtzPICa5OS8npVmf1M...             name, base64(key id ‖ signature)

A key is known by its name and its 4-byte key id together. In a configuration it is a line of text, a *vkey*: the name,
the key id in hexadecimal, base64(type byte ‖ public key), joined by `+`. The type byte says how the key signs. Here it
is 01, Ed25519 over the text; a module for another type brings its own `Verifier` and `Signer`, and uses `parse_vkey`.

The key id is too short to identify anybody: it only finds the key with which the signature is then verified. Nothing in
a note may be used before `open_note` has returned.
"""

from __future__ import annotations

import re
from base64 import b64encode
from binascii import a2b_base64
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import ClassVar, Final, Protocol, Self

from creditledger.errors import FormatError, UnsupportedError, UsageError, VerificationFailed
from creditledger.keys import ed25519

ED25519_TYPE: Final = 0x01
KEY_ID_BYTES: Final = 4
MAX_NAME_BYTES: Final = 255
MAX_VKEY_CHARACTERS: Final = 4096
MAX_SIGNATURES: Final = 100
MAX_NOTE_BYTES: Final = 1_000_000

_PREFIX: Final = "— "
_CONTROLS: Final = re.compile(rb"[\x00-\x09\x0b-\x1f]")
# A name has no `+`, no control character and no space. The spaces are those with the property White_Space in Unicode;
# they are written out because a library's table of them changes with its version.
_NOT_IN_NAMES: Final = re.compile("[+\x00-\x20\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]")


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line.

    Attributes:
        name: the name of the key.
        key_id: 4 bytes.
        signature: the signature proper, in the form that the type of the key prescribes.
    """

    name: str
    key_id: bytes
    signature: bytes

    def to_bytes(self) -> bytes:
        """Return the line with its line feed; appended to a signed note, it adds a signature."""
        return f"{_PREFIX}{self.name} {b64encode(self.key_id + self.signature).decode()}\n".encode()


@dataclass(frozen=True, slots=True)
class Note:
    """A note as `open_note` returns it: the text as signed, and the signatures that were verified, as they stand."""

    text: bytes
    signatures: tuple[Signature, ...]


class Verifier(Protocol):
    """A public key that verifies notes."""

    @property
    def name(self) -> str:
        """The name of the key."""

    @property
    def key_id(self) -> bytes:
        """The 4 bytes that, with the name, find the key."""

    def verify(self, text: bytes, signature: bytes) -> None:
        """Return if the signature of the text is valid; raise VerificationFailed if not."""


class Signer(Protocol):
    """A private key that signs notes."""

    def sign(self, text: bytes) -> Signature:
        """Return the signature of a text."""


@dataclass(frozen=True, slots=True)
class Ed25519Key:
    """A named Ed25519 key of some signature type.

    Attributes:
        TYPE: the signature type, of each class its own.
        name: the name of the key, or of the cosigner.
        public_key: 32 bytes.
    """

    TYPE: ClassVar[int]
    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        """Refuse what is not a key name, and points that are not fit to be keys; both with FormatError."""
        check_name(self.name)
        ed25519.check_public_key(self.public_key)

    @property
    def key_id(self) -> bytes:
        """The 4 bytes that, with the name, find the key."""
        return key_id(self.name, self.TYPE, self.public_key)

    @property
    def vkey(self) -> str:
        """The key as a line of text."""
        return format_vkey(self.name, self.TYPE, self.public_key)


class NoteVerifier(Ed25519Key):
    """An Ed25519 key that verifies notes (signature type 01)."""

    __slots__ = ()
    TYPE = ED25519_TYPE

    @classmethod
    def parse(cls, vkey: str) -> Self:
        """Read a vkey of type 01.

        Raises:
            FormatError: malformed, or the key id is not that of name and key.
            UnsupportedError: a key of another type.
        """
        name, key_type, public_key = parse_vkey(vkey)
        if key_type != ED25519_TYPE:
            raise UnsupportedError(f"the key of {name!r} has type {key_type:02x}; only 01, Ed25519, can sign here")
        return cls(name, public_key)

    def verify(self, text: bytes, signature: bytes) -> None:
        """Return if the 64-byte signature of the text is valid; raise VerificationFailed (`LED-SIG`) if not."""
        ed25519.verify(self.public_key, text, signature)


class NoteSigner:
    """An Ed25519 key that signs notes (signature type 01).

    Attributes:
        verifier: the public half.
    """

    __slots__ = ("_key", "_key_id", "verifier")

    def __init__(self, name: str, seed: bytes) -> None:
        """Take the name of the key and its 32-byte seed; FormatError if either is malformed."""
        self._key = ed25519.SigningKey(seed)
        self.verifier = NoteVerifier(name, self._key.public_key)
        self._key_id = self.verifier.key_id

    def sign(self, text: bytes) -> Signature:
        """Return the signature of a text."""
        return Signature(self.verifier.name, self._key_id, self._key.sign(text))


def key_id(name: str, key_type: int, public_key: bytes) -> bytes:
    """Return the 4-byte key id, SHA-256(name ‖ 0A ‖ type ‖ public key) cut short (signed-note, "Signatures")."""
    return sha256(name.encode() + b"\n" + bytes([key_type]) + public_key).digest()[:KEY_ID_BYTES]


def format_vkey(name: str, key_type: int, public_key: bytes) -> str:
    """Return a key as a line of text: `name+key id+base64(type ‖ public key)` (signed-note, "Verifier keys")."""
    encoded = b64encode(bytes([key_type]) + public_key).decode()
    return f"{name}+{key_id(name, key_type, public_key).hex()}+{encoded}"


def parse_vkey(vkey: str) -> tuple[str, int, bytes]:
    """Read a key of any type whose key id is formed as signed-note recommends (all but 02, ECDSA).

    Returns:
        Its name, type and public key.

    Raises:
        FormatError: malformed, or the key id is not that of name and key.
    """
    if len(vkey) > MAX_VKEY_CHARACTERS:
        raise FormatError(f"a verifier key has at most {MAX_VKEY_CHARACTERS} characters, this one has {len(vkey)}")
    # The base64 part may contain `+` too: only the first two separate.
    parts = vkey.split("+", 2)
    if len(parts) != 3:
        raise FormatError(f"a verifier key has the form name+key id+key; {vkey[:300]!r} has not")
    name, found, encoded = parts
    check_name(name)
    material = decode_base64(encoded, f"the key of {name!r}")
    if len(material) < 2:
        raise FormatError(f"the key of {name!r} must hold a type byte and a public key; it has {len(material)} bytes")
    expected = key_id(name, material[0], material[1:]).hex()
    if found != expected:
        raise FormatError(f"the key of {name!r} has the key id {expected}, but the line says {found[:100]!r}")
    return name, material[0], material[1:]


def check_name(name: str) -> None:
    """Check that a text can be the name of a key: 1 to 255 bytes of UTF-8, no `+`, no space, no control character.

    Raises:
        FormatError: it cannot.
    """
    try:
        length = len(name.encode())
    except UnicodeEncodeError:
        raise FormatError(f"{name[:300]!r} cannot be a key name: it is not Unicode text") from None
    if not 1 <= length <= MAX_NAME_BYTES:
        raise FormatError(f"a key name has 1 to {MAX_NAME_BYTES} bytes; {name[:300]!r} has {length}")
    if match := _NOT_IN_NAMES.search(name):
        raise FormatError(f"{name!r} cannot be a key name: {match[0]!r} must not occur in one")


def decode_base64(encoded: str, what: str) -> bytes:
    """Decode base64 (RFC 4648 section 4), of which only the one canonical spelling is accepted.

    Args:
        encoded: the text; its length is bounded by the caller.
        what: names it in the error message.

    Raises:
        FormatError: foreign characters, wrong padding, or bits set that the padding leaves unused.
    """
    try:
        data = a2b_base64(encoded, strict_mode=True)
    except ValueError as error:
        raise FormatError(f"{what} is not base64: {error}") from None
    if b64encode(data).decode() != encoded:
        raise FormatError(f"{what} is not in the canonical form of base64")
    return data


def sign_note(text: bytes, *signers: Signer) -> bytes:
    """Return the text, signed by each of the signers, as a note.

    Raises:
        FormatError: the text cannot be that of a note.
        UsageError: no signer, or two of the same name and key id.
    """
    _check_text(text)
    signatures = [signer.sign(text) for signer in signers]
    keys = {(signature.name, signature.key_id) for signature in signatures}
    if not signers or len(keys) < len(signers):
        raise UsageError("a note is signed by at least one key, and by each key once")
    return b"".join([text, b"\n", *[signature.to_bytes() for signature in signatures]])


def open_note(data: bytes, verifiers: Iterable[Verifier]) -> Note:
    """Read a signed note and verify every signature by a key that is known; those by other keys are ignored.

    Args:
        data: the note as received.
        verifiers: the known keys. The signature of any one of them makes the note good; to ask for more, look at
            which signatures were verified.

    Raises:
        FormatError: it is not a signed note, or a known key has signed it more than once.
        VerificationFailed: finding `LED-CKPT`; a signature by a known key is wrong, or there is none.
        UsageError: two of the verifiers have the same name and key id.
    """
    known: dict[tuple[str, bytes], Verifier] = {}
    for verifier in verifiers:
        key = (verifier.name, verifier.key_id)
        if key in known:
            raise UsageError(f"the key {_label(verifier)} is among the verifiers twice")
        known[key] = verifier
    text, signatures = _parse(data)
    verified: dict[tuple[str, bytes], Signature] = {}
    for signature in signatures:
        key = (signature.name, signature.key_id)
        if key not in known:
            continue
        if key in verified:
            raise FormatError(f"the note has more than one signature by the key {_label(signature)}")
        try:
            known[key].verify(text, signature.signature)
        except VerificationFailed as failure:
            raise VerificationFailed(
                "LED-CKPT",
                f"the signature by the key {_label(signature)} is not one of this text",
                expected=failure.expected,
                found=failure.found,
            ) from failure
        verified[key] = signature
    if not verified:
        raise VerificationFailed(
            "LED-CKPT",
            "the note is not signed by a known key",
            expected=f"a signature by one of: {_labels(known.values())}",
            found=f"only: {_labels(signatures)}",
        )
    return Note(text, tuple(verified.values()))


def _parse(data: bytes) -> tuple[bytes, list[Signature]]:
    """Split a note into its text and all of its signature lines, known or not."""
    if len(data) > MAX_NOTE_BYTES:
        raise FormatError(f"a note has at most {MAX_NOTE_BYTES} bytes, this one has {len(data)}")
    # The text itself may contain empty lines; the last one separates.
    end = data.rfind(b"\n\n") + 1
    if not end:
        raise FormatError("a signed note has an empty line before its signatures; this one has none")
    text, block = data[:end], data[end + 1 :]
    _check_text(text)
    if not block.endswith(b"\n"):
        raise FormatError("the signatures of a note must end with a line feed")
    lines = block[:-1].split(b"\n")
    if len(lines) > MAX_SIGNATURES:
        raise FormatError(f"a note has at most {MAX_SIGNATURES} signatures, this one has {len(lines)}")
    return text, [_parse_line(number, line) for number, line in enumerate(lines, 1)]


def _parse_line(number: int, line: bytes) -> Signature:
    """Read one signature line, without its line feed."""
    where = f"signature line {number}"
    decoded = _decode_utf8(line, where)
    if not decoded.startswith(_PREFIX):
        raise FormatError(f"{where} of the note does not begin with a dash and a space (U+2014, U+0020)")
    name, _, encoded = decoded.removeprefix(_PREFIX).partition(" ")
    check_name(name)
    blob = decode_base64(encoded, where)
    if len(blob) <= KEY_ID_BYTES:
        raise FormatError(f"{where} must hold a key id and a signature; it has {len(blob)} bytes")
    return Signature(name, blob[:KEY_ID_BYTES], blob[KEY_ID_BYTES:])


def _check_text(text: bytes) -> None:
    """Check that bytes can be the text of a note: whole lines of UTF-8 without ASCII control characters."""
    _decode_utf8(text, "the text")
    if match := _CONTROLS.search(text):
        raise FormatError(f"the text of the note has the control character {match[0].hex()} at byte {match.start()}")
    if not text.endswith(b"\n"):
        raise FormatError("the text of a note must end with a line feed")


def _decode_utf8(data: bytes, what: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise FormatError(f"{what} of the note is not UTF-8, from byte {error.start} on") from None


def _label(key: Verifier | Signature) -> str:
    return repr(f"{key.name}+{key.key_id.hex()}")


def _labels(keys: Iterable[Verifier] | Iterable[Signature]) -> str:
    """Name some keys for an error message; a hostile note may have a hundred."""
    labels = [_label(key) for key in keys]
    return (", ".join(labels[:5]) or "none") + (f" and {len(labels) - 5} more" if len(labels) > 5 else "")
