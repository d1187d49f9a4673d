"""Restoring from a published log or a mirror: the same ledger again, to read or to sign on, or nothing at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from creditledger.audit import verify
from creditledger.audit.trust import Trust
from creditledger.errors import CannotVerify, NoLedger, UsageError, VerificationFailed
from creditledger.ledger.ledger import Ledger
from creditledger.publish.mirroring import mirror
from creditledger.publish.publishing import publish
from creditledger.tlog.note import NoteVerifier
from transfer.exports import filled, restore
from transfer.mirror import HEADS, LOG, grant_erasure, reopen, signer
from web.servers import serving


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with filled(tmp_path) as found:
        publish(found, tmp_path / "out")
        yield found


def trust_of(ledger: Ledger) -> Trust:
    return Trust(ledger.origin, ledger.ledger_id, (NoteVerifier(ledger.origin, LOG.public_key[1:]).vkey,))


def test_a_ledger_restored_from_a_mirror_is_the_same(tmp_path: Path, ledger: Ledger) -> None:
    trust = trust_of(ledger)
    expected = (ledger.size, ledger.root, ledger.state_digest(), list(ledger.records()))
    with serving(tmp_path / "out") as server:
        mirror(server.url, tmp_path / "mirror", trust=trust)
        restored = restore(tmp_path, server.url, trust=trust)  # type: ignore[arg-type]  # a URL will do
    assert (restored.size, restored.root, restored.state_digest) == expected[:3]
    assert (restored.totals, restored.contents, restored.head_kept) == ((ledger.size, 1, 0), 0, False)
    restore(tmp_path, tmp_path / "mirror", "again")
    for name in ("restored", "again"):
        with reopen(tmp_path, name=name, write=False, content_key=None) as found:
            assert (found.size, found.root, found.state_digest(), list(found.records())) == expected
        report = verify(tmp_path / name, trust=trust)
        assert (report.size, report.sealed) == (ledger.size, ledger.size)


def test_with_the_log_key_this_machine_signs_on(tmp_path: Path, ledger: Ledger) -> None:
    trust = trust_of(ledger)
    ledger.close()
    assert restore(tmp_path, tmp_path / "out", trust=trust, log_signer=LOG, head_dir=tmp_path / "other").head_kept
    with Ledger.open(tmp_path / "restored", log_signer=LOG, head_dir=tmp_path / "other") as again:
        grant_erasure(again, "coins")
        size = again.size
        publish(again, tmp_path / "out")
    assert verify(tmp_path / "out", trust=trust).size == size
    assert verify(tmp_path / "restored", trust=trust).size == size


def test_a_machine_that_signed_more_does_not_sign_from_an_older_copy(tmp_path: Path, ledger: Ledger) -> None:
    grant_erasure(ledger, "coins")
    ledger.close()
    with pytest.raises(VerificationFailed, match="LED-HEAD"):
        restore(tmp_path, tmp_path / "out", log_signer=LOG, head_dir=tmp_path / HEADS)
    assert not (tmp_path / "restored").exists()


def test_what_is_not_as_signed_is_not_restored(tmp_path: Path, ledger: Ledger) -> None:
    trust = trust_of(ledger)
    bundle = next((tmp_path / "out" / "tile" / "entries" / "000.p").iterdir())
    honest = bundle.read_bytes()
    bundle.write_bytes(honest[:-1] + bytes([honest[-1] ^ 1]))
    for trusted in (trust, None):
        with pytest.raises(VerificationFailed):
            restore(tmp_path, tmp_path / "out", trust=trusted)
    bundle.unlink()
    with pytest.raises(CannotVerify, match="is not there"):
        restore(tmp_path, tmp_path / "out", trust=trust)
    bundle.write_bytes(honest)
    note = (tmp_path / "out" / "checkpoint").read_bytes()
    (tmp_path / "out" / "checkpoint").write_bytes(note[:-5] + b"AAA=\n")
    for trusted in (trust, None):
        with pytest.raises(VerificationFailed):
            restore(tmp_path, tmp_path / "out", trust=trusted)
    (tmp_path / "out" / "checkpoint").unlink()
    with pytest.raises(NoLedger):
        restore(tmp_path, tmp_path / "out", trust=trust)
    shutil.rmtree(tmp_path / "out")
    assert not (tmp_path / "restored").exists()
    assert not (tmp_path / ".restored.restoring").exists()


def test_other_trust_and_another_log_key(tmp_path: Path, ledger: Ledger) -> None:
    other = Trust(ledger.origin, b"x" * 32, trust_of(ledger).log_keys)
    with pytest.raises(VerificationFailed, match="LED-LEDGER"):
        restore(tmp_path, tmp_path / "out", trust=other)
    with pytest.raises(UsageError, match="none of this ledger's"):
        restore(tmp_path, tmp_path / "out", log_signer=signer("stranger"))
