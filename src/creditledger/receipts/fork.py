"""Evidence of a fork: two checkpoints that one log signed, and that cannot both be true of one append-only log.

    ["creditledger/fork/v1", ledger_id, note A, note B, root, [hash, ...]]

A says that the log had `size A` records with `root A`, B that it had `size B` ≥ `size A`. `root` is that of the first
`size A` records of the tree which B was signed for, and the hashes are the consistency proof (RFC 9162 section 2.1.4)
from (`size A`, `root`) to (`size B`, `root B`). As `root` is another than `root A`, B's history is not a continuation
of A's: the log changed what it had signed, or showed one history to some and another to others.

Whoever holds a trust file can check it, years later and without either history. Only signatures of the log's own keys
count, and one good signature on each note is enough: a log does not get out of what it has signed by setting a wrong
line beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from creditledger.audit.trust import Trust
from creditledger.codec.canonical import encode
from creditledger.errors import FormatError, UnsupportedError, UsageError, VerificationFailed
from creditledger.receipts.formats import FORK, check_bytes, read_array, read_hashes
from creditledger.tlog.checkpoint import Checkpoint, open_checkpoint
from creditledger.tlog.note import MAX_NOTE_BYTES, Signature, open_note
from creditledger.tlog.tree import HASH_BYTES, HashReader, check_consistency, consistency_proof, subtree_root

FORMAT: Final = "creditledger/fork/v1"
MAX_BYTES: Final = 2 * MAX_NOTE_BYTES + 4096
MEANING: Final = "this proves that the log showed two histories"


class Evidence(NamedTuple):
    """The elements of the file: ledger id (32 bytes), both notes as signed, the root (32 bytes) that the second one's
    tree has at the size of the first, and the consistency proof."""

    ledger_id: bytes
    first: bytes
    second: bytes
    root: bytes
    proof: tuple[bytes, ...]

    def to_bytes(self) -> bytes:
        """The file; `from_bytes` reads it back."""
        return encode((FORMAT, *self))

    @classmethod
    def from_bytes(cls, data: bytes) -> Evidence:
        """Read the file's form; nothing in it is verified.

        Raises `FormatError` for what is not of this form, `UnsupportedError` for another version of it.
        """
        _, ledger_id, first, second, root, hashes = read_array(data, FORK, 6, MAX_BYTES)
        check_bytes(ledger_id, 32, 32, "the ledger id")
        check_bytes(first, 0, MAX_NOTE_BYTES, "the first checkpoint")
        check_bytes(second, 0, MAX_NOTE_BYTES, "the second checkpoint")
        check_bytes(root, HASH_BYTES, HASH_BYTES, "the root")
        return cls(ledger_id, first, second, root, read_hashes(hashes))


@dataclass(frozen=True, slots=True)
class Fork:
    """A fork that was proved.

    Attributes:
        origin, ledger_id: of which ledger (the id in 32 bytes).
        first, second: what the two checkpoints say, the smaller one first.
        root: the root (32 bytes) of the second one's history at the size of the first.
        evidence: the file that proves it.
    """

    origin: str
    ledger_id: bytes
    first: Checkpoint
    second: Checkpoint
    root: bytes
    evidence: bytes

    @property
    def exit_code(self) -> int:
        """3: there is evidence, against the log."""
        return VerificationFailed.exit_code

    @property
    def meaning(self) -> str:
        """What it proves, in a sentence without its full stop."""
        size = self.first.size
        return (
            f"{MEANING}: at {size} records, one with root {self.first.root.hex()[:16]}…, the other with root "
            f"{self.root.hex()[:16]}…, both under signatures of the log"
        )

    def facts(self) -> list[tuple[str, str]]:
        """What the evidence consists of, by name."""
        return [
            ("ledger", self.origin),
            ("id", self.ledger_id.hex()),
            ("first checkpoint", f"size {self.first.size}, root {self.first.root.hex()}"),
            ("second checkpoint", f"size {self.second.size}, root {self.second.root.hex()}"),
            ("second history", f"had root {self.root.hex()} at size {self.first.size}"),
        ]

    def lines(self) -> Iterator[str]:
        """The result in lines that begin with what they are about; the verdict first, what it does not show last."""
        yield f"verdict: FORK: {self.meaning} (exit code {self.exit_code})"
        for name, value in self.facts():
            yield f"{name}: {value}"
        yield f"finding: LED-FORK: {self.message}"
        for item in self.not_shown:
            yield f"NOT SHOWN: {item}"

    @property
    def message(self) -> str:
        """What happened, in words that need no knowledge of trees."""
        if self.first.size == self.second.size:
            return f"the log signed two different checkpoints of the same size, {self.first.size} records"
        return (
            f"the log signed a checkpoint of {self.first.size} records, and one of {self.second.size} records "
            "that does not continue it"
        )

    @property
    def not_shown(self) -> tuple[str, ...]:
        """What this evidence does not say."""
        return (
            "which of the two histories is the true one",
            "whether the operator signed both, or a thief of the log key one of them",
        )

    def failure(self) -> VerificationFailed:
        """The fork as the error that it is (LED-FORK)."""
        return VerificationFailed(
            "LED-FORK", self.message, expected=f"root {self.first.root.hex()} at size {self.first.size}",
            found=f"root {self.root.hex()}",
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """The result as a JSON object."""
        return {
            "verdict": "FORK",
            "meaning": self.meaning,
            "exit_code": self.exit_code,
            "finding": "LED-FORK",
            "origin": self.origin,
            "ledger_id": self.ledger_id.hex(),
            "first": {"size": self.first.size, "root": self.first.root.hex()},
            "second": {"size": self.second.size, "root": self.second.root.hex()},
            "root_of_second_at_first": self.root.hex(),
            "not_shown": list(self.not_shown),
        }


def open_by_log(note: bytes, trust: Trust) -> Checkpoint:
    """What a checkpoint says that at least one Ed25519 log key of the trust file signed, whoever else did or did not.

    Raises `FormatError` for what is no checkpoint, `VerificationFailed` (LED-CKPT) if none of them signed it.
    """
    failed: list[FormatError | VerificationFailed] = []
    for verifier in trust.verifiers():
        try:
            return open_checkpoint(note, (verifier,), trust.origin)
        except (FormatError, VerificationFailed) as error:
            failed.append(error)
    raise failed[0]


def trimmed(note: bytes, trust: Trust) -> bytes:
    """A checkpoint with the right signature lines by keys of the trust file alone, as it is kept.

    Whoever passes a note on can add lines, up to a megabyte of them. Where a line by a key of the trust file is wrong,
    only those by Ed25519 log keys are kept. Raises as `open_by_log`.
    """
    try:
        opened = trust.open(note)
        lines = (*opened.log_signatures, *opened.cosignatures)
        return opened.checkpoint.to_bytes() + b"\n" + b"".join(one.to_bytes() for one in lines)
    except (FormatError, VerificationFailed):
        checkpoint = open_by_log(note, trust)
    found: list[Signature] = []
    for verifier in trust.verifiers():
        try:
            found += open_note(note, (verifier,)).signatures
        except (FormatError, VerificationFailed):
            continue
    return checkpoint.to_bytes() + b"\n" + b"".join(one.to_bytes() for one in found)


def make(trust: Trust, one: bytes, other: bytes, tree: HashReader | None = None) -> bytes | None:
    """Prove that two signed checkpoints contradict each other; None if they do not.

    Args:
        trust: whose log it is.
        one, other: the signed notes, in either order.
        tree: the tree that the larger one was signed for (a `tlog.tiles.TileReader`); not needed for equal sizes. It
            is not trusted: what it leads to is held against the signed root.

    Returns:
        The evidence, which `check` accepts, or None: the larger checkpoint continues the smaller one.

    Raises:
        FormatError, VerificationFailed (LED-CKPT): one of the notes is no checkpoint that the log signed.
        VerificationFailed (LED-TREE), CannotVerify: the tree is not the signed one, or lacks a part.
        UsageError: the sizes differ, and no tree is given.
    """
    pair = sorted([(open_by_log(note, trust), note) for note in (one, other)], key=lambda it: (it[0].size, it[0].root))
    (first, first_note), (second, second_note) = pair
    root, proof = second.root, tuple[bytes, ...]()
    if first.size < second.size:
        if tree is None:
            raise UsageError(f"to compare sizes {first.size} and {second.size}, the tree of the larger one is needed")
        root, proof = proved_root(tree, first.size, second)
    if root == first.root:
        return None
    return Evidence(trust.ledger_id, first_note, second_note, root, proof).to_bytes()


def proved_root(tree: HashReader, size: int, signed: Checkpoint) -> tuple[bytes, tuple[bytes, ...]]:
    """The root (32 bytes) that the tree of a signed checkpoint has at a smaller size, with its consistency proof.

    The tree is not trusted: the proof is checked against the signed root. Raises `VerificationFailed` (LED-TREE) where
    it does not lead there, and what the reader raises where it lacks a part.
    """
    root = subtree_root(tree, 0, size)
    proof = tuple(consistency_proof(tree, size, signed.size))
    check_consistency(proof, size, root, signed.size, signed.root)
    return root, proof


def check(data: bytes, trust: Trust) -> Fork:
    """Check evidence of a fork by the trust file alone.

    Raises:
        FormatError: it proves nothing; the message says why. Whoever made it up shows nothing against the log, so this
            is no finding.
        UnsupportedError: it is of a version not known here.
    """
    try:
        return _check(Evidence.from_bytes(data), data, trust)
    except UnsupportedError as error:
        raise UnsupportedError(f"the evidence of a fork cannot be read: {error}") from error
    except (FormatError, VerificationFailed) as error:
        raise FormatError(f"this is no evidence of a fork and proves nothing: {error}") from error


def _check(evidence: Evidence, data: bytes, trust: Trust) -> Fork:
    if evidence.ledger_id != trust.ledger_id:
        raise FormatError(f"it is about ledger {evidence.ledger_id.hex()}, and the trust file {trust.ledger_id.hex()}")
    first, second = open_by_log(evidence.first, trust), open_by_log(evidence.second, trust)
    if first.size > second.size:
        raise FormatError(f"the smaller checkpoint comes first, here they have sizes {first.size} and {second.size}")
    if evidence.root == first.root:
        raise FormatError(
            f"the two checkpoints do not contradict each other: both histories have root {first.root.hex()} at size "
            f"{first.size}"
        )
    check_consistency(evidence.proof, first.size, evidence.root, second.size, second.root)
    return Fork(trust.origin, trust.ledger_id, first, second, evidence.root, data)
