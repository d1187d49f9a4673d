"""Colour on a terminal: when there is any, and what it means."""

from __future__ import annotations

import os
import sys
from typing import Self, TextIO

import click

_colour: list[bool | None] = [None]


def choose_colour(when: str) -> None:
    """Takes `always` or `never` for colour; with `auto` it depends on the terminal."""
    _colour[0] = {"always": True, "never": False}.get(when)


def in_colour(stream: TextIO) -> bool:
    """Whether a stream gets colour: as was chosen, else if it is a terminal that can, and NO_COLOR is not set."""
    if _colour[0] is not None:
        return _colour[0]
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, *, fg: str | None = None, bold: bool = False, dim: bool = False) -> str:
    """The text in colour for stdout, if that gets colour."""
    if not (fg or bold or dim) or not in_colour(sys.stdout):
        return text
    return click.style(text, fg=fg, bold=bold or None, dim=dim or None)


class Coloured(str):
    """A cell of a table with its colour on a terminal."""

    __slots__ = ("bold", "dim", "fg")
    fg: str | None
    bold: bool
    dim: bool

    def __new__(cls, text: str, fg: str | None = None, *, bold: bool = False, dim: bool = False) -> Self:
        """The text, in the colour `fg`, bold or dim."""
        made = super().__new__(cls, text)
        made.fg, made.bold, made.dim = fg, bold, dim
        return made


_LISTED = {"restriction": ("red", True), "incentive": ("green", False), "supervision": ("blue", True)}


def status(text: str, polarity: str) -> Coloured:
    """A status in the colour of what it means to the subject: to be listed is good on some lists and bad on others.

    What needs a second look stands out; what is over and done with has no colour, since it is no praise.
    """
    if text == "listed":
        fg, bold = _LISTED[polarity]
        return Coloured(text, fg, bold=bold)
    if text in ("suspended", "unconfirmed"):
        return Coloured(text, "yellow" if text == "suspended" else "magenta", bold=True)
    return Coloured(text, "cyan" if text == "not-yet-effective" else None, dim=text == "expired")
