"""Importing a list as it stood on one day, and what changed since the edition before.

The first edition of a list that is not open yet becomes its opening balances: these parties were on the list, since
when the file does not say. Then the list is opened. A later edition is compared with what is recorded: who is new is
added, whose particulars changed is corrected, who is missing is removed, each with effect from the edition's date.
Who may stand in a row that was skipped because it cannot be read is not missing.
Whose listing was quashed or shortened on appeal here, or is under appeal, and who is to be listed anew, is listed in a
case of its own: the source's decision is a new one, and undoes nothing.

Whoever is compared anew each time has nothing to resume: an import that was killed is simply run again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import BinaryIO

from creditledger.acts import catalogue as acts
from creditledger.acts.kinds import Subject
from creditledger.codec.dates import check_date
from creditledger.errors import UsageError
from creditledger.keys.signer import Signer
from creditledger.ledger.answer import ListingView
from creditledger.ledger.ledger import Ledger
from creditledger.store.identity import KEY_LABEL
from creditledger.transfer.import_run import (
    ImportOptions,
    ImportReport,
    Progress,
    begin_report,
    citation,
    every_so_often,
    is_open,
    open_list,
    removals_shown,
    require_confirmed,
    require_opener,
)
from creditledger.transfer.recorded import Particulars, Recorded
from creditledger.transfer.sources.lines import BadRow
from creditledger.transfer.sources.ofac_sdn import read_sdn
from creditledger.transfer.survey import (
    SnapshotReader,
    SnapshotRow,
    Survey,
    open_source,
    require_unchanged,
    snapshot_rows,
    survey_snapshot,
)
from creditledger.transfer.transcriber import Mark, Transcriber, require_transcript

_SAME, _NEW, _CHANGED = b"=+~"


def import_snapshot(
    ledger: Ledger,
    path: str | os.PathLike[str],
    *,
    list_id: str,
    dated: str,
    signer: Signer | None,
    opener: Signer | None = None,
    read: SnapshotReader = read_sdn,
    options: ImportOptions | None = None,
    dry_run: bool = False,
    planned: Collection[str] = (),
    progress: Progress | None = None,
) -> ImportReport:
    """Import one edition of a list into its transcript.

    Args:
        ledger: open for writing, with its content key.
        path: the file.
        list_id: the transcript, whose definition names its source.
        dated: the edition's date of issue, `YYYY-MM-DD`: from when changes take effect.
        signer: the transcriber's act key; a dry run needs none.
        opener: the key that opens the list after its opening balances; needed only then.
        read: the parser; by default that of OFAC's sdn.csv.
        options: see `ImportOptions`.
        dry_run: only say what would be recorded; what the rules would refuse is not foreseen.
        planned: lists that need not be there yet in a dry run.
        progress: called as rows are compared and acts are recorded.

    Returns:
        What was recorded.

    Raises:
        FormatError: rows cannot be read, or the file was changed meanwhile.
        UsageError: the list, the date or the options do not fit, or more would be removed than was confirmed.
        CannotVerify: content that the file must be compared with is missing.
        Refused: the ledger's rules forbid an act.
    """
    path = Path(path)
    options = options or ImportOptions()
    check_date(dated)
    if dated > ledger.today():
        raise UsageError(f"an edition of {dated} cannot be imported on {ledger.today()}: it lies ahead")
    ground = "" if dry_run and list_id in planned else require_transcript(ledger, list_id, options)
    unopened = not is_open(ledger, list_id)
    if unopened and not dry_run:
        opener = require_opener(list_id, opener)
    with open_source(path) as file:
        survey = survey_snapshot(file, read)
        report = begin_report(path, survey, [list_id], options, dry_run=dry_run)
        transcriber = Transcriber(
            ledger, signer, {list_id: citation(list_id, report, dated)},
            ground={list_id: ground}, scheme=options.key_scheme, cosigners=options.cosigners,
            on_entry=None if progress is None else lambda done: progress("recording acts", done, report.acts),
        )  # fmt: skip
        run = _Snapshot(ledger, list_id, dated, transcriber, report, options)
        run.plan(file, read, survey, every_so_often(progress, "comparing rows", survey.rows))
        if not dry_run and (report.acts or unopened):
            require_unchanged(file, survey, report.file)
            run.execute(file, read)
            require_unchanged(file, survey, report.file)
            if unopened:
                open_list(ledger, list_id, require_opener(list_id, opener), dated, report)
    report.entries, report.recorded = transcriber.entries, transcriber.acts
    return report


class _Snapshot:
    """One edition against one list."""

    def __init__(
        self,
        ledger: Ledger,
        list_id: str,
        dated: str,
        transcriber: Transcriber,
        report: ImportReport,
        options: ImportOptions,
    ) -> None:
        self._list = list_id
        self._dated = dated
        self._transcriber = transcriber
        self._report = report
        self._options = options
        self._recorded = Recorded(ledger)
        self._opening = not is_open(ledger, list_id)
        self._live: dict[Subject, ListingView] = {}
        known = list_id in ledger.governance.lists
        for subject, _, views in ledger.members(list_id, every=True) if known else ():
            view = self._recorded.live_listing(list_id, subject, views)
            if view is not None:
                self._live[subject] = view
            report.removed_before += sum(self._removed_by_this_file(one) for one in views)
        report.recorded_before = report.removed_before
        self._verdicts = bytearray()
        self._removals: list[tuple[Subject, ListingView]] = []

    def plan(self, file: BinaryIO, read: SnapshotReader, survey: Survey, compared: Callable[[int], None]) -> None:
        """Compare every row with what is recorded, and settle whether the removals may go on."""
        missing = dict(self._live)
        new = "openings" if self._opening else "additions"
        for row in snapshot_rows(file, read, set()):
            if isinstance(row, BadRow):
                continue
            subject = self._transcriber.find(self._list, row.key)
            view = None if subject is None else self._live.get(subject)
            if subject is None or view is None:
                verdict = _NEW
                self._count(row, new, f"line {row.line}, key {row.key}")
            else:
                del missing[subject]
                known = self._recorded.particulars(self._list, subject, view)
                self._require_later(known)
                self._report.recorded_before += known.sources.count(self._report.sha256)
                changes = self._changes(subject, known, row)
                verdict = _CHANGED if changes else _SAME
                what = f"line {row.line}, key {row.key}: {', '.join(sorted(changes))}"
                self._count(row, "corrections" if changes else "unchanged", what)
            self._verdicts.append(verdict)
            compared(len(self._verdicts))
        for subject, view in missing.items():
            key = self._recorded.key_of(self._list, subject)
            held = survey.skipped.may_concern(self._list, key)
            self._require_later(self._recorded.particulars(self._list, subject, view))
            if not held:
                self._removals.append((subject, view))
            what = f"key {key}" if key is not None else str(subject)
            self._report.count(self._list, "held" if held else "removals", what)
        require_confirmed(self._report, survey, self._options)
        self._require_share()

    def _count(self, row: SnapshotRow, what: str, example: str) -> None:
        self._report.count(self._list, what, example)
        if what != "unchanged" and self._report.goes_on is None:
            self._report.goes_on = row.line

    def execute(self, file: BinaryIO, read: SnapshotReader) -> None:
        """Record what the plan says, in the order of the file; removals last, in the order of the list."""
        rows = (row for row in snapshot_rows(file, read, set()) if not isinstance(row, BadRow))
        for verdict, row in zip(self._verdicts, rows, strict=True):
            if verdict != _SAME:
                self._record(verdict, row)
        for subject, view in self._removals:
            listing = Mark(subject, self._recorded.ref(view.address))
            reason = self._options.removal_reason
            self._transcriber.remove(self._list, listing, reason=reason, effective=self._dated)
        self._transcriber.flush()

    def _record(self, verdict: int, row: SnapshotRow) -> None:
        subject = self._transcriber.find(self._list, row.key)
        if verdict == _NEW or subject is None:
            self._transcriber.list_subject(
                self._list, row.key, subject, row.fields,
                effective=None if self._opening else self._dated,
            )  # fmt: skip
            return
        known = self._recorded.particulars(self._list, subject, self._live[subject])
        self._transcriber.correct(
            self._list, subject, known.ref, self._changes(subject, known, row),
            decided=self._dated, area=known.area, effective=known.effective, until=known.until,
        )  # fmt: skip

    def _changes(self, subject: Subject, known: Particulars, row: SnapshotRow) -> dict[str, str]:
        """The labels whose text in the file is not what is recorded, with the file's text ("": it has none)."""
        changed: dict[str, str] = {}
        fields = row.fields
        for label in sorted((fields.keys() | known.content.keys()) - known.erased - {KEY_LABEL}):
            text = fields.get(label, "")
            digest = known.content.get(label)
            before = "" if digest is None else self._recorded.text(self._list, subject, digest)
            if text != before:
                changed[label] = text
        return changed

    def _require_later(self, known: Particulars) -> None:
        """An older edition would undo what a later one has said."""
        newest = max(known.dated, known.effective or "")
        if self._dated < newest:
            raise UsageError(
                f"an edition of {self._dated} cannot be imported into {self._list}: one of {newest} was already"
            )

    def _require_share(self) -> None:
        """A list that shrinks suddenly is more often a broken file than a general pardon."""
        # What an earlier run with this file has removed counts too: whoever was asked then is asked again.
        removals, before = len(self._removals), self._report.removed_before
        total, of = removals + before, len(self._live) + before
        share = self._options.max_removed_share
        if removals and self._options.confirm_removals is None and total > share * of:
            raise UsageError(
                f"{self._report.file} would remove {removals} of {of} from {self._list}, which is {total / of:.2%} and "
                f"more than the share of {share:.2%} that goes unasked{removals_shown(self._report)}. Nothing is "
                f"imported: look at the file, and if it is right confirm exactly {removals} removals "
                f"(--confirm-removals {removals})"
            )

    def _removed_by_this_file(self, view: ListingView) -> bool:
        if view.ended_by is None or view.status != "removed":
            return False
        cited = self._recorded.first_act(view.ended_by)
        return isinstance(cited, acts.SourceCite) and cited.sha256 == self._report.sha256
