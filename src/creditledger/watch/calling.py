"""Calling a program when something must be known at once: no shell, a bounded time, and nothing left running."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from pathlib import Path
from typing import Final

from creditledger.errors import UsageError

SECONDS: Final = 60.0


def parse_command(text: str) -> list[str]:
    """Take a command line apart, quotes as in a shell and nothing else; raises UsageError."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"the command {text!r:.200} cannot be read: {error}") from None
    if not words:
        raise UsageError("the command to call is empty")
    return words


def call(command: list[str], file: Path, seconds: float = SECONDS) -> str:
    """Call a program with the path of a file as its last argument; return what became of it, in words.

    It gets no input; what it writes goes to standard error. After `seconds` it is killed, with all that it started in
    its session.
    """
    try:
        # The user's own command; what it writes must not get between the lines that this process writes for programs.
        with subprocess.Popen(  # noqa: S603 - no shell, and the words are the user's own
            [*command, str(file)], stdin=subprocess.DEVNULL, stdout=2, start_new_session=True
        ) as process:
            try:
                code = process.wait(seconds)
            except BaseException as stopped:
                os.killpg(process.pid, signal.SIGKILL)
                if not isinstance(stopped, subprocess.TimeoutExpired):
                    raise
                return f"{command[0]} was called with {file}, and killed because it took more than {seconds:g} s"
    except (OSError, ValueError) as error:
        return f"{command[0]} could not be called: {error}"
    ended = "ended well" if code == 0 else f"failed: it ended with {code}"
    return f"{command[0]} was called with {file}, and {ended}"
