"""Every command: documented, its JSON parses, its exit code is the one that the specification names."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest

from cli.bench import SEED, Bench
from cli.program import Program, plain
from creditledger import errors
from creditledger.cli import COMMANDS
from creditledger.demo.story import tell
from creditledger.ledger.ledger import Ledger

NAMES = list(COMMANDS)


def command_of(name: str) -> click.Command:
    command: click.Command = import_module(f"creditledger.cli.cmd_{name}").command
    return command


@pytest.mark.parametrize("name", NAMES)
def test_every_command_is_documented(name: str) -> None:
    command = command_of(name)
    assert command.name == name
    assert re.fullmatch(r"[A-Z].{10,90}\.", COMMANDS[name]), COMMANDS[name]
    first = (command.help or "").partition("\n")[0]
    assert first.endswith((".", ":", ",")) or len(first) > 60, "the first sentence of the help"
    assert "as_json" in {parameter.name for parameter in command.params}
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{name} {parameter.opts}: no help"
            assert len(parameter.help) < 160


@pytest.mark.parametrize("name", NAMES)
def test_writers_can_be_tried_out(name: str) -> None:
    """Whatever writes to a ledger or signs takes --dry-run; what only makes new files does not need it."""
    takes = "dry_run" in {parameter.name for parameter in command_of(name).params}
    assert takes is (name in {"append", "erase", "import", "publish", "replay", "sign", "tamper"})


def test_help_lists_every_command_and_names_every_option(demo: Bench) -> None:
    listed = demo.run("--help")
    assert listed.code == 0
    for name in NAMES:
        assert re.search(rf"^  {name} +[A-Z]", listed.out, re.MULTILINE), name
    assert demo.run("-h").out == listed.out
    codes = {int(found) for found in re.findall(r"^  ([0-9]+) +[A-Z].*\.$", listed.out, re.MULTILINE)}
    known = {
        error.exit_code
        for error in vars(errors).values()
        if isinstance(error, type) and issubclass(error, errors.LedgerError)
    }
    assert codes == known | {0, 130}


@pytest.mark.parametrize("name", ["append", "doctor", "keygen"])
def test_help_of_one_command(demo: Bench, name: str) -> None:
    shown = demo.run(name, "--help")
    assert (shown.code, shown.err) == (0, "")
    for parameter in command_of(name).params:
        if isinstance(parameter, click.Option):
            assert parameter.opts[-1] in shown.out


def test_the_version(demo: Bench) -> None:
    from creditledger import __version__

    assert demo.run("--version").out.strip().endswith(__version__)


def readers(demo: Bench) -> Iterator[list[object]]:
    subject, list_id = demo.subject("a firm whose listing was quashed")
    ledger = demo.ledger
    yield ["lookup", ledger, subject, list_id]
    yield ["lookup", ledger, subject, list_id, "--valid-at", "2023-03-05", "--known-at", "2023-03-06T00:00:00+08:00"]
    yield ["history", ledger, subject, list_id]
    yield ["members", ledger, list_id, "--valid-at", "2023-03-05"]
    yield ["members", ledger, list_id, "--all"]
    yield ["log", ledger]
    yield ["log", ledger, "-n", 3, "--from", 2]
    yield ["show", ledger, 17]
    yield ["diff", ledger, list_id, "--from", "2023-02-01", "--to", "2023-03-05"]
    yield ["replay", ledger, "--to", 19]
    yield ["verify", ledger, "--trust", demo.trust, "--jobs", 1]
    yield ["spec"]
    yield ["doctor"]
    yield ["draft"]
    yield ["draft", "listing.add/1"]


@pytest.mark.parametrize("number", range(15))
def test_answers_in_json_parse_and_say_the_same_code(demo: Bench, number: int) -> None:
    arguments = [*readers(demo)][number]
    in_words = demo.run(*arguments)
    in_json = demo.run(*arguments, "--json")
    assert (in_json.code, in_json.err) == (0, "")
    assert in_words.code == 0
    assert in_words.out
    try:
        assert json.loads(in_json.out)
    except json.JSONDecodeError:
        assert len(in_json.lines) >= 1
        assert all(isinstance(line, dict) for line in in_json.lines)


def test_the_statuses_of_the_story(demo: Bench) -> None:
    for who, day, status in (
        ("a firm whose listing was quashed", "2023-03-05", "listed"),
        ("a firm whose listing was quashed", "2024-01-15", "quashed"),
        ("a firm listed with a stolen key", "2024-01-15", "unconfirmed"),
        ("a firm whose listing was confirmed", "2024-01-15", "listed"),
        ("a person whose data was erased", "2024-01-15", "removed"),
        ("a trusted trader", "2024-01-15", "listed"),
    ):
        answer = demo.run("lookup", demo.ledger, *demo.subject(who), "--valid-at", day, "--json").json
        assert (who, answer["status"]) == (who, status)
    nobody = demo.run("lookup", demo.ledger, "host:example.org", "trusted-traders", "--json")
    assert (nobody.code, nobody.json["status"]) == (0, "nothing-recorded")
    assert "clean" not in nobody.out.replace("does not mean", "")


def test_errors_in_json_are_on_standard_output(demo: Bench) -> None:
    done = demo.run("show", demo.ledger, 9999, "--json")
    assert done.err == ""
    assert done.json["error"] == "StoreError"
    assert done.json["exit_code"] == done.code == 1
    usage = demo.run("show", demo.ledger, "--json")
    assert usage.json["exit_code"] == usage.code == 2
    unknown = demo.run("shew", "--json")
    assert unknown.json["exit_code"] == unknown.code == 2


def test_whoever_reads_the_output_may_go_away(demo: Bench, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "creditledger", "log", demo.ledger, "-n", "1000", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=demo.run.environment(),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_a_founded_ledger_from_keys_to_verified_record(demo: Bench, tmp_path: Path) -> None:
    """keygen, init, draft, sign, append, verify, export, restore: each with JSON answers, one after the other."""
    run = demo.run
    (tmp_path / "secret").touch(0o600)
    (tmp_path / "secret").write_text("a long passphrase\n")
    secret = ("--passphrase-file", tmp_path / "secret")
    made = run("keygen", tmp_path / "log.key", *secret, "--json").json
    assert made["public_key"].startswith("ed25519:")
    founded = run(
        "init", tmp_path / "r", "--origin", "example.org/r", "--log-key", tmp_path / "log.key", "--keys",
        tmp_path / "keys", "--roots", 1, *secret, "--json",
    )  # fmt: skip
    assert founded.code == 0, founded.out
    trust = tmp_path / "r" / "ledger.trust"
    draft = run("draft", "law.register/1", "--authority", "root").json
    draft["acts"][0] |= {"law": "a-law", "title": "A Law", "number": "1", "issuer": "Parliament"}
    draft["acts"][0]["effective"] = "2020-01-01"
    (tmp_path / "law.json").write_text(json.dumps(draft))
    root = ("--key", tmp_path / "keys" / "root-1.key", "--ledger", tmp_path / "r", *secret)
    dry = run("sign", tmp_path / "law.json", *root, "--dry-run")
    assert (dry.code, (tmp_path / "law.json.signed").exists()) == (0, False)
    assert "registers the law a-law" in dry.err
    signed = run("sign", tmp_path / "law.json", *root, "--yes", "--json")
    assert (signed.code, signed.json["complete"]) == (0, True), signed
    log = ("--log-key", tmp_path / "log.key", *secret, "--json")
    assert run("append", tmp_path / "r", tmp_path / "law.json.signed", *log, "--dry-run").json == {
        "would_record": 1, "recorded_already": 0,
        "files": [{"file": str(tmp_path / "law.json.signed"), "recorded": False, "drawn": {}}],
    }  # fmt: skip
    receipt = run("append", tmp_path / "r", tmp_path / "law.json.signed", *log).json
    assert [one["record"] for one in receipt] == [1]
    again = run("append", tmp_path / "r", tmp_path / "law.json.signed", *log).json
    assert again == receipt
    resent = run("append", tmp_path / "r", tmp_path / "law.json.signed", *log, "--dry-run").json
    assert (resent["would_record"], resent["recorded_already"]) == (0, 1)
    assert resent["files"][0]["recorded"] is True
    report = run("verify", tmp_path / "r", "--trust", trust, "--json")
    assert (report.code, report.json["size"], report.json["findings"]) == (0, 2, [])
    assert run("export", tmp_path / "r", tmp_path / "r.ledger", "--json").json["records"] == 2
    assert run("verify", tmp_path / "r.ledger", "--trust", trust).code == 0
    restored = run("restore", tmp_path / "r.ledger", tmp_path / "copy", "--trust", trust, "--json").json
    assert restored["root"] == report.json["root"]


def test_the_demonstration_can_be_built_twice(demo: Bench, tmp_path: Path) -> None:
    """With the same seed and size in another place; the first goes on to verify on this machine."""
    run = Program(tmp_path / "home")
    built = [run("demo", "--dir", tmp_path / name, "--acts", 60, "--json").json for name in ("one", "two")]
    assert [one["verified"] for one in built] == [True, True]
    assert built[0]["ledger_id"] != built[1]["ledger_id"]
    for name in ("one", "two"):
        trust = tmp_path / name / "ledger.trust"
        assert run("verify", tmp_path / name, "--trust", trust, "--jobs", 1).code == 0
    occupied = run("demo", "--dir", tmp_path / "one")
    assert (occupied.code, "not empty" in occupied.err) == (2, True)


def test_demonstrations_of_another_size_are_other_ledgers(demo: Bench, tmp_path: Path) -> None:
    """Otherwise the head of the larger one, kept on this machine, would contradict the smaller one."""
    ids = set()
    for total in (60, 61):
        place = tmp_path / str(total)
        tell(place, total=total, seed=SEED, content_key=bytes(32), head_dir=tmp_path / "heads")
        with Ledger.open(place) as ledger:
            ids.add(ledger.ledger_id)
    assert len(ids) == 2


@pytest.mark.parametrize("columns", [70, 130])
def test_tables_are_no_wider_than_the_terminal(demo: Bench, columns: int) -> None:
    for arguments in (
        ["members", demo.ledger, "judgment-defaulters", "--all"],
        ["log", demo.ledger, "-n", 4],
        ["history", demo.ledger, *demo.subject("a firm whose listing was quashed")],
    ):
        code, shown = demo.run.on_terminal(*arguments, columns=columns)
        assert code == 0
        # A command to be copied stays on one line.
        lines = [line for line in plain(shown).splitlines() if not line.startswith("  creditledger ")]
        assert max(map(len, lines)) <= columns
        assert "───" in shown
    if columns == 130:
        firm, _ = demo.subject("a firm whose listing was confirmed")
        whole = demo.run.on_terminal("members", demo.ledger, "judgment-defaulters", "--all", columns=columns)[1]
        assert f"{firm} " in plain(whole), "a word was broken though there was room"


def test_tables_elsewhere_are_separated_by_tabs(demo: Bench) -> None:
    bare = demo.run("log", demo.ledger, "-n", 4)
    assert bare.out.splitlines()[0] == "record\trecorded\tby\twhat"
    assert [line.count("\t") for line in bare.out.splitlines()] == [3] * 5
    assert "\x1b" not in bare.out
