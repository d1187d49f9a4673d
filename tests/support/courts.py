"""The standing cast of the tests: laws, bodies, grounds, measures, lists and mandates, and drafts of acts about them.

    supreme ─ high ─┬─ district      courts; `district` and `high` list defaulters, `high` may delegate
                    └─ county        lists in area cn-44 only, and with the consent of `high`
    regulator ─ branch               watch firms; the regulator honours traders too, and keeps the catalogue
    ombudsman                        lodges appeals for the persons listed
    tribunal                         reviews; so does `supreme`
    archive                          transcribes another body's list

    defaulters          restriction   open        evades-by-sham-suit (24 months), refuses-to-obey, sunset-ground
    county-defaulters   restriction   open        the same, with the parent's consent
    legacy              restriction   not opened  the same; takes opening balances
    watched             supervision   open        late-filing (12 months), low-score (12 months)
    trusted             incentive     open        honest-trader (36 months)
    foreign             restriction   open        a transcript of the foreign office's list

Laws: `enforcement-law` since 2000; `sunset-law` ends on 2027-01-01; `repealed-law` ended on 2020-01-01; `coming-law`
begins on 2027-01-01.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from creditledger.acts.kinds import ActRef
from support.drafts import (
    LAW,
    appeal_decide,
    appeal_file,
    authority_register,
    ground_register,
    law_register,
    list_define,
    list_open,
    listing_add,
    mandate_grant,
    measure_register,
    opening_balance,
    uscc,
)
from support.world import World

REGULATOR = uscc(9000)
"""The public identity of the authority `regulator`."""
HIGH_COURT = uscc(9001)
"""The public identity of the authority `high`."""
DECIDING = ("add", "annul", "correct", "remove", "suspend")
BODIES = ("supreme", "high", "district", "county", "regulator", "branch", "ombudsman", "tribunal", "archive")


@cache
def _courts() -> World:
    world = World.founded()
    world.append(
        "root",
        law_register(LAW),
        law_register("sunset-law", until="2027-01-01"),
        law_register("repealed-law", until="2020-01-01"),
        law_register("coming-law", effective="2027-01-01"),
    )
    world.append(
        "root",
        authority_register("supreme"),
        authority_register("high", "supreme", identity=HIGH_COURT),
        authority_register("district", "high"),
        authority_register("county", "high", area="cn-44"),
        authority_register("regulator", identity=REGULATOR),
        authority_register("branch", "regulator"),
        authority_register("ombudsman"),
        authority_register("tribunal"),
        authority_register("archive"),
    )
    world.add_keys(*BODIES)
    world.add_keys(*(f"{body}:admin" for body in BODIES))
    world.append(
        "root",
        ground_register("evades-by-sham-suit"),
        ground_register("refuses-to-obey", nature="judgment", max_months=None),
        ground_register("sunset-ground", law="sunset-law"),
        ground_register("late-filing", polarity="supervision", max_months=12),
        ground_register("low-score", polarity="supervision", nature="score", max_months=12),
        ground_register("honest-trader", polarity="incentive", nature="merit", max_months=36),
        measure_register("no-flights"),
        measure_register("sunset-measure", law="sunset-law"),
        measure_register("closer-audits", polarity="supervision"),
        measure_register("green-lane", polarity="incentive"),
    )
    supervision = list_define("", polarity="supervision", grounds=("late-filing", "low-score"), measures=())
    no_recourse = list_define("", lodgers=(), reviewers=())
    world.append(
        "root",
        list_define("defaulters"),
        list_define("county-defaulters", consent="parent"),
        list_define("legacy"),
        supervision._replace(list="watched", measures=("closer-audits",)),
        no_recourse._replace(
            list="trusted", polarity="incentive", grounds=("honest-trader",), measures=("green-lane",)
        ),
        no_recourse._replace(list="foreign", measures=(), source="The foreign office"),
    )
    world.append(
        "root",
        mandate_grant("district", "defaulters", *DECIDING, "erase"),
        mandate_grant("high", "defaulters", *DECIDING, "delegate"),
        mandate_grant("county", "county-defaulters", *DECIDING, areas=("cn-44",)),
        mandate_grant("high", "county-defaulters", *DECIDING),
        mandate_grant("district", "legacy", *DECIDING),
        mandate_grant("regulator", "watched", *DECIDING, "delegate"),
        mandate_grant("branch", "watched", *DECIDING),
        mandate_grant("regulator", "trusted", *DECIDING),
        mandate_grant("archive", "foreign", "transcribe"),
        mandate_grant("regulator", None, "catalogue", "define"),
        *(
            mandate_grant(body, list_id, power)
            for list_id in ("defaulters", "county-defaulters", "legacy", "watched")
            for body, power in (("ombudsman", "lodge"), ("tribunal", "review"), ("supreme", "review"))
        ),
    )
    world.append("root", *map(list_open, ("county-defaulters", "defaulters", "foreign", "trusted", "watched")))
    return world


def courts(*, signing: bool = True) -> World:
    """A fresh copy of the world of this module, on its first day; with `signing=False` nothing more is signed."""
    return _courts().fork(signing=signing)


def define_list(world: World, **changes: Any) -> None:
    """Defines another list, `new`, which nobody may act on yet and which is not open."""
    world.append("root", list_define("new", **changes))


def listed(world: World, **changes: Any) -> ActRef:
    """A firm listed by the district court from the first day on, for the 24 months that the ground carries."""
    return world.append("district", listing_add(**changes)).ref()


def taken_over(world: World, **changes: Any) -> ActRef:
    """A listing that stood before the list `legacy` opened."""
    return world.append("district", opening_balance(**changes)).ref()


def appealed(world: World, **changes: Any) -> ActRef:
    """The ombudsman's appeal against a fresh listing of a firm."""
    return world.append("ombudsman", appeal_file(listed(world, **changes))).ref()


def decided(world: World, listing: ActRef, outcome: str, **changes: Any) -> ActRef:
    """The tribunal's decision on an appeal that the ombudsman lodges against a listing."""
    appeal = world.append("ombudsman", appeal_file(listing, filed=world.day)).ref()
    decision = appeal_decide(appeal, outcome, decided=world.day, effective=world.day)._replace(**changes)
    world.append("tribunal", decision)
    return appeal
