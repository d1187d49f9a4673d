"""A disk that fails under a whole ledger: at each file, at each of its calls, once and for good (see harness.py).

Whoever appends is told by a StoreError, all threads are answered, nothing goes on until the ledger has been opened
again, and then everything acknowledged is there. A founding that fails leaves nothing.
"""

from __future__ import annotations

import errno
import json
import os
import random
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from crash.harness import HERE, Fault, faults, record
from crash.ledger_plan import founding

SCENARIO = "crash.ledger_scenario"
HEAD = founding().ledger_id.hex()
FOR_GOOD = 1 << 30
LATER = re.compile(r"content-0000(0[4-9]|[1-9])")
"""Segments of which a run may have more or fewer; the calls on any segment are chosen from those on the first ones."""


def matrix(directory: Path, shim: Path, seed: int, most: int) -> list[Fault]:
    """Faults at no more than `most` calls of each kind on each file, as a workload without faults makes them."""
    calls: Counter[tuple[str, str]] = Counter()
    for op in record(SCENARIO, directory / "recorded", shim=shim, seed=seed):
        if op.kind in "DRSTUW" and not LATER.search(op.path):
            calls[op.kind, suffix(op.path)] += 1
    rng = random.Random(seed)
    chosen = []
    for (kind, end), count in sorted(calls.items()):
        # How often the later ones come depends on which threads share a commit, and not every fault would strike.
        reliable = range(1, (count * 7 // 10 if count > 3 else count) + 1)
        for nth in rng.sample(reliable, min(most, len(reliable))):
            errors = [errno.EIO, errno.ENOSPC] + [0] * (kind == "W")
            chosen += [Fault(kind, nth, 1, error, end) for error in (errors if most > 1 else [rng.choice(errors)])]
            if kind == "W":
                chosen.append(Fault(kind, nth, FOR_GOOD, errno.ENOSPC, end))
    return chosen


def suffix(path: str) -> str:
    """What names a file whatever the run: all segments are one."""
    if path.endswith(".seg"):
        return ".seg"
    return "/".join(path.split("/")[-2:])


def test_no_failing_call_loses_anything_or_hangs_anybody_or_leaves_half_a_ledger(directory: Path, shim: Path) -> None:
    chosen = matrix(directory, shim, 5, 1)
    report = faults(SCENARIO, directory, shim=shim, seed=5, matrix=chosen)
    assert report.examined == len(chosen) > 60
    assert {"ledger.new", "data.mdb", ".seg", HEAD} <= {fault.suffix.split("/")[-1] for fault in chosen}
    assert report.bad == []


def test_no_limit_on_the_length_of_files_does_either(directory: Path) -> None:
    limits = [4096, 90_000, 135_000, 150_000, 180_000, 1 << 30]
    results = under_limits(directory, 6, limits)
    assert [problem for _, _, problem in results] == [""] * len(limits)
    acknowledged, ended, _ = zip(*results, strict=True)
    assert acknowledged[0] == 0
    assert 0 < acknowledged[2] < acknowledged[4] < acknowledged[-1]
    assert "may not grow" in ended[0]
    assert ended[-1] == ""


def under_limits(directory: Path, seed: int, limits: list[int]) -> list[tuple[int, str, str]]:
    command = [sys.executable, "-m", "crash.ledger_limits", str(directory), str(seed), *map(str, limits)]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])}
    output = subprocess.run(command, check=True, env=environ, stdout=subprocess.PIPE, timeout=600).stdout
    return list(json.loads(output).values())


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(20, 22))
def test_long_campaign(directory: Path, shim: Path, seed: int) -> None:
    chosen = matrix(directory, shim, seed, 7)
    assert faults(SCENARIO, directory, shim=shim, seed=seed, matrix=chosen).bad == []
    limits = list(range(4096, 300_000, 8192))
    (directory / "limits").mkdir()
    assert [problem for _, _, problem in under_limits(directory / "limits", seed, limits)] == [""] * len(limits)
