"""What all files of this layer need: private modes, durable directory entries, and disk errors in clear words.

A new file is durable only once its *directory* has been synced too; POSIX promises nothing about an entry whose
directory was not.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from creditledger.errors import StoreError

FILE_MODE = 0o600
DIR_MODE = 0o700

SECTOR = 512
"""Bytes that a disk writes whole or not at all: the atomic unit that every format of this layer relies on."""

_ADVICE = {
    errno.ENOSPC: "the disk is full: free some space",
    errno.EDQUOT: "the disk quota is used up: free some space or raise the quota",
    errno.EFBIG: "the file may not grow: raise the file size limit of this process or file system",
    errno.EIO: "the disk reports a read or write error: check the disk and its log before going on",
    errno.EROFS: "the file system is mounted read-only: open read-only, or mount it writable",
    errno.EACCES: "access is denied: check the owner and the mode of the directory and its files",
    errno.EPERM: "access is denied: check the owner and the mode of the directory and its files",
    errno.ENOENT: "it does not exist: check the path",
    errno.EMFILE: "too many files are open: raise the limit on open files",
    errno.ENOMEM: "there is not enough memory or address space: raise the limit, or open with a smaller map_size",
}


def disk_error(action: str, path: Path, code: int | None, detail: str) -> StoreError:
    """Return a StoreError saying what was being done, where, what went wrong and what to do about it."""
    advice = _ADVICE.get(code, detail) if code is not None else detail
    return StoreError(f"cannot {action} {path}: {advice}")


def make_dir(path: Path) -> None:
    """Make the directory and any parents that are missing, mode 0700, durably. One that exists is left as it is.

    Raises StoreError if it cannot be made.
    """
    if path.is_dir():
        return
    if not path.parent.is_dir():
        make_dir(path.parent)
    try:
        path.mkdir(mode=DIR_MODE, exist_ok=True)
        sync_dir(path.parent)
    except FileExistsError:
        raise StoreError(f"cannot make the directory {path}: a file of that name is in the way") from None
    except OSError as error:
        raise disk_error("make the directory", path, error.errno, str(error)) from error


def sync_dir(path: Path) -> None:
    """Make the entries of a directory durable. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_at(fd: int, data: bytes, offset: int) -> None:
    """Write all of `data` at `offset`; the system may take it in several parts. Raises OSError."""
    view = memoryview(data)
    while view:
        written = os.pwrite(fd, view, offset)
        view = view[written:]
        offset += written
