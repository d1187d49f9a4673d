"""The rows of the state: what replay keeps, and their canonical bytes.

Governance rows are immutable and few; a subject's row holds everything about one subject on one list. Each row has one
canonical encoding, so that the state has one digest wherever it was computed.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from creditledger.acts.catalogue import GroundRegister, LawRegister, ListDefine, MandateGrant, MeasureRegister
from creditledger.acts.kinds import Subject
from creditledger.codec.own import encode, restore

ROOT = "root"
"""The reserved authority that the root and log keys belong to."""


class LedgerRow(NamedTuple):
    """The ledger itself: id and origin, civil time, quorum of root keys, rule set in force."""

    ledger_id: bytes
    origin: str
    utc_offset: str
    threshold: int
    rule_set: str


class AuthorityRow(NamedTuple):
    """A body: under which parent, its area and public identity, and when it closed."""

    authority: str
    name: str
    parent: str | None
    area: str | None
    identity: Subject | None
    closed: str | None
    successor: str | None


class KeyRow(NamedTuple):
    """A key: whose, in which role, from which record on (`added`); if revoked: at which record, why, and, where it was
    compromised, how many of its entries the authority stands behind; and by which entry it was added (key, author_seq,
    entry hash), None for the keys of record 0."""

    authority: str
    role: str
    added: int
    until: str | None
    revoked: int | None
    reason: str | None
    stands: int | None
    by: tuple[bytes, int, bytes] | None


class MandateRow(NamedTuple):
    """A mandate as granted, by whom, and the day it was revoked."""

    grant: MandateGrant
    granted_by: str
    revoked: str | None


class ListRow(NamedTuple):
    """A list as defined, and the days it opened and closed."""

    definition: ListDefine
    opened: str | None
    closed: str | None


class KeyHead(NamedTuple):
    """Where a key's own chain stands: its next author_seq, the author_prev to cite, the largest size seen."""

    next_seq: int
    prev: bytes
    seen_size: int


class Suspension(NamedTuple):
    """A suspension from a day until another (None: still on), and the record that restored the listing."""

    effective: str
    until: str | None = None
    restored: int | None = None


Ending = Literal["removed", "quashed", "annulled"]


class Ended(NamedTuple):
    """How a listing ended: `removed`, `quashed` or `annulled`, with the reason, from which day, by which record."""

    how: Ending
    reason: str
    effective: str
    seq: int


class Confirmation(NamedTuple):
    """Which record confirmed a tainted entry, and the confirming entry itself: its key, author_seq and hash."""

    seq: int
    key: bytes
    author_seq: int
    entry: bytes


class Appeal:
    """An appeal against a listing: which act filed it (entry hash, act index), who, when, and how it was closed."""

    __slots__ = ("act", "decided", "effective", "entry", "filed", "lodger", "outcome", "seq")

    def __init__(
        self, entry: bytes, act: int, seq: int, lodger: str, filed: str, outcome: str | None = None,
        decided: str | None = None, effective: str | None = None,
    ) -> None:  # fmt: skip
        self.entry = entry
        self.act = act
        self.seq = seq
        self.lodger = lodger
        self.filed = filed
        self.outcome = outcome
        self.decided = decided
        self.effective = effective

    def as_tuple(self) -> tuple[Any, ...]:
        return (
            self.entry, self.act, self.seq, self.lodger, self.filed, self.outcome, self.decided, self.effective,
        )  # fmt: skip


class Listing:
    """One listing: which act made it (entry hash, act index, record), by whom, on what, how long, what befell it.

    `unproven` marks an opening balance, whose `effective` may be unknown (None). `co_deciders` are the authorities
    other than the lister that countersigned, or that signed a correction or a restoration since, sorted. Dates are
    `YYYY-MM-DD`.
    """

    __slots__ = (
        "act", "appeals", "area", "authority", "case", "co_deciders", "effective", "ended", "entry", "ground", "seq",
        "suspensions", "unproven", "until",
    )  # fmt: skip

    def __init__(
        self, entry: bytes, act: int, seq: int, authority: str, co_deciders: tuple[str, ...], unproven: bool,
        case: bytes | None, ground: str | None, area: str | None, effective: str | None, until: str | None,
        ended: Ended | None = None, suspensions: tuple[Suspension, ...] = (), appeals: tuple[Appeal, ...] = (),
    ) -> None:  # fmt: skip
        self.entry = entry
        self.act = act
        self.seq = seq
        self.authority = authority
        self.co_deciders = co_deciders
        self.unproven = unproven
        self.case = case
        self.ground = ground
        self.area = area
        self.effective = effective
        self.until = until
        self.ended = ended
        self.suspensions = suspensions
        self.appeals = appeals

    @property
    def deciders(self) -> tuple[str, ...]:
        """The lister and the co-deciders: those who took part in the listing, and may not judge it."""
        return (self.authority, *self.co_deciders)

    def as_tuple(self) -> tuple[Any, ...]:
        return (
            self.entry, self.act, self.seq, self.authority, self.co_deciders, self.unproven, self.case, self.ground,
            self.area, self.effective, self.until, self.ended, self.suspensions,
            tuple([appeal.as_tuple() for appeal in self.appeals]) if self.appeals else (),
        )  # fmt: skip


class SubjectRow:
    """Everything about one subject on one list: its listings, the addresses (record, act index) of all acts about it,
    the commitments made in them, and what was erased by which record."""

    __slots__ = ("commitments", "erased", "history", "listings")

    def __init__(self) -> None:
        self.listings: list[Listing] = []
        self.history: list[int] = []
        self.commitments: list[bytes] = []
        self.erased: list[tuple[bytes, int]] = []

    def addresses(self) -> list[tuple[int, int]]:
        """The (record, act index) of every act about the subject, in the order of the log."""
        return list(zip(self.history[::2], self.history[1::2], strict=True))

    def to_bytes(self) -> bytes:
        listings = [listing.as_tuple() for listing in self.listings]
        return encode((listings, self.history, self.commitments, self.erased))

    @classmethod
    def from_bytes(cls, data: bytes | None) -> SubjectRow:
        """The row of these bytes, written by `to_bytes`; an empty row for None."""
        row = cls()
        if data is not None:
            listings, history, commitments, erased = restore(data)
            for raw in listings:
                listing = Listing(*raw[:11])
                if raw[11] is not None:
                    listing.ended = Ended._make(raw[11])
                if raw[12]:
                    listing.suspensions = tuple(map(Suspension._make, raw[12]))
                if raw[13]:
                    listing.appeals = tuple([Appeal(*appeal) for appeal in raw[13]])
                row.listings.append(listing)
            row.history = list(history)
            row.commitments = list(commitments)
            row.erased = list(erased)
        return row


GovernanceRow = (
    LedgerRow | AuthorityRow | KeyRow | MandateRow | LawRegister | GroundRegister | MeasureRegister | ListRow
)
