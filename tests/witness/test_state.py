"""The memory of a witness: it survives what kills the process, and is refused when it is not the newest and whole."""

from __future__ import annotations

import errno
import shutil
import tempfile
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from crash.conftest import made_shim
from crash.harness import Fault, faults, kills, power_cuts
from creditledger.errors import Locked, NoLedger, StoreError
from creditledger.store.head import HeadStore
from creditledger.store.lmdb_engine import LmdbEngine
from creditledger.witness.state import Seen, WitnessState, identity
from witness.toylog import NOW, ORIGIN, SEED, ToyLog, bench, open_state

SCENARIO = "witness.state_scenario"
LOG = ToyLog()


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that records and fails calls (see crash.conftest)."""
    return made_shim(tmp_path_factory.mktemp("shim"))


@pytest.fixture
def directory() -> Iterator[Path]:
    """A place in memory where there is one."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as path:
        yield Path(path)


def test_no_power_cut_makes_a_witness_forget(directory: Path, shim: Path) -> None:
    report = power_cuts(SCENARIO, directory, shim=shim, seed=1, states=60)
    assert report.examined == 60
    assert report.bad == []


def test_losses_on_a_disk_that_lies_are_found(directory: Path, shim: Path) -> None:
    """The control: otherwise the test above would prove nothing."""
    assert len(power_cuts(SCENARIO, directory, shim=shim, seed=2, states=40, lying=0.7).bad) > 5


def test_what_was_answered_outlives_kill_9(directory: Path) -> None:
    report = kills(SCENARIO, directory, seed=3, rounds=4)
    assert report.examined == 4
    assert report.bad == []


def test_no_failing_write_or_sync_makes_a_witness_forget(directory: Path, shim: Path) -> None:
    matrix = [
        *(Fault("W", nth, 1, error, "data.mdb") for nth in (1, 3, 6, 9, 13) for error in (errno.EIO, errno.ENOSPC, 0)),
        *(Fault("S", nth, 1, errno.EIO, "data.mdb") for nth in range(1, 8)),
        Fault("W", 14, 1 << 30, errno.ENOSPC, "data.mdb"),
    ]
    report = faults(SCENARIO, directory, shim=shim, seed=4, matrix=matrix)
    assert report.examined == len(matrix)
    assert report.bad == []


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(10, 13))
def test_long_campaign(directory: Path, shim: Path, seed: int) -> None:
    for name in ("cuts", "kills", "faults"):
        (directory / name).mkdir()
    assert power_cuts(SCENARIO, directory / "cuts", shim=shim, seed=seed, states=1000).bad == []
    assert kills(SCENARIO, directory / "kills", seed=seed, rounds=20).bad == []
    matrix = [Fault("W", nth, 1, error, "data.mdb") for nth in range(1, 60) for error in (errno.EIO, 0)]
    assert faults(SCENARIO, directory / "faults", shim=shim, seed=seed, matrix=matrix).bad == []


def grown(place: Path, *sizes: int) -> None:
    """Lets a new witness cosign the log at these sizes."""
    old = 0
    with bench(place, create=not (place / "witness").exists()) as witness:
        old = witness.size_of(LOG) or 0
        for size in sizes:
            assert witness.add(LOG.request(old, size)).status == 200
            old = size


def test_a_witness_goes_on_where_it_was(tmp_path: Path) -> None:
    grown(tmp_path, 3, 5)
    grown(tmp_path, 9)
    with bench(tmp_path, create=False) as witness:
        assert witness.size_of(LOG) == 9
        assert witness.add(LOG.request(0, 12)).body == b"9\n"


def test_without_a_state_nobody_starts_at_0_unasked(tmp_path: Path) -> None:
    with pytest.raises(NoLedger, match="--new"):
        open_state(tmp_path)
    assert not (tmp_path / "witness").exists()


def test_a_state_that_is_lost_is_not_made_anew_for_the_same_key(tmp_path: Path) -> None:
    grown(tmp_path, 3)
    shutil.rmtree(tmp_path / "witness")
    with pytest.raises(StoreError, match="cannot start anew"):
        open_state(tmp_path, create=True)
    with WitnessState.open(
        tmp_path / "witness", heads=HeadStore(tmp_path / "heads"), identities=[identity(b"another")], create=True
    ):
        pass


def test_a_state_is_not_made_where_one_is(tmp_path: Path) -> None:
    grown(tmp_path, 3)
    with pytest.raises(StoreError, match="without --new"):
        open_state(tmp_path, create=True)


def test_an_old_copy_is_refused(tmp_path: Path) -> None:
    grown(tmp_path, 3)
    shutil.copytree(tmp_path / "witness", tmp_path / "backup")
    grown(tmp_path, 5)
    shutil.rmtree(tmp_path / "witness")
    shutil.move(tmp_path / "backup", tmp_path / "witness")
    with pytest.raises(StoreError, match=r"the witness's state in .* is an old copy"):
        open_state(tmp_path)


def test_of_two_copies_only_one_goes_on(tmp_path: Path) -> None:
    grown(tmp_path, 3)
    shutil.copytree(tmp_path / "witness", tmp_path / "twin" / "witness")
    with open_state(tmp_path), pytest.raises(Locked):
        open_state(tmp_path / "twin", heads=tmp_path / "heads")
    grown(tmp_path, 5)
    with pytest.raises(StoreError, match=r"the witness's state in .* is an old copy"):
        open_state(tmp_path / "twin", heads=tmp_path / "heads")


def test_two_copies_that_went_on_equally_far_are_told_apart(tmp_path: Path) -> None:
    grown(tmp_path, 3)
    shutil.copytree(tmp_path, tmp_path / "twin")
    grown(tmp_path, 5)
    grown(tmp_path / "twin", 6)
    with pytest.raises(StoreError, match=r"the witness's state in .* another copy was written to"):
        open_state(tmp_path / "twin", heads=tmp_path / "heads")


def test_one_process_at_a_time(tmp_path: Path) -> None:
    with open_state(tmp_path, create=True), pytest.raises(Locked):
        open_state(tmp_path, heads=tmp_path / "other heads")


def test_a_key_that_is_added_later_is_remembered_from_then_on(tmp_path: Path) -> None:
    grown(tmp_path, 3)
    both = [identity(SEED), identity(b"later")]
    heads = tmp_path / "heads"
    with WitnessState.open(tmp_path / "witness", heads=HeadStore(heads), identities=both):
        pass
    shutil.rmtree(tmp_path / "witness")
    with pytest.raises(StoreError, match="cannot start anew"):
        WitnessState.open(tmp_path / "witness", heads=HeadStore(heads), identities=both[1:], create=True)


def keep(row: Seen, _seen: Seen | None) -> Seen:
    """The judgement that always comes to this."""
    return row


def rows(place: Path) -> LmdbEngine:
    return LmdbEngine.open(place / "witness" / "state", ("logs", "head", "contradictions"))


@pytest.mark.parametrize("table", ["logs", "head"])
@pytest.mark.parametrize("at", [0, 31, 32, 40, -1])
def test_a_flipped_bit_is_refused(tmp_path: Path, table: str, at: int) -> None:
    grown(tmp_path, 3)
    engine = rows(tmp_path)
    with engine.batch() as batch:
        ((key, value),) = list(batch.range(table))
        changed = bytearray(value)
        changed[at] ^= 1
        batch.put(table, key, bytes(changed))
    engine.close()
    with pytest.raises(StoreError, match="damaged"):
        open_state(tmp_path)
    with pytest.raises(StoreError, match="damaged"):
        WitnessState.open_readonly(tmp_path / "witness")


@pytest.mark.parametrize("table", ["logs", "head"])
def test_a_row_that_is_gone_is_refused(tmp_path: Path, table: str) -> None:
    grown(tmp_path, 3)
    engine = rows(tmp_path)
    with engine.batch() as batch:
        batch.clear(table)
    engine.close()
    with pytest.raises(StoreError, match="damaged"):
        open_state(tmp_path)


def test_a_row_under_another_logs_name_is_refused(tmp_path: Path) -> None:
    grown(tmp_path, 3)
    engine = rows(tmp_path)
    with engine.batch() as batch:
        ((_, value),) = list(batch.range("logs"))
        batch.clear("logs")
        batch.put("logs", bytes(32), value)
    engine.close()
    with pytest.raises(StoreError, match="damaged"):
        open_state(tmp_path)


@pytest.mark.parametrize("cut", [0, 100, 5000, 20000])
def test_a_file_that_was_cut_is_refused(tmp_path: Path, cut: int) -> None:
    grown(tmp_path, 3)
    file = tmp_path / "witness" / "state" / "data.mdb"
    with file.open("r+b") as opened:
        opened.truncate(cut)
    with pytest.raises(StoreError):
        open_state(tmp_path)


@pytest.mark.parametrize("filler", [b"\0", b"\xff", b"\x07"])
def test_a_page_that_was_overwritten_is_refused_or_was_not_in_use(tmp_path: Path, filler: bytes) -> None:
    """LMDB trusts its file, and might end the process over such a page, or read it as nonsense."""
    grown(tmp_path, 3, 5, 8)
    file = tmp_path / "witness" / "state" / "data.mdb"
    sound = file.read_bytes()
    refused = []
    for at in range(2 * 4096, len(sound), 4096):
        file.write_bytes(sound[:at] + filler * 4096 + sound[at + 4096 :])
        try:
            with open_state(tmp_path, heads=tmp_path / f"heads at {at}") as state:
                assert [seen.size for seen in state.all()] == [8]
                for row in [Seen(ORIGIN, size, bytes(32), NOW, bytes(9000)) for size in range(9, 20)]:
                    state.update(ORIGIN, partial(keep, row))
                assert state.check().logs == 1
                assert [seen.size for seen in state.all()] == [19]
        except StoreError as error:
            refused.append(str(error))
    assert len(refused) >= 2  # The pages of the rows and of the head row, at least.
    assert all("data.mdb is damaged" in why for why in refused)  # Before LMDB was given it.


def test_a_row_that_is_damaged_while_it_serves_is_not_cosigned_from(tmp_path: Path) -> None:
    with bench(tmp_path) as witness:
        witness.add(LOG.request(0, 3))
        engine = witness.cosigner.state._engine
        with engine.batch() as batch:
            ((key, value),) = list(batch.range("logs"))
            batch.put("logs", key, value[:-1] + bytes([value[-1] ^ 1]))
        for answer in (witness.add(LOG.request(3, 5)), witness.ask("GET", f"/{key.hex()}/checkpoint")):
            assert answer.status == 503
            assert b"damaged" not in answer.body
        assert "damaged" in witness.logged[-1]["why"]


def test_when_the_disk_has_failed_it_says_that_it_is_not_well(tmp_path: Path) -> None:
    with bench(tmp_path) as witness:
        assert witness.ask("GET", "/healthz").status == 200
        witness.cosigner.state._engine.poisoned = True  # As after a commit that failed.
        assert witness.ask("GET", "/healthz").status == 503
        assert witness.add(LOG.request(0, 3)).status == 503


@pytest.mark.parametrize(
    "worse",
    [
        Seen("a", 4, bytes(32), 100, b""),
        Seen("a", 5, b"\1" * 32, 100, b""),
        Seen("a", 6, bytes(32), 99, b""),
        Seen("b", 6, bytes(32), 100, b""),
    ],
    ids=["smaller", "another root", "earlier", "another log"],
)
def test_whatever_is_judged_a_row_never_goes_back(tmp_path: Path, worse: Seen) -> None:
    with open_state(tmp_path, create=True) as state:
        state.update("a", lambda _seen: Seen("a", 5, bytes(32), 100, b"note"))
        with pytest.raises(StoreError, match="cannot go from"):
            state.update("a", lambda _seen: worse)
        assert [seen.size for seen in state.all()] == [5]


def test_of_many_threads_each_sees_what_the_one_before_stored(tmp_path: Path) -> None:
    with open_state(tmp_path, create=True) as state:

        def work() -> None:
            for _ in range(20):
                state.update("a", lambda seen: Seen("a", 1 + (seen.size if seen else 0), bytes(32), 1, b""))

        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [seen.size for seen in state.all()] == [120]
