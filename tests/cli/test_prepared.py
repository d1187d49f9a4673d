"""Runs that are forked from the loaded program are what runs that start from nothing are (see prepared.py)."""

from __future__ import annotations

import os
import pty
import re
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

from cli.bench import Bench
from cli.prepared import prepared
from cli.program import MEMORY, Program


@pytest.mark.parametrize(
    "arguments",
    [
        [], ["--version"], ["shew"], ["show", "LEDGER", 3], ["show", "LEDGER", 9999, "--json"], ["log", "LEDGER"],
        ["members", "LEDGER", "judgment-defaulters", "--all", "--valid-at", "2024-01-15"],
    ],
    ids=lambda words: " ".join(map(str, words)) or "nothing",
)  # fmt: skip
def test_they_say_and_return_the_same(demo: Bench, arguments: Sequence[object]) -> None:
    given = [demo.ledger if one == "LEDGER" else one for one in arguments]
    forked = demo.run(*given)
    assert forked == demo.run(*given, started=True)
    assert forked.out + forked.err


@pytest.mark.parametrize("command", ["append", "doctor", "publish"])
def test_a_command_finds_all_it_needs_when_nothing_is_loaded(command: str, tmp_path: Path) -> None:
    run = Program(tmp_path)
    started = run(command, "--help", started=True)
    assert started == run(command, "--help")
    assert (started.code, started.err) == (0, "")


def test_one_that_is_killed_was_a_process_with_its_own_bounds_and_is_reported_as_killed(tmp_path: Path) -> None:
    environment = Program(tmp_path).environment()
    master, slave = pty.openpty()
    asked = ["keygen", str(tmp_path / "a.key")]
    with prepared(environment).start(
        asked, [slave] * 3, environment, memory=MEMORY, session=True, terminal=True
    ) as run:
        os.close(slave)
        shown = b""
        while b"assphrase" not in shown:
            shown += os.read(master, 1024)
        assert os.getsid(run.pid) == run.pid
        limits = Path(f"/proc/{run.pid}/limits").read_text()
        assert re.search(rf"^Max data size +{MEMORY} +{MEMORY} ", limits, re.MULTILINE)
        run.kill()
        assert run.wait() == -signal.SIGKILL
    os.close(master)
    assert not (tmp_path / "a.key").exists()
