"""`erase`: the act is recorded, the content is gone, and nothing is destroyed that nobody confirmed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from cli.bench import Bench, fingerprint
from cli.program import Result
from creditledger.acts.kinds import Subject
from creditledger.ledger.ledger import Ledger
from creditledger.store.master_key import read_master_key

LIST = "judgment-defaulters"
HANDLE = "handle:" + "5e" * 32
BASIS = ("--law", "privacy-act", "--article", "art. 47")
CLEAR = {"name": "Ana Example-Person", "case_number": "(2026) Test 7"}


def list_somebody(bench: Bench, handle: str = HANDLE, clear: dict[str, str] = CLEAR) -> None:
    """Has the First District Court list a person, with content in clear that goes to the private store."""
    draft = bench.keys / "draft.json"
    act: dict[str, Any] = {
        "type": "listing.add/1", "list": LIST, "subject": handle, "ground": "able-but-refuses",
        "decided": "2024-02-01", "effective": "2024-02-01", "until": None, "case": None, "area": None, "measures": [],
        "content": {label: {"text": text} for label, text in clear.items()}, "source": None,
    }  # fmt: skip
    draft.write_text(json.dumps({"authority": "district-court-1", "acts": [act]}))
    options = ("--key", bench.key("district-court-1"), "--content-key", bench.key("content"))
    done = bench.run("append", bench.ledger, draft, "--log-key", bench.key("log"), *options, "--yes")
    assert done.code == 0, done.err


def erase(bench: Bench, *options: object, handle: str = HANDLE, key: str = "district-court-1") -> Result:
    return bench.run(
        "erase", bench.ledger, handle, LIST, *BASIS, "--key", bench.key(key), "--log-key", bench.key("log"), *options
    )


def stored(bench: Bench, handle: str = HANDLE) -> dict[str, bytes | None]:
    """The content about the person that can be read, by label."""
    with Ledger.open(bench.ledger, content_key=read_master_key(bench.key("content"))) as ledger:
        subject = Subject.parse(handle)
        listed = ledger.history(subject, LIST)[0].act
        return {
            label: ledger.content(LIST, subject, digest)
            for label, digest in listed.content  # type: ignore[union-attr]  # the first act about them is the listing
        }


def contains(directory: Path, text: str) -> bool:
    return any(text.encode() in path.read_bytes() for path in directory.rglob("*") if path.is_file())


@pytest.mark.parametrize("with_content_key", [True, False])
def test_what_is_erased_is_gone_and_on_record(bench: Bench, with_content_key: bool) -> None:
    list_somebody(bench)
    assert stored(bench) == {label: text.encode() for label, text in CLEAR.items()}
    segment = bench.ledger / "private" / "content-000001.seg"
    before = segment.read_bytes()
    options = ["--content-key", bench.key("content")] if with_content_key else []
    done = erase(bench, "--yes", "--json", *options)
    assert done.code == 0, done.err
    assert {one["label"]: one["was_here"] for one in done.json["items"]} == {"name": True, "case_number": True}
    assert stored(bench) == {"name": None, "case_number": None}
    after = segment.read_bytes()
    assert len(after) == len(before)
    assert sum(after[600:]) < sum(before[600:]) // 2, "the ciphertext is still there"
    shown = bench.run("show", bench.ledger, done.json["record"], "--json").json
    (act,) = shown["entry"]["acts"]
    assert act["type"] == "content.erase/1"
    assert act["commitments"] == sorted(one["commitment"] for one in done.json["items"])
    again = erase(bench, "--yes")
    assert again.code == 2
    assert "all of it is erased already" in again.err
    assert bench.run("doctor", bench.ledger).code == 0


def test_one_item_only(bench: Bench) -> None:
    list_somebody(bench)
    everything: list[dict[str, Any]] = erase(bench, "--dry-run", "--json").json["items"]
    name = next(one["commitment"] for one in everything if one["label"] == "name")
    assert erase(bench, "--yes", "--commitment", name).code == 0
    assert stored(bench) == {"name": None, "case_number": CLEAR["case_number"].encode()}
    twice = erase(bench, "--yes", "--commitment", name)
    assert (twice.code, "is erased already" in twice.err) == (2, True)


def test_a_dry_run_and_an_unanswered_question_change_nothing(bench: Bench) -> None:
    list_somebody(bench)
    before = fingerprint(bench.ledger / "log") | fingerprint(bench.ledger / "private") | fingerprint(bench.keys)
    dry = erase(bench, "--dry-run")
    assert dry.code == 0
    assert "name, attached by act" in dry.err
    unasked = erase(bench)
    assert unasked.code == 2
    assert "--yes" in unasked.err
    after = fingerprint(bench.ledger / "log") | fingerprint(bench.ledger / "private") | fingerprint(bench.keys)
    assert after == before
    assert stored(bench)["name"] is not None


@pytest.mark.parametrize(("answer", "gone"), [("n\n", False), ("\n", False), ("y\n", True)])
def test_a_person_at_a_terminal_is_asked(bench: Bench, answer: str, gone: bool) -> None:
    list_somebody(bench)
    arguments = ["erase", bench.ledger, HANDLE, LIST, *BASIS, "--key", bench.key("district-court-1")]
    code, shown = bench.run.on_terminal(*arguments, "--log-key", bench.key("log"), typed=answer)
    assert code == 0
    assert "case_number, attached by act" in shown
    assert "Erase 2 items? This cannot be undone." in shown
    assert (stored(bench)["name"] is None) is gone


def test_somebody_elses_content_stays(bench: Bench) -> None:
    other = "handle:" + "07" * 32
    list_somebody(bench)
    list_somebody(bench, other, {"name": "Bela Example-Person"})
    assert erase(bench, "--yes").code == 0
    assert stored(bench, other) == {"name": b"Bela Example-Person"}
    assert not contains(bench.ledger, "Example-Person")


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--law", "no-such-law"], 14, "R-"),
        (["--key", "ombudsman"], 14, "R-"),
        (["--commitment", "00" * 32], 2, "was never attached"),
        (["--commitment", "xyz"], 2, "64 hexadecimal digits"),
        (["--log-key", "nothing"], 1, "does not exist"),
    ],
)
def test_what_is_refused_destroys_nothing(bench: Bench, options: list[str], code: int, said: str) -> None:
    list_somebody(bench)
    if options[0] in ("--key", "--log-key"):
        options = [options[0], str(bench.key(options[1]))]
    done = erase(bench, "--yes", *options)
    assert done.code == code, done.err
    assert said in done.err
    assert stored(bench)["name"] is not None


def test_content_that_was_never_here_can_be_erased_on_record(bench: Bench) -> None:
    """As in a copy restored without content: the order is on record, so that nobody brings the content back."""
    list_somebody(bench)
    for path in (bench.ledger / "private").iterdir():
        path.unlink()
    (bench.ledger / "private").rmdir()
    done = erase(bench, "--yes", "--json")
    assert done.code == 0, done.out
    assert {one["was_here"] for one in done.json["items"]} == {False}


def test_content_that_is_gone_without_an_order_is_missed(bench: Bench) -> None:
    list_somebody(bench)
    key = ("--content-key", bench.key("content"))
    verify = ("verify", bench.ledger, "--trust", bench.trust, "--json")
    assert bench.run(*verify, *key).code == 0
    shutil.rmtree(bench.ledger / "private")
    line = "detached content: 2 items on record and not erased are not here"
    given, not_given = bench.run(*verify, *key), bench.run(*verify)
    assert (given.code, line in given.json["unable"]) == (4, True)
    assert (not_given.code, line in not_given.json["not_checked"]) == (0, True)
    (found,) = (one for one in bench.run("doctor", bench.ledger, "--json").json["ledger"] if one["check"] == "content")
    assert (found["verdict"], found["found"]) == ("note", "2 items on record and not erased: not here")


def test_why_content_cannot_be_shown(bench: Bench) -> None:
    """Whoever asks is told by which record it was erased; what merely is not here may lie elsewhere."""
    list_somebody(bench)
    with Ledger.open(bench.ledger) as ledger:
        seq = ledger.size - 1
    show = ("show", bench.ledger, f"{seq}.0", "--content-key", bench.key("content"), "--content")
    everything: list[dict[str, Any]] = erase(bench, "--dry-run", "--json").json["items"]
    name = next(one["commitment"] for one in everything if one["label"] == "name")
    assert erase(bench, "--yes", "--commitment", name).code == 0
    done = bench.run(*show, "name")
    assert (done.code, f"it was erased by record {seq + 1}" in done.err) == (2, True)
    assert bench.run(*show, "case_number").out == CLEAR["case_number"]
    shutil.rmtree(bench.ledger / "private")
    done = bench.run(*show, "case_number")
    assert (done.code, "was not erased" in done.err) == (2, True)


def test_nobody_to_erase(demo: Bench) -> None:
    options = ("--key", demo.key("district-court-1"), "--log-key", demo.key("log"), "--yes", "--dry-run")
    unknown = demo.run("erase", demo.ledger, HANDLE, LIST, *BASIS, *options)
    assert (unknown.code, "no act about them has any" in unknown.err) == (2, True)
    erased, list_id = demo.subject("a person whose data was erased")
    done = demo.run("erase", demo.ledger, erased, list_id, *BASIS, *options)
    assert (done.code, "all of it is erased already" in done.err) == (2, True)
