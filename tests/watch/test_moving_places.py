"""Vantage points that show something else to the audit than a moment before: it is held, and nobody is accused."""

from __future__ import annotations

from pathlib import Path

import pytest

from audit.logs import log_signer
from creditledger.audit.report import Report
from creditledger.client.seen import SeenStore
from creditledger.watch.audits import Audits, Settings, View
from creditledger.watch.events import Event
from creditledger.watch.watcher import Watcher
from watch.test_held_notes import COMMON, evidence, show
from watch.test_watch import HONEST, NOW, OTHER, TRUST, kinds


def one_round(state: Path, places: list[Path], seen: SeenStore) -> list[Event]:
    with Watcher([str(place) for place in places], [TRUST], state, Settings(jobs=1, seen=seen)) as watcher:
        return list(watcher.round(NOW))


def shown_when_audited(patch: pytest.MonkeyPatch, place: Path, records: list[bytes], size: int) -> None:
    """From here on the place shows this as soon as it is audited."""
    whole = Audits.verify

    def verify(self: Audits, view: View) -> Report:
        if view.place.name == str(place):
            show(place, records, size)
        return whole(self, view)

    patch.setattr(Audits, "verify", verify)


def test_another_history_shown_to_the_audit_alone_is_not_pinned_and_is_a_fork_in_the_next_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, seen = tmp_path / "a", SeenStore(tmp_path / "seen")
    show(place, HONEST, COMMON + 9, log_signer())
    with monkeypatch.context() as patch:
        shown_when_audited(patch, place, OTHER, COMMON + 5)
        found = one_round(tmp_path / "state", [place], seen)
    assert kinds(found) == ["grown", "same", "unaudited"]
    assert seen.load(TRUST.ledger_id) is None
    show(place, HONEST, COMMON + 9, log_signer())
    assert "fork" in kinds(one_round(tmp_path / "state", [place], seen))
    assert evidence(tmp_path / "state") == [(COMMON + 5, COMMON + 9)]


def test_a_place_that_rolls_back_under_the_audit_raises_no_alarm_and_the_next_one_is_audited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale, good, seen = tmp_path / "a", tmp_path / "b", SeenStore(tmp_path / "seen")
    show(stale, HONEST, COMMON + 6)
    assert kinds(one_round(tmp_path / "state", [stale], seen)) == ["grown", "same", "audited"]
    show(stale, HONEST, COMMON + 9)
    show(good, HONEST, COMMON + 9)
    with monkeypatch.context() as patch:
        shown_when_audited(patch, stale, HONEST, COMMON + 3)
        found = kinds(one_round(tmp_path / "state", [stale, good], seen))
    assert found == ["grown", "same", "unaudited", "audited"]
    kept = seen.load(TRUST.ledger_id)
    assert kept is not None
    assert kept.size == COMMON + 9


def test_a_place_that_was_repaired_is_audited_again_after_some_rounds(tmp_path: Path) -> None:
    place, seen = tmp_path / "a", SeenStore(tmp_path / "seen")
    show(place, HONEST, COMMON)
    (bundle,) = (place / "tile" / "entries").rglob(f"{COMMON}")
    whole = bundle.read_bytes()
    bundle.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with Watcher([str(place)], [TRUST], tmp_path / "state", Settings(jobs=1, seen=seen)) as watcher:
        assert kinds(list(watcher.round(NOW)))[-1] == "damaged"
        bundle.write_bytes(whole)
        later = [kinds(list(watcher.round(NOW)))[-1] for _ in range(12)]
    assert later.count("audited") == 1
    assert set(later) <= {"damaged", "audited", "same"}
