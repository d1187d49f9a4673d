"""The checkpoint that the user verified last: noted when something was verified, pinned by what is signed later."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from creditledger.audit import exportfile
from creditledger.audit.published import Published, is_published
from creditledger.audit.source import Records
from creditledger.audit.trust import Trust
from creditledger.cli import output
from creditledger.cli.ledgers import open_log, read_checkpoint
from creditledger.cli.suggesting import typed
from creditledger.client.phrases import short
from creditledger.client.seen import SeenStore, default_seen_dir
from creditledger.errors import CannotVerify, FormatError, LedgerError, StoreError, UsageError, VerificationFailed
from creditledger.ledger.layout import Layout
from creditledger.ledger.ledger import Ledger
from creditledger.receipts import fork, formats
from creditledger.store.head import Head
from creditledger.tlog.note import NoteVerifier
from creditledger.tlog.proof_file import TlogProof
from creditledger.tlog.tiles import Tile, TileReader, TreeBuilder
from creditledger.tlog.tree import HashReader, leaf_hash
from creditledger.watch import evidence, meeting

NONE = Path("none")
"""Given as `--seen none`: pin nothing."""


def store() -> SeenStore | None:
    """Where the user's checkpoints are kept; None without a home."""
    try:
        return SeenStore(default_seen_dir(os.environ))
    except UsageError:
        return None


def known(trust: Trust) -> Head | None:
    """The checkpoint of a ledger that was verified last, its signature verified again; for `audit.verify`.

    What cannot be used is said and left out: it must not keep anybody from verifying.
    """
    kept = store()
    try:
        head = None if kept is None else kept.load(trust.ledger_id)
        if head is not None:
            fork.open_by_log(head.checkpoint, trust)
    except LedgerError as error:
        output.say(f"note: what was verified here before is left out: {error}")
        return None
    return head


def note(trust: Trust, checkpoint: bytes) -> None:
    """Keep a checkpoint that was just verified; what stands against it is said, and changes no verdict."""
    kept = store()
    if kept is None or not checkpoint:
        return
    try:
        kept.advance(trust.ledger_id, checkpoint)
    except LedgerError as error:
        output.say(f"note: the checkpoint is not kept for `sign` to pin: {error}")


def expose(trust: Trust, one: bytes, other: bytes, tree: Callable[[], HashReader] | None = None) -> bool:
    """Write evidence if two checkpoints contradict each other, and say where; tell whether it was written.

    Without proof of it nothing is said against the log: why there is none is.
    """
    try:
        data = fork.make(trust, one, other, None if tree is None else tree())
    except (FormatError, VerificationFailed, CannotVerify, StoreError) as error:
        output.say(f"note: no evidence of a fork can be made here: {error}")
        return False
    if data is None:
        return False
    found = fork.check(data, trust)
    _tell(found)
    return True


def _tell(found: fork.Fork) -> None:
    output.say(f"LED-FORK: {found.message}; {fork.MEANING}. {keep(found)}")


def keep(found: fork.Fork) -> str:
    """Write the evidence of a fork; return a sentence that says where it is, and how others check it."""
    try:
        path = evidence.keep(evidence.default_forks_dir(os.environ), found)
    except (StoreError, UsageError) as error:
        return f"The evidence could not be written: {error}. Keep both checkpoints."
    check = f"creditledger verify {typed(path)} --trust FILE"
    return f"Evidence for others, both checkpoints and the proof, is in {path}: {check}"


def verified(
    path: Path | str, trust: Trust, seen: Head | None, checkpoint: bytes, *, intact: bool, forked: bool
) -> bool:
    """After an audit of a directory, an export or a published log: note its checkpoint, or write what exposes it.

    Tells whether what was heard of before, from receipts, contradicts what was found intact here: that is a fork.
    """
    if not intact and not (forked and seen is not None):
        return False
    kept = store()
    try:
        with ExitStack() as opened:
            size = fork.open_by_log(checkpoint, trust).size
            if not intact and seen is not None:
                tree = opened.enter_context(tree_of(path, size))
                expose(trust, seen.checkpoint, checkpoint, lambda: tree)
            elif kept is not None:
                data = meeting.audited(
                    kept, trust, checkpoint, lambda: opened.enter_context(tree_of(path, size)), compared=seen
                )
                if data is not None:
                    _tell(fork.check(data, trust))
                    return True
    except LedgerError as error:  # The verdict stands all the same.
        what = "the checkpoint is not kept for `sign` to pin" if intact else "no evidence of a fork can be made here"
        output.say(f"note: {what}: {error}")
    return False


def proved(data: bytes, trust: Trust) -> bool:
    """After a receipt, extension or .tlog-proof was checked and holds: note the checkpoint that it shows.

    An extension of exactly the checkpoint that was verified moves that forward; anything else is only heard of. Tells
    whether it contradicts what is known here, which is evidence of a fork.
    """
    kept = store()
    kind = formats.kind_of(data)
    old = found = b""
    if kind == formats.RECEIPT:
        found = formats.ReceiptFile.from_bytes(data).note
    elif kind == formats.TLOG_PROOF:
        found = TlogProof.from_bytes(data).checkpoint
    elif kind == formats.EXTENSION:
        extension = formats.ExtensionFile.from_bytes(data)
        old, found = extension.old, extension.new
    if kept is None or not found:
        return False
    try:
        for shown in filter(None, (old, found)):
            rival = kept.rival(trust.ledger_id, shown)
            if rival is not None and expose(trust, rival, shown):
                return True
        verified_before = known(trust)
        base = fork.open_by_log(old, trust) if old else None
        if base is not None and verified_before is not None and base.size and (
            (base.size, base.root) == (verified_before.size, verified_before.root)
        ):  # fmt: skip
            note(trust, found)
        else:
            kept.hear(trust.ledger_id, fork.trimmed(found, trust))
    except LedgerError as error:
        output.say(f"note: the checkpoint is not kept, to be held against what is verified later: {error}")
    return False


class Pin(NamedTuple):
    """What an entry is to pin, (size, root) or None, and a sentence on it for whoever signs; empty: nothing to say."""

    seen: tuple[int, bytes] | None
    words: str


def choose(
    asked: Path | None, ledger_id: bytes, at_least: int, *, trust: Trust | None = None, ledger: Ledger | None = None
) -> Pin:
    """What an entry pins: what `--seen` names, else the checkpoint that was verified last, where it can be pinned.

    Args:
        asked: the file that `--seen` names, `NONE`, or None where it was not given.
        ledger_id: 32 bytes.
        at_least: the largest size that the key's entries pin; a smaller one is refused by the ledger.
        trust: the trust file when signing offline. ledger: the ledger in reach when not.

    Raises:
        VerificationFailed: LED-FORK; the ledger in reach contradicts the checkpoint that was verified. Evidence is
            written. LED-HEAD where there is none, because the ledger's own checkpoint does not cover that size.
        FormatError: what is kept is damaged. UsageError: as `read_checkpoint`.
    """
    if asked == NONE:
        return Pin(None, "")
    if asked is not None:
        return Pin(read_checkpoint(asked, trust, ledger), "")
    kept = store()
    head = None if kept is None else kept.load(ledger_id)
    if kept is not None and ledger is not None:
        for heard in kept.heard(ledger_id):
            if heard.size <= ledger.size and _is_signed(heard, ledger):
                _require_same(heard, ledger)
    if head is None:
        return Pin(None, "It pins no history: nothing of this ledger was verified here yet (creditledger verify)")
    if ledger is not None:
        if head.size > ledger.size:
            return Pin(
                None, f"It pins no history: {head.size} records were verified here, and this copy of the ledger has "
                f"only {ledger.size}: it is older, or something was cut off; verify it before you sign",
            )  # fmt: skip
        _require_same(head, ledger)
    elif trust is not None:
        try:
            fork.open_by_log(head.checkpoint, trust)
        except VerificationFailed as error:
            return Pin(None, f"It pins no history: the checkpoint kept here is by no key of the trust file ({error})")
    if head.size < at_least:
        return Pin(
            None, f"It pins no history: the key has pinned size {at_least} before, and what was verified here last "
            f"has size {head.size}",
        )  # fmt: skip
    return Pin(
        (head.size, head.root),
        f"It pins the history that was verified here last, up to size {head.size}, root {short(head.root)}: it can be "
        "recorded in no other",
    )


def _own_trust(ledger: Ledger) -> Trust:
    """A trust file of the ledger in reach, with the log keys that it has and had."""
    vkeys = [key for key, row in ledger.governance.keys.items() if row.role == "log"]
    verifiers = [NoteVerifier(ledger.origin, key[1:]) for key in sorted(vkeys)]
    return Trust(ledger.origin, ledger.ledger_id, tuple(one.vkey for one in verifiers))


def _is_signed(heard: Head, ledger: Ledger) -> bool:
    """Whether a log key of this ledger signed what was heard of; by another it says nothing about this ledger."""
    try:
        fork.open_by_log(heard.checkpoint, _own_trust(ledger))
    except (FormatError, VerificationFailed):
        return False
    return True


def _require_same(head: Head, ledger: Ledger) -> None:
    """The ledger in reach has the root that was verified; raises `VerificationFailed`, having written the evidence."""
    root = ledger.log.root_at(head.size)
    if root == head.root:
        return
    trust = _own_trust(ledger)
    message = (
        f"this ledger contradicts the checkpoint of size {head.size} that is known here: somebody was shown "
        "another history (a fork). Nothing is signed"
    )
    found = "none" if root is None else root.hex()
    try:
        fork.open_by_log(head.checkpoint, trust)
        size = fork.open_by_log(ledger.checkpoint, trust).size
        data = fork.make(trust, head.checkpoint, ledger.checkpoint, ledger.log.tiles(size))
    except (FormatError, VerificationFailed, CannotVerify) as error:
        failed = VerificationFailed("LED-HEAD", message, expected=head.root.hex(), found=found)
        failed.add_note(f"No evidence for others can be made of it: {error}")
        raise failed from error
    failed = VerificationFailed("LED-FORK", message, expected=head.root.hex(), found=found)
    if data is not None:
        failed.add_note(keep(fork.check(data, trust)))
    raise failed


@contextmanager
def tree_of(path: Path | str, size: int) -> Iterator[HashReader]:
    """The tree over the first `size` records of what `audit.verify` reads; what it says must be checked.

    Raises, also when it is read, `VerificationFailed`, `CannotVerify`, `StoreError`, `FormatError`.
    """
    if is_published(path):
        from creditledger.web.place import open_place

        place = open_place(os.fspath(path))
        try:
            yield Published(place).tiles(size)
        finally:
            place.close()
    elif Path(path).is_dir():
        with open_log(Layout(Path(path))) as log:
            yield log.tiles(size)
    else:
        records = exportfile.ExportRecords(Path(path))
        try:
            yield _tree(records, size)
        finally:
            records.close()


def _tree(records: Records, size: int) -> HashReader:
    """The tree over the first records of an export file, which holds no tiles."""
    tiles: dict[tuple[int, int], bytes] = {}
    builder = TreeBuilder()

    def take(found: list[Tile] | tuple[Tile, ...]) -> None:
        tiles.update({(one.level, one.index): one.hashes for one in found})

    for data, _ in records.records(0, size, len(exportfile.MAGIC)):
        take(tuple(builder.push(leaf_hash(data))))
    take(builder.partial_tiles())
    return TileReader(size, lambda level, index, _width: tiles.get((level, index)))
