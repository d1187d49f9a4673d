"""What the rules let pass, however close to an attack, the audit lets pass as well."""

from __future__ import annotations

from pathlib import Path

import pytest

from audit.worlds import forced
from support.attacks import NEIGHBOURS, Neighbour
from support.courts import courts


@pytest.mark.parametrize("neighbour", NEIGHBOURS, ids=[f"{one.rule}: {one.does}" for one in NEIGHBOURS])
def test_a_lawful_neighbour_in_the_log_is_no_finding(neighbour: Neighbour, tmp_path: Path) -> None:
    world = courts()
    report = forced(world, neighbour.prepare(world)).audit(tmp_path)
    assert report.exit_code == 0, list(report.lines())
