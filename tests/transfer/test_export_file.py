"""The export file: what is written is read back, and any file that is not exactly that is refused with its place."""

from __future__ import annotations

import errno
import io
import os
import stat
import struct
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditledger.acts.content import commit
from creditledger.acts.kinds import Subject
from creditledger.codec.canonical import encode
from creditledger.errors import FormatError, UnsupportedError, UsageError, VerificationFailed
from creditledger.ledger.receipt import ContentItem
from creditledger.transfer.export_file import (
    CHECKPOINT,
    CONTENT,
    LIMITS,
    MAGIC,
    RECORD,
    ExportReader,
    ExportWriter,
    Frame,
    Totals,
    new_file,
    read_content,
)


def item(content: bytes = b"Ana", nonce: bytes = b"n" * 32) -> ContentItem:
    return ContentItem("list", Subject.handle(b"h" * 32), commit(nonce, content), nonce, content)


def export() -> bytes:
    file = io.BytesIO()
    writer = ExportWriter(file)
    writer.record(b"first record")
    writer.checkpoint(b"first checkpoint")
    writer.record(b"")
    writer.record(b"third record")
    writer.checkpoint(b"second checkpoint")
    writer.content(item())
    assert writer.end() == Totals(3, 2, 1)
    return file.getvalue()


def read(data: bytes) -> list[Frame]:
    return list(ExportReader(io.BytesIO(data)).frames())


def frame(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">cI", kind, len(payload)) + payload


def test_what_is_written_is_read_back_in_order() -> None:
    reader = ExportReader(io.BytesIO(export()))
    assert reader.totals is None
    frames = list(reader.frames())
    assert [one.kind for one in frames] == [RECORD, CHECKPOINT, RECORD, RECORD, CHECKPOINT, CONTENT]
    assert [one.payload for one in frames[:2]] == [b"first record", b"first checkpoint"]
    assert reader.totals == Totals(3, 2, 1)
    assert read_content(frames[-1]) == item()
    assert [export()[one.offset :][:1] for one in frames] == [one.kind for one in frames]


def test_every_file_that_was_cut_short_is_refused() -> None:
    whole = export()
    for length in range(len(whole)):
        with pytest.raises(FormatError):
            read(whole[:length])


def test_every_altered_byte_is_noticed() -> None:
    whole = export()
    for place in range(len(whole)):
        for flip in (0x01, 0x80):
            altered = whole[:place] + bytes((whole[place] ^ flip,)) + whole[place + 1 :]
            with pytest.raises((FormatError, VerificationFailed)):
                read(altered)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        pytest.param(b"", "starts with", id="empty"),
        pytest.param(b"PK\x03\x04" + b"x" * 100, "starts with", id="something else"),
        pytest.param(export() + b"\0", "goes on after its end", id="a byte more"),
        pytest.param(export() + export()[len(MAGIC) :], "goes on after its end", id="a second export"),
        pytest.param(MAGIC + frame(b"X", b""), "no type of frame", id="unknown frame"),
        pytest.param(MAGIC + frame(b"r", b""), "no type of frame", id="lower case"),
        pytest.param(MAGIC + frame(CHECKPOINT, b""), "does not follow a record", id="checkpoint first"),
        pytest.param(
            MAGIC + frame(RECORD, b"") + frame(CHECKPOINT, b"") * 2, "does not follow a record", id="two checkpoints"
        ),
        pytest.param(MAGIC + frame(CONTENT, b"") + frame(RECORD, b""), "after content", id="record after content"),
        pytest.param(MAGIC + frame(b"E", b"\x93"), "the end of the file", id="end that is no array"),
        pytest.param(MAGIC + frame(b"E", encode((0, 0, 0, bytes(32)))), "it was altered", id="wrong hash"),
        pytest.param(MAGIC + frame(b"E", encode((True, 0, 0, bytes(32)))), "it was altered", id="wrong count"),
        pytest.param(MAGIC + frame(b"E", encode(None)), "it was altered", id="end of another shape"),
        *(
            pytest.param(MAGIC + struct.pack(">cI", kind, limit + 1), "at most", id=f"oversize {kind.decode()}")
            for kind, limit in LIMITS.items()
        ),
    ],
)
def test_what_is_not_in_the_format(data: bytes, why: str) -> None:
    with pytest.raises(FormatError, match=why):
        read(data)


def test_another_version_is_told_from_something_else() -> None:
    with pytest.raises(UnsupportedError):
        read(MAGIC.replace(b"v1", b"v2") + export()[len(MAGIC) :])


def test_an_announced_length_reserves_no_memory() -> None:
    data = MAGIC + struct.pack(">cI", CONTENT, LIMITS[CONTENT]) + b"short"
    tracemalloc.start()
    try:
        with pytest.raises(FormatError, match=f"at byte {len(MAGIC)}: the file is cut short"):
            read(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < LIMITS[CONTENT] // 2


def test_a_reader_holds_one_frame_at_a_time() -> None:
    file = io.BytesIO()
    writer = ExportWriter(file)
    for _ in range(400):
        writer.record(b"r" * LIMITS[RECORD])
    writer.end()
    file.seek(0)
    tracemalloc.start()
    try:
        assert sum(1 for _ in ExportReader(file).frames()) == 400
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10 * LIMITS[RECORD]


class Trickle(io.RawIOBase):
    """A file that gives a byte at a time, as a pipe may."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        return self._file.read(min(size, 1))


def test_short_reads_make_no_difference() -> None:
    assert list(ExportReader(Trickle(export())).frames()) == read(export())  # type: ignore[arg-type]  # all that is used


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_words(data: bytes) -> None:
    with pytest.raises(FormatError):
        read(MAGIC + data)


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"", id="empty"),
        pytest.param(encode(["list", ["handle", b"h" * 32], bytes(32), bytes(32)]), id="an element short"),
        pytest.param(encode(["List", ["handle", b"h" * 32], bytes(32), bytes(32), b""]), id="no identifier"),
        pytest.param(encode(["list", ["handle", b"h" * 31], bytes(32), bytes(32), b""]), id="no handle"),
        pytest.param(encode(["list", [["handle"], b"h" * 32], bytes(32), bytes(32), b""]), id="no scheme"),
        pytest.param(encode(["list", ["handle", b"h" * 32], bytes(31), bytes(32), b""]), id="no commitment"),
        pytest.param(encode(["list", ["handle", b"h" * 32], bytes(32), "n" * 32, b""]), id="no nonce"),
        pytest.param(encode(["list", ["handle", b"h" * 32], bytes(32), bytes(32), "text"]), id="no bytes"),
        pytest.param(
            encode(["list", ["handle", b"h" * 32], bytes(32), bytes(32), bytes((1 << 20) + 1)]), id="oversize content"
        ),
    ],
)
def test_content_that_is_malformed(payload: bytes) -> None:
    with pytest.raises(FormatError, match="at byte 77"):
        read_content(Frame(CONTENT, payload, 77))


def test_content_that_is_not_what_was_committed_to() -> None:
    forged = item()._replace(content=b"Bob")
    payload = encode((forged.list, tuple(forged.subject), *forged[2:]))
    with pytest.raises(VerificationFailed, match="LED-CONTENT"):
        read_content(Frame(CONTENT, payload, 0))


def test_the_writer_refuses_what_no_reader_would_take() -> None:
    writer = ExportWriter(io.BytesIO())
    with pytest.raises(FormatError):
        writer.record(bytes(LIMITS[RECORD] + 1))
    writer.content(item())
    with pytest.raises(UsageError):
        writer.record(b"late")
    with pytest.raises(UsageError):
        writer.checkpoint(b"late")


@pytest.mark.parametrize(("private", "mode"), [(True, 0o600), (False, 0o644)])
def test_a_new_file_is_there_whole_with_its_mode(tmp_path: Path, private: bool, mode: int) -> None:
    before = os.umask(0o022)
    try:
        with new_file(tmp_path / "out", private=private) as file:
            file.write(b"content")
            assert not (tmp_path / "out").exists()
    finally:
        os.umask(before)
    assert (tmp_path / "out").read_bytes() == b"content"
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == mode
    assert os.listdir(tmp_path) == ["out"]


def test_a_file_system_without_links_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_paths: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    with new_file(tmp_path / "out", private=True) as file:
        file.write(b"content")
    assert (tmp_path / "out").read_bytes() == b"content"
    with pytest.raises(UsageError), new_file(tmp_path / "late", private=False):
        (tmp_path / "late").write_bytes(b"precious")
    assert (tmp_path / "late").read_bytes() == b"precious"
    assert sorted(os.listdir(tmp_path)) == ["late", "out"]


def test_a_new_file_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with new_file(tmp_path / "out", private=True) as file:
            file.write(b"half")
            raise FormatError("no more")

    with pytest.raises(FormatError):
        fail()
    assert os.listdir(tmp_path) == []


def test_a_new_file_replaces_nothing(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"precious")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for name in ("out", "dangling"):
        with pytest.raises(UsageError), new_file(tmp_path / name, private=False):
            pass
    # Nor what somebody puts there while it is written.
    with pytest.raises(UsageError), new_file(tmp_path / "late", private=False):
        (tmp_path / "late").write_bytes(b"precious")
    assert (tmp_path / "out").read_bytes() == (tmp_path / "late").read_bytes() == b"precious"
    assert sorted(os.listdir(tmp_path)) == ["dangling", "late", "out"]
