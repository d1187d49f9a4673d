"""Places: what is read stays within the directory or URL prefix, and within bounds; what is written is whole."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from creditledger.errors import FormatError, Locked, StoreError, UsageError
from creditledger.web.place import Folder, Place, UrlPlace, open_place
from web.servers import answering, serving, stall


@pytest.fixture
def files(tmp_path: Path) -> Path:
    path = tmp_path / "files"
    (path / "tile" / "0").mkdir(parents=True)
    (path / "checkpoint").write_bytes(b"signed")
    (path / "tile" / "0" / "000").write_bytes(bytes(32))
    return path


@pytest.fixture(params=["directory", "url"])
def place(request: pytest.FixtureRequest, files: Path) -> Iterator[Place]:
    if request.param == "directory":
        yield open_place(files)
        return
    with serving(files) as server:
        found = open_place(f"{server.url}/", timeout=20, attempts=1)
        yield found
        found.close()


def test_files_are_read_within_their_bounds(place: Place) -> None:
    assert place.read("checkpoint", 6) == b"signed"
    assert place.read("tile/0/000", 99) == bytes(32)
    assert place.read("tile/0/001", 99) is None
    assert place.read("tile/0/000/x", 99) is None
    with pytest.raises(FormatError, match="expected"):
        place.read("checkpoint", 5)


@pytest.mark.parametrize("path", ["../files/checkpoint", "/etc/passwd", "", "tile//000", "tile/./000", ".lock", "a?b"])
def test_paths_that_lead_elsewhere_are_refused(place: Place, path: str) -> None:
    with pytest.raises(UsageError, match="not a path of published files"):
        place.read(path, 99)


def test_what_is_denied_is_not_there(files: Path) -> None:
    with serving(files) as server:
        found = UrlPlace(server.url, 20, 1)
        for status, absent in ((403, True), (410, True), (418, False), (500, False), (206, False)):
            server.act["/checkpoint"] = answering(status, b"no")
            if absent:
                assert found.read("checkpoint", 99) is None
            else:
                with pytest.raises(StoreError, match=f"status {status}"):
                    found.read("checkpoint", 99)
        found.close()
        server.act["/checkpoint"] = stall
        hasty = UrlPlace(server.url, 0.2, 1)
        with pytest.raises(StoreError, match="no answer"):
            hasty.read("checkpoint", 99)
        hasty.close()


def test_links_and_pipes_are_not_followed(files: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (files / "link").symlink_to(tmp_path / "secret")
    (files / "up").symlink_to(tmp_path)
    os.mkfifo(files / "pipe")
    folder = Folder(files)
    with pytest.raises(FormatError, match="link"):
        folder.read("link", 99)
    assert folder.read("up/secret", 99) is None
    for name in ("pipe", "tile"):
        with pytest.raises(FormatError, match="no regular file"):
            folder.read(name, 99)
    with pytest.raises(StoreError, match="link"):
        folder.write("up/secret", b"overwritten")
    assert (tmp_path / "secret").read_bytes() == b"secret"


def test_the_directory_itself_may_be_a_link(files: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(files)
    folder = Folder(tmp_path / "alias")
    assert folder.read("checkpoint", 6) == b"signed"
    folder.write("tile/0/001", b"new")
    assert (files / "tile" / "0" / "001").read_bytes() == b"new"


def test_what_is_written_is_public_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "new" / "place")
    with folder.held():
        folder.write("tile/0/x001/234", b"one")
        folder.write("tile/0/x001/234", b"two")
        folder.sync()
        with pytest.raises(Locked), Folder(tmp_path / "new" / "place").held():
            raise AssertionError("two writers")
    found = sorted(str(one.relative_to(folder.directory)) for one in folder.directory.rglob("*") if one.is_file())
    assert found == [".lock", "tile/0/x001/234"]
    path = folder.directory / "tile/0/x001/234"
    assert path.read_bytes() == b"two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o755


def test_what_a_killed_writer_left_is_cleared_away(files: Path) -> None:
    (files / ".work").mkdir()
    (files / ".work" / "half").write_bytes(b"half")
    with Folder(files).held():
        assert not (files / ".work").exists()


def test_clearing_away_removes_a_link_and_nothing_behind_it(files: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "a").write_bytes(b"precious")
    (files / ".work").symlink_to(tmp_path / "precious")
    with Folder(files).held():
        Folder(files).write("tile/0/001", b"new")
    assert (tmp_path / "precious" / "a").read_bytes() == b"precious"
    assert os.listdir(tmp_path / "precious") == ["a"]
    assert not (files / ".work").is_symlink()
    assert (files / "tile/0/001").read_bytes() == b"new"


@pytest.mark.parametrize("what", ["file", "pipe", "directory in it", "link to nothing"])
def test_clearing_away_what_is_no_working_directory(files: Path, what: str) -> None:
    work = files / ".work"
    match what:
        case "file":
            work.write_bytes(b"")
        case "pipe":
            os.mkfifo(work)
        case "link to nothing":
            work.symlink_to("nowhere")
        case _:
            (work / "deep").mkdir(parents=True)
            (work / "half").write_bytes(b"half")
    folder = Folder(files)
    with folder.held():
        folder.write("tile/0/001", b"new")
        folder.sync()
    assert (files / "tile/0/001").read_bytes() == b"new"
    assert sorted(files.rglob(".work/*")) == ([work / "deep"] if what == "directory in it" else [])


def test_a_link_that_replaces_the_working_directory_is_not_written_through(files: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    folder = Folder(files)
    with folder.held():
        (files / ".work").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(StoreError, match="link"):
            folder.write("tile/0/001", b"new")
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("path", ["tile/entries/x001/000", "tile/entries/000"])
def test_no_directory_is_made_behind_a_link(files: Path, tmp_path: Path, path: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    shutil.rmtree(files / "tile")
    (files / "tile").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="link"):
        Folder(files).write(path, b"new")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_nothing_is_removed_behind_a_link(files: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "7").write_bytes(b"precious")
    (files / "tile/0/000.p").symlink_to(tmp_path / "precious")
    (files / "tile/1").symlink_to(tmp_path)
    folder = Folder(files)
    assert [folder.remove_dir(one) for one in ("tile/0/000.p", "tile/1/precious", "tile/2/000.p")] == [0, 0, 0]
    assert folder.remove_dir("tile/0/000.p", keep="8") == 0
    assert (tmp_path / "precious" / "7").read_bytes() == b"precious"


def test_outdated_files_are_removed_and_one_is_kept(files: Path) -> None:
    folder = Folder(files)
    for width in (1, 7, 9):
        folder.write(f"tile/0/000.p/{width}", b"partial")
    folder.sync()
    assert folder.remove_dir("tile/0/000.p", keep="7") == 2
    assert os.listdir(files / "tile/0/000.p") == ["7"]
    folder.write("tile/0/000.p/8", b"partial")
    assert folder.remove_dir("tile/0/000.p") == 2
    assert not (files / "tile/0/000.p").exists()
    folder.sync()


def test_a_directory_in_the_place_of_a_file_is_an_error(files: Path) -> None:
    (files / "tile/0/001").mkdir()
    with pytest.raises(StoreError, match="in its place"):
        Folder(files).write("tile/0/001", b"new")
    (files / "tile/0/002.p/8/deep").mkdir(parents=True)
    with pytest.raises(StoreError, match="remove"):
        Folder(files).remove_dir("tile/0/002.p")


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError):
        Folder(tmp_path / "file").make()
    with pytest.raises(StoreError), Folder(tmp_path / "file" / "below").held():
        raise AssertionError("no such place")


def test_what_is_no_place(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for where in (tmp_path / "none", tmp_path / "file", "gopher://example.org/"):
        with pytest.raises(UsageError):
            open_place(where)
