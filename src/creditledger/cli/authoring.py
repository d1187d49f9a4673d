"""What `sign` and `append` share: telling drafts from signed files, showing what is signed, asking, trying it out."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterable
from pathlib import Path

import click

from creditledger.acts.catalogue import AuthorityClose, KeyAdd
from creditledger.acts.kinds import ActRef
from creditledger.cli import output
from creditledger.client.files import read_bounded
from creditledger.client.phrases import fingerprint
from creditledger.client.sequence import Pending
from creditledger.client.submission import MAX_SUBMISSION_BYTES, Submission
from creditledger.client.words import describe_entry
from creditledger.errors import LedgerError, Refused, UsageError
from creditledger.keys.keyfile import format_public_key
from creditledger.ledger.ledger import Ledger
from creditledger.ledger.trial import Trial
from creditledger.record.entry import Entry, decode_entry, entry_hash
from creditledger.rules.rows import ROOT

_RECORD = re.compile(r"\brecord ([0-9]{1,15})\b")


def is_draft(file: Path) -> bool:
    """Whether a file is meant to be a JSON draft; else, and if there is nothing in it, it is read as a signed file."""
    head = read_bounded(file, MAX_SUBMISSION_BYTES, "the file")[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    return head[:1] in (b"{", b"[")


def act_at(ledger: Ledger, seq: int, index: int) -> ActRef:
    """The reference to act `index` of record `seq`, as drafts may write it: `17.0`. `UsageError` if there is none."""
    size = ledger.size
    if seq >= size:
        raise UsageError(f"there is no record {seq}; the ledger's last one is {size - 1}")
    data = ledger.record(seq).entry
    acts = len(decode_entry(data).acts)
    if index >= acts:
        raise UsageError(f"record {seq} has acts 0 to {acts - 1}; there is no {seq}.{index}")
    return ActRef(entry_hash(data), index)


def show_entry(entry: Entry, notes: Iterable[str] = (), *, unsigned: Collection[bytes], quiet: bool) -> None:
    """Says in words what an entry says; `unsigned` are the keys that have not signed it."""
    if not quiet:
        for line in (*describe_entry(entry, unsigned=unsigned), *notes):
            output.say(line)


def go_on(question: str, *, yes: bool, dry_run: bool) -> bool:
    """Whether to go on: asks at a terminal unless `yes`; not with `dry_run`. Raises `UsageError` with nobody to ask."""
    if dry_run:
        return False
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError("nobody is at a terminal to confirm; read the words above and add --yes")
    if not click.confirm(question, err=True):
        output.say("Nothing was signed.")
        raise click.exceptions.Exit(1)
    return True


def try_out(ledger: Ledger, entry: Entry, pending: Iterable[Pending] = (), *, gap: bool = False) -> None:
    """Judges an entry as append would, after those of its key that are signed and wait, where their files are there.

    With `gap`, entries of its key may be missing in between. Raises `Refused` with what would help as a note, and
    `UsageError` for an entry that is recorded already.
    """
    with ledger.trial() as attempt:
        for one in pending:
            before = _written(one)
            if before is None:
                gap = True
            else:
                try:
                    attempt.judge(before, gap=gap)
                except LedgerError as error:
                    error.add_note(
                        f"This is entry number {one.author_seq} of the key ({one.file}): it is signed, and must be "
                        "recorded before what is to be signed now"
                    )
                    raise
        if judge(attempt, ledger, entry, gap=gap):
            raise UsageError("this entry is recorded already; nothing is left to sign")


def judge(attempt: Trial, ledger: Ledger, entry: Entry, *, gap: bool = False) -> bool:
    """`Trial.judge`, with a note of who could countersign where that is what an entry was refused for."""
    try:
        return attempt.judge(entry, gap=gap)
    except Refused as refusal:
        for line in _who_could_countersign(ledger, entry, refusal):
            refusal.add_note(line)
        size = ledger.size
        if any(int(number) >= size for number in _RECORD.findall(refusal.conflict)):
            refusal.add_note(
                f"The ledger has records 0 to {size - 1}: record {size} and those after it are the entries before this "
                "one in this call, or those of its key that wait to be recorded"
            )
        raise


def _written(one: Pending) -> Entry | None:
    """The entry that was signed under a number, if the file it was written to still holds it."""
    if one.file is None:
        return None
    try:
        submission = Submission.read(one.file)
    except LedgerError:
        return None  # Moved away, or sent and deleted: it is tried out without.
    return submission.entry if submission.digest == one.digest else None


def _who_could_countersign(ledger: Ledger, entry: Entry, refusal: Refused) -> list[str]:
    governance = ledger.governance
    act = None if refusal.act_index is None else entry.acts[refusal.act_index]
    wanted: list[tuple[str, bytes]] = []
    if refusal.rule == "R-ROOT" and entry.authority == ROOT:
        wanted = keys_of(ledger, ROOT, ("root",))
    elif refusal.rule == "R-KEY-POSSESSION" and isinstance(act, KeyAdd):
        wanted = [(act.authority, act.key)]
    elif refusal.rule == "R-CONSENT" and isinstance(act, AuthorityClose) and act.successor is not None:
        wanted = keys_of(ledger, act.successor, ("act", "admin"))
    elif refusal.rule == "R-CONSENT":
        row = governance.authorities.get(entry.authority)
        wanted = [] if row is None or row.parent is None else keys_of(ledger, row.parent, ("act",))
    named = {entry.key, *(key for _, key in entry.cosigners)}
    lines = [
        f'  {{"authority": "{who}", "key": "{format_public_key(key)}"}}   (key {fingerprint(key)})'
        for who, key in wanted
        if key not in named
    ]
    if not lines:
        return []
    return ['Who countersigns is named in the draft, under "cosigners"; these keys could:', *lines]


def keys_of(ledger: Ledger, authority: str, roles: Collection[str]) -> list[tuple[str, bytes]]:
    """The keys of an authority in one of the roles that are in force today, with its name, in order."""
    governance, today = ledger.governance, ledger.today()
    return sorted(
        (authority, key)
        for key, row in governance.keys.items()
        if row.authority == authority and row.role in roles and governance.key_in_force(key, ledger.size, today)
    )
