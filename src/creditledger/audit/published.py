"""A published log, as C2SP tlog-tiles lays it out, read as records to be audited: from a directory or from a URL.

    checkpoint                                       signed; the newest only
    tile/<level>/<index>[.p/<width>]                 hashes, 256 to a tile
    tile/entries/<index>[.p/<width>]                 the records, 256 to a bundle

The checkpoint is verified first, by the trust file; what it does not imply is never asked for.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from creditledger.audit.signed_tree import Bundle, SignedTree
from creditledger.audit.trust import Opened, Trust
from creditledger.errors import CannotVerify, FormatError, NoLedger, VerificationFailed
from creditledger.tlog.checkpoint import Checkpoint
from creditledger.tlog.note import MAX_NOTE_BYTES
from creditledger.tlog.tiles import (
    ENTRIES,
    HEIGHT,
    MAX_ENTRY_BYTES,
    TILE_BYTES,
    WIDTH,
    TileReader,
    decode_bundle,
    tile_path,
    tile_width,
)
from creditledger.tlog.tree import HASH_BYTES, leaf_hash
from creditledger.web.place import TIMEOUT, Folder, Place, open_place
from creditledger.web.threads import FetchThreads
from creditledger.web.url import is_url

if TYPE_CHECKING:
    from concurrent.futures import Future

CHECKPOINT: Final = "checkpoint"

FETCHES: Final = 8
"""Files that are fetched at a time where each takes a while."""
AHEAD_BYTES: Final = 32 * 1024 * 1024
"""Bytes of bundles that are read ahead, as far as the last one tells; at least one is."""

T = TypeVar("T")
R = TypeVar("R")


def is_published(where: str | os.PathLike[str]) -> bool:
    """Whether this is a URL, or a directory that is laid out like a published log and is no ledger's."""
    text = os.fspath(where)
    if is_url(text):
        return True
    path = Path(text)
    if (path / "ledger.toml").exists() or (path / "log").exists():
        return False
    return (path / CHECKPOINT).is_file() or (path / "tile").is_dir()


class Published:
    """What is published at a place, as it is: nothing here has been verified but its form."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def checkpoint_note(self) -> bytes:
        """The newest checkpoint, as signed; raises NoLedger if there is none, FormatError if it is too large."""
        note = self.place.read(CHECKPOINT, MAX_NOTE_BYTES)
        if note is None:
            raise NoLedger(f"there is no published log at {self.place.name}: it has no file '{CHECKPOINT}'")
        return note

    def tiles(self, size: int) -> TileReader:
        """The tree of the first `size` leaves, of which a signed checkpoint must be known: see `TileReader`.

        Raises, when it is read: CannotVerify for a tile that is not there, FormatError, StoreError.
        """
        return TileReader(size, self._tile)

    def _tile(self, level: int, index: int, width: int) -> bytes | None:
        found = self.place.read(tile_path(level, index, width), width * HASH_BYTES)
        return found if found is not None or width == WIDTH else self.place.read(tile_path(level, index), TILE_BYTES)

    def bundle(self, index: int, width: int) -> list[bytes]:
        """The first `width` entries of a bundle; raises CannotVerify if it is not there, FormatError, StoreError."""
        for path_width in sorted({width, WIDTH}):
            path = tile_path(ENTRIES, index, path_width)
            data = self.place.read(path, path_width * (2 + MAX_ENTRY_BYTES))
            if data is not None:
                return decode_bundle(data, path_width)[:width]
        raise CannotVerify(f"{self.place.name}: {tile_path(ENTRIES, index, width)} is not there")


def read_signed(place: Place, trust: Trust) -> Opened:
    """Read the checkpoint of a published log and verify it by a trust file; whether enough have signed is not asked.

    Raises:
        NoLedger: there is none.
        FormatError: it is none.
        VerificationFailed: LED-LEDGER; it is of another log. LED-CKPT; it is not signed by a log key that is trusted.
        StoreError: the place cannot be read.
    """
    note = Published(place).checkpoint_note()
    try:
        return trust.open(note)
    except FormatError as error:
        raise FormatError(f"{place.name}/{CHECKPOINT} is no signed checkpoint: {error}") from error
    except VerificationFailed:
        if trust.may_be_another_log(note):
            require_origin(note, trust.origin, "this is not the ledger that the trust file names")
        raise


def require_origin(note: bytes, origin: str, message: str) -> None:
    """Whether a checkpoint calls itself that of a log: where it does not, a wrong signature is no sign of tampering.

    Raises VerificationFailed (LED-LEDGER) with the message if it is another log's.
    """
    named = note.partition(b"\n")[0].decode(errors="replace")
    if named != origin:
        raise VerificationFailed("LED-LEDGER", message, expected=origin, found=named)


class PublishedRecords:
    """The records of a published log (`source.Records`), each held against the signed root.

    A record that is not the signed one is given out all the same, so that the rest of the audit sees it; that it is
    wrong is raised at the end of what was asked for. Bundles are read ahead.
    """

    has_tiles = True

    def __init__(self, where: str, note: bytes, head: Checkpoint, cache: Path | None, timeout: float = TIMEOUT) -> None:
        """Open the log at a directory or URL; its checkpoint was verified by the caller."""
        self._place = open_place(where, timeout=timeout)
        self._tree = SignedTree(self._place, head, None if cache is None else Folder(cache))
        self._note = note
        self._fetches = FETCHES if is_url(where) else 0
        self._last: tuple[int, bytes] | None = None

    def records(self, start: int, stop: int, _place: int) -> Iterator[tuple[bytes, tuple[bytes, ...]]]:
        """See `source.Records`; no place is needed.

        Raises VerificationFailed (LED-TREE) after the last record, for the first that is not as signed; CannotVerify
        for what is not there; StoreError.
        """
        size = self._tree.head.size
        stop = min(stop, size)
        problem: VerificationFailed | None = None
        indexes = range(start // WIDTH, -(-stop // WIDTH)) if start < stop else range(0)
        try:
            for index, (bundle, leaves) in zip(indexes, self._read_ahead(indexes), strict=True):
                if leaves is not None:
                    right = bundle.problem is None
                    self._last = index, leaves if right else b"".join(map(leaf_hash, bundle.entries))
                wrong = None if bundle.problem is None else bundle.problem.seq
                if problem is None and wrong is not None and start <= wrong < stop:
                    problem = bundle.problem
                first = index * WIDTH
                for number, record in enumerate(bundle.entries[: stop - first], first):
                    if number >= start:
                        yield record, (self._note,) if number + 1 == size else ()
        except VerificationFailed as damage:
            raise problem or damage from None
        if problem is not None:
            raise problem

    def leaves(self, start: int, stop: int) -> Iterator[bytes]:
        """The leaf hashes of records `start` ≤ seq < `stop`, from tiles that the root covers; raises as `records`."""
        for index in range(start // WIDTH, -(-stop // WIDTH)):
            tile = self._leaf_hashes(index)
            if tile is None:
                tile = b"".join(map(leaf_hash, self._tree.bundle(index, None).entries))
            first = index * WIDTH
            for at in range(max(start - first, 0), min(stop - first, WIDTH)):
                yield tile[at * HASH_BYTES : (at + 1) * HASH_BYTES]

    def tile(self, level: int, index: int) -> bytes | None:
        """See `source.Records`: a tile as it is published.

        One of level 0 that the root covers is right, whatever the records are: then it is what those hash to that were
        given out, and what is wrong is raised by `records`.
        """
        if level == 0 and self._last is not None and self._last[0] == index:
            return self._last[1]
        return self._tree.published_tile(level, index)

    def wrong_tiles(self) -> Iterator[VerificationFailed]:
        """What is wrong with tiles from level 1 upwards, and with the last tile of every level."""
        level = 1
        while tile_width(level, 0, self._tree.head.size):
            for index in range(-(-(self._tree.head.size >> HEIGHT * level) // WIDTH)):
                try:
                    self._tree.tile(level, index)
                except VerificationFailed as error:
                    yield error
            level += 1
        if tile_width(0, self._tree.head.size // WIDTH, self._tree.head.size):
            try:
                self._tree.tile(0, self._tree.head.size // WIDTH)
            except VerificationFailed as error:
                yield error

    def close(self) -> None:
        """Let go of the place."""
        self._place.close()

    def _read(self, index: int) -> tuple[Bundle, bytes | None]:
        leaves = self._leaf_hashes(index)
        return self._tree.bundle(index, leaves), leaves

    def _leaf_hashes(self, index: int) -> bytes | None:
        """The leaf hashes that the root covers; None if tiles are wrong, which is found when they are compared."""
        try:
            return self._tree.tile(0, index)
        except VerificationFailed:
            return None

    def _read_ahead(self, indexes: range) -> Iterator[tuple[Bundle, bytes | None]]:
        """Read bundles in order, several at a time where each takes a while."""
        if self._fetches == 0 or len(indexes) < 2:
            yield from map(self._read, indexes)
            return
        # The way down from the root, which all of them need, is taken once.
        self._leaf_hashes(indexes[0])
        yield from ahead(self._read, indexes, self._fetches, lambda found: sum(map(len, found[0].entries)))


def ahead(work: Callable[[T], R], items: Iterable[T], threads: int, weight: Callable[[R], int]) -> Iterator[R]:
    """Yield what `work` makes of each item, in order, with several under way in threads.

    `weight` says how many bytes a result takes; as far as the last one tells, `AHEAD_BYTES` are made ahead at most.
    """
    with FetchThreads(threads, "creditledger-fetch") as pool:
        under_way: deque[Future[R]] = deque()
        room = threads
        try:
            for item in items:
                under_way.append(pool.submit(partial(work, item)))
                while len(under_way) >= room:
                    found = under_way.popleft().result()
                    room = min(max(AHEAD_BYTES // max(weight(found), 1), 1), 2 * threads)
                    yield found
            while under_way:
                yield under_way.popleft().result()
        finally:
            for one in under_way:
                one.cancel()
