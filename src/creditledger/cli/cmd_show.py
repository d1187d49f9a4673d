"""`creditledger show`: one record in words, with its hashes and signatures; or byte by byte."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click

from creditledger.acts.catalogue import Act
from creditledger.acts.kinds import ActRef
from creditledger.acts.registry import act_to_json
from creditledger.cli import colour, options, output
from creditledger.cli.annotate import Part, annotate
from creditledger.cli.ledgers import open_reader
from creditledger.cli.reading import print_content, read_content
from creditledger.client.phrases import count, moment
from creditledger.client.words import describe, describe_entry
from creditledger.errors import UsageError, VerificationFailed
from creditledger.keys.keyfile import format_public_key
from creditledger.ledger.ledger import Ledger
from creditledger.ledger.log import parse_checkpoint
from creditledger.record.entry import Entry, check_signatures, decode_entry, entry_hash
from creditledger.record.record import Record, decode_record
from creditledger.tlog.checkpoint import Checkpoint
from creditledger.tlog.tree import leaf_hash


class AddressType(click.ParamType[tuple[int, int | None]]):
    """A record on the command line, `17`, or one act of it, `17.0`."""

    name = "seq"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int | None]:
        """Reads it; fails with what an address looks like."""
        if isinstance(value, tuple):
            return value
        seq, dot, index = value.partition(".")
        if not all(one.isascii() and one.isdecimal() and len(one) <= 15 for one in ([seq, index] if dot else [seq])):
            self.fail(f"{value!r:.40} is not a record like 17, or one act of it like 17.0", param, ctx)
        return int(seq), int(index) if dot else None


class Shown(NamedTuple):
    """One record with everything that is shown about it."""

    seq: int
    data: bytes
    record: Record
    entry: Entry
    note: bytes | None
    checkpoint: Checkpoint | None


@click.command("show")
@options.directory
@click.argument("address", metavar="SEQ[.INDEX]", type=AddressType())
@click.option("--bytes", "as_bytes", is_flag=True, help="Every byte of the record, with what it means.")
@click.option(
    "--content", metavar="LABEL", help="Write the content that act INDEX attaches under this label, as it is."
)
@click.option("--content-key", type=click.Path(path_type=Path), help="The content key, to read content with.")
@options.as_json
def command(
    directory: Path,
    address: tuple[int, int | None],
    as_bytes: bool,
    content: str | None,
    content_key: Path | None,
    as_json: bool,
) -> None:
    """Show record SEQ, or act INDEX of it: what was done, by whom, its hashes, signatures and covering checkpoint.

    Its hash is held against the tree, and its signatures are verified; whether its signers were entitled to act is for
    `creditledger verify` to say.
    """
    seq, index = address
    if (content is None) != (content_key is None) or (content is not None and index is None):
        raise UsageError("content is read with both --content LABEL and --content-key FILE, of one act: SEQ.INDEX")
    with open_reader(directory, content_key) as ledger:
        shown = read(ledger, seq)
        if index is not None and index >= len(shown.entry.acts):
            acts = count(len(shown.entry.acts), "act")
            raise UsageError(f"record {seq} has {acts}, numbered from 0; there is no {seq}.{index}")
        if content is not None and index is not None:
            print_content(content, read_content(ledger, shown.entry.acts[index], content), as_json=as_json)
            return
        look_up = Addresses(ledger, shown.entry)
        parts = [part for part in annotate(shown.data) if _belongs(part, index)] if as_bytes else None
        if as_json:
            output.emit_json(record_json(shown, index, look_up, parts))
        elif parts is not None:
            dump(parts)
        elif index is not None:
            _print_act(shown, shown.entry.acts[index], index, look_up)
        else:
            _print_record(shown, ledger.origin, look_up)


def read(ledger: Ledger, seq: int) -> Shown:
    """One record: re-hashed, its signatures verified, the checkpoint that covers it held against the tree."""
    ledger.record(seq)
    data = next(ledger.records(seq, seq + 1))[1]
    record = decode_record(data)
    entry = decode_entry(record.entry)
    try:
        check_signatures(record.entry, entry, record.signatures)
    except VerificationFailed as error:
        error.add_note(f"This is the signature in record {seq}.")
        raise
    found = ledger.log.checkpoint(seq + 1)
    checkpoint = None
    if found is not None:
        checkpoint = parse_checkpoint(found[1])
        root = ledger.log.root_at(checkpoint.size)
        if root != checkpoint.root:
            raise VerificationFailed(
                "LED-TREE", f"the tree is not the one that the checkpoint of size {checkpoint.size} was signed for",
                expected=checkpoint.root.hex(), found=root.hex() if root else "none", seq=seq,
            )  # fmt: skip
    return Shown(seq, data, record, entry, found[1] if found else None, checkpoint)


class Addresses:
    """Says where the acts stand that an entry refers to, as far as they are about the same subjects."""

    def __init__(self, ledger: Ledger, entry: Entry) -> None:
        self._ledger = ledger
        self._found: dict[ActRef, str] = {}
        about = (
            (getattr(act, "subject", None), getattr(act, "list", None))
            for act in entry.acts
            if any(getattr(act, name, None) is not None for name in ("listing", "appeal"))
        )
        self._subjects = dict.fromkeys(about)

    def __call__(self, ref: ActRef) -> str | None:
        while ref not in self._found and self._subjects:
            (subject, list_id), _ = self._subjects.popitem()
            if subject is not None and list_id is not None:
                for item in self._ledger.history(subject, list_id):
                    digest = entry_hash(self._ledger.record(item.address.seq).entry)
                    self._found[ActRef(digest, item.address.act)] = str(item.address)
        return self._found.get(ref)


def record_json(shown: Shown, index: int | None, look_up: Addresses, parts: list[Part] | None) -> dict[str, Any]:
    """A record, or one act of it, as JSON."""
    record, entry = shown.record, shown.entry
    words = describe_entry(entry, address=look_up)
    acts = list(enumerate(entry.acts))
    if index is not None:
        words = [f"{describe(entry.acts[index], entry.authority, address=look_up)}."]
        acts = acts[index : index + 1]
    document: dict[str, Any] = {
        "seq": shown.seq, "recorded_at": options.format_moment(record.recorded_at), "prev": record.prev.hex(),
        "leaf_hash": leaf_hash(shown.data).hex(), "size": len(shown.data),
        "entry": {
            "hash": entry_hash(record.entry).hex(), "ledger_id": entry.ledger_id.hex(), "authority": entry.authority,
            "key": format_public_key(entry.key), "author_seq": entry.author_seq,
            "author_prev": entry.author_prev.hex(), "not_after": options.format_moment(entry.not_after),
            "seen": None if entry.seen is None else {"size": entry.seen[0], "root": entry.seen[1].hex()},
            "acts": [{"address": f"{shown.seq}.{number}"} | act_to_json(act) for number, act in acts],
        },
        "signatures": [
            {"authority": who, "key": format_public_key(key), "signature": signature.hex()}
            for (who, key), signature in _signers(shown)
        ],
        "checkpoint": None if shown.checkpoint is None or shown.note is None else {
            "size": shown.checkpoint.size, "root": shown.checkpoint.root.hex(), "note": shown.note.decode(),
        },
        "words": words,
    }  # fmt: skip
    if parts is not None:
        document["bytes"] = [
            {
                "offset": part.offset, "hex": part.data.hex(), "path": part.path, "kind": part.kind,
                "meaning": part.meaning,
            }
            for part in parts
        ]  # fmt: skip
    return document


def _signers(shown: Shown) -> Iterator[tuple[tuple[str, bytes], bytes]]:
    entry = shown.entry
    return zip(((entry.authority, entry.key), *entry.cosigners), shown.record.signatures, strict=True)


def _print_record(shown: Shown, origin: str, look_up: Addresses) -> None:
    record = shown.record
    output.heading(f"Record {shown.seq} of {origin}", gap=False)
    output.facts([("recorded", moment(record.recorded_at)), ("length", f"{len(shown.data):,} bytes")])
    output.heading("What was done")
    for index, act in enumerate(shown.entry.acts):
        output.paragraph(f"{shown.seq}.{index}  {describe(act, shown.entry.authority, address=look_up)}", indent="  ")
    output.heading("The entry that was signed")
    for line in describe_entry(shown.entry, address=look_up):
        if not line.startswith("Act "):
            output.paragraph(line, indent="  ")
    output.heading("Signatures, verified just now")
    for (who, key), signature in _signers(shown):
        output.facts([("by", who), ("key", format_public_key(key)), ("signature", _two_halves(signature))])
    output.heading("Hashes")
    output.facts(
        [
            ("entry", entry_hash(record.entry).hex()), ("leaf", leaf_hash(shown.data).hex()),
            ("leaf before", record.prev.hex()),
        ]
    )  # fmt: skip
    if shown.checkpoint is None:
        output.say("No checkpoint covers this record yet.")
        return
    output.heading("Checkpoint that covers it")
    output.facts([("size", str(shown.checkpoint.size)), ("root", shown.checkpoint.root.hex())])


def _two_halves(signature: bytes) -> str:
    """A signature in hexadecimal; on a terminal in two halves, as it takes two lines there."""
    text = signature.hex()
    return f"{text[:64]} {text[64:]}" if sys.stdout.isatty() else text


def _print_act(shown: Shown, act: Act, index: int, look_up: Addresses) -> None:
    output.heading(f"Act {shown.seq}.{index}", gap=False)
    output.paragraph(describe(act, shown.entry.authority, address=look_up) + ".", indent="  ")
    output.heading("Fields")
    output.facts([(name, _plain(value)) for name, value in act_to_json(act).items()])
    recorded = moment(shown.record.recorded_at)
    output.heading("Where it stands")
    output.facts(
        [
            ("record", f"{shown.seq}, recorded {recorded}"),
            ("reference", f"{entry_hash(shown.record.entry).hex()}#{index}"),
        ]
    )  # fmt: skip


def _plain(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_plain(one)}" for name, one in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(map(_plain, value)) or "none"
    return str(value)


def _belongs(part: Part, index: int | None) -> bool:
    """Whether the part is of the act asked for; every part is, when none was asked for."""
    path = f"entry.acts[{index}]"
    return index is None or part.path == path or part.path.startswith(f"{path}.")


BYTE_COLOURS = {"text": "green", "number": "yellow", "bytes": "cyan"}


def dump(parts: list[Part]) -> None:
    """Prints offset, bytes and meaning, row by row."""
    columns = output.width()
    row_bytes = 16 if columns >= 120 else 8
    room = columns - 7 - 3 * row_bytes - 1
    for part in parts:
        indent = "  " * part.depth
        header = part.kind == "header"
        words = output.wrap(f"{part.name}: {part.meaning}", room - len(indent))
        chunks = [part.data[at : at + row_bytes] for at in range(0, len(part.data), row_bytes)]
        for row in range(max(len(chunks), len(words))):
            chunk = chunks[row] if row < len(chunks) else b""
            offset = f"{part.offset + row * row_bytes:5}" if chunk else ""
            text = indent + words[row] if row < len(words) else ""
            shown = colour.paint(chunk.hex(" "), fg=BYTE_COLOURS.get(part.kind), dim=header) if chunk else ""
            space = " " * (3 * row_bytes - len(chunk.hex(" ")) + 1)
            line = f"{colour.paint(f'{offset:5}', dim=True)}  {shown}{space}"
            output.put((line + (colour.paint(text, dim=header) if text else "")).rstrip())
