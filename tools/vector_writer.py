"""Put the bytes of vectors together: an encoder that shares no code with the package, and entries that are right.

For `make_entry_vectors.py` and `field_vectors.py`.
"""

from __future__ import annotations

from typing import Any

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
