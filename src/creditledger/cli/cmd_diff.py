"""`creditledger diff`: what changed on a list between two points, or against a CSV that an agency keeps itself."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import click

from creditledger.acts.kinds import Subject
from creditledger.cli import options, output
from creditledger.cli.known import Known, KnownType
from creditledger.cli.ledgers import open_reader
from creditledger.client.phrases import count
from creditledger.errors import FormatError, UsageError
from creditledger.ledger.answer import Difference
from creditledger.ledger.queries import NOTHING, differences
from creditledger.rules.status import STATUSES
from creditledger.transfer.state_export import plain_cell
from creditledger.transfer.survey import open_source

MAX_CSV_LINE = 1 << 18
"""Longest line of a CSV file, in characters."""

LISTED = "listed"
NOT_IN_FILE = "not-in-file"


@click.command("diff")
@options.directory
@click.argument("list_id", metavar="LIST")
@click.option("--from", "before", type=options.DateType(), help="The earlier day.")
@click.option("--to", "after", type=options.DateType(), help="The later day [default: today].")
@click.option("--known-at", type=KnownType(), help="Leave out what was recorded after this day, moment or record.")
@click.option(
    "--csv", "file", type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Compare with this file instead: what `export --list` or `members --csv` wrote, or any with a column "
    "`subject` of everybody listed, as scheme:value.",
)  # fmt: skip
@options.as_json
def command(
    directory: Path,
    list_id: str,
    before: str | None,
    after: str | None,
    known_at: Known | None,
    file: Path | None,
    as_json: bool,
) -> None:
    """Show whose status on LIST differs between two days, or between the ledger and a CSV file on one day."""
    if before is not None and file is not None:
        raise UsageError("give --from or --csv, not both")
    with open_reader(directory) as ledger:
        known = None if known_at is None else known_at.resolve(ledger.log, ledger.governance, ledger.size)
        day = after or ledger.today()
        if file is None:
            if before is None:
                raise UsageError("give --from DAY, or --csv FILE to compare with")
            if before > day:
                raise UsageError(f"--from {before} is later than --to {day}; exchange the two")
            found = ledger.diff(list_id, (before, known), (day, known))
            left, right = before, day
        else:
            # Whoever is not listed is in the ledger's part only where the file names them.
            everybody = ledger.members(list_id, valid_at=day, known_at=known, every=True)
            kept = read_statuses(file, list_id)
            recorded = {one: status for one, status, _ in everybody if status == LISTED or one in kept}
            found = [
                one._replace(before=NOT_IN_FILE) if one.before == NOTHING else one
                for one in differences(kept, recorded)
            ]
            left, right = output.printable(file.name), f"the ledger on {day}"
    if as_json:
        for one in found:
            output.emit_json_line({"subject": str(one.subject), "before": one.before, "after": one.after})
        return
    output.table(f"{list_id}: {left} against {right}", ("subject", left, right), map(_row, found))
    output.remark(f"{count(len(found), 'difference')} between {left} and {right}.")


def _row(one: Difference) -> tuple[str, str, str]:
    return str(one.subject), one.before, one.after


def read_statuses(file: Path, list_id: str) -> dict[Subject, str]:
    """The status of each subject in a CSV file with a header line: `listed` where it has no column `status`.

    Raises:
        UsageError: it is no regular file, or about another list.
        FormatError: a line cannot be read; the message names it.
    """
    with open_source(file) as data, io.TextIOWrapper(data, encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(_bounded(stream))
        try:
            return _statuses(reader, list_id)
        except (csv.Error, UnicodeDecodeError, FormatError) as error:
            raise FormatError(f"{file}, line {reader.line_num}: {error}") from None
        except UsageError as error:
            raise UsageError(f"{file}, line {reader.line_num}: {error}") from None


def _statuses(reader: Iterator[list[str]], list_id: str) -> dict[Subject, str]:
    found: dict[Subject, str] = {}
    header = next(reader, [])
    if "subject" not in header and not {"scheme", "value"} <= set(header):
        raise FormatError(
            "the first line must name, with commas between, a column `subject`, or two columns `scheme` and `value`"
        )
    for cells in reader:
        if not cells:
            continue
        row = dict(zip(header, map(plain_cell, cells), strict=False))
        if row.get("list", list_id) != list_id:
            raise UsageError(f"the row is about list {row['list']!a:.80}, and it is {list_id} that was asked about")
        status = row.get("status", LISTED)
        if status not in STATUSES:
            raise FormatError(f"{status!a:.80} is no status; there are {', '.join(STATUSES)}")
        text = row["subject"] if "subject" in header and "subject" in row else f"{row.get('scheme')}:{row.get('value')}"
        subject = Subject.parse(text)
        if found.setdefault(subject, status) != status:
            raise FormatError(f"{subject} is {status} here, and {found[subject]} in a line before")
    return found


def _bounded(stream: TextIO) -> Iterator[str]:
    """The lines of a file, none longer than the limit."""
    while line := stream.readline(MAX_CSV_LINE + 1):
        if len(line) > MAX_CSV_LINE:
            raise FormatError(f"the next line is longer than {MAX_CSV_LINE} characters")
        yield line
