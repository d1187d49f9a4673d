"""Bulk append: worker processes check, the writer records chunk by chunk, and what is wrong is named by its number."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from creditledger.acts import catalogue as acts
from creditledger.errors import FormatError, LedgerError, Refused, SequenceConflict, UsageError, VerificationFailed
from creditledger.ledger import bulk
from creditledger.ledger.ledger import Ledger
from creditledger.record.entry import MAX_ENTRY_BYTES, Cosigner, Entry, decode_entry, encode_entry, entry_hash
from support.registry import LIST, Registry, by_root, firm, listing, signer

Signed = tuple[bytes, list[bytes]]
CHUNK = 10


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path)


@pytest.fixture
def ledger(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    monkeypatch.setattr(bulk, "CHUNK_ENTRIES", CHUNK)
    with registry.create() as opened:
        yield opened


def signed(ledger: Ledger, several: list[tuple[acts.Act, ...]], cosigner: str | None = None) -> list[Signed]:
    """The court's next entries, one for each tuple of acts; `cosigner` is another key of the court."""
    court = signer("court")
    head = ledger.key_head(court.public_key)
    assert head is not None
    seq, prev = head.next_seq, head.prev
    cosigners = [] if cosigner is None else [signer(cosigner)]
    made = []
    for number, together in enumerate(several):
        entry = Entry(
            ledger.ledger_id, "court", court.public_key, seq + number, prev,
            tuple(Cosigner("court", one.public_key) for one in cosigners), 2**52, None, together,
        )  # fmt: skip
        data = encode_entry(entry)
        made.append((data, [court.sign(data), *(one.sign(data) for one in cosigners)]))
        prev = entry_hash(data)
    return made


def listings(ledger: Ledger, number: int) -> list[Signed]:
    """So many entries that list a firm each."""
    return signed(ledger, [(listing(one),) for one in range(number)])


def notes(error: pytest.ExceptionInfo[LedgerError]) -> str:
    return "\n".join(getattr(error.value, "__notes__", []))


@pytest.mark.parametrize("jobs", [0, 1, 2, None])
def test_the_same_ledger_comes_about_however_many_check(ledger: Ledger, jobs: int | None) -> None:
    before = ledger.size
    entries = listings(ledger, 4 * CHUNK + 5)
    told: list[int] = []
    assert ledger.append_many(iter(entries), jobs=jobs, progress=told.append) == len(entries)
    assert told == [10, 20, 30, 40, 45]
    assert [ledger.record(before + number).entry for number in range(len(entries))] == [data for data, _ in entries]
    assert ledger.state_digest() == ledger.replay().digest()
    assert ledger.lookup(firm(44), LIST, valid_at="2026-04-01").status == "listed"
    sizes = [size for size, _ in ledger.log.checkpoints() if size > before]
    assert sizes == [before + done for done in told], "a chunk is a commit"


@pytest.mark.parametrize("number", [0, 1, CHUNK])
def test_a_chunk_or_less_is_recorded_without_processes(
    ledger: Ledger, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "Pool", None)
    entries = listings(ledger, number)
    before = ledger.size
    assert ledger.append_many(entries) == number
    assert ledger.size == before + number


def test_entries_of_many_acts_and_of_several_signers_are_recorded_too(ledger: Ledger) -> None:
    alone = listings(ledger, CHUNK)
    assert ledger.append_many(alone) == CHUNK
    together = signed(ledger, [tuple(listing(100 + 40 * one + at) for at in range(40)) for one in range(CHUNK)])
    assert ledger.append_many(together, jobs=2) == CHUNK
    second = signer("court-2")
    by_root(ledger, acts.KeyAdd("court", second.public_key, "act"), cosigners=[("court", second)])
    cosigned = signed(ledger, [(listing(600 + one),) for one in range(2 * CHUNK)], cosigner="court-2")
    assert ledger.append_many(cosigned, jobs=2) == 2 * CHUNK
    assert ledger.lookup(firm(499), LIST, valid_at="2026-04-01").status == "listed"
    assert ledger.state_digest() == ledger.replay().digest()


def test_a_chunk_ends_before_it_is_too_large_for_a_pipe(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = listings(ledger, 7)
    monkeypatch.setattr(bulk, "CHUNK_BYTES", 2 * len(entries[0][0]) + 50)
    told: list[int] = []
    ledger.append_many(entries, jobs=1, progress=told.append)
    assert told == [2, 4, 6, 7]


@pytest.mark.parametrize("jobs", [0, 2])
def test_a_refused_entry_is_named_and_the_chunks_before_it_stand(ledger: Ledger, jobs: int) -> None:
    before = ledger.size
    several: list[tuple[acts.Act, ...]] = [(listing(one),) for one in range(4 * CHUNK)]
    several[27] = (listing(27), listing(28, until="2031-01-01"))
    with pytest.raises(Refused, match="R-TERM") as refusal:
        ledger.append_many(signed(ledger, several), jobs=jobs)
    assert refusal.value.act_index == 1
    assert "entry 28 of those given" in notes(refusal)
    assert ledger.size == before + 2 * CHUNK
    assert ledger.state_digest() == ledger.replay().digest()


@pytest.mark.parametrize("jobs", [0, 2])
def test_after_a_refusal_the_same_entries_are_given_again_with_the_rest_mended(ledger: Ledger, jobs: int) -> None:
    before = ledger.size
    good = listings(ledger, 3 * CHUNK)
    with pytest.raises(VerificationFailed):
        ledger.append_many([*good[:25], (good[25][0], good[26][1]), *good[26:]], jobs=jobs)
    assert ledger.size == before + 2 * CHUNK
    assert ledger.append_many(good, jobs=jobs) == len(good)
    assert ledger.size == before + len(good), "what was recorded before is not recorded twice"


def damaged(entry: Signed, how: str) -> tuple[bytes, list[object]]:
    data, (signature,) = entry
    return {
        "signature": (data, [signature[:-1] + bytes((signature[-1] ^ 1,))]),
        "signature too short": (data, [signature[:-1]]),
        "signature of another type": (data, ["x" * 64]),
        "no signature": (data, []),
        "two signatures": (data, [signature, signature]),
        "cut": (data[:-1], [signature]),
        "too long": (data + bytes(10 * MAX_ENTRY_BYTES), [signature]),
        "signed for another": (encode_entry(decode_entry(data)._replace(ledger_id=bytes(32))), [signature]),
    }[how]  # type: ignore[return-value]  # the signatures are of several wrong types


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("signature", VerificationFailed),
        ("signature too short", FormatError),
        ("signature of another type", FormatError),
        ("no signature", FormatError),
        ("two signatures", FormatError),
        ("cut", FormatError),
        ("too long", FormatError),
        ("signed for another", VerificationFailed),
    ],
)
@pytest.mark.parametrize("jobs", [0, 2])
def test_what_is_wrong_with_an_entry_is_what_append_would_say(
    ledger: Ledger, how: str, expected: type[LedgerError], jobs: int
) -> None:
    before = ledger.size
    entries = listings(ledger, 3 * CHUNK)
    bad = damaged(entries[14], how)
    with pytest.raises(expected) as alone:
        ledger.append_signed(*bad)  # type: ignore[arg-type]
    with pytest.raises(expected) as error:
        ledger.append_many([*entries[:14], bad, *entries[15:]], jobs=jobs)  # type: ignore[list-item]
    assert str(error.value) == str(alone.value)
    assert "entry 15 of those given" in notes(error)
    assert ledger.size == before + CHUNK


def test_another_entry_in_the_place_of_one_recorded_is_a_conflict(ledger: Ledger) -> None:
    entries = listings(ledger, 2 * CHUNK)
    other = signed(ledger, [(listing(99),)])
    ledger.append_many(entries)
    with pytest.raises(SequenceConflict) as conflict:
        ledger.append_many([*entries, *other], jobs=2)
    assert "entry 21" not in notes(conflict), "it is the only one of its chunk"


def test_an_error_of_the_source_ends_it_and_leaves_what_was_recorded(ledger: Ledger) -> None:
    before = ledger.size
    entries = listings(ledger, 3 * CHUNK)

    def source() -> Iterator[Signed]:
        yield from entries[: 2 * CHUNK + 1]
        raise OSError("the file of entries cannot be read")

    with pytest.raises(OSError, match="the file of entries"):
        ledger.append_many(source(), jobs=2)
    assert ledger.size <= before + 2 * CHUNK
    assert ledger.append_many(entries, jobs=2) == len(entries)


def test_a_reader_does_not_append(registry: Registry, ledger: Ledger) -> None:
    entries = listings(ledger, 1)
    ledger.close()
    with registry.read() as reader, pytest.raises(UsageError, match="log key"):
        reader.append_many(entries)


SCRIPT = """
import sys
from pathlib import Path

print("the script runs")
from creditledger.ledger import bulk
bulk.CHUNK_ENTRIES = 10
sys.path.insert(0, sys.argv[2])
sys.path.insert(0, sys.argv[2] + "/ledger")
from support.registry import Registry
from test_bulk import listings

with Registry(Path(sys.argv[1])).create() as ledger:
    print(ledger.append_many(listings(ledger, 35), jobs=2))
"""


def test_the_callers_program_is_not_run_again_in_the_workers(tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(SCRIPT)
    tests = Path(__file__).parents[1]
    process = subprocess.run(
        [sys.executable, str(script), str(tmp_path), str(tests)], capture_output=True, text=True, timeout=60
    )
    assert (process.stdout.split("\n"), process.stderr) == (["the script runs", "35", ""], "")
