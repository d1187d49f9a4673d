"""The hand that copies: turns rows into acts, acts into entries of one list each, and records them.

Every entry begins with a source.cite, to which its acts refer. An entry is recorded whole or not at all, with its
content; who stands behind a handle is stored before. After a kill at any point, what is recorded is therefore complete
in itself, and the importer, which always compares its file with what is recorded, goes on where it was.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

from creditledger.acts import catalogue as acts
from creditledger.acts.content import NONCE_BYTES, commit, item_id
from creditledger.acts.identifiers import check_value
from creditledger.acts.kinds import ActRef, Commitment, Subject
from creditledger.acts.registry import encode_act
from creditledger.codec.canonical import encode_fast
from creditledger.errors import FormatError, UsageError
from creditledger.keys.signer import Signer
from creditledger.ledger.ledger import Ledger
from creditledger.ledger.receipt import ContentItem
from creditledger.record.entry import MAX_ENTRY_BYTES
from creditledger.store.identity import KEY_LABEL, Identities, Identity
from creditledger.transfer.import_run import ImportOptions
from creditledger.transfer.recorded import Recorded

ACTS_PER_ENTRY = 100
"""How many acts an entry holds at most, the citation of the source included."""

_ACT_BYTES = 3_000
"""More than any act of an import can have: 16 commitments with the longest labels, the longest identifiers."""

_CONTENT_BYTES = 8 << 20
_CASE_BYTES = 16
_SOURCE = ActRef(None, 0)


class Mark:
    """A listing and its subject; by `ref` later acts refer to it, in the same entry and, once recorded, in others."""

    __slots__ = ("ref", "subject")

    def __init__(self, subject: Subject, ref: ActRef) -> None:
        self.subject = subject
        self.ref = ref


class Transcriber:
    """Records acts about the subjects of transcripts, in entries of up to 100.

    Attributes:
        entries, acts: how many were recorded, citations not counted.
    """

    def __init__(
        self,
        ledger: Ledger,
        signer: Signer | None,
        cite: Mapping[str, acts.SourceCite],
        *,
        ground: Mapping[str, str],
        scheme: str,
        cosigners: Sequence[tuple[str, Signer]] = (),
        on_entry: Callable[[int], None] | None = None,
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """Take who signs (None: nothing will be recorded), each list's source and ground, and the scheme of keys that
        are public.
        """
        self._ledger = ledger
        self._signer = signer
        self._cite = cite
        self._ground = ground
        self._scheme = scheme
        self._cosigners = cosigners
        self._on_entry = on_entry
        self._entropy = entropy
        self._recorded = Recorded(ledger)
        self._identities: Identities | None = None
        self._batches: dict[str, _Batch] = {}
        self.entries = 0
        self.acts = 0

    # -- who is meant ---------------------------------------------------------------------------------------------

    def find(self, list_id: str, key: str) -> Subject | None:
        """The subject that a key stands for on a list, or None if nobody is known by it and on record there."""
        if list_id not in self._ledger.governance.lists:
            return None
        if is_public(self._scheme, key):
            return Subject(self._scheme, key)
        found = self.identities().find(list_id, key)
        if found is None:
            return None
        subject = Subject("handle", found.handle)
        # A kill may have come between the identity and the entry that would have used it: then nobody has the handle.
        return subject if self._ledger.lookup(subject, list_id).because else None

    def identities(self) -> Identities:
        """Who stands behind the handles; UsageError when the ledger was opened without its content key."""
        if self._identities is None:
            self._identities = Identities(self._ledger.private_store(), self._entropy)
        return self._identities

    # -- what is recorded about them ------------------------------------------------------------------------------

    def list_subject(
        self,
        list_id: str,
        key: str,
        subject: Subject | None,
        fields: Mapping[str, str],
        *,
        effective: str | None,
    ) -> Mark:
        """Record that a subject is on a list: from a day on, or (None) as an opening balance since nobody knows when.

        `subject` is what `find` returned: None for somebody new, who gets a handle. Whose listing is under appeal, or
        was quashed or shortened by one, is listed in a new case, drawn at random.
        """
        batch = self._batch(list_id)
        new = subject is None
        case = None if subject is None else self._case(list_id, subject)
        if subject is None:
            handle = self.identities().new_handle()
            subject = Subject("handle", handle)
            fields = {**fields, KEY_LABEL: key}
        content = self._content(batch, subject, fields)
        if new:
            item = item_id(list_id, subject, dict(content)[KEY_LABEL])
            batch.identities.append(Identity(list_id, key, handle, item))
        ground = self._ground[list_id]
        act: acts.SubjectAct
        if effective is None:
            act = acts.ListingOpeningBalance(
                list_id, subject, ground=ground, case=case, content=content, source=_SOURCE
            )
        else:
            act = acts.ListingAdd(
                list_id, subject, ground, self._decided(effective), effective, case=case, content=content,
                source=_SOURCE,
            )  # fmt: skip
        mark = Mark(subject, ActRef(None, len(batch.acts)))
        batch.marks.append(mark)
        self._put(batch, act)
        return mark

    def correct(
        self,
        list_id: str,
        subject: Subject,
        listing: ActRef,
        fields: Mapping[str, str],
        *,
        decided: str,
        area: str | None,
        effective: str | None,
        until: str | None,
    ) -> None:
        """Record changed particulars of a listing; an empty text stands for one that the source no longer gives."""
        batch = self._batch(list_id)
        content = self._content(batch, subject, fields)
        self._put(
            batch,
            acts.ListingCorrect(
                list_id, subject, listing, decided, effective, until, area, content=content, source=_SOURCE
            ),
        )

    def remove(self, list_id: str, listing: Mark, *, reason: str, effective: str) -> None:
        """Record that a subject is off a list from a day on."""
        decided = self._decided(effective)
        self._put(
            self._batch(list_id),
            acts.ListingRemove(list_id, listing.subject, listing.ref, reason, decided, effective, source=_SOURCE),
        )

    def flush(self) -> None:
        """Record what is still waiting."""
        for list_id in sorted(self._batches):
            self._record(self._batches.pop(list_id))

    # -- entries --------------------------------------------------------------------------------------------------

    def _decided(self, effective: str) -> str:
        """The source decided on the day of the event; one that lies ahead was decided, as far as is known, today."""
        return min(effective, self._ledger.today())

    def _case(self, list_id: str, subject: Subject) -> bytes | None:
        """The case of a new listing: none, as long as the rules allow that."""
        contested = self._recorded.is_contested(list_id, subject, self._ledger.lookup(subject, list_id).listings)
        return self._entropy(_CASE_BYTES) if contested else None

    def _batch(self, list_id: str) -> _Batch:
        batch = self._batches.get(list_id)
        if batch is None:
            batch = self._batches[list_id] = _Batch(self._cite[list_id])
        return batch

    def _content(self, batch: _Batch, subject: Subject, fields: Mapping[str, str]) -> tuple[Commitment, ...]:
        found: list[Commitment] = []
        for label, text in sorted(fields.items()):
            nonce, content = self._entropy(NONCE_BYTES), text.encode()
            digest = commit(nonce, content)
            found.append(Commitment(label, digest))
            batch.contents.append(ContentItem(batch.list, subject, digest, nonce, content))
            batch.content_bytes += len(content)
        return tuple(found)

    def _put(self, batch: _Batch, act: acts.SubjectAct) -> None:
        batch.acts.append(act)
        batch.size += len(encode_fast(encode_act(act)))
        if (
            len(batch.acts) >= ACTS_PER_ENTRY
            or batch.size > MAX_ENTRY_BYTES - _ACT_BYTES
            or batch.content_bytes > _CONTENT_BYTES
        ):
            self._record(self._batches.pop(batch.list))

    def _record(self, batch: _Batch) -> None:
        if self._signer is None:
            raise UsageError("nothing is recorded without the transcriber's act key")
        if batch.identities:
            identities = self.identities()
            # What a kill left behind: content that nothing on record commits to.
            found = [identities.find(one.list, one.key) for one in batch.identities]
            stale = [one.item for one in found if one is not None]
            if stale:
                identities.forget(stale)
            identities.assign(batch.identities, self._ledger.size + 1)
        receipt = self._ledger.append(
            batch.acts, signer=self._signer, cosigners=self._cosigners, contents=batch.contents
        )
        for mark in batch.marks:
            mark.ref = receipt.ref(mark.ref.act)
        self.entries += 1
        self.acts += len(batch.acts) - 1
        if self._on_entry is not None:
            self._on_entry(self.acts)


class _Batch:
    """The entry that is growing for one list."""

    __slots__ = ("acts", "content_bytes", "contents", "identities", "list", "marks", "size")

    def __init__(self, cite: acts.SourceCite) -> None:
        self.list = cite.list
        self.acts: list[acts.Act] = [cite]
        self.size = _ACT_BYTES
        self.contents: list[ContentItem] = []
        self.content_bytes = 0
        self.identities: list[Identity] = []
        self.marks: list[Mark] = []


def is_public(scheme: str, key: str) -> bool:
    """Whether a key may stand in clear: the scheme is one of public identifiers, and the key well formed under it.

    It must be so to the letter: `Shop.example` is no host name in lower case, and becomes a handle. Nothing is
    normalised, since the source's key is what later editions are compared with.
    """
    if scheme == "handle":
        return False
    try:
        check_value(scheme, key)
    except FormatError:
        return False
    return True


def require_transcript(ledger: Ledger, list_id: str, options: ImportOptions) -> str:
    """Check that a list is a transcript that admits the subjects of an import, and return the ground of its listings.

    Raises:
        UsageError: it is unknown, no transcript, does not admit them, or has several grounds and none was named.
    """
    row = ledger.governance.lists.get(list_id)
    if row is None:
        known = ", ".join(sorted(ledger.governance.lists)) or "none yet"
        raise UsageError(f"there is no list {list_id}; the ledger's lists: {known}; set the transcript up first")
    definition = row.definition
    if definition.source is None:
        raise UsageError(
            f"list {list_id} holds its authorities' own decisions; only a transcript, whose definition names a source, "
            "is filled by an import"
        )
    ground = options.ground
    for needed in sorted({"handle", options.key_scheme}):
        if needed not in definition.schemes:
            raise UsageError(
                f"list {list_id} does not admit subjects of kind {needed}; it admits {', '.join(definition.schemes)}"
            )
    if ground is None and len(definition.grounds) != 1:
        raise UsageError(f"list {list_id} has the grounds {', '.join(definition.grounds)}: say which one to cite")
    return ground if ground is not None else definition.grounds[0]
