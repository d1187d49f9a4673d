"""Importing event histories: members on past days, what makes no sense, longer editions, contradictions, dry runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from creditledger.acts import catalogue as acts
from creditledger.acts.kinds import ActRef
from creditledger.errors import FormatError, Refused, UsageError
from creditledger.ledger.ledger import Ledger
from creditledger.record.entry import entry_hash
from creditledger.rules.rows import ROOT
from creditledger.transfer.events_import import import_events
from creditledger.transfer.import_run import Counts, ImportOptions, ImportReport
from creditledger.transfer.sources.events import EventLayout
from transfer.mirror import (
    ACT,
    ADMIN,
    ROOTS,
    TRANSCRIPT,
    all_bytes,
    appeal,
    close,
    define_reviewed,
    event,
    events_file,
    found,
    members,
    reopen,
    signer,
    subject_of,
)

HOSTS = EventLayout("hosts", date="recorded")
COINS = EventLayout({"btc.txt": "coins", "party.txt": "parties"}, date="recorded")
AS_HOSTS = ImportOptions(key_scheme="host")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with found(tmp_path) as one:
        yield one


def run(ledger: Ledger, path: Path, layout: EventLayout = HOSTS, **more: object) -> ImportReport:
    options = more.pop("options", AS_HOSTS if layout is HOSTS else ImportOptions())
    assert isinstance(options, ImportOptions)
    return import_events(ledger, path, layout=layout, signer=ACT, opener=ADMIN, options=options, **more)  # type: ignore[arg-type]  # dry_run, progress


HISTORY = [
    event("2024-02-06T01:00:00+08:00", "add", "shop.example"),
    event("2024-02-06T01:00:00+08:00", "add", "someone@mail.example"),
    event("2024-02-07T12:00:00Z", "add", "Shop.example"),
    event("2024-02-09T12:00:00Z", "remove", "shop.example"),
    event("2024-02-09T13:00:00Z", "remove", "someone@mail.example"),
    event("2024-02-09T14:00:00Z", "add", "someone@mail.example"),
    event("2024-03-01T00:00:00Z", "add", "shop.example"),
]


def test_members_on_every_past_day(tmp_path: Path, ledger: Ledger) -> None:
    report = run(ledger, events_file(tmp_path / "h.jsonl", HISTORY))
    assert report.lists == {"hosts": Counts(additions=5, removals=2)}
    assert (report.rows, report.recorded, report.entries, report.opened) == (7, 7, 1, ("hosts",))
    assert members(ledger, "hosts", "2024-02-04") == set()
    assert members(ledger, "hosts", "2024-02-05") == {"shop.example", "someone@mail.example"}
    assert members(ledger, "hosts", "2024-02-08") == {"shop.example", "someone@mail.example", "Shop.example"}
    assert members(ledger, "hosts", "2024-02-09") == {"someone@mail.example", "Shop.example"}
    assert members(ledger, "hosts", "2024-03-01") == {"shop.example", "someone@mail.example", "Shop.example"}


def test_only_what_is_a_host_name_to_the_letter_stands_in_clear(tmp_path: Path, ledger: Ledger) -> None:
    keys = [
        "shop.example", "xn--p1ai.example", "a@shop.example", "Shop.example", "shop.example/path", "shop.example.",
        "10.0.0.1", "пример.example", "Email:a@b.example", "localhost", "-a.example", "=1+1.example",
    ]  # fmt: skip
    run(ledger, events_file(tmp_path / "h.jsonl", [event("2024-01-01", "add", key) for key in keys]))
    assert members(ledger, "hosts") == set(keys)
    clear = {found[0].value for found in ledger.members("hosts") if found[0].scheme == "host"}
    assert clear == {"shop.example", "xn--p1ai.example"}
    everything = b"".join(data for _, data in ledger.records())
    for key in set(keys) - clear:
        assert key.encode() not in everything, f"{key} stands in clear"


def test_the_file_is_cited_and_signed_for_by_the_transcriber(tmp_path: Path, ledger: Ledger) -> None:
    path = events_file(tmp_path / "h.jsonl", HISTORY)
    report = run(ledger, path)
    entry = ledger.history(subject_of(ledger, "hosts", "shop.example"), "hosts")[0]
    assert entry.authority == "mirror"
    assert isinstance(entry.act, acts.ListingAdd)
    assert (entry.act.source, entry.act.ground, entry.act.measures) == ((None, 0), "on-source-list", ())
    (_, data) = next(iter(ledger.records(entry.address.seq)))
    assert b"source.cite/1" in data
    assert report.sha256 in data
    assert b"h.jsonl" in data
    assert b"2024-03-01" in data


def test_running_it_again_records_nothing(tmp_path: Path, ledger: Ledger) -> None:
    path = events_file(tmp_path / "h.jsonl", HISTORY)
    run(ledger, path)
    size, digest = ledger.size, ledger.state_digest()
    report = run(ledger, path)
    assert report.lists == {"hosts": Counts(unchanged=7)}
    assert (report.recorded, ledger.size, ledger.state_digest()) == (0, size, digest)


@pytest.mark.parametrize("cut", range(len(HISTORY) + 1))
def test_a_longer_edition_goes_on_where_the_shorter_one_ended(tmp_path: Path, ledger: Ledger, cut: int) -> None:
    run(ledger, events_file(tmp_path / "short.jsonl", HISTORY[:cut]))
    report = run(ledger, events_file(tmp_path / "long.jsonl", HISTORY))
    assert (report.total("unchanged"), report.recorded) == (cut, len(HISTORY) - cut)
    # An older edition, given again, neither adds nor removes.
    assert run(ledger, tmp_path / "short.jsonl").recorded == 0
    assert members(ledger, "hosts", "2024-02-08") == {"shop.example", "someone@mail.example", "Shop.example"}
    assert members(ledger, "hosts", "2024-02-09") == {"someone@mail.example", "Shop.example"}


def test_what_makes_no_sense_is_counted_and_left_out(tmp_path: Path, ledger: Ledger) -> None:
    history = [
        event("2024-01-01", "remove", "never.example"),
        event("2024-01-02", "add", "twice.example"),
        event("2024-01-03", "add", "twice.example"),
        event("2024-01-04", "remove", "twice.example"),
        event("2024-01-05", "remove", "twice.example"),
    ]
    path = events_file(tmp_path / "h.jsonl", history)
    for _ in range(2):
        report = run(ledger, path)
        assert report.total("absent_removals") == 2
        assert report.total("duplicate_additions") == 1
        assert report.examples["absent_removals"] == [
            "hosts: line 1, remove never.example on 2024-01-01",
            "hosts: line 5, remove twice.example on 2024-01-05",
        ]
        assert members(ledger, "hosts", "2024-01-03") == {"twice.example"}
        assert members(ledger, "hosts", "2024-01-04") == set()
    assert ledger.lookup(subject_of(ledger, "hosts", "twice.example"), "hosts").status == "removed"


def test_a_file_that_is_not_in_order_is_taken_in_the_order_of_moments(tmp_path: Path, ledger: Ledger) -> None:
    run(ledger, events_file(tmp_path / "h.jsonl", [HISTORY[at] for at in (6, 3, 0, 5, 2, 4, 1)]))
    assert members(ledger, "hosts", "2024-02-08") == {"shop.example", "someone@mail.example", "Shop.example"}
    assert members(ledger, "hosts", "2024-02-09") == {"someone@mail.example", "Shop.example"}
    assert members(ledger, "hosts", "2024-03-01") == {"shop.example", "someone@mail.example", "Shop.example"}


def test_one_key_is_another_handle_on_another_list_and_the_same_on_one(tmp_path: Path, ledger: Ledger) -> None:
    history = [
        event("2024-01-01", "add", "bc1q", list="btc.txt"),
        event("2024-01-01", "add", "bc1q", list="party.txt"),
        event("2024-01-02", "remove", "bc1q", list="btc.txt"),
        event("2024-01-03", "add", "bc1q", list="btc.txt"),
    ]
    report = run(ledger, events_file(tmp_path / "h.jsonl", history), COINS)
    assert report.lists == {"coins": Counts(additions=2, removals=1), "parties": Counts(additions=1)}
    here, there = (subject_of(ledger, one, "bc1q") for one in ("coins", "parties"))
    assert here.scheme == there.scheme == "handle"
    assert here != there
    assert len(ledger.history(here, "coins")) == 3
    assert b"bc1q" not in all_bytes(tmp_path / "ledger")


def test_a_history_that_contradicts_the_record_stops_the_import(tmp_path: Path, ledger: Ledger) -> None:
    run(ledger, events_file(tmp_path / "h.jsonl", HISTORY))
    other = [*HISTORY[:3], event("2024-02-10T12:00:00Z", "remove", "shop.example"), *HISTORY[4:]]
    path = events_file(tmp_path / "other.jsonl", [*other, event("2024-04-01", "add", "new.example")])
    size = ledger.size
    with pytest.raises(
        UsageError, match=r"1 event contradict.*line 4, remove shop.example on 2024-02-10; recorded is 2024-02-09"
    ):
        run(ledger, path)
    with pytest.raises(UsageError, match="2 were confirmed"):
        run(ledger, path, options=ImportOptions(key_scheme="host", confirm_disagreements=2))
    assert ledger.size == size
    report = run(ledger, path, options=ImportOptions(key_scheme="host", confirm_disagreements=1))
    assert (report.recorded, report.total("disagreements")) == (1, 1)
    assert members(ledger, "hosts", "2024-02-09") == {"someone@mail.example", "Shop.example"}


def test_a_listing_that_was_annulled_stays_so(tmp_path: Path, ledger: Ledger) -> None:
    path = events_file(tmp_path / "h.jsonl", HISTORY[:3])
    run(ledger, path)
    subject = subject_of(ledger, "hosts", "Shop.example")
    made = ledger.history(subject, "hosts")[0].address
    ref = ActRef(entry_hash(ledger.record(made.seq).entry), made.act)
    ledger.append(acts.ListingAnnul("hosts", subject, ref, "listed_in_error", "2024-02-08"), signer=ACT)
    assert run(ledger, path).recorded == 0
    longer = events_file(tmp_path / "longer.jsonl", [*HISTORY[:3], event("2024-02-20", "remove", "Shop.example")])
    assert run(ledger, longer).recorded == 0
    assert ledger.lookup(subject, "hosts").status == "annulled"


@pytest.mark.parametrize("known", [0, 1, 2])
def test_who_comes_back_while_under_appeal_is_listed_in_a_case_of_its_own(
    tmp_path: Path, ledger: Ledger, known: int
) -> None:
    """However much of the history is on record when the appeal comes, and whatever becomes of it in the end."""
    define_reviewed(ledger)
    layout = EventLayout("reviewed", date="recorded")
    days = ("2024-02-06", "2024-02-09", "2024-02-12", "2024-02-15", "2024-02-18")
    history = [event(day, ("add", "remove")[at % 2], "shop.example") for at, day in enumerate(days)]
    files = [events_file(tmp_path / f"{n}.jsonl", history[:n]) for n in range(len(history) + 1)]
    run(ledger, files[1 + known], layout)
    subject = subject_of(ledger, "reviewed", "shop.example")
    lodged = appeal(ledger, subject, day="2024-02-20")
    run(ledger, files[3], layout)
    listings = ledger.lookup(subject, "reviewed").listings
    assert [one.status for one in listings] == ["removed", "listed"]
    assert (listings[0].case, listings[1].case is None) == (None, known == 2)
    close(ledger, subject, lodged, "quash_ex_tunc", day="2024-02-21")
    assert run(ledger, files[3], layout).recorded == 0
    assert run(ledger, files[5], layout).recorded == 2 - (known == 2)
    assert ledger.lookup(subject, "reviewed").status == "listed"
    assert run(ledger, files[5], layout).recorded == 0


def test_bad_rows_stop_the_import_unless_their_number_is_confirmed(tmp_path: Path, ledger: Ledger) -> None:
    path = events_file(tmp_path / "h.jsonl", HISTORY)
    path.write_bytes(path.read_bytes() + b"garbage\n{}\n")
    size = ledger.size
    for skip in (0, 1, 3):
        with pytest.raises(FormatError, match=r"2 rows cannot be read \(line 8: not JSON.* \(--skip-bad 2\)"):
            run(ledger, path, options=ImportOptions(key_scheme="host", skip_bad=skip))
    assert ledger.size == size
    report = run(ledger, path, options=ImportOptions(key_scheme="host", skip_bad=2, confirm_removals=2))
    assert (report.rows, report.bad_rows, [row.line for row in report.bad]) == (7, 2, [8, 9])
    assert report.recorded == 7


def test_a_skipped_event_holds_all_that_would_be_new_about_its_key(tmp_path: Path, ledger: Ledger) -> None:
    """It was removed, came again, and was removed again; of the first removal the date cannot be read."""
    history = [
        event("2024-01-01", "add", "a.example"),
        event("2024-01-02", "remove", "a.example"),
        event("2024-01-03", "add", "a.example"),
        event("2024-01-03", "add", "b.example"),
    ]
    run(ledger, events_file(tmp_path / "1.jsonl", history[:1]))
    broken = [
        history[0],
        history[1] | {"recorded": "2024-1-2"},
        *history[2:],
        event("2024-01-04", "remove", "a.example"),
    ]
    path, skip = events_file(tmp_path / "2.jsonl", broken), ImportOptions(key_scheme="host", skip_bad=1)
    report = run(ledger, path, options=skip)
    assert report.lists == {"hosts": Counts(additions=1, unchanged=1, duplicate_additions=1, held=1)}
    assert report.examples["held"] == ["hosts: line 5, remove a.example on 2024-01-04"]
    # It stays as it was on record; the others go on.
    assert members(ledger, "hosts") == {"a.example", "b.example"}
    mended = [*history, event("2024-01-04", "remove", "a.example")]
    report = run(ledger, events_file(tmp_path / "3.jsonl", mended))
    assert report.lists == {"hosts": Counts(additions=1, removals=2, unchanged=2)}
    assert members(ledger, "hosts", "2024-01-02") == set()
    assert members(ledger, "hosts") == {"b.example"}


def test_a_skipped_event_of_nobody_knows_whom_makes_removals_a_question(tmp_path: Path, ledger: Ledger) -> None:
    path = events_file(tmp_path / "h.jsonl", HISTORY)
    path.write_bytes(path.read_bytes() + b'{"recorded": "2024-03-02", "action": "add", "key": "shop.ex\n')
    size = ledger.size
    with pytest.raises(UsageError, match=r"whom 1 row .*\(line 8\).* the 2 removals .*--confirm-removals 2"):
        run(ledger, path, options=ImportOptions(key_scheme="host", skip_bad=1))
    with pytest.raises(UsageError, match="removes 2 of those listed, not 1 as confirmed"):
        run(ledger, path, options=ImportOptions(key_scheme="host", skip_bad=1, confirm_removals=1))
    assert ledger.size == size
    confirmed = ImportOptions(key_scheme="host", skip_bad=1, confirm_removals=2)
    assert run(ledger, path, options=confirmed).recorded == 7
    # Run again with the same words, there is nothing left to do; nor is there anything to ask.
    assert run(ledger, path, options=confirmed).recorded == 0
    assert run(ledger, path, options=ImportOptions(key_scheme="host", skip_bad=1)).recorded == 0


def test_an_event_of_an_unknown_list_holds_its_key_on_all_of_them(tmp_path: Path, ledger: Ledger) -> None:
    history = [event("2024-01-01", "add", "k", list=one) for one in ("btc.txt", "party.txt", "mistyped.txt")]
    path = events_file(tmp_path / "h.jsonl", [*history, event("2024-01-01", "add", "other", list="btc.txt")])
    report = run(ledger, path, COINS, options=ImportOptions(skip_bad=1))
    assert report.lists == {"coins": Counts(additions=1, held=1), "parties": Counts(held=1)}
    assert members(ledger, "coins") == {"other"}


def test_where_an_import_goes_on(tmp_path: Path, ledger: Ledger) -> None:
    path = events_file(tmp_path / "h.jsonl", HISTORY)
    first = run(ledger, path)
    assert (first.recorded_before, first.removed_before, first.goes_on) == (0, 0, 1)
    again = run(ledger, path)
    assert (again.recorded_before, again.removed_before, again.goes_on) == (7, 2, None)
    # Another file, however much of it is known already, is not gone on with: it is another one.
    longer = run(ledger, events_file(tmp_path / "l.jsonl", [*HISTORY, event("2024-03-02", "add", "new.example")]))
    assert (longer.recorded_before, longer.goes_on) == (0, 8)


def test_a_dry_run_says_the_same_and_writes_nothing(tmp_path: Path, ledger: Ledger) -> None:
    path = events_file(tmp_path / "h.jsonl", [*HISTORY, event("2024-03-02", "remove", "never.example")])
    before = all_bytes(tmp_path / "ledger")
    dry = run(ledger, path, dry_run=True)
    assert all_bytes(tmp_path / "ledger") == before
    assert (dry.dry_run, dry.recorded, dry.entries, dry.opened, dry.acts) == (True, 0, 0, (), 7)
    wet = run(ledger, path)
    assert (wet.lists, wet.examples, wet.recorded) == (dry.lists, dry.examples, 7)


def test_an_event_that_lies_ahead_takes_effect_then(tmp_path: Path, ledger: Ledger) -> None:
    run(ledger, events_file(tmp_path / "h.jsonl", [event("2027-01-01", "add", "later.example")]))
    assert members(ledger, "hosts") == set()
    assert members(ledger, "hosts", "2027-01-01") == {"later.example"}


def test_further_fields_are_content(tmp_path: Path, ledger: Ledger) -> None:
    layout = EventLayout("hosts", date="recorded", content={"commit": "commit"})
    run(ledger, events_file(tmp_path / "h.jsonl", [event("2024-01-01", "add", "a.example", commit="96887d")]), layout)
    subject = subject_of(ledger, "hosts", "a.example")
    act = ledger.history(subject, "hosts")[0].act
    assert isinstance(act, acts.ListingAdd)
    contents = {label: ledger.content("hosts", subject, digest) for label, digest in act.content}
    assert contents == {"commit": b"96887d", "key": b"a.example"}


def test_long_histories_make_entries_of_at_most_a_hundred_acts(tmp_path: Path, ledger: Ledger) -> None:
    seen: list[tuple[str, int, int]] = []
    history = [event("2024-01-01", "add", f"k{number}", list="btc.txt") for number in range(250)]
    report = run(ledger, events_file(tmp_path / "h.jsonl", history), COINS, progress=lambda *done: seen.append(done))
    assert (report.entries, report.recorded) == (3, 250)
    assert seen == [("recording acts", done, 250) for done in (99, 198, 250)]
    assert members(ledger, "coins") == {f"k{number}" for number in range(250)}


def test_what_an_import_is_refused_for(tmp_path: Path, ledger: Ledger) -> None:
    path = events_file(tmp_path / "h.jsonl", HISTORY)
    with pytest.raises(UsageError, match="there is no list nowhere"):
        run(ledger, path, EventLayout("nowhere", date="recorded"))
    with pytest.raises(UsageError, match="does not admit subjects of kind host"):
        run(ledger, path, EventLayout("coins", date="recorded"), options=AS_HOSTS)
    with pytest.raises(UsageError, match="is not open: give the key"):
        import_events(ledger, path, layout=HOSTS, signer=ACT, options=AS_HOSTS)
    with pytest.raises(UsageError, match="no reason that an import can give"):
        ImportOptions(removal_reason="pardoned")
    with pytest.raises(UsageError, match="cannot be cited"):
        run(ledger, path, options=ImportOptions(key_scheme="host", source_name="a\nb"))
    with pytest.raises(Refused, match="R-ENTRY-KEY"):
        import_events(ledger, path, layout=HOSTS, signer=signer("stranger"), opener=ADMIN, options=AS_HOSTS)
    with pytest.raises(Refused, match="R-LEGAL-BASIS"):
        run(ledger, events_file(tmp_path / "old.jsonl", [event("1999-12-31", "add", "before.the.law.example")]))


def test_a_list_of_own_decisions_is_not_filled_by_an_import(tmp_path: Path, ledger: Ledger) -> None:
    law, article = TRANSCRIPT.law, TRANSCRIPT.article
    own = ledger.governance.lists["hosts"].definition._replace(
        list="own", source=None, polarity="incentive", grounds=("merit",)
    )
    ledger.append(
        [acts.GroundRegister("merit", "Merit", "incentive", "merit", law, article), own],
        signer=ROOTS[0], authority=ROOT, cosigners=[(ROOT, ROOTS[1])],
    )  # fmt: skip
    with pytest.raises(UsageError, match="its authorities' own decisions"):
        run(ledger, events_file(tmp_path / "h.jsonl", HISTORY), EventLayout("own", date="recorded"))


def test_handles_need_the_content_key(tmp_path: Path) -> None:
    found(tmp_path, content_key=None).close()
    with reopen(tmp_path, content_key=None) as ledger:
        path = events_file(tmp_path / "h.jsonl", [event("2024-01-01", "add", "bc1q", list="btc.txt")])
        with pytest.raises(UsageError, match="content key"):
            run(ledger, path, COINS)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.sampled_from(("add", "remove")), st.sampled_from("abc"), st.booleans()), max_size=12),
    st.integers(0, 12),
)
def test_once_the_file_is_mended_nothing_tells_that_rows_were_skipped(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[str, str, bool]], cut: int
) -> None:
    directory = tmp_path_factory.mktemp("mended")
    whole = [event(f"2024-01-{day:02}", action, f"{key}.example") for day, (action, key, _) in enumerate(drawn, 1)]
    broken = [one | ({"recorded": "?"} if bad else {}) for one, (_, _, bad) in zip(whole, drawn, strict=True)]
    held = {one["key"] for one in broken if one["recorded"] == "?"}
    skip = ImportOptions(key_scheme="host", skip_bad=sum(one["recorded"] == "?" for one in broken))
    with found(directory) as ledger:
        run(ledger, events_file(directory / "first.jsonl", whole[:cut]))
        before = members(ledger, "hosts")
        run(ledger, events_file(directory / "broken.jsonl", broken), options=skip)
        assert {key for key in before ^ members(ledger, "hosts") if key in held} == set()
        run(ledger, events_file(directory / "whole.jsonl", whole))
        for day in range(1, 14):
            on = f"2024-01-{day:02}"
            assert members(ledger, "hosts", on) == naive(directory / "whole.jsonl", on, _zone("+00:00")), on


OFFSETS = ("+00:00", "+08:00", "-05:00")
KEYS = ("a.example", "b.example", "c@d.example")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.integers(0, 40 * 6), st.sampled_from(OFFSETS), st.sampled_from(("add", "remove")), st.sampled_from(KEYS)
        ),
        max_size=25,
    ),
    st.integers(0, 25),
    st.sampled_from(OFFSETS),
)
def test_any_history_gives_the_members_of_a_naive_computation(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[int, str, str, str]], cut: int, utc_offset: str
) -> None:
    directory = tmp_path_factory.mktemp("history")
    start = datetime.fromisoformat("2024-01-01T00:00:00+00:00")
    history = [
        event((start + timedelta(hours=4 * hours)).astimezone(_zone(offset)).isoformat(), action, key)
        for hours, offset, action, key in drawn
    ]
    with found(directory, utc_offset=utc_offset) as ledger:
        # In two parts, the first one again in the second: an edition and a later one.
        ordered = sorted(history, key=lambda one: datetime.fromisoformat(one["recorded"]))
        run(ledger, events_file(directory / "first.jsonl", ordered[:cut]))
        run(ledger, events_file(directory / "all.jsonl", history))
        for number in range(-1, 43):
            day = (start + timedelta(days=number)).date().isoformat()
            assert members(ledger, "hosts", day) == naive(directory / "all.jsonl", day, _zone(utc_offset)), day


def naive(path: Path, day: str, zone: timezone) -> set[str]:
    """Who is listed at the end of a day, straight from the file."""
    listed: set[str] = set()
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in sorted(rows, key=lambda one: datetime.fromisoformat(one["recorded"])):
        if datetime.fromisoformat(row["recorded"]).astimezone(zone).date().isoformat() <= day:
            (listed.add if row["action"] == "add" else listed.discard)(row["key"])
    return listed


def _zone(offset: str) -> timezone:
    return timezone(timedelta(hours=int(offset[:3])))
