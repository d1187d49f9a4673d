"""One ledger, followed from several vantage points: every round, all that they show is held against one history.

The *trunk* is the largest checkpoint that was verified. What a vantage point shows must continue it, or be continued by
it; the proof is computed from the files at the vantage point and checked against the signed roots, so whoever serves
them need not be trusted. If the proof leads to another root than was signed, there are two histories, and it is the
evidence. If there is no proof, because files are missing or wrong, that is said, and nothing is concluded from it.

What the log signed and is not proved to be on the trunk is held: a later view, or the trunk once it has grown beyond,
proves that it is, or convicts the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from creditledger.audit.crew import MOST_RECORDS
from creditledger.audit.published import Published
from creditledger.audit.trust import Opened, Trust
from creditledger.client.phrases import count, short
from creditledger.codec.text import duration
from creditledger.errors import CannotVerify, FormatError, LedgerError, StoreError, VerificationFailed
from creditledger.receipts import fork
from creditledger.store.files import make_dir
from creditledger.store.head import Head
from creditledger.tlog.checkpoint import Checkpoint
from creditledger.tlog.tree import HashReader, subtree_root
from creditledger.watch.alarms import Teller
from creditledger.watch.audits import CACHE, Audits, Settings, View
from creditledger.watch.events import Event
from creditledger.watch.state import Held, State
from creditledger.web.place import Folder, Place


class Follower:
    """One ledger, by its trust file; what is remembered of it is in a directory of its own."""

    def __init__(self, trust: Trust, directory: Path, settings: Settings) -> None:
        """Take up what is remembered; raises what `State` raises."""
        make_dir(directory)
        self.trust = trust
        self.state = State(directory / "state.json", trust)
        self._directory = directory
        self._settings = settings
        self._tell = Teller(trust, self.state, directory, settings.call)
        self._audits = Audits(trust, self.state, directory, settings, self._tell)

    def round(self, shown: Iterable[tuple[Place, bytes]], now: float) -> Iterator[Event]:
        """Hold what vantage points show against each other and against what was verified before.

        Args:
            shown: the places, and the checkpoint notes that they serve now.
            now: POSIX seconds.

        Raises StoreError if the state or evidence cannot be written; nothing that a place does is raised.
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
        if self.state.trunk is None and (seen := self._seen()) is not None:
            self.state.trunk = fork.trimmed(seen.checkpoint, self.trust)
        for view in views:
            yield from self._look_back(view)
            yield from self._compare(view, on_trunk, views, now)
        yield from self._settle(views)
        self.state.write()
        yield from self._sum_up(on_trunk, views)
        trunk = self._trunk()
        if trunk is not None:
            yield from self._audits.audit(trunk, on_trunk)

    def _event(self, kind: str, place: Place | None, words: str, **facts: str | int) -> Event:
        return Event(kind, self.trust.origin, "" if place is None else place.name, words, facts)

    def _trunk(self) -> Checkpoint | None:
        return None if self.state.trunk is None else fork.open_by_log(self.state.trunk, self.trust)

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
        self.state.last[view.place.name] = fork.trimmed(view.note, self.trust)

    def _compare(self, view: View, on_trunk: list[View], views: list[View], now: float) -> Iterator[Event]:
        """One view against all that is held and against the trunk, which it may become."""
        yield from self._compare_equal(view)
        try:
            data = self._contradiction(view, views)
        except (LedgerError, OSError) as error:
            yield self._unproved(view, error)
            return
        if data is not None:
            yield from self._tell.expose(view.place.name, fork.check(data, self.trust))
            return
        before = self._trunk()
        larger = before is None or view.head.size > before.size
        if larger:
            yield from self._compare_smaller(view)
        opened, kind, problem = self._judge(view, now)
        told = [self._event(kind, view.place, f"{view.place.name}: {problem}", size=view.head.size)] if problem else []
        if opened is None:
            if larger:
                self.state.hold(view.place.name, view.note)
            yield from told
            return
        if larger:
            try:
                _require_tree(view)
            except (LedgerError, OSError) as error:
                yield self._unproved(view, error)
                return
            self.state.grow(view.note)
            words = f"{view.place.name} shows {count(view.head.size, 'record')}" + (
                f" of {self.trust.origin}, seen first"
                if before is None
                else f", which continue the {before.size} before"
            )
            yield self._event("grown", view.place, words, size=view.head.size, root=view.head.root.hex())
        elif before == view.head and self.trust.has_witnesses and self._newest() < _latest(opened):
            self.state.trunk = fork.trimmed(view.note, self.trust)
        yield from told
        on_trunk.append(view)

    def _unproved(self, view: View, error: LedgerError | OSError) -> Event:
        """A view that neither continues the trunk nor contradicts it, as far as its files go: hold it, and say why."""
        self.state.hold(view.place.name, view.note)
        if isinstance(error, VerificationFailed):
            words = f"the files at {view.place.name} are not those that its checkpoint was signed for: {error}"
            return self._event("damaged", view.place, words, size=view.head.size)
        words = f"what {view.place.name} shows cannot be compared with what was verified before: {error}"
        return self._event("uncompared", view.place, words, size=view.head.size)

    def _newest(self) -> int:
        """The time of the trunk's newest cosignature, in POSIX seconds; 0 if there is none that holds."""
        try:
            return _latest(self.trust.open(self.state.trunk or b""))
        except (FormatError, VerificationFailed):
            return 0

    def _compare_equal(self, view: View) -> Iterator[Event]:
        """Two notes of one size need no files to contradict each other."""
        for held in [one for one in self.state.held if one.head.size == view.head.size]:
            data = fork.make(self.trust, held.note, view.note)
            if data is not None:
                yield from self._tell.expose(view.place.name, fork.check(data, self.trust), other=held.vantage)
                self.state.held.remove(held)

    def _compare_smaller(self, view: View) -> Iterator[Event]:
        """A view that continues the trunk against what is held of smaller sizes, by its own files.

        It will be the trunk or be held itself; so what it continues need not be held any more.
        """
        tree = Published(view.place).tiles(view.head.size)
        for held in [one for one in self.state.held if one.head.size < view.head.size]:
            try:
                data = fork.make(self.trust, held.note, view.note, tree)
            except (StoreError, OSError):
                return  # The place does not answer; each file would be waited for.
            except LedgerError:
                continue
            if data is not None:
                yield from self._tell.expose(view.place.name, fork.check(data, self.trust), other=held.vantage)
            self.state.held.remove(held)

    def _settle(self, views: list[View]) -> Iterator[Event]:
        """What is held and the trunk has grown beyond is on it, or convicts the log."""
        trunk = self._trunk()
        for held in [one for one in self.state.held if trunk is not None and one.head.size <= trunk.size]:
            try:
                data = self._against_trunk(held, views)
            except (LedgerError, OSError):
                continue
            if data is not None:
                yield from self._tell.expose(held.vantage, fork.check(data, self.trust))
            self.state.held.remove(held)

    def _contradiction(self, view: View, views: list[View]) -> bytes | None:
        """Evidence that a view and the trunk contradict each other, or None: one continues the other.

        Raises VerificationFailed, CannotVerify, StoreError, FormatError where neither can be proved.
        """
        trunk = self._trunk()
        if trunk is None or self.state.trunk is None:
            return None
        if view.head.size > trunk.size:
            return fork.make(self.trust, self.state.trunk, view.note, Published(view.place).tiles(view.head.size))
        return self._against_trunk(Held(view.place.name, view.note, view.head), views)

    def _against_trunk(self, held: Held, views: list[View]) -> bytes | None:
        """Evidence that a note no larger than the trunk contradicts it, or None: the trunk continues it.

        It is proved by the trunk's files: those kept of the last audit, or any that lead to its root. Raises
        CannotVerify if there are none.
        """
        trunk, note = self._trunk(), self.state.trunk
        if trunk is None or note is None or held.head == trunk:
            return None
        if held.head.size == trunk.size:
            return fork.make(self.trust, note, held.note)
        places: list[Place] = [Folder(self._cache)] if self._cache.is_dir() else []
        places += [one.place for one in views if one.head.size >= trunk.size]
        problem = f"nobody shows the tree of {count(trunk.size, 'record')} any more"
        for place in places:
            try:
                return fork.make(self.trust, held.note, note, Published(place).tiles(trunk.size))
            except (LedgerError, OSError) as error:
                problem = str(error)
        raise CannotVerify(problem)

    @property
    def _cache(self) -> Path:
        return self._directory / CACHE

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
            age = f"{duration(int(now - time))} old" if time else "missing"
            allowed = f"at most {duration(most)} is allowed: it may be an old state, or the log stands still"
            return opened, "old", f"the cosignatures of the {view.head.size} records are {age}; {allowed}"
        return opened, "", ""

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


def _require_tree(view: View) -> None:
    """What becomes the trunk has files that make its root, at least those of its last tiles, and a sane size.

    A signed size costs whoever signs it nothing; a trunk that nobody can grow beyond would end all comparing. Raises
    VerificationFailed (LED-TREE), CannotVerify, FormatError, StoreError.
    """
    size = view.head.size
    if not 1 <= size <= MOST_RECORDS:
        raise CannotVerify(
            f"it is signed for {count(size, 'record')}; this program follows logs of 1 to {MOST_RECORDS}"
        )
    tree: HashReader = Published(view.place).tiles(size)
    root = subtree_root(tree, 0, size)
    if root != view.head.root:
        raise VerificationFailed(
            "LED-TREE", "its tiles do not make the root that is signed", expected=view.head.root.hex(), found=root.hex()
        )


def _latest(opened: Opened) -> int:
    return max((time for _, time in opened.times), default=0)


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
