"""The acts of format v1: one class per act type, its fields in the order in which they are encoded.

An act is encoded as the array `[type, field, ...]`. The classes below are the single source of the field tables in the
specification, of the validator, of the JSON drafts and of what the rules read. Dates are `YYYY-MM-DD`; intervals are
half-open: `effective` is the first day, `until` the first day that no longer counts.

A *governance* act changes who may do what; a *subject* act concerns one subject on one list, and names both first, so
that a reader can tell from the bytes alone whose rows it touches.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

from creditledger.acts.kinds import (
    ACT_REF,
    CASE,
    CONTENT,
    DATE,
    ENTRY_MARK,
    HASH,
    KEY,
    MAX_INT,
    ORIGIN,
    SUBJECT,
    UTC_OFFSET,
    ActRef,
    Commitment,
    Subject,
    code_kind,
    identifier_kind,
    int_kind,
    optional,
    sorted_set,
    text_kind,
)

POLARITIES = ("incentive", "restriction", "supervision")
NATURES = ("conduct", "judgment", "merit", "offence", "score", "status")
KEY_ROLES = ("act", "admin", "log", "root")
ACTIONS = (
    "add", "annul", "catalogue", "correct", "define", "delegate", "erase", "lodge", "remove", "review", "suspend",
    "transcribe",
)  # fmt: skip
REMOVAL_REASONS = (
    "appeal_quashed", "basis_revoked", "conditions_met", "creditor_request", "deceased_or_dissolved", "deemed",
    "early_cure", "enforcement_terminated", "listed_in_error", "no_assets", "performed", "repaired", "settled",
    "stayed", "superseded", "term_expired", "unenforceable",
)  # fmt: skip
ANNULMENT_REASONS = ("listed_in_error", "quashed_ex_tunc")
OUTCOMES = ("quash_ex_nunc", "quash_ex_tunc", "remit", "uphold", "vary")
KEY_REVOCATIONS = ("compromised", "lost", "retired", "superseded")

_ID = identifier_kind("an-identifier")
_TITLE = text_kind(300, "Title as published")
_ARTICLE = text_kind(100, "Art. 1")
_DOCUMENT = text_kind(200, "Document no. 2026/1")

Id = Annotated[str, _ID]
OptionalId = Annotated[str | None, optional(_ID)]
Ids = Annotated[tuple[str, ...], sorted_set(_ID, 0, 256)]
SomeIds = Annotated[tuple[str, ...], sorted_set(_ID, 1, 256)]
Title = Annotated[str, _TITLE]
Article = Annotated[str, _ARTICLE]
Document = Annotated[str, _DOCUMENT]
Date = Annotated[str, DATE]
OptionalDate = Annotated[str | None, optional(DATE)]
Days = Annotated[int, int_kind(0, 36_600, 30)]
Digest = Annotated[bytes, HASH]
Key = Annotated[bytes, KEY]
OptionalCase = Annotated[bytes | None, CASE]
SubjectField = Annotated[Subject, SUBJECT]
OptionalSubject = Annotated[Subject | None, optional(SUBJECT)]
Ref = Annotated[ActRef, ACT_REF]
OptionalRef = Annotated[ActRef | None, optional(ACT_REF)]
Content = Annotated[tuple[Commitment, ...], CONTENT]
Polarity = Annotated[str, code_kind(POLARITIES)]


class LedgerCreate(NamedTuple):
    """Founds the ledger: the only act of record 0, signed by every root key."""

    origin: Annotated[str, ORIGIN]
    utc_offset: Annotated[str, UTC_OFFSET]
    log_keys: Annotated[tuple[bytes, ...], sorted_set(KEY, 1, 8)]
    root_keys: Annotated[tuple[bytes, ...], sorted_set(KEY, 1, 16)]
    threshold: Annotated[int, int_kind(1, 16, 2)]
    rule_set: Id
    rule_set_hash: Digest


class RulesActivate(NamedTuple):
    """Selects the rule set that holds from the next record on."""

    rule_set: Id
    rule_set_hash: Digest


class AuthorityRegister(NamedTuple):
    """Registers a body that may hold keys and mandates, under a parent or not."""

    authority: Id
    name: Title
    law: Id
    article: Article
    parent: OptionalId = None
    area: OptionalId = None
    identity: OptionalSubject = None


class AuthorityClose(NamedTuple):
    """Ends a body; its keys and mandates end with it, its acts stay."""

    authority: Id
    effective: Date
    document: Document
    successor: OptionalId = None


class MandateGrant(NamedTuple):
    """Empowers an authority to take the named actions on a list (nil: on the catalogue), in areas, for a time."""

    mandate: Id
    authority: Id
    list: OptionalId
    actions: Annotated[tuple[str, ...], sorted_set(code_kind(ACTIONS), 1, len(ACTIONS))]
    effective: Date
    law: Id
    article: Article
    until: OptionalDate = None
    areas: Ids = ()


class MandateRevoke(NamedTuple):
    """Ends a mandate on a day."""

    mandate: Id
    effective: Date
    document: Document


class KeyAdd(NamedTuple):
    """Gives an authority a key; the key itself cosigns (a log key, which signs checkpoints only, does not)."""

    authority: Id
    key: Key
    role: Annotated[str, code_kind(KEY_ROLES)]
    until: OptionalDate = None


class KeyRevoke(NamedTuple):
    """Ends a key. `stands_behind` is the last entry the authority answers for (nil: none); of a compromised key, later
    ones are tainted."""

    authority: Id
    key: Key
    reason: Annotated[str, code_kind(KEY_REVOCATIONS)]
    stands_behind: Annotated[tuple[int, bytes] | None, optional(ENTRY_MARK)] = None


class EntryConfirm(NamedTuple):
    """Confirms one tainted entry: from here on its acts count again."""

    authority: Id
    key: Key
    entry: Annotated[tuple[int, bytes], ENTRY_MARK]


class LawRegister(NamedTuple):
    """Registers a law or instrument that other acts may cite."""

    law: Id
    title: Title
    number: Document
    issuer: Title
    effective: Date
    until: OptionalDate = None


class GroundRegister(NamedTuple):
    """Registers a ground for listing, its legal basis and the longest term it carries (nil: no fixed term)."""

    ground: Id
    title: Title
    polarity: Polarity
    nature: Annotated[str, code_kind(NATURES)]
    law: Id
    article: Article
    max_months: Annotated[int | None, optional(int_kind(1, 1200, 24))] = None


class MeasureRegister(NamedTuple):
    """Registers a measure that a listing may carry: its legal basis, its target and the agency that applies it."""

    measure: Id
    title: Title
    polarity: Polarity
    law: Id
    article: Article
    agency: Id
    target: Title


class ListDefine(NamedTuple):
    """Defines a list: its polarity, what it may rest on and lead to, whom it may name, who lodges and reviews appeals.

    `consent` = `parent` demands the cosignature of the acting authority's parent on every listing. `source` names the
    body whose list this is a transcript of (nil: the list's own decisions). The three periods are calendar days.
    """

    list: Id
    title: Title
    polarity: Polarity
    law: Id
    article: Article
    grounds: SomeIds
    schemes: Annotated[tuple[str, ...], sorted_set(code_kind(("handle", "host", "lei", "uscc")), 1, 4)]
    notice_days: Days
    appeal_days: Days
    decide_days: Days
    measures: Ids = ()
    lodgers: Ids = ()
    reviewers: Ids = ()
    consent: Annotated[str, code_kind(("none", "parent"))] = "none"
    source: Annotated[str | None, optional(_TITLE)] = None


class ListOpen(NamedTuple):
    """Opens a defined list: from here on listings may be added, opening balances no longer."""

    list: Id
    effective: Date


class ListClose(NamedTuple):
    """Closes a list to new listings; removals and appeals go on."""

    list: Id
    effective: Date
    document: Document


class SourceCite(NamedTuple):
    """Cites the file that acts of this entry were transcribed from: its name, SHA-256, rows and date of issue."""

    list: Id
    name: Title
    sha256: Digest
    rows: Annotated[int, int_kind(0, MAX_INT, 1)]
    dated: Date


class ListingOpeningBalance(NamedTuple):
    """Takes over a listing that stood before the ledger did; shown as unproven."""

    list: Id
    subject: SubjectField
    ground: OptionalId = None
    effective: OptionalDate = None
    until: OptionalDate = None
    case: OptionalCase = None
    area: OptionalId = None
    content: Content = ()
    source: OptionalRef = None


class ListingAdd(NamedTuple):
    """Lists a subject on a ground, from a day on, until another (nil: no fixed term)."""

    list: Id
    subject: SubjectField
    ground: Id
    decided: Date
    effective: Date
    until: OptionalDate = None
    case: OptionalCase = None
    area: OptionalId = None
    measures: Ids = ()
    content: Content = ()
    source: OptionalRef = None


class ListingCorrect(NamedTuple):
    """Corrects clerical particulars of a listing by restating them; it cannot lengthen the term."""

    list: Id
    subject: SubjectField
    listing: Ref
    decided: Date
    effective: OptionalDate = None
    until: OptionalDate = None
    area: OptionalId = None
    content: Content = ()
    source: OptionalRef = None


class ListingSuspend(NamedTuple):
    """Suspends the effect of a listing from a day on."""

    list: Id
    subject: SubjectField
    listing: Ref
    decided: Date
    effective: Date
    appeal: OptionalRef = None


class ListingRestore(NamedTuple):
    """Ends a suspension on a day."""

    list: Id
    subject: SubjectField
    listing: Ref
    decided: Date
    effective: Date


class ListingRemove(NamedTuple):
    """Ends a listing from a day on, for one of a closed list of reasons."""

    list: Id
    subject: SubjectField
    listing: Ref
    reason: Annotated[str, code_kind(REMOVAL_REASONS)]
    decided: Date
    effective: Date
    appeal: OptionalRef = None
    source: OptionalRef = None


class ListingAnnul(NamedTuple):
    """Voids a listing from its beginning; the history stays."""

    list: Id
    subject: SubjectField
    listing: Ref
    reason: Annotated[str, code_kind(ANNULMENT_REASONS)]
    decided: Date
    appeal: OptionalRef = None


class AppealFile(NamedTuple):
    """Lodges an appeal against a listing for the person listed."""

    list: Id
    subject: SubjectField
    listing: Ref
    filed: Date
    content: Content = ()


class AppealDecide(NamedTuple):
    """Decides an appeal. A quashing takes effect by itself on `effective`; `vary` sets a new, earlier `until`."""

    list: Id
    subject: SubjectField
    appeal: Ref
    outcome: Annotated[str, code_kind(OUTCOMES)]
    decided: Date
    effective: Date
    until: OptionalDate = None
    content: Content = ()


class AppealWithdraw(NamedTuple):
    """Takes an appeal back."""

    list: Id
    subject: SubjectField
    appeal: Ref
    withdrawn: Date


class ContentErase(NamedTuple):
    """Orders the erasure of content about a subject: the commitments stay, what they commit to is destroyed."""

    list: Id
    subject: SubjectField
    commitments: Annotated[tuple[bytes, ...], sorted_set(HASH, 1, 64)]
    decided: Date
    law: Id
    article: Article


GovernanceAct = (
    LedgerCreate
    | RulesActivate
    | AuthorityRegister
    | AuthorityClose
    | MandateGrant
    | MandateRevoke
    | KeyAdd
    | KeyRevoke
    | EntryConfirm
    | LawRegister
    | GroundRegister
    | MeasureRegister
    | ListDefine
    | ListOpen
    | ListClose
    | SourceCite
)
SubjectAct = (
    ListingOpeningBalance
    | ListingAdd
    | ListingCorrect
    | ListingSuspend
    | ListingRestore
    | ListingRemove
    | ListingAnnul
    | AppealFile
    | AppealDecide
    | AppealWithdraw
    | ContentErase
)
Act = GovernanceAct | SubjectAct

GOVERNANCE_ACTS: dict[str, type[GovernanceAct]] = {
    "ledger.create/1": LedgerCreate,
    "rules.activate/1": RulesActivate,
    "authority.register/1": AuthorityRegister,
    "authority.close/1": AuthorityClose,
    "mandate.grant/1": MandateGrant,
    "mandate.revoke/1": MandateRevoke,
    "key.add/1": KeyAdd,
    "key.revoke/1": KeyRevoke,
    "entry.confirm/1": EntryConfirm,
    "law.register/1": LawRegister,
    "ground.register/1": GroundRegister,
    "measure.register/1": MeasureRegister,
    "list.define/1": ListDefine,
    "list.open/1": ListOpen,
    "list.close/1": ListClose,
    "source.cite/1": SourceCite,
}
SUBJECT_ACTS: dict[str, type[SubjectAct]] = {
    "listing.opening_balance/1": ListingOpeningBalance,
    "listing.add/1": ListingAdd,
    "listing.correct/1": ListingCorrect,
    "listing.suspend/1": ListingSuspend,
    "listing.restore/1": ListingRestore,
    "listing.remove/1": ListingRemove,
    "listing.annul/1": ListingAnnul,
    "appeal.file/1": AppealFile,
    "appeal.decide/1": AppealDecide,
    "appeal.withdraw/1": AppealWithdraw,
    "content.erase/1": ContentErase,
}
