"""Whether the log that a writer opened is the one to go on from (DESIGN: P4): the log against its own last checkpoint,
against the head kept outside its directory, and the log key against the ledger's register."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from creditledger.errors import CannotVerify, UsageError, VerificationFailed
from creditledger.keys import ed25519
from creditledger.ledger.founding import LogSigner
from creditledger.ledger.layout import Description
from creditledger.ledger.log import Log, parse_checkpoint
from creditledger.rules.governance_state import Governance
from creditledger.store.head import Head, HeadStore
from creditledger.tlog.checkpoint import open_checkpoint
from creditledger.tlog.note import KEY_ID_BYTES, NoteVerifier, Signature, decode_base64

_logger = logging.getLogger("creditledger")


def check_last_checkpoint(log: Log, size: int, root: bytes) -> bytes:
    """The log's last checkpoint covers exactly these records; returns the signed note.

    Raises `VerificationFailed`: LED-CKPT, LED-TREE.
    """
    last = log.checkpoint()
    if last is None or last[0] != size:
        raise VerificationFailed(
            "LED-CKPT", "the last checkpoint does not cover the log",
            expected=f"size {size}", found=f"size {last[0]}" if last else "none",
        )  # fmt: skip
    checkpoint = parse_checkpoint(last[1])
    if (checkpoint.size, checkpoint.root) != (size, root):
        raise VerificationFailed(
            "LED-TREE", "the log is not the one its last checkpoint was signed for",
            expected=f"{checkpoint.size} {checkpoint.root.hex()}", found=f"{size} {root.hex()}",
        )  # fmt: skip
    return last[1]


def claim_head(heads: HeadStore, log: Log, ledger_id: bytes, size: int) -> None:
    """Claims the head kept outside, and checks that the log extends it.

    Raises `Locked` when another writer holds it, `VerificationFailed` (LED-HEAD) when this machine has signed more than
    the log holds or something else, `CannotVerify` when it has never signed for the ledger.
    """
    check_head(heads.claim(ledger_id), log, size)


def check_head(head: Head | None, log: Log, size: int) -> None:
    """The log extends the head that is kept outside; raises as `claim_head`."""
    if head is None:
        raise CannotVerify(
            "this machine has never signed for this ledger, so it cannot know whether the directory is the newest "
            "state of it: restore it here from an export (`creditledger restore --log-key`), which records the head"
        )
    if head.size > size:
        raise VerificationFailed(
            "LED-HEAD",
            "the directory is older than what was signed here last: an old backup or copy; "
            "catch up from an export or a mirror, or found a new ledger that cites the old head",
            expected=f"size {head.size}", found=f"size {size}",
        )  # fmt: skip
    found = log.root_at(head.size)
    if found != head.root:
        raise VerificationFailed(
            "LED-HEAD", f"the log has another history than the one signed here at size {head.size}",
            expected=head.root.hex(), found=found.hex() if found else "none",
        )  # fmt: skip


def check_log_keys(
    governance: Governance, description: Description, signers: Sequence[LogSigner], note: bytes
) -> dict[bytes, LogSigner]:
    """The last checkpoint is signed by a log key of the ledger, and the keys to sign with are such, one in force.

    Returns the signers whose keys are in force, by key (33 bytes). Raises `VerificationFailed` (LED-CKPT) and
    `UsageError`.
    """
    keys = {key: row for key, row in governance.keys.items() if row.role == "log"}
    open_checkpoint(note, log_verifiers(governance, description.origin), description.origin)
    in_force: dict[bytes, LogSigner] = {}
    revoked: list[str] = []
    for signer in signers:
        key = b"\x01" + signer.verifier.public_key
        row = keys.get(key)
        if row is None:
            raise UsageError(
                f"the key {key.hex()[:18]}… that is to sign checkpoints is not a log key of this ledger; "
                "open the ledger with a log key in force"
            )
        if row.revoked is None:
            in_force[key] = signer
        else:
            revoked.append(f"the key {key.hex()[:18]}… that is to sign checkpoints was revoked at record {row.revoked}")
    if not in_force:
        raise UsageError(f"{'; '.join(revoked)}; open the ledger with a log key in force")
    for sentence in revoked:
        _logger.warning("%s, and signs no more", sentence)
    return in_force


def log_verifiers(governance: Governance, origin: str) -> list[NoteVerifier]:
    """The log keys that the ledger has registered, revoked or not: what verifies its checkpoints of any age."""
    return [NoteVerifier(origin, key[1:]) for key, row in governance.keys.items() if row.role == "log"]


def log_part(note: bytes, origin: str) -> bytes:
    """A checkpoint with the Ed25519 signatures of the log alone: short enough for what keeps it outside."""
    text, separator, block = note.rpartition(b"\n\n")
    lines = [
        line
        for line in map(signature_line, block.splitlines())
        if line.name == origin and len(line.signature) == ed25519.SIGNATURE_BYTES
    ]
    return text + separator + b"".join(line.to_bytes() for line in lines)


def signature_line(line: bytes) -> Signature:
    """A signature line of a note that was read before."""
    _, name, encoded = line.decode().split(" ")
    blob = decode_base64(encoded, "a signature")
    return Signature(name, blob[:KEY_ID_BYTES], blob[KEY_ID_BYTES:])
