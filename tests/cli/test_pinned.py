"""What was verified last is pinned by what is signed next: it can stand in no other history, and another one in reach
stops the signing, with evidence."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from cli.bench import Bench
from cli.in_process import in_process
from cli.program import Result
from cli.test_sign import COURT, append, listing, removal, sign, write
from creditledger.audit.auditor import verify as audit
from creditledger.audit.trust import Trust
from creditledger.client.seen import SeenStore
from creditledger.client.submission import Submission
from creditledger.errors import Refused, VerificationFailed
from creditledger.ledger.ledger import Ledger
from creditledger.receipts import fork
from creditledger.record.entry import restore_entry
from creditledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from creditledger.tlog.note import NoteSigner
from watch.logs import served


@pytest.fixture
def bench(bench: Bench, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Bench:
    return in_process(bench, capfd, monkeypatch)


def kept(bench: Bench) -> int | None:
    trust = Trust.load(bench.trust)
    head = SeenStore(bench.run.home / "creditledger" / "seen").load(trust.ledger_id)
    return None if head is None else head.size


def verify(bench: Bench, what: Path) -> Result:
    return bench.run("verify", what, "--trust", bench.trust)


def size_of(bench: Bench) -> int:
    size: int = bench.run("verify", bench.ledger, "--trust", bench.trust, "--json").json["size"]
    return size


def other_history(bench: Bench, place: Path) -> Path:
    done = bench.run("tamper", bench.ledger, place, "--fork", "--log-key", bench.key("log"))
    assert done.code == 0, done.err
    return place


def evidence(bench: Bench, told: str) -> fork.Fork:
    """The evidence that was written, whose place was told."""
    (path,) = (bench.run.home / "creditledger" / "forks").iterdir()
    assert str(path) in told
    assert verify(bench, path).code == 3
    return fork.check(path.read_bytes(), Trust.load(bench.trust))


def test_what_was_verified_is_pinned_shown_and_recorded(bench: Bench, tmp_path: Path) -> None:
    draft = write(tmp_path / "a.json", listing())
    assert kept(bench) is None
    before = sign(bench, draft, "--dry-run")
    assert "nothing of this ledger was verified here yet" in before.err
    assert verify(bench, bench.ledger).code == 0
    size = kept(bench)
    assert size is not None
    done = sign(bench, draft, "--yes")
    assert (done.code, f"verified here last, up to size {size}" in done.err) == (0, True), done.err
    seen = Submission.read(tmp_path / "a.json.signed").entry.seen
    assert seen is not None
    assert seen[0] == size
    assert append(bench, tmp_path / "a.json.signed").code == 0
    with Ledger.open(bench.ledger) as ledger:
        assert restore_entry(ledger.record(size).entry).seen == seen


def test_a_draft_that_append_signs_pins_too_and_none_pins_nothing(bench: Bench, tmp_path: Path) -> None:
    size = size_of(bench)
    draft = write(tmp_path / "a.json", listing())
    key = ("--key", bench.key(COURT), "--yes")
    done = append(bench, draft, *key)
    assert (done.code, f"up to size {size}" in done.err) == (0, True), done.err
    bare = append(bench, write(tmp_path / "b.json", removal(f"{size}.0")), *key, "--seen", "none")
    assert "Cites no checkpoint" in bare.err
    assert bare.code == 0, bare.err


WAYS = ("export", "published", "extension")


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_verify_is_noted(bench: Bench, tmp_path: Path, way: str) -> None:
    file = tmp_path / way
    size = bench.run("verify", bench.ledger, "--trust", bench.trust, "--json").json["size"]
    shutil.rmtree(bench.run.home / "creditledger" / "seen")
    made: dict[str, tuple[Any, ...]] = {
        "export": ("export", bench.ledger, file),
        "published": ("publish", bench.ledger, file),
        "extension": ("prove", bench.ledger, "--from", 20, "-o", file),
    }
    done = bench.run(*made[way])
    assert done.code == 0, done.err
    if way == "extension":
        put(bench, bench.run("show", bench.ledger, 19, "--json").json["checkpoint"]["note"].encode())
        assert kept(bench) == 20
    found = verify(bench, file)
    assert (found.code, kept(bench)) == (0, size), found


def heard(bench: Bench) -> list[int]:
    store = SeenStore(bench.run.home / "creditledger" / "seen")
    return [one.size for one in store.heard(Trust.load(bench.trust).ledger_id)]


@pytest.mark.parametrize("way", ["receipt", "extension"])
def test_what_shows_no_history_is_heard_of_and_not_pinned(bench: Bench, tmp_path: Path, way: str) -> None:
    """A receipt, and an extension of something else than was verified."""
    file, what = tmp_path / way, {"receipt": (20,), "extension": ("--from", 20)}[way]
    assert bench.run("prove", bench.ledger, *what, "-o", file).code == 0
    assert verify(bench, file).code == 0
    assert kept(bench) is None
    size = size_of(bench)
    assert (kept(bench), heard(bench)) == (size, []), "an audit that covers it settles it"


@pytest.mark.parametrize("grown", [False, True])
def test_a_receipt_of_another_history_does_not_make_the_verified_one_forgotten(
    bench: Bench, tmp_path: Path, grown: bool
) -> None:
    size = size_of(bench)
    assert append(bench, write(tmp_path / "a.json", listing()), "--key", bench.key(COURT), "--yes").code == 0
    other = other_history(bench, tmp_path / "other")
    if grown:
        draft = write(tmp_path / "b.json", removal(f"{size}.0"))
        assert append(bench, draft, "--key", bench.key(COURT), "--yes", "--seen", "none").code == 0
    assert bench.run("prove", other, 20, "-o", tmp_path / "receipt").code == 0
    assert verify(bench, tmp_path / "receipt").code == 0
    assert (kept(bench), heard(bench)) == (size, [size + 1])
    refused = sign(bench, write(tmp_path / "c.json", listing()), "--yes")
    assert (refused.code, "LED-FORK" in refused.err) == (3, True), refused
    found = verify(bench, bench.ledger)
    assert (found.code, "LED-FORK" in found.err) == (3, True), found
    proved = evidence(bench, found.err)
    assert (proved.first.size, proved.second.size) == (size + 1, size + 1 + grown)
    assert (kept(bench), heard(bench)) == (size, [size + 1]), "which history is the true one is not known"


def test_an_older_copy_neither_takes_it_back_nor_fails(bench: Bench, tmp_path: Path) -> None:
    bench.run("export", bench.ledger, tmp_path / "old")
    old = tmp_path / "copy"
    shutil.copytree(bench.ledger, old)
    draft = write(tmp_path / "a.json", listing())
    assert append(bench, draft, "--key", bench.key(COURT), "--yes").code == 0
    size = size_of(bench)
    done = bench.run("verify", tmp_path / "old", "--trust", bench.trust, "--head-dir", tmp_path / "no-heads")
    assert (done.code, f"the checkpoint of size {size} that was verified before" in done.out) == (0, True), done
    assert kept(bench) == size
    stale = bench.run("sign", draft, "--key", bench.key("ombudsman"), "--ledger", old, "--dry-run")
    assert "this copy of the ledger has only" in stale.err


def test_offline_it_is_pinned_by_the_trust_file_alone(bench: Bench, tmp_path: Path) -> None:
    size = size_of(bench)
    draft = write(tmp_path / "a.json", listing())
    position = bench.run("sign", "--position", "--key", bench.key(COURT), "--ledger", bench.ledger).out.strip()
    gone = bench.ledger.rename(tmp_path / "far-away")
    offline = ("sign", draft, "--key", bench.key(COURT), "--trust", bench.trust)
    done = bench.run(*offline, "--adopt", position, "--yes")
    assert (done.code, f"up to size {size}" in done.err) == (0, True), done.err
    gone.rename(bench.ledger)
    assert append(bench, tmp_path / "a.json.signed").code == 0


def test_a_pinned_entry_cannot_be_moved_to_another_branch(bench: Bench, tmp_path: Path) -> None:
    other = other_history(bench, tmp_path / "other")
    assert verify(bench, bench.ledger).code == 0
    draft = write(tmp_path / "a.json", listing())
    assert sign(bench, draft, "--yes").code == 0
    moved = bench.run("append", other, tmp_path / "a.json.signed", "--log-key", bench.key("log"), "--dry-run")
    assert moved.code in (3, 14), moved.err
    signed = Submission.read(tmp_path / "a.json.signed")
    assert restore_entry(signed.data).seen is not None
    with Ledger.open(other) as ledger, ledger.trial() as attempt, pytest.raises(Refused, match="R-ENTRY-SEEN"):
        attempt.judge(signed.entry)
    assert append(bench, tmp_path / "a.json.signed").code == 0


def test_another_history_in_reach_stops_the_signing_with_evidence(bench: Bench, tmp_path: Path) -> None:
    other = other_history(bench, tmp_path / "other")
    size = size_of(bench)
    draft = write(tmp_path / "a.json", listing())
    done = bench.run("sign", draft, "--key", bench.key(COURT), "--ledger", other, "--yes")
    assert (done.code, "LED-FORK" in done.err, "Nothing is signed" in done.err) == (3, True, True), done.err
    assert not (tmp_path / "a.json.signed").exists()
    found = evidence(bench, done.err)
    assert (found.first.size, found.second.size) == (size, size)
    assert kept(bench) == size


@pytest.mark.parametrize("form", ["directory", "export", "published", "url", "receipt"])
def test_verify_exposes_another_history_in_any_form(bench: Bench, tmp_path: Path, form: str) -> None:
    other = other_history(bench, tmp_path / "other")
    size = size_of(bench)
    if form == "directory":
        what = other
    else:
        what = tmp_path / "what"
        made: dict[str, tuple[Any, ...]] = {
            "export": ("export", other, what),
            "published": ("publish", other, what),
            "url": ("publish", other, what),
            "receipt": ("prove", other, 20, "-o", what),
        }
        done = bench.run(*made[form])
        assert done.code == 0, done.err
    with served([what] if form == "url" else []) as urls:
        where = urls[0] if urls else what
        done = bench.run("verify", where, "--trust", bench.trust, "--head-dir", tmp_path / "no-heads")
    assert (done.code, "LED-FORK" in done.out + done.err) == (3, True), done
    assert evidence(bench, done.err).first.size == size
    assert kept(bench) == size


def test_a_damaged_note_stops_signing_and_not_verifying(bench: Bench, tmp_path: Path) -> None:
    assert verify(bench, bench.ledger).code == 0
    trust = Trust.load(bench.trust)
    path = SeenStore(bench.run.home / "creditledger" / "seen").file(trust.ledger_id)
    path.write_bytes(path.read_bytes()[:30])
    draft = write(tmp_path / "a.json", listing())
    done = sign(bench, draft, "--dry-run")
    assert (done.code, f"{path} does not hold" in done.err) == (1, True), done.err
    assert sign(bench, draft, "--dry-run", "--seen", "none").code == 0
    assert verify(bench, bench.ledger).code == 0
    assert path.stat().st_size == 30


def test_a_program_pins_what_its_own_audit_found_intact(bench: Bench, tmp_path: Path) -> None:
    report = audit(bench.ledger, trust=bench.trust)
    with Ledger.open(bench.ledger) as ledger:
        assert report.seen == (ledger.size, ledger.root)
        assert report.checkpoint == ledger.checkpoint
    (tmp_path / "bad").write_bytes(b"creditledger/export/v1\n")
    failed = audit(tmp_path / "bad", trust=bench.trust, raise_on_failure=False)
    with pytest.raises(VerificationFailed):
        _ = failed.seen


def put(bench: Bench, note: bytes) -> None:
    """Has the user remember another checkpoint than he verified, as an older backup of his home would."""
    path = SeenStore(bench.run.home / "creditledger" / "seen").file(Trust.load(bench.trust).ledger_id)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_bytes(note)


def test_what_a_key_pins_never_decreases(bench: Bench, tmp_path: Path) -> None:
    size = size_of(bench)
    assert append(bench, write(tmp_path / "a.json", listing()), "--key", bench.key(COURT), "--yes").code == 0
    put(bench, bench.run("show", bench.ledger, 20, "--json").json["checkpoint"]["note"].encode())
    done = sign(bench, write(tmp_path / "b.json", removal(f"{size}.0")), "--yes")
    assert (done.code, f"the key has pinned size {size} before" in done.err) == (0, True), done.err
    assert Submission.read(tmp_path / "b.json.signed").entry.seen is None
    assert append(bench, tmp_path / "b.json.signed").code == 0


def test_a_checkpoint_that_no_log_key_signed_stops_the_signing_and_accuses_nobody(bench: Bench, tmp_path: Path) -> None:
    size = size_of(bench)
    stranger = NoteSigner(Trust.load(bench.trust).origin, bytes(range(32)))
    put(bench, sign_checkpoint(Checkpoint(stranger.verifier.name, size, bytes(32)), stranger))
    done = sign(bench, write(tmp_path / "a.json", listing()), "--yes")
    assert (done.code, "LED-HEAD" in done.err, "No evidence for others" in done.err) == (3, True, True), done.err
    assert not (bench.run.home / "creditledger" / "forks").exists()
    told = verify(bench, bench.ledger)
    assert (told.code, "what was verified here before is left out" in told.err) == (0, True)


def test_an_extension_of_another_history_is_exposed_by_its_old_checkpoint(bench: Bench, tmp_path: Path) -> None:
    other = other_history(bench, tmp_path / "other")
    size = size_of(bench)
    Path(bench.run.home / "creditledger" / "heads").rename(tmp_path / "heads")
    with Ledger.open(other) as ledger:
        (tmp_path / "old").write_bytes(ledger.checkpoint)
    done = bench.run("prove", other, "--from", tmp_path / "old", "-o", tmp_path / "extension")
    assert done.code == 0, done.err
    found = verify(bench, tmp_path / "extension")
    assert (found.code, "LED-FORK" in found.err) == (3, True), found
    assert evidence(bench, found.err).first.size == size
