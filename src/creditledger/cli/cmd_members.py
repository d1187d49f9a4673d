"""`creditledger members`: who is on a list on a day."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from creditledger.cli import options, output
from creditledger.cli.cmd_lookup import listing_json, remarks
from creditledger.cli.ledgers import open_reader

COLUMNS = ("subject", "status", "record", "by", "ground", "from", "until", "remarks")


@click.command("members")
@options.directory
@click.argument("list_id", metavar="LIST")
@click.option("--valid-at", type=options.DateType(), help="The day asked about, YYYY-MM-DD [default: today].")
@click.option("--known-at", type=options.MomentType(), help="Take only records up to this moment into account.")
@click.option("--all", "every", is_flag=True, help="Everybody who was ever on the list, with their status.")
@click.option("--csv", "as_csv", is_flag=True, help="Comma-separated values.")
@options.as_json
def command(
    directory: Path,
    list_id: str,
    valid_at: str | None,
    known_at: int | None,
    every: bool,
    as_csv: bool,
    as_json: bool,
) -> None:
    """Show who is on LIST on a day: one line each; with --json, JSON lines."""
    with open_reader(directory) as ledger:
        found = ledger.members(list_id, valid_at=valid_at, known_at=known_at, every=every)
        if as_json:
            for subject, status, listings in found:
                output.emit_json_line(
                    {"subject": str(subject), "status": status, "listings": [listing_json(one) for one in listings]}
                )
            return
        count = 0

        def rows() -> Iterator[tuple[str, ...]]:
            nonlocal count
            for subject, status, listings in found:
                count += 1
                last = next((one for one in listings if one.status == status), listings[-1])
                yield (
                    str(subject), status, str(last.address), last.authority, last.ground or "unknown",
                    last.effective or "unknown", last.until or "no fixed term", "; ".join(remarks(last)),
                )  # fmt: skip

        if as_csv:
            writer = csv.writer(sys.stdout)
            writer.writerow(COLUMNS)
            writer.writerows(rows())
        else:
            output.table(f"{list_id} on {valid_at or ledger.today()}", COLUMNS, rows())
        output.say(f"{count} {'subject' if count == 1 else 'subjects'}")
