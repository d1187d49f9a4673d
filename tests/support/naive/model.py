"""The naive model: its state, its calendar, and what it demands of an entry as a whole."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from creditledger.acts.catalogue import KeyAdd, LedgerCreate
from creditledger.record.entry import CheckedEntry, Entry

Rule = tuple[Callable[["Model", "Context", Any], Iterator[str]], Callable[["Model", "Context", Any], None]]
"""What the model knows of one type of act: the rules that an act breaks, and what it changes when it breaks none."""


class Verdict(NamedTuple):
    """What the model says of an entry: the rules broken (none: accepted) and by which act (None: the entry itself)."""

    rules: frozenset[str]
    act: int | None


class Context(NamedTuple):
    """What an act's entry tells about it."""

    seq: int
    day: str
    leaf: bytes
    digest: bytes
    authority: str
    key: bytes
    author_seq: int
    role: str
    cosigners: tuple[tuple[str, str, bytes], ...]
    acts: tuple[Any, ...]
    place: int


ZERO = bytes(32)
UNSUPPORTED = "unsupported"
"""What stands in a verdict for a rule set that nobody here has; an act that breaks a rule besides is refused."""
TABLES = ("authority", "confirmed", "ground", "key", "law", "list", "mandate", "measure")


class Model:
    """The state as dicts: `state[table][identifier]` holds the row's fields; subjects go by (list, scheme, value)."""

    def __init__(self, acts: dict[str, Rule], rule_sets: dict[str, bytes], unsound_keys: frozenset[bytes]) -> None:
        self.acts = acts
        self.rule_sets = rule_sets
        self.unsound_keys = unsound_keys
        self.state: dict[str, dict[Any, Any]] = {name: {} for name in (*TABLES, "head", "subject")}
        self.ledger: dict[str, Any] | None = None
        self.entries: dict[tuple[bytes, int], bytes] = {}
        self.current: dict[tuple[bytes, int], bytes] = {}
        self.records: list[bytes] = []

    def copy(self) -> Model:
        """An independent model in the same state."""
        other = Model(self.acts, self.rule_sets, self.unsound_keys)
        other.state, other.ledger, other.entries = copy.deepcopy((self.state, self.ledger, self.entries))
        other.records = list(self.records)
        return other

    def submit(self, seq: int, recorded_at: int, leaf: bytes, roots: list[bytes], checked: CheckedEntry) -> Verdict:
        """Judges an entry as record `seq`, over a tree with these roots by size; applies it if no rule is broken."""
        entry = checked.entry
        broken = frozenset(self._entry(seq, recorded_at, roots, entry))
        if broken:
            return Verdict(broken, None)
        day = self._day(recorded_at, entry)
        cosigners = tuple((who, self._role(key), key) for who, key in entry.cosigners)
        before = copy.deepcopy((self.state, self.ledger)) if len(entry.acts) > 1 else None
        self.current = {(entry.key, entry.author_seq): checked.digest}
        for index, act in enumerate(entry.acts):
            context = Context(
                seq, day, leaf, checked.digest, entry.authority, entry.key, entry.author_seq,
                self._role_at_start(before, entry), cosigners, entry.acts, index,
            )  # fmt: skip
            judge, apply = self.acts[type(act).__name__]
            broken = frozenset(judge(self, context, act))
            broken = broken - {UNSUPPORTED} or broken
            if broken:
                if before is not None:
                    self.state, self.ledger = before
                return Verdict(broken, index)
            apply(self, context, act)
        self._advance(checked, leaf)
        return Verdict(frozenset(), None)

    # -- the entry as a whole -------------------------------------------------------------------------------------

    def _entry(self, seq: int, recorded_at: int, roots: list[bytes], entry: Entry) -> Iterator[str]:
        head = self.state["head"].get(entry.key, {"next_seq": 0, "prev": ZERO, "seen_size": 0})
        if (entry.author_seq, entry.author_prev) != (head["next_seq"], head["prev"]):
            yield "R-ENTRY-CHAIN"
        if entry.seen is not None:
            size, root = entry.seen
            if size > seq or roots[size] != root or size < head["seen_size"]:
                yield "R-ENTRY-SEEN"
        if recorded_at > entry.not_after:
            yield "R-ENTRY-EXPIRED"
        if self.ledger is None:
            if seq != 0 or not isinstance(entry.acts[0], LedgerCreate) or entry.ledger_id != ZERO:
                yield "R-GENESIS"
            return
        if entry.ledger_id != self.ledger["ledger_id"]:
            yield "R-ENTRY-LEDGER"
        day = self._day(recorded_at, entry)
        if not self._may_sign(entry.authority, entry.key, seq, day):
            yield "R-ENTRY-KEY"
            if self.is_closed(entry.authority, day):
                yield "R-AUTHORITY-CLOSED"
        added = {(act.authority, act.key) for act in entry.acts if isinstance(act, KeyAdd) and act.role != "log"}
        for authority, key in entry.cosigners:
            if key not in self.state["key"] and (authority, key) in added:
                continue
            if not self._may_sign(authority, key, seq, day):
                yield "R-ENTRY-COSIGNER"
                if self.is_closed(authority, day):
                    yield "R-AUTHORITY-CLOSED"

    def _may_sign(self, authority: str, key: bytes, seq: int, day: str) -> bool:
        row = self.state["key"].get(key)
        return (
            row is not None
            and row["authority"] == authority
            and row["role"] != "log"
            and row["added"] < seq
            and row["revoked"] is None
            and not (row["until"] is not None and day >= row["until"])
            and not self.is_closed(authority, day)
        )

    def _role(self, key: bytes) -> str:
        if self.ledger is None:
            return "root"
        return str(self.state["key"][key]["role"]) if key in self.state["key"] else "added"

    def _role_at_start(self, before: Any, entry: Entry) -> str:
        """The author's role before the entry: no act of the entry changes what its signatures are worth."""
        state, ledger = (self.state, self.ledger) if before is None else before
        return "root" if ledger is None else str(state["key"][entry.key]["role"])

    def _advance(self, checked: CheckedEntry, leaf: bytes) -> None:
        entry = checked.entry
        head = self.state["head"].get(entry.key, {"seen_size": 0})
        for act in entry.acts:
            if isinstance(act, KeyAdd) and act.role != "log":
                self.state["head"][act.key] = {"next_seq": 0, "prev": leaf, "seen_size": 0}
            if isinstance(act, LedgerCreate):
                for key in act.root_keys:
                    self.state["head"][key] = {"next_seq": 0, "prev": leaf, "seen_size": 0}
        self.state["head"][entry.key] = {
            "next_seq": entry.author_seq + 1,
            "prev": checked.digest,
            "seen_size": head["seen_size"] if entry.seen is None else entry.seen[0],
        }
        self.entries[entry.key, entry.author_seq] = checked.digest
        self.records.append(checked.digest)

    # -- the calendar ---------------------------------------------------------------------------------------------

    def _day(self, recorded_at: int, entry: Entry) -> str:
        first = entry.acts[0]
        offset = first.utc_offset if isinstance(first, LedgerCreate) and self.ledger is None else self.utc_offset()
        sign = -1 if offset[0] == "-" else 1
        civil = timedelta(hours=int(offset[1:3]), minutes=int(offset[4:6])) * sign
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=recorded_at) + civil
        return moment.date().isoformat()

    def utc_offset(self) -> str:
        assert self.ledger is not None
        return str(self.ledger["utc_offset"])

    # -- questions that many rules ask ----------------------------------------------------------------------------

    def is_closed(self, authority: str, day: str) -> bool:
        row = self.state["authority"].get(authority)
        return row is not None and row["closed"] is not None and row["closed"] <= day

    def above(self, authority: str) -> list[str]:
        """The authority's parent, and everything above that."""
        row = self.state["authority"].get(authority)
        if row is None or row["parent"] is None:
            return []
        return [row["parent"], *self.above(row["parent"])]

    def heirs(self, authority: str, day: str) -> list[str]:
        """Those to whom the authority's business has passed by the day, one after the other."""
        passed: list[str] = []
        while self.is_closed(authority, day):
            successor: str | None = self.state["authority"][authority]["successor"]
            if successor is None:
                break
            passed.append(successor)
            authority = successor
        return passed

    def today(self, authority: str, day: str) -> str:
        """Who is the authority on the day: itself, or its last heir."""
        return [authority, *self.heirs(authority, day)][-1]

    def answered_for(self) -> set[bytes]:
        """The hashes of the entries that are answered for, found by adding until nothing more can be added.

        What is answered for in a circle only is never reached from outside, so it is never added.
        """
        answered: set[bytes] = set()
        grows = True
        while grows:
            known = len(answered)
            for (key, author_seq), digest in {**self.entries, **self.current}.items():
                row = self.state["key"][key]
                stands = row["stands"] is None or author_seq < row["stands"]
                vouched = row["by"] is None or row["by"][2] in answered
                confirmed = self.state["confirmed"].get(digest, {}).get("entry") in answered
                if (stands and vouched) or confirmed:
                    answered.add(digest)
            grows = len(answered) > known
        return answered

    def related(self, one: str, other: str) -> bool:
        return one == other or one in self.above(other) or other in self.above(one)

    def law_holds(self, law: str, day: str) -> bool:
        row = self.state["law"].get(law)
        return row is not None and covers(row["effective"], row["until"], day)

    def mandates(self, authority: str, list_id: str | None, action: str, day: str) -> list[dict[str, Any]]:
        """The mandates of an authority that hold on a day."""
        if authority not in self.state["authority"] or self.is_closed(authority, day):
            return []
        return [
            row
            for row in self.state["mandate"].values()
            if row["authority"] == authority and row["list"] == list_id and action in row["actions"]
            if covers(row["effective"], row["until"], day) and self.law_holds(row["law"], day)
            if row["revoked"] is None or day < row["revoked"]
        ]  # fmt: skip

    def open_bodies(self, day: str, *bodies: str | None) -> Iterator[str]:
        """The rules that naming these bodies breaks, because one is unknown or closed."""
        for body in bodies:
            if body is not None and body not in self.state["authority"]:
                yield "R-UNKNOWN"
            elif body is not None and self.is_closed(body, day):
                yield "R-AUTHORITY-CLOSED"


def covers(begin: str, end: str | None, day: str) -> bool:
    """Whether a half-open interval holds a day."""
    return date.fromisoformat(begin) <= date.fromisoformat(day) and (
        end is None or date.fromisoformat(day) < date.fromisoformat(end)
    )


def months_later(day: str, months: int) -> str:
    """The day so many months later, or the last day of that month; the end of the calendar if it lies beyond."""
    begin = date.fromisoformat(day)
    year, month = begin.year, begin.month
    for _ in range(months):
        month += 1
        if month == 13:
            year, month = year + 1, 1
    if year > 9999:
        return "9999-12-31"
    for number in range(begin.day, 0, -1):
        try:
            return date(year, month, number).isoformat()
        except ValueError:
            continue
    raise AssertionError("every month has a first day")
