"""What is of a version not known here is never evidence by itself, and never hides any: 13 against 3."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from audit.logs import ORIGIN, Log, entry_of, ids, log_signer, trust_in
from audit.worlds import busy_world, many_world
from creditledger.acts.catalogue import RulesActivate
from creditledger.acts.content import commit
from creditledger.acts.kinds import Commitment
from creditledger.audit import Trust, planning
from creditledger.codec.canonical import encode
from creditledger.codec.own import restore
from creditledger.record.record import Record, decode_record, encode_record
from creditledger.tlog.tree import leaf_hash
from support.courts import courts
from support.drafts import listing_add, person
from support.world import signing_key

Change = Callable[[list[Any]], Any]
UNKNOWN = ("listing.add/2", "defaulters")


def with_acts(*acts: Any) -> Change:
    return lambda entry: entry.__setitem__(9, tuple(acts))


def with_field(place: int, value: Any) -> Change:
    return lambda entry: entry.__setitem__(place, value)


def nothing(_entry: list[Any]) -> None:
    return


def built(*changes: Change, sign: bool = True, version: int = 1) -> Log:
    """The busy log, its last records replaced by such entries, chained and sealed by the log key.

    With `sign`, the authors sign what was changed; the first of the records may be of another version.
    """
    log = Log.of(busy_world())
    first = len(log.records) - len(changes)
    for seq, change in enumerate(changes, first):
        record = decode_record(log.records[seq])
        entry = list(restore(record.entry))
        change(entry)
        data = encode(tuple(entry))
        signatures = (signing_key("district").sign(data),) if sign else record.signatures
        new = encode_record(Record(seq, record.recorded_at, leaf_hash(log.records[seq - 1]), data, signatures))
        log.records[seq] = b"\x96" + bytes([version]) + new[2:] if seq == first else new
    log.notes.clear()
    log.seal(range(1, len(log.records) + 1))
    return log


UNKNOWN_ALONE: dict[str, Log] = {
    "an act type": built(with_acts(UNKNOWN)),
    "an act type, and acts that nobody can judge": built(with_acts(UNKNOWN), with_field(2, "nobody"), nothing),
    "a version of the entry": built(with_field(0, "creditledger/entry/v2")),
    "a version of the record": built(nothing, version=2),
    "a version of the record, then another chain": built(nothing, with_field(4, 7), version=2),
}


@pytest.mark.parametrize("log", UNKNOWN_ALONE.values(), ids=UNKNOWN_ALONE)
def test_what_is_unknown_is_no_evidence(log: Log, tmp_path: Path) -> None:
    report = log.audit(tmp_path)
    assert (report.exit_code, ids(report)) == (13, {"LED-VERSION"}), list(report.lines())
    assert any("keys and rules from record" in one for one in report.not_checked)


HIDDEN: dict[str, tuple[str, int, Log]] = {
    "a signature under it": ("LED-SIG", 20, built(with_acts(UNKNOWN), sign=False)),
    "a signature behind it": ("LED-SIG", 20, built(nothing, with_acts(UNKNOWN), sign=False)),
    "its expiry": ("LED-TIME", 20, built(lambda entry: entry.__setitem__(slice(7, 10), (1, None, (UNKNOWN,))))),
    "an expiry behind it": ("LED-TIME", 20, built(with_acts(UNKNOWN), with_field(7, 1))),
    "another ledger": ("LED-LEDGER", 20, built(with_acts(UNKNOWN), with_field(1, bytes(32)))),
    "another tree": ("LED-SEEN", 20, built(with_acts(UNKNOWN), with_field(8, (4, bytes(32))))),
    "more seen than there is": ("LED-SEEN", 20, built(nothing, with_field(8, (99, bytes(32))), version=2)),
    "another tree under it": ("LED-SEEN", 20, built(
        lambda entry: entry.__setitem__(slice(8, 10), ((4, bytes(32)), (UNKNOWN,))),
    )),
    "a malformed record": ("LED-ENC", 20, built(with_acts(UNKNOWN), with_acts(("list.open/1",)))),
    "a malformed act beside it": ("LED-ENC", 20, built(with_acts(UNKNOWN, ("list.open/1",)))),
}  # fmt: skip


@pytest.mark.parametrize(("name", "seq", "log"), HIDDEN.values(), ids=HIDDEN)
def test_what_is_unknown_hides_nothing(name: str, seq: int, log: Log, tmp_path: Path) -> None:
    report = log.audit(tmp_path)
    assert report.exit_code == 3, list(report.lines())
    assert name in ids(report) <= {name, "LED-VERSION"}
    assert report.first_bad == seq


@pytest.mark.parametrize(("last", "code"), [(20, 3), (21, 13)])
def test_a_checkpoint_by_a_key_that_is_no_log_key(last: int, code: int, tmp_path: Path) -> None:
    """One before the unknown record is held against the register; of one that covers it nobody knows."""
    log = built(with_acts(UNKNOWN))
    assert len(log.records) == 21
    stranger = log_signer("a stranger's")
    log.trust = Trust(ORIGIN, log.trust.ledger_id, (log_signer().verifier.vkey, stranger.verifier.vkey))
    log.seal([last], signer=stranger)
    report = log.audit(tmp_path)
    assert report.exit_code == code, list(report.lines())
    assert ids(report) == {"LED-VERSION"} | ({"LED-KEY"} if code == 3 else set())


def test_a_time_before_that_of_the_record_before_an_unknown_one(tmp_path: Path) -> None:
    log = built(nothing, nothing, version=2)
    record = decode_record(log.records[20])
    log.records[20] = encode_record(record._replace(recorded_at=decode_record(log.records[18]).recorded_at - 1))
    log.notes.clear()
    log.seal([21])
    assert ids(log.audit(tmp_path)) == {"LED-TIME", "LED-VERSION"}


def test_what_is_unknown_hides_nothing_in_later_ranges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "MAX_RANGE", 256)
    log = Log.of(many_world(), [])
    for seq, field, value in ((100, 9, (UNKNOWN,)), (400, 7, 1), (500, 1, bytes(32)), (600, 8, (9, bytes(32)))):
        record = decode_record(log.records[seq])
        entry = list(restore(record.entry))
        entry[field] = value
        label = {"district": "district:act:2"}.get(entry[2], entry[2])
        data = encode(tuple(entry))
        log.records[seq] = encode_record(record._replace(entry=data, signatures=(signing_key(label).sign(data),)))
    log.relink(1)
    log.seal([len(log.records)])
    found = {(one.id, one.seq) for one in log.audit(tmp_path).findings}
    assert {("LED-VERSION", 100), ("LED-TIME", 400), ("LED-LEDGER", 500), ("LED-SEEN", 600)} <= found


def test_a_rule_set_that_is_not_known(tmp_path: Path) -> None:
    """Its activation is unsupported, as is what follows; what root may not do remains what it is."""
    unknown = RulesActivate("rules-2", bytes(32))
    for acts, code in (
        ((unknown,), 13),
        ((unknown, listing_add(person(5))), 13),
        ((listing_add(person(5)), unknown), 3),
        ((RulesActivate("rules-1", bytes(32)),), 3),
    ):
        world = courts()
        log = Log.of(world)
        log.records.append(world.record_of(world.seal(world.build("root", *acts))))
        log.seal([len(log.records)])
        log.trust = trust_in(log.records)
        report = log.audit(tmp_path)
        assert report.exit_code == code, list(report.lines())
        assert ids(report) == {"LED-VERSION" if code == 13 else "LED-RULE"}


def test_content_of_acts_behind_it_is_no_evidence(tmp_path: Path) -> None:
    nonce, text = bytes(32), b"He hid the car."
    act = listing_add(person(70), content=(Commitment("reasons", commit(nonce, text)),))
    world = busy_world()
    world.append("district", act)
    log = Log.of(world)
    item = ("defaulters", tuple(act.subject), commit(nonce, text), nonce, text)
    log.items.append(encode(item))
    assert log.audit(tmp_path).exit_code == 0
    entry = entry_of(log.records[-2])
    raw = list(restore(decode_record(log.records[-2]).entry))
    raw[9] = (UNKNOWN,)
    data = encode(tuple(raw))
    assert entry.authority == "district"
    log.records[-2] = encode_record(
        decode_record(log.records[-2])._replace(entry=data, signatures=(signing_key("district").sign(data),))
    )
    log.relink(len(log.records) - 1)
    log.notes.clear()
    log.seal(range(1, len(log.records) + 1))
    report = log.audit(tmp_path)
    assert (report.exit_code, ids(report)) == (13, {"LED-VERSION"}), list(report.lines())
    log.items[0] = encode((*item[:4], b"She hid the car."))
    assert log.audit(tmp_path).exit_code == 3
