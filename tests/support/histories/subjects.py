"""What might be tried about subjects: listing them, changing listings, appealing, erasing."""

from __future__ import annotations

from typing import Any

from creditledger.acts.catalogue import ANNULMENT_REASONS, OUTCOMES, REMOVAL_REASONS, ListingAdd
from creditledger.acts.kinds import ActRef, Commitment
from support.drafts import (
    NO_REF,
    appeal_decide,
    appeal_file,
    appeal_withdraw,
    content,
    content_erase,
    listing_add,
    listing_annul,
    listing_correct,
    listing_remove,
    listing_restore,
    listing_suspend,
    opening_balance,
    source_cite,
)
from support.histories.choices import AREAS, CASES, LISTS, SUBJECTS, Choices, Proposal
from support.naive.model import months_later
from support.world import days_after

OPEN_LISTS = ("defaulters", "defaulters", "plural", "plural", "county-defaulters", "watched", "trusted", "foreign")
APPEALABLE = ("defaulters", "plural", "county-defaulters", "legacy", "watched")
ERASABLE = ("defaulters",)


class SubjectProposals(Choices):
    """Proposals of acts about subjects."""

    # -- listing ------------------------------------------------------------------------------------------------------

    def list_somebody(self) -> Proposal:
        list_id = self.mostly(OPEN_LISTS, LISTS)
        author = self.holder(list_id, "add")
        return Proposal(author, (self.listing_add(list_id),), self.cosigners(list_id, author))

    def list_again(self) -> Proposal:
        """The subject of an earlier listing once more, mostly in the same case."""
        if not self.has_listings(APPEALABLE):
            return self.list_somebody()
        list_id, subject, ref = self.target(APPEALABLE)
        case = self.mostly((self.listing(ref).get("case"),), CASES)
        author = self.holder(list_id, "add")
        add = self.listing_add(list_id)._replace(subject=subject, case=case)
        if not self.rarely(3):
            add = add._replace(decided=self.world.day, effective=self.world.day, until=days_after(self.world.day, 30))
        return Proposal(author, (add,), self.cosigners(list_id, author))

    def transcribe(self) -> Proposal:
        cited = source_cite(self.mostly(("foreign",), ("defaulters", "new")))
        act = self.listing_add("foreign")._replace(source=self.mostly((ActRef(None, 0),), (ActRef(None, 1), NO_REF)))
        return Proposal(self.holder("foreign", "transcribe"), (cited, act))

    def take_over(self) -> Proposal:
        list_id = self.mostly(("legacy",), LISTS)
        effective = self.one((self.mostly((self.past_day(),), (self.some_day(),)), None))
        act = opening_balance(
            self.mostly(SUBJECTS[:3], SUBJECTS),
            list=list_id,
            ground=self.mostly(("evades-by-sham-suit", None, "refuses-to-obey"), self.grounds()),
            effective=effective,
            until=self.until(effective or self.world.day, 24),
            case=self.one(CASES),
            area=self.one(AREAS),
        )
        return Proposal(self.holder(list_id, "add"), (act,))

    def several_at_once(self) -> Proposal:
        list_id = self.mostly(OPEN_LISTS, LISTS)
        add = self.listing_add(list_id)
        acts: list[Any] = [add]
        for _ in range(self.random.randint(1, 3)):
            change = self.change()
            if not self.rarely(4):
                change = change._replace(list=list_id, subject=add.subject, listing=ActRef(None, 0))
            acts.append(self.one((change, self.listing_add(list_id))))
        author = self.holder(list_id, "add")
        return Proposal(author, tuple(acts), self.cosigners(list_id, author))

    def forge(self) -> Proposal:
        size = self.random.randint(0, self.world.size + 1)
        forged: dict[str, Any] = self.one(
            (
                {"author_seq": self.random.randint(0, 5)},
                {"author_prev": bytes(32)},
                {"not_after": self.world.recorded_at + self.random.randint(-1, 1)},
                {"ledger_id": bytes(32)},
                {"seen": (size, self.world.view.roots[min(size, self.world.size)])},
                {"seen": (self.world.size, bytes(32))},
                {"authority": "high"},
            )
        )
        author = self.one(("district", "district", "high", "district:act:2"))
        return Proposal(author, (self.listing_add("defaulters"),), (), forged)

    def listing_add(self, list_id: str) -> ListingAdd:
        definition = self.model.state["list"].get(list_id, self.model.state["list"]["defaulters"])
        ground = self.mostly(definition["grounds"], self.grounds())
        decided = self.mostly((self.world.day, self.past_day()), (self.some_day(),))
        effective = self.mostly((decided, max(decided, self.world.day)), (self.some_day(),))
        return listing_add(
            self.mostly(SUBJECTS[:3], SUBJECTS),
            list=list_id,
            ground=ground,
            decided=decided,
            effective=effective,
            until=self.until(effective, self.model.state["ground"].get(ground, {}).get("max_months")),
            case=self.one(CASES),
            area=self.mostly(("cn-44", "cn-44-03"), AREAS),
            measures=self.mostly(((), definition["measures"][:1]), (("closer-audits",), ("sunset-measure",))),
            content=self.content(),
        )

    def cosigners(self, list_id: str, author: str) -> tuple[str, ...]:
        if list_id == "county-defaulters" and not self.rarely():
            return ("high",) if author == "county" else ("supreme",)
        others = (("supreme",), ("supreme", "tribunal"), ("ombudsman",), ("county:act:2",), ("root:log",))
        return tuple(label for label in self.mostly(((),), others) if label != author)

    def until(self, begin: str, months: int | None) -> str | None:
        """The last day of a term, one before, one after; or something else altogether."""
        latest = months_later(begin, months or 24)
        right: tuple[str | None, ...] = (latest, days_after(latest, -1), days_after(begin, 30))
        if months is None:
            right = (None, latest)
        return self.mostly(right, (None, days_after(latest, 1), begin, self.some_day()))

    def content(self) -> tuple[Commitment, ...]:
        """Mostly something new; sometimes what was committed to, or even erased, before."""
        if self.rarely(3):
            return self.one(((content(1),), (content(2), content(3, "remedy"))))
        return self.one(((), (content(self.world.size),)))

    def grounds(self) -> tuple[str, ...]:
        return (*self.model.state["ground"], "nothing")

    # -- what befalls a listing ---------------------------------------------------------------------------------------

    def change_a_listing(self) -> Proposal:
        act = self.change()
        lister = self.listing(act.listing)["authority"]
        above = "high" if lister in ("district", "county") else lister
        heir = self.model.today(lister, self.world.day)
        author = self.mostly(self.open_bodies((lister, heir, above)), (self.holder(act.list, "remove"),))
        others = (("supreme",), ("tribunal",), ("supreme", "tribunal"), ("ombudsman",), ("regulator",), ("county",))
        cosigners = self.one(others) if self.rarely(3) else ()
        return Proposal(author, (act,), tuple(label for label in cosigners if label != author))

    def change(self) -> Any:
        list_id, subject, ref = self.target()
        listing = self.listing(ref)
        common: dict[str, Any] = {"list": list_id, "decided": self.today()}
        appeals = [appeal for _, _, appeal, against in self.appeals if against == ref]
        appeal = self.mostly((None, *appeals), [one[2] for one in self.appeals])
        effective = self.mostly(
            (self.world.day, days_after(self.world.day, 30), self.day_near(ref)), (self.some_day(),)
        )
        suspended = any(end is None for _, end, *_ in listing["suspensions"])
        kinds = ("correct", "suspend", "restore" if suspended else "suspend", "remove", "annul", "restore")
        kind = self.one(kinds[: self.random.randint(3, 6)])
        if kind == "correct":
            return listing_correct(
                ref,
                subject,
                area=self.mostly((listing["area"],), AREAS),
                effective=self.mostly((listing["effective"],), (None, self.day_near(ref), self.some_day())),
                until=self.mostly((listing["until"], self.day_near(ref)), (None, self.some_day())),
                content=self.content(),
                source=self.mostly((None,), (ActRef(None, 0), NO_REF)),
                **common,
            )
        if kind == "suspend":
            return listing_suspend(ref, subject, effective=effective, appeal=appeal, **common)
        if kind == "restore":
            return listing_restore(ref, subject, effective=effective, **common)
        if kind == "remove":
            reason = self.mostly(("performed" if appeal is None else "appeal_quashed",), REMOVAL_REASONS)
            return listing_remove(ref, subject, effective=effective, reason=reason, appeal=appeal, **common)
        reason = self.mostly(("listed_in_error" if appeal is None else "quashed_ex_tunc",), ANNULMENT_REASONS)
        return listing_annul(ref, subject, reason=reason, appeal=appeal, **common)

    # -- appeals and content ------------------------------------------------------------------------------------------

    def appeal(self) -> Proposal:
        likely = (self.file_appeal, self.decide_appeal, self.decide_appeal, self.withdraw_appeal)
        if not self.has_listings(APPEALABLE):
            return self.list_somebody()
        return self.one(likely if self.appeals else likely[:1])()

    def file_appeal(self) -> Proposal:
        list_id, subject, ref = self.target(APPEALABLE)
        act = appeal_file(ref, subject, list=list_id, filed=self.today(), content=self.content())
        return Proposal(self.holder(list_id, "lodge"), (act,))

    def decide_appeal(self) -> Proposal:
        list_id, subject, appeal, ref = self.appealed()
        outcome, decided = self.one(OUTCOMES), self.today()
        act = appeal_decide(
            appeal,
            outcome,
            list=list_id,
            subject=subject,
            decided=decided,
            effective=self.mostly((decided, days_after(decided, 70)), (self.some_day(), "9999-12-31")),
            until=self.day_near(ref) if (outcome == "vary") != self.rarely() else None,
            content=self.content(),
        )
        return Proposal(self.holder(list_id, "review"), (act,))

    def withdraw_appeal(self) -> Proposal:
        list_id, subject, appeal, _ = self.appealed()
        act = appeal_withdraw(appeal, subject, list=list_id, withdrawn=self.today())
        return Proposal(self.holder(list_id, "lodge"), (act,))

    def erase(self) -> Proposal:
        if not self.has_listings(ERASABLE):
            return self.list_somebody()
        list_id, subject, _ = self.target(ERASABLE)
        committed = self.model.state["subject"].get((list_id, *subject), {"commitments": ()})["commitments"]
        digests = set(self.mostly((committed[-1:], committed[:2]), ([content(1).digest],)))
        act = content_erase(
            *(digests or [content(2).digest]), subject=subject, list=list_id, decided=self.today(), law=self.law()
        )
        return Proposal(self.holder(list_id, "erase"), (act,))
