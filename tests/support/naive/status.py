"""What the naive model answers about a listing: its status on a day, as known on another."""

from __future__ import annotations

from typing import Any

from support.naive.model import Model


def status(model: Model, answered: set[bytes], listing: dict[str, Any], valid: str, known: str) -> str:
    """The status of a listing on the day `valid`, as known on the day `known`; `answered` is `model.answered_for()`."""
    ended, effective, until = listing["ended"], listing["effective"], listing["until"]
    if ended is not None and ended["effective"] <= valid:
        return str(ended["how"])
    if ended is not None and ended["how"] == "annulled" and ended["effective"] <= known:
        return "annulled"
    restored = [model.records[seq] for _, _, seq in listing["suspensions"] if seq is not None]
    if not {listing["entry"], *restored} <= answered:
        return "unconfirmed"
    if until is not None and until <= valid:
        return "expired"
    if effective is not None and effective > valid:
        return "not-yet-effective"
    if any(begin <= valid and (end is None or valid < end) for begin, end, _ in listing["suspensions"]):
        return "suspended"
    return "listed"
