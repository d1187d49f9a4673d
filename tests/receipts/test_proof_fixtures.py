"""Proofs of version 1, made once and kept for ever: every version of the program verifies them, as both checkers do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import make_proof_fixtures
from creditledger.audit.trust import Trust
from creditledger.receipts import compare
from receipts.cases import both, report

FIXTURES = Path(__file__).parents[1] / "fixtures/proofs-v1"
GOLDEN: dict[str, tuple[str, int]] = json.loads((FIXTURES / "golden.json").read_text())


def data(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


@pytest.mark.parametrize("name", GOLDEN)
def test_both_checkers_come_to_the_verdict_of_then(name: str) -> None:
    trust, expected = GOLDEN[name]
    record = data("last.record") if name.endswith(".tlog-proof") else None
    assert both(data(name), Trust.load(FIXTURES / trust), record) == expected


def test_what_trust_asks_for_and_a_proof_lacks_is_still_missed() -> None:
    assert both(data("act.receipt"), Trust.load(FIXTURES / "strict.trust")) == 4
    assert both(data("recorded.ack"), Trust.load(FIXTURES / "plain.trust")) == 4


def test_the_history_still_says_what_it_said() -> None:
    found = report(data("history.receipt"), Trust.load(FIXTURES / "full.trust"))
    assert len(found.acts) > 2
    assert (
        compare.compare(data("recorded.ack"), data("act.receipt"), Trust.load(FIXTURES / "full.trust")).exit_code == 0
    )


def test_they_are_made_again_to_the_byte(tmp_path: Path) -> None:
    files, verdicts = make_proof_fixtures.make_all(tmp_path)
    assert {name: list(found) for name, found in GOLDEN.items()} == verdicts
    assert {path.name for path in FIXTURES.iterdir()} == {*files, "golden.json"}
    for name, made in files.items():
        assert made == data(name) or name == make_proof_fixtures.DRAWN, name
