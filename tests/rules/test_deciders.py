"""Who took part in a listing: it grows with those who correct and restore it, and they judge no appeal against it."""

from __future__ import annotations

import pytest

from creditledger.acts.kinds import ActRef
from creditledger.errors import Refused
from creditledger.rules.rows import Listing
from support.courts import appealed, courts, decided, listed, taken_over
from support.drafts import (
    FIRM,
    appeal_decide,
    appeal_file,
    authority_close,
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
    opening_balance,
)
from support.world import DAY, World, days_after

TOMORROW = days_after(DAY, 1)


def the_listing(world: World, ref: ActRef, list_id: str = "defaulters") -> Listing:
    return world.listing(list_id, FIRM, ref)


def list_with(world: World, **powers: str) -> None:
    """Opens a list `new` on which each body named holds a power: `add` stands for every power over a listing."""
    deciding = ("add", "correct", "suspend")
    named = {power: tuple(sorted(who for who, held in powers.items() if held == power)) for power in powers.values()}
    world.append("root", list_define("new", lodgers=named["lodge"], reviewers=named["review"]))
    for who, power in powers.items():
        world.append("root", mandate_grant(who, "new", *(deciding if power == "add" else (power,))))
    world.append("root", list_open("new"))


# -- who is a decider --------------------------------------------------------------------------------------------------


def test_who_corrects_or_restores_is_among_the_deciders_from_then_on() -> None:
    world = courts()
    ref = listed(world)
    world.append("district", listing_correct(ref, until="2028-03-01"))
    assert the_listing(world, ref).co_deciders == (), "the lister is one anyway"
    world.append("high", listing_correct(ref, until="2028-02-01"), cosigners=("regulator",))
    assert the_listing(world, ref).co_deciders == ("high", "regulator")
    world.append("district", listing_suspend(ref), cosigners=("archive",))
    assert the_listing(world, ref).co_deciders == ("high", "regulator"), "a suspension favours the person listed"
    world.append("district", listing_restore(ref), cosigners=("branch", "district:admin"))
    assert the_listing(world, ref).co_deciders == ("branch", "high", "regulator")
    assert the_listing(world, ref).deciders == ("district", "branch", "high", "regulator")


def test_the_lister_that_countersigns_itself_is_no_co_decider() -> None:
    world = courts()
    receipt = world.append("district", listing_add(), cosigners=("district:admin", "high"))
    assert the_listing(world, receipt.ref()).co_deciders == ("high",)
    world.append("high", listing_correct(receipt.ref(), until="2028-02-01"), cosigners=("district",))
    assert the_listing(world, receipt.ref()).co_deciders == ("high",)


def test_a_reviewer_that_restored_a_listing_does_not_judge_it() -> None:
    world = courts()
    ref = listed(world)
    appeal = world.append("ombudsman", appeal_file(ref)).ref()
    world.append("district", listing_suspend(ref), listing_restore(ref), cosigners=("supreme",))
    with pytest.raises(Refused, match="R-REVIEWER"):
        world.append("supreme", appeal_decide(appeal))
    world.append("tribunal", appeal_decide(appeal))


def test_a_body_that_corrected_a_listing_lodges_no_appeal_against_it() -> None:
    world = courts()
    list_with(world, district="add", ombudsman="lodge", regulator="lodge", tribunal="review")
    ref = listed(world, list="new")
    world.append("district", listing_correct(ref, list="new", until="2028-02-01"), cosigners=("branch",))
    with pytest.raises(Refused, match="R-INDEPENDENT"):
        world.append("regulator", appeal_file(ref, list="new"))
    world.append("ombudsman", appeal_file(ref, list="new"))


# -- recourse against all of them --------------------------------------------------------------------------------------


def test_nobody_joins_the_deciders_who_leaves_no_independent_recourse() -> None:
    world = courts()
    list_with(world, district="add", high="add", ombudsman="lodge", tribunal="review")
    ref = listed(world, list="new")
    correction = listing_correct(ref, list="new", until="2028-02-01")
    for helper in ("tribunal", "ombudsman"):
        with pytest.raises(Refused, match="R-INDEPENDENT"):
            world.append("district", correction, cosigners=(helper,))
    world.append("district", listing_suspend(ref, list="new"), cosigners=("tribunal",))
    with pytest.raises(Refused, match="R-INDEPENDENT"):
        world.append("district", listing_restore(ref, list="new"), cosigners=("tribunal",))
    world.append("high", correction)
    world.append("high", listing_restore(ref, list="new"))
    assert the_listing(world, ref, "new").co_deciders == ("high",)


def test_recourse_is_not_asked_again_where_nothing_changed_for_it() -> None:
    """A recourse that lapses after the listing keeps nobody from shortening it."""
    world = courts()
    ref = listed(world)
    world.append("high", listing_correct(ref, until="2028-02-01"))
    world.append("root", mandate_revoke("ombudsman-defaulters-lodge"))
    for who in ("district", "high"):
        world.append(who, listing_correct(ref, until="2028-01-01"))
        world.append(who, listing_suspend(ref), listing_restore(ref))
    with pytest.raises(Refused, match="R-INDEPENDENT"):
        world.append("district", listing_correct(ref, until="2028-01-01"), cosigners=("regulator",))
    with pytest.raises(Refused, match="R-INDEPENDENT"):
        world.append("district", listing_correct(ref, until="2028-01-01", area="cn-44"))


def test_recourse_is_independent_of_the_lister_too_when_somebody_joins_it() -> None:
    world = courts()
    list_with(world, regulator="add", branch="lodge", ombudsman="lodge", tribunal="review")
    ref = world.append("regulator", listing_add(list="new")).ref()
    world.append("root", mandate_revoke("ombudsman-new-lodge"))
    with pytest.raises(Refused, match="R-INDEPENDENT"):
        world.append("regulator", listing_correct(ref, list="new", until="2028-02-01"), cosigners=("archive",))


def test_recourse_is_not_asked_where_a_list_needs_none() -> None:
    world = courts()
    world.append("root", mandate_revoke("ombudsman-watched-lodge"))
    act = listing_add(list="watched", ground="late-filing", until="2026-09-01")
    ref = world.append("branch", act).ref()
    world.append("regulator", listing_correct(ref, list="watched", until="2026-08-01"))
    assert the_listing(world, ref, "watched").co_deciders == ("regulator",)


# -- heirs -------------------------------------------------------------------------------------------------------------


def test_the_heir_of_a_decider_lodges_no_appeal_nor_does_a_body_above_or_below_it() -> None:
    world = courts()
    powers = {"archive": "lodge", "branch": "lodge", "ombudsman": "lodge", "regulator": "lodge"}
    list_with(world, district="add", tribunal="review", **powers)
    ref = listed(world, list="new")
    world.append("root", authority_close("district", successor="branch"))
    for heir in ("branch", "regulator"):
        with pytest.raises(Refused, match="R-INDEPENDENT"):
            world.append(heir, appeal_file(ref, list="new"))
    world.append("archive", appeal_file(ref, list="new"))


def test_a_body_below_the_heir_of_a_decider_lodges_no_appeal() -> None:
    world = courts()
    list_with(world, district="add", tribunal="review", branch="lodge", ombudsman="lodge")
    ref = listed(world, list="new")
    world.append("branch", appeal_file(ref, list="new"))
    ref = listed(world, list="new", case=bytes(16))
    world.append("root", authority_close("district", successor="regulator", effective=TOMORROW))
    world.append("branch", appeal_file(ref, list="new"))
    ref = listed(world, list="new", case=bytes([1] * 16))
    world.day = TOMORROW
    with pytest.raises(Refused, match="R-INDEPENDENT"):
        world.append("branch", appeal_file(ref, list="new"))


def test_bodies_do_not_succeed_each_other_in_a_circle_that_nobody_could_end() -> None:
    world = courts()
    world.append("root", authority_close("branch", successor="archive", effective=TOMORROW))
    world.append("root", authority_close("archive", successor="tribunal", effective=TOMORROW))
    for successor in ("tribunal", "archive", "branch"):
        with pytest.raises(Refused, match="R-SELF"):
            world.append("root", authority_close("tribunal", successor=successor, effective=TOMORROW))
    world.append("root", authority_close("tribunal", successor="ombudsman", effective=TOMORROW))
    governance = world.view.governance
    assert governance.heirs("branch", world.day) == []
    assert governance.heirs("branch", TOMORROW) == ["archive", "tribunal", "ombudsman"]
    assert governance.present_body("archive", TOMORROW) == "ombudsman"


def test_the_heir_of_a_cosigner_is_no_independent_lodger_of_new_deciders() -> None:
    world = courts()
    list_with(world, district="add", ombudsman="lodge", tribunal="review")
    ref = listed(world, list="new")
    world.append("district", listing_correct(ref, list="new", until="2028-02-01"), cosigners=("archive",))
    world.append("root", authority_close("archive", successor="ombudsman"))
    with pytest.raises(Refused, match="R-INDEPENDENT"):
        world.append("ombudsman", appeal_file(ref, list="new"))
    with pytest.raises(Refused, match="R-INDEPENDENT"):
        world.append("district", listing_correct(ref, list="new", until="2028-01-01"), cosigners=("regulator",))


# -- what was quashed --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("effective", [DAY, "2026-05-12"])
@pytest.mark.parametrize("outcome", ["quash_ex_nunc", "quash_ex_tunc"])
def test_what_was_quashed_is_listed_again_only_in_another_case(outcome: str, effective: str) -> None:
    world = courts()
    decided(world, listed(world, case=bytes(16)), outcome, effective=effective)
    world.day = "2035-01-01"
    fresh = listing_add(decided=world.day, effective=world.day, until="2036-01-01")
    with pytest.raises(Refused, match="R-DUPLICATE"):
        world.append("district", fresh._replace(case=bytes(16)))
    world.append("district", fresh)
    world.append("district", fresh._replace(case=bytes([1] * 16)))


def test_what_was_quashed_without_a_case_is_not_listed_again_without_one() -> None:
    world = courts()
    decided(world, listed(world), "quash_ex_tunc")
    with pytest.raises(Refused, match="R-DUPLICATE"):
        world.append("district", listing_add())


@pytest.mark.parametrize("outcome", ["quash_ex_nunc", "quash_ex_tunc"])
def test_an_annulment_by_the_lister_does_not_wash_a_quashing_away(outcome: str) -> None:
    world = courts()
    ref = listed(world)
    decided(world, ref, outcome, effective="2026-05-12")
    world.append("district", listing_annul(ref))
    with pytest.raises(Refused, match="R-DUPLICATE"):
        world.append("district", listing_add())


def test_a_later_appeal_does_not_wash_a_quashing_away() -> None:
    world = courts()
    ref = listed(world)
    decided(world, ref, "quash_ex_nunc")
    decided(world, ref, "remit")
    with pytest.raises(Refused, match="R-DUPLICATE"):
        world.append("district", listing_add())


def test_what_was_quashed_is_not_taken_over_again_in_the_same_case() -> None:
    world = courts()
    ref = taken_over(world)
    appeal = world.append("ombudsman", appeal_file(ref, list="legacy")).ref()
    world.append("tribunal", appeal_decide(appeal, "quash_ex_tunc", list="legacy"))
    with pytest.raises(Refused, match="R-DUPLICATE"):
        world.append("district", opening_balance())
    world.append("district", opening_balance(case=bytes(16)))


@pytest.mark.parametrize("outcome", ["uphold", "remit"])
def test_an_appeal_that_did_not_quash_bars_nothing(outcome: str) -> None:
    world = courts()
    appeal = appealed(world)
    world.append("tribunal", appeal_decide(appeal, outcome))
    (listing,) = world.row("defaulters", FIRM).listings
    world.append("district", listing_remove(ActRef(listing.entry, listing.act)), listing_add())
