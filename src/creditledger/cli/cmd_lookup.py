"""`creditledger lookup`: whether a subject is on a list, on a day, as known at a moment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from creditledger.acts.kinds import Subject
from creditledger.cli import colour, options, output
from creditledger.cli.known import Known, KnownType, restate
from creditledger.cli.ledgers import open_reader
from creditledger.cli.suggesting import typed
from creditledger.client.phrases import day_in_words, listed
from creditledger.ledger.answer import Answer, ListingView

MEANINGS = {
    "listed": "is on {}",
    "suspended": "is on {}, but the listing is suspended and has no effect on this day",
    "unconfirmed": "is on {} only by an act signed with a key that its authority has disowned; nothing follows from "
    "that unless it is confirmed",
    "not-yet-effective": "is to be on {}, but not yet on this day",
    "expired": "is no longer on {}: the term had run out by this day",
    "removed": "is no longer on {}: the listing had been removed by this day",
    "quashed": "is no longer on {}: the listing had been quashed on appeal by this day",
    "annulled": "counts as never having been on {}: the listing is void from its beginning",
    "nothing-recorded": "has nothing recorded about it on {} here, which does not mean that there is nothing",
}
KINDS = {
    "restriction": "restriction: to be on it is to a subject's disadvantage",
    "incentive": "incentive: to be on it is to a subject's advantage",
    "supervision": "supervision: who is on it is looked at more closely",
}


@click.command("lookup")
@options.directory
@click.argument("subject", type=options.SubjectType())
@click.argument("list_id", metavar="LIST")
@click.option("--valid-at", type=options.DateType(), help="The day asked about, YYYY-MM-DD [default: today].")
@click.option("--known-at", type=KnownType(), help="Leave out what was recorded after this day, moment or record.")
@options.as_json
def command(
    directory: Path, subject: Subject, list_id: str, valid_at: str | None, known_at: Known | None, as_json: bool
) -> None:
    """Say whether SUBJECT (scheme:value) is on LIST in the ledger DIR, and why."""
    with open_reader(directory) as ledger:
        have = ledger.size
        moment = None if known_at is None else known_at.resolve(ledger.log, ledger.governance, have)
        answer = ledger.lookup(subject, list_id, valid_at=valid_at, known_at=moment)
        restated = restate(ledger.log, answer.valid_at, answer.size, have)
        polarity = ledger.governance.lists[list_id].definition.polarity
    if as_json:
        output.emit_json(answer_json(answer))
        return
    status = colour.status(answer.status, polarity)
    said = f"{status}: on {day_in_words(answer.valid_at)}, {subject} {MEANINGS[status].format(list_id)}."
    first, *more = output.wrap(said, output.width())
    output.put(first.replace(status, colour.paint(status, fg=status.fg, bold=True), 1))
    for line in more:
        output.put(line)
    output.facts([*restated, ("list", KINDS[polarity])])
    if answer.transcript_of:
        output.paragraph(
            f"{list_id} is a transcript of a list of {answer.transcript_of}; the decisions are that body's."
        )
    if answer.listings:
        output.put("")
        output.table(
            f"Listings on {list_id}",
            ("record", "status", "by", "ground", "from", "until", "remarks"),
            [
                (
                    str(one.address), colour.status(one.status, polarity), one.authority, one.ground or "unknown",
                    one.effective or "unknown", one.until or "no fixed term", "; ".join(remarks(one)),
                )
                for one in answer.listings
            ],
        )  # fmt: skip
        acts = "act" if len(answer.because) == 1 else "acts"
        output.say(
            f"\nThis follows from {acts} {listed(map(str, answer.because))}: see them with\n"
            f"  creditledger history {typed(directory)} {subject} {list_id}"
        )


def remarks(listing: ListingView) -> list[str]:
    """What a reader should know about a listing beside its dates."""
    found = []
    if listing.unproven:
        found.append("opening balance, unproven")
    if listing.tainted:
        found.append("signed with a disowned key")
    if listing.ended_by is not None:
        found.append(f"ended by record {listing.ended_by}")
    if listing.appeal is not None:
        found.append(f"appeal: {listing.appeal.replace('_', ' ')}")
    return found


def answer_json(answer: Answer) -> dict[str, Any]:
    """An answer as JSON."""
    return {
        "list": answer.list,
        "subject": str(answer.subject),
        "valid_at": answer.valid_at,
        "size": answer.size,
        "status": answer.status,
        "meaning": MEANINGS[answer.status].format(answer.list),
        "transcript_of": answer.transcript_of,
        "listings": [listing_json(one) for one in answer.listings],
        "because": [str(address) for address in answer.because],
    }


def listing_json(one: ListingView) -> dict[str, Any]:
    """A listing as JSON."""
    return {
        "status": one.status, "address": str(one.address), "authority": one.authority, "ground": one.ground,
        "case": one.case.hex() if one.case else None, "effective": one.effective, "until": one.until,
        "unproven": one.unproven, "tainted": one.tainted, "ended_by": one.ended_by, "appeal": one.appeal,
    }  # fmt: skip
