"""What the commands say where somebody new to them goes wrong: the message names the way on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.bench import Bench
from cli.in_process import in_process

LIST = "judgment-defaulters"


@pytest.fixture
def bench(bench: Bench, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Bench:
    return in_process(bench, capfd, monkeypatch)


def test_a_content_key_takes_no_passphrase_and_says_so(bench: Bench, tmp_path: Path) -> None:
    secret = ("--passphrase-file", bench.keys / "passphrase")
    refused = bench.run("keygen", tmp_path / "content.key", "--content", *secret)
    assert (refused.code, "in clear" in refused.err, (tmp_path / "content.key").exists()) == (2, True, False), refused
    made = bench.run("init", tmp_path / "new", "--origin", "registry.example.org/new", "--no-passphrase")
    assert (made.code, "content.key: it is not encrypted" in made.err) == (0, True), made
    bad = bench.run("init", tmp_path / "bad", "--origin", "Registry of Bad Payers", "--no-passphrase")
    assert bad.code == 1
    assert bad.err.startswith("error: --origin: ")
    assert "registry.example.org/defaulters" in bad.err


def test_a_log_key_is_told_what_it_is_for(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    law = {"type": "law.register/1", "law": "a", "title": "A", "number": "1", "issuer": "P", "effective": "2020-01-01"}
    file.write_text(json.dumps({"authority": "root", "acts": [law | {"until": None}]}))
    done = bench.run("sign", file, "--key", bench.key("log"), "--ledger", bench.ledger, "--yes")
    assert (done.code, "is a log key" in done.err, "signs checkpoints" in done.err) == (2, True, True), done


def test_files_and_references_that_are_something_else(bench: Bench, tmp_path: Path) -> None:
    scan = tmp_path / "reasons.pdf"
    scan.write_bytes(b"%PDF-1.7\n")
    done = bench.run("append", bench.ledger, scan, "--log-key", bench.key("log"))
    assert (done.code, "neither a draft nor a signed entry" in done.err) == (1, True), done
    act: dict[str, object] = {
        "type": "listing.remove/1",
        "list": LIST,
        "subject": "uscc:91110000600037341L",
        "listing": "8",
    }
    act |= {"reason": "performed", "decided": "2024-01-03", "effective": "2024-01-03", "appeal": None, "source": None}
    (tmp_path / "a.json").write_text(json.dumps({"authority": "district-court-1", "acts": [act]}))
    sign = ("sign", tmp_path / "a.json", "--key", bench.key("district-court-1"), "--ledger", bench.ledger, "--yes")
    assert "8.0" in bench.run(*sign).err
    out = bench.run("draft", "law.register/1", "--json", "-o", tmp_path / "law.json").json
    assert out["file"] == str(tmp_path / "law.json")
    assert "acts[0].law" in out["unfilled"]


def test_questions_that_have_no_answer_say_why(bench: Bench) -> None:
    turned = bench.run("diff", bench.ledger, LIST, "--from", "2024-02-01", "--to", "2024-01-01")
    assert (turned.code, "exchange the two" in turned.err) == (2, True)
    beyond = bench.run("log", bench.ledger, "--from", "100000")
    assert (beyond.code, "There is no record 100000" in beyond.err, beyond.out) == (0, True, "")
    bare = bench.run()
    assert (bare.code, bare.out.startswith("Usage: "), bare.err) == (0, True, "")
