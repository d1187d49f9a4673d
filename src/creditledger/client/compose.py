"""From acts, typed or in JSON, to the entry that is to be signed.

`prepare` works a whole draft out: it draws handles, case marks and nonces, and turns content given in clear into
commitments. `compose` puts acts into an entry at the key's next position. Both only make what the format allows;
whether a rule forbids it is for the ledger to say.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from creditledger.acts.catalogue import Act
from creditledger.acts.kinds import MAX_ENTRY_ACTS, MAX_INT
from creditledger.client.draft import Draft
from creditledger.client.reader import DraftReader, Random, Resolve
from creditledger.client.sequence import Position
from creditledger.errors import FormatError, UsageError
from creditledger.ledger.receipt import ContentItem
from creditledger.record.entry import MAX_ENTRY_BYTES, Cosigner, Entry, encode_entry

DAY = 86_400_000_000
DEFAULT_VALID_FOR = 7 * DAY
MAX_VALID_FOR = 366 * DAY
"""Microseconds. An entry that stays unrecorded blocks its number until it expires, hence the limit of a year."""


class Prepared(NamedTuple):
    """A draft made ready for signing: who acts, beside whom, what, the content to deliver beside the entry, and `notes`
    for the person who signs: what was drawn; `drawn` says the same to programs, as pairs of path and value."""

    authority: str
    cosigners: tuple[Cosigner, ...]
    acts: tuple[Act, ...]
    contents: tuple[ContentItem, ...]
    notes: tuple[str, ...]
    drawn: tuple[tuple[str, str], ...] = ()


def prepare(draft: Draft, *, random: Random = os.urandom, resolve: Resolve | None = None) -> Prepared:
    """Work a draft out; each call draws anew. `resolve` looks up references such as `17.0` in the ledger.

    Raises `FormatError` with every mistake found, each with its path, such as `acts[0].effective: ...`; a field that
    still holds the template's placeholder is one.
    """
    reader = DraftReader(random, draft.folder, resolve)
    authority, cosigners, acts = reader.document(draft.document)
    reader.finish(draft.name)
    return Prepared(authority, cosigners, acts, tuple(reader.contents), tuple(reader.notes), tuple(reader.drawn))


def compose(
    acts: Iterable[Act | Mapping[str, Any]],
    *,
    ledger_id: bytes,
    authority: str,
    key: bytes,
    sequence: Position,
    cosigners: Iterable[Cosigner] = (),
    valid_for: int = DEFAULT_VALID_FOR,
    now: int,
    seen: tuple[int, bytes] | None = None,
) -> Entry:
    """Return the entry, not signed yet, that holds the acts.

    Args:
        acts: typed, or as drafts hold them (`client.reader.DraftReader.act`), without content in clear.
        ledger_id: 32 bytes.
        authority: who acts, and `key`, its key of 33 bytes.
        sequence: where the key stands (`SequenceFile.position`).
        cosigners: who else signs; put into order here.
        valid_for: microseconds from `now` within which it can be recorded, at most a year.
        now: microseconds since the Unix epoch.
        seen: size and root (32 bytes) of a checkpoint that the author has verified, or None.

    Raises:
        FormatError: something is not allowed in an entry; the message says where.
        UsageError: `valid_for` or `seen` would make an entry that the ledger refuses.
    """
    if not 0 < valid_for <= MAX_VALID_FOR or not 0 <= now <= MAX_INT - valid_for:
        raise UsageError(
            f"an entry is valid for up to {MAX_VALID_FOR // DAY} days from now, and for some time at least, "
            f"not for {valid_for / 60_000_000:g} minutes"
        )
    if seen is not None and seen[0] < sequence.seen_size:
        raise UsageError(
            f"the checkpoint to cite has size {seen[0]}, and an earlier entry of this key cites size "
            f"{sequence.seen_size}: cite one at least as large"
        )
    entry = Entry(
        ledger_id,
        authority,
        key,
        sequence.author_seq,
        sequence.author_prev,
        tuple(sorted(cosigners)),
        now + valid_for,
        seen,
        _typed(acts),
    )
    try:
        encode_entry(entry)
    except FormatError as error:
        raise FormatError(
            f"these acts make no entry (at most {MAX_ENTRY_BYTES} bytes, 1 to {MAX_ENTRY_ACTS} acts): {error}"
        ) from None
    return entry


def _typed(acts: Iterable[Act | Mapping[str, Any]]) -> tuple[Act, ...]:
    reader = DraftReader(None, None)
    typed = [
        act if isinstance(act, tuple) else reader.act(f"acts[{index}]", dict(act)) for index, act in enumerate(acts)
    ]
    reader.finish("the acts")
    return tuple(act for act in typed if act is not None)
