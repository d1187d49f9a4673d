"""The program, loaded once: each run is a fork, a process of its own like any other, without the time of a start.

Run as a script, this is the process that is forked. It loads every module of the package and waits for requests: JSON,
with a connection and the three standard streams beside it. To each it forks a process that forks the run, waits for it,
and sends over the connection the run's process id and how it ended, in two lines. The run has the streams, environment,
directory and arguments it was given, runs the package as `python -m creditledger` does, and ends as any program in
Python does. What a start adds, the entry point and imports that are missing, is tested where the real thing is started:
in the README's tour, and by `Program` for runs with special needs.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import gc
import importlib
import io
import json
import os
import pkgutil
import resource
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import termios
from collections.abc import Sequence
from functools import cache
from typing import Any, Self

PIPE = 65536
"""Bytes that a pipe takes before anybody reads them."""
_REQUEST = 1 << 18
_TABLES = ("rich.cells", "rich.console", "rich.progress", "rich.table", "rich.text")


class Run:
    """A run of the program."""

    def __init__(self, connection: socket.socket) -> None:
        self._lines = connection.makefile("r", encoding="ascii")
        connection.close()
        self.pid = int(self._lines.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()

    def wait(self) -> int:
        """Waits for its end; returns the exit code, or the signal that ended it with a minus, as `subprocess` does."""
        return int(self._lines.readline())

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


class Prepared:
    """The process that is forked. It ends with this one."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * _REQUEST)
            self._control.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * _REQUEST)
            # Nobody's terminal is that of a run, unless it is given one.
            self._process = subprocess.Popen(
                [sys.executable, "-P", __file__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,
            )
        self._mine = os.getpid()
        atexit.register(self._end)

    def start(
        self,
        arguments: Sequence[str],
        streams: Sequence[int],
        environment: dict[str, str],
        *,
        memory: int = resource.RLIM_INFINITY,
        session: bool = False,
        terminal: bool = False,
    ) -> Run:
        """Starts a run with these standard streams and no more than `memory` bytes of its own; in a session of its own,
        with its standard input for its controlling terminal, if it is to be."""
        request = {
            "arguments": arguments, "environment": environment, "directory": os.getcwd(), "memory": memory,
            "session": session, "terminal": terminal,
        }  # fmt: skip
        connection, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self._control, [json.dumps(request).encode()], [theirs.fileno(), *streams])
        return Run(connection)

    def run(
        self, arguments: Sequence[str], given: bytes, environment: dict[str, str], *, memory: int, timeout: float
    ) -> tuple[int, bytes, bytes]:
        """Runs it with `given`, at most `PIPE` bytes, on standard input; returns exit code, standard output and
        standard error. Raises TimeoutError, and ends it, if it is silent for so many seconds."""
        ends = [os.pipe() for _ in range(3)]
        theirs = [ends[0][0], ends[1][1], ends[2][1]]
        os.write(ends[0][1], given)
        os.close(ends[0][1])
        run = self.start(arguments, theirs, environment, memory=memory)
        for end in theirs:
            os.close(end)
        said = {ends[1][0]: b"", ends[2][0]: b""}
        with run, selectors.DefaultSelector() as selector:
            for end in said:
                selector.register(end, selectors.EVENT_READ)
            while selector.get_map():
                ready = selector.select(timeout)
                if not ready:
                    run.kill()
                    raise TimeoutError(f"silent for {timeout} s: {arguments}")
                for key, _ in ready:
                    data = os.read(key.fd, PIPE)
                    said[key.fd] += data
                    if not data:
                        selector.unregister(key.fd)
                        os.close(key.fd)
            out, err = said.values()
            return run.wait(), out, err

    def _end(self) -> None:
        if os.getpid() == self._mine:
            self._control.close()
            self._process.wait()


def prepared(environment: dict[str, str]) -> Prepared:
    """The process to be forked for this environment: there is one for each way of starting an interpreter."""
    settings = (item for item in environment.items() if item[0].startswith(("PYTHON", "LC_", "LANG")))
    return _prepared(tuple(sorted(settings)))


@cache
def _prepared(settings: tuple[tuple[str, str], ...]) -> Prepared:
    return Prepared({"PATH": os.environ.get("PATH", os.defpath), **dict(settings)})


# -- in the process that is forked -------------------------------------------------------------------------------------


def _load() -> None:
    package = importlib.import_module("creditledger")
    for found in pkgutil.walk_packages(package.__path__, "creditledger."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    for name in _TABLES:
        importlib.import_module(name)
    # What is here already is never looked at again: pages that nobody writes to stay shared.
    gc.collect()
    gc.freeze()


def _serve(control: socket.socket) -> None:
    """Forks for each request; returns in the run that was asked for. Whoever asked is gone: it ends."""
    while True:
        request, fds, _, _ = socket.recv_fds(control, _REQUEST, 4)
        if not request:
            os._exit(0)
        if os.fork() == 0:
            break
        for fd in fds:
            os.close(fd)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
    control.close()
    connection, *streams = fds
    run = os.fork()
    if run == 0:
        os.close(connection)
        _become(streams, **json.loads(request))
        return
    for fd in streams:
        os.close(fd)
    with contextlib.suppress(BrokenPipeError):
        os.write(connection, b"%d\n" % run)
        ended = os.waitstatus_to_exitcode(os.waitpid(run, 0)[1])
        os.write(connection, b"%d\n" % ended)
    os._exit(0)


def _become(
    streams: list[int],
    *,
    arguments: list[str],
    environment: dict[str, str],
    directory: str,
    memory: int,
    session: bool,
    terminal: bool,
) -> None:
    if session:
        os.setsid()
    for number, fd in enumerate(streams):
        os.dup2(fd, number)
        os.close(fd)
    if terminal:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    sys.argv[1:] = arguments
    sys.path.insert(0, directory)
    sys.stdin = _stream(0, sys.stdin, newline=None)
    sys.stdout = _stream(1, sys.stdout, line_buffering=os.isatty(1))
    sys.stderr = _stream(2, sys.stderr, line_buffering=True)


def _stream(number: int, like: Any, newline: str | None = "\n", *, line_buffering: bool = False) -> io.TextIOWrapper:
    """A standard stream as the interpreter makes it: what it buffers depends on what it is."""
    raw = open(number, "rb" if number == 0 else "wb", closefd=False)  # noqa: SIM115 - it is open until the end
    return io.TextIOWrapper(raw, like.encoding, like.errors, newline, line_buffering)


if __name__ == "__main__":
    _load()
    _serve(socket.socket(fileno=int(sys.argv[1])))
    runpy.run_module("creditledger", run_name="__main__", alter_sys=True)
