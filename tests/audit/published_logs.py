"""The log of `publish.histories` as it is published, for tests of audits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from creditledger.audit import Report, verify
from creditledger.tlog.tiles import ENTRIES, tile_path
from publish.histories import history

SIZE = 300
FULL, PARTIAL = tile_path(ENTRIES, 0), tile_path(ENTRIES, 1, SIZE - 256)


def audit(where: Path | str, **options: object) -> Report:
    return verify(where, trust=history().trust, **{"raise_on_failure": False} | options)  # type: ignore[arg-type]  # options


def edit(path: Path, change: Callable[[bytearray], object]) -> None:
    data = bytearray(path.read_bytes())
    change(data)
    path.write_bytes(data)
