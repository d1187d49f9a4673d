"""The one way in which a rule says no, and the checks that many rules share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

from creditledger.errors import Refused
from creditledger.rules.catalogue import RULES
from creditledger.rules.governance_state import Governance


class Context:
    """What an act's entry contributes to judging it.

    `seq` and `day` (civil, `YYYY-MM-DD`) of the record; `digest` = SHA-256 of the entry; the author's `authority`,
    `key` and that key's `role`; `cosigners` = the other (authority, role, key) that signed; `acts` = the entry's acts;
    `author_seq` = its number among its key's entries; `index` = which act is being judged.
    """

    __slots__ = ("acts", "author_seq", "authority", "cosigners", "day", "digest", "index", "key", "role", "seq")

    def __init__(
        self, seq: int, day: str, digest: bytes, authority: str, key: bytes, role: str,
        cosigners: tuple[tuple[str, str, bytes], ...], acts: tuple[object, ...], author_seq: int,
    ) -> None:  # fmt: skip
        self.seq = seq
        self.day = day
        self.digest = digest
        self.authority = authority
        self.key = key
        self.role = role
        self.cosigners = cosigners
        self.acts = acts
        self.author_seq = author_seq
        self.index = 0


def refuse(rule: str, conflict: str, remedy: str) -> NoReturn:
    """Raises `Refused`; the rule must be one of the catalogue."""
    if rule not in RULES:
        raise KeyError(rule)
    raise Refused(rule, conflict, remedy)


def require_law(governance: Governance, law: str, day: str, what: str) -> None:
    """R-LEGAL-BASIS: the law is registered and in force on the day."""
    if not governance.law_in_force(law, day):
        row = governance.laws.get(law)
        if row is None:
            state = "is not registered"
        else:
            state = f"is in force from {row.effective} " + ("on" if row.until is None else f"until {row.until}")
        refuse("R-LEGAL-BASIS", f"{what} rests on law {law}, which {state}", f"a law in force on {day}")


def require_mandate(
    governance: Governance, context: Context, list_id: str | None, action: str
) -> tuple[frozenset[str], ...]:
    """R-MANDATE: the author's authority holds a mandate in force; returns the areas of each (empty: everywhere)."""
    question = ("mandate", context.authority, list_id, action, context.day)
    areas: tuple[frozenset[str], ...] | None = governance.recall(question)
    if areas is None:
        rows = governance.mandates_in_force(context.authority, list_id, action, context.day)
        areas = tuple(frozenset(row.grant.areas) for row in rows)
        governance.remember(question, areas)
    if not areas:
        where = "the catalogue" if list_id is None else f"list {list_id}"
        refuse(
            "R-MANDATE",
            f"{context.authority} holds no mandate in force on {context.day} to {action} on {where}",
            f"a mandate.grant with action {action} for {context.authority}, in force, under a law in force",
        )
    return areas


def covers(areas: Iterable[str], area: str | None) -> bool:
    """Whether a mandate for these areas (none: everywhere) covers an area, or with None an act without one."""
    named = tuple(areas)
    return not named or (area is not None and area_within(area, named))


def area_within(area: str, areas: Iterable[str]) -> bool:
    """Whether an area is one of the areas or lies in one: `cn-44` contains `cn-44-03` and `cn-44.03`, not `cn-445`."""
    return any(area == one or area.startswith((f"{one}-", f"{one}.")) for one in areas)


def require_area(areas: tuple[frozenset[str], ...], area: str | None, authority: str) -> None:
    """R-MANDATE-AREA: one of the mandates covers the area: it names none, or the area, or one that contains it."""
    if not any(covers(covered, area) for covered in areas):
        refuse(
            "R-MANDATE-AREA",
            f"{authority}'s mandate does not cover {'an act without an area' if area is None else f'area {area}'}",
            "an area within the mandate",
        )


def require_role(context: Context, role: str) -> None:
    """R-ROLE: the author signed with a key of the role."""
    if context.role != role:
        refuse("R-ROLE", f"the key signed is of role {context.role}", f"a key of role {role}")


def root_signatures(context: Context) -> int:
    """How many root keys signed the entry."""
    return (context.role == "root") + sum(role == "root" for _, role, _ in context.cosigners)


def require_root(governance: Governance, context: Context, what: str) -> None:
    """R-ROOT: the entry is signed by as many root keys as the ledger's threshold."""
    threshold = governance.ledger.threshold if governance.ledger else 0
    found = root_signatures(context)
    if context.role != "root" or found < threshold:
        refuse("R-ROOT", f"{what} is signed by {found} root keys", f"an entry of root with {threshold} root signatures")


def require_admin(governance: Governance, context: Context, entitled: tuple[str, ...], what: str) -> None:
    """R-ADMIN: k root keys, or the admin key of one of the entitled authorities."""
    if context.role == "root":
        require_root(governance, context, what)
    elif context.role != "admin" or context.authority not in entitled:
        bodies = " or ".join(sorted(set(entitled))) or "nobody else"
        refuse(
            "R-ADMIN",
            f"{what} is signed by {context.authority} with a key of role {context.role}",
            f"the threshold of root keys, or the admin key of: {bodies}",
        )


def require_parent_consent(governance: Governance, context: Context) -> None:
    """R-CONSENT: an act key of the acting authority's parent countersigned."""
    row = governance.authorities.get(context.authority)
    parent = row.parent if row else None
    if parent is None or not any(who == parent and role == "act" for who, role, _ in context.cosigners):
        refuse(
            "R-CONSENT",
            f"the list demands the consent of {context.authority}'s parent, and it did not countersign",
            f"a countersignature by an act key of {parent or 'a parent authority (none is registered)'}",
        )
