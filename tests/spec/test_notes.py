"""The vectors of names, keys, checkpoints, trust files and exports, and the table of findings: all are current."""

from __future__ import annotations

import importlib.util
import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from creditledger import spec
from creditledger.acts.kinds import ORIGIN
from creditledger.audit import Trust, verify
from creditledger.audit.findings import FINDINGS, NO_EVIDENCE
from creditledger.errors import LedgerError
from creditledger.tlog.checkpoint import open_checkpoint
from creditledger.tlog.note import NoteVerifier, check_name

ROOT = Path(__file__).parents[2]
MADE = runpy.run_path(str(ROOT / "tools/make_note_vectors.py"))
VECTORS: list[dict[str, Any]] = json.loads((ROOT / "src/creditledger/spec/vectors/notes.json").read_text())
MAGIC = b"creditledger/export/v1\n".hex()
TOOL = ROOT / "tools/verify_ledger.py"


def of(*kinds: str) -> list[dict[str, Any]]:
    found = [item for item in VECTORS if item["kind"] in kinds]
    assert {item["kind"] for item in found} == set(kinds)
    return found


def label(item: dict[str, Any]) -> str:
    return f"{item['kind']}: {item['desc']}"


def test_vectors_are_what_the_script_makes() -> None:
    assert MADE["main"](["--check"]) == 0, "run tools/make_note_vectors.py"


def test_vectors_have_names_of_their_own_and_verdicts_of_every_sort() -> None:
    assert len({label(item) for item in VECTORS}) == len(VECTORS)
    assert {item["exit"] for item in of("export")} == {0, 1, 3, 4, 13}
    never = {"LED-STATE", "LED-FORK"}  # No export has a state, nor a checkpoint that was verified before.
    assert {one for item in of("export") for one in item["findings"]} == set(FINDINGS) - never


def judged_by_the_library(item: dict[str, Any]) -> int:
    try:
        match item["kind"]:
            case "origin":
                ORIGIN.check(item["name"])
            case "name":
                check_name(item["name"])
            case "vkey":
                NoteVerifier.parse(item["vkey"])
            case "trust":
                Trust.from_bytes(item["trust"].encode())
            case "note":
                keys = (NoteVerifier.parse(item["vkey"]),)
                try:
                    open_checkpoint(bytes.fromhex(item["note_hex"]), keys, item["origin"])
                except LedgerError as error:
                    # Malformed or wrongly signed: as a checkpoint of a log, it is evidence.
                    return 3 if error.exit_code in (1, 3) else error.exit_code
    except LedgerError as error:
        return error.exit_code
    return 0


@pytest.mark.parametrize("item", of("origin", "name", "vkey", "trust", "note"), ids=label)
def test_the_library_gives_the_verdict_of_the_vector(item: dict[str, Any]) -> None:
    assert judged_by_the_library(item) == item["exit"]


@pytest.mark.parametrize("item", of("export"), ids=label)
def test_the_library_gives_the_verdict_of_the_export(item: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "export").write_bytes(bytes.fromhex(item["export_hex"]))
    (tmp_path / "trust").write_text(item["trust"], encoding="utf-8")
    if item["exit"] in (1, 13):
        with pytest.raises(LedgerError) as caught:
            verify(tmp_path / "export", trust=tmp_path / "trust")
        assert caught.value.exit_code == item["exit"]
    if item["exit"] == 1 or not item["export_hex"].startswith(MAGIC) or "trust/v1" not in item["trust"]:
        return
    report = verify(tmp_path / "export", trust=tmp_path / "trust", raise_on_failure=False)
    found = set(report.counts)
    assert report.exit_code == item["exit"], list(report.lines())
    assert found <= set(item["findings"]), list(report.lines())
    assert bool(found) == (item["exit"] != 0)


# -- the table of findings ---------------------------------------------------------------------------------------------


def table() -> list[tuple[str, str, str]]:
    section = spec.read("format-v1").partition("### 13.2")[2].partition("### 13.3")[0]
    rows = re.findall(r"^\| (\d+) \| (LED-[A-Z]+) \| (.+) \| (.+) \|$", section, re.MULTILINE)
    assert [int(number) for number, *_ in rows] == list(range(1, 1 + len(rows)))
    return [(name, check, record) for _, name, check, record in rows]


def test_every_finding_stands_in_the_table_once_with_what_it_checks_and_names() -> None:
    rows = table()
    names = [name for name, _, _ in rows]
    assert len(set(names)) == len(names)
    assert set(names) == set(FINDINGS)
    assert all(check.strip() and record.strip() for _, check, record in rows)


def test_the_findings_of_both_verifiers_are_those_of_the_table() -> None:
    sources = [path.read_text() for path in sorted((ROOT / "src/creditledger").rglob("*.py"))]
    library = {name for source in sources for name in re.findall(r"\bLED-[A-Z]+", source)}
    tool = set(re.findall(r"\bLED-[A-Z]+", TOOL.read_text()))
    assert library == tool == {name for name, _, _ in table()}


def test_every_finding_of_the_text_is_in_the_table() -> None:
    for name in spec.documents():
        assert set(re.findall(r"\bLED-[A-Z]+", spec.read(name))) <= set(FINDINGS)


def test_what_is_no_evidence_is_said_to_be_none() -> None:
    sentence = re.search(r"^(LED-\w+) and (LED-\w+) are no evidence", spec.read("format-v1"), re.MULTILINE)
    sentence = sentence or re.search(r"(LED-\w+) and (LED-\w+) are no evidence", spec.read("format-v1"))
    assert sentence is not None
    assert set(sentence.groups()) == NO_EVIDENCE


def test_the_tool_calls_the_same_findings_evidence() -> None:
    loading = importlib.util.spec_from_file_location("verify_ledger", TOOL)
    assert loading is not None
    assert loading.loader is not None
    tool: Any = importlib.util.module_from_spec(loading)
    loading.loader.exec_module(tool)
    for name in FINDINGS:
        verifier = tool.Verifier(tool.Row(origin="", ledger_id=b"", keys={}))
        verifier.note(0, name, "", "", "")
        assert (verifier.report()["exit"] == 3) == (name not in NO_EVIDENCE)
