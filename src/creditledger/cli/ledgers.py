"""Opening ledgers for commands, and the files that lie beside them."""

from __future__ import annotations

import os
from pathlib import Path

from creditledger.keys.signer import Signer
from creditledger.ledger.ledger import Ledger
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
