"""Other people's implementations, as programs that the tests start and ask."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import pytest

HERE = Path(__file__).parent
LITEWITNESS = "filippo.io/torchwood/cmd/litewitness"
BUILD_SECONDS = 600
REQUIRED = "CREDITLEDGER_REQUIRE_INTEROP"


class Refused(Exception):
    """The other implementation said no, in its own words."""


class Asked(NamedTuple):
    """An answer: its fields as they stand, and those that are bytes decoded."""

    fields: dict[str, Any]

    def data(self, name: str) -> bytes:
        return b64decode(self.fields[name] or "", validate=True)

    def list(self, name: str) -> list[bytes]:
        return [b64decode(item, validate=True) for item in self.fields[name] or []]


class Peer:
    """A program that answers one JSON line with another."""

    def __init__(self, *command: str | Path) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, op: str, **arguments: Any) -> Asked:
        """Ask one question; raises `Refused` if the answer is an error. Bytes travel as base64."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({"op": op} | {name: plain(value) for name, value in arguments.items()}).encode())
        process.stdin.write(b"\n")
        process.stdin.flush()
        line = process.stdout.readline()
        assert line, f"the other program ended with {process.wait()}"
        fields = json.loads(line)
        if "error" in fields:
            raise Refused(fields["error"])
        return Asked(fields)

    def close(self) -> None:
        """End the program: it stops when its input does."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


def plain(value: Any) -> Any:
    """What JSON can carry for an argument: base64 for bytes, lists item by item."""
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def missing(why: str) -> NoReturn:
    """Skip the test, or fail it where a green run has to mean that it was run."""
    message = f"NOT RUN: {why}"
    if os.environ.get(REQUIRED):
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


def build_go(into: Path) -> Path:
    """Build our own small programs and litewitness, with the libraries at the versions of go.sum; Go caches them."""
    go = shutil.which("go") or missing("there is no Go compiler here (https://go.dev/dl)")
    # Reading every source file that is needed fetches the modules. What fails after that is a fault, not a lack.
    failed = _run([go, "list", "-mod=readonly", "-deps", "./...", LITEWITNESS], HERE / "go")
    if failed is not None:
        missing(f"the Go modules could not be fetched: {failed}")
    for packages in ("./...", LITEWITNESS):
        command = [go, "build", "-mod=readonly", "-buildvcs=false", "-o", f"{into}/", packages]
        subprocess.run(command, cwd=HERE / "go", check=True, timeout=BUILD_SECONDS)
    return into


def install_npm(into: Path) -> Path:
    """Install the npm packages of package-lock.json beside the tests; returns the directory with `node_modules`."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        missing("there is no Node.js with npm here")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / "node" / name, into)
    failed = _run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"], into)
    if failed is not None:
        missing(f"npm could not install the packages: {failed}")
    return into


def install_python(into: Path) -> Path:
    """Install requirements.txt into a directory of its own, for `sys.path`."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--no-compile"]
    failed = _run([*pip, "--target", str(into), "-r", str(HERE / "requirements.txt")], into)
    if failed is not None:
        missing(f"pip could not install the packages: {failed}")
    return into


def _run(command: Sequence[str], directory: Path) -> str | None:
    """Run a command that needs a network; returns the end of what it said if it failed."""
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=BUILD_SECONDS)
    return None if done.returncode == 0 else (done.stderr or done.stdout).strip()[-500:]
