"""Who signs: a private key in memory, in a file, or behind a URI that an extension knows how to open.

Layers above only see the protocol `Signer`, so that keys in an agent or a hardware module can take part: such an
extension calls `register("pkcs11", opener)` once, and `open_signer("pkcs11:...")` finds it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Protocol

from creditledger.errors import UsageError
from creditledger.keys.ed25519 import KEY_TYPE, SigningKey
from creditledger.keys.keyfile import format_public_key, read_key
from creditledger.keys.passphrase import Passphrase


class Signer(Protocol):
    """Something that holds one private key and signs with it."""

    @property
    def public_key(self) -> bytes:
        """The public key as the format carries it: type byte 01, then the 32 bytes of Ed25519."""

    def sign(self, message: bytes) -> bytes:
        """Return the signature of the message (64 bytes for Ed25519)."""


class MemorySigner:
    """Signs with an Ed25519 seed held in memory; its representation shows the public key only."""

    __slots__ = ("_key", "_public_key")

    def __init__(self, seed: bytes) -> None:
        """Take the 32-byte seed; FormatError if it has another length."""
        self._key = SigningKey(seed)
        self._public_key = KEY_TYPE + self._key.public_key

    @property
    def public_key(self) -> bytes:
        """The public key: type byte 01, then 32 bytes."""
        return self._public_key

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte Ed25519 signature of the message."""
        return self._key.sign(message)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({format_public_key(self.public_key)})"


class FileSigner(MemorySigner):
    """Signs with the key of a key file, read and decrypted once, when it is loaded.

    It signs whatever it is given, and does not look at the sequence file beside the key file (`KEY.seq.json`), in which
    `creditledger sign` keeps account of entries that are signed and not recorded yet. `Ledger.append` does not, either:
    it signs after the key's last entry on record. So let one of the two number a key's entries, or have everything
    that was signed offline recorded first: two entries signed with one number are evidence against the key.
    """

    __slots__ = ()

    @classmethod
    def load(cls, path: str | os.PathLike[str], passphrase: Passphrase = None) -> FileSigner:
        """Read a private key file; the passphrase is used only if the file is encrypted.

        Raises:
            PassphraseError: the passphrase is missing or wrong.
            KeyFileError: the file cannot be used; the message says why.
        """
        return cls(read_key(path, passphrase))


Opener = Callable[[str, Passphrase], Signer]
"""Opens what follows the colon of a URI."""

_openers: dict[str, Opener] = {}
# Two characters at least, so that a drive letter is not taken for a scheme.
_scheme = re.compile(r"([a-z][a-z0-9+.-]+):(.*)", re.DOTALL).fullmatch


def register(scheme: str, opener: Opener) -> None:
    """Let `open_signer` open URIs of a scheme.

    Args:
        scheme: its name without the colon, in lower case, as in RFC 3986 section 3.1.
        opener: called with the rest of the URI and the passphrase that `open_signer` was given.

    Raises:
        UsageError: the name is not one, or is taken.
    """
    if _scheme(f"{scheme}:") is None or scheme in _openers:
        raise UsageError(f"{scheme!a} cannot be registered: it is taken, or no name of a URI scheme")
    _openers[scheme] = opener


def open_signer(uri_or_path: str | os.PathLike[str], passphrase: Passphrase = None) -> Signer:
    """Open the signer that a path or URI names: `court.key`, `file:court.key`, or a registered scheme.

    Raises:
        UsageError: the scheme is not known; for a path that looks like a URI, write `./` before it.
        PassphraseError, KeyFileError: the key cannot be used; the message says why.
    """
    if not isinstance(uri_or_path, str) or (match := _scheme(uri_or_path)) is None:
        return FileSigner.load(uri_or_path, passphrase)
    scheme, rest = match.groups()
    if scheme not in _openers:
        known = ", ".join(f"{name}:" for name in sorted(_openers))
        raise UsageError(
            f"keys of the scheme {scheme}: are not known; known are {known} and plain paths "
            f"(for a file of that name, write ./{uri_or_path})"
        )
    return _openers[scheme](rest, passphrase)


# `file:///a/b` and `file:a/b` are both in use; nothing is percent-decoded.
register("file", lambda rest, passphrase: FileSigner.load(rest.removeprefix("//"), passphrase))
