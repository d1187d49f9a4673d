"""What the tests with other people's implementations share; `pytest -m interop` runs them.

Each implementation is fetched from its package registry at a pinned version and built outside the repository. Where
that cannot be done, its tests are skipped and say so; with `CREDITLEDGER_REQUIRE_INTEROP` set they fail.
"""

from __future__ import annotations

import fcntl
import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from interop.peers import BUILD_SECONDS, Peer, build_go, install_npm, install_python


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # The first test of a run waits for the compiler, which takes minutes when nothing has been cached yet.
    for item in items:
        if item.get_closest_marker("interop") is not None:
            item.add_marker(pytest.mark.timeout(2 * BUILD_SECONDS))


@pytest.fixture(scope="session")
def go_programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory with the programs peer, witness, tessera and litewitness; the workers of a run build them once."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    directory = shared / "go-programs"
    with (shared / "go-programs.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not directory.exists():
            build_go(tmp_path_factory.mktemp("go")).rename(directory)
    return directory


@pytest.fixture(scope="module")
def go(go_programs: Path) -> Iterator[Peer]:
    """The Go libraries; the tree that was grown last stays."""
    peer = Peer(go_programs / "peer")
    yield peer
    peer.close()


@pytest.fixture(scope="module")
def sigstore(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """The Sigstore verifier for Node.js."""
    directory = install_npm(tmp_path_factory.mktemp("npm"))
    peer = Peer("node", Path(__file__).parent / "node" / "peer.mjs", directory)
    yield peer
    peer.close()


@pytest.fixture(scope="module")
def pymerkle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The package pymerkle."""
    directory = str(install_python(tmp_path_factory.mktemp("python")))
    sys.path.insert(0, directory)
    yield importlib.import_module("pymerkle")
    sys.path.remove(directory)
