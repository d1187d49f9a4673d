"""Dated event histories of lists, as JSON lines: one object a line says that a key was added or removed, and when.

What the objects' fields are called is the user's to say (`EventLayout`). A moment is a date or a date with a time, as
RFC 3339 and ISO 8601 write them. The day of an event is its civil date *at the UTC offset given*, usually that of the
ledger, whatever offset the file wrote it at: files mix offsets, and only at one offset are the days of events in the
order of their moments. A time without an offset, and a date without a time, are taken to be at that offset too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, NamedTuple

from creditledger.codec.dates import day_at, day_number, offset_minutes
from creditledger.codec.text import check_identifier
from creditledger.errors import FormatError, UsageError
from creditledger.transfer.sources.lines import BadRow, Line, check_key, read_lines

ADD, REMOVE = "add", "remove"

_MICROSECONDS_PER_MINUTE = 60_000_000
_MAX_CONTENT_BYTES = 1 << 18
_MAX_LISTS = 1000
# Room is left for a number, and for the prefix that names a list's mandate.
_MAX_LIST_ID = 44
_no_identifier = re.compile(r"[^a-z0-9._-]+", re.ASCII)
_moment = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?(?: ?([Zz]|[+-][0-9]{2}(?::?[0-9]{2})?))?)?"
).fullmatch


@dataclass(frozen=True, slots=True)
class EventLayout:
    """What the fields of a file are called and what its words mean.

    Attributes:
        lists: the ledger's list for each value of the field `list`; or the one list of the whole file.
        key, action, date: the names of the fields that say who, what and when.
        list: the name of the field that says which list; not read if there is one list only.
        actions: for each word that stands for an action in the file, `add` or `remove`.
        content: further fields to keep as content: label -> name of the field. What is not text is kept as JSON.
    """

    lists: Mapping[str, str] | str
    key: str = "key"
    action: str = "action"
    date: str = "recorded"
    list: str = "list"
    actions: Mapping[str, str] = field(default_factory=lambda: {ADD: ADD, REMOVE: REMOVE})
    content: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise UsageError if the layout makes no sense."""
        try:
            for list_id in self.list_ids:
                check_identifier(list_id)
            for label in self.content:
                check_identifier(label)
        except FormatError as error:
            raise UsageError(f"the layout of the events: {error}") from None
        unknown = sorted(set(self.actions.values()) - {ADD, REMOVE})
        if unknown or not self.actions:
            raise UsageError(f"the layout of the events: actions mean {ADD} or {REMOVE}, not {', '.join(unknown)}")
        if not self.list_ids:
            raise UsageError("the layout of the events: it names no list")
        if "key" in self.content:
            raise UsageError("the layout of the events: the label key is that of the key itself")

    @property
    def list_ids(self) -> tuple[str, ...]:
        """The ledger's lists that the file may speak of, sorted."""
        return (self.lists,) if isinstance(self.lists, str) else tuple(sorted(set(self.lists.values())))


class EventRow(NamedTuple):
    """One event: its line and where that starts; which list, key and action (`add`, `remove`); when, and what else.

    `moment` is in microseconds since 1970-01-01T00:00:00Z, `date` the civil date then at the offset asked for.
    """

    line: int
    offset: int
    list: str
    key: str
    action: str
    moment: int
    date: str
    fields: dict[str, str]


def read_events(file: BinaryIO, layout: EventLayout, utc_offset: str) -> Iterator[EventRow | BadRow]:
    """Yield the events of a file in the order in which they stand, and a `BadRow` for each that cannot be read.

    Args:
        file: read from its beginning.
        layout: what its fields are called.
        utc_offset: where the civil date of an event is taken, as in `+08:00`.

    Raises:
        OSError: the file cannot be read.
    """
    for line in read_lines(file):
        if isinstance(line, BadRow):
            yield line
        elif line.data.strip():
            yield read_event(line, layout, utc_offset)


def read_event(line: Line, layout: EventLayout, utc_offset: str) -> EventRow | BadRow:
    """Read one line."""
    value: Any = None
    try:
        value = json.loads(line.data.decode("utf-8"), object_pairs_hook=_object, parse_constant=_refuse_constant)
        return _event(line, value, layout, utc_offset)
    except UnicodeDecodeError as error:
        return BadRow(line.number, f"not UTF-8 from byte {error.start} of the line on")
    except json.JSONDecodeError as error:
        return BadRow(line.number, f"not JSON: {error.msg} at character {error.pos + 1}")
    except RecursionError:
        return BadRow(line.number, "not JSON that can be read: nested too deeply")
    except (FormatError, ValueError) as error:
        return BadRow(line.number, str(error), *_concerns(value, layout))


def _concerns(value: Any, layout: EventLayout) -> tuple[tuple[str, ...], str | None]:
    """The key and the list that a row speaks of which cannot be read, as far as it tells: `BadRow.keys` and `.list`."""
    if not isinstance(value, dict):
        return (), None
    try:
        key = _text(value, layout.key).strip()
        list_id = layout.lists if isinstance(layout.lists, str) else layout.lists.get(str(value.get(layout.list)))
    except FormatError:
        return (), None
    return ((key,) if check_key(key) is None else ()), list_id


def _event(line: Line, value: Any, layout: EventLayout, utc_offset: str) -> EventRow:
    """The event that a JSON value says; FormatError or ValueError if it says none."""
    if not isinstance(value, dict):
        raise FormatError("a row is a JSON object")
    list_id = layout.lists if isinstance(layout.lists, str) else _choice(value, layout.list, layout.lists)
    action = _choice(value, layout.action, layout.actions)
    key = _text(value, layout.key)
    if (reason := check_key(key)) is not None:
        raise FormatError(reason)
    moment, date = read_moment(_text(value, layout.date), utc_offset)
    fields = {label: _content(value[name]) for label, name in layout.content.items() if value.get(name) is not None}
    return EventRow(line.number, line.offset, list_id, key, action, moment, date, fields)


def suggest_lists(file: BinaryIO, name: str) -> dict[str, str]:
    """Return an identifier of a list for every value that a field has in a file, for `EventLayout.lists`.

    Args:
        file: read from its beginning.
        name: the field that says which list.

    Returns:
        The values in the order of the alphabet, each with an identifier of its own made from it: letters and digits of
        ASCII in lower case, anything else as one hyphen. Lines that cannot be read are passed over.

    Raises:
        OSError: the file cannot be read.
        FormatError: the field has more than 1,000 different values, which no field does that says which list.
    """
    values: set[str] = set()
    for line in read_lines(file):
        if not isinstance(line, Line):
            continue
        try:
            value = json.loads(line.data)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and isinstance(value.get(name), str):
            values.add(value[name])
            if len(values) > _MAX_LISTS:
                raise FormatError(f"the field {name!a} has more than {_MAX_LISTS} different values")
    found: dict[str, str] = {}
    taken: set[str] = set()
    for value in sorted(values):
        stem = _no_identifier.sub("-", value.lower()).strip("-.")[:_MAX_LIST_ID] or "list"
        number = 1
        while (list_id := stem if number == 1 else f"{stem}-{number}") in taken:
            number += 1
        taken.add(list_id)
        found[value] = list_id
    return found


def read_moment(text: str, utc_offset: str) -> tuple[int, str]:
    """Return a moment, in microseconds since 1970-01-01T00:00:00Z, and its civil date at an offset.

    Args:
        text: `2024-02-06`, or with a time, `2024-02-06T01:51:17+08:00`; seconds and offset may be missing.
        utc_offset: where the date is taken, and what a text without an offset means.

    Raises:
        FormatError: it is not such a text, or there is no such moment. A second 60 counts as the next minute's 0.
    """
    match = _moment(text)
    if match is None:
        raise FormatError(f"{text[:60]!a} is not a date, as in 2024-02-06, nor a time, as in 2024-02-06T01:51:17+08:00")
    date, hour, minute, second, fraction, offset = match.groups()
    hours, minutes, seconds = int(hour or 0), int(minute or 0), int(second or 0)
    if hours > 23 or minutes > 59 or seconds > 60:
        raise FormatError(f"{text[:60]!a} is not a time of day")
    if offset is None:
        offset = utc_offset
    elif offset in "Zz":
        offset = "+00:00"
    else:
        offset = f"{offset[:3]}:{offset[3:].removeprefix(':') or '00'}".replace("-00:00", "+00:00")
    local = ((day_number(date) * 24 + hours) * 60 + minutes) * 60 + seconds
    microseconds = local * 1_000_000 + int((fraction or "0").ljust(6, "0")[:6])
    moment = microseconds - offset_minutes(offset) * _MICROSECONDS_PER_MINUTE
    return moment, day_at(moment, utc_offset)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; RFC 8259 leaves open what a name that stands twice means, so it means nothing here."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise FormatError(f"the name {name[:40]!a} stands twice in one object")
        found[name] = value
    return found


def _refuse_constant(name: str) -> None:
    raise FormatError(f"{name} is not JSON")


def _text(value: dict[str, Any], name: str) -> str:
    found = value.get(name)
    # A number is taken for a key as it is written; a truth value, which Python counts among the numbers, is not.
    if type(found) is int:
        return str(found)
    if not isinstance(found, str):
        raise FormatError(f"the field {name!a} is missing or not a text")
    return found


def _choice(value: dict[str, Any], name: str, choices: Mapping[str, str]) -> str:
    word = _text(value, name)
    found = choices.get(word)
    if found is None:
        known = ", ".join(ascii(choice) for choice in list(choices)[:20])
        raise FormatError(f"the field {name!a} is {word[:60]!a}; known are {known}")
    return found


def _content(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    # Encoding a lone surrogate is a ValueError, and so makes a bad row.
    if len(text.encode()) > _MAX_CONTENT_BYTES:
        raise FormatError(f"a field to be kept as content has more than {_MAX_CONTENT_BYTES} bytes")
    return text
