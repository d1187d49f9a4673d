"""Commands that messages suggest: what stands in them reaches the program as it is, whatever a shell makes of it."""

from __future__ import annotations

import shlex
from pathlib import Path


def typed(path: Path | str) -> str:
    """A path as it is to be typed: quoted where a shell would take it apart."""
    return shlex.quote(str(path))
