"""The members of a list on a day as a table: CSV or JSON lines, one row a listing, in the order of the ledger.

A spreadsheet takes a cell that begins with `=`, `+`, `-` or `@` for a formula, and may run it: a name on a list would
run as a program on the machine of whoever opens the table. So in CSV a text that begins so, its ASCII or its full-width
form, after white space or not, gets an apostrophe before it, and so does a text that begins with an apostrophe itself.
Whoever reads the CSV with a program drops the first character of a cell that begins with an apostrophe, and has the
text again (`plain_cell`). Every cell stands in quotes. JSON needs none of this: it has the texts as they are.

Both are UTF-8 without a byte order mark: where none is expected, it would become part of the first column's name.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TextIO

from creditledger.acts.kinds import Subject
from creditledger.errors import UsageError
from creditledger.ledger.answer import ListingView
from creditledger.ledger.ledger import Ledger
from creditledger.transfer.recorded import Recorded

COLUMNS = (
    "list", "valid_at", "scheme", "value", "status", "ground", "effective", "until", "case", "recorded", "authority",
    "unproven", "tainted",
)  # fmt: skip
"""The columns of a table, in their order; further ones are content, by label."""

_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_APOSTROPHE = "'"


def write_csv(
    ledger: Ledger,
    list_id: str,
    out: TextIO,
    *,
    valid_at: str | None = None,
    known_at: int | None = None,
    every: bool = False,
    content: Sequence[str] = (),
) -> int:
    """Write the members of a list on a day as CSV (RFC 4180, CR LF, UTF-8 if `out` says so) with a header line.

    Args:
        ledger: an open ledger; with `content`, open with its content key.
        list_id: the list.
        out: a text file opened with `newline=""`.
        valid_at, known_at: the day, and the moment of knowledge in microseconds; see `Ledger.lookup`.
        every: also who is not listed on the day; the column `status` says what else.
        content: labels of content to be disclosed in columns of their own.

    Returns:
        How many rows were written, without the header.

    Raises:
        UsageError: there is no such list.
    """
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    rows = member_rows(ledger, list_id, valid_at=valid_at, known_at=known_at, every=every, content=content)
    writer.writerow([*COLUMNS, *content])
    count = 0
    for row in rows:
        writer.writerow([_cell(value) for value in row.values()])
        count += 1
    return count


def write_json_lines(
    ledger: Ledger,
    list_id: str,
    out: TextIO,
    *,
    valid_at: str | None = None,
    known_at: int | None = None,
    every: bool = False,
    content: Sequence[str] = (),
) -> int:
    """Write the same rows as JSON, one object a line, with null where there is nothing; see `write_csv`."""
    rows = member_rows(ledger, list_id, valid_at=valid_at, known_at=known_at, every=every, content=content)
    count = 0
    for row in rows:
        count += 1
        out.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")
    return count


def content_labels(
    ledger: Ledger, list_id: str, *, valid_at: str | None = None, known_at: int | None = None, every: bool = False
) -> tuple[str, ...]:
    """The labels of all content of the listings in a table, sorted; see `write_csv`."""
    recorded = Recorded(ledger)
    found: set[str] = set()
    for subject, status, views in ledger.members(list_id, valid_at=valid_at, known_at=known_at, every=every):
        for view in views:
            if view.status == status:
                found.update(recorded.particulars(list_id, subject, view).content)
    return tuple(sorted(found))


def plain_cell(cell: str) -> str:
    """The text that a cell of the CSV stands for."""
    return cell.removeprefix(_APOSTROPHE)


def member_rows(
    ledger: Ledger,
    list_id: str,
    *,
    valid_at: str | None = None,
    known_at: int | None = None,
    every: bool = False,
    content: Sequence[str] = (),
) -> Iterator[dict[str, Any]]:
    """Yield one row for each listing that gives its subject the status it has on the day; see `write_csv`."""
    if clash := set(content) & set(COLUMNS):
        raise UsageError(f"content cannot be shown in a column called {min(clash)}: the table has one of its own")
    day = valid_at or ledger.today()
    recorded = Recorded(ledger)
    for subject, status, views in ledger.members(list_id, valid_at=day, known_at=known_at, every=every):
        for view in views:
            if view.status == status:
                row = _row(list_id, day, subject, view)
                yield row | (dict(_disclosed(recorded, list_id, subject, view, content)) if content else {})


def _row(list_id: str, day: str, subject: Subject, view: ListingView) -> dict[str, Any]:
    value = subject.value
    return {
        "list": list_id,
        "valid_at": day,
        "scheme": subject.scheme,
        "value": value.hex() if isinstance(value, bytes) else value,
        "status": view.status,
        "ground": view.ground,
        "effective": view.effective,
        "until": view.until,
        "case": None if view.case is None else view.case.hex(),
        "recorded": str(view.address),
        "authority": view.authority,
        "unproven": view.unproven,
        "tainted": view.tainted,
    }


def _disclosed(
    recorded: Recorded, list_id: str, subject: Subject, view: ListingView, labels: Iterable[str]
) -> Iterator[tuple[str, str | None]]:
    """The content of a listing by label; None where there is none, or it was erased."""
    known = recorded.particulars(list_id, subject, view)
    for label in labels:
        digest = None if label in known.erased else known.content.get(label)
        yield label, None if digest is None else recorded.text(list_id, subject, digest) or None


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    runs = text.lstrip().startswith(_FORMULA) or text[:1] in ("\t", "\r", "\n")
    return _APOSTROPHE + text if runs or text.startswith(_APOSTROPHE) else text
