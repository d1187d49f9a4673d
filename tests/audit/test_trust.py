"""The trust file: what it must say, and that nothing else is taken for one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.logs import ORIGIN, log_signer
from creditledger.audit import Trust, verify
from creditledger.audit.trust import MAX_BYTES
from creditledger.errors import FormatError, LedgerError, UnsupportedError, UsageError

KEY = log_signer().verifier.vkey
OTHER = log_signer("other").verifier.vkey
TRUST = Trust(ORIGIN, bytes(range(32)), (KEY, OTHER))


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "registry.trust"
    path.write_text(TRUST.to_text())
    assert Trust.load(path) == TRUST


def test_an_origin_with_awkward_characters_survives() -> None:
    trust = Trust('registry"\\🏛', bytes(32), (KEY,))
    assert Trust.from_bytes(trust.to_text().encode()) == trust


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("trust/v1", "trust/v2", UnsupportedError),
        ('format = "', 'fromat = "', FormatError),
        ("trust/v1", "trust/v01", FormatError),
        ("trust/v1", "trust/vX", FormatError),
        ("origin =", "witness = 3\norigin =", FormatError),
        ("origin =", "origins =", FormatError),
        ('origin = "registry', 'origin = "two words', FormatError),
        ("000102", "00010", FormatError),
        ("0a0b", "0A0B", FormatError),
        ("000102", "zz0102", FormatError),
        (f'["{KEY}", "{OTHER}"]', "[]", FormatError),
        (f'["{KEY}", "{OTHER}"]', f'"{KEY}"', FormatError),
        (f'["{KEY}", "{OTHER}"]', "[7]", FormatError),
        (OTHER, KEY, FormatError),
        (OTHER, OTHER[:-4] + "AAAA", FormatError),
        ("log_keys = [", "log_keys = ", FormatError),
    ],
    ids=range(16),
)
def test_what_is_no_trust_file(old: str, new: str, error: type[LedgerError], tmp_path: Path) -> None:
    path = tmp_path / "registry.trust"
    text = TRUST.to_text()
    assert old in text
    path.write_text(text.replace(old, new, 1) if old != OTHER else text.replace(old, new))
    with pytest.raises(error, match="trust file"):
        Trust.load(path)


def test_a_key_of_a_type_not_known_here() -> None:
    from creditledger.tlog.note import format_vkey

    with pytest.raises(UnsupportedError):
        Trust(ORIGIN, bytes(32), (format_vkey(ORIGIN, 6, bytes(1312)),))


def test_there_is_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no trust file"):
        Trust.load(tmp_path / "nothing")


@pytest.mark.parametrize("data", [b"\xff", b" " * (MAX_BYTES + 1), b"a = " + b"[" * 5000, b""], ids=range(4))
def test_bytes_that_are_no_text(data: bytes) -> None:
    with pytest.raises(FormatError):
        Trust.from_bytes(data)


@given(at=st.integers(0, 1000), byte=st.integers(0, 255))
def test_a_byte_changed_is_another_trust_or_none(at: int, byte: int) -> None:
    data = bytearray(TRUST.to_text().encode())
    data[at % len(data)] = byte
    try:
        found = Trust.from_bytes(bytes(data))
    except FormatError:
        return
    assert Trust.from_bytes(found.to_text().encode()) == found


@pytest.mark.parametrize("kind", ["pipe", "device", "directory"])
def test_what_is_no_regular_file_is_refused_and_not_waited_for(kind: str, tmp_path: Path) -> None:
    """Neither as the trust file, nor as the ledger, nor as what an audit remembers."""
    path = {"pipe": tmp_path / "pipe", "device": Path("/dev/zero"), "directory": tmp_path / "directory"}[kind]
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "directory").mkdir()
    with pytest.raises(FormatError, match="no regular file"):
        Trust.load(path)
    with pytest.raises(FormatError, match="no regular file"):
        verify(tmp_path / "nothing", trust=TRUST, remember=path)
    if kind != "directory":
        with pytest.raises(FormatError, match="no regular file"):
            verify(path, trust=TRUST)
