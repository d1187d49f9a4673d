"""Keeping a copy of a published log: fetched, verified to the last byte, and then put in place."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from creditledger.audit.published import FETCHES, ahead, read_signed, require_origin
from creditledger.audit.signed_tree import SignedTree
from creditledger.audit.trust import Opened, Trust
from creditledger.errors import FormatError, VerificationFailed
from creditledger.publish.layout import CHECKPOINT, remove_superseded, write_checkpoint, writing
from creditledger.tlog.checkpoint import Checkpoint
from creditledger.tlog.note import MAX_NOTE_BYTES
from creditledger.tlog.tiles import WIDTH
from creditledger.web.place import TIMEOUT, Folder, Place, open_place

Progress = Callable[[int, int], None]
"""Called with how many bundles are done and how many there are to do."""


class Mirrored(NamedTuple):
    """What the copy holds now: size and root (32 bytes) of its checkpoint; its size before; how many files were
    fetched; whether the source is behind the copy, which then stays as it is."""

    size: int
    root: bytes
    before: int
    fetched: int
    behind: bool


def mirror(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    trust: Trust,
    timeout: float = TIMEOUT,
    attempts: int | None = None,
    progress: Progress | None = None,
) -> Mirrored:
    """Bring a copy of a published log up to date.

    The checkpoint is verified by the trust file and must extend the one that the copy has; every tile and record is
    verified against it before it is kept. Then the checkpoint is put in place. What an interruption leaves is used.

    Args:
        source: the http(s) URL prefix, or the directory, where the log is published.
        out: the directory of the copy; it is made if need be.
        trust: what to go by.
        timeout: seconds to wait for an answer, and for each part of it.
        attempts: how often a request is sent before it is given up.
        progress: called now and then.

    Raises:
        VerificationFailed: LED-CKPT, LED-TREE, LED-STRUCT; what is published is not what was signed. LED-HEAD; it
            contradicts what the copy has: both checkpoints are evidence.
        CannotVerify: something is not there, or not enough have signed.
        FormatError, NoLedger: there is no published log. UsageError: `out` is no place for one.
        Locked: somebody else is writing there. StoreError: the network or the disk failed.
    """
    place = open_place(source, timeout=timeout, attempts=attempts)
    try:
        signed = read_signed(place, trust)
        trust.require(signed)
        with writing(Path(out)) as folder:
            return _mirror(place, folder, signed, _placed(folder, trust), progress)
    finally:
        place.close()


def _placed(folder: Folder, trust: Trust) -> Opened | None:
    """The checkpoint that the copy has."""
    note = folder.read(CHECKPOINT, MAX_NOTE_BYTES)
    try:
        return None if note is None else trust.open(note)
    except FormatError as error:
        raise FormatError(f"{folder.directory / CHECKPOINT} is no signed checkpoint: {error}") from error
    except VerificationFailed:
        if trust.may_be_another_log(note or b""):
            require_origin(note or b"", trust.origin, f"{folder.directory} is a copy of another log than this")
        raise


def _mirror(place: Place, folder: Folder, signed: Opened, placed: Opened | None, progress: Progress | None) -> Mirrored:
    head = signed.checkpoint
    before = 0
    tree = SignedTree(place, head, folder, must_keep=True)
    if placed is not None:
        old = placed.checkpoint
        before = old.size
        if old.size > head.size:
            _require_same(SignedTree(folder, old).root_at(head.size), head, old, place)
            return Mirrored(old.size, old.root, old.size, 0, behind=True)
        _require_same(head.root if old.size == head.size else tree.root_at(old.size), old, head, place)
        if old.size == head.size and placed.note == signed.note:
            return Mirrored(old.size, old.root, old.size, 0, behind=False)

    def fetch(index: int) -> int:
        bundle = tree.bundle(index, tree.tile(0, index))
        if bundle.problem is not None:
            raise bundle.problem
        return sum(map(len, bundle.entries))

    indexes = range(before // WIDTH, -(-head.size // WIDTH))
    if head.size > before:
        tree.tile(0, indexes[0])  # The way down from the root, which all of them need, is taken once.
        for number, _ in enumerate(ahead(fetch, indexes, FETCHES, int), 1):
            if progress is not None:
                progress(number, len(indexes))
    write_checkpoint(folder, signed.note)
    remove_superseded(folder, before, head.size)
    return Mirrored(head.size, head.root, before, tree.fetched, behind=False)


def _require_same(root: bytes, smaller: Checkpoint, larger: Checkpoint, place: Place) -> None:
    """The smaller of two signed heads is one of the larger one's past; `root` is what the larger says of its size."""
    if root != smaller.root:
        raise VerificationFailed(
            "LED-HEAD",
            f"what {place.name} shows and what this copy has are two histories: keep both checkpoints, of sizes "
            f"{smaller.size} and {larger.size}, as evidence against the log",
            expected=f"{smaller.size} {smaller.root.hex()}", found=f"{smaller.size} {root.hex()}",
        )  # fmt: skip
