"""What commands say about cosigning: who signed the newest checkpoint, who did not, and whether that is enough."""

from __future__ import annotations

from typing import Any, NamedTuple

from creditledger.cli import options, output
from creditledger.cli.ledgers import WITNESS_TIMEOUT
from creditledger.errors import LedgerError
from creditledger.ledger.cosigning import Cosigned
from creditledger.ledger.ledger import Ledger
from creditledger.tlog.cosignature import timestamp
from creditledger.tlog.note import Signature


class Ending(NamedTuple):
    """How a command that recorded something ends: its exit code, and what `--json` says of the cosigning.

    The document is None where nobody was to cosign, or where it failed, which the exit code and stderr tell.
    """

    code: int
    document: dict[str, Any] | None


def cosign_at_end(ledger: Ledger, *, post_quantum: bool) -> Ending:
    """Has what was recorded cosigned, where there is somebody to sign it; who did is said in a line on stderr.

    The records stand, and are reported, whatever becomes of this.
    """
    if not post_quantum and not ledger.has_witnesses:
        return Ending(0, None)
    try:
        done = ledger.cosign(WITNESS_TIMEOUT)
    except KeyboardInterrupt:
        output.say("note: interrupted while witnesses were asked; what was given is recorded and signed.")
        return Ending(130, None)
    except LedgerError as error:
        output.say("What was given is recorded and signed, but having it cosigned brought to light:")
        return Ending(output.fail(output.explain(error), type(error).__name__, error.exit_code, as_json=False), None)
    if ledger.has_witnesses:
        output.say(output.printable(in_words(done)))
    return Ending(0, document(ledger, done))


def in_words(done: Cosigned) -> str:
    """Who cosigned, who did not and why, and whether the quorum is met, in one line."""
    signed = {(one.name, one.key_id) for one in done.signatures}
    by, missing = [], []
    for one in done.asked:
        key = one.witness.verifier()
        if (key.name, key.key_id) in signed:
            by.append(one.witness.name)
        else:
            missing.append(f"{one.witness.name} ({one.problem})")
    parts = [f"cosigned by {', '.join(by) or 'nobody'}" + ("" if done.quorum_problem else ": the quorum is met")]
    if missing:
        parts.append(f"missing: {', '.join(missing)}")
    if done.quorum_problem:
        parts += ["the quorum is not met", "run `creditledger cosign` later"]
    return "; ".join(parts)


def document(ledger: Ledger, done: Cosigned) -> dict[str, Any]:
    """What came of cosigning, for programs."""
    return {
        "size": done.size,
        "signatures": [{"name": one.name, "key_id": one.key_id.hex(), "time": time_of(one)} for one in done.signatures],
        "witnesses": [
            {"name": one.witness.name, "cosigned": bool(one.signatures), "problem": one.problem} for one in done.asked
        ],
        "quorum": None if not ledger.has_witnesses else not done.quorum_problem,
        "quorum_problem": done.quorum_problem,
    }


def time_of(one: Signature) -> str | None:
    """The time that a signature states, ISO 8601 in UTC; None if it states none."""
    try:
        seconds = timestamp(one)
    except LedgerError:  # The log's own Ed25519 signature has none.
        return None
    return options.format_moment(seconds * 1_000_000) if seconds else None
