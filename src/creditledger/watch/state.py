"""What a watcher remembers of one ledger between rounds, and after it was killed: one file, replaced whole.

{"format": "creditledger/watch/v1", "origin": …, "ledger_id": …,
 "trunk": the largest checkpoint that was verified, a signed note; null before the first
 "audited": up to which size the records were audited,
 "last": {vantage point: the note that it showed last},
 "held": [[vantage point, a note that is not yet proved to be of the trunk's history], …], from small to large,
 "passed": [a checkpoint that was the trunk, until the records after it are audited against its cosignatures' times],
 "forks": {vantage point: the name of the file that proves that it shows another history}}
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, NamedTuple

from creditledger.audit.trust import Trust
from creditledger.client.files import read_bounded, write_whole
from creditledger.errors import FormatError, LedgerError, UnsupportedError, UsageError
from creditledger.receipts.fork import open_by_log, trimmed
from creditledger.tlog.checkpoint import Checkpoint
from creditledger.tlog.note import MAX_NOTE_BYTES

FORMAT: Final = "creditledger/watch/v1"
MAX_VANTAGES: Final = 64
MAX_HELD: Final = 64
MAX_PASSED: Final = 16
MAX_BYTES: Final = 2 * (MAX_VANTAGES + 1 + MAX_HELD + MAX_PASSED) * MAX_NOTE_BYTES
"""A note is escaped in JSON, and twice as long at worst: each dash of a signature line."""


class Held(NamedTuple):
    """A note that the log signed, as `fork.trimmed` leaves it, which nobody has yet held against the trunk's tree: the
    vantage point that showed it, the note, and what it says."""

    vantage: str
    note: bytes
    head: Checkpoint


class State:
    """What is remembered of one ledger.

    Attributes:
        trunk: the largest checkpoint that was verified, as signed; None before the first. It never goes back, and what
            contradicts it is a fork.
        audited: up to which size the records were audited.
        last: for each vantage point, by its name, the checkpoint that it showed last.
        held: what the log signed and is neither on the trunk nor proved to contradict it yet, from small to large.
        passed: checkpoints that the trunk has grown beyond since the last audit, with their cosignatures.
        forks: for each that shows another history, the name of the file that proves it; for two that contradict each
            other, by both names.
    """

    def __init__(self, path: Path, trust: Trust) -> None:
        """Read the file, if there is one.

        Raises:
            FormatError: it is damaged. UnsupportedError: it is of another version.
            UsageError: it is about another ledger, or no regular file. StoreError: it cannot be read.
        """
        self._path = path
        self._trust = trust
        self.trunk: bytes | None = None
        self.audited = 0
        self.last: dict[str, bytes] = {}
        self.held: list[Held] = []
        self.passed: list[bytes] = []
        self.forks: dict[str, str] = {}
        if path.exists() or path.is_symlink():
            data = read_bounded(path, MAX_BYTES, "the watcher's state")
            try:
                self._restore(data)
            except (UnsupportedError, UsageError):
                raise
            except (ValueError, TypeError, LookupError, AttributeError, RecursionError, LedgerError) as error:
                raise FormatError(
                    f"{path} does not hold what a watcher remembers: {error!s:.300}. Move it away, and the next round "
                    "starts anew; but then nothing that is shown now is held against what was shown before, so first "
                    "look for a backup of it"
                ) from None

    def _restore(self, data: bytes) -> None:
        values = json.loads(data)
        form = values.get("format")
        if form != FORMAT:
            other = isinstance(form, str) and form.startswith("creditledger/watch/v")
            raise (UnsupportedError if other else FormatError)(f"format {form!r:.80}, where this version has {FORMAT}")
        if (values["origin"], values["ledger_id"]) != (self._trust.origin, self._trust.ledger_id.hex()):
            raise UsageError(f"{self._path} is about another ledger than the trust file; give another --state")
        trunk, self.audited, last, forks = (values[name] for name in ("trunk", "audited", "last", "forks"))
        self.trunk = None if trunk is None else str(trunk).encode()
        size = 0 if self.trunk is None else open_by_log(self.trunk, self._trust).size
        if type(self.audited) is not int or not 0 <= self.audited <= size:
            raise FormatError(f"'audited' is {self.audited!r:.40}, and the checkpoint covers {size} records")
        self.last = {str(name): str(note).encode() for name, note in last.items()}
        for note in self.last.values():
            open_by_log(note, self._trust)
        self.forks = {str(name): str(file) for name, file in forks.items()}
        # Written by an earlier version, the file lacks these two.
        for name, note in values.get("held", []):
            self.hold(str(name), str(note).encode())
        self.passed = [str(note).encode() for note in values.get("passed", [])][:MAX_PASSED]
        for note in self.passed:
            open_by_log(note, self._trust)

    def hold(self, vantage: str, note: bytes) -> None:
        """Hold a note that the log signed, until it can be held against the trunk.

        Of too many the largest are let go: what is small is the first that the trunk grows beyond. Raises as
        `open_by_log`.
        """
        head = open_by_log(note, self._trust)
        if all(head != one.head for one in self.held):
            self.held = sorted([*self.held, Held(vantage, trimmed(note, self._trust), head)], key=_size)[:MAX_HELD]

    def grow(self, trunk: bytes) -> None:
        """Take a larger trunk; the one before is kept for the times of its cosignatures until the next audit."""
        if self.trunk is not None and self._trust.has_witnesses:
            if len(self.passed) == MAX_PASSED:
                del self.passed[MAX_PASSED // 2]
            self.passed.append(self.trunk)
        self.trunk = trimmed(trunk, self._trust)

    def write(self) -> None:
        """Write the file durably, whole or not at all, mode 0600; raises StoreError."""
        values: dict[str, Any] = {
            "format": FORMAT,
            "origin": self._trust.origin,
            "ledger_id": self._trust.ledger_id.hex(),
            "trunk": None if self.trunk is None else self.trunk.decode(),
            "audited": self.audited,
            "last": {name: note.decode() for name, note in sorted(self.last.items())},
            "held": [[one.vantage, one.note.decode()] for one in self.held],
            "passed": [note.decode() for note in self.passed],
            "forks": dict(sorted(self.forks.items())),
        }
        write_whole(self._path, json.dumps(values, indent=1).encode() + b"\n", force=True)


def _size(held: Held) -> int:
    return held.head.size
