"""The crash scenario of a whole ledger with so much work that it is killed before the end (see ledger_scenario.py)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from crash import ledger_scenario
from crash.ledger_scenario import check

__all__ = ["check", "workload"]


def workload(root: Path, acknowledge: Callable[[bytes], None], seed: int) -> None:
    """As there, but longer."""
    ledger_scenario.workload(root, acknowledge, seed, sessions=3, steps=30)
