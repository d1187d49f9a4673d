"""A process that imports or restores, and kills itself at a moment: `python -m transfer.killed DIR JOB [POINT N]`.

POINT is a function, named `module:Class.method`; the process ends by SIGKILL right after its Nth call has returned.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from pathlib import Path
from typing import Any

from creditledger.transfer.events_import import import_events
from creditledger.transfer.import_run import ImportOptions, ImportReport
from creditledger.transfer.restore import restore_ledger
from creditledger.transfer.snapshot_import import import_snapshot
from creditledger.transfer.sources.events import EventLayout
from transfer.mirror import ACT, ADMIN, CONTENT_KEY, HEADS, LOG, reopen


def run_events(directory: Path) -> ImportReport:
    """Import DIR/events.jsonl."""
    with reopen(directory) as ledger:
        layout = EventLayout("coins", date="recorded")
        return import_events(ledger, directory / "events.jsonl", layout=layout, signer=ACT, opener=ADMIN)


def run_snapshot(directory: Path, edition: str = "second", dated: str = "2025-02-01") -> ImportReport:
    """Import DIR/second.csv, which removes 60 parties."""
    options = ImportOptions(confirm_removals=60 if edition == "second" else None)
    with reopen(directory) as ledger:
        path = directory / f"{edition}.csv"
        return import_snapshot(ledger, path, list_id="parties", dated=dated, signer=ACT, opener=ADMIN, options=options)


def run_restore(directory: Path) -> None:
    """Restore DIR/export to DIR/restored."""
    restore_ledger(
        directory / "export",
        directory / "restored",
        log_signer=LOG,
        content_key=CONTENT_KEY,
        head_dir=directory / HEADS,
    )


JOBS = {
    "events": run_events,
    "first": lambda directory: run_snapshot(directory, "first", "2025-01-01"),
    "second": run_snapshot,
    "restore": run_restore,
}


def kill_after(point: str, number: int) -> None:
    """Arrange for the end of this process."""
    module_name, _, path = point.partition(":")
    owner: Any = importlib.import_module(module_name)
    *parents, name = path.split(".")
    for parent in parents:
        owner = getattr(owner, parent)
    original = getattr(owner, name)
    calls = 0

    def wrapper(*arguments: Any, **more: Any) -> Any:
        nonlocal calls
        result = original(*arguments, **more)
        calls += 1
        if calls == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, wrapper)


if __name__ == "__main__":
    if len(sys.argv) > 3:
        kill_after(sys.argv[3], int(sys.argv[4]))
    JOBS[sys.argv[2]](Path(sys.argv[1]))
