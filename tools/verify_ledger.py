#!/usr/bin/env python3
"""Verify an exported creditledger ledger with a program that shares nothing with the one that wrote it.

    python verify_ledger.py EXPORT --trust FILE [--json]

Written from the specification alone: § is a section of format-v1, R § one of rules-1. One pass, one frame at a time;
kept are 64 bytes per record (every root, for `seen`; entry hashes, for `stands_behind`), and keys, authorities,
mandates, laws, the areas of listings. Exit: 0 intact as far as the report says, 3 a check failed, 13 unsupported,
4 records lie beyond the last checkpoint, 1 unusable input, 2 wrong call, 130 interrupted.
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
from types import SimpleNamespace as Row
from typing import Any, BinaryIO

import msgpack
from nacl.bindings import crypto_core_ed25519_is_valid_point, crypto_sign_open
from nacl.exceptions import BadSignatureError

RULE_SETS = {"rules-1": "cfa0cdfe4a82c5946a1b2be791e6e6287231d60e0d9512cdbe0a84c55d1747db"}  # SHA-256 of the text
UNCHECKED = (
    "LED-RULE beyond founding, keys, authorities, mandates: R §7 on what grounds, measures and lists hold, R-SEPARATION, "
    "R-INDEPENDENT, R-TRANSCRIPT, R-CONFIRM; R §8.1 beyond role, mandate, area (and area for content.erase); R §8.2 to 8.6",
    "LED-HEAD against remembered heads: a tail cut off at a checkpoint, another history shown to somebody else",
    "witness cosignatures, ML-DSA signatures; LED-STATE and stored tiles, of which an export has none; LED-CONTENT",
    "whether what is recorded is true, and whether the clock of the log was right",
)


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
        raise Fault("LED-ENC", "encoding", "a value of section 2.1", f"{type(error).__name__} {error}") from None
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
BAD, END, BAD_NAME = (
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
    "text": (str, lambda v, most: 1 <= len(v.encode()) <= most and not re.search(f"{BAD}|^{END}|{END}\\Z", v)),
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
    "pair": (list, lambda v, *kinds: len(v) == 2 and all(map(fits, kinds, v))),
    "acts": (list, lambda v: all(type(act) is list and act and type(act[0]) is str for act in v)),
}
PAIRS = {"ref": ("?bytes 32", "int 0 1023"), "commitment": ("id", "bytes 32"), "mark": ("int", "bytes 32"), "signer": ("id", "key")}


def fits(words: str, v: Any) -> bool:
    """Is `v` of this kind? `?x`: nil or x. `x{a..b}`: an array of a to b x, strictly ascending (commitments by label)."""
    if words.startswith("?"):
        return v is None or fits(words[1:], v)
    if words.endswith("}"):
        one, low, high = re.split(r"\{|\.\.", words[:-1])
        formed = type(v) is list and int(low) <= len(v) <= int(high) and all(fits(one, element) for element in v)
        order = [element[0] for element in v] if formed and one == "commitment" else v
        return formed and (one in FREE or all(a < b for a, b in itertools.pairwise(order)))
    name, *arguments = words.split()
    form, holds = KINDS[name]
    formed = type(v) is form if isinstance(form, type) else type(v) is str and re.fullmatch(form, v)
    return bool(formed and holds(v, *(int(a) if a.isdigit() else a for a in arguments)))
