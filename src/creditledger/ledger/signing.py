"""A key signs one entry after the other: within one open ledger, no two for the same place in its chain."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from creditledger.acts import catalogue as acts
from creditledger.errors import SequenceConflict
from creditledger.keys.signer import Signer
from creditledger.ledger.founding import DEFAULT_VALIDITY
from creditledger.record.entry import Cosigner, Entry, encode_entry
from creditledger.rules.rows import KeyHead


class Place(NamedTuple):
    """Where an entry goes: the ledger, whose it is, where the key's chain stands, and the present moment (µs)."""

    ledger_id: bytes
    authority: str
    head: KeyHead
    now: int


class Signed(NamedTuple):
    """A signed entry, not recorded yet."""

    entry: Entry
    data: bytes
    signatures: list[bytes]


class Turns:
    """Whose turn it is to sign with a key, and which entries left the ledger unrecorded."""

    def __init__(self) -> None:
        self._locks: dict[bytes, threading.Lock] = {}
        self._given: dict[bytes, Signed] = {}

    def of(self, key: bytes) -> threading.Lock:
        """The lock to be held from looking where a key's chain stands until its entry is signed, or recorded."""
        return self._locks.setdefault(key, threading.Lock())

    def sign(
        self,
        place: Place,
        several: Sequence[acts.Act],
        signer: Signer,
        cosigners: Sequence[tuple[str, Signer]],
        not_after: int | None,
        seen: tuple[int, bytes] | None,
    ) -> Signed:
        """Signs an entry for a place; one that was given out for it and says the same is not signed again.

        Raises `SequenceConflict` if one was given out that says something else and can still be recorded.
        """
        pairs = sorted((who, one.public_key, one) for who, one in cosigners)
        entry = Entry(
            place.ledger_id,
            place.authority,
            signer.public_key,
            place.head.next_seq,
            place.head.prev,
            tuple(Cosigner(who, key) for who, key, _ in pairs),
            place.now + DEFAULT_VALIDITY if not_after is None else not_after,
            seen,
            tuple(several),
        )
        data = encode_entry(entry)
        given = self._given.get(entry.key)
        if given is None or given.entry.author_seq != entry.author_seq or given.entry.not_after < place.now:
            return Signed(entry, data, [signer.sign(data), *(one.sign(data) for _, _, one in pairs)])
        if not_after is None:
            data = encode_entry(entry._replace(not_after=given.entry.not_after))
        if data == given.data:
            return given
        until = datetime.fromtimestamp(given.entry.not_after // 1_000_000, UTC)
        raise SequenceConflict(
            f"another entry was signed as number {entry.author_seq} of this key and can still be recorded; two at one "
            "number are evidence against the key. Record it first (append_signed), or wait until it has expired, "
            f"after {until:%Y-%m-%d %H:%M:%S} UTC"
        )

    def give(self, signed: Signed) -> None:
        """Notes an entry that is handed out."""
        self._given[signed.entry.key] = signed
