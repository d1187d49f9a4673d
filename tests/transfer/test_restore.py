"""Export and restore: the same ledger again, and nothing that is not what it says it is."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import creditledger
from creditledger.audit.trust import Trust
from creditledger.codec.canonical import encode
from creditledger.errors import (
    CannotVerify,
    FormatError,
    KeyFileError,
    LedgerError,
    Locked,
    StoreError,
    UsageError,
    VerificationFailed,
)
from creditledger.ledger.layout import LOG_TABLES
from creditledger.ledger.ledger import Ledger
from creditledger.ledger.log import seq_key
from creditledger.record.record import decode_record, encode_record
from creditledger.store.lmdb_engine import LmdbEngine
from creditledger.store.lock import WriterLock
from creditledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from creditledger.tlog.note import NoteSigner, NoteVerifier
from creditledger.transfer.events_import import import_events
from creditledger.transfer.export import export_ledger
from creditledger.transfer.export_file import (
    CHECKPOINT,
    CONTENT,
    RECORD,
    ExportReader,
    ExportWriter,
    Frame,
    read_content,
)
from creditledger.transfer.restore import Restored, restore_ledger
from creditledger.transfer.snapshot_import import import_snapshot
from creditledger.transfer.sources.events import EventLayout
from transfer.mirror import (
    ACT,
    ADMIN,
    HEADS,
    LOG,
    all_bytes,
    erase,
    event,
    events_file,
    found,
    grant_erasure,
    members,
    reopen,
    sdn_file,
    signer,
    subject_of,
)

NEW_KEY = b"n" * 32
SOURCES = Path(creditledger.__file__).parents[1]
COINS = EventLayout("coins", date="recorded")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger with 11 records: opening balances, an event history, content."""
    with found(tmp_path) as one:
        path = sdn_file(tmp_path / "sdn.csv", [[7, "ANA GARCIA", "individual"], [8, "ZWEITE GMBH"]])
        import_snapshot(one, path, list_id="parties", dated="2025-01-01", signer=ACT, opener=ADMIN)
        for number in range(1, 5):
            history = [event(f"2024-01-{day:02}", "add", f"coin-{day}") for day in range(1, 2 * number)]
            import_events(one, events_file(tmp_path / "h.jsonl", history), layout=COINS, signer=ACT, opener=ADMIN)
        yield one


@pytest.fixture
def export(tmp_path: Path, ledger: Ledger) -> Path:
    export_ledger(ledger, tmp_path / "export", with_content=True)
    return tmp_path / "export"


def restore(directory: Path, export: Path, name: str = "restored", **more: object) -> Restored:
    arguments: dict[str, object] = {"head_dir": directory / HEADS, "content_key": NEW_KEY} | more
    return restore_ledger(export, directory / name, **arguments)  # type: ignore[arg-type]  # checked by the callee


def frames(export: Path) -> list[Frame]:
    with export.open("rb") as file:
        return list(ExportReader(file).frames())


def write(path: Path, kept: list[Frame]) -> Path:
    """A file with these frames and a right end."""
    with path.open("wb") as file:
        writer = ExportWriter(file)
        for frame in kept:
            if frame.kind == RECORD:
                writer.record(frame.payload)
            elif frame.kind == CHECKPOINT:
                writer.checkpoint(frame.payload)
            else:
                writer.content(read_content(frame))
        writer.end()
    return path


def trust_of(ledger: Ledger) -> Trust:
    return Trust(ledger.origin, ledger.ledger_id, (NoteVerifier(ledger.origin, LOG.public_key[1:]).vkey,))


def test_a_restored_ledger_is_the_same(tmp_path: Path, ledger: Ledger, export: Path) -> None:
    expected = (ledger.size, ledger.root, ledger.state_digest(), list(ledger.records()), list(ledger.log.checkpoints()))
    known = {one: members(ledger, one) for one in ("parties", "coins")}
    trust = trust_of(ledger)
    restored = restore(tmp_path, export, trust=trust)
    assert (restored.size, restored.root, restored.state_digest) == expected[:3]
    assert restored.totals == (ledger.size, ledger.size, 2 * 3 + 7)
    assert (restored.contents, restored.erased, restored.head_kept) == (13, 0, False)
    with reopen(tmp_path, name="restored", write=False, content_key=NEW_KEY) as again:
        found = (again.size, again.root, again.state_digest(), list(again.records()), list(again.log.checkpoints()))
        assert found == expected
        assert {one: members(again, one) for one in known} == known
    # The export of a restored ledger is the same file again.
    with reopen(tmp_path, name="restored", write=False, content_key=NEW_KEY) as again:
        export_ledger(again, tmp_path / "second", with_content=True)
    assert (tmp_path / "second").read_bytes() == export.read_bytes()


def test_an_export_without_content_restores_the_log_alone(tmp_path: Path, ledger: Ledger) -> None:
    totals = export_ledger(ledger, tmp_path / "export")
    assert totals.contents == 0
    assert stat.S_IMODE((tmp_path / "export").stat().st_mode) == 0o644
    for word in (b"ANA GARCIA", b"coin-1"):
        assert word not in (tmp_path / "export").read_bytes()
    restored = restore(tmp_path, tmp_path / "export", content_key=None)
    assert (restored.state_digest, restored.contents) == (ledger.state_digest(), 0)


def test_an_export_with_content_is_private(tmp_path: Path, ledger: Ledger, export: Path) -> None:
    assert stat.S_IMODE(export.stat().st_mode) == 0o600
    assert b"ANA GARCIA" in export.read_bytes()
    with pytest.raises(UsageError, match="exists already"):
        export_ledger(ledger, export)


def test_content_needs_a_key_or_is_left_out_on_purpose(tmp_path: Path, export: Path) -> None:
    with pytest.raises(UsageError, match="give a content key"):
        restore(tmp_path, export, content_key=None)
    assert os.listdir(tmp_path).count("restored") == 0
    restored = restore(tmp_path, export, content_key=None, without_content=True)
    assert (restored.contents, restored.totals.contents) == (0, 13)
    assert not (tmp_path / "restored" / "private").exists()


def test_an_import_goes_on_after_a_restore(tmp_path: Path, ledger: Ledger, export: Path) -> None:
    before = {key: subject_of(ledger, "coins", key) for key in members(ledger, "coins")}
    ledger.close()
    restore(tmp_path, export, log_signer=LOG)
    history = [event(f"2024-01-{day:02}", "add", f"coin-{day}") for day in range(1, 12)]
    with reopen(tmp_path, name="restored", content_key=NEW_KEY) as again:
        path = events_file(tmp_path / "h.jsonl", history)
        report = import_events(again, path, layout=COINS, signer=ACT, opener=ADMIN)
        assert (report.total("unchanged"), report.recorded) == (7, 4)
        assert {key: subject_of(again, "coins", key) for key in before} == before


def test_what_was_erased_never_returns(tmp_path: Path, ledger: Ledger, export: Path) -> None:
    old = frames(export)
    grant_erasure(ledger, "parties")
    subject = subject_of(ledger, "parties", "7")
    digests = erase(ledger, "parties", subject, "key", "name")
    assert len(digests) == 2
    export_ledger(ledger, tmp_path / "newer", with_content=True)
    assert b"ANA GARCIA" not in (tmp_path / "newer").read_bytes()
    # Somebody puts together the newer log and the older content.
    both = [one for one in frames(tmp_path / "newer") if one.kind != CONTENT] + [
        one for one in old if one.kind == CONTENT
    ]
    ledger.close()
    restored = restore(tmp_path, write(tmp_path / "both", both), log_signer=LOG)
    assert (restored.contents, restored.erased) == (11, 2)
    with reopen(tmp_path, name="restored", content_key=NEW_KEY) as again:
        assert [again.content("parties", subject, digest) for digest in digests] == [None, None]
        assert members(again, "parties") == {"8", "?"}
        store = again.private_store()
        contents = {found[1] for found in map(store.get, store.ids()) if found is not None}
        assert not any(b"ANA" in one or one == b"7" for one in contents)
        assert b"ZWEITE GMBH" in contents
        export_ledger(again, tmp_path / "again", with_content=True)
    assert b"ANA GARCIA" not in (tmp_path / "again").read_bytes()


def test_nothing_is_restored_over_something(tmp_path: Path, ledger: Ledger, export: Path) -> None:
    before = all_bytes(tmp_path / "ledger")
    (tmp_path / "file").write_bytes(b"precious")
    for name in ("ledger", "file", HEADS):
        with pytest.raises(UsageError, match="is there already"):
            restore(tmp_path, export, name)
    assert all_bytes(tmp_path / "ledger") == before
    (tmp_path / ".restored.restoring").mkdir()
    with WriterLock(tmp_path / ".restored.restoring" / "writer.lock"), pytest.raises(Locked):
        restore(tmp_path, export)
    assert not (tmp_path / "restored").exists()


def test_with_the_log_key_this_machine_signs_on(tmp_path: Path, ledger: Ledger, export: Path) -> None:
    ledger.close()
    other = tmp_path / "other-machine"
    restore(tmp_path, export, "reader", head_dir=other)
    with pytest.raises(CannotVerify, match="never signed"):
        Ledger.open(tmp_path / "reader", log_signer=LOG, head_dir=other)
    assert restore(tmp_path, export, log_signer=LOG, head_dir=other).head_kept
    with Ledger.open(tmp_path / "restored", log_signer=LOG, head_dir=other, clock=lambda: 2 * 10**15) as again:
        grant_erasure(again, "coins")


def test_a_machine_that_signed_more_does_not_sign_from_an_older_export(
    tmp_path: Path, ledger: Ledger, export: Path
) -> None:
    grant_erasure(ledger, "coins")
    ledger.close()
    with pytest.raises(VerificationFailed, match="LED-HEAD"):
        restore(tmp_path, export, log_signer=LOG)
    assert not (tmp_path / "restored").exists()
    assert restore(tmp_path, export).head_kept is False
    with reopen(tmp_path):
        pass


def test_another_key_than_the_logs_does_not_sign_on(tmp_path: Path, export: Path) -> None:
    with pytest.raises(UsageError, match="none of this ledger's"):
        restore(tmp_path, export, log_signer=signer("stranger"))


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        pytest.param({"origin": "example.org/another"}, "LED-LEDGER", id="origin"),
        pytest.param({"ledger_id": b"x" * 32}, "LED-LEDGER", id="ledger id"),
        pytest.param(
            {"log_keys": (NoteVerifier("example.org/mirror", signer("x").public_key[1:]).vkey,)},
            "LED-CKPT",
            id="log key",
        ),
    ],
)
def test_the_trust_decides_which_ledger_it_is(
    tmp_path: Path, ledger: Ledger, export: Path, change: dict[str, object], finding: str
) -> None:
    fields = {one: getattr(trust_of(ledger), one) for one in ("origin", "ledger_id", "log_keys")} | change
    with pytest.raises(VerificationFailed, match=finding):
        restore(tmp_path, export, trust=Trust(**fields))
    assert not (tmp_path / "restored").exists()


def records(kept: list[Frame]) -> list[int]:
    """The places of the records."""
    return [at for at, frame in enumerate(kept) if frame.kind == RECORD]


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


def test_a_wrong_content_key_is_refused_on_export(tmp_path: Path, ledger: Ledger) -> None:
    ledger.close()
    with reopen(tmp_path, write=False, content_key=b"w" * 32) as again, pytest.raises(KeyFileError):
        export_ledger(again, tmp_path / "export", with_content=True)
    with reopen(tmp_path, write=False, content_key=None) as again, pytest.raises(KeyFileError):
        export_ledger(again, tmp_path / "export", with_content=True)
    assert not (tmp_path / "export").exists()


def test_a_reader_exports_while_somebody_appends(tmp_path: Path, ledger: Ledger) -> None:
    ledger.close()
    code = (
        "import sys, pathlib; from transfer.mirror import grant_erasure, reopen; "
        "grant_erasure(reopen(pathlib.Path(sys.argv[1])), 'coins')"
    )
    path = os.pathsep.join((str(SOURCES), str(SOURCES.parent / "tests")))
    with reopen(tmp_path, write=False) as reader:
        size = reader.size
        environment = os.environ | {"PYTHONPATH": path}
        subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=environment, check=True, timeout=60)
        assert export_ledger(reader, tmp_path / "export").records == size + 1
    assert restore(tmp_path, tmp_path / "export").size == size + 1


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


def test_a_place_that_cannot_be_written(tmp_path: Path, ledger: Ledger) -> None:
    with pytest.raises(StoreError):
        export_ledger(ledger, tmp_path / "no" / "such" / "place")
