"""Cosignatures: published ones, one by another implementation, forgeries, and what a signer must not sign."""

from __future__ import annotations

import subprocess
import sys
from base64 import b64decode
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from creditledger.errors import FormatError, LedgerError, UnsupportedError, UsageError, VerificationFailed
from creditledger.keys import ed25519, mldsa
from creditledger.tlog.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from creditledger.tlog.cosignature import (
    MAX_TIMESTAMP,
    CosignatureSigner,
    CosignatureVerifier,
    MlDsaSigner,
    MlDsaVerifier,
    parse_verifier,
    parse_witness_verifier,
    timestamp,
)
from creditledger.tlog.note import (
    NoteSigner,
    NoteVerifier,
    Signature,
    Signer,
    Verifier,
    format_vkey,
    open_note,
    sign_note,
)

DATA = Path(__file__).parent / "data"
SEED = bytes(range(32))
NOW = 1_679_315_147
SOFA = b"example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
W1_VKEY = "witness.example.com/w1+a0059f11+BAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
W1_BLOB = "oAWfEQAAAABkGFDLBuRDazBLVac2NE+Y+IjbjQOcXLfF9CSDZVUIoS83rE1nFZsVE8YiWV6Ngr7lV8H6bdoBQGP/l73euDMQ9k+bBQ=="

HEAD = Checkpoint("log.example/defaulters", 7, sha256(b"a root").digest())
TEXT = HEAD.to_bytes()
LOG = NoteSigner("log.example/defaulters", bytes(32))
W1 = CosignatureSigner("w1.example", SEED, lambda: NOW)
W2 = MlDsaSigner("w2.example", SEED, lambda: NOW)
QUANTUM = MlDsaSigner("log.example/defaulters", bytes(32), lambda: 0)
BOTH = pytest.mark.parametrize("witness", [W1, W2], ids=["ed25519", "ml-dsa-44"])
Witness = CosignatureSigner | MlDsaSigner


# -- made elsewhere ----------------------------------------------------------------------------------------------------


def test_the_known_cosignature_is_made_and_verified() -> None:
    witness = CosignatureSigner("witness.example.com/w1", SEED, lambda: NOW)
    assert witness.verifier.vkey == W1_VKEY
    assert witness.sign(SOFA).to_bytes() == f"— witness.example.com/w1 {W1_BLOB}\n".encode()
    assert parse_verifier(W1_VKEY) == witness.verifier
    (signature,) = open_note(SOFA + b"\n" + witness.sign(SOFA).to_bytes(), [witness.verifier]).signatures
    assert timestamp(signature) == NOW


def test_the_example_of_the_specification_has_the_time_it_says() -> None:
    # Its key is not published, so that only what stands before the signature can be checked.
    blob = b64decode(
        "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA=="
    )
    assert timestamp(Signature("witness.example.com/w1", blob[:4], blob[4:])) == NOW


def test_a_checkpoint_that_another_implementation_signed_with_ml_dsa_is_verified() -> None:
    # From the tests of Torchwood (filippo.io/torchwood, cmd/litewitness/testdata/mldsa.txt).
    vkey = (DATA / "torchwood-mldsa.vkey").read_text().strip()
    note = (DATA / "torchwood-mldsa.note").read_bytes()
    verifier = parse_verifier(vkey)
    assert isinstance(verifier, MlDsaVerifier)
    assert verifier.vkey == vkey
    assert open_checkpoint(note, [verifier], "example.com/mldsa-log").size == 1
    with pytest.raises(VerificationFailed, match="expected a timestamp of 1"):
        open_note(note, [parse_witness_verifier(vkey)])
    with pytest.raises(VerificationFailed):
        open_note(note.replace(b"\n1\n", b"\n2\n"), [verifier])


# -- what is signed ----------------------------------------------------------------------------------------------------


@BOTH
@given(time=st.integers(1, MAX_TIMESTAMP), size=st.integers(1, 2**53 - 1), root=st.binary(min_size=32, max_size=32))
@settings(max_examples=20)
def test_a_cosignature_is_verified_and_tells_its_time(witness: Witness, time: int, size: int, root: bytes) -> None:
    text = Checkpoint("log.example", size, root).to_bytes()
    witness = type(witness)(witness.verifier.name, SEED, lambda: time)
    note = sign_note(text, witness)
    (signature,) = open_note(note, [witness.verifier]).signatures
    assert timestamp(signature) == time
    assert parse_verifier(witness.verifier.vkey) == witness.verifier


def test_one_note_carries_signatures_of_every_type() -> None:
    note = sign_checkpoint(HEAD, LOG, QUANTUM, W1, W2)
    keys: list[Verifier] = [LOG.verifier, QUANTUM.verifier, W1.verifier, W2.verifier]
    signatures = open_note(note, keys).signatures
    assert [(one.name, one.key_id) for one in signatures] == [(key.name, key.key_id) for key in keys]
    assert [timestamp(one) for one in signatures[1:]] == [0, NOW, NOW]
    for key in keys:
        assert len(open_note(note, [key]).signatures) == 1


def test_the_message_of_an_ml_dsa_signature_is_laid_out_as_specified() -> None:
    signature = W2.sign(TEXT).signature
    message = (
        b"subtree/v1\n\0" + b"\x0aw2.example" + NOW.to_bytes(8, "big") + b"\x16log.example/defaulters"
        + bytes(8) + (7).to_bytes(8, "big") + HEAD.root
    )  # fmt: skip
    mldsa.verify(W2.verifier.public_key, message, signature[8:])
    assert signature[:8] == NOW.to_bytes(8, "big")


def test_a_log_with_the_longest_names_is_signed() -> None:
    head = Checkpoint("o" * 255, 2**53 - 1, bytes(32))
    witness = MlDsaSigner("n" * 255, SEED, lambda: MAX_TIMESTAMP)
    assert open_note(sign_note(head.to_bytes(), witness), [witness.verifier]).text == head.to_bytes()


@BOTH
@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"I owe you 100\n", id="another-text"),
        pytest.param(TEXT + b"extension\n", id="extension-line"),
        pytest.param(TEXT.replace(b"\n7\n", b"\n07\n"), id="size-with-a-zero-before-it"),
        pytest.param(
            Checkpoint("x", 0, sha256(b"").digest()).to_bytes().replace(b"\n0\n", b"\n1\n\n"), id="a-line-more"
        ),
        pytest.param(TEXT.replace(b"\n7\n", b"\n0\n"), id="size-0-with-a-root"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_nothing_but_a_checkpoint_is_cosigned(witness: Witness, text: bytes) -> None:
    with pytest.raises(FormatError):
        witness.sign(text)


@BOTH
@pytest.mark.parametrize("time", [-1, MAX_TIMESTAMP + 1])
def test_a_clock_that_is_wrong_is_refused(witness: Witness, time: int) -> None:
    with pytest.raises(UsageError, match=str(time)):
        type(witness)("w.example", SEED, lambda: time).sign(TEXT)


def test_an_ed25519_cosignature_needs_a_time() -> None:
    with pytest.raises(UsageError, match="0"):
        CosignatureSigner("w.example", SEED, lambda: 0).sign(TEXT)


# -- forgeries ---------------------------------------------------------------------------------------------------------


def refused(verifier: CosignatureVerifier | MlDsaVerifier, text: bytes, signature: bytes) -> str:
    with pytest.raises(VerificationFailed, match="LED-SIG") as caught:
        verifier.verify(text, signature)
    assert len(str(caught.value)) < 600
    return str(caught.value)


OTHER_TEXTS = {
    "another-size": Checkpoint(HEAD.origin, 8, HEAD.root).to_bytes(),
    "another-root": Checkpoint(HEAD.origin, 7, bytes(32)).to_bytes(),
    "another-log": Checkpoint("log.example/other", 7, HEAD.root).to_bytes(),
    "origin-that-takes-a-byte-more": Checkpoint("log.example/defaulters2", 7, HEAD.root).to_bytes(),
}


@BOTH
@pytest.mark.parametrize("text", OTHER_TEXTS.values(), ids=OTHER_TEXTS)
def test_a_cosignature_is_not_moved_to_another_checkpoint(witness: Witness, text: bytes) -> None:
    refused(witness.verifier, text, witness.sign(TEXT).signature)


@BOTH
def test_a_cosignature_is_not_moved_to_another_time(witness: Witness) -> None:
    signature = witness.sign(TEXT).signature
    for time in (NOW - 1, NOW + 1, 1, MAX_TIMESTAMP):
        refused(witness.verifier, TEXT, time.to_bytes(8, "big") + signature[8:])


@BOTH
def test_a_cosignature_of_a_wrong_length_is_refused(witness: Witness) -> None:
    signature = witness.sign(TEXT).signature
    for changed in (b"", signature[:7], signature[:8], signature[:-1], signature + b"\0", signature[8:]):
        assert "length" in refused(witness.verifier, TEXT, changed)


@BOTH
def test_a_time_beyond_63_bits_is_refused_although_it_is_signed(witness: Witness) -> None:
    time = (MAX_TIMESTAMP + 1).to_bytes(8, "big")
    if isinstance(witness, CosignatureSigner):
        proper = ed25519.sign(SEED, b"cosignature/v1\ntime 9223372036854775808\n" + TEXT)
    else:
        proper = mldsa.SigningKey(SEED).sign(
            b"subtree/v1\n\0\x0aw2.example" + time + b"\x16log.example/defaulters"
            + bytes(8) + (7).to_bytes(8, "big") + HEAD.root
        )  # fmt: skip
    assert "9223372036854775808" in refused(witness.verifier, TEXT, time + proper)
    with pytest.raises(FormatError, match="9223372036854775808"):
        timestamp(Signature("w", bytes(4), time + proper))


def test_a_cosignature_without_a_time_does_not_count_for_a_witness() -> None:
    signature = QUANTUM.sign(TEXT).signature
    QUANTUM.verifier.verify(TEXT, signature)
    timed = MlDsaVerifier(QUANTUM.verifier.name, QUANTUM.verifier.public_key, timed=True)
    assert "found 0" in refused(timed, TEXT, signature)
    proper = ed25519.sign(SEED, b"cosignature/v1\ntime 0\n" + TEXT)
    assert "found 0" in refused(W1.verifier, TEXT, bytes(8) + proper)


def test_a_log_signature_is_no_cosignature_of_the_same_key() -> None:
    witness = CosignatureVerifier("log.example/defaulters", LOG.verifier.public_key)
    refused(witness, TEXT, bytes(8) + LOG.sign(TEXT).signature)
    refused(witness, TEXT, NOW.to_bytes(8, "big") + LOG.sign(TEXT).signature)


def test_a_cosignature_is_no_log_signature_of_the_same_key() -> None:
    log = NoteVerifier("w1.example", W1.verifier.public_key)
    for blob in (W1.sign(TEXT).signature, W1.sign(TEXT).signature[8:]):
        with pytest.raises(VerificationFailed):
            log.verify(TEXT, blob)


def test_an_ml_dsa_cosignature_is_not_moved_to_another_name_of_the_same_key() -> None:
    renamed = MlDsaVerifier("w3.example", W2.verifier.public_key)
    refused(renamed, TEXT, W2.sign(TEXT).signature)


def test_lengths_keep_names_apart_in_what_ml_dsa_signs() -> None:
    # Without the lengths, the end of one name could pass for the beginning of the next field.
    first = MlDsaSigner("a", SEED, lambda: NOW).sign(Checkpoint("bc", 7, HEAD.root).to_bytes())
    refused(MlDsaVerifier("ab", W2.verifier.public_key), Checkpoint("c", 7, HEAD.root).to_bytes(), first.signature)


def test_an_ml_dsa_signature_of_what_is_no_checkpoint_is_malformed() -> None:
    signature = W2.sign(TEXT).signature
    for text in (TEXT + b"extension\n", b"text\n"):
        with pytest.raises(FormatError):
            W2.verifier.verify(text, signature)


@BOTH
def test_a_wrong_cosignature_of_a_known_key_spoils_the_note_and_of_an_unknown_one_does_not(witness: Witness) -> None:
    wrong = witness.sign(OTHER_TEXTS["another-size"]).to_bytes()
    note = sign_checkpoint(HEAD, LOG) + wrong
    assert len(open_note(note, [LOG.verifier]).signatures) == 1
    with pytest.raises(VerificationFailed, match="LED-CKPT"):
        open_note(note, [LOG.verifier, witness.verifier])


@BOTH
def test_two_cosignatures_of_one_key_are_refused_even_if_both_are_good(witness: Witness) -> None:
    later: Signer = type(witness)(witness.verifier.name, SEED, lambda: NOW + 1)
    note = sign_checkpoint(HEAD, LOG, witness) + later.sign(TEXT).to_bytes()
    with pytest.raises(FormatError, match="more than one signature"):
        open_note(note, [LOG.verifier, witness.verifier])


def test_a_stripped_cosignature_is_missing_and_the_rest_still_verifies() -> None:
    note = sign_checkpoint(HEAD, LOG, W1, W2).replace(W1.sign(TEXT).to_bytes(), b"")
    signatures = open_note(note, [LOG.verifier, W1.verifier, W2.verifier]).signatures
    assert [one.name for one in signatures] == [LOG.verifier.name, W2.verifier.name]


def test_100_cosignatures_are_read_and_101_are_not() -> None:
    lines = [MlDsaSigner(f"w{number}.example", SEED, lambda: NOW).sign(TEXT).to_bytes() for number in range(99)]
    full = sign_checkpoint(HEAD, LOG) + b"".join(lines)
    assert open_checkpoint(full, [LOG.verifier], HEAD.origin) == HEAD
    with pytest.raises(FormatError, match="at most 100"):
        open_checkpoint(full + W1.sign(TEXT).to_bytes(), [LOG.verifier], HEAD.origin)


@BOTH
@given(data=st.data())
@settings(max_examples=60)
def test_no_other_bytes_are_a_cosignature(witness: Witness, data: st.DataObject) -> None:
    signature = witness.sign(TEXT).signature
    changed = bytearray(signature)
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    if bytes(changed) != signature:
        refused(witness.verifier, TEXT, bytes(changed))


# -- subtrees ----------------------------------------------------------------------------------------------------------


def test_a_subtree_is_signed_without_a_time_and_verified() -> None:
    signature = W2.sign_subtree("log.example", 8, 13, HEAD.root)
    assert timestamp(signature) == 0
    W2.verifier.verify_subtree("log.example", 8, 13, HEAD.root, signature.signature)
    for other in (
        ("log.example", 8, 12, HEAD.root), ("log.example", 0, 13, HEAD.root), ("log.example", 8, 13, bytes(32)),
        ("log.example2", 8, 13, HEAD.root),
    ):  # fmt: skip
        with pytest.raises(VerificationFailed, match="LED-SIG"):
            W2.verifier.verify_subtree(*other, signature.signature)


def test_a_subtree_from_the_first_leaf_on_is_a_checkpoint_without_a_time() -> None:
    signature = QUANTUM.sign(TEXT).signature
    QUANTUM.verifier.verify_subtree(HEAD.origin, 0, 7, HEAD.root, signature)
    with pytest.raises(VerificationFailed, match="expected timestamp 0"):
        W2.verifier.verify_subtree(HEAD.origin, 0, 7, HEAD.root, W2.sign(TEXT).signature)
    # A witness that signed a subtree has not said that it is the largest tree it has seen.
    timed = MlDsaVerifier("w2.example", W2.verifier.public_key, timed=True)
    refused(timed, TEXT, W2.sign_subtree(HEAD.origin, 0, 7, HEAD.root).signature)


@pytest.mark.parametrize(
    ("origin", "start", "end", "root"),
    [
        pytest.param("x", 0, 0, bytes(32), id="empty"),
        pytest.param("x", 4, 4, bytes(32), id="empty-further-on"),
        pytest.param("x", 5, 4, bytes(32), id="backwards"),
        pytest.param("x", -4, 4, bytes(32), id="negative"),
        pytest.param("x", 4, 13, bytes(32), id="no-subtree"),
        pytest.param("x", 0, 2**53, bytes(32), id="too-large"),
        pytest.param("x", 0, 4, bytes(31), id="short-root"),
        pytest.param("", 0, 4, bytes(32), id="no-origin"),
        pytest.param("o" * 256, 0, 4, bytes(32), id="long-origin"),
        pytest.param("o\n", 0, 4, bytes(32), id="two-lines"),
    ],
)
def test_what_is_no_subtree_is_neither_signed_nor_verified(origin: str, start: int, end: int, root: bytes) -> None:
    with pytest.raises(FormatError):
        W2.sign_subtree(origin, start, end, root)
    with pytest.raises(FormatError):
        W2.verifier.verify_subtree(origin, start, end, root, bytes(2428))


# -- keys --------------------------------------------------------------------------------------------------------------


def test_keys_are_told_apart_by_their_type() -> None:
    assert isinstance(parse_verifier(LOG.verifier.vkey), NoteVerifier)
    assert isinstance(parse_verifier(W1.verifier.vkey), CosignatureVerifier)
    assert parse_verifier(W2.verifier.vkey) == W2.verifier
    assert parse_witness_verifier(W1.verifier.vkey) == W1.verifier
    assert parse_witness_verifier(W2.verifier.vkey) == MlDsaVerifier("w2.example", W2.verifier.public_key, timed=True)
    # The same name and public key have another key id for each type.
    assert NoteVerifier("w1.example", W1.verifier.public_key).key_id != W1.verifier.key_id


@pytest.mark.parametrize("key_type", [0, 2, 3, 5, 7, 0xFA, 0xFF])
def test_a_key_of_another_type_is_not_supported(key_type: int) -> None:
    vkey = format_vkey("w.example", key_type, bytes(32))
    for parse in (parse_verifier, parse_witness_verifier):
        with pytest.raises(UnsupportedError, match=f"type {key_type:02x}"):
            parse(vkey)


@pytest.mark.parametrize(
    "vkey",
    [
        pytest.param(format_vkey("w", 4, bytes(31)), id="ed25519-a-byte-short"),
        pytest.param(format_vkey("w", 4, b"\x01" + bytes(31)), id="ed25519-of-small-order"),
        pytest.param(format_vkey("w", 4, W2.verifier.public_key), id="ml-dsa-key-as-ed25519"),
        pytest.param(format_vkey("w", 6, W1.verifier.public_key), id="ed25519-key-as-ml-dsa"),
        pytest.param(format_vkey("w", 6, bytes(1311)), id="ml-dsa-a-byte-short"),
        pytest.param(format_vkey("w", 6, bytes(1313)), id="ml-dsa-a-byte-long"),
        pytest.param(W1_VKEY.replace("a0059f11", "a0059f12"), id="another-key-id"),
        pytest.param(W1_VKEY.replace("w1", "w2"), id="another-name"),
        pytest.param("", id="nothing"),
    ],
)
def test_a_malformed_key_is_refused(vkey: str) -> None:
    with pytest.raises(FormatError) as caught:
        parse_verifier(vkey)
    assert not isinstance(caught.value, UnsupportedError)


def test_the_key_of_a_log_is_none_of_a_witness() -> None:
    with pytest.raises(FormatError, match="type 04 or 06"):
        parse_witness_verifier(LOG.verifier.vkey)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\n", "n" * 256])
@pytest.mark.parametrize("kind", [CosignatureSigner, MlDsaSigner])
def test_a_cosigner_has_a_key_name(kind: type[Witness], name: str) -> None:
    with pytest.raises(FormatError):
        kind(name, SEED, lambda: NOW)


@given(st.text(max_size=120) | st.binary(max_size=80).map(lambda raw: format_vkey("w", raw[0] if raw else 0, raw[1:])))
def test_no_vkey_raises_anything_but_our_errors(vkey: str) -> None:
    try:
        verifier = parse_verifier(vkey)
    except LedgerError:
        return
    assert verifier.vkey == vkey


@given(st.binary(max_size=100))
def test_no_signature_raises_anything_but_our_errors(blob: bytes) -> None:
    for verifier in (W1.verifier, W2.verifier):
        with pytest.raises(LedgerError):
            verifier.verify(TEXT, blob)
    if len(blob) != 72:
        with pytest.raises(LedgerError):
            timestamp(Signature("w", bytes(4), blob))


def test_verifying_without_ml_dsa_does_not_import_it() -> None:
    code = (
        "import sys; from creditledger.tlog.cosignature import parse_verifier\n"
        f"parse_verifier({W1_VKEY!r}).verify({SOFA!r}, {b64decode(W1_BLOB)[4:]!r})\n"
        "print('cryptography' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
