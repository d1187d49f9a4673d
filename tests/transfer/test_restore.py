"""Export and restore: the same ledger again, and nothing that is not what it says it is."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import creditledger
from creditledger.audit.trust import Trust
from creditledger.errors import (
    CannotVerify,
    KeyFileError,
    Locked,
    StoreError,
    UsageError,
    VerificationFailed,
)
from creditledger.ledger.ledger import Ledger
from creditledger.store.lock import WriterLock
from creditledger.tlog.note import NoteVerifier
from creditledger.transfer.events_import import import_events
from creditledger.transfer.export import export_ledger
from creditledger.transfer.export_file import (
    CONTENT,
)
from transfer.exports import COINS, NEW_KEY, frames, restore, write
from transfer.mirror import (
    ACT,
    ADMIN,
    HEADS,
    LOG,
    all_bytes,
    erase,
    event,
    events_file,
    grant_erasure,
    members,
    reopen,
    signer,
    subject_of,
)

SOURCES = Path(creditledger.__file__).parents[1]


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


def test_a_place_that_cannot_be_written(tmp_path: Path, ledger: Ledger) -> None:
    with pytest.raises(StoreError):
        export_ledger(ledger, tmp_path / "no" / "such" / "place")
