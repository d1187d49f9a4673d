"""`creditledger append`: records drafts and signed entries."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import click

from creditledger.cli import options, output
from creditledger.cli.cmd_sign import _is_draft as is_draft
from creditledger.cli.ledgers import open_writer
from creditledger.cli.positions import sequence_of
from creditledger.client.draft import load_draft
from creditledger.client.phrases import fingerprint
from creditledger.client.sequence import SequenceFile
from creditledger.client.signing import countersign, sign_draft
from creditledger.client.submission import Submission
from creditledger.errors import UsageError
from creditledger.keys.signer import Signer
from creditledger.ledger.founding import system_clock
from creditledger.ledger.ledger import Ledger
from creditledger.ledger.receipt import ContentItem


class _Author(NamedTuple):
    """A key that may sign drafts, and its sequence file."""

    signer: Signer
    sequence: SequenceFile


@click.command("append")
@options.directory
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--log-key", required=True, type=click.Path(path_type=Path), help="The key file that signs checkpoints.")
@click.option("--key", type=click.Path(path_type=Path), help="Signs the drafts among the files, as their author.")
@click.option(
    "--cosign-key", type=click.Path(path_type=Path), multiple=True, help="Cosigns where it is named; repeat it."
)
@click.option(
    "--content-key", type=click.Path(path_type=Path), help="Needed when personal content comes with an entry."
)
@options.dry_run
@options.passphrase
@options.head_dir
@options.as_json
def command(
    directory: Path,
    files: tuple[Path, ...],
    log_key: Path,
    key: Path | None,
    cosign_key: tuple[Path, ...],
    content_key: Path | None,
    dry_run: bool,
    passphrase_file: Path | None,
    passphrase_fd: int | None,
    head_dir: Path | None,
    as_json: bool,
) -> None:
    """Record each FILE: a JSON draft (signed here with --key) or a signed entry.

    Several files are judged together before the first is recorded: all of them are recorded, in order, or none. A file
    that is recorded already is answered with its first receipt.
    """
    log_signer = options.load_signer(log_key, passphrase_file, passphrase_fd)
    with open_writer(directory, log_signer, head_dir, content_key) as ledger:
        author: _Author | None = None
        if key is not None:
            signer = options.load_signer(key, passphrase_file, passphrase_fd)
            author = _Author(signer, sequence_of(key, signer, ledger))
        cosigners = [options.load_signer(one, passphrase_file, passphrase_fd) for one in cosign_key]
        drafted: list[Submission] = []
        try:
            submissions = [_submission(ledger, file, author, cosigners, drafted) for file in files]
            entries = [(one.data, one.all_signatures()) for one in submissions]
            contents = [item for one in submissions for item in one.contents]
            ledger.check_batch(entries)
        except BaseException:
            _give_back(ledger, author, drafted)
            raise
        if dry_run:
            _give_back(ledger, author, drafted)
            output.emit_json({"would_record": len(entries)}) if as_json else output.say(
                f"{len(entries)} entries would be recorded (--dry-run)."
            )
            return
        receipts = ledger.append_all(entries, _missing(ledger, contents))
        for submission in drafted:
            if author is not None:
                author.sequence.confirm(ledger.ledger_id, submission.entry.author_seq, submission.digest)
        rows = [
            {
                "file": str(file), "record": one.seq, "address": one.address, "acts": one.acts,
                "entry_hash": one.entry_hash.hex(), "leaf_hash": one.leaf_hash.hex(),
                "recorded_at": options.format_moment(one.recorded_at), "size": one.size,
            }
            for file, one in zip(files, receipts, strict=True)
        ]  # fmt: skip
    if as_json:
        output.emit_json(rows)
    else:
        for row in rows:
            click.echo(
                f"{row['file']}: record {row['record']}, {row['acts']} acts, refer to them by {row['entry_hash']}#0"
            )


def _submission(
    ledger: Ledger, file: Path, author: _Author | None, cosigners: list[Signer], drafted: list[Submission]
) -> Submission:
    """The file as a complete signed entry; a draft is signed here."""
    now = system_clock()
    if is_draft(file):
        if author is None:
            raise UsageError(f"{file} is a draft: give --key to sign it, or sign it first with `creditledger sign`")
        submission = sign_draft(
            load_draft(file), author.signer, ledger_id=ledger.ledger_id, sequence=author.sequence, now=now
        )
        drafted.append(submission)
    else:
        submission = Submission.read(file)
    for missing in submission.missing:
        signer = next((one for one in cosigners if one.public_key == missing.key), None)
        if signer is None:
            raise UsageError(
                f"{file} lacks the countersignature of {missing.authority} (key {fingerprint(missing.key)}): "
                f"creditledger sign {file} --key THEIR-KEY, or give --cosign-key"
            )
        submission = countersign(submission, signer, now=now)
    submission.check()
    return submission


def _give_back(ledger: Ledger, author: _Author | None, drafted: list[Submission]) -> None:
    """Nobody has what was signed here and not recorded: the numbers are free again."""
    if author is not None:
        for submission in reversed(drafted):
            author.sequence.release(ledger.ledger_id, submission.digest)


def _missing(ledger: Ledger, contents: list[ContentItem]) -> list[ContentItem]:
    """The content that the private store does not have yet: an entry sent again brings none twice."""
    if not contents:
        return []
    return [item for item in contents if ledger.content(item.list, item.subject, item.commitment) is None]
