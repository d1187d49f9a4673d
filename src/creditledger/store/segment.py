"""The file format of private content: segments of frames, each of which can be overwritten without disturbing the rest.

    segment  one sector: magic 8, key check 16, committed length 8, start of the last run of batches below it 8 (the
             committed length, if there is none), CRC-32 of these 4, zeros; then batches
    batch    frame header `BATC`, then SHA-256 of the rest 32, length of its items in bytes 8, the size of the log from
             which on it counts 8 (0: at once); then the items
    item     frame header `ITEM`, then item id 32, CRC-32 of the id 4, nonce 24, sealed secret 80, ciphertext 16 + n
    frame header  tag 4, length of what follows up to the next frame 4, CRC-32 of these 4        (integers big-endian)

A batch is written and synced, and only then the *mark*, the committed length, moves beyond it; the mark is not synced,
so it may lag by a batch. What lies below the mark was synced: whatever is wrong there is damage. What lies beyond it is
a batch if its hash is right, and otherwise the torn end of a write that nobody was told of.

Content is written before the act that commits to it is recorded. If a crash comes between, the last batch counts from a
size that the log has not reached, and never will with this batch: it is cut like a torn end. So are all batches of the
last *run*: those at the end that count from the same size.

Erasing overwrites all of an item but its header, first the part after the id, then, synced in between, the id: while a
byte of the secret may be left, the id is there to find it by. An item with either part zero is one whose erasure was
interrupted (or, with both, is complete).
"""

from __future__ import annotations

import enum
import hashlib
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from creditledger.store.files import FILE_MODE, SECTOR, sync_dir, write_at

SEGMENT_BYTES = 64 * 1024 * 1024
"""A batch that would make a segment longer goes to the next one; a longer batch has a segment to itself."""

MAX_CONTENT = 32 * 1024 * 1024
"""Longest content of one item in bytes."""

ID_BYTES = 32
NONCE_BYTES = 24
SECRET_BYTES = 80
TAG_BYTES = 16

_SEGMENT = struct.Struct(">8s16sQQ")
_MAGIC = b"CLPRIV\x002"
_HEADER = struct.Struct(">4sI")
_HEADER_BYTES = _HEADER.size + 4
_BATCH = struct.Struct(">32sQQ")
_DIGEST_BYTES = 32
_BATCH_BYTES = _HEADER_BYTES + _BATCH.size
_ID_END = _HEADER_BYTES + ID_BYTES + 4
_SECRET_END = _ID_END + NONCE_BYTES + SECRET_BYTES
_MIN_BODY = _SECRET_END - _HEADER_BYTES + TAG_BYTES
_ZERO_ID = bytes(ID_BYTES + 4)
_ZERO_SECRET = bytes(NONCE_BYTES + SECRET_BYTES)
_CHUNK = 1 << 20
_READS = 3  # A reader may meet the writer in the middle of the header, but hardly this often in a row.


class Header(NamedTuple):
    """What the first sector of a segment says."""

    key_check: bytes
    committed: int
    last: int


class State(enum.Enum):
    """What a scan found."""

    LIVE = "live"
    HALF_ERASED = "half erased"
    DAMAGED = "damaged"


class Found(NamedTuple):
    """A frame, or a stretch of bytes that is none: where it starts, how long it is, and whose it is if it is live."""

    state: State
    position: int
    length: int
    item_id: bytes


def pack_item(item_id: bytes, nonce: bytes, secret: bytes, ciphertext: bytes) -> bytes:
    """Return the frame of one item."""
    body = b"".join((item_id, _crc(item_id), nonce, secret, ciphertext))
    return _frame_header(b"ITEM", len(body)) + body


def pack_batch(items: bytes, counts_from: int) -> bytes:
    """Return the frame that goes before the items of a batch, and them."""
    body = _BATCH.pack(bytes(_DIGEST_BYTES), len(items), counts_from)[_DIGEST_BYTES:]
    digest = hashlib.sha256(body + items).digest()
    return _frame_header(b"BATC", _BATCH.size) + digest + body + items


def create(path: Path, key_check: bytes) -> None:
    """Make an empty segment. Under its name it has a whole header, whenever the machine stops. Raises OSError."""
    new = path.with_suffix(".new")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
    try:
        write_header(fd, Header(key_check, SECTOR, SECTOR))
        os.fsync(fd)
    finally:
        os.close(fd)
    new.rename(path)
    sync_dir(path.parent)


def write_header(fd: int, header: Header) -> None:
    """Write the first sector; within one sector, a write is never torn. Raises OSError."""
    fields = _SEGMENT.pack(_MAGIC, *header)
    write_at(fd, (fields + _crc(fields)).ljust(SECTOR, b"\0"), 0)


def read_header(fd: int) -> Header | None:
    """Return the first sector's fields, or None if they are damaged. Raises OSError."""
    for _ in range(_READS):
        data = os.pread(fd, SECTOR, 0)
        fields = data[: _SEGMENT.size]
        if len(data) == SECTOR and data == (fields + _crc(fields)).ljust(SECTOR, b"\0"):
            magic, *found = _SEGMENT.unpack(fields)
            header = Header._make(found)
            return header if magic == _MAGIC and SECTOR <= header.last <= header.committed else None
    return None


def settled(file: BinaryIO, header: Header) -> Header:
    """Return the header as it should be: its mark moved beyond the batches that follow it and whose hash is right."""
    while (found := _whole_batch(file, header.committed)) is not None:
        length, size = found
        last = header.last if size and _run_counts_from(file, header) == size else header.committed
        header = header._replace(committed=header.committed + length, last=last)
    return header


def counts_from(file: BinaryIO, header: Header) -> int:
    """Return the size of the log from which on the last run counts; 0 as well if there is none, or it has changed.

    It has changed where something of it was erased; then an act in the log says so, and it counts.
    """
    position, size = header.last, _run_counts_from(file, header)
    while position < header.committed:
        found = _whole_batch(file, position)
        if found is None or found[1] != size:
            return 0
        position += found[0]
    return size


def _run_counts_from(file: BinaryIO, header: Header) -> int:
    """Return what the first batch of the last run says, unchecked; 0 if there is none."""
    file.seek(header.last)
    head = file.read(_BATCH_BYTES) if header.last < header.committed else b""
    return int(_BATCH.unpack_from(head, _HEADER_BYTES)[2]) if len(head) == _BATCH_BYTES else 0


def _whole_batch(file: BinaryIO, start: int) -> tuple[int, int] | None:
    """Return the length of the batch that begins there with its items, and what it counts from; None if it is torn."""
    file.seek(start)
    head = file.read(_BATCH_BYTES)
    if len(head) < _BATCH_BYTES or head[:4] != b"BATC" or not _frame_length(head):
        return None
    digest, length, size = _BATCH.unpack_from(head, _HEADER_BYTES)
    hasher, left = hashlib.sha256(head[_HEADER_BYTES + _DIGEST_BYTES :]), length
    while left and (chunk := file.read(min(left, _CHUNK))):
        hasher.update(chunk)
        left -= len(chunk)
    return None if left or hasher.digest() != digest else (_BATCH_BYTES + length, size)


def rewrite(fd: int, start: int, stop: int) -> None:
    """Write again what is there: after a sync that failed, no later sync brings it to the disk otherwise."""
    for position in range(start, stop, _CHUNK):
        write_at(fd, os.pread(fd, min(_CHUNK, stop - position), position), position)


def cut(fd: int, end: int) -> None:
    """Remove a torn end: overwritten first, since it may hold somebody's data. Raises OSError."""
    size = os.fstat(fd).st_size
    if size > end:
        _zero(fd, end, size)
        os.fsync(fd)
        os.ftruncate(fd, end)


def scan(file: BinaryIO, start: int, end: int, *, doubtful: bool = False) -> Iterator[Found]:
    """Yield every item between two positions that is not erased, and every stretch that should be a frame and is not.

    A stretch of damage ends where a sound frame begins. With `doubtful`, an item that looks erased counts as half
    erased: its zeros may stand in the system's cache only.
    """
    position = start
    while position < end:
        file.seek(position)
        head = file.read(min(_SECRET_END, end - position))
        length = _frame_length(head)
        if length == 0 or position + length > end:
            length = _next_frame(file, position, end) - position
            yield Found(State.DAMAGED, position, length, b"")
        elif head[:4] == b"ITEM":
            item_id = head[_HEADER_BYTES : _HEADER_BYTES + ID_BYTES]
            id_erased = head[_HEADER_BYTES:_ID_END] == _ZERO_ID
            secret_erased = head[_ID_END:] == _ZERO_SECRET
            if id_erased != secret_erased or (doubtful and id_erased):
                yield Found(State.HALF_ERASED, position, length, item_id)
            elif not id_erased:
                sound = head[_HEADER_BYTES + ID_BYTES : _ID_END] == _crc(item_id)
                yield Found(State.LIVE if sound else State.DAMAGED, position, length, item_id)
        position += length


def read_item(fd: int, position: int, item_id: bytes) -> tuple[bytes, bytes, bytes] | None:
    """Return nonce, sealed secret and ciphertext of the item at `position`, or None if it was erased.

    Raises ValueError, with the reason, if something else is found there, and OSError.
    """
    length = _frame_length(os.pread(fd, _HEADER_BYTES, position))
    if length == 0:
        raise ValueError("the frame header is damaged")
    frame = os.pread(fd, length, position)
    if frame[_ID_END:_SECRET_END] == _ZERO_SECRET:
        return None
    if len(frame) != length or frame[:4] != b"ITEM" or frame[_HEADER_BYTES:_ID_END] != item_id + _crc(item_id):
        raise ValueError("the item id is damaged")
    return frame[_ID_END : _ID_END + NONCE_BYTES], frame[_ID_END + NONCE_BYTES : _SECRET_END], frame[_SECRET_END:]


def erase(fd: int, positions: list[int]) -> None:
    """Overwrite the items at these positions with zeros, all but their headers, and sync.

    Raises ValueError, before it writes, if one of them does not begin with a frame header, and OSError.
    """
    frames = [(position, _frame_length(os.pread(fd, _HEADER_BYTES, position))) for position in positions]
    if not all(length for _, length in frames):
        raise ValueError("the frame header is damaged")
    # A batch beyond the mark is known by its hash, which erasing spoils: the mark must be beyond it on the disk first.
    os.fsync(fd)
    for position, length in frames:
        _zero(fd, position + _ID_END, position + length)
    os.fsync(fd)
    for position, _ in frames:
        _zero(fd, position + _HEADER_BYTES, position + _ID_END)
    os.fsync(fd)


def _zero(fd: int, start: int, stop: int) -> None:
    for position in range(start, stop, _CHUNK):
        write_at(fd, bytes(min(_CHUNK, stop - position)), position)


def _crc(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(4, "big")


def _frame_header(tag: bytes, length: int) -> bytes:
    fields = _HEADER.pack(tag, length)
    return fields + _crc(fields)


def _frame_length(head: bytes) -> int:
    """Return the length of the whole frame that begins so, or 0 if none does."""
    if len(head) < _HEADER_BYTES or _crc(head[: _HEADER.size]) != head[_HEADER.size : _HEADER_BYTES]:
        return 0
    tag, length = _HEADER.unpack_from(head)
    sound = length == _BATCH.size if tag == b"BATC" else tag == b"ITEM" and 0 <= length - _MIN_BODY <= MAX_CONTENT
    return _HEADER_BYTES + length if sound else 0


def _next_frame(file: BinaryIO, position: int, end: int) -> int:
    """Return where the first sound frame after `position` begins, or `end`."""
    for start in range(position + 1, end, _CHUNK):
        file.seek(start)
        data = file.read(min(_CHUNK + _HEADER_BYTES - 1, end - start))
        hits = sorted(at for tag in (b"BATC", b"ITEM") for at in _occurrences(data, tag))
        for at in hits:
            if _frame_length(data[at : at + _HEADER_BYTES]):
                return start + at
    return end


def _occurrences(data: bytes, tag: bytes) -> Iterator[int]:
    at = data.find(tag)
    while at >= 0:
        yield at
        at = data.find(tag, at + 1)
