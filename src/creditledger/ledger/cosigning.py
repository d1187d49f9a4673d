"""Cosigning: the newest checkpoint gets the signatures that are not made at each commit (DESIGN: P4).

Those are the post-quantum one of the log, which costs as much as a commit, those of log keys that were not at hand, and
the cosignatures of witnesses. All of them are over the text that the log has signed already. Before anything is signed,
that text is held against the root as computed anew from the stored records, so that no second root of a size is ever
signed. Then the witnesses are asked while others may append; and at last the lines are merged into the stored
checkpoint, whose text stays as it is. That row of the log changes in no other way. Cosignatures whose time the dates of
the records contradict are left out (see `dating`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from creditledger.errors import CannotVerify, StoreError, VerificationFailed
from creditledger.ledger.dating import drop_contradicted, earliest_next
from creditledger.ledger.heads import check_head, check_last_checkpoint, log_verifiers, signature_line
from creditledger.ledger.log import seq_key
from creditledger.ledger.opening import Parts
from creditledger.ledger.witnessing import warn
from creditledger.tlog.checkpoint import open_checkpoint
from creditledger.tlog.note import MAX_SIGNATURES, Signature, Verifier, open_note

if TYPE_CHECKING:
    from creditledger.witness.asking import Asked

MAX_CHECKPOINT_BYTES = 65_535
"""Longest signed checkpoint in the log: what an export can carry (format v1, section 12)."""

_TIMESTAMP_BYTES = 8


class Cosigned(NamedTuple):
    """What `Ledger.cosign` came to.

    `size` of the checkpoint; `signatures` that it bears now by the log and by witnesses of the policy, all verified;
    `asked` what became of each witness that was asked; `quorum_problem` what the policy still lacks, empty if it is met
    or there is none.
    """

    size: int
    signatures: tuple[Signature, ...]
    asked: tuple[Asked, ...]
    quorum_problem: str


def cosign(parts: Parts, timeout: float) -> Cosigned:
    """Has the newest checkpoint signed by everybody who is to sign it; see `Ledger.cosign`."""
    writer, witnesses = parts.writer, parts.witnesses
    if writer is None:
        raise StoreError("the ledger is open to read; open it with the log key's signer")
    with parts.state_lock:
        writer.require_sound()
        size, note = _sound_checkpoint(parts)
        governance = parts.state.governance
        logs = log_verifiers(governance, parts.description.origin)
        everybody: list[Verifier] = [*logs, *_post_quantum(parts)]
        everybody += [] if witnesses is None else witnesses.policy.verifiers()
        open_checkpoint(note, logs, parts.description.origin)
        opened = open_note(note, everybody)
        made = _log_signatures(parts, opened.text, {(one.name, one.key_id) for one in opened.signatures})
    order = [(one.name, one.key_id) for one in everybody]
    asked: Sequence[Asked] = ()
    if witnesses is not None:
        asked = witnesses.ask(merged(note, made, order), size, governance, timeout)
    with parts.state_lock:
        writer.require_sound()
        asked = drop_contradicted(asked, parts.log, size)
        made += [line for one in asked for line in one.signatures]
        stored = _store(parts, size, opened.text, made, order)
        if witnesses is not None:
            writer.date_from(earliest_next(stored, witnesses.policy))
            try:
                witnesses.require_no_proof(asked, parts.state.governance)
            except VerificationFailed as proof:
                writer.stop(proof)
                raise
    warn(asked)
    signatures = open_note(stored, everybody).signatures
    problem = ""
    if witnesses is not None:
        try:
            witnesses.policy.require(signatures)
        except CannotVerify as lacking:
            problem = str(lacking)
    return Cosigned(size, signatures, tuple(asked), problem)


def _sound_checkpoint(parts: Parts) -> tuple[int, bytes]:
    """The newest checkpoint as stored, which says what the stored records make; raises `VerificationFailed`."""
    log = parts.log
    builder, _ = log.builder()
    size, root = builder.size, builder.root()
    note = check_last_checkpoint(log, size, root)
    kept = log.root_at(size)
    if kept != root:
        raise VerificationFailed(
            "LED-TREE", "the stored records are not those that were signed since the ledger was opened",
            expected=kept.hex() if kept else f"{log.checked_size} records", found=root.hex(),
        )  # fmt: skip
    log.record(size - 1)  # Where a tile has just become full, the root rests on tiles alone.
    if parts.heads is not None:
        check_head(parts.heads.load(parts.description.ledger_id), log, size)
    return size, note


def _post_quantum(parts: Parts) -> list[Verifier]:
    return [] if parts.post_quantum is None else [parts.post_quantum.verifier]


def _log_signatures(parts: Parts, text: bytes, present: set[tuple[str, bytes]]) -> list[Signature]:
    """The signatures of the log's own keys that are missing, or have a time that goes on."""
    signers = () if parts.writer is None else parts.writer.log_signers()
    made = [line for line in (signer.sign(text) for signer in signers) if (line.name, line.key_id) not in present]
    if parts.post_quantum is not None:
        line = parts.post_quantum.sign(text)
        parts.post_quantum.verifier.verify(text, line.signature)
        made.append(line)
    return made


def _store(
    parts: Parts, size: int, text: bytes, made: Sequence[Signature], order: Sequence[tuple[str, bytes]]
) -> bytes:
    """Adds the signatures to the stored checkpoint of a size, durably; returns it as it is now."""
    engine, key = parts.log.engine, seq_key(size)
    with engine.snapshot() as snapshot:
        stored = snapshot.get("checkpoint", key) or b""
    if not stored.startswith(text + b"\n"):
        raise VerificationFailed(
            "LED-CKPT", f"the stored checkpoint of size {size} was changed while witnesses were asked",
            expected=repr(text), found=repr(stored[: len(text)]),
        )  # fmt: skip
    row = merged(stored, made, order)
    if row != stored:
        with engine.batch() as batch:
            batch.put("checkpoint", key, row)
    return row


def merged(note: bytes, made: Iterable[Signature], order: Sequence[tuple[str, bytes]]) -> bytes:
    """A signed checkpoint with more signatures: of each key one, that with the latest time; its text is unchanged.

    Args:
        note: the checkpoint, of whose signatures none is dropped but to make room.
        made: the new signatures.
        order: name and key id of the keys, the most important first; others follow as they stand. Those with the name
            of the log come before all others. From the end, what is beyond 100 signatures or 65,535 bytes is left out.
    """
    text, separator, block = note.rpartition(b"\n\n")
    lines: dict[tuple[str, bytes], Signature] = {}
    for line in (*map(signature_line, block.splitlines()), *made):
        known = lines.get((line.name, line.key_id))
        if known is None or line.signature[:_TIMESTAMP_BYTES] >= known.signature[:_TIMESTAMP_BYTES]:
            lines[line.name, line.key_id] = line
    rank = {key: number for number, key in enumerate(order)}
    origin = text.partition(b"\n")[0].decode()
    room = MAX_CHECKPOINT_BYTES - len(text) - len(separator)
    kept: list[bytes] = []
    for key in sorted(lines, key=lambda one: (one[0] != origin, rank.get(one, len(rank)))):
        data = lines[key].to_bytes()
        if len(data) <= room and len(kept) < MAX_SIGNATURES:
            kept.append(data)
            room -= len(data)
    return text + separator + b"".join(kept)
