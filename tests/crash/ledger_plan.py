"""What the authors of a ledger send in the crash campaigns: entries with content, erasures, corrections, and junk.

Everything follows from the seed alone, so that a check knows what was sent without being told. While the ledger is
founded its clock stands still, and one entry is recorded at a time: so even the leaf hashes of the founding follow,
which the authors' first entries cite.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from creditledger.acts import catalogue as acts
from creditledger.acts.content import commit, item_id
from creditledger.acts.kinds import ActRef, Commitment, Subject
from creditledger.keys.signer import MemorySigner
from creditledger.ledger.receipt import ContentItem
from creditledger.record.entry import Entry, encode_entry, entry_hash
from creditledger.record.record import decode_record
from creditledger.tlog.tree import leaf_hash
from support.registry import LIST, Registry, by_root, firm, listing, signer

AUTHORS = ("court", "court-2", "court-3")
"""Keys of the court, each with a chain of its own: as many threads append at the same time."""

Signed = tuple[bytes, list[bytes]]


class Step(NamedTuple):
    """What an author sends in one call, to be recorded all or none; `junk`: it must be refused.

    `added` and `erased` are the ids under which the private store keeps the content that comes, or that goes.
    """

    entries: tuple[Signed, ...]
    contents: tuple[ContentItem, ...] = ()
    erased: tuple[bytes, ...] = ()
    junk: bool = False

    @property
    def added(self) -> dict[bytes, ContentItem]:
        return {item_id(one.list, one.subject, one.commitment): one for one in self.contents}


class Founding(NamedTuple):
    """The first records of every ledger of the campaigns, and where the authors' chains begin."""

    ledger_id: bytes
    entries: tuple[Signed, ...]
    first: dict[str, bytes]
    now: int


class StillClock:
    """The clock of a ledger under test: it stands until it is told to go."""

    def __init__(self) -> None:
        self.now = Registry(Path()).clock.now
        self.going = False

    def __call__(self) -> int:
        self.now += self.going
        return self.now


@cache
def founding() -> Founding:
    """Found a ledger once, in a scratch directory, and take down what was recorded."""
    with tempfile.TemporaryDirectory() as scratch:
        registry = Registry(Path(scratch))
        registry.clock = clock = StillClock()  # type: ignore[assignment]  # it is asked the time and nothing else
        with registry.create() as ledger:
            for name in AUTHORS[1:]:
                key = signer(name)
                by_root(ledger, acts.KeyAdd("court", key.public_key, "act"), cosigners=[("court", key)])
            records = [(leaf_hash(data), decode_record(data)) for _, data in ledger.records()]
            heads = {name: ledger.key_head(signer(name).public_key) for name in AUTHORS}
    first = {name: head.prev for name, head in heads.items() if head is not None}
    return Founding(records[0][0], tuple((one.entry, [*one.signatures]) for _, one in records), first, clock.now)


class Author:
    """The steps of one author, made as far as they are asked for."""

    def __init__(self, name: str, seed: int) -> None:
        self.name = name
        self.key: MemorySigner = signer(name)
        self._founding = founding()
        self._rng = random.Random(f"{seed} {name}")
        self._steps: list[Step] = []
        self._firms = AUTHORS.index(name) * 10**9
        self._seq, self._prev = 0, self._founding.first[name]
        self._live: list[tuple[Subject, ActRef, tuple[ContentItem, ...]]] = []

    def step(self, number: int) -> Step:
        """Return a step, counted from 0."""
        while len(self._steps) <= number:
            self._steps.append(self._make())
        return self._steps[number]

    def step_at(self, author_seq: int) -> int:
        """Return which step the author's entry of this number belongs to."""
        number = entries = 0
        while (entries := entries + len(self.step(number).entries)) <= author_seq:
            number += 1
        return number

    def junk(self, number: int) -> Step:
        """Return an entry that a rule forbids, at the number that the step's first entry has."""
        seq = sum(len(self.step(one).entries) for one in range(number))
        prev = entry_hash(self.step(number - 1).entries[-1][0]) if number else self._founding.first[self.name]
        return Step((self._signed((listing(7, until="2029-01-01"),), seq, prev),), junk=True)

    def _make(self) -> Step:
        choice = self._rng.randrange(20)
        if choice < 4 and self._live:
            subject, _, items = self._live.pop(self._rng.randrange(len(self._live)))
            names = tuple(item_id(one.list, one.subject, one.commitment) for one in items)
            digests = tuple(sorted(one.commitment for one in items))
            erasure = acts.ContentErase(LIST, subject, digests, "2026-03-01", "act", "s. 2")
            return Step((self._next((erasure,)),), erased=names)
        if choice < 7 and self._live:  # The content comes again, under the same name, with an act that restates it.
            subject, ref, items = self._rng.choice(self._live)
            correction = acts.ListingCorrect(
                LIST, subject, ref, "2026-03-01", "2026-03-03", "2028-03-03", content=_commitments(items)
            )
            return Step((self._next((correction,)),), items)
        if choice < 9:
            return Step((self._next(tuple(self._listing(()) for _ in range(3))),))
        several = choice < 12
        entries: list[Signed] = []
        contents: list[ContentItem] = []
        for _ in range(2 if several else 1):
            subject = self._firm()
            items = tuple(self._item(subject) for _ in range(self._rng.choice((1, 1, 2))))
            entries.append(self._next((self._listing(items, subject),)))
            contents += items
            self._live.append((subject, ActRef(entry_hash(entries[-1][0]), 0), items))
        return Step(tuple(entries), tuple(contents))

    def _firm(self) -> Subject:
        self._firms += 1
        return firm(self._firms)

    def _item(self, subject: Subject) -> ContentItem:
        nonce = self._rng.randbytes(32)
        content = self._rng.randbytes(self._rng.choice((20, 300, 3000)))
        return ContentItem(LIST, subject, commit(nonce, content), nonce, content)

    def _listing(self, items: tuple[ContentItem, ...], subject: Subject | None = None) -> acts.ListingAdd:
        return listing(0, subject=subject or self._firm(), content=_commitments(items))

    def _next(self, several: tuple[acts.Act, ...]) -> Signed:
        signed = self._signed(several, self._seq, self._prev)
        self._seq, self._prev = self._seq + 1, entry_hash(signed[0])
        return signed

    def _signed(self, several: tuple[acts.Act, ...], seq: int, prev: bytes) -> Signed:
        year = 365 * 86_400_000_000
        data = encode_entry(
            Entry(self._founding.ledger_id, "court", self.key.public_key, seq, prev, (), self._founding.now + year,
                  None, several)
        )  # fmt: skip
        return data, [self.key.sign(data)]


def _commitments(items: Iterable[ContentItem]) -> tuple[Commitment, ...]:
    return tuple(Commitment(f"part-{number}", one.commitment) for number, one in enumerate(items))


@cache
def authors(seed: int) -> dict[str, Author]:
    """The authors of a workload. With a seed that ends in 0 there is one alone, and all runs make the same calls."""
    return {name: Author(name, seed) for name in AUTHORS[: 1 if seed % 10 == 0 else None]}
