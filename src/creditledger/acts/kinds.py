"""What a field of an act may hold: one `Kind` per sort of value.

A kind checks a decoded value, turns it into the Python value that rules and callers see, and converts it from and to
JSON for drafts and reports. The catalogue of acts is written in these kinds and nothing else, so that the validator,
the JSON form, the drafts and the tables of the specification all come from one place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

from creditledger.acts import identifiers
from creditledger.codec.dates import check_date, check_offset
from creditledger.codec.text import check_identifier, check_text
from creditledger.errors import FormatError
from creditledger.tlog.note import check_name

MAX_INT = 2**53 - 1


class Subject(NamedTuple):
    """Whom a listing is about: `scheme` (`handle`, `uscc`, `lei`, `host`) and `value` (for a handle 32 bytes)."""

    scheme: str
    value: str | bytes

    @classmethod
    def handle(cls, value: bytes) -> Subject:
        """A natural person (or anything else that must not stand in clear) on one list: 32 random bytes."""
        return cls._checked("handle", value)

    @classmethod
    def uscc(cls, value: str) -> Subject:
        """A firm by its Unified Social Credit Code (GB 32100-2015), check digit verified."""
        return cls._checked("uscc", value)

    @classmethod
    def lei(cls, value: str) -> Subject:
        """A firm by its Legal Entity Identifier (ISO 17442), check digits verified."""
        return cls._checked("lei", value)

    @classmethod
    def host(cls, value: str) -> Subject:
        """A host name, in lower case, as registered in the public DNS."""
        return cls._checked("host", value)

    @classmethod
    def _checked(cls, scheme: str, value: str | bytes) -> Subject:
        identifiers.check_value(scheme, value)
        return cls(scheme, value)

    @classmethod
    def parse(cls, text: str) -> Subject:
        """Reads `scheme:value`, a handle's value in hexadecimal; raises `FormatError`."""
        scheme, colon, value = text.partition(":")
        if not colon:
            raise FormatError(
                f"a subject is written scheme:value, for example uscc:91110000600037341L, not {text[:80]!r}"
            )
        if scheme == "handle":
            return cls._checked(scheme, _unhex(value, 32))
        return cls._checked(scheme, value)

    def __str__(self) -> str:
        return f"{self.scheme}:{self.value.hex() if isinstance(self.value, bytes) else self.value}"


class ActRef(NamedTuple):
    """Which act is meant: SHA-256 of its entry (None: this same entry) and the act's index within it."""

    entry: bytes | None
    act: int

    def __str__(self) -> str:
        return f"{'' if self.entry is None else self.entry.hex()}#{self.act}"


class Commitment(NamedTuple):
    """One separately disclosable field of detached content: its label and its salted commitment (32 bytes)."""

    label: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Kind:
    """How one sort of field is checked, typed and shown.

    `check` raises `FormatError` on a decoded value that is not allowed; `convert` (or None) makes the typed value of a
    checked one; `to_json`/`from_json` go to and from JSON values; `example` is what a draft shows; `describe` is the
    entry in the specification's table. `known` gathers values found good, for sorts of which the same few come again
    and again: a set answers faster than a check. It holds texts, None and tuples of texts, which equal nothing of
    another type.
    """

    describe: str
    check: Callable[[Any], None]
    example: Any
    convert: Callable[[Any], Any] | None = None
    to_json: Callable[[Any], Any] = lambda value: value
    from_json: Callable[[Any], Any] = lambda value: value
    known: set[Any] | None = field(default=None, compare=False)


def _unhex(text: object, size: int) -> bytes:
    if not isinstance(text, str):
        raise FormatError(f"expected {size} bytes in hexadecimal")
    try:
        value = bytes.fromhex(text)
    except ValueError:
        raise FormatError(f"expected {size} bytes in hexadecimal, not {text[:80]!r}") from None
    if len(value) != size or value.hex() != text:
        raise FormatError(f"expected exactly {2 * size} lower-case hexadecimal digits, not {text[:80]!r}")
    return value


def _is_text(value: object) -> str:
    if type(value) is not str:
        raise FormatError(f"expected text, found {type(value).__name__}")
    return value


def identifier_kind(example: str) -> Kind:
    """An identifier: ASCII `[a-z0-9._-]{1,64}`."""
    return Kind("identifier", check_identifier, example, known=set())


def text_kind(max_bytes: int, example: str) -> Kind:
    """Free text of 1..`max_bytes` bytes of UTF-8 without the forbidden code points."""

    def check(value: Any) -> None:
        check_text(_is_text(value), max_bytes)

    return Kind(f"text, 1 to {max_bytes} bytes", check, example)


def _check_origin(value: Any) -> None:
    check_text(_is_text(value), 255)
    check_name(value)


ORIGIN = Kind("log name, 1 to 255 bytes", _check_origin, "registry.example.org/defaulters")


def code_kind(codes: tuple[str, ...]) -> Kind:
    """One of a closed list of codes."""
    allowed = frozenset(codes)

    def check(value: Any) -> None:
        if type(value) is not str or value not in allowed:
            raise FormatError(f"expected one of {', '.join(codes)}; found {value!r:.80}")

    return Kind("one of " + ", ".join(f"`{code}`" for code in codes), check, codes[0], known=set())


def int_kind(low: int, high: int, example: int) -> Kind:
    """An integer in `low`..`high`."""

    def check(value: Any) -> None:
        if type(value) is not int or not low <= value <= high:
            raise FormatError(f"expected a whole number from {low} to {high}, found {value!r:.80}")

    return Kind(f"integer {low} to {high}", check, example)


def bytes_kind(size: int) -> Kind:
    """Exactly `size` bytes; hexadecimal in JSON."""

    def check(value: Any) -> None:
        if type(value) is not bytes or len(value) != size:
            raise FormatError(f"expected {size} bytes, found {type(value).__name__}")

    return Kind(f"{size} bytes", check, "00" * size, to_json=bytes.hex, from_json=lambda text: _unhex(text, size))


def optional(kind: Kind) -> Kind:
    """nil, or the kind."""
    check_some, convert, to_json, from_json = kind.check, kind.convert, kind.to_json, kind.from_json

    def check(value: Any) -> None:
        if value is not None:
            check_some(value)

    return Kind(
        f"nil or {kind.describe}",
        check,
        None,
        None if convert is None else (lambda value: None if value is None else convert(value)),
        lambda value: None if value is None else to_json(value),
        lambda value: None if value is None else from_json(value),
        None if kind.known is None else set(),
    )


def sorted_set(kind: Kind, low: int, high: int) -> Kind:
    """An array of `low`..`high` values in strictly ascending order (of their bytes), so that a set has one form."""

    def check(value: Any) -> None:
        if type(value) is not tuple or not low <= len(value) <= high:
            raise FormatError(f"expected an array of {low} to {high} values")
        for member in value:
            kind.check(member)
        if len(value) > 1 and any(left >= right for left, right in pairwise(value)):
            raise FormatError("the values must be in ascending order, each once")

    def from_json(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise FormatError("expected an array")
        try:
            return tuple(sorted(kind.from_json(member) for member in value))
        except TypeError:
            raise FormatError("the values of the array are of different types") from None

    return Kind(
        f"sorted array of {low} to {high}: {kind.describe}",
        check,
        [kind.example] if low else [],
        to_json=lambda value: [kind.to_json(member) for member in value],
        from_json=from_json,
        known=None if kind.known is None else set(),
    )


def _check_subject(value: Any) -> None:
    if type(value) is not tuple or len(value) != 2:
        raise FormatError("a subject is an array of scheme and value")
    identifiers.check_value(*value)


def _check_ref(value: Any) -> None:
    if type(value) is not tuple or len(value) != 2:
        raise FormatError("a reference is an array of entry hash and act index")
    entry, index = value
    if entry is not None and (type(entry) is not bytes or len(entry) != 32):
        raise FormatError("a reference names an entry by its 32-byte SHA-256, or nil for this entry")
    if type(index) is not int or not 0 <= index < MAX_ENTRY_ACTS:
        raise FormatError("a reference's act index is out of range")


def _parse_ref(text: Any) -> ActRef:
    entry, hash_sign, index = _is_text(text).partition("#")
    if not hash_sign or not index.isascii() or not index.isdecimal() or str(int(index[:9])) != index:
        raise FormatError(f"a reference is written <entry hash in hexadecimal>#<act index>, not {text[:80]!r}")
    return ActRef(_unhex(entry, 32) if entry else None, int(index))


def _check_content(value: Any) -> None:
    if type(value) is not tuple or len(value) > MAX_CONTENT:
        raise FormatError(f"content is an array of at most {MAX_CONTENT} commitments")
    last = ""
    for pair in value:
        if type(pair) is not tuple or len(pair) != 2 or type(pair[1]) is not bytes or len(pair[1]) != 32:
            raise FormatError("a commitment is an array of a label and 32 bytes")
        check_identifier(pair[0])
        if pair[0] <= last:
            raise FormatError("commitments must be in ascending order of their labels, each label once")
        last = pair[0]


def _content_from_json(value: Any) -> tuple[Commitment, ...]:
    if not isinstance(value, dict):
        raise FormatError("content is an object of label and commitment in hexadecimal")
    return tuple(Commitment(label, _unhex(digest, 32)) for label, digest in sorted(value.items()))


def _check_key(value: Any) -> None:
    if type(value) is not bytes or len(value) != 33 or value[0] != 1:
        raise FormatError("a key is 33 bytes: 01 (Ed25519) and the public key")


def _check_entry_mark(value: Any) -> None:
    if type(value) is not tuple or len(value) != 2:
        raise FormatError("expected an array of author_seq and entry hash")
    author_seq, digest = value
    if type(author_seq) is not int or not 0 <= author_seq <= MAX_INT or type(digest) is not bytes or len(digest) != 32:
        raise FormatError("expected an array of author_seq and the entry's 32-byte hash")


MAX_ENTRY_ACTS = 1024
MAX_CONTENT = 16

# Of checked values, named tuples are made as `_make` does, in a third of its time: it would count the values again.
_commitment = partial(tuple.__new__, Commitment)

DATE = Kind("date", check_date, "2026-01-31", known=set())
UTC_OFFSET = Kind("UTC offset", check_offset, "+08:00")
HASH = bytes_kind(32)
CASE = optional(bytes_kind(16))
KEY = Kind("key (33 bytes)", _check_key, "01" + "00" * 32, None, bytes.hex, lambda text: _unhex(text, 33))
SUBJECT = Kind(
    "subject",
    _check_subject,
    "uscc:91110000600037341L",
    partial(tuple.__new__, Subject),
    lambda value: str(Subject._make(value)),
    lambda text: Subject.parse(_is_text(text)),
)
ACT_REF = Kind(
    "act reference",
    _check_ref,
    "00" * 32 + "#0",
    partial(tuple.__new__, ActRef),
    lambda value: str(ActRef._make(value)),
    _parse_ref,
)
CONTENT = Kind(
    f"sorted array of 0 to {MAX_CONTENT}: [label, commitment]",
    _check_content,
    {},
    lambda value: tuple([_commitment(pair) for pair in value]),
    lambda value: {label: digest.hex() for label, digest in value},
    _content_from_json,
)
ENTRY_MARK = Kind(
    "[author_seq, entry hash]",
    _check_entry_mark,
    [0, "00" * 32],
    tuple,
    lambda value: [value[0], value[1].hex()],
    lambda value: (value[0], _unhex(value[1], 32)) if isinstance(value, list) and len(value) == 2 else value,
)
