"""Audits of logs published elsewhere: places that fail, and copies that are kept, prove nothing by themselves."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import socket
import threading
from pathlib import Path

import pytest

from audit.published_logs import FULL, PARTIAL, SIZE, audit
from creditledger.audit import published
from creditledger.audit.signed_tree import SignedTree
from creditledger.errors import CannotVerify, StoreError, UsageError
from creditledger.ledger.log import parse_checkpoint
from creditledger.publish.mirroring import mirror
from creditledger.tlog.tiles import encode_bundle
from creditledger.web import http as web_http
from creditledger.web.place import Folder, open_place
from publish.histories import files_in, history, stored
from web.servers import Server, answering, cut_short, drip, endless, garbage, hang_up, in_turn, serving, stall


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every client give up soon."""
    patient = web_http.Client.__init__

    def hasty(self: web_http.Client, timeout: float, attempts: int) -> None:
        patient(self, 0.2, attempts)

    monkeypatch.setattr(web_http.Client, "__init__", hasty)


def test_several_workers_and_a_url(published_logs: dict[int, Path], tmp_path: Path) -> None:
    with serving(published_logs[600]) as server:
        report = audit(server.url, jobs=2, cache=tmp_path / "cache")
        assert report.exit_code == 0, list(report.lines())
        assert (report.size, report.counts) == (600, {})
        asked = server.asked.total()
        assert audit(server.url, jobs=2, cache=tmp_path / "cache").exit_code == 0
        # Only the checkpoint, and the tiles that are compared as they are published.
        assert server.asked.total() - asked <= 3
    kept = files_in(tmp_path / "cache")
    assert kept.items() <= files_in(published_logs[600]).items()
    assert kept.keys() == files_in(published_logs[600]).keys() - {"checkpoint"}


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


@pytest.mark.parametrize("kind", ["directory", "pipe", "link", "socket", "denied", "link on the way"])
def test_strange_files_in_a_cache_are_as_if_they_were_not_there(server: Server, tmp_path: Path, kind: str) -> None:
    cache = tmp_path / "cache"
    assert audit(server.url, cache=cache).exit_code == 0
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "000").write_bytes(b"precious")
    for path in (FULL, PARTIAL, "tile/0/000", "tile/1/000.p/1"):
        victim = cache / path
        victim.unlink()
        match kind:
            case "directory":
                victim.mkdir()
            case "pipe":
                os.mkfifo(victim)
            case "link":
                victim.symlink_to(outside / "000")
            case "socket":
                with socket.socket(socket.AF_UNIX) as one, contextlib.chdir(victim.parent):
                    one.bind(victim.name)
            case "denied":
                victim.write_bytes(b"")
                victim.chmod(0)
    if kind == "link on the way":
        shutil.rmtree(cache / "tile/0")
        (cache / "tile/0").symlink_to(outside)
        shutil.rmtree(cache / "tile/entries")
        (cache / "tile/entries").write_bytes(b"")
    assert audit(server.url, cache=cache).exit_code == 0
    assert files_in(outside) == {"000": b"precious"}


def test_a_mirror_is_complete_or_none(server: Server, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    (copy / FULL).mkdir(parents=True)
    with pytest.raises(StoreError, match=FULL):
        mirror(server.url, copy, trust=history().trust)
    assert not (copy / "checkpoint").exists()
    (copy / FULL).rmdir()
    assert mirror(server.url, copy, trust=history().trust).size == SIZE


@pytest.mark.parametrize("location", ["file:///etc/passwd", "gopher://x/", ""])
@pytest.mark.parametrize("path", ["/checkpoint", f"/{FULL}", "/tile/1/000.p/1"])
def test_a_redirect_that_leads_nowhere_is_no_evidence(server: Server, path: str, location: str) -> None:
    server.act[path] = answering(302, Location=location)
    with pytest.raises(StoreError, match=rf"{path} redirects to"):
        audit(server.url)


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
def test_roots_of_all_sizes_from_a_signed_tree(published_logs: dict[int, Path], size: int) -> None:
    place = open_place(published_logs[600])
    tree = SignedTree(place, parse_checkpoint(history().notes[600]))
    assert tree.root_at(size) == parse_checkpoint(history().notes[size]).root
    assert published.Published(place).tiles(600).read(8, 1) == tree.tile(1, 0)[32:64]
    assert published.Published(place).bundle(2, 88) == history().records[512:600]
    with pytest.raises(UsageError):
        tree.tile(0, 3)


def test_threads_share_a_signed_tree(published_logs: dict[int, Path], tmp_path: Path) -> None:
    tree = SignedTree(open_place(published_logs[600]), parse_checkpoint(history().notes[600]), Folder(tmp_path))
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
