"""Proofs and their checkers: every small tree, the draft's accumulated vectors, a second checker, and forgeries.

The accumulated vectors, and the lines that are hashed for them, are those of draft-ietf-plants-merkle-tree-certs,
appendix "Subtree Test Vectors": all valid inputs for trees of up to 130 leaves, in one hash for each algorithm.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditledger.errors import FormatError, UsageError, VerificationFailed
from creditledger.tlog.tree import (
    EMPTY_ROOT,
    MAX_SIZE,
    Interval,
    check_consistency,
    check_inclusion,
    check_subtree,
    consistency_proof,
    covering_subtrees,
    inclusion_proof,
    is_subtree,
    leaf_hash,
    subtree_proof,
    subtree_root,
)

SIZE = 130
LEAVES = [leaf_hash(bytes([number])) for number in range(SIZE)]


@cache
def naive_root(start: int, end: int) -> bytes:
    """MTH(D[start:end]) as RFC 9162 section 2.1.1 defines it."""
    if start == end:
        return hashlib.sha256().digest()
    if start + 1 == end:
        return LEAVES[start]
    split = 1
    while 2 * split < end - start:
        split *= 2
    return hashlib.sha256(b"\x01" + naive_root(start, start + split) + naive_root(start + split, end)).digest()


class Reader:
    """Answers every read from the definition; only complete subtrees may be asked for."""

    def read(self, level: int, index: int, /) -> bytes:
        assert (index + 1) << level <= SIZE
        return naive_root(index << level, (index + 1) << level)


READER = Reader()


def subtrees(end: int) -> Iterator[Interval]:
    return ((start, end) for start in range(end + 1) if is_subtree(start, end))


def second_checker(proof: list[bytes], inner: Interval, inner_root: bytes, size: int, root: bytes) -> bool:
    """The draft's procedure "Verifying a Subtree Consistency Proof", on the bits of the indices."""
    start, end = inner
    if not is_subtree(start, end) or end > size:
        return False
    if start == end:
        return not proof and inner_root == EMPTY_ROOT
    first, last, tail = start, end - 1, size - 1
    while first != last and (last == tail or last & 1):
        first, last, tail = first >> 1, last >> 1, tail >> 1
    if first == last:
        inner_found = outer_found = inner_root
    elif proof:
        inner_found = outer_found = proof[0]
        proof = proof[1:]
    else:
        return False
    for hash_ in proof:
        if tail == 0:
            return False
        if last & 1 or last == tail:
            if first < last:
                inner_found = hashlib.sha256(b"\x01" + hash_ + inner_found).digest()
            outer_found = hashlib.sha256(b"\x01" + hash_ + outer_found).digest()
            while not last & 1:
                first, last, tail = first >> 1, last >> 1, tail >> 1
        else:
            outer_found = hashlib.sha256(b"\x01" + outer_found + hash_).digest()
        first, last, tail = first >> 1, last >> 1, tail >> 1
    return (tail, inner_found, outer_found) == (0, inner_root, root)


def accumulate(lines: Iterator[str]) -> str:
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.encode() + b"\n")
    return digest.hexdigest()


def proof_line(subject: str, proof: list[bytes]) -> str:
    return " ".join([subject, *[hash_.hex() for hash_ in proof]])


def test_accumulated_subtree_roots() -> None:
    lines = (
        f"[{start}, {end}) {subtree_root(READER, start, end).hex()}"
        for end in range(SIZE + 1)
        for start, end in subtrees(end)
    )
    assert accumulate(lines) == "b82806ad4265bb151c1119c0f4db437bb4d1a1f887b3a7fba1cd4ebf552e3e81"


def test_accumulated_inclusion_proofs_in_subtrees() -> None:
    lines = (
        proof_line(f"{index} [{start}, {end})", subtree_proof(READER, (index, index + 1), (start, end)))
        for end in range(SIZE + 1)
        for start, end in subtrees(end)
        for index in range(start, end)
    )
    assert accumulate(lines) == "ac2a8f989e44d99e399db448050ff5f19757df53cfb716aa81015d3955d8163f"


def test_accumulated_subtree_consistency_proofs() -> None:
    lines = (
        proof_line(f"[{start}, {end}) {size}", subtree_proof(READER, (start, end), (0, size)))
        for size in range(SIZE + 1)
        for end in range(size + 1)
        for start, end in subtrees(end)
    )
    assert accumulate(lines) == "10fa99b37bf9bf9ffa26b412fbd98bd75363256d0b75d61bc4538b9c9c5a0a74"


def test_accumulated_covering_subtrees() -> None:
    covers = (covering_subtrees(start, end) for end in range(SIZE + 1) for start in range(end + 1))
    lines = (f"[{left[0]}, {left[1]}) [{right[0]}, {right[1]})" for left, right in covers)
    assert accumulate(lines) == "7fd9c8b926e9d2b5cf831560e8ce295a5ef97ad5c5ede4ea0dea28a8c8fc8bb0"


def test_every_leaf_of_every_tree_is_proved() -> None:
    for size in range(1, SIZE + 1):
        for index in range(size):
            check_inclusion(inclusion_proof(READER, index, size), index, LEAVES[index], size, naive_root(0, size))


def test_every_tree_is_proved_to_begin_with_every_smaller_one() -> None:
    for new in range(SIZE + 1):
        for old in range(new + 1):
            proof = consistency_proof(READER, old, new)
            check_consistency(proof, old, naive_root(0, old), new, naive_root(0, new))


def test_every_subtree_is_proved_in_every_tree_and_both_checkers_agree() -> None:
    for size in range(70):
        for end in range(size + 1):
            for inner in subtrees(end):
                proof = subtree_proof(READER, inner, (0, size))
                check_subtree(proof, inner, naive_root(*inner), (0, size), naive_root(0, size))
                assert second_checker(proof, inner, naive_root(*inner), size, naive_root(0, size))


def test_every_claim_made_with_the_proof_of_another_has_the_same_verdict_from_both_checkers() -> None:
    proofs = {(size, index): inclusion_proof(READER, index, size) for size in range(1, 20) for index in range(size)}
    for (size, index), proof in proofs.items():
        leaf, root = LEAVES[index], naive_root(0, size)
        for other_size, other_index in proofs:
            if second_checker(proof, (other_index, other_index + 1), leaf, other_size, root):
                check_inclusion(proof, other_index, leaf, other_size, root)
                # Sizes may be mistaken, for a root does not say its own; in the right tree, places are not.
                assert other_index == index or other_size != size
            else:
                with pytest.raises(VerificationFailed):
                    check_inclusion(proof, other_index, leaf, other_size, root)


@st.composite
def damaged_proofs(draw: st.DrawFn) -> tuple[list[bytes], Interval, bytes, int, bytes]:
    """A valid proof of a subtree in which up to two things were then changed."""
    size = draw(st.integers(0, SIZE))
    end = draw(st.integers(0, size))
    start = draw(st.sampled_from([start for start, _ in subtrees(end)]))
    proof = subtree_proof(READER, (start, end), (0, size))
    inner_root, root = naive_root(start, end), naive_root(0, size)
    hashes = st.sampled_from([*LEAVES[:3], EMPTY_ROOT, inner_root, root, *proof])
    for kind in draw(
        st.lists(st.sampled_from(["start", "end", "size", "root", "inner", "hash", "cut", "pad"]), max_size=2)
    ):
        if kind == "start":
            start = max(start + draw(st.integers(-2, 2)), 0)
        elif kind == "end":
            end = max(end + draw(st.integers(-2, 2)), 0)
        elif kind == "size":
            size = max(size + draw(st.integers(-2, 2)), 0)
        elif kind == "root":
            root = draw(hashes)
        elif kind == "inner":
            inner_root = draw(hashes)
        elif kind == "hash" and proof:
            proof[draw(st.integers(0, len(proof) - 1))] = draw(hashes)
        elif kind == "cut" and proof:
            del proof[draw(st.integers(0, len(proof) - 1))]
        elif kind == "pad":
            proof.insert(draw(st.integers(0, len(proof))), draw(hashes))
    return proof, (start, end), inner_root, size, root


@given(damaged_proofs())
def test_damaged_proofs_have_the_same_verdict_from_both_checkers(
    case: tuple[list[bytes], Interval, bytes, int, bytes],
) -> None:
    proof, inner, inner_root, size, root = case
    # In a tree of size 0 the draft leaves the root unchecked, and this checker does not.
    root_is_possible = size > 0 or root == EMPTY_ROOT
    if root_is_possible and second_checker(proof, inner, inner_root, size, root):
        check_subtree(proof, inner, inner_root, (0, size), root)
    else:
        with pytest.raises(VerificationFailed) as caught:
            check_subtree(proof, inner, inner_root, (0, size), root)
        assert caught.value.finding == "LED-TREE"
        assert caught.value.expected != caught.value.found


@dataclass(frozen=True)
class Inclusion:
    """The arguments of `check_inclusion`."""

    proof: list[bytes]
    index: int
    leaf: bytes
    size: int
    root: bytes


def flip(hash_: bytes, bit: int = 0) -> bytes:
    return (int.from_bytes(hash_, "big") ^ 1 << bit).to_bytes(32, "big")


INCLUSION = Inclusion(inclusion_proof(READER, 10, 13), 10, LEAVES[10], 13, naive_root(0, 13))
FORGED_INCLUSIONS = {
    "trailing-garbage": replace(INCLUSION, proof=[*INCLUSION.proof, LEAVES[0]]),
    "trailing-root": replace(INCLUSION, proof=[*INCLUSION.proof, INCLUSION.root]),
    "leading-garbage": replace(INCLUSION, proof=[LEAVES[0], *INCLUSION.proof]),
    "padded-with-the-empty-root": replace(INCLUSION, proof=[*INCLUSION.proof, EMPTY_ROOT]),
    "padded-with-a-thousand-hashes": replace(INCLUSION, proof=INCLUSION.proof * 250),
    "cut-at-the-top": replace(INCLUSION, proof=INCLUSION.proof[:-1]),
    "cut-at-the-bottom": replace(INCLUSION, proof=INCLUSION.proof[1:]),
    "empty-proof": replace(INCLUSION, proof=[]),
    "reversed-proof": replace(INCLUSION, proof=INCLUSION.proof[::-1]),
    "swapped-siblings": replace(INCLUSION, proof=[INCLUSION.proof[1], INCLUSION.proof[0], *INCLUSION.proof[2:]]),
    "index-one-less": replace(INCLUSION, index=9),
    "index-one-more": replace(INCLUSION, index=11),
    "index-in-the-other-half": replace(INCLUSION, index=2),
    "index-equals-size": replace(INCLUSION, index=13),
    "index-negative": replace(INCLUSION, index=-3),
    "size-one-less": replace(INCLUSION, size=12),
    "size-0": replace(INCLUSION, size=0),
    "size-negative": replace(INCLUSION, size=-13),
    "size-beyond-the-largest": replace(INCLUSION, size=MAX_SIZE + 1),
    "leaf-of-the-neighbour": replace(INCLUSION, leaf=LEAVES[11]),
    "leaf-is-the-root": replace(INCLUSION, leaf=INCLUSION.root),
    "leaf-swapped-with-its-sibling": replace(
        INCLUSION, leaf=INCLUSION.proof[0], proof=[INCLUSION.leaf, *INCLUSION.proof[1:]]
    ),
    "root-of-a-larger-tree": replace(INCLUSION, root=naive_root(0, 14)),
    "root-with-one-bit-changed": replace(INCLUSION, root=flip(INCLUSION.root)),
    "root-is-the-leaf": replace(INCLUSION, root=INCLUSION.leaf),
}


@pytest.mark.parametrize("forged", FORGED_INCLUSIONS.values(), ids=FORGED_INCLUSIONS)
def test_a_forged_inclusion_proof_is_refused(forged: Inclusion) -> None:
    check_inclusion(INCLUSION.proof, INCLUSION.index, INCLUSION.leaf, INCLUSION.size, INCLUSION.root)
    with pytest.raises(VerificationFailed, match=r"LED-TREE.*expected .*, found ") as caught:
        check_inclusion(forged.proof, forged.index, forged.leaf, forged.size, forged.root)
    assert caught.value.expected != caught.value.found


@dataclass(frozen=True)
class Consistency:
    """The arguments of `check_consistency`."""

    proof: list[bytes]
    old: int
    old_root: bytes
    new: int
    new_root: bytes


CONSISTENCY = Consistency(consistency_proof(READER, 6, 13), 6, naive_root(0, 6), 13, naive_root(0, 13))
SAME = Consistency([], 13, naive_root(0, 13), 13, naive_root(0, 13))
FROM_NOTHING = Consistency([], 0, EMPTY_ROOT, 13, naive_root(0, 13))
NOTHING = Consistency([], 0, EMPTY_ROOT, 0, EMPTY_ROOT)
FORGED_CONSISTENCIES = {
    "trailing-garbage": replace(CONSISTENCY, proof=[*CONSISTENCY.proof, LEAVES[0]]),
    "leading-garbage": replace(CONSISTENCY, proof=[LEAVES[0], *CONSISTENCY.proof]),
    "cut-at-the-top": replace(CONSISTENCY, proof=CONSISTENCY.proof[:-1]),
    "cut-at-the-bottom": replace(CONSISTENCY, proof=CONSISTENCY.proof[1:]),
    "empty-proof": replace(CONSISTENCY, proof=[]),
    "bottom-hash-replaced-by-the-old-root": replace(CONSISTENCY, proof=[CONSISTENCY.old_root, *CONSISTENCY.proof[1:]]),
    "swapped-roots": replace(CONSISTENCY, old_root=CONSISTENCY.new_root, new_root=CONSISTENCY.old_root),
    "swapped-sizes": replace(CONSISTENCY, old=13, new=6),
    "swapped-trees": Consistency(CONSISTENCY.proof, 13, CONSISTENCY.new_root, 6, CONSISTENCY.old_root),
    "old-one-less": replace(CONSISTENCY, old=5),
    "old-one-more": replace(CONSISTENCY, old=7),
    "new-half-as-large": replace(CONSISTENCY, new=8),
    "new-twice-as-large": replace(CONSISTENCY, new=26),
    "old-rewritten": replace(CONSISTENCY, old_root=flip(CONSISTENCY.old_root)),
    "new-rewritten": replace(CONSISTENCY, new_root=flip(CONSISTENCY.new_root)),
    "old-negative": replace(CONSISTENCY, old=-6),
    "same-size-other-root": replace(SAME, new_root=naive_root(0, 12)),
    "same-size-with-a-proof": replace(SAME, proof=[SAME.old_root]),
    "size-0-with-a-root": replace(FROM_NOTHING, old_root=LEAVES[0]),
    "size-0-with-a-proof": replace(FROM_NOTHING, proof=[FROM_NOTHING.new_root]),
    "size-0-after-a-tree": replace(SAME, new=0, new_root=EMPTY_ROOT),
    "size-0-twice-with-a-new-root": replace(NOTHING, new_root=LEAVES[0]),
    "size-0-twice-with-an-old-root": replace(NOTHING, old_root=LEAVES[0]),
    "size-0-twice-with-one-root": replace(NOTHING, old_root=LEAVES[0], new_root=LEAVES[0]),
    "new-beyond-the-largest": replace(FROM_NOTHING, new=MAX_SIZE + 1),
}


@pytest.mark.parametrize("genuine", [CONSISTENCY, SAME, FROM_NOTHING, NOTHING])
def test_a_genuine_consistency_proof_passes(genuine: Consistency) -> None:
    check_consistency(genuine.proof, genuine.old, genuine.old_root, genuine.new, genuine.new_root)


@pytest.mark.parametrize("forged", FORGED_CONSISTENCIES.values(), ids=FORGED_CONSISTENCIES)
def test_a_forged_consistency_proof_is_refused(forged: Consistency) -> None:
    with pytest.raises(VerificationFailed, match=r"LED-TREE.*expected .*, found ") as caught:
        check_consistency(forged.proof, forged.old, forged.old_root, forged.new, forged.new_root)
    assert caught.value.expected != caught.value.found


@pytest.mark.parametrize("bit", range(0, 256, 15))
def test_no_bit_of_a_proof_can_be_changed(bit: int) -> None:
    for at in range(len(INCLUSION.proof)):
        proof = [flip(hash_, bit) if number == at else hash_ for number, hash_ in enumerate(INCLUSION.proof)]
        with pytest.raises(VerificationFailed):
            check_inclusion(proof, INCLUSION.index, INCLUSION.leaf, INCLUSION.size, INCLUSION.root)
    for at in range(len(CONSISTENCY.proof)):
        proof = [flip(hash_, bit) if number == at else hash_ for number, hash_ in enumerate(CONSISTENCY.proof)]
        with pytest.raises(VerificationFailed):
            check_consistency(proof, CONSISTENCY.old, CONSISTENCY.old_root, CONSISTENCY.new, CONSISTENCY.new_root)


def test_a_hash_of_another_length_is_refused_even_if_the_bytes_hashed_would_be_the_same() -> None:
    left, right = INCLUSION.proof[0], INCLUSION.proof[1]
    shifted = [left + right[:1], right[1:], *INCLUSION.proof[2:]]
    with pytest.raises(FormatError, match="has 33"):
        check_inclusion(shifted, INCLUSION.index, INCLUSION.leaf, INCLUSION.size, INCLUSION.root)
    with pytest.raises(FormatError, match="has 31"):
        check_inclusion(INCLUSION.proof, INCLUSION.index, INCLUSION.leaf[1:], INCLUSION.size, INCLUSION.root)
    with pytest.raises(FormatError, match="has 0"):
        check_inclusion(INCLUSION.proof, INCLUSION.index, INCLUSION.leaf, INCLUSION.size, b"")


def test_a_root_alone_does_not_fix_the_size() -> None:
    """Why sizes must come from the same checkpoint as roots: the path to leaf 0 looks alike in trees of 3 and of 4."""
    check_inclusion(inclusion_proof(READER, 0, 3), 0, LEAVES[0], 4, naive_root(0, 3))


def test_a_proof_names_the_root_it_leads_to() -> None:
    with pytest.raises(VerificationFailed) as caught:
        check_inclusion([], 0, LEAVES[0], 1, LEAVES[1])
    assert (caught.value.expected, caught.value.found) == (LEAVES[1].hex(), LEAVES[0].hex())


@pytest.mark.parametrize(
    ("inner", "outer"),
    [
        ((13, 14), (0, 13)),
        ((-1, 0), (0, 13)),
        ((0, 0), (0, -1)),
        ((0, 14), (0, 13)),
        ((1, 3), (0, 13)),
        ((0, 4), (1, 4)),
        ((0, 4), (4, 8)),
        ((0, 1), (0, MAX_SIZE + 1)),
    ],
)
def test_what_cannot_be_true_is_not_proved(inner: Interval, outer: Interval) -> None:
    with pytest.raises(UsageError, match="nothing can be proved"):
        subtree_proof(READER, inner, outer)


class EndlessReader:
    """A tree of which every hash is the same, to prove things about the largest of trees."""

    def read(self, level: int, index: int, /) -> bytes:
        assert (index + 1) << level <= MAX_SIZE
        return EMPTY_ROOT


@given(st.integers(1, MAX_SIZE).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size - 1))))
def test_a_proof_in_the_largest_of_trees_has_no_more_than_53_hashes(case: tuple[int, int]) -> None:
    size, index = case
    assert len(inclusion_proof(EndlessReader(), index, size)) <= 53
    assert len(consistency_proof(EndlessReader(), index, size)) <= 54
