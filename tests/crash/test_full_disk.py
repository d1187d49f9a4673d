"""A disk that is full in the middle of init, keygen, import, export, restore, erase: never half of anything."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from crash.harness import HERE

JOBS = ("init", "keygen", "erase", "export", "restore", "import")

Row = tuple[str, int, int, str, str]


@pytest.fixture(scope="module")
def outcomes(shim: Path) -> Iterator[list[Row]]:
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as path:
        yield run(shim, Path(path))


def run(shim: Path, directory: Path) -> list[Row]:
    paths = os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])
    environ = {**os.environ, "PYTHONPATH": paths, "LD_PRELOAD": str(shim), "CRASH_ROOT": str(directory.resolve())}
    command = [sys.executable, "-m", "crash.full_disk", str(directory.resolve())]
    output = subprocess.run(command, check=True, env=environ, stdout=subprocess.PIPE, timeout=200).stdout
    return [tuple(row) for row in json.loads(output)]


@pytest.mark.parametrize("job", JOBS)
def test_a_disk_that_is_full_in_the_middle_never_leaves_half_of_anything(outcomes: list[Row], job: str) -> None:
    rows = [row for row in outcomes if row[0] == job]
    assert [row for row in rows if row[4]] == []
    assert rows[0][2]  # There was no room from the first write on,
    assert not rows[-1][2]  # and in the end there was enough.


@pytest.mark.parametrize("job", JOBS)
def test_whoever_did_it_is_told_that_the_disk_is_full(outcomes: list[Row], job: str) -> None:
    errors = [row[3] for row in outcomes if row[0] == job and row[3]]
    assert errors
    assert [error for error in errors if "disk is full" not in error and "No space left" not in error] == []
