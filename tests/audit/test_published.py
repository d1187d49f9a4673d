"""Audits of published logs: the same verdict as on the ledger, and nothing that is served instead passes."""

from __future__ import annotations

import random
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from audit.logs import log_signer
from creditledger.audit import Report, published, verify
from creditledger.audit.signed_tree import SignedTree
from creditledger.errors import CannotVerify, FormatError, NoLedger, StoreError, UsageError
from creditledger.ledger.log import parse_checkpoint
from creditledger.publish.publishing import publish
from creditledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from creditledger.tlog.tiles import ENTRIES, TreeBuilder, decode_bundle, encode_bundle, partial_tiles, tile_path
from creditledger.web import http as web_http
from creditledger.web.place import Folder, open_place
from publish.histories import files_in, forked, history, stored
from web.servers import Server, answering, cut_short, drip, endless, garbage, hang_up, in_turn, serving, stall

SIZE = 300
FULL, PARTIAL = tile_path(ENTRIES, 0), tile_path(ENTRIES, 1, SIZE - 256)
TRUST = history().trust


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """The log as published at several sizes. Nobody may write there."""
    place = tmp_path_factory.mktemp("published")
    for size in (20, 256, SIZE, 600):
        publish(stored(place / f"ledger-{size}", size), place / f"out-{size}")
    return {size: place / f"out-{size}" for size in (20, 256, SIZE, 600)}


@pytest.fixture
def out(honest: dict[int, Path], tmp_path: Path) -> Path:
    """A copy of it, to be tampered with."""
    return Path(shutil.copytree(honest[SIZE], tmp_path / "out"))


@pytest.fixture
def server(out: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """It served over HTTP, to a client that tries twice."""
    monkeypatch.setattr(web_http, "_FIRST_WAIT", 0.01)
    monkeypatch.setattr(web_http, "ATTEMPTS", 2)
    with serving(out) as found:
        yield found


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every client give up soon."""
    patient = web_http.Client.__init__

    def hasty(self: web_http.Client, timeout: float, attempts: int) -> None:
        patient(self, 0.2, attempts)

    monkeypatch.setattr(web_http.Client, "__init__", hasty)


def audit(where: Path | str, **options: object) -> Report:
    return verify(where, trust=TRUST, **{"raise_on_failure": False} | options)  # type: ignore[arg-type]  # options


def edit(path: Path, change: Callable[[bytearray], object]) -> None:
    data = bytearray(path.read_bytes())
    change(data)
    path.write_bytes(data)


@pytest.mark.parametrize("size", [20, 256, SIZE])
def test_what_is_published_is_as_sound_as_the_ledger(honest: dict[int, Path], size: int) -> None:
    report = audit(honest[size])
    assert report.exit_code == 0, list(report.lines())
    head = parse_checkpoint(history().notes[size])
    assert (report.size, report.sealed, report.root) == (size, size, head.root)
    told = " ".join(report.not_checked)
    for lacking in ("older checkpoints", "derived state (a published log has none)", "content"):
        assert lacking in told


def test_several_workers_and_a_url(honest: dict[int, Path], tmp_path: Path) -> None:
    with serving(honest[600]) as server:
        report = audit(server.url, jobs=2, cache=tmp_path / "cache")
        assert report.exit_code == 0, list(report.lines())
        assert (report.size, report.counts) == (600, {})
        asked = server.asked.total()
        assert audit(server.url, jobs=2, cache=tmp_path / "cache").exit_code == 0
        # Only the checkpoint, and the tiles that are compared as they are published.
        assert server.asked.total() - asked <= 3
    kept = files_in(tmp_path / "cache")
    assert kept.items() <= files_in(honest[600]).items()
    assert kept.keys() == files_in(honest[600]).keys() - {"checkpoint"}


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


def test_a_full_file_stands_in_for_a_partial_one(honest: dict[int, Path], tmp_path: Path) -> None:
    """The log has grown since the checkpoint was fetched, and what is outdated has been removed."""
    out = Path(shutil.copytree(honest[600], tmp_path / "out"))
    (out / "checkpoint").write_bytes(history().notes[SIZE])
    (out / "tile/1/000.p/1").parent.mkdir(exist_ok=True)
    shutil.copy(honest[SIZE] / "tile/1/000.p/1", out / "tile/1/000.p/1")
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
    note = sign_checkpoint(Checkpoint(TRUST.origin, size, bytes(32)), log_signer())
    (out / "checkpoint").write_bytes(note)
    with pytest.raises(CannotVerify, match=f"{size}"):
        audit(out)
    # Not even when tiles are there that make the root.
    builder = TreeBuilder.restore(size, [bytes(32)] * (size % 256), lambda level, index, width: bytes(32 * width))
    note = sign_checkpoint(Checkpoint(TRUST.origin, size, builder.root()), log_signer())
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


def test_remembered_audits_go_on_and_see_another_history(honest: dict[int, Path], tmp_path: Path, out: Path) -> None:
    memory = tmp_path / "memory"
    assert audit(honest[20], remember=memory).exit_code == 0
    report = audit(out, remember=memory)
    assert report.exit_code == 0
    assert any("20 records" in one for one in report.not_checked)
    assert set(audit(honest[256], remember=memory).counts) == {"LED-HEAD"}
    publish(stored(tmp_path / "other", 550, forked(280)), tmp_path / "fork")
    assert "LED-HEAD" in audit(tmp_path / "fork", remember=memory).counts
    assert audit(honest[600], remember=memory).exit_code == 0


@pytest.mark.parametrize("bad", [stall, drip, cut_short, hang_up, garbage, answering(500)])
@pytest.mark.parametrize("path", ["/checkpoint", f"/{FULL}", "/tile/1/000.p/1"])
def test_a_place_that_fails_is_no_evidence(
    server: Server, path: str, bad: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.act[path] = bad  # type: ignore[assignment]  # they are all of one kind
    if bad in (stall, drip):
        hurry(monkeypatch)
    with pytest.raises(StoreError):
        audit(server.url)


def test_a_place_that_serves_something_else(server: Server) -> None:
    for path, act in (
        (FULL, answering(200)), (PARTIAL, answering(200, b"<html>please log in</html>")),
        ("tile/0/000", answering(200, bytes(9000))), ("tile/0/000", answering(200, bytes(8192))), (FULL, endless),
        ("tile/1/000.p/1", endless),
    ):  # fmt: skip
        server.act = {f"/{path}": act}
        assert audit(server.url).exit_code == 3, path
    for path in (FULL, PARTIAL, "tile/0/000"):
        server.act = {f"/{path}": answering(404)}
        with pytest.raises(CannotVerify, match=path):
            audit(server.url)


def test_an_interrupted_run_goes_on_from_its_cache(server: Server, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    server.act[f"/{PARTIAL}"] = answering(500)
    with pytest.raises(StoreError):
        audit(server.url, cache=cache)
    assert set(files_in(cache)) >= {FULL, "tile/0/000"}
    asked = server.asked[f"/{FULL}"]
    del server.act[f"/{PARTIAL}"]
    assert audit(server.url, cache=cache).exit_code == 0
    assert server.asked[f"/{FULL}"] == asked


def test_a_cache_is_trusted_with_nothing(server: Server, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    assert audit(server.url, cache=cache).exit_code == 0
    honest = files_in(cache)
    chance = random.Random(3)
    for path in honest:
        (cache / path).write_bytes(chance.choice((b"", honest[path][:-1] + b"?", bytes(20_000_000))))
        assert audit(server.url, cache=cache).exit_code == 0, path
        assert files_in(cache) == honest
    # What is wrong is never kept.
    shutil.rmtree(cache)
    server.act[f"/{PARTIAL}"] = answering(200, encode_bundle([b"another"] * 44))
    assert audit(server.url, cache=cache).exit_code == 3
    assert PARTIAL not in files_in(cache)


def test_a_cache_is_for_published_logs(tmp_path: Path) -> None:
    ledger = stored(tmp_path / "ledger", 20)
    with pytest.raises(UsageError, match="published log"):
        audit(ledger, cache=tmp_path / "cache")


def test_no_more_than_needed_is_asked_for(server: Server, out: Path) -> None:
    assert audit(server.url).exit_code == 0
    assert {one.removeprefix("/") for one in server.asked} == files_in(out).keys()


def test_what_is_gone_meanwhile_is_no_evidence(server: Server) -> None:
    server.act[f"/{FULL}"] = in_turn(answering(503), answering(503), answering(404))
    with pytest.raises((CannotVerify, StoreError)):
        audit(server.url)


@pytest.mark.parametrize("size", [1, 255, 256, 257, SIZE, 600])
def test_roots_of_all_sizes_from_a_signed_tree(honest: dict[int, Path], size: int) -> None:
    place = open_place(honest[600])
    tree = SignedTree(place, parse_checkpoint(history().notes[600]))
    assert tree.root_at(size) == parse_checkpoint(history().notes[size]).root
    assert published.Published(place).tiles(600).read(8, 1) == tree.tile(1, 0)[32:64]
    assert published.Published(place).bundle(2, 88) == history().records[512:600]
    with pytest.raises(UsageError):
        tree.tile(0, 3)


def test_threads_share_a_signed_tree(honest: dict[int, Path], tmp_path: Path) -> None:
    tree = SignedTree(open_place(honest[600]), parse_checkpoint(history().notes[600]), Folder(tmp_path))
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda n=n: found.append(tree.tile(0, n % 3))) for n in range(12)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(found) == 12
    assert len(set(found)) == 3


def test_bundles_of_the_largest_records_are_read_ahead_one_at_a_time() -> None:
    under_way = most = 0
    lock = threading.Lock()

    def work(item: int) -> int:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        return item

    results = []
    for item in published.ahead(work, range(40), 4, lambda _: published.AHEAD_BYTES):
        results.append(item)
        with lock:
            under_way -= 1
    assert results == list(range(40))
    # Four before the first result tells how large they are.
    assert most <= 4
