"""Separation of powers: who may not judge whom (P5).

Two bodies are related when one stands above the other. A body that lodges appeals must be unrelated to the one that
decides the listing; a body that reviews may stand above it, as a higher court does, but not below.
"""

from __future__ import annotations

from creditledger.acts.catalogue import ListDefine
from creditledger.rules.governance_state import Governance
from creditledger.rules.refusal import refuse

DECIDING = frozenset({"add", "annul", "correct", "remove", "suspend", "transcribe"})
_POWERS = {"lodge": "lodge", "review": "review"} | dict.fromkeys(DECIDING, "decide")


def needs_recourse(definition: ListDefine) -> bool:
    """Whether the list restricts people by its own decisions, so that appeals against it must be possible."""
    return definition.polarity == "restriction" and definition.source is None


def independent_lodgers(governance: Governance, definition: ListDefine, deciders: tuple[str, ...]) -> list[str]:
    """The list's lodging bodies that are none of the deciders and not related to any."""
    related = {*deciders, *(above for decider in deciders for above in governance.ancestors(decider))}
    return [
        body
        for body in definition.lodgers
        if body not in related and not any(decider in governance.ancestors(body) for decider in deciders)
    ]


def independent_reviewers(governance: Governance, definition: ListDefine, parties: tuple[str, ...]) -> list[str]:
    """The list's reviewing bodies that are none of the parties and not below one: those that R-REVIEWER lets decide."""
    return [
        body
        for body in definition.reviewers
        if body not in parties and not any(party in governance.ancestors(body) for party in parties)
    ]


def require_recourse(governance: Governance, definition: ListDefine, deciders: tuple[str, ...], day: str) -> None:
    """R-INDEPENDENT: on the day, an independent body may lodge appeals against a listing, and another may decide them.

    `deciders` are the authority that lists and those that countersign. Checked at every listing, not only when the list
    opens: a recourse that has lapsed since is none.
    """
    question = ("recourse", definition.list, deciders, day)
    if governance.recall(question):
        return
    lodgers = [
        body
        for body in independent_lodgers(governance, definition, deciders)
        if governance.mandates_in_force(body, definition.list, "lodge", day)
    ]
    reviewed = any(
        governance.mandates_in_force(body, definition.list, "review", day)
        for lodger in lodgers
        for body in independent_reviewers(governance, definition, (*deciders, lodger))
    )
    if not reviewed:
        power = "review" if lodgers else "lodge"
        who = " and ".join(sorted({*deciders, *lodgers}))
        refuse(
            "R-INDEPENDENT",
            f"no body independent of {who} has a mandate in force on {day} to {power} appeals on {definition.list}",
            f"a mandate to {power} for one of the list's {power} bodies that is independent of {who}",
        )
    governance.remember(question, True)


def require_separation(governance: Governance, authority: str, list_id: str, actions: tuple[str, ...]) -> None:
    """R-SEPARATION: with these actions the authority still holds one power only among deciding, lodging, reviewing.

    Mandates that were revoked or have ended count too: who once decided on a list does not later review there.
    """
    held = {
        _POWERS[action]: action
        for action in (
            *actions,
            *(
                action
                for row in governance.mandates_of(authority)
                if row.grant.list == list_id
                for action in row.grant.actions
            ),
        )
        if action in _POWERS
    }
    if len(held) > 1:
        powers = " and ".join(sorted(held.values()))
        refuse(
            "R-SEPARATION",
            f"{authority} would hold the powers to {powers} on list {list_id}",
            "different authorities for deciding, lodging and reviewing",
        )
