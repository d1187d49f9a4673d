"""The rows of the state: what is written is read back, one state has one form in bytes, copies are independent."""

from __future__ import annotations

import hashlib
from itertools import product
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from creditledger.acts.catalogue import (
    ACTIONS,
    POLARITIES,
    GroundRegister,
    LawRegister,
    ListDefine,
    MandateGrant,
    MeasureRegister,
)
from creditledger.acts.kinds import Subject
from creditledger.errors import FormatError
from creditledger.rules.governance_state import GOVERNANCE_TABLES, Governance
from creditledger.rules.rows import (
    Appeal,
    AuthorityRow,
    Confirmation,
    Ended,
    KeyRow,
    LedgerRow,
    Listing,
    ListRow,
    MandateRow,
    SubjectRow,
    Suspension,
)
from support.courts import courts, decided, listed
from support.drafts import FIRM, content, content_erase, listing_add, mandate_grant, mandate_revoke
from support.world import DAY

IDS = st.text("abz019._-", min_size=1, max_size=4)
DATES = st.sampled_from(["0001-01-01", "2026-03-02", "2026-03-03", "9999-12-31"])
TEXTS = st.sampled_from(["A law", "征信", "Zoë", "x" * 300])
NUMBERS = st.sampled_from([0, 1, 127, 128, 2**32, 2**53 - 1])
HASHES = st.binary(min_size=32, max_size=32)
KEYS = st.binary(min_size=32, max_size=32).map(lambda key: b"\x01" + key)
SUBJECTS = st.sampled_from([FIRM, Subject.handle(bytes(32)), Subject.host("shop.example.com")])
ID_SETS = st.sets(IDS, max_size=3).map(lambda ids: tuple(sorted(ids)))


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


# -- subjects ----------------------------------------------------------------------------------------------------------

APPEALS = st.builds(
    Appeal,
    entry=HASHES,
    act=NUMBERS,
    seq=NUMBERS,
    lodger=IDS,
    filed=DATES,
    outcome=maybe(st.sampled_from(["uphold", "withdrawn"])),
    decided=maybe(DATES),
    effective=maybe(DATES),
)
LISTINGS = st.builds(
    Listing,
    entry=HASHES,
    act=NUMBERS,
    seq=NUMBERS,
    authority=IDS,
    co_deciders=ID_SETS,
    unproven=st.booleans(),
    case=maybe(st.binary(min_size=16, max_size=16)),
    ground=maybe(IDS),
    area=maybe(IDS),
    effective=maybe(DATES),
    until=maybe(DATES),
    ended=maybe(st.builds(Ended, IDS, IDS, DATES, NUMBERS)),
    suspensions=st.lists(st.builds(Suspension, DATES, maybe(DATES), maybe(NUMBERS)), max_size=2).map(tuple),
    appeals=st.lists(APPEALS, max_size=2).map(tuple),
)


@st.composite
def subject_rows(draw: st.DrawFn) -> SubjectRow:
    row = SubjectRow()
    row.listings = draw(st.lists(LISTINGS, max_size=3))
    row.history = [number for pair in draw(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=4)) for number in pair]
    row.commitments = draw(st.lists(HASHES, max_size=3))
    row.erased = draw(st.lists(st.tuples(HASHES, NUMBERS), max_size=2))
    return row


def plain(row: SubjectRow) -> tuple[Any, ...]:
    """A row as plain values, types of its parts included."""
    listings = [(one.as_tuple(), type(one.ended), [type(s) for s in one.suspensions]) for one in row.listings]
    return listings, row.history, row.commitments, row.erased


@given(subject_rows())
def test_a_subject_row_is_read_back_as_written(row: SubjectRow) -> None:
    data = row.to_bytes()
    again = SubjectRow.from_bytes(data)
    assert plain(again) == plain(row)
    assert again.to_bytes() == data


@given(subject_rows(), subject_rows())
def test_different_subject_rows_have_different_bytes(one: SubjectRow, other: SubjectRow) -> None:
    assert (one.to_bytes() == other.to_bytes()) == (plain(one) == plain(other))


@given(subject_rows())
def test_changing_a_row_that_was_read_leaves_its_bytes_and_other_readings_alone(row: SubjectRow) -> None:
    data = row.to_bytes()
    changed, untouched = SubjectRow.from_bytes(data), SubjectRow.from_bytes(data)
    changed.history += [7, 7]
    changed.commitments.append(bytes(32))
    changed.erased.append((bytes(32), 7))
    for listing in changed.listings:
        listing.until = "2031-01-01"
        listing.ended = Ended("removed", "performed", DAY, 7)
        for appeal in listing.appeals:
            appeal.outcome = "remit"
    changed.listings.clear()
    assert untouched.to_bytes() == data


def test_the_row_of_nothing_is_empty() -> None:
    row = SubjectRow.from_bytes(None)
    assert (row.listings, row.history, row.commitments, row.erased) == ([], [], [], [])
    assert SubjectRow.from_bytes(row.to_bytes()).to_bytes() == row.to_bytes()


@pytest.mark.parametrize("damage", [b"", b"\x94\x90\x90\x90", b"\xc1"])
def test_a_damaged_row_is_an_error_of_form(damage: bytes) -> None:
    with pytest.raises(FormatError):
        SubjectRow.from_bytes(damage)


def test_the_bytes_of_a_row_do_not_drift() -> None:
    """State digests are compared across versions and machines, so the places and their order are fixed."""
    row = SubjectRow()
    row.listings = [
        Listing(
            b"\x11" * 32, 3, 70_000, "district", ("high",), False, b"\x22" * 16, "ground", "cn-44", "2026-03-02", None,
            Ended("quashed", "quash_ex_nunc", "2026-05-01", 70_002), (Suspension("2026-04-01", None),),
            (Appeal(b"\x33" * 32, 0, 70_001, "ombudsman", "2026-03-10", "quash_ex_nunc", "2026-04-30", "2026-05-01"),),
        )
    ]  # fmt: skip
    row.history = [70_000, 3]
    row.commitments, row.erased = [b"\x44" * 32], [(b"\x55" * 32, 70_003)]
    appeal = [b"\x33" * 32, 0, 70_001, "ombudsman", "2026-03-10", "quash_ex_nunc", "2026-04-30", "2026-05-01"]
    listing = [
        b"\x11" * 32, 3, 70_000, "district", ["high"], False, b"\x22" * 16, "ground", "cn-44", "2026-03-02", None,
        ["quashed", "quash_ex_nunc", "2026-05-01", 70_002], [["2026-04-01", None, None]], [appeal],
    ]  # fmt: skip
    plain_row = [[listing], [70_000, 3], [b"\x44" * 32], [[b"\x55" * 32, 70_003]]]
    assert row.to_bytes() == msgpack.packb(plain_row, use_bin_type=True)


# -- governance --------------------------------------------------------------------------------------------------------

POLARITY = st.sampled_from(POLARITIES)
LAWS = st.builds(LawRegister, IDS, TEXTS, TEXTS, TEXTS, DATES, maybe(DATES))
GROUNDS = st.builds(
    GroundRegister,
    ground=IDS,
    title=TEXTS,
    polarity=POLARITY,
    nature=st.just("offence"),
    law=IDS,
    article=TEXTS,
    max_months=maybe(NUMBERS),
)
MEASURES = st.builds(
    MeasureRegister, measure=IDS, title=TEXTS, polarity=POLARITY, law=IDS, article=TEXTS, agency=IDS, target=TEXTS
)
GRANTS = st.builds(
    MandateGrant,
    mandate=IDS,
    authority=IDS,
    list=maybe(IDS),
    actions=st.sets(st.sampled_from(ACTIONS), min_size=1, max_size=4).map(lambda actions: tuple(sorted(actions))),
    areas=ID_SETS,
    effective=DATES,
    until=maybe(DATES),
    law=IDS,
    article=TEXTS,
)
DEFINITIONS = st.builds(
    ListDefine,
    list=IDS,
    title=TEXTS,
    polarity=POLARITY,
    law=IDS,
    article=TEXTS,
    grounds=ID_SETS,
    measures=ID_SETS,
    schemes=st.just(("handle", "uscc")),
    consent=st.just("none"),
    lodgers=ID_SETS,
    reviewers=ID_SETS,
    notice_days=NUMBERS,
    appeal_days=NUMBERS,
    decide_days=NUMBERS,
    source=maybe(TEXTS),
)
ROWS: dict[str, st.SearchStrategy[Any]] = {
    "authority": st.builds(AuthorityRow, IDS, TEXTS, maybe(IDS), maybe(IDS), maybe(SUBJECTS), maybe(DATES), maybe(IDS)),
    "confirmed": st.builds(Confirmation, NUMBERS, KEYS, NUMBERS, HASHES),
    "ground": GROUNDS,
    "key": st.builds(
        KeyRow,
        authority=IDS,
        role=IDS,
        added=NUMBERS,
        until=maybe(DATES),
        revoked=maybe(NUMBERS),
        reason=maybe(IDS),
        stands=maybe(NUMBERS),
        by=maybe(st.tuples(KEYS, NUMBERS, HASHES)),
    ),
    "law": LAWS,
    "ledger": st.builds(LedgerRow, HASHES, TEXTS, st.just("+08:00"), NUMBERS, IDS),
    "list": st.builds(ListRow, DEFINITIONS, maybe(DATES), maybe(DATES)),
    "mandate": st.builds(MandateRow, GRANTS, IDS, maybe(DATES)),
    "measure": MEASURES,
}
NAMES: dict[str, st.SearchStrategy[Any]] = dict.fromkeys(ROWS, IDS) | {
    "confirmed": HASHES,
    "key": KEYS,
    "ledger": st.just(""),
}
ENTRIES = st.one_of(*(st.tuples(st.just(table), NAMES[table], ROWS[table]) for table in ROWS))


def governance_of(entries: list[tuple[str, Any, Any]]) -> Governance:
    governance = Governance()
    for table, name, row in entries:
        governance.set_row(table, name, row)
    return governance


def read_back(governance: Governance) -> Governance:
    again = Governance()
    for table, key, data in governance.rows():
        again.load_row(table, key, data)
    return again


def tables(governance: Governance) -> dict[str, Any]:
    names = ("authorities", "confirmed", "grounds", "keys", "laws", "ledger", "lists", "mandates", "measures")
    return {name: getattr(governance, name) for name in names}


def test_every_table_of_governance_is_tried() -> None:
    assert sorted(ROWS) == sorted(GOVERNANCE_TABLES)


@settings(max_examples=60)
@given(st.lists(ENTRIES, max_size=8))
def test_governance_is_read_back_as_written(entries: list[tuple[str, Any, Any]]) -> None:
    governance = governance_of(entries)
    again = read_back(governance)
    assert tables(again) == tables(governance)
    for table in tables(governance).values():
        if isinstance(table, dict):
            twin = next(other for other in tables(again).values() if other == table)
            assert [type(twin[key]) for key in table] == [type(row) for row in table.values()]
    assert list(again.rows()) == list(governance.rows())
    assert not again.dirty, "what was just read need not be written"


@settings(max_examples=60)
@given(st.lists(ENTRIES, max_size=8, unique_by=lambda entry: entry[:2]), st.randoms(use_true_random=False))
def test_the_bytes_of_governance_do_not_depend_on_the_order_of_writing(
    entries: list[tuple[str, Any, Any]], random: Any
) -> None:
    governance = governance_of(entries)
    shuffled = list(entries)
    random.shuffle(shuffled)
    assert list(governance_of(shuffled).rows()) == list(governance.rows())
    keys = [(table, key) for table, key, _ in governance.rows()]
    assert keys == sorted(keys)


@settings(max_examples=60)
@given(st.lists(ENTRIES, max_size=6), st.lists(ENTRIES, min_size=1, max_size=4))
def test_a_copy_of_governance_and_its_original_are_independent(
    entries: list[tuple[str, Any, Any]], more: list[tuple[str, Any, Any]]
) -> None:
    governance = governance_of(entries)
    before = list(governance.rows())
    copy = governance.copy()
    for table, name, row in more:
        copy.set_row(table, name, row)
    assert list(governance.rows()) == before
    other = governance.copy()
    governance.set_row("law", "another", LawRegister("another", "A", "B", "C", DAY, None))
    assert list(other.rows()) == before


def test_a_mandate_granted_to_a_copy_is_not_in_force_in_the_original() -> None:
    governance = courts().view.governance
    copy = governance.copy()
    copy.set_row("mandate", "new", MandateRow(mandate_grant("county", "defaulters", "add"), "root", None))
    assert len(copy.mandates_in_force("county", "defaulters", "add", DAY)) == 1
    assert governance.mandates_in_force("county", "defaulters", "add", DAY) == []


def test_what_changed_is_marked_for_the_store_until_it_is_read_back() -> None:
    world = courts()
    world.view.governance.dirty.clear()
    world.append("root", mandate_revoke("district-defaulters-add"))
    governance = world.view.governance
    assert governance.dirty == {("mandate", "district-defaulters-add")}
    ((table, name),) = governance.dirty
    key, data = governance.row_bytes(table, name)
    assert (table, key, data) in list(governance.rows())


def test_answers_survive_the_way_through_the_store() -> None:
    governance = courts().view.governance
    again = read_back(governance)
    days = ("2000-01-01", DAY, "2026-12-31", "2027-01-01")
    lists = (None, *governance.lists)
    for authority, list_id, action, day in product(governance.authorities, lists, ACTIONS, days):
        mandates = governance.mandates_in_force(authority, list_id, action, day)
        found = again.mandates_in_force(authority, list_id, action, day)
        assert sorted(row.grant.mandate for row in found) == sorted(row.grant.mandate for row in mandates)
    for key, day in product(governance.keys, days):
        assert again.key_in_force(key, 100, day) == governance.key_in_force(key, 100, day)
    for authority in governance.authorities:
        assert again.ancestors(authority) == governance.ancestors(authority)


def test_a_long_row_of_disowned_confirmations_is_followed_to_its_end() -> None:
    """Each confirmation is by a key revoked later, so that the next one is needed; only the last key is sound."""
    governance = Governance()
    length = 3000
    keys = [b"\x01" + number.to_bytes(32, "big") for number in range(length)]
    for number, key in enumerate(keys):
        governance.set_row("key", key, KeyRow("district", "act", 0, None, number, "compromised", 0, None))
        if number:
            confirmation = Confirmation(number, key, 0, key[1:])
            governance.set_row("confirmed", keys[number - 1][1:], confirmation)
    assert governance.is_tainted(keys[0], 0, keys[0][1:])
    governance.set_row("key", keys[-1], KeyRow("district", "act", 0, None, None, None, None, None))
    assert not governance.is_tainted(keys[0], 0, keys[0][1:])


def test_remembered_answers_are_forgotten_when_governance_changes() -> None:
    governance = courts().view.governance
    governance.remember("question", "answer")
    assert governance.recall("question") == "answer"
    assert governance.copy().recall("question") is None
    governance.set_row("law", "another", LawRegister("another", "A", "B", "C", DAY, None))
    assert governance.recall("question") is None


def test_the_state_of_a_life_has_one_digest() -> None:
    """The same acts give the same bytes, in whichever process and order of hashing."""
    digests = set()
    for _ in range(2):
        world = courts()
        ref = listed(world, content=(content(1),))
        world.append("district", listing_add(case=bytes(16)))
        decided(world, ref, "quash_ex_tunc", effective="2026-05-12")
        world.append("district", content_erase(content(1).digest))
        digests.add(hashlib.sha256(world.state_bytes()).hexdigest())
    assert len(digests) == 1
