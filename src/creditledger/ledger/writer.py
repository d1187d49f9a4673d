"""The one writer: sequences entries into records, applies the rules, signs a checkpoint, commits, then answers.

The order within a commit is what the promises rest on (DESIGN: P4, P7):

1. each entry is judged by the rules and becomes a record, or is refused by itself; the state by which it was judged is
   the one that this writer left (see `ledger.seal`), or nothing of the judgement counts;
2. content that came with the accepted ones is made durable;
3. records, tiles and a checkpoint over them go into one batch; the checkpoint is signed over leaf hashes computed from
   the records as read back from that batch;
4. the batch is committed, with full sync;
5. the head outside the directory follows, and only then is anybody answered.

A commit that fails poisons the writer: whether the disk has it is unknown until the ledger has been opened again. So
does one that fails after its content was stored: opening removes the content, which a later commit would make count.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterable
from typing import Protocol

from creditledger.acts.content import check_commitment, item_id
from creditledger.acts.kinds import Subject
from creditledger.errors import FormatError, LedgerError, SequenceConflict, StoreError, UsageError, VerificationFailed
from creditledger.ledger.commits import GroupCommit
from creditledger.ledger.dating import require_not_before
from creditledger.ledger.log import Log, seq_key, write_tiles
from creditledger.ledger.receipt import ContentItem, Receipt
from creditledger.ledger.state import State
from creditledger.ledger.view import LedgerView
from creditledger.record.entry import CheckedEntry
from creditledger.record.record import Record, decode_record, encode_record
from creditledger.rules import engine
from creditledger.store.port import Batch
from creditledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from creditledger.tlog.note import Signer as NoteSigner
from creditledger.tlog.tiles import Tile, TreeBuilder
from creditledger.tlog.tree import leaf_hash

_logger = logging.getLogger("creditledger")


class ContentStore(Protocol):
    """Where detached content goes: `store.private.PrivateStore`."""

    def put_many(self, items: Iterable[tuple[bytes, bytes, bytes]], counts_from: int) -> None: ...


class Heads(Protocol):
    """Where the last signed head is kept outside the directory: `store.head.HeadStore`."""

    def store(self, ledger_id: bytes, size: int, root: bytes, checkpoint: bytes) -> None: ...


class _Request:
    """Entries to be recorded together, all or none, and what became of them."""

    __slots__ = ("contents", "entries", "error", "first", "receipts")

    def __init__(self, entries: Collection[CheckedEntry], contents: tuple[ContentItem, ...], first: int = 0) -> None:
        self.entries = entries
        self.contents = contents
        self.first = first
        self.receipts: list[Receipt] = []
        self.error: BaseException | None = None


class Writer:
    """Appends to one ledger. Thread-safe; the caller holds the writer's lock of the directory."""

    def __init__(
        self,
        log: Log,
        state: State,
        *,
        origin: str,
        builder: TreeBuilder,
        last_leaf: bytes,
        last_time: int,
        signers: tuple[NoteSigner, ...],
        log_keys: tuple[bytes, ...],
        heads: Heads,
        content: Callable[[], ContentStore],
        erase: Callable[[list[bytes]], None],
        clock: Callable[[], int],
        state_lock: threading.RLock,
    ) -> None:
        self._log = log
        self._state = state
        self._view = LedgerView(log, state)
        self._origin = origin
        self._builder = builder
        self._last_leaf = last_leaf
        self._last_time = last_time
        self._earliest = 0
        self._signers = signers
        self._log_keys = log_keys
        self._heads = heads
        self._content = content
        self._erase = erase
        self._clock = clock
        self._state_lock = state_lock
        self._poisoned: str | None = None
        self._stopped: VerificationFailed | None = None
        self._commits: GroupCommit[_Request] = GroupCommit(self._commit_group)

    def append(
        self, entries: Collection[CheckedEntry], contents: tuple[ContentItem, ...] = (), *, first: int = 0
    ) -> list[Receipt]:
        """Records entries in order, in one commit, all or none; returns their receipts once they are durable.

        Raises `Refused`, `SequenceConflict` or `UnsupportedError` for the first entry that cannot be recorded, and
        `StoreError` when the disk failed. Bytes that were recorded before give their first receipt again. `first` is
        how many entries the caller has given before these: where there are several, a note says which was refused.
        """
        self._check_contents(entries, contents)
        request = _Request(entries, contents, first)
        self._commits.submit(request)
        if request.error is not None:
            raise request.error
        return request.receipts

    def try_out(self, entries: Collection[CheckedEntry]) -> None:
        """Judges entries in order as if they were appended now, and records nothing; raises what `append` would."""
        with self._state_lock:
            self.require_sound()
            self._require_own_state()
            self._state.begin()
            place = _Place(self._builder.copy(), self._last_leaf, self._last_time)
            try:
                self._sequence_all(place, _Request(entries, ()))
            finally:
                self._state.roll_back()
                self._view.recent.clear()

    def _check_contents(self, entries: Collection[CheckedEntry], contents: tuple[ContentItem, ...]) -> None:
        if not contents:
            return
        committed = _committed(entries)
        for item in contents:
            check_commitment(item.commitment, item.nonce, item.content)
            if (item.list, item.subject, item.commitment) not in committed:
                raise FormatError(
                    f"the entry does not commit to content {item.commitment.hex()} about {item.subject} on {item.list}"
                )

    @property
    def poisoned(self) -> str | None:
        """Which error it was after which nothing is recorded until the ledger has been opened again; None: none."""
        return self._poisoned

    def _poison(self, error: BaseException) -> None:
        self._poisoned = self._poisoned or str(error) or type(error).__name__

    def stop(self, proof: VerificationFailed) -> None:
        """Signs nothing more, since it is proven that the log has signed what is not here: each attempt raises this."""
        self._stopped = self._stopped or proof

    def date_from(self, earliest: int) -> None:
        """Records nothing that is dated earlier (µs), since a witness has cosigned the log without it."""
        self._earliest = max(self._earliest, earliest)

    def require_clock(self) -> None:
        """What would be recorded now would not be dated too early; raises `StoreError`."""
        require_not_before(max(self._clock(), self._last_time), self._earliest)

    def require_sound(self) -> None:
        """Raises `StoreError` after a commit that failed, and what `stop` was given."""
        if self._stopped is not None:
            raise self._stopped
        if self._poisoned is not None:
            raise StoreError(
                f"an earlier commit failed ({self._poisoned}); open the ledger again: what was acknowledged is there, "
                "and entries sent again are recorded once"
            )

    def _require_own_state(self) -> None:
        """Nobody else has written to the state. What was read from it before this was asked is what was sealed."""
        changed = self._state.changed_by_others()
        if changed is not None:
            self._poison(changed)
            raise changed

    # -- one commit -----------------------------------------------------------------------------------------------

    def _commit_group(self, group: list[_Request]) -> None:
        """Commits a group: requests of one entry together; each of several by itself, as it stands or falls whole."""
        singles = [request for request in group if len(request.entries) == 1]
        for unit in ([singles] if singles else []) + [[request] for request in group if len(request.entries) != 1]:
            with self._state_lock:
                self._commit_unit(unit)

    def _commit_unit(self, unit: list[_Request]) -> None:
        """Judges and commits; every request leaves with receipts or an error for the thread that waits."""
        place = _Place(self._builder.copy(), self._last_leaf, self._last_time)
        try:
            self.require_sound()
            self._require_own_state()
            self._state.begin()
            checkpoint = self._write(unit, place)
        except BaseException as error:  # noqa: BLE001 - it is raised in the threads that wait
            self._state.roll_back()
            changed = self._state.changed_by_others()
            if changed is not None:  # Whatever was found wrong with an entry may be wrong itself.
                self._poison(changed)
                for request in unit:
                    request.error = changed
                return
            # Content for records that were not made is removed at opening. An interrupt may have come after the commit.
            if self._log.engine.poisoned or place.content_waits or not isinstance(error, Exception):
                self._poison(error)
            for request in unit:
                request.error = request.error or error
            return
        finally:
            self._view.recent.clear()
        try:
            self._settle(unit, place, checkpoint)
        except BaseException as error:  # noqa: BLE001 - it is raised in the threads that wait
            self._poison(error)
            for request in unit:
                request.error = request.error or error

    def _write(self, unit: list[_Request], place: _Place) -> bytes | None:
        """Everything up to and with the commit; returns the signed checkpoint, None if nothing was new."""
        signers = self.log_signers()
        before = place.builder.size
        with self._log.engine.batch() as batch:
            contents: list[ContentItem] = []
            for request in unit:
                try:
                    self._sequence_all(place, request)
                    contents.extend(_new_contents(request))
                except LedgerError as error:
                    if len(request.entries) > 1:
                        raise
                    request.error = error
            self._require_own_state()
            if place.builder.size == before:
                return None
            if contents:
                self._put(contents, before + 1)
                place.content_waits = True
            batch.append_many("record", place.records)
            self._check_written(batch, before, place)
            write_tiles(batch, place.builder, place.tiles)
            place.root = place.builder.root()
            head = Checkpoint(self._origin, place.builder.size, place.root)
            checkpoint = sign_checkpoint(head, *signers)
            batch.append("checkpoint", seq_key(head.size), checkpoint)
        return checkpoint

    def _put(self, contents: list[ContentItem], counts_from: int) -> None:
        """Makes content durable ahead of the records that commit to it."""
        items = [(item_id(one.list, one.subject, one.commitment), one.nonce, one.content) for one in contents]
        try:
            self._content().put_many(items, counts_from)
        except StoreError as error:
            self._poison(error)
            raise

    def log_signers(self) -> tuple[NoteSigner, ...]:
        """Those whose keys are in force; the checkpoint that covers its revocation is the last that a log key signs.

        Raises `UsageError` when none is left.
        """
        keys = self._state.governance.keys
        revoked = {key: keys[key].revoked for key in self._log_keys if key in keys and keys[key].revoked is not None}
        if len(revoked) == len(self._log_keys):
            raise UsageError(
                f"the log key that the ledger was opened with was revoked at record {revoked[self._log_keys[-1]]}; "
                "open the ledger with a log key in force"
            )
        if revoked:
            left = [pair for pair in zip(self._log_keys, self._signers, strict=True) if pair[0] not in revoked]
            self._log_keys, self._signers = tuple(key for key, _ in left), tuple(signer for _, signer in left)
            for key, seq in revoked.items():
                _logger.warning("the log key %s… was revoked at record %s: the others sign on", key.hex()[:18], seq)
        return self._signers

    def _settle(self, unit: list[_Request], place: _Place, checkpoint: bytes | None) -> None:
        """What follows a commit that succeeded, before anybody is answered."""
        erased = self._state.erasures()
        self._state.commit()
        self._builder, self._last_leaf, self._last_time = place.builder, place.last_leaf, place.last_time
        if checkpoint is None:
            return
        size = self._builder.size
        self._log.set_edge(self._builder)
        self._keep_head(size, place.root, checkpoint)
        for request in unit:
            request.receipts = [one if one.size else Receipt(*one[:-1], size) for one in request.receipts]
        if erased:
            self._erase(erased)
        self._state.flush_if_due()

    def _sequence_all(self, place: _Place, request: _Request) -> None:
        """Judges a request's entries in order and gathers their receipts; the error for one of several says which."""
        try:
            for entry in request.entries:
                request.receipts.append(self._sequence(place, entry))
        except LedgerError as error:
            if len(request.entries) > 1:
                error.add_note(f"This is entry {request.first + len(request.receipts) + 1} of those given.")
            raise

    def _sequence(self, place: _Place, checked: CheckedEntry) -> Receipt:
        """Judges one entry and makes it the next record; the receipt's size is set once the commit has one."""
        entry = checked.entry
        head = self._state.heads.get(entry.key)
        if head is not None and entry.author_seq < head.next_seq:
            return self._again(checked)
        seq = place.builder.size
        recorded_at = max(self._clock(), place.last_time)
        require_not_before(recorded_at, self._earliest)
        data = encode_record(Record(seq, recorded_at, place.last_leaf, checked.data, checked.signatures))
        leaf = leaf_hash(data)
        self._state.apply(seq, checked, engine.apply(self._view, seq, recorded_at, leaf, checked))
        place.records.append((seq_key(seq), data))
        place.tiles.extend(place.builder.push(leaf))
        place.last_leaf, place.last_time = leaf, recorded_at
        place.leaves.append(leaf)
        self._view.recent[seq] = data
        return Receipt(seq, len(entry.acts), checked.digest, leaf, recorded_at, 0)

    def _again(self, checked: CheckedEntry) -> Receipt:
        """The first receipt of an entry sent again; `SequenceConflict` for another entry in its place."""
        entry = checked.entry
        found = self._view.past_record(entry.key, entry.author_seq)
        if found is None:
            raise StoreError(f"the index of entries lacks number {entry.author_seq} of key {entry.key.hex()}")
        seq, data = found
        record = decode_record(data)
        if record.entry != checked.data:
            raise SequenceConflict(
                f"record {seq} holds another entry as number {entry.author_seq} of {entry.authority}'s key "
                f"{entry.key.hex()[:18]}…; sign these acts again under the key's next number"
                + (
                    ". Both could be recorded at the same time: together they are evidence against the key"
                    if entry.not_after >= record.recorded_at
                    else ""
                )
            )
        covering = self._log.checkpoint(seq + 1)
        return Receipt(
            seq, len(entry.acts), checked.digest, leaf_hash(data), record.recorded_at, covering[0] if covering else 0
        )

    @staticmethod
    def _check_written(batch: Batch, before: int, place: _Place) -> None:
        """The bytes in the batch are those that were hashed: nothing is signed on trust in memory."""
        written = batch.range("record", seq_key(before))
        for seq, leaf in enumerate(place.leaves, before):
            key, data = next(written, (b"", b""))
            found = leaf_hash(data)
            if found != leaf or key != seq_key(seq):
                raise VerificationFailed(
                    "LED-STRUCT", "the store gives back other bytes than it was given",
                    expected=leaf.hex(), found=found.hex(), seq=seq,
                )  # fmt: skip

    def _keep_head(self, size: int, root: bytes, checkpoint: bytes) -> None:
        """Keeps the head outside; the log has the commit, so a failure here is told, and does not undo it."""
        ledger = self._state.governance.ledger
        if ledger is None:
            return
        try:
            self._heads.store(ledger.ledger_id, size, root, checkpoint)
        except StoreError as error:
            self._poison(error)
            _logger.warning(
                "the head of %s at size %d could not be kept outside the ledger: %s", self._origin, size, error
            )


class _Place:
    """Where the next record of a commit goes."""

    __slots__ = ("builder", "content_waits", "last_leaf", "last_time", "leaves", "records", "root", "tiles")

    def __init__(self, builder: TreeBuilder, last_leaf: bytes, last_time: int) -> None:
        self.builder = builder
        self.last_leaf = last_leaf
        self.last_time = last_time
        self.tiles: list[Tile] = []
        self.records: list[tuple[bytes, bytes]] = []
        self.leaves: list[bytes] = []
        self.content_waits = False
        self.root = b""


def _committed(entries: Iterable[CheckedEntry]) -> set[tuple[str | None, Subject, bytes]]:
    """What the entries commit to: list, subject and commitment."""
    return {
        (act.list, act.subject, digest)  # type: ignore[union-attr]  # acts with content are about a subject
        for entry in entries
        for act in entry.entry.acts
        for _, digest in getattr(act, "content", ())
    }


def _new_contents(request: _Request) -> Iterable[ContentItem]:
    """The content of the entries that were not recorded before: what came with the others may be erased by now."""
    if not request.contents or not any(receipt.size for receipt in request.receipts):
        return request.contents
    pairs = zip(request.entries, request.receipts, strict=True)
    new = _committed(entry for entry, receipt in pairs if not receipt.size)
    return [one for one in request.contents if (one.list, one.subject, one.commitment) in new]
