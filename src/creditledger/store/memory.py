"""The engine in memory: the port's semantics in their plainest form.

A committed table is never changed: a batch copies a table when it first writes to it, so a snapshot is a reference to
the tables of its time, an abort drops the copies, and a commit is one assignment.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from creditledger.errors import StoreError
from creditledger.store.port import MAX_KEY


class _Table:
    """Rows and their keys in order."""

    __slots__ = ("keys", "rows")

    def __init__(self, keys: list[bytes], rows: dict[bytes, bytes]) -> None:
        self.keys = keys
        self.rows = rows


class MemorySnapshot:
    """One state of all tables (see `port.Snapshot`)."""

    def __init__(self, tables: dict[str, _Table]) -> None:
        self._tables = tables
        self._open = True

    def _table(self, name: str) -> _Table:
        if not self._open:
            raise StoreError("this snapshot or batch is over; open another one")
        if name not in self._tables:
            raise StoreError(f"the store has no table {name!r}; it has {', '.join(sorted(self._tables))}")
        return self._tables[name]

    def get(self, table: str, key: bytes) -> bytes | None:
        return self._table(table).rows.get(key)

    def range(
        self, table: str, start: bytes = b"", stop: bytes | None = None, *, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        found = self._table(table)
        low = bisect_left(found.keys, start)
        high = len(found.keys) if stop is None else bisect_left(found.keys, stop)
        for index in range(high - 1, low - 1, -1) if reverse else range(low, high):
            key = self._table(table).keys[index]
            yield key, found.rows[key]

    def last(self, table: str) -> tuple[bytes, bytes] | None:
        found = self._table(table)
        return (found.keys[-1], found.rows[found.keys[-1]]) if found.keys else None

    def count(self, table: str) -> int:
        return len(self._table(table).keys)

    def end(self) -> None:
        """Refuse every later call."""
        self._open = False


class MemoryBatch(MemorySnapshot):
    """A snapshot with writes on top (see `port.Batch`)."""

    def __init__(self, tables: dict[str, _Table]) -> None:
        super().__init__(dict(tables))
        self.changed: dict[str, _Table] = {}
        self.failed = False

    def _writable(self, name: str) -> _Table:
        table = self._table(name)
        if name not in self.changed:
            table = self._tables[name] = self.changed[name] = _Table(table.keys.copy(), table.rows.copy())
        return table

    def put(self, table: str, key: bytes, value: bytes) -> None:
        self.put_many(table, ((key, value),))

    def put_many(self, table: str, pairs: Iterable[tuple[bytes, bytes]]) -> None:
        with self._whole_or_failed():
            target = self._writable(table)
            for key, value in pairs:
                _check_key(table, key)
                if key not in target.rows:
                    insort(target.keys, bytes(key))
                target.rows[bytes(key)] = bytes(value)

    def append(self, table: str, key: bytes, value: bytes) -> None:
        self.append_many(table, ((key, value),))

    def append_many(self, table: str, pairs: Iterable[tuple[bytes, bytes]]) -> None:
        with self._whole_or_failed():
            target = self._writable(table)
            for key, value in pairs:
                _check_key(table, key)
                if target.keys and key <= target.keys[-1]:
                    raise StoreError(f"append to table {table!r} out of order: {key.hex()} is not above every key")
                target.keys.append(bytes(key))
                target.rows[bytes(key)] = bytes(value)

    def delete(self, table: str, key: bytes) -> None:
        with self._whole_or_failed():
            _check_key(table, key)
            target = self._writable(table)
            if target.rows.pop(key, None) is not None:
                del target.keys[bisect_left(target.keys, key)]

    def clear(self, table: str) -> None:
        with self._whole_or_failed():
            self._table(table)
            self._tables[table] = self.changed[table] = _Table([], {})

    @contextmanager
    def _whole_or_failed(self) -> Iterator[None]:
        """Mark the batch as failed if a write does not run to its end."""
        try:
            yield
        except BaseException:
            self.failed = True
            raise


class MemoryEngine:
    """A store in memory (see `port.Engine`). Its content ends with the object."""

    def __init__(self, tables: Sequence[str]) -> None:
        self.poisoned = False
        self._tables = {name: _Table([], {}) for name in tables}
        self._open = True
        self._writing = threading.Lock()

    @contextmanager
    def snapshot(self) -> Iterator[MemorySnapshot]:
        self._check()
        snapshot = MemorySnapshot(self._tables)
        try:
            yield snapshot
        finally:
            snapshot.end()

    @contextmanager
    def batch(self) -> Iterator[MemoryBatch]:
        self._check()
        if not self._writing.acquire(blocking=False):
            raise StoreError("another batch is open; end it before opening the next")
        batch = MemoryBatch(self._tables)
        try:
            yield batch
            if batch.failed:
                raise StoreError("a write of this batch failed, so nothing of it was stored")
            self._commit(batch.changed)
        finally:
            batch.end()
            self._writing.release()

    def _commit(self, changed: dict[str, _Table]) -> None:
        try:
            self._publish(changed)
        except BaseException:
            self.poisoned = True
            raise

    def _publish(self, changed: dict[str, _Table]) -> None:
        """Make the changed tables the committed ones; a test overrides this to see a commit fail."""
        self._tables = {**self._tables, **changed}

    def sync(self) -> None:
        self._check()

    def size_bytes(self) -> int:
        self._check()
        return sum(len(key) + len(value) for table in self._tables.values() for key, value in table.rows.items())

    def close(self) -> None:
        self._open = False

    def _check(self) -> None:
        if not self._open:
            raise StoreError("the store is closed")
        if self.poisoned:
            raise StoreError("an earlier commit failed; close the store and open it again")


def _check_key(table: str, key: bytes) -> None:
    if not 1 <= len(key) <= MAX_KEY:
        raise StoreError(f"a key of {len(key)} bytes for table {table!r}: keys have 1 to {MAX_KEY} bytes")
