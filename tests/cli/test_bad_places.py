"""Bad places, to every command that takes them: a sentence, the right exit code, never a traceback.

The exit codes are those of the specification (format v1, section 13.3): 1 input or disk, 2 wrong call, 3 evidence,
4 a check could not run, 10 no ledger, 11 locked, 12 passphrase, 13 version, 14 refused by a rule.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.bench import Bench
from cli.pit import FIRM, LIST, Pit, check
from creditledger.store.lock import WriterLock

DIRECTORIES = {
    "missing": 10, "directory": 10, "text": 10, "hollow": 10, "no-log": 10, "v9": 13, "engine9": 13, "untyped": 13,
    "mangled": 1, "binary-toml": 1, "giant-toml": 1, "garbage-log": 1,
}  # fmt: skip
ON_LEDGERS: dict[str, Callable[[Pit, Path], list[object]]] = {
    "lookup": lambda pit, path: ["lookup", path, FIRM, LIST],
    "append": lambda pit, path: ["append", path, pit["good.signed"], "--log-key", pit.bench.key("log")],
    "show": lambda pit, path: ["show", path, 1],
    "replay": lambda pit, path: ["replay", path],
    "tamper": lambda pit, path: ["tamper", path, pit["copy"], "--record", 1],
    "export": lambda pit, path: ["export", path, pit["new.export"]],
}
CASES = [
    (command, name)
    for command in ON_LEDGERS
    for name in DIRECTORIES
    if command in ("lookup", "append") or name in ("missing", "v9", "garbage-log")
]


@pytest.mark.parametrize(("command", "name"), CASES)
def test_directories(pit: Pit, command: str, name: str) -> None:
    check(pit.run(*ON_LEDGERS[command](pit, pit[name])), DIRECTORIES[name])
    assert not pit["copy"].exists()
    assert not pit["new.export"].exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["history", "DIR", FIRM, LIST], ["members", "DIR", LIST], ["log", "DIR"],
        ["diff", "DIR", LIST, "--from", "2023-01-01"], ["verify", "DIR", "--trust", "TRUST"],
    ],
    ids=lambda arguments: arguments[0],
)  # fmt: skip
def test_other_commands_on_no_ledger(pit: Pit, arguments: list[str]) -> None:
    given = [{"DIR": pit["directory"], "TRUST": pit.bench.trust}.get(one, one) for one in arguments]
    check(pit.run(*given), 10)


def test_a_second_writer(pit: Pit) -> None:
    with WriterLock(pit.bench.ledger / "writer.lock"):
        done = pit.run("append", pit.bench.ledger, pit["good.signed"], "--log-key", pit.bench.key("log"))
        check(done, 11)
        assert f"process {os.getpid()}" in done.err
        assert pit.run("lookup", pit.bench.ledger, FIRM, LIST).code == 0


def test_a_machine_that_never_signed(pit: Pit, tmp_path: Path) -> None:
    log = ("--log-key", pit.bench.key("log"), "--head-dir", tmp_path)
    check(pit.run("append", pit.bench.ledger, pit["good.signed"], *log), 4)


def test_an_old_copy(demo: Bench, bench: Bench, pit: Pit) -> None:
    log = ("--log-key", bench.key("log"))
    assert bench.run("append", bench.ledger, pit["good.signed"], *log).code == 0
    shutil.rmtree(bench.ledger)
    shutil.copytree(demo.ledger, bench.ledger)
    check(bench.run("append", bench.ledger, pit["good.signed"], *log), 3)


def test_a_read_only_ledger_is_read_and_not_written(bench: Bench, pit: Pit) -> None:
    paths = [bench.ledger, *bench.ledger.rglob("*")]
    for path in paths:
        path.chmod(0o500 if path.is_dir() else 0o400)
    try:
        for arguments in (["lookup", bench.ledger, FIRM, LIST], ["show", bench.ledger, 3], ["replay", bench.ledger]):
            done = bench.run(*arguments, mortal=True)
            assert (done.code, done.out != "") == (0, True), done.err
        verified = bench.run("verify", bench.ledger, "--trust", bench.trust, "--jobs", 1, mortal=True)
        assert verified.code == 0, verified
        log = ("--log-key", bench.key("log"))
        check(bench.run("append", bench.ledger, pit["good.signed"], *log, mortal=True), 1)
        check(bench.run("replay", bench.ledger, "--rebuild", mortal=True), 1)
    finally:
        for path in paths:
            path.chmod(0o700)


def test_places_that_cannot_be_written_to(pit: Pit, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    run = pit.run
    check(run("keygen", closed / "a.key", "--no-passphrase", mortal=True), 1)
    check(run("keygen", pit["text"] / "a.key", "--no-passphrase"), 1)
    check(run("keygen", pit["text"], "--no-passphrase"), 2)
    check(run("init", closed / "r", "--origin", "a.example/b", "--no-passphrase", "--keys", tmp_path, mortal=True), 1)
    check(run("init", tmp_path / "r", "--origin", "with space", "--no-passphrase"), 1)
    check(run("init", pit.bench.ledger, "--origin", "a.example/b", "--no-passphrase"), 2)
    check(run("demo", "--dir", closed / "r", "--acts", 60, mortal=True), 1)
    check(run("export", pit.bench.ledger, closed / "out", mortal=True), 1)
    check(run("export", pit.bench.ledger, pit["text"]), 2)
    check(run("draft", "list.open/1", "-o", pit["text"]), 2)
    assert pit["text"].read_text() == "This is not what you are looking for.\n"


@pytest.mark.parametrize("place", ["pipe", "/dev/zero"])
@pytest.mark.parametrize(
    "arguments",
    [
        ["restore", "PLACE", "NEW"], ["restore", "EXPORT", "NEW", "--trust", "PLACE"],
        ["diff", "DIR", LIST, "--csv", "PLACE"],
        ["import", "DIR", "PLACE", "--format", "events", "--list", LIST, "--dry-run", "--keys", "KEYS"],
        ["import", "DIR", "PLACE", "--format", "ofac-sdn", "--dated", "2020-01-01", "--transcript", "PLACE"],
        ["import", "--template", "--map", "list=list", "PLACE"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_is_no_regular_file_is_not_waited_for(pit: Pit, tmp_path: Path, place: str, arguments: list[str]) -> None:
    """Nobody writes to the pipe: whoever opened it would wait for ever."""
    if place == "pipe":
        os.mkfifo(tmp_path / "pipe")
    given = {
        "PLACE": tmp_path / "pipe" if place == "pipe" else pit[place], "DIR": pit.bench.ledger, "NEW": tmp_path / "new",
        "KEYS": pit.bench.keys, "EXPORT": pit["whole.export"],
    }  # fmt: skip
    done = pit.run(*(given.get(one, one) for one in arguments))
    assert done.code in (1, 2), done
    assert done.err.startswith(("error: ", "Usage: ")), done
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["nothing"], ["lookup"], ["lookup", "DIR", "nobody", LIST], ["lookup", "DIR", "uscc:1", LIST],
        ["lookup", "DIR", FIRM, "no-such-list"], ["lookup", "DIR", FIRM, LIST, "--valid-at", "2023-02-30"],
        ["lookup", "DIR", FIRM, LIST, "--known-at", "yesterday"], ["members", "DIR", "no-such-list"],
        ["log", "DIR", "-n", "0"], ["diff", "DIR", LIST], ["diff", "DIR", LIST, "--from", "x"],
        ["keygen"], ["verify", "DIR"], ["doctor", "DIR", "DIR"], ["demo", "--acts", "1"],
        ["import", "DIR"], ["export", "DIR", "-"], ["sign", "x.json"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_calls_that_make_no_sense(pit: Pit, arguments: list[str]) -> None:
    done = pit.run(*(pit.bench.ledger if one == "DIR" else one for one in arguments))
    assert done.code == 2, done
    assert "Traceback" not in done.err
    assert done.err


def test_an_act_type_of_the_future(pit: Pit) -> None:
    check(pit.run("draft", "no.such.act/1"), 13)
