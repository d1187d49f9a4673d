#!/usr/bin/env python3
"""Make the vectors of the scalar values: identifiers, texts, dates, UTC offsets and the identifiers of subjects.

    tools/make_value_vectors.py            rewrite src/creditledger/spec/vectors/values.json
    tools/make_value_vectors.py --check    exit with 1 if that file differs from what would be written

Two sorts of line. `{"kind", "value", "ok"}` says whether a value is valid; the kinds are `identifier`, `text` (at most
60 bytes), `date`, `utc-offset`, `uscc`, `lei` and `host`. `{"kind", "arguments", "result"}` is arithmetic:
`day-number`, `add-months` and `day-at`. The verdicts come from the naive models in this file, which share no code with
ours.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

from vector_file import VECTORS, one_a_line, write_or_check

TARGET = VECTORS / "values.json"

IDENTIFIER_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789._-"
LABEL_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789-"
USCC_SYMBOLS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
LEI_SYMBOLS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

FORBIDDEN = """
0000-001F 007F-009F 00AD 034F 061C 115F-1160 17B4-17B5 200B 200E-200F 2028-202E 2060-206F 3164 D800-DFFF FDD0-FDEF FEFF
FFA0 FFF0-FFFC FFFE-FFFF 1BCA0-1BCA3 1D173-1D17A 1FFFE-1FFFF 2FFFE-2FFFF 3FFFE-3FFFF 4FFFE-4FFFF 5FFFE-5FFFF
6FFFE-6FFFF 7FFFE-7FFFF 8FFFE-8FFFF 9FFFE-9FFFF AFFFE-AFFFF BFFFE-BFFFF CFFFE-CFFFF DFFFE-DFFFF E0000-E00FF
E01F0-E0FFF EFFFE-EFFFF FFFFE-FFFFF 10FFFE-10FFFF
"""
SPACES = "0020 00A0 1680 2000 2001 2002 2003 2004 2005 2006 2007 2008 2009 200A 202F 205F 3000"
TEXT_BYTES = 60


def ranges() -> list[tuple[int, int]]:
    """Return the forbidden code points as inclusive ranges."""
    return [
        (int(first, 16), int(last or first, 16))
        for first, _, last in (item.partition("-") for item in FORBIDDEN.split())
    ]


def is_identifier(value: str) -> bool:
    """Whether the value is 1 to 64 of the allowed characters."""
    return 1 <= len(value) <= 64 and all(character in IDENTIFIER_CHARACTERS for character in value)


def is_text(value: str) -> bool:
    """Whether the value is a text of at most `TEXT_BYTES` bytes."""
    spaces = {chr(int(code, 16)) for code in SPACES.split()}
    return (
        value != ""
        and not any(first <= ord(character) <= last for character in value for first, last in ranges())
        and not {value[0], value[-1]} & spaces
        and len(value.encode()) <= TEXT_BYTES
    )


def is_date(value: str) -> bool:
    """Whether the value is the ISO form of a day that Python knows; it too counts the years 1 to 9999."""
    try:
        return dt.date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def is_offset(value: str) -> bool:
    """Whether the value is one of the offsets, all of which are listed."""
    east = {f"+{minutes // 60:02}:{minutes % 60:02}" for minutes in range(14 * 60 + 1)}
    west = {f"-{minutes // 60:02}:{minutes % 60:02}" for minutes in range(1, 12 * 60 + 1)}
    return value in east | west


def is_uscc(value: str) -> bool:
    """Whether the value has 18 symbols whose weighted sum is a multiple of 31; the check digit has weight 1."""
    if len(value) != 18 or any(symbol not in USCC_SYMBOLS for symbol in value):
        return False
    weights = [pow(3, place, 31) for place in range(17)] + [1]
    return sum(USCC_SYMBOLS.index(symbol) * weight for symbol, weight in zip(value, weights, strict=True)) % 31 == 0


def is_lei(value: str) -> bool:
    """Whether the value has 20 symbols, leaves 1 modulo 97, and ends with 02 to 98."""
    if len(value) != 20 or any(symbol not in LEI_SYMBOLS for symbol in value) or set(value[18:]) - set("0123456789"):
        return False
    number = int("".join(str(LEI_SYMBOLS.index(symbol)) for symbol in value))
    return number % 97 == 1 and 2 <= int(value[18:]) <= 98


def is_host(value: str) -> bool:
    """Whether the value is at least two labels, the last of which starts with a letter."""
    labels = value.split(".")
    return (
        len(value) <= 253
        and len(labels) >= 2
        and labels[-1][:1] in tuple("abcdefghijklmnopqrstuvwxyz")
        and all(1 <= len(label) <= 63 and "-" not in (label[0], label[-1]) for label in labels)
        and all(character in LABEL_CHARACTERS for label in labels for character in label)
    )


MODELS: dict[str, Callable[[str], bool]] = {
    "identifier": is_identifier,
    "text": is_text,
    "date": is_date,
    "utc-offset": is_offset,
    "uscc": is_uscc,
    "lei": is_lei,
    "host": is_host,
}

# One kind a paragraph, one JSON string an entry.
VALUES: dict[str, str] = {
    "identifier": r"""
        "a" "judgment-defaulters" "0" "." "-._" "" "A" "a b" "a\n" "\u00e4" "\u0430" "\uff41" "\u0661" "a/b" "a:b"
        "a\u0000"
    """,
    "text": r"""
        "a" "a b" "a  b" "~" "\u5f20\u4e09" "\u0915\u094d\u200d\u0937" "\u0645\u06cc\u200c\u062e" "e\u0301"
        "\u845b\udb40\udd00" "\ue000" "\ufffd" "\ud83d\ude00" "" " " " a" "a " "\u3000a" "a\u00a0" "a\nb" "a\tb"
        "a\u0000b" "\u3164" "invoice\u202efdp.exe"
    """,
    "date": r"""
        "2026-01-31" "0001-01-01" "9999-12-31" "2000-02-29" "2024-02-29" "1900-02-28" "0000-12-31" "1900-02-29"
        "2026-02-29" "2026-04-31" "2026-00-01" "2026-13-01" "2026-01-00" "2026-01-32" "10000-01-01" "2026-1-1"
        "20260131" "2026-W05-6" "2026-031" " 2026-01-31" "2026-01-31\n" "2026/01/31" "+2026-01-31" "\uff12026-01-31"
        "2026-01-31T00:00:00Z" ""
    """,
    "utc-offset": r"""
        "+00:00" "+08:00" "-12:00" "+14:00" "+05:45" "-03:30" "-00:01" "-00:00" "-12:01" "+14:01" "+08:60" "+8:00"
        "+0800" "08:00" "Z" "UTC" "\u221208:00" "+08:00\n" ""
    """,
    "uscc": r"""
        "91110000600037341L" "914403001922038216" "9144030071526726XG" "12100000400010275N" "911100006000373418"
        "91110000600037341l" "91110000600037341" "91110000600037341L " "9111000060003734IL" "19110000600037341L"
        "\uff191110000600037341L" ""
    """,
    "lei": r"""
        "5493001KJTIIGC8Y1R12" "HWUPKR0MPOU8FGXBT394" "506700GE1G29325QX363" "5493001KJTIIGC8Y1R21"
        "5493001kjtiigc8y1r12" "5493001KJTIIGC8Y1R1" "5493001KJTIIGC8Y1R12\n" "5493001KJTIIGC8Y1RAB"
        "549300lKJTIIGC8Y1R12" ""
    """,
    "host": r"""
        "example.com" "a.b" "xn--fiqs8s.xn--fiqs8s" "1.example" "r1---sn.example.net" "127.0.0.1.example" "localhost"
        "Example.com" "example.com." ".example.com" "a..b" "-a.example" "a-.example" "a_b.example" "127.0.0.1"
        "1.2.0x3" "a.1b" "example.com\n" "*.example.com" "ex\u0430mple.com" "example\u3002com" ""
    """,
}


def _values(kind: str) -> Iterator[str]:
    text = VALUES[kind].strip()
    while text:
        value, end = json.JSONDecoder().raw_decode(text)
        yield value
        text = text[end:].lstrip()
    if kind == "identifier":
        yield from ("x" * 64, "x" * 65)
    elif kind == "text":
        yield from ("a" * 60, "a" * 61, "\u4e2d" * 20, "\u4e2d" * 20 + "a", "\U0001f600" * 15, "\U0001f600" * 16)
        edges = {edge for first, last in ranges() for edge in (first - 1, first, last, last + 1)}
        yield from (
            f"x{chr(edge)}x" for edge in sorted(edges) if 0 <= edge <= 0x10FFFF and not 0xD800 <= edge <= 0xDFFF
        )
    elif kind == "uscc":
        # The first letter of the registration authority; some libraries refuse these.
        first17 = ("A1350200MF1234567", "N2350200MF1234567", "Y1350200MF1234567")
        yield from (first + symbol for first in first17 for symbol in USCC_SYMBOLS if is_uscc(first + symbol))
    elif kind == "lei":
        # Check digits that leave the right remainder twice: 00 and 97, 01 and 98, 02 and 99.
        first18 = [f"5493001KJTIIGC{number:04}" for number in range(300)]
        for digits, twin in (("97", "00"), ("98", "01"), ("02", "99")):
            first = next(first for first in first18 if is_lei(first + digits))
            yield from (first + digits, first + twin)
    elif kind == "host":
        name = ".".join(["a" * 49] * 5)
        yield from ("a" * 63 + ".example", "a" * 64 + ".example", name + ".com", name + ".comm")


def _arithmetic() -> Iterator[tuple[str, list[Any], Any]]:
    epoch = dt.date(1970, 1, 1)
    for date in ("0001-01-01", "1600-02-29", "1900-03-01", "1969-12-31", "1970-01-01", "2000-02-29", "9999-12-31"):
        yield "day-number", [date], (dt.date.fromisoformat(date) - epoch).days
    for date, months, result in (
        ("2024-01-31", 1, "2024-02-29"),
        ("2023-01-31", 1, "2023-02-28"),
        ("2024-02-29", 12, "2025-02-28"),
        ("2024-02-29", 48, "2028-02-29"),
        ("2024-03-31", -1, "2024-02-29"),
        ("2024-01-15", -1, "2023-12-15"),
        ("2024-12-31", 2, "2025-02-28"),
        ("2000-01-31", 1201, "2100-02-28"),
        ("2024-05-31", 0, "2024-05-31"),
    ):
        yield "add-months", [date, months], result
    for us in (0, 1_772_467_199_999_999, 1_772_467_200_000_000, 1_772_495_999_999_999, 1_772_496_000_000_000):
        for offset, minutes in (("+00:00", 0), ("+08:00", 480), ("-12:00", -720), ("+14:00", 840), ("-00:01", -1)):
            local = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(minutes=minutes, microseconds=us)
            yield "day-at", [us, offset], local.date().isoformat()


def render() -> str:
    """Return the file: one vector a line."""
    lines = [
        {"kind": kind, "value": value, "ok": model(value)} for kind, model in MODELS.items() for value in _values(kind)
    ]
    lines += [{"kind": kind, "arguments": arguments, "result": result} for kind, arguments, result in _arithmetic()]
    return one_a_line(lines)


def main(arguments: list[str]) -> int:
    """Write the file, or compare it."""
    return write_or_check(TARGET, render, __doc__, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
