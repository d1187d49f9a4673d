"""Drafts: acts as a JSON document that a clerk fills in, the template for one, and reading it within bounds.

    {"authority": ..., "cosigners": [{"authority": ..., "key": ...}], "acts": [{"type": ..., ...}],
     "contents": {...}, "help": ...}

`authority` and `acts` must be there; `help` is never read. What the fields mean is worked out by `compose.prepare`;
here the document is only found to be JSON, without doubles or numbers beyond measure.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from creditledger.acts.registry import ACT_TYPES, ActType, act_type
from creditledger.client.field_help import DOCUMENT_HELP, FIELD_HELP
from creditledger.client.files import read_bounded
from creditledger.client.placeholders import placeholder, placeholder_of
from creditledger.errors import FormatError

MAX_DRAFT_BYTES = 1 << 20

_MAX_DIGITS = 20
_MAX_DEPTH = 8


class Draft(NamedTuple):
    """A draft as read: its JSON object, the folder that its content files lie in (None: it may name none), and what
    messages call it."""

    document: dict[str, Any]
    folder: Path | None = None
    name: str = "the draft"


def draft_document(type_names: Iterable[str], authority: str | None = None) -> dict[str, Any]:
    """Return a template: every field of an act of each type, and `help` that explains them.

    A field that has to be filled in holds a placeholder that says with what; no draft is read that still has one.

    Args:
        type_names: act types, such as `listing.add/1`; without the version, the latest one.
        authority: who will sign; a placeholder if None.

    Raises:
        UnsupportedError: a type that this version does not know.
    """
    types = [_latest(name) for name in type_names]
    return {
        "authority": authority or placeholder(DOCUMENT_HELP["authority"]),
        "cosigners": [],
        "acts": [_template(kind) for kind in types],
        "help": {"draft": DOCUMENT_HELP} | {kind.name: _explain(kind) for kind in types},
    }


def load_draft(path: str | os.PathLike[str]) -> Draft:
    """Read a draft file of at most 1 MiB; content files that it names lie in its folder.

    Raises:
        FormatError: it is too large, not UTF-8, not JSON (with line and column), or not an object.
        UsageError: there is no such file.
        StoreError: it cannot be read.
    """
    data = read_bounded(path, MAX_DRAFT_BYTES, "the draft")
    return parse_draft(data, folder=Path(path).parent, name=f"the draft {os.fspath(path)}")


def parse_draft(data: bytes, *, folder: Path | None = None, name: str = "the draft") -> Draft:
    """Read a draft from its bytes; raises `FormatError` as `load_draft` does."""
    if len(data) > MAX_DRAFT_BYTES:
        raise FormatError(f"{name} is larger than the {MAX_DRAFT_BYTES} bytes allowed")
    if not data.strip():
        raise FormatError(f"{name} is empty")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FormatError(f"{name} is not UTF-8 text: line {line}, byte {error.start} of the file") from None
    try:
        document = json.loads(text, object_pairs_hook=_object, parse_int=_integer, parse_constant=_constant)
    except json.JSONDecodeError as error:
        raise FormatError(f"{name} is not JSON: line {error.lineno}, column {error.colno}: {error.msg}") from None
    except RecursionError:
        raise FormatError(f"{name} is not a draft: it is nested too deeply") from None
    except FormatError as error:
        raise FormatError(f"{name}: {error}") from None
    if type(document) is not dict:
        raise FormatError(f'{name} is not a draft: it takes an object with "authority" and "acts"')
    if _depth(document, _MAX_DEPTH) > _MAX_DEPTH:
        raise FormatError(f"{name} is not a draft: it is nested more than {_MAX_DEPTH} deep")
    return Draft(document, folder, name)


def _latest(name: str) -> ActType:
    versions = [known for known in ACT_TYPES if known.partition("/")[0] == name]
    return act_type(max(versions, key=lambda known: int(known.partition("/")[2])) if versions else name)


def _template(kind: ActType) -> dict[str, Any]:
    return {"type": kind.name} | {name: placeholder_of(what) for name, what in kind.fields}


def _explain(kind: ActType) -> dict[str, str]:
    """What an act type is for, and for each field what it means and what may stand there."""
    return {"": kind.summary} | {
        field: f"{FIELD_HELP[field]}: {what.describe}".replace("nil or", "null or") for field, what in kind.fields
    }


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]  # None
        raise FormatError(f"the name {twice[:80]!a} stands twice in one object")
    return names


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise FormatError(f"a number of {len(digits)} digits, where at most {_MAX_DIGITS} are read")
    return int(digits)


def _constant(name: str) -> NoReturn:
    raise FormatError(f"{name} is not JSON")


def _depth(value: object, limit: int) -> int:
    """How deep objects and arrays are nested; looks no further than one below the limit."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    if inner is None or limit < 0:
        return 0
    return 1 + max((_depth(one, limit - 1) for one in inner), default=0)
