"""`creditledger lookup`: whether a subject is on a list, on a day, as known at a moment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from creditledger.acts.kinds import Subject
from creditledger.cli import options, output
from creditledger.cli.ledgers import open_reader
from creditledger.ledger.answer import Answer, ListingView

MEANINGS = {
    "listed": "is listed",
    "suspended": "is listed, but the listing is suspended: it has no effect on this day",
    "unconfirmed": "was listed with a key its authority has disowned; nothing follows from that unless it is confirmed",
    "not-yet-effective": "is to be listed, but not yet on this day",
    "expired": "was listed; the term had run out by this day",
    "removed": "was listed; the listing had been removed by this day",
    "quashed": "was listed; the listing had been quashed on appeal by this day",
    "annulled": "was listed; the listing is void from its beginning",
    "nothing-recorded": "has nothing recorded about it here, which does not mean that there is nothing",
}


@click.command("lookup")
@options.directory
@click.argument("subject", type=options.SubjectType())
@click.argument("list_id", metavar="LIST")
@click.option("--valid-at", type=options.DateType(), help="The day asked about, YYYY-MM-DD [default: today].")
@click.option("--known-at", type=options.MomentType(), help="Take only records up to this moment into account.")
@options.as_json
def command(
    directory: Path, subject: Subject, list_id: str, valid_at: str | None, known_at: int | None, as_json: bool
) -> None:
    """Say whether SUBJECT (scheme:value) is on LIST in the ledger DIR, and why."""
    with open_reader(directory) as ledger:
        answer = ledger.lookup(subject, list_id, valid_at=valid_at, known_at=known_at)
    if as_json:
        output.emit_json(answer_json(answer))
        return
    click.echo(f"{answer.status}: on {answer.valid_at}, {answer.subject} {MEANINGS[answer.status]}.")
    if answer.transcript_of:
        click.echo(f"{list_id} is a transcript of a list of {answer.transcript_of}; the decisions are that body's.")
    if answer.listings:
        output.table(
            f"Listings on {list_id}",
            ("record", "status", "by", "ground", "from", "until", "remarks"),
            [
                (
                    str(one.address), one.status, one.authority, one.ground or "unknown", one.effective or "unknown",
                    one.until or "no fixed term", "; ".join(remarks(one)),
                )
                for one in answer.listings
            ],
        )  # fmt: skip
        click.echo(f"because of acts {', '.join(map(str, answer.because))} (creditledger history shows them)")


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
        "meaning": MEANINGS[answer.status],
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
