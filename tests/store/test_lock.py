"""One writer per ledger: across processes, within one process, and through kills and forks."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from creditledger.errors import Locked, StoreError
from creditledger.store.lock import WriterLock

HOLD = """
import sys
from creditledger.store.lock import WriterLock
lock = WriterLock(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


def hold_elsewhere(path: Path) -> subprocess.Popen[str]:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def end(holder: subprocess.Popen[str], number: int) -> None:
    holder.send_signal(number)
    holder.communicate(timeout=30)


def test_a_second_process_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    holder = hold_elsewhere(tmp_path / "lock")
    try:
        with pytest.raises(Locked, match=f"process {holder.pid}") as refused:
            WriterLock(tmp_path / "lock")
        assert refused.value.exit_code == 11
    finally:
        end(holder, signal.SIGTERM)


def test_the_kernel_releases_the_lock_of_a_killed_process(tmp_path: Path) -> None:
    end(hold_elsewhere(tmp_path / "lock"), signal.SIGKILL)
    with WriterLock(tmp_path / "lock") as lock:
        assert lock.held
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_a_second_writer_in_the_same_process_is_refused_in_every_thread(tmp_path: Path) -> None:
    refusals: list[str] = []

    def attempt() -> None:
        with pytest.raises(Locked) as refused:
            WriterLock(tmp_path / "lock")
        refusals.append(str(refused.value))

    with WriterLock(tmp_path / "lock"):
        attempt()
        thread = threading.Thread(target=attempt)
        thread.start()
        thread.join()
    assert len(refusals) == 2
    assert all("this process itself" in refusal for refusal in refusals)


def test_a_released_lock_is_free_and_release_may_be_repeated(tmp_path: Path) -> None:
    lock = WriterLock(tmp_path / "lock")
    lock.release()
    lock.release()
    assert not lock.held
    with WriterLock(tmp_path / "lock") as other:
        lock.release()
        assert other.held
        with pytest.raises(Locked):
            WriterLock(tmp_path / "lock")


def test_a_forked_child_neither_has_the_lock_nor_keeps_it(tmp_path: Path) -> None:
    script = """
import os, sys
from creditledger.store.lock import WriterLock
lock = WriterLock(sys.argv[1])
ready, tell = os.pipe()
if os.fork() == 0:
    os.write(tell, b"0" if lock.held else b"1")
    os.close(1)
    sys.stdin.read()
    os._exit(0)
print(os.read(ready, 1).decode(), flush=True)
os._exit(0)
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    assert parent.stdout.read() == "1\n"
    assert parent.wait(timeout=30) == 0
    WriterLock(tmp_path / "lock").release()  # The child still lives: it reads from the pipe that is open here.
    parent.communicate()


def test_the_file_is_for_its_owner_only_and_stays(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        WriterLock(tmp_path / "lock").release()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "lock").stat().st_mode) == 0o600


def test_a_lock_file_that_cannot_be_opened_is_a_store_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="does not exist"):
        WriterLock(tmp_path / "absent" / "lock")
