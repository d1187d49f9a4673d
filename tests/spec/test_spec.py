"""The specification is current: its tables, examples and vectors say what the code does, and leave nothing out."""

from __future__ import annotations

import hashlib
import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

import field_vectors
import make_entry_vectors
import vector_writer
from creditledger import spec
from creditledger.acts.kinds import Subject
from creditledger.acts.registry import ACT_TYPES
from creditledger.codec.dates import add_months, day_at
from creditledger.codec.text import FORBIDDEN, SPACES
from creditledger.errors import FormatError, UnsupportedError, UsageError
from creditledger.keys.ed25519 import verify
from creditledger.record.entry import check_entry, decode_entry, encode_entry, entry_hash
from creditledger.record.record import decode_record, encode_record
from creditledger.rules.catalogue import RULES
from creditledger.rules.engine import RULE_SETS
from creditledger.rules.status import STATUSES
from creditledger.tlog.checkpoint import open_checkpoint
from creditledger.tlog.note import NoteVerifier
from creditledger.tlog.tree import Frontier, leaf_hash, node_hash

ROOT = Path(__file__).parents[2]
SPEC = ROOT / "src/creditledger/spec"
TABLES = runpy.run_path(str(ROOT / "tools/make_spec_tables.py"))
NAIVE_DECODE = runpy.run_path(str(ROOT / "tools/make_codec_vectors.py"))["decode"]
VECTORS: list[dict[str, Any]] = json.loads((SPEC / "vectors/entries.json").read_text())
FORMAT, RULE_TEXT = spec.read("format-v1"), spec.read("rules-1")


# -- the package data ---------------------------------------------------------------------------------------------


def test_every_document_is_there_under_its_own_title() -> None:
    assert {f"{name}.md" for name in spec.documents()} == {path.name for path in SPEC.glob("*.md")}
    for name, title in spec.documents().items():
        assert spec.read(name).splitlines()[0] == f"# {title}"


def test_read_gives_the_bytes_of_the_file() -> None:
    for name in spec.documents():
        assert spec.read(name).encode() == (SPEC / f"{name}.md").read_bytes()


@pytest.mark.parametrize("name", ["format-v2", "format-v1.md", "../errors", "", "vectors/codec.json"])
def test_an_unknown_document_is_refused_with_the_names_of_the_known(name: str) -> None:
    with pytest.raises(UsageError, match="format-v1, proofs-v1, rules-1, threat-model"):
        spec.read(name)


def test_the_rule_set_text_is_fit_to_be_hashed() -> None:
    assert "GENERATED" not in RULE_TEXT
    assert "\r" not in RULE_TEXT
    assert RULE_TEXT.endswith("\n")
    assert not re.search(r"[ \t]\n", RULE_TEXT)


# -- generated parts ----------------------------------------------------------------------------------------------


def test_generated_parts_are_current() -> None:
    assert TABLES["main"](["--check"]) == 0, "run tools/make_spec_tables.py"


@pytest.mark.parametrize("drift", ["| `utc_offset` | UTC offset |", "U+FDD0-U+FDEF", "leaf hash: "])
def test_a_drift_of_a_generated_part_is_seen(drift: str) -> None:
    assert drift in FORMAT
    assert TABLES["render"](FORMAT.replace(drift, "x", 1)) == FORMAT


def test_a_part_without_its_place_is_an_error() -> None:
    with pytest.raises(ValueError, match="GENERATED acts"):
        TABLES["render"](FORMAT.replace("<!-- BEGIN GENERATED acts -->", ""))


def test_every_act_type_has_a_table_of_its_fields_in_order() -> None:
    tables = re.findall(r"^#### `([^`\n]+)`\n(.*?)(?=^#|\Z)", FORMAT, re.MULTILINE | re.DOTALL)
    assert [name for name, _ in tables] == list(ACT_TYPES)
    for name, table in tables:
        fields = re.findall(r"^\| (\d+) \| `(\w+)` \| (.+) \| (.+) \|$", table, re.MULTILINE)
        assert [field for _, field, _, _ in fields] == [field for field, _ in ACT_TYPES[name].fields]
        assert [int(place) for place, _, _, _ in fields] == list(range(1, 1 + len(fields)))


def test_every_kind_of_field_is_explained() -> None:
    section = FORMAT.partition("### 7.1")[2].partition("### 7.2")[0]
    rows = [row.split(" | ")[0].removeprefix("| ") for row in section.splitlines() if row.startswith("| ")]
    patterns = {re.sub(r"\b[nab]\b", "0", row) for row in rows}
    for act_type in ACT_TYPES.values():
        for _, kind in act_type.fields:
            base = re.sub(r"^(nil or |sorted array of \d+ to \d+: )+", "", kind.describe)
            base = "one of `0`, `0`, …" if base.startswith("one of ") else re.sub(r"\b\d+\b(?! bytes\))", "0", base)
            base = re.sub(r"(text|log name), 0 to", r"\1, 1 to", base)
            assert base in patterns, kind.describe


# -- rules --------------------------------------------------------------------------------------------------------


def test_the_rule_set_hash_is_that_of_the_published_text() -> None:
    assert RULE_SETS["rules-1"] == hashlib.sha256(RULE_TEXT.encode()).digest()


def test_every_rule_stands_in_the_text_and_no_other() -> None:
    assert set(re.findall(r"\bR-[A-Z]+(?:-[A-Z]+)*", RULE_TEXT)) == set(RULES)


def test_the_rule_set_judges_every_act_type_and_no_other() -> None:
    judged = re.findall(r"^\*\*([a-z_.]+/\d+)\*\*$", RULE_TEXT, re.MULTILINE)
    assert sorted(judged) == sorted(ACT_TYPES)


def test_the_statuses_are_those_of_the_code_in_their_order() -> None:
    sentence = re.search(r"is the first of these that one of its listings has: (.*?)\. Only", RULE_TEXT, re.DOTALL)
    assert sentence is not None
    assert tuple(re.findall(r"`([a-z-]+)`", sentence[1])) == STATUSES


# -- vectors ------------------------------------------------------------------------------------------------------


def test_vectors_are_what_the_script_makes() -> None:
    assert make_entry_vectors.main(["--check"]) == 0, "run tools/make_entry_vectors.py"


def test_vectors_have_names_of_their_own() -> None:
    names = [(vector["desc"], "entry_hex" in vector) for vector in VECTORS]
    assert len(set(names)) == len(names)


def test_vectors_forbid_what_the_code_forbids() -> None:
    surrogates = (0xD800, 0xDFFF)
    assert sorted(field_vectors.RANGES) == sorted(one for one in FORBIDDEN if one != surrogates)
    assert field_vectors.SPACES == SPACES


def test_vectors_hold_every_act_type() -> None:
    assert {act[0] for act in vector_writer.ACTS} == set(ACT_TYPES)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["desc"][:60])
def test_the_library_gives_the_verdict_of_the_vector(vector: dict[str, Any]) -> None:
    is_entry = "entry_hex" in vector
    data = bytes.fromhex(vector["entry_hex" if is_entry else "record_hex"])
    assert vector["ok"] is (vector["error_class"] is None)
    if vector["error_class"] is not None:
        with pytest.raises(FormatError) as caught:
            decode_entry(data) if is_entry else decode_record(data)
        assert type(caught.value).__name__ == vector["error_class"]
        if vector["error_class"] == UnsupportedError.__name__:
            assert NAIVE_DECODE(data)
        return
    assert NAIVE_DECODE(data)
    assert (encode_entry(decode_entry(data)) if is_entry else encode_record(decode_record(data))) == data


# -- examples -----------------------------------------------------------------------------------------------------


def test_the_examples_of_dates_hold() -> None:
    examples = re.findall(r"(\d{4}-\d\d-\d\d)\s+\+\s+(\d+)\s+=\s+(\d{4}-\d\d-\d\d)", FORMAT)
    assert len(examples) >= 6
    for date, months, later in examples:
        assert add_months(date, int(months)) == later
    moment = re.search(
        r"For\s+t\s+=\s+(\d+)\s+\(.*?\)\s+it\s+is\s+(\S+)\s+at\s+`(\S+)`\s+and\s+(\S+)\s+at\s+`(\S+)`", FORMAT
    )
    assert moment is not None
    assert day_at(int(moment[1]), moment[3]) == moment[2]
    assert day_at(int(moment[1]), moment[5]) == moment[4]


def test_the_examples_of_identifiers_hold() -> None:
    for scheme in ("uscc", "lei"):
        example = re.search(rf"\*\*{scheme.upper()}\*\*.*?Example\s+`(\w+)`", FORMAT, re.DOTALL)
        assert example is not None
        Subject.parse(f"{scheme}:{example[1]}")


def test_the_example_of_a_tree_holds() -> None:
    found = [
        bytes.fromhex(digits) for digits in re.findall(r"^(?:leaf|0 and|root).* ([0-9a-f]{64})", FORMAT, re.MULTILINE)
    ]
    leaves = [leaf_hash(data) for data in (b"", b"\x00", b"\x10")]
    pair = node_hash(*leaves[:2])
    assert found[:5] == [*leaves, pair, node_hash(pair, leaves[2])]


def test_the_worked_example_is_a_ledger() -> None:
    block = FORMAT.partition("<!-- BEGIN GENERATED example -->")[2].partition("<!-- END")[0]
    values = {
        name: re.sub(r"\s", "", value) for name, value in re.findall(r"^([\w ]+): ?((?:.|\n  )*)", block, re.MULTILINE)
    }
    hashes = re.findall(r"^(?:entry|leaf) hash: (\w+)$", block, re.MULTILINE)
    tree, last_leaf, last_entry = Frontier(), bytes(32), bytes(32)
    for seq in (0, 1):
        data, signed = bytes.fromhex(values[f"record {seq}"]), bytes.fromhex(values[f"entry {seq}"])
        record = decode_record(data)
        assert (record.seq, record.prev, record.entry) == (seq, last_leaf, signed)
        checked = check_entry(signed, record.signatures)
        verify(bytes.fromhex(values["root key"])[1:], signed, record.signatures[0])
        assert (checked.entry.author_seq, checked.entry.author_prev) == (seq, last_entry)
        last_entry, last_leaf = entry_hash(signed), leaf_hash(data)
        assert hashes[2 * seq : 2 * seq + 2] == [last_entry.hex(), last_leaf.hex()]
        tree.push(last_leaf)
    assert tree.root().hex() == values["root"]
    note = block.partition("checkpoint of size 2:\n\n```\n")[2].partition("```")[0].encode()
    log = NoteVerifier.parse(values["log vkey"])
    head = open_checkpoint(note, [log], log.name)
    assert (head.size, head.root) == (2, tree.root())
    assert hashlib.sha256(RULE_TEXT.encode()).hexdigest() in values["entry 0"]
