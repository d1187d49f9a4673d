"""Audits of published logs: the same verdict as on the ledger, and nothing that is served instead passes."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from audit.logs import log_signer
from audit.published_logs import FULL, PARTIAL, SIZE, audit, edit
from creditledger.errors import CannotVerify, FormatError, NoLedger
from creditledger.ledger.log import parse_checkpoint
from creditledger.publish.publishing import publish
from creditledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from creditledger.tlog.tiles import TreeBuilder, decode_bundle, encode_bundle, partial_tiles, tile_path
from creditledger.web.place import Folder
from publish.histories import files_in, forked, history, stored
from web.servers import Server


@pytest.mark.parametrize("size", [20, 256, SIZE])
def test_what_is_published_is_as_sound_as_the_ledger(published_logs: dict[int, Path], size: int) -> None:
    report = audit(published_logs[size])
    assert report.exit_code == 0, list(report.lines())
    head = parse_checkpoint(history().notes[size])
    assert (report.size, report.sealed, report.root) == (size, size, head.root)
    told = " ".join(report.not_checked)
    for lacking in ("older checkpoints", "derived state (a published log has none)", "content"):
        assert lacking in told


def record_at(out: Path, path: str, width: int) -> list[bytes]:
    return decode_bundle((out / path).read_bytes(), width)


@pytest.mark.parametrize(("path", "width", "number"), [(FULL, 256, 0), (FULL, 256, 77), (PARTIAL, 44, 43)])
def test_an_altered_record_is_named(out: Path, path: str, width: int, number: int) -> None:
    records = record_at(out, path, width)
    record = bytearray(records[number])
    record[-1] ^= 1
    records[number] = bytes(record)
    (out / path).write_bytes(encode_bundle(records))
    report = audit(out)
    seq = number if path == FULL else 256 + number
    assert report.exit_code == 3
    if number:  # Otherwise it is another ledger.
        assert report.first_bad == seq
        assert [one.seq for one in report.findings if one.id == "LED-TREE"] == [seq]
    else:
        assert "LED-LEDGER" in report.counts


def test_a_record_dropped_repeated_or_moved(out: Path) -> None:
    records = record_at(out, FULL, 256)
    for other, first in (
        ([*records[:50], *records[51:], records[0]], 50),
        ([*records[:50], records[49], *records[51:]], 50),
        ([*records[:50], records[51], records[50], *records[52:]], 50),
    ):
        (out / FULL).write_bytes(encode_bundle(other))
        report = audit(out)
        assert (report.exit_code, report.first_bad) == (3, first)


@pytest.mark.parametrize("change", [lambda data: data.append(0), lambda data: data.pop(), lambda data: data.clear()])
@pytest.mark.parametrize("path", [FULL, PARTIAL, "tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1"])
def test_files_of_a_wrong_length(out: Path, path: str, change: Callable[[bytearray], object]) -> None:
    edit(out / path, change)
    report = audit(out)
    assert report.exit_code == 3
    assert report.counts.keys() <= {"LED-STRUCT", "LED-TREE"}
    if "entries" not in path:
        assert all(one.derived for one in report.findings)


def test_any_byte_of_any_file(out: Path) -> None:
    chance = random.Random(5)
    paths = [one for one in sorted(files_in(out)) if one != "checkpoint"]
    assert len(paths) == 5
    for path in paths * 2:
        before = (out / path).read_bytes()
        position = chance.randrange(len(before))

        def flip(data: bytearray, at: int = position) -> None:
            data[at] ^= 1 << chance.randrange(8)

        edit(out / path, flip)
        assert audit(out).exit_code == 3, (path, position)
        (out / path).write_bytes(before)


def test_wrong_tiles_are_derived_data_and_the_records_stand(out: Path) -> None:
    for path in ("tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1"):
        before = (out / path).read_bytes()
        edit(out / path, lambda data: data.__setitem__(5, data[5] ^ 1))
        report = audit(out)
        assert (report.exit_code, set(report.counts), report.first_bad) == (3, {"LED-TREE"}, None)
        expected = before[:32] if path == "tile/0/000" else report.root
        assert [(one.derived, one.expected) for one in report.findings] == [(True, expected.hex())]
        assert "derived data is not what the log says" in report.meaning
        (out / path).write_bytes(before)


@pytest.mark.parametrize("path", [FULL, PARTIAL, "tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1"])
def test_a_file_that_is_missing_is_no_evidence(out: Path, path: str) -> None:
    (out / path).unlink()
    with pytest.raises(CannotVerify, match=f"{path} is not there"):
        audit(out)


def test_a_full_file_stands_in_for_a_partial_one(published_logs: dict[int, Path], tmp_path: Path) -> None:
    """The log has grown since the checkpoint was fetched, and what is outdated has been removed."""
    out = Path(shutil.copytree(published_logs[600], tmp_path / "out"))
    (out / "checkpoint").write_bytes(history().notes[SIZE])
    (out / "tile/1/000.p/1").parent.mkdir(exist_ok=True)
    shutil.copy(published_logs[SIZE] / "tile/1/000.p/1", out / "tile/1/000.p/1")
    assert not (out / "tile/0/001.p").exists()
    report = audit(out)
    assert (report.exit_code, report.size) == (0, SIZE), list(report.lines())


def test_checkpoints_that_do_not_count(out: Path) -> None:
    note = (out / "checkpoint").read_bytes()
    (out / "checkpoint").write_bytes(note.replace(b"\n300\n", b"\n200\n"))
    assert set(audit(out).counts) == {"LED-CKPT"}
    foreign = note.replace(b"registry.example.org/defaulters", b"registry.example.org/another")
    (out / "checkpoint").write_bytes(foreign)
    assert audit(out).exit_code == 3
    for garbled in (b"", b"<html>busy</html>", note[:-20], note + b"\n"):
        (out / "checkpoint").write_bytes(garbled)
        with pytest.raises(FormatError, match="no signed checkpoint"):
            audit(out)
    (out / "checkpoint").write_bytes(bytes(2_000_000))
    with pytest.raises(FormatError, match="expected at most"):
        audit(out)
    (out / "checkpoint").unlink()
    with pytest.raises(NoLedger, match="has no file 'checkpoint'"):
        audit(out)


def test_nothing_is_fetched_before_the_checkpoint_is_verified(out: Path, server: Server) -> None:
    edit(out / "checkpoint", lambda data: data.__setitem__(-10, data[-10] ^ 1))
    assert audit(server.url).exit_code == 3
    assert set(server.asked) == {"/checkpoint"}


@pytest.mark.parametrize("size", [2**53 - 1, 10**10 + 1, 10**10, 10**6 * 256])
def test_a_size_that_was_signed_for_nothing(out: Path, size: int) -> None:
    """Whoever has the log key can sign any size: that takes neither memory nor time here."""
    note = sign_checkpoint(Checkpoint(history().trust.origin, size, bytes(32)), log_signer())
    (out / "checkpoint").write_bytes(note)
    with pytest.raises(CannotVerify, match=f"{size}"):
        audit(out)
    # Not even when tiles are there that make the root.
    builder = TreeBuilder.restore(size, [bytes(32)] * (size % 256), lambda level, index, width: bytes(32 * width))
    note = sign_checkpoint(Checkpoint(history().trust.origin, size, builder.root()), log_signer())
    (out / "checkpoint").write_bytes(note)
    for one in partial_tiles(size):
        Folder(out).write(tile_path(one.level, one.index, one.width), bytes(32 * one.width))
    with pytest.raises(CannotVerify, match=f"{size}"):
        audit(out)


def test_another_history_under_this_checkpoint(tmp_path: Path, out: Path) -> None:
    publish(stored(tmp_path / "other", SIZE, forked(280)), tmp_path / "fork")
    shutil.copy(tmp_path / "fork" / PARTIAL, out / PARTIAL)
    report = audit(out)
    assert (report.exit_code, report.first_bad) == (3, 280)
    # With its tile, nothing tells any more which record it is.
    shutil.copy(tmp_path / "fork/tile/0/001.p/44", out / "tile/0/001.p/44")
    report = audit(out)
    assert (report.exit_code, {one.derived for one in report.findings}) == (3, {False, True})
    assert f"one of the records 0 to {SIZE - 1}" in report.findings[0].message


def test_remembered_audits_go_on_and_see_another_history(
    published_logs: dict[int, Path], tmp_path: Path, out: Path
) -> None:
    memory = tmp_path / "memory"
    assert audit(published_logs[20], remember=memory).exit_code == 0
    report = audit(out, remember=memory)
    assert report.exit_code == 0
    assert any("20 records" in one for one in report.not_checked)
    assert set(audit(published_logs[256], remember=memory).counts) == {"LED-HEAD"}
    publish(stored(tmp_path / "other", 550, forked(280)), tmp_path / "fork")
    assert "LED-HEAD" in audit(tmp_path / "fork", remember=memory).counts
    assert audit(published_logs[600], remember=memory).exit_code == 0
