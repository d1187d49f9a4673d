"""A ledger's directory and published logs that nobody has touched, and copies of them to be tampered with."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from audit.logs import Log
from audit.published_logs import SIZE
from audit.worlds import busy_world
from creditledger.audit import Report, Trust, verify
from creditledger.publish.publishing import publish
from creditledger.web import http as web_http
from publish.histories import stored
from web.servers import Server, serving


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


@pytest.fixture(scope="session")
def published_logs(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """The log as published at several sizes. Nobody may write there."""
    place = tmp_path_factory.mktemp("published")
    for size in (20, 256, SIZE, 600):
        publish(stored(place / f"ledger-{size}", size), place / f"out-{size}")
    return {size: place / f"out-{size}" for size in (20, 256, SIZE, 600)}


@pytest.fixture
def out(published_logs: dict[int, Path], tmp_path: Path) -> Path:
    """A copy of it, to be tampered with."""
    return Path(shutil.copytree(published_logs[SIZE], tmp_path / "out"))


@pytest.fixture
def server(out: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """It served over HTTP, to a client that tries twice."""
    monkeypatch.setattr(web_http, "_FIRST_WAIT", 0.01)
    monkeypatch.setattr(web_http, "ATTEMPTS", 2)
    with serving(out) as found:
        yield found
