"""The verifier of Sigstore's Node.js client (@sigstore/verify): our checkpoints and inclusion proofs before it."""

from __future__ import annotations

from typing import Any

import pytest

from creditledger.tlog.note import NoteSigner
from creditledger.tlog.tree import inclusion_proof
from interop.logs import ORIGIN, SIGNER, Grown, leaf, some_indices
from interop.peers import Peer, Refused, plain

pytestmark = pytest.mark.interop

SIZES = (*range(1, 70), 255, 256, 257, 300)
GROWN = Grown(max(SIZES))


def known(signer: NoteSigner) -> dict[str, Any]:
    verifier = signer.verifier
    return {"name": verifier.name, "keyId": plain(verifier.key_id), "publicKey": plain(verifier.public_key)}


LOGS = [known(SIGNER)]


def test_our_checkpoints_and_inclusion_proofs_are_verified(sigstore: Peer) -> None:
    for size in SIZES:
        note = GROWN.checkpoint(size)
        for index in some_indices(size):
            proof = inclusion_proof(GROWN.reader(size), index, size)
            seen = sigstore.ask("verify", note=note, logs=LOGS, index=index, proof=proof, leaf=leaf(index))
            assert seen.fields["origin"] == ORIGIN
            assert seen.fields["size"] == str(size)
            assert seen.data("root") == GROWN.roots[size]


def test_a_second_signature_does_not_confuse_it(sigstore: Peer) -> None:
    note = GROWN.checkpoint(300, NoteSigner("second.example", bytes(32)), SIGNER)
    assert sigstore.ask("verify", note=note, logs=LOGS, index=0).fields["size"] == "300"


def test_it_refuses_what_is_wrong(sigstore: Peer) -> None:
    note, proof = GROWN.checkpoint(300), inclusion_proof(GROWN.reader(300), 17, 300)
    right: dict[str, Any] = {"note": note, "logs": LOGS, "index": 17, "proof": proof, "leaf": leaf(17)}
    sigstore.ask("verify", **right)
    other = [known(NoteSigner(ORIGIN, bytes(32)))]
    changed = (
        {"leaf": leaf(18)},
        {"index": 18},
        {"proof": proof[:-1]},
        {"logs": other},
        {"note": note.replace(b"\n300\n", b"\n301\n")},
    )
    for wrong in changed:
        with pytest.raises(Refused):
            sigstore.ask("verify", **right | wrong)
