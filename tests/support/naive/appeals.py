"""What the naive model says of appeals and of the erasure of content."""

from __future__ import annotations

from typing import Any

from support.naive.governance import Rules, law, may_lodge, may_review
from support.naive.listings import appeal_named, contents, deciders, end, listing_named, note, power, row_of, stands
from support.naive.model import Context, Model, Rule


def appeal_file(model: Model, context: Context, act: Any) -> Rules:
    yield from contents(model, act)
    if act.filed > context.day:
        yield "R-DATES"
    listing = listing_named(model, context, act, act.listing)
    yield from power(model, context, act, "lodge", () if listing is None else (listing["area"],))
    if listing is None:
        yield "R-REFERENCE"
        return
    if not may_lodge(model, context.authority, deciders(listing), context.day):
        yield "R-INDEPENDENT"
    ended = listing["ended"]
    if ended is not None and ended["how"] == "annulled" and ended["effective"] <= context.day:
        yield "R-TRANSITION"
    if any(appeal["outcome"] is None and appeal["lodger"] == context.authority for appeal in listing["appeals"]):
        yield "R-TRANSITION"


def file_appeal(model: Model, context: Context, act: Any) -> None:
    listing = listing_named(model, context, act, act.listing)
    assert listing is not None
    listing["appeals"].append(
        {
            "entry": context.digest, "act": context.place, "seq": context.seq, "lodger": context.authority,
            "filed": act.filed, "outcome": None, "decided": None, "effective": None,
        }
    )  # fmt: skip
    note(model, context, act)


def appeal_decide(model: Model, context: Context, act: Any) -> Rules:
    yield from contents(model, act)
    if act.decided > context.day or act.effective < act.decided:
        yield "R-DATES"
    if (act.outcome == "vary") != (act.until is not None):
        yield "R-REASON"
    listing, appeal = appeal_named(model, context, act, act.appeal)
    yield from power(model, context, act, "review", () if listing is None else (listing["area"],))
    if appeal is None:
        yield "R-REFERENCE"
        return
    if appeal["outcome"] is not None:
        yield "R-TRANSITION"
    if act.decided < appeal["filed"]:
        yield "R-DATES"
    if not may_review(model, context.authority, {*deciders(listing), appeal["lodger"]}, context.day):
        yield "R-REVIEWER"
    if act.until is not None:
        yield from stands(listing, context.day)
        if listing["until"] is not None and act.until >= listing["until"]:
            yield "R-EXTENDS"
        if listing["effective"] is not None and act.until <= listing["effective"]:
            yield "R-DATES"


def decide_appeal(model: Model, context: Context, act: Any) -> None:
    listing, appeal = appeal_named(model, context, act, act.appeal)
    appeal |= {"outcome": act.outcome, "decided": act.decided, "effective": act.effective}
    if act.outcome == "vary":
        listing["until"] = act.until
    if act.outcome.startswith("quash"):
        # Both ends hold at once: the earlier day decides when, and an annulment, whichever brings it, how.
        how = "annulled" if act.outcome == "quash_ex_tunc" else "quashed"
        former = listing["ended"]
        if former is None:
            end(listing, how, act.outcome, act.effective, context.seq)
        elif act.effective < former["effective"] or (how == "annulled" and former["how"] != "annulled"):
            both = "annulled" if "annulled" in (how, former["how"]) else how
            end(listing, both, act.outcome, min(act.effective, former["effective"]), context.seq)
    note(model, context, act)


def appeal_withdraw(model: Model, context: Context, act: Any) -> Rules:
    yield from power(model, context, act, "lodge")
    _, appeal = appeal_named(model, context, act, act.appeal)
    if appeal is None:
        yield "R-REFERENCE"
        return
    if appeal["outcome"] is not None:
        yield "R-TRANSITION"
    if appeal["lodger"] != context.authority:
        yield "R-LISTER"
    if act.withdrawn < appeal["filed"] or act.withdrawn > context.day:
        yield "R-DATES"


def withdraw_appeal(model: Model, context: Context, act: Any) -> None:
    _, appeal = appeal_named(model, context, act, act.appeal)
    appeal |= {"outcome": "withdrawn", "decided": act.withdrawn, "effective": act.withdrawn}
    note(model, context, act)


def content_erase(model: Model, context: Context, act: Any) -> Rules:
    areas = tuple(listing["area"] for listing in row_of(model, act)["listings"])
    yield from power(model, context, act, "erase", areas)
    if act.decided > context.day:
        yield "R-DATES"
    yield from law(model, context, act.law)
    if not set(act.commitments) <= set(row_of(model, act)["commitments"]):
        yield "R-ERASE"
    if any(appeal["outcome"] is None for listing in row_of(model, act)["listings"] for appeal in listing["appeals"]):
        yield "R-ERASE"


def erase(model: Model, context: Context, act: Any) -> None:
    row = note(model, context, act)
    row["commitments"] = [one for one in row["commitments"] if one not in act.commitments]
    row["erased"] += [(one, context.seq) for one in act.commitments]


APPEALS: dict[str, Rule] = {
    "AppealFile": (appeal_file, file_appeal),
    "AppealDecide": (appeal_decide, decide_appeal),
    "AppealWithdraw": (appeal_withdraw, withdraw_appeal),
    "ContentErase": (content_erase, erase),
}
