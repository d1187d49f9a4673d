"""Crash and fault campaigns on the LMDB engine (see harness.py)."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from crash.disk import Disk, Op
from crash.harness import Checker, Fault, faults, kills, power_cuts, record

SCENARIO = "crash.lmdb_scenario"


def test_no_power_cut_loses_an_acknowledged_batch_or_leaves_half_of_one(directory: Path, shim: Path) -> None:
    report = power_cuts(SCENARIO, directory, shim=shim, seed=1, states=250)
    assert report.examined == 250
    assert report.bad == []


def test_no_power_cut_after_kills_loses_what_was_served_in_between(directory: Path, shim: Path) -> None:
    """A killed process leaves commits in the system's cache; whoever starts next serves them, and may sign them."""
    bad = []
    with Checker(SCENARIO, directory) as checker:
        for entries in range(1, 18):  # Every step of the creation and of the first commit; the long campaign goes on.
            (directory / str(entries)).mkdir()
            bad += cuts_after_kills(directory / str(entries), shim, checker, 1, states=36, kill_after=(entries, 8))
    assert bad == []


def cuts_after_kills(
    directory: Path, shim: Path, checker: Checker, seed: int, states: int, kill_after: tuple[int, ...]
) -> list[str]:
    report = power_cuts(
        SCENARIO, directory, shim=shim, seed=seed, states=states, kill_after=kill_after, checker=checker
    )
    return report.bad


def test_losses_on_a_disk_that_lies_are_found(directory: Path, shim: Path) -> None:
    """The control: a campaign that finds nothing on a disk without barriers would find nothing anywhere."""
    report = power_cuts(SCENARIO, directory, shim=shim, seed=2, states=100, lying=0.7)
    assert len(report.bad) > 20
    assert any("was acknowledged, and" in problem for problem in report.bad)


def test_the_record_shows_the_barriers_that_the_engine_relies_on(directory: Path, shim: Path) -> None:
    ops = [op for op in record(SCENARIO, directory / "recorded", shim=shim, seed=3) if op.path.endswith("data.mdb")]
    commits = [index for index, op in enumerate(ops) if op.kind == "W" and op.durable]
    assert len(commits) > 60
    assert all(ops[index - 1].kind == "S" for index in commits)
    assert all(op.offset < 8192 for op in ops if op.durable)
    assert all(op.offset >= 8192 or op.durable for op in ops[4:] if op.kind == "W")


def test_what_was_acknowledged_outlives_kill_9(directory: Path) -> None:
    report = kills(SCENARIO, directory, seed=4, rounds=6)
    assert report.examined == 6
    assert report.bad == []


def fault_matrix(last: int) -> list[Fault]:
    writes = [Fault("W", nth, 1, error, "data.mdb") for nth in range(1, last) for error in (errno.EIO, errno.ENOSPC, 0)]
    syncs = [Fault("S", nth, 1, errno.EIO, "data.mdb") for nth in range(1, min(last, 60))]
    directories = [Fault("S", nth, 1, errno.EIO) for nth in range(1, 8)]  # Creation syncs directories too.
    full = [Fault("W", nth, 1 << 30, errno.ENOSPC, "data.mdb") for nth in range(1, 2 * last, 3)]
    return writes + syncs + directories + full


def test_no_failing_write_or_sync_loses_what_was_acknowledged(directory: Path, shim: Path) -> None:
    matrix = fault_matrix(12)
    report = faults(SCENARIO, directory, shim=shim, seed=5, matrix=matrix)
    assert report.examined == len(matrix)
    assert report.bad == []


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(10, 20))
def test_long_campaign(directory: Path, shim: Path, seed: int) -> None:
    for name in ("cuts", "lies", "kills", "faults"):
        (directory / name).mkdir()
    assert power_cuts(SCENARIO, directory / "cuts", shim=shim, seed=seed, states=2000).bad == []
    with Checker(SCENARIO, directory) as checker:
        for entries in range(seed, 300, 10):
            (directory / str(entries)).mkdir()
            ends = (entries, 40, 40)
            assert cuts_after_kills(directory / str(entries), shim, checker, seed, 100, ends) == []
    assert len(power_cuts(SCENARIO, directory / "lies", shim=shim, seed=seed, states=300, lying=0.7).bad) > 60
    assert kills(SCENARIO, directory / "kills", seed=seed, rounds=30).bad == []
    assert faults(SCENARIO, directory / "faults", shim=shim, seed=seed, matrix=fault_matrix(80)).bad == []


def test_a_write_through_a_shared_map_is_noticed() -> None:
    """With `writemap` the engine's writes would pass the shim unseen, and the campaigns would prove nothing."""
    with pytest.raises(AssertionError, match="mapped for writing"):
        Disk().apply(Op("M", False, "store/data.mdb", 0, b""))
