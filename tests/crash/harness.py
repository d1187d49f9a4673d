"""Crash and fault campaigns on anything that keeps files: what may a power cut, a kill or a failing disk leave behind?

A *scenario* is a module with two functions:

    workload(root: Path, acknowledge: Callable[[bytes], None], seed: int) -> None
        work on files under the directory `root` (which exists) and acknowledge each piece once it is durable; go on
        where an earlier run was stopped; recover from one-time errors as the program would
    check(root: Path, acknowledged: list[bytes]) -> None
        raise an error if an acknowledged piece is lost, or anything is there by half

`power_cuts` runs the workload once under a shim that records every write and sync (shim.c), and then rebuilds what a
disk may hold after a power cut at any point of that record (disk.py).

`kills` runs the workload again and again and kills it at random moments, with the acknowledgements kept outside.
`faults` runs it once for each fault: a write that fails or is short, a sync that fails, a disk that stays full.
"""

from __future__ import annotations

import ctypes
import errno
import importlib
import json
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from types import ModuleType
from typing import NamedTuple, Self

from crash.disk import Disk, Op, chooser
from creditledger.errors import LedgerError

HERE = Path(__file__).parent
_ENTRY = struct.Struct("=cBHIQ")


class Fault(NamedTuple):
    """The nth call of a kind on a path that ends so fails, `times` times: with an errno, or (0) as a short write."""

    kind: str
    nth: int
    times: int
    error: int
    suffix: str = ""

    def __str__(self) -> str:
        name = errno.errorcode[self.error] if self.error else "short"
        return f"{self.kind}#{self.nth}x{self.times} {name} {self.suffix}".strip()


@dataclass
class Report:
    """How many states or runs were examined, and what was wrong with the bad ones."""

    examined: int = 0
    bad: list[str] = field(default_factory=list)

    def add(self, name: str, problem: str | None) -> None:
        self.examined += 1
        if problem is not None:
            self.bad.append(f"{name}: {problem}")


def build_shim(compiler: str, directory: Path) -> Path:
    """Compile the shim and return its path."""
    shim = directory / "shim.so"
    flags = ["-O1", "-fPIC", "-shared", "-Wall", "-Wextra"]
    subprocess.run([compiler, *flags, "-o", shim, HERE / "shim.c", "-ldl", "-lpthread"], check=True)
    return shim


@contextmanager
def scratch() -> Iterator[Path]:
    """A place in memory where there is one: it is not the disk of this machine that the campaigns test."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as path:
        yield Path(path)


# --- The campaigns -----------------------------------------------------------------------------------------------


def power_cuts(
    scenario: str,
    directory: Path,
    *,
    shim: Path,
    seed: int,
    states: int,
    lying: float = 0.0,
    lying_from: int = 0,
    kill_after: Sequence[int] = (),
    fault: Fault | None = None,
    checker: Checker | None = None,
) -> Report:
    """Record a workload, rebuild `states` disk images at random points of it, and check each.

    `lying` is the share of syncs that the disk pretends to do, from one entry of the record on: a control that must
    find losses. With `fault`, a call fails while the workload is recorded, and it goes on. With `kill_after` the
    workload is killed at the given entries of its record, power staying on, and started again after all kills but the
    last; the points are then those of its last run, each in turn. Problems are named by seed, state and point.
    A `checker` of the same scenario saves the start of one.
    """
    rng = random.Random(seed)
    ops = record(scenario, directory / "recorded", shim=shim, seed=seed, kill_after=kill_after, fault=fault)
    if lying:
        lies = [op for op in ops[lying_from:] if op.kind != "S" or rng.random() >= lying]
        ops[lying_from:] = [op._replace(durable=op.durable and rng.random() >= lying) for op in lies]
    report = Report()
    disk, acknowledged, done = Disk(), [], 0
    first = sum(kill_after[:-1])
    cuts = [rng.randrange(len(ops) + 1) for _ in range(states)]
    if kill_after:
        cuts = list(islice(cycle(range(first, len(ops) + 1)), states))
    with nullcontext(checker) if checker is not None else Checker(scenario, directory) as judge:
        for number, cut in enumerate(sorted(cuts)):
            for op in ops[done:cut]:
                if op.kind == "A":
                    acknowledged.append(op.data)
                else:
                    disk.apply(op)
            done = cut
            under_way = ops[cut]._replace(durable=False) if cut < len(ops) else None
            root = write_image(directory / "image", disk.image(chooser(rng), under_way))
            report.add(f"seed {seed} state {number} at {cut} of {len(ops)}", judge.problem(root, acknowledged))
    return report


def record(
    scenario: str,
    root: Path,
    *,
    shim: Path,
    seed: int,
    kill_after: Sequence[int] = (),
    fault: Fault | None = None,
) -> list[Op]:
    """Run the workload in an empty directory under the shim, and return what it did there.

    With `kill_after`, run it as often as that has numbers, each time killed at that entry of its record. With `fault`,
    that call fails.
    """
    log = root.with_suffix(".log")
    root.mkdir()
    root = root.resolve()
    environ = _environ({"LD_PRELOAD": str(shim), "CRASH_ROOT": str(root), "CRASH_LOG": str(log)})
    if fault is not None:
        environ["CRASH_FAULT"] = json.dumps(fault)
    command = _child("workload", scenario, str(root), str(seed))
    for entries in kill_after:
        killed = subprocess.run(command, env={**environ, "CRASH_KILL_AFTER": str(entries)}, timeout=600)
        assert killed.returncode == -signal.SIGKILL
    if not kill_after:
        subprocess.run(command, check=True, env=environ, timeout=600)
    ops, data, at = [], log.read_bytes(), 0
    while at < len(data):
        kind, durable, path_length, data_length, offset = _ENTRY.unpack_from(data, at)
        at += _ENTRY.size
        path = data[at : at + path_length].decode()
        at += path_length
        ops.append(Op(kind.decode(), bool(durable), path, offset, data[at : at + data_length]))
        at += data_length
    return ops


def write_image(root: Path, image: dict[str, bytes | None]) -> Path:
    """Make a directory hold exactly this image."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    for path, content in sorted(image.items()):
        if content is None:
            (root / path).mkdir()
        else:
            (root / path).write_bytes(content)
    return root


class Checker:
    """A process that checks one directory after another; a check that kills its process is one more finding."""

    def __init__(self, scenario: str, directory: Path) -> None:
        self._command = _child("check", scenario)
        self._list = directory / "acknowledged"
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.communicate()

    def problem(self, root: Path, acknowledged: list[bytes]) -> str | None:
        """Return what is wrong under `root`, or None."""
        self._list.write_text("".join(f"{item.hex()}\n" for item in acknowledged))
        if self._process is None:
            pipe = subprocess.PIPE
            self._process = subprocess.Popen(self._command, stdin=pipe, stdout=pipe, text=True, env=_environ({}))
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{root}\t{self._list}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            self._process.communicate()
            code, self._process = self._process.returncode, None
            return f"the process that checked it ended with {code}"
        problem: str | None = json.loads(answer)
        return problem


def kills(scenario: str, directory: Path, *, seed: int, rounds: int) -> Report:
    """Kill the workload at a random moment of each round, on one directory, and check it after each."""
    rng = random.Random(seed)
    root = directory / "killed"
    root.mkdir()
    report = Report()
    acknowledged: list[bytes] = []
    with Checker(scenario, directory) as checker:
        for number in range(rounds):
            wanted = len(acknowledged) + rng.randrange(1, 60)
            command = _child("workload", scenario, str(root), str(seed))
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=_environ({})) as process:
                assert process.stdout is not None
                for line in process.stdout:  # To the end: what is in the pipe when it dies was acknowledged too.
                    acknowledged.append(bytes.fromhex(line))
                    if len(acknowledged) == wanted:
                        time.sleep(rng.random() * 0.003)
                        process.kill()
            report.add(f"seed {seed} round {number}", checker.problem(root, acknowledged))
    return report


def faults(scenario: str, directory: Path, *, shim: Path, seed: int, matrix: list[Fault]) -> Report:
    """Run the workload once for each fault, in one process, and check what it left.

    A fault that never struck is a problem too: the matrix would claim more than it tests.
    """
    top = directory / "faults"
    top.mkdir()
    environ = {"LD_PRELOAD": str(shim), "CRASH_ROOT": str(top.resolve())}
    command = _child("faults", scenario, str(top.resolve()), str(seed))
    pipe = subprocess.PIPE
    report = Report()
    with (
        Checker(scenario, directory) as checker,
        subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=_environ(environ)) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        for number, fault in enumerate(matrix):
            process.stdin.write(json.dumps(fault) + "\n")
            process.stdin.flush()
            acknowledged, struck, error = json.loads(process.stdout.readline())
            problem = error or checker.problem(top / str(number), [bytes.fromhex(item) for item in acknowledged])
            report.add(str(fault), problem or (None if struck else "the fault never struck"))
            shutil.rmtree(top / str(number))
    return report


# --- The process under test --------------------------------------------------------------------------------------


def _child(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "crash.harness", *arguments]


def _environ(more: dict[str, str]) -> dict[str, str]:
    paths = [str(HERE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **more}


def _shim() -> ctypes.CDLL | None:
    library = ctypes.CDLL(None)
    return library if hasattr(library, "crash_ack") else None


def _main(mode: str, scenario: str, *arguments: str) -> None:
    module = importlib.import_module(scenario)
    if mode == "check":
        for line in sys.stdin:
            root, acknowledged = map(Path, line.rstrip("\n").split("\t"))
            try:
                module.check(root, [bytes.fromhex(item) for item in acknowledged.read_text().split()])
                problem = None
            except Exception as error:  # noqa: BLE001  # Whatever a check raises is a finding.
                problem = f"{type(error).__name__}: {error}"
            print(json.dumps(problem), flush=True)
        return
    root, seed, shim = Path(arguments[0]), int(arguments[1]), _shim()
    if mode == "faults":
        assert shim is not None
        for number, line in enumerate(sys.stdin):
            print(
                json.dumps(_run_with_fault(module, root / str(number), seed, shim, Fault(*json.loads(line)))),
                flush=True,
            )
    elif shim is not None:
        if "CRASH_FAULT" in os.environ:
            arm(shim, Fault(*json.loads(os.environ["CRASH_FAULT"])))
        module.workload(root, lambda item: shim.crash_ack(item, len(item)), seed)
    else:
        module.workload(root, lambda item: os.write(1, item.hex().encode() + b"\n"), seed)


def arm(shim: ctypes.CDLL, fault: Fault) -> None:
    """Make the calls of this process fail that the fault names."""
    shim.crash_arm(ord(fault.kind), fault.nth, fault.times, fault.error, fault.suffix.encode())


def _run_with_fault(
    module: ModuleType, root: Path, seed: int, shim: ctypes.CDLL, fault: Fault
) -> tuple[list[str], int, str | None]:
    """Return what was acknowledged, how often the fault struck, and what ended the workload."""
    root.mkdir()
    acknowledged: list[str] = []
    ended = None
    arm(shim, fault)
    try:
        module.workload(root, lambda item: acknowledged.append(item.hex()), seed)
    except LedgerError as error:
        ended = str(error) if fault.times == 1 else None  # From a disk that stays full there is no recovery.
    return acknowledged, shim.crash_disarm(), ended


if __name__ == "__main__":
    _main(*sys.argv[1:])
