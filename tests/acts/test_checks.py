"""`check_act` remembers values that it found good; whatever it remembers, its verdict is that of the fields' checks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from creditledger.acts import registry
from creditledger.acts.catalogue import ListingAdd, MandateGrant
from creditledger.acts.kinds import Kind, Subject
from creditledger.acts.registry import ACT_TYPES, check_act, decode_act, encode_act, restore_act
from creditledger.errors import FormatError

FIRM = Subject.uscc("91110000600037341L")
STRANGE: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2**53, 1.0, float("nan"), "", "a", "A", "a b", "é", "a" * 65, "2026-01-31",
    "2026-02-30", "+08:00", "restriction", "act", b"", b"a", b"\x01" + bytes(32), bytes(32), (), ("a",), ("b", "a"),
    ("a", "a"), (1,), (None,), ("a", ("b",)), ["a"], {"a": 1}, ("handle", bytes(32)), (None, 0), (b"", 0),
)  # fmt: skip


def examples() -> Iterator[tuple[str, tuple[Any, ...]]]:
    """An act of each type, as encoded, with the values that a draft shows."""
    for name, kind in ACT_TYPES.items():
        yield name, (name, *(plain(field.from_json(field.example)) for _, field in kind.fields))


def plain(value: Any) -> Any:
    return tuple(map(plain, value)) if isinstance(value, tuple) else value


def naive_verdict(raw: tuple[Any, ...]) -> str | None:
    """The message of the first field that does not pass its own check, asked with nothing remembered."""
    kind = ACT_TYPES[raw[0]]
    for (name, field), value in zip(kind.fields, raw[1:], strict=True):
        try:
            field.check(value)
        except FormatError as error:
            return f"{kind.name}, field {name}: {error}"
    return None


def verdict(raw: tuple[Any, ...]) -> str | None:
    try:
        check_act(raw)
    except FormatError as error:
        return str(error)
    return None


@pytest.mark.parametrize(("name", "raw"), [pytest.param(*example, id=example[0]) for example in examples()])
def test_any_value_in_any_field_has_the_verdict_of_the_fields_own_check(name: str, raw: tuple[Any, ...]) -> None:
    for place in range(1, len(raw)):
        for value in STRANGE:
            changed = (*raw[:place], value, *raw[place + 1 :])
            # Twice: what is found good is remembered, what is not is not.
            assert [verdict(changed), verdict(changed)] == [naive_verdict(changed)] * 2, (name, place, value)


@pytest.mark.parametrize(("name", "raw"), [pytest.param(*example, id=example[0]) for example in examples()])
def test_a_checked_act_is_restored_as_it_was_decoded(name: str, raw: tuple[Any, ...]) -> None:
    act = decode_act(raw)
    assert type(act) is ACT_TYPES[name].cls
    assert (restore_act(raw), encode_act(act)) == (act, raw)
    assert [type(value) for value in restore_act(raw)] == [type(value) for value in act]


def kinds_with_memory() -> list[Kind]:
    return [field for kind in ACT_TYPES.values() for _, field in kind.fields if field.known is not None]


def test_the_memory_of_values_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_MAX_REMEMBERED", 20)
    for field in kinds_with_memory():
        assert field.known is not None
        field.known.clear()
    add = ListingAdd("l", FIRM, "g", "2026-01-01", "2026-01-01")
    for number in range(100):
        check_act(encode_act(add._replace(list=f"list-{number}", measures=(f"m-{number}",))))
    assert max(len(field.known or ()) for field in kinds_with_memory()) == 20


def test_large_sets_are_not_remembered() -> None:
    many = tuple(f"area-{number:03}" for number in range(200))
    for areas in (many, many[:9], many[:8]):
        check_act(encode_act(MandateGrant("m", "a", "l", ("add",), "2026-01-01", "law", "Art. 1", areas=areas)))
    known = dict(ACT_TYPES["mandate.grant/1"].fields)["areas"].known
    assert known is not None
    assert [areas in known for areas in (many, many[:9], many[:8])] == [False, False, True]
