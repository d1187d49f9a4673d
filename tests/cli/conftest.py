"""One demonstration ledger for all tests of the command line, and copies of it to write to."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli.program import Program
from creditledger.audit.trust import Trust
from creditledger.demo import generated
from creditledger.demo.story import Story, tell
from creditledger.keys.keyfile import write_key
from creditledger.ledger.ledger import Ledger, LogSigner
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


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """The demonstration ledger. Nobody may write to it."""
    place = tmp_path_factory.mktemp("demo")
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


@pytest.fixture
def bench(demo: Bench, tmp_path: Path) -> Iterator[Bench]:
    """A copy of everything, heads included, to write to."""
    place = tmp_path / "bench"
    shutil.copytree(demo.ledger.parent, place)
    yield Bench(place / "registry", place / "keys", place / "ledger.trust", demo.story, Program(place / "home"))
    for path in (place / "registry", place):
        path.chmod(0o700)
