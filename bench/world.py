"""What is measured: a ledger with one list, and signed entries of listings; the same bytes in every run.

A listing is of some 200 bytes, as a court would make it: half of the subjects are natural persons (random handles),
half firms (random company numbers), each with a case number, a measure and a commitment to the decision. Their keys
are in no order, which is what costs a store most.

Entries are signed before anything is measured, and kept in a file: for each, the length of its bytes (4 bytes,
big-endian), the bytes, and one signature (64 bytes).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from creditledger.acts import catalogue as acts
from creditledger.acts.identifiers import uscc_check_digit
from creditledger.acts.kinds import Subject
from creditledger.codec.canonical import encode_fast
from creditledger.codec.dates import date_of_day, day_number
from creditledger.keys.signer import MemorySigner
from creditledger.ledger.ledger import Ledger
from creditledger.record.entry import ENTRY_VERSION, entry_hash
from creditledger.rules.rows import KeyHead

LIST = "judgment-defaulters"
ORIGIN = "registry.example.org/bench"
CLERKS = 64
TODAY = day_number("2026-03-02")
_ROOTS = 3
_BLOCK = 1000


def signer(name: str) -> MemorySigner:
    """The key of that name, the same in every run."""
    return MemorySigner(hashlib.sha256(name.encode()).digest())


def clerk(number: int) -> MemorySigner:
    """One of the `CLERKS` keys with which the court signs."""
    return signer(f"clerk-{number}")


class Clock:
    """A clock that begins at noon of one day and ticks a microsecond at each look."""

    def __init__(self) -> None:
        self.now = TODAY * 86_400_000_000 + 43_200_000_000

    def __call__(self) -> int:
        self.now += 1
        return self.now


class Home(NamedTuple):
    """Where a ledger lies, and where its head is kept."""

    base: Path

    @property
    def ledger(self) -> Path:
        """The ledger's directory."""
        return self.base / "ledger"

    @property
    def heads(self) -> Path:
        """The directory of signed heads."""
        return self.base / "heads"

    def open(self, *, write: bool) -> Ledger:
        """Open the ledger."""
        log_signer = signer("log") if write else None
        return Ledger.open(self.ledger, log_signer=log_signer, head_dir=self.heads, clock=Clock())


def found(base: Path) -> dict[bytes, KeyHead]:
    """Found the ledger with its bodies, the clerks' keys and an open list; returns where the keys' chains stand."""
    home = Home(base)
    base.mkdir(parents=True)
    roots = sorted((signer(f"root-{number}") for number in range(_ROOTS)), key=lambda one: one.public_key)

    def by_root(*several: acts.Act, cosigners: tuple[tuple[str, MemorySigner], ...] = ()) -> None:
        ledger.append(several, signer=roots[0], cosigners=[("root", roots[1]), *cosigners])

    with Ledger.create(
        home.ledger,
        origin=ORIGIN,
        log_signer=signer("log"),
        root_signers=roots,
        threshold=2,
        head_dir=home.heads,
        clock=Clock(),
    ) as ledger:
        by_root(acts.LawRegister("cpl", "Civil Procedure Law", "2013/17", "Parliament", "2013-01-01"))
        by_root(
            acts.AuthorityRegister("high", "High Court", "cpl", "Art. 1"),
            acts.AuthorityRegister("court", "District Court", "cpl", "Art. 1", "high"),
            acts.AuthorityRegister("ombudsman", "Ombudsman", "cpl", "Art. 2"),
        )
        for number in range(CLERKS):
            key = clerk(number)
            by_root(acts.KeyAdd("court", key.public_key, "act"), cosigners=(("court", key),))
        by_root(
            acts.GroundRegister("sham-suit", "Sham proceedings", "restriction", "judgment", "cpl", "Art. 1(3)", 24),
            acts.MeasureRegister("no-flights", "No flights", "restriction", "cpl", "Art. 3", "court", "persons"),
            acts.ListDefine(
                LIST, "Judgment defaulters", "restriction", "cpl", "Art. 1", ("sham-suit",), ("handle", "uscc"), 0, 30,
                15, measures=("no-flights",), lodgers=("ombudsman",), reviewers=("high",),
            ),
            acts.MandateGrant("m-court", "court", LIST, ("add", "remove"), "2013-01-01", "cpl", "Art. 5"),
            acts.MandateGrant("m-high", "high", LIST, ("review",), "2013-01-01", "cpl", "Art. 6"),
            acts.MandateGrant("m-ombudsman", "ombudsman", LIST, ("lodge",), "2013-01-01", "cpl", "Art. 7"),
            acts.ListOpen(LIST, "2013-01-01"),
        )  # fmt: skip
        heads = {key: ledger.key_head(key) for key in (clerk(number).public_key for number in range(CLERKS))}
    return {key: head for key, head in heads.items() if head is not None}


def subject(number: int) -> Subject:
    """Person or firm number so-and-so, at a random place among all."""
    digest = hashlib.sha256(b"subject %d" % number).digest()
    if number % 2:
        return Subject("handle", digest)
    body = f"91{int.from_bytes(digest[:8], 'big') % 10**15:015}"
    return Subject("uscc", body + uscc_check_digit(body))


def listing(number: int) -> tuple[Any, ...]:
    """The act that lists subject number so-and-so, as the array that is encoded."""
    decided = TODAY - number % 60
    case = hashlib.sha256(b"case %d" % number).digest()
    return (
        "listing.add/1", LIST, tuple(subject(number)), "sham-suit", date_of_day(decided), date_of_day(decided + 2),
        date_of_day(decided + 700), case[:16], None, ("no-flights",), (("decision", case),), None,
    )  # fmt: skip


def entries(
    ledger_id: bytes, head: KeyHead, key: MemorySigner, first: int, number: int, acts_each: int
) -> Iterator[tuple[bytes, bytes]]:
    """So many entries by one key, from subject number `first` on: their bytes and signatures."""
    author_seq, prev = head.next_seq, head.prev
    for start in range(first, first + number * acts_each, acts_each):
        several = tuple(map(listing, range(start, start + acts_each)))
        data = encode_fast(
            (ENTRY_VERSION, ledger_id, "court", key.public_key, author_seq, prev, (), 2**52, None, several)
        )
        yield data, key.sign(data)
        author_seq, prev = author_seq + 1, entry_hash(data)


class EntryFile(NamedTuple):
    """A file of signed entries: how many there are, how many acts each, and where every thousandth begins."""

    path: Path
    number: int
    acts_each: int
    offsets: tuple[int, ...]
    entry_bytes: int

    @classmethod
    def write(cls, path: Path, signed: Iterator[tuple[bytes, bytes]], acts_each: int) -> EntryFile:
        """Write entries that all have so many acts."""
        offsets, number, at, total = [], 0, 0, 0
        with path.open("wb") as file:
            for data, signature in signed:
                if number % _BLOCK == 0:
                    offsets.append(at)
                at += file.write(len(data).to_bytes(4, "big") + data + signature)
                number += 1
                total += len(data)
        return cls(path, number, acts_each, tuple(offsets), total)

    def read(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[bytes, tuple[bytes]]]:
        """Entries `start` (a multiple of 1000) up to `stop` and their signatures, as `append_many` takes them."""
        stop = self.number if stop is None else min(stop, self.number)
        return read_entries(str(self.path), self.offsets[start // _BLOCK] if start < stop else 0, max(stop - start, 0))

    def blocks(self, start: int, stop: int) -> Iterator[tuple[str, int, int]]:
        """The arguments of `read_entries` for each thousand of these entries."""
        for first in range(start, min(stop, self.number), _BLOCK):
            yield str(self.path), self.offsets[first // _BLOCK], min(_BLOCK, self.number - first, stop - first)


def read_entries(path: str, offset: int, number: int) -> Iterator[tuple[bytes, tuple[bytes]]]:
    """So many entries of a file from an offset on."""
    with open(path, "rb", buffering=1 << 20) as file:
        file.seek(offset)
        for _ in range(number):
            size = int.from_bytes(file.read(4), "big")
            data = file.read(size + 64)
            yield data[:size], (data[size:],)


def make_entries(path: Path, ledger_id: bytes, head: KeyHead, acts_each: int, acts_total: int) -> EntryFile:
    """Sign entries of so many acts each by the first clerk, up to a total, into a file."""
    signed = entries(ledger_id, head, clerk(0), 0, acts_total // acts_each, acts_each)
    return EntryFile.write(path, signed, acts_each)


def clerks_entries(
    ledger_id: bytes, heads: dict[bytes, KeyHead], first: int, each: int
) -> list[list[tuple[bytes, tuple[bytes]]]]:
    """So many entries of one act by each of the clerks, of subjects from number `first` on."""
    signed = []
    for number in range(CLERKS):
        key = clerk(number)
        made = entries(ledger_id, heads[key.public_key], key, first + number * each, each, 1)
        signed.append([(data, (signature,)) for data, signature in made])
    return signed
