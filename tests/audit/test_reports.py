"""Heads kept outside, versions not known here, and the report itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from audit.logs import Log, changed, entry_of, ids, resigned
from audit.worlds import busy_log, busy_world, forced, only, resealed
from creditledger.errors import UnsupportedError, VerificationFailed
from creditledger.record.entry import ZERO_HASH, encode_entry
from creditledger.record.record import decode_record
from creditledger.store.head import Head
from support.courts import courts
from support.drafts import (
    FIRM,
    listing_add,
)
from support.world import World, public_key

# -- heads outside -----------------------------------------------------------------------------------------------------


def head_of(log: Log, size: int) -> Head:
    return Head(size, busy_world().view.roots[size], log.notes[size])


def test_the_head_outside_agrees(tmp_path: Path) -> None:
    log = busy_log()
    for size in (1, 9, len(log.records)):
        assert log.audit(tmp_path, head=head_of(log, size)).exit_code == 0


def test_the_tail_is_cut_off(tmp_path: Path) -> None:
    """A log without its last records is a sound log: only who knew more of it can tell."""
    log = busy_log()
    head = head_of(log, len(log.records))
    del log.records[-2:]
    assert log.audit(tmp_path).exit_code == 0
    report = log.audit(tmp_path, head=head)
    only(report, "LED-HEAD")
    assert report.first_bad == len(log.records)
    due = len(log.records) + 2
    assert report.meaning == (
        f"records are missing: an older copy, or its end was cut off: {due - 2} of the {due} records signed here"
    )
    log.records[12] = changed(log.records[12], signatures=(bytes(64),))
    assert log.audit(tmp_path, head=head).meaning == "something was altered or is damaged; the first bad record is 12"


def test_another_history_than_the_head_outside(tmp_path: Path) -> None:
    world = courts()
    log = Log.of(world)
    head = Head(world.size, bytes(32), log.notes[world.size])
    only(log.audit(tmp_path, head=head), "LED-HEAD")


# -- versions ----------------------------------------------------------------------------------------------------------


def of_unknown_type(log: Log, seq: int, old: bytes = b"listing.add/1", new: bytes = b"listing.add/9") -> Log:
    """The record's acts made acts of a type that nobody knows yet, signed by their author, sealed by the operator."""
    from support.world import signing_key

    entry = decode_record(log.records[seq]).entry.replace(old, new)
    log.records[seq] = changed(log.records[seq], entry=entry, signatures=(signing_key("district").sign(entry),))
    return resealed(log, seq + 1)


def test_an_unknown_act_type_is_no_evidence(tmp_path: Path) -> None:
    log = busy_log()
    last = len(log.records) - 1
    report = of_unknown_type(log, last).audit(tmp_path)
    assert (report.exit_code, ids(report)) == (13, {"LED-VERSION"})
    assert report.findings[0].seq == last
    with pytest.raises(UnsupportedError, match=r"listing\.add/9"):
        report.raise_on_failure()


def test_nothing_is_judged_after_an_unknown_act_type(tmp_path: Path) -> None:
    """What the act changed is unknown, so that later entries of the key are not judged by it."""
    report = of_unknown_type(busy_log(), 15).audit(tmp_path)
    assert (report.exit_code, ids(report)) == (13, {"LED-VERSION"})
    assert any("from record 15 on" in one for one in report.not_checked)


def test_an_unknown_act_type_hides_no_other_alteration(tmp_path: Path) -> None:
    log = of_unknown_type(busy_log(), 15)
    log.records[16] = changed(log.records[16], signatures=(bytes(64),))
    report = resealed(log, 17).audit(tmp_path)
    assert report.exit_code == 3
    assert ids(report) == {"LED-VERSION", "LED-SIG"}


def test_an_unknown_record_version(tmp_path: Path) -> None:
    log = busy_log()
    last = len(log.records) - 1
    log.records[last] = b"\x96\x02" + log.records[last][2:]
    log.seal([last + 1])
    report = log.audit(tmp_path)
    assert (report.exit_code, ids(report)) == (13, {"LED-VERSION"})


def test_an_unknown_rule_set_in_the_founding_act(tmp_path: Path) -> None:
    world = World()
    entry = world.founding_entry(rule_set="rules-99")
    report = forced(world, entry).audit(tmp_path)
    assert (report.exit_code, ids(report)) == (13, {"LED-VERSION"})


# -- reports -----------------------------------------------------------------------------------------------------------


def test_evidence_is_raised_with_its_record(tmp_path: Path) -> None:
    log = busy_log()
    log.records[10] = changed(log.records[10], signatures=(bytes(64),))
    with pytest.raises(VerificationFailed, match="LED-SIG at record 10") as caught:
        resealed(log, 11).audit(tmp_path, raise_on_failure=True)
    assert (caught.value.finding, caught.value.seq) == ("LED-SIG", 10)


def test_many_findings_are_counted_not_listed(tmp_path: Path) -> None:
    log = busy_log()
    log.records = [changed(one, signatures=(bytes(64),) * len(decode_record(one).signatures)) for one in log.records]
    resealed(log, 1)
    report = log.audit(tmp_path)
    assert report.counts["LED-SIG"] == len(log.records)
    assert len([one for one in report.findings if one.id == "LED-SIG"]) <= 20
    assert any("more" in line for line in report.lines()) or len(log.records) <= 20


def test_the_report_as_json_is_whole(tmp_path: Path) -> None:
    import json

    log = busy_log()
    log.records[10] = changed(log.records[10], signatures=(bytes(64),))
    values = json.loads(json.dumps(resealed(log, 11).audit(tmp_path).to_json()))
    assert values["exit_code"] == 3
    assert values["first_bad"] == 10
    assert values["findings"][0]["id"] == "LED-SIG"
    assert set(values) >= {"origin", "ledger_id", "size", "root", "checked", "not_checked", "timings"}


def test_an_entry_by_a_key_before_it_was_added(tmp_path: Path) -> None:
    world = courts()
    report = forced(world, world.build("district:act:7", listing_add(FIRM), author_prev=ZERO_HASH)).audit(tmp_path)
    only(report, "LED-KEY")
    assert public_key("district:act:7").hex()[:16] in report.findings[0].message


def test_the_entry_bytes_are_what_the_author_signed() -> None:
    """The helpers of this file make what they say: a re-signed record says the same but for the change."""
    log = busy_log()
    entry = entry_of(log.records[15])
    again = entry_of(resigned(log.records[15], ["district"], not_after=entry.not_after + 1))
    assert again == entry._replace(not_after=entry.not_after + 1)
    assert encode_entry(entry) == decode_record(log.records[15]).entry
