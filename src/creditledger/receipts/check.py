"""Checking a proof offline, with nothing but the file and a trust file.

    report = check(Path("act.receipt").read_bytes(), Trust.load("registry.trust"))    # raises VerificationFailed

What checks a receipt, in this order: its form; that it is of the ledger that is trusted; the signatures of its
checkpoint, and whether they are those that the trust file asks for; that the tree holds each record at its number;
what each record says by itself and beside the others; and its date against the times at which witnesses cosigned.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from creditledger.audit.findings import failure
from creditledger.audit.trust import CLOCK_SKEW, Opened, Trust
from creditledger.client.phrases import count
from creditledger.codec.dates import clock_time
from creditledger.errors import CannotVerify, FormatError, UnsupportedError, VerificationFailed
from creditledger.keys import mldsa
from creditledger.receipts import acknowledgement, formats, items
from creditledger.receipts.fork import Fork
from creditledger.receipts.fork import check as check_fork
from creditledger.receipts.formats import About, ExtensionFile, ReceiptFile
from creditledger.receipts.items import ProvedRecord
from creditledger.receipts.report import ProofReport, ShownAct
from creditledger.tlog.checkpoint import Checkpoint
from creditledger.tlog.note import Signature
from creditledger.tlog.proof_file import TlogProof
from creditledger.tlog.tree import check_consistency, check_inclusion, leaf_hash

_LAWFUL = (
    "that the acts were lawful: mandates, grounds, terms and deadlines; `creditledger verify` of the ledger does it"
)
_IN_FORCE = "that the keys belonged to these authorities and were in force; that, too, takes the whole ledger"
_LATER = (
    "anything that is not in this file, recorded before or after: an act may have been corrected, removed or annulled, "
    "a key disowned"
)
_TRUTH = "the truth of what was recorded"
_ASK_ANEW = (
    "This file will not become good by waiting: ask the ledger's operator for a new {0}, made (`creditledger prove`) "
    "once a checkpoint has these signatures (`creditledger cosign`)"
)


@dataclass
class _Case:
    """One check under way: what it has come to so far."""

    kind: str
    trust: Trust
    meaning: str = ""
    facts: list[tuple[str, str]] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)
    not_checked: list[str] = field(default_factory=list)
    unable: list[str] = field(default_factory=list)
    acts: tuple[ShownAct, ...] = ()
    records: list[ProvedRecord] = field(default_factory=list)

    def report(self, failed: VerificationFailed | None = None, unsupported: str = "") -> ProofReport:
        return ProofReport(
            self.kind,
            self.meaning,
            tuple(self.facts),
            () if failed or unsupported else self.acts,
            () if failed is None else (failure(failed, failed.seq),),
            tuple(self.unable),
            tuple(self.checked),
            tuple(self.not_checked),
            unsupported,
        )

    def same_ledger(self, ledger_id: bytes) -> None:
        """The proof is about the ledger that is trusted."""
        if ledger_id != self.trust.ledger_id:
            self.facts.append(("id", ledger_id.hex()))
            raise VerificationFailed(
                "LED-LEDGER", f"this {self.kind} is of another ledger than the trust file's, {self.trust.origin}",
                expected=self.trust.ledger_id.hex(), found=ledger_id.hex(),
            )  # fmt: skip
        self.facts += [("ledger", self.trust.origin), ("id", self.trust.ledger_id.hex())]

    def head(self, note: bytes, name: str = "checkpoint", *, require: bool = True) -> tuple[Checkpoint, Opened]:
        """Open a checkpoint, note who signed it, and whether those are enough."""
        Checkpoint.from_bytes(formats.note_text(note))  # What is no checkpoint is no evidence, whoever signed it.
        opened = self.trust.open(note)
        head = opened.checkpoint
        self.facts.append((name, f"size {head.size}, root {head.root.hex()}"))
        signed = sorted({f"{one.name} ({_kind(one)})" for one in opened.log_signatures})
        self.facts.append((f"{name} signed by", ", ".join(signed)))
        for who, seconds in opened.times:
            self.facts.append((f"{name} cosigned by", f"{who} at {_clock(seconds)}"))
        self.checked.append(f"the signatures of the {name} by keys that the trust file names")
        quantum = self.trust.count_post_quantum(opened)
        if quantum:
            self.checked.append(f"{count(quantum, 'ML-DSA-44 signature')} of the {name} among them")
        if require:
            try:
                self.trust.require(opened)
            except CannotVerify as error:
                self.unable.append(f"{error}. {_ASK_ANEW.format(self.kind)}")
        elif self.trust.asks_for_more:
            self.not_checked.append(
                f"that the {name} has the cosignatures that the trust file asks for of the newer one"
            )
        lines = note.rpartition(b"\n\n")[2].count(b"\n")
        unknown = lines - len(opened.log_signatures) - len(opened.cosignatures)
        if unknown:
            signatures = count(unknown, "signature")
            self.not_checked.append(f"{signatures} of the {name} by keys that the trust file does not name")
        return head, opened

    def limits(self) -> None:
        """What the trust file does not ask for, and so was not looked at."""
        policy = self.trust.witnesses
        if policy is None or policy.is_none:
            self.not_checked.append(
                "that others were shown the same history: the trust file asks for no cosignature of a witness"
            )
        if not self.trust.is_post_quantum:
            self.not_checked.append("signatures that withstand quantum computers: the trust file names no such log key")


def check(
    data: bytes, trust: Trust, *, record: bytes | None = None, raise_on_failure: bool = True
) -> ProofReport | Fork:
    """Check a proof of any kind by the trust file alone; nothing else is read.

    Args:
        data: the file: a receipt, an extension, evidence of a fork, an acknowledgement, or a C2SP `.tlog-proof`.
        trust: what the verifier goes by.
        record: the bytes of the record, which a `.tlog-proof` does not hold.
        raise_on_failure: raise for a proof that does not hold; otherwise the report says so.

    Returns:
        The report; for a fork that was proved, the fork.

    Raises:
        FormatError: it is no proof in the one form that is allowed, and so proves nothing.
        UnsupportedError: it is of a version not known here.
        VerificationFailed, CannotVerify: see `raise_on_failure`.
    """
    kind = formats.kind_of(data)
    if kind is None:
        raise FormatError("this is no proof: neither a receipt, extension, fork, acknowledgement nor .tlog-proof file")
    if kind == formats.FORK:
        fork = check_fork(data, trust)
        if raise_on_failure:
            raise fork.failure()
        return fork
    if kind == formats.TLOG_PROOF and record is None:
        raise FormatError("a .tlog-proof file does not hold the record that it is about: give that, too")
    case = _Case(kind, trust)
    report = _run(case, data, record)
    if raise_on_failure:
        report.raise_on_failure()
    return report


def _run(case: _Case, data: bytes, record: bytes | None) -> ProofReport:
    steps: dict[str, Callable[[], None]] = {
        formats.RECEIPT: lambda: _receipt(case, ReceiptFile.from_bytes(data)),
        formats.EXTENSION: lambda: _extension(case, ExtensionFile.from_bytes(data)),
        formats.TLOG_PROOF: lambda: _tlog_proof(case, TlogProof.from_bytes(data), record or b""),
        formats.ACKNOWLEDGEMENT: lambda: _acknowledgement(case, data),
    }
    try:
        steps[case.kind]()
    except _Unsupported as error:
        return case.report(unsupported=str(error))
    except CannotVerify as error:
        case.unable.append(str(error))
    except VerificationFailed as error:
        return case.report(error)
    return case.report()


class _Unsupported(UnsupportedError):
    """A record that was proved to be in the log is of a version not known here."""


def _receipt(case: _Case, receipt: ReceiptFile) -> None:
    case.same_ledger(receipt.ledger_id)
    head, opened = case.head(receipt.note)
    proofs = list(zip(receipt.proofs(), (item.record for item in receipt.items), strict=True))
    _records(case, proofs, head, opened, receipt.about)
    if receipt.about is not None:
        case.not_checked.insert(
            0, f"that these are all acts about {receipt.about.subject} on {receipt.about.list} among the first "
            f"{head.size} records, and all that became of the keys that signed them: whoever made the receipt claims "
            "it, and nothing in it proves it",
        )  # fmt: skip


def _tlog_proof(case: _Case, proof: TlogProof, record: bytes) -> None:
    case.facts += [("ledger", case.trust.origin), ("id", case.trust.ledger_id.hex())]
    head, opened = case.head(proof.checkpoint)
    _records(case, [(proof, record)], head, opened, None)
    if proof.extra is not None:
        case.not_checked.append("the extra data of the proof file, which nothing covers")


def _records(
    case: _Case, proofs: list[tuple[TlogProof, bytes]], head: Checkpoint, opened: Opened, about: About | None
) -> None:
    """The records are in the tree, and hold by themselves and together."""
    for proof, data in proofs:
        try:
            check_inclusion(proof.hashes, proof.index, leaf_hash(data), head.size, head.root)
        except VerificationFailed as error:
            error.seq = proof.index
            raise
    case.checked.append(f"that the tree of the checkpoint holds {count(len(proofs), 'record')} at the numbers shown")
    try:
        records = [items.read_record(data, proof.index, case.trust) for proof, data in proofs]
    except UnsupportedError as error:
        raise _Unsupported(str(error)) from None
    items.check_together(records)
    if about is not None:
        items.check_about(records, about)
    case.checked.append("the form of each record, its links to others that are here, and every signature of its entry")
    _check_times(case, records, opened)
    case.records = records
    case.acts = items.show(records, about)
    for one in records:
        case.facts.append(("record", f"{one.seq}, recorded {clock_time(one.record.recorded_at)}"))
    what = "these acts are" if len(case.acts) != 1 else "this act is"
    case.meaning = f"{what} on record in {case.trust.origin}, signed as shown"
    case.not_checked += [_LAWFUL, _IN_FORCE, _LATER, _TRUTH]
    if not opened.times:
        case.not_checked.append("the log's clock: nobody else has dated this checkpoint")
    case.limits()


def _check_times(case: _Case, records: list[ProvedRecord], opened: Opened) -> None:
    """No record is dated later than a witness saw it. (The ledger keeps no cosignature by a clock that is far off.)"""
    latest = max(records, key=lambda one: one.record.recorded_at)
    recorded = latest.record.recorded_at
    for who, seconds in opened.times:
        if recorded > (seconds + CLOCK_SKEW) * 1_000_000:
            raise VerificationFailed(
                "LED-TIME", f"the record is dated later than witness {who} cosigned a checkpoint that covers it",
                expected=f"{_clock(seconds + CLOCK_SKEW)} or earlier, with {CLOCK_SKEW} s allowed for the clocks",
                found=clock_time(recorded), seq=latest.seq,
            )  # fmt: skip
    if opened.times:
        case.checked.append("that no record is dated after the witnesses cosigned")


def _extension(case: _Case, extension: ExtensionFile) -> None:
    case.same_ledger(extension.ledger_id)
    old, _ = case.head(extension.old, "old checkpoint", require=False)
    new, _ = case.head(extension.new, "new checkpoint")
    if old.size == 0:
        raise VerificationFailed(
            "LED-TREE", "every log continues the empty one, so this shows nothing", expected="an old size from 1 on",
            found="0",
        )  # fmt: skip
    if old.size == new.size and old.root != new.root:
        raise VerificationFailed(
            "LED-TREE", "the log signed two checkpoints of the same size with different roots: keep this file, it is "
            "evidence against the log", expected=old.root.hex(), found=new.root.hex(),
        )  # fmt: skip
    check_consistency(extension.hashes, old.size, old.root, new.size, new.root)
    case.checked.append("that the tree of the new checkpoint begins with the tree of the old one")
    case.meaning = f"the history up to size {new.size} continues the one up to size {old.size}: nothing was changed"
    case.not_checked += ["what the records say", "anything recorded later"]
    case.limits()


def _acknowledgement(case: _Case, data: bytes) -> None:
    said = acknowledgement.open_acknowledgement(data, case.trust)
    case.facts += [("ledger", said.origin), ("id", said.ledger_id.hex()), *acknowledgement.facts(said)]
    case.checked.append("the signature of the acknowledgement by a key that the trust file names for it")
    case.meaning = f"the desk of {said.origin} {acknowledgement.sentence(said)}"
    case.not_checked += list(acknowledgement.limits(said))


def _kind(line: Signature) -> str:
    return "ML-DSA-44" if len(line.signature) > mldsa.SIGNATURE_BYTES else "Ed25519"


def _clock(seconds: int) -> str:
    """A cosignature's time; a witness can sign any number."""
    try:
        return clock_time(seconds * 1_000_000)
    except FormatError:
        return f"{seconds} s after 1970"
