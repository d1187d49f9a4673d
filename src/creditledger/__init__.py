"""creditledger: public lists kept in a signed, hash-chained, append-only log that anyone can verify.

    import creditledger as cl

    with cl.Ledger.open("registry") as ledger:
        answer = ledger.lookup(cl.Subject.uscc("91110000600037341L"), "judgment-defaulters", valid_at="2026-03-10")
        print(answer.status, answer.because)

    report = cl.verify("registry", trust=cl.Trust.load("registry.trust"))   # raises VerificationFailed
    print(report.size, report.root.hex(), report.not_checked)

    cl.check_proof(Path("act.receipt").read_bytes(), cl.Trust.load("registry.trust"))       # where there is no ledger

The names below are the public surface; everything else may change. They are loaded when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from creditledger._version import __version__ as __version__

if TYPE_CHECKING:
    from creditledger.acts.catalogue import Act as Act
    from creditledger.acts.catalogue import AppealDecide as AppealDecide
    from creditledger.acts.catalogue import AppealFile as AppealFile
    from creditledger.acts.catalogue import AppealWithdraw as AppealWithdraw
    from creditledger.acts.catalogue import AuthorityClose as AuthorityClose
    from creditledger.acts.catalogue import AuthorityRegister as AuthorityRegister
    from creditledger.acts.catalogue import ContentErase as ContentErase
    from creditledger.acts.catalogue import EntryConfirm as EntryConfirm
    from creditledger.acts.catalogue import GroundRegister as GroundRegister
    from creditledger.acts.catalogue import KeyAdd as KeyAdd
    from creditledger.acts.catalogue import KeyRevoke as KeyRevoke
    from creditledger.acts.catalogue import LawRegister as LawRegister
    from creditledger.acts.catalogue import LedgerCreate as LedgerCreate
    from creditledger.acts.catalogue import ListClose as ListClose
    from creditledger.acts.catalogue import ListDefine as ListDefine
    from creditledger.acts.catalogue import ListingAdd as ListingAdd
    from creditledger.acts.catalogue import ListingAnnul as ListingAnnul
    from creditledger.acts.catalogue import ListingCorrect as ListingCorrect
    from creditledger.acts.catalogue import ListingOpeningBalance as ListingOpeningBalance
    from creditledger.acts.catalogue import ListingRemove as ListingRemove
    from creditledger.acts.catalogue import ListingRestore as ListingRestore
    from creditledger.acts.catalogue import ListingSuspend as ListingSuspend
    from creditledger.acts.catalogue import ListOpen as ListOpen
    from creditledger.acts.catalogue import MandateGrant as MandateGrant
    from creditledger.acts.catalogue import MandateRevoke as MandateRevoke
    from creditledger.acts.catalogue import MeasureRegister as MeasureRegister
    from creditledger.acts.catalogue import RulesActivate as RulesActivate
    from creditledger.acts.catalogue import SourceCite as SourceCite
    from creditledger.acts.content import commit as commit
    from creditledger.acts.kinds import ActRef as ActRef
    from creditledger.acts.kinds import Commitment as Commitment
    from creditledger.acts.kinds import Subject as Subject
    from creditledger.audit.auditor import verify as verify
    from creditledger.audit.report import Report as Report
    from creditledger.audit.trust import Trust as Trust
    from creditledger.errors import CannotVerify as CannotVerify
    from creditledger.errors import FormatError as FormatError
    from creditledger.errors import KeyFileError as KeyFileError
    from creditledger.errors import LedgerError as LedgerError
    from creditledger.errors import Locked as Locked
    from creditledger.errors import NoLedger as NoLedger
    from creditledger.errors import PassphraseError as PassphraseError
    from creditledger.errors import Refused as Refused
    from creditledger.errors import SequenceConflict as SequenceConflict
    from creditledger.errors import StoreError as StoreError
    from creditledger.errors import UnsupportedError as UnsupportedError
    from creditledger.errors import UsageError as UsageError
    from creditledger.errors import VerificationFailed as VerificationFailed
    from creditledger.keys.passphrase import PassphraseSource as PassphraseSource
    from creditledger.keys.signer import FileSigner
    from creditledger.ledger.answer import Answer as Answer
    from creditledger.ledger.answer import Difference as Difference
    from creditledger.ledger.answer import HistoryItem as HistoryItem
    from creditledger.ledger.answer import ListingView as ListingView
    from creditledger.ledger.cosigning import Cosigned as Cosigned
    from creditledger.ledger.ledger import Ledger as Ledger
    from creditledger.ledger.receipt import ContentItem as ContentItem
    from creditledger.ledger.receipt import Receipt as Receipt
    from creditledger.receipts.check import check
    from creditledger.receipts.fork import Fork as Fork
    from creditledger.receipts.make import extend as extend
    from creditledger.receipts.make import prove as prove
    from creditledger.receipts.make import prove_history as prove_history
    from creditledger.receipts.report import ProofReport as ProofReport
    from creditledger.tlog.cosignature import MlDsaSigner as MlDsaSigner
    from creditledger.tlog.policy import Policy as Policy

    Signer = FileSigner
    check_proof = check

_ACTS = (
    "Act AppealDecide AppealFile AppealWithdraw AuthorityClose AuthorityRegister ContentErase EntryConfirm "
    "GroundRegister KeyAdd KeyRevoke LawRegister LedgerCreate ListClose ListDefine ListingAdd ListingAnnul "
    "ListingCorrect ListingOpeningBalance ListingRemove ListingRestore ListingSuspend ListOpen MandateGrant "
    "MandateRevoke MeasureRegister RulesActivate SourceCite"
)
_ERRORS = (
    "CannotVerify FormatError KeyFileError LedgerError Locked NoLedger PassphraseError Refused SequenceConflict "
    "StoreError UnsupportedError UsageError VerificationFailed"
)
_PUBLIC: dict[str, tuple[str, str]] = {
    **{name: ("creditledger.acts.catalogue", name) for name in _ACTS.split()},
    **{name: ("creditledger.errors", name) for name in _ERRORS.split()},
    "ActRef": ("creditledger.acts.kinds", "ActRef"),
    "Answer": ("creditledger.ledger.answer", "Answer"),
    "Commitment": ("creditledger.acts.kinds", "Commitment"),
    "Cosigned": ("creditledger.ledger.cosigning", "Cosigned"),
    "ContentItem": ("creditledger.ledger.receipt", "ContentItem"),
    "Difference": ("creditledger.ledger.answer", "Difference"),
    "Fork": ("creditledger.receipts.fork", "Fork"),
    "HistoryItem": ("creditledger.ledger.answer", "HistoryItem"),
    "Ledger": ("creditledger.ledger.ledger", "Ledger"),
    "ListingView": ("creditledger.ledger.answer", "ListingView"),
    "MlDsaSigner": ("creditledger.tlog.cosignature", "MlDsaSigner"),
    "PassphraseSource": ("creditledger.keys.passphrase", "PassphraseSource"),
    "Policy": ("creditledger.tlog.policy", "Policy"),
    "ProofReport": ("creditledger.receipts.report", "ProofReport"),
    "Receipt": ("creditledger.ledger.receipt", "Receipt"),
    "Report": ("creditledger.audit.report", "Report"),
    "Signer": ("creditledger.keys.signer", "FileSigner"),
    "Subject": ("creditledger.acts.kinds", "Subject"),
    "Trust": ("creditledger.audit.trust", "Trust"),
    "check_proof": ("creditledger.receipts.check", "check"),
    "commit": ("creditledger.acts.content", "commit"),
    "extend": ("creditledger.receipts.make", "extend"),
    "prove": ("creditledger.receipts.make", "prove"),
    "prove_history": ("creditledger.receipts.make", "prove_history"),
    "verify": ("creditledger.audit.auditor", "verify"),
}

# Computed, so that it cannot drift.
__all__ = sorted((*_PUBLIC, "__version__"))  # noqa: PLE0605  # `sorted` gives the list that it asks for


def __getattr__(name: str) -> Any:
    """Loads a public name when it is first used: importing the package alone costs next to nothing."""
    try:
        module, attribute = _PUBLIC[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    value = getattr(import_module(module), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names."""
    return __all__
