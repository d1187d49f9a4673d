"""Signers: in memory, from files, and behind registered URI schemes."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from creditledger.errors import FormatError, KeyFileError, PassphraseError, UsageError
from creditledger.keys import signer as signer_module
from creditledger.keys.ed25519 import KEY_TYPE, check_key, verify
from creditledger.keys.keyfile import format_public_key, write_key
from creditledger.keys.passphrase import Passphrase
from creditledger.keys.signer import FileSigner, MemorySigner, Signer, open_signer, register

SEED = bytes(range(32))


def sign_and_verify(signer: Signer) -> None:
    check_key(signer.public_key)
    assert signer.public_key[:1] == KEY_TYPE
    verify(signer.public_key[1:], b"message", signer.sign(b"message"))


def test_memory_signer() -> None:
    signer = MemorySigner(SEED)
    sign_and_verify(signer)
    assert repr(signer) == f"MemorySigner({format_public_key(signer.public_key)})"
    assert SEED.hex() not in repr(signer)
    with pytest.raises(TypeError):
        pickle.dumps(signer)
    with pytest.raises(FormatError):
        MemorySigner(SEED[:31])


def test_file_signer(tmp_path: Path) -> None:
    write_key(tmp_path / "court.key", SEED, b"sesame")
    signer = FileSigner.load(tmp_path / "court.key", passphrase=lambda: b"sesame")
    sign_and_verify(signer)
    assert signer.public_key == MemorySigner(SEED).public_key
    assert repr(signer).startswith("FileSigner(ed25519:")
    with pytest.raises(PassphraseError):
        FileSigner.load(tmp_path / "court.key")


def test_paths_and_file_uris(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_key(tmp_path / "court.key", SEED, None)
    write_key(tmp_path / "hsm:court.key", SEED, None)
    write_key(tmp_path / "a%20b", SEED, None)
    monkeypatch.chdir(tmp_path)
    for name in (
        tmp_path / "court.key",
        str(tmp_path / "court.key"),
        "court.key",
        f"file:{tmp_path}/court.key",
        f"file://{tmp_path}/court.key",
        "file:court.key",
        "./hsm:court.key",
        Path("hsm:court.key"),
        "file:hsm:court.key",
        "file:a%20b",
    ):
        sign_and_verify(open_signer(name))
    with pytest.raises(KeyFileError, match="does not exist"):
        open_signer("C:\\court.key")


@pytest.mark.parametrize("uri", ["pkcs11:token=court", "agent:", "https://example.org/key"])
def test_unknown_schemes_name_the_known_ones(uri: str) -> None:
    with pytest.raises(UsageError, match=r"known are file: and plain paths .* write \./"):
        open_signer(uri)


def test_a_registered_scheme_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signer_module, "_openers", dict(signer_module._openers))
    asked: list[tuple[str, Passphrase]] = []

    def opener(rest: str, passphrase: Passphrase) -> Signer:
        asked.append((rest, passphrase))
        return MemorySigner(SEED)

    register("test-agent", opener)
    sign_and_verify(open_signer("test-agent:slot=1:key\nx", b"sesame"))
    assert asked == [("slot=1:key\nx", b"sesame")]
    for taken_or_wrong in ("test-agent", "file", "", "x", "Agent", "a b", "1a", "a:b"):
        with pytest.raises(UsageError, match="cannot be registered"):
            register(taken_or_wrong, opener)
