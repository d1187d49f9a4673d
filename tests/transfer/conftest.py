"""Fixtures of the tests of exports, restores and the commands for transfers."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.program import Program
from creditledger.ledger.ledger import Ledger
from creditledger.transfer.export import export_ledger
from transfer.exports import filled
from transfer.office import Office, fill


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


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger that nothing was imported into, and a transcript to be registered. Nobody may write to it."""
    place = tmp_path_factory.mktemp("office")
    office = Office(place, Program(place / "home"))
    passphrase = place / "passphrase"
    passphrase.touch(0o600)
    passphrase.write_text("correct horse\n")
    founding = ("--origin", "a.example/b", "--keys", place / "reg-keys", "--roots", 1, "--no-passphrase")
    assert office.run("init", office.ledger, *founding).code == 0
    for name in ("transcriber", "transcriber-admin"):
        assert office.run("keygen", place / "reg-keys" / f"{name}.key", "--no-passphrase").code == 0
    (place / "transcript.toml").write_text(fill(office.run("import", "--template").out))
    return place


@pytest.fixture
def office(founded: Path, tmp_path: Path) -> Office:
    place = tmp_path / "office"
    shutil.copytree(founded, place)
    return Office(place, Program(place / "home"))


@pytest.fixture(scope="session")
def begun(founded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a first edition imported."""
    place = tmp_path_factory.mktemp("begun") / "office"
    shutil.copytree(founded, place)
    done = Office(place, Program(place / "home")).first("--transcript", place / "transcript.toml")
    assert done.code == 0, done
    return place


@pytest.fixture
def second(begun: Path, tmp_path: Path) -> Office:
    """An office with a first edition of 40 parties."""
    place = tmp_path / "second"
    shutil.copytree(begun, place)
    return Office(place, Program(place / "home"))
