"""Attacks on the records of an export file; each is found, at the record concerned, by the check that is meant for it.

The attacker holds what each test says: nothing, a signing key, the log key. Whoever holds the log key seals what was
altered anew, so that only what the authors signed, and the rules, can give it away.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from audit.logs import ORIGIN, Log, changed, entry_of, ids, log_signer, resigned, trust_in
from creditledger.audit import Report, Trust
from creditledger.errors import CannotVerify, UnsupportedError, VerificationFailed
from creditledger.record.entry import ZERO_HASH, Entry, encode_entry
from creditledger.record.record import decode_record
from creditledger.store.head import Head
from creditledger.tlog.tree import leaf_hash
from support.attacks import ATTACKS, Attack
from support.courts import courts
from support.drafts import (
    FIRM,
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
from support.world import World, key_add, public_key


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


def resealed(log: Log, start: int) -> Log:
    log.relink(start)
    log.notes.clear()
    log.seal(range(1, len(log.records) + 1))
    return log


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
    only(report, "LED-ENC")
    assert report.first_bad == last


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


# -- with an author's key: entries that the rules refuse are recorded all the same -------------------------------------


def forced(world: World, entry: Entry) -> Log:
    """The log of a world with an entry recorded at its end that the rules would refuse."""
    log = Log.of(world)
    log.records.append(world.record_of(world.seal(entry)))
    log.seal([len(log.records)])
    log.trust = trust_in(log.records)
    return log


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
