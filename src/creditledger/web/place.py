"""Where published files are read: a directory, or a URL prefix; and the directory in which they are written.

What is read here is as anybody may have written it. Paths are those of the C2SP tile layout: a few plain names.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from creditledger.errors import FormatError, StoreError, UsageError
from creditledger.store.files import disk_error, sync_dir
from creditledger.store.lock import WriterLock
from creditledger.web.url import below, is_url, parse_url

if TYPE_CHECKING:
    from creditledger.web.http import Client

TIMEOUT: Final = 10.0

_NAMES: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*){0,15}").fullmatch
_ABSENT: Final = frozenset({errno.ENOENT, errno.ENOTDIR})
_NOT_THERE: Final = frozenset({403, 404, 410})
"""Some stores answer 403 for what is not there, and a log that is pruned may deny what it still has."""

_FILE_MODE: Final = 0o644
_DIR_MODE: Final = 0o755
_WORK: Final = ".work"
_LOCK: Final = ".lock"


class Place(Protocol):
    """Somewhere to read published files from; to be shared by threads."""

    @property
    def name(self) -> str:
        """The directory or the URL, for messages."""

    def read(self, path: str, most: int) -> bytes | None:
        """Read the file at a relative path, or return None if there is none.

        Raises:
            FormatError: it has more than `most` bytes, or is no regular file.
            StoreError: the disk or the network failed, after several attempts.
        """

    def close(self) -> None:
        """Let go of it."""


def open_place(where: str | os.PathLike[str], *, timeout: float = TIMEOUT, attempts: int | None = None) -> Place:
    """Open a directory or an http(s) URL prefix to read; nothing is fetched yet.

    Args:
        where: the directory or the URL.
        timeout: seconds to wait for an answer, and for each part of it.
        attempts: how often a request is sent before it is given up (default: `http.ATTEMPTS`).

    Raises:
        UsageError: it is neither.
    """
    text = os.fspath(where)
    if is_url(text):
        return UrlPlace(text, timeout, attempts)
    if not Path(text).is_dir():
        raise UsageError(f"{text} is neither a directory nor an http(s) URL")
    return Folder(Path(text))


def _check(path: str) -> list[str]:
    if not _NAMES(path):
        raise UsageError(f"{path!r:.100} is not a path of published files")
    return path.split("/")


class UrlPlace:
    """What is published under a URL prefix (`Place`)."""

    def __init__(self, prefix: str, timeout: float = TIMEOUT, attempts: int | None = None) -> None:
        """Take a prefix; raises UsageError if it is not an address to fetch from."""
        parse_url(prefix)
        self.name = prefix.rstrip("/")
        self._timeout = timeout
        self._attempts = attempts
        self._client: Client | None = None

    def read(self, path: str, most: int) -> bytes | None:
        """See `Place`."""
        _check(path)
        url = below(self.name, path)
        if self._client is None:
            # It takes a while to load, and most runs of the program need none.
            from creditledger.web.http import ATTEMPTS, Client

            self._client = Client(self._timeout, ATTEMPTS if self._attempts is None else self._attempts)
        try:
            response = self._client.get(url, most)
        except FormatError as error:
            raise FormatError(f"{url}: {error}") from error
        if response.status in _NOT_THERE:
            return None
        if response.status != 200:
            raise StoreError(f"{url} was answered with status {response.status} instead of the file")
        return response.body

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()


class Folder:
    """A directory of published files (`Place`), and where they are written.

    Only regular files are read, and no link is followed below the directory, so that nothing outside is. Files are
    written whole under their names or not at all, mode 0644.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.name = str(directory)
        self._unsynced: set[Path] = set()
        self._inside: set[Path] = set()

    def read(self, path: str, most: int) -> bytes | None:
        """See `Place`."""
        try:
            descriptor = self._open(_check(path))
        except OSError as error:
            if error.errno in _ABSENT:
                return None
            if error.errno == errno.ELOOP:
                raise FormatError(
                    f"{self.directory / path} is, or lies behind, a link, which is not followed"
                ) from None
            raise disk_error("read", self.directory / path, error.errno, str(error)) from error
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise FormatError(f"{self.directory / path} is no regular file")
            data = _read_all(descriptor, most + 1)
        except OSError as error:
            raise disk_error("read", self.directory / path, error.errno, str(error)) from error
        finally:
            os.close(descriptor)
        if len(data) > most:
            raise FormatError(f"{self.directory / path} has more than the {most} bytes that are expected at most")
        return data

    def _open(self, names: list[str]) -> int:
        """Open a file step by step, since only the last step of a path can be kept from being a link."""
        at = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for name in names[:-1]:
                inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
                os.close(at)
                at = inner
            # Without O_NONBLOCK, opening a pipe would wait for a writer.
            return os.open(names[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=at)
        finally:
            os.close(at)

    def write(self, path: str, data: bytes) -> None:
        """Write a file under its name, in place of any that is there; its entry is durable after `sync`.

        Raises StoreError.
        """
        target = self.directory.joinpath(*_check(path))
        try:
            with self._new_file() as (descriptor, name):
                _write_all(descriptor, data)
                os.fsync(descriptor)
                self._make_parent(target)
                os.replace(name, target)
        except OSError as error:
            raise disk_error("write", target, error.errno, str(error)) from error
        self._unsynced.add(target.parent)

    @contextmanager
    def _new_file(self) -> Iterator[tuple[int, str]]:
        """A file in the working directory, its descriptor and name, removed in the end if it is still there."""
        work = self.directory / _WORK
        try:
            descriptor, name = tempfile.mkstemp(dir=work)
        except FileNotFoundError:
            self._make_dir(work)
            descriptor, name = tempfile.mkstemp(dir=work)
        try:
            os.fchmod(descriptor, _FILE_MODE)
            yield descriptor, name
        finally:
            os.close(descriptor)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)

    def _make_parent(self, target: Path) -> None:
        """Make the directory that a file is to be in; one that a link leads out to is refused."""
        parent = target.parent
        if parent in self._inside:
            return
        self._make_dir(parent)
        if parent.resolve() != self.directory.resolve() / parent.relative_to(self.directory):
            raise StoreError(f"{parent} is, or lies behind, a link; what is published stays in its directory")
        self._inside.add(parent)

    def _make_dir(self, path: Path) -> None:
        if not path.is_dir():
            if path != self.directory:
                self._make_dir(path.parent)
            path.mkdir(mode=_DIR_MODE, parents=path == self.directory, exist_ok=True)
            self._unsynced.add(path.parent)

    def make(self) -> None:
        """Make the directory, mode 0755, if it is not there. Raises StoreError."""
        try:
            self._make_dir(self.directory)
        except OSError as error:
            raise disk_error("make the directory", self.directory, error.errno, str(error)) from error

    def remove_dir(self, path: str) -> int:
        """Remove a directory and the files in it; returns how many there were, 0 too if there is no such directory."""
        target = self.directory.joinpath(*_check(path))
        try:
            if target.is_symlink() or not target.is_dir():
                return 0
            files = list(target.iterdir())
            for file in files:
                file.unlink()
            target.rmdir()
        except OSError as error:
            raise disk_error("remove", target, error.errno, str(error)) from error
        self._inside.discard(target)
        self._unsynced.discard(target)
        return len(files)

    def sync(self) -> None:
        """Make the entries of all files written so far durable. Raises StoreError."""
        dirty, self._unsynced = self._unsynced, set()
        for path in sorted(dirty):
            try:
                sync_dir(path)
            except OSError as error:
                raise disk_error("write", path, error.errno, str(error)) from error

    @contextmanager
    def held(self) -> Iterator[None]:
        """Make the directory if need be, and keep other writers out; what killed ones have left is removed.

        Raises Locked if another process is writing there, StoreError if it cannot be written.
        """
        self.make()
        with WriterLock(self.directory / _LOCK):
            self._clear()
            try:
                yield
            finally:
                self._clear()

    def _clear(self) -> None:
        work = self.directory / _WORK
        try:
            if work.is_dir():
                for left in work.iterdir():
                    left.unlink()
                work.rmdir()
        except OSError as error:
            raise disk_error("clear away", work, error.errno, str(error)) from error

    def close(self) -> None:
        """Nothing is held."""


def _read_all(descriptor: int, most: int) -> bytes:
    parts = []
    while most and (part := os.read(descriptor, most)):
        parts.append(part)
        most -= len(part)
    return b"".join(parts)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
