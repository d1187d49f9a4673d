"""`creditledger import`: transcribes a list that another body publishes, edition by edition or event by event."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from creditledger.cli import options, output
from creditledger.cli.cmd_keygen import make_key
from creditledger.cli.cosigning import Ending, cosign_at_end
from creditledger.cli.ledgers import open_reader, open_writer
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
    template_of,
)
from creditledger.transfer.import_run import counted
from creditledger.transfer.sources.events import suggest_lists
from creditledger.transfer.survey import open_source


@click.command("import")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path), required=False)
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--format", "form", type=click.Choice(["ofac-sdn", "events"]), help="How FILE is written.")
@click.option(
    "--keys", type=click.Path(path_type=Path), help="Directory of the keys (as `init` makes) [default: DIR-keys]."
)
@click.option(
    "--log-key",
    multiple=True,
    type=click.Path(path_type=Path),
    help="The key file that signs checkpoints; repeat it while one replaces another [default: log.key of --keys].",
)
@click.option(
    "--pq-key", type=click.Path(path_type=Path), help="The ML-DSA-44 key file that signs the last checkpoint besides."
)
@click.option("--transcript", type=click.Path(path_type=Path), help="What is copied (TOML); registers what is missing.")
@click.option(
    "--template",
    is_flag=True,
    help="Print a --transcript file to be filled in, for the lists that FILE names with --map list=FIELD.",
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
@click.option("--confirm-removals", type=click.IntRange(0), help="Exactly so many are removed by this file.")
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
    log_key: tuple[Path, ...],
    pq_key: Path | None,
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
) -> int:
    """Transcribe FILE into the ledger DIR: who is on somebody else's list, signed by who copied it.

    `ofac-sdn` is the Treasury's CSV: the first edition becomes the opening balance, later ones are compared with the
    state. `events` are JSON lines, one dated addition or removal each. Names and keys that are not public by law become
    content beside the log. Killed in the middle, call it again: nothing is recorded twice.
    """
    if template:
        # With --template the file, if any, is the last argument, and may be the only one.
        click.echo(_template(file or directory, mapping), nl=False)
        return 0
    if directory is None or file is None or form is None:
        raise UsageError(
            "give DIR, FILE and --format; `creditledger import --template` shows how a source is described"
        )
    if form == "ofac-sdn" and dated is None:
        raise UsageError("give --dated: the date on which this edition was issued, from when it counts")
    described = None if transcript is None else Transcript.load(transcript)
    lists = [] if described is None else [one.list for one in described.lists]
    values = {one.value: one.list for one in (described.lists if described else ()) if one.value is not None}
    layout = _layout(mapping, values, list_for, actions, content, list_id, lists) if form == "events" else None
    choices = ImportOptions(
        key_scheme=key_scheme,
        skip_bad=skip_bad,
        max_removed_share=max_removed,
        confirm_removals=confirm_removals,
        confirm_disagreements=confirm_disagreements,
    )
    keys = keys or directory.with_name(directory.name + "-keys")

    def run(ledger: Ledger, signer: Signer | None, opener: Signer | None) -> ImportReport:
        """Import, or without a signer only say what would be recorded."""
        dry = signer is None
        with output.progress(quiet=as_json) as progress:
            if layout is not None:
                return import_events(
                    ledger, file, layout=layout, signer=signer, opener=opener, options=choices, dry_run=dry,
                    planned=lists, progress=progress,
                )  # fmt: skip
            return import_snapshot(
                ledger, file, list_id=_one_list(list_id, lists), dated=dated or "", signer=signer, opener=opener,
                options=choices, dry_run=dry, planned=lists, progress=progress,
            )  # fmt: skip

    ending = Ending(0, None)
    if dry_run:
        # Opened to read, with no key but that of the content: nothing can be written.
        with open_reader(directory, keys / "content.key") as ledger:
            planned = [one for one in lists if one not in ledger.governance.lists]
            report = run(ledger, None, None)
    else:
        planned = []

        def signer(name: str, *, make: bool = False) -> Signer:
            path = keys / f"{name}.key"
            if make and not path.exists():
                source = options.passphrase_source(passphrase_file, passphrase_fd, confirm=True, what=str(path))
                make_key(path, source())
            return options.load_signer(path, passphrase_file, passphrase_fd)

        log_signers = options.load_signers(log_key or (keys / "log.key",), passphrase_file, passphrase_fd)
        seed = options.load_mldsa_seed(pq_key, passphrase_file, passphrase_fd)
        with open_writer(directory, log_signers, head_dir, keys / "content.key", mldsa_seed=seed) as ledger:
            if any(one not in ledger.governance.lists for one in lists):
                # What would be refused is refused before a list is set up for it, which nobody could take back.
                run(ledger, None, None)
            name = described.authority if described is not None else "transcriber"
            act_signer = signer(name, make=described is not None)
            admin_signer = signer(f"{name}-admin", make=described is not None)
            if described is not None:
                roots = _root_signers(ledger, keys, passphrase_file, passphrase_fd)
                prepare_transcript(
                    ledger, described, root_signers=roots, act_signer=act_signer, admin_signer=admin_signer
                )
            report = run(ledger, act_signer, admin_signer)
            ending = cosign_at_end(ledger, post_quantum=seed is not None)
    output.settle(ending.code)
    _show_json(report, planned, ending) if as_json else _show(report, planned)
    return ending.code


def _template(file: Path | None, mapping: tuple[str, ...]) -> str:
    """A description to be filled in, with the lists that the file names where one is given."""
    field = _pairs(mapping, "--map").get("list")
    if file is None or field is None:
        return template_of({})
    with open_source(file) as source:
        lists = suggest_lists(source, field)
    if not lists:
        raise UsageError(f"no row of {file} has a text in a field called {field!a:.60}: --map list=FIELD names it")
    return template_of(lists)


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
        if left in found:
            raise UsageError(f"{option} says twice what {left!r:.60} is")
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
    if list_id is not None and values:
        raise UsageError(
            "give --list for a file of one list, or --list-for (or values in --transcript) for one of several"
        )
    if "list" in names and not values:
        raise UsageError(
            f"--map list={names['list']} says that the file speaks of several lists: say with --list-for VALUE=LIST, "
            "or in --transcript, which of the ledger's lists each value means"
        )
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


_LINES = (
    ("openings", "opening balances", False),
    ("additions", "additions", True),
    ("corrections", "corrections", True),
    ("removals", "removals", True),
    ("unchanged", "unchanged", True),
    ("held", "held back", False),
    ("duplicate_additions", "added, but listed already", False),
    ("absent_removals", "removed, but not listed", False),
    ("disagreements", "contradict the record", False),
)
"""What is counted, how it is called, and whether it is shown when there is none."""


def _show(report: ImportReport, planned: list[str]) -> None:
    """The report for a person: first all lists together, then each, then what has to be looked at."""
    output.heading(f"{output.printable(report.file)}: {counted(report.rows + report.bad_rows, 'row')}", gap=False)
    totals = [(name, report.total(what)) for what, name, always in _LINES if always or report.total(what)]
    totals.append(("skipped rows", report.bad_rows))
    digits = max(len(f"{number:,}") for _, number in totals)
    click.echo(f"SHA-256 {report.sha256.hex()}")
    output.facts([(name, f"{number:>{digits},}") for name, number in totals])
    if len(report.lists) > 1:
        there = [(what, name) for what, name, _ in _LINES if report.total(what)]
        rows = [(list_id, *(str(getattr(one, what)) for what, _ in there)) for list_id, one in report.lists.items()]
        output.table("", ("list", *(name for _, name in there)), rows)
    for row in report.bad:
        output.remark(f"skipped: line {row.line}: {row.reason}")
    if report.bad_rows > len(report.bad):
        output.remark(f"skipped: and {report.bad_rows - len(report.bad):,} more")
    for what, name in (
        ("held", "held back, because a row that was skipped may be about the same subject"),
        ("duplicate_additions", "not recorded, because it adds who is listed already"),
        ("absent_removals", "not recorded, because it removes who is not listed"),
        ("disagreements", "not recorded, because the record says otherwise"),
    ):
        for example in report.examples.get(what, [])[:3]:
            output.remark(f"{name}: {example}")
        if report.total(what) > 3:
            output.remark(f"{name}: and {report.total(what) - 3:,} more")
    for sentence in _conclusions(report, planned):
        output.remark(sentence)


def _conclusions(report: ImportReport, planned: list[str]) -> Iterator[str]:
    """What came of it, in sentences."""
    if planned:
        named = ", ".join(planned) if len(planned) <= 3 else f"{counted(len(planned), 'list')}, {planned[0]} the first"
        yield f"Before that, the transcriber and {named} would be set up (--transcript)."
    if report.recorded_before and report.acts:
        goes_on = "" if report.goes_on is None else f"; it goes on with line {report.goes_on}"
        yield f"Resumed: {counted(report.recorded_before, 'act')} of this file had been recorded before{goes_on}."
    if report.dry_run:
        yield f"Dry run: {counted(report.acts, 'act')} would be recorded. Nothing was written."
    elif report.recorded:
        yield f"Recorded {counted(report.recorded, 'act')} in {counted(report.entries, 'record')}."
    elif report.total("held") or report.total("disagreements"):
        yield "Nothing was recorded."
    else:
        yield "Nothing to record: the ledger says already what the file says."


def _show_json(report: ImportReport, planned: list[str], ending: Ending) -> None:
    """The report for a program."""
    names = [what for what, _, _ in _LINES]
    output.emit_json(
        {
            "file": report.file, "sha256": report.sha256.hex(), "rows": report.rows, "bad_rows": report.bad_rows,
            "bad": [{"line": row.line, "reason": row.reason, "keys": row.keys} for row in report.bad],
            "dry_run": report.dry_run, "entries": report.entries, "acts": report.acts, "recorded": report.recorded,
            "recorded_before": report.recorded_before, "goes_on": report.goes_on, "planned": planned,
            "opened": list(report.opened), "examples": report.examples,
            "lists": {name: {one: getattr(counts, one) for one in names} for name, counts in report.lists.items()},
            "cosigning": ending.document,
        }
    )  # fmt: skip
