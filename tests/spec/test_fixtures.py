"""Ledgers of format version 1, exported once and kept for ever: every version of the program says the same of them."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pytest

import make_fixtures
from creditledger.acts.registry import ACT_TYPES
from creditledger.audit import verify

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests/fixtures/v1"
GOLDEN: dict[str, dict[str, Any]] = json.loads((FIXTURES / "golden.json").read_text())


def test_there_is_something_said_of_every_ledger_and_nothing_else_is_kept() -> None:
    files = {path.name for path in FIXTURES.iterdir()}
    assert files == {"golden.json"} | {f"{name}.{end}" for name in GOLDEN for end in ("ledger", "trust")}
    assert sum(path.stat().st_size for path in FIXTURES.iterdir()) < 300_000


def test_every_act_type_occurs() -> None:
    held = set().union(*(make_fixtures.act_types(FIXTURES / f"{name}.ledger") for name in GOLDEN))
    assert held == set(ACT_TYPES) - make_fixtures.NEVER


@pytest.mark.parametrize("name", GOLDEN)
def test_the_audit_finds_what_it_found_then(name: str) -> None:
    report = verify(FIXTURES / f"{name}.ledger", trust=FIXTURES / f"{name}.trust")
    assert (report.size, report.sealed, report.root.hex()) == (
        GOLDEN[name]["size"], GOLDEN[name]["size"], GOLDEN[name]["root"],
    )  # fmt: skip
    assert report.exit_code == 0
    assert any(re.fullmatch("[1-9][0-9]* items? of detached content", one) for one in report.checked)


@pytest.mark.parametrize("name", GOLDEN)
def test_the_independent_verifier_finds_the_same(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    loading = importlib.util.spec_from_file_location("verify_ledger", ROOT / "tools/verify_ledger.py")
    assert loading is not None
    assert loading.loader is not None
    tool: Any = importlib.util.module_from_spec(loading)
    loading.loader.exec_module(tool)
    code = tool.main([str(FIXTURES / f"{name}.ledger"), "--trust", str(FIXTURES / f"{name}.trust"), "--json"])
    report = json.loads(capsys.readouterr().out)
    assert (code, report["records"], report["root"]) == (0, GOLDEN[name]["size"], GOLDEN[name]["root"])
    assert report["entries judged up to record"] == GOLDEN[name]["size"] - 1


@pytest.mark.parametrize("name", GOLDEN)
def test_the_rules_come_to_the_same_state_after_every_record(name: str, tmp_path: Path) -> None:
    said = make_fixtures.golden(FIXTURES / f"{name}.ledger", tmp_path)
    for seq, (found, kept) in enumerate(zip(said["records"], GOLDEN[name]["records"], strict=True)):
        assert found == kept, f"record {seq}"
    assert said == GOLDEN[name]
