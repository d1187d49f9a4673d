"""Where what the user verified, and what he heard of, meet the history that an audit found to be in order."""

from __future__ import annotations

from collections.abc import Callable

from creditledger.audit.trust import Trust
from creditledger.client.seen import SeenStore
from creditledger.errors import FormatError, VerificationFailed
from creditledger.receipts import fork
from creditledger.store.head import Head
from creditledger.tlog.tree import HashReader


def audited(
    store: SeenStore, trust: Trust, note: bytes, tree: Callable[[], HashReader], *, compared: Head | None = None
) -> bytes | None:
    """Keep a checkpoint whose history was audited, unless what is kept or was heard of contradicts that history.

    Of equal sizes the one that a witness cosigned last is kept: its time binds the record that comes next.

    Args:
        store: where the user's checkpoints are kept.
        trust: whose log it is.
        note: the checkpoint, signed by a log key.
        tree: gives the tree that was audited; asked for only where there is something to compare.
        compared: a checkpoint that the audit has held against that tree already.

    Returns:
        Evidence of a fork (`receipts.fork`), and everything stays as it was; or None.

    Raises:
        FormatError, StoreError: a file is damaged, or cannot be read or written. What reading the tree raises.
    """
    new = fork.open_by_log(note, trust)
    kept = store.load(trust.ledger_id)
    known = [] if kept is None or kept == compared else [kept]
    reader: HashReader | None = None
    heard = [one for one in store.heard(trust.ledger_id) if one.size <= new.size and _is_signed(one, trust)]
    for one in [*known, *heard]:
        if one.size > new.size or (one.size, one.root) == (new.size, new.root) or not _is_signed(one, trust):
            continue
        if one.size < new.size and reader is None:
            reader = tree()
        data = fork.make(trust, one.checkpoint, note, reader)
        if data is not None:
            return data
    kept = store.advance(trust.ledger_id, note)
    if kept.size == new.size:
        # What was met is of the history kept now; had this been an older copy, that would not be known.
        store.forget(trust.ledger_id, heard)
        if _cosigned(kept.checkpoint, trust) < _cosigned(note, trust):
            store.renew(trust.ledger_id, note)
    return None


def _is_signed(head: Head, trust: Trust) -> bool:
    """Whether a log key of this trust file signed it; one that it does not name proves nothing by it."""
    try:
        fork.open_by_log(head.checkpoint, trust)
    except (FormatError, VerificationFailed):
        return False
    return True


def _cosigned(note: bytes, trust: Trust) -> int:
    """When a witness of the trust file cosigned it last, in POSIX seconds; 0: never, or a line of it is wrong."""
    try:
        return max((time for _, time in trust.open(note).times), default=0)
    except (FormatError, VerificationFailed):
        return 0
