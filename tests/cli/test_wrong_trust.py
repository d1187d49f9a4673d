"""A trust file of another ledger, or a file that is none, must not read as tampering; what witnesses print first."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cli.in_process import InProcess
from cli.program import Program
from creditledger.tlog.policy import Policy


@pytest.fixture
def run(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Program:
    return InProcess(tmp_path / "home", capfd, monkeypatch)


@pytest.fixture
def two(run: Program, tmp_path: Path) -> Path:
    """Two ledgers, `a` and `b`, each published."""
    for name in ("a", "b"):
        founding = ("--origin", f"example.org/{name}", "--roots", 1, "--no-passphrase")
        assert run("init", tmp_path / name, *founding).code == 0
        assert run("publish", tmp_path / name, tmp_path / f"public-{name}").code == 0
    return tmp_path


def test_a_trust_file_of_another_ledger_is_told_as_such(run: Program, two: Path) -> None:
    trust, public = two / "b" / "ledger.trust", two / "public-a"
    for where in (two / "a", public):
        done = run("verify", where, "--trust", trust)
        assert done.code == 3, done
        assert "FAILED: this is not the ledger that the trust file names" in done.out
        assert "altered" not in done.out
    for arguments in (
        ("mirror", public, two / "copy", "--trust", trust),
        ("restore", public, two / "restored", "--trust", trust),
        ("publish", two / "b", public),
        ("prove", two / "b", "--from", public / "checkpoint", "-o", two / "extension"),
    ):
        done = run(*arguments)
        assert (done.code, "LED-LEDGER" in done.err, "example.org/a" in done.err) == (3, True, True), done
    assert run("mirror", two / "public-b", two / "copy", "--trust", trust).code == 0
    done = run("mirror", public, two / "copy", "--trust", two / "a" / "ledger.trust")
    assert (done.code, "is a copy of another log" in done.err) == (3, True), done


def test_a_receipt_of_another_ledger_does_not_bear_the_name_of_the_trusted_one(run: Program, two: Path) -> None:
    assert run("prove", two / "a", 0, "-o", two / "receipt").code == 0
    done = run("verify", two / "receipt", "--trust", two / "b" / "ledger.trust")
    assert done.code == 3, done
    assert "ledger: example.org/b" not in done.out
    assert "another ledger than the trust file's, example.org/b" in done.out
    assert "ledger: example.org/a" in run("verify", two / "receipt", "--trust", two / "a" / "ledger.trust").out


def test_a_key_of_the_log_that_is_not_trusted_stays_a_finding(run: Program, two: Path) -> None:
    """The same origin, so the wrong signature is not explained by a mix-up of ledgers."""
    shutil.rmtree(two / "a")
    shutil.rmtree(two / "a-keys")
    assert run("init", two / "a", "--origin", "example.org/a", "--roots", 1, "--no-passphrase").code == 0
    done = run("verify", two / "public-a", "--trust", two / "a" / "ledger.trust")
    assert (done.code, "LED-CKPT" in done.out) == (3, True), done


def test_a_file_that_cannot_be_verified_or_trusted_says_what_is_wanted(run: Program, two: Path) -> None:
    trust, wrong = two / "a" / "ledger.trust", two / "law.json.signed"
    wrong.write_text('{"entry": 1}\n')
    (two / "answers").mkdir()
    for path in (wrong, two / "public-a" / "checkpoint", two / "answers"):
        done = run("verify", path, "--trust", trust)
        assert done.code in (1, 10), done
        for accepted in ("a ledger's directory", "an export", "a published log", "a receipt", ".tlog-proof"):
            assert accepted in done.err, (accepted, done)
    done = run("verify", two / "a", "--trust", wrong)
    assert (done.code, f"{wrong} is no trust file" in done.err) == (1, True), done


def test_a_witness_prints_its_lines_before_there_is_any_log(run: Program, tmp_path: Path) -> None:
    key = tmp_path / "witness.key"
    assert run("keygen", key, "--no-passphrase").code == 0
    given = ("witness", tmp_path / "memory", "--show-policy", "--name", "w.example.org", "--key", key)
    assert run(*given).code == 2
    assert run(*given, "--url", "no address").code != 0
    done = run(*given, "--url", "https://w.example.org/")
    assert done.code == 0, done
    (witness,) = Policy.from_bytes((done.out + "quorum w.example.org\n").encode()).witnesses
    assert (witness.name, witness.url) == ("w.example.org", "https://w.example.org")
    assert not (tmp_path / "memory").exists()
    policy = tmp_path / "policy"
    policy.write_text(done.out + "quorum w.example.org\n")
    founding = ("--origin", "example.org/a", "--roots", 1, "--no-passphrase", "--witnesses", policy)
    assert run("init", tmp_path / "a", *founding).code == 0


def test_a_proof_from_a_published_log_says_what_to_do(run: Program, two: Path) -> None:
    for where in (two / "public-a", "https://log.example.org/a"):
        done = run("prove", where, 0, "-o", two / "x")
        assert (done.code, "restore it first" in done.err) == (2, True), done
