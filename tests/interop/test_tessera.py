"""Tessera (github.com/transparency-dev/tessera): its fsck reads our logs, we read its logs, and both write the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from creditledger.audit.published import Published
from creditledger.audit.trust import Trust
from creditledger.errors import VerificationFailed
from creditledger.publish.mirroring import mirror
from creditledger.publish.publishing import publish
from creditledger.tlog.checkpoint import open_checkpoint
from creditledger.tlog.note import NoteVerifier
from creditledger.tlog.tiles import WIDTH
from creditledger.tlog.tree import (
    check_consistency,
    check_inclusion,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    subtree_root,
)
from creditledger.web.place import open_place
from interop.logs import ORIGIN, SEED, SIGNER, Grown, leaf
from interop.programs import skey, tessera_append, tessera_fsck
from support.registry import ORIGIN as LEDGER_ORIGIN
from support.registry import Registry, listing, signer

pytestmark = pytest.mark.interop

SKEY = skey(ORIGIN, SIGNER.verifier.key_id, SEED)
LOG = NoteVerifier(LEDGER_ORIGIN, signer("log").public_key[1:])
GROWN = Grown(65_536 + 300)
SIZES = (1, 255, 256, 257, 300, 65_535, 65_536, 65_537, 65_836)


@pytest.mark.parametrize("size", SIZES)
def test_fsck_passes_on_our_files(go_programs: Path, tmp_path: Path, size: int) -> None:
    done = tessera_fsck(go_programs, GROWN.write(tmp_path, size), SIGNER.verifier.vkey)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("file", ["tile/0/000", "tile/1/000.p/1", "tile/entries/001.p/44", "checkpoint"])
def test_fsck_fails_on_one_byte_changed(go_programs: Path, tmp_path: Path, file: str) -> None:
    """So that its passing says something."""
    changed = GROWN.write(tmp_path, 300) / file
    data = bytearray(changed.read_bytes())
    data[-1 if file != "checkpoint" else 30] ^= 1
    changed.write_bytes(data)
    assert tessera_fsck(go_programs, tmp_path, SIGNER.verifier.vkey).returncode != 0


def test_fsck_passes_on_a_ledger_as_published_while_it_grows(go_programs: Path, tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    court = signer("court")
    with registry.create() as ledger:
        size, number = 0, 0
        for acts in (1, 3, 250, 30):
            for _ in range(acts):
                ledger.append(listing(number), signer=court)
                number += 1
            size = publish(ledger, tmp_path / "out").size
            assert size == ledger.size
            done = tessera_fsck(go_programs, tmp_path / "out", LOG.vkey)
            assert done.returncode == 0, done.stderr
    assert size > WIDTH


@pytest.fixture(scope="module")
def theirs(go_programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of Tessera's, grown in steps."""
    directory = tmp_path_factory.mktemp("tessera") / "log"
    made = 0
    for count in (1, 2, 252, 1, 1, 43, 400):
        done = tessera_append(go_programs, directory, SKEY, made, count)
        assert done.returncode == 0, done.stderr
        made += count
    return directory


def test_we_read_its_log(theirs: Path) -> None:
    place = open_place(theirs)
    published = Published(place)
    head = open_checkpoint(published.checkpoint_note(), [SIGNER.verifier], ORIGIN)
    assert (head.size, head.root) == (700, GROWN.roots[700])
    reader = published.tiles(head.size)
    assert subtree_root(reader, 0, head.size) == head.root
    for index in (0, 1, 255, 256, 511, 512, 699):
        proof = inclusion_proof(reader, index, head.size)
        check_inclusion(proof, index, leaf_hash(leaf(index)), head.size, head.root)
    for old in (1, 3, 255, 256, 257, 300, 699):
        check_consistency(consistency_proof(reader, old, 700), old, GROWN.roots[old], 700, head.root)
    found = [entry for number in (0, 1) for entry in published.bundle(number, WIDTH)] + published.bundle(2, 700 % WIDTH)
    assert found == [leaf(number) for number in range(700)]
    place.close()


def test_its_files_are_ours_byte_for_byte(theirs: Path) -> None:
    for path, data in GROWN.tiles(700):
        assert (theirs / path).read_bytes() == data, path
    assert (theirs / "checkpoint").read_bytes() == GROWN.checkpoint(700)


def test_we_mirror_its_log_and_its_fsck_reads_the_mirror(theirs: Path, go_programs: Path, tmp_path: Path) -> None:
    trust = Trust(ORIGIN, leaf_hash(leaf(0)), (SIGNER.verifier.vkey,))
    assert mirror(theirs, tmp_path / "mirror", trust=trust).size == 700
    done = tessera_fsck(go_programs, tmp_path / "mirror", SIGNER.verifier.vkey)
    assert done.returncode == 0, done.stderr


def test_we_do_not_mirror_its_log_with_one_byte_changed(theirs: Path, tmp_path: Path) -> None:
    trust = Trust(ORIGIN, leaf_hash(leaf(0)), (SIGNER.verifier.vkey,))
    copy = tmp_path / "copy"
    for path, data in GROWN.tiles(700):
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        (copy / path).write_bytes(data.replace(b"leaf 300", b"leaf 3OO"))
    (copy / "checkpoint").write_bytes((theirs / "checkpoint").read_bytes())
    with pytest.raises(VerificationFailed, match="300"):
        mirror(copy, tmp_path / "mirror", trust=trust)
