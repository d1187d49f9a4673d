"""The fast look at records and entries: it accepts exactly what the decoders accept, and says what they say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.worlds import busy_world
from creditledger.audit import forms
from creditledger.audit.forms import read_entry, read_record
from creditledger.codec.canonical import decode_fast, encode_fast
from creditledger.errors import FormatError
from creditledger.record.entry import decode_entry
from creditledger.record.record import decode_record

RECORDS = busy_world().records
ENTRIES = [decode_record(record).entry for record in RECORDS]


def verdict(function: Any, data: bytes) -> tuple[str, str]:
    """Whether the function accepts the bytes, or what it says against them."""
    try:
        function(data)
    except FormatError as error:
        return type(error).__name__, str(error)
    return "accepted", ""


def leaves(value: Any) -> int:
    """How many places a value has at which something else could stand."""
    return 1 + (sum(map(leaves, value)) if isinstance(value, tuple) else 0)


def replaced(value: Any, place: int, by: Any) -> Any:
    """The value with something else at the place."""
    if place == 0:
        return by
    place -= 1
    members = list(value)
    for index, member in enumerate(members):
        size = leaves(member)
        if place < size:
            members[index] = replaced(member, place, by)
            break
        place -= size
    return tuple(members)


ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, 1, -1, 2**53 - 1, 2**53, 2**64 - 1]),
    st.floats(allow_nan=False),
    st.sampled_from(["", "a", "A", "district", "2026-03-02", "2026-02-30", "x" * 65, "listing.add/1", "no such/1"]),
    st.sampled_from([b"", bytes(16), bytes(32), b"\x01" + bytes(32), bytes(33), bytes(64)]),
    st.sampled_from([(), ((),), ("a",), ("b", "a"), ("a", "a"), (None, 0), ("handle", bytes(32)), ("handle", "x")]),
)


def test_every_honest_record_is_accepted() -> None:
    for record, entry in zip(RECORDS, ENTRIES, strict=True):
        assert read_record(record)[1:] == tuple(decode_record(record))
        assert read_entry(entry) == decode_fast(entry, len(entry))


@settings(max_examples=600, deadline=None)
@given(number=st.integers(0, len(ENTRIES) - 1), place=st.integers(0, 10_000), by=ANYTHING)
def test_an_entry_with_something_else_in_one_place(number: int, place: int, by: Any) -> None:
    raw = decode_fast(ENTRIES[number], 60_000)
    data = encode_fast(replaced(raw, place % leaves(raw), by))
    assert verdict(read_entry, data) == verdict(decode_entry, data)


@settings(max_examples=200, deadline=None)
@given(number=st.integers(0, len(RECORDS) - 1), place=st.integers(0, 100), by=ANYTHING)
def test_a_record_with_something_else_in_one_place(number: int, place: int, by: Any) -> None:
    raw = decode_fast(RECORDS[number], 65_535)
    data = encode_fast(replaced(raw, place % leaves(raw), by))
    assert verdict(read_record, data) == verdict(decode_record, data)


@settings(max_examples=300, deadline=None)
@given(number=st.integers(0, len(ENTRIES) - 1), at=st.integers(0, 100_000), byte=st.integers(0, 255))
def test_an_entry_with_a_byte_changed(number: int, at: int, byte: int) -> None:
    data = bytearray(ENTRIES[number])
    data[at % len(data)] = byte
    assert verdict(read_entry, bytes(data)) == verdict(decode_entry, bytes(data))


@given(data=st.binary(max_size=60))
def test_any_bytes(data: bytes) -> None:
    assert verdict(read_entry, data) == verdict(decode_entry, data)
    assert verdict(read_record, data) == verdict(decode_record, data)


def test_an_entry_with_elements_too_many() -> None:
    """The acts stand at the tenth place; what follows them is not taken for sound because they are."""
    raw = decode_fast(ENTRIES[-1], 60_000)
    for data in map(encode_fast, ((*raw, ()), (*raw[:9], raw[9], raw[9]), raw[:9])):
        assert verdict(read_entry, data) == verdict(decode_entry, data)
        assert verdict(read_entry, data)[0] == "FormatError"


def test_what_was_found_good_is_not_remembered_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "_MAX_REMEMBERED", 3)
    raw = decode_fast(ENTRIES[-1], 60_000)
    act = raw[9][0]
    place = act.index("2026-03-02")
    for month in range(1, 13):
        changed = (*act[:place], f"2025-{month:02}-01", *act[place + 1 :])
        read_entry(encode_fast((*raw[:9], (changed,))))
    assert all(len(known) <= 3 for kind, known in forms._known.items() if kind == "date")
