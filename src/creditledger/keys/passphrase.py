"""Where a passphrase comes from: a prompt, a file or a file descriptor; never the command line or the environment.

Arguments and environment variables are visible to other users of the machine, end up in shell histories and crash
reports, and are handed on to every child process. A `PassphraseSource` is a callable without arguments that returns
the passphrase as bytes, and is called only when a key turns out to be encrypted.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable

from creditledger.errors import PassphraseError

MAX_PASSPHRASE = 1024

Passphrase = Callable[[], bytes] | bytes | None
"""What functions that need a passphrase accept: a source, the passphrase itself, or None for "there is none"."""


class PassphraseSource:
    """A way to obtain one passphrase of 1 to 1,024 bytes; calling it raises `PassphraseError` if there is none."""

    __slots__ = ("_read", "description")

    def __init__(self, description: str, read: Callable[[], bytes]) -> None:
        self.description = description
        self._read = read

    def __call__(self) -> bytes:
        """Return the passphrase, without the newline that may end it."""
        passphrase = self._read()
        if not passphrase:
            raise PassphraseError(f"the passphrase from {self.description} is empty")
        if len(passphrase) > MAX_PASSPHRASE:
            raise PassphraseError(f"the passphrase from {self.description} is longer than {MAX_PASSPHRASE} bytes")
        return passphrase

    def __repr__(self) -> str:
        return f"PassphraseSource({self.description})"

    @classmethod
    def prompt(cls, *, confirm: bool = False, text: str = "Passphrase: ") -> PassphraseSource:
        """Ask on the terminal, without echo; with `confirm` (for a new passphrase) ask twice and compare."""

        def read() -> bytes:
            first = _ask(text)
            if confirm and _ask("Once more: ") != first:
                raise PassphraseError("the two passphrases differ; nothing was done")
            return first

        return cls("the terminal", read)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> PassphraseSource:
        """Read a file (or a pipe); a regular file must not be accessible to group and others."""

        def read() -> bytes:
            try:
                # Opening a named pipe that nobody writes to would wait; without a writer it is read as empty instead.
                descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK)
            except (OSError, ValueError) as error:
                raise PassphraseError(f"cannot read the passphrase file {os.fspath(path)}: {error}") from error
            try:
                os.set_blocking(descriptor, True)
                mode = os.fstat(descriptor).st_mode
                if stat.S_ISREG(mode) and mode & 0o077:
                    raise PassphraseError(
                        f"the passphrase file {os.fspath(path)} is accessible to others: run chmod 600 on it, and if "
                        "others could have read it, change the passphrase"
                    )
                return _read_all(descriptor, f"the file {os.fspath(path)}")
            finally:
                os.close(descriptor)

        return cls(f"the file {os.fspath(path)}", read)

    @classmethod
    def from_fd(cls, descriptor: int) -> PassphraseSource:
        """Read an open file descriptor to its end; it can be read once, and is left open."""
        return cls(f"file descriptor {descriptor}", lambda: _read_all(descriptor, f"file descriptor {descriptor}"))


prompt = PassphraseSource.prompt()
"""Asks on the terminal when it is called."""


def resolve(passphrase: Passphrase, purpose: str) -> bytes:
    """Return the passphrase itself, calling its source if need be.

    Args:
        passphrase: a source, the passphrase itself, or None.
        purpose: what needs it, for the message, such as "the key file court.key".

    Raises:
        PassphraseError: there is none.
    """
    if passphrase is None:
        raise PassphraseError(f"{purpose} is encrypted, and no passphrase was given")
    found = passphrase() if callable(passphrase) else passphrase
    if not found:
        raise PassphraseError(f"{purpose} is encrypted, and the passphrase given is empty")
    return found


def _ask(text: str) -> bytes:
    import getpass
    import warnings

    with warnings.catch_warnings():
        # Without a terminal, getpass would warn and then read, and echo, standard input.
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(text).encode()
        except EOFError as error:
            raise PassphraseError("no passphrase was typed") from error
        except getpass.GetPassWarning as error:
            raise PassphraseError(
                "there is no terminal to ask for the passphrase on; give it by a file or a file descriptor"
            ) from error
        except UnicodeError as error:
            raise PassphraseError("the passphrase typed is not valid text") from error


def _read_all(descriptor: int, name: str) -> bytes:
    """Read to the end, or to one byte beyond what can be a passphrase and its newline; strip one newline."""
    data = b""
    try:
        while len(data) < MAX_PASSPHRASE + 3 and (chunk := os.read(descriptor, MAX_PASSPHRASE + 3 - len(data))):
            data += chunk
    except (OSError, OverflowError) as error:
        raise PassphraseError(f"cannot read the passphrase from {name}: {error}") from error
    return data.removesuffix(b"\n").removesuffix(b"\r") if data.endswith(b"\n") else data
