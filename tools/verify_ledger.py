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
import datetime as dt
import functools
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
UNCHECKED = (
    "LED-RULE of lists and listings beyond who may act there (role, mandate, area): R-SEPARATION, R-INDEPENDENT, "
    "R-TRANSCRIPT, R-CONSENT, R-SCHEME, R-POLARITY, R-SCORE, R-GROUND, R-MEASURE, R-LIST-STATE, R-TERM, R-EXTENDS, "
    "R-DUPLICATE, R-TRANSITION, R-REASON, R-REFERENCE, R-SOURCE, R-ERASE, R-LISTER, R-REVIEWER; R-SELF and R-DATES of "
    "subject acts; the law behind lists, listings and erasures; grounds, measures and who is named in them",
    "LED-HEAD against remembered heads: a tail cut off at a checkpoint, another history shown to somebody else",
    "witness cosignatures and ML-DSA signatures; LED-STATE and stored tiles, of which an export has none",
    "LED-CONTENT, except that content opens its commitment: that an act about its subject made it, that it still stood",
    "whether what is recorded is true, and whether the clock of the log was right",
)
ZEROS = bytes(32)


class Fault(Exception):
    """A check of §13.2 failed: the finding, what was looked at, what was expected there, what was found."""

    def __init__(self, finding: str, what: str, expected: object, found: object) -> None:
        super().__init__(finding)
        self.finding, self.what, self.expected, self.found = finding, shown(what), shown(expected), shown(found)


def shown(value: object) -> str:
    """A value in at most 160 printable ASCII characters: what a ledger holds must not steer a terminal."""
    text = value.hex() if isinstance(value, bytes) else ascii(value)
    return text.strip("'") if len(text) <= 160 else text[:157] + "..."


def demand(holds: object, finding: str, what: str, expected: object, found: object) -> None:
    if not holds:
        raise Fault(finding, what, expected, found)


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def decode(data: bytes) -> Any:
    """The value that `data`, bounded by the caller, encodes (§2.1). That encoding it gives `data` again settles the
    headers; what it cannot settle (floats, extensions, ranges, depth) is looked at value by value."""
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


# Code points (§2.3, 5.2) in the words of the specification, and as patterns.
FORBIDDEN = """
U+0000-U+001F, U+007F-U+009F, U+00AD, U+034F, U+061C, U+115F-U+1160, U+17B4-U+17B5, U+200B, U+200E-U+200F,
U+2028-U+202E, U+2060-U+206F, U+3164, U+D800-U+DFFF, U+FDD0-U+FDEF, U+FEFF, U+FFA0, U+FFF0-U+FFFC, U+FFFE-U+FFFF,
U+1BCA0-U+1BCA3, U+1D173-U+1D17A, U+1FFFE-U+1FFFF, U+2FFFE-U+2FFFF, U+3FFFE-U+3FFFF, U+4FFFE-U+4FFFF, U+5FFFE-U+5FFFF,
U+6FFFE-U+6FFFF, U+7FFFE-U+7FFFF, U+8FFFE-U+8FFFF, U+9FFFE-U+9FFFF, U+AFFFE-U+AFFFF, U+BFFFE-U+BFFFF, U+CFFFE-U+CFFFF,
U+DFFFE-U+DFFFF, U+EFFFE-U+EFFFF, U+FFFFE-U+FFFFF, U+10FFFE-U+10FFFF, U+E0000-U+E00FF, U+E01F0-U+E0FFF."""
AT_NO_END = "U+0020, U+00A0, U+1680, U+2000-U+200A, U+202F, U+205F, U+3000."
IN_NO_NAME = "U+002B, U+0000-U+001F, U+007F-U+009F, U+2028, U+2029, " + AT_NO_END
BAD_TEXT, BAD_END, BAD_NAME = (
    re.sub(r"U\+([0-9A-F]+)[,.\s]*", lambda m: f"\\U{int(m[1], 16):08x}", f"[{table.strip()}]")
    for table in (FORBIDDEN, AT_NO_END, IN_NO_NAME)
)
BAD_TEXT = f"{BAD_TEXT}|^{BAD_END}|{BAD_END}\\Z"

# Kinds of fields (§2.2 to 2.4, 7.1, 8): the type that decoding gives, and what holds of it.
USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY"
HOST = r"(?=.{1,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?"
DATE = r"(?!0000)[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
OFFSET = r"(?!-00:00)(\+(0[0-9]|1[0-3]):[0-5][0-9]|\+14:00|-(0[0-9]|1[01]):[0-5][0-9]|-12:00)"
SCHEMES = {"handle": "bytes 32", "uscc": "uscc", "lei": "lei", "host": "host"}
KINDS: dict[str, tuple[type, Any]] = {
    "id": (str, lambda v: re.fullmatch(r"[a-z0-9._-]{1,64}", v)),
    "text": (str, lambda v, most: 1 <= len(v.encode()) <= most and not re.search(BAD_TEXT, v)),
    "name": (str, lambda v, most: 1 <= len(v.encode()) <= most and not re.search(BAD_NAME, v)),
    "one": (str, lambda v, *words: v in words),
    "int": (int, lambda v, low=0, high=2**53 - 1: low <= v <= high),
    "bytes": (bytes, lambda v, low, high=None: low <= len(v) <= (high or low)),
    "signature": (bytes, lambda v: len(v) == 64),
    "key": (bytes, lambda v: len(v) == 33 and v[0] == 1),
    "date": (str, lambda v: re.fullmatch(DATE, v) and int(v[8:]) <= calendar.monthrange(int(v[:4]), int(v[5:7]))[1]),
    "offset": (str, lambda v: re.fullmatch(OFFSET, v)),
    "uscc": (str, lambda v: re.fullmatch(f"[{USCC}]{{18}}", v) and uscc_symbol(v[:17]) == v[17]),
    "lei": (str, lambda v: re.fullmatch("[0-9A-Z]{18}[0-9]{2}", v) and lei_digits(v[:18]) == v[18:]),
    "host": (str, lambda v: re.fullmatch(HOST, v)),
    "subject": (list, lambda v: len(v) == 2 and type(v[0]) is str and v[0] in SCHEMES and fits(SCHEMES[v[0]], v[1])),
    "ref": (list, lambda v: is_pair(v, "?bytes 32", "int 0 1023")),
    "commitment": (list, lambda v: is_pair(v, "id", "bytes 32")),
    "mark": (list, lambda v: is_pair(v, "int", "bytes 32")),
    "signer": (list, lambda v: is_pair(v, "id", "key")),
    "acts": (list, lambda v: 1 <= len(v) <= 1024 and all(type(a) is list and a and type(a[0]) is str for a in v)),
}


def uscc_symbol(symbols: str) -> str:
    return USCC[-sum(USCC.index(c) * 3**i for i, c in enumerate(symbols)) % 31]


def lei_digits(symbols: str) -> str:
    return f"{98 - int(''.join(str(int(c, 36)) for c in symbols) + '00') % 97:02}"


def is_pair(v: list[Any], first: str, second: str) -> bool:
    return len(v) == 2 and fits(first, v[0]) and fits(second, v[1])


@functools.cache
def parsed(words: str) -> tuple[str, str, list[Any], list[int]]:
    """The words of a kind: x, its name and arguments, and from `x{a..b}` a and b."""
    one, *bounds = re.fullmatch(r"(.+?)(?:\{(\d+)\.\.(\d+)\})?", words).groups()  # type: ignore[union-attr]
    name, *arguments = one.split()
    return one, name, [int(a) if a.isdigit() else a for a in arguments], [int(b) for b in bounds if b]


def fits(words: str, v: Any) -> bool:
    """Is `v` of this kind? `?x`: nil or x. `x{a..b}`: an array of a to b x, strictly ascending, commitments by label,
    signatures in any order."""
    if words.startswith("?"):
        return v is None or fits(words[1:], v)
    one, name, arguments, bounds = parsed(words)
    if not bounds:
        python_type, holds = KINDS[name]
        return type(v) is python_type and bool(holds(v, *arguments))
    if type(v) is not list or not bounds[0] <= len(v) <= bounds[1] or not all(fits(one, element) for element in v):
        return False
    order = [element[0] for element in v] if name == "commitment" else v
    return name == "signature" or all(a < b for a, b in itertools.pairwise(order))


def civil_day(microseconds: int, offset: str) -> str:
    """The day of a moment at an offset (§2.4)."""
    minutes = int(offset[0] + offset[1:3]) * 60 + int(offset[0] + offset[4:])
    days = (microseconds + 60_000_000 * minutes) // 86_400_000_000
    return (dt.date(1970, 1, 1) + dt.timedelta(days=days)).isoformat()


# What arrays hold (§3, 4, 7.2, 12.1): after the version or type exactly these fields.
TABLE = """
record: seq: int, recorded_at: int, prev: bytes 32, entry: bytes 1 60000, signatures: signature{1..17}
creditledger/entry/v1: ledger_id: bytes 32, authority: id, key: key, author_seq: int, author_prev: bytes 32,
 cosigners: signer{0..16}, not_after: int, seen: ?mark, acts: acts
ledger.create/1: origin: name 255, utc_offset: offset, log_keys: key{1..8}, root_keys: key{1..16}, threshold: int 1 16,
 rule_set: id, rule_set_hash: bytes 32
rules.activate/1: rule_set: id, rule_set_hash: bytes 32
authority.register/1: authority: id, name: text 300, BASIS, parent: ?id, area: ?id, identity: ?subject
authority.close/1: authority: id, effective: date, document: text 200, successor: ?id
mandate.grant/1: mandate: id, authority: id, list: ?id, actions: one add annul catalogue correct define delegate erase
  lodge remove review suspend transcribe{1..12}, effective: date, BASIS, until: ?date, areas: id{0..256}
mandate.revoke/1: mandate: id, effective: date, document: text 200
key.add/1: authority: id, key: key, role: one act admin log root, until: ?date
key.revoke/1: authority: id, key: key, reason: one compromised lost retired superseded, stands_behind: ?mark
entry.confirm/1: authority: id, key: key, entry: mark
law.register/1: law: id, title: text 300, number: text 200, issuer: text 300, effective: date, until: ?date
ground.register/1: ground: id, title: text 300, POLARITY, nature: one conduct judgment merit offence score status,
 BASIS, max_months: ?int 1 1200
measure.register/1: measure: id, title: text 300, POLARITY, BASIS, agency: id, target: text 300
list.define/1: list: id, title: text 300, POLARITY, BASIS, grounds: id{1..256}, schemes: one handle host lei uscc{1..4},
 notice_days: int 0 36600, appeal_days: int 0 36600, decide_days: int 0 36600, measures: id{0..256},
 lodgers: id{0..256}, reviewers: id{0..256}, consent: one none parent, source: ?text 300
list.open/1: list: id, effective: date
list.close/1: list: id, effective: date, document: text 200
source.cite/1: list: id, name: text 300, sha256: bytes 32, rows: int, dated: date
listing.opening_balance/1: SUBJECT, ground: ?id, effective: ?date, until: ?date, case: ?bytes 16, area: ?id, CONTENT,
 source: ?ref
listing.add/1: SUBJECT, ground: id, decided: date, effective: date, until: ?date, case: ?bytes 16, area: ?id,
 measures: id{0..256}, CONTENT, source: ?ref
listing.correct/1: SUBJECT, listing: ref, decided: date, effective: ?date, until: ?date, area: ?id, CONTENT,
 source: ?ref
listing.suspend/1: SUBJECT, listing: ref, decided: date, effective: date, appeal: ?ref
listing.restore/1: SUBJECT, listing: ref, decided: date, effective: date
listing.remove/1: SUBJECT, listing: ref, reason: one appeal_quashed basis_revoked conditions_met creditor_request
  deceased_or_dissolved deemed early_cure enforcement_terminated listed_in_error no_assets performed repaired settled
  stayed superseded term_expired unenforceable, decided: date, effective: date, appeal: ?ref, source: ?ref
listing.annul/1: SUBJECT, listing: ref, reason: one listed_in_error quashed_ex_tunc, decided: date, appeal: ?ref
appeal.file/1: SUBJECT, listing: ref, filed: date, CONTENT
appeal.decide/1: SUBJECT, appeal: ref, outcome: one quash_ex_nunc quash_ex_tunc remit uphold vary, decided: date,
 effective: date, until: ?date, CONTENT
appeal.withdraw/1: SUBJECT, appeal: ref, withdrawn: date
content.erase/1: SUBJECT, commitments: bytes 32{1..64}, decided: date, BASIS
content frame: SUBJECT, commitment: bytes 32, nonce: bytes 32, content: bytes 0 1048576
"""
SHARED = {"BASIS": "law: id, article: text 100", "POLARITY": "polarity: one incentive restriction supervision",
    "SUBJECT": "list: id, subject: subject", "CONTENT": "content: commitment{0..16}"}  # fmt: skip
ROWS = re.sub("[A-Z]{5,}", lambda m: SHARED[m[0]], re.sub(r"\n +", " ", TABLE)).strip().split("\n")
FIELDS = {row.split(": ")[0]: [f.split(": ") for f in row.split(": ", 1)[1].split(", ")] for row in ROWS}
ENTRY = "creditledger/entry/v1"
ACT_TYPES = FIELDS.keys() - {"record", ENTRY, "content frame"}


def read_fields(name: str, value: list[Any]) -> Any:
    """The array with its fields by name, each of its kind."""
    fields = FIELDS[name]
    demand(len(value) == len(fields) + 1, "LED-ENC", name, f"{len(fields)} fields", len(value) - 1)
    for (title, words), element in zip(fields, value[1:], strict=True):
        demand(fits(words, element), "LED-ENC", f"{name} {title}", words, element)
    return SimpleNamespace(type=value[0], **{title: v for (title, _), v in zip(fields, value[1:], strict=True)})


def read_version(name: str, data: bytes, most: int, version: int | str) -> list[Any]:
    """The array in `data`, of the version that is understood. What is malformed is never merely unsupported (§3.1)."""
    demand(len(data) <= most, "LED-ENC", name, f"at most {most} bytes", len(data))
    value = decode(data)
    begins = type(value) is list and value and type(value[0]) is type(version)
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
    unknown = [act[0] for act in entry.acts if act[0] not in ACT_TYPES]
    entry.acts = [read_fields(act[0], act) for act in entry.acts if act[0] in ACT_TYPES]
    demand(not unknown, "LED-VERSION", "act type", "a type of section 7", unknown)
    return entry


def is_prime_order(key: bytes) -> bool:
    """May this key be added (§6)? libsodium wants a canonical point, not the neutral one, of the prime-order group."""
    return bool(crypto_core_ed25519_is_valid_point(key[1:]))


def check_signature(finding: str, key: bytes, message: bytes, signature: bytes) -> None:
    """The verdict of §6 is libsodium's: S < L; A canonical, A and R not of small order; R compared as bytes, so that it
    is canonical and the cofactor plays no part. (OpenSSL accepts small orders, other libraries multiply by 8.)"""
    demand(len(key) == 33 and len(signature) == 64, finding, "signature", "64 bytes by 33", (len(signature), len(key)))
    try:
        crypto_sign_open(signature + message, key[1:])
    except BadSignatureError:
        raise Fault(finding, "signature", f"one by key {key.hex()}", signature) from None


class Tree:
    """The tree of RFC 9162 (§5.1): its complete subtrees, the largest first, and the root of every size so far."""

    def __init__(self) -> None:
        self.size, self.subtrees, self.roots = 0, list[bytes](), bytearray(sha256())

    def append(self, leaf: bytes) -> None:
        node, merged = leaf, self.size
        while merged & 1:
            node, merged = sha256(b"\1", self.subtrees.pop(), node), merged >> 1
        self.subtrees.append(node)
        self.size += 1
        self.roots += functools.reduce(lambda right, left: sha256(b"\1", left, right), reversed(self.subtrees))

    def root(self, size: int) -> bytes:
        return bytes(self.roots[32 * size : 32 * size + 32])


def open_file(path: str) -> BinaryIO:
    if not os.path.isfile(path):  # A pipe or a device might never end.
        raise OSError(f"{shown(path)} is not there, or no regular file")
    return open(path, "rb")


def read_trust(path: str) -> Any:
    """§12.2: origin, ledger_id (32 bytes), keys (key id → 33 bytes). ValueError for what is not of that form."""
    with open_file(path) as file:
        raw = file.read(65_537)
    trust = SimpleNamespace(**tomllib.loads(raw.decode() if len(raw) <= 65_536 else ""), keys={})
    if trust.__dict__.keys() - {"keys"} != {"format", "origin", "ledger_id", "log_keys"}:
        raise ValueError
    return trust
