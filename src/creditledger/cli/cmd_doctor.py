"""`creditledger doctor`: whether this machine, and a ledger's directory, are fit for use; and if not, what to do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from creditledger.cli import checkup, colour, options, output
from creditledger.cli.checkup import NOTE, OK, PROBLEM, Line
from creditledger.client.phrases import count
from creditledger.errors import LedgerError, NoLedger, UsageError
from creditledger.ledger.layout import Description, Layout

COLOURS = {OK: "green", NOTE: "yellow", PROBLEM: "red"}
MARGIN = 26


@click.command("doctor")
@click.argument("directory", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option("--content-key", type=click.Path(path_type=Path), help="See whether this is the key of its content.")
@options.head_dir
@options.as_json
def command(directory: Path | None, content_key: Path | None, head_dir: Path | None, as_json: bool) -> int:
    """Look at this machine, and at the ledger DIR, and say what is wrong and what to do. Nothing is written.

    Ends with 1 if there is a problem, with 10 if there is no ledger. What the records say is for `creditledger verify`.
    """
    sections = {"machine": ("This machine", checkup.machine(directory or Path(), head_dir))}
    if directory is not None:
        sections["ledger"] = (f"The ledger in {directory}", examine(directory, head_dir, content_key))
    elif content_key is not None:
        raise UsageError("--content-key goes with a ledger: creditledger doctor DIR --content-key FILE")
    found: dict[str, list[Line]] = {}
    for name, (title, lines) in sections.items():
        if not as_json and sys.stdout.isatty():
            output.heading(title, gap=bool(found))
        found[name] = []
        for line in lines:
            found[name].append(line)
            if not as_json:
                _print(line)
    problems = sum(line.verdict == PROBLEM for lines in found.values() for line in lines)
    if as_json:
        document = {name: [line._asdict() for line in lines] for name, lines in found.items()}
        output.emit_json(document | {"problems": problems})
    else:
        output.say(f"\n{count(problems, 'problem')} found." if problems else "\nNo problem found.")
    if directory is not None and not _is_ledger(directory):
        return NoLedger.exit_code
    return 1 if problems else 0


def _is_ledger(directory: Path) -> bool:
    """Whether there is a ledger, sound or not."""
    try:
        Description.read(Layout(directory))
    except NoLedger:
        return False
    except LedgerError:
        return True
    return True


def _print(line: Line) -> None:
    """One line and, below it, what to do; tab-separated where there is no terminal."""
    if not sys.stdout.isatty():
        click.echo("\t".join(one.replace("\t", " ").replace("\n", " ") for one in line))
        return
    first, *more = output.wrap(line.found, output.width() - MARGIN)
    verdict = colour.paint(f"{line.verdict:8}", fg=COLOURS[line.verdict], bold=line.verdict == PROBLEM)
    click.echo(f"  {verdict}{line.check:14}  {first}")
    if line.advice:
        more += output.wrap(f"→ {line.advice}", output.width() - MARGIN)
    for text in more:
        click.echo(" " * MARGIN + text)


def examine(directory: Path, heads: Path | None, content_key: Path | None) -> Iterator[Line]:
    """Examines a ledger's directory in another process, so that a damaged file can end that one only."""
    arguments = [str(directory), str(heads or ""), str(content_key or "")]
    looking_at = "the directory"
    with subprocess.Popen(  # noqa: S603 - this very program
        # Without -P, a file called lmdb.py in the working directory would be run.
        [sys.executable, "-P", "-m", "creditledger.cli.examination", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=None if os.environ.get("CREDITLEDGER_DEBUG") else subprocess.DEVNULL,
        encoding="utf-8",
    ) as process:
        for text in process.stdout or ():
            one = json.loads(text)
            if isinstance(one, str):
                looking_at = one
            else:
                yield Line(*one)
    if process.returncode < 0:
        name = signal.Signals(-process.returncode).name
        yield Line(
            PROBLEM, "examination", f"reading {looking_at} ended the process ({name}): it is damaged",
            "restore the ledger from an export or a backup",
        )  # fmt: skip
    elif process.returncode:
        yield Line(
            PROBLEM, "examination", f"it stopped at {looking_at}, with status {process.returncode}",
            "set CREDITLEDGER_DEBUG=1 to see why, and please report it",
        )  # fmt: skip
