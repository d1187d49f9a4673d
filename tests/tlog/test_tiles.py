"""Tiles: paths, bundles, building and reading, against the formula of c2sp.org/tlog-tiles on a tree of three levels."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from creditledger.errors import CannotVerify, FormatError, UsageError, VerificationFailed
from creditledger.tlog.tiles import (
    ENTRIES,
    TileAddress,
    TileReader,
    TreeBuilder,
    decode_bundle,
    encode_bundle,
    parse_tile_path,
    partial_tiles,
    tile_path,
    tile_width,
)
from creditledger.tlog.tree import (
    EMPTY_ROOT,
    MAX_SIZE,
    check_consistency,
    check_inclusion,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    subtree_root,
)

SIZE = 70_000  # The example of the specification: it has full tiles on two levels and partial ones on three.

Kept = dict[tuple[int, int], bytes]


@dataclass(frozen=True)
class Forest:
    """One tree in two ways: `rows[level][index]` by hashing neighbours, and what the builder handed out."""

    rows: list[list[bytes]]
    full: Mapping[tuple[int, int], bytes]
    kept: Mapping[tuple[int, int], bytes]

    def read_tile(self, level: int, index: int, width: int) -> bytes | None:
        """A store that keeps the partial tiles of the whole tree too."""
        assert 1 <= width <= 256
        return self.kept.get((level, index))

    def read_full_tile(self, level: int, index: int, width: int) -> bytes | None:
        """A store that keeps full tiles only, and the leaf hashes."""
        assert 1 <= width <= 256
        return self.kept.get((level, index)) if level == 0 or width == 256 else None

    def root(self, size: int) -> bytes:
        """The root of the first `size` leaves, from the rows."""
        root = b""
        for level, row in enumerate(self.rows):
            if size >> level & 1:
                left = row[(size >> level) - 1]
                root = hashlib.sha256(b"\x01" + left + root).digest() if root else left
        return root or EMPTY_ROOT

    def leaves(self, size: int) -> Sequence[bytes]:
        """The leaf hashes beyond the last full tile."""
        return self.rows[0][size - size % 256 : size]


@pytest.fixture(scope="module")
def forest() -> Forest:
    rows = [[leaf_hash(number.to_bytes(4, "big")) for number in range(SIZE)]]
    while len(row := rows[-1]) > 1:
        pairs = zip(row[::2], row[1::2], strict=False)
        rows.append([hashlib.sha256(b"\x01" + left + right).digest() for left, right in pairs])
    builder = TreeBuilder()
    full = keep(builder, rows[0])
    return Forest(rows, full, full | {(tile.level, tile.index): tile.hashes for tile in builder.partial_tiles()})


def keep(builder: TreeBuilder, leaves: Sequence[bytes]) -> Kept:
    """Push leaves, and return the tiles that the builder handed out meanwhile."""
    return {(tile.level, tile.index): tile.hashes for leaf in leaves for tile in builder.push(leaf)}


PATHS = {
    "tile/0/x001/x234/067": TileAddress(0, 1234067),
    "tile/0/000": TileAddress(0, 0),
    "tile/0/999": TileAddress(0, 999),
    "tile/0/x001/000": TileAddress(0, 1000),
    "tile/0/273.p/112": TileAddress(0, 273, 112),
    "tile/1/001.p/17": TileAddress(1, 1, 17),
    "tile/2/000.p/1": TileAddress(2, 0, 1),
    "tile/63/x123/x456/789.p/255": TileAddress(63, 123456789, 255),
    "tile/entries/000": TileAddress(ENTRIES, 0),
    "tile/entries/x001/x234/067.p/8": TileAddress(ENTRIES, 1234067, 8),
    "tile/0/x009/x007/x199/x254/x740/991": TileAddress(0, MAX_SIZE),
}


@pytest.mark.parametrize(("path", "address"), PATHS.items(), ids=PATHS)
def test_paths(path: str, address: TileAddress) -> None:
    assert tile_path(address.level, address.index, address.width) == path
    assert parse_tile_path(path) == address


@given(st.integers(ENTRIES, 63), st.integers(0, MAX_SIZE), st.integers(1, 256))
def test_every_path_is_read_back(level: int, index: int, width: int) -> None:
    assert parse_tile_path(tile_path(level, index, width)) == TileAddress(level, index, width)


HOSTILE_PATHS = {
    "nothing": "",
    "leading-slash": "/tile/0/000",
    "trailing-slash": "tile/0/000/",
    "trailing-line-feed": "tile/0/000\n",
    "trailing-garbage": "tile/0/000.p/1/1",
    "tile-height-of-go": "tile/8/0/000",
    "data-level-of-go": "tile/data/000",
    "level-with-leading-zero": "tile/00/000",
    "level-64": "tile/64/000",
    "level-negative": "tile/-1/000",
    "level-missing": "tile//000",
    "index-of-one-digit": "tile/0/0",
    "index-of-four-digits": "tile/0/1000",
    "index-padded-with-a-group": "tile/0/x000/001",
    "index-without-x": "tile/0/001/234",
    "index-ending-in-x": "tile/0/x001",
    "index-with-capital-x": "tile/0/X001/234",
    "index-in-arabic-digits": "tile/0/\u0660\u0660\u0661",
    "index-beyond-the-largest": "tile/0/x009/x007/x199/x254/x740/992",
    "index-without-end": "tile/0/" + "x001/" * 10_000 + "001",
    "directory-traversal": "tile/0/../../000",
    "width-0": "tile/0/000.p/0",
    "width-256": "tile/0/000.p/256",
    "width-with-leading-zero": "tile/0/000.p/01",
    "width-missing": "tile/0/000.p/",
    "width-negative": "tile/0/000.p/-1",
    "entries-in-capitals": "tile/ENTRIES/000",
}


@pytest.mark.parametrize("path", HOSTILE_PATHS.values(), ids=HOSTILE_PATHS)
def test_a_path_that_is_spelt_otherwise_is_refused(path: str) -> None:
    with pytest.raises(FormatError, match="not the path of a tile"):
        parse_tile_path(path)


@pytest.mark.parametrize(
    ("level", "index", "width"), [(-2, 0, 1), (64, 0, 1), (0, -1, 1), (0, MAX_SIZE + 1, 1), (0, 0, 0), (0, 0, 257)]
)
def test_no_path_leads_to_a_tile_that_cannot_be(level: int, index: int, width: int) -> None:
    with pytest.raises(UsageError, match="there is no tile"):
        tile_path(level, index, width)


def test_partial_tiles_of_the_examples_in_the_specification() -> None:
    assert partial_tiles(70_000) == [TileAddress(0, 273, 112), TileAddress(1, 1, 17), TileAddress(2, 0, 1)]
    assert partial_tiles(256) == [TileAddress(1, 0, 1)]
    assert partial_tiles(0) == []


@given(st.integers(0, MAX_SIZE), st.integers(0, 7), st.integers(0, 300))
def test_the_width_of_a_tile_counts_the_complete_subtrees_in_it(size: int, level: int, offset: int) -> None:
    last = size // 256**level // 256
    index = max(last + offset - 150, 0)
    first = index * 256
    assert tile_width(level, index, size) == len(range(first, min(first + 256, max(size // 256**level, first))))


@given(st.integers(0, MAX_SIZE))
def test_partial_tiles_are_those_that_are_neither_empty_nor_full(size: int) -> None:
    last = [(level, size // 256 ** (level + 1)) for level in range(8)]
    widths = [TileAddress(level, index, tile_width(level, index, size)) for level, index in last]
    assert partial_tiles(size) == [address for address in widths if address.width]
    assert all(address.width < 256 for address in widths)


def test_tiles_are_those_of_the_formula(forest: Forest) -> None:
    expected = {
        (level, index): b"".join(forest.rows[8 * level][256 * index : 256 * index + 256])
        for level in range(3)
        for index in range(-(-len(forest.rows[8 * level]) // 256))
    }
    assert forest.kept == expected
    assert forest.full == {key: tile for key, tile in expected.items() if len(tile) == 8192}
    assert len(forest.full) == 273 + 1


def test_a_tile_is_handed_out_when_it_becomes_full_and_not_again(forest: Forest) -> None:
    builder = TreeBuilder()
    handed_out = [
        (builder.size, tile.level, tile.index) for leaf in forest.rows[0][:65_536] for tile in builder.push(leaf)
    ]
    assert handed_out == [(256 * (index + 1), 0, index) for index in range(256)] + [(65_536, 1, 0)]
    assert [(tile.level, tile.index, len(tile.hashes)) for tile in builder.partial_tiles()] == [(2, 0, 32)]


def test_builder_has_the_root_of_the_tree_at_every_size(forest: Forest) -> None:
    builder = TreeBuilder()
    for size, leaf in enumerate(forest.rows[0][:1100]):
        assert builder.size == size
        assert builder.root() == forest.root(size)
        assert builder.frontier().to_bytes()[:8] == size.to_bytes(8, "big")
        builder.push(leaf)


def test_a_copy_of_a_builder_grows_by_itself(forest: Forest) -> None:
    original = TreeBuilder()
    keep(original, forest.rows[0][:511])
    copy = original.copy()
    (tile,) = copy.push(forest.rows[0][511])
    assert tile.hashes == forest.kept[0, 1]
    keep(original, forest.rows[0][:2])
    assert (original.size, copy.size) == (513, 512)
    assert copy.root() == forest.root(512)
    frontier = copy.frontier()
    frontier.push(forest.rows[0][512])
    assert copy.root() == forest.root(512)
    assert frontier.root() == forest.root(513)


EDGES = [0, 1, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 65_792, SIZE - 1, SIZE]


@pytest.mark.parametrize("only_full_tiles", [False, True])
@pytest.mark.parametrize("size", EDGES)
def test_a_restored_builder_continues_as_if_it_had_never_stopped(
    forest: Forest, size: int, only_full_tiles: bool
) -> None:
    read_tile = forest.read_full_tile if only_full_tiles else forest.read_tile
    builder = TreeBuilder.restore(size, forest.leaves(size), read_tile)
    assert builder.root() == forest.root(size)
    following = forest.rows[0][size : size + 600]
    tiles = keep(builder, following)
    assert builder.root() == forest.root(size + len(following))
    # No tile of this tree that became full meanwhile is missing, and each is as it should be.
    assert tiles == {
        (level, index): tile
        for (level, index), tile in forest.full.items()
        if size < (index + 1) * 256 ** (level + 1) <= size + len(following)
    }


@pytest.mark.parametrize("given_leaves", [0, 111, 113])
def test_a_builder_is_not_restored_from_another_number_of_leaves(forest: Forest, given_leaves: int) -> None:
    with pytest.raises(UsageError, match="112"):
        TreeBuilder.restore(SIZE, forest.rows[0][:given_leaves], forest.read_tile)


def test_a_builder_is_not_restored_without_a_full_tile_below_a_missing_partial_one(forest: Forest) -> None:
    damaged = {key: tile for key, tile in forest.full.items() if key != (0, 260)}
    with pytest.raises(CannotVerify, match="tile/0/260 is not there"):
        TreeBuilder.restore(SIZE, forest.leaves(SIZE), lambda level, index, width: damaged.get((level, index)))


@pytest.mark.parametrize("only_full_tiles", [False, True])
def test_every_complete_subtree_near_the_edges_is_read(forest: Forest, only_full_tiles: bool) -> None:
    read_tile = forest.read_full_tile if only_full_tiles else forest.read_tile
    for size in (1, 255, 256, 300, 65_536, SIZE):
        reader = TileReader(size, read_tile)
        for level in range(size.bit_length()):
            last = (size >> level) - 1
            for index in {0, last // 2, max(last - 1, 0), last}:
                assert reader.read(level, index) == forest.rows[level][index]


@pytest.mark.parametrize(("level", "index"), [(0, SIZE), (16, 1), (17, 0), (8, 273), (-1, 0), (0, -1), (0, 1 << 60)])
def test_what_the_tree_does_not_have_is_not_read(forest: Forest, level: int, index: int) -> None:
    with pytest.raises(UsageError, match="no complete subtree"):
        TileReader(SIZE, forest.read_tile).read(level, index)


@settings(deadline=None)
@given(st.data())
def test_proofs_from_tiles_of_a_larger_tree_hold_at_every_size(forest: Forest, data: st.DataObject) -> None:
    size = data.draw(st.integers(1, SIZE))
    index = data.draw(st.integers(0, size - 1))
    reader = TileReader(size, forest.read_tile)
    assert subtree_root(reader, 0, size) == forest.root(size)
    proof = inclusion_proof(reader, index, size)
    check_inclusion(proof, index, forest.rows[0][index], size, forest.root(size))
    proof = consistency_proof(reader, index, size)
    check_consistency(proof, index, forest.root(index), size, forest.root(size))


@pytest.mark.parametrize("index", [0, 65_535, 65_536, SIZE - 1])
def test_a_proof_asks_for_each_tile_once_and_for_no_wider_one_than_the_tree_has(forest: Forest, index: int) -> None:
    asked: list[TileAddress] = []

    def read_tile(level: int, index: int, width: int) -> bytes:
        asked.append(TileAddress(level, index, width))
        return forest.kept[level, index]

    inclusion_proof(TileReader(SIZE, read_tile), index, SIZE)
    assert len(asked) == len(set(asked)) <= 5
    assert all(address.width == tile_width(address.level, address.index, SIZE) for address in asked)


def test_a_tile_that_was_remembered_is_not_used_for_another(forest: Forest) -> None:
    """The same place in two trees, one of them forged: each proof is made from its own tile."""
    forged = bytearray(forest.kept[1, 0])
    forged[-1] ^= 1
    reader = TileReader(SIZE, lambda level, index, _: bytes(forged) if level == 1 else forest.kept[level, index])
    for index in (0, 65_535):
        proof = inclusion_proof(TileReader(SIZE, forest.read_tile), index, SIZE)
        check_inclusion(proof, index, forest.rows[0][index], SIZE, forest.root(SIZE))
        with pytest.raises(VerificationFailed, match="LED-TREE"):
            check_inclusion(inclusion_proof(reader, index, SIZE), index, forest.rows[0][index], SIZE, forest.root(SIZE))


def test_swapped_tiles_prove_nothing(forest: Forest) -> None:
    swapped = {**forest.kept, (0, 3): forest.kept[0, 4], (0, 4): forest.kept[0, 3]}
    reader = TileReader(SIZE, lambda level, index, width: swapped[level, index])
    index = 3 * 256 + 7
    assert reader.read(0, index) == forest.rows[0][index + 256]
    with pytest.raises(VerificationFailed, match="LED-TREE"):
        check_inclusion(inclusion_proof(reader, index, SIZE), index, reader.read(0, index), SIZE, forest.root(SIZE))


@pytest.mark.parametrize(("level", "index", "path"), [(0, 0, "tile/0/000"), (0, 273, "tile/0/273.p/112")])
def test_a_missing_tile_is_named(forest: Forest, level: int, index: int, path: str) -> None:
    damaged = {key: tile for key, tile in forest.kept.items() if key != (level, index)}
    reader = TileReader(SIZE, lambda level, index, width: damaged.get((level, index)))
    with pytest.raises(CannotVerify, match=f"{path} is not there"):
        reader.read(0, index * 256)


DAMAGED_TILES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda tile: b"",
    "one-hash-short": lambda tile: tile[:-32],
    "one-byte-short": lambda tile: tile[:-1],
    "trailing-garbage": lambda tile: tile + b"\x00",
    "trailing-hash": lambda tile: tile + tile[:32],
}


@pytest.mark.parametrize("damage", DAMAGED_TILES.values(), ids=DAMAGED_TILES)
@pytest.mark.parametrize("level", [0, 1])
def test_a_tile_of_a_wrong_length_is_refused(forest: Forest, level: int, damage: Callable[[bytes], bytes]) -> None:
    reader = TileReader(SIZE, lambda level, index, width: damage(forest.kept[level, index]))
    with pytest.raises(FormatError, match=rf"tile/{level}/000 has \d+ bytes"):
        reader.read(8 * level, 0)


def test_the_published_log_of_tessera_is_reproduced() -> None:
    """Tessera's testdata/log: the root of 15 leaves, the tile and the entry bundles."""
    words = b"one two three four five six seven eit nain ten ileven twelf threeten fourten fivten".split()
    builder = TreeBuilder()
    for word in words:
        assert not builder.push(leaf_hash(word))
    assert builder.root().hex() == "aca6c38a90af86e5f5199ee0e4105ef2c03a05b27b8daff59e4e36eefdfcddcb"
    (tile,) = builder.partial_tiles()
    assert tile_path(tile.level, tile.index, len(tile.hashes) // 32) == "tile/0/000.p/15"
    assert hashlib.sha256(tile.hashes).hexdigest() == "93593af14d2cce39867d2e73fe4ca400a38581605c5c4501a03e752d9b51a130"
    assert encode_bundle(words[:3]).hex() == "00036f6e65000374776f00057468726565"
    bundle = encode_bundle(words)
    assert hashlib.sha256(bundle).hexdigest() == "9ac6a9fc9012f2b4d67ac26041933c119e1505defc5c808ed614c5778c9f1716"
    assert decode_bundle(bundle, 15) == words


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=256))
def test_a_bundle_is_read_back(entries: list[bytes]) -> None:
    assert decode_bundle(encode_bundle(entries), len(entries)) == entries


def test_the_largest_bundle_is_read_back() -> None:
    entries = [bytes(65_535)] * 256
    assert decode_bundle(encode_bundle(entries), 256) == entries


BUNDLE = encode_bundle([b"one", b"", b"three"])
HOSTILE_BUNDLES = {
    "nothing": (b"", 3),
    "trailing-garbage": (BUNDLE + b"\x00", 3),
    "trailing-entry": (BUNDLE + b"\x00\x00", 3),
    "entry-missing": (BUNDLE[:-7], 3),
    "cut-within-an-entry": (BUNDLE[:-1], 3),
    "cut-after-a-length": (BUNDLE[:-5], 3),
    "cut-within-a-length": (BUNDLE[:-6], 3),
    "width-one-less": (BUNDLE, 2),
    "width-one-more": (BUNDLE, 4),
    "length-beyond-the-end": (b"\xff\xff" + BUNDLE, 4),
}


@pytest.mark.parametrize(("data", "width"), HOSTILE_BUNDLES.values(), ids=HOSTILE_BUNDLES)
def test_a_malformed_bundle_is_refused(data: bytes, width: int) -> None:
    with pytest.raises(FormatError, match="bundle"):
        decode_bundle(data, width)


def test_a_bundle_larger_than_any_can_be_is_refused_for_its_size() -> None:
    with pytest.raises(FormatError, match="at most 16777472"):
        decode_bundle(bytes(16_777_473), 256)


@pytest.mark.parametrize("entries", [[], [b""] * 257, [bytes(65_536)]], ids=["none", "257", "an-entry-too-long"])
def test_what_no_bundle_can_hold_is_not_written(entries: list[bytes]) -> None:
    with pytest.raises(UsageError, match="entr"):
        encode_bundle(entries)


@pytest.mark.parametrize("width", [-1, 0, 257])
def test_no_bundle_has_another_number_of_entries(width: int) -> None:
    with pytest.raises(UsageError, match="1 to 256"):
        decode_bundle(b"", width)
