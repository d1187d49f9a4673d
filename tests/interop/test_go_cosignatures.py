"""Cosignatures, Ed25519 and ML-DSA-44: transparency-dev/formats and Torchwood against ours, both ways."""

from __future__ import annotations

from hashlib import sha256

import pytest

from creditledger.errors import LedgerError, VerificationFailed
from creditledger.keys.mldsa import SigningKey
from creditledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from creditledger.tlog.cosignature import (
    CosignatureSigner,
    CosignatureVerifier,
    MlDsaSigner,
    MlDsaVerifier,
    timestamp,
)
from creditledger.tlog.note import open_note
from interop.logs import ORIGIN, SIGNER, Grown
from interop.peers import Peer, Refused
from interop.programs import skey

pytestmark = pytest.mark.interop

NAME = "witness.example/w1"
SEED = sha256(b"the witness key of the interop tests").digest()
TIME = 1_795_000_000


def ed25519_signer(time: int = TIME) -> CosignatureSigner:
    return CosignatureSigner(NAME, SEED, lambda: time)


def mldsa_signer(time: int = TIME) -> MlDsaSigner:
    return MlDsaSigner(NAME, SEED, lambda: time)


CHECKPOINT = Grown(300).checkpoint(300)
TEXT = Checkpoint(ORIGIN, 300, Grown(300).roots[300]).to_bytes()


@pytest.mark.parametrize("by", ["cosignature.formats", "cosignature.torchwood"])
def test_our_ed25519_cosignature_is_verified_in_go(go: Peer, by: str) -> None:
    signer = ed25519_signer()
    note = CHECKPOINT + signer.sign(TEXT).to_bytes()
    opened = go.ask(by, note=note, vkeys=[signer.verifier.vkey])
    assert opened.fields["verified"] == [f"{NAME}+{signer.verifier.key_id.hex()}"]


def test_our_mldsa_cosignature_is_verified_in_go(go: Peer) -> None:
    signer = mldsa_signer()
    note = CHECKPOINT + signer.sign(TEXT).to_bytes()
    opened = go.ask("cosignature.formats", note=note, vkeys=[signer.verifier.vkey])
    assert opened.fields["verified"] == [f"{NAME}+{signer.verifier.key_id.hex()}"]


def test_a_log_may_sign_its_own_checkpoint_with_mldsa_and_time_zero(go: Peer) -> None:
    signer = MlDsaSigner(ORIGIN, SEED, lambda: 0)
    note = sign_checkpoint(Checkpoint.from_bytes(TEXT), SIGNER, signer)
    assert go.ask("cosignature.formats", note=note, vkeys=[signer.verifier.vkey]).data("text") == TEXT


def test_go_cosignatures_are_verified_here(go: Peer) -> None:
    ours, post_quantum = ed25519_signer().verifier, mldsa_signer().verifier
    keys = [skey(NAME, ours.key_id, SEED, 4), skey(NAME, post_quantum.key_id, SEED, 6)]
    signed = go.ask("cosignature.sign", text=TEXT, skeys=keys)
    assert signed.fields["keys"] == [f"{NAME}+{ours.key_id.hex()}", f"{NAME}+{post_quantum.key_id.hex()}"]
    note = open_note(signed.data("note"), [ours, post_quantum])
    assert note.text == TEXT
    assert [signature.key_id for signature in note.signatures] == [ours.key_id, post_quantum.key_id]
    assert all(timestamp(signature) > TIME - 10**8 for signature in note.signatures)


def test_both_derive_the_same_mldsa_key(go: Peer) -> None:
    for number in range(20):
        seed = sha256(b"seed %d" % number).digest()
        made = go.ask("mldsa.keys", seed=seed, name=NAME)
        assert made.data("public") == SigningKey(seed).public_key
        assert made.fields["vkey"] == MlDsaVerifier(NAME, SigningKey(seed).public_key).vkey


@pytest.mark.parametrize(("start", "end"), [(0, 1), (0, 300), (256, 300), (128, 256), (299, 300)])
def test_subtree_signatures_hold_both_ways(go: Peer, start: int, end: int) -> None:
    root = sha256(b"%d %d" % (start, end)).digest()
    verifier = mldsa_signer().verifier
    key = skey(NAME, verifier.key_id, SEED, 6)
    made = go.ask("mldsa.sign_subtree", skeys=[key], time=0, name=ORIGIN, start=start, end=end, root=root)
    ours = mldsa_signer().sign_subtree(ORIGIN, start, end, root)
    arguments = {"vkeys": [verifier.vkey], "name": ORIGIN, "start": start, "end": end, "root": root}
    assert timestamp(ours) == 0
    go.ask("mldsa.verify_subtree", sig=ours.signature, time=0, **arguments)
    verifier.verify_subtree(ORIGIN, start, end, root, made.data("sig"))
    with pytest.raises(Refused):
        go.ask("mldsa.verify_subtree", sig=ours.signature, time=0, **arguments | {"end": end + 1})
    with pytest.raises(LedgerError):
        verifier.verify_subtree(ORIGIN, start, end, sha256(root).digest(), made.data("sig"))


@pytest.mark.parametrize("kind", [CosignatureSigner, MlDsaSigner])
@pytest.mark.parametrize("position", [4, 11, 12, -1])
def test_both_refuse_a_cosignature_with_one_byte_changed(
    go: Peer, kind: type[CosignatureSigner | MlDsaSigner], position: int
) -> None:
    signer = kind(NAME, SEED, lambda: TIME)
    made = signer.sign(TEXT)
    # Counted in the key id and the signature together: the first and the last byte of the time, then the signature's.
    at = position - 4 if position > 0 else position
    changed = bytearray(made.signature)
    changed[at] ^= 1
    note = CHECKPOINT + type(made)(made.name, made.key_id, bytes(changed)).to_bytes()
    with pytest.raises(Refused):
        go.ask("cosignature.formats", note=note, vkeys=[signer.verifier.vkey])
    with pytest.raises(VerificationFailed):
        open_note(note, [signer.verifier])


def test_a_key_for_notes_is_none_for_cosignatures(go: Peer) -> None:
    """Type 01 and 04 sign different bytes; a cosignature is not taken for a signature of the log, nor the reverse."""
    verifier = CosignatureVerifier(SIGNER.verifier.name, SIGNER.verifier.public_key)
    with pytest.raises(Refused):
        go.ask("cosignature.torchwood", note=CHECKPOINT, vkeys=[verifier.vkey])
    with pytest.raises(VerificationFailed):
        open_note(CHECKPOINT, [verifier])
