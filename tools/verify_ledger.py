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
    "key": (bytes, lambda v: len(v) == 33 and v[0] == 1),
    "date": (str, lambda v: re.fullmatch(DATE, v) and int(v[8:]) <= calendar.monthrange(int(v[:4]), int(v[5:7]))[1]),
    "offset": (str, lambda v: re.fullmatch(OFFSET, v)),
    "uscc": (str, lambda v: re.fullmatch(f"[{USCC}]{{18}}", v) and uscc_symbol(v[:17]) == v[17]),
    "lei": (str, lambda v: re.fullmatch("[0-9A-Z]{18}[0-9]{2}", v) and lei_digits(v[:18]) == v[18:]),
    "host": (str, lambda v: re.fullmatch(HOST, v)),
    "subject": (list, lambda v: len(v) == 2 and fits("str", v[0]) and v[0] in SCHEMES and fits(SCHEMES[v[0]], v[1])),
    "pair": (list, lambda v, *kinds: len(v) == 2 and fits(kinds[0], v[0]) and fits(kinds[1], v[1])),
    "acts": (list, lambda v: 1 <= len(v) <= 1024 and all(type(act) is list and act and fits("str", act[0]) for act in v)),
    "str": (str, lambda v: True),
}


def uscc_symbol(symbols: str) -> str:
    return USCC[-sum(USCC.index(c) * 3**i for i, c in enumerate(symbols)) % 31]


def lei_digits(symbols: str) -> str:
    return f"{98 - int(''.join(str(int(c, 36)) for c in symbols) + '00') % 97:02}"


@functools.cache
def parsed(words: str) -> tuple[str, str, list[Any]]:
    """The words of a kind as its name"""
