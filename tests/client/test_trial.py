"""Trying entries out on a ledger: the verdict of append, on a ledger open to read, and nothing remains of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from creditledger.acts.catalogue import ListingAdd, ListingRemove
from creditledger.acts.kinds import ActRef, Subject
from creditledger.client.compose import compose
from creditledger.client.sequence import Position
from creditledger.client.trial import act_at, trial
from creditledger.demo import generated
from creditledger.demo.story import tell
from creditledger.errors import LedgerError, Refused, SequenceConflict, UsageError
from creditledger.ledger.founding import system_clock
from creditledger.ledger.ledger import Ledger
from creditledger.record.entry import Entry, decode_entry, encode_entry, entry_hash

SEED = 5
COURT = generated.signer(SEED, "district-court-1")
FIRM = Subject.parse("uscc:91110000600037341L")
ADD = ListingAdd("judgment-defaulters", FIRM, "able-but-refuses", "2024-01-02", "2024-01-02")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demonstration ledger with its heads."""
    place = tmp_path_factory.mktemp("trial")
    tell(place / "ledger", total=60, seed=SEED, content_key=bytes(32), head_dir=place / "heads")
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
            with trial(reader) as attempt:
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
    with trial(reader) as attempt:
        assert attempt.judge(first) is False
        assert attempt.judge(first) is True, "sent again, it is the same"
        assert attempt.judge(second) is False
        with pytest.raises(SequenceConflict, match="holds another entry as number"):
            attempt.judge(first._replace(not_after=first.not_after + 1))
    assert reader.state_digest() == before
    with trial(reader) as attempt, pytest.raises(Refused, match="R-ENTRY-CHAIN"):
        attempt.judge(second)
    with trial(reader) as attempt, pytest.raises(Refused) as refused:
        attempt.judge(second, gap=True)
    assert refused.value.rule != "R-ENTRY-CHAIN", "what is missing between is taken as given, what it does is not"


def test_what_is_recorded_is_known_again(reader: Ledger) -> None:
    recorded = [decode_entry(reader.record(seq).entry) for seq in range(reader.size)]
    with trial(reader) as attempt:
        assert all(attempt.judge(one) for one in recorded[1:])
        with pytest.raises(SequenceConflict):
            attempt.judge(recorded[-1]._replace(not_after=recorded[-1].not_after + 1))


def test_an_act_is_found_where_it_is_displayed(reader: Ledger) -> None:
    for seq in (0, 1, reader.size - 1):
        data = reader.record(seq).entry
        last = len(decode_entry(data).acts) - 1
        assert act_at(reader, seq, last) == ActRef(entry_hash(data), last)
        with pytest.raises(UsageError, match=f"there is no {seq}.{last + 1}"):
            act_at(reader, seq, last + 1)
    with pytest.raises(UsageError, match="there is no record"):
        act_at(reader, reader.size, 0)
