"""The rules for authorities and their mandates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from creditledger.acts import catalogue as acts
from creditledger.rules.governance_state import Governance
from creditledger.rules.independence import (
    DECIDING,
    independent_lodgers,
    independent_reviewers,
    needs_recourse,
    require_separation,
)
from creditledger.rules.refusal import (
    Context,
    area_within,
    refuse,
    require_admin,
    require_law,
)
from creditledger.rules.registered import require_free, require_list, require_open
from creditledger.rules.rows import ROOT, AuthorityRow, MandateRow


def _authority_register(governance: Governance, context: Context, act: acts.AuthorityRegister) -> None:
    require_free(act.authority, governance.authorities, "authority")
    if act.authority == ROOT:
        refuse("R-ID-TAKEN", "the name root is reserved for the root keys", "another identifier")
    if act.parent is not None:
        require_open(governance, act.parent, context.day)
    require_admin(governance, context, () if act.parent is None else (act.parent,), "registering an authority")
    require_law(governance, act.law, context.day, f"authority {act.authority}")
    if act.identity is not None and act.identity.scheme == "handle":
        refuse(
            "R-SCHEME", "an authority's identity is given as a handle", "an identifier that is public by law, or none"
        )
    governance.set_row(
        "authority",
        act.authority,
        AuthorityRow(act.authority, act.name, act.parent, act.area, act.identity, None, None),
    )


def _authority_close(governance: Governance, context: Context, act: acts.AuthorityClose) -> None:
    row = governance.authorities.get(act.authority)
    orphaned = row is not None and row.closed is not None and row.closed <= context.day and row.successor is None
    if row is None or not (orphaned and context.role == "root" and act.successor is not None):
        row = require_open(governance, act.authority, context.day)
        orphaned = False
        if row.closed is not None and act.effective >= row.closed:
            refuse(
                "R-AUTHORITY-CLOSED",
                f"{act.authority} closes on {row.closed} already; {act.effective} is no earlier",
                "an earlier day: a closing is brought forward, never postponed",
            )
    require_admin(governance, context, () if row.parent is None else (row.parent,), f"closing {act.authority}")
    if act.successor is not None:
        require_open(governance, act.successor, context.day)
        if act.authority in governance.line(act.successor):
            refuse(
                "R-SELF", f"{act.authority} is named as its own successor, or leads to it", "another authority, or none"
            )
    if context.role != "root":
        _require_successor_agreed(context, row, act.successor)
        if act.successor is not None:
            _require_successor_harmless(governance, act, act.successor, context.day)
    # The day on which a body closed stands, also where its successor is named later.
    closed = row.closed if orphaned else act.effective
    governance.set_row("authority", act.authority, row._replace(closed=closed, successor=act.successor))


def _require_successor_agreed(context: Context, row: AuthorityRow, successor: str | None) -> None:
    """R-CONSENT: a successor on record stays, and none is made without its signature; but for acts of root."""
    if successor == row.successor:
        return
    if row.successor is not None:
        refuse(
            "R-CONSENT",
            f"{row.successor} is to succeed {row.authority} already",
            f"{row.successor} as successor, or an entry of root",
        )
    signers = ((context.authority, context.role, context.key), *context.cosigners)
    if not any(who == successor and role in ("act", "admin") for who, role, _ in signers):
        refuse(
            "R-CONSENT",
            f"{successor} is named as successor, and did not sign",
            f"a countersignature of {successor}, or an entry of root",
        )


def _require_successor_harmless(governance: Governance, act: acts.AuthorityClose, successor: str, day: str) -> None:
    """R-INDEPENDENT: nobody bars a body of recourse from its office by making it the heir of one who takes part.

    Asked for every list, since who takes part in a listing may hold no mandate there: a cosigner, an heir's heir.
    """
    for list_id, definition in sorted((one, row.definition) for one, row in governance.lists.items()):
        if not needs_recourse(definition):
            continue
        lodgers = [governance.present_body(one, day) for one in definition.lodgers]
        reviewers = [governance.present_body(one, day) for one in definition.reviewers]
        above = governance.ancestors(successor)
        barred = next(
            (
                body
                for body in (*lodgers, *reviewers)
                if body == successor or successor in governance.ancestors(body) or (body in lodgers and body in above)
            ),
            None,
        )
        if barred is not None:
            refuse(
                "R-INDEPENDENT",
                f"as heir of {act.authority} {successor} would bar {barred} from appeals on {list_id}",
                "another successor, or an entry of root",
            )


def _mandate_grant(governance: Governance, context: Context, act: acts.MandateGrant) -> None:
    require_free(act.mandate, governance.mandates, "mandate")
    grantee = require_open(governance, act.authority, context.day)
    if context.authority == act.authority or act.authority in governance.ancestors(context.authority):
        refuse("R-SELF", f"{context.authority} grants a mandate to itself or to a body above it", "another grantor")
    require_admin(governance, context, () if grantee.parent is None else (grantee.parent,), f"mandate {act.mandate}")
    require_law(governance, act.law, context.day, f"mandate {act.mandate}")
    if act.until is not None and act.until <= act.effective:
        refuse("R-MANDATE-TERM", f"mandate {act.mandate} would end on {act.until}, before it begins", "a later end")
    if context.role != "root":
        _require_delegation(governance, context, act)
    if act.list is None:
        if not set(act.actions) <= {"catalogue", "define", "delegate"}:
            refuse(
                "R-MANDATE",
                "a mandate without a list is for catalogue, define or delegate only",
                "the list's identifier",
            )
    else:
        definition = require_list(governance, act.list).definition
        require_separation(governance, act.authority, act.list, act.actions)
        _require_independence_kept(governance, definition, act, context.day)
    governance.set_row("mandate", act.mandate, MandateRow(act, context.authority, None))


def _require_delegation(governance: Governance, context: Context, act: acts.MandateGrant) -> None:
    """R-MANDATE: who is not root passes on no more than it may: its own delegable actions, areas and term."""
    held = governance.mandates_in_force(context.authority, act.list, "delegate", context.day)
    for row in held:
        grant = row.grant
        if (
            set(act.actions) <= set(grant.actions) - {"delegate"}
            and (not grant.areas or (act.areas and all(area_within(area, grant.areas) for area in act.areas)))
            and grant.effective <= act.effective
            and (grant.until is None or (act.until is not None and act.until <= grant.until))
        ):
            return
    refuse(
        "R-MANDATE",
        f"{context.authority} passes on a mandate that it may not delegate",
        "a mandate with action delegate that holds every action, area and day passed on (delegate itself stays)",
    )


def _require_independence_kept(
    governance: Governance, definition: acts.ListDefine, act: acts.MandateGrant, day: str
) -> None:
    """R-INDEPENDENT, R-TRANSCRIPT: the new mandate fits the powers that the list's definition hands out."""
    for action, named in (("lodge", definition.lodgers), ("review", definition.reviewers)):
        bodies = [governance.present_body(one, day) for one in named]
        if action in act.actions and act.authority not in bodies:
            refuse(
                "R-INDEPENDENT",
                f"list {definition.list} does not name {act.authority} among the bodies that {action} appeals",
                f"one of: {', '.join(bodies) or 'none is named'}",
            )
    deciding = DECIDING & set(act.actions)
    if not deciding:
        return
    if deciding != {"transcribe"} if definition.source is not None else "transcribe" in deciding:
        refuse(
            "R-TRANSCRIPT",
            f"list {definition.list} is {'a transcript' if definition.source else 'no transcript'}; "
            f"the mandate is to {', '.join(sorted(deciding))}",
            "transcribe for a transcript, the deciding actions otherwise",
        )
    if needs_recourse(definition):
        parent = governance.authorities[act.authority].parent if definition.consent == "parent" else None
        deciders = (act.authority,) if parent is None else (act.authority, parent)
        lodgers = independent_lodgers(governance, definition, deciders, day)
        for what, found in (
            ("lodge", bool(lodgers)),
            ("review", any(independent_reviewers(governance, definition, (*deciders, one), day) for one in lodgers)),
        ):
            if not found:
                refuse(
                    "R-INDEPENDENT",
                    f"list {definition.list} names nobody independent of {act.authority} to {what} appeals",
                    f"a list whose definition names an independent body to {what}",
                )


def _mandate_revoke(governance: Governance, context: Context, act: acts.MandateRevoke) -> None:
    row = governance.mandates.get(act.mandate)
    if row is None:
        refuse("R-UNKNOWN", f"mandate {act.mandate} does not exist", "the identifier of a mandate granted before")
    if row.revoked is not None and not context.day < row.revoked > act.effective:
        refuse("R-MANDATE-TERM", f"mandate {act.mandate} was revoked on {row.revoked}", "a mandate not yet revoked")
    parent = governance.authorities[row.grant.authority].parent
    entitled = tuple(body for body in {row.granted_by, parent} if body not in (None, ROOT))
    require_admin(governance, context, tuple(map(str, entitled)), f"revoking mandate {act.mandate}")
    governance.set_row("mandate", act.mandate, row._replace(revoked=act.effective))


BODY_RULES: dict[type, Callable[[Governance, Context, Any], None]] = {
    acts.AuthorityRegister: _authority_register,
    acts.AuthorityClose: _authority_close,
    acts.MandateGrant: _mandate_grant,
    acts.MandateRevoke: _mandate_revoke,
}
