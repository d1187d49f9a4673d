"""Publishing a ledger: incremental, resumable, and never another history over the one that was published."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import creditledger
from creditledger.audit import verify
from creditledger.errors import CannotVerify, FormatError, UsageError, VerificationFailed
from creditledger.ledger.ledger import Ledger
from creditledger.publish.publishing import publish
from publish.histories import files_in, forked, history, naive_files, stored, until
from transfer.mirror import all_bytes, found, grant_erasure

SOURCES = Path(creditledger.__file__).parents[1]


@pytest.fixture(scope="module")
def ledgers(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """The ledger's directory at several sizes. Nobody may write to them."""
    place = tmp_path_factory.mktemp("ledgers")
    return {size: stored(place / str(size), size) for size in (20, 300, 512, 620)}


def expected(size: int) -> dict[str, bytes]:
    return naive_files(history().records, size) | {"checkpoint": history().notes[size]}


def test_a_ledger_is_published_whole_and_read_only(tmp_path: Path, ledgers: dict[int, Path]) -> None:
    before = all_bytes(ledgers[620])
    done = publish(ledgers[620], tmp_path / "out")
    assert files_in(tmp_path / "out") == expected(620)
    assert (done.size, done.before, done.files) == (620, 0, len(expected(620)) - 1)
    assert done.bytes == sum(map(len, expected(620).values())) - len(history().notes[620])
    assert all_bytes(ledgers[620]) == before
    again = publish(ledgers[620], tmp_path / "out")
    assert again == (620, done.root, 620, 0, 0, 0)


def test_growing_is_incremental_and_leaves_no_outdated_file(tmp_path: Path, ledgers: dict[int, Path]) -> None:
    sizes = sorted(ledgers)
    for before, size in zip([0, *sizes], sizes, strict=False):
        done = publish(ledgers[size], tmp_path / "out")
        assert (done.before, done.size) == (before, size)
    found = files_in(tmp_path / "out")
    assert expected(620).items() <= found.items()
    # A partial tile of level 1 stays, since the full one is far off.
    assert set(found) - set(expected(620)) == {"tile/1/000.p/1"}


def test_an_older_copy_does_not_take_anything_back(tmp_path: Path, ledgers: dict[int, Path]) -> None:
    publish(ledgers[620], tmp_path / "out")
    with pytest.raises(VerificationFailed, match=r"LED-HEAD: .* covers more records than the ledger has"):
        publish(ledgers[300], tmp_path / "out")
    assert files_in(tmp_path / "out") == expected(620)


def test_another_history_is_not_published_over_this_one(tmp_path: Path, ledgers: dict[int, Path]) -> None:
    publish(ledgers[300], tmp_path / "out")
    for size in (300, 590):
        other = stored(tmp_path / f"other-{size}", size, forked(299))
        with pytest.raises(VerificationFailed, match=r"LED-HEAD.*two histories"):
            publish(other, tmp_path / "out")
    assert files_in(tmp_path / "out") == expected(300)


def test_what_lies_there_is_held_against_the_ledger(tmp_path: Path, ledgers: dict[int, Path]) -> None:
    out = tmp_path / "out"
    publish(ledgers[300], out)
    bad = bytearray((out / "tile/entries/001.p/44").read_bytes())
    (out / "tile/entries/001").write_bytes(bad)
    with pytest.raises(VerificationFailed, match="tile/entries/001 is there already with other bytes"):
        publish(ledgers[620], out)
    assert (out / "checkpoint").read_bytes() == history().notes[300]
    (out / "tile/entries/001").unlink()
    note = (out / "checkpoint").read_bytes()
    (out / "checkpoint").write_bytes(b"no checkpoint")
    with pytest.raises(FormatError, match="checkpoint is no signed checkpoint"):
        publish(ledgers[620], out)
    (out / "checkpoint").write_bytes(note.replace(b"\n300\n", b"\n301\n"))
    with pytest.raises(VerificationFailed):
        publish(ledgers[620], out)


def test_records_that_are_not_the_signed_ones_are_not_published(tmp_path: Path) -> None:
    log = until(300)
    record = bytearray(log.records[250])
    record[-1] ^= 1
    log.records[250] = bytes(record)
    path = log.store(tmp_path / "ledger", honest=False)
    with pytest.raises(VerificationFailed, match="LED-TREE"):
        publish(path, tmp_path / "out")
    assert not (tmp_path / "out" / "checkpoint").exists()


def test_a_dry_run_writes_nothing(tmp_path: Path, ledgers: dict[int, Path]) -> None:
    done = publish(ledgers[300], tmp_path / "out", dry_run=True)
    assert (done.size, done.files) == (300, len(expected(300)) - 1)
    assert not (tmp_path / "out").exists()
    publish(ledgers[300], tmp_path / "out")
    before = all_bytes(tmp_path / "out")
    assert publish(ledgers[620], tmp_path / "out", dry_run=True).files == 2 * 2 + 1 + 1 - 1
    assert all_bytes(tmp_path / "out") == before


def test_a_ledgers_directory_is_no_place_to_publish_in(tmp_path: Path, ledgers: dict[int, Path]) -> None:
    for out in (ledgers[20], ledgers[20] / "private" / "out", ledgers[300]):
        with pytest.raises(UsageError, match="is a ledger's directory"):
            publish(ledgers[20], out)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError, match="not a directory"):
        publish(ledgers[20], tmp_path / "file")


def test_nothing_private_is_published(tmp_path: Path) -> None:
    """A ledger with personal content and identities: what is published is the log's own bytes and nothing else."""
    with found(tmp_path) as ledger:
        grant_erasure(ledger, "coins")
        publish(ledger, tmp_path / "out")
        records = [data for _, data in ledger.records()]
        assert files_in(tmp_path / "out") == naive_files(records, len(records)) | {"checkpoint": ledger.checkpoint}
        # The open writer goes on, and so does what is published.
        grant_erasure(ledger, "parties")
        assert publish(ledger, tmp_path / "out").size == len(records) + 1


def test_without_cosignatures_nothing_is_published_that_needs_them(
    tmp_path: Path, ledgers: dict[int, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Ledger, "witnessed", lambda self, at_least=0: None)
    with pytest.raises(CannotVerify, match="witness policy"):
        publish(ledgers[20], tmp_path / "out")
    monkeypatch.setattr(Ledger, "witnessed", lambda self, at_least=0: (20, history().notes[20]))
    assert publish(ledgers[300], tmp_path / "out").size == 20
    monkeypatch.undo()
    assert publish(ledgers[300], tmp_path / "out").size == 300
    # The witnesses lag behind what is published already: it stays.
    monkeypatch.setattr(Ledger, "witnessed", lambda self, at_least=0: (20, history().notes[20]))
    assert publish(ledgers[620], tmp_path / "out").size == 300


def run_killed(job: str, *arguments: object) -> int:
    path = os.pathsep.join((str(SOURCES), str(SOURCES.parent / "tests")))
    command = [sys.executable, "-m", "publish.killed", job, *map(str, arguments)]
    return subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, timeout=60).returncode


@pytest.mark.parametrize("point", [1, 4, 7, 8])
def test_killed_at_any_file_it_goes_on(tmp_path: Path, ledgers: dict[int, Path], point: int) -> None:
    out = tmp_path / "out"
    publish(ledgers[20], out)
    assert run_killed("publish", ledgers[620], out, point) == -signal.SIGKILL
    # Whoever looks now still sees the log as it was published before, or the new one if all of it is there.
    placed = (out / "checkpoint").read_bytes()
    assert placed in (history().notes[20], history().notes[620])
    report = verify(out, trust=history().trust)
    assert report.size == (20 if placed == history().notes[20] else 620)
    publish(ledgers[620], out)
    assert expected(620).items() <= files_in(out).items()
    assert not (out / ".work").exists()
    shutil.rmtree(out)
    publish(ledgers[620], out)
    assert files_in(out) == expected(620)


def test_the_log_key_is_not_needed(tmp_path: Path) -> None:
    with found(tmp_path) as ledger:
        size = ledger.size
    assert publish(tmp_path / "ledger", tmp_path / "out").size == size
