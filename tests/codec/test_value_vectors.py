"""The scalar values against their vectors, whose verdicts come from the models of tools/make_value_vectors.py."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from creditledger.acts.identifiers import check_value
from creditledger.codec.dates import add_months, check_date, check_offset, day_at, day_number
from creditledger.codec.text import FORBIDDEN, SPACES, check_identifier, check_text
from creditledger.errors import FormatError

ROOT = Path(__file__).parents[2]
VECTORS_FILE = ROOT / "src/creditledger/spec/vectors/values.json"
VECTORS: list[dict[str, Any]] = json.loads(VECTORS_FILE.read_text())
SCRIPT = runpy.run_path(str(ROOT / "tools/make_value_vectors.py"))

CHECKS: dict[str, Callable[[str], None]] = {
    "identifier": check_identifier,
    "text": lambda value: check_text(value, 60),
    "date": check_date,
    "utc-offset": check_offset,
    "uscc": lambda value: check_value("uscc", value),
    "lei": lambda value: check_value("lei", value),
    "host": lambda value: check_value("host", value),
}
ARITHMETIC: dict[str, Callable[..., Any]] = {"day-number": day_number, "add-months": add_months, "day-at": day_at}


def test_vectors_are_what_the_script_makes() -> None:
    assert VECTORS_FILE.read_text() == SCRIPT["render"]()
    assert len({json.dumps(vector) for vector in VECTORS}) == len(VECTORS)


@pytest.mark.parametrize("kind", sorted({vector["kind"] for vector in VECTORS}))
def test_kind(kind: str) -> None:
    vectors = [vector for vector in VECTORS if vector["kind"] == kind]
    if kind in ARITHMETIC:
        for vector in vectors:
            assert ARITHMETIC[kind](*vector["arguments"]) == vector["result"], vector
        return
    assert {vector["ok"] for vector in vectors} == {True, False}
    for vector in vectors:
        try:
            CHECKS[kind](vector["value"])
        except FormatError:
            assert not vector["ok"], vector
        else:
            assert vector["ok"], vector


def test_the_tables_of_code_points_agree() -> None:
    assert sorted(FORBIDDEN) == sorted(SCRIPT["ranges"]())
    assert [f"{code:04X}" for code in SPACES] == SCRIPT["SPACES"].split()
