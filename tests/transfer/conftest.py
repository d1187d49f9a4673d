"""Fixtures of the tests of exports and restores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from creditledger.ledger.ledger import Ledger
from creditledger.transfer.export import export_ledger
from transfer.exports import filled


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger with opening balances, an event history, and content, in `tmp_path`/ledger."""
    with filled(tmp_path) as one:
        yield one


@pytest.fixture
def export(tmp_path: Path, ledger: Ledger) -> Path:
    """Its export, with content."""
    export_ledger(ledger, tmp_path / "export", with_content=True)
    return tmp_path / "export"
