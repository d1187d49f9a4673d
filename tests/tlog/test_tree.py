"""The tree's hashes and its frontier, against published vectors and the recursive definition of RFC 9162."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from creditledger.errors import FormatError, UsageError
from creditledger.tlog.tree import (
    EMPTY_ROOT,
    MAX_SIZE,
    Frontier,
    covering_subtrees,
    is_subtree,
    leaf_hash,
    node_hash,
    subtree_root,
)


def naive_root(leaves: Sequence[bytes]) -> bytes:
    """MTH as RFC 9162 section 2.1.1 defines it, over leaf hashes."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while 2 * split < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + naive_root(leaves[:split]) + naive_root(leaves[split:])).digest()


def frontier_of(leaves: Sequence[bytes]) -> Frontier:
    frontier = Frontier()
    for leaf in leaves:
        frontier.push(leaf)
    return frontier


LEAVES = [leaf_hash(number.to_bytes(2, "big")) for number in range(300)]

# The tree of the first certificate transparency implementation, used by most others since.
CT_LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
CT_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def test_leaf_and_empty_hashes_are_those_of_certificate_transparency() -> None:
    assert EMPTY_ROOT.hex() == CT_ROOTS[0]
    assert leaf_hash(b"L123456").hex() == "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56"


def test_roots_are_those_of_certificate_transparency() -> None:
    frontier = Frontier()
    roots = [frontier.root().hex()]
    for leaf in CT_LEAVES:
        frontier.push(leaf_hash(bytes.fromhex(leaf)))
        roots.append(frontier.root().hex())
    assert roots == CT_ROOTS


def test_a_leaf_whose_content_is_two_hashes_does_not_pass_for_their_parent() -> None:
    assert leaf_hash(LEAVES[0] + LEAVES[1]) != node_hash(LEAVES[0], LEAVES[1])


def test_frontier_has_the_root_of_the_definition_at_every_size() -> None:
    frontier = Frontier()
    for size, leaf in enumerate(LEAVES):
        assert (frontier.size, frontier.root()) == (size, naive_root(LEAVES[:size]))
        assert len(frontier.roots) == size.bit_count()
        frontier.push(leaf)


def test_frontier_continues_after_every_size_from_its_bytes() -> None:
    for size in range(len(LEAVES)):
        original = frontier_of(LEAVES[:size])
        restored = Frontier.from_bytes(original.to_bytes())
        assert restored.to_bytes() == original.to_bytes()
        restored.push(LEAVES[size])
        assert restored.root() == naive_root(LEAVES[: size + 1])
        assert original.size == size


def test_a_copy_of_a_frontier_grows_by_itself() -> None:
    original = frontier_of(LEAVES[:7])
    copy = original.copy()
    copy.push(LEAVES[7])
    original.push(LEAVES[8])
    assert copy.root() == naive_root(LEAVES[:8])
    assert original.root() == naive_root([*LEAVES[:7], LEAVES[8]])


def test_the_largest_size_is_the_largest_integer_that_a_double_holds_exactly() -> None:
    assert MAX_SIZE == 9_007_199_254_740_991


@example(MAX_SIZE)
@given(st.integers(0, MAX_SIZE))
def test_every_size_with_as_many_roots_as_it_has_bits_is_a_frontier(size: int) -> None:
    data = size.to_bytes(8, "big") + b"".join(LEAVES[: size.bit_count()])
    assert Frontier.from_bytes(data).to_bytes() == data


HOSTILE_FRONTIERS = {
    "nothing": b"",
    "size-cut-short": bytes(7),
    "root-missing": (3).to_bytes(8, "big") + LEAVES[0],
    "root-too-many": (3).to_bytes(8, "big") + b"".join(LEAVES[:3]),
    "root-cut-short": (3).to_bytes(8, "big") + LEAVES[0] + LEAVES[1][:31],
    "trailing-garbage": frontier_of(LEAVES[:5]).to_bytes() + b"\x00",
    "root-on-the-empty-tree": bytes(8) + EMPTY_ROOT,
    "size-beyond-the-largest": (2**53).to_bytes(8, "big") + LEAVES[0],
    "size-of-64-bits": b"\xff" * 8 + b"".join(LEAVES[:64]),
}


@pytest.mark.parametrize("data", HOSTILE_FRONTIERS.values(), ids=HOSTILE_FRONTIERS)
def test_a_malformed_frontier_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError, match="frontier"):
        Frontier.from_bytes(data)


class NaiveReader:
    """Answers every read from the definition."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.leaves = leaves

    def read(self, level: int, index: int, /) -> bytes:
        subtree = self.leaves[index << level : (index + 1) << level]
        assert len(subtree) == 1 << level, "only complete subtrees may be asked for"
        return naive_root(subtree)


def test_subtree_roots_are_those_of_the_definition() -> None:
    reader = NaiveReader(LEAVES)
    subtrees = [(start, end) for end in range(71) for start in range(end + 1) if is_subtree(start, end)]
    for start, end in subtrees:
        assert subtree_root(reader, start, end) == naive_root(LEAVES[start:end])


@given(st.integers(0, 600), st.integers(0, 600))
def test_a_subtree_starts_at_a_multiple_of_the_power_of_two_that_holds_it(start: int, length: int) -> None:
    power = 1
    while power < length:
        power *= 2
    assert is_subtree(start, start + length) == (start % power == 0)


@pytest.mark.parametrize(("start", "end"), [(1, 3), (2, 5), (4, 3), (-4, 0), (-1, -1)])
def test_no_root_is_given_for_what_is_not_a_subtree(start: int, end: int) -> None:
    with pytest.raises(UsageError, match="not a subtree"):
        subtree_root(NaiveReader(LEAVES), start, end)


@given(st.integers(0, MAX_SIZE), st.integers(0, 10_000))
def test_two_subtrees_cover_any_interval_with_less_than_half_of_the_left_one_in_excess(start: int, length: int) -> None:
    end = start + length
    (left_start, middle), (right_start, right_end) = covering_subtrees(start, end)
    assert is_subtree(left_start, middle)
    assert is_subtree(right_start, right_end)
    assert middle == right_start
    assert left_start <= start
    assert right_end == end
    assert length == 0 or start - left_start < middle - start


def test_what_is_not_an_interval_is_not_covered() -> None:
    with pytest.raises(UsageError, match="not an interval"):
        covering_subtrees(3, 2)
