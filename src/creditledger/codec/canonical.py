"""The canonical profile of MessagePack: every value has exactly one encoding, and only that one is accepted.

    values     nil, bool, int 0 … 2^53-1, str (UTF-8), bin, array of values
    arrays     at most 4,096 elements, nested at most 8 deep (an empty array is 1 deep, a bare scalar 0)
    headers    the shortest that MessagePack offers for the value
    never      maps, floats, negative or larger integers, extension types, timestamps, bytes after the value

Integers stop at 2^53-1 so that a browser, whose numbers are doubles, reads them exactly. The limits on arrays bound
what a decoder has to reserve for headers that announce more than follows.

Decoding is: bound the size, parse, encode again, compare (`encode(decode(b)) == b`). There are two doors:

    `decode`, `encode`            complete: they also walk over the value and check types, ranges and depth
    `decode_fast`, `encode_fast`  without the walk, for callers who check each element themselves, or made it themselves

The source is the MessagePack specification (github.com/msgpack/msgpack, spec.md). The `msgpack` package promises no
canonical form, hence the comparison. The profile's vectors are `spec/vectors/codec.json`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from msgpack import Packer, unpackb
from msgpack.exceptions import ExtraData, StackError

from creditledger.errors import FormatError

MAX_INT = 2**53 - 1
MAX_ARRAY = 4096
MAX_DEPTH = 8

_PLAIN = frozenset({type(None), bool, str, bytes})

_CLUES = {
    "incomplete": "the bytes end before the value does",
    "max_array_len": f"an array announces more than {MAX_ARRAY} elements, or more than there are bytes",
    "max_map_len": "a map; only nil, bool, int, str, bin, array are allowed",
    "max_ext_len": "an extension type; only nil, bool, int, str, bin, array are allowed",
}
"""What the parser's messages mean."""

# One packer serves all threads: it never lets go of the interpreter while it packs, and it starts afresh each time.
encode_fast: Callable[[object], bytes] = Packer(use_bin_type=True).pack
"""Encode a value that is already known to lie in the profile (lists and tuples become arrays); nothing is checked."""


def encode(value: object) -> bytes:
    """Return the one encoding of a value.

    Args:
        value: None, bool, int, str, bytes, or a list or tuple (a named one too) of such values. Other subclasses, an
            `IntEnum` for example, are refused: what they stand for is not theirs to decide.

    Raises:
        FormatError: the value lies outside the profile; the message says what and where, as in
            `[9][0]: a value of type float`.
    """
    _check_value(value)
    try:
        return encode_fast(value)
    except UnicodeEncodeError as error:
        raise FormatError("a text holds a lone surrogate, which UTF-8 cannot express") from error


def decode(data: bytes, limit: int) -> Any:
    """Return the value that the bytes are the one encoding of; arrays come back as tuples.

    Args:
        data: the encoding, from anywhere.
        limit: the most bytes that it may have; checked first.

    Raises:
        FormatError: it is larger, not MessagePack, outside the profile, or not canonical; the message says where.
    """
    value = decode_fast(data, limit)
    _check_value(value)
    return value


def decode_fast(data: bytes, limit: int) -> Any:
    """Decode without the walk over the value: for hot paths whose schema looks at every single element.

    What comes back consists of None, bool, int, float, str, bytes and tuples, and encodes to `data` exactly. The
    caller's schema still has to refuse floats, integers outside 0 … 2^53-1 and deep nesting. It must therefore compare
    types exactly (`type(x) is int`, which no bool passes) and know the length of every array.

    Raises:
        FormatError: as for `decode`, but for the kinds of value and the depth.
    """
    if len(data) > limit:
        raise FormatError(f"{len(data)} bytes, where at most {limit} are allowed")
    try:
        value = unpackb(
            data,
            use_list=False,
            max_array_len=MAX_ARRAY,
            max_map_len=0,
            max_ext_len=0,
            object_hook=_refuse_map,
            ext_hook=_refuse_extension,
        )
        again = encode_fast(value)
    except ValueError as error:
        raise FormatError(_unreadable(data, error)) from error
    if again != data:
        pairs = enumerate(zip(data, again, strict=False))
        at = next((index for index, (found, canonical) in pairs if found != canonical), min(len(data), len(again)))
        raise FormatError(f"not canonical: the only encoding of this value differs from byte {at} on")
    return value


def _check_value(value: object) -> None:
    """Check types, ranges, lengths and depth of a whole value."""
    try:
        _check_elements((value,), 0)
    except FormatError as error:
        # The index within the wrapping tuple is not part of the path.
        raise FormatError(str(error).removeprefix("[0]").removeprefix(": ")) from None


def _check_elements(array: tuple[Any, ...] | list[Any], depth: int) -> None:
    """Check the elements of an array that is itself `depth` deep; the message of an error starts with the path."""
    for element in array:
        kind = type(element)
        if kind in _PLAIN or (kind is int and 0 <= element <= MAX_INT):
            continue
        try:
            _check_nested(element, depth)
        except FormatError as error:
            index = next(index for index, candidate in enumerate(array) if candidate is element)
            raise FormatError(f"[{index}]{error}") from None


def _check_nested(element: object, depth: int) -> None:
    """Check an element that can only be right if it is an array."""
    if type(element) is int:
        raise FormatError(": an integer outside 0 to 2^53-1")
    if not isinstance(element, (tuple, list)):
        raise FormatError(
            f": a value of type {type(element).__name__}; only nil, bool, int, str, bin, array may stand here"
        )
    if depth == MAX_DEPTH:
        raise FormatError(f": arrays nested more than {MAX_DEPTH} deep")
    if len(element) > MAX_ARRAY:
        raise FormatError(f": an array of {len(element)} elements, where {MAX_ARRAY} are allowed")
    _check_elements(element, depth + 1)


def _refuse_map(_map: dict[Any, Any]) -> NoReturn:
    raise ValueError("max_map_len")


def _refuse_extension(_code: int, _data: bytes) -> NoReturn:
    raise ValueError("max_ext_len")


def _unreadable(data: bytes, error: ValueError) -> str:
    """Say in this profile's words why the parser gave up."""
    if isinstance(error, ExtraData):
        return f"{len(error.extra)} more after the value, which ends at byte {len(data) - len(error.extra)}"
    if isinstance(error, StackError):
        return f"arrays nested more than {MAX_DEPTH} deep"
    if isinstance(error, UnicodeDecodeError):
        return f"a text is not valid UTF-8: {error.reason} at its byte {error.start}"
    for clue, meaning in _CLUES.items():
        if clue in str(error):
            return meaning
    return f"not MessagePack: {str(error) or 'a byte that starts no value'}"
