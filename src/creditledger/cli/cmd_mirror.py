"""`creditledger mirror`: a copy of a published log, verified to the last byte before it is kept."""

from __future__ import annotations

from pathlib import Path

import click

from creditledger.audit.published import read_signed
from creditledger.audit.trust import Trust
from creditledger.cli import options, output, pins
from creditledger.cli.rounds import every, until_stopped
from creditledger.client.phrases import count
from creditledger.errors import CannotVerify, LedgerError, NoLedger, StoreError, VerificationFailed
from creditledger.publish.mirroring import Mirrored, mirror
from creditledger.receipts import fork
from creditledger.web.place import Folder, open_place


@click.command("mirror")
@click.argument("source", metavar="URL")
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--trust", required=True, type=click.Path(path_type=Path), help="The trust file, got by another way than URL."
)
@every("Go on, looking for what is new once in so long (30s, 10m, 6h, 1d), until interrupted.")
@options.as_json
def command(source: str, out: Path, trust: Path, every: int | None, as_json: bool) -> None:
    """Keep a copy in OUT of the log that is published at URL, an http(s) address or a directory.

    What is new is fetched, and held against the signed checkpoint and against what OUT has already, before it counts.
    What contradicts it is evidence against the log, which is written down for others (exit code 3). Run it again, or
    with --every, to follow the log; ctrl-C or SIGTERM stops that, with 0. OUT can be served, verified, mirrored, and
    restored from.
    """
    trusted = Trust.load(trust)
    if every is None:
        _tell(_once(source, out, trusted, quiet=as_json), out, lines=False, as_json=as_json)
        return
    with until_stopped() as pause:
        while True:
            try:
                _tell(_once(source, out, trusted, quiet=as_json), out, lines=True, as_json=as_json)
            except NoLedger:
                raise
            except (StoreError, CannotVerify) as error:
                # It may be there again next time; what contradicts a signature will not.
                output.say(f"note: {error}")
            pause(every / 1_000_000)


def _once(source: str, out: Path, trust: Trust, *, quiet: bool) -> Mirrored:
    with output.progress(quiet=quiet) as progress:
        shown = None if progress is None else (lambda done, total: progress("fetching bundles", done, total))
        try:
            return mirror(source, out, trust=trust, progress=shown)
        except VerificationFailed as error:
            failed = error
    raise _exposed(source, out, trust, failed) if failed.finding == "LED-HEAD" else failed


def _exposed(source: str, out: Path, trust: Trust, failed: VerificationFailed) -> VerificationFailed:
    """What is said of two histories: where the evidence for others is, or why there is none."""
    try:
        place = open_place(source)
        try:
            shown, kept = read_signed(place, trust), read_signed(Folder(out), trust)
        finally:
            place.close()
        larger = source if shown.checkpoint.size > kept.checkpoint.size else out
        with pins.tree_of(larger, max(shown.checkpoint.size, kept.checkpoint.size)) as tree:
            data = fork.make(trust, kept.note, shown.note, tree)
        found = None if data is None else fork.check(data, trust)
    except LedgerError as error:
        failed.add_note(f"No evidence for others can be made of it here: {error}")
        return failed
    if found is None:
        return failed
    exposed = VerificationFailed(
        "LED-FORK", f"{fork.MEANING}: that at {source}, and that of which {out} is a copy, which stays as it is",
        expected=failed.expected, found=failed.found,
    )  # fmt: skip
    exposed.add_note(pins.keep(found))
    return exposed


def _tell(done: Mirrored, out: Path, *, lines: bool, as_json: bool) -> None:
    if as_json:
        told = {"directory": str(out), **done._asdict(), "root": done.root.hex()}
        (output.emit_json_line if lines else output.emit_json)(told)
        return
    click.echo(f"{count(done.size, 'record')}, root {done.root.hex()}")
    if done.behind:
        output.remark(f"The source is behind: it shows an older checkpoint than {out} has, of the same history.")
    elif done.fetched:
        output.remark(f"{out}: {count(done.fetched, 'file')} fetched and verified, from record {done.before} on.")
    else:
        output.remark(f"{out} is up to date.")
