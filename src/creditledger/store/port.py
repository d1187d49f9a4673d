"""The store port: what every engine offers, and nothing that only one of them could offer.

A store is a fixed set of named tables. A table maps keys (1 to 511 bytes) to values (bytes, possibly empty) and keeps
its keys in byte order. A snapshot reads one state and never sees a later batch; a batch reads its own writes, and all
of it is stored, or nothing. One batch is open at a time: the ledger has one writer.

Rules that hold for every engine, and that the contract tests hold each of them to:

* What is returned is bytes, a copy that outlives the snapshot.
* A key that cannot exist (empty or too long) is absent when read and a StoreError when written.
* A batch in which a write failed cannot be committed, even by a caller who swallowed the error.
* After a failed commit nobody knows what reached the disk, so the engine is poisoned: it refuses every later snapshot
  and batch until it has been closed and opened again.
* A snapshot or batch is over when its `with` block is; what is asked of it afterwards is a StoreError.
* A range reads lazily. Do not write to a table of a batch while ranging over it: read the range into a list first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol

MAX_KEY = 511
"""Longest key in bytes: what the LMDB 0.9 file format allows, and hence what every engine allows."""


class Snapshot(Protocol):
    """One unchanging state of all tables. Every method raises StoreError for a table that the engine does not have."""

    def get(self, table: str, key: bytes) -> bytes | None:
        """Return the value at `key`, or None if there is none."""

    def range(
        self, table: str, start: bytes = b"", stop: bytes | None = None, *, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        """Yield the pairs with start <= key < stop in key order, or in the opposite order if `reverse`.

        `stop=None` means to the end of the table. The interval is the same in both directions.
        """

    def last(self, table: str) -> tuple[bytes, bytes] | None:
        """Return the pair with the greatest key, or None if the table is empty."""

    def count(self, table: str) -> int:
        """Return the number of keys in the table, without reading them."""


class Batch(Snapshot, Protocol):
    """A set of writes that is stored whole or not at all; reading it shows the writes so far."""

    def put(self, table: str, key: bytes, value: bytes) -> None:
        """Set `key` to `value`, whether or not it was there."""

    def put_many(self, table: str, pairs: Iterable[tuple[bytes, bytes]]) -> None:
        """Put every pair. Any order is correct; ascending keys are several times faster on disk."""

    def append(self, table: str, key: bytes, value: bytes) -> None:
        """Put a key that must be greater than every key in the table; otherwise StoreError."""

    def append_many(self, table: str, pairs: Iterable[tuple[bytes, bytes]]) -> None:
        """Append every pair in turn; the first one out of order is a StoreError."""

    def delete(self, table: str, key: bytes) -> None:
        """Remove `key`; it need not be there."""

    def clear(self, table: str) -> None:
        """Remove every key of the table, in far less time than one by one."""


class Engine(Protocol):
    """A store that is open."""

    @property
    def poisoned(self) -> bool:
        """True after a failed commit: the outcome is unknown until the store has been opened again."""

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """Read the last committed state. Keep it short: what it sees cannot be reused while it is open."""

    def batch(self) -> AbstractContextManager[Batch]:
        """Write: committed when the block ends, dropped when it ends by an exception.

        Raises StoreError if another batch is open, if the engine is read-only, poisoned or closed, and at the end of
        the block if the commit failed.
        """

    def sync(self) -> None:
        """Force what was committed to the disk: of use only where commits do not do so themselves."""

    def size_bytes(self) -> int:
        """Return the bytes in use."""

    def close(self) -> None:
        """Release everything; further calls raise StoreError. Closing twice is fine."""
