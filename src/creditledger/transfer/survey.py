"""A first reading of a file to be imported: its hash, its rows, what cannot be read, in which order events come."""

from __future__ import annotations

import hashlib
import os
import stat
from array import array
from collections.abc import Callable, Iterable, Iterator
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

from creditledger.errors import FormatError, UsageError
from creditledger.store.files import disk_error
from creditledger.transfer.sources.events import EventLayout, EventRow, read_event, read_events
from creditledger.transfer.sources.lines import BadRow, Line, check_key, read_lines

SHOWN = 20
"""How many examples of anything are kept to be shown."""


class SnapshotRow(Protocol):
    """A row of a list as it stood on one day: its line, the key that identifies it, and its particulars by label."""

    @property
    def line(self) -> int: ...
    @property
    def key(self) -> str: ...
    @property
    def fields(self) -> dict[str, str]: ...


SnapshotReader = Callable[[BinaryIO], Iterable[SnapshotRow | BadRow]]
"""Reads a snapshot from its beginning; the same rows each time."""


class Skipped:
    """The rows of a file that cannot be read, and whom they may be about.

    Attributes:
        rows: how many there are.
        nameless: how many of them do not even tell whom they are about.
        shown: the first of them.
    """

    __slots__ = ("_keys", "nameless", "rows", "shown")

    def __init__(self) -> None:
        self.rows = 0
        self.nameless = 0
        self.shown: list[BadRow] = []
        self._keys: set[tuple[str | None, str]] = set()

    def add(self, row: BadRow) -> None:
        """Take one more into account."""
        self.rows += 1
        self.nameless += not row.keys
        self._keys.update((row.list, key) for key in row.keys)
        if len(self.shown) < SHOWN:
            self.shown.append(row)

    def may_concern(self, list_id: str, key: str | None) -> bool:
        """Whether one of the rows that do tell may be about a key on a list; None is a key that nobody knows."""
        if key is None:
            return self.rows > 0
        return (list_id, key) in self._keys or (None, key) in self._keys


class Survey(NamedTuple):
    """What a first reading found: the file's SHA-256 (32 bytes), how many rows could be read, and which could not.

    For events: `first` and `last` date, and `order`, the rows' lines and offsets in the order of their moments where
    that is not the order of the file (else None).
    """

    sha256: bytes
    rows: int
    skipped: Skipped
    first: str = ""
    last: str = ""
    order: Iterable[tuple[int, int]] | None = None


def open_source(path: Path) -> BufferedReader:
    """Open a regular file to read from its beginning, as often as is needed.

    Raises:
        UsageError: it is something else: a directory, a device, or a pipe, for whose writer one would wait for ever.
        StoreError: it cannot be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except ValueError as error:
        raise UsageError(f"{os.fspath(path)!a} is not a file name: {error}") from None
    except OSError as error:
        raise disk_error("read", path, error.errno, str(error)) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UsageError(f"{path} is not a regular file; what comes through a pipe is first saved to a file")
    return open(descriptor, "rb")


def digest_of(file: BufferedReader) -> bytes:
    """The SHA-256 of a whole file."""
    file.seek(0)
    return hashlib.file_digest(file, "sha256").digest()


def survey_snapshot(file: BufferedReader, read: SnapshotReader) -> Survey:
    """Read a snapshot once. A key that stands in it twice makes a bad row of the second."""
    digest = digest_of(file)
    seen: set[str] = set()
    skipped = Skipped()
    for row in snapshot_rows(file, read, seen):
        if isinstance(row, BadRow):
            skipped.add(row)
    return Survey(digest, len(seen), skipped)


def snapshot_rows(file: BinaryIO, read: SnapshotReader, seen: set[str]) -> Iterator[SnapshotRow | BadRow]:
    """The rows of a snapshot from its beginning; `seen` collects the keys, and whose key is in it already is bad."""
    file.seek(0)
    for row in read(file):
        if isinstance(row, BadRow):
            yield row
        elif (reason := check_key(row.key)) is not None:
            yield BadRow(row.line, reason)
        elif row.key in seen:
            yield BadRow(row.line, f"the key {row.key[:80]!a} stands in the file twice", (row.key,))
        else:
            seen.add(row.key)
            yield row


def survey_events(file: BufferedReader, layout: EventLayout, utc_offset: str) -> Survey:
    """Read a history of events once."""
    digest = digest_of(file)
    file.seek(0)
    skipped = Skipped()
    lines, offsets, moments = array("q"), array("q"), array("q")
    first, last = "", ""
    in_order = True
    for row in read_events(file, layout, utc_offset):
        if isinstance(row, BadRow):
            skipped.add(row)
            continue
        in_order = in_order and (not moments or moments[-1] <= row.moment)
        lines.append(row.line)
        offsets.append(row.offset)
        moments.append(row.moment)
        first = min(first or row.date, row.date)
        last = max(last, row.date)
    order: list[tuple[int, int]] | None = None
    if not in_order:
        # The sort is stable: of events at one moment, the one that stands first in the file comes first.
        order = [(lines[at], offsets[at]) for at in sorted(range(len(moments)), key=moments.__getitem__)]
    return Survey(digest, len(moments), skipped, first, last, order)


def event_rows(file: BinaryIO, layout: EventLayout, utc_offset: str, survey: Survey) -> Iterator[EventRow]:
    """The events of a surveyed file in the order of their moments; bad rows are left out."""
    if survey.order is None:
        file.seek(0)
        yield from (row for row in read_events(file, layout, utc_offset) if isinstance(row, EventRow))
        return
    for number, offset in survey.order:
        file.seek(offset)
        line = next(read_lines(file), None)
        # Read from the middle, a line counts as the first: its number is the one that the survey gave it.
        row = read_event(Line(number, offset, line.data), layout, utc_offset) if isinstance(line, Line) else line
        if not isinstance(row, EventRow):
            raise FormatError(f"line {number} is not what it was: the file was changed while it was read")
        yield row


def require_unchanged(file: BufferedReader, survey: Survey, name: str) -> None:
    """Raise FormatError if the file is not the one that was surveyed: what was recorded cites the hash of that one."""
    found = digest_of(file)
    if found != survey.sha256:
        raise FormatError(
            f"{name} was changed while it was imported (SHA-256 {survey.sha256.hex()}, now {found.hex()}): "
            "import it again from a copy that nobody writes to"
        )
