"""What stands beside an attack and is lawful: accepted by the engine, and by the naive model with the same effect."""

from __future__ import annotations

import pytest

from support.attacks import NEIGHBOURS, Neighbour
from support.courts import courts
from support.naive.against import (
    differences,
    model_of,
    plain_state,
    status_differences,
    submit_to_both,
    taint_differences,
)
from support.world import days_after


@pytest.mark.parametrize("neighbour", NEIGHBOURS, ids=[f"{one.rule}: {one.does}" for one in NEIGHBOURS])
def test_a_lawful_neighbour_is_accepted_with_the_same_effect(neighbour: Neighbour) -> None:
    world = courts(signing=False)
    checked = world.seal(neighbour.prepare(world))
    model = model_of(world)
    verdict, refusal, _ = submit_to_both(world, model, checked)
    assert (refusal, verdict.rules) == (None, frozenset())
    assert differences(plain_state(world.view), model.state) == []
    assert taint_differences(world, model) == []
    days = (days_after(world.day, days) for days in (-400, -1, 0, 1, 30, 365, 800, 3000))
    assert status_differences(world, model, world.day, *days) == []


def test_no_neighbour_stands_in_the_table_twice() -> None:
    names = [(one.rule, one.does) for one in NEIGHBOURS]
    assert len(names) == len(set(names))
