"""Private content: personal data that the log only commits to, encrypted item by item, and erasable without a trace.

An item is found by an id of 32 bytes: a content commitment, or a keyed tag for an identity. Its bytes are encrypted
under a key of its own, and that key and the commitment's nonce under the master key, both with XChaCha20-Poly1305 and
the id as associated data. Erasing overwrites id, sealed key and ciphertext in place and syncs. What an erasure leaves
is the length of the item. A file system or disk may keep old copies of a block where no program can reach them;
without the item key, which is erased too, and the master key, which is not kept here, they say nothing.

The master key has its own file, outside the ledger's directory: whoever takes the directory cannot read the content.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Callable, Iterable
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import Self

from nacl import bindings
from nacl.exceptions import CryptoError

from creditledger.errors import KeyFileError, NoLedger, StoreError, UsageError, VerificationFailed
from creditledger.store import segment
from creditledger.store.files import SECTOR, disk_error, make_dir, sync_dir, write_at
from creditledger.store.master_key import MASTER_KEY_BYTES
from creditledger.store.segment import Header, State

_SECRET_DOMAIN = b"creditledger/private/secret/v1"
_CONTENT_DOMAIN = b"creditledger/private/content/v1"
_KEY_CHECK_DOMAIN = b"creditledger/private/key-check/v1"
_SEGMENT_NAME = re.compile(r"content-([0-9]{6})\.seg")
_POSITION_BITS = 48


class PrivateStore:
    """The private content in one directory. One writer at a time; any number of readers, in any thread.

    The index of all items is built in memory when first needed, from the segments' frame headers.
    """

    def __init__(
        self, path: Path, master_key: bytes | None, *, readonly: bool, entropy: Callable[[int], bytes], limit: int
    ) -> None:
        self._path = path
        self._master_key = master_key
        self._readonly = readonly
        self._entropy = entropy
        self._limit = limit
        self._lock = threading.Lock()
        self._open = True
        self._failed = False
        self._tail: tuple[int, int] | None = None  # Where the writer goes on: segment number and position.
        self._run = (0, 0)  # Where the run of batches begins that the next one may belong to, and what it counts from.
        self._ends: dict[int, int] = {}  # Segment number -> how far the index covers it.
        self._where: dict[bytes, int] = {}  # Item id -> place (segment number and position) of its newest copy.
        self._older: dict[bytes, list[int]] = {}  # The places of its other copies.
        self._half_erased: set[int] = set()
        self._damage: dict[int, str] = {}  # Place -> what is wrong there.

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        master_key: bytes | None,
        *,
        create: bool = False,
        readonly: bool = False,
        entropy: Callable[[int], bytes] = os.urandom,
        segment_bytes: int = segment.SEGMENT_BYTES,
    ) -> Self:
        """Open the store in directory `path`. Without a master key, items can be erased and listed, not read or put.

        `create` makes a new, empty one. A writer (neither `readonly`) cuts what a crash left unfinished at the end.
        `entropy(n)` returns n random bytes: item keys and nonces.

        Raises NoLedger if there is none, KeyFileError if the master key is not the one that the content was encrypted
        under, StoreError if the disk fails or, with `create`, a store is there already.
        """
        path = Path(path)
        if master_key is not None and len(master_key) != MASTER_KEY_BYTES:
            raise KeyFileError(f"the master key has {len(master_key)} bytes; it must have {MASTER_KEY_BYTES}")
        store = cls(path, master_key, readonly=readonly, entropy=entropy, limit=segment_bytes)
        numbers = store._numbers()
        if create and numbers:
            raise StoreError(f"cannot create {path}: private content is there already")
        try:
            if create:
                # The directory gets its name last: where it is, there is a store in it, whenever the machine stops.
                new = path.with_name(path.name + ".new")
                make_dir(new)
                segment.create(new / _segment_name(1), _key_check(store._key()))
                new.rename(path)
            elif not numbers:
                raise NoLedger(f"there is no private content at {path}: check the path")
            store._settle(max(numbers, default=1))
        except OSError as error:
            raise disk_error("open", path, error.errno, str(error)) from error
        return store

    def put_many(self, items: Iterable[tuple[bytes, bytes, bytes]], counts_from: int = 0) -> None:
        """Store (item id, nonce, content) triples: ids and nonces of 32 bytes, contents of at most MAX_CONTENT.

        They are on the disk when this returns; after a crash before that, either all of them are there, or none.
        `counts_from` is the size that the log will have when it refers to them; see `drop_unrecorded`. It is never less
        than for what was put before: as long as that may have to be removed, what came after it goes with it.

        Raises StoreError if the disk fails: whether they were stored is then unknown until the store is opened again.
        """
        frames = bytearray()
        starts: list[tuple[bytes, int]] = []
        with self._lock:
            self._check(writing=True)
            for item_id, nonce, content in items:
                starts.append((item_id, len(frames)))
                frames += self._seal(item_id, nonce, content)
            if not starts:
                return
            try:
                number, end = self._append(bytes(frames), max(counts_from, self._run[1]))
            except OSError as error:
                self._failed = True
                raise disk_error("write private content to", self._path, error.errno, str(error)) from error
            if self._ends:  # Otherwise the index is not built yet, and will find the batch on the disk.
                self._ends[number] = end
                for item_id, start in starts:
                    self._add(item_id, _place(number, end - len(frames) + start))

    def get(self, item_id: bytes) -> tuple[bytes, bytes] | None:
        """Return (nonce, content), or None if no such item is here: it was never put, or it was erased.

        Raises VerificationFailed("LED-CONTENT") if it is damaged, or if it is not found while something is damaged
        that may have been it; KeyFileError without the master key.
        """
        key = self._key()
        while (place := self._locate(item_id)) is not None:
            number, position = _split(place)
            try:
                # An import reads some items for each row of its file: a `Path` and a file object would take longer.
                descriptor = os.open(f"{self._path}/{_segment_name(number)}", os.O_RDONLY | os.O_CLOEXEC)
                try:
                    found = segment.read_item(descriptor, position, item_id)
                finally:
                    os.close(descriptor)
                if found is not None:
                    return _unseal(key, item_id, *found)
            except OSError as error:
                raise disk_error("read", self._file(number), error.errno, str(error)) from error
            except (ValueError, CryptoError) as error:
                raise VerificationFailed(
                    "LED-CONTENT",
                    f"private content in {self._file(number)} at byte {position} was altered",
                    expected=f"item {item_id.hex()}",
                    found=str(error),
                ) from error
            with self._lock:  # A reader meets what the writer erased after the reader's index was built.
                if self._where.get(item_id) == place:
                    del self._where[item_id]
        return None

    def erase(self, item_ids: Iterable[bytes]) -> None:
        """Overwrite every copy of these items with zeros, on the disk when this returns. Absent ids are no error.

        Erasures that were interrupted earlier are completed, so repeating an erasure after a crash is enough.

        Raises StoreError if the disk fails, and VerificationFailed("LED-CONTENT"), having erased what can be found, if
        something is damaged: it may hold a copy.
        """
        with self._lock:
            self._check(writing=True)
            self._refresh()
            wanted = {item_id for item_id in item_ids if item_id in self._where}
            places = self._half_erased.union(*([self._where[one], *self._older.get(one, ())] for one in wanted))
            try:
                for number, group in groupby(sorted(map(_split, places)), key=itemgetter(0)):
                    with self._file(number).open("r+b", buffering=0) as file:
                        segment.erase(file.fileno(), [position for _, position in group])
            except OSError as error:
                self._failed = True
                raise disk_error("erase private content in", self._path, error.errno, str(error)) from error
            except ValueError as error:
                self._failed = True
                raise VerificationFailed(
                    "LED-CONTENT", f"an item to be erased was altered meanwhile: {error}"
                ) from error
            for item_id in wanted:
                del self._where[item_id]
                self._older.pop(item_id, None)
            self._half_erased.clear()
            self._raise_damage("what can be found was erased, but a copy may be in what is damaged")

    def drop_unrecorded(self, log_size: int) -> None:
        """Remove the last batches if the log was to refer to them and did not: it has only `log_size` records.

        What is asked before anything else is put after a crash, or a failure, between the two, leaves nothing behind
        that no act refers to, and removes nothing that one does. Raises StoreError if the disk fails.
        """
        with self._lock:
            self._check(writing=True)
            try:
                # Where nothing is left of a segment, the run may have begun in the one before it.
                number = self._tail[0] if self._tail is not None else 0
                while number and self._drop_last_run(number, log_size) == SECTOR:
                    number -= 1
            except OSError as error:
                self._failed = True
                raise disk_error("remove private content from", self._path, error.errno, str(error)) from error

    def _drop_last_run(self, number: int, log_size: int) -> int:
        """Remove the last run of a segment unless it counts; returns where the segment ends then, 0 if that is lost."""
        try:
            file = self._file(number).open("r+b")
        except FileNotFoundError:
            return 0  # Damage, of which the index says more.
        with file:
            header = segment.read_header(file.fileno())
            if header is None:
                return 0
            if segment.counts_from(file, header) <= log_size:
                return header.committed
            segment.write_header(file.fileno(), header._replace(committed=header.last))
            os.fsync(file.fileno())
            segment.cut(file.fileno(), header.last)
        self._forget_index()
        self._run = 0, 0
        if self._tail is not None and self._tail[0] == number:
            self._tail = number, header.last
        return header.last

    def ids(self) -> list[bytes]:
        """Return the ids of the items here, sorted; not those of items whose frame is damaged."""
        with self._lock:
            self._check()
            if self._readonly:  # The writer may have erased some since.
                self._forget_index()
            self._refresh()
            return sorted(self._where)

    def close(self) -> None:
        """Forget the master key and the index; further calls raise StoreError. Closing twice is fine."""
        with self._lock:
            self._open = False
            self._master_key = None
            self._forget_index()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _file(self, number: int) -> Path:
        return self._path / _segment_name(number)

    def _numbers(self) -> list[int]:
        if not self._path.is_dir():
            return []
        names = (_SEGMENT_NAME.fullmatch(name) for name in os.listdir(self._path))
        return sorted(int(name[1]) for name in names if name)

    def _key(self) -> bytes:
        self._check()
        if self._master_key is None:
            raise KeyFileError(f"the private content at {self._path} is encrypted: the master key is needed")
        return self._master_key

    def _check(self, *, writing: bool = False) -> None:
        if not self._open:
            raise StoreError(f"the private content at {self._path} is closed")
        if writing and self._readonly:
            raise StoreError(f"the private content at {self._path} was opened read-only")
        if writing and self._failed:
            raise StoreError(f"an earlier write to the private content at {self._path} failed; open it again")

    def _check_key(self, number: int, found: bytes) -> None:
        if self._master_key is not None and found != _key_check(self._master_key):
            raise KeyFileError(f"the master key is not the one under which {self._file(number)} was encrypted")

    def _seal(self, item_id: bytes, nonce: bytes, content: bytes) -> bytes:
        if len(item_id) != 32 or len(nonce) != 32 or len(content) > segment.MAX_CONTENT or not any(item_id):
            raise UsageError(
                "an item has an id of 32 bytes, not all zero, a nonce of 32 bytes and a content of at most "
                f"{segment.MAX_CONTENT}; this one has {len(item_id)}, {len(nonce)} and {len(content)}"
            )
        item_key = self._entropy(32)
        iv = self._entropy(segment.NONCE_BYTES)  # Serves twice, under two keys; the item key is used only once.
        encrypt = bindings.crypto_aead_xchacha20poly1305_ietf_encrypt
        secret = encrypt(item_key + nonce, _SECRET_DOMAIN + item_id, iv, self._key())
        return segment.pack_item(item_id, iv, secret, encrypt(content, _CONTENT_DOMAIN + item_id, iv, item_key))

    def _settle(self, number: int) -> None:
        """Make the last segment ready to go on: cut its torn end, and make sure of what a killed writer left."""
        with self._file(number).open("rb" if self._readonly else "r+b") as file:
            fd = file.fileno()
            header = segment.read_header(fd)
            if header is None or header.committed > os.fstat(fd).st_size:
                return  # Damage, which the index will say more about; the writer goes on in a new segment.
            self._check_key(number, header.key_check)
            if self._readonly:
                return
            settled = segment.settled(file, header)
            if settled != header:
                # The batch first: what lies below the mark is on the disk.
                segment.rewrite(fd, header.committed, settled.committed)
                os.fsync(fd)
            before = os.fstat(fd)
            segment.write_header(fd, settled)  # Even as it is: after a sync that failed, nothing else makes it durable.
            if settled == header:  # It is no change, and is not to look like one.
                os.utime(fd, ns=(before.st_atime_ns, before.st_mtime_ns))
            end = settled.committed
            segment.cut(fd, end)
            sync_dir(self._path)  # The names too: of the segment, and of the directory itself.
            sync_dir(self._path.parent)
            self._tail = number, end

    def _append(self, items: bytes, counts_from: int) -> tuple[int, int]:
        """Write a batch durably and return its segment's number and the position after it."""
        batch = segment.pack_batch(items, counts_from)
        number, end = self._tail or (max(self._numbers()), self._limit)
        key_check = _key_check(self._key())
        if end > SECTOR and end + len(batch) > self._limit:
            with self._file(number).open("rb") as file:  # Only the last segment's mark may lag.
                os.fsync(file.fileno())
            number, end = number + 1, SECTOR
            segment.create(self._file(number), key_check)
            self._run = 0, self._run[1]
        start, size = self._run
        if not start or not size or size != counts_from:
            start = end
        with self._file(number).open("r+b", buffering=0) as file:
            write_at(file.fileno(), batch, end)
            os.fdatasync(file.fileno())
            end += len(batch)
            segment.write_header(file.fileno(), Header(key_check, end, start))
        self._tail, self._run = (number, end), (start, counts_from)
        return number, end

    def _locate(self, item_id: bytes) -> int | None:
        """Return the place of an item, or None if it is certain that there is none."""
        with self._lock:
            self._check()
            if item_id not in self._where:
                self._refresh()
            place = self._where.get(item_id)
            if place is None:
                self._raise_damage(f"item {item_id.hex()} is not found, and may be what is damaged")
            return place

    def _forget_index(self) -> None:
        for part in (self._ends, self._where, self._older, self._half_erased, self._damage):
            part.clear()

    def _add(self, item_id: bytes, place: int) -> None:
        older = self._where.get(item_id)
        if older is not None:
            self._older.setdefault(item_id, []).append(older)
        self._where[item_id] = place

    def _refresh(self) -> None:
        """Bring the index up to date. The writer's is, once it is built, since nobody else writes."""
        if self._ends and not self._readonly:
            return
        numbers = self._numbers()
        newest = max(self._ends, default=0)
        try:
            for number in range(max(newest, 1), max(numbers, default=0) + 1):
                self._load(number)
        except OSError as error:
            raise disk_error("read", self._path, error.errno, str(error)) from error

    def _load(self, number: int) -> None:
        """Add to the index what stands in a segment beyond where the index ends."""
        start = self._ends.get(number, SECTOR)
        try:
            file = self._file(number).open("rb", buffering=1 << 20)
        except FileNotFoundError:
            self._damage[_place(number, 0)] = f"{self._file(number)} is missing"
            return
        with file:
            size = os.fstat(file.fileno()).st_size
            header = segment.read_header(file.fileno())
            if header is None:
                self._damage[_place(number, 0)] = f"the header of {self._file(number)} is damaged"
                end = size
            else:
                self._check_key(number, header.key_check)
                end = segment.settled(file, header).committed
                if end > size:
                    self._damage[_place(number, size)] = f"{self._file(number)} lacks its last {end - size} bytes"
                    end = size
            # What a writer before this one erased is erased again, once: a sync may have failed, or never been made.
            for found in segment.scan(file, start, end, doubtful=not self._readonly):
                place = _place(number, found.position)
                if found.state is State.LIVE:
                    self._add(found.item_id, place)
                elif found.state is State.HALF_ERASED:
                    self._half_erased.add(place)
                else:
                    where = f"{self._file(number)} from byte {found.position}"
                    self._damage[place] = f"{found.length} bytes of {where} are damaged"
        self._ends[number] = end

    def _raise_damage(self, message: str) -> None:
        if self._damage:
            found = "; ".join(list(self._damage.values())[:3])
            raise VerificationFailed("LED-CONTENT", message, expected="sound private content", found=found)


def _key_check(master_key: bytes) -> bytes:
    """Return what recognises the key without saying anything about it."""
    return hashlib.sha256(_KEY_CHECK_DOMAIN + master_key).digest()[:16]


def _segment_name(number: int) -> str:
    return f"content-{number:06}.seg"


def _unseal(master_key: bytes, item_id: bytes, iv: bytes, secret: bytes, ciphertext: bytes) -> tuple[bytes, bytes]:
    """Return (nonce, content). Raises CryptoError."""
    decrypt = bindings.crypto_aead_xchacha20poly1305_ietf_decrypt
    opened = decrypt(secret, _SECRET_DOMAIN + item_id, iv, master_key)
    return opened[32:], decrypt(ciphertext, _CONTENT_DOMAIN + item_id, iv, opened[:32])


def _place(number: int, position: int) -> int:
    return number << _POSITION_BITS | position


def _split(place: int) -> tuple[int, int]:
    return place >> _POSITION_BITS, place & ((1 << _POSITION_BITS) - 1)
