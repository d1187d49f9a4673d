"""The derived state on its store: rows move in pieces, and wherever that stops they are those of one moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from creditledger.errors import StoreError, VerificationFailed
from creditledger.ledger import unsynced
from creditledger.ledger.layout import Layout
from creditledger.ledger.ledger import Ledger
from creditledger.ledger.log import Log
from creditledger.ledger.replay import open_state, replay
from creditledger.ledger.state import DIGEST_TABLES, STATE_TABLES, State
from creditledger.ledger.unsynced import Unsynced
from creditledger.store.lmdb_engine import LmdbEngine
from creditledger.store.memory import MemoryEngine
from creditledger.store.port import Batch, Engine
from support.registry import LIST, Registry, firm, listing, signer

FIRMS = 60


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """A ledger with sixty firms on its list, three to an entry."""
    made = Registry(tmp_path_factory.mktemp("state"))
    with made.create() as ledger:
        for number in range(0, FIRMS, 3):
            ledger.append([listing(number), listing(number + 1), listing(number + 2)], signer=signer("court"))
    return made


@pytest.fixture
def ledger(registry: Registry) -> Iterator[Ledger]:
    with registry.read() as opened:
        yield opened


class Interrupted(Exception):
    """The process ends here."""


class Stopping:
    """An engine that stops before one of its batches."""

    def __init__(self, engine: Engine, stop: int) -> None:
        self._engine = engine
        self._left = stop
        self.poisoned = False

    @contextmanager
    def batch(self) -> Iterator[Batch]:
        if self._left == 0:
            raise Interrupted
        self._left -= 1
        with self._engine.batch() as batch:
            yield batch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)


def rows_of(state: State) -> dict[str, list[tuple[bytes, bytes]]]:
    return {table: list(state.rows(table)) for table in DIGEST_TABLES}


def flushed(log: Log, engine: Engine, size: int, **sizes: int) -> State:
    """A state replayed up to a size and written to a store."""
    state = State(engine, **sizes)  # type: ignore[arg-type]
    state.load()
    replay(log, state, size)
    state.flush()
    return state


@pytest.mark.parametrize(("flush_rows", "move_rows"), [(1, 1), (7, 2), (7, 100), (1000, 5), (1000, 1000)])
def test_however_rows_are_written_the_state_is_the_same(ledger: Ledger, flush_rows: int, move_rows: int) -> None:
    expected = ledger.replay()
    engine = MemoryEngine(STATE_TABLES)
    state = flushed(ledger.log, engine, ledger.size, flush_rows=flush_rows, move_rows=move_rows)
    assert state.digest() == expected.digest()
    again = State(engine, writable=False)
    again.load()
    assert (again.applied, rows_of(again)) == (ledger.size, rows_of(expected))
    with engine.snapshot() as snapshot:
        assert (snapshot.count("recent"), snapshot.count("subject")) == (0, FIRMS)


@pytest.mark.parametrize("stop", range(12))
def test_an_interrupted_flush_leaves_the_rows_of_one_moment(ledger: Ledger, tmp_path: Path, stop: int) -> None:
    half, size = ledger.size - 10, ledger.size
    engine = LmdbEngine.open(tmp_path / "store", STATE_TABLES, create=True)
    flushed(ledger.log, engine, half, move_rows=4)
    state = State(Stopping(engine, stop), move_rows=4)
    state.load()
    replay(ledger.log, state, size)
    try:
        state.flush()
    except Interrupted:
        complete = False
    else:
        complete = True
    # One batch takes all of the 30 rows, eight of four move them, and one clears the place where they were.
    assert complete == (stop >= 10)

    reader = State(engine, writable=False)
    reader.load()
    assert reader.applied == (half if stop == 0 else size)
    assert rows_of(reader) == rows_of(ledger.replay(size=reader.applied))
    for number in range(FIRMS):
        key = LIST.encode() + b"\0uscc\0" + str(firm(number).value).encode()
        assert reader.subject_row(key) == ledger.replay(size=reader.applied).subject_row(key)

    writer = State(engine, move_rows=4)
    writer.load()
    replay(ledger.log, writer, size)
    writer.flush()
    assert writer.digest() == ledger.replay().digest()
    with engine.snapshot() as snapshot:
        assert snapshot.count("recent") == 0
    engine.close()


def test_a_reader_that_catches_up_while_the_writer_writes_judges_no_act_twice(ledger: Ledger) -> None:
    engine = MemoryEngine(STATE_TABLES)
    start, size = ledger.size - 12, ledger.size
    flushed(ledger.log, engine, start)
    reader = State(engine, writable=False)
    reader.load()
    for upto in (start + 4, start + 8, size):
        with reader.held():
            reader.catch_up()
            flushed(ledger.log, engine, upto)
            # Read from the store as it is by now, these records would break a rule: their acts are in it.
            replay(ledger.log, reader, upto)
            assert rows_of(ledger.replay(size=upto))["subject"] == [
                (key, reader.subject_row(key)) for key, _ in ledger.replay(size=upto).rows("subject")
            ]
    with reader.held():
        reader.catch_up()
    assert (reader.stored, reader.digest()) == (size, ledger.replay().digest())


def test_a_record_that_breaks_a_rule_is_named_and_nothing_of_it_stays(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = State.in_memory()
    replay(ledger.log, state, 10)
    before = (state.applied, state.digest())
    records = list(ledger.log.records(10, 20))
    monkeypatch.setattr(ledger.log, "records", lambda _start, _stop: iter([*records[:5], records[4]]))
    with pytest.raises(VerificationFailed, match="R-ENTRY-CHAIN") as failure:
        replay(ledger.log, state, 20)
    assert (failure.value.finding, failure.value.seq) == ("LED-RULE", 15)
    assert (state.applied, state.digest()) == before


# -- writes that the device may lack ------------------------------------------------------------------------------


@pytest.fixture
def layout(ledger: Ledger, tmp_path: Path) -> Layout:
    """A directory with a state alone, complete and synced."""
    made = Layout(tmp_path)
    state = open_state(made, create=True)
    replay(ledger.log, state, ledger.size)
    state.flush()
    state.close()
    return made


def mark_of(layout: Layout) -> bytes | None:
    path = layout.state / "unsynced"
    return path.read_bytes() if path.exists() else None


def test_the_mark_stands_while_the_device_may_lack_writes(ledger: Ledger, tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    open_state(layout, create=True).close()
    engine = LmdbEngine.open(layout.state, STATE_TABLES, sync=False)
    state = State(engine, flush_rows=5, unsynced=Unsynced(layout.state))
    state.load()
    assert mark_of(layout) is None
    replay(ledger.log, state, ledger.size)
    assert mark_of(layout) == unsynced.boot_id(), "many rows at a time are not synced"
    state.flush()
    assert mark_of(layout) is None
    state.close()


def test_a_process_that_ends_loses_nothing_that_the_system_has(ledger: Ledger, layout: Layout) -> None:
    Unsynced(layout.state).set()
    state = open_state(layout)
    assert (state.stored, state.digest()) == (ledger.size, ledger.replay().digest())
    state.flush()
    state.close()
    assert mark_of(layout) is None


@pytest.mark.parametrize("mark", [b"another start of the system", b"unknown", b"", b"x" * 1000])
def test_after_another_start_of_the_system_the_state_is_rebuilt(ledger: Ledger, layout: Layout, mark: bytes) -> None:
    (layout.state / "unsynced").write_bytes(mark)
    reader = open_state(layout, readonly=True)
    assert reader.applied == 0, "a reader replays the log in memory"
    writer = open_state(layout)
    assert (writer.applied, mark_of(layout)) == (0, None)
    replay(ledger.log, writer, ledger.size)
    assert writer.digest() == ledger.replay().digest()
    writer.close()


def test_where_starts_cannot_be_told_apart_every_batch_is_synced(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unsynced, "_BOOT_ID", tmp_path / "no such file")
    layout = Layout(tmp_path)
    open_state(layout, create=True).close()
    state = State(
        LmdbEngine.open(layout.state, STATE_TABLES, sync=False), flush_rows=5, unsynced=Unsynced(layout.state)
    )
    replay(ledger.log, state, ledger.size)
    assert mark_of(layout) is None
    state.close()
    Unsynced(layout.state).set()
    assert unsynced.is_lost(layout.state)


def test_a_mark_that_cannot_be_written_is_an_error_before_anything_is(ledger: Ledger, tmp_path: Path) -> None:
    engine = MemoryEngine(STATE_TABLES)
    state = State(engine, unsynced=Unsynced(tmp_path / "no such directory"))
    replay(ledger.log, state, 5)
    with pytest.raises(StoreError, match="unsynced"):
        state.flush()
    with engine.snapshot() as snapshot:
        assert snapshot.get("meta", b"applied") is None
