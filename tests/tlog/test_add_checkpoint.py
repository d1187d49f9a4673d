"""Requests to witnesses: what the specification shows, every other spelling, and the answer that says a size."""

from __future__ import annotations

from base64 import b64decode, b64encode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from creditledger.errors import FormatError, LedgerError
from creditledger.tlog.add_checkpoint import MAX_REQUEST_BYTES, AddCheckpoint, format_size, parse_size
from creditledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from creditledger.tlog.note import MAX_NOTE_BYTES, NoteSigner

HASHES = (bytes(32), b"\xff" * 32, bytes(range(32)))
NOTE = sign_checkpoint(Checkpoint("log.example", 9, bytes(32)), NoteSigner("log.example", bytes(32)))
GOOD = AddCheckpoint(7, HASHES, NOTE)
DATA = GOOD.to_bytes()
HEAD = DATA.removesuffix(NOTE)
HASH = b64encode(HASHES[1])

# The head of the example of c2sp.org/tlog-witness.
EXAMPLE = b"""\
old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

"""


def test_the_example_of_the_specification_is_read_and_written() -> None:
    request = AddCheckpoint.from_bytes(EXAMPLE + NOTE)
    assert request.old == 20852014
    assert request.proof[3] == b64decode("/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=")
    assert request.checkpoint == NOTE
    assert request.to_bytes() == EXAMPLE + NOTE


def test_the_first_request_says_old_0_and_has_no_proof() -> None:
    request = AddCheckpoint(0, (), NOTE)
    assert request.to_bytes() == b"old 0\n\n" + NOTE
    assert AddCheckpoint.from_bytes(request.to_bytes()) == request


SPELLINGS = {
    "nothing": b"",
    "only-the-checkpoint": NOTE,
    "only-the-head": HEAD,
    "head-without-its-empty-line": HEAD[:-1] + NOTE,
    "two-empty-lines": HEAD + b"\n" + NOTE,
    "line-before": b"\n" + DATA,
    "byte-order-mark": b"\xef\xbb\xbf" + DATA,
    "carriage-returns": HEAD.replace(b"\n", b"\r\n") + NOTE,
    "old-missing": DATA.replace(b"old 7\n", b""),
    "old-without-its-word": DATA.replace(b"old 7\n", b"7\n"),
    "old-empty": DATA.replace(b"old 7", b"old "),
    "old-twice": b"old 7\n" + DATA,
    "old-after-the-proof": HEAD.replace(b"old 7\n", b"")[:-1] + b"old 7\n\n" + NOTE,
    "old-in-capitals": DATA.replace(b"old 7", b"OLD 7"),
    "old-without-a-space": DATA.replace(b"old 7", b"old7"),
    "old-with-two-spaces": DATA.replace(b"old 7", b"old  7"),
    "old-with-a-tab": DATA.replace(b"old 7", b"old\t7"),
    "old-with-a-space-after": DATA.replace(b"old 7", b"old 7 "),
    "old-with-a-zero-before": DATA.replace(b"old 7", b"old 07"),
    "old-of-two-zeros": DATA.replace(b"old 7", b"old 00"),
    "old-with-a-sign": DATA.replace(b"old 7", b"old +7"),
    "old-negative": DATA.replace(b"old 7", b"old -7"),
    "old-in-other-digits": DATA.replace(b"old 7", "old \u0667".encode()),
    "old-superscript": DATA.replace(b"old 7", "old ²".encode()),
    "old-beyond-the-largest-size": DATA.replace(b"old 7", b"old 9007199254740992"),
    "old-endless": DATA.replace(b"old 7", b"old " + b"9" * 2000),
    "hash-of-31-bytes": DATA.replace(HASH, b64encode(bytes(31))),
    "hash-of-33-bytes": DATA.replace(HASH, b64encode(bytes(33))),
    "hash-without-padding": DATA.replace(HASH, HASH[:-1]),
    "hash-with-unused-bits": DATA.replace(HASH, HASH[:-2] + b"9="),
    "hash-in-url-alphabet": DATA.replace(HASH, HASH.replace(b"/", b"_")),
    "hash-with-a-space-after": DATA.replace(HASH, HASH + b" "),
    "64-hashes": b"old 7\n" + (b64encode(bytes(32)) + b"\n") * 64 + b"\n" + NOTE,
    "octets-that-are-not-ascii": DATA.replace(HASH, b"\xff" * 44),
    "no-end-in-sight": b"old 7\n" + b"x" * 100_000,
    "checkpoint-too-large": HEAD + bytes(MAX_NOTE_BYTES + 1),
    "too-large": DATA + bytes(MAX_REQUEST_BYTES),
}


@pytest.mark.parametrize("data", SPELLINGS.values(), ids=SPELLINGS)
def test_another_spelling_is_refused(data: bytes) -> None:
    assert data != DATA
    with pytest.raises(FormatError) as caught:
        AddCheckpoint.from_bytes(data)
    assert len(str(caught.value)) < 500


def test_the_bounds_themselves_are_allowed() -> None:
    largest = AddCheckpoint(2**53 - 1, (bytes(32),) * 63, b"x" * MAX_NOTE_BYTES)
    data = largest.to_bytes()
    assert len(data) == MAX_REQUEST_BYTES
    assert AddCheckpoint.from_bytes(data) == largest


@pytest.mark.parametrize(
    "request_",
    [
        AddCheckpoint(-1, (), NOTE),
        AddCheckpoint(2**53, (), NOTE),
        AddCheckpoint(7, (bytes(31),), NOTE),
        AddCheckpoint(7, (bytes(32),) * 64, NOTE),
        AddCheckpoint(7, (), b""),
        AddCheckpoint(7, (), b"\n"),
        AddCheckpoint(7, (), bytes(MAX_NOTE_BYTES + 1)),
    ],
    ids=range(7),
)
def test_what_could_not_be_read_back_is_not_written(request_: AddCheckpoint) -> None:
    with pytest.raises(FormatError):
        request_.to_bytes()


@given(st.integers(0, 2**53 - 1), st.lists(st.binary(min_size=32, max_size=32), max_size=63), st.binary(max_size=80))
def test_every_request_is_read_back(old: int, proof: list[bytes], rest: bytes) -> None:
    request = AddCheckpoint(old, tuple(proof), b"x" + rest)
    assert AddCheckpoint.from_bytes(request.to_bytes()) == request


@given(st.binary(max_size=200) | st.text(max_size=80).map(str.encode))
def test_no_bytes_raise_anything_but_our_errors(data: bytes) -> None:
    for one in (data, b"old 1\n" + data, b"old 1\n" + HASH + b"\n" + data):
        try:
            request = AddCheckpoint.from_bytes(one)
        except LedgerError:
            continue
        assert request.to_bytes() == one


@given(st.integers(0, 2**53 - 1))
@example(2**53 - 1)
def test_a_size_is_read_back(size: int) -> None:
    assert parse_size(format_size(size)) == size


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\n", b"7", b"77", b"7\n\n", b"7\r\n", b" 7\n", b"07\n", b"+7\n", b"-1\n", b"7 \n", b"0x7\n", b"7\n8\n",
        b"\xff\n", b"9007199254740992\n", b"9" * 10_000 + b"\n", "\u0667\n".encode(), b"<html>not found</html>\n",
    ],
    ids=lambda data: repr(data[:20]),
)  # fmt: skip
def test_what_is_no_size_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError) as caught:
        parse_size(data)
    assert len(str(caught.value)) < 300
