"""Reading an export file as records to be audited: a scan of its frames, then any range of it.

    creditledger/export/v1 LF, then frames: type (1 byte) ‖ length (4 bytes, big-endian) ‖ payload
    R record      C signed checkpoint, after the record that completes its size      P content item, after all of these
    E end: [number of R, of C, of P, SHA-256 of every byte before this frame]; nothing follows

The file is read in passing and never held; of each 256th record its place is kept.
"""

from __future__ import annotations

import hashlib
import os
import re
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from creditledger.audit.outside import open_regular
from creditledger.codec.canonical import decode, encode
from creditledger.errors import FormatError, UnsupportedError, VerificationFailed
from creditledger.store.files import disk_error
from creditledger.tlog.tiles import WIDTH

MAGIC: Final = b"creditledger/export/v1\n"
_OTHER: Final = re.compile(rb"creditledger/export/v[1-9][0-9]{0,8}\n").match
_BOUNDS: Final = {b"R": 65_535, b"C": 65_535, b"P": 1_153_434, b"E": 256}
_AFTER: Final = {b"R": b"-RC", b"C": b"R", b"P": b"-RCP"}
"""After which frames a frame may stand; a hyphen is the beginning."""
WANTED: Final = (
    "what can be verified is a ledger's directory, an export file, a published log (its directory or URL), or a proof "
    "(a receipt, an extension, evidence of a fork, an acknowledgement, or a .tlog-proof file)"
)
_HEADER: Final = 5
_BLOCK: Final = 1 << 20


class Damage(NamedTuple):
    """What is wrong with the frames of a file: at which record, if it breaks off there, and what should be there."""

    seq: int | None
    message: str
    expected: str
    found: str


class Index(NamedTuple):
    """What a scan found.

    `size` and `checkpoints` count the records and checkpoints; `places` holds the position of every 256th record as
    8 native bytes each; `last` is the size that the last checkpoint follows; `contents` and `contents_at` count and
    place the content items.
    """

    size: int
    checkpoints: int
    last: int
    places: bytes
    contents: int
    contents_at: int
    damage: Damage | None


def check_magic(path: Path) -> None:
    """Raise UnsupportedError for an export of another version, FormatError for a file that is none at all."""
    with _open(path) as file:
        start = file.read(64)
    if not start.startswith(MAGIC):
        if match := _OTHER(start):
            raise UnsupportedError(f"{path} is an export of a format not known here: {match[0].decode().strip()}")
        raise FormatError(f"{path} is no ledger: {WANTED}")


def scan(path: Path) -> Index:
    """Walk over the frames once, holding none, and check their order, bounds and the hash at the end."""
    digest = hashlib.sha256()
    counts = {b"R": 0, b"C": 0, b"P": 0}
    places = array("Q")
    before = b"-"
    last = contents_at = 0
    damage: Damage | None = None
    with _open(path) as file:
        digest.update(file.read(len(MAGIC)))
        position = len(MAGIC)
        while damage is None:
            header = file.read(_HEADER)
            kind = header[:1]
            length = int.from_bytes(header[1:], "big")
            if len(header) < _HEADER or kind not in _BOUNDS or length > _BOUNDS[kind]:
                damage = _bad_header(counts[b"R"], position, header)
                break
            payload = file.read(length)
            if len(payload) < length:
                damage = Damage(
                    counts[b"R"], f"the file ends within the frame at byte {position}",
                    f"{length} bytes", f"{len(payload)} bytes",
                )  # fmt: skip
                break
            if kind == b"E":
                damage = _check_end(payload, counts, digest.digest(), file.read(1))
                break
            digest.update(header)
            digest.update(payload)
            if kind == b"R":
                if counts[kind] % WIDTH == 0:
                    places.append(position)
            elif kind == b"C":
                last = counts[b"R"]
            elif counts[kind] == 0:
                contents_at = position
            if _AFTER[kind].find(before) < 0:
                damage = Damage(
                    counts[b"R"], f"the frame at byte {position} is out of order", "records, then content",
                    f"a frame of type {kind.decode()}",
                )  # fmt: skip
                break
            counts[kind] += 1
            before = kind
            position += _HEADER + length
    return Index(counts[b"R"], counts[b"C"], last, places.tobytes(), counts[b"P"], contents_at, damage)


def _bad_header(seq: int, position: int, header: bytes) -> Damage:
    if not header:
        return Damage(seq, f"the file ends at byte {position} without its end frame", "a frame of type E", "nothing")
    return Damage(
        seq, f"there is no frame at byte {position}", "a type (R, C, P, E), a length within bounds", header.hex()
    )  # fmt: skip


def _check_end(payload: bytes, counts: dict[bytes, int], digest: bytes, rest: bytes) -> Damage | None:
    found = (*counts.values(), digest)
    try:
        expected = decode(payload, _BOUNDS[b"E"])
    except FormatError as error:
        return Damage(None, f"the end frame cannot be read: {error}", _summary(found), payload.hex())
    if payload != encode(found):  # Not by their values: in Python true equals 1.
        message = "the file is not the one that was written: its end frame counts or hashes something else"
        return Damage(None, message, _summary(expected), _summary(found))
    return Damage(None, "something follows the end of the file", "nothing", rest.hex()) if rest else None


def _summary(end: object) -> str:
    match end:
        case (int(records), int(checkpoints), int(contents), bytes(digest)):
            return f"{records} records, {checkpoints} checkpoints, {contents} items, SHA-256 {digest.hex()}"
    return "another form"


class ExportRecords:
    """The records and checkpoints of an export file (`source.Records`)."""

    has_tiles = False

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = _open(path)

    def records(self, start: int, stop: int, place: int) -> Iterator[tuple[bytes, tuple[bytes, ...]]]:
        """See `source.Records`; `place` is the position of record `start` in the file."""
        file = self._file
        file.seek(place)
        held: bytes | None = None
        notes: tuple[bytes, ...] = ()
        while start < stop or held is not None:
            header = file.read(_HEADER)
            kind, length = header[:1], int.from_bytes(header[1:], "big")
            if kind == b"C" and held is not None:
                notes = (*notes, self._payload(length, start))
                continue
            if held is not None:
                yield held, notes
                held, notes = None, ()
                start += 1
            if start < stop:
                if kind != b"R":
                    raise VerificationFailed("LED-STRUCT", "the record is missing from the file", seq=start)
                held = self._payload(length, start)

    def contents(self, place: int, count: int) -> Iterator[bytes]:
        """Yield `count` content items, the first of them at position `place`."""
        self._file.seek(place)
        for _ in range(count):
            header = self._file.read(_HEADER)
            yield self._payload(int.from_bytes(header[1:], "big"), 0)

    def tile(self, _level: int, _index: int) -> bytes | None:
        """An export has no tiles."""
        return None

    def close(self) -> None:
        self._file.close()

    def _payload(self, length: int, seq: int) -> bytes:
        # The scan saw a sound file; it must have been changed since.
        data = self._file.read(length) if length <= max(_BOUNDS.values()) else b""
        if len(data) != length:
            raise VerificationFailed("LED-STRUCT", "the file was changed while it was read", seq=seq)
        return data


def _open(path: Path) -> BinaryIO:
    try:
        return open_regular(path, _BLOCK)
    except OSError as error:
        raise disk_error("read", path, error.errno, str(error)) from error


def size_of(path: Path) -> int:
    """The size of the file in bytes; raises StoreError."""
    try:
        return os.stat(path).st_size
    except OSError as error:
        raise disk_error("read", path, error.errno, str(error)) from error
