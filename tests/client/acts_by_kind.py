"""Any valid act, generated from the description of its fields' kinds: the same words that the specification prints."""

from __future__ import annotations

import re
import string
from typing import Any

from hypothesis import strategies as st

from creditledger.acts.catalogue import Act
from creditledger.acts.identifiers import lei_check_digits, uscc_check_digit
from creditledger.acts.kinds import Kind
from creditledger.acts.registry import ACT_TYPES, ActType, decode_act
from creditledger.codec.dates import date_of_day, day_number
from creditledger.codec.text import check_text
from creditledger.errors import FormatError

USCC_SYMBOLS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
MAX_INT = 2**53 - 1

identifiers = st.text(string.ascii_lowercase + string.digits + "._-", min_size=1, max_size=64)
days = st.integers(day_number("0001-01-01"), day_number("9999-12-31")).map(date_of_day)
hashes = st.binary(min_size=32, max_size=32)
keys = hashes.map(lambda key: b"\x01" + key)
subjects = st.one_of(
    hashes.map(lambda value: ("handle", value)),
    st.text(USCC_SYMBOLS, min_size=17, max_size=17).map(lambda first: ("uscc", first + uscc_check_digit(first))),
    st.text(string.digits + string.ascii_uppercase, min_size=18, max_size=18).map(
        lambda first: ("lei", first + lei_check_digits(first))
    ),
    st.sampled_from(["shop.example.com", "a.b", "xn--bcher-kva.example"]).map(lambda name: ("host", name)),
)


def _is_text(value: str) -> bool:
    try:
        check_text(value, 100)
    except FormatError:
        return False
    return True


texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Cn", "Co")), min_size=1, max_size=25)
free_texts = st.one_of(texts.filter(_is_text), st.sampled_from(["“”", "\\”", "Art. 1", "判决书", 'a "b" c']))


def values(description: str) -> st.SearchStrategy[Any]:
    """Values of a kind, as the decoder returns them, made from the kind's own description."""
    if description.startswith("nil or "):
        return st.none() | values(description.removeprefix("nil or "))
    if match := re.fullmatch(r"sorted array of (\d+) to (\d+): (.*)", description):
        low, high, inner = int(match[1]), min(int(match[2]), 6), match[3]
        if inner == "[label, commitment]":
            return st.dictionaries(identifiers, hashes, max_size=4).map(lambda found: tuple(sorted(found.items())))
        return st.lists(values(inner), min_size=low, max_size=high, unique=True).map(lambda found: tuple(sorted(found)))
    if description.startswith("one of "):
        return st.sampled_from(re.findall("`([^`]+)`", description))
    if match := re.fullmatch(r"integer (\d+) to (\d+)", description):
        return st.integers(int(match[1]), int(match[2]))
    if match := re.fullmatch(r"text, 1 to (\d+) bytes", description):
        return free_texts
    if match := re.fullmatch(r"(\d+) bytes", description):
        return st.binary(min_size=int(match[1]), max_size=int(match[1]))
    return {
        "identifier": identifiers,
        "date": days,
        "UTC offset": st.sampled_from(["+00:00", "+08:00", "-03:30", "+14:00"]),
        "key (33 bytes)": keys,
        "subject": subjects,
        "act reference": st.tuples(st.none() | hashes, st.integers(0, 1023)),
        "log name, 1 to 255 bytes": st.sampled_from(["registry.example.org/list", "a", "判决书.example"]),
        "[author_seq, entry hash]": st.tuples(st.integers(0, MAX_INT), hashes),
    }[description]


def acts_of(kind: ActType) -> st.SearchStrategy[Act]:
    """Valid acts of one type."""
    fields: list[Kind] = [field for _, field in kind.fields]
    return st.tuples(*(values(field.describe) for field in fields)).map(lambda found: decode_act((kind.name, *found)))


any_act: st.SearchStrategy[Act] = st.one_of([acts_of(kind) for kind in ACT_TYPES.values()])
"""Valid acts of every type."""
