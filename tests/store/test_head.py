"""The last signed head: never backwards, never taken for absent, one writer, and safe from torn writes."""

from __future__ import annotations

import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from creditledger.errors import Locked, StoreError, UsageError
from creditledger.store.files import SECTOR
from creditledger.store.head import MAX_CHECKPOINT, MAX_SEAL, HeadStore, default_head_dir

LEDGER = bytes(range(32))
SLOT = 65536


def root(size: int) -> bytes:
    return size.to_bytes(32, "big")


def note(size: int, length: int = 200) -> bytes:
    return b"checkpoint %d\n" % size + b"s" * length


def head_file(path: Path) -> Path:
    return path / LEDGER.hex()


def stored(path: Path, *sizes: int, length: int = 200) -> Path:
    heads = HeadStore(path)
    for size in sizes:
        heads.store(LEDGER, size, root(size), note(size, length))
    heads.close()
    return head_file(path)


def test_what_was_stored_last_is_loaded_by_anybody(tmp_path: Path) -> None:
    heads = HeadStore(tmp_path / "deep" / "heads")
    assert heads.claim(LEDGER) is None
    for size in range(1, 8):
        heads.store(LEDGER, size, root(size), note(size))
        assert heads.load(LEDGER) == HeadStore(tmp_path / "deep" / "heads").load(LEDGER)
        assert heads.load(LEDGER) == (size, root(size), note(size))
    heads.close()
    again = HeadStore(tmp_path / "deep" / "heads")
    assert again.claim(LEDGER) == (7, root(7), note(7))
    again.store(LEDGER, 8, root(8), note(8))
    again.close()
    assert HeadStore(tmp_path / "deep" / "heads").load(LEDGER) == (8, root(8), note(8))


def test_loading_makes_nothing(tmp_path: Path) -> None:
    assert HeadStore(tmp_path / "heads").load(LEDGER) is None
    assert list(tmp_path.iterdir()) == []


def test_ledgers_are_kept_apart(tmp_path: Path) -> None:
    heads = HeadStore(tmp_path)
    other = bytes(32)
    heads.store(LEDGER, 9, root(9), note(9))
    heads.store(other, 2, root(2), note(2))
    heads.close()
    assert HeadStore(tmp_path).load(LEDGER) == (9, root(9), note(9))
    assert HeadStore(tmp_path).load(other) == (2, root(2), note(2))


def test_a_head_file_of_another_ledger_is_damage(tmp_path: Path) -> None:
    stored(tmp_path, 5).rename(tmp_path / bytes(32).hex())
    with pytest.raises(StoreError, match="damaged"):
        HeadStore(tmp_path).load(bytes(32))


@pytest.mark.parametrize("reopened", [False, True])
def test_backwards_and_sideways_are_refused_and_change_nothing(tmp_path: Path, reopened: bool) -> None:
    heads = HeadStore(tmp_path)
    heads.store(LEDGER, 10, root(10), note(10))
    if reopened:
        heads.close()
        heads = HeadStore(tmp_path)
    before = head_file(tmp_path).read_bytes()
    with pytest.raises(StoreError, match="already at size 10"):
        heads.store(LEDGER, 9, root(9), note(9))
    with pytest.raises(StoreError, match=f"already at size 10, root {root(10).hex()}.*root {root(11).hex()}"):
        heads.store(LEDGER, 10, root(11), note(10))
    assert head_file(tmp_path).read_bytes() == before
    heads.store(LEDGER, 10, root(10), b"the same tree, with more cosignatures")
    heads.close()
    assert HeadStore(tmp_path).load(LEDGER) == (10, root(10), b"the same tree, with more cosignatures")


def test_two_copies_of_one_ledger_cannot_both_be_written(tmp_path: Path) -> None:
    one, two = HeadStore(tmp_path), HeadStore(tmp_path)
    one.claim(LEDGER)
    with pytest.raises(Locked):
        two.claim(LEDGER)
    with pytest.raises(Locked):
        two.store(LEDGER, 1, root(1), note(1))
    one.close()
    two.store(LEDGER, 1, root(1), note(1))
    with pytest.raises(Locked):
        one.claim(LEDGER)
    two.close()


def test_every_flipped_byte_leaves_the_other_slot_or_is_dead_space(tmp_path: Path) -> None:
    file = stored(tmp_path, 6, 7)
    sound = file.read_bytes()
    newer, older = (7, root(7), note(7)), (6, root(6), note(6))
    assert HeadStore(tmp_path).load(LEDGER) == newer
    used = len(note(7)) + 92
    fell_back = 0
    for at in [*range(used + 20), *range(SLOT, SLOT + used + 20)]:
        file.write_bytes(sound[:at] + bytes([sound[at] ^ 0x40]) + sound[at + 1 :])
        head = HeadStore(tmp_path).load(LEDGER)
        assert head in (newer, older)
        fell_back += head == older
    assert fell_back == used


@pytest.mark.parametrize("damage", ["both", "empty", "short", "zeros"])
def test_a_file_without_a_whole_slot_is_never_taken_for_absent(tmp_path: Path, damage: str) -> None:
    file = stored(tmp_path, 6, 7)
    sound = file.read_bytes()
    images = {
        "both": sound[:100] + b"X" + sound[101:SLOT] + b"X" + sound[SLOT + 1 :],
        "empty": b"",
        "short": sound[:50],
        "zeros": bytes(len(sound)),
    }
    file.write_bytes(images[damage])
    heads = HeadStore(tmp_path)
    calls: list[Callable[[], object]] = [
        lambda: heads.load(LEDGER),
        lambda: heads.claim(LEDGER),
        lambda: heads.store(LEDGER, 8, root(8), note(8)),
    ]
    for call in calls:
        with pytest.raises(StoreError, match="neither of its two slots is whole"):
            call()
    assert file.read_bytes() == images[damage]


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(st.tuples(st.integers(1, 3), st.sampled_from([10, 200, 419, 421, 3000, MAX_CHECKPOINT - 20]))),
    torn_at=st.integers(0, SLOT),
)
def test_a_torn_write_leaves_the_head_before_it(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int]], torn_at: int
) -> None:
    path = tmp_path_factory.mktemp("heads")
    heads = HeadStore(path)
    size = 1
    heads.store(LEDGER, size, root(size), note(size))
    before = head_file(path).read_bytes()
    for step, length in steps:
        last = heads.load(LEDGER)
        size += step
        heads.store(LEDGER, size, root(size), note(size, length))
        after = head_file(path).read_bytes()
        changed = SLOT if before[:SLOT] == after[:SLOT] else 0
        torn = after[: changed + torn_at] + before[changed + torn_at :]
        head_file(path).write_bytes(torn)
        assert HeadStore(path).load(LEDGER) in (last, (size, root(size), note(size, length)))
        head_file(path).write_bytes(after)
        before = after
    heads.close()


def test_a_reader_beside_a_busy_writer_sees_whole_heads_that_only_grow(tmp_path: Path) -> None:
    heads = HeadStore(tmp_path)
    heads.store(LEDGER, 1, root(1), note(1))
    done, started = threading.Event(), threading.Event()
    seen: list[int] = []

    def read() -> None:
        reader = HeadStore(tmp_path)
        while not done.is_set():
            head = reader.load(LEDGER)
            assert head is not None
            assert head == (head.size, root(head.size), note(head.size))
            seen.append(head.size)
            started.set()

    thread = threading.Thread(target=read)
    thread.start()
    assert started.wait(60)
    for size in range(2, 3000):
        heads.store(LEDGER, size, root(size), note(size))
    done.set()
    thread.join()
    heads.close()
    assert seen == sorted(seen)


def test_bounds_are_checked_before_anything_is_written(tmp_path: Path) -> None:
    heads = HeadStore(tmp_path / "heads")
    with pytest.raises(UsageError, match="32 bytes"):
        heads.store(LEDGER[:31], 1, root(1), note(1))
    with pytest.raises(UsageError, match="root"):
        heads.store(LEDGER, 1, root(1)[:31], note(1))
    with pytest.raises(UsageError, match="checkpoint"):
        heads.store(LEDGER, 1, root(1), bytes(MAX_CHECKPOINT + 1))
    assert heads.load(LEDGER) is None
    heads.store(LEDGER, 1, root(1), bytes(MAX_CHECKPOINT))
    heads.close()
    assert HeadStore(tmp_path / "heads").load(LEDGER) == (1, root(1), bytes(MAX_CHECKPOINT))


def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    stored(tmp_path / "a" / "heads", 1)
    for path in (tmp_path / "a", tmp_path / "a" / "heads"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    for path in (tmp_path / "a" / "heads").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_forked_child_cannot_store(tmp_path: Path) -> None:
    script = """
import os, sys
from creditledger.errors import StoreError
from creditledger.store.head import HeadStore
heads = HeadStore(sys.argv[1])
heads.store(bytes(32), 1, bytes(32), b"note")
child = os.fork()
if child == 0:
    try:
        heads.store(bytes(32), 2, bytes(32), b"note")
    except StoreError as error:
        os._exit(7 if "before a fork" in str(error) else 2)
    os._exit(1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), heads.load(bytes(32)).size)
"""
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert done.stdout == "7 1\n", done.stderr


def test_the_default_directory_follows_the_xdg_specification() -> None:
    assert default_head_dir({"XDG_STATE_HOME": "/s", "HOME": "/h"}) == Path("/s/creditledger/heads")
    assert default_head_dir({"HOME": "/h"}) == Path("/h/.local/state/creditledger/heads")
    assert default_head_dir({"XDG_STATE_HOME": "relative", "HOME": "/h"}) == Path("/h/.local/state/creditledger/heads")
    with pytest.raises(UsageError, match="HOME is not set"):
        default_head_dir({})


# -- the seal beside the head -------------------------------------------------------------------------------------


def test_a_seal_is_kept_beside_the_head_and_leaves_it_alone(tmp_path: Path) -> None:
    heads = HeadStore(tmp_path)
    assert heads.sealed(LEDGER) is None
    heads.store(LEDGER, 1, root(1), note(1))
    assert heads.sealed(LEDGER) is None
    for seal in (b"first", b"", bytes(MAX_SEAL), b"last"):
        heads.seal(LEDGER, seal)
        heads.store(LEDGER, 2, root(2), note(2))
        assert heads.sealed(LEDGER) == HeadStore(tmp_path).sealed(LEDGER) == seal
        assert HeadStore(tmp_path).load(LEDGER) == (2, root(2), note(2))
    heads.close()
    assert HeadStore(tmp_path).sealed(LEDGER) == b"last"


def test_a_seal_fits_into_one_sector(tmp_path: Path) -> None:
    """So it cannot be torn."""
    heads = HeadStore(tmp_path)
    heads.store(LEDGER, 1, root(1), note(1))
    heads.seal(LEDGER, bytes(MAX_SEAL))
    heads.close()
    assert head_file(tmp_path).stat().st_size == 2 * SLOT + SECTOR
    with pytest.raises(UsageError, match="up to"):
        heads.seal(LEDGER, bytes(MAX_SEAL + 1))


def test_a_seal_without_a_head_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="store the head first"):
        HeadStore(tmp_path).seal(LEDGER, b"seal")


def test_every_flipped_byte_of_a_seal_makes_it_none(tmp_path: Path) -> None:
    heads = HeadStore(tmp_path)
    heads.store(LEDGER, 1, root(1), note(1))
    heads.seal(LEDGER, b"some seal")
    heads.close()
    sound = head_file(tmp_path).read_bytes()
    used = 8 + 2 + len(b"some seal") + 32
    for at in range(2 * SLOT, 2 * SLOT + used):
        head_file(tmp_path).write_bytes(sound[:at] + bytes([sound[at] ^ 0x40]) + sound[at + 1 :])
        assert HeadStore(tmp_path).sealed(LEDGER) is None
    for length in (2 * SLOT, 2 * SLOT + 9, 2 * SLOT + used - 1):
        head_file(tmp_path).write_bytes(sound[:length])
        assert HeadStore(tmp_path).sealed(LEDGER) is None
        assert HeadStore(tmp_path).load(LEDGER) == (1, root(1), note(1))


def test_a_seal_of_another_ledger_is_none(tmp_path: Path) -> None:
    heads = HeadStore(tmp_path)
    heads.store(LEDGER, 1, root(1), note(1))
    heads.seal(LEDGER, b"some seal")
    heads.close()
    other = bytes(32)
    (tmp_path / other.hex()).write_bytes(head_file(tmp_path).read_bytes())
    assert HeadStore(tmp_path).sealed(other) is None
