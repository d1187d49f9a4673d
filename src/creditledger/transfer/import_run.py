"""What every import has in common: its options, its report, and what is settled before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

from creditledger.acts import catalogue as acts
from creditledger.codec.text import check_text
from creditledger.errors import FormatError, UsageError
from creditledger.keys.signer import Signer
from creditledger.ledger.ledger import Ledger
from creditledger.transfer.sources.lines import BadRow
from creditledger.transfer.survey import SHOWN, Survey

MAX_REMOVED_SHARE = 0.05
"""A snapshot that would remove a larger share of a list than this must have its removals confirmed by number."""

REMOVAL_REASON = "superseded"
"""The reason given for a removal whose reason the source does not tell: its edition was superseded by one without it.

Every other reason of the catalogue says something about the person or the procedure that a transcriber does not know.
"""


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How to import.

    Attributes:
        ground: the ground that new listings cite; may be left out where the list has one only.
        key_scheme: `handle`, or the scheme of keys that are public by law (`host`, `uscc`, `lei`). A key that is not
            well formed under it becomes a handle.
        skip_bad: how many rows that cannot be read are to be left out: exactly their number, else nothing is imported.
        source_name: under which name the file is cited; its own by default.
        removal_reason: of the catalogue's removal reasons.
        max_removed_share: the largest share of a list, 0 to 1, that a snapshot may remove unconfirmed.
        confirm_removals: exactly how many the file removes. Needed where a snapshot removes a larger share, and where
            rows are skipped that do not even tell whom they are about.
        confirm_disagreements: exactly how many events contradict what is recorded, which then stands.
        cosigners: (authority, signer) pairs that sign every entry too.
    """

    ground: str | None = None
    key_scheme: str = "handle"
    skip_bad: int = 0
    source_name: str | None = None
    removal_reason: str = REMOVAL_REASON
    max_removed_share: float = MAX_REMOVED_SHARE
    confirm_removals: int | None = None
    confirm_disagreements: int = 0
    cosigners: Sequence[tuple[str, Signer]] = ()

    def __post_init__(self) -> None:
        """Raise UsageError for values that make no sense."""
        if self.removal_reason not in acts.REMOVAL_REASONS or self.removal_reason == "appeal_quashed":
            raise UsageError(f"{self.removal_reason!a} is no reason that an import can give for a removal")
        if not 0 <= self.max_removed_share <= 1:
            raise UsageError(f"the largest share of removals is a number from 0 to 1, not {self.max_removed_share}")


@dataclass(slots=True)
class Counts:
    """What an import does to one list, in acts and rows.

    `openings`, `additions`, `corrections`, `removals` are acts to be recorded (or that were); `unchanged` are rows that
    say what is recorded already. Of events: `duplicate_additions` add who is on the list, `absent_removals` remove who
    is not, `disagreements` contradict what is recorded; none of them is recorded. `held` are changes that are not
    recorded because a row that was skipped may be about the same subject: removals from a snapshot, any events.
    """

    openings: int = 0
    additions: int = 0
    corrections: int = 0
    removals: int = 0
    unchanged: int = 0
    duplicate_additions: int = 0
    absent_removals: int = 0
    disagreements: int = 0
    held: int = 0

    @property
    def acts(self) -> int:
        """How many acts that is."""
        return self.openings + self.additions + self.corrections + self.removals


@dataclass(slots=True)
class ImportReport:
    """What an import did, or, after a dry run, would do.

    Attributes:
        file, sha256, rows: what was read: the name cited, the SHA-256 (32 bytes), how many rows could be read.
        bad_rows, bad: how many could not, and the first of them.
        lists: the counts of each list.
        examples: for each count by name, the first rows or keys, each as a line of text.
        entries, recorded: how many entries and acts were recorded; 0 after a dry run.
        recorded_before, removed_before: how many acts earlier runs with the same file have recorded, and how many of
            them were removals.
        goes_on: the line of the first row that is to be recorded, None if there is none.
        opened: the lists that were opened.
        dry_run: whether nothing was to be written.
    """

    file: str
    sha256: bytes
    rows: int
    bad_rows: int
    bad: tuple[BadRow, ...]
    lists: dict[str, Counts] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)
    entries: int = 0
    recorded: int = 0
    recorded_before: int = 0
    removed_before: int = 0
    goes_on: int | None = None
    opened: tuple[str, ...] = ()
    dry_run: bool = False

    @property
    def acts(self) -> int:
        """How many acts the plan has."""
        return sum(counts.acts for counts in self.lists.values())

    def count(self, list_id: str, what: str, example: str) -> None:
        """Count one more of something on a list, with an example of it."""
        counts = self.lists[list_id]
        setattr(counts, what, getattr(counts, what) + 1)
        shown = self.examples.setdefault(what, [])
        if len(shown) < SHOWN and what != "unchanged":
            shown.append(f"{list_id}: {example}")

    def total(self, what: str) -> int:
        """The sum of a count over all lists."""
        if what not in {one.name for one in fields(Counts)}:
            raise UsageError(f"{what} is not counted")
        return sum(getattr(counts, what) for counts in self.lists.values())


Progress = Callable[[str, int, int], None]
"""Called now and then with what is being done, of how much of it how much is done, and of how much."""

_STEP = 1000


def every_so_often(progress: Progress | None, what: str, total: int) -> Callable[[int], None]:
    """Return what is to be called with each number done, and calls `progress` with some of them."""

    def report(done: int) -> None:
        if progress is not None and done % _STEP == 0:
            progress(what, done, total)

    return report


def begin_report(
    path: Path, survey: Survey, list_ids: Iterable[str], options: ImportOptions, *, dry_run: bool
) -> ImportReport:
    """The report of an import that goes on: every row could be read, or the others were confirmed by number.

    Raises:
        FormatError: there are other bad rows than were confirmed.
    """
    name = options.source_name or path.name
    skipped = survey.skipped
    if skipped.rows != options.skip_bad and not survey.rows and skipped.shown:
        raise FormatError(
            f"{name}: not one row can be read, the first because: {skipped.shown[0].reason} (line "
            f"{skipped.shown[0].line}). It is another file or another layout than was said (--format, --map, --action)"
        )
    if skipped.rows != options.skip_bad:
        shown = "; ".join(f"line {row.line}: {row.reason}" for row in skipped.shown[:5])
        raise FormatError(
            f"{name}: {counted(skipped.rows, 'row')} cannot be read"
            + (f" ({shown}{'; …' if skipped.rows > 5 else ''})" if shown else "")
            + f", {options.skip_bad} were to be skipped. Nothing is imported: mend the file, or, to leave these rows "
            f"out, confirm exactly {skipped.rows} (--skip-bad {skipped.rows})"
        )
    return ImportReport(
        name, survey.sha256, survey.rows, skipped.rows, tuple(skipped.shown),
        lists={list_id: Counts() for list_id in list_ids}, dry_run=dry_run,
    )  # fmt: skip


def require_confirmed(report: ImportReport, survey: Survey, options: ImportOptions) -> None:
    """Hold the removals against what was confirmed, and against rows of which nobody knows whom they are about.

    What an earlier run with the same file has removed counts too, so that it can be run again with the same options.

    Raises:
        UsageError: another number was confirmed, or none although such rows are skipped.
    """
    removals, confirmed = report.total("removals"), options.confirm_removals
    known = sorted({removals, removals + report.removed_before})
    if confirmed is not None and confirmed not in known:
        raise UsageError(
            f"{report.file} removes {' or, with what was recorded before, '.join(map(str, known))} of those listed, "
            f"not {confirmed} as confirmed (--confirm-removals): look at the file, and confirm the right number"
        )
    if confirmed is None and removals and survey.skipped.nameless:
        lines = ", ".join(f"line {row.line}" for row in survey.skipped.shown if not row.keys)
        raise UsageError(
            f"{report.file}: it cannot even be told whom {counted(survey.skipped.nameless, 'row')} to be skipped "
            f"would be about ({lines}). So any of the {counted(removals, 'removal')} that the rest of the file amounts "
            f"to may be a mistake{removals_shown(report)}. Nothing is imported: mend the file, or, if whoever is "
            f"missing is off the list indeed, confirm exactly {removals} (--confirm-removals {removals})"
        )


def removals_shown(report: ImportReport) -> str:
    """Some of those that a file removes, to be put after a sentence."""
    shown = report.examples.get("removals", [])[:3]
    return f" (for example {'; '.join(shown)})" if shown else ""


def counted(number: int, noun: str) -> str:
    """`1 row`, `2 rows`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def citation(list_id: str, report: ImportReport, dated: str) -> acts.SourceCite:
    """The act that cites the file; UsageError if its name cannot be cited."""
    try:
        check_text(report.file, 300)
    except FormatError as error:
        raise UsageError(f"the file's name cannot be cited: {error}; give a source name") from None
    return acts.SourceCite(list_id, report.file, report.sha256, report.rows + report.bad_rows, dated)


def open_list(ledger: Ledger, list_id: str, opener: Signer, day: str, report: ImportReport) -> None:
    """Open a list with the key of somebody who may."""
    ledger.append(acts.ListOpen(list_id, day), signer=opener)
    report.opened = (*report.opened, list_id)


def is_open(ledger: Ledger, list_id: str) -> bool:
    """Whether a list is there and has been opened."""
    row = ledger.governance.lists.get(list_id)
    return row is not None and row.opened is not None


def require_opener(list_id: str, opener: Signer | None) -> Signer:
    """The key that opens a list; UsageError if none was given."""
    if opener is None:
        raise UsageError(
            f"list {list_id} is not open: give the key that opens it (the transcriber's admin key, if its mandate says "
            "define, or a root key)"
        )
    return opener
