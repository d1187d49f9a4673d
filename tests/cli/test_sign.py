"""`sign`: what the rules refuse takes no number, who must still sign is said, numbers come free only after expiry."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from cli.bench import SEED, Bench
from cli.in_process import in_process
from cli.program import Program, Result
from creditledger.demo import generated
from creditledger.keys.keyfile import format_public_key, write_key, write_public_key
from creditledger.ledger.founding import system_clock


@pytest.fixture
def bench(bench: Bench, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Bench:
    return in_process(bench, capfd, monkeypatch)


LIST = "judgment-defaulters"
FIRM = "uscc:91110000600037341L"
COURT = "district-court-1"


def listing(**changes: Any) -> dict[str, Any]:
    return {
        "type": "listing.add/1", "list": LIST, "subject": FIRM, "ground": "able-but-refuses", "decided": "2024-01-02",
        "effective": "2024-01-02", "until": None, "case": None, "area": None, "measures": [], "content": {},
        "source": None,
    } | changes  # fmt: skip


def removal(reference: str, **changes: Any) -> dict[str, Any]:
    return {
        "type": "listing.remove/1", "list": LIST, "subject": FIRM, "listing": reference, "reason": "performed",
        "decided": "2024-01-03", "effective": "2024-01-03", "appeal": None, "source": None,
    } | changes  # fmt: skip


def law(**changes: Any) -> dict[str, Any]:
    return {
        "type": "law.register/1", "law": "new-act", "title": "A New Act", "number": "1", "issuer": "Parliament",
        "effective": "2020-01-01", "until": None,
    } | changes  # fmt: skip


def write(path: Path, *acts: dict[str, Any], authority: str = COURT, cosigners: Any = ()) -> Path:
    path.write_text(json.dumps({"authority": authority, "cosigners": list(cosigners), "acts": acts}))
    return path


def root_key(bench: Bench, number: int) -> Path:
    """A root key file, made of the demonstration's seed where the bench has none, with its public half."""
    path = bench.key(f"root-{number}")
    signer = generated.signer(SEED, f"root-{number}")
    if not path.exists():
        write_key(path, generated.Draws(SEED, f"key/root-{number}").bytes(32), None)
    if not path.with_name(path.name + ".pub").exists():
        write_public_key(path.with_name(path.name + ".pub"), signer.public_key)
    return path


def sign(bench: Bench, file: Path, *options: object, key: str = COURT) -> Result:
    return bench.run("sign", file, "--key", bench.key(key), "--ledger", bench.ledger, *options)


def append(bench: Bench, *arguments: object) -> Result:
    return bench.run("append", bench.ledger, *arguments, "--log-key", bench.key("log"))


def sequences(bench: Bench) -> set[str]:
    return {path.name for path in bench.keys.iterdir() if ".seq.json" in path.name}


def pending(bench: Bench, key: str = COURT) -> list[dict[str, Any]]:
    document = json.loads(bench.keys.joinpath(f"{key}.key.seq.json").read_text())
    (state,) = document["ledgers"].values()
    waiting: list[dict[str, Any]] = state["pending"]
    return waiting


def expire(bench: Bench, key: str = COURT, at: int | None = None) -> None:
    """Has everything signed with the key expire at a moment, as far as its sequence file knows: half an hour ago."""
    path = bench.keys / f"{key}.key.seq.json"
    document = json.loads(path.read_text())
    for state in document["ledgers"].values():
        for one in state["pending"]:
            one["not_after"] = system_clock() - 1_800_000_000 if at is None else at
    path.write_text(json.dumps(document))


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "R-GROUND": (COURT, listing(ground="no-such-ground"), COURT),
    "R-ENTRY-KEY": (COURT, listing(), "ombudsman"),
    "R-MANDATE": ("ombudsman", listing(), "ombudsman"),
    "R-REFERENCE": (COURT, removal("00" * 32 + "#0"), COURT),
    "R-ROOT": ("root", law(), "root-1"),
}


@pytest.mark.parametrize("rule", REFUSED)
def test_what_the_rules_refuse_takes_no_number_and_leaves_no_file(bench: Bench, tmp_path: Path, rule: str) -> None:
    authority, act, key = REFUSED[rule]
    draft = write(tmp_path / "a.json", act, authority=authority)
    done = sign(bench, draft, "--yes", "--json", key=key)
    assert (done.code, done.json["rule"][: len(rule)]) == (14, rule), done
    assert not (tmp_path / "a.json.signed").exists()
    assert sequences(bench) == set()
    appended = append(bench, draft, "--key", bench.key(key), "--yes", "--json")
    assert (appended.code, appended.json["message"]) == (14, done.json["message"])
    assert sequences(bench) == set()


def test_whoever_could_countersign_is_named_where_that_is_missing(bench: Bench, tmp_path: Path) -> None:
    done = sign(bench, write(tmp_path / "a.json", law(), authority="root"), "--yes", key="root-1")
    assert done.code == 14
    for number in (2, 3):
        assert format_public_key(generated.signer(SEED, f"root-{number}").public_key) in done.err
    assert format_public_key(generated.signer(SEED, "root-1").public_key) not in done.err


def test_nothing_is_called_complete_before_all_have_signed(bench: Bench, tmp_path: Path) -> None:
    other = root_key(bench, 2)
    cosigner = {"authority": "root", "key": bench.keys.joinpath("root-2.key.pub").read_text().strip()}
    draft = write(tmp_path / "a.json", law(), authority="root", cosigners=[cosigner])
    first = sign(bench, draft, "--yes", key="root-1")
    assert first.code == 0, first.err
    assert "Still to be countersigned by root" in first.err
    assert "still to sign: root (key 01" in first.err
    assert "complete" not in first.err
    signed = tmp_path / "a.json.signed"
    lacking = append(bench, signed)
    assert (lacking.code, f"creditledger sign {signed} --key THEIR-KEY" in lacking.err) == (2, True)
    second = bench.run("sign", signed, "--key", other, "--ledger", bench.ledger, "--yes")
    assert second.code == 0, second.err
    assert "complete: all have signed" in second.err
    assert append(bench, signed).code == 0
    late = bench.run("sign", signed, "--key", other, "--ledger", bench.ledger, "--yes")
    assert (late.code, "recorded already" in late.err) == (2, True)


def test_append_countersigns_nothing_that_it_has_not_shown_and_asked_about(bench: Bench, tmp_path: Path) -> None:
    """Whoever sends a signed file gets no signature of root for it by the way."""
    cosigner = {"authority": "root", "key": format_public_key(generated.signer(SEED, "root-2").public_key)}
    draft = write(tmp_path / "a.json", law(), authority="root", cosigners=[cosigner])
    assert sign(bench, draft, "--yes", key="root-1").code == 0
    sent = tmp_path / "a.json.signed"
    asked = append(bench, sent, "--cosign-key", root_key(bench, 2))
    assert asked.code == 2
    assert "from 1 January 2020 without a fixed end" in asked.err
    assert "nobody is at a terminal to confirm" in asked.err
    assert append(bench, sent, "--cosign-key", root_key(bench, 2), "--yes").code == 0


def test_a_draft_that_lacks_a_key_for_a_countersignature_says_what_to_do(bench: Bench, tmp_path: Path) -> None:
    cosigner = {"authority": "root", "key": format_public_key(generated.signer(SEED, "root-2").public_key)}
    draft = write(tmp_path / "a.json", law(), authority="root", cosigners=[cosigner])
    done = append(bench, draft, "--key", bench.key("root-1"), "--yes")
    assert done.code == 2
    assert "--cosign-key" in done.err
    assert f"creditledger sign {draft} --key KEY" in done.err
    assert sequences(bench) == set()
    whole = append(bench, draft, "--key", bench.key("root-1"), "--cosign-key", root_key(bench, 2), "--yes", "--json")
    assert whole.code == 0, whole


def test_what_waits_is_told_and_what_builds_on_it_is_judged_after_it(bench: Bench, tmp_path: Path) -> None:
    first = sign(bench, write(tmp_path / "a.json", listing()), "--yes", "--json")
    assert first.code == 0, first
    draft = write(tmp_path / "b.json", removal(f"{first.json['entry_hash']}#0"))
    done = sign(bench, draft, "--dry-run")
    assert done.code == 0, done.err
    assert f"({tmp_path / 'a.json.signed'}) is signed and not recorded; it can be recorded until" in done.err
    (tmp_path / "a.json.signed").rename(tmp_path / "elsewhere")
    assert sign(bench, draft, "--dry-run").code == 14, "the listing is neither recorded nor at hand"
    (tmp_path / "elsewhere").rename(tmp_path / "a.json.signed")
    assert sign(bench, draft, "--yes").code == 0
    assert [one["author_seq"] for one in pending(bench)] == [pending(bench)[0]["author_seq"] + n for n in (0, 1)]
    both = append(bench, tmp_path / "a.json.signed", tmp_path / "b.json.signed", "--json")
    assert both.code == 0, both


def test_what_was_signed_and_can_never_be_recorded_stands_in_the_way_and_is_named(bench: Bench, tmp_path: Path) -> None:
    offline = ("--key", bench.key(COURT), "--trust", bench.trust, "--yes", "--json")
    position = bench.run("sign", "--position", "--key", bench.key(COURT), "--ledger", bench.ledger).out.strip()
    bad = write(tmp_path / "bad.json", listing(ground="no-such-ground"))
    done = bench.run("sign", bad, *offline, "--adopt", position)
    assert done.code == 0, done
    assert done.json["complete"] is None, "whether the rules ask for more is not known offline"
    after = sign(bench, write(tmp_path / "good.json", listing()), "--yes")
    assert after.code == 14
    assert f"({tmp_path / 'bad.json.signed'}): it is signed, and must be recorded before" in after.err
    assert not (tmp_path / "good.json.signed").exists()


def test_a_number_is_given_up_only_after_expiry(bench: Bench, tmp_path: Path) -> None:
    assert sign(bench, write(tmp_path / "a.json", listing()), "--yes").code == 0
    void = ("sign", "--void", "--key", bench.key(COURT), "--ledger", bench.ledger)
    early = bench.run(*void)
    assert (early.code, "two signed entries with one number are evidence" in early.err) == (1, True)
    assert len(pending(bench)) == 1
    expire(bench)
    blocked = sign(bench, write(tmp_path / "b.json", listing()), "--yes")
    assert (blocked.code, "--void" in blocked.err) == (1, True)
    tried = bench.run(*void, "--dry-run")
    assert (tried.code, "1 number would be given up" in tried.err, len(pending(bench))) == (0, True, 1)
    unproven = bench.run(*void)
    assert (unproven.code, "If this is an old copy" in unproven.err, len(pending(bench))) == (2, True, 1)
    code, shown = bench.run.converse(*void, answers=[("Is this the ledger itself", "n")])
    assert (code, len(pending(bench))) == (1, 1), shown
    done = bench.run(*void, "--yes", "--json")
    assert (done.code, [one["file"] for one in done.json["voided"]]) == (0, [str(tmp_path / "a.json.signed")])
    assert pending(bench) == []
    assert "waits to be recorded" in bench.run(*void).err
    again = sign(bench, tmp_path / "b.json", "--yes")
    assert again.code == 0, again.err
    assert pending(bench)[0]["author_seq"] == done.json["next_seq"]


def test_a_record_made_after_the_expiry_proves_that_an_entry_was_not_recorded(bench: Bench, tmp_path: Path) -> None:
    assert sign(bench, write(tmp_path / "a.json", listing()), "--yes").code == 0
    cosigner = {"authority": "root", "key": format_public_key(generated.signer(SEED, "root-2").public_key)}
    other = write(tmp_path / "b.json", law(), authority="root", cosigners=[cosigner])
    expire(bench, at=system_clock() - 600_000_000)
    assert append(bench, other, "--key", bench.key("root-1"), "--cosign-key", root_key(bench, 2), "--yes").code == 0
    done = bench.run("sign", "--void", "--key", bench.key(COURT), "--ledger", bench.ledger, "--json")
    assert (done.code, len(done.json["voided"])) == (0, 1), done


def test_a_recorded_entry_is_never_given_up(bench: Bench, tmp_path: Path) -> None:
    assert sign(bench, write(tmp_path / "a.json", listing()), "--yes").code == 0
    assert append(bench, tmp_path / "a.json.signed").code == 0
    expire(bench)
    done = bench.run("sign", "--void", "--key", bench.key(COURT), "--ledger", bench.ledger, "--json")
    assert (done.code, done.json["voided"]) == (0, [])


def test_a_file_that_cannot_be_written_costs_no_number(bench: Bench, tmp_path: Path) -> None:
    draft = write(tmp_path / "a.json", listing())
    done = sign(bench, draft, "--yes", "-o", tmp_path / "missing" / "a.signed")
    assert done.code == 1
    assert pending(bench) == []


def test_a_dry_run_leaves_nothing_behind(bench: Bench, tmp_path: Path) -> None:
    before = {path.name for path in bench.keys.iterdir()}
    draft = write(tmp_path / "a.json", listing())
    done = sign(bench, draft, "--dry-run")
    assert (done.code, "To be signed with key" in done.err) == (0, True)
    assert append(bench, draft, "--key", bench.key(COURT), "--dry-run").code == 0
    position = bench.run("sign", "--position", "--key", bench.key(COURT), "--ledger", bench.ledger)
    offline = ("--trust", bench.trust, "--adopt", position.out.strip(), "--dry-run")
    assert bench.run("sign", draft, "--key", bench.key(COURT), *offline).code == 0
    assert {path.name for path in bench.keys.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["a.json"]


def test_where_the_ledger_is_not_at_hand_the_key_is_told_where_it_stands(bench: Bench, tmp_path: Path) -> None:
    draft = write(tmp_path / "a.json", listing())
    offline = ("sign", draft, "--key", bench.key(COURT), "--trust", bench.trust, "--yes")
    lost = bench.run(*offline)
    assert lost.code == 2
    assert "sign --position" in lost.err
    assert "--adopt N:HASH" in lost.err
    public = bench.keys / f"{COURT}.key.pub"
    if not public.exists():
        write_public_key(public, generated.signer(SEED, COURT).public_key)
    position = bench.run("sign", "--position", "--key", public, "--ledger", bench.ledger)
    assert position.code == 0, position.err
    done = bench.run(*offline, "--adopt", position.out.strip())
    assert done.code == 0, done.err
    assert "complete" not in done.err
    assert append(bench, f"{draft}.signed").code == 0


def test_a_checkpoint_that_the_author_verified_is_cited(bench: Bench, tmp_path: Path) -> None:
    note = bench.run("show", bench.ledger, 20, "--json").json["checkpoint"]["note"]
    (tmp_path / "seen").write_text(note)
    (tmp_path / "forged").write_text(note.replace("\n\n", "\nextension\n\n"))
    (tmp_path / "unsigned").write_text(note[: note.index("\n\n") + 2] + "— x AAAAAAAA\n")
    draft = write(tmp_path / "a.json", listing())
    position = bench.run("sign", "--position", "--key", bench.key(COURT), "--ledger", bench.ledger).out.strip()
    offline = ("sign", draft, "--key", bench.key(COURT), "--trust", bench.trust, "--adopt", position, "--dry-run")
    shown = bench.run(*offline, "--seen", tmp_path / "seen")
    assert (shown.code, "has verified the ledger up to size" in shown.err) == (0, True), shown.err
    assert bench.run(*offline, "--seen", tmp_path / "forged").code in (1, 3)
    assert bench.run(*offline, "--seen", tmp_path / "unsigned").code in (1, 3)
    size = int(note.splitlines()[1])
    (tmp_path / "beyond").write_text(note.replace(f"\n{size}\n", f"\n{size + 1}\n"))
    assert bench.run(*offline, "--seen", tmp_path / "beyond").code == 3
    wrong = sign(bench, draft, "--seen", tmp_path / "beyond", "--dry-run")
    assert (wrong.code, "is not this ledger's" in wrong.err) == (2, True)
    done = sign(bench, draft, "--seen", tmp_path / "seen", "--yes")
    assert done.code == 0, done.err
    assert append(bench, f"{draft}.signed").code == 0


@pytest.mark.parametrize(
    ("option", "code"), [("FILE", 2), ("--trust", 1), ("--seen", 2), ("--key", 1), ("--passphrase-file", 12)]
)
def test_a_pipe_that_nobody_writes_to_does_not_hold_anybody_up(
    demo: Bench, tmp_path: Path, option: str, code: int
) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    draft = write(tmp_path / "a.json", listing())
    given: dict[str, object] = {"FILE": draft, "--key": demo.key("locked"), "--trust": demo.trust}
    given[option] = tmp_path / "pipe"
    file = given.pop("FILE")
    if "--passphrase-file" not in given:
        given["--passphrase-file"] = demo.keys / "passphrase"
    given["--adopt"] = f"0:{'00' * 32}"
    done = demo.run("sign", file, *(word for pair in given.items() for word in pair), "--dry-run")
    assert done.code == code, done


def test_the_prompt_says_which_key_it_is_for(demo: Bench, tmp_path: Path) -> None:
    draft = write(tmp_path / "a.json", listing())
    locked = demo.key("locked")
    offline = ("sign", draft, "--key", locked, "--trust", demo.trust)
    code, shown = demo.run.converse(*offline, answers=[(f"Passphrase for {locked}: ", "wrong")])
    assert (code, "the passphrase for the key file" in shown) == (12, True)
    new = tmp_path / "new.key"
    answers = [(f"New passphrase for {new}: ", "secret"), ("Once more: ", "secret")]
    code, shown = demo.run.converse("keygen", new, answers=answers)
    assert (code, "secret" in shown) == (0, False)


def test_a_draft_is_shown_and_asked_about_before_append_signs_it(bench: Bench, tmp_path: Path) -> None:
    draft = write(tmp_path / "a.json", listing())
    arguments = ("append", bench.ledger, draft, "--key", bench.key(COURT), "--log-key", bench.key("log"))
    alone = bench.run(*arguments)
    assert (alone.code, "add --yes" in alone.err, f"{COURT} lists {FIRM}" in alone.err) == (2, True, True)
    code, shown = bench.run.converse(*arguments, answers=[("Sign this and record?", "n")])
    assert (code, "Nothing was signed." in shown) == (1, True)
    assert sequences(bench) == set()
    code, shown = bench.run.converse(*arguments, answers=[("Sign this and record?", "y")])
    assert (code, ": record " in shown, ", 1 act, " in shown) == (0, True, True)


def test_a_draft_for_root_has_its_cosigners_filled_in(bench: Bench, tmp_path: Path) -> None:
    for number in (1, 2, 3):
        root_key(bench, number)
    new = ("draft", "law.register/1", "--authority", "root", "--ledger", bench.ledger)
    fields = ("law=new-act", "title=A New Act", "number=1", "issuer=Parliament", "effective=2020-01-01", "until=null")
    settings = [word for field in fields for word in ("--set", field)]
    unsaid = bench.run(*new)
    assert (unsaid.code, "say with --key" in unsaid.err) == (2, True)
    public = [bench.keys / f"root-{number}.key.pub" for number in (1, 2, 3)]
    one = bench.run(*new, "--key", public[0], "--json")
    assert len(one.json["cosigners"]) == 1
    assert one.json["cosigners"][0]["key"] in [path.read_text().strip() for path in public[1:]]
    made = bench.run(*new, *settings, "--key", public[0], "--key", public[2], "-o", tmp_path / "law.json")
    assert made.code == 0, made.err
    document = json.loads((tmp_path / "law.json").read_text())
    assert document["cosigners"] == [{"authority": "root", "key": public[2].read_text().strip()}]
    assert sign(bench, tmp_path / "law.json", "--yes", key="root-1").code == 0
    stranger = tmp_path / "stranger.pub"
    write_public_key(stranger, generated.signer(99, "nobody").public_key)
    assert bench.run(*new, "--key", stranger).code == 2


@pytest.mark.parametrize("setting", ["law", "colour=red", "=x", "type=x", "grounds={", "notice_days=soon"])
def test_settings_that_make_no_sense(bench: Bench, setting: str) -> None:
    done = bench.run("draft", "list.define/1", "--set", setting)
    assert (done.code, "--set" in done.err) == (2, True), done


def test_unfilled_fields_are_refused_by_name(bench: Bench, tmp_path: Path) -> None:
    draft = tmp_path / "a.json"
    assert bench.run("draft", "listing.add/1", "--authority", COURT, "-o", draft).code == 0
    for done in (sign(bench, draft, "--yes"), append(bench, draft, "--key", bench.key(COURT), "--yes")):
        assert done.code == 1
        for field in ("list", "subject", "ground", "decided", "effective"):
            assert f"acts[0].{field}: not filled in yet" in done.err
    assert sequences(bench) == set()


def test_keys_have_one_short_form(tmp_path: Path) -> None:
    run = Program(tmp_path / "home")
    made = run("keygen", tmp_path / "a.key", "--no-passphrase", "--json").json
    assert made["fingerprint"] == made["key"][:18] + "…"
    shown = run("keygen", tmp_path / "b.key", "--no-passphrase")
    assert "key 01" in shown.err
    again = run("keygen", tmp_path / "b.key")
    assert (again.code, "never overwritten" in again.err) == (2, True), "refused before a passphrase is asked for"


def test_what_has_expired_is_never_said_to_be_recordable(bench: Bench, tmp_path: Path) -> None:
    draft = write(tmp_path / "a.json", listing())
    assert sign(bench, draft, "--yes").code == 0
    expire(bench, at=system_clock() - 60_000_000)
    replace = sign(bench, draft, "-o", tmp_path / "b.signed", "--yes", "--replace")
    position = bench.run("sign", "--position", "--key", bench.key(COURT), "--ledger", bench.ledger)
    for done in (append(bench, draft, "--key", bench.key(COURT), "--yes"), replace, position):
        assert "expired" in done.err, done
        assert "its number is free from" in done.err
        assert "can be recorded until" not in done.err
        assert "can still be recorded" not in done.err
    assert (replace.code, position.code) == (1, 0)
    nothing = sign(bench, draft, "-o", tmp_path / "b.signed", "--yes", "--valid-for", "0m")
    assert "µs" not in nothing.err


def test_a_refusal_says_what_comes_first_and_what_is_no_record_yet(bench: Bench, tmp_path: Path) -> None:
    first, second = write(tmp_path / "a.json", listing()), write(tmp_path / "b.json", listing(decided="2024-01-03"))
    twice = append(bench, first, first, "--key", bench.key(COURT), "--yes")
    assert (twice.code, "are the entries before this one in this call" in twice.err) == (14, True), twice
    other = write(tmp_path / "b.json", listing(subject="uscc:91997297613842132G"))
    assert second == other
    assert sign(bench, first, "--yes").code == sign(bench, other, "--yes").code == 0
    behind = append(bench, tmp_path / "b.json.signed")
    assert (behind.code, "record first what this key signed before it" in behind.err) == (14, True), behind
