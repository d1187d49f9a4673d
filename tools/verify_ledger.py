#!/usr/bin/env python3
"""Verify an exported creditledger ledger with a program that shares nothing with the one that wrote it.

    python verify_ledger.py EXPORT --trust FILE [--json]

Written from the specification alone: § is a section of format-v1, R § one of rules-1. One pass, one frame at a time;
kept are 64 bytes per record (every root, for `seen`; entry hashes, for `stands_behind`), and what governs. Exit: 0 intact
as far as the report says, 3 a check failed, 13 unsupported, 4 records after the last checkpoint, 1 bad input, 2 usage.
"""

import argparse
import base64
import calendar
import datetime as dt
import hashlib
import itertools
import json
import os
import re
import sys
import tomllib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, BinaryIO

import msgpack
from nacl.bindings import crypto_core_ed25519_is_valid_point, crypto_sign_open
from nacl.exceptions import BadSignatureError

RULE_SETS = {"rules-1": "cfa0cdfe4a82c5946a1b2be791e6e6287231d60e0d9512cdbe0a84c55d1747db"}  # SHA-256 of the text
UNCHECKED = [
    "LED-RULE beyond keys, authorities and mandates: R §7 on grounds, measures, lists, R-SEPARATION, R-INDEPENDENT, "
    "R-TRANSCRIPT, R-SCHEME, R-CONFIRM; R §8 beyond role, mandate and area (of content.erase: area too)",
    "LED-HEAD against remembered heads: a tail cut off at a checkpoint, another history shown to somebody else",
    "LED-STATE, stored tiles; LED-CONTENT; witness cosignatures, ML-DSA; whether what is recorded is true, the clock right",
]


class Fault(Exception):
    """A check of §13.2 failed. The arguments: finding, what was looked at, what was expected, what was found."""


def demand(holds: object, finding: str, what: str, expected: object, found: object) -> None:
    if not holds:
        raise Fault(finding, what, expected, found)


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def decode(data: bytes) -> Any:
    """The value that `data`, bounded by the caller, encodes (§2.1). That encoding it gives `data` again settles the
    headers; what it cannot settle (maps, floats, extensions, ranges, depth) is looked at level by level."""
    try:
        value = msgpack.unpackb(data, raw=False, max_array_len=4096, max_map_len=0, max_ext_len=0)
    except (ValueError, msgpack.UnpackException) as error:
        raise Fault("LED-ENC", "encoding", "a value of section 2.1", repr(error)) from None
    level, depth = [value], 0
    while level:
        for v in level:
            kind = type(v)
            plain = v is None or kind in (str, bytes, bool) or (0 <= v < 2**53 if kind is int else kind is list)
            demand(plain and (depth < 8 or kind is not list), "LED-ENC", "encoding", "values of section 2.1, 8 deep", v)
        level, depth = [element for v in level if type(v) is list for element in v], depth + 1
    demand(msgpack.packb(value) == data, "LED-ENC", "encoding", "the shortest form", "another form of the same value")
    return value


# Code points (§2.3, 5.2): the tables as they stand there, and as patterns.
FORBIDDEN = """
U+0000-U+001F, U+007F-U+009F, U+00AD, U+034F, U+061C, U+115F-U+1160, U+17B4-U+17B5, U+200B, U+200E-U+200F,
U+2028-U+202E, U+2060-U+206F, U+3164, U+D800-U+DFFF, U+FDD0-U+FDEF, U+FEFF, U+FFA0, U+FFF0-U+FFFC, U+FFFE-U+FFFF,
U+1BCA0-U+1BCA3, U+1D173-U+1D17A, U+1FFFE-U+1FFFF, U+2FFFE-U+2FFFF, U+3FFFE-U+3FFFF, U+4FFFE-U+4FFFF, U+5FFFE-U+5FFFF,
U+6FFFE-U+6FFFF, U+7FFFE-U+7FFFF, U+8FFFE-U+8FFFF, U+9FFFE-U+9FFFF, U+AFFFE-U+AFFFF, U+BFFFE-U+BFFFF, U+CFFFE-U+CFFFF,
U+DFFFE-U+DFFFF, U+EFFFE-U+EFFFF, U+FFFFE-U+FFFFF, U+10FFFE-U+10FFFF, U+E0000-U+E00FF, U+E01F0-U+E0FFF."""
AT_NO_END = "U+0020, U+00A0, U+1680, U+2000-U+200A, U+202F, U+205F, U+3000."
IN_NO_NAME = "U+002B, U+0000-U+001F, U+007F-U+009F, U+2028, U+2029, " + AT_NO_END
BAD, BAD_END, BAD_NAME = (
    re.sub(r"U\+([0-9A-F]+)[,.\s]*", lambda m: f"\\U{int(m[1], 16):08x}", f"[{table.strip()}]")
    for table in (FORBIDDEN, AT_NO_END, IN_NO_NAME)
)
# Kinds of fields (§2.2 to 2.4, 7.1, 8): the type after decoding, or the pattern of a text, and what more must hold.
HOST = r"(?=.{1,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?"
DATE = r"(?!0000)[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
OFFSET = r"(?!-00:00)(\+(0[0-9]|1[0-3]):[0-5][0-9]|\+14:00|-(0[0-9]|1[01]):[0-5][0-9]|-12:00)"
USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY"
SCHEMES = {"handle": "bytes 32", "uscc": "uscc", "lei": "lei", "host": "host"}
KINDS: dict[str, tuple[type | str, Any]] = {
    "id": (r"[a-z0-9._-]{1,64}", bool),
    "text": (str, lambda v, most: 1 <= len(v.encode()) <= most and not re.search(f"{BAD}|^{BAD_END}|{BAD_END}\\Z", v)),
    "name": (str, lambda v, most: 1 <= len(v.encode()) <= most and not re.search(BAD_NAME, v)),
    "one": (str, lambda v, *codes: v in codes),
    "int": (int, lambda v, low=0, high=2**53 - 1: low <= v <= high),
    "bytes": (bytes, lambda v, low, high=None: low <= len(v) <= (high or low)),
    "key": (bytes, lambda v: len(v) == 33 and v[0] == 1),
    "date": (DATE, lambda v: int(v[8:]) <= calendar.monthrange(int(v[:4]), int(v[5:7]))[1]),
    "offset": (OFFSET, bool),
    "uscc": (f"[{USCC}]{{18}}", lambda v: USCC[-sum(USCC.index(v[i]) * 3**i for i in range(17)) % 31] == v[17]),
    "lei": ("[0-9A-Z]{18}(?!00|01|99)[0-9]{2}", lambda v: int("".join(str(int(c, 36)) for c in v)) % 97 == 1),
    "host": (HOST, bool),
    "subject": (list, lambda v: len(v) == 2 and type(v[0]) is str and v[0] in SCHEMES and fits(SCHEMES[v[0]], v[1])),
    "ref": (list, lambda v: len(v) == 2 and fits("?bytes 32", v[0]) and fits("int 0 1023", v[1])),
    "commitment": (list, lambda v: len(v) == 2 and fits("id", v[0]) and fits("bytes 32", v[1])),
    "mark": (list, lambda v: len(v) == 2 and fits("int", v[0]) and fits("bytes 32", v[1])),
    "signer": (list, lambda v: len(v) == 2 and fits("id", v[0]) and fits("key", v[1])),
    "signatures": (list, lambda v: 1 <= len(v) <= 17 and all(fits("bytes 64", signature) for signature in v)),
    "acts": (list, lambda v: 1 <= len(v) <= 1024 and all(type(a) is list and a and type(a[0]) is str for a in v)),
}


def fits(words: str, v: Any) -> bool:
    """Is `v` of this kind? `?x`: nil or x. `x{a..b}`: an array of a to b x, strictly ascending (commitments by label)."""
    if words[0] == "?":
        return v is None or fits(words[1:], v)
    if words[-1] == "}":
        one, low, high = re.split(r"\{|\.\.", words[:-1])
        formed = type(v) is list and int(low) <= len(v) <= int(high) and all(fits(one, element) for element in v)
        order = [element[0] for element in v] if formed and one == "commitment" else v
        return formed and all(a < b for a, b in itertools.pairwise(order))
    name, *arguments = words.split()
    form, holds = KINDS[name]
    formed = type(v) is form if isinstance(form, type) else type(v) is str and re.fullmatch(form, v) is not None
    return formed and bool(holds(v, *(int(a) if a.isdigit() else a for a in arguments)))


def civil_day(microseconds: int, offset: str) -> str:
    """The day of a moment at an offset (§2.4)."""
    minutes = int(offset[0] + offset[1:3]) * 60 + int(offset[0] + offset[4:])
    days = (microseconds + 60_000_000 * minutes) // 86_400_000_000
    return (dt.date(1970, 1, 1) + dt.timedelta(days=days)).isoformat()


# What arrays hold (§3, 4, 7.2, 12.1) after their version or type: these fields, identifiers if nothing else is said.
TABLE = """
record: seq: int, recorded_at: int, prev: bytes 32, entry: bytes 1 60000, signatures: signatures
creditledger/entry/v1: ledger_id: bytes 32, authority, key: key, author_seq: int, author_prev: bytes 32,
 cosigners: signer{0..16}, not_after: int, seen: ?mark, acts: acts
ledger.create/1: origin: name 255, utc_offset: offset, log_keys: key{1..8}, root_keys: key{1..16}, threshold: int 1 16,
 rule_set, rule_set_hash: bytes 32
rules.activate/1: rule_set, rule_set_hash: bytes 32
authority.register/1: authority, name: text 300, law, article: text 100, parent: ?id, area: ?id, identity: ?subject
authority.close/1: authority, effective: date, document: text 200, successor: ?id
mandate.grant/1: mandate, authority, list: ?id, actions: one add annul catalogue correct define delegate erase lodge remove
  review suspend transcribe{1..12}, effective: date, law, article: text 100, until: ?date, areas: id{0..256}
mandate.revoke/1: mandate, effective: date, document: text 200
key.add/1: authority, key: key, role: one act admin log root, until: ?date
key.revoke/1: authority, key: key, reason: one compromised lost retired superseded, stands_behind: ?mark
entry.confirm/1: authority, key: key, entry: mark
law.register/1: law, title: text 300, number: text 200, issuer: text 300, effective: date, until: ?date
ground.register/1: ground, title: text 300, polarity: one incentive restriction supervision,
 nature: one conduct judgment merit offence score status, law, article: text 100, max_months: ?int 1 1200
measure.register/1: measure, title: text 300, polarity: one incentive restriction supervision, law, article: text 100,
 agency, target: text 300
list.define/1: list, title: text 300, polarity: one incentive restriction supervision, law, article: text 100,
 grounds: id{1..256}, schemes: one handle host lei uscc{1..4}, notice_days: int 0 36600, appeal_days: int 0 36600,
 decide_days: int 0 36600, measures: id{0..256}, lodgers: id{0..256}, reviewers: id{0..256}, consent: one none parent,
 source: ?text 300
list.open/1: list, effective: date
list.close/1: list, effective: date, document: text 200
source.cite/1: list, name: text 300, sha256: bytes 32, rows: int, dated: date
listing.opening_balance/1: list, subject: subject, ground: ?id, effective: ?date, until: ?date, case: ?bytes 16,
 area: ?id, content: commitment{0..16}, source: ?ref
listing.add/1: list, subject: subject, ground, decided: date, effective: date, until: ?date, case: ?bytes 16, area: ?id,
 measures: id{0..256}, content: commitment{0..16}, source: ?ref
listing.correct/1: list, subject: subject, listing: ref, decided: date, effective: ?date, until: ?date, area: ?id,
 content: commitment{0..16}, source: ?ref
listing.suspend/1: list, subject: subject, listing: ref, decided: date, effective: date, appeal: ?ref
listing.restore/1: list, subject: subject, listing: ref, decided: date, effective: date
listing.remove/1: list, subject: subject, listing: ref, reason: one appeal_quashed basis_revoked conditions_met
  creditor_request deceased_or_dissolved deemed early_cure enforcement_terminated listed_in_error no_assets performed
  repaired settled stayed superseded term_expired unenforceable, decided: date, effective: date, appeal: ?ref,
 source: ?ref
listing.annul/1: list, subject: subject, listing: ref, reason: one listed_in_error quashed_ex_tunc, decided: date,
 appeal: ?ref
appeal.file/1: list, subject: subject, listing: ref, filed: date, content: commitment{0..16}
appeal.decide/1: list, subject: subject, appeal: ref, outcome: one quash_ex_nunc quash_ex_tunc remit uphold vary,
 decided: date, effective: date, until: ?date, content: commitment{0..16}
appeal.withdraw/1: list, subject: subject, appeal: ref, withdrawn: date
content.erase/1: list, subject: subject, commitments: bytes 32{1..64}, decided: date, law, article: text 100
content frame: list, subject: subject, commitment: bytes 32, nonce: bytes 32, content: bytes 0 1048576
"""
ROWS = [row.split(": ", 1) for row in re.sub(r"\n +", " ", TABLE).strip().split("\n")]
FIELDS = {name: [f"{field}: id".split(": ")[:2] for field in fields.split(", ")] for name, fields in ROWS}
ENTRY = "creditledger/entry/v1"
ACT_TYPES = {name for name in FIELDS if name.endswith("/1")}
