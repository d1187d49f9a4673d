"""What a query answers: the status of a subject on a list, and the acts it rests on."""

from __future__ import annotations

from typing import NamedTuple

from creditledger.acts.catalogue import Act
from creditledger.acts.kinds import Subject
from creditledger.rules.status import Status


class Address(NamedTuple):
    """An act's place in the log, shown as `seq.index`."""

    seq: int
    act: int

    def __str__(self) -> str:
        return f"{self.seq}.{self.act}"


class ListingView(NamedTuple):
    """One listing as it stood: its status, the act that made it, and its particulars.

    `tainted`: it rests on an entry that its authority has disowned, and nobody has confirmed. `unproven`: an opening
    balance. `ended_by` is the record that ended it, `appeal` the state of the last appeal against it, or None.
    """

    status: Status
    address: Address
    authority: str
    ground: str | None
    case: bytes | None
    effective: str | None
    until: str | None
    unproven: bool
    tainted: bool
    ended_by: int | None
    appeal: str | None


class Answer(NamedTuple):
    """The answer to `lookup`.

    `status` is that of the listing that weighs most on the subject: `listed`, `suspended`, `unconfirmed`,
    `not-yet-effective`, `expired`, `removed`, `quashed`, `annulled`; or `nothing-recorded`, which is not "clean".
    `valid_at` is the day asked about, `size` the number of records that were taken into account, `because` the
    addresses of every act about the subject among them, `transcript_of` the source when the list is a transcript.
    """

    list: str
    subject: Subject
    valid_at: str
    size: int
    status: Status
    listings: tuple[ListingView, ...]
    because: tuple[Address, ...]
    transcript_of: str | None

    @property
    def is_restricted(self) -> bool:
        """Whether a listing counts on the day. False says nothing else about the subject."""
        return self.status == "listed"


class HistoryItem(NamedTuple):
    """One act about a subject: where and when it was recorded (microseconds), who signed it, and the act itself."""

    address: Address
    recorded_at: int
    authority: str
    tainted: bool
    act: Act


class Difference(NamedTuple):
    """A subject whose status on a list differs between two points: `before` and `after` are statuses."""

    subject: Subject
    before: str
    after: str
