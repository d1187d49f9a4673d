"""What a disk may hold after a power cut: a model of files and directories that promises what POSIX does, and no more.

* A sync of a file makes its writes so far durable; a write through an O_DSYNC descriptor makes its own sectors durable.
* After a sync that failed, the system takes what was written for done: no later sync brings it to the disk, unless it
  is written again.
* Everything else may be lost, kept or reordered, sector by sector. A sector (512 bytes) holds one of the states that it
  went through since it was last made durable; so does the length of the file.
* A name is there once its directory has been synced; until then, the first so many changes of that directory are.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

SECTOR = 512


class Op(NamedTuple):
    """One recorded call; `shim.c` lists the kinds."""

    kind: str
    durable: bool
    path: str
    offset: int
    data: bytes


Choose = Callable[[int, int], int]
"""choose(floor, n): of n changes that are not durable as a whole, how many happened; at least `floor` of them did."""


class Inode:
    """A file's bytes: what is durable, and what was written since."""

    def __init__(self) -> None:
        self.durable = bytearray()
        self.pending: list[Op] = []
        self.floor: dict[int, int] = {}  # Sector -> how many of the pending writes it holds for certain.
        self.size_floor = 0
        self.given_up = 0  # So many of the pending writes no sync will make durable.

    def write(self, op: Op) -> None:
        self.pending.append(op)
        if op.durable:
            self._settle(op)

    def _settle(self, op: Op) -> None:
        """The sectors of a write hold it, and what came before."""
        sectors = range(op.offset // SECTOR, -(-(op.offset + len(op.data)) // SECTOR))
        self.floor.update(dict.fromkeys(sectors, len(self.pending)))
        self.size_floor = len(self.pending)

    def fail(self) -> None:
        """A sync failed."""
        self.given_up = len(self.pending)

    def sync(self) -> None:
        if self.given_up:
            for op in self.pending[self.given_up :]:
                self._settle(op)
            return
        self.durable = self.content(_everything)
        self.pending.clear()
        self.floor.clear()
        self.size_floor = 0

    def content(self, choose: Choose) -> bytearray:
        """Return a state that a power cut may leave."""
        image = bytearray(self.durable)
        count = len(self.pending)
        seen: dict[int, int] = {}
        size = final_size = len(image)
        writes_in_size = choose(self.size_floor, count)
        for index, op in enumerate(self.pending):
            if op.kind == "T":  # To cut is to write zeros from there on.
                size, end = op.offset, max(len(image), op.offset)
                data = bytes(end - op.offset)
            else:
                end, data = op.offset + len(op.data), op.data
                size = max(size, end)
            if index < writes_in_size:
                final_size = size
            image.extend(bytes(max(0, end - len(image))))
            for sector in range(op.offset // SECTOR, -(-end // SECTOR)):
                if sector not in seen:
                    seen[sector] = choose(self.floor.get(sector, 0), count)
                if index < seen[sector]:
                    start, stop = max(op.offset, sector * SECTOR), min(end, (sector + 1) * SECTOR)
                    image[start:stop] = data[start - op.offset : stop - op.offset]
        return image[:final_size].ljust(final_size, b"\0")


class Directory:
    """Its entries as programs see them, those that are durable, and the changes in between."""

    def __init__(self) -> None:
        self.entries: dict[str, Node] = {}
        self.durable: dict[str, Node] = {}
        self.pending: list[dict[str, Node | None]] = []  # Name -> what it becomes; None is removed.

    def change(self, names: dict[str, Node | None]) -> None:
        self.pending.append(names)
        _rename(self.entries, names)

    def sync(self) -> None:
        self.durable = dict(self.entries)
        self.pending.clear()

    def image(self, choose: Choose, prefix: str = "") -> dict[str, bytes | None]:
        """Return a state that a power cut may leave: path -> content, or None for a directory."""
        names = dict(self.durable)
        for change in self.pending[: choose(0, len(self.pending))]:
            _rename(names, change)
        image: dict[str, bytes | None] = {}
        for name, node in names.items():
            if isinstance(node, Directory):
                image[prefix + name] = None
                image.update(node.image(choose, f"{prefix}{name}/"))
            else:
                image[prefix + name] = bytes(node.content(choose))
        return image


Node = Inode | Directory


def _rename(entries: dict[str, Node], change: dict[str, Node | None]) -> None:
    for name, node in change.items():
        if node is None:
            entries.pop(name, None)
        else:
            entries[name] = node


class Disk:
    """The files and directories under one root."""

    def __init__(self) -> None:
        self.root = Directory()

    def apply(self, op: Op) -> None:
        """Do what a recorded call did."""
        if op.kind == "M":
            raise AssertionError(
                f"{op.path} is mapped for writing: what is written so has no order that could be tested"
            )
        parent, _, name = op.path.rpartition("/")
        if op.kind in "CDRU":
            directory = self._at(parent)
            assert isinstance(directory, Directory), parent
            if op.kind == "R":
                new_parent, _, new_name = op.data.decode().rpartition("/")
                assert new_parent == parent, "a rename between directories is not modelled"
                directory.change({name: None, new_name: directory.entries[name]})
            else:
                directory.change({name: Inode() if op.kind == "C" else Directory() if op.kind == "D" else None})
            return
        node = self._at(op.path)
        if op.kind == "S" and node is not None:
            node.sync()
        elif op.kind == "F":
            if isinstance(node, Inode):
                node.fail()
        elif isinstance(node, Inode):
            node.write(op)

    def image(self, choose: Choose, under_way: Op | None = None) -> dict[str, bytes | None]:
        """Return what a power cut may leave, during one more write if given."""
        node = self._at(under_way.path) if under_way is not None and under_way.kind == "W" else None
        if isinstance(node, Inode) and under_way is not None:
            node.pending.append(under_way)
            image = self.root.image(choose)
            node.pending.pop()
            return image
        return self.root.image(choose)

    def _at(self, path: str) -> Node | None:
        """Return what programs see at a path, or None: files that were unlinked while open have none."""
        node: Node | None = self.root
        for name in filter(None, path.split("/")):
            node = node.entries.get(name) if isinstance(node, Directory) else None
        return node


def _everything(floor: int, count: int) -> int:
    return count


def chooser(rng: random.Random) -> Choose:
    """Return one of the ways in which a disk loses things: all it may, none, the latest, or (mostly) any of them."""
    share = rng.random()
    ways: list[Choose] = [
        lambda floor, count: floor,
        _everything,
        lambda floor, count: max(floor, int(share * (count + 1))),
        rng.randint,
        lambda floor, count: rng.choice((floor, count)),
    ]
    return rng.choices(ways, (1, 1, 1, 2, 3))[0]
