"""Signing offline: as the author of an entry, and as one of its cosigners."""

from __future__ import annotations

import os
from collections.abc import Iterable

from creditledger.client.compose import DEFAULT_VALID_FOR, Prepared, compose, prepare
from creditledger.client.draft import Draft
from creditledger.client.phrases import fingerprint, moment
from creditledger.client.reader import Random
from creditledger.client.sequence import Position, SequenceFile
from creditledger.client.submission import Submission
from creditledger.errors import Refused, UsageError
from creditledger.keys.signer import Signer
from creditledger.ledger.receipt import ContentItem
from creditledger.record.entry import Entry, entry_hash


def sign_draft(
    draft: Draft | Prepared,
    signer: Signer,
    *,
    ledger_id: bytes,
    sequence: SequenceFile,
    now: int,
    valid_for: int = DEFAULT_VALID_FOR,
    seen: tuple[int, bytes] | None = None,
    replace: bool = False,
    random: Random = os.urandom,
) -> Submission:
    """Sign a draft as its author, and take the key's next number for it.

    To see what was drawn, and to show it before it is signed, `prepare` the draft first and pass the result.

    Args:
        draft: a draft, or one prepared.
        signer: the author's key.
        ledger_id: 32 bytes.
        sequence: the sequence file of the signer's key.
        now: microseconds since the Unix epoch; `valid_for`: microseconds from then on.
        seen: size and root (32 bytes) of a checkpoint that the author has verified, or None.
        replace: sign in place of expired entries that were not recorded.
        random: draws handles, case marks and nonces.

    Raises:
        FormatError: the draft has mistakes; no number was taken.
        UsageError, SequenceConflict, StoreError: as `compose` and `SequenceFile.reserve`; no number was taken.
        VerificationFailed: the signer made a signature that does not verify; the number was given back.
    """
    prepared = draft if isinstance(draft, Prepared) else prepare(draft, random=random)

    def build(position: Position) -> Entry:
        return compose(
            prepared.acts,
            ledger_id=ledger_id,
            authority=prepared.authority,
            key=signer.public_key,
            sequence=position,
            cosigners=prepared.cosigners,
            valid_for=valid_for,
            now=now,
            seen=seen,
        )

    data = sequence.reserve(ledger_id, build, now=now, replace=replace)
    return _sign(data, signer, ledger_id, sequence, prepared.contents)


def sign_entry(
    entry: Entry,
    signer: Signer,
    *,
    sequence: SequenceFile,
    now: int,
    contents: Iterable[ContentItem] = (),
    replace: bool = False,
    file: str | os.PathLike[str] | None = None,
) -> Submission:
    """Sign exactly this entry, made by `compose` and shown to its author, if its number is still the key's next.

    `file` is where it will be written, noted beside its number. Raises as `sign_draft`; `UsageError` also if another
    entry took the number meanwhile.
    """
    data = sequence.reserve(entry.ledger_id, lambda _: entry, now=now, replace=replace, file=file)
    return _sign(data, signer, entry.ledger_id, sequence, contents)


def countersign(submission: Submission, signer: Signer, *, now: int) -> Submission:
    """Sign a submission as one of the cosigners that its author named. Signing twice changes nothing.

    `now` is in microseconds since the Unix epoch. What is there is verified first, and the new signature too.

    Raises:
        UsageError: the key is not one of the entry's cosigners.
        Refused: R-ENTRY-EXPIRED, the entry can no longer be recorded.
        VerificationFailed: a signature that is there, or the one that the signer made, does not verify.
    """
    entry = submission.entry
    if signer.public_key == entry.key:
        raise UsageError(f"key {fingerprint(entry.key)} is the author's, and a key signs an entry once")
    if entry.not_after < now:
        raise Refused(
            "R-ENTRY-EXPIRED",
            f"the entry could be recorded until {moment(entry.not_after)}, and now is {moment(now)}",
            "the same acts signed afresh by their author, with a later not_after",
        )
    submission.check()
    submission.require_cosigner(signer.public_key)
    return submission.add_signature(signer.public_key, signer.sign(submission.data))


def _sign(
    data: bytes, signer: Signer, ledger_id: bytes, sequence: SequenceFile, contents: Iterable[ContentItem]
) -> Submission:
    """Sign what a number was taken for. If that fails, nobody has a signature, and the number is given back."""
    try:
        return Submission.make(data, signer.sign(data), contents)
    except BaseException:
        sequence.release(ledger_id, entry_hash(data))
        raise
