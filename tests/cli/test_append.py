"""`append`: everything that can fail is found before a number is taken, and content can be read back."""

from __future__ import annotations

import json
import os
import shutil
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from cli.bench import Bench, fingerprint
from cli.in_process import in_process
from cli.program import Result
from creditledger.ledger.state import STATE_TABLES
from creditledger.store.lmdb_engine import LmdbEngine

LIST = "judgment-defaulters"
COURT = "district-court-1"
FIRM = "uscc:91110000600037341L"
HANDLE = "handle:" + "5e" * 32


@pytest.fixture
def bench(bench: Bench, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Bench:
    return in_process(bench, capfd, monkeypatch)


def draft(path: Path, **changes: Any) -> Path:
    act = {
        "type": "listing.add/1", "list": LIST, "subject": HANDLE, "ground": "able-but-refuses", "decided": "2024-02-01",
        "effective": "2024-02-01", "until": None, "case": None, "area": None, "measures": [],
        "content": {"name": {"text": "Ana Example"}, "scan": {"file": "scan.bin"}}, "source": None,
    } | changes  # fmt: skip
    path.with_name("scan.bin").write_bytes(b"\xff\xfe\x00scan")
    path.write_text(json.dumps({"authority": COURT, "acts": [act]}))
    return path


def append(bench: Bench, *arguments: object) -> Result:
    return bench.run("append", bench.ledger, *arguments, "--log-key", bench.key("log"))


def sequences(bench: Bench) -> list[str]:
    return [path.name for path in bench.keys.iterdir() if ".seq.json" in path.name]


def test_a_missing_content_key_is_named_before_anything_is_signed(bench: Bench, tmp_path: Path) -> None:
    file = draft(tmp_path / "a.json")
    key = ("--key", bench.key(COURT), "--yes")
    for options in ([], ["--dry-run"]):
        done = append(bench, file, *key, *options)
        assert (done.code, "--content-key" in done.err, "2 items of content" in done.err) == (2, True, True), done
        assert sequences(bench) == []
    os.mkfifo(tmp_path / "pipe")
    assert append(bench, file, *key, "--content-key", tmp_path / "pipe").code == 1
    other = tmp_path / "other.key"
    assert bench.run("keygen", other, "--content").code == 0
    wrong = append(bench, file, *key, "--content-key", other)
    assert wrong.code != 0
    assert sequences(bench) == []
    done = append(bench, file, *key, "--content-key", bench.key("content"))
    assert done.code == 0, done.err


def test_content_is_read_back_with_its_key(bench: Bench, tmp_path: Path) -> None:
    content = ("--content-key", bench.key("content"))
    done = append(bench, draft(tmp_path / "a.json"), "--key", bench.key(COURT), "--yes", "--json", *content)
    assert done.code == 0, done
    address = done.json[0]["address"]
    show = ("show", bench.ledger, address)
    assert bench.run(*show, *content, "--content", "name").out == "Ana Example"
    scan = bench.run(*show, *content, "--content", "scan", "--json").json
    assert (scan["text"], b64decode(scan["base64"])) == (None, b"\xff\xfe\x00scan")
    other = bench.run(*show, *content, "--content", "address")
    assert (other.code, "name, scan" in other.err) == (2, True)
    assert bench.run(*show, "--content", "name").code == 2
    assert bench.run("show", bench.ledger, address.partition(".")[0], *content, "--content", "name").code == 2
    keys = ("--key", bench.key(COURT), "--log-key", bench.key("log"))
    basis = ("--law", "privacy-act", "--article", "art. 47")
    erased = bench.run("erase", bench.ledger, HANDLE, LIST, *basis, *keys, "--yes")
    assert erased.code == 0, erased.err
    for copies in ("drafts", "*.signed", "exports", "backups"):
        assert copies in erased.err
    gone = bench.run(*show, *content, "--content", "name")
    assert (gone.code, "it was erased" in gone.err) == (2, True)


def test_several_files_stand_or_fall_together_and_duplicates_are_told(bench: Bench, tmp_path: Path) -> None:
    first = draft(tmp_path / "a.json", subject=FIRM, content={})
    key = ("--key", bench.key(COURT))
    assert bench.run("sign", first, *key, "--ledger", bench.ledger, "--yes").code == 0
    signed = tmp_path / "a.json.signed"
    bad = draft(tmp_path / "b.json", subject=FIRM, ground="no-such-ground", content={})
    refused = append(bench, signed, bad, *key, "--yes")
    assert (refused.code, f"This is {bad}; none of the files was recorded." in refused.err) == (14, True)
    behind = append(bench, draft(tmp_path / "c.json", subject="uscc:91997297613842132G", content={}), *key, "--yes")
    assert (behind.code, f"({signed}) is signed and not recorded" in behind.err) == (2, True)
    good = append(bench, signed, tmp_path / "c.json", *key, "--yes", "--json")
    assert (good.code, len(good.json)) == (0, 2), good
    again = append(bench, signed, "--dry-run")
    assert "0 entries would be recorded; 1 entry is recorded already" in again.err
    resent = append(bench, signed)
    assert (resent.code, f"{signed}: recorded already, as record {good.json[0]['record']}, 1 act, " in resent.out) == (
        0,
        True,
    )


def test_the_author_key_of_a_draft_may_be_used_again_at_once(bench: Bench, tmp_path: Path) -> None:
    """What append signs itself is confirmed: nothing is left to wait for."""
    for number, subject in enumerate(("uscc:91997297613842132G", FIRM)):
        file = draft(tmp_path / f"{number}.json", subject=subject, content={})
        done = append(bench, file, "--key", bench.key(COURT), "--yes")
        assert done.code == 0, done.err
    position = bench.run("sign", "--position", "--key", bench.key(COURT), "--ledger", bench.ledger, "--json").json
    assert position["pending"] == []


def test_programs_are_told_what_was_drawn_since_nothing_else_leads_to_the_person(bench: Bench, tmp_path: Path) -> None:
    file = draft(tmp_path / "a.json", subject="handle:new", case="new", content={})
    key = ("--key", bench.key(COURT))
    tried = append(bench, file, *key, "--dry-run", "--json").json
    assert [(one["file"], one["recorded"], sorted(one["drawn"])) for one in tried["files"]] == [
        (str(file), False, ["acts[0].case", "acts[0].subject"])
    ]
    (row,) = append(bench, file, *key, "--yes", "--json").json
    handle = row["drawn"]["acts[0].subject"]
    assert bench.run("lookup", bench.ledger, handle, LIST, "--json").json["status"] == "listed"
    assert len(row["drawn"]["acts[0].case"]) == 32
    signed = bench.run("sign", file, *key, "--ledger", bench.ledger, "--yes", "--json").json
    assert signed["drawn"].keys() == row["drawn"].keys()
    assert signed["drawn"]["acts[0].subject"] != handle
    (again,) = append(bench, tmp_path / "a.json.signed", "--json").json
    assert again["drawn"] == {}, "who signed it was told, and it is drawn only once"
    assert bench.run("lookup", bench.ledger, signed["drawn"]["acts[0].subject"], LIST, "--json").json["listings"]


def test_a_dry_run_writes_nothing_even_where_the_state_is_missing(bench: Bench, tmp_path: Path) -> None:
    file = draft(tmp_path / "a.json", subject=FIRM, content={})
    key = ("--key", bench.key(COURT), "--dry-run")
    shutil.rmtree(bench.ledger / "state")
    before = fingerprint(bench.ledger), fingerprint(bench.run.home), fingerprint(bench.keys)
    done = append(bench, file, *key)
    assert (done.code, "1 entry would be recorded" in done.err) == (0, True), done
    wrong = bench.run("append", bench.ledger, file, *key, "--log-key", bench.key("root-1"))
    assert (wrong.code, "is not a log key of this ledger" in wrong.err) == (2, True), wrong
    elsewhere = append(bench, file, *key, "--head-dir", tmp_path / "heads")
    assert (elsewhere.code, "never signed" in elsewhere.err) == (4, True), elsewhere
    assert (fingerprint(bench.ledger), fingerprint(bench.run.home), fingerprint(bench.keys)) == before
    assert not (tmp_path / "heads").exists()
    assert not (bench.ledger / "state").exists()


def test_what_would_be_recorded_is_not_judged_by_a_state_that_somebody_changed(bench: Bench, tmp_path: Path) -> None:
    """On the machine that writes, a dry run and a signer see through rows without a seal, as the writer does."""
    key = ("--key", bench.key(COURT))
    assert append(bench, draft(tmp_path / "a.json", subject=FIRM, content={}), *key, "--yes").code == 0
    engine = LmdbEngine.open(bench.ledger / "state", STATE_TABLES)
    with engine.batch() as batch:
        batch.clear("mandate")
    engine.close()
    file = draft(tmp_path / "b.json", subject="uscc:91997297613842132G", content={})
    tried = append(bench, file, *key, "--dry-run")
    assert (tried.code, "1 entry would be recorded" in tried.err) == (0, True), tried
    signing = ("sign", file, *key, "--ledger", bench.ledger)
    assert bench.run(*signing, "--dry-run").code == 0
    shutil.rmtree(bench.run.home)
    assert bench.run(*signing, "--dry-run").code == 14, (
        "elsewhere the rows are taken as they are: the writer will judge"
    )
