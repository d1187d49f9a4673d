"""Submission files: sound or refused, and written whole or not at all."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from client.limits import limited
from creditledger.acts.catalogue import ListingAdd
from creditledger.acts.content import commit
from creditledger.acts.kinds import Commitment, Subject
from creditledger.client.compose import compose
from creditledger.client.sequence import Position
from creditledger.client.submission import MAX_SUBMISSION_BYTES, Submission
from creditledger.codec.canonical import encode
from creditledger.errors import FormatError, LedgerError, StoreError, UnsupportedError, UsageError, VerificationFailed
from creditledger.keys.signer import MemorySigner
from creditledger.ledger.receipt import ContentItem
from creditledger.record.entry import Cosigner, check_entry, encode_entry

AUTHOR, BOARD, HIGH, STRANGER = (MemorySigner(bytes([seed]) * 32) for seed in range(4))
COSIGNERS = sorted([Cosigner("board", BOARD.public_key), Cosigner("high", HIGH.public_key)])
VERSION = "creditledger/submission/v1"
PERSON = Subject.handle(b"\x05" * 32)
CLEAR = {"reasons": b"because", "who": "张三".encode()}
ITEMS = [ContentItem("l", PERSON, commit(bytes(32), clear), bytes(32), clear) for clear in CLEAR.values()]


def entry_bytes() -> bytes:
    content = tuple(Commitment(label, commit(bytes(32), clear)) for label, clear in CLEAR.items())
    act = ListingAdd(
        list="l", subject=PERSON, ground="g", decided="2026-03-01", effective="2026-03-01", content=content
    )  # fmt: skip
    entry = compose(
        [act],
        ledger_id=bytes(32),
        authority="court",
        key=AUTHOR.public_key,
        sequence=Position(0, bytes(32), 0),
        cosigners=COSIGNERS,
        now=0,
    )
    return encode_entry(entry)


DATA = entry_bytes()


def submission() -> Submission:
    """Signed by its author, not yet by the board and the high court."""
    return Submission.make(DATA, AUTHOR.sign(DATA), reversed(ITEMS))


def raw(**changes: Any) -> list[Any]:
    """The array of `submission()`, some elements replaced."""
    made = submission()
    parts = {"version": VERSION, "entry": DATA, "signatures": made.signatures, "contents": list(made.contents)}
    return list((parts | changes).values())


def test_it_is_complete_when_all_cosigners_have_signed_in_whatever_order() -> None:
    first = submission()
    assert (first.complete, first.missing) == (False, tuple(COSIGNERS))
    with pytest.raises(UsageError, match=r"board \(key 01.*\), high \(key 01.*\) must still countersign"):
        first.all_signatures()
    second = first.add_signature(HIGH.public_key, HIGH.sign(DATA))
    assert (second.complete, second.missing) == (False, (COSIGNERS[0],))
    last = second.add_signature(BOARD.public_key, BOARD.sign(DATA))
    assert last.complete
    assert last.add_signature(BOARD.public_key, BOARD.sign(DATA)) == last
    assert check_entry(last.data, last.all_signatures()).digest == last.digest


def test_it_comes_back_from_its_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "entry.submission"
    for made in (submission(), submission().add_signature(HIGH.public_key, HIGH.sign(DATA))):
        made.write(path, force=True)
        assert Submission.read(path) == made
        assert path.read_bytes() == made.to_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    assert [item.content for item in Submission.read(path).contents] == [
        item.content for item in sorted(ITEMS, key=lambda item: item.commitment)
    ]


def test_an_existing_file_is_replaced_only_by_force_and_then_whole(tmp_path: Path) -> None:
    path = tmp_path / "entry.submission"
    path.write_bytes(b"mine")
    path.chmod(0o644)
    with pytest.raises(UsageError, match="exists already"):
        submission().write(path)
    assert path.read_bytes() == b"mine"
    submission().write(path, force=True)
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("force", [False, True])
def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path, force: bool) -> None:
    with pytest.raises(StoreError, match="does not exist"):
        submission().write(tmp_path / "gone" / "x", force=force)
    (tmp_path / "folder").mkdir()
    with pytest.raises((StoreError, UsageError)):
        submission().write(tmp_path / "folder", force=force)
    with limited(resource.RLIMIT_FSIZE, 100), pytest.raises(StoreError, match="file size limit"):
        submission().write(tmp_path / "x", force=force)
    for name in (tmp_path / "a\0b", "/", ""):
        with pytest.raises(UsageError, match="not a file name"):
            submission().write(name, force=force)
    assert os.listdir(tmp_path) == ["folder"]
    assert os.listdir(tmp_path / "folder") == []


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b'{"acts": []}', "a draft has to be signed first"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" * 9, "this is no submission: .* neither a draft nor a signed entry"),
        (submission().to_bytes()[:-1], "or a damaged one: .*the bytes end before the value does"),
        (submission().to_bytes() + b"\0", "more after the value"),
        (b"\0" * (MAX_SUBMISSION_BYTES + 1), "larger than|at most"),
        (b"\xdd\xff\xff\xff\xff", "neither a draft nor a signed entry"),
        (b"\x91" * 1_000_000 + b"\xc0", "neither a draft nor a signed entry"),
        (b"Dear Sir or Madam, we object.\n", "^this is no submission: (?!.*at byte)"),
        (DATA, "does not begin with"),
        (encode([]), "does not begin with"),
        (encode([VERSION, DATA]), "not an array of version, entry, signatures and contents"),
    ],
)
def test_what_is_not_a_submission_is_refused_in_words(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(data)
    with pytest.raises(FormatError, match=message) as raised:
        Submission.read(path)
    assert str(path) in str(raised.value)


def test_versions_not_known_here_are_unsupported_not_malformed() -> None:
    for unknown in ("creditledger/submission/v2", "creditledger/submission/v1x"):
        with pytest.raises(UnsupportedError, match="this version reads 'creditledger/submission/v1'"):
            Submission.from_bytes(encode(raw(version=unknown)))
    with pytest.raises(UnsupportedError, match="entry version"):
        Submission.from_bytes(encode(raw(entry=DATA.replace(b"/entry/v1", b"/entry/v9"))))


def test_a_missing_file_and_a_huge_one_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        Submission.read(tmp_path / "none")
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(1 << 42)
    with pytest.raises(FormatError, match="larger than the 16777216 bytes"):
        Submission.read(tmp_path / "huge")


SIGNATURE = AUTHOR.sign(DATA)
FORGED = bytes([SIGNATURE[0] ^ 1]) + SIGNATURE[1:]
ITEM, OTHER_ITEM = (list(item) for item in submission().contents)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"signatures": []}, FormatError),
        ({"signatures": [SIGNATURE, None]}, FormatError),
        ({"signatures": [SIGNATURE, None, None, None]}, FormatError),
        ({"signatures": [None, None, None]}, FormatError),
        ({"signatures": [SIGNATURE[:63], None, None]}, FormatError),
        ({"signatures": [SIGNATURE, "x", None]}, FormatError),
        ({"signatures": [FORGED, None, None]}, VerificationFailed),
        ({"signatures": [SIGNATURE, SIGNATURE, None]}, VerificationFailed),
        ({"signatures": [SIGNATURE, HIGH.sign(DATA), None]}, VerificationFailed),
        ({"signatures": [BOARD.sign(DATA), BOARD.sign(DATA), None]}, VerificationFailed),
        ({"entry": DATA[:-1]}, FormatError),
        ({"entry": "text"}, FormatError),
        ({"entry": DATA.replace(b"2026-03-01", b"2026-03-02")}, VerificationFailed),
        ({"contents": [OTHER_ITEM, ITEM]}, FormatError),
        ({"contents": [ITEM, ITEM]}, FormatError),
        ({"contents": [ITEM[:4]]}, FormatError),
        ({"contents": [[*ITEM[:4], "text"]]}, FormatError),
        ({"contents": [[*ITEM[:4], b"other words"]]}, VerificationFailed),
        ({"contents": [[*ITEM[:3], b"\1" * 32, ITEM[4]]]}, VerificationFailed),
        ({"contents": [[*ITEM[:3], bytes(31), ITEM[4]]]}, FormatError),
        ({"contents": [[*ITEM[:2], bytes(32), *ITEM[3:]]]}, FormatError),
        ({"contents": [["other-list", *ITEM[1:]]]}, FormatError),
        ({"contents": [["l", ["handle", bytes(32)], *ITEM[2:]]]}, FormatError),
        ({"contents": [["l", ["handle"], *ITEM[2:]]]}, FormatError),
        ({"contents": [["l", [b"handle", bytes(32)], *ITEM[2:]]]}, FormatError),
    ],
)
def test_what_is_not_sound_is_refused_when_it_is_read(changes: dict[str, Any], error: type[LedgerError]) -> None:
    with pytest.raises(error):
        Submission.from_bytes(encode(raw(**changes)))


def test_content_may_stay_behind() -> None:
    assert Submission.from_bytes(encode(raw(contents=[ITEM]))).contents == (submission().contents[0],)


@pytest.mark.parametrize(
    ("signer", "sign", "error"),
    [
        (STRANGER, STRANGER.sign, UsageError),
        (AUTHOR, AUTHOR.sign, UsageError),
        (BOARD, HIGH.sign, VerificationFailed),
        (BOARD, lambda _: bytes(64), VerificationFailed),
        (BOARD, lambda _: b"", VerificationFailed),
    ],
)
def test_only_a_valid_signature_of_a_cosigner_is_added(
    signer: MemorySigner, sign: Callable[[bytes], bytes], error: type[LedgerError]
) -> None:
    with pytest.raises(error):
        submission().add_signature(signer.public_key, sign(DATA))


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_no_byte_can_be_changed_unseen(data: st.DataObject) -> None:
    """Every byte of the file is bound by a signature, by a commitment, or by there being one encoding."""
    whole = (
        submission().add_signature(HIGH.public_key, HIGH.sign(DATA)).add_signature(BOARD.public_key, BOARD.sign(DATA))
    )
    good = whole.to_bytes()
    at = data.draw(st.integers(0, len(good) - 1))
    changed = good[:at] + bytes([good[at] ^ data.draw(st.integers(1, 255))]) + good[at + 1 :]
    with pytest.raises((FormatError, VerificationFailed)):
        Submission.from_bytes(changed)


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_noise_is_a_format_error(noise: bytes) -> None:
    with pytest.raises(FormatError):
        Submission.from_bytes(noise)


def test_more_content_than_fits_is_refused_before_it_is_written() -> None:
    made = Submission(DATA, submission().entry, (SIGNATURE, None, None), tuple(ITEMS) * 3000)
    with pytest.raises(FormatError, match="at most 4096 items"):
        made.to_bytes()
    big = ContentItem("l", PERSON, bytes(32), bytes(32), bytes(1 << 20))
    with pytest.raises(FormatError, match="divide the acts among several entries"):
        Submission(DATA, submission().entry, (SIGNATURE, None, None), (big,) * 16).to_bytes()
