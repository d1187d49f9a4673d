"""`verify`: the verdict comes first, what was not checked last, and people are shown values that they can read."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from cli.bench import Bench, put, rows
from cli.program import plain
from creditledger.acts.content import subject_key
from creditledger.codec.own import encode, restore
from creditledger.demo.story import tell
from creditledger.ledger.ledger import Ledger
from creditledger.ledger.state import STATE_TABLES
from creditledger.transfer.export_file import ExportWriter

NOTHING_RAW = re.compile(r"\\x|b'|Subject\(|\((?:b'|')|Decimal|<class|[0-9a-f]{140}")


@pytest.fixture
def tampered(demo: Bench, tmp_path: Path) -> Path:
    """The demonstration with a bit of record 20 flipped."""
    copy = tmp_path / "tampered"
    assert demo.run("tamper", demo.ledger, copy, "--record", 20).code == 0
    return copy


def test_the_verdict_comes_first_and_what_was_not_checked_last(demo: Bench, tampered: Path) -> None:
    for ledger, verdict, code in ((demo.ledger, "INTACT", 0), (tampered, "FAILED", 3)):
        done = demo.run("verify", ledger, "--trust", demo.trust)
        lines = done.out.splitlines()
        assert done.code == code
        assert lines[0].startswith(f"verdict: {verdict}: ")
        assert lines[0].endswith(f"(exit code {code})")
        kinds = [line.partition(":")[0] for line in lines]
        order = ["verdict", "ledger", "id", "records", "checkpoint", "root", "verified in", "checked", "finding"]
        assert list(dict.fromkeys(kinds)) == [*(order[:8] if code == 0 else order), "NOT CHECKED"]
        assert not NOTHING_RAW.search(done.out)


@pytest.mark.parametrize("columns", [80, 120])
def test_on_a_terminal(demo: Bench, tampered: Path, columns: int) -> None:
    code, shown = demo.run.on_terminal("verify", tampered, "--trust", demo.trust, columns=columns)
    assert code == 3
    assert "\x1b[31m\x1b[1mFAILED" in shown
    text = plain(shown.rpartition("\r")[2])
    assert text.startswith("FAILED  (exit code 3)\nSomething was altered or is damaged; the first bad record is 20.\n")
    assert max(map(len, text.splitlines())) <= columns
    assert text.index("What was checked") < text.index("What was found: ") < text.index("What was NOT checked")
    for seen in ("LED-SIG record 20\n", "expected ", "found "):
        assert seen in text
    code, shown = demo.run.on_terminal("verify", demo.ledger, "--trust", demo.trust, columns=columns)
    assert (code, "\x1b[32m\x1b[1mINTACT" in shown, "found" in shown) == (0, True, False)


def test_in_json_the_same_is_said(demo: Bench, tampered: Path) -> None:
    said = demo.run("verify", tampered, "--trust", demo.trust, "--json").json
    assert (said["verdict"], said["exit_code"], said["first_bad"]) == ("FAILED", 3, 20)
    assert re.fullmatch(r"creditledger \d+\.\d+\.\d+", said["program"])
    assert said["format"] == "creditledger/v1"
    words = demo.run("verify", tampered, "--trust", demo.trust).out
    assert said["meaning"] in words
    for one in said["findings"]:
        assert one["message"] in words
        assert one["expected"] in words
    for title, key in (("checked", "checked"), ("NOT CHECKED", "not_checked")):
        assert re.findall(rf"^{title}: (.*)$", words, re.MULTILINE) == said[key]


def test_the_trust_file_of_another_ledger_is_the_only_finding(demo: Bench, tmp_path: Path) -> None:
    """Not one for every record and checkpoint: a directory and an export of a ledger that is sound in itself."""
    other = tmp_path / "other"
    tell(other, total=60, seed=7, content_key=bytes(32), head_dir=tmp_path / "heads")
    assert demo.run("export", other, tmp_path / "other.ledger").code == 0
    with Ledger.open(other) as ledger:
        found, origin = ledger.ledger_id.hex(), ledger.origin
    for path in (other, tmp_path / "other.ledger"):
        done = demo.run("verify", path, "--trust", demo.trust, "--json")
        assert done.code == 3
        (one,) = done.json["findings"]
        assert done.json["counts"] == {"LED-LEDGER": 1}
        assert done.json["meaning"] == "this is not the ledger that the trust file names"
        assert one["found"] == f"{origin}, {found}"
        assert "the trust file is not for this ledger" in one["message"]
        assert done.json["not_checked"][-1] != "detached content (none is here)"


def test_an_older_export_is_not_called_altered(demo: Bench, tmp_path: Path) -> None:
    """On the machine that signs for the ledger, which knows how many records there are."""
    with Ledger.open(demo.ledger) as ledger:
        size, (older, _) = ledger.size, [*ledger.log.checkpoints()][-2]
        with (tmp_path / "older.ledger").open("wb") as file:
            writer = ExportWriter(file)
            for seq, data in ledger.records(0, older):
                writer.record(data)
                place, note = ledger.log.checkpoint(seq + 1) or (0, b"")
                if place == seq + 1:
                    writer.checkpoint(note)
            writer.end()
    done = demo.run("verify", tmp_path / "older.ledger", "--trust", demo.trust, "--json")
    assert (done.code, done.json["counts"]) == (3, {"LED-HEAD": 1})
    meaning = f"records are missing: an older copy, or its end was cut off: {older} of the {size} records signed here"
    assert done.json["meaning"] == meaning
    code, shown = demo.run.on_terminal("verify", tmp_path / "older.ledger", "--trust", demo.trust, columns=200)
    assert (code, "was altered" in shown, "first bad" in shown) == (3, False, False)
    assert f"FAILED  (exit code 3)\nR{meaning[1:]}.\n" in plain(shown.rpartition("\r")[2])


def test_rows_of_the_state_are_named_and_compared_in_words(bench: Bench) -> None:
    state = bench.ledger / "state"
    subject, list_id = bench.story.subjects["a firm whose listing was quashed"]
    key = subject_key(list_id, subject)
    kept = rows(state, STATE_TABLES)
    listings, *rest = restore(kept["subject", key])
    changed = (*listings[0][:10], "2031-01-01", *listings[0][11:])
    put(state, "subject", key, encode(((changed,), *rest)))
    put(state, "law", b"courts-act", kept["law", b"courts-act"][:-1])
    put(state, "mandate", b"m-99", kept["mandate", b"m-01"])
    said = [bench.run("verify", bench.ledger, "--trust", bench.trust, "--json").json for _ in range(2)]
    assert said[0]["findings"] == said[1]["findings"]
    assert (said[0]["verdict"], said[0]["first_bad"]) == ("FAILED", None)
    assert "in the log itself nothing altered was found" in said[0]["meaning"]
    by_message = {one["message"]: one for one in said[0]["findings"]}
    row = by_message[f"the state has another row for {subject} on {list_id}"]
    assert row["expected"] == f"listings[0].until {listings[0][10]}"
    assert row["found"] == "listings[0].until 2031-01-01"
    law = by_message["the state has another row for law courts-act"]
    assert "title Courts and Tribunals Act" in law["expected"]
    assert "bytes that are no row" in law["found"]
    surplus = by_message["the state has mandate m-99, of which the log knows nothing"]
    assert (surplus["expected"], "granted_by root" in surplus["found"]) == ("no row", True)


@pytest.mark.parametrize("option", ["path", "--trust", "--remember"])
def test_a_pipe_is_refused_and_not_waited_for(demo: Bench, tmp_path: Path, option: str) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    path = pipe if option == "path" else demo.ledger
    trust = pipe if option == "--trust" else demo.trust
    done = demo.run("verify", path, "--trust", trust, *(["--remember", pipe] if option == "--remember" else []))
    assert done.code in (1, 2)
    assert "regular file" in done.err


def test_colour_is_as_was_asked_for(demo: Bench) -> None:
    ask = ("verify", demo.ledger, "--trust", demo.trust)
    assert "\x1b[" in demo.run.on_terminal(*ask)[1]
    assert "\x1b[3" not in demo.run.on_terminal(*ask, "--color", "never")[1]
    assert "\x1b[" not in demo.run(*ask).out
    firm = ("lookup", demo.ledger, *demo.subject("a trusted trader"), "--valid-at", "2024-01-15")
    assert "\x1b[32m" in demo.run(*firm, "--color", "always").out
    assert "\x1b" not in demo.run(*firm).out
