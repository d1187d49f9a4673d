"""ML-DSA-44: known answers, a second implementation, key files of RFC 9881, and everything that is not a signature."""

from __future__ import annotations

import copy
import hashlib
import pickle
import stat
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA65PrivateKey
from hypothesis import given
from hypothesis import strategies as st

import mldsa_writer
from creditledger.errors import FormatError, KeyFileError, PassphraseError, VerificationFailed
from creditledger.keys import keyfile, mldsa

SEED = bytes(range(32))
OWN = mldsa_writer.Key(SEED)
MESSAGE = b"a checkpoint"
SIGNATURE = OWN.sign(MESSAGE)
# The example of RFC 9881, appendix C.1.1.
RFC_SEED_FORM = b"""-----BEGIN PRIVATE KEY-----
MDQCAQAwCwYJYIZIAWUDBAMRBCKAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZ
GhscHR4f
-----END PRIVATE KEY-----
"""


# -- signatures --------------------------------------------------------------------------------------------------------


def accumulated(count: int) -> str:
    """The accumulated test of C2SP/CCTV: keys and deterministic signatures of the empty message, hashed together."""
    seeds, result = hashlib.shake_128(b"").digest(32 * count), hashlib.shake_128()
    for number in range(count):
        seed = seeds[32 * number : 32 * number + 32]
        key = mldsa_writer.Key(seed)
        signature = key.sign(b"")
        assert mldsa.SigningKey(seed).public_key == key.public
        mldsa.verify(key.public, b"", signature)
        result.update(key.public)
        result.update(signature)
    return result.hexdigest(32)


@pytest.mark.long
def test_the_second_implementation_gives_the_published_answers_and_ours_accepts_them() -> None:
    assert accumulated(100) == "d51148e1f9f4fa1a723a6cf42e25f2a99eb5c1b378b3d2dbbd561b1203beeae4"


def test_ours_accepts_what_the_second_implementation_makes() -> None:
    # No published value for so few; the long run above shows that this implementation is the published one.
    assert accumulated(5) == "522360dc7c48e0cb5352b0b5d49966acd7ea40760a925a1a62e24bedf760c37e"


def test_a_signature_is_verified_and_hedged() -> None:
    key = mldsa.SigningKey(SEED)
    first, second = key.sign(MESSAGE), key.sign(MESSAGE)
    assert len(key.public_key) == mldsa.PUBLIC_KEY_BYTES
    assert len(first) == mldsa.SIGNATURE_BYTES
    assert first != second
    mldsa.verify(key.public_key, MESSAGE, first)
    mldsa.verify(key.public_key, MESSAGE, second)


def test_a_signature_with_a_context_is_refused() -> None:
    signature = MLDSA44PrivateKey.from_seed_bytes(SEED).sign(MESSAGE, b"another use")
    with pytest.raises(VerificationFailed, match="LED-SIG"):
        mldsa.verify(OWN.public, MESSAGE, signature)


@given(st.integers(0, mldsa.SIGNATURE_BYTES * 8 - 1))
def test_a_signature_with_any_bit_changed_is_refused(bit: int) -> None:
    changed = bytearray(SIGNATURE)
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(VerificationFailed, match="LED-SIG"):
        mldsa.verify(OWN.public, MESSAGE, bytes(changed))


@pytest.mark.parametrize(
    ("public_key", "message", "signature"),
    [
        pytest.param(OWN.public, MESSAGE + b".", SIGNATURE, id="another-message"),
        pytest.param(mldsa.SigningKey(bytes(32)).public_key, MESSAGE, SIGNATURE, id="another-key"),
        pytest.param(OWN.public, MESSAGE, SIGNATURE[:-1], id="signature-a-byte-short"),
        pytest.param(OWN.public, MESSAGE, SIGNATURE + b"\0", id="signature-a-byte-long"),
        pytest.param(OWN.public, MESSAGE, b"", id="no-signature"),
        pytest.param(OWN.public, MESSAGE, bytes(2420), id="zeros"),
        pytest.param(OWN.public, MESSAGE, b"\xff" * 2420, id="ones"),
        pytest.param(OWN.public[:-1], MESSAGE, SIGNATURE, id="key-a-byte-short"),
        pytest.param(OWN.public + b"\0", MESSAGE, SIGNATURE, id="key-a-byte-long"),
        pytest.param(b"", MESSAGE, SIGNATURE, id="no-key"),
    ],
)
def test_what_is_no_signature_is_refused(public_key: bytes, message: bytes, signature: bytes) -> None:
    with pytest.raises(VerificationFailed, match="LED-SIG") as caught:
        mldsa.verify(public_key, message, signature)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_seed_has_32_bytes(length: int) -> None:
    with pytest.raises(FormatError, match=str(length)):
        mldsa.SigningKey(bytes(length))


@pytest.mark.parametrize("length", [0, 32, 1311, 1313])
def test_a_public_key_has_1312_bytes(length: int) -> None:
    with pytest.raises(FormatError, match=str(length)):
        mldsa.check_public_key(bytes(length))


def test_any_1312_bytes_are_a_public_key() -> None:
    for public_key in (bytes(1312), b"\xff" * 1312):
        mldsa.check_public_key(public_key)
        with pytest.raises(VerificationFailed):
            mldsa.verify(public_key, MESSAGE, SIGNATURE)


def test_a_key_shows_no_secret_and_is_not_copied() -> None:
    key = mldsa.SigningKey(SEED)
    assert SEED.hex() not in repr(key)
    for attempt in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            attempt(key)


def test_nothing_heavy_is_imported_before_a_key_is_used() -> None:
    code = "import sys, creditledger.keys.mldsa, creditledger.tlog.policy; print('cryptography' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# -- key files ---------------------------------------------------------------------------------------------------------


def private_file(path: Path, data: bytes) -> Path:
    path.touch(0o600)
    path.write_bytes(data)
    return path


def pem(*parts: bytes) -> bytes:
    """A private key as PKCS#8: version, algorithm 2.16.840.1.101.3.4.3.17, and an octet string that holds the parts."""

    def element(tag: int, *content: bytes) -> bytes:
        data = b"".join(content)
        size = bytes([len(data)]) if len(data) < 128 else b"\x82" + len(data).to_bytes(2, "big")
        return bytes([tag]) + size + data

    algorithm = element(0x30, bytes.fromhex("0609608648016503040311"))
    body = b64encode(element(0x30, b"\x02\x01\x00", algorithm, element(0x04, *parts)))
    return b"-----BEGIN PRIVATE KEY-----\n" + body + b"\n-----END PRIVATE KEY-----\n"


SEED_PART = b"\x80\x20" + SEED
EXPANDED_PART = b"\x04\x82\x0a\x00" + OWN.expanded
BOTH_SIZE = b"\x30\x82\x0a\x26"


@pytest.mark.parametrize("passphrase", [None, b"open sesame"])
def test_a_key_file_is_read_back_here_and_elsewhere(tmp_path: Path, passphrase: bytes | None) -> None:
    path = tmp_path / "log.key"
    keyfile.write_key(path, SEED, passphrase, kind="ml-dsa-44")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert keyfile.read_mldsa_key(path, passphrase) == SEED
    other = serialization.load_pem_private_key(path.read_bytes(), passphrase)
    assert isinstance(other, MLDSA44PrivateKey)
    assert other.private_bytes_raw() == SEED
    assert other.public_key().public_bytes_raw() == OWN.public


def test_a_key_file_is_that_of_the_rfc_and_of_others(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    keyfile.write_key(path, SEED, None, kind="ml-dsa-44")
    assert path.read_bytes() == RFC_SEED_FORM
    other = MLDSA44PrivateKey.from_seed_bytes(SEED)
    theirs = other.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    assert theirs == RFC_SEED_FORM
    encrypted = other.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"open sesame"),
    )
    assert keyfile.read_mldsa_key(private_file(tmp_path / "theirs.key", encrypted), b"open sesame") == SEED


def test_the_forms_with_an_expanded_key_are_refused_with_a_reason(tmp_path: Path) -> None:
    both = private_file(tmp_path / "both.key", pem(BOTH_SIZE, b"\x04\x20" + SEED, EXPANDED_PART))
    expanded = private_file(tmp_path / "expanded.key", pem(EXPANDED_PART))
    for path in (both, expanded):
        with pytest.raises(KeyFileError, match="nothing but the seed"):
            keyfile.read_mldsa_key(path, None)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(pem(b"\x80\x1f" + SEED[1:]), id="seed-a-byte-short"),
        pytest.param(pem(b"\x80\x21" + SEED + b"\0"), id="seed-a-byte-long"),
        pytest.param(pem(SEED_PART + b"\0"), id="a-byte-after-the-seed"),
        pytest.param(pem(SEED), id="seed-without-its-tag"),
        pytest.param(RFC_SEED_FORM[:60], id="cut-off"),
    ],
)
def test_a_damaged_key_file_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(KeyFileError):
        keyfile.read_mldsa_key(private_file(tmp_path / "log.key", data), None)


def test_keys_of_one_kind_are_not_read_as_the_other(tmp_path: Path) -> None:
    keyfile.write_key(tmp_path / "pq", SEED, None, kind="ml-dsa-44")
    keyfile.write_key(tmp_path / "classical", SEED, None)
    stronger = MLDSA65PrivateKey.from_seed_bytes(SEED).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    private_file(tmp_path / "stronger", stronger)
    for name in ("classical", "stronger"):
        with pytest.raises(KeyFileError, match="an ML-DSA-44 key is needed"):
            keyfile.read_mldsa_key(tmp_path / name, None)
    for name in ("pq", "stronger"):
        with pytest.raises(KeyFileError, match="only Ed25519 keys sign here"):
            keyfile.read_key(tmp_path / name, None)


def test_the_passphrase_is_needed_and_must_be_right(tmp_path: Path) -> None:
    keyfile.write_key(tmp_path / "k", SEED, b"open sesame", kind="ml-dsa-44", cost=16)
    for passphrase in (None, b"", b"open sesam"):
        with pytest.raises(PassphraseError):
            keyfile.read_mldsa_key(tmp_path / "k", passphrase)


def test_the_public_half_is_read_back_and_told_from_other_keys(tmp_path: Path) -> None:
    path = tmp_path / "log.key.pub"
    keyfile.write_mldsa_public_key(path, OWN.public)
    assert keyfile.read_mldsa_public_key(path) == OWN.public
    assert path.read_text() == f"ml-dsa-44:{b64encode(OWN.public).decode()}\n"
    with pytest.raises(FormatError, match="ed25519:"):
        keyfile.read_public_key(path)
    with pytest.raises(KeyFileError, match="public key"):
        keyfile.read_mldsa_key(path, None)
    with pytest.raises(KeyFileError, match="never overwritten"):
        keyfile.write_mldsa_public_key(path, OWN.public)


TEXT = keyfile.format_mldsa_public_key(OWN.public)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param(TEXT + "\n", id="line-feed"),
        pytest.param(TEXT[:-1], id="padding-short"),
        pytest.param(TEXT[:-4], id="a-quantum-short"),
        pytest.param(TEXT.replace("ml-dsa-44:", "ML-DSA-44:"), id="capitals"),
        pytest.param(TEXT.replace("ml-dsa-44:", "ed25519:"), id="another-kind"),
        pytest.param(TEXT.removeprefix("ml-dsa-44:"), id="no-kind"),
        pytest.param(TEXT[:-3] + chr(ord(TEXT[-3]) + 1) + "==", id="unused-bits-set"),
        pytest.param(TEXT[:20] + "-" + TEXT[21:], id="url-alphabet"),
    ],
)
def test_a_malformed_public_key_is_refused(text: str) -> None:
    with pytest.raises(FormatError) as caught:
        keyfile.parse_mldsa_public_key(text)
    assert len(str(caught.value)) < 300
