"""A pit of bad files, each named for what is bad about it, and what a command must do that falls in."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from cli.bench import SEED, Bench
from cli.program import Program, Result
from creditledger.acts.catalogue import ListingAdd
from creditledger.acts.kinds import Subject
from creditledger.client.submission import Submission
from creditledger.demo import generated
from creditledger.ledger.founding import system_clock
from creditledger.ledger.ledger import Ledger
from creditledger.record.entry import Cosigner, Entry, encode_entry

GIANT = 1 << 30
HOUR = 3_600_000_000
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
        known = self.bench.trust.read_text()
        start = known.index('ledger_id = "') + 13
        self["other.trust"].write_text(known[:start] + "0123456789abcdef" + known[start + 16 :])
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
        description("mangled", good[: good.index(b"origin =") + 12])
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


def check(done: Result, code: int) -> None:
    """A sentence and the code; no traceback, no word of a bug. In JSON the error is a document."""
    assert "Traceback" not in done.err + done.out
    assert "internal error" not in done.err + done.out
    assert done.code == code, done
    if done.out.startswith("{"):
        assert done.json["exit_code"] == code
        said = done.json["message"]
    else:
        notes, found, said = done.err.partition("error: ")
        assert found, done
        assert all(line.startswith("note: ") for line in notes.splitlines()), done
    assert 15 < len(said) < 3000, done
