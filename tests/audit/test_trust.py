"""The trust file: what it must say, and that nothing else is taken for one."""

from __future__ import annotations

import os
import runpy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.logs import ORIGIN, log_signer
from creditledger.audit import Trust, verify
from creditledger.audit.trust import MAX_BYTES, MAX_BYTES_2
from creditledger.errors import FormatError, LedgerError, UnsupportedError, UsageError
from creditledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from creditledger.tlog.cosignature import CosignatureSigner
from creditledger.tlog.note import NoteSigner, format_vkey
from creditledger.tlog.policy import Policy

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
        ("trust/v1", "trust/v3", UnsupportedError),
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


# -- version 2 ---------------------------------------------------------------------------------------------------------

LATTICE = format_vkey(ORIGIN, 6, bytes(range(256)) * 5 + bytes(32))
DESK = log_signer("desk", "registry.example.org/desk").verifier.vkey
WITNESS = CosignatureSigner('w".example', bytes(31) + b"1", lambda: 1).verifier.vkey
LATTICE_WITNESS = format_vkey("w2.example", 6, bytes(1312))
POLICY = (
    f"witness ombuds\\man {WITNESS}\nwitness 通 {LATTICE_WITNESS} https://w2.example/\n"
    "group g any ombuds\\man 通\nquorum g\n"
)
FULL = Trust(ORIGIN, bytes(range(32)), (KEY, LATTICE, OTHER), (DESK,), Policy.from_bytes(POLICY.encode()))


def test_version_2_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "registry.trust"
    path.write_text(FULL.to_text())
    found = Trust.load(path)
    assert found == FULL
    assert [one.vkey for one in found.verifiers()] == [KEY, OTHER]
    assert [one.vkey for one in found.acknowledgement_verifiers()] == [DESK]
    assert found.has_witnesses
    assert found.is_post_quantum
    assert found.has_post_quantum_keys
    assert Trust.from_bytes(found.to_text().encode()).to_text() == FULL.to_text()


@pytest.mark.parametrize(
    ("trust", "version"),
    [
        (TRUST, 1),
        (Trust(ORIGIN, bytes(32), (KEY, LATTICE)), 2),
        (Trust(ORIGIN, bytes(32), (KEY,), (DESK,)), 2),
        (Trust(ORIGIN, bytes(32), (KEY,), (), Policy.from_bytes(b"quorum none\n")), 2),
    ],
)
def test_the_older_version_is_written_where_it_suffices(trust: Trust, version: int) -> None:
    assert trust.to_text().startswith(f'format = "creditledger/trust/v{version}"\n')
    assert Trust.from_bytes(trust.to_text().encode()) == trust


def test_version_2_may_say_no_more_than_version_1() -> None:
    assert Trust.from_bytes(TRUST.to_text().replace("trust/v1", "trust/v2").encode()) == TRUST


MALFORMED_2: dict[str, tuple[str, str, type[LedgerError]]] = {
    "settings of version 2 in version 1": ("trust/v2", "trust/v1", FormatError),
    "a setting that neither has": ("witnesses =", "witness =", FormatError),
    "no Ed25519 log key": (f'"{KEY}", "{LATTICE}", "{OTHER}"', f'"{LATTICE}"', FormatError),
    "an ML-DSA key twice": (f'"{OTHER}"', f'"{LATTICE}"', FormatError),
    "a short ML-DSA key": (LATTICE, format_vkey(ORIGIN, 6, bytes(1311)), FormatError),
    "the key of a witness as a log key": (OTHER, WITNESS.replace('"', '\\"'), UnsupportedError),
    "a log key of a type that nobody knows": (OTHER, format_vkey(ORIGIN, 9, bytes(32)), UnsupportedError),
    "no acknowledgement keys": (f'["{DESK}"]', "[]", FormatError),
    "one acknowledgement key that is a text": (f'["{DESK}"]', f'"{DESK}"', FormatError),
    "an acknowledgement key of type 06": (DESK, format_vkey("desk", 6, bytes(1312)), UnsupportedError),
    "an acknowledgement key twice": (f'["{DESK}"]', f'["{DESK}", "{DESK}"]', FormatError),
    "a log key that acknowledges": (DESK, KEY, FormatError),
    "a log key under another name that acknowledges": (DESK, log_signer("root:log", "desk").verifier.vkey, FormatError),
    "an ML-DSA log key that witnesses": (LATTICE_WITNESS, LATTICE, FormatError),
    "the log's Ed25519 key that witnesses": (
        LATTICE_WITNESS, format_vkey("w2", 4, log_signer().verifier.public_key), FormatError
    ),
    "witnesses that are a list": ('witnesses = """', 'witnesses = []\nmore = """', FormatError),
    "witnesses that are a number": ('witnesses = """', 'witnesses = 3\nmore = """', FormatError),
    "a policy without a quorum": ("quorum g\n", "", FormatError),
    "a quorum of nobody": ("quorum g\n", "quorum h\n", FormatError),
    "a policy with two quorums": ("quorum g\n", "quorum g\nquorum g\n", FormatError),
    "a policy with logs": ("quorum g\n", f"log {KEY}\nquorum g\n", FormatError),
    "a witness with a log's type of key": (LATTICE_WITNESS, OTHER, FormatError),
    "a witness of a type that nobody knows": (LATTICE_WITNESS, format_vkey("w", 9, bytes(32)), UnsupportedError),
    "such a witness, and a malformed log key": (
        f'"{OTHER}"', '"x"]\nwitnesses = "witness w ' + format_vkey("w", 9, bytes(32)) + '"\nmore = [""', FormatError
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MALFORMED_2)
def test_what_is_no_trust_file_of_version_2(name: str, tmp_path: Path) -> None:
    old, new, error = MALFORMED_2[name]
    text = FULL.to_text()
    assert old in text
    path = tmp_path / "registry.trust"
    path.write_text(text.replace(old, new))
    with pytest.raises(error, match="trust file") as caught:
        Trust.load(path)
    assert type(caught.value) is error


LOOKED_AT_BY_THE_LIBRARY_ALONE = {
    *[name for name in MALFORMED_2 if "acknowledge" in name and "text" not in name],
    *[name for name in MALFORMED_2 if "policy" in name or "quorum" in name],
    *[name for name in MALFORMED_2 if name.endswith("that witnesses") or name.startswith("a witness ")],
}
"""The tool reads neither the policy of the witnesses nor the keys that acknowledge, and says that it checks neither."""


def exit_of_the_tool(path: Path) -> int:
    """What the verifier in tools/ makes of a trust file: 0 if it can go by it, else the exit code."""
    tool: Any = runpy.run_path(str(Path(__file__).parents[2] / "tools" / "verify_ledger.py"))
    try:
        tool["read_trust"](str(path))
    except tool["Fault"]:
        return 13
    except (ValueError, RecursionError):
        return 1
    return 0


@pytest.mark.parametrize("name", MALFORMED_2)
def test_the_tool_takes_the_same_files_for_trust_files(name: str, tmp_path: Path) -> None:
    old, new, error = MALFORMED_2[name]
    path = tmp_path / "registry.trust"
    path.write_text(FULL.to_text())
    assert exit_of_the_tool(path) == 0
    path.write_text(FULL.to_text().replace(old, new))
    assert exit_of_the_tool(path) == (0 if name in LOOKED_AT_BY_THE_LIBRARY_ALONE else error.exit_code)


def test_the_tool_goes_by_the_ed25519_keys_alone(tmp_path: Path) -> None:
    path = tmp_path / "registry.trust"
    path.write_text(FULL.to_text())
    tool: Any = runpy.run_path(str(Path(__file__).parents[2] / "tools" / "verify_ledger.py"))
    assert list(tool["read_trust"](str(path)).keys.values()) == [b"\x01" + one.public_key for one in FULL.verifiers()]
    said = " ".join(tool["UNCHECKED"])
    assert "witnesses" in said
    assert "ML-DSA" in said


def test_a_malformed_setting_is_never_merely_unsupported() -> None:
    """A witness of an unknown type beside a log key of no form."""
    text = FULL.to_text().replace(LATTICE_WITNESS, format_vkey("w", 9, bytes(32)))
    with pytest.raises(UnsupportedError):
        Trust.from_bytes(text.encode())
    for old, new in ((f'"{OTHER}"', '"x"'), ("000102", "00010"), (DESK, "x")):
        with pytest.raises(FormatError) as caught:
            Trust.from_bytes(text.replace(old, new).encode())
        assert type(caught.value) is FormatError


def test_room_for_the_post_quantum_keys_of_as_many_witnesses_as_a_policy_may_have() -> None:
    lines = [f"witness w{n} {format_vkey(f'w{n}', 6, n.to_bytes(2) * 656)}\n" for n in range(64)]
    trust = Trust(ORIGIN, bytes(32), (KEY,), (), Policy.from_bytes(("".join(lines) + "quorum w1\n").encode()))
    assert Trust.from_bytes(trust.to_text().encode()) == trust
    with pytest.raises(FormatError, match="larger than"):
        Trust.from_bytes(trust.to_text().encode() + b"#" * MAX_BYTES_2)
    with pytest.raises(FormatError, match="larger than"):
        Trust.from_bytes(TRUST.to_text().encode() + b"#" * MAX_BYTES)


@given(at=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_a_byte_changed_in_version_2_is_another_trust_or_none(at: int, byte: int) -> None:
    data = bytearray(FULL.to_text().encode())
    data[at % len(data)] = byte
    try:
        found = Trust.from_bytes(bytes(data))
    except FormatError:
        return
    assert Trust.from_bytes(found.to_text().encode()) == found


def test_a_key_of_a_type_not_known_here() -> None:
    """Version 1 knows Ed25519 alone, so what version 2 could read it does not understand."""
    with pytest.raises(UnsupportedError, match="only 01, Ed25519, can sign here"):
        Trust.from_bytes(TRUST.to_text().replace(OTHER, LATTICE).encode())
    with pytest.raises(UnsupportedError):
        Trust(ORIGIN, bytes(32), (KEY, format_vkey(ORIGIN, 9, bytes(32))))


# -- files -------------------------------------------------------------------------------------------------------------


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


def test_an_altered_checkpoint_of_this_log_is_not_taken_for_that_of_another() -> None:
    signer = NoteSigner(ORIGIN, b"\x05" * 32)
    trust = Trust(ORIGIN, bytes(32), (signer.verifier.vkey,))
    note = sign_checkpoint(Checkpoint(ORIGIN, 1, b"\x01" * 32), signer)
    assert not trust.may_be_another_log(note.replace(ORIGIN.encode(), b"another.example", 1)), "its origin was edited"
    other = NoteSigner("another.example", b"\x06" * 32)
    assert trust.may_be_another_log(sign_checkpoint(Checkpoint("another.example", 1, b"\x01" * 32), other))
    assert trust.may_be_another_log(sign_checkpoint(Checkpoint("another.example", 1, b"\x01" * 32), signer))
