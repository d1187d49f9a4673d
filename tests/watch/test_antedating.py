"""Records dated before what witnesses cosigned without them, held against what the verifier remembers of it."""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path

import pytest

from audit.logs import log_signer
from creditledger.audit.auditor import verify
from creditledger.client.seen import SeenStore
from creditledger.receipts.fork import open_by_log
from creditledger.record.record import decode_record
from creditledger.store.head import Head
from creditledger.tlog.cosignature import CosignatureSigner
from creditledger.watch import meeting
from creditledger.watch.audits import Settings
from watch.logs import note
from watch.test_watch import HONEST, NOW, OTHER, START, cosigned, kinds, rounds, two_of_three
from watch.trees import History

TRUSTED = two_of_three()


def dated(seq: int) -> int:
    """The second in which a record was recorded."""
    return decode_record(HONEST[seq]).recorded_at // 1_000_000


LATEST = dated(START) + 300
"""The last second at which a checkpoint without record START can honestly have been cosigned."""


def witnessed(size: int, times: dict[int, int], records: list[bytes] = HONEST) -> bytes:
    signers = [
        CosignatureSigner(f"w{number}.example", bytes([number] * 32), partial(int, time))
        for number, time in times.items()
    ]
    return note(records, size, log_signer(), *signers)


@pytest.mark.parametrize(("late", "kind"), [(0, "audited"), (1, "failed")])
def test_a_watcher_remembers_when_the_witnesses_saw_the_log(tmp_path: Path, late: int, kind: str) -> None:
    cosigned(tmp_path / "a", START, {1: LATEST, 2: LATEST + late})
    assert kinds(rounds(tmp_path / "state", tmp_path / "a", trusts=(TRUSTED,)))[-1] == "audited"
    cosigned(tmp_path / "a", len(HONEST), {1: NOW, 2: NOW})
    found = rounds(tmp_path / "state", tmp_path / "a", trusts=(TRUSTED,))
    assert kinds(found)[-1] == kind
    if kind == "failed":
        (finding,) = json.loads(Path(found[-1].file).read_text())["findings"]
        assert (finding["id"], finding["seq"], "w2" in finding["message"]) == ("LED-TIME", START, True)


def test_a_heartbeat_is_remembered_and_an_older_mirror_does_not_take_it_back(tmp_path: Path) -> None:
    for times in ({1: LATEST, 2: LATEST}, {1: LATEST, 3: LATEST + 1}, {1: LATEST, 2: LATEST}):
        shutil.rmtree(tmp_path / "a", ignore_errors=True)
        cosigned(tmp_path / "a", START, times)
        rounds(tmp_path / "state", tmp_path / "a", trusts=(TRUSTED,))
    cosigned(tmp_path / "a", len(HONEST), {1: NOW, 2: NOW})
    assert kinds(rounds(tmp_path / "state", tmp_path / "a", trusts=(TRUSTED,)))[-1] == "failed"


def test_times_are_remembered_over_rounds_in_which_nothing_could_be_audited(tmp_path: Path) -> None:
    for size, time in ((START, LATEST + 1), (START + 3, NOW), (START + 4, NOW)):
        shutil.rmtree(tmp_path / "a", ignore_errors=True)
        cosigned(tmp_path / "a", size, {1: time, 2: time})
        shutil.rmtree(tmp_path / "a" / "tile" / "entries")
        assert kinds(rounds(tmp_path / "state", tmp_path / "a", trusts=(TRUSTED,))) == ["grown", "same", "unaudited"]
    cosigned(tmp_path / "a", START + 4, {1: NOW, 2: NOW})
    found = rounds(tmp_path / "state", tmp_path / "a", trusts=(TRUSTED,))
    assert kinds(found)[-1] == "failed"
    report = json.loads(Path(found[-1].file).read_text())
    assert [(one["id"], one["seq"]) for one in report["findings"]] == [("LED-TIME", START), ("LED-TIME", START + 3)]


@pytest.mark.parametrize(("late", "counts"), [(0, {}), (1, {"LED-TIME": 1})])
@pytest.mark.parametrize("known", ["seen", "remembered", "witnessed"])
def test_verify_holds_what_it_knows_against_the_records(
    tmp_path: Path, known: str, late: int, counts: dict[str, int]
) -> None:
    before = witnessed(START, {1: LATEST + late, 2: LATEST})
    cosigned(tmp_path / "a", START, {1: LATEST + late, 2: LATEST})
    verify(tmp_path / "a", trust=TRUSTED, remember=tmp_path / "remembered", jobs=1)
    cosigned(tmp_path / "a", len(HONEST), {1: NOW, 2: NOW})
    report = verify(
        tmp_path / "a",
        trust=TRUSTED,
        seen=Head(START, open_by_log(before, TRUSTED).root, before) if known == "seen" else None,
        remember=tmp_path / "remembered" if known == "remembered" else None,
        witnessed=[before] if known == "witnessed" else (),
        raise_on_failure=False,
        jobs=1,
    )
    assert report.counts == counts
    assert any("witnesses cosigned what was verified before" in one for one in report.checked)


def test_a_note_of_another_history_or_with_a_wrong_line_binds_nothing(tmp_path: Path) -> None:
    cosigned(tmp_path / "a", len(HONEST), {1: NOW, 2: NOW})
    spoilt = witnessed(START, {1: NOW}).replace(b"\n\xe2\x80\x94 w1.example ", b"\n\xe2\x80\x94 w2.example ")
    other = witnessed(START, {1: NOW}, OTHER)
    report = verify(tmp_path / "a", trust=TRUSTED, witnessed=[spoilt, other, b"no note"], jobs=1)
    assert report.counts == {}


def test_a_pin_is_renewed_by_newer_cosignatures_and_not_by_older_ones(tmp_path: Path) -> None:
    store = SeenStore(tmp_path)
    tree = History("a").tree
    for time, newest in ((LATEST, LATEST), (LATEST + 9, LATEST + 9), (LATEST + 1, LATEST + 9)):
        assert meeting.audited(store, TRUSTED, witnessed(START, {1: time}), tree) is None
        head = store.load(TRUSTED.ledger_id)
        assert head is not None
        assert TRUSTED.open(head.checkpoint).times == (("w1", newest),)


def test_a_watcher_keeps_the_newest_for_the_next_verification(tmp_path: Path) -> None:
    cosigned(tmp_path / "a", START, {1: LATEST, 2: LATEST})
    seen = SeenStore(tmp_path / "seen")
    rounds(tmp_path / "state", tmp_path / "a", trusts=(TRUSTED,), how=Settings(seen=seen))
    head = seen.load(TRUSTED.ledger_id)
    assert head is not None
    assert head.checkpoint == witnessed(START, {1: LATEST, 2: LATEST})
