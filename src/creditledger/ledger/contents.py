"""The detached content beside one ledger: opened when first needed, by whoever has its key."""

from __future__ import annotations

import hashlib
import os

from creditledger.acts.content import check_commitment, item_id
from creditledger.acts.kinds import Subject
from creditledger.errors import UsageError, VerificationFailed
from creditledger.ledger.layout import Layout
from creditledger.store.files import disk_error
from creditledger.store.identity import with_links
from creditledger.store.private import PrivateStore

_MARK = "erased-up-to"
_MARK_LENGTH = 100


class Contents:
    """The private store of a ledger's directory, which may not exist yet."""

    def __init__(self, layout: Layout, key: bytes | None, *, readonly: bool) -> None:
        self._layout = layout
        self._key = key
        self._readonly = readonly
        self._store: PrivateStore | None = None
        self._behind = False  # Whether an erasure was not carried out, or not to the end.
        self._erased_up_to = 0

    def store(self) -> PrivateStore:
        """The store itself; made when a writer needs it. Raises `UsageError` when its key is missing."""
        if self._store is None:
            missing = not self._layout.private.is_dir()
            if missing and self._key is None:
                raise UsageError("detached content needs a content key: open the ledger with content_key")
            self._store = PrivateStore.open(
                self._layout.private, self._key, create=missing and not self._readonly, readonly=self._readonly
            )
        return self._store

    def read(self, list_id: str, subject: Subject, commitment: bytes) -> bytes | None:
        """One item, checked against its commitment; None when it is not here. Whether it was erased is for the log."""
        if self._store is None and not self._layout.private.is_dir():
            return None
        found = self.store().get(item_id(list_id, subject, commitment))
        if found is None:
            return None
        nonce, content = found
        check_commitment(commitment, nonce, content)
        return content

    def drop_unrecorded(self, log_size: int) -> None:
        """Removes content that was put for a commit which a crash or a failure then prevented; it needs no key.

        A writer asks this first: opening the files to write is what tells a file that was exchanged from the others.
        """
        if self._layout.private.is_dir():
            self._erased_up_to = self._read_mark()
            with PrivateStore.open(self._layout.private, None) as store:
                store.drop_unrecorded(log_size)

    def erase(self, items: list[bytes]) -> None:
        """Destroys items, and what ties their subjects to identities; there is nothing to do where none are kept.

        Until the ledger is opened again, an erasure that failed, or that lacked the key to find those ties, keeps the
        mark where it is. Raises `StoreError`, and `VerificationFailed` where damage may hide a copy.
        """
        if items and self._layout.private.is_dir():
            behind, self._behind = self._behind or self._key is None, True
            store = self.store()
            try:
                names = with_links(store, items)
            except VerificationFailed:  # What can be found goes all the same.
                store.erase(items)
                raise
            store.erase(names)
            self._behind = behind

    def erased_up_to(self) -> int:
        """For how many records the erasures are carried out, as far as that was certain when the ledger was opened."""
        return self._erased_up_to

    def mark_erased(self, size: int) -> None:
        """Notes beside the content, which a backup brings along, that the erasures of `size` records are carried out.

        Files that were written to since, by a writer that was killed or by whoever put back a backup of one of them,
        are no longer those of the note: then all erasures are carried out again, which does no harm.
        """
        if self._behind or not self._layout.private.is_dir():
            return
        path = self._layout.private / _MARK
        new = path.with_suffix(".new")
        try:
            if self._read_mark() != size:
                new.write_text(f"{size} {self._fingerprint()}\n", "ascii")
                new.replace(path)
        except OSError as error:
            raise disk_error("write", path, error.errno, str(error)) from error

    def _read_mark(self) -> int:
        """What was noted last, 0 if it is not about the files that are there."""
        try:
            with open(self._layout.private / _MARK, encoding="ascii") as file:
                size, fingerprint = file.read(_MARK_LENGTH).split()
            return int(size) if fingerprint == self._fingerprint() else 0
        except (OSError, ValueError):
            return 0

    def _fingerprint(self) -> str:
        """Which files hold the content: another one in place of one of them, or a write to it, makes another."""
        digest = hashlib.sha256()
        for name in sorted(os.listdir(self._layout.private)):
            if name.endswith(".seg"):
                found = os.stat(self._layout.private / name)
                digest.update(f"{name} {found.st_ino} {found.st_size} {found.st_mtime_ns}\n".encode())
        return digest.hexdigest()[:32]

    def close(self) -> None:
        """Releases the store."""
        if self._store is not None:
            self._store.close()
