"""The outcome of an audit: what was found, what was checked, and what was not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from creditledger._version import __version__
from creditledger.audit.findings import FINDINGS, NO_EVIDENCE, Finding, moment
from creditledger.codec.text import count
from creditledger.errors import CannotVerify, UnsupportedError, VerificationFailed
from creditledger.ledger.layout import FORMAT

MAX_FINDINGS = 200
"""So many findings a report spells out; the rest is counted."""

VERDICTS = {0: "INTACT", 3: "FAILED", 4: "NOT FULLY CHECKED", 13: "NOT FULLY CHECKED"}
"""The verdict in a word or two, by exit code."""


@dataclass(frozen=True, slots=True)
class Report:
    """What an audit of one ledger came to.

    Attributes:
        origin, ledger_id: the ledger that was asked for (the id in 32 bytes).
        size, root: the number of records that were read, and the root of the tree over them (32 bytes).
        sealed: the size of the last checkpoint that holds; records from there on are covered by no signature.
        acts: how many acts the records hold, as far as they could be read.
        findings: those about the log by record, those that concern no single one after them; derived data comes last.
        counts: how many findings there are of each id, beyond those spelt out too.
        checked, not_checked: in words, what was and what was not looked at.
        unable: checks that were asked for and could not be carried out.
        timings: seconds by phase.
        checkpoint: the last checkpoint that holds, as signed; empty if there is none.
        sufficing: the size of the last checkpoint that holds and bears all signatures that the trust file asks for
            beside one of the log's Ed25519 keys; None if it asks for none.
        cosigned: the witnesses that cosigned it, by the names that the trust file gives them, and when, in POSIX
            seconds.
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
    checkpoint: bytes = b""
    sufficing: int | None = None
    cosigned: tuple[tuple[str, int], ...] = ()

    @property
    def seen(self) -> tuple[int, bytes]:
        """What an entry of somebody who has verified the ledger pins: size and root (32 bytes) of its checkpoint.

            report = cl.verify("registry", trust="registry.trust")
            ledger.append(act, signer=court, seen=report.seen)

        Raises what `raise_on_failure` raises: what was not found intact is not to be pinned.
        """
        self.raise_on_failure()
        return self.size, self.root

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
        """The number of the first record that something is wrong with, or None. Derived data is no record."""
        bad = (one for one in self.findings if one.id not in NO_EVIDENCE and not one.derived)
        return min((one.seq for one in bad if one.seq is not None), default=None)

    @property
    def verdict(self) -> str:
        """`INTACT`, `FAILED` or `NOT FULLY CHECKED`."""
        return VERDICTS[self.exit_code]

    @property
    def meaning(self) -> str:
        """What the verdict means, in a sentence."""
        code = self.exit_code
        if code == 0:
            return "nothing was altered, as far as was checked"
        if code == UnsupportedError.exit_code:
            return "there is something of a version that this program does not know; a newer one may"
        if code == CannotVerify.exit_code:
            return "nothing altered was found, but not everything could be checked"
        if {name for name in self.counts if name not in NO_EVIDENCE} == {"LED-LEDGER"}:
            return "this is not the ledger that the trust file names"
        if all(one.derived for one in self.findings if one.id not in NO_EVIDENCE):
            return "derived data is not what the log says; in the log itself nothing altered was found"
        if (missing := self._missing()) is not None:
            return f"records are missing: an older copy, or its end was cut off: {self.size} of the {missing}"
        first = self.first_bad
        return "something was altered or is damaged" + ("" if first is None else f"; the first bad record is {first}")

    def _missing(self) -> str | None:
        """How many records there should be, in words, if nothing is wrong with the log but that its end is not here.

        A head that lies beyond the log names a record, the first that is missing; one that contradicts it names none.
        """
        bad = [one for one in self.findings if one.id not in NO_EVIDENCE and not one.derived]
        if self.untold or not bad or any(one.id != "LED-HEAD" or one.seq != self.size for one in bad):
            return None
        return max((one.expected for one in bad), key=lambda due: int(due.partition(" ")[0]))

    @property
    def untold(self) -> dict[str, int]:
        """How many findings of each id there are beside those spelt out."""
        return dict(sorted((Counter(self.counts) - Counter(one.id for one in self.findings)).items()))

    def raise_on_failure(self) -> None:
        """Raise VerificationFailed, UnsupportedError or CannotVerify, as the exit code says, with the first finding."""
        code = self.exit_code
        others = sum(self.counts.values()) - 1
        more = f" (and {count(others, 'more finding')})" if others > 0 else ""
        if code == VerificationFailed.exit_code:
            worst = next(one for one in self.findings if one.id not in NO_EVIDENCE)
            failure = VerificationFailed(
                worst.id, worst.message + more, expected=worst.expected, found=worst.found, seq=worst.seq
            )
            failure.report = self
            raise failure
        if code == UnsupportedError.exit_code:
            raise UnsupportedError(str(next(one for one in self.findings if one.id == "LED-VERSION")) + more)
        if code:
            raise CannotVerify("; ".join([*map(str, self.findings), *self.unable]))

    def to_json(self) -> dict[str, Any]:
        """The report as a JSON object."""
        return {
            "verdict": self.verdict,
            "meaning": self.meaning,
            "exit_code": self.exit_code,
            "program": f"creditledger {__version__}",
            "format": FORMAT,
            "origin": self.origin,
            "ledger_id": self.ledger_id.hex(),
            "size": self.size,
            "root": self.root.hex(),
            "sealed": self.sealed,
            "sufficing": self.sufficing,
            "cosigned": [{"witness": name, "time": moment(time)} for name, time in self.cosigned],
            "acts": self.acts,
            "first_bad": self.first_bad,
            "checked": list(self.checked),
            "findings": [one.to_json() for one in self.findings],
            "counts": dict(self.counts),
            "untold": self.untold,
            "not_checked": list(self.not_checked),
            "unable": list(self.unable),
            "timings": {phase: round(seconds, 3) for phase, seconds in self.timings.items()},
        }

    def facts(self) -> list[tuple[str, str]]:
        """What was verified, by name: the same for people on a terminal and in a pipe."""
        records = f"{self.size:,} record{'' if self.size == 1 else 's'}"
        read = [
            ("records", f"{self.size:,}, with {self.acts:,} act{'' if self.acts == 1 else 's'}"),
            ("checkpoint", f"the last valid one covers {self.sealed:,} of {records}"),
            ("root", self.root.hex()),
        ]
        if self.sufficing is not None:
            enough = f"the last one signed as the trust file asks covers {self.sufficing:,} of them"
            read.insert(2, ("witnessed", enough if self.sufficing else "none is signed as the trust file asks"))
        if self.cosigned:
            read.insert(-1, ("cosigned", "; ".join(f"by {name} at {moment(time)}" for name, time in self.cosigned)))
        return [
            ("ledger", self.origin),
            ("id", self.ledger_id.hex()),
            *(read if self.size else [("records", "none were read")]),
            ("verified in", f"{sum(self.timings.values()):.1f} s, by creditledger {__version__} for {FORMAT}"),
        ]

    def lines(self) -> Iterator[str]:
        """The report in lines that begin with what they are about; the verdict first, what was not checked last."""
        yield f"verdict: {self.verdict}: {self.meaning} (exit code {self.exit_code})"
        for name, value in self.facts():
            yield f"{name}: {value}"
        for item in self.checked:
            yield f"checked: {item}"
        for one in self.findings:
            yield f"finding: {one}"
        for name, more in self.untold.items():
            yield f"finding: {name}: {more} more. {FINDINGS[name]}"
        for item in self.unable:
            yield f"COULD NOT CHECK: {item}"
        for item in self.not_checked:
            yield f"NOT CHECKED: {item}"


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

    def put_first(self, one: Finding) -> None:
        """Take in a finding that says all that others of its id would say again."""
        self._found = {other for other in self._found if other.id != one.id}
        self._counts[one.id] = 0
        self.add(one)

    def add_counts(self, counts: dict[str, int]) -> None:
        """Count findings that were not spelt out."""
        self._counts.update(counts)

    def first_record(self, name: str) -> int | None:
        """The first record that findings of an id name, those of derived data left out; None if they name none."""
        seqs = (one.seq for one in self._found if one.id == name and not one.derived)
        return min((seq for seq in seqs if seq is not None), default=None)

    def evidence(self) -> bool:
        """Whether anything found is evidence."""
        return any(name not in NO_EVIDENCE for name in self._counts)

    def sorted(self) -> tuple[Finding, ...]:
        """The first findings: those about the log by record, then those about derived data."""
        return tuple(sorted(self._found, key=_rank)[:MAX_FINDINGS])

    def counts(self) -> dict[str, int]:
        """How many findings there are of each id."""
        return dict(sorted(self._counts.items()))


def _rank(one: Finding) -> tuple[Any, ...]:
    """Where a finding stands in a report: the same in every run, whichever worker came to it first."""
    return (
        one.derived, one.seq is None, one.seq or 0, one.act or 0, one.id, one.message, one.expected, one.found
    )  # fmt: skip
