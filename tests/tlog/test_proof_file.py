"""Proof files: round trips in every small tree, every other spelling, and proofs that show something else."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from creditledger.errors import FormatError, LedgerError, VerificationFailed
from creditledger.tlog.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from creditledger.tlog.cosignature import CosignatureSigner
from creditledger.tlog.note import MAX_NOTE_BYTES, NoteSigner
from creditledger.tlog.proof_file import MAX_EXTRA_BYTES, MAX_PROOF_FILE_BYTES, TlogProof
from creditledger.tlog.tree import EMPTY_ROOT, Frontier, inclusion_proof, leaf_hash, subtree_root

ORIGIN = "log.example/defaulters"
LOG = NoteSigner(ORIGIN, bytes(32))
WITNESS = CosignatureSigner("w.example", bytes(range(32)), lambda: 1_679_315_147)
LEAVES = [leaf_hash(bytes([number])) for number in range(20)]


class Leaves:
    """Reads the roots of complete subtrees straight from the leaves."""

    def read(self, level: int, index: int, /) -> bytes:
        tree = Frontier()
        for leaf in LEAVES[index << level : (index + 1) << level]:
            tree.push(leaf)
        return tree.root()


def note_of(size: int) -> bytes:
    root = subtree_root(Leaves(), 0, size) if size else EMPTY_ROOT
    return sign_checkpoint(Checkpoint(ORIGIN, size, root), LOG, WITNESS)


def proof_of(index: int, size: int) -> TlogProof:
    return TlogProof(index, tuple(inclusion_proof(Leaves(), index, size)), note_of(size))


def check(data: bytes, leaf: bytes) -> None:
    """What a verifier does: read, open the checkpoint with a key that it trusts, check."""
    proof = TlogProof.from_bytes(data)
    proof.check(leaf, open_checkpoint(proof.checkpoint, [LOG.verifier], ORIGIN))


GOOD = proof_of(5, 7)
DATA = GOOD.to_bytes()


def test_a_proof_file_looks_as_specified() -> None:
    first, index, *hashes = GOOD.head().decode().removesuffix("\n\n").split("\n")
    assert (first, index) == ("c2sp.org/tlog-proof@v1", "index 5")
    assert tuple(b64decode(one) for one in hashes) == GOOD.hashes
    assert GOOD.head().endswith(b"\n\n")
    assert GOOD.head() + GOOD.checkpoint == DATA
    extra = replace(GOOD, extra=b"\x00extra").to_bytes()
    assert extra.split(b"\n")[1] == b"extra AGV4dHJh"
    assert extra.replace(b"extra AGV4dHJh\n", b"") == DATA


def test_the_proof_of_a_log_with_one_entry_has_no_hashes() -> None:
    data = proof_of(0, 1).to_bytes()
    assert data == b"c2sp.org/tlog-proof@v1\nindex 0\n\n" + note_of(1)
    check(data, LEAVES[0])


@pytest.mark.parametrize("size", range(1, 21))
def test_every_leaf_of_every_small_log_is_proved_and_no_other_index_or_leaf(size: int) -> None:
    for index in range(size):
        proof = proof_of(index, size)
        check(proof.to_bytes(), LEAVES[index])
        for other in {index - 1, index + 1, index ^ 1, size - 1, size} - {index, -1}:
            with pytest.raises(VerificationFailed, match="LED-TREE"):
                check(replace(proof, index=other).to_bytes(), LEAVES[index])
            if other < size:
                with pytest.raises(VerificationFailed, match="LED-TREE"):
                    check(proof.to_bytes(), LEAVES[other])


FORGED = {
    "index-one-less": replace(GOOD, index=4),
    "index-one-more": replace(GOOD, index=6),
    "index-of-the-size": replace(GOOD, index=7),
    "index-far-beyond": replace(GOOD, index=2**53 - 2),
    "checkpoint-one-leaf-earlier": replace(GOOD, checkpoint=note_of(6)),
    "checkpoint-one-leaf-later": replace(GOOD, checkpoint=note_of(8)),
    "checkpoint-of-the-empty-log": replace(GOOD, checkpoint=note_of(0)),
    "truncated": replace(GOOD, hashes=GOOD.hashes[:-1]),
    "without-its-first-hash": replace(GOOD, hashes=GOOD.hashes[1:]),
    "no-hashes": replace(GOOD, hashes=()),
    "padded": replace(GOOD, hashes=(*GOOD.hashes, bytes(32))),
    "padded-before": replace(GOOD, hashes=(bytes(32), *GOOD.hashes)),
    "a-hash-twice": replace(GOOD, hashes=(GOOD.hashes[0], *GOOD.hashes)),
    "hashes-swapped": replace(GOOD, hashes=GOOD.hashes[::-1]),
    "a-bit-changed": replace(GOOD, hashes=(bytes([GOOD.hashes[0][0] ^ 1]) + GOOD.hashes[0][1:], *GOOD.hashes[1:])),
    "the-most-hashes": replace(GOOD, hashes=(bytes(32),) * 63),
}


@pytest.mark.parametrize("proof", FORGED.values(), ids=FORGED)
def test_a_forged_proof_is_refused(proof: TlogProof) -> None:
    with pytest.raises(VerificationFailed, match="LED-TREE"):
        check(proof.to_bytes(), LEAVES[5])


def test_an_inner_node_is_no_leaf() -> None:
    # The root of leaves 4 and 5, with the rest of the proof, leads to the same root.
    inner = replace(GOOD, index=2, hashes=GOOD.hashes[1:])
    with pytest.raises(VerificationFailed, match="LED-TREE"):
        check(inner.to_bytes(), Leaves().read(1, 2))


@pytest.mark.parametrize(
    "root", [pytest.param(subtree_root(Leaves(), 0, 8), id="of-another-size"), pytest.param(bytes(32), id="zeros")]
)
def test_a_swapped_root_is_refused(root: bytes) -> None:
    note = sign_checkpoint(Checkpoint(ORIGIN, 7, root), LOG)
    with pytest.raises(VerificationFailed, match="LED-TREE"):
        check(replace(GOOD, checkpoint=note).to_bytes(), LEAVES[5])
    # And one that the log has not signed is found before the proof is looked at.
    unsigned = GOOD.checkpoint.replace(b64encode(subtree_root(Leaves(), 0, 7)), b64encode(root))
    with pytest.raises(VerificationFailed, match="LED-CKPT"):
        check(replace(GOOD, checkpoint=unsigned).to_bytes(), LEAVES[5])


# -- other spellings ---------------------------------------------------------------------------------------------------

HEAD = GOOD.head()
HASH = b64encode(GOOD.hashes[0])


def headed(head: bytes) -> bytes:
    return head + GOOD.checkpoint


def with_line(line: bytes) -> bytes:
    """The proof with another line in place of its index."""
    return DATA.replace(b"index 5\n", line)


SPELLINGS = {
    "nothing": b"",
    "only-the-checkpoint": GOOD.checkpoint,
    "only-the-head": HEAD,
    "head-without-its-empty-line": headed(HEAD[:-1]),
    "two-empty-lines": headed(HEAD + b"\n"),
    "another-version": DATA.replace(b"@v1", b"@v2"),
    "header-in-capitals": DATA.replace(b"c2sp", b"C2SP"),
    "header-with-a-space-after": DATA.replace(b"@v1\n", b"@v1 \n"),
    "header-missing": DATA.split(b"\n", 1)[1],
    "header-twice": DATA.split(b"\n", 1)[0] + b"\n" + DATA,
    "byte-order-mark": b"\xef\xbb\xbf" + DATA,
    "line-before": b"\n" + DATA,
    "carriage-returns": headed(HEAD.replace(b"\n", b"\r\n")),
    "nothing-but-the-header-before-the-checkpoint": headed(b"c2sp.org/tlog-proof@v1\n\n"),
    "index-missing": with_line(b""),
    "index-without-its-word": with_line(b"5\n"),
    "index-twice": with_line(b"index 5\nindex 5\n"),
    "index-after-the-hashes": headed(HEAD.replace(b"index 5\n", b"")[:-1] + b"index 5\n\n"),
    "index-empty": with_line(b"index \n"),
    "index-without-a-space": with_line(b"index5\n"),
    "index-with-two-spaces": with_line(b"index  5\n"),
    "index-with-a-space-after": with_line(b"index 5 \n"),
    "index-with-a-zero-before": with_line(b"index 05\n"),
    "index-with-a-sign": with_line(b"index +5\n"),
    "index-negative": with_line(b"index -5\n"),
    "index-in-hexadecimal": with_line(b"index 0x5\n"),
    "index-in-other-digits": with_line("index \u0665\n".encode()),
    "index-with-an-underscore": with_line(b"index 1_0\n"),
    "index-in-capitals": with_line(b"Index 5\n"),
    "index-of-the-largest-size": with_line(b"index 9007199254740991\n"),
    "index-endless": with_line(b"index " + b"9" * 30_000 + b"\n"),
    "extra-empty": with_line(b"extra \nindex 5\n"),
    "extra-without-a-space": with_line(b"extra\nindex 5\n"),
    "extra-after-the-index": with_line(b"index 5\nextra AGV4dHJh\n"),
    "extra-twice": with_line(b"extra AGV4dHJh\nextra AGV4dHJh\nindex 5\n"),
    "extra-without-padding": with_line(b"extra AGV4dA\nindex 5\n"),
    "extra-with-unused-bits": with_line(b"extra AGV4dB==\nindex 5\n"),
    "extra-in-url-alphabet": with_line(b"extra __-_\nindex 5\n"),
    "extra-that-is-no-base64": with_line(b"extra !\nindex 5\n"),
    "extra-too-long": with_line(b"extra " + b64encode(bytes(MAX_EXTRA_BYTES + 1)) + b"\nindex 5\n"),
    "hash-of-31-bytes": DATA.replace(HASH, b64encode(bytes(31))),
    "hash-of-33-bytes": DATA.replace(HASH, b64encode(bytes(33))),
    "hash-with-a-space-before": DATA.replace(HASH, b" " + HASH),
    "hash-with-a-space-after": DATA.replace(HASH, HASH + b" "),
    "hash-without-padding": DATA.replace(HASH, HASH[:-1]),
    "hash-with-unused-bits": DATA.replace(HASH, HASH[:-2] + bytes([HASH[-2] + 1]) + b"="),
    "hash-in-hexadecimal": DATA.replace(HASH, GOOD.hashes[0].hex().encode()),
    "64-hashes": headed(HEAD[:-1] + (b64encode(bytes(32)) + b"\n") * (64 - len(GOOD.hashes)) + b"\n"),
    "octets-that-are-not-ascii": with_line(b"index 5\n\xff\n"),
    "nul": with_line(b"index 5\0\n"),
    "checkpoint-too-large": headed(HEAD) + b"x" * MAX_NOTE_BYTES,
    "too-large": bytes(MAX_PROOF_FILE_BYTES + 1),
}


@pytest.mark.parametrize("data", SPELLINGS.values(), ids=SPELLINGS)
def test_another_spelling_is_refused(data: bytes) -> None:
    assert data != DATA
    with pytest.raises(FormatError) as caught:
        TlogProof.from_bytes(data)
    assert len(str(caught.value)) < 500


def test_an_empty_line_among_the_hashes_makes_the_rest_a_checkpoint_that_is_none() -> None:
    data = DATA.replace(HASH + b"\n", b"\n")
    assert TlogProof.from_bytes(data).hashes == ()
    with pytest.raises(VerificationFailed, match="LED-CKPT"):
        check(data, LEAVES[5])


def test_the_bounds_themselves_are_allowed() -> None:
    for proof in (
        replace(GOOD, extra=bytes(MAX_EXTRA_BYTES)),
        replace(GOOD, extra=b"\0"),
        replace(GOOD, hashes=(bytes(32),) * 63),
        replace(GOOD, index=2**53 - 2),
        TlogProof(2**53 - 2, (bytes(32),) * 63, b"x" * MAX_NOTE_BYTES, bytes(MAX_EXTRA_BYTES)),
    ):
        data = proof.to_bytes()
        assert len(data) <= MAX_PROOF_FILE_BYTES
        assert TlogProof.from_bytes(data) == proof


@pytest.mark.parametrize(
    "proof",
    [
        replace(GOOD, index=-1),
        replace(GOOD, index=2**53 - 1),
        replace(GOOD, hashes=(bytes(31),)),
        replace(GOOD, hashes=(bytes(32),) * 64),
        replace(GOOD, extra=b""),
        replace(GOOD, extra=bytes(MAX_EXTRA_BYTES + 1)),
        replace(GOOD, checkpoint=b""),
        replace(GOOD, checkpoint=b"\n" + GOOD.checkpoint),
        replace(GOOD, checkpoint=bytes(MAX_NOTE_BYTES + 1)),
    ],
    ids=range(9),
)
def test_what_could_not_be_read_back_is_not_written(proof: TlogProof) -> None:
    with pytest.raises(FormatError):
        proof.to_bytes()


# -- hostile input -----------------------------------------------------------------------------------------------------


@given(
    st.integers(0, 2**53 - 2), st.lists(st.binary(min_size=32, max_size=32), max_size=63),
    st.none() | st.binary(min_size=1, max_size=50), st.binary(min_size=1, max_size=50),
)  # fmt: skip
def test_every_proof_is_read_back(index: int, hashes: list[bytes], extra: bytes | None, note: bytes) -> None:
    if note.startswith(b"\n"):
        return
    proof = TlogProof(index, tuple(hashes), note, extra)
    assert TlogProof.from_bytes(proof.to_bytes()) == proof


@given(st.data())
@settings(max_examples=200)
def test_no_change_to_a_proof_file_passes_for_it_and_none_raises_anything_but_our_errors(data: st.DataObject) -> None:
    changed = bytearray(DATA)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(changed) - 1))
        match data.draw(st.sampled_from(["set", "drop", "add", "cut"])):
            case "set":
                changed[at] = data.draw(st.integers(0, 255))
            case "drop":
                del changed[at]
            case "add":
                changed.insert(at, data.draw(st.sampled_from(b"\n \r\t+=A0")))
            case _:
                del changed[at:]
        if not changed:
            break
    try:
        check(bytes(changed), LEAVES[5])
    except LedgerError:
        return
    # What still proves it differs in signatures by keys that this verifier does not know, if at all.
    proof = TlogProof.from_bytes(bytes(changed))
    assert proof.to_bytes() == changed
    assert (proof.index, proof.hashes) == (GOOD.index, GOOD.hashes)
    assert proof.checkpoint.partition(b"\n\n")[0] == GOOD.checkpoint.partition(b"\n\n")[0]


@given(st.binary(max_size=200) | st.text(max_size=80).map(str.encode))
def test_no_bytes_raise_anything_but_our_errors(data: bytes) -> None:
    for one in (data, b"c2sp.org/tlog-proof@v1\n" + data, b"c2sp.org/tlog-proof@v1\nindex 1\n" + data):
        try:
            proof = TlogProof.from_bytes(one)
        except LedgerError:
            continue
        assert proof.to_bytes() == one
