"""Exports that were altered and ledgers that are damaged: nothing is restored that is not what it says it is."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from creditledger.acts import catalogue as acts
from creditledger.codec.canonical import encode
from creditledger.errors import (
    CannotVerify,
    FormatError,
    LedgerError,
    UsageError,
    VerificationFailed,
)
from creditledger.ledger.founding import LogSigner
from creditledger.ledger.layout import LOG_TABLES
from creditledger.ledger.ledger import Ledger
from creditledger.ledger.log import parse_checkpoint, seq_key
from creditledger.record.record import decode_record, encode_record
from creditledger.rules.rows import ROOT
from creditledger.store.lmdb_engine import LmdbEngine
from creditledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from creditledger.tlog.note import NoteSigner
from creditledger.transfer.export import export_ledger
from creditledger.transfer.export_file import (
    CONTENT,
    RECORD,
    Frame,
    read_content,
)
from transfer.exports import frames, records, restore, write
from transfer.mirror import (
    HEADS,
    LOG,
    NOW,
    ROOTS,
    grant_erasure,
    reopen,
    signer,
)


def drop_a_record(kept: list[Frame]) -> list[Frame]:
    at = records(kept)[5]
    return kept[:at] + kept[at + 2 :]


def swap_records(kept: list[Frame]) -> list[Frame]:
    one, other = records(kept)[4:6]
    return [*kept[:one], kept[other], *kept[one + 1 : other], kept[one], *kept[other + 1 :]]


def change_a_record(kept: list[Frame]) -> list[Frame]:
    at = records(kept)[5]
    record = decode_record(kept[at].payload)
    later = encode_record(record._replace(recorded_at=record.recorded_at + 1))
    return [*kept[:at], kept[at]._replace(payload=later), *kept[at + 1 :]]


def change_a_signature(kept: list[Frame]) -> list[Frame]:
    at = records(kept)[5]
    record = decode_record(kept[at].payload)
    forged = encode_record(record._replace(signatures=(bytes(64),)))
    return [*kept[:at], kept[at]._replace(payload=forged), *kept[at + 1 :]]


def date_back(kept: list[Frame]) -> list[Frame]:
    at = records(kept)[5]
    record = decode_record(kept[at].payload)
    earlier = encode_record(record._replace(recorded_at=record.recorded_at - 1))
    return [*kept[:at], kept[at]._replace(payload=earlier), *kept[at + 1 :]]


def change_a_checkpoint(kept: list[Frame]) -> list[Frame]:
    at = records(kept)[5] + 1
    stranger = NoteSigner("example.org/mirror", bytes(32))
    forged = sign_checkpoint(Checkpoint("example.org/mirror", 6, bytes(32)), stranger)
    return [*kept[:at], kept[at]._replace(payload=forged), *kept[at + 1 :]]


def repeat_a_checkpoint(kept: list[Frame]) -> list[Frame]:
    one, other = (at + 1 for at in records(kept)[4:6])
    return [*kept[:other], kept[one], *kept[other + 1 :]]


def drop_the_end(kept: list[Frame]) -> list[Frame]:
    last = records(kept)[-1] + 1
    return kept[:last] + kept[last + 1 :]


def drop_the_beginning(kept: list[Frame]) -> list[Frame]:
    return kept[records(kept)[1] :]


def no_records(kept: list[Frame]) -> list[Frame]:
    return [one for one in kept if one.kind == CONTENT]


@pytest.mark.parametrize(
    ("alter", "error", "why"),
    [
        pytest.param(drop_a_record, VerificationFailed, "LED-CHAIN", id="record dropped"),
        pytest.param(swap_records, VerificationFailed, "LED-CHAIN", id="records swapped"),
        pytest.param(change_a_record, VerificationFailed, "LED-TREE", id="record changed"),
        pytest.param(change_a_signature, VerificationFailed, "LED-SIG", id="signature changed"),
        pytest.param(date_back, VerificationFailed, "LED-TIME", id="record dated back"),
        pytest.param(change_a_checkpoint, VerificationFailed, "LED-CKPT", id="checkpoint by somebody else"),
        pytest.param(repeat_a_checkpoint, VerificationFailed, "LED-TREE", id="checkpoint of another size"),
        pytest.param(drop_the_end, CannotVerify, "lie beyond the last checkpoint", id="last checkpoint dropped"),
        pytest.param(drop_the_beginning, VerificationFailed, "LED-CHAIN", id="founding dropped"),
        pytest.param(no_records, FormatError, "no record", id="content alone"),
    ],
)
def test_an_export_that_was_altered_is_not_restored(
    tmp_path: Path,
    export: Path,
    alter: Callable[[list[Frame]], list[Frame]],
    error: type[LedgerError],
    why: str,
) -> None:
    forged = write(tmp_path / "forged", alter(frames(export)))
    with pytest.raises(error, match=why):
        restore(tmp_path, forged)
    assert sorted(one for one in os.listdir(tmp_path) if "restor" in one) == []


def test_content_that_nobody_committed_to_is_not_taken_in(tmp_path: Path, export: Path) -> None:
    kept = frames(export)
    item = read_content(kept[-1])
    other = item._replace(list="hosts")
    payload = encode((other.list, tuple(other.subject), *other[2:]))
    with pytest.raises(VerificationFailed, match="LED-CONTENT"):
        restore(tmp_path, write(tmp_path / "forged", [*kept, Frame(CONTENT, payload, 0)]))
    assert not (tmp_path / "restored").exists()


def test_a_file_cut_short_is_not_restored(tmp_path: Path, export: Path) -> None:
    data = export.read_bytes()
    for length in (0, 23, len(data) // 2, len(data) - 1):
        (tmp_path / "short").write_bytes(data[:length])
        with pytest.raises(FormatError):
            restore(tmp_path, tmp_path / "short")
        assert not (tmp_path / "restored").exists()


def test_a_log_whose_key_was_changed_is_restored(tmp_path: Path, ledger: Ledger) -> None:
    new, root = signer("second log key"), [(ROOT, ROOTS[1])]
    for act in (acts.KeyAdd(ROOT, new.public_key, "log"), acts.KeyRevoke(ROOT, LOG.public_key, "superseded")):
        ledger.append(act, signer=ROOTS[0], authority=ROOT, cosigners=root)
    # The checkpoint that covers its revocation is the last that the old key may sign.
    export_ledger(ledger, tmp_path / "revoked")
    with pytest.raises(UsageError, match="none of this ledger's"):
        restore(tmp_path, tmp_path / "revoked", log_signer=LOG)
    assert restore(tmp_path, tmp_path / "revoked").size == ledger.size
    with pytest.raises(UsageError, match="revoked at record"):
        grant_erasure(ledger, "coins")
    ledger.close()
    with pytest.raises(UsageError, match="revoked at record"):
        reopen(tmp_path)
    with Ledger.open(tmp_path / "ledger", log_signer=new, head_dir=tmp_path / HEADS, clock=lambda: NOW) as later:
        grant_erasure(later, "coins")
        export_ledger(later, tmp_path / "export")
        size = later.size
    assert restore(tmp_path, tmp_path / "export", "other").size == size
    kept = frames(tmp_path / "export")
    head = parse_checkpoint(kept[-1].payload)
    signed = sign_checkpoint(head, LogSigner(head.origin, LOG))
    path = write(tmp_path / "by-the-old-key", [*kept[:-1], kept[-1]._replace(payload=signed)])
    with pytest.raises(VerificationFailed, match="LED-CKPT"):
        restore(tmp_path, path, "forged")


def test_a_record_altered_while_the_ledger_is_open_is_named(tmp_path: Path, ledger: Ledger) -> None:
    with ledger.log.engine.batch() as batch:
        data = batch.get("record", seq_key(5)) or b""
        batch.put("record", seq_key(5), data[:-1] + bytes((data[-1] ^ 1,)))
    with pytest.raises(VerificationFailed, match="LED-TREE at record 5"):
        export_ledger(ledger, tmp_path / "export")
    assert not (tmp_path / "export").exists()


class TestDamaged:
    """A ledger in whose store a record was altered."""

    @pytest.fixture
    def damaged(self, tmp_path: Path, ledger: Ledger) -> Path:
        data = dict(ledger.records())[5]
        ledger.close()
        engine = LmdbEngine.open(tmp_path / "ledger" / "log", LOG_TABLES)
        with engine.batch() as batch:
            batch.put("record", seq_key(5), data[:-1] + bytes((data[-1] ^ 1,)))
        engine.close()
        return tmp_path / "ledger"

    def test_it_is_exported_as_it_is_only(self, tmp_path: Path, damaged: Path) -> None:
        with pytest.raises(VerificationFailed), reopen(tmp_path, write=False) as ledger:
            export_ledger(ledger, tmp_path / "export")
        assert not (tmp_path / "export").exists()
        with pytest.raises(UsageError):
            export_ledger(damaged, tmp_path / "export")
        totals = export_ledger(damaged, tmp_path / "export", as_is=True)
        assert totals.records == totals.checkpoints > 5
        assert decode_record([one for one in frames(tmp_path / "export") if one.kind == RECORD][5].payload).seq == 5

    def test_the_evidence_does_not_restore(self, tmp_path: Path, damaged: Path) -> None:
        export_ledger(damaged, tmp_path / "export", as_is=True)
        with pytest.raises(VerificationFailed, match="LED-SIG at record 5"):
            restore(tmp_path, tmp_path / "export")

    def test_a_missing_record_leaves_the_rest(self, tmp_path: Path, damaged: Path) -> None:
        engine = LmdbEngine.open(damaged / "log", LOG_TABLES)
        with engine.batch() as batch:
            batch.delete("record", seq_key(5))
            batch.delete("checkpoint", seq_key(3))
        engine.close()
        totals = export_ledger(damaged, tmp_path / "export", as_is=True)
        assert (totals.records, totals.checkpoints) == (totals.checkpoints + 1, totals.records - 1)
        kept = [decode_record(one.payload).seq for one in frames(tmp_path / "export") if one.kind == RECORD]
        assert 5 not in kept
        assert {4, 6} < set(kept)

    def test_evidence_holds_no_content(self, tmp_path: Path, damaged: Path) -> None:
        with pytest.raises(UsageError, match="no content"):
            export_ledger(damaged, tmp_path / "export", as_is=True, with_content=True)
