"""The pool of worker processes: order, errors, deaths, large messages; and that it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from creditledger import workers
from creditledger.errors import CannotVerify, FormatError, Refused, StoreError, VerificationFailed
from creditledger.workers import AT_HAND, Inline, Pool, WorkerDied

MODULE = "audit.tasks_for_tests"


@pytest.fixture
def pool() -> Iterator[Pool]:
    with Pool(MODULE, 2) as running:
        yield running


def gone(pid: int) -> bool:
    """Whether no such process is left."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_results_come_in_the_order_of_the_calls(pool: Pool) -> None:
    calls = [(0.02 * (number % 3), number) for number in range(20)]
    assert list(pool.map("sleep", calls)) == list(range(20))


def test_calls_are_taken_only_as_they_can_be_started(pool: Pool) -> None:
    taken: list[int] = []

    def calls() -> Iterator[tuple[int]]:
        for number in range(1000):
            taken.append(number)
            yield (number,)

    results = pool.map("echo", calls())
    for number in range(10):
        assert next(results) == (number,)
        assert len(taken) <= number + 2 + 2 * AT_HAND * pool.jobs


def test_no_calls_no_results(pool: Pool) -> None:
    assert list(pool.map("echo", [])) == []


def test_both_workers_work(pool: Pool) -> None:
    pids = set(pool.map("sleep", [(0.05, number) for number in range(4)]))
    assert len(set(pool.broadcast("pid"))) == 2
    assert pids == {0, 1, 2, 3}


def test_broadcast_reaches_every_worker_once(pool: Pool) -> None:
    assert len(set(pool.broadcast("remember", b"x"))) == 2
    assert pool.broadcast("recall") == [(b"x",), (b"x",)]


@pytest.mark.parametrize("size", [0, 1, 65_536, 1 << 20, 9 << 20])
def test_large_messages_both_ways(size: int, pool: Pool) -> None:
    """More than a pipe holds, in both directions at once: neither side waits for the other for ever."""
    payload = os.urandom(size)
    assert all(
        found == (payload, number) for number, found in enumerate(pool.map("echo", [(payload, at) for at in range(6)]))
    )


def test_values_survive_the_way(pool: Pool) -> None:
    values = (None, True, 0, -5, 2**63, b"\x00\xff", "Zürich", (1, (2, ())), {"a": 1, 2: b"b"})
    assert next(pool.map("echo", [values])) == values


@pytest.mark.parametrize(
    ("task", "kind", "attributes"),
    [
        ("refuse", Refused, {"rule": "R-TERM", "remedy": "a shorter one", "act_index": 3}),
        ("fail", VerificationFailed, {"finding": "LED-SIG", "expected": "a", "found": "b", "seq": 7}),
        ("format", FormatError, {}),
        ("store", StoreError, {}),
    ],
)
def test_errors_of_this_package_are_raised_again(task: str, kind: type[Any], attributes: dict[str, Any]) -> None:
    with Pool(MODULE, 1) as pool:
        with pytest.raises(kind) as here:
            next(Inline(MODULE).map(task, [()]))
        with pytest.raises(kind) as there:
            next(pool.map(task, [()]))
        assert type(there.value) is kind
        assert str(there.value) == str(here.value)
        assert {name: getattr(there.value, name) for name in attributes} == attributes
        assert next(pool.map("echo", [(1,)])) == (1,)


@pytest.mark.parametrize("number", [signal.SIGBUS, signal.SIGSEGV, signal.SIGABRT])
def test_a_crash_is_told_with_the_name_of_its_signal(number: signal.Signals, pool: Pool) -> None:
    with pytest.raises(WorkerDied, match=number.name) as caught:
        next(pool.map("crash", [(int(number),)]))
    assert caught.value.crashed
    assert isinstance(caught.value, CannotVerify)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_being_killed_is_no_crash(number: signal.Signals, pool: Pool) -> None:
    """The system kills who takes too much memory; that says nothing about what was read."""
    with pytest.raises(WorkerDied, match=number.name) as caught:
        next(pool.map("crash", [(int(number),)]))
    assert not caught.value.crashed


def test_results_before_a_death_are_not_lost(pool: Pool) -> None:
    def calls() -> Iterator[tuple[Any, ...]]:
        yield 0.3, "slow"
        yield "not a number", "deadly"
        yield 0, "after"

    results = pool.map("sleep", calls())
    assert next(results) == "slow"
    with pytest.raises(WorkerDied, match="TypeError"):
        next(results)


def test_the_last_worker_dead_every_call_says_so(pool: Pool) -> None:
    for _ in range(2):
        with pytest.raises(WorkerDied):
            next(pool.map("leave", [(3,)]))
    for _ in range(2):
        with pytest.raises(WorkerDied, match="status 3"):
            list(pool.map("echo", [(1,)] * 5))
        with pytest.raises(WorkerDied):
            pool.broadcast("pid")


def test_a_defect_is_told_without_its_traceback(pool: Pool) -> None:
    with pytest.raises(WorkerDied, match=r"KeyError: 'nothing'$") as caught:
        next(pool.map("bug", [()]))
    assert not caught.value.crashed
    for text in (str(caught.value), caught.value.cause):
        assert "Traceback" not in text
        assert "File " not in text
        assert "\n" not in text
    assert caught.value.words.startswith("Traceback")


def test_what_a_worker_complains_of_does_not_reach_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    """Neither what a task raises or writes, nor what the interpreter says that cannot even begin."""
    for module, task in ((MODULE, "bug"), (MODULE, "complain"), ("audit.no_such_module", "bug")):
        with Pool(module, 2) as pool, pytest.raises(WorkerDied) as caught:
            list(pool.map(task, [()] * 4))
        assert caught.value.words
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("words", "told"),
    [("", ""), ("one\ntwo", ": two"), ("x" * 400, ": " + "x" * 300), ("a\x1b[2Jb", ": a\ufffd[2Jb")],
    ids=range(4),
)
def test_last_words_are_one_short_line(words: str, told: str) -> None:
    assert workers._last_line(words) == told


def test_a_worker_that_falls_silent_is_ended(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "SILENCE", 0.3)
    with pytest.raises(WorkerDied, match="said nothing"):
        next(pool.map("sleep", [(600, 1)]))


def test_printing_does_not_disturb_the_messages(pool: Pool) -> None:
    assert list(pool.map("print", [(), ()])) == ["", ""]


def test_a_worker_inherits_next_to_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "x")
    monkeypatch.setenv("PYTHONSTARTUP", "x")
    with Pool(MODULE, 1) as pool:
        environment, isolated, site = pool.broadcast("environment")[0]
    assert "SECRET" not in environment
    assert set(environment) <= {"LD_LIBRARY_PATH", "SSL_CERT_DIR", "SSL_CERT_FILE", "TMPDIR", "LC_CTYPE"}
    assert (isolated, site) == (1, False)


def test_closing_ends_idle_and_busy_workers_alike() -> None:
    pool = Pool(MODULE, 2)
    pids = pool.broadcast("pid")
    pool.broadcast("ignore")
    busy = pool._workers[0]
    busy.send(workers._pack(("sleep", (600, 1))))
    began = time.monotonic()
    pool.close()
    pool.close()
    assert time.monotonic() - began < 5
    assert all(map(gone, pids))
    with pytest.raises(WorkerDied, match="closed"):
        next(pool.map("echo", [()]))


def test_a_map_that_is_given_up_leaves_the_pool_usable(pool: Pool) -> None:
    results = pool.map("echo", ((number,) for number in range(100)))
    assert next(results) == (0,)
    results.close()  # type: ignore[attr-defined]  # it is a generator
    assert list(pool.map("echo", [("a",), ("b",)])) == [("a",), ("b",)]


def test_workers_end_with_a_caller_that_is_killed(tmp_path: Path) -> None:
    script = (
        "import sys, os, signal; sys.path[:0] = sys.argv[1:]; from creditledger.workers import Pool; "
        f"pool = Pool({MODULE!r}, 2); print(*pool.broadcast('pid'), flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    paths = [path for path in sys.path if path]
    done = subprocess.run([sys.executable, "-c", script, *paths], capture_output=True, text=True, timeout=30)
    pids = list(map(int, done.stdout.split()))
    assert len(pids) == 2
    deadline = time.monotonic() + 10
    while not all(map(gone, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert all(map(gone, pids))


def test_the_callers_main_is_not_imported(pool: Pool) -> None:
    assert pool.broadcast("main") == [None, None]


def test_an_interpreter_that_cannot_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    with pytest.raises(WorkerDied, match="cannot be started"):
        Pool(MODULE, 2)


def test_a_module_that_does_not_exist() -> None:
    with Pool("audit.no_such_module", 1) as pool, pytest.raises(WorkerDied, match="ModuleNotFoundError"):
        pool.broadcast("pid")


def test_inline_does_the_same_here() -> None:
    inline = Inline(MODULE)
    assert inline.broadcast("pid") == [os.getpid()]
    assert list(inline.map("echo", [(1,), (2,)])) == [(1,), (2,)]
    inline.broadcast("remember", 5)
    assert inline.broadcast("recall") == [[5]]
    assert Inline(MODULE).broadcast("recall") == [[]]
    inline.close()
