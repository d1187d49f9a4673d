"""How commands talk: data on stdout, talk on stderr, tables and colour on a terminal, JSON for programs."""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from creditledger.errors import LedgerError, Refused, VerificationFailed

if TYPE_CHECKING:
    from rich.console import Console

Progress = Callable[[str, int, int], None]
"""Called with what is going on, how much is done, and of how much."""


def console(*, stderr: bool = False) -> Console:
    """A rich console on stdout or stderr; it drops colour where there is no terminal or NO_COLOR is set."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=True)


def emit_json(value: Any) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, sort_keys=False) + "\n")


def emit_json_line(value: Any) -> None:
    """One line of JSON lines on stdout."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")


def say(message: str) -> None:
    """A sentence to the person, on stderr, after what stdout has been given so far."""
    sys.stdout.flush()
    sys.stderr.write(message + "\n")
    sys.stderr.flush()


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table on stdout: drawn on a terminal, tab-separated with a header line elsewhere."""
    if sys.stdout.isatty():
        _draw(title, columns, list(rows))
    else:
        sys.stdout.write("\t".join(columns) + "\n")
        for row in rows:
            sys.stdout.write("\t".join(cell.replace("\t", " ").replace("\n", " ") for cell in row) + "\n")


def _draw(title: str, columns: Sequence[str], rows: list[Sequence[str]]) -> None:
    """Draws a table that is no wider than the terminal, numbers below each other."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    drawn = Table(
        title=title, title_justify="left", title_style="bold", header_style="dim", box=box.SIMPLE_HEAD,
        show_edge=False, pad_edge=False, padding=(0, 1, 0, 0),
    )  # fmt: skip
    cells = [(name, *(row[number] for row in rows)) for number, name in enumerate(columns)]
    for column, wide in zip(cells, _widths(cells, width() - 2 * len(columns)), strict=True):
        numeric = len(column) > 1 and all(cell.isdecimal() for cell in column[1:])
        drawn.add_column(column[0], width=wide, overflow="fold", justify="right" if numeric else "left")
    for row in rows:
        drawn.add_row(*(Text(cell, style=STATUS_STYLES.get(cell, "")) for cell in row))
    console().print(drawn)


def _widths(cells: list[tuple[str, ...]], room: int) -> list[int]:
    """How wide each column is made: the widest give way first, by breaking lines, and only then by breaking words."""
    found = [max(map(len, column)) for column in cells]
    words = [max((len(word) for cell in column for word in cell.split()), default=1) for column in cells]
    for least in (words, [1] * len(cells)):
        while sum(found) > room and any(one > low for one, low in zip(found, least, strict=True)):
            widest = max(range(len(found)), key=lambda number: (found[number] > least[number], found[number]))
            found[widest] -= 1
    return found


def width() -> int:
    """How many columns there are to write in: those of the terminal, or plenty where there is none."""
    return max(60, shutil.get_terminal_size().columns) if sys.stdout.isatty() else 120


def wrap(text: str, columns: int) -> list[str]:
    """The text in lines of at most so many columns on a terminal, in one line elsewhere; at least one line."""
    if not sys.stdout.isatty():
        return [text]
    return textwrap.wrap(text, max(20, columns), break_on_hyphens=False) or [""]


def heading(text: str, *, gap: bool = True) -> None:
    """A heading on stdout, bold on a terminal, after an empty line unless it is the first thing said."""
    click.echo(("\n" if gap else "") + paint(text, bold=True))


def paragraph(text: str, indent: str = "") -> None:
    """A sentence on stdout; what does not fit into a line of the terminal goes on further in."""
    first, *more = wrap(text, width() - len(indent) - 4)
    click.echo(indent + first)
    for line in more:
        click.echo(f"{indent}    {line}")


def facts(pairs: Sequence[tuple[str, str]], indent: str = "  ") -> None:
    """Names and values on stdout, the values below each other."""
    margin = max((len(name) for name, _ in pairs), default=0) + 2
    for name, value in pairs:
        first, *more = wrap(value, width() - len(indent) - margin)
        click.echo(indent + paint(f"{name:{margin}}", dim=True) + first)
        for line in more:
            click.echo(indent + " " * margin + line)


def paint(text: str, *, fg: str | None = None, bold: bool = False, dim: bool = False) -> str:
    """The text in colour for stdout, if that is a terminal and NO_COLOR is not set."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return click.style(text, fg=fg, bold=bold or None, dim=dim or None)


STATUS_STYLES = {
    "listed": "bold red",
    "suspended": "yellow",
    "unconfirmed": "magenta",
    "not-yet-effective": "cyan",
    "expired": "dim",
    "removed": "green",
    "quashed": "green",
    "annulled": "green",
    "nothing-recorded": "dim",
}


def explain(error: LedgerError) -> str:
    """An error in sentences, with what else it knows."""
    lines = [str(error), *getattr(error, "__notes__", [])]
    return "\n".join(lines)


_verdicts = [0]


def settle(code: int) -> None:
    """Notes the exit code that the command has come to, before it is printed: whatever becomes of the output."""
    _verdicts[0] = code


def settled() -> int:
    """The exit code noted, 0 if none was."""
    return _verdicts[0]


def printable(text: str) -> str:
    """Text without control characters: a file name must not move the cursor or change colours."""
    return "".join(one if one.isprintable() or one == "\n" else ascii(one)[1:-1] for one in text)


def fail(message: str, kind: str, code: int, *, as_json: bool, error: LedgerError | None = None) -> int:
    """Prints an error (JSON on stdout when asked for, a sentence on stderr otherwise) and returns the exit code."""
    if as_json:
        document: dict[str, Any] = {"error": kind, "message": message, "exit_code": code}
        if isinstance(error, Refused):
            document |= {
                "rule": error.rule, "conflict": error.conflict, "remedy": error.remedy, "act": error.act_index,
            }  # fmt: skip
        if isinstance(error, VerificationFailed):
            document |= {
                "finding": error.finding, "expected": error.expected, "found": error.found, "seq": error.seq,
            }  # fmt: skip
        emit_json(document)
    else:
        message = printable(message)
        if sys.stderr.isatty() and not os.environ.get("NO_COLOR"):
            message = f"\x1b[1;31merror:\x1b[0m {message}"
        else:
            message = f"error: {message}"
        say(message)
    return code


@contextmanager
def progress(*, quiet: bool = False) -> Iterator[Progress | None]:
    """Progress of long work on stderr, with rate and time left; None where nobody watches a terminal."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    state: dict[str, float] = {}
    shown = 0.0

    def report(what: str, done: int, total: int) -> None:
        nonlocal shown
        now = time.monotonic()
        began = state.setdefault(what, now)
        if now - shown < 0.1 and done < total:
            return
        shown = now
        rate = done / (now - began) if now > began else 0.0
        left = f", {(total - done) / rate:.0f} s left" if rate and done < total else ""
        sys.stderr.write(f"\r\x1b[K{what}: {done:,} of {total:,} ({rate:,.0f}/s{left})")
        sys.stderr.flush()

    try:
        yield report
    finally:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
