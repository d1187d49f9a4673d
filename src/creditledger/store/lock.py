"""One writer per ledger: an advisory lock that the kernel releases when its holder ends, however it ends.

The lock is `flock` on a file that is never removed. It belongs to the open file, so a second writer is refused in the
same process too, and it says nothing about who reads.
"""

from __future__ import annotations

import fcntl
import os
import weakref
from pathlib import Path
from types import TracebackType
from typing import Self

from creditledger.errors import Locked
from creditledger.store.files import FILE_MODE, disk_error, write_at


class WriterLock:
    """The right to write, held from construction until `release()` or the end of the process.

    `path` is the lock file, made with mode 0600 if need be; it holds the process id of the last holder.

    Raises Locked, naming the holder, if somebody has it; StoreError if the file cannot be opened.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._fd = -1
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
        except OSError as error:
            raise disk_error("open the lock file", self._path, error.errno, str(error)) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(fd, 0)
            write_at(fd, b"%d\n" % os.getpid(), 0)
        except BlockingIOError:
            holder = _holder(fd)
            os.close(fd)
            raise Locked(
                f"{self._path} is held by {holder}: only one writer at a time, so wait until it ends"
            ) from None
        except OSError as error:
            os.close(fd)
            raise disk_error("lock", self._path, error.errno, str(error)) from error
        self._fd = fd
        _held.add(self)

    @property
    def held(self) -> bool:
        """False once released, and in a forked child, which does not share its parent's right to write."""
        return self._fd >= 0

    def release(self) -> None:
        """Let the next writer in. Releasing twice is fine."""
        fd, self._fd = self._fd, -1
        _held.discard(self)
        if fd >= 0:
            os.close(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def __del__(self) -> None:
        self.release()


def _holder(fd: int) -> str:
    text = os.pread(fd, 20, 0).strip()
    if not text.isdigit():
        return "another process"
    return "this process itself" if int(text) == os.getpid() else f"process {int(text)}"


_held: weakref.WeakSet[WriterLock] = weakref.WeakSet()


def _forget_in_child() -> None:
    """Drop the descriptors that a forked child inherited: they would keep the lock when the writer has ended."""
    for lock in list(_held):
        lock.release()


os.register_at_fork(after_in_child=_forget_in_child)
