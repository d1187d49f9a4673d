"""Random histories of the world of `support.courts`: what somebody might try next, mostly right, sometimes wrong.

A history that is made of pure chance gets nowhere: everything is refused. So the proposals look at the naive model,
choose who may act and what fits most of the time, and go wrong in one place or another the rest of the time.
"""

from __future__ import annotations

from collections.abc import Callable

from support.histories.choices import Choices, Proposal
from support.histories.governance import GovernanceProposals
from support.histories.stage import stage
from support.histories.subjects import SubjectProposals


class Proposals(SubjectProposals, GovernanceProposals):
    """Everything that may be tried.

    Each history has a mood: a plain one, one in which keys are stolen, one in which bodies close, one of appeals.
    """

    MOODS = ("plain", "plain", "theft", "closings", "appeals")

    def anything(self) -> Proposal:
        """One proposal, with the weights that let a history get somewhere."""
        weights: tuple[tuple[Callable[[], Proposal], int], ...] = (
            (self.list_somebody, 6),
            (self.list_again, 5 if self.mood == "appeals" else 1),
            (self.change_a_listing, 8),
            (self.appeal, 12 if self.mood == "appeals" else 5),
            (self.take_over, 2),
            (self.transcribe, 1),
            (self.several_at_once, 1),
            (self.forge, 1),
            (self.erase, 1),
            (self.govern, 3),
            (self.key, 8 if self.mood == "theft" else 1),
            (self.confirm, 5 if self.mood == "theft" else 1),
            (self.close, 3 if self.mood == "closings" else 0),
        )
        (propose,) = self.random.choices([kind for kind, _ in weights], [weight for _, weight in weights])
        return propose()


__all__ = ["Choices", "Proposal", "Proposals", "stage"]
