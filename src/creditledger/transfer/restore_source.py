"""What a ledger is restored from: the frames of an export file, or a published log read as if it were one.

Of a published log, those are every record and then the one checkpoint that it shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from creditledger.audit.published import Published, PublishedRecords, is_published, read_signed
from creditledger.audit.trust import Trust
from creditledger.ledger.log import parse_checkpoint
from creditledger.transfer.export_file import CHECKPOINT, RECORD, ExportReader, Frame, Totals
from creditledger.transfer.survey import open_source
from creditledger.web.place import open_place


class Reader(Protocol):
    """Frames in the order of an export."""

    totals: Totals | None

    def frames(self) -> Iterator[Frame]:
        """Yield every frame; `totals` is known after the last."""


class PublishedReader:
    """Reads a published log once, as `ExportReader` reads an export.

    Attributes:
        totals: what there was, once it has been read to its end; None before.
    """

    def __init__(self, records: PublishedRecords, size: int) -> None:
        self._records = records
        self._size = size
        self.totals: Totals | None = None

    def frames(self) -> Iterator[Frame]:
        """Yield the records, each held against the root of the checkpoint, and the checkpoint; offsets are numbers.

        Raises VerificationFailed, CannotVerify or StoreError as `PublishedRecords.records` does.
        """
        for seq, (record, notes) in enumerate(self._records.records(0, self._size, 0)):
            yield Frame(RECORD, record, seq)
            for note in notes:
                yield Frame(CHECKPOINT, note, seq)
        self.totals = Totals(self._size, 1, 0)


@contextmanager
def open_reader(source: str, trust: Trust | None) -> Iterator[Reader]:
    """Open an export file, or a log that is published in a directory or at a URL.

    With a trust file the checkpoint of a published log is verified before anything else is read. Without one, that it
    is signed by a log key of the ledger is checked by whoever takes the frames, when all records are known.
    """
    if not is_published(source):
        with open_source(Path(source)) as file:
            yield ExportReader(file)
        return
    place = open_place(source)
    try:
        note = Published(place).checkpoint_note() if trust is None else read_signed(place, trust).note
    finally:
        place.close()
    head = parse_checkpoint(note)
    records = PublishedRecords(source, note, head, None)
    try:
        yield PublishedReader(records, head.size)
    finally:
        records.close()
