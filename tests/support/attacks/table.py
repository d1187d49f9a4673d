"""The table of attacks: for every rule, entries that it must refuse, and near them entries that it must accept.

An attack says which rule it runs against, what it tries, at which act of the entry it must stop (None: the entry as a
whole), and in which world. `prepare` brings about whatever must come before, all of which must be accepted, and returns
the offending entry, unsigned. A neighbour is what is still lawful beside an attack: its entry must be accepted, so that
a rule that refuses too much is found as well. The modules beside this one hold both.
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


class Neighbour(NamedTuple):
    """What a rule does not forbid, in the world of `support.courts`."""

    rule: str
    does: str
    prepare: Callable[[World], Entry]


ATTACKS: list[Attack] = []
NEIGHBOURS: list[Neighbour] = []


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


def lawful(rule: str, does: str) -> Callable[[Callable[[World], Entry]], Callable[[World], Entry]]:
    """Enters the decorated function into the table as the preparation of an entry that the rule lets pass."""

    def enter(prepare: Callable[[World], Entry]) -> Callable[[World], Entry]:
        NEIGHBOURS.append(Neighbour(rule, does, prepare))
        return prepare

    return enter


def lawful_each(
    rule: str, *rows: tuple[str, Any]
) -> Callable[[Callable[[World, Any], Entry]], Callable[[World, Any], Entry]]:
    """Enters one neighbour for each row: what it does, and the value that the function gets with the world."""

    def enter(prepare: Callable[[World, Any], Entry]) -> Callable[[World, Any], Entry]:
        for does, value in rows:
            NEIGHBOURS.append(Neighbour(rule, does, _with(prepare, value)))
        return prepare

    return enter


def _with(prepare: Callable[[World, Any], Entry], value: Any) -> Callable[[World], Entry]:
    return lambda world: prepare(world, value)
