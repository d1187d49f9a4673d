"""Detached content in a ledger's directory, held against the commitments in the log."""

from __future__ import annotations

from pathlib import Path

from audit.logs import Log
from audit.worlds import only
from creditledger.acts.content import commit, item_id
from creditledger.acts.kinds import Commitment
from creditledger.audit import Trust, verify
from creditledger.ledger.layout import Layout
from creditledger.store.private import PrivateStore
from support.courts import courts
from support.drafts import FIRM, content_erase, listing_add

KEY = b"\x09" * 32
NONCE = bytes(range(32))


def with_private(tmp_path: Path, *, erased: bool) -> tuple[Path, Trust, bytes, PrivateStore]:
    world = courts()
    digest = commit(NONCE, b"He hid the car.")
    world.append("district", listing_add(content=(Commitment("reasons", digest),)))
    if erased:
        world.append("district", content_erase(digest))
    log = Log.of(world)
    ledger = log.store(tmp_path / "ledger")
    return ledger, log.trust, digest, PrivateStore.open(Layout(ledger).private, KEY, create=True)


def test_private_content_that_matches(tmp_path: Path) -> None:
    ledger, trust, digest, private = with_private(tmp_path, erased=False)
    with private:
        private.put_many([(item_id("defaulters", FIRM, digest), NONCE, b"He hid the car.")])
    report = verify(ledger, trust=trust, content_key=KEY)
    assert "1 items of detached content" in report.checked
    report = verify(ledger, trust=trust)
    assert any("detached content" in one for one in report.not_checked)


def test_private_content_altered(tmp_path: Path) -> None:
    ledger, trust, digest, private = with_private(tmp_path, erased=False)
    with private:
        private.put_many([(item_id("defaulters", FIRM, digest), NONCE, b"She hid the car.")])
    only(verify(ledger, trust=trust, content_key=KEY, raise_on_failure=False), "LED-CONTENT")


def test_private_content_that_outlives_its_erasure(tmp_path: Path) -> None:
    ledger, trust, digest, private = with_private(tmp_path, erased=True)
    assert verify(ledger, trust=trust, content_key=KEY).exit_code == 0
    with private:
        private.put_many([(item_id("defaulters", FIRM, digest), NONCE, b"He hid the car.")])
    only(verify(ledger, trust=trust, content_key=KEY, raise_on_failure=False), "LED-CONTENT")


def test_a_wrong_content_key_is_a_check_that_could_not_run(tmp_path: Path) -> None:
    ledger, trust, _, private = with_private(tmp_path, erased=False)
    private.close()
    report = verify(ledger, trust=trust, content_key=bytes(32), raise_on_failure=False)
    assert report.exit_code == 4
    assert any("content" in one for one in report.unable)
