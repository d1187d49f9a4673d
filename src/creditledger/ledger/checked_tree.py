"""The tree behind a signed root, and proofs from it: inclusion and consistency, fast enough to be made when asked for.

Nothing is taken from the store unchecked. The partial tiles follow from the records that were hashed when the root was
checked; a full tile is hashed when it is read, and its root held against the tile above, and so up to those. Full tiles
above the leaves are then kept, by their place, in at most 16 MB, with the hashes that stand on them: a full tile never
changes, and every proof needs the same few. A tile of leaf hashes is read and hashed anew each time.

A proof is given out only if it leads to the root. All of it may be used by any number of threads.
"""

from __future__ import annotations

import threading
from hashlib import sha256
from typing import Final, NamedTuple

from creditledger.errors import CannotVerify, UsageError, VerificationFailed
from creditledger.tlog.tiles import (
    HEIGHT,
    TILE_BYTES,
    WIDTH,
    ReadTile,
    TreeBuilder,
    remembered_rows,
    rows_of,
    tile_width,
)
from creditledger.tlog.tree import EMPTY_ROOT, HASH_BYTES, node_hash

KEPT_TILES: Final = 1000
"""Full tiles above the leaves that are kept, at 16 KB each."""

_KEPT_SIZES: Final = 32
_IN_TILE: Final = WIDTH - 1

Rows = tuple[bytes, ...]
"""The small tree on the hashes of a tile: row h holds the roots of its complete subtrees of 2^h hashes, in order."""


class _Known(NamedTuple):
    """The tree that was checked last: its size, and the hashes of the partial tile of each level that has one.

    `history` counts how often a tree was taken back: what is remembered holds for one of them.
    """

    size: int
    edges: dict[int, bytes]
    history: int = 0


class CheckedTree:
    """The tree whose root was checked last, over the tiles of a store (a `tree.HashReader`)."""

    def __init__(self, read_tile: ReadTile) -> None:
        """Start with the empty tree; `read_tile` reads a stored tile, of which nothing is believed."""
        self._read_tile = read_tile
        self._known = _Known(0, {})
        self._kept: dict[tuple[int, int], Rows] = {}
        self._last: tuple[int, int, Rows] = (-1, -1, ())
        self._right: dict[int, list[bytes]] = {}
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """How many leaves the tree has."""
        return self._known.size

    def take(self, builder: TreeBuilder) -> None:
        """Go on with a tree that was checked; it has grown out of the one before, or else that is forgotten."""
        edges = {tile.level: tile.hashes for tile in builder.partial_tiles()}
        with self._lock:
            history = self._known.history
            if builder.size < self._known.size:
                self._kept, self._right, history = {}, {}, history + 1
            self._known = _Known(builder.size, edges, history)

    def edge(self, level: int, index: int) -> bytes:
        """The hashes of a tile if it is a partial one of the tree, else none."""
        known = self._known
        return known.edges.get(level, b"") if 0 < tile_width(level, index, known.size) < WIDTH else b""

    def rows(self, level: int, index: int) -> Rows:
        """The small tree on a tile, checked; a partial tile has as many hashes as the tree has now.

        Raises:
            UsageError: the tree has no such tile.
            VerificationFailed: finding `LED-TREE`; it is not the one that the signed root covers.
            CannotVerify: it is not there.
        """
        return self._rows(self._known, level, index)

    def _rows(self, known: _Known, level: int, index: int) -> Rows:
        kept = self._kept.get((level, index))
        if kept is not None:
            return kept
        width = tile_width(level, index, known.size)
        if width == 0:
            raise UsageError(f"the tree of {known.size} leaves has no tile {index} of level {level}")
        if width < WIDTH:
            return remembered_rows(known.edges[level])
        last = self._last
        if level == 0 and last[:2] == (index, known.history):
            return last[2]
        tile = self._read_tile(level, index, WIDTH)
        if tile is None:
            raise CannotVerify(f"tile {index} of level {level} is not there; rebuild the tiles from the records")
        rows = rows_of(tile[:TILE_BYTES])
        at = (index & _IN_TILE) * HASH_BYTES
        expected = self._rows(known, level + 1, index >> HEIGHT)[0][at : at + HASH_BYTES]
        if rows[-1] != expected:
            raise VerificationFailed(
                "LED-TREE", f"tile {index} of level {level} is not the one that the signed root covers",
                expected=expected.hex(), found=rows[-1].hex(),
            )  # fmt: skip
        if level == 0:
            self._last = (index, known.history, rows)
        else:
            self._keep(known, level, index, rows)
        return rows

    def _keep(self, known: _Known, level: int, index: int, rows: Rows) -> None:
        with self._lock:
            if known.history == self._known.history:
                if len(self._kept) >= KEPT_TILES:
                    del self._kept[next(iter(self._kept))]
                self._kept[level, index] = rows

    def read(self, level: int, index: int, /) -> bytes:
        """The 32-byte root of the `index`-th complete subtree of 2^level leaves (`tree.HashReader`)."""
        known = self._known
        if (index + 1) << level > known.size:
            raise UsageError(f"the tree of {known.size} leaves has no complete subtree {index} at height {level}")
        return self._node(known, level, index)

    def _node(self, known: _Known, level: int, index: int) -> bytes:
        tile_level, height = divmod(level, HEIGHT)
        rows = self._rows(known, tile_level, index >> HEIGHT - height)
        at = (index & _IN_TILE >> height) * HASH_BYTES
        return rows[height][at : at + HASH_BYTES]

    def root(self, size: int) -> bytes:
        """The 32-byte root of the tree's first `size` leaves; raises UsageError if it has fewer."""
        return self._right_edge(self._tree_of(size), size)[-1] if size else EMPTY_ROOT

    def _tree_of(self, size: int) -> _Known:
        known = self._known
        if not 0 <= size <= known.size:
            raise UsageError(f"there is no tree of {size} records; the checked one has {known.size}")
        return known

    def _right_edge(self, known: _Known, size: int) -> list[bytes]:
        """Of the tree of `size` leaves, the node above its last leaf at each height, up to the root.

        A node without a right child is its left child.
        """
        edge = self._right.get(size)
        if edge is not None:
            return edge
        edge = []
        last = size - 1
        for level in range(last.bit_length() + 1):
            if size & (1 << level) - 1 == 0:
                edge.append(self._node(known, level, last))
            elif (size - 1) >> level - 1 == last << 1:
                edge.append(edge[-1])
            else:
                edge.append(node_hash(self._node(known, level - 1, last << 1), edge[-1]))
            last >>= 1
        with self._lock:
            if known.history == self._known.history:
                if len(self._right) >= _KEPT_SIZES:
                    del self._right[next(iter(self._right))]
                self._right[size] = edge
        return edge

    def inclusion(self, seq: int, size: int) -> tuple[bytes, ...]:
        """Prove that a record is in the tree of a size.

        Args:
            seq: the number of the record.
            size: how many records the tree has; at most those that the last checked root covers.

        Returns:
            The hashes of RFC 9162 section 2.1.3, 32 bytes each, from the sibling of the leaf upwards.

        Raises:
            UsageError: there is no such record, or no such tree yet.
            VerificationFailed: finding `LED-TREE`; the stored tiles are not those that the signed root covers.
            CannotVerify: a tile that is needed is not there.
        """
        known = self._tree_of(size)
        if not 0 <= seq < size:
            raise UsageError(f"there is no record {seq} in a tree of {size} records")
        right = self._right_edge(known, size)
        proof = []
        index, last = seq, size - 1
        rows = self._rows(known, 0, seq >> HEIGHT)
        root = rows[0][(seq & _IN_TILE) * HASH_BYTES :][:HASH_BYTES]
        for level in range(last.bit_length()):
            height = level & HEIGHT - 1
            if level and height == 0:
                rows = self._rows(known, level // HEIGHT, index >> HEIGHT)
            sibling = index ^ 1
            if sibling < last:
                at = (sibling & _IN_TILE >> height) * HASH_BYTES
                hash_ = rows[height][at : at + HASH_BYTES]
            elif sibling == last:
                hash_ = right[level]
            else:
                index, last = index >> 1, last >> 1
                continue
            proof.append(hash_)
            # As `tree.node_hash`, written out because it runs for every hash of every proof.
            root = sha256(b"\x01" + (hash_ + root if index & 1 else root + hash_)).digest()
            index, last = index >> 1, last >> 1
        _require(root, right[-1], f"record {seq} is in the tree of size {size}")
        return tuple(proof)

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """Prove that the tree of `new` records begins with that of `old` records.

        Args:
            old: the size of the smaller tree; from 0 nothing is to be shown.
            new: the size of the larger tree; at most that of the last checked root.

        Returns:
            The hashes of RFC 9162 section 2.1.4, 32 bytes each.

        Raises:
            UsageError: there are no such trees yet, or `old` is the larger.
            VerificationFailed, CannotVerify: as `inclusion`.
        """
        known = self._tree_of(new)
        if not 0 <= old <= new:
            raise UsageError(f"a tree of {new} records does not begin with one of {old}")
        if old in (0, new):
            return ()
        right = self._right_edge(known, new)
        index, last, level = old - 1, new - 1, 0
        while index & 1:
            index, last, level = index >> 1, last >> 1, level + 1
        # Where the smaller tree is not itself a node of the larger one, the proof begins with what both have in common.
        root = self._node(known, level, index)
        proof = [root] if index else []
        while last:
            if index & 1:
                hash_ = self._node(known, level, index - 1)
                root = node_hash(hash_, root)
                proof.append(hash_)
            elif index < last:
                hash_ = right[level] if index + 1 == last else self._node(known, level, index + 1)
                root = node_hash(root, hash_)
                proof.append(hash_)
            index, last, level = index >> 1, last >> 1, level + 1
        # What leads to the larger root leads to that of the smaller tree: its leaves are the first of the larger one's.
        _require(root, right[-1], f"the tree of size {new} begins with that of size {old}")
        return tuple(proof)


def _require(found: bytes, expected: bytes, claim: str) -> None:
    if found != expected:
        raise VerificationFailed(
            "LED-TREE", f"the tiles do not show that {claim}", expected=expected.hex(), found=found.hex()
        )
