"""Acknowledgements: what a desk signs about what was handed in, and that it can say nothing else."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from creditledger.audit.trust import Trust
from creditledger.client.submission import Submission
from creditledger.errors import (
    CannotVerify,
    FormatError,
    LedgerError,
    Refused,
    SequenceConflict,
    StoreError,
    UnsupportedError,
    UsageError,
    VerificationFailed,
)
from creditledger.receipts import compare
from creditledger.receipts.acknowledgement import (
    MAX_WORDS_BYTES,
    Acknowledgement,
    Malformed,
    Outcome,
    Recorded,
    Refusal,
    Unrecorded,
    desk_name,
    neutral,
    open_acknowledgement,
    outcome_of,
    sign_acknowledgement,
)
from creditledger.record.entry import entry_hash
from creditledger.record.record import decode_record
from creditledger.tlog.note import NoteSigner, sign_note
from receipts.cases import DESK, both, finding, report, seed, signed, world
from support.registry import ORIGIN, signer

NOW = 1_772_453_000_123_456


def trust() -> Trust:
    return world().trust(desk=True)


def entry_of(seq: int) -> bytes:
    return decode_record(world().records[seq]).entry


def said(outcome: Outcome, digest: bytes = bytes(32), *, is_entry: bool = True) -> Acknowledgement:
    return Acknowledgement(ORIGIN, world().ledger_id, is_entry, digest, NOW, outcome)


OUTCOMES: tuple[Outcome, ...] = (
    Recorded(0, 1), Recorded(7, 2**53 - 1), Refusal("R-MANDATE", None, "no mandate", "a mandate"),
    Refusal("R-X-9", 1023, "ö", "é"), Malformed("it ends too early"), Unrecorded("the disk is full"),
)  # fmt: skip


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_what_a_desk_says_is_read_back_and_shown(outcome: Outcome) -> None:
    acknowledgement = said(outcome)
    data = sign_acknowledgement(acknowledgement, DESK)
    assert open_acknowledgement(data, trust()) == acknowledgement
    assert both(data, trust()) == 0
    shown = report(data, trust())
    assert "2026-03-02T12:03:20.123456Z" in shown.meaning
    assert shown.not_checked


def test_every_error_has_an_outcome_and_only_the_submissions_faults_are_its_own() -> None:
    cases: list[tuple[LedgerError, type]] = [
        (Refused("R-MANDATE", "none", "one", 3), Refusal), (SequenceConflict("another"), Refusal),
        (FormatError("bad"), Malformed), (UnsupportedError("new"), Malformed),
        (VerificationFailed("LED-SIG", "wrong"), Malformed), (VerificationFailed("LED-CONTENT", "wrong"), Malformed),
        (VerificationFailed("LED-TREE", "the store is damaged"), Unrecorded), (StoreError("disk"), Unrecorded),
        (UsageError("lacks a countersignature"), Unrecorded), (CannotVerify("no head"), Unrecorded),
    ]  # fmt: skip
    for error, kind in cases:
        outcome = outcome_of(error)
        assert type(outcome) is kind
        assert both(sign_acknowledgement(said(outcome), DESK), trust()) == 0


def test_what_is_wrong_at_the_desk_is_not_told_to_others() -> None:
    outcome = outcome_of(StoreError("cannot write /srv/registry/log: the disk is full"))
    assert isinstance(outcome, Unrecorded)
    assert "/srv" not in outcome.why


def test_words_cannot_forge_lines() -> None:
    forged = Malformed("bad\nrecorded 7 8")
    with pytest.raises(FormatError):
        sign_acknowledgement(said(forged), DESK)
    outcome = outcome_of(FormatError("bad\nrecorded 7 8\r\n\n— \x1b[2J\u202e" + "x" * 5000))
    data = sign_acknowledgement(said(outcome), DESK)
    assert data.split(b"\n")[6].startswith("bad; recorded 7 8; — ".encode())
    assert b"\x1b" not in data
    assert both(data, trust()) == 0


def test_the_mistakes_of_a_draft_stand_apart_on_their_line() -> None:
    error = FormatError("the draft law.json has 2 mistakes:\n  acts[0].law: not filled in\n  acts[0].title: too long")
    why = "the draft law.json has 2 mistakes: acts[0].law: not filled in; acts[0].title: too long"
    assert outcome_of(error) == Malformed(why)


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_any_words_become_a_line_that_can_stand(text: str) -> None:
    words = neutral(text)
    assert 1 <= len(words.encode()) <= MAX_WORDS_BYTES
    assert Acknowledgement.from_text(said(Malformed(words)).to_text()).outcome == Malformed(words)


def test_another_key_cannot_acknowledge() -> None:
    acknowledgement = said(Recorded(7, 8))
    for key in (signer("log"), signer("thief")):
        assert finding(sign_acknowledgement(acknowledgement, key), trust()) == "LED-SIG"
    assert both(sign_acknowledgement(acknowledgement, DESK), world().trust()) == 4
    genuine = sign_acknowledgement(acknowledgement, DESK)
    for forged in (genuine.replace(b"recorded 7 8", b"recorded 6 8"), genuine.replace(b"entry 0", b"entry 1", 1)):
        assert finding(forged, trust()) == "LED-SIG"


def test_an_acknowledgement_of_another_ledger() -> None:
    for other in (
        said(Recorded(7, 8))._replace(ledger_id=seed("x")),
        said(Recorded(7, 8))._replace(origin="x.example"),
    ):
        assert finding(sign_acknowledgement(other, DESK), trust()) == "LED-LEDGER"


def test_spellings_that_are_not_the_one() -> None:
    text = said(Recorded(7, 8)).to_text()
    refused = said(Refusal("R-X", 0, "a", "b")).to_text()
    wrong = [
        text.replace(b"recorded 7 8", other)
        for other in (
            b"recorded 07 8", b"recorded 7 7", b"recorded 8 7", b"recorded 7", b"recorded 7 9007199254740992",
            b"recorded 7 8 ", b"Recorded 7 8", b"recorded 7 8\nwords", b"malformed", b"unrecorded\na\nb", b"lost\nx",
            b"malformed\n x", b"malformed\n", b"malformed\n\xe2\x80\xae", b"malformed\n" + b"x" * 2001,
        )
    ]  # fmt: skip
    wrong += [
        refused.replace(b"R-X 0", other)
        for other in (b"X 0", b"R- 0", b"R-x 0", b"R-X 00", b"R-X 1024", b"R-X", b"R-X --", b"R" + b"-X" * 32 + b" 0")
    ]
    wrong += [
        text.replace(b"2026-03-02T12:03:20.123456Z", other)
        for other in (
            b"2026-03-02T12:03:20.12345Z", b"2026-03-02 12:03:20.123456Z", b"2026-02-30T12:03:20.123456Z",
            b"2026-03-02T12:03:20.123456+00:00", b"2026-03-02T24:03:20.123456Z", b"2026-03-02T12:03:60.123456Z",
            b"1969-12-31T23:59:59.999999Z", "\uff12026-03-02T12:03:20.123456Z".encode(),
        )
    ]  # fmt: skip
    wrong += [text.replace(b"entry 0", b"bytes 0", 1), text.replace(b"entry", b"Entry"), text.replace(b"/v1", b"/v01")]
    for one in wrong:
        assert one != text
        with pytest.raises(FormatError):
            Acknowledgement.from_text(one)
        assert both(sign_note(one, NoteSigner(desk_name(ORIGIN), seed("desk"))), trust()) == 1, one
    newer = sign_note(text.replace(b"/v1\n", b"/v2\n"), NoteSigner(desk_name(ORIGIN), seed("desk")))
    assert both(newer, trust()) == 13


def test_a_desk_contradicts_the_log_and_both_files_show_it() -> None:
    receipt = world().receipt.to_bytes()
    honest = sign_acknowledgement(said(Recorded(8, 13), entry_hash(entry_of(8))), DESK)
    agreed = compare.compare(honest, receipt, trust())
    assert agreed.exit_code == 0
    assert any(name == "receipt" and "record 8" in fact for name, fact in agreed.facts)
    for lie in (said(Recorded(8, 13), entry_hash(entry_of(9))), said(Recorded(6, 13), entry_hash(entry_of(8)))):
        with pytest.raises(VerificationFailed, match="LED-HEAD"):
            compare.compare(sign_acknowledgement(lie, DESK), receipt, trust())
    # A receipt that does not hold itself convicts nobody.
    forged = world().receipt._replace(note=signed(13, seed("x"))).to_bytes()
    for acknowledged in (honest, sign_acknowledgement(lie, DESK)):
        with pytest.raises(VerificationFailed, match="LED-TREE"):
            compare.compare(acknowledged, forged, trust())
    unrelated = sign_acknowledgement(said(Recorded(3, 4), bytes(32)), DESK)
    with pytest.raises(CannotVerify):
        compare.compare(unrelated, receipt, trust())
    refused = sign_acknowledgement(said(Refusal("R-X", None, "a", "b"), entry_hash(entry_of(8))), DESK)
    assert compare.compare(refused, receipt, trust()).exit_code == 0


def test_an_acknowledgement_is_compared_with_what_was_handed_in() -> None:
    record = decode_record(world().records[8])
    submission = Submission.make(record.entry, record.signatures[0]).to_bytes()
    honest = sign_acknowledgement(said(Recorded(8, 13), entry_hash(record.entry)), DESK)
    assert compare.compare(honest, submission, trust()).exit_code == 0
    garbage = b"\xc1 no entry"
    malformed = said(Malformed("no entry"), hashlib.sha256(garbage).digest(), is_entry=False)
    assert compare.compare(sign_acknowledgement(malformed, DESK), garbage, trust()).exit_code == 0
    for draft in (b'{"authority": "court"}', b"\xef\xbb\xbf\n [1]"):
        refused = said(Refusal("R-X", None, "a", "b"), hashlib.sha256(draft).digest(), is_entry=False)
        assert compare.compare(sign_acknowledgement(refused, DESK), draft, trust()).exit_code == 0
        with pytest.raises(CannotVerify, match="cannot be compared with the entry that was made of it"):
            compare.compare(honest, draft, trust())
    other = sign_acknowledgement(said(Recorded(8, 13)), DESK)
    with pytest.raises(VerificationFailed, match="LED-STRUCT"):
        compare.compare(other, submission, trust())
    with pytest.raises(UsageError):
        compare.compare(world().receipt.to_bytes(), submission, trust())
    with pytest.raises(FormatError):
        compare.compare(honest, world().extension.to_bytes(), trust())
