"""One ledger: founded, opened, appended to, asked.

    with Ledger.open("registry", log_signer=...) as ledger:
        receipt = ledger.append(act, signer=court)
        answer = ledger.lookup(firm, "judgment-defaulters", valid_at="2026-03-10")

A `Ledger` is thread-safe. It belongs to the process that opened it. Any number of processes may have it open to read,
beside the one that writes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from threading import get_ident
from typing import TYPE_CHECKING, Self

from creditledger.acts import catalogue as acts
from creditledger.errors import UsageError
from creditledger.keys.signer import Signer
from creditledger.ledger import arguments
from creditledger.ledger.cosigning import Cosigned, cosign
from creditledger.ledger.founding import founding_entry, system_clock
from creditledger.ledger.opening import Parts, found, open_to_read, open_to_write
from creditledger.ledger.questions import OpenLedger
from creditledger.ledger.receipt import ContentItem, Receipt
from creditledger.ledger.signing import Place, Signed, Turns
from creditledger.ledger.trial import Trial, trial
from creditledger.ledger.writer import Writer
from creditledger.record.entry import ZERO_HASH, check_entry
from creditledger.rules.rows import ROOT, KeyHead

if TYPE_CHECKING:
    from creditledger.tlog.cosignature import MlDsaSigner
    from creditledger.tlog.policy import Policy


class Ledger(OpenLedger):
    """One ledger, open; made by `create` or `open`. A context manager: leaving it closes it."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._turns = Turns()

    # -- founding and opening -------------------------------------------------------------------------------------

    @classmethod
    def create(
        cls,
        directory: str | os.PathLike[str],
        *,
        origin: str,
        log_signer: Signer,
        root_signers: Sequence[Signer],
        threshold: int | None = None,
        utc_offset: str = "+00:00",
        content_key: bytes | None = None,
        head_dir: str | os.PathLike[str] | None = None,
        clock: Callable[[], int] = system_clock,
    ) -> Ledger:
        """Founds a ledger in a new or empty directory and returns it, open for writing.

        `origin` names the log (a URL, scheme left out). `root_signers` govern it, `threshold` of them together
        (default: more than half). `utc_offset` fixes its civil days. `content_key` (32 bytes) encrypts content.
        `head_dir` keeps the last signed head outside the directory (default: the user's state directory).

        Raises `StoreError` when the directory is not empty or the disk fails, `FormatError` for a wrong argument.
        """
        arguments.check_signer(log_signer, "log_signer")
        arguments.check_signers(root_signers, "root_signers")
        data, signatures = founding_entry(origin, log_signer, root_signers, threshold, utc_offset, clock())
        return cls.create_from_entry(
            directory, data, signatures, log_signer=log_signer, content_key=content_key, head_dir=head_dir, clock=clock
        )

    @classmethod
    def create_from_entry(
        cls,
        directory: str | os.PathLike[str],
        data: bytes,
        signatures: Iterable[bytes],
        *,
        log_signer: Signer,
        content_key: bytes | None = None,
        head_dir: str | os.PathLike[str] | None = None,
        clock: Callable[[], int] = system_clock,
    ) -> Ledger:
        """Founds a ledger with a founding entry that the root keys signed elsewhere; see `create`."""
        arguments.check_directory(directory)
        arguments.check_signer(log_signer, "log_signer")
        parts = found(
            directory, data, signatures, log_signer=log_signer, content_key=content_key, head_dir=head_dir, clock=clock
        )
        return cls(parts)

    @classmethod
    def open(
        cls,
        directory: str | os.PathLike[str],
        *,
        log_signer: Signer | Sequence[Signer] | None = None,
        post_quantum_signer: MlDsaSigner | None = None,
        witnesses: Policy | None = None,
        witness_timeout: float = 5.0,
        content_key: bytes | None = None,
        head_dir: str | os.PathLike[str] | None = None,
        clock: Callable[[], int] = system_clock,
    ) -> Ledger:
        """Opens a ledger: to write with the log key's signer, to read without.

        While a log key is being replaced, the signers of both are given, and both sign. `post_quantum_signer`, named as
        the origin, signs besides at `cosign`. `witnesses` (default: what `witnesses.policy` in the directory says) are
        asked whether they have seen more of the ledger, each for `witness_timeout` seconds at most.

        Raises `NoLedger`, `Locked` (another process writes), `UnsupportedError`; `VerificationFailed` (LED-HEAD) when
        this machine has signed, or a witness has seen, more than the directory holds, (LED-TREE, LED-CKPT) when the log
        contradicts its own last checkpoint; `CannotVerify` when this machine has no head for the ledger and so must not
        sign.
        """
        arguments.check_directory(directory)
        if log_signer is not None:
            return cls(
                open_to_write(
                    directory, log_signers=arguments.check_log_signers(log_signer),
                    post_quantum_signer=post_quantum_signer, policy=witnesses, witness_timeout=witness_timeout,
                    content_key=content_key, head_dir=head_dir, clock=clock,
                )
            )  # fmt: skip
        with ExitStack() as undo:
            parts = open_to_read(directory, policy=witnesses, content_key=content_key, clock=clock)
            ledger = undo.enter_context(cls(parts))
            with ledger._asking():  # What the state lacks is replayed here, rather than at the first question.
                pass
            undo.pop_all()
        return ledger

    # -- appending ------------------------------------------------------------------------------------------------

    def append(
        self,
        act: acts.Act | Sequence[acts.Act],
        *,
        signer: Signer,
        authority: str | None = None,
        cosigners: Sequence[tuple[str, Signer]] = (),
        not_after: int | None = None,
        seen: tuple[int, bytes] | None = None,
        contents: Iterable[ContentItem] = (),
    ) -> Receipt:
        """Builds one entry of one or several acts, signs and records it; returns once it is durable.

        `authority` defaults to the one the signer's key is registered for. `cosigners` are (authority, signer) pairs.
        `not_after` is in microseconds since the Unix epoch (default: an hour from now). `contents` go to the private
        store. Raises `Refused` and what `append_signed` raises.

        The entry follows the key's last one *recorded here*; threads that use one key take turns. An entry that `sign`
        gave out is taken into account (`SequenceConflict`). One signed elsewhere and not recorded yet is not known
        here: a key with which entries are also signed offline keeps account of them in its sequence file
        (`KEY.seq.json`, see `client.sequence`), and must sign through that, as `creditledger append` does; two entries
        signed with one number are evidence against the key.
        """
        several = arguments.check_acts(act)
        arguments.check_signer(signer, "signer")
        items = arguments.check_contents(contents)
        with self._turns.of(signer.public_key):
            signed = self._sign(several, signer, authority, cosigners, not_after, seen)
            return self.append_signed(signed.data, signed.signatures, items)

    def sign(
        self,
        several: Sequence[acts.Act],
        *,
        signer: Signer,
        authority: str | None = None,
        cosigners: Sequence[tuple[str, Signer]] = (),
        not_after: int | None = None,
        seen: tuple[int, bytes] | None = None,
    ) -> tuple[bytes, list[bytes]]:
        """The bytes and signatures of an entry as `append` would record it, unrecorded.

        Until it is recorded or has expired, this ledger signs nothing else in its place (`SequenceConflict`), and
        gives the same bytes for the same acts.
        """
        several = arguments.check_acts(several)
        arguments.check_signer(signer, "signer")
        with self._turns.of(signer.public_key):
            signed = self._sign(several, signer, authority, cosigners, not_after, seen)
            self._turns.give(signed)
        return signed.data, signed.signatures

    def _sign(
        self,
        several: Sequence[acts.Act],
        signer: Signer,
        authority: str | None,
        cosigners: Sequence[tuple[str, Signer]],
        not_after: int | None,
        seen: tuple[int, bytes] | None,
    ) -> Signed:
        arguments.check_cosigners(cosigners)
        arguments.check_moment(not_after, "not_after")
        arguments.check_seen(seen)
        with self._asking():
            head = self._state.heads.get(signer.public_key, KeyHead(0, ZERO_HASH, 0))
            row = self._state.governance.keys.get(signer.public_key)
        place = Place(self.ledger_id, authority or (row.authority if row else ROOT), head, self._clock())
        return self._turns.sign(place, several, signer, cosigners, not_after, seen)

    def append_signed(self, data: bytes, signatures: Iterable[bytes], contents: Iterable[ContentItem] = ()) -> Receipt:
        """Records an entry signed elsewhere: its bytes, the author's signature, then the cosigners' in their order.

        Bytes recorded before give their first receipt again. Raises `FormatError`, `VerificationFailed` (a signature),
        `Refused` (a rule), `SequenceConflict`, `StoreError`.
        """
        arguments.check_signed(data, signatures)
        return self._require_writer().append([check_entry(data, signatures)], arguments.check_contents(contents))[0]

    def append_all(
        self, entries: Sequence[tuple[bytes, Sequence[bytes]]], contents: Iterable[ContentItem] = ()
    ) -> list[Receipt]:
        """Records several signed entries in order and in one commit: all of them, or none."""
        arguments.check_pairs(entries)
        checked = [check_entry(data, signatures) for data, signatures in entries]
        return self._require_writer().append(checked, arguments.check_contents(contents)) if checked else []

    def append_many(
        self,
        entries: Iterable[tuple[bytes, Sequence[bytes]]],
        *,
        jobs: int | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> int:
        """Records any number of signed entries in order, about a thousand to a commit; returns how many.

        Forms and signatures are checked in `jobs` worker processes (default: one for each processor; 0: in this one).
        Raises what `append_signed` raises, with a note of the number of the entry in question; the commits before it
        stand, and the same entries may be given again. `progress` is told how many are recorded so far.
        """
        from creditledger.ledger.bulk import append_many

        number = append_many(self._require_writer(), arguments.checked_pairs(entries), jobs=jobs, progress=progress)
        with self._state_lock:
            self._state.flush()
        return number

    def check_batch(self, entries: Sequence[tuple[bytes, Sequence[bytes]]]) -> None:
        """Judges signed entries in order as if they were appended now, recording nothing; raises as `append_signed`."""
        arguments.check_pairs(entries)
        self._require_writer().try_out([check_entry(data, signatures) for data, signatures in entries])

    @contextmanager
    def trial(self) -> Iterator[Trial]:
        """Tries entries out before they are signed, as `append_signed` would judge them now: see `Trial.judge`.

        Nothing remains of it, and a ledger that is open to read is enough. Other threads wait until it is over. This
        one meets governance as it would be after those tried out; it cannot append, nor begin another (`UsageError`).
        """
        with self._asking():
            self._require_no_trial()
            if self._writer is not None:
                self._writer.require_clock()
            with trial(self._log, self._state, self._clock()) as attempt:
                self._trying = get_ident()
                try:
                    yield attempt
                finally:
                    self._trying = 0

    def _require_no_trial(self) -> None:
        if self._trying == get_ident():
            raise UsageError("this thread is trying entries out; end the trial first")

    def _require_writer(self) -> Writer:
        self._require_usable()
        if self._writer is None:
            raise UsageError("the ledger is open to read; open it with the log key's signer to append")
        self._require_no_trial()
        return self._writer

    # -- cosigning ------------------------------------------------------------------------------------------------

    def cosign(self, timeout: float = 5.0) -> Cosigned:
        """Has the newest checkpoint signed by all who are to sign it: log keys, post-quantum key, witnesses.

        Its root is computed anew from stored bytes first. All witnesses are asked at once, each for `timeout` seconds
        at most, while others may append; one that is down is no error (see `Cosigned.asked`). What they sign is added
        to the stored checkpoint, newer signatures in place of older ones of the same key.

        Raises `VerificationFailed` (LED-TREE, LED-CKPT) when the log is not what its checkpoint was signed for,
        (LED-HEAD) when a witness proves that the log has signed more than is here or something else: then this ledger
        signs nothing more. Raises `StoreError`.
        """
        self._require_writer()
        return cosign(self._parts, timeout)

    # -- closing --------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Writes what is kept in memory and releases everything. Closing twice is fine."""
        if self._closed or self._process != os.getpid():
            return
        self._closed = True
        self._parts.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
