"""The ledger as a library: appending, asking in two times, reopening, reading beside the writer."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from creditledger.acts import catalogue as acts
from creditledger.acts.content import commit
from creditledger.acts.kinds import Commitment, Subject
from creditledger.errors import (
    CannotVerify,
    FormatError,
    Locked,
    NoLedger,
    Refused,
    SequenceConflict,
    StoreError,
    UnsupportedError,
    UsageError,
    VerificationFailed,
)
from creditledger.ledger.layout import LOG_TABLES
from creditledger.ledger.ledger import Ledger
from creditledger.ledger.receipt import ContentItem, Receipt
from creditledger.record.entry import check_entry, decode_entry, encode_entry
from creditledger.store.lmdb_engine import LmdbEngine
from creditledger.tlog.checkpoint import open_checkpoint
from creditledger.tlog.note import NoteVerifier
from creditledger.tlog.tree import Frontier, leaf_hash
from support.registry import LIST, ORIGIN, Registry, by_root, firm, listing, signer


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path)


@pytest.fixture
def ledger(registry: Registry) -> Iterator[Ledger]:
    with registry.create() as opened:
        yield opened


def test_a_listing_is_found_from_its_first_day_until_its_last(ledger: Ledger) -> None:
    receipt = ledger.append(listing(1), signer=signer("court"))
    statuses = {
        day: ledger.lookup(firm(1), LIST, valid_at=day).status
        for day in ("2026-03-02", "2026-03-03", "2028-03-02", "2028-03-03")
    }
    assert statuses == {
        "2026-03-02": "not-yet-effective",
        "2026-03-03": "listed",
        "2028-03-02": "listed",
        "2028-03-03": "expired",
    }
    answer = ledger.lookup(firm(1), LIST, valid_at="2026-03-03")
    assert [str(address) for address in answer.because] == [receipt.address]
    assert answer.is_restricted


def test_nothing_recorded_is_not_called_clean(ledger: Ledger) -> None:
    answer = ledger.lookup(firm(9), LIST)
    assert answer.status == "nothing-recorded"
    assert answer.listings == ()


def test_an_unknown_list_is_a_usage_error_that_names_the_known_ones(ledger: Ledger) -> None:
    with pytest.raises(UsageError, match=LIST):
        ledger.lookup(firm(1), "no-such-list")
    with pytest.raises(UsageError, match=LIST):
        ledger.members("no-such-list")


@pytest.mark.parametrize("day", ["2026-02-30", "20260301", "2026-3-1", "", "1.3.2026"])
def test_a_day_that_is_none_is_refused_not_answered(ledger: Ledger, day: str) -> None:
    with pytest.raises(UsageError, match="not well formed"):
        ledger.lookup(firm(1), LIST, valid_at=day)
    with pytest.raises(UsageError, match="not well formed"):
        ledger.members(LIST, valid_at=day)


def test_a_subject_that_is_none_is_refused_not_answered(ledger: Ledger) -> None:
    for subject in ("ab", "uscc:91110000600037341L", Subject("uscc", "91110000600037341X"), Subject("name", "Ana")):
        with pytest.raises(UsageError, match="not well formed"):
            ledger.lookup(subject, LIST)  # type: ignore[arg-type]  # what a careless caller may do


def test_every_commit_has_a_checkpoint_over_exactly_the_records(ledger: Ledger) -> None:
    for number in range(3):
        ledger.append(listing(number), signer=signer("court"))
    verifier = NoteVerifier(ORIGIN, signer("log").public_key[1:])
    frontier, roots = Frontier(), {}
    for seq, data in ledger.records():
        frontier.push(leaf_hash(data))
        roots[seq + 1] = frontier.root()
    found = {size: open_checkpoint(note, [verifier], ORIGIN) for size, note in ledger.log.checkpoints()}
    assert {size: (one.size, one.root) for size, one in found.items()} == {
        size: (size, roots[size]) for size in range(1, ledger.size + 1)
    }
    assert ledger.root == roots[ledger.size]


def test_the_same_bytes_sent_twice_return_the_first_receipt(registry: Registry, ledger: Ledger) -> None:
    data, signatures = ledger.sign([listing(1)], signer=signer("court"))
    first = ledger.append_signed(data, signatures)
    size = ledger.size
    # Decided before any rule: long after the entry expired it is still the same act, not a new one.
    registry.clock.set("2031-01-01")
    assert ledger.append_signed(data, signatures) == first
    assert ledger.size == size


def test_another_entry_at_a_used_number_is_a_conflict(ledger: Ledger) -> None:
    data, _ = ledger.sign([listing(1)], signer=signer("court"))
    ledger.append_signed(data, [signer("court").sign(data)])
    other = encode_entry(decode_entry(data)._replace(acts=(listing(2),)))
    with pytest.raises(SequenceConflict, match="another entry"):
        ledger.append_signed(other, [signer("court").sign(other)])


def test_a_refusal_names_the_rule_and_leaves_nothing_behind(ledger: Ledger) -> None:
    before = (ledger.size, ledger.root, ledger.state_digest())
    with pytest.raises(Refused) as refusal:
        ledger.append([listing(1), listing(2, until="2029-01-01")], signer=signer("court"))
    assert (refusal.value.rule, refusal.value.act_index) == ("R-TERM", 1)
    assert (ledger.size, ledger.root, ledger.state_digest()) == before


def test_entries_appended_together_are_recorded_all_or_none(ledger: Ledger) -> None:
    court = signer("court")
    good, signatures = ledger.sign([listing(1)], signer=court)
    entry = decode_entry(good)
    bad = encode_entry(
        entry._replace(author_seq=entry.author_seq + 1, author_prev=check_entry(good, signatures).digest,
                       acts=(listing(2, until="2029-01-01"),))
    )  # fmt: skip
    before = ledger.state_digest()
    with pytest.raises(Refused, match="R-TERM"):
        ledger.append_all([(good, signatures), (bad, [court.sign(bad)])])
    assert ledger.state_digest() == before
    assert ledger.append_all([(good, signatures)])[0].acts == 1


def test_a_batch_is_judged_without_being_recorded(ledger: Ledger) -> None:
    data, signatures = ledger.sign([listing(1)], signer=signer("court"))
    before = (ledger.size, ledger.state_digest())
    ledger.check_batch([(data, signatures)])
    assert (ledger.size, ledger.state_digest()) == before
    ledger.append_signed(data, signatures)
    with pytest.raises(Refused, match="R-DUPLICATE"):
        ledger.check_batch([ledger.sign([listing(1)], signer=signer("court"))])


def test_an_expired_entry_is_refused(registry: Registry, ledger: Ledger) -> None:
    data, signatures = ledger.sign([listing(1)], signer=signer("court"), not_after=registry.clock.now + 10_000_000)
    registry.clock.set("2026-03-03")
    with pytest.raises(Refused, match="R-ENTRY-EXPIRED"):
        ledger.append_signed(data, signatures)


def test_recorded_times_never_go_back_when_the_clock_does(registry: Registry, ledger: Ledger) -> None:
    first = ledger.append(listing(1), signer=signer("court"))
    registry.clock.set("2026-03-01")
    with pytest.raises(Refused, match="R-ENTRY-EXPIRED"):
        ledger.append(listing(2), signer=signer("court"))
    second = ledger.append(listing(2), signer=signer("court"), not_after=2**52)
    assert second.recorded_at == first.recorded_at


def test_seen_must_be_a_true_checkpoint_and_grow(ledger: Ledger) -> None:
    court = signer("court")
    ledger.append(listing(1), signer=court, seen=(ledger.size, ledger.root))
    for seen in ((ledger.size, bytes(32)), (ledger.size + 1, ledger.root), (1, next(iter(_roots(ledger))))):
        with pytest.raises(Refused, match="R-ENTRY-SEEN"):
            ledger.append(listing(2), signer=court, seen=seen)


def _roots(ledger: Ledger) -> Iterator[bytes]:
    frontier = Frontier()
    for _, data in ledger.records():
        frontier.push(leaf_hash(data))
        yield frontier.root()


def test_what_was_known_then_can_be_asked_now(registry: Registry, ledger: Ledger) -> None:
    receipt = ledger.append(listing(1), signer=signer("court"))
    moment = registry.clock.now
    registry.clock.set("2026-05-01")
    ledger.append(
        acts.ListingRemove(LIST, firm(1), receipt.ref(), "performed", "2026-04-01", "2026-04-01"),
        signer=signer("court"),
    )
    assert ledger.lookup(firm(1), LIST, valid_at="2026-04-15").status == "removed"
    then = ledger.lookup(firm(1), LIST, valid_at="2026-04-15", known_at=moment)
    assert (then.status, then.size) == ("listed", receipt.seq + 1)
    assert [s for s, *_ in ledger.members(LIST, valid_at="2026-04-15")] == []
    assert [s for s, *_ in ledger.members(LIST, valid_at="2026-04-15", known_at=moment)] == [firm(1)]
    (changed,) = ledger.diff(LIST, ("2026-04-15", moment), ("2026-04-15", None))
    assert changed == (firm(1), "listed", "removed")


def test_members_and_history_follow_the_log(ledger: Ledger) -> None:
    court = signer("court")
    receipt = ledger.append([listing(number) for number in range(5)], signer=court)
    ledger.append(acts.ListingAnnul(LIST, firm(3), receipt.ref(3), "listed_in_error", "2026-03-02"), signer=court)
    listed = {subject for subject, *_ in ledger.members(LIST, valid_at="2026-04-01")}
    assert listed == {firm(0), firm(1), firm(2), firm(4)}
    everybody = {subject: status for subject, status, _ in ledger.members(LIST, valid_at="2026-04-01", every=True)}
    assert everybody[firm(3)] == "annulled"
    assert [type(item.act) for item in ledger.history(firm(3), LIST)] == [acts.ListingAdd, acts.ListingAnnul]
    assert ledger.history(firm(99), LIST) == []


def test_members_are_those_of_the_moment_of_asking(ledger: Ledger) -> None:
    ledger.append(listing(1), signer=signer("court"))
    found = ledger.members(LIST, valid_at="2026-04-01")
    ledger.append(listing(2), signer=signer("court"))
    assert [subject for subject, *_ in found] == [firm(1)]


def test_replay_gives_the_same_state_in_memory_on_disk_and_after_reopening(registry: Registry) -> None:
    with registry.create() as ledger:
        for number in range(20):
            ledger.append([listing(number), listing(100 + number)], signer=signer("court"))
        digest = ledger.state_digest()
        assert ledger.replay().digest() == digest
    with registry.read() as reader:
        assert reader.state_digest() == digest
    shutil.rmtree(registry.directory / "state")
    with registry.read() as reader:
        assert reader.state_digest() == digest
    with registry.open() as writer:
        assert writer.state_digest() == digest
        assert (registry.directory / "state" / "data.mdb").exists()


@pytest.mark.parametrize("damage", [b"", b"not a database", b"\0" * 8192], ids=["empty", "text", "zeros"])
def test_a_damaged_state_is_rebuilt_and_never_blocks_the_log(registry: Registry, damage: bytes) -> None:
    with registry.create() as ledger:
        ledger.append(listing(1), signer=signer("court"))
        digest = ledger.state_digest()
    (registry.directory / "state" / "data.mdb").write_bytes(damage)
    with registry.read() as reader:
        assert reader.state_digest() == digest
    with registry.open() as writer:
        assert writer.state_digest() == digest


def test_a_cut_file_is_refused_or_rebuilt_and_never_ends_the_process(registry: Registry) -> None:
    with registry.create() as ledger:
        ledger.append([listing(number) for number in range(200)], signer=signer("court"))
        digest = ledger.state_digest()
    for name in ("state", "log"):
        path = registry.directory / name / "data.mdb"
        whole = path.read_bytes()
        for length in (8192, 12288, len(whole) // 2, len(whole) - 1):
            path.write_bytes(whole[:length])
            if name == "state":
                with registry.read() as reader:
                    assert reader.state_digest() == digest
            else:
                with pytest.raises(StoreError, match="cut"):
                    registry.read()
        path.write_bytes(whole)


def test_a_state_of_another_log_or_ahead_of_it_is_not_served(registry: Registry, tmp_path: Path) -> None:
    with registry.create() as ledger:
        digest = ledger.state_digest()
    shutil.copytree(registry.directory, tmp_path / "earlier")
    with registry.open() as ledger:
        ledger.append(listing(1), signer=signer("court"))
    # The log of before, with the state of after.
    shutil.rmtree(tmp_path / "earlier" / "state")
    shutil.copytree(registry.directory / "state", tmp_path / "earlier" / "state")
    with Ledger.open(tmp_path / "earlier") as reader:
        assert reader.state_digest() == digest
        assert reader.lookup(firm(1), LIST).status == "nothing-recorded"


def test_replay_to_an_earlier_size_is_the_state_of_then(ledger: Ledger) -> None:
    digests = {}
    for number in range(3):
        ledger.append(listing(number), signer=signer("court"))
        digests[ledger.size] = ledger.state_digest()
    assert {size: ledger.replay(size=size).digest() for size in digests} == digests
    with pytest.raises(UsageError, match="cannot be replayed"):
        ledger.replay(size=ledger.size + 1)


READER = """
import sys
from pathlib import Path
from support.registry import LIST, Registry, firm

with Registry(Path(sys.argv[1])).read() as reader:
    for line in sys.stdin:
        answer = reader.lookup(firm(1), LIST, valid_at="2026-04-01")
        print(answer.status, answer.size, reader.state_digest().hex(), flush=True)
"""


def test_a_reader_process_beside_the_writer_sees_each_commit(registry: Registry, ledger: Ledger) -> None:
    paths = os.pathsep.join(path for path in sys.path if path)
    with subprocess.Popen(
        [sys.executable, "-c", READER, str(registry.directory.parent)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": paths},
    ) as reader:  # fmt: skip
        assert reader.stdin is not None
        assert reader.stdout is not None

        def ask() -> list[str]:
            reader.stdin.write("?\n")  # type: ignore[union-attr]
            reader.stdin.flush()  # type: ignore[union-attr]
            return reader.stdout.readline().split()  # type: ignore[union-attr]

        assert ask() == ["nothing-recorded", str(ledger.size), ledger.state_digest().hex()]
        ledger.append(listing(1), signer=signer("court"))
        assert ask() == ["listed", str(ledger.size), ledger.state_digest().hex()]
        by_root(ledger, acts.LawRegister("law-2", "Another", "1", "Parliament", "2020-01-01"))
        assert ask() == ["listed", str(ledger.size), ledger.state_digest().hex()]
        reader.stdin.close()


def test_a_ledger_opened_to_read_does_not_append(registry: Registry) -> None:
    registry.create().close()
    with registry.read() as reader, pytest.raises(UsageError, match="open to read"):
        reader.append(listing(2), signer=signer("court"))


def test_a_second_writer_is_refused(registry: Registry, ledger: Ledger) -> None:
    with pytest.raises(Locked):
        registry.open()
    ledger.close()
    registry.open().close()


def test_concurrent_appends_are_each_recorded_once(ledger: Ledger) -> None:
    def work(name: int) -> None:
        # Every thread founds its own chain: a key signs one entry after the other.
        key = signer(f"thread-{name}")
        receipts.extend(ledger.append(listing(1000 * name + number), signer=key) for number in range(10))

    receipts: list[Receipt] = []
    for name in range(8):
        key = signer(f"thread-{name}")
        by_root(ledger, acts.KeyAdd("court", key.public_key, "act"), cosigners=[("court", key)])
    size = ledger.size
    threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(receipts) == 80
    assert ledger.size == size + 80
    assert {receipt.seq for receipt in receipts} == set(range(size, size + 80))
    assert ledger.replay().digest() == ledger.state_digest()
    assert len(list(ledger.log.checkpoints())) <= ledger.size


def test_a_refusal_in_a_group_does_not_touch_the_others(ledger: Ledger) -> None:
    results: dict[int, object] = {}

    def work(number: int) -> None:
        try:
            results[number] = ledger.append(
                listing(number, until="2030-01-01" if number % 2 else "2028-03-03"), signer=signer(f"t-{number}")
            )
        except Refused as refusal:
            results[number] = refusal.rule

    for number in range(8):
        key = signer(f"t-{number}")
        by_root(ledger, acts.KeyAdd("court", key.public_key, "act"), cosigners=[("court", key)])
    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [results[number] for number in range(1, 8, 2)] == ["R-TERM"] * 4
    assert {s for s, *_ in ledger.members(LIST, valid_at="2026-04-01")} == {firm(number) for number in range(0, 8, 2)}


# -- the head outside, copies and backups ---------------------------------------------------------------------------


def test_a_whole_directory_copy_restored_later_refuses_to_sign(registry: Registry, tmp_path: Path) -> None:
    registry.create().close()
    shutil.copytree(registry.directory, tmp_path / "backup")
    with registry.open() as ledger:
        ledger.append(listing(1), signer=signer("court"))
    shutil.rmtree(registry.directory)
    shutil.copytree(tmp_path / "backup", registry.directory)
    with pytest.raises(VerificationFailed, match=r"LED-HEAD.*old backup"):
        registry.open()
    with registry.read() as reader:
        assert reader.size > 0


def test_two_copies_of_one_ledger_cannot_both_go_on(registry: Registry, tmp_path: Path) -> None:
    registry.create().close()
    twin = Registry(tmp_path)
    twin.directory = tmp_path / "twin"
    shutil.copytree(registry.directory, twin.directory)
    with registry.open() as ledger:
        with pytest.raises(Locked):
            twin.open()
        ledger.append(listing(1), signer=signer("court"))
    with pytest.raises(VerificationFailed, match="LED-HEAD"):
        twin.open()


def test_another_history_of_the_same_length_refuses_to_sign(registry: Registry, tmp_path: Path) -> None:
    registry.create().close()
    twin = Registry(tmp_path)
    twin.directory, twin.heads = tmp_path / "twin", tmp_path / "other-heads"
    shutil.copytree(registry.directory, twin.directory)
    shutil.copytree(registry.heads, twin.heads)
    with twin.open() as ledger:
        ledger.append([listing(2)], signer=signer("court"))
        ledger.append([listing(3)], signer=signer("court"))
    with registry.open() as ledger:
        ledger.append(listing(1), signer=signer("court"))
    twin.heads = registry.heads
    with pytest.raises(VerificationFailed, match=r"LED-HEAD.*another history"):
        twin.open()


def test_a_machine_that_never_signed_does_not_begin_to(registry: Registry, tmp_path: Path) -> None:
    registry.create().close()
    registry.heads = tmp_path / "a-new-machine"
    with pytest.raises(CannotVerify, match="never signed"):
        registry.open()


def test_a_log_cut_behind_its_last_checkpoint_is_not_continued(registry: Registry) -> None:
    with registry.create() as ledger:
        ledger.append(listing(1), signer=signer("court"))
    engine = LmdbEngine.open(registry.directory / "log", LOG_TABLES)
    with engine.batch() as batch:
        last = batch.last("record")
        assert last is not None
        batch.delete("record", last[0])
    engine.close()
    with pytest.raises(VerificationFailed, match="LED-CKPT"):
        registry.open()


def test_a_record_changed_on_disk_is_not_served(registry: Registry) -> None:
    with registry.create() as ledger:
        ledger.append([listing(number) for number in range(3)], signer=signer("court"))
        target = ledger.size - 1
    engine = LmdbEngine.open(registry.directory / "log", LOG_TABLES)
    with engine.batch() as batch:
        key = target.to_bytes(8, "big")
        data = bytearray(batch.get("record", key) or b"")
        data[-1] ^= 1
        batch.put("record", key, bytes(data))
    engine.close()
    for opener in (registry.open, registry.read):
        with pytest.raises(VerificationFailed, match="LED-TREE"):
            opener()


# -- content ---------------------------------------------------------------------------------------------------------


def _person() -> tuple[Subject, ContentItem, acts.ListingAdd]:
    person, nonce, name = Subject.handle(b"\x42" * 32), b"\x07" * 32, b"Ana Arden"
    digest = commit(nonce, name)
    act = acts.ListingAdd(
        LIST, person, "sham-suit", "2026-03-01", "2026-03-03", "2028-03-03", content=(Commitment("name", digest),)
    )
    return person, ContentItem(LIST, person, digest, nonce, name), act


def test_content_is_kept_apart_read_by_commitment_and_erased_for_good(registry: Registry, ledger: Ledger) -> None:
    person, item, act = _person()
    ledger.append(act, signer=signer("court"), contents=[item])
    assert ledger.content(LIST, person, item.commitment) == b"Ana Arden"
    ledger.append(
        acts.ContentErase(LIST, person, (item.commitment,), "2026-03-02", "act", "s. 9"), signer=signer("court")
    )
    assert ledger.content(LIST, person, item.commitment) is None
    ledger.close()
    for path in registry.directory.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert b"Ana Arden" not in data, path
            assert item.nonce not in data, path
    with registry.read() as reader:
        assert reader.lookup(person, LIST, valid_at="2026-04-01").status == "listed"


def test_content_that_nobody_committed_to_is_refused(ledger: Ledger) -> None:
    _, item, act = _person()
    before = ledger.size
    with pytest.raises(VerificationFailed, match="LED-CONTENT"):
        ledger.append(act, signer=signer("court"), contents=[item._replace(content=b"Another name")])
    with pytest.raises(FormatError, match="does not commit"):
        ledger.append(listing(1), signer=signer("court"), contents=[item])
    assert ledger.size == before


def test_an_erasure_cut_off_by_a_crash_is_carried_out_at_the_next_opening(registry: Registry) -> None:
    person, item, act = _person()
    with registry.create() as ledger:
        ledger.append(act, signer=signer("court"), contents=[item])
    shutil.copytree(registry.directory / "private", registry.directory.parent / "before")
    shutil.copytree(registry.directory / "state", registry.directory.parent / "state")
    with registry.open() as ledger:
        ledger.append(
            acts.ContentErase(LIST, person, (item.commitment,), "2026-03-02", "act", "s. 9"), signer=signer("court")
        )
    # As if the power had failed between record and erasure: the log has it, content and state are those of before.
    for name, source in (("private", "before"), ("state", "state")):
        shutil.rmtree(registry.directory / name)
        shutil.copytree(registry.directory.parent / source, registry.directory / name)
    with registry.open() as ledger:
        assert ledger.content(LIST, person, item.commitment) is None


def test_erased_content_that_a_backup_brings_back_is_erased_again(registry: Registry) -> None:
    person, item, act = _person()
    with registry.create() as ledger:
        ledger.append(act, signer=signer("court"), contents=[item])
    shutil.copytree(registry.directory / "private", registry.directory.parent / "backup")
    with registry.open() as ledger:
        ledger.append(
            acts.ContentErase(LIST, person, (item.commitment,), "2026-03-02", "act", "s. 9"), signer=signer("court")
        )
    shutil.rmtree(registry.directory / "private")
    shutil.copytree(registry.directory.parent / "backup", registry.directory / "private")
    with registry.open() as ledger:
        assert ledger.content(LIST, person, item.commitment) is None


# -- opening what is not a ledger ------------------------------------------------------------------------------------


def test_opening_nothing_says_that_there_is_no_ledger(tmp_path: Path) -> None:
    with pytest.raises(NoLedger, match="no ledger"):
        Ledger.open(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", UnsupportedError),
        ("\0\1\2", FormatError),
        ('format = "creditledger/v2"\n', UnsupportedError),
        ('format = "creditledger/v1"\nengine = "lmdb"\norigin = "x"\nledger_id = "zz"\n', FormatError),
        ("#" * 20_000, UnsupportedError),
    ],
    ids=["empty", "binary", "version-2", "bad-id", "huge"],
)
def test_a_description_that_is_not_ours_is_refused(registry: Registry, text: str, error: type[Exception]) -> None:
    registry.create().close()
    (registry.directory / "ledger.toml").write_text(text)
    with pytest.raises(error):
        registry.read()


def test_founding_in_an_occupied_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "registry").mkdir()
    (tmp_path / "registry" / "something").touch()
    with pytest.raises(StoreError, match="not empty"):
        Registry(tmp_path).create()


def test_a_ledger_used_after_a_fork_is_refused(registry: Registry, ledger: Ledger) -> None:
    def child(pipe: int) -> None:
        try:
            ledger.lookup(firm(1), LIST)
            os.write(pipe, b"served")
        except StoreError as error:
            os.write(pipe, b"refused" if "fork" in str(error) else b"other")

    read, write = os.pipe()
    process = multiprocessing.get_context("fork").Process(target=child, args=(write,))
    process.start()
    process.join(20)
    assert os.read(read, 100) == b"refused"
