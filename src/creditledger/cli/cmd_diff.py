"""`creditledger diff`: what changed on a list between two points, or against a CSV that an agency keeps itself."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import click

from creditledger.acts.kinds import Subject
from creditledger.cli import options, output
from creditledger.cli.ledgers import open_reader
from creditledger.errors import FormatError, UsageError
from creditledger.ledger.answer import Difference
from creditledger.ledger.queries import differences

MAX_CSV_LINE = 4096


@click.command("diff")
@options.directory
@click.argument("list_id", metavar="LIST")
@click.option("--from", "before", type=options.DateType(), help="The earlier day.")
@click.option("--to", "after", type=options.DateType(), help="The later day [default: today].")
@click.option(
    "--known-at", type=options.MomentType(), help="Take only records up to this moment into account, both times."
)
@click.option(
    "--csv", "file", type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Compare with this file instead: its column `subject` holds everybody listed, as scheme:value.",
)  # fmt: skip
@options.as_json
def command(
    directory: Path,
    list_id: str,
    before: str | None,
    after: str | None,
    known_at: int | None,
    file: Path | None,
    as_json: bool,
) -> None:
    """Show whose status on LIST differs between two days, or between the ledger and a CSV file on one day."""
    if before is not None and file is not None:
        raise UsageError("give --from or --csv, not both")
    with open_reader(directory) as ledger:
        day = after or ledger.today()
        if file is None:
            if before is None:
                raise UsageError("give --from DAY, or --csv FILE to compare with")
            found = ledger.diff(list_id, (before, known_at), (day, known_at))
            left, right = before, day
        else:
            kept = dict.fromkeys(read_subjects(file), "listed")
            listed = {one: status for one, status, _ in ledger.members(list_id, valid_at=day, known_at=known_at)}
            found = list(differences(kept, listed))
            left, right = file.name, f"the ledger on {day}"
    if as_json:
        for one in found:
            output.emit_json_line({"subject": str(one.subject), "before": one.before, "after": one.after})
        return
    output.table(f"{list_id}: {left} against {right}", ("subject", left, right), map(_row, found))
    output.say(f"{len(found)} {'difference' if len(found) == 1 else 'differences'}")


def _row(one: Difference) -> tuple[str, str, str]:
    return str(one.subject), one.before, one.after


def read_subjects(file: Path) -> list[Subject]:
    """The subjects in a CSV file's column `subject`; raises `FormatError` naming the line."""
    with file.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(_bounded(stream, file))
        try:
            return [*_subjects(reader)]
        except (csv.Error, UnicodeDecodeError, FormatError) as error:
            raise FormatError(f"{file}, line {reader.line_num}: {error}") from None


def _subjects(reader: Iterator[list[str]]) -> Iterator[Subject]:
    header = next(reader, [])
    if "subject" not in header:
        raise FormatError("the first line must name a column `subject`")
    column = header.index("subject")
    for row in reader:
        if row:
            yield Subject.parse(row[column] if len(row) > column else "")


def _bounded(stream: TextIO, file: Path) -> Iterator[str]:
    """The lines of a file, none longer than the limit."""
    number = 0
    while line := stream.readline(MAX_CSV_LINE + 1):
        number += 1
        if len(line) > MAX_CSV_LINE:
            raise FormatError(f"{file}, line {number}: longer than {MAX_CSV_LINE} characters")
        yield line
