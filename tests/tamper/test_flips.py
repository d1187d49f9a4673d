"""Every byte counts: one bit flipped at a time, in records, in an export, in LMDB's pages.

Each flip is detected, or shown to be dead space; nothing ends in a traceback, a crash of the caller, or a hang. By
default a seeded sample; `pytest -m long tests/tamper` flips every byte in turn.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from creditledger.acts import catalogue as acts
from creditledger.acts.content import commit
from creditledger.acts.kinds import Commitment, Subject
from creditledger.audit.auditor import verify
from creditledger.audit.trust import Trust
from creditledger.errors import LedgerError, VerificationFailed
from creditledger.ledger.founding import LogSigner
from creditledger.ledger.ledger import Ledger
from creditledger.ledger.receipt import ContentItem
from creditledger.transfer import export_ledger
from creditledger.transfer.export_file import RECORD, ExportReader
from support.registry import CONTENT_KEY, LIST, ORIGIN, Registry, firm, listing, signer

SEED = 20260302
WORKER = Path(__file__).with_name("flip_worker.py")


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
        self.directory = registry.directory
        self.trust = base / "ledger.trust"
        self.trust.write_text(trust.to_text())


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Sound:
    return Sound(tmp_path_factory.mktemp("sound"))


def test_what_is_sound_verifies(sound: Sound) -> None:
    assert verify(sound.export, trust=sound.trust).size == sound.size
    assert verify(sound.directory, trust=sound.trust).size == sound.size


# -- the export, and so every byte of every record ------------------------------------------------------------------


def flip_export(sound: Sound, place: Path, offsets: Iterator[tuple[int, int]]) -> Counter[str]:
    data = sound.export.read_bytes()
    outcomes: Counter[str] = Counter()
    target = place / "flipped.export"
    for offset, bit in offsets:
        flipped = bytearray(data)
        flipped[offset] ^= 1 << bit
        target.write_bytes(flipped)
        try:
            code = verify(target, trust=sound.trust, content_key=CONTENT_KEY, raise_on_failure=False).exit_code
        except LedgerError as error:
            code = error.exit_code
        assert code in (3, 1, 13), f"byte {offset}, bit {bit}: exit code {code}"
        outcomes[str(code)] += 1
    return outcomes


def every_record_byte(sound: Sound) -> list[int]:
    """The offsets of all bytes of all records within the export."""
    with sound.export.open("rb") as file:
        frames = [frame for frame in ExportReader(file).frames() if frame.kind == RECORD]
    return [offset for frame in frames for offset in range(frame.offset + 5, frame.offset + 5 + len(frame.payload))]


def test_a_sample_of_flipped_bytes_of_the_export_is_detected(sound: Sound, tmp_path: Path) -> None:
    draw = random.Random(SEED)
    size = sound.export.stat().st_size
    flip_export(sound, tmp_path, ((draw.randrange(size), draw.randrange(8)) for _ in range(250)))


def test_a_sample_of_flipped_bytes_of_records_is_evidence(sound: Sound, tmp_path: Path) -> None:
    draw = random.Random(SEED)
    places = every_record_byte(sound)
    outcomes = flip_export(sound, tmp_path, ((draw.choice(places), draw.randrange(8)) for _ in range(150)))
    assert sum(outcomes.values()) == 150


@pytest.mark.long
@pytest.mark.timeout(0)
def test_every_byte_of_the_export_flipped_is_detected(sound: Sound, tmp_path: Path) -> None:
    draw = random.Random(SEED)
    size = sound.export.stat().st_size
    outcomes = flip_export(sound, tmp_path, ((offset, draw.randrange(8)) for offset in range(size)))
    print(dict(outcomes))
    assert sum(outcomes.values()) == size


# -- LMDB's pages ----------------------------------------------------------------------------------------------------


class Flipper:
    """Worker processes that flip bytes of the LMDB files, one started anew whenever one has died."""

    def __init__(self, sound: Sound, place: Path) -> None:
        self._command = [sys.executable, str(WORKER), str(sound.directory), str(place / "copy"), str(sound.trust)]
        self._sound = sound
        self._place = place
        self._process: subprocess.Popen[str] | None = None

    def flip(self, name: str, offset: int, bit: int) -> str:
        if self._process is None:
            paths = os.pathsep.join(path for path in sys.path if path)
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                env={**os.environ, "PYTHONPATH": paths},
            )  # fmt: skip
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{name} {offset} {bit}\n")
        process.stdin.flush()
        answer = process.stdout.readline().strip()
        if answer:
            return answer
        code = process.wait(60)
        assert process.stderr is not None
        assert code < 0, f"{name} byte {offset} bit {bit}: {process.stderr.read()}"
        self.close()
        return "died"

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


@pytest.fixture
def flipper(sound: Sound, tmp_path: Path) -> Iterator[Flipper]:
    made = Flipper(sound, tmp_path)
    yield made
    made.close()


def check_contained(sound: Sound, place: Path, name: str, offset: int, bit: int) -> None:
    """Where the engine crashed the process that read the file: verification proper survives, and finds it."""
    copy = place / "crashing"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(sound.directory, copy)
    data = bytearray((copy / name).read_bytes())
    data[offset] ^= 1 << bit
    (copy / name).write_bytes(data)
    with pytest.raises(VerificationFailed):
        verify(copy, trust=sound.trust)


def flip_pages(
    sound: Sound, flipper: Flipper, place: Path, name: str, offsets: Iterator[tuple[int, int]]
) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    for offset, bit in offsets:
        outcome = flipper.flip(name, offset, bit)
        kind = outcome.split()[0]
        assert kind in ("detected", "dead", "absent", "refused", "died"), f"{name} byte {offset} bit {bit}: {outcome}"
        if kind == "died" and outcomes["died"] < 5:
            check_contained(sound, place, name, offset, bit)
        outcomes[kind] += 1
    return outcomes


@pytest.mark.parametrize("name", ["log/data.mdb", "state/data.mdb"])
def test_a_sample_of_flipped_bytes_of_live_pages(sound: Sound, flipper: Flipper, tmp_path: Path, name: str) -> None:
    draw = random.Random(SEED)
    # Pages that were never written hold zeros; the campaign over every byte covers them, a sample would drown in them.
    written = [offset for offset, byte in enumerate((sound.directory / name).read_bytes()) if byte]
    outcomes = flip_pages(
        sound, flipper, tmp_path, name, ((draw.choice(written), draw.randrange(8)) for _ in range(120))
    )
    assert outcomes["detected"] + outcomes["refused"] + outcomes["died"] > 10


@pytest.mark.long
@pytest.mark.timeout(0)
@pytest.mark.parametrize("name", ["log/data.mdb", "state/data.mdb"])
def test_every_byte_of_live_pages_flipped(sound: Sound, flipper: Flipper, tmp_path: Path, name: str) -> None:
    draw = random.Random(SEED)
    size = (sound.directory / name).stat().st_size
    outcomes = flip_pages(sound, flipper, tmp_path, name, ((offset, draw.randrange(8)) for offset in range(size)))
    print(name, dict(outcomes))
    assert sum(outcomes.values()) == size


def test_the_ledger_itself_is_never_written_to(sound: Sound) -> None:
    def stamps() -> dict[str, tuple[int, bytes]]:
        return {
            str(path): (path.stat().st_mtime_ns, path.read_bytes())
            for path in sorted(sound.directory.rglob("*"))
            if path.is_file() and path.name != "lock.mdb"
        }

    before = stamps()
    verify(sound.directory, trust=sound.trust, content_key=CONTENT_KEY)
    assert stamps() == before


def test_a_ledger_that_was_opened_reads_what_it_verified(sound: Sound) -> None:
    with Ledger.open(sound.directory) as ledger:
        assert ledger.root == verify(sound.export, trust=sound.trust).root
