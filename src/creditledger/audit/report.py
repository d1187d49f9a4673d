"""The outcome of an audit: what was found, what was checked, and what was not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from creditledger.audit.findings import FINDINGS, NO_EVIDENCE, Finding
from creditledger.errors import CannotVerify, UnsupportedError, VerificationFailed

MAX_FINDINGS = 200
"""So many findings a report spells out; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Report:
    """What an audit of one ledger came to.

    Attributes:
        origin, ledger_id: the ledger that was asked for (the id in 32 bytes).
        size, root: the number of records that were read, and the root of the tree over them (32 bytes).
        sealed: the size of the last checkpoint that holds; records from there on are covered by no signature.
        acts: how many acts the records hold, as far as they could be read.
        findings: ordered by record; those that concern no single record come last.
        counts: how many findings there are of each id, beyond those spelt out too.
        checked, not_checked: in words, what was and what was not looked at.
        unable: checks that were asked for and could not be carried out.
        timings: seconds by phase.
    """

    origin: str
    ledger_id: bytes
    size: int
    root: bytes
    sealed: int
    acts: int
    findings: tuple[Finding, ...]
    counts: dict[str, int]
    checked: tuple[str, ...]
    not_checked: tuple[str, ...]
    unable: tuple[str, ...]
    timings: dict[str, float] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """0 intact as far as checked; 3 evidence; 13 something of a version not known here; 4 a check did not run."""
        if any(name not in NO_EVIDENCE for name in self.counts):
            return VerificationFailed.exit_code
        if "LED-VERSION" in self.counts:
            return UnsupportedError.exit_code
        return CannotVerify.exit_code if self.counts or self.unable else 0

    @property
    def first_bad(self) -> int | None:
        """The number of the first record that something is wrong with, or None."""
        return min(
            (one.seq for one in self.findings if one.seq is not None and one.id not in NO_EVIDENCE), default=None
        )

    def raise_on_failure(self) -> None:
        """Raise VerificationFailed, UnsupportedError or CannotVerify, as the exit code says, with the first finding."""
        code = self.exit_code
        more = f" (and {sum(self.counts.values()) - 1} more findings)" if sum(self.counts.values()) > 1 else ""
        if code == VerificationFailed.exit_code:
            worst = next(one for one in self.findings if one.id not in NO_EVIDENCE)
            raise VerificationFailed(
                worst.id, worst.message + more, expected=worst.expected, found=worst.found, seq=worst.seq
            )
        if code == UnsupportedError.exit_code:
            raise UnsupportedError(str(next(one for one in self.findings if one.id == "LED-VERSION")) + more)
        if code:
            raise CannotVerify("; ".join([*map(str, self.findings), *self.unable]))

    def to_json(self) -> dict[str, Any]:
        """The report as a JSON object."""
        return {
            "origin": self.origin,
            "ledger_id": self.ledger_id.hex(),
            "size": self.size,
            "root": self.root.hex(),
            "sealed": self.sealed,
            "acts": self.acts,
            "exit_code": self.exit_code,
            "first_bad": self.first_bad,
            "findings": [one.to_json() for one in self.findings],
            "counts": dict(self.counts),
            "checked": list(self.checked),
            "not_checked": list(self.not_checked),
            "unable": list(self.unable),
            "timings": {phase: round(seconds, 3) for phase, seconds in self.timings.items()},
        }

    def lines(self) -> Iterator[str]:
        """The report for people, line by line."""
        yield f"ledger {self.origin}, id {self.ledger_id.hex()}"
        yield f"{self.size} records with {self.acts} acts; the last valid checkpoint covers {self.sealed} records"
        yield f"root {self.root.hex()}"
        verdicts = {
            0: "intact, as far as checked",
            3: "NOT intact",
            4: "not everything could be checked",
            13: "of a version that this program does not know",
        }
        yield f"verdict: {verdicts[self.exit_code]}"
        for one in self.findings:
            yield f"  {one}"
        untold = Counter(self.counts) - Counter(one.id for one in self.findings)
        for name, count in sorted(untold.items()):
            yield f"  {name}: {count} more. {FINDINGS[name]}"
        for title, items in (("checked", self.checked), ("NOT checked", self.not_checked), ("failed", self.unable)):
            for item in items:
                yield f"{title}: {item}"


class Findings:
    """Collects findings: each once, so many spelt out, the rest counted."""

    def __init__(self) -> None:
        self._found: set[Finding] = set()
        self._counts: Counter[str] = Counter()

    def add(self, *found: Finding) -> None:
        """Take in findings; those that are there already are ignored."""
        for one in found:
            if one not in self._found:
                self._counts[one.id] += 1
                self._found.add(one)

    def add_counts(self, counts: dict[str, int]) -> None:
        """Count findings that were not spelt out."""
        self._counts.update(counts)

    def evidence(self) -> bool:
        """Whether anything found is evidence."""
        return any(name not in NO_EVIDENCE for name in self._counts)

    def sorted(self) -> tuple[Finding, ...]:
        """The first findings, by record, derived data after the log itself."""
        order = sorted(self._found, key=lambda one: (one.seq is None, one.seq or 0, one.derived, one.act or 0, one.id))
        return tuple(order[:MAX_FINDINGS])

    def counts(self) -> dict[str, int]:
        """How many findings there are of each id."""
        return dict(sorted(self._counts.items()))
