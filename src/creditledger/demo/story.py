"""The demonstration: three years in the life of a registry, told as acts.

Courts at three levels, a regulator, customs, an ombudsman and a tribunal; two lists that restrict and one that honours;
appeals that win and lose; a stolen key; an erasure. Everything is signed, recorded and later verified like the real
thing, because it is the real thing: only the names are invented.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from creditledger.acts import catalogue as acts
from creditledger.acts.content import commit
from creditledger.acts.kinds import ActRef, Commitment, Subject
from creditledger.codec.dates import add_months, date_of_day, day_number
from creditledger.demo import bodies, generated
from creditledger.errors import UsageError
from creditledger.keys.signer import MemorySigner
from creditledger.ledger.ledger import Ledger
from creditledger.ledger.receipt import ContentItem, Receipt
from creditledger.record.entry import restore_entry

FIRST_DAY = "2023-01-09"
UTC_OFFSET = "+08:00"
MIN_ACTS = 60
_DAY = 86_400_000_000
_ROOTS = ("root-1", "root-2", "root-3")


class Clock:
    """The demonstration's own time: it moves when the story does."""

    def __init__(self, day: str) -> None:
        self._now = day_number(day) * _DAY + 3_600_000_000  # 09:00 at +08:00.

    def __call__(self) -> int:
        self._now += 1_000_000
        return self._now

    def pass_days(self, days: int) -> None:
        """Moves on to the morning of a later day."""
        self._now = (self._now // _DAY + days) * _DAY + 3_600_000_000

    def today(self) -> str:
        """The civil day of the story."""
        return date_of_day((self._now + 8 * 3_600_000_000) // _DAY)


@dataclass
class Event:
    """Something worth telling: when, what happened, and the record it stands in."""

    day: str
    text: str
    record: int


@dataclass
class Story:
    """What was made: events worth telling, subjects to look up, and keys that were drawn under another name."""

    events: list[Event] = field(default_factory=list)
    subjects: dict[str, tuple[Subject, str]] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    acts: int = 0


@dataclass
class _Listed:
    subject: Subject
    list: str
    authority: str
    begins: str
    ref: ActRef


class Telling:
    """Tells the story into a ledger. Use `tell`."""

    def __init__(self, ledger: Ledger, clock: Clock, seed: int, total: int) -> None:
        self.ledger = ledger
        self.clock = clock
        self.seed = seed
        self.total = total
        self.story = Story(acts=1)
        self.draws = generated.Draws(seed, "story")
        self.keys: dict[str, MemorySigner] = {}
        self.standing: list[_Listed] = []

    # -- helpers --------------------------------------------------------------------------------------------------

    def key(self, name: str) -> MemorySigner:
        """The signer of that name."""
        if name not in self.keys:
            self.keys[name] = generated.signer(self.seed, name)
        return self.keys[name]

    def by_root(self, several: Sequence[acts.Act], cosigners: Sequence[tuple[str, MemorySigner]] = ()) -> Receipt:
        """An entry of two of the three root keys."""
        first, second = sorted((self.key(name) for name in _ROOTS), key=lambda one: one.public_key)[:2]
        return self._append(several, first, [("root", second), *cosigners])

    def by(
        self, authority: str, *several: acts.Act, consent: str | None = None, contents: Sequence[ContentItem] = ()
    ) -> Receipt:
        """An entry of an authority's act key, countersigned by another's where the list asks for it."""
        cosigners = [] if consent is None else [(consent, self.key(consent))]
        return self._append(several, self.key(authority), cosigners, contents)

    def _append(
        self,
        several: Sequence[acts.Act],
        signer: MemorySigner,
        cosigners: Sequence[tuple[str, MemorySigner]],
        contents: Sequence[ContentItem] = (),
    ) -> Receipt:
        receipt = self.ledger.append(list(several), signer=signer, cosigners=cosigners, contents=contents)
        self.story.acts += len(several)
        return receipt

    def note(self, text: str, receipt: Receipt) -> None:
        """Remembers an event worth telling."""
        self.story.events.append(Event(self.clock.today(), text, receipt.seq))

    # -- the founding ---------------------------------------------------------------------------------------------

    def found(self) -> None:
        """Bodies, keys, catalogue, lists, mandates; an opening balance; the lists open."""
        self.by_root(bodies.catalogue())
        self.by_root(bodies.bodies())
        for authority, _, _ in bodies.AUTHORITIES:
            key = self.key(authority)
            self.by_root([acts.KeyAdd(authority, key.public_key, "act")], [(authority, key)])
        admin = self.key("district-court-2-admin")
        self.by_root([acts.KeyAdd("district-court-2", admin.public_key, "admin")], [("district-court-2", admin)])
        self.by_root([*bodies.measures(), *bodies.lists()])
        receipt = self.by_root(bodies.mandates())
        self.note("Nine bodies, three lists and their mandates are registered by two of three root keys", receipt)
        traders = [generated.firm(self.draws) for _ in range(5)]
        receipt = self.by(
            "customs",
            *(
                acts.ListingOpeningBalance("trusted-traders", one, "certified-operator", "2021-03-01", "2026-03-01")
                for one in traders
            ),
        )
        self.note(
            "Customs takes over five trusted traders from its old file: an opening balance, shown as unproven", receipt
        )
        self.story.subjects["a trusted trader"] = (traders[0], "trusted-traders")
        self.by_root(
            [
                acts.ListOpen(list_id, FIRST_DAY)
                for list_id in ("judgment-defaulters", "serious-violators", "trusted-traders")
            ]
        )

    # -- the story ------------------------------------------------------------------------------------------------

    def quashed_listing(self) -> None:
        """A firm is listed, appeals through the ombudsman, and wins."""
        firm = generated.firm(self.draws)
        listed = self.by("district-court-1", self._sham(firm))
        self.note("The First District Court lists a firm for evading a judgment by sham proceedings", listed)
        self.clock.pass_days(9)
        appeal = self.by("ombudsman", acts.AppealFile("judgment-defaulters", firm, listed.ref(), self.clock.today()))
        self.note("The ombudsman lodges the firm's appeal", appeal)
        self.clock.pass_days(12)
        today = self.clock.today()
        decided = self.by(
            "high-court",
            acts.AppealDecide("judgment-defaulters", firm, appeal.ref(), "quash_ex_nunc", today, _later(today, 10)),
        )
        self.note(
            "The High Court quashes the listing, with effect in ten days; the ledger needs no further act", decided
        )
        self.story.subjects["a firm whose listing was quashed"] = (firm, "judgment-defaulters")

    def upheld_listing(self) -> None:
        """A violator is listed with the consent of the body above, appeals, and loses; later the term runs out."""
        firm = generated.firm(self.draws)
        today = self.clock.today()
        listed = self.by(
            "regulator-north",
            acts.ListingAdd(
                "serious-violators", firm, "unsafe-food", today, _later(today, 3), add_months(_later(today, 3), 36),
                measures=("no-public-contracts",),
            ),
            consent="market-regulator",
        )  # fmt: skip
        self.note("The Northern Office lists a food seller; the Market Regulator above it countersigns", listed)
        self.clock.pass_days(20)
        appeal = self.by("ombudsman", acts.AppealFile("serious-violators", firm, listed.ref(), self.clock.today()))
        self.clock.pass_days(30)
        today = self.clock.today()
        decided = self.by(
            "review-tribunal", acts.AppealDecide("serious-violators", firm, appeal.ref(), "uphold", today, today)
        )
        self.note("The Administrative Review Tribunal upholds the listing", decided)
        self.story.subjects["a food seller whose listing was upheld"] = (firm, "serious-violators")

    def erased_person(self) -> None:
        """A person is listed with name and case number as content, performs, is removed, and has the content erased."""
        person = Subject.handle(self.draws.bytes(32))
        fields = {"case_number": b"(2023) Demo 118", "name": generated.person_name(self.draws).encode()}
        nonces = {label: self.draws.bytes(32) for label in fields}
        content = tuple(Commitment(label, commit(nonces[label], fields[label])) for label in sorted(fields))
        items = [
            ContentItem("judgment-defaulters", person, digest, nonces[label], fields[label])
            for label, digest in content
        ]
        today = self.clock.today()
        listed = self.by(
            "district-court-1",
            acts.ListingAdd(
                "judgment-defaulters", person, "able-but-refuses", today, today, measures=("no-luxury-spending",),
                content=content,
            ),
            contents=items,
        )  # fmt: skip
        self.note("A person is listed under a random handle; name and case number stay outside the log", listed)
        self.clock.pass_days(40)
        today = self.clock.today()
        removed = self.by(
            "district-court-1",
            acts.ListingRemove("judgment-defaulters", person, listed.ref(), "performed", today, today),
        )
        self.note("The person has performed; the court removes the listing", removed)
        self.clock.pass_days(30)
        erased = self.by(
            "district-court-1",
            acts.ContentErase(
                "judgment-defaulters", person, tuple(sorted(digest for _, digest in content)), self.clock.today(),
                "privacy-act", "art. 47",
            ),
        )  # fmt: skip
        self.note("Name and case number are erased: the commitments stay, what they committed to is gone", erased)
        self.story.subjects["a person whose data was erased"] = (person, "judgment-defaulters")

    def stolen_key(self) -> None:
        """A clerk's key is stolen and used; it is revoked, and what it signed after the theft counts no longer."""
        honest = self.by("district-court-2", self._sham(generated.firm(self.draws)))
        self.clock.pass_days(2)
        victim, genuine = generated.firm(self.draws), generated.firm(self.draws)
        forged = self.by("district-court-2", self._sham(victim))
        late = self.by("district-court-2", self._sham(genuine))
        self.note("With a key stolen from the Second District Court somebody lists a firm", forged)
        self.clock.pass_days(1)
        old, new, admin = (
            self.key("district-court-2"),
            generated.signer(self.seed, "district-court-2-new"),
            "district-court-2-admin",
        )
        last = _author_seq(self.ledger, honest)
        revoked = self.ledger.append(
            [
                acts.KeyRevoke("district-court-2", old.public_key, "compromised", (last, honest.entry_hash)),
                acts.KeyAdd("district-court-2", new.public_key, "act"),
            ],
            signer=self.key(admin),
            cosigners=[("district-court-2", new)],
        )
        self.story.acts += 2
        self.keys |= {"district-court-2": new, "district-court-2-stolen": old}
        self.story.renamed |= {
            "district-court-2": "district-court-2-new", "district-court-2-stolen": "district-court-2",
        }  # fmt: skip
        self.note(
            "The key is revoked; entries after the last honest one are tainted, no restriction flows from them", revoked
        )
        confirmed = self.by(
            "district-court-2",
            acts.EntryConfirm("district-court-2", old.public_key, (last + 2, late.entry_hash)),
        )
        self.note("The court confirms the one later listing that was its own", confirmed)
        self.story.subjects["a firm listed with a stolen key"] = (victim, "judgment-defaulters")
        self.story.subjects["a firm whose listing was confirmed"] = (genuine, "judgment-defaulters")

    def routine(self, batch: int, progress: Callable[[str, int, int], None] | None) -> None:
        """Day after day: listings, removals, suspensions, corrections, honours, until the acts are used up."""
        while self.story.acts < self.total:
            self.clock.pass_days(1)
            count = min(1 + self.draws.below(batch), self.total - self.story.acts)
            authority = self.draws.one_of(("district-court-1", "district-court-2", "district-court-1", "customs"))
            if authority == "customs":
                today = self.clock.today()
                end = add_months(today, 60)
                self.by(authority, *(
                    acts.ListingAdd(
                        "trusted-traders", generated.firm(self.draws), "certified-operator", today, today, end,
                        measures=("fast-lane",),
                    )
                    for _ in range(count)
                ))  # fmt: skip
            else:
                self._court_day(authority, count)
            if progress is not None:
                progress("recording", self.story.acts, self.total)

    def _court_day(self, authority: str, count: int) -> None:
        today = self.clock.today()
        own = [one for one in self.standing[-200:] if one.authority == authority and one.begins <= today]
        several: list[acts.Act] = []
        made: list[tuple[int, Subject]] = []
        for _ in range(count):
            draw = self.draws.below(100)
            old = self.draws.one_of(own) if own and draw < 22 else None
            if old is None:
                subject = generated.firm(self.draws)
                made.append((len(several), subject))
                several.append(self._sham(subject))
                continue
            # From the end, where it is: among tens of thousands a search from the beginning takes longer than the acts.
            del self.standing[next(at for at in reversed(range(len(self.standing))) if self.standing[at] is old)]
            own = [one for one in own if one is not old]
            reason = ("performed", "settled", "no_assets", "creditor_request")[draw % 4]
            if draw < 2:
                several.append(acts.ListingAnnul(old.list, old.subject, old.ref, "listed_in_error", today))
            elif draw < 5:
                several.append(acts.ListingSuspend(old.list, old.subject, old.ref, today, today))
            else:
                several.append(acts.ListingRemove(old.list, old.subject, old.ref, reason, today, today))
        receipt = self.by(authority, *several)
        self.standing.extend(
            _Listed(subject, "judgment-defaulters", authority, _later(today, 2), receipt.ref(index))
            for index, subject in made
        )

    def _sham(self, firm: Subject) -> acts.ListingAdd:
        today = self.clock.today()
        begins = _later(today, 2)
        return acts.ListingAdd(
            "judgment-defaulters", firm, "evades-by-sham-suit", today, begins, add_months(begins, 24),
            measures=("no-public-contracts",),
        )  # fmt: skip


def _author_seq(ledger: Ledger, receipt: Receipt) -> int:
    """The author_seq of a recorded entry."""
    return restore_entry(ledger.record(receipt.seq).entry).author_seq


def _later(day: str, days: int) -> str:
    return date_of_day(day_number(day) + days)


def origin_of(seed: int, total: int) -> str:
    """The origin of a demonstration of that seed and size.

    Those of another seed or size are other ledgers: a machine that has signed for one may sign for the next.
    """
    return f"{bodies.ORIGIN}/{seed}-{total}"


def tell(
    directory: Path,
    *,
    total: int = 1200,
    seed: int = 1,
    content_key: bytes,
    head_dir: Path | None = None,
    origin: str | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> tuple[Story, dict[str, MemorySigner]]:
    """Founds a ledger in `directory` and tells the story in about `total` acts; `origin` is `origin_of` by default.

    Returns the story and every key by name. Raises `UsageError` for fewer than 60 acts, and what `Ledger` raises.
    """
    if total < MIN_ACTS:
        raise UsageError(f"the story alone takes {MIN_ACTS} acts; ask for at least as many")
    clock = Clock(FIRST_DAY)
    log = generated.signer(seed, "log")
    with Ledger.create(
        directory,
        origin=origin_of(seed, total) if origin is None else origin,
        log_signer=log,
        root_signers=[generated.signer(seed, name) for name in _ROOTS],
        threshold=2,
        utc_offset=UTC_OFFSET,
        content_key=content_key,
        head_dir=head_dir,
        clock=clock,
    ) as ledger:
        telling = Telling(ledger, clock, seed, total)
        telling.keys["log"] = log
        telling.found()
        for chapter in (telling.quashed_listing, telling.upheld_listing, telling.erased_person, telling.stolen_key):
            clock.pass_days(30)
            chapter()
        telling.routine(100 if total > 20_000 else 20, progress)
    return telling.story, telling.keys
