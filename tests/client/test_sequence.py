"""A key's sequence file: no number is given out twice, under concurrency, crashes, expiry and damage."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from client.limits import limited
from creditledger.acts.catalogue import ListOpen
from creditledger.client.compose import compose
from creditledger.client.sequence import (
    CLOCK_MARGIN,
    MAX_PENDING,
    MAX_SEQUENCE_BYTES,
    KeyState,
    Pending,
    Position,
    SequenceFile,
)
from creditledger.errors import FormatError, SequenceConflict, StoreError, UnsupportedError, UsageError
from creditledger.record.entry import ZERO_HASH, Entry, decode_entry, entry_hash

KEY = b"\x01" + bytes(range(32))
LEDGER = b"\x11" * 32
LEAF = b"\x22" * 32
NOW = 1_772_000_000_000_000
MINUTE = 60_000_000
HOUR = 60 * MINUTE


@pytest.fixture
def file(tmp_path: Path) -> SequenceFile:
    """The sequence of a key that was just added to the ledger."""
    sequence = SequenceFile(tmp_path / "court.key.seq.json", KEY)
    sequence.adopt(LEDGER, 0, LEAF)
    return sequence


def builder(
    *, now: int = NOW, valid_for: int = HOUR, seen: tuple[int, bytes] | None = None, list_id: str = "list"
) -> Callable[[Position], Entry]:
    def build(position: Position) -> Entry:
        return compose(
            [ListOpen(list_id, "2026-01-01")],
            ledger_id=LEDGER,
            authority="court",
            key=KEY,
            sequence=position,
            valid_for=valid_for,
            now=now,
            seen=seen,
        )

    return build


def test_entries_signed_offline_follow_one_another(file: SequenceFile) -> None:
    first = file.reserve(LEDGER, builder(), now=NOW)
    second = file.reserve(LEDGER, builder(), now=NOW)
    assert decode_entry(first)[3:5] == (0, LEAF)
    assert decode_entry(second)[3:5] == (1, entry_hash(first))
    assert [one.digest for one in file.state(LEDGER).pending] == [entry_hash(first), entry_hash(second)]
    assert file.path.stat().st_mode & 0o777 == 0o600


def test_a_key_has_a_sequence_in_each_ledger(file: SequenceFile) -> None:
    other = b"\x33" * 32
    file.adopt(other, 4, b"\x44" * 32, 9)
    file.reserve(LEDGER, builder(), now=NOW)
    assert file.position(other, now=NOW) == (4, b"\x44" * 32, 9)
    assert file.position(LEDGER, now=NOW).author_seq == 1


def test_a_ledger_nothing_is_known_about_is_refused_with_the_way_out(file: SequenceFile) -> None:
    with pytest.raises(UsageError, match=r"Take it over from the ledger.*sign --position .*--adopt N:HASH"):
        file.position(b"\x55" * 32, now=NOW)


def test_the_founding_entry_needs_no_state(tmp_path: Path) -> None:
    assert SequenceFile(tmp_path / "seq", KEY).position(ZERO_HASH, now=NOW) == (0, ZERO_HASH, 0)


def test_a_symbolic_link_to_a_key_leads_to_the_same_sequence(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "court.key").touch()
    (tmp_path / "link.key").symlink_to(tmp_path / "real" / "court.key")
    assert SequenceFile.beside(tmp_path / "link.key", KEY).path == tmp_path / "real" / "court.key.seq.json"


def test_a_number_is_signed_again_only_after_the_first_entry_expired(file: SequenceFile) -> None:
    first = file.reserve(LEDGER, builder(valid_for=HOUR), now=NOW)
    last_refused = NOW + HOUR + CLOCK_MARGIN
    with pytest.raises(SequenceConflict, match=r"its number is free from 25 February 2026, 07:18:21 UTC"):
        file.reserve(LEDGER, builder(now=last_refused), now=last_refused, replace=True)
    second = file.reserve(LEDGER, builder(now=last_refused + 1), now=last_refused + 1, replace=True)
    assert decode_entry(second)[3:5] == decode_entry(first)[3:5]
    assert [one.digest for one in file.state(LEDGER).pending] == [entry_hash(second)]


def test_every_entry_that_would_be_replaced_must_have_expired(file: SequenceFile) -> None:
    file.reserve(LEDGER, builder(valid_for=HOUR), now=NOW)
    file.reserve(LEDGER, builder(valid_for=5 * HOUR), now=NOW)
    with pytest.raises(SequenceConflict, match=r"entry number 1 .* can still be recorded"):
        file.position(LEDGER, now=NOW + 2 * HOUR, replace=True)


def test_after_an_expiry_nothing_is_signed_until_somebody_says_what_became_of_the_entry(file: SequenceFile) -> None:
    first = file.reserve(LEDGER, builder(), now=NOW)
    later = NOW + HOUR + 1
    with pytest.raises(SequenceConflict, match=r"expired on .* is not known to be recorded.*--replace.*--void"):
        file.position(LEDGER, now=later)
    file.adopt(LEDGER, 1, entry_hash(first))
    assert file.position(LEDGER, now=later) == (1, entry_hash(first), 0)


def test_a_receipt_confirms_an_entry_and_those_before_it(file: SequenceFile) -> None:
    digests = [entry_hash(file.reserve(LEDGER, builder(), now=NOW)) for _ in range(3)]
    file.confirm(LEDGER, 1, digests[1])
    state = file.state(LEDGER)
    assert (state.next_seq, state.prev, len(state.pending)) == (2, digests[1], 1)
    file.confirm(LEDGER, 1, digests[1])
    assert file.state(LEDGER) == state
    with pytest.raises(SequenceConflict, match="somebody else has it"):
        file.confirm(LEDGER, 2, b"\x66" * 32)
    with pytest.raises(UsageError, match="no entry number 3"):
        file.confirm(LEDGER, 3, b"\x66" * 32)


def test_adopting_drops_what_is_recorded_and_keeps_what_is_not(file: SequenceFile) -> None:
    digests = [entry_hash(file.reserve(LEDGER, builder(seen=(7, LEAF)), now=NOW)) for _ in range(3)]
    state = file.adopt(LEDGER, 2, digests[1], 5)
    assert state == file.state(LEDGER)
    assert (state.next_seq, state.prev, state.seen_size) == (2, digests[1], 7)
    assert [one.digest for one in state.pending] == digests[2:]


@pytest.mark.parametrize(("next_seq", "prev"), [(1, b"\x66" * 32), (2, b"\x66" * 32), (0, b"\x66" * 32)])
def test_an_entry_in_the_ledger_that_was_not_signed_here_is_an_alarm(
    file: SequenceFile, next_seq: int, prev: bytes
) -> None:
    for _ in range(2):
        file.reserve(LEDGER, builder(), now=NOW)
    before = file.state(LEDGER)
    with pytest.raises(SequenceConflict, match="find out which, and revoke it if in doubt"):
        file.adopt(LEDGER, next_seq, prev)
    assert file.state(LEDGER) == before
    assert file.adopt(LEDGER, next_seq, prev, force=True) == KeyState(next_seq, prev, 0)


def test_an_old_copy_of_the_ledger_does_not_turn_the_sequence_back(file: SequenceFile) -> None:
    file.adopt(LEDGER, 5, b"\x66" * 32)
    with pytest.raises(SequenceConflict, match="knows 4 entries of this key, and 5 are known"):
        file.adopt(LEDGER, 4, b"\x77" * 32)


def test_a_number_whose_signature_was_never_made_is_given_back(file: SequenceFile) -> None:
    first = entry_hash(file.reserve(LEDGER, builder(), now=NOW))
    second = entry_hash(file.reserve(LEDGER, builder(), now=NOW))
    file.release(LEDGER, first)
    assert len(file.state(LEDGER).pending) == 2, "another entry follows it already"
    file.release(LEDGER, second)
    file.release(LEDGER, first)
    assert file.position(LEDGER, now=NOW) == (0, LEAF, 0)


def test_the_checkpoints_cited_never_shrink(file: SequenceFile) -> None:
    file.reserve(LEDGER, builder(seen=(7, LEAF)), now=NOW)
    with pytest.raises(UsageError, match="cites size 7"):
        file.reserve(LEDGER, builder(seen=(6, LEAF)), now=NOW)
    assert len(file.state(LEDGER).pending) == 1


def test_an_entry_prepared_for_a_number_that_was_taken_meanwhile_is_refused(file: SequenceFile) -> None:
    shown = builder(list_id="shown")(file.position(LEDGER, now=NOW))
    file.reserve(LEDGER, builder(), now=NOW)
    with pytest.raises(UsageError, match="another was signed meanwhile"):
        file.reserve(LEDGER, lambda _: shown, now=NOW)
    with pytest.raises(UsageError, match="this is the sequence of key"):
        file.reserve(LEDGER, lambda _: shown._replace(key=b"\x01" + bytes(32)), now=NOW)


def test_numbers_are_given_up_only_once_everything_signed_from_them_on_has_expired(file: SequenceFile) -> None:
    digests = [entry_hash(file.reserve(LEDGER, builder(valid_for=n * HOUR), now=NOW)) for n in (1, 3)]
    recordable, expired = (
        "entry number 1 .* can still be recorded by whoever has a copy",
        "entry number 1 .* expired at",
    )
    last_refused = NOW + 3 * HOUR + CLOCK_MARGIN
    for now, why in ((NOW, recordable), (last_refused - CLOCK_MARGIN, recordable), (last_refused, expired)):
        with pytest.raises(SequenceConflict, match=why):
            file.void(LEDGER, now=now)
    assert len(file.state(LEDGER).pending) == 2
    later = NOW + 3 * HOUR + CLOCK_MARGIN + 1
    assert [one.digest for one in file.void(LEDGER, now=later)] == digests
    assert file.position(LEDGER, now=later) == (0, LEAF, 0)
    assert file.void(LEDGER, now=later) == ()


def test_trying_out_what_adopting_would_say_writes_nothing(tmp_path: Path) -> None:
    file = SequenceFile(tmp_path / "court.key.seq.json", KEY)
    assert file.outlook(LEDGER, 3, LEAF, 7) == KeyState(3, LEAF, 7)
    assert list(tmp_path.iterdir()) == []
    file.adopt(LEDGER, 3, LEAF, 7)
    digest = entry_hash(file.reserve(LEDGER, builder(seen=(7, LEAF)), now=NOW))
    before = file.path.read_bytes()
    assert file.outlook(LEDGER, 4, digest) == KeyState(4, digest, 7)
    assert file.outlook(LEDGER, 3, LEAF).pending[0].digest == digest
    with pytest.raises(SequenceConflict, match="somebody else has it"):
        file.outlook(LEDGER, 4, LEAF)
    assert file.path.read_bytes() == before


def test_the_file_that_a_number_went_into_is_remembered_whole(
    file: SequenceFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file.reserve(LEDGER, builder(), now=NOW, file="a.json.signed")
    file.reserve(LEDGER, builder(), now=NOW)
    assert [one.file for one in file.state(LEDGER).pending] == [str(tmp_path / "a.json.signed"), None]
    with pytest.raises(SequenceConflict, match=r"written to .*a\.json\.signed\) of this key expired"):
        file.position(LEDGER, now=NOW + HOUR + 1)
    document = json.loads(file.path.read_bytes())
    for one in document["ledgers"][LEDGER.hex()]["pending"]:
        one.pop("file")
    file.path.write_text(json.dumps(document))
    assert [one.file for one in file.state(LEDGER).pending] == [None, None], "a file written before this was noted"
    document["ledgers"][LEDGER.hex()]["pending"][0]["file"] = 7
    file.path.write_text(json.dumps(document))
    with pytest.raises(FormatError, match="cannot be used"):
        file.states()


class Signed(NamedTuple):
    at: int
    not_after: int
    author_seq: int
    prev: bytes
    digest: bytes


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("sign"), st.integers(1, 3 * HOUR)),
        st.tuples(st.just("wait"), st.integers(0, 2 * HOUR)),
        st.tuples(st.just("append"), st.integers(0, 5)),
        st.tuples(st.just("adopt"), st.just(0)),
        st.tuples(st.just("confirm"), st.just(0)),
        st.tuples(st.just("release"), st.just(0)),
    ),
    max_size=40,
)


@given(STEPS)
@settings(max_examples=150, deadline=None)
def test_an_author_that_follows_the_file_is_never_caught_signing_twice(steps: list[tuple[str, int]]) -> None:
    """Against a naive ledger: what is signed is accepted in order, and two entries at one number never overlap."""
    signed: list[Signed] = []
    log: list[bytes] = []
    now = NOW
    with tempfile.TemporaryDirectory() as folder:
        file = SequenceFile(Path(folder) / "seq.json", KEY)
        file.adopt(LEDGER, 0, LEAF)
        for number, (step, value) in enumerate(steps):
            tip = log[-1] if log else LEAF
            if step == "sign":
                build = builder(now=now, valid_for=value, list_id=f"list-{number}")
                try:
                    data = file.reserve(LEDGER, build, now=now)
                except SequenceConflict:
                    file.adopt(LEDGER, len(log), tip)
                    if any(one.not_after + CLOCK_MARGIN >= now for one in file.state(LEDGER).pending):
                        continue
                    data = file.reserve(LEDGER, build, now=now, replace=True)
                entry = decode_entry(data)
                signed.append(Signed(now, entry.not_after, entry.author_seq, entry.author_prev, entry_hash(data)))
            elif step == "wait":
                now += value
            elif step == "append" and signed:
                one = signed[max(0, len(signed) - 1 - value)]
                if (one.author_seq, one.prev) == (len(log), tip) and one.not_after >= now:
                    log.append(one.digest)
            elif step == "adopt":
                file.adopt(LEDGER, len(log), tip)
            elif step == "confirm" and log:
                file.confirm(LEDGER, len(log) - 1, tip)
            elif step == "release" and signed and signed[-1].digest not in log:
                file.release(LEDGER, signed.pop().digest)
    for index, later in enumerate(signed):
        for earlier in signed[:index]:
            if earlier.author_seq == later.author_seq:
                assert earlier.not_after < later.at


def python(script: str, *arguments: str) -> subprocess.Popen[str]:
    """Start another process that has this module's names; it can be talked to by its standard input and output."""
    whole = f"import sys; sys.path[:0] = sys.argv[2:]\nfrom client.test_sequence import *\n{script}"
    command = [sys.executable, "-c", whole, *arguments, *sys.path]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_processes_that_sign_at_once_are_given_different_numbers_in_one_chain(file: SequenceFile) -> None:
    script = (
        "file = SequenceFile(sys.argv[1], KEY); print('ready', flush=True); input()\n"
        "for number in range(10):\n"
        "    entry = decode_entry(file.reserve(LEDGER, builder(list_id=f'list-{number}'), now=NOW))\n"
        "    print(entry.author_seq, entry.author_prev.hex())"
    )
    processes = [python(script, str(file.path)) for _ in range(4)]
    assert [process.stdout.readline() for process in processes if process.stdout] == ["ready\n"] * 4
    for process in processes:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    output = "".join(process.communicate(timeout=60)[0] for process in processes)
    given_out = sorted((int(number), prev) for number, prev in (line.split() for line in output.splitlines()))
    pending = file.state(LEDGER).pending
    assert [number for number, _ in given_out] == list(range(40)) == [one.author_seq for one in pending]
    assert [prev for _, prev in given_out] == [one.hex() for one in (LEAF, *(one.digest for one in pending[:-1]))]


def test_a_number_stays_taken_when_the_process_is_killed_before_it_signs(file: SequenceFile) -> None:
    script = (
        "import os, signal\n"
        "SequenceFile(sys.argv[1], KEY).reserve(LEDGER, builder(), now=NOW); os.kill(os.getpid(), signal.SIGKILL)"
    )
    with python(script, str(file.path)) as process:
        assert process.wait(timeout=60) == -9
    assert file.position(LEDGER, now=NOW).author_seq == 1


def test_when_the_disk_refuses_no_number_is_given_out_and_nothing_is_left_behind(file: SequenceFile) -> None:
    before = file.path.read_bytes()
    with limited(resource.RLIMIT_FSIZE, 10), pytest.raises(StoreError, match="file size limit"):
        file.reserve(LEDGER, builder(), now=NOW)
    assert file.path.read_bytes() == before
    assert sorted(path.name for path in file.path.parent.iterdir()) == [file.path.name, f"{file.path.name}.lock"]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="does not exist"):
        SequenceFile(tmp_path / "gone" / "seq.json", KEY).adopt(LEDGER, 0, LEAF)


def document(**changes: Any) -> dict[str, Any]:
    """A sequence file with one pending entry, some of its ledger's values replaced."""
    pending = [{"author_seq": 3, "hash": "66" * 32, "not_after": NOW}]
    ledger = {"next_seq": 3, "prev": "22" * 32, "seen_size": 0, "pending": pending} | changes
    return {"format": "creditledger/sequence/v1", "key": KEY.hex(), "ledgers": {LEDGER.hex(): ledger}}


def test_the_file_says_what_it_is_documented_to_say(file: SequenceFile) -> None:
    file.path.write_text(json.dumps(document()))
    assert file.states() == {LEDGER: KeyState(3, LEAF, 0, (Pending(3, b"\x66" * 32, NOW),))}


def test_no_more_entries_wait_than_the_file_can_hold(file: SequenceFile) -> None:
    waiting = [{"author_seq": 3 + i, "hash": "66" * 32, "not_after": NOW} for i in range(MAX_PENDING)]
    file.path.write_text(json.dumps(document(pending=waiting)))
    with pytest.raises(UsageError, match="append some first"):
        file.reserve(LEDGER, builder(), now=NOW)


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b"9" * 5000,
        json.dumps(document() | {"ledgers": []}).encode(),
        json.dumps(document() | {"key": 2}).encode(),
        json.dumps(document() | {"ledgers": {"11": {}}}).encode(),
        json.dumps(document(next_seq=-1, pending=[])).encode(),
        json.dumps(document(next_seq=2)).encode(),
        json.dumps(document(next_seq=3.0)).encode(),
        json.dumps(document(seen_size=2**53)).encode(),
        json.dumps(document(prev="22" * 31)).encode(),
        json.dumps(document(prev=None)).encode(),
        json.dumps(document(pending=[{}])).encode(),
        json.dumps(document(pending={"a": 1})).encode(),
        b" " * (MAX_SEQUENCE_BYTES + 1),
    ],
)
def test_a_damaged_file_is_an_error_and_never_a_fresh_start(file: SequenceFile, damaged: bytes) -> None:
    file.path.write_bytes(damaged)
    with pytest.raises(FormatError, match=r"the sequence file .*court\.key\.seq\.json"):
        file.reserve(LEDGER, builder(), now=NOW)
    assert file.path.read_bytes() == damaged


def test_a_file_of_another_key_or_version_is_refused(file: SequenceFile) -> None:
    with pytest.raises(UsageError, match="belongs to key 0100"):
        SequenceFile(file.path, b"\x01" + bytes(32)).states()
    file.path.write_text(json.dumps(document() | {"format": "creditledger/sequence/v2"}))
    with pytest.raises(UnsupportedError, match="this version reads 'creditledger/sequence/v1'"):
        file.states()


def test_a_link_that_leads_nowhere_is_not_taken_for_no_file(file: SequenceFile) -> None:
    file.path.unlink()
    file.path.symlink_to("nowhere")
    with pytest.raises(UsageError, match="does not exist"):
        file.states()


@pytest.mark.parametrize(
    ("ledger_id", "next_seq", "prev"),
    [(b"short", 0, LEAF), (LEDGER, -1, LEAF), (LEDGER, 0, b""), (LEDGER, 2**53, LEAF)],
)
def test_values_out_of_range_are_not_adopted(file: SequenceFile, ledger_id: bytes, next_seq: int, prev: bytes) -> None:
    with pytest.raises(FormatError):
        file.adopt(ledger_id, next_seq, prev)


def test_the_sequence_of_something_that_is_no_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="a key is 33 bytes"):
        SequenceFile(tmp_path / "seq", bytes(33))


def test_running_out_of_descriptors_is_a_store_error(file: SequenceFile) -> None:
    with limited(resource.RLIMIT_NOFILE, 3), pytest.raises(StoreError, match="too many files are open"):
        file.adopt(LEDGER, 1, LEAF)


def test_a_key_used_at_two_desks_is_told_the_way_on_only_where_the_entry_here_is_dead(file: SequenceFile) -> None:
    file.reserve(LEDGER, builder(), now=NOW)
    with pytest.raises(SequenceConflict, match=r"another desk, .* can never be recorded, .*KEY\.seq\.json away"):
        file.adopt(LEDGER, 1, b"\x55" * 32)
    file.adopt(LEDGER, 1, b"\x55" * 32, force=True)
    with pytest.raises(SequenceConflict) as lost:
        file.adopt(LEDGER, 1, b"\x66" * 32)
    assert "another desk" not in str(lost.value), "what was recorded once is gone: that is no case for moving files"
