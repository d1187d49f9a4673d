"""`creditledger draft`: a JSON template in which somebody fills in what is to be signed."""

from __future__ import annotations

import json
from pathlib import Path

import click

from creditledger.acts.registry import ACT_TYPES
from creditledger.cli import options, output
from creditledger.client.draft import draft_document
from creditledger.client.files import write_whole


@click.command("draft")
@click.argument("types", metavar="TYPE...", nargs=-1)
@click.option("--authority", help="Who will sign.")
@click.option(
    "-o", "--output", "out", type=click.Path(path_type=Path), help="Write it to this file (never overwriting)."
)
@options.as_json
def command(types: tuple[str, ...], authority: str | None, out: Path | None, as_json: bool) -> None:
    """Write a JSON template for acts of each TYPE (such as listing.add/1), every field explained.

    Without TYPE, show the types there are. Fill the template in, then `creditledger sign` or `append` it. Names and
    other personal data go into `content` in clear, as {"name": {"text": "..."}}: signing replaces them by commitments.
    """
    if not types:
        if as_json:
            output.emit_json({name: kind.summary for name, kind in ACT_TYPES.items()})
        else:
            output.table("Act types", ("type", "what it does"), [(one.name, one.summary) for one in ACT_TYPES.values()])
        return
    document = draft_document(types, authority)
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    if out is None:
        click.echo(text, nl=False)
    else:
        write_whole(out, text.encode())
        output.say(f"{out} is written. Fill it in, then: creditledger sign {out} --key KEY --ledger DIR")
