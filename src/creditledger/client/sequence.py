"""Where a signing key stands in its own chain of entries, kept beside the key file for signing without the ledger.

Each key numbers its entries (`author_seq`) and chains them by hash. Two signed entries with one number are evidence
against the key, so whoever signs must know which numbers were given out, even while no ledger is in reach. The file
`KEY.seq.json` holds, for each ledger: the first number not known to be recorded and the hash to cite with it, the
largest checkpoint size that the key's entries cite, and the pending entries: signed here, not known to be recorded.

A new entry follows the last pending one. A number is given out a second time only once every entry signed from it on
has expired, and only if the caller says that they were not recorded: until then whoever holds a copy of the signed file
could have it recorded, and two signed entries with one number are evidence against the key. So there is no way to take
a signed entry back before it expires. The file is on the disk before a signature exists, and is changed under a lock.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from creditledger.acts.kinds import MAX_INT
from creditledger.client.files import read_bounded, write_whole
from creditledger.client.phrases import fingerprint, moment, short
from creditledger.errors import FormatError, SequenceConflict, UnsupportedError, UsageError
from creditledger.record.entry import ZERO_HASH, Entry, check_key, encode_entry, entry_hash
from creditledger.store.files import FILE_MODE, disk_error

SEQUENCE_VERSION = "creditledger/sequence/v1"
MAX_SEQUENCE_BYTES = 4 << 20
MAX_PENDING = 1000
CLOCK_MARGIN = 300_000_000
"""Microseconds by which the ledger's clock may be behind: so long an expired entry counts as still recordable."""


class Pending(NamedTuple):
    """A signed entry that is not known to be recorded: its number, its SHA-256, its not_after in microseconds, and the
    path of the file that it was written to, as far as that is known."""

    author_seq: int
    digest: bytes
    not_after: int
    file: str | None = None


class Position(NamedTuple):
    """What the key's next entry says of its place: number, hash to cite, and the least checkpoint size it may cite."""

    author_seq: int
    author_prev: bytes
    seen_size: int


class KeyState(NamedTuple):
    """A key in one ledger: the first number not known to be recorded, the hash to cite with it (32 bytes), the largest
    size seen, and the pending entries, numbered from `next_seq` on without a gap."""

    next_seq: int
    prev: bytes
    seen_size: int
    pending: tuple[Pending, ...] = ()


class SequenceFile:
    """The sequence file of one key (33 bytes).

    `path` is the file; it need not exist yet. A lock file of the same name and `.lock` lies beside it.
    """

    def __init__(self, path: str | os.PathLike[str], key: bytes) -> None:
        check_key(key)
        self.path = Path(path)
        self.key = key

    @classmethod
    def beside(cls, key_file: str | os.PathLike[str], key: bytes) -> SequenceFile:
        """The sequence file of a key file: beside the file itself, also where `key_file` is a symbolic link to it."""
        return cls(f"{os.path.realpath(key_file)}.seq.json", key)

    def states(self) -> dict[bytes, KeyState]:
        """What is known of the key, by ledger id (32 bytes); empty if there is no file.

        Raises `FormatError` if the file is damaged, `UsageError` if it is another key's, `StoreError` if it cannot be
        read.
        """
        try:
            data = read_bounded(self.path, MAX_SEQUENCE_BYTES, "the sequence file")
        except UsageError:
            if os.path.lexists(self.path):
                raise
            return {}
        try:
            return _parse(data, self.key)
        except UnsupportedError as error:
            raise UnsupportedError(f"the sequence file {self.path}: {error}") from None
        except FormatError as error:
            raise FormatError(
                f"the sequence file {self.path} cannot be used: {error}. Move it away and take over where the key "
                "stands from the ledger, once everything signed with this key is recorded or has expired (a backup of "
                "the file may not know the last entries)"
            ) from None

    def state(self, ledger_id: bytes) -> KeyState:
        """What is known of the key in one ledger.

        Raises `UsageError` if nothing is known, and what `states` raises. For the founding entry of a ledger, whose
        ledger id is zero, nothing needs to be known.
        """
        return self._state(self.states(), ledger_id)

    def position(self, ledger_id: bytes, *, now: int, replace: bool = False) -> Position:
        """Where the key's next entry stands: after the last pending one, or in place of the expired with `replace`.

        `now` is in microseconds since the Unix epoch.

        Raises:
            UsageError: nothing is known about the key in this ledger.
            SequenceConflict: pending entries have expired and nobody has said what became of them; or, with `replace`,
                they can still be recorded. The message says until when and what to do.
        """
        return next_position(self.state(ledger_id), now, replace=replace)

    def reserve(
        self,
        ledger_id: bytes,
        build: Callable[[Position], Entry],
        *,
        now: int,
        replace: bool = False,
        file: str | os.PathLike[str] | None = None,
    ) -> bytes:
        """Give out the next number: build the entry that takes it, note it as pending, return its bytes to be signed.

        Once this returns, the number is taken, whatever happens to the signature (see `release`). `build` runs under
        the lock. `file` is where the signed entry will be written.

        Raises:
            UsageError: what `position` raises; there are too many pending entries; or the entry built is for another
                key, ledger or position.
            FormatError: the entry built is not allowed.
            SequenceConflict, StoreError: as `position` and `states`.
        """
        with self._locked():
            states = self.states()
            state = self._state(states, ledger_id)
            position = next_position(state, now, replace=replace)
            entry = build(position)
            data = encode_entry(entry)
            if (entry.key, entry.ledger_id) != (self.key, ledger_id):
                raise UsageError(
                    f"the entry is by key {fingerprint(entry.key)} for ledger {short(entry.ledger_id)}; this is the "
                    f"sequence of key {fingerprint(self.key)}, asked for ledger {short(ledger_id)}"
                )
            if (entry.author_seq, entry.author_prev) != position[:2]:
                raise UsageError(
                    f"the entry is number {entry.author_seq} of its key, and next is number {position.author_seq}: "
                    "another was signed meanwhile, so prepare this one again"
                )
            kept = () if replace else state.pending
            if len(kept) >= MAX_PENDING:
                raise UsageError(f"{MAX_PENDING} signed entries of this key wait to be appended; append some first")
            where = None if file is None else os.path.abspath(file)
            pending = (*kept, Pending(entry.author_seq, entry_hash(data), entry.not_after, where))
            seen = max(state.seen_size, 0 if entry.seen is None else entry.seen[0])
            self._write(states | {ledger_id: state._replace(seen_size=seen, pending=pending)})
        return data

    def release(self, ledger_id: bytes, digest: bytes) -> None:
        """Take the last number back, that of the entry with this SHA-256: signing failed, or its result was lost.

        Only for a signature that nobody has and nobody can have. If another entry follows already, or the number was
        not given out here, nothing happens.
        """
        with self._locked():
            states = self.states()
            state = states.get(ledger_id)
            if state is not None and state.pending and state.pending[-1].digest == digest:
                self._write(states | {ledger_id: state._replace(pending=state.pending[:-1])})

    def void(self, ledger_id: bytes, *, now: int) -> tuple[Pending, ...]:
        """Give up the pending entries, all of which have expired unrecorded; returns them. Their numbers are free.

        Only for a caller that has just taken over where the key stands from the ledger itself (`adopt`).

        Raises `SequenceConflict` if one of them can still be recorded, saying until when.
        """
        with self._locked():
            states = self.states()
            state = self._state(states, ledger_id)
            next_position(state, now, replace=True)
            if state.pending:
                self._write(states | {ledger_id: state._replace(pending=())})
        return state.pending

    def confirm(self, ledger_id: bytes, author_seq: int, digest: bytes) -> None:
        """Note that a pending entry was recorded, as its receipt shows, and so every one before it.

        Noting what is known already changes nothing.

        Raises `SequenceConflict` if another entry was signed here under this number; `UsageError` if none was.
        """
        with self._locked():
            states = self.states()
            state = self._state(states, ledger_id)
            if author_seq < state.next_seq:
                return
            for place, entry in enumerate(state.pending):
                if entry.author_seq == author_seq:
                    if entry.digest != digest:
                        raise _conflict(author_seq, recorded=digest, signed=entry.digest)
                    later = state.pending[place + 1 :]
                    self._write(states | {ledger_id: KeyState(author_seq + 1, digest, state.seen_size, later)})
                    return
        raise UsageError(f"no entry number {author_seq} of this key is pending here; adopt the ledger's state instead")

    def adopt(
        self, ledger_id: bytes, next_seq: int, prev: bytes, seen_size: int = 0, *, force: bool = False
    ) -> KeyState:
        """Take over from the ledger where the key stands; rebuilds a lost file. Returns the new state.

        Args:
            ledger_id: 32 bytes.
            next_seq: the number that the ledger expects next of this key.
            prev: the 32 bytes to cite with it: SHA-256 of the key's last recorded entry; for a key without entries
                the leaf hash of the record that added it.
            seen_size: the largest checkpoint size that the key's recorded entries cite.
            force: overwrite what is known here even if it contradicts; pending entries are forgotten.

        Raises:
            SequenceConflict: the ledger has another entry than was signed here (somebody else uses the key), or the
                ledger asked lags behind what is known to be recorded.
            FormatError: a value is out of its range.
        """
        with self._locked():
            states = self.states()
            known = _taken_over(states, ledger_id, KeyState(next_seq, prev, seen_size), force=force)
            self._write(states | {ledger_id: known})
        return known

    def outlook(self, ledger_id: bytes, next_seq: int, prev: bytes, seen_size: int = 0) -> KeyState:
        """Return what `adopt` would, and write nothing: for those who only try out what they would sign."""
        return _taken_over(self.states(), ledger_id, KeyState(next_seq, prev, seen_size), force=False)

    def _state(self, states: dict[bytes, KeyState], ledger_id: bytes) -> KeyState:
        found = states.get(ledger_id)
        if found is None and ledger_id == ZERO_HASH:
            return KeyState(0, ZERO_HASH, 0)
        if found is None:
            raise UsageError(
                f"where key {fingerprint(self.key)} stands in ledger {short(ledger_id)} is not known: {self.path} does "
                "not say. Take it over from the ledger: where it can be read, `creditledger sign --position --ledger "
                "DIR --key KEY-FILE` (the public one will do) prints the key's next number and the hash to cite, "
                "N:HASH; here, add --adopt N:HASH. If the sequence file was lost, first wait until everything signed "
                "with this key has been recorded or has expired"
            )
        return found

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock; whoever else wants it waits. The lock file stays, so that all lock the same one."""
        path = self.path.with_name(f"{self.path.name}.lock")
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        except OSError as error:
            raise disk_error("open the lock file", path, error.errno, str(error)) from error
        try:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX)
            except OSError as error:
                raise disk_error("lock", path, error.errno, str(error)) from error
            yield
        finally:
            os.close(fd)

    def _write(self, states: dict[bytes, KeyState]) -> None:
        document = {
            "format": SEQUENCE_VERSION,
            "key": self.key.hex(),
            "ledgers": {ledger_id.hex(): _to_json(state) for ledger_id, state in sorted(states.items())},
        }
        data = json.dumps(document, indent=1).encode() + b"\n"
        if len(data) > MAX_SEQUENCE_BYTES:
            raise UsageError(
                f"the sequence file {self.path} would exceed {MAX_SEQUENCE_BYTES} bytes; append some first"
            )
        write_whole(self.path, data, force=True)


def next_position(state: KeyState, now: int, *, replace: bool = False) -> Position:
    """Where an entry signed next stands, if the key stands so; raises `SequenceConflict` as `SequenceFile.position`."""
    if not state.pending:
        return Position(state.next_seq, state.prev, state.seen_size)
    if replace:
        last = max(state.pending, key=lambda entry: entry.not_after)
        free = free_from(last)
        if last.not_after < now <= last.not_after + CLOCK_MARGIN:
            raise SequenceConflict(
                f"entry number {last.author_seq} ({short(last.digest)}{_in(last)}) of this key expired at "
                f"{moment(last.not_after)}; its number is free from {free} (5 minutes for clocks that differ): until "
                "then a ledger whose clock is behind could still record it. Wait until then"
            )
        if now <= last.not_after:
            raise SequenceConflict(
                f"entry number {last.author_seq} ({short(last.digest)}{_in(last)}) of this key is signed and can still "
                f"be recorded by whoever has a copy, so nothing else is signed in its place until {free}: two signed "
                "entries with one number are evidence against the key. Append it (creditledger append, with the file "
                "it was written to), or wait"
            )
        return Position(state.next_seq, state.prev, state.seen_size)
    for entry in state.pending:
        if entry.not_after < now:
            raise SequenceConflict(
                f"entry number {entry.author_seq} ({short(entry.digest)}{_in(entry)}) of this key expired on "
                f"{moment(entry.not_after)}, and is not known to be recorded; its number is free from "
                f"{free_from(entry)} (5 minutes for clocks that differ). If the ledger itself, not an old copy of "
                "it, does not have it, sign in its place with --replace, or give its number up with `creditledger sign "
                "--void --ledger DIR --key KEY-FILE`"
            )
    last = state.pending[-1]
    return Position(last.author_seq + 1, last.digest, state.seen_size)


def free_from(entry: Pending) -> str:
    """Return the moment, in words, from which no ledger can record the entry any more."""
    return moment(entry.not_after + CLOCK_MARGIN + 1_000_000)


def _in(entry: Pending) -> str:
    return "" if entry.file is None else f", written to {entry.file}"


def _taken_over(states: dict[bytes, KeyState], ledger_id: bytes, ledger: KeyState, *, force: bool) -> KeyState:
    """What is known once the ledger has been asked; raises as `SequenceFile.adopt`."""
    known = _check_state(ledger)
    if type(ledger_id) is not bytes or len(ledger_id) != 32:
        raise FormatError("a ledger id is 32 bytes")
    old = states.get(ledger_id)
    return known if old is None or force else _merge(old, known)


def _merge(old: KeyState, ledger: KeyState) -> KeyState:
    """What is known here, brought up to what the ledger says; raises `SequenceConflict` where they contradict."""
    if ledger.next_seq < old.next_seq:
        raise SequenceConflict(
            f"the ledger asked knows {ledger.next_seq} entries of this key, and {old.next_seq} are known to be "
            "recorded: it is an old copy or another ledger; ask an up-to-date one"
        )
    if ledger.next_seq == old.next_seq and ledger.prev != old.prev:
        raise _conflict(old.next_seq - 1, recorded=ledger.prev, signed=old.prev)
    for entry in old.pending:
        if entry.author_seq == ledger.next_seq - 1 and entry.digest != ledger.prev:
            raise _conflict(entry.author_seq, recorded=ledger.prev, signed=entry.digest, way_on=_OTHER_DESK)
    left = tuple(entry for entry in old.pending if entry.author_seq >= ledger.next_seq)
    return ledger._replace(seen_size=max(old.seen_size, ledger.seen_size), pending=left)


_OTHER_DESK = (
    ". If it was you, at another desk, and this is the ledger itself, not a copy: what was signed "
    "here from that number on can never be recorded, since another entry stands in its place. Move this key's file "
    "KEY.seq.json away and sign with --ledger, which takes over where the key stands; destroy the files signed here, "
    "since two signed entries with one number are evidence against the key"
)


def _conflict(author_seq: int, *, recorded: bytes, signed: bytes, way_on: str = "") -> SequenceConflict:
    return SequenceConflict(
        f"the ledger holds entry {recorded.hex()} as number {author_seq} of this key, and {signed.hex()} is known "
        "here: either the key signs in two places, or somebody else has it; find out which, and revoke it if in doubt"
        + way_on
    )


def _to_json(state: KeyState) -> dict[str, Any]:
    return {
        "next_seq": state.next_seq,
        "prev": state.prev.hex(),
        "seen_size": state.seen_size,
        "pending": [
            {
                "author_seq": entry.author_seq, "hash": entry.digest.hex(), "not_after": entry.not_after,
                "file": entry.file,
            }
            for entry in state.pending
        ],
    }  # fmt: skip


def _parse(data: bytes, key: bytes) -> dict[bytes, KeyState]:
    """The states in a file; raises `FormatError` for what `_write` does not write, `UsageError` for another key's."""
    try:
        document = json.loads(data)
        version, owner, ledgers = document["format"], document["key"], document["ledgers"]
        if version != SEQUENCE_VERSION:
            raise UnsupportedError(f"version {version!r:.80}; this version reads {SEQUENCE_VERSION!r}")
        if bytes.fromhex(owner) != key:
            raise UsageError(f"the sequence file belongs to key {str(owner)[:18]}…, not to {fingerprint(key)}")
        return {_digest(ledger_id): _from_json(raw) for ledger_id, raw in ledgers.items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise FormatError(f"it is damaged ({type(error).__name__}: {error!s:.100})") from None


def _from_json(raw: dict[str, Any]) -> KeyState:
    pending = tuple(
        Pending(one["author_seq"], _digest(one["hash"]), one["not_after"], one.get("file")) for one in raw["pending"]
    )
    return _check_state(KeyState(raw["next_seq"], _digest(raw["prev"]), raw["seen_size"], pending))


def _digest(text: str) -> bytes:
    digest = bytes.fromhex(text)
    if len(digest) != 32:
        raise FormatError(f"{text[:80]!a} is not 32 bytes in hexadecimal")
    return digest


def _check_state(state: KeyState) -> KeyState:
    numbers = [state.next_seq, state.seen_size, *(n for one in state.pending for n in (one.author_seq, one.not_after))]
    if any(type(number) is not int or not 0 <= number <= MAX_INT for number in numbers):
        raise FormatError("a number is not whole, or outside 0 to 2^53-1")
    if type(state.prev) is not bytes or len(state.prev) != 32:
        raise FormatError("the hash to cite is not 32 bytes")
    if any(one.file is not None and type(one.file) is not str for one in state.pending):
        raise FormatError("the file of a pending entry is not a text")
    if [one.author_seq for one in state.pending] != [state.next_seq + i for i in range(len(state.pending))]:
        raise FormatError("the pending entries are not numbered in sequence")
    return state
