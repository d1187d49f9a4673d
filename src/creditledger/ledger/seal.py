"""The seal on the derived state: whether its store is as this machine's writer left it, so that it may be judged on.

The state lies in the ledger's directory, unsigned. Whoever can write there, without any key, could make a row say what
lets the next honest entry break a rule, and the honest operator sign a checkpoint over it. So the writer keeps, beside
the head and thus outside that directory, by what the data file was recognised when it last wrote to it. At opening, a
state without its seal is worth nothing, and is rebuilt from the log. While it is open, the file is looked at before a
commit is judged, and again when it has been: what was read in between is what was sealed.

The seal is not synced. After a power cut an older one may be found, or none, which costs a rebuild; so does a kill
between a write to the state and its seal. A seal that is newer than the state cannot be found: what the state may have
lost is marked (see `unsynced`), and it counts as lost as a whole.

It does not notice whoever can set the system's clock or write to the disk below the file system, nor a change at the
very time at which the writer itself writes. Those who ask, and do not write, read the rows as they are.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from creditledger.errors import StoreError
from creditledger.store.lmdb_engine import LmdbEngine, Stamp, file_stamp

_SEAL = struct.Struct(">7Q")  # The six fields of a stamp, and how many records the state accounts for.

_CHANGED = (
    "the derived state was changed by someone else while the ledger was open, so nothing more is recorded; "
    "open the ledger again: it is rebuilt from the log; then run verify"
)
_HALF_WRITTEN = "the derived state could not be written; open the ledger again"


class Keeper(Protocol):
    """Where seals are kept outside the directory: `store.head.HeadStore`."""

    def seal(self, ledger_id: bytes, seal: bytes) -> None:
        """Keeps the seal of a ledger."""

    def sealed(self, ledger_id: bytes) -> bytes | None:
        """The seal kept last, if there is one."""


class Seal:
    """The seal on one store that is open to write."""

    def __init__(self, engine: LmdbEngine, keeper: Keeper) -> None:
        """`engine` was opened as that of the sole writer."""
        self._engine = engine
        self._keeper = keeper
        self._ledger_id: bytes | None = None
        self._stamp = engine.stamp()
        self._problem = ""

    def is_of(self, ledger_id: bytes, applied: int) -> bool:
        """Whether the seal that is kept is of the store as it was opened, accounting for `applied` records."""
        return self._keeper.sealed(ledger_id) == _SEAL.pack(*self._stamp, applied)

    def keep(self, ledger_id: bytes, applied: int) -> None:
        """Keeps the seal of the store as it is, and from now on whenever it was written to. Raises `StoreError`."""
        self._ledger_id = ledger_id
        self._require_whole()
        self._keeper.seal(ledger_id, _SEAL.pack(*self._stamp, applied))

    def broken(self) -> StoreError | None:
        """What there is to say if the store is not as it was sealed; it stays so until it has been opened again."""
        if not self._problem:
            try:
                changed = self._engine.intruded or self._engine.stamp() != self._stamp
            except StoreError as error:
                self._problem = str(error)
            else:
                self._problem = _CHANGED if changed else ""
        return StoreError(self._problem) if self._problem else None

    def _require_whole(self) -> None:
        broken = self.broken()
        if broken is not None:
            raise broken

    @contextmanager
    def renewed(self, applied: int) -> Iterator[None]:
        """Within, the store is written to until it accounts for `applied` records; then it is sealed anew."""
        self._require_whole()
        try:
            yield
        except BaseException:
            self._problem = _CHANGED if self._engine.intruded else _HALF_WRITTEN
            raise
        self._stamp = self._engine.stamp()
        if self._ledger_id is not None:
            self.keep(self._ledger_id, applied)


def is_touched(keeper: Keeper, ledger_id: bytes, data: Path) -> bool:
    """Whether a data file is not the one that was sealed, as far as can be told without opening it.

    It may be anything, and LMDB trusts its file. Raises `StoreError` if there is none.
    """
    seal = keeper.sealed(ledger_id)
    if seal is None or len(seal) != _SEAL.size:
        return True
    kept = Stamp._make(_SEAL.unpack(seal)[:-1])
    return file_stamp(data, kept.transaction) != kept
