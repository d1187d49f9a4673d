"""`creditledger draft`: a JSON template in which somebody fills in what is to be signed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from creditledger.acts.registry import ACT_TYPES
from creditledger.cli import options, output
from creditledger.cli.authoring import keys_of
from creditledger.cli.ledgers import open_reader
from creditledger.cli.suggesting import typed
from creditledger.client.draft import draft_document
from creditledger.client.files import write_whole
from creditledger.client.phrases import count, fingerprint
from creditledger.client.placeholders import unfilled
from creditledger.errors import UsageError
from creditledger.keys.keyfile import format_public_key, read_public_key
from creditledger.ledger.ledger import Ledger
from creditledger.rules.rows import ROOT


@click.command("draft")
@click.argument("types", metavar="TYPE...", nargs=-1)
@click.option("--authority", help="Who will sign.")
@click.option(
    "--set",
    "settings",
    metavar="FIELD=VALUE",
    multiple=True,
    help="Fill in a field of every act that has it; repeat it.",
)
@click.option(
    "--ledger", type=click.Path(path_type=Path), help="The ledger's directory: fills in who signs beside the author."
)
@click.option(
    "--key", "keys", type=click.Path(path_type=Path), multiple=True,
    help="With --ledger: the author's public key file, then those of who countersigns; repeat it.",
)  # fmt: skip
@click.option(
    "-o", "--output", "out", type=click.Path(path_type=Path), help="Write it to this file (never overwriting)."
)
@options.as_json
def command(
    types: tuple[str, ...],
    authority: str | None,
    settings: tuple[str, ...],
    ledger: Path | None,
    keys: tuple[Path, ...],
    out: Path | None,
    as_json: bool,
) -> None:
    """Write a JSON template for acts of each TYPE (such as listing.add/1), every field explained.

    Without TYPE, show the types there are. Fill the template in, then `creditledger sign` or `append` it; a field that
    still says <fill in: ...> is refused. Names and other personal data go into `content` in clear, as
    {"name": {"text": "..."}}: signing replaces them by commitments. What governs the ledger is signed by the authority
    `root`, with as many root keys as its founding says: --ledger fills in the others as cosigners.
    """
    if not types:
        if as_json:
            output.emit_json({name: kind.summary for name, kind in ACT_TYPES.items()})
        else:
            output.table("Act types", ("type", "what it does"), [(one.name, one.summary) for one in ACT_TYPES.values()])
        return
    document = draft_document(types, authority)
    for setting in settings:
        _fill_in(document["acts"], setting)
    talk = ""
    if ledger is not None:
        with open_reader(ledger) as opened:
            document["cosigners"], talk = _cosigners(opened, authority, keys)
    elif keys:
        raise UsageError("--key is looked up in the ledger: give --ledger, too")
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    if talk:
        output.say(talk)
    if out is None:
        click.echo(text, nl=False)
        return
    write_whole(out, text.encode())
    left = [*unfilled({name: value for name, value in document.items() if name != "help"})]
    if as_json:
        output.emit_json({"file": str(out), "unfilled": left})
        return
    at = typed(ledger or "DIR")
    fill = f"Fill in {', '.join(left)}; then" if left else "Next"
    output.say(f"{out} is written. {fill}: creditledger sign {typed(out)} --key KEY --ledger {at}")


def _fill_in(acts: list[dict[str, Any]], setting: str) -> None:
    """Sets a field wherever it occurs: to a number or an array where one belongs, to null, else to the text itself."""
    name, equals, text = setting.partition("=")
    having = [act for act in acts if name in act and name != "type"]
    if not equals or not having:
        fields = sorted({field for act in acts for field in act if field != "type"})
        raise UsageError(f"--set is written FIELD=VALUE, not {setting!r:.80}; the fields are: {', '.join(fields)}")
    for act in having:
        what = dict(ACT_TYPES[act["type"]].fields)[name].describe
        value: Any = text
        if text == "null" or "integer" in what or "array of" in what or "[" in what:
            try:
                value = json.loads(text)
            except (ValueError, RecursionError):
                raise UsageError(f"--set {name}: {what} is written in JSON, not as {text!r:.80}") from None
        act[name] = value


def _cosigners(ledger: Ledger, authority: str | None, files: tuple[Path, ...]) -> tuple[list[dict[str, str]], str]:
    """Who signs beside the author, as a draft's cosigners, and what is to be said: whose key files are given, and for
    root as many other root keys as it takes."""
    rows = ledger.governance.keys
    keys = [read_public_key(file) for file in files]
    for file, key in zip(files, keys, strict=True):
        if key not in rows:
            raise UsageError(f"the key {fingerprint(key)} in {file} is not registered in {ledger.origin}")
    if keys and rows[keys[0]].authority != authority:
        raise UsageError(
            f"{files[0]} is a key of {rows[keys[0]].authority}: give --authority {rows[keys[0]].authority}"
        )
    talk = ""
    if authority == ROOT:
        founding = ledger.governance.ledger
        threshold = 1 if founding is None else founding.threshold
        roots = [one for _, one in keys_of(ledger, ROOT, ("root",))]
        talk = "The one root key must sign." if len(roots) == 1 else f"{threshold} of {len(roots)} root keys must sign."
        if not keys and threshold > 1:
            raise UsageError(
                f"{threshold} of {count(len(roots), 'root key')} sign together: say with --key which one will be the "
                "author's (its .pub file), and with further --key, which countersign"
            )
        here = sum(one in roots for one in keys)
        filled = [one for one in roots if one not in keys][: max(0, threshold - here)] if keys else []
        if filled:
            said = ", ".join(map(fingerprint, filled))
            talk += f" Filled in as cosigner beside those given: {said}; any other root key can take the place."
        keys += filled
    return [{"authority": rows[key].authority, "key": format_public_key(key)} for key in keys[1:]], talk
