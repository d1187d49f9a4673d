"""What only the LMDB engine has: files, modes, forks, damage, and the settings under which it is durable."""

from __future__ import annotations

import os
import random
import resource
import shutil
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import lmdb
import pytest

from creditledger.errors import NoLedger, StoreError
from creditledger.store.lmdb_engine import LmdbEngine, file_stamp, probe

TABLES = ("log", "state")


def fill(path: Path, rows: int = 300) -> None:
    engine = LmdbEngine.open(path, TABLES, create=True)
    with engine.batch() as batch:
        batch.append_many("log", [(index.to_bytes(8, "big"), b"record %d" % index * 9) for index in range(rows)])
    engine.close()


def run(script: str, *arguments: object) -> str:
    """Run a script in a process of its own and return what it prints."""
    command = [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_files_are_for_their_owner_only_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        fill(tmp_path / "deep" / "store")
    finally:
        os.umask(before)
    for path in (tmp_path / "deep", tmp_path / "deep" / "store"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    for name in ("data.mdb", "lock.mdb"):
        assert stat.S_IMODE((tmp_path / "deep" / "store" / name).stat().st_mode) == 0o600


def test_opening_what_is_not_there_is_no_ledger_and_makes_nothing(tmp_path: Path) -> None:
    for readonly in (False, True):
        with pytest.raises(NoLedger, match="no store at"):
            LmdbEngine.open(tmp_path / "absent", TABLES, readonly=readonly)
    with pytest.raises(NoLedger):
        LmdbEngine.open(tmp_path, TABLES)
    assert list(tmp_path.iterdir()) == []


def test_creating_over_a_store_is_refused(tmp_path: Path) -> None:
    fill(tmp_path / "store")
    with pytest.raises(StoreError, match="there already"):
        LmdbEngine.open(tmp_path / "store", TABLES, create=True)


def test_a_creation_that_was_interrupted_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "store.new").mkdir()
    (tmp_path / "store.new" / "data.mdb").write_bytes(b"half")
    (tmp_path / "store").mkdir()
    fill(tmp_path / "store")
    assert [file.name for file in tmp_path.iterdir()] == ["store"]


def test_creating_in_a_directory_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "thesis.txt").write_text("nine years of work")
    with pytest.raises(StoreError, match="cannot create"):
        LmdbEngine.open(tmp_path / "store", TABLES, create=True)
    assert (tmp_path / "store" / "thesis.txt").read_text() == "nine years of work"


def test_a_table_that_is_missing_is_named(tmp_path: Path) -> None:
    fill(tmp_path / "store")
    for readonly in (False, True):
        with pytest.raises(StoreError, match="lacks one of the tables log, other"):
            LmdbEngine.open(tmp_path / "store", ("log", "other"), readonly=readonly)


def test_the_format_is_lmdb_0_9_whatever_the_environment_says(tmp_path: Path) -> None:
    script = """
        import sys
        from creditledger.store.lmdb_engine import LmdbEngine
        LmdbEngine.open(sys.argv[1], ("log",), create=True).close()
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(tmp_path / "store")]
    subprocess.run(command, check=True, env={**os.environ, "LMDB_DEFAULT_LIB_VERSION": "1"}, timeout=60)
    head = (tmp_path / "store" / "data.mdb").read_bytes()[:24]
    assert head[16:24] == bytes.fromhex("dec0efbe01000000")  # Magic, then data version 1.


def test_a_file_of_lmdb_1_is_refused(tmp_path: Path) -> None:
    lmdb.open(str(tmp_path / "new"), lib_version=1).close()
    with pytest.raises(StoreError, match=r"damaged or not a file of LMDB 0\.9"):
        LmdbEngine.open(tmp_path / "new", TABLES)


def test_the_log_is_opened_with_full_sync_and_without_a_writable_map(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = []
    real = lmdb.open

    def spy(*args: object, **kwargs: object) -> lmdb.Environment:
        env = real(*args, **kwargs)  # type: ignore[arg-type]  # The arguments are passed on as they came.
        flags.append(env.flags())
        assert env.max_readers() == 1024
        return env

    monkeypatch.setattr(lmdb, "open", spy)
    LmdbEngine.open(tmp_path / "log", TABLES, create=True).close()
    LmdbEngine.open(tmp_path / "state", TABLES, create=True, sync=False).close()
    assert [opened["sync"] for opened in flags] == [True, True, True, False]  # Each is created, then opened.
    assert all(opened["metasync"] and opened["lock"] for opened in flags)
    assert not any(opened["writemap"] or opened["map_async"] for opened in flags)


def test_the_large_map_takes_no_disk(tmp_path: Path) -> None:
    fill(tmp_path / "store")
    engine = LmdbEngine.open(tmp_path / "store", TABLES)
    data = tmp_path / "store" / "data.mdb"
    assert engine.size_bytes() == data.stat().st_size < 200_000
    engine.close()


def test_a_second_opening_in_one_process_is_refused(tmp_path: Path) -> None:
    fill(tmp_path / "store")
    engine = LmdbEngine.open(tmp_path / "store", TABLES)
    with pytest.raises(StoreError, match="already open"):
        LmdbEngine.open(tmp_path / "store", TABLES)
    engine.close()
    LmdbEngine.open(tmp_path / "store", TABLES).close()


def test_read_only_refuses_to_write(tmp_path: Path) -> None:
    fill(tmp_path / "store")
    engine = LmdbEngine.open(tmp_path / "store", TABLES, readonly=True)
    with pytest.raises(StoreError, match="opened read-only"), engine.batch():
        pass
    with engine.snapshot() as snapshot:
        assert snapshot.count("log") == 300
    engine.close()


def make_lock_unwritable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Say about every path what a read-only medium says (the tests may run as root, who may write everywhere)."""
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)


def test_a_read_only_medium_is_read_without_a_lock_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path / "store")
    (tmp_path / "store" / "lock.mdb").unlink()
    make_lock_unwritable(monkeypatch)
    engine = LmdbEngine.open(tmp_path / "store", TABLES, readonly=True)
    with engine.snapshot() as snapshot:
        assert snapshot.count("log") == 300
    engine.close()
    assert not (tmp_path / "store" / "lock.mdb").exists()


def test_reading_without_a_lock_notices_a_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path / "store")
    make_lock_unwritable(monkeypatch)
    engine = LmdbEngine.open(tmp_path / "store", TABLES, readonly=True)
    write = """
        import sys
        from creditledger.store.lmdb_engine import LmdbEngine
        engine = LmdbEngine.open(sys.argv[1], ("log", "state"))
        with engine.batch() as batch:
            batch.put("state", b"k", b"v")
        engine.close()
    """
    with pytest.raises(StoreError, match="discard what was read"), engine.snapshot():
        run(write, tmp_path / "store")
    with engine.snapshot() as snapshot:
        assert snapshot.get("state", b"k") == b"v"
    engine.close()


def test_use_after_a_fork_is_refused_and_leaves_the_parent_alone(tmp_path: Path) -> None:
    fill(tmp_path / "store")
    script = """
        import os, sys
        from creditledger.errors import StoreError
        from creditledger.store.lmdb_engine import LmdbEngine

        engine = LmdbEngine.open(sys.argv[1], ("log", "state"))

        def refused(call):
            try:
                with call():
                    return False
            except StoreError as error:
                return "before a fork" in str(error)

        try:
            with engine.batch() as batch, engine.snapshot() as snapshot:
                batch.put("state", b"k", b"v")
                child = os.fork()
                if child == 0:
                    assert refused(engine.snapshot) and refused(engine.batch)
                else:
                    _, status = os.waitpid(child, 0)
                    assert snapshot.count("log") == 300
        except StoreError as error:
            engine.close()
            os._exit(7 if child == 0 and "only the parent" in str(error) else 1)
        if child == 0:
            os._exit(1)
        with engine.snapshot() as snapshot:
            print(os.waitstatus_to_exitcode(status), snapshot.get("state", b"k"))
        engine.close()
    """
    assert run(script, tmp_path / "store") == "7 b'v'"


def test_a_forked_child_that_ends_a_snapshot_leaves_the_parents_alone(tmp_path: Path) -> None:
    """Ending it would free the parent's slot, and the parent would read pages that the writer has used again."""
    fill(tmp_path / "store")
    script = """
        import os, sys
        from creditledger.store.lmdb_engine import LmdbEngine

        engine = LmdbEngine.open(sys.argv[1], ("log", "state"))
        with engine.snapshot() as snapshot:
            before = list(snapshot.range("log"))
            child = os.fork()
            if child:
                os.waitpid(child, 0)
                for turn in range(30):
                    with engine.batch() as batch:
                        batch.put_many("log", [(key, b"%d" % turn * 50) for key, _ in before])
                print(list(snapshot.range("log")) == before)
        if child == 0:
            os._exit(0)
        engine.close()
    """
    assert run(script, tmp_path / "store") == "True"


def test_a_full_map_loses_only_the_batch(tmp_path: Path) -> None:
    engine = LmdbEngine.open(tmp_path / "store", TABLES, create=True, map_size=1 << 20)
    with engine.batch() as batch:
        batch.put("state", b"k", b"v")
    with pytest.raises(StoreError, match="larger map_size"), engine.batch() as batch:
        batch.put_many("log", [(index.to_bytes(8, "big"), b"x" * 1000) for index in range(2000)])
    assert not engine.poisoned
    with engine.snapshot() as snapshot:
        assert (snapshot.count("log"), snapshot.get("state", b"k")) == (0, b"v")
    engine.close()
    engine = LmdbEngine.open(tmp_path / "store", TABLES)
    with engine.batch() as batch:
        batch.put_many("log", [(index.to_bytes(8, "big"), b"x" * 1000) for index in range(2000)])
    engine.close()


def test_a_map_that_another_process_made_larger_is_followed(tmp_path: Path) -> None:
    fill(tmp_path / "store", rows=1)
    engine = LmdbEngine.open(tmp_path / "store", TABLES, map_size=1 << 20)
    grow = """
        import sys
        from creditledger.store.lmdb_engine import LmdbEngine
        engine = LmdbEngine.open(sys.argv[1], ("log", "state"), map_size=1 << 24)
        with engine.batch() as batch:
            batch.put("state", b"k", b"x" * (1 << 22))
        engine.close()
    """
    run(grow, tmp_path / "store")
    with engine.snapshot() as snapshot:
        assert snapshot.get("state", b"k") == b"x" * (1 << 22)
    with engine.batch() as batch:
        batch.put("state", b"k", b"short")
    engine.close()


def test_a_full_disk_poisons_says_so_and_the_next_opening_recovers(tmp_path: Path) -> None:
    fill(tmp_path / "store")
    engine = LmdbEngine.open(tmp_path / "store", TABLES)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, ((tmp_path / "store" / "data.mdb").stat().st_size, limit[1]))
    try:
        with pytest.raises(StoreError, match=r"cannot commit to .*the file may not grow"), engine.batch() as batch:
            batch.put("state", b"k", b"x" * 1_000_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert engine.poisoned
    with pytest.raises(StoreError, match="close it and open it again"), engine.batch():
        pass
    engine.close()
    probe(tmp_path / "store")
    engine = LmdbEngine.open(tmp_path / "store", TABLES)
    with engine.batch() as batch:
        assert batch.count("log") == 300
        assert batch.get("state", b"k") is None
        batch.put("state", b"k", b"x" * 1_000_000)
    engine.close()


def test_closing_under_a_snapshot_ends_it_cleanly(tmp_path: Path) -> None:
    fill(tmp_path / "store")
    engine = LmdbEngine.open(tmp_path / "store", TABLES)
    with engine.snapshot() as snapshot:
        engine.close()
        with pytest.raises(StoreError, match="is over"):
            snapshot.get("log", bytes(8))


def test_slots_of_killed_readers_are_freed_at_open(tmp_path: Path) -> None:
    fill(tmp_path / "store")
    read_and_die = """
        import os, sys
        from creditledger.store.lmdb_engine import LmdbEngine
        engine = LmdbEngine.open(sys.argv[1], ("log", "state"), readonly=True)
        with engine.snapshot():
            os.kill(os.getpid(), 9)
    """
    command = [sys.executable, "-c", textwrap.dedent(read_and_die), str(tmp_path / "store")]
    holder = LmdbEngine.open(tmp_path / "store", TABLES)  # Without it, the next opening starts a new lock file.
    assert subprocess.run(command, timeout=60).returncode == -9
    count_slots = """
        import sys, lmdb
        from creditledger.store.lmdb_engine import LmdbEngine
        opened = []
        real = lmdb.open
        lmdb.open = lambda *args, **kwargs: opened.append(real(*args, **kwargs)) or opened[0]
        engine = LmdbEngine.open(sys.argv[1], ("log", "state"))
        print(opened[0].reader_check())
        engine.close()
    """
    assert run(count_slots, tmp_path / "store") == "0"
    holder.close()


def test_probe_passes_a_sound_file_and_names_no_ledger(tmp_path: Path) -> None:
    fill(tmp_path / "store")
    probe(tmp_path / "store")
    with pytest.raises(NoLedger):
        probe(tmp_path / "absent")


def read_all(path: Path) -> list[list[tuple[bytes, bytes]]]:
    engine = LmdbEngine.open(path, TABLES, readonly=True)
    try:
        with engine.snapshot() as snapshot:
            return [list(snapshot.range(table)) for table in TABLES]
    finally:
        engine.close()


@pytest.fixture
def sound(tmp_path: Path) -> bytes:
    """The data file of a store of some 100 pages; `tmp_path / "copy"` is a place to damage it in."""
    fill(tmp_path / "store", rows=2000)
    shutil.copytree(tmp_path / "store", tmp_path / "copy")
    return (tmp_path / "store" / "data.mdb").read_bytes()


def give_back(path: Path) -> int:
    """Commit batches that take pages at the end of the file and give them back; return the bytes that are counted."""
    engine = LmdbEngine.open(path, TABLES)
    for turn in range(1, 5):
        with engine.batch() as batch:
            batch.put_many("state", [(b"%d" % number, bytes(10_000 * turn)) for number in range(40)])
            for number in range(40):
                batch.delete("state", b"%d" % number)
    counted = engine.size_bytes()
    engine.close()
    return counted


@pytest.mark.parametrize("readonly", [False, True])
def test_pages_taken_and_given_back_do_not_make_a_sound_file_look_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, readonly: bool
) -> None:
    fill(tmp_path / "store")
    data = tmp_path / "store" / "data.mdb"
    expected = read_all(tmp_path / "store")
    with monkeypatch.context() as patch:  # As if the process had been killed right after its commit.
        patch.setattr(LmdbEngine, "_lengthen", lambda engine: None)
        assert data.stat().st_size < give_back(tmp_path / "store")
    LmdbEngine.open(tmp_path / "store", TABLES, readonly=readonly).close()
    assert read_all(tmp_path / "store") == expected
    assert give_back(tmp_path / "store") == data.stat().st_size


def test_a_cut_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    fill(tmp_path / "store", rows=2000)
    data = tmp_path / "store" / "data.mdb"
    sound = data.read_bytes()
    for kept in (len(sound) - 1, len(sound) - 4096, len(sound) // 2, 3 * 4096):
        data.write_bytes(sound[:kept])
        for readonly in (False, True):
            with pytest.raises(StoreError, match=f"was cut to {kept} of {len(sound)} bytes"):
                LmdbEngine.open(tmp_path / "store", TABLES, readonly=readonly)
    data.write_bytes(sound)
    assert len(read_all(tmp_path / "store")[0]) == 2000


@pytest.mark.parametrize("image", ["empty", "cut-in-half", "not-lmdb", "zeros", "meta-0-zero", "meta-1-zero"])
def test_probe_finds_gross_damage(tmp_path: Path, sound: bytes, image: str) -> None:
    damaged = {
        "empty": b"",
        "cut-in-half": sound[: len(sound) // 2],
        "not-lmdb": b"not LMDB at all" * 1000,
        "zeros": bytes(len(sound)),
        "meta-0-zero": bytes(4096) + sound[4096:],
        "meta-1-zero": sound[:4096] + bytes(4096) + sound[8192:],
    }
    (tmp_path / "copy" / "data.mdb").write_bytes(damaged[image])
    with pytest.raises(StoreError, match="damaged"):
        probe(tmp_path / "copy")


def test_every_page_that_is_lost_is_found_or_was_free(tmp_path: Path, sound: bytes) -> None:
    target = tmp_path / "copy"
    expected = read_all(target)
    free = 0
    for at in range(8192, len(sound), 4096):
        (target / "data.mdb").write_bytes(sound[:at] + bytes(4096) + sound[at + 4096 :])
        try:
            probe(target)
        except StoreError:
            continue
        free += 1
        assert read_all(target) == expected
    assert free < 10


def test_what_probe_passes_can_be_opened_and_read(tmp_path: Path, sound: bytes) -> None:
    """Flips hit values too, which are not structure; what matters is that no flip ends the process."""
    target = tmp_path / "copy"
    rng = random.Random(5)
    passed = 0
    for _ in range(400):
        page = 4096 * rng.randrange(len(sound) // 4096)
        at = page + rng.randrange(rng.choice((32, 256, 4096)))  # Mostly headers and pointers.
        (target / "data.mdb").write_bytes(sound[:at] + bytes([sound[at] ^ 1 << rng.randrange(8)]) + sound[at + 1 :])
        try:
            probe(target)
        except StoreError:
            continue
        passed += 1
        read_all(target)
    assert 0 < passed < 400


# -- a store with one writer ----------------------------------------------------------------------------------------

INTRUDER = """
import sys
from creditledger.store.lmdb_engine import LmdbEngine
engine = LmdbEngine.open(sys.argv[1], ("log", "state"))
with engine.batch() as batch:
    batch.put("state", b"somebody", b"else")
engine.close()
"""


READER = """
import sys
from creditledger.store.lmdb_engine import LmdbEngine
LmdbEngine.open(sys.argv[1], ("log", "state"), readonly=True).close()
"""


def test_a_sole_writer_goes_on_after_its_own_commits_empty_ones_and_dropped_ones(tmp_path: Path) -> None:
    fill(tmp_path / "store")
    engine = LmdbEngine.open(tmp_path / "store", TABLES, sole=True)
    for number in range(20):
        if number % 3 == 0:
            with engine.batch():
                pass
        if number % 4 == 0:
            with pytest.raises(StoreError, match="out of order"), engine.batch() as batch:
                batch.append("log", b"\0", b"dropped")
        with engine.batch() as batch:
            batch.put("state", b"number", bytes([number]))
        with engine.snapshot() as snapshot:
            assert snapshot.get("state", b"number") == bytes([number])
        if number == 7:
            run(READER, tmp_path / "store")
    assert not engine.intruded
    engine.close()


@pytest.mark.parametrize("write", [False, True])
def test_a_sole_writer_stops_after_a_commit_by_somebody_else(tmp_path: Path, write: bool) -> None:
    fill(tmp_path / "store")
    engine = LmdbEngine.open(tmp_path / "store", TABLES, sole=True)
    run(INTRUDER, tmp_path / "store")
    for _ in range(2):
        with pytest.raises(StoreError, match="changed by someone else"), engine.batch() if write else engine.snapshot():
            pass
        assert engine.intruded
    engine.close()
    again = LmdbEngine.open(tmp_path / "store", TABLES, sole=True)
    with again.batch() as batch:
        assert batch.get("state", b"somebody") == b"else"
    again.close()


def test_a_stamp_changes_with_every_commit_and_with_nothing_else(tmp_path: Path) -> None:
    fill(tmp_path / "store")
    engine = LmdbEngine.open(tmp_path / "store", TABLES, sole=True, sync=False)
    stamps = [engine.stamp()]
    for number in range(5):
        with engine.batch() as batch:
            batch.put("state", b"number", bytes([number]))
        stamps.append(engine.stamp())
        engine.sync()
        with engine.snapshot() as snapshot:
            assert snapshot.count("log") == 300
        assert engine.stamp() == stamps[-1]
    assert len(set(stamps)) == len(stamps)
    engine.close()
    reopened = LmdbEngine.open(tmp_path / "store", TABLES, sole=True, sync=False)
    assert reopened.stamp() == stamps[-1]
    reopened.close()


def test_a_stamp_tells_bytes_that_were_put_back_with_their_time(tmp_path: Path) -> None:
    fill(tmp_path / "store")
    engine = LmdbEngine.open(tmp_path / "store", TABLES)
    stamp = engine.stamp()
    data = tmp_path / "store" / "data.mdb"
    found = data.stat()
    with data.open("r+b") as file:
        file.write(b"\0")
    os.utime(data, ns=(found.st_atime_ns, found.st_mtime_ns))
    changed = engine.stamp()
    assert changed != stamp
    assert changed._replace(ctime_ns=stamp.ctime_ns) == stamp
    engine.close()
    data.unlink()
    with pytest.raises(StoreError, match="cannot look at"):
        file_stamp(data, 0)


@pytest.mark.parametrize("name", ["data.mdb", "lock.mdb"])
def test_a_store_with_a_link_or_a_pipe_is_refused_and_nothing_is_written_through_it(tmp_path: Path, name: str) -> None:
    store, victim = tmp_path / "store", tmp_path / "victim"
    fill(store)
    victim.write_bytes((store / name).read_bytes() if name == "data.mdb" else b"mine")
    kept = victim.read_bytes()
    for kind in ("link", "pipe"):
        (store / name).unlink()
        if kind == "link":
            (store / name).symlink_to(victim)
        else:
            os.mkfifo(store / name)
        for readonly in (True, False):
            with pytest.raises(StoreError, match="no regular file"):
                LmdbEngine.open(store, TABLES, readonly=readonly)
    assert victim.read_bytes() == kept
