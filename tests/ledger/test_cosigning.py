"""Cosigning: what is added to the newest checkpoint, what never is, and what others can do meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from creditledger.errors import StoreError, UsageError, VerificationFailed
from creditledger.ledger.layout import Layout
from creditledger.ledger.ledger import Ledger
from creditledger.ledger.log import seq_key, tile_key
from creditledger.tlog.cosignature import timestamp
from creditledger.tlog.note import open_note
from ledger.cosigned import LOG_KEY, names, open_with, post_quantum
from support.registry import ORIGIN, Registry, listing, signer
from support.witness import FakeWitness, copied, policy_of, witnesses

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
        first.time = lambda: time.time() - 100
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

store = cosigning._store

def stored(*given):
    if sys.argv[3] == "after":
        store(*given)
    os.kill(os.getpid(), signal.SIGKILL)

cosigning._store = stored
Ledger.open(sys.argv[1], log_signer=signer("log"), head_dir=sys.argv[2], clock=Now()).cosign()
"""

# -- what is stored ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", ["before", "after"])
def test_kill_9_before_and_after_the_cosignatures_are_stored(
    registry: Registry, three: list[FakeWitness], moment: str
) -> None:
    """Before, nothing is stored, and the next time makes it good; after, they are there, and at opening they count."""
    one = three[0]
    policy = policy_of(one)
    Layout(registry.directory).witnesses.write_text(policy.to_text())
    with registry.read() as ledger:
        before = ledger.checkpoint
    done = subprocess.run(
        [sys.executable, "-c", KILLED, registry.directory, registry.heads, moment],
        env=os.environ | {"PYTHONPATH": "tests"},
    )
    assert done.returncode == -signal.SIGKILL
    assert one.asked == 2, "for its size, at opening, and for its cosignature"
    with registry.read() as ledger:
        assert ledger.checkpoint.startswith(before)
        assert (ledger.checkpoint == before) is (moment == "before")
        assert (ledger.witnessed() is None) is (moment == "before")
    with open_with(registry, policy) as ledger:
        ledger.cosign(5.0)
        after = ledger.checkpoint
    with registry.read() as ledger:
        assert ledger.checkpoint == after != before
        assert len(after.splitlines()) == len(before.splitlines()) + 1


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
