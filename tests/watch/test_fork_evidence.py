"""Evidence of a fork: made for every pair of histories that part, never for one that continues the other, and no file
that anybody makes up is taken for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.logs import ORIGIN, log_signer
from creditledger.audit.trust import Trust
from creditledger.codec.canonical import decode, encode
from creditledger.errors import CannotVerify, FormatError, UnsupportedError, UsageError, VerificationFailed
from creditledger.receipts.fork import FORMAT, MAX_BYTES, Evidence, check, make
from creditledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from creditledger.tlog.note import MAX_NOTE_BYTES, NoteSigner, Signature
from creditledger.tlog.tiles import TileReader
from watch.trees import LEDGER, TRUST, History

SEEN, SHOWN = History("a" * 300), History("a" * 257 + "b" * 500)


def evidence() -> bytes:
    found = make(TRUST, SEEN.note(), SHOWN.note(), SHOWN.tree())
    assert found is not None
    return found


def test_two_sizes_of_two_histories_are_proved_by_the_file_alone() -> None:
    fork = check(evidence(), TRUST)
    assert (fork.first.size, fork.second.size, fork.exit_code) == (300, 757, 3)
    assert (fork.first.root, fork.root) == (SEEN.root(), SHOWN.root(300))
    assert "this proves that the log showed two histories" in next(fork.lines())
    assert fork.to_json()["finding"] == fork.failure().finding == "LED-FORK"


def test_equal_sizes_need_no_proof_and_no_tree() -> None:
    one, other = History("aab"), History("aac")
    data = make(TRUST, one.note(), other.note())
    assert data is not None
    assert Evidence.from_bytes(data).proof == ()
    assert "same size" in check(data, TRUST).message
    assert data == make(TRUST, other.note(), one.note())


@settings(max_examples=120)
@given(st.integers(0, 600), st.integers(0, 300), st.integers(0, 300), st.integers(0, 900))
def test_it_exists_exactly_when_the_histories_part_before_the_smaller_size(
    common: int, more: int, others: int, cut: int
) -> None:
    one = History("a" * (common + more))
    other = History("a" * common + "b" * others)
    size = min(cut, one.size)
    larger, at = (one, size) if size > other.size else (other, other.size)
    data = make(TRUST, one.note(size), other.note(), larger.tree(at))
    parted = min(size, other.size) > common
    assert (data is not None) == parted
    if data is not None:
        assert check(data, TRUST).first.size == min(size, other.size)


def altered(**changes: object) -> bytes:
    return encode((FORMAT, *Evidence.from_bytes(evidence())._replace(**changes)))  # type: ignore[arg-type]  # forged


STRANGER = NoteSigner(ORIGIN, bytes(range(32)))
OTHER_ORIGIN = sign_checkpoint(Checkpoint("another.example", 300, SEEN.root()), log_signer(name="another.example"))
GROWN = History("a" * 300 + "c" * 9)
HONEST = tuple(GROWN.tree().read(0, index) for index in range(2))

FORGED: dict[str, tuple[bytes, str]] = {
    "the same root, an honest pair": (
        encode((FORMAT, *Evidence(LEDGER, SEEN.note(), SEEN.note(), SEEN.root(), ()))), "do not contradict",
    ),
    "an honest pair with a made-up root": (
        encode((FORMAT, *Evidence(LEDGER, SEEN.note(), GROWN.note(), bytes(32), HONEST))), "LED-TREE",
    ),
    "no proof": (altered(proof=()), "LED-TREE"),
    "a proof with another hash": (altered(proof=(bytes(32), *Evidence.from_bytes(evidence()).proof[1:])), "LED-TREE"),
    "another root": (altered(root=bytes(32)), "LED-TREE"),
    "the first signed by nobody known": (altered(first=SEEN.note(signer=STRANGER)), "LED-CKPT"),
    "the second signed by nobody known": (altered(second=SHOWN.note(signer=STRANGER)), "LED-CKPT"),
    "a root edited in the note": (altered(first=SEEN.note().replace(b"\n300\n", b"\n301\n")), "LED-CKPT"),
    "a checkpoint of another log": (altered(first=OTHER_ORIGIN), "LED-CKPT"),
    "in the wrong order": (altered(first=SHOWN.note(), second=SEEN.note()), "the smaller checkpoint comes first"),
    "about another ledger": (altered(ledger_id=bytes(32)), "about ledger 0000"),
    "from the empty log": (
        altered(first=sign_checkpoint(Checkpoint(ORIGIN, 0, History("").root()), log_signer()), proof=()), "LED-TREE",
    ),
    "a short root": (altered(root=bytes(31)), "the root has 32 bytes, not 31"),
    "a proof that is none": (altered(proof=b"x" * 32), "an array of at most 64"),
    "a proof of too many hashes": (altered(proof=(bytes(32),) * 65), "at most 64"),
    "a note that is a text": (altered(first="x"), "the first checkpoint has 0 to 1000000 bytes"),
    "two notes that are none": (altered(first=b"", second=b""), "a signed note"),
    "no array": (encode(7), "it does not begin with 'creditledger/fork/v1'"),
    "another file of ours": (encode(("creditledger/receipt/v1",)), "it begins with 'creditledger/receipt/v1'"),
    "nothing": (b"", "not MessagePack|the bytes end|no value"),
    "bytes after it": (evidence() + b"\x00", "more after the value"),
    "too many bytes": (bytes(MAX_BYTES + 1), "where at most"),
}  # fmt: skip


@pytest.mark.parametrize("forgery", FORGED)
def test_what_is_made_up_proves_nothing(forgery: str) -> None:
    data, why = FORGED[forgery]
    with pytest.raises(FormatError, match=f"(?s)proves nothing.*({why})") as refused:
        check(data, TRUST)
    assert refused.value.exit_code == 1


def test_another_version_is_not_called_worthless() -> None:
    with pytest.raises(UnsupportedError, match="fork/v2"):
        check(encode(("creditledger/fork/v2", 1)), TRUST)


def test_every_changed_byte_takes_the_proof_away() -> None:
    data = evidence()
    for at in range(0, len(data), 7):
        with pytest.raises(FormatError):
            check(data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :], TRUST)


def test_a_wrong_line_beside_a_good_signature_takes_nothing_from_it() -> None:
    """A log that signs both histories cannot void them by spoiling the signature of a second key of its own."""
    second = NoteSigner(ORIGIN, bytes(32))
    both = Trust(ORIGIN, LEDGER, (second.verifier.vkey, *TRUST.log_keys))
    spoilt = Signature(ORIGIN, second.verifier.key_id, bytes(64)).to_bytes()
    for lines in (spoilt, spoilt * 2):
        data = make(both, SEEN.note() + lines, SHOWN.note() + lines, SHOWN.tree())
        assert data is not None
        assert check(data, both).exit_code == 3


def test_notes_with_all_the_signatures_that_are_allowed_make_evidence() -> None:
    lines = b"".join(Signature(f"w{number}", bytes(4), bytes(2420)).to_bytes() for number in range(99))
    data = make(TRUST, SEEN.note() + lines, SHOWN.note() + lines, SHOWN.tree())
    assert data is not None
    assert len(data) < MAX_BYTES
    assert 2 * MAX_NOTE_BYTES < MAX_BYTES
    assert check(data, TRUST).exit_code == 3


def test_what_cannot_be_compared_is_never_called_a_fork() -> None:
    with pytest.raises(UsageError, match="the tree of the larger one is needed"):
        make(TRUST, SEEN.note(), SHOWN.note())
    with pytest.raises(CannotVerify):
        make(TRUST, SEEN.note(), SHOWN.note(), TileReader(SHOWN.size, lambda *_: None))
    with pytest.raises(VerificationFailed, match="LED-TREE"):
        make(TRUST, SEEN.note(), SHOWN.note(), History("z" * SHOWN.size).tree())
    with pytest.raises(VerificationFailed, match="LED-CKPT"):
        make(TRUST, SEEN.note(signer=STRANGER), SHOWN.note(), SHOWN.tree())


def test_a_fresh_process_that_has_only_the_trust_file_is_convinced(tmp_path: Path) -> None:
    (tmp_path / "fork").write_bytes(evidence())
    (tmp_path / "trust").write_text(TRUST.to_text())
    program = (
        "import sys, pathlib\n"
        "from creditledger.audit.trust import Trust\n"
        "from creditledger.receipts.fork import check\n"
        "fork = check(pathlib.Path(sys.argv[1]).read_bytes(), Trust.load(sys.argv[2]))\n"
        "print(*fork.lines(), sep='\\n'); sys.exit(fork.exit_code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "fork", tmp_path / "trust"], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (3, "")
    assert "showed two histories" in done.stdout


def test_the_form_is_the_one_that_is_written_down() -> None:
    version, ledger_id, first, second, root, proof = decode(evidence(), MAX_BYTES)
    assert (version, ledger_id, first, second) == ("creditledger/fork/v1", LEDGER, SEEN.note(), SHOWN.note())
    assert (root, type(proof)) == (SHOWN.root(300), tuple)
