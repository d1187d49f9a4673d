"""Detached content in a ledger's directory, held against the commitments in the log."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from audit.logs import Log
from audit.worlds import only
from creditledger.acts.content import commit, item_id
from creditledger.acts.kinds import Commitment
from creditledger.audit import Trust, crew, fold, planning, verify
from creditledger.ledger.layout import Layout
from creditledger.store.private import PrivateStore
from support.courts import courts
from support.drafts import FIRM, content_erase, listing_add, person

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
    assert "1 item of detached content" in report.checked
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


def test_private_content_that_is_gone_is_counted(tmp_path: Path) -> None:
    """Content elsewhere is legitimate, so it is no evidence; but who gives its key asks for it to be checked."""
    ledger, trust, digest, private = with_private(tmp_path, erased=False)
    line = "detached content: 1 item on record and not erased is not here"
    private.put_many([(item_id("defaulters", FIRM, digest), NONCE, b"He hid the car.")])
    private.erase([item_id("defaulters", FIRM, digest)])
    private.close()
    for gone in ("the item", "its file", "the directory"):
        if gone == "its file":
            (Layout(ledger).private / "content-000001.seg").unlink()
        elif gone == "the directory":
            Layout(ledger).private.rmdir()
        report = verify(ledger, trust=trust, content_key=KEY, raise_on_failure=False)
        assert (report.exit_code, report.verdict) == (4, "NOT FULLY CHECKED"), gone
        assert line in report.unable, gone
    report = verify(ledger, trust=trust)
    assert line in report.not_checked


def test_content_that_was_erased_is_not_missed(tmp_path: Path) -> None:
    ledger, trust, _, private = with_private(tmp_path, erased=True)
    private.close()
    shutil.rmtree(Layout(ledger).private)
    for key in (None, KEY):
        report = verify(ledger, trust=trust, content_key=key)
        assert "detached content (none is here)" in report.not_checked


def test_items_that_are_gone_are_counted_over_all_subjects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever way the subjects are divided, and however often one partition is cut."""
    monkeypatch.setattr(planning, "PARTITION_ACTS", 3)
    monkeypatch.setattr(fold, "MAX_ACTS", 2)
    monkeypatch.setattr(crew.Crew, "_suitable", lambda _self: 0)
    world = courts()
    for number in range(12):
        digests = sorted(commit(NONCE, bytes((number, part))) for part in range(3))
        listed = [Commitment(f"part-{part}", digest) for part, digest in enumerate(digests)]
        world.append("district", listing_add(person(number), content=tuple(listed)))
        world.append("district", content_erase(digests[0], subject=person(number)))
    log = Log.of(world)
    report = verify(log.store(tmp_path / "ledger"), trust=log.trust)
    assert "detached content: 24 items on record and not erased are not here" in report.not_checked


def test_a_wrong_content_key_is_a_check_that_could_not_run(tmp_path: Path) -> None:
    ledger, trust, _, private = with_private(tmp_path, erased=False)
    private.close()
    report = verify(ledger, trust=trust, content_key=bytes(32), raise_on_failure=False)
    assert report.exit_code == 4
    assert any("content" in one for one in report.unable)
