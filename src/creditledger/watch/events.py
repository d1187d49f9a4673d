"""What a watcher reports: stable kinds, each in plain words and for programs, with the exit code that it stands for."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from creditledger.errors import CannotVerify, VerificationFailed

EVENTS: Final[dict[str, str]] = {
    "same": "All vantage points that can be compared show one history.",
    "grown": "A vantage point shows a history that continues what was verified before.",
    "audited": "The records up to here were audited, and nothing wrong was found.",
    "backwards": "A vantage point shows less than it did before: an older state, but no other history.",
    "behind": "No vantage point shows as much as was verified before.",
    "unreachable": "A vantage point could not be read.",
    "unknown": "A vantage point serves the log of another ledger than the trust files name, or none.",
    "refused": "A vantage point shows a checkpoint that the log did not sign.",
    "policy": "A checkpoint lacks signatures that the trust file asks for.",
    "old": "The witnesses' cosignatures are older than allowed.",
    "uncompared": "Two checkpoints could not be compared, because files are missing.",
    "damaged": "The files at a vantage point are not those that its checkpoint was signed for.",
    "unaudited": "The records could not be audited to the end.",
    "fork": "The log showed two histories.",
    "failed": "The audit found that what the log signed was altered or breaks a rule.",
    "called": "The command was called.",
}
"""Every kind of event with its meaning. A kind is never given another one."""

_EVIDENCE: Final = frozenset({"refused", "damaged", "fork", "failed"})
_UNCHECKED: Final = frozenset({"behind", "unreachable", "unknown", "policy", "old", "uncompared", "unaudited"})
_ALARMS: Final = frozenset({"fork", "failed"})


class Event(NamedTuple):
    """One thing that a round came upon.

    `kind` is one of `EVENTS`; `origin` the log, `vantage` the place, each empty where it is no single one; `words` say
    it in a sentence; `facts` hold sizes, roots and files for programs; `file` what others can check, or empty.
    """

    kind: str
    origin: str
    vantage: str
    words: str
    facts: Mapping[str, Any] = MappingProxyType({})
    file: str = ""

    @property
    def exit_code(self) -> int:
        """3: a check found something else than what must be there; 4: a check could not run; 0: all is well."""
        if self.kind in _EVIDENCE:
            return VerificationFailed.exit_code
        return CannotVerify.exit_code if self.kind in _UNCHECKED else 0

    @property
    def is_alarm(self) -> bool:
        """Whether somebody must be told at once, and a watcher that can call nobody ends."""
        return self.kind in _ALARMS

    def to_json(self) -> dict[str, Any]:
        """The event as a JSON object."""
        return {
            "event": self.kind, "ledger": self.origin, "vantage": self.vantage, "exit_code": self.exit_code,
            "message": self.words, **self.facts, "file": self.file,
        }  # fmt: skip
