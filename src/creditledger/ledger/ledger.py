"""One ledger: founded, opened, appended to, asked.

    with Ledger.open("registry", log_signer=...) as ledger:
        receipt = ledger.append(act, signer=court)
        answer = ledger.lookup(firm, "judgment-defaulters", valid_at="2026-03-10")

A `Ledger` is thread-safe. It belongs to the process that opened it. Any number of processes may have it open to read,
beside the one that writes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from threading import get_ident
from typing import Self

from creditledger.acts import catalogue as acts
from creditledger.acts.kinds import Subject
from creditledger.errors import StoreError, UsageError
from creditledger.keys.signer import Signer
from creditledger.ledger import arguments, queries
from creditledger.ledger.answer import Answer, Difference, HistoryItem, ListingView
from creditledger.ledger.founding import founding_entry, system_clock
from creditledger.ledger.log import Log
from creditledger.ledger.opening import Parts, catch_up, found, open_to_read, open_to_write
from creditledger.ledger.receipt import ContentItem, Receipt
from creditledger.ledger.signing import Place, Signed, Turns
from creditledger.ledger.state import State
from creditledger.ledger.trial import Trial, trial
from creditledger.ledger.writer import Writer
from creditledger.record.entry import ZERO_HASH, check_entry
from creditledger.record.record import Record
from creditledger.rules.governance_state import Governance
from creditledger.rules.rows import ROOT, KeyHead
from creditledger.store.private import PrivateStore
from creditledger.tlog.tree import EMPTY_ROOT


class Ledger:
    """One ledger, open; made by `create` or `open`. A context manager: leaving it closes it."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._description = parts.description
        self._log = parts.log
        self._state = parts.state
        self._contents = parts.contents
        self._writer = parts.writer
        self._clock = parts.clock
        self._state_lock = parts.state_lock
        self._turns = Turns()
        self._trying = 0  # Which thread tries entries out.
        self._closed = False
        self._process = os.getpid()

    # -- founding and opening -------------------------------------------------------------------------------------

    @classmethod
    def create(
        cls,
        directory: str | os.PathLike[str],
        *,
        origin: str,
        log_signer: Signer,
        root_signers: Sequence[Signer],
        threshold: int | None = None,
        utc_offset: str = "+00:00",
        content_key: bytes | None = None,
        head_dir: str | os.PathLike[str] | None = None,
        clock: Callable[[], int] = system_clock,
    ) -> Ledger:
        """Founds a ledger in a new or empty directory and returns it, open for writing.

        `origin` names the log (a URL, scheme left out). `root_signers` govern it, `threshold` of them together
        (default: more than half). `utc_offset` fixes its civil days. `content_key` (32 bytes) encrypts content.
        `head_dir` keeps the last signed head outside the directory (default: the user's state directory).

        Raises `StoreError` when the directory is not empty or the disk fails, `FormatError` for a wrong argument.
        """
        arguments.check_signer(log_signer, "log_signer")
        arguments.check_signers(root_signers, "root_signers")
        data, signatures = founding_entry(origin, log_signer, root_signers, threshold, utc_offset, clock())
        return cls.create_from_entry(
            directory, data, signatures, log_signer=log_signer, content_key=content_key, head_dir=head_dir, clock=clock
        )

    @classmethod
    def create_from_entry(
        cls,
        directory: str | os.PathLike[str],
        data: bytes,
        signatures: Iterable[bytes],
        *,
        log_signer: Signer,
        content_key: bytes | None = None,
        head_dir: str | os.PathLike[str] | None = None,
        clock: Callable[[], int] = system_clock,
    ) -> Ledger:
        """Founds a ledger with a founding entry that the root keys signed elsewhere; see `create`."""
        arguments.check_directory(directory)
        arguments.check_signer(log_signer, "log_signer")
        parts = found(
            directory, data, signatures, log_signer=log_signer, content_key=content_key, head_dir=head_dir, clock=clock
        )
        return cls(parts)

    @classmethod
    def open(
        cls,
        directory: str | os.PathLike[str],
        *,
        log_signer: Signer | None = None,
        content_key: bytes | None = None,
        head_dir: str | os.PathLike[str] | None = None,
        clock: Callable[[], int] = system_clock,
    ) -> Ledger:
        """Opens a ledger: to write with the log key's signer, to read without.

        Raises `NoLedger`, `Locked` (another process writes), `UnsupportedError`; `VerificationFailed` (LED-HEAD) when
        this machine has signed more than the directory holds, (LED-TREE, LED-CKPT) when the log contradicts its own
        last checkpoint; `CannotVerify` when this machine has no head for the ledger and so must not sign.
        """
        arguments.check_directory(directory)
        if log_signer is not None:
            arguments.check_signer(log_signer, "log_signer")
            return cls(
                open_to_write(directory, log_signer=log_signer, content_key=content_key, head_dir=head_dir, clock=clock)
            )
        with ExitStack() as undo:
            ledger = undo.enter_context(cls(open_to_read(directory, content_key=content_key, clock=clock)))
            with ledger._asking():  # What the state lacks is replayed here, rather than at the first question.
                pass
            undo.pop_all()
        return ledger

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Within, the state stands still; a reader's has everything that the writer had committed before."""
        with self._state_lock:
            self._require_usable()
            with self._state.held():
                if self._writer is None and self._trying != get_ident():
                    catch_up(self._log, self._state)
                yield

    # -- appending ------------------------------------------------------------------------------------------------

    def append(
        self,
        act: acts.Act | Sequence[acts.Act],
        *,
        signer: Signer,
        authority: str | None = None,
        cosigners: Sequence[tuple[str, Signer]] = (),
        not_after: int | None = None,
        seen: tuple[int, bytes] | None = None,
        contents: Iterable[ContentItem] = (),
    ) -> Receipt:
        """Builds one entry of one or several acts, signs and records it; returns once it is durable.

        `authority` defaults to the one the signer's key is registered for. `cosigners` are (authority, signer) pairs.
        `not_after` is in microseconds since the Unix epoch (default: an hour from now). `contents` go to the private
        store. Raises `Refused` and what `append_signed` raises.

        The entry follows the key's last one *recorded here*; threads that use one key take turns. An entry that `sign`
        gave out is taken into account (`SequenceConflict`). One signed elsewhere and not recorded yet is not known
        here: a key with which entries are also signed offline keeps account of them in its sequence file
        (`KEY.seq.json`, see `client.sequence`), and must sign through that, as `creditledger append` does; two entries
        signed with one number are evidence against the key.
        """
        several = arguments.check_acts(act)
        arguments.check_signer(signer, "signer")
        items = arguments.check_contents(contents)
        with self._turns.of(signer.public_key):
            signed = self._sign(several, signer, authority, cosigners, not_after, seen)
            return self.append_signed(signed.data, signed.signatures, items)

    def sign(
        self,
        several: Sequence[acts.Act],
        *,
        signer: Signer,
        authority: str | None = None,
        cosigners: Sequence[tuple[str, Signer]] = (),
        not_after: int | None = None,
        seen: tuple[int, bytes] | None = None,
    ) -> tuple[bytes, list[bytes]]:
        """The bytes and signatures of an entry as `append` would record it, unrecorded.

        Until it is recorded or has expired, this ledger signs nothing else in its place (`SequenceConflict`), and
        gives the same bytes for the same acts.
        """
        several = arguments.check_acts(several)
        arguments.check_signer(signer, "signer")
        with self._turns.of(signer.public_key):
            signed = self._sign(several, signer, authority, cosigners, not_after, seen)
            self._turns.give(signed)
        return signed.data, signed.signatures

    def _sign(
        self,
        several: Sequence[acts.Act],
        signer: Signer,
        authority: str | None,
        cosigners: Sequence[tuple[str, Signer]],
        not_after: int | None,
        seen: tuple[int, bytes] | None,
    ) -> Signed:
        arguments.check_cosigners(cosigners)
        arguments.check_moment(not_after, "not_after")
        arguments.check_seen(seen)
        with self._asking():
            head = self._state.heads.get(signer.public_key, KeyHead(0, ZERO_HASH, 0))
            row = self._state.governance.keys.get(signer.public_key)
        place = Place(self.ledger_id, authority or (row.authority if row else ROOT), head, self._clock())
        return self._turns.sign(place, several, signer, cosigners, not_after, seen)

    def append_signed(self, data: bytes, signatures: Iterable[bytes], contents: Iterable[ContentItem] = ()) -> Receipt:
        """Records an entry signed elsewhere: its bytes, the author's signature, then the cosigners' in their order.

        Bytes recorded before give their first receipt again. Raises `FormatError`, `VerificationFailed` (a signature),
        `Refused` (a rule), `SequenceConflict`, `StoreError`.
        """
        arguments.check_signed(data, signatures)
        return self._require_writer().append([check_entry(data, signatures)], arguments.check_contents(contents))[0]

    def append_all(
        self, entries: Sequence[tuple[bytes, Sequence[bytes]]], contents: Iterable[ContentItem] = ()
    ) -> list[Receipt]:
        """Records several signed entries in order and in one commit: all of them, or none."""
        arguments.check_pairs(entries)
        checked = [check_entry(data, signatures) for data, signatures in entries]
        return self._require_writer().append(checked, arguments.check_contents(contents)) if checked else []

    def append_many(
        self,
        entries: Iterable[tuple[bytes, Sequence[bytes]]],
        *,
        jobs: int | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> int:
        """Records any number of signed entries in order, about a thousand to a commit; returns how many.

        Forms and signatures are checked in `jobs` worker processes (default: one for each processor; 0: in this one).
        Raises what `append_signed` raises, with a note of the number of the entry in question; the commits before it
        stand, and the same entries may be given again. `progress` is told how many are recorded so far.
        """
        from creditledger.ledger.bulk import append_many

        number = append_many(self._require_writer(), arguments.checked_pairs(entries), jobs=jobs, progress=progress)
        with self._state_lock:
            self._state.flush()
        return number

    def check_batch(self, entries: Sequence[tuple[bytes, Sequence[bytes]]]) -> None:
        """Judges signed entries in order as if they were appended now, recording nothing; raises as `append_signed`."""
        arguments.check_pairs(entries)
        self._require_writer().try_out([check_entry(data, signatures) for data, signatures in entries])

    @contextmanager
    def trial(self) -> Iterator[Trial]:
        """Tries entries out before they are signed, as `append_signed` would judge them now: see `Trial.judge`.

        Nothing remains of it, and a ledger that is open to read is enough. Other threads wait until it is over. This
        one meets governance as it would be after those tried out; it cannot append, nor begin another (`UsageError`).
        """
        with self._asking():
            self._require_no_trial()
            with trial(self._log, self._state, self._clock()) as attempt:
                self._trying = get_ident()
                try:
                    yield attempt
                finally:
                    self._trying = 0

    def _require_no_trial(self) -> None:
        if self._trying == get_ident():
            raise UsageError("this thread is trying entries out; end the trial first")

    def _require_usable(self) -> None:
        if self._process != os.getpid():
            raise StoreError("the ledger was opened before this process forked off; open it again in this process")
        if self._closed:
            raise StoreError("the ledger is closed; open it again")

    def _require_writer(self) -> Writer:
        self._require_usable()
        if self._writer is None:
            raise UsageError("the ledger is open to read; open it with the log key's signer to append")
        self._require_no_trial()
        return self._writer

    # -- asking ---------------------------------------------------------------------------------------------------

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

    # -- closing --------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Writes what is kept in memory and releases everything. Closing twice is fine."""
        if self._closed or self._process != os.getpid():
            return
        self._closed = True
        self._parts.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
