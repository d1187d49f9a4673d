"""The files of a published log, written as the log grows: entry bundles, tiles, and last of all the checkpoint.

A file never changes under its name: one that is there already must hold the same bytes. So whoever was interrupted goes
on where the files end, and what has been published once cannot be replaced unseen.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from creditledger.errors import FormatError, UsageError, VerificationFailed
from creditledger.tlog.tiles import ENTRIES, HEIGHT, WIDTH, TreeBuilder, encode_bundle, tile_path
from creditledger.tlog.tree import HASH_BYTES
from creditledger.web.place import Folder

CHECKPOINT: Final = "checkpoint"
WRITERS: Final = 4
"""Files that are written at a time."""


@contextmanager
def writing(directory: Path) -> Iterator[Folder]:
    """A directory to publish in, which is made if need be, held against other writers.

    Raises:
        UsageError: it is a ledger's directory, which is nothing to be published.
        Locked: another process is writing there.
        StoreError: it cannot be written.
    """
    require_no_ledger(directory)
    folder = Folder(directory)
    with folder.held():
        yield folder


def require_no_ledger(directory: Path) -> None:
    """Raise UsageError for a ledger's directory, for one within it, and for a file."""
    if directory.exists() and not directory.is_dir():
        raise UsageError(f"{directory} is not a directory; give one to publish in")
    for one in (directory, *directory.resolve().parents):
        if (one / "ledger.toml").exists():
            raise UsageError(f"{one} is a ledger's directory, where private content lies; publish elsewhere")


class LayoutWriter:
    """Writes the tiles and bundles of a tree from a multiple of 256 leaves on; a context manager.

    Several files are written at a time, since each waits for the disk. All are there once `finish` has returned.

    Attributes:
        builder: the tree so far.
        files, bytes: how many new files were written, and their bytes.
    """

    def __init__(self, folder: Folder, builder: TreeBuilder, *, dry_run: bool = False) -> None:
        """Go on from a tree whose files are there up to its size; with `dry_run`, nothing is written."""
        if builder.size % WIDTH:
            raise UsageError(f"a layout is continued at a full bundle, not at {builder.size} entries")
        self.builder = builder
        self.files = 0
        self.bytes = 0
        self._folder = folder
        self._entries: list[bytes] = []
        self._under_way: deque[Future[None]] = deque()
        self._pool = None if dry_run else ThreadPoolExecutor(WRITERS, thread_name_prefix="creditledger-write")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def add(self, entry: bytes, leaf: bytes) -> None:
        """Append an entry with its leaf hash; what is full is written.

        Raises VerificationFailed (LED-TREE) for a file that is there with other bytes, and StoreError.
        """
        self._entries.append(entry)
        tiles = self.builder.push(leaf)
        if len(self._entries) == WIDTH:
            self.put(tile_path(ENTRIES, self.builder.size // WIDTH - 1), encode_bundle(self._entries))
            self._entries = []
        for tile in tiles:
            self.put(tile_path(tile.level, tile.index), tile.hashes)

    def finish(self) -> None:
        """Write the partial tiles and the partial bundle of the tree as it stands; raises as `add` does."""
        size = self.builder.size
        if self._entries:
            self.put(tile_path(ENTRIES, size // WIDTH, size % WIDTH), encode_bundle(self._entries))
        for tile in self.builder.partial_tiles():
            self.put(tile_path(tile.level, tile.index, len(tile.hashes) // HASH_BYTES), tile.hashes)
        self._wait(0)

    def put(self, path: str, data: bytes) -> None:
        """Write a file of the layout unless it is there already; raises as `add` does."""
        try:
            found = self._folder.read(path, len(data))
        except FormatError:
            found = b""  # It is longer, or no regular file.
        if found == data:
            return
        if found is not None:
            raise VerificationFailed(
                "LED-TREE", f"{self._folder.directory / path} is there already with other bytes: it was altered, or is "
                "of another log; move it away to have it written anew",
                expected=f"{len(data)} bytes of this log", found="other bytes",
            )  # fmt: skip
        self.files += 1
        self.bytes += len(data)
        if self._pool is not None:
            self._under_way.append(self._pool.submit(self._folder.write, path, data))
            self._wait(2 * WRITERS)

    def _wait(self, most: int) -> None:
        """Wait until at most so many files are under way; raises what writing one of them raised."""
        while len(self._under_way) > most:
            self._under_way.popleft().result()


def write_checkpoint(folder: Folder, note: bytes) -> None:
    """Put a checkpoint in place, once all that it implies is durable; raises StoreError."""
    folder.sync()
    folder.write(CHECKPOINT, note)
    folder.sync()


def remove_superseded(folder: Folder, before: int, size: int) -> int:
    """Remove the partial tiles and bundles of tiles that became full since size `before`; returns how many files."""
    removed = 0
    level = 0
    while full := size >> HEIGHT * (level + 1):
        for index in range(before >> HEIGHT * (level + 1), full):
            removed += folder.remove_dir(f"{tile_path(level, index)}.p")
            if level == 0:
                removed += folder.remove_dir(f"{tile_path(ENTRIES, index)}.p")
        level += 1
    return removed
