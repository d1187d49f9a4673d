"""Does what the command line does, one thing after the other, on a disk that becomes full in the middle of it.

    LD_PRELOAD=shim.so CRASH_ROOT=DIR python -m crash.full_disk DIR

Each job is done on a fresh copy of what it needs, again and again, until the disk lasts: from the first write on there
is no room, then from the second, the third, the fifth, and so on. Then there is room again, and the job is looked at.
Prints JSON, for each: the job, that number, how often a write failed, the error told, and what was wrong.
"""

from __future__ import annotations

import errno
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from crash.harness import Fault, _shim, arm
from creditledger.acts import catalogue as acts
from creditledger.acts.content import commit
from creditledger.acts.kinds import Commitment, Subject
from creditledger.audit import Trust, verify
from creditledger.errors import LedgerError
from creditledger.keys.keyfile import write_key
from creditledger.ledger.founding import LogSigner
from creditledger.ledger.ledger import Ledger
from creditledger.ledger.receipt import ContentItem
from creditledger.store.master_key import read_master_key, write_master_key
from creditledger.transfer import export_ledger
from creditledger.transfer.restore import restore_ledger
from support.registry import CONTENT_KEY, LIST, ORIGIN, Registry, listing, signer
from transfer import killed
from transfer.mirror import event, events_file, found, members, reopen

WRITES = (1, 2, 4, 8, 13, 20, 30, 50, 100, 200, 400, 800)
FOR_GOOD = 1 << 30
KEYS = 40
PERSON, NONCE, NAME = Subject.handle(b"\x42" * 32), b"\x07" * 32, b"Ana Arden"
EVENTS = [event("2024-01-01", "add", f"k{number}") for number in range(KEYS)]

Job = tuple[Callable[[Path], object], Callable[[Path, bool], None]]
"""What is done in a directory, and what must be true of it afterwards, given whether it was done without an error."""


def prepare(base: Path) -> None:
    """What the jobs begin with: a ledger with content and its export, and one that a file is imported into."""
    item = ContentItem(LIST, PERSON, commit(NONCE, NAME), NONCE, NAME)
    with Registry(base).create() as ledger:
        act = listing(0, subject=PERSON, content=(Commitment("name", item.commitment),))
        ledger.append(act, signer=signer("court"), contents=[item])
        export_ledger(ledger, base / "sound.export", with_content=True)
    found(base).close()
    events_file(base / "events.jsonl", EVENTS)


def sound(base: Path) -> None:
    """The ledger opens to write, and an auditor finds nothing wrong with it."""
    with Registry(base).open() as ledger:
        trust = Trust(ORIGIN, ledger.ledger_id, (LogSigner(ORIGIN, signer("log")).verifier.vkey,))
    verify(base / "registry", trust=trust, content_key=CONTENT_KEY)


def init(base: Path) -> None:
    registry = Registry(base / "new")
    Ledger.create(
        registry.directory, origin=ORIGIN, log_signer=signer("log"), root_signers=[signer("root-1")],
        content_key=CONTENT_KEY, head_dir=registry.heads, clock=registry.clock,
    ).close()  # fmt: skip


def check_init(base: Path, done: bool) -> None:
    left = {path.name for path in Registry(base / "new").directory.glob("*")}
    if not done and "ledger.toml" not in left:
        assert left <= {"writer.lock"}, f"a founding that failed left {left}"
        init(base)
    sound(base / "new")


def keygen(base: Path) -> None:
    write_key(base / "new.key", bytes(32), None)
    write_master_key(base / "content.key")


def check_keygen(base: Path, done: bool) -> None:
    if not done and not (base / "new.key").exists():
        write_key(base / "new.key", bytes(32), None)
    if not (base / "content.key").exists():
        write_master_key(base / "content.key")
    read_master_key(base / "content.key")


def erase(base: Path) -> None:
    erasure = acts.ContentErase(LIST, PERSON, (commit(NONCE, NAME),), "2026-03-02", "act", "s. 9")
    with Registry(base).open() as ledger:
        if not any(isinstance(one.act, acts.ContentErase) for one in ledger.history(PERSON, LIST)):
            ledger.append(erasure, signer=signer("court"))


def check_erase(base: Path, done: bool) -> None:
    sound(base)
    erase(base)
    with Registry(base).open() as ledger:
        assert ledger.content(LIST, PERSON, commit(NONCE, NAME)) is None
        assert ledger.private_store().ids() == []
    sound(base)


def export(base: Path) -> None:
    with Registry(base).read() as ledger:
        export_ledger(ledger, base / "new.export", with_content=True)


def check_export(base: Path, done: bool) -> None:
    assert (base / "new.export").exists() == done, "an export is there whole, or not at all"
    assert not [*base.glob(".*.part")]
    if not done:
        export(base)
    assert (base / "new.export").read_bytes() == (base / "sound.export").read_bytes()


def restore(base: Path) -> None:
    restore_ledger(
        base / "sound.export", base / "new", log_signer=signer("log"), content_key=CONTENT_KEY,
        head_dir=base / "other-heads",
    )  # fmt: skip


def check_restore(base: Path, done: bool) -> None:
    assert (base / "new").exists() == done, "a ledger is restored whole, or not at all"
    # A lock that there was no room for may stay beside it, and is used by the next restore to the same place.
    assert {path.name for path in base.glob(".new*/*")} <= {"writer.lock"}
    if not done:
        restore(base)
    assert [*base.glob(".new*")] == []
    restored = Registry(base)
    restored.directory, restored.heads = base / "new", base / "other-heads"
    with restored.open() as ledger:
        assert ledger.content(LIST, PERSON, commit(NONCE, NAME)) == NAME


def import_(base: Path) -> None:
    killed.run_events(base)


def check_import(base: Path, done: bool) -> None:
    with reopen(base) as ledger:
        assert ledger.replay().digest() == ledger.state_digest()
    killed.run_events(base)
    with reopen(base) as ledger:
        assert members(ledger, "coins") == {f"k{one}" for one in range(KEYS)}


JOBS: dict[str, Job] = {
    "init": (init, check_init),
    "keygen": (keygen, check_keygen),
    "erase": (erase, check_erase),
    "export": (export, check_export),
    "restore": (restore, check_restore),
    "import": (import_, check_import),
}


def main() -> None:
    """Do every job at every point."""
    shim = _shim()
    assert shim is not None
    top = Path(sys.argv[1])
    base = top / "base"
    base.mkdir()
    prepare(base)
    rows = []
    for name, (job, check) in JOBS.items():
        for nth in WRITES:
            place = top / f"{name}-{nth}"
            shutil.copytree(base, place)
            error = problem = ""
            arm(shim, Fault("W", nth, FOR_GOOD, errno.ENOSPC, ""))
            try:
                job(place)
            except LedgerError as raised:
                error = str(raised)
            except Exception as raised:  # noqa: BLE001  # Anything else is a finding.
                error = problem = f"{type(raised).__name__}: {raised}"
            struck = shim.crash_disarm()
            try:
                check(place, not error)
            except Exception as raised:  # noqa: BLE001  # Whatever a check raises is a finding.
                problem = problem or f"{type(raised).__name__}: {raised}"
            rows.append((name, nth, struck, error, problem))
            shutil.rmtree(place)
            if not struck:
                break
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
