"""Attacks and mishaps that other tests do not name: on a ledger's order, on its keys, and on its one writer."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from audit.logs import changed, entry_of
from audit.worlds import busy_log, only, resealed
from creditledger.errors import Locked, StoreError
from creditledger.record.entry import encode_entry
from creditledger.record.record import decode_record
from support.registry import LIST, Registry, firm, listing, signer

TESTS = Path(__file__).parent.parent
WRITERS = 6

RACE = """
import sys
from pathlib import Path
from creditledger.errors import Locked
from support.registry import Registry
registry = Registry(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
try:
    ledger = registry.open()
except Locked as error:
    sys.exit(error.exit_code)
print("won", flush=True)
sys.stdin.readline()
ledger.close()
"""


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    made = Registry(tmp_path)
    made.create().close()
    return made


def writer(base: Path) -> subprocess.Popen[str]:
    """A process that opens the ledger to write when it is told to, and closes it when it is told so again."""
    paths = os.pathsep.join([str(TESTS), *filter(None, sys.path)])
    return subprocess.Popen(
        [sys.executable, "-c", RACE, str(base)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip


def heard(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def tell(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


# --- On the records ----------------------------------------------------------------------------------------------


def test_an_edited_act_re_signed_with_another_key_of_the_ledger(tmp_path: Path) -> None:
    """The operator has the log key, and the key of some other body; the entry still names the court's own."""
    log = busy_log()
    seq = 15
    own = decode_record(log.records[seq])
    forged = own.entry.replace(b"2028-03-02", b"2028-03-01")
    assert forged != own.entry
    stranger = signer("stranger")
    log.records[seq] = changed(log.records[seq], entry=forged, signatures=(stranger.sign(forged),))
    report = resealed(log, seq + 1).audit(tmp_path)
    assert report.exit_code == 3
    assert report.first_bad == seq
    assert report.findings[0].id == "LED-SIG"


def test_a_record_re_signed_by_a_key_that_was_never_added(tmp_path: Path) -> None:
    log = busy_log()
    seq = 15
    stranger = signer("stranger")
    entry = entry_of(log.records[seq])._replace(key=stranger.public_key)
    data = encode_entry(entry)
    log.records[seq] = changed(log.records[seq], entry=data, signatures=(stranger.sign(data),))
    report = resealed(log, seq + 1).audit(tmp_path)
    assert report.exit_code == 3
    assert report.first_bad == seq


def test_a_tree_that_was_signed_over_a_broken_chain(tmp_path: Path) -> None:
    """Chain and tree disagree: every checkpoint fits the records, and one record does not follow the one before it."""
    log = busy_log()
    log.records[9] = changed(log.records[9], prev=bytes(32))
    log.relink(10)
    log.notes.clear()
    log.seal(range(1, len(log.records) + 1))
    report = log.audit(tmp_path)
    only(report, "LED-CHAIN")
    assert report.first_bad == 9


def test_a_chain_whose_tree_was_signed_over_other_records(tmp_path: Path) -> None:
    """Chain and tree disagree: each record follows the one before it; the checkpoints are those of other records."""
    log = busy_log()
    log.records[9] = changed(log.records[9], recorded_at=decode_record(log.records[9]).recorded_at + 1)
    log.relink(10)
    report = log.audit(tmp_path)
    only(report, "LED-TREE")
    assert report.first_bad == 9


# --- On the one writer -------------------------------------------------------------------------------------------


def test_of_writers_that_race_to_open_one_wins_and_the_others_exit_with_11(registry: Registry, tmp_path: Path) -> None:
    racers = [writer(tmp_path) for _ in range(WRITERS)]
    try:
        assert [heard(one) for one in racers] == ["ready"] * WRITERS
        for one in racers:
            tell(one)
        winners = [one for one in racers if heard(one) == "won"]
        assert len(winners) == 1
        assert [one.wait(60) for one in racers if one not in winners] == [11] * (WRITERS - 1)
        tell(winners[0])
        assert winners[0].wait(60) == 0
    finally:
        for one in racers:
            one.kill()
            one.communicate()
    registry.open().close()


def test_a_forked_child_cannot_append(registry: Registry) -> None:
    with registry.open() as ledger:
        entry = ledger.sign([listing(1)], signer=signer("court"))
        size = ledger.size

        def child(pipe: int) -> None:
            try:
                ledger.append_signed(*entry)
                os.write(pipe, b"recorded")
            except StoreError as error:
                os.write(pipe, b"refused" if "fork" in str(error) else b"other")

        read, write = os.pipe()
        process = multiprocessing.get_context("fork").Process(target=child, args=(write,))
        process.start()
        process.join(20)
        assert os.read(read, 100) == b"refused"
        assert ledger.size == size
        assert ledger.append_signed(*entry).seq == size


def test_a_writer_that_was_stopped_keeps_its_lock_and_goes_on(registry: Registry, tmp_path: Path) -> None:
    """SIGSTOP: nobody takes its place, readers are served, and it ends well when it is let go on."""
    stopped = writer(tmp_path)
    try:
        heard(stopped)
        tell(stopped)
        assert heard(stopped) == "won"
        stopped.send_signal(signal.SIGSTOP)
        with pytest.raises(Locked, match=str(stopped.pid)):
            registry.open()
        with registry.read() as reader:
            assert reader.lookup(firm(1), LIST).status == "nothing-recorded"
        stopped.send_signal(signal.SIGCONT)
        tell(stopped)
        assert stopped.wait(60) == 0
    finally:
        stopped.kill()
        stopped.communicate()
    with registry.open() as ledger:
        ledger.append(listing(1), signer=signer("court"))


def test_a_clock_that_was_set_back_between_two_openings_never_makes_time_go_back(registry: Registry) -> None:
    with registry.open() as ledger:
        first = ledger.append(listing(1), signer=signer("court"))
    registry.clock.set("2026-03-01")
    with registry.open() as ledger:
        second = ledger.append(listing(2), signer=signer("court"), not_after=2**52)
    assert second.recorded_at == first.recorded_at
