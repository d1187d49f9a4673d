"""The checkpoint verified last: it only moves forward, is kept whole, and is never replaced by what contradicts it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from creditledger.client.seen import MAX_HEARD, SeenStore, default_seen_dir
from creditledger.errors import FormatError, StoreError, UsageError, VerificationFailed
from watch.trees import LEDGER, History

ONE, OTHER = History("a" * 60), History("a" * 20 + "b" * 40)


def test_what_is_kept_is_the_note_as_it_was_signed(tmp_path: Path) -> None:
    store = SeenStore(tmp_path / "state" / "seen")
    assert store.load(LEDGER) is None
    kept = store.advance(LEDGER, ONE.note(7))
    assert kept == store.load(LEDGER) == (7, ONE.root(7), ONE.note(7))
    assert store.file(LEDGER) == tmp_path / "state" / "seen" / LEDGER.hex()
    assert store.file(LEDGER).read_bytes() == ONE.note(7)
    assert stat.S_IMODE(store.file(LEDGER).stat().st_mode) == 0o600
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o700
    assert store.load(bytes(32)) is None


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 60), min_size=1, max_size=8))
def test_it_is_the_largest_of_all_that_were_verified(tmp_path: Path, sizes: list[int]) -> None:
    store = SeenStore(tmp_path)
    store.file(LEDGER).unlink(missing_ok=True)
    for number, size in enumerate(sizes, 1):
        assert store.advance(LEDGER, ONE.note(size)).size == max(sizes[:number])
    assert store.load(LEDGER) == (max(sizes), ONE.root(max(sizes)), ONE.note(max(sizes)))


def test_of_two_that_contradict_each_other_the_first_stays(tmp_path: Path) -> None:
    store = SeenStore(tmp_path)
    store.advance(LEDGER, ONE.note(30))
    with pytest.raises(VerificationFailed, match="LED-FORK") as failed:
        store.advance(LEDGER, OTHER.note(30))
    assert (failed.value.expected, failed.value.found) == (ONE.root(30).hex(), OTHER.root(30).hex())
    assert store.file(LEDGER).read_bytes() == ONE.note(30)


@pytest.mark.parametrize("damage", [b"", b"x", ONE.note(9)[:40], bytes(2_000_000)])
def test_damage_is_told_and_never_overwritten(tmp_path: Path, damage: bytes) -> None:
    store = SeenStore(tmp_path)
    store.file(LEDGER).write_bytes(damage)
    with pytest.raises(FormatError):
        store.load(LEDGER)
    with pytest.raises(FormatError):
        store.advance(LEDGER, ONE.note(9))
    assert store.file(LEDGER).read_bytes() == damage


def test_what_is_no_file_or_no_checkpoint_is_refused(tmp_path: Path) -> None:
    store = SeenStore(tmp_path)
    os.mkfifo(store.file(LEDGER))
    with pytest.raises(UsageError, match="not a regular file"):
        store.load(LEDGER)
    with pytest.raises(FormatError):
        store.advance(bytes(32), b"no checkpoint")
    with pytest.raises(UsageError, match="32 bytes"):
        store.load(b"short")
    with pytest.raises(StoreError):
        SeenStore(tmp_path / LEDGER.hex() / "below").advance(LEDGER, ONE.note(1))


def heard(store: SeenStore) -> list[tuple[int, bytes]]:
    return [(one.size, one.root) for one in store.heard(LEDGER)]


def test_what_was_heard_of_stands_beside_what_was_verified_and_replaces_nothing(tmp_path: Path) -> None:
    store = SeenStore(tmp_path / "seen")
    assert store.heard(LEDGER) == ()
    store.hear(LEDGER, OTHER.note(50))
    assert store.load(LEDGER) is None, "nobody has verified it"
    store.advance(LEDGER, ONE.note(30))
    for note in (OTHER.note(40), OTHER.note(50), ONE.note(30)):
        store.hear(LEDGER, note)
    assert heard(store) == [(40, OTHER.root(40)), (50, OTHER.root(50))]
    assert store.file(LEDGER).read_bytes() == ONE.note(30)
    assert stat.S_IMODE((store.path / f"{LEDGER.hex()}.heard").stat().st_mode) == 0o600
    store.forget(LEDGER, [one for one in store.heard(LEDGER) if one.size <= 49])
    assert heard(store) == [(50, OTHER.root(50))]


def test_two_roots_of_one_size_are_rivals_whether_verified_or_heard_of(tmp_path: Path) -> None:
    store = SeenStore(tmp_path)
    assert store.rival(LEDGER, ONE.note(40)) is None
    store.advance(LEDGER, ONE.note(30))
    store.hear(LEDGER, ONE.note(40))
    assert store.rival(LEDGER, OTHER.note(30)) == ONE.note(30)
    assert store.rival(LEDGER, OTHER.note(40)) == ONE.note(40)
    for note in (ONE.note(30), ONE.note(40), OTHER.note(41), OTHER.note(20)):
        assert store.rival(LEDGER, note) is None


def test_of_what_was_heard_the_smallest_stay(tmp_path: Path) -> None:
    store = SeenStore(tmp_path)
    long = History("a" * (MAX_HEARD + 20))
    for size in [*range(20, 20 + MAX_HEARD), 5]:
        store.hear(LEDGER, long.note(size))
    assert [size for size, _ in heard(store)] == [5, *range(20, 19 + MAX_HEARD)]


def test_a_note_is_renewed_by_one_that_says_the_same(tmp_path: Path) -> None:
    store = SeenStore(tmp_path)
    store.renew(LEDGER, ONE.note(30))
    assert store.load(LEDGER) is None
    store.advance(LEDGER, ONE.note(30))
    newer = ONE.note(30) + b"\xe2\x80\x94 witness.example AAAAAAAA\n"
    for note in (OTHER.note(30), ONE.note(31), newer):
        store.renew(LEDGER, note)
    assert store.file(LEDGER).read_bytes() == newer


@pytest.mark.parametrize("damage", [b"", b"{}", b"[]", b'{"notes": ["x"]}', b'{"notes": 5}'])
def test_damage_of_what_was_heard_is_told_and_never_overwritten(tmp_path: Path, damage: bytes) -> None:
    store = SeenStore(tmp_path)
    path = tmp_path / f"{LEDGER.hex()}.heard"
    path.write_bytes(damage)
    with pytest.raises(FormatError, match="does not hold checkpoints that were heard of"):
        store.heard(LEDGER)
    with pytest.raises(FormatError):
        store.hear(LEDGER, ONE.note(9))
    assert path.read_bytes() == damage


def _start(path: Path, program: str) -> subprocess.Popen[str]:
    """Runs a program in which `store` is the store there, and `notes` are those of one history from size 1 on."""
    begin = (
        "import sys\nfrom creditledger.client.seen import SeenStore\nfrom watch.trees import LEDGER, History\n"
        "one, store = History('a' * 60), SeenStore(sys.argv[1])\nnotes = [one.note(size) for size in range(1, 60)]\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, sys.path))}
    return subprocess.Popen(
        [sys.executable, "-c", begin + program, path], stdout=subprocess.PIPE, env=environment, text=True
    )


def test_processes_beside_each_other_do_not_take_it_back(tmp_path: Path) -> None:
    workers = [_start(tmp_path, f"for note in notes[{first}::3]: store.advance(LEDGER, note)") for first in range(3)]
    largest = 0
    while any(worker.poll() is None for worker in workers):
        found = SeenStore(tmp_path).load(LEDGER)
        assert found is None or found.size >= largest
        largest = 0 if found is None else found.size
    for worker in workers:
        worker.communicate()
        assert worker.returncode == 0
    found = SeenStore(tmp_path).load(LEDGER)
    assert found is not None
    assert found.size == 59


def test_killed_at_any_moment_there_is_a_whole_checkpoint(tmp_path: Path) -> None:
    endless = (
        "print('go', flush=True)\n"
        "while True:\n for note in notes: store.advance(LEDGER, note)\n store.file(LEDGER).unlink()"
    )
    with _start(tmp_path, endless) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "go\n"
        time.sleep(0.2)
        process.kill()
    kept = SeenStore(tmp_path).load(LEDGER)
    assert kept is None or kept.checkpoint == ONE.note(kept.size)
    assert SeenStore(tmp_path).advance(LEDGER, ONE.note(60)).size == 60


def test_it_lies_beside_the_heads_of_the_user() -> None:
    assert default_seen_dir({"XDG_STATE_HOME": "/state"}) == Path("/state/creditledger/seen")
    assert default_seen_dir({"HOME": "/home/clerk"}) == Path("/home/clerk/.local/state/creditledger/seen")
    with pytest.raises(UsageError, match="HOME"):
        default_seen_dir({})
