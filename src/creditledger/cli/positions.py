"""Where a key stands in a ledger: taken over into its sequence file before it signs, printed, freed after expiry."""

from __future__ import annotations

from pathlib import Path

import click

from creditledger.cli import output
from creditledger.cli.authoring import go_on
from creditledger.client.phrases import count, fingerprint, moment
from creditledger.client.sequence import Pending, SequenceFile, free_from, next_position
from creditledger.errors import UsageError
from creditledger.keys.keyfile import format_public_key
from creditledger.keys.signer import Signer
from creditledger.ledger.founding import system_clock
from creditledger.ledger.ledger import Ledger
from creditledger.rules.rows import KeyHead


def head_of(key: Path, public_key: bytes, ledger: Ledger) -> KeyHead:
    """Where the chain of a key stands in the ledger; raises `UsageError` when the key is not registered there."""
    head = ledger.key_head(public_key)
    row = ledger.governance.keys.get(public_key)
    if row is not None and row.role == "log":
        raise UsageError(
            f"the key {format_public_key(public_key)} in {key} is a log key of {ledger.origin}: it signs checkpoints "
            "(--log-key) and nothing else; acts are signed with an act, admin or root key"
        )
    if head is None:
        raise UsageError(
            f"the key {format_public_key(public_key)} in {key} is not registered in {ledger.origin} for "
            "signing entries; register it with key.add/1, or use another key"
        )
    return head


def sequence_of(key: Path, signer: Signer, ledger: Ledger) -> SequenceFile:
    """The sequence file beside the key, brought up to what the ledger has recorded of it.

    Raises `UsageError` when the key is not registered there, `SequenceConflict` when file and ledger contradict.
    """
    head = head_of(key, signer.public_key, ledger)
    sequence = SequenceFile.beside(key, signer.public_key)
    sequence.adopt(ledger.ledger_id, *head)
    return sequence


def say_position(key: Path, public_key: bytes, ledger: Ledger, *, as_json: bool) -> None:
    """Prints the key's next number and the hash to cite, as `sign --adopt` takes them, and what waits of the key."""
    head = head_of(key, public_key, ledger)
    state = SequenceFile.beside(key, public_key).outlook(ledger.ledger_id, *head)
    if as_json:
        output.emit_json(
            {
                "key": format_public_key(public_key), "adopt": f"{head.next_seq}:{head.prev.hex()}",
                "next_seq": head.next_seq, "prev": head.prev.hex(), "pending": [_as_json(one) for one in state.pending],
            }
        )  # fmt: skip
        return
    click.echo(f"{head.next_seq}:{head.prev.hex()}")
    recorded = count(head.next_seq, "entry")
    output.say(f"The ledger has {recorded} of key {fingerprint(public_key)}.")
    for one in state.pending:
        output.say(waiting(one) + ".")
    if not state.pending:
        output.say("Where the ledger is not at hand: creditledger sign FILE --key KEY --trust TRUST --adopt N:HASH")


def give_up(key: Path, signer: Signer, ledger: Ledger, *, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Frees the numbers of signed entries that expired unrecorded; refuses while one of them could be recorded.

    A ledger with a record made after the expiry proves that they were not recorded before; without one it could be an
    old copy, so somebody has to say that it is none.
    """
    head = head_of(key, signer.public_key, ledger)
    sequence = SequenceFile.beside(key, signer.public_key)
    pending = sequence.outlook(ledger.ledger_id, *head).pending
    if not as_json:
        for one in pending:
            output.say(waiting(one) + ".")
    now = system_clock()
    next_position(sequence.outlook(ledger.ledger_id, *head), now, replace=True)
    if pending and not dry_run:
        last = ledger.record(ledger.size - 1).recorded_at
        if any(one.not_after >= last for one in pending):
            output.say(
                f"The last record of {ledger.origin} here was made on {moment(last)}, before that expired. If this is "
                "an old copy, the ledger itself may have it: then a second entry with its number is evidence against "
                "the key."
            )
            go_on("Is this the ledger itself, with every record made so far?", yes=yes, dry_run=False)
        sequence.adopt(ledger.ledger_id, *head)
        pending = sequence.void(ledger.ledger_id, now=now)
    if as_json:
        output.emit_json({"voided": [_as_json(one) for one in pending], "next_seq": head.next_seq})
    elif not pending:
        output.say(f"Nothing signed with key {fingerprint(signer.public_key)} waits to be recorded.")
    else:
        what = count(len(pending), "number")
        output.say(
            f"{what} would be given up (--dry-run)."
            if dry_run
            else f"{what} given up: what was signed has expired, and {ledger.origin} does not have it. The key's next "
            f"entry is number {head.next_seq}."
        )


def waiting(one: Pending) -> str:
    """A signed entry that is not recorded: which number, in which file, until when it can be."""
    where = "" if one.file is None else f" ({one.file})"
    if one.not_after < system_clock():
        return (
            f"Entry number {one.author_seq} of this key{where} expired at {moment(one.not_after)}, and is not known to "
            f"be recorded; its number is free from {free_from(one)} (5 minutes for clocks that differ)"
        )
    return (
        f"Entry number {one.author_seq} of this key{where} is signed and not recorded; it can be recorded until "
        f"{moment(one.not_after)}"
    )


def _as_json(one: Pending) -> dict[str, object]:
    return {
        "author_seq": one.author_seq, "entry_hash": one.digest.hex(), "not_after": moment(one.not_after),
        "file": one.file,
    }  # fmt: skip
