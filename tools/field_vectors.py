"""The vectors of single fields: texts, dates, offsets, subjects, references, sets, codes, numbers.

Part of what `make_entry_vectors.py` writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vector_writer import CONTENT, HANDLE, HASH, KEY, KEY_2, MALFORMED, Case, Raw, act, variants

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


def bad_keys() -> Iterator[tuple[str, Any]]:
    """Yield what is no key of this version."""
    yield "without type byte", KEY[1:]
    yield "of type 00", b"\x00" + KEY[1:]
    yield "of type 02", b"\x02" + KEY[1:]
    yield "of 34 bytes", KEY + b"\x00"
    yield "empty", b""
    yield "as text", "1" * 33
    yield "nil", None
