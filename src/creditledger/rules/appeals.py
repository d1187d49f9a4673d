"""The rules for appeals and for the erasure of content.

Each function reads governance and the subject's own row, nothing else, and enters its change into the row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from creditledger.acts import catalogue as acts
from creditledger.rules.governance_state import Governance
from creditledger.rules.independence import decider_related, party_above
from creditledger.rules.refusal import Context, refuse, require_area, require_law
from creditledger.rules.rows import Appeal, Ended, Ending, Listing, SubjectRow
from creditledger.rules.standing import (
    commit_content,
    find_appeal,
    find_listing,
    require_decided,
    require_live,
    require_not_self,
    standing_of,
)


def _appeal_file(governance: Governance, context: Context, act: acts.AppealFile, row: SubjectRow) -> None:
    standing = standing_of(governance, context, act.list, "lodge", own=False)
    listing = find_listing(context, row, act.listing)
    if not standing.everywhere:
        require_area(standing.areas, listing.area, context.authority)
    related = decider_related(governance, context.authority, listing.deciders, context.day)
    if related is not None:
        refuse(
            "R-INDEPENDENT",
            f"{context.authority} lodges an appeal against a listing in which {related} took part, or that {related} "
            f"has inherited; that is the same body, or one above or below it",
            "a lodging body that is no decider of the listing nor its heir, and stands neither above nor below one",
        )
    if act.filed > context.day:
        refuse("R-DATES", f"filed on {act.filed}, after the day of recording {context.day}", "a day not in the future")
    if listing.ended is not None and listing.ended.how == "annulled" and listing.ended.effective <= context.day:
        refuse(
            "R-TRANSITION", "the listing is annulled; there is nothing left to appeal against", "a listing not annulled"
        )
    if any(appeal.outcome is None and appeal.lodger == context.authority for appeal in listing.appeals):
        refuse(
            "R-TRANSITION",
            f"an appeal of {context.authority} against the listing is open",
            "its decision or withdrawal",
        )
    listing.appeals = (
        *listing.appeals,
        Appeal(context.digest, context.index, context.seq, context.authority, act.filed),
    )
    commit_content(row, act.content)


def _require_pending(appeal: Appeal) -> None:
    if appeal.outcome is not None:
        refuse("R-TRANSITION", f"the appeal was closed on {appeal.decided}: {appeal.outcome}", "an open appeal")


def _appeal_decide(governance: Governance, context: Context, act: acts.AppealDecide, row: SubjectRow) -> None:
    standing = standing_of(governance, context, act.list, "review", own=False)
    require_not_self(standing, context, act.subject)
    listing, appeal = find_appeal(context, row, act.appeal)
    _require_pending(appeal)
    if not standing.everywhere:
        require_area(standing.areas, listing.area, context.authority)
    parties = (*listing.deciders, appeal.lodger)
    party = party_above(governance, context.authority, parties, context.day)
    if party is not None:
        refuse(
            "R-REVIEWER",
            f"{context.authority} {'is' if party == context.authority else 'stands below'} {party}, a party to it",
            "a reviewing body that took no part and is not subordinate to one that did",
        )
    require_decided(context, act.decided)
    if act.decided < appeal.filed or act.effective < act.decided:
        refuse(
            "R-DATES", f"filed {appeal.filed}, decided {act.decided}, effective {act.effective}", "that order of days"
        )
    if (act.outcome == "vary") != (act.until is not None):
        refuse("R-REASON", "an until date belongs to the outcome vary, and to no other", "both or neither")
    if act.until is not None:
        require_live(context, listing, "varying")
        if listing.until is not None and act.until >= listing.until:
            refuse("R-EXTENDS", f"the listing would end on {act.until} instead of {listing.until}", "an earlier day")
        if act.until <= (listing.effective or ""):
            refuse("R-DATES", f"the listing would end on {act.until}, not after it began", "a later day, or a quashing")
        listing.until = act.until
    elif act.outcome in ("quash_ex_nunc", "quash_ex_tunc"):
        _quash(context, act, listing)
    appeal.outcome, appeal.decided, appeal.effective = act.outcome, act.decided, act.effective
    commit_content(row, act.content)


def _quash(context: Context, act: acts.AppealDecide, listing: Listing) -> None:
    """A quashing ends the listing by itself, without waiting for the authority that lost.

    It takes effect beside whatever ended the listing before: the end stays or comes nearer, it is never postponed, and
    what is void stays void.
    """
    how: Ending = "annulled" if act.outcome == "quash_ex_tunc" else "quashed"
    effective = act.effective
    ended = listing.ended
    if ended is not None:
        if ended.effective <= effective and (ended.how == "annulled" or how == "quashed"):
            return
        effective = min(effective, ended.effective)
        how = "annulled" if ended.how == "annulled" else how
    listing.ended = Ended(how, act.outcome, effective, context.seq)


def _appeal_withdraw(governance: Governance, context: Context, act: acts.AppealWithdraw, row: SubjectRow) -> None:
    standing_of(governance, context, act.list, "lodge", own=False)
    _, appeal = find_appeal(context, row, act.appeal)
    _require_pending(appeal)
    if appeal.lodger != context.authority:
        refuse(
            "R-LISTER",
            f"{context.authority} would withdraw an appeal lodged by {appeal.lodger}",
            f"{appeal.lodger} itself",
        )
    if not appeal.filed <= act.withdrawn <= context.day:
        refuse(
            "R-DATES", f"filed {appeal.filed}, withdrawn {act.withdrawn}, recorded {context.day}", "that order of days"
        )
    appeal.outcome, appeal.decided, appeal.effective = "withdrawn", act.withdrawn, act.withdrawn


def _erase(governance: Governance, context: Context, act: acts.ContentErase, row: SubjectRow) -> None:
    standing = standing_of(governance, context, act.list, "erase", own=False)
    require_not_self(standing, context, act.subject)
    if not standing.everywhere:
        for listing in row.listings:
            require_area(standing.areas, listing.area, context.authority)
    require_decided(context, act.decided)
    require_law(governance, act.law, context.day, "an erasure")
    if any(appeal.outcome is None for listing in row.listings for appeal in listing.appeals):
        refuse(
            "R-ERASE", "an appeal about the subject is open, and needs what it rests on", "its decision or withdrawal"
        )
    for commitment in act.commitments:
        if commitment not in row.commitments:
            erased = any(commitment == one for one, _ in row.erased)
            refuse(
                "R-ERASE",
                f"commitment {commitment.hex()} {'is erased already' if erased else 'was never made about them'}",
                "commitments made in acts about this subject on this list",
            )
    row.commitments = [one for one in row.commitments if one not in act.commitments]
    row.erased.extend((commitment, context.seq) for commitment in act.commitments)


APPEAL_RULES: dict[type, Callable[[Governance, Context, Any, SubjectRow], None]] = {
    acts.AppealFile: _appeal_file,
    acts.AppealDecide: _appeal_decide,
    acts.AppealWithdraw: _appeal_withdraw,
    acts.ContentErase: _erase,
}
