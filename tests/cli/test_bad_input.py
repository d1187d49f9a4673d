"""Bad input of every kind, to every command that takes it: a sentence, the right exit code, never a traceback.

The exit codes are those of the specification (format v1, section 13.3): 1 input or disk, 2 wrong call, 3 evidence,
4 a check could not run, 10 no ledger, 11 locked, 12 passphrase, 13 version, 14 refused by a rule.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.conftest import SEED, Bench
from cli.program import Program, Result
from cli.test_tamper import fingerprint
from creditledger.acts.catalogue import ListingAdd
from creditledger.acts.kinds import Subject
from creditledger.client.submission import Submission
from creditledger.demo import generated
from creditledger.ledger.ledger import Ledger, system_clock
from creditledger.record.entry import Cosigner, Entry, encode_entry
from creditledger.store.lock import WriterLock

GIANT = 1 << 30
HOUR = 3_600_000_000
MEMORY = 300 << 20
"""Bytes that no run may ever have had in memory: far less than the giant files, more than the libraries need."""

FIRM = "uscc:91110000600037341L"
LIST = "judgment-defaulters"


def sparse(path: Path, begin: bytes = b"", size: int = GIANT) -> None:
    """A file of one line of so many bytes that takes no room: what is not written reads as zeros."""
    path.write_bytes(begin)
    os.truncate(path, size)


class Pit:
    """A ledger in a directory full of bad files, which are named for what is bad about them."""

    def __init__(self, place: Path, bench: Bench) -> None:
        self.place = place
        self.bench = bench
        self.run: Program = bench.run
        self._files()
        self._keys()
        self._ledgers()
        self._submissions()

    def __getitem__(self, name: str) -> Path:
        return self.place / name

    def _files(self) -> None:
        self["empty"].touch()
        self["binary"].write_bytes(bytes(range(256)) * 16)
        self["text"].write_text("This is not what you are looking for.\n")
        self["directory"].mkdir()
        self["deep.json"].write_text("[" * 100_000)
        self["truncated.json"].write_text('{"authority": "district-court-1", "acts": [{"type": "listing.ad')
        self["list.json"].write_text("[1, 2, 3]")
        self["number.json"].write_text("-1e999")
        self["unknown.json"].write_text('{"authority": "district-court-1", "acts": [{"type": "listing.add/9"}]}')
        sparse(self["giant"])
        sparse(self["giant.json"], b'{"authority": "district-court-1", "acts": [{"type": "')
        sparse(self["giant.csv"], b"subject\nuscc:")
        sparse(self["giant.export"], b"creditledger/export/v1\nR\x00\x00\x01")
        self["nohead.csv"].write_text("name,number\nx,1\n")
        self["bad.csv"].write_text(f"subject\n{FIRM}\nuscc:91110000600037341X\n")
        self["latin.csv"].write_bytes(b"subject\nhost:caf\xe9.example\n")
        self["v9.trust"].write_text('format = "creditledger/trust/v9"\n')
        self["short.trust"].write_text(self.bench.trust.read_text()[:60])
        self["other.trust"].write_text(self.bench.trust.read_text().replace("/1-300", "/1-301"))
        done = self.run("export", self.bench.ledger, self["whole.export"])
        assert done.code == 0, done.err
        whole = self["whole.export"].read_bytes()
        self["truncated.export"].write_bytes(whole[: len(whole) // 2])
        self["flipped.export"].write_bytes(whole[:5000] + bytes((whole[5000] ^ 1,)) + whole[5001:])
        self["v9.export"].write_bytes(b"creditledger/export/v9\n" + whole[23:])

    def _keys(self) -> None:
        def key(name: str, data: bytes, mode: int = 0o600) -> None:
            self[name].touch(mode)
            self[name].write_bytes(data)

        log = self.bench.key("log").read_bytes()
        key("open.key", log)
        self["open.key"].chmod(0o644)
        key("empty.key", b"")
        key("truncated.key", log[: len(log) // 2])
        key("binary.key", bytes(range(256)))
        key("wrong.passphrase", b"not the passphrase\n")
        key("empty.passphrase", b"")
        key("giant.key", b"-----BEGIN PRIVATE KEY-----\n")
        os.truncate(self["giant.key"], GIANT)

    def _ledgers(self) -> None:
        def description(name: str, data: bytes) -> None:
            self[name].mkdir()
            self[name].joinpath("ledger.toml").write_bytes(data)

        good = self.bench.ledger.joinpath("ledger.toml").read_bytes()
        description("v9", good.replace(b"creditledger/v1", b"creditledger/v9"))
        description("engine9", good.replace(b'"lmdb"', b'"oracle"'))
        description("untyped", b"")
        description("mangled", good[:80])
        description("binary-toml", bytes(range(256)))
        description("hollow", good)
        description("giant-toml", good)
        os.truncate(self["giant-toml"] / "ledger.toml", GIANT)
        shutil.copytree(self.bench.ledger, self["no-log"])
        shutil.rmtree(self["no-log"] / "log")
        shutil.copytree(self.bench.ledger, self["garbage-log"])
        self["garbage-log"].joinpath("log", "data.mdb").write_bytes(bytes(range(256)) * 400)

    def _submissions(self) -> None:
        with Ledger.open(self.bench.ledger) as ledger:
            ledger_id = ledger.ledger_id
            court = generated.signer(SEED, "district-court-1")
            head = ledger.key_head(court.public_key)
        assert head is not None
        act = ListingAdd(LIST, Subject.parse(FIRM), "able-but-refuses", "2024-01-02", "2024-01-02")
        entry = Entry(
            ledger_id, "district-court-1", court.public_key, head.next_seq, head.prev, (),
            system_clock() + 1000 * HOUR, None, (act,),
        )  # fmt: skip

        def write(name: str, changed: Entry) -> bytes:
            data = encode_entry(changed)
            Submission.make(data, court.sign(data)).write(self[name])
            return self[name].read_bytes()

        whole = write("good.signed", entry)
        self["truncated.signed"].write_bytes(whole[:-10])
        self["flipped.signed"].write_bytes(whole[:-10] + bytes((whole[-10] ^ 1,)) + whole[-9:])
        self["trailing.signed"].write_bytes(whole + b"\0")
        self["v9.signed"].write_bytes(whole.replace(b"submission/v1", b"submission/v9"))
        write("expired.signed", entry._replace(not_after=1_700_000_000_000_000))
        write("elsewhere.signed", entry._replace(ledger_id=bytes(31) + b"\1"))
        write("early.signed", entry._replace(author_seq=head.next_seq + 5))
        write("impostor.signed", entry._replace(authority="district-court-2"))
        write("unlawful.signed", entry._replace(acts=(act._replace(ground="no-such-ground"),)))
        other = generated.signer(SEED, "ombudsman")
        write("incomplete.signed", entry._replace(cosigners=(Cosigner("ombudsman", other.public_key),)))


@pytest.fixture(scope="module")
def pit(demo: Bench, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pit]:
    """The bad files, and a copy of the demonstration that must be the same in the end."""
    place = tmp_path_factory.mktemp("pit")
    shutil.copytree(demo.ledger.parent, place / "good")
    good = place / "good"
    bench = Bench(good / "registry", good / "keys", good / "ledger.trust", demo.story, Program(good / "home"))
    before = fingerprint(bench.ledger / "log") | fingerprint(bench.ledger / "private")
    yield Pit(place, bench)
    assert fingerprint(bench.ledger / "log") | fingerprint(bench.ledger / "private") == before
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 < MEMORY, "something was read into memory"


def check(done: Result, code: int) -> None:
    """A sentence and the code; nothing on standard output, no traceback, no word of a bug."""
    assert "Traceback" not in done.err + done.out
    assert "internal error" not in done.err + done.out
    assert done.code == code, done
    assert done.err.startswith("error: "), done
    assert len(done.err.strip()) > 20
    assert len(done.err) < 3000


# -- directories that are no ledger, or not one of this version -------------------------------------------------------

DIRECTORIES = {
    "missing": 10, "directory": 10, "text": 10, "hollow": 10, "no-log": 10, "v9": 13, "engine9": 13, "untyped": 13,
    "mangled": 1, "binary-toml": 1, "giant-toml": 1, "garbage-log": 1,
}  # fmt: skip
ON_LEDGERS: dict[str, Callable[[Pit, Path], list[object]]] = {
    "lookup": lambda pit, path: ["lookup", path, FIRM, LIST],
    "show": lambda pit, path: ["show", path, 1],
    "replay": lambda pit, path: ["replay", path],
    "tamper": lambda pit, path: ["tamper", path, pit["copy"], "--record", 1],
    "append": lambda pit, path: ["append", path, pit["good.signed"], "--log-key", pit.bench.key("log")],
    "export": lambda pit, path: ["export", path, pit["new.export"]],
}


@pytest.mark.parametrize("name", DIRECTORIES)
@pytest.mark.parametrize("command", ON_LEDGERS)
def test_directories(pit: Pit, command: str, name: str) -> None:
    check(pit.run(*ON_LEDGERS[command](pit, pit[name])), DIRECTORIES[name])
    assert not pit["copy"].exists()
    assert not pit["new.export"].exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["history", "DIR", FIRM, LIST], ["members", "DIR", LIST], ["log", "DIR"],
        ["diff", "DIR", LIST, "--from", "2023-01-01"], ["verify", "DIR", "--trust", "TRUST"],
    ],
    ids=lambda arguments: arguments[0],
)  # fmt: skip
def test_other_commands_on_no_ledger(pit: Pit, arguments: list[str]) -> None:
    given = [{"DIR": pit["directory"], "TRUST": pit.bench.trust}.get(one, one) for one in arguments]
    check(pit.run(*given), 10)


# -- drafts, signed entries, tables, trust files, exports --------------------------------------------------------------

APPENDED = {
    "empty": 1, "binary": 1, "text": 1, "directory": 2, "missing": 2, "/dev/zero": 2, "giant": 1, "giant.json": 1,
    "deep.json": 1, "truncated.json": 1, "list.json": 1, "number.json": 1, "unknown.json": 1, "truncated.signed": 1,
    "flipped.signed": 3, "trailing.signed": 1, "v9.signed": 13, "expired.signed": 14, "elsewhere.signed": 14,
    "early.signed": 14, "impostor.signed": 14, "unlawful.signed": 14, "incomplete.signed": 2,
}  # fmt: skip


@pytest.mark.parametrize("name", APPENDED)
def test_what_is_appended(pit: Pit, name: str) -> None:
    keys = ("--log-key", pit.bench.key("log"), "--key", pit.bench.key("district-court-1"))
    check(pit.run("append", pit.bench.ledger, pit[name], *keys), APPENDED[name])


SIGNED = {
    "empty": 1, "binary": 1, "missing": 2, "/dev/zero": 2, "giant": 1, "giant.json": 1, "truncated.json": 1,
    "flipped.signed": 3, "v9.signed": 13, "good.signed": 2,
}  # fmt: skip


@pytest.mark.parametrize("name", SIGNED)
def test_what_is_signed(pit: Pit, name: str) -> None:
    keys = ("--key", pit.bench.key("district-court-1"), "--ledger", pit.bench.ledger)
    check(pit.run("sign", pit[name], *keys, "--yes"), SIGNED[name])
    assert not pit[f"{name}.signed"].exists()


TABLES = {
    "empty": 1, "binary": 1, "text": 1, "directory": 2, "missing": 2, "/dev/zero": 1, "giant": 1, "giant.csv": 1,
    "nohead.csv": 1, "bad.csv": 1, "latin.csv": 1,
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_tables_to_compare_with(pit: Pit, name: str) -> None:
    check(pit.run("diff", pit.bench.ledger, LIST, "--csv", pit[name]), TABLES[name])


TRUSTS = {
    "empty": 13, "binary": 1, "text": 1, "directory": 1, "missing": 2, "giant": 1, "/dev/zero": 1, "v9.trust": 13,
    "short.trust": 1,
}  # fmt: skip


@pytest.mark.parametrize("name", TRUSTS)
def test_trust_files(pit: Pit, name: str) -> None:
    check(pit.run("verify", pit.bench.ledger, "--trust", pit[name]), TRUSTS[name])


EXPORTS = {
    "empty": 3, "binary": 3, "text": 3, "missing": 10, "giant": 3, "giant.export": 3, "truncated.export": 3,
    "flipped.export": 3, "v9.export": 13,
}  # fmt: skip


@pytest.mark.parametrize("name", EXPORTS)
@pytest.mark.parametrize("command", ["verify", "restore"])
def test_exports(pit: Pit, command: str, name: str, tmp_path: Path) -> None:
    extra = [tmp_path / "new"] if command == "restore" else ["--jobs", 1]
    done = pit.run(command, pit[name], *extra, "--trust", pit.bench.trust)
    assert "Traceback" not in done.err
    assert "internal error" not in done.err
    assert done.code == EXPORTS[name], done
    assert done.out or done.err
    assert not (tmp_path / "new" / "ledger.toml").exists()


def test_a_trust_file_of_another_ledger(pit: Pit) -> None:
    done = pit.run("verify", pit.bench.ledger, "--trust", pit["other.trust"], "--json")
    assert done.code == 3
    assert done.json["findings"]


# -- keys and passphrases ----------------------------------------------------------------------------------------------

KEYS = {
    "missing": 1, "directory": 1, "empty.key": 1, "truncated.key": 1, "binary.key": 1, "open.key": 1, "giant.key": 1,
    "/dev/zero": 1,
}  # fmt: skip


@pytest.mark.parametrize("name", KEYS)
def test_key_files(pit: Pit, name: str) -> None:
    check(pit.run("append", pit.bench.ledger, pit["good.signed"], "--log-key", pit[name]), KEYS[name])


@pytest.mark.parametrize("name", ["missing", "directory", "empty.key", "binary.key", "giant.key", "open.key"])
def test_content_keys(pit: Pit, name: str) -> None:
    log = ("--log-key", pit.bench.key("log"), "--content-key", pit[name])
    check(pit.run("append", pit.bench.ledger, pit["good.signed"], *log, "--dry-run"), 1)


@pytest.mark.parametrize("name", ["wrong.passphrase", "empty.passphrase", "missing", "/dev/zero", "giant", "open.key"])
def test_passphrases(pit: Pit, name: str) -> None:
    options = ("--log-key", pit.bench.key("locked"), "--passphrase-file", pit[name])
    check(pit.run("append", pit.bench.ledger, pit["good.signed"], *options), 12)


def test_a_passphrase_that_nobody_can_be_asked_for(pit: Pit) -> None:
    check(pit.run("append", pit.bench.ledger, pit["good.signed"], "--log-key", pit.bench.key("locked")), 12)
    options = ("--log-key", pit.bench.key("locked"), "--passphrase-fd", 77)
    check(pit.run("append", pit.bench.ledger, pit["good.signed"], *options), 12)


def test_the_right_passphrase_from_a_descriptor(pit: Pit) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"demo\n")
    os.close(writing)
    options = ("--log-key", pit.bench.key("locked"), "--passphrase-fd", reading, "--dry-run")
    done = pit.run("append", pit.bench.ledger, pit["good.signed"], *options, fds=[reading])
    os.close(reading)
    assert done.code == 0, done.err


def test_keys_that_are_not_those_needed(pit: Pit) -> None:
    draft = pit["draft.json"]
    act = {"type": "list.open/1", "list": LIST, "effective": "2023-01-01"}
    draft.write_text(json.dumps({"authority": "root", "acts": [act]}))
    log, court = pit.bench.key("log"), pit.bench.key("district-court-1")
    check(pit.run("append", pit.bench.ledger, pit["good.signed"], "--log-key", court), 3)
    check(pit.run("append", pit.bench.ledger, draft, "--log-key", log, "--key", log), 2)
    check(pit.run("append", pit.bench.ledger, draft, "--log-key", log, "--key", court), 14)
    check(pit.run("append", pit.bench.ledger, draft, "--log-key", log), 2)


# -- the place ---------------------------------------------------------------------------------------------------------


def test_a_second_writer(pit: Pit) -> None:
    with WriterLock(pit.bench.ledger / "writer.lock"):
        done = pit.run("append", pit.bench.ledger, pit["good.signed"], "--log-key", pit.bench.key("log"))
        check(done, 11)
        assert f"process {os.getpid()}" in done.err
        assert pit.run("lookup", pit.bench.ledger, FIRM, LIST).code == 0


def test_a_machine_that_never_signed(pit: Pit, tmp_path: Path) -> None:
    log = ("--log-key", pit.bench.key("log"), "--head-dir", tmp_path)
    check(pit.run("append", pit.bench.ledger, pit["good.signed"], *log), 4)


def test_an_old_copy(demo: Bench, bench: Bench, pit: Pit) -> None:
    log = ("--log-key", bench.key("log"))
    assert bench.run("append", bench.ledger, pit["good.signed"], *log).code == 0
    shutil.rmtree(bench.ledger)
    shutil.copytree(demo.ledger, bench.ledger)
    check(bench.run("append", bench.ledger, pit["good.signed"], *log), 3)


def test_a_read_only_ledger_is_read_and_not_written(bench: Bench, pit: Pit) -> None:
    paths = [bench.ledger, *bench.ledger.rglob("*")]
    for path in paths:
        path.chmod(0o500 if path.is_dir() else 0o400)
    try:
        for arguments in (["lookup", bench.ledger, FIRM, LIST], ["show", bench.ledger, 3], ["replay", bench.ledger]):
            done = bench.run(*arguments, mortal=True)
            assert (done.code, done.out != "") == (0, True), done.err
        verified = bench.run("verify", bench.ledger, "--trust", bench.trust, "--jobs", 1, mortal=True)
        assert verified.code == 0, verified
        log = ("--log-key", bench.key("log"))
        check(bench.run("append", bench.ledger, pit["good.signed"], *log, mortal=True), 1)
        check(bench.run("replay", bench.ledger, "--rebuild", mortal=True), 1)
    finally:
        for path in paths:
            path.chmod(0o700)


def test_places_that_cannot_be_written_to(pit: Pit, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    run = pit.run
    check(run("keygen", closed / "a.key", "--no-passphrase", mortal=True), 1)
    check(run("keygen", pit["text"] / "a.key", "--no-passphrase"), 1)
    check(run("keygen", pit["text"], "--no-passphrase"), 1)
    check(run("init", closed / "r", "--origin", "a.example/b", "--no-passphrase", "--keys", tmp_path, mortal=True), 1)
    check(run("init", tmp_path / "r", "--origin", "with space", "--no-passphrase"), 1)
    check(run("init", pit.bench.ledger, "--origin", "a.example/b", "--no-passphrase"), 2)
    check(run("demo", "--dir", closed / "r", "--acts", 60, mortal=True), 1)
    check(run("export", pit.bench.ledger, closed / "out", mortal=True), 1)
    check(run("export", pit.bench.ledger, pit["text"]), 2)
    check(run("draft", "list.open/1", "-o", pit["text"]), 2)
    assert pit["text"].read_text() == "This is not what you are looking for.\n"


@pytest.mark.parametrize(
    "arguments",
    [
        [], ["nothing"], ["lookup"], ["lookup", "DIR", "nobody", LIST], ["lookup", "DIR", "uscc:1", LIST],
        ["lookup", "DIR", FIRM, "no-such-list"], ["lookup", "DIR", FIRM, LIST, "--valid-at", "2023-02-30"],
        ["lookup", "DIR", FIRM, LIST, "--known-at", "2023-02-20"], ["members", "DIR", "no-such-list"],
        ["log", "DIR", "-n", "0"], ["diff", "DIR", LIST], ["diff", "DIR", LIST, "--from", "x"],
        ["draft", "no.such.act/1"], ["keygen"], ["verify", "DIR"], ["doctor", "DIR", "DIR"], ["demo", "--acts", "1"],
        ["import", "DIR"], ["export", "DIR", "-"], ["sign", "x.json"],
    ],
    ids=lambda arguments: " ".join(arguments) or "nothing at all",
)  # fmt: skip
def test_calls_that_make_no_sense(pit: Pit, arguments: list[str]) -> None:
    done = pit.run(*(pit.bench.ledger if one == "DIR" else one for one in arguments))
    assert done.code == 2, done
    assert "Traceback" not in done.err
    assert done.err
