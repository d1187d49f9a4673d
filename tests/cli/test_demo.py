"""`demo`: the same seed makes the same ledger once on a machine, and a ledger of its own every other time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.bench import Bench
from cli.program import Program, plain
from creditledger.demo.bodies import ORIGIN


@pytest.fixture
def run(tmp_path: Path) -> Program:
    return Program(tmp_path / "home")


def build(run: Program, place: Path, *options: object) -> dict[str, object]:
    done = run("demo", "--dir", place, "--acts", 60, *options, "--json")
    assert done.code == 0, done
    found: dict[str, object] = json.loads(done.out)
    return found


def append_listing(run: Program, place: Path, subject: str) -> None:
    """The First District Court lists a firm."""
    keys = place / "keys"
    draft = {
        "authority": "district-court-1",
        "acts": [
            {
                "type": "listing.add/1", "list": "judgment-defaulters", "subject": subject,
                "ground": "able-but-refuses", "decided": "2024-01-02", "effective": "2024-01-02", "until": None,
                "case": None, "area": None, "measures": [], "content": {}, "source": None,
            }
        ],
    }  # fmt: skip
    (place / "draft.json").write_text(json.dumps(draft))
    secret = ("--passphrase-file", keys / "passphrase")
    key = ("--key", keys / "district-court-1.key", "--log-key", keys / "log.key", "--content-key", keys / "content.key")
    done = run("append", place, place / "draft.json", *key, *secret, "--yes")
    assert done.code == 0, done.err


def test_twins_do_not_take_each_other_for_a_forgery(run: Program, tmp_path: Path) -> None:
    """Both are written to, in turn, and go different ways; both go on to verify against the heads kept outside."""
    one, two = tmp_path / "one", tmp_path / "two"
    assert build(run, one)["ledger_id"] != build(run, two)["ledger_id"]
    append_listing(run, one, "uscc:91110000600037341L")
    append_listing(run, two, "uscc:91350211M000100Y46")
    append_listing(run, one, "uscc:91350211M000100Y46")
    for place in (one, two):
        report = run("verify", place, "--trust", place / "ledger.trust", "--json")
        assert (report.code, report.json["findings"]) == (0, [])
        assert "the signed head kept outside the ledger" in report.json["checked"]


def test_the_same_seed_on_another_machine_is_the_same_ledger(tmp_path: Path) -> None:
    built = [build(Program(tmp_path / f"home-{name}"), tmp_path / name) for name in ("one", "two")]
    assert built[0]["root"] == built[1]["root"]


def test_every_further_one_says_that_it_is_another(run: Program, tmp_path: Path) -> None:
    for number, suffix in enumerate(("", "-2", "-3"), 1):
        said = run("demo", "--dir", tmp_path / str(number), "--acts", 60).err
        assert f"This ledger is {ORIGIN}/1-60{suffix}." in said
        assert ("was made here before" in said) is bool(suffix)


def test_heads_that_cannot_be_read_are_in_nobodys_way(run: Program, tmp_path: Path) -> None:
    heads = run.home / "creditledger" / "heads"
    heads.mkdir(parents=True)
    (heads / ("ab" * 32)).write_bytes(bytes(1024))
    (heads / "notes.txt").write_text("kept by somebody")
    assert build(run, tmp_path / "one")["verified"] is True


@pytest.mark.parametrize("columns", [80, 120])
def test_what_to_try_next_is_said_in_lines_that_fit(run: Program, tmp_path: Path, columns: int) -> None:
    code, shown = run.on_terminal("demo", "--dir", tmp_path / "d", "--acts", 60, columns=columns)
    text = plain(shown.rpartition("\r")[2])
    assert code == 0
    table, _, rest = text.partition("\n\nVerify it yourself")
    prose = [line for line in table.splitlines() if str(tmp_path) not in line]
    assert max(map(len, prose)) <= columns
    assert "verified: INTACT" in " ".join(prose)
    for command in ("verify", "tamper", "history", "lookup", "members", "show"):
        assert f"\n  creditledger {command} " in rest


def test_piped_it_gives_every_handle_whole(demo: Bench, run: Program, tmp_path: Path) -> None:
    person, _ = demo.subject("a person whose data was erased")
    assert len(person) == len("handle:") + 64
    assert f"\t{person}\n" in run("demo", "--dir", tmp_path / "d", "--acts", 300).out


def test_where_something_is_nothing_is_made(run: Program, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("mine")
    done = run("demo", "--dir", tmp_path)
    assert (done.code, "not empty; choose another with --dir" in done.err) == (2, True)
    assert (tmp_path / "kept").read_text() == "mine"
