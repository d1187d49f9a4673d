"""What the naive model says of listings: for each type of act, the rules that one breaks, and what it changes."""

from __future__ import annotations

from typing import Any

from support.naive.governance import Rules, law, reaches, recourse
from support.naive.model import Context, Model, Rule, months_later


def row_of(model: Model, act: Any) -> dict[str, Any]:
    """Everything recorded about the act's subject on its list; a fresh row is entered by `note`."""
    empty: dict[str, Any] = {"listings": [], "history": [], "commitments": [], "erased": []}
    return model.state["subject"].get((act.list, *act.subject), empty)  # type: ignore[no-any-return]  # rows are dicts


def note(model: Model, context: Context, act: Any) -> dict[str, Any]:
    """Enters the act's address and content into the subject's row, and returns the row."""
    row = model.state["subject"].setdefault((act.list, *act.subject), row_of(model, act))
    row["history"] += [context.seq, context.place]
    digests = [digest for _, digest in getattr(act, "content", ())]
    row["commitments"] += [digest for digest in dict.fromkeys(digests) if digest not in row["commitments"]]
    return row  # type: ignore[no-any-return]  # rows are dicts


def power(model: Model, context: Context, act: Any, action: str, areas: tuple[str | None, ...] = ()) -> Rules:
    """An act key, a defined list, a mandate in force that covers the areas, and nobody acting on itself."""
    if context.role != "act":
        yield "R-ROLE"
    row = model.state["list"].get(act.list)
    if row is None:
        yield "R-UNKNOWN"
        return
    if row["source"] is not None and action not in ("lodge", "review", "erase"):
        action = "transcribe"
    held = model.mandates(context.authority, act.list, action, context.day)
    if not held:
        yield "R-MANDATE"
    for area in areas:
        if not reaches(held, area):
            yield "R-MANDATE-AREA"
    if action != "lodge":
        for body in (context.authority, *model.above(context.authority)):
            if model.state["authority"].get(body, {}).get("identity") == act.subject:
                yield "R-SELF"


def contents(model: Model, act: Any) -> Rules:
    """What was erased is not committed to again."""
    erased = {digest for digest, _ in row_of(model, act)["erased"]}
    if any(digest in erased for _, digest in act.content):
        yield "R-ERASE"


def listing_named(model: Model, context: Context, act: Any, ref: Any) -> dict[str, Any] | None:
    wanted = (context.digest if ref.entry is None else ref.entry, ref.act)
    return next((one for one in row_of(model, act)["listings"] if (one["entry"], one["act"]) == wanted), None)


def appeal_named(model: Model, context: Context, act: Any, ref: Any) -> tuple[Any, Any]:
    """The listing and the appeal that a reference means, or None twice."""
    wanted = (context.digest if ref.entry is None else ref.entry, ref.act)
    for listing in row_of(model, act)["listings"]:
        for appeal in listing["appeals"]:
            if (appeal["entry"], appeal["act"]) == wanted:
                return listing, appeal
    return None, None


def source(context: Context, act: Any) -> Rules:
    """A source that is named is cited earlier in the same entry, for the same list."""
    if act.source is not None:
        earlier = context.acts[: context.place][act.source.act : act.source.act + 1]
        cited = [one for one in earlier if type(one).__name__ == "SourceCite" and one.list == act.list]
        if act.source.entry is not None or not cited:
            yield "R-SOURCE"


def term(model: Model, ground: str | None, begin: str, until: str | None) -> Rules:
    if until is not None and until <= begin:
        yield "R-DATES"
    yield from cap(model, ground, begin, until)


def cap(model: Model, ground: str | None, begin: str, until: str | None) -> Rules:
    months = model.state["ground"].get(ground, {}).get("max_months")
    if months is not None and (until is None or until > months_later(begin, months)):
        yield "R-TERM"


# -- listing -----------------------------------------------------------------------------------------------------------


def begin_listing(model: Model, context: Context, act: Any) -> Rules:
    """What an opening balance and a new listing have in common."""
    yield from power(model, context, act, "add", (act.area,))
    definition = model.state["list"].get(act.list)
    if definition is None:
        return
    if act.subject.scheme not in definition["schemes"]:
        yield "R-SCHEME"
    if act.ground is not None and act.ground not in definition["grounds"]:
        yield "R-GROUND"
    for listing in row_of(model, act)["listings"]:
        if listing["case"] == act.case and is_active(listing, act.effective, context.day):
            yield "R-DUPLICATE"
    yield from source(context, act)
    yield from contents(model, act)
    yield from appealable(model, context, act.list, signers(context), act.area)


def signers(context: Context) -> set[str]:
    """The authorities that sign the entry, as author or cosigner."""
    return {context.authority, *(who for who, _, _ in context.cosigners)}


def deciders(listing: dict[str, Any]) -> set[str]:
    return {listing["authority"], *listing["co_deciders"]}


def join_deciders(listing: dict[str, Any], context: Context) -> None:
    listing["co_deciders"] = sorted((deciders(listing) | signers(context)) - {listing["authority"]})


def appealable(model: Model, context: Context, list_id: str, against: set[str], area: str | None) -> Rules:
    """Somebody may lodge, and somebody decide, appeals against what these decide in the area."""
    definition = model.state["list"][list_id]
    restricts = definition["polarity"] == "restriction" and definition["source"] is None
    if restricts and not any(
        reaches(model.mandates(lodger, list_id, "lodge", context.day), area)
        and reaches(model.mandates(reviewer, list_id, "review", context.day), area)
        for lodger, reviewer in recourse(model, definition, against, context.day)
    ):
        yield "R-INDEPENDENT"


def is_active(listing: dict[str, Any], begin: str | None, day: str) -> bool:
    """Whether a listing is or was rightly under appeal, has still to run out, or reaches into a later one."""
    against = (None, "quash_ex_nunc", "quash_ex_tunc", "vary")
    if any(appeal["outcome"] in against for appeal in listing["appeals"]):
        return True
    ends = [listing["until"]]
    if listing["ended"] is not None:
        if listing["ended"]["how"] == "annulled" and listing["ended"]["effective"] <= day:
            return False
        ends.append(listing["ended"]["effective"])
    known = [end for end in ends if end is not None]
    return not known or begin is None or min(known) > min(day, begin)


def opening_balance(model: Model, context: Context, act: Any) -> Rules:
    yield from begin_listing(model, context, act)
    if model.state["list"].get(act.list, {}).get("opened") is not None:
        yield "R-LIST-STATE"
    if act.effective is not None and act.effective > context.day:
        yield "R-DATES"
    if act.ground in model.state["ground"]:
        basis = model.state["ground"][act.ground]["law"]
        if not model.law_holds(basis, min(act.effective or context.day, context.day)):
            yield "R-LEGAL-BASIS"
    if act.effective is not None:
        yield from term(model, act.ground, act.effective, act.until)
    else:
        yield from cap(model, act.ground, context.day, act.until)


def listing_add(model: Model, context: Context, act: Any) -> Rules:
    yield from begin_listing(model, context, act)
    if act.decided > context.day:
        yield "R-DATES"
    yield from term(model, act.ground, act.effective, act.until)
    definition = model.state["list"].get(act.list)
    if definition is None:
        return
    opened, closed = definition["opened"], definition["closed"]
    if opened is None or context.day < opened or (closed is not None and context.day >= closed):
        yield "R-LIST-STATE"
    if definition["source"] is None and act.effective < act.decided:
        yield "R-DATES"
    yield from law(model, context, definition["law"])
    ground = model.state["ground"].get(act.ground)
    if ground is not None and not model.law_holds(ground["law"], min(act.decided, context.day)):
        yield "R-LEGAL-BASIS"
    for measure in act.measures:
        if measure not in definition["measures"]:
            yield "R-MEASURE"
        else:
            yield from law(model, context, model.state["measure"][measure]["law"])
    if definition["consent"] == "parent":
        parent = [*model.above(context.authority), None][0]
        if not any(who == parent and role == "act" for who, role, _ in context.cosigners):
            yield "R-CONSENT"


def enter_listing(model: Model, context: Context, act: Any) -> None:
    note(model, context, act)["listings"].append(
        {
            "entry": context.digest, "act": context.place, "seq": context.seq, "authority": context.authority,
            "co_deciders": sorted(signers(context) - {context.authority}), "case": act.case, "ground": act.ground,
            "unproven": type(act).__name__ == "ListingOpeningBalance", "area": act.area, "effective": act.effective,
            "until": act.until, "ended": None, "suspensions": [], "appeals": [],
        }
    )  # fmt: skip


# -- what befalls a listing --------------------------------------------------------------------------------------------


def change(model: Model, context: Context, act: Any, action: str, listing: dict[str, Any] | None) -> Rules:
    """Who may change a listing: the lister, its heirs once it has closed, and who stands above one of them."""
    areas = () if listing is None else (listing["area"],)
    yield from power(model, context, act, action, areas)
    if act.decided > context.day:
        yield "R-DATES"
    if listing is None:
        yield "R-REFERENCE"
        return
    owners = [listing["authority"], *model.heirs(listing["authority"], context.day)]
    if not any(context.authority in (owner, *model.above(owner)) for owner in owners):
        yield "R-LISTER"


def stands(listing: dict[str, Any], day: str) -> Rules:
    """Nothing has ended the listing yet; an end that lies ahead is none."""
    if listing["ended"] is not None and listing["ended"]["effective"] <= day:
        yield "R-TRANSITION"


def listing_correct(model: Model, context: Context, act: Any) -> Rules:
    listing = listing_named(model, context, act, act.listing)
    yield from change(model, context, act, "correct", listing)
    yield from power(model, context, act, "correct", (act.area,))
    yield from source(context, act)
    yield from contents(model, act)
    if listing is None:
        return
    yield from stands(listing, context.day)
    if act.area != listing["area"] or not signers(context) <= deciders(listing):
        yield from appealable(model, context, act.list, deciders(listing) | signers(context), act.area)
    if listing["effective"] is not None and act.effective is None:
        yield "R-DATES"
    if listing["effective"] is not None and act.effective is not None and act.effective < listing["effective"]:
        yield "R-EXTENDS"
    if listing["until"] is not None and (act.until is None or act.until > listing["until"]):
        yield "R-EXTENDS"
    if act.effective is not None:
        yield from term(model, listing["ground"], act.effective, act.until)


def correct(model: Model, context: Context, act: Any) -> None:
    listing = listing_named(model, context, act, act.listing)
    assert listing is not None
    listing |= {"area": act.area, "effective": act.effective, "until": act.until}
    join_deciders(listing, context)
    note(model, context, act)


def listing_suspend(model: Model, context: Context, act: Any) -> Rules:
    listing = listing_named(model, context, act, act.listing)
    yield from change(model, context, act, "suspend", listing)
    if act.appeal is not None:
        appealed, _ = appeal_named(model, context, act, act.appeal)
        if appealed is None or appealed is not listing:
            yield "R-REFERENCE"
    if listing is None:
        return
    yield from stands(listing, context.day)
    kept = [one for one in listing["suspensions"] if not gives_way(one, act, context)]
    if any(end is None for _, end, _ in kept):
        yield "R-TRANSITION"
    if any(end is not None and act.effective < end for _, end, _ in kept):
        yield "R-DATES"
    if listing["effective"] is not None and act.effective < listing["effective"]:
        yield "R-DATES"


def suspend(model: Model, context: Context, act: Any) -> None:
    listing = listing_named(model, context, act, act.listing)
    assert listing is not None
    kept = [one for one in listing["suspensions"] if not gives_way(one, act, context)]
    listing["suspensions"] = [*kept, (act.effective, None, None)]
    note(model, context, act)


def gives_way(suspension: tuple[str, str | None, int | None], act: Any, context: Context) -> bool:
    """Whether a new suspension replaces this one."""
    begin, end, _ = suspension
    return bool(begin > act.effective) and (end is None or begin > context.day)


def listing_restore(model: Model, context: Context, act: Any) -> Rules:
    listing = listing_named(model, context, act, act.listing)
    yield from change(model, context, act, "suspend", listing)
    if listing is None:
        return
    yield from stands(listing, context.day)
    running = [begin for begin, end, _ in listing["suspensions"] if end is None]
    if not running:
        yield "R-TRANSITION"
    if any(act.effective < begin for begin in running) or act.effective < act.decided:
        yield "R-DATES"
    if not signers(context) <= deciders(listing):
        yield from appealable(model, context, act.list, deciders(listing) | signers(context), listing["area"])


def restore(model: Model, context: Context, act: Any) -> None:
    listing = listing_named(model, context, act, act.listing)
    assert listing is not None
    *past, (begin, _, _) = listing["suspensions"]
    listing["suspensions"] = [*past, (begin, act.effective, context.seq)]
    join_deciders(listing, context)
    note(model, context, act)


def on_appeal(model: Model, context: Context, act: Any, listing: Any, own: str, outcomes: tuple[str, ...]) -> Rules:
    """A reason that rests on an appeal names one against this listing that was decided so; others name none."""
    if (act.reason == own) != (act.appeal is not None):
        yield "R-REASON"
    if act.appeal is not None:
        appealed, appeal = appeal_named(model, context, act, act.appeal)
        if appeal is None:
            yield "R-REFERENCE"
        elif appealed is not listing or appeal["outcome"] not in outcomes:
            yield "R-REASON"


def listing_remove(model: Model, context: Context, act: Any) -> Rules:
    listing = listing_named(model, context, act, act.listing)
    yield from change(model, context, act, "remove", listing)
    yield from source(context, act)
    quashed = ("quash_ex_nunc", "quash_ex_tunc")
    yield from on_appeal(model, context, act, listing, "appeal_quashed", quashed)
    if listing is None:
        return
    yield from stands(listing, context.day)
    ended = listing["ended"]
    if ended is not None and (ended["how"] == "annulled" or act.effective >= ended["effective"]):
        yield "R-TRANSITION"
    if listing["effective"] is not None and act.effective < listing["effective"]:
        yield "R-DATES"


def end(listing: dict[str, Any], how: str, reason: str, effective: str, seq: int) -> None:
    listing["ended"] = {"how": how, "reason": reason, "effective": effective, "seq": seq}


def remove(model: Model, context: Context, act: Any) -> None:
    listing = listing_named(model, context, act, act.listing)
    assert listing is not None
    end(listing, "removed", act.reason, act.effective, context.seq)
    note(model, context, act)


def listing_annul(model: Model, context: Context, act: Any) -> Rules:
    listing = listing_named(model, context, act, act.listing)
    yield from change(model, context, act, "annul", listing)
    yield from on_appeal(model, context, act, listing, "quashed_ex_tunc", ("quash_ex_tunc",))
    ended = None if listing is None else listing["ended"]
    if ended is not None and ended["how"] == "annulled" and ended["effective"] <= act.decided:
        yield "R-TRANSITION"


def annul(model: Model, context: Context, act: Any) -> None:
    listing = listing_named(model, context, act, act.listing)
    assert listing is not None
    end(listing, "annulled", act.reason, act.decided, context.seq)
    note(model, context, act)


LISTINGS: dict[str, Rule] = {
    "ListingOpeningBalance": (opening_balance, enter_listing),
    "ListingAdd": (listing_add, enter_listing),
    "ListingCorrect": (listing_correct, correct),
    "ListingSuspend": (listing_suspend, suspend),
    "ListingRestore": (listing_restore, restore),
    "ListingRemove": (listing_remove, remove),
    "ListingAnnul": (listing_annul, annul),
}
