"""The judgement of a witness on one request: `add-checkpoint` and `sign-subtree` of c2sp.org/tlog-witness.

The order of the checks is that of the specification; the first that fails decides the answer.

    404  the origin is not one of the logs of this witness
    403  no key of that log signed, or a signature by one of its keys is wrong
    400  the request or its checkpoint is malformed, or the old size is beyond the new one
    409  the old size is not the one that was cosigned last; the answer says which one was
    422  the checkpoint does not follow from the one that was cosigned last
    200  stored, and only then cosigned

A request so malformed that its origin or signatures cannot be told is answered 400 too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from creditledger.errors import FormatError, LedgerError, UsageError, VerificationFailed
from creditledger.tlog.add_checkpoint import AddCheckpoint
from creditledger.tlog.checkpoint import Checkpoint
from creditledger.tlog.cosignature import CosignatureSigner, MlDsaSigner, MlDsaVerifier
from creditledger.tlog.note import Note, NoteVerifier, Signature, Verifier, decode_base64, open_note
from creditledger.tlog.tree import EMPTY_ROOT, HASH_BYTES, check_consistency, check_subtree
from creditledger.witness import MAX_CLOCK_SKEW
from creditledger.witness.state import Contradiction, Seen, WitnessState
from creditledger.witness.subtree_request import SignSubtree

LogVerifier = NoteVerifier | MlDsaVerifier
"""A key of a log."""


class Rejected(LedgerError):
    """A request that is not granted.

    Attributes:
        status: of the HTTP answer.
        origin: the log, if it is one of this witness's; None if it is not known.
        size: for 409, the size that was cosigned last.
    """

    def __init__(self, status: int, message: str, origin: str | None = None, size: int | None = None) -> None:
        self.status = status
        self.origin = origin
        self.size = size
        super().__init__(message)


class Granted(NamedTuple):
    """A request that is granted.

    Attributes:
        origin: the log.
        size: of the checkpoint, or the end of the subtree.
        lines: the signature lines, for the body of the answer.
    """

    origin: str
    size: int
    lines: bytes


class Cosigner:
    """A witness: its keys, its logs and its memory; safe to use from many threads."""

    def __init__(
        self,
        state: WitnessState,
        name: str,
        logs: Mapping[str, Sequence[LogVerifier]],
        clock: Callable[[], float],
        *,
        seed: bytes | None = None,
        mldsa_seed: bytes | None = None,
    ) -> None:
        """Take what a witness consists of.

        Args:
            state: its memory.
            name: its name, such as witness.example.org/w1.
            logs: the keys of each log by its origin; any one of them suffices.
            clock: tells POSIX seconds.
            seed: of its Ed25519 key; 32 bytes.
            mldsa_seed: of its ML-DSA-44 key; 32 bytes.

        Raises:
            FormatError: a name or a seed is malformed.
            UsageError: neither seed is given, or one of the keys is that of a log too.
        """
        self._state = state
        self._clock = clock
        self._logs = {origin: tuple(verifiers) for origin, verifiers in logs.items()}
        # Both signers of a checkpoint take one time: that which the state, too, remembers. It is set per thread.
        self._time = _Time()
        self._signers: list[CosignatureSigner | MlDsaSigner] = []
        if seed is not None:
            self._signers.append(CosignatureSigner(name, seed, lambda: self._time.seconds))
        if mldsa_seed is not None:
            self._signers.append(MlDsaSigner(name, mldsa_seed, lambda: self._time.seconds))
        if not self._signers:
            raise UsageError("a witness needs a key: Ed25519, ML-DSA-44 or both")
        own = {signer.verifier.public_key for signer in self._signers}
        for origin, verifiers in self._logs.items():
            if own & {verifier.public_key for verifier in verifiers}:
                raise UsageError(
                    f"the log {origin!r} signs with the key of this witness: a witness needs a key of its own, used "
                    "for nothing else"
                )

    @property
    def vkeys(self) -> tuple[str, ...]:
        """The witness's public keys, for the policies of others."""
        return tuple(signer.verifier.vkey for signer in self._signers)

    @property
    def state(self) -> WitnessState:
        """Its memory."""
        return self._state

    def add_checkpoint(self, body: bytes) -> Granted:
        """Judge a request and cosign: what is returned is on the disk.

        Args:
            body: of the request, at most `MAX_REQUEST_BYTES`.

        Raises:
            Rejected: with the status and message of the answer.
            StoreError: the disk failed or the state is damaged; nothing may be answered but that.
        """
        try:
            request = AddCheckpoint.from_bytes(body)
        except FormatError as error:
            raise Rejected(400, str(error)) from None
        origin, verifiers = self._log(request.checkpoint)
        note, head, possible = _open(request.checkpoint, origin, verifiers)
        if request.old > head.size:
            raise Rejected(400, f"the old size {request.old} is beyond the checkpoint's, {head.size}", origin)

        signed_by_log = _join(note.text, note.signatures)
        contradiction: list[Contradiction] = []

        def judge(seen: Seen | None) -> Seen:
            known = 0 if seen is None else seen.size
            if request.old != known:
                raise Rejected(409, f"{known} was cosigned last, not {request.old}", origin, known)
            if seen is not None and head.size == seen.size and head.root != seen.root:
                contradiction.append(Contradiction(seen.note, signed_by_log))
            if not possible:
                raise Rejected(422, f"the root of the empty tree is {EMPTY_ROOT.hex()}", origin)
            try:
                check_consistency(request.proof, known, EMPTY_ROOT if seen is None else seen.root, head.size, head.root)
            except VerificationFailed as failure:
                raise Rejected(422, str(failure), origin) from None
            time = self._now(origin, seen)
            cosigned = _join(note.text, [*note.signatures, *self._cosign(note.text, time)])
            return Seen(origin, head.size, head.root, time, cosigned)

        try:
            stored = self._state.update(origin, judge)
        finally:
            if contradiction:
                self._state.keep_contradiction(origin, contradiction[0])
        return Granted(origin, stored.size, stored.note.removeprefix(signed_by_log))

    def sign_subtree(self, body: bytes) -> Granted:
        """Sign a subtree of a checkpoint that this witness cosigned, with its ML-DSA-44 key.

        Args:
            body: of the request, at most `MAX_REQUEST_BYTES`.

        Raises:
            Rejected: with the status and message of the answer; 404 if the witness has no ML-DSA-44 key.
        """
        signer = next((one for one in self._signers if isinstance(one, MlDsaSigner)), None)
        if signer is None:
            raise Rejected(404, "this witness has no ML-DSA-44 key, so it signs no subtrees")
        try:
            request = SignSubtree.from_bytes(body)
        except FormatError as error:
            raise Rejected(400, str(error)) from None
        origin, _ = self._log(request.checkpoint)
        _, head, _ = _open(request.checkpoint, origin, [one.verifier for one in self._signers])
        if request.end > head.size:
            raise Rejected(400, f"the subtree ends at {request.end}, beyond the checkpoint's {head.size}", origin)
        inner = (request.start, request.end)
        try:
            check_subtree(request.proof, inner, request.root, (0, head.size), head.root)
        except VerificationFailed as failure:
            raise Rejected(422, str(failure), origin) from None
        line = signer.sign_subtree(origin, *inner, request.root)
        return Granted(origin, request.end, line.to_bytes())

    def _log(self, checkpoint: bytes) -> tuple[str, tuple[LogVerifier, ...]]:
        """Return the log that the first line names, and its keys."""
        origin = checkpoint.partition(b"\n")[0].decode(errors="replace")
        verifiers = self._logs.get(origin)
        if verifiers is None:
            raise Rejected(404, "this witness does not know a log of that origin")
        return origin, verifiers

    def _now(self, origin: str, seen: Seen | None) -> int:
        """Return the time for a cosignature: that of the clock, but never before one that was given for this log."""
        now, last = int(self._clock()), 0 if seen is None else seen.time
        if now <= 0 or now < last - MAX_CLOCK_SKEW:
            raise Rejected(
                503,
                f"the clock of this witness says {now}, and its last cosignature of this log is of {last}: set the "
                "clock right; if it is that time which was wrong, only a new witness with a new key can go on",
                origin,
            )
        return max(now, last)

    def _cosign(self, text: bytes, time: int) -> list[Signature]:
        self._time.seconds = time
        return [signer.sign(text) for signer in self._signers]


class _Time(threading.local):
    seconds = 0


def _open(checkpoint: bytes, origin: str, verifiers: Sequence[Verifier]) -> tuple[Note, Checkpoint, bool]:
    """Return the note with the signatures that count, its head, and whether there can be such a tree."""
    possible = not _is_impossible(checkpoint[: checkpoint.rfind(b"\n\n") + 1])
    if not possible:
        # ML-DSA signs the head, not the text, and there is no such head; Ed25519 can have signed it.
        verifiers = [one for one in verifiers if not isinstance(one, MlDsaVerifier)]
    try:
        note = open_note(checkpoint, verifiers)
        head = Checkpoint.from_bytes(note.text) if possible else Checkpoint(origin, 0, EMPTY_ROOT)
    except FormatError as error:
        raise Rejected(400, str(error), origin) from None
    except VerificationFailed as failure:
        raise Rejected(403, str(failure), origin) from None
    return note, head, possible


def _join(text: bytes, signatures: Sequence[Signature]) -> bytes:
    return b"".join([text, b"\n", *[signature.to_bytes() for signature in signatures]])


def _is_impossible(text: bytes) -> bool:
    """Tell whether a text is a checkpoint in all but this: it has size 0 and another root than the empty tree."""
    lines = text.split(b"\n")
    if len(lines) != 4 or lines[1] != b"0":
        return False
    try:
        root = decode_base64(lines[2].decode(), "the root of the checkpoint")
    except (FormatError, UnicodeDecodeError):
        return False
    return len(root) == HASH_BYTES and root != EMPTY_ROOT
