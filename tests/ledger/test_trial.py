"""Trying entries out on a ledger: the verdict of append, on a ledger open to read, and nothing remains of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from creditledger.acts.catalogue import ListingAdd, ListingRemove
from creditledger.acts.kinds import ActRef, Subject
from creditledger.client.compose import compose
from creditledger.client.sequence import Position
from creditledger.demo import generated
from creditledger.demo.story import tell
from creditledger.errors import LedgerError, Refused, SequenceConflict, StoreError, UsageError
from creditledger.ledger.founding import system_clock
from creditledger.ledger.ledger import Ledger
from creditledger.record.entry import Entry, decode_entry, encode_entry, entry_hash

SEED = 5
COURT = generated.signer(SEED, "district-court-1")
FIRM = Subject.parse("uscc:91110000600037341L")
ADD = ListingAdd("judgment-defaulters", FIRM, "able-but-refuses", "2024-01-02", "2024-01-02")


def build(place: Path) -> None:
    tell(place / "ledger", total=60, seed=SEED, content_key=bytes(32), head_dir=place / "heads")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demonstration ledger with its heads."""
    place = tmp_path_factory.mktemp("trial")
    build(place)
    return place


@pytest.fixture
def reader(place: Path) -> Iterator[Ledger]:
    with Ledger.open(place / "ledger") as ledger:
        yield ledger


def entry(ledger: Ledger, *acts: Any, **changes: Any) -> Entry:
    head = ledger.key_head(COURT.public_key)
    assert head is not None
    made = compose(
        acts, ledger_id=ledger.ledger_id, authority="district-court-1", key=COURT.public_key, sequence=Position(*head),
        now=system_clock(),
    )  # fmt: skip
    return made._replace(**changes)


def verdict(judge: Any) -> str:
    """What an attempt comes to: nothing, a rule, or the kind of error."""
    try:
        judge()
    except Refused as refusal:
        return f"{refusal.rule} {refusal.act_index}"
    except LedgerError as error:
        return type(error).__name__
    return "recorded"


def cases(ledger: Ledger) -> list[Entry]:
    good = entry(ledger, ADD)
    return [
        good,
        entry(ledger, ADD._replace(ground="no-such-ground")),
        entry(ledger, ADD, ADD._replace(list="no-such-list")),
        entry(ledger, ADD._replace(list="serious-violators")),
        entry(ledger, ListingRemove(ADD.list, FIRM, ActRef(bytes(32), 0), "performed", "2024-01-03", "2024-01-03")),
        entry(ledger, ADD, ListingRemove(ADD.list, FIRM, ActRef(None, 0), "performed", "2024-01-03", "2024-01-03")),
        good._replace(not_after=1),
        good._replace(ledger_id=bytes(32)),
        good._replace(author_seq=good.author_seq + 1),
        good._replace(author_seq=0),
        good._replace(seen=(3, bytes(32))),
        good._replace(authority="ombudsman"),
    ]


def test_the_verdict_is_that_of_appending(place: Path) -> None:
    with Ledger.open(place / "ledger") as reader:
        before = reader.state_digest()
        tried = []
        for case in cases(reader):
            with reader.trial() as attempt:
                tried.append(verdict(lambda case=case, attempt=attempt: attempt.judge(case)))
        assert reader.state_digest() == before
    log_key = generated.signer(SEED, "log")
    with Ledger.open(place / "ledger", log_signer=log_key, head_dir=place / "heads") as writer:
        for case, found in zip(cases(writer), tried, strict=True):
            data = encode_entry(case)
            assert verdict(lambda data=data: writer.check_batch([(data, [COURT.sign(data)])])) == found
    assert tried[0] == tried[5] == "recorded"
    assert len({*tried}) >= 8


def test_entries_tried_out_build_on_one_another_and_leave_nothing(reader: Ledger) -> None:
    before = reader.state_digest()
    first = entry(reader, ADD)
    digest = entry_hash(encode_entry(first))
    remove = ListingRemove(ADD.list, FIRM, ActRef(digest, 0), "performed", "2024-01-03", "2024-01-03")
    second = entry(reader, remove, author_seq=first.author_seq + 1, author_prev=digest)
    with reader.trial() as attempt:
        assert attempt.judge(first) is False
        assert attempt.judge(first) is True, "sent again, it is the same"
        assert attempt.judge(second) is False
        with pytest.raises(SequenceConflict, match="holds another entry as number"):
            attempt.judge(first._replace(not_after=first.not_after + 1))
    assert reader.state_digest() == before
    with reader.trial() as attempt, pytest.raises(Refused, match="R-ENTRY-CHAIN"):
        attempt.judge(second)
    with reader.trial() as attempt, pytest.raises(Refused) as refused:
        attempt.judge(second, gap=True)
    assert refused.value.rule != "R-ENTRY-CHAIN", "what is missing between is taken as given, what it does is not"


def test_what_is_recorded_is_known_again(reader: Ledger) -> None:
    recorded = [decode_entry(reader.record(seq).entry) for seq in range(reader.size)]
    with reader.trial() as attempt:
        assert all(attempt.judge(one) for one in recorded[1:])
        with pytest.raises(SequenceConflict):
            attempt.judge(recorded[-1]._replace(not_after=recorded[-1].not_after + 1))


def test_a_ledger_that_is_closed_tries_nothing_out(place: Path) -> None:
    with Ledger.open(place / "ledger") as ledger:
        pass
    with pytest.raises(StoreError, match="closed"), ledger.trial():
        raise AssertionError("the block of a trial that cannot be held was run")


def test_a_trial_that_is_broken_off_leaves_nothing(reader: Ledger) -> None:
    before = reader.state_digest()
    with suppress(KeyboardInterrupt), reader.trial() as attempt:
        attempt.judge(entry(reader, ADD))
        raise KeyboardInterrupt
    assert reader.state_digest() == before
    assert reader.lookup(FIRM, ADD.list).because == ()


def test_within_a_trial_nothing_is_recorded_and_no_other_begins(place: Path) -> None:
    log_key = generated.signer(SEED, "log")
    with Ledger.open(place / "ledger", log_signer=log_key, head_dir=place / "heads") as writer:
        size, before = writer.size, writer.state_digest()
        with writer.trial() as attempt:
            tried = entry(writer, ADD)
            assert attempt.judge(tried) is False
            data = encode_entry(tried)
            for forbidden in (
                lambda: writer.append(ADD, signer=COURT),
                lambda: writer.append_signed(data, [COURT.sign(data)]),
                lambda: writer.check_batch([(data, [COURT.sign(data)])]),
                lambda: writer.trial().__enter__(),
            ):
                with pytest.raises(UsageError, match="end the trial first"):
                    forbidden()
            assert attempt.judge(tried) is True
        assert (writer.size, writer.state_digest()) == (size, before)
        writer.check_batch([(data, [COURT.sign(data)])])


def test_another_thread_waits_for_the_end_of_a_trial(place: Path) -> None:
    log_key = generated.signer(SEED, "log")
    with (
        Ledger.open(place / "ledger", log_signer=log_key, head_dir=place / "heads") as writer,
        ThreadPoolExecutor(1) as other,
    ):
        with writer.trial() as attempt:
            assert attempt.judge(entry(writer, ADD)) is False
            asked = other.submit(lambda: writer.lookup(FIRM, ADD.list).status)
            with pytest.raises(TimeoutError):
                asked.result(0.2)
        assert asked.result(10) == "nothing-recorded"


def test_a_reader_does_not_take_in_within_a_trial_what_is_recorded_meanwhile(tmp_path: Path) -> None:
    build(tmp_path)
    writer = (
        "import sys\n"
        "from creditledger.demo import generated\n"
        "from creditledger.acts.catalogue import ListingAdd\n"
        "from creditledger.acts.kinds import Subject\n"
        "from creditledger.ledger.ledger import Ledger\n"
        "add = ListingAdd('judgment-defaulters', Subject.parse('uscc:91997297613842132G'), 'able-but-refuses',\n"
        "    '2024-01-02', '2024-01-02')\n"
        f"log, court = (generated.signer({SEED}, name) for name in ('log', 'district-court-1'))\n"
        "with Ledger.open(sys.argv[1], log_signer=log, head_dir=sys.argv[2]) as ledger:\n"
        "    print(ledger.append(add, signer=court).seq)\n"
    )
    with Ledger.open(tmp_path / "ledger") as reader:
        size, head = reader.size, reader.key_head(COURT.public_key)
        assert head is not None
        with reader.trial() as attempt:
            assert attempt.judge(entry(reader, ADD)) is False
            arguments = [str(tmp_path / "ledger"), str(tmp_path / "heads")]
            done = subprocess.run([sys.executable, "-c", writer, *arguments], capture_output=True, text=True)
            assert (done.stdout.strip(), done.stderr) == (str(size), "")
            tried = reader.key_head(COURT.public_key)
            assert tried is not None
            assert tried.next_seq == head.next_seq + 1
            second = entry(reader, ADD._replace(subject=Subject.parse("uscc:91997297613842132G")))
            assert attempt.judge(second) is False, "of what was recorded meanwhile nothing is known yet"
        now = reader.key_head(COURT.public_key)
        assert (reader.size, now is not None and now.next_seq) == (size + 1, head.next_seq + 1)
        assert reader.lookup(FIRM, ADD.list).status == "nothing-recorded"
        assert reader.lookup(second.acts[0].subject, ADD.list).status == "listed"  # type: ignore[union-attr]  # a listing
        assert reader.state_digest() == reader.replay().digest()
