"""Crash and fault campaigns on private content and the signed head (see harness.py)."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from crash.harness import Checker, Fault, faults, power_cuts, record

SCENARIO = "crash.files_scenario"


def test_no_power_cut_loses_content_or_undoes_an_erasure_or_damages_the_head(directory: Path, shim: Path) -> None:
    report = power_cuts(SCENARIO, directory, shim=shim, seed=1, states=400)
    assert report.examined == 400
    assert report.bad == []


def test_no_power_cut_after_kills_loses_what_was_served_in_between(directory: Path, shim: Path) -> None:
    """Killed during creation, and after the first writes to a segment: batches, marks, and the zeros of erasures.

    The long campaign goes through the whole record, a tenth of its entries for each seed.

    What a killed process wrote stands in the system's cache. Whoever starts next finds an erasure already done, or a
    batch whole, and must not say so before it is on the disk.
    """
    ops = record(SCENARIO, directory / "recorded", shim=shim, seed=10)
    writes, erased, made = [], [], 0
    for entries, op in enumerate(ops, 1):
        made += op.kind == "R" and "content-" in op.path
        if op.kind == "W" and op.path.endswith(".seg"):
            zeros = op.offset and not any(op.data)
            older = not op.path.endswith(f"{made}.seg")
            if zeros and older:
                erased.append(entries)
            elif not zeros:
                writes.append(entries)
    bad = []
    with Checker(SCENARIO, directory) as checker:
        for entries in [*range(1, 10), *writes[2:6], *erased[:3]]:
            (directory / str(entries)).mkdir()
            kills = (entries, 30 if entries < 10 else 12)
            bad += cuts_after_kills(directory / str(entries), shim, checker, 10, states=40, kill_after=kills)
    assert bad == []


def cuts_after_kills(
    directory: Path, shim: Path, checker: Checker, seed: int, states: int, kill_after: tuple[int, ...]
) -> list[str]:
    report = power_cuts(
        SCENARIO, directory, shim=shim, seed=seed, states=states, kill_after=kill_after, checker=checker
    )
    return report.bad


def test_a_segment_is_synced_with_its_mark_before_the_next_one_is_made(directory: Path, shim: Path) -> None:
    """Only the last segment's mark is brought up to date at open; an erasure in another relies on it."""
    ops = [op for op in record(SCENARIO, directory / "recorded", shim=shim, seed=4) if "content-" in op.path]
    made = [index for index, op in enumerate(ops) if op.kind == "C"]
    assert len(made) > 3
    for index in made[1:]:
        before = f"ledger/private/content-{int(ops[index].path[-10:-4]) - 1:06}.seg"
        assert [op.kind for op in ops[:index] if op.path == before][-1] == "S"


def test_losses_on_a_disk_that_lies_are_found(directory: Path, shim: Path) -> None:
    report = power_cuts(SCENARIO, directory, shim=shim, seed=2, states=100, lying=0.7)
    assert len(report.bad) > 20


def fault_matrix(last: int) -> list[Fault]:
    points = range(1, last, 2)
    writes = [Fault("W", nth, 1, error, ".seg") for nth in points for error in (errno.EIO, errno.ENOSPC, 0)]
    syncs = [Fault("S", nth, 1, errno.EIO) for nth in points]
    heads = [Fault("W", nth, 1, errno.ENOSPC, "3e3f") for nth in (1, 2, 5)]
    full = [Fault("W", nth, 1 << 30, errno.ENOSPC, ".seg") for nth in points]
    return writes + syncs + heads + full


def test_no_failing_write_or_sync_loses_what_was_acknowledged(directory: Path, shim: Path) -> None:
    matrix = fault_matrix(24)
    report = faults(SCENARIO, directory, shim=shim, seed=3, matrix=matrix)
    assert report.examined == len(matrix)
    assert report.bad == []


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(10, 20))
def test_long_campaign(directory: Path, shim: Path, seed: int) -> None:
    for name in ("cuts", "lies", "faults"):
        (directory / name).mkdir()
    assert power_cuts(SCENARIO, directory / "cuts", shim=shim, seed=seed, states=3000).bad == []
    with Checker(SCENARIO, directory) as checker:
        for entries in range(seed, 300, 10):
            (directory / str(entries)).mkdir()
            kills = (entries, 40, 40)
            assert cuts_after_kills(directory / str(entries), shim, checker, seed, 100, kills) == []
    assert len(power_cuts(SCENARIO, directory / "lies", shim=shim, seed=seed, states=300, lying=0.7).bad) > 60
    assert faults(SCENARIO, directory / "faults", shim=shim, seed=seed, matrix=fault_matrix(120)).bad == []
