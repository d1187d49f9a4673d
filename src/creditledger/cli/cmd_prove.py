"""`creditledger prove`: a receipt for acts, or the proof that the log continues an older checkpoint."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from creditledger.acts.kinds import ActRef, Subject
from creditledger.audit.published import is_published
from creditledger.cli import options, output
from creditledger.cli.ledgers import open_reader
from creditledger.cli.suggesting import typed
from creditledger.client.files import read_bounded, write_whole
from creditledger.client.phrases import count
from creditledger.errors import FormatError, UsageError
from creditledger.ledger.answer import Address
from creditledger.ledger.ledger import Ledger
from creditledger.ledger.log import parse_checkpoint
from creditledger.receipts import make
from creditledger.receipts.formats import MAX_NOTE_BYTES, ExtensionFile, ReceiptFile
from creditledger.web.url import is_url

_NUMBER = re.compile("[0-9]{1,15}").fullmatch
_REFERENCE = re.compile(r"([0-9a-f]{64})(?:#([0-9]{1,4}))?").fullmatch
_PLACE = re.compile(r"([0-9]{1,15})\.([0-9]{1,4})").fullmatch


class ActType(click.ParamType[make.Act]):
    """An act on the command line: `17`, `17.0`, or the hash of its entry, with `#0` or without."""

    name = "act"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> make.Act:
        """Reads it; fails with what an act looks like."""
        if not isinstance(value, str):
            act: make.Act = value
            return act
        if _NUMBER(value):
            return int(value)
        if place := _PLACE(value):
            return Address(int(place[1]), int(place[2]))
        ref = _REFERENCE(value)
        if ref is None:
            self.fail(f"{value!r:.80} is not an act, written 17, 17.0 or HASH#0", param, ctx)
        return ActRef(bytes.fromhex(ref[1]), int(ref[2] or 0))


@click.command("prove")
@options.directory
@click.argument("acts", metavar="[ACT]...", nargs=-1, type=ActType())
@click.option("--subject", type=options.SubjectType(), help="Every act about this subject (scheme:value), on --list.")
@click.option("--list", "list_id", metavar="LIST", help="The list, with --subject.")
@click.option(
    "--from", "old", metavar="OLD", help="A checkpoint file that somebody has kept, or its size: prove what came after."
)
@click.option("--unwitnessed", is_flag=True, help="At the newest checkpoint, even if witnesses have not cosigned it.")
@click.option("-o", "--output", "out", required=True, type=click.Path(path_type=Path), help="The file to write.")
@options.as_json
def command(
    directory: Path,
    acts: tuple[make.Act, ...],
    subject: Subject | None,
    list_id: str | None,
    old: str | None,
    unwitnessed: bool,
    out: Path,
    as_json: bool,
) -> None:
    """Write a file that proves, offline and years later, that each ACT is on record.

    An ACT is a record's number, such as 17, an act of it, such as 17.0, or HASH#0. With --subject and --list: every act
    about a subject. With --from: that the log of today continues the one of an older checkpoint. Whoever gets the file
    checks it with `creditledger verify FILE --trust TRUST`.
    """
    if (subject is None) != (list_id is None) or sum(map(bool, (acts, subject is not None, old is not None))) != 1:
        raise UsageError("say what to prove: ACTs, or --subject with --list, or --from; one of them")
    if is_published(directory) or is_url(str(directory).replace(":/", "://", 1)):
        raise UsageError(
            "a proof is made from a ledger, and this is a published log: restore it first (creditledger restore "
            f"{typed(directory)} DIR --trust TRUST), and prove from DIR"
        )
    with open_reader(directory) as ledger:
        if old is not None:
            data = make.extend(ledger, _old(old), witnessed=not unwitnessed)
        elif subject is not None and list_id is not None:
            data = make.prove_history(ledger, subject, list_id, witnessed=not unwitnessed)
        else:
            data = make.prove(ledger, *acts, witnessed=not unwitnessed)
        told = _told(ledger, data, extension=old is not None)
    write_whole(out, data)
    if as_json:
        output.emit_json({"file": str(out), "bytes": len(data)} | told)
        return
    if old is not None:
        what = f"that {told['origin']} at size {told['size']} continues its checkpoint of size {told['old_size']}"
    else:
        records = [*map(str, told["records"])]
        shown = ", ".join(records[:10]) + (", …" if len(records) > 10 else "")
        what = f"{count(len(records), 'record')} ({shown}) under the checkpoint of size {told['size']}"
    click.echo(f"{out}: proves {what}; check it with: creditledger verify {typed(out)} --trust TRUST")
    if subject is not None:
        output.remark(f"It says that these are all acts about {subject} on {list_id}: that is this ledger's claim.")


def _old(text: str) -> int | bytes:
    """The old checkpoint: its size, or the note in a file."""
    if _NUMBER(text):
        return int(text)
    note = read_bounded(text, MAX_NOTE_BYTES, "the checkpoint")
    try:
        parse_checkpoint(note)
    except FormatError as error:
        raise type(error)(f"{text} is no checkpoint: {error}") from None
    return note


def _told(ledger: Ledger, data: bytes, *, extension: bool) -> dict[str, Any]:
    """What was written, for the answer."""
    if extension:
        file = ExtensionFile.from_bytes(data)
        return {
            "kind": "extension", "origin": ledger.origin, "size": parse_checkpoint(file.new).size,
            "old_size": parse_checkpoint(file.old).size,
        }  # fmt: skip
    receipt = ReceiptFile.from_bytes(data)
    return {
        "kind": "receipt", "origin": ledger.origin, "size": parse_checkpoint(receipt.note).size,
        "records": [proof.index for proof in receipt.proofs()],
    }  # fmt: skip
