"""Functions for the worker processes of `test_workers`."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from creditledger.errors import FormatError, Refused, StoreError, VerificationFailed


def tasks() -> dict[str, Callable[..., Any]]:
    """The functions; `remember` and `recall` share something."""
    memory: list[Any] = []

    def remember(value: Any) -> int:
        memory.append(value)
        return os.getpid()

    return {
        "echo": lambda *args: args,
        "pid": os.getpid,
        "remember": remember,
        "recall": lambda: memory,
        "sleep": _sleep,
        "crash": lambda number: os.kill(os.getpid(), number),
        "leave": os._exit,
        "print": _print,
        "complain": _complain,
        "bug": lambda: dict[str, int]()["nothing"],
        "refuse": lambda: _throw(Refused("R-TERM", "too long", "a shorter one", 3)),
        "fail": lambda: _throw(VerificationFailed("LED-SIG", "no", expected="a", found="b", seq=7)),
        "format": lambda: _throw(FormatError("not so")),
        "store": lambda: _throw(StoreError("the disk")),
        "environment": lambda: (dict(os.environ), sys.flags.isolated, "site" in sys.modules),
        "ignore": _ignore,
        "main": lambda: sys.modules["__main__"].__dict__.get("__file__"),
    }


def _sleep(seconds: float, value: Any) -> Any:
    time.sleep(seconds)
    return value


def _print() -> str:
    """Write where the answers go, read where the calls come from: neither may be disturbed."""
    print("noise", flush=True)
    return sys.stdin.read()


def _complain() -> None:
    """Write to standard error in every way that there is, and raise."""
    print("noise", file=sys.stderr, flush=True)
    os.write(2, b"more noise\n")
    raise OSError("what no task expects")


def _ignore() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _throw(error: Exception) -> None:
    raise error
