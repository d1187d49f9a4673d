"""The hot functions one by one: `pytest bench -n 0 --benchmark-enable`.

Not part of the test suite: a time is no verdict. For comparing two versions on one machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from creditledger.acts.registry import check_act, restore_act
from creditledger.codec.own import restore
from creditledger.keys import ed25519
from creditledger.ledger.ledger import Ledger
from creditledger.ledger.view import LedgerView
from creditledger.record.entry import CheckedEntry, check_entry, decode_entry, read_entry, restore_entry
from creditledger.rules import engine
from creditledger.rules.rows import SubjectRow
from creditledger.tlog.tiles import WIDTH, TreeBuilder
from world import LIST, Home, clerk, entries, found, subject

LISTED = 20_000
ACTS_EACH = (1, 100)
MOMENT = 1_772_452_800_000_000
LEAF = bytes(32)


class World:
    """A ledger open to write with some listings in it, and the next entries for it."""

    def __init__(self, base: Path) -> None:
        home = Home(base / "home")
        head = found(home.base)[clerk(0).public_key]
        self.ledger: Ledger = home.open(write=True)
        listed = entries(self.ledger.ledger_id, head, clerk(0), 0, LISTED // 100, 100)
        self.ledger.append_many(((data, (signature,)) for data, signature in listed), jobs=0)
        self.signed = {acts_each: self._entry(acts_each) for acts_each in ACTS_EACH}

    def _entry(self, acts_each: int) -> tuple[bytes, bytes]:
        head = self.ledger.key_head(clerk(0).public_key)
        assert head is not None
        return next(entries(self.ledger.ledger_id, head, clerk(0), LISTED, 1, acts_each))

    def checked(self, acts_each: int) -> CheckedEntry:
        """The next entry with so many acts."""
        data, signature = self.signed[acts_each]
        return check_entry(data, (signature,))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("bench"))
    yield made
    made.ledger.close()


each = pytest.mark.parametrize("acts_each", ACTS_EACH)


@each
def test_verify(benchmark: BenchmarkFixture, world: World, acts_each: int) -> None:
    data, signature = world.signed[acts_each]
    benchmark(ed25519.verify, clerk(0).public_key[1:], data, signature)


@each
def test_check_entry(benchmark: BenchmarkFixture, world: World, acts_each: int) -> None:
    data, signature = world.signed[acts_each]
    benchmark(check_entry, data, (signature,))


@each
def test_decode_entry(benchmark: BenchmarkFixture, world: World, acts_each: int) -> None:
    benchmark(decode_entry, world.signed[acts_each][0])


@each
def test_read_entry(benchmark: BenchmarkFixture, world: World, acts_each: int) -> None:
    benchmark(read_entry, world.signed[acts_each][0])


@each
def test_restore_entry(benchmark: BenchmarkFixture, world: World, acts_each: int) -> None:
    benchmark(restore_entry, world.signed[acts_each][0])


def test_check_act(benchmark: BenchmarkFixture, world: World) -> None:
    benchmark(check_act, restore(world.signed[1][0])[9][0])


def test_restore_act(benchmark: BenchmarkFixture, world: World) -> None:
    benchmark(restore_act, restore(world.signed[1][0])[9][0])


@each
def test_engine_apply(benchmark: BenchmarkFixture, world: World, acts_each: int) -> None:
    state = world.ledger.replay()
    checked = world.checked(acts_each)
    benchmark(engine.apply, LedgerView(world.ledger.log, state), state.applied, MOMENT, LEAF, checked)


@each
def test_judge_without_recording(benchmark: BenchmarkFixture, world: World, acts_each: int) -> None:
    data, signature = world.signed[acts_each]
    benchmark(world.ledger.check_batch, [(data, (signature,))])


def test_push_a_tile_of_leaves(benchmark: BenchmarkFixture) -> None:
    builder = TreeBuilder()

    def push() -> None:
        for _ in range(WIDTH):
            builder.push(LEAF)

    benchmark(push)


def test_subject_row_round_trip(benchmark: BenchmarkFixture, world: World) -> None:
    _, row = next(world.ledger.replay().rows("subject"))
    assert benchmark(lambda: SubjectRow.from_bytes(row).to_bytes()) == row


def test_lookup(benchmark: BenchmarkFixture, world: World) -> None:
    answer = benchmark(world.ledger.lookup, subject(7), LIST, valid_at="2026-04-01")
    assert answer.status == "listed"


def test_inclusion_proof(benchmark: BenchmarkFixture, world: World) -> None:
    size = world.ledger.size
    benchmark(world.ledger.log.tree.inclusion, 7, size)
