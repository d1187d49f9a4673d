"""Attacks on the course of an appeal: references, dates, steps, reasons."""

from __future__ import annotations

from creditledger.record.entry import Entry
from support.attacks.table import attack, attack_each
from support.courts import appealed, listed
from support.drafts import (
    NO_REF,
    OTHER_FIRM,
    appeal_decide,
    appeal_file,
    appeal_withdraw,
    content,
    content_erase,
    listing_annul,
    listing_remove,
)
from support.world import DAY, World, days_after

YESTERDAY = days_after(DAY, -1)
TOMORROW = days_after(DAY, 1)


# -- R-REFERENCE -------------------------------------------------------------------------------------------------------


@attack("R-REFERENCE", "appeal against nothing")
def _(world: World) -> Entry:
    return world.build("ombudsman", appeal_file(NO_REF))


@attack("R-REFERENCE", "appeal for one subject against another's listing")
def _(world: World) -> Entry:
    return world.build("ombudsman", appeal_file(listed(world), OTHER_FIRM))


@attack("R-REFERENCE", "decide an appeal that nobody lodged")
def _(world: World) -> Entry:
    return world.build("tribunal", appeal_decide(NO_REF))


@attack("R-REFERENCE", "decide on a listing instead of an appeal")
def _(world: World) -> Entry:
    return world.build("tribunal", appeal_decide(listed(world)))


@attack("R-REFERENCE", "decide another subject's appeal")
def _(world: World) -> Entry:
    return world.build("tribunal", appeal_decide(appealed(world), subject=OTHER_FIRM))


@attack("R-REFERENCE", "withdraw an appeal that nobody lodged")
def _(world: World) -> Entry:
    return world.build("ombudsman", appeal_withdraw(NO_REF))


@attack("R-REFERENCE", "remove on an appeal that nobody lodged")
def _(world: World) -> Entry:
    return world.build("district", listing_remove(listed(world), reason="appeal_quashed", appeal=NO_REF))


# -- R-DATES -----------------------------------------------------------------------------------------------------------


@attack("R-DATES", "file an appeal tomorrow")
def _(world: World) -> Entry:
    return world.build("ombudsman", appeal_file(listed(world), filed=TOMORROW))


attack_each(
    "R-DATES",
    ("decide an appeal tomorrow", {"decided": TOMORROW, "effective": TOMORROW}),
    ("decide an appeal before it was filed", {"decided": YESTERDAY}),
    ("let a decision take effect before it is made", {"effective": YESTERDAY}),
    ("vary a listing to end as it begins", {"outcome": "vary", "until": DAY}),
)(lambda world, changes: world.build("tribunal", appeal_decide(appealed(world))._replace(**changes)))

attack_each(
    "R-DATES",
    ("withdraw an appeal tomorrow", TOMORROW),
    ("withdraw an appeal before filing it", YESTERDAY),
)(lambda world, day: world.build("ombudsman", appeal_withdraw(appealed(world), withdrawn=day)))


@attack("R-DATES", "erase by a decision of tomorrow")
def _(world: World) -> Entry:
    listed(world, content=(content(1),))
    return world.build("district", content_erase(content(1).digest, decided=TOMORROW))


# -- R-TRANSITION ------------------------------------------------------------------------------------------------------


@attack("R-TRANSITION", "appeal twice at once")
def _(world: World) -> Entry:
    listing = listed(world)
    world.append("ombudsman", appeal_file(listing))
    return world.build("ombudsman", appeal_file(listing))


@attack("R-TRANSITION", "appeal against an annulled listing")
def _(world: World) -> Entry:
    listing = listed(world)
    world.append("district", listing_annul(listing))
    return world.build("ombudsman", appeal_file(listing))


@attack("R-TRANSITION", "decide an appeal a second time, the other way")
def _(world: World) -> Entry:
    appeal = appealed(world)
    world.append("tribunal", appeal_decide(appeal, "quash_ex_nunc"))
    return world.build("supreme", appeal_decide(appeal, "uphold"))


@attack("R-TRANSITION", "decide a withdrawn appeal")
def _(world: World) -> Entry:
    appeal = appealed(world)
    world.append("ombudsman", appeal_withdraw(appeal))
    return world.build("tribunal", appeal_decide(appeal))


@attack("R-TRANSITION", "withdraw a decided appeal")
def _(world: World) -> Entry:
    appeal = appealed(world)
    world.append("tribunal", appeal_decide(appeal))
    return world.build("ombudsman", appeal_withdraw(appeal))


@attack("R-TRANSITION", "vary a listing that was removed meanwhile")
def _(world: World) -> Entry:
    listing = listed(world)
    appeal = world.append("ombudsman", appeal_file(listing)).ref()
    world.append("district", listing_remove(listing))
    return world.build("tribunal", appeal_decide(appeal, "vary", until="2026-06-01"))


# -- R-EXTENDS, R-REASON -----------------------------------------------------------------------------------------------

attack_each(
    "R-EXTENDS",
    ("vary a listing upwards", "2028-03-03"),
    ("vary a listing to what it is", "2028-03-02"),
)(lambda world, until: world.build("tribunal", appeal_decide(appealed(world), "vary", until=until)))

attack_each(
    "R-REASON",
    ("vary without saying to when", appeal_decide(NO_REF, "vary")),
    ("uphold and set another end", appeal_decide(NO_REF, "uphold", until="2027-01-01")),
    ("quash and set another end", appeal_decide(NO_REF, "quash_ex_nunc", until="2027-01-01")),
    ("remit and set another end", appeal_decide(NO_REF, "remit", until="2027-01-01")),
)(lambda world, act: world.build("tribunal", act._replace(appeal=appealed(world))))

attack_each(
    "R-REASON",
    ("remove for an appeal that is not named", listing_remove(reason="appeal_quashed")),
    ("annul for an appeal that is not named", listing_annul(reason="quashed_ex_tunc")),
)(lambda world, act: world.build("district", act._replace(listing=listed(world))))


@attack("R-REASON", "name an appeal beside another reason")
def _(world: World) -> Entry:
    listing = listed(world)
    appeal = world.append("ombudsman", appeal_file(listing)).ref()
    return world.build("district", listing_remove(listing, appeal=appeal))


@attack("R-REASON", "remove on an appeal that is still open")
def _(world: World) -> Entry:
    listing = listed(world)
    appeal = world.append("ombudsman", appeal_file(listing)).ref()
    return world.build("district", listing_remove(listing, reason="appeal_quashed", appeal=appeal))


@attack("R-REASON", "annul on an appeal that was lost")
def _(world: World) -> Entry:
    listing = listed(world)
    appeal = world.append("ombudsman", appeal_file(listing)).ref()
    world.append("tribunal", appeal_decide(appeal, "uphold"))
    return world.build("district", listing_annul(listing, reason="quashed_ex_tunc", appeal=appeal))


@attack("R-REASON", "annul from the beginning on a quashing for the future")
def _(world: World) -> Entry:
    listing = listed(world)
    appeal = world.append("ombudsman", appeal_file(listing)).ref()
    world.append("tribunal", appeal_decide(appeal, "quash_ex_nunc"))
    return world.build("district", listing_annul(listing, reason="quashed_ex_tunc", appeal=appeal))


@attack("R-REASON", "remove on an appeal against another listing of the same subject")
def _(world: World) -> Entry:
    appeal = appealed(world, case=bytes(16))
    world.append("tribunal", appeal_decide(appeal, "quash_ex_nunc"))
    return world.build("district", listing_remove(listed(world), reason="appeal_quashed", appeal=appeal))
