"""Random histories of the world of `support.courts`: what somebody might try next, mostly right, sometimes wrong.

A history that is made of pure chance gets nowhere: everything is refused. So the proposals look at the naive model,
choose who may act and what fits most of the time, and go wrong in one place or another the rest of the time.
"""

from __future__ import annotations

from support.histories.choices import Choices, Proposal
from support.histories.governance import GovernanceProposals
from support.histories.subjects import SubjectProposals


class Proposals(SubjectProposals, GovernanceProposals):
    """Everything that may be tried."""


__all__ = ["Choices", "Proposal", "Proposals"]
