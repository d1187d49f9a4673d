"""The crash scenario of a witness's memory: rows of three logs, each cosigned larger and larger (see crash.harness)."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from creditledger.errors import StoreError
from creditledger.store.head import HeadStore
from creditledger.witness.state import Seen, WitnessState, identity

LOGS = ("log.example/a", "log.example/b", "log.example/c")
UPDATES = 40
KEYS = [identity(b"key 1"), identity(b"key 2")]


def row(origin: str, size: int, seed: int) -> Seen:
    """What is cosigned of a log at a size: it follows from the seed."""
    root = sha256(f"{seed} {origin} {size}".encode()).digest()
    return Seen(origin, size, root, 1_000_000 + size, root * (1 + size % 200))


def workload(root: Path, acknowledge: Callable[[bytes], None], seed: int) -> None:
    state = open_or_create(root)
    try:
        last = sum(seen.size for seen in state.all())
        for number in range(last, last + UPDATES):
            origin = LOGS[number % 3]

            def judge(seen: Seen | None, origin: str = origin) -> Seen:
                return row(origin, 1 + (seen.size if seen else 0), seed)

            try:
                done = state.update(origin, judge)
            except StoreError:  # Whether it was stored is unknown; it was not acknowledged, so either will do.
                state.close()
                state = open_or_create(root)
                continue
            acknowledge(f"{origin} {done.size} {seed}".encode())
    finally:
        state.close()


def open_or_create(root: Path) -> WitnessState:
    create = not (root / "witness" / "state").exists()
    try:
        return WitnessState.open(root / "witness", heads=HeadStore(root / "heads"), identities=KEYS, create=create)
    except StoreError:  # An error that happens once.
        return WitnessState.open(
            root / "witness", heads=HeadStore(root / "heads"), identities=KEYS,
            create=not (root / "witness" / "state").exists(),
        )  # fmt: skip


def check(root: Path, acknowledged: list[bytes]) -> None:
    """Nothing acknowledged is gone or lower, every row is whole, and the state is not taken for an old copy."""
    largest: dict[str, int] = {}
    seed = 0
    for item in acknowledged:
        origin, *numbers = item.decode().split()
        size, seed = map(int, numbers)
        largest[origin] = max(largest.get(origin, 0), size)
    if not largest:
        return
    with WitnessState.open(root / "witness", heads=HeadStore(root / "heads"), identities=KEYS) as state:
        found = {seen.origin: seen for seen in state.all()}
        for origin, size in largest.items():
            assert origin in found, f"{origin} was cosigned at size {size}, and is forgotten"
            seen = found[origin]
            assert size <= seen.size <= size + 1, f"{origin} was cosigned at {size}, and {seen.size} is there"
            assert seen == row(origin, seen.size, seed)
