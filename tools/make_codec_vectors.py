#!/usr/bin/env python3
"""Make the vectors of the canonical encoding, with a byte-by-byte reader and writer that share no code with ours.

    tools/make_codec_vectors.py            rewrite src/creditledger/spec/vectors/codec.json
    tools/make_codec_vectors.py --check    exit with 1 if that file differs from what would be written

Each vector has `desc`, `hex` and `ok`; where `ok` is true also `value`, in which bytes are written `{"bin": hex}`. `ok`
is stated for each vector by hand, and this script refuses to write one that its own reader judges otherwise.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from vector_file import VECTORS, one_a_line, write_or_check

TARGET = VECTORS / "codec.json"

MAX_INT, MAX_ARRAY, MAX_DEPTH = 2**53 - 1, 4096, 8


def encode(value: Any, depth: int = 0) -> bytes:
    """Return the canonical encoding, or raise ValueError outside the profile."""
    match value:
        case None:
            return b"\xc0"
        case bool():
            return b"\xc3" if value else b"\xc2"
        case int() if 0 <= value <= MAX_INT:
            if value < 128:
                return bytes([value])
            size = next(size for size in (1, 2, 4, 8) if value < 256**size)
            return bytes([0xCC + (1, 2, 4, 8).index(size)]) + value.to_bytes(size)
        case str():
            data = value.encode()
            return (bytes([0xA0 + len(data)]) if len(data) < 32 else _sized(0xD9, (1, 2, 4), len(data))) + data
        case bytes():
            return _sized(0xC4, (1, 2, 4), len(value)) + value
        case list() | tuple() if depth < MAX_DEPTH and len(value) <= MAX_ARRAY:
            header = bytes([0x90 + len(value)]) if len(value) < 16 else _sized(0xDC, (2, 4), len(value))
            return header + b"".join(encode(element, depth + 1) for element in value)
    raise ValueError(f"outside the profile: {type(value).__name__}")


def _sized(first: int, sizes: tuple[int, ...], length: int) -> bytes:
    """Return the shortest of a family of headers that differ in the width of the length."""
    for place, size in enumerate(sizes):
        if length < 256**size:
            return bytes([first + place]) + length.to_bytes(size)
    raise ValueError("longer than 2^32-1")


def decode(data: bytes) -> Any:
    """Return the value that canonical bytes stand for, arrays as tuples, or raise ValueError."""
    value, end = _read(data, 0, 0)
    if end != len(data):
        raise ValueError("bytes after the value")
    return value


def _read(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    """Read one value; return it and where it ends."""
    head, at = _take(data, at, 1)
    code = head[0]
    if code < 0x80:
        return code, at
    if code in (0xC0, 0xC2, 0xC3):
        return {0xC0: None, 0xC2: False, 0xC3: True}[code], at
    if 0xCC <= code <= 0xCF:
        width = 1 << (code - 0xCC)
        number, at = _number(data, at, width)
        if number > MAX_INT or number < (128 if width == 1 else 256 ** (width // 2)):
            raise ValueError("integer too large, or its header too long")
        return number, at
    if 0xA0 <= code <= 0xBF:
        length = code - 0xA0
    elif 0xD9 <= code <= 0xDB:
        length, at = _length(data, at, 1 << (code - 0xD9), 32 if code == 0xD9 else 256)
    elif 0xC4 <= code <= 0xC6:
        length, at = _length(data, at, 1 << (code - 0xC4), 0 if code == 0xC4 else 256)
        return _take(data, at, length)
    elif 0x90 <= code <= 0x9F or code in (0xDC, 0xDD):
        return _read_array(data, at, code, depth)
    else:
        raise ValueError(f"no value of the profile starts with {code:02x}")
    text, at = _take(data, at, length)
    return text.decode("utf-8"), at


def _read_array(data: bytes, at: int, code: int, depth: int) -> tuple[tuple[Any, ...], int]:
    if code < 0xA0:
        length = code - 0x90
    else:
        length, at = _length(data, at, 2 << (code - 0xDC), 16)
    if depth == MAX_DEPTH or length > MAX_ARRAY:
        raise ValueError("an array too deep or too long")
    elements = []
    for _ in range(length):
        element, at = _read(data, at, depth + 1)
        elements.append(element)
    return tuple(elements), at


def _length(data: bytes, at: int, width: int, least: int) -> tuple[int, int]:
    """Read a length that the next shorter header could not have held."""
    number, at = _number(data, at, width)
    if number < (least if width < 4 else 65_536):
        raise ValueError("the header of a length is too long")
    return number, at


def _number(data: bytes, at: int, width: int) -> tuple[int, int]:
    digits, at = _take(data, at, width)
    return int.from_bytes(digits), at


def _take(data: bytes, at: int, length: int) -> tuple[bytes, int]:
    if len(data) - at < length:
        raise ValueError("the bytes end too early")
    return data[at : at + length], at + length


def _good() -> Iterator[tuple[str, Any]]:
    """Yield values with a description."""
    yield from (("nil", None), ("false", False), ("true", True))
    for number in (0, 1, 127, 128, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, MAX_INT):
        yield f"integer {number}", number
    for length in (0, 1, 31, 32, 255, 256):
        yield f"str of {length} bytes", "a" * length
        yield f"bin of {length} bytes", bytes(length)
    for text in ("\0", "\x7f", "\u00e9", "\uffff", "\u4e2d\u6587", "\U0001f600", "\U0010ffff", "e\u0301"):
        yield f"str of U+{ord(text[-1]):04X}", text
    for length in (0, 1, 15, 16, MAX_ARRAY):
        yield f"array of {length}", [None] * length
    yield "array nested 8 deep", [[[[[[[[]]]]]]]]
    yield "scalar 8 deep", [[[[[[[[1]]]]]]]]
    yield "each kind", [None, False, 7, "text", b"bytes", ["nested", [2**40]]]
    yield "equal bytes as str and bin", ["00", b"00"]


# Hexadecimal, then the description; an empty first field is no bytes at all.
_BAD = """
 | nothing
c0c0 | nil twice
910100 | byte after an array
a16100 | byte after a str
cc | truncated integer of 1 byte
cd01 | truncated integer of 2 bytes
ce000100 | truncated integer of 4 bytes
cf00000001000000 | truncated integer of 8 bytes
a261 | truncated fixstr
d9 | truncated str 8 header
d92061 | truncated str 8
c4 | truncated bin 8 header
c40200 | truncated bin 8
9201 | truncated array
dc00 | truncated array 16 header
9191 | truncated nested array
cc00 | 0 in 1 byte
cc7f | 127 in 1 byte
cd0000 | 0 in 2 bytes
cd00ff | 255 in 2 bytes
ce00000100 | 256 in 4 bytes
ce0000ffff | 65,535 in 4 bytes
cf0000000000010000 | 65,536 in 8 bytes
cf00000000ffffffff | 2^32-1 in 8 bytes
d005 | 5 as a signed integer of 1 byte
d100c8 | 200 as a signed integer of 2 bytes
d200000005 | 5 as a signed integer of 4 bytes
d30000010000000000 | 2^40 as a signed integer of 8 bytes
cf0020000000000000 | integer 2^53
cfffffffffffffffff | integer 2^64-1
ff | integer -1
e0 | integer -32
d0df | integer -33
d38000000000000000 | integer -2^63
ca00000000 | float 0 of 4 bytes
ca3f800000 | float 1 of 4 bytes
cb3ff0000000000000 | float 1 of 8 bytes
cb8000000000000000 | float -0 of 8 bytes
cb7ff8000000000000 | float NaN
9301cb3ff0000000000000c0 | float in an array
80 | empty map
81a16101 | map
de0000 | map 16
df00000000 | map 32
82a16101a16102 | map with a key twice
9180 | map in an array
81c080 | map in a map
d40100 | extension of 1 byte
d5010000 | extension of 2 bytes
d60100000000 | extension of 4 bytes
d7010000000000000000 | extension of 8 bytes
d80100000000000000000000000000000000 | extension of 16 bytes
c70001 | extension of no bytes, ext 8
c8000001 | extension of no bytes, ext 16
c90000000001 | extension of no bytes, ext 32
c70301000000 | extension of 3 bytes
91c70001 | extension in an array
d6ff00000000 | timestamp 32
d7ff0000000000000000 | timestamp 64
c70cff000000000000000000000000 | timestamp 96
c700ff | timestamp of no bytes
c1 | byte c1, which is never used
a180 | str with a lone continuation byte
a2c080 | str with an overlong NUL
a3e080af | str with an overlong slash
a3eda080 | str with a surrogate
a6eda081edb080 | str with a surrogate pair
a4f4908080 | str with a character beyond U+10FFFF
a1ff | str with byte ff
a361e4b8 | str with a cut character
a3e96161 | str in Latin-1
dbffffffff | str 32 announcing 2^32-1
c6ffffffff | bin 32 announcing 2^32-1
ddffffffff | array 32 announcing 2^32-1
dfffffffff | map 32 announcing 2^32-1
c9ffffffff | ext 32 announcing 2^32-1
dc1000c0 | array announcing more than follows
"""


def _bad() -> Iterator[tuple[str, str]]:
    """Yield hexadecimal with a description."""
    for line in _BAD.strip("\n").split("\n"):
        digits, _, desc = line.partition(" | ")
        yield desc, digits
    for kind, shorter, header, length in (
        ("str 8", "fixstr", "d9", 0),
        ("str 8", "fixstr", "d9", 31),
        ("str 16", "fixstr", "da00", 0),
        ("str 16", "str 8", "da00", 255),
        ("str 32", "str 8", "db000000", 32),
        ("str 32", "str 16", "db0000", 256),
        ("bin 16", "bin 8", "c500", 0),
        ("bin 16", "bin 8", "c500", 255),
        ("bin 32", "bin 8", "c6000000", 0),
        ("bin 32", "bin 16", "c60000", 256),
        ("array 16", "fixarray", "dc00", 0),
        ("array 16", "fixarray", "dc00", 15),
        ("array 32", "fixarray", "dd000000", 0),
        ("array 32", "array 16", "dd000000", 16),
    ):
        digits = f"{length:02x}" if length < 256 else f"{length:04x}"
        yield f"{kind} of length {length}, where {shorter} would do", header + digits + "61" * length
    yield f"array of {MAX_ARRAY + 1}", f"dc{MAX_ARRAY + 1:04x}" + "c0" * (MAX_ARRAY + 1)
    yield "arrays announcing 4096 each, nested", "dc1000" * 64
    yield from (("array nested 9 deep", "91" * 8 + "90"), ("scalar 9 deep", "91" * 9 + "01"))
    yield from (("array nested 600 deep", "91" * 600 + "90"), ("array nested 3000 deep", "91" * 3000 + "90"))
    yield "array nested 3000 deep, cut", "91" * 3000


def _rendered(value: Any) -> Any:
    match value:
        case bytes():
            return {"bin": value.hex()}
        case list():
            return [_rendered(element) for element in value]
    return value


def vectors() -> list[dict[str, Any]]:
    """Return all vectors, each confirmed by the reader above."""
    made: list[dict[str, Any]] = []
    for desc, value in _good():
        data = encode(value)
        if encode(decode(data)) != data:
            raise ValueError(f"not canonical after all: {desc}")
        made.append({"desc": desc, "hex": data.hex(), "ok": True, "value": _rendered(value)})
    for desc, digits in _bad():
        try:
            decode(bytes.fromhex(digits))
        except ValueError:
            made.append({"desc": desc, "hex": digits, "ok": False})
        else:
            raise ValueError(f"canonical after all: {desc}")
    return made


def render() -> str:
    """Return the file: one vector a line."""
    return one_a_line(vectors())


def main(arguments: list[str]) -> int:
    """Write the file, or compare it."""
    return write_or_check(TARGET, render, __doc__, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
