"""Publishing a ledger's log: its records, tiles and newest checkpoint as static files that any web server can serve."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from creditledger.audit.published import require_origin
from creditledger.errors import CannotVerify, FormatError, VerificationFailed
from creditledger.ledger.ledger import Ledger
from creditledger.publish.layout import (
    CHECKPOINT,
    LayoutWriter,
    remove_superseded,
    require_no_ledger,
    write_checkpoint,
    writing,
)
from creditledger.tlog.checkpoint import Checkpoint, open_checkpoint
from creditledger.tlog.note import MAX_NOTE_BYTES, NoteVerifier
from creditledger.tlog.tiles import WIDTH, TreeBuilder
from creditledger.tlog.tree import EMPTY_ROOT, leaf_hash
from creditledger.web.place import Folder

Progress = Callable[[int, int], None]
"""Called with how many records are done and how many there are to do."""

_STEP = 1024
_NOTHING = Checkpoint("none", 0, EMPTY_ROOT)


class Publication(NamedTuple):
    """What was published: size and root (32 bytes) that the checkpoint in place signs; the size that was published
    before; how many new files, of how many bytes, were written (or would be); how many outdated files were removed."""

    size: int
    root: bytes
    before: int
    files: int
    bytes: int
    removed: int


def publish(
    ledger: Ledger | str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Publication:
    """Write a ledger's log to a directory as c2sp.org/tlog-tiles lays it out, or what of it is not there yet.

    Published is the newest checkpoint that meets the ledger's witness policy. It is put in place last, when all that it
    implies is there and durable; whatever interrupts before leaves what was published before. Only the log is read.

    Args:
        ledger: an open ledger, or the directory of one; reading suffices.
        out: the directory; it is made if need be, and must not be a ledger's, nor within one.
        dry_run: write nothing, and say what would be.
        progress: called now and then.

    Raises:
        VerificationFailed: LED-HEAD; the checkpoint in place is not one of this log's past. LED-TREE; a file is there
            with other bytes, or the stored records are not those that were signed. LED-CKPT; a checkpoint is signed by
            none of the ledger's log keys.
        CannotVerify: no checkpoint meets the witness policy yet.
        UsageError: `out` is no place to publish in. Locked: somebody else is publishing there.
        StoreError: the disk failed.
    """
    directory = Path(out)
    if not isinstance(ledger, Ledger):
        with Ledger.open(ledger) as opened:
            return publish(opened, directory, dry_run=dry_run, progress=progress)
    if dry_run:
        require_no_ledger(directory)
        return _publish(ledger, Folder(directory), progress, dry_run=True)
    with writing(directory) as folder:
        return _publish(ledger, folder, progress, dry_run=False)


def _publish(ledger: Ledger, folder: Folder, progress: Progress | None, *, dry_run: bool) -> Publication:
    ready = ledger.witnessed()
    if ready is None:
        raise CannotVerify(
            "no checkpoint of the ledger meets its witness policy, so none is published: collect cosignatures first "
            "(creditledger cosign)"
        )
    note = ready[1]
    head = _open(note, ledger, "the ledger's newest checkpoint")
    _require_ours(head, ledger, "the ledger's own checkpoint")
    placed = folder.read(CHECKPOINT, MAX_NOTE_BYTES)
    before = _NOTHING if placed is None else _open(placed, ledger, str(folder.directory / CHECKPOINT))
    if placed is not None:
        _require_ours(before, ledger, f"the checkpoint in {folder.directory}")
    if before.size > head.size or placed == note:
        return Publication(before.size, before.root, before.size, 0, 0, 0)
    with LayoutWriter(folder, _tree(ledger, before.size // WIDTH * WIDTH), dry_run=dry_run) as writer:
        first = writer.builder.size
        for seq, record in ledger.records(first, head.size):
            writer.add(record, leaf_hash(record))
            if progress is not None and seq % _STEP == 0:
                progress(seq - first, head.size - first)
        if writer.builder.root() != head.root:
            raise VerificationFailed(
                "LED-TREE", "the stored records and tiles are not those that the checkpoint was signed for",
                expected=head.root.hex(), found=writer.builder.root().hex(),
            )  # fmt: skip
        writer.finish()
    removed = 0
    if not dry_run:
        write_checkpoint(folder, note)
        removed = remove_superseded(folder, before.size, head.size)
    return Publication(head.size, head.root, before.size, writer.files, writer.bytes, removed)


def _open(note: bytes, ledger: Ledger, what: str) -> Checkpoint:
    """A checkpoint signed by one of the ledger's log keys, past ones included."""
    keys = [key for key, row in ledger.governance.keys.items() if row.role == "log" and key[:1] == b"\x01"]
    try:
        return open_checkpoint(note, [NoteVerifier(ledger.origin, key[1:]) for key in keys], ledger.origin)
    except FormatError as error:
        raise FormatError(f"{what} is no signed checkpoint: {error}") from error
    except VerificationFailed:
        require_origin(
            note, ledger.origin, f"{what} is of another log than this: publish each log in its own directory"
        )
        raise


def _require_ours(head: Checkpoint, ledger: Ledger, what: str) -> None:
    """A signed head is one that the ledger's log had."""
    root = ledger.log.root_at(head.size)
    if root is None:
        raise VerificationFailed(
            "LED-HEAD", f"{what} covers more records than the ledger has: the ledger is an older copy",
            expected=f"{head.size} records", found=f"{ledger.size} records",
        )  # fmt: skip
    if root != head.root:
        raise VerificationFailed(
            "LED-HEAD", f"{what}, of size {head.size}, is not one of this log: there are two histories",
            expected=root.hex(), found=head.root.hex(),
        )  # fmt: skip


def _tree(ledger: Ledger, size: int) -> TreeBuilder:
    """The tree of the first records, a multiple of 256, ready to grow."""
    reader = ledger.log.tiles(size)
    builder = TreeBuilder.restore(size, (), lambda level, index, _width: reader.tile(level, index))
    root = ledger.log.root_at(size)
    if builder.root() != root:
        raise VerificationFailed(
            "LED-TREE", f"the tiles of the first {size} records are not those that were signed",
            expected=root.hex() if root else "a root", found=builder.root().hex(),
        )  # fmt: skip
    return builder
