"""Threads that wait for a network, and that nobody has to wait for.

Python joins the threads of a `ThreadPoolExecutor` when it ends, so that whoever interrupts a program that is waiting
for a stalled server waits for every time-out, too. These end with the process.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

R = TypeVar("R")


class FetchThreads:
    """So many threads, to be left as a context manager: after an error they are waited for, as what they are doing may
    be writing; after an interrupt, or where the results are asked for no more, they are not."""

    def __init__(self, threads: int, name: str) -> None:
        self._tasks: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, name=f"{name}_{number}", daemon=True) for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, work: Callable[[], R]) -> Future[R]:
        """Has a thread do something; what it returns or raises is in the future, which can be cancelled until then."""
        from concurrent.futures import Future  # It takes a while to load.

        future: Future[R] = Future()

        def task() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
                future.set_exception(error)
            else:
                future.set_result(result)

        self._tasks.put(task)
        return future

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for _ in self._threads:
            self._tasks.put(None)
        if kind is None or issubclass(kind, Exception):
            for thread in self._threads:
                thread.join()

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            task()
