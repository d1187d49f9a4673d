"""The rules for listings: how one begins, what befalls it, how it ends.

Each function reads governance and the subject's own row, nothing else, and enters its change into the row, so that an
audit can be divided by subject. This is the hot path: what depends on governance and the day alone is worked out once
and remembered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from creditledger.acts import catalogue as acts
from creditledger.acts.kinds import ActRef, Subject
from creditledger.codec.dates import add_months
from creditledger.errors import FormatError
from creditledger.rules.governance_state import Governance
from creditledger.rules.independence import needs_recourse, require_recourse
from creditledger.rules.refusal import (
    Context,
    refuse,
    require_area,
    require_law,
    require_parent_consent,
)
from creditledger.rules.rows import Ended, Listing, SubjectRow, Suspension
from creditledger.rules.standing import (
    Standing,
    commit_content,
    cosigners_of,
    find_appeal,
    find_listing,
    require_decided,
    require_live,
    require_not_self,
    require_source,
    standing_of,
)

LAST_DAY = "9999-12-31"
QUASHINGS = ("quash_ex_nunc", "quash_ex_tunc")
WON = (*QUASHINGS, "vary")
"""The outcomes after which the listing does not stand as it was decided."""


def _require_scheme(standing: Standing, subject: Subject) -> None:
    if subject.scheme not in standing.definition.schemes:
        refuse(
            "R-SCHEME",
            f"list {standing.definition.list} does not admit subjects of kind {subject.scheme}",
            f"one of: {', '.join(standing.definition.schemes)}",
        )


def _opening_balance(
    governance: Governance, context: Context, act: acts.ListingOpeningBalance, row: SubjectRow
) -> None:
    standing = standing_of(governance, context, act.list, "add")
    require_not_self(standing, context, act.subject)
    _require_scheme(standing, act.subject)
    if governance.lists[act.list].opened is not None:
        refuse("R-LIST-STATE", f"list {act.list} is open already", "listing.add; opening balances precede list.open")
    if not standing.everywhere:
        require_area(standing.areas, act.area, context.authority)
    months: int | None = None
    if act.ground is not None:
        months = _ground_months(governance, context, act.list, act.ground, act.effective or context.day)
    if act.effective is not None and act.effective > context.day:
        refuse(
            "R-DATES",
            f"an opening balance effective on {act.effective} lies ahead",
            "listing.add once the list is open",
        )
    if act.effective is not None:
        _require_term(act.effective, act.until, months, act.ground)
    elif months is not None:
        # However late it began, it began before today.
        _require_cap(context.day, act.until, months, act.ground)
    cosigners = cosigners_of(context)
    if needs_recourse(standing.definition):
        require_recourse(governance, standing.definition, (context.authority, *cosigners), act.area, context.day)
    _enter_listing(context, act, row, cosigners, unproven=True)


def _add(governance: Governance, context: Context, act: acts.ListingAdd, row: SubjectRow) -> None:
    cosigners = cosigners_of(context) if context.cosigners else ()
    question = (
        "add", context.authority, context.role, cosigners, act.list, act.area, act.ground, act.measures, context.day,
        act.decided,
    )  # fmt: skip
    known: tuple[Standing, int | None] | None = governance.recall(question)
    standing = standing_of(governance, context, act.list, "add") if known is None else known[0]
    if act.subject in standing.excluded:
        require_not_self(standing, context, act.subject)
    if act.subject.scheme not in standing.definition.schemes:
        _require_scheme(standing, act.subject)
    if not standing.everywhere:
        require_area(standing.areas, act.area, context.authority)
    if known is None:
        known = (standing, _listing_basis(governance, context, act, standing.definition, cosigners))
        governance.remember(question, known)
    if standing.definition.consent == "parent":
        require_parent_consent(governance, context)
    if act.decided > context.day:
        refuse(
            "R-DATES", f"decided on {act.decided}, after the day of recording {context.day}", "a day not in the future"
        )
    if act.effective < act.decided and standing.definition.source is None:
        refuse(
            "R-DATES",
            f"effective on {act.effective}, before the decision of {act.decided}",
            "no effect before the decision",
        )
    _require_term(act.effective, act.until, known[1], act.ground)
    _enter_listing(context, act, row, cosigners, unproven=False)


def _listing_basis(
    governance: Governance,
    context: Context,
    act: acts.ListingAdd,
    definition: acts.ListDefine,
    cosigners: tuple[str, ...],
) -> int | None:
    """Everything about a new listing that governance and its dates alone decide; returns the ground's longest term."""
    row = governance.lists[act.list]
    if row.opened is None or context.day < row.opened or (row.closed is not None and row.closed <= context.day):
        refuse("R-LIST-STATE", f"list {act.list} is not open on {context.day}", "an open list")
    require_law(governance, definition.law, context.day, f"list {act.list}")
    months = _ground_months(governance, context, act.list, act.ground, act.decided)
    for measure in act.measures:
        if measure not in definition.measures:
            refuse(
                "R-MEASURE",
                f"measure {measure} is not one of list {act.list}",
                f"one of: {', '.join(definition.measures)}",
            )
        require_law(governance, governance.measures[measure].law, context.day, f"measure {measure}")
    if needs_recourse(definition):
        require_recourse(governance, definition, (context.authority, *cosigners), act.area, context.day)
    return months


def _ground_months(governance: Governance, context: Context, list_id: str, ground: str, day: str) -> int | None:
    """R-GROUND, R-LEGAL-BASIS: the ground is the list's, its law in force on the day; returns its longest term."""
    definition = governance.lists[list_id].definition
    if ground not in definition.grounds:
        refuse("R-GROUND", f"ground {ground} is not one of list {list_id}", f"one of: {', '.join(definition.grounds)}")
    row = governance.grounds[ground]
    require_law(governance, row.law, min(day, context.day), f"ground {ground}")
    return row.max_months


def _require_term(effective: str, until: str | None, months: int | None, ground: str | None) -> None:
    if until is not None and until <= effective:
        refuse("R-DATES", f"the listing would end on {until}, not after it begins on {effective}", "a later end")
    if months is not None:
        _require_cap(effective, until, months, ground)


def _require_cap(effective: str, until: str | None, months: int, ground: str | None) -> None:
    """R-TERM: the listing ends within so many months of a day."""
    try:
        latest = add_months(effective, months)
    except FormatError:
        latest = LAST_DAY
    if until is None or until > latest:
        refuse(
            "R-TERM",
            f"ground {ground} carries at most {months} months, until {latest}; the listing "
            + ("has no end" if until is None else f"would end on {until}"),
            f"an until date no later than {latest}",
        )


def _enter_listing(
    context: Context,
    act: acts.ListingAdd | acts.ListingOpeningBalance,
    row: SubjectRow,
    cosigners: tuple[str, ...],
    *,
    unproven: bool,
) -> None:
    for listing in row.listings:
        if listing.case != act.case:
            continue
        for appeal in listing.appeals:
            if appeal.outcome is None or appeal.outcome in WON:
                state = "is under appeal" if appeal.outcome is None else "was quashed or shortened on appeal"
                refuse(
                    "R-DUPLICATE",
                    f"{act.subject}'s listing on {act.list} for the same case (record {listing.seq}) {state}",
                    "a new decision, with a case of its own",
                )
        if _is_active(listing, act.effective, context.day):
            refuse(
                "R-DUPLICATE",
                f"{act.subject} has an active listing on {act.list} for the same case (record {listing.seq})",
                "its end first, by removal or expiry, or another case",
            )
    if act.source is not None:
        require_source(context, act.list, act.source)
    row.listings.append(
        Listing(
            context.digest, context.index, context.seq, context.authority, cosigners, unproven, act.case, act.ground,
            act.area, act.effective, act.until,
        )
    )  # fmt: skip
    if act.content:
        commit_content(row, act.content)


def _is_active(listing: Listing, effective: str | None, day: str) -> bool:
    """Whether a listing still stands on the day of recording, or reaches beyond the beginning of a new one.

    A listing is therefore not followed by its successor until it has run out: terms cannot be chained ahead of time.
    """
    end = listing.until
    ended = listing.ended
    if ended is not None:
        if ended.how == "annulled" and ended.effective <= day:
            return False
        if end is None or ended.effective < end:
            end = ended.effective
    return end is None or effective is None or day < end or effective < end


def _own_listing(
    governance: Governance, context: Context, row: SubjectRow, act: Any, action: str
) -> tuple[Standing, Listing]:
    """The listing that an act is to change, and that its authority may change: R-MANDATE to R-LISTER."""
    standing = standing_of(governance, context, act.list, action)
    require_not_self(standing, context, act.subject)
    listing = find_listing(context, row, act.listing)
    if not standing.everywhere:
        require_area(standing.areas, listing.area, context.authority)
    lister = listing.authority
    if context.authority not in governance.in_charge_of(lister, context.day):
        refuse(
            "R-LISTER",
            f"{context.authority} would change a listing made by {lister}",
            f"{lister}, a body above it, or its successor",
        )
    return standing, listing


def _deciders_with(
    governance: Governance, context: Context, standing: Standing, listing: Listing, area: str | None
) -> tuple[str, ...]:
    """R-INDEPENDENT: who signs this too is among the listing's deciders; the recourse must still be independent of all.

    Returns the co-deciders from here on. Asked only where an answer given before may not hold: when somebody new joins
    the deciders, or `area` is another one.
    """
    co_deciders = listing.co_deciders
    if context.cosigners or context.authority != listing.authority:
        signed = {*co_deciders, context.authority, *cosigners_of(context)}
        co_deciders = tuple(sorted(signed - {listing.authority}))
    if (co_deciders != listing.co_deciders or area != listing.area) and needs_recourse(standing.definition):
        require_recourse(governance, standing.definition, (listing.authority, *co_deciders), area, context.day)
    return co_deciders


def _correct(governance: Governance, context: Context, act: acts.ListingCorrect, row: SubjectRow) -> None:
    standing, listing = _own_listing(governance, context, row, act, "correct")
    require_decided(context, act.decided)
    require_live(context, listing, "a correction")
    if not standing.everywhere:
        require_area(standing.areas, act.area, context.authority)
    if act.effective is None and listing.effective is not None:
        refuse("R-DATES", "the correction drops the day on which the listing began", "the day restated")
    if act.effective is not None and listing.effective is not None and act.effective < listing.effective:
        refuse(
            "R-EXTENDS",
            f"the listing would begin on {act.effective} instead of {listing.effective}",
            "a day not earlier",
        )
    if listing.until is not None and (act.until is None or act.until > listing.until):
        refuse(
            "R-EXTENDS", f"the listing would end on {act.until or 'no day'} instead of {listing.until}", "no later day"
        )
    if act.effective is not None:
        # A beginning that was unknown until now may show that the listing had too long a term.
        ground = None if listing.ground is None else governance.grounds[listing.ground]
        _require_term(act.effective, act.until, None if ground is None else ground.max_months, listing.ground)
    co_deciders = _deciders_with(governance, context, standing, listing, act.area)
    if act.source is not None:
        require_source(context, act.list, act.source)
    listing.area, listing.effective, listing.until = act.area, act.effective, act.until
    listing.co_deciders = co_deciders
    commit_content(row, act.content)


def _suspend(governance: Governance, context: Context, act: acts.ListingSuspend, row: SubjectRow) -> None:
    _, listing = _own_listing(governance, context, row, act, "suspend")
    require_decided(context, act.decided)
    require_live(context, listing, "a suspension")
    # What is open, or has not begun, gives way to what begins before it: nobody bars a suspension by one far ahead.
    earlier = tuple(
        one
        for one in listing.suspensions
        if one.effective <= act.effective or (one.until is not None and one.effective <= context.day)
    )
    for one in earlier:
        if one.until is None:
            refuse("R-TRANSITION", f"the listing is suspended from {one.effective} on", "listing.restore first")
        if act.effective < one.until:
            refuse("R-DATES", f"the suspension would begin before the end, {one.until}, of another", "a later day")
    if act.effective < (listing.effective or ""):
        refuse("R-DATES", f"suspended from {act.effective}, before the listing began", "a day within the listing")
    if act.appeal is not None:
        appealed, _ = find_appeal(context, row, act.appeal)
        if appealed is not listing:
            refuse("R-REFERENCE", "the appeal named is against another listing", "an appeal against this listing")
    listing.suspensions = (*earlier, Suspension(act.effective))


def _restore(governance: Governance, context: Context, act: acts.ListingRestore, row: SubjectRow) -> None:
    standing, listing = _own_listing(governance, context, row, act, "suspend")
    require_decided(context, act.decided)
    require_live(context, listing, "restoring")
    if not listing.suspensions or listing.suspensions[-1].until is not None:
        refuse("R-TRANSITION", "the listing is not suspended", "a suspended listing")
    last = listing.suspensions[-1]
    if act.effective < max(last.effective, act.decided):
        refuse("R-DATES", f"restored from {act.effective}, before the suspension or the decision", "a later day")
    listing.co_deciders = _deciders_with(governance, context, standing, listing, listing.area)
    listing.suspensions = (*listing.suspensions[:-1], last._replace(until=act.effective, restored=context.seq))


def _remove(governance: Governance, context: Context, act: acts.ListingRemove, row: SubjectRow) -> None:
    _, listing = _own_listing(governance, context, row, act, "remove")
    require_decided(context, act.decided)
    require_live(context, listing, "a removal")
    if listing.ended is not None and (listing.ended.how == "annulled" or listing.ended.effective <= act.effective):
        refuse(
            "R-TRANSITION",
            f"the listing is {listing.ended.how} from {listing.ended.effective} on, by record {listing.ended.seq}",
            "an earlier day, or listing.annul where an annulment is pending",
        )
    if listing.effective is not None and act.effective < listing.effective:
        refuse(
            "R-DATES",
            f"removed from {act.effective}, before it began on {listing.effective}",
            "listing.annul, or a later day",
        )
    _require_appeal_reason(context, row, listing, act.appeal, act.reason, "appeal_quashed", QUASHINGS)
    if act.source is not None:
        require_source(context, act.list, act.source)
    listing.ended = Ended("removed", act.reason, act.effective, context.seq)


def _annul(governance: Governance, context: Context, act: acts.ListingAnnul, row: SubjectRow) -> None:
    _, listing = _own_listing(governance, context, row, act, "annul")
    require_decided(context, act.decided)
    if listing.ended is not None and listing.ended.how == "annulled" and listing.ended.effective <= act.decided:
        refuse("R-TRANSITION", f"the listing was annulled by record {listing.ended.seq}", "a listing not yet annulled")
    _require_appeal_reason(context, row, listing, act.appeal, act.reason, "quashed_ex_tunc", ("quash_ex_tunc",))
    listing.ended = Ended("annulled", act.reason, act.decided, context.seq)


def _require_appeal_reason(
    context: Context,
    row: SubjectRow,
    listing: Listing,
    ref: ActRef | None,
    reason: str,
    appeal_reason: str,
    outcomes: tuple[str, ...],
) -> None:
    """R-REASON: a reason that rests on an appeal names it, decided so; another reason names none."""
    if (reason == appeal_reason) != (ref is not None):
        refuse(
            "R-REASON",
            f"reason {reason} {'names no appeal' if ref is None else 'names an appeal'}",
            f"an appeal with reason {appeal_reason}, and only then",
        )
    if ref is not None:
        appealed, appeal = find_appeal(context, row, ref)
        if appealed is not listing or appeal.outcome not in outcomes:
            against = "this listing" if appealed is listing else "another listing"
            closed = "is still open" if appeal.outcome is None else f"ended with {appeal.outcome}"
            refuse(
                "R-REASON",
                f"the appeal named is against {against} and {closed}",
                f"an appeal against this listing decided {' or '.join(outcomes)}",
            )


LISTING_RULES: dict[type, Callable[[Governance, Context, Any, SubjectRow], None]] = {
    acts.ListingOpeningBalance: _opening_balance,
    acts.ListingAdd: _add,
    acts.ListingCorrect: _correct,
    acts.ListingSuspend: _suspend,
    acts.ListingRestore: _restore,
    acts.ListingRemove: _remove,
    acts.ListingAnnul: _annul,
}
