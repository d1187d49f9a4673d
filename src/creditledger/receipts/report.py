"""What checking a proof came to: what holds, what was checked, and what the proof cannot show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from creditledger._version import __version__
from creditledger.audit.findings import Finding
from creditledger.errors import CannotVerify, UnsupportedError, VerificationFailed

VERDICTS = {0: "HOLDS", 3: "FAILED", 4: "NOT FULLY CHECKED", 13: "NOT FULLY CHECKED"}
"""The verdict in a word or two, by exit code."""


class ShownAct(NamedTuple):
    """One act that was proved to be on record.

    `address` is `seq.index`, `reference` the hash of its entry and its index, `recorded_at` microseconds since the
    Unix epoch, `authority` who signed it, `words` what it says, `fields` the same as JSON.
    """

    address: str
    reference: str
    recorded_at: int
    authority: str
    words: str
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ProofReport:
    """The outcome of checking one proof.

    Attributes:
        kind: `receipt`, `extension`, `tlog-proof` or `acknowledgement`.
        meaning_if_it_holds: what the proof shows when everything that was asked for was checked and held, in words.
        facts: what it says, by name; before a finding was made, as far as checking came.
        acts: the acts that it proves to be on record.
        findings: what is wrong with it; the first ends the check.
        unable: checks that the trust file asks for and that could not be carried out.
        checked, not_checked: in words, what was and what was not looked at.
        unsupported: what is of a version not known here, in words; empty if nothing is.
        meaning_if_it_fails: what a finding means, where it is not that the proof proves nothing.
    """

    kind: str
    meaning_if_it_holds: str
    facts: tuple[tuple[str, str], ...]
    acts: tuple[ShownAct, ...]
    findings: tuple[Finding, ...]
    unable: tuple[str, ...]
    checked: tuple[str, ...]
    not_checked: tuple[str, ...]
    unsupported: str = ""
    meaning_if_it_fails: str = ""

    @property
    def exit_code(self) -> int:
        """0 it holds; 3 it does not; 13 something of a version not known here; 4 what is asked for is lacking."""
        if self.findings:
            return VerificationFailed.exit_code
        if self.unsupported:
            return UnsupportedError.exit_code
        return CannotVerify.exit_code if self.unable else 0

    @property
    def verdict(self) -> str:
        """`HOLDS`, `FAILED` or `NOT FULLY CHECKED`."""
        return VERDICTS[self.exit_code]

    @property
    def meaning(self) -> str:
        """What the verdict means, in a sentence without its full stop."""
        code = self.exit_code
        if code == VerificationFailed.exit_code:
            return self.meaning_if_it_fails or f"this {self.kind} does not hold; it proves nothing"
        if code == UnsupportedError.exit_code:
            return "there is something of a version that this program does not know; a newer one may"
        if code == CannotVerify.exit_code:
            return "nothing wrong was found, but something that was asked for is lacking"
        return self.meaning_if_it_holds

    def raise_on_failure(self) -> None:
        """Raise VerificationFailed, UnsupportedError or CannotVerify, as the exit code says."""
        for one in self.findings:
            failure = VerificationFailed(one.id, one.message, expected=one.expected, found=one.found, seq=one.seq)
            failure.report = self
            raise failure
        if self.unsupported:
            raise UnsupportedError(self.unsupported)
        if self.unable:
            raise CannotVerify("; ".join(self.unable))

    def to_json(self) -> dict[str, Any]:
        """The report as a JSON object."""
        return {
            "verdict": self.verdict,
            "meaning": self.meaning,
            "exit_code": self.exit_code,
            "program": f"creditledger {__version__}",
            "kind": self.kind,
            "facts": [{"name": name, "value": value} for name, value in self.facts],
            "acts": [one._asdict() for one in self.acts],
            "checked": list(self.checked),
            "findings": [one.to_json() for one in self.findings],
            "unsupported": self.unsupported,
            "unable": list(self.unable),
            "not_checked": list(self.not_checked),
        }

    def lines(self) -> Iterator[str]:
        """The report in lines that begin with what they are about; the verdict first, what was not checked last."""
        yield f"verdict: {self.verdict}: {self.meaning} (exit code {self.exit_code})"
        for name, value in self.facts:
            yield f"{name}: {value}"
        for act in self.acts:
            yield f"act {act.address}: {act.words}"
        for item in self.checked:
            yield f"checked: {item}"
        for one in self.findings:
            yield f"finding: {one}"
        if self.unsupported:
            yield f"COULD NOT CHECK: {self.unsupported}"
        for item in self.unable:
            yield f"COULD NOT CHECK: {item}"
        for item in self.not_checked:
            yield f"NOT CHECKED: {item}"
