"""The world in which random histories begin: `support.courts`, and one more list with many bodies for its appeals."""

from __future__ import annotations

from functools import cache

from support.courts import DECIDING, courts
from support.drafts import list_define, list_open, mandate_grant
from support.world import World

LODGERS = ("branch", "ombudsman", "regulator")
REVIEWERS = ("county", "supreme", "tribunal")


@cache
def _stage() -> World:
    world = courts(signing=False)
    world.append("root", list_define("plural", lodgers=LODGERS, reviewers=REVIEWERS))
    world.append(
        "root",
        *(mandate_grant(body, "plural", "lodge") for body in LODGERS),
        *(mandate_grant(body, "plural", "review") for body in REVIEWERS),
        *(mandate_grant(body, "plural", *DECIDING, "erase") for body in ("district", "high")),
        list_open("plural"),
    )
    return world


def stage() -> World:
    """A fresh copy of that world, in which nothing more is signed."""
    return _stage().fork()
