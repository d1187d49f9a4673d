"""The two checkers come to the same verdict about trust files, and about what is malformed under right signatures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import verify_receipt
from creditledger.audit.trust import Trust
from creditledger.codec.canonical import encode
from creditledger.errors import FormatError
from creditledger.receipts.formats import ReceiptFile
from creditledger.tlog.cosignature import CosignatureSigner, MlDsaSigner
from creditledger.tlog.note import NoteSigner, format_vkey
from receipts.cases import both

FIXTURES = Path(__file__).parents[1] / "fixtures/proofs-v1"


# Trust files that both read, or refuse with the same exit.

DESK = NoteSigner("desk.example", b"\3" * 32).verifier
COSIGNER = CosignatureSigner("w.example", b"\2" * 32, lambda: 1).verifier
LOG = NoteSigner("registry.example.org/d", b"\1" * 32).verifier
RENAMED = NoteSigner("registry.example.org/e", b"\1" * 32).verifier
LATTICE = MlDsaSigner("registry.example.org/d", b"\4" * 32, lambda: 0).verifier
UNKNOWN = format_vkey("x", 5, bytes(32))


def trust_file(*log: str, desk: list[str] | None = None, witnesses: str | None = None, version: int = 2) -> bytes:
    lines = [
        f'format = "creditledger/trust/v{version}"', 'origin = "registry.example.org/d"', f'ledger_id = "{"ab" * 32}"',
        f"log_keys = {json.dumps(log)}", *([] if desk is None else [f"acknowledgement_keys = {json.dumps(desk)}"]),
        *([] if witnesses is None else [f'witnesses = """\n{witnesses}"""']),
    ]  # fmt: skip
    return "\n".join([*lines, ""]).encode()


def many_witnesses(number: int) -> str:
    keys = [CosignatureSigner(f"w{n}", bytes([n + 10]) * 32, lambda: 1).verifier.vkey for n in range(number)]
    return "".join(f"witness w{n} {key}\n" for n, key in enumerate(keys)) + "quorum w0\n"


def many_groups(number: int) -> str:
    groups = "".join(f"group g{n} any {f'g{n - 1}' if n else 'a'}\n" for n in range(number))
    return f"witness a {COSIGNER.vkey}\n{groups}quorum g{number - 1}\n"


def witness(name: str = "a", url: str = "") -> str:
    return f"witness {name} {COSIGNER.vkey} {url}\nquorum {name}\n"


SHORT = format_vkey("registry.example.org/d", 4, bytes(5))
TRUST_FILES: dict[str, tuple[bytes, int]] = {
    "two log keys": (trust_file(LOG.vkey, DESK.vkey), 0),
    "everything": (trust_file(LOG.vkey, LATTICE.vkey, desk=[DESK.vkey], witnesses=witness()), 0),
    "one log key under two names": (trust_file(LOG.vkey, RENAMED.vkey), 0),
    "one log key under two names in version 1": (trust_file(LOG.vkey, RENAMED.vkey, version=1), 0),
    "a log key twice": (trust_file(LOG.vkey, LOG.vkey), 1),
    "an ML-DSA-44 key in version 1": (trust_file(LOG.vkey, LATTICE.vkey, version=1), 13),
    "a key of a witness for a log in version 1": (trust_file(LOG.vkey, COSIGNER.vkey, version=1), 13),
    "a malformed key of another type in version 1": (trust_file(LOG.vkey, SHORT, version=1), 13),
    "a malformed key of another type": (trust_file(LOG.vkey, SHORT), 1),
    "the key of a witness for a log": (trust_file(LOG.vkey, COSIGNER.vkey), 13),
    "nothing but such a key": (trust_file(COSIGNER.vkey), 13),
    "nothing but an ML-DSA-44 key": (trust_file(LATTICE.vkey), 1),
    "the key of a witness for a desk": (trust_file(LOG.vkey, desk=[COSIGNER.vkey]), 13),
    "an ML-DSA-44 key for a desk": (trust_file(LOG.vkey, desk=[LATTICE.vkey]), 13),
    "an unknown type, and a malformed key": (trust_file(UNKNOWN, LOG.vkey, desk=["x"]), 1),
    "an unknown type, and a desk key twice": (trust_file(UNKNOWN, LOG.vkey, desk=[DESK.vkey] * 2), 1),
    "an unknown type, and a malformed policy": (trust_file(UNKNOWN, LOG.vkey, witnesses="quorum a\n"), 1),
    "a witness of an unknown type": (trust_file(LOG.vkey, witnesses=f"witness a {UNKNOWN}\nquorum a\n"), 13),
    "such a witness, and a malformed line": (trust_file(LOG.vkey, witnesses=f"witness a {UNKNOWN}\nx\nquorum a\n"), 1),
    "a witness with a log's type of key": (trust_file(LOG.vkey, witnesses=f"witness a {DESK.vkey}\nquorum a\n"), 1),
    "a desk that witnesses": (
        trust_file(LOG.vkey, desk=[NoteSigner("d", b"\2" * 32).verifier.vkey], witnesses=witness()), 1
    ),
    "64 witnesses": (trust_file(LOG.vkey, witnesses=many_witnesses(64)), 0),
    "65 witnesses": (trust_file(LOG.vkey, witnesses=many_witnesses(65)), 1),
    "64 groups": (trust_file(LOG.vkey, witnesses=many_groups(64)), 0),
    "65 groups": (trust_file(LOG.vkey, witnesses=many_groups(65)), 1),
    "a name of 255 characters": (trust_file(LOG.vkey, witnesses=witness("é" * 255)), 0),
    "a name of 256 characters": (trust_file(LOG.vkey, witnesses=witness("é" * 256)), 1),
    "a URL of 2,048 characters": (trust_file(LOG.vkey, witnesses=witness(url="u" * 2048)), 0),
    "a URL of 2,049 characters": (trust_file(LOG.vkey, witnesses=witness(url="u" * 2049)), 1),
    "version 1 in 64 KiB": (trust_file(LOG.vkey, version=1).ljust(65_536, b"#"), 0),
    "version 1 beyond 64 KiB": (trust_file(LOG.vkey, version=1).ljust(65_537, b"#"), 1),
    "version 2 beyond 64 KiB": (trust_file(LOG.vkey).ljust(65_537, b"#"), 0),
    "a key of many parts": (trust_file(LOG.vkey) + b".".join([b"a"] * 30_000) + b" = 1\n", 1),
    "a key of many parts in version 3": (trust_file(LOG.vkey, version=3) + b"a." * 30_000 + b"a = 1\n", 1),
    "a key of a few parts in version 3": (trust_file(LOG.vkey, version=3) + b"a." * 16 + b"a = 1\n", 13),
    "as many dots in a comment": (trust_file(LOG.vkey) + b"#" + b"." * 30_000, 0),
    "version 3 beyond 64 KiB": (trust_file(LOG.vkey, version=3).ljust(65_537, b"#"), 1),
}  # fmt: skip


@pytest.mark.parametrize("name", TRUST_FILES)
def test_both_take_the_same_files_for_trust_files(name: str) -> None:
    data, code = TRUST_FILES[name]
    for reader in (Trust.from_bytes, verify_receipt.Trust):
        try:
            reader(data)
        except (FormatError, verify_receipt.End) as error:
            found = error.exit_code if isinstance(error, FormatError) else error.code
        else:
            found = 0
        assert found == code, reader


# What is malformed shows nothing, whoever signed it.


@pytest.mark.parametrize("desk", [True, False])
@pytest.mark.parametrize(
    ("old", "new"), [(b"\n\n", b"\n"), (b" ", b"\n"), (b"=\n", b"\n"), (b"\n\n", b"\n\n\xff"), (b"=\n", b"=")]
)
def test_an_acknowledgement_that_is_no_note_is_malformed_whatever_is_trusted(
    desk: bool, old: bytes, new: bytes
) -> None:
    data = (FIXTURES / "recorded.ack").read_bytes()
    trust = Trust.load(FIXTURES / ("full.trust" if desk else "plain.trust"))
    assert both(data, trust) == (0 if desk else 4)
    head, found, tail = data.rpartition(old)
    assert found
    assert both(head + new + tail, trust) == 1


@pytest.mark.parametrize("note", [b"\n", b"\n\n", b"registry\n", "an extension line"])
def test_a_note_that_is_no_checkpoint_is_malformed(note: bytes | str) -> None:
    """Signed or not, what says neither origin nor size nor root is no evidence against a log."""
    trust = Trust.load(FIXTURES / "plain.trust")
    data = (FIXTURES / "act.receipt").read_bytes()
    receipt = ReceiptFile.from_bytes(data)
    changed = receipt.note.replace(b"\n\n", b"\nextension\n\n") if isinstance(note, str) else note + receipt.note
    assert both(data, trust) == 0
    assert both(encode(("creditledger/receipt/v1", *receipt._replace(note=changed))), trust) == 1
    proof = (FIXTURES / "last.tlog-proof").read_bytes()
    record = (FIXTURES / "last.record").read_bytes()
    head, _, checkpoint = proof.partition(b"\n\n")
    assert both(proof, trust, record) == 0
    changed = checkpoint.replace(b"\n\n", b"\nextension\n\n") if isinstance(note, str) else note + checkpoint
    assert both(head + b"\n\n" + changed, trust, record) == 1
