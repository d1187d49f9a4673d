"""Replay: the state rebuilt from the log, by the same rules that judged each record when it was appended (P3)."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from itertools import islice

from creditledger.errors import FormatError, NoLedger, Refused, StoreError, VerificationFailed
from creditledger.ledger.layout import Layout
from creditledger.ledger.log import Log
from creditledger.ledger.seal import Keeper, Seal, is_touched
from creditledger.ledger.state import STATE_TABLES, State
from creditledger.ledger.unsynced import Unsynced, is_lost
from creditledger.ledger.view import LedgerView
from creditledger.record.entry import CheckedEntry, entry_hash, restore_entry
from creditledger.record.record import decode_record
from creditledger.rules import engine
from creditledger.store.lmdb_engine import LmdbEngine
from creditledger.tlog.tree import leaf_hash

_logger = logging.getLogger("creditledger")

_CHANGED = "it bears no seal of this machine, or was changed since it was sealed"
_TOGETHER = 100
"""Records that are replayed as one commit."""


def replay(log: Log, state: State, size: int, progress: Callable[[int, int], None] | None = None) -> None:
    """Applies the records that the state lacks, up to `size`.

    Signatures were checked when the records were appended, and are checked again by an audit; the rules are applied
    here in full. Raises `VerificationFailed` (LED-RULE) when a record breaks one: the log or this program is wrong.
    """
    view = LedgerView(log, state)
    records = log.records(state.applied, size)
    while several := list(islice(records, _TOGETHER)):
        state.begin()
        try:
            for seq, data in several:
                record = decode_record(data)
                digest, entry = entry_hash(record.entry), restore_entry(record.entry)
                checked = CheckedEntry(record.entry, digest, entry, record.signatures)
                state.apply(seq, checked, engine.apply(view, seq, record.recorded_at, leaf_hash(data), checked))
        except BaseException as error:
            seq = state.applied
            state.roll_back()
            if isinstance(error, Refused):
                raise VerificationFailed("LED-RULE", str(error), seq=seq) from error
            raise
        state.commit()
        state.flush_if_due()
        if progress is not None:
            progress(state.applied, size)


def open_state(
    layout: Layout,
    *,
    log: Log | None = None,
    create: bool = False,
    readonly: bool = False,
    keeper: Keeper | None = None,
    ledger_id: bytes | None = None,
) -> State:
    """The state as stored; one that is missing, damaged or of another log is begun anew: on disk by a writer, in memory
    by a reader. Without the log, whose it is is not looked at.

    Whoever will judge by it gives the `keeper` of its seal: a store without the seal of `ledger_id` is begun anew, too.
    Until `State.keep_sealed` was called, what a writer writes to it is not sealed.

    Derived data never blocks the log: whatever is wrong with it, the log can replace it.
    """
    if not create and (problem := _unusable(layout, keeper, ledger_id)):
        if keeper is not None:
            _logger.warning("the state in %s is rebuilt from the log: %s", layout.state, problem)
        return _anew(layout, readonly=readonly, keeper=keeper)
    try:
        state = _open(layout, create=create, readonly=readonly, keeper=keeper)
    except (NoLedger, StoreError):
        return _anew(layout, readonly=readonly, keeper=keeper)
    try:
        state.load()
        sealed = ledger_id is None or (state.is_sealed(ledger_id) and state.changed_by_others() is None)
    except (StoreError, FormatError, ValueError, TypeError, LookupError):
        state.close()
        return _anew(layout, readonly=readonly, keeper=keeper)
    if not sealed:
        _logger.warning("the state in %s is rebuilt from the log: %s", layout.state, _CHANGED)
    if not sealed or (log is not None and not _belongs_to(state, log)):
        state.close()
        return _anew(layout, readonly=readonly, keeper=keeper)
    return state


def _unusable(layout: Layout, keeper: Keeper | None, ledger_id: bytes | None) -> str:
    """Why a stored state is not even opened, or nothing."""
    try:
        if is_lost(layout.state):
            return "the system ended before all of it was on the disk"
        if keeper is not None and ledger_id is not None and is_touched(keeper, ledger_id, layout.state / "data.mdb"):
            return _CHANGED
    except StoreError as error:
        return str(error)
    return ""


def _open(layout: Layout, *, create: bool, readonly: bool, keeper: Keeper | None) -> State:
    engine = LmdbEngine.open(
        layout.state,
        STATE_TABLES,
        create=create,
        readonly=readonly,
        sync=False,
        sole=keeper is not None and not readonly,
    )
    return State(
        engine,
        writable=not readonly,
        unsynced=None if readonly else Unsynced(layout.state),
        seal=None if keeper is None else Seal(engine, keeper),
    )


def _belongs_to(state: State, log: Log) -> bool:
    """Whether the state accounts for records of this log, and for none that it does not have."""
    if state.applied == 0:
        return True
    ledger = state.governance.ledger
    if ledger is None or state.applied > log.size():
        return False
    return ledger.ledger_id == leaf_hash(next(log.raw_records(0, 1))[1])


def _anew(layout: Layout, *, readonly: bool, keeper: Keeper | None) -> State:
    if readonly:
        return State.in_memory()
    if layout.state.is_symlink() or layout.state.is_file():
        layout.state.unlink()
    shutil.rmtree(layout.state, ignore_errors=True)
    return _open(layout, create=True, readonly=False, keeper=keeper)
