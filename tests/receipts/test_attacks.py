"""Attacks on receipts and extensions, each by the name of what it tries; both checkers must agree on the verdict."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest

from creditledger.codec.canonical import decode, encode
from creditledger.errors import FormatError
from creditledger.receipts import formats
from creditledger.receipts.formats import About, ExtensionFile, Item, ReceiptFile
from creditledger.record.entry import Entry, decode_entry, encode_entry
from creditledger.record.record import Record, decode_record, encode_record
from creditledger.tlog.note import Signature
from creditledger.tlog.proof_file import TlogProof
from creditledger.tlog.tree import EMPTY_ROOT, consistency_proof, leaf_hash
from receipts.cases import (
    Tree,
    also_signed,
    both,
    finding,
    log_signer,
    policy,
    post_quantum,
    receipt_of,
    report,
    signed,
    text_of,
    witness,
    world,
)
from support.registry import LIST, firm, signer

HASH = bytes(range(32))


def with_proof(place: int, change: Callable[[TlogProof], TlogProof]) -> bytes:
    """The receipt with one proof changed."""
    receipt = world().receipt
    items = list(receipt.items)
    items[place] = items[place]._replace(head=change(receipt.proofs()[place]).head())
    return receipt._replace(items=tuple(items)).to_bytes()


def changed(proof: TlogProof, index: int | None = None, hashes: tuple[bytes, ...] | None = None) -> TlogProof:
    return TlogProof(
        proof.index if index is None else index, proof.hashes if hashes is None else hashes, proof.checkpoint
    )


def test_a_forged_record_is_not_in_the_tree() -> None:
    receipt = world().receipt
    forged = encode_record(decode_record(receipt.items[0].record)._replace(recorded_at=1))
    items = (Item(forged, receipt.items[0].head), receipt.items[1])
    assert finding(receipt._replace(items=items).to_bytes(), world().trust()) == "LED-TREE"


def test_records_swapped_between_their_proofs() -> None:
    receipt = world().receipt
    one, two = receipt.items
    items = (one._replace(record=two.record), two._replace(record=one.record))
    assert finding(receipt._replace(items=items).to_bytes(), world().trust()) == "LED-TREE"


@pytest.mark.parametrize(
    "hashes",
    [
        lambda hashes: hashes[:-1],
        lambda hashes: hashes[1:],
        lambda hashes: (),
        lambda hashes: (*hashes, HASH),
        lambda hashes: (HASH, *hashes),
        lambda hashes: hashes[::-1],
        lambda hashes: (HASH,) * len(hashes),
        lambda hashes: (HASH,) * 63,
    ],
    ids=["cut-above", "cut-below", "emptied", "padded-above", "padded-below", "reversed", "forged", "overlong"],
)
def test_a_proof_of_other_hashes(hashes: Callable[[tuple[bytes, ...]], tuple[bytes, ...]]) -> None:
    data = with_proof(0, lambda proof: changed(proof, hashes=hashes(proof.hashes)))
    assert finding(data, world().trust()) == "LED-TREE"


@pytest.mark.parametrize(("place", "step"), [(0, -1), (1, 1), (1, 2**40), (1, 2**53 - 10)])
def test_an_index_off_by_one_and_by_more(place: int, step: int) -> None:
    assert finding(with_proof(place, lambda proof: changed(proof, proof.index + step)), world().trust()) == "LED-TREE"


def test_roots_swapped_by_somebody_who_has_not_the_log_key() -> None:
    receipt = world().receipt
    for note in (signed(13, HASH, log_signer("thief")), receipt.note.replace(b"\n13\n", b"\n14\n")):
        assert note != receipt.note
        assert finding(receipt._replace(note=note).to_bytes(), world().trust()) == "LED-CKPT"


def test_a_thief_signs_under_the_name_and_key_id_of_the_log() -> None:
    receipt = world().receipt
    line = log_signer("thief").sign(text_of(receipt.note))
    genuine = log_signer().verifier
    forged = type(line)(genuine.name, genuine.key_id, line.signature)
    note = text_of(receipt.note) + b"\n" + forged.to_bytes()
    assert finding(receipt._replace(note=note).to_bytes(), world().trust()) == "LED-CKPT"


def test_a_checkpoint_of_a_wrong_size_or_of_size_0() -> None:
    receipt, trust = world().receipt, world().trust()
    tree = Tree(world().records)
    # Of a size whose tree has the same shape around these records, only the signature can speak.
    for note in (signed(7, tree.root()), signed(17, tree.root()), signed(9, tree.root(9)), signed(0, EMPTY_ROOT)):
        assert finding(receipt._replace(note=note).to_bytes(), trust) == "LED-TREE"


def test_an_old_checkpoint_replayed_under_new_proofs() -> None:
    for size, note in world().notes.items():
        if size < 13:
            assert finding(world().receipt._replace(note=note).to_bytes(), world().trust()) == "LED-TREE"


def test_an_old_checkpoint_without_the_cosignatures_of_the_new() -> None:
    old = receipt_of(world().records[:10], 8)
    assert both(old, world().trust()) == 0
    assert both(old, world().trust(policy("press"))) == 4


def test_a_cosignature_moved_to_another_checkpoint() -> None:
    extension = world().extension
    line = witness("press").sign(text_of(extension.old)).to_bytes()
    forged = extension._replace(new=extension.new + line).to_bytes()
    assert finding(forged, world().trust(policy("press"))) == "LED-CKPT"


def test_another_ledgers_receipt() -> None:
    receipt, trust = world().receipt, world().trust()
    assert finding(receipt._replace(ledger_id=HASH).to_bytes(), trust) == "LED-LEDGER"
    other = signed(13, Tree(world().records).root(), origin="registry.example.org/others")
    assert finding(receipt._replace(note=other).to_bytes(), trust) == "LED-CKPT"


def test_another_ledger_under_the_same_name_and_log_key() -> None:
    records = [*world().records]
    for seq in range(len(records)):
        entry = decode_entry(decode_record(records[seq]).entry)._replace(ledger_id=HASH if seq else bytes(32))
        records[seq] = resigned(records, seq, entry)
    assert finding(receipt_of(records, 8), world().trust()) == "LED-LEDGER"
    assert finding(receipt_of([b"\x91\x01", *world().records[1:]], 0), world().trust()) == "LED-ENC"


def test_signatures_twice_and_in_surplus() -> None:
    receipt, trust = world().receipt, world().trust()
    line = receipt.note[len(text_of(receipt.note)) + 1 :]
    assert both(receipt._replace(note=receipt.note + line).to_bytes(), trust) == 1
    strangers = [witness(f"stranger-{number}") for number in range(3)]
    surplus = receipt._replace(note=also_signed(receipt.note, strangers)).to_bytes()
    assert both(surplus, trust) == 0
    assert (
        "3 signatures of the checkpoint by keys that the trust file does not name" in report(surplus, trust).not_checked
    )
    many = also_signed(receipt.note, [witness(f"stranger-{number}") for number in range(100)])
    assert both(receipt._replace(note=many).to_bytes(), trust) == 1


def test_a_wrong_line_of_a_known_witness_beside_good_ones() -> None:
    receipt, asks = world().receipt, world().trust(policy("press", "bar", least=1))
    line = witness("bar").sign(text_of(world().extension.old)).to_bytes()
    note = also_signed(receipt.note, [witness("press")])
    assert both(receipt._replace(note=note).to_bytes(), asks) == 0
    assert finding(receipt._replace(note=note + line).to_bytes(), asks) == "LED-CKPT"


def test_the_post_quantum_signature_stripped_or_forged() -> None:
    receipt, asks = world().receipt, world().trust(quantum=True)
    assert both(receipt.to_bytes(), asks) == 4
    line = post_quantum().sign(text_of(receipt.note))
    assert both(receipt._replace(note=receipt.note + line.to_bytes()).to_bytes(), asks) == 0
    forged = type(line)(line.name, line.key_id, line.signature[:-1] + bytes([line.signature[-1] ^ 1]))
    found = report(receipt._replace(note=receipt.note + forged.to_bytes()).to_bytes(), asks)
    assert [one.id for one in found.findings] == ["LED-CKPT"]


def test_a_receipt_that_says_it_is_about_somebody_else() -> None:
    history, trust = world().history, world().trust()
    for about in (About(LIST, firm(2)), About("other-list", firm(1))):
        assert finding(history._replace(about=about).to_bytes(), trust) == "LED-STRUCT"
    assert finding(receipt_of(world().records, 1, about=About(LIST, firm(1))), trust) == "LED-STRUCT"


def sealed(records: list[bytes], at: int, **changes: object) -> bytes:
    """A record with other fields, as an operator can write it; the entry stays as its author signed it."""
    return encode_record(decode_record(records[at])._replace(**changes))  # type: ignore[arg-type]  # tests name fields


def resigned(records: list[bytes], seq: int, entry: Entry) -> bytes:
    """A record with another entry, signed by the keys of the tests: a stolen key's, or a court's that colludes."""
    record = decode_record(records[seq])
    data = encode_entry(entry)
    names = ("root-1", "root-2", "root-3", "court", "high", "ombudsman")
    keys = {signer(name).public_key: signer(name) for name in names}
    signatures = [keys[key].sign(data) for key in (entry.key, *(one.key for one in entry.cosigners))]
    return encode_record(Record(record.seq, record.recorded_at, record.prev, data, tuple(signatures)))


def operator(seq: int, data: bytes, *also: int) -> bytes:
    """The receipt of an operator who has put other bytes in the place of a record, and signs that."""
    records = [*world().records]
    records[seq] = data
    return receipt_of(records, *sorted({seq, *also}))


def test_an_operator_signs_records_that_do_not_hold() -> None:
    records, trust = [*world().records], world().trust()
    record = decode_record(records[9])
    entry = decode_entry(record.entry)
    wrong = (bytes(64), *record.signatures[1:])
    before = decode_record(records[8]).recorded_at - 1
    cases: dict[str, bytes] = {
        "LED-CHAIN": operator(9, sealed(records, 9, seq=8)),
        "LED-SIG": operator(9, sealed(records, 9, signatures=wrong)),
        "LED-ENC": operator(9, records[9] + b"\0"),
        "LED-TIME": operator(9, sealed(records, 9, recorded_at=entry.not_after + 1)),
        "LED-SEEN": operator(9, resigned(records, 9, entry._replace(seen=(10, HASH)))),
        "LED-LEDGER": operator(9, resigned(records, 9, entry._replace(ledger_id=HASH))),
    }
    for expected, data in cases.items():
        assert finding(data, trust) == expected
    assert finding(operator(9, sealed(records, 9, prev=HASH), 8), trust) == "LED-CHAIN"
    assert finding(operator(9, sealed(records, 9, recorded_at=before), 8), trust) == "LED-TIME"
    assert finding(operator(9, sealed(records, 9, signatures=record.signatures * 2)), trust) == "LED-ENC"


def test_an_operator_signs_entries_that_break_their_keys_chain() -> None:
    records, trust = [*world().records], world().trust()
    entry = decode_entry(decode_record(records[8]).entry)
    first = decode_entry(decode_record(records[7]).entry)
    again = entry._replace(author_seq=first.author_seq)
    unlinked = entry._replace(author_prev=HASH)
    for changed_entry in (again, unlinked):
        assert finding(operator(8, resigned(records, 8, changed_entry), 7), trust) == "LED-AUTHOR"


def test_records_and_acts_of_versions_not_known() -> None:
    records, trust = [*world().records], world().trust()
    newer = encode((2, *decode(records[9], 65_535)[1:]))
    assert both(operator(9, newer), trust) == 13
    record = decode_record(records[9])
    raw = [*decode(record.entry, 60_000)]
    raw[9] = (("listing.add/2", *raw[9][0][1:]),)
    entry = encode(raw)
    data = encode_record(record._replace(entry=entry, signatures=(signer("court").sign(entry),)))
    assert both(operator(9, data), trust) == 13


def test_another_founding_record() -> None:
    records, trust = [*world().records], world().trust()
    assert both(receipt_of(records, 0), trust) == 0
    entry = decode_entry(decode_record(records[0]).entry)
    assert (
        finding(operator(0, resigned(records, 0, entry._replace(not_after=entry.not_after + 1))), trust) == "LED-LEDGER"
    )


def test_an_extension_of_another_history() -> None:
    extension, trust = world().extension, world().trust()
    swapped = extension._replace(old=extension.new, new=extension.old)
    other = extension._replace(old=signed(9, HASH))
    one_size = ExtensionFile(extension.ledger_id, signed(13, HASH), extension.new, ())
    reordered = extension._replace(hashes=extension.hashes[::-1])
    cut, padded = extension.hashes[:-1], (*extension.hashes, HASH)
    for forged in (
        swapped, other, one_size, reordered, extension._replace(hashes=cut), extension._replace(hashes=padded),
        extension._replace(hashes=()), extension._replace(old=signed(0, EMPTY_ROOT), hashes=()),
    ):  # fmt: skip
        assert finding(forged.to_bytes(), trust) == "LED-TREE"
    assert "evidence against the log" in report(one_size.to_bytes(), trust).findings[0].message
    assert finding(extension._replace(ledger_id=HASH).to_bytes(), trust) == "LED-LEDGER"
    assert finding(extension._replace(old=signed(9, HASH, log_signer("thief"))).to_bytes(), trust) == "LED-CKPT"


def test_an_extension_of_a_log_that_was_rewritten() -> None:
    records = [*world().records]
    records[3] = records[4]
    tree = Tree(records)
    proof = tuple(consistency_proof(tree, 9, 13))
    forged = ExtensionFile(world().ledger_id, world().extension.old, signed(13, tree.root()), proof)
    assert finding(forged.to_bytes(), world().trust()) == "LED-TREE"


def raw(data: bytes) -> list[object]:
    return [*decode(data, 1 << 24)]


def test_forms_that_are_not_the_one_form() -> None:
    receipt, trust = world().receipt, world().trust()
    data = receipt.to_bytes()
    _, ledger_id, _, note, items = raw(data)
    one, two = receipt.items
    shapes: list[object] = [
        ["creditledger/receipt/v1"], ["creditledger/receipt/v1", ledger_id, None, note, items, None],
        ["creditledger/receipt/v1", ledger_id, None, note, []],
        ["creditledger/receipt/v1", ledger_id, None, note, [two, one]],
        ["creditledger/receipt/v1", ledger_id, None, note, [one, one]],
        ["creditledger/receipt/v1", ledger_id, None, note, [[one.record]]],
        ["creditledger/receipt/v1", ledger_id, [LIST], note, items],
        ["creditledger/receipt/v1", ledger_id, [LIST, ["handle", "x"]], note, items],
        ["creditledger/receipt/v1", ledger_id, [LIST, ["nobody", "x"]], note, items],
        ["creditledger/receipt/v1", ledger_id, ["A list", ["host", "a.example"]], note, items],
        ["creditledger/receipt/v1", HASH[:31], None, note, items],
        ["creditledger/receipt/v1", ledger_id, None, receipt.note.decode(), items],
        ["creditledger/receipt/v1", ledger_id, None, note, [[one.record, one.head.decode()]]],
        ["creditledger/receipt/v1", ledger_id, None, note, [[one.record, one.head[:-1]]]],
        ["creditledger/receipt/v1", ledger_id, None, note, [[one.record, one.head.replace(b"index ", b"index 0")]]],
        # The place where head and checkpoint part is part of the form, too.
        ["creditledger/receipt/v1", ledger_id, None, receipt.note[5:], [[one.record, one.head + receipt.note[:5]]]],
        ["creditledger/receipt/v1", ledger_id, None, note, [
            [one.record, TlogProof(7, receipt.proofs()[0].hashes, b"", b"more").head()]
        ]],
        ["creditledger/extension/v1", ledger_id, note, note, [HASH[:31]]],
        ["creditledger/extension/v1", ledger_id, note, note, [HASH] * 65],
        ["creditledger/extension/v1", ledger_id, note, b"", []],
    ]  # fmt: skip
    for shape in shapes:
        assert both(encode(shape), trust) == 1, shape
    for wrong in (data + b"\0", data[:-1], b"", b"\xdc\x00\x05" + data[1:], b"\x85" + data[1:], b"\xc1" + data):
        assert both(wrong, trust) == 1
    assert both(encode(["creditledger/receipt/v2", *raw(data)[1:]]), trust) == 13
    assert both(encode(["creditledger/extension/v10"]), trust) == 13
    assert both(encode(["creditledger/receipt/v01", *raw(data)[1:]]), trust) == 1


def under(note: bytes) -> bytes:
    """The receipt with other bytes for a checkpoint, which the package would not write."""
    return encode([*raw(world().receipt.to_bytes())[:3], note, world().receipt.items])


def test_checkpoints_that_are_not_the_one_form() -> None:
    receipt, trust = world().receipt, world().trust()
    text = text_of(receipt.note)
    for other in (text + b"extension line\n", text.replace(b"\n13\n", b"\n013\n"), text[:-2] + b"\n", b"\n" + text):
        assert both(under(other + b"\n" + log_signer().sign(other).to_bytes()), trust) == 1
    for note in (text, receipt.note[:-1], receipt.note + b"\n", receipt.note + b"more\n", b"\xff" + receipt.note):
        assert both(under(note), trust) == 1


def test_a_receipt_is_bounded_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    too_long = world().receipt.to_bytes() + bytes(formats.MAX_PROOF_BYTES)
    with pytest.raises(FormatError, match="16777216 are allowed"):
        ReceiptFile.from_bytes(too_long)
    assert both(too_long, world().trust()) == 1
    large = world().receipt._replace(note=world().receipt.note + b"\n" * formats.MAX_NOTE_BYTES)
    with pytest.raises(FormatError, match="the checkpoint has 1 to 65535 bytes"):
        large.to_bytes()


def test_many_items_under_a_long_checkpoint_take_no_more_memory_than_a_few_files() -> None:
    line = Signature("stranger.example/" + "x" * 200, bytes(4), bytes(300)).to_bytes()
    note = world().receipt.note + line * 90
    items = [[b"x", b"c2sp.org/tlog-proof@v1\nindex %d\n\n" % index] for index in range(formats.MAX_ITEMS)]
    data = encode(["creditledger/receipt/v1", world().ledger_id, None, note, items])
    tracemalloc.start()
    try:
        assert both(data, world().trust()) == 3
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_every_record_of_the_ledger_can_be_proved_by_an_honest_operator() -> None:
    records = world().records
    assert both(receipt_of(records, *range(len(records))), world().trust()) == 0
    assert leaf_hash(records[0]) == world().ledger_id
