"""Imports and restores that are killed (SIGKILL, in real processes) at any moment, and run again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from creditledger.errors import NoLedger
from creditledger.ledger.ledger import Ledger
from creditledger.transfer.export import export_ledger
from transfer import killed
from transfer.mirror import all_bytes, event, events_file, found, members, reopen, sdn_file

TESTS = Path(__file__).parent.parent
ASSIGNED = "creditledger.store.identity:Identities.assign"
CONTENT_PUT = "creditledger.store.private:PrivateStore.put_many"
CONTENT_SYNCED = "os:fdatasync"
COMMITTED = "creditledger.store.lmdb_engine:LmdbEngine._commit"
ANSWERED = "creditledger.ledger.ledger:Ledger.append"


def run(directory: Path, job: str, *point: str) -> int:
    """Run a job in a process of its own and return how it ended."""
    path = os.pathsep.join((str(TESTS.parent / "src"), str(TESTS)))
    command = [sys.executable, "-m", "transfer.killed", str(directory), job, *point]
    return subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, cwd=directory, timeout=60).returncode


def acts_of(ledger: Ledger, list_id: str) -> Counter[str]:
    """How many acts of each type there are about the subjects of a list."""
    subjects = [found[0] for found in ledger.members(list_id, every=True)]
    return Counter(type(item.act).__name__ for one in subjects for item in ledger.history(one, list_id))


EVENTS = [
    *(event("2024-01-01", "add", f"k{number}") for number in range(150)),
    *(event("2024-02-01", "remove", f"k{number}") for number in range(60)),
    *(event("2024-03-01", "add", f"k{number}") for number in range(30)),
]


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger with the history imported, its state's digest, and its export. Nobody may write to it."""
    place = tmp_path_factory.mktemp("imported")
    found(place).close()
    events_file(place / "events.jsonl", EVENTS)
    killed.run_events(place)
    with reopen(place) as ledger:
        export_ledger(ledger, place / "export", with_content=True)
        (place / "digest").write_bytes(ledger.state_digest())
    return place


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger with the first edition imported, and both editions. Nobody may write to it."""
    place = tmp_path_factory.mktemp("listed")
    found(place).close()
    editions(place)
    killed.run_snapshot(place, "first", "2025-01-01")
    return place


def editions(place: Path) -> None:
    """Of 200 parties, 60 are missing, 30 are new, 75 have changed."""
    sdn_file(place / "first.csv", ([one, f"NAME {one}"] for one in range(1, 201)))
    sdn_file(place / "second.csv", ([one, f"NAME {one // 75}"] for one in range(61, 231)))


@pytest.mark.parametrize(
    ("point", "number"),
    [
        pytest.param(ASSIGNED, 1, id="identities of the first entry"),
        pytest.param(ASSIGNED, 2, id="identities of the second entry"),
        pytest.param(CONTENT_PUT, 3, id="content before its entry"),
        pytest.param(CONTENT_SYNCED, 3, id="content on the disk"),
        pytest.param(COMMITTED, 1, id="list opened"),
        pytest.param(COMMITTED, 2, id="entry committed, nobody told"),
        pytest.param(ANSWERED, 2, id="first entry"),
        pytest.param(ANSWERED, 3, id="second entry"),
        pytest.param(ANSWERED, 4, id="last entry"),
    ],
)
def test_a_history_that_is_killed_and_run_again_doubles_nothing(tmp_path: Path, point: str, number: int) -> None:
    found(tmp_path).close()
    events_file(tmp_path / "events.jsonl", EVENTS)
    assert run(tmp_path, "events", point, str(number)) == -signal.SIGKILL
    report = killed.run_events(tmp_path)
    assert report.total("unchanged") + report.recorded == len(EVENTS)
    assert (report.recorded_before, report.removed_before) == (report.total("unchanged"), 60 - report.total("removals"))
    assert report.goes_on == (None if report.acts == 0 else report.recorded_before + 1)
    assert killed.run_events(tmp_path).recorded == 0
    with reopen(tmp_path) as ledger:
        assert acts_of(ledger, "coins") == {"ListingAdd": 180, "ListingRemove": 60}
        assert members(ledger, "coins", "2024-01-31") == {f"k{one}" for one in range(150)}
        assert members(ledger, "coins", "2024-02-29") == {f"k{one}" for one in range(60, 150)}
        assert members(ledger, "coins") == {f"k{one}" for one in (*range(30), *range(60, 150))}
        # Nothing that no act commits to is left of the entry that was not recorded.
        store = ledger.private_store()
        contents = Counter(content for _, content in filter(None, map(store.get, store.ids())))
        assert {contents[f"k{one}".encode()] for one in range(150)} == {1}


def test_nobody_is_remembered_of_an_entry_that_was_never_recorded(tmp_path: Path) -> None:
    """A kill came between the identities and the entry: the next opening removes them, import or no import."""
    found(tmp_path).close()
    events_file(tmp_path / "events.jsonl", EVENTS)
    assert run(tmp_path, "events", ASSIGNED, "1") == -signal.SIGKILL
    with reopen(tmp_path, write=False) as ledger:
        assert len(ledger.private_store().ids()) > 150
    reopen(tmp_path, content_key=None).close()
    with reopen(tmp_path) as ledger:
        assert len(ledger.private_store().ids()) == 1  # The key of the identities' tags.


@pytest.mark.parametrize(
    ("job", "point", "number"),
    [
        pytest.param("first", ASSIGNED, 1, id="first edition, identities"),
        pytest.param("first", CONTENT_PUT, 3, id="first edition, content"),
        pytest.param("first", ANSWERED, 2, id="first edition, second entry"),
        pytest.param("first", ANSWERED, 3, id="first edition, before the list is opened"),
        pytest.param("second", ASSIGNED, 1, id="second edition, identities"),
        pytest.param("second", COMMITTED, 1, id="second edition, first entry, nobody told"),
        pytest.param("second", ANSWERED, 1, id="second edition, in its additions"),
        pytest.param("second", ANSWERED, 2, id="second edition, in its removals"),
    ],
)
def test_an_edition_that_is_killed_and_run_again_doubles_nothing(
    listed: Path, tmp_path: Path, job: str, point: str, number: int
) -> None:
    if job == "second":
        shutil.copytree(listed, tmp_path, dirs_exist_ok=True)
    else:
        found(tmp_path).close()
        editions(tmp_path)
    assert run(tmp_path, job, point, str(number)) == -signal.SIGKILL
    if job == "first":
        report = killed.run_snapshot(tmp_path, "first", "2025-01-01")
        assert report.recorded_before + report.recorded == 200
        killed.run_snapshot(tmp_path)
    else:
        report = killed.run_snapshot(tmp_path)
        assert report.recorded_before + report.recorded == 230
    assert killed.run_snapshot(tmp_path).acts == 0
    with reopen(tmp_path) as ledger:
        assert acts_of(ledger, "parties") == {
            "ListingOpeningBalance": 200, "ListingAdd": 30, "ListingCorrect": 140, "ListingRemove": 60,
        }  # fmt: skip
        assert members(ledger, "parties", "2025-01-31") == {str(one) for one in range(1, 201)}
        assert members(ledger, "parties", "2025-02-01") == {str(one) for one in range(61, 231)}


@pytest.mark.parametrize(
    ("point", "number"),
    [
        pytest.param("creditledger.store.lmdb_engine:LmdbEngine.open", 1, id="log made"),
        pytest.param("creditledger.transfer.restore_log:LogBuild._commit", 1, id="records written"),
        pytest.param("creditledger.transfer.restore:replay", 1, id="state rebuilt"),
        pytest.param(CONTENT_PUT, 1, id="content put back"),
        pytest.param("creditledger.store.head:HeadStore.store", 1, id="head kept"),
    ],
)
def test_a_restore_that_is_killed_leaves_nothing_that_opens(
    imported: Path, tmp_path: Path, point: str, number: int
) -> None:
    shutil.copytree(imported, tmp_path, dirs_exist_ok=True)
    (tmp_path / "restored").mkdir()
    assert run(tmp_path, "restore", point, str(number)) == -signal.SIGKILL
    assert os.listdir(tmp_path / "restored") == []
    (left,) = tmp_path.glob(".restored*")
    for directory in (tmp_path / "restored", left):
        with pytest.raises(NoLedger):
            Ledger.open(directory, head_dir=tmp_path / "heads")
    assert run(tmp_path, "restore") == 0
    assert not left.exists()
    with reopen(tmp_path, name="restored") as ledger:
        assert ledger.state_digest() == (imported / "digest").read_bytes()
        assert members(ledger, "coins") == {f"k{one}" for one in (*range(30), *range(60, 150))}
    assert all_bytes(tmp_path / "restored")
