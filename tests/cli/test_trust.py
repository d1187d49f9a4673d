"""`trust`: what a trust file goes by, and one that asks for other keys or witnesses."""

from __future__ import annotations

from pathlib import Path

from cli.bench import Bench
from creditledger.audit.trust import Trust
from creditledger.tlog.cosignature import CosignatureSigner
from creditledger.tlog.note import NoteSigner

WITNESS = CosignatureSigner("witness.example/w1", b"\x07" * 32, lambda: 1_700_000_000).verifier.vkey
OTHER_LOG = NoteSigner("log.example", b"\x08" * 32).verifier.vkey


def policy(place: Path) -> Path:
    path = place / "policy"
    path.write_text(f"witness w1 {WITNESS} https://witness.example/\nquorum w1\n")
    return path


def test_it_shows_what_is_trusted_and_that_no_witness_is_asked_for(demo: Bench) -> None:
    done = demo.run("trust", demo.trust)
    assert done.code == 0
    assert Trust.load(demo.trust).ledger_id.hex() in done.out
    assert "none is asked for" in done.out
    assert demo.run("trust", demo.trust, "--json").json["witnesses"] is None


def test_witnesses_are_added_without_their_addresses_and_verification_asks_for_them(
    demo: Bench, tmp_path: Path
) -> None:
    out = tmp_path / "mine.trust"
    done = demo.run("trust", demo.trust, "--witnesses", policy(tmp_path), "-o", out)
    assert done.code == 0, done.err
    assert "https" not in out.read_text()
    written = Trust.load(out).witnesses
    assert written is not None
    assert [one.vkey for one in written.witnesses] == [WITNESS]
    assert demo.run("verify", demo.ledger, "--trust", out).code == 4
    back = tmp_path / "back.trust"
    assert demo.run("trust", out, "--no-witnesses", "-o", back).code == 0
    assert back.read_bytes() == demo.trust.read_bytes()


def test_log_keys_are_added_and_dropped(demo: Bench, tmp_path: Path) -> None:
    (own,) = Trust.load(demo.trust).log_keys
    both, other = tmp_path / "both.trust", tmp_path / "other.trust"
    assert demo.run("trust", demo.trust, "--log-key", OTHER_LOG, "-o", both).code == 0
    assert Trust.load(both).log_keys == (own, OTHER_LOG)
    assert demo.run("verify", demo.ledger, "--trust", both).code == 0
    assert demo.run("trust", both, "--drop-log-key", own, "-o", other).code == 0
    assert Trust.load(other).log_keys == (OTHER_LOG,)
    assert demo.run("verify", demo.ledger, "--trust", other).code == 3


def test_what_makes_no_sense_is_refused_and_nothing_is_overwritten(demo: Bench, tmp_path: Path) -> None:
    (own,) = Trust.load(demo.trust).log_keys
    for more in (
        ["--log-key", OTHER_LOG],
        ["-o", tmp_path / "x"],
        ["--witnesses", policy(tmp_path), "--no-witnesses", "-o", tmp_path / "x"],
        ["--drop-log-key", OTHER_LOG, "-o", tmp_path / "x"],
        ["--log-key", OTHER_LOG, "-o", demo.trust],
    ):
        assert demo.run("trust", demo.trust, *more).code == 2, more
    for name in (own, "+".join(own.split("+", 2)[:2])):
        last = demo.run("trust", demo.trust, "--drop-log-key", name, "-o", tmp_path / "x")
        assert (last.code, "the last log key cannot be dropped" in last.err) == (2, True), last
    for more in (
        ["--log-key", own, "-o", tmp_path / "x"],
        ["--log-key", "x", "-o", tmp_path / "x"],
    ):
        assert demo.run("trust", demo.trust, *more).code == 1, more
    assert not (tmp_path / "x").exists()
