"""Telling of one ledger: events in its name, forks with their evidence on the disk, and whoever is to be called."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from creditledger.audit.trust import Trust
from creditledger.receipts import fork
from creditledger.watch import evidence
from creditledger.watch.events import Event
from creditledger.watch.state import State

Call = Callable[[Path], str]
"""Calls somebody with the path of a file; returns what became of it, in words."""


class Teller:
    """Makes the events of one ledger; evidence is written and remembered before it is told."""

    def __init__(self, trust: Trust, state: State, directory: Path, call: Call | None) -> None:
        self._trust = trust
        self._state = state
        self._directory = directory
        self._call = call

    def event(self, kind: str, vantage: str, words: str, *, file: str = "", **facts: object) -> Event:
        """An event of the ledger; `vantage` names a place, or is empty."""
        return Event(kind, self._trust.origin, vantage, words, facts, file)

    def expose(self, vantage: str, found: fork.Fork, *, other: str = "") -> Iterator[Event]:
        """Write the evidence, call for help, and remember it; raises StoreError if that cannot be written.

        A place that shows another history than was verified goes on to show it as both grow: that is one fork, told
        again each time. So it is where a place contradicts what `other`, perhaps the same place, showed before it.
        """
        key = " and ".join(sorted((vantage, other))) if other else vantage
        known = self._state.forks.get(key)
        path = self._directory / known if known else evidence.keep(self._directory, found)
        than = f"than {other} showed" if other else "than was verified before"
        words = (
            f"{vantage} shows another history of {self._trust.origin} {than}. "
            f"{found.message[0].upper()}{found.message[1:]}; {fork.MEANING}. Keep the evidence, and ask the "
            "operator, the witnesses and other users which history they were shown; it convinces whoever has the trust "
            "file"
        )
        yield self.event(
            "fork", vantage, words, file=str(path), again=known is not None,
            first={"size": found.first.size, "root": found.first.root.hex()},
            second={"size": found.second.size, "root": found.second.root.hex()},
            root_of_second_at_first=found.root.hex(),
        )  # fmt: skip
        if known is None:
            # Called before it is noted as known: when killed in between, help is called twice rather than never.
            if path.name not in self._state.forks.values():
                yield from self.call(vantage, path)
            self._state.forks[key] = path.name
            self._state.write()

    def call(self, vantage: str, path: Path) -> Iterator[Event]:
        """Call whoever is to be called, with the path of what can be checked."""
        if self._call is not None:
            yield self.event("called", vantage, self._call(path), file=str(path))
