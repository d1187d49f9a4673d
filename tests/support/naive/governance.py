"""What the naive model says of acts of governance: for each type, the rules that an act breaks, and what it changes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

from support.naive.model import UNSUPPORTED, Context, Model, Rule

DECIDING = {"add", "annul", "correct", "remove", "suspend", "transcribe"}
Rules = Iterator[str]


def root(model: Model, context: Context) -> Rules:
    """As many root keys as the ledger's threshold signed, one of them as the author."""
    assert model.ledger is not None
    signed = [context.role, *(role for _, role, _ in context.cosigners)].count("root")
    if context.role != "root" or signed < model.ledger["threshold"]:
        yield "R-ROOT"


def admin(model: Model, context: Context, *entitled: str | None) -> Rules:
    """The root keys, or the admin key of one of those entitled."""
    if context.role == "root":
        yield from root(model, context)
    elif context.role != "admin" or context.authority not in entitled:
        yield "R-ADMIN"


def catalogue(model: Model, context: Context, action: str, list_id: str | None = None) -> Rules:
    """The root keys, or an admin key of a body with a mandate for the catalogue (or for this list)."""
    if context.role == "root":
        yield from root(model, context)
        return
    if context.role != "admin":
        yield "R-ROLE"
    held = model.mandates(context.authority, None, action, context.day)
    if list_id is not None:
        held += model.mandates(context.authority, list_id, action, context.day)
    if not held:
        yield "R-MANDATE"


def law(model: Model, context: Context, name: str) -> Rules:
    if not model.law_holds(name, context.day):
        yield "R-LEGAL-BASIS"


def taken(model: Model, table: str, name: str) -> Rules:
    if name in model.state[table]:
        yield "R-ID-TAKEN"


# -- the ledger --------------------------------------------------------------------------------------------------------


def ledger_create(model: Model, context: Context, act: Any) -> Rules:
    yield from rule_set(model, act)
    signers = {context.key: context.authority} | {key: who for who, _, key in context.cosigners}
    if context.seq != 0 or model.ledger is not None or len(context.acts) != 1 or act.threshold > len(act.root_keys):
        yield "R-GENESIS"
    if signers != dict.fromkeys(act.root_keys, "root"):
        yield "R-GENESIS"
    if set(act.root_keys) & set(act.log_keys):
        yield "R-KEY-UNIQUE"
    if model.unsound_keys & {*act.root_keys, *act.log_keys}:
        yield "R-KEY-FORM"


def create(model: Model, context: Context, act: Any) -> None:
    model.ledger = {
        "ledger_id": context.leaf,
        "origin": act.origin,
        "utc_offset": act.utc_offset,
        "threshold": act.threshold,
        "rule_set": act.rule_set,
    }
    for role, keys in (("root", act.root_keys), ("log", act.log_keys)):
        for key in keys:
            model.state["key"][key] = new_key("root", role, 0, None, None)


def new_key(authority: str, role: str, added: int, until: str | None, by: Any) -> dict[str, Any]:
    never = dict.fromkeys(("revoked", "reason", "stands"))
    return {"authority": authority, "role": role, "added": added, "until": until} | never | {"by": by}


def rule_set(model: Model, act: Any) -> Rules:
    if act.rule_set not in model.rule_sets:
        yield UNSUPPORTED
    elif act.rule_set_hash != model.rule_sets[act.rule_set]:
        yield "R-RULE-SET"


def rules_activate(model: Model, context: Context, act: Any) -> Rules:
    assert model.ledger is not None
    yield from rule_set(model, act)
    if act.rule_set == model.ledger["rule_set"]:
        yield "R-RULE-SET"
    yield from root(model, context)


def activate(model: Model, context: Context, act: Any) -> None:
    assert model.ledger is not None
    model.ledger["rule_set"] = act.rule_set


# -- keys --------------------------------------------------------------------------------------------------------------


def key_add(model: Model, context: Context, act: Any) -> Rules:
    if act.key in model.state["key"]:
        yield "R-KEY-UNIQUE"
    if act.key in model.unsound_keys:
        yield "R-KEY-FORM"
    if (act.authority == "root") != (act.role in ("root", "log")):
        yield "R-ROLE"
    if act.authority == "root" and act.until is not None:
        yield "R-ROLE"
    if act.authority == "root":
        yield from root(model, context)
    else:
        yield from model.open_bodies(context.day, act.authority)
        parent = model.state["authority"].get(act.authority, {}).get("parent")
        yield from admin(model, context, act.authority, parent)
    if act.role != "log" and (act.authority, act.key) not in [(who, key) for who, _, key in context.cosigners]:
        yield "R-KEY-POSSESSION"


def add_key(model: Model, context: Context, act: Any) -> None:
    by = (context.key, context.author_seq, context.digest)
    model.state["key"][act.key] = new_key(act.authority, act.role, context.seq, act.until, by)


def key_revoke(model: Model, context: Context, act: Any) -> Rules:
    row = model.state["key"].get(act.key)
    if row is None or row["authority"] != act.authority:
        yield "R-UNKNOWN"
        return
    fewer = row["stands"] is None or row["stands"] > stood_behind(act)
    if row["revoked"] is not None and not (act.reason == "compromised" and fewer):
        yield "R-KEY-REVOKED"
    if act.authority == "root":
        yield from root(model, context)
        assert model.ledger is not None
        left = [
            other
            for key, other in model.state["key"].items()
            if key != act.key and other["role"] == row["role"] and other["revoked"] is None
            if other["until"] is None or context.day < other["until"]
        ]  # fmt: skip
        if len(left) < (1 if row["role"] == "log" else model.ledger["threshold"]):
            yield "R-KEY-REVOKED"
    else:
        yield from admin(model, context, act.authority, model.state["authority"][act.authority]["parent"])
    if act.stands_behind is not None:
        author_seq, digest = act.stands_behind
        if model.entries.get((act.key, author_seq)) != digest:
            yield "R-KEY-STANDS"
    if act.reason != "compromised":
        made = sorted(author_seq for key, author_seq in model.entries if key == act.key)
        last = (made[-1], model.entries[act.key, made[-1]]) if made else None
        if act.stands_behind != last:
            yield "R-KEY-STANDS"


def revoke_key(model: Model, context: Context, act: Any) -> None:
    row = model.state["key"][act.key]
    row["revoked"] = context.seq if row["revoked"] is None else row["revoked"]
    row["reason"] = act.reason
    if act.reason == "compromised":
        row["stands"] = stood_behind(act)


def stood_behind(act: Any) -> int:
    return 0 if act.stands_behind is None else int(act.stands_behind[0]) + 1


def entry_confirm(model: Model, context: Context, act: Any) -> Rules:
    row = model.state["key"].get(act.key)
    author_seq, digest = act.entry
    if act.authority == "root":
        yield from root(model, context)
        if context.role != "root":
            yield "R-CONFIRM"
    elif context.authority != model.today(act.authority, context.day) or context.role not in ("act", "admin"):
        yield "R-CONFIRM"
    if (
        row is None
        or row["authority"] != act.authority
        or model.entries.get((act.key, author_seq)) != digest
        or digest in model.answered_for()
    ):
        yield "R-CONFIRM"


def confirm(model: Model, context: Context, act: Any) -> None:
    model.state["confirmed"][act.entry[1]] = {
        "seq": context.seq,
        "key": context.key,
        "author_seq": context.author_seq,
        "entry": context.digest,
    }


# -- bodies and mandates -----------------------------------------------------------------------------------------------


def authority_register(model: Model, context: Context, act: Any) -> Rules:
    yield from taken(model, "authority", act.authority)
    if act.authority == "root":
        yield "R-ID-TAKEN"
    yield from model.open_bodies(context.day, act.parent)
    yield from admin(model, context, act.parent)
    yield from law(model, context, act.law)
    if act.identity is not None and act.identity.scheme == "handle":
        yield "R-SCHEME"


def register_authority(model: Model, context: Context, act: Any) -> None:
    fields = {name: getattr(act, name) for name in ("authority", "name", "parent", "area", "identity")}
    model.state["authority"][act.authority] = fields | {"closed": None, "successor": None}


def authority_close(model: Model, context: Context, act: Any) -> Rules:
    if orphaned(model, context, act):
        yield from model.open_bodies(context.day, act.successor)
    else:
        yield from model.open_bodies(context.day, act.authority, act.successor)
        closed = model.state["authority"].get(act.authority, {}).get("closed")
        if closed is not None and act.effective >= closed:
            yield "R-AUTHORITY-CLOSED"
    yield from admin(model, context, model.state["authority"].get(act.authority, {}).get("parent"))
    following = act.successor
    while following is not None and following != act.authority:
        following = model.state["authority"].get(following, {}).get("successor")
    if following is not None:
        yield "R-SELF"
    if context.role == "root":
        return
    willing = [who for who, role, _ in context.cosigners if role in ("act", "admin")]
    named = model.state["authority"].get(act.authority, {}).get("successor")
    if act.successor != named and (named is not None or act.successor not in (None, context.authority, *willing)):
        yield "R-CONSENT"
    if act.successor is not None:
        yield from strands(model, context, act)


def strands(model: Model, context: Context, act: Any) -> Rules:
    """An heir that is, or is too near to, somebody who lodges or hears appeals."""
    for definition in model.state["list"].values():
        if definition["polarity"] != "restriction" or definition["source"] is not None:
            continue
        lodgers = [model.today(body, context.day) for body in definition["lodgers"]]
        reviewers = [model.today(body, context.day) for body in definition["reviewers"]]
        if any(model.related(act.successor, lodger) for lodger in lodgers):
            yield "R-INDEPENDENT"
        if any(act.successor in (reviewer, *model.above(reviewer)) for reviewer in reviewers):
            yield "R-INDEPENDENT"


def orphaned(model: Model, context: Context, act: Any) -> bool:
    """Whether root names a successor for a body that closed without one."""
    row = model.state["authority"].get(act.authority)
    if row is None or row["closed"] is None or row["closed"] > context.day:
        return False
    return row["successor"] is None and context.role == "root" and act.successor is not None


def close_authority(model: Model, context: Context, act: Any) -> None:
    row = model.state["authority"][act.authority]
    row |= {"closed": row["closed"] if orphaned(model, context, act) else act.effective, "successor": act.successor}


def mandate_grant(model: Model, context: Context, act: Any) -> Rules:
    yield from taken(model, "mandate", act.mandate)
    yield from model.open_bodies(context.day, act.authority)
    if act.authority in (context.authority, *model.above(context.authority)):
        yield "R-SELF"
    yield from admin(model, context, model.state["authority"].get(act.authority, {}).get("parent"))
    yield from law(model, context, act.law)
    if act.until is not None and act.until <= act.effective:
        yield "R-MANDATE-TERM"
    if context.role != "root" and not any(
        set(act.actions) <= set(row["actions"]) - {"delegate"}
        and (not row["areas"] or (act.areas and all(within(area, row["areas"]) for area in act.areas)))
        and act.effective >= row["effective"]
        and (row["until"] is None or (act.until is not None and act.until <= row["until"]))
        for row in model.mandates(context.authority, act.list, "delegate", context.day)
    ):
        yield "R-MANDATE"
    if act.list is None:
        if set(act.actions) - {"catalogue", "define", "delegate"}:
            yield "R-MANDATE"
    elif act.list not in model.state["list"]:
        yield "R-UNKNOWN"
    else:
        yield from powers(model, context.day, act, model.state["list"][act.list])


def powers(model: Model, day: str, act: Any, definition: dict[str, Any]) -> Rules:
    """Separation and independence, as a new mandate on a list meets them."""
    held = {
        action
        for row in model.state["mandate"].values()
        if (row["authority"], row["list"]) == (act.authority, act.list)
        for action in row["actions"]
    } | set(act.actions)
    if bool(held & DECIDING) + ("lodge" in held) + ("review" in held) > 1:
        yield "R-SEPARATION"
    for action, bodies in (("lodge", definition["lodgers"]), ("review", definition["reviewers"])):
        if action in act.actions and act.authority not in [model.today(body, day) for body in bodies]:
            yield "R-INDEPENDENT"
    deciding = DECIDING & set(act.actions)
    if not deciding:
        return
    if deciding != {"transcribe"} if definition["source"] is not None else "transcribe" in deciding:
        yield "R-TRANSCRIPT"
    deciders = {act.authority}
    if definition["consent"] == "parent":
        deciders |= {*model.above(act.authority)[:1]}
    restricts = definition["polarity"] == "restriction" and definition["source"] is None
    if restricts and not any(recourse(model, definition, deciders, day)):
        yield "R-INDEPENDENT"


def recourse(model: Model, definition: dict[str, Any], deciders: set[str], day: str) -> Iterator[tuple[str, str]]:
    """Every pair of bodies of which one may lodge against these deciders, and the other decide what it lodged."""
    lodgers = [model.today(body, day) for body in definition["lodgers"]]
    reviewers = [model.today(body, day) for body in definition["reviewers"]]
    for lodger, reviewer in product(lodgers, reviewers):
        if may_lodge(model, lodger, deciders, day) and may_review(model, reviewer, {*deciders, lodger}, day):
            yield lodger, reviewer


def may_lodge(model: Model, lodger: str, deciders: set[str], day: str) -> bool:
    """Whether a body is neither a decider, nor the heir of one, nor above or below either."""
    involved = deciders | {heir for decider in deciders for heir in model.heirs(decider, day)}
    return not any(model.related(lodger, one) for one in involved)


def may_review(model: Model, reviewer: str, parties: set[str], day: str) -> bool:
    """Whether a body is neither a party, nor the heir of one, nor below either."""
    involved = parties | {heir for party in parties for heir in model.heirs(party, day)}
    return not involved & {reviewer, *model.above(reviewer)}


def reaches(mandates: list[dict[str, Any]], area: str | None) -> bool:
    """Whether one of the mandates covers the area; one for no area in particular covers everything."""
    return any(not row["areas"] or (area is not None and within(area, row["areas"])) for row in mandates)


def within(area: str, areas: Any) -> bool:
    return any(area == one or (area.startswith(one) and area[len(one)] in "-.") for one in areas)


def grant_mandate(model: Model, context: Context, act: Any) -> None:
    model.state["mandate"][act.mandate] = act._asdict() | {"granted_by": context.authority, "revoked": None}


def mandate_revoke(model: Model, context: Context, act: Any) -> Rules:
    row = model.state["mandate"].get(act.mandate)
    if row is None:
        yield "R-UNKNOWN"
        return
    if row["revoked"] is not None and not (context.day < row["revoked"] and act.effective < row["revoked"]):
        yield "R-MANDATE-TERM"
    yield from admin(model, context, row["granted_by"], *model.above(row["authority"])[:1])


def revoke_mandate(model: Model, context: Context, act: Any) -> None:
    model.state["mandate"][act.mandate]["revoked"] = act.effective


GOVERNANCE: dict[str, Rule] = {
    "LedgerCreate": (ledger_create, create),
    "RulesActivate": (rules_activate, activate),
    "AuthorityRegister": (authority_register, register_authority),
    "AuthorityClose": (authority_close, close_authority),
    "MandateGrant": (mandate_grant, grant_mandate),
    "MandateRevoke": (mandate_revoke, revoke_mandate),
    "KeyAdd": (key_add, add_key),
    "KeyRevoke": (key_revoke, revoke_key),
    "EntryConfirm": (entry_confirm, confirm),
}
