#!/usr/bin/env python3
"""Make the proofs of version 1 that every later version must verify: tests/fixtures/proofs-v1/.

    python tools/make_proof_fixtures.py

Run once. The ledger is tests/fixtures/v1/story.ledger; witnesses, desk and post-quantum key follow from fixed seeds, so
every file comes out the same again but `post-quantum.receipt`: ML-DSA-44 signatures are drawn anew each time.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from creditledger.acts.kinds import Subject
from creditledger.audit.trust import Trust
from creditledger.demo import generated
from creditledger.ledger.ledger import Ledger
from creditledger.receipts import fork, make
from creditledger.receipts.acknowledgement import (
    Acknowledgement,
    Malformed,
    Outcome,
    Recorded,
    Refusal,
    Unrecorded,
    desk_vkey,
    sign_acknowledgement,
)
from creditledger.receipts.formats import ExtensionFile, ReceiptFile
from creditledger.record.entry import entry_hash
from creditledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from creditledger.tlog.cosignature import CosignatureSigner, MlDsaSigner
from creditledger.tlog.note import NoteSigner, Signer
from creditledger.tlog.policy import Group, Policy, Witness
from creditledger.transfer.restore import restore_ledger

SOURCE = Path(__file__).parent.parent / "tests/fixtures/v1/story.ledger"
TARGET = Path(__file__).parent.parent / "tests/fixtures/proofs-v1"
GOLDEN = "golden.json"
CONTENT_KEY = bytes(range(32))
COSIGNED_AT = 1_717_200_000
"""2024-06-01T00:00:00Z, after the last record of the story."""
WITNESSES = ("ombudsman", "press", "university")
DRAWN = "post-quantum.receipt"


def seed(name: str) -> bytes:
    """The seed of the key of that name."""
    return generated.Draws(1, f"key/{name}").bytes(32)


def witness(name: str) -> CosignatureSigner:
    """The witness of that name."""
    return CosignatureSigner(f"{name}.example/witness", seed(f"witness-{name}"), lambda: COSIGNED_AT)


def with_signatures(note: bytes, *signers: Signer) -> bytes:
    """The note with more signatures."""
    text = note[: note.rindex(b"\n\n") + 1]
    return note + b"".join(one.sign(text).to_bytes() for one in signers)


def make_all(scratch: Path) -> tuple[dict[str, bytes], dict[str, list[str | int]]]:
    """Every file by its name, and of each proof the trust file to check it by and the exit code."""
    restore_ledger(SOURCE, scratch / "ledger", content_key=CONTENT_KEY, head_dir=scratch / "heads")
    with Ledger.open(scratch / "ledger", head_dir=scratch / "heads") as ledger:
        return _proofs(ledger)


def _proofs(ledger: Ledger) -> tuple[dict[str, bytes], dict[str, list[str | int]]]:
    log = NoteSigner(ledger.origin, seed("log"))
    quantum = MlDsaSigner(ledger.origin, seed("post-quantum"), lambda: COSIGNED_AT)
    cosigning = [witness(name) for name in WITNESSES]
    members = tuple(Witness(name, one.verifier.vkey) for name, one in zip(WITNESSES, cosigning, strict=True))
    policy = Policy(witnesses=members, groups=(Group("two", 2, WITNESSES),), quorum="two")
    desk = generated.signer(1, "desk")
    plain = Trust(ledger.origin, ledger.ledger_id, (log.verifier.vkey,))
    full = Trust(ledger.origin, ledger.ledger_id, plain.log_keys, (desk_vkey(ledger.origin, desk),), policy)
    strict = Trust(ledger.origin, ledger.ledger_id, (*plain.log_keys, quantum.verifier.vkey), (), policy)

    size = ledger.size
    subject, list_id = _somebody(ledger)
    act = ReceiptFile.from_bytes(make.prove(ledger, size - 1))
    cosigned = with_signatures(act.note, *cosigning[:2])
    act = act._replace(note=cosigned)
    history = ReceiptFile.from_bytes(make.prove_history(ledger, subject, list_id))._replace(note=cosigned)
    root = ledger.log.root_at(size // 2) or b""
    old = sign_checkpoint(Checkpoint(ledger.origin, size // 2, root), log)
    extension = ExtensionFile.from_bytes(make.extend(ledger, old))._replace(new=cosigned)
    other = sign_checkpoint(Checkpoint(ledger.origin, size // 2, bytes(range(32))), log)
    evidence = fork.make(plain, other, act.note, ledger.log.tiles(size))
    if evidence is None:
        raise ValueError("two checkpoints of one size with different roots must be a fork")

    said: dict[str, Outcome] = {
        "recorded": Recorded(size - 1, size),
        "refused": Refusal("R-MANDATE", 0, "district-court-1 holds no mandate for this", "a mandate in force"),
        "malformed": Malformed("the bytes end before the value does"),
        "unrecorded": Unrecorded("it came with others, of which one was refused"),
    }
    digest = entry_hash(ledger.record(size - 1).entry)
    files = {
        "plain.trust": plain.to_text().encode(),
        "full.trust": full.to_text().encode(),
        "strict.trust": strict.to_text().encode(),
        "act.receipt": act.to_bytes(),
        "history.receipt": history.to_bytes(),
        DRAWN: act._replace(note=with_signatures(cosigned, quantum)).to_bytes(),
        "later.extension": extension.to_bytes(),
        "two-histories.fork": evidence,
        "last.tlog-proof": act.items[0].head + act.note,
        "last.record": act.items[0].record,
    }
    verdicts: dict[str, list[str | int]] = {
        "act.receipt": ["full.trust", 0], "history.receipt": ["full.trust", 0], DRAWN: ["strict.trust", 0],
        "later.extension": ["full.trust", 0], "two-histories.fork": ["plain.trust", 3],
        "last.tlog-proof": ["full.trust", 0],
    }  # fmt: skip
    for name, outcome in said.items():
        is_entry = name != "malformed"
        acknowledgement = Acknowledgement(
            ledger.origin, ledger.ledger_id, is_entry, digest if is_entry else bytes(32),
            COSIGNED_AT * 1_000_000 + 123_456, outcome,
        )  # fmt: skip
        files[f"{name}.ack"] = sign_acknowledgement(acknowledgement, desk)
        verdicts[f"{name}.ack"] = ["full.trust", 0]
    return files, verdicts


def _somebody(ledger: Ledger) -> tuple[Subject, str]:
    """Whoever has the longest history."""
    found = (
        (len(ledger.history(subject, list_id)), str(subject), subject, list_id)
        for list_id in sorted(ledger.governance.lists)
        for subject, _, _ in ledger.members(list_id, every=True)
    )
    _, _, subject, list_id = max(found)
    return subject, list_id


def main(arguments: list[str]) -> int:
    """Make the files anew."""
    if arguments:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    with tempfile.TemporaryDirectory() as temporary:
        files, verdicts = make_all(Path(temporary))
    TARGET.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (TARGET / name).write_bytes(data)
    (TARGET / GOLDEN).write_text(json.dumps(verdicts, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
