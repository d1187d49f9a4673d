"""Attacks on a ledger's directory: records, tiles, checkpoints, the derived state, the files themselves."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from audit.logs import ORIGIN, Log, changed, ids, log_signer
from audit.test_export_attacks import busy_world, only
from creditledger.acts.content import commit, item_id, subject_key
from creditledger.acts.kinds import ActRef, Commitment
from creditledger.audit import Report, Trust, crew, planning, verify
from creditledger.codec.own import encode, restore
from creditledger.errors import LedgerError, NoLedger, UnsupportedError
from creditledger.ledger.layout import LOG_TABLES, Layout
from creditledger.ledger.log import seq_key, tile_key
from creditledger.ledger.replay import open_state, replay
from creditledger.ledger.state import STATE_TABLES
from creditledger.record.record import decode_record
from creditledger.store.lmdb_engine import LmdbEngine
from creditledger.store.port import Batch
from creditledger.store.private import PrivateStore
from creditledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from creditledger.tlog.tree import leaf_hash
from support.courts import courts
from support.drafts import FIRM, appeal_file, content_erase, key_revoke, listing_add, person
from support.world import World, public_key

MANY = 600


def many_world() -> World:
    """More than two tiles of records, with governance changed, a key revoked and another one used on the way."""
    world = busy_world()
    world.add_keys("district:act:2")
    behind = world.size
    for number in range(MANY):
        world.append(("district:act:2", "regulator")[number % 2], _listing(number))
        if number == MANY // 3:
            world.append("district:admin", key_revoke("district", stands_behind=_mark(world, "district", behind)))
    return world


def _mark(world: World, label: str, before: int) -> tuple[int, bytes]:
    """The last entry of a key before a record: its number and hash."""
    entries = (checked for _, checked in world.history[:before] if checked.entry.key == public_key(label))
    last = list(entries)[-1]
    return last.entry.author_seq, last.digest


def _listing(number: int) -> Any:
    if number % 2:
        return listing_add(
            person(1000 + number), list="watched", ground="late-filing", measures=("closer-audits",), until="2026-12-01"
        )
    return listing_add(person(1000 + number))


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Trust]:
    """A ledger's directory that nobody has touched."""
    log = Log.of(busy_world())
    return log.store(tmp_path_factory.mktemp("honest") / "ledger"), log.trust


@pytest.fixture
def ledger(honest: tuple[Path, Trust], tmp_path: Path) -> Path:
    """A copy of it, to be tampered with."""
    return Path(shutil.copytree(honest[0], tmp_path / "ledger"))


@pytest.fixture
def audit(honest: tuple[Path, Trust]) -> Callable[..., Report]:
    def run(path: Path, **options: Any) -> Report:
        return verify(path, trust=honest[1], **{"raise_on_failure": False} | options)

    return run


@contextmanager
def tampered(path: Path, tables: tuple[str, ...]) -> Iterator[Batch]:
    """Write to a store as somebody with access to its file would."""
    engine = LmdbEngine.open(path, tables)
    with engine.batch() as batch:
        yield batch
    engine.close()


def log_of(ledger: Path) -> Any:
    return tampered(ledger / "log", LOG_TABLES)


def state_of(ledger: Path) -> Any:
    return tampered(ledger / "state", STATE_TABLES)


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
    assert report.findings[0].expected == "21 records"


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


def test_a_log_of_a_later_format(ledger: Path, audit: Callable[..., Report]) -> None:
    with log_of(ledger) as batch:
        batch.put("meta", b"format", b"creditledger/log/v9")
    with pytest.raises(UnsupportedError):
        audit(ledger)


# -- the derived state -------------------------------------------------------------------------------------------------


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


def test_a_state_of_another_format(ledger: Path, audit: Callable[..., Report]) -> None:
    with state_of(ledger) as batch:
        batch.put("meta", b"format", b"nonsense")
    report = audit(ledger)
    only(report, "LED-STRUCT")
    assert report.findings[0].derived


def test_a_state_that_cannot_be_compared_since_the_log_is_bad(ledger: Path, audit: Callable[..., Report]) -> None:
    with log_of(ledger) as batch:
        batch.put("record", seq_key(15), b"\x90")
    report = audit(ledger)
    assert "LED-ENC" in ids(report)
    assert "LED-STATE" not in ids(report)
    assert any("derived state" in one for one in report.not_checked)


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
    import random

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


# -- content -----------------------------------------------------------------------------------------------------------

KEY = b"\x09" * 32
NONCE = bytes(range(32))


def with_private(tmp_path: Path, *, erased: bool) -> tuple[Path, Trust, bytes, PrivateStore]:
    world = courts()
    digest = commit(NONCE, b"He hid the car.")
    world.append("district", listing_add(content=(Commitment("reasons", digest),)))
    if erased:
        world.append("district", content_erase(digest))
    log = Log.of(world)
    ledger = log.store(tmp_path / "ledger")
    return ledger, log.trust, digest, PrivateStore.open(Layout(ledger).private, KEY, create=True)


def test_private_content_that_matches(tmp_path: Path) -> None:
    ledger, trust, digest, private = with_private(tmp_path, erased=False)
    with private:
        private.put_many([(item_id("defaulters", FIRM, digest), NONCE, b"He hid the car.")])
    report = verify(ledger, trust=trust, content_key=KEY)
    assert "1 items of detached content" in report.checked
    report = verify(ledger, trust=trust)
    assert any("detached content" in one for one in report.not_checked)


def test_private_content_altered(tmp_path: Path) -> None:
    ledger, trust, digest, private = with_private(tmp_path, erased=False)
    with private:
        private.put_many([(item_id("defaulters", FIRM, digest), NONCE, b"She hid the car.")])
    only(verify(ledger, trust=trust, content_key=KEY, raise_on_failure=False), "LED-CONTENT")


def test_private_content_that_outlives_its_erasure(tmp_path: Path) -> None:
    ledger, trust, digest, private = with_private(tmp_path, erased=True)
    assert verify(ledger, trust=trust, content_key=KEY).exit_code == 0
    with private:
        private.put_many([(item_id("defaulters", FIRM, digest), NONCE, b"He hid the car.")])
    only(verify(ledger, trust=trust, content_key=KEY, raise_on_failure=False), "LED-CONTENT")


def test_a_wrong_content_key_is_a_check_that_could_not_run(tmp_path: Path) -> None:
    ledger, trust, _, private = with_private(tmp_path, erased=False)
    private.close()
    report = verify(ledger, trust=trust, content_key=bytes(32), raise_on_failure=False)
    assert report.exit_code == 4
    assert any("content" in one for one in report.unable)


def test_the_helpers_replay_what_they_store(honest: tuple[Path, Trust]) -> None:
    """The state that these tests take for honest is the one that the ledger itself would keep."""
    state = open_state(Layout(honest[0]), readonly=True)
    assert state.applied == 21
    assert leaf_hash(busy_world().records[0]) == honest[1].ledger_id
    state.close()
    assert replay is not None
