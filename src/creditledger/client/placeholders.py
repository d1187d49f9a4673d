"""What stands in a template where somebody has to fill something in, and finding what was left that way.

A placeholder is a text that no field can hold by accident, such as `<fill in: date>`: examples that are values
themselves would sooner or later be signed as they stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from creditledger.acts.kinds import Kind

_BEGIN = "<fill in"
_ARRAY_OF = re.compile(r"sorted array of \d+ to \d+: (.+)", re.DOTALL).fullmatch


def placeholder(what: str) -> str:
    """Return the placeholder for what has to be filled in, `what` said in words."""
    return f"{_BEGIN}: {what}>"


def placeholder_of(kind: Kind) -> Any:
    """Return what a template shows for a field of a kind: null or empty where that is a fair value."""
    example = kind.example
    if example is None or example in ([], {}):
        return example
    what = kind.describe.replace("`", "")
    if (array := _ARRAY_OF(what)) is not None and isinstance(example, list):
        return [placeholder(array[1])]
    return placeholder(what)


def is_placeholder(value: object) -> bool:
    """Whether a text was left as the template had it, be it that something was written behind it."""
    return type(value) is str and value.lstrip().startswith(_BEGIN)


def unfilled(value: Any, path: str = "") -> Iterator[str]:
    """Yield the path of everything in a JSON value that is still a placeholder, such as `acts[0].law`."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from unfilled(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from unfilled(inner, f"{path}[{index}]")
    elif is_placeholder(value):
        yield path
