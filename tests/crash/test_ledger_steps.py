"""Killed at one exact step between content, record, head and erasure; then the power fails while it is made good.

With one author alone every run makes the same calls, so that a run can be killed where a recorded one was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crash.disk import Op
from crash.harness import power_cuts, record, scratch
from creditledger.store.files import SECTOR

SCENARIO = "crash.ledger_scenario"
ALONE = 20
"""A seed for which there is one author."""


def steps(directory: Path, shim: Path, seed: int) -> list[Op]:
    """What a run does up to the end of its first session, but for the founding."""
    ops = record(SCENARIO, directory / "recorded", shim=shim, seed=seed)
    return ops[: next(number for number, op in enumerate(ops) if op.path.endswith("erased-up-to.new"))]


def test_one_author_alone_makes_the_same_calls_in_every_run(directory: Path, shim: Path, alone: list[Op]) -> None:
    runs = [
        [(op.kind, op.path, op.offset, len(op.data)) for op in ops] for ops in (alone, steps(directory, shim, ALONE))
    ]
    assert runs[0] == runs[1]


def is_new_store(op: Op) -> bool:
    return op.kind == "R" and op.path.endswith("private.new")


def is_batch(op: Op) -> bool:
    return op.kind == "W" and op.path.endswith(".seg") and op.offset > 0 and any(op.data)


def is_mark(op: Op) -> bool:
    """The committed length in a segment's header goes beyond the first batch."""
    committed = int.from_bytes(op.data[24:32], "big")
    return op.kind == "W" and op.path.endswith(".seg") and op.offset == 0 and committed > SECTOR


def is_erasure(op: Op) -> bool:
    return op.kind == "W" and op.path.endswith(".seg") and op.offset > 0 and not any(op.data)


@pytest.fixture(scope="module")
def alone(shim: Path) -> Iterator[list[Op]]:
    """What every run of one author alone does, which is recorded once."""
    with scratch() as place:
        yield steps(place, shim, ALONE)


@pytest.mark.parametrize(("step", "states"), [(is_new_store, 30), (is_batch, 30), (is_mark, 54), (is_erasure, 40)])
def test_no_power_cut_after_a_kill_parts_content_from_its_record(
    directory: Path, shim: Path, alone: list[Op], step: Callable[[Op], bool], states: int
) -> None:
    """The first such step: content stands there without a record, or a record without its erasure.

    The long campaign is killed at every step in turn, and starts from other seeds.
    """
    entries = next(number for number, op in enumerate(alone, 1) if step(op))
    (directory / "killed").mkdir()
    kills = (entries, 26)
    report = power_cuts(SCENARIO, directory / "killed", shim=shim, seed=ALONE, states=states, kill_after=kills)
    assert report.bad == []


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", [30, 40])
def test_long_campaign(directory: Path, shim: Path, seed: int) -> None:
    """Every step of the first session in turn."""
    ops = steps(directory, shim, seed)
    for entries, op in enumerate(ops, 1):
        if op.kind != "A":
            (directory / str(entries)).mkdir()
            kills = (entries, 30)
            report = power_cuts(SCENARIO, directory / str(entries), shim=shim, seed=seed, states=30, kill_after=kills)
            assert report.bad == []
