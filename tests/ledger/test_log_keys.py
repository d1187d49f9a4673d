"""Replacing a log key without a day on which everybody has to change at once, as both verifiers see it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from creditledger.acts import catalogue as acts
from creditledger.audit.auditor import verify
from creditledger.audit.trust import Trust
from creditledger.errors import UsageError
from creditledger.keys.signer import MemorySigner
from creditledger.ledger.founding import LogSigner
from creditledger.ledger.ledger import Ledger
from creditledger.tlog.cosignature import MlDsaSigner
from creditledger.tlog.note import NoteVerifier, open_note
from creditledger.transfer.export import export_ledger
from support.registry import ORIGIN, Registry, by_root, listing, signer

OLD, NEW = signer("log"), signer("log-2")
COURT = signer("court")
_spec = importlib.util.spec_from_file_location(
    "verify_ledger", Path(__file__).parents[2] / "tools" / "verify_ledger.py"
)
assert _spec is not None
assert _spec.loader is not None
tool: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(tool)


def opened(registry: Registry, *signers: MemorySigner) -> Ledger:
    return Ledger.open(registry.directory, log_signer=signers, head_dir=registry.heads, clock=registry.clock)


def verifier(key: MemorySigner) -> NoteVerifier:
    return LogSigner(ORIGIN, key).verifier


def signed_by(note: bytes) -> set[str]:
    """Whose signatures a checkpoint bears: `old`, `new`."""
    names = {verifier(OLD).key_id: "old", verifier(NEW).key_id: "new"}
    return {names[one.key_id] for one in open_note(note, [verifier(OLD), verifier(NEW)]).signatures}


def outcome(registry: Registry, tmp_path: Path, *keys: MemorySigner) -> tuple[int, int]:
    """The exit codes of the audit and of the independent verifier by a trust file with these log keys."""
    with Ledger.open(registry.directory) as ledger:
        trust = Trust(ORIGIN, ledger.ledger_id, tuple(verifier(key).vkey for key in keys))
        export = tmp_path / f"{ledger.size}.clx"
        if not export.exists():
            export_ledger(ledger, export)
    file = tmp_path / "registry.trust"
    file.write_text(trust.to_text())
    report = verify(registry.directory, trust=trust, raise_on_failure=False, jobs=1)
    return report.exit_code, tool.main([str(export), "--trust", str(file)])


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    made = Registry(tmp_path)
    made.create().close()
    return made


def test_a_log_key_is_replaced_without_a_flag_day(registry: Registry, tmp_path: Path) -> None:
    with opened(registry, OLD) as ledger:
        by_root(ledger, acts.KeyAdd("root", NEW.public_key, "log"))
        assert signed_by(ledger.checkpoint) == {"old"}
        first = ledger.size
    # The new one joins in: a checkpoint that is signed already gets its signature as soon as somebody cosigns.
    with opened(registry, OLD, NEW) as ledger:
        ledger.cosign()
        assert signed_by(ledger.checkpoint) == {"old", "new"}
        for number in range(3):
            ledger.append(listing(number), signer=COURT)
            assert signed_by(ledger.checkpoint) == {"old", "new"}
    for keys in ((OLD,), (OLD, NEW), (NEW, OLD)):
        assert outcome(registry, tmp_path, *keys) == (0, 0), "while both sign, whoever knows one or both is content"
    with opened(registry, OLD, NEW) as ledger:
        by_root(ledger, acts.KeyRevoke("root", OLD.public_key, "retired", None))
        covering = ledger.size
        assert signed_by(ledger.checkpoint) == {"old", "new"}, "the checkpoint that covers it is its last"
        ledger.cosign()
        assert signed_by(ledger.checkpoint) == {"old", "new"}
    assert outcome(registry, tmp_path, OLD) == (0, 0)
    with opened(registry, OLD, NEW) as ledger:
        ledger.append(listing(7), signer=COURT)
        assert signed_by(ledger.checkpoint) == {"new"}, "the one that is left signs on by itself"
    assert outcome(registry, tmp_path, OLD, NEW) == (0, 0)
    assert outcome(registry, tmp_path, OLD) == (3, 3), "who has not heard of the new key cannot go on"
    with Ledger.open(registry.directory) as ledger:
        of_new = [size for size, note in ledger.log.checkpoints() if "new" in signed_by(note)]
    assert of_new == list(range(first, covering + 2))
    # The new key alone vouches for the newest checkpoint, and so for all records; that it has not signed each old
    # checkpoint is what a full audit by it alone must say.
    with Ledger.open(registry.directory) as ledger:
        open_note(ledger.checkpoint, [verifier(NEW)])
    assert outcome(registry, tmp_path, NEW) == (3, 3)


def test_a_ledger_with_two_signers_opens_and_appends_when_one_is_revoked(
    registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(registry, OLD) as ledger:
        by_root(ledger, acts.KeyAdd("root", NEW.public_key, "log"))
    with opened(registry, NEW, OLD) as ledger:
        by_root(ledger, acts.KeyRevoke("root", OLD.public_key, "retired", None))
        ledger.append(listing(1), signer=COURT)
        assert "the others sign on" in caplog.text
    caplog.clear()
    with opened(registry, OLD, NEW) as ledger:
        assert "was revoked at record" in caplog.text
        ledger.append(listing(2), signer=COURT)
        assert signed_by(ledger.checkpoint) == {"new"}
    with pytest.raises(UsageError, match="was revoked at record"):
        opened(registry, OLD)


def test_only_log_keys_of_this_ledger_sign(registry: Registry) -> None:
    for keys in ((NEW,), (OLD, NEW), (OLD, signer("root-1"))):
        with pytest.raises(UsageError, match="is not a log key of this ledger"):
            opened(registry, *keys)
    with pytest.raises(UsageError, match="log_signer is empty"):
        opened(registry)
    with opened(registry, OLD, OLD) as ledger:
        ledger.append(listing(1), signer=COURT)
        assert signed_by(ledger.checkpoint) == {"old"}, "the same key twice signs once"


def test_the_last_of_several_signers_to_be_revoked_stops_the_ledger(registry: Registry) -> None:
    third = signer("log-3")
    with opened(registry, OLD) as ledger:
        for key in (NEW, third):
            by_root(ledger, acts.KeyAdd("root", key.public_key, "log"))
    with opened(registry, OLD, NEW) as ledger:
        for key in (OLD, NEW):
            by_root(ledger, acts.KeyRevoke("root", key.public_key, "retired", None))
        for attempt in (lambda: ledger.append(listing(1), signer=COURT), ledger.cosign):
            with pytest.raises(UsageError, match="was revoked at record"):
                attempt()


def test_the_post_quantum_key_stands_beside_those_that_come_and_go(registry: Registry, tmp_path: Path) -> None:
    key = MlDsaSigner(ORIGIN, bytes(range(32)), registry_seconds(registry))
    with opened(registry, OLD) as ledger:
        by_root(ledger, acts.KeyAdd("root", NEW.public_key, "log"))
    with Ledger.open(
        registry.directory, log_signer=[NEW, OLD], post_quantum_signer=key, head_dir=registry.heads,
        clock=registry.clock,
    ) as ledger:  # fmt: skip
        ledger.append(listing(1), signer=COURT)
        assert len(open_note(ledger.checkpoint, [verifier(NEW), verifier(OLD), key.verifier]).signatures) == 2
        done = ledger.cosign()
        assert {one.key_id for one in done.signatures} == {
            verifier(NEW).key_id, verifier(OLD).key_id, key.verifier.key_id
        }  # fmt: skip
        identity = ledger.ledger_id
        export_ledger(ledger, tmp_path / "all.clx")
    trust = Trust(ORIGIN, identity, (verifier(OLD).vkey, key.verifier.vkey))
    assert verify(registry.directory, trust=trust, raise_on_failure=False, jobs=1).exit_code == 0
    assert outcome(registry, tmp_path, OLD) == (0, 0), "who does not know it passes over it"
    with opened(registry, OLD, NEW) as ledger:
        ledger.append(listing(2), signer=COURT)
    report = verify(registry.directory, trust=trust, raise_on_failure=False, jobs=1)
    assert report.exit_code == 4, "the newest checkpoint has not been cosigned yet"


def registry_seconds(registry: Registry) -> Any:
    return lambda: registry.clock() // 1_000_000
