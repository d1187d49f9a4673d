"""Attacks by who holds signing keys: what the rules refuse to append stands in the log all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from audit.logs import ORIGIN, Log, ids, log_signer
from audit.worlds import busy_log, busy_world, forced, only, resealed
from creditledger.audit import Trust
from support.attacks import ATTACKS, Attack
from support.courts import courts
from support.drafts import (
    key_revoke,
    listing_add,
    person,
)
from support.world import World, key_add

# -- with an author's key: entries that the rules refuse are recorded all the same -------------------------------------


_ENTRY_FINDINGS = {
    "R-ENTRY-LEDGER": "LED-LEDGER",
    "R-ENTRY-EXPIRED": "LED-TIME",
    "R-ENTRY-KEY": "LED-KEY",
    "R-ENTRY-COSIGNER": "LED-KEY",
    "R-ENTRY-CHAIN": "LED-AUTHOR",
    "R-ENTRY-SEEN": "LED-SEEN",
}


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: f"{attack.rule}: {attack.tries}")
def test_every_rule_is_checked(attack: Attack, tmp_path: Path) -> None:
    """Whatever the rules refuse to append, the audit finds when it stands in the log, at its record and act."""
    world = attack.world()
    entry = attack.prepare(world)
    log = forced(world, entry)
    report = log.audit(tmp_path)
    only(report, _ENTRY_FINDINGS.get(attack.rule, "LED-RULE"))
    (found,) = report.findings
    assert attack.rule in found.message or found.id == "LED-SEEN"
    assert found.seq == world.size
    assert found.act == attack.at or attack.rule.startswith("R-ENTRY")


def test_a_retired_key_is_used(tmp_path: Path) -> None:
    world = busy_world()
    world.append("district:admin", key_revoke("district"))
    report = forced(world, world.build("district", listing_add(person(99)))).audit(tmp_path)
    only(report, "LED-KEY")
    assert report.first_bad == world.size
    assert "revoked" in report.findings[0].message


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_a_key_is_retired_as_if_it_had_made_fewer_entries(kept: int, tmp_path: Path) -> None:
    world = courts()
    receipts = [world.append("district", listing_add(person(number))) for number in range(3)]
    mark = (kept - 1, receipts[kept - 1].digest) if kept else None
    report = forced(world, world.build("district:admin", key_revoke("district", "retired", mark))).audit(tmp_path)
    only(report, "LED-RULE")
    assert "R-KEY-STANDS" in report.findings[0].message
    assert report.first_bad == world.size


def test_keys_are_retired_honestly(tmp_path: Path) -> None:
    world = courts()
    receipts = [world.append("district", listing_add(person(number))) for number in range(3)]
    world.append("district:admin", key_revoke("district", "retired", (2, receipts[2].digest)))
    world.append("high:admin", key_revoke("county", "lost"))
    last = world.append("district:admin", key_add("district:act:2"), cosigners=["district:act:2"])
    again = (key_add("district:admin:2"), key_revoke("district:admin", "superseded", (1, last.digest)))
    world.append("district:admin", *again, cosigners=["district:admin:2"])
    world.append("district:admin:2", key_revoke("district:act:2", "retired"))
    report = Log.of(world).audit(tmp_path)
    assert report.exit_code == 0, list(report.lines())


def test_an_entry_is_moved_to_another_ledger(tmp_path: Path) -> None:
    world = busy_world()
    report = forced(world, world.build("district", listing_add(person(99)), ledger_id=b"\x07" * 32)).audit(tmp_path)
    only(report, "LED-LEDGER")
    assert report.first_bad == world.size


def test_a_judgment_stops_at_the_first_refusal_and_says_so(tmp_path: Path) -> None:
    world = busy_world()
    refused = world.build("regulator", listing_add(person(99)))
    log = Log.of(world)
    log.records.insert(15, world.record_of(world.seal(refused)))
    report = resealed(log, 15).audit(tmp_path)
    assert report.first_bad == 15
    assert "LED-RULE" in ids(report)


# -- pinned checkpoints ------------------------------------------------------------------------------------------------


def test_an_honest_pin_passes(tmp_path: Path) -> None:
    world = courts()
    for size in (0, 3, 3, 7):
        world.append("district", listing_add(person(size + world.size)), seen=(size, world.view.root_at(size)))
    assert Log.of(world).audit(tmp_path).exit_code == 0


@pytest.mark.parametrize("size", [0, 1, 3, 9])
def test_a_pinned_root_of_another_branch(size: int, tmp_path: Path) -> None:
    world = courts()
    report = forced(world, world.build("district", listing_add(), seen=(size, b"\x05" * 32))).audit(tmp_path)
    only(report, "LED-SEEN")
    assert report.first_bad == world.size


def test_a_pinned_size_beyond_the_tree(tmp_path: Path) -> None:
    world = courts()
    report = forced(world, world.build("district", listing_add(), seen=(world.size + 1, bytes(32)))).audit(tmp_path)
    only(report, "LED-SEEN")


def test_a_pin_older_than_the_key_knew(tmp_path: Path) -> None:
    world = courts()
    world.append("district", listing_add(person(1)), seen=(5, world.view.root_at(5)))
    report = forced(world, world.build("district", listing_add(), seen=(4, world.view.root_at(4)))).audit(tmp_path)
    only(report, "LED-SEEN")
    assert report.first_bad == world.size


# -- log keys ----------------------------------------------------------------------------------------------------------


def test_a_log_key_that_the_ledger_never_registered(tmp_path: Path) -> None:
    """The trust file names it, so its signatures count; but the ledger's own register does not know it."""
    log = busy_log()
    stranger = log_signer("mallory")
    log.trust = Trust(ORIGIN, log.trust.ledger_id, (*log.trust.log_keys, stranger.verifier.vkey))
    log.seal([17], stranger)
    only(log.audit(tmp_path), "LED-KEY")


def rotated() -> tuple[World, int]:
    """A world whose log key was replaced; the number of records when it was."""
    world = busy_world()
    world.append("root", key_add("root:log:2"))
    world.append("root", key_revoke("root:log"))
    size = world.size
    for number in range(3):
        world.append("district", listing_add(person(100 + number)))
    return world, size


def test_an_honest_change_of_the_log_key(tmp_path: Path) -> None:
    world, size = rotated()
    log = Log.of(world, range(1, size + 1))
    log.seal(range(size + 1, world.size + 1), log_signer("root:log:2"))
    log.trust = Trust(
        ORIGIN, log.trust.ledger_id, tuple(log_signer(one).verifier.vkey for one in ("root:log", "root:log:2"))
    )
    report = log.audit(tmp_path)
    assert report.exit_code == 0, list(report.lines())


def test_a_revoked_log_key_goes_on_signing(tmp_path: Path) -> None:
    world, _ = rotated()
    report = Log.of(world).audit(tmp_path)
    only(report, "LED-KEY")
    assert "revoked" in report.findings[0].found
