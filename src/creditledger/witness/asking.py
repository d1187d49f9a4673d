"""Asking witnesses to cosign a checkpoint: the client's side of c2sp.org/tlog-witness.

All are asked at once. A witness is a stranger: it may be down, slow, mistaken or lying, and then it has given no
cosignature and cost some seconds, no more. What it says is believed only where somebody's signature shows it: its
cosignatures of exactly this checkpoint by its own key, a larger tree by the key of the log.

The size that it answers is believed for one purpose: to prove consistency from there.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, NamedTuple

from creditledger.errors import FormatError, LedgerError, VerificationFailed
from creditledger.tlog.add_checkpoint import SIZE_TYPE, AddCheckpoint, parse_size
from creditledger.tlog.checkpoint import Checkpoint, open_checkpoint
from creditledger.tlog.cosignature import timestamp
from creditledger.tlog.note import MAX_NOTE_BYTES, Signature, Verifier, open_note
from creditledger.tlog.policy import Witness
from creditledger.web.url import below
from creditledger.witness import MAX_TIME_APART

MAX_ANSWER_BYTES: Final = 65_536
"""Of an answer to `add-checkpoint`: room for 20 post-quantum signature lines."""
MAX_CONFLICTS: Final = 3
"""How often a witness may answer with another size before it is given up: others may be asking it, too."""

_MAX_PROBLEM: Final = 1000

_OK: Final = 200
_CONFLICT: Final = 409
_INCONSISTENT: Final = 422

Prove = Callable[[int, int], Sequence[bytes]]
"""Returns the consistency proof from one size to another, 32-byte hashes; called by one thread at a time."""


class Asked(NamedTuple):
    """What came of asking one witness.

    Attributes:
        witness: which one.
        signatures: its cosignatures of exactly this checkpoint, verified, with a time within
            `MAX_TIME_APART` of the own clock.
        size: the size that the witness says it had cosigned before; None if it did not say. Not to be trusted.
        proof_of_size: a checkpoint that the log signed, as a note, which the witness had and which has a larger tree
            than this checkpoint, or which this witness finds this checkpoint to contradict.
        problem: why there are no signatures, in words; empty if there are.
    """

    witness: Witness
    signatures: tuple[Signature, ...] = ()
    size: int | None = None
    proof_of_size: bytes | None = None
    problem: str = ""


def ask(
    witnesses: Sequence[Witness],
    checkpoint: bytes,
    *,
    log_verifiers: Sequence[Verifier],
    prove: Prove,
    known: Mapping[str, int],
    timeout: float = 5.0,
    now: Callable[[], float] = time.time,
) -> list[Asked]:
    """Ask every witness for its cosignature of a checkpoint, all at the same time.

    Args:
        witnesses: whom to ask. Several with one URL are keys of one service, which is asked once.
        checkpoint: the note that the log has signed.
        log_verifiers: the keys of the log.
        prove: makes consistency proofs of the log.
        known: the size that each witness had last, by its name; a witness that is not in it is asked.
        timeout: seconds after which this returns, whatever the witnesses do.
        now: tells POSIX seconds.

    Returns:
        What came of each witness, in their order.

    Raises:
        FormatError, VerificationFailed: the checkpoint is not one that the log has signed.
        LedgerError: what `prove` raised, once every witness has been asked. No witness can make this raise anything.
    """
    origin = checkpoint.partition(b"\n")[0].decode(errors="replace")
    head = open_checkpoint(checkpoint, log_verifiers, origin)
    shown = _signed_by_log(checkpoint, {verifier.name for verifier in log_verifiers})
    request = _Request(shown, head, tuple(log_verifiers), prove, timeout, now)
    services: dict[str, list[Witness]] = {}
    for witness in witnesses:
        if witness.url is not None:
            services.setdefault(witness.url, []).append(witness)
    conversations = [_Conversation(request, url, those, known) for url, those in services.items()]
    # These threads end by themselves; one that hangs, in a look-up of a name for example, must hold up nobody.
    threads = [threading.Thread(target=one.run, name="ask a witness", daemon=True) for one in conversations]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, request.due - time.monotonic()))
    if request.failures:
        raise request.failures[0]
    found = {asked.witness.name: asked for one in conversations for asked in one.results()}
    return [
        found.get(witness.name) or Asked(witness, problem="the policy does not say where this witness is reached")
        for witness in witnesses
    ]


def _signed_by_log(checkpoint: bytes, names: set[str]) -> bytes:
    """The checkpoint with the log's own signature lines, of either type, and without cosignatures of earlier rounds.

    A witness needs no others', and some read no more than 10 KiB: three post-quantum lines.
    """
    end = checkpoint.rindex(b"\n\n") + 2
    lines = checkpoint[end:].splitlines(keepends=True)
    return checkpoint[:end] + b"".join(line for line in lines if line.decode().split(" ")[1] in names)


@dataclass(slots=True)
class _Request:
    """What is the same for all witnesses."""

    checkpoint: bytes
    head: Checkpoint
    log_verifiers: tuple[Verifier, ...]
    prove: Prove
    timeout: float
    now: Callable[[], float]
    due: float = field(init=False)
    failures: list[LedgerError] = field(default_factory=list)
    proving: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.due = time.monotonic() + self.timeout

    def left(self) -> float:
        """Seconds until the answers are due; raises _Problem if there are none left."""
        left = self.due - time.monotonic()
        if left <= 0:
            raise _Problem(f"it did not answer within {self.timeout:g} s")
        return left

    def proof(self, old: int) -> tuple[bytes, ...]:
        """The consistency proof from this size; an error in making it is the caller's, not the witness's."""
        if old in (0, self.head.size):
            return ()
        with self.proving:
            try:
                return tuple(self.prove(old, self.head.size))
            except LedgerError as error:
                self.failures.append(error)
                raise _Problem("the consistency proof could not be made") from error


class _Problem(LedgerError):
    """Why a witness gave no cosignature."""


class _Conversation:
    """What is said to one service, and what it answers."""

    def __init__(self, request: _Request, url: str, witnesses: list[Witness], known: Mapping[str, int]) -> None:
        self._request = request
        self._url = url
        self._witnesses = witnesses
        self._old = next((known[one.name] for one in witnesses if one.name in known), 0)
        self._size: int | None = None
        self._problem = f"it did not answer within {request.timeout:g} s"
        self._done: list[Asked] | None = None

    def run(self) -> None:
        """Ask, and note what came of it; raises nothing."""
        try:
            body = self._converse()
            done = [self._accept(one, body) for one in self._witnesses]
        except (LedgerError, OSError, ValueError) as error:
            self._problem = _in_words(error)
            proof = None
            with suppress(LedgerError, OSError, ValueError):
                proof = self._proof_of_size(error)
            done = [Asked(one, (), self._size, proof, self._problem) for one in self._witnesses]
        self._done = done

    def results(self) -> list[Asked]:
        """What came of it so far."""
        if (done := self._done) is not None:
            return done
        return [Asked(one, size=self._size, problem=self._problem) for one in self._witnesses]

    def _converse(self) -> bytes:
        """Return the body of the answer 200, after as many conflicts as are put up with."""
        from creditledger.web.http import Client

        size = self._request.head.size
        old = self._old if self._old <= size else 0
        for _ in range(1 + MAX_CONFLICTS):
            proof = self._request.proof(old)
            body = AddCheckpoint(old, proof, self._request.checkpoint).to_bytes()
            client = Client(self._request.left(), attempts=1)
            answer = client.post(below(self._url, "add-checkpoint"), body, MAX_ANSWER_BYTES)
            if answer.status == _OK:
                self._size = old
                return answer.body
            if answer.status != _CONFLICT:
                raise _Refusal(answer.status, answer.body)
            kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind != SIZE_TYPE:
                raise _Problem(f"it answers 409 with {kind!r:.80} instead of {SIZE_TYPE}, so not as a witness does")
            told = parse_size(answer.body)
            self._size = told
            if told > size:
                raise _Larger(f"it says that it has cosigned a tree of size {told}, and this checkpoint's is {size}")
            if told == old:
                raise _Problem(f"it answers 409 and names the very size, {old}, from which consistency was proved")
            old = told
        raise _Problem(
            f"it answered with another size {1 + MAX_CONFLICTS} times: others ask it at the same time, or it lies"
        )

    def _accept(self, witness: Witness, body: bytes) -> Asked:
        """Take the cosignatures of one witness from the answer."""
        try:
            return Asked(witness, self._verified(witness, body), self._size)
        except (FormatError, VerificationFailed, _Problem) as error:
            return Asked(witness, (), self._size, None, _in_words(error))

    def _verified(self, witness: Witness, body: bytes) -> tuple[Signature, ...]:
        text = self._request.head.to_bytes()
        note = open_note(text + b"\n" + body, [witness.verifier()])
        if note.text != text:
            # An empty line in the answer would make all before it the text that is signed.
            raise _Problem("its answer is not signature lines, but the text of another note")
        now = int(self._request.now())
        for signature in note.signatures:
            found = timestamp(signature)
            if abs(found - now) > MAX_TIME_APART:
                raise _Problem(
                    f"its cosignature has the time {found}, and it is {now} here, in POSIX seconds: more than "
                    f"{MAX_TIME_APART} s apart; one of the two clocks is wrong"
                )
        return note.signatures

    def _proof_of_size(self, error: Exception) -> bytes | None:
        """Fetch the checkpoint with which a witness can show that it is right, where it says something remarkable."""
        remarkable = isinstance(error, _Larger) or (isinstance(error, _Refusal) and error.status == _INCONSISTENT)
        if not remarkable:
            return None
        from creditledger.web.http import Client

        head = self._request.head
        path = f"{sha256(head.origin.encode()).hexdigest()}/checkpoint"
        client = Client(self._request.left(), attempts=1)
        try:
            answer = client.get(below(self._url, path), MAX_NOTE_BYTES)
        finally:
            client.close()
        if answer.status != _OK:
            return None
        shown = open_checkpoint(answer.body, self._request.log_verifiers, head.origin)
        if isinstance(error, _Larger) and shown.size <= head.size:
            return None
        return answer.body


class _Larger(_Problem):
    """The witness says that the log is larger."""


class _Refusal(_Problem):
    """The witness answers with another status than 200 and 409."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        meaning = {
            400: "it finds the request malformed",
            403: "it does not know the key that signed this checkpoint as one of this log's",
            404: "it does not know this log, or there is no witness at this address",
            422: "it finds that this checkpoint contradicts what it cosigned before",
            429: "it has too much to do",
            503: "it cannot cosign at the moment",
        }.get(status, "that is not an answer that a witness gives")
        said = body[:200].decode(errors="replace").strip()
        super().__init__(f"it answers {status}: {meaning}" + (f" (it says {said!a})" if said else ""))


def _in_words(error: Exception) -> str:
    """An error in one line; what a witness said in it can neither begin another nor move the cursor of a terminal."""
    words = str(error) if isinstance(error, LedgerError) else f"{type(error).__name__}: {error}"
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in words[:_MAX_PROBLEM])
