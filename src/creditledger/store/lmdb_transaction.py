"""The transactions of the LMDB engine: one state of all tables to read, and one batch of changes to them.

LMDB answers some mistakes with a value where a caller would expect an exception; here everything that goes wrong is an
error that names the store, the table and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import lmdb

from creditledger.errors import StoreError
from creditledger.store.files import disk_error
from creditledger.store.port import MAX_KEY


class LmdbSnapshot:
    """One state of all tables (see `port.Snapshot`)."""

    def __init__(self, txn: lmdb.Transaction[bytes], tables: dict[str, lmdb._Database], path: Path) -> None:
        self._txn = txn
        self._tables = tables
        self._path = path

    def get(self, table: str, key: bytes) -> bytes | None:
        try:
            return self._txn.get(key, None, self._tables[table])
        except lmdb.BadValsizeError:  # The empty key, which cannot exist.
            return None
        except (lmdb.Error, KeyError) as error:
            raise self._explain(f"read table {table!r} of", error) from error

    def range(
        self, table: str, start: bytes = b"", stop: bytes | None = None, *, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        try:
            with self._txn.cursor(self._tables[table]) as cursor:
                yield from _descend(cursor, start, stop) if reverse else _ascend(cursor, start, stop)
        except (lmdb.Error, KeyError) as error:
            raise self._explain(f"read table {table!r} of", error) from error

    def last(self, table: str) -> tuple[bytes, bytes] | None:
        try:
            with self._txn.cursor(self._tables[table]) as cursor:
                return cursor.item() if cursor.last() else None
        except (lmdb.Error, KeyError) as error:
            raise self._explain(f"read table {table!r} of", error) from error

    def count(self, table: str) -> int:
        try:
            return self._txn.stat(self._tables[table])["entries"]
        except (lmdb.Error, KeyError) as error:
            raise self._explain(f"read table {table!r} of", error) from error

    def _explain(self, action: str, error: Exception) -> StoreError:
        if isinstance(error, KeyError):
            return StoreError(f"{self._path} has no table {error}; it has {', '.join(sorted(self._tables))}")
        return explain(action, self._path, error)


def _ascend(cursor: lmdb.Cursor[bytes], start: bytes, stop: bytes | None) -> Iterator[tuple[bytes, bytes]]:
    if not (cursor.set_range(start) if start else cursor.first()):
        return
    for pair in cursor.iternext():
        if stop is not None and pair[0] >= stop:
            return
        yield pair


def _descend(cursor: lmdb.Cursor[bytes], start: bytes, stop: bytes | None) -> Iterator[tuple[bytes, bytes]]:
    # The cursor goes to the first key at or after `stop` and one back; with no such key, to the end.
    found = (
        cursor.prev() if stop is not None and (cursor.set_range(stop) if stop else cursor.first()) else cursor.last()
    )
    if not found:
        return
    for pair in cursor.iterprev():
        if pair[0] < start:
            return
        yield pair


class LmdbBatch(LmdbSnapshot):
    """A write transaction (see `port.Batch`)."""

    failed = False

    def put(self, table: str, key: bytes, value: bytes) -> None:
        try:  # Positional arguments (dupdata, overwrite, append): keywords cost a quarter of the call.
            self._txn.put(key, value, True, True, False, self._tables[table])
        except (lmdb.Error, KeyError) as error:
            raise self._fail(table, error) from error

    def put_many(self, table: str, pairs: Iterable[tuple[bytes, bytes]]) -> None:
        self._many(table, pairs, append=False)

    def append(self, table: str, key: bytes, value: bytes) -> None:
        try:
            above = self._txn.put(key, value, True, True, True, self._tables[table])
        except (lmdb.Error, KeyError) as error:
            raise self._fail(table, error) from error
        if not above:  # LMDB answers False where a caller would expect an exception.
            self.failed = True
            raise StoreError(f"append to table {table!r} out of order: {key.hex()} is not above every key")

    def append_many(self, table: str, pairs: Iterable[tuple[bytes, bytes]]) -> None:
        self._many(table, pairs, append=True)

    def delete(self, table: str, key: bytes) -> None:
        try:
            self._txn.delete(key, b"", self._tables[table])
        except (lmdb.Error, KeyError) as error:
            raise self._fail(table, error) from error

    def clear(self, table: str) -> None:
        try:
            self._txn.drop(self._tables[table], delete=False)
        except (lmdb.Error, KeyError) as error:
            raise self._fail(table, error) from error

    def _many(self, table: str, pairs: Iterable[tuple[bytes, bytes]], *, append: bool) -> None:
        """One cursor for all pairs: it finds the page of an ascending key where it left the last one."""
        try:
            with self._txn.cursor(self._tables[table]) as cursor:
                taken, added = cursor.putmulti(pairs, True, True, append)
        except (lmdb.Error, KeyError) as error:
            raise self._fail(table, error) from error
        except BaseException:  # The caller's iterable raised after some of the pairs were put.
            self.failed = True
            raise
        if taken != added:
            self.failed = True
            raise StoreError(f"append to table {table!r} out of order: of {taken} keys, {taken - added} were not above")

    def _fail(self, table: str, error: Exception) -> StoreError:
        """Mark the batch as one that cannot be committed, and return what to raise."""
        self.failed = True
        if isinstance(error, lmdb.BadValsizeError):
            return StoreError(f"table {table!r} of {self._path}: keys have 1 to {MAX_KEY} bytes, values up to 4 GiB")
        return self._explain(f"write to table {table!r} of", error)


def explain(action: str, path: Path, error: Exception) -> StoreError:
    """Turn an error of LMDB into one that says what to do."""
    if isinstance(error, lmdb.MapFullError):
        return StoreError(f"cannot {action} {path}: it has reached its largest size; open it with a larger map_size")
    if isinstance(error, (lmdb.InvalidError, lmdb.VersionMismatchError)):
        return StoreError(f"cannot {action} {path}: data.mdb is damaged or not a file of LMDB 0.9")
    if isinstance(error, (lmdb.CorruptedError, lmdb.PageNotFoundError, lmdb.PanicError)):
        return StoreError(f"cannot {action} {path}: LMDB found damage ({error}); restore it from a copy or an export")
    if "closed/deleted/dropped" in str(error):
        return StoreError(f"cannot {action} {path}: this snapshot, batch or store is over; open another one")
    code: int | None = error.code if isinstance(error, lmdb.Error) else getattr(error, "errno", None)
    return disk_error(action, path, code, str(error))
