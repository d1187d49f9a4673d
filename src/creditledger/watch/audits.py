"""The audits of a watcher: what is new on the trunk is audited in full, wherever it can be had whole."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from creditledger.audit.auditor import Progress, verify
from creditledger.audit.findings import NO_EVIDENCE
from creditledger.audit.published import Published
from creditledger.audit.report import Report
from creditledger.audit.signed_tree import SignedTree
from creditledger.audit.trust import Trust
from creditledger.client.files import write_whole
from creditledger.client.phrases import count
from creditledger.client.seen import SeenStore
from creditledger.errors import FormatError, LedgerError, VerificationFailed
from creditledger.receipts import fork
from creditledger.store.files import make_dir
from creditledger.store.head import Head
from creditledger.tlog.checkpoint import Checkpoint
from creditledger.tlog.tree import HASH_BYTES
from creditledger.watch import copies, meeting
from creditledger.watch.alarms import Call, Teller
from creditledger.watch.events import Event
from creditledger.watch.state import State
from creditledger.web.place import Place

CACHE: Final = "cache"
"""The name of the copy that audits keep, in the ledger's directory."""
REMEMBERED: Final = "audit.json"
"""The name of the file that says what was audited, in the ledger's directory; and that of an audit under way."""
TRYING: Final = "audit.json.trying"
REPEATED: Final = 9
"""For how many rounds a place that was audited in vain is not audited again at the same head."""

_BY_MEMORY: Final = ("LED-HEAD", "LED-FORK")


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


class Audits:
    """The audits of one ledger."""

    def __init__(self, trust: Trust, state: State, directory: Path, settings: Settings, teller: Teller) -> None:
        self._trust = trust
        self._state = state
        self._directory = directory
        self._settings = settings
        self._tell = teller
        # Of each place what was audited there last without success, what was said of it, and for how many rounds more
        # that is repeated, since a place can be repaired; and what failed for good.
        self._in_vain: dict[str, tuple[Checkpoint, Event, int]] = {}
        self._failed: Checkpoint | None = None

    def audit(self, trunk: Checkpoint, views: list[View]) -> Iterator[Event]:
        """Audit what is new, at one vantage point after the other until the records are found to be in order.

        Where the place that is furthest ahead cannot be audited, one that shows less is. What a signed root itself
        covers is the log's fault, an alarm; records and tiles that do not make the root are the fault of their place.

        Args:
            trunk: the largest checkpoint that was verified.
            views: those that are on the trunk.

        Raises StoreError if the state or evidence cannot be written.
        """
        for view in sorted(views, key=lambda one: one.head.size, reverse=True):
            if not self._state.audited < view.head.size <= trunk.size or view.head == self._failed:
                return
            tried = self._in_vain.pop(view.place.name, None)
            if tried is not None and tried[0] == view.head and tried[2] > 0:
                self._in_vain[view.place.name] = *tried[:2], tried[2] - 1
                yield tried[1]
                continue
            try:
                report = self.verify(view)
                found = self._fork_in(view, report)
            except (LedgerError, OSError) as error:
                words = f"{view.place.name} cannot be audited: {error}"
                yield self._tell.event("unaudited", view.place.name, words)
                continue
            if found is not None:
                yield from self._tell.expose(view.place.name, found)
                continue
            if report.size < view.head.size:
                yield self._went_back(view, report)
                continue
            if report.exit_code == 0:
                yield from self._accept(view, report)
                return
            if _is_covered(view, report, self._trust):
                yield from self._fail(view, report)
                return
            told = "; ".join([*map(str, report.findings[:3]), *report.unable[:3]])
            kind = "damaged" if report.exit_code == VerificationFailed.exit_code else "unaudited"
            words = f"the audit at {view.place.name}: {report.meaning}: {told}"
            event = self._tell.event(kind, view.place.name, words)
            self._in_vain[view.place.name] = view.head, event, REPEATED
            yield event

    def verify(self, view: View) -> Report:
        """Audit what a vantage point shows; raises as `audit.verify`.

        It may show something else by now. So the audit is told what it showed, which is on the trunk, and what the
        audit remembers counts once it is accepted.
        """
        cache = self._directory / CACHE
        make_dir(cache)
        remembered, trying = self._directory / REMEMBERED, self._directory / TRYING
        if remembered.exists():
            shutil.copyfile(remembered, trying)
        else:
            trying.unlink(missing_ok=True)
        return verify(
            view.place.name,
            trust=self._trust,
            remember=trying,
            cache=cache,
            seen=Head(view.head.size, view.head.root, view.note),
            witnessed=self._state.passed,
            jobs=self._settings.jobs,
            progress=self._settings.progress,
            raise_on_failure=False,
        )

    def _fork_in(self, view: View, report: Report) -> fork.Fork | None:
        """What the place shows may have become another history since its checkpoint was looked at; raises as `make`."""
        if "LED-FORK" not in report.counts or self._state.trunk is None:
            return None
        tree = Published(view.place).tiles(report.sealed)
        data = fork.make(self._trust, self._state.trunk, report.checkpoint, tree)
        return None if data is None else fork.check(data, self._trust)

    def _went_back(self, view: View, report: Report) -> Event:
        """The place shows less than a moment ago; whether that is of the same history is for the next round to say."""
        try:
            self._state.hold(view.place.name, report.checkpoint)
        except (FormatError, VerificationFailed):
            pass  # Nobody's checkpoint: it says nothing against the log.
        else:
            self._state.write()
        words = (
            f"{view.place.name} showed {count(view.head.size, 'record')} when it was looked at, and "
            f"{report.size} when they were audited: it is looked at again"
        )
        return self._tell.event("unaudited", view.place.name, words)

    def _fail(self, view: View, report: Report) -> Iterator[Event]:
        self._failed = view.head
        path = self._directory / f"audit-{report.size}.json"
        write_whole(path, json.dumps(report.to_json(), ensure_ascii=False, indent=1).encode() + b"\n", force=True)
        told = "; ".join(map(str, report.findings[:3]))
        words = (
            f"what {self._trust.origin} signed is not in order, wherever it is read: {report.meaning}: {told}; the "
            f"report is in {path}"
        )
        yield self._tell.event("failed", view.place.name, words, file=str(path), size=report.size)
        yield from self._tell.call(view.place.name, path)

    def _accept(self, view: View, report: Report) -> Iterator[Event]:
        """Note what was audited; the log may have grown since it was looked at."""
        (self._directory / TRYING).replace(self._directory / REMEMBERED)
        state = self._state
        trunk = None if state.trunk is None else fork.open_by_log(state.trunk, self._trust)
        before, state.audited = state.audited, report.size
        if trunk is None or report.size > trunk.size:
            state.grow(report.checkpoint)
        # The times of cosignatures bind the first record that they do not cover, which was looked at now.
        state.passed = [one for one in state.passed if fork.open_by_log(one, self._trust).size >= report.size]
        state.write()
        copies.tidy(self._directory / CACHE, before, report.size)
        words = f"{count(report.size, 'record')} of {self._trust.origin} audited: {report.meaning}"
        yield self._tell.event(
            "audited", view.place.name, words, size=report.size, root=report.root.hex(),
            not_checked=list(report.not_checked),
        )  # fmt: skip
        yield from self._pin(view, report)

    def _pin(self, view: View, report: Report) -> Iterator[Event]:
        """Keep the checkpoint for `sign` to pin; what is kept there may be of another history, verified elsewhere."""
        if self._settings.seen is None:
            return
        tree = Published(view.place).tiles(report.size)
        try:
            data = meeting.audited(self._settings.seen, self._trust, report.checkpoint, lambda: tree)
        except (LedgerError, OSError) as error:
            words = f"the checkpoint is not kept for `sign` to pin: {error}"
            yield self._tell.event("unaudited", view.place.name, words)
            return
        if data is not None:
            yield from self._tell.expose(view.place.name, fork.check(data, self._trust))


def _is_covered(view: View, report: Report, trust: Trust) -> bool:
    """Whether what an audit found wrong is what the log itself signed, as against what a place made of it."""
    # What only contradicts what was remembered may be an older copy, or a fork that is yet to be proved.
    if all(one.derived or one.id in NO_EVIDENCE or one.id in _BY_MEMORY for one in report.findings):
        return False
    if 0 < report.size == report.sealed:
        return True
    if "LED-LEDGER" not in report.counts:
        return False
    # Nothing else is read of a log whose first record founds another ledger than the trust file names.
    try:
        return SignedTree(view.place, view.head).tile(0, 0)[:HASH_BYTES] != trust.ledger_id
    except (LedgerError, OSError):
        return False
