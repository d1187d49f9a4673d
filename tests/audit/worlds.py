"""Worlds with a history, and what is done to their logs, for several test files."""

from __future__ import annotations

from audit.logs import Log, ids, trust_in
from creditledger.acts.catalogue import EntryConfirm, ListingAdd
from creditledger.audit import Report
from creditledger.record.entry import Entry
from support.courts import courts
from support.drafts import (
    OTHER_FIRM,
    appeal_decide,
    appeal_file,
    content,
    content_erase,
    key_revoke,
    listing_add,
    listing_remove,
    person,
    source_cite,
)
from support.world import World, public_key

MANY = 600


def many_world() -> World:
    """More than two tiles of records, with governance changed, a key revoked and another one used on the way."""
    world = busy_world()
    world.add_keys("district:act:2")
    behind = world.size - 4
    for number in range(MANY):
        seen = (world.size // 2, world.view.roots[world.size // 2]) if number % 20 == 0 else None
        world.append(("district:act:2", "regulator")[number % 2], _listing(number), seen=seen)
        if number == MANY // 3:
            world.append("district:admin", key_revoke("district", stands_behind=_mark(world, "district", behind)))
        if number == MANY // 2:
            tainted = world.history[behind + 1][1]
            confirm = EntryConfirm("district", public_key("district"), (tainted.entry.author_seq, tainted.digest))
            world.append("district:act:2", confirm, listing_add(person(777)))
    return world


def _mark(world: World, label: str, before: int) -> tuple[int, bytes]:
    """The last entry of a key before a record: its number and hash."""
    entries = (checked for _, checked in world.history[:before] if checked.entry.key == public_key(label))
    last = list(entries)[-1]
    return last.entry.author_seq, last.digest


def _listing(number: int) -> ListingAdd:
    if number % 2:
        return listing_add(
            person(1000 + number), list="watched", ground="late-filing", measures=("closer-audits",), until="2026-12-01"
        )
    return listing_add(person(1000 + number))


def busy_world() -> World:
    """Courts that have listed, heard, removed and erased; the last records are six listings by `district`."""
    world = courts()
    first = world.append("district", listing_add(content=(content(1),)), listing_add(OTHER_FIRM))
    filed = world.append("ombudsman", appeal_file(first.ref(0), content=(content(2),)))
    world.append("tribunal", appeal_decide(filed.ref(0), "uphold"))
    world.append("district", content_erase(content(1).digest, content(2).digest))
    world.append("district", listing_remove(first.ref(1), OTHER_FIRM))
    world.append("archive", source_cite(), listing_add(list="foreign", measures=(), source=(None, 0)))
    for number in range(6):
        world.append("district", listing_add(person(number)))
    return world


def busy_log() -> Log:
    return Log.of(busy_world())


def only(report: Report, *found: str) -> None:
    """The report is of evidence, and of these ids only."""
    assert report.exit_code == 3, list(report.lines())
    assert ids(report) == set(found), list(report.lines())


def resealed(log: Log, start: int) -> Log:
    """The log with numbers and links made right from a record on, and every size sealed anew by the log key."""
    log.relink(start)
    log.notes.clear()
    log.seal(range(1, len(log.records) + 1))
    return log


def forced(world: World, entry: Entry) -> Log:
    """The log of a world with an entry recorded at its end that the rules would refuse, sealed before and after."""
    log = Log.of(world, [world.size])
    log.records.append(world.record_of(world.seal(entry)))
    log.seal([len(log.records)])
    log.trust = trust_in(log.records)
    return log
