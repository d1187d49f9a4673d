"""The founding entry, and what signing by a ledger's own keys rests on."""

from __future__ import annotations

import time
from collections.abc import Sequence

from creditledger.acts.catalogue import LedgerCreate
from creditledger.keys.signer import Signer
from creditledger.record.entry import ZERO_HASH, Cosigner, Entry, encode_entry
from creditledger.rules.engine import RULE_SETS
from creditledger.rules.rows import ROOT
from creditledger.tlog.note import NoteVerifier, Signature

DEFAULT_RULE_SET = "rules-1"
DEFAULT_VALIDITY = 3600 * 1_000_000
"""How long an entry signed and appended at once is valid: one hour, in microseconds."""


def system_clock() -> int:
    """Microseconds since the Unix epoch, by the system's clock."""
    return time.time_ns() // 1000


class LogSigner:
    """A log key as a signer of checkpoints: the key's name is the ledger's origin (C2SP tlog-checkpoint)."""

    def __init__(self, origin: str, signer: Signer) -> None:
        self._signer = signer
        self.verifier = NoteVerifier(origin, signer.public_key[1:])

    def sign(self, text: bytes) -> Signature:
        """The signature line of a checkpoint's text."""
        return Signature(self.verifier.name, self.verifier.key_id, self._signer.sign(text))


def founding_entry(
    origin: str,
    log_signer: Signer,
    root_signers: Sequence[Signer],
    threshold: int | None,
    utc_offset: str,
    now: int,
) -> tuple[bytes, list[bytes]]:
    """The entry that founds a ledger, signed by every root key: its bytes and signatures.

    `threshold` root keys act together (None: more than half of them); `now` is in microseconds since the Unix epoch.
    Raises `FormatError` for an argument that cannot stand in an entry.
    """
    signers = sorted(root_signers, key=lambda signer: signer.public_key)
    founding = LedgerCreate(
        origin,
        utc_offset,
        (log_signer.public_key,),
        tuple(signer.public_key for signer in signers),
        len(signers) // 2 + 1 if threshold is None else threshold,
        DEFAULT_RULE_SET,
        RULE_SETS[DEFAULT_RULE_SET],
    )
    entry = Entry(
        ZERO_HASH,
        ROOT,
        signers[0].public_key if signers else b"",
        0,
        ZERO_HASH,
        tuple(Cosigner(ROOT, signer.public_key) for signer in signers[1:]),
        now + DEFAULT_VALIDITY,
        None,
        (founding,),
    )
    data = encode_entry(entry)
    return data, [signer.sign(data) for signer in signers]
