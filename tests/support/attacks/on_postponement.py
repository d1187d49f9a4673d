"""Attacks on days that lie ahead: what is to end may be brought forward, and is never put off."""

from __future__ import annotations

from typing import Any

from creditledger.record.entry import Entry
from support.attacks.table import attack, attack_each, lawful, lawful_each
from support.courts import define_list
from support.drafts import authority_close, list_close, list_open, mandate_grant, mandate_revoke
from support.world import DAY, World, days_after

FAR_OFF = "9999-12-31"
SOON, LATER, LATEST = (days_after(DAY, days) for days in (10, 20, 30))


def closing(world: World) -> None:
    """The root keys have closed `district` as of a day that lies ahead."""
    world.append("root", authority_close("district", effective=LATER, successor="county"))


@attack_each(
    "R-AUTHORITY-CLOSED",
    ("put off a closing that the root keys have set", ("high:admin", LATEST)),
    ("put off a closing for ever", ("high:admin", FAR_OFF)),
    ("close again on the same day, to change the successor", ("high:admin", LATER)),
    ("put off a closing by the root keys themselves", ("root", LATEST)),
)
def _(world: World, how: tuple[str, str]) -> Entry:
    author, effective = how
    closing(world)
    return world.build(author, authority_close("district", effective=effective))


@lawful_each(
    "R-AUTHORITY-CLOSED",
    ("bring a closing forward by a day", ("high:admin", days_after(LATER, -1))),
    ("bring a closing forward to this day", ("high:admin", DAY)),
    ("bring a closing forward to a day that is past", ("root", days_after(DAY, -1))),
)
def _(world: World, how: tuple[str, str]) -> Entry:
    author, effective = how
    closing(world)
    return world.build(author, authority_close("district", effective=effective, successor="county"))


@attack_each(
    "R-CONSENT",
    ("bring a closing forward and drop the heir whom the root keys have named", None),
    ("bring a closing forward and take the place of the heir whom the root keys have named", "high"),
    ("bring a closing forward and put another body in the heir's place, with its consent", "archive"),
)
def _(world: World, successor: str | None) -> Entry:
    closing(world)
    close = authority_close("district", effective=SOON, successor=successor)
    return world.build("high:admin", close, cosigners=("archive:admin",))


@lawful("R-CONSENT", "let the root keys put another body in the heir's place before the closing")
def _(world: World) -> Entry:
    closing(world)
    return world.build("root", authority_close("district", effective=SOON, successor="regulator"))


@lawful("R-CONSENT", "bring a closing forward and name an heir where none is on record")
def _(world: World) -> Entry:
    world.append("root", authority_close("district", effective=LATER))
    close = authority_close("district", effective=SOON, successor="archive")
    return world.build("high:admin", close, cosigners=("archive",))


@attack("R-AUTHORITY-CLOSED", "bring a closing forward, and put it off again", at=1)
def _(world: World) -> Entry:
    closing(world)
    acts = (authority_close("district", effective=day) for day in (SOON, days_after(SOON, 1)))
    return world.build("root", *acts)


@attack("R-AUTHORITY-CLOSED", "bring a closing forward once it has taken effect")
def _(world: World) -> Entry:
    closing(world)
    world.day = LATER
    return world.build("root", authority_close("district", effective=SOON, successor="county"))


@attack("R-AUTHORITY-CLOSED", "let the parent name an heir after the closing")
def _(world: World) -> Entry:
    world.append("root", authority_close("district"))
    return world.build("high:admin", authority_close("district", successor="high"))


@attack("R-AUTHORITY-CLOSED", "let the root keys replace an heir after the closing")
def _(world: World) -> Entry:
    closing(world)
    world.day = LATER
    return world.build("root", authority_close("district", effective=LATER, successor="regulator"))


@lawful("R-AUTHORITY-CLOSED", "let the root keys name an heir for a body that closed without one")
def _(world: World) -> Entry:
    world.append("root", authority_close("district"))
    return world.build("root", authority_close("district", effective=LATER, successor="regulator"))


def revoked_far_off(world: World, act: Any) -> Entry:
    world.append("high:admin", mandate_revoke("district-defaulters-add", effective=FAR_OFF))
    return world.build("root", act)


lawful("R-MANDATE-TERM", "revoke at once a mandate that somebody has revoked as of a far-off day")(
    lambda world: revoked_far_off(world, mandate_revoke("district-defaulters-add"))
)
attack("R-MANDATE-TERM", "revoke a mandate again as of the same far-off day")(
    lambda world: revoked_far_off(world, mandate_revoke("district-defaulters-add", effective=FAR_OFF))
)


@lawful("R-MANDATE-TERM", "revoke at once a mandate that its grantor has granted and revoked as of a far-off day")
def _(world: World) -> Entry:
    grant = mandate_grant("county", "defaulters", "add")
    world.append("high:admin", grant, mandate_revoke(grant.mandate, effective=FAR_OFF))
    return world.build("root", mandate_revoke(grant.mandate))


@lawful("R-LIST-STATE", "close at once a list that somebody has closed as of a far-off day")
def _(world: World) -> Entry:
    world.append("regulator:admin", list_close("defaulters", effective=FAR_OFF))
    return world.build("root", list_close("defaulters"))


def opened_far_off(world: World, effective: str) -> Entry:
    define_list(world)
    for body, power in (("ombudsman", "lodge"), ("tribunal", "review")):
        world.append("root", mandate_grant(body, "new", power))
    world.append("regulator:admin", list_open("new", effective=FAR_OFF))
    return world.build("root", list_open("new", effective=effective))


lawful("R-LIST-STATE", "open at once a list that somebody has opened as of a far-off day")(
    lambda world: opened_far_off(world, DAY)
)
attack("R-LIST-STATE", "open a list again as of the same far-off day")(lambda world: opened_far_off(world, FAR_OFF))
