"""The workers of one audit and what they have open: a ledger's directory, an export file or a published log.

When a worker dies of what it read, the caller starts the crew anew, without that; what was planned is told again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from creditledger.audit import exportfile, published
from creditledger.audit.passes import ABSENT, DAMAGED, Plan
from creditledger.audit.published import is_published
from creditledger.audit.source import Extent
from creditledger.audit.trust import Trust
from creditledger.errors import CannotVerify, NoLedger, UsageError
from creditledger.ledger.layout import Layout
from creditledger.store.files import disk_error
from creditledger.web.place import open_place
from creditledger.workers import Inline, Pool, Runner, WorkerDied, processors

TASKS: Final = "creditledger.audit.tasks"

SMALL_EXPORT: Final = 256 * 1024
"""Bytes of an export file up to which starting a process would take longer than doing the work here."""
SMALL_STORE: Final = 2 * 1024 * 1024
"""Bytes of a log up to which one worker is enough."""
MOST_RECORDS: Final = 10_000_000_000
"""Records of a published log up to which it is verified: the plan alone takes memory, and a signed size costs nothing
to whoever signs it."""
FEW_RECORDS: Final = 512
"""Records of a published log up to which starting a process would take longer than doing the work here."""


class Crew:
    """Workers with a log open, and the derived state beside it if there is one to compare.

    Attributes:
        is_store: whether the log is a ledger's directory, with tiles and perhaps a derived state beside the records.
        is_published: whether it is a published log.
        extent: how far the log reaches.
        index: what the scan of an export file found.
        applied: how many records the workers' views of the state account for; they may differ beside a writer.
        state_problem: why there is no state to compare, and `state_trouble`, what that means (see `passes`).
    """

    def __init__(self, where: str, jobs: int | None, cache: Path | None = None) -> None:
        self.where = where
        self.path = path = Path(where)
        self.is_published = is_published(where)
        self.is_store = not self.is_published and path.is_dir()
        if not self.is_published and not self.is_store:
            if not path.exists():
                raise NoLedger(f"there is nothing at {path}: check the path")
            exportfile.check_magic(path)
        if cache is not None and not self.is_published:
            raise UsageError("what is fetched can be kept only of a published log; leave out the cache")
        self._cache = cache
        self._layout = Layout(path)
        self._runner: Runner | None = None
        self._most_jobs = max(processors() if jobs is None else jobs, 1)
        self._jobs = 0 if self.is_published else self._suitable()
        self._plan: Plan | None = None
        self._learned: Path | None = None
        self.extent = Extent(0, 0, b"", "")
        self.index: exportfile.Index | None = None
        self.applied: list[int] = []
        self.state_problem = "a published log has none" if self.is_published else "an export has none"
        self.state_trouble = ABSENT

    def _suitable(self) -> int:
        """How many workers there are to be; 0: the work is done here."""
        path = self._layout.log / "data.mdb" if self.is_store else self.path
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            raise NoLedger(f"there is no log at {path.parent}: {exportfile.WANTED}") from None
        except OSError as error:
            raise disk_error("read", path, error.errno, str(error)) from error
        if not self.is_store and size <= SMALL_EXPORT:
            return 0
        return 1 if size <= SMALL_STORE else self._most_jobs

    def open(self, trust: Trust) -> None:
        """Start the workers and open log and state.

        The views of the state are older than that of the log, so that the log has every record they account for.

        Raises VerificationFailed or a crashed WorkerDied if the log is damaged, StoreError if it cannot be read.
        Of a published log, nothing is read before its checkpoint has been verified by the trust file.
        """
        if self.is_published:
            place = open_place(self.where)
            try:
                signed = published.read_signed(place, trust)
            finally:
                place.close()
            size = signed.checkpoint.size
            if size > MOST_RECORDS:
                raise CannotVerify(
                    f"the checkpoint of {self.where} is signed for {size} records; this program verifies up to "
                    f"{MOST_RECORDS} of a published log"
                )
            self._jobs = 0 if size <= FEW_RECORDS else self._most_jobs
            self._start()
            cache = None if self._cache is None else str(self._cache)
            self.broadcast("open_published", self.where, signed.note, cache)
            self.extent = Extent(size, size, b"", "")
            return
        if not self.is_store:
            self._start()
            self.index = exportfile.Index._make(next(self.map("scan", [(str(self.path),)])))
            self.extent = Extent(self.index.size, self.index.last, b"", "")
            self.broadcast("place", self.index.places)
            return
        try:
            self._start()
            self._take_state(self.broadcast("open_state", str(self._layout.state)))
        except WorkerDied as death:
            if not death.crashed:
                raise
            self._lose_state(str(death))
            self._start()
        self.extent = Extent._make(self.broadcast("open_log", str(self._layout.log))[0])

    def restart(self, *, problem: str) -> None:
        """Start the workers anew without the state, which is damaged; tell them again what was planned and learnt."""
        self._lose_state(problem)
        self._start()
        self.broadcast("open_log", str(self._layout.log))
        if self._plan is not None:
            self.plan(self._plan)
        if self._learned is not None:
            self.learn(self._learned)

    def _start(self) -> None:
        self.close()
        self._runner = Pool(TASKS, self._jobs) if self._jobs else Inline(TASKS)
        if not self.is_store and not self.is_published:
            self.broadcast("open_export", str(self.path))

    def _take_state(self, answers: list[tuple[int, str, str]]) -> None:
        _, self.state_problem, self.state_trouble = min(answers)
        self.applied = sorted({applied for applied, _, _ in answers if applied >= 0})

    def _lose_state(self, problem: str) -> None:
        self.applied, self.state_problem, self.state_trouble = [], problem, DAMAGED

    def plan(self, plan: Plan) -> None:
        """Tell every worker the plan."""
        self._plan = plan
        self.broadcast("plan", plan)

    def learn(self, changes: Path) -> None:
        """Tell every worker what changed governance."""
        self._learned = changes
        self.broadcast("learn", str(changes))

    def broadcast(self, name: str, *args: Any) -> list[Any]:
        """See `workers.Runner.broadcast`."""
        return self._running().broadcast(name, *args)

    def map(self, name: str, calls: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
        """See `workers.Runner.map`."""
        return self._running().map(name, calls)

    def call(self, name: str, *args: Any) -> Any:
        """Have one worker do something."""
        return next(self.map(name, [args]))

    @property
    def jobs(self) -> int:
        """How many workers there are."""
        return self._running().jobs

    def _running(self) -> Runner:
        if self._runner is None:
            raise WorkerDied("the workers have ended")
        return self._runner

    def close(self) -> None:
        """End the workers. Closing twice is fine."""
        runner, self._runner = self._runner, None
        if runner is not None:
            runner.close()
