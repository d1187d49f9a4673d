"""A ledger, and three witnesses that it asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.registry import Registry
from support.witness import FakeWitness, Now, copied, witnesses


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("founded")
    made = Registry(place)
    made.clock = Now()
    made.create().close()
    return place


@pytest.fixture
def registry(founded: Path, tmp_path: Path) -> Registry:
    return copied(founded, tmp_path / "copy")


@pytest.fixture
def three() -> Iterator[list[FakeWitness]]:
    with witnesses("witness.example/w1", "witness.example/w2", "witness.example/w3") as found:
        yield found
