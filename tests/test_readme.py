"""The README, run: the tour's commands in a shell, the library examples in Python, in the order in which they stand."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)


def blocks(language: str) -> list[str]:
    return [body for found, body in BLOCK.findall(README) if found == language]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty directory in which the tour takes place, with the tools beside it as in a checkout."""
    place = tmp_path_factory.mktemp("tour")
    (place / "tools").symlink_to(ROOT / "tools")
    return place


def run(command: list[str], home: Path) -> subprocess.CompletedProcess[str]:
    programs = str(Path(sys.executable).parent)
    environment = {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "XDG_STATE_HOME": str(home / "state"),
        "HOME": str(home),
    }
    return subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, timeout=120)


def ensure_demo(home: Path) -> None:
    """The tour's demonstration, made here if the tour was not run."""
    if not (home / "demo").exists():
        assert run(["creditledger", "demo", "--dir", "demo", "--acts", "300"], home).returncode == 0


def test_the_tour_does_what_it_says(home: Path) -> None:
    # A backslash at the end of a line, and `> ` at the beginning of the next: they are one command.
    lines = [line for block in blocks("console") for line in block.replace("\\\n> ", "").splitlines()]
    commands = [line[2:] for line in lines if line.startswith("$ ")]
    assert len(commands) > 15
    said = {}
    for command in commands:
        words, _, expected = command.partition("   # exit ")
        done = run(["sh", "-c", words], home)
        assert done.returncode == int(expected or 0), f"{command}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, command
        said[words] = done.stdout
    verdicts = {
        words: out.partition("\n")[0] for words, out in said.items() if " verify" in words or "verify_" in words
    }
    assert len(verdicts) == 10
    for words, verdict in verdicts.items():
        assert verdict.startswith("verdict: "), words
        due = "failed" if "tampered" in words else "fork" if ".fork" in words else "holds|intact"
        assert re.search(due, verdict.lower()), (words, verdict)


def test_the_independent_verifier_finds_a_flipped_bit_in_the_export(home: Path) -> None:
    """It says that the tour's export is intact, and ends with 3 once a bit of a record in it was changed."""
    ensure_demo(home)
    if not (home / "demo.ledger").exists():
        assert run(["creditledger", "export", "demo", "demo.ledger"], home).returncode == 0
    whole = (home / "demo.ledger").read_bytes()
    name = b"Civil Enforcement Act"
    assert whole.count(name) == 1
    (home / "flipped.ledger").write_bytes(whole.replace(name, b"Civil Enforcement Abt"))
    for file, code, verdict in (("demo.ledger", 0, "intact"), ("flipped.ledger", 3, "FAILED")):
        done = run(["python", "tools/verify_ledger.py", file, "--trust", "demo/ledger.trust"], home)
        assert (done.returncode, done.stderr) == (code, ""), done.stdout
        assert verdict in done.stdout.partition("\n")[0]
        report = json.loads(
            run(["python", "tools/verify_ledger.py", file, "--trust", "demo/ledger.trust", "--json"], home).stdout
        )
        assert report["exit"] == code


def test_the_library_examples_run(home: Path) -> None:
    # They go on from the tour's demonstration.
    examples = blocks("python")
    assert len(examples) == 2
    ensure_demo(home)
    for example in examples:
        done = run([sys.executable, "-W", "error", "-c", example], home)
        assert done.returncode == 0, f"{example}\n{done.stderr}"
        assert done.stdout.strip()


def test_the_library_examples_are_typed(tmp_path: Path) -> None:
    """A strict type checker has nothing to say about them; and it does see the types, for it objects to a mistake."""
    for number, example in enumerate(blocks("python")):
        (tmp_path / f"example_{number}.py").write_text(example, encoding="utf-8")
    (tmp_path / "mistake.py").write_text("import creditledger as cl\n\ncl.Ledger.open(5)\n", encoding="utf-8")
    checker = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir=cache", "--no-error-summary"]
    done = run([*checker, *(path.name for path in sorted(tmp_path.glob("*.py")))], tmp_path)
    assert (done.returncode, done.stderr) == (1, ""), done.stdout
    (said,) = done.stdout.splitlines()
    assert said.startswith('mistake.py:3: error: Argument 1 to "open" of "Ledger" has incompatible type "int"')


def test_every_tool_is_named() -> None:
    section = README[README.index("## For developers") :]
    for folder in ("tools", "bench"):
        for path in (ROOT / folder).iterdir():
            assert path.is_dir() or f"`{path.name}`" in section, f"{folder}/{path.name}"
    named = set(re.findall(r"`(\w+\.py|lock)`", section))
    assert all(any((ROOT / folder / name).is_file() for folder in ("tools", "bench")) for name in named), named


def test_the_two_commands_set_up_and_run() -> None:
    for name in ("main", "test"):
        found = re.search(rf"<!-- {name} -->\n```sh\n(.+)\n```", README)
        assert found is not None
        assert "python3 -m venv" in found[1]
        assert "requirements" in found[1]
