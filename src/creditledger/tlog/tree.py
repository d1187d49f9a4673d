"""The Merkle tree of RFC 9162 over SHA-256: hashes, the frontier of a growing tree, proofs and their checkers.

A tree over n leaves splits at the largest power of two below n, so every tree is a row of *complete* subtrees, each of
2^level leaves, which never change as the tree grows. Whoever can read the roots of complete subtrees (`HashReader`) can
prove anything about the tree; whoever only appends keeps one root for each bit set in the size (`Frontier`).

Every proof here says one thing: the leaves of an inner interval are those that an outer interval has at that place.
Intervals are half open, `(start, end)`, and are subtrees in the sense of draft-ietf-plants-merkle-tree-certs, section
"Subtrees". The two proofs of RFC 9162 are cases of it:

    inclusion    (section 2.1.3)    inner = (index, index + 1)    outer = (0, size)
    consistency  (section 2.1.4)    inner = (0, old)              outer = (0, new)

A root does not say the size of its tree. Whoever checks must take both from one signed checkpoint.

Prover and checker walk the same path, so they stand side by side. The tests hold both against the recursive definition,
against the checking procedure that the draft states, and against the draft's accumulated vectors.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum, auto
from hashlib import sha256
from typing import Final, NamedTuple, Protocol, Self

from creditledger.errors import FormatError, UsageError, VerificationFailed

HASH_BYTES: Final = 32
MAX_SIZE: Final = 2**53 - 1
"""The largest number of leaves: the largest integer of format v1, which every JSON reader holds exactly."""

EMPTY_ROOT: Final = sha256(b"").digest()
"""The root of the tree without leaves (RFC 9162 section 2.1.1)."""

Interval = tuple[int, int]
"""The leaves from `start` up to, not including, `end`."""


def leaf_hash(data: bytes) -> bytes:
    """Return the 32-byte hash of a leaf, SHA-256(00 ‖ data) (RFC 9162 section 2.1.1)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the 32-byte hash of an inner node, SHA-256(01 ‖ left ‖ right) (RFC 9162 section 2.1.1)."""
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a growing tree: enough to append leaves and to know the root, in at most 53 hashes.

    Attributes:
        size: the number of leaves.
        roots: the 32-byte roots of the complete subtrees that make up the tree, the largest (leftmost) first; one for
            each bit set in `size`.
    """

    __slots__ = ("roots", "size")

    def __init__(self) -> None:
        """Start with the empty tree."""
        self.size = 0
        self.roots: list[bytes] = []

    def push(self, leaf: bytes) -> None:
        """Append one leaf, given its 32-byte hash; costs one node hash on average."""
        roots = self.roots
        size = self.size
        self.size = size + 1
        # A carry, as in binary addition: two complete subtrees of one size become one of the next. The node hash is
        # written out because this loop runs for every record.
        while size & 1:
            leaf = sha256(b"\x01" + roots.pop() + leaf).digest()
            size >>= 1
        roots.append(leaf)

    def root(self) -> bytes:
        """Return the 32-byte root of the tree as it stands."""
        return _fold(reversed(self.roots))

    def copy(self) -> Frontier:
        """Return an independent frontier of the same tree."""
        twin = Frontier()
        twin.size = self.size
        twin.roots = self.roots.copy()
        return twin

    def to_bytes(self) -> bytes:
        """Return the size as 8 big-endian bytes, then the roots, the largest subtree first."""
        return self.size.to_bytes(8, "big") + b"".join(self.roots)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote.

        Raises:
            FormatError: too large a size, or not exactly one root for each bit set in it.
        """
        size = int.from_bytes(data[:8], "big")
        if size > MAX_SIZE:
            raise FormatError(f"a tree frontier of size {size} is beyond the largest tree, {MAX_SIZE}")
        expected = 8 + HASH_BYTES * size.bit_count()
        if len(data) != expected:
            raise FormatError(f"a tree frontier of size {size} has {expected} bytes, this one has {len(data)}")
        frontier = cls()
        frontier.size = size
        frontier.roots = [data[i : i + HASH_BYTES] for i in range(8, expected, HASH_BYTES)]
        return frontier


class HashReader(Protocol):
    """Where the roots of complete subtrees are read from."""

    def read(self, level: int, index: int, /) -> bytes:
        """Return the 32-byte root of the `index`-th complete subtree of 2^level leaves, counted from 0 on the left."""


def is_subtree(start: int, end: int) -> bool:
    """Tell whether an interval is a subtree: `start` is a multiple of the least power of two that is >= its length.

    Source: draft-ietf-plants-merkle-tree-certs, section "Definition of a Subtree".
    """
    return 0 <= start <= end and start % (1 << max(end - start - 1, 0).bit_length()) == 0


def covering_subtrees(start: int, end: int) -> tuple[Interval, Interval]:
    """Return two adjacent subtrees that cover an interval, the first with fewer than half of its leaves in excess.

    Source: draft-ietf-plants-merkle-tree-certs, section "Efficiently Covering Arbitrary Intervals".

    Raises:
        UsageError: not `0 <= start <= end`.
    """
    if not 0 <= start <= end:
        raise UsageError(f"[{start}, {end}) is not an interval of leaves")
    if end - start <= 1:
        return (start, end), (end, end)
    last = end - 1
    # The paths to the first and the last leaf part at this height; the right one begins the second subtree.
    below = (1 << (start ^ last).bit_length() - 1) - 1
    middle = last & ~below
    # The first subtree shrinks to the height at which the path to `start` last turns left.
    excess = (1 << (~start & below).bit_length()) - 1
    return (start & ~excess, middle), (middle, end)


def subtree_root(reader: HashReader, start: int, end: int) -> bytes:
    """Return the 32-byte root MTH(D[start:end]) of a subtree (RFC 9162 section 2.1.1).

    Raises:
        UsageError: the interval is not a subtree.
    """
    if not is_subtree(start, end):
        raise UsageError(f"[{start}, {end}) is not a subtree")
    return _fold(reader.read(level, index) for level, index in _complete_subtrees(start, end))


def inclusion_proof(reader: HashReader, index: int, size: int) -> list[bytes]:
    """Prove that a leaf stands at `index` in the tree of `size` leaves (RFC 9162 section 2.1.3.1).

    Returns:
        The 32-byte hashes from the sibling of the leaf upwards, for `check_inclusion`.

    Raises:
        UsageError: there is no such leaf in a tree of that size.
    """
    return subtree_proof(reader, (index, index + 1), (0, size))


def consistency_proof(reader: HashReader, old: int, new: int) -> list[bytes]:
    """Prove that the tree of `new` leaves begins with the tree of `old` leaves (RFC 9162 section 2.1.4.1).

    Returns:
        The 32-byte hashes for `check_consistency`; none if `old` is 0 or equals `new`.

    Raises:
        UsageError: not `0 <= old <= new`.
    """
    return subtree_proof(reader, (0, old), (0, new))


def subtree_proof(reader: HashReader, inner: Interval, outer: Interval) -> list[bytes]:
    """Prove that the leaves of subtree `inner` are those that subtree `outer` has there.

    Source: SUBTREE_PROOF in draft-ietf-plants-merkle-tree-certs, section "Generating a Subtree Consistency Proof".

    Returns:
        The 32-byte hashes from the bottom upwards, for `check_subtree`.

    Raises:
        UsageError: one of the two is not a subtree, or `inner` does not lie within `outer`.
    """
    if defect := _defect(inner, outer):
        raise UsageError(f"nothing can be proved: {defect}")
    return [_fold(reader.read(*at) for at in _complete_subtrees(*step.sibling)) for step in _path(inner, outer)]


def check_inclusion(proof: Sequence[bytes], index: int, leaf: bytes, size: int, root: bytes) -> None:
    """Check that the leaf with hash `leaf` stands at `index` in the tree of `size` leaves with this root.

    Raises:
        FormatError: a hash does not have 32 bytes.
        VerificationFailed: finding `LED-TREE`; the proof does not show it.
    """
    claim = f"that leaf {index} is in the tree of size {size}"
    _check(claim, proof, (index, index + 1), leaf, (0, size), root)


def check_consistency(proof: Sequence[bytes], old: int, old_root: bytes, new: int, new_root: bytes) -> None:
    """Check that the tree of `new` leaves with root `new_root` begins with that of `old` leaves with root `old_root`.

    Every tree begins with the empty one, so from `old` = 0 this says nothing about `new_root`.

    Raises:
        FormatError: a hash does not have 32 bytes.
        VerificationFailed: finding `LED-TREE`; the proof does not show it.
    """
    claim = f"that the tree of size {new} begins with the tree of size {old}"
    _check(claim, proof, (0, old), old_root, (0, new), new_root)


def check_subtree(
    proof: Sequence[bytes], inner: Interval, inner_root: bytes, outer: Interval, outer_root: bytes
) -> None:
    """Check that the leaves of subtree `inner`, with root `inner_root`, are those that subtree `outer` has there.

    Raises:
        FormatError: a hash does not have 32 bytes.
        VerificationFailed: finding `LED-TREE`; the proof does not show it.
    """
    claim = f"that [{inner[0]}, {inner[1]}) is a part of [{outer[0]}, {outer[1]})"
    _check(claim, proof, inner, inner_root, outer, outer_root)


def _check(
    claim: str, proof: Sequence[bytes], inner: Interval, inner_root: bytes, outer: Interval, outer_root: bytes
) -> None:
    """Recompute both roots from the proof and compare them; `claim` begins with "that" and says what is to be shown."""
    if defect := _defect(inner, outer):
        raise _failure(claim, "nobody could prove it", "a claim that is possible", defect)
    path = _path(inner, outer)
    if len(proof) != len(path):
        raise _failure(claim, "its length is wrong", f"{len(path)} hashes", f"{len(proof)} hashes")
    for name, value in (("inner root", inner_root), ("outer root", outer_root), *(("proof", hash_) for hash_ in proof)):
        if len(value) != HASH_BYTES:
            raise FormatError(f"{name}: a hash of the tree has {HASH_BYTES} bytes, this one has {len(value)}")

    if inner[0] == inner[1]:
        # Every tree has the empty one in it, whatever its root; only the empty root itself can be checked.
        computed_inner, computed_outer = EMPTY_ROOT, EMPTY_ROOT if outer[0] == outer[1] else outer_root
    else:
        computed_inner, computed_outer = _recompute(path, proof, inner_root)
    if computed_inner != inner_root:
        raise _failure(claim, "it leads to another inner root", inner_root.hex(), computed_inner.hex())
    if computed_outer != outer_root:
        raise _failure(claim, "it leads to another root", outer_root.hex(), computed_outer.hex())


def _recompute(path: list[_Step], proof: Sequence[bytes], inner_root: bytes) -> tuple[bytes, bytes]:
    """Return the inner and the outer root to which a proof of the right length leads."""
    inner = outer = inner_root
    for step, hash_ in zip(path, proof, strict=True):
        match step.side:
            case _Side.BOTTOM:
                inner = outer = hash_
            case _Side.RIGHT:
                outer = node_hash(outer, hash_)
            case _Side.LEFT:
                outer = node_hash(hash_, outer)
            case _Side.SHARED:
                inner = node_hash(hash_, inner)
                outer = node_hash(hash_, outer)
    return inner, outer


def _failure(claim: str, reason: str, expected: str, found: str) -> VerificationFailed:
    return VerificationFailed("LED-TREE", f"the proof does not show {claim}: {reason}", expected=expected, found=found)


class _Side(Enum):
    """Where the hash of a step belongs when both roots are recomputed from the bottom upwards."""

    BOTTOM = auto()  # The part that both have in common, where the inner root itself is not a node of the outer tree.
    RIGHT = auto()  # To the right: part of the outer tree only.
    LEFT = auto()  # To the left: part of the outer tree only.
    SHARED = auto()  # To the left, and within the inner subtree: part of both.


class _Step(NamedTuple):
    side: _Side
    sibling: Interval


def _path(inner: Interval, outer: Interval) -> list[_Step]:
    """Return the way from the inner subtree up to the outer root: what a proof holds, in its order."""
    start, end = inner
    if start == end:
        return []
    low, high = outer
    steps = []
    in_outer = True
    while (low, high) != (start, end):
        middle = low + (1 << (high - low - 1).bit_length() - 1)
        if end <= middle:
            steps.append(_Step(_Side.RIGHT, (middle, high)))
            high = middle
        elif middle <= start:
            steps.append(_Step(_Side.LEFT, (low, middle)))
            low = middle
        else:
            # The inner subtree begins here and ends beyond the middle: it has the whole left half, and then some.
            steps.append(_Step(_Side.SHARED, (low, middle)))
            low = start = middle
            in_outer = False
    if not in_outer:
        steps.append(_Step(_Side.BOTTOM, (low, high)))
    steps.reverse()
    return steps


def _defect(inner: Interval, outer: Interval) -> str:
    """Say why no proof can exist from one interval to the other; empty if one can."""
    for start, end in (inner, outer):
        if not is_subtree(start, end):
            return f"[{start}, {end}) is not a subtree"
        if end > MAX_SIZE:
            return f"[{start}, {end}) is beyond the largest tree, {MAX_SIZE}"
    if not (outer[0] <= inner[0] and inner[1] <= outer[1]):
        return f"[{inner[0]}, {inner[1]}) is not within [{outer[0]}, {outer[1]})"
    return ""


def _complete_subtrees(start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield (level, index) of the complete subtrees that make up a subtree, the smallest (rightmost) first."""
    length = end - start
    while length:
        level = (length & -length).bit_length() - 1
        length -= 1 << level
        yield level, (start + length) >> level


def _fold(roots: Iterator[bytes]) -> bytes:
    """Join the roots of adjacent complete subtrees, the smallest first, into the root over all of them."""
    root = next(roots, EMPTY_ROOT)
    for left in roots:
        root = node_hash(left, root)
    return root
