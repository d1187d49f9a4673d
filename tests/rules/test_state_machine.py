"""The engine against a naive model of the rules, over long random histories: after every record they agree.

The model (`support/naive/`) says of each entry whether it is accepted, at which act it stops and which rules it breaks;
the engine's verdict must be among these, and its state must equal the model's. Most of what is tried is nearly right,
so that histories get somewhere; the rest is wrong in one place or another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from random import Random
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from creditledger.acts import catalogue
from creditledger.acts.catalogue import ANNULMENT_REASONS, KEY_ROLES, OUTCOMES, POLARITIES, REMOVAL_REASONS, Act
from creditledger.acts.kinds import ActRef, Subject
from creditledger.acts.registry import type_of
from creditledger.errors import FormatError
from creditledger.record.entry import Entry
from support.attacks import ATTACKS, Attack
from support.courts import BODIES, DECIDING, HIGH_COURT, REGULATOR, courts
from support.drafts import (
    FIRM,
    LAW,
    NO_REF,
    OTHER_FIRM,
    PERSON,
    SMALL_ORDER,
    appeal_decide,
    appeal_file,
    appeal_withdraw,
    authority_close,
    authority_register,
    content,
    content_erase,
    ground_register,
    key_revoke,
    law_register,
    list_close,
    list_define,
    list_open,
    listing_add,
    listing_annul,
    listing_correct,
    listing_remove,
    listing_restore,
    listing_suspend,
    mandate_grant,
    mandate_revoke,
    measure_register,
    opening_balance,
    rules_activate,
    source_cite,
)
from support.naive import Model
from support.naive.against import differences, model_of, plain_ledger, plain_state, submit_to_both
from support.naive.model import months_later
from support.world import World, authority_of, days_after, key_add, public_key

T = TypeVar("T")

RANDOM = st.randoms(use_true_random=True)
"""Choices are made by a seeded generator of Python: Hypothesis favours extremes, and histories would get nowhere."""

LISTERS = {
    "defaulters": ("district", "high"),
    "county-defaulters": ("county", "high"),
    "legacy": ("district",),
    "watched": ("regulator", "branch"),
    "trusted": ("regulator",),
    "foreign": ("archive",),
    "new": ("district", "high"),
}
OPEN_LISTS = ("defaulters", "defaulters", "county-defaulters", "watched", "trusted", "foreign")
SUBJECTS = (FIRM, OTHER_FIRM, PERSON, REGULATOR, HIGH_COURT, Subject.host("shop.example.com"))
CASES = (None, bytes(16))
AREAS = (None, "cn-44", "cn-44-03", "cn-445")
NEW_BODIES = ("panel", "village")
ADMINS = tuple(f"{body}:admin" for body in BODIES)
SPARE_KEYS = (
    "district:act:2",
    "county:act:2",
    "high:admin:2",
    "root:3",
    "root:log:2",
    "panel",
    "panel:admin",
    "village",
)

TRIED: Counter[str] = Counter()
"""How often each type of act was accepted, and each rule refused, in this process."""


@cache
def _model_of_courts() -> Model:
    return model_of(courts())


class Histories(RuleBasedStateMachine):
    """Random histories of the world of `support.courts`, judged by the engine and by the naive model."""

    def __init__(self) -> None:
        super().__init__()
        self.world: World = courts(signing=False)
        self.model = _model_of_courts().copy()
        self.listings: list[tuple[str, Subject, ActRef]] = []
        self.appeals: list[tuple[str, Subject, ActRef, ActRef]] = []

    # -- what is tried ------------------------------------------------------------------------------------------------

    @rule(random=RANDOM)
    def list_somebody(self, random: Random) -> None:
        list_id = self._mostly(random, OPEN_LISTS, tuple(LISTERS))
        author = self._holder(random, list_id, "add")
        self._try(author, self._listing_add(random, list_id), cosigners=self._cosigners(random, list_id, author))

    @rule(random=RANDOM)
    def take_over(self, random: Random) -> None:
        effective = self._one(random, (self._past(random), None))
        list_id = self._mostly(random, ("legacy",), tuple(LISTERS))
        act = opening_balance(
            self._mostly(random, SUBJECTS[:3], SUBJECTS),
            list=list_id,
            ground=self._mostly(random, ("evades-by-sham-suit", None, "refuses-to-obey"), self._grounds()),
            effective=effective,
            until=self._until(random, effective or self.world.day, 24),
            case=self._one(random, CASES),
            area=self._one(random, AREAS),
        )
        self._try(self._holder(random, list_id, "add"), act)

    @precondition(lambda self: self.listings)
    @rule(random=RANDOM)
    def change_a_listing(self, random: Random) -> None:
        act = self._change(random)
        lister = self._listing(act.list, act.subject, act.listing)["authority"]
        self._try(self._mostly(random, (lister,), (*LISTERS[act.list], *BODIES)), act)

    @rule(random=RANDOM)
    def transcribe(self, random: Random) -> None:
        act = self._listing_add(random, "foreign")._replace(source=ActRef(None, 0))
        cited = source_cite(self._mostly(random, ("foreign",), ("defaulters", "new")))
        self._try(self._holder(random, "foreign", "transcribe"), cited, act)

    @precondition(lambda self: self.listings)
    @rule(random=RANDOM)
    def do_several_things_at_once(self, random: Random) -> None:
        list_id = self._mostly(random, ("defaulters",), tuple(LISTERS))
        add = self._listing_add(random, list_id)
        acts: list[Any] = [add]
        for _ in range(random.randint(1, 3)):
            change = self._change(random)
            if self._wrong(random, 2):
                change = change._replace(list=list_id, subject=add.subject, listing=ActRef(None, 0))
            acts.append(self._one(random, (change, self._listing_add(random, list_id))))
        self._try(self._holder(random, list_id, "add"), *acts)

    @precondition(lambda self: self.listings)
    @rule(random=RANDOM)
    def file_an_appeal(self, random: Random) -> None:
        list_id, subject, ref = self._target(random)
        filed = self._mostly(random, (self.world.day,), (self._day(random),))
        act = appeal_file(ref, subject, list=list_id, filed=filed, content=self._content(random))
        self._try(self._holder(random, list_id, "lodge"), act)

    @precondition(lambda self: self.appeals)
    @rule(random=RANDOM)
    def decide_an_appeal(self, random: Random) -> None:
        list_id, subject, appeal, ref = self._appealed(random)
        outcome = self._one(random, OUTCOMES)
        decided = self._mostly(random, (self.world.day,), (self._day(random),))
        act = appeal_decide(
            appeal,
            outcome,
            list=list_id,
            subject=subject,
            decided=decided,
            effective=self._mostly(random, (decided, days_after(decided, 70)), (self._day(random), "9999-12-31")),
            until=self._near(random, ref) if (outcome == "vary") != self._wrong(random) else None,
            content=self._content(random),
        )
        self._try(self._holder(random, list_id, "review"), act)

    @precondition(lambda self: self.appeals)
    @rule(random=RANDOM)
    def withdraw_an_appeal(self, random: Random) -> None:
        list_id, subject, appeal, _ = self._appealed(random)
        withdrawn = self._mostly(random, (self.world.day,), (self._day(random),))
        act = appeal_withdraw(appeal, subject, list=list_id, withdrawn=withdrawn)
        self._try(self._holder(random, list_id, "lodge"), act)

    @precondition(lambda self: self.listings)
    @rule(random=RANDOM)
    def erase(self, random: Random) -> None:
        list_id, subject, _ = self._target(random)
        digests = {content(n).digest for n in random.sample((1, 2, 3), random.randint(1, 2))}
        act = content_erase(
            *digests,
            subject=subject,
            list=list_id,
            decided=self._mostly(random, (self.world.day,), (self._day(random),)),
            law=self._mostly(random, (LAW,), self._laws()),
        )
        self._try(self._holder(random, list_id, "erase"), act)

    @rule(random=RANDOM)
    def govern(self, random: Random) -> None:
        draw = self._one(
            random, (self._catalogue_act, self._body_act, self._mandate_act, self._list_act, self._key_act)
        )
        act, entitled, cosigners = draw(random)
        author = self._mostly(random, entitled, (*ADMINS, "root", "root:0", "district"))
        self._try(author, act, cosigners=cosigners)

    @rule(random=RANDOM)
    def forge_an_envelope(self, random: Random) -> None:
        seen = random.randint(0, self.world.size + 1)
        forgery: dict[str, Any] = self._one(
            random,
            (
                {"author_seq": random.randint(0, 5)},
                {"author_prev": bytes(32)},
                {"not_after": self.world.recorded_at + random.randint(-1, 1)},
                {"ledger_id": bytes(32)},
                {"seen": (seen, self.world.view.roots[min(seen, self.world.size)])},
                {"seen": (self.world.size, bytes(32))},
                {"authority": "high"},
            ),
        )
        author = self._one(random, ("district", "high", "district:act:2"))
        self._try(author, self._listing_add(random, "defaulters"), **forgery)

    @rule(days=st.sampled_from((1, 1, 2, 30, 365, 731)))
    def wait(self, days: int) -> None:
        if self.world.day < "2200":
            self.world.day = days_after(self.world.day, days)

    # -- how it is tried ----------------------------------------------------------------------------------------------

    def _try(self, author: str, *acts: Act, cosigners: Sequence[str] = (), **forgery: Any) -> None:
        others = [label for label in dict.fromkeys(cosigners) if label != author]
        entry: Entry = self.world.build(author, *acts, cosigners=others, **forgery)
        try:
            checked = self.world.seal(entry)
        except FormatError:
            TRIED["no form"] += 1
            return
        _, refusal, receipt = submit_to_both(self.world, self.model, checked)
        import sys
        caller=sys._getframe(1).f_code.co_name
        TRIED['by '+caller+(' ok' if refusal is None else ' '+refusal.rule)]+=1
        if refusal is not None:
            TRIED[refusal.rule] += 1
            return
        assert receipt is not None
        for place, act in enumerate(acts):
            TRIED[type_of(act).name] += 1
            if isinstance(act, catalogue.ListingAdd | catalogue.ListingOpeningBalance):
                self.listings.append((act.list, act.subject, receipt.ref(place)))
            elif isinstance(act, catalogue.AppealFile):
                self.appeals.append((act.list, act.subject, receipt.ref(place), act.listing))

    @invariant()
    def engine_and_model_are_in_the_same_state(self) -> None:
        assert differences(plain_state(self.world.view), self.model.state) == []
        assert plain_ledger(self.world.view) == self.model.ledger

    # -- acts about subjects ------------------------------------------------------------------------------------------

    def _listing_add(self, random: Random, list_id: str) -> catalogue.ListingAdd:
        definition = self.model.state["list"].get(list_id, self.model.state["list"]["defaulters"])
        ground = self._mostly(random, definition["grounds"], self._grounds())
        decided = self._mostly(random, (self.world.day, self._past(random)), (self._day(random),))
        effective = self._mostly(random, (decided, max(decided, self.world.day)), (self._day(random),))
        months = self.model.state["ground"].get(ground, {}).get("max_months")
        return listing_add(
            self._mostly(random, SUBJECTS[:3], SUBJECTS),
            list=list_id,
            ground=ground,
            decided=decided,
            effective=effective,
            until=self._until(random, effective, months),
            case=self._one(random, CASES),
            area=self._mostly(random, ("cn-44", "cn-44-03"), AREAS),
            measures=self._mostly(random, ((), definition["measures"]), (("closer-audits",), ("sunset-measure",))),
            content=self._content(random),
        )

    def _change(self, random: Random) -> Any:
        list_id, subject, ref = self._target(random)
        listing = self._listing(list_id, subject, ref)
        decided = self._mostly(random, (self.world.day,), (self._day(random),))
        common: dict[str, Any] = {"list": list_id, "decided": decided}
        appeals = [appeal for _, _, appeal, target in self.appeals if target == ref]
        appeal = self._one(random, (None, *appeals, *(one[2] for one in self.appeals[-1:])))
        kind = random.choice(("correct", "suspend", "suspend", "restore", "restore", "remove", "annul"))
        if kind == "correct":
            return listing_correct(
                ref,
                subject,
                area=self._mostly(random, (listing["area"],), AREAS),
                effective=self._mostly(
                    random, (listing["effective"],), (None, self._near(random, ref), self._day(random))
                ),
                until=self._mostly(random, (listing["until"], self._near(random, ref)), (None, self._day(random))),
                content=self._content(random),
                source=self._mostly(random, (None,), (ActRef(None, 0), NO_REF)),
                **common,
            )
        days = (self.world.day, days_after(self.world.day, 30), self._near(random, ref))
        effective = self._mostly(random, days, (self._day(random),))
        if kind == "suspend":
            return listing_suspend(ref, subject, effective=effective, appeal=appeal, **common)
        if kind == "restore":
            return listing_restore(ref, subject, effective=effective, **common)
        if kind == "remove":
            reason = "appeal_quashed" if appeal is not None else self._one(random, REMOVAL_REASONS)
            return listing_remove(ref, subject, effective=effective, reason=reason, appeal=appeal, **common)
        reason = "quashed_ex_tunc" if appeal is not None else self._one(random, ANNULMENT_REASONS)
        return listing_annul(ref, subject, reason=reason, appeal=appeal, **common)

    def _target(self, random: Random) -> tuple[str, Subject, ActRef]:
        """A listing that was made, mostly under its own list and subject."""
        if not self.listings:
            return "defaulters", FIRM, NO_REF
        list_id, subject, ref = self._one(random, self.listings[-4:])
        if self._wrong(random, 20):
            return self._one(random, tuple(LISTERS)), self._one(random, SUBJECTS), ref
        return list_id, subject, ref

    def _appealed(self, random: Random) -> tuple[str, Subject, ActRef, ActRef]:
        if not self.appeals or self._wrong(random, 20):
            return *self._target(random), NO_REF
        return self._one(random, self.appeals[-3:])

    def _listing(self, list_id: str, subject: Subject, ref: ActRef) -> dict[str, Any]:
        rows = self.model.state["subject"].get((list_id, *subject), {"listings": ()})
        nothing = {
            "authority": "high",
            "area": None,
            "effective": self.world.day,
            "until": None,
            "entry": ref.entry,
            "act": ref.act,
        }
        return next((one for one in rows["listings"] if (one["entry"], one["act"]) == ref), nothing)

    def _cosigners(self, random: Random, list_id: str, author: str) -> tuple[str, ...]:
        if list_id == "county-defaulters" and not self._wrong(random):
            return ("high",) if author == "county" else ("supreme",)
        return self._mostly(random, ((),), (("supreme",), ("tribunal", "supreme"), ("ombudsman",), ("county:act:2",)))

    def _content(self, random: Random) -> Any:
        return self._one(random, ((), (content(1),), (content(2), content(3, "remedy"))))

    # -- acts of governance, with those entitled and cosigners --------------------------------------------------------

    def _catalogue_act(self, random: Random) -> tuple[Act, tuple[str, ...], tuple[str, ...]]:
        law, polarity = self._mostly(random, (LAW,), self._laws()), self._one(random, POLARITIES)
        name = self._mostly(random, (f"n{self.world.size}",), ("sunset-law", "no-flights", "low-score"))
        drafts: tuple[Act, ...] = (
            law_register(name, until=self._one(random, (None, self._day(random)))),
            ground_register(name, law=law, polarity=polarity, nature=self._one(random, ("conduct", "score"))),
            measure_register(name, law=law, polarity=polarity, agency=self._mostly(random, BODIES, NEW_BODIES)),
            rules_activate(),
        )
        return self._one(random, drafts), ("root", "regulator:admin"), ()

    def _body_act(self, random: Random) -> tuple[Act, tuple[str, ...], tuple[str, ...]]:
        name, parent = self._one(random, NEW_BODIES), self._one(random, (None, "high", "district", "regulator"))
        identity = self._one(random, (None, FIRM, PERSON))
        close = authority_close(
            self._one(random, ("county", "branch", "archive", "ombudsman", *NEW_BODIES)),
            effective=self._day(random),
            successor=self._one(random, (None, "high", "district", "county", *NEW_BODIES)),
        )
        law = self._mostly(random, (LAW,), self._laws())
        register = authority_register(name, parent, identity=identity, law=law)
        drafts: tuple[Act, ...] = (register, register, close)
        return self._one(random, drafts), ("root", f"{parent}:admin" if parent else "root"), ()

    def _mandate_act(self, random: Random) -> tuple[Act, tuple[str, ...], tuple[str, ...]]:
        if self._wrong(random, 4):
            mandate = self._one(random, (*self.model.state["mandate"], "nothing"))
            return mandate_revoke(mandate, effective=self._day(random)), ("root", "high:admin", "regulator:admin"), ()
        body = self._one(random, (*BODIES, *NEW_BODIES))
        list_id = self._one(random, (*LISTERS, None))
        actions = self._one(
            random,
            (
                DECIDING,
                ("add",),
                ("remove", "suspend"),
                ("lodge",),
                ("review",),
                ("review", "add"),
                ("transcribe",),
                ("transcribe", "add"),
                ("erase",),
                ("add", "delegate"),
                ("catalogue", "define"),
            ),
        )
        act = mandate_grant(
            body,
            list_id,
            *actions,
            mandate=self._mostly(random, (f"n{self.world.size}",), ("district-defaulters-add",)),
            areas=self._one(random, ((), ("cn-44",), ("cn-44", "cn-445"))),
            effective=self._mostly(random, ("2001-01-01",), (self._day(random),)),
            until=self._one(random, (None, None, self._day(random))),
            law=self._mostly(random, (LAW, "sunset-law"), self._laws()),
        )
        return act, ("root", "root", "high:admin"), ()

    def _list_act(self, random: Random) -> tuple[Act, tuple[str, ...], tuple[str, ...]]:
        lists = (*LISTERS, "nowhere")
        define = list_define(
            self._mostly(random, ("new",), lists),
            polarity=self._mostly(random, ("restriction",), POLARITIES),
            law=self._mostly(random, (LAW,), self._laws()),
            grounds=self._mostly(random, (("evades-by-sham-suit",),), (("late-filing",), ("nothing",))),
            measures=self._mostly(random, ((), ("no-flights",)), (("green-lane",),)),
            consent=self._one(random, ("none", "parent")),
            lodgers=self._mostly(random, (("ombudsman",), ("regulator",)), ((), ("panel",), ("county",), ("high",))),
            reviewers=self._mostly(random, (("tribunal",), ("branch",), ("high",)), ((), ("panel",), ("ombudsman",))),
            source=self._mostly(random, (None,), ("Another office",)),
        )
        opened = list_open(self._mostly(random, ("new", "legacy"), lists), effective=self._day(random))
        closed = list_close(self._one(random, lists), effective=self._day(random))
        cited = source_cite(self._one(random, lists))
        drafts: tuple[Act, ...] = (define, define, opened, opened, closed, cited)
        return self._one(random, drafts), ("root", "regulator:admin", "archive"), ()

    def _key_act(self, random: Random) -> tuple[Act, tuple[str, ...], tuple[str, ...]]:
        label = self._one(random, SPARE_KEYS)
        admin = f"{authority_of(label)}:admin"
        if self._wrong(random, 2):
            act = key_add(label, until=self._one(random, (None, self._day(random))))
            act = act._replace(role=self._mostly(random, (act.role,), KEY_ROLES))
            act = act._replace(key=self._mostly(random, (act.key,), (SMALL_ORDER, public_key("district"))))
            return act, ("root", "root", admin, "high:admin"), self._mostly(random, ((label,),), ((),))
        label = self._one(random, (*SPARE_KEYS, "district", "high", "county", "root:1", "root:2", "root:log"))
        made = [(seq, digest) for (key, seq), digest in self.model.entries.items() if key == public_key(label)]
        mark = self._one(random, (None, *made[-3:], (0, bytes(32))))
        if mark is None or self._wrong(random, 2):
            return key_revoke(label, "compromised", mark), ("root", "root", admin), ()
        confirm = catalogue.EntryConfirm(authority=authority_of(label), key=public_key(label), entry=mark)
        return confirm, (admin, admin, "root"), ()

    # -- choices ------------------------------------------------------------------------------------------------------

    def _holder(self, random: Random, list_id: str, action: str) -> str:
        """Mostly somebody who may take the action on the list today."""
        held = [body for body in BODIES if self.model.mandates(body, list_id, action, self.world.day)]
        return self._mostly(random, held or BODIES, BODIES)

    def _one(self, random: Random, choices: Sequence[T]) -> T:
        return random.choice(choices)

    def _wrong(self, random: Random, odds: int = 12) -> bool:
        """Whether to do it differently for once."""
        return random.randrange(odds) == 0

    def _mostly(self, random: Random, right: Sequence[T], other: Sequence[T]) -> T:
        return self._one(random, other if self._wrong(random) else right)

    def _day(self, random: Random) -> str:
        """A day around today."""
        return days_after(self.world.day, self._one(random, (0, 0, 1, -1, 2, 30, -30, -365, 730)))

    def _past(self, random: Random) -> str:
        return days_after(self.world.day, -self._one(random, (0, 1, 2, 30, 400, 800)))

    def _until(self, random: Random, begin: str, months: int | None) -> str | None:
        """The last day of a term, one before, one after; or something else altogether."""
        latest = months_later(begin, months or 24)
        right: tuple[str | None, ...] = (latest, days_after(latest, -1), days_after(begin, 30))
        if months is None:
            right = (None, latest)
        return self._mostly(random, right, (None, days_after(latest, 1), begin, self._day(random)))

    def _near(self, random: Random, ref: ActRef) -> str:
        """A day at, just before or just after one that matters to a listing."""
        days: list[str | None] = [self.world.day]
        for row in self.model.state["subject"].values():
            for listing in row["listings"]:
                if (listing["entry"], listing["act"]) == ref:
                    days += [listing["effective"], listing["until"]]
                    days += [day for suspension in listing["suspensions"] for day in suspension[:2]]
                    days += [] if listing["ended"] is None else [listing["ended"]["effective"]]
        day = self._one(random, [day for day in days if day is not None and "0002" < day < "9000"])
        return days_after(day, self._one(random, (0, 0, -1, 1)))

    def _laws(self) -> tuple[str, ...]:
        return (*self.model.state["law"], "nothing")

    def _grounds(self) -> tuple[str, ...]:
        return (*self.model.state["ground"], "nothing")


def run(examples: int, steps: int, phases: tuple[Phase, ...] = (Phase.generate,)) -> None:
    """Runs the machine over histories that are the same every time; shrinking a failure can take minutes."""
    TRIED.clear()
    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=phases,
        ),
    )


def test_engine_and_model_agree_over_random_histories() -> None:
    run(examples=40, steps=60)
    accepted = {name for name in TRIED if name in catalogue.SUBJECT_ACTS}
    assert accepted == set(catalogue.SUBJECT_ACTS), "a history that never gets anywhere proves nothing"
    assert len([name for name in TRIED if name.startswith("R-")]) > 25


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_engine_and_model_agree_over_many_long_histories() -> None:
    run(examples=1500, steps=120, phases=(Phase.generate, Phase.shrink))
    assert {name for name in TRIED if name.endswith("/1")} >= set(catalogue.SUBJECT_ACTS)


@pytest.mark.parametrize("attack", ATTACKS, ids=[f"{one.rule}: {one.tries}" for one in ATTACKS])
def test_the_model_refuses_every_attack_at_the_same_act_for_the_same_reason(attack: Attack) -> None:
    world = attack.world().fork(signing=False)
    checked = world.seal(attack.prepare(world))
    model = model_of(world)
    verdict, refusal, _ = submit_to_both(world, model, checked)
    assert refusal is not None
    assert attack.rule in verdict.rules
    assert plain_state(world.view) == model.state
