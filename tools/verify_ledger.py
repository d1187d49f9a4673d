#!/usr/bin/env python3
"""Verify an exported creditledger ledger with a program that shares nothing with the one that wrote it.

    python verify_ledger.py EXPORT --trust FILE [--json]

Written from the specification alone: `§` refers to format-v1, `R §` to rules-1. One pass, one frame in memory at a
time; kept are 64 bytes per record (the root of every size for `seen`, the entry hashes for `stands_behind`) and what
governs: keys, authorities, mandates, laws, the areas of listings. Exit: 0 intact as far as the report says,
3 a check failed, 13 something unsupported, 4 records beyond the last checkpoint, 1 unusable input, 2 wrong call.
"""

from __future__ import annotations

import argparse
import base64
import datetime
import functools
import hashlib
import json
import os
import re
import stat
import sys
import tomllib
from collections import namedtuple
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import msgpack
from nacl.bindings import crypto_core_ed25519_is_valid_point, crypto_sign_open
from nacl.exceptions import BadSignatureError

ZEROS = bytes(32)
RULE_SETS = {"rules-1": "cfa0cdfe4a82c5946a1b2be791e6e6287231d60e0d9512cdbe0a84c55d1747db"}  # SHA-256 of the text read
UNCHECKED = (
    "LED-RULE in part: catalogue, lists and listings beyond role, mandate and area. Not judged are R-SELF, R-LISTER and"
    " R-REVIEWER of subject acts, R-SEPARATION, R-INDEPENDENT, R-TRANSCRIPT, R-CONSENT, R-SCHEME, R-POLARITY, R-SCORE,"
    " R-GROUND, R-MEASURE, R-LIST-STATE, R-DATES and R-TERM and R-EXTENDS of listings, R-DUPLICATE, R-TRANSITION,"
    " R-REASON, R-REFERENCE, R-SOURCE, R-ERASE, the legal basis of listings and of opening a list, R-ID-TAKEN and"
    " R-UNKNOWN of grounds and measures",
    "LED-HEAD: heads remembered from elsewhere, hence a tail cut off at a checkpoint, and two histories shown to two",
    "witness cosignatures, and all signatures with ML-DSA",
    "LED-STATE and stored tiles: an export holds neither",
    "LED-CONTENT beyond opening: whether an act made the commitment, about that subject, and nothing was erased",
    "whether what is recorded is true, and whether the log's clock was right",
)


class Fault(Exception):
    """A check of §13.2 failed: the finding, what was looked at, what was expected, what was found."""

    def __init__(self, finding: str, what: str, expected: Any, found: Any) -> None:
        super().__init__(finding, what)
        self.finding, self.what, self.expected, self.found = finding, what, shown(expected), shown(found)


def shown(value: Any) -> str:
    """Anything in at most 160 printable ASCII characters: what a ledger holds must not steer a terminal."""
    text = value.hex() if isinstance(value, bytes) else value if isinstance(value, str) else repr(value)
    text = text.encode("ascii", "backslashreplace").decode()
    text = "".join(c if " " <= c <= "~" else f"\\x{ord(c):02x}" for c in text)
    return text if len(text) <= 160 else text[:157] + "..."


def demand(holds: bool, finding: str, what: str, expected: Any, found: Any) -> None:
    if not holds:
        raise Fault(finding, what, expected, found)


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


# ---- Encoding (§2.1) --------------------------------------------------------------------------------------------


def decode(data: bytes) -> Any:
    """The one value that `data`, bounded by the caller, encodes. Encoding it again settles headers and trailing bytes;
    what that cannot settle (maps, floats, extensions, ranges, depth) is looked at value by value."""
    try:
        value = msgpack.unpackb(data, raw=False, max_array_len=4096, max_map_len=0, max_ext_len=0)
    except (ValueError, msgpack.UnpackException) as error:
        raise Fault("LED-ENC", "encoding", "a value of section 2.1", str(error)) from None
    check_value(value, 0)
    demand(msgpack.packb(value) == data, "LED-ENC", "encoding", "the shortest form", "another form of the same value")
    return value


def check_value(value: Any, depth: int) -> None:
    kind = type(value)
    if kind is list:
        demand(depth < 8, "LED-ENC", "encoding", "arrays nested at most 8 deep", "deeper")
        for element in value:
            check_value(element, depth + 1)
    elif kind is int:
        demand(0 <= value < 2**53, "LED-ENC", "encoding", "an integer from 0 to 2^53-1", value)
    elif value is not None and kind not in (str, bytes, bool):
        raise Fault("LED-ENC", "encoding", "nil, boolean, integer, text, bytes or array", kind.__name__)


# ---- Kinds of fields (§2.2 to 2.4, 7.1, 8) ----------------------------------------------------------------------

FORBIDDEN = """U+0000-U+001F, U+007F-U+009F, U+00AD, U+034F, U+061C, U+115F-U+1160, U+17B4-U+17B5, U+200B, U+200E-U+200F,
U+2028-U+202E, U+2060-U+206F, U+3164, U+D800-U+DFFF, U+FDD0-U+FDEF, U+FEFF, U+FFA0, U+FFF0-U+FFFC, U+FFFE-U+FFFF,
U+1BCA0-U+1BCA3, U+1D173-U+1D17A, U+1FFFE-U+1FFFF, U+2FFFE-U+2FFFF, U+3FFFE-U+3FFFF, U+4FFFE-U+4FFFF, U+5FFFE-U+5FFFF,
U+6FFFE-U+6FFFF, U+7FFFE-U+7FFFF, U+8FFFE-U+8FFFF, U+9FFFE-U+9FFFF, U+AFFFE-U+AFFFF, U+BFFFE-U+BFFFF, U+CFFFE-U+CFFFF,
U+DFFFE-U+DFFFF, U+EFFFE-U+EFFFF, U+FFFFE-U+FFFFF, U+10FFFE-U+10FFFF, U+E0000-U+E00FF, U+E01F0-U+E0FFF"""
SPACES = "U+0020, U+00A0, U+1680, U+2000-U+200A, U+202F, U+205F, U+3000"


def code_points(table: str) -> str:
    """A table of the specification as the inside of a character class."""
    return re.sub(r"U\+([0-9A-F]+)[,\s]*", lambda m: f"\\U{int(m[1], 16):08x}", table)


BAD_TEXT = re.compile(f"[{code_points(FORBIDDEN)}]|^[{code_points(SPACES)}]|[{code_points(SPACES)}]\\Z")
BAD_NAME = re.compile(f"[+{code_points(SPACES + ', U+0000-U+001F, U+007F-U+009F, U+2028, U+2029')}]")
IDENTIFIER = re.compile(r"[a-z0-9._-]{1,64}")
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
OFFSET = re.compile(r"([+-])([0-9]{2}):([0-5][0-9])")
HOST = re.compile(r"(?=.{1,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def is_text(v: Any, most: int) -> bool:
    return type(v) is str and BAD_TEXT.search(v) is None and 1 <= len(v.encode()) <= most


def is_name(v: Any, most: int) -> bool:
    return type(v) is str and BAD_NAME.search(v) is None and 1 <= len(v.encode()) <= most


def is_integer(v: Any, low: int = 0, high: int = 2**53 - 1) -> bool:
    return type(v) is int and low <= v <= high


def is_bytes(v: Any, length: int) -> bool:
    return type(v) is bytes and len(v) == length


def is_identifier(v: Any) -> bool:
    return type(v) is str and IDENTIFIER.fullmatch(v) is not None


def is_key(v: Any) -> bool:
    return is_bytes(v, 33) and v[0] == 1


def is_date(v: Any) -> bool:
    if type(v) is not str or not DATE.fullmatch(v):
        return False
    try:
        return datetime.date.fromisoformat(v) is not None
    except ValueError:
        return False


def minutes(offset: str) -> int:
    """A UTC offset in minutes; ValueError unless it is one."""
    m = OFFSET.fullmatch(offset)
    result = int(m[1] + m[2]) * 60 + int(m[1] + m[3]) if m else 9999
    if offset == "-00:00" or not -12 * 60 <= result <= 14 * 60:
        raise ValueError(offset)
    return result


def is_offset(v: Any) -> bool:
    try:
        return type(v) is str and minutes(v) is not None
    except ValueError:
        return False


def civil_day(microseconds: int, offset: str) -> str:
    """The day of a moment (§2.4), as a date."""
    days = (microseconds + 60_000_000 * minutes(offset)) // 86_400_000_000
    return (datetime.date(1970, 1, 1) + datetime.timedelta(days=days)).isoformat()


def is_uscc(v: Any) -> bool:
    if type(v) is not str or len(v) != 18 or any(c not in USCC for c in v):
        return False
    return USCC[-sum(USCC.index(c) * 3**i for i, c in enumerate(v[:17])) % 31] == v[17]


def is_lei(v: Any) -> bool:
    if type(v) is not str or not re.fullmatch(r"[0-9A-Z]{18}[0-9]{2}", v):
        return False
    return f"{98 - int(''.join(str(int(c, 36)) for c in v[:18]) + '00') % 97:02}" == v[18:]


def is_host(v: Any) -> bool:
    return type(v) is str and HOST.fullmatch(v) is not None


def is_subject(v: Any) -> bool:
    schemes = {"handle": lambda h: is_bytes(h, 32), "uscc": is_uscc, "lei": is_lei, "host": is_host}
    return type(v) is list and len(v) == 2 and type(v[0]) is str and v[0] in schemes and schemes[v[0]](v[1])


def is_acts(v: Any) -> bool:
    return type(v) is list and 1 <= len(v) <= 1024 and all(type(a) is list and a and type(a[0]) is str for a in v)


def pair(first: str, second: str) -> Callable[[Any], bool]:
    one, two = kind(first), kind(second)
    return lambda v: type(v) is list and len(v) == 2 and one(v[0]) and two(v[1])


@functools.cache
def kind(words: str) -> Callable[[Any], bool]:
    """The test for a kind: `?x` is nil or x, `x{a..b}` a sorted array of a to b x."""
    if words[0] == "?":
        one = kind(words[1:])
        return lambda v: v is None or one(v)
    if m := re.fullmatch(r"(.+)\{(\d+)\.\.(\d+)\}", words):
        return functools.partial(is_sorted, kind(m[1]), int(m[2]), int(m[3]), m[1] == "commitment")
    name, *arguments = words.split()
    if name == "one":
        return lambda v: type(v) is str and v in arguments
    tests: dict[str, Callable[..., bool]] = {"text": is_text, "name": is_name, "int": is_integer, "bytes": is_bytes,
        "id": is_identifier, "key": is_key, "date": is_date, "offset": is_offset, "subject": is_subject, "acts": is_acts}  # fmt: skip
    pairs = {"ref": ("?bytes 32", "int 0 1023"), "commitment": ("id", "bytes 32"), "mark": ("int", "bytes 32"),
        "signer": ("id", "key"), "seen": ("int", "bytes 32")}  # fmt: skip
    if name in pairs:
        return pair(*pairs[name])
    numbers = [int(a) for a in arguments]
    return lambda v: tests[name](v, *numbers)


def is_sorted(one: Callable[[Any], bool], low: int, high: int, by_label: bool, v: Any) -> bool:
    if type(v) is not list or not low <= len(v) <= high or not all(map(one, v)):
        return False
    order = [element[0] for element in v] if by_label else v
    return all(a < b for a, b in zip(order, order[1:], strict=False))


# ---- Entry, record and acts (§3, 4, 7.2): the first element tells which, then exactly these fields ----------------

TABLE = """
creditledger/entry/v1: ledger_id: bytes 32, authority: id, key: key, author_seq: int, author_prev: bytes 32,
 cosigners: signer{0..16}, not_after: int, seen: ?seen, acts: acts
ledger.create/1: origin: name 255, utc_offset: offset, log_keys: key{1..8}, root_keys: key{1..16}, threshold: int 1 16,
 rule_set: id, rule_set_hash: bytes 32
rules.activate/1: rule_set: id, rule_set_hash: bytes 32
authority.register/1: authority: id, name: text 300, law: id, article: text 100, parent: ?id, area: ?id,
 identity: ?subject
authority.close/1: authority: id, effective: date, document: text 200, successor: ?id
mandate.grant/1: mandate: id, authority: id, list: ?id, actions: one add annul catalogue correct define delegate erase\
 lodge remove review suspend transcribe{1..12}, effective: date, law: id, article: text 100, until: ?date,
 areas: id{0..256}
mandate.revoke/1: mandate: id, effective: date, document: text 200
key.add/1: authority: id, key: key, role: one act admin log root, until: ?date
key.revoke/1: authority: id, key: key, reason: one compromised lost retired superseded, stands_behind: ?mark
entry.confirm/1: authority: id, key: key, entry: mark
law.register/1: law: id, title: text 300, number: text 200, issuer: text 300, effective: date, until: ?date
ground.register/1: ground: id, title: text 300, polarity: one incentive restriction supervision,
 nature: one conduct judgment merit offence score status, law: id, article: text 100, max_months: ?int 1 1200
measure.register/1: measure: id, title: text 300, polarity: one incentive restriction supervision, law: id,
 article: text 100, agency: id, target: text 300
list.define/1: list: id, title: text 300, polarity: one incentive restriction supervision, law: id, article: text 100,
 grounds: id{1..256}, schemes: one handle host lei uscc{1..4}, notice_days: int 0 36600, appeal_days: int 0 36600,
 decide_days: int 0 36600, measures: id{0..256}, lodgers: id{0..256}, reviewers: id{0..256}, consent: one none parent,
 source: ?text 300
list.open/1: list: id, effective: date
list.close/1: list: id, effective: date, document: text 200
source.cite/1: list: id, name: text 300, sha256: bytes 32, rows: int, dated: date
listing.opening_balance/1: list: id, subject: subject, ground: ?id, effective: ?date, until: ?date, case: ?bytes 16,
 area: ?id, content: commitment{0..16}, source: ?ref
listing.add/1: list: id, subject: subject, ground: id, decided: date, effective: date, until: ?date, case: ?bytes 16,
 area: ?id, measures: id{0..256}, content: commitment{0..16}, source: ?ref
listing.correct/1: list: id, subject: subject, listing: ref, decided: date, effective: ?date, until: ?date, area: ?id,
 content: commitment{0..16}, source: ?ref
listing.suspend/1: list: id, subject: subject, listing: ref, decided: date, effective: date, appeal: ?ref
listing.restore/1: list: id, subject: subject, listing: ref, decided: date, effective: date
listing.remove/1: list: id, subject: subject, listing: ref, reason: one appeal_quashed basis_revoked conditions_met\
 creditor_request deceased_or_dissolved deemed early_cure enforcement_terminated listed_in_error no_assets performed\
 repaired settled stayed superseded term_expired unenforceable, decided: date, effective: date, appeal: ?ref,
 source: ?ref
listing.annul/1: list: id, subject: subject, listing: ref, reason: one listed_in_error quashed_ex_tunc, decided: date,
 appeal: ?ref
appeal.file/1: list: id, subject: subject, listing: ref, filed: date, content: commitment{0..16}
appeal.decide/1: list: id, subject: subject, appeal: ref, outcome: one quash_ex_nunc quash_ex_tunc remit uphold vary,
 decided: date, effective: date, until: ?date, content: commitment{0..16}
appeal.withdraw/1: list: id, subject: subject, appeal: ref, withdrawn: date
content.erase/1: list: id, subject: subject, commitments: bytes 32{1..64}, decided: date, law: id, article: text 100
"""
SHAPES: dict[str, tuple[Any, list[str]]] = {}
for _line in re.sub(r",?\n ", ", ", TABLE).strip().split("\n"):
    _type, _fields = _line.split(": ", 1)
    _names, _kinds = zip(*(f.split(": ") for f in re.split(r",\s+", _fields)), strict=True)
    SHAPES[_type] = namedtuple("Fields", ("type", *_names)), list(_kinds)
ENTRY = "creditledger/entry/v1"
Record = namedtuple("Record", "version seq recorded_at prev entry signatures")


def read_fields(value: list[Any]) -> Any:
    """An entry or act, whose type is known, as a tuple with names."""
    shape, kinds = SHAPES[value[0]]
    demand(len(value) == len(kinds) + 1, "LED-ENC", value[0], f"{len(kinds)} fields", len(value) - 1)
    for name, words, element in zip(shape._fields[1:], kinds, value[1:], strict=True):
        demand(kind(words)(element), "LED-ENC", f"{value[0]} {name}", words, element)
    return shape._make(value)


def read_record(data: bytes) -> Any:
    """A record (§4); the entry in it is not looked at."""
    demand(len(data) <= 65_535, "LED-ENC", "record", "at most 65,535 bytes", len(data))
    value = decode(data)
    demand(type(value) is list and bool(value) and type(value[0]) is int, "LED-ENC", "record", "[1, ...]", value)
    demand(value[0] == 1, "LED-VERSION", "record version", 1, value[0])
    demand(len(value) == 6, "LED-ENC", "record", "6 elements", len(value))
    record = Record._make(value)
    demand(is_integer(record.seq), "LED-ENC", "seq", "an integer", record.seq)
    demand(is_integer(record.recorded_at), "LED-ENC", "recorded_at", "an integer", record.recorded_at)
    demand(is_bytes(record.prev, 32), "LED-ENC", "prev", "32 bytes", record.prev)
    sized = type(record.entry) is bytes and 1 <= len(record.entry) <= 60_000
    demand(sized, "LED-ENC", "entry", "1 to 60,000 bytes", record.entry)
    signatures = record.signatures
    listed = type(signatures) is list and 1 <= len(signatures) <= 17 and all(is_bytes(s, 64) for s in signatures)
    demand(listed, "LED-ENC", "signatures", "1 to 17 signatures of 64 bytes", signatures)
    return record


def read_entry(data: bytes) -> Any:
    """An entry (§3.1) with its acts. What is malformed is never merely unsupported."""
    demand(len(data) <= 60_000, "LED-ENC", "entry", "at most 60,000 bytes", len(data))
    value = decode(data)
    demand(type(value) is list and bool(value) and type(value[0]) is str, "LED-ENC", "entry", f"[{ENTRY}, ...]", value)
    demand(value[0] == ENTRY, "LED-VERSION", "entry version", ENTRY, value[0])
    entry = read_fields(value)
    keys = [entry.key, *(key for _, key in entry.cosigners)]
    demand(len(set(keys)) == len(keys), "LED-ENC", "entry", "each key once", f"{len(keys) - len(set(keys))} again")
    known = [act for act in entry.acts if act[0] in SHAPES and act[0] != ENTRY]
    acts = [read_fields(act) for act in known]
    unknown = next((act[0] for act in entry.acts if act[0] not in SHAPES or act[0] == ENTRY), None)
    demand(unknown is None, "LED-VERSION", "act type", "a type of section 7", unknown)
    return entry._replace(acts=acts)
