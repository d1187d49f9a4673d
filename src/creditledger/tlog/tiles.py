"""The tree as tiles: immutable files of 256 hashes each, cut from a growing tree, and the tree read back from them.

Tile n at level l holds the roots of 256 adjacent complete subtrees of 256^l leaves each, from number 256·n on: leaf
hashes at level 0, and above it one hash for each full tile of the level below. Hashes in between are recomputed. The
last tile of a level is *partial* until it is full (c2sp.org/tlog-tiles).

`TreeBuilder` appends leaves and hands out each tile at the moment it is full; `TileReader` computes the root of any
complete subtree from tiles. Where tiles are kept is a function, `ReadTile`, that the caller provides.

One value for each (level, index) is all that must be kept. A full tile never changes. Keeping the partial tiles of
level 1 and above too, whenever a tile has become full, makes reopening immediate; those that are missing are rebuilt
from full ones. The partial tile of level 0 is the leaf hashes of the last records.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from struct import Struct
from typing import Final

from creditledger.errors import CannotVerify, FormatError, UsageError
from creditledger.tlog.tree import HASH_BYTES, MAX_SIZE, Frontier

HEIGHT: Final = 8
WIDTH: Final = 256
TILE_BYTES: Final = WIDTH * HASH_BYTES

ENTRIES: Final = -1
"""Stands where a level does, for the entries themselves: bundled as their hashes are in the tiles of level 0."""

MAX_LEVEL: Final = 63
MAX_ENTRY_BYTES: Final = 65_535
MAX_BUNDLE_BYTES: Final = WIDTH * (2 + MAX_ENTRY_BYTES)

ReadTile = Callable[[int, int, int], bytes | None]
"""`read_tile(level, index, width)` returns at least `width` hashes of a tile, or None if none are kept.

The bytes kept may be those of a later, wider version of the tile: only the first `width` hashes are used.
"""


@dataclass(frozen=True, slots=True)
class TileAddress:
    """Names a tile or an entry bundle: level (or `ENTRIES`), index within the level, width from 1 to 256."""

    level: int
    index: int
    width: int = WIDTH


@dataclass(frozen=True, slots=True)
class Tile:
    """A tile: level, index within the level, and its 1 to 256 hashes of 32 bytes each, one after the other."""

    level: int
    index: int
    hashes: bytes


def tile_width(level: int, index: int, size: int) -> int:
    """Return how many hashes, 0 to 256, the tile (level, index) has in the tree of `size` leaves."""
    return min(max((size >> HEIGHT * level) - WIDTH * index, 0), WIDTH)


def partial_tiles(size: int) -> list[TileAddress]:
    """Return the addresses of the partial tiles of a tree of `size` leaves, from level 0 upwards."""
    widths = [(size >> HEIGHT * level) % WIDTH for level in range(_levels(size))]
    return [TileAddress(level, size >> HEIGHT * (level + 1), width) for level, width in enumerate(widths) if width]


def tile_path(level: int, index: int, width: int = WIDTH) -> str:
    """Return the path of a tile, or of an entry bundle if the level is `ENTRIES`, below the URL prefix of the log.

    For example `tile/0/x001/x234/067.p/8` for level 0, index 1234067 and width 8; a full tile has no `.p/` suffix.

    Raises:
        UsageError: there is no such tile.
    """
    if not (ENTRIES <= level <= MAX_LEVEL and 0 <= index <= MAX_SIZE and 1 <= width <= WIDTH):
        raise UsageError(f"there is no tile at level {level}, index {index}, of width {width}")
    groups = f"{index % 1000:03}"
    while index := index // 1000:
        groups = f"x{index % 1000:03}/{groups}"
    suffix = "" if width == WIDTH else f".p/{width}"
    return f"tile/{'entries' if level == ENTRIES else level}/{groups}{suffix}"


_PATH = re.compile(r"tile/(entries|[0-9]{1,2})/((?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/([0-9]{1,3}))?")


def parse_tile_path(path: str) -> TileAddress:
    """Read what `tile_path` wrote; of several spellings that could mean the same tile, only that one is accepted.

    Raises:
        FormatError: it is not the path of a tile or an entry bundle.
    """
    if match := _PATH.fullmatch(path):
        level = ENTRIES if match[1] == "entries" else int(match[1])
        index = int(match[2].replace("x", "").replace("/", ""))
        width = int(match[3]) if match[3] else WIDTH
        if level <= MAX_LEVEL and index <= MAX_SIZE and 1 <= width <= WIDTH and tile_path(level, index, width) == path:
            return TileAddress(level, index, width)
    raise FormatError(f"{path[:100]!r} is not the path of a tile, such as 'tile/0/x001/234' or 'tile/1/000.p/17'")


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Return an entry bundle: each entry behind its length in two big-endian bytes.

    Raises:
        UsageError: not 1 to 256 entries, or one of more than 65,535 bytes.
    """
    if not 1 <= len(entries) <= WIDTH:
        raise UsageError(f"an entry bundle has 1 to {WIDTH} entries, not {len(entries)}")
    for position, entry in enumerate(entries):
        if len(entry) > MAX_ENTRY_BYTES:
            raise UsageError(f"entry {position} of the bundle has {len(entry)} bytes; {MAX_ENTRY_BYTES} are allowed")
    return b"".join([len(entry).to_bytes(2, "big") + entry for entry in entries])


def decode_bundle(data: bytes, width: int) -> list[bytes]:
    """Return the entries of a bundle of which the address says that it holds `width` of them.

    Raises:
        FormatError: it does not hold exactly so many entries, the last one ending where the bundle ends.
        UsageError: no bundle holds `width` entries.
    """
    if not 1 <= width <= WIDTH:
        raise UsageError(f"an entry bundle has 1 to {WIDTH} entries, not {width}")
    if len(data) > MAX_BUNDLE_BYTES:
        raise FormatError(f"an entry bundle has at most {MAX_BUNDLE_BYTES} bytes, this one has {len(data)}")
    entries = []
    position = 0
    for number in range(width):
        start = position + 2
        position = start + int.from_bytes(data[position:start], "big")
        if position > len(data):
            raise FormatError(f"the entry bundle ends within entry {number} of {width}")
        entries.append(data[start:position])
    if position != len(data):
        raise FormatError(f"{len(data) - position} bytes follow the last of the bundle's {width} entries")
    return entries


class TreeBuilder:
    """A tree that grows leaf by leaf, holding in memory only its partial tiles: at most 8 KB a level.

    Attributes:
        size: the number of leaves.
    """

    __slots__ = ("_edges", "size")

    def __init__(self) -> None:
        """Start with the empty tree."""
        self.size = 0
        self._edges = [_Edge()]

    @classmethod
    def restore(cls, size: int, leaves: Sequence[bytes], read_tile: ReadTile) -> TreeBuilder:
        """Return the builder as it stood at `size` leaves.

        Args:
            size: the number of leaves.
            leaves: the last `size % 256` leaf hashes: the partial tile of level 0.
            read_tile: where the tiles of the upper levels come from. A partial one that is not kept is rebuilt from
                the full tiles below it, of which at most 255 are read for each level.

        Raises:
            UsageError: another number of leaves.
            CannotVerify: a full tile that is needed is not kept.
            FormatError: a tile has a wrong length.
        """
        if len(leaves) != size % WIDTH:
            raise UsageError(f"a tree of {size} leaves has {size % WIDTH} beyond its last full tile, not {len(leaves)}")
        reader = TileReader(size, read_tile)
        builder = cls()
        builder.size = size
        builder._edges = [_Edge() for _ in range(max(_levels(size), 1))]
        for level, edge in enumerate(builder._edges):
            hashes = leaves
            if level > 0:
                tile = reader.tile(level, size >> HEIGHT * (level + 1))
                hashes = [tile[i : i + HASH_BYTES] for i in range(0, len(tile), HASH_BYTES)]
            for hash_ in hashes:
                edge.push(hash_)
        return builder

    def push(self, leaf: bytes) -> Sequence[Tile]:
        """Append one leaf, given its 32-byte hash.

        Returns:
            The tiles that are full now, from level 0 upwards, to be kept. Mostly none.
        """
        self._edges[0].push(leaf)
        self.size = size = self.size + 1
        return () if size % WIDTH else self._take_full_tiles()

    def root(self) -> bytes:
        """Return the 32-byte root of the tree as it stands."""
        return self.frontier().root()

    def frontier(self) -> Frontier:
        """Return the frontier of the tree as it stands; it does not grow with the builder."""
        frontier = Frontier()
        frontier.size = self.size
        frontier.roots = [root for edge in reversed(self._edges) for root in edge.frontier.roots]
        return frontier

    def partial_tiles(self) -> list[Tile]:
        """Return the partial tiles of the tree as it stands, from level 0 upwards."""
        return [
            Tile(level, self.size >> HEIGHT * (level + 1), bytes(edge.hashes))
            for level, edge in enumerate(self._edges)
            if edge.hashes
        ]

    def copy(self) -> TreeBuilder:
        """Return an independent builder of the same tree."""
        twin = TreeBuilder()
        twin.size = self.size
        twin._edges = [edge.copy() for edge in self._edges]
        return twin

    def _take_full_tiles(self) -> list[Tile]:
        """Take the full tiles off the edge; the root of each becomes the next hash of the level above."""
        tiles: list[Tile] = []
        edges = self._edges
        while len(full := edges[len(tiles)].hashes) == TILE_BYTES:
            level = len(tiles)
            tiles.append(Tile(level, (self.size >> HEIGHT * (level + 1)) - 1, bytes(full)))
            root = edges[level].frontier.root()
            edges[level] = _Edge()
            if len(edges) == level + 1:
                edges.append(_Edge())
            edges[level + 1].push(root)
        return tiles


class _Edge:
    """The partial tile of one level, with the frontier of the small tree that stands on its hashes.

    The frontiers of all levels, the uppermost first, are together the frontier of the whole tree.
    """

    __slots__ = ("frontier", "hashes")

    def __init__(self) -> None:
        self.hashes = bytearray()
        self.frontier = Frontier()

    def push(self, hash_: bytes) -> None:
        self.hashes += hash_
        self.frontier.push(hash_)

    def copy(self) -> _Edge:
        twin = _Edge()
        twin.hashes = self.hashes.copy()
        twin.frontier = self.frontier.copy()
        return twin


class TileReader:
    """Computes the roots of complete subtrees (a `tree.HashReader`) of one tree from its tiles.

    It is as honest as the tiles are: what is computed from tiles of unknown origin must be checked against a root.
    Meant for one proof or a few, in one thread; making one costs nothing.
    """

    __slots__ = ("_held", "_read_tile", "_size")

    def __init__(self, size: int, read_tile: ReadTile) -> None:
        """Read the tree of `size` leaves; the tiles may come from a larger tree that grew out of it."""
        self._size = size
        self._read_tile = read_tile
        # The tile of each level that was read last. Neighbours are asked for together.
        self._held: dict[int, tuple[int, bytes]] = {}

    def read(self, level: int, index: int, /) -> bytes:
        """Return the 32-byte root of the `index`-th complete subtree of 2^level leaves.

        Raises:
            UsageError: the tree has no such subtree.
            CannotVerify: a tile that is needed is not kept.
            FormatError: a tile has a wrong length.
        """
        if level < 0 or index < 0 or (index + 1) << level > self._size:
            raise UsageError(f"a tree of {self._size} leaves has no complete subtree {index} at height {level}")
        tile_level, height = divmod(level, HEIGHT)
        tile_index, first = divmod(index << height, WIDTH)
        tile = self.tile(tile_level, tile_index)
        if tile_level == 0 and len(tile) == TILE_BYTES:
            # A full tile of leaf hashes is seldom asked for twice, and would crowd out those that every proof needs.
            return rows_of(tile[first * HASH_BYTES : (first + (1 << height)) * HASH_BYTES])[-1]
        position = (first >> height) * HASH_BYTES
        return remembered_rows(tile)[height][position : position + HASH_BYTES]

    def tile(self, level: int, index: int) -> bytes:
        """Return the hashes, 32 bytes each, that a tile has in this tree: 256 of them, or fewer in the last tile.

        Raises:
            CannotVerify: it is not kept, and cannot be rebuilt.
            FormatError: it has a wrong length.
        """
        held = self._held.get(level)
        if held is None or held[0] != index:
            held = self._held[level] = (index, self._load(level, index))
        return held[1]

    def _load(self, level: int, index: int) -> bytes:
        width = tile_width(level, index, self._size)
        if width == 0:
            return b""
        tile = self._read_tile(level, index, width)
        if tile is None:
            if level == 0 or width == WIDTH:
                raise CannotVerify(
                    f"{tile_path(level, index, width)} is not there, and the tree of {self._size} leaves needs it; "
                    "rebuild the tiles from the records, or fetch them again"
                )
            below = range(index * WIDTH, index * WIDTH + width)
            return b"".join([rows_of(self._load(level - 1, number))[-1] for number in below])
        if not width * HASH_BYTES <= len(tile) <= TILE_BYTES or len(tile) % HASH_BYTES:
            raise FormatError(
                f"{tile_path(level, index, width)} has {len(tile)} bytes; "
                f"expected {width * HASH_BYTES}, or more hashes of {HASH_BYTES} bytes up to {TILE_BYTES}"
            )
        return tile[: width * HASH_BYTES]


_NODE: Final = sha256(b"\x01")
_PAIR: Final = Struct("64s")


def rows_of(hashes: bytes) -> tuple[bytes, ...]:
    """Return the rows of the small tree that stands on adjacent hashes of 32 bytes, the hashes themselves first.

    Row h holds the roots of the complete subtrees of 2^h hashes; what does not make one is left out.
    """
    rows = [hashes]
    begin = _NODE.copy
    while len(hashes) >= _PAIR.size:
        row: list[bytes] = []
        add = row.append
        for (pair,) in _PAIR.iter_unpack(hashes[: len(hashes) // _PAIR.size * _PAIR.size]):
            # As `tree.node_hash`; copying a state that has the first byte in it already is a fifth faster.
            node = begin()
            node.update(pair)
            add(node.digest())
        hashes = b"".join(row)
        rows.append(hashes)
    return tuple(rows)


# Keyed by the hashes themselves, so that what is remembered can never be about other bytes than those just read. At
# 16 KB each these are the upper tiles of 60 million leaves in 16 MB.
remembered_rows = lru_cache(maxsize=1024)(rows_of)


def _levels(size: int) -> int:
    """Return how many levels of tiles a tree of `size` leaves has."""
    return -(-size.bit_length() // HEIGHT)
