"""What a listing amounts to on a day: derived from its acts and two dates, never a stored flag.

Two days are asked for. `valid_at` is the day the question is about; `known_day` is the day as of which the answer is
given, and the row must be the one replayed as of that day. All intervals are half-open: a listing counts from its
`effective` day and no longer on its `until` day; what ends it counts from its own day on.

    listed             it stands
    suspended          it stands, but without effect on that day
    unconfirmed        it rests on an entry that its authority does not stand behind: no restriction flows from it
    not-yet-effective  it begins later
    expired            its term had run out
    removed, quashed   it had been ended by its authority, or by an appeal
    annulled           it is void, and was so from its beginning
    nothing-recorded   there is no listing; that is no statement about the subject, least of all that it is "clean"
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

from creditledger.rules.rows import Listing, SubjectRow

Status = Literal[
    "listed",
    "suspended",
    "unconfirmed",
    "not-yet-effective",
    "expired",
    "removed",
    "quashed",
    "annulled",
    "nothing-recorded",
]
"""What can be said of a subject, or of one of its listings."""

STATUSES: tuple[Status, ...] = get_args(Status)
"""Every status, in order of precedence: a subject's answer is the first that one of its listings has."""


def listing_status(listing: Listing, valid_at: str, known_day: str, tainted: bool) -> Status:
    """The status of one listing on the day `valid_at`, as known on `known_day` (both `YYYY-MM-DD`).

    What ended the listing decides first, then taint, then its term, then whether it has begun, then suspension. Hence:

    - an annulment makes the listing void for every day as soon as it is in effect (`known_day` or `valid_at` has
      reached its day); before that the listing is answered for as it stands;
    - a removal after the term ran out shows as `expired` until the day of the removal, and as `removed` from then on;
    - a listing ended before it would have begun shows as ended, not as still to come;
    - a beginning that is unknown (None, in an opening balance) counts as before every day;
    - `tainted` (made, or restored after a suspension, by a tainted entry that nobody confirmed): the listing is
      `unconfirmed` until something ends it, also when its term has run out. What nobody confirmed never reads as if it
      had been in force.
    """
    ended = listing.ended
    if ended is not None:
        if ended.effective <= valid_at:
            return ended.how
        if ended.how == "annulled" and ended.effective <= known_day:
            return "annulled"
    if tainted:
        return "unconfirmed"
    if listing.until is not None and listing.until <= valid_at:
        return "expired"
    if listing.effective is not None and valid_at < listing.effective:
        return "not-yet-effective"
    for suspension in listing.suspensions:
        if suspension.effective <= valid_at and (suspension.until is None or valid_at < suspension.until):
            return "suspended"
    return "listed"


def row_status(
    row: SubjectRow, valid_at: str, known_day: str, tainted: Callable[[Listing], bool]
) -> tuple[Status, list[Listing]]:
    """The answer for a subject on a list: the first status of `STATUSES` that occurs, and the listings that have it.

    `tainted` tells of a listing whether it rests on a tainted entry (`Governance.is_tainted`). The listings come in the
    order of the log; with `nothing-recorded` there are none.
    """
    found: dict[Status, list[Listing]] = {}
    for listing in row.listings:
        found.setdefault(listing_status(listing, valid_at, known_day, tainted(listing)), []).append(listing)
    for status in STATUSES:
        if status in found:
            return status, found[status]
    return "nothing-recorded", []
