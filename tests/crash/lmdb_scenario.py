"""The crash scenario of the LMDB engine: batches of appends, overwrites and deletes, acknowledged when committed.

The content after any number of batches follows from the seed alone, so a check compares everything, byte by byte.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator
from functools import cache
from itertools import islice
from pathlib import Path

from creditledger.errors import StoreError
from creditledger.store.lmdb_engine import LmdbEngine, probe

TABLES = ("log", "state", "meta")
BATCHES = 60
Rows = dict[bytes, bytes]


class Change:
    """What one batch does."""

    def __init__(self, seed: int, number: int, first: int) -> None:
        rng = random.Random(f"{seed} {number}")
        count = rng.choice((1, 1, 2, 10, 40))
        self.appends = [
            ((first + index).to_bytes(8, "big"), rng.randbytes(rng.choice((50, 300, 2100)))) for index in range(count)
        ]
        keys = sorted({hashlib.sha256(b"%d" % rng.randrange(400)).digest() for _ in range(3 * count)})
        self.puts = [(key, rng.randbytes(40)) for key in keys]
        self.delete = hashlib.sha256(b"%d" % rng.randrange(400)).digest()


def changes(seed: int) -> Iterator[Change]:
    """Yield what the batches do, in order and without end."""
    first = number = 0
    while True:
        yield (change := Change(seed, number, first))
        first += len(change.appends)
        number += 1


@cache
def content(seed: int, number: int) -> tuple[Rows, Rows]:
    """Return the rows of `log` and `state` after a number of batches."""
    log: Rows = {}
    state: Rows = {}
    for change in islice(changes(seed), number):
        log.update(change.appends)
        state.update(change.puts)
        state.pop(change.delete, None)
    return log, state


def workload(root: Path, acknowledge: Callable[[bytes], None], seed: int) -> None:
    try:
        engine = open_or_create(root)
    except StoreError:
        engine = open_or_create(root)
    start = committed(engine)
    acknowledge(b"%d %d" % (start, seed))  # What is there at the start is served, so it must be durable.
    for number, change in islice(enumerate(changes(seed), 1), start, start + BATCHES):
        try:
            commit(engine, number, change, seed)
        except StoreError:  # Whether it was stored is unknown until the store has been opened again.
            assert engine.poisoned
            engine.close()
            engine = open_or_create(root)
            if committed(engine) < number:
                commit(engine, number, change, seed)
        acknowledge(b"%d %d" % (number, seed))
    engine.close()


def open_or_create(root: Path) -> LmdbEngine:
    return LmdbEngine.open(root / "store", TABLES, create=not (root / "store").exists())


def commit(engine: LmdbEngine, number: int, change: Change, seed: int) -> None:
    with engine.batch() as batch:
        batch.append_many("log", change.appends)
        batch.put_many("state", change.puts)
        batch.delete("state", change.delete)
        batch.put("meta", b"batches", b"%d %d" % (number, seed))


def committed(engine: LmdbEngine) -> int:
    with engine.snapshot() as snapshot:
        found = snapshot.get("meta", b"batches")
        return int(found.split()[0]) if found else 0


def check(root: Path, acknowledged: list[bytes]) -> None:
    if not acknowledged:
        return  # The store may not even be there.
    last, seed = max(tuple(map(int, item.split())) for item in acknowledged)
    probe(root / "store")
    engine = LmdbEngine.open(root / "store", TABLES, readonly=True)
    try:
        number = committed(engine)
        assert number >= last, f"batch {last} was acknowledged, and {number} are there"
        assert number <= last + 1, f"batch {last} was the last one acknowledged, and {number} are there"
        with engine.snapshot() as snapshot:
            log, state = content(seed, number)
            assert dict(snapshot.range("log")) == log, f"the log is not that of batch {number}"
            assert dict(snapshot.range("state")) == state, f"the state is not that of batch {number}"
    finally:
        engine.close()
