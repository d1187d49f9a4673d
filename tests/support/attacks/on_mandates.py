"""Attacks on mandates, the separation of powers and the independence of recourse."""

from __future__ import annotations

from typing import Any

from creditledger.record.entry import Entry
from support.attacks.table import attack, attack_each
from support.courts import define_list
from support.drafts import (
    OTHER_FIRM,
    authority_close,
    authority_register,
    ground_register,
    list_define,
    list_open,
    listing_add,
    listing_correct,
    listing_remove,
    mandate_grant,
    mandate_revoke,
    measure_register,
    opening_balance,
    source_cite,
)
from support.world import DAY, World, days_after

TOMORROW = days_after(DAY, 1)


# -- R-MANDATE ---------------------------------------------------------------------------------------------------------


@attack("R-MANDATE", "list somebody without any mandate")
def _(world: World) -> Entry:
    return world.build("regulator", listing_add())


@attack("R-MANDATE", "use a mandate for one list on another")
def _(world: World) -> Entry:
    return world.build("district", listing_add(list="county-defaulters"))


@attack("R-MANDATE", "use a mandate on the day on which it ends")
def _(world: World) -> Entry:
    world.append("root", mandate_grant("county", "defaulters", "add", until=TOMORROW))
    world.append("county", listing_add())
    world.day = TOMORROW
    return world.build("county", listing_add(OTHER_FIRM))


@attack("R-MANDATE", "use a mandate on the day before it begins")
def _(world: World) -> Entry:
    world.append("root", mandate_grant("county", "defaulters", "add", effective=TOMORROW))
    return world.build("county", listing_add())


@attack("R-MANDATE", "use a mandate on the day of its revocation")
def _(world: World) -> Entry:
    world.append("root", mandate_revoke("district-defaulters-add", effective=TOMORROW))
    world.append("district", listing_add())
    world.day = TOMORROW
    return world.build("district", listing_add(OTHER_FIRM))


@attack("R-MANDATE", "use a mandate whose law has ended")
def _(world: World) -> Entry:
    world.append("root", mandate_grant("county", "defaulters", "add", law="sunset-law"))
    world.day = "2026-12-31"
    world.append("county", listing_add())
    world.day = "2027-01-01"
    return world.build("county", listing_add(OTHER_FIRM))


@attack("R-MANDATE", "remove with a mandate to add")
def _(world: World) -> Entry:
    world.append("root", mandate_grant("county", "defaulters", "add"))
    listing = world.append("county", listing_add()).ref()
    return world.build("county", listing_remove(listing))


@attack("R-MANDATE", "decide on a transcript with the power to add")
def _(world: World) -> Entry:
    return world.build("district", listing_add(list="foreign"))


@attack("R-MANDATE", "cite a source for a list where one may not list")
def _(world: World) -> Entry:
    return world.build("archive", source_cite("defaulters"))


@attack("R-MANDATE", "register a ground without a mandate for the catalogue")
def _(world: World) -> Entry:
    return world.build("high:admin", ground_register("new"))


@attack("R-MANDATE", "register a measure without a mandate for the catalogue")
def _(world: World) -> Entry:
    return world.build("high:admin", measure_register("new"))


@attack("R-MANDATE", "define a list with a mandate for the catalogue")
def _(world: World) -> Entry:
    world.append("root", mandate_grant("high", None, "catalogue"))
    return world.build("high:admin", list_define("new"))


@attack("R-MANDATE", "open a list with the mandate to define another one")
def _(world: World) -> Entry:
    world.append("root", mandate_grant("high", "watched", "define"))
    return world.build("high:admin", list_open("legacy"))


@attack("R-MANDATE", "pass on an action that one does not hold")
def _(world: World) -> Entry:
    return world.build("high:admin", mandate_grant("county", "defaulters", "erase"))


@attack("R-MANDATE", "pass on the power to delegate")
def _(world: World) -> Entry:
    return world.build("high:admin", mandate_grant("county", "defaulters", "add", "delegate"))


@attack("R-MANDATE", "pass on a mandate that one may not delegate")
def _(world: World) -> Entry:
    return world.build("high:admin", mandate_grant("county", "county-defaulters", "add", mandate="new"))


@attack("R-MANDATE", "make up a mandate from two that one holds")
def _(world: World) -> Entry:
    world.append("root", mandate_grant("high", "legacy", "add", "delegate"))
    world.append("root", mandate_grant("high", "legacy", "remove", "delegate"))
    return world.build("high:admin", mandate_grant("county", "legacy", "add", "remove"))


@attack("R-MANDATE", "delegate from a mandate that was revoked")
def _(world: World) -> Entry:
    world.append("root", mandate_revoke("high-defaulters-add"))
    return world.build("high:admin", mandate_grant("county", "defaulters", "add"))


def _limited(world: World, **limits: Any) -> None:
    world.append("root", mandate_grant("high", "legacy", "add", "delegate", **limits))


@attack("R-MANDATE", "pass on a wider area")
def _(world: World) -> Entry:
    _limited(world, areas=("cn-44",))
    return world.build("high:admin", mandate_grant("county", "legacy", "add", areas=("cn",)))


@attack("R-MANDATE", "pass on another area beside the own one")
def _(world: World) -> Entry:
    _limited(world, areas=("cn-44",))
    return world.build("high:admin", mandate_grant("county", "legacy", "add", areas=("cn-44", "cn-45")))


@attack("R-MANDATE", "pass on every area from a mandate for one")
def _(world: World) -> Entry:
    _limited(world, areas=("cn-44",))
    return world.build("high:admin", mandate_grant("county", "legacy", "add"))


@attack("R-MANDATE", "pass on a later end")
def _(world: World) -> Entry:
    _limited(world, until="2027-01-01")
    return world.build("high:admin", mandate_grant("county", "legacy", "add", until="2027-01-02"))


@attack("R-MANDATE", "pass on a mandate without an end from one that has an end")
def _(world: World) -> Entry:
    _limited(world, until="2027-01-01")
    return world.build("high:admin", mandate_grant("county", "legacy", "add"))


@attack("R-MANDATE", "pass on an earlier beginning")
def _(world: World) -> Entry:
    _limited(world, effective="2026-01-01")
    return world.build("high:admin", mandate_grant("county", "legacy", "add", effective="2025-12-31"))


@attack("R-MANDATE", "grant the power to list on every list at once")
def _(world: World) -> Entry:
    return world.build("root", mandate_grant("county", None, "add"))


# -- R-MANDATE-AREA, R-MANDATE-TERM ------------------------------------------------------------------------------------

attack_each(
    "R-MANDATE-AREA",
    ("list in an area next door", "cn-45"),
    ("list without an area", None),
    ("list in the larger area around the own one", "cn"),
    ("list in an area that merely begins with the same letters", "cn-445"),
)(lambda world, area: world.build("county", listing_add(list="county-defaulters", area=area), cosigners=("high",)))


@attack("R-MANDATE-AREA", "correct a listing into an area outside the mandate")
def _(world: World) -> Entry:
    local = listing_add(list="county-defaulters", area="cn-44-03")
    listing = world.append("county", local, cosigners=("high",)).ref()
    return world.build("county", listing_correct(listing, list="county-defaulters", area="cn-45"))


@attack("R-MANDATE-AREA", "remove a listing that was moved outside the mandate")
def _(world: World) -> Entry:
    local = listing_add(list="county-defaulters", area="cn-44")
    listing = world.append("county", local, cosigners=("high",)).ref()
    world.append("high", listing_correct(listing, list="county-defaulters", area="cn-45"))
    return world.build("county", listing_remove(listing, list="county-defaulters"))


@attack("R-MANDATE-AREA", "take over a listing outside the mandate")
def _(world: World) -> Entry:
    world.append("root", mandate_grant("county", "legacy", "add", areas=("cn-44",)))
    return world.build("county", opening_balance(area="cn-43"))


@attack("R-MANDATE-TERM", "grant a mandate that ends on the day it begins")
def _(world: World) -> Entry:
    return world.build("root", mandate_grant("county", "legacy", "add", effective=DAY, until=DAY))


@attack("R-MANDATE-TERM", "revoke a mandate again, for a later day")
def _(world: World) -> Entry:
    world.append("root", mandate_revoke("district-defaulters-add"))
    return world.build("root", mandate_revoke("district-defaulters-add", effective="2030-01-01"))


# -- R-SEPARATION ------------------------------------------------------------------------------------------------------


@attack("R-SEPARATION", "let who decides review as well")
def _(world: World) -> Entry:
    return world.build("root", mandate_grant("tribunal", "defaulters", "add"))


@attack("R-SEPARATION", "decide and review by one grant")
def _(world: World) -> Entry:
    define_list(world)
    return world.build("root", mandate_grant("tribunal", "new", "add", "review"))


@attack("R-SEPARATION", "let who lodges appeals review them as well")
def _(world: World) -> Entry:
    return world.build("root", mandate_grant("ombudsman", "defaulters", "review"))


@attack("R-SEPARATION", "let who lodges appeals suspend listings")
def _(world: World) -> Entry:
    return world.build("root", mandate_grant("ombudsman", "defaulters", "suspend"))


@attack("R-SEPARATION", "review what one decided on under a mandate since revoked")
def _(world: World) -> Entry:
    world.append("root", mandate_revoke("tribunal-defaulters-review"))
    return world.build("root", mandate_grant("tribunal", "defaulters", "add"))


@attack("R-SEPARATION", "pass on the own power to decide to the reviewing child")
def _(world: World) -> Entry:
    world.append("root", authority_register("panel", "high"))
    define_list(world, lodgers=("ombudsman",), reviewers=("panel", "tribunal"))
    world.append("root", mandate_grant("panel", "new", "review"))
    world.append("root", mandate_grant("high", "new", "add", "delegate"))
    return world.build("high:admin", mandate_grant("panel", "new", "add"))


@attack("R-SEPARATION", "define a list where one body lodges and reviews")
def _(world: World) -> Entry:
    return world.build("root", list_define("new", lodgers=("ombudsman", "tribunal")))


# -- R-INDEPENDENT -----------------------------------------------------------------------------------------------------

attack_each(
    "R-INDEPENDENT",
    ("define a restriction list where nobody lodges appeals", {"lodgers": ()}),
    ("define a restriction list where nobody reviews appeals", {"reviewers": ()}),
)(lambda world, changes: world.build("root", list_define("new", **changes)))


@attack("R-INDEPENDENT", "open a list before anybody may lodge appeals")
def _(world: World) -> Entry:
    define_list(world)
    world.append("root", mandate_grant("tribunal", "new", "review"))
    return world.build("root", list_open("new"))


@attack("R-INDEPENDENT", "open a list whose reviewer has no mandate yet")
def _(world: World) -> Entry:
    define_list(world)
    world.append("root", mandate_grant("ombudsman", "new", "lodge"))
    world.append("root", mandate_grant("tribunal", "new", "review", effective=TOMORROW))
    return world.build("root", list_open("new"))


@attack("R-INDEPENDENT", "let a body decide whose child alone lodges the appeals")
def _(world: World) -> Entry:
    define_list(world, lodgers=("county",))
    return world.build("root", mandate_grant("high", "new", "add"))


@attack("R-INDEPENDENT", "let a body decide whose grandparent alone lodges the appeals")
def _(world: World) -> Entry:
    define_list(world, lodgers=("supreme",), reviewers=("tribunal",))
    return world.build("root", mandate_grant("district", "new", "add"))


@attack("R-INDEPENDENT", "let a body decide whose child alone reviews")
def _(world: World) -> Entry:
    define_list(world, reviewers=("county",))
    return world.build("root", mandate_grant("high", "new", "add"))


@attack("R-INDEPENDENT", "let the only reviewer stand below the only lodger, so that no appeal can be decided")
def _(world: World) -> Entry:
    define_list(world, lodgers=("regulator",), reviewers=("branch",))
    return world.build("root", mandate_grant("district", "new", "add"))


@attack("R-INDEPENDENT", "demand the consent of the parent that alone reviews")
def _(world: World) -> Entry:
    define_list(world, reviewers=("high",), consent="parent")
    return world.build("root", mandate_grant("district", "new", "add"))


@attack("R-INDEPENDENT", "let a body lodge that the list does not name")
def _(world: World) -> Entry:
    return world.build("root", mandate_grant("regulator", "defaulters", "lodge"))


@attack("R-INDEPENDENT", "let a body review that the list does not name")
def _(world: World) -> Entry:
    return world.build("root", mandate_grant("regulator", "defaulters", "review"))


@attack("R-INDEPENDENT", "list somebody after the lodging body has closed")
def _(world: World) -> Entry:
    world.append("root", authority_close("ombudsman", effective=TOMORROW))
    world.append("district", listing_add())
    world.day = TOMORROW
    return world.build("district", listing_add(OTHER_FIRM))


@attack("R-INDEPENDENT", "list somebody after the reviewers' mandates were revoked")
def _(world: World) -> Entry:
    world.append("root", mandate_revoke("tribunal-defaulters-review"), mandate_revoke("supreme-defaulters-review"))
    return world.build("district", listing_add())


@attack("R-INDEPENDENT", "list somebody after the mandate to lodge has lapsed with its law")
def _(world: World) -> Entry:
    define_list(world)
    world.append("root", mandate_grant("ombudsman", "new", "lodge", law="sunset-law"))
    world.append("root", mandate_grant("tribunal", "new", "review"), mandate_grant("district", "new", "add"))
    world.append("root", list_open("new"))
    world.day = "2027-01-01"
    return world.build("district", listing_add(list="new"))


@attack("R-INDEPENDENT", "let every reviewer countersign the listing, so that none may decide on it")
def _(world: World) -> Entry:
    return world.build("district", listing_add(), cosigners=("supreme", "tribunal"))


@attack("R-INDEPENDENT", "let the only lodging body countersign the listing")
def _(world: World) -> Entry:
    return world.build("district", listing_add(), cosigners=("ombudsman",))
