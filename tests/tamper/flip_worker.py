"""Flips bytes of a ledger's LMDB files one after the other, in a process of its own: a damaged file may end it.

Reads `FILE OFFSET BIT` lines from stdin and answers each with one line: `detected FINDING`, `dead` (verification
passes, and every stored byte that means anything is as before), `absent` (the report says that the derived state is not
there), `refused ERROR`, or `MISSED`. The parent sees from the
missing answer that the process died, and starts another.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path

from creditledger.audit import crew
from creditledger.audit.auditor import verify
from creditledger.errors import LedgerError
from creditledger.ledger.layout import LOG_TABLES
from creditledger.ledger.state import STATE_TABLES
from creditledger.store.lmdb_engine import LmdbEngine


def everything(directory: Path) -> str:
    """A digest over every row of every table, log and state."""
    digest = hashlib.sha256()
    for name, tables in (("log", LOG_TABLES), ("state", STATE_TABLES)):
        engine = LmdbEngine.open(directory / name, tables, readonly=True)
        try:
            with engine.snapshot() as snapshot:
                for table in tables:
                    for key, value in snapshot.range(table):
                        digest.update(b"%b|%b|%b\n" % (table.encode(), key, value))
        finally:
            engine.close()
    return digest.hexdigest()


def judge(directory: Path, trust: Path, sound: str) -> str:
    """What verification makes of the directory."""
    try:
        report = verify(directory, trust=trust, raise_on_failure=False)
    except LedgerError as error:
        return f"refused {type(error).__name__}"
    if report.exit_code:
        return f"detected {','.join(report.counts) or 'unable'}"
    if everything(directory) == sound:
        return "dead"
    # A flip can make the state look empty. That is as if it had been deleted: said in the report, rebuilt when opened.
    return "absent" if any(what.startswith("derived state") for what in report.not_checked) else "MISSED"


def main() -> None:
    original, copy, trust = map(Path, sys.argv[1:4])
    if copy.exists():
        shutil.rmtree(copy)
    shutil.copytree(original, copy)
    # In this process, not in one per flip: dying is what this process is for.
    crew.Crew._suitable = lambda self, jobs: 0  # type: ignore[method-assign]
    sound = everything(original)
    for line in sys.stdin:
        name, offset, bit = line.split()
        path = copy / name
        data = bytearray((original / name).read_bytes())
        data[int(offset)] ^= 1 << int(bit)
        path.write_bytes(data)
        answer = judge(copy, trust, sound)
        shutil.copyfile(original / name, path)
        print(answer, flush=True)


if __name__ == "__main__":
    main()
