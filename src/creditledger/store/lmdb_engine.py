"""The default engine: LMDB, with the settings under which nothing acknowledged is lost.

* Full sync at every commit, no `writemap`, no `nosync`: LMDB writes the new pages, syncs, and only then writes the meta
  page that makes them valid, through a descriptor that syncs by itself.
* The file format is pinned to LMDB 0.9 (`lib_version=0`): the bundled 1.0 writes files that 0.9 cannot read, and the
  environment variable that would choose it must not choose for a ledger.
* The map is reserved large once (it is sparse), since growing it ends every transaction of the process.
* A failed commit poisons the engine. LMDB itself carries on after a failed sync, on pages of which nobody knows whether
  they are on the disk.
* What LMDB does silently is checked: appends out of order, use after a fork, reading without a lock file, and, for a
  store with one writer, a commit by somebody else.

LMDB must not be used on a network file system, and trusts its file: a file from somebody else goes through `probe`.
"""

from __future__ import annotations

import importlib
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, Self

import lmdb

from creditledger.errors import NoLedger, StoreError
from creditledger.store.files import FILE_MODE, disk_error, make_dir, sync_dir
from creditledger.store.lmdb_transaction import LmdbBatch, LmdbSnapshot, explain

_LMDB_0_9 = 0
_MAX_READERS = 1024
_LENGTH_READS = 3  # A reader may come between a commit and the lengthening after it.

_orphans: list[lmdb.Transaction] = []
"""Transactions that a forked child inherited. Ending one would release the parent's slot, so they are kept alive."""


class Stamp(NamedTuple):
    """By what a data file is recognised as nobody else's work: where it is, how long, when it last changed, and the
    number of LMDB's last transaction. The system sets `ctime_ns` at every change, and lets nobody choose it."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int
    transaction: int


class LmdbEngine:
    """A store in a directory, with `data.mdb` and `lock.mdb` in it (see `port.Engine`)."""

    def __init__(
        self,
        env: lmdb.Environment,
        path: Path,
        tables: dict[str, lmdb._Database],
        *,
        lockless: bool = False,
        sole: bool = False,
    ) -> None:
        self.poisoned = False
        self.intruded = False
        """True once a transaction of a sole writer found that somebody else had committed one."""
        self._data = str(path / "data.mdb")
        # The transactions after which one here may begin: mostly one, two while a commit is under way; none: any.
        self._last: tuple[int, ...] = (env.info()["last_txnid"],) if sole else ()
        self._env: lmdb.Environment | None = env
        self._path = path
        self._tables = tables
        self._lockless = lockless
        self._pid = os.getpid()
        self._writing = threading.Lock()

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        tables: Sequence[str],
        *,
        create: bool = False,
        readonly: bool = False,
        sync: bool = True,
        sole: bool = False,
        map_size: int = 1 << 40,
    ) -> Self:
        """Open the store in directory `path` with exactly these tables.

        `create` makes a new store and refuses where one is. `readonly` takes no writes, and reads from a read-only
        medium without a lock file. `sync=False` leaves it to the system when commits reach the disk: for derived data
        only, since a power cut can then damage the file. `map_size` is the largest size in bytes, reserved as address
        space, not as disk.

        Raises NoLedger if no store is there, StoreError for everything else: a table missing, a file of another
        format, a store that is open already in this process.
        """
        path = Path(path)
        exists = (path / "data.mdb").exists()
        if create and exists:
            raise StoreError(f"cannot create {path}: a store is there already")
        if create:
            _create(path, tables, map_size)
        elif not exists:
            raise NoLedger(f"there is no store at {path}: check the path, or create one")
        _refuse_links(path)
        lockless = readonly and _cannot_lock(path)
        env = _open(path, tables, map_size, readonly=readonly, sync=sync, lock=not lockless)
        try:
            _check_length(env, path)
            if not lockless:
                env.reader_check()
            if sync and not readonly:
                # A writer that was killed may have left a commit, or the store's name, in the system's cache only. What
                # is read from here on may be signed, so it must be on the disk first.
                env.sync(True)
                sync_dir(path.parent)
            found = {name: env.open_db(name.encode("ascii"), create=False) for name in tables}
        except lmdb.NotFoundError as error:
            env.close()
            raise StoreError(f"{path} lacks one of the tables {', '.join(tables)}: it is another store") from error
        except (lmdb.Error, OSError) as error:
            env.close()
            raise explain("open", path, error) from error
        except StoreError:
            env.close()
            raise
        return cls(env, path, found, lockless=lockless, sole=sole)

    @contextmanager
    def snapshot(self) -> Iterator[LmdbSnapshot]:
        """Read the last committed state. A snapshot may pass between threads, but not into a forked process."""
        env = self._check()
        txn = self._begin(env, write=False)
        try:
            yield LmdbSnapshot(txn, self._tables, self._path)
        finally:
            self._end_snapshot(env, txn)

    @contextmanager
    def batch(self) -> Iterator[LmdbBatch]:
        """Write; the block must end in the thread that began it."""
        env = self._check()
        if env.flags()["readonly"]:
            raise StoreError(f"{self._path} was opened read-only")
        if not self._writing.acquire(blocking=False):  # LMDB would wait for itself for ever.
            raise StoreError("another batch is open; end it before opening the next")
        try:
            txn = self._begin(env, write=True)
            batch = LmdbBatch(txn, self._tables, self._path)
            number = txn.id()
            try:
                yield batch
            except BaseException:
                self._drop(txn)
                raise
            if batch.failed:
                self._drop(txn)
                raise StoreError("a write of this batch failed, so nothing of it was stored")
            if self._last:
                self._last = (number - 1, number)
            self._commit(txn)
            if self._last:
                now = self._check().info()["last_txnid"]
                self._last = (now if now == number - 1 else number,)  # A batch that changed nothing has no number.
        finally:
            self._writing.release()

    def sync(self) -> None:
        """Force what was committed to the disk (needed only with `sync=False`)."""
        env = self._check()
        try:
            env.sync(True)
        except lmdb.Error as error:
            self.poisoned = True
            raise explain("sync", self._path, error) from error

    def stamp(self) -> Stamp:
        """Return what the data file is recognised by, as it is now under its name."""
        env = self._check()
        return file_stamp(self._data, env.info()["last_txnid"])

    def size_bytes(self) -> int:
        """Return the bytes of pages in use or free for reuse: the length of the file, not of the map."""
        env = self._check()
        return int((env.info()["last_pgno"] + 1) * env.stat()["psize"])

    def close(self) -> None:
        env, self._env = self._env, None
        if env is not None and os.getpid() == self._pid:
            env.close()

    def _check(self) -> lmdb.Environment:
        if self._env is None:
            raise StoreError(f"{self._path} is closed")
        if self.poisoned:
            raise StoreError(f"an earlier commit to {self._path} failed; close it and open it again")
        if os.getpid() != self._pid:
            raise StoreError(f"{self._path} was opened before a fork; open it again in this process")
        return self._env

    def _begin(self, env: lmdb.Environment, *, write: bool) -> lmdb.Transaction[bytes]:
        txn = self._begin_any(env, write=write)
        # LMDB takes the number from its lock file, and from the number which of its two last commits counts.
        if self._last and txn.id() - write not in self._last:
            self._drop(txn)
            self.intruded = True
            raise StoreError(f"{self._path} was changed by someone else while it was open; open the ledger again")
        return txn

    def _begin_any(self, env: lmdb.Environment, *, write: bool) -> lmdb.Transaction[bytes]:
        try:
            try:
                return env.begin(write=write)
            except lmdb.MapResizedError:  # Another process has a larger map. Taking its size ends other snapshots here.
                env.set_mapsize(0)
            except lmdb.ReadersFullError:  # Slots of readers that were killed are freed.
                env.reader_check()
            return env.begin(write=write)
        except lmdb.Error as error:
            self.poisoned = self.poisoned or isinstance(error, lmdb.PanicError)
            raise explain("write to" if write else "read", self._path, error) from error

    def _commit(self, txn: lmdb.Transaction[bytes]) -> None:
        if os.getpid() != self._pid:
            self._drop(txn)
            raise StoreError(f"a batch on {self._path} was open across a fork; only the parent may commit it")
        try:
            txn.commit()
        except BaseException as error:
            self.poisoned = True
            if isinstance(error, lmdb.Error):
                raise explain("commit to", self._path, error) from error
            raise
        self._lengthen()

    def _lengthen(self) -> None:
        """Give the file the length that the commit counts (see `_check_length`); without it, opening takes longer."""
        with suppress(OSError, lmdb.Error, StoreError):  # The commit stands, whatever comes of this.
            needed, found = _lengths(self._check(), self._path)
            if found < needed:
                os.truncate(self._path / "data.mdb", needed)

    def _drop(self, txn: lmdb.Transaction[bytes]) -> None:
        if os.getpid() == self._pid:
            txn.abort()
        else:
            _orphans.append(txn)

    def _end_snapshot(self, env: lmdb.Environment, txn: lmdb.Transaction[bytes]) -> None:
        try:
            overtaken = self._lockless and env.info()["last_txnid"] != txn.id()
        except lmdb.Error:  # The engine was closed meanwhile, and the transaction with it.
            return
        self._drop(txn)
        if overtaken:
            raise StoreError(f"somebody wrote to {self._path} while it was read without a lock: discard what was read")


def file_stamp(data: str | os.PathLike[str], transaction: int) -> Stamp:
    """Return the stamp of a data file, whose last transaction is known. Raises StoreError if it cannot be looked at."""
    try:
        found = os.stat(data)
    except OSError as error:
        raise disk_error("look at", Path(data), error.errno, str(error)) from error
    return Stamp(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns, transaction)


def _refuse_links(path: Path) -> None:
    """A store that somebody else has made may name the reader's own files: LMDB follows links, and writes its locks.

    And it would wait for a pipe.
    """
    for name in ("data.mdb", "lock.mdb"):
        file = path / name
        if file.is_symlink() or (file.exists() and not file.is_file()):
            raise StoreError(
                f"{file} is a link or no regular file, and may lead out of the ledger: copy the file itself"
            )


def _open(
    path: Path, tables: Sequence[str], map_size: int, *, readonly: bool = False, sync: bool = True, lock: bool = True
) -> lmdb.Environment:
    try:
        return lmdb.open(
            str(path),
            map_size=map_size,
            max_dbs=len(tables),
            max_readers=_MAX_READERS,
            mode=FILE_MODE,
            readonly=readonly,
            sync=sync,
            lock=lock,
            lib_version=_LMDB_0_9,
        )
    except lmdb.Error as error:
        raise explain("open", path, error) from error


def _create(path: Path, tables: Sequence[str], map_size: int) -> None:
    """Make an empty store. It gets its name last, so under that name it is whole, whenever the machine stops."""
    import shutil

    new = path.with_name(path.name + ".new")
    try:
        if new.exists():
            shutil.rmtree(new)
        make_dir(new)
        env = _open(new, tables, map_size)
        try:
            with env.begin(write=True) as txn:
                for name in tables:
                    env.open_db(name.encode("ascii"), txn=txn)
        finally:
            env.close()
        sync_dir(new)
        new.rename(path)
        sync_dir(path.parent)
    except (lmdb.Error, OSError) as error:
        raise explain("create", path, error) from error


def _lengths(env: lmdb.Environment, path: Path) -> tuple[int, int]:
    """Return the bytes that the last commit counts, and those that the data file has."""
    needed = (env.info()["last_pgno"] + 1) * env.stat()["psize"]
    return needed, (path / "data.mdb").stat().st_size


def _check_length(env: lmdb.Environment, path: Path) -> None:
    """Refuse a file that was cut: LMDB would read beyond its end, and the system would end the process (SIGBUS).

    Pages that one batch took and gave back are counted but never written, so a sound file may be short too. Each commit
    is followed by a lengthening; where the process ended in between, only a walk over all pages tells the two apart.
    """
    for _ in range(_LENGTH_READS):
        needed, found = _lengths(env, path)
        if found >= needed:
            return
        time.sleep(0.01)
    try:
        probe(path)
    except StoreError as error:
        raise StoreError(f"cannot open {path}: data.mdb was cut to {found} of {needed} bytes; {error}") from error


def _cannot_lock(path: Path) -> bool:
    """Return True if the lock file cannot be written, as on a read-only medium.

    Readers note in the lock file which state they read, so that no writer reuses its pages. Without it, reading is
    sound only while nobody writes; otherwise intact records would look altered. The end of each snapshot checks that.
    """
    lock = path / "lock.mdb"
    return not os.access(lock if lock.exists() else path, os.W_OK)


def probe(path: str | os.PathLike[str]) -> None:
    """Check the structure of the data file in directory `path`, page by page, without handing it to LMDB.

    LMDB trusts its file: a damaged one can end the process or be read as nonsense. The check walks every page, so it
    takes time in proportion to the file; nobody may write meanwhile. It says nothing about the content.

    Raises NoLedger if no file is there, StoreError naming the first problems.
    """
    data = Path(path) / "data.mdb"
    verify = importlib.import_module("lmdb.verify")  # Without types, so that mypy would refuse a plain import's calls.
    try:
        problems: list[str] = verify.verify(str(data))
    except FileNotFoundError:
        raise NoLedger(f"there is no store at {path}: check the path") from None
    except OSError as error:
        raise disk_error("check", data, error.errno, str(error)) from error
    except verify.VerifyError as error:
        raise StoreError(f"{data} is damaged: {error}") from error
    if problems:
        more = f" (and {len(problems) - 3} more)" if len(problems) > 3 else ""
        raise StoreError(f"{data} is damaged: {'; '.join(problems[:3])}{more}")
