"""`creditledger append`: records drafts and signed entries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click

from creditledger.cli import options, output, pins
from creditledger.cli.answering import Answers, open_answers
from creditledger.cli.authoring import act_at, go_on, is_draft, judge, show_entry
from creditledger.cli.cosigning import cosign_at_end
from creditledger.cli.ledgers import open_rehearsal, open_writer
from creditledger.cli.positions import head_of, sequence_of, waiting
from creditledger.cli.suggesting import typed
from creditledger.client.compose import Prepared, compose, prepare
from creditledger.client.draft import load_draft
from creditledger.client.phrases import count, fingerprint
from creditledger.client.sequence import KeyState, Pending, SequenceFile, next_position
from creditledger.client.signing import countersign, sign_entry
from creditledger.client.submission import Submission
from creditledger.errors import FormatError, LedgerError, Refused, SequenceConflict, UsageError
from creditledger.keys.signer import Signer
from creditledger.ledger.founding import DEFAULT_VALIDITY, system_clock
from creditledger.ledger.layout import Layout
from creditledger.ledger.ledger import Ledger
from creditledger.ledger.receipt import ContentItem, Receipt
from creditledger.record.entry import Entry, encode_entry, entry_hash


@dataclass
class _Item:
    """One of the files: the entry in it, and either the draft that it was made of here, or the signed entry it holds.

    `recorded`: whether the ledger has it already.
    """

    file: Path
    entry: Entry
    prepared: Prepared | None = None
    submission: Submission | None = None
    recorded: bool = False

    @property
    def contents(self) -> tuple[ContentItem, ...]:
        """The content that comes with the entry."""
        if self.prepared is not None:
            return self.prepared.contents
        return () if self.submission is None else self.submission.contents

    @property
    def drawn(self) -> dict[str, str]:
        """What was drawn for a draft, by where it asks for it; nobody is told later."""
        return {} if self.prepared is None else dict(self.prepared.drawn)

    def unsigned(self) -> list[bytes]:
        """The keys that have still to sign."""
        if self.submission is not None:
            return [one.key for one in self.submission.missing]
        return [self.entry.key, *(one.key for one in self.entry.cosigners)]


@click.command("append")
@options.directory
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@options.log_keys
@click.option("--key", type=click.Path(path_type=Path), help="Signs the drafts among the files, as their author.")
@click.option(
    "--cosign-key", type=click.Path(path_type=Path), multiple=True, help="Cosigns where it is named; repeat it."
)
@click.option(
    "--content-key", type=click.Path(path_type=Path), help="Needed when personal content comes with an entry."
)
@click.option("--yes", is_flag=True, help="Sign drafts without asking.")
@click.option(
    "--seen",
    metavar="FILE|none",
    type=click.Path(path_type=Path),
    help="A signed checkpoint that drafts are to pin [default: what was verified here last].",
)
@click.option(
    "--answers",
    "answers_dir",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Write here a receipt for each FILE, and with --desk-key an acknowledgement, of refused files too.",
)
@click.option("--desk-key", type=click.Path(path_type=Path), help="Signs the acknowledgements; no key of the ledger.")
@options.dry_run
@options.passphrase
@options.head_dir
@options.as_json
def command(
    directory: Path,
    files: tuple[Path, ...],
    log_key: tuple[Path, ...],
    pq_key: Path | None,
    key: Path | None,
    cosign_key: tuple[Path, ...],
    content_key: Path | None,
    yes: bool,
    seen: Path | None,
    answers_dir: Path | None,
    desk_key: Path | None,
    dry_run: bool,
    passphrase_file: Path | None,
    passphrase_fd: int | None,
    head_dir: Path | None,
    as_json: bool,
) -> int:
    """Record each FILE: a JSON draft (shown in words and signed here with --key) or a signed entry.

    Several files are judged together before anything is signed or recorded: all of them are recorded, in order, or
    none. A signed entry that is recorded already is answered with its first receipt. A draft is signed anew each time
    it is given, so the same draft given twice is recorded twice, with new handles and case marks where it asks for
    them: to be able to send it again, `creditledger sign` it first. What was drawn stands in the JSON answer as `drawn`
    (--dry-run draws, too, and keeps nothing of it).
    """
    now = system_clock()
    answers = open_answers(answers_dir, desk_key, files, now, (passphrase_file, passphrase_fd), dry_run=dry_run)
    log_signers = options.load_signers(log_key, passphrase_file, passphrase_fd)
    seed = options.load_mldsa_seed(pq_key, passphrase_file, passphrase_fd)
    opened = open_rehearsal if dry_run else partial(open_writer, mldsa_seed=seed)
    with opened(directory, log_signers, head_dir, content_key) as ledger, answers.told(ledger):
        signer = None if key is None else options.load_signer(key, passphrase_file, passphrase_fd)
        cosigners = [options.load_signer(one, passphrase_file, passphrase_fd) for one in cosign_key]
        items = _read(ledger, files, (key, signer, seen), now, answers)
        _require_signatures(items, cosigners)
        _try_out(ledger, items, answers)
        _require_content_key(ledger, items, content_key, Layout(directory).private.is_dir())
        if not _confirmed(items, yes=yes, dry_run=dry_run, quiet=as_json):
            _tell_dry(items, as_json=as_json)
            return 0
        receipts = answers.keep(_record(ledger, items, key, signer, cosigners, now))
        ending = cosign_at_end(ledger, post_quantum=seed is not None)
        answers.recorded(ledger, directory)
    rows: list[dict[str, Any]] = [
        {
            "file": str(item.file), "record": one.seq, "address": one.address, "acts": one.acts,
            "entry_hash": one.entry_hash.hex(), "leaf_hash": one.leaf_hash.hex(),
            "recorded_at": options.format_moment(one.recorded_at), "size": one.size,
            "drawn": item.drawn, "cosigning": ending.document,
            "answers": [str(answer) for answer in answers.written(item.file)],
        }
        for item, one in zip(items, receipts, strict=True)
    ]  # fmt: skip
    output.settle(ending.code)
    if as_json:
        output.emit_json(rows)
        return ending.code
    for item, row in zip(items, rows, strict=True):
        already = "recorded already, as " if item.recorded else ""
        acts = count(row["acts"], "act")
        click.echo(
            f"{row['file']}: {already}record {row['record']}, {acts}, refer to the first as {row['address']} or "
            f"{row['entry_hash']}#0"
        )
        if row["answers"]:
            output.say(f"Answers were written: {', '.join(row['answers'])}.")
    return ending.code


def _read(
    ledger: Ledger,
    files: Sequence[Path],
    author: tuple[Path | None, Signer | None, Path | None],
    now: int,
    answers: Answers,
) -> list[_Item]:
    """The files' entries; of a draft, the one that would be signed now. Nothing is written and no number taken.

    `author` signs the drafts: key file, signer, and what `--seen` names.
    """
    key, signer, asked = author
    items: list[_Item] = []
    state: KeyState | None = None
    pin = pins.Pin(None, "")
    for file in answers.each(files, lambda one: one):
        if not is_draft(file):
            submission = Submission.read(file)
            items.append(_Item(file, submission.entry, submission=submission))
            continue
        if key is None or signer is None:
            raise UsageError(f"{file} is a draft: give --key to sign it, or sign it first with `creditledger sign`")
        prepared = prepare(load_draft(file), resolve=partial(act_at, ledger))
        if state is None:
            head = head_of(key, signer.public_key, ledger)
            state = SequenceFile.beside(key, signer.public_key).outlook(ledger.ledger_id, *head)
            next_position(state, now)  # What has expired cannot be recorded first; this says what can be done.
            _require_earlier(state.pending, items)
            pin = pins.choose(asked, ledger.ledger_id, state.seen_size, ledger=ledger)
        prepared = prepared._replace(notes=(*filter(None, [pin.words]), *prepared.notes))
        entry = compose(
            prepared.acts,
            ledger_id=ledger.ledger_id,
            authority=prepared.authority,
            key=signer.public_key,
            sequence=next_position(state, now),
            cosigners=prepared.cosigners,
            valid_for=DEFAULT_VALIDITY,
            now=now,
            seen=pin.seen,
        )
        signed = Pending(entry.author_seq, entry_hash(encode_entry(entry)), entry.not_after)
        state = state._replace(pending=(*state.pending, signed))
        items.append(_Item(file, entry, prepared=prepared))
    return items


def _require_earlier(pending: Sequence[Pending], items: list[_Item]) -> None:
    """What the key signed before, and nobody has recorded, stands among the files given before the draft."""
    given = {item.submission.digest for item in items if item.submission is not None}
    for one in pending:
        if one.digest not in given:
            raise UsageError(f"{waiting(one)}, and must be recorded first: name its file before the draft")


def _require_signatures(items: list[_Item], cosigners: Sequence[Signer]) -> None:
    """Whoever has to sign has signed, or their key is here; raises `UsageError` saying who is missing."""
    here = {one.public_key for one in cosigners}
    for item in items:
        missing = item.entry.cosigners if item.submission is None else item.submission.missing
        for authority, key in missing:
            if key in here:
                continue
            who, named = f"{authority} (key {fingerprint(key)})", typed(item.file)
            if item.submission is None:
                raise UsageError(
                    f"the draft {item.file} is to be countersigned by {who}: give that key with --cosign-key; or, if "
                    f"it is elsewhere, sign with `creditledger sign {named} --key KEY --ledger DIR`, have "
                    f"{item.file}.signed countersigned there, and append that"
                )
            raise UsageError(
                f"{item.file} lacks the countersignature of {who}: creditledger sign {named} --key THEIR-KEY, or "
                "give it with --cosign-key"
            )


def _try_out(ledger: Ledger, items: list[_Item], answers: Answers) -> None:
    """Has the rules judge all of them in order; notes which are recorded already."""
    with ledger.trial() as attempt:
        for item in answers.each(items, lambda one: one.file):
            try:
                item.recorded = judge(attempt, ledger, item.entry)
            except LedgerError as error:
                if len(items) > 1:
                    error.add_note(f"This is {item.file}; none of the files was recorded.")
                raise


def _require_content_key(ledger: Ledger, items: list[_Item], content_key: Path | None, there: bool) -> None:
    """The store of content can take what comes with the entries that are new."""
    carrier = next((item for item in items if item.contents and not item.recorded), None)
    if carrier is None:
        return
    if content_key is None:
        raise UsageError(
            f"{carrier.file} comes with {count(len(carrier.contents), 'item')} of content, which is kept encrypted "
            "beside the ledger: give its key with --content-key (`creditledger init` made it as content.key)"
        )
    if there:
        ledger.private_store()


def _confirmed(items: list[_Item], *, yes: bool, dry_run: bool, quiet: bool) -> bool:
    """Shows in words, and asks about, every entry that a key given here is to sign, also one that others signed."""
    to_sign = [item for item in items if item.unsigned() and not item.recorded]
    for item in to_sign:
        notes = () if item.prepared is None else item.prepared.notes
        show_entry(item.entry, notes, unsigned=item.unsigned(), quiet=quiet)
    what = "this" if len(to_sign) == 1 else f"these {len(to_sign)} entries"
    return go_on(f"Sign {what} and record?", yes=yes or not to_sign, dry_run=dry_run)


def _record(
    ledger: Ledger, items: list[_Item], key: Path | None, signer: Signer | None, cosigners: Sequence[Signer], now: int
) -> list[Receipt]:
    """Signs the drafts, each under its number, and records everything; what was refused after all costs no number."""
    sequence: SequenceFile | None = None
    if key is not None and signer is not None and any(item.prepared is not None for item in items):
        sequence = sequence_of(key, signer, ledger)
    drafted: list[Submission] = []
    try:
        submissions = []
        for item in items:
            submission = item.submission
            if submission is None and item.prepared is not None and sequence is not None and signer is not None:
                submission = sign_entry(item.entry, signer, sequence=sequence, now=now, contents=item.contents)
                drafted.append(submission)
            if submission is not None:
                submissions.append(_countersigned(submission, cosigners, now))
        contents = [one for item in items if not item.recorded for one in item.contents]
        receipts = ledger.append_all([(one.data, one.all_signatures()) for one in submissions], contents)
    except (Refused, SequenceConflict, UsageError, FormatError):
        # Nothing was recorded, and nobody has what was signed here: the numbers are free again. After an interrupt or
        # a failure of the disk that is not certain, and they stay taken for the hour that the signatures hold.
        for submission in reversed(drafted):
            if sequence is not None:
                sequence.release(ledger.ledger_id, submission.digest)
        raise
    for submission in drafted:
        if sequence is not None:
            sequence.confirm(ledger.ledger_id, submission.entry.author_seq, submission.digest)
    return receipts


def _countersigned(submission: Submission, cosigners: Sequence[Signer], now: int) -> Submission:
    for missing in submission.missing:
        submission = countersign(submission, next(one for one in cosigners if one.public_key == missing.key), now=now)
    return submission


def _tell_dry(items: list[_Item], *, as_json: bool) -> None:
    known = sum(item.recorded for item in items)
    new = len(items) - known
    if as_json:
        files = [{"file": str(one.file), "recorded": one.recorded, "drawn": one.drawn} for one in items]
        output.emit_json({"would_record": new, "recorded_already": known, "files": files})
        return
    already = f"; {count(known, 'entry')} {'is' if known == 1 else 'are'} recorded already" if known else ""
    output.say(f"{count(new, 'entry')} would be recorded{already} (--dry-run).")
