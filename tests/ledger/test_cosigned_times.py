"""Clocks that are wrong, and witnesses that lie about the time: whatever is recorded and kept passes every audit."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from creditledger.audit.auditor import verify
from creditledger.audit.trust import CLOCK_SKEW, Trust
from creditledger.errors import StoreError
from creditledger.ledger.ledger import Ledger
from creditledger.ledger.log import seq_key
from creditledger.receipts import check, make
from creditledger.tlog.cosignature import CosignatureSigner
from creditledger.tlog.note import Signature
from creditledger.witness import MAX_CLOCK_SKEW, MAX_TIME_APART
from ledger.cosigned import LOG_KEY, change_log, names, open_with
from support.registry import ORIGIN, Registry, listing, signer
from support.witness import FakeWitness, Now, copied, policy_of, witnesses

COURT = signer("court")


class Askew(Now):
    """A clock that is wrong by so many seconds."""

    wrong_by = 0.0

    def __call__(self) -> int:
        return super().__call__() + int(self.wrong_by * 1_000_000)


@pytest.fixture
def clock(registry: Registry) -> Askew:
    """The clock of the registry, to be set wrong."""
    registry.clock = Askew()
    return registry.clock


@pytest.fixture(scope="module")
def patient() -> Iterator[FakeWitness]:
    with witnesses("witness.example/patient") as (found,):
        yield found


@pytest.fixture
def one(three: list[FakeWitness]) -> FakeWitness:
    return three[0]


@pytest.fixture(scope="module")
def founded_long_ago(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("long-ago")
    made, made.clock = Registry(place), Askew()
    made.clock.wrong_by = -3600
    made.create().close()
    return place


@pytest.fixture
def idle(founded_long_ago: Path, tmp_path: Path) -> Registry:
    """One whose newest record is an hour old, so that it says little about the time."""
    return copied(founded_long_ago, tmp_path / "idle")


def trust_in(ledger: Ledger, *several: FakeWitness) -> Trust:
    return Trust(ORIGIN, ledger.ledger_id, (LOG_KEY.vkey,), (), policy_of(*several).without_urls())


def audited(registry: Registry, *several: FakeWitness) -> int:
    """The exit code of an audit that knows the witnesses, whose times then bind: 3 if any of them is contradicted."""
    with registry.read() as ledger:
        trust = trust_in(ledger, *several)
    return verify(registry.directory, trust=trust, raise_on_failure=False, jobs=1).exit_code


def off(one: FakeWitness, seconds: float) -> None:
    """From here on, its clock is wrong by so much."""
    one.time = lambda: time.time() + seconds


def test_what_is_kept_is_what_audits_allow() -> None:
    assert MAX_TIME_APART < MAX_CLOCK_SKEW == CLOCK_SKEW


def test_a_record_that_was_dated_ahead_is_not_cosigned_before_its_time_has_come(
    registry: Registry, clock: Askew, one: FakeWitness
) -> None:
    """The clock was ten minutes ahead at one append, and has been set right since."""
    with open_with(registry, policy_of(one)) as ledger:
        clock.wrong_by = 600
        ahead = ledger.append(listing(1), signer=COURT)
        clock.wrong_by = 0
        done = ledger.cosign(2.0)
        assert names(done.signatures) == [ORIGIN]
        (asked,) = done.asked
        assert asked.signatures == ()
        assert "this machine's clock was ahead" in asked.problem
        assert "cosignature can be had" in asked.problem
    assert audited(registry, one) == 4, "nobody has cosigned it yet, and nothing worse"
    with open_with(registry, policy_of(one)) as ledger:
        assert ledger.append(listing(2), signer=COURT).recorded_at == ahead.recorded_at
        assert ledger.cosign(2.0).asked[0].signatures == ()
    assert audited(registry, one) == 4


@pytest.mark.parametrize(("ahead", "kept"), [(410, True), (440, False)])
def test_the_bound_is_that_of_the_audit(
    registry: Registry, clock: Askew, one: FakeWitness, ahead: int, kept: bool
) -> None:
    off(one, 118)
    with open_with(registry, policy_of(one)) as ledger:
        clock.wrong_by = ahead
        receipt = ledger.append(listing(1), signer=COURT)
        clock.wrong_by = 0
        assert bool(ledger.cosign(2.0).asked[0].signatures) is kept
        if kept:
            proof = make.prove(ledger, receipt)
            assert check.check(proof, trust_in(ledger, one), raise_on_failure=False).exit_code == 0
    assert audited(registry, one) == (0 if kept else 4)


@pytest.mark.parametrize("wrong_by", [299.5, -299.9, 125, -125])
def test_a_witness_that_lies_about_the_time_spoils_no_audit_and_no_receipt(
    registry: Registry, clock: Askew, three: list[FakeWitness], wrong_by: float
) -> None:
    liar, *honest = three
    off(liar, wrong_by)
    with open_with(registry, policy_of(*three, threshold=2)) as ledger:
        receipt = ledger.append(listing(1), signer=COURT)
        done = ledger.cosign(2.0)
        assert [bool(one.signatures) for one in done.asked] == [False, True, True]
        proof = make.prove(ledger, receipt)
        clock.wrong_by = -150  # A clock that is set back a little is no reason to stop.
        ledger.append(listing(2), signer=COURT)
        assert check.check(proof, trust_in(ledger, *three), raise_on_failure=False).exit_code in (0, 4)
        assert check.check(proof, trust_in(ledger, *honest), raise_on_failure=False).exit_code == 0
    assert audited(registry, *three) == 4
    assert audited(registry, *honest) == 4, "the newest record is not cosigned yet"


def test_nothing_is_recorded_that_is_dated_before_what_was_cosigned_without_it(
    idle: Registry, one: FakeWitness
) -> None:
    """The clock fell behind; that is told whether the ledger was open by then or is opened anew."""
    registry, clock = idle, Askew()
    registry.clock = clock
    with open_with(registry, policy_of(one)) as ledger:
        off(one, 119)
        assert ledger.cosign(2.0).quorum_problem == ""
        size = ledger.size
        clock.wrong_by = -190
        with pytest.raises(StoreError, match="clock is behind the witnesses"):
            ledger.append(listing(1), signer=COURT)
        clock.wrong_by = 0
    # The newest record is as old as the registry; only the cosignature says that it is later than the clock here.
    with open_with(registry, policy_of(one)) as ledger:
        for _ in range(2):
            clock.wrong_by = -190
            with pytest.raises(StoreError, match="clock is behind the witnesses"):
                ledger.append(listing(1), signer=COURT)
            with pytest.raises(StoreError, match="set it right"), ledger.trial():
                pass
            assert ledger.size == size
            clock.wrong_by = -170
            with ledger.trial():
                pass
            clock.wrong_by = -190
    clock.wrong_by = -190
    with open_with(registry, policy_of(one)) as ledger:
        with pytest.raises(StoreError, match="clock is behind the witnesses"):
            ledger.append(listing(1), signer=COURT)
        clock.wrong_by = 0
        first = ledger.append(listing(1), signer=COURT)
        clock.wrong_by = -190
        again = ledger.append(listing(2), signer=COURT)
        assert again.recorded_at == first.recorded_at, "a record is never dated before the one before it"
    assert audited(registry, one) == 4


def test_a_cosignature_that_comes_when_the_log_has_gone_on_with_an_earlier_date_is_not_kept(
    idle: Registry, one: FakeWitness
) -> None:
    """The witness took its time, and the clock was wrong when somebody else appended meanwhile."""
    registry, clock = idle, Askew()
    registry.clock = clock
    with open_with(registry, policy_of(one)) as ledger:

        def meanwhile(_: bytes) -> None:
            one.before_answer = lambda _: None
            clock.wrong_by = -400
            ledger.append(listing(1), signer=COURT)
            clock.wrong_by = 0

        one.before_answer = meanwhile
        (asked,) = ledger.cosign(5.0).asked
        assert (asked.signatures, "was recorded before it came" in asked.problem) == ((), True)
    assert audited(registry, one) == 4
    with open_with(registry, policy_of(one)) as ledger:
        assert ledger.cosign(2.0).quorum_problem == ""
    assert audited(registry, one) == 0


def test_the_time_of_somebody_who_is_not_a_witness_of_the_policy_stops_nobody(idle: Registry, one: FakeWitness) -> None:
    """Whoever can write to the directory, and has no key, adds a line in the name of the witness, and a stranger's."""
    with idle.read() as ledger:
        size, note = ledger.log.checkpoint() or (0, b"")
    text = note[: note.rindex(b"\n\n") + 1]
    later = int(time.time()) + 10_000
    stranger = CosignatureSigner("witness.example/stranger", bytes(32), lambda: later).sign(text)
    forged = one.signer.sign(text)
    forged = Signature(forged.name, forged.key_id, later.to_bytes(8, "big") + forged.signature[8:])
    change_log(idle, "checkpoint", seq_key(size), note + stranger.to_bytes() + forged.to_bytes())
    with open_with(idle, policy_of(one)) as ledger:
        ledger.append(listing(1), signer=COURT)


@settings(max_examples=10, deadline=None)
@example(steps=[("clock", 700), "append", ("clock", 0), ("cosign", 0)])
@example(steps=[("cosign", 310), ("clock", -100), "append"])
@example(steps=[("cosign", 119), "open", ("clock", -190), "append", ("clock", 0), ("cosign", 119)])
@given(
    steps=st.lists(
        st.one_of(
            st.just("append"),
            st.just("open"),
            st.tuples(st.just("clock"), st.sampled_from([-700, -310, -190, -100, 0, 100, 310, 700])),
            st.tuples(st.just("cosign"), st.sampled_from([-310, -119, 0, 119, 310])),
        ),
        min_size=2, max_size=10,
    )
)  # fmt: skip
def test_whatever_the_clocks_do_no_audit_finds_fault_with_what_was_kept(
    steps: list[str | tuple[str, int]], founded_long_ago: Path, patient: FakeWitness
) -> None:
    patient.seen.clear()
    with TemporaryDirectory() as place:
        registry = copied(founded_long_ago, Path(place) / "here")
        registry.clock = clock = Askew()
        ledger = open_with(registry, policy_of(patient))
        try:
            for step in steps:
                if step == "open":
                    ledger.close()
                    ledger = open_with(registry, policy_of(patient))
                elif step == "append":
                    with suppress(StoreError):
                        ledger.append(listing(ledger.size), signer=COURT)
                elif step[0] == "clock":
                    clock.wrong_by = float(step[1])
                else:
                    off(patient, float(step[1]))
                    ledger.cosign(2.0)
        finally:
            ledger.close()
        assert audited(registry, patient) in (0, 4)
