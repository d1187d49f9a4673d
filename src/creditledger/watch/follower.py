"""One ledger, followed from several vantage points: every round, all that they show is held against one history.

The *trunk* is the largest checkpoint that was verified. What a vantage point shows must continue it, or be continued by
it; the proof is computed from the files at the vantage point and checked against the signed roots, so whoever serves
them need not be trusted. If the proof leads to another root than was signed, there are two histories, and it is the
evidence. If there is no proof, because files are missing or wrong, that is said, and nothing is concluded from it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from creditledger.audit.auditor import Progress, verify
from creditledger.audit.published import Published
from creditledger.audit.report import Report
from creditledger.audit.trust import Opened, Trust
from creditledger.client.files import write_whole
from creditledger.client.phrases import count, short
from creditledger.client.seen import SeenStore
from creditledger.errors import CannotVerify, FormatError, LedgerError, StoreError, VerificationFailed
from creditledger.receipts import fork
from creditledger.store.files import make_dir
from creditledger.store.head import Head
from creditledger.tlog.checkpoint import Checkpoint
from creditledger.watch import copies, evidence
from creditledger.watch.events import Event
from creditledger.watch.state import State
from creditledger.web.place import Folder, Place

Call = Callable[[Path], str]
"""Calls somebody with the path of a file; returns what became of it, in words."""


class View(NamedTuple):
    """What a vantage point shows: the place, its checkpoint as served, and as opened by the log's keys."""

    place: Place
    note: bytes
    head: Checkpoint


class Settings(NamedTuple):
    """How ledgers are followed.

    `max_age` is in seconds, None if cosignatures may be of any age; `jobs` as for `audit.verify`; `call` calls somebody
    on an alarm; `seen` is where a checkpoint that was audited is kept for signing.
    """

    max_age: int | None = None
    jobs: int | None = None
    call: Call | None = None
    seen: SeenStore | None = None
    progress: Progress | None = None


class Follower:
    """One ledger, by its trust file; what is remembered of it is in a directory of its own."""

    def __init__(self, trust: Trust, directory: Path, settings: Settings) -> None:
        """Take up what is remembered; raises what `State` raises."""
        make_dir(directory)
        self.trust = trust
        self.state = State(directory / "state.json", trust)
        self._directory = directory
        self._settings = settings
        self._audited_in_vain: set[tuple[int, bytes]] = set()

    def round(self, shown: Iterable[tuple[Place, bytes]], now: float) -> Iterator[Event]:
        """Hold what vantage points show against each other and against what was verified before.

        Args:
            shown: the places, and the checkpoint notes that they serve now.
            now: POSIX seconds.

        Raises StoreError if the state cannot be written.
        """
        views: list[View] = []
        for place, note in shown:
            try:
                views.append(View(place, note, fork.open_by_log(note, self.trust)))
            except (FormatError, VerificationFailed) as error:
                kind = "refused" if isinstance(error, VerificationFailed) else "unknown"
                yield self._event(kind, place, f"{place.name} shows no checkpoint of {self.trust.origin}: {error}")
        # From small to large, so that each is compared by the files of the larger one, which its own place serves.
        views.sort(key=lambda one: one.head.size)
        on_trunk: list[View] = []
        if self.state.trunk is None:
            yield from self._begin(views, now)
        for view in views:
            yield from self._look_back(view)
            yield from self._compare(view, on_trunk, views, now)
        self.state.write()
        yield from self._sum_up(on_trunk, views)
        trunk = self._trunk()
        if (
            trunk is not None
            and trunk.size > self.state.audited
            and (trunk.size, trunk.root) not in self._audited_in_vain
        ):
            yield from self._audit(trunk, [one for one in on_trunk if one.head == trunk])

    def _event(self, kind: str, place: Place | None, words: str, *, file: str = "", **facts: object) -> Event:
        return Event(kind, self.trust.origin, "" if place is None else place.name, words, facts, file)

    def _trunk(self) -> Checkpoint | None:
        return None if self.state.trunk is None else fork.open_by_log(self.state.trunk, self.trust)

    def _begin(self, views: list[View], now: float) -> Iterator[Event]:
        """The first trunk: what this user has verified already, or the smallest view that bears what is asked for."""
        seen = self._seen()
        if seen is not None:
            self.state.trunk = seen.checkpoint
            return
        for view in views:
            if self._judge(view, now)[0] is not None:
                self.state.trunk = view.note
                words = f"{view.place.name} shows {count(view.head.size, 'record')} of {self.trust.origin}, seen first"
                yield self._event("grown", view.place, words, size=view.head.size, root=view.head.root.hex())
                return

    def _seen(self) -> Head | None:
        """The checkpoint that this user verified last, if it is kept and signed by a key of the trust file."""
        if self._settings.seen is None:
            return None
        try:
            head = self._settings.seen.load(self.trust.ledger_id)
            if head is not None:
                fork.open_by_log(head.checkpoint, self.trust)
        except LedgerError:
            return None  # Damaged, or by a key that is not trusted here: nothing to go by. `sign` says what to do.
        return head

    def _look_back(self, view: View) -> Iterator[Event]:
        """Whether a vantage point shows less than before: that is old, not another history."""
        before = self.state.last.get(view.place.name)
        size = 0 if before is None else fork.open_by_log(before, self.trust).size
        if view.head.size < size:
            words = (
                f"{view.place.name} showed {count(size, 'record')} before, and shows {view.head.size} now: it is old"
            )
            yield self._event("backwards", view.place, words, size=view.head.size, before=size)
        self.state.last[view.place.name] = view.note

    def _compare(self, view: View, on_trunk: list[View], views: list[View], now: float) -> Iterator[Event]:
        """One view against the trunk, which it may become."""
        try:
            data = self._contradiction(view, views)
        except (CannotVerify, StoreError, FormatError) as error:
            words = f"what {view.place.name} shows cannot be compared with what was verified before: {error}"
            yield self._event("uncompared", view.place, words, size=view.head.size)
            return
        except VerificationFailed as error:
            words = f"the files at {view.place.name} are not those that its checkpoint was signed for: {error}"
            yield self._event("damaged", view.place, words, size=view.head.size)
            return
        if data is not None:
            yield from self._expose(view, fork.check(data, self.trust))
            return
        trunk = self._trunk()
        opened, kind, problem = self._judge(view, now)
        if problem:
            yield self._event(kind, view.place, f"{view.place.name}: {problem}", size=view.head.size)
        if opened is None:
            return
        on_trunk.append(view)
        if trunk is not None and view.head.size >= trunk.size:
            self.state.trunk = view.note
        if trunk is not None and view.head.size > trunk.size:
            words = f"{view.place.name} shows {count(view.head.size, 'record')}, which continue the {trunk.size} before"
            yield self._event("grown", view.place, words, size=view.head.size, root=view.head.root.hex())

    def _contradiction(self, view: View, views: list[View]) -> bytes | None:
        """Evidence that a view and the trunk contradict each other, or None: one continues the other.

        Raises VerificationFailed, CannotVerify, StoreError, FormatError where neither can be proved.
        """
        trunk = self._trunk()
        if trunk is None or self.state.trunk is None or (view.head.size, view.head.root) == (trunk.size, trunk.root):
            return None
        if view.head.size >= trunk.size:
            tree = Published(view.place).tiles(view.head.size)
            return fork.make(self.trust, self.state.trunk, view.note, tree)
        # An older view is proved by the trunk's files: those kept of the last audit, or any that lead to its root.
        places: list[Place] = [Folder(self._cache)] if self._cache.is_dir() else []
        places += [one.place for one in views if one.head.size >= trunk.size]
        problem: LedgerError = CannotVerify(f"nobody shows the tree of {count(trunk.size, 'record')} any more")
        for place in places:
            try:
                return fork.make(self.trust, view.note, self.state.trunk, Published(place).tiles(trunk.size))
            except (VerificationFailed, CannotVerify, StoreError, FormatError) as error:
                problem = error
        raise CannotVerify(str(problem))

    @property
    def _cache(self) -> Path:
        return self._directory / "cache"

    def _judge(self, view: View, now: float) -> tuple[Opened | None, str, str]:
        """Whether a view bears what the trust file asks for, and lately: the view opened (None: it does not), and what
        is to be said, as kind of event and words."""
        try:
            opened = self.trust.open(view.note)
        except (FormatError, VerificationFailed) as error:
            return None, "refused", str(error)
        try:
            self.trust.require(opened)
        except CannotVerify as error:
            return None, "policy", str(error)
        most = self._settings.max_age
        if most is None or not self.trust.has_witnesses:
            return opened, "", ""
        time = cosigned_at(self.trust, opened)
        if now - time > most:
            age = f"{(now - time) / 3600:.1f} hours old" if time else "missing"
            allowed = f"at most {most / 3600:g} hours are allowed: it may be an old state, or the log stands still"
            return opened, "old", f"the cosignatures of the {view.head.size} records are {age}; {allowed}"
        return opened, "", ""

    def _expose(self, view: View, found: fork.Fork) -> Iterator[Event]:
        """Write the evidence, call for help, and remember that this vantage point shows another history."""
        known = self.state.forks.get(view.place.name)
        path = self._directory / known if known else evidence.keep(self._directory, found)
        words = (
            f"{view.place.name} shows another history of {self.trust.origin} than was verified before. "
            f"{found.message[0].upper()}{found.message[1:]}; {fork.MEANING}. Keep the evidence, and ask the "
            "operator, the witnesses and other users which history they were shown; it convinces whoever has the trust "
            "file"
        )
        yield self._event(
            "fork", view.place, words, file=str(path), again=known is not None,
            first={"size": found.first.size, "root": found.first.root.hex()},
            second={"size": found.second.size, "root": found.second.root.hex()},
            root_of_second_at_first=found.root.hex(),
        )  # fmt: skip
        if known is None:
            # Called before it is noted as known: when killed in between, help is called twice rather than never.
            if path.name not in self.state.forks.values():
                yield from self._call(view.place, path)
            self.state.forks[view.place.name] = path.name
            self.state.write()

    def _call(self, place: Place | None, path: Path) -> Iterator[Event]:
        if self._settings.call is not None:
            yield self._event("called", place, self._settings.call(path), file=str(path))

    def _sum_up(self, on_trunk: list[View], views: list[View]) -> Iterator[Event]:
        trunk = self._trunk()
        if trunk is None or not views:
            return
        if all(one.head.size < trunk.size for one in views):
            most = max(one.head.size for one in views)
            words = (
                f"no vantage point shows the {count(trunk.size, 'record')} of {self.trust.origin} that were verified "
                f"before, at most {most}"
            )
            yield self._event("behind", None, words, size=trunk.size, shown=most)
        if on_trunk and len(on_trunk) == len(views):
            who = "the vantage point shows" if len(views) == 1 else f"all {len(views)} vantage points show"
            words = f"{who} one history of {self.trust.origin}, {count(trunk.size, 'record')}, root {short(trunk.root)}"
            yield self._event("same", None, words, size=trunk.size, root=trunk.root.hex(), vantages=len(views))

    def _audit(self, trunk: Checkpoint, views: list[View]) -> Iterator[Event]:
        """Audit what is new, at one vantage point after the other until the records are found to be in order."""
        worst: Report | None = None
        for view in views:
            try:
                report = self._verify(view)
                found = self._fork_in(view, report)
            except (CannotVerify, FormatError, StoreError, VerificationFailed) as error:
                yield self._event("unaudited", view.place, f"{view.place.name} cannot be audited: {error}")
                continue
            if report.exit_code == 0:
                yield from self._accept(view, report)
                return
            if found is not None:
                yield from self._expose(view, found)
                continue
            told = "; ".join([*map(str, report.findings[:3]), *report.unable[:3]])
            kind = "damaged" if report.exit_code == VerificationFailed.exit_code else "unaudited"
            self._audited_in_vain.add((trunk.size, trunk.root))
            if kind == "damaged":
                worst = report
            yield self._event(kind, view.place, f"the audit at {view.place.name}: {report.meaning}: {told}")
        if worst is not None:
            path = self._directory / f"audit-{worst.size}.json"
            write_whole(path, json.dumps(worst.to_json(), ensure_ascii=False, indent=1).encode() + b"\n", force=True)
            words = f"wherever {self.trust.origin} was audited, {worst.meaning}; the report is in {path}"
            yield self._event("failed", None, words, file=str(path), size=worst.size)
            yield from self._call(None, path)

    def _verify(self, view: View) -> Report:
        trunk = self._trunk()
        make_dir(self._cache)
        return verify(
            view.place.name,
            trust=self.trust,
            remember=self._directory / "audit.json",
            cache=self._cache,
            seen=None if trunk is None else Head(trunk.size, trunk.root, self.state.trunk or b""),
            jobs=self._settings.jobs,
            progress=self._settings.progress,
            raise_on_failure=False,
        )

    def _fork_in(self, view: View, report: Report) -> fork.Fork | None:
        """What the place shows may have become another history since its checkpoint was looked at; raises as `make`."""
        if "LED-FORK" not in report.counts or self.state.trunk is None:
            return None
        tree = Published(view.place).tiles(report.sealed)
        data = fork.make(self.trust, self.state.trunk, report.checkpoint, tree)
        return None if data is None else fork.check(data, self.trust)

    def _accept(self, view: View, report: Report) -> Iterator[Event]:
        """Note what was audited; the log may have grown since it was looked at."""
        before, self.state.trunk, self.state.audited = self.state.audited, report.checkpoint, report.size
        self.state.write()
        copies.tidy(self._cache, before, report.size)
        words = f"{count(report.size, 'record')} of {self.trust.origin} audited: {report.meaning}"
        yield self._event(
            "audited", view.place, words, size=report.size, root=report.root.hex(), not_checked=list(report.not_checked)
        )
        yield from self._pin(view, report)

    def _pin(self, view: View, report: Report) -> Iterator[Event]:
        """Keep the checkpoint for `sign` to pin; the one kept may be of another history, verified elsewhere."""
        if self._settings.seen is None:
            return
        seen = self._seen()
        try:
            if seen is not None and seen.size <= report.size:
                tree = Published(view.place).tiles(report.size)
                data = fork.make(self.trust, seen.checkpoint, report.checkpoint, tree)
                if data is not None:
                    yield from self._expose(view, fork.check(data, self.trust))
                    return
            self._settings.seen.advance(self.trust.ledger_id, report.checkpoint)
        except (StoreError, FormatError, CannotVerify, VerificationFailed) as error:
            yield self._event("unaudited", view.place, f"the checkpoint is not kept for `sign` to pin: {error}")


def cosigned_at(trust: Trust, opened: Opened) -> int:
    """The time, in POSIX seconds, at or after which enough witnesses cosigned to meet the policy; 0 if they did not."""
    order = sorted(zip(opened.cosignatures, opened.times, strict=True), key=lambda one: one[1][1], reverse=True)
    for number, (_, (_, time)) in enumerate(order, 1):
        try:
            trust.require(opened._replace(cosignatures=tuple(one for one, _ in order[:number])))
        except CannotVerify:
            continue
        return time
    return 0
