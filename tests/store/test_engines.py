"""The contract of the store port, the same for every engine."""

from __future__ import annotations

import resource
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from creditledger.errors import StoreError
from creditledger.store.lmdb_engine import LmdbEngine
from creditledger.store.memory import MemoryEngine
from creditledger.store.port import MAX_KEY, Batch, Engine

TABLES = ("a", "b")


class FragileMemoryEngine(MemoryEngine):
    """A memory engine whose commit can be made to fail."""

    fragile = False

    def _publish(self, changed: dict[str, Any]) -> None:
        if self.fragile:
            raise StoreError("the commit failed, as the test wants")
        super()._publish(changed)


@contextmanager
def memory_commits_fail(engine: FragileMemoryEngine) -> Iterator[None]:
    engine.fragile = True
    yield
    engine.fragile = False


@contextmanager
def lmdb_commits_fail(data: Path) -> Iterator[None]:
    """No file of this process may grow beyond what the data file has: a full disk, as far as LMDB can tell."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (data.stat().st_size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


class Subject:
    """An engine under test, and how its commits are made to fail."""

    def __init__(self, engine: Engine, commits_fail: Callable[[], AbstractContextManager[None]]) -> None:
        self.engine = engine
        self.commits_fail = commits_fail


def make(kind: str, directory: Path) -> Subject:
    if kind == "memory":
        memory = FragileMemoryEngine(TABLES)
        return Subject(memory, lambda: memory_commits_fail(memory))
    path = directory / "store"
    return Subject(LmdbEngine.open(path, TABLES, create=True), lambda: lmdb_commits_fail(path / "data.mdb"))


@pytest.fixture(params=["memory", "lmdb"])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Subject]:
    subject = make(request.param, tmp_path)
    yield subject
    subject.engine.close()


@pytest.fixture
def engine(subject: Subject) -> Engine:
    return subject.engine


def content(engine: Engine) -> dict[str, list[tuple[bytes, bytes]]]:
    with engine.snapshot() as snapshot:
        return {table: list(snapshot.range(table)) for table in TABLES}


def test_a_new_store_is_empty(engine: Engine) -> None:
    with engine.snapshot() as snapshot:
        assert snapshot.get("a", b"k") is None
        assert snapshot.last("a") is None
        assert snapshot.count("a") == 0
        assert list(snapshot.range("a", reverse=True)) == []


def test_what_was_committed_is_read_as_bytes(engine: Engine) -> None:
    with engine.batch() as batch:
        batch.put("a", b"k", b"v")
        batch.put("a", b"empty", b"")
        batch.put("b", b"k", b"x" * 5000)
    with engine.snapshot() as snapshot:
        values = [snapshot.get("a", b"k"), snapshot.get("a", b"empty"), snapshot.get("b", b"k")]
        pairs = list(snapshot.range("a"))
    assert values == [b"v", b"", b"x" * 5000]
    assert all(type(value) is bytes for value in values)
    assert all(type(part) is bytes for pair in pairs for part in pair)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("start", [b"", b"a", b"b", b"bb", b"d", b"z"])
@pytest.mark.parametrize("stop", [None, b"", b"a", b"b", b"bb", b"d", b"z"])
def test_range_is_half_open_in_both_directions(engine: Engine, start: bytes, stop: bytes | None, reverse: bool) -> None:
    keys = [b"b", b"bb", b"c", b"d"]
    with engine.batch() as batch:
        batch.put_many("a", [(key, key.upper()) for key in keys])
        batch.put("b", b"ba", b"of the other table")
    wanted = [(key, key.upper()) for key in keys if start <= key and (stop is None or key < stop)]
    with engine.snapshot() as snapshot:
        assert list(snapshot.range("a", start, stop, reverse=reverse)) == (wanted[::-1] if reverse else wanted)


def test_a_batch_reads_its_own_writes(engine: Engine) -> None:
    with engine.batch() as batch:
        batch.put("a", b"1", b"one")
        batch.put("a", b"2", b"two")
        batch.put("a", b"2", b"zwei")
        batch.delete("a", b"1")
        batch.delete("a", b"never there")
        assert batch.get("a", b"2") == b"zwei"
        assert list(batch.range("a")) == [(b"2", b"zwei")]
        assert batch.last("a") == (b"2", b"zwei")
        assert batch.count("a") == 1
    assert content(engine)["a"] == [(b"2", b"zwei")]


def test_a_snapshot_never_sees_a_later_batch(engine: Engine) -> None:
    with engine.batch() as batch:
        batch.put("a", b"1", b"one")
    with engine.snapshot() as snapshot:
        pairs = snapshot.range("a")
        with engine.batch() as batch:
            batch.put("a", b"1", b"changed")
            batch.put("a", b"2", b"two")
            assert snapshot.get("a", b"1") == b"one"
        assert snapshot.get("a", b"1") == b"one"
        assert snapshot.count("a") == 1
        assert list(pairs) == [(b"1", b"one")]
    assert content(engine)["a"] == [(b"1", b"changed"), (b"2", b"two")]


def test_a_batch_that_ends_by_an_exception_leaves_nothing(engine: Engine) -> None:
    with engine.batch() as batch:
        batch.put("a", b"1", b"one")

    def fail() -> None:
        with engine.batch() as batch:
            batch.put("a", b"2", b"two")
            batch.delete("a", b"1")
            batch.append("b", b"1", b"x")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert content(engine) == {"a": [(b"1", b"one")], "b": []}
    assert not engine.poisoned


@pytest.mark.parametrize("key", [b"b", b"a", b"\x00"])
def test_append_out_of_order_is_refused(engine: Engine, key: bytes) -> None:
    with engine.batch() as batch:
        batch.append("a", b"b", b"first")
    with pytest.raises(StoreError, match="out of order"), engine.batch() as batch:
        batch.append("a", key, b"second")
    with pytest.raises(StoreError, match="out of order"), engine.batch() as batch:
        batch.append_many("a", [(b"c", b""), (key, b"second"), (b"d", b"")])
    assert content(engine)["a"] == [(b"b", b"first")]


def test_append_in_order_continues_the_table(engine: Engine) -> None:
    rows = [(index.to_bytes(8, "big"), b"v%d" % index) for index in range(1000)]
    with engine.batch() as batch:
        batch.append_many("a", rows[:500])
        batch.append("a", *rows[500])
    with engine.batch() as batch:
        batch.append_many("a", iter(rows[501:]))
    assert content(engine)["a"] == rows


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda batch: batch.append("a", b"1", b"again"), id="append-out-of-order"),
        pytest.param(lambda batch: batch.append_many("a", [(b"9", b""), (b"1", b"")]), id="append-many-out-of-order"),
        pytest.param(lambda batch: batch.put("a", b"", b"v"), id="put-empty-key"),
        pytest.param(lambda batch: batch.put("a", b"k" * (MAX_KEY + 1), b"v"), id="put-long-key"),
        pytest.param(lambda batch: batch.put_many("a", [(b"9", b"v"), (b"", b"v")]), id="put-many-empty-key"),
        pytest.param(lambda batch: batch.put("c", b"k", b"v"), id="put-unknown-table"),
        pytest.param(lambda batch: batch.put_many("c", [(b"k", b"v")]), id="put-many-unknown-table"),
        pytest.param(lambda batch: batch.delete("a", b""), id="delete-empty-key"),
        pytest.param(lambda batch: batch.clear("c"), id="clear-unknown-table"),
    ],
)
def test_a_batch_with_a_failed_write_cannot_be_committed(engine: Engine, write: Callable[[Batch], None]) -> None:
    with engine.batch() as batch:
        batch.put("a", b"1", b"one")

    def swallow() -> None:
        with engine.batch() as batch:
            batch.put("b", b"1", b"one")
            with pytest.raises(StoreError):
                write(batch)

    with pytest.raises(StoreError, match="nothing of it was stored"):
        swallow()
    assert content(engine) == {"a": [(b"1", b"one")], "b": []}
    assert not engine.poisoned
    with engine.batch() as batch:
        batch.put("b", b"2", b"two")


def test_pairs_that_fail_half_way_spoil_the_batch(engine: Engine) -> None:
    def pairs() -> Iterator[tuple[bytes, bytes]]:
        yield b"1", b"one"
        raise ZeroDivisionError

    def swallow() -> None:
        with engine.batch() as batch, pytest.raises(ZeroDivisionError):
            batch.put_many("a", pairs())

    with pytest.raises(StoreError, match="nothing of it was stored"):
        swallow()
    assert content(engine)["a"] == []


def test_keys_of_every_allowed_length_and_no_other(engine: Engine) -> None:
    with engine.batch() as batch:
        batch.put_many("a", [(b"k" * length, b"%d" % length) for length in range(1, MAX_KEY + 1)])
    with engine.snapshot() as snapshot:
        assert snapshot.count("a") == MAX_KEY
        assert snapshot.get("a", b"k" * MAX_KEY) == b"511"
        assert snapshot.get("a", b"") is None
        assert snapshot.get("a", b"k" * (MAX_KEY + 1)) is None
        assert list(snapshot.range("a", b"k" * (MAX_KEY + 1))) == []


def test_reading_an_unknown_table_says_which_there_are(engine: Engine) -> None:
    with engine.snapshot() as snapshot:
        for call in (
            lambda: snapshot.get("c", b"k"),
            lambda: list(snapshot.range("c")),
            lambda: snapshot.last("c"),
            lambda: snapshot.count("c"),
        ):
            with pytest.raises(StoreError, match=r"no table 'c'.*a, b"):
                call()


def test_a_snapshot_and_a_batch_end_with_their_block(engine: Engine) -> None:
    with engine.batch() as batch:
        batch.put_many("a", [(b"1", b"one"), (b"2", b"two")])
        unfinished = batch.range("a")
        next(unfinished)
    with engine.snapshot() as snapshot:
        pairs = snapshot.range("a")
        next(pairs)
    for late in (
        lambda: snapshot.get("a", b"1"),
        lambda: snapshot.last("a"),
        lambda: snapshot.count("a"),
        lambda: list(pairs),
        lambda: list(unfinished),
        lambda: batch.put("a", b"3", b"late"),
        lambda: batch.append("a", b"3", b"late"),
        lambda: batch.put_many("a", [(b"3", b"late")]),
        lambda: batch.delete("a", b"1"),
        lambda: batch.clear("a"),
    ):
        with pytest.raises(StoreError, match="is over"):
            late()
    assert content(engine)["a"] == [(b"1", b"one"), (b"2", b"two")]


def test_a_second_batch_is_refused_while_one_is_open(engine: Engine) -> None:
    seen: list[str] = []

    def other_thread() -> None:
        with pytest.raises(StoreError, match="another batch is open"), engine.batch():
            seen.append("entered")
        seen.append("refused")

    with engine.batch() as batch:
        batch.put("a", b"1", b"one")
        with pytest.raises(StoreError, match="another batch is open"), engine.batch():
            pass
        thread = threading.Thread(target=other_thread)
        thread.start()
        thread.join()
    assert seen == ["refused"]
    assert content(engine)["a"] == [(b"1", b"one")]


def test_a_snapshot_serves_several_threads(engine: Engine) -> None:
    rows = [(index.to_bytes(4, "big"), b"v%d" % index) for index in range(500)]
    with engine.batch() as batch:
        batch.put_many("a", rows)
    results: list[list[tuple[bytes, bytes]]] = []
    with engine.snapshot() as snapshot:
        threads = [threading.Thread(target=lambda: results.append(list(snapshot.range("a")))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert results == [rows] * 4


def test_a_failed_commit_poisons_the_engine(subject: Subject) -> None:
    engine = subject.engine
    with engine.batch() as batch:
        batch.put("a", b"1", b"one")
    with engine.snapshot() as before:
        with subject.commits_fail(), pytest.raises(StoreError), engine.batch() as batch:
            batch.put("a", b"2", b"x" * 1_000_000)
        assert engine.poisoned
        assert before.get("a", b"1") == b"one"
        for refused in (engine.snapshot, engine.batch):
            with pytest.raises(StoreError, match="open it again"), refused():
                pass
        for call in (engine.sync, engine.size_bytes):
            with pytest.raises(StoreError, match="open it again"):
                call()


def test_nothing_goes_on_after_close(engine: Engine) -> None:
    engine.close()
    engine.close()
    for refused in (engine.snapshot, engine.batch):
        with pytest.raises(StoreError, match="closed"), refused():
            pass
    for call in (engine.sync, engine.size_bytes):
        with pytest.raises(StoreError, match="closed"):
            call()


def test_size_grows_with_the_content_and_is_no_sparse_map(engine: Engine) -> None:
    empty = engine.size_bytes()
    with engine.batch() as batch:
        batch.put_many("a", [(index.to_bytes(4, "big"), b"x" * 1000) for index in range(1000)])
    engine.sync()
    assert empty < 100_000
    assert 1_000_000 < engine.size_bytes() < 3_000_000


KEYS = st.one_of(st.sampled_from([b"\x00", b"a", b"ab", b"b", b"\xff", b"\xff\xff"]), st.binary(min_size=1, max_size=3))
VALUES = st.one_of(st.binary(max_size=4), st.integers(0, 5000).map(bytes))


class EngineMachine(RuleBasedStateMachine):
    """Any sequence of batches, aborts and snapshots shows what a dict per table would show."""

    kind = "memory"

    @initialize()
    def start(self) -> None:
        self.stack = ExitStack()
        directory = self.stack.enter_context(tempfile.TemporaryDirectory())
        self.engine = make(self.kind, Path(directory)).engine
        self.stack.callback(self.engine.close)
        self.committed: dict[str, dict[bytes, bytes]] = {table: {} for table in TABLES}
        self.snapshots: list[tuple[Any, dict[str, dict[bytes, bytes]]]] = []
        self.batch: Any = None
        self.context: Any = None

    def copy(self) -> dict[str, dict[bytes, bytes]]:
        return {table: dict(rows) for table, rows in self.committed.items()}

    @precondition(lambda self: self.batch is None)
    @rule()
    def begin(self) -> None:
        self.context = self.engine.batch()
        self.batch = self.context.__enter__()
        self.pending = self.copy()

    @precondition(lambda self: self.batch is not None)
    @rule(table=st.sampled_from(TABLES), key=KEYS, value=VALUES)
    def put(self, table: str, key: bytes, value: bytes) -> None:
        self.batch.put(table, key, value)
        self.pending[table][key] = value

    @precondition(lambda self: self.batch is not None)
    @rule(table=st.sampled_from(TABLES), rows=st.dictionaries(KEYS, VALUES, max_size=8), ascending=st.booleans())
    def put_many(self, table: str, rows: dict[bytes, bytes], ascending: bool) -> None:
        self.batch.put_many(table, sorted(rows.items()) if ascending else rows.items())
        self.pending[table].update(rows)

    @precondition(lambda self: self.batch is not None)
    @rule(table=st.sampled_from(TABLES), tail=st.binary(min_size=1, max_size=2), value=VALUES)
    def append(self, table: str, tail: bytes, value: bytes) -> None:
        key = max(self.pending[table], default=b"")[:100] + tail
        self.batch.append(table, key, value)
        self.pending[table][key] = value

    @precondition(lambda self: self.batch is not None)
    @rule(table=st.sampled_from(TABLES), key=KEYS)
    def delete(self, table: str, key: bytes) -> None:
        self.batch.delete(table, key)
        self.pending[table].pop(key, None)

    @precondition(lambda self: self.batch is not None)
    @rule(table=st.sampled_from(TABLES))
    def clear(self, table: str) -> None:
        self.batch.clear(table)
        self.pending[table].clear()

    @precondition(lambda self: self.batch is not None)
    @rule()
    def commit(self) -> None:
        self.context.__exit__(None, None, None)
        self.committed = self.pending
        self.batch = None

    @precondition(lambda self: self.batch is not None)
    @rule()
    def abort(self) -> None:
        error = ZeroDivisionError()
        assert not self.context.__exit__(ZeroDivisionError, error, None)
        self.batch = None

    @precondition(lambda self: len(self.snapshots) < 3)
    @rule()
    def take_snapshot(self) -> None:
        self.snapshots.append((self.stack.enter_context(self.engine.snapshot()), self.copy()))

    @rule(table=st.sampled_from(TABLES), start=KEYS, stop=st.one_of(st.none(), KEYS), reverse=st.booleans())
    def compare_ranges(self, table: str, start: bytes, stop: bytes | None, reverse: bool) -> None:
        for view, model in self.views():
            rows = sorted(model[table].items(), reverse=reverse)
            wanted = [(key, value) for key, value in rows if start <= key and (stop is None or key < stop)]
            assert list(view.range(table, start, stop, reverse=reverse)) == wanted
            assert view.get(table, start) == model[table].get(start)

    def views(self) -> list[tuple[Any, dict[str, dict[bytes, bytes]]]]:
        return [*self.snapshots, (self.batch, self.pending)] if self.batch is not None else self.snapshots

    @invariant()
    def every_view_shows_its_model(self) -> None:
        for view, model in self.views():
            for table in TABLES:
                rows = sorted(model[table].items())
                assert list(view.range(table)) == rows
                assert view.count(table) == len(rows)
                assert view.last(table) == (rows[-1] if rows else None)
        with self.engine.snapshot() as now:
            assert dict(now.range("a")) == self.committed["a"]

    def teardown(self) -> None:
        if hasattr(self, "stack"):
            if self.batch is not None:
                self.commit()
            self.stack.close()


class LmdbMachine(EngineMachine):
    kind = "lmdb"


STATEFUL = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestMemoryMachine = EngineMachine.TestCase
TestMemoryMachine.settings = STATEFUL
TestLmdbMachine = LmdbMachine.TestCase
TestLmdbMachine.settings = STATEFUL
