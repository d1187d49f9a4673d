"""Tables on a terminal: nothing is lost, nothing is broken in the middle, nothing is wider than there is room."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from creditledger.cli.colour import status
from creditledger.cli.tables import draw, fold

words = st.text(st.sampled_from("abc-019é失信…"), min_size=1, max_size=20).filter(lambda one: cell_len(one) <= 20)
texts = st.lists(words, max_size=9).map(" ".join)
tables = st.integers(1, 6).flatmap(
    lambda wide: st.tuples(
        st.lists(words, min_size=wide, max_size=wide),
        st.lists(st.lists(texts, min_size=wide, max_size=wide), min_size=1, max_size=3),
    )
)


@given(texts, st.integers(24, 120))
def test_folding_breaks_between_words_only(text: str, columns: int) -> None:
    lines = fold(text, columns)
    assert all(cell_len(line) <= columns for line in lines)
    assert " ".join(lines).split() == text.split()


@given(st.integers(20, 60), st.integers(0, 50))
def test_a_date_is_one_word(columns: int, before: int) -> None:
    text = f"{'x' * before} decided 9 January 2024 by the court"
    assert any("9 January 2024" in line for line in fold(text, columns))


def test_a_word_wider_than_the_line_is_cut_and_nothing_else() -> None:
    assert fold("a signature of " + "ab" * 64, 40) == ["a signature of", "ab" * 20, "ab" * 20, "ab" * 20, "ab" * 4]
    assert fold("", 40) == [""]


@given(tables, st.integers(60, 200))
def test_a_table_holds_every_word_and_fits(table: tuple[list[str], list[list[str]]], room: int) -> None:
    columns, rows = table
    lines, shortened = draw(columns, rows, room)
    assert not shortened
    assert all(cell_len(line) <= room for line in lines)
    shown = " ".join(lines)
    for row in rows:
        for cell in row:
            for word in cell.split():
                assert word in shown


def test_what_does_not_fit_side_by_side_is_stacked_with_its_name() -> None:
    row = ("uscc:91110000600037341L", "listed", "17.0", "district-court-1", "2023-02-10", "ended by record 19")
    columns = ("subject", "status", "record", "by", "from", "remarks")
    wide, _ = draw(columns, [row], 120)
    assert tuple(re.split(" {2,}", wide[-1])) == row
    narrow, _ = draw(columns, [row], 60)
    assert narrow[0] == "subject                  status  record  by"
    assert narrow[2:] == [
        "uscc:91110000600037341L  listed  17.0    district-court-1",
        "    from: 2023-02-10; remarks: ended by record 19",
    ]


def test_long_hashes_are_shortened_only_where_there_is_no_room_and_that_is_said() -> None:
    handle = "handle:" + "0a" * 32
    columns, row = ("subject", "status", "by"), (handle, "removed", "district-court-1")
    assert draw(columns, [row], 120)[1] is False
    lines, shortened = draw(columns, [row], 80)
    assert shortened
    assert "handle:0a0a0a0a0a0a0a0a…  removed" in lines[-1]


def test_numbers_stand_below_each_other_and_wide_characters_count_twice() -> None:
    lines, _ = draw(("record", "what"), [("7", "失信被执行人 x"), ("131", "y")], 80)
    assert lines[2:] == ["     7  失信被执行人 x", "   131  y"]
    assert [cell_len(line) for line in lines[1:2]] == [cell_len("record  失信被执行人 x")]


def test_no_status_is_green_that_restricts_and_none_red_that_honours() -> None:
    every = (
        "listed", "suspended", "unconfirmed", "not-yet-effective", "expired", "removed", "quashed", "annulled",
        "nothing-recorded",
    )  # fmt: skip
    found = {(one, polarity): status(one, polarity) for one in every for polarity in POLARITIES}
    assert {key for key, cell in found.items() if cell.fg == "green"} == {("listed", "incentive")}
    assert {key for key, cell in found.items() if cell.fg == "red"} == {("listed", "restriction")}
    assert all(found[one, "restriction"].bold for one in ("suspended", "unconfirmed"))
    assert all(cell == name for (name, _), cell in found.items())


POLARITIES = ("restriction", "incentive", "supervision")
