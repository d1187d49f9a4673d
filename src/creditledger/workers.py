"""Worker processes: named functions run elsewhere, so that work is divided and a native crash kills a worker, not us.

    with Pool("creditledger.audit.tasks", jobs=2) as pool:
        pool.broadcast("open", path)                      # once in every worker
        for result in pool.map("check", calls): ...       # results in the order of the calls

A worker is a fresh interpreter that imports one module and runs the functions that its `tasks()` returns by name. They
may share what they have open; if one is called `close`, it is called in the end. Nothing of the caller's `__main__` is
imported and nothing is pickled: arguments and results are MessagePack values (arrays arrive as tuples). Errors of this
package are raised again in the caller. `Inline` does the same work in the caller's process.

A message on a pipe is a length in four big-endian bytes, then MessagePack. The caller's side reads and writes whatever
is ready and never blocks on a full pipe, so that neither side can wait for the other for ever.
"""

from __future__ import annotations

import importlib
import os
import selectors
import signal
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, BinaryIO, Final, Protocol, Self

from creditledger import errors
from creditledger.errors import CannotVerify, LedgerError

Task = Callable[..., Any]

AT_HAND: Final = 2
"""Calls that a worker has at hand: the one that it runs, and the next."""

SILENCE: Final = 900.0
"""Seconds without a word from any busy worker after which they are taken for hung."""

_READ = 1 << 20
_LENGTH = 4
_F_SETPIPE_SZ = 1031  # Of Linux; the module `fcntl` does not name it everywhere.
_SIGNALS = {int(one): one.name for one in signal.Signals}
_CRASHES = frozenset({signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSEGV})

# A new interpreter finds modules where this one does. Neither its environment nor its `site` has a say, and starting
# without `site` is faster.
_START = (
    "import sys; module, *sys.path = sys.argv[1:]; sys.argv[1:] = []; "
    "from creditledger.workers import serve; serve(module)"
)
_INHERITED = ("LD_LIBRARY_PATH", "SSL_CERT_DIR", "SSL_CERT_FILE", "TMPDIR")


class WorkerDied(CannotVerify):
    """A worker ended without an answer.

    `crashed` is true if native code in it crashed (SIGBUS, SIGSEGV, SIGABRT, ...): evidence about what it was reading.
    Otherwise it was killed, hung, or met a defect of this program, which says nothing about its input. `words` is all
    that it wrote to its standard error, a traceback perhaps: for those who mend the program, and in no message.
    """

    def __init__(self, cause: str, *, crashed: bool = False, words: str = "") -> None:
        self.cause = cause
        self.crashed = crashed
        self.words = words
        super().__init__(f"a worker process ended without an answer: {cause}")


class Runner(Protocol):
    """Where named functions run."""

    @property
    def jobs(self) -> int:
        """How many calls run at a time."""

    def broadcast(self, name: str, *args: Any) -> list[Any]:
        """Call the function once in every worker and return the results; raises what the first one raised."""

    def map(self, name: str, calls: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
        """Call the function with each tuple of arguments, and yield the results in that order.

        An error of this package is raised in place of the result it stands for; results before it come first. Calls
        are taken from the iterable only as they can be started, so that neither end can flood the other.
        """

    def close(self) -> None:
        """End the workers. Closing twice is fine."""


class Inline:
    """Runs the functions in this process, one at a time; for work too small to start a process for."""

    def __init__(self, module: str) -> None:
        self._tasks = _tasks(module)

    @property
    def jobs(self) -> int:
        return 1

    def broadcast(self, name: str, *args: Any) -> list[Any]:
        return [self._tasks[name](*args)]

    def map(self, name: str, calls: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
        task = self._tasks[name]
        for args in calls:
            yield task(*args)

    def close(self) -> None:
        """Let the functions close what they have open."""
        _close(self._tasks)


class _Ticket:
    """A call under way: its result, or the error that stands for it."""

    __slots__ = ("done", "error", "result")

    def __init__(self) -> None:
        self.done = False
        self.result: Any = None
        self.error: BaseException | None = None

    def settle(self, result: Any, error: BaseException | None) -> None:
        self.done, self.result, self.error = True, result, error

    def take(self) -> Any:
        if self.error is not None:
            raise self.error
        return self.result


class _Worker:
    """One process, with the calls that were sent to it and are not answered yet, in order."""

    __slots__ = ("complaints", "dead", "inbox", "outbox", "process", "reads", "tickets", "writes")

    def __init__(self, module: str) -> None:
        self.complaints: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the worker
        path = [os.path.abspath(entry) for entry in sys.path]
        try:
            # Its own process group: an interrupt from the keyboard goes to the caller, who then ends the workers.
            self.process = subprocess.Popen(  # noqa: S603 - this interpreter, and arguments that nobody else chooses
                [sys.executable, "-I", "-S", "-c", _START, module, *path],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.complaints,
                bufsize=0,
                env={name: os.environ[name] for name in _INHERITED if name in os.environ},
                process_group=0,
            )
        except OSError as error:
            self.complaints.close()
            raise WorkerDied(f"{sys.executable or 'the interpreter'} cannot be started: {error}") from error
        if self.process.stdin is None or self.process.stdout is None:
            raise WorkerDied("it was started without pipes")
        self.writes = self.process.stdin.fileno()
        self.reads = self.process.stdout.fileno()
        for fd in (self.writes, self.reads):
            os.set_blocking(fd, False)
            _widen(fd)
        self.tickets: deque[_Ticket] = deque()
        self.inbox = bytearray()
        self.outbox: deque[memoryview] = deque()
        self.dead: WorkerDied | None = None

    def send(self, message: bytes) -> _Ticket:
        ticket = _Ticket()
        if self.dead is not None:
            ticket.settle(None, self.dead)
            return ticket
        self.tickets.append(ticket)
        self.outbox.append(memoryview(message))
        self.write()
        return ticket

    def write(self) -> None:
        """Write as much as the pipe takes. That a worker is gone is noticed when its answers end."""
        while self.outbox:
            try:
                written = os.write(self.writes, self.outbox[0])
            except BlockingIOError:
                return
            except OSError:
                self.outbox.clear()
                return
            if written < len(self.outbox[0]):
                self.outbox[0] = self.outbox[0][written:]
            else:
                self.outbox.popleft()

    def read(self) -> None:
        """Take in what has arrived, and settle the calls that it answers."""
        try:
            data = os.read(self.reads, _READ)
        except BlockingIOError:
            return
        if not data:
            self.bury(self._ending())
            return
        self.inbox += data
        start = 0
        while len(self.inbox) - start >= _LENGTH:
            end = start + _LENGTH + int.from_bytes(self.inbox[start : start + _LENGTH], "big")
            if len(self.inbox) < end:
                break
            self.tickets.popleft().settle(*_answer(_unpack(self.inbox[start + _LENGTH : end])))
            start = end
        del self.inbox[:start]

    def bury(self, death: WorkerDied) -> None:
        """Give the reason of its death in place of every answer that it owes."""
        self.dead = death
        self.outbox.clear()
        for ticket in self.tickets:
            ticket.settle(None, death)
        self.tickets.clear()

    def _ending(self) -> WorkerDied:
        """How the process ended, and its last words."""
        status = _wait(self.process)
        self.complaints.seek(0)
        words = self.complaints.read(_READ).decode(errors="replace").strip()
        ending = f"it ended with status {status}" if status >= 0 else f"killed by {_SIGNALS.get(-status, -status)}"
        return WorkerDied(ending + _last_line(words), crashed=-status in _CRASHES, words=words)

    def close(self) -> None:
        """End the process: an idle one by the end of its input, a busy one by force."""
        if self.tickets:
            self.process.kill()
        for stream in (self.process.stdin, self.process.stdout, self.complaints):
            if stream is not None:
                stream.close()
        _wait(self.process)


def _last_line(words: str) -> str:
    """The last line of what a process complained of, which is what an error says of itself, fit for a message."""
    line = words.rpartition("\n")[2].strip()
    return ": " + "".join(one if one.isprintable() else "\ufffd" for one in line[:300]) if line else ""


class Pool:
    """Worker processes with one module's tasks, for use from one thread; a context manager.

    Once a worker has died, its calls and, when none is left, all later ones are answered by `WorkerDied`.
    """

    def __init__(self, module: str, jobs: int) -> None:
        """Start `jobs` processes, at least one, that import `module`; raises `WorkerDied` if that cannot be done."""
        self._workers: list[_Worker] = []
        try:
            for _ in range(max(jobs, 1)):
                self._workers.append(_Worker(module))
        except BaseException:
            self.close()
            raise

    @property
    def jobs(self) -> int:
        return len(self._workers)

    def broadcast(self, name: str, *args: Any) -> list[Any]:
        """See `Runner.broadcast`."""
        message = _pack((name, args))
        tickets = [worker.send(message) for worker in self._workers]
        while not all(ticket.done for ticket in tickets):
            self._exchange(SILENCE)
        return [ticket.take() for ticket in tickets]

    def map(self, name: str, calls: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
        """See `Runner.map`."""
        waiting: deque[_Ticket] = deque()
        for args in calls:
            message = _pack((name, args))
            while (worker := self._free_worker(len(waiting))) is None:
                if waiting and waiting[0].done:
                    yield waiting.popleft().take()
                    self._exchange(0)
                else:
                    self._exchange(SILENCE)
            waiting.append(worker.send(message))
        while waiting:
            if waiting[0].done:
                yield waiting.popleft().take()
            else:
                self._exchange(SILENCE)

    def close(self) -> None:
        """End the workers. Closing twice is fine."""
        workers, self._workers = self._workers, []
        for worker in workers:
            worker.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _free_worker(self, waiting: int) -> _Worker | None:
        """The living worker with the least at hand, if it has room; with all of them dead, a dead one, to say so.

        None, too, when so many results wait for one before them that more would be too many to keep.
        """
        if not self._workers:
            raise WorkerDied("the pool is closed")
        if waiting >= 2 * AT_HAND * len(self._workers):
            return None
        living = [worker for worker in self._workers if worker.dead is None]
        if not living:
            return self._workers[0]
        worker = min(living, key=lambda one: len(one.tickets))
        return worker if len(worker.tickets) < AT_HAND else None

    def _exchange(self, patience: float) -> None:
        """Read and write what is ready, waiting for it for so many seconds."""
        busy = [worker for worker in self._workers if worker.tickets]
        with selectors.DefaultSelector() as selector:
            for worker in busy:
                selector.register(worker.reads, selectors.EVENT_READ, worker.read)
                if worker.outbox:
                    selector.register(worker.writes, selectors.EVENT_WRITE, worker.write)
            ready = selector.select(patience)
        for key, _ in ready:
            key.data()
        if patience and not ready:
            for worker in busy:
                worker.process.kill()
                worker.bury(WorkerDied(f"it said nothing for {SILENCE:.0f} seconds and was ended"))


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def serve(module: str) -> None:
    """The worker's side: answer the calls on standard input, on standard output, until the input ends."""
    import gc

    incoming, outgoing = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    # Whatever else writes to standard output must not fall between the messages.
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    # Tasks make many small values and no cycles: the collector would walk over them again and again, for nothing.
    gc.disable()
    tasks = _tasks(module)
    while len(header := incoming.read(_LENGTH)) == _LENGTH:
        name, args = _unpack(incoming.read(int.from_bytes(header, "big")))
        try:
            answer = _pack((True, tasks[name](*args)))
        except LedgerError as error:
            answer = _pack((False, type(error).__name__, str(error), _plain_attributes(error)))
        try:
            outgoing.write(answer)
            outgoing.flush()
        except BrokenPipeError:  # The caller is gone.
            break
    _close(tasks)
    os._exit(0)  # Nothing is left to be done, and what is in `outgoing` has nobody to go to.


def _tasks(module: str) -> dict[str, Task]:
    found: dict[str, Task] = importlib.import_module(module).tasks()
    return found


def _close(tasks: dict[str, Task]) -> None:
    if "close" in tasks:
        tasks["close"]()


def _answer(answer: tuple[Any, ...]) -> tuple[Any, BaseException | None]:
    if answer[0]:
        return answer[1], None
    _, name, message, attributes = answer
    kind: type[LedgerError] = getattr(errors, name, LedgerError)
    # Constructors differ, and compose the message; here it is composed already.
    error = kind.__new__(kind)
    error.args = (message,)
    vars(error).update(attributes)
    return None, error


def _plain_attributes(error: LedgerError) -> dict[str, Any]:
    return {name: value for name, value in vars(error).items() if value is None or isinstance(value, str | int)}


def _pack(value: Any) -> bytes:
    from msgpack import packb

    packed: bytes = packb(value, use_bin_type=True)
    return len(packed).to_bytes(_LENGTH, "big") + packed


def _unpack(message: bytes | bytearray) -> Any:
    from msgpack import unpackb

    return unpackb(message, use_list=False, strict_map_key=False)


def _widen(fd: int) -> None:
    """Let the pipe hold a whole call, so that a worker finds the next one complete. It works without."""
    import fcntl

    try:
        fcntl.fcntl(fd, _F_SETPIPE_SZ, _READ)
    except OSError:
        return


def _wait(process: subprocess.Popen[bytes]) -> int:
    """The status of a process that is ending; one that does not end is killed."""
    try:
        return process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
