"""Importing a list as it stood on one day, and what changed since the edition before.

The first edition of a list that is not open yet becomes its opening balances: these parties were on the list, since
when the file does not say. Then the list is opened. A later edition is compared with what is recorded: who is new is
added, whose particulars changed is corrected, who is missing is removed, each with effect from the edition's date.

Whoever is compared anew each time has nothing to resume: an import that was killed is simply run again.
"""

from __future__ import annotations

import os
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
    is_open,
    open_list,
    require_opener,
)
from creditledger.transfer.recorded import Particulars, Recorded, live_listing
from creditledger.transfer.sources.lines import BadRow
from creditledger.transfer.sources.ofac_sdn import read_sdn
from creditledger.transfer.survey import (
    SnapshotReader,
    SnapshotRow,
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
    signer: Signer,
    opener: Signer | None = None,
    read: SnapshotReader = read_sdn,
    options: ImportOptions | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> ImportReport:
    """Import one edition of a list into its transcript.

    Args:
        ledger: open for writing, with its content key.
        path: the file.
        list_id: the transcript, whose definition names its source.
        dated: the edition's date of issue, `YYYY-MM-DD`: from when changes take effect.
        signer: the transcriber's act key.
        opener: the key that opens the list after its opening balances; needed only then.
        read: the parser; by default that of OFAC's sdn.csv.
        options: see `ImportOptions`.
        dry_run: only say what would be recorded.
        progress: called as acts are recorded.

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
    ground = require_transcript(ledger, list_id, options.ground, options.key_scheme)
    unopened = not is_open(ledger, list_id)
    if unopened:
        opener = require_opener(list_id, opener)
    with open_source(path) as file:
        survey = survey_snapshot(file, read)
        report = begin_report(path, survey, [list_id], options, dry_run=dry_run)
        transcriber = Transcriber(
            ledger, signer, {list_id: citation(list_id, report, dated)},
            ground={list_id: ground}, scheme=options.key_scheme, cosigners=options.cosigners,
            on_entry=None if progress is None else lambda done: progress(done, report.acts),
        )  # fmt: skip
        run = _Snapshot(ledger, list_id, dated, transcriber, report, options)
        run.plan(file, read)
        if not dry_run:
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
        self._ours = 0
        for subject, _, views in ledger.members(list_id, every=True):
            view = live_listing(views)
            if view is not None:
                self._live[subject] = view
            self._ours += sum(self._removed_by_this_file(one) for one in views)
        self._verdicts = bytearray()
        self._removals: list[tuple[Subject, ListingView]] = []

    def plan(self, file: BinaryIO, read: SnapshotReader) -> None:
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
                self._report.count(self._list, new, f"line {row.line}, key {row.key}")
            else:
                del missing[subject]
                known = self._recorded.particulars(self._list, subject, view)
                self._require_later(known)
                changes = self._changes(subject, known, row)
                verdict = _CHANGED if changes else _SAME
                what = f"line {row.line}, key {row.key}: {', '.join(sorted(changes))}"
                self._report.count(self._list, "corrections" if changes else "unchanged", what)
            self._verdicts.append(verdict)
        for subject, view in missing.items():
            key = self._recorded.key_of(self._list, subject)
            self._require_later(self._recorded.particulars(self._list, subject, view))
            self._removals.append((subject, view))
            self._report.count(self._list, "removals", f"key {key}" if key is not None else str(subject))
        self._require_confirmed(len(missing))

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

    def _require_confirmed(self, removals: int) -> None:
        """A list that shrinks suddenly is more often a broken file than a general pardon."""
        confirmed = self._options.confirm_removals
        # What an earlier run with this file has removed counts too, so that it can be run again with the same options.
        total, before = removals + self._ours, len(self._live) + self._ours
        if confirmed is not None and confirmed not in (removals, total):
            raise UsageError(
                f"{self._report.file} removes {removals} of {before} from {self._list}, not {confirmed} as confirmed"
            )
        if confirmed is None and total > self._options.max_removed_share * before:
            raise UsageError(
                f"{self._report.file} would remove {removals} of {before} from {self._list}, more than the share of "
                f"{self._options.max_removed_share:.2%} that goes unasked: look at the file, and if it is right "
                f"confirm exactly {removals} removals"
            )

    def _removed_by_this_file(self, view: ListingView) -> bool:
        if view.ended_by is None or view.status != "removed":
            return False
        cited = self._recorded.first_act(view.ended_by)
        return isinstance(cited, acts.SourceCite) and cited.sha256 == self._report.sha256
