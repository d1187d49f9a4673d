"""Runs the ledger's workload under a limit on the length of files, which works on any POSIX system and needs no shim.

    python -m crash.ledger_limits DIRECTORY SEED LIMIT...      prints JSON: limit -> (acknowledged, error, problem)

Every write beyond the limit fails (EFBIG), first in the middle of a commit and then always, as on a disk that is full.
Once the limit is lifted, the check must find everything that was acknowledged, and go on.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

from crash.ledger_scenario import check, workload
from creditledger.errors import StoreError


def run(root: Path, seed: int, limit: int) -> tuple[int, str, str]:
    """One workload under one limit; returns how much it acknowledged, what ended it, and what the check found."""
    acknowledged: list[bytes] = []
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    root.mkdir()
    ended = problem = ""
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        workload(root, acknowledged.append, seed, sessions=4, steps=10)
    except StoreError as error:
        ended = str(error)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    try:
        check(root, acknowledged)
    except Exception as error:  # noqa: BLE001  # Whatever a check raises is a finding.
        problem = f"{type(error).__name__}: {error}"
    return len(acknowledged), ended, problem


if __name__ == "__main__":
    directory, seed, *limits = sys.argv[1:]
    print(json.dumps({limit: run(Path(directory) / limit, int(seed), int(limit)) for limit in limits}))
