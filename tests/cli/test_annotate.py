"""Byte by byte: every byte of every record is explained, once, and by the right name."""

from __future__ import annotations

from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.bench import Bench
from creditledger.acts.registry import type_of
from creditledger.cli.annotate import Part, annotate, begins
from creditledger.codec.canonical import encode
from creditledger.errors import FormatError
from creditledger.ledger.ledger import Ledger
from creditledger.record.entry import restore_entry
from creditledger.record.record import decode_record

values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2**53 - 1) | st.text(max_size=300) | st.binary(max_size=300),
    lambda inner: st.lists(inner, max_size=20).map(tuple),
    max_leaves=30,
)


def covers_exactly(parts: list[Part], record: bytes) -> None:
    at = 0
    for part in parts:
        assert part.offset == at, "a gap, or a byte explained twice"
        assert part.data, "a part of no bytes"
        assert part.data == record[part.offset : part.end]
        assert part.meaning
        assert part.path
        at = part.end
    assert at == len(record)


def test_every_byte_of_every_record_is_explained_once(demo: Bench) -> None:
    with Ledger.open(demo.ledger) as ledger:
        for _, record in ledger.records():
            covers_exactly(annotate(record), record)


def test_every_field_of_every_act_is_named(demo: Bench) -> None:
    with Ledger.open(demo.ledger) as ledger:
        for _, record in ledger.records():
            paths = {part.path for part in annotate(record)}
            for index, act in enumerate(restore_entry(decode_record(record).entry).acts):
                for name, _ in type_of(act).fields:
                    assert f"entry.acts[{index}].{name}" in paths


def test_what_is_shown_is_what_stands_there(demo: Bench) -> None:
    with Ledger.open(demo.ledger) as ledger:
        data = next(ledger.records(demo.story.events[3].record))[1]
    record = decode_record(data)
    entry = restore_entry(record.entry)
    by_path: dict[str, list[Part]] = {}
    for part in annotate(data):
        by_path.setdefault(part.path, []).append(part)

    def last(path: str) -> Part:
        return by_path[path][-1]

    assert last("prev").data == record.prev
    assert last("entry.ledger_id").data == entry.ledger_id
    assert last("entry.authority").meaning == f'"{entry.authority}"'
    assert [part.data for part in by_path["entry.key"]] == [b"\xc4\x21", b"\x01", entry.key[1:]]
    assert last("entry.acts[0].list").meaning == '"judgment-defaulters"'
    subject, _ = demo.story.subjects["a firm whose listing was quashed"]
    assert last("entry.acts[0].subject.value").data == str(subject.value).encode()
    assert str(record.recorded_at) in last("recorded_at").meaning
    assert "17 February 2023, 01:00:02 UTC" in last("recorded_at").meaning
    assert last("signatures[0]").data == record.signatures[0]
    assert last("entry.seen").meaning.startswith("nil")


@given(values)
def test_whatever_is_encoded_is_covered_even_if_it_is_no_record(value: Any) -> None:
    data = encode(value)
    covers_exactly(annotate(data), data)


@given(st.lists(values, min_size=6, max_size=6).map(tuple), values)
def test_a_record_of_another_shape_is_covered(fields: tuple[Any, ...], entry: Any) -> None:
    data = encode((*fields[:4], encode(entry), fields[5]))
    covers_exactly(annotate(data), data)


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x81\x01\x02", b"\xd9\x01a", b"\x92\x01", b"\x01\x02"])
def test_what_is_not_the_one_encoding_of_a_value_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        annotate(data)


@pytest.mark.parametrize("byte", range(256))
def test_what_a_byte_begins_agrees_with_the_parser(byte: int) -> None:
    """The parser of another package is the judge: the byte, followed by zeros enough, is read as what was said."""
    said = begins(byte)
    try:
        unpacker = msgpack.Unpacker(strict_map_key=False, timestamp=0)
        unpacker.feed(bytes((byte,)) + bytes(70_000))
        value = unpacker.unpack()
    except (msgpack.FormatError, ValueError):
        value = Ellipsis
    if value is None or isinstance(value, bool):
        assert said == {None: "nil", True: "true", False: "false"}[value]
    elif isinstance(value, float) or value is Ellipsis:
        assert said.startswith(("a float", "nothing", "a negative number or an extension"))
    elif isinstance(value, int):
        assert said.startswith(f"the number {value}" if byte < 0x80 else ("a number in", "a negative number"))
    else:
        kinds = {str: "text", bytes: "bytes", list: "array", dict: "map", msgpack.ExtType: "negative"}
        assert said.removeprefix("an ").removeprefix("a ").startswith(kinds[type(value)])


def test_another_byte_reads_as_what_it_would_mean() -> None:
    record = encode((1, 500, "text of more than thirty-one bytes, in all", b"\x01\x02", None, ()))
    said = {(part.kind, part.path): part for part in annotate(record)}
    assert said["header", "record"].reading(b"\x97") == "an array of 7"
    assert said["number", "seq"].reading(b"\x02\x00") == "the number 512"
    text = next(part for part in annotate(record) if part.kind == "text")
    assert text.reading(b"\xff" + text.data[1:]).startswith('"\ufffdext')
    header = next(part for part in annotate(record) if part.end == text.offset)
    assert header.reading(b"\xd9\x20") == "text of 32 bytes"
    assert header.reading(b"\xc0\x29") == "nil"
