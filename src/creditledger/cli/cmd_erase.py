"""`creditledger erase`: the erasure of personal content, ordered by a recorded act, and carried out."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import click

from creditledger.acts.catalogue import Act, ContentErase
from creditledger.acts.content import item_id
from creditledger.acts.kinds import Subject
from creditledger.cli import options, output
from creditledger.cli.cosigning import Ending, cosign_at_end
from creditledger.cli.ledgers import open_writer
from creditledger.cli.positions import head_of, sequence_of
from creditledger.client.compose import Prepared, compose
from creditledger.client.phrases import count
from creditledger.client.sequence import Position
from creditledger.client.signing import sign_draft
from creditledger.errors import UsageError, VerificationFailed
from creditledger.keys.signer import Signer
from creditledger.ledger.answer import Address
from creditledger.ledger.founding import DEFAULT_VALIDITY, system_clock
from creditledger.ledger.layout import Layout
from creditledger.ledger.ledger import Ledger
from creditledger.ledger.receipt import Receipt

PER_ACT = 64
"""How many commitments one act of erasure can name."""


class Item(NamedTuple):
    """Content to be erased: its label, commitment, the act that attached it, and whether it is stored here."""

    label: str
    commitment: bytes
    address: Address
    here: bool


class CommitmentType(click.ParamType[bytes]):
    """A commitment on the command line: 64 hexadecimal digits."""

    name = "hex"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> bytes:
        """Reads it; fails with what a commitment looks like."""
        if isinstance(value, bytes):
            return value
        text = str(value)
        try:
            commitment = bytes.fromhex(text)
        except ValueError:
            commitment = b""
        if len(commitment) != 32:
            self.fail(f"{text!r:.80} is not a commitment: 64 hexadecimal digits", param, ctx)
        return commitment


@click.command("erase")
@options.directory
@click.argument("subject", type=options.SubjectType())
@click.argument("list_id", metavar="LIST")
@click.option("--law", required=True, help="The law under which it is erased, as registered in the ledger.")
@click.option("--article", required=True, help="The article of that law.")
@click.option("--key", required=True, type=click.Path(path_type=Path), help="The authority's key file: signs the act.")
@options.log_keys
@click.option(
    "--commitment", "chosen", metavar="HEX", multiple=True, type=CommitmentType(),
    help="Erase this item only; repeat it [default: everything about the subject on the list].",
)  # fmt: skip
@click.option("--content-key", type=click.Path(path_type=Path), help="The content key; erasing works without it, too.")
@click.option("--yes", is_flag=True, help="Erase without asking.")
@options.dry_run
@options.passphrase
@options.head_dir
@options.as_json
def command(
    directory: Path,
    subject: Subject,
    list_id: str,
    law: str,
    article: str,
    key: Path,
    log_key: tuple[Path, ...],
    pq_key: Path | None,
    chosen: tuple[bytes, ...],
    content_key: Path | None,
    yes: bool,
    dry_run: bool,
    passphrase_file: Path | None,
    passphrase_fd: int | None,
    head_dir: Path | None,
    as_json: bool,
) -> int:
    """Record that content about SUBJECT (scheme:value) on LIST is erased, and destroy it.

    The acts and commitments stay in the log, and it still verifies; what they committed to is overwritten, with its
    nonce and key. Copies elsewhere are not reached: drafts, signed files, exports made with content, backups. Delete
    them, too.
    """
    log_signers = options.load_signers(log_key, passphrase_file, passphrase_fd)
    seed = options.load_mldsa_seed(pq_key, passphrase_file, passphrase_fd)
    signer = options.load_signer(key, passphrase_file, passphrase_fd)
    with open_writer(directory, log_signers, head_dir, content_key, mldsa_seed=seed) as ledger:
        items = find(ledger, directory, subject, list_id, chosen)
        digests = sorted(item.commitment for item in items)
        several = [
            ContentErase(list_id, subject, tuple(digests[at : at + PER_ACT]), ledger.today(), law, article)
            for at in range(0, len(digests), PER_ACT)
        ]
        # Whatever forbids it is said before anybody is asked.
        _try_out(ledger, several, key, signer)
        _tell(items, subject, list_id, quiet=as_json)
        receipt: Receipt | None = None
        left = 0
        ending = Ending(0, None)
        if not dry_run and (yes or _confirmed(items)):
            receipt = record(ledger, several, key, signer)
            left = _left(ledger, directory, subject, list_id, items)
            ending = cosign_at_end(ledger, post_quantum=seed is not None)
    output.settle(ending.code)
    if as_json:
        output.emit_json(
            {
                "subject": str(subject), "list": list_id,
                "items": [
                    {
                        "label": item.label, "commitment": item.commitment.hex(), "attached_by": str(item.address),
                        "was_here": item.here,
                    }
                    for item in items
                ],
                "erased": receipt is not None, "record": None if receipt is None else receipt.seq,
                "entry_hash": None if receipt is None else receipt.entry_hash.hex(), "cosigning": ending.document,
            }
        )  # fmt: skip
    elif receipt is None:
        output.say(f"Nothing was erased{' (--dry-run)' if dry_run else ''}.")
    else:
        click.echo(f"record {receipt.seq}: {count(len(items), 'item')} of content about {subject} on {list_id} erased")
        output.say(
            "Not reached, and to be deleted wherever they lie, since they hold the same content: the drafts and files "
            "it was written in, signed files (*.signed), exports made with content, and backups."
        )
    if left:
        raise VerificationFailed(
            "LED-CONTENT", "the erasure is on record, and content is still there; run `creditledger doctor`",
            expected="0 items", found=f"{left} items",
        )  # fmt: skip
    return ending.code


def find(ledger: Ledger, directory: Path, subject: Subject, list_id: str, chosen: tuple[bytes, ...]) -> list[Item]:
    """The content about the subject that is not erased yet; raises `UsageError` where there is none such."""
    attached: dict[bytes, tuple[str, Address]] = {}
    erased: set[bytes] = set()
    for one in ledger.history(subject, list_id):
        for label, digest in getattr(one.act, "content", ()):
            attached.setdefault(digest, (label, one.address))
        if isinstance(one.act, ContentErase):
            erased.update(one.act.commitments)
    for digest in chosen:
        if digest not in attached or digest in erased:
            state = "is erased already" if digest in erased else "was never attached to an act about them"
            raise UsageError(f"{digest.hex()}: {state} ({subject} on {list_id}); `creditledger history` shows the acts")
    wanted = set(chosen) or attached.keys() - erased
    if not wanted:
        what = "all of it is erased already" if attached else "no act about them has any"
        raise UsageError(f"there is no content about {subject} on {list_id} to erase: {what}")
    here = _stored(ledger, directory)
    return [
        Item(label, digest, address, item_id(list_id, subject, digest) in here)
        for digest, (label, address) in attached.items()
        if digest in wanted
    ]


def _stored(ledger: Ledger, directory: Path) -> set[bytes]:
    return set(ledger.private_store().ids()) if Layout(directory).private.is_dir() else set()


def _left(ledger: Ledger, directory: Path, subject: Subject, list_id: str, items: list[Item]) -> int:
    """How many of the items are still stored."""
    stored = _stored(ledger, directory)
    return sum(item_id(list_id, subject, item.commitment) in stored for item in items)


def _tell(items: list[Item], subject: Subject, list_id: str, *, quiet: bool) -> None:
    if quiet:
        return
    output.say(f"To be erased for ever, about {subject} on {list_id}:")
    for item in items:
        where = "" if item.here else " (not stored here; only the act is recorded)"
        output.say(f"  {item.label}, attached by act {item.address}, commitment {item.commitment.hex()}{where}")


def _confirmed(items: list[Item]) -> bool:
    if not sys.stdin.isatty():
        raise UsageError("nobody is at a terminal to confirm; read the words above and add --yes")
    return click.confirm(f"Erase {count(len(items), 'item')}? This cannot be undone.", err=True)


def _try_out(ledger: Ledger, several: Sequence[Act], key: Path, signer: Signer) -> None:
    """Raises what recording the acts would, with nothing signed and no number taken."""
    head = head_of(key, signer.public_key, ledger)
    entry = compose(
        several,
        ledger_id=ledger.ledger_id,
        authority=ledger.governance.keys[signer.public_key].authority,
        key=signer.public_key,
        sequence=Position(*head),
        now=system_clock(),
        valid_for=DEFAULT_VALIDITY,
    )
    with ledger.trial() as attempt:
        attempt.judge(entry)


def record(ledger: Ledger, several: Sequence[Act], key: Path, signer: Signer) -> Receipt:
    """Signs the acts under the key's next number and appends them, which destroys the content."""
    sequence = sequence_of(key, signer, ledger)
    row = ledger.governance.keys[signer.public_key]
    submission = sign_draft(
        Prepared(row.authority, (), tuple(several), (), ()),
        signer,
        ledger_id=ledger.ledger_id,
        sequence=sequence,
        now=system_clock(),
        valid_for=DEFAULT_VALIDITY,
    )
    try:
        ledger.check_batch([(submission.data, submission.all_signatures())])
    except BaseException:
        sequence.release(ledger.ledger_id, submission.digest)
        raise
    receipt = ledger.append_signed(submission.data, submission.all_signatures())
    sequence.confirm(ledger.ledger_id, submission.entry.author_seq, submission.digest)
    return receipt
