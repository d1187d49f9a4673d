"""Attacks on the legal basis, the polarity, and the definition and life of lists."""

from __future__ import annotations

from creditledger.record.entry import Entry
from support.attacks.table import attack, attack_each
from support.courts import DECIDING, define_list
from support.drafts import (
    FIRM,
    LAW,
    OTHER_FIRM,
    PERSON,
    authority_register,
    content,
    content_erase,
    ground_register,
    law_register,
    list_close,
    list_define,
    list_open,
    listing_add,
    mandate_grant,
    measure_register,
    opening_balance,
)
from support.world import DAY, World, days_after

TOMORROW = days_after(DAY, 1)


# -- R-LEGAL-BASIS -----------------------------------------------------------------------------------------------------

attack_each(
    "R-LEGAL-BASIS",
    ("register a body under an unknown law", authority_register("new", law="nothing")),
    ("register a body under a repealed law", authority_register("new", law="repealed-law")),
    ("grant a mandate under a law that is still to come", mandate_grant("county", "legacy", "add", law="coming-law")),
    ("register a ground under a repealed law", ground_register("new", law="repealed-law")),
    ("register a measure under an unknown law", measure_register("new", law="nothing")),
    ("define a list under a law that is still to come", list_define("new", law="coming-law")),
)(lambda world, act: world.build("root", act))


@attack("R-LEGAL-BASIS", "list on a ground whose law had ended on the day of the decision")
def _(world: World) -> Entry:
    world.day = "2027-01-01"
    return world.build("district", listing_add(ground="sunset-ground", decided=world.day, effective=world.day))


@attack("R-LEGAL-BASIS", "decide on a day before the law of the ground began")
def _(world: World) -> Entry:
    return world.build("district", listing_add(decided="1999-12-31", effective="1999-12-31", until="2001-01-01"))


@attack("R-LEGAL-BASIS", "impose a measure whose law has ended, on a decision of earlier days")
def _(world: World) -> Entry:
    world.day = "2027-01-01"
    return world.build("district", listing_add(measures=("sunset-measure",)))


@attack("R-LEGAL-BASIS", "list on a list whose law has ended")
def _(world: World) -> Entry:
    define_list(world, law="sunset-law")
    world.append("root", mandate_grant("ombudsman", "new", "lodge"), mandate_grant("tribunal", "new", "review"))
    world.append("root", mandate_grant("district", "new", "add"), list_open("new"))
    world.day = "2027-01-01"
    return world.build("district", listing_add(list="new"))


@attack("R-LEGAL-BASIS", "open a list whose law has ended")
def _(world: World) -> Entry:
    define_list(world, law="sunset-law", polarity="supervision", grounds=("late-filing",), measures=())
    world.day = "2027-01-01"
    return world.build("root", list_open("new"))


@attack("R-LEGAL-BASIS", "take over a listing older than the law of its ground")
def _(world: World) -> Entry:
    return world.build("district", opening_balance(effective="1999-12-31", until="2001-01-01"))


@attack("R-LEGAL-BASIS", "erase content under a repealed law")
def _(world: World) -> Entry:
    world.append("district", listing_add(PERSON, content=(content(1),)))
    return world.build("district", content_erase(content(1).digest, subject=PERSON, law="repealed-law"))


# -- R-POLARITY, R-SCORE, R-TRANSCRIPT ---------------------------------------------------------------------------------

attack_each(
    "R-POLARITY",
    ("restrict on a ground of supervision", {"grounds": ("late-filing",)}),
    ("restrict on a score by way of supervision", {"grounds": ("low-score",)}),
    ("smuggle one ground of supervision in", {"grounds": ("evades-by-sham-suit", "late-filing")}),
    ("restrict by the loss of an incentive", {"measures": ("green-lane", "no-flights")}),
    ("put a restriction on a list of supervision", {"polarity": "supervision"}),
    ("put a restriction on a list of honours", {"polarity": "incentive", "measures": ("no-flights",)}),
)(lambda world, changes: world.build("root", list_define("new", **changes)))

attack("R-TRANSCRIPT", "let a copy of another body's list restrict")(
    lambda world: world.build("root", list_define("new", source="The foreign office"))
)

attack("R-SCORE", "register a score as a ground to restrict")(
    lambda world: world.build("root", ground_register("new", nature="score"))
)
attack("R-SCORE", "register a score as a ground to restrict, by a keeper of the catalogue")(
    lambda world: world.build("regulator:admin", ground_register("new", nature="score", max_months=None))
)

attack_each(
    "R-TRANSCRIPT",
    ("decide on a transcript", mandate_grant("district", "foreign", *DECIDING)),
    ("transcribe into a list of own decisions", mandate_grant("archive", "defaulters", "transcribe")),
    ("transcribe and decide by one mandate", mandate_grant("archive", "legacy", "transcribe", "remove")),
    ("correct a transcript beside transcribing", mandate_grant("district", "foreign", "transcribe", "correct")),
)(lambda world, grant: world.build("root", grant))


attack_each(
    "R-DATES",
    ("register a law that ends on the day it begins", "2000-01-01"),
    ("register a law that ends before it begins", "1999-12-31"),
)(lambda world, until: world.build("root", law_register("new", until=until)))


# -- R-LIST-STATE ------------------------------------------------------------------------------------------------------


@attack("R-LIST-STATE", "open a list twice")
def _(world: World) -> Entry:
    return world.build("root", list_open("defaulters", effective="2026-01-01"))


@attack("R-LIST-STATE", "reopen a closed list")
def _(world: World) -> Entry:
    world.append("root", list_close("defaulters"))
    return world.build("root", list_open("defaulters"))


@attack("R-LIST-STATE", "close a list that was never opened")
def _(world: World) -> Entry:
    return world.build("root", list_close("legacy"))


@attack("R-LIST-STATE", "close a list twice, to postpone the day")
def _(world: World) -> Entry:
    world.append("root", list_close("defaulters"))
    return world.build("root", list_close("defaulters", effective="2030-01-01"))


@attack("R-LIST-STATE", "list on a list that is not open")
def _(world: World) -> Entry:
    return world.build("district", listing_add(list="legacy"))


@attack("R-LIST-STATE", "list on the day before the list opens")
def _(world: World) -> Entry:
    world.append("root", list_open("legacy", effective=TOMORROW))
    return world.build("district", listing_add(list="legacy"))


@attack("R-LIST-STATE", "list on the day on which the list closes")
def _(world: World) -> Entry:
    world.append("root", list_close("defaulters", effective=TOMORROW))
    world.append("district", listing_add())
    world.day = TOMORROW
    return world.build("district", listing_add(OTHER_FIRM))


@attack("R-LIST-STATE", "take over a listing once the list is open")
def _(world: World) -> Entry:
    return world.build("district", opening_balance(FIRM, list="defaulters"))


@attack("R-LIST-STATE", "take over a listing while the opening lies ahead")
def _(world: World) -> Entry:
    world.append("root", list_open("legacy", effective="2027-01-01"))
    return world.build("district", opening_balance(FIRM, ground=None))


# -- R-SCHEME ----------------------------------------------------------------------------------------------------------


@attack("R-SCHEME", "tie an authority to a pseudonym")
def _(world: World) -> Entry:
    return world.build("root", authority_register("new", identity=PERSON, law=LAW))


@attack("R-SCHEME", "list a natural person where only firms may be listed")
def _(world: World) -> Entry:
    define_list(world, schemes=("uscc",))
    world.append("root", mandate_grant("ombudsman", "new", "lodge"), mandate_grant("tribunal", "new", "review"))
    world.append("root", mandate_grant("district", "new", "add"), list_open("new"))
    return world.build("district", listing_add(PERSON, list="new"))
