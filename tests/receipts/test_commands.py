"""`prove`, `verify` of proofs, and `append --answers`, as people use them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from cli.bench import Bench, build
from cli.in_process import in_process
from cli.program import plain
from creditledger.audit.trust import Trust
from creditledger.cli.authoring import is_draft
from creditledger.keys.keyfile import write_key
from creditledger.receipts.acknowledgement import (
    Malformed,
    Recorded,
    Refusal,
    Unrecorded,
    desk_vkey,
    open_acknowledgement,
)
from creditledger.receipts.formats import ReceiptFile
from creditledger.tlog.proof_file import TlogProof
from receipts.cases import DESK, both, policy, report, seed

COURT = "district-court-1"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return build(tmp_path_factory.mktemp("demo"))


@pytest.fixture
def bench(demo: Bench, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A copy of the demonstration, whose trust file names the desk's key."""
    shutil.copytree(demo.ledger.parent, tmp_path / "bench")
    place = tmp_path / "bench"
    write_key(place / "keys" / "desk.key", seed("desk"), None)
    trust = Trust.load(place / "ledger.trust")
    desk = (desk_vkey(trust.origin, DESK),)
    (place / "ledger.trust").write_text(Trust(trust.origin, trust.ledger_id, trust.log_keys, desk).to_text())
    run = type(demo.run)(place / "home")
    return in_process(
        Bench(place / "registry", place / "keys", place / "ledger.trust", demo.story, run), capfd, monkeypatch
    )


def draft(path: Path, **changes: object) -> Path:
    """A listing to be signed by the court."""
    act = {
        "type": "listing.add/1", "list": "judgment-defaulters", "subject": "handle:" + "5e" * 32,
        "ground": "able-but-refuses", "decided": "2024-02-01", "effective": "2024-02-01", "until": None, "case": None,
        "area": None, "measures": [], "content": {}, "source": None,
    } | changes  # fmt: skip
    path.write_text(json.dumps({"authority": COURT, "acts": [act]}))
    assert is_draft(path)
    return path


def test_prove_and_verify_an_act_a_history_and_a_continuation(bench: Bench, tmp_path: Path) -> None:
    subject, list_id = bench.subject(next(iter(bench.story.subjects)))
    proofs = {
        "act": ("7.0", "9"), "history": ("--subject", subject, "--list", list_id), "extension": ("--from", "5"),
    }  # fmt: skip
    for name, arguments in proofs.items():
        out = tmp_path / name
        made = bench.run("prove", bench.ledger, *arguments, "-o", out)
        assert made.code == 0, made
        assert str(out) in made.out
        done = bench.run("verify", out, "--trust", bench.trust)
        assert (done.code, done.out.startswith("verdict: HOLDS")) == (0, True), done
        assert "NOT CHECKED" in done.out
        assert bench.run("verify", out, "--trust", bench.trust, "--json").json["verdict"] == "HOLDS"
        again = bench.run("prove", bench.ledger, *arguments, "-o", out)
        assert again.code == 2
        damaged = out.read_bytes()
        out.write_bytes(damaged[:-40] + bytes([damaged[-40] ^ 1]) + damaged[-39:])
        assert bench.run("verify", out, "--trust", bench.trust).code in (1, 3)
    told = bench.run("prove", bench.ledger, "7", "-o", tmp_path / "json", "--json").json
    assert (told["kind"], told["records"]) == ("receipt", [7])


def test_prove_from_a_checkpoint_that_somebody_kept(bench: Bench, tmp_path: Path) -> None:
    assert bench.run("prove", bench.ledger, "7", "-o", tmp_path / "first").code == 0
    (tmp_path / "kept").write_bytes(ReceiptFile.from_bytes((tmp_path / "first").read_bytes()).note)
    assert bench.run("prove", bench.ledger, "--from", tmp_path / "kept", "-o", tmp_path / "on").code == 0
    assert bench.run("verify", tmp_path / "on", "--trust", bench.trust).code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("1", "--from", "5"),
        ("--subject", "host:a.example"),
        ("--list", "x"),
        ("100000",),
        ("seven",),
        ("--from", "0"),
    ],
    ids=str,
)
def test_calls_of_prove_that_make_no_sense(bench: Bench, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = bench.run("prove", bench.ledger, *arguments, "-o", tmp_path / "out")
    assert (done.code, (tmp_path / "out").exists()) == (2, False), done


def test_on_a_terminal_the_act_comes_before_the_fine_print(demo: Bench, tmp_path: Path) -> None:
    assert demo.run("prove", demo.ledger, "7", "-o", tmp_path / "receipt").code == 0
    code, shown = demo.run.on_terminal("verify", tmp_path / "receipt", "--trust", demo.trust)
    assert code == 0
    headings = ("HOLDS", "What is on record", "What was checked", "What was NOT checked", "What to ask next")
    parts = [shown.index(words) for words in headings]
    assert parts == sorted(parts)


def test_on_a_terminal_whoever_a_receipt_is_about_finds_the_whole_handle(demo: Bench, tmp_path: Path) -> None:
    subject, list_id = next(pair for who in demo.story.subjects if (pair := demo.subject(who))[0].startswith("handle:"))
    demo.run("prove", demo.ledger, "--subject", subject, "--list", list_id, "-o", tmp_path / "receipt")
    code, shown = demo.run.on_terminal("verify", tmp_path / "receipt", "--trust", demo.trust)
    assert code == 0
    assert f"{subject} on {list_id}" in " ".join(plain(shown).split())


def test_a_tlog_proof_is_verified_with_its_record(bench: Bench, tmp_path: Path) -> None:
    assert bench.run("prove", bench.ledger, "7", "-o", tmp_path / "receipt").code == 0
    receipt = ReceiptFile.from_bytes((tmp_path / "receipt").read_bytes())
    (item,) = receipt.items
    assert TlogProof.from_bytes(item.head + receipt.note).index == 7
    (tmp_path / "a.tlog-proof").write_bytes(item.head + receipt.note)
    (tmp_path / "record").write_bytes(item.record)
    trust = ("--trust", bench.trust)
    assert bench.run("verify", tmp_path / "a.tlog-proof", *trust, "--record", tmp_path / "record").code == 0
    assert bench.run("verify", tmp_path / "a.tlog-proof", *trust).code == 2
    assert bench.run("verify", tmp_path / "receipt", *trust, "--record", tmp_path / "record").code == 2
    assert bench.run("verify", bench.ledger, *trust, "--record", tmp_path / "record").code == 2


def append(bench: Bench, *arguments: object) -> int:
    return bench.run("append", bench.ledger, *arguments, "--log-key", bench.key("log"), "--yes").code


def answers(bench: Bench) -> tuple[object, ...]:
    return "--answers", bench.keys / "answers", "--desk-key", bench.key("desk"), "--key", bench.key(COURT)


def said(bench: Bench, name: str) -> object:
    data = (bench.keys / "answers" / f"{name}.ack").read_bytes()
    assert bench.run("verify", bench.keys / "answers" / f"{name}.ack", "--trust", bench.trust).code == 0
    return open_acknowledgement(data, Trust.load(bench.trust)).outcome


def test_what_is_recorded_is_answered_with_receipt_and_acknowledgement(bench: Bench, tmp_path: Path) -> None:
    file = draft(tmp_path / "a.json")
    assert append(bench, file, *answers(bench)) == 0
    outcome = said(bench, "a.json")
    assert isinstance(outcome, Recorded)
    receipt = bench.keys / "answers" / "a.json.receipt"
    assert ReceiptFile.from_bytes(receipt.read_bytes()).proofs()[0].index == outcome.seq
    assert bench.run("verify", receipt, "--trust", bench.trust).code == 0
    compared = ("verify", bench.keys / "answers" / "a.json.ack", "--trust", bench.trust, "--with")
    assert bench.run(*compared, receipt).code == 0
    assert bench.run("prove", bench.ledger, "7", "-o", tmp_path / "other").code == 0
    assert bench.run(*compared, tmp_path / "other").code == 4
    assert bench.run("verify", receipt, "--trust", bench.trust, "--with", receipt).code == 2


def test_what_is_refused_or_malformed_is_acknowledged_all_the_same(bench: Bench, tmp_path: Path) -> None:
    good, refused = draft(tmp_path / "good.json"), draft(tmp_path / "refused.json", ground="no-such-ground")
    assert append(bench, good, refused, *answers(bench)) == 14
    outcome = said(bench, "refused.json")
    assert isinstance(outcome, Refusal)
    assert outcome.rule.startswith("R-")
    assert isinstance(said(bench, "good.json"), Unrecorded)
    assert not [*(bench.keys / "answers").glob("*.receipt")]
    (tmp_path / "garbage").write_bytes(b"\xc1 garbage \x1b[2J")
    assert append(bench, tmp_path / "garbage", *answers(bench)) == 1
    found = said(bench, "garbage")
    assert isinstance(found, Malformed)
    assert str(tmp_path) not in found.why
    compared = ("--trust", bench.trust, "--with", tmp_path / "garbage")
    assert bench.run("verify", bench.keys / "answers" / "garbage.ack", *compared).code == 0
    assert bench.run("verify", bench.keys / "answers" / "garbage.ack", *compared[:3], good).code == 3


def test_answers_that_could_mislead_are_not_begun(bench: Bench, tmp_path: Path) -> None:
    file = draft(tmp_path / "a.json")
    key = ("--key", bench.key(COURT))
    assert append(bench, file, "--desk-key", bench.key("desk"), *key) == 2
    assert append(bench, file, *answers(bench), "--dry-run") == 2
    assert append(bench, file, "--answers", bench.keys / "answers", "--desk-key", bench.key("log"), *key) == 2
    (tmp_path / "b").mkdir()
    assert append(bench, file, draft(tmp_path / "b" / "a.json"), *answers(bench)) == 2
    assert not [*bench.keys.glob("*.seq.json*")]


def test_a_file_handed_in_again_is_answered_beside_the_earlier_answers(bench: Bench, tmp_path: Path) -> None:
    """A corrected draft, under its old name; and a name that the number would have taken."""
    place = bench.keys / "answers"
    call = ("append", bench.ledger, "--log-key", bench.key("log"), "--yes", *answers(bench))
    refused = bench.run(*call, draft(tmp_path / "a.json", ground="no-such-ground"))
    assert (refused.code, f"Answers were written: {place / 'a.json.ack'}." in refused.err) == (14, True), refused
    kept = (place / "a.json.ack").read_bytes()
    mended = bench.run(*call, draft(tmp_path / "a.json"))
    paths = [str(place / f"a.json.2{ending}") for ending in (".ack", ".receipt")]
    assert f"Answers were written: {', '.join(paths)}." in mended.err, mended
    (place / "a.json.3.receipt").symlink_to(tmp_path / "nowhere")
    names = {"a.json": "handle:" + "5f" * 32, "a.json.4": "handle:" + "60" * 32}
    files = [draft(tmp_path / name, subject=subject) for name, subject in names.items()]
    (row, other) = bench.run(*call, *files, "--json").json
    assert row["answers"] == [str(place / f"a.json.5{ending}") for ending in (".ack", ".receipt")]
    assert other["answers"] == [str(place / f"a.json.4{ending}") for ending in (".ack", ".receipt")]
    assert (place / "a.json.ack").read_bytes() == kept
    for stem in ("a.json.5", "a.json.4"):
        assert isinstance(said(bench, stem), Recorded)


def test_files_that_are_no_submission_are_malformed_and_it_is_said_in_words(bench: Bench, tmp_path: Path) -> None:
    trust = ("--trust", bench.trust)
    for name, content, words in (
        ("empty", b"", "is empty"), ("letter.txt", b"Dear Sir or Madam, we object.\n", "neither a draft"),
    ):  # fmt: skip
        (tmp_path / name).write_bytes(content)
        assert append(bench, tmp_path / name, *answers(bench)) == 1
        outcome = said(bench, name)
        assert isinstance(outcome, Malformed)
        assert outcome.why.startswith("this is no submission: ")
        assert words in outcome.why
        assert "byte" not in outcome.why
    refused = draft(tmp_path / "refused.json", ground="no-such-ground")
    assert append(bench, refused, *answers(bench)) == 14
    shown = bench.run("verify", bench.keys / "answers" / "refused.json.ack", *trust, "--with", refused)
    assert (shown.code, "a draft that was to be signed, perhaps" in shown.out) == (0, True), shown
    assert append(bench, draft(tmp_path / "good.json"), *answers(bench)) == 0
    compared = bench.run("verify", bench.keys / "answers" / "good.json.ack", *trust, "--with", tmp_path / "good.json")
    assert (compared.code, "a draft cannot be compared" in compared.out) == (4, True), compared


def test_the_mistakes_of_a_draft_are_told_with_its_name(bench: Bench, tmp_path: Path) -> None:
    file = draft(tmp_path / "a.json", decided="yesterday", until="tomorrow")
    done = bench.run("append", bench.ledger, file, "--log-key", bench.key("log"), "--yes", *answers(bench))
    assert (done.code, f"the draft {file} has 2 mistakes" in done.err) == (1, True), done
    outcome = said(bench, "a.json")
    assert isinstance(outcome, Malformed)
    assert outcome.why.startswith("the draft a.json has 2 mistakes: acts[0].")
    assert "  " not in outcome.why


def test_a_file_that_is_no_checkpoint_is_named_and_not_repeated(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear Sir or Madam,\nwe object.\n")
    done = bench.run("prove", bench.ledger, "--from", tmp_path / "letter.txt", "-o", tmp_path / "out")
    assert (done.code, "b'" in done.err) == (1, False), done
    assert f"{tmp_path / 'letter.txt'} is no checkpoint: " in done.err


def test_a_damaged_receipt_is_called_so_and_commands_can_be_typed(bench: Bench, tmp_path: Path) -> None:
    out = tmp_path / "my proofs" / "seven"
    out.parent.mkdir()
    made = bench.run("prove", bench.ledger, "7", "-o", out)
    assert f"verify '{out}' --trust" in made.out
    out.write_bytes(out.read_bytes()[:-9])
    done = bench.run("verify", out, "--trust", bench.trust)
    assert (done.code, "error: this is no receipt, or a damaged one: " in done.err) == (1, True), done


def test_a_receipt_is_given_even_while_no_witness_answers(bench: Bench, tmp_path: Path) -> None:
    (bench.ledger / "witnesses.policy").write_text(policy("press").to_text())
    call = ("append", bench.ledger, "--log-key", bench.key("log"), "--yes", *answers(bench))
    made = bench.run(*call, draft(tmp_path / "a.json"))
    outcome = said(bench, "a.json")
    assert isinstance(outcome, Recorded)
    assert f"`creditledger prove {bench.ledger} {outcome.seq} -o FILE`" in made.err
    assert "--unwitnessed" not in made.err
    receipt = bench.keys / "answers" / "a.json.receipt"
    assert bench.run("verify", receipt, "--trust", bench.trust).code == 0
    asking = Trust.load(bench.trust)
    (tmp_path / "asking.trust").write_text(
        Trust(asking.origin, asking.ledger_id, asking.log_keys, (), policy("press")).to_text()
    )
    lacking = bench.run("verify", receipt, "--trust", tmp_path / "asking.trust")
    assert (lacking.code, "ask the ledger's operator for a new receipt" in lacking.out) == (4, True), lacking
    assert bench.run("prove", bench.ledger, "7", "-o", tmp_path / "out").code == 4
    assert bench.run("prove", bench.ledger, "7", "-o", tmp_path / "out", "--unwitnessed").code == 0


@pytest.mark.parametrize(
    ("who", "decided"),
    [
        ("a firm listed with a stolen key", ["key.revoke/1"]),
        ("a firm whose listing was confirmed", ["key.revoke/1", "entry.confirm/1"]),
    ],
)
def test_a_history_has_what_decides_whether_its_acts_count(
    bench: Bench, tmp_path: Path, who: str, decided: list[str]
) -> None:
    """A key that was disowned, and the confirmation of what it signed, are told; and are of no other subject's."""
    subject, list_id = bench.subject(who)
    out = tmp_path / "history"
    assert bench.run("prove", bench.ledger, "--subject", subject, "--list", list_id, "-o", out).code == 0
    data, trust = out.read_bytes(), Trust.load(bench.trust)
    assert [act.fields["type"] for act in report(data, trust).acts] == ["listing.add/1", *decided]
    assert both(data, trust) == 0
    # By themselves they concern nobody; and those of others are not let in.
    whole = ReceiptFile.from_bytes(data)
    assert both(whole._replace(items=whole.items[1:]).to_bytes(), trust) == 3
    (other,) = ReceiptFile.from_bytes(prove_one(bench, tmp_path, "1")).items
    assert both(whole._replace(items=(other, *whole.items)).to_bytes(), trust) == 3


def prove_one(bench: Bench, place: Path, act: str) -> bytes:
    assert bench.run("prove", bench.ledger, act, "-o", place / f"act-{act}").code == 0
    return (place / f"act-{act}").read_bytes()
