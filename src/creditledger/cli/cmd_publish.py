"""`creditledger publish`: the log as static files for any web server, in the C2SP tile layout."""

from __future__ import annotations

from pathlib import Path

import click

from creditledger.cli import options, output
from creditledger.cli.ledgers import open_reader
from creditledger.cli.rounds import every, in_rounds
from creditledger.cli.suggesting import typed
from creditledger.client.phrases import count
from creditledger.errors import CannotVerify, StoreError, UsageError
from creditledger.publish.publishing import Publication, publish


@click.command("publish")
@options.directory
@click.argument("out", type=click.Path(path_type=Path))
@every("Go on, once in so long (30s, 10m, 1h), until interrupted; others can append in between.")
@options.dry_run
@options.as_json
def command(directory: Path, out: Path, every: int | None, dry_run: bool, as_json: bool) -> int:
    """Write the log of the ledger in DIR to the directory OUT, as files for any web server: records, tiles, checkpoint.

    Run it again, or with --every, to add what is new. Published is the newest checkpoint that meets the ledger's
    witness policy; it is put in place last. Personal content is never published. DIR is only read.

    With --every, too few cosignatures, somebody else who is publishing and a failing disk are told on stderr, and it
    goes on; it ends with 0 when it is interrupted (SIGINT, SIGTERM), once the round under way is over.

    Whoever has the trust file verifies the result with `creditledger verify URL --trust FILE`.
    """
    if every is not None and dry_run:
        raise UsageError("--every publishes round after round, and --dry-run never: give one of the two")
    said: list[tuple[Publication, int]] = []

    def once() -> None:
        with open_reader(directory, None) as ledger, output.progress(quiet=as_json) as progress:
            shown = None if progress is None else (lambda done, total: progress("publishing records", done, total))
            done = publish(ledger, out, dry_run=dry_run, progress=shown)
            waiting = max(0, ledger.size - done.size) if ledger.has_witnesses else 0
        # Of many rounds, those are told that published something, or that records begin to wait, and the first one.
        if done.files or not said or done.root != said[-1][0].root or (waiting and not said[-1][1]):
            _tell(done, waiting, directory, out, dry_run=dry_run, as_json=as_json, lines=every is not None)
        said[:] = [(done, waiting)]

    if every is not None:
        return in_rounds(once, every, passing=(StoreError, CannotVerify))
    once()
    return 0


def _tell(
    done: Publication, waiting: int, directory: Path, out: Path, *, dry_run: bool, as_json: bool, lines: bool
) -> None:
    """What was published, or would be, and how many records of the ledger wait to be cosigned."""
    if as_json:
        told = {
            "directory": str(out), **done._asdict(), "root": done.root.hex(), "dry_run": dry_run, "waiting": waiting,
        }  # fmt: skip
        (output.emit_json_line if lines else output.emit_json)(told)
        return
    click.echo(f"{count(done.size, 'record')}, root {done.root.hex()}")
    if done.files:
        verb = "would be written" if dry_run else "written"
        output.remark(
            f"{out}: {count(done.files, 'new file')} of {done.bytes:,} bytes {verb}, from record {done.before} on."
        )
    elif not waiting:
        output.remark(f"{out} is up to date.")
    if waiting:
        last = done.size + waiting - 1
        which = f"record {last} waits" if waiting == 1 else f"records {done.size} to {last} wait"
        output.remark(
            f"Not published yet: {which} for the witnesses' cosignatures; run "
            f"`creditledger cosign {typed(directory)} --log-key KEY`, then publish again."
        )
