"""A careless call is told which argument is wrong and what to write instead, and never gets a bare Python error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from creditledger.acts import catalogue as acts
from creditledger.errors import FormatError, LedgerError, UsageError
from creditledger.ledger.ledger import Ledger
from support.registry import LIST, Registry, firm, listing, signer

COURT = signer("court")
DAY = date(2026, 3, 1)
MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    with Registry(tmp_path_factory.mktemp("arguments")).create() as opened:
        yield opened


SLIPS: dict[str, tuple[Callable[[Any], object], str]] = {
    "append text": (lambda it: it.append("x", signer=COURT), r"ListingAdd\(...\).*found 'x' \(str\)"),
    "append None": (lambda it: it.append(None, signer=COURT), "found None"),
    "append nothing": (lambda it: it.append([], signer=COURT), "at least one"),
    "append a class": (lambda it: it.append(acts.ListingAdd, signer=COURT), "an act is"),
    "append a subject": (lambda it: it.append(firm(1), signer=COURT), "an act is"),
    "append a mixture": (lambda it: it.append([listing(1), 5], signer=COURT), r"found 5 \(int\)"),
    "no signer": (lambda it: it.append(listing(1), signer=None), "signer is a signer.*Signer.load"),
    "a key file's name": (lambda it: it.append(listing(1), signer="court.key"), "Signer.load"),
    "cosigner alone": (lambda it: it.append(listing(1), signer=COURT, cosigners=[COURT]), "'high-court', signer"),
    "cosigners as text": (lambda it: it.append(listing(1), signer=COURT, cosigners="ab"), "a list of pairs"),
    "cosigner no signer": (lambda it: it.append(listing(1), signer=COURT, cosigners=[("high", "k")]), "'high'"),
    "not_after datetime": (lambda it: it.append(listing(1), signer=COURT, not_after=MOMENT), "timestamp"),
    "not_after seconds": (lambda it: it.append(listing(1), signer=COURT, not_after=1_772_452_800), "microseconds"),
    "seen a size": (lambda it: it.append(listing(1), signer=COURT, seen=3), r"\(size, root\)"),
    "contents text": (lambda it: it.append(listing(1), signer=COURT, contents="abc"), "a list of ContentItem"),
    "contents tuples": (lambda it: it.append(listing(1), signer=COURT, contents=[("a", b"b")]), "ContentItem"),
    "signed text": (lambda it: it.append_signed("abc", []), "as its bytes"),
    "no signatures": (lambda it: it.append_signed(b"abc", None), "signatures of an entry"),
    "bytes for pairs": (lambda it: it.append_all(b"abc"), "a list of pairs"),
    "no pairs": (lambda it: it.append_all([b"abc"]), "is a pair"),
    "check no pairs": (lambda it: it.check_batch([b"abc"]), "is a pair"),
    "many no pairs": (lambda it: it.append_many([b"abc"], jobs=0), "is a pair"),
    "many no list": (lambda it: it.append_many(5), "pairs"),
    "lookup date": (lambda it: it.lookup(firm(1), LIST, valid_at=DAY), "'2026-03-01'"),
    "lookup datetime": (lambda it: it.lookup(firm(1), LIST, valid_at=MOMENT), "'2026-03-01'"),
    "lookup number": (lambda it: it.lookup(firm(1), LIST, valid_at=20260301), "'YYYY-MM-DD'"),
    "lookup swapped": (lambda it: it.lookup(LIST, firm(1)), "subject is a Subject"),
    "lookup no list": (lambda it: it.lookup(firm(1), None), "name of a list"),
    "known in seconds": (lambda it: it.lookup(firm(1), LIST, known_at=1_772_452_800), "microseconds.*1,000,000"),
    "known in milliseconds": (lambda it: it.lookup(firm(1), LIST, known_at=1_772_452_800_000), "microseconds"),
    "known in nanoseconds": (lambda it: it.lookup(firm(1), LIST, known_at=1_772_452_800 * 10**9), "microseconds"),
    "known datetime": (lambda it: it.lookup(firm(1), LIST, known_at=MOMENT), "timestamp"),
    "known float": (lambda it: it.lookup(firm(1), LIST, known_at=1.77e15), "whole number"),
    "known bool": (lambda it: it.lookup(firm(1), LIST, known_at=True), "whole number"),
    "history text": (lambda it: it.history("uscc:911", LIST), "Subject.uscc"),
    "history no list": (lambda it: it.history(firm(1), None), "name of a list"),
    "members date": (lambda it: it.members(LIST, valid_at=DAY), "'2026-03-01'"),
    "members subject": (lambda it: it.members(firm(1)), "name of a list"),
    "diff text": (lambda it: it.diff(LIST, "2026-01-01", "2026-02-01"), r"before is a pair.*\('2026-03-10', None\)"),
    "diff one": (lambda it: it.diff(LIST, ("2026-01-01", None), ("2026-01-01",)), "after is a pair"),
    "diff date": (lambda it: it.diff(LIST, (DAY, None), (DAY, None)), "day of before.*'2026-03-01'"),
    "diff no day": (lambda it: it.diff(LIST, (None, None), ("2026-01-01", None)), "day of before is missing"),
    "diff list": (lambda it: it.diff(firm(1), ("2026-01-01", None), ("2026-01-01", None)), "name of a list"),
    "diff seconds": (lambda it: it.diff(LIST, ("2026-01-01", 1_772_452_800), ("2026-01-01", None)), "microseconds"),
    "replay text": (lambda it: it.replay(size="3"), "whole number"),
    "replay seconds": (lambda it: it.replay(known_at=1_772_452_800), "microseconds"),
    "record text": (lambda it: it.record("3"), "seq is a whole number"),
    "key as text": (lambda it: it.key_head("01ab"), "bytes.fromhex"),
    "commitment as text": (lambda it: it.content(LIST, firm(1), "ab"), "bytes.fromhex"),
    "content of text": (lambda it: it.content(LIST, "ab", b"ab"), "subject is a Subject"),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_named_with_what_to_write_instead(ledger: Ledger, slip: str) -> None:
    call, message = SLIPS[slip]
    size = ledger.size
    with pytest.raises(UsageError, match=message):
        call(ledger)
    assert ledger.size == size


@pytest.mark.parametrize("field", ["decided", "effective", "until"])
def test_a_date_in_an_act_is_told_its_field(ledger: Ledger, field: str) -> None:
    with pytest.raises(FormatError, match=f"field {field}: expected a date, written YYYY-MM-DD.*type date"):
        ledger.append(listing(1, **{field: DAY}), signer=COURT)


@pytest.mark.parametrize(
    ("slip", "message"),
    [
        ({"log_signer": None}, "log_signer is a signer"),
        ({"root_signers": COURT}, "a list of signers"),
        ({"root_signers": [None]}, "each of root_signers"),
        ({"root_signers": "root.key"}, "a list of signers"),
    ],
)
def test_a_founding_with_a_slip_makes_nothing(tmp_path: Path, slip: dict[str, Any], message: str) -> None:
    sound: dict[str, Any] = {"origin": "a.example/b", "log_signer": signer("log"), "root_signers": [signer("root-1")]}
    with pytest.raises(UsageError, match=message):
        Ledger.create(tmp_path / "new", head_dir=tmp_path / "heads", **sound | slip)
    assert list(tmp_path.iterdir()) == []


def test_opening_with_a_slip_is_refused_before_anything_is_locked(tmp_path: Path) -> None:
    opening: Any = Ledger.open
    with pytest.raises(UsageError, match="directory is the path"):
        opening(None)
    with pytest.raises(UsageError, match="directory is the path"):
        opening(5, log_signer=COURT)
    with pytest.raises(UsageError, match="log_signer is a signer"):
        opening(tmp_path, log_signer="log.key")
    assert list(tmp_path.iterdir()) == []


def test_what_is_right_is_let_through(ledger: Ledger) -> None:
    moment = ledger.record(ledger.size - 1).recorded_at
    assert ledger.lookup(firm(9), LIST, valid_at="2026-03-10", known_at=moment).status == "nothing-recorded"
    assert ledger.diff(LIST, ("2026-03-10", None), ("2026-03-11", moment)) == []
    generated = (one for one in [listing(100), listing(101)])
    assert ledger.append(generated, signer=COURT).acts == 2  # type: ignore[arg-type]  # an iterable will do
    with pytest.raises(LedgerError, match="no record -1"):
        ledger.record(-1)
