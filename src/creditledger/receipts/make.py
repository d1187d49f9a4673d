"""Making proofs from a ledger: of past acts, of a subject's whole history on a list, and between checkpoints.

    data = prove(ledger, receipt)                      # what `append` returned, an ActRef, an Address, or a number
    data = prove_history(ledger, firm, "judgment-defaulters")
    data = extend(ledger, old_note)

Nothing is given out that was not checked first: records are re-hashed as they are read, and each proof is held against
the root that was signed, by the same code that whoever receives it will use.
"""

from __future__ import annotations

from typing import NamedTuple

from creditledger.acts.kinds import ActRef, Subject
from creditledger.audit.published import require_origin
from creditledger.errors import CannotVerify, UsageError, VerificationFailed
from creditledger.ledger.answer import Address
from creditledger.ledger.heads import log_verifiers
from creditledger.ledger.ledger import Ledger
from creditledger.ledger.log import parse_checkpoint
from creditledger.ledger.receipt import Receipt
from creditledger.receipts.formats import MAX_ITEMS, About, ExtensionFile, Item, ReceiptFile
from creditledger.record.entry import decode_entry, entry_hash, restore_entry
from creditledger.record.record import decode_record
from creditledger.tlog.checkpoint import Checkpoint, open_checkpoint
from creditledger.tlog.proof_file import TlogProof
from creditledger.tlog.tree import check_consistency, check_inclusion, leaf_hash

Act = Receipt | ActRef | Address | int
"""An act as it can be named: a receipt, an entry's hash with an index, `Address(seq, index)`, or a record's number."""


class _Signed(NamedTuple):
    """A checkpoint of the ledger's own, held against its tree: what it says, and the note."""

    head: Checkpoint
    note: bytes


def prove(ledger: Ledger, *acts: Act, witnessed: bool = True) -> bytes:
    """A receipt that these acts are on record, at the newest checkpoint that witnesses have cosigned.

    Args:
        ledger: open to read or to write.
        acts: at least one; several acts of one record take it up once.
        witnessed: False: at the newest checkpoint there is, whoever has cosigned it.

    Returns:
        The file, a `creditledger/receipt/v1`.

    Raises:
        UsageError: there is no such act, or too many were named for one receipt.
        CannotVerify: witnesses are asked for, and no checkpoint that enough of them cosigned covers all of it yet.
        VerificationFailed: LED-TREE, the log is not what was signed; LED-CKPT, no log key has signed it.
        FormatError: the records are too large for one receipt.
    """
    if not acts:
        raise UsageError("say which acts are to be proved")
    records = sorted({locate(ledger, act) for act in acts})
    return _receipt(ledger, records, None, _newest(ledger, records[-1] + 1, witnessed=witnessed))


def prove_history(ledger: Ledger, subject: Subject, list: str, *, witnessed: bool = True) -> bytes:
    """A receipt for every act about a subject on a list, which says that these are all of them; see `prove`.

    With them come the revocations of the keys that signed them, and confirmations of their entries: they decide whether
    the acts count.

    Raises `UsageError` also when there is no such list, or nothing is recorded about the subject: that there is nothing
    cannot be proved by a receipt.
    """
    if list not in ledger.governance.lists:
        known = ", ".join(sorted(ledger.governance.lists)) or "none yet"
        raise UsageError(f"there is no list {list!r:.80}; the ledger's lists: {known}")
    records = _about(ledger, subject, list)
    if not records:
        raise UsageError(
            f"nothing is recorded about {subject} on {list}, and a receipt proves what is, not what is not"
        )
    signed = _newest(ledger, records[-1] + 1, witnessed=witnessed)
    # Another process may have appended meanwhile: what the checkpoint covers is asked for once it is chosen.
    records = [seq for seq in _about(ledger, subject, list) if seq < signed.head.size]
    return _receipt(ledger, records, About(list, subject), signed)


def extend(ledger: Ledger, old: int | bytes, new: int | None = None, *, witnessed: bool = True) -> bytes:
    """An extension: the proof that the newest witnessed checkpoint continues an older one.

    Args:
        ledger: open to read or to write.
        old: an older checkpoint's note, as somebody has kept it; or the size of one that the ledger has.
        new: the size of the checkpoint to lead to (default: the newest that witnesses have cosigned).
        witnessed: False: the newest there is.

    Raises:
        UsageError: the ledger has no checkpoint of that size, or the old one is beyond the new one.
        CannotVerify: see `prove`.
        VerificationFailed: LED-HEAD, the old checkpoint is not one of this log's history; LED-TREE, see `prove`.
    """
    before = _old(ledger, old)
    size = before.head.size
    after = _exact(ledger, new) if new is not None else _newest(ledger, size, witnessed=witnessed)
    if not 1 <= size <= after.head.size:
        raise UsageError(
            f"an extension leads from a size of at least 1 to a larger one, not from {size} to {after.head.size}"
        )
    hashes = ledger.log.tree.consistency(size, after.head.size)
    check_consistency(hashes, size, before.head.root, after.head.size, after.head.root)
    return ExtensionFile(ledger.ledger_id, before.note, after.note, hashes).to_bytes()


def locate(ledger: Ledger, act: Act) -> int:
    """The number of the record that holds an act; raises UsageError if there is none.

    A hash is looked for from the newest record backwards, since nothing indexes hashes.
    """
    match act:
        case Receipt(seq=seq, entry_hash=digest):
            if seq < ledger.size and entry_hash(ledger.record(seq).entry) == digest:
                return seq
            raise UsageError(f"record {seq} of this ledger is not the one that the receipt is for")
        case ActRef(entry=digest, act=index):
            if digest is None:
                raise UsageError("an act is referred to by the hash of its entry")
            return _find(ledger, digest, index)
        case Address(seq=seq, act=index):
            return _at(ledger, seq, index)
        case seq:
            return _at(ledger, seq, 0)


def _at(ledger: Ledger, seq: int, index: int) -> int:
    size = ledger.size
    if not 0 <= seq < size:
        raise UsageError(f"there is no record {seq}; the ledger has {size}, numbered from 0")
    acts = len(decode_entry(ledger.record(seq).entry).acts)
    if not 0 <= index < acts:
        raise UsageError(f"record {seq} has acts 0 to {acts - 1}; there is no {seq}.{index}")
    return seq


def _find(ledger: Ledger, digest: bytes, index: int) -> int:
    stop = ledger.size
    while stop > 0:
        start = max(0, stop - 1024)
        for seq, data in ledger.records(start, stop):
            if entry_hash(decode_record(data).entry) == digest:
                return _at(ledger, seq, index)
        stop = start
    raise UsageError(f"the ledger holds no entry {digest.hex()}")


def _about(ledger: Ledger, subject: Subject, list_id: str) -> list[int]:
    """The records that hold acts about a subject on a list, or decide whether one of these counts, in order."""
    found = {item.address.seq for item in ledger.history(subject, list_id)}
    governance = ledger.governance
    for seq in tuple(found):
        entry = ledger.record(seq).entry
        key = governance.keys.get(restore_entry(entry).key)
        if key is not None and key.revoked is not None:
            found.add(key.revoked)
        confirmation = governance.confirmed.get(entry_hash(entry))
        if confirmation is not None:
            found.add(confirmation.seq)
    return sorted(found)


def _receipt(ledger: Ledger, records: list[int], about: About | None, signed: _Signed) -> bytes:
    if len(records) > MAX_ITEMS:
        raise UsageError(f"one receipt holds at most {MAX_ITEMS} records, not {len(records)}; make several")
    head = signed.head
    items = []
    for seq in records:
        data = next(ledger.records(seq, seq + 1))[1]
        hashes = ledger.log.tree.inclusion(seq, head.size)
        check_inclusion(hashes, seq, leaf_hash(data), head.size, head.root)
        items.append(Item(data, TlogProof(seq, hashes, signed.note).head()))
    return ReceiptFile(ledger.ledger_id, about, signed.note, tuple(items)).to_bytes()


def _newest(ledger: Ledger, least: int, *, witnessed: bool) -> _Signed:
    """The newest checkpoint of at least so many records; by default the newest that enough witnesses cosigned."""
    if not witnessed:
        return _checked(ledger, ledger.checkpoint)
    found = ledger.witnessed(least)
    if found is None:
        raise CannotVerify(
            f"no checkpoint that enough witnesses have cosigned covers {least} records yet; ask them with "
            "`creditledger cosign`, or do without them (--unwitnessed)"
        )
    return _checked(ledger, found[1])


def _exact(ledger: Ledger, size: int) -> _Signed:
    found = ledger.log.checkpoint(size)
    if found is None or found[0] != size:
        nearest = "none beyond it" if found is None else f"the next one has {found[0]}"
        raise UsageError(f"the ledger has no checkpoint of {size} records; {nearest}")
    return _checked(ledger, found[1])


def _old(ledger: Ledger, old: int | bytes) -> _Signed:
    if isinstance(old, int):
        return _exact(ledger, old)
    head = parse_checkpoint(old)
    require_origin(old, ledger.origin, "the old checkpoint is of another log than this ledger's")
    root = ledger.log.root_at(head.size) if head.size <= ledger.size else None
    if (head.origin, head.root) != (ledger.origin, root):
        raise VerificationFailed(
            "LED-HEAD", "this ledger does not continue the old checkpoint",
            expected=f"{head.origin}, root {head.root.hex()} at size {head.size}",
            found=f"{ledger.origin}, root {root.hex() if root else 'none'} at that size",
        )  # fmt: skip
    return _Signed(head, old)


def _checked(ledger: Ledger, note: bytes) -> _Signed:
    """A stored checkpoint: signed by a log key, and held against the tree that was re-hashed when the ledger opened."""
    head = open_checkpoint(note, log_verifiers(ledger.governance, ledger.origin), ledger.origin)
    root = ledger.log.root_at(head.size) if head.size <= ledger.size else None
    if root != head.root:
        raise VerificationFailed(
            "LED-TREE", f"the tree is not the one that the checkpoint of size {head.size} was signed for",
            expected=head.root.hex(), found=root.hex() if root else "none",
        )  # fmt: skip
    return _Signed(head, note)
