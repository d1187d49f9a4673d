"""One demonstration ledger for all tests of the command line, copies of it to write to, and a pit of bad files."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.bench import Bench, build, fingerprint
from cli.pit import Pit
from cli.program import Program


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """The demonstration ledger. Nobody may write to it."""
    return build(tmp_path_factory.mktemp("demo"))


def copied(demo: Bench, place: Path) -> Bench:
    """A copy of everything, heads included."""
    # What others verified is pinned in the home that they share; a copy begins without it.
    shutil.copytree(demo.ledger.parent, place, ignore=shutil.ignore_patterns("seen"))
    return Bench(place / "registry", place / "keys", place / "ledger.trust", demo.story, Program(place / "home"))


@pytest.fixture
def bench(demo: Bench, tmp_path: Path) -> Bench:
    """A copy of the demonstration to write to."""
    return copied(demo, tmp_path / "bench")


@pytest.fixture(scope="session")
def pit(demo: Bench, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pit]:
    """The bad files, and a copy of the demonstration whose log and content must be the same in the end."""
    place = tmp_path_factory.mktemp("pit")
    bench = copied(demo, place / "good")
    before = fingerprint(bench.ledger / "log") | fingerprint(bench.ledger / "private")
    yield Pit(place, bench)
    assert fingerprint(bench.ledger / "log") | fingerprint(bench.ledger / "private") == before
