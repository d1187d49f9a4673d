"""Key files: private keys as encrypted PKCS#8 or OpenSSH PEM, public keys as one line of text.

A private key file belongs to its owner alone (mode 0600) and is never overwritten: a key that is lost cannot be
replaced by accident. Files are written as PKCS#8 (RFC 8410), encrypted with AES-256-CBC under a key that scrypt derives
from the passphrase, at 16 MiB and about 0.2 s for each guess; `openssl pkey` reads them. The encryption that the
`cryptography` package offers for PKCS#8 is not used: its 2,048 rounds of PBKDF2 make a stolen file easy to guess.

The text form of a public key is `ed25519:` and the base64 of its 32 bytes; everywhere else the format carries the type
byte and the 32 bytes.

ML-DSA-44 keys, with which logs and witnesses may sign checkpoints beside their Ed25519 keys, are kept the same way: the
32-byte seed as PKCS#8 (RFC 9881 section 6, "seed"), and `ml-dsa-44:` with the base64 of 1,312 bytes.
"""

from __future__ import annotations

import os
import re
import stat
from binascii import a2b_base64, b2a_base64
from contextlib import suppress
from typing import Final, Literal

from creditledger.errors import FormatError, KeyFileError, PassphraseError
from creditledger.keys import mldsa
from creditledger.keys.ed25519 import KEY_TYPE, SEED_BYTES, check_key
from creditledger.keys.passphrase import Passphrase, resolve

MAX_KEY_FILE = 65_536

_TEXT_PREFIX = "ed25519:"
_text_form = re.compile(r"ed25519:([A-Za-z0-9+/]{43}=)").fullmatch
_MLDSA_PREFIX = "ml-dsa-44:"
_mldsa_form = re.compile(r"ml-dsa-44:([A-Za-z0-9+/]{1750}==)").fullmatch

KeyKind = Literal["ed25519", "ml-dsa-44"]
# What stands before the 32-byte seed. RFC 8410 section 7: version 0, algorithm 1.3.101.112, and the seed as an octet
# string within an octet string. RFC 9881 section 6: version 0, algorithm 2.16.840.1.101.3.4.3.17, and the seed under
# the tag [0] within an octet string.
_PKCS8_PREFIXES: Final[dict[KeyKind, bytes]] = {
    "ed25519": bytes.fromhex("302e020100300506032b657004220420"),
    "ml-dsa-44": bytes.fromhex("3034020100300b060960864801650304031104228020"),
}
SCRYPT_COST = 1 << 14
"""What guessing one passphrase costs: N of RFC 7914."""
_SCRYPT_R, _SCRYPT_P = 8, 5
_OID_PBES2 = bytes.fromhex("06092a864886f70d01050d")
_OID_SCRYPT = bytes.fromhex("06092b06010401da47040b")
_OID_AES_256_CBC = bytes.fromhex("060960864801650304012a")


def write_key(
    path: str | os.PathLike[str],
    seed: bytes,
    passphrase: bytes | None,
    *,
    cost: int = SCRYPT_COST,
    kind: KeyKind = "ed25519",
) -> None:
    """Write a private key to a new file of mode 0600 and make it durable.

    Args:
        path: where; there must be nothing yet.
        seed: the 32-byte seed.
        passphrase: encrypts the file; None, and nothing else, leaves it unencrypted.
        cost: a power of two; less than the default only where the passphrase is no secret, as in a demonstration.
        kind: of which kind of key it is the seed.

    Raises:
        KeyFileError: something is there already, or it cannot be written.
        PassphraseError: the passphrase is empty.
    """
    if len(seed) != SEED_BYTES:
        raise FormatError(f"the seed of a private key has {SEED_BYTES} bytes, this one {len(seed)}")
    plain = _PKCS8_PREFIXES[kind] + seed
    if passphrase is None:
        pem = _pem("PRIVATE KEY", plain)
    elif not passphrase:
        raise PassphraseError("the passphrase is empty; to leave a key file unencrypted, say so explicitly")
    else:
        pem = _pem("ENCRYPTED PRIVATE KEY", _encrypt(plain, passphrase, cost))
    _write_new(path, pem, 0o600)


def read_key(path: str | os.PathLike[str], passphrase: Passphrase) -> bytes:
    """Read the Ed25519 seed from a private key file: PKCS#8 or OpenSSH, in PEM, encrypted or not.

    Args:
        path: a regular file that only its owner can access, at most 64 KiB.
        passphrase: used, and its source called, only if the file is encrypted.

    Returns:
        The 32-byte seed.

    Raises:
        PassphraseError: the file is encrypted, and the passphrase is missing or wrong.
        KeyFileError: the file is missing, too open to others, damaged, or holds another kind of key.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = _load(path, passphrase)
    if not isinstance(key, Ed25519PrivateKey):
        raise _wrong_kind(path, key, "only Ed25519 keys sign here")
    return key.private_bytes_raw()


def read_mldsa_key(path: str | os.PathLike[str], passphrase: Passphrase) -> bytes:
    """Read the ML-DSA-44 seed from a private key file: PKCS#8 in PEM, encrypted or not, of the form "seed".

    Args:
        path: a regular file that only its owner can access, at most 64 KiB.
        passphrase: used, and its source called, only if the file is encrypted.

    Returns:
        The 32-byte seed.

    Raises:
        PassphraseError: the file is encrypted, and the passphrase is missing or wrong.
        KeyFileError: the file is missing, too open to others, damaged, or holds another kind of key.
    """
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

    key = _load(path, passphrase, also="; of an ML-DSA-44 key only the form that holds nothing but the seed is read")
    if not isinstance(key, MLDSA44PrivateKey):
        raise _wrong_kind(path, key, "an ML-DSA-44 key is needed, as creditledger keygen --type ml-dsa-44 makes one")
    return key.private_bytes_raw()


def _wrong_kind(path: str | os.PathLike[str], key: object, needed: str) -> KeyFileError:
    kind = type(key).__name__.removesuffix("PrivateKey")
    return KeyFileError(f"the key file {os.fspath(path)} holds a key of the kind {kind}; {needed}")


def _load(path: str | os.PathLike[str], passphrase: Passphrase, also: str = "") -> object:
    """Return the private key of a file, of whatever kind, as `cryptography` represents it."""
    from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key

    name = f"the key file {os.fspath(path)}"
    data = _read_private(path, name)
    load = load_ssh_private_key if data.startswith(b"-----BEGIN OPENSSH PRIVATE KEY-----") else load_pem_private_key
    try:
        try:
            key = load(data, None)
        except TypeError:
            # This, and only this, is how both functions say that the key is encrypted.
            secret = resolve(passphrase, name)
            try:
                key = load(data, secret)
            except (ValueError, InvalidTag) as error:
                raise PassphraseError(f"the passphrase for {name} is wrong, or the file is damaged") from error
    except ValueError as error:
        raise KeyFileError(f"{name} is damaged, or not a private key in PEM form{also}") from error
    except UnsupportedAlgorithm as error:
        raise KeyFileError(
            f"{name} needs something that is not installed: {error}. An encrypted OpenSSH key needs the package bcrypt "
            "(pip install bcrypt); or take its passphrase off with ssh-keygen -p"
        ) from error
    return key


def format_public_key(key: bytes) -> str:
    """Return the text form of a 33-byte public key (type byte 01, then 32 bytes): `ed25519:` and base64.

    Raises:
        FormatError: it is not a usable Ed25519 public key (`check_key`).
    """
    check_key(key)
    return _TEXT_PREFIX + b2a_base64(key[1:], newline=False).decode()


def parse_public_key(text: str) -> bytes:
    """Return the 33-byte public key of a text form; the inverse of `format_public_key`.

    Raises:
        FormatError: it is not the text form of a usable Ed25519 public key.
    """
    if (match := _text_form(text)) is None:
        raise FormatError(f"{text[:80]!a} is not a public key: it takes {_TEXT_PREFIX} and 44 characters of base64")
    key = KEY_TYPE + a2b_base64(match[1])
    # Base64 of 32 bytes has two unused bits; formatting again shows whether they are zero.
    if format_public_key(key) != text:
        raise FormatError(f"{text!a} is not a public key: its base64 is not canonical")
    return key


def format_mldsa_public_key(public_key: bytes) -> str:
    """Return the text form of a 1,312-byte ML-DSA-44 public key: `ml-dsa-44:` and base64.

    Raises:
        FormatError: another length.
    """
    mldsa.check_public_key(public_key)
    return _MLDSA_PREFIX + b2a_base64(public_key, newline=False).decode()


def parse_mldsa_public_key(text: str) -> bytes:
    """Return the 1,312-byte ML-DSA-44 public key of a text form; the inverse of `format_mldsa_public_key`.

    Raises:
        FormatError: it is not the text form of an ML-DSA-44 public key.
    """
    if (match := _mldsa_form(text)) is None:
        raise FormatError(
            f"{text[:80]!a} is not an ML-DSA-44 public key: it takes {_MLDSA_PREFIX} and 1752 characters of base64"
        )
    public_key = a2b_base64(match[1])
    if format_mldsa_public_key(public_key) != text:
        raise FormatError(f"{text[:80]!a}... is not an ML-DSA-44 public key: its base64 is not canonical")
    return public_key


def write_public_key(path: str | os.PathLike[str], key: bytes) -> None:
    """Write the text form of a 33-byte public key to a new file, customarily named NAME.pub.

    Raises:
        KeyFileError: something is there already, or it cannot be written.
        FormatError: it is not a usable Ed25519 public key.
    """
    _write_new(path, format_public_key(key).encode() + b"\n", 0o644)


def write_mldsa_public_key(path: str | os.PathLike[str], public_key: bytes) -> None:
    """Write the text form of a 1,312-byte ML-DSA-44 public key to a new file, customarily named NAME.pub.

    Raises:
        KeyFileError: something is there already, or it cannot be written.
        FormatError: another length.
    """
    _write_new(path, format_mldsa_public_key(public_key).encode() + b"\n", 0o644)


def read_public_key(path: str | os.PathLike[str]) -> bytes:
    """Return the 33-byte public key of a file that `write_public_key` wrote.

    Raises:
        KeyFileError: it cannot be read.
        FormatError: it does not hold one line with the text form of a public key.
    """
    data, _ = _read_bounded(path, f"the public key file {os.fspath(path)}")
    return parse_public_key(data.decode("ascii", "replace").removesuffix("\n"))


def read_mldsa_public_key(path: str | os.PathLike[str]) -> bytes:
    """Return the 1,312-byte ML-DSA-44 public key of a file that `write_mldsa_public_key` wrote.

    Raises:
        KeyFileError: it cannot be read.
        FormatError: it does not hold one line with the text form of such a key.
    """
    data, _ = _read_bounded(path, f"the public key file {os.fspath(path)}")
    return parse_mldsa_public_key(data.decode("ascii", "replace").removesuffix("\n"))


def _read_private(path: str | os.PathLike[str], name: str) -> bytes:
    """Return the bytes of a private key file, after the checks that need no cryptography."""
    data, mode = _read_bounded(path, name)
    if data.startswith((b"ssh-", _TEXT_PREFIX.encode(), _MLDSA_PREFIX.encode(), b"-----BEGIN PUBLIC KEY-----")):
        raise KeyFileError(f"{name} holds a public key; to sign, give the file of the private key")
    if mode & 0o077:
        raise KeyFileError(
            f"{name} is accessible to others (mode {mode & 0o777:04o}): run chmod 600 on it, and if others could have "
            "read it, replace the key"
        )
    return data


def _read_bounded(path: str | os.PathLike[str], name: str) -> tuple[bytes, int]:
    """Return the bytes of a regular file of 1 byte to 64 KiB, and its mode; leading white space is dropped."""
    try:
        # Without O_NONBLOCK, opening a named pipe would wait for its writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        try:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                raise KeyFileError(f"{name} is not a regular file")
            with open(descriptor, "rb", closefd=False) as file:
                data = file.read(MAX_KEY_FILE + 1)
        finally:
            os.close(descriptor)
    except FileNotFoundError as error:
        raise KeyFileError(f"{name} does not exist") from error
    except (OSError, ValueError) as error:
        raise KeyFileError(f"{name} cannot be read: {error}") from error
    if len(data) > MAX_KEY_FILE:
        raise KeyFileError(f"{name} is larger than {MAX_KEY_FILE} bytes, so it is not a key file")
    if not data.strip():
        raise KeyFileError(f"{name} is empty")
    return data.lstrip(), mode


def _write_new(path: str | os.PathLike[str], data: bytes, mode: int) -> None:
    """Create a file, write it, and make file and directory entry durable; leave nothing behind on failure."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except FileExistsError as error:
        raise KeyFileError(f"{os.fspath(path)} exists already, and a key file is never overwritten") from error
    except (OSError, ValueError) as error:
        raise KeyFileError(f"the key file {os.fspath(path)} cannot be created: {error}") from error
    try:
        with open(descriptor, "wb") as file:
            # The umask may only have taken bits away; the owner must be able to read the file.
            os.fchmod(descriptor, mode)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        directory = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        with suppress(OSError):
            os.unlink(path)
        raise KeyFileError(f"the key file {os.fspath(path)} could not be written: {error}") from error


def _encrypt(plaintext: bytes, passphrase: bytes, cost: int) -> bytes:
    """Return the DER of an EncryptedPrivateKeyInfo (RFC 8018 section 6.2: PBES2; RFC 7914 section 7: scrypt)."""
    import secrets
    from hashlib import scrypt

    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import AES256
    from cryptography.hazmat.primitives.ciphers.modes import CBC
    from cryptography.hazmat.primitives.padding import PKCS7

    salt, iv = secrets.token_bytes(16), secrets.token_bytes(16)
    key = scrypt(passphrase, salt=salt, n=cost, r=_SCRYPT_R, p=_SCRYPT_P, maxmem=1 << 26, dklen=32)
    padder, encryptor = PKCS7(128).padder(), Cipher(AES256(key), CBC(iv)).encryptor()
    ciphertext = encryptor.update(padder.update(plaintext) + padder.finalize()) + encryptor.finalize()
    integers = (_der(0x02, number.to_bytes(number.bit_length() // 8 + 1)) for number in (cost, _SCRYPT_R, _SCRYPT_P))
    derivation = _der(0x30, _OID_SCRYPT, _der(0x30, _der(0x04, salt), *integers))
    cipher = _der(0x30, _OID_AES_256_CBC, _der(0x04, iv))
    algorithm = _der(0x30, _OID_PBES2, _der(0x30, derivation, cipher))
    return _der(0x30, algorithm, _der(0x04, ciphertext))


def _der(tag: int, *parts: bytes) -> bytes:
    """Return a DER element of fewer than 256 bytes of content."""
    content = b"".join(parts)
    length = bytes([len(content)]) if len(content) < 128 else bytes([0x81, len(content)])
    return bytes([tag]) + length + content


def _pem(label: str, der: bytes) -> bytes:
    """Return the textual encoding of RFC 7468."""
    body = b2a_base64(der, newline=False)
    lines = [body[start : start + 64] for start in range(0, len(body), 64)]
    return b"\n".join([f"-----BEGIN {label}-----".encode(), *lines, f"-----END {label}-----\n".encode()])
