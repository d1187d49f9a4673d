"""Somebody who can write to the disk, and has no key, edits the derived state: nothing is judged on it, or signed.

Each attack makes a row say that a rule has nothing against the entry that follows. If the writer believed it, the
checkpoint over the entry would be an honest signature under a record that breaks a rule.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lmdb
import pytest

from creditledger.acts import catalogue as acts
from creditledger.acts.content import subject_key
from creditledger.acts.kinds import ActRef
from creditledger.codec.own import encode as encode_row
from creditledger.errors import Refused, StoreError, VerificationFailed
from creditledger.ledger.layout import LOG_TABLES
from creditledger.ledger.ledger import Ledger
from creditledger.ledger.log import seq_key, tile_key
from creditledger.ledger.state import State
from creditledger.record.entry import decode_entry, encode_entry, entry_hash
from creditledger.rules.governance_state import Governance
from creditledger.store.lmdb_engine import LmdbEngine
from creditledger.tlog.tiles import WIDTH
from creditledger.tlog.tree import Frontier, leaf_hash, subtree_root
from support.registry import LIST, Registry, firm, listing, signer

COURT = signer("court")
KEY = subject_key(LIST, firm(1))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """A ledger that lists firm 1, and has annulled the listing of firm 5; beside it a state from before both."""
    made = Registry(tmp_path_factory.mktemp("template"))
    with made.create() as ledger:
        ledger.append(listing(5), signer=COURT)
    shutil.copytree(made.directory / "state", made.directory.parent / "old-state")
    with made.open() as ledger:
        ledger.append(listing(1), signer=COURT)
        annul(ledger)
    return made


def relist(ledger: Ledger) -> None:
    """What the rules refuse while firm 1 is listed."""
    ledger.append(listing(1), signer=COURT)


def annul(ledger: Ledger) -> None:
    """What the rules refuse once it has been done."""
    first = next(item for item in ledger.history(firm(5), LIST) if isinstance(item.act, acts.ListingAdd))
    digest = entry_hash(ledger.record(first.address.seq).entry)
    ledger.append(
        acts.ListingAnnul(LIST, firm(5), ActRef(digest, first.address.act), "listed_in_error", "2026-03-02"),
        signer=COURT,
    )


def require_rules(ledger: Ledger) -> None:
    """Neither passes."""
    for act in (relist, annul):
        with pytest.raises(Refused):
            act(ledger)


@pytest.fixture
def registry(template: Registry, tmp_path: Path) -> Registry:
    """A copy of it, sealed on this file system: it was opened to write."""
    made = Registry(tmp_path)
    made.clock.now = template.clock.now
    for name in ("registry", "heads", "old-state"):
        shutil.copytree(template.directory.parent / name, tmp_path / name)
    made.open().close()
    return made


@contextmanager
def edited(state: Path) -> Iterator[tuple[lmdb.Transaction[bytes], Callable[[str], Any]]]:
    """A transaction on a state, as of a program of somebody else."""
    with lmdb.open(str(state), max_dbs=30, map_size=1 << 30, lib_version=0) as store:
        tables = {name: store.open_db(name.encode(), create=False) for name in ("subject", "mandate", "recent", "meta")}
        with store.begin(write=True) as txn:
            yield txn, tables.__getitem__


def delete_row(registry: Registry) -> None:
    with edited(registry.directory / "state") as (txn, table):
        assert txn.delete(KEY, b"", table("subject"))


def edit_row(registry: Registry) -> None:
    """The listing ended long ago, the row says."""
    with edited(registry.directory / "state") as (txn, table):
        row = txn.get(KEY, db=table("subject"))
        assert row is not None
        assert b"2028-03-03" in row
        txn.put(
            KEY, row.replace(b"2028-03-03", b"2026-03-02").replace(b"2026-03-03", b"2026-03-01"), db=table("subject")
        )


def restore_older_row(registry: Registry) -> None:
    """The row of firm 5 as it was before its listing was annulled."""
    key = subject_key(LIST, firm(5))
    with edited(registry.directory.parent / "old-state") as (txn, table):
        older = txn.get(key, db=table("subject"))
    with edited(registry.directory / "state") as (txn, table):
        assert older not in (None, txn.get(key, db=table("subject")))
        txn.put(key, older, db=table("subject"))


def add_to_recent(registry: Registry) -> None:
    """A row that lies over the one in `subject`: an empty one."""
    with edited(registry.directory / "state") as (txn, table):
        txn.put(KEY, encode_row(()), db=table("recent"))


def replace_state(registry: Registry) -> None:
    """The whole store, put back as it was before the listing, and made to say that it accounts for it."""
    shutil.rmtree(registry.directory / "state")
    shutil.copytree(registry.directory.parent / "old-state", registry.directory / "state")
    with edited(registry.directory / "state") as (txn, table):
        applied = int.from_bytes(txn.get(b"applied", b"", table("meta")), "big")
        txn.put(b"applied", (applied + 2).to_bytes(8, "big"), db=table("meta"))


def replace_data(registry: Registry) -> None:
    """The bytes alone, in place, with the times of the file as they were."""
    path = registry.directory / "state" / "data.mdb"
    before = path.stat()
    older = (registry.directory.parent / "old-state" / "data.mdb").read_bytes()
    with path.open("r+b") as file:
        file.write(older)
        file.truncate(before.st_size)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


OFFLINE = [delete_row, edit_row, restore_older_row, add_to_recent, replace_state, replace_data]
"""What somebody does to the state of firm 1 while nobody has the ledger open."""


def require_sound(registry: Registry, size: int) -> None:
    """The log is of that size, keeps the rules, and opens with its state rebuilt."""
    shutil.rmtree(registry.directory / "state")
    with registry.open() as ledger:
        assert ledger.size == size
        assert ledger.replay().digest() == ledger.state_digest()
        ledger.append(listing(2), signer=COURT)


@pytest.mark.parametrize("attack", OFFLINE, ids=lambda attack: attack.__name__)
def test_a_state_edited_while_nobody_had_it_open_is_rebuilt(
    registry: Registry, attack: Callable[[Registry], None], caplog: pytest.LogCaptureFixture
) -> None:
    attack(registry)
    with registry.open() as ledger:
        size = ledger.size
        assert ledger.lookup(firm(1), LIST, valid_at="2026-04-01").status == "listed"
        require_rules(ledger)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "rebuilt" in caplog.text
    require_sound(registry, size)


def test_a_mandate_that_somebody_gave_itself_is_none(registry: Registry) -> None:
    with edited(registry.directory / "state") as (txn, table):
        found = dict(txn.cursor(table("mandate")))
        rows = Governance()
        for key, row in found.items():
            rows.load_row("mandate", key, row)
        lodging = rows.mandates["m-ombudsman"]
        rows.mandates["m-ombudsman"] = lodging._replace(grant=lodging.grant._replace(actions=("add", "lodge")))
        key, row = rows.row_bytes("mandate", "m-ombudsman")
        assert found[key] != row
        txn.put(key, row, db=table("mandate"))
    with registry.open() as ledger, pytest.raises(Refused, match="R-MANDATE"):
        ledger.append(listing(3), signer=signer("ombudsman"))


def test_the_state_of_another_ledger_is_not_taken_for_this_ones(registry: Registry, tmp_path: Path) -> None:
    other = Registry(tmp_path / "other")
    other.clock.set("2026-05-01")
    other.create().close()
    shutil.rmtree(registry.directory / "state")
    shutil.copytree(other.directory / "state", registry.directory / "state")
    with registry.open() as ledger:
        require_rules(ledger)


def test_a_state_behind_a_symbolic_link_is_rebuilt_in_its_place(registry: Registry) -> None:
    state = registry.directory / "state"
    shutil.rmtree(state)
    state.symlink_to(registry.directory.parent / "old-state")
    with registry.open() as ledger:
        require_rules(ledger)
    assert state.is_dir()
    assert not state.is_symlink()


# -- while the writer has it open ---------------------------------------------------------------------------------

EDITOR = """
import sys
from pathlib import Path
import lmdb
with lmdb.open(sys.argv[1] + "/registry/state", max_dbs=30, map_size=1 << 30, lib_version=0) as store:
    table = store.open_db(b"subject", create=False)
    with store.begin(write=True) as txn:
        assert txn.drop(table, delete=False) is None
"""


def edit_by_another_process(registry: Registry) -> None:
    assert run(EDITOR, registry) == 0


def edit_raw(registry: Registry) -> None:
    """The dates in the row, written over in the file, whose times are then put back."""
    path = registry.directory / "state" / "data.mdb"
    before = path.stat()
    data = path.read_bytes()
    assert b"2028-03-03" in data
    with path.open("r+b") as file:
        file.write(data.replace(b"2028-03-03", b"2026-03-02").replace(b"2026-03-03", b"2026-03-01"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def swap_file(registry: Registry) -> None:
    """Another file under the name, with the same bytes: what it will say later is not what the writer reads."""
    path = registry.directory / "state" / "data.mdb"
    shutil.copy2(path, path.with_suffix(".copy"))
    path.with_suffix(".copy").rename(path)


ONLINE = [edit_by_another_process, edit_raw, swap_file]


@pytest.mark.parametrize("attack", ONLINE, ids=lambda attack: attack.__name__)
def test_a_state_edited_while_it_is_open_stops_the_writer(
    registry: Registry, attack: Callable[[Registry], None]
) -> None:
    with registry.open() as ledger:
        size = ledger.size
        forbidden = ledger.sign([listing(1)], signer=COURT, not_after=registry.clock.now + 1_000_000)
        allowed = ledger.sign([listing(3)], signer=COURT)
        attack(registry)
        for entry in (forbidden, allowed, allowed):
            with pytest.raises(StoreError, match=r"changed by someone else.*open the ledger again.*verify"):
                ledger.append_signed(*entry)
            with pytest.raises(StoreError, match="changed by someone else"):
                ledger.check_batch([entry])
        with pytest.raises(StoreError, match="changed by someone else"):
            ledger.append(listing(3), signer=COURT)
        assert ledger.log.size() == size
    with registry.open() as ledger:
        require_rules(ledger)
    require_sound(registry, size)


def test_a_state_edited_while_a_commit_is_judged_is_not_signed_upon(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = State.apply

    def interfered(state: State, *arguments: Any) -> None:
        judged(state, *arguments)
        edit_raw(registry)

    with registry.open() as ledger:
        size = ledger.size
        monkeypatch.setattr(State, "apply", interfered)
        with pytest.raises(StoreError, match="changed by someone else"):
            ledger.append(listing(2), signer=COURT)
        monkeypatch.undo()
        assert ledger.log.size() == size
        with pytest.raises(StoreError, match="changed by someone else"):
            ledger.append(listing(2), signer=COURT)
    require_sound(registry, size)


def test_a_refusal_that_rests_on_an_edited_row_is_not_told(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever can make a row say that a firm is listed could otherwise keep it from being listed."""
    with registry.open() as ledger:
        row = ledger._state.subject_row

        def interfered(key: bytes) -> bytes | None:
            edit_raw(registry)
            return row(subject_key(LIST, firm(1)))

        monkeypatch.setattr(ledger._writer._view, "subject_row", interfered)  # type: ignore[union-attr]  # it writes
        with pytest.raises(StoreError, match="changed by someone else"):
            ledger.append(listing(2), signer=COURT)


def test_a_state_edited_after_the_last_commit_is_not_written_on(registry: Registry) -> None:
    ledger = registry.open()
    ledger.append(listing(2), signer=COURT)
    edit_by_another_process(registry)
    with pytest.raises(StoreError, match="changed by someone else"):
        ledger.close()
    with registry.open() as again:
        assert again.lookup(firm(2), LIST, valid_at="2026-04-01").status == "listed"
        require_rules(again)


TRANSACTION = slice(48, 56)
"""Where `lock.mdb` of LMDB 0.9 on 64-bit Linux has the number of the last transaction: which of two commits counts."""


def test_a_lock_file_that_turns_the_state_back_by_one_commit_stops_the_writer(registry: Registry) -> None:
    """The data is not touched: both of the last two commits are in it."""
    path = registry.directory / "state" / "lock.mdb"
    with registry.open() as ledger:
        ledger.append(listing(2), signer=COURT)
        ledger._state.flush()
        ledger.append(listing(3), signer=COURT)
        ledger._state.flush()
        data = bytearray(path.read_bytes())
        last = int.from_bytes(data[TRANSACTION], sys.byteorder)
        assert last == ledger._state._seal._stamp.transaction  # type: ignore[union-attr]  # it has one
        data[TRANSACTION] = (last - 1).to_bytes(8, sys.byteorder)
        with path.open("r+b") as file:
            file.write(data)
        for _ in range(2):
            with pytest.raises(StoreError, match="changed by someone else"):
                ledger.append(listing(3), signer=COURT)
    with registry.open() as ledger, pytest.raises(Refused, match="R-DUPLICATE"):
        ledger.append(listing(3), signer=COURT)


# -- what the writer and its readers do themselves -----------------------------------------------------------------


def test_nothing_that_the_program_does_breaks_the_seal(registry: Registry, caplog: pytest.LogCaptureFixture) -> None:
    """Flushes with and without moves and syncs, readers that come and go, dry runs, bulk: and it opens as it was."""
    with registry.open() as ledger:
        ledger._state._flush_rows, ledger._state._move_rows = 7, 2
        for number in range(10, 60, 5):
            several = [listing(number + one) for one in range(5)]
            ledger.check_batch([ledger.sign(several, signer=COURT)])
            ledger.append(several, signer=COURT)
            if number % 20 == 0:
                read_in_another_process(registry)
            if number % 10:
                ledger._state.flush()
        data = [ledger.sign([listing(2000)], signer=COURT)]
        assert ledger.append_many(data, jobs=0) == 1
        ledger.append(listing(2001), signer=COURT)
    for _ in range(2):
        before = (registry.directory / "state" / "data.mdb").stat()
        with registry.open() as ledger:
            assert ledger._state.stored == ledger.size
        after = (registry.directory / "state" / "data.mdb").stat()
        assert (before.st_ino, before.st_ctime_ns) == (after.st_ino, after.st_ctime_ns)
    assert caplog.records == []


READER = """
import sys
from pathlib import Path
from support.registry import LIST, Registry, firm
with Registry(Path(sys.argv[1])).read() as reader:
    assert reader.lookup(firm(1), LIST, valid_at="2026-04-01").status == "listed"
"""


def run(script: str, registry: Registry) -> int:
    """Another process, with the tests' own modules at hand."""
    paths = os.pathsep.join(path for path in sys.path if path)
    command = [sys.executable, "-c", script, str(registry.directory.parent)]
    return subprocess.run(command, timeout=60, env={**os.environ, "PYTHONPATH": paths}).returncode


def read_in_another_process(registry: Registry) -> None:
    assert run(READER, registry) == 0


def test_a_reader_needs_no_seal_and_makes_none(registry: Registry) -> None:
    shutil.rmtree(registry.heads)
    state = registry.directory / "state" / "data.mdb"
    before = state.stat().st_ctime_ns
    with registry.read() as reader:
        assert reader.lookup(firm(1), LIST, valid_at="2026-04-01").status == "listed"
    assert not registry.heads.exists()
    assert state.stat().st_ctime_ns == before


@pytest.mark.parametrize("loss", ["no-seal", "garbled"])
def test_without_its_seal_a_state_is_rebuilt_once(
    registry: Registry, loss: str, caplog: pytest.LogCaptureFixture
) -> None:
    """As left by a version that made none, or by a power cut."""
    (head,) = (path for path in registry.heads.iterdir() if not path.suffix)
    data = head.read_bytes()
    head.write_bytes(data[:131072] if loss == "no-seal" else data[:131100] + b"?" + data[131101:])
    for warnings in (1, 1):
        with registry.open() as ledger:
            assert ledger.replay().digest() == ledger.state_digest()
        assert len(caplog.records) == warnings


KILLED = """
import os, signal, sys
from pathlib import Path
from creditledger.store.head import HeadStore
from support.registry import Registry, listing, signer
registry = Registry(Path(sys.argv[1]))
registry.clock.set("2026-04-01")
ledger = registry.open()
ledger.append(listing(2), signer=signer("court"))
HeadStore.seal = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
ledger._state.flush()
"""


def test_a_kill_between_the_state_and_its_seal_costs_a_rebuild(
    registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    assert run(KILLED, registry) == -signal.SIGKILL
    registry.clock.set("2026-04-02")
    with registry.open() as ledger:
        assert ledger.lookup(firm(2), LIST, valid_at="2026-04-01").status == "listed"
        assert ledger.replay().digest() == ledger.state_digest()
    assert "rebuilt" in caplog.text


def test_a_founded_ledger_is_sealed_from_the_start(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    made = Registry(tmp_path)
    made.create().close()
    with made.open() as ledger:
        assert ledger._state.stored == ledger.size
    assert caplog.records == []


# -- the log that the state is rebuilt from ------------------------------------------------------------------------

LISTED = 300
"""Records beyond the first full tile of leaf hashes."""


@pytest.fixture(scope="module")
def long_template(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    made = Registry(tmp_path_factory.mktemp("long"))
    with made.create() as ledger:
        entries: list[tuple[bytes, list[bytes]]] = []
        head = ledger.key_head(COURT.public_key)
        assert head is not None
        prev = head.prev
        for number in range(LISTED):
            template, _ = ledger.sign([listing(0)], signer=COURT) if not entries else entries[0]
            entry = decode_entry(template)._replace(
                author_seq=head.next_seq + number, author_prev=prev, acts=(listing(number),)
            )
            data = encode_entry(entry)
            entries.append((data, [COURT.sign(data)]))
            prev = entry_hash(data)
        ledger.append_many(entries, jobs=0)
    return made


@pytest.fixture
def long_registry(long_template: Registry, tmp_path: Path) -> Registry:
    registry = Registry(tmp_path)
    registry.clock.now = long_template.clock.now
    for name in ("registry", "heads"):
        shutil.copytree(long_template.directory.parent / name, tmp_path / name)
    return registry


def open_log(registry: Registry) -> LmdbEngine:
    return LmdbEngine.open(registry.directory / "log", LOG_TABLES)


def forge_record(registry: Registry, seq: int) -> None:
    """A record below the last, partial tile is replaced, and its leaf hash in the tile with it."""
    engine = open_log(registry)
    with engine.batch() as batch:
        data = batch.get("record", seq_key(seq))
        assert data is not None
        forged = data.replace(b"2028-03-03", b"2026-03-02").replace(b"2026-03-03", b"2026-03-01")
        assert forged != data
        batch.put("record", seq_key(seq), forged)
        tile = bytearray(batch.get("tile", tile_key(0, seq // WIDTH)) or b"")
        assert len(tile) == WIDTH * 32
        tile[seq % WIDTH * 32 : seq % WIDTH * 32 + 32] = leaf_hash(forged)
        batch.put("tile", tile_key(0, seq // WIDTH), bytes(tile))
    engine.close()


def test_a_rebuild_holds_every_record_against_the_signed_root(long_registry: Registry) -> None:
    forge_record(long_registry, 100)
    with pytest.raises(VerificationFailed, match="LED-TREE"):
        long_registry.open()  # A copied state is not sealed here, so it is rebuilt.
    shutil.rmtree(long_registry.directory / "state")
    with pytest.raises(VerificationFailed, match="LED-TREE"):
        long_registry.read()


@pytest.mark.parametrize("remembered", [False, True])
def test_a_root_of_then_follows_from_what_the_signed_root_covers(long_registry: Registry, remembered: bool) -> None:
    """An author may pin a checkpoint of another branch; a tile that was edited must not make it true.

    A root that was asked for before is remembered, and so is not read anew from the tile.
    """
    with long_registry.open() as ledger:
        tree = Frontier()
        for _, data in ledger.records(0, 200):
            tree.push(leaf_hash(data))
        genuine = tree.root()
        if remembered:
            assert ledger.log.root_at(200) == genuine
        with ledger.log.engine.batch() as batch:
            tile = bytearray(batch.get("tile", tile_key(0, 0)) or b"")
            tile[:32] = bytes(32)
            batch.put("tile", tile_key(0, 0), bytes(tile))
        false = subtree_root(ledger.log.tiles(ledger.size), 0, 200)
        assert false != genuine
        with pytest.raises(Refused if remembered else VerificationFailed, match=r"R-ENTRY-SEEN|LED-TREE"):
            ledger.append(listing(900), signer=COURT, seen=(200, false))
        with pytest.raises(VerificationFailed, match="LED-TREE"):
            ledger.record(0)
        assert ledger.record(WIDTH + 1).seq == WIDTH + 1


@pytest.mark.parametrize(("level", "tile"), [(1, bytes(32)), (0, bytes(32 * WIDTH))])
def test_a_tile_that_was_edited_is_found_at_opening(long_registry: Registry, level: int, tile: bytes) -> None:
    engine = open_log(long_registry)
    with engine.batch() as batch:
        batch.put("tile", tile_key(level, 0), tile)
    engine.close()
    with pytest.raises(VerificationFailed, match="LED-TREE"):
        long_registry.open()


def test_records_beyond_those_that_were_checked_are_not_given_out(long_registry: Registry) -> None:
    with long_registry.read() as ledger, pytest.raises(StoreError, match="were checked"):
        list(ledger.log.records(0, ledger.size + 1))
