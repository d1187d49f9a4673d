"""Tables of members: what stands in them, in which order, and that no cell of a CSV runs as a formula."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from creditledger.errors import UsageError
from creditledger.ledger.ledger import Ledger
from creditledger.transfer.events_import import import_events
from creditledger.transfer.import_run import ImportOptions
from creditledger.transfer.snapshot_import import import_snapshot
from creditledger.transfer.sources.events import EventLayout
from creditledger.transfer.state_export import (
    COLUMNS,
    content_labels,
    member_rows,
    plain_cell,
    write_csv,
    write_json_lines,
)
from transfer.mirror import ACT, ADMIN, NOW, erase, event, events_file, found, grant_erasure, sdn_file, subject_of

FORMULAS = (
    "=1+1", "+1", "-1", "@SUM(A1)", "'=1", 'a "b", c', "plain", "\uff1d1+1", "\uff0b1", "\uff0d1", "\uff20x", "''",
    "O'Brien",     "1-1", "a;=1", "名前", "\N{ZERO WIDTH SPACE}=1", "e\N{COMBINING ACUTE ACCENT}", "\U0001f600", "null",
    "#REF!", "NaN", "00123",
)  # fmt: skip


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    directory = tmp_path_factory.mktemp("members")
    with found(directory) as one:
        history = [
            event("2024-01-01", "add", "b.example"),
            event("2024-01-02", "add", "a.example"),
            event("2024-01-03", "add", "c.example"),
            event("2024-02-01", "remove", "c.example"),
        ]
        path = events_file(directory / "h.jsonl", history)
        layout, options = EventLayout("hosts", date="recorded"), ImportOptions(key_scheme="host")
        import_events(one, path, layout=layout, signer=ACT, opener=ADMIN, options=options)
        path = sdn_file(directory / "sdn.csv", ([at, name] for at, name in enumerate(FORMULAS, 1)))
        import_snapshot(one, path, list_id="parties", dated="2025-01-01", signer=ACT, opener=ADMIN)
        yield one


def as_csv(ledger: Ledger, list_id: str, **more: Any) -> list[list[str]]:
    out = io.StringIO(newline="")
    count = write_csv(ledger, list_id, out, **more)
    assert out.getvalue().endswith("\r\n")
    table = list(csv.reader(io.StringIO(out.getvalue(), newline="")))
    assert len(table) == count + 1
    return table


def as_json(ledger: Ledger, list_id: str, **more: Any) -> list[dict[str, Any]]:
    out = io.StringIO(newline="")
    count = write_json_lines(ledger, list_id, out, **more)
    rows = [json.loads(line) for line in out.getvalue().splitlines()]
    assert len(rows) == count
    return rows


def test_a_row_of_a_table(ledger: Ledger) -> None:
    (header, first, second) = as_csv(ledger, "hosts", valid_at="2024-01-02")
    assert header == list(COLUMNS)
    address = ledger.lookup(subject_of(ledger, "hosts", "a.example"), "hosts").because[0]
    assert first == [
        "hosts", "2024-01-02", "host", "a.example", "listed", "on-source-list", "2024-01-02", "", "", str(address),
        "mirror", "no", "no",
    ]  # fmt: skip
    assert second[3] == "b.example"
    (row, _) = as_json(ledger, "hosts", valid_at="2024-01-02")
    assert row == dict(zip(COLUMNS, [*first[:7], None, None, *first[9:11], False, False], strict=True))


def test_the_order_is_that_of_the_ledger_and_stable(ledger: Ledger) -> None:
    assert [row["value"] for row in as_json(ledger, "hosts")] == ["a.example", "b.example"]
    handles = [row["value"] for row in as_json(ledger, "parties")]
    assert handles == sorted(handles)
    assert as_csv(ledger, "parties") == as_csv(ledger, "parties")


def test_who_is_not_listed_comes_only_when_asked_for(ledger: Ledger) -> None:
    rows = {row["value"]: row["status"] for row in as_json(ledger, "hosts", valid_at="2024-02-01", every=True)}
    assert rows == {"a.example": "listed", "b.example": "listed", "c.example": "removed"}


def test_what_was_known_at_a_moment(ledger: Ledger) -> None:
    assert as_json(ledger, "hosts", known_at=NOW) == as_json(ledger, "hosts")
    with pytest.raises(UsageError, match="there is no list"):
        as_json(ledger, "hosts", known_at=NOW - 1)


def test_no_cell_is_a_formula(ledger: Ledger) -> None:
    table = as_csv(ledger, "parties", content=["key", "name"])
    assert table[0][-2:] == ["key", "name"]
    shown = {row[-2]: row[-1] for row in table[1:]}
    assert [shown[str(at)] for at in range(1, 8)] == ["'=1+1", "'+1", "'-1", "'@SUM(A1)", "''=1", 'a "b", c', "plain"]
    assert not any(cell.lstrip().startswith(tuple("=+-@\uff1d\uff0b\uff0d\uff20")) for row in table for cell in row)
    # A program has every text again: no two of them are written the same.
    assert [plain_cell(shown[str(at)]) for at in range(1, len(FORMULAS) + 1)] == list(FORMULAS)
    # JSON tells what is there.
    names = {row["key"]: row["name"] for row in as_json(ledger, "parties", content=["key", "name"])}
    assert [names[str(at)] for at in range(1, len(FORMULAS) + 1)] == list(FORMULAS)


def test_labels_of_all_content(ledger: Ledger) -> None:
    assert content_labels(ledger, "parties") == ("key", "name", "sdn_type")
    assert content_labels(ledger, "hosts") == ()


def test_content_that_is_not_there_is_empty(ledger: Ledger) -> None:
    (row, *_) = as_json(ledger, "parties", content=["call_sign"])
    assert row["call_sign"] is None
    (_, cells, *_) = as_csv(ledger, "parties", content=["call_sign"])
    assert cells[-1] == ""


def test_content_that_was_erased_is_empty(tmp_path: Path) -> None:
    with found(tmp_path) as ledger:
        path = sdn_file(tmp_path / "sdn.csv", [[7, "ANA"]])
        import_snapshot(ledger, path, list_id="parties", dated="2025-01-01", signer=ACT, opener=ADMIN)
        grant_erasure(ledger, "parties")
        erase(ledger, "parties", subject_of(ledger, "parties", "7"), "name")
        (row,) = as_json(ledger, "parties", content=["key", "name"])
        assert (row["key"], row["name"]) == ("7", None)


def test_rows_come_as_they_are_asked_for(ledger: Ledger) -> None:
    rows = member_rows(ledger, "parties")
    assert next(rows)["list"] == "parties"
    rows.close()  # type: ignore[attr-defined]  # it is a generator, so that no table is ever held whole


def test_what_cannot_be_shown(ledger: Ledger) -> None:
    with pytest.raises(UsageError, match="there is no list"):
        as_csv(ledger, "nowhere")
    with pytest.raises(UsageError, match="column called status"):
        as_json(ledger, "hosts", content=["status"])
