"""Exporting a ledger: every record, every checkpoint, and if asked for every item of content, as one file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from creditledger.acts import catalogue as acts
from creditledger.acts.content import check_commitment, item_id
from creditledger.errors import NoLedger, UsageError, VerificationFailed
from creditledger.ledger.layout import LOG_TABLES, Layout
from creditledger.ledger.ledger import Ledger
from creditledger.ledger.log import Log, parse_checkpoint
from creditledger.ledger.receipt import ContentItem
from creditledger.record.entry import restore_entry
from creditledger.record.record import decode_record
from creditledger.store.lmdb_engine import LmdbEngine
from creditledger.store.port import Engine
from creditledger.tlog.tree import Frontier, leaf_hash
from creditledger.transfer.export_file import ExportWriter, Totals, new_file

Progress = Callable[[int, int], None]
"""Called with how many records are done and how many there are."""

_STEP = 1000


def export_ledger(
    ledger: Ledger | str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    with_content: bool = False,
    as_is: bool = False,
    progress: Progress | None = None,
) -> Totals:
    """Write a ledger to an export file: whole, durable and under its name when this returns, or not at all.

    Args:
        ledger: an open ledger; with `as_is` also the directory of one that does not open any more.
        out: the file; nothing may be there yet. Mode 0644, with content 0600: content is not encrypted in it.
        with_content: detached content too, as far as it is there; the ledger must be open with its content key.
        as_is: evidence: the stored bytes, unchecked, as far as they can be read. Such a file may not restore.
        progress: called now and then.

    Returns:
        How many records, checkpoints and items of content were written.

    Raises:
        VerificationFailed: the stored records are not those that the tree was built from and the checkpoints signed.
            The message names the first; nothing is left of the file.
        UsageError: the arguments do not fit together, or the file exists.
        StoreError: the disk failed.
    """
    if as_is:
        if with_content:
            raise UsageError("an export as it is holds no content: export the content of a sound ledger")
        if isinstance(ledger, Ledger):
            return _write_as_is(ledger.log.engine, out)
        engine = LmdbEngine.open(Layout(Path(ledger)).log, LOG_TABLES, readonly=True)
        try:
            return _write_as_is(engine, out)
        finally:
            engine.close()
    if not isinstance(ledger, Ledger):
        raise UsageError("a directory is exported as it is only; open the ledger to export it checked")
    with new_file(out, private=with_content) as file:
        writer = ExportWriter(file)
        size = _write_log(writer, ledger.log, progress)
        if with_content:
            for item in _contents(ledger, size):
                writer.content(item)
        return writer.end()


def _write_log(writer: ExportWriter, log: Log, progress: Progress | None) -> int:
    """Write records and checkpoints up to the newest checkpoint; every record is held against the signed roots."""
    newest = log.checkpoint()
    if newest is None:
        raise VerificationFailed("LED-CKPT", "nobody has signed for the log", expected="a checkpoint", found="none")
    size = newest[0]
    frontier = Frontier()
    checkpoints = log.checkpoints()
    due = next(checkpoints, None)
    covered = 0
    # The tiles are not asked: they are derived, and another process may be writing them.
    for seq, data in log.raw_records(0, size):
        frontier.push(leaf_hash(data))
        writer.record(data)
        if due is not None and due[0] <= seq + 1:
            _check_root(log, due, covered, frontier)
            writer.checkpoint(due[1])
            covered = seq + 1
            due = next(checkpoints, None)
        if progress is not None and (seq + 1) % _STEP == 0:
            progress(seq + 1, size)
    return size


def _check_root(log: Log, checkpoint: tuple[int, bytes], covered: int, frontier: Frontier) -> None:
    """The records make the tree that the checkpoint was signed for; `covered` of them were checked before."""
    signed = parse_checkpoint(checkpoint[1])
    if (signed.size, signed.root) != (frontier.size, frontier.root()):
        for _ in log.records(covered, frontier.size):
            pass  # Raises for the first record that differs from its tile, which is more than the root can tell.
        raise VerificationFailed(
            "LED-TREE",
            f"one of the records from {covered} on is not one that the checkpoint was signed for",
            expected=f"{signed.size} {signed.root.hex()}",
            found=f"{frontier.size} {frontier.root().hex()}",
        )


def _contents(ledger: Ledger, size: int) -> Iterator[ContentItem]:
    """Every item of content that the first `size` records commit to and that is there, in the order of the log.

    What a backup brought back, although its erasure is on record, counts for nothing.
    """
    try:
        store = ledger.private_store()
    except NoLedger:
        raise UsageError("the ledger has no detached content here; export it without content") from None
    for _, data in ledger.log.raw_records(0, size):
        for act in restore_entry(decode_record(data).entry).acts:
            for _, digest in getattr(act, "content", ()):
                if isinstance(act, acts.SubjectAct):
                    found = store.get(item_id(act.list, act.subject, digest))
                    if found is not None and ledger.erased_by(act.list, act.subject, digest) is None:
                        check_commitment(digest, *found)
                        yield ContentItem(act.list, act.subject, digest, *found)


def _write_as_is(engine: Engine, out: str | os.PathLike[str]) -> Totals:
    """Write what the store holds, in the order of its keys; a checkpoint whose record is missing has no place."""
    with new_file(out, private=False) as file, engine.snapshot() as snapshot:
        writer = ExportWriter(file)
        for key, data in snapshot.range("record"):
            writer.record(data)
            note = snapshot.get("checkpoint", _next_key(key))
            if note is not None:
                writer.checkpoint(note)
        return writer.end()


def _next_key(key: bytes) -> bytes:
    return (int.from_bytes(key, "big") + 1).to_bytes(8, "big")
