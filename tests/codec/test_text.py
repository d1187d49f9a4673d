"""Identifiers and free text: a fixed set of code points, the same for ever."""

from __future__ import annotations

import re
import string
import sys
import unicodedata
from hashlib import sha256
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditledger.codec.text import FORBIDDEN, SPACES, advise_text, check_identifier, check_text
from creditledger.errors import FormatError

IDENTIFIER_ALPHABET = string.ascii_lowercase + string.digits + "._-"


FORBIDDEN_CODES = {code for first, last in FORBIDDEN for code in range(first, last + 1)}


def accepts(text: str, max_bytes: int = 10_000) -> bool:
    try:
        check_text(text, max_bytes)
    except FormatError:
        return False
    return True


@given(st.text(IDENTIFIER_ALPHABET, min_size=1, max_size=64))
def test_identifiers(identifier: str) -> None:
    check_identifier(identifier)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "A",
        "a b",
        "a\n",
        "\na",
        "ä",
        "\u0430",
        "a/b",
        "a:b",
        "x" * 65,
        "\uff41",
        "\u0661",
        "a\0",
        b"a",
        None,
        1,
        ["a"],
        ("a",),
    ],
)
def test_no_identifiers(value: object) -> None:
    with pytest.raises(FormatError, match="is not an identifier"):
        check_identifier(value)


def test_every_code_point_has_the_verdict_of_the_table() -> None:
    for code in range(sys.maxunicode + 1):
        assert accepts(f"x{chr(code)}x") is (code not in FORBIDDEN_CODES), hex(code)


def test_the_table_itself_never_changes() -> None:
    """The set is part of the format: 1,114,112 code points minus these."""
    ranges = sorted(FORBIDDEN)
    assert all(first <= last < following for (first, last), (following, _) in pairwise(ranges))
    assert sum(last - first + 1 for first, last in ranges) == 6_096
    lines = "".join(f"{first:06X}-{last:06X}\n" for first, last in ranges)
    assert sha256(lines.encode()).hexdigest() == "8fd48628fdfb55684e60a549aea51b017084feeb448ce69f0c9ad0b3f944a532"
    spaces = " ".join(f"{code:04X}" for code in SPACES)
    assert spaces == "0020 00A0 1680 2000 2001 2002 2003 2004 2005 2006 2007 2008 2009 200A 202F 205F 3000"


@pytest.mark.parametrize(
    ("attack", "text"),
    [
        ("line feed forges a second line", "paid\nnot paid"),
        ("carriage return overwrites the line", "guilty\rinnocent"),
        ("terminal escape", "\x1b[2Jx"),
        ("C1 control sequence introducer", "a\x9b2J"),
        ("right-to-left override", "invoice\u202efdp.exe"),
        ("isolate", "a\u2066b\u2069c"),
        ("Arabic letter mark", "a\u061cb"),
        ("zero width space", "pay\u200bpal"),
        ("word joiner", "pay\u2060pal"),
        ("soft hyphen", "pay\u00adpal"),
        ("byte order mark", "\ufefftext"),
        ("Hangul filler as an empty name", "\u3164"),
        ("tag characters carry a message", "x\U000e0041\U000e0042"),
        ("line separator", "a\u2028b"),
        ("noncharacter", "a\ufdd0b"),
        ("noncharacter of plane 16", "a\U0010ffff"),
        ("lone surrogate", "a\ud800b"),
        ("only a space", " "),
        ("leading space", " a"),
        ("trailing ideographic space", "a\u3000"),
        ("trailing no-break space", "a\u00a0"),
        ("empty", ""),
    ],
)
def test_deceptive_texts_are_refused(attack: str, text: str) -> None:
    with pytest.raises(FormatError):
        check_text(text, 1000)


@pytest.mark.parametrize(
    "text",
    [
        "张三拒不执行判决", "\u845b\U000e0100\u57ce", "\u0645\u06cc\u200c\u062e\u0648\u0627", "क्\u200dष", "Ōe",
        "e\u0301",
        "a\u3000b", "\ue000", "\ufffd", "ᠮᠣᠩᠭᠣᠯ\u180e", "😀", "Ελλάς", "a  b", "~",
    ],
)  # fmt: skip
def test_names_of_the_world_are_accepted(text: str) -> None:
    check_text(text, 100)


def test_the_limit_counts_bytes_of_utf_8() -> None:
    check_text("汉" * 10, 30)
    check_text("a" * 30, 30)
    check_text("\U0001f600" * 7 + "aa", 30)
    for text in ("汉" * 11, "a" * 31, "汉" * 10 + "a", "\U0001f600" * 8):
        with pytest.raises(FormatError, match="30"):
            check_text(text, 30)


@given(st.text(max_size=30), st.integers(1, 60))
def test_texts_against_a_naive_model(text: str, max_bytes: int) -> None:
    expected = (
        text != ""
        and not any(ord(character) in FORBIDDEN_CODES for character in text)
        and ord(text[0]) not in SPACES
        and ord(text[-1]) not in SPACES
        and len(text.encode()) <= max_bytes
    )
    assert accepts(text, max_bytes) is expected


def test_empty_and_foreign_values() -> None:
    check_text("", 10, allow_empty=True)
    for value in (None, 1, b"bytes", ["a"]):
        with pytest.raises(FormatError, match="not a text"):
            check_text(value, 10, allow_empty=True)


def test_messages_show_nothing_that_could_deceive() -> None:
    with pytest.raises(FormatError, match=re.escape("U+202E at character 3")) as caught:
        check_text("ab\u202ecd", 100)
    assert str(caught.value).isascii()
    with pytest.raises(FormatError) as caught:
        check_text(" \u6c49" * 100, 1000)
    assert str(caught.value).replace("…", "").isascii()
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("e\u0301", "normal form C"),
        ("\uff21", "compatibility"),
        ("a\ufffd", "U\\+FFFD"),
        ("\ue000", "private-use"),
        ("\u0378", "assigned"),
        ("a\u200cb", "joiner"),
        ("a  b", "two spaces"),
    ],
)
def test_advice(text: str, word: str) -> None:
    check_text(text, 100)
    advice = advise_text(text)
    assert any(re.search(word, sentence) for sentence in advice)
    assert all(sentence.endswith(".") for sentence in advice)


@given(st.text(string.printable.strip() + "äöü汉字", max_size=20))
def test_ordinary_text_gets_no_advice(text: str) -> None:
    assert advise_text(unicodedata.normalize("NFC", text)) == []
