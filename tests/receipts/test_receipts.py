"""Receipts and extensions as they are made and checked: by both checkers, and by any program that reads C2SP proofs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from creditledger.acts.catalogue import AppealFile
from creditledger.acts.kinds import ActRef
from creditledger.errors import CannotVerify, UsageError, VerificationFailed
from creditledger.ledger.answer import Address
from creditledger.ledger.layout import LOG_TABLES, Layout
from creditledger.ledger.log import seq_key
from creditledger.receipts import check, make
from creditledger.receipts.formats import About, ExtensionFile, ReceiptFile
from creditledger.record.record import decode_record
from creditledger.store.lmdb_engine import LmdbEngine
from creditledger.tlog.checkpoint import open_checkpoint
from creditledger.tlog.note import Signer
from creditledger.tlog.proof_file import TlogProof
from creditledger.tlog.tree import leaf_hash
from receipts.cases import (
    also_signed,
    both,
    finding,
    log_signer,
    policy,
    post_quantum,
    report,
    signed,
    text_of,
    witness,
    world,
)
from support.registry import LIST, ORIGIN, Registry, firm, listing, signer


def test_a_receipt_shows_the_acts_and_says_what_it_cannot_show() -> None:
    data, trust = world().receipt.to_bytes(), world().trust()
    assert both(data, trust) == 0
    found = report(data, trust)
    assert [act.address for act in found.acts] == ["7.0", "8.0"]
    assert "court lists uscc:" in found.acts[0].words
    missing = "\n".join(found.not_checked)
    for words in ("lawful", "in force", "not in this file", "truth", "witness", "quantum", "clock"):
        assert words in missing
    assert found.to_json()["verdict"] == "HOLDS"
    assert next(found.lines()).startswith("verdict: HOLDS")


def test_a_history_is_complete_by_claim_only() -> None:
    history, trust = world().history, world().trust()
    assert history.about == About(LIST, firm(1))
    assert both(history.to_bytes(), trust) == 0
    found = report(history.to_bytes(), trust)
    assert [act.address for act in found.acts] == ["8.0", "10.0", "11.0"]
    assert "act 8.0" in found.acts[1].words
    assert "nothing in it proves it" in found.not_checked[0]
    # So whoever leaves an act out is not found out, and the report says that.
    shorter = history._replace(items=history.items[:1])
    assert both(shorter.to_bytes(), trust) == 0


def test_head_and_note_are_a_proof_that_any_c2sp_program_reads() -> None:
    receipt, trust = world().receipt, world().trust()
    for item in receipt.items:
        proof = TlogProof.from_bytes(item.head + receipt.note)
        proof.check(leaf_hash(item.record), open_checkpoint(proof.checkpoint, [log_signer().verifier], ORIGIN))
        assert both(proof.to_bytes(), trust, item.record) == 0
        assert both(replace(proof, extra=b"anything").to_bytes(), trust, item.record) == 0
        assert both(proof.to_bytes(), trust, item.record + b"\0") == 3
        assert both(proof.to_bytes(), trust) == 1


def test_an_extension_shows_that_the_log_went_on() -> None:
    extension, trust = world().extension, world().trust()
    assert both(extension.to_bytes(), trust) == 0
    assert both(ExtensionFile(extension.ledger_id, extension.new, extension.new, ()).to_bytes(), trust) == 0


def test_witnesses_and_post_quantum_signatures_are_required_where_trust_asks_for_them() -> None:
    receipt = world().receipt
    asks = world().trust(policy("press", "bar", least=1), quantum=True)
    full = receipt._replace(note=also_signed(receipt.note, [post_quantum(), witness("press")])).to_bytes()
    assert both(full, asks) == 0
    too_few: tuple[list[Signer], ...] = (
        [post_quantum()], [witness("press")], [], [post_quantum(), witness("stranger")],
    )  # fmt: skip
    for signers in too_few:
        lacking = receipt._replace(note=also_signed(receipt.note, signers)).to_bytes()
        assert both(lacking, asks) == 4, signers
        with pytest.raises(CannotVerify):
            check.check(lacking, asks)
    assert ("checkpoint cosigned by", "press at 2026-03-02T12:03:20.000000Z") in report(full, asks).facts


def test_of_an_extension_the_new_checkpoint_must_be_witnessed() -> None:
    extension, asks = world().extension, world().trust(policy("press"))
    assert both(extension.to_bytes(), asks) == 4
    assert both(extension._replace(old=also_signed(extension.old, [witness("press")])).to_bytes(), asks) == 4
    assert both(extension._replace(new=also_signed(extension.new, [witness("press")])).to_bytes(), asks) == 0


def test_a_record_dated_after_its_witnesses_is_refused_beyond_the_skew() -> None:
    receipt, asks = world().receipt, world().trust(policy("press"))
    recorded = decode_record(receipt.items[-1].record).recorded_at // 1_000_000
    for early, expected in ((300, 0), (301, 3)):
        note = also_signed(receipt.note, [witness("press", recorded - early)])
        assert both(receipt._replace(note=note).to_bytes(), asks) == expected


def test_one_witness_who_saw_it_before_its_date_is_enough() -> None:
    receipt, asks = world().receipt, world().trust(policy("press", "bar", least=1))
    note = also_signed(receipt.note, [witness("press", 1_000), witness("bar")])
    assert finding(receipt._replace(note=note).to_bytes(), asks) == "LED-TIME"
    # Whom the trust file does not name, it does not believe either.
    assert both(receipt._replace(note=note).to_bytes(), world().trust(policy("bar"))) == 0


def test_an_act_can_be_named_in_every_way(tmp_path: Path) -> None:
    with Registry(tmp_path).create() as ledger:
        done = [ledger.append(listing(number), signer=signer("court")) for number in range(3)][1]
        named: tuple[make.Act, ...] = (done, done.seq, Address(done.seq, 0), done.ref())
        for act in named:
            assert [one.index for one in ReceiptFile.from_bytes(make.prove(ledger, act)).proofs()] == [done.seq]
        assert len(ReceiptFile.from_bytes(make.prove(ledger, *named)).items) == 1


def test_what_is_not_there_cannot_be_proved(tmp_path: Path) -> None:
    with Registry(tmp_path).create() as ledger:
        done = ledger.append(listing(1), signer=signer("court"))
        wrong: tuple[make.Act, ...] = (
            done.seq + 1, Address(done.seq, 1), ActRef(bytes(32), 0), done.ref(7), done._replace(seq=1),
        )  # fmt: skip
        for act in wrong:
            with pytest.raises(UsageError):
                make.prove(ledger, act)
        for subject, list_id in ((firm(2), LIST), (firm(1), "no-such-list")):
            with pytest.raises(UsageError):
                make.prove_history(ledger, subject, list_id)
        with pytest.raises(UsageError):
            make.extend(ledger, 10**9)
        with pytest.raises(UsageError):
            make.prove(ledger)


def test_nothing_is_proved_from_another_history(tmp_path: Path) -> None:
    with Registry(tmp_path).create() as ledger:
        with pytest.raises(VerificationFailed, match="LED-HEAD"):
            make.extend(ledger, signed(3, bytes(32)))
        old = ledger.checkpoint
        ledger.append(listing(1), signer=signer("court"))
        assert ExtensionFile.from_bytes(make.extend(ledger, old)).old == old


def test_nothing_is_proved_under_a_checkpoint_whose_signature_was_damaged(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    with registry.create() as ledger:
        seq = ledger.append(listing(1), signer=signer("court")).seq
    engine = LmdbEngine.open(Layout(registry.directory).log, LOG_TABLES)
    with engine.batch() as batch:
        key, note = batch.last("checkpoint") or (b"", b"")
        batch.put("checkpoint", key, text_of(note) + b"\n" + log_signer().sign(b"else\n").to_bytes())
    engine.close()
    with registry.read() as ledger, pytest.raises(VerificationFailed, match="LED-CKPT"):
        make.prove(ledger, seq)


def test_nothing_is_proved_from_a_checkpoint_that_is_not_of_this_tree(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    with registry.create() as ledger:
        old = ledger.size
        seq = ledger.append(listing(1), signer=signer("court")).seq
    engine = LmdbEngine.open(Layout(registry.directory).log, LOG_TABLES)
    with engine.batch() as batch:
        batch.put("checkpoint", seq_key(old), signed(old, bytes(32)))
    engine.close()
    with registry.read() as ledger:
        with pytest.raises(VerificationFailed, match="LED-TREE"):
            make.extend(ledger, old)
        assert both(make.prove(ledger, seq), replace(world().trust(), ledger_id=ledger.ledger_id)) == 0


def test_a_history_ends_where_its_checkpoint_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Registry(tmp_path).create() as ledger:
        first = ledger.append(listing(1), signer=signer("court"))
        find = ledger.witnessed

        def then_append(at_least: int = 0) -> tuple[int, bytes] | None:
            """Another process appends as soon as the checkpoint was chosen."""
            found = find(at_least)
            ledger.append(AppealFile(LIST, firm(1), first.ref(), "2026-03-02"), signer=signer("ombudsman"))
            return found

        monkeypatch.setattr(ledger, "witnessed", then_append)
        history = ReceiptFile.from_bytes(make.prove_history(ledger, firm(1), LIST))
        assert [proof.index for proof in history.proofs()] == [first.seq]


def test_unwitnessed_records_are_proved_only_when_that_is_asked_for(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    with registry.create() as ledger:
        ledger.append(listing(1), signer=signer("court"))
    (registry.directory / "witnesses.policy").write_text(policy("press").to_text())
    with registry.read() as ledger:
        with pytest.raises(CannotVerify, match="witnesses"):
            make.prove(ledger, 1)
        assert ReceiptFile.from_bytes(make.prove(ledger, 1, witnessed=False)).note == ledger.checkpoint
