"""Logs for the other implementations to read: leaves by number, kept as C2SP tlog-tiles has them."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from random import Random

from creditledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from creditledger.tlog.note import NoteSigner, Signer
from creditledger.tlog.tiles import (
    ENTRIES,
    WIDTH,
    TileReader,
    TreeBuilder,
    encode_bundle,
    tile_path,
    tile_width,
)
from creditledger.tlog.tree import leaf_hash

ORIGIN = "interop.example/registry"
SEED = sha256(b"the log key of the interop tests").digest()
SIGNER = NoteSigner(ORIGIN, SEED)


def leaf(number: int) -> bytes:
    """The leaf that the programs in go/ have at this place too."""
    return b"leaf %d" % number


def some_indices(size: int) -> list[int]:
    """The edges of a tree and a few places within it, the same in every run."""
    drawn = Random(size)
    return sorted({0, size // 2, size - 1, *(drawn.randrange(size) for _ in range(3))})


class Grown:
    """A log of `leaf(0)`, `leaf(1)`, ... in memory, read at any size up to its own."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._builder = TreeBuilder()
        self._tiles: dict[tuple[int, int], bytes] = {}
        self.roots = [self._builder.root()]
        for number in range(size):
            for tile in self._builder.push(leaf_hash(leaf(number))):
                self._tiles[tile.level, tile.index] = tile.hashes
            self.roots.append(self._builder.root())
        for tile in self._builder.partial_tiles():
            self._tiles[tile.level, tile.index] = tile.hashes

    def reader(self, size: int) -> TileReader:
        """The tree as it was at a size."""
        return TileReader(size, lambda level, index, width: self._tiles.get((level, index)))

    def checkpoint(self, size: int, *signers: Signer) -> bytes:
        """The signed checkpoint at a size."""
        return sign_checkpoint(Checkpoint(ORIGIN, size, self.roots[size]), *(signers or (SIGNER,)))

    def tiles(self, size: int) -> Iterator[tuple[str, bytes]]:
        """Path and bytes of every tile and bundle of the tree at a size, partial ones only at its right edge."""
        reader = self.reader(size)
        level = 0
        while size >> 8 * level:
            index = 0
            while width := tile_width(level, index, size):
                yield tile_path(level, index, width), reader.tile(level, index)
                index += 1
            level += 1
        for first in range(0, size, WIDTH):
            last = min(first + WIDTH, size)
            bundle = encode_bundle([leaf(number) for number in range(first, last)])
            yield tile_path(ENTRIES, first // WIDTH, last - first), bundle

    def write(self, directory: Path, size: int) -> Path:
        """Write the log as files, as a web server would serve them."""
        for path, data in self.tiles(size):
            file = directory / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        (directory / "checkpoint").write_bytes(self.checkpoint(size))
        return directory
