"""Two histories of one log: leaves, checkpoints and tiles, and a place that serves them as files."""

from __future__ import annotations

import hashlib
from pathlib import Path

from audit.logs import ORIGIN, log_signer
from creditledger.audit.trust import Trust
from creditledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from creditledger.tlog.note import NoteSigner
from creditledger.tlog.tiles import HEIGHT, WIDTH, TileReader, TreeBuilder, partial_tiles, tile_path
from creditledger.tlog.tree import Frontier, leaf_hash

LEDGER = hashlib.sha256(b"some ledger").digest()
TRUST = Trust(ORIGIN, LEDGER, (log_signer().verifier.vkey,))


class History:
    """A history: the leaves that `names` stand for, so that two of them agree as far as their names do."""

    def __init__(self, names: str) -> None:
        self.leaves = [leaf_hash(f"{number} {name}".encode()) for number, name in enumerate(names)]
        self.tiles: dict[tuple[int, int], bytes] = {}
        builder = TreeBuilder()
        for leaf in self.leaves:
            for tile in builder.push(leaf):
                self.tiles[tile.level, tile.index] = tile.hashes
        for tile in builder.partial_tiles():
            self.tiles[tile.level, tile.index] = tile.hashes

    @property
    def size(self) -> int:
        return len(self.leaves)

    def root(self, size: int | None = None) -> bytes:
        """By the definition's own means, without a tile."""
        frontier = Frontier()
        for leaf in self.leaves[: self.size if size is None else size]:
            frontier.push(leaf)
        return frontier.root()

    def tree(self, size: int | None = None) -> TileReader:
        return TileReader(self.size if size is None else size, lambda level, index, _: self.tiles.get((level, index)))

    def note(self, size: int | None = None, signer: NoteSigner | None = None) -> bytes:
        size = self.size if size is None else size
        return sign_checkpoint(Checkpoint(ORIGIN, size, self.root(size)), signer or log_signer())

    def publish(self, place: Path, size: int | None = None) -> None:
        """Writes the tiles of a size and its checkpoint, as a log that grows would: what is there stays."""
        size = self.size if size is None else size
        addresses = [(level, index, WIDTH) for level in range(3) for index in range(size >> HEIGHT * (level + 1))] + [
            (one.level, one.index, one.width) for one in partial_tiles(size)
        ]
        for level, index, width in addresses:
            path = place / tile_path(level, index, width)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.tiles[level, index][: 32 * width])
        place.mkdir(parents=True, exist_ok=True)
        new = place / "checkpoint.new"
        new.write_bytes(self.note(size))
        new.replace(place / "checkpoint")
