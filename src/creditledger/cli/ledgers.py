"""Opening ledgers for commands, and the files that lie beside them."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from creditledger.client.files import read_bounded
from creditledger.errors import KeyFileError, UsageError
from creditledger.keys.signer import Signer
from creditledger.ledger.founding import LogSigner, system_clock
from creditledger.ledger.heads import check_head, check_log_keys
from creditledger.ledger.layout import LOG_TABLES, Description, Layout
from creditledger.ledger.ledger import Ledger
from creditledger.ledger.log import Log, parse_checkpoint
from creditledger.ledger.opening import open_to_read
from creditledger.store.head import HeadStore, default_head_dir
from creditledger.store.lmdb_engine import LmdbEngine
from creditledger.store.master_key import read_master_key
from creditledger.tlog.checkpoint import open_checkpoint
from creditledger.tlog.note import MAX_NOTE_BYTES

if TYPE_CHECKING:
    from creditledger.audit.trust import Trust

WITNESS_TIMEOUT = 5.0
"""Seconds for which commands wait for witnesses."""


def open_reader(directory: Path, content_key: Path | None = None) -> Ledger:
    """Opens a ledger to read; with the content key's file, detached content can be read too."""
    return Ledger.open(directory, content_key=read_content_key(content_key))


def open_writer(
    directory: Path,
    log_signer: Signer | Sequence[Signer],
    head_dir: Path | None,
    content_key: Path | None = None,
    *,
    mldsa_seed: bytes | None = None,
    timeout: float = WITNESS_TIMEOUT,
) -> Ledger:
    """Opens a ledger to write; `mldsa_seed` is that of the log's post-quantum key."""
    key = read_content_key(content_key)
    post_quantum = None
    if mldsa_seed is not None:
        from creditledger.tlog.cosignature import MlDsaSigner

        origin = Description.read(Layout(directory)).origin
        post_quantum = MlDsaSigner(origin, mldsa_seed, lambda: int(time.time()))
    return Ledger.open(
        directory, log_signer=log_signer, post_quantum_signer=post_quantum, witness_timeout=timeout, head_dir=head_dir,
        content_key=key,
    )  # fmt: skip


def open_judge(directory: Path) -> Ledger:
    """Opens a ledger to read, to judge by it what is to be signed.

    On the machine that writes to it, its state is read only if it bears the writer's seal, and else replayed from the
    log. Elsewhere nobody knows the seal, and the state is read as it is: the writer judges again.
    """
    try:
        heads = HeadStore(os.environ.get("CREDITLEDGER_HEADS") or default_head_dir(os.environ))
    except UsageError:  # There is no place where heads are kept, and so no seal.
        return open_reader(directory)
    if heads.sealed(Description.read(Layout(directory)).ledger_id) is None:
        return open_reader(directory)
    return _open_sealed(directory, heads, None)


def _open_sealed(directory: Path, heads: HeadStore, content_key: Path | None) -> Ledger:
    key = read_content_key(content_key)
    parts = open_to_read(directory, policy=None, content_key=key, clock=system_clock, keeper=heads)
    return Ledger(parts)


def open_rehearsal(
    directory: Path, log_signers: Sequence[Signer], head_dir: Path | None, content_key: Path | None = None
) -> Ledger:
    """Opens a ledger to read, for trying out what would be written; a head or log key that stands against it is told.

    Nothing is written, neither in the ledger nor beside the head that is kept outside.
    """
    description = Description.read(Layout(directory))
    heads = HeadStore(head_dir if head_dir is not None else default_head_dir(os.environ))
    ledger = _open_sealed(directory, heads, content_key)
    try:
        check_head(heads.load(ledger.ledger_id), ledger.log, ledger.size)
        signers = [LogSigner(ledger.origin, one) for one in log_signers]
        check_log_keys(ledger.governance, description, signers, ledger.checkpoint)
    except BaseException:
        ledger.close()
        raise
    return ledger


def read_content_key(file: Path | None) -> bytes | None:
    """The content key in a file, 32 bytes; None for no file. Raises `KeyFileError`."""
    if file is None:
        return None
    with suppress(OSError, ValueError):  # What cannot even be looked at is for reading it to tell.
        if not stat.S_ISREG(os.stat(file).st_mode):
            raise KeyFileError(f"the content key {file} is not a regular file")
    return read_master_key(file)


def read_checkpoint(file: Path, trust: Trust | None, ledger: Ledger | None) -> tuple[int, bytes]:
    """Size and root of a signed checkpoint in a file, verified by the trust file if there is one.

    Beside a ledger it must be the ledger's own: of its origin, with the root that its log has at that size.
    """
    data = read_bounded(file, MAX_NOTE_BYTES, "the checkpoint")
    checkpoint = parse_checkpoint(data) if trust is None else open_checkpoint(data, trust.verifiers(), trust.origin)
    if ledger is not None:
        root = ledger.log.root_at(checkpoint.size) if checkpoint.size <= ledger.size else None
        if (checkpoint.origin, checkpoint.root) != (ledger.origin, root):
            raise UsageError(
                f"the checkpoint in {file} is not this ledger's: it says {checkpoint.origin}, size {checkpoint.size}, "
                f"root {checkpoint.root.hex()}; this is {ledger.origin}, with root {root.hex() if root else 'none'} "
                "at that size"
            )
    return checkpoint.size, checkpoint.root


def write_new(path: Path, text: str | bytes, mode: int = 0o644) -> None:
    """Writes a new text file, synced; one that is there is never overwritten (`FileExistsError`)."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with open(descriptor, "wb") as file:
        file.write(text.encode() if isinstance(text, str) else text)
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
        log.check_edge()
        yield log
    finally:
        engine.close()
