"""The file that says what a directory holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from creditledger.ledger.layout import Description, Layout


@pytest.mark.parametrize("origin", ['a"b', "a\\b", "\\u0041", "甲.example/列", 'x"\\"'])
def test_whatever_may_be_an_origin_is_read_back_as_it_was_written(tmp_path: Path, origin: str) -> None:
    description = Description(origin, bytes(range(32)))
    description.write(Layout(tmp_path))
    assert Description.read(Layout(tmp_path)) == description
