"""An audit from beginning to end: the passes in their order, and what they came to.

    scan         an export file's frames                                        one worker
    remembered   what an earlier audit verified is hashed again                 by ranges of records
    records      everything that the records' own bytes decide, the tree        by ranges of records
    roots        checkpoints that entries pin, outside heads                    by ranges of sizes
    governance   keys, mandates, author chains                                  here, in the order of the log
    rules        acts about subjects, and the rows of the derived state         by ranges of subjects
    derived      the other tables of the state, indexes, tiles                  by ranges of records
    content      detached content against the commitments                       by ranges of subjects

A pass goes as far as the one before it could: from the first record that cannot be read or that a rule forbids, what
follows is not judged, but links, hashes, signatures and checkpoints are checked to the end.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from creditledger.acts.catalogue import LedgerCreate
from creditledger.acts.registry import restore_act
from creditledger.audit import remember as memory
from creditledger.audit import spool
from creditledger.audit.assembly import Assembly, RootReader, check_log_keys
from creditledger.audit.crew import Crew
from creditledger.audit.derived import write_expected
from creditledger.audit.findings import Finding, failure, finding
from creditledger.audit.fold import Folded, Partition
from creditledger.audit.forms import read_entry, read_record
from creditledger.audit.judge import Judge
from creditledger.audit.passes import HEADER, Header, Plan, Summary
from creditledger.audit.rehash import Pinned
from creditledger.audit.report import Findings, Report
from creditledger.audit.spine import open_sealed
from creditledger.audit.trust import Trust
from creditledger.errors import FormatError, KeyFileError, NoLedger, UnsupportedError, VerificationFailed
from creditledger.ledger.layout import Description, Layout
from creditledger.store.head import Head
from creditledger.tlog.tiles import WIDTH
from creditledger.tlog.tree import EMPTY_ROOT, leaf_hash
from creditledger.workers import WorkerDied

Progress = Callable[[str, int, int], None]
"""Called with the phase, what is done of it and what there is to do; records, subjects' partitions or bytes."""

RANGE_ACTS = 16_384
RANGE_BYTES = 4 * 1024 * 1024
MAX_RANGE = 8192
"""A range of records is so large at most: acts, bytes, records."""

PARTITION_ACTS = 25_000
"""Acts that a partition of the subjects is to have; it bounds the memory of a worker."""

MAX_PARTITIONS = 4096
MAX_SPANS = 64
_HASHED_AT_ONCE = 16_384


def verify(
    path: str | os.PathLike[str],
    *,
    trust: Trust | str | os.PathLike[str],
    remember: str | os.PathLike[str] | None = None,
    head: Head | None = None,
    content_key: bytes | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
    raise_on_failure: bool = True,
) -> Report:
    """Verify a ledger's directory, beside its writer or not, or an export file. Nothing is written to either.

    Args:
        path: the directory or the file.
        trust: what to go by, or the trust file.
        remember: a file of the verifier. Records that it says were verified before are hashed again and replayed, but
            their signatures are not; after an audit that found nothing, it is brought up to date.
        head: the last signed head as kept outside the ledger (`store.head.HeadStore.load`), to be compared.
        content_key: the master key of the detached content in the directory (32 bytes); without it, content is not
            checked.
        jobs: worker processes (default: as many as there are processors).
        progress: called now and then with phase, done and total.
        raise_on_failure: raise unless the report's exit code is 0.

    Returns:
        The report: what was found, what was checked, and what was not.

    Raises:
        VerificationFailed: there is evidence that something was altered or is damaged (exit code 3).
        UnsupportedError: a record, or the whole, is of a version not known here (13).
        CannotVerify: a check could not run, or records lie beyond the last checkpoint (4).
        NoLedger, FormatError, StoreError, UsageError: there is no ledger, or the files cannot be used at all.
    """
    trusted = trust if isinstance(trust, Trust) else Trust.load(trust)
    kept = None if remember is None else Path(remember)
    with tempfile.TemporaryDirectory(prefix="creditledger-audit-") as scratch:
        audit = _Audit(Path(path), trusted, Path(scratch), jobs, progress)
        try:
            audit.run(None if kept is None else memory.load(kept, trusted), head, content_key)
            report = audit.report()
        finally:
            audit.crew.close()
    if kept is not None and report.exit_code == 0:
        memory.store(kept, trusted, memory.current(report.size, report.root, audit.rule_set, audit.assembly.note))
    if raise_on_failure:
        report.raise_on_failure()
    return report


class _Audit:
    """One audit under way."""

    def __init__(self, path: Path, trust: Trust, scratch: Path, jobs: int | None, progress: Progress | None) -> None:
        self.path = path
        self.trust = trust
        self.scratch = scratch
        self.crew = Crew(path, jobs)
        self.findings = Findings()
        self.assembly = Assembly(self.findings)
        self.judge = Judge({}, 0)
        self.rule_set = ""
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.span_starts: dict[int, list[int]] = {}
        self.past: list[tuple[bytes, int]] = []
        self.stop = 0
        self.whole = True
        self.checked: list[str] = []
        self.not_checked: list[str] = []
        self.unable: list[str] = []
        self.timings: dict[str, float] = {}
        self._progress = progress

    def run(self, remembered: memory.Remembered | None, head: Head | None, content_key: bytes | None) -> None:
        """All passes; what stops one is a finding."""
        if not self._open():
            return
        with self._phase("remembered"):
            verified = self._check_remembered(remembered)
        with self._phase("records"):
            self._make_plan(verified)
            self._read_records()
        if self.whole:
            with self._phase("roots"):
                self._check_roots(head)
        with self._phase("governance"):
            self._judge()
        if self.whole:
            with self._phase("rules"):
                content = self._content_at_hand(content_key)
                self._without_damaged_state(lambda: self._replay(content=content))
            with self._phase("derived"):
                self._without_damaged_state(self._compare_derived)
            with self._phase("content"):
                if content:
                    self._check_content(content_key)

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.timings[name] = self.timings.get(name, 0.0) + time.monotonic() - began

    def _tell(self, phase: str, done: int, total: int) -> None:
        if self._progress is not None:
            self._progress(phase, done, total)

    # -- opening --------------------------------------------------------------------------------------------------

    def _open(self) -> bool:
        """Open log and state, and hold what they say of themselves against the trust file; False: there is no more."""
        with self._phase("scan"):
            if not self.crew.is_export:
                self._check_description()
            try:
                self.crew.open()
            except VerificationFailed as damage:
                self.findings.add(failure(damage, None))
                return False
            except WorkerDied as death:
                self._crashed(death, None)
                return False
        extent, index = self.crew.extent, self.crew.index
        if extent.problem:
            self.findings.add(finding("LED-STRUCT", None, extent.problem))
        if index is not None and index.damage is not None:
            seq, message, expected, found = index.damage
            self.findings.add(finding("LED-STRUCT", seq, message, expected=expected, found=found))
        if self.crew.state_damaged:
            self.findings.add(finding("LED-STRUCT", None, self.crew.state_problem, derived=True))
        if extent.beyond:
            self._check_beyond(extent.beyond, extent.size)
        if extent.size == 0:
            message = "the log has no records"
            self.findings.add(finding("LED-LEDGER", None, message, expected=self.trust.ledger_id, found="no record 0"))
        return extent.size > 0

    def _check_description(self) -> None:
        """The label on the directory: no evidence, but it should say the same."""
        try:
            said = Description.read(Layout(self.path))
        except UnsupportedError:
            raise
        except FormatError as error:
            self.findings.add(finding("LED-STRUCT", None, str(error), derived=True))
            return
        if (said.origin, said.ledger_id) != (self.trust.origin, self.trust.ledger_id):
            message = "ledger.toml names another ledger than the trust file"
            expected, found = (
                f"{self.trust.origin}, {self.trust.ledger_id.hex()}",
                f"{said.origin}, {said.ledger_id.hex()}",
            )
            self.findings.add(finding("LED-LEDGER", None, message, expected=expected, found=found, derived=True))

    def _check_beyond(self, note: bytes, size: int) -> None:
        """A checkpoint of more records than there are."""
        try:
            sealed = open_sealed(note, self.trust.verifiers(), self.trust.origin)
        except (FormatError, VerificationFailed) as error:
            self.findings.add(finding("LED-CKPT", None, f"the last checkpoint does not hold: {error}"))
            return
        message = "a signed checkpoint covers more records than the log has: its end was cut off"
        found = finding("LED-HEAD", size, message, expected=f"{sealed.size} records", found=f"{size} records")
        self.findings.add(found)

    def _crashed(self, death: WorkerDied, seq: int | None) -> None:
        """Note that reading the log crashed a worker; any other death of one is no finding."""
        if not death.crashed:
            raise death
        self.whole = False
        message = f"reading the log crashed the engine ({death.cause}): its file is damaged"
        self.findings.add(finding("LED-STRUCT", seq, message))

    # -- records --------------------------------------------------------------------------------------------------

    def _check_remembered(self, remembered: memory.Remembered | None) -> int:
        """Hash again what an earlier audit verified; returns how many records need not be verified once more."""
        size = self.crew.extent.size
        if remembered is None:
            return 0
        if remembered.size > size:
            message = "an earlier audit verified more records than the log has: its end was cut off"
            found = finding("LED-HEAD", size, message, expected=f"{remembered.size} records", found=f"{size} records")
            self.findings.add(found)
            return 0
        tiles, tail = bytearray(), b""
        calls = [
            (start, min(start + _HASHED_AT_ONCE, remembered.size))
            for start in range(0, remembered.size, _HASHED_AT_ONCE)
        ]
        try:
            for (_, stop), (part, rest) in zip(calls, self.crew.map("hash_tiles", calls), strict=True):
                tiles += part
                tail = rest
                self._tell("remembered", stop, remembered.size)
        except VerificationFailed:
            return 0  # The pass over the records says what is wrong.
        root = RootReader(bytes(tiles)).root(remembered.size, tail)
        if root != remembered.root:
            message = f"the first {remembered.size} records are not those that an earlier audit verified"
            self.findings.add(finding("LED-HEAD", 0, message, expected=remembered.root, found=root))
            return 0
        if not remembered.suffices:
            return 0
        self.not_checked.append(f"signatures of the {remembered.size} records that an earlier audit verified")
        return remembered.size

    def _make_plan(self, verified: int) -> None:
        """Look at record 0 and a sample, and divide records and subjects among the workers."""
        size = self.crew.extent.size
        first = self.crew.call("first")
        offset = "+00:00"
        if first is not None:
            if leaf_hash(first) != self.trust.ledger_id:
                message = "the log is another ledger's"
                found = finding("LED-LEDGER", 0, message, expected=self.trust.ledger_id, found=leaf_hash(first))
                self.findings.add(found)
            offset = _utc_offset(first) or offset
        places = sorted({at * (size // WIDTH) // 8 * WIDTH for at in range(8)})
        records, length, acts, _ = self.crew.call("sample", places, 16)
        density = acts / records if records else 1.0
        largest = min(
            RANGE_ACTS / max(density, 1.0), RANGE_BYTES * records / length if length else MAX_RANGE, MAX_RANGE
        )
        step = max(min(int(largest), size // (4 * self.crew.jobs)) // WIDTH, 1) * WIDTH
        self.starts = list(range(0, size, step))
        self.ends = [*self.starts[1:], size]
        spans = min(len(self.starts), MAX_SPANS)
        self.plan = Plan(
            ledger_id=b"" if first is None else leaf_hash(first),
            utc_offset=offset,
            origin=self.trust.origin,
            log_keys=self.trust.log_keys,
            bounds=self._bounds(round(size * density)),
            span=-(-(size + 1) // spans // WIDTH) * WIDTH + WIDTH,
            spans=spans,
            verified=verified,
            marks=tuple(applied for applied in self.crew.applied if applied < size),
            scratch=str(self.scratch),
        )
        self.crew.plan(self.plan)

    def _bounds(self, acts: int) -> tuple[bytes, ...]:
        """Subject keys at which partitions begin, so that each has about as many acts."""
        count = min(round(acts / PARTITION_ACTS), MAX_PARTITIONS)
        if count <= 1:
            return ()
        tiles = self.crew.extent.size // WIDTH
        places = sorted({at * tiles // 256 * WIDTH for at in range(256)})
        keys = self.crew.call("sample", places, max(-(-20 * count // len(places)), 8))[3]
        return tuple(sorted({keys[at * len(keys) // count] for at in range(1, count)})) if keys else ()

    def _read_records(self) -> None:
        calls = list(zip(self.starts, self.ends, strict=True))
        try:
            for raw in self.crew.map("chunk", calls):
                part = Summary.restore(raw)
                self.assembly.add(part)
                self.past += part.past
                for span in part.spans:
                    self.span_starts.setdefault(span, []).append(part.start)
                self._tell("records", part.stop, self.crew.extent.size)
                if part.stop < self.ends[part.start // (self.ends[0] or 1)]:
                    self.whole = False
                    break
        except WorkerDied as death:
            self._crashed(death, self.assembly.size)
        self.assembly.finish()
        self.starts = self.starts[: sum(start < self.assembly.size for start in self.starts)]
        sealed, size = self.assembly.last_signed, self.assembly.size
        if self.whole and sealed < size:
            message = "the last records are covered by no signed checkpoint"
            found = finding("LED-UNSEALED", sealed, message, expected=f"a checkpoint of size {size}", found=f"{sealed}")
            self.findings.add(found)

    # -- roots and governance -------------------------------------------------------------------------------------

    def _check_roots(self, head: Head | None) -> None:
        """Every root that somebody claims to know: authors by what they pin, the head kept outside."""
        reader = RootReader(self.assembly.tiles)
        spans = sorted(self.span_starts)
        for raw in self.crew.map("pinned", [(span, self.span_starts[span]) for span in spans]):
            for size, tail, claims in map(Pinned._make, raw):
                root = reader.root(size, tail) if size else EMPTY_ROOT
                for claimed, seq in claims:
                    if claimed != root:
                        message = f"the entry pins a checkpoint of size {size} that is not this log's"
                        self.findings.add(finding("LED-SEEN", seq, message, expected=root, found=claimed))
        if head is None:
            self.not_checked.append("the signed head kept outside the ledger (none was given)")
            return
        self.checked.append("the signed head kept outside the ledger")
        size = self.assembly.size
        if head.size > size:
            message = "the head kept outside the ledger is of more records than the log has: its end was cut off"
            self.findings.add(
                finding("LED-HEAD", size, message, expected=f"{head.size} records", found=f"{size} records")
            )
            return
        tails = dict(self.crew.call("tails", [head.size]))
        root = RootReader(self.assembly.tiles).root(head.size, tails[head.size])
        if root != head.root:
            message = f"the log contradicts the head of size {head.size} kept outside the ledger"
            self.findings.add(finding("LED-HEAD", None, message, expected=head.root, found=root))

    def _judge(self) -> None:
        """Replay governance over what could be read."""
        size = self.assembly.size
        limit = size if self.assembly.readable is None else self.assembly.readable
        self.judge = judge = Judge(self._past_entries(), limit)
        for start in self.starts:
            if judge.stopped is not None or start > limit:
                break
            judge.take(Header._make(spool.unpack(spool.read(self.plan.file(start), HEADER))))
            self._tell("governance", min(start + self.ends[0], size), size)
        if judge.found is not None:
            self.findings.add(judge.found)
        self.stop = limit if judge.stopped is None else judge.stopped
        if self.stop == size and size in self.crew.applied:
            judge.mark(size, ())
        ledger = judge.governance.ledger
        if ledger is not None:
            self.rule_set = ledger.rule_set
            if ledger.origin != self.trust.origin:
                message = "the ledger was founded under another origin"
                found = finding("LED-LEDGER", 0, message, expected=self.trust.origin, found=ledger.origin)
                self.findings.add(found)
            if self.stop == size:
                self.findings.add(*check_log_keys(self.assembly.runs, judge.governance))

    def _past_entries(self) -> dict[tuple[bytes, int], tuple[int, bytes]]:
        """Record and hash of the entries that governance acts name by key and number."""
        wanted = sorted(set(self.past))
        if not wanted or not self.whole:
            return {}
        keys = {key for key, _ in wanted}
        first: dict[bytes, list[tuple[int, int]]] = {key: [] for key in keys}
        for place, start in enumerate(self.starts):
            for _, key, author_seq, _ in spool.unpack(spool.read(self.plan.file(start), HEADER))[1]:
                if key in keys:
                    first[key].append((author_seq, place))
        by_range: dict[int, list[tuple[bytes, int]]] = {}
        for key, author_seq in wanted:
            places = [place for begins, place in first[key] if begins <= author_seq]
            if places:
                by_range.setdefault(places[-1], []).append((key, author_seq))
        calls = [(self.starts[place], self.ends[place], names) for place, names in sorted(by_range.items())]
        return {
            (key, author_seq): (seq, digest)
            for found in self.crew.map("past", calls)
            for key, author_seq, seq, digest in found
        }

    # -- rules and derived data -----------------------------------------------------------------------------------

    def _without_damaged_state(self, work: Callable[[], None]) -> None:
        """Do the work; if the derived state turns out too damaged to be read, note that and do it without."""
        try:
            work()
        except (WorkerDied, VerificationFailed) as error:
            if isinstance(error, WorkerDied) and not error.crashed:
                raise
            if self.crew.is_export or self.crew.state_damaged:
                raise
            message = f"the derived state cannot be read: {error}"
            self.findings.add(finding("LED-STRUCT", None, message, derived=True))
            self.crew.restart(problem=message)
            work()

    def _replay(self, *, content: bool) -> None:
        """Fold the acts about subjects, partition by partition."""
        for applied, rows in self.judge.expected.items():
            if not self.plan.expected(applied).exists():
                write_expected(self.plan.expected(applied), rows)
        changes = self.scratch / "changes"
        if not changes.exists():
            spool.write(changes, [spool.pack(self.judge.changes), spool.pack(list(self.judge.keyno.items()))])
        self.crew.learn(changes)
        bounds = self.plan.bounds
        calls = (
            (Partition(number, low, high, tuple(self.starts), self.stop, content),)
            for number, (low, high) in enumerate(zip((b"", *bounds), (*bounds, None), strict=True))
        )
        self.erasures: list[bytes] = []
        for number, raw in enumerate(self.crew.map("fold", calls), 1):
            folded = Folded._make(raw)
            self._add(folded.findings)
            self.findings.add_counts(folded.untold)
            self.erasures += folded.erasures
            self._tell("rules", number, 1 + len(bounds))

    def _compare_derived(self) -> None:
        """Compare what is kept beside the records: tiles, and the state's other tables."""
        if not self.crew.is_export:
            self._add(self.crew.call("upper_tiles", self.assembly.tiles))
        self._note_state()
        comparable = [applied for applied in self.crew.applied if applied <= self.stop]
        if not comparable:
            return
        calls = ((start, self.stop) for start in self.starts if start < max(comparable))
        for number, found in enumerate(self.crew.map("authors", calls), 1):
            self._add(found)
            self._tell("derived", number, len(self.starts))
        self._add(self.crew.call("tables", self.stop, self.erasures))

    def _note_state(self) -> None:
        size = self.assembly.size
        if not self.crew.applied:
            self.not_checked.append(f"derived state ({self.crew.state_problem})")
        elif min(self.crew.applied) > size:
            message = "the derived state accounts for more records than the log has"
            found = finding(
                "LED-STATE", None, message, expected=f"at most {size}", found=f"{self.crew.applied[0]}", derived=True
            )
            self.findings.add(found)
        elif max(self.crew.applied) > self.stop:
            self.not_checked.append(f"derived state (the log could be replayed only up to record {self.stop})")
        else:
            self.checked.append(f"derived state as of {self.crew.applied[-1]} records")

    def _add(self, found: Any) -> None:
        self.findings.add(*map(Finding._make, found))

    # -- content --------------------------------------------------------------------------------------------------

    def _content_at_hand(self, key: bytes | None) -> bool:
        """Whether there is content that can be checked."""
        if self.crew.index is not None:
            return self.crew.index.contents > 0
        if not Layout(self.path).private.is_dir():
            self.not_checked.append("detached content (none is here)")
        elif key is None:
            self.not_checked.append("detached content (its key was not given)")
        else:
            return True
        return False

    def _check_content(self, key: bytes | None) -> None:
        count = 1 + len(self.plan.bounds)
        files = [self.scratch / f"content-{number:x}" for number in range(count)]
        index = self.crew.index
        checked = absent = 0
        try:
            if index is not None:
                target = str(self.scratch / "items")
                self._add(self.crew.call("sort_items", index.contents_at, index.contents, target))
                calls = [(target, number, str(file)) for number, file in enumerate(files)]
                results = list(self.crew.map("items", calls))
            else:
                results = [self.crew.call("private", str(Layout(self.path).private), key, list(map(str, files)))]
        except (KeyFileError, NoLedger) as error:
            self.unable.append(f"detached content: {error}")
            return
        for found, sound, missing in results:
            self._add(found)
            checked += sound
            absent += missing
        self.checked.append(f"{checked} items of detached content")
        if absent:
            self.not_checked.append(f"{absent} items of detached content that are committed to and not here")

    # -- the report -----------------------------------------------------------------------------------------------

    def report(self) -> Report:
        """What the audit came to."""
        assembly = self.assembly
        size = assembly.size
        checked = [
            f"form, links, times and hashes of {size} records",
            f"{assembly.signatures} signatures of authors and cosigners",
            f"{assembly.checkpoints} checkpoints",
            f"keys, mandates, author chains and rules of {self.stop if self.whole else 0} records",
        ]
        not_checked = ["cosignatures of witnesses", "ML-DSA signatures", "duties and whether they were met in time"]
        if self.stop < size or not self.whole:
            not_checked.append(f"keys and rules from record {self.stop if self.whole else 0} on")
        if size < self.crew.extent.size:
            not_checked.append(f"records from {size} on, which cannot be read")
        return Report(
            origin=self.trust.origin,
            ledger_id=self.trust.ledger_id,
            size=size,
            root=assembly.root() if size else EMPTY_ROOT,
            sealed=assembly.sealed,
            acts=assembly.acts,
            findings=self.findings.sorted(),
            counts=self.findings.counts(),
            checked=tuple(checked + self.checked),
            not_checked=tuple(not_checked + self.not_checked),
            unable=tuple(self.unable),
            timings=self.timings,
        )


def _utc_offset(first: bytes) -> str | None:
    """The civil time of the ledger that a record founds, or None if it founds none."""
    try:
        act = restore_act(read_entry(read_record(first)[4])[9][0])
    except FormatError:
        return None
    return act.utc_offset if isinstance(act, LedgerCreate) else None
