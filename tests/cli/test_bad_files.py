"""Bad files, to every command that takes them: a sentence, the right exit code, never a traceback.

The exit codes are those of the specification (format v1, section 13.3): 1 input or disk, 2 wrong call, 3 evidence,
4 a check could not run, 10 no ledger, 11 locked, 12 passphrase, 13 version, 14 refused by a rule.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.pit import LIST, Pit, check

APPENDED = {
    "empty": 1, "binary": 1, "text": 1, "directory": 2, "missing": 2, "/dev/zero": 2, "giant": 1, "giant.json": 1,
    "deep.json": 1, "truncated.json": 1, "list.json": 1, "number.json": 1, "unknown.json": 1, "truncated.signed": 1,
    "flipped.signed": 3, "trailing.signed": 1, "v9.signed": 13, "expired.signed": 14, "elsewhere.signed": 14,
    "early.signed": 14, "impostor.signed": 14, "unlawful.signed": 14, "incomplete.signed": 2,
}  # fmt: skip


@pytest.mark.parametrize("name", APPENDED)
def test_what_is_appended(pit: Pit, name: str) -> None:
    keys = ("--log-key", pit.bench.key("log"), "--key", pit.bench.key("district-court-1"), "--yes")
    check(pit.run("append", pit.bench.ledger, pit[name], *keys), APPENDED[name])


SIGNED = {
    "empty": 1, "binary": 1, "missing": 2, "/dev/zero": 2, "giant": 1, "giant.json": 1, "truncated.json": 1,
    "flipped.signed": 3, "v9.signed": 13, "good.signed": 2,
}  # fmt: skip


@pytest.mark.parametrize("name", SIGNED)
def test_what_is_signed(pit: Pit, name: str) -> None:
    keys = ("--key", pit.bench.key("district-court-1"), "--ledger", pit.bench.ledger)
    check(pit.run("sign", pit[name], *keys, "--yes", "--json"), SIGNED[name])
    assert not pit[f"{name}.signed"].exists()


TABLES = {
    "empty": 1, "binary": 1, "text": 1, "directory": 2, "missing": 2, "/dev/zero": 2, "giant": 1, "giant.csv": 1,
    "nohead.csv": 1, "bad.csv": 1, "latin.csv": 1,
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_tables_to_compare_with(pit: Pit, name: str) -> None:
    check(pit.run("diff", pit.bench.ledger, LIST, "--csv", pit[name]), TABLES[name])


TRUSTS = {
    "empty": 1, "binary": 1, "text": 1, "directory": 1, "missing": 2, "giant": 1, "/dev/zero": 1, "v9.trust": 13,
    "short.trust": 1,
}  # fmt: skip


@pytest.mark.parametrize("name", TRUSTS)
def test_trust_files(pit: Pit, name: str) -> None:
    check(pit.run("verify", pit.bench.ledger, "--trust", pit[name]), TRUSTS[name])


# Verification finds evidence where restoring finds input that it cannot use.
EXPORTS = {
    "empty": (1, 1), "binary": (1, 1), "text": (1, 1), "missing": (10, 1), "giant": (1, 1), "giant.export": (3, 1),
    "truncated.export": (3, 1), "flipped.export": (3, 3), "v9.export": (13, 13),
}  # fmt: skip


@pytest.mark.parametrize("name", EXPORTS)
def test_exports(pit: Pit, name: str, tmp_path: Path) -> None:
    trust = ("--trust", pit.bench.trust)
    verified = pit.run("verify", pit[name], "--jobs", 1, *trust)
    if verified.code == 3:
        assert "FAILED" in verified.out, verified
    else:
        check(verified, EXPORTS[name][0])
    assert verified.code == EXPORTS[name][0]
    check(pit.run("restore", pit[name], tmp_path / "new", *trust), EXPORTS[name][1])
    assert not (tmp_path / "new").exists()


def test_a_trust_file_of_another_ledger(pit: Pit) -> None:
    done = pit.run("verify", pit.bench.ledger, "--trust", pit["other.trust"], "--json")
    assert done.code == 3
    assert done.json["findings"]
