"""Proofs for tests: a real ledger with a history, witnesses that cosign, a trust file, and both checkers beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import verify_receipt
from creditledger.acts import catalogue as acts
from creditledger.audit.trust import Trust
from creditledger.errors import LedgerError
from creditledger.receipts import check, make
from creditledger.receipts.acknowledgement import desk_vkey
from creditledger.receipts.formats import About, ExtensionFile, Item, ReceiptFile
from creditledger.receipts.report import ProofReport
from creditledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from creditledger.tlog.cosignature import CosignatureSigner, MlDsaSigner
from creditledger.tlog.note import NoteSigner, Signer
from creditledger.tlog.policy import Group, Policy, Witness
from creditledger.tlog.proof_file import TlogProof
from creditledger.tlog.tree import Frontier, inclusion_proof, leaf_hash
from support.registry import LIST, ORIGIN, Registry, firm, listing, signer

DESK = signer("desk")
TIME = 1_772_453_000
"""The time at which the witnesses cosign by default: some minutes after the last record, in POSIX seconds."""


def seed(name: str) -> bytes:
    """The seed of the key of that name; keys of `support.registry` are made the same way."""
    return hashlib.sha256(name.encode()).digest()


def log_signer(name: str = "log", origin: str = ORIGIN) -> NoteSigner:
    """A log key as it signs checkpoints; `log` is the ledger's own."""
    return NoteSigner(origin, seed(name))


def witness(name: str, time: int = TIME) -> CosignatureSigner:
    """The witness of that name, as it signs at a time."""
    return CosignatureSigner(f"{name}.example/witness", seed(name), lambda: time)


def post_quantum(name: str = ORIGIN, time: int = 0) -> MlDsaSigner:
    """An ML-DSA-44 key of the log, or of whoever is called so."""
    return MlDsaSigner(name, seed(f"pq {name}"), lambda: time)


def policy(*names: str, least: int | None = None) -> Policy:
    """So many (default: all) of these witnesses."""
    members = tuple(Witness(name, witness(name).verifier.vkey) for name in names)
    return Policy(witnesses=members, groups=(Group("enough", least or len(names), names),), quorum="enough")


def text_of(note: bytes) -> bytes:
    """What the signatures of a note sign."""
    return note[: note.rindex(b"\n\n") + 1]


def also_signed(note: bytes, signers: Iterable[Signer]) -> bytes:
    """The note with more signatures."""
    return note + b"".join(one.sign(text_of(note)).to_bytes() for one in signers)


def signed(size: int, root: bytes, *signers: Signer, origin: str = ORIGIN) -> bytes:
    """A checkpoint that the log key signs (or these keys), whatever is true."""
    return sign_checkpoint(Checkpoint(origin, size, root), *(signers or (log_signer(),)))


class World(NamedTuple):
    """What tests start from, all of it sound: a receipt for records 8 and 9, the history of firm 1, an extension."""

    ledger_id: bytes
    receipt: ReceiptFile
    history: ReceiptFile
    extension: ExtensionFile
    records: tuple[bytes, ...]
    notes: dict[int, bytes]

    def trust(self, witnesses: Policy | None = None, *, quantum: bool = False, desk: bool = False) -> Trust:
        """A trust file that asks for what is said."""
        vkeys = [log_signer().verifier.vkey, *([post_quantum().verifier.vkey] if quantum else [])]
        desks = (desk_vkey(ORIGIN, DESK),) if desk else ()
        return Trust(ORIGIN, self.ledger_id, tuple(vkeys), desks, witnesses)


def build(base: Path) -> World:
    """The world in a directory; the same bytes each time."""
    with Registry(base).create() as ledger:
        court = signer("court")
        listed = [ledger.append(listing(number), signer=court) for number in range(3)]
        lodged = ledger.append(
            acts.AppealFile(LIST, firm(1), listed[1].ref(), "2026-03-02"), signer=signer("ombudsman")
        )
        ledger.append(
            acts.AppealDecide(LIST, firm(1), lodged.ref(), "uphold", "2026-03-02", "2026-03-02"), signer=signer("high")
        )
        ledger.append([listing(4), listing(5)], signer=court)
        return World(
            ledger.ledger_id,
            ReceiptFile.from_bytes(make.prove(ledger, listed[0], listed[1])),
            ReceiptFile.from_bytes(make.prove_history(ledger, firm(1), LIST)),
            ExtensionFile.from_bytes(make.extend(ledger, listed[1].size)),
            tuple(data for _, data in ledger.records()),
            dict(ledger.log.checkpoints()),
        )


@cache
def world() -> World:
    """The world, built once."""
    with TemporaryDirectory() as place:
        return build(Path(place))


class Tree:
    """The hashes of complete subtrees over leaves in memory."""

    def __init__(self, records: Sequence[bytes]) -> None:
        self._leaves = [leaf_hash(one) for one in records]
        self.size = len(records)

    def read(self, level: int, index: int, /) -> bytes:
        """The root of one of them, computed from its leaves."""
        return self._root(self._leaves[index << level : (index + 1) << level])

    def root(self, size: int | None = None) -> bytes:
        """The root over the first so many leaves (default: all)."""
        return self._root(self._leaves[:size])

    @staticmethod
    def _root(leaves: Sequence[bytes]) -> bytes:
        tree = Frontier()
        for leaf in leaves:
            tree.push(leaf)
        return tree.root()


def receipt_of(records: Sequence[bytes], *indexes: int, about: About | None = None) -> bytes:
    """A receipt from a log that its own key signs, whatever it holds: the operator is the attacker."""
    tree = Tree(records)
    note = signed(tree.size, tree.root())
    items = tuple(
        Item(records[index], TlogProof(index, tuple(inclusion_proof(tree, index, tree.size)), note).head())
        for index in indexes
    )
    return ReceiptFile(world().ledger_id, about, note, items).to_bytes()


def report(data: bytes, trust: Trust, record: bytes | None = None) -> ProofReport:
    """What the package says of a proof that is no fork."""
    found = check.check(data, trust, record=record, raise_on_failure=False)
    assert isinstance(found, ProofReport)
    return found


def both(data: bytes, trust: Trust, record: bytes | None = None) -> int:
    """The exit code to which both checkers come; they must agree."""
    try:
        own = check.check(data, trust, record=record, raise_on_failure=False).exit_code
    except LedgerError as error:
        own = error.exit_code
    other, told = verify_receipt.verify(data, trust.to_text().encode(), record)
    assert own == other, (own, told["verdict"])
    return own


def finding(data: bytes, trust: Trust, record: bytes | None = None) -> str:
    """The finding for which both checkers refuse a proof; they must agree."""
    (found,) = report(data, trust, record).findings
    _, told = verify_receipt.verify(data, trust.to_text().encode(), record)
    assert f"FAILED: {found.id}:" in told["verdict"], (found, told["verdict"])
    return found.id
