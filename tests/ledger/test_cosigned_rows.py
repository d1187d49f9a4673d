"""The row of a checkpoint: how signatures are merged into it, and which of them is the newest that meets a policy."""

from __future__ import annotations

import os
from base64 import b64encode
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from creditledger.errors import FormatError, VerificationFailed
from creditledger.ledger.cosigning import MAX_CHECKPOINT_BYTES, merged
from creditledger.ledger.founding import LogSigner
from creditledger.ledger.layout import LOG_TABLES, Layout
from creditledger.ledger.ledger import Ledger
from creditledger.ledger.log import Log, seq_key
from creditledger.ledger.witnessing import WitnessedCheckpoints
from creditledger.rules.governance_state import Governance
from creditledger.rules.rows import KeyRow
from creditledger.store.head import MAX_CHECKPOINT
from creditledger.store.memory import MemoryEngine
from creditledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from creditledger.tlog.cosignature import CosignatureSigner
from creditledger.tlog.note import MAX_SIGNATURES, Signature
from creditledger.tlog.policy import Group, Policy, Witness
from creditledger.transfer.export import export_ledger
from creditledger.transfer.restore import restore_ledger
from ledger.cosigned import LOG_KEY, change_log, names, open_with
from support.registry import ORIGIN, Registry, listing, signer
from support.witness import FakeWitness, policy_of

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
