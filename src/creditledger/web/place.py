"""Where published files are read: a directory, or a URL prefix; and the directory in which they are written.

What is read here is as anybody may have written it. Paths are those of the C2SP tile layout: a few plain names.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
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
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
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

    Only regular files are read, and no link is followed below the directory, whether to read, to write or to remove, so
    that nothing outside is touched. Files are written whole under their names or not at all, mode 0644.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.name = str(directory)
        self._unsynced: set[tuple[str, ...]] = set()

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
        with self._below(tuple(names[:-1])) as at:
            # Without O_NONBLOCK, opening a pipe would wait for a writer.
            return os.open(names[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=at)

    def write(self, path: str, data: bytes) -> None:
        """Write a file under its name, in place of any that is there; its entry is durable after `sync`.

        Raises StoreError, also where a link, or something that is no file, stands in the way.
        """
        *names, last = _check(path)
        try:
            with (
                self._below((_WORK,), make=True) as work,
                _new_file(work, data) as name,
                self._below(tuple(names), make=True) as parent,
            ):
                os.replace(name, last, src_dir_fd=work, dst_dir_fd=parent)
        except OSError as error:
            raise self._error("write", path, error) from error
        self._unsynced.add(tuple(names))

    @contextmanager
    def _below(self, names: tuple[str, ...], *, make: bool = False) -> Iterator[int]:
        """The descriptor of a directory below this one, which no link leads to; made on the way with `make`."""
        at = os.open(self.directory, _DIRECTORY)
        try:
            for depth, name in enumerate(names):
                if make:
                    self._make_dir(at, names[:depth], name)
                inner = os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=at)
                os.close(at)
                at = inner
            yield at
        finally:
            os.close(at)

    def _make_dir(self, at: int, parents: tuple[str, ...], name: str) -> None:
        try:
            os.stat(name, dir_fd=at, follow_symlinks=False)
        except FileNotFoundError:
            with contextlib.suppress(FileExistsError):  # Another thread made it meanwhile.
                os.mkdir(name, _DIR_MODE, dir_fd=at)
            self._unsynced.add(parents)

    def _error(self, action: str, path: str, error: OSError) -> StoreError:
        target = self.directory / path
        if error.errno in (errno.ENOTDIR, errno.ELOOP, errno.EISDIR):
            return StoreError(
                f"cannot {action} {target}: on the way, or in its place, stands a link, or what is no part of a "
                "published log; nothing is followed out of the directory, so move that away"
            )
        return disk_error(action, target, error.errno, str(error))

    def make(self) -> None:
        """Make the directory, mode 0755, if it is not there. Raises StoreError."""
        try:
            missing = [one for one in (self.directory, *self.directory.parents) if not one.exists()]
            self.directory.mkdir(mode=_DIR_MODE, parents=True, exist_ok=True)
            for one in missing:
                sync_dir(one.parent)
        except OSError as error:
            raise disk_error("make the directory", self.directory, error.errno, str(error)) from error

    def remove_dir(self, path: str, keep: str | None = None) -> int:
        """Remove a directory and the files in it; with `keep`, only its files of other names.

        Returns how many files there were, 0 too if there is no such directory. Raises StoreError.
        """
        *names, last = _check(path)
        removed = 0
        try:
            with self._below(tuple(names)) as parent:
                with self._below((*names, last)) as inner:
                    for name in os.listdir(inner):
                        if name != keep:
                            os.unlink(name, dir_fd=inner)
                            removed += 1
                if keep is None:
                    os.rmdir(last, dir_fd=parent)
                    self._unsynced.discard((*names, last))
        except OSError as error:
            if error.errno not in _ABSENT:
                raise self._error("remove", path, error) from error
        return removed

    def sync(self) -> None:
        """Make the entries of all files written so far durable. Raises StoreError."""
        dirty, self._unsynced = self._unsynced, set()
        for names in sorted(dirty):
            try:
                with self._below(names) as descriptor:
                    os.fsync(descriptor)
            except OSError as error:
                raise self._error("write", "/".join(names), error) from error

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
        """Remove the working directory with the files in it, or what stands in its place: of a link, the link alone.

        What cannot be removed is in nobody's way: if nothing can be written, writing says so.
        """
        with contextlib.suppress(OSError):
            with self._below(()) as at:
                try:
                    with self._below((_WORK,)) as work:
                        for left in os.listdir(work):
                            with contextlib.suppress(OSError):
                                os.unlink(left, dir_fd=work)
                    os.rmdir(_WORK, dir_fd=at)
                except NotADirectoryError:
                    os.unlink(_WORK, dir_fd=at)
            self._unsynced.discard((_WORK,))

    def close(self) -> None:
        """Nothing is held."""


@contextmanager
def _new_file(work: int, data: bytes) -> Iterator[str]:
    """A whole file in the working directory, by its name there; removed in the end if it is still there."""
    name = os.urandom(8).hex()
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=work)
    try:
        try:
            _write_all(descriptor, data)
            os.fchmod(descriptor, _FILE_MODE)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        yield name
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=work)


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
