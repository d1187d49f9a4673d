"""Export files as files: framing, content, and whatever bytes may come."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.logs import ORIGIN, Log, frame, ids, log_signer, sealed_export
from audit.worlds import busy_world, only
from creditledger.acts.content import commit
from creditledger.acts.kinds import Commitment, Subject
from creditledger.audit import Report, Trust, fold, verify
from creditledger.audit.exportfile import MAGIC
from creditledger.codec.canonical import encode
from creditledger.errors import FormatError, LedgerError, NoLedger, UnsupportedError, VerificationFailed
from creditledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from support.courts import courts
from support.drafts import FIRM, OTHER_FIRM, content_erase, listing_add, listing_remove, person


@cache
def busy() -> tuple[bytes, Trust]:
    """The export of a busy world, and the trust file for it."""
    log = Log.of(busy_world(), [*range(1, 20, 3), 21])
    return log.export(), log.trust


def audit(data: bytes, path: Path) -> Report:
    file = path / "export"
    file.write_bytes(data)
    return verify(file, trust=busy()[1], raise_on_failure=False)


# -- framing -----------------------------------------------------------------------------------------------------------


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(NoLedger):
        verify(tmp_path / "nothing", trust=busy()[1])


def test_a_file_that_is_no_export(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no ledger"):
        audit(b"PK\x03\x04 and so on", tmp_path)


def test_an_export_of_a_later_version(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="v2"):
        audit(b"creditledger/export/v2\n", tmp_path)


def test_an_export_without_any_record(tmp_path: Path) -> None:
    report = audit(sealed_export(MAGIC), tmp_path)
    only(report, "LED-STRUCT")


def test_an_export_without_its_end(tmp_path: Path) -> None:
    data, _ = busy()
    end = data.rindex(b"E\x00\x00\x00")
    report = audit(data[:end], tmp_path)
    only(report, "LED-STRUCT")
    assert report.findings[0].expected == "a frame of type E"


def test_something_after_the_end(tmp_path: Path) -> None:
    only(audit(busy()[0] + b"\x00", tmp_path), "LED-STRUCT")


def test_an_end_that_counts_wrongly(tmp_path: Path) -> None:
    data, _ = busy()
    end = data.rindex(b"E\x00\x00\x00")
    only(audit(data[:end] + frame(b"E", encode((0, 0, 0, bytes(32)))), tmp_path), "LED-STRUCT")


def test_a_checkpoint_before_the_first_record(tmp_path: Path) -> None:
    data, _ = busy()
    report = audit(
        sealed_export(MAGIC + frame(b"C", b"x") + data[len(MAGIC) : data.rindex(b"E\x00\x00\x00")]), tmp_path
    )
    assert {"LED-STRUCT"} == ids(report)


def test_what_is_raised_brings_the_report(tmp_path: Path) -> None:
    log = Log.of(courts())
    (tmp_path / "export").write_bytes(log.export()[:-1])
    with pytest.raises(VerificationFailed) as raised:
        verify(tmp_path / "export", trust=log.trust)
    assert isinstance(raised.value.report, Report)
    assert ids(raised.value.report) == {"LED-STRUCT"}


def test_two_checkpoints_after_one_record(tmp_path: Path) -> None:
    log = Log.of(courts())
    body = log.export()
    note = frame(b"C", log.notes[9])
    (tmp_path / "export").write_bytes(sealed_export(body[: body.rindex(b"E\x00\x00\x00")] + note))
    only(verify(tmp_path / "export", trust=log.trust, raise_on_failure=False), "LED-STRUCT")


@pytest.mark.parametrize(
    "first", [b"", b"creditledger/export/v1", b"creditledger/export/vX\n", b"creditledger/export/v01\n"]
)
def test_a_first_line_of_no_version(first: bytes, tmp_path: Path) -> None:
    """It says nothing about a ledger: neither evidence nor a version that another program may know."""
    with pytest.raises(FormatError, match="no ledger") as caught:
        audit(first + busy()[0][len(MAGIC) :] if first.endswith(b"\n") else first, tmp_path)
    assert caught.value.exit_code == 1


def test_a_checkpoint_beyond_the_records(tmp_path: Path) -> None:
    """A signed head beyond the end is evidence that records are missing, wherever it stands."""
    log = Log.of(courts())
    size = len(log.records)
    for place in (3, size):
        log.seal(range(1, size + 1))
        log.notes[place] = sign_checkpoint(Checkpoint(ORIGIN, size + 5, bytes(32)), log_signer())
        report = log.audit(tmp_path)
        assert ids(report) == {"LED-HEAD"} | ({"LED-UNSEALED"} if place == size else set())
        found = next(one for one in report.findings if one.id == "LED-HEAD")
        assert (found.seq, found.expected) == (size, f"{size + 5} records signed")


def test_records_read_before_the_damage_are_verified(tmp_path: Path) -> None:
    """Where a file breaks off, what stands before is still worth something, and the report says how much."""
    data, _ = busy()
    whole = audit(data, tmp_path)
    report = audit(data[: len(data) * 2 // 3], tmp_path)
    assert report.exit_code == 3
    assert 5 < report.size < whole.size
    assert ids(report) <= {"LED-STRUCT", "LED-UNSEALED"}
    assert report.sealed > 0


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(0, 1 << 30))
def test_a_file_cut_short_anywhere(cut: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    data, _ = busy()
    try:
        report = audit(data[: cut % len(data)], tmp_path_factory.getbasetemp())
    except FormatError:
        assert cut % len(data) < len(MAGIC)
    else:
        assert report.exit_code == 3


# -- any bytes ---------------------------------------------------------------------------------------------------------


@settings(max_examples=250, deadline=None)
@given(changes=st.lists(st.tuples(st.integers(0, 1 << 30), st.integers(1, 255)), min_size=1, max_size=3))
def test_no_byte_can_change_unseen(changes: list[tuple[int, int]], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Any change of any bytes ends in a report with evidence, or in an error of this package: never in a traceback."""
    data = bytearray(busy()[0])
    places = {at % len(data): by for at, by in changes}
    for at, by in places.items():
        data[at] ^= by
    try:
        report = audit(bytes(data), tmp_path_factory.getbasetemp())
    except LedgerError:
        assert min(places) < len(MAGIC)
    else:
        assert report.exit_code == 3


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_frames_rearranged_at_will(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Frames dropped, repeated, moved, with new payloads, and an end that fits: found unless all is as it was."""
    frames = _frames(busy()[0])
    chosen = data.draw(st.lists(st.sampled_from(frames), max_size=len(frames) + 2) | st.permutations(frames))
    forged = sealed_export(MAGIC + b"".join(frame(kind, payload) for kind, payload in chosen))
    report = audit(forged, tmp_path_factory.getbasetemp())
    records = [one for one in chosen if one[0] == b"R"]
    honest = [one for one in frames if one[0] == b"R"]
    if records != honest[: len(records)] or not records:
        assert report.exit_code == 3


@settings(max_examples=150, deadline=None)
@given(payloads=st.lists(st.tuples(st.sampled_from([b"R", b"C", b"P"]), st.binary(max_size=80)), max_size=6))
def test_frames_of_anything(payloads: list[tuple[bytes, bytes]], tmp_path_factory: pytest.TempPathFactory) -> None:
    forged = sealed_export(MAGIC + b"".join(frame(kind, payload) for kind, payload in payloads))
    assert audit(forged, tmp_path_factory.getbasetemp()).exit_code in (3, 13)


def _frames(data: bytes) -> list[tuple[bytes, bytes]]:
    at = len(MAGIC)
    found = []
    while data[at : at + 1] != b"E":
        end = at + 5 + int.from_bytes(data[at + 1 : at + 5], "big")
        found.append((data[at : at + 1], data[at + 5 : end]))
        at = end
    return found


# -- partitions of the subjects ----------------------------------------------------------------------------------------


def test_a_partition_that_is_too_large_is_folded_in_several_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fold, "MAX_ACTS", 2)
    monkeypatch.setattr("creditledger.audit.planning.MAX_RANGE", 1)
    world = courts()
    receipts = [
        world.append("district", *(listing_add(person(300 * one + at)) for at in range(3))) for one in range(300)
    ]
    assert Log.of(world, [world.size]).audit(tmp_path).exit_code == 0
    entry = world.build("district", listing_remove(receipts[7].ref(1), person(300 * 7 + 2)))
    log = Log.of(world, [])
    log.records.append(world.record_of(world.seal(entry)))
    log.seal([len(log.records)])
    report = log.audit(tmp_path)
    only(report, "LED-RULE")
    assert report.findings[0].message.startswith("R-REFERENCE")


# -- content -----------------------------------------------------------------------------------------------------------

NONCE = bytes(range(32))


def with_content(text: bytes) -> tuple[Log, bytes]:
    """A log with one item of content, committed to; and the commitment."""
    digest = commit(NONCE, text)
    world = courts()
    world.append("district", listing_add(content=(Commitment("reasons", digest),)))
    log = Log.of(world)
    log.items.append(item(digest, text))
    return log, digest


def item(digest: bytes, text: bytes, subject: Subject = FIRM) -> bytes:
    return encode(("defaulters", tuple(subject), digest, NONCE, text))


def test_content_that_was_committed_to_passes(tmp_path: Path) -> None:
    report = with_content(b"He hid the car.")[0].audit(tmp_path)
    assert report.exit_code == 0
    assert "1 item of detached content" in report.checked


def test_content_altered(tmp_path: Path) -> None:
    log, digest = with_content(b"He hid the car.")
    log.items = [item(digest, b"She hid the car.")]
    only(log.audit(tmp_path), "LED-CONTENT")


def test_content_attributed_to_somebody_else(tmp_path: Path) -> None:
    log, digest = with_content(b"He hid the car.")
    log.items = [item(digest, b"He hid the car.", OTHER_FIRM)]
    only(log.audit(tmp_path), "LED-CONTENT")


def test_content_that_is_still_there_after_its_erasure(tmp_path: Path) -> None:
    text = b"He hid the car."
    digest = commit(NONCE, text)
    world = courts()
    world.append("district", listing_add(content=(Commitment("reasons", digest),)))
    world.append("district", content_erase(digest))
    log = Log.of(world)
    assert log.audit(tmp_path).exit_code == 0
    log.items.append(item(digest, text))
    report = log.audit(tmp_path)
    only(report, "LED-CONTENT")
    assert "erasure" in report.findings[0].message


def test_content_that_cannot_be_read(tmp_path: Path) -> None:
    log, _ = with_content(b"He hid the car.")
    log.items.append(encode(("defaulters", 7)))
    only(log.audit(tmp_path), "LED-CONTENT")
