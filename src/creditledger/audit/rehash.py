"""Hashes of the tree at chosen sizes, from the records alone: for pinned checkpoints, remembered and outside heads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from creditledger.audit import spool
from creditledger.audit.published import PublishedRecords
from creditledger.audit.source import Records
from creditledger.tlog.tiles import WIDTH
from creditledger.tlog.tree import Frontier

PlaceOf = Callable[[int], int]
"""Where a record whose number is a multiple of 256 stands in an export file."""


class Pinned(NamedTuple):
    """A size at which somebody claims to know the root: the hash over its leaves after the last full tile (empty: there
    are none), and the claims: root, and the first record that makes it."""

    size: int
    tail: bytes
    claims: tuple[tuple[bytes, int], ...]


def hash_tiles(source: Records, start: int, stop: int, place: int) -> tuple[bytes, bytes]:
    """Hash records `start` ≤ seq < `stop`, `start` a multiple of 256.

    Returns:
        The hash over each full tile, and that over the leaves after them (empty if there are none).
    """
    tiles = bytearray()
    frontier = Frontier()
    for leaf in _leaves(source, start, stop, place):
        frontier.push(leaf)
        if frontier.size == WIDTH:
            tiles += frontier.root()
            frontier = Frontier()
    return bytes(tiles), frontier.root() if frontier.size else b""


def _leaves(source: Records, start: int, stop: int, place: int) -> Iterator[bytes]:
    """The leaf hashes of records; a published log has them beside the records, under its signed root."""
    if isinstance(source, PublishedRecords):
        return source.leaves(start, stop)
    return (sha256(b"\x00" + data).digest() for data, _ in source.records(start, stop, place))


def tails(source: Records, place_of: PlaceOf, sizes: Iterable[int]) -> dict[int, bytes]:
    """For each size, the hash over its leaves after the last full tile, or nothing where it is a multiple of 256."""
    found: dict[int, bytes] = {}
    for tile, group in groupby(sorted(set(sizes)), key=lambda size: size // WIDTH):
        wanted = list(group)
        start = tile * WIDTH
        frontier = Frontier()
        found[start] = b""
        if wanted[-1] > start:
            due = frozenset(wanted)
            for leaf in _leaves(source, start, wanted[-1], place_of(start)):
                frontier.push(leaf)
                if start + frontier.size in due:
                    found[start + frontier.size] = frontier.root()
    return found


def pinned(source: Records, place_of: PlaceOf, files: Sequence[Path], section: int) -> list[Pinned]:
    """Take in the checkpoints that entries pin in one span of sizes, and hash the records for them, by size."""
    claims: dict[int, dict[bytes, int]] = {}
    for path in files:
        packed = spool.read(path, section)
        for size, root, seq in spool.unpack(packed) if packed else ():
            claims.setdefault(size, {}).setdefault(root, seq)
    hashes = tails(source, place_of, claims)
    return [Pinned(size, hashes[size], tuple(roots.items())) for size, roots in sorted(claims.items())]
