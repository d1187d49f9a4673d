"""What `creditledger doctor` looks at about witnesses: who is asked, who has cosigned, and whether that is enough."""

from __future__ import annotations

from collections.abc import Iterator

from creditledger.audit.trust import Trust
from creditledger.cli.checkup import NOTE, OK, PROBLEM, Line
from creditledger.cli.options import format_moment
from creditledger.cli.suggesting import typed
from creditledger.client.phrases import count
from creditledger.errors import CannotVerify, LedgerError, UsageError
from creditledger.ledger.heads import signature_line
from creditledger.ledger.layout import Layout
from creditledger.ledger.witnessing import read_policy
from creditledger.tlog.cosignature import timestamp
from creditledger.tlog.note import Signature
from creditledger.tlog.policy import Policy

TRUST = "ledger.trust"
"""The trust file that `init` leaves in a ledger's directory, for others to be given."""


def examine(layout: Layout, checkpoint: tuple[int, bytes] | None) -> Iterator[Line]:
    """Looks at `witnesses.policy`, and at the newest checkpoint (size, signed note) by it and by the trust file."""
    try:
        trust = _trust(layout)
    except LedgerError as error:
        trust = None
        yield Line(PROBLEM, "trust file", str(error), "make it anew with `creditledger trust`, or remove it")
    try:
        policy = read_policy(layout)
    except LedgerError as error:
        policy = None
        yield Line(PROBLEM, "witnesses", str(error), "put the file right: the ledger opens for no writer as it is")
    else:
        yield _asked(layout, policy, trust)
    if checkpoint is None:
        return
    if policy is not None and policy.witnesses:
        yield _cosigned(layout, policy, *checkpoint)
    if trust is not None and trust.asks_for_more:
        yield _sufficient(layout, trust, checkpoint[1])


def _trust(layout: Layout) -> Trust | None:
    try:
        return Trust.load(layout.directory / TRUST)
    except UsageError:  # There is none; it need not lie here.
        return None


def _asked(layout: Layout, policy: Policy | None, trust: Trust | None) -> Line:
    """Who is asked, by the policy of the ledger."""
    if policy is None:
        if trust is not None and trust.has_witnesses:
            return Line(
                PROBLEM, "witnesses",
                f"{layout.directory / TRUST} asks for cosignatures, and there is no {layout.witnesses.name}: "
                "nobody is asked",
                f"put {layout.witnesses} back, a C2SP tlog-policy with URLs; a restored ledger has none",
            )  # fmt: skip
        return Line(OK, "witnesses", f"nobody is asked to cosign: there is no {layout.witnesses.name}")
    silent = [one.name for one in policy.witnesses if one.url is None]
    named = f"{layout.witnesses.name} names {', '.join(one.name for one in policy.witnesses) or 'none'}"
    if silent:
        return Line(
            NOTE, "witnesses", f"{named}; never asked, for lack of a URL: {', '.join(silent)}",
            "write the witness's URL behind its key",
        )  # fmt: skip
    return Line(OK, "witnesses", f"{named}; quorum {policy.quorum}")


def _cosigned(layout: Layout, policy: Policy, size: int, note: bytes) -> Line:
    """Who cosigned the newest checkpoint, when, and whether that makes up the quorum."""
    again = f"creditledger cosign {typed(layout.directory)} --log-key KEY; with --every 10m it is done again and again"
    try:
        signatures = _cosignatures(policy, note)
    except LedgerError as error:
        return Line(PROBLEM, "cosigned", str(error), "see `creditledger verify`; restore from an export or a mirror")
    names = {(key.name, key.key_id): one.name for one in policy.witnesses for key in [one.verifier()]}
    by = [
        f"{names[one.name, one.key_id]} at {format_moment(timestamp(one) * 1_000_000)}" for one in signatures
    ]  # fmt: skip
    found = f"the newest checkpoint, of {count(size, 'record')}, by {', '.join(by) or 'nobody'}"
    try:
        policy.require(signatures)
    except CannotVerify as error:
        return Line(PROBLEM, "cosigned", f"{found}; {error}", again)
    return Line(OK, "cosigned", f"{found}; the quorum {policy.quorum} is met")


def _cosignatures(policy: Policy, note: bytes) -> list[Signature]:
    """Those of the policy's witnesses, verified; raises `VerificationFailed` for a wrong one, `FormatError`."""
    known = {(one.name, one.key_id): one for one in policy.verifiers()}
    text, _, block = note.rpartition(b"\n\n")
    found = [line for line in map(signature_line, block.splitlines()) if (line.name, line.key_id) in known]
    for line in found:
        known[line.name, line.key_id].verify(text + b"\n", line.signature)
    return found


def _sufficient(layout: Layout, trust: Trust, note: bytes) -> Line:
    """Whether the newest checkpoint bears what the trust file beside it asks for."""
    file = layout.directory / TRUST
    key = " --pq-key KEY" if trust.is_post_quantum else ""
    try:
        trust.require(trust.open(note))
    except CannotVerify as error:
        return Line(
            PROBLEM, "trust file", f"by {file}, {error}",
            f"creditledger cosign {typed(layout.directory)} --log-key KEY{key}; until then, verifying ends with 4",
        )  # fmt: skip
    except LedgerError as error:
        return Line(PROBLEM, "trust file", f"by {file}: {error}", "see `creditledger verify`")
    more = ", the ML-DSA-44 signature of the log included" if trust.is_post_quantum else ""
    return Line(OK, "trust file", f"the newest checkpoint bears all that {file} asks for{more}")
