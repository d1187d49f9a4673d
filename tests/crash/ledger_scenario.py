"""The crash scenario of a whole ledger, through the library alone: founded, appended to by several threads, reopened.

Each acknowledgement is what `append` answered; the check asks for all of it again, and for nothing half. What each
author sends follows from the seed (ledger_plan.py), so the check also knows what may be there unacknowledged.
"""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from crash.ledger_plan import Author, Signed, Step, StillClock, authors, founding
from creditledger.audit import Trust, crew, verify
from creditledger.errors import NoLedger, Refused, StoreError
from creditledger.ledger import unsynced
from creditledger.ledger.ledger import Ledger
from creditledger.ledger.receipt import ContentItem, Receipt
from creditledger.ledger.state import State
from creditledger.record.entry import decode_entry
from creditledger.record.record import decode_record
from creditledger.store import segment
from creditledger.store.files import SECTOR
from creditledger.store.head import HeadStore
from creditledger.store.private import PrivateStore
from creditledger.tlog.note import NoteVerifier
from creditledger.tlog.tree import leaf_hash
from creditledger.workers import Inline
from support.registry import CONTENT_KEY, ORIGIN, signer

SESSIONS = 2
STEPS = 6
"""How often the ledger is opened, and how many steps each author takes in between."""

REGISTRY = "srv/registry"
HEADS = "home/heads"
"""Where the ledger is and where its head; neither parent is there before."""

ATTEMPTS = 3
"""How often something is tried on a disk that fails before it is taken for one that stays so."""

PATIENCE = 60.0
"""Seconds after which a thread that has not been answered is taken for hung."""

Acknowledge = Callable[[bytes], None]
Result = TypeVar("Result")


def _by_default(call: Any, **values: int) -> None:
    call.__kwdefaults__.update(values)


# Small enough that a short workload writes its state several times, and fills several segments.
_by_default(State.__init__, flush_rows=25, move_rows=10)
_by_default(PrivateStore.open, segment_bytes=8000)
# The check has a process of its own already, which may die of what it reads.
vars(crew).update(Pool=lambda module, jobs: Inline(module))


def workload(root: Path, acknowledge: Acknowledge, seed: int, *, sessions: int = SESSIONS, steps: int = STEPS) -> None:
    """Found the ledger, or go on with it, and let every author take its steps; see harness.py."""
    try:
        _Workload(root, acknowledge, seed).run(sessions, steps)
    except StoreError:
        raise  # From a disk that stays full there is no recovery.
    except Exception as error:  # noqa: BLE001  # Anything else is a finding, which the check will tell.
        acknowledge(json.dumps({"problem": f"{type(error).__name__}: {error}"}).encode())


def found(root: Path, clock: StillClock, content_key: bytes | None = CONTENT_KEY) -> None:
    """Found the ledger where there is none; what a killed founding left is cleared away, as by its operator.

    Without a content key the private store is made when content first comes.
    """
    directory = root / REGISTRY
    if (directory / "ledger.toml").exists():
        return
    if directory.exists():
        shutil.rmtree(directory)
    data, signatures = founding().entries[0]
    try:
        ledger = Ledger.create_from_entry(
            directory, data, signatures, log_signer=signer("log"), content_key=content_key, head_dir=root / HEADS,
            clock=clock,
        )  # fmt: skip
    except StoreError:
        left = {path.name for path in directory.glob("*")}
        assert left <= {"writer.lock"}, f"a founding that failed left {left} behind"
        raise
    ledger.close()


def open_ledger(root: Path, clock: StillClock) -> Ledger:
    """Open it to write."""
    return Ledger.open(
        root / REGISTRY, log_signer=signer("log"), content_key=CONTENT_KEY, head_dir=root / HEADS, clock=clock
    )


def close(ledger: Ledger) -> None:
    """Close it: what was acknowledged is in the log, and what cannot be written now is replayed."""
    with suppress(StoreError):
        ledger.close()


def send(ledger: Ledger, step: Step) -> list[Receipt]:
    """Take one step."""
    if len(step.entries) > 1:
        return ledger.append_all(step.entries, step.contents)
    return [ledger.append_signed(*step.entries[0], step.contents)]


def expect_refusal(ledger: Ledger, step: Step) -> None:
    """Send what a rule forbids."""
    try:
        send(ledger, step)
    except Refused:
        return
    raise AssertionError("what a rule forbids was recorded")


def expect_poisoned(ledger: Ledger) -> None:
    """After a failed commit nothing is answered, not even with a receipt, until the ledger has been opened again."""
    try:
        ledger.append_signed(*founding().entries[0])
    except StoreError:
        return
    raise AssertionError("the disk failed, and the writer went on")


class _Workload:
    """One run: how far every author is, and how it goes on after an error of the disk."""

    def __init__(self, root: Path, acknowledge: Acknowledge, seed: int) -> None:
        self._root = root
        self._acknowledge = acknowledge
        self._seed = seed
        self._authors = authors(seed)
        self._clock = StillClock()
        self._positions = dict.fromkeys(self._authors, 0)
        self._errors: list[Exception] = []

    def run(self, sessions: int, steps: int) -> None:
        self._again(lambda: found(self._root, self._clock, CONTENT_KEY if self._seed % 2 else None))
        self._ledger = self._again(self._open)
        try:
            for number, entry in enumerate(founding().entries):
                self._tell("founding", number, [self._append_founding(entry)])
            self._clock.going = True
            for name, author in self._authors.items():
                head = self._ledger.key_head(author.key.public_key)
                if head is not None and head.next_seq:  # A run before this was killed. What came last is sent again.
                    self._positions[name] = author.step_at(head.next_seq - 1)
            for _ in range(sessions):
                goals = {name: number + steps for name, number in self._positions.items()}
                self._again(partial(self._session, goals))
                self._reopen()
        finally:
            close(self._ledger)

    def _session(self, goals: dict[str, int]) -> None:
        """Let the authors go on to these steps, all at the same time; if the disk fails, open again and raise."""
        self._errors.clear()
        threads = [
            threading.Thread(target=self._write, args=(author, goals[name]), daemon=True)
            for name, author in self._authors.items()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
            assert not thread.is_alive(), "a thread that appends was never answered"
        for error in self._errors:
            if not isinstance(error, StoreError):
                raise error
        if self._errors:
            expect_poisoned(self._ledger)
            self._reopen()
            raise self._errors[0]

    def _write(self, author: Author, goal: int) -> None:
        try:
            start = self._positions[author.name]
            for number in range(start, goal):
                if number % 5 == 3 and number > start:  # What goes first may be there already.
                    expect_refusal(self._ledger, author.junk(number))
                self._tell(author.name, number, send(self._ledger, author.step(number)))
                self._positions[author.name] = number + 1
        except Exception as error:  # noqa: BLE001  # It is looked at when all threads have ended.
            self._errors.append(error)

    def _append_founding(self, entry: Signed) -> Receipt:
        def attempt() -> Receipt:
            try:
                return self._ledger.append_signed(*entry)
            except StoreError:
                expect_poisoned(self._ledger)
                self._reopen()
                raise

        return self._again(attempt)

    def _open(self) -> Ledger:
        return open_ledger(self._root, self._clock)

    def _reopen(self) -> None:
        close(self._ledger)
        self._ledger = self._again(self._open)

    def _again(self, action: Callable[[], Result]) -> Result:
        for _ in range(ATTEMPTS):
            with suppress(StoreError):
                return action()
        return action()

    def _tell(self, name: str, number: int, receipts: list[Receipt]) -> None:
        told = {"seed": self._seed, "author": name, "step": number, "receipts": rows(receipts)}
        self._acknowledge(json.dumps(told).encode())


# --- The check ---------------------------------------------------------------------------------------------------


def check(root: Path, acknowledged: list[bytes]) -> None:
    """Open the ledger to write, as after a crash, and hold it against what was acknowledged; see harness.py."""
    told: list[dict[str, Any]] = [json.loads(one) for one in acknowledged]
    if root.name == "image":  # What a power cut left is looked at by a system that was started since.
        unsynced.boot_id = lambda: b"after the power cut"
    for one in told:
        assert "problem" not in one, one["problem"]
    clock = StillClock()
    if not (root / REGISTRY / "ledger.toml").exists():
        assert not told, f"{len(told)} calls were acknowledged, and there is no ledger"
        try:
            open_ledger(root, clock)
        except NoLedger:
            found(root, clock)  # Nothing of an unfinished founding stands in the way of another.
        else:
            raise AssertionError("a ledger without its description was opened")
    _Check(root, clock, told).run()


class _Check:
    """What must be there, and what may be, of one ledger after a crash."""

    def __init__(self, root: Path, clock: StillClock, told: list[dict[str, Any]]) -> None:
        self._root = root
        self._clock = clock
        self._told = told
        self._authors = authors(told[0]["seed"] if told else 0)
        self._last = dict.fromkeys(("founding", *self._authors), -1)
        for one in told:
            self._last[one["author"]] = max(self._last[one["author"]], one["step"])

    def run(self) -> None:
        with open_ledger(self._root, self._clock) as ledger:
            self._check_receipts(ledger)
            self._check_content(ledger, self._recorded(ledger, ahead=1))
            self._send_again(ledger)
        with open_ledger(self._root, self._clock) as ledger:
            self._check_content(ledger, self._recorded(ledger, ahead=0))
            assert ledger.replay().digest() == ledger.state_digest(), "the state is not what the log amounts to"
        self._audit()

    def _check_receipts(self, ledger: Ledger) -> None:
        """What was answered is true: the record, its leaf, its time, and that a checkpoint of that size covers it."""
        records = [(leaf_hash(data), decode_record(data)) for _, data in ledger.records()]
        sizes = {size for size, _ in ledger.log.checkpoints()}
        for one in self._told:
            for data, receipt in zip(self._entries(one["author"], one["step"]), one["receipts"], strict=True):
                seq, leaf, recorded_at, size = receipt
                where = f"step {one['step']} of {one['author']} was acknowledged as record {seq}"
                assert seq < len(records), f"{where}, and there are {len(records)}"
                found_leaf, record = records[seq]
                assert record.entry == data, f"{where}, where another entry stands"
                assert (found_leaf.hex(), record.recorded_at) == (leaf, recorded_at), f"{where} with another receipt"
                assert seq < size, f"{where}, covered by checkpoint {size}"
                assert size in sizes, f"{where}, covered by checkpoint {size}, which is not there"

    def _entries(self, name: str, step: int) -> list[bytes]:
        if name == "founding":
            return [founding().entries[step][0]]
        return [data for data, _ in self._authors[name].step(step).entries]

    def _recorded(self, ledger: Ledger, *, ahead: int) -> dict[str, int]:
        """How many steps of each author stand in the log: in order, whole, once; nothing else does.

        All that were acknowledged are, and of others at most so many steps `ahead`: what was under way.
        """
        waiting = {name: iter(self._plan(name)) for name in self._last}
        steps: dict[str, list[int]] = {name: [] for name in self._last}
        by_key = {author.key.public_key: name for name, author in self._authors.items()}
        for seq, data in ledger.records():
            entry = decode_record(data).entry
            name = by_key.get(decode_entry(entry).key, "founding")
            expected, step = next(waiting[name], (b"", -1))
            assert entry == expected, f"record {seq} is none of those that {name} sent, or stands there twice"
            steps[name].append(step)
        for name, found_steps in steps.items():
            last, count = self._last[name], max(found_steps, default=-1) + 1
            assert last < count <= last + 1 + ahead, f"{count} steps of {name} are there, and {last + 1} acknowledged"
            assert all(found_steps.count(one) == len(self._entries(name, one)) for one in range(count)), "half a step"
        return {name: len(set(one)) for name, one in steps.items()}

    def _plan(self, name: str) -> Iterator[tuple[bytes, int]]:
        """The entries of an author, each with the step that it belongs to."""
        last = len(founding().entries) if name == "founding" else self._last[name] + 3
        for step in range(last):
            for data in self._entries(name, step):
                yield data, step

    def _check_content(self, ledger: Ledger, recorded: dict[str, int]) -> None:
        """The content of every record is there, what was erased is not, and there is none without a record."""
        kept: dict[bytes, ContentItem] = {}
        erased: set[bytes] = set()
        for name, author in self._authors.items():
            for number in range(recorded[name]):
                step = author.step(number)
                kept.update(step.added)
                for one in step.erased:
                    item = kept.pop(one)
                    erased.add(one)
                    assert ledger.content(item.list, item.subject, item.commitment) is None, "erased content is there"
        there = set(ledger.private_store().ids())  # Made here if no content came before the crash.
        assert kept.keys() <= there, f"the content of records is lost: {len(kept.keys() - there)} items"
        assert there <= kept.keys(), f"there is content of no record: {len(there - kept.keys())} items"
        for item in kept.values():
            assert ledger.content(item.list, item.subject, item.commitment) == item.content
        for path in sorted((self._root / REGISTRY / "private").glob("*.seg")):
            data = path.read_bytes()
            assert not any(one in data for one in erased), f"an erased id is left in {path.name}"
            with path.open("rb") as file:
                states = {one.state for one in segment.scan(file, SECTOR, len(data))}
            assert states <= {segment.State.LIVE}, f"{path.name} has items that are {states}"

    def _send_again(self, ledger: Ledger) -> None:
        """Send what was acknowledged last and what comes after it: the former answers as before, nothing doubles."""
        for entry in founding().entries:
            ledger.append_signed(*entry)
        answers = {(one["author"], one["step"]): one["receipts"] for one in self._told}
        self._last["founding"] = len(founding().entries) - 1
        self._clock.going = True
        for name, author in self._authors.items():
            last = self._last[name]
            if last >= 0:
                assert rows(send(ledger, author.step(last))) == answers[name, last], (
                    "an entry sent again has a new receipt"
                )
            send(ledger, author.step(last + 1))
            self._last[name] = last + 1

    def _audit(self) -> None:
        """An auditor finds nothing, the head kept outside and the content included."""
        ledger_id = founding().ledger_id
        trust = Trust(ORIGIN, ledger_id, (NoteVerifier(ORIGIN, signer("log").public_key[1:]).vkey,))
        head = HeadStore(self._root / HEADS).load(ledger_id)
        assert head is not None, "the head outside is gone"
        verify(self._root / REGISTRY, trust=trust, head=head, content_key=CONTENT_KEY)


def rows(receipts: list[Receipt]) -> list[list[Any]]:
    """Receipts as they are told."""
    return [[one.seq, one.leaf_hash.hex(), one.recorded_at, one.size] for one in receipts]
