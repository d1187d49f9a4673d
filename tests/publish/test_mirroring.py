"""Mirrors: the same bytes, whatever interrupts; nothing that was not signed; two histories are told, not kept."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import creditledger
from creditledger.audit import verify
from creditledger.audit.trust import Trust
from creditledger.errors import (
    CannotVerify,
    FormatError,
    LedgerError,
    NoLedger,
    StoreError,
    UsageError,
    VerificationFailed,
)
from creditledger.publish.mirroring import Mirrored, mirror
from creditledger.publish.publishing import publish
from creditledger.tlog.tiles import ENTRIES, encode_bundle, tile_path
from creditledger.web import http as web_http
from publish.histories import files_in, forked, history, stored
from web.servers import Server, answering, cut_short, endless, garbage, hang_up, in_turn, serving

SOURCES = Path(creditledger.__file__).parents[1]
SIZES = (20, 300, 600)
TRUST = history().trust


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """The log as published at several sizes. Nobody may write there."""
    place = tmp_path_factory.mktemp("sources")
    for size in SIZES:
        publish(stored(place / f"ledger-{size}", size), place / f"out-{size}")
    return {size: place / f"out-{size}" for size in SIZES}


@pytest.fixture
def server(sources: dict[int, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server of the log at its largest size; tests may change the directory that it serves."""
    monkeypatch.setattr(web_http, "_FIRST_WAIT", 0.01)
    with serving(sources[600]) as found:
        yield found


def copy(source: Path | str, out: Path, trust: Trust = TRUST) -> Mirrored:
    return mirror(source, out, trust=trust, attempts=2)


def test_a_mirror_grows_with_its_source(server: Server, sources: dict[int, Path], tmp_path: Path) -> None:
    out, before = tmp_path / "out", 0
    for size in SIZES:
        server.directory = sources[size]
        done = copy(server.url, out)
        assert (done.size, done.before, done.behind) == (size, before, False)
        assert files_in(sources[size]).items() <= files_in(out).items()
        assert verify(out, trust=TRUST).size == size
        asked = server.asked.total()
        assert copy(server.url, out) == (size, done.root, size, 0, False)
        assert server.asked.total() == asked + 1
        before = size
    # No full file was fetched twice.
    assert {server.asked[f"/{tile_path(level, 0)}"] for level in (ENTRIES, 0)} == {1}
    assert not list(out.glob("tile/*/001.p"))


def test_a_mirror_of_a_mirror_from_a_directory(sources: dict[int, Path], tmp_path: Path) -> None:
    copy(sources[600], tmp_path / "one")
    copy(tmp_path / "one", tmp_path / "two")
    assert files_in(tmp_path / "two") == files_in(sources[600])


@pytest.mark.parametrize("bad", [answering(500), cut_short, hang_up, garbage, answering(404)])
@pytest.mark.parametrize("path", [tile_path(ENTRIES, 1), tile_path(0, 1), tile_path(ENTRIES, 2, 88), "tile/1/000.p/2"])
def test_a_source_that_fails_leaves_the_mirror_as_it_was(
    server: Server, sources: dict[int, Path], tmp_path: Path, path: str, bad: object
) -> None:
    out = tmp_path / "out"
    copy(sources[300], out)
    server.act[f"/{path}"] = bad  # type: ignore[assignment]  # they are all of one kind
    with pytest.raises((StoreError, CannotVerify)):
        copy(server.url, out)
    assert files_in(out)["checkpoint"] == history().notes[300]
    # What was fetched meanwhile is used.
    asked = dict(server.asked)
    server.act.clear()
    assert copy(server.url, out).size == 600
    kept = [one for one in asked if one != f"/{path}" and one != "/checkpoint" and ".p/" not in one]
    assert all(server.asked[one] <= asked[one] + 1 for one in kept)
    assert files_in(sources[600]).items() <= files_in(out).items()


@pytest.mark.parametrize("path", [tile_path(ENTRIES, 1), tile_path(0, 1), tile_path(ENTRIES, 2, 88), "tile/1/000.p/2"])
def test_nothing_is_kept_that_was_not_signed(
    server: Server, sources: dict[int, Path], tmp_path: Path, path: str
) -> None:
    out = tmp_path / "out"
    copy(sources[300], out)
    honest = (sources[600] / path).read_bytes()
    for bad in (b"", bytes([honest[0] ^ 1]) + honest[1:], honest[:-1] + bytes([honest[-1] ^ 1]), honest + b"more"):
        server.act[f"/{path}"] = answering(200, bad)
        with pytest.raises(VerificationFailed):
            copy(server.url, out)
        assert files_in(out)["checkpoint"] == history().notes[300]
        assert files_in(out).get(path, honest) == honest
    server.act[f"/{path}"] = endless
    with pytest.raises(VerificationFailed):
        copy(server.url, out)


def test_two_histories_are_told_and_not_kept(sources: dict[int, Path], tmp_path: Path) -> None:
    publish(stored(tmp_path / "other", 550, forked(280)), tmp_path / "fork")
    publish(stored(tmp_path / "same", 300, forked(280)), tmp_path / "same-size")
    publish(stored(tmp_path / "less", 290, forked(280)), tmp_path / "smaller")
    copy(sources[300], tmp_path / "out")
    before = files_in(tmp_path / "out")
    for fork in ("fork", "same-size", "smaller"):
        with pytest.raises(VerificationFailed, match=r"LED-HEAD.*two histories.*evidence"):
            copy(tmp_path / fork, tmp_path / "out")
        assert files_in(tmp_path / "out")["checkpoint"] == before["checkpoint"]
    assert copy(sources[600], tmp_path / "out").size == 600


def test_a_source_that_is_behind_changes_nothing(sources: dict[int, Path], tmp_path: Path) -> None:
    copy(sources[600], tmp_path / "out")
    before = files_in(tmp_path / "out")
    done = copy(sources[300], tmp_path / "out")
    assert (done.size, done.behind) == (600, True)
    assert files_in(tmp_path / "out") == before


def test_checkpoints_that_do_not_count(server: Server, sources: dict[int, Path], tmp_path: Path) -> None:
    note = history().notes[600]
    out = tmp_path / "out"
    cases: list[tuple[object, type[LedgerError]]] = [
        (answering(200, note.replace(b"\n600\n", b"\n599\n")), VerificationFailed),
        (answering(200, b"<html>"), FormatError),
        (answering(404), NoLedger),
        (endless, FormatError),
        (hang_up, StoreError),
    ]
    for act, error in cases:
        server.act["/checkpoint"] = act  # type: ignore[assignment]  # they are all of one kind
        with pytest.raises(error):
            copy(server.url, out)
    server.act.clear()
    with pytest.raises(VerificationFailed, match="LED-LEDGER: this is not the ledger that the trust file names"):
        copy(server.url, out, Trust("another.example.org/log", TRUST.ledger_id, TRUST.log_keys))
    copy(server.url, out)
    (out / "checkpoint").write_bytes(b"scribble")
    with pytest.raises(FormatError, match="no signed checkpoint"):
        copy(server.url, out)


def test_a_new_checkpoint_of_the_same_size_is_taken_over(server: Server, tmp_path: Path) -> None:
    copy(server.url, tmp_path / "out")
    note = history().notes[600]
    more = note + "— witness.example.org Az3grlgtzPICa5OS8npVmf1M\n".encode()
    server.act["/checkpoint"] = answering(200, more)
    assert copy(server.url, tmp_path / "out").fetched == 0
    assert files_in(tmp_path / "out")["checkpoint"] == more


def test_a_damaged_copy_is_mended_where_it_is_read(server: Server, sources: dict[int, Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    copy(sources[300], out)
    path = tile_path(ENTRIES, 1)
    (out / path).write_bytes(encode_bundle([b"left over from a broken disk"] * 256))
    assert copy(server.url, out).size == 600
    assert files_in(out)[path] == files_in(sources[600])[path]


def test_passing_trouble_is_sat_out(server: Server, tmp_path: Path) -> None:
    honest = (server.directory / tile_path(ENTRIES, 0)).read_bytes()
    server.act[f"/{tile_path(ENTRIES, 0)}"] = in_turn(answering(503), answering(200, honest))
    assert copy(server.url, tmp_path / "out").size == 600


def test_a_ledgers_directory_is_no_place_for_a_mirror(sources: dict[int, Path], tmp_path: Path) -> None:
    ledger = stored(tmp_path / "ledger", 20)
    with pytest.raises(UsageError, match="is a ledger's directory"):
        copy(sources[20], ledger)


@pytest.mark.parametrize("point", [1, 3, 6])
def test_killed_at_any_file_it_goes_on(sources: dict[int, Path], tmp_path: Path, point: int) -> None:
    out = tmp_path / "out"
    copy(sources[20], out)
    path = os.pathsep.join((str(SOURCES), str(SOURCES.parent / "tests")))
    command = [sys.executable, "-m", "publish.killed", "mirror", str(sources[600]), str(out), str(point)]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert files_in(out)["checkpoint"] == history().notes[20]
    assert verify(out, trust=TRUST).size == 20
    assert copy(sources[600], out).size == 600
    assert files_in(sources[600]).items() <= files_in(out).items()
    shutil.rmtree(out)
