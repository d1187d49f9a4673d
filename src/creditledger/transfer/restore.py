"""Restoring a ledger from an export or from a published log: the same records and root, the state rebuilt, nothing
taken on trust.

The ledger is built in a directory beside its place and moved there at the end. Until then that directory has no
`ledger.toml`, so that what a kill leaves behind opens as nothing; the next restore to the same place clears it away.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from creditledger.acts import catalogue as acts
from creditledger.acts.content import item_id, subject_key
from creditledger.audit.trust import Trust
from creditledger.errors import CannotVerify, FormatError, UnsupportedError, UsageError, VerificationFailed
from creditledger.keys.signer import Signer
from creditledger.ledger.heads import log_part
from creditledger.ledger.layout import LOG_TABLES, Description, Layout
from creditledger.ledger.log import LOG_FORMAT, Log, seq_key, write_tiles
from creditledger.ledger.receipt import ContentItem
from creditledger.ledger.replay import open_state, replay
from creditledger.ledger.state import State
from creditledger.record.entry import ZERO_HASH, Entry, check_entry
from creditledger.record.record import decode_record
from creditledger.rules.rows import ROOT, SubjectRow
from creditledger.store.files import disk_error, make_dir, sync_dir
from creditledger.store.head import HeadStore, default_head_dir
from creditledger.store.identity import KEY_LABEL, Identities, Identity
from creditledger.store.lmdb_engine import LmdbEngine
from creditledger.store.lock import WriterLock
from creditledger.store.private import PrivateStore
from creditledger.tlog.checkpoint import open_checkpoint
from creditledger.tlog.note import NoteVerifier
from creditledger.tlog.tiles import Tile, TreeBuilder
from creditledger.tlog.tree import leaf_hash
from creditledger.transfer.export_file import CONTENT, RECORD, Frame, Totals, read_content
from creditledger.transfer.recorded import Entries
from creditledger.transfer.restore_source import Reader, open_reader

Progress = Callable[[str, int], None]
"""Called with what is being done (`records`, `contents`) and how many are done."""

_BATCH = 1000
_CONTENT_BATCH = 500
_STEP = 1000


class Restored(NamedTuple):
    """What was restored: size and root (32 bytes) of the log, state digest (32 bytes), what the file held.

    `contents` items were put back, `erased` were not, because an erasure on record destroyed them. `head_kept` tells
    whether this machine may sign for the ledger now.
    """

    size: int
    root: bytes
    state_digest: bytes
    totals: Totals
    contents: int
    erased: int
    head_kept: bool


def restore_ledger(
    export: str | os.PathLike[str],
    directory: str | os.PathLike[str],
    *,
    trust: Trust | None = None,
    log_signer: Signer | None = None,
    content_key: bytes | None = None,
    without_content: bool = False,
    head_dir: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Restored:
    """Rebuild a ledger's directory from an export file, or from a published log such as a mirror keeps.

    Form, signatures, links, tree, checkpoints and rules of every record are checked; content is held against its
    commitments, and what an erasure on record destroyed is not put back.

    Args:
        export: the file, or the directory or http(s) URL where a log is published. Such a log has no content, and only
            its newest checkpoint.
        directory: where the ledger will be; it must not exist, or be empty.
        trust: what is known of the ledger from elsewhere. Without it, the file is only shown to agree with itself.
        log_signer: the log key. With it this machine will sign for the ledger from where the export ends: only the
            newest export may be restored so, since what was signed beyond it would be contradicted. Without it the
            ledger is for reading.
        content_key: the key (32 bytes) under which content is to be encrypted; a new one will do.
        without_content: leave out content that the export holds.
        head_dir: where heads are kept; by default in the user's state directory.
        progress: called now and then.

    Raises:
        FormatError: the file is not a whole export, or there is no published log. CannotVerify: some of it is missing.
        VerificationFailed: what it holds contradicts itself, the trust, or what this machine has signed.
        UsageError: something is at the directory, or the file holds content and there is no key for it.
        StoreError: the disk failed. Locked: another restore to the same place is under way.
    """
    target = Path(directory)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(f"{target} is there already; a ledger is restored to a place where nothing is")
    beside = Layout(target.with_name(f".{target.name}.restoring"))
    with open_reader(os.fspath(export), trust) as reader, _place(beside):
        try:
            with _Build(beside, trust, log_signer, content_key, progress) as build:
                restored = build.run(reader, without_content=without_content, head_dir=head_dir)
            beside.directory.rename(target)
            sync_dir(target.parent)
        except OSError as error:
            raise disk_error("restore to", target, error.errno, str(error)) from error
        except UnsupportedError as error:
            raise UnsupportedError(f"{export}: {error}") from error
        except FormatError as error:
            raise FormatError(f"{export} is no whole export: {error}") from error
        finally:
            if beside.directory.exists():
                shutil.rmtree(beside.directory)
    return restored


@contextmanager
def _place(layout: Layout) -> Iterator[None]:
    """The directory to build in, held against other restores to the same place, and empty."""
    make_dir(layout.directory)
    with WriterLock(layout.lock):
        _clear(layout)
        yield


def _clear(layout: Layout) -> None:
    """Remove what a restore to the same place that was killed has left, but for the lock that is held."""
    try:
        for left in (layout.log, layout.state, layout.private):
            if left.exists():
                shutil.rmtree(left)
        layout.description.unlink(missing_ok=True)
    except OSError as error:
        raise disk_error("clear away", layout.directory, error.errno, str(error)) from error


class _Build:
    """A ledger that is being rebuilt in its directory."""

    def __init__(
        self,
        layout: Layout,
        trust: Trust | None,
        log_signer: Signer | None,
        content_key: bytes | None,
        progress: Progress | None,
    ) -> None:
        self._layout = layout
        self._trust = trust
        self._log_signer = log_signer
        self._content_key = content_key
        self._progress = progress
        self._engine = LmdbEngine.open(layout.log, LOG_TABLES, create=True)
        self._log = Log(self._engine)
        self._entries = Entries(self._log)
        self._state: State | None = None
        self._private: PrivateStore | None = None
        self._builder = TreeBuilder()
        self._last_leaf = ZERO_HASH
        self._last_time = 0
        self._description: Description | None = None
        self._log_keys: dict[bytes, NoteVerifier] = {}
        self._revoked: list[bytes] = []
        self._covered = 0
        self._checkpoint = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._private is not None:
            self._private.close()
        if self._state is not None:
            self._state.close()
        self._engine.close()

    def run(self, reader: Reader, *, without_content: bool, head_dir: str | os.PathLike[str] | None) -> Restored:
        """Build the ledger from the frames; its description, which makes it one, comes last."""
        frames = reader.frames()
        first_content = self._write_log(frames)
        description = self._require_whole()
        heads = None
        if self._log_signer is not None:
            heads = HeadStore(head_dir if head_dir is not None else default_head_dir(os.environ))
        state = self._state = open_state(self._layout, create=True, keeper=heads)
        self._log.set_edge(self._builder)
        replay(self._log, state, self._builder.size)
        state.flush()
        put, erased = 0, 0
        if self._content_key is not None:
            self._private = PrivateStore.open(self._layout.private, self._content_key, create=True)
        if first_content is not None and not without_content:
            put, erased = self._write_contents(state, chain((first_content,), frames))
        for _ in frames:
            pass  # What is left is content that was not asked for; the end is checked all the same.
        if reader.totals is None:
            raise FormatError("the export was not read to its end")
        if heads is not None:
            self._keep_head(description, heads, state)
        description.write(self._layout)
        size, root = self._builder.size, self._builder.root()
        return Restored(size, root, state.digest(), reader.totals, put, erased, heads is not None)

    # -- the log --------------------------------------------------------------------------------------------------

    def _write_log(self, frames: Iterator[Frame]) -> Frame | None:
        """Write records and checkpoints; returns the first frame of content, None if there is none."""
        batch = _Batch()
        for frame in frames:
            if frame.kind == CONTENT:
                self._commit(batch)
                return frame
            try:
                if frame.kind == RECORD:
                    self._record(frame.payload, batch)
                else:
                    self._check_checkpoint(frame.payload)
                    batch.checkpoints.append((seq_key(self._builder.size), frame.payload))
            except FormatError as error:
                raise FormatError(f"at record {self._builder.size}: {error}") from error
            if len(batch.records) >= _BATCH:
                self._commit(batch)
                batch = _Batch()
        self._commit(batch)
        return None

    def _record(self, data: bytes, batch: _Batch) -> None:
        """Check a record by itself and against the one before it."""
        seq = self._builder.size
        record = decode_record(data)
        expected = (seq, self._last_leaf)
        if (record.seq, record.prev) != expected:
            raise VerificationFailed(
                "LED-CHAIN", "the record does not follow the one before it",
                expected=f"{seq} after {self._last_leaf.hex()}", found=f"{record.seq} after {record.prev.hex()}",
                seq=seq,
            )  # fmt: skip
        if record.recorded_at < self._last_time:
            raise VerificationFailed(
                "LED-TIME", "the record is dated before the one before it",
                expected=f"at least {self._last_time}", found=str(record.recorded_at), seq=seq,
            )  # fmt: skip
        try:
            entry = check_entry(record.entry, record.signatures).entry
        except VerificationFailed as error:
            message = str(error).removeprefix(f"{error.finding}: ")
            raise VerificationFailed(error.finding, message, seq=seq) from error
        leaf = leaf_hash(data)
        if seq == 0:
            self._found(entry, leaf)
        elif entry.authority == ROOT:
            self._follow_log_keys(entry)
        batch.records.append((seq_key(seq), data))
        batch.tiles.extend(self._builder.push(leaf))
        self._last_leaf, self._last_time = leaf, record.recorded_at
        if self._progress is not None and seq % _STEP == 0:
            self._progress("records", seq)

    def _found(self, entry: Entry, leaf: bytes) -> None:
        """Take over from record 0 which ledger this is, and hold it against the trust."""
        founding = entry.acts[0]
        if not isinstance(founding, acts.LedgerCreate):
            raise VerificationFailed("LED-CHAIN", "record 0 does not found a ledger", seq=0)
        trust = self._trust
        if trust is not None and (trust.origin, trust.ledger_id) != (founding.origin, leaf):
            raise VerificationFailed(
                "LED-LEDGER", "the export is of another ledger",
                expected=f"{trust.origin} {trust.ledger_id.hex()}", found=f"{founding.origin} {leaf.hex()}",
            )  # fmt: skip
        self._description = Description(founding.origin, leaf)
        self._log_keys = {key: NoteVerifier(founding.origin, key[1:]) for key in founding.log_keys}

    def _follow_log_keys(self, entry: Entry) -> None:
        for act in entry.acts:
            if isinstance(act, acts.KeyAdd) and act.role == "log" and self._description is not None:
                self._log_keys[act.key] = NoteVerifier(self._description.origin, act.key[1:])
            elif isinstance(act, acts.KeyRevoke):
                self._revoked.append(act.key)

    def _check_checkpoint(self, note: bytes) -> None:
        """A checkpoint is signed by a log key of its time, for the tree as it stands."""
        if self._description is None:
            raise FormatError("a checkpoint before the founding of the ledger")
        found = open_checkpoint(note, self._log_keys.values(), self._description.origin)
        size, root = self._builder.size, self._builder.root()
        if (found.size, found.root) != (size, root):
            raise VerificationFailed(
                "LED-TREE", "the records are not those that the checkpoint was signed for",
                expected=f"{found.size} {found.root.hex()}", found=f"{size} {root.hex()}",
            )  # fmt: skip
        # A log key may sign the checkpoint that covers its own revocation, and none after it.
        for key in self._revoked:
            self._log_keys.pop(key, None)
        self._revoked.clear()
        self._checkpoint = note
        self._covered = size

    def _commit(self, batch: _Batch) -> None:
        with self._engine.batch() as stored:
            stored.put("meta", b"format", LOG_FORMAT)
            stored.append_many("record", batch.records)
            stored.append_many("checkpoint", batch.checkpoints)
            write_tiles(stored, self._builder, batch.tiles)

    def _require_whole(self) -> Description:
        """The log as written is covered by its last checkpoint, which the trust vouches for."""
        if self._description is None:
            raise FormatError("the export holds no record")
        if self._covered != self._builder.size:
            raise CannotVerify(
                f"records {self._covered} to {self._builder.size - 1} lie beyond the last checkpoint: nobody has "
                "signed for them; export the ledger again from where it is sound"
            )
        if self._trust is not None:
            open_checkpoint(self._checkpoint, self._trust.verifiers(), self._trust.origin)
        if self._log_signer is not None and self._log_signer.public_key not in self._log_keys:
            raise UsageError(
                f"the log key {self._log_signer.public_key.hex()} is none of this ledger's: give its own, or restore "
                "without one, to read"
            )
        return self._description

    # -- content --------------------------------------------------------------------------------------------------

    def _write_contents(self, state: State, frames: Iterator[Frame]) -> tuple[int, int]:
        """Put content back, but not what was erased; returns how many items of either sort there were."""
        store = self._private
        if store is None:
            raise UsageError("the export holds content: give a content key, under which it is kept, or leave it out")
        identities = Identities(store)
        put, erased = 0, 0
        while frames_now := [*islice(frames, _CONTENT_BATCH)]:
            items: list[ContentItem] = []
            for frame in frames_now:
                item = read_content(frame)
                row = SubjectRow.from_bytes(state.subject_row(subject_key(item.list, item.subject)))
                if any(item.commitment == one for one, _ in row.erased):
                    erased += 1
                elif item.commitment in row.commitments:
                    items.append(item)
                else:
                    raise VerificationFailed(
                        "LED-CONTENT", f"at byte {frame.offset}: content that no act about {item.subject} commits to",
                        expected="a commitment on record", found=item.commitment.hex(),
                    )  # fmt: skip
            store.put_many((item_id(one.list, one.subject, one.commitment), one.nonce, one.content) for one in items)
            identities.assign(self._identities(state, items))
            put += len(items)
            if self._progress is not None:
                self._progress("contents", put)
        return put, erased

    def _identities(self, state: State, items: list[ContentItem]) -> Iterator[Identity]:
        """The rows that find handles by the source's keys, made anew from the content that says what they stand for."""
        for item in items:
            handle = item.subject.value
            if isinstance(handle, bytes) and self._label(state, item) == KEY_LABEL:
                name = item_id(item.list, item.subject, item.commitment)
                yield Identity(item.list, item.content.decode("utf-8", "replace"), handle, name)

    def _label(self, state: State, item: ContentItem) -> str | None:
        """Under which label an act about the subject commits to the item."""
        row = SubjectRow.from_bytes(state.subject_row(subject_key(item.list, item.subject)))
        for seq, index in row.addresses():
            act = self._entries[seq][1].acts[index]
            for label, digest in getattr(act, "content", ()):
                if digest == item.commitment:
                    return str(label)
        return None

    # -- the head outside -----------------------------------------------------------------------------------------

    def _keep_head(self, description: Description, heads: HeadStore, state: State) -> None:
        """Record where this machine will sign on; a machine that signed more, or otherwise, must not."""
        try:
            head = heads.claim(description.ledger_id)
            size = self._builder.size
            if head is not None and (head.size > size or self._log.root_at(head.size) != head.root):
                raise VerificationFailed(
                    "LED-HEAD",
                    "this machine has signed more for the ledger than the export holds, or another history: restore a "
                    "newer export, or restore without the log key, to read",
                    expected=f"{head.size} {head.root.hex()}", found=f"{size} {self._builder.root().hex()}",
                )  # fmt: skip
            note = log_part(self._checkpoint, description.origin)
            heads.store(description.ledger_id, size, self._builder.root(), note)
            state.keep_sealed(description.ledger_id)
        finally:
            heads.close()


class _Batch:
    """What goes into the store in one commit."""

    __slots__ = ("checkpoints", "records", "tiles")

    def __init__(self) -> None:
        self.records: list[tuple[bytes, bytes]] = []
        self.checkpoints: list[tuple[bytes, bytes]] = []
        self.tiles: list[Tile] = []
