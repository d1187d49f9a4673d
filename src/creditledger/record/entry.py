"""The entry: 1..N acts that one authority signs once, and that take effect all or not at all.

Its bytes are what is signed. They are kept and hashed as they were received; `read_entry` accepts them only in their
one canonical form (format v1, section 3).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, NamedTuple

from creditledger.acts.catalogue import Act
from creditledger.acts.kinds import MAX_ENTRY_ACTS, MAX_INT
from creditledger.acts.registry import check_act, encode_act, restore_act
from creditledger.codec.canonical import decode, decode_fast, encode
from creditledger.codec.own import restore
from creditledger.codec.text import check_identifier
from creditledger.errors import FormatError, UnsupportedError, VerificationFailed
from creditledger.keys import ed25519

ENTRY_VERSION = "creditledger/entry/v1"
MAX_ENTRY_BYTES = 60_000
MAX_COSIGNERS = 16
ZERO_HASH = bytes(32)

RawEntry = tuple[
    str, bytes, str, bytes, int, bytes, tuple[tuple[str, bytes], ...], int, tuple[int, bytes] | None, tuple[Any, ...]
]
"""Version, ledger_id, authority, key, author_seq, author_prev, cosigners, not_after, seen, acts: as encoded."""


class Cosigner(NamedTuple):
    """One who signs the same bytes beside the author: authority and 33-byte key."""

    authority: str
    key: bytes


class Entry(NamedTuple):
    """What an authority signs.

    `ledger_id` 32 bytes; `key` 33 bytes (01 ‖ Ed25519 public key); `author_seq` counts the key's entries from 0;
    `author_prev` 32 bytes: SHA-256 of the key's previous entry, for the first one the leaf hash of the record that
    added the key; `not_after` microseconds since the Unix epoch; `seen` the (size, root) of a checkpoint that the
    author verified, or None.
    """

    ledger_id: bytes
    authority: str
    key: bytes
    author_seq: int
    author_prev: bytes
    cosigners: tuple[Cosigner, ...]
    not_after: int
    seen: tuple[int, bytes] | None
    acts: tuple[Act, ...]


class CheckedEntry(NamedTuple):
    """An entry whose form and signatures hold: its bytes, their SHA-256, what they say, and the signatures."""

    data: bytes
    digest: bytes
    entry: Entry
    signatures: tuple[bytes, ...]


def entry_hash(data: bytes) -> bytes:
    """SHA-256 of an entry's bytes, 32 bytes: how acts and author chains refer to it."""
    return hashlib.sha256(data).digest()


def encode_entry(entry: Entry) -> bytes:
    """The canonical bytes of an entry; raises `FormatError` naming what is not allowed."""
    data = encode(
        (
            ENTRY_VERSION,
            *entry[:5],
            tuple(tuple(cosigner) for cosigner in entry.cosigners),
            entry.not_after,
            entry.seen if entry.seen is None else tuple(entry.seen),
            tuple(map(encode_act, entry.acts)),
        )
    )
    decode_entry(data)
    return data


def read_entry(data: bytes) -> RawEntry:
    """The elements of an entry in its one canonical form, all of them checked.

    Raises `FormatError` saying where it departs from the form, `UnsupportedError` for an entry version or act type
    that this version does not know.
    """
    raw = decode_fast(data, MAX_ENTRY_BYTES)
    if type(raw) is not tuple or not raw or type(raw[0]) is not str:
        raise FormatError("an entry is an array that begins with its version")
    if raw[0] != ENTRY_VERSION:
        decode(data, MAX_ENTRY_BYTES)
        raise UnsupportedError(f"entry version {raw[0]!r:.80}; this version reads {ENTRY_VERSION!r}")
    if len(raw) != 10:
        raise FormatError(f"an entry has 10 elements, found {len(raw)}")
    _, ledger_id, authority, key, author_seq, author_prev, cosigners, not_after, seen, acts = raw
    _check_bytes(ledger_id, 32, "ledger_id")
    check_identifier(authority)
    check_key(key)
    _check_int(author_seq, "author_seq")
    _check_bytes(author_prev, 32, "author_prev")
    _check_int(not_after, "not_after")
    if seen is not None:
        if type(seen) is not tuple or len(seen) != 2:
            raise FormatError("seen is nil or an array of size and root")
        _check_int(seen[0], "seen size")
        _check_bytes(seen[1], 32, "seen root")
    if cosigners != ():
        _check_cosigners(cosigners, key)
    if type(acts) is not tuple or not 1 <= len(acts) <= MAX_ENTRY_ACTS:
        raise FormatError(f"an entry holds 1 to {MAX_ENTRY_ACTS} acts")
    try:
        for act in acts:
            check_act(act)
    except UnsupportedError as error:
        _require_well_formed(data, acts)
        raise error from None
    return raw


def _require_well_formed(data: bytes, acts: tuple[Any, ...]) -> None:
    """An act of an unknown type decides last: what is malformed beside it, or in it, is malformed all the same."""
    decode(data, MAX_ENTRY_BYTES)
    for act in acts:
        with suppress(UnsupportedError):
            check_act(act)


def decode_entry(data: bytes) -> Entry:
    """The entry that the bytes are the one canonical form of; raises what `read_entry` raises."""
    return _typed(read_entry(data))


def restore_entry(data: bytes) -> Entry:
    """The entry of bytes that `read_entry` has accepted before; unchecked, and so faster."""
    return _typed(restore(data))


def _typed(raw: RawEntry) -> Entry:
    cosigners = tuple(map(Cosigner._make, raw[6])) if raw[6] else ()
    return Entry._make((*raw[1:6], cosigners, raw[7], raw[8], tuple([restore_act(act) for act in raw[9]])))


def _check_cosigners(raw: Any, author_key: bytes) -> None:
    if type(raw) is not tuple or len(raw) > MAX_COSIGNERS:
        raise FormatError(f"cosigners is an array of at most {MAX_COSIGNERS} authorities with keys")
    last: tuple[str, bytes] = ("", b"")
    keys = {author_key}
    for pair in raw:
        if type(pair) is not tuple or len(pair) != 2:
            raise FormatError("a cosigner is an array of authority and key")
        check_identifier(pair[0])
        check_key(pair[1])
        if pair <= last:
            raise FormatError("cosigners must be in ascending order, each once")
        if pair[1] in keys:
            raise FormatError("a key signs an entry once")
        keys.add(pair[1])
        last = pair


def check_key(key: Any) -> None:
    """Raises `FormatError` unless `key` is 33 bytes: 01 (Ed25519) and a public key."""
    if type(key) is not bytes or len(key) != 33 or key[0] != 1:
        raise FormatError("a key is 33 bytes: 01 (Ed25519) and the public key")


def _check_bytes(value: Any, size: int, name: str) -> None:
    if type(value) is not bytes or len(value) != size:
        raise FormatError(f"{name} must be {size} bytes")


def _check_int(value: Any, name: str) -> None:
    if type(value) is not int or not 0 <= value <= MAX_INT:
        raise FormatError(f"{name} must be a whole number from 0 to 2^53-1")


def check_signatures(data: bytes, entry: Entry, signatures: Iterable[bytes]) -> tuple[bytes, ...]:
    """Checks that author, then cosigners in order, signed exactly these bytes; returns the signatures as a tuple.

    Raises `FormatError` for a wrong number or length, `VerificationFailed` (LED-SIG) for a signature that fails.
    """
    signatures = tuple(signatures)
    if len(signatures) != 1 + len(entry.cosigners):
        raise FormatError(
            f"the entry is signed by its author and {len(entry.cosigners)} cosigners: "
            f"{1 + len(entry.cosigners)} signatures are needed, {len(signatures)} are there"
        )
    if any(type(signature) is not bytes or len(signature) != 64 for signature in signatures):
        raise FormatError("a signature is 64 bytes")
    ed25519.verify(entry.key[1:], data, signatures[0])
    for cosigner, signature in zip(entry.cosigners, signatures[1:], strict=True):
        try:
            ed25519.verify(cosigner.key[1:], data, signature)
        except VerificationFailed as error:
            raise VerificationFailed(
                error.finding, f"the countersignature of {cosigner.authority}: {error}", found=signature.hex()
            ) from None
    return signatures


def check_entry(data: bytes, signatures: Iterable[bytes]) -> CheckedEntry:
    """Everything about a signed entry that its bytes alone decide: see `decode_entry` and `check_signatures`."""
    entry = decode_entry(data)
    return CheckedEntry(data, entry_hash(data), entry, check_signatures(data, entry, signatures))
