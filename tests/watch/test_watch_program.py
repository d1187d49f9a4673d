"""`creditledger watch` as people run it: against real servers, in processes of its own, killed and called back."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from cli.program import Program
from creditledger.receipts import fork
from watch.logs import publish, served, trust, world

HONEST = world(12, common=3).records
OTHER = world(30, branch=1, common=3).records
START = len(HONEST) - 9
TRUST = trust(HONEST)
CHECKER = Path(__file__).parents[2] / "tools" / "verify_receipt.py"


@pytest.fixture
def run(tmp_path: Path) -> Program:
    (tmp_path / "trust").write_text(TRUST.to_text())
    return Program(tmp_path / "home")


SHOWN: dict[str, tuple[int, int]] = {
    "the second one longer": (START, len(OTHER)),
    "the first one longer": (len(HONEST), len(OTHER) - 20),
    "both of one size": (len(HONEST), len(HONEST)),
}


@pytest.mark.parametrize("how", SHOWN)
def test_two_histories_shown_at_two_urls_are_exposed_to_a_third_party(run: Program, tmp_path: Path, how: str) -> None:
    one, other = SHOWN[how]
    publish(tmp_path / "a", HONEST, one)
    publish(tmp_path / "b", OTHER, other)
    with served([tmp_path / "a", tmp_path / "b"]) as urls:
        done = run("watch", *urls, "--trust", tmp_path / "trust", "--state", tmp_path / "state", "--once", "--json")
    assert done.code == 3, done
    (event,) = [line for line in done.lines if line["event"] == "fork"]
    assert "showed two histories" in event["message"]
    assert {event["first"]["size"], event["second"]["size"]} == {one, other}
    file = Path(event["file"])
    assert (stat.S_IMODE(file.stat().st_mode), f"-{min(one, other)}-{max(one, other)}-" in file.name) == (0o600, True)
    # Somebody else, who has the trust file and nothing else:
    shutil.copy(file, tmp_path / "mailed")
    shutil.rmtree(tmp_path / "state")
    third = Program(tmp_path / "elsewhere")("verify", tmp_path / "mailed", "--trust", tmp_path / "trust")
    assert (third.code, "this proves that the log showed two histories" in third.out) == (3, True), third
    independent = subprocess.run(
        [sys.executable, CHECKER, tmp_path / "mailed", "--trust", tmp_path / "trust"], capture_output=True, text=True
    )
    assert (independent.returncode, "FORK" in independent.stdout) == (3, True), independent
    assert fork.check((tmp_path / "mailed").read_bytes(), TRUST).first.size == min(one, other)


def test_places_that_cannot_be_read_are_told_and_the_others_followed(run: Program, tmp_path: Path) -> None:
    publish(tmp_path / "a", HONEST)
    (tmp_path / "empty").mkdir()
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "checkpoint").write_bytes(b"<html>Sign in to the network</html>")
    publish(tmp_path / "stranger", world(1).records)
    arguments = ("--trust", tmp_path / "trust", "--state", tmp_path / "state", "--once", "--json")
    places = [tmp_path / name for name in ("a", "empty", "page")]
    done = run("watch", *places, "http://127.0.0.1:9", *arguments)
    assert done.code == 4
    told = {(line["event"], line["vantage"].rpartition("/")[2]) for line in done.lines}
    assert told >= {("unreachable", "empty"), ("unknown", "page"), ("unreachable", "127.0.0.1:9"), ("audited", "a")}


CALLED = "import sys, pathlib; pathlib.Path(sys.argv[1]).open('a').write(sys.argv[2] + '\\n')"


def test_somebody_is_called_once_and_the_watch_goes_on(run: Program, tmp_path: Path) -> None:
    publish(tmp_path / "a", HONEST, START)
    publish(tmp_path / "b", OTHER)
    script = tmp_path / "call me; rm -rf $HOME"
    script.write_text(CALLED)
    command = f"{sys.executable} '{script}' {tmp_path / 'calls'}"
    process = subprocess.Popen(
        [
            sys.executable, "-m", "creditledger", "watch", tmp_path / "a", tmp_path / "b",
            "--trust", tmp_path / "trust", "--state", tmp_path / "state", "--every", "1s", "--exec", command, "--json",
        ],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=run.environment(),
    )  # fmt: skip
    assert process.stdout is not None
    seen: list[dict[str, Any]] = []
    for line in process.stdout:
        seen.append(json.loads(line))
        if seen[-1]["event"] == "grown" and seen[-1]["size"] == START + 2:
            break
        if sum(one["event"] == "fork" for one in seen) == 2:
            publish(tmp_path / "a", HONEST, START + 2)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    process.stdout.close()
    evidence = (tmp_path / "calls").read_text().splitlines()
    assert [*map(str, tmp_path.rglob("*.fork"))] == evidence
    assert [one["event"] for one in seen].count("called") == 1


def test_without_anybody_to_call_it_ends_with_3_at_the_first_alarm(run: Program, tmp_path: Path) -> None:
    publish(tmp_path / "a", HONEST, START)
    publish(tmp_path / "b", OTHER)
    done = run(
        "watch", tmp_path / "a", tmp_path / "b", "--trust", tmp_path / "trust", "--state", tmp_path / "state",
        "--every", "1s",
    )  # fmt: skip
    assert (done.code, "showed two histories" in done.out, "Traceback" in done.err) == (3, True, False)


def test_killed_at_any_moment_it_goes_on_from_a_whole_state(run: Program, tmp_path: Path) -> None:
    """kill -9 at moments spread over a round; then a round that finds everything as it should be."""
    place = tmp_path / "a"
    publish(place, HONEST, START)
    arguments = ["watch", place, "--trust", tmp_path / "trust", "--state", tmp_path / "state", "--every", "1s"]
    for number in range(4):
        publish(place, HONEST, START + number)
        process = subprocess.Popen(
            [sys.executable, "-m", "creditledger", *map(str, arguments)], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, env=run.environment(),
        )  # fmt: skip
        time.sleep(0.25 + 0.09 * number)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    publish(place, HONEST)
    done = run(*arguments[:-2], "--once", "--json")
    assert (done.code, done.lines[-1]["event"], done.lines[-1]["size"]) == (0, "audited", len(HONEST)), done
    assert not [*(tmp_path / "state").rglob("*.tmp")]
