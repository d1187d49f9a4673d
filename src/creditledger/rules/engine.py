"""The state machine: one recorded entry against the state before it.

`apply` is pure: no clock, no I/O. The same function judges at append, on replay and in audit. It returns the changes or
raises `Refused`; a refused entry leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn, Protocol

from creditledger.acts import catalogue as acts
from creditledger.acts.content import subject_key
from creditledger.codec.dates import clock_time, day_at
from creditledger.errors import Refused, UnsupportedError
from creditledger.record.entry import ZERO_HASH, CheckedEntry, Entry
from creditledger.rules.appeals import APPEAL_RULES
from creditledger.rules.bodies import BODY_RULES
from creditledger.rules.governance_state import Governance
from creditledger.rules.keyring import KEY_RULES, PAST_RULES, PastEntries, create_ledger
from creditledger.rules.listings import LISTING_RULES
from creditledger.rules.lists import LIST_RULES
from creditledger.rules.refusal import Context, refuse
from creditledger.rules.rows import ROOT, KeyHead, SubjectRow

SUBJECT_RULES: dict[type, Callable[[Governance, Context, Any, SubjectRow], None]] = LISTING_RULES | APPEAL_RULES
GOVERNANCE_RULES: dict[type, Callable[[Governance, Context, Any], None]] = KEY_RULES | BODY_RULES | LIST_RULES

RULE_SETS: dict[str, bytes] = {
    "rules-1": bytes.fromhex("2f360b2a955e65c2f12251a3d94f3a7a1c26e214761d10017281b52470ee1459"),
}
"""The rule sets that this version runs, each with the SHA-256 of its published text."""


class View(Protocol):
    """What `apply` may look at: governance, the keys' heads, one subject's row, past entry hashes, past roots."""

    @property
    def governance(self) -> Governance:
        """Governance before the entry."""

    @property
    def heads(self) -> dict[bytes, KeyHead]:
        """Where each key's own chain stands."""

    def subject_row(self, key: bytes) -> bytes | None:
        """The row under `subject_key`, or None."""

    def past_entry(self, key: bytes, author_seq: int) -> bytes | None:
        """The hash of the entry that the key made at `author_seq`, or None."""

    def root_at(self, size: int) -> bytes | None:
        """The tree's root at a size, or None when the tree is smaller."""


class Changes(NamedTuple):
    """What one entry changes: governance (None: not at all), the keys' heads, and subjects' rows by key."""

    governance: Governance | None
    heads: dict[bytes, KeyHead]
    rows: dict[bytes, bytes]


def apply(view: View, seq: int, recorded_at: int, leaf_hash: bytes, checked: CheckedEntry) -> Changes:
    """Judges an entry, whose form and signatures hold, as record `seq`.

    `recorded_at` is in microseconds since the Unix epoch, `leaf_hash` that of the record (32 bytes). Raises `Refused`
    with the rule and the index of the act, `UnsupportedError` for an unknown rule set.
    """
    entry = checked.entry
    governance = view.governance
    context = entry_context(governance, seq, recorded_at, checked)
    check_author_chain(view, seq, entry)
    changed: Governance | None = None
    subjects: dict[bytes, SubjectRow] = {}
    try:
        for context.index, act in enumerate(entry.acts):
            rule = SUBJECT_RULES.get(type(act))
            if rule is not None:
                key = subject_key(act.list, act.subject)  # type: ignore[union-attr, arg-type]  # every subject act has both
                row = subjects.get(key)
                if row is None:
                    row = subjects[key] = SubjectRow.from_bytes(view.subject_row(key))
                apply_subject(rule, governance, context, act, row)
            else:
                if changed is None and not isinstance(act, acts.SourceCite):
                    governance = changed = governance.copy()
                apply_governance(governance, context, act, view.past_entry, leaf_hash)  # type: ignore[arg-type]  # the other half of Act
    except Refused as refusal:
        refusal_at = Refused(refusal.rule, refusal.conflict, refusal.remedy, context.index)
        raise refusal_at from None
    return Changes(
        changed, next_heads(view.heads, checked, leaf_hash), {key: row.to_bytes() for key, row in subjects.items()}
    )


def apply_subject(
    rule: Callable[[Governance, Context, Any, SubjectRow], None],
    governance: Governance,
    context: Context,
    act: acts.Act,
    row: SubjectRow,
) -> None:
    """Judges one act about a subject by its rule, and notes its address in the row; raises `Refused`."""
    rule(governance, context, act, row)
    row.history.append(context.seq)
    row.history.append(context.index)


def apply_governance(
    governance: Governance, context: Context, act: acts.GovernanceAct, past: PastEntries, leaf_hash: bytes
) -> None:
    """Judges one governance act and enters its change into `governance`.

    Raises `Refused`, and `UnsupportedError` for an act that names an unknown rule set and breaks no other rule.

    `past` tells the hash of a key's n-th entry; `leaf_hash` is that of the record the act stands in.
    """
    if isinstance(act, acts.LedgerCreate | acts.RulesActivate):
        try:
            require_rule_set(act)
        except UnsupportedError:
            # What breaks another rule is refused, also by a program that does not have the rule set.
            _enter_governance(governance.copy(), context, act, past, leaf_hash)
            raise
    _enter_governance(governance, context, act, past, leaf_hash)


def _enter_governance(
    governance: Governance, context: Context, act: acts.GovernanceAct, past: PastEntries, leaf_hash: bytes
) -> None:
    rule = GOVERNANCE_RULES.get(type(act))
    if rule is not None:
        rule(governance, context, act)
    elif isinstance(act, acts.LedgerCreate):
        create_ledger(governance, context, act, leaf_hash)
    else:
        PAST_RULES[type(act)](governance, context, act, past)


def require_rule_set(act: acts.LedgerCreate | acts.RulesActivate) -> None:
    """R-RULE-SET: the rule set is known here, by this text; raises `UnsupportedError` for an unknown one."""
    known = RULE_SETS.get(act.rule_set)
    if known is None:
        raise UnsupportedError(f"rule set {act.rule_set}; this version runs: {', '.join(sorted(RULE_SETS))}")
    if known != act.rule_set_hash:
        refuse(
            "R-RULE-SET",
            f"the hash of rule set {act.rule_set} is not that of its published text",
            f"the hash {known.hex()}",
        )


def entry_context(governance: Governance, seq: int, recorded_at: int, checked: CheckedEntry) -> Context:
    """What an entry contributes to judging its acts, once ledger, expiry and keys hold."""
    entry = checked.entry
    ledger = governance.ledger
    if ledger is None:
        return _founding_context(seq, recorded_at, checked)
    if ledger.rule_set not in RULE_SETS:
        raise UnsupportedError(f"rule set {ledger.rule_set}; this version runs: {', '.join(sorted(RULE_SETS))}")
    if entry.ledger_id != ledger.ledger_id:
        refuse(
            "R-ENTRY-LEDGER",
            f"the entry is for ledger {entry.ledger_id.hex()}, this is {ledger.ledger_id.hex()}",
            "an entry signed for this ledger",
        )
    if entry.not_after < recorded_at:
        refuse(
            "R-ENTRY-EXPIRED",
            f"the entry was valid until {clock_time(entry.not_after)}, and it is {clock_time(recorded_at)}",
            "the same acts signed afresh, with a later not_after",
        )
    day = day_at(recorded_at, ledger.utc_offset)
    key = governance.keys.get(entry.key)
    if key is None or key.authority != entry.authority or not governance.key_in_force(entry.key, seq, day):
        _refuse_key(governance, "R-ENTRY-KEY", entry.authority, entry.key, day)
    if key.role == "log":
        refuse("R-ENTRY-KEY", "a log key signs checkpoints, nothing else", "an act, admin or root key")
    cosigners: tuple[tuple[str, str, bytes], ...] = ()
    if entry.cosigners:
        cosigners = tuple(_cosigner(governance, entry, who, cosigner, seq, day) for who, cosigner in entry.cosigners)
    return Context(
        seq, day, checked.digest, entry.authority, entry.key, key.role, cosigners, entry.acts, entry.author_seq
    )


def _founding_context(seq: int, recorded_at: int, checked: CheckedEntry) -> Context:
    entry = checked.entry
    act = entry.acts[0]
    if seq != 0 or not isinstance(act, acts.LedgerCreate) or entry.ledger_id != ZERO_HASH:
        refuse(
            "R-GENESIS",
            "record 0 is something other than the founding of the ledger",
            "ledger.create, with a zero ledger id",
        )
    if entry.not_after < recorded_at:
        refuse("R-ENTRY-EXPIRED", "the founding entry is past its not_after", "a later not_after")
    cosigners = tuple((who, "root", key) for who, key in entry.cosigners)
    day = day_at(recorded_at, act.utc_offset)
    return Context(seq, day, checked.digest, entry.authority, entry.key, "root", cosigners, entry.acts, 0)


def _cosigner(
    governance: Governance, entry: Entry, authority: str, key: bytes, seq: int, day: str
) -> tuple[str, str, bytes]:
    row = governance.keys.get(key)
    if row is None and any(
        isinstance(act, acts.KeyAdd) and act.key == key and act.authority == authority and act.role != "log"
        for act in entry.acts
    ):
        return authority, "added", key
    if row is None or row.authority != authority or row.role == "log" or not governance.key_in_force(key, seq, day):
        _refuse_key(governance, "R-ENTRY-COSIGNER", authority, key, day)
    return authority, row.role, key


def _refuse_key(governance: Governance, rule: str, authority: str, key: bytes, day: str) -> NoReturn:
    row = governance.keys.get(key)
    who = governance.authorities.get(authority)
    if who is not None and who.closed is not None and who.closed <= day:
        refuse("R-AUTHORITY-CLOSED", f"{authority} closed on {who.closed}", "its successor or another authority")
    if row is None:
        state = "is not registered"
    elif row.authority != authority:
        state = f"belongs to {row.authority}"
    elif row.revoked is not None:
        state = f"was revoked at record {row.revoked} ({row.reason})"
    elif row.until is not None and row.until <= day:
        state = f"ended on {row.until}"
    else:
        state = f"is a {row.role} key"
    refuse(rule, f"key {key.hex()[:18]}… of {authority} {state}", f"a key of {authority} that is in force")


def check_author_chain(view: View, seq: int, entry: Entry) -> None:
    """R-ENTRY-CHAIN, R-ENTRY-SEEN: the entry follows the key's last one, and what it saw is true."""
    head = view.heads.get(entry.key)
    if head is None:
        head = KeyHead(0, ZERO_HASH, 0)
    if entry.author_seq != head.next_seq or entry.author_prev != head.prev:
        refuse(
            "R-ENTRY-CHAIN",
            f"the entry is number {entry.author_seq} of its key after {entry.author_prev.hex()}; "
            f"due is number {head.next_seq} after {head.prev.hex()}",
            "the key's next author_seq and the hash of its last entry"
            + ("; record first what this key signed before it" if entry.author_seq > head.next_seq else ""),
        )
    if entry.seen is not None:
        size, root = entry.seen
        found = view.root_at(size) if size <= seq else None
        if size < head.seen_size or found != root:
            refuse(
                "R-ENTRY-SEEN",
                f"seen is size {size}, root {root.hex()}; the ledger has {found.hex() if found else 'no such size'}, "
                f"the key saw size {head.seen_size} before",
                "a checkpoint of this ledger, no older than the key's last one",
            )


def next_heads(heads: dict[bytes, KeyHead], checked: CheckedEntry, leaf_hash: bytes) -> dict[bytes, KeyHead]:
    """The heads that an accepted entry changes: its own key's, and those of keys it adds."""
    entry = checked.entry
    head = heads.get(entry.key)
    seen = entry.seen[0] if entry.seen is not None else head.seen_size if head is not None else 0
    changed: dict[bytes, KeyHead] = {}
    for act in entry.acts:
        if type(act) is acts.KeyAdd:
            if act.role != "log":
                changed[act.key] = KeyHead(0, leaf_hash, 0)
        elif type(act) is acts.LedgerCreate:
            changed.update((key, KeyHead(0, leaf_hash, 0)) for key in act.root_keys)
    changed[entry.key] = KeyHead(entry.author_seq + 1, checked.digest, seen)
    return changed


__all__ = ["GOVERNANCE_RULES", "ROOT", "RULE_SETS", "SUBJECT_RULES", "Changes", "View", "apply"]
