"""One ledger: founded, opened, appended to, asked.

    with Ledger.open("registry", log_signer=...) as ledger:
        receipt = ledger.append(act, signer=court)
        answer = ledger.lookup(firm, "judgment-defaulters", valid_at="2026-03-10")

A `Ledger` is thread-safe. It belongs to the process that opened it. Any number of processes may have it open to read,
beside the one that writes.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from creditledger.acts import catalogue as acts
from creditledger.acts.kinds import Subject
from creditledger.acts.registry import ACT_TYPES
from creditledger.errors import StoreError, UsageError, VerificationFailed
from creditledger.keys.signer import Signer
from creditledger.ledger import queries
from creditledger.ledger.answer import Answer, Difference, HistoryItem, ListingView
from creditledger.ledger.contents import Contents
from creditledger.ledger.founding import DEFAULT_VALIDITY, LogSigner, founding_entry, system_clock
from creditledger.ledger.heads import check_last_checkpoint, check_log_key, claim_head
from creditledger.ledger.layout import LOG_TABLES, Description, Layout, clear_directory, make_directory, require_empty
from creditledger.ledger.log import LOG_FORMAT, Log, parse_checkpoint
from creditledger.ledger.receipt import ContentItem, Receipt
from creditledger.ledger.replay import open_state, replay
from creditledger.ledger.state import State
from creditledger.ledger.writer import Writer
from creditledger.record.entry import ZERO_HASH, Cosigner, Entry, check_entry, encode_entry
from creditledger.record.record import Record
from creditledger.rules.governance_state import Governance
from creditledger.rules.rows import ROOT, KeyHead
from creditledger.store.head import HeadStore, default_head_dir
from creditledger.store.lmdb_engine import LmdbEngine
from creditledger.store.lock import WriterLock
from creditledger.store.private import PrivateStore
from creditledger.tlog.note import NoteVerifier
from creditledger.tlog.note import Signer as NoteSigner
from creditledger.tlog.tree import EMPTY_ROOT, leaf_hash

_logger = logging.getLogger("creditledger")

ACT_CLASSES = tuple(kind.cls for kind in ACT_TYPES.values())


class Ledger:
    """One ledger, open; made by `create` or `open`. A context manager: leaving it closes it."""

    def __init__(
        self,
        layout: Layout,
        description: Description,
        log: Log,
        state: State,
        *,
        clock: Callable[[], int],
        lock: WriterLock | None,
        heads: HeadStore,
        content_key: bytes | None,
    ) -> None:
        self._layout = layout
        self._description = description
        self._log = log
        self._state = state
        self._clock = clock
        self._lock = lock
        self._heads = heads
        self._contents = Contents(layout, content_key, readonly=lock is None)
        self._writer: Writer | None = None
        self._state_lock = threading.RLock()
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
        data, signatures = founding_entry(origin, log_signer, root_signers, threshold, utc_offset, clock())
        return cls.create_from_entry(
            directory,
            data,
            signatures,
            log_signer=log_signer,
            content_key=content_key,
            head_dir=head_dir,
            clock=clock,
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
        checked = check_entry(data, signatures)
        founding = checked.entry.acts[0]
        if not isinstance(founding, acts.LedgerCreate):
            raise UsageError("a ledger is founded by an entry with the one act ledger.create/1")
        layout = Layout(Path(directory))
        NoteVerifier(founding.origin, log_signer.public_key[1:])
        heads = HeadStore(head_dir if head_dir is not None else default_head_dir(os.environ))
        make_directory(layout.directory)
        with ExitStack() as undo:
            lock = WriterLock(layout.lock)
            undo.callback(lock.release)
            require_empty(layout.directory)  # Asked again under the lock: what is there from here on was made here.
            undo.callback(clear_directory, layout.directory)
            log = Log(LmdbEngine.open(layout.log, LOG_TABLES, create=True))
            undo.callback(log.engine.close)
            with log.engine.batch() as batch:
                batch.put("meta", b"format", LOG_FORMAT)
            if content_key is not None:
                PrivateStore.open(layout.private, content_key, create=True).close()
            state = open_state(layout, create=True)
            undo.callback(state.close)
            undo.callback(heads.close)
            ledger = cls(
                layout, Description(founding.origin, ZERO_HASH), log, state,
                clock=clock, lock=lock, heads=heads, content_key=content_key,
            )  # fmt: skip
            ledger._start_writer(log_signer, founding.origin, heads)
            writer = ledger._require_writer()
            receipt = writer.append([checked])[0]
            if writer.poisoned is not None:  # Without its head outside, the ledger could never be opened to write.
                raise StoreError(f"the ledger was not founded: {writer.poisoned}")
            ledger._description = Description(founding.origin, receipt.leaf_hash)
            ledger._description.write(layout)
            undo.pop_all()
        return ledger

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
        layout = Layout(Path(directory))
        heads = HeadStore(head_dir if head_dir is not None else default_head_dir(os.environ))
        description = Description.read(layout)
        lock = WriterLock(layout.lock) if log_signer is not None else None
        engine: LmdbEngine | None = None
        ledger: Ledger | None = None
        try:
            engine = LmdbEngine.open(layout.log, LOG_TABLES, readonly=log_signer is None)
            log = Log(engine)
            _check_description(description, log)
            state = open_state(layout, log=log, readonly=log_signer is None)
            ledger = cls(layout, description, log, state, clock=clock, lock=lock, heads=heads, content_key=content_key)
            if log_signer is None:
                with ledger._asking():
                    pass
            else:
                ledger._start_writer(log_signer, description.origin, heads)
        except BaseException:
            if ledger is not None:
                ledger.close()
            else:
                if engine is not None:
                    engine.close()
                if lock is not None:
                    lock.release()
            raise
        return ledger

    def _start_writer(self, log_signer: Signer, origin: str, heads: HeadStore) -> None:
        signer = LogSigner(origin, log_signer)
        builder, last_leaf = self._log.builder()
        last_time = 0
        if builder.size:
            self._log.set_edge(builder)
            checkpoint = check_last_checkpoint(self._log, builder.size, builder.root())
            claim_head(heads, self._log, self.ledger_id, builder.size)
            last_time = self._log.record(builder.size - 1).recorded_at
            self._contents.drop_unrecorded(builder.size)
            replay(self._log, self._state, builder.size)
            check_log_key(self._state.governance, self._description, signer, checkpoint)
            self._redo_erasures()
            heads.store(self._description.ledger_id, builder.size, builder.root(), checkpoint)
        note_signers: tuple[NoteSigner, ...] = (signer,)
        self._writer = Writer(
            self._log, self._state, origin=origin, builder=builder, last_leaf=last_leaf, last_time=last_time,
            signers=note_signers, log_keys=(log_signer.public_key,), heads=heads, content=self._contents.store,
            erase=self._contents.erase, clock=self._clock, state_lock=self._state_lock,
        )  # fmt: skip

    def _redo_erasures(self) -> None:
        """Carries out every erasure on record that the private store has not seen: a crash or a backup came between."""
        start = self._contents.erased_up_to()
        try:
            self._contents.erase([key[8:] for key, _ in self._state.rows("erasure", start.to_bytes(8, "big"))])
        except VerificationFailed as damage:  # Whatever can be found is erased. It does not keep the log from going on.
            _logger.warning("erasures on record may not be complete: %s", damage)
        self._contents.mark_erased(self._state.applied)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Within, the state stands still; a reader's has everything that the writer had committed before."""
        with self._state_lock:
            self._require_usable()
            with self._state.held():
                self._refresh()
                yield

    def _refresh(self) -> None:
        """A reader catches up with what the writer has committed since."""
        if self._writer is not None:
            return
        size = self._log.size()
        if size == self._log.checked_size == self._state.applied:
            return
        builder, _ = self._log.builder()
        last = self._log.checkpoint(builder.size)
        if last is not None and last[0] == builder.size:
            head = parse_checkpoint(last[1])
            if head.root != builder.root():
                raise VerificationFailed(
                    "LED-TREE", "the log is not the one its checkpoint was signed for",
                    expected=head.root.hex(), found=builder.root().hex(),
                )  # fmt: skip
        self._log.set_edge(builder)
        self._state.catch_up()
        replay(self._log, self._state, builder.size)

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
        """
        several: Sequence[acts.Act] = [act] if isinstance(act, ACT_CLASSES) else [*act]
        data, signatures = self.sign(
            several, signer=signer, authority=authority, cosigners=cosigners, not_after=not_after, seen=seen
        )
        return self.append_signed(data, signatures, contents)

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
        """The bytes and signatures of an entry as `append` would record it, unrecorded."""
        with self._asking():
            head = self._state.heads.get(signer.public_key, KeyHead(0, ZERO_HASH, 0))
            row = self._state.governance.keys.get(signer.public_key)
        pairs = sorted((who, one.public_key, one) for who, one in cosigners)
        entry = Entry(
            self.ledger_id,
            authority or (row.authority if row else ROOT),
            signer.public_key,
            head.next_seq,
            head.prev,
            tuple(Cosigner(who, key) for who, key, _ in pairs),
            self._clock() + DEFAULT_VALIDITY if not_after is None else not_after,
            seen,
            tuple(several),
        )
        data = encode_entry(entry)
        return data, [signer.sign(data), *(one.sign(data) for _, _, one in pairs)]

    def append_signed(self, data: bytes, signatures: Iterable[bytes], contents: Iterable[ContentItem] = ()) -> Receipt:
        """Records an entry signed elsewhere: its bytes, the author's signature, then the cosigners' in their order.

        Bytes recorded before give their first receipt again. Raises `FormatError`, `VerificationFailed` (a signature),
        `Refused` (a rule), `SequenceConflict`, `StoreError`.
        """
        return self._require_writer().append([check_entry(data, signatures)], tuple(contents))[0]

    def append_all(
        self, entries: Sequence[tuple[bytes, Sequence[bytes]]], contents: Iterable[ContentItem] = ()
    ) -> list[Receipt]:
        """Records several signed entries in order and in one commit: all of them, or none."""
        checked = [check_entry(data, signatures) for data, signatures in entries]
        return self._require_writer().append(checked, tuple(contents)) if checked else []

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

        number = append_many(self._require_writer(), entries, jobs=jobs, progress=progress)
        with self._state_lock:
            self._state.flush()
        return number

    def check_batch(self, entries: Sequence[tuple[bytes, Sequence[bytes]]]) -> None:
        """Judges signed entries in order as if they were appended now, recording nothing; raises as `append_signed`."""
        self._require_writer().try_out([check_entry(data, signatures) for data, signatures in entries])

    def _require_usable(self) -> None:
        if self._process != os.getpid():
            raise StoreError("the ledger was opened before this process forked off; open it again in this process")
        if self._closed:
            raise StoreError("the ledger is closed; open it again")

    def _require_writer(self) -> Writer:
        self._require_usable()
        if self._writer is None:
            raise UsageError("the ledger is open to read; open it with the log key's signer to append")
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
        with self._asking():
            return self._state.heads.get(key)

    def records(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, bytes]]:
        """Record numbers and bytes, each re-hashed and held against the tree."""
        size = self.size
        return self._log.records(start, size if stop is None else min(stop, size))

    def record(self, seq: int) -> Record:
        """One record, re-hashed."""
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
        with self._asking():
            asked, known_day = self._as_known(known_at)
            return asked.lookup(list, subject, valid_at, known_day)

    def history(self, subject: Subject, list: str) -> list[HistoryItem]:
        """Every act about the subject on the list, in the order of the log."""
        with self._asking():
            asked, _ = self._as_known(None)
            return [*asked.history(list, subject)]

    def members(
        self, list: str, *, valid_at: str | None = None, known_at: int | None = None, every: bool = False
    ) -> Iterator[tuple[Subject, str, tuple[ListingView, ...]]]:
        """Who is on a list on a day: subject, status, listings; in the order of the subjects' keys.

        Only those whose status is `listed`, unless `every`. Arguments as for `lookup`.
        """
        with self._asking():
            asked, known_day = self._as_known(known_at)
            everybody = asked.members(list, valid_at, known_day)
        return everybody if every else (found for found in everybody if found[1] == "listed")

    def diff(self, list: str, before: tuple[str, int | None], after: tuple[str, int | None]) -> list[Difference]:
        """Whose status on a list differs between two points, each a day and a moment of knowledge (None: now)."""
        return [*queries.differences(*(self._statuses(list, *point) for point in (before, after)))]

    def _statuses(self, list_id: str, valid_at: str, known_at: int | None) -> dict[Subject, str]:
        found = self.members(list_id, valid_at=valid_at, known_at=known_at, every=True)
        return {subject: status for subject, status, _ in found}

    def replay(self, *, size: int | None = None, known_at: int | None = None) -> State:
        """The state after the first `size` records, or after all recorded at or before a moment, replayed in memory."""
        have = self.size
        if known_at is not None:
            size = queries.first_record_after(self._log, known_at, have)
        if size is not None and not 0 <= size <= have:
            raise UsageError(f"the ledger has {have} records; it cannot be replayed to {size}")
        state = State.in_memory()
        replay(self._log, state, have if size is None else size)
        return state

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
        """Detached content by its commitment, checked against it; None when it is not here or was erased."""
        return self._contents.read(list, subject, commitment)

    def private_store(self) -> PrivateStore:
        """The store of detached content; raises `UsageError` when the ledger was opened without its key."""
        return self._contents.store()

    # -- closing --------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Writes what is kept in memory and releases everything. Closing twice is fine."""
        if self._closed or self._process != os.getpid():
            return
        self._closed = True
        with self._state_lock, ExitStack() as release:  # A commit under way is answered first.
            if self._lock is not None:
                release.callback(self._lock.release)
            release.callback(self._heads.close)
            release.callback(self._log.engine.close)
            release.callback(self._state.close)
            release.callback(self._contents.close)
            if self._writer is not None and self._writer.poisoned is None:
                self._state.flush()
                self._contents.mark_erased(self._state.applied)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _check_description(description: Description, log: Log) -> None:
    """The label of the directory names the ledger that its log holds."""
    first = next(log.raw_records(0, min(log.size(), 1)), None)
    found = None if first is None else leaf_hash(first[1])
    if found != description.ledger_id:
        raise VerificationFailed(
            "LED-LEDGER", "ledger.toml names another ledger than the log beside it",
            expected=description.ledger_id.hex(), found="none" if found is None else found.hex(),
        )  # fmt: skip
