"""The independent checker by itself: it imports nothing of the package, and ends in a sentence whatever it is given."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import verify_receipt
from creditledger.errors import FormatError
from receipts.cases import both, policy, world

TOOL = Path(verify_receipt.__file__)
FIXTURES = Path(__file__).parents[1] / "fixtures/proofs-v1"


def test_it_shares_nothing_with_the_package() -> None:
    imported = {
        (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name) or ""
        for node in ast.walk(ast.parse(TOOL.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert {name.split(".")[0] for name in imported} - set(sys.stdlib_module_names) == {"msgpack", "nacl"}


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-I", TOOL, *map(str, arguments)], capture_output=True, text=True)


def test_as_a_program() -> None:
    trust = ("--trust", FIXTURES / "full.trust")
    done = run(FIXTURES / "act.receipt", *trust)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "verdict: HOLDS (exit 0)")
    assert "NOT CHECKED: ML-DSA-44" in done.stdout
    proof = run(FIXTURES / "last.tlog-proof", *trust, "--record", FIXTURES / "last.record", "--json")
    assert (proof.returncode, json.loads(proof.stdout)["verdict"]) == (0, "HOLDS")
    assert run(FIXTURES / "two-histories.fork", *trust).returncode == 3
    assert run(FIXTURES / "none", *trust).returncode == 1
    assert "1 ML-DSA-44 signature: only presence and length" in run(
        FIXTURES / "post-quantum.receipt", "--trust", FIXTURES / "strict.trust"
    ).stdout  # fmt: skip


STARTS = (
    b"",
    b"c2sp.org/tlog-proof@v1\nindex 0\n",
    b"creditledger/acknowledgement/v1\n",
    b"\x95\xb7creditledger/receipt/v1",
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(STARTS), st.binary(max_size=200))
def test_noise_is_no_proof_to_either_checker(start: bytes, noise: bytes) -> None:
    assert both(start + noise, world().trust(), b"record") in (1, 13)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_damaged_trust_file_ends_in_a_sentence(data: st.DataObject) -> None:
    text = world().trust(policy("press", "bar"), quantum=False, desk=True).to_text()
    at = data.draw(st.integers(0, len(text) - 1))
    damaged = text[:at] + data.draw(st.text(max_size=3)) + text[at + data.draw(st.integers(0, 40)) :]
    code, report = verify_receipt.verify(world().receipt.to_bytes(), damaged.encode(errors="replace"))
    assert code in (0, 1, 3, 4, 13)
    assert report["verdict"]


@pytest.mark.parametrize(
    "line",
    [
        "quorum none\nquorum none",
        "quorum nobody",
        "group g 3 press\nquorum g",
        "group g any press press\nquorum g",
        "witness x",
        "log y",
    ],
)
def test_policies_that_are_none(line: str) -> None:
    text = world().trust(policy("press", "bar"), desk=True).to_text()
    damaged = text.replace("quorum enough", line)
    assert damaged != text
    assert verify_receipt.verify(world().receipt.to_bytes(), damaged.encode())[0] == 1
    with pytest.raises(FormatError):
        type(world().trust()).from_bytes(damaged.encode())


@pytest.mark.parametrize("version", ["12", "3", "10"])
def test_a_trust_file_of_a_version_not_known_is_said_to_be_that(version: str) -> None:
    text = world().trust().to_text().replace("trust/v1", f"trust/v{version}").replace("trust/v2", f"trust/v{version}")
    assert verify_receipt.verify(world().receipt.to_bytes(), text.encode())[0] == 13
