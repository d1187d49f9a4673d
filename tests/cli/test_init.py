"""`init`: checked before anything is written, nothing left when it fails, and what to do next is said in order."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from cli.in_process import InProcess
from cli.program import Program
from creditledger.keys.keyfile import write_key

ORIGIN = ("--origin", "example.org/list")


@pytest.fixture
def run(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Program:
    return InProcess(tmp_path / "home", capfd, monkeypatch)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--origin", "not an origin"], 1),
        (["--origin", "x" * 300], 1),
        ([*ORIGIN, "--roots", "2", "--threshold", "3"], 2),
        ([*ORIGIN, "--utc-offset", "8 hours"], 1),
        ([*ORIGIN, "--log-key", "PLACE/missing.key"], 1),
        ([*ORIGIN, "--root-key", "PLACE/missing.key"], 1),
        ([*ORIGIN, "--root-key", "PLACE/own.key", "--root-key", "PLACE/own.key"], 1),
        ([*ORIGIN, "--root-key", "PLACE/own.key", "--log-key", "PLACE/own.key"], 14),
        ([*ORIGIN, "--content-key", "PLACE/own.key"], 1),
        ([*ORIGIN, "--head-dir", "PLACE/own.key"], 1),
    ],
)
def test_a_founding_that_fails_leaves_nothing(run: Program, tmp_path: Path, options: list[str], code: int) -> None:
    write_key(tmp_path / "own.key", bytes(32), None)
    given = [option.replace("PLACE", str(tmp_path)) for option in options]
    done = run("init", tmp_path / "new" / "ledger", *given, "--no-passphrase")
    assert done.code == code, done
    assert {path.name for path in tmp_path.iterdir()} - {"home"} == {"own.key"}


def test_a_wrong_call_is_told_before_a_passphrase_is_asked_for(run: Program, tmp_path: Path) -> None:
    done = run("init", tmp_path / "ledger", "--origin", "not an origin")
    assert (done.code, "passphrase" in done.err) == (1, False)


def test_a_public_key_without_its_private_one_is_not_written_over(run: Program, tmp_path: Path) -> None:
    (tmp_path / "ledger-keys").mkdir()
    (tmp_path / "ledger-keys" / "root-2.key.pub").write_text("somebody's\n")
    done = run("init", tmp_path / "ledger", *ORIGIN, "--no-passphrase")
    assert (done.code, "root-2.key.pub" in done.err) == (2, True)
    assert [path.name for path in (tmp_path / "ledger-keys").iterdir()] == ["root-2.key.pub"]


def test_keys_that_were_there_survive_a_founding_that_fails(run: Program, tmp_path: Path) -> None:
    (tmp_path / "ledger-keys").mkdir()
    write_key(tmp_path / "ledger-keys" / "root-1.key", bytes(32), None)
    done = run(
        "init", tmp_path / "ledger", *ORIGIN, "--no-passphrase", "--head-dir", tmp_path / "ledger-keys/root-1.key"
    )
    assert done.code == 1
    assert [path.name for path in (tmp_path / "ledger-keys").iterdir()] == ["root-1.key"]
    assert run("init", tmp_path / "ledger", *ORIGIN, "--no-passphrase").code == 0


@pytest.mark.parametrize("options", [(), ("--post-quantum", "--desk")])
def test_the_steps_that_it_names_lead_to_a_record(run: Program, tmp_path: Path, options: tuple[str, ...]) -> None:
    """Each command as it is printed, with what a person fills in; in a directory that a shell would take apart."""
    place = tmp_path / "the registry's"
    place.mkdir()
    done = run("init", place / "ledger", *ORIGIN, "--no-passphrase", *options)
    assert done.code == 0, done.err
    assert "2 of its 3 root keys must sign whatever governs it, as the authority root" in done.err
    steps = re.findall(r"^  ([0-9])\. (.*)$", done.err, re.MULTILINE)
    assert [int(number) for number, _ in steps] == [*range(1, len(steps) + 1)]
    commands = [shlex.split(text.partition("creditledger ")[2]) for _, text in steps if "creditledger " in text]
    assert [words[0] for words in commands] == ["draft", "sign", "sign", "append"]
    drafting, *others = [[word.replace("law.json", f"{tmp_path}/law.json") for word in words] for words in commands]
    for field in ("law=a-law", "title=A Law", "number=1", "issuer=Parliament", "effective=2020-01-01"):
        drafting += ["--set", field]
    assert run(*drafting).code == 0
    for words in others:
        ended = run(*words, *(["--yes"] if words[0] == "sign" else []))
        assert ended.code == 0, ended.err
    assert "record 1, 1 act" in ended.out
    if options:
        for answer in ("law.json.signed.ack", "law.json.signed.receipt"):
            done = run("verify", place / "ledger-answers" / answer, "--trust", place / "ledger" / "ledger.trust")
            assert done.code == 0, done
