"""`publish`, `mirror`, and what is done with their result: verified at its URL, followed, restored from."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli.bench import Bench, fingerprint
from cli.in_process import in_process
from cli.test_erase import list_somebody
from creditledger.store.lock import WriterLock
from publish.histories import forked, history, stored
from support.witness import policy_of, witnesses
from web.servers import serving


@pytest.fixture
def desk(demo: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Bench:
    """The demonstration ledger, to be read, with commands that run in this process."""
    return in_process(demo, capsys, monkeypatch)


def test_from_a_ledger_to_a_ledger_by_way_of_a_web_server(desk: Bench, tmp_path: Path) -> None:
    before = fingerprint(desk.ledger / "log")
    out, copy, cache = tmp_path / "out", tmp_path / "copy", tmp_path / "cache"
    tried = desk.run("publish", desk.ledger, out, "--dry-run", "--json")
    assert (tried.code, out.exists()) == (0, False)
    done = desk.run("publish", desk.ledger, out, "--json")
    assert done.json == tried.json | {"dry_run": False}
    size, root = done.json["size"], done.json["root"]
    assert re.search(r"up to date", desk.run("publish", desk.ledger, out).err)
    assert fingerprint(desk.ledger / "log") == before
    with serving(out) as server:
        report = desk.run("verify", server.url, "--trust", desk.trust, "--cache", cache, "--json")
        assert (report.code, report.json["verdict"], report.json["root"]) == (0, "INTACT", root), report
        mirrored = desk.run("mirror", server.url, copy, "--trust", desk.trust)
        assert (mirrored.code, mirrored.out) == (0, f"{size} records, root {root}\n"), mirrored
        assert "fetched and verified" in mirrored.err
    assert desk.run("mirror", out, copy, "--trust", desk.trust, "--json").json["fetched"] == 0
    shown = desk.run("verify", copy, "--trust", desk.trust)
    assert shown.code == 0
    assert "NOT CHECKED: derived state (a published log has none)" in shown.out
    restored = desk.run("restore", copy, tmp_path / "restored", "--trust", desk.trust, "--json")
    assert (restored.code, restored.json["root"]) == (0, root), restored
    assert desk.run("verify", tmp_path / "restored", "--trust", desk.trust).code == 0


def test_reading_the_ledger_is_enough(bench: Bench, tmp_path: Path) -> None:
    """Whoever publishes need not be able to write to the ledger, nor to read its private content."""
    for path in [bench.ledger, *bench.ledger.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    for path in (bench.ledger / "private", bench.ledger.parent):
        path.chmod(0)
    bench.ledger.parent.chmod(0o555)
    done = bench.run("publish", bench.ledger, tmp_path / "out", mortal=True)
    assert done.code == 0, done
    assert bench.run("verify", tmp_path / "out", "--trust", bench.trust).code == 0
    for path in [bench.ledger.parent, bench.ledger / "private", bench.ledger, *bench.ledger.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)


def test_what_does_not_go(desk: Bench, tmp_path: Path) -> None:
    out = tmp_path / "out"
    desk.run("publish", desk.ledger, out)
    for code, words, arguments in (
        (2, "is a ledger's directory", ("publish", desk.ledger, desk.ledger)),
        (10, "there is no ledger", ("publish", tmp_path / "none", out)),
        (10, "no published log", ("verify", _empty(tmp_path), "--trust", desk.trust)),
        (2, "published log", ("verify", desk.ledger, "--trust", desk.trust, "--cache", tmp_path / "cache")),
        (2, "not an address to fetch from", ("verify", "https://a@b/", "--trust", desk.trust)),
        (2, "not an address to fetch from", ("mirror", "ftp://b/", tmp_path / "copy", "--trust", desk.trust)),
        (2, "--every", ("publish", desk.ledger, out, "--every", "0s")),
        (2, "--every", ("publish", desk.ledger, out, "--every", "1s", "--dry-run")),
        (10, "there is no ledger", ("publish", tmp_path / "none", out, "--every", "1s")),
        (2, "--every", ("mirror", out, tmp_path / "copy", "--trust", desk.trust, "--every", "often")),
        (2, "neither a directory", ("mirror", tmp_path / "none", tmp_path / "copy", "--trust", desk.trust)),
        (2, "is a ledger's directory", ("mirror", out, desk.ledger, "--trust", desk.trust)),
    ):
        done = desk.run(*arguments)
        assert (done.code, words in done.err) == (code, True), (arguments, done)
    next(out.glob("tile/0/*.p/*")).write_bytes(b"")
    done = desk.run("verify", out, "--trust", desk.trust)
    assert (done.code, "LED-STRUCT" in done.out) == (3, True), done
    next(out.glob("tile/entries/*.p/*")).unlink()
    done = desk.run("verify", out, "--trust", desk.trust)
    assert (done.code, "is not there" in done.err) == (4, True), done


def test_records_that_wait_for_witnesses_are_told(
    bench: Bench, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, out = in_process(bench, capfd, monkeypatch), tmp_path / "out"
    with witnesses("witness.example/w1") as (one,):
        (bench.ledger / "witnesses.policy").write_text(policy_of(one).to_text())
        assert here.run("cosign", bench.ledger, "--log-key", bench.key("log")).code == 0
        first = here.run("publish", bench.ledger, out, "--json").json
        assert first["waiting"] == 0
        assert "is up to date." in here.run("publish", bench.ledger, out).err
        one.behaviour = "garbage"
        list_somebody(here)
        told = here.run("publish", bench.ledger, out)
        assert (told.code, "up to date" in told.err) == (0, False), told
        assert f"record {first['size']} waits for the witnesses' cosignatures" in told.err
        assert f"`creditledger cosign {bench.ledger} --log-key KEY`" in told.err
        assert here.run("publish", bench.ledger, out, "--json").json["waiting"] == 1
        one.behaviour = "honest"
        assert here.run("cosign", bench.ledger, "--log-key", bench.key("log")).code == 0
        assert here.run("publish", bench.ledger, out, "--json").json["waiting"] == 0


def test_evidence_of_two_histories_is_written_for_others(desk: Bench, tmp_path: Path) -> None:
    trust = tmp_path / "trust"
    trust.write_text(history().trust.to_text())
    out, fork, copy = tmp_path / "out", tmp_path / "fork", tmp_path / "copy"
    assert desk.run("publish", stored(tmp_path / "ledger", 300), out).code == 0
    assert desk.run("publish", stored(tmp_path / "other", 310, forked(280)), fork).code == 0
    assert desk.run("mirror", out, copy, "--trust", trust).code == 0
    done = desk.run("mirror", fork, copy, "--trust", trust)
    assert (done.code, "two histories" in done.err) == (3, True), done
    found = re.search(r"creditledger verify (\S+) --trust FILE", done.err)
    assert found is not None, done
    checked = desk.run("verify", found[1], "--trust", trust)
    assert (checked.code, "LED-FORK" in checked.out + checked.err) == (3, True), checked


def _empty(place: Path) -> Path:
    """A directory of tiles without a checkpoint: what a first `publish` that was killed leaves."""
    (place / "begun" / "tile").mkdir(parents=True)
    return place / "begun"


def test_a_mirror_follows_until_it_is_interrupted(demo: Bench, tmp_path: Path) -> None:
    out, copy = tmp_path / "out", tmp_path / "copy"
    assert demo.run("publish", demo.ledger, out).code == 0
    with serving(out) as server:
        arguments = ("mirror", server.url, str(copy), "--trust", str(demo.trust), "--every", "1s", "--json")
        command = [sys.executable, "-m", "creditledger", *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, env=demo.run.environment())
        due = time.monotonic() + 60
        while server.asked["/checkpoint"] < 2 and time.monotonic() < due:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        told, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert told.count(b'"behind":false') >= 1
    assert demo.run("verify", copy, "--trust", demo.trust).code == 0


def test_it_publishes_regularly_what_others_append_and_no_passing_trouble_ends_it(
    bench: Bench, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    here = in_process(bench, capfd, monkeypatch)
    with publishing(bench, out, signal.SIGTERM) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = json.loads(process.stdout.readline())
        with WriterLock(out / ".lock"):
            assert "note: " in process.stderr.readline()
            list_somebody(here)  # The ledger is not kept open from round to round.
        second = json.loads(process.stdout.readline())
        assert (second["before"], second["size"]) == (first["size"], first["size"] + 1)
        with witnesses("witness.example/w1") as (one,):
            (bench.ledger / "witnesses.policy").write_text(policy_of(one).to_text())
            while "no checkpoint of the ledger meets its witness policy" not in process.stderr.readline():
                pass
            cosigned = bench.run("cosign", bench.ledger, "--log-key", bench.key("log"))
            assert cosigned.code == 0, cosigned
        while b"witness.example/w1" not in (out / "checkpoint").read_bytes():
            time.sleep(0.05)
    assert bench.run("verify", out, "--trust", bench.trust).code == 0


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_publishing_regularly_ends_with_0_when_it_is_told_to(demo: Bench, tmp_path: Path, how: signal.Signals) -> None:
    with publishing(demo, tmp_path / "out", how) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["before"] == 0


@contextmanager
def publishing(bench: Bench, out: Path, how: signal.Signals) -> Iterator[subprocess.Popen[str]]:
    """The program that publishes every second; in the end it is told to end, and does so with 0."""
    with subprocess.Popen(
        [sys.executable, "-m", "creditledger", "publish", bench.ledger, out, "--every", "1s", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=bench.run.environment(), text=True,
    ) as process:  # fmt: skip
        try:
            yield process
            process.send_signal(how)
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, "Traceback" in said) == (0, False), said
