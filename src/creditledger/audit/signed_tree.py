"""A published log under a signed root: every tile and every entry is held against it before it is given out.

From the root one comes down to any byte: the last tile of each level makes the root, and every full tile has its hash
in the tile above it, as every entry has in a tile of level 0. So a place need not be trusted, nor a copy kept from
before. Nothing is asked for that a tree of the signed size does not have.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from typing import Final, NamedTuple

from creditledger.audit.spine import tile_root
from creditledger.errors import CannotVerify, FormatError, StoreError, UsageError, VerificationFailed
from creditledger.tlog.checkpoint import Checkpoint
from creditledger.tlog.tiles import (
    ENTRIES,
    MAX_ENTRY_BYTES,
    TILE_BYTES,
    WIDTH,
    TileReader,
    TreeBuilder,
    decode_bundle,
    encode_bundle,
    partial_tiles,
    tile_path,
    tile_width,
)
from creditledger.tlog.tree import EMPTY_ROOT, HASH_BYTES, leaf_hash, subtree_root
from creditledger.web.place import Folder, Place

_HELD: Final = 256
"""Full tiles above level 0 that are kept in memory, 8 KB each: the way up from 16 million records."""


class Bundle(NamedTuple):
    """The entries of a bundle, and what is wrong with the first that is not as signed (None: nothing)."""

    entries: list[bytes]
    problem: VerificationFailed | None


class SignedTree:
    """The tiles and entries of one published log at the size that its checkpoint signs; to be shared by threads.

    Attributes:
        head: the checkpoint, which the caller has verified.
        fetched: how many files were read from the place, as against from the copy.
    """

    def __init__(self, place: Place, head: Checkpoint, keep: Folder | None = None, *, must_keep: bool = False) -> None:
        """Read from a place.

        Args:
            place: where the log is published.
            head: a verified checkpoint: size and root.
            keep: a directory where all that was read and found right is kept, and looked for first. What is wrong there
                is fetched anew, and replaced; what can be neither read nor replaced there is as if it were not there.
            must_keep: raise StoreError for what cannot be kept instead: a mirror is to be complete.
        """
        self.head = head
        self.fetched = 0
        self._place = place
        self._keep = keep
        self._must_keep = must_keep
        self._lock = threading.Lock()
        self._edge: dict[int, bytes] | VerificationFailed | None = None
        self._edge_lock = threading.Lock()
        self._held: OrderedDict[tuple[int, int], bytes] = OrderedDict()

    def tile(self, level: int, index: int) -> bytes:
        """The hashes of a tile, 32 bytes each, of which the tree has 1 to 256.

        Raises:
            VerificationFailed: LED-TREE or LED-STRUCT; the tile, or one on the way to the root, is not the signed one.
            CannotVerify: it is not there.
            StoreError: the place cannot be read.
        """
        width = tile_width(level, index, self.head.size)
        if width < WIDTH:
            if width == 0:
                raise UsageError(f"a tree of {self.head.size} leaves has no tile {index} at level {level}")
            return self._edges()[level]
        with self._lock:
            if (level, index) in self._held:
                self._held.move_to_end((level, index))
                return self._held[level, index]
        position = index % WIDTH * HASH_BYTES
        expected = self.tile(level + 1, index // WIDTH)[position : position + HASH_BYTES]
        tile = self._full_tile(level, index, expected)
        if level:
            with self._lock:
                self._held[level, index] = tile
                if len(self._held) > _HELD:
                    self._held.popitem(last=False)
        return tile

    def bundle(self, index: int, leaves: bytes | None) -> Bundle:
        """The entries of a bundle, held against their leaf hashes, which `tile(0, index)` gives.

        Without leaf hashes nothing is compared, nor kept.

        Raises:
            VerificationFailed: LED-STRUCT; it cannot be taken apart.
            CannotVerify, StoreError: as `tile` does.
        """
        for source in self._sources():
            kept = source is self._keep
            try:
                entries = self._read_bundle(source, index)
            except VerificationFailed:
                if kept:
                    continue
                raise
            if entries is None or (kept and leaves is None):
                continue
            problem = None if leaves is None else _first_wrong(entries, leaves, index * WIDTH)
            if kept and problem is not None:
                continue
            if not kept and problem is None and leaves is not None:
                self._store(ENTRIES, index, encode_bundle(entries))
            return Bundle(entries, problem)
        raise self._missing(ENTRIES, index)

    def published_tile(self, level: int, index: int) -> bytes | None:
        """A tile as it is published, checked against nothing; None if there is none."""
        width = tile_width(level, index, self.head.size)
        for path_width in _widths(width):
            try:
                found = self._place.read(tile_path(level, index, path_width), TILE_BYTES)
            except FormatError:
                return b""
            if found is not None:
                return found
        return None

    def root_at(self, size: int) -> bytes:
        """The root of the tree's first `size` leaves; raises as `tile` does."""
        if size == 0:
            return EMPTY_ROOT
        reader = TileReader(self.head.size, lambda level, index, _width: self.tile(level, index))
        return subtree_root(reader, 0, size)

    def _sources(self) -> Iterator[Place]:
        if self._keep is not None:
            yield self._keep
        yield self._place

    def _edges(self) -> dict[int, bytes]:
        """The last tile of each level that has a partial one; together they make the root."""
        with self._edge_lock:
            if self._edge is None:
                try:
                    self._edge = self._read_edges()
                except VerificationFailed as error:
                    self._edge = error
            if isinstance(self._edge, VerificationFailed):
                raise self._edge
            return self._edge

    def _read_edges(self) -> dict[int, bytes]:
        addresses = partial_tiles(self.head.size)
        for source in self._sources():
            edge: dict[int, bytes] = {}
            for level, index, width in ((one.level, one.index, one.width) for one in addresses):
                try:
                    tile = self._read_tile(source, level, index, width)
                except VerificationFailed:
                    if source is not self._keep:
                        raise
                    break
                if tile is None:
                    if source is not self._keep:
                        raise self._missing(level, index)
                    break
                edge[level] = tile
            else:
                root = self._root_of(edge)
                if root == self.head.root:
                    if source is not self._keep:
                        for one in addresses:
                            self._store(one.level, one.index, edge[one.level])
                    return edge
                if source is not self._keep:
                    names = ", ".join(tile_path(one.level, one.index, one.width) for one in addresses)
                    raise VerificationFailed(
                        "LED-TREE", f"{self._place.name}: the tiles {names} do not make the root that is signed",
                        expected=self.head.root.hex(), found=root.hex(),
                    )  # fmt: skip
        raise AssertionError("the place itself was read last")

    def _root_of(self, edge: dict[int, bytes]) -> bytes:
        last = edge.get(0, b"")
        leaves = [last[at : at + HASH_BYTES] for at in range(0, len(last), HASH_BYTES)]
        return TreeBuilder.restore(self.head.size, leaves, lambda level, _index, _width: edge.get(level)).root()

    def _full_tile(self, level: int, index: int, expected: bytes) -> bytes:
        """A full tile of which the hash is known."""
        for source in self._sources():
            try:
                tile = self._read_tile(source, level, index, WIDTH)
            except VerificationFailed:
                if source is self._keep:
                    continue
                raise
            if tile is None:
                continue
            found = tile_root(tile)
            if found == expected:
                if source is not self._keep:
                    self._store(level, index, tile)
                return tile
            if source is not self._keep:
                raise VerificationFailed(
                    "LED-TREE", f"{self._place.name}: {tile_path(level, index)} is not the tile that is signed",
                    expected=expected.hex(), found=found.hex(),
                )  # fmt: skip
        raise self._missing(level, index)

    def _read_tile(self, source: Place, level: int, index: int, width: int) -> bytes | None:
        """The first `width` hashes of a tile, from its own file or, once it was full, from that of the full tile."""
        for path_width in _widths(width):
            path = tile_path(level, index, path_width)
            tile = self._read(source, path, path_width * HASH_BYTES)
            if tile is not None:
                if len(tile) != path_width * HASH_BYTES:
                    raise VerificationFailed(
                        "LED-STRUCT", f"{source.name}: {path} has a wrong length",
                        expected=f"{path_width * HASH_BYTES} bytes", found=f"{len(tile)} bytes",
                    )  # fmt: skip
                return tile[: width * HASH_BYTES]
        return None

    def _read_bundle(self, source: Place, index: int) -> list[bytes] | None:
        """The entries of a bundle that the tree has, from its own file or that of the full bundle."""
        width = tile_width(0, index, self.head.size)
        for path_width in _widths(width):
            path = tile_path(ENTRIES, index, path_width)
            data = self._read(source, path, path_width * (2 + MAX_ENTRY_BYTES), index * WIDTH)
            if data is not None:
                try:
                    return decode_bundle(data, path_width)[:width]
                except FormatError as error:
                    raise VerificationFailed(
                        "LED-STRUCT", f"{source.name}: {path} is no entry bundle: {error}", seq=index * WIDTH
                    ) from error
        return None

    def _read(self, source: Place, path: str, most: int, seq: int | None = None) -> bytes | None:
        try:
            data = source.read(path, most)
        except FormatError as error:
            raise VerificationFailed("LED-STRUCT", str(error), seq=seq) from error
        except StoreError:
            if source is self._keep:
                return None
            raise
        if data is not None and source is self._place:
            with self._lock:
                self.fetched += 1
        return data

    def _store(self, level: int, index: int, data: bytes) -> None:
        if self._keep is None:
            return
        try:
            self._keep.write(tile_path(level, index, tile_width(max(level, 0), index, self.head.size)), data)
        except StoreError:
            if self._must_keep:
                raise

    def _missing(self, level: int, index: int) -> CannotVerify:
        path = tile_path(level, index, tile_width(max(level, 0), index, self.head.size))
        return CannotVerify(
            f"{self._place.name}: {path} is not there, and the signed checkpoint of size {self.head.size} needs it"
        )


def _widths(width: int) -> tuple[int, ...]:
    """By which widths a file is looked for: a partial one may have been removed once the full one was there."""
    return (width,) if width == WIDTH else (width, WIDTH)


def _first_wrong(entries: list[bytes], leaves: bytes, first: int) -> VerificationFailed | None:
    """What is wrong with the first entry that has another leaf hash than the tile says."""
    for number, entry in enumerate(entries):
        expected = leaves[number * HASH_BYTES : (number + 1) * HASH_BYTES]
        found = leaf_hash(entry)
        if found != expected:
            return VerificationFailed(
                "LED-TREE", "the record is not the one that the signed root covers",
                expected=expected.hex(), found=found.hex(), seq=first + number,
            )  # fmt: skip
    return None
