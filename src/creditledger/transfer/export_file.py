"""The export file: a whole ledger as one stream of frames, to be archived, sent and read again by anyone.

    creditledger/export/v1 LF          then frames: type (1 byte) ‖ length of the payload (u32, big-endian) ‖ payload

    R   a record, in the order of the log                                                       ≤ 65,535 bytes
    C   a signed checkpoint, directly after the record that completes its size                  ≤ 65,535
    P   content: array [list, [scheme, value], commitment, nonce, content]; after all R and C   ≤ 1.1 MiB
    E   the end: array [number of R, number of C, number of P, SHA-256 of every byte before this frame]   ≤ 256

Nothing follows E, so a file that was cut short is never taken for a whole one. A reader needs one frame of memory. What
the frames say is for their readers to check: that the records make the tree which the checkpoints sign is not looked at
here. A file with content is as confidential as the content: it is not encrypted, and made with mode 0600.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from creditledger.acts.content import check_commitment
from creditledger.codec.canonical import decode, encode
from creditledger.errors import FormatError, StoreError, UnsupportedError, UsageError
from creditledger.ledger.receipt import ContentItem, content_item
from creditledger.record.record import MAX_RECORD_BYTES
from creditledger.store.files import FILE_MODE, disk_error, sync_dir

MAGIC = b"creditledger/export/v1\n"
RECORD, CHECKPOINT, CONTENT, END = b"R", b"C", b"P", b"E"
LIMITS = {RECORD: MAX_RECORD_BYTES, CHECKPOINT: 65_535, CONTENT: 1_153_434, END: 256}
"""The longest payload of each type of frame, in bytes."""

_HEADER = struct.Struct(">cI")
_MOST_DIGITS = 9
_OTHER = re.compile(rb"creditledger/export/v[1-9][0-9]{0,8}\n").match
"""The first line of another version (specification, section 12.1)."""
_PUBLIC_MODE = 0o644
_BUFFER = 1 << 20
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


class Totals(NamedTuple):
    """How many frames of each sort a file holds."""

    records: int
    checkpoints: int
    contents: int


class Frame(NamedTuple):
    """One frame: its type (`RECORD`, `CHECKPOINT` or `CONTENT`), its payload, and where it starts in the file."""

    kind: bytes
    payload: bytes
    offset: int


class ExportWriter:
    """Writes an export to a binary file, frame by frame; `end` makes it whole."""

    def __init__(self, file: BinaryIO) -> None:
        """Begin the file. Raises OSError, as every method does, if it cannot be written."""
        self._file = file
        self._digest = hashlib.sha256()
        self._counts = {RECORD: 0, CHECKPOINT: 0, CONTENT: 0}
        self._write(MAGIC)

    def record(self, data: bytes) -> None:
        """Write the next record."""
        if self._counts[CONTENT]:
            raise UsageError("an export holds every record before the first content")
        self._frame(RECORD, data)

    def checkpoint(self, note: bytes) -> None:
        """Write the checkpoint whose size the last record completed."""
        if self._counts[CONTENT]:
            raise UsageError("an export holds every checkpoint before the first content")
        self._frame(CHECKPOINT, note)

    def content(self, item: ContentItem) -> None:
        """Write an item of content."""
        self._frame(CONTENT, encode((item.list, tuple(item.subject), item.commitment, item.nonce, item.content)))

    def end(self) -> Totals:
        """Write the end; nothing may be written after it."""
        totals = Totals(self._counts[RECORD], self._counts[CHECKPOINT], self._counts[CONTENT])
        self._frame(END, encode((*totals, self._digest.digest())))
        return totals

    def _frame(self, kind: bytes, payload: bytes) -> None:
        if len(payload) > LIMITS[kind]:
            raise FormatError(
                f"a frame of type {kind.decode()} holds at most {LIMITS[kind]} bytes, this one {len(payload)}"
            )
        if kind != END:
            self._counts[kind] += 1
        self._write(_HEADER.pack(kind, len(payload)))
        self._write(payload)

    def _write(self, data: bytes) -> None:
        self._digest.update(data)
        self._file.write(data)


class ExportReader:
    """Reads an export once, from its beginning; whatever is not in the format is a FormatError that names the offset.

    Attributes:
        totals: what the file holds, once it has been read to its end; None before.
    """

    def __init__(self, file: BinaryIO) -> None:
        """Take a binary file that stands at its beginning; it need not be seekable."""
        self._file = file
        self._offset = 0
        self._digest = hashlib.sha256()
        self.totals: Totals | None = None

    def frames(self) -> Iterator[Frame]:
        """Yield every frame but the last, which is checked: counts, hash, and that nothing follows.

        Nothing that was yielded is known to be whole before the iteration has ended.

        Raises:
            FormatError: the file is cut short, goes on after its end, holds an oversize, unknown or misplaced frame, or
                its last frame contradicts it; UnsupportedError for another version of the format.
            StoreError: it cannot be read.
        """
        magic = self._read(len(MAGIC))
        if magic != MAGIC:
            known = _OTHER(magic + self._read(_MOST_DIGITS))
            error = UnsupportedError if known else FormatError
            raise error(f"the file starts with {magic!r}, an export of this version with {MAGIC!r}")
        counts = {RECORD: 0, CHECKPOINT: 0, CONTENT: 0}
        last = b""
        while True:
            start, digest = self._offset, self._digest.copy()
            kind, payload = self._frame(start)
            if kind == END:
                self._finish(start, payload, counts, digest.digest())
                return
            if kind == CHECKPOINT and last != RECORD:
                raise FormatError(f"at byte {start}: a checkpoint that does not follow a record")
            if kind == RECORD and last == CONTENT:
                raise FormatError(f"at byte {start}: a record after content")
            counts[kind] += 1
            last = kind
            yield Frame(kind, payload, start)

    def _frame(self, start: int) -> tuple[bytes, bytes]:
        header = self._read(_HEADER.size)
        if len(header) < _HEADER.size:
            raise FormatError(f"at byte {start}: the file is cut short, its last frame is missing")
        kind, length = _HEADER.unpack(header)
        limit = LIMITS.get(kind)
        if limit is None:
            raise FormatError(f"at byte {start}: {kind!r} is no type of frame; known are R, C, P and E")
        if length > limit:
            raise FormatError(
                f"at byte {start}: a frame of type {kind.decode()} of {length} bytes, at most {limit} are allowed"
            )
        payload = self._read(length)
        if len(payload) < length:
            raise FormatError(f"at byte {start}: the file is cut short within a frame of type {kind.decode()}")
        return kind, payload

    def _finish(self, start: int, payload: bytes, counts: dict[bytes, int], digest: bytes) -> None:
        try:
            value = decode(payload, LIMITS[END])
        except FormatError as error:
            raise FormatError(f"at byte {start}: the end of the file: {error}") from None
        found = (*counts.values(), digest)
        if payload != encode(found):  # Not by their values: in Python true equals 1.
            raise FormatError(
                f"at byte {start}: the end says {_shown(value)}, the file before it is {_shown(found)}: it was altered"
            )
        if self._read(1):
            raise FormatError(f"at byte {self._offset - 1}: the file goes on after its end")
        self.totals = Totals(*counts.values())

    def _read(self, length: int) -> bytes:
        """Read so many bytes, or to the end of the file."""
        parts: list[bytes] = []
        while length:
            try:
                part = self._file.read(length)
            except OSError as error:
                raise StoreError(f"the export cannot be read from byte {self._offset} on: {error}") from error
            if not part:
                break
            parts.append(part)
            length -= len(part)
            self._offset += len(part)
            self._digest.update(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)


def read_content(frame: Frame) -> ContentItem:
    """Return the item of a frame of type P; it is what its commitment commits to.

    Raises:
        FormatError: the payload is not such an item.
        VerificationFailed: finding `LED-CONTENT`; the commitment is to something else.
    """
    try:
        item = content_item(decode(frame.payload, LIMITS[CONTENT]))
    except FormatError as error:
        raise FormatError(f"at byte {frame.offset}: {error}") from None
    check_commitment(item.commitment, item.nonce, item.content)
    return item


@contextmanager
def new_file(path: str | os.PathLike[str], *, private: bool) -> Iterator[BinaryIO]:
    """Write a file that is there whole, on the disk and under its name, when the block ends, or not at all.

    Args:
        path: where it will be; nothing may be there yet.
        private: mode 0600 instead of 0644 (both less the umask).

    Raises:
        UsageError: something is there.
        StoreError: the disk failed.
    """
    path = Path(path)
    mode = FILE_MODE if private else _PUBLIC_MODE
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    if path.exists() or path.is_symlink():
        raise UsageError(f"{path} exists already; choose another name, or remove it first")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            with open(descriptor, "wb", buffering=_BUFFER) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            _name(beside, path)
        finally:
            beside.unlink(missing_ok=True)
        sync_dir(path.parent)
    except FileExistsError:
        raise UsageError(f"{path} was made by somebody else meanwhile; choose another name") from None
    except OSError as error:
        raise disk_error("write", path, error.errno, str(error)) from error


def _name(beside: Path, path: Path) -> None:
    """Give a finished file its name; raises FileExistsError if somebody has taken that meanwhile."""
    try:
        # A link, unlike a rename, never replaces anything. Not every file system has links.
        os.link(beside, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if path.exists():
            raise FileExistsError(errno.EEXIST, "it exists", str(path)) from None
        beside.rename(path)


def _shown(value: object) -> str:
    parts = value if isinstance(value, tuple) else (value,)
    return ", ".join(part.hex() if isinstance(part, bytes) else repr(part)[:40] for part in parts[:8])
