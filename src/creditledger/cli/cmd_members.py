"""`creditledger members`: who is on a list on a day."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from creditledger.cli import colour, options, output
from creditledger.cli.cmd_lookup import listing_json, remarks
from creditledger.cli.known import Known, KnownType, restate
from creditledger.cli.ledgers import open_reader
from creditledger.client.phrases import count, day_in_words
from creditledger.ledger.queries import first_record_after

COLUMNS = ("subject", "status", "record", "by", "ground", "from", "until", "remarks")


@click.command("members")
@options.directory
@click.argument("list_id", metavar="LIST")
@click.option("--valid-at", type=options.DateType(), help="The day asked about, YYYY-MM-DD [default: today].")
@click.option("--known-at", type=KnownType(), help="Leave out what was recorded after this day, moment or record.")
@click.option("--all", "every", is_flag=True, help="Everybody who was ever on the list, with their status.")
@click.option("--csv", "as_csv", is_flag=True, help="Comma-separated values.")
@options.as_json
def command(
    directory: Path,
    list_id: str,
    valid_at: str | None,
    known_at: Known | None,
    every: bool,
    as_csv: bool,
    as_json: bool,
) -> None:
    """Show who is on LIST on a day: one line each; with --json, JSON lines."""
    with open_reader(directory) as ledger:
        day, have = valid_at or ledger.today(), ledger.size
        moment = None if known_at is None else known_at.resolve(ledger.log, ledger.governance, have)
        found = ledger.members(list_id, valid_at=day, known_at=moment, every=every)
        polarity = ledger.governance.lists[list_id].definition.polarity
        if as_json:
            for subject, status, listings in found:
                output.emit_json_line(
                    {"subject": str(subject), "status": status, "listings": [listing_json(one) for one in listings]}
                )
            return
        number = 0

        def rows() -> Iterator[tuple[str, ...]]:
            nonlocal number
            for subject, status, listings in found:
                number += 1
                last = next((one for one in listings if one.status == status), listings[-1])
                yield (
                    str(subject), colour.status(status, polarity), str(last.address), last.authority,
                    last.ground or "unknown", last.effective or "unknown", last.until or "no fixed term",
                    "; ".join(remarks(last)),
                )  # fmt: skip

        if as_csv:
            writer = csv.writer(sys.stdout)
            writer.writerow(COLUMNS)
            writer.writerows(rows())
        else:
            output.table(f"{list_id} on {day}", COLUMNS, rows())
        size = have if moment is None else first_record_after(ledger.log, moment, have)
        known = dict(restate(ledger.log, day, size, have))["known at"]
        what = "ever recorded" if every else "listed"
        output.remark(f"{count(number, 'subject')} {what} on {list_id}, as of {day_in_words(day)}, known from {known}.")
        if not number:
            output.remark("That nobody is recorded here does not mean that there is nobody.")
