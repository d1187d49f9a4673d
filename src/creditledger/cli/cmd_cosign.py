"""`creditledger cosign`: has witnesses, and the post-quantum key, sign the newest checkpoint, once or regularly."""

from __future__ import annotations

from pathlib import Path

import click

from creditledger.cli import options, output
from creditledger.cli.cosigning import document, time_of
from creditledger.cli.ledgers import WITNESS_TIMEOUT, open_writer
from creditledger.cli.rounds import every, in_rounds
from creditledger.errors import CannotVerify, FormatError, StoreError
from creditledger.ledger.cosigning import Cosigned
from creditledger.ledger.ledger import Ledger
from creditledger.ledger.witnessing import UnprovenClaim
from creditledger.tlog.note import Signature


@click.command("cosign")
@options.directory
@options.log_keys
@every("Go on, once in so long (30s, 10m, 1h), until interrupted; others can append in between.")
@click.option(
    "--timeout", type=click.FloatRange(0.1, 600), default=WITNESS_TIMEOUT, show_default=True,
    help="Seconds for which witnesses are waited for.",
)  # fmt: skip
@options.passphrase
@options.head_dir
@options.as_json
def command(
    directory: Path,
    log_key: tuple[Path, ...],
    pq_key: Path | None,
    every: int | None,
    timeout: float,
    passphrase_file: Path | None,
    passphrase_fd: int | None,
    head_dir: Path | None,
    as_json: bool,
) -> int:
    """Have the newest checkpoint of DIR cosigned by the witnesses that DIR/witnesses.policy names.

    Its root is computed anew from the stored records first. With --pq-key, the log signs it with ML-DSA-44, too. What
    was signed before stays, newer signatures in place of older ones of the same key. One witness that is down stops
    nobody; one that proves that the log has signed more than is in DIR, or something else, ends this with 3.

    Ends with 4 if too few have cosigned for the policy. With --every, that, a ledger that another process is writing
    to, a failing disk, a policy that cannot be read, and a witness that claims to have seen more without showing it
    are told on stderr, and it goes on; it ends with 0 when it is interrupted (SIGINT, SIGTERM).
    """
    signers = options.load_signers(log_key, passphrase_file, passphrase_fd)
    seed = options.load_mldsa_seed(pq_key, passphrase_file, passphrase_fd)

    def once() -> int:
        with open_writer(directory, signers, head_dir, mldsa_seed=seed, timeout=timeout) as ledger:
            done = ledger.cosign(timeout)
            _show(ledger, done, as_json=as_json, one_of_many=every is not None)
        if done.quorum_problem:
            output.say(f"note: {done.quorum_problem}.")
        return CannotVerify.exit_code if done.quorum_problem else 0

    if every is not None:
        # A policy that cannot be read may be in the midst of being edited.
        return in_rounds(once, every, passing=(StoreError, FormatError, UnprovenClaim))
    code = once()
    output.settle(code)
    return code


def _show(ledger: Ledger, done: Cosigned, *, as_json: bool, one_of_many: bool) -> None:
    """What came of it."""
    if as_json:
        found = document(ledger, done)
        output.emit_json_line(found) if one_of_many else output.emit_json(found)
        return
    output.facts([("size", str(done.size)), *((f"by {one.name}", _kind(one)) for one in done.signatures)], indent="")
    if not ledger.has_witnesses:
        output.say("Nobody was asked: there is no witnesses.policy in the ledger's directory.")


def _kind(one: Signature) -> str:
    """How a key signed, and when."""
    moment = time_of(one)
    kind = "ML-DSA-44" if len(one.signature) > 1000 else "Ed25519"
    return kind if moment is None else f"{kind}, {moment}"
