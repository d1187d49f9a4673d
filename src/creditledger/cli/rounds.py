"""Commands that go on round after round, as services do, until they are told to end."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, TypeVar

import click

from creditledger.cli import options, output
from creditledger.errors import LedgerError, Locked, NoLedger, StoreError

Command = TypeVar("Command", bound=Callable[..., Any])

_LEAST = 1_000_000
"""The shortest time between two rounds, in microseconds."""
_LOCKED_AGAIN = 5.0
"""Seconds after which another attempt is made when somebody else was writing."""


def every(words: str) -> Callable[[Command], Command]:
    """`--every`: how long from the end of a round to the next, in microseconds; `words` say what for."""
    return click.option("--every", type=options.DurationType(seconds=True), callback=_at_least, help=words)


def _at_least(_context: click.Context, _parameter: click.Parameter, value: int | None) -> int | None:
    if value is not None and value < _LEAST:
        raise click.BadParameter("it takes at least 1s")
    return value


def in_rounds(once: Callable[[], object], pause: int, *, passing: tuple[type[LedgerError], ...] = (StoreError,)) -> int:
    """Does something again and again, `pause` microseconds apart, until SIGINT or SIGTERM; returns the exit code 0.

    A round that is under way is carried out to its end. What may be over by the next one, errors of the classes
    `passing`, is told and ends nothing; that there is no ledger does.
    """
    with _interruption() as interrupted:
        while not interrupted.is_set():
            wait = pause / 1_000_000
            try:
                once()
                sys.stdout.flush()
            except NoLedger:
                raise
            except Locked as error:
                output.say(f"note: {error}")
                wait = min(wait, _LOCKED_AGAIN)
            except passing as error:
                output.say(f"note: {output.explain(error)}")
            interrupted.wait(wait)
    return 0


@contextmanager
def until_stopped() -> Iterator[None]:
    """What is done within goes on for ever, and can be broken off anywhere: SIGINT and SIGTERM end it as meant."""

    def stop(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt:
        output.say("stopped")
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _interruption() -> Iterator[threading.Event]:
    """An event that is set when the process is to end; what it is doing then, it does to the end."""
    asked = threading.Event()
    before = {name: signal.signal(name, lambda *_: asked.set()) for name in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
