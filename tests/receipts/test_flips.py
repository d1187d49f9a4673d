"""One bit of a proof changed, wherever it stands: nothing that still holds may say something else.

The only bytes that may change without effect are those of signature lines that the trust file does not ask for: they
are no part of what is proved. `ALL` asks for every line that is there, so that under it there are none.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from creditledger.audit.trust import Trust
from creditledger.errors import LedgerError
from creditledger.receipts import acknowledgement, check
from creditledger.receipts.acknowledgement import Acknowledgement, Recorded, Refusal
from receipts.cases import DESK, also_signed, both, policy, post_quantum, witness, world
from support.registry import ORIGIN

WITNESSES = [witness("press"), witness("bar")]


def asks_for_all() -> Trust:
    return world().trust(policy("press", "bar"), desk=True)


def proofs() -> dict[str, bytes]:
    """A proof of each kind, with as many signatures as `asks_for_all` asks for."""
    base = world()
    said = Acknowledgement(ORIGIN, base.ledger_id, True, bytes(32), 1_772_453_000_123_456, Recorded(7, 8))
    refused = said._replace(outcome=Refusal("R-MANDATE", 0, "no mandate — none", "a mandate"))
    extension = base.extension
    history = base.history._replace(note=also_signed(base.history.note, WITNESSES), items=base.history.items[:2])
    return {
        "history": history.to_bytes(),
        "extension": extension._replace(new=also_signed(extension.new, WITNESSES)).to_bytes(),
        "recorded": acknowledgement.sign_acknowledgement(said, DESK),
        "refused": acknowledgement.sign_acknowledgement(refused, DESK),
    }


KINDS = ("history", "extension", "recorded", "refused")


def flipped(data: bytes, bits: int | None = None) -> Iterator[tuple[int, bytes]]:
    """The data with one bit changed in every byte (another from byte to byte), or with each bit in turn."""
    for at in range(len(data)):
        for bit in (at % 8,) if bits is None else range(bits):
            yield at, data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]


@pytest.mark.parametrize("kind", KINDS)
def test_no_byte_changes_unseen(kind: str) -> None:
    data, trust = proofs()[kind], asks_for_all()
    assert both(data, trust) == 0
    for at, forged in flipped(data):
        assert both(forged, trust) != 0, f"byte {at} of a {kind} changed, and nobody minds"


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_no_bit_changes_unseen(kind: str) -> None:
    data, trust = proofs()[kind], asks_for_all()
    for at, forged in flipped(data, 8):
        assert both(forged, trust) != 0, f"byte {at} of a {kind} changed, and nobody minds"


def test_only_signatures_that_nobody_asks_for_change_without_effect() -> None:
    base, trust = world(), world().trust()
    note = also_signed(base.receipt.note, WITNESSES[:1])
    data = base.receipt._replace(note=note, items=base.receipt.items[:1]).to_bytes()
    begin = data.index(note) + len(base.receipt.note)
    surplus = range(begin, begin + len(note) - len(base.receipt.note))
    unseen = {at for at, forged in flipped(data) if both(forged, trust) == 0}
    assert unseen
    assert unseen <= {*surplus}


def test_no_byte_of_a_post_quantum_signature_changes_unseen() -> None:
    base, asks = world(), world().trust(quantum=True)
    data = base.receipt._replace(note=also_signed(base.receipt.note, [post_quantum()])).to_bytes()
    assert check.check(data, asks).exit_code == 0
    for at, forged in flipped(data):
        if at % 7 == 0:  # A sample: each takes a lattice's signature to verify.
            with pytest.raises(LedgerError):
                check.check(forged, asks)


@pytest.mark.parametrize("kind", KINDS)
def test_no_proof_survives_being_cut_off_or_added_to(kind: str) -> None:
    data, trust = proofs()[kind], asks_for_all()
    for end in range(0, len(data), 5):
        assert both(data[:end], trust) != 0
    for more in (b"\0", b"\n", b" ", data):
        assert both(data + more, trust) != 0
