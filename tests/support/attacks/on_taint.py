"""Attacks on what an authority answers for: disowning, confirming, and keys that disowned entries have added."""

from __future__ import annotations

from creditledger.acts.catalogue import EntryConfirm
from creditledger.record.entry import Entry
from support.attacks.table import attack, attack_each, lawful, lawful_each
from support.drafts import (
    OTHER_FIRM,
    authority_close,
    entry_confirm,
    key_revoke,
    listing_add,
    listing_restore,
    listing_suspend,
)
from support.world import DAY, Receipt, World, days_after, key_add, public_key

TOMORROW = days_after(DAY, 1)


def adds(world: World, by: str, *labels: str) -> Receipt:
    """One entry by which a key adds others."""
    return world.append(by, *map(key_add, labels), cosigners=labels)


def stolen(world: World, *labels: str) -> tuple[Receipt, Receipt]:
    """A thief adds keys with the admin key of `district`, which is then disowned; the last of them has listed."""
    added = adds(world, "district:admin", *labels)
    listing = world.append(labels[-1], listing_add())
    world.append("root", key_revoke("district:admin"))
    return added, listing


def disowned(world: World) -> Receipt:
    """A listing by the act key of `district`, which is then disowned."""
    listing = world.append("district", listing_add())
    world.append("root", key_revoke("district"))
    return listing


def chain(world: World, stands_behind: int | None) -> Receipt:
    """A key added by a key that was added by a key that a thief added; of the thief's key so many entries stand."""
    sound = adds(world, "district:admin", "district:act:2")
    adds(world, "district:admin", "district:admin:2")
    adds(world, "district:admin:2", "district:admin:3")
    adds(world, "district:admin:3", "district:act:3")
    listing = world.append("district:act:3", listing_add())
    mark = None if stands_behind is None else (stands_behind, sound.digest)
    world.append("root", key_revoke("district:admin", stands_behind=mark))
    return listing


def root_disowned(world: World) -> tuple[EntryConfirm, Receipt]:
    """The root key that registered everybody's keys is disowned: what confirms that entry, and a listing under it."""
    listing = world.append("district", listing_add())
    entry, digest = next(
        (checked.entry, checked.digest)
        for _, checked in world.history
        if getattr(checked.entry.acts[0], "key", None) == public_key("supreme")
    )
    world.append("root:1", key_revoke("root:0"), cosigners=("root:2",))
    return EntryConfirm("root", public_key("root:0"), (entry.author_seq, digest)), listing


# -- keys that disowned entries have added -----------------------------------------------------------------------------


@lawful("R-CONFIRM", "confirm an entry of a key that a disowned entry added")
def _(world: World) -> Entry:
    _, listing = stolen(world, "district:act:2")
    return world.build("district", entry_confirm("district:act:2", 0, listing))


@lawful_each(
    "R-CONFIRM",
    ("confirm an entry at the end of three added keys, of which the first was disowned", 0),
    ("confirm an entry at the end of three added keys, of whose adder nothing stands", None),
)
def _(world: World, stands: int | None) -> Entry:
    return world.build("district", entry_confirm("district:act:3", 0, chain(world, stands)))


@attack("R-CONFIRM", "confirm an entry of a key that was added before the theft")
def _(world: World) -> Entry:
    sound = adds(world, "district:admin", "district:act:2")
    listing = world.append("district:act:2", listing_add())
    adds(world, "district:admin", "district:act:3")
    world.append("root", key_revoke("district:admin", stands_behind=(0, sound.digest)))
    return world.build("district", entry_confirm("district:act:2", 0, listing))


@lawful("R-CONFIRM", "confirm an entry below a key that is disowned in the middle of the chain")
def _(world: World) -> Entry:
    adds(world, "district:admin", "district:admin:2")
    adds(world, "district:admin:2", "district:act:2")
    listing = world.append("district:act:2", listing_add())
    world.append("root", key_revoke("district:admin:2"))
    return world.build("district:admin", entry_confirm("district:act:2", 0, listing))


@attack("R-CONFIRM", "confirm an entry above a key that is disowned in the middle of the chain")
def _(world: World) -> Entry:
    added = adds(world, "district:admin", "district:admin:2")
    adds(world, "district:admin:2", "district:act:2")
    world.append("root", key_revoke("district:admin:2"))
    return world.build("district", entry_confirm("district:admin", 0, added))


@lawful("R-CONFIRM", "confirm an entry of a key of the child that the parent's stolen key added")
def _(world: World) -> Entry:
    adds(world, "high:admin", "district:act:2")
    listing = world.append("district:act:2", listing_add())
    world.append("root", key_revoke("high:admin"))
    return world.build("district", entry_confirm("district:act:2", 0, listing))


@lawful("R-CONFIRM", "confirm the entry that added a key")
def _(world: World) -> Entry:
    added, _ = stolen(world, "district:act:2")
    return world.build("district", entry_confirm("district:admin", 0, added))


@attack("R-CONFIRM", "confirm an entry of a key after the entry that added the key")
def _(world: World) -> Entry:
    added, listing = stolen(world, "district:act:2")
    world.append("district", entry_confirm("district:admin", 0, added))
    return world.build("district", entry_confirm("district:act:2", 0, listing))


@attack("R-CONFIRM", "confirm in one entry what added a key, and then what the key has signed", at=1)
def _(world: World) -> Entry:
    added, listing = stolen(world, "district:act:2")
    both = (entry_confirm("district:admin", 0, added), entry_confirm("district:act:2", 0, listing))
    return world.build("district", *both)


@lawful("R-CONFIRM", "confirm in one entry what a key has signed, and then what added the key")
def _(world: World) -> Entry:
    added, listing = stolen(world, "district:act:2")
    both = (entry_confirm("district:act:2", 0, listing), entry_confirm("district:admin", 0, added))
    return world.build("district", *both)


@attack("R-CONFIRM", "confirm an entry below a chain of which the first link was confirmed")
def _(world: World) -> Entry:
    first = adds(world, "district:admin", "district:admin:2")
    adds(world, "district:admin:2", "district:act:2")
    listing = world.append("district:act:2", listing_add())
    world.append("root", key_revoke("district:admin"))
    world.append("district", entry_confirm("district:admin", 0, first))
    return world.build("district", entry_confirm("district:act:2", 0, listing))


@lawful("R-CONFIRM", "confirm an entry of a key that is disowned itself, though the entry that added it was confirmed")
def _(world: World) -> Entry:
    added, listing = stolen(world, "district:act:2")
    world.append("district", entry_confirm("district:admin", 0, added))
    world.append("root", key_revoke("district:act:2"))
    return world.build("district", entry_confirm("district:act:2", 0, listing))


@lawful("R-CONFIRM", "confirm what was confirmed by a key that a stolen key had added, which is found out later")
def _(world: World) -> Entry:
    adds(world, "district:admin", "district:admin:2")
    listing = disowned(world)
    world.append("district:admin:2", entry_confirm("district", 0, listing))
    world.append("root", key_revoke("district:admin"))
    adds(world, "root", "district:admin:3")
    return world.build("district:admin:3", entry_confirm("district", 0, listing))


# -- circles -----------------------------------------------------------------------------------------------------------


@lawful("R-CONFIRM", "confirm the entry that added a key, after that key itself has confirmed it")
def _(world: World) -> Entry:
    added, _ = stolen(world, "district:act:2")
    world.append("district:act:2", entry_confirm("district:admin", 0, added))
    return world.build("district", entry_confirm("district:admin", 0, added))


@lawful("R-CONFIRM", "let a key confirm the entry that added it, which lifts nothing, and then its own")
def _(world: World) -> Entry:
    added, listing = stolen(world, "district:act:2")
    world.append("district:act:2", entry_confirm("district:admin", 0, added))
    return world.build("district:act:2", entry_confirm("district:act:2", 0, listing))


def circle(world: World, *labels: str) -> list[Receipt]:
    """Keys that a stolen key has added, each confirming the entry that added the next one; returns those entries."""
    added = [adds(world, "district:admin", label) for label in labels]
    world.append("root", key_revoke("district:admin"))
    for place, label in enumerate(labels):
        follower = (place + 1) % len(labels)
        world.append(label, entry_confirm("district:admin", follower, added[follower]))
    return added


@lawful_each(
    "R-CONFIRM",
    ("confirm what two added keys have confirmed for each other", 2),
    ("confirm what three added keys have confirmed in a circle", 3),
)
def _(world: World, size: int) -> Entry:
    added = circle(world, *(f"district:act:{number + 2}" for number in range(size)))
    return world.build("district", entry_confirm("district:admin", size - 1, added[-1]))


@attack("R-CONFIRM", "confirm the rest of a circle of which one entry was confirmed from outside")
def _(world: World) -> Entry:
    added = circle(world, "district:act:2", "district:act:3", "district:act:4")
    world.append("district", entry_confirm("district:admin", 2, added[2]))
    return world.build("district", entry_confirm("district:admin", 1, added[1]))


# -- who confirms ------------------------------------------------------------------------------------------------------


@lawful("R-CONFIRM", "confirm as the heir of a closed body")
def _(world: World) -> Entry:
    listing = disowned(world)
    world.append("root", authority_close("district", successor="regulator"))
    return world.build("regulator:admin", entry_confirm("district", 0, listing))


@lawful("R-CONFIRM", "confirm as the heir of the heir")
def _(world: World) -> Entry:
    listing = disowned(world)
    world.append("root", authority_close("district", successor="county"))
    world.append("root", authority_close("county", successor="regulator"))
    return world.build("regulator", entry_confirm("district", 0, listing))


@lawful("R-CONFIRM", "confirm as the body itself on the day before it closes")
def _(world: World) -> Entry:
    listing = disowned(world)
    world.append("root", authority_close("district", effective=TOMORROW, successor="regulator"))
    return world.build("district:admin", entry_confirm("district", 0, listing))


@attack("R-CONFIRM", "confirm as the heir on the day before the closing")
def _(world: World) -> Entry:
    listing = disowned(world)
    world.append("root", authority_close("district", effective=TOMORROW, successor="regulator"))
    return world.build("regulator:admin", entry_confirm("district", 0, listing))


@attack_each(
    "R-CONFIRM",
    ("confirm below the heir of a closed body", ("branch:admin", "regulator")),
    ("confirm above a closed body that left an heir", ("high:admin", "regulator")),
    ("confirm above a closed body that left no heir", ("high:admin", None)),
    ("confirm with the root keys for a closed body that left no heir", ("root", None)),
)
def _(world: World, who: tuple[str, str | None]) -> Entry:
    author, successor = who
    listing = disowned(world)
    world.append("root", authority_close("district", successor=successor))
    return world.build(author, entry_confirm("district", 0, listing))


@attack("R-CONFIRM", "confirm a closed body's entry as one's own")
def _(world: World) -> Entry:
    listing = disowned(world)
    world.append("root", authority_close("district", successor="regulator"))
    return world.build("regulator:admin", entry_confirm("district", 0, listing)._replace(authority="regulator"))


@lawful("R-CONFIRM", "confirm with the quorum what a disowned root key has signed")
def _(world: World) -> Entry:
    confirm, _ = root_disowned(world)
    return world.build("root:1", confirm, cosigners=("root:2",))


@attack("R-ROOT", "confirm with one root key what a disowned root key has signed")
def _(world: World) -> Entry:
    confirm, _ = root_disowned(world)
    return world.build("root:1", confirm)


@attack("R-CONFIRM", "confirm with an admin key what a disowned root key has signed")
def _(world: World) -> Entry:
    confirm, _ = root_disowned(world)
    return world.build("supreme:admin", confirm)


@lawful("R-CONFIRM", "confirm an entry of a body whose first key a disowned root key added")
def _(world: World) -> Entry:
    _, listing = root_disowned(world)
    return world.build("district:admin", entry_confirm("district", 0, listing))


@attack("R-CONFIRM", "confirm a body's entry after the root keys have confirmed what added its key")
def _(world: World) -> Entry:
    confirm, listing = root_disowned(world)
    world.append("root:1", confirm, cosigners=("root:2",))
    return world.build("district:admin", entry_confirm("district", 0, listing))


# -- standing behind ---------------------------------------------------------------------------------------------------


def signed(world: World) -> list[tuple[int, bytes]]:
    """Two listings by the act key of `district`, as `key.revoke/1` names them."""
    receipts = (world.append("district", listing_add()), world.append("district", listing_add(OTHER_FIRM)))
    return [(number, receipt.digest) for number, receipt in enumerate(receipts)]


@attack_each(
    "R-KEY-STANDS",
    *((f"disown the last decision by calling the key {reason}", (reason, 0)) for reason in ("lost", "retired")),
    *((f"disown everything by calling the key {reason}", (reason, None)) for reason in ("lost", "superseded")),
)
def _(world: World, how: tuple[str, int | None]) -> Entry:
    reason, place = how
    marks = signed(world)
    return world.build("district:admin", key_revoke("district", reason, None if place is None else marks[place]))


@lawful_each("R-KEY-STANDS", *((f"stand behind all of a key that is {one}", one) for one in ("lost", "retired")))
def _(world: World, reason: str) -> Entry:
    return world.build("district:admin", key_revoke("district", reason, signed(world)[-1]))


@lawful_each(
    "R-KEY-STANDS",
    ("stand behind the first entry only of a compromised key", 0),
    ("stand behind all of a compromised key", 1),
)
def _(world: World, place: int) -> Entry:
    return world.build("district:admin", key_revoke("district", stands_behind=signed(world)[place]))


@lawful("R-KEY-STANDS", "disown the key by which a listing was restored, but not the one by which it was made")
def _(world: World) -> Entry:
    listing = world.append("district", listing_add()).ref()
    world.append("district", listing_suspend(listing))
    world.append("high", listing_restore(listing))
    return world.build("root", key_revoke("high"))


@lawful("R-KEY-STANDS", "retire a key that has signed nothing, naming nothing")
def _(world: World) -> Entry:
    return world.build("district:admin", key_revoke("district", "retired"))


@lawful("R-KEY-STANDS", "supersede a log key, which makes no entries")
def _(world: World) -> Entry:
    return world.build("root", key_add("root:log:2"), key_revoke("root:log", "superseded"))


@attack("R-KEY-STANDS", "retire the own key and count the entry that retires it")
def _(world: World) -> Entry:
    retire = key_revoke("district:admin", "retired")
    coming = world.seal(world.build("district:admin", retire))
    return world.build("district:admin", retire._replace(stands_behind=(0, coming.digest)))


def rotated(world: World) -> Entry:
    """The admin key of `district` adds another one and retires itself, naming the last entry before this one."""
    last = adds(world, "district:admin", "district:act:2")
    acts = (key_add("district:admin:2"), key_revoke("district:admin", "superseded", (0, last.digest)))
    return world.build("district:admin", *acts, cosigners=("district:admin:2",))


lawful("R-KEY-STANDS", "rotate the own key in one entry")(rotated)


@attack("R-CONFIRM", "confirm what a key signed that came by an honest rotation")
def _(world: World) -> Entry:
    world.submit(world.seal(rotated(world)))
    adds(world, "district:admin:2", "district:act:3")
    listing = world.append("district:act:3", listing_add())
    return world.build("district", entry_confirm("district:act:3", 0, listing))


@attack("R-CONFIRM", "confirm the entry by which a key retired itself")
def _(world: World) -> Entry:
    retired = world.append("district:admin", key_revoke("district:admin", "retired"))
    return world.build("district", entry_confirm("district:admin", 0, retired))


@lawful("R-CONFIRM", "confirm the entry by which a key disowned itself and everything it had signed")
def _(world: World) -> Entry:
    disowned = world.append("district:admin", key_revoke("district:admin"))
    return world.build("district", entry_confirm("district:admin", 0, disowned))
