"""The engine against a naive model of the rules, over long random histories: after every record they agree.

The model (`support/naive/`) says of each entry whether it is accepted, at which act it stops and which rules it breaks;
the engine's verdict must be among these, and its state must equal the model's. What is tried comes from
`support/histories/`.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from random import Random
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from creditledger.acts.catalogue import GOVERNANCE_ACTS, SUBJECT_ACTS
from creditledger.acts.registry import type_of
from creditledger.errors import FormatError
from creditledger.rules.catalogue import RULES
from support.attacks import ATTACKS, Attack
from support.histories import Proposal, Proposals, stage
from support.naive import Model
from support.naive.against import (
    differences,
    model_of,
    plain_ledger,
    plain_state,
    status_differences,
    submit_to_both,
    taint_differences,
)
from support.world import days_after

SEEDS = st.integers(0, 2**32 - 1)
"""Hypothesis favours extremes and repetition, so it only seeds the choices; with start and step they never repeat."""


@cache
def _model_of_stage() -> Model:
    return model_of(stage())


class Histories(RuleBasedStateMachine):
    """Random histories of the world of `support.histories.stage`, judged by the engine and by the naive model."""

    tried: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.world = stage()
        self.model = _model_of_stage().copy()
        self.proposals = Proposals(self.world, self.model)
        self.steps = 0
        self.start = ""

    @initialize(start=st.binary(min_size=8, max_size=8))
    def begin(self, start: bytes) -> None:
        self.start = start.hex()
        self.proposals.mood = Random(self.start).choice(Proposals.MOODS)

    @rule(seed=SEEDS)
    def live_for_a_while(self, seed: int) -> None:
        propose = self._seeded(seed)
        for _ in range(12):
            self._try(propose.anything())
            if propose.rarely(4):
                self._wait(propose.one((1, 1, 2, 30, 70, 365)))

    @rule(seed=SEEDS)
    def list_somebody(self, seed: int) -> None:
        propose = self._seeded(seed)
        self._try(propose.one((propose.list_somebody, propose.take_over, propose.transcribe))())

    @precondition(lambda self: self.proposals.listings)
    @rule(seed=SEEDS)
    def change_a_listing(self, seed: int) -> None:
        self._try(self._seeded(seed).change_a_listing())

    @rule(seed=SEEDS)
    def do_several_things_at_once(self, seed: int) -> None:
        self._try(self._seeded(seed).several_at_once())

    @precondition(lambda self: self.proposals.listings)
    @rule(seed=SEEDS)
    def appeal(self, seed: int) -> None:
        self._try(self._seeded(seed).appeal())

    @precondition(lambda self: self.proposals.listings)
    @rule(seed=SEEDS)
    def erase(self, seed: int) -> None:
        self._try(self._seeded(seed).erase())

    @rule(seed=SEEDS)
    def govern(self, seed: int) -> None:
        self._try(self._seeded(seed).govern())

    @rule(seed=SEEDS)
    def ask(self, seed: int) -> None:
        """What is tainted, and every listing's status, on days of the past and of the future."""
        assert taint_differences(self.world, self.model) == []
        propose = self._seeded(seed)
        known = propose.one((self.world.day, propose.past_day()))
        valid = (known, *(propose.some_day() for _ in range(4)), *(propose.past_day() for _ in range(3)))
        assert status_differences(self.world, self.model, known, *valid) == []

    @rule(seed=SEEDS)
    def wait(self, seed: int) -> None:
        self._wait(self._seeded(seed).one((1, 1, 2, 30, 70, 365, 731)))

    def _wait(self, days: int) -> None:
        if self.world.day < "2200":
            self.world.day = days_after(self.world.day, days)

    def _seeded(self, seed: int) -> Proposals:
        self.steps += 1
        self.proposals.random = Random(f"{self.start} {seed} {self.steps}")
        return self.proposals

    def _try(self, proposal: Proposal) -> None:
        proposal = self.proposals.with_live_keys(proposal)
        entry = self.world.build(proposal.author, *proposal.acts, cosigners=proposal.cosigners, **proposal.forged)
        try:
            checked = self.world.seal(entry)
        except FormatError:
            self.tried["no form"] += 1
            return
        _, refusal, receipt = submit_to_both(self.world, self.model, checked)
        assert differences(plain_state(self.world.view), self.model.state) == []
        assert plain_ledger(self.world.view) == self.model.ledger
        if refusal is not None:
            self.tried[refusal.rule] += 1
        elif receipt is None:
            self.tried["unsupported"] += 1
        else:
            self.tried.update(type_of(act).name for act in proposal.acts)
            self.proposals.remember(proposal.acts, receipt)


def run(examples: int, steps: int, phases: tuple[Phase, ...] = (Phase.generate,)) -> Counter[str]:
    """Runs histories that are the same every time; returns how often each type of act was accepted, each rule refused.

    Shrinking a failure takes minutes, so only the long campaign does it.
    """
    Histories.tried.clear()
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
    return Histories.tried


def test_engine_and_model_agree_over_random_histories() -> None:
    tried = run(examples=60, steps=25)
    assert set(SUBJECT_ACTS) <= tried.keys(), "a history that never gets anywhere proves nothing"
    assert len([name for name in tried if name.startswith("R-")]) > 28


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_engine_and_model_agree_over_many_long_histories() -> None:
    tried = run(examples=2000, steps=50, phases=(Phase.generate, Phase.shrink))
    assert {*SUBJECT_ACTS, *GOVERNANCE_ACTS} - {"ledger.create/1", "rules.activate/1"} <= tried.keys()
    rare = {"R-GENESIS", "R-KEY-FORM"}
    assert RULES.keys() - rare <= tried.keys(), "every other rule is run against in some history"


@pytest.mark.parametrize("attack", ATTACKS, ids=[f"{one.rule}: {one.tries}" for one in ATTACKS])
def test_the_model_refuses_every_attack_at_the_same_act_for_the_same_reason(attack: Attack) -> None:
    world = attack.world().fork(signing=False)
    checked = world.seal(attack.prepare(world))
    model = model_of(world)
    verdict, refusal, _ = submit_to_both(world, model, checked)
    assert refusal is not None
    assert attack.rule in verdict.rules
    assert plain_state(world.view) == model.state
