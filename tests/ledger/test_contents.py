"""Content whose erasure is on record is not served, whatever a backup of the private store has brought back."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from creditledger.acts import catalogue as acts
from creditledger.acts.content import commit, item_id
from creditledger.acts.kinds import Commitment, Subject
from creditledger.ledger.receipt import ContentItem
from creditledger.transfer import export_ledger
from support.registry import LIST, Registry, listing, signer

PERSON = Subject.handle(b"\x42" * 32)
NAME, HOME = (
    ContentItem(LIST, PERSON, commit(nonce, text), nonce, text)
    for nonce, text in ((b"\x07" * 32, b"Ana Arden"), (b"\x08" * 32, b"12 Long Lane"))
)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """A ledger in which the name of somebody was erased, by its last record but one; its file is that of before."""
    registry = Registry(tmp_path)
    private, kept = registry.directory / "private", tmp_path / "kept"
    content = (Commitment("home", HOME.commitment), Commitment("name", NAME.commitment))
    with registry.create() as ledger:
        ledger.append(listing(1, subject=PERSON, content=content), signer=signer("court"), contents=[HOME, NAME])
        shutil.copytree(private, kept)
        ledger.append(
            acts.ContentErase(LIST, PERSON, (NAME.commitment,), "2026-03-02", "act", "s. 9"), signer=signer("court")
        )
        ledger.append(listing(2), signer=signer("court"))
    shutil.rmtree(private)
    shutil.copytree(kept, private)
    return registry


def test_a_reader_does_not_serve_what_a_backup_brought_back(registry: Registry) -> None:
    with registry.read() as ledger:
        assert ledger.private_store().get(item_id(LIST, PERSON, NAME.commitment)) is not None
        assert ledger.content(LIST, PERSON, NAME.commitment) is None
        assert ledger.content(LIST, PERSON, HOME.commitment) == b"12 Long Lane"


def test_the_record_that_ordered_an_erasure_is_known(registry: Registry) -> None:
    with registry.read() as ledger:
        assert ledger.erased_by(LIST, PERSON, NAME.commitment) == ledger.size - 2
        assert ledger.erased_by(LIST, PERSON, HOME.commitment) is None
        assert ledger.erased_by(LIST, Subject.handle(b"\x43" * 32), NAME.commitment) is None


def test_an_export_does_not_take_along_what_a_backup_brought_back(registry: Registry, tmp_path: Path) -> None:
    with registry.read() as ledger:
        assert export_ledger(ledger, tmp_path / "export", with_content=True).contents == 1
    data = (tmp_path / "export").read_bytes()
    assert b"12 Long Lane" in data
    assert b"Ana Arden" not in data
