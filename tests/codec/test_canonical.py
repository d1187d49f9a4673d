"""The canonical profile against its vectors, and against the independent reader of tools/make_codec_vectors.py."""

from __future__ import annotations

import json
import runpy
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from creditledger.codec.canonical import MAX_ARRAY, MAX_INT, decode, decode_fast, encode, encode_fast
from creditledger.errors import FormatError

ROOT = Path(__file__).parents[2]
VECTORS_FILE = ROOT / "src/creditledger/spec/vectors/codec.json"
VECTORS: list[dict[str, Any]] = json.loads(VECTORS_FILE.read_text())
NAIVE = runpy.run_path(str(ROOT / "tools/make_codec_vectors.py"))
LIMIT = 65_535

scalars = st.none() | st.booleans() | st.integers(0, MAX_INT) | st.text(max_size=40) | st.binary(max_size=300)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=20), max_leaves=30).filter(
    lambda value: depth(value) <= 8
)


def depth(value: Any) -> int:
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


def tuples(value: Any) -> Any:
    return tuple(map(tuples, value)) if isinstance(value, list) else value


def from_json(value: Any) -> Any:
    if isinstance(value, dict):
        return bytes.fromhex(value["bin"])
    return tuple(map(from_json, value)) if isinstance(value, list) else value


def verdict(decoder: Callable[[bytes], Any], data: bytes) -> str:
    """The value, types and all, or "refused"; any other exception is a failure."""
    try:
        return repr(decoder(data))
    except (FormatError, UnicodeDecodeError):
        return "refused"
    except ValueError:
        return "refused" if decoder is NAIVE["decode"] else "a bare ValueError"


def assert_agree(data: bytes) -> None:
    expected = verdict(NAIVE["decode"], data)
    assert verdict(lambda data: decode(data, LIMIT), data) == expected
    if expected != "refused":
        assert encode(decode(data, LIMIT)) == data
        assert repr(decode_fast(data, LIMIT)) == expected


def test_vectors_are_what_the_script_makes() -> None:
    assert VECTORS_FILE.read_text() == NAIVE["render"]()
    assert len({vector["desc"] for vector in VECTORS}) == len(VECTORS)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["desc"])
def test_vector(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["hex"])
    if vector["ok"]:
        value = from_json(vector["value"])
        assert repr(decode(data, LIMIT)) == repr(value)
        assert encode(value) == data
    else:
        with pytest.raises(FormatError):
            decode(data, LIMIT)


@given(values)
def test_round_trip(value: Any) -> None:
    data = encode(value)
    assert repr(decode(data, LIMIT)) == repr(tuples(value))
    assert repr(decode_fast(data, LIMIT)) == repr(tuples(value))
    assert data == NAIVE["encode"](value) == encode_fast(value)


@given(st.lists(st.none() | st.integers(0, 200), min_size=0, max_size=40), st.data())
def test_a_value_has_no_second_encoding(value: list[Any], data: st.DataObject) -> None:
    """Widening any one header keeps the value for a lax reader, and is refused here."""
    other = data.draw(st.sampled_from(["dd", "dc"]))
    width = 4 if other == "dd" else 2
    canonical = encode(value)
    body = canonical[1 if len(value) < 16 else 3 :]
    widened = bytes.fromhex(other) + len(value).to_bytes(width) + body
    if widened != canonical:
        with pytest.raises(FormatError, match="not canonical"):
            decode(widened, LIMIT)


@settings(max_examples=400)
@given(values, st.data())
def test_mutated_bytes_have_the_verdict_of_the_naive_reader(value: Any, data: st.DataObject) -> None:
    mutated = bytearray(encode(value))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(mutated)))
        change = data.draw(st.sampled_from(["replace", "insert", "delete", "truncate"]))
        if change == "insert":
            mutated.insert(at, data.draw(st.integers(0, 255)))
        elif change == "truncate":
            del mutated[at:]
        elif at < len(mutated) and change == "replace":
            mutated[at] = data.draw(st.integers(0, 255))
        elif at < len(mutated):
            del mutated[at]
    assert_agree(bytes(mutated))


HEADERS = [*range(0x78, 0xA3), *range(0xC0, 0x100), 0, 1, 2, 0x20, 0x61]


@settings(max_examples=400)
@given(st.lists(st.sampled_from(HEADERS), max_size=40).map(bytes))
@example(b"\x91" * 8 + b"\x90")
@example(b"\xdc\x10\x00" * 3000)
@example(b"\x91" * 60_000)
@example(b"\x81" * 60_000)
@example(b"\xc7\x00" * 30)
def test_streams_of_headers_have_the_verdict_of_the_naive_reader(data: bytes) -> None:
    assert_agree(data)


@given(st.binary(max_size=60))
def test_random_bytes_have_the_verdict_of_the_naive_reader(data: bytes) -> None:
    assert_agree(data)


@pytest.mark.parametrize("code", range(256))
def test_every_first_byte_has_the_verdict_of_the_naive_reader(code: int) -> None:
    for filler in (b"", b"\0", b"\x01", b"\x20", b"a" * 32, b"\xc0" * 300, b"\0" * 16, b"\xff" * 16):
        assert_agree(bytes([code]) + filler)


class Colour(IntEnum):
    RED = 1


class Word(StrEnum):
    RED = "red"


class Pair(NamedTuple):
    left: str
    right: list[int]


LOOP: list[Any] = []
LOOP.append(LOOP)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (1.0, "float"),
        (-1, "outside"),
        (2**53, "outside"),
        (10**400, "outside"),
        ({}, "dict"),
        ({1}, "set"),
        (bytearray(b"x"), "bytearray"),
        (memoryview(b"x"), "memoryview"),
        (Colour.RED, "Colour"),
        (Word.RED, "Word"),
        (object(), "object"),
        (iter(()), "tuple_iterator"),
        ("\ud800", "surrogate"),
        (LOOP, "nested"),
        ([None] * (MAX_ARRAY + 1), "4097"),
        ([1, ["x", [2, 0.5]]], r"^\[1\]\[1\]\[1\]: a value of type float"),
    ],
)
def test_encode_refuses_what_lies_outside_the_profile(value: object, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        encode(value)


def test_encode_takes_named_tuples_as_arrays() -> None:
    assert encode(Pair("a", [1])) == encode(["a", [1]])


def test_size_is_bounded_before_anything_is_parsed() -> None:
    data = encode([b"x" * 100])
    assert decode(data, len(data)) == (b"x" * 100,)
    with pytest.raises(FormatError, match=f"{len(data)} bytes, where at most {len(data) - 1}"):
        decode(data, len(data) - 1)
    with pytest.raises(FormatError, match="at most 10"):
        decode_fast(b"\xc1" * 11, 10)


@pytest.mark.parametrize("announced", [MAX_ARRAY, 59_000])
def test_announced_but_missing_elements_cost_little_memory(announced: int) -> None:
    hostile = (b"\xdc" + announced.to_bytes(2)) * 20_000
    tracemalloc.start()
    try:
        with pytest.raises(FormatError):
            decode(hostile, LIMIT)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # 1,024 levels of the parser's stack, each a tuple of 4,096 pointers.
    assert peak < 40_000_000


def test_arrays_are_bounded_at_both_doors() -> None:
    for decoder in (decode, decode_fast):
        assert decoder(encode_fast([None] * MAX_ARRAY), LIMIT) == (None,) * MAX_ARRAY
        with pytest.raises(FormatError, match="4096 elements"):
            decoder(encode_fast([None] * (MAX_ARRAY + 1)), LIMIT)


def test_messages_say_where() -> None:
    with pytest.raises(FormatError, match=r"^\[1\]\[0\]: an integer outside"):
        decode(bytes.fromhex("920191d0df"), LIMIT)
    with pytest.raises(FormatError, match="from byte 2 on"):
        decode(bytes.fromhex("9201d90161"), LIMIT)
    with pytest.raises(FormatError, match="ends at byte 1"):
        decode(bytes.fromhex("c0c0c0"), LIMIT)


def test_fast_decoding_leaves_only_what_a_schema_can_tell_apart() -> None:
    assert decode_fast(encode_fast([1.5, -1, 2**63]), LIMIT) == (1.5, -1, 2**63)
    for refused in ("80", "81c0c0", "c70001", "d40100", "d6ff00000000", "d90161"):
        with pytest.raises(FormatError):
            decode_fast(bytes.fromhex(refused), LIMIT)


def test_one_packer_serves_many_threads() -> None:
    samples = [[number, "x" * number, bytes(number)] for number in range(200)]
    expected = [NAIVE["encode"](sample) for sample in samples]

    def work(_: int) -> list[bytes]:
        return [encode_fast(sample) for sample in samples]

    with ThreadPoolExecutor(8) as pool:
        assert all(result == expected for result in pool.map(work, range(40)))
