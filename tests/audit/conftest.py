"""A ledger's directory that nobody has touched, and copies of it to be tampered with."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from audit.logs import Log
from audit.worlds import busy_world
from creditledger.audit import Report, Trust, verify


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Trust]:
    """A ledger's directory that nobody has touched."""
    log = Log.of(busy_world())
    return log.store(tmp_path_factory.mktemp("honest") / "ledger"), log.trust


@pytest.fixture
def ledger(honest: tuple[Path, Trust], tmp_path: Path) -> Path:
    """A copy of it, to be tampered with."""
    return Path(shutil.copytree(honest[0], tmp_path / "ledger"))


@pytest.fixture
def audit(honest: tuple[Path, Trust]) -> Callable[..., Report]:
    def run(path: Path, **options: Any) -> Report:
        return verify(path, trust=honest[1], **{"raise_on_failure": False} | options)

    return run
