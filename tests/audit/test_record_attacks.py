"""Attacks on the records of a log: each is found, at the record concerned, by the check that is meant for it.

The attacker holds nothing, or the log key, as the sections say. Whoever holds the log key seals anew what was altered,
so that only what the authors signed can give it away.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from audit.logs import ORIGIN, Log, changed, ids, log_signer, resigned
from audit.worlds import busy_log, busy_world, only, resealed
from creditledger.audit import Trust
from creditledger.errors import CannotVerify
from creditledger.record.record import decode_record
from creditledger.tlog.tree import leaf_hash
from support.courts import courts
from support.drafts import (
    listing_add,
)

# -- what is honest passes ---------------------------------------------------------------------------------------------


def test_an_honest_log_passes(tmp_path: Path) -> None:
    log = busy_log()
    report = log.audit(tmp_path)
    assert report.exit_code == 0, list(report.lines())
    assert (report.size, report.sealed, report.findings) == (len(log.records), len(log.records), ())
    assert report.root == busy_world().view.root_at(report.size)
    assert report.not_checked


def test_a_log_sealed_here_and_there_passes(tmp_path: Path) -> None:
    world = busy_world()
    assert Log.of(world, [1, 4, 11, world.size]).audit(tmp_path).exit_code == 0


def test_records_that_nobody_sealed_are_no_evidence(tmp_path: Path) -> None:
    world = busy_world()
    report = Log.of(world, [1, world.size - 2]).audit(tmp_path)
    assert (report.exit_code, ids(report), report.sealed) == (4, {"LED-UNSEALED"}, world.size - 2)
    with pytest.raises(CannotVerify, match="LED-UNSEALED"):
        report.raise_on_failure()


# -- without any key ---------------------------------------------------------------------------------------------------


def test_two_records_swapped(tmp_path: Path) -> None:
    log = busy_log()
    log.records[12], log.records[13] = log.records[13], log.records[12]
    report = log.audit(tmp_path)
    assert {"LED-CHAIN", "LED-TREE"} <= ids(report)
    assert report.first_bad == 12


def test_a_record_dropped(tmp_path: Path) -> None:
    log = busy_log()
    del log.records[10]
    report = log.audit(tmp_path)
    assert {"LED-CHAIN", "LED-TREE"} <= ids(report)
    assert report.first_bad == 10


def test_a_record_duplicated(tmp_path: Path) -> None:
    log = busy_log()
    log.records.insert(11, log.records[11])
    report = log.audit(tmp_path)
    assert {"LED-CHAIN", "LED-TREE", "LED-AUTHOR"} <= ids(report)
    assert report.first_bad == 12


def test_a_time_edited(tmp_path: Path) -> None:
    log = busy_log()
    log.records[9] = changed(log.records[9], recorded_at=decode_record(log.records[9]).recorded_at + 1)
    report = log.audit(tmp_path)
    only(report, "LED-CHAIN", "LED-TREE")
    assert report.first_bad == 9
    assert {one.seq for one in report.findings} == {9}


def test_a_link_edited(tmp_path: Path) -> None:
    log = busy_log()
    log.records[9] = changed(log.records[9], prev=bytes(32))
    report = log.audit(tmp_path)
    only(report, "LED-CHAIN", "LED-TREE")
    assert {one.seq for one in report.findings} == {9}
    assert leaf_hash(log.records[8]).hex() in {one.expected for one in report.findings}


def test_a_number_edited(tmp_path: Path) -> None:
    log = busy_log()
    log.records[9] = changed(log.records[9], seq=90)
    report = log.audit(tmp_path)
    only(report, "LED-CHAIN", "LED-TREE")
    assert report.first_bad == 9


def test_a_record_edited_and_the_chain_made_anew(tmp_path: Path) -> None:
    log = busy_log()
    log.records[9] = changed(log.records[9], recorded_at=decode_record(log.records[9]).recorded_at + 1)
    log.relink(10)
    report = log.audit(tmp_path)
    only(report, "LED-TREE")
    (found,) = report.findings
    assert found.seq == 9
    assert found.found != found.expected


def test_a_record_edited_between_two_checkpoints(tmp_path: Path) -> None:
    """The tree alone can say only between which checkpoints it was."""
    world = busy_world()
    log = Log.of(world, [5, 12, world.size])
    log.records[9] = changed(log.records[9], recorded_at=decode_record(log.records[9]).recorded_at + 1)
    log.relink(10)
    (found,) = log.audit(tmp_path).findings
    assert (found.id, found.seq) == ("LED-TREE", 5)
    assert "5 to 11" in found.message


def test_the_last_record_edited(tmp_path: Path) -> None:
    log = busy_log()
    last = len(log.records) - 1
    log.records[last] = changed(log.records[last], recorded_at=decode_record(log.records[last]).recorded_at + 1)
    report = log.audit(tmp_path)
    only(report, "LED-TREE")
    assert report.first_bad == last


def test_the_first_record_edited(tmp_path: Path) -> None:
    log = busy_log()
    log.records[0] = changed(log.records[0], recorded_at=decode_record(log.records[0]).recorded_at - 1)
    report = log.audit(tmp_path)
    assert {"LED-LEDGER", "LED-TREE", "LED-CHAIN"} <= ids(report)
    assert report.first_bad == 0


def test_checkpoints_signed_by_another_key(tmp_path: Path) -> None:
    log = busy_log()
    log.seal([15], log_signer("mallory"))
    report = log.audit(tmp_path)
    only(report, "LED-CKPT")
    assert report.first_bad == 14


def test_a_checkpoint_of_another_size(tmp_path: Path) -> None:
    log = busy_log()
    log.notes[14] = log.notes[13]
    report = log.audit(tmp_path)
    only(report, "LED-CKPT")
    assert report.first_bad == 13


def test_a_checkpoint_of_another_origin(tmp_path: Path) -> None:
    log = busy_log()
    log.seal([14], origin="registry.example.org/others")
    report = log.audit(tmp_path)
    only(report, "LED-CKPT")
    assert report.findings[0].found == "registry.example.org/others"


def test_another_ledger_altogether(tmp_path: Path) -> None:
    log = busy_log()
    log.trust = Trust(ORIGIN, bytes(32), log.trust.log_keys)
    report = log.audit(tmp_path)
    only(report, "LED-LEDGER")


def test_another_origin_than_trusted(tmp_path: Path) -> None:
    log = busy_log()
    log.seal(log.notes, log_signer(), "registry.example.org/others")
    log.trust = Trust("registry.example.org/others", log.trust.ledger_id, log.trust.log_keys)
    only(log.audit(tmp_path), "LED-LEDGER")


def test_a_signature_replaced(tmp_path: Path) -> None:
    log = busy_log()
    log.records[10] = changed(log.records[10], signatures=(bytes(64),))
    log.relink(11)
    log.seal(log.notes)
    report = log.audit(tmp_path)
    only(report, "LED-SIG")
    assert report.first_bad == 10


def test_a_byte_of_an_entry_changed(tmp_path: Path) -> None:
    log = busy_log()
    entry = decode_record(log.records[11]).entry
    log.records[11] = changed(log.records[11], entry=entry.replace(b"uphold", b"remand"))
    report = log.audit(tmp_path)
    only(report, "LED-CHAIN", "LED-TREE", "LED-ENC")
    assert report.first_bad == 11


# -- with the log key: whatever is changed is sealed anew --------------------------------------------------------------


def test_the_operator_changes_an_act(tmp_path: Path) -> None:
    log = busy_log()
    entry = decode_record(log.records[15]).entry
    log.records[15] = changed(log.records[15], entry=entry.replace(b"2028-03-02", b"2028-03-01"))
    report = resealed(log, 16).audit(tmp_path)
    assert ids(report) == {"LED-SIG", "LED-AUTHOR"}
    assert report.first_bad == 15
    assert report.findings[0].id == "LED-SIG"


def test_the_operator_omits_an_entry(tmp_path: Path) -> None:
    log = busy_log()
    del log.records[15]
    report = resealed(log, 15).audit(tmp_path)
    only(report, "LED-AUTHOR")
    assert report.first_bad == 15


def test_the_operator_reorders_entries_of_one_key(tmp_path: Path) -> None:
    log = busy_log()
    log.records[15], log.records[16] = log.records[16], log.records[15]
    first, second = (decode_record(log.records[seq]).recorded_at for seq in (15, 16))
    log.records[15], log.records[16] = (
        changed(log.records[seq], recorded_at=at) for seq, at in ((15, second), (16, first))
    )
    report = resealed(log, 15).audit(tmp_path)
    only(report, "LED-AUTHOR")
    assert report.first_bad == 15


def test_the_operator_records_an_entry_twice(tmp_path: Path) -> None:
    log = busy_log()
    log.records.append(log.records[-1])
    report = resealed(log, len(log.records) - 1).audit(tmp_path)
    only(report, "LED-AUTHOR")
    assert report.first_bad == len(log.records) - 1


def test_the_operator_turns_back_the_clock(tmp_path: Path) -> None:
    log = busy_log()
    log.records[15] = changed(log.records[15], recorded_at=decode_record(log.records[14]).recorded_at - 1)
    report = resealed(log, 16).audit(tmp_path)
    only(report, "LED-TIME")
    assert report.first_bad == 15


def test_the_operator_strips_a_countersignature(tmp_path: Path) -> None:
    world = courts()
    county = listing_add(list="county-defaulters", area="cn-44")
    world.append("county", county, cosigners=["high"])
    log = Log.of(world)
    last = len(log.records) - 1
    log.records[last] = changed(log.records[last], signatures=decode_record(log.records[last]).signatures[:1])
    report = resealed(log, last + 1).audit(tmp_path)
    only(report, "LED-SIG")
    assert report.first_bad == last
    assert (report.findings[0].expected, report.findings[0].found) == ("2 signatures", "1")


def test_a_clerk_leaves_out_the_countersignature_that_the_list_demands(tmp_path: Path) -> None:
    world = courts()
    world.append("county", listing_add(list="county-defaulters", area="cn-44"), cosigners=["high"])
    log = Log.of(world)
    last = len(log.records) - 1
    log.records[last] = resigned(log.records[last], ["county"], cosigners=())
    report = resealed(log, last + 1).audit(tmp_path)
    only(report, "LED-RULE")
    (found,) = report.findings
    assert found.message.startswith("R-CONSENT")
    assert (found.seq, found.act) == (last, 0)


def test_countersignatures_exchanged(tmp_path: Path) -> None:
    log = busy_log()
    first, *others = decode_record(log.records[1]).signatures
    log.records[1] = changed(log.records[1], signatures=(*others, first))
    report = resealed(log, 2).audit(tmp_path)
    assert "LED-SIG" in ids(report)
    assert report.first_bad == 1
