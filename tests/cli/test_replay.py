"""`replay`: the state follows from the log, and a stored state that does not is found, named and replaced."""

from __future__ import annotations

import shutil

import pytest

from cli.bench import Bench, fingerprint, put, rows
from creditledger.acts.content import subject_key
from creditledger.codec.own import encode, restore
from creditledger.ledger.layout import LOG_TABLES
from creditledger.ledger.ledger import Ledger
from creditledger.ledger.state import STATE_TABLES
from creditledger.store.lock import WriterLock


def test_the_whole_log_gives_the_stored_state(demo: Bench) -> None:
    replayed = demo.run("replay", demo.ledger, "--json")
    assert replayed.code == 0
    with Ledger.open(demo.ledger) as ledger:
        assert replayed.json["digest"] == ledger.state_digest().hex()
        assert replayed.json["size"] == ledger.size
        every = {list_id: len([*ledger.members(list_id, every=True)]) for list_id in ledger.governance.lists}
    assert {list_id: sum(found.values()) for list_id, found in replayed.json["counts"].items()} == every
    assert replayed.json["stored"]["difference"] is None
    assert "The stored state is what the log says." in demo.run("replay", demo.ledger).err


@pytest.mark.parametrize("event", [0, 2, 7])
def test_up_to_a_record_or_its_moment_is_the_same(demo: Bench, event: int) -> None:
    seq = demo.story.events[event].record
    with Ledger.open(demo.ledger) as ledger:
        expected = ledger.replay(size=seq + 1).digest().hex()
        moment = demo.run("show", demo.ledger, seq, "--json").json["recorded_at"]
    by_record = demo.run("replay", demo.ledger, "--to", seq, "--json").json
    by_moment = demo.run("replay", demo.ledger, "--known-at", moment, "--json").json
    assert by_record == by_moment
    assert (by_record["size"], by_record["digest"]) == (seq + 1, expected)
    assert by_record["valid_at"] == demo.story.events[event].day
    assert by_record["stored"] is None


def test_before_the_first_record_there_is_nothing(demo: Bench) -> None:
    replayed = demo.run("replay", demo.ledger, "--known-at", "1999-01-01T00:00:00Z", "--json")
    assert replayed.code == 0
    assert (replayed.json["size"], replayed.json["counts"]) == (0, {})


def test_a_row_that_was_changed_is_named_and_put_right(bench: Bench) -> None:
    state = bench.ledger / "state"
    subject, list_id = bench.story.subjects["a firm whose listing was quashed"]
    key = subject_key(list_id, subject)
    row = restore(rows(state, STATE_TABLES)["subject", key])
    put(state, "subject", key, encode(((), *row[1:])))
    log = rows(bench.ledger / "log", LOG_TABLES)
    replayed = bench.run("replay", bench.ledger)
    assert replayed.code == 3
    assert f"first in table subject, at {subject} on {list_id}" in replayed.err
    assert "--rebuild" in replayed.err
    assert bench.run("replay", bench.ledger, "--json").json["stored"]["finding"] == "LED-STATE"
    dry = bench.run("replay", bench.ledger, "--rebuild", "--dry-run")
    assert (dry.code, "would be replaced" in dry.err) == (0, True)
    assert bench.run("replay", bench.ledger).code == 3
    rebuilt = bench.run("replay", bench.ledger, "--rebuild", "--json")
    assert (rebuilt.code, rebuilt.json["rebuilt"]) == (0, True)
    assert bench.run("replay", bench.ledger).code == 0
    assert rows(bench.ledger / "log", LOG_TABLES) == log
    assert sorted(path.name for path in bench.ledger.iterdir()) == [
        "ledger.toml", "log", "private", "state", "writer.lock",
    ]  # fmt: skip


def test_a_state_of_another_log_is_found(bench: Bench) -> None:
    put(bench.ledger / "state", "meta", b"applied", (9999).to_bytes(8, "big"))
    replayed = bench.run("replay", bench.ledger)
    assert replayed.code == 3
    assert "it accounts for 9999 records" in replayed.err


@pytest.mark.parametrize("damage", ["missing", "garbage", "other format"])
def test_a_state_that_cannot_be_read_is_no_evidence_and_is_rebuilt(bench: Bench, damage: str) -> None:
    state = bench.ledger / "state"
    if damage == "missing":
        shutil.rmtree(state)
    elif damage == "garbage":
        (state / "data.mdb").write_bytes(b"\xa5" * 50_000)
    else:
        put(state, "meta", b"format", b"creditledger/state/v0")
    replayed = bench.run("replay", bench.ledger)
    assert replayed.code == 0, replayed.err
    assert "There is no stored state to compare with" in replayed.err
    (bench.ledger / "state.rebuilt").mkdir()
    (bench.ledger / "state.rebuilt" / "data.mdb").write_text("left behind by a run that was interrupted")
    assert bench.run("replay", bench.ledger, "--rebuild").code == 0
    assert "The stored state is what the log says." in bench.run("replay", bench.ledger).err
    assert not (bench.ledger / "state.rebuilt").exists()


def test_while_somebody_writes_the_state_is_not_rebuilt(bench: Bench) -> None:
    before = fingerprint(bench.ledger / "state")
    with WriterLock(bench.ledger / "writer.lock"):
        refused = bench.run("replay", bench.ledger, "--rebuild")
        assert refused.code == 11
        assert bench.run("replay", bench.ledger).code == 0
    assert fingerprint(bench.ledger / "state") == before


def test_a_rebuild_that_fails_leaves_the_old_state(bench: Bench) -> None:
    before = fingerprint(bench.ledger / "state")
    failed = bench.run("replay", bench.ledger, "--rebuild", max_file=60_000)
    assert failed.code == 1
    assert "state.rebuilt" in failed.err
    assert fingerprint(bench.ledger / "state") == before
    assert not (bench.ledger / "state.rebuilt").exists()


@pytest.mark.parametrize(
    "options",
    [
        ["--to", 9999], ["--to", -1], ["--to", 3, "--known-at", "2023-01-01T00:00:00Z"], ["--rebuild", "--to", 3],
        ["--known-at", "2023-01-32"], ["--known-at", "yesterday"], ["--known-at", "9999"], ["--valid-at", "2023-02-30"],
    ],
)  # fmt: skip
def test_what_makes_no_sense(demo: Bench, options: list[object]) -> None:
    done = demo.run("replay", demo.ledger, *options)
    assert (done.code, done.out) == (2, "")
