"""The pass over one partition of the subjects: their acts replayed by the rules, their rows compared with the state's.

A rule reads governance and its own subject's row, nothing else. So the subjects are divided into ranges of their keys,
and a worker replays one range at a time: its acts in the order of the log, merged with what changed governance. The
rows are compared with those of the state in the same range, so that those which differ, lack or are too many are found.

Memory is bounded by the size of a partition. One that turns out too large is folded in several goes: its range of keys
is cut in half, as often as need be.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Final, NamedTuple

from creditledger.acts.catalogue import ContentErase
from creditledger.acts.content import item_id
from creditledger.acts.kinds import MAX_ENTRY_ACTS, Subject
from creditledger.acts.registry import ACT_TYPES
from creditledger.audit import spool
from creditledger.audit.findings import Finding, FindingLog, finding, refusal
from creditledger.audit.passes import CITE, CITED, FIELDS, HEADER, PARTITIONS
from creditledger.audit.rowwords import different_row
from creditledger.errors import FormatError, Refused
from creditledger.ledger.log import seq_key
from creditledger.rules.engine import SUBJECT_RULES, apply_governance, apply_subject
from creditledger.rules.governance_state import Governance
from creditledger.rules.refusal import Context
from creditledger.rules.rows import SubjectRow
from creditledger.store.port import Snapshot

MAX_ACTS: Final = 150_000
"""Acts that a fold holds in memory before it cuts its range of keys in half."""

_PACKED: Final = 32
"""Numbers in the history of a row, two for each act, up to which it is held in packed form between two acts."""

_KINDS: Final[dict[str, tuple[Any, ...]]] = {
    name: (
        partial(tuple.__new__, kind.cls),
        [(1 + at, convert) for at, convert in kind.conversions],
        SUBJECT_RULES.get(kind.cls),
    )
    for name, kind in ACT_TYPES.items()
}
"""How an act is restored, as `restore_act` does it but for empty values, and its rule if it is about a subject."""

_NEVER: Final = 1 << 60
_NO_ACTS: Final[tuple[object, ...]] = (None,) * MAX_ENTRY_ACTS


class Partition(NamedTuple):
    """What to fold: partition `number` with subject keys from `low` to before `high` (None: to the end).

    `starts` are the first records of the ranges whose temporary files hold its acts; records from `stop` on are left
    out. `content` asks for the commitments, in a temporary file of their own.
    """

    number: int
    low: bytes
    high: bytes | None
    starts: tuple[int, ...]
    stop: int
    content: bool


class Folded(NamedTuple):
    """What a partition came to: findings, those not told by id, acts, rows, names of erased content, any refusal.

    `kept` is how many items of content the acts commit to that are not erased.
    """

    findings: tuple[Finding, ...]
    untold: dict[str, int]
    acts: int
    rows: int
    erasures: tuple[bytes, ...]
    refused: bool
    kept: int


class StoredState(NamedTuple):
    """The state as one snapshot shows it, and the number of records that it accounts for."""

    snapshot: Snapshot
    applied: int


def fold_partition(
    partition: Partition, scratch: Path, changes: Sequence[tuple[Any, ...]], state: StoredState | None
) -> Folded:
    """Replay one partition and compare its rows with those of the state, if there is one to compare with."""
    findings = FindingLog()
    acts = rows = kept = 0
    refused = False
    erasures: list[bytes] = []
    contents: list[tuple[bytes, bytes, bool]] = []
    low: bytes | None = partition.low
    while low is not None:
        fold = _Fold(partition, low, changes, state, findings)
        fold.run(scratch)
        acts += fold.acts
        rows += len(fold.rows)
        kept += fold.kept
        erasures += (name for key, name in fold.erasures if fold.high is None or key < fold.high)
        if partition.content:
            contents += fold.commitments()
        refused = refused or fold.refused
        low = fold.high if fold.high != partition.high and not refused else None
    if partition.content:
        spool.write(scratch / f"content-{partition.number:08}", [spool.pack(contents)])
    return Folded(tuple(findings.told), dict(findings.untold), acts, rows, tuple(erasures), refused, kept)


class _Fold:
    """One go over the acts of a range of subject keys."""

    def __init__(
        self,
        partition: Partition,
        low: bytes,
        changes: Sequence[tuple[Any, ...]],
        state: StoredState | None,
        findings: FindingLog,
    ) -> None:
        self._partition = partition
        self._low = low
        self._changes = iter(changes)
        self._findings = findings
        # The state is compared once the replay stands where it does; nothing is compared twice.
        self._state = state
        self._governance = Governance()
        self._change: tuple[Any, ...] | None = next(self._changes, None)
        self._due = 0
        self.high = partition.high
        self.rows: dict[bytes, bytes | SubjectRow] = {}
        self.erasures: list[tuple[bytes, bytes]] = []
        self.acts = 0
        self.kept = 0
        self.refused = False

    def run(self, scratch: Path) -> None:
        """Replay every range's acts in order, up to the first one that a rule forbids."""
        for start in self._partition.starts:
            path = scratch / f"range-{start:x}"
            values = spool.read(path, PARTITIONS + self._partition.number)
            if values:
                classes = spool.unpack(spool.read(path, HEADER))[0]
                try:
                    self._replay(map(spool.unpack, spool.unpack(values)), classes)
                except _Stop:
                    return
                if self.acts > MAX_ACTS and len(self.rows) > 1:
                    self._cut()
        self._compare()

    def _replay(self, blocks: Iterator[tuple[Any, ...]], classes: tuple[Any, ...]) -> None:
        """Apply the acts of one range, which come in blocks; raises `_Stop` when one is refused."""
        signers: dict[int, tuple[Any, ...]] = {}
        low, high = self._low, self.high
        whole = low == self._partition.low and high == self._partition.high
        stop, rows, governance = self._partition.stop, self.rows, self._governance
        context: Context | None = None
        fields = chain.from_iterable(blocks)
        for seq, index, number, author_seq, digest, key, raw in zip(*[fields] * FIELDS, strict=True):
            if not whole and key > CITED and (key < low or (high is not None and key >= high)):
                continue
            if context is None or seq != context.seq:
                if seq >= stop:
                    return
                if self._state is not None and seq >= self._state.applied:
                    self._compare()
                if seq >= self._due:
                    self._advance(seq, 0)
                signer = signers.get(number)
                if signer is None:
                    signer = signers[number] = self._signer(classes[number])
                day, authority, signed_by, role, cosigners = signer
                context = Context(seq, day, digest, authority, signed_by, role, cosigners, _NO_ACTS, author_seq)
            if seq >= self._due:
                self._advance(seq, index)
            context.index = index
            make, conversions, rule = _KINDS[raw[0]]
            values = list(raw)
            for place, convert in conversions:
                if values[place]:
                    values[place] = convert(values[place])
            act = make(values[1:])
            try:
                if key > CITED:
                    held = rows.get(key)
                    row = held if isinstance(held, SubjectRow) else SubjectRow.from_bytes(held)
                    committed = len(row.commitments)
                    apply_subject(rule, governance, context, act, row)
                    self.kept += len(row.commitments) - committed
                    # Packed at once, a row is a third as large, and its parts are not scattered over the memory.
                    rows[key] = row.to_bytes() if len(row.history) <= _PACKED else row
                    self.acts += 1
                    if type(act) is ContentErase:
                        self._note_erasure(seq, key, act)
                else:
                    context.acts = (*context.acts[:index], act, *context.acts[index + 1 :])
                    if key == CITE:
                        apply_governance(governance, context, act, _no_past, b"")  # type: ignore[arg-type]  # a citation
            except (Refused, FormatError) as error:
                self._refuse(seq, index, error)
                raise _Stop from None

    def _advance(self, seq: int, index: int) -> None:
        """Let everything into governance that was changed before an act."""
        change = self._change
        while change is not None and (change[0], change[1]) < (seq, index):
            self._governance.load_row(*change[2:])
            change = next(self._changes, None)
        self._change = change
        self._due = _NEVER if change is None else change[0]

    def _signer(self, signed: tuple[Any, ...]) -> tuple[Any, ...]:
        """Day, authority, key, role and cosigners of a class of entries, for their context."""
        _, _, day, authority, key, cosigners, _ = signed
        keys = self._governance.keys
        # A cosigner that is not registered is one that the entry itself adds; the sequential pass has looked at it.
        others = tuple((who, keys[one].role if one in keys else "added", one) for who, one in cosigners)
        return day, authority, key, keys[key].role, others

    def _refuse(self, seq: int, index: int, error: Refused | FormatError) -> None:
        self.refused = True
        if isinstance(error, Refused):
            self._findings.add(refusal(error, seq, index))
        else:
            self._findings.add(finding("LED-RULE", seq, f"a recorded act cannot be applied: {error}", act=index))

    def _note_erasure(self, seq: int, key: bytes, act: ContentErase) -> None:
        for commitment in act.commitments:
            self.erasures.append((key, seq_key(seq) + item_id(act.list, act.subject, commitment)))

    def _cut(self) -> None:
        """Keep the lower half of the subjects; the rest is for another go."""
        keys = sorted(self.rows)
        self.high = keys[len(keys) // 2]
        for key in keys[len(keys) // 2 :]:
            del self.rows[key]
        left = [_unpacked(row) for row in self.rows.values()]
        self.acts = sum(len(row.history) // 2 for row in left)
        self.kept = sum(len(row.commitments) for row in left)

    def _compare(self) -> None:
        """Hold the rows as they are now against the state's."""
        state, self._state = self._state, None
        if state is None:
            return
        matched = 0
        for key, found in _stored_rows(state.snapshot, self._low, self.high):
            held = self.rows.get(key)
            if held is not None:
                matched += 1
                due = held if isinstance(held, bytes) else held.to_bytes()
                if due != found:
                    self._findings.add(self._different(key, due, found))
            else:
                self._findings.add(self._different(key, None, found))
        if matched < len(self.rows):
            there = {key for key, _ in _stored_rows(state.snapshot, self._low, self.high)}
            for key in sorted(self.rows.keys() - there):
                self._findings.add(self._different(key, _unpacked(self.rows[key]).to_bytes(), None))

    def _different(self, key: bytes, due: bytes | None, found: bytes | None) -> Finding:
        row = self.rows.get(key)
        seq = None if row is None else _unpacked(row).history[-2]
        return different_row("subject", key, due, found, seq)

    def commitments(self) -> Iterator[tuple[bytes, bytes, bool]]:
        """Every commitment about the subjects: its item's id, the commitment, and whether it is erased."""
        for key, held in self.rows.items():
            row = _unpacked(held)
            list_id, scheme, value = key.split(b"\x00", 2)
            subject = Subject(scheme.decode(), value if scheme == b"handle" else value.decode())
            for commitment in row.commitments:
                yield item_id(list_id.decode(), subject, commitment), commitment, False
            for commitment, _ in row.erased:
                yield item_id(list_id.decode(), subject, commitment), commitment, True


class _Stop(Exception):
    """A rule forbids an act: what follows about these subjects is not judged."""


def _stored_rows(snapshot: Snapshot, low: bytes, high: bytes | None) -> Iterator[tuple[bytes, bytes]]:
    """The rows of subjects as the state gives them out: those in `recent` lie over those in `subject`."""
    recent = snapshot.range("recent", low, high)
    over = next(recent, None)
    for pair in snapshot.range("subject", low, high):
        while over is not None and over[0] < pair[0]:
            yield over
            over = next(recent, None)
        if over is not None and over[0] == pair[0]:
            yield over
            over = next(recent, None)
        else:
            yield pair
    if over is not None:
        yield over
        yield from recent


def _unpacked(row: bytes | SubjectRow) -> SubjectRow:
    return SubjectRow.from_bytes(row) if isinstance(row, bytes) else row


def _no_past(_key: bytes, _author_seq: int) -> bytes | None:
    """Citations ask for no past entries."""
    return None
