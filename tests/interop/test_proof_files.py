"""Proof files (c2sp.org/tlog-proof) and policies (c2sp.org/tlog-policy): Torchwood, transparency-dev and ours."""

from __future__ import annotations

from hashlib import sha256

import pytest

from creditledger.errors import CannotVerify, FormatError, LedgerError
from creditledger.tlog.checkpoint import Checkpoint, open_checkpoint
from creditledger.tlog.cosignature import CosignatureSigner
from creditledger.tlog.note import open_note
from creditledger.tlog.policy import Policy
from creditledger.tlog.proof_file import TlogProof
from creditledger.tlog.tree import inclusion_proof, leaf_hash
from interop.logs import ORIGIN, SIGNER, Grown, leaf, some_indices
from interop.peers import Peer, Refused

pytestmark = pytest.mark.interop

SIZES = (1, 2, 3, 8, 255, 256, 257, 300)
GROWN = Grown(max(SIZES))
WITNESSES = [
    CosignatureSigner(f"w{n}.example/w", sha256(b"witness %d" % n).digest(), lambda: 1_795_000_000) for n in range(3)
]


def policy_text(quorum: str, groups: str = "", *, log: bool = True) -> bytes:
    lines = [f"log {SIGNER.verifier.vkey}"] if log else []
    lines += [f"witness w{n} {one.verifier.vkey} https://w{n}.example/w" for n, one in enumerate(WITNESSES)]
    return "\n".join([*lines, *groups.splitlines(), f"quorum {quorum}", ""]).encode()


def cosigned(size: int, *by: int) -> bytes:
    """The checkpoint at a size, cosigned by the witnesses of these numbers."""
    text = Checkpoint(ORIGIN, size, GROWN.roots[size]).to_bytes()
    return GROWN.checkpoint(size) + b"".join(WITNESSES[number].sign(text).to_bytes() for number in by)


def check(file: bytes, index: int) -> None:
    """Our check of a proof file for the leaf of this number."""
    read = TlogProof.from_bytes(file)
    read.check(leaf_hash(leaf(index)), open_checkpoint(read.checkpoint, [SIGNER.verifier], ORIGIN))


@pytest.mark.parametrize("extra", [None, b"x", bytes(range(256))])
def test_proof_files_are_the_same_and_hold_on_both_sides(go: Peer, extra: bytes | None) -> None:
    policy = policy_text("w0")
    for size in SIZES:
        note = cosigned(size, 0)
        for index in some_indices(size):
            hashes = tuple(inclusion_proof(GROWN.reader(size), index, size))
            ours = TlogProof(index, hashes, note, extra).to_bytes()
            go.ask("proof.verify_torchwood", policy=policy, leaf=leaf(index), file=ours)
            made = go.ask("proof.make_torchwood", index=index, proof=hashes, note=note, extra=extra).data("file")
            assert made == ours
            check(made, index)


def test_proof_files_are_read_by_transparency_dev_and_theirs_by_us(go: Peer) -> None:
    for index in some_indices(300):
        hashes = tuple(inclusion_proof(GROWN.reader(300), index, 300))
        ours = TlogProof(index, hashes, cosigned(300, 0, 1), b"extra").to_bytes()
        read = go.ask("proof.read_formats", file=ours)
        assert read.fields["index"] == index
        assert read.list("proof") == list(hashes)
        assert read.data("note") == cosigned(300, 0, 1)
        assert read.data("extra") == b"extra"
        made = go.ask("proof.make_formats", index=index, proof=hashes, note=cosigned(300, 0, 1), extra=b"extra")
        assert TlogProof.from_bytes(made.data("file")).to_bytes() == ours


CHANGES = {
    "another version": (b"tlog-proof@v1", b"tlog-proof@v2"),
    "index with a sign": (b"index 17", b"index +17x"),
    "negative index": (b"index 17", b"index -1"),
    "no index": (b"index 17\n", b""),
    "another index": (b"index 17", b"index 18"),
    "short hash": (b"=\n", b"\n"),
    "another size": (b"\n300\n", b"\n299\n"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_both_refuse_the_same_wrong_proof_files(go: Peer, name: str) -> None:
    hashes = tuple(inclusion_proof(GROWN.reader(300), 17, 300))
    file = TlogProof(17, hashes, cosigned(300, 0)).to_bytes()
    before, after = CHANGES[name]
    changed = file.replace(before, after, 1)
    assert changed != file
    with pytest.raises(Refused):
        go.ask("proof.verify_torchwood", policy=policy_text("w0"), leaf=leaf(17), file=changed)
    with pytest.raises(LedgerError):
        check(changed, 17)


QUORUMS = {
    "one": ("w1", ""),
    "none": ("none", ""),
    "any": ("g", "group g any w0 w1 w2"),
    "all": ("g", "group g all w0 w1 w2"),
    "two": ("g", "group g 2 w0 w1 w2"),
    "nested": ("g", "group inner any w0 w1\ngroup g all inner w2"),
}


@pytest.mark.parametrize("name", QUORUMS)
def test_policies_come_to_the_same_verdict_for_every_set_of_cosigners(go: Peer, name: str) -> None:
    quorum, groups = QUORUMS[name]
    text = policy_text(quorum, groups)
    policy = Policy.from_bytes(text)
    assert Policy.from_bytes(policy.to_text().encode()) == policy
    for chosen in range(8):
        note = cosigned(300, *(number for number in range(3) if chosen >> number & 1))
        verdict = ours(policy, note)
        assert theirs(go, "policy.torchwood", text, note) == verdict, (chosen, verdict)
        assert theirs(go, "policy.torchwood", policy.to_text().encode(), note) == verdict, chosen
        if name != "none":
            for kind in ("policy.formats", "policy.tessera"):
                assert theirs(go, kind, policy_text(quorum, groups, log=False), note) == verdict, (kind, chosen)


def ours(policy: Policy, note: bytes) -> bool:
    try:
        policy.require(open_note(note, [SIGNER.verifier, *policy.verifiers()]).signatures)
    except CannotVerify:
        return False
    return True


def theirs(go: Peer, kind: str, policy: bytes, note: bytes) -> bool:
    try:
        go.ask(kind, policy=policy, note=note)
    except Refused as refused:
        if "policy:" in str(refused):
            raise  # It is the checkpoint that is judged here, not the policy.
        return False
    return True


W0, W1 = (f"witness w{n} {WITNESSES[n].verifier.vkey} https://w{n}.example/w" for n in range(2))
MALFORMED = {
    "no quorum": f"{W0}\n",
    "two quorums": f"{W0}\nquorum w0\nquorum w0\n",
    "unknown quorum": f"{W0}\nquorum w1\n",
    "unknown member": f"{W0}\ngroup g any w0 w9\nquorum g\n",
    "name twice": f"{W0}\n{W1.replace('witness w1', 'witness w0')}\nquorum w0\n",
    "threshold beyond the members": f"{W0}\ngroup g 2 w0\nquorum g\n",
    "threshold nought": f"{W0}\ngroup g 0 w0\nquorum g\n",
    "unknown keyword": f"{W0}\nobserver x\nquorum w0\n",
    "used before it is defined": f"group g any w0\n{W0}\nquorum g\n",
    "key of a log": f"witness w0 {SIGNER.verifier.vkey}\nquorum w0\n",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_both_refuse_the_same_malformed_policies(go: Peer, name: str) -> None:
    text = MALFORMED[name].encode()
    with pytest.raises(Refused, match="policy:"):
        go.ask("policy.torchwood", policy=text)
    with pytest.raises(FormatError):
        Policy.from_bytes(text)


def test_a_policy_with_comments_and_tabs_is_read_on_both_sides(go: Peer) -> None:
    text = policy_text("w0").replace(b" https", b"\thttps").replace(b"quorum", b"# who must have seen it\n\nquorum")
    assert ours(Policy.from_bytes(text), cosigned(300, 0))
    assert theirs(go, "policy.torchwood", text, cosigned(300, 0))
    assert not theirs(go, "policy.torchwood", text, cosigned(300, 1))
