"""Proofs from the checked tree, against the generic prover, and against a store that somebody has edited."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from functools import cache
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from creditledger.errors import CannotVerify, UsageError, VerificationFailed
from creditledger.ledger import checked_tree
from creditledger.ledger.checked_tree import CheckedTree
from creditledger.tlog.tiles import WIDTH, TileReader, TreeBuilder
from creditledger.tlog.tree import (
    EMPTY_ROOT,
    check_consistency,
    check_inclusion,
    consistency_proof,
    inclusion_proof,
    subtree_root,
)

MOST = 2 * WIDTH * WIDTH + 3 * WIDTH + 77
"""Two full tiles of level 1, and something of every level beyond them."""

Tiles = dict[tuple[int, int], bytes]


def leaf(number: int) -> bytes:
    return sha256(b"leaf %d" % number).digest()


@cache
def grown() -> tuple[Tiles, tuple[tuple[int, TreeBuilder], ...]]:
    """The full tiles of a tree of `MOST` leaves, and how it stood at some sizes."""
    sizes = {1, 2, 255, 256, 257, 700, WIDTH * WIDTH - 1, WIDTH * WIDTH, WIDTH * WIDTH + 1, 2 * WIDTH * WIDTH, MOST}
    builder, tiles, known = TreeBuilder(), {}, []
    for number in range(MOST):
        for tile in builder.push(leaf(number)):
            tiles[tile.level, tile.index] = tile.hashes
        if builder.size in sizes:
            known.append((builder.size, builder.copy()))
    return tiles, tuple(known)


def reading(tiles: Tiles) -> Callable[[int, int, int], bytes | None]:
    return lambda level, index, _width: tiles.get((level, index))


def tree_at(which: int) -> tuple[CheckedTree, int]:
    tiles, known = grown()
    size, builder = known[which]
    tree = CheckedTree(reading(tiles))
    tree.take(builder)
    return tree, size


def generic(size: int) -> TileReader:
    """What the pure prover reads: every tile as it is, the partial ones too."""
    tiles, _ = grown()

    def read(level: int, index: int, width: int) -> bytes | None:
        first = index * WIDTH << 8 * level
        if (level, index) in tiles:
            return tiles[level, index]
        if level == 0:
            return b"".join([leaf(number) for number in range(first, first + width)])
        return None

    return TileReader(size, read)


@settings(max_examples=200, deadline=None)
@given(which=st.integers(0, 10), places=st.tuples(*[st.integers(0, 2**32)] * 3))
def test_proofs_are_those_of_the_generic_prover(which: int, places: tuple[int, int, int]) -> None:
    tree, have = tree_at(which)
    size = 1 + places[0] % have
    seq, old = places[1] % size, places[2] % (size + 1)
    root = subtree_root(generic(size), 0, size)
    assert tree.root(size) == root
    proof = tree.inclusion(seq, size)
    assert list(proof) == inclusion_proof(generic(size), seq, size)
    check_inclusion(proof, seq, leaf(seq), size, root)
    proof = tree.consistency(old, size)
    assert list(proof) == consistency_proof(generic(size), old, size)
    check_consistency(proof, old, tree.root(old), size, root)


@pytest.mark.parametrize("which", range(5))
def test_every_place_in_small_trees(which: int) -> None:
    tree, have = tree_at(which)
    for size in (1, 2, 3, have - 1, have):
        if not 1 <= size <= have:
            continue
        for place in range(0, size, 1 if size < 300 else 13):
            assert list(tree.inclusion(place, size)) == inclusion_proof(generic(size), place, size)
            assert list(tree.consistency(place, size)) == consistency_proof(generic(size), place, size)


def test_there_is_no_such_tree() -> None:
    tree, size = tree_at(5)
    wrong: list[Callable[[], object]] = [
        lambda: tree.inclusion(size, size),
        lambda: tree.inclusion(-1, size),
        lambda: tree.inclusion(0, 0),
        lambda: tree.inclusion(0, size + 1),
        lambda: tree.consistency(1, size + 1),
        lambda: tree.consistency(5, 4),
        lambda: tree.consistency(-1, 4),
        lambda: tree.root(size + 1),
        lambda: tree.rows(0, 9_999),
        lambda: tree.read(3, size),
    ]
    for call in wrong:
        with pytest.raises(UsageError):
            call()
    assert tree.root(0) == EMPTY_ROOT
    assert tree.consistency(0, size) == ()
    assert tree.consistency(size, size) == ()


@pytest.mark.parametrize("place", [(0, 3), (0, 400), (1, 0), (1, 1)])
@pytest.mark.parametrize("at", [0, 31, 4_000, 8_191])
def test_a_tile_that_was_edited_gives_no_proof(place: tuple[int, int], at: int) -> None:
    """Neither one of leaves nor one above them, wherever the byte is."""
    tiles, known = grown()
    edited = bytearray(tiles[place])
    edited[at] ^= 1
    tree = CheckedTree(reading({**tiles, place: bytes(edited)}))
    tree.take(known[-1][1])
    seq = place[1] * WIDTH ** (place[0] + 1) + 5
    with pytest.raises(VerificationFailed, match="LED-TREE"):
        tree.inclusion(seq, MOST)
    with pytest.raises(VerificationFailed, match="LED-TREE"):
        tree.consistency(seq, MOST)


def test_a_whole_branch_forged_to_fit_itself_gives_no_proof() -> None:
    """A forged leaf, and every stored tile above it made right: the partial tiles in memory do not agree."""
    tiles, known = grown()
    forged = TreeBuilder()
    false: Tiles = {}
    for number in range(WIDTH * WIDTH):
        for tile in forged.push(leaf(number if number != 77 else -1)):
            false[tile.level, tile.index] = tile.hashes
    tree = CheckedTree(reading({**tiles, **false}))
    tree.take(known[-1][1])
    with pytest.raises(VerificationFailed, match="tile 0 of level 1"):
        tree.inclusion(77, MOST)


@pytest.mark.parametrize("place", [(0, 3), (1, 0)])
def test_a_tile_that_is_missing(place: tuple[int, int]) -> None:
    tiles, known = grown()
    tree = CheckedTree(reading({key: tile for key, tile in tiles.items() if key != place}))
    tree.take(known[-1][1])
    with pytest.raises(CannotVerify, match="is not there"):
        tree.inclusion(3 * WIDTH + 5, MOST)


@pytest.mark.parametrize("length", [0, 32, 8_160])
def test_a_tile_that_is_too_short(length: int) -> None:
    tiles, known = grown()
    tree = CheckedTree(reading({**tiles, (1, 0): (tiles[1, 0] * 2)[:length]}))
    tree.take(known[-1][1])
    with pytest.raises((VerificationFailed, CannotVerify)):
        tree.inclusion(3 * WIDTH + 5, MOST)


def test_full_tiles_above_the_leaves_are_read_once_and_no_more_than_fit_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(checked_tree, "KEPT_TILES", 1)
    tiles, known = grown()
    read: list[tuple[int, int]] = []

    def reading_noted(level: int, index: int, _width: int) -> bytes | None:
        read.append((level, index))
        return tiles.get((level, index))

    tree = CheckedTree(reading_noted)
    tree.take(known[-1][1])
    for seq in (1, 300, 600, 1000):
        tree.inclusion(seq, MOST)
    assert read.count((1, 0)) == 1
    tree.inclusion(WIDTH * WIDTH + 1, MOST)
    tree.inclusion(1, MOST)
    assert read.count((1, 0)) == 2


def test_a_tree_that_was_taken_back_is_forgotten() -> None:
    """What lies beyond the smaller tree may be written anew."""
    tree, _ = tree_at(10)
    _, known = grown()
    tree.inclusion(1, MOST)
    size, smaller = known[5]
    tree.take(smaller)
    assert tree.size == size
    with pytest.raises(UsageError):
        tree.rows(1, 1)
    assert list(tree.inclusion(1, size)) == inclusion_proof(generic(size), 1, size)


def test_many_threads_while_the_tree_grows() -> None:
    """A writer moves on while others prove at sizes that they have seen: nobody ever sees a mixture."""
    tiles, known = grown()
    tree = CheckedTree(reading(tiles))
    tree.take(known[0][1])
    proved: list[int] = []
    failed: list[BaseException] = []
    done = threading.Event()

    def ask(seed: int) -> None:
        drawn = random.Random(seed)
        count = 0
        try:
            while not done.is_set() or count < 50:
                size = tree.size
                seq = drawn.randrange(size)
                check_inclusion(tree.inclusion(seq, size), seq, leaf(seq), size, tree.root(size))
                old = drawn.randrange(size + 1)
                check_consistency(tree.consistency(old, size), old, tree.root(old), size, tree.root(size))
                count += 1
        except BaseException as error:  # noqa: BLE001 -- whatever it is, the test shows it
            failed.append(error)
        proved.append(count)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for _, builder in known:
        tree.take(builder)
    done.set()
    for thread in threads:
        thread.join()
    assert failed == []
    assert min(proved) >= 50
