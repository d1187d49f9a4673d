"""Runs the real program, `python -m creditledger`, as a user would: in a process of its own, with a home of its own.

Most runs are forks of one process in which it is loaded already (see prepared.py); `started` and special needs make
it start from nothing.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import pty
import re
import resource
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from cli.prepared import PIPE, prepared

TIMEOUT = 90
MEMORY = 600 << 20
"""Bytes that one run may have beside what it maps from files: far less than a file of 1 GB, more than it needs."""
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class Result(NamedTuple):
    """How a run ended: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The JSON document on standard output."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """The JSON lines on standard output."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True)
class Program:
    """The program with the state directory `home`, where it keeps signed heads."""

    home: Path

    def environment(self) -> dict[str, str]:
        # The size of the terminal is that of the terminal, whatever a test runner says of its own.
        own = ("CREDITLEDGER_", "COLUMNS", "LINES")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
        return kept | {"XDG_STATE_HOME": str(self.home), "TERM": "xterm-256color", "PYTHONWARNINGS": "error"}

    def __call__(
        self,
        *arguments: object,
        given: str | bytes = b"",
        mortal: bool = False,
        max_file: int | None = None,
        fds: Sequence[int] = (),
        started: bool = False,
    ) -> Result:
        """Runs it. `given` is standard input; `mortal`: without root's right to overlook file modes; `max_file`: files
        can grow to so many bytes, as if the disk were full then; `fds` stay open; `started` from nothing. Memory of its
        own it gets no more than `MEMORY`."""
        data = given.encode() if isinstance(given, str) else given
        environment = self.environment()
        if not (mortal or max_file is not None or fds or started or len(data) > PIPE):
            words = [*map(str, arguments)]
            ended = prepared(environment).run(words, data, environment, memory=MEMORY, timeout=TIMEOUT)
            return Result(ended[0], ended[1].decode(), ended[2].decode())

        def prepare() -> None:
            resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
            if mortal and os.geteuid() == 0:
                _obey_file_modes()
            if max_file is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (max_file, max_file))

        done = subprocess.run(
            [sys.executable, "-m", "creditledger", *map(str, arguments)],
            input=data,
            capture_output=True,
            env=environment,
            timeout=TIMEOUT,
            pass_fds=fds,
            preexec_fn=prepare,
        )
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    def on_terminal(self, *arguments: object, typed: str = "", columns: int = 100) -> tuple[int, str]:
        """Runs it on a terminal, on which `typed` is typed; returns exit code and what the terminal shows."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        environment = self.environment() | {"PAGER": "cat"}
        words = [*map(str, arguments)]
        with prepared(environment).start(words, [slave] * 3, environment, session=True) as process:
            os.close(slave)
            os.write(master, typed.encode())
            shown = b""
            while True:
                try:
                    data = os.read(master, 65536)
                except OSError:  # EIO: nobody has the other side open any more.
                    break
                if not data:
                    break
                shown += data
            code = process.wait()
        os.close(master)
        return code, shown.decode().replace("\r\n", "\n")

    def converse(self, *arguments: object, answers: list[tuple[str, str]]) -> tuple[int, str]:
        """Runs it on a terminal; each answer is typed once its question is shown. Exit code and what is shown."""
        master, slave = pty.openpty()
        environment = self.environment()
        words = [*map(str, arguments)]
        with prepared(environment).start(words, [slave] * 3, environment, session=True, terminal=True) as process:
            os.close(slave)
            shown, waiting, seen = "", list(answers), 0
            while select.select([master], [], [], 60)[0]:
                try:
                    data = os.read(master, 65536)
                except OSError:  # EIO: nobody has the other side open any more.
                    break
                shown += data.decode()
                if waiting and (at := shown.find(waiting[0][0], seen)) >= 0:
                    seen = at + len(waiting[0][0])
                    os.write(master, f"{waiting.pop(0)[1]}\n".encode())
            else:
                process.kill()
                raise AssertionError(f"nothing was shown for a minute after: {shown}")
            code = process.wait()
        os.close(master)
        assert not waiting, f"never asked: {waiting}; shown: {shown}"
        return code, plain(shown).replace("\r\n", "\n")


def plain(shown: str) -> str:
    """What a terminal shows, without its colours."""
    return _COLOUR.sub("", shown)


def _obey_file_modes() -> None:
    """Gives up CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH for what is executed next (capabilities(7), prctl(2))."""
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in (1, 2):
        if libc.prctl(24, capability, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "cannot drop a capability")
