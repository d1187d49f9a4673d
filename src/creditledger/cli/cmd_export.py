"""`creditledger export`: the ledger as one portable file, or a list as a table."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from creditledger.cli import options, output
from creditledger.cli.ledgers import open_reader
from creditledger.errors import UsageError
from creditledger.ledger.ledger import Ledger
from creditledger.transfer import export_ledger, write_csv, write_json_lines


@click.command("export")
@options.directory
@click.argument("out", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--with-content", is_flag=True, help="Personal content, too, in clear; needs --content-key.")
@click.option("--content-key", type=click.Path(path_type=Path), help="The content key file.")
@click.option("--as-is", is_flag=True, help="Evidence: the stored bytes, unchecked, even of a damaged ledger.")
@click.option(
    "--list", "list_id", metavar="LIST", help="Not the ledger, but who is on this list: OUT is a table (- for stdout)."
)
@click.option(
    "--format", "form", type=click.Choice(["csv", "jsonl"]), default="csv", show_default=True, help="With --list."
)
@click.option("--valid-at", type=options.DateType(), help="With --list: the day asked about [default: today].")
@click.option(
    "--known-at", type=options.MomentType(), help="With --list: take only records up to this moment into account."
)
@click.option("--all", "every", is_flag=True, help="With --list: everybody who was ever on it, with their status.")
@click.option(
    "--disclose", multiple=True, metavar="LABEL", help="With --list: show this content in a column; repeat it."
)
@options.as_json
def command(
    directory: Path,
    out: Path,
    with_content: bool,
    content_key: Path | None,
    as_is: bool,
    list_id: str | None,
    form: str,
    valid_at: str | None,
    known_at: int | None,
    every: bool,
    disclose: tuple[str, ...],
    as_json: bool,
) -> None:
    """Write the ledger DIR to the file OUT, or with --list who is on a list.

    The file holds every record and every checkpoint; it is verified by `creditledger verify` and by
    tools/verify_ledger.py, and restored by `creditledger restore`. An existing file is never overwritten.
    """
    if list_id is not None:
        with open_reader(directory, content_key) as ledger:
            count = _table(ledger, list_id, out, form, valid_at, known_at, every=every, content=disclose)
        output.emit_json({"rows": count, "file": str(out)}) if as_json else output.say(f"{count} rows")
        return
    if str(out) == "-":
        raise UsageError("an export of the ledger goes to a file, not to standard output")
    with output.progress(quiet=as_json) as progress:
        shown = None if progress is None else (lambda done, total: progress("exporting records", done, total))
        if as_is:
            totals = export_ledger(directory, out, as_is=True, progress=shown)
        else:
            with open_reader(directory, content_key) as ledger:
                totals = export_ledger(ledger, out, with_content=with_content, progress=shown)
    if as_json:
        output.emit_json({"file": str(out), **totals._asdict()})
    else:
        output.say(
            f"{out}: {totals.records} records, {totals.checkpoints} checkpoints, {totals.contents} items of content."
            + (" It holds personal data in clear." if totals.contents else "")
        )


def _table(
    ledger: Ledger,
    list_id: str,
    out: Path,
    form: str,
    valid_at: str | None,
    known_at: int | None,
    *,
    every: bool,
    content: tuple[str, ...],
) -> int:
    write = write_csv if form == "csv" else write_json_lines
    if str(out) == "-":
        return write(ledger, list_id, sys.stdout, valid_at=valid_at, known_at=known_at, every=every, content=content)
    with out.open("x", encoding="utf-8", newline="") as file:
        return write(ledger, list_id, file, valid_at=valid_at, known_at=known_at, every=every, content=content)
