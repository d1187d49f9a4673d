"""An audit from beginning to end: the passes in their order, and what they came to.

    scan         an export file's frames                                        one worker
    remembered   what an earlier audit verified is hashed again                 by ranges of records
    records      everything that the records' own bytes decide, the tree        by ranges of records
    claims       checkpoints that entries pin, heads kept outside               by ranges of sizes
    governance   keys, mandates, author chains                                  here, in the order of the log
    rules        acts about subjects, and the rows of the derived state         by ranges of subjects
    derived      the other tables of the state, indexes, tiles                  by ranges of records
    content      detached content against the commitments                       by ranges of subjects

From the first record on that cannot be read, or that a rule forbids, nothing is judged; links, hashes, signatures and
checkpoints are checked to the end all the same.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path

from creditledger.audit import claims, spool
from creditledger.audit import remember as memory
from creditledger.audit.assembly import Assembly, check_log_keys
from creditledger.audit.crew import Crew
from creditledger.audit.findings import Finding, failure, finding
from creditledger.audit.judge import Judge, check_unjudged
from creditledger.audit.passes import DAMAGED, HEADER, OTHER, Header, Plan, Summary
from creditledger.audit.planning import divide
from creditledger.audit.replaying import Replay, past_entries
from creditledger.audit.report import Findings, Report
from creditledger.audit.trust import Trust
from creditledger.codec.text import count
from creditledger.errors import KeyFileError, NoLedger, VerificationFailed
from creditledger.ledger.layout import Layout
from creditledger.store.head import Head
from creditledger.tlog.tree import EMPTY_ROOT
from creditledger.web.place import Folder
from creditledger.workers import WorkerDied

Progress = Callable[[str, int, int], None]
"""Called with the phase, and how much of it is done of how much there is to do."""


def verify(
    path: str | os.PathLike[str],
    *,
    trust: Trust | str | os.PathLike[str],
    remember: str | os.PathLike[str] | None = None,
    head: Head | None = None,
    seen: Head | None = None,
    witnessed: Sequence[bytes] = (),
    content_key: bytes | None = None,
    jobs: int | None = None,
    cache: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    raise_on_failure: bool = True,
) -> Report:
    """Verify a ledger's directory, beside its writer or not, an export file, or a published log. None is written to.

    Args:
        path: the ledger's directory, the file, or the directory or http(s) URL where a log is published.
        trust: what to go by, or the trust file.
        remember: a file of the verifier. Records that it says were verified before are hashed again and replayed, but
            their signatures are not verified; after an audit that found nothing, it is brought up to date.
        head: the last signed head as kept outside the ledger (`store.head.HeadStore.load`), to be compared.
        seen: a checkpoint of this ledger that the caller has verified before; the log must continue it (LED-FORK).
        witnessed: checkpoints of this ledger that the caller knows from before; records that they do not cover must not
            be dated before witnesses cosigned them (LED-TIME). `seen` and what is remembered count among them.
        content_key: the master key of the detached content in the directory (32 bytes); without it, content is not
            checked.
        jobs: worker processes (default: as many as there are processors for this one).
        cache: a directory where what is fetched of a published log and found right is kept, for the next time.
        progress: called now and then.
        raise_on_failure: raise unless the report's exit code is 0.

    Returns:
        The report: what was found, what was checked, and what was not.

    Raises:
        VerificationFailed: there is evidence that something was altered or is damaged (exit code 3).
        UnsupportedError: a record, or the whole, is of a version not known here (13).
        CannotVerify: a check could not run, or records lie beyond the last checkpoint (4).
        NoLedger, FormatError, StoreError, UsageError: there is no ledger, or a file cannot be used at all. Of a
            published log, CannotVerify too for a file that is not there, and StoreError for a place that fails.
    """
    trusted = trust if isinstance(trust, Trust) else Trust.load(trust)
    kept = None if remember is None else Path(remember)
    remembered = None if kept is None else memory.load(kept, trusted)
    with tempfile.TemporaryDirectory(prefix="creditledger-audit-") as scratch:
        crew = Crew(os.fspath(path), jobs, None if cache is None else Path(cache))
        audit = _Audit(crew, trusted, Path(scratch), progress)
        with nullcontext() if cache is None else Folder(Path(cache)).held(), closing(crew):
            audit.run(remembered, head, seen, witnessed, content_key)
    report = audit.report()
    if kept is not None and report.exit_code == 0:
        memory.store(kept, trusted, memory.current(report.size, report.root, audit.rule_set, audit.assembly.note))
    if raise_on_failure:
        report.raise_on_failure()
    return report


class _Audit:
    """One audit under way."""

    def __init__(self, crew: Crew, trust: Trust, scratch: Path, progress: Progress | None) -> None:
        self.path = crew.path
        self.trust = trust
        self.scratch = scratch
        self.findings = Findings()
        self.checked: list[str] = []
        self.not_checked: list[str] = []
        self.unable: list[str] = []
        self.timings: dict[str, float] = {}
        self.crew = crew
        self.assembly = Assembly(self.findings)
        self.rule_set = ""
        # Up to which record keys and rules were judged; whether reading the log has crashed a worker.
        self.stop = 0
        self.crashed = False
        # Whether this is another ledger than the one asked for, so that there was nothing to check it against.
        self.is_other = False
        self._progress = progress

    def run(
        self,
        remembered: memory.Remembered | None,
        head: Head | None,
        seen: Head | None,
        witnessed: Sequence[bytes],
        content_key: bytes | None,
    ) -> None:
        """All passes, as far as the log can be read: what stops them is a finding."""
        try:
            self._run(remembered, head, seen, witnessed, content_key)
        except VerificationFailed as damage:
            # Of a published log whose checkpoint calls itself another's, nothing else is read.
            self.is_other = damage.finding == "LED-LEDGER" and self.crew.is_published and self.assembly.size == 0
            self.findings.add(failure(damage, None))
        except WorkerDied as death:
            self._note_crash(death)

    def _run(
        self,
        remembered: memory.Remembered | None,
        head: Head | None,
        seen: Head | None,
        witnessed: Sequence[bytes],
        content_key: bytes | None,
    ) -> None:
        with self._phase("scan"):
            if not self._open():
                return
        verified = 0
        if remembered is not None:
            with self._phase("remembered") as tell:
                verified = claims.check_remembered(remembered, self.crew, self.findings, tell)
                if verified:
                    what = f"signatures of {count(verified, 'record')}, which an earlier audit verified"
                    self.not_checked.append(what)
        with self._phase("records") as tell:
            division = divide(self.crew, self.trust, verified, self.scratch)
            if not claims.check_first(division.first, self.trust, self.findings):
                self.is_other = True
                return
            spans, past = self._read_records(division.ranges, tell)
        if self.crashed:
            return
        plan, ranges = division.plan, [one for one in division.ranges if one[0] < self.assembly.size]
        with self._phase("claims"):
            claims.check_pinned(spans, self.assembly, self.crew, self.findings)
            self._check_ends(head, seen)
            known = [remembered.checkpoint.encode()] if remembered is not None else []
            known += [seen.checkpoint] if seen is not None else []
            self._check_witnessed([*known, *witnessed])
        with self._phase("governance") as tell:
            judge = Judge(past_entries(past, self.crew, plan, ranges), self.assembly.readable)
            self._judge(judge, plan, ranges, tell)
        starts = [start for start, _ in ranges]
        self._replay(Replay(self.crew, plan, starts, judge, self.stop, self.findings), content_key)

    @contextmanager
    def _phase(self, name: str) -> Iterator[Callable[[int, int], None]]:
        """Take the time of a phase; gives a function that tells its progress."""
        began = time.monotonic()

        def tell(done: int, total: int) -> None:
            if self._progress is not None:
                self._progress(name, done, total)

        yield tell
        self.timings[name] = time.monotonic() - began

    def _open(self) -> bool:
        """Open log and state, and hear what they say of themselves; False if there is nothing to go on with."""
        if self.crew.is_store:
            claims.check_label(self.path, self.trust, self.findings)
        self.crew.open(self.trust)
        extent, index = self.crew.extent, self.crew.index
        if self.crew.is_published:
            self.not_checked.append("older checkpoints: a published log shows only the newest")
        if extent.problem:
            self.findings.add(finding("LED-STRUCT", None, extent.problem))
        if extent.tiles_problem:
            self.findings.add(finding("LED-STRUCT", None, extent.tiles_problem, derived=True))
            self.not_checked.append("tiles, which cannot be read")
        for name, message in extent.surplus:
            self.findings.add(finding(name, None, message, expected="no such row", derived=name != "LED-CKPT"))
        if index is not None and index.damage is not None:
            seq, message, expected, found = index.damage
            self.findings.add(finding("LED-STRUCT", seq, message, expected=expected, found=found))
        if self.crew.state_trouble == DAMAGED:
            self.findings.add(finding("LED-STRUCT", None, self.crew.state_problem, derived=True))
        elif self.crew.state_trouble == OTHER:
            self.unable.append(f"derived state: {self.crew.state_problem}")
        if extent.beyond:
            claims.check_beyond(extent.beyond, extent.last, extent.size, self.trust, self.findings)
        if extent.size == 0:
            message = "the log has no records"
            self.findings.add(finding("LED-STRUCT", None, message, expected="at least record 0", found="nothing"))
        return extent.size > 0

    def _note_crash(self, death: WorkerDied) -> None:
        """Note that reading the log crashed a worker; any other death of one is no finding."""
        if not death.crashed:
            raise death
        self.crashed = True
        message = f"reading the log crashed its engine ({death.cause}): the file is damaged"
        self.findings.add(finding("LED-STRUCT", self.assembly.size, message))

    def _read_records(
        self, ranges: list[tuple[int, int]], tell: Callable[[int, int], None]
    ) -> tuple[dict[int, list[int]], list[tuple[bytes, int]]]:
        """Check the records; returns which ranges pin checkpoints in each span, and the entries that acts name."""
        spans: dict[int, list[int]] = {}
        past: list[tuple[bytes, int]] = []
        try:
            for (_, stop), raw in zip(ranges, self.crew.map("chunk", ranges), strict=True):
                part = Summary.restore(raw)
                self.assembly.add(part)
                past += part.past
                for span in part.spans:
                    spans.setdefault(span, []).append(part.start)
                tell(part.stop, self.crew.extent.size)
                if part.stop < stop:
                    break
        except WorkerDied as death:
            self._note_crash(death)
        self.assembly.finish()
        return spans, past

    def _check_ends(self, head: Head | None, seen: Head | None) -> None:
        """Whether the log ends where its checkpoints and the head kept outside say it does."""
        signed, size = self.assembly.last_signed, self.assembly.size
        if size < self.crew.extent.size:
            self.not_checked.append("the end of the log, which cannot be read")
            return
        notes, read = self.crew.extent.notes, self.assembly.checkpoints
        if notes not in (None, read) and not self.findings.evidence():
            message = "not all checkpoints that the store holds can be read"
            self.findings.add(finding("LED-STRUCT", None, message, expected=f"{notes}", found=f"{read}"))
        if signed < size:
            message = "the records from here on are covered by no signed checkpoint"
            found = finding("LED-UNSEALED", signed, message, expected=f"a checkpoint of size {size}", found=f"{signed}")
            self.findings.add(found)
        if problem := claims.check_policy(self.assembly, self.trust):
            self.unable.append(problem)
        if head is None:
            self.not_checked.append("the signed head kept outside the ledger (none was given)")
        else:
            self.checked.append("the signed head kept outside the ledger")
            claims.check_head(head, self.assembly, self.crew, self.findings)
        if seen is not None and seen.size > size:
            self.not_checked.append(f"the checkpoint of size {seen.size} that was verified before: this copy is older")
        elif seen is not None:
            self.checked.append(f"that this continues the checkpoint of size {seen.size} that was verified before")
            claims.check_seen(seen, self.assembly, self.crew, self.findings)

    def _check_witnessed(self, notes: Sequence[bytes]) -> None:
        """Whether records are dated before what witnesses cosigned without them, as far as that is known here."""
        if not self.trust.has_witnesses or self.assembly.size < self.crew.extent.size:
            return
        looked = claims.check_witnessed(notes, self.trust, self.assembly, self.crew, self.findings)
        if looked:
            self.checked.append("the times at which witnesses cosigned what was verified before")

    def _judge(self, judge: Judge, plan: Plan, ranges: list[tuple[int, int]], tell: Callable[[int, int], None]) -> None:
        """Replay governance over what could be read."""
        size = self.assembly.size
        for start, stop in ranges:
            if judge.stopped is not None or start > self.assembly.readable:
                break
            judge.take(Header._make(spool.unpack(spool.read(plan.file(start), HEADER))))
            tell(stop, size)
        if judge.found is not None:
            self.findings.add(judge.found)
        self.stop = self.assembly.readable if judge.stopped is None else judge.stopped
        beyond = self.stop if judge.stopped is None else judge.stopped + 1
        for start, stop in ranges:
            if stop > beyond:
                header = Header._make(spool.unpack(spool.read(plan.file(start), HEADER)))
                self.findings.add(*check_unjudged(header, beyond, plan.ledger_id))
        if self.stop == size and size in self.crew.applied:
            judge.mark(size, ())
        ledger = judge.governance.ledger
        if ledger is not None:
            self.rule_set = ledger.rule_set
            if ledger.origin != self.trust.origin:
                message = "the ledger was founded under another origin"
                self.findings.add(finding("LED-LEDGER", 0, message, expected=self.trust.origin, found=ledger.origin))
            self.findings.add(*check_log_keys(self.assembly.uses, judge.governance, self.stop))

    def _replay(self, replay: Replay, content_key: bytes | None) -> None:
        """Acts about subjects, derived data, content."""
        content = self._has_content(content_key)
        with self._phase("rules") as tell:
            replay.without_damaged_state(lambda: replay.fold(tell, content=content))
        with self._phase("derived") as tell:
            replay.compare_tiles(self.assembly)
            if self.crew.is_published:
                self.checked.append("the tiles that are published beside the records")
            replay.without_damaged_state(lambda: replay.compare(tell))
            replay.account(self.checked, self.not_checked)
        if content:
            with self._phase("content"):
                self._check_content(content_key, replay.kept)
        elif self.crew.is_store and Layout(self.path).private.is_dir():
            self.not_checked.append("detached content (its key was not given)")
        elif replay.kept:
            self._note_missing(replay.kept, content_key)
        else:
            self.not_checked.append("detached content (none is here)")

    def _has_content(self, key: bytes | None) -> bool:
        """Whether there is content that can be checked."""
        index = self.crew.index
        if index is not None:
            return index.contents > 0 and index.damage is None
        return key is not None and self.crew.is_store and Layout(self.path).private.is_dir()

    def _note_missing(self, absent: int, key: bytes | None) -> None:
        """Say how much content is not here. It may lie elsewhere; but whoever gives its key wants it checked."""
        items = f"{count(absent, 'item')} on record and not erased {'is' if absent == 1 else 'are'} not here"
        (self.not_checked if key is None else self.unable).append(f"detached content: {items}")

    def _check_content(self, key: bytes | None, kept: int) -> None:
        files = sorted(map(str, self.scratch.glob("content-*")))
        index = self.crew.index
        try:
            if index is None:
                results = [self.crew.call("private", str(Layout(self.path).private), key, files)]
            else:
                items = str(self.scratch / "items")
                sorting = self.crew.call("sort_items", index.contents_at, index.contents, items)
                whole = self.stop == self.assembly.size and index.damage is None
                results = [(sorting, 0, 0), *self.crew.map("items", [(items, file, whole) for file in files])]
        except (KeyFileError, NoLedger) as error:
            self.unable.append(f"detached content: {error}")
            if kept and isinstance(error, NoLedger):
                self._note_missing(kept, key)
            return
        for found, _, _ in results:
            self.findings.add(*map(Finding._make, found))
        if sound := sum(sound for _, sound, _ in results):
            self.checked.append(f"{count(sound, 'item')} of detached content")
        absent = sum(missing for _, _, missing in results)
        if absent:
            self._note_missing(absent, key)

    def report(self) -> Report:
        """What the audit came to."""
        assembly, size = self.assembly, self.assembly.size
        cosigned = f"cosignatures of witnesses: {assembly.cosignatures}, and their times against those of the records"
        # What there was none of was not checked: it must not look like a success.
        checked = [
            words
            for number, words in (
                (size, f"form, links, times and hashes of {count(size, 'record')}"),
                (assembly.signatures, f"{count(assembly.signatures, 'signature')} of authors and cosigners"),
                (assembly.checkpoints, count(assembly.checkpoints, "checkpoint")),
                (self.stop, f"keys, mandates, author chains and rules of {count(self.stop, 'record')}"),
                (assembly.cosignatures, cosigned),
                (assembly.post_quantum, f"ML-DSA signatures: {assembly.post_quantum}"),
            )
            if number
        ]
        not_checked = ["duties, and whether they were met in time"]
        for number, named, words in (
            (assembly.post_quantum, self.trust.has_post_quantum_keys, "ML-DSA signatures"),
            (assembly.cosignatures, self.trust.has_witnesses, "cosignatures of witnesses"),
        ):
            if not number:
                none = "there is none by a key that the trust file names"
                not_checked.insert(0, f"{words}: {none}" if named else words)
        if self.is_other:
            checked, not_checked = ["whether this is the ledger of the trust file"], ["everything else"]
        elif self.stop < size:
            not_checked.append(f"keys and rules from record {self.stop} on")
        if size < self.crew.extent.size and not self.is_other:
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
            checkpoint=assembly.note,
            sufficing=assembly.sufficing if self.trust.asks_for_more else None,
            cosigned=self.trust.open(assembly.sufficing_note).times if assembly.sufficing_note else (),
        )
