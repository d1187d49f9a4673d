"""The cast of random histories, and how choices among right and wrong are made."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any, NamedTuple, TypeVar

from creditledger.acts.catalogue import Act, AppealFile, ListingAdd, ListingOpeningBalance
from creditledger.acts.kinds import ActRef, Subject
from support.courts import BODIES, HIGH_COURT, REGULATOR
from support.drafts import FIRM, NO_REF, OTHER_FIRM, PERSON
from support.naive import Model
from support.world import Receipt, World, authority_of, days_after, public_key, role_of

T = TypeVar("T")

LISTS = ("defaulters", "plural", "county-defaulters", "legacy", "watched", "trusted", "foreign", "new")
SUBJECTS = (FIRM, OTHER_FIRM, PERSON, REGULATOR, HIGH_COURT, Subject.host("shop.example.com"))
NEW_BODIES = ("panel", "village")
AREAS = (None, "cn-44", "cn-44-03", "cn-445")
CASES = (None, bytes(16))
KEYS = {
    public_key(label): label
    for body in (*BODIES, *NEW_BODIES)
    for label in (body, f"{body}:admin", *(f"{body}:{role}:{n}" for role in ("act", "admin") for n in range(2, 6)))
}
"""The keys that bodies have or may get, with their labels."""
ROOTS = {public_key(label): label for label in (f"root:{number}" for number in range(6))}


class Proposal(NamedTuple):
    """An entry that somebody tries: the author's and cosigners' labels, the acts, and what is forged."""

    author: str
    acts: tuple[Act, ...]
    cosigners: tuple[str, ...] = ()
    forged: dict[str, Any] = {}  # noqa: RUF012  # never changed


class Choices:
    """A seeded generator with a memory of the listings and appeals that were made."""

    def __init__(self, world: World, model: Model) -> None:
        self.world = world
        self.model = model
        self.random = Random(0)
        self.mood = "plain"
        self.listings: list[tuple[str, Subject, ActRef]] = []
        self.appeals: list[tuple[str, Subject, ActRef, ActRef]] = []

    def remember(self, acts: Sequence[Act], receipt: Receipt) -> None:
        """Takes note of an entry that was accepted."""
        for place, act in enumerate(acts):
            if isinstance(act, ListingAdd | ListingOpeningBalance):
                self.listings.append((act.list, act.subject, receipt.ref(place)))
            elif isinstance(act, AppealFile):
                self.appeals.append((act.list, act.subject, receipt.ref(place), act.listing))

    # -- right and wrong ----------------------------------------------------------------------------------------------

    def one(self, choices: Sequence[T]) -> T:
        return self.random.choice(choices)

    def rarely(self, odds: int = 15) -> bool:
        return self.random.randrange(odds) == 0

    def mostly(self, right: Sequence[T], wrong: Sequence[T]) -> T:
        return self.one(wrong if (wrong and self.rarely()) or not right else right)

    # -- keys ---------------------------------------------------------------------------------------------------------

    def live(self, keys: dict[bytes, str]) -> list[str]:
        """The labels of those keys that are registered and may still sign."""
        rows = self.model.state["key"]
        return [
            label
            for key, label in keys.items()
            if key in rows and rows[key]["revoked"] is None
            if rows[key]["until"] is None or self.world.day < rows[key]["until"]
            if not self.model.is_closed(rows[key]["authority"], self.world.day)
        ]

    def with_live_keys(self, proposal: Proposal) -> Proposal:
        """The proposal, mostly signed with any key that serves the author's turn today."""
        author = proposal.author
        if author == "root":
            roots = sorted(self.random.sample(self.live(ROOTS), 2))
            return proposal._replace(author=roots[0], cosigners=(*proposal.cosigners, *roots[1:]))
        if authority_of(author) == "root" or proposal.forged:
            return proposal
        place = authority_of(author), role_of(author)
        same = [one for one in self.live(KEYS) if (authority_of(one), role_of(one)) == place]
        author = self.mostly(same, (author,))
        return proposal._replace(author=author, cosigners=tuple(one for one in proposal.cosigners if one != author))

    # -- days ---------------------------------------------------------------------------------------------------------

    def today(self) -> str:
        """Mostly today; else a day around it."""
        return self.mostly((self.world.day,), (self.some_day(),))

    def some_day(self) -> str:
        return days_after(self.world.day, self.one((0, 0, 1, -1, 2, 30, -30, -365, 730)))

    def past_day(self) -> str:
        return days_after(self.world.day, -self.one((0, 1, 2, 30, 400, 800)))

    def day_near(self, ref: ActRef) -> str:
        """A day at, just before or just after one that matters to a listing."""
        listing = self.listing(ref)
        days = [self.world.day, listing["effective"], listing["until"]]
        days += [day for suspension in listing["suspensions"] for day in suspension[:2]]
        days += [] if listing["ended"] is None else [listing["ended"]["effective"]]
        known = [str(day) for day in days if day is not None and "0002" < day < "9000"]
        return days_after(self.one(known), self.one((0, 0, -1, 1)))

    # -- bodies, listings, appeals ------------------------------------------------------------------------------------

    def open_bodies(self, bodies: Sequence[str]) -> list[str]:
        registered = self.model.state["authority"]
        return [body for body in bodies if body in registered and not self.model.is_closed(body, self.world.day)]

    def holder(self, list_id: str, action: str) -> str:
        """Mostly somebody who may take the action on the list today."""
        transcript = self.model.state["list"].get(list_id, {"source": None})["source"] is not None
        if transcript and action not in ("lodge", "review", "erase"):
            action = "transcribe"
        held: list[str] = [body for body in BODIES if self.model.mandates(body, list_id, action, self.world.day)]
        return self.mostly(held, BODIES)

    def listing(self, ref: ActRef) -> dict[str, Any]:
        """What the model knows of a listing; something like it if there is none."""
        for row in self.model.state["subject"].values():
            for listing in row["listings"]:
                if (listing["entry"], listing["act"]) == ref:
                    return listing  # type: ignore[no-any-return]  # rows of the model are dicts
        nothing = dict.fromkeys(("area", "until", "ended"))
        return nothing | {"authority": "high", "effective": self.world.day, "suspensions": []}

    def has_listings(self, lists: tuple[str, ...]) -> bool:
        return any(list_id in lists for list_id, _, _ in self.listings)

    def target(self, lists: tuple[str, ...] = LISTS) -> tuple[str, Subject, ActRef]:
        """One of the last listings (on these lists), mostly under its own list and subject."""
        if not self.listings:
            return "defaulters", FIRM, NO_REF
        list_id, subject, ref = self.one([one for one in self.listings if one[0] in lists][-5:] or self.listings)
        if self.rarely(20):
            return self.one(LISTS), self.one(SUBJECTS), ref
        return list_id, subject, ref

    def appealed(self) -> tuple[str, Subject, ActRef, ActRef]:
        """One of the last appeals and the listing it is against; rarely something else for an appeal."""
        if not self.appeals or self.rarely(20):
            return *self.target(), NO_REF
        return self.one(self.appeals[-3:])

    def law(self) -> str:
        laws: tuple[str, ...] = (*self.model.state["law"], "nothing")
        return self.mostly(("enforcement-law",), laws)
