"""The growth as a drawing: on two logarithmic axes what grows linearly is a straight line."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 60, 190, 20, 40
COLOURS = ("#1f6feb", "#bf3989", "#1a7f37", "#9a6700")
# The drawing of this run, for whoever writes it to a file.
LAST = ""

Points = Sequence[tuple[int, float]]


def svg(curves: Mapping[str, Points]) -> str:
    """Return the drawing."""
    every = [point for points in curves.values() for point in points]
    wide = _span([count for count, _ in every])
    high = _span([value for _, value in every])
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    parts += [_rule_down(10**power, wide) for power in range(wide[0], wide[1] + 1)]
    parts += [_rule_across(10.0**power, high) for power in range(high[0], high[1] + 1)]
    for (name, points), colour in zip(curves.items(), COLOURS, strict=True):
        parts += _curve(name, points, colour, wide, high)
    parts.append(_text(LEFT, HEIGHT - 4, "servers; a straight line at 45 degrees grows linearly"))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _span(values: Sequence[float]) -> tuple[int, int]:
    """Return the powers of ten between which the values lie."""
    low = math.floor(math.log10(max(min(values), 1e-3)))
    return low, max(low + 1, math.ceil(math.log10(max(values))))


def _x(count: float, wide: tuple[int, int]) -> float:
    part = (math.log10(count) - wide[0]) / (wide[1] - wide[0])
    return LEFT + part * (WIDTH - LEFT - RIGHT)


def _y(value: float, high: tuple[int, int]) -> float:
    part = (math.log10(max(value, 1e-3)) - high[0]) / (high[1] - high[0])
    return HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)


def _rule_down(count: float, wide: tuple[int, int]) -> str:
    x = _x(count, wide)
    line = f'<line x1="{x:.0f}" x2="{x:.0f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="#d0d7de"/>'
    return line + _text(x, HEIGHT - BOTTOM + 16, f"{count:,}", anchor="middle")


def _rule_across(value: float, high: tuple[int, int]) -> str:
    y = _y(value, high)
    line = f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.0f}" y2="{y:.0f}" stroke="#d0d7de"/>'
    return line + _text(LEFT - 6, y + 4, f"{value:,g}", anchor="end")


def _curve(
    name: str, points: Points, colour: str, wide: tuple[int, int], high: tuple[int, int]
) -> list[str]:
    """Return a line with its points and its name at its end."""
    places = [(_x(count, wide), _y(value, high)) for count, value in points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]
    label = f"{name}: {points[-1][1]:,.0f}"
    return [
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>',
        *dots,
        _text(places[-1][0] + 8, places[-1][1] + 4, label, colour=colour),
    ]


def _text(x: float, y: float, words: str, *, anchor: str = "start", colour: str = "#57606a") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="{colour}">{words}</text>'
