"""The checkpoint of each ledger that its user has verified last, kept for the entries that he signs (`seen`).

An entry that pins a checkpoint can stand in no history that contradicts it. So whatever verifies a ledger notes here
what it verified, and whatever signs looks here what there is to pin, offline too. One file for each ledger, named by
its id, holds the signed checkpoint as it was received and nothing else: it can be verified again, and shown to others.

It only ever moves forward, to what was audited in full or is proved to continue what was. That is for the verification
to show, before it is noted; of two that contradict each other at one size, the first stays.

A receipt shows a checkpoint and nothing of its history, so that is no such thing. It is *heard of*: kept beside, in a
file of its own, until an audit shows whether it and the one verified are of one history. If not, both are evidence.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from creditledger.client.files import read_bounded, write_whole
from creditledger.errors import FormatError, UsageError, VerificationFailed
from creditledger.ledger.log import parse_checkpoint
from creditledger.store.files import FILE_MODE, disk_error, make_dir
from creditledger.store.head import Head, default_head_dir
from creditledger.tlog.note import MAX_NOTE_BYTES

HEARD_FORMAT: Final = "creditledger/heard/v1"
MAX_HEARD: Final = 64
MAX_HEARD_BYTES: Final = 2 * MAX_HEARD * MAX_NOTE_BYTES


class SeenStore:
    """The checkpoints in one directory (made with mode 0700 if need be), a file of mode 0600 for each ledger."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def file(self, ledger_id: bytes) -> Path:
        """Where the checkpoint of a ledger (an id of 32 bytes) is kept."""
        if len(ledger_id) != 32:
            raise UsageError(f"a ledger id has 32 bytes, this one {len(ledger_id)}")
        return self.path / ledger_id.hex()

    def load(self, ledger_id: bytes) -> Head | None:
        """Size, root (32 bytes) and signed note of the checkpoint kept, or None if there is none.

        Its signature was verified when it was kept; whoever draws conclusions for others verifies it again.

        Raises `FormatError` if the file is damaged, `StoreError` if it cannot be read.
        """
        path = self.file(ledger_id)
        if not os.path.lexists(path):
            return None
        note = read_bounded(path, MAX_NOTE_BYTES, "the checkpoint verified last")
        try:
            checkpoint = parse_checkpoint(note)
        except FormatError as error:
            raise FormatError(
                f"{path} does not hold the checkpoint that was verified last: {error}; move it away and verify the "
                "ledger again"
            ) from None
        return Head(checkpoint.size, checkpoint.root, note)

    def advance(self, ledger_id: bytes, note: bytes) -> Head:
        """Keep a checkpoint that has just been verified, unless one at least as large is kept; return what is kept.

        Args:
            ledger_id: 32 bytes.
            note: signed by a key of the log that the caller trusts, which the caller has verified.

        Raises:
            VerificationFailed: LED-FORK; one of the same size and another root is kept. It stays.
            FormatError: the file is damaged. StoreError: it cannot be read or written.
        """
        new = parse_checkpoint(note)
        make_dir(self.path)
        with self._locked(ledger_id):
            kept = self.load(ledger_id)
            if kept is not None and kept.size == new.size and kept.root != new.root:
                raise VerificationFailed(
                    "LED-FORK", f"the log signed two different checkpoints of {new.size} records; the first is kept in "
                    f"{self.file(ledger_id)}", expected=kept.root.hex(), found=new.root.hex(),
                )  # fmt: skip
            if kept is not None and kept.size >= new.size:
                return kept
            write_whole(self.file(ledger_id), note, force=True)
        return Head(new.size, new.root, note)

    def heard(self, ledger_id: bytes) -> tuple[Head, ...]:
        """The checkpoints that were heard of and not yet met in an audit, from small to large.

        Raises `FormatError` if their file is damaged, `StoreError` if it cannot be read.
        """
        path = self._heard_file(ledger_id)
        if not os.path.lexists(path):
            return ()
        data = read_bounded(path, MAX_HEARD_BYTES, "the checkpoints heard of")
        try:
            notes = [str(note).encode() for note in json.loads(data)["notes"]]
            found = [(parse_checkpoint(note), note) for note in notes[:MAX_HEARD]]
        except (ValueError, TypeError, LookupError, RecursionError, FormatError) as error:
            raise FormatError(
                f"{path} does not hold checkpoints that were heard of: {error!s:.300}; move it away, and keep it: what "
                "it held cannot be held against what is verified now"
            ) from None
        return tuple(Head(one.size, one.root, note) for one, note in found)

    def rival(self, ledger_id: bytes, note: bytes) -> bytes | None:
        """A checkpoint, verified or heard of, that has the size of this one and another root: both are evidence."""
        new = parse_checkpoint(note)
        kept = self.load(ledger_id)
        known = (*self.heard(ledger_id), *(() if kept is None else (kept,)))
        return next((one.checkpoint for one in known if one.size == new.size and one.root != new.root), None)

    def hear(self, ledger_id: bytes, note: bytes) -> None:
        """Keep a checkpoint that a trusted log key signed, as the caller has verified, and whose history nobody showed.

        Of too many the largest are let go: what is small is met first. Raises as `heard`.
        """
        new = parse_checkpoint(note)
        make_dir(self.path)
        with self._locked(ledger_id):
            kept, heard = self.load(ledger_id), self.heard(ledger_id)
            known = (*heard, *(() if kept is None else (kept,)))
            if all((one.size, one.root) != (new.size, new.root) for one in known):
                heads = sorted([*heard, Head(new.size, new.root, note)], key=_size)
                self._write_heard(ledger_id, heads[:MAX_HEARD])

    def forget(self, ledger_id: bytes, met: Collection[Head]) -> None:
        """Let go of what was heard of and an audit has met. Raises as `heard`."""
        with self._locked(ledger_id):
            heard = self.heard(ledger_id)
            left = [one for one in heard if one not in met]
            if len(left) < len(heard):
                self._write_heard(ledger_id, left)

    def renew(self, ledger_id: bytes, note: bytes) -> None:
        """Put a note in place of the one kept, if both say the same: it bears newer cosignatures. Raises as `load`."""
        new = parse_checkpoint(note)
        with self._locked(ledger_id):
            kept = self.load(ledger_id)
            if kept is not None and (kept.size, kept.root) == (new.size, new.root):
                write_whole(self.file(ledger_id), note, force=True)

    def _heard_file(self, ledger_id: bytes) -> Path:
        return self.file(ledger_id).with_suffix(".heard")

    def _write_heard(self, ledger_id: bytes, heads: Sequence[Head]) -> None:
        values = {"format": HEARD_FORMAT, "notes": [one.checkpoint.decode() for one in heads]}
        write_whole(self._heard_file(ledger_id), json.dumps(values, indent=1).encode() + b"\n", force=True)

    @contextmanager
    def _locked(self, ledger_id: bytes) -> Iterator[None]:
        """Hold the lock of one ledger's file; whoever else wants it waits."""
        path = self.file(ledger_id).with_suffix(".lock")
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
        except OSError as error:
            raise disk_error("open the lock file", path, error.errno, str(error)) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)


def _size(head: Head) -> int:
    return head.size


def default_seen_dir(environ: Mapping[str, str]) -> Path:
    """Return `$XDG_STATE_HOME/creditledger/seen`, beside the heads (`store.head.default_head_dir`); raises as that."""
    return default_head_dir(environ).with_name("seen")
