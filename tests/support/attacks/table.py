"""The table of attacks: for every rule, entries that it must refuse.

An attack says which rule it runs against, what it tries, at which act of the entry it must stop (None: the entry as a
whole), and in which world. `prepare` brings about whatever must come before, all of which must be accepted, and returns
the offending entry, unsigned. The modules beside this one hold the attacks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from creditledger.record.entry import Entry
from support.courts import courts
from support.world import World


class Attack(NamedTuple):
    """One row of the table."""

    rule: str
    tries: str
    at: int | None
    world: Callable[[], World]
    prepare: Callable[[World], Entry]


ATTACKS: list[Attack] = []


def attack(
    rule: str, tries: str, *, at: int | None = 0, world: Callable[[], World] = courts
) -> Callable[[Callable[[World], Entry]], Callable[[World], Entry]]:
    """Enters the decorated function into the table as the preparation of an attack."""

    def enter(prepare: Callable[[World], Entry]) -> Callable[[World], Entry]:
        ATTACKS.append(Attack(rule, tries, at, world, prepare))
        return prepare

    return enter


def attack_each(
    rule: str, *rows: tuple[str, Any], at: int | None = 0
) -> Callable[[Callable[[World, Any], Entry]], Callable[[World, Any], Entry]]:
    """Enters one attack for each row: what it tries, and the value that the decorated function gets with the world."""

    def enter(prepare: Callable[[World, Any], Entry]) -> Callable[[World, Any], Entry]:
        for tries, value in rows:
            ATTACKS.append(Attack(rule, tries, at, courts, _with(prepare, value)))
        return prepare

    return enter


def _with(prepare: Callable[[World, Any], Entry], value: Any) -> Callable[[World], Entry]:
    return lambda world: prepare(world, value)
