"""Checkpoints with cosignatures and post-quantum signatures: what is asked for, forged, wrongly dated.

The logs are honest but for what a test does to them; every witness and its key is made here.
"""

from __future__ import annotations

import runpy
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.logs import ORIGIN, Log, changed, ids, log_signer
from audit.worlds import busy_log, busy_world, many_world, only, resealed
from creditledger.audit import Report, Trust, verify
from creditledger.audit.trust import CLOCK_SKEW
from creditledger.errors import CannotVerify, FormatError
from creditledger.record.record import decode_record
from creditledger.tlog.cosignature import CosignatureSigner, MlDsaSigner
from creditledger.tlog.note import Signature, Signer, format_vkey
from creditledger.tlog.policy import Policy
from support.drafts import key_revoke, listing_add, person
from support.world import key_add

ANY_TWO = "group two 2 w1 w2 w3\nquorum two\n"
LATER = 60
"""Seconds after the last record that witnesses see the log, if a test does not say otherwise."""

Witnessing = Callable[[int], Signer]
"""A witness, given the time."""


def seed(label: str) -> bytes:
    return sha256(b"key of " + label.encode()).digest()


def witness(label: str) -> Witnessing:
    return lambda time: CosignatureSigner(f"{label}.example", seed(label), lambda: time)


def lattice_witness(label: str) -> Witnessing:
    return lambda time: MlDsaSigner(f"{label}.example", seed(label), lambda: time)


@cache
def log_lattice() -> MlDsaSigner:
    """The log's own ML-DSA-44 key; it says no time."""
    return MlDsaSigner(ORIGIN, seed("log's lattice"), lambda: 0)


W1, W2, W3, STRANGER = map(witness, ("w1", "w2", "w3", "stranger"))


def policy(rule: str = ANY_TWO, **others: Witnessing) -> Policy:
    known = {"w1": W1, "w2": W2, "w3": W3, **others}
    lines = [f"witness {name} {vkey(one)}\n" for name, one in known.items()]
    return Policy.from_bytes(("".join(lines) + rule).encode())


def vkey(one: Witnessing) -> str:
    signer: Any = one(1)
    return str(signer.verifier.vkey)


def trusting(log: Log, *more_keys: str, witnesses: Policy | None = None, keys: tuple[str, ...] | None = None) -> Log:
    """The same log, audited by somebody who trusts these, too."""
    log.trust = Trust(ORIGIN, log.trust.ledger_id, (*(keys or log.trust.log_keys), *more_keys), (), witnesses)
    return log


def last_time(log: Log, size: int) -> int:
    """When the last record of the first `size` was recorded, in whole seconds, rounded up."""
    return -(-decode_record(log.records[size - 1]).recorded_at // 1_000_000)


def text_of(note: bytes) -> bytes:
    return note[: note.index(b"\n\n") + 1]


def cosign(log: Log, size: int, *witnesses: Witnessing, time: int | None = None) -> None:
    at = last_time(log, size) + LATER if time is None else time
    add(log, size, *[one(at).sign(text_of(log.notes[size])) for one in witnesses])


def add(log: Log, size: int, *lines: Signature) -> None:
    log.notes[size] += b"".join([line.to_bytes() for line in lines])


def end(log: Log) -> int:
    return len(log.records)


def says(report: Report) -> str:
    return "\n".join(report.lines())


# -- what is asked for -------------------------------------------------------------------------------------------------


def test_a_quorum_has_cosigned_the_last_checkpoint(tmp_path: Path) -> None:
    log = trusting(busy_log(), witnesses=policy())
    cosign(log, end(log), W1, W3)
    report = log.audit(tmp_path)
    assert (report.exit_code, report.sufficing) == (0, end(log))
    assert dict(report.cosigned) == dict.fromkeys(["w1", "w3"], last_time(log, end(log)) + LATER)
    text = says(report)
    assert "by w1 at 20" in text
    assert "cosignatures of witnesses: 2," in text
    assert "NOT CHECKED: cosignatures" not in text
    assert "NOT CHECKED: ML-DSA signatures" in text
    assert [one["witness"] for one in report.to_json()["cosigned"]] == ["w1", "w3"]


def test_without_witnesses_in_the_trust_file_nothing_is_said_about_them(tmp_path: Path) -> None:
    """As before there were any: foreign lines are ignored, whatever they say."""
    log = busy_log()
    cosign(log, end(log), W1)
    add(log, end(log), Signature("w2.example", W2(1).sign(text_of(log.notes[1])).key_id, bytes(72)))
    report = log.audit(tmp_path)
    assert (report.exit_code, report.sufficing, report.cosigned) == (0, None, ())
    assert "NOT CHECKED: cosignatures of witnesses" in says(report)


def test_nobody_has_cosigned(tmp_path: Path) -> None:
    report = trusting(busy_log(), witnesses=policy()).audit(tmp_path)
    assert (report.exit_code, ids(report), report.sufficing) == (4, set(), 0)
    assert len(report.unable) == 1
    assert f"records 0 to {report.size - 1}" in report.unable[0]
    assert "cosigned by nobody" in report.unable[0]
    with pytest.raises(CannotVerify, match="quorum 'two' is not met"):
        report.raise_on_failure()


def test_records_beyond_the_last_checkpoint_with_a_quorum(tmp_path: Path) -> None:
    """An older checkpoint has it: what that covers is vouched for, what came later is not."""
    log = trusting(busy_log(), witnesses=policy())
    cosign(log, end(log) - 3, W1, W2, time=last_time(log, end(log) - 3))
    cosign(log, end(log), W2)
    report = log.audit(tmp_path)
    assert (report.exit_code, ids(report), report.sufficing) == (4, set(), end(log) - 3)
    assert f"records {end(log) - 3} to {end(log) - 1}" in report.unable[0]
    assert "cosigned by 'w2'" in report.unable[0]
    assert [name for name, _ in report.cosigned] == ["w1", "w2"]


def test_the_quorum_of_none_asks_for_nobody_but_looks_at_who_signed(tmp_path: Path) -> None:
    log = trusting(busy_log(), witnesses=policy("quorum none\n"))
    assert log.audit(tmp_path).exit_code == 0
    add(log, end(log), forged(W1, log, end(log)))
    only(log.audit(tmp_path), "LED-CKPT", "LED-UNSEALED")


def test_which_sets_of_witnesses_suffice(tmp_path: Path) -> None:
    """Every subset, against the rule counted by hand."""
    known = {"w1": W1, "w2": W2, "w3": W3}
    for number in range(4):
        for names in combinations(known, number):
            log = trusting(busy_log(), witnesses=policy())
            cosign(log, end(log), *[known[name] for name in names])
            assert log.audit(tmp_path).exit_code == (0 if number >= 2 else 4), names


def test_witnesses_with_post_quantum_keys(tmp_path: Path) -> None:
    rule = "group both all w1 lattice\nquorum both\n"
    log = trusting(busy_log(), witnesses=policy(rule, lattice=lattice_witness("lattice")))
    cosign(log, end(log), W1)
    assert log.audit(tmp_path).exit_code == 4
    cosign(log, end(log), lattice_witness("lattice"))
    report = log.audit(tmp_path)
    assert report.exit_code == 0
    assert "ML-DSA signatures: 1" in says(report)


def test_checkpoints_in_many_ranges(tmp_path: Path) -> None:
    """What is known of cosignatures passes from range to range, and from workers to the whole."""
    log = trusting(Log.of(many_world(), sizes=range(1, 2000, 7)), witnesses=policy())
    log.seal([end(log)])
    some = sorted(log.notes)[::9]
    for size in some:
        cosign(log, size, W1, W2, time=last_time(log, size))
    for jobs in (0, 2):
        report = log.audit(tmp_path, jobs=jobs)
        assert (report.sufficing, ids(report)) == (some[-1], set()), says(report)
        assert report.exit_code == (0 if some[-1] == end(log) else 4)
        assert f"cosignatures of witnesses: {2 * len(some)}," in says(report)


# -- the log's own post-quantum signature ------------------------------------------------------------------------------


def test_the_post_quantum_signature_is_there_or_stripped(tmp_path: Path) -> None:
    log = trusting(busy_log(), log_lattice().verifier.vkey)
    signature = log_lattice().sign(text_of(log.notes[end(log)]))
    report = log.audit(tmp_path)
    assert (report.exit_code, ids(report)) == (4, set())
    assert "lacks the ML-DSA-44 signature of the log" in report.unable[0]
    add(log, end(log), signature)
    report = log.audit(tmp_path)
    assert (report.exit_code, report.sufficing) == (0, end(log))
    assert "NOT CHECKED: ML-DSA" not in says(report)
    assert "NOT CHECKED: cosignatures" in says(report)


def test_a_post_quantum_signature_that_is_wrong(tmp_path: Path) -> None:
    log = trusting(busy_log(), log_lattice().verifier.vkey)
    other = log_lattice().sign(text_of(log.notes[end(log) - 1]))
    add(log, end(log), other)
    only(log.audit(tmp_path), "LED-CKPT", "LED-UNSEALED")


def test_a_checkpoint_that_only_the_post_quantum_key_signed(tmp_path: Path) -> None:
    """Whoever reads type 01 alone could not check it, so a log does not sign like that."""
    log = trusting(busy_log(), log_lattice().verifier.vkey)
    text = text_of(log.notes[end(log)])
    log.notes[end(log)] = text + b"\n" + log_lattice().sign(text).to_bytes()
    report = log.audit(tmp_path)
    assert report.exit_code == 3
    assert ids(report) == {"LED-CKPT", "LED-UNSEALED"}
    assert any("not signed by an Ed25519 key of the log" in one.message for one in report.findings)


def test_a_checkpoint_that_only_witnesses_signed(tmp_path: Path) -> None:
    log = trusting(busy_log(), witnesses=policy())
    text = text_of(log.notes[end(log)])
    lines = [one(last_time(log, end(log))).sign(text).to_bytes() for one in (W1, W2)]
    log.notes[end(log)] = text + b"\n" + b"".join(lines)
    assert ids(log.audit(tmp_path)) == {"LED-CKPT", "LED-UNSEALED"}


# -- forged and moved cosignatures -------------------------------------------------------------------------------------


def forged(one: Witnessing, log: Log, size: int) -> Signature:
    """A line with the name and key id of a witness, that the witness did not sign."""
    real = one(last_time(log, size)).sign(text_of(log.notes[size]))
    return Signature(real.name, real.key_id, real.signature[:-1] + bytes([real.signature[-1] ^ 1]))


def with_time(line: Signature, time: int) -> Signature:
    return Signature(line.name, line.key_id, time.to_bytes(8, "big") + line.signature[8:])


WRONG: dict[str, Callable[[Log, int], Signature]] = {
    "a signature that nobody made": lambda log, size: forged(W1, log, size),
    "one moved from an older checkpoint": lambda log, size: W1(1).sign(text_of(log.notes[size - 1])),
    "another time than was signed": lambda log, size: with_time(
        W1(last_time(log, size)).sign(text_of(log.notes[size])), last_time(log, size) + 1
    ),
    "timestamp 0": lambda log, size: with_time(W1(1).sign(text_of(log.notes[size])), 0),
    "a timestamp beyond 2^63": lambda log, size: with_time(W1(1).sign(text_of(log.notes[size])), 2**63),
    "signed by another witness": lambda log, size: Signature(
        "w1.example", W1(1).sign(text_of(log.notes[size])).key_id, W2(1).sign(text_of(log.notes[size])).signature
    ),
    "the log's own signature as a witness's": lambda log, size: Signature(
        "w1.example", W1(1).sign(text_of(log.notes[size])).key_id, log_signer().sign(text_of(log.notes[size])).signature
    ),
    "no signature, only a time": lambda log, size: Signature(
        "w1.example", W1(1).sign(text_of(log.notes[size])).key_id, bytes(8)
    ),
}


@pytest.mark.parametrize("attack", WRONG)
def test_a_wrong_cosignature_by_a_known_witness_is_evidence(attack: str, tmp_path: Path) -> None:
    log = trusting(busy_log(), witnesses=policy())
    cosign(log, end(log), W2, W3)
    assert log.audit(tmp_path).exit_code == 0
    add(log, end(log), WRONG[attack](log, end(log)))
    report = log.audit(tmp_path)
    assert report.exit_code == 3
    assert report.counts["LED-CKPT"] == 1


def test_old_cosignatures_replayed_onto_a_new_checkpoint(tmp_path: Path) -> None:
    log = trusting(busy_log(), witnesses=policy())
    cosign(log, end(log) - 1, W1, W2, time=last_time(log, end(log) - 1))
    log.notes[end(log)] += log.notes[end(log) - 1].partition(b"\n\n")[2].partition(b"\n")[2]
    report = log.audit(tmp_path)
    assert report.exit_code == 3
    assert report.counts["LED-CKPT"] == 1


def test_cosignatures_of_strangers_do_not_count(tmp_path: Path) -> None:
    log = trusting(busy_log(), witnesses=policy())
    cosign(log, end(log), W1, STRANGER)
    assert log.audit(tmp_path).exit_code == 4
    impostor = CosignatureSigner("w2.example", seed("stranger"), lambda: last_time(log, end(log)))
    add(log, end(log), impostor.sign(text_of(log.notes[end(log)])))
    assert log.audit(tmp_path).exit_code == 4


def test_one_witness_twice_on_a_checkpoint(tmp_path: Path) -> None:
    log = trusting(busy_log(), witnesses=policy())
    cosign(log, end(log), W1, W1)
    assert "LED-CKPT" in ids(log.audit(tmp_path))


def test_a_checkpoint_that_was_not_reached_with_witnesses_is_still_beyond_the_log(tmp_path: Path) -> None:
    """Whoever cuts the log shows a head that log and witnesses signed, but not its records."""
    log = trusting(busy_log(), witnesses=policy())
    cosign(log, end(log), W1, W2)
    ledger = log.store(tmp_path / "ledger")
    cut = trusting(busy_log(), witnesses=policy())
    del cut.records[-2:]
    cut.notes = {size: note for size, note in log.notes.items() if size <= end(cut)} | {end(log): log.notes[end(log)]}
    stored = cut.store(tmp_path / "cut")
    assert verify(ledger, trust=log.trust).exit_code == 0
    only(verify(stored, trust=log.trust, raise_on_failure=False), "LED-HEAD")


# -- time --------------------------------------------------------------------------------------------------------------


def dated(log: Log, start: int, shift: int) -> Log:
    """The records from `start` on dated later by so many seconds, and sealed anew."""
    for seq in range(start, end(log)):
        at = decode_record(log.records[seq]).recorded_at
        log.records[seq] = changed(log.records[seq], recorded_at=at + shift * 1_000_000)
    return resealed(log, start)


@pytest.mark.parametrize(("late", "found"), [(0, set()), (1, {"LED-TIME"})])
def test_a_record_dated_after_a_witness_saw_it(late: int, found: set[str], tmp_path: Path) -> None:
    """To the second: so much is allowed for the clocks, and no more."""
    log = trusting(busy_log(), witnesses=policy())
    last = decode_record(log.records[-1]).recorded_at // 1_000_000
    log.records[-1] = changed(log.records[-1], recorded_at=last * 1_000_000)
    resealed(log, end(log) - 1)
    cosign(log, end(log), W1, W2, time=last - CLOCK_SKEW - late)
    report = log.audit(tmp_path)
    assert ids(report) == found
    if found:
        assert (report.exit_code, report.first_bad) == (3, end(log) - 1)
        assert "dated later than the cosignature of witness w1" in report.findings[0].message


@pytest.mark.parametrize(("early", "found"), [(0, set()), (1, {"LED-TIME"})])
@pytest.mark.parametrize("seq", [10, 512])
def test_a_record_dated_before_a_witness_saw_the_log_without_it(
    early: int, found: set[str], seq: int, tmp_path: Path
) -> None:
    """Within a range of records, and where a range begins."""
    log = trusting(Log.of(many_world()), witnesses=policy())
    at = decode_record(log.records[seq]).recorded_at // 1_000_000
    log.records[seq] = changed(log.records[seq], recorded_at=at * 1_000_000)
    resealed(log, seq)
    cosign(log, seq, W1, time=at + CLOCK_SKEW + early)
    cosign(log, end(log), W1, W2)
    report = log.audit(tmp_path)
    assert ids(report) == found, says(report)
    if found:
        assert report.first_bad == seq
        assert "dated earlier than the cosignature of witness w1" in report.findings[0].message


def test_a_witness_that_states_a_time_beyond_every_calendar(tmp_path: Path) -> None:
    log = trusting(busy_log(), witnesses=policy())
    cosign(log, end(log) - 1, W1, time=2**63 - 1)
    cosign(log, end(log), W1, W2)
    report = log.audit(tmp_path)
    only(report, "LED-TIME")
    assert "s after the beginning of 1970" in report.findings[0].expected
    assert says(report)


def test_times_of_strangers_bind_nobody(tmp_path: Path) -> None:
    log = trusting(busy_log(), witnesses=policy())
    cosign(log, end(log) - 1, STRANGER, time=1)
    cosign(log, end(log), W1, W2)
    assert log.audit(tmp_path).exit_code == 0


@settings(max_examples=25, deadline=None)
@given(
    seen=st.lists(st.tuples(st.integers(1, 40), st.sampled_from([W1, W2]), st.integers(-900, 900)), max_size=6),
    jobs=st.sampled_from([0, 0, 0, 1]),
)
def test_times_against_a_naive_model(
    seen: list[tuple[int, Witnessing, int]], jobs: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The records that are found are those that break one of the two inequalities, spelt out for every pair."""
    log = trusting(busy_log(), witnesses=policy("quorum none\n"))
    times = [decode_record(one).recorded_at for one in log.records]
    due: set[int] = set()
    stated: dict[tuple[int, int], int] = {}
    for number, one, shift in seen:
        size = 1 + number % end(log)
        if (size, id(one)) in stated:
            continue
        time = stated[size, id(one)] = max(times[size - 1] // 1_000_000 + shift, 1)
        cosign(log, size, one, time=time)
        if times[size - 1] > (time + CLOCK_SKEW) * 1_000_000:
            due.add(size - 1)
        if size < end(log) and times[size] < (time - CLOCK_SKEW) * 1_000_000:
            due.add(size)
    report = log.audit(tmp_path_factory.mktemp("times"), jobs=jobs)
    assert {one.seq for one in report.findings if one.id == "LED-TIME"} == due
    assert ids(report) == ({"LED-TIME"} if due else set())


# -- rotation of log keys ----------------------------------------------------------------------------------------------


NEW = "root:log:2"


def rotated() -> tuple[Log, int]:
    """A log whose operator has registered another log key and revoked the first, and the size from which that signs."""
    world = busy_world()
    world.append("root", key_add(NEW))
    world.append("root", key_revoke("root:log"))
    size = world.size
    world.append("district", listing_add(person(900)))
    log = Log.of(world, range(1, size + 1))
    log.seal([world.size], log_signer(NEW))
    return trusting(log, witnesses=policy()), size


@pytest.mark.parametrize(
    ("labels", "code"), [(["root:log"], 3), ([NEW], 3), (["root:log", NEW], 0)], ids=["old", "new", "both"]
)
def test_a_log_key_that_was_replaced(labels: list[str], code: int, tmp_path: Path) -> None:
    """Who knows only one of the two keys finds checkpoints that nobody he trusts has signed."""
    log, _ = rotated()
    cosign(log, end(log), W1, W2)
    trusting(log, keys=tuple(log_signer(one).verifier.vkey for one in labels), witnesses=policy())
    report = log.audit(tmp_path)
    assert report.exit_code == code, says(report)
    assert ("LED-CKPT" in ids(report)) == (code == 3)


def test_the_post_quantum_key_that_was_replaced(tmp_path: Path) -> None:
    """One of those that are named suffices; the one that is named alone is required."""
    second = MlDsaSigner(ORIGIN, seed("another lattice"), lambda: 0)
    first, log = log_lattice(), busy_log()
    add(log, end(log), second.sign(text_of(log.notes[end(log)])))
    for keys, code in (((first,), 4), ((second,), 0), ((first, second), 0)):
        assert trusting(busy_log(), *(key.verifier.vkey for key in keys)).audit(tmp_path).exit_code == 4
        trusting(log, *(key.verifier.vkey for key in keys), keys=(log_signer().verifier.vkey,))
        assert log.audit(tmp_path).exit_code == code


# -- the verifier that knows no witnesses ------------------------------------------------------------------------------


def exit_of_the_tool(log: Log, path: Path, capsys: pytest.CaptureFixture[str]) -> int:
    """The verdict of the verifier in tools/, which says what it does not look at."""
    (path / "export").write_bytes(log.export())
    (path / "trust").write_text(log.trust.to_text())
    code = tool()["main"]([str(path / "export"), "--trust", str(path / "trust")])
    printed = capsys.readouterr().out
    assert "NOT CHECKED" in printed
    assert "witnesses that the trust file names" in printed
    assert "ML-DSA-44 signatures" in printed
    return int(code)


@cache
def tool() -> dict[str, Any]:
    return runpy.run_path(str(Path(__file__).parents[2] / "tools" / "verify_ledger.py"))


def test_both_verifiers_agree_on_what_the_log_key_signed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is missing or wrong about witnesses the tool does not see; what concerns the log, both do."""
    log = trusting(busy_log(), log_lattice().verifier.vkey, witnesses=policy())
    assert (exit_of_the_tool(log, tmp_path, capsys), log.audit(tmp_path).exit_code) == (0, 4)
    add(log, end(log), log_lattice().sign(text_of(log.notes[end(log)])))
    cosign(log, end(log), W1, W2)
    assert (exit_of_the_tool(log, tmp_path, capsys), log.audit(tmp_path).exit_code) == (0, 0)
    honest = dict(log.notes)
    add(log, end(log), forged(W3, log, end(log)))
    assert (exit_of_the_tool(log, tmp_path, capsys), log.audit(tmp_path).exit_code) == (0, 3)
    log.notes = honest | {end(log): honest[end(log)].replace(b"\n\n", b"\n\n" + _wrong_line_of_the_log(log))}
    assert (exit_of_the_tool(log, tmp_path, capsys), log.audit(tmp_path).exit_code) == (3, 3)
    log.notes = honest
    log.records[-2] = changed(log.records[-2], signatures=(bytes(64),))
    resealed(log, end(log) - 2)
    assert (exit_of_the_tool(log, tmp_path, capsys), log.audit(tmp_path).exit_code) == (3, 3)


def _wrong_line_of_the_log(log: Log) -> bytes:
    return log_signer().sign(text_of(log.notes[1])).to_bytes()


# -- one witness under two names ---------------------------------------------------------------------------------------


def test_one_witness_under_two_names() -> None:
    """Neither in the policy nor as a log key may one key count twice."""
    again = format_vkey("w9.example", 4, CosignatureSigner("w1.example", seed("w1"), lambda: 1).verifier.public_key)
    with pytest.raises(FormatError, match="same public key"):
        Policy.from_bytes(f"witness a {vkey(W1)}\nwitness b {again}\ngroup g all a b\nquorum g\n".encode())
    log = busy_log()
    own = format_vkey("w.example", 4, log_signer().verifier.public_key)
    with pytest.raises(FormatError, match="a key has one role"):
        trusting(log, witnesses=Policy.from_bytes(f"witness a {own}\nquorum a\n".encode()))
    lattice = log_lattice().verifier.vkey
    with pytest.raises(FormatError, match="a key has one role"):
        trusting(log, lattice, witnesses=Policy.from_bytes(f"witness a {lattice}\nquorum a\n".encode()))
