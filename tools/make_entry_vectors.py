#!/usr/bin/env python3
"""Make the vectors of entries and records: good ones of every act type, and hostile ones that must not be accepted.

    tools/make_entry_vectors.py            rewrite src/creditledger/spec/vectors/entries.json
    tools/make_entry_vectors.py --check    exit with 1 if that file differs from what would be written

Each vector has `desc`, `entry_hex` or `record_hex`, `ok`, and `error_class` (null, `FormatError` for malformed,
`UnsupportedError` for unsupported). They judge form alone: the keys and signatures in them are not real. The verdicts
are stated here and in `field_vectors.py` by hand, and the bytes are put together by `vector_writer.py`, which shares no
code with ours.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from typing import Any

from field_vectors import bad_keys, dates, fields, texts
from vector_file import VECTORS, one_a_line, write_or_check
from vector_writer import (
    ACTS,
    ADD,
    DAY,
    FIRM,
    HASH,
    KEY,
    KEY_2,
    LAW,
    MALFORMED,
    UNSUPPORTED,
    VERSION,
    ZERO,
    Case,
    Raw,
    elements,
    entry,
    pack,
    record,
    variants,
)

TARGET = VECTORS / "entries.json"


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
            lines.append({"desc": desc, field: data.hex(), "ok": error is None, "error_class": error})
    return one_a_line(lines)


def main(arguments: list[str]) -> int:
    """Write the file, or compare it."""
    return write_or_check(TARGET, render, __doc__, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
