"""A record byte by byte: what every single byte of it means. Pure: bytes in, parts out.

The names come from the act registry, so that a new act type explains itself. A value is split where MessagePack splits
it: a header, which says what follows and how long it is, and what follows. The entry, which a record holds as bytes, is
walked into like the rest. The parts cover the record from its first byte to its last, each byte once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, repeat
from typing import Any, NamedTuple

from creditledger.acts.kinds import Kind
from creditledger.acts.registry import ACT_TYPES
from creditledger.client.phrases import count, moment
from creditledger.codec.canonical import decode
from creditledger.errors import FormatError
from creditledger.record.entry import MAX_ENTRY_BYTES
from creditledger.record.record import MAX_RECORD_BYTES


class Part(NamedTuple):
    """Some bytes of a record that mean one thing.

    `offset` is where they begin in the record, `path` names the value, as in `entry.acts[0].effective`, `depth` is how
    many arrays it lies within, `meaning` is in words. `kind` is `header` for what MessagePack says about a value (a
    small number or a nil is nothing but its header), else what the value is: `text`, `number` or `bytes`.
    """

    offset: int
    data: bytes
    path: str
    depth: int
    kind: str
    meaning: str

    @property
    def end(self) -> int:
        """The offset of the first byte after the part."""
        return self.offset + len(self.data)

    @property
    def name(self) -> str:
        """The last name of the path."""
        return self.path.rpartition(".")[2]

    def reading(self, data: bytes) -> str:
        """What other bytes of the same length would say in this part's place."""
        if self.kind == "text":
            return _quoted(data.decode(errors="replace"))
        if self.kind == "number":
            return f"the number {int.from_bytes(data, 'big')}"
        if self.kind == "bytes":
            return f"the bytes {data.hex()}" if len(data) <= 40 else f"{len(data)} bytes"
        if len(data) > 1 and data[0] in _SIZED:
            what, width = _SIZED[data[0]]
            return _follows(what, int.from_bytes(data[1 : 1 + width], "big"))
        return begins(data[0])


class _Field(NamedTuple):
    """What is known about a value by its place: its name, what it is for (`of_bytes`: if it is raw bytes), and how its
    elements, or what its bytes encode, are named."""

    name: str
    about: str = ""
    of_bytes: str = ""
    elements: Callable[[Sequence[Any]], Iterator[_Field]] | None = None
    content: _Field | None = None
    show: Callable[[Any], str] | None = None
    is_key: bool = False


_SIZED = {
    0xC4: ("bytes", 1), 0xC5: ("bytes", 2), 0xC6: ("bytes", 4), 0xD9: ("text", 1), 0xDA: ("text", 2), 0xDB: ("text", 4),
    0xDC: ("array", 2), 0xDD: ("array", 4),
}  # fmt: skip
"""Headers whose length stands in the bytes after the first: what they begin, and how many bytes the length has."""

_NUMBERS = {0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8}
_CONSTANTS = {0xC0: "nil: there is none", 0xC2: "false", 0xC3: "true"}
_FLOAT, _MAP = "a float, which the format does not allow", "a map, which the format does not allow"
_OTHERS = {0xC1: "nothing: MessagePack never uses it", 0xCA: _FLOAT, 0xCB: _FLOAT, 0xDE: _MAP, 0xDF: _MAP}


def begins(byte: int) -> str:
    """What a value that begins with this byte is, by the MessagePack specification."""
    if byte < 0x80:
        return f"the number {byte}"
    if byte < 0x90:
        return _MAP
    if byte < 0xA0:
        return f"an array of {byte & 15}"
    if byte < 0xC0:
        return f"text of {count(byte & 31, 'byte')}"
    if byte in _SIZED:
        what, width = _SIZED[byte]
        return f"{what}, the length in {count(width, 'byte')}"
    if byte in _NUMBERS:
        return f"a number in {count(_NUMBERS[byte], 'byte')}"
    if byte in _CONSTANTS:
        return _CONSTANTS[byte].partition(":")[0]
    return _OTHERS.get(byte, "a negative number or an extension, which the format does not allow")


def annotate(record: bytes) -> list[Part]:
    """Return the parts of a record in the order of their bytes.

    Only the encoding must be right; what is not of a record's form is covered too, without names.

    Raises:
        FormatError: the bytes are not a value in its canonical encoding.
    """
    value = decode(record, MAX_RECORD_BYTES)
    return list(_Walk(record).value(value, _RECORD, "", 0))


class _Walk:
    """Goes through bytes and the value that they encode side by side."""

    def __init__(self, data: bytes, base: int = 0) -> None:
        self._data = data
        self._base = base
        self._at = 0

    def value(self, value: Any, field: _Field, above: str, depth: int) -> Iterator[Part]:
        path = f"{above}{field.name}" if field.name.startswith("[") or not above else f"{above}.{field.name}"
        if isinstance(value, tuple):
            yield self._part(_header_size(self._data[self._at]), path, depth, "header", f"array of {len(value)}", field)
            names = field.elements(value) if field.elements is not None else iter(())
            inner = "" if field is _RECORD else path
            for number, (element, name) in enumerate(zip(value, chain(names, repeat(None)), strict=False)):
                yield from self.value(element, name or _Field(f"[{number}]"), inner, depth + 1)
        elif isinstance(value, str | bytes):
            yield from self._string(value, field, path, depth)
        elif type(value) is int and value >= 0x80:
            yield self._part(1, path, depth, "header", f"a number in {count(_NUMBERS[self._data[self._at]], 'byte')}")
            width = _NUMBERS[self._data[self._at - 1]]
            yield self._part(width, path, depth, "number", (field.show or str)(value), field)
        else:
            constant = _CONSTANTS.get(self._data[self._at])
            yield self._part(1, path, depth, "header", constant or (field.show or str)(value), field)

    def _string(self, value: str | bytes, field: _Field, path: str, depth: int) -> Iterator[Part]:
        what = "text" if isinstance(value, str) else "bytes"
        size = len(value.encode()) if isinstance(value, str) else len(value)
        yield self._part(_header_size(self._data[self._at]), path, depth, "header", _follows(what, size))
        if size == 0:
            return
        if isinstance(value, str):
            yield self._part(size, path, depth, "text", _quoted(value), field)
        elif field.content is not None and (content := _encoded(value)) is not None:
            yield from _Walk(value, self._base + self._at).value(content, field.content, "", depth + 1)
            self._at += size
        elif field.is_key and size == 33:
            yield self._part(1, path, depth, "bytes", "key type 01: Ed25519" if value[0] == 1 else "key type")
            yield self._part(32, path, depth, "bytes", "the public key")
        else:
            yield self._part(size, path, depth, "bytes", field.of_bytes or field.about or "raw")

    def _part(self, size: int, path: str, depth: int, kind: str, meaning: str, field: _Field | None = None) -> Part:
        start = self._at
        self._at += size
        if field is not None and field.about and kind != "bytes":
            meaning = f"{meaning} ({field.about})"
        return Part(self._base + start, self._data[start : self._at], path, depth, kind, meaning)


def _header_size(byte: int) -> int:
    return 1 + _SIZED[byte][1] if byte in _SIZED else 1


def _encoded(data: bytes) -> Any | None:
    """The value that the bytes encode, or None if they do not."""
    try:
        return decode(data, MAX_ENTRY_BYTES)
    except FormatError:
        return None


def _follows(what: str, size: int) -> str:
    if what == "array":
        return f"array of {size}"
    return f"text of {count(size, 'byte')}" if what == "text" else f"{count(size, 'raw byte')}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _moment(value: Any) -> str:
    return f"{value} µs = {moment(value)}" if type(value) is int else repr(value)


# -- what the places of a record are called (format v1, sections 3, 4 and 7) ------------------------------------------

_ABOUT = {
    "case": "random mark of the case", "commitment": "SHA-256(02 ‖ nonce ‖ content): says nothing without the nonce",
    "entry hash": "SHA-256 of that entry", "rule_set_hash": "SHA-256 of the rule set's text",
    "sha256": "SHA-256 of the source's file", "value": "a random pseudonym",
}  # fmt: skip
_TUPLES = {"subject": ("scheme", "value"), "act reference": ("entry hash", "act index")}


def _kinds(name: str, describe: str) -> _Field:
    """A field by what its kind says of itself."""
    sort = describe.removeprefix("nil or ")
    if sort.startswith("sorted array"):
        member = sort.partition(": ")[2]
        return _Field(name, elements=lambda values: (_kinds(f"[{i}]", member) for i in range(len(values))))
    if sort in _TUPLES or sort.startswith("["):
        names = _TUPLES.get(sort) or sort.strip("[]").split(", ")
        return _Field(name, elements=lambda _: (_Field(one, of_bytes=_ABOUT.get(one, "")) for one in names))
    about = _ABOUT["commitment"] if name.startswith("[") and sort == "32 bytes" else _ABOUT.get(name, "")
    return _Field(name, of_bytes=about, is_key=sort.startswith("key"))


def _act(values: Sequence[Any]) -> Iterator[_Field]:
    found = ACT_TYPES.get(values[0]) if values and isinstance(values[0], str) else None
    yield _Field("type", found.summary.rstrip(".") if found is not None else "")
    fields: Sequence[tuple[str, Kind]] = found.fields if found is not None else ()
    yield from (_kinds(name, kind.describe) for name, kind in fields)


def _numbered(about: str, elements: Callable[[Sequence[Any]], Iterator[_Field]] | None) -> Any:
    return lambda values: (_Field(f"[{i}]", about, elements=elements) for i in range(len(values)))


def _cosigner(_values: Sequence[Any]) -> Iterator[_Field]:
    return iter((_Field("authority"), _Field("key", is_key=True)))


def _seen(_values: Sequence[Any]) -> Iterator[_Field]:
    return iter((_Field("size"), _Field("root", "root of the tree at that size")))


def _signatures(values: Sequence[Any]) -> Iterator[_Field]:
    signers = chain(("the author",), (f"cosigner {i}" for i in range(len(values))))
    return (
        _Field(f"[{i}]", f"Ed25519 signature of {who}") for i, who in zip(range(len(values)), signers, strict=False)
    )


_ENTRY_FIELDS = (
    _Field("format"),
    _Field("ledger_id", "leaf hash of record 0: for which ledger it was signed"),
    _Field("authority"),
    _Field("key", is_key=True),
    _Field("author_seq", "the key's entries before this one"),
    _Field("author_prev", "SHA-256 of the key's entry before; for its first, leaf hash of the record that added it"),
    _Field("cosigners", elements=_numbered("", _cosigner)),
    _Field("not_after", "recorded later, it is refused", show=_moment),
    _Field("seen", "the checkpoint that the author verified", elements=_seen),
    _Field("acts", elements=_numbered("", _act)),
)
_ENTRY = _Field("entry", "what is signed", elements=lambda _: iter(_ENTRY_FIELDS))
_RECORD_FIELDS = (
    _Field("version", "of the record's form"),
    _Field("seq", "the record's number"),
    _Field("recorded_at", show=_moment),
    _Field("prev", "leaf hash of the record before"),
    _Field("entry", content=_ENTRY),
    _Field("signatures", elements=_signatures),
)
_RECORD = _Field("record", "one leaf of the tree", elements=lambda _: iter(_RECORD_FIELDS))
