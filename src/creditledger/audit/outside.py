"""Opening what somebody else named: regular files only, since a pipe or a device may never end, or never begin."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from creditledger.errors import FormatError, VerificationFailed


def open_regular(path: Path, buffering: int = -1) -> BinaryIO:
    """Open a regular file to read it. Raises OSError, and FormatError for what is none."""
    # A pipe without a writer is opened at once this way, and refused then, without waiting for one.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FormatError(f"{path} is no regular file; give one, not a directory, a pipe or a device")
    return open(descriptor, "rb", buffering=buffering)


def read_regular(path: Path, most: int) -> bytes:
    """The first `most` + 1 bytes of a regular file, so that one that is too large can be told. Raises as above."""
    with open_regular(path) as file:
        return file.read(most + 1)


def require_files(directory: Path) -> None:
    """Raise VerificationFailed (LED-STRUCT) for a pipe, socket or device in a directory: what opens it would wait.

    There need not be such a directory.
    """
    for path in sorted(directory.iterdir()) if directory.is_dir() else ():
        try:
            mode = path.stat().st_mode
        except FileNotFoundError:
            continue  # A writer has removed it meanwhile, or it is a link to nothing.
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            raise VerificationFailed("LED-STRUCT", f"{path} is no regular file")
