"""Commands that go on round after round, as services do, until they are told to end."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self, TypeVar

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
    with _Interruption(at_once=False) as interruption:
        while not interruption.asked:
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
            interruption.pause(wait)
    return 0


@contextmanager
def until_stopped() -> Iterator[Callable[[float], None]]:
    """What is done within goes on for ever, and can be broken off anywhere: SIGINT and SIGTERM end it as meant.

    Gives a function that waits some seconds between two rounds. An interrupt that came where Python drops exceptions,
    in a destructor say, is heard there at the latest.
    """
    with _Interruption(at_once=True) as interruption:

        def pause(seconds: float) -> None:
            interruption.pause(seconds)
            if interruption.asked:
                raise KeyboardInterrupt

        try:
            yield pause
        except KeyboardInterrupt:
            output.say("stopped")


class _Interruption:
    """SIGINT and SIGTERM while something goes on: `asked` tells that the process is to end.

    `at_once`: what it is doing then is broken off by KeyboardInterrupt, otherwise done to the end. A handler runs
    between any two steps of the main thread, so no lock is used: the thread might hold it.
    """

    def __init__(self, *, at_once: bool) -> None:
        self.asked = False
        self._at_once = at_once
        self._pausing = False
        self._before: dict[signal.Signals, Any] = {}

    def pause(self, seconds: float) -> None:
        """Waits, unless and until the process is to end."""
        try:
            self._pausing = True
            if not self.asked:
                time.sleep(seconds)
            self._pausing = False
        except KeyboardInterrupt:
            self.asked = True
        finally:
            self._pausing = False

    def __enter__(self) -> Self:
        self._before = {name: signal.signal(name, self._hear) for name in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for name, handler in self._before.items():
            signal.signal(name, handler)

    def _hear(self, *_: object) -> None:
        self.asked = True
        if self._at_once or self._pausing:
            raise KeyboardInterrupt
