"""A key makes one chain: the ledger signs no second entry for a place in it while the first can be recorded."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from creditledger.acts import catalogue as acts
from creditledger.errors import Refused, SequenceConflict
from creditledger.keys.signer import MemorySigner
from creditledger.ledger.ledger import Ledger
from creditledger.record.entry import decode_entry
from support.registry import Registry, listing, signer

COURT = signer("court")


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path)


@pytest.fixture
def ledger(registry: Registry) -> Iterator[Ledger]:
    with registry.create() as opened:
        yield opened


class Counting:
    """The court's signer, which counts its signatures."""

    def __init__(self) -> None:
        self.signed: list[bytes] = []

    @property
    def public_key(self) -> bytes:
        return COURT.public_key

    def sign(self, message: bytes) -> bytes:
        self.signed.append(message)
        return COURT.sign(message)


def test_nothing_is_signed_in_place_of_an_entry_that_was_handed_out(ledger: Ledger) -> None:
    court = Counting()
    data, signatures = ledger.sign([listing(1)], signer=court)
    for call in (ledger.sign, ledger.append):
        with pytest.raises(SequenceConflict, match=r"number 0 of this key.*append_signed"):
            call([listing(2)], signer=court)
    assert court.signed == [data]
    ledger.append_signed(data, signatures)
    assert ledger.append(listing(2), signer=court).seq == ledger.size - 1


def test_the_same_acts_are_not_signed_twice(ledger: Ledger) -> None:
    court = Counting()
    first = ledger.sign([listing(1)], signer=court)
    assert ledger.sign([listing(1)], signer=court) == first
    ledger.check_batch([first])
    receipt = ledger.append(listing(1), signer=court)
    assert ledger.append_signed(*first) == receipt
    assert court.signed == [first[0]]


def test_acts_of_another_type_are_not_the_same_for_having_equal_fields(ledger: Ledger) -> None:
    receipt = ledger.append(listing(1), signer=COURT)
    fields = (listing(1).list, listing(1).subject, receipt.ref(), "2026-03-02", "2026-03-03")
    assert acts.ListingSuspend(*fields)[:5] == acts.ListingRestore(*fields)
    ledger.sign([acts.ListingRestore(*fields)], signer=COURT)
    with pytest.raises(SequenceConflict):
        ledger.sign([acts.ListingSuspend(*fields)], signer=COURT)


def test_once_it_has_expired_its_place_is_free(registry: Registry, ledger: Ledger) -> None:
    data, signatures = ledger.sign([listing(1)], signer=COURT)
    registry.clock.now = decode_entry(data).not_after
    receipt = ledger.append(listing(2), signer=COURT)
    assert receipt.seq == ledger.size - 1
    with pytest.raises(SequenceConflict):
        ledger.append_signed(data, signatures)


def test_what_a_rule_refused_was_never_handed_out(ledger: Ledger) -> None:
    with pytest.raises(Refused, match="R-TERM"):
        ledger.append(listing(1, until="2029-01-01"), signer=COURT)
    assert ledger.append(listing(1), signer=COURT).acts == 1


def test_threads_that_use_one_key_take_turns(ledger: Ledger) -> None:
    court = Counting()
    errors: list[BaseException] = []

    def work(name: int) -> None:
        try:
            for number in range(5):
                ledger.append(listing(100 * name + number), signer=court)
        except BaseException as error:  # noqa: BLE001  # It is looked at when all threads have ended.
            errors.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    numbers = [decode_entry(data).author_seq for data in court.signed]
    assert numbers == list(range(30))


def test_keys_do_not_wait_for_each_other(ledger: Ledger) -> None:
    ledger.sign([listing(1)], signer=COURT)
    with pytest.raises(Refused):
        ledger.append(listing(1), signer=MemorySigner(bytes(32)))
