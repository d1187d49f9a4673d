"""Bulk append: worker processes check what entries' bytes alone decide, while the writer records those checked before.

Checking signatures costs more than everything else together, and threads cannot divide it: each check gives up the
interpreter and waits to get it back. So the entries are divided among processes (`workers`), and what a worker has
found good is recorded without a second look: it was this program that looked, at the very bytes that are kept here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import chain, islice
from typing import Protocol

from creditledger.errors import LedgerError
from creditledger.keys import ed25519
from creditledger.record.entry import MAX_ENTRY_BYTES, CheckedEntry, check_entry, entry_hash, read_entry, restore_entry
from creditledger.workers import Pool, processors

CHUNK_ENTRIES = 1000
CHUNK_BYTES = 900_000
"""A chunk is one call to a worker, and one commit. As a message it fits into a pipe, so that nobody waits for it."""

SignedEntry = tuple[bytes, tuple[bytes, ...]]
"""An entry's bytes with the author's signature, then the cosigners' in their order."""


class Appender(Protocol):
    """Records checked entries: `ledger.writer.Writer`."""

    def append(self, entries: Collection[CheckedEntry], *, first: int = 0) -> object:
        """Records them in one commit, all or none; `first` entries came before them."""


def append_many(
    writer: Appender,
    entries: Iterable[tuple[bytes, Sequence[bytes]]],
    *,
    jobs: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Records signed entries in their order, some at a time; returns how many.

    Each chunk of up to `CHUNK_ENTRIES` is recorded whole or not at all. The first entry that cannot be recorded raises
    what `append_signed` would, with a note of its number; earlier chunks stay recorded, and the same entries can be
    given again. `jobs` worker processes check (default: one for each processor; 0: none). `progress` is told how many
    entries are recorded so far.
    """
    recorded = 0
    with closing(_judged(_chunks(entries), jobs)) as judged:
        for chunk, digests in judged:
            checked = _checked(chunk, recorded) if digests is None else _Restored(chunk, digests)
            writer.append(checked, first=recorded)
            recorded += len(chunk)
            if progress is not None:
                progress(recorded)
    return recorded


def _judged(
    chunks: Iterator[list[SignedEntry]], jobs: int | None
) -> Generator[tuple[list[SignedEntry], list[bytes] | None]]:
    """The chunks in their order, each with what a worker says of it (see `_check`); None where none was asked."""
    first = list(islice(chunks, 2))
    chunks = chain(first, chunks)
    if jobs == 0 or len(first) < 2:
        # One chunk is not worth starting processes for.
        for chunk in chunks:
            yield chunk, None
        return
    sent: deque[list[SignedEntry]] = deque()

    def calls() -> Iterator[tuple[list[SignedEntry]]]:
        for chunk in chunks:
            sent.append(chunk)
            # What is too long is cut to what is still too long.
            yield ([(data[: MAX_ENTRY_BYTES + 1], signatures) for data, signatures in chunk],)

    with Pool(__name__, processors() if jobs is None else jobs) as pool:
        for digests in pool.map("check", calls()):
            yield sent.popleft(), digests


def _chunks(entries: Iterable[tuple[bytes, Sequence[bytes]]]) -> Iterator[list[SignedEntry]]:
    """The entries in lists of limited number and size; none is empty."""
    chunk: list[SignedEntry] = []
    size = 0
    for data, signatures in entries:
        if chunk and (len(chunk) == CHUNK_ENTRIES or size + len(data) > CHUNK_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append((bytes(data), tuple(signatures)))
        size += len(data)
    if chunk:
        yield chunk


def _check(chunk: Sequence[SignedEntry]) -> list[bytes] | None:
    """In a worker: the SHA-256 of each entry, or None if something about one of them calls for a closer look."""
    digests = []
    try:
        for data, signatures in chunk:
            raw = read_entry(data)
            if raw[6] or len(signatures) != 1:
                check_entry(data, signatures)
            else:
                ed25519.verify(raw[3][1:], data, signatures[0])
            digests.append(entry_hash(data))
    except (LedgerError, TypeError):
        return None
    return digests


class _Restored:
    """Entries that a worker has accepted. Each is restored when its turn comes, and gone before the next."""

    def __init__(self, chunk: list[SignedEntry], digests: list[bytes]) -> None:
        self._chunk = chunk
        self._digests = digests

    def __len__(self) -> int:
        return len(self._chunk)

    def __contains__(self, entry: object) -> bool:
        return any(entry == one for one in self)

    def __iter__(self) -> Iterator[CheckedEntry]:
        for (data, signatures), digest in zip(self._chunk, self._digests, strict=True):
            yield CheckedEntry(data, digest, restore_entry(data), signatures)


def _checked(chunk: list[SignedEntry], before: int) -> list[CheckedEntry]:
    """The entries, checked here; raises what is wrong with the first that cannot be accepted."""
    checked = []
    for number, (data, signatures) in enumerate(chunk, before + 1):
        try:
            checked.append(check_entry(data, signatures))
        except LedgerError as error:
            error.add_note(f"This is entry {number} of those given.")
            raise
    return checked


def tasks() -> dict[str, Callable[..., list[bytes] | None]]:
    """What a worker runs (see `workers`)."""
    return {"check": _check}
