"""What the worker processes of an audit do. Each has a session: what it has open, and what was planned.

Only here are a ledger's stores opened: if the engine crashes on a damaged file, a worker dies, and the caller says so.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from creditledger.acts.content import subject_key
from creditledger.acts.registry import ACT_TYPES
from creditledger.audit import content, derived, exportfile, rehash, spool
from creditledger.audit.chunk import audit_chunk
from creditledger.audit.exportfile import ExportRecords
from creditledger.audit.fold import Partition, StoredState, fold_partition
from creditledger.audit.forms import read_entry, read_record
from creditledger.audit.passes import ABSENT, DAMAGED, OTHER, PARTITIONS, Plan
from creditledger.audit.published import PublishedRecords
from creditledger.audit.source import Records, StoreRecords, damage, is_damage, lacks_a_table, require_content
from creditledger.audit.trust import Trust
from creditledger.codec.own import restore
from creditledger.errors import CannotVerify, FormatError, NoLedger, StoreError, VerificationFailed
from creditledger.ledger.log import parse_checkpoint
from creditledger.ledger.state import STATE_FORMAT, STATE_TABLES
from creditledger.ledger.unsynced import is_lost
from creditledger.store.lmdb_engine import LmdbEngine
from creditledger.tlog.tiles import WIDTH


class Session:
    """One worker's part in one audit."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._source: Records | None = None
        self._places = array("Q")
        self._state: StoredState | None = None
        self._plan: Plan | None = None
        self._trust: Trust | None = None
        self._changes: list[tuple[Any, ...]] | None = None
        self._keyno: dict[bytes, int] = {}

    def close(self) -> None:
        """Let go of everything."""
        self._open.close()

    # -- opening --------------------------------------------------------------------------------------------------

    def open_state(self, path: str) -> tuple[int, str, str]:
        """Open the derived state and keep one view of it to the end of the audit; to be called before `open_log`.

        Returns:
            The number of records that it accounts for, or -1 with the reason why there is nothing to compare, and what
            that means: `ABSENT` nothing, `OTHER` that it cannot be checked, `DAMAGED` that it is damaged.
        """
        try:
            require_content(Path(path))
            if is_lost(Path(path)):
                return -1, "the derived state was lost when the system stopped, and is yet to be rebuilt", ABSENT
            engine = LmdbEngine.open(path, STATE_TABLES, readonly=True)
            self._open.callback(engine.close)
            snapshot = self._open.enter_context(engine.snapshot())
            form = snapshot.get("meta", b"format") or b""
            applied = snapshot.get("meta", b"applied") or b""
        except NoLedger:
            return -1, "there is no derived state", ABSENT
        except VerificationFailed as error:
            return -1, str(error), DAMAGED
        except StoreError as error:
            return -1, str(error), DAMAGED if is_damage(error) and not lacks_a_table(error) else OTHER
        if not form and not applied:
            return -1, "the derived state is empty", ABSENT
        if form != STATE_FORMAT:
            return -1, f"the derived state is of format {form!r:.60}, not {STATE_FORMAT!r}", OTHER
        if len(applied) != 8:
            return -1, f"the derived state does not say how many records it accounts for: {applied!r:.60}", DAMAGED
        self._state = StoredState(snapshot, int.from_bytes(applied, "big"))
        return self._state.applied, "", ABSENT

    def open_log(self, path: str) -> tuple[Any, ...]:
        """Open the log of a ledger's directory; returns an `Extent`."""
        source = StoreRecords(Path(path))
        self._open.callback(source.close)
        self._source = source
        return source.extent()

    def open_export(self, path: str) -> None:
        """Open an export file."""
        source = ExportRecords(Path(path))
        self._open.callback(source.close)
        self._source = source

    def open_published(self, where: str, note: bytes, cache: str | None) -> None:
        """Open a published log at a checkpoint that has been verified."""
        source = PublishedRecords(where, note, parse_checkpoint(note), None if cache is None else Path(cache))
        self._open.callback(source.close)
        self._source = source

    def scan(self, path: str) -> tuple[Any, ...]:
        """Walk over an export file; returns an `exportfile.Index`."""
        return exportfile.scan(Path(path))

    def place(self, places: bytes) -> None:
        """Learn where every 256th record stands in the export file."""
        self._places = array("Q")
        self._places.frombytes(places)

    def plan(self, raw: tuple[Any, ...]) -> None:
        """Learn what is the same for every range."""
        self._plan = plan = Plan._make(raw)
        self._trust = Trust.from_bytes(plan.trust.encode())

    def _place_of(self, seq: int) -> int:
        return self._places[seq // WIDTH] if self._places else 0

    def _records(self) -> Records:
        if self._source is None:
            raise CannotVerify("no log is open in this worker")
        return self._source

    def _planned(self) -> Plan:
        if self._plan is None:
            raise CannotVerify("nothing was planned in this worker")
        return self._plan

    # -- looking ahead --------------------------------------------------------------------------------------------

    def first(self) -> bytes | None:
        """The bytes of record 0, or None if it cannot be read."""
        try:
            return next(self._records().records(0, 1, self._place_of(0)))[0]
        except VerificationFailed:
            return None

    def sample(self, starts: Sequence[int], count: int) -> tuple[int, int, int, list[bytes]]:
        """Look at some records from each start on, multiples of 256: how many, their bytes, acts, and subject keys."""
        records = size = acts = 0
        keys: set[bytes] = set()
        for start in starts:
            try:
                for data, _ in self._records().records(start, start + count, self._place_of(start)):
                    records += 1
                    size += len(data)
                    found = read_entry(read_record(data)[4])[9]
                    acts += len(found)
                    keys.update(subject_key(act[1], act[2]) for act in found if ACT_TYPES[act[0]].is_subject_act)
            except (FormatError, VerificationFailed):
                continue
        return records, size, acts, sorted(keys)

    # -- passes over records --------------------------------------------------------------------------------------

    def hash_tiles(self, start: int, stop: int) -> tuple[bytes, bytes]:
        """See `rehash.hash_tiles`."""
        return rehash.hash_tiles(self._records(), start, stop, self._place_of(start))

    def chunk(self, start: int, stop: int) -> tuple[Any, ...]:
        """See `chunk.audit_chunk`; returns a `Summary`."""
        plan = self._planned()
        if self._trust is None:
            raise CannotVerify("nothing to go by was given to this worker")
        return audit_chunk(self._records(), plan, self._trust, start, stop, self._place_of(start))

    def pinned(self, span: int, starts: Sequence[int]) -> list[rehash.Pinned]:
        """See `rehash.pinned`; `starts` are the ranges that pin sizes in the span."""
        plan = self._planned()
        section = PARTITIONS + 1 + len(plan.bounds) + span
        return rehash.pinned(self._records(), self._place_of, [plan.file(start) for start in starts], section)

    def tails(self, sizes: Sequence[int]) -> list[tuple[int, bytes]]:
        """See `rehash.tails`."""
        return sorted(rehash.tails(self._records(), self._place_of, sizes).items())

    def dated(self, seq: int, stop: int) -> tuple[int, int] | None:
        """The first record from `seq` on, and below `stop`, that can be read: its number, and its date in microseconds.

        None if there is none in the 256 or so that are looked at.
        """
        start = seq // WIDTH * WIDTH
        try:
            found = self._records().records(start, min(start + 2 * WIDTH, stop), self._place_of(start))
            for number, (data, _) in enumerate(found, start):
                if number < seq:
                    continue
                try:
                    return number, read_record(data)[2]
                except FormatError:
                    continue
        except VerificationFailed:
            return None  # The pass over the records says what is wrong.
        return None

    def past(self, start: int, stop: int, wanted: Sequence[tuple[bytes, int]]) -> list[tuple[bytes, int, int, bytes]]:
        """Find entries by key and number in a range: key, number, record and hash of each that is there."""
        from creditledger.record.entry import entry_hash

        due = frozenset(map(tuple, wanted))
        found = []
        try:
            for seq, (data, _) in enumerate(self._records().records(start, stop, self._place_of(start)), start):
                entry = read_record(data)[4]
                raw = read_entry(entry)
                if (raw[3], raw[4]) in due:
                    found.append((raw[3], raw[4], seq, entry_hash(entry)))
        except (FormatError, VerificationFailed):
            return found
        return found

    # -- passes over partitions and derived data ------------------------------------------------------------------

    def learn(self, changes: str) -> None:
        """Learn what changed governance, and the numbers of keys, from a temporary file."""
        section = spool.read(Path(changes), 0)
        self._changes = list(restore(section)) if section else []
        section = spool.read(Path(changes), 1)
        self._keyno = dict(restore(section)) if section else {}

    def fold(self, raw: tuple[Any, ...]) -> tuple[Any, ...]:
        """See `fold.fold_partition`; returns a `Folded`. A damaged state is VerificationFailed, here and below."""
        partition = Partition._make(raw)
        state = self._state_up_to(partition.stop)
        try:
            return fold_partition(partition, Path(self._planned().scratch), self._changes or [], state)
        except StoreError as error:
            raise damage(error, None) from error

    def _state_up_to(self, stop: int) -> StoredState | None:
        """The state, unless it accounts for records that could not be replayed."""
        return self._state if self._state is not None and self._state.applied <= stop else None

    def authors(self, start: int, stop: int) -> list[Any]:
        """See `derived.compare_authors`."""
        state = self._state_up_to(stop)
        path = self._planned().file(start)
        try:
            return [] if state is None else derived.compare_authors(path, start, stop, self._keyno, state)
        except StoreError as error:
            raise damage(error, None) from error

    def tables(self, stop: int, erasures: Sequence[bytes] | None) -> list[Any]:
        """See `derived.compare_tables` and `derived.compare_erasures`; without erasures, their table is left out."""
        state = self._state_up_to(stop)
        if state is None:
            return []
        path = self._planned().expected(state.applied)
        try:
            found = derived.compare_tables(path, state)
            return found if erasures is None else found + derived.compare_erasures(erasures, state)
        except StoreError as error:
            raise damage(error, None) from error

    def upper_tiles(self, hashes: bytes) -> list[Any]:
        """See `derived.compare_upper_tiles`, and `derived.check_upper_tiles` for a published log."""
        source = self._records()
        if isinstance(source, PublishedRecords):
            return derived.check_upper_tiles(source)
        return derived.compare_upper_tiles(hashes, source) if source.has_tiles else []

    # -- content --------------------------------------------------------------------------------------------------

    def private(self, path: str, key: bytes, files: Sequence[str]) -> tuple[list[Any], int, int]:
        """See `content.check_private`."""
        return content.check_private(Path(path), key, list(map(Path, files)))

    def sort_items(self, place: int, count: int, target: str) -> list[Any]:
        """See `content.sort_items`; the items stand at `place` in the export file."""
        source = self._records()
        if not isinstance(source, ExportRecords):
            raise CannotVerify("only an export file holds content items")
        return content.sort_items(source.contents(place, count), list(self._planned().bounds), Path(target))

    def items(self, items: str, partition: str, whole: bool) -> tuple[list[Any], int, int]:
        """See `content.check_items`."""
        return content.check_items(Path(items), Path(partition), whole)


def tasks() -> dict[str, Callable[..., Any]]:
    """The functions of a new session, by name."""
    session = Session()
    names = (
        "authors", "chunk", "close", "dated", "first", "fold", "hash_tiles", "items", "learn", "open_export",
        "open_log", "open_published", "open_state", "past", "pinned", "place", "plan", "private", "sample", "scan",
        "sort_items", "tables", "tails", "upper_tiles",
    )  # fmt: skip
    return {name: getattr(session, name) for name in names}
