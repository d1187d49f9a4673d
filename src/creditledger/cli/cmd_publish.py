"""`creditledger publish`: the log as static files for any web server, in the C2SP tile layout."""

from __future__ import annotations

from pathlib import Path

import click

from creditledger.cli import options, output
from creditledger.cli.ledgers import open_reader
from creditledger.client.phrases import count
from creditledger.publish.publishing import publish


@click.command("publish")
@options.directory
@click.argument("out", type=click.Path(path_type=Path))
@options.dry_run
@options.as_json
def command(directory: Path, out: Path, dry_run: bool, as_json: bool) -> None:
    """Write the log of the ledger in DIR to the directory OUT, as files for any web server: records, tiles, checkpoint.

    Run it again to add what is new. Published is the newest checkpoint that meets the ledger's witness policy; it is
    put in place last. Personal content is never published. DIR is only read.

    Whoever has the trust file verifies the result with `creditledger verify URL --trust FILE`.
    """
    with open_reader(directory, None) as ledger, output.progress(quiet=as_json) as progress:
        shown = None if progress is None else (lambda done, total: progress("publishing records", done, total))
        done = publish(ledger, out, dry_run=dry_run, progress=shown)
    if as_json:
        output.emit_json({"directory": str(out), **done._asdict(), "root": done.root.hex(), "dry_run": dry_run})
        return
    click.echo(f"{count(done.size, 'record')}, root {done.root.hex()}")
    if done.files:
        verb = "would be written" if dry_run else "written"
        output.remark(
            f"{out}: {count(done.files, 'new file')} of {done.bytes:,} bytes {verb}, from record {done.before} on."
        )
    else:
        output.remark(f"{out} is up to date.")
