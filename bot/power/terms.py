"""One target term and what it matches: `web[01-20]`, `db*`, `tag:role=web`, a server id.

A term is matched against names that exist; it is never expanded beyond a counted bound.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Callable, Iterator

from bot.power import errors, server

MAX_GROUPS_A_TERM = 8
MAX_STARS_A_TERM = 3
MAX_DIGITS = 9
MAX_NAMED = 10_000
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
BRACKET = re.compile(r"\[([^\[\]]*)\]")
RANGE = re.compile(r"(\d+)(?:-(\d+))?")
NAME = re.compile(r"[A-Za-z0-9._-]*")
WILD = re.compile(r"([*?])")


def mistake(problem: str, token: str, suggestion: str = "") -> errors.UserMistake:
    """Return the error for a term."""
    return errors.UserMistake(problem, token=token, suggestion=suggestion)


@dataclasses.dataclass(frozen=True, slots=True)
class Range:
    """Numbers from `low` to `high`; `width` digits with leading zeros, or 0 for none."""

    low: int
    high: int
    width: int

    @property
    def count(self) -> int:
        """How many numbers there are, by subtraction."""
        return self.high - self.low + 1

    def accepts(self, digits: str) -> bool:
        """Whether these digits are a number of the range, written in its width."""
        if self.width:
            return len(digits) == self.width and self.low <= int(digits) <= self.high
        unpadded = digits == "0" or digits[0] != "0"
        return unpadded and self.low <= int(digits) <= self.high


Piece = str | tuple[Range, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class NamePattern:
    """A name with ranges and wildcards; `pieces` alternate literal text, `*`, `?` and ranges."""

    text: str
    pieces: tuple[Piece, ...]
    wild: bool

    @property
    def exact(self) -> bool:
        """Whether it is one name."""
        return len(self.pieces) == 1 and isinstance(self.pieces[0], str) and not self.wild

    @property
    def ranges(self) -> int:
        """How many ranges and single numbers stand in its brackets."""
        return sum(len(piece) for piece in self.pieces if not isinstance(piece, str))

    @property
    def count(self) -> int:
        """How many names it stands for (without wildcards), by multiplication."""
        total = 1
        for piece in self.pieces:
            if not isinstance(piece, str):
                total *= sum(one.count for one in piece)
        return total

    def names(self) -> Iterator[str]:
        """Yield the names that it stands for; only for patterns of a counted, small size."""
        columns = [[piece] if isinstance(piece, str) else _numbers(piece) for piece in self.pieces]
        return map("".join, itertools.product(*columns))

    def matches(self, name: str) -> bool:
        """Whether a name matches; the work is at most pieces x length x 9 steps."""
        places = {0}
        for piece in self.pieces:
            if not isinstance(piece, str):
                places = _after_ranges(piece, name, places)
            elif piece == "*" and self.wild:
                places = set(range(min(places), len(name) + 1))
            elif piece == "?" and self.wild:
                places = {place + 1 for place in places if place < len(name)}
            else:
                places = {place + len(piece) for place in places if name.startswith(piece, place)}
            if not places:
                return False
        return len(name) in places


def _numbers(ranges: tuple[Range, ...]) -> list[str]:
    """Return the numbers of ranges, written out."""
    return [f"{number:0{one.width}}" for one in ranges for number in range(one.low, one.high + 1)]


def _after_ranges(ranges: tuple[Range, ...], name: str, places: set[int]) -> set[int]:
    """Return the places after a number of one of the ranges, from each of the places."""
    found = set()
    for place in places:
        for end in range(place + 1, min(place + MAX_DIGITS, len(name)) + 1):
            if name[end - 1] not in "0123456789":
                break
            if any(one.accepts(name[place:end]) for one in ranges):
                found.add(end)
    return found


def name_pattern(text: str) -> NamePattern:
    """Parse a name with bracket groups and wildcards.

    Raises:
        UserMistake: it is no such name, or larger than the bounds.
    """
    if text.count("[") != text.count("]") or "[" in BRACKET.sub("", text):
        raise mistake("The brackets don't match; ranges look like web[01-20,25].", text)
    if text.count("[") > MAX_GROUPS_A_TERM:
        raise mistake(f"At most {MAX_GROUPS_A_TERM} bracket groups are allowed in a name.", text)
    if text.count("*") > MAX_STARS_A_TERM:
        raise mistake(f"At most {MAX_STARS_A_TERM} stars are allowed in a name.", text)
    pieces: list[Piece] = []
    for place, part in enumerate(BRACKET.split(text)):
        if place % 2:
            pieces.append(tuple(_range(one, text) for one in part.split(",")))
        else:
            pieces.extend(piece for piece in WILD.split(part) if piece)
    literal = [piece for piece in pieces if isinstance(piece, str) and piece not in "*?"]
    for piece in literal:
        if not NAME.fullmatch(piece):
            raise mistake("Server names have letters, digits, dots, dashes and underscores.", text)
    return NamePattern(text, tuple(pieces), wild="*" in text or "?" in text)


def _range(text: str, term: str) -> Range:
    """Parse `01-20` or `25`.

    Raises:
        UserMistake: it is no range.
    """
    match = RANGE.fullmatch(text)
    if match is None:
        raise mistake(f'"{text}" is no range of numbers; write web[01-20,25].', term)
    low, high = match[1], match[2] or match[1]
    if max(len(low), len(high)) > MAX_DIGITS:
        raise mistake(f"Numbers have at most {MAX_DIGITS} digits.", term)
    padded = (low[0] == "0" and len(low) > 1) or (high[0] == "0" and len(high) > 1)
    if padded and len(low) != len(high):
        raise mistake(f'Both sides of "{text}" need the same number of digits.', term)
    if int(low) > int(high):
        turned = term.replace(text, f"{high}-{low}")
        raise mistake(f'"{text}" counts down; ranges count up.', term, turned)
    return Range(int(low), int(high), len(low) if padded else 0)


@dataclasses.dataclass(frozen=True, slots=True)
class Term:
    """One term: its text, whether it takes out, and how it matches a server.

    `pattern` is set for names, so that what is missing can be named; `group` for `@group`.
    """

    text: str
    takes_out: bool
    matches: Callable[[server.Server], bool]
    pattern: NamePattern | None = None
    by_id: str = ""


def _wild(text: str) -> Callable[[str], bool]:
    """Return how a value is compared: exactly when quoted, else with wildcards."""
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return text[1:-1].__eq__
    if "*" not in text and "?" not in text:
        return text.__eq__
    pattern = NamePattern(text, tuple(p for p in WILD.split(text) if p), wild=True)
    return pattern.matches


FIELDS: dict[str, Callable[[server.Server], str]] = {
    "sn": lambda row: row.sn,
    "rack": lambda row: row.rack,
    "dc": lambda row: row.dc,
    "health": lambda row: row.health_state,
    "state": lambda row: row.power.value,
}
STATES = tuple(word.value for word in server.Power)


def field_matcher(kind: str, value: str, term: str) -> Callable[[server.Server], bool]:
    """Return what `rack:R12`, `tag:key=value` and the like match.

    Raises:
        UserMistake: the value can't be used.
    """
    if not value.strip('"'):
        raise mistake(f'"{kind}:" needs a value, such as {kind}:{_example(kind)}.', term)
    if value.count("*") > MAX_STARS_A_TERM and '"' not in value:
        raise mistake(f"At most {MAX_STARS_A_TERM} stars are allowed in a value.", term)
    if kind == "tag":
        return _tag_matcher(value, term)
    if kind == "state" and value.lower().strip('"') not in STATES:
        raise mistake(f"The states are {', '.join(STATES)}.", term, f"state:{STATES[1]}")
    compare = _wild(value.lower() if kind in ("state", "health") else value)
    field = FIELDS[kind]
    if kind in ("state", "health"):
        return lambda row: compare(field(row).lower())
    return lambda row: compare(field(row))


def _tag_matcher(value: str, term: str) -> Callable[[server.Server], bool]:
    """Return what `tag:key=value` matches; `tag:key` alone is any value."""
    if value[0] == value[-1] == '"' and value.count('"') == 2:
        key, has_value, wanted = value[1:-1].partition("=")
        wanted = f'"{wanted}"'
    else:
        key, has_value, wanted = value.partition("=")
        key = key.strip('"')
    if not key:
        raise mistake("A tag is written tag:key=value.", term, "tag:role=web")
    if not has_value:
        return lambda row: any(name == key for name, _ in row.tags)
    compare = _wild(wanted)
    return lambda row: any(name == key and compare(text) for name, text in row.tags)


def _example(kind: str) -> str:
    """Return an example value."""
    examples = {"tag": "role=web", "state": "off", "health": "Critical", "rack": "R12"}
    return examples.get(kind, "X1")
