"""Several ledgers, each from several vantage points: who shows what, round by round."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final, Self

from creditledger.audit.published import Published
from creditledger.audit.trust import Trust
from creditledger.errors import FormatError, LedgerError, UsageError
from creditledger.ledger.layout import Layout
from creditledger.ledger.log import parse_checkpoint
from creditledger.store.files import make_dir
from creditledger.store.lock import WriterLock
from creditledger.watch.audits import Settings
from creditledger.watch.events import Event
from creditledger.watch.follower import Follower
from creditledger.watch.state import MAX_VANTAGES
from creditledger.web.place import TIMEOUT, Place, open_place
from creditledger.web.threads import FetchThreads

ATTEMPTS: Final = 2
"""How often a vantage point is asked in a round; the next round asks again."""


class Watcher:
    """Follows ledgers; a context manager, since it holds the lock of its directory, so that nobody else writes there.

    A vantage point is where a log is published, a URL prefix or a directory. Which ledger it belongs to, the origin of
    the checkpoint that it serves says; the trust file of that origin judges it.
    """

    def __init__(
        self,
        vantages: Sequence[str | os.PathLike[str]],
        trusts: Sequence[Trust],
        directory: str | os.PathLike[str],
        settings: Settings | None = None,
        *,
        timeout: float = TIMEOUT,
    ) -> None:
        """Open the directory and take up what is remembered there; nothing is fetched yet.

        Args:
            vantages: URLs and directories, 1 to 64, each once.
            trusts: what to go by, one for each origin.
            directory: where state, copies and evidence are kept; made with mode 0700 if need be.
            settings: see `Settings`; by default nobody is called, and cosignatures may be of any age.
            timeout: seconds to wait for each answer, and for each part of it.

        Raises:
            UsageError: a place is none, or the same twice; two trust files of one origin.
            Locked: another watcher uses the directory. FormatError: what is remembered is damaged. StoreError.
        """
        names = [os.fspath(one) for one in vantages]
        if not 1 <= len(names) <= MAX_VANTAGES or len(set(names)) < len(names):
            raise UsageError(f"give 1 to {MAX_VANTAGES} vantage points, each once, not {len(names)}: {names}"[:500])
        for name in names:
            if Layout(Path(name)).description.exists():
                raise UsageError(f"{name} is a ledger's own directory: watch what is published of it (publish)")
        if not trusts or len({one.origin for one in trusts}) < len(trusts):
            raise UsageError("give one trust file for each ledger; no two of the same origin")
        self._directory = Path(directory)
        make_dir(self._directory)
        self._lock = WriterLock(self._directory / "lock")
        self._places: list[Place] = []
        try:
            for left in self._directory.glob("*/.creditledger-*.tmp"):
                left.unlink()  # By a watcher that was killed while it wrote.
            self._followers = {
                one.origin: Follower(one, self._directory / one.ledger_id.hex(), settings or Settings())
                for one in trusts
            }
            self._places = [open_place(name, timeout=timeout, attempts=ATTEMPTS) for name in names]
        except BaseException:
            self.close()
            raise

    def round(self, now: float) -> Iterator[Event]:
        """Look at every vantage point once; yields what was come upon, as it is come upon. `now` is POSIX seconds.

        Raises StoreError if the state cannot be written.
        """
        shown: dict[str, list[tuple[Place, bytes]]] = {origin: [] for origin in self._followers}
        answered: set[str] = set()
        for place, note in self._fetch():
            if isinstance(note, Event):
                yield note
                continue
            try:
                origin = parse_checkpoint(note).origin
            except FormatError as error:
                yield Event("unknown", "", place.name, f"{place.name} serves no checkpoint: {error}")
                continue
            if origin not in shown:
                words = f"{place.name} serves the log {origin}, and no trust file is for that"
                yield Event("unknown", "", place.name, words)
                continue
            answered.add(origin)
            shown[origin].append((place, note))
        for origin, follower in self._followers.items():
            if origin not in answered:
                yield Event("unreachable", origin, "", f"no vantage point shows anything of {origin} now")
            yield from follower.round(shown[origin], now)

    def _fetch(self) -> Iterator[tuple[Place, bytes | Event]]:
        """The checkpoints that are served now, all fetched at once; in the order of the vantage points."""
        with FetchThreads(len(self._places), "creditledger-watch") as threads:
            notes = [threads.submit(partial(_checkpoint, place)) for place in self._places]
            for place, note in zip(self._places, notes, strict=True):
                yield place, note.result()

    def close(self) -> None:
        """Let go of the places and the directory."""
        for place in self._places:
            place.close()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _checkpoint(place: Place) -> bytes | Event:
    try:
        return Published(place).checkpoint_note()
    except (LedgerError, OSError) as error:  # Whatever a place does, the others are looked at.
        return Event("unreachable", "", place.name, f"{place.name} could not be read: {error}")
