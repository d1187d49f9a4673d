"""Checking proof files on the command line: `creditledger verify` of a receipt and its like."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from creditledger.audit.findings import FINDINGS
from creditledger.audit.trust import Trust
from creditledger.cli import colour, options, output, pins
from creditledger.client.files import read_bounded
from creditledger.errors import LedgerError, UsageError, VerificationFailed
from creditledger.receipts import check, compare
from creditledger.receipts.fork import Fork
from creditledger.receipts.formats import ACKNOWLEDGEMENT, MAX_PROOF_BYTES, TLOG_PROOF, kind_of
from creditledger.receipts.report import ProofReport
from creditledger.record.record import MAX_RECORD_BYTES

HEAD_BYTES = 128
_QUESTIONS = (
    "what stands today, after whatever was recorded since: creditledger lookup DIR SUBJECT LIST",
    "all acts about the same subject: creditledger history DIR SUBJECT LIST",
    "under which law and article a ground stands: in the act that registered it; creditledger log DIR shows where",
    "DIR is the ledger, or a verified copy of it (creditledger mirror, then restore); or ask its operator",
)


def is_proof(path: Path) -> bool:
    """Whether a path is that of a file which means to be a proof, by its first bytes."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return kind_of(file.read(HEAD_BYTES)) is not None
    except OSError:
        return False  # Verifying it says what is wrong with it.


def verify_proof(path: Path, trust: Trust, record: Path | None, beside: Path | None, *, as_json: bool) -> int:
    """Checks a proof, prints what it came to, and returns the exit code."""
    data = read_bounded(path, MAX_PROOF_BYTES, "the proof")
    kind = kind_of(data)
    if (record is not None) != (kind == TLOG_PROOF):
        raise UsageError(
            f"a .tlog-proof file is verified with --record FILE, the record that it is about; {path} is a {kind} file"
        )
    if beside is not None and kind != ACKNOWLEDGEMENT:
        raise UsageError(f"--with goes with an acknowledgement; {path} is a {kind} file")
    given = None if record is None else read_bounded(record, MAX_RECORD_BYTES, "the record")
    try:
        if beside is not None:
            other = read_bounded(beside, MAX_PROOF_BYTES, "the file to compare with")
            found: ProofReport | Fork = compare.compare(data, other, trust, raise_on_failure=False)
        else:
            found = check.check(data, trust, record=given, raise_on_failure=False)
    except LedgerError as error:
        error.add_note(f"({path} was being verified{'' if beside is None else f', and compared with {beside}'}.)")
        raise
    output.settle(found.exit_code)
    if as_json:
        output.emit_json(found.to_json())
    elif isinstance(found, ProofReport) and sys.stdout.isatty():
        _show(found)
    else:
        for line in found.lines():
            click.echo(output.printable(line))
    if isinstance(found, ProofReport) and found.exit_code == 0 and pins.proved(data, trust):
        output.settle(VerificationFailed.exit_code)
        return VerificationFailed.exit_code
    return found.exit_code


def _show(report: ProofReport) -> None:
    """The report on a terminal: verdict, acts, what was checked, and what was not."""
    code = report.exit_code
    shade = {0: "green", 3: "red"}.get(code, "yellow")
    output.put(colour.paint(report.verdict, fg=shade, bold=True) + f"  (exit code {code})")
    output.paragraph(report.meaning[0].upper() + report.meaning[1:] + ".")
    if report.acts:
        output.heading("What is on record")
    for act in report.acts:
        output.paragraph(f"{act.address}  {act.words}.", indent="  ")
        facts = [("recorded", options.format_moment(act.recorded_at)), ("reference", act.reference)]
        subject, list_id = act.fields.get("subject"), act.fields.get("list")
        if subject and list_id:
            # Whole, unlike in the sentence: whoever it is about must be able to recognise the handle.
            facts.insert(0, ("about", f"{subject} on {list_id}"))
        output.facts(facts, indent="     ")
    output.heading("What was checked")
    output.facts(report.facts)
    _items(report.checked)
    for number, one in enumerate(report.findings, 1):
        output.heading("What was found")
        values = (("check", FINDINGS[one.id]), ("what", one.message), ("expected", one.expected), ("found", one.found))
        output.put(f"  {number}. {colour.paint(one.id, fg='red', bold=True)} {one.where}")
        output.facts([(name, value) for name, value in values if value], indent="     ")
    unable = [*report.unable, *filter(None, [report.unsupported])]
    if unable:
        output.heading("What could not be checked")
        _items(unable)
    output.heading("What was NOT checked")
    _items(report.not_checked)
    if report.acts:
        output.heading("What to ask next")
        _items(_QUESTIONS)


def _items(items: Sequence[str]) -> None:
    for item in items:
        output.paragraph(f"- {item}", indent="  ")
