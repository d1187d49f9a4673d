"""Attacks on the derived state: found, named as derived, and no reason to doubt the log."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from audit.logs import Log, ids, log_of, state_of
from audit.worlds import busy_world, only
from creditledger.acts.content import subject_key
from creditledger.acts.kinds import ActRef
from creditledger.audit import Report, verify
from creditledger.codec.own import encode, restore
from creditledger.ledger.log import seq_key
from creditledger.ledger.state import STATE_TABLES
from creditledger.store.lmdb_engine import LmdbEngine
from creditledger.store.port import Batch
from support.drafts import FIRM, appeal_file, key_revoke, listing_add, person
from support.world import public_key


def put(table: str, key: bytes, value: bytes) -> Callable[[Batch], None]:
    return lambda batch: batch.put(table, key, value)


def edit(table: str, change: Callable[[Any], Any]) -> Callable[[Batch], None]:
    """Change the first row of a table."""

    def work(batch: Batch) -> None:
        key, row = next(iter(batch.range(table)))
        batch.put(table, key, encode(change(restore(row))))

    return work


def drop(table: str) -> Callable[[Batch], None]:
    def work(batch: Batch) -> None:
        key, _ = next(iter(batch.range(table)))
        batch.delete(table, key)

    return work


STATE_ATTACKS: dict[str, Callable[[Batch], None]] = {
    "somebody taken off the list": lambda batch: batch.delete("subject", subject_key("defaulters", FIRM)),
    "somebody put on the list": put("subject", subject_key("defaulters", person(77)), encode(((), (3, 0), (), ()))),
    "a listing made to end": edit("subject", lambda row: ((*row[0], *row[0]), *row[1:])),
    "a row of no list at all": put("subject", b"\xff", b"\xc0"),
    "a mandate altered": edit("mandate", lambda row: (row[0], "somebody", row[2])),
    "a key handed to another authority": edit("key", lambda row: ("regulator", *row[1:])),
    "a law forgotten": drop("law"),
    "an authority invented": put("authority", b"zzz", encode(("zzz", "Z", None, None, None, None, None))),
    "the ledger's civil time changed": edit("ledger", lambda row: (*row[:2], "-05:00", *row[3:])),
    "a key's chain put back": edit("head", lambda row: (row[0] + 1, *row[1:])),
    "keys renumbered": lambda batch: batch.put("keyno", public_key("district"), (99).to_bytes(4, "big")),
    "an entry of the index moved": lambda batch: batch.put("author", next(iter(batch.range("author")))[0], seq_key(5)),
    "an entry of the index dropped": drop("author"),
    "an entry of the index invented": put("author", b"\xff" * 12, seq_key(5)),
    "a governance record hidden": drop("governed"),
    "a governance record invented": put("governed", seq_key(19), b""),
    "an erasure forgotten": drop("erasure"),
    "an erasure invented": put("erasure", seq_key(3) + bytes(32), b""),
    "something in a row that has none, of governance": lambda batch: batch.put(
        "governed", next(iter(batch.range("governed")))[0], b"x"
    ),
    "something in a row that has none, of erasures": lambda batch: batch.put(
        "erasure", next(iter(batch.range("erasure")))[0], b"x"
    ),
    "a row that nobody reads": put("meta", b"note", b"x"),
    "a row that nobody reads, of no name": put("meta", b"\x00", b""),
    "more records applied than there are": put("meta", b"applied", seq_key(5000)),
}


@pytest.mark.parametrize("attack", STATE_ATTACKS.values(), ids=STATE_ATTACKS)
def test_the_state_edited_without_the_log(
    attack: Callable[[Batch], None], ledger: Path, audit: Callable[..., Report]
) -> None:
    with state_of(ledger) as batch:
        attack(batch)
    report = audit(ledger)
    only(report, "LED-STATE")
    assert all(one.derived for one in report.findings)
    assert report.size == 21


def test_a_state_that_lags_behind_is_compared_as_of_its_own_time(tmp_path: Path) -> None:
    world = busy_world()
    early = Log.of(world)
    ledger = early.store(tmp_path / "ledger")
    # Rows of old subjects change later on, governance too, and a key is added.
    world.append("ombudsman", appeal_file(ActRef(world.history[15][1].digest, 0), person(0)))
    world.append("district:admin", key_revoke("district"))
    world.add_keys("district:act:2")
    world.append("district:act:2", listing_add(person(99)))
    shutil.rmtree(tmp_path / "later", ignore_errors=True)
    later = Log.of(world)
    newer = later.store(tmp_path / "later", honest=False)
    shutil.copytree(ledger / "state", newer / "state")
    report = verify(newer, trust=later.trust, raise_on_failure=False)
    assert report.exit_code == 0, list(report.lines())
    assert f"derived state as of {len(early.records)} records" in report.checked
    with state_of(newer) as batch:
        batch.delete("subject", subject_key("defaulters", person(0)))
    only(verify(newer, trust=later.trust, raise_on_failure=False), "LED-STATE")


def test_no_state_is_nothing_wrong(ledger: Path, audit: Callable[..., Report]) -> None:
    shutil.rmtree(ledger / "state")
    report = audit(ledger)
    assert report.exit_code == 0
    assert any("derived state" in one for one in report.not_checked)


@pytest.mark.parametrize("form", [b"creditledger/state/v9", b"nonsense"])
def test_a_state_of_another_format_is_a_check_that_could_not_run(
    form: bytes, ledger: Path, audit: Callable[..., Report]
) -> None:
    with state_of(ledger) as batch:
        batch.put("meta", b"format", form)
    report = audit(ledger)
    assert (report.exit_code, report.findings) == (4, ())
    assert any("derived state" in one for one in report.unable)


def test_a_state_with_other_tables_is_a_check_that_could_not_run(ledger: Path, audit: Callable[..., Report]) -> None:
    shutil.rmtree(ledger / "state")
    LmdbEngine.open(ledger / "state", STATE_TABLES[1:], create=True).close()
    report = audit(ledger)
    assert (report.exit_code, report.findings) == (4, ())


def test_a_state_that_was_lost_with_the_system_is_absent(ledger: Path, audit: Callable[..., Report]) -> None:
    (ledger / "state" / "unsynced").write_bytes(b"another start of the system")
    report = audit(ledger)
    assert report.exit_code == 0
    assert any("lost" in one for one in report.not_checked)


def test_rows_that_are_on_their_way_count_as_they_are_given_out(ledger: Path, audit: Callable[..., Report]) -> None:
    """A large batch stands in `recent`, over the rows of `subject`, until it has been moved there."""
    with state_of(ledger) as batch:
        rows = list(batch.range("subject"))
        for number, (key, row) in enumerate(rows):
            if number % 3 < 2:
                batch.put("recent", key, row)
            if number % 3 == 0:
                batch.delete("subject", key)
            if number % 3 == 1:
                batch.put("subject", key, b"what it was before")
    assert audit(ledger).exit_code == 0
    with state_of(ledger) as batch:
        batch.put("recent", rows[2][0], rows[3][1])
    only(audit(ledger), "LED-STATE")
    with state_of(ledger) as batch:
        batch.delete("recent", rows[2][0])
        batch.delete("recent", rows[-1][0])
        batch.put("recent", b"\xff", b"\xc0")
    only(audit(ledger), "LED-STATE")


def test_a_state_that_cannot_be_compared_since_the_log_is_bad(ledger: Path, audit: Callable[..., Report]) -> None:
    with log_of(ledger) as batch:
        batch.put("record", seq_key(15), b"\x90")
    report = audit(ledger)
    assert "LED-ENC" in ids(report)
    assert "LED-STATE" not in ids(report)
    assert any("derived state" in one for one in report.not_checked)
