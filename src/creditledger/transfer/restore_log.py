"""The log of a ledger that is being restored: every record and checkpoint is checked as it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from creditledger.acts import catalogue as acts
from creditledger.audit.trust import Trust
from creditledger.errors import CannotVerify, FormatError, UsageError, VerificationFailed
from creditledger.keys.signer import Signer
from creditledger.ledger.layout import LOG_TABLES, Description, Layout
from creditledger.ledger.log import LOG_FORMAT, Log, seq_key, write_tiles
from creditledger.record.entry import ZERO_HASH, Entry, check_entry
from creditledger.record.record import decode_record
from creditledger.rules.rows import ROOT
from creditledger.store.lmdb_engine import LmdbEngine
from creditledger.tlog.checkpoint import open_checkpoint
from creditledger.tlog.note import NoteVerifier
from creditledger.tlog.tiles import Tile, TreeBuilder
from creditledger.tlog.tree import leaf_hash
from creditledger.transfer.export_file import CONTENT, RECORD, Frame

Progress = Callable[[str, int], None]
"""Called with what is being done (`records`, `contents`) and how many are done."""

_BATCH = 1000
_STEP = 1000


class LogBuild:
    """A log that is being written anew; it holds the store open.

    Attributes:
        log: what was written.
        builder: its tree.
        checkpoint: the last one, as signed.
    """

    def __init__(self, layout: Layout, trust: Trust | None, progress: Progress | None) -> None:
        """Make the store; what is written is held against `trust`, as far as that is known."""
        self._trust = trust
        self._progress = progress
        self._engine = LmdbEngine.open(layout.log, LOG_TABLES, create=True)
        self.log = Log(self._engine)
        self.builder = TreeBuilder()
        self._description: Description | None = None
        self.checkpoint = b""
        self._last_leaf = ZERO_HASH
        self._last_time = 0
        self._log_keys: dict[bytes, NoteVerifier] = {}
        self._revoked: list[bytes] = []
        self._covered = 0

    def close(self) -> None:
        """Let go of the store."""
        self._engine.close()

    def write(self, frames: Iterator[Frame]) -> Frame | None:
        """Write records and checkpoints; returns the first frame of content, None if there is none.

        Raises `FormatError` for what is not in its form, `VerificationFailed` for what contradicts itself or the trust.
        """
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
                    batch.checkpoints.append((seq_key(self.builder.size), frame.payload))
            except FormatError as error:
                raise FormatError(f"at record {self.builder.size}: {error}") from error
            if len(batch.records) >= _BATCH:
                self._commit(batch)
                batch = _Batch()
        self._commit(batch)
        return None

    def _record(self, data: bytes, batch: _Batch) -> None:
        """Check a record by itself and against the one before it."""
        seq = self.builder.size
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
        batch.tiles.extend(self.builder.push(leaf))
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
        size, root = self.builder.size, self.builder.root()
        if (found.size, found.root) != (size, root):
            raise VerificationFailed(
                "LED-TREE", "the records are not those that the checkpoint was signed for",
                expected=f"{found.size} {found.root.hex()}", found=f"{size} {root.hex()}",
            )  # fmt: skip
        # A log key may sign the checkpoint that covers its own revocation, and none after it.
        for key in self._revoked:
            self._log_keys.pop(key, None)
        self._revoked.clear()
        self.checkpoint = note
        self._covered = size

    def _commit(self, batch: _Batch) -> None:
        with self._engine.batch() as stored:
            stored.put("meta", b"format", LOG_FORMAT)
            stored.append_many("record", batch.records)
            stored.append_many("checkpoint", batch.checkpoints)
            write_tiles(stored, self.builder, batch.tiles)

    def require_whole(self, log_signer: Signer | None) -> Description:
        """The log as written is covered by its last checkpoint, which the trust vouches for; returns whose log it is.

        Raises `FormatError`, `CannotVerify`, `VerificationFailed`; `UsageError` for a signer that is none of its keys.
        """
        if self._description is None:
            raise FormatError("the export holds no record")
        if self._covered != self.builder.size:
            raise CannotVerify(
                f"records {self._covered} to {self.builder.size - 1} lie beyond the last checkpoint: nobody has "
                "signed for them; export the ledger again from where it is sound"
            )
        if self._trust is not None:
            open_checkpoint(self.checkpoint, self._trust.verifiers(), self._trust.origin)
        if log_signer is not None and log_signer.public_key not in self._log_keys:
            raise UsageError(
                f"the log key {log_signer.public_key.hex()} is none of this ledger's: give its own, or restore "
                "without one, to read"
            )
        return self._description


class _Batch:
    """What goes into the store in one commit."""

    __slots__ = ("checkpoints", "records", "tiles")

    def __init__(self) -> None:
        self.records: list[tuple[bytes, bytes]] = []
        self.checkpoints: list[tuple[bytes, bytes]] = []
        self.tiles: list[Tile] = []
