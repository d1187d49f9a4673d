"""The record: an entry as sequenced, and the leaf of the tree.

`prev` repeats the leaf hash of the record before, so one hash ties the chain and the RFC 9162 tree together.
"""

from __future__ import annotations

from typing import NamedTuple

from creditledger.acts.kinds import MAX_INT
from creditledger.codec.canonical import decode, decode_fast
from creditledger.codec.own import encode
from creditledger.errors import FormatError, UnsupportedError
from creditledger.record.entry import MAX_COSIGNERS, MAX_ENTRY_BYTES

RECORD_VERSION = 1
MAX_RECORD_BYTES = 65_535


class Record(NamedTuple):
    """`seq` counts from 0; `recorded_at` microseconds since the Unix epoch, never decreasing; `prev` 32 bytes;
    `entry` the signed bytes; `signatures` 64 bytes each, author first, then cosigners in their order."""

    seq: int
    recorded_at: int
    prev: bytes
    entry: bytes
    signatures: tuple[bytes, ...]


def encode_record(record: Record) -> bytes:
    """The canonical bytes of a record: the leaf data of the tree; raises `FormatError` for one that is too large."""
    data = encode((RECORD_VERSION, *record))
    if len(data) > MAX_RECORD_BYTES:
        raise FormatError(f"a record is at most {MAX_RECORD_BYTES} bytes, this one would have {len(data)}")
    return data


def decode_record(data: bytes) -> Record:
    """Reads a record in its one canonical form; the entry inside is not looked into.

    Raises `FormatError` saying where it departs from the form, `UnsupportedError` for another record version.
    """
    raw = decode_fast(data, MAX_RECORD_BYTES)
    if type(raw) is not tuple or not raw or type(raw[0]) is not int:
        raise FormatError("a record is an array that begins with its version")
    if raw[0] != RECORD_VERSION:
        decode(data, MAX_RECORD_BYTES)
        raise UnsupportedError(f"record version {raw[0]}; this version reads {RECORD_VERSION}")
    if len(raw) != 6:
        raise FormatError(f"a record has 6 elements, found {len(raw)}")
    _, seq, recorded_at, prev, entry, signatures = raw
    for name, value in (("seq", seq), ("recorded_at", recorded_at)):
        if type(value) is not int or not 0 <= value <= MAX_INT:
            raise FormatError(f"{name} must be a whole number from 0 to 2^53-1")
    if type(prev) is not bytes or len(prev) != 32:
        raise FormatError("prev must be 32 bytes")
    if type(entry) is not bytes or not 1 <= len(entry) <= MAX_ENTRY_BYTES:
        raise FormatError(f"entry must be 1 to {MAX_ENTRY_BYTES} bytes")
    if type(signatures) is not tuple or not 1 <= len(signatures) <= 1 + MAX_COSIGNERS:
        raise FormatError(f"a record holds 1 to {1 + MAX_COSIGNERS} signatures")
    for signature in signatures:
        if type(signature) is not bytes or len(signature) != 64:
            raise FormatError("a signature is 64 bytes")
    return Record._make(raw[1:])
