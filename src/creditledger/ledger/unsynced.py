"""Whether the derived state may have lost writes: a mark that stands while the device may lack some of them.

The state is written without a sync of its own (DESIGN: on disk). What a process has written outlives the process,
however it ends, but not the system it ran on; and a store of which the device has some pages and not others is no
store. So before the first write that is not synced, a file beside it names the present start of the system. Whoever
finds it after another start takes the state for lost, and rebuilds it from the log.
"""

from __future__ import annotations

import os
from pathlib import Path

from creditledger.store.files import FILE_MODE, disk_error, sync_dir

_NAME = "unsynced"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_MAX_BYTES = 100


def boot_id() -> bytes | None:
    """What tells this start of the system from every other, as Linux says it; None where nothing does."""
    try:
        return _BOOT_ID.read_bytes()[:_MAX_BYTES].strip() or None
    except OSError:
        return None


def is_lost(directory: Path) -> bool:
    """Whether the store in a directory was last written to, unsynced, before the system started anew.

    Where the system's starts cannot be told apart, whatever is marked counts as lost. Raises `StoreError`.
    """
    path = directory / _NAME
    try:
        with path.open("rb") as file:
            written = file.read(_MAX_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise disk_error("read", path, error.errno, str(error)) from error
    return written != boot_id()


class Unsynced:
    """The mark of one store, for the one process that writes it."""

    def __init__(self, directory: Path) -> None:
        """`directory` is the store's, which is there and is not lost."""
        self._path = directory / _NAME
        self._set = self._path.exists()
        self.outlives_process = boot_id() is not None
        """Whether a mark that is left standing by a process that was killed does not count as a loss."""

    def set(self) -> None:
        """Set the mark durably, if it does not stand: what is written from here on may be lost. Raises `StoreError`."""
        if self._set:
            return
        try:
            descriptor = os.open(
                self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE
            )
            with open(descriptor, "wb") as file:
                file.write(boot_id() or b"unknown")
                file.flush()
                os.fsync(file.fileno())
            sync_dir(self._path.parent)
        except OSError as error:
            raise disk_error("write", self._path, error.errno, str(error)) from error
        self._set = True

    def clear(self) -> None:
        """Take the mark away: the device has everything. Raises `StoreError`."""
        if not self._set:
            return
        try:
            self._path.unlink(missing_ok=True)
            sync_dir(self._path.parent)
        except OSError as error:
            raise disk_error("remove", self._path, error.errno, str(error)) from error
        self._set = False
