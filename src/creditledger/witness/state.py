"""What this witness has cosigned, one row per log: the memory without which a cosignature is worth nothing.

A witness says of a log "this is the largest tree I have seen, and it contains all that I saw before". It must therefore
never forget: a row is on the disk before the answer is given, it only ever moves forward, and a state that is damaged,
missing or an old copy is refused, never taken for "nothing seen yet".

    DIR/lock      one process at a time
    DIR/state/    LMDB, every commit synced: the rows, and a head row that counts the commits

The count is also kept outside DIR (`store.head`), under each of the witness's keys: a restored backup, a copy of DIR,
or a DIR that was lost and made anew is recognised by being behind it.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple, Self

from creditledger.codec.canonical import decode, encode
from creditledger.errors import FormatError, NoLedger, StoreError
from creditledger.store.files import disk_error, make_dir, sync_dir
from creditledger.store.head import Head, HeadStore
from creditledger.store.lmdb_engine import LmdbEngine, probe
from creditledger.store.lock import WriterLock
from creditledger.tlog.note import MAX_NOTE_BYTES

_logger = logging.getLogger("creditledger")

_TABLES: Final = ("logs", "head", "contradictions")
_HEAD_KEY: Final = b"head"
_CHECKSUM_BYTES: Final = 32
_MAX_ROW_BYTES: Final = 2 * MAX_NOTE_BYTES + 1024
_MAP_BYTES: Final = 1 << 36
MAX_CONTRADICTIONS: Final = 16
"""How many contradictions are kept for each log: one is enough to convict it."""


class Seen(NamedTuple):
    """The latest checkpoint of a log that was cosigned.

    Attributes:
        origin: the name of the log.
        size: the number of leaves.
        root: 32 bytes.
        time: when it was last cosigned, POSIX seconds: the time in the cosignatures.
        note: the checkpoint with the log's signatures that were verified, and the witness's own cosignatures.
    """

    origin: str
    size: int
    root: bytes
    time: int
    note: bytes


class Contradiction(NamedTuple):
    """Two checkpoints of one size with different roots, both signed by the log: evidence against it."""

    cosigned: bytes
    contradicting: bytes


class WitnessState:
    """The memory of one witness; safe to use from many threads."""

    def __init__(
        self, engine: LmdbEngine, lock: WriterLock | None, heads: HeadStore | None, identities: Sequence[bytes]
    ) -> None:
        self._engine = engine
        self._lock = lock
        self._heads = heads
        self._identities = tuple(identities)
        self._turn = threading.Lock()

    @classmethod
    def open(
        cls, directory: str | os.PathLike[str], *, heads: HeadStore, identities: Sequence[bytes], create: bool = False
    ) -> Self:
        """Open the state to cosign with; nobody else can until it is closed.

        Args:
            directory: DIR.
            heads: where the count is kept outside DIR; closed with the state.
            identities: 32 bytes for each key that the witness signs with (`identity`).
            create: make a new state. Only ever at the word of a person: a service that does so by itself forgets
                everything when its disk is not mounted.

        Raises:
            NoLedger: there is no state there, and none is to be made.
            Locked: another process has it, or a copy of it.
            StoreError: it is damaged or an old copy, or one is there already and one is to be made.
        """
        directory = Path(directory)
        if create and (directory / "state").exists():
            raise StoreError(f"there is a witness's state in {directory} already: start the witness without --new")
        if create:
            make_dir(directory)
        elif not (directory / "state").exists():
            raise NoLedger(
                f"there is no witness's state in {directory}. If this witness has cosigned before, its state is lost "
                "or not mounted: bring it back. If it is new, make its state with --new"
            )
        lock = WriterLock(directory / "lock")
        engine: LmdbEngine | None = None
        try:
            outside = [head for one in identities if (head := heads.claim(one)) is not None]
            if create:
                _require_unused(outside)
                _make(directory)
            probe(directory / "state")
            engine = LmdbEngine.open(directory / "state", _TABLES, sole=True, map_size=_MAP_BYTES)
            state = cls(engine, lock, heads, identities)
            found = state.check()
            _require_newest(directory, found, outside)
            if found.stores and not outside:
                _logger.warning(
                    "this machine has no record of the key of this witness, which has cosigned %d times: whether %s is "
                    "its newest memory cannot be told. If it was moved here, make sure that it runs nowhere else",
                    found.stores, directory,
                )  # fmt: skip
            for one in identities:
                heads.store(one, found.stores, found.digest, b"")
        except BaseException:
            if engine is not None:
                engine.close()
            heads.close()
            lock.release()
            raise
        return state

    @classmethod
    def open_readonly(cls, directory: str | os.PathLike[str]) -> Self:
        """Open the state to look at, beside a witness that may be running.

        Raises:
            NoLedger: there is no state there.
            StoreError: it is damaged.
        """
        directory = Path(directory)
        if not (directory / "state").exists():
            raise NoLedger(f"there is no witness's state in {directory}: check the path")
        engine = LmdbEngine.open(directory / "state", _TABLES, readonly=True, map_size=_MAP_BYTES)
        state = cls(engine, None, None, ())
        try:
            state.check()
        except BaseException:
            engine.close()
            raise
        return state

    def check(self) -> _Head:
        """Read and check every row; return the head row. Raises StoreError when something is damaged or missing."""
        with self._engine.snapshot() as snapshot:
            head = _read_head(snapshot.get("head", _HEAD_KEY))
            found = len([_read_seen(key, row) for key, row in snapshot.range("logs")])
        if found != head.logs:
            raise _damaged(f"it has rows for {found} logs, and should have {head.logs}")
        return head

    def require_usable(self) -> None:
        """Return if the state can be read and written as far as is known; raise StoreError if not."""
        with self._engine.snapshot() as snapshot:
            _read_head(snapshot.get("head", _HEAD_KEY))

    def latest(self, origin_hash: bytes) -> Seen | None:
        """Return what was cosigned last of the log whose origin has this SHA-256; None if nothing ever was.

        Raises StoreError if the row is damaged or the disk fails.
        """
        with self._engine.snapshot() as snapshot:
            row = snapshot.get("logs", origin_hash)
        return None if row is None else _read_seen(origin_hash, row)

    def all(self) -> Iterator[Seen]:
        """Yield what was cosigned last of each log. Raises StoreError as `latest` does."""
        with self._engine.snapshot() as snapshot:
            rows = [_read_seen(key, row) for key, row in snapshot.range("logs")]
        yield from sorted(rows)

    def update(self, origin: str, judge: Callable[[Seen | None], Seen]) -> Seen:
        """Compare and store in one step: the new row is on the disk when this returns.

        Args:
            origin: the log.
            judge: given what was cosigned last, returns what is cosigned now, or raises; then nothing is stored. No
                other update of any log comes between.

        Raises:
            StoreError: the disk failed, the row is damaged, or the judgement would take the state backwards. What
                was judged must then not leave the house: nobody knows whether it was stored.
        """
        key = sha256(origin.encode()).digest()
        with self._turn:
            with self._engine.batch() as batch:
                row = batch.get("logs", key)
                head = _read_head(batch.get("head", _HEAD_KEY))
                seen = None if row is None else _read_seen(key, row)
                new = judge(seen)
                _require_forward(origin, seen, new)
                sealed = _seal(key, new)
                digest = sha256(key + sealed).digest()
                batch.put("logs", key, sealed)
                head = _Head(head.stores + 1, digest, head.logs + (seen is None))
                batch.put("head", _HEAD_KEY, _seal(_HEAD_KEY, head))
            if self._heads is not None:
                # After the commit, so that this count is never ahead of an honest state.
                for one in self._identities:
                    self._heads.store(one, head.stores, head.digest, b"")
        return new

    def keep_contradiction(self, origin: str, found: Contradiction) -> None:
        """Keep evidence against a log, unless there is enough of it. Raises StoreError if the disk fails."""
        prefix = sha256(origin.encode()).digest()
        key = prefix + sha256(found.contradicting.partition(b"\n\n")[0]).digest()
        with self._turn, self._engine.batch() as batch:
            kept = [key for key, _ in batch.range("contradictions", prefix, _after(prefix))]
            if key not in kept and len(kept) < MAX_CONTRADICTIONS:
                batch.put("contradictions", key, _seal(key, found))

    def contradictions(self, origin: str) -> list[Contradiction]:
        """Return the evidence kept against a log. Raises StoreError if a row is damaged."""
        prefix = sha256(origin.encode()).digest()
        with self._engine.snapshot() as snapshot:
            rows = list(snapshot.range("contradictions", prefix, _after(prefix)))
        return [_read_contradiction(key, row) for key, row in rows]

    def close(self) -> None:
        """Release everything; closing twice is fine."""
        self._engine.close()
        if self._heads is not None:
            self._heads.close()
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Head(NamedTuple):
    """The head row: how often was stored, SHA-256 of the row stored last, and how many logs there are."""

    stores: int
    digest: bytes
    logs: int


def identity(public_key: bytes) -> bytes:
    """Return the 32 bytes under which the count of a witness with this key is kept outside its directory."""
    return sha256(b"creditledger/witness/v1\n" + public_key).digest()


def _make(directory: Path) -> None:
    """Make an empty state with its head row. It gets its name last, so under that name it is whole."""
    import shutil

    making = directory / "state.making"
    shutil.rmtree(making, ignore_errors=True)
    engine = LmdbEngine.open(making, _TABLES, create=True, map_size=_MAP_BYTES)
    try:
        with engine.batch() as batch:
            batch.put("head", _HEAD_KEY, _seal(_HEAD_KEY, _Head(0, bytes(32), 0)))
    finally:
        engine.close()
    try:
        making.rename(directory / "state")
        sync_dir(directory)
    except OSError as error:
        raise disk_error("make the witness's state in", directory, error.errno, str(error)) from error


def _require_unused(outside: Sequence[Head]) -> None:
    """Refuse to make a state anew for keys that have cosigned already."""
    if stores := max((head.size for head in outside), default=0):
        raise StoreError(
            f"a witness with this key has cosigned {stores} times on this machine, so it cannot start anew and forget "
            "it: bring its state back, or make a new key for a new witness"
        )


def _require_newest(directory: Path, head: _Head, outside: Sequence[Head]) -> None:
    """Refuse a state that has seen less than what is known outside of it, or something else."""
    for known in outside:
        if known.size > head.stores or (known.size == head.stores and known.root != head.digest):
            raise StoreError(
                f"the witness's state in {directory} is an old copy, or another copy was written to: it has cosigned "
                f"{head.stores} times, and its key {known.size} times. Bring the newest state back; if it is lost, "
                "make a new key for a new witness"
            )


def _seal(key: bytes, row: tuple[object, ...]) -> bytes:
    body = encode(tuple(row))
    return sha256(key + body).digest() + body


def _unseal(key: bytes, row: bytes, fields: int) -> tuple[object, ...]:
    checksum, body = row[:_CHECKSUM_BYTES], row[_CHECKSUM_BYTES:]
    if sha256(key + body).digest() != checksum:
        raise _damaged(f"the checksum of row {key.hex()} is wrong")
    try:
        values = decode(body, _MAX_ROW_BYTES)
    except FormatError as error:
        raise _damaged(f"row {key.hex()} cannot be read: {error}") from None
    if not isinstance(values, tuple) or len(values) != fields:
        raise _damaged(f"row {key.hex()} does not have {fields} fields")
    return values


def _read_seen(key: bytes, row: bytes) -> Seen:
    match _unseal(key, row, len(Seen._fields)):
        case (str() as origin, int() as size, bytes() as root, int() as time, bytes() as note) if (
            sha256(origin.encode()).digest() == key and len(root) == 32
        ):
            return Seen(origin, size, root, time, note)
    raise _damaged(f"row {key.hex()} is not that of a log")


def _read_contradiction(key: bytes, row: bytes) -> Contradiction:
    match _unseal(key, row, len(Contradiction._fields)):
        case (bytes() as cosigned, bytes() as contradicting):
            return Contradiction(cosigned, contradicting)
    raise _damaged(f"row {key.hex()} is not that of a contradiction")


def _read_head(row: bytes | None) -> _Head:
    if row is None:
        raise _damaged("its head row is missing")
    match _unseal(_HEAD_KEY, row, len(_Head._fields)):
        case (int() as stores, bytes() as digest, int() as logs) if len(digest) == 32:
            return _Head(stores, digest, logs)
    raise _damaged("its head row is malformed")


def _require_forward(origin: str, seen: Seen | None, new: Seen) -> None:
    """The last line of defence: whatever was judged, a row never goes back."""
    if new.origin != origin or (
        seen is not None
        and (new.size < seen.size or (new.size == seen.size and new.root != seen.root) or new.time < seen.time)
    ):
        raise StoreError(f"the witness's state of {origin} cannot go from {seen} to {new}; nothing was stored")


def _after(prefix: bytes) -> bytes:
    """The least key beyond all those that begin with the prefix, a hash: its keys have 32 bytes more."""
    return prefix + b"\xff" * 33


def _damaged(what: str) -> StoreError:
    return StoreError(
        f"the witness's state is damaged: {what}. It does not cosign from memory that it cannot trust: bring the "
        "newest sound state back, or, if there is none, make a new key for a new witness"
    )
