"""The parser of OFAC's sdn.csv: its layout in all editions, and whatever else a file of that name may hold."""

from __future__ import annotations

import csv
import io
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditledger.transfer.sources.lines import MAX_LINE_BYTES, BadRow
from creditledger.transfer.sources.ofac_sdn import SdnRow, read_sdn

EMPTY = ",-0- " * 8
GOOD = b'36,"AIRLINE, THE",-0- ,"CUBA"' + EMPTY.encode()


def read(data: bytes) -> list[SdnRow | BadRow]:
    return list(read_sdn(io.BytesIO(data)))


def good(data: bytes) -> list[SdnRow]:
    rows = read(data)
    assert all(isinstance(row, SdnRow) for row in rows), rows
    return [row for row in rows if isinstance(row, SdnRow)]


def bad(data: bytes) -> list[tuple[int, str]]:
    return [(row.line, row.reason) for row in read(data) if isinstance(row, BadRow)]


def keys(data: bytes) -> list[str]:
    return [row.key for row in read(data) if isinstance(row, SdnRow)]


def test_every_column_of_a_vessel() -> None:
    line = (
        b'15036,"ARTAVIL","vessel","SDGT] [IRAN","-0- ","5IM316","Crude Oil Tanker","318,000","160,576","Malta","NITC",'
        b'"a ""b"" c."'
    )
    (row,) = good(line)
    assert row == SdnRow(
        1, "15036", "ARTAVIL", "vessel", ("SDGT", "IRAN"), None, "5IM316", "Crude Oil Tanker", "318,000", "160,576",
        "Malta", "NITC", 'a "b" c.',
    )  # fmt: skip
    assert row.fields == {
        "name": "ARTAVIL", "sdn_type": "vessel", "programs": "SDGT; IRAN", "call_sign": "5IM316",
        "vessel_type": "Crude Oil Tanker", "tonnage": "318,000", "gross_tonnage": "160,576", "vessel_flag": "Malta",
        "vessel_owner": "NITC", "remarks": 'a "b" c.',
    }  # fmt: skip


def test_nothing_is_an_entity_without_particulars() -> None:
    (row,) = good(GOOD)
    assert row.sdn_type == "entity"
    assert row.programs == ("CUBA",)
    assert row.fields == {"name": "AIRLINE, THE", "sdn_type": "entity", "programs": "CUBA"}


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(GOOD, id="no line end"),
        pytest.param(GOOD + b"\n", id="LF"),
        pytest.param(GOOD + b"\r\n", id="CR LF"),
        pytest.param(GOOD + b"\r\n\x1a", id="end mark"),
        pytest.param(GOOD + b"\r\n\x1a\r\n", id="end mark with a line end"),
        pytest.param(GOOD + b"\x1a", id="end mark on the last row"),
        pytest.param(GOOD + b"\r\n\x1a\x1a\x1a\0\0", id="padded end mark"),
        pytest.param(b"\xef\xbb\xbf" + GOOD, id="byte order mark"),
        pytest.param(b"\n\n  \n" + GOOD + b"\n\n", id="blank lines"),
        pytest.param(b"ent_num,SDN_Name,SDN_Type,Program,Title,C,V,T,G,F,O,Remarks\n" + GOOD, id="header"),
        pytest.param(GOOD.replace(b"36,", b" 0036 ,"), id="padded number"),
        pytest.param(GOOD.replace(b'"CUBA"', b'"CUBA "'), id="padded text"),
        pytest.param(GOOD.replace(b"36,", b'"36",'), id="quoted number"),
    ],
)
def test_what_editions_differ_in_is_read_alike(data: bytes) -> None:
    (row,) = good(data)
    assert row._replace(line=1) == good(GOOD)[0]


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_both_encodings(encoding: str) -> None:
    (row,) = good('36,"PEÑA \u2013 GARCÍA",-0- ,"X"'.encode(encoding) + EMPTY.encode())
    assert row.name == "PEÑA \u2013 GARCÍA"


def test_a_text_with_line_breaks_is_one_row_and_one_line() -> None:
    rows = good(GOOD.replace(b"AIRLINE, THE", b"AIRLINE,\r\nTHE\nSECOND") + b"\n" + GOOD.replace(b"36,", b"37,"))
    assert [(row.line, row.key, row.name) for row in rows] == [
        (1, "36", "AIRLINE, THE SECOND"),
        (4, "37", "AIRLINE, THE"),
    ]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        pytest.param(b"36,X" + b",-0- " * 9, "11 columns", id="a column short"),
        pytest.param(b"36,X" + b",-0- " * 11, "13 columns", id="a column more"),
        pytest.param(b"just a line", "1 columns", id="prose"),
        pytest.param(GOOD.replace(b"36,", b"0,"), "ent_num", id="number 0"),
        pytest.param(GOOD.replace(b"36,", b"-36,"), "ent_num", id="negative"),
        pytest.param(GOOD.replace(b"36,", b"3e6,"), "ent_num", id="exponent"),
        pytest.param(GOOD.replace(b"36,", "\uff13\uff16,".encode()), "ent_num", id="digits of another script"),
        pytest.param(GOOD.replace(b"36,", b"9" * 400 + b","), "ent_num", id="400 digits"),
        pytest.param(GOOD.replace(b"36,", b"-0- ,"), "ent_num", id="no number"),
        pytest.param(GOOD.replace(b'"AIRLINE, THE"', b"-0- "), "name", id="no name"),
        pytest.param(GOOD.replace(b"-0- ", b'"robot"', 1), "robot", id="unknown type"),
        pytest.param(GOOD.replace(b"THE", b"T\0E"), "control", id="NUL"),
        pytest.param(GOOD.replace(b"THE", b"T\x1aE"), "control", id="end mark within"),
        pytest.param(GOOD.replace(b"THE", b"T\x1b[31mE"), "control", id="terminal escape"),
        pytest.param(GOOD.replace(b"THE", b"T\xc2\x85E"), "control", id="C1 control"),
        pytest.param(GOOD.replace(b"THE", b"T\x81\xffE"), "neither UTF-8", id="no encoding"),
        pytest.param(GOOD.replace(b'THE"', b'THE" x'), "not CSV", id="text after a quote"),
        pytest.param(GOOD.replace(b'THE"', b"THE"), "", id="quote never closed"),
        pytest.param(bytes(range(128, 256)) * 3, "", id="binary"),
        pytest.param(GOOD.replace(b"THE", b"T" * MAX_LINE_BYTES), "more than", id="long line"),
    ],
)
def test_a_bad_row_is_named_and_costs_only_itself(row: bytes, why: str) -> None:
    others = [GOOD.replace(b"36,", b"%d," % number) for number in (1, 2, 3)]
    data = b"\n".join([others[0], row, *others[1:]])
    assert keys(data) == ["1", "2", "3"]
    ((line, reason),) = bad(data)
    assert line == 2
    assert why in reason


def test_two_stray_quotes_do_not_make_one_row_of_what_lies_between() -> None:
    stray = GOOD.replace(b'THE"', b"THE")
    rows = [GOOD.replace(b"36,", b"%d," % number) for number in range(1, 6)]
    data = b"\n".join([rows[0], stray, rows[1], rows[2], stray, rows[3]])
    assert keys(data) == ["1", "2", "3", "4"]
    assert [line for line, _ in bad(data)] == [2, 5]


def test_rows_after_the_end_mark_are_not_dropped_in_silence() -> None:
    data = GOOD + b"\n\x1a\n" + GOOD.replace(b"36,", b"37,")
    assert keys(data) == ["36"]
    assert bad(data) == [(3, "the row follows the end mark (1A) of line 2")]


@pytest.mark.parametrize(
    ("row", "keys"),
    [
        pytest.param(GOOD.replace(b"36,", b" 0036 ,", 1) + b",more", ("36",), id="a column too many"),
        pytest.param(b'36,"AIR', ("36",), id="an open quote"),
        pytest.param(b'"36","AIR', ("36",), id="the number in quotes"),
        pytest.param(b"36,\x00", ("36",), id="a control character"),
        pytest.param(GOOD + b" " + GOOD.replace(b"36,", b"37,", 1), ("36", "37"), id="two rows on one line"),
        pytest.param(GOOD + GOOD.replace(b"36,", b'"37",', 1), ("36", "37"), id="two rows with nothing between"),
        pytest.param(GOOD.replace(b"36,", b"3x6,", 1), (), id="no number"),
        pytest.param(b"and 37, of the row before", (), id="a number that does not begin the line"),
        pytest.param(b"36", (), id="a number alone"),
        pytest.param(GOOD.replace(b"36,", b"12345678901,", 1), (), id="a number too long"),
        pytest.param(b",".join(b"%d" % number for number in range(1, 2000)), (), id="a line of numbers"),
    ],
)
def test_whom_a_bad_row_may_be_about(row: bytes, keys: tuple[str, ...]) -> None:
    (found,) = read(row)
    assert isinstance(found, BadRow)
    assert found.keys == keys


def test_rows_after_the_end_mark_tell_whom_they_are_about() -> None:
    assert [row.keys for row in read(b"\x1a\n" + GOOD) if isinstance(row, BadRow)] == [("36",)]


class EndlessLine(io.RawIOBase):
    """A good row, then one line of so many bytes that is never held anywhere, then another good row."""

    def __init__(self, length: int) -> None:
        self._parts = [GOOD + b"\n", b"", b"\n" + GOOD.replace(b"36,", b"37,")]
        self._left = length
        self._at = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the protocol of raw files
        if self._at == 1 and self._left:
            count = min(len(buffer), self._left)
            buffer[:count] = b"x" * count
            self._left -= count
            return count
        if self._at == 1:
            self._at = 2
        if self._at > 2:
            return 0
        part = self._parts[self._at]
        self._at += 1
        buffer[: len(part)] = part
        return len(part)


def test_a_line_of_a_gigabyte_takes_bounded_memory() -> None:
    tracemalloc.start()
    try:
        rows = list(read_sdn(io.BufferedReader(EndlessLine(1 << 30))))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [row.line for row in rows] == [1, 2, 3]
    assert isinstance(rows[1], BadRow)
    assert peak < 16 * MAX_LINE_BYTES


TEXTS = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs", "Cc", "Zl", "Zp", "Zs"]), max_size=12)


@given(
    st.lists(st.tuples(st.integers(1, 10**9), TEXTS.filter(lambda text: text not in ("", "-0-")), TEXTS), max_size=8)
)
def test_what_is_written_is_read_back(rows: list[tuple[int, str, str]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for number, name, remarks in rows:
        writer.writerow([number, name, "individual", "A] [B", *["-0- "] * 7, remarks])
    found = [(row.ent_num, row.name, row.remarks or "") for row in good(text.getvalue().encode())]
    assert found == [(str(number), name, "" if remarks == "-0-" else remarks) for number, name, remarks in rows]


@given(st.binary(max_size=300))
def test_any_bytes_are_read_to_their_end(data: bytes) -> None:
    rows = read(data)
    assert [row.line for row in rows] == sorted({row.line for row in rows})
    # Whatever stood before them, rows on lines of their own are found, unless the end mark came before.
    after = read(data + b'\n"\n' + GOOD)
    assert any(isinstance(row, SdnRow) and row.key == "36" for row in after) or b"\x1a" in data
