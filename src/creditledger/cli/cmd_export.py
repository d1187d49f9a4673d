"""`creditledger export`: the ledger as one portable file, or a list as a table."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import click

from creditledger.cli import options, output
from creditledger.cli.known import Known, KnownType
from creditledger.cli.ledgers import open_reader
from creditledger.client.phrases import count
from creditledger.errors import UsageError
from creditledger.transfer import export_ledger, write_csv, write_json_lines
from creditledger.transfer.export_file import new_file
from creditledger.transfer.state_export import content_labels


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
    "--format",
    "form",
    type=click.Choice(["csv", "jsonl"]),
    help="With --list: how the table is written [default: csv].",
)
@click.option("--valid-at", type=options.DateType(), help="With --list: the day asked about [default: today].")
@click.option(
    "--known-at", type=KnownType(), help="With --list: leave out what was recorded after this day, moment or record."
)
@click.option("--all", "every", is_flag=True, help="With --list: everybody who was ever on it, with their status.")
@click.option(
    "--disclose", multiple=True, metavar="LABEL",
    help="With --list: of the content only this, in a column of its own; repeat it.",
)  # fmt: skip
@options.as_json
def command(
    directory: Path,
    out: Path,
    with_content: bool,
    content_key: Path | None,
    as_is: bool,
    list_id: str | None,
    form: str | None,
    valid_at: str | None,
    known_at: Known | None,
    every: bool,
    disclose: tuple[str, ...],
    as_json: bool,
) -> None:
    """Write the ledger DIR to the file OUT, or with --list who is on a list.

    The file holds every record and every checkpoint; it is verified by `creditledger verify` and by
    tools/verify_ledger.py, and restored by `creditledger restore`. An existing file is never overwritten.

    A table is UTF-8. In CSV an apostrophe stands before what a spreadsheet would take for a formula; drop it when you
    read the file with a program. Content is in a table only with --with-content or --disclose.
    """
    if list_id is None:
        for option, given in (
            ("--format", form), ("--valid-at", valid_at), ("--known-at", known_at), ("--all", every),
            ("--disclose", disclose),
        ):  # fmt: skip
            if given:
                raise UsageError(f"{option} is about a table: give --list, too")
        _export(directory, out, content_key, with_content=with_content, as_is=as_is, as_json=as_json)
        return
    if as_is:
        raise UsageError("--as-is is about the whole ledger: leave out --list")
    if content_key is None and (with_content or disclose):
        raise UsageError("content is shown with its key only: give --content-key FILE")
    if with_content and disclose:
        raise UsageError("give --with-content for all content, or --disclose LABEL for some, not both")
    if str(out) == "-" and as_json:
        raise UsageError("with --json the table goes to a file; for rows in JSON on standard output: --format jsonl")
    with open_reader(directory, content_key) as ledger:
        known = None if known_at is None else known_at.resolve(ledger.log, ledger.governance, ledger.size)
        day = valid_at or ledger.today()
        labels = disclose
        if with_content:
            labels = content_labels(ledger, list_id, valid_at=day, known_at=known, every=every)
        write = write_json_lines if form == "jsonl" else write_csv
        with _table(out, private=bool(labels)) as file:
            rows = write(ledger, list_id, file, valid_at=day, known_at=known, every=every, content=labels)
    if as_json:
        output.emit_json({"rows": rows, "file": str(out), "valid_at": day, "content": labels})
    else:
        where = "" if str(out) == "-" else f"{out}: "
        output.remark(
            f"{where}{count(rows, 'row')}: {list_id} on {day}."
            + (f" It holds personal data in clear: {', '.join(labels)}." if labels else "")
        )


@contextmanager
def _table(out: Path, *, private: bool) -> Iterator[TextIO]:
    """Where a table is written to, as UTF-8 with the line ends that are written: standard output, or a new file."""
    if str(out) == "-":
        sys.stdout.flush()
        file = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="", write_through=False)
        try:
            yield file
            file.flush()
        finally:
            file.detach()
        return
    with new_file(out, private=private) as data:
        file = io.TextIOWrapper(data, encoding="utf-8", newline="")
        yield file
        file.flush()
        file.detach()


def _export(
    directory: Path, out: Path, content_key: Path | None, *, with_content: bool, as_is: bool, as_json: bool
) -> None:
    """The whole ledger."""
    if str(out) == "-":
        raise UsageError("an export of the ledger goes to a file, not to standard output")
    with output.progress(quiet=as_json) as progress:
        shown = None if progress is None else (lambda done, total: progress("exporting records", done, total))
        if as_is:
            totals = export_ledger(directory, out, with_content=with_content, as_is=True, progress=shown)
        else:
            with open_reader(directory, content_key) as ledger:
                totals = export_ledger(ledger, out, with_content=with_content, progress=shown)
    if as_json:
        output.emit_json({"file": str(out), **totals._asdict()})
    else:
        output.remark(
            f"{out}: {count(totals.records, 'record')}, {count(totals.checkpoints, 'checkpoint')}, "
            f"{count(totals.contents, 'item')} of content."
            + (" It holds personal data in clear." if totals.contents else "")
        )
