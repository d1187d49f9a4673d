"""Who a handle stands for: found by the key of its list only, kept under a key, gone without a trace when erased."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from creditledger.errors import KeyFileError, VerificationFailed
from creditledger.store.identity import Identities, Identity, with_links
from creditledger.store.private import PrivateStore
from transfer.mirror import CONTENT_KEY, all_bytes

ANA = Identity("parties", "7", b"a" * 32, b"A" * 32)
ANA_ELSEWHERE = Identity("coins", "7", b"b" * 32, b"B" * 32)
BOB = Identity("parties", "8", b"c" * 32, b"C" * 32)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PrivateStore]:
    with PrivateStore.open(tmp_path / "private", CONTENT_KEY, create=True) as one:
        yield one


def put(store: PrivateStore, *identities: Identity) -> None:
    Identities(store).assign(identities)
    store.put_many((one.item, bytes(32), one.key.encode()) for one in identities)


def test_a_key_finds_its_handle_on_its_list(store: PrivateStore) -> None:
    put(store, ANA, ANA_ELSEWHERE, BOB)
    identities = Identities(store)
    assert [identities.find(one.list, one.key) for one in (ANA, ANA_ELSEWHERE, BOB)] == [ANA, ANA_ELSEWHERE, BOB]
    assert identities.find("parties", "9") is None
    assert identities.find("hosts", "7") is None
    # List and key are kept apart: no other pair spells the same.
    assert identities.find("parties\0", "7") is None


def test_nobody_is_known_in_a_new_store(store: PrivateStore) -> None:
    assert Identities(store).find("parties", "7") is None
    Identities(store).assign([])
    assert store.ids() == []


def test_handles_are_random(store: PrivateStore) -> None:
    identities = Identities(store)
    handles = {identities.new_handle() for _ in range(100)}
    assert len(handles) == 100
    assert {len(one) for one in handles} == {32}


def test_two_ledgers_have_nothing_in_common(tmp_path: Path, store: PrivateStore) -> None:
    put(store, ANA)
    with PrivateStore.open(tmp_path / "other", CONTENT_KEY, create=True) as other:
        put(other, ANA)
        here, there = (with_links(one, [ANA.item]) for one in (store, other))
        assert here[0] != there[0]
        assert here[1:] == there[1:]


def test_erasing_the_content_erases_the_way_to_it(tmp_path: Path, store: PrivateStore) -> None:
    put(store, ANA, ANA_ELSEWHERE, BOB)
    before = set(store.ids())
    erased = with_links(store, [ANA.item])
    assert len(erased) == 3
    store.erase(erased)
    assert before - set(store.ids()) == set(erased)
    identities = Identities(store)
    assert identities.find("parties", "7") is None
    assert [identities.find(one.list, one.key) for one in (ANA_ELSEWHERE, BOB)] == [ANA_ELSEWHERE, BOB]
    for one in erased:
        assert one not in all_bytes(tmp_path / "private")


def test_an_identity_whose_content_is_gone_counts_for_nothing(store: PrivateStore) -> None:
    put(store, ANA)
    store.erase([ANA.item])
    assert Identities(store).find("parties", "7") is None


def test_an_identity_can_be_assigned_anew(store: PrivateStore) -> None:
    put(store, ANA)
    identities = Identities(store)
    identities.forget([ANA.item])
    put(store, ANA._replace(handle=b"z" * 32, item=b"Z" * 32))
    assert Identities(store).find("parties", "7") == ANA._replace(handle=b"z" * 32, item=b"Z" * 32)


def test_items_without_a_link_are_erased_alone(store: PrivateStore) -> None:
    store.put_many([(b"x" * 32, bytes(32), b"a remark")])
    assert with_links(store, [b"x" * 32, b"y" * 32]) == [b"x" * 32, b"y" * 32]


def test_nothing_is_found_without_the_master_key(tmp_path: Path, store: PrivateStore) -> None:
    put(store, ANA)
    store.close()
    with PrivateStore.open(tmp_path / "private", None, readonly=True) as locked:
        with pytest.raises(KeyFileError):
            Identities(locked)
        assert with_links(locked, [ANA.item]) == [ANA.item]


def test_a_damaged_row_is_not_taken_for_nobody(store: PrivateStore) -> None:
    put(store, ANA)
    (tag,) = set(with_links(store, [ANA.item])) - {ANA.item} - {store_link(store)}
    store.put_many([(tag, bytes(32), b"\xc1")])
    with pytest.raises(VerificationFailed, match="LED-CONTENT"):
        Identities(store).find("parties", "7")


def store_link(store: PrivateStore) -> bytes:
    """The id of the link row of ANA."""
    return with_links(store, [ANA.item])[-1]
