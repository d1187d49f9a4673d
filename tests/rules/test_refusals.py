"""Every hard rule refuses what it must: the table of attacks, rule by rule.

The attacks stand in `support/attacks/`. A refusal carries the rule's id and the index of the act, speaks to people, and
leaves the state as it was, to the byte.
"""

from __future__ import annotations

import re

import pytest

from creditledger.errors import FormatError, Refused
from creditledger.rules.catalogue import RULES
from support.attacks import ATTACKS, Attack
from support.courts import courts
from support.drafts import OTHER_FIRM, listing_add, mandate_grant, uscc


@pytest.mark.parametrize("attack", ATTACKS, ids=[f"{one.rule}: {one.tries}" for one in ATTACKS])
def test_attack_is_refused_and_leaves_no_trace(attack: Attack) -> None:
    world = attack.world()
    checked = world.seal(attack.prepare(world))
    before, size = world.state_bytes(), world.size
    with pytest.raises(Refused) as caught:
        world.submit(checked)
    refusal = caught.value
    assert (refusal.rule, refusal.act_index) == (attack.rule, attack.at), str(refusal)
    for sentence in (refusal.conflict, refusal.remedy):
        assert len(re.findall(r"[^\W\d_]{2,}", sentence)) >= 2, f"not a sentence for people: {sentence!r}"
        assert "None" not in sentence, f"a value of Python in a sentence for people: {sentence!r}"
        assert not sentence.endswith("."), "the full stop is added where the sentence is shown"
    assert refusal.rule in str(refusal)
    assert (world.state_bytes(), world.size) == (before, size)


def test_the_table_covers_the_catalogue_exactly() -> None:
    assert sorted({one.rule for one in ATTACKS}) == sorted(RULES)


def test_no_attack_stands_in_the_table_twice() -> None:
    names = [(one.rule, one.tries) for one in ATTACKS]
    assert len(names) == len(set(names))


def test_acts_before_the_offending_one_leave_no_trace() -> None:
    world = courts()
    before = world.state_bytes()
    with pytest.raises(Refused) as caught:
        world.append("district", *(listing_add(uscc(n)) for n in range(3, 9)), listing_add(), listing_add())
    assert caught.value.act_index == 7
    assert world.state_bytes() == before
    with pytest.raises(Refused) as caught:
        world.append("root", mandate_grant("county", "legacy", "add"), mandate_grant("archive", "legacy", "transcribe"))
    assert caught.value.act_index == 1
    assert world.state_bytes() == before


def test_a_refused_entry_may_be_followed_by_another_at_the_same_author_seq() -> None:
    world = courts()
    with pytest.raises(Refused):
        world.append("district", listing_add(until=None))
    world.append("district", listing_add(OTHER_FIRM))
    assert world.row("defaulters", OTHER_FIRM).addresses() == [(world.size - 1, 0)]


@pytest.mark.parametrize("cosigners", [("high", "high"), ("district",)], ids=["twice", "the author"])
def test_a_key_counted_twice_has_no_form(cosigners: tuple[str, ...]) -> None:
    world = courts()
    with pytest.raises(FormatError):
        world.seal(world.build("district", listing_add(), cosigners=cosigners))


def test_one_root_key_counted_twice_has_no_form() -> None:
    world = courts()
    with pytest.raises(FormatError):
        world.seal(world.build("root:0", mandate_grant("county", "legacy", "add"), cosigners=("root:0",)))
