"""`creditledger sign`: shows in words what is signed, tries it out, and signs it; with or without the ledger."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import NamedTuple

import click

from creditledger.audit.trust import Trust
from creditledger.cli import options, output, pins
from creditledger.cli.authoring import act_at, go_on, is_draft, show_entry, try_out
from creditledger.cli.ledgers import open_judge, open_reader
from creditledger.cli.positions import give_up, head_of, say_position, waiting
from creditledger.cli.suggesting import typed
from creditledger.client.compose import Prepared, compose, prepare
from creditledger.client.draft import load_draft
from creditledger.client.phrases import fingerprint
from creditledger.client.sequence import KeyState, SequenceFile, next_position
from creditledger.client.signing import countersign, sign_entry
from creditledger.client.submission import Submission
from creditledger.errors import UsageError
from creditledger.keys.keyfile import read_public_key
from creditledger.keys.signer import Signer
from creditledger.ledger.founding import system_clock
from creditledger.ledger.ledger import Ledger
from creditledger.record.entry import Entry, entry_hash
from creditledger.rules.rows import KeyHead


@click.command("sign")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--key", required=True, type=click.Path(path_type=Path), help="The key file that signs.")
@click.option(
    "--ledger", type=click.Path(path_type=Path), help="The ledger's directory, where it can be read from here."
)
@click.option("--trust", type=click.Path(path_type=Path), help="The ledger's trust file, when signing offline.")
@click.option("--adopt", metavar="N:HASH", help="Offline, for a key new here: what --position prints for it.")
@click.option(
    "--seen",
    metavar="FILE|none",
    type=click.Path(path_type=Path),
    help="A signed checkpoint that the entry is to pin [default: what was verified here last].",
)
@click.option(
    "--valid-for", type=options.DurationType(), default="7d", show_default=True, help="How long it can be recorded."
)
@click.option("--replace", is_flag=True, help="Sign anew in place of entries that expired without being recorded.")
@click.option("--position", is_flag=True, help="Sign nothing: print where the key stands in --ledger, for --adopt.")
@click.option("--void", is_flag=True, help="Sign nothing: give up the numbers of entries that expired unrecorded.")
@click.option("-o", "--output", "out", type=click.Path(path_type=Path), help="The signed file [default: FILE.signed].")
@click.option("--yes", is_flag=True, help="Sign without asking.")
@options.dry_run
@options.passphrase
@options.as_json
def command(
    file: Path | None,
    key: Path,
    ledger: Path | None,
    trust: Path | None,
    adopt: str | None,
    seen: Path | None,
    valid_for: int,
    replace: bool,
    position: bool,
    void: bool,
    out: Path | None,
    yes: bool,
    dry_run: bool,
    passphrase_file: Path | None,
    passphrase_fd: int | None,
    as_json: bool,
) -> None:
    """Show in words what FILE says, and sign it: a draft as its author, a signed file as one of its cosigners.

    The result is a file for `creditledger append`. An author needs to know where the key stands: from the ledger
    (--ledger), or offline from the key's own sequence file and the ledger's trust file (--trust). With the ledger at
    hand, what its rules forbid is refused before anything is signed.

    The entry pins the checkpoint that was verified here last (by verify or watch), so that it can stand in no other
    history; if the ledger at hand contradicts that checkpoint, nothing is signed.

    A signed entry keeps its number of the key until it is recorded or expires (--valid-for): whoever has a copy could
    have it recorded. After that, --void gives the number up, or --replace signs in its place.
    """
    if position or void:
        if file is not None or ledger is None:
            raise UsageError("--position and --void sign no FILE, and ask the ledger: give --ledger DIR and --key")
        with open_reader(ledger) as asked:
            if void:
                signer = options.load_signer(key, passphrase_file, passphrase_fd)
                give_up(key, signer, asked, yes=yes, dry_run=dry_run, as_json=as_json)
            elif key.suffix == ".pub":
                say_position(key.with_suffix(""), read_public_key(key), asked, as_json=as_json)
            else:
                public_key = options.load_signer(key, passphrase_file, passphrase_fd).public_key
                say_position(key, public_key, asked, as_json=as_json)
        return
    if file is None:
        raise UsageError("name the FILE to sign: a draft (creditledger draft), or a signed file that you countersign")
    drafted = is_draft(file)
    if out is None and drafted:
        out = file.with_name(file.name + ".signed")
    if out is not None and out.exists():
        raise UsageError(f"{out} is there already; name another with --output, or move it away")
    if drafted and (ledger is None) == (trust is None):
        raise UsageError("give --ledger DIR, or offline --trust FILE, so that it is known which ledger this is for")
    drawn: dict[str, str] = {}
    with ExitStack() as closing:
        opened = None if ledger is None else closing.enter_context(open_judge(ledger))
        if drafted:
            prepared = prepare(load_draft(file), resolve=None if opened is None else partial(act_at, opened))
            drawn = dict(prepared.drawn)
            signer = options.load_signer(key, passphrase_file, passphrase_fd)
            request = _Request(key, signer, trust, adopt, seen, valid_for, replace)
            signed = _sign_draft(prepared, request, opened, out or file, yes=yes, dry_run=dry_run, quiet=as_json)
        else:
            submission = Submission.read(file)
            _require_ledger(submission, opened, trust)
            signer = options.load_signer(key, passphrase_file, passphrase_fd)
            signed = _countersign(submission, signer, opened, yes=yes, dry_run=dry_run, quiet=as_json)
            if signed is not None:
                signed.write(out or file, force=out is None)
    if signed is not None:
        _tell(signed, out or file, ledger, drawn, as_json=as_json)
    elif as_json:
        output.emit_json({"file": None, "would_sign": True, "drawn": drawn})
    else:
        judged = ", and the rules allow it as of now" if ledger is not None else ""
        output.say(f"Nothing was signed (--dry-run). It can be signed{judged}.")


class _Request(NamedTuple):
    """How an author's entry is asked for."""

    key: Path
    signer: Signer
    trust: Path | None
    adopt: str | None
    seen: Path | None
    valid_for: int
    replace: bool


def _sign_draft(
    prepared: Prepared, request: _Request, ledger: Ledger | None, out: Path, *, yes: bool, dry_run: bool, quiet: bool
) -> Submission | None:
    """Shows, tries out, signs and writes a draft; None if it stayed a try. A number is taken last of all."""
    now = system_clock()
    public_key = request.signer.public_key
    sequence = SequenceFile.beside(request.key, public_key)
    trusted = None if request.trust is None else Trust.load(request.trust)
    adopted: KeyHead | None = None
    if ledger is not None:
        ledger_id, adopted = ledger.ledger_id, head_of(request.key, public_key, ledger)
    elif trusted is not None:
        ledger_id, adopted = trusted.ledger_id, None if request.adopt is None else _position(request.adopt)
    state: KeyState = sequence.state(ledger_id) if adopted is None else sequence.outlook(ledger_id, *adopted)
    pin = pins.choose(request.seen, ledger_id, state.seen_size, trust=trusted, ledger=ledger)
    entry = compose(
        prepared.acts,
        ledger_id=ledger_id,
        authority=prepared.authority,
        key=public_key,
        sequence=next_position(state, now, replace=request.replace),
        cosigners=prepared.cosigners,
        valid_for=request.valid_for,
        now=now,
        seen=pin.seen,
    )
    pending = () if request.replace else state.pending
    show_entry(entry, (*filter(None, [pin.words]), *prepared.notes), unsigned=_signers(entry), quiet=quiet)
    if not quiet:
        for one in pending:
            output.say(f"Note: {waiting(one)}, and this one only after it.")
    if ledger is not None:
        try_out(ledger, entry, pending)
    if not go_on("Sign this?", yes=yes, dry_run=dry_run):
        return None
    if adopted is not None:
        sequence.adopt(ledger_id, *adopted)
    signed = sign_entry(
        entry,
        request.signer,
        sequence=sequence,
        now=now,
        contents=prepared.contents,
        replace=request.replace,
        file=out,
    )
    try:
        signed.write(out)
    except BaseException:
        # Nobody has the signature, so its number is free again.
        sequence.release(ledger_id, signed.digest)
        raise
    return signed


def _countersign(
    submission: Submission, signer: Signer, ledger: Ledger | None, *, yes: bool, dry_run: bool, quiet: bool
) -> Submission | None:
    """Shows, tries out and countersigns a signed file; None if it stayed a try."""
    show_entry(submission.entry, unsigned=[one.key for one in submission.missing], quiet=quiet)
    if ledger is not None:
        try_out(ledger, submission.entry, gap=True)
    signed = countersign(submission, signer, now=system_clock())
    return signed if go_on("Countersign this?", yes=yes, dry_run=dry_run) else None


def _require_ledger(submission: Submission, ledger: Ledger | None, trust: Path | None) -> None:
    """The file is for the ledger at hand, or the one of the trust file, as far as either is given."""
    if ledger is None and trust is None:
        return
    expected = ledger.ledger_id if ledger is not None else Trust.load(str(trust)).ledger_id
    if submission.entry.ledger_id != expected:
        raise UsageError(
            f"the file was signed for ledger {submission.entry.ledger_id.hex()}, and the one given is {expected.hex()}"
        )


def _signers(entry: Entry) -> list[bytes]:
    return [entry.key, *(one.key for one in entry.cosigners)]


def _position(text: str) -> KeyHead:
    number, _, digest = text.partition(":")
    try:
        return KeyHead(int(number), bytes.fromhex(digest), 0)
    except ValueError:
        raise UsageError(
            "--adopt is written N:HASH, the key's next number and 64 hexadecimal digits, as printed by "
            "`creditledger sign --position --ledger DIR --key KEY-FILE`"
        ) from None


def _tell(signed: Submission, out: Path, ledger: Path | None, drawn: dict[str, str], *, as_json: bool) -> None:
    """Says who has still to sign, and what comes next. Whether that is all the rules ask for, only a ledger can say."""
    if as_json:
        output.emit_json(
            {
                "file": str(out), "entry_hash": entry_hash(signed.data).hex(), "judged": ledger is not None,
                "complete": signed.complete if ledger is not None or not signed.complete else None,
                "missing": [{"authority": one.authority, "key": one.key.hex()} for one in signed.missing],
                "drawn": drawn,
            }
        )  # fmt: skip
        return
    missing = ", ".join(f"{one.authority} (key {fingerprint(one.key)})" for one in signed.missing)
    if missing:
        at_hand = "" if ledger is None else f" --ledger {typed(ledger)}"
        output.say(
            f"{out} is signed by you; still to sign: {missing}. Each: creditledger sign {typed(out)} --key KEY{at_hand}"
        )
    elif ledger is None:
        output.say(
            f"{out} is signed by all it names. Whether the rules allow it, and ask for no other signature, shows where "
            f"the ledger is: creditledger append DIR {typed(out)} --log-key LOG-KEY --dry-run"
        )
    else:
        carried = " --content-key CONTENT-KEY" if signed.contents else ""
        output.say(
            f"{out} is complete: all have signed, and the rules allow it as of now. "
            f"Next: creditledger append {typed(ledger)} {typed(out)} --log-key LOG-KEY{carried}"
        )
