"""How commands talk: data on stdout, talk on stderr, colour on a terminal, JSON for programs; tables in `tables`.

Whatever passes here, no control character and nothing invisible gets out but line feeds, tabulators and the colours of
module `colour`: words of strangers, such as a server's, must not steer a terminal nor show a text in another order.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from creditledger.cli.colour import in_colour, paint
from creditledger.codec.text import FORBIDDEN
from creditledger.errors import LedgerError, Refused, VerificationFailed

Progress = Callable[[str, int, int], None]
"""Called with what is going on, how much is done, and of how much."""

_UNSEEN = "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in [(0, 8), (0x0B, 0x1F), *FORBIDDEN[1:]])
_LONG_LINE = re.compile(r"(?m)^(— \S{1,255} [A-Za-z0-9+/]{32})[A-Za-z0-9+/=]{200,}$")
"""A post-quantum signature line in a message: it would fill the page."""
_COLOUR = r"\x1b\[(?:0|1|2|3[1-6])m"
_steering = re.compile(f"[{_UNSEEN}]").sub
_steering_or_colour = re.compile(f"{_COLOUR}|[{_UNSEEN}]").sub


def harmless(text: str, *, colours: bool = False) -> str:
    """Text in which whatever a terminal would obey, or nobody could see, is written as an escape (`\\x1b`, `\\u202e`).

    Line feeds and tabulators stay, and with `colours` those that `paint` makes.
    """
    if colours:
        return _steering_or_colour(lambda found: found[0] if len(found[0]) > 1 else ascii(found[0])[1:-1], text)
    return _steering(lambda found: ascii(found[0])[1:-1], text)


def _harmless_json(text: str) -> str:
    """JSON in which such characters, which can only stand within texts, are written as JSON escapes."""
    return _steering(lambda found: json.dumps(found[0])[1:-1], text)


def emit_json(value: Any) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(_harmless_json(json.dumps(value, ensure_ascii=False, indent=2, sort_keys=False)) + "\n")


def emit_json_line(value: Any) -> None:
    """One line of JSON lines on stdout."""
    sys.stdout.write(_harmless_json(json.dumps(value, ensure_ascii=False, separators=(",", ":"))) + "\n")


def say(message: str) -> None:
    """A sentence to the person, on stderr, after what stdout has been given so far."""
    _tell(harmless(message))


def _tell(line: str) -> None:
    sys.stdout.flush()
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def remark(message: str) -> None:
    """A sentence to the person, on stderr, broken between words on a terminal."""
    if sys.stderr.isatty():
        from creditledger.cli import tables

        message = "\n".join(tables.fold(message, width()))
    say(message)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table on stdout: drawn on a terminal, tab-separated with a header line, and nothing left out, elsewhere."""
    if sys.stdout.isatty():
        from creditledger.cli import tables

        heading(title, gap=False)
        found = list(rows)
        lines, shortened = tables.draw(columns, found, width())
        for line in lines if found else ():
            put(line)
        if shortened:
            say("(Long hashes are shortened here; --json, or a pipe, gives them whole.)")
    else:
        sys.stdout.write("\t".join(columns) + "\n")
        for row in rows:
            line = "\t".join(cell.replace("\t", " ").replace("\n", " ") for cell in row)
            sys.stdout.write(harmless(line) + "\n")


def width() -> int:
    """How many columns there are to write in: those of the terminal, or plenty where there is none."""
    return max(60, shutil.get_terminal_size().columns) if sys.stdout.isatty() or sys.stderr.isatty() else 120


def wrap(text: str, columns: int) -> list[str]:
    """The text in lines of at most so many columns on a terminal, in one line elsewhere; at least one line."""
    if not sys.stdout.isatty():
        return [text]
    from creditledger.cli import tables

    return tables.fold(text, max(20, columns))


def put(line: str) -> None:
    """A line on stdout, with the colour that `paint` gave it."""
    click.echo(harmless(line, colours=in_colour(sys.stdout)), color=True)


def heading(text: str, *, gap: bool = True) -> None:
    """A heading on stdout, bold on a terminal, after an empty line unless it is the first thing said."""
    put(("\n" if gap else "") + paint(text, bold=True))


def paragraph(text: str, indent: str = "") -> None:
    """A sentence on stdout; what does not fit into a line of the terminal goes on further in."""
    first, *more = wrap(text, width() - len(indent) - 4)
    put(indent + first)
    for line in more:
        put(f"{indent}    {line}")


def facts(pairs: Sequence[tuple[str, str]], indent: str = "  ") -> None:
    """Names and values on stdout, the values below each other."""
    margin = max((len(name) for name, _ in pairs), default=0) + 2
    for name, value in pairs:
        first, *more = wrap(value, width() - len(indent) - margin)
        put(indent + paint(f"{name:{margin}}", dim=True) + first)
        for line in more:
            put(indent + " " * margin + line)


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
    return harmless("".join(one if one.isprintable() or one == "\n" else ascii(one)[1:-1] for one in text))


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
        message = printable(_LONG_LINE.sub(r"\1… (whole with --json)", message))
        mark = "\x1b[1;31merror:\x1b[0m" if in_colour(sys.stderr) else "error:"
        _tell(f"{mark} {message}")
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
