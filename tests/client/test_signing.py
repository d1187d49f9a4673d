"""Signing offline, from a draft to a record: what is signed here, the rules accept there."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from creditledger.acts.content import check_commitment
from creditledger.acts.kinds import Subject
from creditledger.client.compose import compose, prepare
from creditledger.client.draft import Draft
from creditledger.client.phrases import subject_in_words
from creditledger.client.sequence import SequenceFile
from creditledger.client.signing import countersign, sign_draft, sign_entry
from creditledger.client.submission import Submission
from creditledger.client.words import describe_entry
from creditledger.errors import FormatError, Refused, SequenceConflict, UsageError, VerificationFailed
from creditledger.keys.signer import MemorySigner
from creditledger.record.entry import check_entry
from creditledger.rules.catalogue import RULES
from support.courts import courts
from support.world import World

HOUR = 3_600_000_000


class Desk:
    """A clerk's desk: one key, its sequence file, and the ledger far away."""

    def __init__(self, world: World, label: str, folder: Path) -> None:
        self.world = world
        self.signer = MemorySigner(hashlib.sha256(b"key of " + label.encode()).digest())
        self.sequence = SequenceFile(folder / f"{label}.seq.json", self.signer.public_key)
        self.sequence.adopt(world.ledger_id, *world.view.heads[self.signer.public_key])

    def sign(self, draft: Draft, **changes: Any) -> Submission:
        arguments: dict[str, Any] = {
            "ledger_id": self.world.ledger_id, "sequence": self.sequence, "now": self.world.recorded_at,
        }  # fmt: skip
        return sign_draft(draft, self.signer, **(arguments | changes))


@pytest.fixture(scope="module")
def standing() -> World:
    return courts()


@pytest.fixture
def world(standing: World) -> World:
    return standing.fork()


@pytest.fixture
def district(world: World, tmp_path: Path) -> Desk:
    return Desk(world, "district", tmp_path)


def listing(authority: str = "district", list_id: str = "defaulters", **changes: Any) -> Draft:
    act: dict[str, Any] = {
        "type": "listing.add/1",
        "list": list_id,
        "subject": "handle:new",
        "ground": "evades-by-sham-suit",
        "decided": "2026-03-01",
        "effective": "2026-03-02",
        "until": "2028-03-01",
        "case": "new",
        "area": None,
        "measures": [],
        "content": {"who": {"text": "张三"}},
        "source": None,
    }
    return Draft({"authority": authority, "acts": [act | changes]})


def append(world: World, submission: Submission) -> None:
    world.submit(check_entry(submission.data, submission.all_signatures()))


def test_what_is_signed_offline_one_after_another_is_recorded_in_that_order(world: World, district: Desk) -> None:
    submissions = [district.sign(listing()) for _ in range(3)]
    for number, submission in enumerate(submissions):
        append(world, submission)
        (item,) = submission.contents
        check_commitment(item.commitment, item.nonce, item.content)
        assert world.row("defaulters", item.subject).commitments == [item.commitment]
        district.sequence.confirm(world.ledger_id, number, submission.digest)
    state = district.sequence.state(world.ledger_id)
    assert (*state[:3], state.pending) == (*world.view.heads[district.signer.public_key], ())


def test_a_draft_with_mistakes_takes_no_number(district: Desk) -> None:
    before = district.sequence.states()
    with pytest.raises(FormatError, match=r"acts\[0\]\.until"):
        district.sign(listing(until="soon"))
    with pytest.raises(UsageError, match="valid for"):
        district.sign(listing(), valid_for=0)
    with pytest.raises(UsageError, match="belongs to key"):
        district.sign(listing(), sequence=SequenceFile(district.sequence.path, b"\x01" + bytes(32)))
    assert district.sequence.states() == before


def test_the_author_signs_what_was_shown(world: World, district: Desk) -> None:
    prepared = prepare(listing())
    entry = compose(
        prepared.acts,
        ledger_id=world.ledger_id,
        authority=prepared.authority,
        key=district.signer.public_key,
        sequence=district.sequence.position(world.ledger_id, now=world.recorded_at),
        now=world.recorded_at,
    )
    shown = "\n".join(describe_entry(entry))
    signed = sign_entry(
        entry, district.signer, sequence=district.sequence, now=world.recorded_at, contents=prepared.contents
    )
    assert signed.entry == entry
    assert subject_in_words(prepared.contents[0].subject) in shown
    assert "district lists" in shown
    with pytest.raises(UsageError, match="another was signed meanwhile"):
        sign_entry(entry, district.signer, sequence=district.sequence, now=world.recorded_at)
    append(world, signed)


class FailingSigner:
    """A token that is pulled out, or that makes nonsense."""

    def __init__(self, signer: MemorySigner, signature: bytes | None) -> None:
        self.public_key = signer.public_key
        self._signature = signature

    def sign(self, _message: bytes) -> bytes:
        if self._signature is None:
            raise KeyboardInterrupt
        return self._signature


@pytest.mark.parametrize(
    ("signature", "error"), [(None, KeyboardInterrupt), (b"", FormatError), (bytes(64), VerificationFailed)]
)
def test_a_signer_that_fails_costs_no_number(
    district: Desk, signature: bytes | None, error: type[BaseException]
) -> None:
    before = district.sequence.states()
    district.signer = FailingSigner(district.signer, signature)  # type: ignore[assignment]  # a Signer all the same
    with pytest.raises(error):
        district.sign(listing())
    assert district.sequence.states() == before


def test_an_entry_that_expired_unrecorded_is_signed_anew_in_its_place(world: World, district: Desk) -> None:
    lost = district.sign(listing(), valid_for=HOUR)
    with pytest.raises(SequenceConflict, match="can still be recorded"):
        district.sign(listing(), replace=True)
    world.day = "2026-03-09"
    with pytest.raises(SequenceConflict, match="expired on 2 March 2026"):
        district.sign(listing())
    with pytest.raises(Refused, match="R-ENTRY-EXPIRED"):
        append(world, lost)
    anew = district.sign(listing(), replace=True)
    assert anew.entry.author_seq == lost.entry.author_seq
    append(world, anew)


def county_listing(world: World) -> Draft:
    """A listing that the county court may make only with the countersignature of the high court above it."""
    draft = listing("county", "county-defaulters", area="cn-44")
    high = MemorySigner(hashlib.sha256(b"key of high").digest()).public_key
    draft.document["cosigners"] = [{"authority": "high", "key": high.hex()}]
    return draft


def test_a_listing_that_needs_consent_passes_from_desk_to_desk_as_a_file(world: World, tmp_path: Path) -> None:
    county, high = Desk(world, "county", tmp_path), Desk(world, "high", tmp_path)
    path = tmp_path / "listing.submission"
    county.sign(county_listing(world)).write(path)
    received = Submission.read(path)
    assert not received.complete
    assert any(line.startswith("Countersigned by high") for line in describe_entry(received.entry))
    countersigned = countersign(received, high.signer, now=world.recorded_at)
    assert countersign(countersigned, high.signer, now=world.recorded_at) == countersigned
    countersigned.write(path, force=True)
    append(world, Submission.read(path))
    assert not high.sequence.state(world.ledger_id).pending, "a countersignature takes no number of the cosigner's"


def test_a_countersignature_is_given_only_by_who_was_named_while_it_can_be_recorded(
    world: World, district: Desk, tmp_path: Path
) -> None:
    county, high = Desk(world, "county", tmp_path), Desk(world, "high", tmp_path)
    submission = county.sign(county_listing(world), valid_for=HOUR)
    with pytest.raises(UsageError, match=r"not one of the entry's cosigners, who are: high \(key 01"):
        countersign(submission, district.signer, now=world.recorded_at)
    with pytest.raises(UsageError, match="is the author's"):
        countersign(submission, county.signer, now=world.recorded_at)
    assert countersign(submission, high.signer, now=submission.entry.not_after).complete
    with pytest.raises(Refused, match="2 March 2026, 05:00:") as raised:
        countersign(submission, high.signer, now=submission.entry.not_after + 1)
    assert raised.value.rule in RULES


def test_nothing_is_added_to_a_submission_that_is_not_sound(world: World, tmp_path: Path) -> None:
    county, high = Desk(world, "county", tmp_path), Desk(world, "high", tmp_path)
    good = county.sign(county_listing(world))
    forged = Submission(good.data, good.entry, (bytes(64), None), good.contents)
    swapped = Submission(good.data, good.entry, good.signatures, (good.contents[0]._replace(content=b"other"),))
    for bad in (forged, swapped):
        with pytest.raises(VerificationFailed):
            countersign(bad, high.signer, now=world.recorded_at)


def test_a_person_keeps_one_handle_through_several_drafts(world: World, district: Desk) -> None:
    first = district.sign(listing())
    append(world, first)
    person: Subject = first.contents[0].subject
    remove = {
        "type": "listing.remove/1",
        "list": "defaulters",
        "subject": str(person),
        "listing": f"{first.digest.hex()}#0",
        "reason": "performed",
        "decided": "2026-03-02",
        "effective": "2026-03-02",
        "appeal": None,
        "source": None,
    }
    append(world, district.sign(Draft({"authority": "district", "acts": [remove]})))
    (recorded,) = world.row("defaulters", person).listings
    assert recorded.ended is not None
    assert recorded.ended.reason == "performed"
