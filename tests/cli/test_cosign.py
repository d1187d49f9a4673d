"""`cosign`, and what `init`, `append` and `import` have to do with witnesses and post-quantum keys."""

from __future__ import annotations

import json
import logging
import re
import shutil
import signal
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice, takewhile
from pathlib import Path
from typing import IO, Any

import pytest

from cli.bench import Bench
from cli.in_process import InProcess, in_process
from cli.program import Program
from cli.test_erase import erase, list_somebody
from creditledger.audit.trust import Trust
from creditledger.cli import _Notes
from creditledger.cli import run as run_command
from creditledger.errors import Locked
from creditledger.keys.keyfile import read_key, read_public_key
from creditledger.ledger.layout import LOG_TABLES
from creditledger.ledger.ledger import Ledger
from creditledger.store.lmdb_engine import LmdbEngine
from creditledger.store.lock import WriterLock
from creditledger.tlog.note import NoteSigner, open_note, sign_note
from support.witness import FakeWitness, policy_of, witnesses
from witness.loopback import lying

ORIGIN = "example.org/list"


@pytest.fixture
def one() -> Iterator[FakeWitness]:
    with witnesses("witness.example/w1") as found:
        yield found[0]


@pytest.fixture
def run(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Program:
    return InProcess(tmp_path / "home", capfd, monkeypatch)


class Office:
    """A ledger that the program founded, and its keys."""

    def __init__(self, run: Program, place: Path, *options: object) -> None:
        self.run = run
        self.ledger = place / "ledger"
        self.keys = place / "ledger-keys"
        self.trust = self.ledger / "ledger.trust"
        self.laws = 0
        done = run("init", self.ledger, "--origin", ORIGIN, "--roots", 1, "--no-passphrase", *options)
        assert done.code == 0, done
        self.said = done.err

    def key(self, name: str) -> Path:
        return self.keys / f"{name}.key"

    def law(self) -> Path:
        """A draft that the root key can sign by itself."""
        self.laws += 1
        file = self.ledger.parent / f"law-{self.laws}.json"
        act = {
            "type": "law.register/1", "law": f"law-{self.laws}", "title": "Act", "number": "1", "issuer": "Parliament",
            "effective": "2013-01-01", "until": None,
        }  # fmt: skip
        file.write_text(json.dumps({"authority": "root", "acts": [act]}))
        return file

    def append(self, *options: object, log_keys: tuple[str, ...] = ("log",)) -> Any:
        log = [word for name in log_keys for word in ("--log-key", self.key(name))]
        return self.run("append", self.ledger, self.law(), "--key", self.key("root-1"), *log, "--yes", *options)

    def cosign(self, *options: object) -> Any:
        return self.run("cosign", self.ledger, "--log-key", self.key("log"), *options)

    def verify(self) -> int:
        return int(self.run("verify", self.ledger, "--trust", self.trust).code)


def policy_file(place: Path, *several: FakeWitness) -> Path:
    file = place / "asked.policy"
    file.write_text("# Whom we ask\n" + policy_of(*several).to_text())
    return file


@pytest.fixture
def office(run: Program, tmp_path: Path, one: FakeWitness) -> Office:
    """One with everything that there is."""
    return Office(run, tmp_path, "--post-quantum", "--desk", "--witnesses", policy_file(tmp_path, one))


# -- init -----------------------------------------------------------------------------------------------------------


def test_init_makes_every_key_and_a_trust_file_that_names_them(
    office: Office, one: FakeWitness, tmp_path: Path
) -> None:
    assert office.key("log-pq").stat().st_mode & 0o777 == 0o600
    trust = Trust.load(office.trust)
    assert trust.to_text().startswith('format = "creditledger/trust/v2"')
    assert [vkey.partition("+")[0] for vkey in trust.log_keys] == [ORIGIN, ORIGIN]
    assert trust.is_post_quantum
    (desk,) = trust.acknowledgement_verifiers()
    assert desk.name == f"{ORIGIN}/acknowledgements"
    assert desk.public_key == read_public_key(office.keys / "desk.key.pub")[1:]
    assert trust.witnesses == policy_of(one).without_urls()
    assert (office.ledger / "witnesses.policy").read_bytes() == (tmp_path / "asked.policy").read_bytes()
    assert one.asked == 0, "founding speaks to nobody"
    assert "cosign" in office.said
    assert "--pq-key" in office.said
    assert office.verify() == 4, "nobody has cosigned yet"
    assert office.cosign("--pq-key", office.key("log-pq")).code == 0
    assert office.verify() == 0


def test_without_the_options_everything_is_as_it_was(run: Program, tmp_path: Path) -> None:
    office = Office(run, tmp_path)
    assert office.trust.read_text().startswith('format = "creditledger/trust/v1"')
    assert {path.name for path in office.keys.iterdir()} == {
        "content.key", "log.key", "log.key.pub", "root-1.key", "root-1.key.pub"
    }  # fmt: skip
    assert not (office.ledger / "witnesses.policy").exists()
    assert "--every" not in office.said
    assert office.append().code == 0
    done = office.cosign()
    assert (done.code, "Nobody was asked" in done.err) == (0, True)


@pytest.mark.parametrize("content", ["quorum nobody\n", "quorum none\n", "no policy", "\0", ""])
def test_a_policy_that_is_none_founds_nothing(run: Program, tmp_path: Path, content: str) -> None:
    (tmp_path / "policy").write_text(content)
    done = run("init", tmp_path / "ledger", "--origin", ORIGIN, "--no-passphrase", "--witnesses", tmp_path / "policy")
    assert (done.code, str(tmp_path / "policy") in done.err) == (1, True), done
    assert not (tmp_path / "ledger").exists()
    assert not (tmp_path / "ledger-keys").exists()


# -- cosign ---------------------------------------------------------------------------------------------------------


def test_cosign_tells_who_signed_and_when(office: Office, one: FakeWitness) -> None:
    done = office.cosign("--pq-key", office.key("log-pq"), "--json")
    assert done.code == 0, done
    assert [(line["name"], line["time"] is None) for line in done.json["signatures"]] == [
        (ORIGIN, True), (ORIGIN, False), (one.name, False)
    ]  # fmt: skip
    assert done.json["witnesses"] == [{"name": one.name, "cosigned": True, "problem": ""}]
    assert (done.json["size"], done.json["quorum"], done.json["quorum_problem"]) == (1, True, "")
    assert "ML-DSA-44, 20" in office.cosign("--pq-key", office.key("log-pq")).out
    shown = office.cosign()
    assert one.name in shown.out
    with Ledger.open(office.ledger) as ledger:
        assert ledger.checkpoint.count("\n— ".encode()) == 3, "what was signed before stays"


def test_a_quorum_that_is_not_met_ends_with_4(office: Office, one: FakeWitness) -> None:
    one.close()
    done = office.cosign("--timeout", "1")
    assert (done.code, f"missing: 'quorum-of-all' has 0 of the 1 it needs, without '{one.name}'" in done.err) == (
        4,
        True,
    )
    assert office.cosign("--json").json["quorum"] is False


def test_a_wrong_key_is_told(office: Office) -> None:
    wrong = office.cosign("--pq-key", office.key("log"))
    assert (wrong.code, "ML-DSA-44 key is needed" in wrong.err) == (1, True)
    wrong = office.run("cosign", office.ledger, "--log-key", office.key("desk"))
    assert (wrong.code, "not a log key of this ledger" in wrong.err) == (2, True)
    assert office.cosign("--every", "0s").code == 2
    assert office.run("cosign", office.keys, "--log-key", office.key("log"), "--every", "1s").code == 10


def test_a_stale_copy_ends_with_3_and_says_what_to_do(office: Office, tmp_path: Path) -> None:
    """The whole machine was restored: directory, keys and heads."""
    backup = tmp_path / "backup"
    shutil.copytree(office.ledger, backup)
    shutil.copytree(tmp_path / "home", tmp_path / "old-home")
    assert office.append().code == 0
    heads = ("--head-dir", tmp_path / "old-home" / "creditledger" / "heads")
    for command in (("cosign", backup), ("append", backup, office.law(), "--key", office.key("root-1"), "--yes")):
        done = office.run(*command, "--log-key", office.key("log"), *heads)
        assert done.code == 3, done
        assert "LED-HEAD" in done.err
        assert "catch up from an export" in done.err
        assert f"{ORIGIN}\n2\n" in done.err, "what proves it is shown"


def test_regularly_until_told_to_end_and_others_append_in_between(office: Office, one: FakeWitness) -> None:
    arguments = ["cosign", office.ledger, "--log-key", office.key("log"), "--every", "1s", "--json"]
    with subprocess.Popen(
        [sys.executable, "-m", "creditledger", *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=office.run.environment(), text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["size"] == 1
        for _ in range(100):
            done = office.append()
            if done.code == 0:
                break
            assert done.code == 11, "only where both wrote at once"
            time.sleep(0.05)
        assert done.code == 0
        while json.loads(process.stdout.readline())["size"] == 1:
            pass
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
        assert (process.returncode, said) == (0, "")


@contextmanager
def regularly(office: Office) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """`cosign --every 1s` as a process, and its stderr; it ends with 0 when it is told to."""
    arguments = ["cosign", office.ledger, "--log-key", office.key("log"), "--every", "1s", "--json"]
    with subprocess.Popen(
        [sys.executable, "-m", "creditledger", *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=office.run.environment(), text=True,
    ) as process:  # fmt: skip
        try:
            assert process.stderr is not None
            yield process, process.stderr
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        finally:
            process.kill()


def told(said: IO[str], words: str) -> None:
    """A line with these words comes on stderr."""
    lines = list(takewhile(lambda line: words not in line, islice(said, 30)))
    assert len(lines) < 30, (words, lines)


@contextmanager
def locked(office: Office) -> Iterator[None]:
    """Somebody else is writing, as soon as nobody does."""
    for _ in range(1000):
        with suppress(Locked):
            lock = WriterLock(office.ledger / "writer.lock")
            break
        time.sleep(0.01)
    try:
        yield
    finally:
        lock.release()


def test_what_may_be_over_by_the_next_round_ends_nothing(office: Office, one: FakeWitness) -> None:
    """A witness claims more than there is, the policy cannot be read, somebody else writes."""
    policy = office.ledger / "witnesses.policy"
    whole = policy.read_bytes()
    one.behaviour, one.claimed = "claim", 2**53 - 1
    assert office.cosign().code == 3, "once, it is a reason to stop"
    with regularly(office) as (process, said):
        told(said, "without showing it")
        policy.write_bytes(whole[:-1])
        told(said, str(policy))
        policy.write_bytes(whole)
        with locked(office):
            told(said, "only one writer at a time")
        one.behaviour = "honest"
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["quorum"] is True


def test_proof_of_a_second_history_ends_the_rounds_with_3(office: Office, one: FakeWitness) -> None:
    other = f"{ORIGIN}\n1\n{b64encode(bytes(32)).decode()}\n".encode()
    log = NoteSigner(ORIGIN, read_key(office.key("log"), None))
    one.seen[ORIGIN] = 1, bytes(32), sign_note(other, log)
    done = office.cosign("--every", "1s")
    assert (done.code, "two histories" in done.err) == (3, True)


def test_what_a_witness_says_does_not_steer_the_terminal(office: Office, one: FakeWitness) -> None:
    said = b"\x1b]0;owned\x07\xc2\x9b5mno\r\nnote: the quorum is met\r\n\r\n"
    policy = office.ledger / "witnesses.policy"
    with lying(lambda _liar, connection, _first, _body: connection.sendall(said)) as liar:
        policy.write_text(policy.read_text().replace(one.url, liar.url))
        done = Program(office.run.home)("cosign", office.ledger, "--log-key", office.key("log"))
    assert done.code == 4
    assert "owned" in done.err
    assert not {*done.err} & {*map(chr, [*range(10), *range(11, 32), *range(127, 160)])}
    assert "note: the quorum is met" not in done.err.splitlines()


def test_notes_of_the_library_are_one_harmless_line_each() -> None:
    """Whoever makes such a text, and forgets that strangers had a word in it."""
    record = logging.LogRecord("x", logging.WARNING, "", 0, "he says %s", ("\x1b[5m\nnote: \x9b\u202e",), None)
    assert _Notes("note: %(message)s").format(record) == r"note: he says \x1b[5m note: \x9b\u202e"


# -- doctor ---------------------------------------------------------------------------------------------------------


def examined(office: Office) -> dict[str, tuple[str, str, str]]:
    """What the doctor says about signatures: verdict, what was found, what to do."""
    lines = office.run("doctor", office.ledger, "--json").json["ledger"]
    return {
        one["check"]: (one["verdict"], one["found"], one["advice"])
        for one in lines
        if one["check"] in ("witnesses", "cosigned", "trust file")
    }


def test_the_doctor_says_who_cosigned_and_what_is_missing(office: Office, one: FakeWitness) -> None:
    fresh = examined(office)
    assert {check: verdict for check, (verdict, *_) in fresh.items()} == {
        "witnesses": "ok", "cosigned": "problem", "trust file": "problem"
    }  # fmt: skip
    assert "by nobody; the witness quorum 'quorum-of-all' is not met" in fresh["cosigned"][1]
    assert fresh["cosigned"][2].startswith(f"creditledger cosign {office.ledger} --log-key KEY")
    assert "lacks the ML-DSA-44 signature of the log" in fresh["trust file"][1]
    assert "--pq-key KEY" in fresh["trust file"][2]
    assert office.run("doctor", office.ledger).code == 1
    assert office.cosign().code == 0
    found = examined(office)
    assert re.search(rf"1 record, by {one.name} at 20\S+Z; the quorum quorum-of-all is met", found["cosigned"][1])
    assert {check: verdict for check, (verdict, *_) in found.items()} == {
        "witnesses": "ok", "cosigned": "ok", "trust file": "problem"
    }  # fmt: skip
    assert office.cosign("--pq-key", office.key("log-pq")).code == 0
    done = office.run("doctor", office.ledger)
    assert done.code == 0, done.out
    assert "the ML-DSA-44 signature of the log included" in done.out


def test_the_doctor_misses_a_policy_and_tells_one_that_cannot_be_read(office: Office, one: FakeWitness) -> None:
    assert office.cosign("--pq-key", office.key("log-pq")).code == 0
    policy = office.ledger / "witnesses.policy"
    whole = policy.read_text()
    policy.write_text(whole.replace(" " + one.url, ""))
    assert examined(office)["witnesses"][0] == "note"
    policy.write_text("quorum nobody\n")
    verdict, found, advice = examined(office)["witnesses"]
    assert (verdict, str(policy) in found, "no writer" in advice) == ("problem", True, True)
    policy.unlink()
    verdict, found, advice = examined(office)["witnesses"]
    assert (verdict, "nobody is asked" in found, f"put {policy} back" in advice) == ("problem", True, True)
    office.trust.unlink()
    assert set(examined(office)) == {"witnesses"}
    assert examined(office)["witnesses"][0] == "ok"
    office.trust.write_text("format = ")
    assert examined(office)["trust file"][0] == "problem"


def test_the_doctor_does_not_believe_a_cosignature_that_is_none(office: Office, one: FakeWitness) -> None:
    """Somebody wrote a line into the store, in the name and under the key id of the witness."""
    assert office.cosign().code == 0
    with Ledger.open(office.ledger) as ledger:
        note = ledger.checkpoint
    line = note.splitlines(keepends=True)[-1]
    engine = LmdbEngine.open(office.ledger / "log", LOG_TABLES)
    with engine.batch() as batch:
        batch.put("checkpoint", (1).to_bytes(8, "big"), note.replace(line, line[:-8] + b"AAA=\n"))
    engine.close()
    verdict, _, advice = examined(office)["cosigned"]
    assert (verdict, "creditledger verify" in advice) == ("problem", True)


# -- append and import ------------------------------------------------------------------------------------------------


def test_append_has_what_it_recorded_cosigned(office: Office) -> None:
    assert office.append("--pq-key", office.key("log-pq")).code == 0
    assert office.verify() == 0
    assert office.append().code == 0
    assert office.verify() == 4, "the post-quantum key was not at hand"
    assert office.append("--dry-run").code == 0


@pytest.mark.parametrize("behaviour", ["down", "unavailable", "garbage"])
def test_append_stops_for_no_witness_that_fails(
    office: Office, one: FakeWitness, behaviour: str, caplog: pytest.LogCaptureFixture
) -> None:
    if behaviour == "down":
        one.close()
    one.behaviour = behaviour
    done = office.append("--json")
    assert (done.code, done.json[0]["record"]) == (0, 1)
    assert f"the witness {one.name} could not be asked whether it has seen more" in caplog.text
    (asked,) = done.json[0]["cosigning"]["witnesses"]
    assert (asked["name"], asked["cosigned"]) == (one.name, False)
    assert (
        f"cosigned by nobody; missing: {one.name} ({asked['problem']}); the quorum is not met; "
        "run `creditledger cosign` later"
    ) in done.err.splitlines()


def test_what_was_recorded_is_told_even_if_a_witness_then_proves_a_second_history(
    office: Office, one: FakeWitness, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = f"{ORIGIN}\n2\n{b64encode(bytes(32)).decode()}\n".encode()
    log = NoteSigner(ORIGIN, read_key(office.key("log"), None))
    honest = one.add_checkpoint

    def answer(body: bytes) -> tuple[int, str, bytes]:
        if b"\n2\n" not in body:
            return honest(body)
        one.seen[ORIGIN] = 2, bytes(32), sign_note(other, log)
        return 422, "text/plain", b"another root"

    monkeypatch.setattr(one, "add_checkpoint", answer)
    done = office.append("--json")
    assert done.code == 3
    assert done.json[0]["record"] == 1
    assert "recorded and signed, but" in done.err
    assert "two histories" in done.err
    assert other.decode() in done.err
    assert office.append().code == 3, "and from then on it does not even open"


def test_who_cosigned_is_said_in_a_line_and_in_json(run: Program, tmp_path: Path, one: FakeWitness) -> None:
    with witnesses("witness.example/w2") as (two,):
        policy = policy_of(one, two).to_text().replace(" all ", " any ")
        (tmp_path / "policy").write_text(policy)
        office = Office(run, tmp_path, "--witnesses", tmp_path / "policy")
        done = office.append("--json")
        assert f"cosigned by {one.name}, {two.name}: the quorum is met" in done.err.splitlines()
        assert done.json[0]["cosigning"]["quorum"] is True
        assert [(line["name"], line["cosigned"]) for line in done.json[0]["cosigning"]["witnesses"]] == [
            (one.name, True), (two.name, True)
        ]  # fmt: skip
    one.behaviour = "garbage"
    two.close()
    done = office.append()
    assert done.err.count("cosigned by") == 1
    assert "cosigned by nobody; missing: " in done.err
    one.behaviour = "honest"
    done = office.append()
    assert f"cosigned by {one.name}: the quorum is met; missing: {two.name} (" in done.err
    assert "`creditledger cosign` later" not in done.err
    without = Office(run, tmp_path / "alone").append("--json")
    assert (without.json[0]["cosigning"], without.err) == (None, "")


def test_an_erasure_is_cosigned_and_takes_several_log_keys(
    bench: Bench, one: FakeWitness, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = in_process(bench, capfd, monkeypatch)
    list_somebody(here)
    (bench.ledger / "witnesses.policy").write_text(policy_of(one).to_text())
    assert bench.run("keygen", bench.key("log-pq"), "--type", "ml-dsa-44", "--no-passphrase").code == 0
    keys = ("--log-key", bench.key("log"), "--pq-key", bench.key("log-pq"), "--yes", "--json")
    done = erase(here, *keys)
    assert done.code == 0, done.err
    assert f"cosigned by {one.name}: the quorum is met" in done.err
    found = done.json["cosigning"]
    assert (found["size"], found["quorum"]) == (done.json["record"] + 1, True)
    with Ledger.open(bench.ledger) as ledger:
        # The log's own, its post-quantum one, and the witness's.
        assert ledger.checkpoint.count("\n— ".encode()) == 3
    monkeypatch.setattr(one, "behaviour", "unavailable")
    list_somebody(here, "handle:" + "5f" * 32)
    done = erase(here, "--yes", "--json", handle="handle:" + "5f" * 32)
    assert (done.code, done.json["cosigning"]["quorum"]) == (0, False)
    assert "run `creditledger cosign` later" in done.err


def test_two_log_keys_sign_while_one_replaces_the_other(office: Office) -> None:
    assert office.run("keygen", office.key("log-2"), "--no-passphrase").code == 0
    public = read_public_key(office.keys / "log-2.key.pub")
    draft = office.ledger.parent / "key.json"
    act = {"type": "key.add/1", "authority": "root", "key": public.hex(), "role": "log", "until": None}
    draft.write_text(json.dumps({"authority": "root", "acts": [act]}))
    given = ("append", office.ledger, draft, "--key", office.key("root-1"), "--yes", "--log-key", office.key("log"))
    assert office.run(*given).code == 0
    assert office.append(log_keys=("log", "log-2")).code == 0
    with Ledger.open(office.ledger) as ledger:
        verifiers = [NoteSigner(ORIGIN, read_key(office.key(name), None)).verifier for name in ("log", "log-2")]
        assert len(open_note(ledger.checkpoint, verifiers).signatures) == 2
    done = office.cosign("--log-key", office.key("log-2"), "--json")
    assert [line["name"] for line in done.json["signatures"]].count(ORIGIN) == 2


def test_a_pipe_in_the_place_of_the_policy_or_the_label_hangs_nothing(office: Office) -> None:
    import os

    policy = office.ledger / "witnesses.policy"
    policy.unlink()
    os.mkfifo(policy)
    done = office.append()
    assert (done.code, "no regular file" in done.err) == (1, True)
    policy.unlink()
    label = office.ledger / "ledger.toml"
    label.unlink()
    os.mkfifo(label)
    for command in (("log", office.ledger), ("doctor", office.ledger), ("cosign", office.ledger, "--log-key", "x")):
        assert run_command([*map(str, command)]) != 0
