"""The passes that replay the log and hold derived data against it; what is derived never stops the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from creditledger.audit import spool
from creditledger.audit.assembly import Assembly
from creditledger.audit.crew import Crew
from creditledger.audit.derived import write_expected
from creditledger.audit.findings import Finding, finding
from creditledger.audit.fold import Folded, Partition
from creditledger.audit.judge import Judge
from creditledger.audit.passes import DAMAGED, HEADER, Plan
from creditledger.audit.report import Findings
from creditledger.codec.text import count
from creditledger.errors import VerificationFailed
from creditledger.workers import WorkerDied

Tell = Callable[[int, int], None]
Past = dict[tuple[bytes, int], tuple[int, bytes]]


def past_entries(
    wanted: Iterable[tuple[bytes, int]], crew: Crew, plan: Plan, ranges: Sequence[tuple[int, int]]
) -> Past:
    """Find the entries that governance acts name by key and number: the record and the hash of each that there is."""
    names = sorted(set(wanted))
    if not names:
        return {}
    begins: dict[bytes, list[tuple[int, tuple[int, int]]]] = {key: [] for key, _ in names}
    for start, stop in ranges:
        for _, key, author_seq, _ in spool.unpack(spool.read(plan.file(start), HEADER))[1]:
            if key in begins:
                begins[key].append((author_seq, (start, stop)))
    calls: dict[tuple[int, int], list[tuple[bytes, int]]] = {}
    for key, author_seq in names:
        places = [place for first, place in begins[key] if first <= author_seq]
        if places:
            calls.setdefault(places[-1], []).append((key, author_seq))
    return {
        (key, author_seq): (seq, digest)
        for found in crew.map("past", [(*place, due) for place, due in sorted(calls.items())])
        for key, author_seq, seq, digest in found
    }


class Replay:
    """Acts about subjects and the derived state, once governance has been judged up to record `stop`."""

    def __init__(
        self, crew: Crew, plan: Plan, starts: Sequence[int], judge: Judge, stop: int, findings: Findings
    ) -> None:
        self._crew = crew
        self._plan = plan
        self._starts = tuple(starts)
        self._stop = stop
        self._findings = findings
        # Names of erased content; None once an act was refused, after which some may be missing.
        self._erasures: list[bytes] | None = []
        self.kept = 0
        """How many items of content the log commits to and has not erased, as far as it was replayed."""
        for applied, rows in judge.expected.items():
            write_expected(plan.expected(applied), rows)
        changes = plan.file(0).with_name("changes")
        spool.write(changes, [spool.pack(judge.changes), spool.pack(list(judge.keyno.items()))])
        crew.learn(changes)

    def fold(self, tell: Tell, *, content: bool) -> None:
        """Replay the acts, partition by partition; `content` keeps their commitments for a later pass."""
        bounds = self._plan.bounds
        erasures: list[bytes] = []
        refused = False
        self.kept = 0
        calls = (
            (Partition(number, low, high, self._starts, self._stop, content),)
            for number, (low, high) in enumerate(zip((b"", *bounds), (*bounds, None), strict=True))
        )
        for number, raw in enumerate(self._crew.map("fold", calls), 1):
            folded = Folded._make(raw)
            self._add(folded.findings)
            self._findings.add_counts(folded.untold)
            erasures += folded.erasures
            refused = refused or folded.refused
            self.kept += folded.kept
            tell(number, 1 + len(bounds))
        self._erasures = None if refused else erasures

    def compare(self, tell: Tell) -> None:
        """Compare the other tables of the state, as far as it accounts for records that were replayed."""
        comparable = [applied for applied in self._crew.applied if applied <= self._stop]
        if not comparable:
            return
        calls = [(start, self._stop) for start in self._starts if start < comparable[-1]]
        for number, found in enumerate(self._crew.map("authors", calls), 1):
            self._add(found)
            tell(number, len(calls))
        self._add(self._crew.call("tables", self._stop, self._erasures))

    def compare_tiles(self, assembly: Assembly) -> None:
        """Compare the stored tiles above level 0; the others were when their records were read."""
        if self._crew.is_store or self._crew.is_published:
            self._add(self._crew.call("upper_tiles", assembly.tiles))

    def without_damaged_state(self, work: Callable[[], None]) -> None:
        """Do the work; if the derived state turns out too damaged to be read, note that, and do it without."""
        try:
            work()
        except (WorkerDied, VerificationFailed) as error:
            crashed = isinstance(error, VerificationFailed) or error.crashed
            if not crashed or not self._crew.is_store or self._crew.state_trouble == DAMAGED:
                raise
            message = f"the derived state cannot be read: {error}"
            self._findings.add(finding("LED-STRUCT", None, message, derived=True))
            self._crew.restart(problem=message)
            work()

    def account(self, checked: list[str], not_checked: list[str]) -> None:
        """Say what became of the derived state."""
        applied, size = self._crew.applied, self._crew.extent.size
        if not applied:
            not_checked.append(f"derived state ({self._crew.state_problem})")
        elif applied[0] > size:
            message = "the derived state accounts for more records than the log has"
            self._findings.add(
                finding("LED-STATE", None, message, expected=f"at most {size}", found=f"{applied[0]}", derived=True)
            )
        elif applied[-1] > self._stop:
            not_checked.append(f"derived state (the log could be replayed only up to record {self._stop})")
        else:
            checked.append(f"derived state as of {count(applied[-1], 'record')}")

    def _add(self, found: Any) -> None:
        self._findings.add(*map(Finding._make, found))
