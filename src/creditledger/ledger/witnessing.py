"""The witnesses of a ledger: who is asked to cosign, and what follows from what they have seen (DESIGN: P4).

A witness remembers the largest checkpoint that it has cosigned. Whoever restores an old backup, along with the head
that was kept outside of it, can thus still be told from the honest operator. So before anything is signed, every
witness is asked what it has seen, and below that nothing is signed. A witness can lie, too: what it shows, signed by
the log's own key, is proof; what it merely says is a reason to stop, and the message says how to go on without it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from creditledger.errors import CannotVerify, FormatError, VerificationFailed
from creditledger.ledger.heads import log_verifiers
from creditledger.ledger.layout import Layout, read_regular
from creditledger.ledger.log import Log
from creditledger.rules.governance_state import Governance
from creditledger.store.files import disk_error
from creditledger.tlog.checkpoint import open_checkpoint
from creditledger.tlog.note import Verifier, open_note

if TYPE_CHECKING:
    from creditledger.tlog.policy import Policy
    from creditledger.witness.asking import Asked

_logger = logging.getLogger("creditledger")

_SIGNATURE_LINE = "\n— ".encode()
_WAY_OUT = "catch up from an export or a mirror, or found a new ledger that cites the old head"


def read_policy(layout: Layout) -> Policy | None:
    """What `witnesses.policy` in the ledger's directory says; None if there is no such file.

    Raises `FormatError`, `StoreError`.
    """
    from creditledger.tlog.policy import MAX_POLICY_BYTES, Policy

    path = layout.witnesses
    try:
        data = read_regular(path, MAX_POLICY_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise disk_error("read", path, error.errno, str(error)) from error
    try:
        return Policy.from_bytes(data)
    except FormatError as error:
        raise type(error)(f"{path}: {error}") from None


class UnprovenClaim(VerificationFailed):
    """A witness says, without showing it, that the log has signed more than is here: a reason not to sign (LED-HEAD).

    It may be over as soon as the witness is mended or taken out of the policy.
    """


class Witnesses:
    """The witnesses of a policy, as one open ledger asks them. Those without a URL are not asked."""

    def __init__(self, policy: Policy, log: Log, origin: str) -> None:
        self.policy = policy
        self._log = log
        self._origin = origin
        self._asked = [one for one in policy.witnesses if one.url is not None]
        self._known: dict[str, int] = {}

    def ask(self, note: bytes, size: int, governance: Governance, timeout: float) -> list[Asked]:
        """Gives all of them a signed checkpoint of this size at once, to cosign; each has `timeout` seconds."""
        if not self._asked:
            return []
        from creditledger.witness.asking import ask

        asked = ask(
            self._asked, note, log_verifiers=log_verifiers(governance, self._origin), prove=self._log.tree.consistency,
            known=dict(self._known), timeout=timeout, now=time.time,
        )  # fmt: skip
        for one in asked:
            seen = size if one.signatures else one.size
            if seen is not None:
                self._known[one.witness.name] = seen
        return asked

    def require_newest(self, asked: Sequence[Asked], governance: Governance) -> None:
        """The log has signed nothing that is not here, as far as the witnesses know; to be asked before it signs.

        Raises `VerificationFailed` (LED-HEAD): one proves otherwise; `UnprovenClaim`: one at least says so. For those
        that did not answer there is a warning.
        """
        self.require_no_proof(asked, governance)
        size = self._log.checked_size
        for one in asked:
            if one.size is not None and one.size > size:
                raise UnprovenClaim(
                    "LED-HEAD",
                    f"the witness {one.witness.name} says that it has cosigned more of this ledger than is here, "
                    f"without showing it: this may be an old backup or copy. If so, {_WAY_OUT}. If you know that the "
                    "witness is wrong, take it out of the witness policy (witnesses.policy in the ledger's directory)",
                    expected=f"size {one.size}", found=f"size {size}",
                )  # fmt: skip
            if one.problem:
                _logger.warning(
                    "the witness %s could not be asked whether it has seen more of this ledger: %s",
                    one.witness.name, one.problem,
                )  # fmt: skip

    def require_no_proof(self, asked: Sequence[Asked], governance: Governance) -> None:
        """No witness shows a checkpoint, signed by the log's own key, that is beyond this log or contradicts it.

        To be called while nobody extends the log.

        Raises `VerificationFailed` (LED-HEAD), with the checkpoint in a note of the error.
        """
        size, verifiers = self._log.checked_size, log_verifiers(governance, self._origin)
        for one in asked:
            if one.proof_of_size is None:
                continue
            try:
                shown = open_checkpoint(one.proof_of_size, verifiers, self._origin)
            except (FormatError, VerificationFailed):
                continue  # It proves nothing.
            if shown.size > size:
                error = VerificationFailed(
                    "LED-HEAD",
                    f"the witness {one.witness.name} shows a checkpoint of more records than there are here, signed by "
                    f"this ledger's log key: the directory is an old backup or copy; {_WAY_OUT}",
                    expected=f"size {shown.size}", found=f"size {size}",
                )  # fmt: skip
            elif (root := self._log.root_at(shown.size)) != shown.root:
                error = VerificationFailed(
                    "LED-HEAD",
                    f"the witness {one.witness.name} shows a checkpoint of size {shown.size} with another root, signed "
                    "by this ledger's log key: the log has two histories, and nothing is signed on either. Keep both "
                    "copies, find out which one the public has seen, and go on from that one",
                    expected=shown.root.hex(), found=root.hex() if root else "none",
                )  # fmt: skip
            else:
                continue
            error.add_note("The checkpoint that the witness shows:\n" + one.proof_of_size.decode("utf-8", "replace"))
            raise error


def warn(asked: Sequence[Asked]) -> None:
    """A warning for each witness that could not be asked, or did not cosign."""
    for one in asked:
        if one.problem:
            _logger.warning("the witness %s did not cosign: %s", one.witness.name, one.problem)


class _Settled(NamedTuple):
    """Of the checkpoints below a size, the size of the newest that is good; 0: there is none."""

    below: int
    newest: int


class WitnessedCheckpoints:
    """Finds the newest checkpoint whose cosignatures meet a policy, looking at each of the older ones once."""

    def __init__(self, log: Log, origin: str, policy: Policy) -> None:
        self._log = log
        self._origin = origin
        self._policy = policy
        # Only the newest checkpoint can still be cosigned. So below a size, it is settled which good one is the newest.
        self._settled = _Settled(0, 0)

    def newest(self, governance: Governance, at_least: int) -> tuple[int, bytes] | None:
        """The newest one of a size from `at_least` on, and its note; None if there is none."""
        last = self._log.checkpoint()
        if last is None:
            return None
        logs = log_verifiers(governance, self._origin)
        everybody: list[Verifier] = [*logs, *self._policy.verifiers()]

        def good(note: bytes) -> bool:
            if note.count(_SIGNATURE_LINE) < 2:
                return False
            open_checkpoint(note, logs, self._origin)
            try:
                self._policy.require(open_note(note, everybody).signatures)
            except CannotVerify:
                return False
            return True

        below, newest = self._settled
        found = self._log.newest_checkpoint(good, max(at_least, below))
        if found is None and newest >= max(at_least, 1):
            found = self._log.checkpoint(newest)
        if found is not None:
            self._settled = _Settled(last[0], found[0])
        elif at_least <= below:
            self._settled = _Settled(last[0], newest)
        return found
