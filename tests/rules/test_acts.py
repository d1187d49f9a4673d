"""What the rules accept, up to the last day on which they do, and what it brings about."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from creditledger.acts.kinds import ActRef
from creditledger.errors import Refused, UnsupportedError
from creditledger.rules.rows import Appeal, Ended, Listing, Suspension
from creditledger.rules.status import listing_status
from support.courts import REGULATOR, appealed, courts, decided, listed, taken_over
from support.drafts import (
    FIRM,
    OTHER_FIRM,
    PERSON,
    appeal_decide,
    appeal_file,
    appeal_withdraw,
    authority_close,
    authority_register,
    content,
    content_erase,
    key_revoke,
    law_register,
    list_close,
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
    rules_activate,
    source_cite,
)
from support.world import DAY, World, days_after, key_add

TOMORROW = days_after(DAY, 1)


def the_listing(world: World, ref: ActRef, list_id: str = "defaulters") -> Listing:
    return world.listing(list_id, FIRM, ref)


def status(world: World, ref: ActRef, valid_at: str) -> str:
    return listing_status(the_listing(world, ref), valid_at, world.day, False)


# -- the last that is accepted -----------------------------------------------------------------------------------------


def _relist(world: World, day: str) -> None:
    world.day = day
    world.append("district", listing_add(decided=day, effective=day, until=days_after(day, 30)))


def _relist_when_the_term_has_run_out(world: World) -> None:
    listed(world)
    _relist(world, "2028-03-02")


def _relist_on_the_day_of_removal(world: World) -> None:
    world.append("district", listing_remove(listed(world)))
    _relist(world, DAY)


def _relist_after_annulment(world: World) -> None:
    world.append("district", listing_annul(listed(world)))
    _relist(world, DAY)


def _relist_from_within_the_void_term(world: World) -> None:
    ref = listed(world)
    world.day = "2026-03-20"
    world.append("district", listing_annul(ref, decided=world.day))
    world.append("district", listing_add())


def _relist_after_the_removal_of_an_endless_one(world: World) -> None:
    ref = listed(world, ground="refuses-to-obey", until=None)
    world.append("district", listing_remove(ref))
    _relist(world, DAY)


def _list_for_another_case(world: World) -> None:
    listed(world)
    listed(world, case=bytes(16))


def _remove_what_the_same_entry_lists(world: World) -> None:
    world.append("district", listing_add(), listing_remove(ActRef(None, 0)), listing_add())


def _successor_on_the_day_of_closing(world: World) -> None:
    ref = listed(world)
    world.append("root", mandate_grant("regulator", "defaulters", "remove"))
    world.append("root", authority_close("district", successor="regulator"))
    world.append("regulator", listing_remove(ref))


def _list_on_the_day_of_opening(world: World) -> None:
    world.append("root", list_open("legacy", effective=DAY))
    world.append("district", listing_add(list="legacy"))


def _restore_on_the_day_of_suspension(world: World) -> None:
    ref = listed(world)
    world.append("district", listing_suspend(ref), listing_restore(ref))


def _successor_of_the_successor(world: World) -> None:
    ref = listed(world)
    world.append("root", mandate_grant("archive", "defaulters", "remove"))
    world.append("root", authority_close("district", successor="county"))
    world.append("root", authority_close("county", successor="archive"))
    world.append("archive", listing_remove(ref))


def _body_above_the_successor(world: World) -> None:
    ref = listed(world)
    world.append("root", mandate_grant("regulator", "defaulters", "remove"))
    world.append("root", authority_close("district", successor="branch"))
    world.append("regulator", listing_remove(ref))


def _successor_of_the_only_lodging_body(world: World) -> None:
    world.append("root", authority_close("ombudsman", successor="archive"))
    world.append("root", mandate_grant("archive", "defaulters", "lodge"))
    ref = listed(world)
    world.append("archive", appeal_file(ref))


def _parent_removes(world: World) -> None:
    world.append("high", listing_remove(listed(world)))


def _consent_of_the_parent(world: World) -> None:
    world.append("county", listing_add(list="county-defaulters", area="cn-44-03"), cosigners=("high",))


def _one_of_two_reviewers_countersigns(world: World) -> None:
    world.append("district", listing_add(), cosigners=("supreme",))


def _transcript_of_an_older_decision(world: World) -> None:
    act = listing_add(list="foreign", effective="2025-01-01", until="2026-06-01", source=ActRef(None, 0))
    world.append("archive", source_cite(), act)


def _list_the_child(world: World) -> None:
    world.append("root", mandate_grant("supreme", "trusted", "add"))
    act = listing_add(REGULATOR, list="trusted", ground="honest-trader")
    world.append("supreme", act)


def _replace_a_root_key_in_one_entry(world: World) -> None:
    acts = (key_add("root:3"), key_revoke("root:2", "superseded"), key_revoke("root:1", "superseded"))
    world.append("root", *acts, cosigners=("root:3",))


def _replace_the_log_key_in_one_entry(world: World) -> None:
    world.append("root", key_add("root:log:2"), key_revoke("root:log", "superseded"))


def _delegate_a_part_of_the_area(world: World) -> None:
    world.append("root", mandate_grant("high", "legacy", "add", "delegate", areas=("cn-44",), until="2027-01-01"))
    grant = mandate_grant("county", "legacy", "add", areas=("cn-44", "cn-44-03"), until="2027-01-01")
    world.append("high:admin", grant)


def _see_the_last_tree_twice(world: World) -> None:
    seen = (world.size, world.view.roots[world.size])
    world.append("district", listing_add(), seen=seen)
    world.append("district", listing_add(OTHER_FIRM), seen=seen)


ACCEPTED: dict[str, Callable[[World], object]] = {
    "a mandate on the day on which it begins": lambda w: (
        w.append("root", mandate_grant("county", "defaulters", "add", effective=DAY)),
        w.append("county", listing_add()),
    ),
    "a list on the day on which it opens": _list_on_the_day_of_opening,
    "restored on the day of suspension": _restore_on_the_day_of_suspension,
    "the parent adds a key": lambda w: w.append("high:admin", key_add("district:act:2"), cosigners=["district:act:2"]),
    "closing a list on the day on which it opened": lambda w: w.append(
        "root", list_close("defaulters", effective="2020-01-01")
    ),
    "a law of one day": lambda w: w.append("root", law_register("new", until="2000-01-02")),
    "closing a child": lambda w: w.append("high:admin", authority_close("district")),
    "every power over the catalogue": lambda w: w.append(
        "root", mandate_grant("high", None, "catalogue", "define", "delegate")
    ),
    "recorded at not_after": lambda w: w.append("district", listing_add(), not_after=w.recorded_at),
    "having seen the empty tree": lambda w: w.append("district", listing_add(), seen=(0, w.view.roots[0])),
    "having seen the last tree, twice": _see_the_last_tree_twice,
    "the longest term": lambda w: listed(w, until="2028-03-02"),
    "the longest term from a leap day": lambda w: listed(w, effective="2028-02-29", until="2030-02-28"),
    "a term of one day": lambda w: listed(w, until=TOMORROW),
    "no end where the ground has no term": lambda w: listed(w, ground="refuses-to-obey", until=None),
    "a term that reaches the end of the calendar": lambda w: listed(w, effective="9999-12-30", until="9999-12-31"),
    "a decision of the first day of the ground's law": lambda w: listed(w, decided="2000-01-01"),
    "an unknown beginning and a cautious end": lambda w: taken_over(w, effective=None, until="2028-03-02"),
    "nothing known at all": lambda w: taken_over(w, effective=None, until=None, ground=None),
    "taken over from today": lambda w: taken_over(w, effective=DAY),
    "relisting when the term has run out": _relist_when_the_term_has_run_out,
    "relisting on the day of removal": _relist_on_the_day_of_removal,
    "relisting after annulment": _relist_after_annulment,
    "relisting from within the term of a void listing": _relist_from_within_the_void_term,
    "relisting after the removal of a listing without an end": _relist_after_the_removal_of_an_endless_one,
    "another case": _list_for_another_case,
    "removing what the same entry lists": _remove_what_the_same_entry_lists,
    "the successor, on the day of closing": _successor_on_the_day_of_closing,
    "the successor of the successor": _successor_of_the_successor,
    "a body above the successor": _body_above_the_successor,
    "with a successor to the only lodging body": _successor_of_the_only_lodging_body,
    "the parent of the lister": _parent_removes,
    "with the parent's consent, in a part of the area": _consent_of_the_parent,
    "countersigned by one reviewer of two": _one_of_two_reviewers_countersigns,
    "a transcript of an older decision": _transcript_of_an_older_decision,
    "listing somebody else's firm": _list_the_child,
    "a root key replaced in one entry": _replace_a_root_key_in_one_entry,
    "the log key replaced in one entry": _replace_the_log_key_in_one_entry,
    "delegating a part of the area to the same day": _delegate_a_part_of_the_area,
    "an authority that closes tomorrow": lambda w: (
        w.append("root", authority_close("district", effective=TOMORROW)),
        listed(w),
    ),
    "a list that closes tomorrow": lambda w: (
        w.append("root", list_close("defaulters", effective=TOMORROW)),
        listed(w),
    ),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(name: str) -> None:
    world = courts()
    before = world.size
    ACCEPTED[name](world)
    assert world.size > before


def test_a_ledger_is_founded_at_not_after_and_by_all_keys_if_it_wants() -> None:
    world = World()
    entry = world.founding_entry(threshold=3)
    world.submit(world.seal(entry._replace(not_after=world.recorded_at)))
    assert world.size == 1


def test_an_entry_without_governance_leaves_the_governance_that_is_there() -> None:
    world = courts()
    governance = world.view.governance
    _transcript_of_an_older_decision(world)
    assert world.view.governance is governance, "copying it, and storing it, is dear"


def test_an_unknown_rule_set_is_unsupported_and_not_refused() -> None:
    world = courts()
    before = world.state_bytes()
    with pytest.raises(UnsupportedError):
        world.append("root", rules_activate("rules-99"))
    with pytest.raises(UnsupportedError):
        World().submit(World().seal(World().founding_entry(rule_set="rules-99")))
    assert world.state_bytes() == before


def test_what_breaks_another_rule_is_refused_also_where_it_names_an_unknown_rule_set() -> None:
    world = courts()
    before = world.state_bytes()
    with pytest.raises(Refused, match="R-ROOT"):
        world.append("root:0", rules_activate("rules-99"))
    with pytest.raises(Refused, match="R-ID-TAKEN"):
        world.append("root", law_register("enforcement-law"), rules_activate("rules-99"))
    with pytest.raises(Refused, match="R-GENESIS"):
        World().submit(World().seal(World().founding_entry(rule_set="rules-99", threshold=4)))
    assert world.state_bytes() == before


# -- what acts bring about ---------------------------------------------------------------------------------------------


def test_a_listing_remembers_who_made_it_and_who_countersigned() -> None:
    world = courts()
    receipt = world.append("district", listing_add(case=bytes(16)), cosigners=("supreme", "high", "high:admin"))
    listing = the_listing(world, receipt.ref())
    assert (listing.authority, listing.co_deciders, listing.unproven) == ("district", ("high", "supreme"), False)
    assert (listing.entry, listing.act, listing.seq) == (receipt.digest, 0, receipt.seq)
    assert (listing.case, listing.effective, listing.until) == (bytes(16), DAY, "2028-03-02")
    assert world.row("defaulters", FIRM).addresses() == [(receipt.seq, 0)]


def test_what_was_taken_over_is_unproven() -> None:
    world = courts()
    assert the_listing(world, taken_over(world), "legacy").unproven


def test_acts_of_one_entry_are_applied_in_order_and_addressed_by_their_index() -> None:
    world = courts()
    receipt = world.append("district", listing_add(), listing_add(OTHER_FIRM), listing_remove(ActRef(None, 0)))
    assert world.row("defaulters", FIRM).addresses() == [(receipt.seq, 0), (receipt.seq, 2)]
    assert world.row("defaulters", OTHER_FIRM).addresses() == [(receipt.seq, 1)]
    assert the_listing(world, receipt.ref()).ended == Ended("removed", "performed", DAY, receipt.seq)


def test_suspensions_follow_one_another() -> None:
    world = courts()
    ref = listed(world)
    world.append("district", listing_suspend(ref, effective="2026-06-01"))
    world.append("district", listing_suspend(ref, effective="2026-05-01"))
    assert the_listing(world, ref).suspensions == (Suspension("2026-05-01", None),), "it may be brought forward"
    world.append("district", listing_restore(ref, effective="2026-07-01"))
    restored = world.size - 1
    world.append("district", listing_suspend(ref, effective="2026-07-01"))
    assert the_listing(world, ref).suspensions == (
        Suspension("2026-05-01", "2026-07-01", restored),
        Suspension("2026-07-01", None),
    )


def test_nobody_bars_a_suspension_by_one_that_lies_ahead() -> None:
    world = courts()
    ref = listed(world)
    for year in ("9000", "9999"):
        world.append("district", listing_suspend(ref, effective=f"{year}-01-01"))
        world.append("district", listing_restore(ref, effective=f"{year}-01-01"))
    world.append("high", listing_suspend(ref, effective="2026-06-01"))
    assert the_listing(world, ref).suspensions == (Suspension("2026-06-01", None),)


def test_a_suspension_that_has_begun_is_not_replaced() -> None:
    world = courts()
    ref = listed(world)
    world.append("district", listing_suspend(ref, effective=DAY), listing_restore(ref, effective="2026-06-01"))
    with pytest.raises(Refused, match="R-DATES"):
        world.append("high", listing_suspend(ref, effective="2026-05-01"))


def test_a_removal_that_lies_ahead_may_be_brought_forward_and_the_listing_stands_until_then() -> None:
    world = courts()
    ref = listed(world)
    world.append("district", listing_remove(ref, effective="2028-01-01"))
    world.append("district", listing_suspend(ref))
    world.append("district", listing_correct(ref, until="2028-02-01"))
    assert status(world, ref, "2027-01-01") == "suspended"
    world.append("high", listing_remove(ref, effective="2026-04-01"))
    assert status(world, ref, "2026-03-31") == "suspended"
    assert status(world, ref, "2026-04-01") == "removed"


def test_an_appeal_runs_from_filing_to_decision() -> None:
    world = courts()
    ref = listed(world)
    filed = world.append("ombudsman", appeal_file(ref))
    world.day = TOMORROW
    world.append("tribunal", appeal_decide(filed.ref(), "uphold", decided=TOMORROW, effective=TOMORROW))
    (appeal,) = the_listing(world, ref).appeals
    expected = Appeal(filed.digest, 0, filed.seq, "ombudsman", DAY, "uphold", TOMORROW, TOMORROW)
    assert appeal.as_tuple() == expected.as_tuple()
    assert the_listing(world, ref).ended is None
    again = world.append("ombudsman", appeal_file(ref, filed=TOMORROW)).ref()
    world.append("ombudsman", appeal_withdraw(again, withdrawn=TOMORROW))
    assert [one.outcome for one in the_listing(world, ref).appeals] == ["uphold", "withdrawn"]


def test_a_court_above_may_review() -> None:
    world = courts()
    appeal = appealed(world)
    world.append("supreme", appeal_decide(appeal, "quash_ex_nunc"))
    (listing,) = world.row("defaulters", FIRM).listings
    assert listing.ended == Ended("quashed", "quash_ex_nunc", DAY, world.size - 1)


def test_varying_shortens_a_listing() -> None:
    world = courts()
    ref = listed(world)
    decided(world, ref, "vary", until="2026-06-01")
    assert the_listing(world, ref).until == "2026-06-01"
    assert the_listing(world, ref).ended is None


# A quashing takes effect by itself, and beside what ended the listing before: the end never moves into the future.


def test_a_delayed_quashing_is_brought_forward_by_a_second_decision() -> None:
    world = courts()
    ref = listed(world)
    decided(world, ref, "quash_ex_nunc", effective="9999-12-31")
    assert status(world, ref, "2027-01-01") == "listed"
    decided(world, ref, "quash_ex_nunc")
    assert status(world, ref, DAY) == "quashed"


def test_a_delayed_annulment_may_be_appealed_and_brought_forward() -> None:
    world = courts()
    ref = listed(world)
    decided(world, ref, "quash_ex_tunc", effective="9999-12-31")
    assert status(world, ref, "2027-01-01") == "listed"
    world.day = "2026-04-01"
    decided(world, ref, "quash_ex_tunc")
    assert status(world, ref, DAY) == "annulled"


def test_a_delayed_annulment_may_be_anticipated_by_the_lister() -> None:
    world = courts()
    ref = listed(world)
    appeal = decided(world, ref, "quash_ex_tunc", effective="2026-05-12")
    world.append("district", listing_annul(ref, reason="quashed_ex_tunc", appeal=appeal))
    assert status(world, ref, DAY) == "annulled"


def test_a_delayed_quashing_may_be_anticipated_by_the_lister() -> None:
    world = courts()
    ref = listed(world)
    appeal = decided(world, ref, "quash_ex_nunc", effective="2026-05-12")
    world.append("district", listing_remove(ref, reason="appeal_quashed", appeal=appeal, effective="2026-03-05"))
    assert [status(world, ref, day) for day in ("2026-03-04", "2026-03-05")] == ["listed", "removed"]


def test_a_delayed_annulment_does_not_bring_a_removed_listing_back() -> None:
    world = courts()
    ref = listed(world)
    world.append("district", listing_remove(ref))
    decided(world, ref, "quash_ex_tunc", effective="2026-05-12")
    assert status(world, ref, DAY) == "annulled"


def test_a_quashing_for_the_future_leaves_an_earlier_end_alone() -> None:
    world = courts()
    ref = listed(world)
    removal = world.append("district", listing_remove(ref))
    decided(world, ref, "quash_ex_nunc")
    world.day = TOMORROW
    decided(world, ref, "quash_ex_nunc")
    assert the_listing(world, ref).ended == Ended("removed", "performed", DAY, removal.seq)


def test_what_is_void_stays_void_when_it_is_quashed_for_an_earlier_day() -> None:
    world = courts()
    ref = listed(world)
    decided(world, ref, "quash_ex_tunc", effective="2026-05-12")
    decided(world, ref, "quash_ex_nunc", effective="2026-03-10")
    ended = the_listing(world, ref).ended
    assert ended is not None
    assert (ended.how, ended.effective) == ("annulled", "2026-03-10")


def test_a_correction_restates_the_particulars() -> None:
    world = courts()
    ref = listed(world, area="cn-44")
    world.append(
        "high", listing_correct(ref, area="cn-45", effective=TOMORROW, until="2027-01-01", content=(content(7),))
    )
    listing = the_listing(world, ref)
    assert (listing.area, listing.effective, listing.until) == ("cn-45", TOMORROW, "2027-01-01")
    assert listing.authority == "district"
    assert world.row("defaulters", FIRM).commitments == [content(7).digest]


def test_a_correction_may_reveal_a_beginning_within_the_term() -> None:
    world = courts()
    ref = taken_over(world, effective=None, until="2027-06-01")
    world.append("district", listing_correct(ref, list="legacy", effective="2025-06-01", until="2027-06-01"))
    assert the_listing(world, ref, "legacy").effective == "2025-06-01"


def test_erased_content_stays_on_record_as_erased() -> None:
    world = courts()
    world.append("district", listing_add(PERSON, content=(content(1), content(2, "remedy"))))
    receipt = world.append("district", content_erase(content(1).digest, subject=PERSON))
    row = world.row("defaulters", PERSON)
    assert row.commitments == [content(2).digest]
    assert row.erased == [(content(1).digest, receipt.seq)]


# -- governance -------------------------------------------------------------------------------------------------------


def test_revoking_a_mandate_leaves_what_was_done_under_it() -> None:
    world = courts()
    ref = listed(world)
    before = world.row("defaulters", FIRM).to_bytes()
    world.append("root", mandate_revoke("district-defaulters-add", effective="2000-01-01"))
    assert world.row("defaulters", FIRM).to_bytes() == before
    world.append("high", listing_remove(ref))


def test_governance_of_the_same_entry_holds_for_its_later_acts() -> None:
    world = courts()
    world.append(
        "root",
        authority_register("village", "district"),
        mandate_grant("village", "legacy", "add"),
        key_add("village"),
        cosigners=("village",),
    )
    world.append("village", opening_balance())
    with pytest.raises(Refused):
        world.append("root", authority_close("village"), mandate_grant("village", "legacy", "remove"))


# -- what can be put right -----------------------------------------------------------------------------------------


def test_an_end_that_lies_far_ahead_can_be_brought_forward() -> None:
    world = courts()
    world.append("root", mandate_revoke("district-defaulters-add", effective="9999-12-31"))
    world.append("root", mandate_revoke("district-defaulters-add"))
    with pytest.raises(Refused, match="R-MANDATE"):
        world.append("district", listing_add())
    world.append("root", list_close("trusted", effective="9999-12-31"))
    world.append("root", list_close("trusted"))
    with pytest.raises(Refused, match="R-LIST-STATE"):
        world.append("root", list_close("trusted", effective="9999-12-31"))


def test_a_parent_brings_the_closing_that_root_has_set_forward_and_does_not_postpone_it() -> None:
    world = courts()
    world.append("root", authority_close("county", effective="2026-06-01", successor="archive"))
    for day in ("2026-06-01", "9999-12-31"):
        with pytest.raises(Refused, match="R-AUTHORITY-CLOSED"):
            world.append("high:admin", authority_close("county", effective=day, successor="archive"))
    for successor in (None, "high"):
        with pytest.raises(Refused, match="R-CONSENT"):
            world.append("high:admin", authority_close("county", effective="2026-05-31", successor=successor))
    world.append("high:admin", authority_close("county", effective="2026-05-31", successor="archive"))
    row = world.view.governance.authorities["county"]
    assert (row.closed, row.successor) == ("2026-05-31", "archive")


def test_root_names_a_successor_for_a_reviewer_that_closed_without_one() -> None:
    world = courts()
    world.append("root", authority_close("tribunal"))
    with pytest.raises(Refused, match="R-AUTHORITY-CLOSED"):
        world.append("root", authority_close("tribunal"))
    world.append("root", authority_register("new-tribunal"))
    world.append("root", authority_close("tribunal", successor="new-tribunal", effective="2030-01-01"))
    row = world.view.governance.authorities["tribunal"]
    assert (row.closed, row.successor) == (world.day, "new-tribunal")
    world.append("root", mandate_grant("new-tribunal", "defaulters", "review"))


def test_one_lodger_does_not_stand_in_the_way_of_another() -> None:
    world = courts()
    listing = listed(world)
    world.append("ombudsman", appeal_file(listing))
    with pytest.raises(Refused, match="R-TRANSITION"):
        world.append("ombudsman", appeal_file(listing))


def test_a_successor_that_countersigns_is_named() -> None:
    world = courts()
    world.append("supreme:admin", authority_close("high", successor="archive"), cosigners=["archive"])
    assert world.view.governance.authorities["high"].successor == "archive"


def test_a_parent_that_takes_over_consents_by_closing() -> None:
    world = courts()
    world.append("high:admin", authority_close("county", successor="high"))
    assert world.view.governance.authorities["county"].successor == "high"
