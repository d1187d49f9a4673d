"""The state: derived rows on a store, with what has changed since kept in memory.

Rows are written in sorted batches of many thousand, not with each commit: at random keys a row written at once costs
the device far more than the record it came from. What is lost with the memory is replayed from the log.

Layers lie over each other: `_batch`, what the commit under way has changed; `_memory`, what is committed in the log and
not yet written to the store; and in the store, `recent` over `subject`. A large batch of subjects' rows goes to
`recent` first, in one transaction with everything else, and is moved from there piece by piece. A transaction keeps
every page that it touches in memory, and the old one in the file, so many small ones take less of both; and wherever
they are interrupted, the rows are those of one moment.
"""

from __future__ import annotations

import hashlib
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from operator import itemgetter

from creditledger.acts import catalogue as acts
from creditledger.acts.content import item_id
from creditledger.codec.canonical import encode
from creditledger.codec.own import encode as encode_row
from creditledger.codec.own import restore
from creditledger.errors import StoreError
from creditledger.ledger.seal import Seal
from creditledger.ledger.unsynced import Unsynced
from creditledger.record.entry import CheckedEntry
from creditledger.rules.engine import Changes
from creditledger.rules.governance_state import GOVERNANCE_TABLES, Governance
from creditledger.rules.rows import KeyHead
from creditledger.store.memory import MemoryEngine
from creditledger.store.port import Engine, Snapshot

STATE_FORMAT = b"creditledger/state/v1"
STATE_TABLES = tuple(
    sorted((*GOVERNANCE_TABLES, "author", "erasure", "governed", "head", "keyno", "meta", "recent", "subject"))
)
DIGEST_TABLES = tuple(sorted((*GOVERNANCE_TABLES, "head", "subject")))
FLUSH_ROWS = 100_000
FLUSH_SECONDS = 10.0
"""Rows are written when there are so many, or a hundredth of it and so much time has passed: a reader lacks few."""
MOVE_ROWS = 2_000
"""Rows of subjects that are written in one transaction."""

_FIRST = itemgetter(0)
_AUTHOR = struct.Struct(">IQ")
_SEQ = struct.Struct(">Q")


class State:
    """Governance, the keys' heads, and every other derived row, as of `applied` records."""

    def __init__(
        self,
        engine: Engine,
        *,
        flush_rows: int = FLUSH_ROWS,
        move_rows: int = MOVE_ROWS,
        writable: bool = True,
        unsynced: Unsynced | None = None,
        seal: Seal | None = None,
    ) -> None:
        """`unsynced` is the mark beside a store whose writes reach the device only when it is told to sync.

        With a `seal`, nothing is written to a store to which somebody else has written.
        """
        self._engine = engine
        self._flush_rows = flush_rows
        self._move_rows = move_rows
        self._writable = writable
        self._unsynced = unsynced
        self._seal = seal
        self._flushed = time.monotonic()
        self._snapshot: Snapshot | None = None
        self._commit = ExitStack()
        self._reset()

    @classmethod
    def in_memory(cls) -> State:
        """An empty state that is never written anywhere."""
        return cls(MemoryEngine(STATE_TABLES), writable=False)

    def close(self) -> None:
        """Releases the store; what is kept in memory is lost unless `flush` came before."""
        self._engine.close()

    def _reset(self) -> None:
        self.governance = Governance()
        self.heads: dict[bytes, KeyHead] = {}
        self.applied = 0
        self.stored = 0
        self._keyno: dict[bytes, int] = {}
        self._memory: dict[str, dict[bytes, bytes]] = {"author": {}, "erasure": {}, "governed": {}, "subject": {}}
        self._batch: dict[str, dict[bytes, bytes]] = {table: {} for table in self._memory}
        self._dirty_heads: set[bytes] = set()
        self._saved: tuple[Governance, int, int] | None = None
        self._saved_heads: dict[bytes, KeyHead | None] = {}
        self._moving = False

    # -- loading and storing --------------------------------------------------------------------------------------

    def load(self) -> None:
        """Takes over what the store holds; raises `StoreError` or `FormatError` when that is no state of this kind."""
        self._reset()
        with self.held() as snapshot:
            form = snapshot.get("meta", b"format")
            if form is None:
                return
            if form != STATE_FORMAT:
                raise StoreError(
                    f"the state is of format {form!r:.60}, not {STATE_FORMAT.decode()}; it will be rebuilt"
                )
            self.applied = self.stored = _applied(snapshot)
            self._moving = snapshot.count("recent") > 0
            for table in GOVERNANCE_TABLES:
                for key, row in snapshot.range(table):
                    self.governance.load_row(table, key, row)
            for key, row in snapshot.range("head"):
                self.heads[key] = KeyHead._make(restore(row))
            for key, number in snapshot.range("keyno"):
                self._keyno[key] = int.from_bytes(number, "big")

    @contextmanager
    def held(self) -> Iterator[Snapshot]:
        """Whatever is read within is read from the store as it is now, whatever is written meanwhile."""
        if self._snapshot is not None:
            yield self._snapshot
            return
        with self._engine.snapshot() as snapshot:
            self._snapshot = snapshot
            try:
                yield snapshot
            finally:
                self._snapshot = None

    def catch_up(self) -> None:
        """Takes over what another process has written to the store since; to be called while the state is `held`."""
        with self.held() as snapshot:
            if _applied(snapshot) != self.stored:
                self.load()

    # -- the seal -------------------------------------------------------------------------------------------------

    def is_sealed(self, ledger_id: bytes) -> bool:
        """Whether the store is as this machine's writer left it; one without a seal is not."""
        return self._seal is not None and self._seal.is_of(ledger_id, self.stored)

    def keep_sealed(self, ledger_id: bytes) -> None:
        """Seals the store, now and after each write. To be called once the log it rests on was found good."""
        if self._seal is not None:
            self._seal.keep(ledger_id, self.stored)

    def changed_by_others(self) -> StoreError | None:
        """What there is to say if somebody else has written to the store since this writer did."""
        return None if self._seal is None else self._seal.broken()

    # -- writing --------------------------------------------------------------------------------------------------

    def flush_if_due(self) -> None:
        """Writes the rows kept in memory once there are many, or some and it is long ago."""
        if not self._writable:
            return
        rows = max(len(self._memory["subject"]), len(self._memory["author"]))
        if rows >= self._flush_rows:
            self._flush()
            if self._unsynced is None or not self._unsynced.outlives_process:
                self._sync()
        elif rows * 100 >= self._flush_rows and time.monotonic() - self._flushed >= FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Writes every row kept in memory to the store, and sees to it that the device has them."""
        self._flush()
        self._sync()

    def _flush(self) -> None:
        if self.applied == self.stored and not self._moving:
            return
        with nullcontext() if self._seal is None else self._seal.renewed(self.applied):
            self._write()

    def _write(self) -> None:
        if self._unsynced is not None:
            self._unsynced.set()
        self._move()
        rows = sorted(self._memory["subject"].items(), key=_FIRST)
        with self._engine.batch() as batch:
            if len(rows) <= self._move_rows:
                batch.put_many("subject", rows)
            else:
                batch.append_many("recent", rows)
            for table in ("author", "erasure", "governed"):
                batch.put_many(table, sorted(self._memory[table].items(), key=_FIRST))
            for table, key in sorted(self.governance.dirty, key=repr):
                batch.put(table, *self.governance.row_bytes(table, key))
            batch.put_many("head", sorted((key, encode_row(self.heads[key])) for key in self._dirty_heads))
            batch.put_many("keyno", sorted((key, number.to_bytes(4, "big")) for key, number in self._keyno.items()))
            batch.put("meta", b"applied", _SEQ.pack(self.applied))
            batch.put("meta", b"format", STATE_FORMAT)
        self._moving = len(rows) > self._move_rows
        self.stored = self.applied
        self.governance.dirty.clear()
        self._dirty_heads.clear()
        for table in self._memory:
            self._memory[table] = {}
        self._move(rows)
        self._flushed = time.monotonic()

    def _move(self, rows: list[tuple[bytes, bytes]] | None = None) -> None:
        """Moves the rows in `recent`, which are these if they are given, to where they belong."""
        if not self._moving:
            return
        if rows is None:
            with self._engine.snapshot() as snapshot:
                rows = list(snapshot.range("recent"))
        for start in range(0, len(rows), self._move_rows):
            with self._engine.batch() as batch:
                batch.put_many("subject", rows[start : start + self._move_rows])
        with self._engine.batch() as batch:
            batch.clear("recent")
        self._moving = False

    def _sync(self) -> None:
        if self._unsynced is not None:
            self._engine.sync()
            self._unsynced.clear()

    # -- what the rules look at (engine.View) ---------------------------------------------------------------------

    def subject_row(self, key: bytes) -> bytes | None:
        """The subject's row under `subject_key`, or None."""
        return self._get("subject", key)

    def past_entry_seq(self, key: bytes, author_seq: int) -> int | None:
        """The record in which the key's entry `author_seq` stands, or None."""
        number = self._keyno.get(key)
        if number is None:
            return None
        found = self._get("author", _AUTHOR.pack(number, author_seq))
        return None if found is None else int.from_bytes(found, "big")

    def _get(self, table: str, key: bytes) -> bytes | None:
        found = self._batch[table].get(key)
        if found is None:
            found = self._memory[table].get(key)
            if found is None and self.stored:
                if self._snapshot is not None:
                    return self._stored(self._snapshot, table, key)
                with self._engine.snapshot() as snapshot:
                    return self._stored(snapshot, table, key)
        return found

    def _stored(self, snapshot: Snapshot, table: str, key: bytes) -> bytes | None:
        if self._moving and table == "subject":
            found = snapshot.get("recent", key)
            if found is not None:
                return found
        return snapshot.get(table, key)

    # -- one commit -----------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Begins a commit: what `apply` changes from here on can be taken back."""
        self._saved = (self.governance, self.applied, len(self._keyno))
        self._saved_heads = {}
        # One snapshot for the whole commit: taking one costs as much as judging an act.
        self._commit.enter_context(self.held())

    def _end(self) -> None:
        self._saved = None
        self._commit.close()

    def apply(self, seq: int, checked: CheckedEntry, changes: Changes) -> None:
        """Enters what an accepted entry changes, as record `seq`."""
        key = checked.entry.key
        if changes.governance is not None:
            self.governance = changes.governance
            self._batch["governed"][_SEQ.pack(seq)] = b""
            self._number_keys(checked)
        if changes.rows:
            self._batch["subject"].update(changes.rows)
        for changed, head in changes.heads.items():
            self._saved_heads.setdefault(changed, self.heads.get(changed))
            self.heads[changed] = head
        self._batch["author"][_AUTHOR.pack(self._keyno[key], checked.entry.author_seq)] = _SEQ.pack(seq)
        for act in checked.entry.acts:
            if type(act) is acts.ContentErase:
                for commitment in act.commitments:
                    name = _SEQ.pack(seq) + item_id(act.list, act.subject, commitment)
                    self._batch["erasure"][name] = b""
        self.applied = seq + 1

    def erasures(self) -> list[bytes]:
        """The private store's names of the content whose erasure was ordered since `begin`."""
        return [key[_SEQ.size :] for key in self._batch["erasure"]]

    def _number_keys(self, checked: CheckedEntry) -> None:
        """Numbers keys in the order of their registration; log keys, which author nothing, too."""
        for act in checked.entry.acts:
            if isinstance(act, acts.LedgerCreate):
                for key in (*act.log_keys, *act.root_keys):
                    self._keyno.setdefault(key, len(self._keyno))
            elif isinstance(act, acts.KeyAdd):
                self._keyno.setdefault(act.key, len(self._keyno))

    def commit(self) -> None:
        """Keeps what was applied since `begin`: the log has it."""
        for table, rows in self._batch.items():
            if rows:
                self._memory[table].update(rows)
                rows.clear()
        self._dirty_heads.update(self._saved_heads)
        self._end()

    def roll_back(self) -> None:
        """Drops what was applied since `begin`."""
        if self._saved is None:
            return
        self.governance, self.applied, keys = self._saved
        for key, head in self._saved_heads.items():
            if head is None:
                del self.heads[key]
            else:
                self.heads[key] = head
        for key in list(self._keyno)[keys:]:
            del self._keyno[key]
        for rows in self._batch.values():
            rows.clear()
        self._end()

    # -- queries --------------------------------------------------------------------------------------------------

    def rows(self, table: str, start: bytes = b"", stop: bytes | None = None) -> Iterator[tuple[bytes, bytes]]:
        """The rows of a table from `start` up to, not including, `stop`, in key order, as they are now."""
        rows = self._rows(table, start, stop)
        next(rows)  # From here on the generator holds its snapshot, whatever is written meanwhile.
        return rows

    def _rows(self, table: str, start: bytes, stop: bytes | None) -> Iterator[tuple[bytes, bytes]]:
        """Memory and store merged; the first pair only says that the snapshot is taken."""
        if table in self._memory:
            recent = sorted(
                (key, row) for key, row in self._memory[table].items() if start <= key and (stop is None or key < stop)
            )
        elif table == "head":
            recent = sorted((key, encode_row(head)) for key, head in self.heads.items())
        elif table == "keyno":
            recent = sorted((key, number.to_bytes(4, "big")) for key, number in self._keyno.items())
        else:
            recent = [(key, row) for name, key, row in self.governance.rows() if name == table]
        if not self.stored or table not in self._memory:
            yield b"", b""
            yield from recent
            return
        with self._engine.snapshot() as snapshot:
            if self._moving and table == "subject":
                recent = sorted((dict(snapshot.range("recent", start, stop)) | dict(recent)).items(), key=_FIRST)
            yield b"", b""
            yield from _merge(snapshot, table, start, stop, recent)

    def digest(self) -> bytes:
        """The state's canonical digest, 32 bytes, equal wherever the same log was replayed.

        SHA-256 over `creditledger/state/v1` LF and, table by table and key by key, encode((table, key, row)).
        """
        digest = hashlib.sha256(STATE_FORMAT + b"\n")
        for table in DIGEST_TABLES:
            for key, row in self.rows(table):
                digest.update(encode((table, key, row)))
        return digest.digest()


def _applied(snapshot: Snapshot) -> int:
    """How many records the store's rows account for."""
    return int.from_bytes(snapshot.get("meta", b"applied") or b"", "big")


def _merge(
    snapshot: Snapshot, table: str, start: bytes, stop: bytes | None, recent: list[tuple[bytes, bytes]]
) -> Iterator[tuple[bytes, bytes]]:
    """Both sequences in key order; where both have a key, the recent row counts."""
    position = 0
    for key, row in snapshot.range(table, start, stop):
        while position < len(recent) and recent[position][0] < key:
            yield recent[position]
            position += 1
        if position < len(recent) and recent[position][0] == key:
            yield recent[position]
            position += 1
        else:
            yield key, row
    yield from recent[position:]
