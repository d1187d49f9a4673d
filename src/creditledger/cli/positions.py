"""Where a key stands in a ledger, taken over into its sequence file before it signs."""

from __future__ import annotations

from pathlib import Path

from creditledger.client.sequence import SequenceFile
from creditledger.errors import UsageError
from creditledger.keys.keyfile import format_public_key
from creditledger.keys.signer import Signer
from creditledger.ledger.ledger import Ledger


def sequence_of(key: Path, signer: Signer, ledger: Ledger) -> SequenceFile:
    """The sequence file beside the key, brought up to what the ledger has recorded of it.

    Raises `UsageError` when the key is not registered there, `SequenceConflict` when file and ledger contradict.
    """
    head = ledger.key_head(signer.public_key)
    if head is None:
        raise UsageError(
            f"the key {format_public_key(signer.public_key)} in {key} is not registered in {ledger.origin} for "
            "signing entries; register it with key.add/1, or use another key"
        )
    sequence = SequenceFile.beside(key, signer.public_key)
    sequence.adopt(ledger.ledger_id, head.next_seq, head.prev, head.seen_size)
    return sequence
