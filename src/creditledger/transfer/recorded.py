"""What a ledger already holds about the subjects of a transcript: what an importer compares a file with."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from creditledger.acts import catalogue as acts
from creditledger.acts.kinds import ActRef, Subject
from creditledger.errors import CannotVerify
from creditledger.ledger.answer import Address, ListingView
from creditledger.ledger.ledger import Ledger
from creditledger.ledger.log import Log
from creditledger.record.entry import Entry, entry_hash, restore_entry
from creditledger.rules.listings import QUASHINGS, WON
from creditledger.store.identity import KEY_LABEL

_KEPT_ENTRIES = 256


class Transition(NamedTuple):
    """A subject came on a list (`add`) or went off it (`remove`); `date` None is a day that is not known.

    `source` is the SHA-256 (32 bytes) of the file that the act cites, None if it cites none.
    """

    action: str
    date: str | None
    ref: ActRef
    source: bytes | None


class Particulars(NamedTuple):
    """A listing as it stands: which act made it, its area and dates, and its content by label as commitments.

    `erased` are the labels whose content was erased: they are never filled again. `dated` is the latest date of a
    source that acts about the subject cite, or "". `sources` are the SHA-256 of the files that they cite, one an act.
    """

    ref: ActRef
    area: str | None
    effective: str | None
    until: str | None
    content: dict[str, bytes]
    erased: frozenset[str]
    dated: str
    sources: tuple[bytes, ...]


class Entries:
    """The entries of a log with their hashes, each read once as long as neighbours are asked for together."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._kept: OrderedDict[int, tuple[bytes, Entry]] = OrderedDict()

    def __getitem__(self, seq: int) -> tuple[bytes, Entry]:
        """The SHA-256 of the entry in record `seq`, and the entry; raises as `Log.record` does."""
        found = self._kept.get(seq)
        if found is None:
            data = self._log.record(seq).entry
            found = self._kept[seq] = (entry_hash(data), restore_entry(data))
            if len(self._kept) > _KEPT_ENTRIES:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(seq)
        return found


class Recorded:
    """What a ledger holds about the subjects of its lists."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._entries = Entries(ledger.log)

    def acts_about(self, list_id: str, subject: Subject) -> list[tuple[Address, acts.Act]]:
        """Every act about the subject on the list, in the order of the log."""
        because = self._ledger.lookup(subject, list_id).because
        return [(address, self._entries[address.seq][1].acts[address.act]) for address in because]

    def ref(self, address: Address) -> ActRef:
        """How acts of other entries refer to the act at an address."""
        return ActRef(self._entries[address.seq][0], address.act)

    def first_act(self, seq: int) -> acts.Act:
        """The first act of a record: in an import's entry, the citation of its source."""
        return self._entries[seq][1].acts[0]

    def source(self, address: Address) -> acts.SourceCite | None:
        """The source that the act at an address cites, or None."""
        entry = self._entries[address.seq][1]
        act = entry.acts[address.act]
        ref: ActRef | None = getattr(act, "source", None)
        cited = None if ref is None else entry.acts[ref.act]
        return cited if isinstance(cited, acts.SourceCite) else None

    def transitions(self, list_id: str, subject: Subject) -> list[Transition]:
        """How the subject came on the list and went off it, as first recorded, in the order of the log."""
        found: list[Transition] = []
        appealed: dict[ActRef, ActRef] = {}
        standing: set[ActRef] = set()
        for address, act in self.acts_about(list_id, subject):
            cited = self.source(address)
            source = None if cited is None else cited.sha256
            ref = self.ref(address)
            if isinstance(act, acts.ListingAdd | acts.ListingOpeningBalance):
                found.append(Transition("add", act.effective, ref, source))
                standing.add(ref)
                continue
            if isinstance(act, acts.AppealFile):
                appealed[ref] = self._resolve(address, act.listing)
                continue
            if isinstance(act, acts.ListingRemove | acts.ListingAnnul):
                listing = self._resolve(address, act.listing)
            elif isinstance(act, acts.AppealDecide) and act.outcome in QUASHINGS:
                listing = appealed[self._resolve(address, act.appeal)]
            else:
                continue
            # A listing that was removed can still be annulled, after its successor began even; it went off once.
            if listing in standing:
                standing.remove(listing)
                # One annulled or quashed went off for a reason of its own: the source's removal has nothing to add.
                date = act.effective if isinstance(act, acts.ListingRemove) else None
                found.append(Transition("remove", date, ref, source))
        # Of listings beside each other, in cases of their own, the first to end is what the source can have meant.
        return [one for at, one in enumerate(found) if one.action == "add" or found[at - 1].action == "add"]

    def is_contested(self, list_id: str, subject: Subject, views: tuple[ListingView, ...]) -> bool:
        """Whether a listing of no particular case is under appeal, or was quashed or shortened by one.

        What is under appeal is not replaced, and what was decided is not undone, by a listing for the same case
        (R-DUPLICATE): whoever the source lists again then is listed in a case of its own.
        """
        own = {self.ref(view.address) for view in views if view.case is None and view.appeal is not None}
        if not own:
            return False
        pending: set[ActRef] = set()
        for address, act in self.acts_about(list_id, subject):
            if isinstance(act, acts.AppealFile) and self._resolve(address, act.listing) in own:
                pending.add(self.ref(address))
            elif isinstance(act, acts.AppealDecide | acts.AppealWithdraw):
                appeal = self._resolve(address, act.appeal)
                if appeal in pending and isinstance(act, acts.AppealDecide) and act.outcome in WON:
                    return True
                pending.discard(appeal)
        return bool(pending)

    def live_listing(self, list_id: str, subject: Subject, views: tuple[ListingView, ...]) -> ListingView | None:
        """The source's listing of the subject that stands, or None: not ended, and of no particular case.

        Where such a listing is contested, it is the newest that is not ended.
        """
        standing = [view for view in reversed(views) if view.ended_by is None]
        own = next((view for view in standing if view.case is None), None)
        if own is None and standing and self.is_contested(list_id, subject, views):
            return standing[0]
        return own

    def particulars(self, list_id: str, subject: Subject, view: ListingView) -> Particulars:
        """The particulars of one of the subject's listings, corrections taken into account."""
        ref = self.ref(view.address)
        area: str | None = None
        content: dict[str, bytes] = {}
        erased: set[bytes] = set()
        dated = ""
        sources: list[bytes] = []
        for address, act in self.acts_about(list_id, subject):
            cited = self.source(address)
            if cited is not None:
                dated = max(dated, cited.dated)
                sources.append(cited.sha256)
            if isinstance(act, acts.ListingAdd | acts.ListingOpeningBalance | acts.ListingCorrect):
                # The key is the subject's, whichever of its listings came with it.
                content.update(one for one in act.content if one.label == KEY_LABEL)
                listing = self._resolve(address, act.listing) if isinstance(act, acts.ListingCorrect) else None
                if address == view.address or listing == ref:
                    area = act.area
                    content.update(act.content)
            elif isinstance(act, acts.ContentErase):
                erased.update(act.commitments)
        gone = frozenset(label for label, digest in content.items() if digest in erased)
        return Particulars(ref, area, view.effective, view.until, content, gone, dated, tuple(sources))

    def key_of(self, list_id: str, subject: Subject) -> str | None:
        """The source's key of a subject: its own value if that stands in clear, else its content `key`.

        Returns None when that content was erased or never given.

        Raises:
            CannotVerify: the content is on record, not erased, and not here.
        """
        if isinstance(subject.value, str):
            return subject.value
        digest: bytes | None = None
        erased: set[bytes] = set()
        for _, act in self.acts_about(list_id, subject):
            if isinstance(act, acts.ContentErase):
                erased.update(act.commitments)
            else:
                digest = dict(getattr(act, "content", ())).get(KEY_LABEL, digest)
        if digest is None or digest in erased:
            return None
        return self.text(list_id, subject, digest)

    def text(self, list_id: str, subject: Subject, digest: bytes) -> str:
        """Content that is on record and not erased, as text; raises CannotVerify when it is not here."""
        content = self._ledger.content(list_id, subject, digest)
        if content is None:
            raise CannotVerify(
                f"content {digest.hex()} about {subject} on {list_id} is not here, and was not erased: a file cannot "
                "be compared with what is missing; restore the private content first"
            )
        return content.decode("utf-8", "replace")

    def _resolve(self, address: Address, ref: ActRef) -> ActRef:
        return self.ref(Address(address.seq, ref.act)) if ref.entry is None else ref
