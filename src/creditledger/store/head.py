"""The last signed head of each ledger, kept outside the ledger's directory, so that an old copy is recognised.

Whoever restores last week's backup of a ledger, or copies its whole directory, has a log that is valid in itself; if it
signed on, there would be two histories. The head kept here says how far this machine has already signed.

One file per ledger holds two slots. A store writes the older one in place, so a write that is torn leaves the other.
Nothing is synced per store: a head that is lost in a power cut lags behind the log, which merely recognises a little
less, whereas a head ahead of the log would refuse an honest ledger. For the same reason it is stored after the log's
commit. A slot within one disk sector cannot be torn; before a larger one is written, the other slot is synced if it may
be torn too, so that one slot is always whole.

Behind the slots there is room for a *seal*: some bytes by which a writer recognises derived data that nobody else has
written to (see `ledger.seal`). It is worth as much as the head, for the same reason: whoever can write to the ledger's
directory alone cannot write here.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from creditledger.errors import StoreError, UsageError
from creditledger.store.files import FILE_MODE, SECTOR, disk_error, make_dir, sync_dir, write_at
from creditledger.store.lock import WriterLock

_MAGIC = b"CLHEAD\x001"
_FIELDS = struct.Struct(">8sQQ32sI")  # Magic, counter, size, root, length of the checkpoint.
_CHECKSUM_BYTES = 32
_OVERHEAD = _FIELDS.size + _CHECKSUM_BYTES
_SLOT_BYTES = 65536
_READS = 5  # A reader may meet the writer between its two slots, but hardly this often in a row.
_SEAL_AT = 2 * _SLOT_BYTES
_SEAL_MAGIC = b"CLSEAL\x001"
_SEAL_OVERHEAD = len(_SEAL_MAGIC) + 2 + _CHECKSUM_BYTES
MAX_SEAL = SECTOR - _SEAL_OVERHEAD
"""Longest seal in bytes: it cannot be torn."""
MAX_CHECKPOINT = _SLOT_BYTES - _OVERHEAD
"""Longest checkpoint note in bytes: with room for some dozen post-quantum signatures."""


class Head(NamedTuple):
    """What was signed last: the size of the tree, its root (32 bytes), and the signed checkpoint note."""

    size: int
    root: bytes
    checkpoint: bytes


class _Slot(NamedTuple):
    counter: int
    place: int
    head: Head


class _HeadFile:
    """The head file of one ledger, open for writing and locked."""

    __slots__ = ("counter", "fd", "head", "lock", "may_be_torn", "place")

    def __init__(self, fd: int, lock: WriterLock, slot: _Slot) -> None:
        self.fd = fd
        self.lock = lock
        self.counter, self.place, self.head = slot
        self.may_be_torn = False


class HeadStore:
    """The heads in one directory (made with mode 0700 if need be), a file for each ledger."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._locks: dict[bytes, WriterLock] = {}
        self._files: dict[bytes, _HeadFile] = {}

    def load(self, ledger_id: bytes) -> Head | None:
        """Return the last head stored for this ledger (an id of 32 bytes), or None if none ever was.

        Raises StoreError if the file is there and no slot in it is whole: that is never taken for "none".
        """
        if ledger_id in self._files:
            return self._files[ledger_id].head
        slot = _read(self._file(ledger_id), ledger_id)
        return None if slot is None else slot.head

    def claim(self, ledger_id: bytes) -> Head | None:
        """Do what `load` does, and hold the ledger's head until `close()`: what a writer calls.

        Two copies of one ledger's directory have a writer's lock each, but only one head, so only one can be written.

        Raises Locked if another process, or another HeadStore, holds it; StoreError as `load` does.
        """
        if ledger_id not in self._locks:
            make_dir(self._path)
            self._locks[ledger_id] = WriterLock(self._file(ledger_id).with_suffix(".lock"))
        return self.load(ledger_id)

    def store(self, ledger_id: bytes, size: int, root: bytes, checkpoint: bytes) -> None:
        """Store the head that was just signed. It claims the ledger if that was not done.

        Raises StoreError, without writing, if the size is below the stored one or the root differs at the same size,
        and if the disk fails; UsageError for a root that is not 32 bytes or a checkpoint beyond MAX_CHECKPOINT.
        """
        file = self._files.get(ledger_id)
        if file is None:
            file = self._open(ledger_id, Head(size, root, checkpoint))
        last = file.head
        if size < last.size or (size == last.size and root != last.root):
            raise StoreError(
                f"the head of ledger {ledger_id.hex()} is already at size {last.size}, root {last.root.hex()}; it "
                f"cannot become size {size}, root {root.hex()}: this is an old copy, or another copy was written to"
            )
        _require_held(file, ledger_id)
        target = file.place ^ 1
        data = _pack(ledger_id, file.counter + 1, size, root, checkpoint)
        try:
            if len(data) > SECTOR:
                if file.may_be_torn:
                    os.fdatasync(file.fd)
                file.may_be_torn = True
            write_at(file.fd, data, target * _SLOT_BYTES)
        except OSError as error:
            raise disk_error("store the head in", self._file(ledger_id), error.errno, str(error)) from error
        file.counter += 1
        file.place = target
        file.head = Head(size, root, checkpoint)

    def seal(self, ledger_id: bytes, seal: bytes) -> None:
        """Keep a seal of up to MAX_SEAL bytes beside a head that this store has stored, in place of the one before.

        Raises UsageError if it has stored none or the seal is too long, StoreError if the disk fails.
        """
        file = self._files.get(ledger_id)
        if file is None or len(seal) > MAX_SEAL:
            raise UsageError(f"a seal has up to {MAX_SEAL} bytes, and is kept beside a head; store the head first")
        _require_held(file, ledger_id)
        try:
            write_at(file.fd, _pack_seal(ledger_id, seal), _SEAL_AT)
        except OSError as error:
            raise disk_error("store the seal in", self._file(ledger_id), error.errno, str(error)) from error

    def sealed(self, ledger_id: bytes) -> bytes | None:
        """Return the seal that was kept last, or None if there is none or it is not whole. Raises StoreError."""
        path = self._file(ledger_id)
        try:
            with path.open("rb") as file:
                file.seek(_SEAL_AT)
                data = file.read(SECTOR)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise disk_error("read the head file", path, error.errno, str(error)) from error
        start = len(_SEAL_MAGIC) + 2
        end = start + int.from_bytes(data[len(_SEAL_MAGIC) : start], "big")
        seal = data[start:end]
        return seal if len(seal) <= MAX_SEAL and data[: end + _CHECKSUM_BYTES] == _pack_seal(ledger_id, seal) else None

    def sync(self) -> None:
        """Force the heads to the disk, as on closing a ledger. Raises StoreError if the disk fails."""
        for ledger_id, file in self._files.items():
            try:
                os.fdatasync(file.fd)
            except OSError as error:
                raise disk_error("sync the head in", self._file(ledger_id), error.errno, str(error)) from error
            file.may_be_torn = False

    def close(self) -> None:
        """Sync, and let other writers in. Raises StoreError if the disk fails, having released everything."""
        try:
            self.sync()
        finally:
            for file in self._files.values():
                os.close(file.fd)
            for lock in self._locks.values():
                lock.release()
            self._files.clear()
            self._locks.clear()

    def _file(self, ledger_id: bytes) -> Path:
        if len(ledger_id) != 32:
            raise UsageError(f"a ledger id has 32 bytes, this one {len(ledger_id)}")
        return self._path / ledger_id.hex()

    def _open(self, ledger_id: bytes, first: Head) -> _HeadFile:
        """Open the head file for writing; where there is none, make it with `first` in it."""
        self.claim(ledger_id)
        path = self._file(ledger_id)
        slot = _read(path, ledger_id)
        try:
            if slot is None:
                slot = _Slot(0, 0, first)
                _create(path, _pack(ledger_id, 0, *first))
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            try:
                # A writer before this one may have left a slot, or the name, in the cache only, and a sync that failed
                # is not made good by another, unless the slot is written again.
                write_at(fd, _pack(ledger_id, slot.counter, *slot.head), slot.place * _SLOT_BYTES)
                os.fdatasync(fd)
                sync_dir(self._path)
            except OSError:
                os.close(fd)
                raise
        except OSError as error:
            raise disk_error("open the head file", path, error.errno, str(error)) from error
        file = self._files[ledger_id] = _HeadFile(fd, self._locks[ledger_id], slot)
        return file


def default_head_dir(environ: Mapping[str, str]) -> Path:
    """Return `$XDG_STATE_HOME/creditledger/heads`, or the same under `~/.local/state` (XDG base directories, 0.8).

    `environ` is usually `os.environ`. A relative XDG_STATE_HOME is ignored, as that specification demands. Raises
    UsageError if neither variable is set.
    """
    state = environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(state):
        if not environ.get("HOME"):
            raise UsageError("HOME is not set: say in which directory the signed heads are kept")
        state = os.path.join(environ["HOME"], ".local", "state")
    return Path(state) / "creditledger" / "heads"


def _pack(ledger_id: bytes, counter: int, size: int, root: bytes, checkpoint: bytes) -> bytes:
    if len(root) != 32 or len(checkpoint) > MAX_CHECKPOINT:
        raise UsageError(
            f"a head has a root of 32 bytes and a checkpoint of at most {MAX_CHECKPOINT}; "
            f"these have {len(root)} and {len(checkpoint)}"
        )
    fields = _FIELDS.pack(_MAGIC, counter, size, root, len(checkpoint))
    return fields + hashlib.sha256(ledger_id + fields + checkpoint).digest() + checkpoint


def _pack_seal(ledger_id: bytes, seal: bytes) -> bytes:
    fields = _SEAL_MAGIC + len(seal).to_bytes(2, "big") + seal
    return fields + hashlib.sha256(ledger_id + fields).digest()


def _require_held(file: _HeadFile, ledger_id: bytes) -> None:
    if not file.lock.held:
        raise StoreError(f"the head of ledger {ledger_id.hex()} was claimed before a fork; open the ledger again")


def _unpack(ledger_id: bytes, data: bytes, place: int) -> _Slot | None:
    """Return what the slot holds, or None if it is not whole."""
    if len(data) < _OVERHEAD:
        return None
    magic, counter, size, root, length = _FIELDS.unpack_from(data)
    if magic != _MAGIC or length > MAX_CHECKPOINT:
        return None
    checkpoint = data[_OVERHEAD : _OVERHEAD + length]
    if _pack(ledger_id, counter, size, root, checkpoint) != data[: _OVERHEAD + length]:
        return None
    return _Slot(counter, place, Head(size, root, checkpoint))


def _read(path: Path, ledger_id: bytes) -> _Slot | None:
    """Return the newer whole slot, or None if there is no file."""
    for _ in range(_READS):
        try:
            with path.open("rb") as file:
                data = file.read(2 * _SLOT_BYTES)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise disk_error("read the head file", path, error.errno, str(error)) from error
        slots = [_unpack(ledger_id, data[at : at + _SLOT_BYTES], place) for place, at in enumerate((0, _SLOT_BYTES))]
        whole = [slot for slot in slots if slot is not None]
        if whole:
            return max(whole)
    raise StoreError(
        f"the head file {path} is damaged: neither of its two slots is whole, so nobody can tell how far this "
        "ledger was signed; restore the file from a backup"
    )


def _create(path: Path, first: bytes) -> None:
    """Make the file with `first` in both slots, or not at all: from the start, a torn write leaves a whole one.

    All its space is taken now, not when the disk is full.
    """
    new = path.with_suffix(".new")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
    try:
        write_at(fd, first.ljust(_SLOT_BYTES, b"\0") * 2 + bytes(SECTOR), 0)
        os.fsync(fd)
    finally:
        os.close(fd)
    new.rename(path)
    sync_dir(path.parent)
