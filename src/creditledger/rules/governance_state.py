"""Governance: who may do what, on which basis, as of one point of the log.

A few thousand rows at most, kept in memory. An entry that changes governance works on a copy, so that a refusal
half-way leaves nothing behind. Answers that depend on governance and the day alone are remembered until governance
changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from creditledger.acts.catalogue import GroundRegister, LawRegister, ListDefine, MandateGrant, MeasureRegister
from creditledger.acts.kinds import Subject
from creditledger.acts.registry import ACT_TYPES
from creditledger.codec.own import encode, restore
from creditledger.rules.rows import ROOT, AuthorityRow, Confirmation, KeyRow, LedgerRow, ListRow, MandateRow

LEDGER_KEY = b"ledger"
"""The key of the one row of table `ledger`; a store has no empty keys."""
_CACHE_LIMIT = 20_000
GOVERNANCE_TABLES = ("authority", "confirmed", "ground", "key", "law", "ledger", "list", "mandate", "measure")


class Governance:
    """The governance rows by table, with what can be derived from them."""

    def __init__(self) -> None:
        self.ledger: LedgerRow | None = None
        self.authorities: dict[str, AuthorityRow] = {}
        self.keys: dict[bytes, KeyRow] = {}
        self.mandates: dict[str, MandateRow] = {}
        self.laws: dict[str, LawRegister] = {}
        self.grounds: dict[str, GroundRegister] = {}
        self.measures: dict[str, MeasureRegister] = {}
        self.lists: dict[str, ListRow] = {}
        self.confirmed: dict[bytes, Confirmation] = {}
        self.dirty: set[tuple[str, str | bytes]] = set()
        self._mandates_of: dict[str, list[str]] = {}
        self._cache: dict[Any, Any] = {}

    def copy(self) -> Governance:
        """An independent copy; the rows themselves are immutable and shared."""
        other = Governance()
        other.ledger = self.ledger
        other.authorities = dict(self.authorities)
        other.keys = dict(self.keys)
        other.mandates = dict(self.mandates)
        other.laws = dict(self.laws)
        other.grounds = dict(self.grounds)
        other.measures = dict(self.measures)
        other.lists = dict(self.lists)
        other.confirmed = dict(self.confirmed)
        other.dirty = set(self.dirty)
        other._mandates_of = {authority: list(ids) for authority, ids in self._mandates_of.items()}
        return other

    # -- rows in and out ------------------------------------------------------------------------------------------

    def set_row(self, table: str, key: str | bytes, row: Any) -> None:
        """Puts one row, marks it for the store, and forgets remembered answers."""
        if table == "ledger":
            self.ledger = row
        else:
            self._table(table)[key] = row
        if table == "mandate":
            ids = self._mandates_of.setdefault(row.grant.authority, [])
            if key not in ids:
                ids.append(str(key))
        self.dirty.add((table, key))
        self._cache.clear()

    def rows(self) -> Iterator[tuple[str, bytes, bytes]]:
        """Every row as (table, key, canonical bytes), in order of table and key."""
        for table in GOVERNANCE_TABLES:
            if table == "ledger":
                if self.ledger is not None:
                    yield table, LEDGER_KEY, encode(self.ledger)
                continue
            for key, row in sorted(self._table(table).items()):
                yield table, _key_bytes(key), encode(row)

    def row_bytes(self, table: str, key: str | bytes) -> tuple[bytes, bytes]:
        """The key and canonical bytes of one row."""
        if table == "ledger":
            return LEDGER_KEY, encode(self.ledger)
        return _key_bytes(key), encode(self._table(table)[key])

    def load_row(self, table: str, key: bytes, data: bytes) -> None:
        """Puts back one row that `rows` or `row_bytes` gave out."""
        raw = restore(data)
        row: Any = raw
        name: str | bytes = key if table in ("key", "confirmed") else key.decode()
        if table == "ledger":
            row = LedgerRow._make(raw)
        elif table == "authority":
            row = AuthorityRow._make(raw)
            if row.identity is not None:
                row = row._replace(identity=Subject._make(row.identity))
        elif table == "key":
            row = KeyRow._make(raw)
        elif table == "mandate":
            row = MandateRow(MandateGrant._make(raw[0]), *raw[1:])
        elif table == "list":
            row = ListRow(ListDefine._make(raw[0]), *raw[1:])
        elif table == "confirmed":
            row = Confirmation._make(raw)
        elif table in ("law", "ground", "measure"):
            row = ACT_TYPES[f"{table}.register/1"].cls._make(raw)
        self.set_row(table, name, row)
        self.dirty.clear()

    def _table(self, name: str) -> dict[Any, Any]:
        tables: dict[str, dict[Any, Any]] = {
            "authority": self.authorities,
            "confirmed": self.confirmed,
            "ground": self.grounds,
            "key": self.keys,
            "law": self.laws,
            "list": self.lists,
            "mandate": self.mandates,
            "measure": self.measures,
        }
        return tables[name]

    # -- what follows from the rows -------------------------------------------------------------------------------

    def remember(self, key: Any, value: Any) -> None:
        """Remembers an answer that depends on governance alone, until governance changes."""
        if len(self._cache) >= _CACHE_LIMIT:
            self._cache.clear()
        self._cache[key] = value

    def recall(self, key: Any) -> Any:
        """What was remembered under the key, or None."""
        return self._cache.get(key)

    def law_in_force(self, law: str, day: str) -> bool:
        """Whether the law is registered and in force on the day."""
        row = self.laws.get(law)
        return row is not None and row.effective <= day and (row.until is None or day < row.until)

    def authority_open(self, authority: str, day: str) -> bool:
        """Whether the authority is registered and not closed on the day."""
        row = self.authorities.get(authority)
        return row is not None and (row.closed is None or day < row.closed)

    def ancestors(self, authority: str) -> list[str]:
        """The authority's parent, its parent's parent, and so on."""
        found: list[str] = []
        row = self.authorities.get(authority)
        while row is not None and row.parent is not None:
            found.append(row.parent)
            row = self.authorities.get(row.parent)
        return found

    def line(self, authority: str) -> list[str]:
        """The authority, its successor on record, whatever the day, that one's, and so on."""
        found: list[str] = []
        following: str | None = authority
        while following is not None and following not in found:
            found.append(following)
            row = self.authorities.get(following)
            following = row.successor if row is not None else None
        return found

    def heirs(self, authority: str, day: str) -> list[str]:
        """The authority's successor, if it is closed on the day, the successor's own, and so on."""
        found: list[str] = []
        for body in self.line(authority):
            row = self.authorities.get(body)
            if row is None or row.closed is None or row.closed > day or row.successor is None:
                break
            found.append(row.successor)
        return found

    def present_body(self, authority: str, day: str) -> str:
        """Who is the authority on the day: itself, or the last of its successors."""
        return [authority, *self.heirs(authority, day)][-1]

    def in_charge_of(self, authority: str, day: str) -> frozenset[str]:
        """Who may change what the authority did: itself, the bodies above it, its successors and those above them."""
        question = ("in charge", authority, day)
        found: frozenset[str] | None = self.recall(question)
        if found is None:
            bodies = [authority, *self.heirs(authority, day)]
            found = frozenset((*bodies, *(above for body in bodies for above in self.ancestors(body))))
            self.remember(question, found)
        return found

    def mandates_of(self, authority: str) -> list[MandateRow]:
        """Every mandate the authority was ever granted."""
        return [self.mandates[mandate] for mandate in self._mandates_of.get(authority, ())]

    def mandates_in_force(self, authority: str, list_id: str | None, action: str, day: str) -> list[MandateRow]:
        """The authority's mandates for an action on a list (None: the catalogue) that are in force on the day.

        A mandate lapses with its law, and with the authority.
        """
        if not self.authority_open(authority, day):
            return []
        return [
            row
            for row in self.mandates_of(authority)
            if row.grant.list == list_id
            and action in row.grant.actions
            and row.grant.effective <= day
            and (row.grant.until is None or day < row.grant.until)
            and (row.revoked is None or day < row.revoked)
            and self.law_in_force(row.grant.law, day)
        ]

    def key_in_force(self, key: bytes, seq: int, day: str) -> bool:
        """Whether the key may sign an entry recorded at `seq` on the day: added before, not ended, not revoked."""
        row = self.keys.get(key)
        return (
            row is not None
            and row.added < seq
            and (row.until is None or day < row.until)
            and row.revoked is None
            and (row.authority == ROOT or self.authority_open(row.authority, day))
        )

    @property
    def has_disowned_entries(self) -> bool:
        """Whether any key was revoked as compromised, so that entries of it, or of keys it added, may be tainted."""
        found: bool | None = self.recall("disowned")
        if found is None:
            found = any(row.stands is not None for row in self.keys.values())
            self.remember("disowned", found)
        return found

    def is_tainted(self, key: bytes, author_seq: int, entry: bytes) -> bool:
        """Whether nobody answers for this entry of the key (`author_seq`, entry hash).

        The authority answers for what it stands behind, if the key was itself added by an entry that is answered for;
        and for what was confirmed by an entry that is answered for. A circle of entries that answer for each other only
        is tainted: what counts is a way from the entry to a key of record 0.
        """
        if not self.has_disowned_entries:
            return False
        ahead = [(key, author_seq, entry)]
        seen = {entry}
        while ahead:
            key, author_seq, entry = ahead.pop()
            steps: list[tuple[bytes, int, bytes]] = []
            row = self.keys.get(key)
            if row is None or row.stands is None or author_seq < row.stands:
                if row is None or row.by is None:
                    return False
                steps.append(row.by)
            confirmation = self.confirmed.get(entry)
            if confirmation is not None:
                steps.append((confirmation.key, confirmation.author_seq, confirmation.entry))
            ahead += [step for step in steps if step[2] not in seen]
            seen.update(step[2] for step in steps)
        return True


def _key_bytes(key: str | bytes) -> bytes:
    return key if isinstance(key, bytes) else key.encode()
