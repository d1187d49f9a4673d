"""Flips bytes one after the other and has each result verified, in a process of its own: a damaged file may end it.

Started as `flip_worker.py SOUND COPY` (see flips.py), it reads `WHAT OFFSET BIT` lines from stdin. WHAT is a file of
the ledger's directory; or `export`, the export file as it is; or `record`, the records alone, one behind the other,
around which the export is then written anew, so that nothing but the record itself can give the flip away. It answers
each line with one line:

    detected FINDING   verification fails, or says that this part cannot be verified
    refused ERROR      the file is not taken for what it was
    dead               verification passes, and every row of every table is as before: nobody ever reads that byte
    absent             the report says that the derived state is not there
    MISSED             anything else

The parent sees from a missing answer that the process died, and starts another.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

from creditledger.audit import crew
from creditledger.audit.auditor import verify
from creditledger.errors import LedgerError
from creditledger.keys import ed25519
from creditledger.ledger.layout import LOG_TABLES
from creditledger.ledger.state import STATE_TABLES
from creditledger.store.lmdb_engine import LmdbEngine
from creditledger.transfer.export_file import RECORD, ExportReader, ExportWriter, Frame, read_content
from support.registry import CONTENT_KEY


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


def with_record_flipped(frames: list[Frame], offset: int, bit: int) -> bytes:
    """The export with one bit of its records flipped, and otherwise in order."""
    file = io.BytesIO()
    writer = ExportWriter(file)
    for frame in frames:
        payload = bytearray(frame.payload)
        if frame.kind == RECORD:
            if 0 <= offset < len(payload):
                payload[offset] ^= 1 << bit
            offset -= len(payload)
            writer.record(bytes(payload))
        elif frame.kind == b"C":
            writer.checkpoint(frame.payload)
        else:
            writer.content(read_content(frame))
    writer.end()
    return file.getvalue()


class Judge:
    """What verification makes of one flip after the other."""

    def __init__(self, sound: Path, copy: Path) -> None:
        self._sound = sound
        self._copy = copy
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(sound, copy)
        self._rows = everything(sound / "registry")
        with (sound / "ledger.export").open("rb") as file:
            self._frames = [*ExportReader(file).frames()]

    def flip(self, what: str, offset: int, bit: int) -> str:
        """Flip one bit, verify, put it right again."""
        name = "ledger.export" if what in ("export", "record") else f"registry/{what}"
        path, original = self._copy / name, self._sound / name
        if what == "record":
            path.write_bytes(with_record_flipped(self._frames, offset, bit))
        else:
            data = bytearray(original.read_bytes())
            data[offset] ^= 1 << bit
            path.write_bytes(data)
        try:
            return self._verdict(path if name == "ledger.export" else self._copy / "registry")
        finally:
            shutil.copyfile(original, path)

    def _verdict(self, path: Path) -> str:
        try:
            report = verify(path, trust=self._copy / "ledger.trust", content_key=CONTENT_KEY, raise_on_failure=False)
        except LedgerError as error:
            return f"refused {type(error).__name__}"
        if report.exit_code:
            return f"detected {','.join(report.counts) or 'unable'}"
        if path.is_dir():
            try:
                if everything(path) == self._rows:
                    return "dead"
            except LedgerError as error:
                return f"MISSED {error}"
        # A flip can make the state look empty. That is as if it had been deleted: said in the report, and made good
        # when the ledger is opened.
        return "absent" if any(one.startswith("derived state") for one in report.not_checked) else "MISSED"


def remember_signatures() -> None:
    """Verify each signature once: whether it is valid follows from its bytes, and most of them no flip touches."""
    open_signed: Any = ed25519._open

    @lru_cache(1024)
    def verdict(signed: bytes, key: bytes) -> int:
        return int(open_signed(ed25519._NULL, ed25519._NULL, signed, len(signed), key))

    vars(ed25519)["_open"] = lambda _out, _length, signed, _size, key: verdict(signed, key)


def main() -> None:
    """Answer the lines on stdin."""
    # In this process, not in one per flip: dying is what this process is for.
    crew.Crew._suitable = lambda self: 0  # type: ignore[method-assign]  # see above
    remember_signatures()
    judge = Judge(Path(sys.argv[1]), Path(sys.argv[2]))
    for line in sys.stdin:
        what, offset, bit = line.split()
        print(judge.flip(what, int(offset), int(bit)), flush=True)


if __name__ == "__main__":
    main()
