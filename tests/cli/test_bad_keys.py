"""Bad keys and passphrases, to every command that takes them: a sentence, the right exit code, never a traceback.

The exit codes are those of the specification (format v1, section 13.3): 1 input or disk, 2 wrong call, 3 evidence,
4 a check could not run, 10 no ledger, 11 locked, 12 passphrase, 13 version, 14 refused by a rule.
"""

from __future__ import annotations

import json
import os

import pytest

from cli.pit import LIST, Pit, check

KEYS = {
    "missing": 1, "directory": 1, "empty.key": 1, "truncated.key": 1, "binary.key": 1, "open.key": 1, "giant.key": 1,
    "/dev/zero": 1,
}  # fmt: skip


@pytest.mark.parametrize("name", KEYS)
def test_key_files(pit: Pit, name: str) -> None:
    check(pit.run("append", pit.bench.ledger, pit["good.signed"], "--log-key", pit[name]), KEYS[name])


@pytest.mark.parametrize("name", ["missing", "directory", "empty.key", "binary.key", "giant.key", "open.key"])
def test_content_keys(pit: Pit, name: str) -> None:
    log = ("--log-key", pit.bench.key("log"), "--content-key", pit[name])
    check(pit.run("append", pit.bench.ledger, pit["good.signed"], *log, "--dry-run"), 1)


@pytest.mark.parametrize("name", ["wrong.passphrase", "empty.passphrase", "missing", "/dev/zero", "giant", "open.key"])
def test_passphrases(pit: Pit, name: str) -> None:
    options = ("--log-key", pit.bench.key("locked"), "--passphrase-file", pit[name])
    check(pit.run("append", pit.bench.ledger, pit["good.signed"], *options), 12)


def test_a_passphrase_that_nobody_can_be_asked_for(pit: Pit) -> None:
    check(pit.run("append", pit.bench.ledger, pit["good.signed"], "--log-key", pit.bench.key("locked")), 12)
    options = ("--log-key", pit.bench.key("locked"), "--passphrase-fd", 77)
    check(pit.run("append", pit.bench.ledger, pit["good.signed"], *options), 12)


def test_the_right_passphrase_from_a_descriptor(pit: Pit) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"demo\n")
    os.close(writing)
    options = ("--log-key", pit.bench.key("locked"), "--passphrase-fd", reading, "--dry-run")
    done = pit.run("append", pit.bench.ledger, pit["good.signed"], *options, fds=[reading])
    os.close(reading)
    assert done.code == 0, done.err


def test_keys_that_are_not_those_needed(pit: Pit) -> None:
    draft = pit["draft.json"]
    act = {"type": "list.open/1", "list": LIST, "effective": "2023-01-01"}
    draft.write_text(json.dumps({"authority": "root", "acts": [act]}))
    log, court = pit.bench.key("log"), pit.bench.key("district-court-1")
    check(pit.run("append", pit.bench.ledger, pit["good.signed"], "--log-key", court), 2)
    check(pit.run("append", pit.bench.ledger, draft, "--log-key", log, "--key", log), 2)
    check(pit.run("append", pit.bench.ledger, draft, "--log-key", log, "--key", court), 14)
    check(pit.run("append", pit.bench.ledger, draft, "--log-key", log, "--key", court, "--yes"), 14)
    check(pit.run("append", pit.bench.ledger, draft, "--log-key", log), 2)
