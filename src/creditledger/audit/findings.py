"""What an audit can find: stable ids with their meaning, and the finding itself.

An id is never given another meaning. Scripts and reports may rely on it.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from creditledger.codec.dates import clock_time
from creditledger.errors import FormatError, Refused, VerificationFailed

FINDINGS: dict[str, str] = {
    "LED-STRUCT": "The store or file is damaged: a record is missing, out of place, or cannot be read.",
    "LED-ENC": "A record or entry is not in the one form that the format allows.",
    "LED-CHAIN": "A record does not follow the one before it: its number or its link is another.",
    "LED-TIME": "A record is dated before the one before it, after its entry's not_after, or against a witness's time.",
    "LED-TREE": "The tree over the records is another than the one that was signed or stored.",
    "LED-FORK": "The log signed two checkpoints that contradict each other: it showed two histories.",
    "LED-CKPT": "A checkpoint is not one of this log: malformed, of another size or origin, or signed by no log key.",
    "LED-HEAD": "The log ends before, or contradicts, a head that was signed or verified before.",
    "LED-LEDGER": "The log, or an entry in it, belongs to another ledger.",
    "LED-SIG": "A signature is not valid.",
    "LED-KEY": "A key signed that was not registered, not in force, not of this authority, or not for this purpose.",
    "LED-AUTHOR": "A key's own chain of entries is broken: one is missing, repeated, or out of order.",
    "LED-SEEN": "An entry pins a size and root that this log does not have, or older ones than its key did before.",
    "LED-RULE": "A recorded act breaks a rule that forbids it.",
    "LED-STATE": "The derived state differs from what the log says. It can be rebuilt from the log.",
    "LED-CONTENT": "Detached content is not what the log commits to, or is still there after its erasure.",
    "LED-UNSEALED": "Records lie beyond the last checkpoint: nobody has vouched for them yet.",
    "LED-VERSION": "A record is of a version, act type or rule set that this program does not know.",
}

NO_EVIDENCE = frozenset({"LED-UNSEALED", "LED-VERSION"})
"""Findings that say what could not be checked; the others are evidence that something was altered or is damaged."""

_RULE_FINDINGS = {
    "R-ENTRY-LEDGER": "LED-LEDGER",
    "R-ENTRY-EXPIRED": "LED-TIME",
    "R-ENTRY-KEY": "LED-KEY",
    "R-ENTRY-COSIGNER": "LED-KEY",
    "R-ENTRY-CHAIN": "LED-AUTHOR",
    "R-ENTRY-SEEN": "LED-SEEN",
}

_SHOWN = 400

MAX_TOLD = 20
"""So many findings of one id are spelt out for each range of records; the rest is counted."""


class Finding(NamedTuple):
    """One thing that is not as it must be.

    `id` is one of `FINDINGS`; `seq` the record concerned and `act` the act within it, None where it is no single one;
    `expected` and `found` in words or hexadecimal; `derived` is true if only derived data is wrong, which can be
    rebuilt from the log.
    """

    id: str
    seq: int | None
    act: int | None
    expected: str
    found: str
    message: str
    derived: bool = False

    def to_json(self) -> dict[str, Any]:
        """The finding as a JSON object."""
        return self._asdict()

    @property
    def where(self) -> str:
        """The record and act concerned, such as `record 17, act 0`; empty if it is no single one."""
        if self.seq is None:
            return ""
        return f"record {self.seq}" + ("" if self.act is None else f", act {self.act}")

    def __str__(self) -> str:
        where = f" at {self.where}" if self.where else ""
        values = f"; expected {self.expected}, found {self.found}" if self.expected or self.found else ""
        return f"{self.id}{where}{' (derived data)' if self.derived else ''}: {self.message}{values}"


class FindingLog:
    """Findings of one range: the first of each id are spelt out, the rest is counted."""

    def __init__(self) -> None:
        self.told: list[Finding] = []
        self.untold: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()

    def add(self, *found: Finding) -> None:
        """Note findings."""
        for one in found:
            self._counts[one.id] += 1
            if self._counts[one.id] <= MAX_TOLD:
                self.told.append(one)
            else:
                self.untold[one.id] += 1


def finding(
    name: str,
    seq: int | None,
    message: str,
    *,
    expected: str | bytes = "",
    found: str | bytes = "",
    act: int | None = None,
    derived: bool = False,
) -> Finding:
    """A finding; bytes are shown in hexadecimal, and nothing longer than a few lines."""
    return Finding(name, seq, act, _shown(expected), _shown(found), message[: 2 * _SHOWN], derived)


def refusal(refused: Refused, seq: int, act: int | None = None) -> Finding:
    """The finding for a record that breaks a rule; the entry's own rules have findings of their own."""
    name = _RULE_FINDINGS.get(refused.rule, "LED-RULE")
    message = f"{refused.rule}: {refused.conflict}"
    return finding(name, seq, message, expected=refused.remedy, found="a recorded act without it", act=act)


def failure(failed: VerificationFailed, seq: int | None) -> Finding:
    """The finding that a failed check reports; its message already contains what was expected and found."""
    message = str(failed).partition(": ")[2].removesuffix(f" (expected {failed.expected}, found {failed.found})")
    return finding(failed.finding, seq, message, expected=failed.expected, found=failed.found)


def moment(seconds: int) -> str:
    """A time in POSIX seconds as people write it, in UTC; a witness may state one that no calendar has."""
    try:
        return clock_time(seconds * 1_000_000).replace(".000000Z", "Z")
    except FormatError:
        return f"{seconds} s after the beginning of 1970"


def _shown(value: str | bytes) -> str:
    text = value.hex() if isinstance(value, bytes) else value
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
