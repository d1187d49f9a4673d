"""Inputs changed at random: what we accept, Go accepts too, and takes it to mean the same.

The other way round we are stricter on purpose: one spelling for each meaning, no extension lines, no doubled
signatures.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from creditledger.errors import LedgerError
from creditledger.tlog.checkpoint import Checkpoint, open_checkpoint
from creditledger.tlog.note import NoteSigner, open_note, sign_note
from creditledger.tlog.proof_file import TlogProof
from creditledger.tlog.tree import inclusion_proof, leaf_hash
from interop.logs import ORIGIN, SIGNER, Grown, leaf
from interop.peers import Peer, Refused

pytestmark = pytest.mark.interop

ROUNDS = 1500
GROWN = Grown(300)
OTHER = NoteSigner("second.example", bytes(32))
POLICY = f"log {SIGNER.verifier.vkey}\nquorum none\n".encode()
PIECES = (
    b"\n",
    b"\n\n",
    b" ",
    b"0",
    b"1",
    b"+",
    b"=",
    b"\xe2\x80\x94 ",
    b"\x00",
    b"\r",
    b"\xff",
    b"A",
    b"\xc2\xa0",
    b"-",
)


def changed(data: bytes, seed: int) -> Iterator[bytes]:
    """Changes of some bytes: one or two pieces put in, taken out or replaced, or a line doubled, dropped or moved."""
    drawn = random.Random(seed)
    for _ in range(ROUNDS):
        now = data
        for _ in range(drawn.choice((1, 1, 2))):
            at = drawn.randrange(len(now))
            match drawn.randrange(5):
                case 0:
                    now = now[:at] + drawn.choice(PIECES) + now[at:]
                case 1:
                    now = now[:at] + now[at + drawn.randrange(1, 4) :]
                case 2:
                    now = now[:at] + drawn.choice(PIECES) + now[at + 1 :]
                case 3:
                    lines = now.splitlines(keepends=True)
                    line = lines.pop(drawn.randrange(len(lines)))
                    for _ in range(drawn.randrange(3)):
                        lines.insert(drawn.randrange(len(lines) + 1), line)
                    now = b"".join(lines)
                case _:
                    now = now[:at] + bytes([now[at] ^ 1 << drawn.randrange(8)]) + now[at + 1 :]
            now = now or data
        yield now


def test_notes(go: Peer) -> None:
    note = sign_note(Checkpoint(ORIGIN, 300, GROWN.roots[300]).to_bytes(), SIGNER, OTHER)
    vkeys = [SIGNER.verifier.vkey, OTHER.verifier.vkey]
    accepted = 0
    for data in changed(note, 1):
        try:
            opened = open_note(data, [SIGNER.verifier, OTHER.verifier])
        except LedgerError:
            continue
        accepted += 1
        theirs = go.ask("note.open", note=data, vkeys=vkeys)
        assert theirs.data("text") == opened.text, data
        assert theirs.fields["verified"] == [f"{one.name}+{one.key_id.hex()}" for one in opened.signatures], data
    assert 20 < accepted < ROUNDS


def test_texts_of_checkpoints(go: Peer) -> None:
    """Signed as changed, so that only their form is judged."""
    text = Checkpoint(ORIGIN, 300, GROWN.roots[300]).to_bytes()
    accepted = 0
    for data in changed(text, 2):
        try:
            note = sign_note(data, SIGNER)
            checkpoint = open_checkpoint(note, [SIGNER.verifier], ORIGIN)
        except LedgerError:
            continue
        accepted += 1
        assert go.ask("policy.torchwood", policy=POLICY, note=note).fields["size"] == checkpoint.size, data
    assert 20 < accepted < ROUNDS


def test_proof_files(go: Peer) -> None:
    proof = TlogProof(17, tuple(inclusion_proof(GROWN.reader(300), 17, 300)), GROWN.checkpoint(300), b"extra data")
    accepted = 0
    for data in changed(proof.to_bytes(), 3):
        try:
            read = TlogProof.from_bytes(data)
        except LedgerError:
            continue
        accepted += 1
        theirs = go.ask("proof.read_formats", file=data)
        found = (theirs.fields["index"], tuple(theirs.list("proof")), theirs.data("note"), theirs.data("extra"))
        assert found == (read.index, read.hashes, read.checkpoint, read.extra or b""), data
        try:
            read.check(leaf_hash(leaf(17)), open_checkpoint(read.checkpoint, [SIGNER.verifier], ORIGIN))
        except LedgerError:
            with pytest.raises(Refused):
                go.ask("proof.verify_torchwood", policy=POLICY, leaf=leaf(17), file=data)
        else:
            go.ask("proof.verify_torchwood", policy=POLICY, leaf=leaf(17), file=data)
    assert 20 < accepted < ROUNDS
