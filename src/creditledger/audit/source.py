"""Where an audit reads records from: a ledger's store, or an export file. Any range of either, in any process."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from creditledger.audit.outside import require_files
from creditledger.errors import LedgerError, NoLedger, StoreError, UnsupportedError, VerificationFailed
from creditledger.ledger.layout import LOG_TABLES
from creditledger.ledger.log import LOG_FORMAT, seq_key, tile_key
from creditledger.store.lmdb_engine import LmdbEngine
from creditledger.store.port import Snapshot
from creditledger.tlog.tiles import WIDTH

_OTHER = re.compile(rb"creditledger/log/v[1-9][0-9]{0,8}").fullmatch
_NO_NOTE = b"\xff", b""
"""Stands after the last checkpoint, above every size."""


class Records(Protocol):
    """A log to be audited. Nothing that it gives out has been checked.

    `has_tiles` says whether tiles are kept beside the records, and can be read.
    """

    has_tiles: bool

    def records(self, start: int, stop: int, place: int, /) -> Iterator[tuple[bytes, tuple[bytes, ...]]]:
        """Yield records `start` ≤ seq < `stop`, each with the signed checkpoints of the size that it completes.

        Raises VerificationFailed (LED-STRUCT) with the number of the first record that cannot be read.
        """

    def tile(self, level: int, index: int, /) -> bytes | None:
        """The stored hashes of a tile, 32 bytes each, or None if there are none."""

    def close(self) -> None:
        """Let go of the source."""


class Extent(NamedTuple):
    """How far a log reaches.

    `size` its records; `last` the size that the last checkpoint is stored under (0: none) and, if that is beyond the
    records, `beyond` the checkpoint; `problem` what is wrong at first sight, or empty; `surplus` the rows that belong
    nowhere, of each table the first: a finding's id and its message; `tiles_problem` why the tiles cannot be read;
    `notes` how many checkpoints the store says it has (None: it does not say).
    """

    size: int
    last: int
    beyond: bytes
    problem: str
    surplus: tuple[tuple[str, str], ...] = ()
    tiles_problem: str = ""
    notes: int | None = None


class StoreRecords:
    """The log of a ledger's directory (`Records`), beside a writer or not.

    LMDB trusts its file and may crash on a damaged one: to be used in a worker process.
    """

    def __init__(self, path: Path) -> None:
        """Open the store in directory `path`.

        Raises VerificationFailed (LED-STRUCT) if it is damaged, UnsupportedError for a log of another format, and
        StoreError if it cannot be opened for a reason that says nothing about it.
        """
        require_content(path)
        self.has_tiles = True
        try:
            self._engine = LmdbEngine.open(path, LOG_TABLES, readonly=True)
            with self._engine.snapshot() as snapshot:
                form = snapshot.get("meta", b"format") or b""
        except StoreError as error:
            raise damage(error, None) from error
        self._form_problem = "" if form == LOG_FORMAT else f"the log says it is of format {form!r:.60}"
        if form != LOG_FORMAT and _OTHER(form):
            self._engine.close()
            raise UnsupportedError(f"{path} holds a log of format {form!r:.60}, which is not known here")

    def extent(self) -> Extent:
        """How far the log reaches now. Later commits only add to it. Raises as opening does."""
        try:
            return self._extent()
        except StoreError as error:
            raise damage(error, None) from error

    def _extent(self) -> Extent:
        with self._engine.snapshot() as snapshot:
            count = snapshot.count("record")
            size, note = _last(snapshot, "record") + 1, _last(snapshot, "checkpoint")
            problem = self._form_problem
            if size != count:
                problem = f"the last record is number {size - 1}, but {count} records are stored"
            newest, notes = snapshot.last("checkpoint"), snapshot.count("checkpoint")
            surplus = tuple(_surplus(snapshot))
            strays, tiles_problem = self._look_at_tiles(snapshot, size)
        size = min(size, count)
        beyond = newest[1] if newest is not None and note > size else b""
        return Extent(size, max(note, 0), beyond, problem, surplus + strays, tiles_problem, notes)

    def _look_at_tiles(self, snapshot: Snapshot, size: int) -> tuple[tuple[tuple[str, str], ...], str]:
        """Read the table of tiles end to end: the first that belongs nowhere, and why they cannot be read.

        They are derived, and nothing that is said of the records rests on them: without them the audit goes on. To be
        called last, since after damage the engine reads nothing more from the snapshot.
        """
        try:
            return tuple(_stray("tile", "LED-TREE", _surplus_tiles(snapshot, size))), ""
        except StoreError as error:
            if not is_damage(error):
                raise
            self.has_tiles = False
            return (), f"the tiles beside the records cannot be read: {error}"

    def records(self, start: int, stop: int, _place: int) -> Iterator[tuple[bytes, tuple[bytes, ...]]]:
        """See `Records`; a store needs no place."""
        try:
            with self._engine.snapshot() as snapshot:
                notes = snapshot.range("checkpoint", seq_key(start + 1), seq_key(stop + 1))
                mark, note = next(notes, _NO_NOTE)
                for key, data in snapshot.range("record", seq_key(start), seq_key(stop)):
                    if key != start.to_bytes(8, "big"):
                        break
                    start += 1
                    due: tuple[bytes, ...] = ()
                    while mark <= start.to_bytes(8, "big"):
                        due = (*due, note)
                        mark, note = next(notes, _NO_NOTE)
                    yield data, due
        except StoreError as error:
            raise damage(error, start) from error
        if start < stop:
            raise VerificationFailed("LED-STRUCT", "the record is missing from the store", seq=start)

    def tile(self, level: int, index: int) -> bytes | None:
        """See `Records`."""
        try:
            with self._engine.snapshot() as snapshot:
                return snapshot.get("tile", tile_key(level, index))
        except StoreError as error:
            raise damage(error, None) from error

    def close(self) -> None:
        self._engine.close()


def _last(snapshot: Snapshot, table: str) -> int:
    """The number that is the last key of a table, or -1 if there is none."""
    last = snapshot.last(table)
    if last is not None and len(last[0]) != 8:
        message = f"table {table} holds a key of {len(last[0])} bytes, where each has 8"
        raise VerificationFailed("LED-STRUCT", message, expected="8 bytes", found=last[0][:32].hex())
    return -1 if last is None else int.from_bytes(last[0], "big")


def _surplus(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """Rows of a log that nothing reads: nobody vouches for them, and none should be there."""
    yield from _stray("checkpoint", "LED-CKPT", snapshot.range("checkpoint", stop=seq_key(1)))
    yield from _stray("meta", "LED-STRUCT", (row for row in snapshot.range("meta") if row[0] != b"format"))


def _stray(table: str, name: str, rows: Iterator[tuple[bytes, bytes]]) -> Iterator[tuple[str, str]]:
    """The first of the rows that do not belong in a table, as a finding's id and its message; all of them are read."""
    first: bytes | None = None
    for key, _ in rows:
        first = key if first is None else first
    if first is not None:
        yield name, f"table {table} of the log holds a row that does not belong there, at key {first.hex():.100}"


def _surplus_tiles(snapshot: Snapshot, size: int) -> Iterator[tuple[bytes, bytes]]:
    """The stored tiles that a tree of `size` leaves does not have; a level's last one may be missing above level 0."""
    counts: dict[int, int] = {}
    hashes = size
    while hashes >= WIDTH or (counts and hashes):
        counts[len(counts)] = hashes // WIDTH if not counts else -(-hashes // WIDTH)
        hashes //= WIDTH
    for key, tile in snapshot.range("tile"):
        level, index = key[0] if key else 0, int.from_bytes(key[1:], "big")
        if len(key) != len(tile_key(0, 0)) or index >= counts.get(level, 0):
            yield key, tile


def require_content(path: Path) -> None:
    """Raise VerificationFailed if the engine's file is empty, or a file there is none: the engine expects neither."""
    require_files(path)
    file = path / "data.mdb"
    if file.exists() and file.stat().st_size == 0:
        raise VerificationFailed("LED-STRUCT", f"{file} is empty")


def damage(error: StoreError, seq: int | None) -> LedgerError:
    """The same error, or evidence if the store failed because its file is damaged."""
    if isinstance(error, NoLedger) or not is_damage(error):
        return error
    return VerificationFailed("LED-STRUCT", str(error), seq=seq)


def is_damage(error: StoreError) -> bool:
    """Whether a store failed because its file is damaged, and not because this process may not or cannot read it.

    What the store layer finds by itself has no cause in the engine, and is damage but for one thing: that a writer came
    in between where there was no lock to keep it out.
    """
    cause = error.__cause__
    if cause is None or isinstance(cause, StoreError):
        return "without a lock" not in str(error)
    return type(cause).__name__ in _DAMAGE


def lacks_a_table(error: StoreError) -> bool:
    """Whether what failed is that the store has other tables, as that of another version would."""
    return type(error.__cause__).__name__ == "NotFoundError"


_DAMAGE = frozenset({
    "BadDbiError", "BadChecksumError", "BadTxnError", "BadValsizeError", "CorruptedError", "CursorFullError",
    "IncompatibleError", "InvalidError", "NotFoundError", "PageFullError", "PageNotFoundError", "PanicError",
    "ProblemError", "VersionMismatchError",
})  # fmt: skip
"""What the engine's causes are called that say something about the file."""
