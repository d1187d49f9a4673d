"""The first pass over one range of records: everything that their own bytes decide, and what the later passes need.

Ranges are independent, so that workers divide them. Here every record and entry is read, every signature of an author,
a cosigner and a log key verified, every hash computed. What depends on records elsewhere is passed on: a summary to the
caller, and the rest, which may be much, to a temporary file (see `passes`).

A key's chain of entries is checked here within the range: what does not follow is put to the rules' own function.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from hashlib import sha256
from operator import itemgetter
from typing import Any

from creditledger.acts import catalogue
from creditledger.acts.content import subject_key
from creditledger.acts.registry import ACT_TYPES, restore_act
from creditledger.audit import spool
from creditledger.audit.findings import FindingLog, failure, finding, refusal
from creditledger.audit.forms import RawEntry, read_entry, read_record
from creditledger.audit.passes import CITE, CITED, FIELDS, Plan, Summary
from creditledger.audit.source import Records
from creditledger.audit.spine import Spine
from creditledger.audit.trust import Trust
from creditledger.codec.dates import day_at, offset_minutes
from creditledger.codec.own import restore
from creditledger.errors import FormatError, Refused, UnsupportedError, VerificationFailed
from creditledger.keys import ed25519
from creditledger.record.entry import ENTRY_VERSION, Cosigner, Entry, check_signatures
from creditledger.rules.engine import check_author_chain
from creditledger.rules.governance_state import Governance
from creditledger.rules.rows import KeyHead

_CITATION = "source.cite/1"
_SUBJECT_ACTS = frozenset(name for name, kind in ACT_TYPES.items() if kind.is_subject_act)
_ORDINARY = _SUBJECT_ACTS | {_CITATION}
_type_of = itemgetter(0)
_DAY = 86_400_000_000
_NO_PIN = -1
_BLOCK = 16 * FIELDS


def audit_chunk(source: Records, plan: Plan, trust: Trust, start: int, stop: int, place: int) -> Summary:
    """Check records `start` ≤ seq < `stop`; `start` is a multiple of 256, and stands at `place` in an export file."""
    chunk = _Chunk(source, plan, trust, start)
    try:
        for data, notes in source.records(start, stop, place):
            chunk.take(data)
            for note in notes:
                chunk.spine.seal(note)
    except VerificationFailed as damage:
        chunk.findings.add(failure(damage, chunk.spine.seq if damage.seq is None else damage.seq))
        chunk.readable = min(chunk.readable, chunk.spine.seq)
    return chunk.finish(start)


class KeyView:
    """What `check_author_chain` looks at: the heads of keys. Pinned roots are compared in a pass of their own."""

    governance = Governance()

    def __init__(self, heads: dict[bytes, KeyHead]) -> None:
        self.heads = heads

    def subject_row(self, key: bytes) -> bytes | None:
        """Nothing: no rule asks here."""

    def past_entry(self, key: bytes, author_seq: int) -> bytes | None:
        """Nothing: no rule asks here."""

    def root_at(self, size: int) -> bytes | None:
        """Nothing: no rule asks here."""


class _Chunk:
    """The state of the pass over one range."""

    def __init__(self, source: Records, plan: Plan, trust: Trust, start: int) -> None:
        self.plan = plan
        self.findings = FindingLog()
        self.spine = Spine(source, start, trust, plan, self.findings)
        self.readable = 1 << 60
        self.acts = 0
        self.signatures = 0
        # For the sequential pass.
        self.classes: list[Any] = []
        self.openings: list[Any] = []
        self.first_pins: list[Any] = []
        self.entries: list[Any] = []
        self.marks: list[Any] = []
        self.current: dict[tuple[Any, ...], int] = {}
        self.day = ""
        self.day_begins = self.day_ends = 0
        self.heads: dict[bytes, tuple[int, bytes, int, int]] = {}
        self.past: list[tuple[bytes, int]] = []
        # For the passes that are divided among workers.
        self.authors = array("I")
        self.prefixes: dict[tuple[str, str], bytes] = {}
        self.blocks: list[list[bytes]] = [[] for _ in range(1 + len(plan.bounds))]
        self.partitions: list[list[Any]] = [[] for _ in self.blocks]
        self.pins: list[dict[tuple[int, bytes], int]] = [{} for _ in range(plan.spans)]

    def take(self, data: bytes) -> None:
        """Check the next record."""
        spine = self.spine
        if spine.seq in self.plan.marks:
            self.marks.append((spine.seq, self._heads()))
        spine.hash(data)
        try:
            _, number, recorded_at, prev, entry, signatures = read_record(data)
        except FormatError as error:
            self._cannot_read(error)
        else:
            spine.link(number, recorded_at, prev)
            raw = self._read(entry)
            if raw is not None:
                if spine.seq >= self.plan.verified:
                    self._check_signatures(entry, raw, signatures)
                if spine.seq < self.readable:
                    self._judge_later(recorded_at, entry, raw)
                else:
                    self._note_alone(recorded_at, entry, raw)
        spine.grow()

    def _read(self, entry: bytes) -> RawEntry | None:
        """The elements of an entry; None if it is malformed, or of a version of which nothing is known.

        An act of an unknown type leaves the rest of its entry as it is: signatures, expiry and so on are checked.
        """
        try:
            return restore(entry) if self.spine.seq < self.plan.verified else read_entry(entry)
        except FormatError as error:
            self._cannot_read(error)
            raw: Any = restore(entry) if isinstance(error, UnsupportedError) else (None,)
            return raw if raw[0] == ENTRY_VERSION else None

    def _cannot_read(self, error: FormatError) -> None:
        """From this record on nothing can be judged."""
        name = "LED-VERSION" if isinstance(error, UnsupportedError) else "LED-ENC"
        self.findings.add(finding(name, self.spine.seq, str(error)))
        self.readable = min(self.readable, self.spine.seq)

    def _note_alone(self, recorded_at: int, entry: bytes, raw: RawEntry) -> None:
        """Pass on what can be checked of an entry where what went before it cannot be judged."""
        seq, pinned = self.spine.seq, raw[8]
        if raw[7] < recorded_at or raw[1] != self.plan.ledger_id:
            self.entries.append((seq, recorded_at, self.spine.leaf, entry, False))
        if pinned is not None and self._can_have_seen(pinned[0], 0):
            self.pins[self.plan.span_of(pinned[0])].setdefault(pinned, seq)

    def _check_signatures(self, entry: bytes, raw: RawEntry, signatures: tuple[bytes, ...]) -> None:
        self.signatures += len(signatures)
        try:
            if len(signatures) == 1 and not raw[6]:
                ed25519.verify(raw[3][1:], entry, signatures[0])
            else:
                check_signatures(entry, _envelope(raw), signatures)
        except VerificationFailed as error:
            self.findings.add(failure(error, self.spine.seq))
        except FormatError as error:
            due, found = f"{1 + len(raw[6])} signatures", f"{len(signatures)}"
            self.findings.add(finding("LED-SIG", self.spine.seq, str(error), expected=due, found=found))

    def _judge_later(self, recorded_at: int, entry: bytes, raw: RawEntry) -> None:
        """Pass on what an entry says, having checked its place in its key's own chain."""
        _, ledger_id, authority, key, author_seq, author_prev, cosigners, not_after, pinned, acts = raw
        seq = self.spine.seq
        digest = sha256(entry).digest()
        governs = not _ORDINARY.issuperset(map(_type_of, acts))
        apart = governs or seq == 0 or not_after < recorded_at or ledger_id != self.plan.ledger_id
        if apart:
            self.entries.append((seq, recorded_at, self.spine.leaf, entry, governs))
        if governs:
            self.current.clear()
            self._note_past(acts)
        if not self.day_begins <= recorded_at < self.day_ends:
            self._turn_day(recorded_at)
        number = self.current.get((authority, key, cosigners))
        if number is None:
            number = self.current[authority, key, cosigners] = len(self.classes)
            self.classes.append((seq, recorded_at, self.day, authority, key, cosigners, apart))
        if governs:
            self.current.clear()
        head = self.heads.get(key)
        if head is None:
            head = (author_seq, author_prev, _NO_PIN, len(self.heads))
            self.openings.append((seq, key, author_seq, author_prev))
        elif author_seq != head[0] or author_prev != head[1]:
            self._check_chain(raw, KeyHead(head[0], head[1], 0))
        size = head[2]
        if pinned is not None:
            size = self._pin(raw, pinned, size)
        self.heads[key] = (author_seq + 1, digest, size, head[3])
        self.authors.append(head[3])
        self.acts += len(acts)
        self._divide(seq, number, author_seq, digest, acts)

    def _check_chain(self, raw: RawEntry, head: KeyHead) -> None:
        """Let the rules say whether an entry follows its key's last one and pins no smaller size than that."""
        try:
            check_author_chain(KeyView({raw[3]: head}), self.spine.seq, _envelope(raw)._replace(seen=None))
        except Refused as refused:
            self.findings.add(refusal(refused, self.spine.seq))
            self.readable = min(self.readable, self.spine.seq)

    def _pin(self, raw: RawEntry, pinned: tuple[int, bytes], last: int) -> int:
        """Take in a checkpoint that an entry pins; return the largest size that its key has pinned."""
        seq, size = self.spine.seq, pinned[0]
        if last == _NO_PIN:
            self.first_pins.append((seq, raw[3], size))
        if not self._can_have_seen(size, max(last, 0)):
            self.readable = min(self.readable, seq)
            return last
        self.pins[self.plan.span_of(size)].setdefault(pinned, seq)
        return size

    def _can_have_seen(self, size: int, last: int) -> bool:
        """Whether a pinned size lies between the key's last one and this record; if not, that is found."""
        seq = self.spine.seq
        if last <= size <= seq:
            return True
        message = "the entry pins a checkpoint that its author cannot have seen, or an older one than before"
        self.findings.add(finding("LED-SEEN", seq, message, expected=f"a size from {last} to {seq}", found=str(size)))
        return False

    def _turn_day(self, recorded_at: int) -> None:
        """A class is of one day: what is in force may change with it."""
        shift = offset_minutes(self.plan.utc_offset) * 60_000_000
        self.day = day_at(recorded_at, self.plan.utc_offset)
        self.day_begins = (recorded_at + shift) // _DAY * _DAY - shift
        self.day_ends = self.day_begins + _DAY
        self.current.clear()

    def _note_past(self, acts: tuple[Any, ...]) -> None:
        for raw in acts:
            act = restore_act(raw)
            if isinstance(act, catalogue.KeyRevoke):
                # The entry named, and the one after it: a rule may ask whether it was the last.
                last = -1 if act.stands_behind is None else act.stands_behind[0]
                self.past += [(act.key, number) for number in (last, last + 1) if number >= 0]
            elif isinstance(act, catalogue.EntryConfirm):
                self.past.append((act.key, act.entry[0]))

    def _divide(self, seq: int, number: int, author_seq: int, digest: bytes, acts: tuple[Any, ...]) -> None:
        """Put each act about a subject into the subject's partition, with citations of sources that it may refer to."""
        bounds, partitions, prefixes = self.plan.bounds, self.partitions, self.prefixes
        citations: list[tuple[int, Any]] = []
        cited: dict[int, int] = {}
        for index, act in enumerate(acts):
            if act[0] in _SUBJECT_ACTS:
                scheme, value = act[2]
                prefix = prefixes.get((act[1], scheme))
                if prefix is None:
                    prefix = prefixes[act[1], scheme] = subject_key(act[1], (scheme, b""))
                key = prefix + (value if type(value) is bytes else value.encode())
                place = bisect_right(bounds, key)
                partition = partitions[place]
                if citations:
                    for at, citation in citations[cited.get(place, 0) :]:
                        partition += (seq, at, number, author_seq, digest, CITED, citation)
                    cited[place] = len(citations)
                partition += (seq, index, number, author_seq, digest, key, act)
                # Packed while they are still in the processor's cache, and much smaller from then on.
                if len(partition) >= _BLOCK:
                    self.blocks[place].append(spool.pack(partition))
                    partition.clear()
            elif act[0] == _CITATION:
                citations.append((index, act))
                partitions[0] += (seq, index, number, author_seq, digest, CITE, act)

    def _heads(self) -> tuple[tuple[bytes, int, bytes, int], ...]:
        return tuple([(key, *head[:3]) for key, head in self.heads.items()])

    def finish(self, start: int) -> Summary:
        """Write the temporary file and return the summary."""
        spine = self.spine
        header = (self.classes, self.openings, self.first_pins, self.entries, self._heads(), self.marks)
        sections = [spool.pack(header)]
        sections.append(spool.pack((tuple(self.heads), self.authors.tobytes())))
        for blocks, partition in zip(self.blocks, self.partitions, strict=True):
            if partition:
                blocks.append(spool.pack(partition))
            sections.append(spool.pack(blocks))
        sections += (spool.pack([(*pinned, seq) for pinned, seq in pins.items()]) for pins in self.pins)
        spool.write(self.plan.file(start), sections)
        return Summary(
            start=start,
            stop=spine.seq,
            first_prev=spine.first_prev,
            last_leaf=spine.leaf,
            first_at=spine.first_at,
            last_at=spine.last_at,
            tiles=bytes(spine.tiles),
            tail=spine.tail(),
            sealed=tuple(spine.sealed),
            note=spine.note,
            sufficing=spine.sufficing,
            latest=spine.latest,
            cosignatures=spine.cosignatures,
            post_quantum=spine.post_quantum,
            readable=min(self.readable, spine.seq),
            broken=tuple(spine.broken),
            findings=tuple(self.findings.told),
            untold=dict(self.findings.untold),
            acts=self.acts,
            signatures=self.signatures,
            past=tuple(self.past),
            spans=tuple(span for span, pins in enumerate(self.pins) if pins),
        )


def _envelope(raw: RawEntry) -> Entry:
    """The entry without its acts."""
    _, ledger_id, authority, key, author_seq, author_prev, cosigners, not_after, seen, _ = raw
    return Entry(
        ledger_id, authority, key, author_seq, author_prev, tuple(map(Cosigner._make, cosigners)), not_after, seen, ()
    )
