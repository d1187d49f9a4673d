"""`creditledger sign`: shows in words what is signed, and signs it, with or without the ledger at hand."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from creditledger.audit.trust import Trust
from creditledger.cli import options, output
from creditledger.cli.ledgers import open_reader
from creditledger.cli.positions import sequence_of
from creditledger.client.compose import compose, prepare
from creditledger.client.draft import load_draft
from creditledger.client.files import read_bounded
from creditledger.client.sequence import SequenceFile
from creditledger.client.signing import countersign, sign_entry
from creditledger.client.submission import MAX_SUBMISSION_BYTES, Submission
from creditledger.client.words import describe_entry
from creditledger.errors import UsageError
from creditledger.ledger.founding import system_clock
from creditledger.record.entry import Entry, entry_hash

UNITS = {"m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}


class DurationType(click.ParamType[int]):
    """A duration on the command line: 30m, 12h, 7d; microseconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Reads it; fails with what a duration looks like."""
        if isinstance(value, int):
            return value
        text = str(value)
        if not text[:-1].isascii() or not text[:-1].isdecimal() or len(text) > 8 or text[-1] not in UNITS:
            self.fail(f"{text!r:.40} is not a duration like 30m, 12h or 7d", param, ctx)
        return int(text[:-1]) * UNITS[text[-1]]


@click.command("sign")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--key", required=True, type=click.Path(path_type=Path), help="The key file that signs.")
@click.option(
    "--ledger", type=click.Path(path_type=Path), help="The ledger's directory, where it can be read from here."
)
@click.option("--trust", type=click.Path(path_type=Path), help="The ledger's trust file, when signing offline.")
@click.option("--adopt", metavar="N:HASH", help="Offline, for a key new here: its next number and the hash to cite.")
@click.option("--valid-for", type=DurationType(), default="7d", show_default=True, help="How long it can be recorded.")
@click.option("--replace", is_flag=True, help="Sign anew in place of entries that expired without being recorded.")
@click.option("-o", "--output", "out", type=click.Path(path_type=Path), help="The signed file [default: FILE.signed].")
@click.option("--yes", is_flag=True, help="Sign without asking.")
@options.dry_run
@options.passphrase
@options.as_json
def command(
    file: Path,
    key: Path,
    ledger: Path | None,
    trust: Path | None,
    adopt: str | None,
    valid_for: int,
    replace: bool,
    out: Path | None,
    yes: bool,
    dry_run: bool,
    passphrase_file: Path | None,
    passphrase_fd: int | None,
    as_json: bool,
) -> None:
    """Show in words what FILE says, and sign it: a draft as its author, a signed file as one of its cosigners.

    The result is a file for `creditledger append`. An author needs to know where the key stands: from the ledger
    (--ledger), or offline from the key's own sequence file and the ledger's trust file (--trust).
    """
    if out is None and _is_draft(file):
        out = file.with_name(file.name + ".signed")
    if out is not None and out.exists():
        raise UsageError(f"{out} is there already; name another with --output, or move it away")
    signer = options.load_signer(key, passphrase_file, passphrase_fd)
    now = system_clock()
    if _is_draft(file):
        if (ledger is None) == (trust is None):
            raise UsageError("give --ledger DIR, or offline --trust FILE, so that it is known which ledger this is for")
        if ledger is not None:
            with open_reader(ledger) as opened:
                ledger_id, sequence = opened.ledger_id, sequence_of(key, signer, opened)
        else:
            ledger_id = Trust.load(str(trust)).ledger_id
            sequence = SequenceFile.beside(key, signer.public_key)
            if adopt is not None:
                sequence.adopt(ledger_id, *_position(adopt))
        prepared = prepare(load_draft(file))
        entry = compose(
            prepared.acts,
            ledger_id=ledger_id,
            authority=prepared.authority,
            key=signer.public_key,
            sequence=sequence.position(ledger_id, now=now, replace=replace),
            cosigners=prepared.cosigners,
            valid_for=valid_for,
            now=now,
        )
        _show(entry, prepared.notes, quiet=as_json)
        if _go_on(yes=yes, dry_run=dry_run):
            signed = sign_entry(entry, signer, sequence=sequence, now=now, contents=prepared.contents, replace=replace)
            _write(signed, out or file, force=False, as_json=as_json)
    else:
        submission = Submission.read(file)
        _show(submission.entry, (), quiet=as_json)
        if _go_on(yes=yes, dry_run=dry_run):
            signed = countersign(submission, signer, now=now)
            _write(signed, out or file, force=out is None, as_json=as_json)


def _is_draft(file: Path) -> bool:
    head = read_bounded(file, MAX_SUBMISSION_BYTES, "the file")[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    return head[:1] in (b"{", b"[", b"")


def _position(text: str) -> tuple[int, bytes]:
    number, _, digest = text.partition(":")
    try:
        return int(number), bytes.fromhex(digest)
    except ValueError:
        raise UsageError("--adopt is written N:HASH, the key's next number and 64 hexadecimal digits") from None


def _show(entry: Entry, notes: tuple[str, ...], *, quiet: bool) -> None:
    if not quiet:
        for line in (*describe_entry(entry), *notes):
            output.say(line)


def _go_on(*, yes: bool, dry_run: bool) -> bool:
    if dry_run:
        output.say("Nothing was signed (--dry-run).")
        return False
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError("nobody is at a terminal to confirm; read the words above and add --yes")
    if not click.confirm("Sign this?", err=True):
        output.say("Nothing was signed.")
        raise click.exceptions.Exit(1)
    return True


def _write(signed: Submission, out: Path, *, force: bool, as_json: bool) -> None:
    signed.write(out, force=force)
    missing = [f"{one.authority} ({one.key.hex()[:12]}…)" for one in signed.missing]
    if as_json:
        output.emit_json(
            {
                "file": str(out), "entry_hash": entry_hash(signed.data).hex(), "complete": signed.complete,
                "missing": [{"authority": one.authority, "key": one.key.hex()} for one in signed.missing],
            }
        )  # fmt: skip
    elif missing:
        output.say(f"{out} is signed; still to sign: {', '.join(missing)} (creditledger sign {out} --key …).")
    else:
        output.say(f"{out} is signed and complete. Next: creditledger append DIR {out} --log-key LOG-KEY")
