"""Exports for tests: made, taken apart, put together again with a right end."""

from __future__ import annotations

from pathlib import Path

from creditledger.ledger.ledger import Ledger
from creditledger.transfer.events_import import import_events
from creditledger.transfer.export_file import CHECKPOINT, RECORD, ExportReader, ExportWriter, Frame, read_content
from creditledger.transfer.restore import Restored, restore_ledger
from creditledger.transfer.snapshot_import import import_snapshot
from creditledger.transfer.sources.events import EventLayout
from transfer.mirror import ACT, ADMIN, HEADS, event, events_file, found, sdn_file

NEW_KEY = b"n" * 32
COINS = EventLayout("coins", date="recorded")


def filled(directory: Path) -> Ledger:
    """A ledger with opening balances, an event history, and content."""
    ledger = found(directory)
    path = sdn_file(directory / "sdn.csv", [[7, "ANA GARCIA", "individual"], [8, "ZWEITE GMBH"]])
    import_snapshot(ledger, path, list_id="parties", dated="2025-01-01", signer=ACT, opener=ADMIN)
    for number in range(1, 5):
        history = [event(f"2024-01-{day:02}", "add", f"coin-{day}") for day in range(1, 2 * number)]
        path = events_file(directory / "h.jsonl", history)
        import_events(ledger, path, layout=COINS, signer=ACT, opener=ADMIN)
    return ledger


def restore(directory: Path, export: Path, name: str = "restored", **more: object) -> Restored:
    arguments: dict[str, object] = {"head_dir": directory / HEADS, "content_key": NEW_KEY} | more
    return restore_ledger(export, directory / name, **arguments)  # type: ignore[arg-type]  # checked by the callee


def frames(export: Path) -> list[Frame]:
    with export.open("rb") as file:
        return list(ExportReader(file).frames())


def write(path: Path, kept: list[Frame]) -> Path:
    """A file with these frames and a right end."""
    with path.open("wb") as file:
        writer = ExportWriter(file)
        for frame in kept:
            if frame.kind == RECORD:
                writer.record(frame.payload)
            elif frame.kind == CHECKPOINT:
                writer.checkpoint(frame.payload)
            else:
                writer.content(read_content(frame))
        writer.end()
    return path


def records(kept: list[Frame]) -> list[int]:
    """The places of the records."""
    return [at for at, frame in enumerate(kept) if frame.kind == RECORD]
