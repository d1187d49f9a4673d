"""Reading a file that comes from outside, and writing one that is there whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from creditledger.errors import FormatError, UsageError
from creditledger.store.files import FILE_MODE, disk_error, sync_dir


def read_bounded(path: str | os.PathLike[str], limit: int, what: str) -> bytes:
    """Return the bytes of a regular file of at most `limit` bytes; never reads more than that.

    `what` names the file's purpose in messages, such as "the draft".

    Raises:
        UsageError: there is no such file, or it is not a regular file.
        FormatError: it is larger.
        StoreError: it cannot be read.
    """
    name = f"{what} {os.fspath(path)}"
    try:
        # Without O_NONBLOCK, opening a named pipe would wait for its writer.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise UsageError(f"{name} is not a regular file")
            with open(fd, "rb", closefd=False) as file:
                data = file.read(limit + 1)
        finally:
            os.close(fd)
    except FileNotFoundError:
        raise UsageError(f"{name} does not exist") from None
    except ValueError as error:
        raise UsageError(f"{what}: {os.fspath(path)!a} is not a file name: {error}") from None
    except OSError as error:
        raise disk_error(f"read {what}", Path(path), error.errno, str(error)) from error
    if len(data) > limit:
        raise FormatError(f"{name} is larger than the {limit} bytes allowed")
    return data


def write_whole(path: str | os.PathLike[str], data: bytes, *, force: bool = False) -> None:
    """Write a file of mode 0600 durably, in one step as seen by others; without `force`, never over an existing one.

    The data goes to a new file beside it, which is then renamed. A name that must be free is first taken by an empty
    file, because not every file system (those of memory sticks, for one) has a rename that refuses to replace.

    Raises:
        UsageError: something is there already, and `force` is not set.
        StoreError: the disk failed. Nothing is left behind, and an older file stays as it was (unless only the last
            step failed, which makes the replacement durable).
    """
    target = Path(path)
    taken = False
    try:
        temporary = target.with_name(f".creditledger-{os.urandom(8).hex()}.tmp")
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
        try:
            with open(fd, "wb") as file:
                if not force:
                    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE))
                    taken = True
                file.write(data)
                file.flush()
                os.fsync(fd)
            temporary.replace(target)
            sync_dir(target.parent)
        except BaseException:
            temporary.unlink(missing_ok=True)
            if taken:
                target.unlink(missing_ok=True)
            raise
    except FileExistsError:
        raise UsageError(f"{target} exists already; choose another name, or move it away") from None
    except ValueError as error:
        raise UsageError(f"{os.fspath(path)!a} is not a file name: {error}") from None
    except OSError as error:
        raise disk_error("write", target, error.errno, str(error)) from error
