"""Lines of a file from outside, never more than one of bounded length in memory."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

MAX_LINE_BYTES = 1 << 20
"""Longest line, and longest record of several lines, that a parser takes; what is longer is a bad row."""

MAX_KEY_BYTES = 2048
"""Longest key of a row, in bytes of UTF-8."""

_SKIP_BYTES = 1 << 16
_control = re.compile(r"[\x00-\x1f\x7f-\x9f]").search


class BadRow(NamedTuple):
    """A row that cannot be read: the number of its (first) line, counted from 1, and why.

    `keys` are those that it may be about, () if it does not even tell that; `list` is the ledger's list that it speaks
    of, None if it does not tell.
    """

    line: int
    reason: str
    keys: tuple[str, ...] = ()
    list: str | None = None


class Line(NamedTuple):
    """One line: its number, counted from 1, where it starts in the file, and its bytes without the line end."""

    number: int
    offset: int
    data: bytes


def read_lines(file: BinaryIO, limit: int = MAX_LINE_BYTES) -> Iterator[Line | BadRow]:
    """Yield the lines of a file, from its present position on.

    A line ends with LF or CR LF, or where the file does. A byte order mark of UTF-8 before the first line is left out.
    A line of more than `limit` bytes becomes a `BadRow`; it is skipped without being kept.

    Raises:
        OSError: the file cannot be read.
    """
    offset, number = 0, 0
    while data := file.readline(limit + 2):
        start, number = offset, number + 1
        offset += len(data)
        if not data.endswith(b"\n") and len(data) == limit + 2:
            while rest := file.readline(_SKIP_BYTES):
                offset += len(rest)
                if rest.endswith(b"\n"):
                    break
            yield BadRow(number, f"the line has more than {limit} bytes")
            continue
        data = data.removesuffix(b"\n").removesuffix(b"\r")
        if number == 1 and data.startswith(codecs.BOM_UTF8):
            data = data[len(codecs.BOM_UTF8) :]
        if len(data) > limit:
            yield BadRow(number, f"the line has more than {limit} bytes")
        else:
            yield Line(number, start, data)


def check_key(key: str) -> str | None:
    """Return why a text cannot be the key of a row, or None if it can.

    A key is 1 to `MAX_KEY_BYTES` bytes of UTF-8 without control characters and without spaces at its ends, which
    would make two keys of what a reader takes for one.
    """
    if not key:
        return "the key is empty"
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        return "the key holds a lone surrogate, which UTF-8 cannot express"
    if size > MAX_KEY_BYTES:
        return f"the key has {size} bytes, where at most {MAX_KEY_BYTES} are allowed"
    if _control(key):
        return f"the key {key[:80]!a} holds a control character"
    if key != key.strip():
        return f"the key {key[:80]!a} starts or ends with a space"
    return None
