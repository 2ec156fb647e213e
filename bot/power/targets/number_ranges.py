"""The inside of brackets, `01-20,25`: which numbers, and how each is written.

`01-20` are two digits each, `1-20` have no leading zeros, `8-12` are one digit, then two.
"""

from __future__ import annotations

import bisect
import dataclasses
import functools
import re
from collections.abc import Iterator

from bot.power import errors
from bot.power.text import typography

MOST_DIGITS = 9  # Of a number in brackets.
NUMBER = re.compile(r"[0-9]+")
RANGE = re.compile(r"([0-9]+)(?:-([0-9]+))?")

Span = tuple[str, str]


@dataclasses.dataclass(frozen=True)
class Numbers:
    """The inside of a bracket.

    `spans` are the first and last number of each run, by how many digits they are written with:
    `8-12` has the spans 8 to 9 and 10 to 12, so that padding needs no further look.
    """

    spans: dict[int, tuple[Span, ...]]
    ranges: int

    @functools.cached_property
    def count(self) -> int:
        """How many numbers there are, by subtraction."""
        return sum(int(high) - int(low) + 1 for spans in self.spans.values() for low, high in spans)

    def accepts(self, digits: str) -> bool:
        """Whether these digits are one of the numbers, in its way of writing."""
        spans = self.spans.get(len(digits), ())
        # Digits of one length are ordered as their numbers are.
        place = bisect.bisect_right(spans, digits, key=lambda span: span[0]) - 1
        return place >= 0 and digits <= spans[place][1]

    def written(self) -> Iterator[str]:
        """Yield all numbers as they are written; only for a small `count`."""
        for width, spans in sorted(self.spans.items()):
            for low, high in spans:
                yield from (f"{n:0{width}}" for n in range(int(low), int(high) + 1))


def parse(inside: str, term: str) -> Numbers:
    """Parse the inside of a bracket.

    Raises:
        UserMistake: it isn't a list of numbers and ranges.

    """
    if not inside:
        raise _mistake("The brackets are empty; ranges look like web[01-20,25].", term)
    found: dict[int, list[Span]] = {}
    parts = inside.split(",")
    for part in parts:
        for low, high in _spans(part, term):
            found.setdefault(len(low), []).append((low, high))
    return Numbers({width: _merged(spans) for width, spans in found.items()}, len(parts))


def _spans(part: str, term: str) -> list[Span]:
    """Parse `01-20` or `25` into spans of equally long numbers."""
    match = RANGE.fullmatch(part)
    if match is None:
        raise _no_range(part, term)
    low, high = match[1], match[2] or match[1]
    if max(len(low), len(high)) > MOST_DIGITS:
        raise _mistake(f"A number has at most {MOST_DIGITS} digits.", term)
    if int(low) > int(high):
        problem = f"{part} counts down; write the smaller number first."
        raise _mistake(problem, term, term.replace(part, f"{high}-{low}"))
    # `01-100` could be two digits or three, so that nobody knows which names are meant.
    if len(low) != len(high) and (_is_padded(low) or _is_padded(high)):
        width = max(len(low), len(high))
        better = f"{low.zfill(width)}-{high.zfill(width)}"
        problem = f"Both ends of {part} need the same number of digits."
        raise _mistake(problem, term, term.replace(part, better))
    return [
        (
            low if width == len(low) else f"{10 ** (width - 1)}",
            high if width == len(high) else "9" * width,
        )
        for width in range(len(low), len(high) + 1)
    ]


def _no_range(part: str, term: str) -> errors.UserMistake:
    """Return the error for what isn't a range, with the reason as far as it can be told."""
    if not part:
        return _mistake("A number is missing beside a comma in the brackets.", term)
    if any(sign in part for sign in "*?"):
        return _mistake("A wildcard can't stand inside brackets.", term)
    if NUMBER.search(part) is None or re.search("[A-Za-z._]", part):
        problem = f"Brackets take numbers only, and {typography.shown(part)} isn't one."
        return _mistake(problem, term)
    return _mistake(f"{typography.shown(part)} isn't a range; write it like 01-20.", term)


def _is_padded(digits: str) -> bool:
    """Whether a number is written with leading zeros."""
    return len(digits) > 1 and digits.startswith("0")


def _merged(spans: list[Span]) -> tuple[Span, ...]:
    """Return spans in order, those that overlap as one, so that nothing is counted twice."""
    merged: list[Span] = []
    for low, high in sorted(spans):
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)


def _mistake(problem: str, term: str, better: str = "") -> errors.UserMistake:
    """Return the error for a term; `better` is the term as it was perhaps meant."""
    return errors.UserMistake(problem, token=term, suggestion=better)
