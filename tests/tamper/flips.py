"""A small ledger that is sound, and worker processes that flip its bytes (see flip_worker.py)."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from creditledger.acts import catalogue as acts
from creditledger.acts.content import commit
from creditledger.acts.kinds import Commitment, Subject
from creditledger.audit.auditor import verify
from creditledger.audit.trust import Trust
from creditledger.errors import VerificationFailed
from creditledger.ledger.founding import LogSigner
from creditledger.ledger.receipt import ContentItem
from creditledger.transfer import export_ledger
from support.registry import LIST, ORIGIN, Registry, firm, listing, signer

WORKER = Path(__file__).with_name("flip_worker.py")

PATIENCE = 120
"""Seconds without an answer after which a verification is taken for hung."""

CONTAINED = 5
"""How many of the flips that end a worker are verified once more, by a process that must survive them."""

Flip = tuple[int, int]
"""The offset of a byte, and which of its bits."""


class Sound:
    """A small ledger, its export and its trust file, before anything is done to them."""

    def __init__(self, base: Path) -> None:
        registry = Registry(base)
        person, nonce = Subject.handle(b"\x42" * 32), b"\x07" * 32
        digest = commit(nonce, b"Ana Arden")
        with registry.create() as ledger:
            court = signer("court")
            receipt = ledger.append([listing(1), listing(2)], signer=court)
            ledger.append(
                listing(3, subject=person, content=(Commitment("name", digest),)),
                signer=court,
                contents=[ContentItem(LIST, person, digest, nonce, b"Ana Arden")],
            )
            ledger.append(
                acts.ListingRemove(LIST, firm(2), receipt.ref(1), "performed", "2026-03-02", "2026-03-04"), signer=court
            )
            appeal = ledger.append(
                acts.AppealFile(LIST, firm(1), receipt.ref(), "2026-03-02"), signer=signer("ombudsman")
            )
            ledger.append(
                acts.AppealDecide(LIST, firm(1), appeal.ref(), "uphold", "2026-03-02", "2026-03-02"),
                signer=signer("high"),
            )
            self.export = base / "ledger.export"
            export_ledger(ledger, self.export, with_content=True)
            trust = Trust(ORIGIN, ledger.ledger_id, (LogSigner(ORIGIN, signer("log")).verifier.vkey,))
            self.size = ledger.size
            self.record_bytes = sum(len(data) for _, data in ledger.records())
        self.base = base
        self.directory = registry.directory
        self.trust = base / "ledger.trust"
        self.trust.write_text(trust.to_text())


class _Flipper:
    """A worker process, started anew whenever it has died."""

    def __init__(self, sound: Sound, place: Path) -> None:
        place.mkdir()
        self._command = [sys.executable, str(WORKER), str(sound.base), str(place / "copy")]
        self._environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "TMPDIR": str(place)}
        self._process: subprocess.Popen[str] | None = None

    def flip(self, what: str, offset: int, bit: int) -> str:
        """The worker's answer, `died` where the engine's native code ended it."""
        if self._process is None:
            pipe = subprocess.PIPE
            self._process = subprocess.Popen(
                self._command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=self._environ
            )
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(f"{what} {offset} {bit}\n")
        process.stdin.flush()
        if not select.select([process.stdout], [], [], PATIENCE)[0]:
            return "hung"
        answer = process.stdout.readline().strip()
        if answer:
            return answer
        code = process.wait(60)
        assert code < 0, f"{what} byte {offset} bit {bit}: {process.stderr.read()}"
        self.close()
        return "died"

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def flip_all(sound: Sound, place: Path, what: str, flips: Sequence[Flip], *, jobs: int = 1) -> Counter[str]:
    """Flip one bit after the other, in so many workers; returns how often each of their answers came.

    Fails where an alteration was missed, where verification hung, and where it did not survive what ended a worker.
    """

    def some(number: int) -> list[tuple[Flip, str]]:
        flipper = _Flipper(sound, place / f"{what.replace('/', '-')}-{number}")
        try:
            return [(flip, flipper.flip(what, *flip)) for flip in flips[number::jobs]]
        finally:
            flipper.close()

    with ThreadPoolExecutor(jobs) as pool:
        answers = [one for part in pool.map(some, range(jobs)) for one in part]
    bad = [f"{what} byte {offset} bit {bit}: {answer}" for (offset, bit), answer in answers if answer.startswith(_BAD)]
    assert not bad, "\n".join(bad[:20])
    for flip in [flip for flip, answer in answers if answer == "died"][:CONTAINED]:
        _check_contained(sound, place, what, *flip)
    return Counter(answer.split()[0] for _, answer in answers)


_BAD = ("MISSED", "hung")


def _check_contained(sound: Sound, place: Path, name: str, offset: int, bit: int) -> None:
    """Where the engine crashed the process that read the file: verification proper survives, and finds it."""
    copy = place / "crashing"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(sound.directory, copy)
    data = bytearray((copy / name).read_bytes())
    data[offset] ^= 1 << bit
    (copy / name).write_bytes(data)
    with pytest.raises(VerificationFailed):
        verify(copy, trust=sound.trust)
