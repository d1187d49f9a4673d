#!/usr/bin/env python3
"""Make the vectors of entries and records: good ones of every act type, and hostile ones that must not be accepted.

    tools/make_entry_vectors.py            rewrite src/creditledger/spec/vectors/entries.json
    tools/make_entry_vectors.py --check    exit with 1 if that file differs from what would be written

Each vector has `desc`, `entry_hex` or `record_hex`, `ok`, and `error_class` (null, `FormatError` for malformed,
`UnsupportedError` for unsupported). They judge form alone: the keys and signatures in them are not real. The verdicts
are stated here by hand, and the bytes are put together here, by a writer that shares no code with ours.
"""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parent.parent / "src/creditledger/spec/vectors/entries.json"

MALFORMED, UNSUPPORTED = "FormatError", "UnsupportedError"
Case = tuple[str, bytes, str | None]
"""A description, the bytes, and the error, None if they are accepted."""


class Raw(bytes):
    """Bytes that stand in the encoding as they are, whatever they mean."""


def pack(value: Any) -> bytes:
    """Return the encoding of a value, canonical unless it holds something `Raw`."""
    match value:
        case Raw():
            return bytes(value)
        case None:
            return b"\xc0"
        case bool():
            return b"\xc3" if value else b"\xc2"
        case int():
            width = next((width for width in (1, 2, 4, 8) if value < 256**width), 8)
            return bytes([value]) if value < 128 else bytes([0xCC + width.bit_length() - 1]) + value.to_bytes(width)
        case str():
            data = value.encode()
            return (bytes([0xA0 | len(data)]) if len(data) < 32 else sized(0xD9, len(data))) + data
        case bytes():
            return sized(0xC4, len(value)) + value
    header = bytes([0x90 | len(value)]) if len(value) < 16 else b"\xdc" + len(value).to_bytes(2)
    return header + b"".join(map(pack, value))


def variants(*pairs: tuple[str, Any]) -> tuple[tuple[str, Any], ...]:
    """Return descriptions with values, as they are."""
    return pairs


def sized(first: int, length: int) -> bytes:
    """Return the shortest of three headers whose lengths take 1, 2 and 4 bytes."""
    place = 0 if length < 2**8 else 1 if length < 2**16 else 2
    return bytes([first + place]) + length.to_bytes(1 << place)


VERSION = "creditledger/entry/v1"
ZERO, HASH, NONE = bytes(32), b"\x11" * 32, ()
KEY, KEY_2 = b"\x01" + b"\x22" * 32, b"\x01" + b"\x33" * 32
HANDLE = ("handle", b"\x44" * 32)
FIRM = ("uscc", "91110000600037341L")
REF, HERE = (HASH, 0), (None, 0)
CONTENT = (("address", b"\x55" * 32), ("name", b"\x66" * 32))
DAY, LATER = "2026-03-01", "2028-03-01"
TIME = 1_772_323_200_000_000

LAW = ("law.register/1", "enforcement-act", "Enforcement Act", "No. 7/2013", "Parliament", "2013-10-01", None)
ADD = ("listing.add/1", "defaulters", FIRM, "evasion", DAY, DAY, LATER, None, None, (), (), None)

ACTS: tuple[tuple[Any, ...], ...] = (
    ("ledger.create/1", "registry.example.org", "+08:00", (KEY_2,), (KEY,), 1, "rules-1", HASH),
    ("rules.activate/1", "rules-2", HASH),
    ("authority.register/1", "court-1", "First Court", "courts-act", "Art. 1", None, None, None),
    ("authority.register/1", "court-2", "Second Court", "courts-act", "Art. 1", "court-1", "cn-44", FIRM),
    ("authority.close/1", "court-2", DAY, "Order 9", None),
    ("authority.close/1", "court-2", DAY, "Order 9", "court-1"),
    ("mandate.grant/1", "m-1", "court-1", "defaulters", ("add", "remove"), DAY, "courts-act", "Art. 2", None, ()),
    ("mandate.grant/1", "m-2", "court-1", None, ("catalogue",), DAY, "courts-act", "Art. 2", LATER, ("cn-11", "cn-44")),
    ("mandate.revoke/1", "m-1", DAY, "Order 10"),
    ("key.add/1", "court-1", KEY_2, "act", None),
    ("key.add/1", "root", KEY_2, "log", LATER),
    ("key.revoke/1", "court-1", KEY, "retired", (7, HASH)),
    ("key.revoke/1", "court-1", KEY, "compromised", None),
    ("entry.confirm/1", "court-1", KEY, (8, HASH)),
    LAW,
    ("ground.register/1", "evasion", "Evasion", "restriction", "judgment", "enforcement-act", "Art. 1", 24),
    ("ground.register/1", "merit", "Merit", "incentive", "merit", "enforcement-act", "Art. 1", None),
    ("measure.register/1", "no-loans", "Loans", "restriction", "enforcement-act", "Art. 3", "court-1", "The person"),
    (
        "list.define/1", "defaulters", "Defaulters", "restriction", "enforcement-act", "Art. 1", ("evasion",),
        ("handle", "uscc"), 0, 30, 30, ("no-loans",), ("bar",), ("court-9",), "parent", None,
    ),
    (
        "list.define/1", "copied", "A copy", "supervision", "enforcement-act", "Art. 1", ("evasion", "merit"),
        ("handle", "host", "lei", "uscc"), 36600, 0, 1, (), (), (), "none", "Treasury",
    ),
    ("list.open/1", "defaulters", DAY),
    ("list.close/1", "defaulters", LATER, "Order 11"),
    ("source.cite/1", "defaulters", "list.csv", HASH, 304, DAY),
    ("listing.opening_balance/1", "defaulters", HANDLE, None, None, None, None, None, (), None),
    (
        "listing.opening_balance/1", "defaulters", FIRM, "evasion", "2020-02-29", LATER, bytes(16), "cn-44", CONTENT,
        HERE,
    ),
    ADD,
    (
        "listing.add/1", "defaulters", HANDLE, "evasion", DAY, DAY, LATER, b"\x77" * 16, "cn-44-03", ("no-loans",),
        CONTENT, HERE,
    ),
    ("listing.correct/1", "defaulters", FIRM, REF, DAY, DAY, LATER, "cn-44", CONTENT, HERE),
    ("listing.correct/1", "defaulters", FIRM, REF, DAY, None, None, None, (), None),
    ("listing.suspend/1", "defaulters", FIRM, REF, DAY, DAY, None),
    ("listing.suspend/1", "defaulters", FIRM, REF, DAY, DAY, REF),
    ("listing.restore/1", "defaulters", FIRM, REF, DAY, DAY),
    ("listing.remove/1", "defaulters", FIRM, REF, "performed", DAY, DAY, None, None),
    ("listing.remove/1", "defaulters", FIRM, REF, "appeal_quashed", DAY, DAY, REF, HERE),
    ("listing.annul/1", "defaulters", FIRM, REF, "listed_in_error", DAY, None),
    ("listing.annul/1", "defaulters", FIRM, (None, 1023), "quashed_ex_tunc", DAY, REF),
    ("appeal.file/1", "defaulters", FIRM, REF, DAY, CONTENT),
    ("appeal.decide/1", "defaulters", FIRM, REF, "uphold", DAY, DAY, None, ()),
    ("appeal.decide/1", "defaulters", FIRM, REF, "vary", DAY, DAY, LATER, CONTENT),
    ("appeal.withdraw/1", "defaulters", FIRM, REF, DAY),
    ("content.erase/1", "defaulters", HANDLE, (HASH, b"\x99" * 32), DAY, "privacy-act", "Art. 47"),
)  # fmt: skip
"""Every act type at least once; types with optional fields with and without them."""


def elements(**changes: Any) -> list[Any]:
    """Return the elements of a small entry that is right, with some of them replaced."""
    right: dict[str, Any] = {
        "version": VERSION, "ledger_id": HASH, "authority": "court-1", "key": KEY, "author_seq": 3,
        "author_prev": HASH, "cosigners": (), "not_after": TIME, "seen": None, "acts": (LAW,),
    }  # fmt: skip
    unknown = changes.keys() - right.keys()
    if unknown:
        raise ValueError(f"no elements of an entry: {unknown}")
    return list((right | changes).values())


def entry(**changes: Any) -> bytes:
    """Return an entry with some elements replaced."""
    return pack(elements(**changes))


def act(name: str, **changes: Any) -> bytes:
    """Return an entry of one act, the first of that type in `ACTS`, with fields replaced by position (`f1=...`)."""
    fields = list(next(one for one in ACTS if one[0] == name))
    for place, value in changes.items():
        fields[int(place[1:])] = value
    return entry(acts=(fields,))


def record(**changes: Any) -> bytes:
    """Return a record that is right but for the elements replaced; its entry is not looked into."""
    right: dict[str, Any] = {
        "version": 1, "seq": 5, "recorded_at": TIME, "prev": HASH, "entry": entry(), "signatures": (b"\x88" * 64,),
    }  # fmt: skip
    return pack(list((right | changes).values()))


def entries() -> Iterator[Case]:
    """Yield the vectors of entries."""
    yield from good_entries()
    yield from bad_encodings()
    yield from bad_elements()
    yield from bad_cosigners()
    yield from bad_acts()
    yield from texts()
    yield from dates()
    yield from fields()
    yield from versions()


def good_entries() -> Iterator[Case]:
    """Yield what must be accepted."""
    for one in ACTS:
        nils = [str(place) for place, field in enumerate(one) if field is None]
        yield f"an act {one[0]}" + (f", nil in {', '.join(nils)}" if nils else ""), entry(acts=(one,)), None
    yield "the founding entry", entry(ledger_id=ZERO, authority="root", author_seq=0, acts=ACTS[:1]), None
    yield "several acts", entry(acts=(LAW, ADD, LAW)), None
    yield "1,024 acts", entry(acts=[("list.open/1", "l", DAY)] * 1024), None
    yield "exactly 60,000 bytes", exactly(60_000), None
    yield "seen the empty tree", entry(seen=(0, HASH)), None
    yield "every integer at its largest", entry(author_seq=2**53 - 1, not_after=2**53 - 1, seen=(2**53 - 1, HASH)), None
    for number in (0, 127, 128, 255, 256, 65535, 65536, 2**32 - 1, 2**32):
        yield f"author_seq {number}", entry(author_seq=number), None
    yield "an identifier of 64 characters", entry(authority="a" * 64), None
    yield "an identifier of every character", entry(authority="abcdefghijklmnopqrstuvwxyz0123456789._-"), None
    yield "16 cosigners", entry(cosigners=cosigners(16)), None
    yield (
        "two keys of one authority cosign",
        entry(cosigners=(("court-1", KEY_2), ("court-1", b"\x01" * 33))[::-1]),
        None,
    )


def exactly(size: int) -> bytes:
    """Return an entry of so many bytes, full of acts of one type."""

    def filled(count: int, *lengths: int) -> bytes:
        return entry(acts=[("list.close/1", "l", DAY, "x" * length) for length in [100] * count + list(lengths)])

    count = (size - len(filled(0, 32, 32))) // (len(filled(17)) - len(filled(16))) - 1
    missing = size - len(filled(count, 32, 32))
    return filled(count, 32 + missing // 2, 32 + missing - missing // 2)


def bad_encodings() -> Iterator[Case]:
    """Yield what departs from the encoding itself."""
    yield "no bytes", b"", MALFORMED
    yield "nil", b"\xc0", MALFORMED
    yield "an empty array", b"\x90", MALFORMED
    yield "a byte that starts no value", b"\xc1", MALFORMED
    yield "60,001 bytes", exactly(60_001), MALFORMED
    yield "a byte after the entry", entry() + b"\x00", MALFORMED
    yield "an entry after the entry", entry() * 2, MALFORMED
    yield "cut short by one byte", entry()[:-1], MALFORMED
    yield "cut to half", entry()[: len(entry()) // 2], MALFORMED
    yield "an array header of 2 bytes where 1 suffices", b"\xdc\x00\x0a" + entry()[1:], MALFORMED
    yield "an array header of 4 bytes", b"\xdd\x00\x00\x00\x0a" + entry()[1:], MALFORMED
    yield "an array that announces 2^32-1 elements", b"\xdd\xff\xff\xff\xff" + entry()[1:], MALFORMED
    yield "an array of 4,097 elements", entry(acts=Raw(b"\xdc\x10\x01" + bytes(4097))), MALFORMED
    yield "a map instead of the entry", b"\x85" + entry()[1:], MALFORMED
    version = VERSION.encode()
    yield "a text header of 1 byte too many", entry(version=Raw(b"\xd9\x15" + version)), MALFORMED
    yield "a text header of 2 bytes", entry(version=Raw(b"\xda\x00\x15" + version)), MALFORMED
    yield "bytes instead of the version text", entry(version=version), MALFORMED
    yield "a bin header of 2 bytes where 1 suffices", entry(ledger_id=Raw(b"\xc5\x00\x20" + HASH)), MALFORMED
    yield "a bin header of 4 bytes", entry(ledger_id=Raw(b"\xc6\x00\x00\x00\x20" + HASH)), MALFORMED
    yield "a text of 32 bytes instead of bytes", entry(ledger_id="1" * 32), MALFORMED
    for desc, digits in variants(
        ("5 in 1 byte after a header", "cc05"), ("5 in 2 bytes", "cd0005"), ("5 in 4 bytes", "ce00000005"),
        ("5 in 8 bytes", "cf0000000000000005"), ("255 in 2 bytes", "cd00ff"), ("65,535 in 4 bytes", "ce0000ffff"),
        ("2^32-1 in 8 bytes", "cf00000000ffffffff"), ("2^53", "cf0020000000000000"), ("2^64-1", "cf" + "ff" * 8),
        ("-1", "ff"), ("-32", "e0"), ("-33 in 1 byte", "d0df"), ("5 as a signed byte", "d005"),
        ("5 as a signed integer of 2 bytes", "d10005"), ("5 as a signed integer of 4 bytes", "d200000005"),
        ("5 as a signed integer of 8 bytes", "d30000000000000005"), ("-2^63", "d38000000000000000"),
        ("5.0 in 4 bytes", "ca40a00000"), ("5.0 in 8 bytes", "cb4014000000000000"),
        ("not a number", "cb7ff8000000000000"), ("true", "c3"), ("false", "c2"), ("nil", "c0"), ("a text", "a135"),
        ("bytes", "c40105"), ("an array", "9105"), ("an empty map", "80"), ("a map", "810505"),
        ("an extension of 1 byte", "d40105"), ("a timestamp of 4 bytes", "d6ff00000005"),
        ("a timestamp of 8 bytes", "d7ff0000000000000005"), ("a timestamp of 12 bytes", "c70cff" + "00" * 11 + "05"),
        ("an empty extension", "c70001"),
    ):  # fmt: skip
        yield f"author_seq is {desc}", entry(author_seq=Raw(bytes.fromhex(digits))), MALFORMED
    yield "an array nested 9 deep", entry(acts=nested(7)), MALFORMED
    yield "an array nested 600 deep", entry(acts=nested(600)), MALFORMED
    yield "an array nested 5,000 deep", b"\x91" * 5_000 + b"\xc0", MALFORMED


def nested(depth: int) -> Any:
    """Return one act with a field of arrays within arrays; the act's own array is two deep in the entry."""
    return Raw(b"\x91\x92" + pack("list.open/1") + b"\x91" * depth + b"\xc0")


def bad_elements() -> Iterator[Case]:
    """Yield entries with one element wrong."""
    yield "9 elements", pack(elements()[:-1]), MALFORMED
    yield "11 elements", pack([*elements(), None]), MALFORMED
    yield "two elements exchanged", pack([*elements()[:1], "court-1", HASH, *elements()[3:]]), MALFORMED
    yield "the acts twice", pack([*elements(), (LAW,)]), MALFORMED
    for name in ("ledger_id", "author_prev"):
        for desc, value in variants(
            ("31 bytes", HASH[:31]), ("33 bytes", HASH + b"\x00"), ("no bytes", b""), ("nil", None)
        ):
            yield f"{name} of {desc}", entry(**{name: value}), MALFORMED
    for desc, value in variants(
        ("empty", ""), ("65 characters", "a" * 65), ("a capital", "Court"), ("a space", "court 1"), ("a slash", "a/b"),
        ("a letter beyond ASCII", "tribunál"), ("a full-width letter", "\uff41"), ("a line feed at the end", "court\n"),
        ("bytes", b"court"), ("nil", None), ("an integer", 1), ("true", True),
    ):  # fmt: skip
        yield f"authority: {desc}", entry(authority=value), MALFORMED
    for desc, value in bad_keys():
        yield f"key: {desc}", entry(key=value), MALFORMED
    for name in ("author_seq", "not_after"):
        for desc, value in variants(
            ("nil", None), ("true", True), ("2^53", 2**53), ("1.0", Raw(struct.pack(">Bd", 0xCB, 1)))
        ):
            yield f"{name}: {desc}", entry(**{name: value}), MALFORMED
    for desc, value in variants(
        ("false", False), ("an empty array", ()), ("one element", (5,)), ("three elements", (5, HASH, None)),
        ("size true", (True, HASH)), ("size 2^53", (2**53, HASH)), ("size nil", (None, HASH)),
        ("root of 31 bytes", (5, HASH[1:])),
        ("root as text", (5, "1" * 32)), ("root nil", (5, None)),
    ):  # fmt: skip
        yield f"seen: {desc}", entry(seen=value), MALFORMED
    for desc, value in variants(
        ("nil", None), ("empty", ()), ("a text", "law.register/1"), ("an act without its array", LAW),
        ("an act that is nil", (None,)), ("an empty act", ((),)), ("an act of one text", ("law.register/1",)),
        ("1,025", [("list.open/1", "l", DAY)] * 1025),
    ):  # fmt: skip
        yield f"acts: {desc}", entry(acts=value), MALFORMED


def bad_keys() -> Iterator[tuple[str, Any]]:
    """Yield what is no key of this version."""
    yield "without type byte", KEY[1:]
    yield "of type 00", b"\x00" + KEY[1:]
    yield "of type 02", b"\x02" + KEY[1:]
    yield "of 34 bytes", KEY + b"\x00"
    yield "empty", b""
    yield "as text", "1" * 33
    yield "nil", None


def cosigners(count: int) -> list[tuple[str, bytes]]:
    """Return so many cosigners in order."""
    return [(f"body-{number:02}", bytes([1, number]) + bytes(31)) for number in range(count)]


def bad_cosigners() -> Iterator[Case]:
    """Yield cosigners that are no set, or name a key twice."""
    one, two = cosigners(2)
    for desc, value in variants(
        ("nil", None), ("an integer", 0), ("false", False), ("an empty text", ""), ("a pair instead of pairs", one),
        ("17", cosigners(17)), ("out of order", (two, one)), ("one twice", (one, one)),
        ("one key under two authorities", (one, (two[0], one[1]))),
        ("the author's key under its authority", (("court-1", KEY),)),
        ("the author's key under another authority", (("court-2", KEY),)),
        ("keys of one authority out of order", (("a", KEY_2), ("a", b"\x01" + bytes(32)))),
        ("a pair of one", ((one[0],),)), ("a pair of three", ((*one, None),)), ("a pair that is nil", (None,)),
        ("authority nil", ((None, KEY_2),)), ("authority with a capital", (("Court", KEY_2),)),
        *((f"key {desc}", (("court-2", key),)) for desc, key in bad_keys()),
    ):  # fmt: skip
        yield f"cosigners: {desc}", entry(cosigners=value), MALFORMED


def bad_acts() -> Iterator[Case]:
    """Yield acts with too many or too few fields, one for each type."""
    seen: set[str] = set()
    for one in ACTS:
        if one[0] not in seen:
            seen.add(one[0])
            yield f"{one[0]} without its last field", entry(acts=(one[:-1],)), MALFORMED
            yield f"{one[0]} with a field too many", entry(acts=((*one, None),)), MALFORMED
            yield f"{one[0]} with a boolean first", entry(acts=((one[0], True, *one[2:]),)), MALFORMED
    yield "a malformed act after a good one", entry(acts=(LAW, LAW[:-1])), MALFORMED


RANGES = (
    (0x00, 0x1F), (0x7F, 0x9F), (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5),
    (0x200B, 0x200B), (0x200E, 0x200F), (0x2028, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFDD0, 0xFDEF),
    (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFFC), (0xFFFE, 0xFFFF), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A),
    *((plane << 16 | 0xFFFE, plane << 16 | 0xFFFF) for plane in range(1, 17)), (0xE0000, 0xE00FF), (0xE01F0, 0xE0FFF),
)  # fmt: skip
"""The forbidden code points, written down a second time; surrogates are not UTF-8 in the first place."""

NEIGHBOURS = (
    0x20, 0x7E, 0xA0, 0xAC, 0xAE, 0x34E, 0x350, 0x61B, 0x61D, 0x115E, 0x1161, 0x17B3, 0x17B6, 0x200A, 0x200C, 0x200D,
    0x2010, 0x2027, 0x202F, 0x205F, 0x2070, 0x3163, 0x3165, 0xD7FF, 0xE000, 0xFDCF, 0xFDF0, 0xFE00, 0xFE0F, 0xFEFE,
    0xFF00, 0xFF9F, 0xFFA1, 0xFFEF, 0xFFFD, 0x10000, 0x1BC9F, 0x1BCA4, 0x1D172, 0x1D17B, 0x1FFFD, 0x20000, 0xE0100,
    0xE01EF, 0xE1000, 0xF0000, 0x10FFFD,
)  # fmt: skip
"""Code points next to a forbidden range, and others that are allowed on purpose."""

SPACES = (0x20, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000)


def texts() -> Iterator[Case]:
    """Yield titles of laws: every forbidden range, every space, lengths, and what is not UTF-8."""
    for first, last in RANGES:
        for point in dict.fromkeys((first, last)):
            yield f"U+{point:04X} in a text", act("law.register/1", f2=f"A{chr(point)}B"), MALFORMED
    for point in NEIGHBOURS:
        yield f"U+{point:04X} in a text", act("law.register/1", f2=f"A{chr(point)}B"), None
    for point in SPACES:
        yield f"U+{point:04X} at the beginning of a text", act("law.register/1", f2=f"{chr(point)}A"), MALFORMED
        yield f"U+{point:04X} at the end of a text", act("law.register/1", f2=f"A{chr(point)}"), MALFORMED
    yield "an empty text", act("law.register/1", f2=""), MALFORMED
    yield "a text of 300 bytes", act("law.register/1", f2="A" * 300), None
    yield "a text of 301 bytes", act("law.register/1", f2="A" * 301), MALFORMED
    yield "a text of 300 bytes in 100 characters", act("law.register/1", f2="法" * 100), None
    yield "a text of 302 bytes in 101 characters", act("law.register/1", f2="法" * 100 + "é"), MALFORMED
    yield "a text that is not in normal form C", act("law.register/1", f2="e\u0301"), None
    for desc, data in variants(
        ("a lone continuation byte", b"A\x80B"), ("an overlong slash", b"A\xc0\xafB"),
        ("an overlong NUL", b"A\xc0\x80"),
        ("an overlong form of 3 bytes", b"A\xe0\x80\xaf"), ("a surrogate", b"A\xed\xa0\x80B"),
        ("a pair of surrogates", b"\xed\xa0\xbd\xed\xb8\x80"), ("a code point above U+10FFFF", b"A\xf4\x90\x80\x80"),
        ("a form of 5 bytes", b"\xf8\x88\x80\x80\x80"), ("a character cut short", b"A\xe6\xb3"),
    ):  # fmt: skip
        yield f"not UTF-8: {desc}", act("law.register/1", f2=Raw(bytes([0xA0 | len(data)]) + data)), MALFORMED
    yield "a title as bytes", act("law.register/1", f2=b"Law"), MALFORMED
    yield "a title that is nil", act("law.register/1", f2=None), MALFORMED


def dates() -> Iterator[Case]:
    """Yield dates and UTC offsets, good and bad."""
    for date in ("0001-01-01", "9999-12-31", "2024-02-29", "2000-02-29", "2026-02-28", "2026-04-30", "1969-12-31"):
        yield f"the date {date}", act("law.register/1", f5=date), None
    for date in (
        "2026-02-29", "1900-02-29", "2100-02-29", "2026-02-30", "2026-04-31", "2026-01-32", "2026-13-01", "2026-00-10",
        "2026-01-00", "0000-00-00", "0000-01-01", "10000-01-01", "2026-1-1", "26-01-01", "2026/01/01", "20260101",
        "2026-01-01 ", " 2026-01-01", "2026-01-01\n", "2026-01-01T00:00", "+2026-01-1", "-001-01-01", "2026-01-0\uff11",
        "\uff12\uff10\uff12\uff16-01-01", "\u0662\u0660\u0662\u0666-01-01", "2026\u201001\u201001", "",
    ):  # fmt: skip
        yield f"no date: {date!a}", act("law.register/1", f5=date), MALFORMED
    for desc, value in variants(
        ("bytes", b"2026-01-01"), ("an integer", 20260101), ("nil", None), ("an array", (2026, 1, 1))
    ):
        yield f"no date: {desc}", act("law.register/1", f5=value), MALFORMED
    for offset in ("+00:00", "+14:00", "-12:00", "+05:45", "-03:30", "-00:30"):
        yield f"the UTC offset {offset}", act("ledger.create/1", f2=offset), None
    for offset in (
        "-00:00", "+14:01", "-12:01", "+15:00", "+08:60", "+8:00", "+0800", "08:00", "Z", "UTC", "+08:00 ", "+08:00\n",
        "\u221208:00", "+\uff10\uff18:00", "",
    ):  # fmt: skip
        yield f"no UTC offset: {offset!a}", act("ledger.create/1", f2=offset), MALFORMED


def fields() -> Iterator[Case]:
    """Yield subjects, references, contents, sets, codes and numbers that are wrong, each in an act that needs it."""
    for scheme, value, error in subjects():
        desc = f"{len(value)} bytes" if isinstance(value, bytes) else ascii(value)
        yield f"subject {scheme} {desc}", act("listing.add/1", f2=(scheme, value)), error
    for desc, value in variants(
        ("nil", None), ("a text", "uscc:91110000600037341L"), ("of one", ("handle",)), ("of three", (*HANDLE, None)),
        ("empty", ()), ("scheme nil", (None, b"")), ("scheme as bytes", (b"handle", HASH)),
        ("an array as scheme", ((), HASH)),
    ):  # fmt: skip
        yield f"subject: {desc}", act("listing.add/1", f2=value), MALFORMED
    for desc, value in variants(
        ("nil", None), ("of one", (HASH,)), ("of three", (HASH, 0, 0)), ("index 1024", (HASH, 1024)),
        ("index true", (HASH, True)),
        ("index nil", (HASH, None)), ("31 bytes", (HASH[1:], 0)), ("a text", ("1" * 32, 0)), ("as shown to people",
        "#0"),
    ):  # fmt: skip
        yield f"reference: {desc}", act("listing.restore/1", f3=value), MALFORMED
    for desc, value in variants(
        ("nil", None), ("17", [(f"part-{n:02}", HASH) for n in range(17)]), ("out of order", CONTENT[::-1]),
        ("one label twice", (CONTENT[0], ("address", HASH))), ("a label with a capital", (("Name", HASH),)),
        ("31 bytes", (("name", HASH[1:]),)), ("a commitment as text", (("name", "1" * 32),)),
        ("a pair instead of pairs", ("name", HASH)), ("a pair of three", (("name", HASH, HASH),)),
        ("a map", Raw(b"\x80")),
    ):  # fmt: skip
        yield f"content: {desc}", act("appeal.file/1", f5=value), MALFORMED
    yield "16 commitments", act("appeal.file/1", f5=[(f"part-{n:02}", HASH) for n in range(16)]), None
    for desc, value in variants(
        ("out of order", ("remove", "add")), ("one twice", ("add", "add")), ("none", ()),
        ("an unknown one", ("punish",)),
        ("in capitals", ("ADD",)), ("nil among them", (None,)), ("a text instead of an array", "add"), ("nil", None),
    ):  # fmt: skip
        yield f"actions: {desc}", act("mandate.grant/1", f4=value), MALFORMED
    yield "areas out of order", act("mandate.grant/1", f9=("cn-44", "cn-11")), MALFORMED
    yield "257 areas", act("mandate.grant/1", f9=[f"a-{number:03}" for number in range(257)]), MALFORMED
    yield "256 areas", act("mandate.grant/1", f9=[f"a-{number:03}" for number in range(256)]), None
    yield "a list without grounds", act("list.define/1", f6=()), MALFORMED
    yield "keys out of order", act("ledger.create/1", f4=(KEY_2, KEY)), MALFORMED
    yield "17 root keys", act("ledger.create/1", f4=[bytes([1, n]) + bytes(31) for n in range(17)]), MALFORMED
    yield "commitments out of order", act("content.erase/1", f3=(b"\x99" * 32, HASH)), MALFORMED
    yield "65 commitments", act("content.erase/1", f3=[bytes([n]) * 32 for n in range(65)]), MALFORMED
    for desc, data in variants(
        ("threshold 0", act("ledger.create/1", f5=0)), ("threshold 17", act("ledger.create/1", f5=17)),
        ("threshold true", act("ledger.create/1", f5=True)), ("max_months 0", act("ground.register/1", f7=0)),
        ("max_months 1201", act("ground.register/1", f7=1201)), ("36,601 days", act("list.define/1", f8=36601)),
        ("rows 2^53", act("source.cite/1", f4=2**53)),
        ("rows as a float", act("source.cite/1", f4=Raw(b"\xca" + bytes(4)))),
        ("a case of 15 bytes", act("listing.add/1", f7=bytes(15))),
        ("a case of 17 bytes", act("listing.add/1", f7=bytes(17))),
        ("a case as text", act("listing.add/1", f7="1" * 16)), ("an unknown role", act("key.add/1", f3="owner")),
        ("an unknown polarity", act("ground.register/1", f3="punishment")),
        ("a polarity as bytes", act("ground.register/1", f3=b"incentive")),
        ("an unknown reason", act("listing.remove/1", f4="mercy")),
        ("a reason that is true", act("listing.remove/1", f4=True)),
        ("an unknown outcome", act("appeal.decide/1", f4="deemed")),
        ("stands_behind of one", act("key.revoke/1", f4=(7,))),
        ("stands_behind -1", act("key.revoke/1", f4=(Raw(b"\xff"), HASH))),
        ("stands_behind true", act("key.revoke/1", f4=(True, HASH))),
        ("an entry mark that is nil", act("entry.confirm/1", f3=None)),
        ("a hash of 31 bytes", act("rules.activate/1", f2=HASH[1:])),
        *((f"an added key {desc}", act("key.add/1", f2=key)) for desc, key in bad_keys()),
    ):  # fmt: skip
        yield desc, data, MALFORMED
    yield (
        "an added key that is no point of the curve (a rule refuses it, not the format)",
        act("key.add/1", f2=KEY),
        None,
    )


def subjects() -> Iterator[tuple[str, Any, str | None]]:
    """Yield scheme, value and error of subjects."""
    yield "handle", HASH, None
    yield from (("handle", value, MALFORMED) for value in (HASH[1:], HASH + b"\x00", b"", HASH.hex(), None))
    yield from (("uscc", value, None) for value in ("91110000600037341L", "91350211M000100Y46"))
    yield from (
        ("uscc", value, MALFORMED)
        for value in (
            "911100006000373410", "91110000600037341l", "91110000600037341", "91110000600037341L0",
            "9111000060003734IL",
            "\uff191110000600037341L", "", b"91110000600037341L", None,
        )
    )  # fmt: skip
    yield from (("lei", value, None) for value in ("5493001KJTIIGC8Y1R12", "529900T8BM49AURSDO55"))
    yield from (
        ("lei", value, MALFORMED)
        for value in (
            "5493001KJTIIGC8Y1R13", "5493001kjtiigc8y1r12", "5493001KJTIIGC8Y1R1", "5493001KJTIIGC8Y1R1A", "", HASH, 5,
        )
    )  # fmt: skip
    labels = ".".join(["a" * 63] * 3)
    yield from (
        ("host", value, None)
        for value in (
            "shop.example.com",
            "a.b",
            "xn--fiqs8s.xn--fiqs8s",
            "1.example",
            f"{labels}.{'b' * 61}",
            "a-b.c--d",
        )
    )
    yield from (
        ("host", value, MALFORMED)
        for value in (
            "localhost", "Example.com", "example.com.", ".example.com", "example..com", "-a.example", "a-.example",
            "a_b.example", "127.0.0.1", "example.1com", f"{'a' * 64}.example", f"{labels}.{'b' * 62}", "中国.中国",
            "example.com\n", "example.com/a", "example.com:80", "", b"example.com", None,
        )
    )  # fmt: skip
    yield from ((scheme, "110101199003070011", MALFORMED) for scheme in ("id", "Handle", "USCC", "", "name"))


def versions() -> Iterator[Case]:
    """Yield what another version may define, and what no version can."""
    yield "entry version 2", entry(version="creditledger/entry/v2"), UNSUPPORTED
    yield "entry version 2 with other elements", pack(["creditledger/entry/v2", 1, "two", [b"three"]]), UNSUPPORTED
    yield "entry version 2 with a float", pack(["creditledger/entry/v2", Raw(b"\xca" + bytes(4))]), MALFORMED
    yield "entry version 2 with 2^53", pack(["creditledger/entry/v2", 2**53]), MALFORMED
    yield "entry version 2, nested 9 deep", pack(["creditledger/entry/v2", Raw(b"\x91" * 8 + b"\xc0")]), MALFORMED
    yield "entry version 2, nested 8 deep", pack(["creditledger/entry/v2", Raw(b"\x91" * 7 + b"\xc0")]), UNSUPPORTED
    yield "entry version 2 that is not canonical", pack(["creditledger/entry/v2", Raw(b"\xcc\x05")]), MALFORMED
    for desc, value in variants(("nil", None), ("1", 1), ("true", True), ("an array", (VERSION,))):
        yield f"entry version {desc}", entry(version=value), MALFORMED
    yield "an unknown act type", entry(acts=(("listing.praise/1", "defaulters", FIRM),)), UNSUPPORTED
    yield "a later version of an act type", entry(acts=(("listing.add/2", *ADD[1:]),)), UNSUPPORTED
    yield "an unknown act type after a good act", entry(acts=(LAW, ("x.y/1",))), UNSUPPORTED
    yield "an unknown act type with a float", entry(acts=(("x.y/1", Raw(b"\xca" + bytes(4))),)), MALFORMED
    yield "an unknown act type, nested 8 deep", entry(acts=(("x.y/1", Raw(b"\x91" * 4 + b"\x90")),)), UNSUPPORTED
    yield "an unknown act type, nested 9 deep", entry(acts=(("x.y/1", Raw(b"\x91" * 5 + b"\x90")),)), MALFORMED
    yield "an unknown act type after a malformed act", entry(acts=(LAW[:-1], ("x.y/1",))), MALFORMED
    yield "an unknown act type and a malformed key", entry(key=KEY[1:], acts=(("x.y/1",),)), MALFORMED


def records() -> Iterator[Case]:
    """Yield the vectors of records."""
    yield "a record", record(), None
    yield "record 0", record(seq=0, recorded_at=0, prev=ZERO), None
    yield "17 signatures", record(signatures=[bytes(64)] * 17), None
    yield "an entry of 60,000 bytes", record(entry=bytes(60_000)), None
    yield "an entry that is malformed, which decoding a record does not look at", record(entry=b"\xc0"), None
    yield "every integer at its largest", record(seq=2**53 - 1, recorded_at=2**53 - 1), None
    yield "an entry of 60,001 bytes", record(entry=bytes(60_001)), MALFORMED
    yield "no bytes", b"", MALFORMED
    yield "an entry instead of a record", entry(), MALFORMED
    yield "a byte after the record", record() + b"\x00", MALFORMED
    yield "cut short by one byte", record()[:-1], MALFORMED
    yield "5 elements", b"\x95" + record()[1:-67], MALFORMED
    yield "7 elements", b"\x97" + record()[1:] + b"\xc0", MALFORMED
    yield "an array header of 2 bytes", b"\xdc\x00\x06" + record()[1:], MALFORMED
    yield "version 2", record(version=2), UNSUPPORTED
    yield "version 0", record(version=0), UNSUPPORTED
    yield "version 2 with a float", record(version=2, seq=Raw(b"\xca" + bytes(4))), MALFORMED
    for desc, value in variants(
        ("true", True), ("nil", None), ("a text", "1"), ("1.0", Raw(struct.pack(">Bd", 0xCB, 1)))
    ):
        yield f"version {desc}", record(version=value), MALFORMED
    for name in ("seq", "recorded_at"):
        for desc, value in variants(
            ("nil", None), ("false", False), ("2^53", 2**53), ("-1", Raw(b"\xff")), ("a text", "5"),
            ("5.0", Raw(struct.pack(">Bd", 0xCB, 5))), ("5 in 2 bytes", Raw(b"\xcd\x00\x05")),
        ):  # fmt: skip
            yield f"{name}: {desc}", record(**{name: value}), MALFORMED
    for desc, value in variants(
        ("31 bytes", HASH[1:]), ("33 bytes", HASH + b"\x00"), ("nil", None), ("text", "1" * 32)
    ):
        yield f"prev: {desc}", record(prev=value), MALFORMED
    for desc, value in variants(("empty", b""), ("nil", None), ("text", "entry"), ("an array", elements())):
        yield f"entry: {desc}", record(entry=value), MALFORMED
    for desc, value in variants(
        ("nil", None), ("none", ()), ("18", [bytes(64)] * 18), ("of 63 bytes", (bytes(63),)),
        ("of 65 bytes", (bytes(65),)),
        ("one nil", (bytes(64), None)), ("one as text", ("1" * 64,)), ("64 bytes instead of an array", bytes(64)),
    ):  # fmt: skip
        yield f"signatures: {desc}", record(signatures=value), MALFORMED


def render() -> str:
    """Return the file: one vector a line."""
    lines = []
    for field, cases in (("entry_hex", entries()), ("record_hex", records())):
        for desc, data, error in cases:
            vector = {"desc": desc, field: data.hex(), "ok": error is None, "error_class": error}
            lines.append(json.dumps(vector))
    return "[\n" + ",\n".join(lines) + "\n]\n"


def main(arguments: list[str]) -> int:
    """Write the file, or compare it."""
    if arguments not in ([], ["--check"]):
        sys.stderr.write(f"{__doc__}\n")
        return 2
    text = render()
    if not arguments:
        TARGET.write_text(text, encoding="utf-8")
    elif not TARGET.exists() or TARGET.read_text(encoding="utf-8") != text:
        sys.stderr.write(f"{TARGET} is not what this script makes; run it without --check\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
