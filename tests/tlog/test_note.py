"""Signed notes: published vectors of c2sp.org/signed-note and golang.org/x/mod, and forgeries."""

from __future__ import annotations

from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditledger.errors import FormatError, UnsupportedError, UsageError, VerificationFailed
from creditledger.tlog.note import (
    MAX_NOTE_BYTES,
    NoteSigner,
    NoteVerifier,
    Signature,
    format_vkey,
    key_id,
    open_note,
    parse_vkey,
    sign_note,
)

# The example of the specification.
FOO = NoteVerifier.parse("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")
FOO_BLOB = "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM="

# The example of golang.org/x/mod/sumdb/note, with its private key.
PETER = NoteVerifier.parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
PETER_SEED = b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
PETER_TEXT = b"If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
PETER_BLOB = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
PETER_NOTE = PETER_TEXT + f"\n— PeterNeumann {PETER_BLOB}\n".encode()

COURT = NoteSigner("court.example/log", bytes(range(32)))
CLERK = NoteSigner("clerk.example/log", bytes(range(1, 33)))
TEXT = b"example.com/registry\n7\n"
NOTE = sign_note(TEXT, COURT)
LINE = COURT.sign(TEXT).to_bytes()
BLOB = LINE.split(b" ")[2].strip()


def test_the_example_of_the_specification_is_verified() -> None:
    text = b"This is an example message.\n"
    note = open_note(text + f"\n— example.com/foo {FOO_BLOB}\n".encode(), [FOO])
    assert note.text == text
    assert note.signatures == (Signature("example.com/foo", bytes.fromhex("530d903a"), b64decode(FOO_BLOB)[4:]),)


def test_the_example_of_go_is_signed_and_verified() -> None:
    assert sign_note(PETER_TEXT, NoteSigner("PeterNeumann", PETER_SEED)) == PETER_NOTE
    assert NoteSigner("PeterNeumann", PETER_SEED).verifier == PETER
    assert open_note(PETER_NOTE, [PETER]).text == PETER_TEXT


def test_the_key_of_the_go_checksum_database_has_a_plus_in_its_last_part() -> None:
    vkey = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
    verifier = NoteVerifier.parse(vkey)
    assert (verifier.name, verifier.key_id.hex(), verifier.vkey) == ("sum.golang.org", "033de0ae", vkey)


def test_a_vkey_of_another_type_is_parsed_but_signs_no_plain_notes() -> None:
    # An Ed25519 cosignature key (type 04).
    vkey = "witness.example.com/w1+a0059f11+BAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
    name, key_type, public_key = parse_vkey(vkey)
    assert (name, key_type, len(public_key)) == ("witness.example.com/w1", 4, 32)
    assert format_vkey(name, key_type, public_key) == vkey
    with pytest.raises(UnsupportedError, match="type 04"):
        NoteVerifier.parse(vkey)


@given(st.binary(min_size=32, max_size=32))
def test_every_key_is_read_back_from_its_vkey(seed: bytes) -> None:
    verifier = NoteSigner("example.com/log", seed).verifier
    assert NoteVerifier.parse(verifier.vkey) == verifier


def vkey_of(name: str = "example.com/foo", material: bytes = b"\x01" + FOO.public_key) -> str:
    return f"{name}+{key_id(name, material[0], material[1:]).hex()}+{b64encode(material).decode()}"


HOSTILE_VKEYS = {
    "nothing": "",
    "name-only": "example.com/foo",
    "no-key": "example.com/foo+530d903a",
    "empty-key": "example.com/foo+530d903a+",
    "type-byte-only": vkey_of(material=b"\x01"),
    "key-of-31-bytes": vkey_of(material=b"\x01" + FOO.public_key[:31]),
    "key-of-33-bytes": vkey_of(material=b"\x01" + FOO.public_key + b"\x00"),
    "key-of-small-order": vkey_of(material=b"\x01" + b"\x01" + bytes(31)),
    "key-that-is-not-canonical": vkey_of(material=b"\x01" + b"\xff" * 32),
    "key-id-of-another-key": FOO.vkey.replace("530d903a", "c74f20a3"),
    "key-id-of-another-name": FOO.vkey.replace("example.com/foo", "example.com/fop"),
    "key-id-in-capitals": FOO.vkey.replace("530d903a", "530D903A"),
    "key-id-with-leading-zero": FOO.vkey.replace("530d903a", "0530d903a"),
    "key-id-with-sign": FOO.vkey.replace("530d903a", "+530d903"),
    "key-without-last-character": FOO.vkey[:-1],
    "key-with-trailing-line-feed": FOO.vkey + "\n",
    "key-with-trailing-garbage": FOO.vkey + "AAAA",
    "key-in-url-alphabet": vkey_of(material=b"\x01" + PETER.public_key).replace("/LDE", "_LDE"),
    "key-with-superfluous-padding": FOO.vkey + "====",
    "key-with-a-space": FOO.vkey[:-4] + " " + FOO.vkey[-4:],
    "name-empty": vkey_of(""),
    "name-with-space": vkey_of("example.com foo"),
    "name-with-no-break-space": vkey_of("example.com\u00a0foo"),
    "name-with-ideographic-space": vkey_of("example.com\u3000foo"),
    "name-with-line-feed": vkey_of("example.com\nfoo"),
    "name-with-next-line": vkey_of("example.com\u0085foo"),
    "name-with-delete": vkey_of("example.com\x7ffoo"),
    "name-with-plus": vkey_of("example.com+foo"),
    "name-of-256-bytes": vkey_of("e" * 256),
    "name-of-256-bytes-in-128-characters": vkey_of("é" * 128),
    "name-with-half-a-character": "\ud800+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
    "endless": "e" * 10_000_000,
}


@pytest.mark.parametrize("vkey", HOSTILE_VKEYS.values(), ids=HOSTILE_VKEYS)
def test_a_malformed_vkey_is_refused(vkey: str) -> None:
    with pytest.raises(FormatError) as caught:
        NoteVerifier.parse(vkey)
    assert len(str(caught.value)) < 1000


def test_a_vkey_is_refused_for_its_length_before_it_is_taken_apart() -> None:
    longest = vkey_of("e" * 86, b"\xff" + bytes(2999))
    assert len(longest) == 4096
    assert parse_vkey(longest) == ("e" * 86, 0xFF, bytes(2999))
    with pytest.raises(FormatError, match="at most 4096"):
        parse_vkey("e" + longest)


def test_a_vkey_of_any_type_has_a_public_key() -> None:
    assert parse_vkey(vkey_of(material=b"\xff\x00")) == ("example.com/foo", 0xFF, b"\x00")
    with pytest.raises(FormatError, match="type byte and a public key"):
        parse_vkey(vkey_of(material=b"\xff"))


def test_a_key_name_has_1_to_255_bytes() -> None:
    for name in ("e", "e" * 255, "é" * 127, "例え.example/記録"):
        signer = NoteSigner(name, bytes(32))
        (signature,) = open_note(sign_note(TEXT, signer), [signer.verifier]).signatures
        assert signature.name == name


def test_a_seed_of_another_length_is_refused() -> None:
    with pytest.raises(FormatError, match="31"):
        NoteSigner("example.com", bytes(31))


@given(st.lists(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=20), min_size=1, max_size=8))
def test_every_text_comes_back_as_it_was_signed(lines: list[str]) -> None:
    """Empty lines and lines that look like signatures included."""
    text = "".join(f"{line}\n" for line in [*lines, ""]).encode()
    note = open_note(sign_note(text, COURT, CLERK), [CLERK.verifier, COURT.verifier])
    assert note.text == text
    assert [signature.name for signature in note.signatures] == ["court.example/log", "clerk.example/log"]


def test_a_text_that_contains_a_signed_note_is_not_mistaken_for_it() -> None:
    outer = sign_note(NOTE + b"but not this\n", CLERK)
    assert open_note(outer, [CLERK.verifier]).text == NOTE + b"but not this\n"
    with pytest.raises(VerificationFailed, match="not signed by a known key"):
        open_note(outer, [COURT.verifier])


def test_signatures_by_unknown_keys_are_ignored() -> None:
    other_name = Signature("nobody.example", COURT.verifier.key_id, bytes(64)).to_bytes()
    other_id = Signature(COURT.verifier.name, b"\x00\x01\x02\x03", bytes(2420)).to_bytes()
    note = open_note(TEXT + b"\n" + other_name + other_name + LINE + other_id, [COURT.verifier])
    assert [signature.key_id for signature in note.signatures] == [COURT.verifier.key_id]


def test_one_of_several_known_keys_suffices_and_the_others_are_not_reported() -> None:
    note = open_note(NOTE, [CLERK.verifier, COURT.verifier])
    assert [signature.name for signature in note.signatures] == ["court.example/log"]


def test_a_signature_is_added_by_appending_its_line() -> None:
    cosigned = NOTE + CLERK.sign(TEXT).to_bytes()
    assert cosigned == sign_note(TEXT, COURT, CLERK)


def test_a_hundred_signatures_are_accepted() -> None:
    note = TEXT + b"\n" + Signature("nobody.example", b"1234", bytes(2432)).to_bytes() * 99 + LINE
    assert open_note(note, [COURT.verifier]).text == TEXT


def blob_line(blob: bytes, name: str = "court.example/log") -> bytes:
    return f"— {name} ".encode() + blob + b"\n"


HOSTILE_NOTES = {
    "nothing": b"",
    "text-only": TEXT,
    "signature-only": LINE,
    "empty-line-only": b"\n\n",
    "no-signature": TEXT + b"\n",
    "no-empty-line": TEXT + LINE,
    "text-without-line-feed": b"text" + LINE,
    "trailing-empty-line": NOTE + b"\n",
    "trailing-garbage": NOTE + b"garbage",
    "trailing-nul": NOTE + b"\x00",
    "trailing-spaces-at-the-end-of-the-line": NOTE[:-1] + b"  \n",
    "last-line-feed-missing": NOTE[:-1],
    "carriage-returns": NOTE.replace(b"\n", b"\r\n"),
    "tab-in-the-text": b"a\tb\n\n" + LINE,
    "escape-sequence-in-the-text": b"\x1b[2J\n\n" + LINE,
    "nul-in-the-text": b"a\x00b\n\n" + LINE,
    "text-that-is-not-utf-8": b"\xff\n\n" + LINE,
    "text-with-overlong-utf-8": b"\xc0\x8a\n\n" + LINE,
    "text-with-half-a-character": b"\xed\xa0\x80\n\n" + LINE,
    "name-that-is-not-utf-8": TEXT + b"\n" + LINE.replace(b"court", b"c\xffurt"),
    "hyphen-for-the-dash": NOTE.replace("—".encode(), b"-"),
    "en-dash-for-the-dash": NOTE.replace("—".encode(), "\u2013".encode()),
    "no-space-after-the-dash": NOTE.replace("— ".encode(), "—".encode()),
    "two-spaces-after-the-dash": NOTE.replace("— ".encode(), "—  ".encode()),
    "no-break-space-after-the-dash": NOTE.replace("— ".encode(), "—\u00a0".encode()),
    "name-with-plus": NOTE.replace(b"court.", b"court+"),
    "name-of-256-bytes": TEXT + b"\n" + blob_line(BLOB, "e" * 256) + LINE,
    "no-signature-after-the-name": TEXT + b"\n" + blob_line(b""),
    "key-id-only": TEXT + b"\n" + blob_line(b64encode(COURT.verifier.key_id)),
    "key-id-cut-short": TEXT + b"\n" + blob_line(b64encode(COURT.verifier.key_id[:3])),
    "base64-not-canonical": TEXT + b"\n" + blob_line(BLOB[:-2] + bytes([BLOB[-2] + 1]) + b"="),
    "base64-without-padding": TEXT + b"\n" + blob_line(BLOB.rstrip(b"=")),
    "base64-with-superfluous-padding": TEXT + b"\n" + blob_line(BLOB + b"===="),
    "base64-with-padding-inside": TEXT + b"\n" + blob_line(b"AA==" + BLOB),
    "base64-in-url-alphabet": TEXT + b"\n" + blob_line(b"-_-_" + BLOB[4:]),
    "base64-in-two-words": TEXT + b"\n" + blob_line(BLOB[:8] + b" " + BLOB[8:]),
    "base64-in-wide-letters": TEXT + b"\n" + blob_line(("\uff21" * 4).encode() + BLOB[4:]),
    "unknown-key-with-malformed-signature": TEXT + b"\n" + blob_line(b"!", "nobody.example") + LINE,
    "duplicate-signature-lines": NOTE + LINE,
    "101-signatures": TEXT + b"\n" + blob_line(BLOB, "nobody.example") * 100 + LINE,
    "larger-than-any-note": b"a\n" * (MAX_NOTE_BYTES // 2) + NOTE,
}


@pytest.mark.parametrize("data", HOSTILE_NOTES.values(), ids=HOSTILE_NOTES)
def test_a_malformed_note_is_refused(data: bytes) -> None:
    assert open_note(NOTE, [COURT.verifier]).text == TEXT
    with pytest.raises(FormatError) as caught:
        open_note(data, [COURT.verifier])
    assert len(str(caught.value)) < 1000


def test_a_note_is_refused_for_its_length_before_it_is_taken_apart() -> None:
    longest = sign_note(b"a" * (MAX_NOTE_BYTES - len(NOTE) + len(TEXT) - 1) + b"\n", COURT)
    assert len(longest) == MAX_NOTE_BYTES == 1_000_000
    assert len(open_note(longest, [COURT.verifier]).signatures) == 1
    with pytest.raises(FormatError, match="at most 1000000 bytes"):
        open_note(b"a" + longest, [COURT.verifier])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (TEXT, "has an empty line before its signatures"),
        (b"a\n\x07\n\n" + LINE, "control character 07 at byte 2"),
        (b"a\n\xff\n\n" + LINE, "not UTF-8, from byte 2 on"),
        (TEXT + b"\n" + LINE + b"- x y\n", "signature line 2 of the note does not begin"),
        (TEXT + b"\n" + blob_line(b"!"), "signature line 1 is not base64"),
    ],
)
def test_a_malformed_note_is_refused_with_the_place(data: bytes, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        open_note(data, [COURT.verifier])


def changed(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


RAW = b64decode(BLOB)
FORGED_NOTES = {
    "text-changed": NOTE.replace(b"\n7\n", b"\n8\n"),
    "text-longer-by-an-empty-line": TEXT + b"\n\n" + LINE,
    "text-shorter-by-a-line": TEXT[:-2] + b"\n" + LINE,
    "signature-moved-into-the-text": NOTE + b"\n" + LINE.replace(b"court", b"nobody"),
    "signature-changed": TEXT + b"\n" + blob_line(b64encode(changed(RAW, 40))),
    "signature-cut-short": TEXT + b"\n" + blob_line(b64encode(RAW[:-1])),
    "signature-with-trailing-garbage": TEXT + b"\n" + blob_line(b64encode(RAW + b"\x00")),
    "signature-of-one-byte": TEXT + b"\n" + blob_line(b64encode(RAW[:5])),
    "signature-by-another-key-under-this-name": TEXT
    + b"\n"
    + Signature(COURT.verifier.name, COURT.verifier.key_id, CLERK.sign(TEXT).signature).to_bytes(),
    "right-signature-after-a-wrong-one": TEXT + b"\n" + blob_line(b64encode(changed(RAW, 40))) + LINE,
    "wrong-signature-by-a-second-known-key": NOTE
    + Signature(CLERK.verifier.name, CLERK.verifier.key_id, RAW[4:]).to_bytes(),
    "signed-under-another-name": TEXT + b"\n" + LINE.replace(b"court", b"count"),
    "signed-under-another-key-id": TEXT + b"\n" + blob_line(b64encode(changed(RAW, 0))),
    "signed-by-nobody-known": sign_note(TEXT, NoteSigner("nobody.example", bytes(32))),
    "signed-by-a-namesake": sign_note(TEXT, NoteSigner("court.example/log", bytes(32))),
}


@pytest.mark.parametrize("data", FORGED_NOTES.values(), ids=FORGED_NOTES)
def test_a_forged_note_is_refused(data: bytes) -> None:
    with pytest.raises(VerificationFailed, match=r"LED-CKPT.*expected .*, found ") as caught:
        open_note(data, [COURT.verifier, CLERK.verifier])
    assert caught.value.finding == "LED-CKPT"


@pytest.mark.parametrize("at", range(len(NOTE)))
def test_no_byte_of_a_signed_note_can_be_changed(at: int) -> None:
    with pytest.raises((FormatError, VerificationFailed)):
        open_note(changed(NOTE, at), [COURT.verifier])


def test_a_note_without_known_keys_names_the_keys_it_has_and_those_that_were_expected() -> None:
    hundred = b"".join(Signature(f"w{number}.example", b"1234", b"x").to_bytes() for number in range(100))
    with pytest.raises(VerificationFailed) as caught:
        open_note(TEXT + b"\n" + hundred, [COURT.verifier])
    assert COURT.verifier.key_id.hex() in caught.value.expected
    assert "'w4.example+31323334' and 95 more" in caught.value.found
    with pytest.raises(VerificationFailed) as caught:
        open_note(TEXT + b"\n" + b"".join(hundred.splitlines(keepends=True)[:5]), [COURT.verifier])
    assert caught.value.found.endswith("'w4.example+31323334'")


def test_no_verifier_verifies_nothing() -> None:
    with pytest.raises(VerificationFailed, match="not signed by a known key"):
        open_note(NOTE, [])


def test_a_verifier_given_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="twice"):
        open_note(NOTE, [COURT.verifier, COURT.verifier])


@pytest.mark.parametrize("text", [b"", b"text", b"a\rb\n", b"\x00\n", b"\xff\n"])
def test_what_cannot_be_the_text_of_a_note_is_not_signed(text: bytes) -> None:
    with pytest.raises(FormatError, match="the text"):
        sign_note(text, COURT)


@pytest.mark.parametrize("signers", [[], [COURT, COURT]], ids=["none", "twice"])
def test_a_note_is_signed_by_each_key_once(signers: list[NoteSigner]) -> None:
    with pytest.raises(UsageError, match="at least one key"):
        sign_note(TEXT, *signers)
