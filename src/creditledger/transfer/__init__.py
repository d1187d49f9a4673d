"""What goes into a ledger and comes out of it whole: exports, restores, tables of members, imports of public lists.

The names below are the public surface of this layer. They are loaded when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from creditledger.transfer.events_import import import_events as import_events
    from creditledger.transfer.export import export_ledger as export_ledger
    from creditledger.transfer.export_file import ExportReader as ExportReader
    from creditledger.transfer.export_file import ExportWriter as ExportWriter
    from creditledger.transfer.import_run import ImportOptions as ImportOptions
    from creditledger.transfer.import_run import ImportReport as ImportReport
    from creditledger.transfer.restore import Restored as Restored
    from creditledger.transfer.restore import restore_ledger as restore_ledger
    from creditledger.transfer.snapshot_import import import_snapshot as import_snapshot
    from creditledger.transfer.sources.events import EventLayout as EventLayout
    from creditledger.transfer.sources.events import read_events as read_events
    from creditledger.transfer.sources.ofac_sdn import read_sdn as read_sdn
    from creditledger.transfer.state_export import member_rows as member_rows
    from creditledger.transfer.state_export import write_csv as write_csv
    from creditledger.transfer.state_export import write_json_lines as write_json_lines
    from creditledger.transfer.transcript import TranscribedList as TranscribedList
    from creditledger.transfer.transcript import Transcript as Transcript
    from creditledger.transfer.transcript import prepare_transcript as prepare_transcript
    from creditledger.transfer.transcript import template_of as template_of

_PUBLIC: dict[str, str] = {
    "EventLayout": "sources.events",
    "ExportReader": "export_file",
    "ExportWriter": "export_file",
    "ImportOptions": "import_run",
    "ImportReport": "import_run",
    "Restored": "restore",
    "TranscribedList": "transcript",
    "Transcript": "transcript",
    "export_ledger": "export",
    "import_events": "events_import",
    "import_snapshot": "snapshot_import",
    "member_rows": "state_export",
    "prepare_transcript": "transcript",
    "read_events": "sources.events",
    "read_sdn": "sources.ofac_sdn",
    "restore_ledger": "restore",
    "template_of": "transcript",
    "write_csv": "state_export",
    "write_json_lines": "state_export",
}

# Computed, so that it cannot drift.
__all__ = sorted(_PUBLIC)  # noqa: PLE0605  # `sorted` gives the list that it asks for


def __getattr__(name: str) -> Any:
    """Loads a public name when it is first used."""
    try:
        module = _PUBLIC[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    value = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names."""
    return __all__
