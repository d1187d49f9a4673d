"""Cosigning: what is added to the newest checkpoint, what never is, and what others can do meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from creditledger.errors import FormatError, StoreError, UsageError, VerificationFailed
from creditledger.ledger.cosigning import MAX_CHECKPOINT_BYTES, merged
from creditledger.ledger.founding import LogSigner
from creditledger.ledger.layout import LOG_TABLES, Layout
from creditledger.ledger.ledger import Ledger
from creditledger.ledger.log import Log, seq_key, tile_key
from creditledger.ledger.witnessing import WitnessedCheckpoints
from creditledger.rules.governance_state import Governance
from creditledger.rules.rows import KeyRow
from creditledger.store.head import MAX_CHECKPOINT
from creditledger.store.lmdb_engine import LmdbEngine
from creditledger.store.memory import MemoryEngine
from creditledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from creditledger.tlog.cosignature import CosignatureSigner, MlDsaSigner, timestamp
from creditledger.tlog.note import MAX_SIGNATURES, NoteVerifier, Signature, open_note
from creditledger.tlog.policy import Group, Policy, Witness
from creditledger.transfer.export import export_ledger
from creditledger.transfer.restore import restore_ledger
from support.registry import CONTENT_KEY, ORIGIN, Registry, listing, signer
from support.witness import FakeWitness, Now, copied, policy_of, witnesses

LOG_KEY = NoteVerifier(ORIGIN, signer("log").public_key[1:])
SEED = bytes(range(32))


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("founded")
    made = Registry(place)
    made.clock = Now()
    made.create().close()
    return place


@pytest.fixture
def registry(founded: Path, tmp_path: Path) -> Registry:
    return copied(founded, tmp_path / "copy")


@pytest.fixture
def three() -> Iterator[list[FakeWitness]]:
    with witnesses("witness.example/w1", "witness.example/w2", "witness.example/w3") as found:
        yield found


def post_quantum(now: int | None = None, name: str = ORIGIN) -> MlDsaSigner:
    return MlDsaSigner(name, SEED, (lambda: int(time.time())) if now is None else lambda: now)


def open_with(registry: Registry, policy: Policy | None, post_quantum_signer: MlDsaSigner | None = None) -> Ledger:
    return Ledger.open(
        registry.directory, log_signer=signer("log"), content_key=CONTENT_KEY, head_dir=registry.heads,
        clock=registry.clock, witnesses=policy, post_quantum_signer=post_quantum_signer, witness_timeout=2.0,
    )  # fmt: skip


def names(signatures: tuple[Signature, ...]) -> list[str]:
    return [one.name for one in signatures]


def change_log(registry: Registry, table: str, key: bytes, value: bytes) -> None:
    engine = LmdbEngine.open(Layout(registry.directory).log, LOG_TABLES)
    with engine.batch() as batch:
        batch.put(table, key, value)
    engine.close()


# -- what is signed -------------------------------------------------------------------------------------------------


def test_everybody_signs_the_text_that_the_log_has_signed(registry: Registry, three: list[FakeWitness]) -> None:
    pq = post_quantum()
    with open_with(registry, policy_of(*three), pq) as ledger:
        before = ledger.checkpoint
        done = ledger.cosign(2.0)
        after = ledger.checkpoint
    text = before[: before.rindex(b"\n\n") + 1]
    assert after.startswith(before), "nothing that was there is gone"
    everybody = [LOG_KEY, pq.verifier, *(one.signer.verifier for one in three)]
    opened = open_note(after, everybody)
    assert opened.text == text
    assert names(opened.signatures) == [ORIGIN, ORIGIN, *(one.name for one in three)]
    assert opened.signatures == done.signatures
    assert (done.size, done.quorum_problem) == (int(text.split(b"\n")[1]), "")
    assert all(abs(timestamp(one) - time.time()) < 60 for one in opened.signatures[1:])


def test_at_a_heartbeat_newer_lines_take_the_place_of_older_ones(registry: Registry, three: list[FakeWitness]) -> None:
    with open_with(registry, policy_of(*three), post_quantum(1_700_000_000)) as ledger:
        first = ledger.cosign(2.0)
    for one in three:
        one.time = lambda: time.time() + 100
    with open_with(registry, policy_of(*three), post_quantum(1_700_000_600)) as ledger:
        second = ledger.cosign(2.0)
        assert len(ledger.checkpoint.splitlines()) == 4 + 5
    assert first.size == second.size
    assert second.signatures[0] == first.signatures[0]
    assert all(
        timestamp(new) > timestamp(old) for old, new in zip(first.signatures[1:], second.signatures[1:], strict=True)
    )


def test_a_witness_whose_clock_goes_back_does_not_make_the_checkpoint_older(
    registry: Registry, three: list[FakeWitness]
) -> None:
    first = three[0]
    with open_with(registry, policy_of(first)) as ledger:
        done = ledger.cosign(2.0)
        first.time = lambda: time.time() - 200
        again = ledger.cosign(2.0)
    assert again.signatures == done.signatures


def test_two_keys_of_one_witness_both_count(registry: Registry) -> None:
    with witnesses("witness.example/old", "witness.example/new", post_quantum=("witness.example/new",)) as both:
        with open_with(registry, policy_of(*both)) as ledger:
            done = ledger.cosign(2.0)
        assert names(done.signatures) == [ORIGIN, *(one.name for one in both)]
        assert done.quorum_problem == ""


def test_a_post_quantum_key_of_another_name_is_refused_at_opening(registry: Registry) -> None:
    with pytest.raises(UsageError, match="name of its origin"):
        open_with(registry, None, post_quantum(name="registry.example.org/other"))


def test_a_reader_cannot_cosign(registry: Registry) -> None:
    with registry.read() as ledger, pytest.raises(UsageError, match="open to read"):
        ledger.cosign()


# -- witnesses that fail ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("behaviour", ["stall", "garbage", "forge", "unavailable", "down"])
def test_what_one_witness_does_keeps_the_others_from_nothing(
    registry: Registry, three: list[FakeWitness], behaviour: str, caplog: pytest.LogCaptureFixture
) -> None:
    bad = three[1]
    if behaviour == "down":
        bad.close()
    else:
        bad.behaviour = behaviour
    with Ledger.open(
        registry.directory, log_signer=signer("log"), head_dir=registry.heads, clock=registry.clock,
        witnesses=policy_of(*three, threshold=2), witness_timeout=0.3,
    ) as ledger:  # fmt: skip
        assert bad.name in caplog.text, "opening warns of it, and goes on"
        began = time.monotonic()
        done = ledger.cosign(0.5)
        assert time.monotonic() - began < 5
        assert names(done.signatures) == [ORIGIN, three[0].name, three[2].name]
        assert [bool(one.problem) for one in done.asked] == [False, True, False]
        assert done.quorum_problem == "", "two of three are enough"
        assert ledger.append(listing(1), signer=signer("court")).size == ledger.size


def test_a_quorum_that_is_not_met_is_told(registry: Registry, three: list[FakeWitness]) -> None:
    three[2].close()
    with open_with(registry, policy_of(*three)) as ledger:
        done = ledger.cosign(1.0)
        assert three[2].name in done.quorum_problem
        assert ledger.witnessed() is None


def test_others_append_while_a_witness_stalls(registry: Registry, three: list[FakeWitness]) -> None:
    slow = three[0]
    with open_with(registry, policy_of(slow)) as ledger:
        slow.behaviour = "stall"
        waiting = threading.Thread(target=ledger.cosign, args=(5.0,))
        waiting.start()
        while slow.asked == 0 and waiting.is_alive() and ledger.size < 20:
            ledger.append(listing(ledger.size), signer=signer("court"))
        assert waiting.is_alive(), "the appends were not held up by it"
        slow.released.set()
        waiting.join()


def test_a_commit_between_question_and_answer_leaves_the_older_checkpoint_cosigned(
    registry: Registry, three: list[FakeWitness]
) -> None:
    one = three[0]
    with open_with(registry, policy_of(one)) as ledger:
        size = ledger.size
        one.before_answer = lambda _: ledger.append(listing(ledger.size), signer=signer("court"))
        done = ledger.cosign(5.0)
        one.before_answer = lambda _: None
        assert (done.size, ledger.size) == (size, size + 1)
        assert names(done.signatures) == [ORIGIN, one.name]
        found = ledger.witnessed()
        assert found is not None
        assert found[0] == size
        assert ledger.cosign(5.0).size == size + 1
        found = ledger.witnessed()
        assert found is not None
        assert found[0] == size + 1


def test_two_at_once_do_not_take_each_other_for_another_copy(registry: Registry, three: list[FakeWitness]) -> None:
    one = three[0]
    with open_with(registry, policy_of(one)) as ledger:
        late = threading.Event()
        failures: list[BaseException] = []

        def wait_once(_: bytes) -> None:
            one.before_answer = lambda _: None
            late.wait(5)

        def run() -> None:
            try:
                ledger.cosign(5.0)
            except BaseException as error:  # noqa: BLE001 - the test looks at it
                failures.append(error)

        one.before_answer = wait_once
        first = threading.Thread(target=run)
        first.start()
        while one.asked < 2:
            time.sleep(0.01)
        ledger.append(listing(1), signer=signer("court"))
        newer = ledger.cosign(5.0)
        late.set()
        first.join()
        assert failures == []
        assert names(newer.signatures) == [ORIGIN, one.name]


KILLED = """
import os, signal, sys
from creditledger.ledger import cosigning
from creditledger.ledger.ledger import Ledger
from support.registry import signer
from support.witness import Now

cosigning._store = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
Ledger.open(sys.argv[1], log_signer=signer("log"), head_dir=sys.argv[2], clock=Now()).cosign()
"""

# -- what is stored ---------------------------------------------------------------------------------------------------


def test_cosignatures_survive_the_process_that_is_killed_right_after(
    registry: Registry, three: list[FakeWitness]
) -> None:
    """Killed between the answer and the store, nothing is stored, and the next time makes it good."""
    one = three[0]
    policy = policy_of(one)
    Layout(registry.directory).witnesses.write_text(policy.to_text())
    with registry.read() as ledger:
        before = ledger.checkpoint
    done = subprocess.run(
        [sys.executable, "-c", KILLED, registry.directory, registry.heads], env=os.environ | {"PYTHONPATH": "tests"}
    )
    assert done.returncode == -signal.SIGKILL
    assert one.asked == 2, "for its size, at opening, and for its cosignature"
    with registry.read() as ledger:
        assert ledger.checkpoint == before
    with open_with(registry, policy) as ledger:
        ledger.cosign(5.0)
        after = ledger.checkpoint
    with registry.read() as ledger:
        assert ledger.checkpoint == after != before


@pytest.mark.parametrize("what", ["record", "checkpoint", "signature", "cosignature"])
def test_what_was_altered_meanwhile_is_not_signed(registry: Registry, three: list[FakeWitness], what: str) -> None:
    """Whoever can write to the directory while the ledger is open gets nothing signed that was not."""
    with open_with(registry, policy_of(*three), post_quantum()) as ledger:
        ledger.append(listing(1), signer=signer("court"))
        ledger.cosign(2.0)
        size, note = ledger.log.checkpoint() or (0, b"")
        asked = [one.asked for one in three]
        with ledger.log.engine.batch() as batch:  # As another process would, into the same file.
            if what == "record":
                row = batch.get("record", seq_key(size - 1)) or b""
                batch.put("record", seq_key(size - 1), row[:-1] + bytes([row[-1] ^ 1]))
            else:
                lines = note.split(b"\n")
                number = {"checkpoint": 2, "signature": 4, "cosignature": -2}[what]
                place = -6 if number > 0 else -8
                lines[number] = (
                    lines[number][:place]
                    + (b"A" if lines[number][place:][:1] != b"A" else b"B")
                    + (lines[number][place + 1 :])
                )
                batch.put("checkpoint", seq_key(size), b"\n".join(lines))
            stored = batch.get("checkpoint", seq_key(size))
        with pytest.raises(VerificationFailed) as failed:
            ledger.cosign(2.0)
        assert failed.value.finding in ("LED-TREE", "LED-CKPT")
        assert [one.asked for one in three] == asked, "nobody was asked to sign it"
        with ledger.log.engine.snapshot() as snapshot:
            assert snapshot.get("checkpoint", seq_key(size)) == stored


def test_another_history_of_the_same_log_key_put_in_place_is_not_signed(
    registry: Registry, three: list[FakeWitness], tmp_path: Path
) -> None:
    """The rows of a twin that is sound in itself, and signed by the log key, are put into a ledger that is open."""
    twin = copied(registry.directory.parent, tmp_path / "twin")
    with open_with(twin, None) as ledger:
        ledger.append(listing(2), signer=signer("court"))
        size, note = ledger.log.checkpoint() or (0, b"")
        _, record = next(ledger.log.raw_records(size - 1, size))
    with open_with(registry, policy_of(three[0]), post_quantum()) as ledger:
        ledger.append(listing(1), signer=signer("court"))
        assert ledger.size == size
        with ledger.log.engine.batch() as batch:
            batch.put("record", seq_key(size - 1), record)
            batch.put("checkpoint", seq_key(size), note)
        with pytest.raises(VerificationFailed, match="signed since the ledger was opened"):
            ledger.cosign(2.0)
        assert three[0].asked == 1, "only at opening"


def test_an_altered_tile_or_the_last_record_in_it_is_not_signed_over(
    registry: Registry, three: list[FakeWitness]
) -> None:
    court = signer("court")
    with open_with(registry, policy_of(three[0])) as ledger:
        while ledger.size % 256:
            ledger.append(listing(ledger.size), signer=court)
        with ledger.log.engine.snapshot() as snapshot:
            tiles = dict(snapshot.range("tile"))
            record = snapshot.get("record", seq_key(255)) or b""
        assert sorted(tiles) == [tile_key(0, 0), tile_key(1, 0)]
        rows = [*(("tile", name, tile) for name, tile in tiles.items()), ("record", seq_key(255), record)]
        for table, name, row in rows:
            for changed in (bytes([row[0] ^ 1]) + row[1:], row):
                with ledger.log.engine.batch() as batch:
                    batch.put(table, name, changed)
                if changed != row:
                    with pytest.raises(VerificationFailed, match="LED-TREE"):
                        ledger.cosign(2.0)
        assert names(ledger.cosign(2.0).signatures) == [ORIGIN, three[0].name]


def test_an_old_checkpoint_in_the_place_of_the_newest_is_not_signed(registry: Registry) -> None:
    with open_with(registry, None, post_quantum()) as ledger:
        ledger.append(listing(1), signer=signer("court"))
        older = ledger.log.checkpoint(ledger.size - 1)
        assert older is not None
        with ledger.log.engine.batch() as batch:
            batch.put("checkpoint", seq_key(ledger.size), older[1])
        with pytest.raises(VerificationFailed, match="LED-TREE"):
            ledger.cosign()


def test_a_head_outside_that_says_otherwise_is_minded(registry: Registry, tmp_path: Path) -> None:
    """The directory was exchanged for a sound one of another history while the ledger was open."""
    with open_with(registry, None, post_quantum()) as ledger:
        heads = ledger._parts.heads
        assert heads is not None
        heads.store(ledger.ledger_id, ledger.size + 1, bytes(32), b"")
        with pytest.raises(VerificationFailed, match="LED-HEAD"):
            ledger.cosign()


def test_after_a_failed_commit_nothing_is_cosigned(registry: Registry, three: list[FakeWitness]) -> None:
    with open_with(registry, policy_of(*three), post_quantum()) as ledger:
        assert ledger._writer is not None
        ledger._writer._poison(StoreError("the disk is full"))
        with pytest.raises(StoreError, match="open the ledger again"):
            ledger.cosign()
        assert [one.asked for one in three] == [1, 1, 1], "since opening"


# -- merging ----------------------------------------------------------------------------------------------------------

NOTE = (
    b"example.org/log\n1\n"
    + b64encode(bytes(32))
    + b"\n\n"
    + Signature("example.org/log", b"abcd", b"s" * 64).to_bytes()
)


def line(name: str, when: int, length: int = 64) -> Signature:
    return Signature(name, name.encode()[:4].ljust(4), when.to_bytes(8, "big") + b"x" * length)


def key(one: Signature) -> tuple[str, bytes]:
    return one.name, one.key_id


def test_merging_keeps_all_keys_and_of_each_the_latest() -> None:
    a1, a2, b1, stranger = line("a", 1), line("a", 2), line("b", 1), line("stranger", 9)
    note = merged(NOTE, [a2, b1, stranger], [])
    assert merged(note, [a1], []) == note
    again = merged(note, [line("b", 3)], [("example.org/log", b"abcd"), key(b1), key(a1)])
    assert [text.split(b" ")[1] for text in again.splitlines()[4:]] == [b"example.org/log", b"b", b"a", b"stranger"]
    assert line("b", 3).to_bytes() in again
    assert b1.to_bytes() not in again


def test_what_the_log_signed_comes_first_whether_its_key_is_at_hand_or_not() -> None:
    witness, quantum = line("a", 1), line("example.org/log", 1, 2420)
    note = merged(NOTE, [witness, quantum], [key(witness)])
    assert [text.split(b" ")[1] for text in note.splitlines()[4:]] == [b"example.org/log"] * 2 + [b"a"]


def test_merging_twice_changes_nothing_more() -> None:
    lines = [line(name, 5) for name in "cab"]
    order = [("example.org/log", b"abcd"), *(key(one) for one in lines[:2])]
    once = merged(NOTE, lines, order)
    assert merged(once, lines, order) == once


def test_what_does_not_fit_is_left_out_from_the_end() -> None:
    """Forty post-quantum witnesses are more than a checkpoint in an export can hold."""
    lines = [line(f"witness-{number:02}", 1, 2420) for number in range(40)]
    log = ("example.org/log", b"abcd")
    note = merged(NOTE, reversed(lines), [log, *(key(one) for one in lines)])
    kept = [text.split(b" ")[1].decode() for text in note.splitlines()[4:]]
    assert len(note) <= MAX_CHECKPOINT_BYTES < len(note) + len(lines[0].to_bytes())
    assert kept == ["example.org/log", *(one.name for one in lines)][: len(kept)]
    many = merged(NOTE, [line(f"w{number}", 1) for number in range(150)], [log])
    assert len(many.splitlines()) == 4 + MAX_SIGNATURES
    assert b"example.org/log" in many.splitlines()[4]


def test_a_checkpoint_at_the_limit_can_be_opened_to_write_again_and_restored(
    registry: Registry, three: list[FakeWitness], tmp_path: Path
) -> None:
    with registry.read() as ledger:
        size, note = ledger.log.checkpoint() or (0, b"")
    strangers = [line(f"witness-{number:02}", 1, 2420) for number in range(40)]
    full = merged(note, strangers, [(ORIGIN, LOG_KEY.key_id)])
    room = MAX_CHECKPOINT_BYTES - len(full)
    filler = line("z" * (room % 4 + 100), 1, (room - 110) // 4 * 3 - 100)
    full = merged(full, [filler], [(ORIGIN, LOG_KEY.key_id)])
    assert MAX_CHECKPOINT < len(full) <= MAX_CHECKPOINT_BYTES
    change_log(registry, "checkpoint", seq_key(size), full)
    with open_with(registry, policy_of(three[0])) as ledger:
        export_ledger(ledger, tmp_path / "full.clx")
        done = ledger.cosign(2.0)
        assert names(done.signatures) == [ORIGIN, three[0].name], "the policy's witnesses come before strangers"
        assert len(ledger.checkpoint) <= MAX_CHECKPOINT_BYTES
        ledger.append(listing(1), signer=signer("court"))
    restore_ledger(tmp_path / "full.clx", tmp_path / "again", log_signer=signer("log"), head_dir=tmp_path / "heads")
    with Ledger.open(tmp_path / "again", log_signer=signer("log"), head_dir=tmp_path / "heads") as ledger:
        assert ledger.checkpoint == full


# -- the newest that meets the policy ---------------------------------------------------------------------------------


def test_the_newest_witnessed_checkpoint_is_found_and_none_below_what_was_asked(
    registry: Registry, three: list[FakeWitness]
) -> None:
    policy = policy_of(*three, threshold=2)
    court = signer("court")
    with open_with(registry, policy) as ledger:
        assert ledger.witnessed() is None
        first = ledger.cosign(2.0).size
        for number in range(3):
            ledger.append(listing(number), signer=court)
        assert (ledger.witnessed() or (0,))[0] == first
        assert ledger.witnessed(first + 1) is None
        assert (ledger.witnessed(first) or (0,))[0] == first
        three[0].behaviour = three[1].behaviour = "unavailable"
        ledger.cosign(2.0)
        assert (ledger.witnessed() or (0,))[0] == first, "one witness is not enough"
        three[0].behaviour = "honest"
        second = ledger.cosign(2.0).size
        assert second == first + 3
        assert (ledger.witnessed() or (0,))[0] == second
        ledger.append(listing(9), signer=court)
        assert (ledger.witnessed() or (0,))[0] == second
        assert (ledger.witnessed(first) or (0,))[0] == second
    with Ledger.open(registry.directory, witnesses=policy) as reader:
        assert (reader.witnessed() or (0,))[0] == second
    with registry.read() as reader:
        assert reader.witnessed() == reader.log.checkpoint(), "without a policy the newest will do"
        assert reader.witnessed(reader.size + 1) is None


def test_the_policy_in_the_directory_is_gone_by(registry: Registry, three: list[FakeWitness]) -> None:
    file = Layout(registry.directory).witnesses
    file.write_text(policy_of(three[0]).to_text())
    with open_with(registry, None) as ledger:
        assert three[0].asked == 1
        assert names(ledger.cosign(2.0).signatures) == [ORIGIN, three[0].name]
    with registry.read() as ledger:
        assert ledger.witnessed() == ledger.log.checkpoint()
        file.write_text("quorum nobody\n")
    with pytest.raises(FormatError, match=r"witnesses\.policy"):
        open_with(registry, None)
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(FormatError, match="no regular file"):
        open_with(registry, None)


def test_a_wrong_cosignature_in_the_log_is_not_passed_on(registry: Registry, three: list[FakeWitness]) -> None:
    with open_with(registry, policy_of(three[0])) as ledger:
        ledger.cosign(2.0)
        size, note = ledger.log.checkpoint() or (0, b"")
    change_log(registry, "checkpoint", seq_key(size), note[:-20] + b"AAAAAAAAAAAAAAAAAAA\n")
    with (
        Ledger.open(registry.directory, witnesses=policy_of(three[0])) as ledger,
        pytest.raises(VerificationFailed, match="LED-CKPT"),
    ):
        ledger.witnessed()


# -- against naive models -------------------------------------------------------------------------------------------

KEYS = ["a", "b", "c", "d"]


@settings(max_examples=60)
@given(
    rounds=st.lists(st.lists(st.tuples(st.sampled_from(KEYS), st.integers(1, 5)), max_size=6), max_size=6),
    known=st.permutations(KEYS).flatmap(lambda names: st.integers(0, 4).map(lambda n: names[:n])),
)
def test_whatever_is_merged_in_whichever_rounds_the_latest_of_each_key_remains(
    rounds: list[list[tuple[str, int]]], known: list[str]
) -> None:
    order = [("example.org/log", b"abcd"), *(key(line(name, 0)) for name in known)]
    note, latest = NOTE, dict[str, int]()
    for several in rounds:
        note = merged(note, [line(name, when) for name, when in several], order)
        for name, when in several:
            latest[name] = max(when, latest.get(name, 0))
    assert note.startswith(NOTE)
    lines = note[len(NOTE) :].splitlines(keepends=True)
    assert sorted(lines) == sorted(line(name, when).to_bytes() for name, when in latest.items())
    found = [text.split(b" ")[1].decode() for text in lines]
    assert [name for name in found if name in known] == [name for name in known if name in latest]
    assert {*found[: len({*known} & {*latest})]} == {*known} & {*latest}, "those of the policy come first"


@settings(max_examples=40)
@given(
    steps=st.lists(
        st.one_of(
            st.just("append"),
            st.lists(st.sampled_from([0, 1, 2]), unique=True, min_size=1).map(tuple),
            st.integers(0, 12),
        ),
        max_size=25,
    )
)
def test_the_newest_witnessed_is_that_which_reading_everything_finds(steps: list[str | tuple[int, ...] | int]) -> None:
    """Appending, cosigning the newest, and asking, in any order."""
    keys = [CosignatureSigner(f"w{number}", bytes([1 + number]) * 32, lambda: 1) for number in range(3)]
    members = tuple(Witness(f"w{number}", one.verifier.vkey) for number, one in enumerate(keys))
    policy = Policy((), members, (Group("two", 2, ("w0", "w1", "w2")),), "two")
    governance = Governance()
    row = KeyRow("root", "log", 0, None, None, None, None, None)
    governance.set_row("key", signer("log").public_key, row)
    engine = MemoryEngine(LOG_TABLES)
    found = WitnessedCheckpoints(Log(engine), ORIGIN, policy)
    rows: list[tuple[int, set[int]]] = []
    for step in steps:
        if step == "append":
            rows.append((len(rows) + 1, set()))
        elif isinstance(step, tuple) and rows:
            rows[-1][1].update(step)
        elif isinstance(step, int):
            good = [size for size, cosigned in rows if len(cosigned) >= 2 and size >= step]
            answer = found.newest(governance, step)
            assert (answer and answer[0]) == (good[-1] if good else None)
        if rows:
            head = Checkpoint(ORIGIN, rows[-1][0], bytes(32))
            note = sign_checkpoint(head, LogSigner(ORIGIN, signer("log")), *(keys[one] for one in sorted(rows[-1][1])))
            with engine.batch() as batch:
                batch.put("checkpoint", seq_key(rows[-1][0]), note)
