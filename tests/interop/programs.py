"""Programs that the tests run beside them: third-party witnesses, Tessera's log, our own witness."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TypeVar
from urllib.error import URLError
from urllib.request import urlopen

from creditledger.tlog.cosignature import CosignatureSigner, CosignatureVerifier, MlDsaSigner, MlDsaVerifier
from creditledger.tlog.policy import Witness
from interop.peers import missing

START_SECONDS = 30

T = TypeVar("T")


def skey(name: str, key_id: bytes, seed: bytes, kind: int = 1) -> str:
    """A private key in the notation of x/mod."""
    return f"PRIVATE+KEY+{name}+{key_id.hex()}+{b64encode(bytes([kind]) + seed).decode()}"


def wait_for(look: Callable[[], T | None], what: str) -> T:
    """What `look` finds once it finds something; the program that it waits for has 30 s."""
    due = time.monotonic() + START_SECONDS
    while (found := look()) is None:
        assert time.monotonic() < due, f"{what} did not come up within {START_SECONDS} s"
        time.sleep(0.02)
    return found


@contextmanager
def running(*command: str | Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the end of the block; standard output is a pipe, standard error goes to a file."""
    with log.open("wb") as errors, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(10)


def first_line(process: subprocess.Popen[bytes], log: Path) -> str:
    """The line with which a program says that it is up."""
    assert process.stdout is not None
    line = process.stdout.readline().decode().rstrip()
    assert line, f"the program did not start: {log.read_text()[-2000:]}"
    return line


@contextmanager
def omniwitness(programs: Path, scratch: Path, name: str, log_vkeys: Sequence[str]) -> Iterator[list[Witness]]:
    """The witness of transparency-dev, with an Ed25519 and an ML-DSA-44 key."""
    seed = sha256(name.encode()).digest()
    verifiers: list[CosignatureVerifier | MlDsaVerifier] = [
        CosignatureSigner(name, seed, lambda: 0).verifier,
        MlDsaSigner(name, seed, lambda: 0).verifier,
    ]
    command: list[str | Path] = [programs / "witness"]
    for kind, verifier in zip((4, 6), verifiers, strict=True):
        command += ["-key", skey(name, verifier.key_id, seed, kind)]
    for vkey in log_vkeys:
        command += ["-log", vkey]
    errors = scratch / "omniwitness.log"
    with running(*command, log=errors) as process:
        url = first_line(process, errors)
        yield [Witness(f"omni-{kind}", one.vkey, url) for kind, one in zip(("ed", "pq"), verifiers, strict=True)]


@contextmanager
def litewitness(programs: Path, scratch: Path, name: str, logs: dict[str, str]) -> Iterator[Witness]:
    """Torchwood's litewitness, with its key in an ssh-agent; `logs` are vkeys by origin."""
    for program in ("ssh-agent", "ssh-add", "ssh-keygen"):
        if shutil.which(program) is None:
            missing(f"litewitness takes its key from an ssh-agent, and there is no {program} here")
    key, agent, database = scratch / "key", scratch / "agent", scratch / "litewitness.db"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "interop", "-f", key], check=True)
    _, encoded, _ = (scratch / "key.pub").read_text().split()
    blob = b64decode(encoded)
    fingerprint = "SHA256:" + b64encode(sha256(blob).digest()).decode().rstrip("=")
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    errors = scratch / "litewitness.log"
    command: list[str | Path] = [
        "-name",
        name,
        "-db",
        database,
        "-ssh-agent",
        agent,
        "-key",
        fingerprint,
        "-listen",
        address,
    ]
    with running("ssh-agent", "-D", "-a", agent, log=scratch / "agent.log"):
        wait_for(lambda: agent if agent.is_socket() else None, "ssh-agent")
        environment = os.environ | {"SSH_AUTH_SOCK": str(agent)}
        subprocess.run(["ssh-add", "-q", key], env=environment, check=True, capture_output=True)
        _know(database, logs)
        with running(programs / "litewitness", *command, log=errors):
            url = f"http://{address}"
            wait_for(lambda: _answers(url), f"litewitness ({errors})")
            found = re.search(r'vkey=("?)(\S+?)\1(\s|$)', errors.read_text())
            assert found, errors.read_text()
            assert found[2] == CosignatureVerifier(name, blob[-32:]).vkey
            yield Witness("lite", found[2], url)


def _know(database: Path, logs: dict[str, str]) -> None:
    """Enter the logs as `witnessctl add-log` and `add-key` do; to build that program takes Sigsum's library."""
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        connection.executescript(
            "CREATE TABLE log (origin TEXT PRIMARY KEY, tree_size INTEGER NOT NULL, tree_hash TEXT NOT NULL);"
            "CREATE TABLE key (origin TEXT NOT NULL, key TEXT NOT NULL, FOREIGN KEY(origin) REFERENCES log(origin));"
        )
        for origin, vkey in logs.items():
            empty = b64encode(sha256(b"").digest()).decode()
            connection.execute("INSERT INTO log VALUES (?, 0, ?)", (origin, empty))
            connection.execute("INSERT INTO key VALUES (?, ?)", (origin, vkey))


def _answers(url: str) -> bool | None:
    try:
        with urlopen(url, timeout=1):
            return True
    except URLError:
        return None


@contextmanager
def our_witness(scratch: Path, name: str, log_vkeys: Sequence[str]) -> Iterator[list[Witness]]:
    """`creditledger witness`, with an Ed25519 and an ML-DSA-44 key."""
    program: list[str | Path] = [sys.executable, "-m", "creditledger"]
    for file, kind in (("ed.pem", "ed25519"), ("pq.pem", "ml-dsa-44")):
        command = [*program, "keygen", scratch / file, "--type", kind, "--no-passphrase"]
        subprocess.run(command, check=True, capture_output=True)
    arguments: list[str | Path] = ["--key", scratch / "ed.pem", "--pq-key", scratch / "pq.pem"]
    for vkey in log_vkeys:
        arguments += ["--log", vkey]
    errors = scratch / "witness.log"
    command = [*program, "witness", scratch / "memory", "--new", "--name", name, "--head-dir", scratch / "heads"]
    with running(*command, *arguments, "--listen", "127.0.0.1:0", "--json", log=errors) as process:
        # One JSON document over several lines, with which it says that it is up; more may come later.
        document = first_line(process, errors)
        while not document.endswith("\n}"):
            document += "\n" + first_line(process, errors)
        told = json.loads(document)
        yield [Witness(f"own-{n}", vkey, told["listen"]) for n, vkey in enumerate(told["vkeys"])]


def tessera_append(
    programs: Path, directory: Path, key: str, first: int, count: int, policy: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Append `leaf(first)`, ... to a log of Tessera's POSIX storage."""
    command: list[str | Path] = [programs / "tessera", "append", "-dir", directory, "-key", key]
    command += ["-first", str(first), "-count", str(count)]
    if policy is not None:
        command += ["-policy", policy]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def tessera_fsck(programs: Path, directory: Path, vkey: str) -> subprocess.CompletedProcess[str]:
    """Check a published log with Tessera's fsck."""
    command: list[str | Path] = [programs / "tessera", "fsck", "-dir", directory, "-vkey", vkey]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)
