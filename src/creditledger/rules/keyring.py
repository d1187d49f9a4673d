"""The rules for the founding of a ledger, its rule set, and keys: added, revoked, tainted entries confirmed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from creditledger.acts import catalogue as acts
from creditledger.rules.governance_state import Governance
from creditledger.rules.refusal import (
    Context,
    refuse,
    require_admin,
    require_root,
)
from creditledger.rules.registered import require_key_form, require_ledger, require_open
from creditledger.rules.rows import ROOT, Confirmation, KeyRow, LedgerRow


class PastEntries(Protocol):
    """What two governance rules need to know of the log: the hash of a key's n-th entry, or None if there is none."""

    def __call__(self, key: bytes, author_seq: int) -> bytes | None: ...


def create_ledger(governance: Governance, context: Context, act: acts.LedgerCreate, ledger_id: bytes) -> None:
    """R-GENESIS. `ledger_id` is the leaf hash of record 0."""
    signers = sorted([context.key, *(key for _, _, key in context.cosigners)])
    if context.seq != 0 or governance.ledger is not None or len(context.acts) != 1:
        refuse("R-GENESIS", "ledger.create stands elsewhere than alone in record 0", "a new ledger")
    if signers != list(act.root_keys) or any(
        who != ROOT for who in [context.authority, *(c[0] for c in context.cosigners)]
    ):
        refuse(
            "R-GENESIS",
            f"the keys that signed, {len(signers)}, are not the {len(act.root_keys)} root keys named, signing as root",
            "the signatures of exactly the root keys named, all under the authority root",
        )
    if act.threshold > len(act.root_keys):
        refuse(
            "R-GENESIS", f"the threshold {act.threshold} exceeds the number of root keys", "a threshold they can reach"
        )
    if set(act.root_keys) & set(act.log_keys):
        refuse("R-KEY-UNIQUE", "a log key is also a root key", "different keys")
    for key in (*act.root_keys, *act.log_keys):
        require_key_form(key)
    governance.set_row("ledger", "", LedgerRow(ledger_id, act.origin, act.utc_offset, act.threshold, act.rule_set))
    for role, keys in (("root", act.root_keys), ("log", act.log_keys)):
        for key in keys:
            governance.set_row("key", key, KeyRow(ROOT, role, 0, None, None, None, None, None))


def _rules_activate(governance: Governance, context: Context, act: acts.RulesActivate) -> None:
    require_root(governance, context, "a change of the rule set")
    ledger = require_ledger(governance)
    if act.rule_set == ledger.rule_set:
        refuse("R-RULE-SET", f"rule set {act.rule_set} is in force already", "another rule set")
    governance.set_row("ledger", "", ledger._replace(rule_set=act.rule_set))


def _key_add(governance: Governance, context: Context, act: acts.KeyAdd) -> None:
    if act.key in governance.keys:
        owner = governance.keys[act.key]
        refuse("R-KEY-UNIQUE", f"the key is registered as {owner.role} key of {owner.authority}", "a new key")
    require_key_form(act.key)
    if act.authority == ROOT and act.until is not None:
        refuse("R-ROLE", f"a {act.role} key would end by itself on {act.until}", "no until: such a key is revoked")
    if (act.authority == ROOT) != (act.role in ("root", "log")):
        refuse(
            "R-ROLE", f"a key of role {act.role} for {act.authority}", "roles root and log for root, act and admin else"
        )
    if act.authority == ROOT:
        require_root(governance, context, f"adding a {act.role} key")
    else:
        row = require_open(governance, act.authority, context.day)
        entitled = (act.authority,) if row.parent is None else (act.authority, row.parent)
        require_admin(governance, context, entitled, f"adding a key of {act.authority}")
    if act.role != "log" and not any(who == act.authority and key == act.key for who, _, key in context.cosigners):
        refuse("R-KEY-POSSESSION", "the added key did not cosign", f"a cosignature of {act.authority} by that key")
    by = (context.key, context.author_seq, context.digest)
    governance.set_row("key", act.key, KeyRow(act.authority, act.role, context.seq, act.until, None, None, None, by))


def _key_revoke(governance: Governance, context: Context, act: acts.KeyRevoke, past: PastEntries) -> None:
    row = governance.keys.get(act.key)
    if row is None or row.authority != act.authority:
        refuse("R-UNKNOWN", f"{act.authority} has no such key", "a key registered for that authority")
    count = _stands_behind(act, past)
    if row.revoked is not None and (act.reason != "compromised" or (row.stands is not None and row.stands <= count)):
        refuse(
            "R-KEY-REVOKED",
            f"the key was revoked at record {row.revoked}",
            "a key not yet revoked; or the reason compromised, and fewer entries that the authority answers for",
        )
    if act.authority == ROOT:
        require_root(governance, context, "revoking a root or log key")
        left = sum(
            other.role == row.role and other.revoked is None and (other.until is None or context.day < other.until)
            for key, other in governance.keys.items()
            if key != act.key
        )
        needed = 1 if row.role == "log" else require_ledger(governance).threshold
        if left < needed:
            refuse(
                "R-KEY-REVOKED",
                f"{left} {row.role} keys would be left, {needed} are needed",
                "its replacement added first",
            )
    else:
        parent = governance.authorities[act.authority].parent
        entitled = (act.authority,) if parent is None else (act.authority, parent)
        require_admin(governance, context, entitled, f"revoking a key of {act.authority}")
    if act.reason != "compromised" and past(act.key, count) is not None:
        refuse(
            "R-KEY-STANDS",
            f"the key was {act.reason}, not compromised, and made more entries than the first {count}",
            "author_seq and hash of the last entry that the key made; or the reason compromised",
        )
    # Without a compromise the authority answers for every entry, also for one that revokes its own key.
    stands = count if act.reason == "compromised" else None
    revoked = context.seq if row.revoked is None else row.revoked
    governance.set_row("key", act.key, row._replace(revoked=revoked, reason=act.reason, stands=stands))


def _stands_behind(act: acts.KeyRevoke, past: PastEntries) -> int:
    """R-KEY-STANDS: how many of the key's entries, from its first on, the authority says it answers for."""
    if act.stands_behind is None:
        return 0
    author_seq, digest = act.stands_behind
    if past(act.key, author_seq) != digest:
        refuse(
            "R-KEY-STANDS",
            f"the key's entry {author_seq} is not the one named",
            "author_seq and hash of an entry that the key made and that is recorded, or nil",
        )
    return author_seq + 1


def _entry_confirm(governance: Governance, context: Context, act: acts.EntryConfirm, past: PastEntries) -> None:
    row = governance.keys.get(act.key)
    author_seq, digest = act.entry
    entitled = governance.present_body(act.authority, context.day)
    if act.authority == ROOT and context.role == "root":
        require_root(governance, context, "confirming an entry of root")
    elif context.authority != entitled:
        refuse(
            "R-CONFIRM",
            f"{context.authority} confirms an entry of {act.authority}",
            f"an act or admin key of {entitled}" if act.authority != ROOT else "the threshold of root keys",
        )
    if row is None or row.authority != act.authority or past(act.key, author_seq) != digest:
        refuse(
            "R-CONFIRM", f"{act.authority} has made no such entry with that key", "key, author_seq and hash as recorded"
        )
    if not governance.is_tainted(act.key, author_seq, digest):
        refuse("R-CONFIRM", "the entry is not tainted, or confirmed already", "an entry that awaits confirmation")
    own = Confirmation(context.seq, context.key, context.author_seq, context.digest)
    governance.set_row("confirmed", digest, own)


KEY_RULES: dict[type, Callable[[Governance, Context, Any], None]] = {
    acts.RulesActivate: _rules_activate,
    acts.KeyAdd: _key_add,
}
PAST_RULES: dict[type, Callable[[Governance, Context, Any, PastEntries], None]] = {
    acts.KeyRevoke: _key_revoke,
    acts.EntryConfirm: _entry_confirm,
}
