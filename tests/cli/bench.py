"""The demonstration ledger that the command line is tested on, and what tests want to know about a ledger's files."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from cli.program import Program
from creditledger.audit.trust import Trust
from creditledger.demo import generated
from creditledger.demo.story import Story, tell
from creditledger.keys.keyfile import write_key
from creditledger.ledger.founding import LogSigner
from creditledger.ledger.ledger import Ledger
from creditledger.ledger.state import STATE_TABLES
from creditledger.store.lmdb_engine import LmdbEngine
from creditledger.store.master_key import write_master_key

SEED = 1
PASSPHRASE = "demo"
PLAIN_KEYS = ("log", "root-1", "district-court-1", "ombudsman", "high-court")


@dataclass(frozen=True)
class Bench:
    """A demonstration ledger with its keys and a program that has signed for it."""

    ledger: Path
    keys: Path
    trust: Path
    story: Story
    run: Program

    def key(self, name: str) -> Path:
        """The key file of that name; they are not encrypted, but for `locked`, which is the log key again."""
        return self.keys / f"{name}.key"

    def subject(self, who: str) -> tuple[str, str]:
        """Subject and list of somebody in the story, as written on the command line."""
        subject, list_id = self.story.subjects[who]
        return str(subject), list_id


def build(place: Path) -> Bench:
    """Builds the demonstration ledger with keys, trust file and heads in a directory."""
    ledger, keys, home = place / "registry", place / "keys", place / "home"
    content_key = generated.Draws(SEED, "content-key").bytes(32)
    heads = home / "creditledger" / "heads"
    story, signers = tell(ledger, total=300, seed=SEED, content_key=content_key, head_dir=heads)
    keys.mkdir(mode=0o700)
    for name in PLAIN_KEYS:
        write_key(keys / f"{name}.key", generated.Draws(SEED, f"key/{name}").bytes(32), None)
    write_key(keys / "locked.key", generated.Draws(SEED, "key/log").bytes(32), PASSPHRASE.encode())
    write_master_key(keys / "content.key", lambda _: content_key)
    passphrase = keys / "passphrase"
    passphrase.touch(0o600)
    passphrase.write_text(PASSPHRASE + "\n")
    with Ledger.open(ledger) as opened:
        vkey = LogSigner(opened.origin, signers["log"]).verifier.vkey
        trust = Trust(opened.origin, opened.ledger_id, (vkey,))
    (place / "ledger.trust").write_text(trust.to_text())
    return Bench(ledger, keys, place / "ledger.trust", story, Program(home))


Rows = dict[tuple[str, bytes], bytes]


def rows(path: Path, tables: tuple[str, ...]) -> Rows:
    engine = LmdbEngine.open(path, tables, readonly=True)
    try:
        with engine.snapshot() as snapshot:
            return {(table, key): value for table in tables for key, value in snapshot.range(table)}
    finally:
        engine.close()


def fingerprint(directory: Path) -> dict[str, str]:
    """Every file by its hash, but for the notes that the engine makes of who reads."""
    return {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name != "lock.mdb"
    }


def put(state: Path, table: str, key: bytes, value: bytes) -> None:
    """Changes a row of a stored state behind the ledger's back."""
    engine = LmdbEngine.open(state, STATE_TABLES)
    with engine.batch() as batch:
        batch.put(table, key, value)
    engine.close()
