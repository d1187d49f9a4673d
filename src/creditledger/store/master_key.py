"""The file of the master key, under which private content is encrypted: kept outside the ledger's directory."""

from __future__ import annotations

import base64
import binascii
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from creditledger.errors import KeyFileError
from creditledger.store.files import FILE_MODE, sync_dir, write_at

MASTER_KEY_BYTES = 32
_KEY_PREFIX = "creditledger-master-key/1:"


def write_master_key(path: str | os.PathLike[str], entropy: Callable[[int], bytes] = os.urandom) -> bytes:
    """Make a master key, store it in a new file of mode 0600, and return it (32 bytes).

    Without this file the private content cannot be read: keep a copy where the ledger is not.

    Raises KeyFileError if there is a file at `path` already, or it cannot be written.
    """
    path = Path(path)
    key = entropy(MASTER_KEY_BYTES)
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    except FileExistsError:
        raise KeyFileError(f"{path} exists already; a master key is never overwritten") from None
    except OSError as error:
        raise KeyFileError(f"cannot write the master key to {path}: {error}") from error
    try:
        try:
            os.fchmod(fd, FILE_MODE)  # Whatever the umask took away.
            write_at(fd, f"{_KEY_PREFIX}{base64.b64encode(key).decode()}\n".encode(), 0)
            os.fsync(fd)
        finally:
            os.close(fd)
        sync_dir(path.parent)
    except OSError as error:
        with suppress(OSError):  # Half a key would stand in the way of a whole one.
            path.unlink()
        raise KeyFileError(f"cannot write the master key to {path}: {error}") from error
    return key


def read_master_key(path: str | os.PathLike[str]) -> bytes:
    """Return the master key (32 bytes) from its file.

    Raises KeyFileError if the file is missing, open to others than its owner, or not a master key.
    """
    try:
        with open(path, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            line = file.read(128)
    except OSError as error:
        raise KeyFileError(f"cannot read the master key in {path}: {error}") from error
    if stat.S_IMODE(mode) & 0o077:
        raise KeyFileError(f"the master key in {path} is open to other users: chmod 600 it, and consider it known")
    prefix, text = line[: len(_KEY_PREFIX)], line[len(_KEY_PREFIX) :]
    try:
        key = base64.b64decode(text.removesuffix(b"\n"), validate=True)
    except binascii.Error:
        key = b""
    if prefix != _KEY_PREFIX.encode() or len(key) != MASTER_KEY_BYTES:
        raise KeyFileError(f"{path} is not a master key: it must be one line, {_KEY_PREFIX}<44 characters of base64>")
    return key
