"""Encoding, checking and showing acts, from the field kinds of the catalogue.

`check_act` and `restore_act` are on the hot path of append and audit. Everything else (JSON, drafts, field tables) is
made for people and may be slower.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from operator import contains, itemgetter
from typing import Any, NamedTuple, get_type_hints

from creditledger.acts import catalogue
from creditledger.acts.catalogue import Act
from creditledger.acts.kinds import Kind
from creditledger.errors import FormatError, UnsupportedError

_MAX_REMEMBERED = 4096
_MAX_REMEMBERED_SET = 8
"""So many values of one sort are remembered, and only sets of so few members: some megabytes at most."""


class ActType(NamedTuple):
    """One act type: its name with version, its class, its fields with their kinds, and whose rows it touches.

    The rest is prepared for speed. `recurring` takes from an encoded act its type and the fields whose values recur,
    `known` are the sets that tell whether they are known (`Kind.known`), `others` the places and checks of the fields
    that are looked at each time.
    """

    name: str
    cls: type[Act]
    fields: tuple[tuple[str, Kind], ...]
    is_subject_act: bool
    recurring: Callable[[tuple[Any, ...]], tuple[Any, ...]]
    known: tuple[set[Any], ...]
    others: tuple[tuple[int, Callable[[Any], None]], ...]
    conversions: tuple[tuple[int, Callable[[Any], Any]], ...]
    make: Callable[[Iterable[Any]], Act]

    @property
    def summary(self) -> str:
        """The class's description, on one line."""
        return " ".join((self.cls.__doc__ or "").split())


def _act_type(name: str, cls: type[Act]) -> ActType:
    hints = get_type_hints(cls, vars(catalogue), include_extras=True)
    fields = tuple((field, _kind_of(hints[field])) for field in cls._fields)
    return ActType(
        name,
        cls,
        fields,
        name in catalogue.SUBJECT_ACTS,
        # Every act type has an identifier, so that there are always several to get at a time.
        itemgetter(0, *(place for place, (_, kind) in enumerate(fields, 1) if kind.known is not None)),
        ({name}, *(kind.known for _, kind in fields if kind.known is not None)),
        tuple((place, kind.check) for place, (_, kind) in enumerate(fields, 1) if kind.known is None),
        tuple((i, kind.convert) for i, (_, kind) in enumerate(fields) if kind.convert is not None),
        # As `_make`, which would count the values again.
        partial(tuple.__new__, cls),
    )


def _kind_of(hint: Any) -> Kind:
    return next(extra for extra in hint.__metadata__ if isinstance(extra, Kind))


ACT_TYPES: dict[str, ActType] = {
    name: _act_type(name, cls) for name, cls in (catalogue.GOVERNANCE_ACTS | catalogue.SUBJECT_ACTS).items()
}
_TYPE_OF: dict[type[Act], ActType] = {act_type.cls: act_type for act_type in ACT_TYPES.values()}


def type_of(act: Act) -> ActType:
    """The act type of a typed act."""
    return _TYPE_OF[type(act)]


def act_type(name: object) -> ActType:
    """The act type called `name`; raises `UnsupportedError` for one that this version does not know."""
    found = ACT_TYPES.get(name) if type(name) is str else None
    if found is None:
        known = ", ".join(sorted(ACT_TYPES))
        raise UnsupportedError(f"the act type {name!r:.80} is not known to this version, which knows: {known}")
    return found


def check_act(raw: Any) -> ActType:
    """Checks a decoded array `[type, field, ...]` and returns its type.

    Raises `FormatError` naming the field, and `UnsupportedError` for an unknown act type.
    """
    if type(raw) is not tuple or not raw or type(raw[0]) is not str:
        raise FormatError("an act is an array that begins with its type, a text")
    kind = ACT_TYPES.get(raw[0])
    if kind is None:
        kind = act_type(raw[0])
    if len(raw) - 1 != len(kind.fields):
        raise FormatError(f"{kind.name} has {len(kind.fields)} fields, found {len(raw) - 1}")
    try:
        if not all(map(contains, kind.known, kind.recurring(raw))):
            _learn(kind, raw[1:])
        for place, check in kind.others:
            check(raw[place])
    except (FormatError, TypeError):  # TypeError: a list from a draft, which no set can be asked about.
        _blame(kind, raw[1:])
        raise
    return kind


def _learn(kind: ActType, values: tuple[Any, ...]) -> None:
    """Checks the values that recur, and remembers those that may well come again."""
    for (_, field), value in zip(kind.fields, values, strict=True):
        if field.known is not None and value not in field.known:
            field.check(value)
            if type(value) is not tuple or len(value) <= _MAX_REMEMBERED_SET:
                if len(field.known) >= _MAX_REMEMBERED:
                    field.known.clear()
                field.known.add(value)


def decode_act(raw: Any) -> Act:
    """The typed act of a decoded array; raises what `check_act` raises."""
    return _typed(check_act(raw), raw[1:])


def _blame(kind: ActType, values: tuple[Any, ...]) -> None:
    """Repeats the checks of values already found wanting, to name the field."""
    for (name, field), value in zip(kind.fields, values, strict=True):
        try:
            field.check(value)
        except FormatError as error:
            raise FormatError(f"{kind.name}, field {name}: {error}") from None


def encode_act(act: Act) -> tuple[Any, ...]:
    """The array `[type, field, ...]` of a typed act, checked; raises `FormatError` naming the field."""
    raw = (_TYPE_OF[type(act)].name, *map(_plain, act))
    decode_act(raw)
    return raw


def _plain(value: Any) -> Any:
    """Named tuples and lists as bare tuples, the one form that the checks know."""
    return tuple(map(_plain, value)) if isinstance(value, tuple | list) else value


def restore_act(raw: tuple[Any, ...]) -> Act:
    """The typed act of an array that `decode_act` has accepted before; unchecked."""
    return _typed(ACT_TYPES[raw[0]], raw[1:])


def _typed(kind: ActType, values: tuple[Any, ...]) -> Act:
    """The act of checked values; what is nil or empty needs no conversion."""
    if not kind.conversions:
        return kind.make(values)
    converted = list(values)
    for i, convert in kind.conversions:
        if converted[i]:
            converted[i] = convert(converted[i])
    return kind.make(converted)


def act_to_json(act: Act) -> dict[str, Any]:
    """A typed act as a JSON object: bytes in hexadecimal, subjects `scheme:value`, references `hash#i`."""
    kind = _TYPE_OF[type(act)]
    return {"type": kind.name} | {
        name: field.to_json(value) for (name, field), value in zip(kind.fields, act, strict=True)
    }
