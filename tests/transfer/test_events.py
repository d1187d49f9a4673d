"""The parser of event histories: moments and their days, layouts, and whatever else a file of JSON lines may hold."""

from __future__ import annotations

import io
import json
import tracemalloc
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditledger.errors import FormatError, UsageError
from creditledger.transfer.sources.events import EventLayout, EventRow, read_events, read_moment, suggest_lists
from creditledger.transfer.sources.lines import MAX_LINE_BYTES, BadRow
from transfer.test_ofac_sdn import EndlessLine

LAYOUT = EventLayout({"a.txt": "a", "b.txt": "b"}, date="recorded")
GOOD = {"seq": 0, "recorded": "2024-02-06T01:51:17+08:00", "list": "a.txt", "action": "add", "key": "k"}


def read(data: bytes, layout: EventLayout = LAYOUT, utc_offset: str = "+00:00") -> list[EventRow | BadRow]:
    return list(read_events(io.BytesIO(data), layout, utc_offset))


def line(**changes: object) -> bytes:
    return json.dumps(GOOD | changes).encode()


def one(data: bytes, layout: EventLayout = LAYOUT, utc_offset: str = "+00:00") -> EventRow:
    (row,) = read(data, layout, utc_offset)
    assert isinstance(row, EventRow), row
    return row


@pytest.mark.parametrize(
    ("text", "utc_offset", "day", "moment"),
    [
        # The same moment is another day elsewhere: the day is the ledger's, whatever offset the file wrote it at.
        ("2024-02-06T01:51:17+08:00", "+00:00", "2024-02-05", "2024-02-05T17:51:17+00:00"),
        ("2024-02-06T01:51:17+08:00", "+08:00", "2024-02-06", "2024-02-05T17:51:17+00:00"),
        ("2024-02-05T17:51:17Z", "+08:00", "2024-02-06", "2024-02-05T17:51:17+00:00"),
        ("2024-02-05T23:59:59.999999-00:30", "+00:00", "2024-02-06", "2024-02-06T00:29:59.999999+00:00"),
        ("2024-12-31T12:00-12:00", "+00:00", "2025-01-01", "2025-01-01T00:00:00+00:00"),
        # What has no offset, or no time, is at the ledger's.
        ("2024-02-06", "+08:00", "2024-02-06", "2024-02-05T16:00:00+00:00"),
        ("2024-02-06 23:59:59", "-05:00", "2024-02-06", "2024-02-07T04:59:59+00:00"),
        # Other ways of writing that RFC 3339 and ISO 8601 allow.
        ("2024-02-06t01:51:17z", "+00:00", "2024-02-06", "2024-02-06T01:51:17+00:00"),
        ("2024-02-06T01:51:17,5+0530", "+00:00", "2024-02-05", "2024-02-05T20:21:17.5+00:00"),
        ("2024-02-06 01:51:17 +0800", "+00:00", "2024-02-05", "2024-02-05T17:51:17+00:00"),
        ("2024-02-06T01:51+08", "+00:00", "2024-02-05", "2024-02-05T17:51:00+00:00"),
        ("2024-02-06T01:51:17-00:00", "+00:00", "2024-02-06", "2024-02-06T01:51:17+00:00"),
        ("2016-12-31T23:59:60Z", "+00:00", "2017-01-01", "2017-01-01T00:00:00+00:00"),
    ],
)
def test_moments_and_their_days(text: str, utc_offset: str, day: str, moment: str) -> None:
    expected = (datetime.fromisoformat(moment) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert read_moment(text, utc_offset) == (expected, day)


@pytest.mark.parametrize(
    "text",
    [
        "", "yesterday", "2024-02-30", "2024-13-01", "20240206", "2024-2-6", "06.02.2024", "2024-02-06T",
        "2024-02-06T24:00:00Z",
        "2024-02-06T10:61Z", "2024-02-06T10:00:61Z", "2024-02-06T10:00:00+15:00", "2024-02-06T10:00:00+08:60",
        "2024-02-06T10:00:00+8", "1707184277", "2024-02-06T10:00:00Z ", "0000-01-01", "٢٠٢٤-02-06", "2024-W06-2",
        "9999-12-31T23:59:59-12:00",
    ],
)  # fmt: skip
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(FormatError):
        read_moment(text, "+00:00")


@given(
    st.integers(-62_000_000_000_000_000, 253_000_000_000_000_000),
    st.integers(-12 * 60, 14 * 60),
    st.integers(-12 * 60, 14 * 60),
)
def test_days_are_those_of_the_standard_library(microseconds: int, minutes: int, ledger_minutes: int) -> None:
    there, ledger = (timezone(timedelta(minutes=one)) for one in (minutes, ledger_minutes))
    moment = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)).astimezone(there)
    offset = datetime(2000, 1, 1, tzinfo=ledger).isoformat()[-6:]
    assert read_moment(moment.isoformat(), offset) == (microseconds, moment.astimezone(ledger).date().isoformat())


def test_a_row_in_the_layout_of_the_file() -> None:
    layout = EventLayout(
        "only", key="who", action="what", date="when", actions={"+": "add", "-": "remove"},
        content={"reason": "why", "raw": "more"},
    )  # fmt: skip
    data = '{"who": "Ü", "what": "-", "when": "2020-01-01", "why": "x", "more": {"b": [1, 2.5], "a": null}, "else": 1}'
    row = one(data.encode(), layout)
    assert (row.line, row.offset, row.list, row.key, row.action, row.date) == (
        1,
        0,
        "only",
        "Ü",
        "remove",
        "2020-01-01",
    )
    assert row.fields == {"reason": "x", "raw": '{"a": null, "b": [1, 2.5]}'}


def test_lists_by_the_value_of_a_field() -> None:
    rows = read(line(list="b.txt") + b"\r\n\r\n" + line() + b"\n")
    assert [(row.line, row.list) for row in rows if isinstance(row, EventRow)] == [(1, "b"), (3, "a")]


def test_a_byte_order_mark_and_a_number_as_key() -> None:
    assert one(b"\xef\xbb\xbf" + line(key=4711)).key == "4711"


@pytest.mark.parametrize(
    ("row", "why"),
    [
        pytest.param(b"not json", "not JSON", id="prose"),
        pytest.param(b'["add"]', "a JSON object", id="array"),
        pytest.param(line()[:-1], "not JSON", id="truncated"),
        pytest.param(line() + b"{}", "not JSON", id="two values"),
        pytest.param(line()[:-1] + b', "key": "k2"}', "stands twice", id="a name twice"),
        pytest.param(line()[:-1] + b', "x": NaN}', "NaN", id="NaN"),
        pytest.param(line()[:-1] + b', "x": ' + b"9" * 5000 + b"}", "", id="5000 digits"),
        pytest.param(line()[:-1] + b', "x": ' + b"[" * 200_000 + b"}", "", id="nested 200,000 deep"),
        pytest.param(line(list="c.txt"), "c.txt", id="unknown list"),
        pytest.param(line(action="edit"), "edit", id="unknown action"),
        pytest.param(line(action=True), "missing or not a text", id="no text"),
        pytest.param(line(key=""), "empty", id="empty key"),
        pytest.param(line(key=" k"), "space", id="padded key"),
        pytest.param(line(key="k\u3000"), "space", id="key padded with an ideographic space"),
        pytest.param(line(key="a\0b"), "control", id="NUL in a key"),
        pytest.param(line(key="a\nb"), "control", id="line feed in a key"),
        pytest.param(line(key="\ud800"), "surrogate", id="lone surrogate"),
        pytest.param(line(key="k" * 2049), "2049 bytes", id="long key"),
        pytest.param(line(key=1.5), "missing or not a text", id="a key that is no whole number"),
        pytest.param(line(key=None), "missing or not a text", id="no key"),
        pytest.param(line(recorded="soon"), "soon", id="no date"),
        pytest.param(line().replace(b'"k"', b'"\xff"'), "UTF-8", id="not UTF-8"),
        pytest.param(line().replace(b'"k"', b'"a\0b"'), "not JSON", id="raw NUL"),
        pytest.param(bytes(range(128, 256)), "UTF-8", id="binary"),
        pytest.param(line(key="k" * MAX_LINE_BYTES), "more than", id="long line"),
    ],
)
def test_a_bad_row_is_named_and_costs_only_itself(row: bytes, why: str) -> None:
    rows = read(line(key="1") + b"\n" + row + b"\n" + line(key="2"))
    assert [found.key for found in rows if isinstance(found, EventRow)] == ["1", "2"]
    ((number, reason, *_),) = [found for found in rows if isinstance(found, BadRow)]
    assert number == 2
    assert why in reason


def test_a_line_of_a_gigabyte_takes_bounded_memory() -> None:
    tracemalloc.start()
    try:
        rows = list(read_events(io.BufferedReader(EndlessLine(1 << 30)), LAYOUT, "+00:00"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [row.line for row in rows] == [1, 2, 3]
    assert peak < 16 * MAX_LINE_BYTES


@given(st.binary(max_size=200))
def test_any_bytes_are_read_to_their_end(data: bytes) -> None:
    rows = read(data + b"\n" + line(key="last"))
    assert isinstance(rows[-1], EventRow)
    assert rows[-1].key == "last"


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param({"lists": {}}, id="no list"),
        pytest.param({"lists": "No Identifier"}, id="no identifier"),
        pytest.param({"lists": "a", "actions": {"add": "insert"}}, id="unknown meaning"),
        pytest.param({"lists": "a", "actions": {}}, id="no action"),
        pytest.param({"lists": "a", "content": {"key": "k"}}, id="the key's own label"),
        pytest.param({"lists": "a", "content": {"Not a label": "k"}}, id="no label"),
    ],
)
def test_a_layout_that_makes_no_sense(arguments: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        EventLayout(**arguments)  # type: ignore[arg-type]  # wrong on purpose


def test_identifiers_for_the_lists_of_a_file() -> None:
    values = [
        "sanctioned_addresses_XBT.txt",
        "Sanctioned_Addresses_xbt.txt",
        "制裁",
        "A B/C",
        "x" * 99,
        "x" * 98,
        "-.-",
        "1",
    ]
    data = b"\n".join([*(line(list=value) for value in values * 2), b"garbage", b"[" * 10_000, line(list=None), b"7"])
    found = suggest_lists(io.BytesIO(data), "list")
    assert list(found) == sorted(set(values))
    assert len(set(found.values())) == len(found)
    assert found["A B/C"] == "a-b-c"
    assert {found["sanctioned_addresses_XBT.txt"], found["Sanctioned_Addresses_xbt.txt"]} == {
        "sanctioned_addresses_xbt.txt", "sanctioned_addresses_xbt.txt-2",
    }  # fmt: skip
    assert EventLayout(found).list_ids == tuple(sorted(found.values()))
    with pytest.raises(FormatError, match="more than 1000"):
        suggest_lists(io.BytesIO(b"\n".join(line(key=f"k{one}") for one in range(1001))), "key")


@pytest.mark.parametrize(
    ("row", "keys", "list_id"),
    [
        pytest.param(line(recorded="the day before"), (GOOD["key"],), "a", id="no date"),
        pytest.param(line(action="changed"), (GOOD["key"],), "a", id="unknown action"),
        pytest.param(line(list="unheard-of.txt"), (GOOD["key"],), None, id="unknown list: it may be any"),
        pytest.param(line(list=7.5), (GOOD["key"],), None, id="no list"),
        pytest.param(line(key=" padded "), ("padded",), "a", id="padded key"),
        pytest.param(line(key=""), (), "a", id="empty key"),
        pytest.param(line(key=None), (), None, id="no key"),
        pytest.param(line()[:-1], (), None, id="not JSON"),
        pytest.param(b"[]", (), None, id="no object"),
    ],
)
def test_what_can_be_told_of_a_bad_row(row: bytes, keys: tuple[str, ...], list_id: str | None) -> None:
    (found,) = read(row)
    assert isinstance(found, BadRow)
    assert (found.keys, found.list) == (keys, list_id)
