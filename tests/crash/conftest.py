"""What the crash campaigns share."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from crash.harness import build_shim


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that records and fails calls (Linux and a C compiler called cc are needed)."""
    return build_shim(tmp_path_factory.mktemp("shim"))


@pytest.fixture
def directory() -> Iterator[Path]:
    """A place in memory where there is one: it is not the disk of this machine that the campaigns test."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as path:
        yield Path(path)
