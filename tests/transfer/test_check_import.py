"""The tool that compares a ledger's members with those computed straight from the source file."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from creditledger.store.master_key import write_master_key
from creditledger.transfer.events_import import import_events
from creditledger.transfer.import_run import ImportOptions
from creditledger.transfer.snapshot_import import import_snapshot
from creditledger.transfer.sources.events import EventLayout
from transfer.mirror import ACT, ADMIN, event, events_file, found, sdn_file

TOOL = Path(__file__).parents[2] / "tools" / "check_import.py"
HISTORY = [
    event("2024-01-01T20:00:00-05:00", "add", "a.example", list="x"),
    event("2024-01-02T00:30:00+08:00", "add", "b@c.example", list="x"),
    event("2024-01-09T12:00:00Z", "remove", "a.example", list="x"),
]


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run the tool with these arguments and return its exit status."""
    spec = importlib.util.spec_from_file_location("check_import", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def run(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["check_import.py", *map(str, arguments)])
        status: int = module.main()
        return status

    return run


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ledger with an event history and an edition, and the files they came from."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    key = write_master_key(tmp_path / "content.key")
    with found(tmp_path, utc_offset="+08:00", content_key=key) as ledger:
        import_events(
            ledger, events_file(tmp_path / "h.jsonl", HISTORY), layout=EventLayout({"x": "hosts"}, date="recorded"),
            signer=ACT, opener=ADMIN, options=ImportOptions(key_scheme="host"),
        )  # fmt: skip
        path = sdn_file(tmp_path / "sdn.csv", [[1, "A"], [2, 'B "C", D']])
        import_snapshot(ledger, path, list_id="parties", dated="2025-01-01", signer=ACT, opener=ADMIN)
    return tmp_path


def arguments(directory: Path, name: str, form: str) -> tuple[object, ...]:
    return (
        directory / name,
        "--ledger",
        directory / "ledger",
        "--content-key",
        directory / "content.key",
        "--format",
        form,
    )


def test_the_same_on_every_day(directory: Path, check: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert check(*arguments(directory, "h.jsonl", "events"), "--lists", "x=hosts") == 0
    assert capsys.readouterr().out.splitlines() == [
        "2024-01-01 hosts: 0 in the file, 0 in the ledger",
        "2024-01-02 hosts: 2 in the file, 2 in the ledger",
        "2024-01-08 hosts: 2 in the file, 2 in the ledger",
        "2024-01-09 hosts: 1 in the file, 1 in the ledger",
    ]
    assert check(*arguments(directory, "sdn.csv", "ofac-sdn"), "--list", "parties", "--dated", "2025-01-01") == 0


def test_a_difference_is_named(directory: Path, check: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    events_file(directory / "h.jsonl", [*HISTORY[1:], event("2024-01-03", "add", "new.example", list="x")])
    assert check(*arguments(directory, "h.jsonl", "events"), "--lists", "x=hosts", "--day", "2024-01-05") == 1
    assert capsys.readouterr().out.splitlines() == [
        "2024-01-05 hosts: 2 in the file, 2 in the ledger",
        "  in the file only: new.example",
        "  in the ledger only: a.example",
    ]
    sdn_file(directory / "sdn.csv", [[1, "A"], [3, "C"]])
    assert check(*arguments(directory, "sdn.csv", "ofac-sdn"), "--list", "parties", "--dated", "2025-01-01") == 1
