"""Importing dated histories of lists: every addition and removal, with effect from the date of its event.

Events are taken in the order of their moments, at one moment in the order of the file. For each key they are held
against what is recorded: what the ledger has already is passed over, so that a longer edition of a history, or an
import that was killed, goes on where the recorded history ends. What makes no sense in itself (who is on the list is
added, who is not is removed) is counted and left out. What contradicts the record stops the import, unless it was
confirmed by number: then the record stands.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from creditledger.acts.kinds import Subject
from creditledger.errors import UsageError
from creditledger.keys.signer import Signer
from creditledger.ledger.ledger import Ledger
from creditledger.transfer.import_run import (
    ImportOptions,
    ImportReport,
    Progress,
    begin_report,
    citation,
    is_open,
    open_list,
    require_opener,
)
from creditledger.transfer.recorded import Recorded, Transition
from creditledger.transfer.sources.events import ADD, EventLayout, EventRow
from creditledger.transfer.survey import Survey, event_rows, open_source, require_unchanged, survey_events
from creditledger.transfer.transcriber import Mark, Transcriber, require_transcript


def import_events(
    ledger: Ledger,
    path: str | os.PathLike[str],
    *,
    layout: EventLayout,
    signer: Signer,
    opener: Signer | None = None,
    options: ImportOptions | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> ImportReport:
    """Import a history of events into the transcripts that its layout names.

    The date of an event is its civil date at the ledger's UTC offset (see `sources.events`). Memory grows with the
    number of different keys in the file, by some 300 bytes each.

    Args:
        ledger: open for writing, with its content key.
        path: the file.
        layout: what its fields are called, and which list is which.
        signer: the transcriber's act key.
        opener: the key that opens lists that are not open yet, from the date of the first event on.
        options: see `ImportOptions`.
        dry_run: only say what would be recorded.
        progress: called as acts are recorded.

    Returns:
        What was recorded.

    Raises:
        FormatError: rows cannot be read, or the file was changed meanwhile.
        UsageError: lists or options do not fit, or events contradict what is recorded.
        Refused: the ledger's rules forbid an act.
    """
    path = Path(path)
    options = options or ImportOptions()
    grounds = {one: require_transcript(ledger, one, options.ground, options.key_scheme) for one in layout.list_ids}
    unopened = {one: require_opener(one, opener) for one in layout.list_ids if not is_open(ledger, one)}
    ledger_row = ledger.governance.ledger
    utc_offset = ledger_row.utc_offset if ledger_row is not None else "+00:00"
    with open_source(path) as file:
        survey = survey_events(file, layout, utc_offset)
        report = begin_report(path, survey, layout.list_ids, options, dry_run=dry_run)
        cite = {one: citation(one, report, survey.last or ledger.today()) for one in layout.list_ids}
        transcriber = Transcriber(
            ledger, signer, cite, ground=grounds, scheme=options.key_scheme, cosigners=options.cosigners,
            on_entry=None if progress is None else lambda done: progress(done, report.acts),
        )  # fmt: skip
        run = _Events(ledger, transcriber, options)
        run.read(file, layout, utc_offset, survey, report.count, None)
        if report.total("disagreements") != options.confirm_disagreements:
            raise UsageError(_contradiction(report, options))
        if report.acts and not dry_run:
            require_unchanged(file, survey, report.file)
            for list_id, signs in unopened.items():
                open_list(ledger, list_id, signs, min(survey.first or ledger.today(), ledger.today()), report)
            run.read(file, layout, utc_offset, survey, _uncounted, transcriber)
            require_unchanged(file, survey, report.file)
    report.entries, report.recorded = transcriber.entries, transcriber.acts
    return report


class _Cursor:
    """One key of the file: who it is, what is recorded, how far the file has repeated that, whether it is listed."""

    __slots__ = ("listed", "listing", "position", "recorded", "subject")

    def __init__(self, subject: Subject | None, recorded: tuple[Transition, ...]) -> None:
        self.subject = subject
        self.recorded = recorded
        self.position = 0
        self.listed = False
        self.listing: Mark | None = None

    def next_recorded(self) -> Transition | None:
        """What the ledger says happened next, or None if it says no more."""
        if self.position == len(self.recorded):
            return None
        self.position += 1
        return self.recorded[self.position - 1]


_Count = Callable[[str, str, str], None]


def _uncounted(_list: str, _what: str, _example: str) -> None:
    """The second reading counts nothing: the first one has."""


class _Events:
    """A history against what is recorded."""

    def __init__(self, ledger: Ledger, transcriber: Transcriber, options: ImportOptions) -> None:
        self._find = transcriber.find
        self._recorded = Recorded(ledger)
        self._options = options

    def read(
        self,
        file: BinaryIO,
        layout: EventLayout,
        utc_offset: str,
        survey: Survey,
        count: _Count,
        transcriber: Transcriber | None,
    ) -> None:
        """Go through the events once; with a transcriber, record what is new."""
        cursors: dict[tuple[str, str], _Cursor] = {}
        for row in event_rows(file, layout, utc_offset, survey):
            cursor = cursors.get((row.list, row.key))
            if cursor is None:
                cursor = cursors[row.list, row.key] = self._cursor(row)
            self._step(row, cursor, count, transcriber)
        if transcriber is not None:
            transcriber.flush()

    def _cursor(self, row: EventRow) -> _Cursor:
        subject = self._find(row.list, row.key)
        recorded = () if subject is None else tuple(self._recorded.transitions(row.list, subject))
        return _Cursor(subject, recorded)

    def _step(self, row: EventRow, cursor: _Cursor, count: _Count, transcriber: Transcriber | None) -> None:
        adds = row.action == ADD
        example = f"line {row.line}, {row.action} {row.key} on {row.date}"
        if adds == cursor.listed:
            count(row.list, "duplicate_additions" if adds else "absent_removals", example)
            return
        cursor.listed = adds
        known = cursor.next_recorded()
        if known is not None:
            if adds and cursor.subject is not None:
                cursor.listing = Mark(cursor.subject, known.ref)
            if known.date in (None, row.date):
                count(row.list, "unchanged", example)
            else:
                count(row.list, "disagreements", f"{example}; recorded is {known.date}")
            return
        count(row.list, "additions" if adds else "removals", example)
        if transcriber is None:
            return
        if adds:
            cursor.listing = transcriber.list_subject(row.list, row.key, cursor.subject, row.fields, effective=row.date)
            cursor.subject = cursor.listing.subject
        elif cursor.listing is not None:
            reason = self._options.removal_reason
            transcriber.remove(row.list, cursor.listing, reason=reason, effective=row.date)


def _contradiction(report: ImportReport, options: ImportOptions) -> str:
    shown = "; ".join(report.examples.get("disagreements", [])[:5])
    return (
        f"{report.file}: {report.total('disagreements')} events contradict what is recorded, "
        f"{options.confirm_disagreements} were confirmed" + (f" ({shown})" if shown else "")
    )
