"""What the crash campaigns share."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from crash.harness import build_shim, scratch

NOT_RUN = (
    "NOT RUN: power cuts and failing disks are simulated by a small C library, and this machine has no working C "
    "compiler, or is not Linux (on Debian: apt install gcc libc6-dev)"
)


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that records and fails calls (see `made_shim`)."""
    return made_shim(tmp_path_factory.mktemp("shim"))


def made_shim(place: Path) -> Path:
    """The library that records and fails calls; where it cannot be built, the tests that need it are skipped.

    With `CREDITLEDGER_REQUIRE_CC` set, as wherever a green run has to mean that the campaigns were run, they fail.
    """
    compiler = working_compiler()
    if compiler is None:
        if os.environ.get("CREDITLEDGER_REQUIRE_CC"):
            pytest.fail(NOT_RUN, pytrace=False)
        pytest.skip(NOT_RUN)
    return build_shim(compiler, place)


def working_compiler() -> str | None:
    """The C compiler of this machine, if it has one that works: what `CC` names, or cc, gcc or clang."""
    names = [os.environ["CC"]] if os.environ.get("CC") else ["cc", "gcc", "clang"]
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None or sys.platform != "linux":
        return None
    # Does it find a linker and the headers of the C library, which are packages of their own? If so, whatever keeps
    # the shim from being built is a fault of the shim.
    with tempfile.TemporaryDirectory() as scratch:
        command = [found, "-shared", "-fPIC", "-x", "c", "-", "-o", f"{scratch}/nothing.so", "-ldl", "-lpthread"]
        source = b"#define _GNU_SOURCE\n#include <dlfcn.h>\n#include <pthread.h>\n#include <stdio.h>\n"
        tried = subprocess.run(command, input=source, capture_output=True)
    return found if tried.returncode == 0 else None


@pytest.fixture
def directory() -> Iterator[Path]:
    """A place in memory for one test."""
    with scratch() as place:
        yield place
