"""Any record of any log can be proved, and no proof of one record passes for another; on logs drawn at random."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

import verify_receipt
from creditledger.errors import VerificationFailed
from creditledger.receipts import check
from creditledger.receipts.formats import ExtensionFile
from creditledger.tlog.tree import check_consistency, check_inclusion, consistency_proof, inclusion_proof, leaf_hash
from receipts.cases import Tree, both, receipt_of, report, signed, world

Leaves = st.lists(st.binary(max_size=4), min_size=1, max_size=70)


def agrees(sound: bool, *steps: object) -> None:
    """The other checker's verdict on a proof, whose arguments are given with it."""
    step, *arguments = steps
    try:
        step(*arguments)  # type: ignore[operator]  # one of its two functions
    except verify_receipt.Fails:
        assert not sound
    else:
        assert sound


def head(size: int, root: bytes) -> verify_receipt.Head:
    return verify_receipt.Head(size, root, {}, set(), 0)


@settings(max_examples=150, deadline=None)
@given(Leaves, st.data())
def test_both_checkers_agree_on_inclusion_in_any_tree(leaves: list[bytes], data: st.DataObject) -> None:
    tree = Tree(leaves)
    index = data.draw(st.integers(0, tree.size - 1))
    hashes = inclusion_proof(tree, index, tree.size)
    other = data.draw(st.integers(0, tree.size - 1))
    size = data.draw(st.integers(1, 80))
    for place, leaf, claimed in (
        (index, leaves[index], tree.size),
        (other, leaves[index], tree.size),
        (index, b"", size),
    ):
        try:
            check_inclusion(hashes, place, leaf_hash(leaf), claimed, tree.root())
            sound = True
        except VerificationFailed:
            sound = False
        agrees(sound, verify_receipt.check_inclusion, hashes, place, leaf_hash(leaf), head(claimed, tree.root()))
    check_inclusion(hashes, index, leaf_hash(leaves[index]), tree.size, tree.root())


@settings(max_examples=150, deadline=None)
@given(Leaves, st.data())
def test_both_checkers_agree_on_consistency_in_any_tree(leaves: list[bytes], data: st.DataObject) -> None:
    tree = Tree(leaves)
    old = data.draw(st.integers(1, tree.size))
    other = data.draw(st.integers(1, tree.size))
    hashes = consistency_proof(tree, old, tree.size)
    for size, root in ((old, tree.root(old)), (other, tree.root(other)), (other, tree.root(old))):
        try:
            check_consistency(hashes, size, root, tree.size, tree.root())
            sound = True
        except VerificationFailed:
            sound = False
        agrees(sound, verify_receipt.check_consistency, hashes, size, root, tree.size, tree.root())


@settings(max_examples=60, deadline=None)
@given(Leaves, st.data())
def test_any_log_proves_that_it_went_on_and_no_other_does(leaves: list[bytes], data: st.DataObject) -> None:
    tree, trust = Tree(leaves), world().trust()
    old = data.draw(st.integers(1, tree.size))
    proof = tuple(consistency_proof(tree, old, tree.size))
    file = ExtensionFile(world().ledger_id, signed(old, tree.root(old)), signed(tree.size, tree.root()), proof)
    assert both(file.to_bytes(), trust) == 0
    rewritten = Tree([*leaves[: old - 1], leaves[old - 1] + b"!", *leaves[old:]])
    forged = file._replace(new=signed(tree.size, rewritten.root()))
    report = check.check(forged.to_bytes(), trust, raise_on_failure=False)
    assert report.exit_code == 3
    assert both(forged.to_bytes(), trust) == 3


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_records_of_any_ledger_are_proved_by_one_receipt(data: st.DataObject) -> None:
    records = world().records[: data.draw(st.integers(1, len(world().records)))]
    wanted = sorted(data.draw(st.sets(st.integers(0, len(records) - 1), min_size=1)))
    file = receipt_of(records, *wanted)
    assert both(file, world().trust()) == 0
    assert sorted({int(act.address.partition(".")[0]) for act in report(file, world().trust()).acts}) == wanted
    missing = data.draw(st.integers(0, len(file) - 1))
    assert both(file[:missing] + file[missing + 1 :], world().trust()) != 0
