"""Opening ledgers for commands, and the files that lie beside them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from creditledger.errors import VerificationFailed
from creditledger.keys.signer import Signer
from creditledger.ledger.layout import LOG_TABLES, Description, Layout
from creditledger.ledger.ledger import Ledger
from creditledger.ledger.log import Log, parse_checkpoint
from creditledger.store.lmdb_engine import LmdbEngine
from creditledger.store.master_key import read_master_key


def open_reader(directory: Path, content_key: Path | None = None) -> Ledger:
    """Opens a ledger to read; with the content key's file, detached content can be read too."""
    return Ledger.open(directory, content_key=read_master_key(content_key) if content_key is not None else None)


def open_writer(directory: Path, log_signer: Signer, head_dir: Path | None, content_key: Path | None = None) -> Ledger:
    """Opens a ledger to write."""
    key = read_master_key(content_key) if content_key is not None else None
    return Ledger.open(directory, log_signer=log_signer, head_dir=head_dir, content_key=key)


def write_new(path: Path, text: str, mode: int = 0o644) -> None:
    """Writes a new text file, synced; one that is there is never overwritten (`FileExistsError`)."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def open_log(layout: Layout) -> Iterator[Log]:
    """The log alone, to read, for commands that judge the state and so must not rely on it.

    Its last tile is rebuilt from the records and held against the last checkpoint, so that records are re-hashed when
    they are read. Raises `NoLedger`, and `VerificationFailed` (LED-TREE) when they are not those that were signed.
    """
    Description.read(layout)
    engine = LmdbEngine.open(layout.log, LOG_TABLES, readonly=True)
    try:
        log = Log(engine)
        builder, _ = log.builder()
        last = log.checkpoint(builder.size)
        if last is not None and last[0] == builder.size:
            signed = parse_checkpoint(last[1])
            if signed.root != builder.root():
                raise VerificationFailed(
                    "LED-TREE", "the log is not the one its checkpoint was signed for",
                    expected=signed.root.hex(), found=builder.root().hex(),
                )  # fmt: skip
        log.set_edge(builder)
        yield log
    finally:
        engine.close()
