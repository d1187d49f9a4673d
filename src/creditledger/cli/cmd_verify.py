"""`creditledger verify`: proves that no record was altered, or says where one was."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import click

from creditledger.audit.auditor import verify
from creditledger.audit.findings import FINDINGS, Finding
from creditledger.audit.report import Report
from creditledger.audit.trust import Trust
from creditledger.cli import colour, options, output, pins, proofs
from creditledger.client.phrases import count
from creditledger.errors import UsageError, VerificationFailed
from creditledger.store.head import HeadStore, default_head_dir
from creditledger.web.url import is_url


@click.command("verify")
@click.argument("where", metavar="PATH")
@click.option(
    "--trust", required=True, type=click.Path(path_type=Path), help="The trust file, got by another way than PATH."
)
@click.option(
    "--remember", type=click.Path(path_type=Path), help="Keep here what was verified; next time only check what is new."
)
@click.option(
    "--cache", type=click.Path(path_type=Path), help="Keep here what is fetched of a published log, to go on from."
)
@click.option("--jobs", type=click.IntRange(1, 256), help="How many processes [default: one for each core].")
@click.option(
    "--content-key", type=click.Path(path_type=Path), help="Check personal content against its commitments, too."
)
@click.option("--record", type=click.Path(path_type=Path), help="The record that a .tlog-proof file is about.")
@click.option(
    "--with", "beside", type=click.Path(path_type=Path), help="With an acknowledgement: the receipt or submission."
)
@options.head_dir
@options.as_json
def command(
    where: str,
    trust: Path,
    remember: Path | None,
    cache: Path | None,
    jobs: int | None,
    content_key: Path | None,
    record: Path | None,
    beside: Path | None,
    head_dir: Path | None,
    as_json: bool,
) -> int:
    """Verify PATH, a ledger's directory or an exported file, against a trust file. Neither is ever written to.

    PATH may be a log that is published, too: its http(s) URL, or the directory of its files. With --cache DIR, what was
    fetched and found right is kept there, and a run that was interrupted goes on.

    PATH may also be a proof: a receipt, an extension, evidence of a fork, an acknowledgement, or a .tlog-proof file.
    Then nothing but that file and the trust file is needed.

    On the machine that signs for the ledger, the head that it keeps outside the directory is compared, too.

    Ends with 0: intact, as far as the report says; 3: something was altered, and the report names the first bad record
    and the check that caught it; 4: a check could not be carried out; 13: a newer format or rule set.
    """
    trusted = Trust.load(trust)
    path = Path(where)
    if not is_url(where) and proofs.is_proof(path):
        return proofs.verify_proof(path, trusted, record, beside, as_json=as_json)
    if record is not None or beside is not None:
        raise UsageError(f"--record and --with go with proof files; {where} is none")
    heads = HeadStore(head_dir if head_dir is not None else default_head_dir(os.environ))
    seen = pins.known(trusted)
    with output.progress(quiet=as_json) as progress:
        report = verify(
            where,
            trust=trusted,
            head=heads.load(trusted.ledger_id),
            seen=seen,
            remember=remember,
            jobs=jobs,
            cache=cache,
            content_key=options.content_key(content_key),
            progress=progress,
            raise_on_failure=False,
        )
    output.settle(report.exit_code)
    if as_json:
        output.emit_json(report.to_json())
    elif sys.stdout.isatty():
        show(report)
    else:
        for line in report.lines():
            click.echo(line)
    forked = "LED-FORK" in report.counts
    intact = report.exit_code == 0
    if pins.verified(where, trusted, seen, report.checkpoint, intact=intact, forked=forked):
        # This history is in order, and the log signed another one, too, which a receipt told of.
        output.settle(VerificationFailed.exit_code)
        return VerificationFailed.exit_code
    return report.exit_code


COLOURS = {0: "green", 3: "red"}
_LONG = re.compile("[0-9a-f]{65,}")
"""Longer than a hash: a signature or so, which --json has in full."""


def show(report: Report) -> None:
    """The report on a terminal: verdict, what was checked, what was found, and what was not checked."""
    code = report.exit_code
    output.put(colour.paint(report.verdict, fg=COLOURS.get(code, "yellow"), bold=True) + f"  (exit code {code})")
    output.paragraph(report.meaning[0].upper() + report.meaning[1:] + ".")
    output.heading("What was checked")
    output.facts(report.facts())
    for item in report.checked:
        _item(item)
    total = sum(report.counts.values())
    if total:
        output.heading(f"What was found: {count(total, 'finding')}")
    for number, one in enumerate(report.findings, 1):
        _finding(number, one)
    for name, more in report.untold.items():
        _item(f"{name}: {more} more")
    if report.unable:
        output.heading("What could not be checked")
        for item in report.unable:
            _item(item)
    output.heading("What was NOT checked")
    for item in report.not_checked:
        _item(item)


def _item(text: str) -> None:
    first, *more = output.wrap(text, output.width() - 4)
    output.put(f"  - {first}")
    for line in more:
        output.put(f"    {line}")


def _finding(number: int, one: Finding) -> None:
    where = colour.paint(one.where or "the ledger as a whole", bold=True)
    derived = " (derived data, not the log)" if one.derived else ""
    output.put(f"  {number}. {colour.paint(one.id, fg='yellow' if one.derived else 'red', bold=True)} {where}{derived}")
    values = (("expected", one.expected), ("found", one.found))
    output.facts(
        [("check", FINDINGS[one.id]), ("what", one.message)]
        + [(name, _LONG.sub(lambda run: f"{run[0][:16]}…", value)) for name, value in values if value],
        indent="     ",
    )
