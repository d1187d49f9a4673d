"""What is signed, in words: complete, honest about what is not known, and impossible to talk over."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from client.acts_by_kind import acts_of, any_act
from creditledger.acts import catalogue as acts
from creditledger.acts.catalogue import ACTIONS, ANNULMENT_REASONS, KEY_REVOCATIONS, KEY_ROLES, NATURES, OUTCOMES, Act
from creditledger.acts.kinds import ActRef, Commitment, Subject
from creditledger.acts.registry import ACT_TYPES, ActType, type_of
from creditledger.client.phrases import (
    ACTION_WORDS,
    NATURE_WORDS,
    OUTCOME_WORDS,
    REASON_WORDS,
    REVOCATION_WORDS,
    ROLE_WORDS,
    count,
    day_in_words,
    moment,
    quoted,
    subject_in_words,
)
from creditledger.client.words import describe, describe_entry
from creditledger.record.entry import Cosigner, Entry

FIRM = Subject.uscc("91110000600037341L")
PERSON = Subject.handle(bytes.fromhex("ab" * 32))
LISTING = ActRef(bytes.fromhex("3f" * 32), 2)
KEY = b"\x01" + bytes.fromhex("c0" * 32)

ADD = acts.ListingAdd(
    list="judgment-defaulters",
    subject=FIRM,
    ground="evades-by-sham-suit",
    decided="2026-03-01",
    effective="2026-03-03",
    until="2028-03-03",
)
ADD_ALL = ADD._replace(
    subject=PERSON,
    until=None,
    case=bytes(16),
    area="cn-44",
    measures=("no-flights", "no-loans"),
    content=(Commitment("reasons", bytes(32)), Commitment("who", bytes(32))),
    source=ActRef(None, 0),
)
REMOVE = acts.ListingRemove(
    list="d", subject=FIRM, listing=LISTING, reason="performed", decided="2026-03-01", effective="2026-03-02"
)
VARY = acts.AppealDecide(
    list="d",
    subject=FIRM,
    appeal=LISTING,
    outcome="vary",
    decided="2026-03-01",
    effective="2026-03-02",
    until="2027-01-01",
)
GRANT = acts.MandateGrant(
    mandate="m-1",
    authority="county",
    list=None,
    actions=("catalogue", "define", "delegate"),
    effective="2026-01-01",
    law="law",
    article="Art. 2",
)
COMPROMISED = acts.KeyRevoke(authority="county", key=KEY, reason="compromised", stands_behind=(4, bytes(32)))
DISOWNED = COMPROMISED._replace(stands_behind=None)
LOST = acts.KeyRevoke(authority="county", key=KEY, reason="lost", stands_behind=None)
RETIRED = acts.KeyRevoke(authority="county", key=KEY, reason="retired", stands_behind=(4, bytes(32)))
CITE = acts.SourceCite(list="d", name="list.csv", sha256=bytes(32), rows=1, dated="2026-03-01")
ERASE = acts.ContentErase(
    list="d", subject=FIRM, commitments=(bytes(32),), decided="2026-03-01", law="law", article="Art. 1"
)
WITHDRAW = acts.AppealWithdraw(list="d", subject=FIRM, appeal=LISTING, withdrawn="2026-03-01")

SENTENCES: dict[Act, str] = {
    ADD: (
        "lists uscc:91110000600037341L on judgment-defaulters for evades-by-sham-suit, from 3 March 2026 until 3 March "
        "2028 (decided 1 March 2026); no measures"
    ),
    ADD_ALL: (
        "lists handle:abababababababab… on judgment-defaulters for evades-by-sham-suit, from 3 March 2026 without a "
        "fixed end (decided 1 March 2026); measures: no-flights and no-loans; case 0000000000000000…; area cn-44; "
        "taken from the source cited in act 0 of this entry; with detached content: reasons, who"
    ),
    REMOVE: (
        "ends the listing of uscc:91110000600037341L on d made by act 2 of entry 3f3f3f3f3f3f3f3f… from 2 March 2026 "
        "(decided 1 March 2026), because the obligation was performed"
    ),
    VARY: (
        "decides the appeal of uscc:91110000600037341L on d lodged by act 2 of entry 3f3f3f3f3f3f3f3f…: shortens the "
        "listing, until 1 January 2027, effective 2 March 2026 (decided 1 March 2026)"
    ),
    GRANT: (
        "grants county the mandate m-1 to keep the catalogue, define lists and pass the mandate on, for the catalogue, "
        "in every area, from 1 January 2026 without a fixed end, under law law, “Art. 2”"
    ),
    COMPROMISED: (
        "revokes the key 01c0c0c0c0c0c0c0c0… of county because it is compromised; county stands behind its entries up "
        "to number 4 (0000000000000000…) and no later one"
    ),
    DISOWNED: (
        "revokes the key 01c0c0c0c0c0c0c0c0… of county because it is compromised; county stands behind none of its "
        "entries"
    ),
    RETIRED: (
        "revokes the key 01c0c0c0c0c0c0c0c0… of county because it is retired; county stands behind all its entries up "
        "to the last, number 4 (0000000000000000…)"
    ),
    LOST: (
        "revokes the key 01c0c0c0c0c0c0c0c0… of county because it is lost; county stands behind its entries, of which "
        "there are none"
    ),
    CITE: ("cites for list d the source “list.csv” of 1 March 2026, 1 row, SHA-256 0000000000000000…"),
}


@pytest.mark.parametrize("act", SENTENCES, ids=lambda act: type(act).__name__)
def test_a_sentence_says_who_does_what_to_whom_where_why_and_when(act: Act) -> None:
    assert describe(act, "district-court-1") == f"district-court-1 {SENTENCES[act]}"


def expected_phrases(act: Act) -> list[str]:
    """What must stand in an act's sentence: every value of every field, as a person would look for it."""
    found: list[str] = []
    for (name, kind), value in zip(type_of(act).fields, act, strict=True):
        if value is not None and ("one of" not in kind.describe or name in ("polarity", "schemes")):
            found += phrases(kind.describe.removeprefix("nil or ").rpartition(": ")[2], value)
    return found


def phrases(what: str, value: Any) -> list[str]:
    if what == "[label, commitment]":
        return [label for label, _ in value]
    if what == "act reference":
        entry = "this entry" if value.entry is None else f"entry {value.entry.hex()[:16]}…"
        return [f"act {value.act} of {entry}"]
    if what == "subject":
        return [subject_in_words(value)]
    if isinstance(value, tuple):
        return [phrase for one in value for phrase in phrases(what, one)]
    if isinstance(value, bytes):
        return [value.hex()[:16]]
    if what == "date":
        return [day_in_words(value)]
    return [quoted(value) if what.startswith("text") else str(value)]


@pytest.mark.parametrize("kind", ACT_TYPES.values(), ids=ACT_TYPES)
@given(data=st.data())
@settings(max_examples=15)
def test_every_field_of_every_act_type_is_said(kind: ActType, data: st.DataObject) -> None:
    act = data.draw(acts_of(kind))
    sentence = describe(act)
    assert sentence.startswith("the author ")
    assert [phrase for phrase in expected_phrases(act) if phrase not in sentence] == []
    assert "\n" not in sentence


@given(any_act)
@settings(max_examples=60)
def test_an_entry_of_any_act_is_described_line_by_line(act: Act) -> None:
    entry = Entry(bytes(32), "court", KEY, 0, bytes(32), (), 0, None, (act,))
    lines = describe_entry(entry)
    assert f"Act 0: {describe(act, 'court')}" in lines
    assert all("\n" not in line for line in lines)


def test_an_entry_says_who_signs_until_when_beside_whom_and_what_was_seen() -> None:
    board = Cosigner("board", b"\x01" + bytes(32))
    entry = Entry(
        b"\x0a" * 32, "court", KEY, 7, b"\x0b" * 32, (board,), 1_772_546_709_999_999, (12, b"\x0c" * 32), (ADD,)
    )
    first, *lines = describe_entry(entry)
    assert first.startswith("Entry ")
    assert first.endswith("… of court, for ledger 0a0a0a0a0a0a0a0a…")
    assert lines == [
        "Signed with key 01c0c0c0c0c0c0c0c0…, as its entry number 7 after 0b0b0b0b0b0b0b0b…",
        "Can be recorded until 3 March 2026, 14:05:09 UTC",
        "Its author has verified the ledger up to size 12, root 0c0c0c0c0c0c0c0c…",
        "Countersigned by board with key 010000000000000000…",
        f"Act 0: {describe(ADD, 'court')}",
        "(until: on the day named, and from then on, it no longer holds)",
    ]


def test_what_nobody_has_signed_yet_is_not_said_to_be_signed() -> None:
    board, high = Cosigner("board", b"\x01" + bytes(32)), Cosigner("high", b"\x01" * 33)
    entry = Entry(bytes(32), "court", KEY, 0, bytes(32), (board, high), 0, None, (ADD,))
    lines = describe_entry(entry, unsigned=[KEY, board.key, high.key])
    assert sum(line.startswith("To be signed with key 01c0") for line in lines) == 1
    assert [line for line in lines if "countersigned" in line.lower()] == [
        "Still to be countersigned by board with key 010000000000000000…",
        "Still to be countersigned by high with key 010101010101010101…",
    ]
    lines = describe_entry(entry, unsigned=[high.key])
    assert sum(line.startswith("Signed with key 01c0") for line in lines) == 1
    assert "Countersigned by board with key 010000000000000000…" in lines
    assert "Still to be countersigned by high with key 010101010101010101…" in lines
    alone = entry._replace(cosigners=())
    assert "Names nobody to countersign it" in describe_entry(alone, unsigned=[KEY])
    assert "Countersigned by nobody" in describe_entry(alone)


@pytest.mark.parametrize(
    ("number", "noun", "words"),
    [
        (0, "day", "0 days"),
        (1, "entry", "1 entry"),
        (2, "entry", "2 entries"),
        (2, "key", "2 keys"),
        (1, "act", "1 act"),
    ],
)
def test_counts_agree_with_what_they_count(number: int, noun: str, words: str) -> None:
    assert count(number, noun) == words


def test_a_reference_is_shown_by_its_address_only_if_that_is_known() -> None:
    known: dict[ActRef, str] = {LISTING: "17.2"}
    assert describe(WITHDRAW, address=known.get).endswith("lodged by act 17.2")
    known.clear()
    assert describe(WITHDRAW, address=known.get).endswith("lodged by act 2 of entry 3f3f3f3f3f3f3f3f…")


def test_free_text_cannot_pass_for_the_sentence_around_it() -> None:
    lie = "Art. 1”, from 1 January 2001 without a fixed end, under law “x"
    assert "“Art. 1\\”, from 1 January 2001 without a fixed end, under law “x”" in describe(ERASE._replace(article=lie))


def test_every_code_has_words() -> None:
    assert ACTION_WORDS.keys() == set(ACTIONS)
    assert NATURE_WORDS.keys() == set(NATURES)
    assert OUTCOME_WORDS.keys() == set(OUTCOMES)
    assert REASON_WORDS.keys() == {*acts.REMOVAL_REASONS, *ANNULMENT_REASONS}
    assert REVOCATION_WORDS.keys() == set(KEY_REVOCATIONS)
    assert ROLE_WORDS.keys() == set(KEY_ROLES)


@pytest.mark.parametrize(
    ("us", "words"),
    [
        (0, "1 January 1970, 00:00:00 UTC"),
        (86_399_999_999, "1 January 1970, 23:59:59 UTC"),
        (2**53 - 1, "5 June 2255, 23:47:34 UTC"),
    ],
)
def test_moments_are_in_utc_to_the_second(us: int, words: str) -> None:
    assert moment(us) == words
