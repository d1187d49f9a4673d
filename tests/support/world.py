"""A small ledger in memory, for tests: deterministic keys, a clock that the test sets, acts appended by name.

    world = courts()                                     # laws, bodies, mandates, lists: see support/courts.py
    receipt = world.append("district", listing_add())    # one entry by the act key of `district`
    world.day = "2026-04-01"
    world.append("district", listing_remove(listing=receipt.ref(0)), cosigners=["high"])
    row = world.row("defaulters", FIRM)                  # the subject's row as it stands

A key is named by a *label*: `district` is the act key of the authority district, `district:admin` its admin key,
`district:act:2` another act key, `root:0`, `root:1`, ... the root keys, `root:log` a log key. Keys follow from the
label alone, so that any label can be used at any time. As an author, `root` means as many root keys as the threshold
demands.

`build` makes an entry (any element can be overridden, to forge), `seal` encodes and signs it, `submit` judges it and
keeps what it changes. `append` does the three in a row. With `signing=False` nothing is signed or verified: the
engine takes a `CheckedEntry`, and property tests need thousands. `fork` copies a world, so that one can be founded once
and used in many tests.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from creditledger.acts.catalogue import Act, KeyAdd, LedgerCreate
from creditledger.acts.content import subject_key
from creditledger.acts.kinds import ActRef, Subject
from creditledger.codec.canonical import encode
from creditledger.keys.ed25519 import SigningKey
from creditledger.record.entry import (
    ZERO_HASH,
    CheckedEntry,
    Cosigner,
    Entry,
    check_entry,
    encode_entry,
    entry_hash,
)
from creditledger.record.record import Record, encode_record
from creditledger.rules import engine
from creditledger.rules.governance_state import Governance
from creditledger.rules.rows import KeyHead, Listing, SubjectRow
from creditledger.tlog.tree import EMPTY_ROOT, Frontier, leaf_hash

DAY = "2026-03-02"
"""The civil day on which the worlds of the tests begin."""

UTC_OFFSET = "+08:00"
ROOT_KEYS = ("root:0", "root:1", "root:2")
THRESHOLD = 2
HOUR = 3_600_000_000
NO_SIGNATURE = bytes(64)


_SECRETS: dict[bytes, SigningKey] = {}
"""The private keys behind all public keys that were asked for."""


@lru_cache(maxsize=1024)
def signing_key(label: str) -> SigningKey:
    """The private key of a label, the same in every run."""
    return SigningKey(hashlib.sha256(b"key of " + label.encode()).digest())


def public_key(label: str) -> bytes:
    """The 33-byte public key of a label."""
    secret = signing_key(label)
    key = b"\x01" + secret.public_key
    _SECRETS[key] = secret
    return key


def authority_of(label: str) -> str:
    """The authority that a label's key belongs to."""
    return label.partition(":")[0]


def days_after(day: str, days: int) -> str:
    """The civil day so many days after (or, if negative, before) a day."""
    return (date.fromisoformat(day) + timedelta(days)).isoformat()


def noon(day: str) -> int:
    """Twelve o'clock of a civil day at the ledger's offset, in microseconds since the Unix epoch."""
    moment = datetime.fromisoformat(f"{day}T12:00:00{UTC_OFFSET}") - datetime(1970, 1, 1, tzinfo=UTC)
    return moment // timedelta(microseconds=1)


class Receipt(NamedTuple):
    """What an appended entry became: its record's number and leaf hash, its own hash, when it was recorded."""

    seq: int
    leaf: bytes
    digest: bytes
    recorded_at: int

    def ref(self, act: int = 0) -> ActRef:
        """How other entries refer to an act of this one."""
        return ActRef(self.digest, act)


class MemoryView:
    """The state that the engine looks at (`creditledger.rules.engine.View`), over dicts."""

    def __init__(self) -> None:
        self.governance = Governance()
        self.heads: dict[bytes, KeyHead] = {}
        self.rows: dict[bytes, bytes] = {}
        self.entries: dict[tuple[bytes, int], bytes] = {}
        self.roots: list[bytes] = [EMPTY_ROOT]
        self.frontier = Frontier()

    def subject_row(self, key: bytes) -> bytes | None:
        return self.rows.get(key)

    def past_entry(self, key: bytes, author_seq: int) -> bytes | None:
        return self.entries.get((key, author_seq))

    def root_at(self, size: int) -> bytes | None:
        return self.roots[size] if size < len(self.roots) else None

    def keep(self, changes: engine.Changes, checked: CheckedEntry, leaf: bytes) -> None:
        """Enters what an accepted entry changes, and its leaf into the tree."""
        if changes.governance is not None:
            self.governance = changes.governance
        self.heads.update(changes.heads)
        self.rows.update(changes.rows)
        self.entries[checked.entry.key, checked.entry.author_seq] = checked.digest
        self.frontier.push(leaf)
        self.roots.append(self.frontier.root())

    def fork(self) -> MemoryView:
        other = MemoryView()
        other.governance = self.governance.copy()
        other.heads = dict(self.heads)
        other.rows = dict(self.rows)
        other.entries = dict(self.entries)
        other.roots = list(self.roots)
        other.frontier = self.frontier.copy()
        return other

    def to_bytes(self) -> bytes:
        """The whole state in canonical bytes: governance, heads, subjects' rows."""
        rows = [(table, key, data) for table, key, data in self.governance.rows()]
        rows += [("head", key, encode(tuple(head))) for key, head in sorted(self.heads.items())]
        rows += [("subject", key, data) for key, data in sorted(self.rows.items())]
        return b"".join(map(encode, rows))


class World:
    """A ledger in memory and the hands of everybody who signs in it. See the module's description."""

    def __init__(self, *, signing: bool = True) -> None:
        self.signing = signing
        self.view = MemoryView()
        self.records: list[bytes] = []
        self.history: list[tuple[int, CheckedEntry]] = []
        self._recorded_at = noon(DAY)

    @classmethod
    def founded(cls, *, signing: bool = True) -> World:
        """A ledger of record 0 alone: root keys 2 of 3, one log key, rule set rules-1."""
        world = cls(signing=signing)
        world.submit(world.seal(world.founding_entry()))
        return world

    def fork(self, *, signing: bool | None = None) -> World:
        """An independent copy; `signing` may be switched on the way."""
        other = World(signing=self.signing if signing is None else signing)
        other.view = self.view.fork()
        other.records = list(self.records)
        other.history = list(self.history)
        other._recorded_at = self._recorded_at
        return other

    # -- the clock ------------------------------------------------------------------------------------------------

    @property
    def recorded_at(self) -> int:
        """The moment at which the next entry is recorded, in microseconds; each record moves it by one second."""
        return self._recorded_at

    @property
    def day(self) -> str:
        """The civil day of the next record; set it to move the clock to noon of a day, never backwards."""
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=self._recorded_at, hours=8)
        return moment.date().isoformat()

    @day.setter
    def day(self, day: str) -> None:
        if day < self.day:
            raise ValueError(f"the clock stands at {self.day} and does not go back to {day}")
        if day > self.day:
            self._recorded_at = noon(day)

    # -- entries --------------------------------------------------------------------------------------------------

    @property
    def ledger_id(self) -> bytes:
        """The leaf hash of record 0."""
        ledger = self.view.governance.ledger
        return ZERO_HASH if ledger is None else ledger.ledger_id

    @property
    def size(self) -> int:
        """How many records there are."""
        return len(self.records)

    def founding_act(self, **changes: Any) -> LedgerCreate:
        """`ledger.create` of these worlds, with changes."""
        act = LedgerCreate(
            origin="registry.example.org/defaulters",
            utc_offset=UTC_OFFSET,
            log_keys=(public_key("root:log"),),
            root_keys=tuple(sorted(map(public_key, ROOT_KEYS))),
            threshold=THRESHOLD,
            rule_set="rules-1",
            rule_set_hash=engine.RULE_SETS["rules-1"],
        )
        return act._replace(**changes)

    def founding_entry(self, **changes: Any) -> Entry:
        """The entry of record 0, signed by every root key; `changes` go to the act."""
        return self.build("root:0", self.founding_act(**changes), cosigners=("root:1", "root:2"))

    def build(self, author: str, *acts: Act, cosigners: Iterable[str] = (), **changes: Any) -> Entry:
        """An entry by the key of a label, countersigned by the keys of others, in the right place of its chain.

        `changes` replace elements of the entry (`author_seq=7`, `not_after=0`, ...).
        """
        if author == "root":
            author, cosigners = ROOT_KEYS[0], [*ROOT_KEYS[1:THRESHOLD], *cosigners]
        key = public_key(author)
        head = self.view.heads.get(key, KeyHead(0, ZERO_HASH, 0))
        entry = Entry(
            self.ledger_id,
            authority_of(author),
            key,
            head.next_seq,
            head.prev,
            tuple(sorted(Cosigner(authority_of(label), public_key(label)) for label in cosigners)),
            self.recorded_at + HOUR,
            None,
            acts,
        )
        return entry._replace(**changes)

    def seal(self, entry: Entry) -> CheckedEntry:
        """Encodes and signs an entry, checks form and signatures; raises `FormatError` for what the form forbids."""
        data = encode_entry(entry)
        keys = (entry.key, *(cosigner.key for cosigner in entry.cosigners))
        if not self.signing:
            return CheckedEntry(data, entry_hash(data), entry, (NO_SIGNATURE,) * len(keys))
        return check_entry(data, [_SECRETS[key].sign(data) for key in keys])

    def record_of(self, checked: CheckedEntry) -> bytes:
        """The bytes of the record that an entry would become now."""
        prev = leaf_hash(self.records[-1]) if self.records else ZERO_HASH
        return encode_record(Record(self.size, self.recorded_at, prev, checked.data, checked.signatures))

    def submit(self, checked: CheckedEntry) -> Receipt:
        """Records an entry if the rules accept it; raises `Refused` and changes nothing otherwise."""
        seq, recorded_at = self.size, self.recorded_at
        record = self.record_of(checked)
        leaf = leaf_hash(record)
        changes = engine.apply(self.view, seq, recorded_at, leaf, checked)
        self.view.keep(changes, checked, leaf)
        self.records.append(record)
        self.history.append((recorded_at, checked))
        self._recorded_at += 1_000_000
        return Receipt(seq, leaf, checked.digest, recorded_at)

    def append(self, author: str, *acts: Act, cosigners: Iterable[str] = (), **changes: Any) -> Receipt:
        """Builds, signs and records one entry; raises `Refused` if a rule forbids it."""
        return self.submit(self.seal(self.build(author, *acts, cosigners=cosigners, **changes)))

    def add_keys(self, *labels: str, by: str = "root", until: str | None = None) -> Receipt:
        """Registers the keys of labels in one entry, each cosigned by itself (a log key is not)."""
        acts = [key_add(label)._replace(until=until) for label in labels]
        return self.append(by, *acts, cosigners=[label for label in labels if role_of(label) != "log"])

    # -- the state ------------------------------------------------------------------------------------------------

    def row(self, list_id: str, subject: Subject) -> SubjectRow:
        """A copy of what is recorded about a subject on a list."""
        return SubjectRow.from_bytes(self.view.subject_row(subject_key(list_id, subject)))

    def listing(self, list_id: str, subject: Subject, ref: ActRef) -> Listing:
        """The listing that an act made."""
        return next(one for one in self.row(list_id, subject).listings if (one.entry, one.act) == ref)

    def tainted(self, receipt: Receipt) -> bool:
        """Whether a recorded entry is tainted and unconfirmed."""
        entry = self.history[receipt.seq][1].entry
        return self.view.governance.is_tainted(entry.key, entry.author_seq, receipt.digest)

    def state_bytes(self) -> bytes:
        """The whole state in canonical bytes, to compare."""
        return self.view.to_bytes()


def role_of(label: str) -> str:
    """The role that the key of a label is registered in."""
    authority, _, rest = label.partition(":")
    role = rest.partition(":")[0]
    if authority == "root":
        return "log" if role == "log" else "root"
    return role or "act"


def key_add(label: str, **changes: Any) -> KeyAdd:
    """`key.add` for the key of a label."""
    act = KeyAdd(authority=authority_of(label), key=public_key(label), role=role_of(label), until=None)
    return act._replace(**changes)
