"""The log on a store: records, tiles and checkpoints, appended in one batch and re-hashed when read.

Nothing is given out that was not hashed again: a record read here is held against its leaf hash in a tile, a full tile
against its hash in the tile above, and so up to the partial tiles, from which the signed root follows. Those are kept
in memory, since they were checked against it: what the store says of itself would prove nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import islice

from creditledger.errors import StoreError, VerificationFailed
from creditledger.ledger.checked_tree import CheckedTree
from creditledger.record.entry import ZERO_HASH
from creditledger.record.record import Record, decode_record
from creditledger.store.port import Batch, Engine, Snapshot
from creditledger.tlog.checkpoint import Checkpoint
from creditledger.tlog.tiles import HEIGHT, WIDTH, Tile, TileReader, TreeBuilder
from creditledger.tlog.tree import HASH_BYTES, Frontier, leaf_hash

LOG_FORMAT = b"creditledger/log/v1"
_SCAN = 1024


def seq_key(seq: int) -> bytes:
    """The ordered key of a record number or tree size: 8 bytes, big-endian."""
    return seq.to_bytes(8, "big")


def tile_key(level: int, index: int) -> bytes:
    """The ordered key of a tile: level (1 byte), index (8 bytes, big-endian)."""
    return bytes((level,)) + index.to_bytes(8, "big")


class Log:
    """Reads and extends the log of one ledger."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.tree = CheckedTree(self._stored_tile)
        """The tree whose signed root was checked last: as far as reading goes."""

    @property
    def checked_size(self) -> int:
        """How many records the signed root that was checked last covers."""
        return self.tree.size

    @property
    def engine(self) -> Engine:
        """The engine underneath."""
        return self._engine

    def size(self) -> int:
        """The number of records."""
        with self._engine.snapshot() as snapshot:
            return _size(snapshot)

    def checkpoint(self, size: int | None = None) -> tuple[int, bytes] | None:
        """The size and the signed note of the newest checkpoint, or of the first one at or beyond `size`."""
        with self._engine.snapshot() as snapshot:
            if size is None:
                found = snapshot.last("checkpoint")
            else:
                found = next(snapshot.range("checkpoint", seq_key(size)), None)
        return None if found is None else (int.from_bytes(found[0], "big"), found[1])

    def newest_checkpoint(self, good: Callable[[bytes], bool], at_least: int = 0) -> tuple[int, bytes] | None:
        """The newest checkpoint of a size from `at_least` on that is good, and its size; none older is looked at."""
        stop: bytes | None = None
        several = 4  # Mostly one of the newest is good.
        while True:
            with self._engine.snapshot() as snapshot:
                rows = list(islice(snapshot.range("checkpoint", seq_key(at_least), stop, reverse=True), several))
            for key, note in rows:
                if good(note):
                    return int.from_bytes(key, "big"), note
            if not rows:
                return None
            stop, several = rows[-1][0], min(2 * several, _SCAN // 4)

    def checkpoints(self) -> Iterator[tuple[int, bytes]]:
        """Every checkpoint, by size."""
        start = b""
        while True:
            with self._engine.snapshot() as snapshot:
                rows = [row for row, _ in zip(snapshot.range("checkpoint", start), range(_SCAN), strict=False)]
            if not rows:
                return
            for key, note in rows:
                yield int.from_bytes(key, "big"), note
            start = rows[-1][0] + b"\0"

    def raw_records(self, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        """The stored bytes of records `start` ≤ seq < `stop`, not checked; short transactions, so that none lingers."""
        while start < stop:
            with self._engine.snapshot() as snapshot:
                upto = min(stop, start + _SCAN)
                rows = list(snapshot.range("record", seq_key(start), seq_key(upto)))
            for key, data in rows:
                if int.from_bytes(key, "big") != start:
                    break
                yield start, data
                start += 1
            if not rows or start < upto:
                raise VerificationFailed("LED-STRUCT", "the record is missing from the store", seq=start)

    def records(self, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        """Records `start` ≤ seq < `stop`, each re-hashed and held against the tree; raises `VerificationFailed`.

        Raises `StoreError` beyond the records that the signed root covers.
        """
        if start < stop and stop > self.checked_size:
            raise StoreError(
                f"records {start} to {stop - 1} were asked for; those up to {self.checked_size - 1} were checked"
            )
        index, tile = -1, b""
        for seq, data in self.raw_records(start, stop):
            if seq // WIDTH != index:
                index = seq // WIDTH
                tile = self._leaf_tile(index) or b""
            position = seq % WIDTH * HASH_BYTES
            expected = tile[position : position + HASH_BYTES]
            found = leaf_hash(data)
            if found != expected:
                raise VerificationFailed(
                    "LED-TREE", "the record is not the one the tree was built from",
                    expected=expected.hex() or "a leaf hash in the tiles", found=found.hex(), seq=seq,
                )  # fmt: skip
            yield seq, data

    def record(self, seq: int) -> Record:
        """One record, re-hashed; raises `VerificationFailed`, or `StoreError` when there is none."""
        if not 0 <= seq < self.checked_size:
            raise StoreError(f"there is no record {seq}; the ledger has {self.checked_size} records, numbered from 0")
        return decode_record(next(self.records(seq, seq + 1))[1])

    def root_at(self, size: int) -> bytes | None:
        """The root of the tree's first `size` leaves, or None when the tree is smaller. Raises `VerificationFailed`."""
        return self.tree.root(size) if size <= self.tree.size else None

    def tiles(self, size: int) -> TileReader:
        """The tree of the first `size` leaves, for a proof or a few, which are to be checked against a root.

        Full tiles above the leaves are checked, those of the leaves as they are stored: a proof that rests on one that
        was edited does not hold. For proofs of the tree that was checked, `prover` is faster.
        """

        def read(level: int, index: int, width: int) -> bytes | None:
            if level and (index + 1) << HEIGHT * (level + 1) <= self.tree.size:
                return self.tree.rows(level, index)[0]
            edge = self.tree.edge(level, index)
            return edge if len(edge) >= width * HASH_BYTES else self._stored_tile(level, index, width)

        return TileReader(size, read)

    def set_edge(self, builder: TreeBuilder) -> None:
        """Takes over the partial tiles of a tree whose root is signed."""
        self.tree.take(builder)

    def check_edge(self) -> TreeBuilder:
        """Rebuilds the last tiles from the records, holds the root against the last checkpoint, and takes them over.

        Returns the tree. Raises `VerificationFailed` (LED-TREE) when it is not the one that was signed. Records that no
        checkpoint covers yet are taken as they are.
        """
        builder, _ = self.builder()
        last = self.checkpoint(builder.size)
        if last is not None and last[0] == builder.size:
            signed = parse_checkpoint(last[1])
            if signed.root != builder.root():
                raise VerificationFailed(
                    "LED-TREE", "the log is not the one its checkpoint was signed for",
                    expected=signed.root.hex(), found=builder.root().hex(),
                )  # fmt: skip
        self.set_edge(builder)
        return builder

    def _leaf_tile(self, index: int) -> bytes | None:
        """A tile of leaf hashes of the tree that was checked: the partial one as it is kept, a full one checked.

        None if it is not stored. Raises `VerificationFailed`.
        """
        if edge := self.tree.edge(0, index):
            return edge
        tile = self._stored_tile(0, index, WIDTH)
        if tile is None:
            return None
        position = index % WIDTH * HASH_BYTES
        expected = self.tree.rows(1, index // WIDTH)[0][position : position + HASH_BYTES]
        found = _tile_root(tile)
        if found != expected:
            raise VerificationFailed(
                "LED-TREE", f"tile {index} of level 0 is not the one that the signed root covers",
                expected=expected.hex(), found=found.hex(),
            )  # fmt: skip
        return tile

    def builder(self) -> tuple[TreeBuilder, bytes]:
        """The tree as the store has it, ready to grow, and the last leaf hash; the root is yet to be checked."""
        size = self.size()
        leaves = [leaf_hash(data) for _, data in self.raw_records(size - size % WIDTH, size)]
        builder = TreeBuilder.restore(size, leaves, self._stored_tile)
        if leaves or not size:
            return builder, leaves[-1] if leaves else ZERO_HASH
        return builder, leaf_hash(next(self.raw_records(size - 1, size))[1])

    def _stored_tile(self, level: int, index: int, width: int) -> bytes | None:
        with self._engine.snapshot() as snapshot:
            stored = snapshot.get("tile", tile_key(level, index))
        return stored if stored is not None and len(stored) >= width * 32 else None


@lru_cache(maxsize=256)
def _tile_root(hashes: bytes) -> bytes:
    """The root of the small tree on the hashes of a full tile. Keyed by the hashes as they were just read."""
    tree = Frontier()
    for start in range(0, len(hashes), HASH_BYTES):
        tree.push(hashes[start : start + HASH_BYTES])
    return tree.root()


def _size(snapshot: Snapshot) -> int:
    last = snapshot.last("record")
    return 0 if last is None else int.from_bytes(last[0], "big") + 1


def write_tiles(batch: Batch, builder: TreeBuilder, full: list[Tile]) -> None:
    """Stores the tiles that became full, and the partial ones above them: what opening needs to go on at once."""
    for tile in full:
        batch.put("tile", tile_key(tile.level, tile.index), tile.hashes)
    if full:
        for tile in builder.partial_tiles():
            if tile.level:
                batch.put("tile", tile_key(tile.level, tile.index), tile.hashes)


def parse_checkpoint(note: bytes) -> Checkpoint:
    """What a stored checkpoint says, its signatures not looked at; raises `FormatError`."""
    text, separator, _ = note.rpartition(b"\n\n")
    return Checkpoint.from_bytes(text + b"\n" if separator else note)
