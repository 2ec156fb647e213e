"""Names with ranges and wildcards, `web[01-20,25]` and `db*`: matched, never expanded.

The work is bounded: a name is walked from left to right with the set of places that a match may
have reached, so it costs at most (pieces of the pattern) x (length of the name) x 9 steps.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
import re
from collections.abc import Iterator

from bot.power import errors
from bot.power.targets import number_ranges
from bot.power.targets.number_ranges import Numbers
from bot.power.text import nearest, typography

MOST_CHARACTERS = 255  # Of a name, brackets left out.
MOST_BRACKETS = 8
MOST_STARS = 3  # In one term; each more multiplies the places that are tried.
STARRED_WEIGHT = 4
PIECE = re.compile(r"\[[^\[\]]*\]|\*+|\?+|[^\[\]*?]+")
NUMBER = re.compile(r"[0-9]+")
IN_QUOTES = "write a name that has it in quotes"
DOUBLE = "a name with spaces goes in double quotes"
MARK_IN_NAME = "Quotation marks go around a whole name; type ? for one inside a name."
WILD = re.compile(r"[\[\]*?\"]")
STEPS = re.compile(r"\[[0-9,/-]+/[0-9,/-]+\]")


@dataclasses.dataclass(slots=True)
class Work:
    """How many steps the matching of patterns has taken; tests hold it against the bound."""

    steps: int = 0


# A text stands for itself, a number for that many single characters, None for a star.
Piece = str | int | Numbers | None
# Positions that a match may have reached in a name; after a star, a range.
Places = set[int] | range


@dataclasses.dataclass(frozen=True)
class Pattern:
    """A name, perhaps with brackets and wildcards; `text` is what was typed."""

    text: str
    pieces: tuple[Piece, ...]

    @functools.cached_property
    def is_wild(self) -> bool:
        """Whether it has a wildcard, so that the names it stands for can't be counted."""
        return any(piece is None or isinstance(piece, int) for piece in self.pieces)

    @functools.cached_property
    def is_plain(self) -> bool:
        """Whether it is one name."""
        return all(isinstance(piece, str) for piece in self.pieces)

    @functools.cached_property
    def is_affix(self) -> bool:
        """Whether it is one text with one star in front of it or behind it."""
        return len(self.pieces) == 2 and {type(piece) for piece in self.pieces} == {str, type(None)}

    @functools.cached_property
    def count(self) -> int:
        """How many names it stands for, by multiplication; wildcards count as one."""
        return math.prod(p.count for p in self.pieces if isinstance(p, Numbers))

    @functools.cached_property
    def weight(self) -> int:
        """How much longer it takes to match than a text with a star does, as measured.

        Behind a star a number or a ? is tried at every place of a name.
        """
        starred = any(piece is None for piece in self.pieces)
        tried = any(isinstance(piece, int | Numbers) for piece in self.pieces)
        return STARRED_WEIGHT if starred and tried else 1

    @functools.cached_property
    def ranges(self) -> int:
        """How many ranges it has."""
        return sum(p.ranges for p in self.pieces if isinstance(p, Numbers))

    @functools.cached_property
    def _segments(self) -> tuple[tuple[Piece, ...], ...]:
        """The pieces between stars."""
        groups = itertools.groupby((None, *self.pieces, None), key=lambda piece: piece is None)
        inner = [tuple(group) for is_star, group in groups if not is_star]
        return tuple(inner)

    @functools.cached_property
    def _ends(self) -> tuple[str, str]:
        """The text that every match begins with, and the one that it ends with."""
        first, last = self.pieces[0], self.pieces[-1]
        return first if isinstance(first, str) else "", last if isinstance(last, str) else ""

    def folded(self) -> Pattern:
        """Return the pattern for texts that are folded."""
        pieces = (typography.folded(one) if isinstance(one, str) else one for one in self.pieces)
        return Pattern(typography.folded(self.text), tuple(pieces))

    def names(self) -> Iterator[str]:
        """Yield the names that it stands for; only for a small `count` and without wildcards."""
        columns = [
            list(piece.written()) if isinstance(piece, Numbers) else [str(piece)]
            for piece in self.pieces
        ]
        return map("".join, itertools.product(*columns))

    def matches(self, name: str, work: Work | None = None) -> bool:
        """Whether a name matches.

        Between stars the earliest end is always as good as any later one, so only the last
        segment is held against the end of the name.
        """
        work = work or Work()
        work.steps += 1
        begins, ends_with = self._ends
        # Most names of an inventory differ from a pattern at one of its ends.
        if not (name.startswith(begins) and name.endswith(ends_with)):
            return False
        if self.is_affix:
            return True
        # Stars alone: everything matches.
        if not self._segments:
            return True
        opening, closing = self.pieces[0] is None, self.pieces[-1] is None
        places: Places = range(len(name) + 1) if opening else {0}
        for number, segment in enumerate(self._segments, start=1):
            is_last = number == len(self._segments)
            ends = _walk(segment, name, places, work, to_end=is_last and not closing)
            if not ends:
                return False
            if is_last:
                return closing or len(name) in ends
            # A star reaches from the earliest end to anywhere behind it.
            places = range(min(ends), len(name) + 1)
        return False  # pragma: no cover -- the loop returns at its last segment


def _walk(
    segment: tuple[Piece, ...], name: str, places: Places, work: Work, *, to_end: bool
) -> Places:
    """Return where a match of the segment may end that begins at one of the places.

    With `to_end` only the end of the name will do, so that a number there is looked for backwards.
    """
    last = len(segment) - 1
    for number, piece in enumerate(segment):
        if not places:
            break
        match piece:
            case str():
                work.steps += len(places)
                places = _after_text(piece, name, places)
            case Numbers() if to_end and number == last:
                places = _number_at_end(piece, name, places, work)
            case Numbers():
                # What follows is a star, or nothing that matters: the earliest end is enough.
                places = _after_number(piece, name, places, work, earliest=number == last)
            case int():
                work.steps += len(places)
                places = {place + piece for place in places if place + piece <= len(name)}
    return places


def _after_text(text: str, name: str, places: Places) -> set[int]:
    """Return the places behind this text."""
    if not isinstance(places, range):
        return {place + len(text) for place in places if name.startswith(text, place)}
    # Behind a star any place will do, which a plain search finds much sooner.
    found: set[int] = set()
    place = name.find(text, places.start)
    while place >= 0:
        found.add(place + len(text))
        place = name.find(text, place + 1)
    return found


def _after_number(
    numbers: Numbers, name: str, places: Places, work: Work, *, earliest: bool
) -> set[int]:
    """Return the places behind a number, each of at most nine digits; or the earliest alone."""
    found: set[int] = set()
    # A run of digits is looked at once, however many of the places are in it.
    for run in NUMBER.finditer(name, min(places)):
        for place in range(run.start(), run.end()):
            if place not in places:
                continue
            work.steps += len(numbers.spans)
            for width in numbers.spans:
                end = place + width
                if end <= run.end() and numbers.accepts(name[place:end]):
                    found.add(end)
            # Numbers are short, so that the earliest end is behind one of the first places.
            if earliest and found and place + 1 >= min(found):
                return {min(found)}
    return found


def _number_at_end(numbers: Numbers, name: str, places: Places, work: Work) -> set[int]:
    """Return the end of the name if a number ends there that begins at one of the places."""
    work.steps += len(numbers.spans)
    for width in numbers.spans:
        place = len(name) - width
        if place in places and NUMBER.fullmatch(name, place) and numbers.accepts(name[place:]):
            return {len(name)}
    return set()


def _strange(strange: str, text: str) -> errors.UserMistake:
    """Return the error for a name with a character that none has, and how it may be written."""
    if better := typography.in_ascii(text):
        return _mistake(f"{strange}; {IN_QUOTES}.", text, better)
    if ours := nearest.habit(text):
        return _mistake(f"{strange}; here that is written {ours}.", text, ours)
    # What may be a pattern has its wildcards, and quotes would take them away.
    quoted = "" if WILD.search(text) or not text.isprintable() else f'"{text}"'
    how = DOUBLE if text.startswith("'") else IN_QUOTES
    return _mistake(f"{strange}; {how}.", text, quoted)


def parse(text: str) -> Pattern:
    """Parse a name with brackets and wildcards.

    Raises:
        UserMistake: it is no such name, or larger than the bounds.

    """
    strange = typography.strange_in_name(text, allowed="[],*?")
    if strange or '"' in text:
        if STEPS.search(text):
            raise _mistake("Ranges have no steps; list the numbers instead.", text)
        raise _strange(strange, text) if strange else _mistake(MARK_IN_NAME, text)
    _refuse_large(text)
    pieces = PIECE.findall(text)
    # A bracket that isn't closed is in no piece.
    if "".join(pieces) != text:
        raise _mistake("The brackets don't match; ranges look like web[01-20,25].", text)
    brackets = sum(piece.startswith("[") for piece in pieces)
    if brackets > MOST_BRACKETS:
        problem = f"A term has at most {MOST_BRACKETS} brackets; this one has {brackets}."
        raise _mistake(problem, text)
    return Pattern(text, tuple(_piece(piece, text) for piece in pieces))


def _refuse_large(text: str) -> None:
    """Refuse what is longer or has more stars than any name needs."""
    if text.count("*") > MOST_STARS:
        problem = f"A term has at most {MOST_STARS} stars; this one has {text.count('*')}."
        raise _mistake(problem, text)
    outside = len(re.sub(r"\[[^\[\]]*\]", "", text))
    if outside > MOST_CHARACTERS:
        problem = f"A name has at most {MOST_CHARACTERS} characters; this one has {outside}."
        raise _mistake(problem, text)


def _piece(piece: str, term: str) -> Piece:
    """Return what a piece of a term stands for."""
    if piece.startswith("*"):
        return None
    if piece.startswith("?"):
        return len(piece)
    return number_ranges.parse(piece[1:-1], term) if piece.startswith("[") else piece


def _mistake(problem: str, term: str, better: str = "") -> errors.UserMistake:
    """Return the error for a term; `better` is the term as it was perhaps meant."""
    return errors.UserMistake(problem, token=term, suggestion=better)
