"""Restoring to sign on where witnesses know better: an old backup must not begin a second history."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from cli.in_process import InProcess
from cli.program import Program
from creditledger.audit.trust import Trust
from creditledger.errors import CannotVerify, UsageError, VerificationFailed
from creditledger.keys.keyfile import write_key
from creditledger.ledger.ledger import Ledger
from creditledger.tlog.note import NoteVerifier
from creditledger.tlog.policy import Policy
from creditledger.transfer.export import export_ledger
from creditledger.transfer.restore import restore_ledger
from support.registry import CONTENT_KEY, ORIGIN, Registry, listing, signer
from support.witness import Now, policy_of, witnesses

COURT = signer("court")
LOG = signer("log")


def grown(place: Path, policy: Policy) -> Trust:
    """A ledger of witnesses with an old export and a new one, and the trust file's content."""
    registry = Registry(place)
    registry.clock = Now()
    registry.create().close()
    with Ledger.open(
        registry.directory, log_signer=LOG, head_dir=registry.heads, clock=registry.clock, witnesses=policy,
        content_key=CONTENT_KEY,
    ) as ledger:  # fmt: skip
        for name in ("old", "new"):
            ledger.append(listing(1 if name == "old" else 2), signer=COURT)
            assert ledger.cosign(2.0).quorum_problem == ""
            export_ledger(ledger, place / name)
        vkey = NoteVerifier(ORIGIN, LOG.public_key[1:]).vkey
        return Trust(ORIGIN, ledger.ledger_id, (vkey,), (), policy.without_urls())


def restored(place: Path, export: str, trust: Trust | None, policy: Policy | None, name: str = "again") -> None:
    restore_ledger(
        place / export, place / name, trust=trust, log_signer=LOG, witnesses=policy, witness_timeout=2.0,
        head_dir=place / "another-machine",
    )  # fmt: skip


def test_an_old_export_is_not_restored_to_sign_on_where_witnesses_have_seen_more(tmp_path: Path) -> None:
    with witnesses("witness.example/w1", "witness.example/w2") as (one, two):
        policy = policy_of(one, two, threshold=1)
        trust = grown(tmp_path, policy)
        for _ in range(2):
            with pytest.raises(VerificationFailed, match=r"LED-HEAD: the witness .* shows a checkpoint of more record"):
                restored(tmp_path, "old", trust, policy)
            assert not [*tmp_path.glob("*again*")]
            assert not [*(tmp_path / "another-machine").glob("*.head")]
        restored(tmp_path, "new", trust, policy)
        with Ledger.open(
            tmp_path / "again", log_signer=LOG, head_dir=tmp_path / "another-machine", clock=Now()
        ) as ledger:  # What was restored asks them from here on.
            assert ledger.has_witnesses
            ledger.append(listing(3), signer=COURT)
            assert ledger.cosign(2.0).quorum_problem == ""


def test_who_signs_on_must_ask_the_witnesses_of_the_trust_file(tmp_path: Path) -> None:
    with witnesses("witness.example/w1", "witness.example/other") as (one, other):
        trust = grown(tmp_path, policy_of(one))
        with pytest.raises(UsageError, match=r"names witnesses \(witness.example/w1\)"):
            restored(tmp_path, "new", trust, None)
        for policy in (policy_of(other), policy_of(one).without_urls()):
            with pytest.raises(UsageError, match="the URL of none of the witnesses"):
                restored(tmp_path, "new", trust, policy)
        assert not [*tmp_path.glob("*again*")]
        restore_ledger(tmp_path / "old", tmp_path / "reading", trust=trust, head_dir=tmp_path / "another-machine")


def test_nothing_is_restored_while_too_few_witnesses_answer(tmp_path: Path) -> None:
    with witnesses("witness.example/w1", "witness.example/w2") as (one, two):
        policy = policy_of(one, two)
        trust = grown(tmp_path, policy)
        two.behaviour = "unavailable"
        # The second: an operator's policy that asks for less than the trust file does.
        for own in (policy, Policy((), policy.witnesses)):
            with pytest.raises(CannotVerify, match="nothing was restored"):
                restored(tmp_path, "new", trust, own)
        one.behaviour = "unavailable"
        asks_nobody = Trust(trust.origin, trust.ledger_id, trust.log_keys)
        with pytest.raises(CannotVerify, match="none of the witnesses answered"):
            restored(tmp_path, "new", asks_nobody, Policy((), policy.witnesses))
        assert not [*tmp_path.glob("*again*")]
        one.behaviour = two.behaviour = "honest"
        restored(tmp_path, "new", trust, policy)


def test_the_command_asks_the_witnesses_or_says_that_nobody_is_asked(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run: Program = InProcess(tmp_path / "home", capfd, monkeypatch)
    key = tmp_path / "log.key"
    write_key(key, sha256(b"log").digest(), None)
    with witnesses("witness.example/w1") as [one]:
        (tmp_path / "trust").write_text(grown(tmp_path, policy_of(one)).to_text())
        (tmp_path / "policy").write_text(policy_of(one).to_text())
        signing = ("--trust", tmp_path / "trust", "--log-key", key)
        refused = run("restore", tmp_path / "old", tmp_path / "a", *signing)
        assert (refused.code, "--witnesses POLICY" in refused.err) == (2, True), refused
        older = run("restore", tmp_path / "old", tmp_path / "a", *signing, "--witnesses", tmp_path / "policy")
        assert (older.code, "LED-HEAD" in older.err) == (3, True), older
        done = run("restore", tmp_path / "new", tmp_path / "a", *signing, "--witnesses", tmp_path / "policy", "--json")
        assert json.loads(done.out)["witnesses"] == ["witness.example/w1"], done
        assert Policy.from_bytes((tmp_path / "a" / "witnesses.policy").read_bytes()) == policy_of(one)
        blind = run("restore", tmp_path / "new", tmp_path / "b", "--log-key", key)
        assert (blind.code, "It asks no witnesses" in blind.err) == (0, True), blind
        assert "It asks no witnesses" not in run("restore", tmp_path / "new", tmp_path / "c").err
