"""The layout of c2sp.org/tlog-tiles: byte for byte that of another implementation, and that of the definition."""

from __future__ import annotations

import base64
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from creditledger.audit.signed_tree import SignedTree
from creditledger.errors import UsageError, VerificationFailed
from creditledger.publish.layout import LayoutWriter, remove_superseded, write_checkpoint, writing
from creditledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from creditledger.tlog.note import NoteSigner
from creditledger.tlog.tiles import WIDTH, TreeBuilder, parse_tile_path, tile_width
from creditledger.tlog.tree import Frontier, leaf_hash
from creditledger.web.place import Folder
from publish.histories import files_in, naive_files

# The log in Tessera's testdata/log: its leaves, key, and published files.
NUMBERS = b"one two three four five six seven eit nain ten ileven twelf threeten fourten fivten".split()
ORIGIN = "example.com/log/testdata"
KEY = "AeymY/SZAX0jZcJ8enZ5FY1Dz+wTML2yWSkK+9DSF3eg"
NOTES = {
    1: b"0Nc2CrefWKseHj/mStd+LqC8B+NrX0btIiPt2SmN+ek=\n\n\xe2\x80\x94 example.com/log/testdata "
    b"M9e0lhr9kuLxGdAtaUrhm84TQffVsLdcy808sN0a3WyniNlfcr9+bywoiIke1YYciCNjJGkCgIlQ8b16jhsmg/SChAM=\n",
    15: b"rKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=\n\n\xe2\x80\x94 example.com/log/testdata "
    b"M9e0luh4jTG+UMBqOUo9/q+yAEvx1ilBEniMvjf1zfcBOhg+CKubMt53MvIt/uEWP6zdkdIQzd/fmwlM/dlPWF74ewI=\n",
}


def grow(folder: Folder, entries: list[bytes], before: int, size: int) -> LayoutWriter:
    """Publish what is new as `publish` does, with leaves for records."""
    builder = TreeBuilder()
    for entry in entries[: before // WIDTH * WIDTH]:
        builder.push(leaf_hash(entry))
    with LayoutWriter(folder, builder) as writer:
        for entry in entries[builder.size : size]:
            writer.add(entry, leaf_hash(entry))
        writer.finish()
    return writer


def test_the_log_of_another_implementation_byte_for_byte(tmp_path: Path) -> None:
    signer = NoteSigner(ORIGIN, base64.b64decode(KEY)[1:])
    with writing(tmp_path / "log") as folder:
        before = 0
        for size in (1, 3, 15):
            writer = grow(folder, NUMBERS, before, size)
            head = Checkpoint(ORIGIN, size, writer.builder.root())
            write_checkpoint(folder, sign_checkpoint(head, signer))
            if size in NOTES:
                expected = f"{ORIGIN}\n{size}\n".encode() + NOTES[size]
                assert (tmp_path / "log" / "checkpoint").read_bytes() == expected
            before = size
    files = files_in(tmp_path / "log")
    assert files["tile/entries/000.p/3"] == bytes.fromhex("00036f6e65000374776f00057468726565")
    assert sorted(files) == [
        "checkpoint",
        *(f"tile/{kind}/000.p/{width}" for kind in ("0", "entries") for width in (1, 15, 3)),
    ]
    assert files["tile/0/000.p/15"] == b"".join(map(leaf_hash, NUMBERS))


ENTRIES = [b"%d" % number * (number % 7) for number in range(70_000)]
SIZES = st.lists(st.integers(1, 1600), min_size=1, max_size=5, unique=True).map(sorted)


@settings(max_examples=25, deadline=None)
@given(SIZES)
def test_growing_gives_the_files_of_the_definition(sizes: list[int]) -> None:
    with tempfile.TemporaryDirectory() as scratch, writing(Path(scratch) / "log") as folder:
        before = 0
        for size in sizes:
            due = naive_files(ENTRIES, size)
            new = due.keys() - files_in(folder.directory).keys()
            writer = grow(folder, ENTRIES, before, size)
            assert (writer.files, writer.bytes) == (len(new), sum(len(due[path]) for path in new))
            remove_superseded(folder, before, size)
            found = files_in(folder.directory)
            assert due.items() <= found.items()
            # What is beside them was published at an earlier size, and its full tile is not there yet.
            for path in found.keys() - due.keys():
                assert any(naive_files(ENTRIES, one).get(path) == found[path] for one in sizes)
                address = parse_tile_path(path)
                assert tile_width(max(address.level, 0), address.index, size) < WIDTH
            before = size


def test_three_levels(tmp_path: Path) -> None:
    """70,000 entries, as in the specification's example: 273 full tiles and one of 112, 1 and one of 17, one of 1."""
    with writing(tmp_path / "log") as folder:
        assert grow(folder, ENTRIES, 0, 70_000).files == 2 * 274 + 2 + 1
    files = files_in(tmp_path / "log")
    assert files == naive_files(ENTRIES, 70_000)
    for path in ("tile/0/272", "tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"):
        assert path in files
    frontier = Frontier()
    for entry in ENTRIES:
        frontier.push(leaf_hash(entry))
    folder, head = Folder(tmp_path / "log"), Checkpoint(ORIGIN, 70_000, frontier.root())
    tree = SignedTree(folder, head)
    for index in (0, 100, 255, 256, 273):
        found = tree.bundle(index, tree.tile(0, index))
        assert (found.entries, found.problem) == (ENTRIES[index * WIDTH : (index + 1) * WIDTH], None)
    assert tree.root_at(70_000) == head.root
    # One hash altered halfway up takes everything below it along, and nothing else.
    wrong = files["tile/1/000"][:-1] + bytes([files["tile/1/000"][-1] ^ 1])
    (tmp_path / "log/tile/1/000").write_bytes(wrong)
    tree = SignedTree(folder, head)
    with pytest.raises(VerificationFailed, match="tile/1/000 is not the tile that is signed"):
        tree.tile(0, 7)
    assert tree.tile(0, 256) == files["tile/0/256"]


def test_a_file_is_never_given_other_bytes(tmp_path: Path) -> None:
    with writing(tmp_path / "log") as folder:
        grow(folder, ENTRIES, 0, 300)
        for path, bad in (
            ("tile/entries/000", b""),
            ("tile/0/001.p/44", bytes(32 * 44)),
            ("tile/1/000.p/1", bytes(99)),
        ):
            honest = (folder.directory / path).read_bytes()
            (folder.directory / path).write_bytes(bad)
            with pytest.raises(VerificationFailed, match=f"{path} is there already with other bytes"):
                grow(folder, ENTRIES, 0, 300)
            assert (folder.directory / path).read_bytes() == bad
            (folder.directory / path).write_bytes(honest)
        assert grow(folder, ENTRIES, 0, 300).files == 0


def test_indexes_of_four_groups(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write("tile/0/x009/x007/x199/254", b"far out")
    assert folder.read("tile/0/x009/x007/x199/254", 7) == b"far out"


def test_a_layout_is_continued_at_full_bundles(tmp_path: Path) -> None:
    builder = TreeBuilder()
    builder.push(bytes(32))
    with pytest.raises(UsageError, match="full bundle"):
        LayoutWriter(Folder(tmp_path), builder)
