"""kill -9 on a process in which several threads append to a ledger, again and again (see harness.py).

The parent keeps what was acknowledged, through a pipe. After each kill it opens the ledger, asks for everything again,
sends again what was under way, and lets the next process go on.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from crash.harness import kills

SCENARIO = "crash.ledger_kill_scenario"


def test_what_was_acknowledged_outlives_kill_9_and_nothing_is_doubled(directory: Path) -> None:
    report = kills(SCENARIO, directory, seed=1, rounds=7)
    assert report.examined == 7
    assert report.bad == []


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(10, 13))
def test_long_campaign(directory: Path, seed: int) -> None:
    assert kills(SCENARIO, directory, seed=seed, rounds=40).bad == []
