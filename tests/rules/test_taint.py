"""Keys: where their chains begin, and what becomes of entries that an authority does not stand behind."""

from __future__ import annotations

from support.courts import courts
from support.drafts import entry_confirm, key_revoke, listing_add
from support.world import public_key


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
    world.append("district:admin", key_revoke("district", "retired", (0, receipt.digest)))
    assert not world.tainted(receipt)


def test_whether_anything_is_disowned_is_known_at_once() -> None:
    world = courts()
    receipt = world.append("district", listing_add())
    assert not world.view.governance.has_disowned_entries
    world.append("district:admin", key_revoke("district", "retired", (0, receipt.digest)))
    assert world.view.governance.has_disowned_entries
