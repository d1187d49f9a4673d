"""`keygen --type`: ML-DSA-44 keys are made whole, read back, and refused where Ed25519 keys are needed."""

from __future__ import annotations

import stat
from pathlib import Path

from cli.bench import Bench
from cli.program import Program
from creditledger.keys import mldsa
from creditledger.keys.keyfile import parse_mldsa_public_key, read_mldsa_key, read_mldsa_public_key


def test_an_ml_dsa_key_is_made_with_its_public_half(tmp_path: Path) -> None:
    run, path = Program(tmp_path / "home"), tmp_path / "pq.key"
    (tmp_path / "secret").touch(0o600)
    (tmp_path / "secret").write_text("open sesame\n")
    made = run("keygen", path, "--type", "ml-dsa-44", "--passphrase-file", tmp_path / "secret", "--json").json
    assert (made["file"], made["kind"]) == (str(path), "ml-dsa-44")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    public = mldsa.SigningKey(read_mldsa_key(path, b"open sesame")).public_key
    assert parse_mldsa_public_key(made["public_key"]) == public == read_mldsa_public_key(tmp_path / "pq.key.pub")


def test_no_two_keys_are_alike_and_none_is_overwritten(tmp_path: Path) -> None:
    run = Program(tmp_path / "home")
    shown = [run("keygen", tmp_path / f"{name}.key", "--type", "ml-dsa-44", "--no-passphrase") for name in "ab"]
    assert [done.code for done in shown] == [0, 0]
    assert shown[0].out != shown[1].out
    assert parse_mldsa_public_key(shown[0].out.strip())
    before = (tmp_path / "a.key").read_bytes()
    again = run("keygen", tmp_path / "a.key", "--type", "ml-dsa-44", "--no-passphrase")
    assert (again.code, "never overwritten" in again.err) == (2, True)
    assert (tmp_path / "a.key").read_bytes() == before


def test_a_type_that_makes_no_sense_is_refused(tmp_path: Path) -> None:
    run = Program(tmp_path / "home")
    both = run("keygen", tmp_path / "a.key", "--type", "ml-dsa-44", "--content")
    assert (both.code, "not both" in both.err) == (2, True)
    assert run("keygen", tmp_path / "a.key", "--type", "rsa").code == 2
    assert not (tmp_path / "a.key").exists()


def test_an_ml_dsa_key_signs_no_acts(bench: Bench, tmp_path: Path) -> None:
    assert bench.run("keygen", tmp_path / "pq.key", "--type", "ml-dsa-44", "--no-passphrase").code == 0
    refused = bench.run("sign", "--position", "--key", tmp_path / "pq.key", "--ledger", bench.ledger)
    assert (refused.code, "only Ed25519 keys sign here" in refused.err) == (1, True), refused
