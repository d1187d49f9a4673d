"""The sequential pass: governance, keys and author chains, replayed by the rules' own functions, in order.

Entries that change nothing but subjects' rows come here only as classes and openings (see `passes.Header`): what the
rules say of an entry as a whole depends on its signers, the day and governance, and is the same for all of a class.
Entries that change governance are judged one by one. What they change is passed on as rows, so that every partition of
the subjects can be replayed under the governance of its time without judging it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from creditledger.acts.catalogue import KeyAdd, LedgerCreate, SourceCite
from creditledger.acts.registry import type_of
from creditledger.audit.chunk import KeyView
from creditledger.audit.findings import Finding, finding, refusal
from creditledger.audit.passes import Header
from creditledger.codec.own import encode, restore
from creditledger.errors import FormatError, Refused, UnsupportedError
from creditledger.ledger.log import seq_key
from creditledger.record.entry import CheckedEntry, Cosigner, Entry, entry_hash, restore_entry
from creditledger.rules.engine import apply_governance, check_author_chain, entry_context, next_heads
from creditledger.rules.governance_state import Governance
from creditledger.rules.rows import KeyHead

Change = tuple[int, int, str, bytes, bytes]
"""What an act changes in governance: record, act, table, key, row."""

Expected = dict[str, list[tuple[bytes, bytes]]]
"""Derived rows by table, in key order, as of one size of the log."""

_MARK, _CLASS, _OPENING, _PIN, _ENTRY = range(5)


def check_unjudged(header: Header, start: int, ledger_id: bytes) -> list[Finding]:
    """What entries from record `start` on say of ledger and expiry: it holds or not, whatever went before."""
    found = []
    for seq, recorded_at, _, data, _ in header.entries:
        entry = restore(data)
        if seq >= start and seq > 0:
            if entry[1] != ledger_id:
                message = "the entry is for another ledger"
                found.append(finding("LED-LEDGER", seq, message, expected=ledger_id, found=entry[1]))
            if entry[7] < recorded_at:
                message, due = "the entry was recorded after its not_after", f"{entry[7]} µs or earlier"
                found.append(finding("LED-TIME", seq, message, expected=due, found=f"{recorded_at} µs"))
    return found


class Judge:
    """Governance and the keys' heads, as of the last range that was taken.

    Attributes:
        governance, heads: the state so far.
        changes: what changed governance, in order.
        stopped: the record at which judging ended because something was found, or None.
        found: what was found there.
        expected: derived rows as of each size that was asked for.
        keyno: the keys, numbered in the order of their registration.
    """

    def __init__(self, past: Mapping[tuple[bytes, int], tuple[int, bytes]], limit: int) -> None:
        """Judge the records before `limit`. `past` tells record and hash of the entries that acts name."""
        self._past = past
        self._limit = limit
        self._seq = 0
        self.governance = Governance()
        self.heads: dict[bytes, KeyHead] = {}
        self.changes: list[Change] = []
        self.stopped: int | None = None
        self.found: Finding | None = None
        self.expected: dict[int, Expected] = {}
        self.keyno: dict[bytes, int] = {}
        self.governed: list[int] = []

    def take(self, header: Header) -> None:
        """Judge the next range, up to the first thing found."""
        events: list[tuple[int, int, Any]] = [(one[0], _MARK, one[1]) for one in header.marks]
        events += [(one[0], _CLASS, one) for one in header.classes if not one[6]]
        events += [(one[0], _OPENING, one) for one in header.openings]
        events += [(one[0], _PIN, one) for one in header.pins]
        events += [(one[0], _ENTRY, one) for one in header.entries]
        events.sort(key=lambda event: event[:2])
        for seq, kind, event in events:
            if self.stopped is not None or seq >= self._limit + (kind == _MARK):
                return
            self._seq = seq
            try:
                self._judge(kind, event)
            except Refused as refused:
                self._stop(refusal(refused, seq, refused.act_index))
            except UnsupportedError as error:
                self._stop(finding("LED-VERSION", seq, str(error)))
            except FormatError as error:
                self._stop(finding("LED-RULE", seq, f"a recorded act cannot be applied: {error}"))
        self._end(header.heads)

    def _stop(self, found: Finding) -> None:
        self.found, self.stopped = found, self._seq

    def _judge(self, kind: int, event: Any) -> None:
        if kind == _MARK:
            self.mark(self._seq, event)
        elif kind == _CLASS:
            seq, recorded_at, _, authority, key, cosigners, _ = event
            ledger = self.governance.ledger
            ledger_id = ledger.ledger_id if ledger is not None else b""
            signers = tuple(map(Cosigner._make, cosigners))
            entry = Entry(ledger_id, authority, key, 0, b"", signers, recorded_at, None, ())
            entry_context(self.governance, seq, recorded_at, CheckedEntry(b"", b"", entry, ()))
        elif kind == _OPENING:
            seq, key, author_seq, author_prev = event
            entry = Entry(b"", "", key, author_seq, author_prev, (), 0, None, ())
            check_author_chain(KeyView(self.heads), seq, entry)
        elif kind == _PIN:
            self._check_pin(*event)
        else:
            self._check_entry(*event)

    def _check_pin(self, seq: int, key: bytes, size: int) -> None:
        """A key pins no smaller size than before; within a range this was looked at there."""
        last = self.heads[key].seen_size if key in self.heads else 0
        if size < last:
            message = "R-ENTRY-SEEN: the entry pins an older checkpoint than its key did before"
            self._stop(finding("LED-SEEN", seq, message, expected=f"a size from {last} on", found=str(size)))

    def _check_entry(self, seq: int, recorded_at: int, leaf: bytes, data: bytes, governs: bool) -> None:
        entry = restore_entry(data)
        checked = CheckedEntry(data, entry_hash(data), entry, ())
        context = entry_context(self.governance, seq, recorded_at, checked)
        for context.index, act in enumerate(entry.acts):
            if type_of(act).is_subject_act or isinstance(act, SourceCite):
                continue
            try:
                apply_governance(self.governance, context, act, self._past_entry, leaf)  # type: ignore[arg-type]  # the other half of Act
            except UnsupportedError:
                # What only root may do was otherwise lawful, so that the acts of others before it were not.
                for index, other in enumerate(entry.acts[: context.index]):
                    if type_of(other).is_subject_act or isinstance(other, SourceCite):
                        conflict = "an entry that root keys sign holds an act that they may not do"
                        raise Refused("R-ROLE", conflict, "an act key", index) from None
                raise
            except Refused as refused:
                raise Refused(refused.rule, refused.conflict, refused.remedy, context.index) from None
            self._pass_on(seq, context.index)
            self._number_keys(act)
        if governs:
            self.governed.append(seq)
        for key, head in next_heads(self.heads, checked, leaf).items():
            if key != entry.key:
                self.heads[key] = head

    def _pass_on(self, seq: int, index: int) -> None:
        """Note the rows that an act has changed."""
        governance = self.governance
        for table, key in sorted(governance.dirty, key=repr):
            self.changes.append((seq, index, table, *governance.row_bytes(table, key)))
        governance.dirty.clear()

    def _number_keys(self, act: Any) -> None:
        if isinstance(act, LedgerCreate):
            for key in (*act.log_keys, *act.root_keys):
                self.keyno.setdefault(key, len(self.keyno))
        elif isinstance(act, KeyAdd):
            self.keyno.setdefault(act.key, len(self.keyno))

    def _past_entry(self, key: bytes, author_seq: int) -> bytes | None:
        """The hash of the entry that a key made before the record being judged, or None."""
        seq, digest = self._past.get((key, author_seq), (self._seq, b""))
        return digest if seq < self._seq else None

    def mark(self, size: int, heads: tuple[tuple[bytes, int, bytes, int], ...]) -> None:
        """Note the derived rows as of the first `size` records; `heads` are those changed in the range so far."""
        current = dict(self.heads)
        current.update(self._new_heads(heads))
        rows: Expected = {"head": sorted((key, encode(head)) for key, head in current.items())}
        for table, key, row in self.governance.rows():
            rows.setdefault(table, []).append((key, row))
        rows["keyno"] = sorted((key, number.to_bytes(4, "big")) for key, number in self.keyno.items())
        rows["governed"] = [(seq_key(seq), b"") for seq in self.governed]
        self.expected[size] = rows

    def _end(self, heads: tuple[tuple[bytes, int, bytes, int], ...]) -> None:
        self.heads.update(self._new_heads(heads))

    def _new_heads(self, heads: tuple[tuple[bytes, int, bytes, int], ...]) -> dict[bytes, KeyHead]:
        new = {}
        for key, next_seq, prev, pinned in heads:
            last = self.heads[key].seen_size if key in self.heads else 0
            new[key] = KeyHead(next_seq, prev, max(pinned, last))
        return new
