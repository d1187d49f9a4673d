"""`doctor`: says what is wrong and what to do, survives what would crash others, and writes nothing."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from cli.bench import Bench, fingerprint, put
from cli.program import Program, plain
from creditledger.cli import cmd_doctor
from creditledger.demo import generated
from creditledger.ledger.founding import system_clock
from creditledger.ledger.ledger import Ledger
from creditledger.store.lock import WriterLock
from creditledger.store.master_key import write_master_key

YEAR = 366 * 86_400_000_000


def examined(bench: Bench, *options: object, code: int | None = None) -> dict[str, dict[str, Any]]:
    """The lines about the ledger by what they are about; of several, the worst."""
    done = bench.run("doctor", bench.ledger, *options, "--json")
    found: dict[str, dict[str, Any]] = {}
    for line in done.json["ledger"]:
        if line["check"] not in found or line["verdict"] == "problem":
            found[line["check"]] = line
    problems = [line for lines in (done.json["machine"], done.json["ledger"]) for line in lines]
    assert done.json["problems"] == sum(line["verdict"] == "problem" for line in problems)
    assert done.code == (code if code is not None else 1 if done.json["problems"] else 0)
    assert done.err == ""
    return found


def verdicts(found: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Everything that is not ok."""
    return {check: line["verdict"] for check, line in found.items() if line["verdict"] != "ok"}


def test_all_is_well_and_nothing_is_written(demo: Bench) -> None:
    before = fingerprint(demo.ledger.parent)
    found = examined(demo, "--content-key", demo.key("content"))
    assert verdicts(found) == {}
    assert {"ledger.toml", "permissions", "writer", "log file", "state file", "log", "last record", "head"} < set(found)
    assert fingerprint(demo.ledger.parent) == before


def test_the_machine_alone(demo: Bench) -> None:
    done = demo.run("doctor", "--json")
    assert done.code == 0, done.out
    assert "ledger" not in done.json
    found = {line["check"]: line["found"] for line in done.json["machine"]}
    assert found["Python"].startswith("CPython 3.")
    assert found["LMDB"].startswith("0.9.")
    assert "bundled" in found["LMDB"]
    assert "verdicts" in found["libsodium"]
    assert found["head store"].startswith(str(demo.run.home))


@pytest.mark.parametrize("file", ["log", "state"])
@pytest.mark.parametrize("damage", ["truncated", "garbage", "half the pages", "missing", "not a file"])
def test_damaged_data_files(bench: Bench, file: str, damage: str) -> None:
    data = bench.ledger / file / "data.mdb"
    if damage == "truncated":
        os.truncate(data, 20_000)
    elif damage == "garbage":
        data.write_bytes(os.urandom(50_000))
    elif damage == "half the pages":
        whole = data.read_bytes()
        data.write_bytes(whole[:8192] + b"\xff" * (len(whole) // 2) + whole[8192 + len(whole) // 2 :])
    else:
        data.unlink()
        if damage == "not a file":
            data.mkdir()
    found = examined(bench)
    line = found[f"{file} file"]
    if file == "state" and damage == "missing":
        assert line["verdict"] == found["state"]["verdict"] == "note"
    else:
        assert line["verdict"] == "problem"
        assert line["advice"]
    assert found["ledger.toml"]["verdict"] == "ok"
    assert ("log" in found) == (file == "state")
    if file == "state":
        assert found["log"]["verdict"] == "ok"


def test_a_crash_is_contained(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The examining process is replaced by one that dies as reading a damaged memory map does."""
    dying = tmp_path / "dying"
    dying.write_text('#!/bin/sh\necho \'["ok", "writer", "nobody", ""]\'\necho \'"the log"\'\nkill -BUS $$\n')
    dying.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(dying))
    first, second = cmd_doctor.examine(bench.ledger, None, None)
    assert (first.verdict, first.check) == ("ok", "writer")
    assert second.verdict == "problem"
    assert "reading the log ended the process (SIGBUS)" in second.found


def test_a_state_that_lags_is_a_note_and_one_that_leads_a_problem(bench: Bench) -> None:
    put(bench.ledger / "state", "meta", b"applied", (20).to_bytes(8, "big"))
    assert verdicts(examined(bench)) == {"state": "note"}
    put(bench.ledger / "state", "meta", b"applied", (9999).to_bytes(8, "big"))
    assert verdicts(examined(bench)) == {"state": "problem"}


def test_an_old_copy_is_recognised_by_the_head_outside(demo: Bench, bench: Bench) -> None:
    log_key = bench.key("log")
    root = ["--key", bench.key("district-court-1"), "--yes"]
    draft = bench.keys / "draft.json"
    subject = generated.firm(generated.Draws(7, "doctor"))
    draft.write_text(
        '{"authority": "district-court-1", "acts": [{"type": "listing.add/1", "list": "judgment-defaulters", '
        f'"subject": "{subject}", "ground": "able-but-refuses", "decided": "2024-01-02", "effective": "2024-01-02", '
        '"until": null, "case": null, "area": null, "measures": [], "content": {}, "source": null}]}'
    )
    appended = bench.run("append", bench.ledger, draft, "--log-key", log_key, *root, "--yes")
    assert appended.code == 0, appended.err
    assert verdicts(examined(bench)) == {}
    shutil.rmtree(bench.ledger)
    shutil.copytree(demo.ledger, bench.ledger)
    found = examined(bench)
    assert verdicts(found) == {"head": "problem"}
    assert "old backup or copy" in found["head"]["found"]
    assert verdicts(examined(bench, "--head-dir", bench.keys)) == {"head": "note"}


def test_a_damaged_head_file(bench: Bench) -> None:
    with Ledger.open(bench.ledger) as ledger:
        head = bench.run.home / "creditledger" / "heads" / ledger.ledger_id.hex()
    head.write_bytes(b"\0" * head.stat().st_size)
    assert verdicts(examined(bench)) == {"head": "problem"}


def test_who_writes_is_told_and_the_files_are_left_alone_meanwhile(bench: Bench) -> None:
    with WriterLock(bench.ledger / "writer.lock"):
        found = examined(bench)
    assert verdicts(found) == {"writer": "note", "log file": "note", "state file": "note"}
    assert f"process {os.getpid()}" in found["writer"]["found"]


def test_files_that_others_can_write_to(bench: Bench) -> None:
    (bench.ledger / "log" / "data.mdb").chmod(0o666)
    found = examined(bench)
    assert verdicts(found) == {"permissions": "problem"}
    assert "data.mdb" in found["permissions"]["found"]
    assert stat.S_IMODE((bench.ledger / "log" / "data.mdb").stat().st_mode) == 0o666


def test_the_content_and_its_key(bench: Bench) -> None:
    write_master_key(bench.keys / "other.key")
    assert verdicts(examined(bench, "--content-key", bench.keys / "other.key")) == {"content key": "problem"}
    assert verdicts(examined(bench, "--content-key", bench.keys / "nothing")) == {"content key": "problem"}
    segment = bench.ledger / "private" / "content-000001.seg"
    whole = segment.read_bytes()
    segment.write_bytes(whole[:600] + b"\xff" * 20 + whole[620:])
    assert verdicts(examined(bench)) == {"content": "problem"}
    segment.write_bytes(whole[:600])
    assert verdicts(examined(bench)) == {"content": "problem"}
    segment.write_bytes(b"\0" * len(whole))
    assert verdicts(examined(bench)) == {"content": "problem"}
    shutil.rmtree(bench.ledger / "private")
    assert verdicts(examined(bench)) == {}


def test_records_from_the_future(demo: Bench, tmp_path: Path) -> None:
    keys = [generated.signer(9, name) for name in ("log", "root")]
    run = Program(tmp_path / "home")
    Ledger.create(
        tmp_path / "future",
        origin="future.example/log",
        log_signer=keys[0],
        root_signers=[keys[1]],
        head_dir=run.home / "creditledger" / "heads",
        clock=lambda: system_clock() + YEAR,
    ).close()
    found = examined(Bench(tmp_path / "future", demo.keys, demo.trust, demo.story, run))
    assert verdicts(found) == {"last record": "problem"}


@pytest.mark.parametrize("text", [None, "", "format = ", "format = 'creditledger/v9'\nengine = 'lmdb'\n", "\0" * 9])
def test_no_ledger_or_a_damaged_description(bench: Bench, text: str | None) -> None:
    (bench.ledger / "ledger.toml").unlink()
    if text is not None:
        (bench.ledger / "ledger.toml").write_text(text)
    assert verdicts(examined(bench, code=10 if text is None else 1)) == {"ledger.toml": "problem"}


@pytest.mark.parametrize("place", ["nowhere", "an empty directory", "a file"])
def test_where_no_ledger_is_the_exit_code_says_so(demo: Bench, tmp_path: Path, place: str) -> None:
    path = tmp_path / place
    if place == "an empty directory":
        path.mkdir()
    elif place == "a file":
        path.touch()
    done = demo.run("doctor", path)
    assert done.code == 10
    assert f"there is no ledger at {path}" in done.out
    assert demo.run("doctor", path, "--json").code == 10


def test_on_a_terminal_what_to_do_stands_below(bench: Bench) -> None:
    shutil.rmtree(bench.ledger / "state")
    code, shown = bench.run.on_terminal("doctor", bench.ledger, columns=80)
    assert code == 0
    assert "→ the next writer makes it anew" in plain(shown)
    assert max(len(line) for line in plain(shown).splitlines() if str(bench.ledger) not in line) <= 80
    assert plain(shown).rstrip().endswith("No problem found.")


def test_no_place_for_heads(demo: Bench, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "closed").mkdir(mode=0o500)
    for place in (tmp_path / "file", tmp_path / "closed"):
        done = demo.run("doctor", "--head-dir", place / "heads", "--json", mortal=True)
        assert done.code == 1
        (line,) = (one for one in done.json["machine"] if one["verdict"] == "problem")
        assert line["check"] == "head store"
    assert demo.run("doctor", "--content-key", demo.key("content")).code == 2
