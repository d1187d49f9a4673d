"""A second, naive implementation of the rules, written from their text, to hold the engine against.

It imports nothing of `creditledger.rules`, keeps its state in plain dicts, counts days with `datetime.date`, and takes
its time. It does not stop at the first violation: it names every rule that an act breaks, so that the order in which
the engine looks at them does not matter.
"""

from __future__ import annotations

from support.naive.appeals import APPEALS
from support.naive.governance import GOVERNANCE
from support.naive.listings import LISTINGS
from support.naive.lists import LISTS
from support.naive.model import Model, Verdict


def naive_model(rule_sets: dict[str, bytes], unsound_keys: frozenset[bytes] = frozenset()) -> Model:
    """The model of a ledger that is not founded yet.

    `rule_sets` are the known ones with the hashes of their texts; `unsound_keys` those that may not be added.
    """
    return Model(GOVERNANCE | LISTS | LISTINGS | APPEALS, rule_sets, unsound_keys)


__all__ = ["Model", "Verdict", "naive_model"]
