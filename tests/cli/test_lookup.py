"""`lookup`, `history`, `members`: what was known when; the answer says for which day and from which records it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cli.bench import Bench
from cli.program import plain

QUASHED = "a firm whose listing was quashed"


def record_of(demo: Bench, event: str) -> int:
    return next(one.record for one in demo.story.events if event in one.text)


def test_a_record_a_day_and_a_moment_are_the_same_knowledge(demo: Bench) -> None:
    """Up to the appeal, which is the last record of its day; up to the listing it was not known that there was one."""
    who = demo.subject(QUASHED)
    seq = record_of(demo, "The ombudsman lodges")
    moment = demo.run("show", demo.ledger, seq, "--json").json["recorded_at"]
    ask = ("lookup", demo.ledger, *who, "--valid-at", "2024-01-15", "--json", "--known-at")
    answers = [demo.run(*ask, known).json for known in (seq, moment[:10], moment)]
    assert answers[0] == answers[1] == answers[2]
    assert (answers[0]["size"], answers[0]["status"]) == (seq + 1, "listed")
    assert answers[0]["listings"][0]["appeal"] == "open"
    before = demo.run(*ask, seq - 1).json
    assert (before["size"], before["listings"][0]["appeal"]) == (seq, None)
    members = ("members", demo.ledger, who[1], "--valid-at", "2024-01-15", "--json", "--known-at")
    assert [one["subject"] for one in demo.run(*members, seq).lines] == [who[0]]


@pytest.mark.parametrize(
    ("who", "status", "words"),
    [
        (QUASHED, "quashed", "is no longer on {}: the listing had been quashed on appeal by this day"),
        ("a firm listed with a stolen key", "unconfirmed", "is on {} only by an act signed with a key that its"),
    ],
)
def test_the_day_asked_about_does_not_read_as_the_day_of_listing(
    demo: Bench, who: str, status: str, words: str
) -> None:
    subject, list_id = demo.subject(who)
    said = demo.run("lookup", demo.ledger, subject, list_id, "--valid-at", "2026-11-24").out
    assert said.startswith(f"{status}: on 24 November 2026, {subject} {words.format(list_id)}"), said


def test_a_day_is_that_of_the_ledgers_own_time(demo: Bench) -> None:
    """The ledger keeps UTC+08:00: its day ends at 16:00 UTC."""
    who = demo.subject(QUASHED)
    seq = record_of(demo, "lists a firm for evading")
    day = next(one.day for one in demo.story.events if one.record == seq)
    ask = ("lookup", demo.ledger, *who, "--valid-at", "2023-03-05", "--json", "--known-at")
    assert demo.run(*ask, day).json["size"] == demo.run(*ask, f"{day}T15:59:59Z").json["size"] == seq + 1


def test_the_answer_restates_the_question(demo: Bench) -> None:
    who = demo.subject(QUASHED)
    said = demo.run("lookup", demo.ledger, *who, "--valid-at", "2023-03-05", "--known-at", 17).out
    assert said.startswith(f"listed: on 5 March 2023, {who[0]} is on {who[1]}.\n")
    assert re.search(r"^ +valid at +5 March 2023 \(2023-03-05\)$", said, re.MULTILINE)
    assert re.search(r"^ +known at +records 0 to 17, the last one of 8 February 2023, .*left out$", said, re.MULTILINE)
    everything = demo.run("lookup", demo.ledger, *who).out
    assert re.search(r"^ +known at +all \d+ records, ", everything, re.MULTILINE)
    assert "left out" not in everything


@pytest.mark.parametrize("known", ["2023-2-20", "2023-02-30", "yesterday", "2023-02-20T00:00:00", "9999", "٣", "-1"])
def test_knowledge_that_is_none(demo: Bench, known: str) -> None:
    done = demo.run("lookup", demo.ledger, *demo.subject(QUASHED), "--known-at", known)
    assert (done.code, done.out) == (2, "")
    assert re.search(r"record number|there is no record|date|no such option", done.err, re.IGNORECASE)


def test_nothing_recorded_never_reads_as_clean(demo: Bench) -> None:
    """Nor does an empty list; and a list that does not exist is a mistake, not an answer."""
    firm, list_id = "host:example.org", "trusted-traders"
    said = [demo.run(command, demo.ledger, firm, list_id).out for command in ("lookup", "history")]
    said.append(demo.run("members", demo.ledger, list_id, "--valid-at", "1999-01-01").err)
    for one in said:
        assert "does not mean that there is no" in one
        assert not re.search(r"clean|\bno entry|\bfine\b|\bok\b", one)
    for arguments in (("lookup", firm, "traders"), ("history", firm, "traders"), ("members", "traders")):
        command, *rest = arguments
        done = demo.run(command, demo.ledger, *rest)
        assert (done.code, done.out) == (2, "")
        assert "there is no list 'traders'" in done.err


def test_the_addresses_that_history_gives_are_taken_by_show(demo: Bench) -> None:
    who = demo.subject(QUASHED)
    rows = [line.split("\t") for line in demo.run("history", demo.ledger, *who).out.splitlines()[1:]]
    assert len(rows) == 3
    for address, *_ in rows:
        assert re.fullmatch(r"\d+\.\d+", address)
        shown = demo.run("show", demo.ledger, address, "--json")
        assert shown.json["entry"]["acts"][0]["subject"] == who[0]


@pytest.mark.parametrize(
    ("who", "colour"),
    [("a trusted trader", "\x1b[32m"), ("a firm whose listing was confirmed", "\x1b[31m\x1b[1m")],
)
def test_listed_is_coloured_by_what_it_means_to_the_subject(demo: Bench, who: str, colour: str) -> None:
    subject, list_id = demo.subject(who)
    for arguments in (["lookup", demo.ledger, subject, list_id], ["members", demo.ledger, list_id]):
        _, shown = demo.run.on_terminal(*arguments, "--valid-at", "2024-01-15")
        assert f"{colour}listed\x1b[0m" in shown
        others = {"\x1b[32m", "\x1b[31m\x1b[1m"} - {colour}
        assert not any(f"{other}listed" in shown for other in others)


def test_what_needs_a_second_look_stands_out(demo: Bench) -> None:
    _, shown = demo.run.on_terminal("lookup", demo.ledger, *demo.subject("a firm listed with a stolen key"))
    assert "\x1b[35m\x1b[1munconfirmed\x1b[0m" in shown


@pytest.mark.parametrize("columns", [80, 120])
def test_nothing_is_broken_in_the_middle_on_a_terminal(demo: Bench, columns: int) -> None:
    """Every date, code and identifier that a pipe gets stands on the terminal in one piece."""
    subject, list_id = demo.subject(QUASHED)
    for arguments in (
        ["members", demo.ledger, list_id, "--all", "--valid-at", "2024-01-15"],
        ["lookup", demo.ledger, subject, list_id, "--valid-at", "2024-01-15"],
        ["history", demo.ledger, subject, list_id],
        ["log", demo.ledger, "--from", 14, "-n", 16],
    ):
        _, shown = demo.run.on_terminal(*arguments, columns=columns)
        text = plain(shown)
        # A command is there to be copied: it stays in one line.
        assert max(len(line) for line in text.splitlines() if not line.startswith("  creditledger ")) <= columns
        for word in set(re.findall(r"uscc:\w+|\d{4}-\d\d-\d\d\S*|[a-z]+(?:-[a-z0-9]+)+", demo.run(*arguments).out)):
            assert word in text, word
        for date in set(re.findall(r"\d{1,2} [A-Z][a-z]+ \d{4}", demo.run(*arguments).out)):
            assert date in text, date


def test_a_pipe_gets_everything_in_one_line_each(demo: Bench, tmp_path: Path) -> None:
    person, list_id = demo.subject("a person whose data was erased")
    lines = demo.run("members", demo.ledger, list_id, "--all").out.splitlines()
    assert all(line.count("\t") == lines[0].count("\t") for line in lines)
    assert sum(person in line for line in lines) == 1
