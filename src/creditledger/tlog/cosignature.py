"""Cosignatures: what a witness, or the log itself, says about a checkpoint and when (c2sp.org/tlog-cosignature).

    — witness.example/w1 base64(key id ‖ timestamp ‖ signature)    a signature line of the checkpoint's note

A cosignature says: of all the trees of this log that I have seen, which are consistent with each other, this was the
largest at that time. Its timestamp, 8 bytes of POSIX seconds, is signed along with the checkpoint. There are two types.

    04  Ed25519      signs "cosignature/v1", the time and the text of the checkpoint; it does not sign the cosigner's
                     name, so a key must belong to one cosigner only
    06  ML-DSA-44    signs the names of cosigner and log, the time, and an interval of leaves with its root; withstands
                     quantum computers, and can be had for any subtree

A log signs its own checkpoints with type 06 too, beside type 01 (module `note`); it may then leave the timestamp 0,
which says nothing about a time. From a witness, a timestamp of 0 is refused (c2sp.org/tlog-witness).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from creditledger.errors import FormatError, UnsupportedError, UsageError, VerificationFailed
from creditledger.keys import ed25519, mldsa
from creditledger.tlog.checkpoint import Checkpoint
from creditledger.tlog.note import (
    ED25519_TYPE,
    Ed25519Key,
    NoteVerifier,
    Signature,
    check_name,
    format_vkey,
    key_id,
    parse_vkey,
)
from creditledger.tlog.tree import MAX_SIZE, is_subtree

ED25519_COSIGNATURE_TYPE: Final = 0x04
MLDSA44_TYPE: Final = 0x06
TIMESTAMP_BYTES: Final = 8
MAX_TIMESTAMP: Final = 2**63 - 1

_ED25519_BYTES: Final = TIMESTAMP_BYTES + ed25519.SIGNATURE_BYTES
_MLDSA_BYTES: Final = TIMESTAMP_BYTES + mldsa.SIGNATURE_BYTES
_LABEL: Final = b"subtree/v1\n\x00"

Clock = Callable[[], int]
"""Tells the time in POSIX seconds; pure code is given one."""


class CosignatureVerifier(Ed25519Key):
    """An Ed25519 key that verifies cosignatures (signature type 04). A timestamp of 0 is always refused."""

    __slots__ = ()
    TYPE = ED25519_COSIGNATURE_TYPE

    def verify(self, text: bytes, signature: bytes) -> None:
        """Return if the 72-byte timestamped signature of the text is valid; raise VerificationFailed if not."""
        time = _read_time(signature, _ED25519_BYTES, zero_allowed=False)
        ed25519.verify(self.public_key, _ed25519_message(time, text), signature[TIMESTAMP_BYTES:])


class CosignatureSigner:
    """An Ed25519 key that cosigns checkpoints (signature type 04).

    Attributes:
        verifier: the public half.
    """

    __slots__ = ("_clock", "_key", "verifier")

    def __init__(self, name: str, seed: bytes, clock: Clock) -> None:
        """Take the name of the cosigner, its 32-byte seed and a clock; FormatError if name or seed is malformed."""
        self._key = ed25519.SigningKey(seed)
        self._clock = clock
        self.verifier = CosignatureVerifier(name, self._key.public_key)

    def sign(self, text: bytes) -> Signature:
        """Return the cosignature of the text of a checkpoint, as of now.

        Raises:
            FormatError: the text is not that of a checkpoint.
            UsageError: the clock does not tell a time after 1970.
        """
        Checkpoint.from_bytes(text)
        time = _now(self._clock)
        if time == 0:
            raise UsageError("an Ed25519 cosignature needs a time; the clock says 0")
        proper = _time_bytes(time) + self._key.sign(_ed25519_message(time, text))
        return Signature(self.verifier.name, self.verifier.key_id, proper)


@dataclass(frozen=True, slots=True)
class MlDsaVerifier:
    """An ML-DSA-44 key that verifies checkpoints and subtrees (signature type 06).

    Attributes:
        name: the name of the cosigner.
        public_key: 1,312 bytes.
        timed: True for the key of a witness: its cosignatures of checkpoints must have a time. A log need not.
    """

    name: str
    public_key: bytes
    timed: bool = False

    def __post_init__(self) -> None:
        """Refuse what is not a key name, and keys of a wrong length; both with FormatError."""
        check_name(self.name)
        mldsa.check_public_key(self.public_key)

    @property
    def key_id(self) -> bytes:
        """The 4 bytes that, with the name, find the key."""
        return key_id(self.name, MLDSA44_TYPE, self.public_key)

    @property
    def vkey(self) -> str:
        """The key as a line of text."""
        return format_vkey(self.name, MLDSA44_TYPE, self.public_key)

    def verify(self, text: bytes, signature: bytes) -> None:
        """Return if the 2,428-byte timestamped signature of the text is valid; raise VerificationFailed if not.

        Raises:
            FormatError: the text is not that of a checkpoint.
        """
        time = _read_time(signature, _MLDSA_BYTES, zero_allowed=not self.timed)
        head = Checkpoint.from_bytes(text)
        message = _mldsa_message(self.name, time, head.origin, 0, head.size, head.root)
        mldsa.verify(self.public_key, message, signature[TIMESTAMP_BYTES:])

    def verify_subtree(self, origin: str, start: int, end: int, root: bytes, signature: bytes) -> None:
        """Return if a signature says that the leaves of `[start, end)` of a log have this root.

        Args:
            origin: the log.
            start: the first leaf.
            end: the leaf after the last; `[start, end)` is a subtree (`tree.is_subtree`) and not empty.
            root: 32 bytes.
            signature: 2,428 bytes, of which the timestamp is 0, as c2sp.org/tlog-witness has it for sign-subtree.

        Raises:
            FormatError: the interval or the root is not that of a subtree, or the origin cannot be one.
            VerificationFailed: finding `LED-SIG`; the signature is not valid, or its timestamp is not 0.
        """
        _check_subtree(origin, start, end, root)
        if (time := _read_time(signature, _MLDSA_BYTES, zero_allowed=True)) != 0:
            raise _failure("a signature of a subtree has no time", expected="timestamp 0", found=f"timestamp {time}")
        message = _mldsa_message(self.name, 0, origin, start, end, root)
        mldsa.verify(self.public_key, message, signature[TIMESTAMP_BYTES:])


class MlDsaSigner:
    """An ML-DSA-44 key that signs checkpoints and subtrees (signature type 06).

    Attributes:
        verifier: the public half.
    """

    __slots__ = ("_clock", "_key", "verifier")

    def __init__(self, name: str, seed: bytes, clock: Clock) -> None:
        """Take the name of the cosigner, its 32-byte seed and a clock; FormatError if name or seed is malformed."""
        self._key = mldsa.SigningKey(seed)
        self._clock = clock
        self.verifier = MlDsaVerifier(name, self._key.public_key)

    def sign(self, text: bytes) -> Signature:
        """Return the signature of the text of a checkpoint, as of now; a clock that says 0 leaves out the time.

        Raises:
            FormatError: the text is not that of a checkpoint.
            UsageError: the clock does not tell POSIX seconds.
        """
        head = Checkpoint.from_bytes(text)
        return self._sign(_now(self._clock), head.origin, 0, head.size, head.root)

    def sign_subtree(self, origin: str, start: int, end: int, root: bytes) -> Signature:
        """Return a signature that says that the leaves of `[start, end)` of a log have this root; it has no time.

        The caller vouches that it is consistent with every tree of that log that this cosigner has seen.

        Raises:
            FormatError: the interval or the root is not that of a subtree, or the origin cannot be one.
        """
        _check_subtree(origin, start, end, root)
        return self._sign(0, origin, start, end, root)

    def _sign(self, time: int, origin: str, start: int, end: int, root: bytes) -> Signature:
        message = _mldsa_message(self.verifier.name, time, origin, start, end, root)
        return Signature(self.verifier.name, self.verifier.key_id, _time_bytes(time) + self._key.sign(message))


def timestamp(signature: Signature) -> int:
    """Return the POSIX seconds of a cosignature of either type; 0 from a log that did not say.

    Nothing is verified here: it says something once `note.open_note` has returned the signature.

    Raises:
        FormatError: it has not the length of a cosignature, or a time beyond 2^63 - 1.
    """
    if len(signature.signature) not in (_ED25519_BYTES, _MLDSA_BYTES):
        raise FormatError(
            f"the signature by {signature.name!r} has {len(signature.signature)} bytes, so it is no cosignature: "
            f"those have {_ED25519_BYTES} or {_MLDSA_BYTES}"
        )
    time = int.from_bytes(signature.signature[:TIMESTAMP_BYTES], "big")
    if time > MAX_TIMESTAMP:
        raise FormatError(f"the cosignature by {signature.name!r} has the time {time}, beyond {MAX_TIMESTAMP}")
    return time


def parse_verifier(vkey: str) -> NoteVerifier | CosignatureVerifier | MlDsaVerifier:
    """Read a vkey of type 01 (Ed25519), 04 (Ed25519 cosignature) or 06 (ML-DSA-44, with or without a time).

    Raises:
        FormatError: malformed, or the key id is not that of name and key.
        UnsupportedError: a key of another type.
    """
    name, key_type, public_key = parse_vkey(vkey)
    match key_type:
        case 0x01:
            return NoteVerifier(name, public_key)
        case 0x04:
            return CosignatureVerifier(name, public_key)
        case 0x06:
            return MlDsaVerifier(name, public_key)
    raise UnsupportedError(f"the key of {name!r} has type {key_type:02x}; only 01, 04 and 06 are known here")


def parse_witness_verifier(vkey: str) -> CosignatureVerifier | MlDsaVerifier:
    """Read the vkey of a witness, of type 04 or 06; what it verifies must have a time.

    Raises:
        FormatError: malformed, the key id is not that of name and key, or a key of type 01, which signs no time.
        UnsupportedError: a key of a type that is not known.
    """
    match parse_verifier(vkey):
        case CosignatureVerifier() as verifier:
            return verifier
        case MlDsaVerifier(name=name, public_key=public_key):
            return MlDsaVerifier(name, public_key, timed=True)
        case other:
            raise FormatError(
                f"the key of {other.name!r} has type {ED25519_TYPE:02x}, which is for logs: the key of a witness has "
                "type 04 or 06"
            )


def _ed25519_message(time: int, text: bytes) -> bytes:
    return b"cosignature/v1\ntime %d\n%b" % (time, text)


def _mldsa_message(name: str, time: int, origin: str, start: int, end: int, root: bytes) -> bytes:
    """Return the structure `cosigned_message`; name and origin have 1 to 255 bytes, as their checks have shown."""
    cosigner, log = name.encode(), origin.encode()
    return b"".join(
        [
            _LABEL,
            bytes([len(cosigner)]),
            cosigner,
            _time_bytes(time),
            bytes([len(log)]),
            log,
            start.to_bytes(8, "big"),
            end.to_bytes(8, "big"),
            root,
        ]
    )


def _time_bytes(time: int) -> bytes:
    return time.to_bytes(TIMESTAMP_BYTES, "big")


def _now(clock: Clock) -> int:
    time = clock()
    if not 0 <= time <= MAX_TIMESTAMP:
        raise UsageError(f"the clock of a cosigner tells POSIX seconds from 0 to {MAX_TIMESTAMP}, not {time}")
    return time


def _read_time(signature: bytes, length: int, *, zero_allowed: bool) -> int:
    """Return the timestamp of a signature that must have this length."""
    if len(signature) != length:
        raise _failure("its length is wrong", expected=f"{length} bytes", found=f"{len(signature)} bytes")
    time = int.from_bytes(signature[:TIMESTAMP_BYTES], "big")
    least = 0 if zero_allowed else 1
    if not least <= time <= MAX_TIMESTAMP:
        raise _failure("it has no such time", expected=f"a timestamp of {least} to {MAX_TIMESTAMP}", found=str(time))
    return time


def _check_subtree(origin: str, start: int, end: int, root: bytes) -> None:
    if not (0 <= start < end <= MAX_SIZE and is_subtree(start, end)):
        raise FormatError(f"[{start}, {end}) is not a subtree that can be signed")
    # The rules for an origin and a root are those of checkpoints.
    Checkpoint(origin, end, root)


def _failure(reason: str, *, expected: str, found: str) -> VerificationFailed:
    return VerificationFailed("LED-SIG", f"the cosignature does not verify: {reason}", expected=expected, found=found)
