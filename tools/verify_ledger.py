#!/usr/bin/env python3
"""Verify an exported creditledger ledger with a program that shares nothing with the one that wrote it.

    python verify_ledger.py EXPORT --trust FILE [--json]

Written from the specification alone: § is a section of format-v1, R § one of rules-1. One pass, one frame at a time;
kept are 64 bytes per record (every root, for `seen`; entry hashes, for `stands_behind`), and keys, authorities,
mandates, laws and the areas of listings. Exit: 0 intact as far as the report says, 3 a check failed, 13 something is
unsupported, 4 records lie beyond the last checkpoint, 1 unusable input, 2 wrong call, 130 interrupted.
"""

import argparse
import base64
import calendar
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
RULE_SETS = {"rules-1": "cfa0cdfe4a82c5946a1b2be791e6e6287231d60e0d9512cdbe0a84c55d1747db"}  # SHA-256 of the text
UNCHECKED = (
    "LED-RULE of lists and listings, beyond who may act (role, mandate, area): R-SELF, R-LISTER, R-REVIEWER of subject"
    " acts; R-SEPARATION, R-INDEPENDENT, R-TRANSCRIPT, R-CONSENT, R-SCHEME, R-POLARITY, R-SCORE, R-GROUND, R-MEASURE,"
    " R-LIST-STATE, R-TERM, R-EXTENDS, R-DUPLICATE, R-TRANSITION, R-REASON, R-REFERENCE, R-SOURCE, R-ERASE, R-DATES"
    " except of laws; the legal basis of listings, erasures and openings; whether grounds and measures are registered",
    "LED-HEAD against remembered heads: a tail cut off at a checkpoint, another history shown to somebody else",
    "witness cosignatures and ML-DSA signatures",
    "LED-STATE and stored tiles, of which an export has none",
    "LED-CONTENT, except that content opens its commitment: that an act about its subject made it; that it stood",
    "whether what is recorded is true, and whether the clock of the log was right",
)


class Fault(Exception):
    """A check of §13.2 failed: the finding, what was looked at, what was expected there, what was found."""

    def __init__(self, finding: str, what: str, expected: object, found: object) -> None:
        super().__init__(finding)
        self.finding, self.what, self.expected, self.found = finding, what, shown(expected), shown(found)


def shown(value: object) -> str:
    """A value in at most 160 printable ASCII characters: what a ledger holds must not steer a terminal."""
    text = value.hex() if isinstance(value, bytes) else ascii(value).strip("'")
    return text if len(text) <= 160 else text[:157] + "..."


def demand(holds: bool, finding: str, what: str, expected: object, found: object) -> None:
    if not holds:
        raise Fault(finding, what, expected, found)


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


# ---- Encoding (§2.1) ----


def decode(data: bytes) -> Any:
    """The value that `data`, bounded by the caller, encodes. That encoding it gives `data` again settles the headers;
    what it cannot settle (floats, extensions, ranges, depth) is looked at value by value."""
    try:
        value = msgpack.unpackb(data, raw=False, max_array_len=4096, max_map_len=0, max_ext_len=0)
    except (ValueError, msgpack.UnpackException) as error:
        raise Fault("LED-ENC", "encoding", "a value of section 2.1", f"{type(error).__name__} {error}") from None
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
    else:
        demand(value is None or kind in (str, bytes, bool), "LED-ENC", "encoding", "a kind of value", kind.__name__)


# ---- Kinds of fields (§2.2 to 2.4, 7.1, 8) ----

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
DATE = re.compile(r"(?!0000)[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")
OFFSET = re.compile(r"(?!-00:00)(\+(0[0-9]|1[0-3]):[0-5][0-9]|\+14:00|-(0[0-9]|1[01]):[0-5][0-9]|-12:00)")
HOST = re.compile(r"(?=.{1,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def is_like(pattern: re.Pattern[str], v: Any) -> bool:
    return type(v) is str and pattern.fullmatch(v) is not None


def is_text(bad: re.Pattern[str], most: int, v: Any) -> bool:
    return type(v) is str and bad.search(v) is None and 1 <= len(v.encode()) <= most


def is_bytes(length: int, v: Any) -> bool:
    return type(v) is bytes and len(v) == length


def is_int(low: int, high: int, v: Any) -> bool:
    return type(v) is int and low <= v <= high


def is_date(v: Any) -> bool:
    return is_like(DATE, v) and int(v[8:]) <= calendar.monthrange(int(v[:4]), int(v[5:7]))[1]


def is_uscc(v: Any) -> bool:
    fits = type(v) is str and len(v) == 18 and all(c in USCC for c in v)
    return fits and USCC[-sum(USCC.index(c) * 3**i for i, c in enumerate(v[:17])) % 31] == v[17]


def is_lei(v: Any) -> bool:
    fits = is_like(re.compile(r"[0-9A-Z]{18}[0-9]{2}"), v)
    return fits and f"{98 - int(''.join(str(int(c, 36)) for c in v[:18]) + '00') % 97:02}" == v[18:]


def is_subject(v: Any) -> bool:
    schemes = {"handle": kind("bytes 32"), "uscc": is_uscc, "lei": is_lei, "host": functools.partial(is_like, HOST)}
    return type(v) is list and len(v) == 2 and type(v[0]) is str and v[0] in schemes and schemes[v[0]](v[1])


def is_acts(v: Any) -> bool:
    return type(v) is list and 1 <= len(v) <= 1024 and all(type(a) is list and a and type(a[0]) is str for a in v)


def is_pair(first: str, second: str, v: Any) -> bool:
    return type(v) is list and len(v) == 2 and kind(first)(v[0]) and kind(second)(v[1])


def is_array(low: int, high: int, words: str, v: Any) -> bool:
    if type(v) is not list or not low <= len(v) <= high or not all(map(kind(words), v)):
        return False
    order = [element[0] for element in v] if words == "commitment" else v
    return words == "signature" or all(a < b for a, b in zip(order, order[1:], strict=False))


@functools.cache
def kind(words: str) -> Callable[[Any], bool]:
    """The test for a kind of field: `?x` is nil or x, `x{a..b}` a sorted array of a to b x."""
    if words.startswith("?"):
        return lambda v: v is None or kind(words[1:])(v)
    if m := re.fullmatch(r"(.+)\{(\d+)\.\.(\d+)\}", words):
        return functools.partial(is_array, int(m[2]), int(m[3]), m[1])
    name, *rest = words.split()
    if name == "one":
        return lambda v: type(v) is str and v in rest
    return functools.partial(KINDS[name][0], *KINDS[name][1:], *map(int, rest))


KINDS: dict[str, tuple[Any, ...]] = {
    "id": (is_like, IDENTIFIER), "offset": (is_like, OFFSET), "text": (is_text, BAD_TEXT), "name": (is_text, BAD_NAME),
    "int": (is_int, 0, 2**53 - 1), "from": (is_int,), "bytes": (is_bytes,), "date": (is_date,), "acts": (is_acts,),
    "key": (lambda v: is_bytes(33, v) and v[0] == 1,), "subject": (is_subject,), "signature": (is_bytes, 64),
    "entry": (lambda v: type(v) is bytes and 1 <= len(v) <= 60_000,), "ref": (is_pair, "?bytes 32", "from 0 1023"),
    "mark": (is_pair, "int", "bytes 32"), "signer": (is_pair, "id", "key"), "commitment": (is_pair, "id", "bytes 32"),
}  # fmt: skip

# ---- Records, entries, acts (§3, 4, 7.2): an array of what it is and exactly these fields ----

TABLE = r"""
record: seq: int, recorded_at: int, prev: bytes 32, entry: entry, signatures: signature{1..17}
creditledger/entry/v1: ledger_id: bytes 32, authority: id, key: key, author_seq: int, author_prev: bytes 32,
 cosigners: signer{0..16}, not_after: int, seen: ?mark, acts: acts
ledger.create/1: origin: name 255, utc_offset: offset, log_keys: key{1..8}, root_keys: key{1..16},
 threshold: from 1 16, rule_set: id, rule_set_hash: bytes 32
rules.activate/1: rule_set: id, rule_set_hash: bytes 32
authority.register/1: authority: id, name: text 300, law: id, article: text 100, parent: ?id, area: ?id,
 identity: ?subject
authority.close/1: authority: id, effective: date, document: text 200, successor: ?id
mandate.grant/1: mandate: id, authority: id, list: ?id, actions: one add annul catalogue correct define delegate erase
  lodge remove review suspend transcribe{1..12}, effective: date, law: id, article: text 100, until: ?date,
 areas: id{0..256}
mandate.revoke/1: mandate: id, effective: date, document: text 200
key.add/1: authority: id, key: key, role: one act admin log root, until: ?date
key.revoke/1: authority: id, key: key, reason: one compromised lost retired superseded, stands_behind: ?mark
entry.confirm/1: authority: id, key: key, entry: mark
law.register/1: law: id, title: text 300, number: text 200, issuer: text 300, effective: date, until: ?date
ground.register/1: ground: id, title: text 300, polarity: one incentive restriction supervision,
 nature: one conduct judgment merit offence score status, law: id, article: text 100, max_months: ?from 1 1200
measure.register/1: measure: id, title: text 300, polarity: one incentive restriction supervision, law: id,
 article: text 100, agency: id, target: text 300
list.define/1: list: id, title: text 300, polarity: one incentive restriction supervision, law: id, article: text 100,
 grounds: id{1..256}, schemes: one handle host lei uscc{1..4}, notice_days: from 0 36600, appeal_days: from 0 36600,
 decide_days: from 0 36600, measures: id{0..256}, lodgers: id{0..256}, reviewers: id{0..256},
 consent: one none parent, source: ?text 300
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
listing.remove/1: list: id, subject: subject, listing: ref, reason: one appeal_quashed basis_revoked conditions_met
  creditor_request deceased_or_dissolved deemed early_cure enforcement_terminated listed_in_error no_assets performed
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
ENTRY = "creditledger/entry/v1"
SHAPES: dict[str, tuple[Any, list[str]]] = {}
for _line in re.sub(r"\n +", " ", TABLE).strip().split("\n"):
    _name, _fields = _line.split(": ", 1)
    _pairs = [f.split(": ") for f in _fields.split(", ")]
    SHAPES[_name] = namedtuple("Fields", ["type", *(p[0] for p in _pairs)]), [p[1] for p in _pairs]  # noqa: PYI024
ACT_TYPES = SHAPES.keys() - {"record", ENTRY}


def read_fields(name: str, value: list[Any]) -> Any:
    """The array as a tuple with names, each field of its kind."""
    shape, kinds = SHAPES[name]
    demand(len(value) == len(kinds) + 1, "LED-ENC", name, f"{len(kinds)} fields", len(value) - 1)
    for title, words, element in zip(shape._fields[1:], kinds, value[1:], strict=True):
        demand(kind(words)(element), "LED-ENC", f"{name} {title}", words, element)
    return shape._make(value)


def read_version(name: str, data: bytes, most: int, version: int | str) -> list[Any]:
    """The array in `data`; what is no array with a first element of the right kind is malformed, and only what is well
    encoded is ever unsupported (§3.1)."""
    demand(len(data) <= most, "LED-ENC", name, f"at most {most} bytes", len(data))
    value = decode(data)
    begins = type(value) is list and bool(value) and type(value[0]) is type(version)
    demand(begins, "LED-ENC", name, f"[{version}, ...]", value)
    demand(value[0] == version, "LED-VERSION", f"{name} version", version, value[0])
    return list(value)


def read_record(data: bytes) -> Any:
    """A record (§4); the entry in it is not looked at."""
    return read_fields("record", read_version("record", data, 65_535, 1))


def read_entry(data: bytes) -> Any:
    """An entry with its acts (§3, 3.1)."""
    entry = read_fields(ENTRY, read_version("entry", data, 60_000, ENTRY))
    keys = {entry.key, *(key for _, key in entry.cosigners)}
    demand(len(keys) == len(entry.cosigners) + 1, "LED-ENC", "entry", "each key once", "a key twice")
    acts = [read_fields(act[0], act) for act in entry.acts if act[0] in ACT_TYPES]
    unknown = [act[0] for act in entry.acts if act[0] not in ACT_TYPES]
    demand(not unknown, "LED-VERSION", "act type", "a type of section 7", unknown)
    return entry._replace(acts=acts)


# ---- Signatures, tree, trust, checkpoints, frames (§5, 6, 12) ----

MIXED_ORDER = bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa")


def is_prime_order(key: bytes) -> bool:
    """§6: may this key (33 bytes) be added? libsodium asks for a canonical point of the prime-order subgroup."""
    return bool(crypto_core_ed25519_is_valid_point(key[1:]))


def check_signature(finding: str, what: str, key: bytes, message: bytes, signature: bytes) -> None:
    """§6. libsodium has these semantics: S < L, canonical and not small-order A and R (R is compared as bytes), no
    cofactor. The lengths are bounded here; a library that verifies in batches or with the cofactor would not do."""
    try:
        demand(len(key) == 33 and len(signature) == 64, finding, what, "33 and 64 bytes", (len(key), len(signature)))
        crypto_sign_open(signature + message, key[1:])
    except BadSignatureError:
        raise Fault(finding, what, f"a signature by {key.hex()}", signature) from None
