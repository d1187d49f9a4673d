"""Evidence of a fork before both checkers: what it proves, and that nobody can be charged with one that was not."""

from __future__ import annotations

import pytest

from creditledger.codec.canonical import decode, encode
from creditledger.errors import FormatError, VerificationFailed
from creditledger.receipts import check, fork
from receipts.cases import Tree, also_signed, both, log_signer, signed, witness, world

HASH = bytes(range(32))


def evidence(one: bytes, other: bytes, tree: Tree | None = None) -> bytes:
    data = fork.make(world().trust(), one, other, tree)
    assert data is not None
    return data


def rewritten() -> Tree:
    """The log with record 3 replaced."""
    records = [*world().records]
    records[3] = records[4]
    return Tree(records)


def forks() -> list[bytes]:
    tree = rewritten()
    return [
        evidence(signed(9, HASH), world().notes[9]),
        evidence(world().notes[9], signed(13, tree.root()), tree),
        evidence(signed(13, tree.root(), log_signer(), witness("press")), world().notes[13]),
    ]


def test_a_fork_is_proved_to_whoever_has_the_trust_file() -> None:
    for data in forks():
        assert both(data, world().trust()) == 3
        with pytest.raises(VerificationFailed, match="LED-FORK"):
            check.check(data, world().trust())


def test_histories_that_agree_are_no_fork() -> None:
    assert fork.make(world().trust(), world().notes[9], world().notes[13], Tree(world().records)) is None
    _, ledger_id, first, second, root, proof = decode(forks()[1], 1 << 20)
    genuine = Tree(world().records)
    for forged in (
        (ledger_id, first, world().notes[13], genuine.root(9), ()), (ledger_id, second, first, root, proof),
        (ledger_id, first, second, HASH, proof), (ledger_id, first, second, root, proof[:-1]),
        (HASH, first, second, root, proof), (ledger_id, first, second, root, [*proof, HASH]),
        (ledger_id, signed(9, HASH, log_signer("thief")), second, root, proof),
        (ledger_id, first, signed(13, rewritten().root(), origin="other.example"), root, proof),
        (ledger_id, first, second, root[:-1], proof), (ledger_id, first, second, root, [HASH[:-1]]),
    ):  # fmt: skip
        assert both(encode(("creditledger/fork/v1", *forged)), world().trust()) == 1, forged
    assert both(encode(("creditledger/fork/v2", *forged)), world().trust()) == 13


@pytest.mark.parametrize(
    ("version", "code"),
    [
        ("v2", 13), ("v10", 13), ("v999999999", 13), ("v01", 1), ("v0", 1), ("f1", 1), ("v1 ", 1), ("v+2", 1), ("", 1),
        ("v\u0662", 1), ("v1.1", 1), ("v9999999999", 1),
    ],
)  # fmt: skip
def test_a_version_is_a_number_in_its_one_spelling(version: str, code: int) -> None:
    """What is none is no version that another program may know, but no evidence at all."""
    _, *elements = decode(forks()[1], 1 << 20)
    assert both(encode((f"creditledger/fork/{version}", *elements)), world().trust()) == code


def test_what_is_too_large_for_a_fork_is_none_of_any_version() -> None:
    data = encode(("creditledger/fork/v2", bytes(fork.MAX_BYTES)))
    assert both(data, world().trust()) == 1


def test_a_log_does_not_get_out_of_what_it_signed_by_a_wrong_line() -> None:
    genuine, forged = world().notes[9], signed(9, HASH)
    spoilt = also_signed(genuine, [witness("stranger")])
    assert both(evidence(forged, spoilt), world().trust()) == 3


def test_no_byte_of_a_fork_changes_unseen() -> None:
    data = forks()[1]
    version = len("creditledger/fork/v1") + 2
    for at in range(version, len(data)):
        forged = data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :]
        assert both(forged, world().trust()) == 1, at
    for at in range(version):
        with pytest.raises(FormatError):
            check.check(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :], world().trust())
