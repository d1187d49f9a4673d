"""Invented firms, people and keys, from a seed. Nobody in here exists.

All randomness is SHA-256 over the seed and a counter, not the standard library's generator, whose streams may differ
between versions of the language.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

from creditledger.acts.identifiers import uscc_check_digit
from creditledger.acts.kinds import Subject
from creditledger.keys.signer import MemorySigner

Item = TypeVar("Item")

_GIVEN = ("Ana", "Bela", "Chen", "Dara", "Emil", "Fen", "Goran", "Hana", "Ines", "Jun", "Kaya", "Lin", "Mira", "Nilo")
_FAMILY = ("Arden", "Brandt", "Castell", "Duan", "Eklund", "Farkas", "Guo", "Horvat", "Ito", "Jansen", "Kovac", "Lund")
_STEMS = ("Harbour", "Lantern", "Granite", "Willow", "Meridian", "Copper", "Summit", "Delta", "Juniper", "Anchor")
_TRADES = ("Shipping", "Foods", "Textiles", "Building", "Logistics", "Chemicals", "Optics", "Paper", "Timber", "Mills")


class Draws:
    """A stream of draws that depends on seed and name only."""

    def __init__(self, seed: int, name: str) -> None:
        self._prefix = f"creditledger/demo/{seed}/{name}/".encode()
        self._count = 0

    def bytes(self, size: int) -> bytes:
        """The next `size` (at most 32) bytes."""
        self._count += 1
        return hashlib.sha256(self._prefix + self._count.to_bytes(8, "big")).digest()[:size]

    def below(self, limit: int) -> int:
        """The next whole number from 0 to `limit` - 1."""
        return int.from_bytes(self.bytes(8), "big") % limit

    def one_of(self, items: Sequence[Item]) -> Item:
        """One of the items."""
        return items[self.below(len(items))]


def signer(seed: int, name: str) -> MemorySigner:
    """The key of that name."""
    return MemorySigner(Draws(seed, f"key/{name}").bytes(32))


def firm(draws: Draws) -> Subject:
    """A firm with a valid Unified Social Credit Code: registrar 9, kind 1, an invented place and number."""
    place = 990_000 + draws.below(10_000)
    body = f"91{place:06d}{draws.below(10**9):09d}"
    return Subject.uscc(body + uscc_check_digit(body))


def firm_name(draws: Draws) -> str:
    """What such a firm may be called."""
    return f"{draws.one_of(_STEMS)} {draws.one_of(_TRADES)} Ltd"


def person_name(draws: Draws) -> str:
    """What a person may be called."""
    return f"{draws.one_of(_GIVEN)} {draws.one_of(_FAMILY)}"
