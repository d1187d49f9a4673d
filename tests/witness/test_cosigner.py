"""Every answer that c2sp.org/tlog-witness prescribes, and every way to get a cosignature that is not deserved."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from creditledger.errors import UsageError
from creditledger.tlog.add_checkpoint import MAX_REQUEST_BYTES, AddCheckpoint
from creditledger.tlog.checkpoint import Checkpoint
from creditledger.tlog.cosignature import (
    CosignatureSigner,
    CosignatureVerifier,
    MlDsaVerifier,
    parse_witness_verifier,
    timestamp,
)
from creditledger.tlog.note import NoteSigner, open_note, sign_note
from creditledger.tlog.tree import EMPTY_ROOT
from creditledger.witness.cosigner import Cosigner
from witness.toylog import MLDSA_SEED, NAME, NOW, ORIGIN, SEED, Answered, Bench, Clock, ToyLog, bench, open_state

LOG = ToyLog()
OTHER = ToyLog(branch="other")
LATER_SPLIT = ToyLog(branch="other", split=7)
OWN = CosignatureSigner(NAME, SEED, lambda: NOW).verifier


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[Bench]:
    """A witness that has cosigned nothing."""
    with bench(tmp_path) as found:
        yield found


@pytest.fixture
def at_five(witness: Bench) -> Bench:
    """A witness that has cosigned the log at size 5."""
    assert witness.add(LOG.request(0, 5)).status == 200
    return witness


def times_in(answer: Answered, head: Checkpoint) -> list[int]:
    """The times of the cosignatures in an answer, all of them verified over this checkpoint."""
    assert answer.status == 200
    text = head.to_bytes()
    return [timestamp(one) for one in open_note(text + b"\n" + answer.body, [OWN]).signatures]


def assert_refused(found: Bench, body: bytes, status: int, size: int | None = 5) -> Answered:
    """The request gets this status and no signature, and what was cosigned stays what it was."""
    answer = found.add(body)
    assert answer.status == status
    assert "—".encode() not in answer.body
    assert found.size_of(LOG) == size
    return answer


def test_a_first_checkpoint_is_cosigned(witness: Bench) -> None:
    assert times_in(witness.add(LOG.request(0, 5)), LOG.head(5)) == [NOW]
    assert witness.size_of(LOG) == 5


@pytest.mark.parametrize("size", [5, 6, 7, 8, 9, 16, 31, 64, 65])
def test_a_checkpoint_that_continues_the_last_one_is_cosigned(at_five: Bench, size: int) -> None:
    assert times_in(at_five.add(LOG.request(5, size)), LOG.head(size)) == [NOW]
    assert at_five.size_of(LOG) == size


def test_the_empty_tree_is_cosigned_and_anything_continues_it(witness: Bench) -> None:
    assert times_in(witness.add(LOG.request(0, 0)), LOG.head(0)) == [NOW]
    assert times_in(witness.add(LOG.request(0, 0)), LOG.head(0)) == [NOW]
    assert times_in(witness.add(LOG.request(0, 3)), LOG.head(3)) == [NOW]


def test_404_for_an_unknown_origin_whoever_signed_it(at_five: Bench) -> None:
    stranger = ToyLog("log.example/stranger")
    assert_refused(at_five, stranger.request(0, 3), 404)
    impostor = AddCheckpoint(0, (), sign_note(stranger.head(3).to_bytes(), LOG.signer)).to_bytes()
    assert_refused(at_five, impostor, 404)


def test_403_when_no_key_of_the_log_signed(at_five: Bench) -> None:
    thief = NoteSigner(ORIGIN, sha256(b"thief").digest())
    renamed = NoteSigner("log.example/other", sha256(ORIGIN.encode()).digest())
    for signer in (thief, renamed):
        assert_refused(at_five, LOG.request(5, 8, signer), 403)


def test_403_when_a_key_of_the_log_signed_something_else(at_five: Bench) -> None:
    moved = LOG.checkpoint(8).replace(LOG.checkpoint(8).split(b"\n\n")[0], LOG.checkpoint(9).split(b"\n\n")[0])
    assert_refused(at_five, AddCheckpoint(5, tuple(LOG.prove(5, 9)), moved).to_bytes(), 403)


def test_403_when_one_of_two_signatures_by_the_logs_keys_is_wrong(at_five: Bench) -> None:
    wrong = LOG.newer_signer.sign(b"something else\n").to_bytes()
    body = LOG.request(5, 8) + wrong
    assert_refused(at_five, body, 403)


def test_a_cosignature_counts_for_nothing_as_the_logs_own(at_five: Bench) -> None:
    """The witness's own signature on a checkpoint, handed back to it, is not the log's."""
    cosigned = sign_note(LOG.head(8).to_bytes(), CosignatureSigner(NAME, SEED, lambda: NOW))
    assert_refused(at_five, AddCheckpoint(5, tuple(LOG.prove(5, 8)), cosigned).to_bytes(), 403)


def test_403_comes_before_400_and_409_so_that_strangers_learn_nothing(at_five: Bench) -> None:
    thief = NoteSigner(ORIGIN, sha256(b"thief").digest())
    assert_refused(at_five, LOG.request(0, 3, thief), 403)
    assert_refused(at_five, AddCheckpoint(9, (), LOG.checkpoint(3, thief)).to_bytes(), 403)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\n",
        b"old 5\n",
        b"old 5\n\n",
        b"old 05\n\n" + LOG.checkpoint(5),
        b"old +5\n\n" + LOG.checkpoint(5),
        b"old -5\n\n" + LOG.checkpoint(5),
        b"old 5 \n\n" + LOG.checkpoint(5),
        b"old 5\r\n\n" + LOG.checkpoint(5),
        b"OLD 5\n\n" + LOG.checkpoint(5),
        b"old " + b"9" * 5000 + b"\n\n" + LOG.checkpoint(5),
        b"old \xef\xbc\x95\n\n" + LOG.checkpoint(5),
        b"old 5\nAAAA\n\n" + LOG.checkpoint(8),
        b"old 5\n" + b64encode(bytes(32)) * 64 + b"\n\n" + LOG.checkpoint(8),
        b"old 5\n" + (b64encode(bytes(32)) + b"\n") * 64 + b"\n" + LOG.checkpoint(8),
        b"old 5\n\n" + LOG.checkpoint(5).removesuffix(b"\n"),
        b"old 5\n\n" + LOG.checkpoint(5) + b"no signature line\n",
        b"old 5\n\n" + LOG.checkpoint(5) + LOG.signer.sign(LOG.head(5).to_bytes()).to_bytes(),
        b"old 5\n\n" + sign_note(LOG.head(5).to_bytes() + b"an extension line\n", LOG.signer),
        b"old 5\n\n" + sign_note(LOG.head(5).to_bytes().replace(b"\n5\n", b"\n05\n"), LOG.signer),
        b"old 5\n\n" + sign_note(LOG.head(5).to_bytes().replace(b"\n5\n", b"\n%d\n" % 2**63), LOG.signer),
    ],
    ids=lambda body: repr(body[:24]),
)
def test_400_for_what_is_malformed(at_five: Bench, body: bytes) -> None:
    assert_refused(at_five, body, 400)


def test_400_when_the_old_size_is_beyond_the_new_one(at_five: Bench) -> None:
    assert_refused(at_five, AddCheckpoint(5, (), LOG.checkpoint(4)).to_bytes(), 400)
    assert_refused(at_five, AddCheckpoint(9, (), LOG.checkpoint(8)).to_bytes(), 400)


@pytest.mark.parametrize(("old", "size"), [(0, 0), (0, 5), (0, 8), (3, 5), (4, 8), (6, 8), (8, 8), (3, 3)])
def test_409_tells_the_size_when_the_old_size_is_another(at_five: Bench, old: int, size: int) -> None:
    """An old checkpoint, replayed, among them."""
    answer = assert_refused(at_five, LOG.request(old, size), 409)
    assert answer.body == b"5\n"
    assert answer.headers["content-type"] == "text/x.tlog.size"


def test_409_of_a_log_that_was_never_cosigned_tells_0(witness: Bench) -> None:
    answer = assert_refused(witness, LOG.request(3, 5), 409, size=None)
    assert answer.body == b"0\n"


def test_422_for_another_root_at_the_same_size_and_the_evidence_is_kept(at_five: Bench) -> None:
    for _ in range(2):
        assert_refused(at_five, AddCheckpoint(5, (), OTHER.checkpoint(5)).to_bytes(), 422)
    assert_refused(at_five, AddCheckpoint(5, tuple(LOG.prove(3, 5)), OTHER.checkpoint(5)).to_bytes(), 422)
    (found,) = at_five.cosigner.state.contradictions(ORIGIN)
    heads = [Checkpoint.from_bytes(open_note(note, LOG.verifiers).text) for note in found]
    assert heads == [LOG.head(5), OTHER.head(5)]


def test_only_two_roots_of_one_size_are_evidence(at_five: Bench) -> None:
    """A proof that leads nowhere may be the fault of whoever brought it."""
    assert_refused(at_five, AddCheckpoint(5, (), OTHER.checkpoint(8)).to_bytes(), 422)
    assert at_five.add(LOG.request(5, 8)).status == 200
    assert at_five.cosigner.state.contradictions(ORIGIN) == []


def test_evidence_against_a_log_is_bounded(at_five: Bench) -> None:
    for number in range(20):
        liar = ToyLog(branch=str(number))
        assert_refused(at_five, AddCheckpoint(5, (), liar.checkpoint(5)).to_bytes(), 422)
    assert len(at_five.cosigner.state.contradictions(ORIGIN)) == 16


def test_422_for_a_split_view_however_it_is_proved(at_five: Bench) -> None:
    """A second client is shown another history; no proof that either history has leads from the one to the other."""
    for proof in (OTHER.prove(5, 8), LOG.prove(5, 8), [], [bytes(32)] * 3):
        assert_refused(at_five, AddCheckpoint(5, tuple(proof), OTHER.checkpoint(8)).to_bytes(), 422)
    assert at_five.add(LOG.request(5, 9)).status == 200
    body = AddCheckpoint(9, tuple(LATER_SPLIT.prove(9, 12)), LATER_SPLIT.checkpoint(12)).to_bytes()
    assert_refused(at_five, body, 422, size=9)


def forged(proof: list[bytes]) -> Iterator[list[bytes]]:
    yield proof[:-1]
    yield proof[1:]
    yield [*proof, bytes(32)]
    yield [bytes(32), *proof]
    yield proof[::-1]
    for at in range(len(proof)):
        yield [*proof[:at], bytes([proof[at][0] ^ 1]) + proof[at][1:], *proof[at + 1 :]]
        yield [*proof[:at], proof[at], *proof[at:]]


@pytest.mark.parametrize("size", [6, 7, 8, 13])
def test_422_for_a_proof_truncated_padded_turned_round_or_altered(at_five: Bench, size: int) -> None:
    for proof in forged(LOG.prove(5, size)):
        assert_refused(at_five, AddCheckpoint(5, tuple(proof), LOG.checkpoint(size)).to_bytes(), 422)
    assert at_five.add(LOG.request(5, size)).status == 200


def test_422_for_swapped_roots(at_five: Bench) -> None:
    """The proof of one size with the checkpoint of another."""
    body = AddCheckpoint(5, tuple(LOG.prove(5, 8)), LOG.checkpoint(9)).to_bytes()
    assert_refused(at_five, body, 422)
    swapped = sign_note(Checkpoint(ORIGIN, 8, LOG.root(0, 5)).to_bytes(), LOG.signer)
    assert_refused(at_five, AddCheckpoint(5, tuple(LOG.prove(5, 8)), swapped).to_bytes(), 422)


def test_422_for_a_proof_where_none_is_due(at_five: Bench, tmp_path: Path) -> None:
    body = AddCheckpoint(5, (bytes(32),), LOG.checkpoint(5)).to_bytes()
    assert_refused(at_five, body, 422)
    with bench(tmp_path / "new") as new:
        for size in (0, 5):
            body = AddCheckpoint(0, (bytes(32),), LOG.checkpoint(size)).to_bytes()
            assert_refused(new, body, 422, size=None)


def test_422_for_an_empty_tree_that_is_not_empty(witness: Bench) -> None:
    text = LOG.head(0).to_bytes().replace(b64encode(EMPTY_ROOT), b64encode(bytes(32)))
    body = AddCheckpoint(0, (), sign_note(text, LOG.signer)).to_bytes()
    assert_refused(witness, body, 422, size=None)
    thief = NoteSigner(ORIGIN, sha256(b"thief").digest())
    assert_refused(witness, AddCheckpoint(0, (), sign_note(text, thief)).to_bytes(), 403, size=None)
    assert witness.add(LOG.request(0, 5)).status == 200
    answer = assert_refused(witness, body, 409)
    assert answer.body == b"5\n"


def test_surplus_signatures_by_strangers_are_left_out(witness: Bench) -> None:
    strangers = [NoteSigner(f"stranger.example/{n}", sha256(b"%d" % n).digest()) for n in range(40)]
    assert witness.add(LOG.request(0, 5, LOG.signer, *strangers)).status == 200
    shown = witness.ask("GET", f"/{sha256(ORIGIN.encode()).hexdigest()}/checkpoint").body
    assert shown.count("—".encode()) == 2
    assert b"stranger" not in shown


def test_any_key_of_the_log_suffices_also_a_post_quantum_one(witness: Bench) -> None:
    old = 0
    for size, signers in enumerate(
        [(LOG.signer,), (LOG.newer_signer,), (LOG.mldsa_signer,), (LOG.signer, LOG.mldsa_signer)], start=3
    ):
        assert times_in(witness.add(LOG.request(old, size, *signers)), LOG.head(size)) == [NOW]
        old = size


def test_what_is_shown_bears_the_signatures_of_log_and_witness(at_five: Bench) -> None:
    at_five.add(LOG.request(5, 8, LOG.signer, LOG.mldsa_signer))
    answer = at_five.ask("GET", f"/{sha256(ORIGIN.encode()).hexdigest()}/checkpoint")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    note = open_note(answer.body, [*LOG.verifiers, OWN])
    assert note.text == LOG.head(8).to_bytes()
    assert [one.name for one in note.signatures] == [ORIGIN, ORIGIN, NAME]


def test_both_keys_of_a_witness_sign_with_one_time(tmp_path: Path) -> None:
    with bench(tmp_path, seed=SEED, mldsa_seed=MLDSA_SEED) as both:
        answer = both.add(LOG.request(0, 5))
        verifiers = [parse_witness_verifier(vkey) for vkey in both.cosigner.vkeys]
        assert [type(one) for one in verifiers] == [CosignatureVerifier, MlDsaVerifier]
        signatures = open_note(LOG.head(5).to_bytes() + b"\n" + answer.body, verifiers).signatures
        assert [timestamp(one) for one in signatures] == [NOW, NOW]


def test_many_logs_are_kept_apart(tmp_path: Path) -> None:
    logs = [ToyLog(f"log.example/{n}") for n in range(20)]
    with bench(tmp_path, *logs) as found:
        for size, log in enumerate(logs, 1):
            assert found.add(log.request(0, size)).status == 200
        assert [found.size_of(log) for log in logs] == list(range(1, 21))
        mixed = AddCheckpoint(1, tuple(logs[0].prove(1, 2)), logs[1].checkpoint(2)).to_bytes()
        assert found.add(mixed).body == b"2\n"


def test_the_time_never_goes_back(at_five: Bench) -> None:
    at_five.clock.now = NOW - 200
    assert times_in(at_five.add(LOG.request(5, 6)), LOG.head(6)) == [NOW]
    at_five.clock.now = NOW + 10.9
    assert times_in(at_five.add(LOG.request(6, 7)), LOG.head(7)) == [NOW + 10]


@pytest.mark.parametrize("now", [0, -5, NOW - 400])
def test_with_a_clock_that_is_far_behind_nothing_is_signed(at_five: Bench, now: int) -> None:
    at_five.clock.now = now
    assert_refused(at_five, LOG.request(5, 6), 503)
    assert at_five.logged[-1]["why"].startswith("the clock of this witness")


def test_a_log_whose_key_is_the_witnesss_own_is_refused(tmp_path: Path) -> None:
    log = ToyLog()
    log.signer = NoteSigner(ORIGIN, SEED)
    with open_state(tmp_path, create=True) as state, pytest.raises(UsageError, match="key of its own"):
        Cosigner(state, NAME, {ORIGIN: log.verifiers}, Clock(), seed=SEED)


def test_the_log_of_requests_tells_nothing_that_a_stranger_wrote(at_five: Bench) -> None:
    at_five.add(b"old 5\n\n" + sign_note(b"secret\n", LOG.signer))
    at_five.ask("GET", "/secret", REMOTE_ADDR="192.0.2.7", HTTP_USER_AGENT="secret")
    at_five.ask("SECRET", "/add-checkpoint")
    at_five.add(LOG.request(5, 8, NoteSigner("secret", SEED)))
    assert len(at_five.logged) == 5
    assert "secret" not in str(at_five.logged)
    assert "192.0.2.7" not in str(at_five.logged)


def test_a_request_at_the_bound_is_read_and_one_beyond_is_not(at_five: Bench) -> None:
    assert at_five.add(bytes(MAX_REQUEST_BYTES)).status == 400
    assert at_five.add(bytes(MAX_REQUEST_BYTES + 1)).status == 413


class Race(RuleBasedStateMachine):
    """Any requests in any order, by two histories of one log: the witness only ever follows one of them."""

    def __init__(self) -> None:
        super().__init__()
        import tempfile

        self._place = tempfile.TemporaryDirectory()
        self._bench = bench(Path(self._place.name))
        self._witness = self._bench.__enter__()
        self.model = (0, EMPTY_ROOT)

    def teardown(self) -> None:
        self._bench.__exit__(None, None, None)
        self._place.cleanup()

    @rule(branch=st.sampled_from([LOG, LATER_SPLIT]), old=st.integers(0, 14), more=st.integers(0, 6))
    def ask(self, branch: ToyLog, old: int, more: int) -> None:
        self.judge(branch, old, old + more)

    @rule(branch=st.sampled_from([LOG, LATER_SPLIT]), more=st.integers(0, 6))
    def go_on(self, branch: ToyLog, more: int) -> None:
        self.judge(branch, self.model[0], self.model[0] + more)

    def judge(self, branch: ToyLog, old: int, size: int) -> None:
        answer = self._witness.add(branch.request(old, size))
        known, root = self.model
        if old != known:
            assert (answer.status, answer.body) == (409, b"%d\n" % known)
        elif branch.root(0, known) != root:
            assert answer.status == 422
        else:
            assert times_in(answer, branch.head(size)) == [NOW]
            self.model = (size, branch.root(0, size))

    @invariant()
    def remembers(self) -> None:
        seen = self._witness.cosigner.state.latest(sha256(ORIGIN.encode()).digest())
        assert (seen.size, seen.root) == self.model if seen else self.model[0] == 0


def test_requests_in_any_order_never_lead_back_or_to_another_history() -> None:
    run_state_machine_as_test(Race, settings=settings(max_examples=15, stateful_step_count=20, deadline=None))


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One witness for all examples of a property."""
    with bench(tmp_path_factory.mktemp("lasting"), seed=SEED, mldsa_seed=MLDSA_SEED) as found:
        yield found


@settings(max_examples=200)
@given(data=st.binary(max_size=300))
def test_any_bytes_are_answered(data: bytes, lasting: Bench) -> None:
    for path in ("/add-checkpoint", "/sign-subtree"):
        assert lasting.ask("POST", path, data).status in (400, 404)


@settings(max_examples=200)
@given(data=st.data())
def test_a_request_with_any_byte_changed_is_refused(data: st.DataObject, lasting: Bench) -> None:
    body = LOG.request(0, 5)
    at = data.draw(st.integers(0, len(body) - 1))
    changed = body[:at] + bytes([body[at] ^ data.draw(st.integers(1, 255))]) + body[at + 1 :]
    assert lasting.add(changed).status in (400, 403, 404)
    assert lasting.size_of(LOG) is None
