"""Checkpoints: published ones of c2sp.org/tlog-checkpoint, Tessera and the Go checksum database, and forgeries."""

from __future__ import annotations

from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditledger.errors import FormatError, UsageError, VerificationFailed
from creditledger.tlog.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from creditledger.tlog.note import NoteSigner, NoteVerifier, sign_note
from creditledger.tlog.tree import EMPTY_ROOT, MAX_SIZE, Frontier, leaf_hash

# The log of Tessera's testdata, with its private key.
TESSERA = "example.com/log/testdata"
TESSERA_KEY = NoteVerifier.parse("example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx")
TESSERA_SIGNER = NoteSigner(TESSERA, b64decode("AeymY/SZAX0jZcJ8enZ5FY1Dz+wTML2yWSkK+9DSF3eg")[1:])
TESSERA_HEADS = {
    1: (
        "0Nc2CrefWKseHj/mStd+LqC8B+NrX0btIiPt2SmN+ek=",
        "M9e0lhr9kuLxGdAtaUrhm84TQffVsLdcy808sN0a3WyniNlfcr9+bywoiIke1YYciCNjJGkCgIlQ8b16jhsmg/SChAM=",
    ),
    15: (
        "rKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=",
        "M9e0luh4jTG+UMBqOUo9/q+yAEvx1ilBEniMvjf1zfcBOhg+CKubMt53MvIt/uEWP6zdkdIQzd/fmwlM/dlPWF74ewI=",
    ),
}

COURT = NoteSigner("court.example/log", bytes(range(32)))
ORIGIN = "court.example/registry"
ROOT = leaf_hash(b"root")
ROOT64 = b64encode(ROOT).decode()
HEAD = Checkpoint(ORIGIN, 7, ROOT)
SIGNED = sign_checkpoint(HEAD, COURT)


@pytest.mark.parametrize("size", TESSERA_HEADS)
def test_the_published_log_of_tessera_is_signed_to_the_byte(size: int) -> None:
    frontier = Frontier()
    words = b"one two three four five six seven eit nain ten ileven twelf threeten fourten fivten".split()
    for word in words[:size]:
        frontier.push(leaf_hash(word))
    root, blob = TESSERA_HEADS[size]
    signed = f"{TESSERA}\n{size}\n{root}\n\n— {TESSERA} {blob}\n".encode()
    checkpoint = Checkpoint(TESSERA, size, frontier.root())
    assert sign_checkpoint(checkpoint, TESSERA_SIGNER) == signed
    assert open_checkpoint(signed, [TESSERA_KEY], TESSERA) == checkpoint


def test_the_go_checksum_database_has_a_key_of_another_name_than_its_origin() -> None:
    key = NoteVerifier.parse("sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8")
    body = "go.sum database tree\n35225469\nvt5T6GaLCXvyHFl9VUvvItR43XZxfLgftEcTyO3eJCQ=\n"
    blob = "Az3grpukl5AXaVfYkLiDGORx/DN2nlcS5kZHR5uYOBV2KA2HgXpD+gu9HHONebHLAyaKbbTM75QTtPydhKCExixSfwQ="
    signed = f"{body}\n— sum.golang.org {blob}\n".encode()
    checkpoint = open_checkpoint(signed, [key], "go.sum database tree")
    assert (checkpoint.size, b64encode(checkpoint.root)) == (35225469, b"vt5T6GaLCXvyHFl9VUvvItR43XZxfLgftEcTyO3eJCQ=")


def test_a_checkpoint_of_the_empty_log() -> None:
    empty = Checkpoint(ORIGIN, 0, EMPTY_ROOT)
    assert empty.to_bytes().decode() == f"{ORIGIN}\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
    assert open_checkpoint(sign_checkpoint(empty, COURT), [COURT.verifier], ORIGIN) == empty


origins = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="+"), min_size=1, max_size=60)


@given(origins, st.integers(1, MAX_SIZE), st.binary(min_size=32, max_size=32))
def test_every_checkpoint_is_read_back(origin: str, size: int, root: bytes) -> None:
    checkpoint = Checkpoint(origin, size, root)
    assert open_checkpoint(sign_checkpoint(checkpoint, COURT), [COURT.verifier], origin) == checkpoint


@given(st.binary(max_size=400) | st.from_regex(r"[a-z]{1,3}\n[0-9]{1,17}\n[A-Za-z0-9+/=]{42,45}\n?").map(str.encode))
def test_what_is_read_as_a_checkpoint_is_its_text_to_the_byte(text: bytes) -> None:
    try:
        checkpoint = Checkpoint.from_bytes(text)
    except FormatError:
        return
    assert checkpoint.to_bytes() == text


@given(st.integers(0, len(HEAD.to_bytes()) - 1), st.integers(0, 255))
def test_another_text_is_another_checkpoint(at: int, byte: int) -> None:
    """No two texts are read as the same head."""
    text = bytearray(HEAD.to_bytes())
    text[at] = byte
    try:
        checkpoint = Checkpoint.from_bytes(bytes(text))
    except FormatError:
        return
    assert (checkpoint == HEAD) == (text == HEAD.to_bytes())


HOSTILE_TEXTS = {
    "nothing": "",
    "two-lines": f"{ORIGIN}\n7\n",
    "last-line-feed-missing": f"{ORIGIN}\n7\n{ROOT64}",
    "trailing-empty-line": f"{ORIGIN}\n7\n{ROOT64}\n\n",
    "extension-line": f"{ORIGIN}\n7\n{ROOT64}\nextension\n",
    "leading-empty-line": f"\n{ORIGIN}\n7\n{ROOT64}\n",
    "carriage-returns": f"{ORIGIN}\r\n7\r\n{ROOT64}\r\n",
    "origin-empty": f"\n7\n{ROOT64}\n",
    "origin-of-256-bytes": f"{'e' * 256}\n7\n{ROOT64}\n",
    "origin-of-256-bytes-in-128-characters": f"{'é' * 128}\n7\n{ROOT64}\n",
    "origin-with-a-tab": f"court\texample\n7\n{ROOT64}\n",
    "origin-with-next-line": f"court\u0085example\n7\n{ROOT64}\n",
    "origin-with-line-separator": f"court\u2028example\n7\n{ROOT64}\n",
    "size-empty": f"{ORIGIN}\n\n{ROOT64}\n",
    "size-with-leading-zero": f"{ORIGIN}\n07\n{ROOT64}\n",
    "size-00": f"{ORIGIN}\n00\n{b64encode(EMPTY_ROOT).decode()}\n",
    "size-with-plus": f"{ORIGIN}\n+7\n{ROOT64}\n",
    "size-negative": f"{ORIGIN}\n-7\n{ROOT64}\n",
    "size-minus-0": f"{ORIGIN}\n-0\n{b64encode(EMPTY_ROOT).decode()}\n",
    "size-with-leading-space": f"{ORIGIN}\n 7\n{ROOT64}\n",
    "size-with-trailing-space": f"{ORIGIN}\n7 \n{ROOT64}\n",
    "size-with-underscore": f"{ORIGIN}\n1_0\n{ROOT64}\n",
    "size-with-point": f"{ORIGIN}\n7.0\n{ROOT64}\n",
    "size-in-hexadecimal": f"{ORIGIN}\n0x7\n{ROOT64}\n",
    "size-in-arabic-digits": f"{ORIGIN}\n\u0667\n{ROOT64}\n",
    "size-in-superscript": f"{ORIGIN}\n\u2077\n{ROOT64}\n",
    "size-beyond-the-largest": f"{ORIGIN}\n{2**53}\n{ROOT64}\n",
    "size-of-200-digits": f"{ORIGIN}\n{'7' * 200}\n{ROOT64}\n",
    "size-0-with-a-root": f"{ORIGIN}\n0\n{ROOT64}\n",
    "root-empty": f"{ORIGIN}\n7\n\n",
    "root-of-31-bytes": f"{ORIGIN}\n7\n{b64encode(ROOT[:31]).decode()}\n",
    "root-of-33-bytes": f"{ORIGIN}\n7\n{b64encode(ROOT + b'x').decode()}\n",
    "root-not-canonical": f"{ORIGIN}\n7\n{ROOT64[:-2]}{chr(ord(ROOT64[-2]) + 1)}=\n",
    "root-without-padding": f"{ORIGIN}\n7\n{ROOT64[:-1]}\n",
    "root-in-hexadecimal": f"{ORIGIN}\n7\n{ROOT.hex()}\n",
    "root-with-a-space": f"{ORIGIN}\n7\n{ROOT64} \n",
    "swapped-lines": f"7\n{ORIGIN}\n{ROOT64}\n",
    "endless": f"{ORIGIN}\n{'7' * 900_000}\n{ROOT64}\n",
}


@pytest.mark.parametrize("text", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS)
def test_a_malformed_checkpoint_is_refused_although_it_is_signed(text: str) -> None:
    with pytest.raises(FormatError) as caught:
        Checkpoint.from_bytes(text.encode())
    assert len(str(caught.value)) < 2000
    if text.endswith("\n") and "\r" not in text and "\t" not in text:
        with pytest.raises(FormatError):
            open_checkpoint(sign_note(text.encode(), COURT), [COURT.verifier], ORIGIN)


def test_the_longest_checkpoint_is_read_back() -> None:
    longest = Checkpoint("é" * 127 + "e", MAX_SIZE, ROOT)
    assert Checkpoint.from_bytes(longest.to_bytes()) == longest


def test_an_origin_that_is_not_unicode_is_refused() -> None:
    with pytest.raises(FormatError, match="not Unicode"):
        Checkpoint("\ud800", 7, ROOT)


@pytest.mark.parametrize("origin", ["court example", "court+example", "court\u00a0example"])
def test_an_origin_that_cannot_be_a_key_name_is_read_but_not_signed(origin: str) -> None:
    checkpoint = Checkpoint(origin, 7, ROOT)
    assert Checkpoint.from_bytes(checkpoint.to_bytes()) == checkpoint
    with pytest.raises(FormatError, match="must not occur"):
        sign_checkpoint(checkpoint, COURT)


def test_a_checkpoint_of_another_log_is_refused_even_if_the_key_is_the_same() -> None:
    with pytest.raises(VerificationFailed, match=r"LED-CKPT.*another log") as caught:
        open_checkpoint(SIGNED, [COURT.verifier], "court.example/registry2")
    assert (caught.value.expected, caught.value.found) == ("'court.example/registry2'", f"{ORIGIN!r}")


def test_the_text_is_not_looked_at_before_the_signature() -> None:
    forged = SIGNED.replace(b"\n7\n", b"\n07\n")
    with pytest.raises(VerificationFailed, match="LED-CKPT"):
        open_checkpoint(forged, [COURT.verifier], ORIGIN)


@pytest.mark.parametrize("forged", [SIGNED.replace(b"\n7\n", b"\n8\n"), SIGNED.replace(ORIGIN.encode(), b"other")])
def test_a_forged_checkpoint_is_refused(forged: bytes) -> None:
    with pytest.raises(VerificationFailed, match="LED-CKPT"):
        open_checkpoint(forged, [COURT.verifier], ORIGIN)


def test_a_checkpoint_signed_by_another_log_is_refused() -> None:
    with pytest.raises(VerificationFailed, match=r"LED-CKPT.*not signed by a known key"):
        open_checkpoint(SIGNED, [TESSERA_KEY], ORIGIN)


def test_a_checkpoint_is_not_left_unsigned() -> None:
    with pytest.raises(UsageError, match="at least one key"):
        sign_checkpoint(HEAD)
