"""What was perhaps meant: the nearest known word, the nearest server, other tools' habits.

Only ever a suggestion for a person to copy; nothing is done that wasn't typed, and a slip is
mended only where it can hardly be something else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from bot.power.text import typography

MOST_KNOWN = 500  # Words that one is held against.
MOST_LETTERS = 64  # Of a word; a longer one isn't a slip of anything.
# A shorter word with one letter more or less is another word: db and dbs, but d and db.
LEAST_LETTERS = 3
MOST_RUNS = 3  # Runs of numbers that a sentence tells.
NUMBER = re.compile(r"[0-9]+")
# Stands for a number in a shape; no name has it.
MARK = "\0"
PLAIN = re.compile(r"[A-Za-z0-9._-]+")

_HOST = r"([A-Za-z._-]*[A-Za-z._])([0-9]{1,9})"
_TO = r"(?:-|\.\.\.?|[~∼])"
# What people of other tools type, and what it is here: xCAT's n1-n9, bash's {1..9}, ranges
# without brackets or with round ones, ! without a space, quotes, fields with an equals sign, and
# signs between names where a space or a comma belongs.
BETWEEN_NAMES = "/;+|、､"  # The last two are the commas of Chinese lists.
HABITS: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"(?:name|host|hostname|server|node)[:=]([A-Za-z0-9._-]+)", re.I), r"\1"),
    (re.compile(r"(rack|dc|sn|state|health)=([A-Za-z0-9._-]+)"), r"\1:\2"),
    (re.compile(r"([A-Za-z0-9._-]+)=([A-Za-z0-9._-]+)"), r"tag:\1=\2"),
    (re.compile(r"([A-Za-z0-9._-]+)\[([0-9]{1,9})(?:\.\.\.?|[:…~∼])([0-9]{1,9})\]"), r"\1[\2-\3]"),
    (re.compile(rf"{_HOST}/([0-9]{{1,9}})"), r"\1[\2,\3]"),
    (
        re.compile(rf"{_HOST}{_TO}\1([0-9]{{1,9}})"),
        r"\1[\2-\3]",
    ),
    (re.compile(r"([A-Za-z0-9._-]+)\{([0-9]{1,9})\.\.([0-9]{1,9})\}"), r"\1[\2-\3]"),
    (re.compile(r"([A-Za-z0-9._-]+)[({]([0-9,-]{1,60})[)}]"), r"\1[\2]"),
    (
        re.compile(rf"{_HOST}{_TO}([0-9]{{1,9}})"),
        r"\1[\2-\3]",
    ),
    (re.compile(r"([^!]+)!([^!]+)"), r"\1 !\2"),
    (re.compile(r"[`']+([^`']+)[`']+"), r"\1"),
    (re.compile(r"(\S+\])-([A-Za-z][A-Za-z0-9._-]*[0-9])"), r"\1 !\2"),
    (
        re.compile(rf"[A-Za-z0-9._-]+(?:[{BETWEEN_NAMES}]+[A-Za-z0-9._-]+)+[{BETWEEN_NAMES}]?"),
        lambda found: re.sub(rf"[{BETWEEN_NAMES}]+", " ", found[0]).strip(),
    ),
)


def words(word: str, known: Iterable[str]) -> list[str]:
    """Return the one known word that is alike, as a list; an empty one where none or several are.

    A word that differs in its capitals alone goes before one that differs in a letter.
    """
    pool = [one for _, one in zip(range(MOST_KNOWN), known, strict=False)]
    same = [one for one in pool if key(one) == key(word)]
    found = list(dict.fromkeys(same or (one for one in pool if alike(word, one))))
    return found if len(found) == 1 else []


def key(text: str) -> str:
    """Return a text without what makes no other server of it: capitals, width, leading zeros."""
    return NUMBER.sub(
        lambda found: found[0].lstrip("0") or "0", text.translate(typography.PLAIN).casefold()
    )


def alike(one: str, two: str) -> bool:
    """Whether two texts differ in capitals, leading zeros, and one letter's slip at most.

    A slip is a pair that is swapped, or a letter that is missing or too many; another letter in
    one's place may well be another role, and another number is another server.
    """
    if len(one) > MOST_LETTERS or len(two) > MOST_LETTERS:
        return key(one) == key(two)
    first, second = key(one), key(two)
    # Another number is another server, and never a slip.
    if NUMBER.findall(first) != NUMBER.findall(second):
        return False
    return _slipped(NUMBER.sub(MARK, first), NUMBER.sub(MARK, second))


def _slipped(one: str, two: str) -> bool:
    """Whether one shape becomes another by at most one slip."""
    short, long = sorted((one, two), key=len)
    if len(long) - len(short) > 1:
        return False
    pairs = enumerate(zip(short, long, strict=False))
    place = next((p for p, (left, right) in pairs if left != right), len(short))
    if short[place:] == long[place:]:
        return True
    if len(long.replace(MARK, "")) < LEAST_LETTERS:
        return False
    if len(long) > len(short):
        return short[place:] == long[place + 1 :]
    pair = long[place : place + 2]
    return MARK not in pair and short[place:] == pair[::-1] + long[place + 2 :]


def habit(term: str) -> str:
    """Return a term in our words that was written as another tool has it, or nothing."""
    if len(term) > MOST_LETTERS * 2:
        return ""
    for pattern, ours in HABITS:
        if pattern.fullmatch(term):
            return pattern.sub(ours, term)
    return ""


class NameIndex:
    """Existing names by their shape, which is the name with each number made one sign."""

    def __init__(self, known: Iterable[str]) -> None:
        self._shapes: dict[str, list[str]] = {}
        for name in known:
            self._shapes.setdefault(_shape(name), []).append(name)

    def near(self, name: str) -> str:
        """Return the one existing name that is alike, or nothing where none or several are.

        A name whose letters there are is never taken for one of other letters: its number is
        what is wrong.
        """
        shape = _shape(name)
        if shape in self._shapes:
            shapes = [shape]
        else:
            shapes = [other for other in self._shapes if _slipped(shape, other)]
        wanted = NUMBER.findall(key(name))
        pool = (one for other in shapes for one in self._shapes[other])
        found = [one for one in pool if NUMBER.findall(key(one)) == wanted]
        return found[0] if len(found) == 1 else ""

    def written(self, names: Sequence[str]) -> list[str]:
        """Return all of these names as they are written here, or none where one isn't there."""
        found = [self.near(name) for name in names]
        return found if all(found) else []

    def numbers(self, name: str) -> str:
        """Say which numbers there are beside this name's, or nothing where its letters are new."""
        known = self._shapes.get(_shape(name), ())
        wanted = NUMBER.findall(key(name))
        for place in reversed(range(len(wanted))):
            found = [
                one for one in known if _but(NUMBER.findall(key(one)), place) == _but(wanted, place)
            ]
            if found:
                number = list(NUMBER.finditer(found[0].translate(typography.PLAIN)))[place]
                rest = found[0][number.end() :]
                beside = found[0][: number.start()] + (f"…{rest}" if rest else "")
                return f"{beside} has {_told(NUMBER.findall(one)[place] for one in found)}"
        return ""


def _shape(name: str) -> str:
    """Return a name in small letters, each number made one sign."""
    return NUMBER.sub(MARK, name.translate(typography.PLAIN).casefold())


def _but(numbers: Sequence[str], place: int) -> list[str]:
    """Return numbers without one of them."""
    return [*numbers[:place], *numbers[place + 1 :]]


def _told(numbers: Iterable[str]) -> str:
    """Return numbers in words, like `01 to 05, 07 and 3 ranges more`."""
    ordered = sorted(set(numbers), key=lambda one: (len(one.lstrip("0")), one.lstrip("0")))
    runs: list[list[str]] = []
    for one in ordered:
        if runs and int(one[-18:]) - int(runs[-1][-1][-18:]) <= 1:
            runs[-1].append(one)
        else:
            runs.append([one])
    shown = [run[0] if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs[:MOST_RUNS]]
    more = len(runs) - MOST_RUNS
    return ", ".join(shown) + (f" and {more} more ranges" if more > 0 else "")


def value(front: str, wanted: str, known: Iterable[str]) -> str:
    """Return a term (`front` is what stands before its value) with the nearest existing value."""
    found = words(wanted, known)
    if not found:
        return ""
    return front + (found[0] if PLAIN.fullmatch(found[0]) else f'"{found[0]}"')
