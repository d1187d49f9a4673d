"""Attacks on a ledger's directory: records, tiles, checkpoints, and the files themselves."""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from audit.logs import ORIGIN, Log, changed, ids, log_of, log_signer, state_of
from audit.worlds import busy_world, many_world, only
from creditledger.acts.content import subject_key
from creditledger.audit import Report, crew, planning, verify
from creditledger.audit.source import StoreRecords
from creditledger.errors import LedgerError, NoLedger, UnsupportedError
from creditledger.ledger.layout import LOG_TABLES
from creditledger.ledger.log import seq_key, tile_key
from creditledger.record.record import decode_record
from creditledger.store.lmdb_engine import LmdbEngine
from creditledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from support.drafts import key_revoke, listing_add, person

# -- honest ------------------------------------------------------------------------------------------------------------


def test_an_honest_ledger_passes_and_is_not_written_to(ledger: Path, audit: Callable[..., Report]) -> None:
    files = sorted(path for path in ledger.rglob("*") if path.is_file() and path.name != "lock.mdb")
    before = [hashlib.sha256(path.read_bytes()).digest() for path in files]
    report = audit(ledger)
    assert report.exit_code == 0, list(report.lines())
    assert any("derived state" in one for one in report.checked)
    assert [hashlib.sha256(path.read_bytes()).digest() for path in files] == before
    assert sorted(path for path in ledger.rglob("*") if path.is_file() and path.name != "lock.mdb") == files


def test_many_ranges_and_partitions_by_several_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "SMALL_STORE", 0)
    monkeypatch.setattr(planning, "MAX_RANGE", 256)
    monkeypatch.setattr(planning, "PARTITION_ACTS", 40)
    world = many_world()
    log = Log.of(world, [*range(1, world.size, 7), world.size])
    ledger = log.store(tmp_path / "ledger")
    calls: list[tuple[str, int, int]] = []
    report = verify(ledger, trust=log.trust, jobs=3, progress=lambda *call: calls.append(call), raise_on_failure=False)
    assert report.exit_code == 0, list(report.lines())
    assert report.acts == sum(len(checked.entry.acts) for _, checked in world.history)
    assert {call[0] for call in calls} == {"records", "governance", "rules", "derived"}
    assert all(done <= total for _, done, total in calls)
    with state_of(ledger) as batch:
        key = subject_key("defaulters", person(1000))
        batch.put("subject", key, batch.get("subject", key)[:-1] + b"\x07")
    report = verify(ledger, trust=log.trust, jobs=3, raise_on_failure=False)
    only(report, "LED-STATE")
    assert report.findings[0].seq == 22


def test_beside_a_writer(tmp_path: Path) -> None:
    """Records that are added while the audit runs are not missed and not mistaken: it is of what was there."""
    world = busy_world()
    log = Log.of(world)
    ledger = log.store(tmp_path / "ledger")
    engine = LmdbEngine.open(ledger / "log", LOG_TABLES)
    size = world.size

    def write(phase: str, _done: int, _total: int) -> None:
        if phase == "records":
            world.append("district", listing_add(person(500 + world.size)))
            head = Checkpoint(ORIGIN, world.size, world.view.roots[-1])
            with engine.batch() as batch:
                batch.append("record", seq_key(world.size - 1), world.records[-1])
                batch.append("checkpoint", seq_key(world.size), sign_checkpoint(head, log_signer()))

    report = verify(ledger, trust=log.trust, progress=write, raise_on_failure=False)
    engine.close()
    assert (report.exit_code, report.size) == (0, size), list(report.lines())
    assert world.size > size


def test_no_reader_is_left_behind(ledger: Path, audit: Callable[..., Report]) -> None:
    """A reader's slot that is not given back would keep the writer from using pages again."""
    import lmdb

    stores = [lmdb.open(str(ledger / name), readonly=True, lib_version=0) for name in ("log", "state")]
    assert audit(ledger).exit_code == 0
    for store in stores:
        assert "no active readers" in store.readers()
        store.close()


# -- the log -----------------------------------------------------------------------------------------------------------


def test_a_record_altered(ledger: Path, audit: Callable[..., Report]) -> None:
    with log_of(ledger) as batch:
        data = batch.get("record", seq_key(12))
        batch.put("record", seq_key(12), changed(data, recorded_at=decode_record(data).recorded_at + 1))
    report = audit(ledger)
    only(report, "LED-CHAIN", "LED-TREE")
    assert report.first_bad == 12


def test_a_record_removed(ledger: Path, audit: Callable[..., Report]) -> None:
    with log_of(ledger) as batch:
        batch.delete("record", seq_key(12))
    report = audit(ledger)
    assert "LED-STRUCT" in ids(report)
    assert report.first_bad == 12
    assert report.size == 12


def test_a_row_slipped_in_between_two_records(ledger: Path, audit: Callable[..., Report]) -> None:
    with log_of(ledger) as batch:
        batch.put("record", seq_key(12) + b"\x00", b"anything")
    report = audit(ledger)
    only(report, "LED-STRUCT")
    assert report.first_bad == 13


def test_the_last_records_removed_but_not_their_checkpoint(ledger: Path, audit: Callable[..., Report]) -> None:
    with log_of(ledger) as batch:
        batch.delete("record", seq_key(20))
        batch.delete("record", seq_key(19))
    report = audit(ledger)
    assert {"LED-HEAD"} <= ids(report) <= {"LED-HEAD", "LED-STATE"}
    assert report.first_bad == 19
    assert report.findings[0].expected == "21 records signed"
    assert report.meaning.endswith("19 of the 21 records signed")


def test_the_tail_cut_off_with_its_checkpoints(ledger: Path, audit: Callable[..., Report]) -> None:
    """The state remembers more than the log has: derived data tells on who forgot it."""
    with log_of(ledger) as batch:
        batch.delete("record", seq_key(20))
        batch.delete("checkpoint", seq_key(21))
    report = audit(ledger)
    only(report, "LED-STATE")
    assert report.findings[0].derived


def test_checkpoints_removed(ledger: Path, audit: Callable[..., Report]) -> None:
    with log_of(ledger) as batch:
        for size in range(15, 22):
            batch.delete("checkpoint", seq_key(size))
    report = audit(ledger)
    assert (report.exit_code, ids(report), report.sealed) == (4, {"LED-UNSEALED"}, 14)


def test_a_tile_altered(tmp_path: Path) -> None:
    world = many_world()
    log = Log.of(world, [world.size])
    ledger = log.store(tmp_path / "ledger")
    with log_of(ledger) as batch:
        tile = batch.get("tile", tile_key(0, 1))
        batch.put("tile", tile_key(0, 1), tile[:64] + bytes(32) + tile[96:])
        batch.put("tile", tile_key(1, 0), bytes(64))
    report = verify(ledger, trust=log.trust, raise_on_failure=False)
    only(report, "LED-TREE")
    assert [(one.seq, one.derived) for one in report.findings] == [(258, True), (None, True)]
    with log_of(ledger) as batch:
        batch.delete("tile", tile_key(0, 0))
    assert any("missing" in one.message for one in verify(ledger, trust=log.trust, raise_on_failure=False).findings)


SURPLUS: dict[str, tuple[str, str, bytes]] = {
    "a row beside the format": ("LED-STRUCT", "meta", b"note"),
    "a row before the format": ("LED-STRUCT", "meta", b"\x00"),
    "a checkpoint of nothing": ("LED-CKPT", "checkpoint", seq_key(0)),
    "a checkpoint without a size": ("LED-CKPT", "checkpoint", b"\x00"),
    "a tile that is not full": ("LED-TREE", "tile", tile_key(0, 2)),
    "a tile far out": ("LED-TREE", "tile", tile_key(0, 1 << 40)),
    "a tile of a level too many": ("LED-TREE", "tile", tile_key(2, 0)),
    "a tile of the level's end": ("LED-TREE", "tile", tile_key(1, 1)),
    "a tile with a longer key": ("LED-TREE", "tile", tile_key(0, 1) + b"\x00"),
    "a tile with a shorter key": ("LED-TREE", "tile", b"\x00"),
}


def test_rows_that_nothing_reads(tmp_path: Path) -> None:
    """Nobody vouches for them: what is kept in such a row would pass for a part of the ledger, and is found."""
    world = many_world()
    log = Log.of(world, [world.size])
    ledger = log.store(tmp_path / "ledger")
    for name, table, key in SURPLUS.values():
        with log_of(ledger) as batch:
            batch.put(table, key, log.notes[world.size])
        assert [one for one, _ in surplus(ledger)] == [name]
        with log_of(ledger) as batch:
            batch.delete(table, key)
    assert surplus(ledger) == ()
    with log_of(ledger) as batch:
        for table, key in {table: key for _, table, key in SURPLUS.values()}.items():
            batch.put(table, key, log.notes[world.size])
    report = verify(ledger, trust=log.trust, raise_on_failure=False)
    only(report, "LED-CKPT", "LED-STRUCT", "LED-TREE")
    assert {one.id: one.derived for one in report.findings} == {
        "LED-CKPT": False, "LED-STRUCT": True, "LED-TREE": True,
    }  # fmt: skip


def surplus(ledger: Path) -> tuple[tuple[str, str], ...]:
    source = StoreRecords(ledger / "log")
    try:
        return source.extent().surplus
    finally:
        source.close()


def test_a_tile_that_goes_on(tmp_path: Path) -> None:
    world = many_world()
    log = Log.of(world, [world.size])
    ledger = log.store(tmp_path / "ledger")
    with log_of(ledger) as batch:
        batch.put("tile", tile_key(0, 1), (batch.get("tile", tile_key(0, 1)) or b"") + bytes(32))
    report = verify(ledger, trust=log.trust, raise_on_failure=False)
    only(report, "LED-TREE")
    assert report.findings[0].derived


DIRECTORY = {"flags": (8, 0x8000), "first byte of the root": (44, 0x01), "last byte of the root": (50, 0x8000)}
"""Where a table's row in the engine's directory has what, counted from its name, and which bits to flip there."""


@pytest.mark.parametrize("part", DIRECTORY)
@pytest.mark.parametrize("table", LOG_TABLES)
def test_a_table_that_cannot_be_read(table: str, part: str, ledger: Path, audit: Callable[..., Report]) -> None:
    """An empty one, such as that of the tiles in a small log, is no exception: it is opened and read, too."""
    unreadable(ledger / "log" / "data.mdb", table, *DIRECTORY[part])
    report = audit(ledger)
    assert report.exit_code == 3, list(report.lines())
    if table == "tile":
        only(report, "LED-STRUCT")
        assert [one.derived for one in report.findings] == [True]


def test_tiles_that_cannot_be_read_hide_nothing_else(tmp_path: Path) -> None:
    world = many_world()
    log = Log.of(world, [world.size])
    ledger = log.store(tmp_path / "ledger")
    unreadable(ledger / "log" / "data.mdb", "tile", *DIRECTORY["first byte of the root"])
    report = verify(ledger, trust=log.trust, raise_on_failure=False)
    only(report, "LED-STRUCT")
    assert [one.derived for one in report.findings] == [True]
    assert any(f"rules of {world.size} records" in one for one in report.checked)
    assert any("tiles" in one for one in report.not_checked)


def unreadable(data: Path, table: str, offset: int, bits: int) -> None:
    """Flip these bits of two bytes in every row that the engine's directory has had for a table."""
    content = bytearray(data.read_bytes())
    at = content.find(b"\x00" + table.encode())
    while at >= 0:
        start = at + 1 + len(table) + len(table) % 2 - 4 + offset
        flipped = int.from_bytes(content[start : start + 2], "little") ^ bits
        content[start : start + 2] = flipped.to_bytes(2, "little")
        at = content.find(b"\x00" + table.encode(), at + 1)
    data.write_bytes(content)


@pytest.mark.parametrize(("place", "size", "found"), [(99, 99, "LED-HEAD"), (99, 7, "LED-CKPT"), (9, 99, "LED-HEAD")])
def test_a_checkpoint_beyond_the_end(
    place: int, size: int, found: str, ledger: Path, audit: Callable[..., Report]
) -> None:
    note = sign_checkpoint(Checkpoint(ORIGIN, size, bytes(32)), log_signer())
    with log_of(ledger) as batch:
        batch.put("checkpoint", seq_key(place), note)
    report = audit(ledger)
    only(report, found)
    assert report.first_bad == (21 if found == "LED-HEAD" else 20)


@pytest.mark.parametrize(
    "name", ["ledger.toml", "log/data.mdb", "log/lock.mdb", "log/more", "state/data.mdb", "state/unsynced", "private/x"]
)
def test_a_pipe_where_a_file_should_be(name: str, ledger: Path, audit: Callable[..., Report]) -> None:
    (ledger / name).parent.mkdir(exist_ok=True)
    (ledger / name).unlink(missing_ok=True)
    os.mkfifo(ledger / name)
    report = audit(ledger, content_key=bytes(32))
    only(report, "LED-STRUCT")
    assert (report.size == 0) == name.startswith("log/")


def test_the_label_altered(ledger: Path, audit: Callable[..., Report]) -> None:
    label = ledger / "ledger.toml"
    text = label.read_text()
    label.write_text(text.replace(ORIGIN, "registry.example.org/others"))
    only(audit(ledger), "LED-LEDGER")
    label.write_text("nonsense")
    only(audit(ledger), "LED-STRUCT")
    label.write_text(text.replace("creditledger/v1", "creditledger/v9"))
    with pytest.raises(UnsupportedError):
        audit(ledger)
    label.unlink()
    with pytest.raises(NoLedger):
        audit(ledger)


@pytest.mark.parametrize("form", [b"nonsense", b"", b"creditledger/log/v1\x00", b"creditledger/log/v01"])
def test_a_log_of_no_format(form: bytes, ledger: Path, audit: Callable[..., Report]) -> None:
    with log_of(ledger) as batch:
        batch.put("meta", b"format", form)
    only(audit(ledger), "LED-STRUCT")


def test_a_log_of_a_later_format(ledger: Path, audit: Callable[..., Report]) -> None:
    with log_of(ledger) as batch:
        batch.put("meta", b"format", b"creditledger/log/v9")
    with pytest.raises(UnsupportedError):
        audit(ledger)


# -- damaged files -----------------------------------------------------------------------------------------------------


def test_a_truncated_log_is_a_finding(ledger: Path, audit: Callable[..., Report]) -> None:
    data = ledger / "log" / "data.mdb"
    content = data.read_bytes()
    for size in (0, 100, 8192, 3 * 4096, len(content) // 2):
        data.write_bytes(content[:size])
        only(audit(ledger), "LED-STRUCT")


def test_a_truncated_state_is_a_finding_and_the_log_is_verified(ledger: Path, audit: Callable[..., Report]) -> None:
    data = ledger / "state" / "data.mdb"
    content = data.read_bytes()
    for size in (100, 8192, 3 * 4096, len(content) // 2):
        data.write_bytes(content[:size])
        report = audit(ledger)
        only(report, "LED-STRUCT")
        assert report.findings[0].derived
        assert any("rules of 21 records" in one for one in report.checked)


@pytest.mark.parametrize("seed", range(12))
def test_a_log_with_garbage_in_its_pages(seed: int, ledger: Path, audit: Callable[..., Report]) -> None:
    """Whatever the engine makes of a damaged file, crashing included: a report, or an error of this package."""
    chance = random.Random(seed)
    data = ledger / "log" / "data.mdb"
    content = bytearray(data.read_bytes())
    for _ in range(6):
        at = chance.randrange(8192, len(content) - 64)
        content[at : at + 48] = chance.randbytes(48)
    data.write_bytes(content)
    code = 0
    try:
        code = audit(ledger).exit_code
    except LedgerError as error:
        code = error.exit_code
    assert code in (0, 3, 4)


@pytest.mark.parametrize("seed", range(8))
def test_a_state_with_garbage_in_its_pages(seed: int, ledger: Path, audit: Callable[..., Report]) -> None:
    """Derived data, however damaged, never stops the log from being verified."""
    data = ledger / "state" / "data.mdb"
    content = bytearray(data.read_bytes())
    chance = random.Random(seed)
    for _ in range(10):
        at = chance.randrange(8192, len(content) - 64)
        content[at : at + 48] = chance.randbytes(48)
    data.write_bytes(content)
    report = audit(ledger)
    assert report.exit_code in (0, 3, 4)
    assert all(one.derived for one in report.findings)
    assert any("rules of 21 records" in one for one in report.checked)


def test_a_log_that_is_cut_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine reads beyond the end of the file, and the system ends the worker: a finding, and nothing worse."""
    world = many_world()
    log = Log.of(world, [world.size])
    ledger = log.store(tmp_path / "ledger")
    kept = tmp_path / "kept.json"
    verify(ledger, trust=log.trust, remember=kept)

    def cut(phase: str, _done: int, _total: int) -> None:
        if phase == "remembered":
            os.truncate(ledger / "log" / "data.mdb", 8192)

    report = verify(ledger, trust=log.trust, remember=kept, progress=cut, raise_on_failure=False)
    only(report, "LED-STRUCT")
    assert "SIGBUS" in report.findings[0].message


def test_a_lie_far_back_is_found_across_ranges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one range pins or revokes lies in another, which another worker has read."""
    monkeypatch.setattr(crew, "SMALL_STORE", 0)
    monkeypatch.setattr(planning, "MAX_RANGE", 256)
    world = many_world()
    entry = world.build("district:act:2", listing_add(person(5000)), seen=(600, bytes(32)))
    log = Log.of(world, [world.size])
    log.records.append(world.record_of(world.seal(entry)))
    log.seal([len(log.records)])
    report = verify(log.store(tmp_path / "pins", honest=False), trust=log.trust, jobs=2, raise_on_failure=False)
    only(report, "LED-SEEN")
    assert report.first_bad == world.size
    entry = world.build("district:admin", key_revoke("district:act:2", stands_behind=(3, bytes(32))))
    log.records[-1] = world.record_of(world.seal(entry))
    log.seal([len(log.records)])
    report = verify(log.store(tmp_path / "revocation", honest=False), trust=log.trust, jobs=2, raise_on_failure=False)
    only(report, "LED-RULE")
    assert "R-KEY-STANDS" in report.findings[0].message
