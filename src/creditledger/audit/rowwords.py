"""Derived rows in words: which row it is, and where two of them differ, for people who read an audit's findings.

The rows may be damaged: whatever cannot be read as a row is shown by its first bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any, Final

from creditledger.acts.catalogue import GroundRegister, LawRegister, ListDefine, MandateGrant, MeasureRegister
from creditledger.acts.kinds import Subject
from creditledger.audit.findings import Finding, finding
from creditledger.codec.own import restore
from creditledger.errors import FormatError
from creditledger.rules.rows import (
    Appeal,
    AuthorityRow,
    Confirmation,
    Ended,
    KeyHead,
    KeyRow,
    LedgerRow,
    Listing,
    Suspension,
)

MAX_DIFFERENCES: Final = 3

_Names = dict[str, Any]
"""The names of an array's elements with the names of what they contain; `*` stands for every element."""


def _names(*fields: str, **inner: Any) -> _Names:
    return {name: inner.get(name, {}) for name in fields}


def _parameters(cls: type) -> tuple[str, ...]:
    """The elements of a row that is written in the order of its constructor's parameters."""
    return tuple(name for name in vars(cls)["__init__"].__annotations__ if name != "return")


_LISTING = _names(
    *_parameters(Listing),
    ended=_names(*Ended._fields),
    suspensions={"*": _names(*Suspension._fields)},
    appeals={"*": _names(*_parameters(Appeal))},
)
_ROWS: Final[dict[str, _Names]] = {
    "authority": _names(*AuthorityRow._fields),
    "confirmed": _names(*Confirmation._fields),
    "ground": _names(*GroundRegister._fields),
    "head": _names(*KeyHead._fields),
    "key": _names(*KeyRow._fields),
    "law": _names(*LawRegister._fields),
    "ledger": _names(*LedgerRow._fields),
    "list": _names("definition", "opened", "closed", definition=_names(*ListDefine._fields)),
    "mandate": _names("grant", "granted_by", "revoked", grant=_names(*MandateGrant._fields)),
    "measure": _names(*MeasureRegister._fields),
    "subject": _names("listings", "history", "commitments", "erased", listings={"*": _LISTING}),
}
_NUMBERS: Final = frozenset({"author", "keyno"})


def different_row(table: str, key: bytes, due: bytes | None, found: bytes | None, seq: int | None = None) -> Finding:
    """The finding for a row that is not what the log says: `due` and `found` are its bytes, None for no row."""
    name = row_name(table, key)
    if due is None:
        message, expected, there = (
            f"the state has {name}, of which the log knows nothing",
            "no row",
            _shown(table, found),
        )
    elif found is None:
        message, expected, there = f"the state lacks {name}", _shown(table, due), "no row"
    else:
        message = f"the state has another row for {name}"
        expected, there = differences_in_words(table, due, found)
    return finding("LED-STATE", seq, message, expected=expected, found=there, derived=True)


def row_name(table: str, key: bytes) -> str:
    """What a row is about, such as `uscc:91… on judgment-defaulters` or `mandate m-01`; never fails."""
    try:
        if table in ("subject", "recent"):
            list_id, scheme, value = key.split(b"\0", 2)
            return f"{Subject(scheme.decode(), value if scheme == b'handle' else value.decode())} on {list_id.decode()}"
        if table == "author" and len(key) == 12:
            return f"entry {int.from_bytes(key[4:], 'big')} of key no. {int.from_bytes(key[:4], 'big')}"
        if table == "erasure" and len(key) > 8:
            return f"the erasure by record {int.from_bytes(key[:8], 'big')} of item {_hex(key[8:])}"
        if table == "governed" and len(key) == 8:
            return f"governance by record {int.from_bytes(key, 'big')}"
        if table in ("key", "head", "keyno", "confirmed"):
            return f"{_KEYED[table]} {key.hex()}"
        text = key.decode("ascii")
        return "the ledger itself" if table == "ledger" else f"{table} {text if text.isprintable() else key.hex()}"
    except (ValueError, TypeError):
        return f"the row {key.hex()} of table {table}"


_KEYED: Final = {
    "confirmed": "the confirmation of entry", "head": "the last entry of key", "key": "key", "keyno": "number of key",
}  # fmt: skip


def differences_in_words(table: str, due: bytes, found: bytes) -> tuple[str, str]:
    """Where two rows differ, as (expected, found): the first few fields with their values."""
    if table in _NUMBERS:
        return str(int.from_bytes(due, "big")), str(int.from_bytes(found, "big"))
    try:
        left, right = restore(due), restore(found)
    except FormatError:
        return _shown(table, due), _shown(table, found)
    pairs = [*_differences(left, right, _ROWS.get(table, {}), "")]
    told = pairs[:MAX_DIFFERENCES]
    more = f", and {len(pairs) - len(told)} more fields" if len(pairs) > len(told) else ""
    expected, there = (", ".join(f"{path} {_value(pair[at])}" for path, *pair in told) + more for at in (0, 1))
    return (expected, there) if pairs else (_hex(due), _hex(found))


def _differences(left: Any, right: Any, names: _Names, path: str) -> Iterator[tuple[str, Any, Any]]:
    """Every place at which two values differ: its path, and both values."""
    if not (isinstance(left, tuple) and isinstance(right, tuple)):
        if left != right or type(left) is not type(right):
            yield path or "value", left, right
        return
    every = names.get("*")
    fields = [] if every is not None else list(names.items())
    for at, (one, other) in enumerate(zip_longest(left, right, fillvalue=_ABSENT)):
        name, inner = fields[at] if at < len(fields) else (f"[{at}]", every or {})
        yield from _differences(one, other, inner, f"{path}{name}" if not path or name[0] == "[" else f"{path}.{name}")


_ABSENT: Final = object()


def _value(value: Any) -> str:
    if value is _ABSENT:
        return "(absent)"
    if value is None:
        return "none"
    if isinstance(value, bytes):
        return _hex(value)
    if isinstance(value, tuple):
        return f"({', '.join(map(_value, value))})"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _shown(table: str, row: bytes | None) -> str:
    """A whole row in words."""
    if not row:
        return "an empty row" if row is not None else "no row"
    if table in _NUMBERS:
        return str(int.from_bytes(row, "big"))
    try:
        value = restore(row)
    except FormatError:
        return f"{len(row)} bytes that are no row: {_hex(row)}"
    names = _ROWS.get(table, {})
    if not isinstance(value, tuple) or len(names) != len(value):
        return f"a row of {len(row)} bytes: {_value(value)}"
    return ", ".join(f"{name} {_value(one)}" for name, one in zip(names, value, strict=True))


def _hex(data: bytes) -> str:
    return data.hex() if len(data) <= 32 else f"{data[:16].hex()}… ({len(data)} bytes)"
