"""Every byte counts: one bit flipped at a time, in records, in an export, in LMDB's pages.

Each flip is detected, or shown to be dead space; nothing ends in a traceback, a crash of the caller, or a hang. By
default a seeded sample; `pytest -m long -n0 -s tests/tamper` flips a bit of every byte and prints the figures.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from creditledger.audit.auditor import verify
from creditledger.ledger.ledger import Ledger
from creditledger.workers import processors
from support.registry import CONTENT_KEY
from tamper.flips import Flip, Sound, flip_all

SEED = 20260302
FILES = ("log/data.mdb", "state/data.mdb")


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A directory in memory where there is one: it is not the disk that is tested."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as path:
        yield Path(path)


@pytest.fixture(scope="module")
def sound(place: Path) -> Sound:
    (place / "sound").mkdir()
    return Sound(place / "sound")


def sample(offsets: range | list[int], number: int) -> list[Flip]:
    """So many flips at random, the same in every run."""
    draw = random.Random(SEED)
    return [(draw.choice(offsets), draw.randrange(8)) for _ in range(number)]


def every(size: int) -> list[Flip]:
    """A bit of every byte."""
    draw = random.Random(SEED)
    return [(offset, draw.randrange(8)) for offset in range(size)]


def test_what_is_sound_verifies(sound: Sound) -> None:
    assert verify(sound.export, trust=sound.trust).size == sound.size
    assert verify(sound.directory, trust=sound.trust).size == sound.size


# -- the export -------------------------------------------------------------------------------------------------------


def test_a_sample_of_flipped_bytes_of_the_export_is_detected(sound: Sound, tmp_path: Path) -> None:
    outcomes = flip_all(sound, tmp_path, "export", sample(range(sound.export.stat().st_size), 250))
    assert outcomes["detected"] + outcomes["refused"] == 250


def test_a_sample_of_flipped_bytes_of_records_is_evidence(sound: Sound, tmp_path: Path) -> None:
    """Whoever altered a record writes the file around it anew: it is the record itself that no longer verifies."""
    outcomes = flip_all(sound, tmp_path, "record", sample(range(sound.record_bytes), 150))
    assert outcomes == {"detected": 150}


@pytest.mark.long
@pytest.mark.timeout(0)
def test_every_byte_of_the_export_flipped_is_detected(sound: Sound, place: Path) -> None:
    size = sound.export.stat().st_size
    outcomes = flip_all(sound, place, "export", every(size), jobs=processors())
    print(f"\nexport: {size} bytes flipped: {dict(outcomes)}")
    assert outcomes["detected"] + outcomes["refused"] == size


@pytest.mark.long
@pytest.mark.timeout(0)
def test_every_byte_of_every_record_flipped_is_evidence(sound: Sound, place: Path) -> None:
    outcomes = flip_all(sound, place, "record", every(sound.record_bytes), jobs=processors())
    print(f"\nrecords: {sound.record_bytes} bytes flipped: {dict(outcomes)}")
    assert outcomes == {"detected": sound.record_bytes}


# -- LMDB's pages -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
def test_a_sample_of_flipped_bytes_of_live_pages(sound: Sound, tmp_path: Path, name: str) -> None:
    # Pages that were never written hold zeros; the campaign over every byte covers them, a sample would drown in them.
    written = [offset for offset, byte in enumerate((sound.directory / name).read_bytes()) if byte]
    outcomes = flip_all(sound, tmp_path, name, sample(written, 120))
    assert outcomes["detected"] + outcomes["refused"] + outcomes["died"] > 10


@pytest.mark.long
@pytest.mark.timeout(0)
@pytest.mark.parametrize("name", FILES)
def test_every_byte_of_the_pages_flipped(sound: Sound, place: Path, name: str) -> None:
    size = (sound.directory / name).stat().st_size
    outcomes = flip_all(sound, place, name, every(size), jobs=processors())
    print(f"\n{name}: {size} bytes flipped: {dict(outcomes)}")
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
