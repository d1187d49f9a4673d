"""Questions to the ledger: who is listed, since when, why, as of any day and as known at any time.

Two times are kept apart. *valid at* is the day asked about. *known at* is how much of the log is taken into account:
without it all of it, with it the records up to a moment, so that an answer given in the past can be given again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from creditledger.acts import identifiers
from creditledger.acts.catalogue import ListDefine
from creditledger.acts.content import subject_key
from creditledger.acts.kinds import Subject
from creditledger.codec.dates import check_date, day_at
from creditledger.errors import FormatError, UsageError
from creditledger.ledger.answer import Address, Answer, Difference, HistoryItem, ListingView
from creditledger.ledger.log import Log
from creditledger.ledger.replay import replay
from creditledger.ledger.state import State
from creditledger.record.entry import entry_hash, restore_entry
from creditledger.rules.governance_state import Governance
from creditledger.rules.rows import Listing, SubjectRow
from creditledger.rules.status import Status, listing_status, row_status

NOTHING = "nothing-recorded"


class Queries:
    """Answers from one state of the ledger: the current one, or one replayed up to an earlier point."""

    def __init__(self, log: Log, state: State, today: Callable[[], str]) -> None:
        self._log = log
        self._state = state
        self._today = today

    def lookup(self, list_id: str, subject: Subject, valid_at: str | None, known_day: str | None = None) -> Answer:
        """The subject's status on the list on a day (default: today). Raises `UsageError` for an unknown list."""
        governance = self._state.governance
        definition = self._definition(list_id)
        check_question(subject, valid_at)
        subject_row = SubjectRow.from_bytes(self._state.subject_row(subject_key(list_id, subject)))
        day = valid_at or self._today()
        status, views = self._views(governance, subject_row, day, known_day or self._today())
        return Answer(
            list_id,
            subject,
            day,
            self._state.applied,
            status,
            views,
            tuple(Address(*address) for address in subject_row.addresses()),
            definition.source,
        )

    def _views(
        self, governance: Governance, row: SubjectRow, day: str, known_day: str
    ) -> tuple[Status, tuple[ListingView, ...]]:
        tainted = {id(listing): self._is_tainted(governance, listing) for listing in row.listings}
        status, _ = row_status(row, day, known_day, lambda listing: tainted[id(listing)])
        return status, tuple(
            ListingView(
                listing_status(listing, day, known_day, tainted[id(listing)]),
                Address(listing.seq, listing.act),
                listing.authority,
                listing.ground,
                listing.case,
                listing.effective,
                listing.until,
                listing.unproven,
                tainted[id(listing)],
                listing.ended.seq if listing.ended else None,
                (listing.appeals[-1].outcome or "open") if listing.appeals else None,
            )
            for listing in row.listings
        )

    def _is_tainted(self, governance: Governance, listing: Listing) -> bool:
        """Whether an entry that made or restored the listing is one that its authority does not stand behind."""
        if not governance.has_disowned_entries:
            return False
        restored = [one.restored for one in listing.suspensions if one.restored is not None]
        for seq in (listing.seq, *restored):
            data = self._log.record(seq).entry
            entry = restore_entry(data)
            if governance.is_tainted(entry.key, entry.author_seq, entry_hash(data)):
                return True
        return False

    def history(self, list_id: str, subject: Subject) -> Iterator[HistoryItem]:
        """Every act about the subject on the list, in the order of the log."""
        check_question(subject, None)
        row = SubjectRow.from_bytes(self._state.subject_row(subject_key(list_id, subject)))
        for seq, index in row.addresses():
            record = self._log.record(seq)
            entry = restore_entry(record.entry)
            tainted = self._state.governance.is_tainted(entry.key, entry.author_seq, entry_hash(record.entry))
            yield HistoryItem(Address(seq, index), record.recorded_at, entry.authority, tainted, entry.acts[index])

    def erased_by(self, list_id: str, subject: Subject, commitment: bytes) -> int | None:
        """The record that ordered the erasure of content about the subject, or None."""
        row = SubjectRow.from_bytes(self._state.subject_row(subject_key(list_id, subject)))
        return next((seq for digest, seq in row.erased if digest == commitment), None)

    def members(
        self, list_id: str, valid_at: str | None, known_day: str | None = None
    ) -> Iterator[tuple[Subject, str, tuple[ListingView, ...]]]:
        """Every subject that was ever on the list, with its status on the day, in the order of the subjects' keys."""
        governance = self._state.governance
        self._definition(list_id)
        check_question(None, valid_at)
        day, known = valid_at or self._today(), known_day or self._today()
        prefix = list_id.encode() + b"\0"
        rows = self._state.rows("subject", prefix, prefix[:-1] + b"\1")
        return (
            (parse_subject_key(key)[1], *self._views(governance, SubjectRow.from_bytes(row), day, known))
            for key, row in rows
        )

    def _definition(self, list_id: str) -> ListDefine:
        row = self._state.governance.lists.get(list_id)
        if row is None:
            known = ", ".join(sorted(self._state.governance.lists)) or "none by then"
            raise UsageError(f"there is no list {list_id!r:.80}; the ledger's lists: {known}")
        return row.definition


def check_question(subject: Subject | None, valid_at: str | None) -> None:
    """A question that is not well formed is refused, not answered: "nothing-recorded" would be a wrong answer.

    Raises `UsageError` for a day that is not a date `YYYY-MM-DD`, and for a subject that is none.
    """
    try:
        if valid_at is not None:
            check_date(valid_at)
        if subject is not None:
            identifiers.check_value(*subject)
    except (FormatError, TypeError, ValueError) as error:
        raise UsageError(f"the question is not well formed: {error}") from None


def parse_subject_key(key: bytes) -> tuple[str, Subject]:
    """The list and subject of a `subject_key`."""
    list_id, scheme, value = key.split(b"\0", 2)
    return list_id.decode(), Subject(scheme.decode(), value if scheme == b"handle" else value.decode())


def differences(before: dict[Subject, str], after: dict[Subject, str]) -> Iterator[Difference]:
    """The subjects whose status differs, in the order of their keys; who is missing has nothing recorded."""
    for subject in sorted(before.keys() | after.keys(), key=lambda one: (one.scheme, _sortable(one.value))):
        was, is_now = before.get(subject, NOTHING), after.get(subject, NOTHING)
        if was != is_now:
            yield Difference(subject, was, is_now)


def state_at(log: Log, have: int, size: int | None, known_at: int | None) -> State:
    """The state after the first `size` of `have` records, or of those up to a moment (µs), replayed in memory."""
    if known_at is not None:
        size = first_record_after(log, known_at, have)
    if size is not None and not 0 <= size <= have:
        raise UsageError(f"the ledger has {have} records; it cannot be replayed to {size}")
    state = State.in_memory()
    replay(log, state, have if size is None else size)
    return state


def first_record_after(log: Log, moment: int, size: int) -> int:
    """How many of the first `size` records were recorded at or before the moment (µs); times never decrease."""
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        if log.record(middle).recorded_at <= moment:
            low = middle + 1
        else:
            high = middle
    return low


def day_of(moment: int, governance: Governance) -> str:
    """The civil day of a moment (µs) at the ledger's UTC offset."""
    return day_at(moment, governance.ledger.utc_offset if governance.ledger else "+00:00")


def _sortable(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()
