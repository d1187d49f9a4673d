"""An acknowledgement beside what it speaks of: the receipt for the entry, or the submission that was handed in.

A desk that has signed `recorded 17 18` for one entry, while the log's signature covers another as record 17, has
contradicted the log. Both files together show it to anybody.
"""

from __future__ import annotations

import re
from dataclasses import replace
from hashlib import sha256

from creditledger.audit.findings import failure
from creditledger.audit.trust import Trust
from creditledger.client.submission import Submission
from creditledger.codec.dates import clock_time
from creditledger.errors import CannotVerify, FormatError, UsageError, VerificationFailed
from creditledger.receipts import formats
from creditledger.receipts.acknowledgement import Acknowledgement, Recorded, open_acknowledgement
from creditledger.receipts.check import check
from creditledger.receipts.formats import ReceiptFile
from creditledger.receipts.report import ProofReport
from creditledger.record.entry import entry_hash
from creditledger.record.record import decode_record

_DRAFT = re.compile(rb"(?:\xef\xbb\xbf)?\s*[{\[]").match
_MEANINGS = {
    "LED-HEAD": "the desk and the log contradict each other: keep both files, together they are evidence",
    "LED-STRUCT": "the acknowledgement is genuine, and of another submission",
}


def compare(data: bytes, other: bytes, trust: Trust, *, raise_on_failure: bool = True) -> ProofReport:
    """Check an acknowledgement, and that it agrees with a receipt or a submission.

    Args:
        data: the acknowledgement.
        other: a receipt, which is checked too, or the file that was submitted.
        trust: what the verifier goes by.
        raise_on_failure: raise for what does not hold; otherwise the report says so.

    Raises:
        UsageError: `data` is no acknowledgement.
        FormatError, UnsupportedError: a file is not in its form.
        VerificationFailed: one of them does not hold, or they contradict each other (LED-HEAD), or the acknowledgement
            is of another submission (LED-STRUCT).
        CannotVerify: one of them lacks what the trust file asks for, or the receipt says nothing about the entry; or
            `other` is a draft, and the acknowledgement is of the entry made of it.
    """
    if formats.kind_of(data) != formats.ACKNOWLEDGEMENT:
        raise UsageError("what is compared with a receipt or a submission is an acknowledgement")
    report = check(data, trust, raise_on_failure=False)
    if isinstance(report, ProofReport) and report.exit_code == 0:
        try:
            report = _beside(report, open_acknowledgement(data, trust), other, trust)
        except VerificationFailed as error:
            report = replace(
                report, findings=(failure(error, error.seq),), meaning_if_it_fails=_MEANINGS.get(error.finding, "")
            )
        except CannotVerify as error:
            report = replace(report, unable=(str(error),))
    assert isinstance(report, ProofReport)  # noqa: S101  # An acknowledgement is no fork.
    if raise_on_failure:
        report.raise_on_failure()
    return report


def _beside(report: ProofReport, said: Acknowledgement, other: bytes, trust: Trust) -> ProofReport:
    if formats.kind_of(other) == formats.RECEIPT:
        fact = _receipt(said, other, trust)
        return replace(report, facts=(*report.facts, ("receipt", fact)), checked=(*report.checked, "the receipt, too"))
    if formats.kind_of(other) is not None:
        raise FormatError("an acknowledgement is compared with a receipt, or with what was submitted")
    _submission(said, other)
    return replace(report, checked=(*report.checked, "that it acknowledges the submission that was given"))


def _receipt(said: Acknowledgement, data: bytes, trust: Trust) -> str:
    """What the receipt says of the entry, in words, if the two agree."""
    check(data, trust)
    for item in ReceiptFile.from_bytes(data).items:
        record = decode_record(item.record)
        digest = entry_hash(record.entry)
        promised = said.outcome.seq if isinstance(said.outcome, Recorded) else None
        if digest == said.digest and promised in (None, record.seq):
            return f"the entry is record {record.seq}, recorded {clock_time(record.recorded_at)}"
        if digest == said.digest or record.seq == promised:
            raise VerificationFailed(
                "LED-HEAD", "the desk acknowledged something else than the log was signed for: keep both files",
                expected=f"entry {said.digest.hex()} as record {promised}",
                found=f"entry {digest.hex()} as record {record.seq}", seq=record.seq,
            )  # fmt: skip
    raise CannotVerify("the receipt holds neither the entry nor the record that the acknowledgement names")


def _submission(said: Acknowledgement, data: bytes) -> None:
    """The acknowledgement is of these bytes, or of the entry in them."""
    if said.is_entry and _DRAFT(data):
        raise CannotVerify(
            "a draft cannot be compared with the entry that was made of it: give the receipt for the entry, or the "
            "signed file, to compare the acknowledgement with"
        )
    digest = Submission.from_bytes(data).digest if said.is_entry else sha256(data).digest()
    if said.digest != digest:
        raise VerificationFailed(
            "LED-STRUCT", "the acknowledgement is of another submission",
            expected=said.digest.hex(), found=digest.hex(),
        )  # fmt: skip
