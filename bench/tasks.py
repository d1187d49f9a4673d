"""One measurement, in a process of its own: `python bench/tasks.py NAME JSON` prints what it found as JSON.

A process of its own, so that nothing measured before has warmed a cache, grown the memory or left a thread behind.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from baseline import reference_loop
from creditledger.audit.auditor import verify
from creditledger.audit.trust import Trust
from creditledger.keys import ed25519
from creditledger.ledger.founding import LogSigner
from creditledger.ledger.ledger import Ledger
from creditledger.tlog.tree import check_inclusion, leaf_hash
from creditledger.workers import Pool, processors
from proving import checkpoints, proofs
from published import measure as measure_published
from world import CLERKS, LIST, ORIGIN, EntryFile, Home, clerk, clerks_entries, found, make_entries, signer, subject

JOBS = processors()
_SAMPLE_SECONDS = 0.05
_PACE_SECONDS = 0.3
_TICKS = os.sysconf("SC_CLK_TCK")


class Memory:
    """The largest RssAnon of this process, and of it and its workers together, in bytes, sampled by a thread."""

    def __init__(self) -> None:
        self.own = self.all = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        children = Path(f"/proc/self/task/{os.getpid()}/children")
        while not self._over.wait(_SAMPLE_SECONDS):
            own = _rss_anon("self")
            self.own = max(self.own, own)
            self.all = max(self.all, own + sum(_rss_anon(pid) for pid in children.read_text().split()))


def _rss_anon(pid: str) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("RssAnon")), 0)


def _verify(file: EntryFile, start: int, stop: int) -> float:
    """Seconds to merely verify the signatures of these entries in as many processes as there are processors."""
    began = time.perf_counter()
    with Pool("baseline", JOBS) as pool:
        for _ in pool.map("verify", file.blocks(start, stop)):
            pass
    return time.perf_counter() - began


def prepare(base: str, acts_each: int, acts: int) -> dict[str, Any]:
    """Found a ledger and sign the entries for it."""
    heads = found(Path(base))
    with Home(Path(base)).open(write=False) as ledger:
        ledger_id = ledger.ledger_id
    file = make_entries(Path(base) / "entries", ledger_id, heads[clerk(0).public_key], acts_each, acts)
    return {**file._asdict(), "path": str(file.path)}


def append(base: str, file: EntryFile, rounds: int) -> dict[str, Any]:
    """Append all entries in bulk, in rounds; before each, merely verify a fifth as many signatures of the same file.

    `curve`: pairs of acts in the ledger and seconds spent on them, as they were recorded.
    """
    home = Home(Path(base))
    step = -(-file.number // rounds // 1000) * 1000
    sample = max(step // 5, min(step, 10_000))
    verified, verify_seconds, seconds = 0, 0.0, 0.0
    curve: list[tuple[int, float]] = []
    with home.open(write=True) as ledger, Memory() as memory:
        for start in range(0, file.number, step):
            stop = min(start + step, file.number)
            upto = min(start + sample, stop)
            verify_seconds += _verify(file, start, upto)
            verified += upto - start
            began = time.perf_counter()

            def note(done: int, base: int = start, began: float = began, before: float = seconds) -> None:
                curve.append(((base + done) * file.acts_each, before + time.perf_counter() - began))

            ledger.append_many(file.read(start, stop), progress=note)
            seconds += time.perf_counter() - began
        began = time.perf_counter()
    return {
        "seconds": seconds + time.perf_counter() - began,
        "verify_rate": verified / verify_seconds,
        "curve": curve,
        "rss_own": memory.own,
        "rss_all": memory.all,
    }


def reference(base: str, file: EntryFile, number: int) -> dict[str, Any]:
    """The bare work for the first entries of the file."""
    began = time.perf_counter()
    acts = reference_loop(Path(base) / "reference", file.read(0, number))
    return {"acts_per_second": acts / (time.perf_counter() - began)}


def concurrent(base: str, each: int, first: int) -> dict[str, Any]:
    """Blocking appends of one act from 64 threads, each with a key of its own."""
    with Home(Path(base)).open(write=True) as ledger:
        keys = [clerk(number).public_key for number in range(CLERKS)]
        heads = {key: head for key in keys if (head := ledger.key_head(key)) is not None}
        signed = clerks_entries(ledger.ledger_id, heads, first, each)
        commits = _checkpoints(ledger)
        start = threading.Barrier(CLERKS + 1)

        def work(entries: list[tuple[bytes, tuple[bytes]]]) -> None:
            start.wait()
            for data, signatures in entries:
                ledger.append_signed(data, signatures)

        threads = [threading.Thread(target=work, args=(entries,)) for entries in signed]
        for thread in threads:
            thread.start()
        start.wait()
        began = time.perf_counter()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - began
        return {
            "per_second": CLERKS * each / seconds,
            "group": CLERKS * each / (_checkpoints(ledger) - commits),
        }


def _checkpoints(ledger: Ledger) -> int:
    with ledger.log.engine.snapshot() as snapshot:
        return snapshot.count("checkpoint")


def ask(base: str, acts: int, questions: int) -> dict[str, Any]:
    """Open, look up and prove; seconds: to open the first time, and the median of so many questions at random places.

    And the bytes that the ledger takes on the disk, beside those of the records themselves.
    """
    home = Home(Path(base))
    began = time.perf_counter()
    ledger = home.open(write=True)
    open_writer = time.perf_counter() - began
    ledger.close()
    began = time.perf_counter()
    ledger = home.open(write=False)
    open_reader = time.perf_counter() - began
    with ledger:
        size, root = ledger.size, ledger.root
        lookups, proofs = [], []
        for number in range(questions):
            one = subject(number * 7_919 % acts)
            began = time.perf_counter()
            answer = ledger.lookup(one, LIST, valid_at="2026-04-01")
            lookups.append(time.perf_counter() - began)
            if answer.status != "listed":
                raise AssertionError(f"subject {number * 7_919 % acts} is {answer.status}")
        for number in range(questions):
            seq = number * 7_919 % size
            began = time.perf_counter()
            proof = ledger.log.tree.inclusion(seq, size)
            proofs.append(time.perf_counter() - began)
            if number % 100 == 0:
                check_inclusion(proof, seq, leaf_hash(next(ledger.records(seq, seq + 1))[1]), size, root)
        return {
            "open_writer": open_writer,
            "open_reader": open_reader,
            "lookup": statistics.median(lookups),
            "proof": statistics.median(proofs),
            "record_bytes": sum(len(data) for _, data in ledger.records()),
            "disk": {part: _on_disk(home.ledger / part) for part in ("log", "state")},
        }


def _on_disk(directory: Path) -> int:
    return sum(path.stat().st_blocks * 512 for path in directory.iterdir())


def audit(base: str, file: EntryFile) -> dict[str, Any]:
    """Audit the whole ledger; before and after, merely verify some of the signatures."""
    home = Home(Path(base))
    with home.open(write=False) as ledger:
        trust = Trust(ORIGIN, ledger.ledger_id, (LogSigner(ORIGIN, signer("log")).verifier.vkey,))
    sample = min(file.number, max(file.number // 5, 10_000))
    verify_seconds = _verify(file, 0, sample)
    with Memory() as memory:
        began = time.perf_counter()
        report = verify(home.ledger, trust=trust)
        seconds = time.perf_counter() - began
    verify_seconds += _verify(file, 0, sample)
    return {
        "seconds": seconds,
        "records": report.size,
        "verify_rate": 2 * sample / verify_seconds,
        "rss_own": memory.own,
        "rss_all": memory.all,
    }


def published(base: str) -> dict[str, Any]:
    """Publish the ledger, verify and mirror what was published, and merely hash it: see `published.measure`."""
    home = Home(Path(base))
    with home.open(write=False) as ledger:
        trust = Trust(ORIGIN, ledger.ledger_id, (LogSigner(ORIGIN, signer("log")).verifier.vkey,))
    scratch = Path(base) / "published"
    scratch.mkdir()
    return measure_published(home.ledger, trust, scratch)


def tessera(program: str, base: str, entry_bytes: int, waiting: int, ahead: int) -> dict[str, Any]:
    """Append to Tessera's POSIX storage (`bench/tessera`): 64 writers that wait for each entry, one that does not.

    A batch of it closes when it is full or old, so for writers that wait, one full of their entries serves it best.
    """
    found = {}
    batches: tuple[tuple[str, int, int, dict[str, Any]], ...] = (
        ("waiting", 64, waiting, {"batch": 64, "age": "5ms"}),
        ("ahead", 0, ahead, {"batch": 4096}),
    )
    for name, writers, number, batch in batches:
        directory = Path(base) / name
        directory.mkdir(parents=True)
        settings = {"dir": directory, "size": entry_bytes, "count": number, "writers": writers, **batch}
        command = [program, *(f"-{setting}={value}" for setting, value in settings.items())]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        found[name] = json.loads(done.stdout)
    return found


def imports(rounds: int) -> dict[str, Any]:
    """Median seconds to start an interpreter: bare, with the package imported, and with its library in use."""
    programs = ("pass", "import creditledger", "from creditledger import Ledger")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    seconds: dict[str, list[float]] = {program: [] for program in programs}
    for _ in range(rounds + 1):
        for program in programs:
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", program], check=True, env=environment)
            seconds[program].append(time.perf_counter() - began)
    # The first of each compiled what was not compiled yet.
    bare, package, library = (statistics.median(seconds[program][1:]) for program in programs)
    return {"bare": bare, "package": package - bare, "library": library - bare}


TASKS: dict[str, Callable[..., dict[str, Any]]] = {
    one.__name__: one
    for one in (prepare, append, reference, concurrent, ask, audit, published, imports, proofs, checkpoints, tessera)
}


def pace() -> float:
    """Signatures of an entry's size that one thread verifies in a second of its own: how fast the machine is now."""
    key, message = clerk(0), bytes(337)
    signature = key.sign(message)
    number, began = 0, time.thread_time()
    while (seconds := time.thread_time() - began) < _PACE_SECONDS:
        ed25519.verify(key.public_key[1:], message, signature)
        number += 1
    return number / seconds


def _processor_seconds() -> tuple[float, float]:
    """Seconds that all processors were there for, and seconds that they were busy, since the system started."""
    ticks = [int(one) for one in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    idle = ticks[3] + ticks[4]
    return sum(ticks) / _TICKS, (sum(ticks) - idle) / _TICKS


def _own_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> None:
    """Run the task named by the first argument with the arguments in the second.

    Beside what it found: `elsewhere`, the share of the processors that was busy with something else meanwhile, and
    `pace`, the mean of the machine's pace before and after.
    """
    name, given = sys.argv[1], json.loads(sys.argv[2])
    if "file" in given:
        given["file"] = EntryFile(**{**given["file"], "path": Path(given["file"]["path"])})
    before = pace()
    there, busy = _processor_seconds()
    own = _own_seconds()
    result = TASKS[name](**given)
    there, busy = (after - earlier for after, earlier in zip(_processor_seconds(), (there, busy), strict=True))
    result["elsewhere"] = max(busy - (_own_seconds() - own), 0.0) / max(there, 0.01)
    result["pace"] = (before + pace()) / 2
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
