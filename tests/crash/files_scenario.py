"""The crash scenario of what is kept outside the engine: private content with its erasures, and the signed head."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

from creditledger.errors import StoreError
from creditledger.store import segment
from creditledger.store.head import HeadStore
from creditledger.store.private import PrivateStore
from creditledger.store.segment import State

MASTER = bytes(range(32))
LEDGER = bytes(range(32, 64))
STEPS = 40
SEGMENT_BYTES = 6000
Item = tuple[bytes, bytes, bytes]
Result = TypeVar("Result")


class Step(NamedTuple):
    """One thing to do: put some items, erase some, or store a head of this size."""

    what: str
    items: list[Item]
    size: int


def steps(seed: int) -> Iterator[Step]:
    """Yield the steps of a workload, which follow from the seed alone."""
    rng = random.Random(seed)
    live: list[Item] = []
    for size in range(1, STEPS + 1):
        new = [item(rng) for _ in range(rng.choice((1, 1, 3)))]
        live += new
        yield Step("put", new, size)
        yield Step("head", [], size)
        if size % 3 == 0:
            gone = rng.sample(live, 2)
            live = [one for one in live if one not in gone]
            yield Step("erase", gone, size)
    yield Step("sync", [], STEPS)


def item(rng: random.Random) -> Item:
    return rng.randbytes(32), rng.randbytes(32), rng.randbytes(rng.choice((20, 300, 1500)))


def head(size: int) -> tuple[int, bytes, bytes]:
    return size, size.to_bytes(32, "big"), b"checkpoint %d\n" % size * (10 if size % 3 else 300)


def workload(root: Path, acknowledge: Callable[[bytes], None], seed: int) -> None:
    store = again(lambda: open_store(root))
    heads = HeadStore(root / "heads")
    last = again(lambda: heads.claim(LEDGER))
    plan = list(enumerate(steps(seed)))
    if last is not None:  # A run before this one was killed: go on after the last head, which outlived it in the cache.
        start = next(number for number, step in plan if step.what == "head" and step.size == last.size)
        plan = plan[start + 1 :]
        acknowledge(b"%d %d" % (start, seed))  # What is there at the start is served, so it must be durable.
    for number, step in plan:
        if step.what in ("head", "sync"):
            try:
                heads.store(LEDGER, *head(step.size))
                if step.what == "sync":
                    heads.sync()
            except StoreError:
                continue  # A head that was not stored lags behind, and is not acknowledged.
        else:
            try:
                do(store, step)
            except StoreError:
                store.close()
                store = again(lambda: open_store(root))
                do(store, step)
        acknowledge(b"%d %d" % (number, seed))
    store.close()
    again(heads.close)


def again(call: Callable[[], Result]) -> Result:
    try:
        return call()
    except StoreError:
        return call()


def open_store(root: Path) -> PrivateStore:
    path = root / "ledger" / "private"
    create = not (path / "content-000001.seg").exists()
    return PrivateStore.open(path, MASTER, create=create, segment_bytes=SEGMENT_BYTES)


def do(store: PrivateStore, step: Step) -> None:
    if step.what == "put":
        store.put_many(step.items)
    else:
        store.erase([one[0] for one in step.items])


def check(root: Path, acknowledged: list[bytes]) -> None:
    if not acknowledged:
        return
    last, seed = max(tuple(map(int, one.split())) for one in acknowledged)
    plan = list(steps(seed))
    check_head(root, finished=last == len(plan) - 1)

    expected: dict[bytes, Item] = {}
    under_way = plan[last + 1] if last + 1 < len(plan) else Step("head", [], 0)
    erased: set[bytes] = set()
    for step in plan[: last + 1]:
        for one in step.items:
            if step.what == "put":
                expected[one[0]] = one
            else:
                del expected[one[0]]
                erased.add(one[0])
    store = PrivateStore.open(root / "ledger" / "private", MASTER, segment_bytes=SEGMENT_BYTES)
    if (
        under_way.what == "erase"
    ):  # Until it was acknowledged, any part of it may have happened; repeating completes it.
        do(store, under_way)
        for one in under_way.items:
            del expected[one[0]]
            erased.add(one[0])
    found = set(store.ids())
    assert expected.keys() <= found, f"{len(expected.keys() - found)} acknowledged items are lost"
    for item_id, one in expected.items():
        assert store.get(item_id) == one[1:]
    rest = found - expected.keys()
    put = {one[0] for one in under_way.items} if under_way.what == "put" else set()
    assert rest in (set(), put), f"{len(rest)} items are there that should not be, or half a batch"
    check_nothing_is_left(root, erased)
    store.put_many([item(random.Random("more"))])
    store.close()


def check_head(root: Path, *, finished: bool) -> None:
    """A head is never damaged; it may lag until it was synced, at the end."""
    found = HeadStore(root / "heads").load(LEDGER)
    assert found is None or found == head(found.size)
    assert not finished or (found is not None and found.size == STEPS)


def check_nothing_is_left(root: Path, erased: set[bytes]) -> None:
    for path in sorted((root / "ledger" / "private").iterdir()):
        content = path.read_bytes()
        assert not any(item_id in content for item_id in erased), f"an erased id is left in {path.name}"
        if path.suffix == ".seg":
            with path.open("rb") as file:
                states = {found.state for found in segment.scan(file, 512, len(content))}
            assert states <= {State.LIVE}, f"{path.name} is {states}"
