"""Tables on a terminal: side by side where there is room, one below the other where there is not.

A date, a code, an identifier is never broken: lines break between words. A table that would need more than a few lines
for a row is stacked: the first columns stay a table, and the others follow below each row with their names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len, chop_cells

from creditledger.cli.colour import Coloured, paint

GAP = 2
MAX_LINES = 3
INDENT = "    "
_LONG = re.compile("[0-9a-f]{64,}")
_DATE = re.compile("\\b([0-9]{1,2}) ([A-Z][a-z]+) ([0-9]{4})\\b")
_HARD = "\u00a0"
"""A space at which no line is broken."""

Rows = Sequence[Sequence[str]]


def draw(columns: Sequence[str], rows: Rows, room: int) -> tuple[list[str], bool]:
    """The lines of a table at most `room` wide, and whether long hashes had to be shortened for it."""
    widths = _fit(columns, rows, room)
    shortened = False
    if widths is None:
        short = [[_short(cell) for cell in row] for row in rows]
        shortened = short != [list(row) for row in rows]
        if shortened:
            rows = short
            widths = _fit(columns, rows, room)
    if widths is None:
        return [*_stacked(columns, rows, room)], shortened
    return [*_side_by_side(columns, rows, widths)], shortened


def fold(text: str, columns: int) -> list[str]:
    """The text in lines at most so wide, broken between words; only a word that is wider than a line is cut."""
    words = _DATE.sub(f"\\1{_HARD}\\2{_HARD}\\3", text).replace("\n", " ").split(" ")
    return [line.replace(_HARD, " ") for line in _fill(words, " ", columns)]


def _fill(pieces: Iterable[str], between: str, columns: int) -> list[str]:
    """The pieces in lines, none broken unless it is wider than a line."""
    columns -= len(between.rstrip())
    lines: list[str] = []
    line = ""
    for piece in pieces:
        longer = f"{line}{between}{piece}" if line else piece
        if cell_len(longer) <= columns:
            line = longer
            continue
        if line:
            lines.append(line + between.rstrip())
        line = piece
        if cell_len(piece) > columns:
            *full, line = fold(piece, columns) if " " in piece else chop_cells(piece, columns)
            lines += full
    return [*lines, line]


def _natural(columns: Sequence[str], rows: Rows) -> list[int]:
    return [max(map(cell_len, (name, *(row[at] for row in rows)))) for at, name in enumerate(columns)]


def _fit(columns: Sequence[str], rows: Rows, room: int) -> list[int] | None:
    """How wide each column is made so that all fit side by side; None if words or too many lines stand in the way."""
    widths = _natural(columns, rows)
    room -= GAP * (len(columns) - 1)
    if sum(widths) <= room:
        return widths
    least = [
        max((cell_len(word) for cell in (name, *(row[at] for row in rows)) for word in cell.split()), default=1)
        for at, name in enumerate(columns)
    ]
    if sum(least) > room:
        return None
    while sum(widths) > room:
        widest = max(range(len(widths)), key=lambda at: (widths[at] > least[at], widths[at]))
        widths[widest] -= 1
    for row in rows:
        for cell, wide in zip(row, widths, strict=True):
            if len(cell) > wide and len(fold(cell, wide)) > MAX_LINES:
                return None
    return widths


def _side_by_side(columns: Sequence[str], rows: Rows, widths: Sequence[int]) -> Iterator[str]:
    numeric = [bool(rows) and all(row[at].isdecimal() for row in rows) for at in range(len(columns))]
    heads = [Coloured(name, dim=True) for name in columns]
    yield from _row(heads, widths, numeric)
    yield "─" * (sum(widths) + GAP * (len(widths) - 1))
    for row in rows:
        yield from _row(row, widths, numeric)


def _row(row: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> Iterator[str]:
    folded = [fold(cell, wide) for cell, wide in zip(row, widths, strict=True)]
    for number in range(max(map(len, folded))):
        line = ""
        for cell, parts, wide, right in zip(row, folded, widths, numeric, strict=True):
            text = parts[number] if number < len(parts) else ""
            space = " " * (wide - cell_len(text))
            line += (space + _painted(text, cell) if right else _painted(text, cell) + space) + " " * GAP
        yield line.rstrip()


def _stacked(columns: Sequence[str], rows: Rows, room: int) -> Iterator[str]:
    """As many columns from the left as fit; what they leave over stands below each row, indented."""
    natural = _natural(columns, rows)
    count = 1
    while count < len(columns) - 1 and sum(natural[: count + 1]) + GAP * count <= room:
        count += 1
    widths = [min(natural[0], room), *natural[1:count]]
    numeric = [all(row[at].isdecimal() for row in rows) for at in range(count)]
    yield from _row([Coloured(name, dim=True) for name in columns[:count]], widths, numeric)
    yield "─" * room
    for row in rows:
        yield from _row(row[:count], widths, numeric)
        rest = [(name, cell) for name, cell in zip(columns[count:], row[count:], strict=True) if cell]
        pieces = [cell if count == len(columns) - 1 else f"{name}: {cell}" for name, cell in rest]
        for line in _fill(pieces, "; ", room - len(INDENT)) if pieces else ():
            yield INDENT + line


def _painted(text: str, cell: str) -> str:
    return paint(text, fg=cell.fg, bold=cell.bold, dim=cell.dim) if text and isinstance(cell, Coloured) else text


def _short(cell: str) -> str:
    """The cell with every hash or handle in it cut to its first sixteen digits."""
    found = _LONG.sub(lambda match: f"{match[0][:16]}…", cell)
    return Coloured(found, cell.fg, bold=cell.bold, dim=cell.dim) if isinstance(cell, Coloured) else found
