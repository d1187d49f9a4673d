"""Separation of powers: who may not judge whom (P5).

Two bodies are related when one stands above the other. A body that lodges appeals must be unrelated to those that
decided the listing, and to their heirs; a body that reviews may stand above them, as a higher court does, but not
below.
"""

from __future__ import annotations

from creditledger.acts.catalogue import ListDefine
from creditledger.rules.governance_state import Governance
from creditledger.rules.refusal import covers, refuse

DECIDING = frozenset({"add", "annul", "correct", "remove", "suspend", "transcribe"})
_POWERS = {"lodge": "lodge", "review": "review"} | dict.fromkeys(DECIDING, "decide")


def needs_recourse(definition: ListDefine) -> bool:
    """Whether the list restricts people by its own decisions, so that appeals against it must be possible."""
    return definition.polarity == "restriction" and definition.source is None


def independent_lodgers(
    governance: Governance, definition: ListDefine, deciders: tuple[str, ...], day: str
) -> list[str]:
    """The list's lodging bodies, or their successors on the day, that are related to no decider and no heir of one."""
    return [
        body
        for body in (governance.present_body(one, day) for one in definition.lodgers)
        if decider_related(governance, body, deciders, day) is None
    ]


def independent_reviewers(
    governance: Governance, definition: ListDefine, parties: tuple[str, ...], day: str
) -> list[str]:
    """The list's reviewing bodies, or their successors on the day, that R-REVIEWER lets decide between the parties."""
    return [
        body
        for body in (governance.present_body(one, day) for one in definition.reviewers)
        if party_above(governance, body, parties, day) is None
    ]


def decider_related(governance: Governance, lodger: str, deciders: tuple[str, ...], day: str) -> str | None:
    """The decider, or heir of one on the day, that the lodger is, or stands above or below; None if there is none."""
    own = (lodger, *governance.ancestors(lodger))
    involved = _with_heirs(governance, deciders, day)
    return next((body for body in involved if body in own or lodger in governance.ancestors(body)), None)


def party_above(governance: Governance, reviewer: str, parties: tuple[str, ...], day: str) -> str | None:
    """The party, or heir of one on the day, that the reviewer is, or stands below; None if there is none."""
    involved = _with_heirs(governance, parties, day)
    return next((body for body in (reviewer, *governance.ancestors(reviewer)) if body in involved), None)


def _with_heirs(governance: Governance, bodies: tuple[str, ...], day: str) -> list[str]:
    return [*bodies, *(heir for body in bodies for heir in governance.heirs(body, day))]


def require_recourse(
    governance: Governance, definition: ListDefine, deciders: tuple[str, ...], area: str | None, day: str
) -> None:
    """R-INDEPENDENT: on the day, an independent body may lodge appeals against a listing, and another may decide them.

    `deciders` are the authority that lists and all others that take part, `area` is the listing's. Checked at every
    listing, not only when the list opens: a recourse that has lapsed since is none.
    """
    question = ("recourse", definition.list, deciders, area, day)
    if governance.recall(question):
        return

    def may(body: str, power: str) -> bool:
        mandates = governance.mandates_in_force(body, definition.list, power, day)
        return any(covers(row.grant.areas, area) for row in mandates)

    lodgers = [body for body in independent_lodgers(governance, definition, deciders, day) if may(body, "lodge")]
    reviewed = any(
        may(body, "review")
        for lodger in lodgers
        for body in independent_reviewers(governance, definition, (*deciders, lodger), day)
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
