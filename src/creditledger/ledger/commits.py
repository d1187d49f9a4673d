"""Group commit: threads that append at the same time share one commit.

Whoever comes first leads: it takes everything that is waiting, commits it, and hands the lead to one of those who came
meanwhile. Nobody is answered before the commit that holds its request is on the disk.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Request = TypeVar("Request")
MAX_GROUP = 1024


class _Waiting(Generic[Request]):
    __slots__ = ("done", "request", "turn")

    def __init__(self, request: Request) -> None:
        self.request = request
        self.done = False
        self.turn = threading.Lock()
        self.turn.acquire()


class GroupCommit(Generic[Request]):
    """Serialises requests into groups; `commit` is called with one group at a time and never raises."""

    def __init__(self, commit: Callable[[list[Request]], None]) -> None:
        self._commit = commit
        self._mutex = threading.Lock()
        self._queue: list[_Waiting[Request]] = []
        self._led = False

    def submit(self, request: Request) -> None:
        """Returns once the request has been through `commit`, in whichever group."""
        waiting = _Waiting(request)
        with self._mutex:
            self._queue.append(waiting)
            leads = not self._led
            self._led = True
        if not leads:
            waiting.turn.acquire()
            if waiting.done:
                return
        with self._mutex:
            group, self._queue = self._queue[:MAX_GROUP], self._queue[MAX_GROUP:]
        try:
            self._commit([one.request for one in group])
        finally:
            with self._mutex:
                heir = self._queue[0] if self._queue else None
                self._led = heir is not None
            if heir is not None:
                heir.turn.release()
            for one in group:
                one.done = True
                if one is not waiting:
                    one.turn.release()
