"""The incremental audit: what was verified before is hashed again, and only what is new is verified."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from audit.logs import Log, changed
from audit.worlds import busy_world, only, resealed
from creditledger.audit import remember as memory
from creditledger.audit import verify
from creditledger.errors import FormatError, UsageError
from creditledger.record.record import decode_record
from support.courts import courts
from support.drafts import listing_add, person
from support.world import World


def grown(more: int) -> World:
    """The busy world with so many more records."""
    world = busy_world()
    for number in range(more):
        world.append("district", listing_add(person(200 + number)))
    return world


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """What an audit of the busy log has left behind."""
    file = tmp_path / "kept.json"
    assert Log.of(busy_world()).audit(tmp_path, remember=file).exit_code == 0
    return file


def test_it_is_written_after_success_for_its_owner_alone(kept: Path) -> None:
    values = json.loads(kept.read_text())
    assert values["size"] == 21
    assert values["root"] == busy_world().view.root_at(21).hex()  # type: ignore[union-attr]  # there is one
    assert values["checkpoint"].startswith("registry.example.org/defaulters\n21\n")
    assert values["rule_set"] == "rules-1"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert [path.name for path in kept.parent.iterdir() if path.name.startswith(".")] == []


def test_it_is_not_written_after_anything_else(tmp_path: Path) -> None:
    file = tmp_path / "kept.json"
    log = Log.of(busy_world())
    log.records[10] = changed(log.records[10], signatures=(bytes(64),))
    assert resealed(log, 11).audit(tmp_path, remember=file).exit_code == 3
    assert Log.of(busy_world(), [5]).audit(tmp_path, remember=file).exit_code == 4
    assert not file.exists()


def test_only_what_is_new_has_its_signatures_verified(kept: Path, tmp_path: Path) -> None:
    report = Log.of(grown(4)).audit(tmp_path, remember=kept)
    assert report.exit_code == 0, list(report.lines())
    assert "4 signatures of authors and cosigners" in report.checked
    assert any("signatures of 21 records" in one for one in report.not_checked)
    assert json.loads(kept.read_text())["size"] == 25


def test_the_same_log_again(kept: Path, tmp_path: Path) -> None:
    report = Log.of(busy_world()).audit(tmp_path, remember=kept)
    assert report.exit_code == 0
    assert not any("of authors and cosigners" in one for one in report.checked)


def test_an_old_record_altered_though_everything_is_made_anew(kept: Path, tmp_path: Path) -> None:
    """The operator rewrites history with the log key: whoever has verified it before sees that."""
    log = Log.of(grown(4))
    log.records[20] = changed(log.records[20], recorded_at=decode_record(log.records[20]).recorded_at + 1)
    before = kept.read_text()
    report = resealed(log, 21).audit(tmp_path, remember=kept)
    only(report, "LED-HEAD")
    assert "25 signatures" not in str(report.checked)
    assert kept.read_text() == before


def test_an_old_record_altered_and_nothing_else(kept: Path, tmp_path: Path) -> None:
    """The audit then verifies everything, so that the record is named."""
    log = Log.of(grown(4))
    log.records[12] = changed(log.records[12], signatures=(bytes(64),))
    report = log.audit(tmp_path, remember=kept)
    assert set(report.counts) == {"LED-HEAD", "LED-SIG", "LED-CHAIN", "LED-TREE"}
    assert report.first_bad == 12


def test_a_new_record_altered(kept: Path, tmp_path: Path) -> None:
    log = Log.of(grown(4))
    log.records[23] = changed(log.records[23], signatures=(bytes(64),))
    report = resealed(log, 24).audit(tmp_path, remember=kept)
    only(report, "LED-SIG")
    assert report.first_bad == 23


def test_a_log_shorter_than_remembered(kept: Path, tmp_path: Path) -> None:
    log = Log.of(busy_world())
    del log.records[-1]
    report = log.audit(tmp_path, remember=kept)
    only(report, "LED-HEAD")
    assert report.first_bad == 20
    assert report.meaning.endswith("20 of the 21 records verified before")


def test_the_rules_are_applied_to_the_old_records_too(kept: Path, tmp_path: Path) -> None:
    """A new act about an old listing is judged against that listing."""
    world = busy_world()
    entry = world.build("district", listing_add(person(0)))
    log = Log.of(world)
    log.records.append(world.record_of(world.seal(entry)))
    log.seal([len(log.records)])
    report = log.audit(tmp_path, remember=kept)
    only(report, "LED-RULE")
    assert report.findings[0].message.startswith("R-DUPLICATE")


def test_another_version_of_the_program_verifies_everything_again(kept: Path, tmp_path: Path) -> None:
    values = json.loads(kept.read_text())
    kept.write_text(json.dumps(values | {"version": "0.0.1"}))
    report = Log.of(busy_world()).audit(tmp_path, remember=kept)
    assert report.exit_code == 0
    assert not any("earlier audit" in one for one in report.not_checked)
    kept.write_text(json.dumps(values | {"version": "0.0.1", "root": "00" * 32}))
    only(Log.of(busy_world()).audit(tmp_path, remember=kept), "LED-HEAD")


def test_it_works_beside_a_directory(kept: Path, tmp_path: Path) -> None:
    log = Log.of(grown(3))
    ledger = log.store(tmp_path / "ledger")
    report = verify(ledger, trust=log.trust, remember=kept)
    assert "3 signatures of authors and cosigners" in report.checked


@pytest.mark.parametrize(
    "change",
    [
        {"format": "creditledger/audit/v9"},
        {"size": 0},
        {"size": "21"},
        {"size": True},
        {"size": 1 << 60},
        {"root": "zz"},
        {"root": "00"},
        {"root": 7},
        {"checkpoint": None},
        {"version": 1},
    ],
    ids=str,
)
def test_a_file_that_is_not_what_it_should_be(change: dict[str, Any], kept: Path, tmp_path: Path) -> None:
    kept.write_text(json.dumps(json.loads(kept.read_text()) | change))
    with pytest.raises(FormatError, match="remove it"):
        Log.of(courts()).audit(tmp_path, remember=kept)


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff", b"{" * 100_000, b" " * (memory.MAX_BYTES + 1)], ids=range(5))
def test_a_file_of_something_else(data: bytes, kept: Path, tmp_path: Path) -> None:
    kept.write_bytes(data)
    with pytest.raises(FormatError, match="remove it"):
        Log.of(courts()).audit(tmp_path, remember=kept)


def test_a_file_about_another_ledger(kept: Path, tmp_path: Path) -> None:
    kept.write_text(json.dumps(json.loads(kept.read_text()) | {"ledger_id": "00" * 32}))
    with pytest.raises(UsageError, match="another ledger"):
        Log.of(busy_world()).audit(tmp_path, remember=kept)
