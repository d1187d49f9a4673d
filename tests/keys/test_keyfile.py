"""Key files: round trips, files made by OpenSSL and OpenSSH, and everything that is not a usable key file."""

from __future__ import annotations

import errno
import importlib.util
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from creditledger.errors import FormatError, KeyFileError, PassphraseError
from creditledger.keys.ed25519 import KEY_TYPE, public_key
from creditledger.keys.keyfile import (
    format_public_key,
    parse_public_key,
    read_key,
    read_public_key,
    write_key,
    write_public_key,
)

SEED = bytes(range(32))
KEY = KEY_TYPE + public_key(SEED)
PASSPHRASE = b"open sesame"

PEM_ENCRYPTED_BY_OPENSSL = {
    "scrypt": """
MIGTME8GCSqGSIb3DQEFDTBCMCEGCSsGAQQB2kcECzAUBAhl21BaUCnmtQICQAAC
AQgCAQEwHQYJYIZIAWUDBAEqBBAQpUDbQDxVY482LSHTeq5rBECjkJB1KF6T/byF
ac6YhcMG5vwxyLMBdAg/2L1JndhOZ7ZNtppg6gGAgM1IEpB6Fw0jgqhco4OGOZFH
1wKQN12z
""",
    "pbkdf2": """
MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAigIkFR4/afRQICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEAF6ZXHSXsbQ5aaWxAbUJ3oEQL2R
MBUTb8bwliE26G6GG9uhSSoxP/SoD0f/p91NIjFfChPslxg/5ze/sAUSlWQ7jMmt
MfAsd88sYi1DZ0l5JQ8=
""",
}
OPENSSL_SEED = "1ec08c5703cc745cabfd4584f80ee9fa9fe8d1bb78be112d160f9f75eb8725cd"

OPENSSH_PLAIN = """
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW
QyNTUxOQAAACCdoG7UO1CQ3EpVxIM12Yt7HL+VLwrITtN/dZRQlJf7dwAAAIjS0F4J0tBe
CQAAAAtzc2gtZWQyNTUxOQAAACCdoG7UO1CQ3EpVxIM12Yt7HL+VLwrITtN/dZRQlJf7dw
AAAEARUiewtP3Z2siK0fp2ZHKMNGr89EBGWLNZiHLswU5lyZ2gbtQ7UJDcSlXEgzXZi3sc
v5UvCshO0391lFCUl/t3AAAAAAECAwQF
"""
OPENSSH_ENCRYPTED = """
b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABD/SFiiZB
UKi9mxBhurv1BjAAAAEAAAAAEAAAAzAAAAC3NzaC1lZDI1NTE5AAAAIJ2gbtQ7UJDcSlXE
gzXZi3scv5UvCshO0391lFCUl/t3AAAAkObZ4ISLuNwZNzl+o1o62OtxH5N+dVLMo0ZxD+
9CvLL45rH0U/d1Xg1PDZQTxs2D3LqPH9HJVWnWeOvzQsFKqoT72uAetGax9OfYZ/sziueK
twbcsvkBwBSJxhESOUVmmG4R/FHp+blLQ7MeqwKorMti9cd0JnCIbp/nyPtyUy7+AxAaM8
AL0Lpwk8K37BgVAQ==
"""
OPENSSH_SEED = "115227b0b4fdd9dac88ad1fa7664728c346afcf4404658b3598872ecc14e65c9"


def pem(label: str, body: str) -> bytes:
    return f"-----BEGIN {label}-----\n{body.strip()}\n-----END {label}-----\n".encode()


def private_file(path: Path, data: bytes) -> Path:
    path.touch(0o600)
    path.write_bytes(data)
    return path


def never() -> bytes:
    pytest.fail("the passphrase was asked for, though the file is not encrypted")


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_round_trip(tmp_path: Path, passphrase: bytes | None) -> None:
    path = tmp_path / "court.key"
    write_key(path, SEED, passphrase)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_key(path, passphrase) == SEED
    assert read_key(str(path), lambda: PASSPHRASE) == SEED
    assert (SEED in path.read_bytes()) is False
    other = serialization.load_pem_private_key(path.read_bytes(), passphrase)
    assert isinstance(other, Ed25519PrivateKey)
    assert other.private_bytes_raw() == SEED


def test_encryption_salts_and_hides(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_key(tmp_path / name, SEED, PASSPHRASE)
    first, second = (tmp_path / "one").read_text().splitlines(), (tmp_path / "two").read_text().splitlines()
    assert first[0] == "-----BEGIN ENCRYPTED PRIVATE KEY-----"
    assert first[2:-1] != second[2:-1]


def test_passphrases_missing_empty_and_wrong(tmp_path: Path) -> None:
    path = tmp_path / "court.key"
    write_key(path, SEED, PASSPHRASE)
    with pytest.raises(PassphraseError, match="no passphrase was given"):
        read_key(path, None)
    with pytest.raises(PassphraseError, match="is empty"):
        read_key(path, b"")
    with pytest.raises(PassphraseError, match="wrong, or the file is damaged"):
        read_key(path, b"open barley")
    with pytest.raises(PassphraseError, match="say so explicitly"):
        write_key(tmp_path / "empty", SEED, b"")
    assert not (tmp_path / "empty").exists()


def test_an_unencrypted_file_asks_for_nothing(tmp_path: Path) -> None:
    write_key(tmp_path / "k", SEED, None)
    assert read_key(tmp_path / "k", never) == SEED


def test_nothing_is_ever_overwritten(tmp_path: Path) -> None:
    path = private_file(tmp_path / "court.key", b"precious")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for target in (path, tmp_path, tmp_path / "dangling"):
        with pytest.raises(KeyFileError, match="never overwritten"):
            write_key(target, SEED, None)
        with pytest.raises(KeyFileError, match="never overwritten"):
            write_public_key(target, KEY)
    assert path.read_bytes() == b"precious"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("umask", [0, 0o777])
def test_the_mode_is_exact_under_every_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        write_key(tmp_path / "k", SEED, None)
        write_public_key(tmp_path / "k.pub", KEY)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "k").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "k.pub").stat().st_mode) == 0o644


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(KeyFileError, match="No space left"):
        write_key(tmp_path / "k", SEED, None)
    assert list(tmp_path.iterdir()) == []


def test_file_and_directory_are_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))
    write_key(tmp_path / "k", SEED, None)
    assert synced == [(tmp_path / "k").stat().st_ino, tmp_path.stat().st_ino]


def test_places_that_cannot_hold_a_file(tmp_path: Path) -> None:
    private_file(tmp_path / "file", b"x")
    for target in (tmp_path / "missing" / "k", tmp_path / "file" / "k", tmp_path / "a\0b"):
        with pytest.raises(KeyFileError, match="cannot be created"):
            write_key(target, SEED, None)


def test_a_seed_of_another_length_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="this one 31"):
        write_key(tmp_path / "k", SEED[:31], None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o601, 0o666, 0o777])
def test_files_that_others_can_access(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "k"
    write_key(path, SEED, None)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match=rf"mode 0{mode:o}.*chmod 600"):
        read_key(path, None)
    path.chmod(0o400)
    assert read_key(path, None) == SEED


@pytest.mark.parametrize("derivation", ["scrypt", "pbkdf2"])
def test_keys_that_openssl_encrypted(tmp_path: Path, derivation: str) -> None:
    path = private_file(tmp_path / "k", pem("ENCRYPTED PRIVATE KEY", PEM_ENCRYPTED_BY_OPENSSL[derivation]))
    assert read_key(path, PASSPHRASE).hex() == OPENSSL_SEED
    with pytest.raises(PassphraseError, match="wrong"):
        read_key(path, b"x")


def test_keys_that_ssh_keygen_made(tmp_path: Path) -> None:
    path = private_file(tmp_path / "plain", pem("OPENSSH PRIVATE KEY", OPENSSH_PLAIN))
    assert read_key(path, never).hex() == OPENSSH_SEED
    path = private_file(tmp_path / "encrypted", pem("OPENSSH PRIVATE KEY", OPENSSH_ENCRYPTED))
    with pytest.raises(PassphraseError, match="no passphrase was given"):
        read_key(path, None)
    if importlib.util.find_spec("bcrypt") is None:
        with pytest.raises(KeyFileError, match="pip install bcrypt"):
            read_key(path, PASSPHRASE)
    else:
        assert read_key(path, PASSPHRASE).hex() == OPENSSH_SEED
        with pytest.raises(PassphraseError, match="wrong"):
            read_key(path, b"x")


def test_leading_white_space_is_forgiven(tmp_path: Path) -> None:
    path = private_file(tmp_path / "k", b"\n  \n" + pem("OPENSSH PRIVATE KEY", OPENSSH_PLAIN))
    assert read_key(path, None).hex() == OPENSSH_SEED


@pytest.mark.parametrize("kind", ["RSA", "EC", "Ed448", "X25519"])
@pytest.mark.parametrize("encrypted", [False, True])
def test_other_kinds_of_key(tmp_path: Path, kind: str, encrypted: bool) -> None:
    kinds: dict[str, Callable[[], PrivateKeyTypes]] = {
        "RSA": lambda: rsa.generate_private_key(65537, 2048),
        "EC": lambda: ec.generate_private_key(ec.SECP256R1()),
        "Ed448": ed448.Ed448PrivateKey.generate,
        "X25519": x25519.X25519PrivateKey.generate,
    }
    key = kinds[kind]()
    protection = serialization.BestAvailableEncryption(PASSPHRASE) if encrypted else serialization.NoEncryption()
    data = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)
    with pytest.raises(KeyFileError, match=f"of the kind {kind}; only Ed25519"):
        read_key(private_file(tmp_path / "k", data), PASSPHRASE)


def test_public_keys_are_told_apart(tmp_path: Path) -> None:
    public = Ed25519PrivateKey.from_private_bytes(SEED).public_key()
    spki = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    ssh = public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    for name, data in (("pem", spki), ("ssh", ssh), ("text", format_public_key(KEY).encode())):
        with pytest.raises(KeyFileError, match="holds a public key"):
            read_key(private_file(tmp_path / name, data), None)


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/null")):
        with pytest.raises(KeyFileError, match="not a regular file"):
            read_key(path, None)
    with pytest.raises(KeyFileError, match="does not exist"):
        read_key(tmp_path / "missing", None)
    with pytest.raises(KeyFileError, match="cannot be read"):
        read_key(tmp_path / "a\0b", None)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(KeyFileError):
        read_key(tmp_path, None)
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b" \n\t\n", "is empty"),
        (b"hello", "damaged, or not a private key"),
        (bytes(range(256)) * 16, "damaged, or not a private key"),
        (SEED, "damaged, or not a private key"),
        (b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n", "damaged, or not a private key"),
        (pem("ENCRYPTED PRIVATE KEY", "AAAA"), "damaged, or not a private key"),
        (pem("OPENSSH PRIVATE KEY", "AAAA"), "damaged, or not a private key"),
        (pem("CERTIFICATE", "AAAA"), "damaged, or not a private key"),
        (b"x" * 65_537, "larger than 65536 bytes"),
    ],
)
def test_what_is_no_key(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(KeyFileError, match=message):
        read_key(private_file(tmp_path / "k", data), never)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damaged_files_are_refused_or_read_but_never_crash(tmp_path: Path, data: st.DataObject) -> None:
    original = data.draw(
        st.sampled_from(
            [
                Ed25519PrivateKey.from_private_bytes(SEED).private_bytes(
                    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
                ),
                pem("OPENSSH PRIVATE KEY", OPENSSH_PLAIN),
            ]
        )
    )
    cut = original[: data.draw(st.integers(0, len(original) - 2))]
    path = private_file(tmp_path / "k", cut)
    with pytest.raises(KeyFileError):
        read_key(path, PASSPHRASE)
    mutated = bytearray(original)
    mutated[data.draw(st.integers(0, len(original) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(mutated)
    with suppress(KeyFileError):
        assert len(read_key(path, PASSPHRASE)) == 32


@given(st.binary(min_size=32, max_size=32))
def test_public_text_form(seed: bytes) -> None:
    key = KEY_TYPE + public_key(seed)
    text = format_public_key(key)
    assert text.startswith("ed25519:")
    assert len(text) == 52
    assert parse_public_key(text) == key


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text + "\n",
        lambda text: " " + text,
        lambda text: text[:-1],
        lambda text: text + "=",
        lambda text: text.upper(),
        lambda text: text.replace("ed25519:", "ed448:"),
        lambda text: text.removeprefix("ed25519:"),
        lambda text: text.replace("+", "-").replace("/", "_") if {"+", "/"} & set(text) else "ed25519:-",
        lambda text: text[:-2] + chr(ord(text[-2]) + 1) + "=",
        lambda _: "",
        lambda _: "ed25519:" + "A" * 43 + "=",
        lambda _: "ed25519:" + "/" * 42 + "8=",
    ],
)
def test_public_text_forms_that_are_refused(change: Callable[[str], str]) -> None:
    with pytest.raises(FormatError):
        parse_public_key(change(format_public_key(KEY)))


def test_keys_that_cannot_be_written_as_text() -> None:
    for key in (b"", KEY[1:], KEY + b"\0", KEY_TYPE + bytes(32), b"\x02" + KEY[1:]):
        with pytest.raises(FormatError):
            format_public_key(key)


def test_public_key_files(tmp_path: Path) -> None:
    path = tmp_path / "court.pub"
    write_public_key(path, KEY)
    assert path.read_text() == format_public_key(KEY) + "\n"
    assert read_public_key(path) == KEY
    for text in ("two\nlines\n", format_public_key(KEY) + "\n\n", "\u00ff"):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(FormatError):
            read_public_key(path)
    with pytest.raises(KeyFileError, match="does not exist"):
        read_public_key(tmp_path / "missing")
