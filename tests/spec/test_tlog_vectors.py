"""The vectors of cosignatures, policies, proof files and requests to witnesses are current; the library obeys them."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from creditledger.errors import FormatError, LedgerError
from creditledger.tlog.add_checkpoint import AddCheckpoint
from creditledger.tlog.checkpoint import Checkpoint, open_checkpoint
from creditledger.tlog.cosignature import MlDsaVerifier, parse_verifier, parse_witness_verifier, timestamp
from creditledger.tlog.note import Verifier, open_note
from creditledger.tlog.policy import Policy, PolicyLog
from creditledger.tlog.proof_file import TlogProof

ROOT = Path(__file__).parents[2]
VECTORS: list[dict[str, Any]] = json.loads((ROOT / "src/creditledger/spec/vectors/tlog.json").read_text())


def label(item: dict[str, Any]) -> str:
    return f"{item['kind']}: {item['desc']}"


def test_vectors_are_what_the_script_makes() -> None:
    made = runpy.run_path(str(ROOT / "tools/make_tlog_vectors.py"))
    assert made["main"](["--check"]) == 0, "run tools/make_tlog_vectors.py"


def test_vectors_have_names_of_their_own_and_verdicts_of_every_sort() -> None:
    assert len({label(item) for item in VECTORS}) == len(VECTORS)
    verdicts: dict[str, set[int]] = {}
    for item in VECTORS:
        verdicts.setdefault(item["kind"], set()).add(item["exit"])
    assert verdicts == {
        "key": {0, 1, 13}, "note": {0, 1, 3}, "subtree": {0, 1, 3}, "policy": {0, 1, 13}, "quorum": {0, 3, 4},
        "proof": {0, 1, 3}, "add-checkpoint": {0, 1},
    }  # fmt: skip


def obey(item: dict[str, Any]) -> None:
    """Do with a vector what its kind says, and compare what it is said to tell; raises as the library does."""
    match item["kind"]:
        case "key":
            read = parse_witness_verifier if item["role"] == "witness" else lambda vkey: PolicyLog(vkey).verifier()
            read(item["vkey"])
        case "note":
            keys: list[Verifier] = [parse_verifier(vkey) for vkey in item["logs"]]
            keys += [parse_witness_verifier(vkey) for vkey in item["witnesses"]]
            note = open_note(item["note"].encode(), keys)
            Checkpoint.from_bytes(note.text)
            told = [timestamp(one) if len(one.signature) != 64 else None for one in note.signatures]
            assert told == item.get("times", told)
        case "subtree":
            verifier = parse_verifier(item["vkey"])
            assert isinstance(verifier, MlDsaVerifier)
            root, signature = bytes.fromhex(item["root"]), bytes.fromhex(item["signature"])
            verifier.verify_subtree(item["origin"], item["start"], item["end"], root, signature)
        case "policy":
            Policy.from_bytes(b"#" * item["fill"] + bytes.fromhex(item["policy_hex"]))
        case "quorum":
            policy = Policy.from_bytes(item["policy"].encode())
            keys = [*map(parse_verifier, item["logs"]), *policy.verifiers()]
            policy.require(open_note(item["note"].encode(), keys).signatures)
        case "proof":
            proof = TlogProof.from_bytes(item["file"].encode())
            try:
                head = open_checkpoint(proof.checkpoint, [parse_verifier(item["vkey"])], item["origin"])
            except FormatError:
                pytest.fail("the proof was read, but its checkpoint is malformed")
            proof.check(bytes.fromhex(item["leaf"]), head)
        case "add-checkpoint":
            request = AddCheckpoint.from_bytes(item["body"].encode())
            assert request.old == item["old"]
            assert [one.hex() for one in request.proof] == item["proof"]
            assert request.to_bytes() == item["body"].encode()


@pytest.mark.parametrize("item", VECTORS, ids=label)
def test_the_library_gives_the_verdict_of_the_vector(item: dict[str, Any]) -> None:
    if item["exit"] == 0:
        obey(item)
        return
    with pytest.raises(LedgerError) as caught:
        obey(item)
    assert caught.value.exit_code == item["exit"]
