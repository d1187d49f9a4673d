"""Write a file of vectors, or compare it: what every script `make_*_vectors.py` does in the end."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

VECTORS = Path(__file__).parent.parent / "src/creditledger/spec/vectors"


def one_a_line(vectors: Iterable[object]) -> str:
    """Return the text of a file of vectors: a JSON array with one of them a line."""
    return "[\n" + ",\n".join(json.dumps(vector) for vector in vectors) + "\n]\n"


def write_or_check(target: Path, render: Callable[[], str], usage: str | None, arguments: list[str]) -> int:
    """Write what `render` returns, or with `--check` compare it with what is there; return the exit code.

    It is 0, 1 for a file that differs, and 2 for other arguments, which are answered with `usage`.
    """
    if arguments not in ([], ["--check"]):
        sys.stderr.write(f"{usage}\n")
        return 2
    text = render()
    if not arguments:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    elif not target.exists() or target.read_text(encoding="utf-8") != text:
        sys.stderr.write(f"{target} is not what this script makes; run it without --check\n")
        return 1
    return 0
