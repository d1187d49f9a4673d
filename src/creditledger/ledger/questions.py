"""What an open ledger answers, whether it was opened to write or to read: the half of `Ledger` that changes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident

from creditledger.acts.kinds import Subject
from creditledger.errors import StoreError
from creditledger.ledger import arguments, queries
from creditledger.ledger.answer import Answer, Difference, HistoryItem, ListingView
from creditledger.ledger.log import Log
from creditledger.ledger.opening import Parts, catch_up
from creditledger.ledger.state import State
from creditledger.ledger.witnessing import WitnessedCheckpoints
from creditledger.record.record import Record
from creditledger.rules.governance_state import Governance
from creditledger.rules.rows import KeyHead
from creditledger.store.private import PrivateStore
from creditledger.tlog.tree import EMPTY_ROOT


class OpenLedger:
    """A ledger that can be asked; `Ledger` is made of it."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._description = parts.description
        self._log = parts.log
        self._state = parts.state
        self._contents = parts.contents
        self._writer = parts.writer
        self._clock = parts.clock
        self._state_lock = parts.state_lock
        self._trying = 0  # Which thread tries entries out.
        self._witnessed: WitnessedCheckpoints | None = None
        self._closed = False
        self._process = os.getpid()

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Within, the state stands still; a reader's has everything that the writer had committed before."""
        with self._state_lock:
            self._require_usable()
            with self._state.held():
                if self._writer is None and self._trying != get_ident():
                    catch_up(self._log, self._state)
                yield

    def _require_usable(self) -> None:
        if self._process != os.getpid():
            raise StoreError("the ledger was opened before this process forked off; open it again in this process")
        if self._closed:
            raise StoreError("the ledger is closed; open it again")

    @property
    def origin(self) -> str:
        """The log's name."""
        return self._description.origin

    @property
    def ledger_id(self) -> bytes:
        """The leaf hash of record 0, 32 bytes."""
        return self._description.ledger_id

    @property
    def size(self) -> int:
        """The number of records."""
        with self._asking():
            return self._log.checked_size

    @property
    def root(self) -> bytes:
        """The root of the tree over all records, 32 bytes."""
        with self._asking():
            return self._log.root_at(self._log.checked_size) or EMPTY_ROOT

    @property
    def checkpoint(self) -> bytes:
        """The newest signed checkpoint, a C2SP signed note."""
        last = self._log.checkpoint()
        if last is None:
            raise StoreError("the ledger has no checkpoint; it was not founded to the end")
        return last[1]

    @property
    def has_witnesses(self) -> bool:
        """Whether there is a policy that names witnesses, given at opening or in the directory."""
        policy = self._parts.witness_policy()
        return policy is not None and bool(policy.witnesses)

    def witnessed(self, at_least: int = 0) -> tuple[int, bytes] | None:
        """The newest checkpoint of a size from `at_least` on whose cosignatures meet the ledger's witness policy.

        Returns its size and the signed note, or None. Without a policy the newest of all will do. The signatures of the
        log and of the policy's witnesses are verified; raises `VerificationFailed` (LED-CKPT) for a wrong one.
        """
        arguments.check_count(at_least, "at_least")
        if self._witnessed is None:
            policy = self._parts.witness_policy()
            if policy is None or policy.is_none:
                newest = self._log.checkpoint()
                return newest if newest is not None and newest[0] >= at_least else None
            self._witnessed = WitnessedCheckpoints(self._log, self.origin, policy)
        return self._witnessed.newest(self.governance, at_least)

    @property
    def log(self) -> Log:
        """Records, tiles and checkpoints as stored."""
        return self._log

    @property
    def governance(self) -> Governance:
        """Who may do what, as of the last record; not to be changed."""
        with self._asking():
            return self._state.governance

    def key_head(self, key: bytes) -> KeyHead | None:
        """Where the chain of a key (33 bytes) stands: the next author_seq, the author_prev to cite; None if unknown."""
        arguments.check_bytes(key, "key")
        with self._asking():
            return self._state.heads.get(key)

    def records(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, bytes]]:
        """Record numbers and bytes, each re-hashed and held against the tree."""
        size = self.size
        return self._log.records(start, size if stop is None else min(stop, size))

    def record(self, seq: int) -> Record:
        """One record, re-hashed."""
        arguments.check_count(seq, "seq")
        with self._asking():
            return self._log.record(seq)

    def today(self) -> str:
        """The civil day of the ledger's clock, at its UTC offset."""
        return queries.day_of(self._clock(), self._state.governance)

    def lookup(
        self, subject: Subject, list: str, *, valid_at: str | None = None, known_at: int | None = None
    ) -> Answer:
        """The subject's status on a list, on a day, as known at a moment.

        `valid_at` is `YYYY-MM-DD` (default: today), `known_at` microseconds since the Unix epoch (default: everything
        recorded). Raises `UsageError` for an unknown list. "nothing-recorded" does not mean clean.
        """
        arguments.check_subject(subject)
        arguments.check_list(list)
        arguments.check_day(valid_at)
        with self._asking():
            asked, known_day = self._as_known(known_at)
            return asked.lookup(list, subject, valid_at, known_day)

    def history(self, subject: Subject, list: str) -> list[HistoryItem]:
        """Every act about the subject on the list, in the order of the log."""
        arguments.check_subject(subject)
        arguments.check_list(list)
        with self._asking():
            asked, _ = self._as_known(None)
            return [*asked.history(list, subject)]

    def members(
        self, list: str, *, valid_at: str | None = None, known_at: int | None = None, every: bool = False
    ) -> Iterator[tuple[Subject, str, tuple[ListingView, ...]]]:
        """Who is on a list on a day: subject, status, listings; in the order of the subjects' keys.

        Only those whose status is `listed`, unless `every`. Arguments as for `lookup`.
        """
        arguments.check_list(list)
        arguments.check_day(valid_at)
        with self._asking():
            asked, known_day = self._as_known(known_at)
            everybody = asked.members(list, valid_at, known_day)
        return everybody if every else (found for found in everybody if found[1] == "listed")

    def diff(self, list: str, before: tuple[str, int | None], after: tuple[str, int | None]) -> list[Difference]:
        """Whose status on a list differs between two points, each a day and a moment of knowledge (None: now)."""
        points = arguments.check_point(before, "before"), arguments.check_point(after, "after")
        return [*queries.differences(*(self._statuses(list, *point) for point in points))]

    def _statuses(self, list_id: str, valid_at: str, known_at: int | None) -> dict[Subject, str]:
        found = self.members(list_id, valid_at=valid_at, known_at=known_at, every=True)
        return {subject: status for subject, status, _ in found}

    def replay(self, *, size: int | None = None, known_at: int | None = None) -> State:
        """The state after the first `size` records, or after all recorded at or before a moment, replayed in memory."""
        arguments.check_count(size, "size")
        arguments.check_moment(known_at, "known_at")
        return queries.state_at(self._log, self.size, size, known_at)

    def state_digest(self) -> bytes:
        """The canonical digest of the current state, 32 bytes: equal wherever the same records were replayed."""
        with self._asking():
            return self._state.digest()

    def _as_known(self, known_at: int | None) -> tuple[queries.Queries, str | None]:
        if known_at is None:
            return queries.Queries(self._log, self._state, self.today), None
        state = self.replay(known_at=known_at)
        return queries.Queries(self._log, state, self.today), queries.day_of(known_at, state.governance)

    def content(self, list: str, subject: Subject, commitment: bytes) -> bytes | None:
        """Detached content by its commitment, checked against it; None when it is not here or was erased.

        What a backup of the content brought back, although its erasure is on record, is not given out.
        """
        erased = self.erased_by(list, subject, commitment)
        return None if erased is not None else self._contents.read(list, subject, commitment)

    def erased_by(self, list: str, subject: Subject, commitment: bytes) -> int | None:
        """The number of the record that ordered the erasure of content, or None where none did."""
        arguments.check_list(list)
        arguments.check_subject(subject)
        arguments.check_bytes(commitment, "commitment")
        with self._asking():
            return queries.Queries(self._log, self._state, self.today).erased_by(list, subject, commitment)

    def private_store(self) -> PrivateStore:
        """The store of detached content; raises `UsageError` when the ledger was opened without its key."""
        return self._contents.store()
