"""The Python package pymerkle, another RFC 9162 tree: roots and proofs."""

from __future__ import annotations

from typing import Any

import pytest

from creditledger.tlog.tree import inclusion_proof
from interop.logs import Grown, leaf, some_indices

pytestmark = pytest.mark.interop

SIZE = 300


@pytest.fixture(scope="module")
def tree(pymerkle: Any) -> Any:
    """The same leaves in a tree of pymerkle's."""
    made = pymerkle.InmemoryTree(algorithm="sha256")
    for number in range(SIZE):
        made.append_entry(leaf(number))
    return made


def test_roots_are_the_same_at_every_size(tree: Any) -> None:
    grown = Grown(SIZE)
    assert [tree.get_root(size) for size in range(SIZE + 1)] == grown.roots


def test_inclusion_proofs_hold_the_same_hashes(tree: Any) -> None:
    grown = Grown(SIZE)
    for size in range(1, SIZE + 1):
        for index in some_indices(size):
            theirs = tree.prove_inclusion(index + 1, size)
            # Its path begins with the leaf itself.
            assert list(theirs.path)[1:] == inclusion_proof(grown.reader(size), index, size), (index, size)


def test_its_consistency_proofs_hold_between_our_roots(tree: Any, pymerkle: Any) -> None:
    """They are not those of RFC 9162: below the end of the old tree it goes down to a leaf."""
    roots = Grown(SIZE).roots
    for size in range(1, SIZE + 1):
        for old in {index + 1 for index in some_indices(size)}:
            proof = tree.prove_consistency(old, size)
            proof.verify(roots[old], roots[size], old, size)
            with pytest.raises(pymerkle.InvalidProof):
                proof.verify(roots[old - 1], roots[size], old, size)
