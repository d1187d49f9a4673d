"""Random histories of the world of `support.courts`: what somebody might try next, mostly right, sometimes wrong.

A history that is made of pure chance gets nowhere: everything is refused. So the proposals look at the naive model,
choose who may act and what fits most of the time, and go wrong in one place or another the rest of the time.
"""

from __future__ import annotations

from collections.abc import Callable

from support.histories.choices import Choices, Proposal
from support.histories.governance import GovernanceProposals
from support.histories.subjects import SubjectProposals


class Proposals(SubjectProposals, GovernanceProposals):
    """Everything that may be tried."""

    def anything(self) -> Proposal:
        """One proposal, with the weights that let a history get somewhere."""
        weights: tuple[tuple[Callable[[], Proposal], int], ...] = (
            (self.list_somebody, 6),
            (self.change_a_listing, 8),
            (self.appeal, 6),
            (self.take_over, 2),
            (self.transcribe, 1),
            (self.several_at_once, 1),
            (self.forge, 1),
            (self.erase, 1),
            (self.govern, 3),
        )
        (propose,) = self.random.choices([kind for kind, _ in weights], [weight for _, weight in weights])
        return propose()


__all__ = ["Choices", "Proposal", "Proposals"]
