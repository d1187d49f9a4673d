"""Opening to write where witnesses know better: old backups, second copies, and witnesses that lie."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from creditledger.audit.auditor import verify
from creditledger.audit.trust import Trust
from creditledger.errors import StoreError, VerificationFailed
from creditledger.ledger.founding import LogSigner
from creditledger.ledger.ledger import Ledger
from creditledger.tlog.cosignature import MlDsaSigner
from creditledger.tlog.note import NoteSigner, Verifier, open_note, sign_note
from creditledger.tlog.policy import Policy
from creditledger.transfer.export import export_ledger
from creditledger.transfer.restore import restore_ledger
from support.registry import CONTENT_KEY, ORIGIN, Registry, listing, signer
from support.witness import FakeWitness, copied, policy_of, witnesses

COURT = signer("court")


@pytest.fixture
def one() -> Iterator[FakeWitness]:
    with witnesses("witness.example/w1") as found:
        yield found[0]


def opened(registry: Registry, policy: Policy | None) -> Ledger:
    return Ledger.open(
        registry.directory, log_signer=signer("log"), head_dir=registry.heads, clock=registry.clock, witnesses=policy,
        witness_timeout=2.0, content_key=CONTENT_KEY,
    )  # fmt: skip


def grow(registry: Registry, policy: Policy) -> bytes:
    """One more record, cosigned; the checkpoint."""
    with opened(registry, policy) as ledger:
        ledger.append(listing(1), signer=COURT)
        ledger.cosign(2.0)
        return ledger.checkpoint


def files(registry: Registry) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes()
        for place in (registry.directory / "log", registry.heads)
        for path in place.rglob("*")
        if path.is_file() and path.name != "lock.mdb" and path.suffix != ".lock"
    }


def test_a_backup_of_the_whole_machine_refuses_to_sign(registry: Registry, one: FakeWitness, tmp_path: Path) -> None:
    """The head outside the directory was brought back with it, so only the witness knows."""
    policy = policy_of(one)
    backup = copied(registry.directory.parent, tmp_path / "backup")
    newest = grow(registry, policy)
    before = files(backup)
    for _ in range(2):
        with pytest.raises(
            VerificationFailed, match=r"shows a checkpoint of more records.*catch up from an export"
        ) as e:
            opened(backup, policy)
        assert e.value.finding == "LED-HEAD"
        assert newest.decode() in "\n".join(e.value.__notes__), "what proves it is kept in the message"
    assert files(backup) == before, "nothing was signed, nor noted"
    with Ledger.open(backup.directory) as reader:
        assert reader.size > 0, "reading goes on"


def test_the_way_out_is_catching_up(registry: Registry, one: FakeWitness, tmp_path: Path) -> None:
    policy = policy_of(one)
    backup = copied(registry.directory.parent, tmp_path / "backup")
    grow(registry, policy)
    with registry.read() as ledger:
        export_ledger(ledger, tmp_path / "newest.clx")
        size = ledger.size
    restored = tmp_path / "caught-up"
    restore_ledger(tmp_path / "newest.clx", restored, log_signer=signer("log"), head_dir=backup.heads)
    with Ledger.open(restored, log_signer=signer("log"), head_dir=backup.heads, witnesses=policy) as ledger:
        assert ledger.size == size
        ledger.append(listing(2), signer=COURT)
        assert ledger.cosign(2.0).quorum_problem == ""


def test_an_old_export_restored_on_a_new_machine_refuses_to_sign(
    registry: Registry, one: FakeWitness, tmp_path: Path
) -> None:
    policy = policy_of(one)
    with registry.read() as ledger:
        export_ledger(ledger, tmp_path / "old.clx")
    grow(registry, policy)
    elsewhere = tmp_path / "elsewhere"
    restore_ledger(tmp_path / "old.clx", elsewhere, log_signer=signer("log"), head_dir=tmp_path / "new-heads")
    with pytest.raises(VerificationFailed, match=r"LED-HEAD.*more records"):
        Ledger.open(elsewhere, log_signer=signer("log"), head_dir=tmp_path / "new-heads", witnesses=policy)


def test_of_two_copies_the_second_to_be_cosigned_stops(registry: Registry, one: FakeWitness, tmp_path: Path) -> None:
    """Both were open before either signed, so that opening could tell neither of the other."""
    policy = policy_of(one)
    twin = copied(registry.directory.parent, tmp_path / "twin")
    with opened(registry, policy) as ours, opened(twin, policy) as theirs:
        ours.append(listing(1), signer=COURT)
        theirs.append(listing(2), signer=COURT)
        assert ours.cosign(2.0).quorum_problem == ""
        with pytest.raises(VerificationFailed, match="two histories") as failed:
            theirs.cosign(2.0)
        assert (failed.value.finding, failed.value.expected) == ("LED-HEAD", ours.root.hex())
        assert ours.checkpoint.split(b"\n\n")[0].decode() in "\n".join(failed.value.__notes__)
        for attempt in (lambda: theirs.append(listing(3), signer=COURT), lambda: theirs.cosign(2.0)):
            with pytest.raises(VerificationFailed, match="two histories"):
                attempt()
        ours.append(listing(3), signer=COURT)
        assert ours.cosign(2.0).quorum_problem == ""
    with pytest.raises(VerificationFailed, match="LED-HEAD"):
        opened(twin, policy)


def test_of_two_copies_the_one_left_behind_stops(registry: Registry, one: FakeWitness, tmp_path: Path) -> None:
    policy = policy_of(one)
    twin = copied(registry.directory.parent, tmp_path / "twin")
    with opened(twin, policy) as theirs:
        grow(registry, policy)
        with pytest.raises(VerificationFailed, match="more records than there are here"):
            theirs.cosign(2.0)
        with pytest.raises(VerificationFailed, match="more records than there are here"):
            theirs.append(listing(2), signer=COURT)


def test_a_second_history_of_the_same_size_or_longer_is_told_at_opening(
    registry: Registry, one: FakeWitness, tmp_path: Path
) -> None:
    policy = policy_of(one)
    twin = copied(registry.directory.parent, tmp_path / "twin")
    grow(registry, policy)
    for number in range(2):
        with opened(twin, None) as ledger:
            ledger.append(listing(10 + number), signer=COURT)
        with pytest.raises(VerificationFailed, match=r"LED-HEAD.*two histories.*Keep both"):
            opened(twin, policy)


def test_a_witness_that_claims_more_and_shows_nothing_stops_too_but_can_be_taken_out(
    registry: Registry, one: FakeWitness
) -> None:
    one.behaviour, one.claimed = "claim", 10_000
    with pytest.raises(VerificationFailed, match=r"w1 says.*without showing it") as failed:
        opened(registry, policy_of(one))
    assert (failed.value.finding, failed.value.expected) == ("LED-HEAD", "size 10000")
    assert "take it out of the witness policy" in str(failed.value)
    with witnesses("witness.example/w2") as (other,), opened(registry, policy_of(other)) as ledger:
        ledger.append(listing(1), signer=COURT)


def test_a_witness_that_begins_to_lie_keeps_an_open_ledger_from_nothing(registry: Registry, one: FakeWitness) -> None:
    with opened(registry, policy_of(one)) as ledger:
        one.behaviour, one.claimed = "claim", 10_000
        assert "10000" in ledger.cosign(2.0).asked[0].problem
        ledger.append(listing(1), signer=COURT)


def test_what_others_signed_proves_nothing(registry: Registry, one: FakeWitness) -> None:
    """The witness shows a larger checkpoint, but by a key of its own, or of the log that is not Ed25519."""
    one.behaviour, one.claimed = "claim", 10_000
    text = f"{ORIGIN}\n10000\n{'A' * 43}=\n".encode()
    forgers = (NoteSigner(ORIGIN, bytes(32)), one.signer, MlDsaSigner(ORIGIN, bytes(32), lambda: 1))
    for forger in forgers:
        one.seen = {ORIGIN: (10_000, bytes(32), sign_note(text, forger))}
        with pytest.raises(VerificationFailed, match="without showing it"):
            opened(registry, policy_of(one))


@pytest.mark.parametrize("told", ["18446744073709551616", "-1", "1e3", "", "9" * 5000])
def test_a_size_that_is_none_is_a_witness_that_fails(
    registry: Registry, one: FakeWitness, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one, "add_checkpoint", lambda _: (409, "text/x.tlog.size", told.encode() + b"\n"))
    with opened(registry, policy_of(one)) as ledger:
        assert ledger.cosign(2.0).signatures[1:] == ()


def test_a_witness_that_is_behind_is_brought_forward(registry: Registry, one: FakeWitness) -> None:
    policy = policy_of(one)
    grow(registry, policy)
    with opened(registry, None) as ledger:
        for number in range(5):
            ledger.append(listing(2 + number), signer=COURT)
    with opened(registry, policy) as ledger:
        assert one.seen[ORIGIN][0] == ledger.size
        assert ledger.cosign(2.0).quorum_problem == ""


def test_export_and_restore_keep_every_cosignature(registry: Registry, one: FakeWitness, tmp_path: Path) -> None:
    key = MlDsaSigner(ORIGIN, bytes(range(32)), lambda: int(one.time()))
    with Ledger.open(
        registry.directory, log_signer=signer("log"), head_dir=registry.heads, clock=registry.clock,
        witnesses=policy_of(one), post_quantum_signer=key,
    ) as ledger:  # fmt: skip
        ledger.cosign(2.0)
        ledger.append(listing(1), signer=COURT)
        ledger.cosign(2.0)
        ledger.append(listing(2), signer=COURT)
        before = list(ledger.log.checkpoints())
        export_ledger(ledger, tmp_path / "all.clx")
        trust = Trust(ORIGIN, ledger.ledger_id, (LogSigner(ORIGIN, signer("log")).verifier.vkey, key.verifier.vkey))
        witnessed = ledger.witnessed()
    plain = Trust(ORIGIN, trust.ledger_id, trust.log_keys[:1])
    verify(tmp_path / "all.clx", trust=plain)
    restore_ledger(
        tmp_path / "all.clx", tmp_path / "again", trust=plain, log_signer=signer("log"), head_dir=tmp_path / "h"
    )
    with Ledger.open(tmp_path / "again", witnesses=policy_of(one)) as ledger:
        assert list(ledger.log.checkpoints()) == before
        assert ledger.witnessed() == witnessed == before[-2]
    everybody: list[Verifier] = [LogSigner(ORIGIN, signer("log")).verifier, key.verifier, one.signer.verifier]
    assert [len(open_note(note, everybody).signatures) for _, note in before[-3:]] == [3, 3, 1]
    verify(tmp_path / "again", trust=plain)


def test_an_error_of_the_store_while_proving_is_told_as_such(registry: Registry, one: FakeWitness) -> None:
    with opened(registry, policy_of(one)) as ledger:
        ledger.append(listing(1), signer=COURT)
        one.before_answer = lambda _: ledger.close()
        with pytest.raises(StoreError):
            ledger.cosign(2.0)
