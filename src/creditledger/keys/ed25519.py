"""The one Ed25519 rule of this format, on libsodium.

Implementations of Ed25519 (RFC 8032) disagree about hostile signatures. A record must have the same verdict in every
one of them, for decades, so the rule is spelt out. With B the base point, L its order, h = SHA-512(R ‖ A ‖ M) mod L,
a signature R ‖ S by key A over message M is valid exactly when

    1. A is 32 bytes and the signature 64;
    2. S < L (little-endian; RFC 8032 section 5.1.7, so that nobody can turn one valid signature into another);
    3. A and R decode, in canonical form: y < p, and the sign bit is 0 where x = 0 (RFC 8032 section 5.1.3);
    4. neither A nor R is of small order (such a key would sign everything);
    5. S·B = R + h·A, without multiplying by the cofactor.

A key may be *added* to a ledger only if A is of prime order as well, that is A = a·B for some a. A key with a component
of order 2, 4 or 8 passes rule 4, yet verifiers that treat the cofactor differently could disagree about its signatures.

    `verify`            rules 1 to 5
    `check_public_key`  the encoding, small order and prime order of A: once, when the key is added

libsodium 1.0.20, which PyNaCl 1.6.2 brings, decides rules 2 to 5 exactly so (`spec/vectors/ed25519.json` proves it, and
`tools/make_ed25519_vectors.py` is a second implementation in plain integers). The lengths are checked here, because
the library would read past the end of what is too short. PyNaCl before 1.6.2 takes some points of mixed order for prime
order (CVE-2025-69277).

This module binds to `nacl._sodium`, where PyNaCl keeps its compiled functions: importing `nacl.bindings` takes some
20 ms, this 1.5 ms. `crypto_sign_open` without an output buffer verifies and copies nothing; it releases the GIL.
"""

from __future__ import annotations

from nacl._sodium import ffi, lib

from creditledger.errors import FormatError, UnsupportedError, VerificationFailed

PUBLIC_KEY_BYTES = 32
SEED_BYTES = 32
SIGNATURE_BYTES = 64
KEY_TYPE = b"\x01"
"""The byte before the 32 of an Ed25519 public key wherever the format carries a key."""

FIELD_PRIME = 2**255 - 19
GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493

_NULL = ffi.NULL
_open = lib.crypto_sign_open

# libsodium chooses its implementations for this processor here; calling it twice is harmless.
if lib.sodium_init() < 0:
    raise ImportError("libsodium could not be initialised on this machine")


def verify(public_key: bytes, message: bytes, signature: bytes) -> None:
    """Check a signature under the strict rule of this module, except for prime order.

    Args:
        public_key: 32 bytes, without the type byte.
        message: the signed bytes.
        signature: 64 bytes, R ‖ S.

    Raises:
        VerificationFailed: finding `LED-SIG`, when the signature is not valid.
    """
    if len(public_key) != 32 or len(signature) != 64:
        raise _failure(public_key, signature)
    if _open(_NULL, _NULL, signature + message, len(message) + 64, public_key) != 0:
        raise _failure(public_key, signature)


def check_public_key(public_key: bytes) -> None:
    """Check that 32 bytes are the canonical encoding of a point of prime order: required of every key that is added.

    Raises:
        FormatError: they are not; the message says why and shows the bytes.
    """
    if len(public_key) != PUBLIC_KEY_BYTES:
        raise FormatError(f"an Ed25519 public key has {PUBLIC_KEY_BYTES} bytes, this one {len(public_key)}")
    if lib.crypto_core_ed25519_is_valid_point(public_key) != 1:
        if int.from_bytes(public_key, "little") & (2**255 - 1) >= FIELD_PRIME:
            reason = "its encoding is not canonical"
        else:
            reason = "it is not a curve point of prime order"
        raise FormatError(f"the Ed25519 public key {public_key.hex()} cannot be used: {reason}")


def check_key(key: bytes) -> None:
    """Check a key as the format carries it: a type byte, then the public key (33 bytes for Ed25519).

    Raises:
        UnsupportedError: the type byte is one that this version does not know.
        FormatError: there is no type byte, or the public key is refused by `check_public_key`.
    """
    if not key:
        raise FormatError("a key starts with its type byte; this one is empty")
    if key[:1] != KEY_TYPE:
        raise UnsupportedError(f"keys of type {key[:1].hex()} are not known here; 01 is Ed25519")
    check_public_key(key[1:])


class SigningKey:
    """An Ed25519 private key held in memory, ready to sign; its secret shows in no representation.

    Attributes:
        public_key: 32 bytes, without the type byte.
    """

    __slots__ = ("_secret", "public_key")

    def __init__(self, seed: bytes) -> None:
        """Take the 32-byte seed (RFC 8032 section 5.1.5); FormatError if it has another length."""
        if len(seed) != SEED_BYTES:
            raise FormatError(f"an Ed25519 seed has {SEED_BYTES} bytes, this one {len(seed)}")
        public = ffi.new("unsigned char[32]")
        secret = ffi.new("unsigned char[64]")
        # Neither this call nor the signing one below has a way to fail; a libsodium that reports failure is broken.
        if lib.crypto_sign_seed_keypair(public, secret, seed) != 0:
            raise RuntimeError("libsodium failed to derive a key pair")
        self.public_key: bytes = ffi.buffer(public)[:]
        self._secret = secret

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature R ‖ S of the message; deterministic (RFC 8032 section 5.1.6)."""
        signed = ffi.new("unsigned char[]", SIGNATURE_BYTES + len(message))
        if lib.crypto_sign(signed, _NULL, message, len(message), self._secret) != 0:
            raise RuntimeError("libsodium failed to sign")
        signature: bytes = ffi.buffer(signed, SIGNATURE_BYTES)[:]
        return signature

    def __repr__(self) -> str:
        """Show the public half only."""
        return f"SigningKey(public_key={self.public_key.hex()})"

    def __reduce__(self) -> str:
        """Refuse to be pickled or copied, so that no secret leaves memory by accident."""
        raise TypeError("a signing key is not copied or pickled; pass the key file instead")


def public_key(seed: bytes) -> bytes:
    """Return the 32-byte public key of a 32-byte seed; FormatError if the seed has another length."""
    return SigningKey(seed).public_key


def sign(seed: bytes, message: bytes) -> bytes:
    """Sign one message with a 32-byte seed; to sign many, keep a `SigningKey` (it halves the time).

    Returns:
        The 64-byte signature R ‖ S.

    Raises:
        FormatError: the seed does not have 32 bytes.
    """
    return SigningKey(seed).sign(message)


def _failure(public_key: bytes, signature: bytes) -> VerificationFailed:
    """Say what is wrong with a signature that was rejected; only ever called on the way out."""
    if len(public_key) != PUBLIC_KEY_BYTES:
        reason = f"the public key has {len(public_key)} bytes instead of {PUBLIC_KEY_BYTES}"
    elif len(signature) != SIGNATURE_BYTES:
        reason = f"the signature has {len(signature)} bytes instead of {SIGNATURE_BYTES}"
    elif int.from_bytes(signature[32:], "little") >= GROUP_ORDER:
        reason = "its second half is not below the group order"
    else:
        reason = "the message was changed, or another key made it"
    return VerificationFailed(
        "LED-SIG",
        f"the signature does not verify: {reason}",
        expected=f"an Ed25519 signature by {public_key[:64].hex()}",
        found=signature[:128].hex() or "nothing",
    )
