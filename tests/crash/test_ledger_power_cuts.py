"""Power cuts on a whole ledger: what a disk may hold at any moment, and what opening makes of it (see harness.py)."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from crash.harness import Checker, Fault, power_cuts, record
from crash.ledger_plan import founding

SCENARIO = "crash.ledger_scenario"
FOUNDED = 150
"""By this entry of the record the ledger has been founded."""
HEAD = founding().ledger_id.hex()
SYNCED = ("log/data.mdb", ".seg", "state/data.mdb", HEAD)
"""The files that are synced again and again, by the ends of their paths."""


def test_no_power_cut_loses_what_was_acknowledged_or_leaves_half_of_anything(directory: Path, shim: Path) -> None:
    report = power_cuts(SCENARIO, directory, shim=shim, seed=1, states=60)
    assert report.examined == 60
    assert report.bad == []


def test_no_power_cut_after_kills_loses_what_was_served_in_between(directory: Path, shim: Path) -> None:
    """Killed while it is founded, and in the middle: the next run serves what stands in the system's cache."""
    bad = []
    with Checker(SCENARIO, directory) as checker:
        for entries in (8, 30, 60, 420):
            place = directory / str(entries)
            place.mkdir()
            kills = (entries, 18)
            report = power_cuts(SCENARIO, place, shim=shim, seed=2, states=18, kill_after=kills, checker=checker)
            bad += report.bad
    assert bad == []


def test_no_power_cut_loses_anything_after_a_sync_that_failed(directory: Path, shim: Path) -> None:
    """The system takes what could not be written for done; what is to be kept must be written again."""
    segments = [(nth, ".seg", states) for nth, states in ((4, 100), (6, 20), (12, 20), (15, 40))]
    bad = []
    for scenario, chosen in ((SCENARIO, [(3, end, 12) for end in SYNCED]), ("crash.files_scenario", segments)):
        with Checker(scenario, directory) as checker:
            for nth, end, states in chosen:
                place = directory / f"{scenario}-{nth}-{end.replace('/', '-')}"
                place.mkdir()
                fault = Fault("S", nth, 1, errno.EIO, end)
                report = power_cuts(scenario, place, shim=shim, seed=1, states=states, fault=fault, checker=checker)
                bad += report.bad
    assert bad == []


def test_losses_on_a_disk_that_lies_are_found(directory: Path, shim: Path) -> None:
    """The control: with most barriers ignored, the check finds losses, and the ledger evidence against its own log."""
    report = power_cuts(SCENARIO, directory, shim=shim, seed=4, states=80, lying=0.7, lying_from=FOUNDED)
    assert len(report.bad) > 20
    assert any("was acknowledged as record" in one for one in report.bad)
    assert any("VerificationFailed: LED-" in one for one in report.bad)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(10, 14))
def test_long_campaign(directory: Path, shim: Path, seed: int) -> None:
    for name in ("cuts", "lies"):
        (directory / name).mkdir()
    assert power_cuts(SCENARIO, directory / "cuts", shim=shim, seed=seed, states=800).bad == []
    # Which threads share a commit decides how much there is to record; all of these points come.
    last = len(record(SCENARIO, directory / "whole", shim=shim, seed=seed)) * 7 // 10
    for entries in range(seed, min(last, 500), 37):
        (directory / str(entries)).mkdir()
        kills = (entries, 40, 40)
        report = power_cuts(SCENARIO, directory / str(entries), shim=shim, seed=seed, states=40, kill_after=kills)
        assert report.bad == []
    for nth in range(1, 8):
        for suffix in SYNCED:
            (directory / f"{nth}{suffix[:3]}").mkdir()
            fault = Fault("S", nth, 1, errno.EIO, suffix)
            report = power_cuts(
                SCENARIO, directory / f"{nth}{suffix[:3]}", shim=shim, seed=seed, states=20, fault=fault
            )
            assert report.bad == []
    lies = power_cuts(SCENARIO, directory / "lies", shim=shim, seed=seed, states=200, lying=0.7, lying_from=FOUNDED)
    assert len(lies.bad) > 40
