"""One ledger at several moments of its life, for tests of what is published of it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from audit.logs import Log, changed
from audit.worlds import many_world
from creditledger.record.record import decode_record
from creditledger.tlog.tiles import ENTRIES, WIDTH, encode_bundle, tile_path
from creditledger.tlog.tree import Frontier, leaf_hash


@cache
def history() -> Log:
    """A log of more than two full bundles, with a checkpoint at every size. Not to be changed."""
    return Log.of(many_world())


def until(size: int, log: Log | None = None) -> Log:
    """The log as it was when it had so many records; its checkpoint alone."""
    whole = history() if log is None else log
    return Log(whole.records[:size], whole.trust, {size: whole.notes[size]})


def forked(at: int) -> Log:
    """The log with another history from a record on, which the log key signed as well."""
    log = Log(list(history().records), history().trust)
    log.records[at] = changed(log.records[at], recorded_at=decode_record(log.records[at]).recorded_at + 1)
    log.relink(at + 1)
    log.seal(range(1, len(log.records) + 1))
    return log


def stored(path: Path, size: int, log: Log | None = None) -> Path:
    """The ledger's directory as of one size."""
    return until(size, log).store(path, honest=False)


def naive_files(entries: list[bytes], size: int) -> dict[str, bytes]:
    """Every file that a log of `size` entries publishes but the checkpoint, straight from the definition.

    Hash i of tile n at level l is the root of the leaves (n * 256 + i) * 256^l to (n * 256 + i + 1) * 256^l.
    """
    files: dict[str, bytes] = {}
    row = [leaf_hash(entry) for entry in entries[:size]]
    for first in range(0, size, WIDTH):
        bundle = entries[first : min(first + WIDTH, size)]
        files[tile_path(ENTRIES, first // WIDTH, len(bundle))] = encode_bundle(bundle)
    level = 0
    while row:
        for first in range(0, len(row), WIDTH):
            hashes = row[first : first + WIDTH]
            files[tile_path(level, first // WIDTH, len(hashes))] = b"".join(hashes)
        row = [_root(row[first : first + WIDTH]) for first in range(0, len(row) // WIDTH * WIDTH, WIDTH)]
        level += 1
    return files


def _root(hashes: list[bytes]) -> bytes:
    frontier = Frontier()
    for hash_ in hashes:
        frontier.push(hash_)
    return frontier.root()


def files_in(directory: Path) -> dict[str, bytes]:
    """Every published file by its path."""
    found = (one for one in directory.rglob("*") if one.is_file() and one.name != ".lock")
    return {str(one.relative_to(directory)): one.read_bytes() for one in found}
