"""Temporary files between the phases of an audit: numbered sections of bytes, written once, read one at a time.

They keep memory flat: what a range of records contributes to each part of the audit waits here, outside the ledger,
until that part is done. One file holds one range of records.

    number of sections (4 bytes), position of the end of each section (8 bytes each), the sections
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from creditledger.codec.own import encode, restore
from creditledger.errors import CannotVerify
from creditledger.store.files import FILE_MODE

_COUNT: Final = 4
_END: Final = 8


def write(path: Path, sections: Sequence[bytes]) -> None:
    """Write the sections to a new file; raises CannotVerify if there is no room."""
    position = _COUNT + _END * len(sections)
    ends = bytearray()
    for section in sections:
        position += len(section)
        ends += position.to_bytes(_END, "big")
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE), "wb", buffering=0) as file:
            for part in (len(sections).to_bytes(_COUNT, "big") + ends, b"".join(sections)):
                view = memoryview(part)
                while view:
                    view = view[file.write(view) :]
    except OSError as error:
        raise _trouble(path, error) from error


def read(path: Path, number: int) -> bytes:
    """Return one section; raises CannotVerify if the file is gone."""
    try:
        fd = os.open(path, os.O_RDONLY)
        try:
            if number == 0:
                count = int.from_bytes(os.pread(fd, _COUNT, 0), "big")
                start, end = _COUNT + _END * count, int.from_bytes(os.pread(fd, _END, _COUNT), "big")
            else:
                ends = os.pread(fd, 2 * _END, _COUNT + _END * (number - 1))
                start, end = int.from_bytes(ends[:_END], "big"), int.from_bytes(ends[_END:], "big")
            return os.pread(fd, end - start, start) if end > start else b""
        finally:
            os.close(fd)
    except OSError as error:
        raise _trouble(path, error) from error


def pack(value: Any) -> bytes:
    """A value as a section; nothing at all for an empty array."""
    return encode(value) if value else b""


def unpack(section: bytes) -> Any:
    """The value of a section that is not empty."""
    return restore(section)


def _trouble(path: Path, error: OSError) -> CannotVerify:
    return CannotVerify(
        f"the temporary file {path} cannot be used: {error.strerror}; an audit needs about as much temporary space as "
        "the log has, in the directory that TMPDIR names"
    )
