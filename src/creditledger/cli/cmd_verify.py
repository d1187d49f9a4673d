"""`creditledger verify`: proves that no record was altered, or says where one was."""

from __future__ import annotations

import os
from pathlib import Path

import click

from creditledger.audit.auditor import verify
from creditledger.audit.trust import Trust
from creditledger.cli import options, output
from creditledger.store.head import HeadStore, default_head_dir


@click.command("verify")
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--trust", required=True, type=click.Path(path_type=Path), help="The trust file, got by another way than PATH."
)
@click.option(
    "--remember", type=click.Path(path_type=Path), help="Keep here what was verified; next time only check what is new."
)
@click.option("--jobs", type=click.IntRange(1, 256), help="How many processes [default: one for each core].")
@click.option(
    "--content-key", type=click.Path(path_type=Path), help="Check personal content against its commitments, too."
)
@options.head_dir
@options.as_json
def command(
    path: Path,
    trust: Path,
    remember: Path | None,
    jobs: int | None,
    content_key: Path | None,
    head_dir: Path | None,
    as_json: bool,
) -> int:
    """Verify PATH, a ledger's directory or an exported file, against a trust file. Neither is ever written to.

    On the machine that signs for the ledger, the head that it keeps outside the directory is compared, too.

    Ends with 0: intact, as far as the report says; 3: something was altered, and the report names the first bad record
    and the check that caught it; 4: a check could not be carried out; 13: a newer format or rule set.
    """
    trusted = Trust.load(trust)
    heads = HeadStore(head_dir if head_dir is not None else default_head_dir(os.environ))
    with output.progress(quiet=as_json) as progress:
        report = verify(
            path,
            trust=trusted,
            head=heads.load(trusted.ledger_id),
            remember=remember,
            jobs=jobs,
            content_key=options.content_key(content_key),
            progress=progress,
            raise_on_failure=False,
        )
    output.settle(report.exit_code)
    if as_json:
        output.emit_json(report.to_json())
    else:
        for line in report.lines():
            click.echo(line)
    return report.exit_code
