"""Founding and opening a ledger: everything is found sound before a writer exists (DESIGN: P4).

The order matters. The log is held against its last checkpoint and the head outside before the state is looked at; the
state bears this machine's seal, or is rebuilt from that log; with the log keys that the state then names, the signature
of the last checkpoint is verified; the witnesses are asked whether they have seen more; and only then is the state
sealed, and anything signed on top.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from creditledger.acts import catalogue as acts
from creditledger.errors import StoreError, UsageError, VerificationFailed
from creditledger.keys.signer import Signer
from creditledger.ledger.contents import Contents
from creditledger.ledger.dating import earliest_next
from creditledger.ledger.founding import LogSigner
from creditledger.ledger.heads import check_last_checkpoint, check_log_keys, claim_head, log_part
from creditledger.ledger.layout import LOG_TABLES, Description, Layout, clear_directory, make_directory, require_empty
from creditledger.ledger.log import LOG_FORMAT, Log
from creditledger.ledger.replay import open_state, replay
from creditledger.ledger.state import State
from creditledger.ledger.witnessing import Witnesses, read_policy
from creditledger.ledger.writer import Writer
from creditledger.record.entry import ZERO_HASH, check_entry
from creditledger.store.head import HeadStore, default_head_dir
from creditledger.store.lmdb_engine import LmdbEngine
from creditledger.store.lock import WriterLock
from creditledger.store.private import PrivateStore
from creditledger.tlog.tiles import TreeBuilder
from creditledger.tlog.tree import leaf_hash

if TYPE_CHECKING:
    from creditledger.tlog.cosignature import MlDsaSigner
    from creditledger.tlog.policy import Policy

_logger = logging.getLogger("creditledger")

StrPath = str | os.PathLike[str]


@dataclass(slots=True)
class Parts:
    """What an open ledger consists of; without a writer it is open to read."""

    layout: Layout
    description: Description
    log: Log
    state: State
    contents: Contents
    clock: Callable[[], int]
    heads: HeadStore | None = None
    lock: WriterLock | None = None
    writer: Writer | None = None
    policy: Policy | None = None
    witnesses: Witnesses | None = None
    post_quantum: MlDsaSigner | None = None
    state_lock: threading.RLock = field(default_factory=threading.RLock)

    def witness_policy(self) -> Policy | None:
        """The witness policy given at opening, or that in the directory; None if there is neither."""
        if self.policy is None:
            self.policy = read_policy(self.layout)
        return self.policy

    def close(self) -> None:
        """Writes what is kept in memory and releases everything, whatever of it fails."""
        with self.state_lock, ExitStack() as release:  # A commit under way is answered first.
            if self.lock is not None:
                release.callback(self.lock.release)
            if self.heads is not None:
                release.callback(self.heads.close)
            release.callback(self.log.engine.close)
            release.callback(self.state.close)
            release.callback(self.contents.close)
            if self.writer is not None and self.writer.poisoned is None:
                self.state.flush()
                self.contents.mark_erased(self.state.applied)


def found(
    directory: StrPath,
    data: bytes,
    signatures: Iterable[bytes],
    *,
    log_signer: Signer,
    content_key: bytes | None,
    head_dir: StrPath | None,
    clock: Callable[[], int],
) -> Parts:
    """Founds a ledger; see `Ledger.create_from_entry`."""
    checked = check_entry(data, signatures)
    founding = checked.entry.acts[0]
    if not isinstance(founding, acts.LedgerCreate):
        raise UsageError("a ledger is founded by an entry with the one act ledger.create/1")
    layout = Layout(Path(directory))
    heads = HeadStore(head_dir if head_dir is not None else default_head_dir(os.environ))
    make_directory(layout.directory)
    with ExitStack() as undo:
        lock = WriterLock(layout.lock)
        undo.callback(lock.release)
        require_empty(layout.directory)  # Asked again under the lock: what is there from here on was made here.
        undo.callback(clear_directory, layout.directory)
        log = Log(LmdbEngine.open(layout.log, LOG_TABLES, create=True))
        undo.callback(log.engine.close)
        with log.engine.batch() as batch:
            batch.put("meta", b"format", LOG_FORMAT)
        if content_key is not None:
            PrivateStore.open(layout.private, content_key, create=True).close()
        state = open_state(layout, create=True, keeper=heads)
        undo.callback(state.close)
        undo.callback(heads.close)
        contents = Contents(layout, content_key, readonly=False)
        undo.callback(contents.close)
        parts = Parts(layout, Description(founding.origin, ZERO_HASH), log, state, contents, clock, heads, lock)
        signers = {log_signer.public_key: LogSigner(founding.origin, log_signer)}
        writer = parts.writer = _writer(parts, heads, signers, TreeBuilder(), ZERO_HASH, 0)
        receipt = writer.append([checked])[0]
        if writer.poisoned is not None:  # Without its head outside, the ledger could never be opened to write.
            raise StoreError(f"the ledger was not founded: {writer.poisoned}")
        parts.description = Description(founding.origin, receipt.leaf_hash)
        state.keep_sealed(receipt.leaf_hash)
        parts.description.write(layout)
        undo.pop_all()
    return parts


def open_to_read(
    directory: StrPath,
    *,
    policy: Policy | None,
    content_key: bytes | None,
    clock: Callable[[], int],
    keeper: HeadStore | None = None,
) -> Parts:
    """Opens a ledger to read; see `Ledger.open`. What the state lacks is yet to be replayed.

    With the keeper of this machine's seals, a state that does not bear one is not read, but replayed in memory: for
    whoever judges by it, and does not only show it.
    """
    layout = Layout(Path(directory))
    description = Description.read(layout)
    log = Log(LmdbEngine.open(layout.log, LOG_TABLES, readonly=True))
    try:
        _check_description(description, log)
        identity = None if keeper is None else description.ledger_id
        state = open_state(layout, log=log, readonly=True, keeper=keeper, ledger_id=identity)
    except BaseException:
        log.engine.close()
        raise
    return Parts(layout, description, log, state, Contents(layout, content_key, readonly=True), clock, policy=policy)


def catch_up(log: Log, state: State) -> None:
    """Takes a reader to what the writer has committed since; to be called while the state is `held`."""
    size = log.size()
    if size == log.checked_size == state.applied:
        return
    builder = log.check_edge()
    state.catch_up()
    replay(log, state, builder.size)


def open_to_write(
    directory: StrPath,
    *,
    log_signers: Sequence[Signer],
    post_quantum_signer: MlDsaSigner | None,
    policy: Policy | None,
    witness_timeout: float,
    content_key: bytes | None,
    head_dir: StrPath | None,
    clock: Callable[[], int],
) -> Parts:
    """Opens a ledger to write; see `Ledger.open`."""
    layout = Layout(Path(directory))
    heads = HeadStore(head_dir if head_dir is not None else default_head_dir(os.environ))
    description = Description.read(layout)
    signers = [LogSigner(description.origin, one) for one in log_signers]
    _check_post_quantum(post_quantum_signer, description)
    with ExitStack() as undo:
        lock = WriterLock(layout.lock)
        undo.callback(lock.release)
        undo.callback(heads.close)
        log = Log(LmdbEngine.open(layout.log, LOG_TABLES))
        undo.callback(log.engine.close)
        _check_description(description, log)
        builder, last_leaf = log.builder()
        size, root = builder.size, builder.root()
        checkpoint = check_last_checkpoint(log, size, root)
        log.set_edge(builder)
        claim_head(heads, log, description.ledger_id, size)
        contents = Contents(layout, content_key, readonly=False)
        undo.callback(contents.close)
        contents.drop_unrecorded(size)
        state = open_state(layout, log=log, keeper=heads, ledger_id=description.ledger_id)
        undo.callback(state.close)
        replay(log, state, size)
        in_force = check_log_keys(state.governance, description, signers, checkpoint)
        parts = Parts(layout, description, log, state, contents, clock, heads, lock, policy=policy)
        parts.post_quantum = post_quantum_signer
        _ask_witnesses(parts, checkpoint, size, witness_timeout)
        _redo_erasures(contents, state)
        heads.store(description.ledger_id, size, root, log_part(checkpoint, description.origin))
        state.keep_sealed(description.ledger_id)
        last_time = log.record(size - 1).recorded_at
        parts.writer = _writer(parts, heads, in_force, builder, last_leaf, last_time)
        if parts.witnesses is not None:
            parts.writer.date_from(earliest_next(checkpoint, parts.witnesses.policy))
        undo.pop_all()
    return parts


def _writer(
    parts: Parts,
    heads: HeadStore,
    signers: Mapping[bytes, LogSigner],
    builder: TreeBuilder,
    last_leaf: bytes,
    last_time: int,
) -> Writer:
    """The writer, with the signers of the log by key (33 bytes)."""
    return Writer(
        parts.log, parts.state, origin=parts.description.origin, builder=builder, last_leaf=last_leaf,
        last_time=last_time, signers=tuple(signers.values()), log_keys=tuple(signers), heads=heads,
        content=parts.contents.store, erase=parts.contents.erase, clock=parts.clock, state_lock=parts.state_lock,
    )  # fmt: skip


def _check_post_quantum(signer: MlDsaSigner | None, description: Description) -> None:
    """The post-quantum key signs as the log: its name is the origin. Raises `UsageError`."""
    if signer is not None and signer.verifier.name != description.origin:
        raise UsageError(
            f"the post-quantum key is named {signer.verifier.name!r}; that of this ledger has the name of its origin, "
            f"{description.origin!r}"
        )


def _ask_witnesses(parts: Parts, checkpoint: bytes, size: int, timeout: float) -> None:
    """Asks the witnesses, if there are any, whether they have seen more; raises `VerificationFailed` (LED-HEAD)."""
    policy = parts.witness_policy()
    if policy is None:
        return
    witnesses = parts.witnesses = Witnesses(policy, parts.log, parts.description.origin)
    governance = parts.state.governance
    witnesses.require_newest(witnesses.ask(checkpoint, size, governance, timeout), governance)


def _redo_erasures(contents: Contents, state: State) -> None:
    """Carries out every erasure on record that the private store has not seen: a crash or a backup came between."""
    start = contents.erased_up_to()
    try:
        contents.erase([key[8:] for key, _ in state.rows("erasure", start.to_bytes(8, "big"))])
    except VerificationFailed as damage:  # Whatever can be found is erased. It does not keep the log from going on.
        _logger.warning("erasures on record may not be complete: %s", damage)
    contents.mark_erased(state.applied)


def _check_description(description: Description, log: Log) -> None:
    """The label of the directory names the ledger that its log holds."""
    first = next(log.raw_records(0, min(log.size(), 1)), None)
    found = None if first is None else leaf_hash(first[1])
    if found != description.ledger_id:
        raise VerificationFailed(
            "LED-LEDGER", "ledger.toml names another ledger than the log beside it",
            expected=description.ledger_id.hex(), found="none" if found is None else found.hex(),
        )  # fmt: skip
