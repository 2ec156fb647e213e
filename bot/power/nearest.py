"""What was perhaps meant: the nearest known word, the nearest server, other tools' habits.

Only ever a suggestion for a person to copy; nothing is done that wasn't typed. The work is
bounded by cutting words and lists first.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

MOST_KNOWN = 500
MOST_LETTERS = 64
NUMBER = re.compile(r"[0-9]+")
PLAIN = re.compile(r"[A-Za-z0-9._-]+")

# What people of other tools type, and what it is here: xCAT's n1-n9, bash's {1..9}, ranges
# without brackets or with round ones, ! without a space, quotes, and fields with an equals sign.
HABITS = (
    (re.compile(r"(?:name|host|hostname|server|node)[:=]([A-Za-z0-9._-]+)", re.I), r"\1"),
    (re.compile(r"(rack|dc|sn|state|health)=([A-Za-z0-9._-]+)"), r"\1:\2"),
    (re.compile(r"([A-Za-z0-9._-]+)=([A-Za-z0-9._-]+)"), r"tag:\1=\2"),
    (re.compile(r"([A-Za-z0-9._-]+)\[([0-9]{1,9})(?:\.\.\.?|:|…)([0-9]{1,9})\]"), r"\1[\2-\3]"),
    (re.compile(r"([A-Za-z._-]*[A-Za-z._])([0-9]{1,9})/([0-9]{1,9})"), r"\1[\2,\3]"),
    (re.compile(r"([A-Za-z._-]*[A-Za-z._])([0-9]{1,9})-\1([0-9]{1,9})"), r"\1[\2-\3]"),
    (re.compile(r"([A-Za-z0-9._-]+)\{([0-9]{1,9})\.\.([0-9]{1,9})\}"), r"\1[\2-\3]"),
    (re.compile(r"([A-Za-z0-9._-]+)[({]([0-9,-]{1,60})[)}]"), r"\1[\2]"),
    (re.compile(r"([A-Za-z._-]*[A-Za-z._])([0-9]{1,9})(?:-|\.\.)([0-9]{1,9})"), r"\1[\2-\3]"),
    (re.compile(r"([^!]+)!([^!]+)"), r"\1 !\2"),
    (re.compile(r"[`']+([^`']+)[`']+"), r"\1"),
    (re.compile(r"(\S+\])-([A-Za-z][A-Za-z0-9._-]*[0-9])"), r"\1 !\2"),
)


def words(word: str, known: Iterable[str], most: int = 1) -> list[str]:
    """Return the known words that are written most like this one, the nearest first."""
    pool = [one for _, one in zip(range(MOST_KNOWN), known, strict=False)]
    lowered = {one.lower()[:MOST_LETTERS]: one for one in reversed(pool)}
    found = difflib.get_close_matches(word.lower()[:MOST_LETTERS], lowered, n=most, cutoff=0.6)
    return [lowered[one] for one in found]


def habit(term: str) -> str:
    """Return a term in our words that was written as another tool has it, or nothing."""
    if len(term) > MOST_LETTERS * 2:
        return ""
    for pattern, ours in HABITS:
        if pattern.fullmatch(term):
            return pattern.sub(ours, term)
    return ""


class Names:
    """Existing names by their shape, which is the name with each number made 0."""

    def __init__(self, known: Iterable[str]) -> None:
        self._shapes: dict[str, list[str]] = {}
        for name in known:
            self._shapes.setdefault(_shape(name), []).append(name)

    def near(self, name: str) -> str:
        """Return the nearest existing name, or nothing where none is alike."""
        # Alerts and shells write a name with its domain, which the inventory may leave out.
        host = name.split(".")[0]
        if host in self._shapes.get(_shape(host), ()):
            return host
        shape = _shape(name)
        if shape not in self._shapes:
            # A slip is seldom in the first letter, so those shapes are looked at first.
            ordered = sorted(self._shapes, key=lambda other: other[:1] != shape[:1])
            found = words(shape, ordered)
            shape = found[0] if found else ""
        return _nearest_number(name, self._shapes.get(shape, ()))


def _shape(name: str) -> str:
    """Return a name in small letters, each number made 0."""
    return NUMBER.sub("0", name.lower())


def _nearest_number(name: str, alike: Iterable[str]) -> str:
    """Return the one of the names whose numbers differ least, the first number most of all."""
    wanted = _numbers(name)

    def distance(other: str) -> tuple[int, ...]:
        pairs = zip(wanted, _numbers(other), strict=False)
        return tuple(abs(one - two) for one, two in pairs)

    return min(alike, key=distance, default="")


def _numbers(name: str) -> list[int]:
    """Return the numbers in a name; of very long ones the beginning does."""
    return [int(digits[:18]) for digits in NUMBER.findall(name)]


def value(front: str, wanted: str, known: Iterable[str]) -> str:
    """Return a term (`front` is what stands before its value) with the nearest existing value."""
    found = words(wanted, known)
    if not found:
        return ""
    return front + (found[0] if PLAIN.fullmatch(found[0]) else f'"{found[0]}"')
