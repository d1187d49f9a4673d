"""Draws cost against size: panels with logarithmic axes, as SVG written by hand."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

_WIDTH, _HEIGHT = 1320, 560
_TOP, _BOTTOM, _LEFT, _RIGHT, _GAP = 96, 64, 74, 230, 310
_LABEL = 15
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b08400", "#56b4e9", "#444444")


class Line(NamedTuple):
    """What one thing costs at several sizes: (acts in the ledger, microseconds), and the floor it must stay under."""

    name: str
    points: Sequence[tuple[float, float]]
    floor: float | None = None


class Panel(NamedTuple):
    """Lines on one pair of axes."""

    title: str
    unit: str
    lines: Sequence[Line]


def draw(title: str, subtitle: str, panels: Sequence[Panel]) -> str:
    """The panels side by side, as the text of an SVG file."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}"',
        'font-family="Helvetica, Arial, sans-serif" font-size="13" fill="#222">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
        _text(_LEFT, 30, title, size=18, weight="bold"),
        _text(_LEFT, 52, subtitle, colour="#666"),
    ]
    width = (_WIDTH - _LEFT - _RIGHT - _GAP * (len(panels) - 1)) / len(panels)
    for number, panel in enumerate(panels):
        parts += _panel(panel, _LEFT + number * (width + _GAP), width)
    return "\n".join([*parts, "</svg>", ""])


def _panel(panel: Panel, left: float, width: float) -> Iterable[str]:
    lines = [line for line in panel.lines if line.points]
    xs = [x for line in lines for x, _ in line.points]
    ys = [y for line in lines for _, y in line.points] + [line.floor for line in lines if line.floor is not None]
    x_low, x_high = _decades(xs)
    y_low, y_high = _decades(ys)
    bottom = _HEIGHT - _BOTTOM

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            left + width * (math.log10(x) - x_low) / (x_high - x_low),
            bottom - (bottom - _TOP) * (math.log10(y) - y_low) / (y_high - y_low),
        )

    yield _text(left, _TOP - 14, f"{panel.title}, {panel.unit}", weight="bold")
    for exponent in range(x_low, x_high + 1):
        x, _ = place(10**exponent, 10**y_low)
        yield _stroke([(x, _TOP), (x, bottom)], "#e6e6e6")
        yield _text(x, bottom + 18, f"10{_superscript(exponent)}", anchor="middle", colour="#555")
    for exponent in range(y_low, y_high + 1):
        _, y = place(10**x_low, 10**exponent)
        yield _stroke([(left, y), (left + width, y)], "#e6e6e6")
        yield _text(left - 8, y + 4, f"{10**exponent:,}", anchor="end", colour="#555")
        for part in (2, 5):
            if exponent < y_high:
                _, y = place(10**x_low, part * 10**exponent)
                yield _stroke([(left, y), (left + width, y)], "#f4f4f4")
                yield _text(left - 8, y + 4, f"{part * 10**exponent:,}", anchor="end", colour="#999", size=10)
    yield _stroke([(left, _TOP), (left, bottom), (left + width, bottom)], "#888")
    yield _text(left + width / 2, bottom + 42, "acts in the ledger", anchor="middle", colour="#555")
    labels = []
    for line, colour in zip(lines, _COLOURS, strict=False):
        points = [place(x, y) for x, y in line.points]
        if line.floor is not None:
            _, y = place(10**x_low, line.floor)
            yield _stroke([(left, y), (left + width, y)], colour, dashed=True)
        yield _stroke(points, colour, width=2.2)
        for x, y in points[:: max(len(points) - 1, 1)] if len(points) > 6 else points:
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'
        labels.append((points[-1][1], line, colour))
    heights = _apart([y for y, _, _ in sorted(labels)])
    for y, (_, line, colour) in zip(heights, sorted(labels), strict=True):
        yield _text(left + width + 10, y + 4, f"{line.name}: {_shown(line.points[-1][1])}", colour=colour)


def _decades(values: Iterable[float]) -> tuple[int, int]:
    """The powers of ten around some values."""
    several = list(values)
    low, high = math.floor(math.log10(min(several))), math.ceil(math.log10(max(several)))
    return low, max(high, low + 1)


def _apart(heights: list[float]) -> list[float]:
    """The heights of labels, in order, moved so that none covers another."""
    placed: list[float] = []
    for height in heights:
        placed.append(max(height, placed[-1] + _LABEL) if placed else height)
    overflow = max(placed[-1] - (_HEIGHT - _BOTTOM), 0.0) if placed else 0.0
    return [height - overflow for height in placed]


def _shown(microseconds: float) -> str:
    return f"{microseconds / 1000:.3g} ms" if microseconds >= 1000 else f"{microseconds:.3g} µs"


def _superscript(number: int) -> str:
    return str(number).translate(str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"))


def _stroke(points: Sequence[tuple[float, float]], colour: str, *, width: float = 1, dashed: bool = False) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dashes = ' stroke-dasharray="5 4" opacity="0.75"' if dashed else ""
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"{dashes}/>'


def _text(
    x: float, y: float, text: str, *, anchor: str = "start", colour: str = "#222", size: int = 13,
    weight: str = "normal",
) -> str:  # fmt: skip
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" font-size="{size}" '
        f'font-weight="{weight}">{escape(text)}</text>'
    )
