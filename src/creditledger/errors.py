"""Every error this package raises on purpose.

    LedgerError                 never raised itself; catch it to catch them all
    ├── UsageError              a call or an option that makes no sense                        (exit 2)
    ├── FormatError             bytes that are not what the specification allows               (exit 1)
    │   └── UnsupportedError    well formed, but of a version or rule set not known here       (exit 13)
    ├── KeyFileError            a key or passphrase file that cannot be used                   (exit 1)
    │   └── PassphraseError     the passphrase is missing or wrong                             (exit 12)
    ├── Refused                 a rule forbids the act: it names rule, conflict and remedy     (exit 14)
    ├── SequenceConflict        another entry already stands at this author_seq                (exit 1)
    ├── StoreError              the disk or the engine failed                                  (exit 1)
    │   ├── NoLedger            there is no ledger there                                       (exit 10)
    │   └── Locked              another process writes this ledger                             (exit 11)
    ├── VerificationFailed      evidence of tampering: expected and found differ               (exit 3)
    └── CannotVerify            a named check could not run                                    (exit 4)

Each carries `exit_code`, the status with which the command line ends.
"""

from __future__ import annotations

from typing import Any


class LedgerError(Exception):
    """The root of all errors of this package; never raised itself."""

    exit_code = 1


class UsageError(LedgerError):
    """The call itself makes no sense; the message says what to call instead."""

    exit_code = 2


class FormatError(LedgerError):
    """Bytes or values that the format does not allow; the message says where."""


class UnsupportedError(FormatError):
    """Well formed, but of a format version, act type or rule set that this version does not know."""

    exit_code = 13


class KeyFileError(LedgerError):
    """A key file that is missing, unreadable, of the wrong kind, or too open."""


class PassphraseError(KeyFileError):
    """The passphrase is missing or wrong."""

    exit_code = 12


class Refused(LedgerError):
    """A hard rule forbids the act.

    `rule` is the stable id (`R-...`), `conflict` says what it conflicts with, `remedy` what would be needed,
    `act_index` the act within the entry (None when the entry as a whole is refused).
    """

    exit_code = 14

    def __init__(self, rule: str, conflict: str, remedy: str, act_index: int | None = None) -> None:
        self.rule = rule
        self.conflict = conflict
        self.remedy = remedy
        self.act_index = act_index
        where = "" if act_index is None else f" (act {act_index})"
        super().__init__(f"{rule}{where}: {conflict}. Needed: {remedy}.")


class SequenceConflict(LedgerError):
    """A different entry already stands at this key's author_seq: evidence against the key if both are signed."""


class StoreError(LedgerError):
    """The storage engine or the disk failed; nothing that was acknowledged is lost."""


class NoLedger(StoreError):
    """There is no ledger at the path."""

    exit_code = 10


class Locked(StoreError):
    """Another process holds the ledger open for writing."""

    exit_code = 11


class VerificationFailed(LedgerError):
    """A check found something other than what must stand there.

    `finding` is the stable id (`LED-...`), `expected` and `found` are in words or hex, `seq` the record concerned,
    `report` the whole `audit.Report` where an audit raised it, else None.
    """

    exit_code = 3

    def __init__(
        self, finding: str, message: str, *, expected: str = "", found: str = "", seq: int | None = None
    ) -> None:
        self.finding = finding
        self.expected = expected
        self.found = found
        self.seq = seq
        self.report: Any = None
        where = "" if seq is None else f" at record {seq}"
        values = f" (expected {expected}, found {found})" if expected or found else ""
        super().__init__(f"{finding}{where}: {message}{values}")


class CannotVerify(LedgerError):
    """A check that was asked for could not be carried out; that is not evidence of tampering."""

    exit_code = 4
