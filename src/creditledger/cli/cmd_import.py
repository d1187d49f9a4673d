"""`creditledger import`: transcribes a list that another body publishes, edition by edition or event by event."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import click

from creditledger.cli import options, output
from creditledger.cli.cmd_keygen import make_key
from creditledger.cli.ledgers import open_writer
from creditledger.errors import UsageError
from creditledger.keys.signer import Signer
from creditledger.ledger.ledger import Ledger
from creditledger.transfer import (
    EventLayout,
    ImportOptions,
    ImportReport,
    Transcript,
    import_events,
    import_snapshot,
    prepare_transcript,
)
from creditledger.transfer.sources.events import suggest_lists
from creditledger.transfer.survey import open_source

TEMPLATE = """\
# What is copied, by whom, and on what law it rests. `creditledger import --transcript FILE` registers what is missing.
authority = "transcriber"
name = "Transcription Office"
law = "ieepa"
law_title = "International Emergency Economic Powers Act"
law_number = "50 U.S.C. 1701-1708"
law_issuer = "Congress of the United States"
law_effective = "1977-12-28"
article = "s. 1702"
ground = "stands-on-the-source"
ground_title = "Stands on the list of the source"
polarity = "restriction"

[[lists]]
list = "ofac-sdn"
title = "Transcript of the Specially Designated Nationals List"
source = "Office of Foreign Assets Control"
schemes = ["handle"]
"""


@click.command("import")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path), required=False)
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--format", "form", type=click.Choice(["ofac-sdn", "events"]), help="How FILE is written.")
@click.option(
    "--keys", type=click.Path(path_type=Path), help="Directory of the keys (as `init` makes) [default: DIR-keys]."
)
@click.option("--transcript", type=click.Path(path_type=Path), help="What is copied (TOML); registers what is missing.")
@click.option(
    "--template",
    is_flag=True,
    help="Print an example of a --transcript file, for the lists that FILE names with --map list=FIELD.",
)
@click.option(
    "--list", "list_id", metavar="LIST", help="The ledger's list [default: the transcript's, if it names one]."
)
@click.option("--dated", type=options.DateType(), help="ofac-sdn: the edition's date of issue.")
@click.option(
    "--map", "mapping", multiple=True, metavar="PART=FIELD", help="events: what key, action, date, list are called."
)
@click.option(
    "--list-for", multiple=True, metavar="VALUE=LIST", help="events: which list a value of the list field means."
)
@click.option("--action", "actions", multiple=True, metavar="WORD=add|remove", help="events: what the words mean.")
@click.option("--content", "content", multiple=True, metavar="LABEL=FIELD", help="events: fields to keep as content.")
@click.option(
    "--key-scheme", type=click.Choice(["handle", "host", "lei", "uscc"]), default="handle", show_default=True,
    help="Keys that are public by law stand in clear where they are well formed; all others become handles.",
)  # fmt: skip
@click.option(
    "--skip-bad", type=click.IntRange(0), default=0, help="Exactly so many rows cannot be read; leave them out."
)
@click.option(
    "--max-removed", type=click.FloatRange(0, 1), default=0.05, show_default=True, help="Largest share removed unasked."
)
@click.option("--confirm-removals", type=click.IntRange(0), help="Exactly so many are removed by this edition.")
@click.option(
    "--confirm-disagreements", type=click.IntRange(0), default=0, help="events: so many contradict the record."
)
@options.dry_run
@options.passphrase
@options.head_dir
@options.as_json
def command(
    directory: Path | None,
    file: Path | None,
    form: str | None,
    keys: Path | None,
    transcript: Path | None,
    template: bool,
    list_id: str | None,
    dated: str | None,
    mapping: tuple[str, ...],
    list_for: tuple[str, ...],
    actions: tuple[str, ...],
    content: tuple[str, ...],
    key_scheme: str,
    skip_bad: int,
    max_removed: float,
    confirm_removals: int | None,
    confirm_disagreements: int,
    dry_run: bool,
    passphrase_file: Path | None,
    passphrase_fd: int | None,
    head_dir: Path | None,
    as_json: bool,
) -> None:
    """Transcribe FILE into the ledger DIR: who is on somebody else's list, signed by who copied it.

    `ofac-sdn` is the Treasury's CSV: the first edition becomes the opening balance, later ones are compared with the
    state. `events` are JSON lines, one dated addition or removal each. Names and keys that are not public by law become
    content beside the log. Killed in the middle, call it again: nothing is recorded twice.
    """
    if template:
        # With --template the file, if any, is the only argument.
        click.echo(_template(directory, mapping), nl=False)
        return
    if directory is None or file is None or form is None:
        raise UsageError(
            "give DIR, FILE and --format; `creditledger import --template` shows how a source is described"
        )
    keys = keys or directory.with_name(directory.name + "-keys")

    def signer(name: str, *, make: bool = False) -> Signer:
        path = keys / f"{name}.key"
        if make and not path.exists() and not dry_run:
            source = options.passphrase_source(passphrase_file, passphrase_fd, confirm=True)
            make_key(path, source())
        return options.load_signer(path, passphrase_file, passphrase_fd)

    described = None if transcript is None else Transcript.load(transcript)
    lists = [] if described is None else [one.list for one in described.lists]
    values = {one.value: one.list for one in (described.lists if described else ()) if one.value is not None}
    with open_writer(directory, signer("log"), head_dir, keys / "content.key") as ledger:
        name = described.authority if described is not None else "transcriber"
        act_signer = signer(name, make=described is not None)
        admin_signer = signer(f"{name}-admin", make=described is not None)
        if described is not None and not dry_run:
            roots = _root_signers(ledger, keys, passphrase_file, passphrase_fd)
            prepare_transcript(ledger, described, root_signers=roots, act_signer=act_signer, admin_signer=admin_signer)
        choices = ImportOptions(
            key_scheme=key_scheme,
            skip_bad=skip_bad,
            max_removed_share=max_removed,
            confirm_removals=confirm_removals,
            confirm_disagreements=confirm_disagreements,
        )
        with output.progress(quiet=as_json) as progress:
            shown = None if progress is None else (lambda done, total: progress("recording acts", done, total))
            if form == "ofac-sdn":
                if dated is None:
                    raise UsageError("give --dated: the date on which this edition was issued, from when it counts")
                report = import_snapshot(
                    ledger, file, list_id=_one_list(list_id, lists), dated=dated, signer=act_signer,
                    opener=admin_signer, options=choices, dry_run=dry_run, progress=shown,
                )  # fmt: skip
            else:
                report = import_events(
                    ledger, file, layout=_layout(mapping, values, list_for, actions, content, list_id, lists),
                    signer=act_signer, opener=admin_signer, options=choices, dry_run=dry_run, progress=shown,
                )  # fmt: skip
    _show(report, as_json=as_json)


def _template(file: Path | None, mapping: tuple[str, ...]) -> str:
    """The example, with the lists that the file names where one is given."""
    field = _pairs(mapping, "--map").get("list")
    if file is None or field is None:
        return TEMPLATE
    head = TEMPLATE.partition("[[lists]]")[0]
    with open_source(file) as source:
        lists = suggest_lists(source, field)
    return head + "\n".join(
        f'[[lists]]\nlist = "{list_id}"\nvalue = {json.dumps(value)}\ntitle = {json.dumps("Transcript of " + value)}\n'
        'source = "Office of Foreign Assets Control"\nschemes = ["handle"]\n'
        for value, list_id in lists.items()
    )


def _one_list(list_id: str | None, lists: list[str]) -> str:
    if list_id is not None:
        return list_id
    if len(lists) != 1:
        raise UsageError("give --list: which of the ledger's lists the file goes into")
    return lists[0]


def _pairs(values: Iterable[str], option: str) -> dict[str, str]:
    found = {}
    for value in values:
        left, equals, right = value.rpartition("=")
        if not equals or not left or not right:
            raise UsageError(f"{option} is written LEFT=RIGHT, not {value!r:.60}")
        found[left] = right
    return found


def _layout(
    mapping: tuple[str, ...],
    described: dict[str, str],
    list_for: tuple[str, ...],
    actions: tuple[str, ...],
    content: tuple[str, ...],
    list_id: str | None,
    lists: list[str],
) -> EventLayout:
    names = _pairs(mapping, "--map")
    unknown = sorted(set(names) - {"key", "action", "date", "list"})
    if unknown:
        raise UsageError(f"--map names key, action, date or list, not {unknown[0]!r:.40}")
    values = described | _pairs(list_for, "--list-for")
    words = _pairs(actions, "--action") or {"add": "add", "remove": "remove"}
    return EventLayout(
        lists=values or _one_list(list_id, lists), actions=words, content=_pairs(content, "--content"), **names
    )


def _root_signers(ledger: Ledger, keys: Path, file: Path | None, descriptor: int | None) -> list[Signer]:
    """As many of the root keys in the directory as act together, those that the ledger knows."""
    ledger_row = ledger.governance.ledger
    needed = ledger_row.threshold if ledger_row else 1
    found: list[Signer] = []
    for path in sorted(keys.glob("root-*.key")):
        if len(found) < needed:
            found.append(options.load_signer(path, file, descriptor))
    if len(found) < needed:
        raise UsageError(
            f"registering what is copied needs {needed} root keys, and {keys} holds {len(found)} (root-*.key); "
            "have the root keys register it with `creditledger append`, then leave out --transcript"
        )
    return found


def _show(report: ImportReport, *, as_json: bool) -> None:
    names = (
        "openings", "additions", "corrections", "removals", "unchanged", "duplicate_additions", "absent_removals",
        "disagreements",
    )  # fmt: skip
    if as_json:
        output.emit_json(
            {
                "file": report.file, "sha256": report.sha256.hex(), "rows": report.rows, "bad_rows": report.bad_rows,
                "dry_run": report.dry_run, "entries": report.entries, "recorded": report.recorded,
                "opened": list(report.opened), "examples": report.examples,
                "lists": {name: {one: getattr(counts, one) for one in names} for name, counts in report.lists.items()},
            }
        )  # fmt: skip
        return
    output.table(
        f"{report.file}: {report.rows} rows, SHA-256 {report.sha256.hex()[:16]}…",
        ("list", *(one.replace("_", " ") for one in names)),
        [(name, *(str(getattr(counts, one)) for one in names)) for name, counts in report.lists.items()],
    )
    for what, examples in report.examples.items():
        if what in ("duplicate_additions", "absent_removals", "disagreements"):
            output.say(f"{what.replace('_', ' ')}, for example: {'; '.join(examples[:3])}")
    if report.dry_run:
        output.say(f"{report.acts} acts would be recorded (--dry-run).")
    else:
        output.say(f"{report.recorded} acts were recorded in {report.entries} entries.")
