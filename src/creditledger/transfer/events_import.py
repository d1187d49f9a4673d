"""Importing dated histories of lists: every addition and removal, with effect from the date of its event.

Events are taken in the order of their moments, at one moment in the order of the file. For each key they are held
against what is recorded: what the ledger has already is passed over, so that a longer edition of a history, or an
import that was killed, goes on where the recorded history ends. What makes no sense in itself (who is on the list is
added, who is not is removed) is counted and left out. What contradicts the record stops the import, unless it was
confirmed by number: then the record stands.

Of a key about which a row was skipped, nothing new is recorded: with an event missing from the middle, its later ones
may mean something else. Once the row is mended, the next import records all of them, in their order.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
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
    counted,
    every_so_often,
    is_open,
    open_list,
    require_confirmed,
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
    signer: Signer | None,
    opener: Signer | None = None,
    options: ImportOptions | None = None,
    dry_run: bool = False,
    planned: Collection[str] = (),
    progress: Progress | None = None,
) -> ImportReport:
    """Import a history of events into the transcripts that its layout names.

    The date of an event is its civil date at the ledger's UTC offset (see `sources.events`). Memory grows with the
    number of different keys in the file, by some 300 bytes each.

    Args:
        ledger: open for writing, with its content key.
        path: the file.
        layout: what its fields are called, and which list is which.
        signer: the transcriber's act key; a dry run needs none.
        opener: the key that opens lists that are not open yet, from the date of the first event on.
        options: see `ImportOptions`.
        dry_run: only say what would be recorded; what the rules would refuse is not foreseen.
        planned: lists that need not be there yet in a dry run.
        progress: called as rows are compared and acts are recorded.

    Returns:
        What was recorded.

    Raises:
        FormatError: rows cannot be read, or the file was changed meanwhile.
        UsageError: lists or options do not fit, or events contradict what is recorded.
        Refused: the ledger's rules forbid an act.
    """
    path = Path(path)
    options = options or ImportOptions()
    asked = [one for one in layout.list_ids if not dry_run or one not in planned]
    grounds = {one: require_transcript(ledger, one, options) for one in asked}
    unopened = {one: require_opener(one, opener) for one in asked if not dry_run and not is_open(ledger, one)}
    ledger_row = ledger.governance.ledger
    utc_offset = ledger_row.utc_offset if ledger_row is not None else "+00:00"
    with open_source(path) as file:
        survey = survey_events(file, layout, utc_offset)
        report = begin_report(path, survey, layout.list_ids, options, dry_run=dry_run)
        cite = {one: citation(one, report, survey.last or ledger.today()) for one in layout.list_ids}
        transcriber = Transcriber(
            ledger, signer, cite, ground=grounds, scheme=options.key_scheme, cosigners=options.cosigners,
            on_entry=None if progress is None else lambda done: progress("recording acts", done, report.acts),
        )  # fmt: skip
        run = _Events(ledger, transcriber, options)
        compared = every_so_often(progress, "comparing events", survey.rows)
        run.read(file, layout, utc_offset, survey, report, None, compared)
        require_confirmed(report, survey, options)
        if report.total("disagreements") != options.confirm_disagreements:
            raise UsageError(_contradiction(report, options))
        if report.acts and not dry_run:
            require_unchanged(file, survey, report.file)
            for list_id, signs in unopened.items():
                open_list(ledger, list_id, signs, min(survey.first or ledger.today(), ledger.today()), report)
            run.read(file, layout, utc_offset, survey, None, transcriber)
            require_unchanged(file, survey, report.file)
    report.entries, report.recorded = transcriber.entries, transcriber.acts
    return report


class _Cursor:
    """One key of the file: who it is, what is recorded, how far the file has repeated that, whether it is listed.

    It is held if a row that was skipped may be about it.
    """

    __slots__ = ("held", "listed", "listing", "position", "recorded", "subject")

    def __init__(self, subject: Subject | None, recorded: tuple[Transition, ...], *, held: bool) -> None:
        self.subject = subject
        self.recorded = recorded
        self.held = held
        self.position = 0
        self.listed = False
        self.listing: Mark | None = None

    def next_recorded(self) -> Transition | None:
        """What the ledger says happened next, or None if it says no more."""
        if self.position == len(self.recorded):
            return None
        self.position += 1
        return self.recorded[self.position - 1]


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
        report: ImportReport | None,
        transcriber: Transcriber | None,
        compared: Callable[[int], None] | None = None,
    ) -> None:
        """Go through the events once; with a report, count them; with a transcriber, record what is new."""
        cursors: dict[tuple[str, str], _Cursor] = {}
        for number, row in enumerate(event_rows(file, layout, utc_offset, survey), 1):
            if compared is not None:
                compared(number)
            cursor = cursors.get((row.list, row.key))
            if cursor is None:
                cursor = cursors[row.list, row.key] = self._cursor(row, survey)
            what, known = self._verdict(row, cursor)
            if report is not None:
                _count(report, row, what, known)
            if transcriber is not None and what in ("additions", "removals"):
                self._record(row, cursor, transcriber)
        if transcriber is not None:
            transcriber.flush()

    def _cursor(self, row: EventRow, survey: Survey) -> _Cursor:
        subject = self._find(row.list, row.key)
        recorded = () if subject is None else tuple(self._recorded.transitions(row.list, subject))
        return _Cursor(subject, recorded, held=survey.skipped.may_concern(row.list, row.key))

    def _verdict(self, row: EventRow, cursor: _Cursor) -> tuple[str, Transition | None]:
        """As what an event counts (see `Counts`), and what is recorded in its place."""
        adds = row.action == ADD
        if adds == cursor.listed:
            return ("duplicate_additions" if adds else "absent_removals"), None
        cursor.listed = adds
        known = cursor.next_recorded()
        if known is None:
            return ("held" if cursor.held else "additions" if adds else "removals"), None
        if adds and cursor.subject is not None:
            cursor.listing = Mark(cursor.subject, known.ref)
        if known.date in (None, row.date):
            return "unchanged", known
        # With an event skipped, the later ones are held against the wrong ones on record.
        return ("held" if cursor.held else "disagreements"), known

    def _record(self, row: EventRow, cursor: _Cursor, transcriber: Transcriber) -> None:
        if row.action == ADD:
            cursor.listing = transcriber.list_subject(row.list, row.key, cursor.subject, row.fields, effective=row.date)
            cursor.subject = cursor.listing.subject
        elif cursor.listing is not None:
            reason = self._options.removal_reason
            transcriber.remove(row.list, cursor.listing, reason=reason, effective=row.date)


def _count(report: ImportReport, row: EventRow, what: str, known: Transition | None) -> None:
    example = f"line {row.line}, {row.action} {row.key} on {row.date}"
    report.count(
        row.list, what, example if what != "disagreements" or known is None else f"{example}; recorded is {known.date}"
    )
    if what in ("additions", "removals") and report.goes_on is None:
        report.goes_on = row.line
    if known is not None and known.source == report.sha256:
        report.recorded_before += 1
        report.removed_before += row.action != ADD


def _contradiction(report: ImportReport, options: ImportOptions) -> str:
    shown = "; ".join(report.examples.get("disagreements", [])[:5])
    number = report.total("disagreements")
    return (
        f"{report.file}: {counted(number, 'event')} contradict what is recorded, {options.confirm_disagreements} were "
        f"confirmed{f' ({shown})' if shown else ''}. Nothing is imported: look at the file, and if the record is to "
        f"stand as it is, confirm exactly {number} (--confirm-disagreements {number})"
    )
