"""Witnesses of others cosign our ledger, and our witness cosigns logs of others, over real connections."""

from __future__ import annotations

import time
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import pytest

from creditledger.audit.trust import Trust
from creditledger.errors import VerificationFailed
from creditledger.ledger.ledger import Ledger
from creditledger.receipts.check import check
from creditledger.receipts.formats import ReceiptFile
from creditledger.receipts.make import prove
from creditledger.receipts.report import ProofReport
from creditledger.tlog.cosignature import MlDsaSigner, MlDsaVerifier, timestamp
from creditledger.tlog.note import NoteSigner, NoteVerifier, open_note
from creditledger.tlog.policy import Group, Policy, PolicyLog, Witness
from creditledger.tlog.tree import consistency_proof, subtree_proof, subtree_root
from creditledger.web.http import post
from creditledger.witness.asking import Asked, ask
from creditledger.witness.subtree_request import SignSubtree
from interop.logs import ORIGIN as GROWN_ORIGIN
from interop.logs import SIGNER, Grown
from interop.peers import Peer
from interop.programs import litewitness, omniwitness, our_witness, skey, tessera_append
from support.registry import CONTENT_KEY, ORIGIN, Registry, listing, signer
from support.witness import Now, copied, witnesses

pytestmark = pytest.mark.interop

LOG = NoteVerifier(ORIGIN, signer("log").public_key[1:])
GROWN = Grown(700)
TESSERA = {kind: NoteSigner(f"tessera.example/{kind}", bytes(range(32))) for kind in ("ed25519", "ml-dsa-44")}


@pytest.fixture(scope="module")
def others(go_programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Witness]]:
    """omniwitness with its two keys, and litewitness; they know our ledger and the log of numbered leaves."""
    scratch = tmp_path_factory.mktemp("witnesses")
    logs = {ORIGIN: LOG.vkey, GROWN_ORIGIN: SIGNER.verifier.vkey}
    with (
        omniwitness(go_programs, scratch, "omni.example/w1", list(logs.values())) as omni,
        litewitness(go_programs, scratch, "lite.example/w1", logs) as lite,
    ):
        yield [*omni, lite]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Witness]]:
    """Our witness, which knows the log of numbered leaves and two of Tessera's."""
    logs = [SIGNER.verifier.vkey, *(log.verifier.vkey for log in TESSERA.values())]
    with our_witness(tmp_path_factory.mktemp("own"), "own.example/w1", logs) as found:
        yield found


def all_of(witnesses: list[Witness], logs: tuple[PolicyLog, ...] = ()) -> Policy:
    names = tuple(one.name for one in witnesses)
    return Policy(
        logs=logs, witnesses=tuple(witnesses), groups=(Group("everybody", len(names), names),), quorum="everybody"
    )


def ask_about(size: int, witnesses: list[Witness], known: dict[str, int]) -> list[Asked]:
    return ask(
        witnesses, GROWN.checkpoint(size), log_verifiers=[SIGNER.verifier], known=known, timeout=10.0,
        prove=lambda old, new: consistency_proof(GROWN.reader(new), old, new), now=time.time,
    )  # fmt: skip


def opened(registry: Registry, policy: Policy, post_quantum: MlDsaSigner | None = None) -> Ledger:
    return Ledger.open(
        registry.directory, log_signer=signer("log"), content_key=CONTENT_KEY, head_dir=registry.heads,
        clock=registry.clock, witnesses=policy, post_quantum_signer=post_quantum, witness_timeout=10.0,
    )  # fmt: skip


def founded(place: Path) -> Registry:
    registry = Registry(place)
    registry.clock = Now()
    registry.create().close()
    return registry


def test_others_cosign_our_ledger_as_it_grows(others: list[Witness], tmp_path: Path, go: Peer) -> None:
    registry = founded(tmp_path / "new")
    old = copied(tmp_path / "new", tmp_path / "old")
    policy = all_of(others, (PolicyLog(LOG.vkey),))
    post_quantum = MlDsaSigner(ORIGIN, bytes(range(32)), lambda: int(time.time()))
    with opened(registry, policy, post_quantum) as ledger:
        for number in range(3):
            appended = ledger.append(listing(number), signer=signer("court"))
            done = ledger.cosign(10.0)
            assert done.quorum_problem == "", done
            assert [one.name for one in done.signatures] == [ORIGIN, ORIGIN, *(one.verifier().name for one in others)]
            assert all(abs(timestamp(one) - time.time()) < 60 for one in done.signatures[2:])
        checkpoint, size = ledger.checkpoint, done.size
        receipt = prove(ledger, appended)
        trust = Trust(ORIGIN, ledger.ledger_id, (LOG.vkey, post_quantum.verifier.vkey), (), all_of(others))
    # The policies of others are met by it, too; Torchwood's at this version knows no ML-DSA keys.
    classic = [one for one in others if len(one.verifier().public_key) == 32]
    with_log = all_of(classic, (PolicyLog(LOG.vkey),)).to_text().encode()
    assert go.ask("policy.torchwood", policy=with_log, note=checkpoint).fields["size"] == size
    without_log = all_of(others).to_text().encode()
    for kind in ("policy.formats", "policy.tessera"):
        go.ask(kind, policy=without_log, note=checkpoint)
    # What is in a receipt is a proof file for others, and theirs is one for us, down to the witnesses' cosignatures.
    assert isinstance(report := check(receipt, trust), ProofReport)
    assert report.exit_code == 0
    found = ReceiptFile.from_bytes(receipt)
    for proof, item in zip(found.proofs(), found.items, strict=True):
        file = proof.to_bytes()
        go.ask("proof.verify_torchwood", policy=with_log, leaf=item.record, file=file)
        made = go.ask("proof.make_torchwood", index=proof.index, proof=proof.hashes, note=found.note).data("file")
        assert isinstance(report := check(made, trust, record=item.record), ProofReport)
        assert report.exit_code == 0
    # They remember: an old backup, to whose operator everything looks well, signs nothing any more.
    with pytest.raises(VerificationFailed, match="LED-HEAD") as refused:
        opened(old, policy)
    assert refused.value.expected == f"size {size}"


def test_a_checkpoint_with_many_cosignatures_is_still_taken(go_programs: Path, tmp_path: Path) -> None:
    """Post-quantum lines have 3.3 KB each; litewitness reads requests of up to 10 KiB, omniwitness of up to 16."""
    registry = founded(tmp_path)
    names = tuple(f"pq{n}.example/w" for n in range(5))
    with (
        omniwitness(go_programs, tmp_path, "omni.example/w2", [LOG.vkey]) as omni,
        litewitness(go_programs, tmp_path, "lite.example/w2", {ORIGIN: LOG.vkey}) as lite,
        witnesses(*names, post_quantum=names) as fakes,
        opened(registry, all_of([*omni, lite, *(one.witness for one in fakes)])) as ledger,
    ):
        assert ledger.cosign(10.0).quorum_problem == ""
        assert len(ledger.checkpoint) > 16_384
        again = ledger.cosign(10.0)
    assert {one.problem for one in again.asked} == {""}


def test_others_learn_from_us_where_they_stand(others: list[Witness]) -> None:
    """A witness of which nothing is known is asked from 0, answers with its size, and is asked from there."""
    for asked in ask_about(300, others, {}):
        assert asked.signatures, asked.problem
    for asked in ask_about(700, others, {}):
        assert asked.signatures, asked.problem
        assert asked.size == 300


def test_others_refuse_what_is_older_and_say_so(others: list[Witness]) -> None:
    ask_about(700, others, {})
    for asked in ask_about(299, others, {}):
        assert not asked.signatures
        assert asked.size == 700
        assert "700" in asked.problem


@pytest.mark.parametrize(("start", "end"), [(0, 1), (256, 512), (512, 700), (699, 700), (0, 700)])
def test_subtrees_are_signed_by_others_and_by_us(
    others: list[Witness], own: list[Witness], go: Peer, start: int, end: int
) -> None:
    reader = GROWN.reader(700)
    root = subtree_root(reader, start, end)
    proof = tuple(subtree_proof(reader, (start, end), (0, 700)))
    for witness in (others[1], own[1]):
        (asked,) = ask_about(700, [witness], {})
        cosigned = GROWN.checkpoint(700) + asked.signatures[0].to_bytes()
        body = SignSubtree(start, end, root, proof, cosigned).to_bytes()
        answer = post(f"{witness.url}/sign-subtree", body, 10_000)
        assert answer.status == 200, answer.body
        name, encoded = answer.body.decode().removeprefix("— ").split()
        verifier = witness.verifier()
        assert isinstance(verifier, MlDsaVerifier)
        assert name == verifier.name
        signature = b64decode(encoded)[4:]
        verifier.verify_subtree(GROWN_ORIGIN, start, end, root, signature)
        signed = {"name": GROWN_ORIGIN, "start": start, "end": end, "root": root, "sig": signature}
        go.ask("mldsa.verify_subtree", vkeys=[witness.vkey], time=0, **signed)


@pytest.mark.parametrize("kind", ["ed25519", "ml-dsa-44"])
def test_our_witness_cosigns_for_a_log_of_tessera(
    own: list[Witness], go_programs: Path, tmp_path: Path, kind: str
) -> None:
    policy = tmp_path / "policy"
    # Tessera knows one key for each URL.
    asked = [own[["ed25519", "ml-dsa-44"].index(kind)]]
    log = TESSERA[kind]
    policy.write_bytes(all_of(asked).to_text().encode())
    key = skey(log.verifier.name, log.verifier.key_id, bytes(range(32)))
    made = 0
    for count in (1, 255, 1, 300):
        done = tessera_append(go_programs, tmp_path / "log", key, made, count, policy)
        assert done.returncode == 0, done.stderr
        made += count
        note = (tmp_path / "log" / "checkpoint").read_bytes()
        signed = open_note(note, [log.verifier, *(one.verifier() for one in asked)])
        assert signed.text.split(b"\n")[1] == b"%d" % made
        all_of(asked).require(signed.signatures)
        assert len(signed.signatures) == 2


def test_tessera_does_not_publish_what_our_witness_does_not_know(
    own: list[Witness], go_programs: Path, tmp_path: Path
) -> None:
    policy = tmp_path / "policy"
    policy.write_bytes(all_of([own[0]]).to_text().encode())
    stranger = NoteSigner("stranger.example", bytes(range(32))).verifier
    key = skey(stranger.name, stranger.key_id, bytes(range(32)))
    done = tessera_append(go_programs, tmp_path / "log", key, 0, 1, policy)
    assert done.returncode != 0
    assert "404" in done.stderr
