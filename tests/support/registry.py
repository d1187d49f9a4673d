"""A real ledger on disk for tests: two courts, an ombudsman, one restriction list, a clock that the test sets."""

from __future__ import annotations

import hashlib
from pathlib import Path

from creditledger.acts import catalogue as acts
from creditledger.acts.identifiers import uscc_check_digit
from creditledger.acts.kinds import Subject
from creditledger.codec.dates import day_number
from creditledger.keys.signer import MemorySigner
from creditledger.ledger.ledger import Ledger
from creditledger.ledger.receipt import Receipt

LIST = "judgment-defaulters"
ORIGIN = "registry.example.org/defaulters"
CONTENT_KEY = bytes(range(32))
ROOTS = ("root-1", "root-2", "root-3")
DECIDING = ("add", "annul", "correct", "erase", "remove", "suspend")


def signer(name: str) -> MemorySigner:
    """The key of that name, the same in every run."""
    return MemorySigner(hashlib.sha256(name.encode()).digest())


def firm(number: int) -> Subject:
    """Firm number so-and-so, with a valid check digit."""
    body = f"91{number:015d}"
    return Subject.uscc(body + uscc_check_digit(body))


class Clock:
    """Ticks one second at each look; `set` jumps to noon UTC of a day."""

    def __init__(self, day: str = "2026-03-02") -> None:
        self.now = 0
        self.set(day)

    def set(self, day: str) -> None:
        self.now = day_number(day) * 86_400_000_000 + 43_200_000_000

    def __call__(self) -> int:
        self.now += 1_000_000
        return self.now


class Registry:
    """The ledger's directory, its keys and its clock; `open` and `create` hand out the ledger."""

    def __init__(self, base: Path, *, day: str = "2026-03-02") -> None:
        self.directory = base / "registry"
        self.heads = base / "heads"
        self.clock = Clock(day)

    def create(self) -> Ledger:
        """Founds the ledger with everything that a listing needs, and opens the list."""
        ledger = Ledger.create(
            self.directory,
            origin=ORIGIN,
            log_signer=signer("log"),
            root_signers=[signer(name) for name in ROOTS],
            threshold=2,
            content_key=CONTENT_KEY,
            head_dir=self.heads,
            clock=self.clock,
        )
        by_root(ledger, acts.LawRegister("act", "Enforcement Act", "12/2013", "Parliament", "2013-01-01"))
        by_root(
            ledger,
            acts.AuthorityRegister("high", "High Court", "act", "s. 1"),
            acts.AuthorityRegister("court", "District Court", "act", "s. 1", "high"),
            acts.AuthorityRegister("ombudsman", "Ombudsman", "act", "s. 1"),
        )
        for authority in ("court", "high", "ombudsman"):
            key = signer(authority)
            by_root(ledger, acts.KeyAdd(authority, key.public_key, "act"), cosigners=[(authority, key)])
        by_root(
            ledger,
            acts.GroundRegister("sham-suit", "Sham proceedings", "restriction", "judgment", "act", "s. 1(3)", 24),
            acts.ListDefine(
                LIST, "Judgment defaulters", "restriction", "act", "s. 1", ("sham-suit",), ("handle", "uscc"), 0, 30,
                15, lodgers=("ombudsman",), reviewers=("high",),
            ),
            acts.MandateGrant("m-court", "court", LIST, DECIDING, "2013-01-01", "act", "s. 5"),
            acts.MandateGrant("m-high", "high", LIST, ("review",), "2013-01-01", "act", "s. 6"),
            acts.MandateGrant("m-ombudsman", "ombudsman", LIST, ("lodge",), "2013-01-01", "act", "s. 7"),
            acts.ListOpen(LIST, "2013-01-01"),
        )  # fmt: skip
        return ledger

    def open(self) -> Ledger:
        """Opens it to write."""
        return Ledger.open(
            self.directory,
            log_signer=signer("log"),
            content_key=CONTENT_KEY,
            head_dir=self.heads,
            clock=self.clock,
        )

    def read(self) -> Ledger:
        """Opens it to read."""
        return Ledger.open(self.directory, content_key=CONTENT_KEY, head_dir=self.heads, clock=self.clock)


def by_root(ledger: Ledger, *several: acts.Act, cosigners: list[tuple[str, MemorySigner]] | None = None) -> Receipt:
    """An entry signed by two root keys."""
    first, second = sorted((signer(name) for name in ROOTS), key=lambda one: one.public_key)[:2]
    return ledger.append(several, signer=first, cosigners=[("root", second), *(cosigners or [])])


def listing(number: int, **changed: object) -> acts.ListingAdd:
    """The listing of a firm on 2026-03-01, for two years from 2026-03-03."""
    act = acts.ListingAdd(LIST, firm(number), "sham-suit", "2026-03-01", "2026-03-03", "2028-03-03")
    return act._replace(**changed)  # type: ignore[arg-type]  # the test names fields of the act
