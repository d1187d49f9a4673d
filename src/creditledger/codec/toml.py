"""TOML from strangers, bounded before it is parsed.

The parser of the standard library takes time by the cube of the parts of a dotted key: 64 KB of `a.a.a…` keep it busy
for a minute. No file of this package needs dotted keys, so lines with more than a few dots outside of texts and
comments are refused before it sees them.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any, Final

from creditledger.errors import FormatError

MAX_DOTS: Final = 16
"""Dots in a line outside of texts and comments: those of dotted keys, table headers, numbers and times."""

# What is not closed reaches to the end, so that nothing is looked at twice; it is for the parser to refuse.
_TEXT_OR_COMMENT: Final = re.compile(
    r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*+(?:"{3,5}|\\?\Z)'
    r"|'''(?:[^']|'{1,2}(?!'))*+(?:'{3,5}|\Z)"
    r'|"(?:[^"\\\n]|\\[^\n])*+"?'
    r"|'[^'\n]*+'?"
    r"|#[^\n]*+",
    re.DOTALL,
)


def load_toml(data: bytes) -> dict[str, Any]:
    """Read TOML; how large it may be is for the caller to say.

    Raises:
        FormatError: it is not TOML, is nested too deep, or has too many dots in a line.
    """
    try:
        text = data.decode()
        bare = _TEXT_OR_COMMENT.sub("", text)
        if any(line.count(".") > MAX_DOTS for line in bare.split("\n")):
            raise FormatError(f"a line has more than {MAX_DOTS} dots outside of texts, as nested keys would")
        return tomllib.loads(text)
    except ValueError as error:  # Also what is not UTF-8, and a number of thousands of digits.
        raise FormatError(f"it is not TOML: {error}") from None
    except RecursionError:
        raise FormatError("it is nested too deep") from None
