"""What acts about a subject have in common: the power to act on the list, and the row they refer to."""

from __future__ import annotations

from typing import NamedTuple

from creditledger.acts import catalogue as acts
from creditledger.acts.kinds import ActRef, Commitment, Subject
from creditledger.rules.governance_state import Governance
from creditledger.rules.refusal import (
    Context,
    refuse,
    require_mandate,
    require_role,
)
from creditledger.rules.rows import Appeal, Listing, SubjectRow


class Standing(NamedTuple):
    """What governance says of an authority's power to act on a list on a day."""

    definition: acts.ListDefine
    areas: tuple[frozenset[str], ...]
    excluded: frozenset[Subject]
    everywhere: bool


def standing_of(governance: Governance, context: Context, list_id: str, action: str, *, own: bool = True) -> Standing:
    """Role, list, mandate; `own` actions on a transcript need the power to transcribe instead."""
    question = ("standing", context.authority, context.role, list_id, action, context.day)
    found: Standing | None = governance.recall(question)
    if found is not None:
        return found
    require_role(context, "act")
    row = governance.lists.get(list_id)
    if row is None:
        refuse("R-UNKNOWN", f"list {list_id} is not defined", "a list defined before")
    if own and row.definition.source is not None:
        action = "transcribe"
    areas = require_mandate(governance, context, list_id, action)
    kin = (context.authority, *governance.ancestors(context.authority))
    identities = (governance.authorities[body].identity for body in kin if body in governance.authorities)
    standing = Standing(
        row.definition, areas, frozenset(one for one in identities if one is not None), any(not one for one in areas)
    )
    governance.remember(question, standing)
    return standing


def cosigners_of(context: Context) -> tuple[str, ...]:
    """The authorities other than the author that countersigned, in order, each once."""
    return tuple(sorted({who for who, _, _ in context.cosigners} - {context.authority}))


def require_not_self(standing: Standing, context: Context, subject: Subject) -> None:
    if subject in standing.excluded:
        refuse("R-SELF", f"{context.authority} acts on itself or on a body above it", "an unrelated authority")


def find_listing(context: Context, row: SubjectRow, ref: ActRef) -> Listing:
    entry = context.digest if ref.entry is None else ref.entry
    for listing in row.listings:
        if listing.entry == entry and listing.act == ref.act:
            return listing
    return refuse(
        "R-REFERENCE",
        f"no listing {ref} of this subject on this list",
        "the reference of one of the subject's listings",
    )


def find_appeal(context: Context, row: SubjectRow, ref: ActRef) -> tuple[Listing, Appeal]:
    entry = context.digest if ref.entry is None else ref.entry
    for listing in row.listings:
        for appeal in listing.appeals:
            if appeal.entry == entry and appeal.act == ref.act:
                return listing, appeal
    return refuse(
        "R-REFERENCE", f"no appeal {ref} about this subject on this list", "the reference of one of its appeals"
    )


def require_decided(context: Context, decided: str) -> None:
    if decided > context.day:
        refuse("R-DATES", f"decided on {decided}, after the day of recording {context.day}", "a day not in the future")


def require_live(context: Context, listing: Listing, what: str) -> None:
    """R-TRANSITION: nothing has ended the listing by the day of recording; an end that lies ahead is none yet."""
    ended = listing.ended
    if ended is not None and ended.effective <= context.day:
        refuse(
            "R-TRANSITION",
            f"the listing was {ended.how} by record {ended.seq}; {what} needs a listing that stands",
            "a listing that stands",
        )


def require_source(context: Context, list_id: str, source: ActRef) -> None:
    cited = context.acts[source.act] if source.act < context.index and source.entry in (None, context.digest) else None
    if not isinstance(cited, acts.SourceCite) or cited.list != list_id:
        refuse(
            "R-SOURCE", f"act {source.act} of the entry does not cite a source for {list_id}", "a source.cite before it"
        )


def commit_content(row: SubjectRow, content: tuple[Commitment, ...]) -> None:
    """Enters the commitments of an act; R-ERASE: what was erased is not committed to again."""
    for _, digest in content:
        if row.erased and any(digest == erased for erased, _ in row.erased):
            refuse("R-ERASE", f"commitment {digest.hex()} was erased", "a fresh nonce, and so another commitment")
        if digest not in row.commitments:
            row.commitments.append(digest)
