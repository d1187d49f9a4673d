"""ML-DSA-44 (FIPS 204), the signature beside Ed25519 that a quantum computer does not break, with the empty context.

Checkpoints stand for decades, so logs and witnesses can sign them with both. The package `cryptography` does the
arithmetic; it is imported at the first use, because it is not needed where nothing is signed with ML-DSA.

A private key is its 32-byte seed (ξ in FIPS 204 section 5.1). Signing is hedged with fresh randomness (section 3.4):
signing the same message twice gives two signatures, both of which are valid.
"""

from __future__ import annotations

from typing import Final

from creditledger.errors import FormatError, VerificationFailed

SEED_BYTES: Final = 32
PUBLIC_KEY_BYTES: Final = 1312
SIGNATURE_BYTES: Final = 2420


class SigningKey:
    """An ML-DSA-44 private key held in memory, ready to sign; its secret shows in no representation.

    Attributes:
        public_key: 1,312 bytes.
    """

    __slots__ = ("_key", "public_key")

    def __init__(self, seed: bytes) -> None:
        """Take the 32-byte seed; FormatError if it has another length."""
        from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

        if len(seed) != SEED_BYTES:
            raise FormatError(f"an ML-DSA-44 seed has {SEED_BYTES} bytes, this one {len(seed)}")
        self._key = MLDSA44PrivateKey.from_seed_bytes(seed)
        self.public_key: bytes = self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """Return a 2,420-byte signature of the message (FIPS 204 section 5.2, ML-DSA.Sign, empty context)."""
        return self._key.sign(message)

    def __repr__(self) -> str:
        """Show the beginning of the public half only."""
        return f"SigningKey(public_key={self.public_key[:16].hex()}...)"

    def __reduce__(self) -> str:
        """Refuse to be pickled or copied, so that no secret leaves memory by accident."""
        raise TypeError("a signing key is not copied or pickled; pass the key file instead")


def check_public_key(public_key: bytes) -> None:
    """Check that bytes can be an ML-DSA-44 public key; any 1,312 bytes can (FIPS 204 section 7.2, pkDecode).

    Raises:
        FormatError: another length.
    """
    if len(public_key) != PUBLIC_KEY_BYTES:
        raise FormatError(f"an ML-DSA-44 public key has {PUBLIC_KEY_BYTES} bytes, this one {len(public_key)}")


def verify(public_key: bytes, message: bytes, signature: bytes) -> None:
    """Check a signature (FIPS 204 section 5.3, ML-DSA.Verify, empty context).

    Args:
        public_key: 1,312 bytes.
        message: the signed bytes.
        signature: 2,420 bytes.

    Raises:
        VerificationFailed: finding `LED-SIG`, when the signature is not valid, or either has a wrong length.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

    if len(public_key) != PUBLIC_KEY_BYTES:
        reason = f"the public key has {len(public_key)} bytes instead of {PUBLIC_KEY_BYTES}"
        raise _failure(reason, public_key, signature)
    if len(signature) != SIGNATURE_BYTES:
        raise _failure(f"it has {len(signature)} bytes instead of {SIGNATURE_BYTES}", public_key, signature)
    try:
        MLDSA44PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature:
        raise _failure("the message was changed, or another key made it", public_key, signature) from None


def _failure(reason: str, public_key: bytes, signature: bytes) -> VerificationFailed:
    return VerificationFailed(
        "LED-SIG",
        f"the signature does not verify: {reason}",
        expected=f"an ML-DSA-44 signature by {public_key[:32].hex()}...",
        found=f"{signature[:32].hex()}..." if signature else "nothing",
    )
