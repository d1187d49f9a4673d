"""golang.org/x/mod/sumdb: notes, trees, proofs and tiles, ours before Go and Go's before us."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from creditledger.errors import VerificationFailed
from creditledger.tlog.note import NoteSigner, NoteVerifier, open_note, sign_note
from creditledger.tlog.tiles import parse_tile_path
from creditledger.tlog.tree import (
    check_consistency,
    check_inclusion,
    check_subtree,
    consistency_proof,
    covering_subtrees,
    inclusion_proof,
    leaf_hash,
    subtree_proof,
    subtree_root,
)
from interop.logs import SEED, SIGNER, Grown, leaf, some_indices
from interop.peers import Peer, Refused
from interop.programs import skey

pytestmark = pytest.mark.interop

SMALL = 300
LARGE = 65_536 + 300
SIZES = (*range(1, SMALL + 1), 511, 512, 513, 4096, 65_535, 65_536, 65_537, 65_791, 65_792, 65_793, LARGE)
TEXTS = (
    "one line\n",
    "two\n\nparts\n",
    "机关 — ok\n",
    "\n",
    "interop.example/registry\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
)

SKEY = skey(SIGNER.verifier.name, SIGNER.verifier.key_id, SEED)


@pytest.fixture(scope="module")
def grown(go: Peer) -> Grown:
    """The same log on both sides."""
    go.ask("tree.grow", size=LARGE)
    return Grown(LARGE)


@pytest.mark.parametrize("text", TEXTS)
def test_our_notes_are_opened_in_go(go: Peer, text: str) -> None:
    other = NoteSigner("second.example", bytes(32))
    note = sign_note(text.encode(), SIGNER, other)
    opened = go.ask("note.open", note=note, vkeys=[SIGNER.verifier.vkey, other.verifier.vkey])
    assert opened.data("text") == text.encode()
    assert opened.fields["verified"] == [f"{v.name}+{v.key_id.hex()}" for v in (SIGNER.verifier, other.verifier)]


@pytest.mark.parametrize("text", TEXTS)
def test_notes_signed_in_go_are_ours_byte_for_byte(go: Peer, text: str) -> None:
    note = go.ask("note.sign", text=text.encode(), skeys=[SKEY]).data("note")
    assert open_note(note, [NoteVerifier.parse(SIGNER.verifier.vkey)]).text == text.encode()
    assert note == sign_note(text.encode(), SIGNER)


@pytest.mark.parametrize("position", [0, 30, -20])
def test_both_refuse_a_note_with_one_byte_changed(go: Peer, position: int) -> None:
    note = bytearray(sign_note(b"interop.example/registry\nsomething that matters\n", SIGNER))
    note[position] = ord("A") if note[position] != ord("A") else ord("B")
    with pytest.raises(Refused):
        go.ask("note.open", note=bytes(note), vkeys=[SIGNER.verifier.vkey])
    with pytest.raises(VerificationFailed):
        open_note(bytes(note), [SIGNER.verifier])


def test_roots_are_the_same_at_every_size(go: Peer, grown: Grown) -> None:
    for size in (0, *SIZES):
        assert go.ask("tree.root", size=size).data("root") == grown.roots[size], size


def test_inclusion_proofs_are_the_same_and_hold_on_both_sides(go: Peer, grown: Grown) -> None:
    for size in SIZES:
        reader, root = grown.reader(size), grown.roots[size]
        for index in some_indices(size):
            ours = inclusion_proof(reader, index, size)
            assert go.ask("tree.prove_record", size=size, index=index).list("proof") == ours, (index, size)
            go.ask("tree.check_record", proof=ours, size=size, root=root, index=index, leaf=leaf(index))
            check_inclusion(ours, index, leaf_hash(leaf(index)), size, root)


def test_consistency_proofs_are_the_same_and_hold_on_both_sides(go: Peer, grown: Grown) -> None:
    for size in SIZES:
        reader, root = grown.reader(size), grown.roots[size]
        for old in {index + 1 for index in some_indices(size)}:
            ours = consistency_proof(reader, old, size)
            assert go.ask("tree.prove_tree", size=size, old=old).list("proof") == ours, (old, size)
            go.ask("tree.check_tree", proof=ours, size=size, root=root, old=old, inner=grown.roots[old])
            check_consistency(ours, old, grown.roots[old], size, root)


def test_subtree_proofs_are_checked_by_transparency_dev(go: Peer, grown: Grown) -> None:
    """Those of draft-ietf-plants-merkle-tree-certs, with which witnesses sign parts of a tree."""
    drawn = random.Random(5)
    for size in (1, 2, 7, 8, 13, 100, 255, 256, 300, 65_537):
        reader, root = grown.reader(size), grown.roots[size]
        intervals = {(0, size), (size - 1, size)}
        while len(intervals) < min(size, 12):
            start = drawn.randrange(size)
            end = drawn.randrange(start, size) + 1
            intervals |= {one for one in covering_subtrees(start, end) if one[0] < one[1]}
        for start, end in sorted(intervals):
            inner = subtree_root(reader, start, end)
            proof = subtree_proof(reader, (start, end), (0, size))
            right = {"start": start, "end": end, "size": size, "root": root}
            go.ask("tree.check_subtree", proof=proof, inner=inner, **right)
            check_subtree(proof, (start, end), inner, (0, size), root)
            with pytest.raises(Refused):
                go.ask("tree.check_subtree", proof=[*proof, root], inner=inner, **right)
            with pytest.raises(Refused):
                go.ask("tree.check_subtree", proof=proof, inner=leaf_hash(inner), **right)


def test_both_refuse_the_same_wrong_proofs(go: Peer, grown: Grown) -> None:
    drawn = random.Random(7)
    for size in (3, 7, 8, 100, 300, 65_537):
        index = drawn.randrange(size)
        reader, root = grown.reader(size), grown.roots[size]
        proof = inclusion_proof(reader, index, size)
        wrong = [(proof[:-1], index), ([*proof, root], index), ([*proof[:-1], bytes(32)], index)]
        wrong.append((proof, (index + 1) % size))
        for hashes, at in wrong:
            with pytest.raises(Refused):
                go.ask("tree.check_record", proof=hashes, size=size, root=root, index=at, leaf=leaf(index))
            with pytest.raises(VerificationFailed):
                check_inclusion(hashes, at, leaf_hash(leaf(index)), size, root)
        old = max(1, size // 2 - 1)
        history = consistency_proof(reader, old, size)
        for hashes in (history[:-1], [*history, root], [*history[:-1], bytes(32)]):
            with pytest.raises(Refused):
                go.ask("tree.check_tree", proof=hashes, size=size, root=root, old=old, inner=grown.roots[old])
            with pytest.raises(VerificationFailed):
                check_consistency(hashes, old, grown.roots[old], size, root)


@pytest.mark.parametrize("size", [1, 255, 256, 257, 300, 65_535, 65_536, 65_537, LARGE])
def test_tiles_are_the_same_byte_for_byte(go: Peer, grown: Grown, tmp_path: Path, size: int) -> None:
    written = grown.write(tmp_path / "ours", size)
    paths = set(go.ask("tiles.made", old=0, size=size, dir=str(tmp_path / "go")).fields["paths"])
    ours = {str(file.relative_to(written)) for file in written.glob("tile/[0-9]*/**/*") if file.is_file()}
    assert paths == ours
    for path in paths:
        assert (tmp_path / "go" / path).read_bytes() == (written / path).read_bytes(), path
        parse_tile_path(path)


@pytest.mark.parametrize("size", [1, 256, 257, 300, 65_536, LARGE])
def test_go_proves_from_our_tiles_and_we_check(go: Peer, grown: Grown, tmp_path: Path, size: int) -> None:
    written, root = grown.write(tmp_path, size), grown.roots[size]
    for index in some_indices(size):
        read = go.ask("tiles.read", dir=str(written), size=size, root=root, index=index, old=index + 1)
        assert read.data("hash") == leaf_hash(leaf(index))
        check_inclusion(read.list("proof"), index, leaf_hash(leaf(index)), size, root)
        check_consistency(read.list("consistency"), index + 1, grown.roots[index + 1], size, root)


def test_go_finds_one_bit_changed_in_our_tiles(go: Peer, grown: Grown, tmp_path: Path) -> None:
    written = grown.write(tmp_path, 300)
    tile = written / "tile/0/000"
    data = bytearray(tile.read_bytes())
    data[1000] ^= 1
    tile.write_bytes(data)
    with pytest.raises(Refused, match=r"invalid|inconsistent|mismatch"):
        go.ask("tiles.read", dir=str(written), size=300, root=grown.roots[300], index=31)
