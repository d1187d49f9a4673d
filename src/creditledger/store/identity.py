"""Which handle stands for whom on a list: the rows of the private store that tie a source's key to a random handle.

    key item     id = SHA-256("creditledger/identity/v1")                      32 random bytes: the tag key
    tag row      id = BLAKE2b-256(list ‖ 00 ‖ key of the source), keyed        [handle, id of the content item `key`]
    link row     id = SHA-256(04 ‖ id of the content item `key`)               id of the tag row

A handle is random, never derived from the key, and another one on each list. The tag row finds it from the key; what
the handle stands for is told by the content labelled `key`, to which an act of the log commits. When that content is
erased the tag row must go with it, or whoever holds the master key could still try keys; the link row is how it is
found: `with_links` adds both to the ids of an erasure. A tag row whose content is gone counts for nothing.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from typing import NamedTuple

from creditledger.acts.identifiers import HANDLE_BYTES
from creditledger.codec.canonical import decode, encode
from creditledger.errors import FormatError, KeyFileError, VerificationFailed
from creditledger.store.private import PrivateStore

KEY_LABEL = "key"
"""The label of the content that says what a handle stands for: the source's key."""

_TAG_KEY_ID = hashlib.sha256(b"creditledger/identity/v1").digest()
_NO_NONCE = bytes(32)


class Identity(NamedTuple):
    """A key of the source on a list, its handle (32 bytes), and the id of its content item `key` (32 bytes)."""

    list: str
    key: str
    handle: bytes
    item: bytes


class Identities:
    """The identities of one ledger's lists."""

    def __init__(self, store: PrivateStore, entropy: Callable[[int], bytes] = os.urandom) -> None:
        """Take the ledger's private store. Raises KeyFileError if it was opened without its master key."""
        self._store = store
        self._entropy = entropy
        found = store.get(_TAG_KEY_ID)
        self._tag_key: bytes | None = found[1] if found is not None else None

    def find(self, list_id: str, key: str) -> Identity | None:
        """Return who the key stands for on the list, or None if nobody is known by it, or no longer.

        Raises:
            VerificationFailed: finding `LED-CONTENT`; the private store is damaged.
        """
        if self._tag_key is None:
            return None
        found = self._store.get(_tag(self._tag_key, list_id, key))
        if found is None:
            return None
        handle, item = _read_row(found[1])
        return Identity(list_id, key, handle, item) if self._store.get(item) is not None else None

    def assign(self, identities: Iterable[Identity], counts_from: int = 0) -> None:
        """Store identities durably, all or none; they count once their content items are there too.

        `counts_from` is the size that the log will have when it names their handles: see `PrivateStore.put_many`.
        """
        identities = list(identities)
        tag_key = self._tag_key
        if not identities:
            return
        if tag_key is None:
            tag_key = self._entropy(32)
            self._store.put_many([(_TAG_KEY_ID, _NO_NONCE, tag_key)])
            self._tag_key = tag_key
        rows: list[tuple[bytes, bytes, bytes]] = []
        for identity in identities:
            tag = _tag(tag_key, identity.list, identity.key)
            rows.append((tag, _NO_NONCE, encode((identity.handle, identity.item))))
            rows.append((_link(identity.item), _NO_NONCE, tag))
        self._store.put_many(rows, counts_from)

    def forget(self, items: Iterable[bytes]) -> None:
        """Erase content items, and the rows that would find their subjects."""
        self._store.erase(with_links(self._store, items))

    def new_handle(self) -> bytes:
        """Return a handle that stands for nobody yet."""
        return self._entropy(HANDLE_BYTES)


def with_links(store: PrivateStore, items: Iterable[bytes]) -> list[bytes]:
    """Return what must be erased together with content items: they, their link rows, and the tag rows named there.

    In a store that was opened without its master key the rows cannot be read, and the items come back alone: the
    erasure must be repeated with the key. A row that is left so counts for nothing, but it is left.

    Raises:
        VerificationFailed: finding `LED-CONTENT`; the private store is damaged.
    """
    found: list[bytes] = []
    for item in items:
        try:
            link = store.get(_link(item))
        except KeyFileError:
            link = None
        # The link goes last: while the tag row may be there, the link is there to find it by.
        found += [item] if link is None else [link[1], item, _link(item)]
    return found


def _tag(tag_key: bytes, list_id: str, key: str) -> bytes:
    name = list_id.encode() + b"\0" + key.encode()
    return hashlib.blake2b(name, digest_size=32, key=tag_key, person=b"cl-identity-v1").digest()


def _link(item: bytes) -> bytes:
    return hashlib.sha256(b"\x04" + item).digest()


def _read_row(data: bytes) -> tuple[bytes, bytes]:
    try:
        handle, item = decode(data, 128)
    except (FormatError, TypeError, ValueError):
        raise VerificationFailed(
            "LED-CONTENT", "a row of identities is damaged", expected="a handle and an item", found=data[:80].hex()
        ) from None
    return handle, item
