"""Keys: where their chains begin, and what becomes of entries that an authority does not stand behind."""

from __future__ import annotations

import pytest

from creditledger.errors import Refused
from creditledger.rules.governance_state import Governance
from creditledger.rules.rows import KeyRow
from support.courts import courts
from support.drafts import OTHER_FIRM, authority_close, entry_confirm, key_revoke, law_register, listing_add
from support.world import DAY, Receipt, World, days_after, key_add, public_key

TOMORROW = days_after(DAY, 1)


def test_the_chain_of_an_added_key_begins_at_the_record_that_added_it() -> None:
    world = courts()
    receipt = world.add_keys("district:act:2", "root:log:2")
    assert world.view.heads[public_key("district:act:2")] == (0, receipt.leaf, 0)
    assert public_key("root:log:2") not in world.view.heads, "a log key makes no entries"


def test_entries_after_the_one_stood_behind_are_tainted_until_confirmed() -> None:
    world = courts()
    receipts = [world.append("district", listing_add(case=bytes([n] * 16))) for n in range(4)]
    world.append("root", key_revoke("district", stands_behind=(1, receipts[1].digest)))
    assert [world.tainted(one) for one in receipts] == [False, False, True, True]
    world.append("district:admin", entry_confirm("district", 3, receipts[3]))
    assert [world.tainted(one) for one in receipts] == [False, False, True, False]
    world.add_keys("district:act:2")
    world.append("district:act:2", entry_confirm("district", 2, receipts[2]))
    assert not any(map(world.tainted, receipts))


def test_a_confirmation_that_is_itself_disowned_counts_for_nothing() -> None:
    world = courts()
    receipt = world.append("district", listing_add())
    world.append("root", key_revoke("district"))
    confirmed = world.append("district:admin", entry_confirm("district", 0, receipt))
    assert not world.tainted(receipt)
    world.append("root", key_revoke("district:admin"))
    assert world.tainted(confirmed)
    assert world.tainted(receipt)
    world.add_keys("district:admin:2")
    world.append("district:admin:2", entry_confirm("district", 0, receipt))
    assert not world.tainted(receipt)


def test_who_stands_behind_nothing_taints_everything() -> None:
    world = courts()
    receipts = [world.append("district", listing_add(case=bytes([n] * 16))) for n in range(2)]
    world.append("high:admin", key_revoke("district"))
    assert all(map(world.tainted, receipts))


def test_standing_behind_the_last_entry_taints_nothing() -> None:
    world = courts()
    receipt = world.append("district", listing_add())
    world.append("district:admin", key_revoke("district", "compromised", (0, receipt.digest)))
    assert not world.tainted(receipt)


def test_whether_anything_is_disowned_is_known_at_once() -> None:
    world = courts()
    receipt = world.append("district", listing_add())
    world.append("high:admin", key_revoke("high:admin", "retired"))
    assert not world.view.governance.has_disowned_entries
    world.append("district:admin", key_revoke("district", "compromised", (0, receipt.digest)))
    assert world.view.governance.has_disowned_entries


# -- only a compromise disowns -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["lost", "retired", "superseded"])
def test_a_key_that_was_not_compromised_is_stood_behind_to_its_last_entry(reason: str) -> None:
    world = courts()
    receipts = [world.append("district", listing_add(case=bytes([n] * 16))) for n in range(3)]
    for mark in (None, (0, receipts[0].digest), (1, receipts[1].digest)):
        with pytest.raises(Refused, match="R-KEY-STANDS"):
            world.append("district:admin", key_revoke("district", reason, mark))
    world.append("district:admin", key_revoke("district", reason, (2, receipts[2].digest)))
    assert not any(map(world.tainted, receipts))
    assert world.view.governance.keys[public_key("district")].stands is None


def test_a_key_that_made_no_entry_is_retired_without_naming_one() -> None:
    world = courts()
    with pytest.raises(Refused, match="R-KEY-STANDS"):
        world.append("root", key_revoke("district", "retired", (0, bytes(32))))
    world.append("root", key_revoke("district", "retired"))
    assert world.view.governance.keys[public_key("district")].revoked == world.size - 1


def test_an_admin_key_that_replaces_itself_in_one_entry_leaves_nothing_in_doubt() -> None:
    world = courts()
    world.append(
        "district:admin",
        key_add("district:admin:2"),
        key_revoke("district:admin", "superseded"),
        cosigners=["district:admin:2"],
    )
    world.append("district:admin:2", key_add("district:act:2"), cosigners=["district:act:2"])
    assert not world.tainted(world.append("district:act:2", listing_add()))


# -- what a disowned entry added ---------------------------------------------------------------------------------------


def _stolen(world: World) -> tuple[Receipt, Receipt, Receipt, Receipt]:
    """A thief with the admin key of `district` adds an admin key, by that an act key, and lists a firm.

    Returns the entries: the two that added keys, the listing, and the revocation of the admin key, stolen as it was.
    """
    first = world.append("district:admin", key_add("district:admin:thief"), cosigners=["district:admin:thief"])
    second = world.append("district:admin:thief", key_add("district:act:thief"), cosigners=["district:act:thief"])
    listing = world.append("district:act:thief", listing_add())
    revocation = world.append("root", key_revoke("district:admin"))
    return first, second, listing, revocation


def test_a_key_keeps_the_entry_that_added_it() -> None:
    world = courts()
    receipt = world.append("district:admin", key_add("district:act:2"), cosigners=["district:act:2"])
    keys = world.view.governance.keys
    assert keys[public_key("district:act:2")].by == (public_key("district:admin"), 0, receipt.digest)
    assert [keys[public_key(label)].by for label in ("root:0", "root:log")] == [None, None]


def test_taint_reaches_the_entries_of_keys_that_a_tainted_entry_added() -> None:
    world = courts()
    before = world.append("district", listing_add(OTHER_FIRM))
    first, second, listing, revocation = _stolen(world)
    assert [world.tainted(one) for one in (first, second, listing)] == [True, True, True]
    assert not world.tainted(before), "its own key was added by root"
    assert not world.tainted(revocation)


def test_confirming_the_entry_that_added_a_key_answers_for_all_entries_of_the_key() -> None:
    world = courts()
    first, second, listing, _ = _stolen(world)
    world.append("district", entry_confirm("district:admin:thief", 0, second))
    assert [world.tainted(one) for one in (first, second, listing)] == [True, False, False]
    world.append("district", entry_confirm("district:admin", 0, first))
    assert not world.tainted(first)


def test_one_entry_of_a_doubtful_key_is_confirmed_by_itself() -> None:
    world = courts()
    _, second, listing, _ = _stolen(world)
    world.append("district", entry_confirm("district:act:thief", 0, listing))
    assert [world.tainted(one) for one in (second, listing)] == [True, False]


def test_a_key_does_not_answer_for_the_entry_that_added_it() -> None:
    world = courts()
    first, second, listing, _ = _stolen(world)
    confirmed = world.append("district:admin:thief", entry_confirm("district:admin", 0, first))
    world.append("district:act:thief", entry_confirm("district:admin:thief", 0, second))
    assert all(map(world.tainted, (first, second, listing, confirmed)))
    world.append("district", entry_confirm("district:admin", 0, first))
    assert not any(map(world.tainted, (first, second, listing, confirmed)))


def test_entries_that_confirm_each_other_answer_for_nothing() -> None:
    world = courts()
    world.add_keys("district:act:2")
    one = world.append("district", listing_add())
    world.append("root", key_revoke("district"))
    other = world.append("district:act:2", entry_confirm("district", 0, one))
    assert not world.tainted(one)
    world.append("root", key_revoke("district:act:2"))
    third = world.append("district:admin", entry_confirm("district:act:2", 0, other))
    assert not any(map(world.tainted, (one, other, third)))
    world.append("root", key_revoke("district:admin"))
    assert all(map(world.tainted, (one, other, third)))


def test_a_long_row_of_keys_that_added_each_other_is_followed_to_its_end() -> None:
    governance = Governance()
    length = 3000
    keys = [b"\x01" + number.to_bytes(32, "big") for number in range(length)]
    for number, key in enumerate(keys):
        by = (keys[number - 1], 0, keys[number - 1][1:]) if number else None
        governance.set_row("key", key, KeyRow("district", "admin", number, None, None, None, None, by))
    stolen = KeyRow("district", "admin", 0, None, length, "compromised", 0, None)
    governance.set_row("key", keys[0], stolen)
    assert governance.is_tainted(keys[-1], 0, keys[-1][1:])
    governance.set_row("key", keys[0], stolen._replace(stands=1))
    assert not governance.is_tainted(keys[-1], 0, keys[-1][1:])


# -- who may confirm ---------------------------------------------------------------------------------------------------


def test_the_heir_confirms_what_a_closed_body_left_tainted() -> None:
    world = courts()
    receipt = world.append("county", listing_add(list="county-defaulters", area="cn-44"), cosigners=("high",))
    world.append("root", key_revoke("county"))
    world.append("root", authority_close("county", successor="archive", effective=TOMORROW))
    with pytest.raises(Refused, match="R-CONFIRM"):
        world.append("archive", entry_confirm("county", 0, receipt))
    world.day = TOMORROW
    with pytest.raises(Refused, match="R-CONFIRM"):
        world.append("district", entry_confirm("county", 0, receipt))
    world.append("archive", entry_confirm("county", 0, receipt))
    assert not world.tainted(receipt)


def test_root_confirms_its_own_entries_with_the_threshold_of_its_keys() -> None:
    world = courts()
    receipt = world.append("root", law_register("new"))
    number = world.history[receipt.seq][1].entry.author_seq
    earlier = world.append("district", listing_add())
    world.add_keys("root:3", by="root")
    world.append("root", key_revoke("root:0"))
    assert all(map(world.tainted, (receipt, earlier))), "root:0 has added every key there is"
    act = entry_confirm("root:0", number, receipt)
    with pytest.raises(Refused, match="R-CONFIRM"):
        world.append("district", act)
    with pytest.raises(Refused, match="R-ROOT"):
        world.append("root:1", act)
    world.append("root:1", act, cosigners=["root:2"])
    assert [world.tainted(one) for one in (receipt, earlier)] == [False, True]
