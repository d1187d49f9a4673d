"""`creditledger witness` as a service: real processes, real sockets, clients that race, and kill -9."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from cli.program import Program
from creditledger.audit.trust import Trust
from creditledger.keys.keyfile import write_key
from creditledger.tlog.add_checkpoint import MAX_REQUEST_BYTES
from creditledger.tlog.note import open_note
from creditledger.tlog.policy import Policy
from creditledger.web.http import get
from creditledger.witness.asking import ask
from witness.racer import branch, race
from witness.toylog import MLDSA_SEED, NAME, ORIGIN, SEED, ToyLog, bench

LOG = ToyLog()
TESTS = Path(__file__).parents[1]
HASH = sha256(ORIGIN.encode()).hexdigest()


class Service(NamedTuple):
    """A running witness: its process, its URL, and what it said of itself."""

    process: subprocess.Popen[str]
    url: str
    told: Any


class House:
    """A directory with the keys of a witness, its memory, and the program."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.run = Program(place / "home")
        write_key(place / "w.key", SEED, None)
        write_key(place / "pq.key", MLDSA_SEED, None, kind="ml-dsa-44")
        trust = Trust(ORIGIN, bytes(32), (LOG.signer.verifier.vkey, LOG.mldsa_signer.verifier.vkey))
        (place / "log.trust").write_text(trust.to_text())

    def arguments(self, *more: object) -> list[str]:
        fixed = ["witness", self.place / "memory", "--name", NAME, "--key", self.place / "w.key"]
        return [str(one) for one in (*fixed, "--listen", "127.0.0.1:0", "--json", *more)]

    @contextmanager
    def service(self, *more: object) -> Iterator[Service]:
        """The witness, until the block ends; it must then be stopped, or is."""
        command = [sys.executable, "-m", "creditledger", *self.arguments("--trust", self.place / "log.trust", *more)]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=self.run.environment()) as process:
            assert process.stdout is not None
            text = ""
            while not text.endswith("}\n") and (line := process.stdout.readline()):
                text += line
            assert text, process.stderr.read() if process.stderr else ""
            told = json.loads(text)
            try:
                yield Service(process, told["listen"], told)
            finally:
                if process.poll() is None:
                    process.kill()


@pytest.fixture
def house(tmp_path: Path) -> House:
    """The keys of a witness that has not cosigned yet."""
    return House(tmp_path)


def request(url: str, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, Any, bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    try:
        connection.request(method, path, body, headers)
        with connection.getresponse() as found:
            return found.status, found.headers, found.read()
    finally:
        connection.close()


def raw(url: str, data: bytes) -> bytes:
    """The first line of the answer to these bytes."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as connection:
        connection.sendall(data)
        with connection.makefile("rb") as answer:
            return answer.readline()


def test_a_log_is_witnessed_from_end_to_end(house: House) -> None:
    with house.service("--new", "--pq-key", house.place / "pq.key") as service:
        policy = Policy.from_bytes("\n".join([*service.told["policy"], "quorum none", ""]).encode())
        assert [one.vkey for one in policy.witnesses] == service.told["vkeys"]
        for size in (3, 8):
            found = ask(
                policy.witnesses, LOG.checkpoint(size), log_verifiers=LOG.verifiers, prove=LOG.prove, known={},
                timeout=20,
            )  # fmt: skip
            assert [(one.problem, len(one.signatures)) for one in found] == [("", 1), ("", 1)]
        shown = get(f"{service.url}/{HASH}/checkpoint", 65_536)
        own = [one.verifier() for one in policy.witnesses]
        assert len(open_note(shown.body, [*LOG.verifiers, *own]).signatures) == 3
        table = house.run("witness", house.place / "memory", "--show")
        assert (table.code, table.out.splitlines()[1].split("\t")[:2]) == (0, [ORIGIN, "8"])
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(20) == 0
        assert service.process.stderr is not None
        entries = [json.loads(line) for line in service.process.stderr.read().splitlines()]
    assert [(one["what"], one["status"]) for one in entries] == [
        ("add-checkpoint", 200), ("add-checkpoint", 409), ("add-checkpoint", 200), ("checkpoint", 200),
    ]  # fmt: skip
    assert "127.0.0.1" not in str(entries)
    found_at_end = house.run("witness", house.place / "memory", "--show", "--json").json
    assert (found_at_end["cosigned"], found_at_end["logs"][0]["size"]) == (2, 8)
    assert found_at_end["logs"][0]["checkpoint"].encode() == shown.body


def test_the_ways_of_http(house: House) -> None:
    good = LOG.request(0, 3)
    with house.service("--new", "--prefix", "/w1") as service:
        url, add = service.url.removesuffix("/w1"), "/w1/add-checkpoint"
        assert request(url, "GET", "/w1/healthz")[::2] == (200, b"ok\n")
        for method, path, allowed in [
            ("GET", add, "POST"), ("PUT", add, "POST"), ("HEAD", add, "POST"), ("DELETE", "/w1/healthz", "GET, HEAD"),
            ("POST", f"/w1/{HASH}/checkpoint", "GET, HEAD"), ("GET", "/w1/sign-subtree", "POST"),
        ]:  # fmt: skip
            status, headers, _ = request(url, method, path, b"" if method in ("POST", "PUT") else None)
            assert (status, headers["Allow"]) == (405, allowed)
        for path in (
            "/", "/w1", "/w1/", "/add-checkpoint", "/w1/add-checkpoint/", "/w1/add-checkpointx", "/w1//add-checkpoint",
            f"/w1/{HASH.upper()}/checkpoint", f"/w1/{HASH[1:]}/checkpoint", f"/w1/{HASH}/checkpoint/", "/w1/../etc",
        ):  # fmt: skip
            assert request(url, "POST", path, good)[0] == 404
        assert request(url, "GET", f"/w1/{HASH}/checkpoint")[0] == 404  # Nothing is cosigned yet.
        assert raw(url, f"POST {add} HTTP/1.1\r\nHost: x\r\n\r\n".encode()).split()[1] == b"411"
        for length in (MAX_REQUEST_BYTES + 1, 10**12, 10**30):
            announced = f"POST {add} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode()
            assert raw(url, announced).split()[1] == b"413"
        assert raw(url, f"POST {add} HTTP/1.1\r\nX: {'y' * 20_000}\r\n\r\n".encode()).split()[1] == b"431"
        assert request(url, "POST", add, b"")[0] == 400
        status, headers, body = request(url, "POST", add, LOG.request(2, 3))
        assert (status, headers["Content-Type"], body) == (409, "text/x.tlog.size", b"0\n")
        chunks = f"POST {add} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{len(good):x}\r\n".encode()
        assert raw(url, chunks + good + b"\r\n0\r\n\r\n").split()[1] == b"200"
        status, headers, body = request(url, "HEAD", f"/w1/{HASH}/checkpoint")
        assert (status, body, int(headers["Content-Length"]) > 100) == (200, b"", True)
        service.process.send_signal(signal.SIGINT)
        assert service.process.wait(20) == 0


def test_clients_that_race_get_one_history(house: House) -> None:
    """Two processes and two threads press two histories on it; what is cosigned is one, and never goes back."""
    with house.service("--new") as service:
        environment = os.environ | {"PYTHONPATH": f"{TESTS}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
        processes = [
            subprocess.Popen(
                [sys.executable, "-m", "witness.racer", service.url, name, "60"],
                stdout=subprocess.PIPE, text=True, env=environment,
            )
            for name in ("a", "b")
        ]  # fmt: skip
        found: dict[str, list[tuple[int, bytes]]] = {"a": [], "b": []}
        threads = [
            threading.Thread(target=lambda name=name: found[name].extend(race(service.url, branch(name), 60)))
            for name in found
        ]
        for thread in threads:
            thread.start()
        printed = [process.communicate()[0] for process in processes]
        for thread in threads:
            thread.join()
        shown = get(f"{service.url}/{HASH}/checkpoint", 65_536).body
    assert [process.returncode for process in processes] == [0, 0]
    told = [(int(line.split()[0]), bytes.fromhex(line.split()[1])) for text in printed for line in text.splitlines()]
    heads = sorted(told + found["a"] + found["b"])
    assert heads[-1][0] >= 60
    # Every step was granted to one client alone, and all steps lie on the history of the last one.
    assert len({size for size, _ in heads}) == len(heads)
    (winner,) = [branch(name) for name in ("a", "b") if branch(name).root(0, heads[-1][0]) == heads[-1][1]]
    assert all(winner.root(0, size) == root for size, root in heads)
    assert shown.startswith(winner.head(heads[-1][0]).to_bytes())


def test_a_service_that_is_killed_remembers_and_a_second_one_is_locked_out(house: House) -> None:
    with house.service("--new") as service:
        assert request(service.url, "POST", "/add-checkpoint", LOG.request(0, 5))[0] == 200
        second = house.run(*house.arguments("--trust", house.place / "log.trust"))
        assert (second.code, second.json["error"]) == (11, "Locked")
        service.process.kill()
        service.process.wait()
    with house.service() as service:
        assert request(service.url, "POST", "/add-checkpoint", LOG.request(0, 9))[::2] == (409, b"5\n")
        assert request(service.url, "POST", "/add-checkpoint", LOG.request(5, 9))[0] == 200
    anew = house.run(*house.arguments("--trust", house.place / "log.trust", "--new"))
    assert anew.code == 1
    assert "without --new" in anew.json["message"]


def test_of_processes_that_race_for_one_memory_one_serves(house: House) -> None:
    """Several are started at once on a memory that is there; whoever comes second is told, and answers nobody."""
    with house.service("--new") as service:
        assert request(service.url, "POST", "/add-checkpoint", LOG.request(0, 5))[0] == 200
    command = [sys.executable, "-m", "creditledger", *house.arguments("--trust", house.place / "log.trust")]
    pipe = subprocess.PIPE
    racers = [subprocess.Popen(command, stdout=pipe, stderr=pipe, env=house.run.environment()) for _ in range(4)]
    try:
        while len([one for one in racers if one.poll() is None]) > 1:
            assert not threading.Event().wait(0.05)
        (winner,) = [one for one in racers if one.poll() is None]
        losers = [one for one in racers if one is not winner]
        assert [one.returncode for one in losers] == [11] * 3
        assert all(json.loads(one.communicate()[0])["error"] == "Locked" for one in losers)
        assert winner.stdout is not None
        lines = iter(winner.stdout.readline, b"}\n")
        url = json.loads(b"".join([*lines, b"}"]))["listen"]
        assert request(url, "POST", "/add-checkpoint", LOG.request(5, 9))[0] == 200
    finally:
        for one in racers:
            one.kill()
            one.communicate()


def test_a_log_key_is_replaced_while_the_witness_remembers(house: House) -> None:
    """By its trust files it knows the old key, then both, then the new one; the history it holds to is one."""
    old, new = LOG.signer, LOG.newer_signer

    def answered(previous: int, size: int, by: Any, log: ToyLog = LOG) -> int:
        status: int = request(service.url, "POST", "/add-checkpoint", log.request(previous, size, by))[0]
        return status

    def named(*several: Any) -> None:
        trust = Trust(ORIGIN, bytes(32), tuple(one.verifier.vkey for one in several))
        (house.place / "log.trust").write_text(trust.to_text())

    named(old)
    with house.service("--new") as service:
        assert answered(0, 3, old) == 200
        assert answered(3, 5, new) == 403, "it has not heard of that key"
    named(old, new)
    with house.service() as service:
        assert answered(3, 5, new) == 200
        assert answered(5, 6, old) == 200
    named(new)
    with house.service() as service:
        assert answered(6, 8, old) == 403, "it is no longer a key of this log"
        assert answered(0, 8, new) == 409, "nothing is forgotten with the key"
        assert answered(6, 8, new, ToyLog(branch="other", split=2)) == 422
        assert answered(6, 8, new) == 200


@pytest.mark.parametrize(("moment", "size"), [("before", 5), ("after", 8)])
def test_kill_9_before_and_after_the_store_and_before_the_answer(tmp_path: Path, moment: str, size: int) -> None:
    with bench(tmp_path) as witness:
        witness.add(LOG.request(0, 5))
    environment = os.environ | {"PYTHONPATH": f"{TESTS}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    command = [sys.executable, "-m", "witness.dies", str(tmp_path), moment, "5", "8"]
    done = subprocess.run(command, capture_output=True, env=environment)
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, b"")
    with bench(tmp_path, create=False) as witness:
        assert witness.size_of(LOG) == size
        liar = ToyLog(branch="other", split=5)
        assert witness.add(liar.request(size, 9)).status == (200 if size == 5 else 422)
        if size == 8:  # The client, who got no answer, asks again and is given what it asked for.
            assert witness.add(LOG.request(5, 8)).body == b"8\n"
            assert witness.add(LOG.request(8, 8)).status == 200


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ([], "no log to witness"),
        (["--log", "nonsense"], "verifier key"),
        (["--log", LOG.signer.verifier.vkey + "x"], "base64"),
        (["--log", LOG.signer.verifier.vkey, "--listen", "nowhere"], "--listen"),
        (["--log", LOG.signer.verifier.vkey, "--listen", "127.0.0.1:99999"], "--listen"),
        (["--log", LOG.signer.verifier.vkey, "--prefix", "w1"], "--prefix"),
        (["--log", LOG.signer.verifier.vkey], "--new"),
        (["--log", LOG.signer.verifier.vkey, "--key", "absent.key"], "does not exist"),
        (["--log", LOG.signer.verifier.vkey, "--pq-key", "w.key"], "ML-DSA-44"),
        (["--trust", "absent.trust"], "absent.trust"),
        (["--log", LOG.signer.verifier.vkey, "--new", "--name", "with spaces"], "with spaces"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_is_wrong_is_said(
    house: House, more: list[str], word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from creditledger import cli

    monkeypatch.chdir(house.place)
    monkeypatch.setenv("XDG_STATE_HOME", str(house.place / "home"))
    assert cli.run(house.arguments(*more)) in (1, 2, 10)
    assert word in json.loads(capsys.readouterr().out)["message"]
    assert not (house.place / "memory").exists()


def test_a_key_may_be_given_for_another_origin(house: House) -> None:
    log = ToyLog()
    log.origin = "a log=with spaces"
    named = [item for one in (log.signer, log.mldsa_signer) for item in ("--log", f"{one.verifier.vkey}={log.origin}")]
    with house.service("--new", *named) as service:
        assert service.told["logs"] == sorted([log.origin, ORIGIN])
        for old, size, signer in ((0, 3, log.signer), (3, 4, log.mldsa_signer)):
            assert request(service.url, "POST", "/add-checkpoint", log.request(old, size, signer))[0] == 200


def test_without_waitress_it_says_what_to_install(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from creditledger import cli

    monkeypatch.setitem(sys.modules, "waitress", None)
    assert cli.run(house.arguments("--trust", house.place / "log.trust")) == 2
    assert "pip install 'creditledger[server]'" in json.loads(capsys.readouterr().out)["message"]


def test_a_key_that_has_cosigned_keeps_its_name(house: House) -> None:
    trust = ("--trust", house.place / "log.trust")
    with house.service("--new") as service:
        assert request(service.url, "POST", "/add-checkpoint", LOG.request(0, 5))[0] == 200
        second = house.run(*house.arguments(*trust))
        assert (second.code, "this witness runs already" in second.json["message"]) == (11, True), second
    renamed = house.run(*house.arguments(*trust), "--name", "another.example.org")
    assert (renamed.code, f"start it with --name {NAME}" in renamed.json["message"]) == (2, True), renamed


def test_a_witness_that_cannot_listen_makes_no_memory(house: House) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        done = house.run(*house.arguments("--trust", house.place / "log.trust", "--new"), "--listen", place)
    assert (done.code, "Address already in use" in done.json["message"]) == (1, True), done
    assert "Errno" not in done.json["message"]
    assert not (house.place / "memory").exists()


def test_a_memory_that_was_moved_without_its_mark_is_warned_of(house: House) -> None:
    with house.service("--new") as service:
        assert request(service.url, "POST", "/add-checkpoint", LOG.request(0, 5))[0] == 200
    shutil.rmtree(house.run.home)
    with house.service() as service:
        service.process.terminate()
        _, told = service.process.communicate(timeout=30)
        assert "no record of the key of this witness" in told
