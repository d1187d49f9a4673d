"""Runs the program's commands in the test's own process, which saves the start of one for each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cli.bench import Bench
from cli.program import Program, Result
from creditledger import cli


class InProcess(Program):
    """The program in this process; what needs a process or a terminal of its own still gets one."""

    def __init__(self, home: Path, capture: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(home)
        vars(self)["capture"] = capture
        monkeypatch.setenv("XDG_STATE_HOME", str(home))

    def __call__(self, *arguments: object, **special: Any) -> Result:
        if special:
            return super().__call__(*arguments, **special)
        capture: pytest.CaptureFixture[str] = vars(self)["capture"]
        capture.readouterr()
        code = cli.run([*map(str, arguments)])
        return Result(code, *capture.readouterr())


def in_process(bench: Bench, capture: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Bench:
    """The bench with a program that runs in this process."""
    return replace(bench, run=InProcess(bench.run.home, capture, monkeypatch))
