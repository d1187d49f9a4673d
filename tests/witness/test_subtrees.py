"""`sign-subtree`: a signature for a part of a checkpoint that the witness itself has cosigned, and for nothing else."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from creditledger.tlog.cosignature import MlDsaSigner
from creditledger.tlog.note import MAX_NOTE_BYTES, NoteSigner, sign_note
from creditledger.witness.subtree_request import SignSubtree
from witness.toylog import MLDSA_SEED, NAME, NOW, ORIGIN, SEED, Bench, ToyLog, bench

LOG = ToyLog()
OTHER = ToyLog(branch="other")
OWN = MlDsaSigner(NAME, MLDSA_SEED, lambda: NOW)
SIZE = 14


@pytest.fixture(scope="module")
def witness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A witness that has cosigned the log at size 14."""
    with bench(tmp_path_factory.mktemp("w"), seed=SEED, mldsa_seed=MLDSA_SEED) as found:
        assert found.add(LOG.request(0, SIZE)).status == 200
        yield found


@pytest.fixture(scope="module")
def cosigned(witness: Bench) -> bytes:
    """The checkpoint as the witness shows it."""
    return witness.ask("GET", f"/{sha256(ORIGIN.encode()).hexdigest()}/checkpoint").body


def request(start: int, end: int, checkpoint: bytes, *, log: ToyLog = LOG, proof: list[bytes] | None = None) -> bytes:
    proved = LOG.prove_subtree(start, end, SIZE) if proof is None else proof
    return SignSubtree(start, end, log.root(start, end), tuple(proved), checkpoint).to_bytes()


@pytest.mark.parametrize(("start", "end"), [(8, 13), (0, 14), (0, 1), (13, 14), (4, 8), (8, 14), (12, 14)])
def test_a_part_of_a_cosigned_checkpoint_is_signed(witness: Bench, cosigned: bytes, start: int, end: int) -> None:
    answer = witness.ask("POST", "/sign-subtree", request(start, end, cosigned))
    assert answer.status == 200
    (line,) = answer.body.decode().splitlines()
    dash, name, encoded = line.split(" ")
    blob = b64decode(encoded)
    assert (dash, name, blob[:4]) == ("—", NAME, OWN.verifier.key_id)
    OWN.verifier.verify_subtree(ORIGIN, start, end, LOG.root(start, end), blob[4:])


def status(witness: Bench, body: bytes) -> int:
    answer = witness.ask("POST", "/sign-subtree", body)
    assert answer.status != 200
    assert "—".encode() not in answer.body
    return answer.status


def test_another_part_or_proof_is_not_signed(witness: Bench, cosigned: bytes) -> None:
    proof = LOG.prove_subtree(8, 13, SIZE)
    assert status(witness, request(8, 13, cosigned, log=OTHER)) == 422
    assert status(witness, request(8, 13, cosigned, proof=proof[:-1])) == 422
    assert status(witness, request(8, 13, cosigned, proof=[*proof, bytes(32)])) == 422
    assert status(witness, request(8, 12, cosigned, proof=proof)) == 422


def test_a_checkpoint_that_the_witness_has_not_cosigned_counts_for_nothing(witness: Bench, cosigned: bytes) -> None:
    thief = MlDsaSigner(NAME, sha256(b"thief").digest(), lambda: NOW)
    for signers in ([LOG.signer], [LOG.mldsa_signer], [thief], [NoteSigner(NAME, SEED)]):
        assert status(witness, request(8, 13, sign_note(LOG.head(SIZE).to_bytes(), *signers))) == 403
    moved = OTHER.head(SIZE).to_bytes() + b"\n" + cosigned.split(b"\n\n")[1]
    assert status(witness, request(8, 13, moved)) == 403
    stranger = ToyLog("log.example/stranger")
    assert status(witness, request(8, 13, sign_note(stranger.head(SIZE).to_bytes(), OWN))) == 404


@pytest.mark.parametrize(
    "head",
    [b"subtree 5 8", b"subtree 8 8", b"subtree 8 7", b"subtree 8", b"subtree 8 13 ", b"subtree 08 13", b"old 8", b""],
)
def test_what_is_no_subtree_is_malformed(witness: Bench, cosigned: bytes, head: bytes) -> None:
    body = request(8, 13, cosigned)
    assert status(witness, body.replace(b"subtree 8 13", head)) == 400
    assert status(witness, b"subtree 8 13\n\n" + cosigned) == 400


def test_a_subtree_beyond_the_checkpoint_is_malformed(witness: Bench, cosigned: bytes) -> None:
    assert status(witness, request(8, 15, cosigned, proof=[])) == 400


def test_a_witness_without_a_post_quantum_key_signs_no_subtrees(tmp_path: Path, cosigned: bytes) -> None:
    with bench(tmp_path) as found:
        assert status(found, request(8, 13, cosigned)) == 404


def test_an_endless_head_is_malformed(witness: Bench) -> None:
    assert status(witness, b"subtree 8 13\n" + b"A" * MAX_NOTE_BYTES) == 400
