"""Server names folded as a person would write them: `web[01-06,08-20]`.

The last number of each name is split off and the names are grouped by the rest; then the number
before it is folded over the groups that go on alike, and so on to the left. Each pass is linear
but for sorting.
"""

from __future__ import annotations

import collections
import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from bot.power.text import spelling

DIGITS = re.compile(r"([0-9]+)")
LAST_NUMBER = re.compile(r"((?:.*[^0-9])?)([0-9]+)([^0-9]*)")
SAFE = re.compile(r"[A-Za-z0-9._-]+")
# What targets accept: longer runs of digits stay text, further numbers are left alone.
NUMERALS = "0123456789"
MOST_DIGITS = 9
MOST_BRACKETS = 8  # In one term, as targets take no more.

Key = tuple[tuple[int, int, str], ...]


class Apart(NamedTuple):
    """One of several servers that have one name, with the place that tells it from the others."""

    name: str
    place: str


Named = str | Apart


class _Term(NamedTuple):
    """Names folded so far: the last number of `head` is next, `rest` is done.

    `size` is how many names it stands for, `first` the first of them, which orders terms.
    """

    head: str
    rest: str
    size: int
    first: str

    @property
    def text(self) -> str:
        """The whole term, written out."""
        return self.head + self.rest


def natural(name: str) -> Key:
    """Return a sort key in which `web9` comes before `web10`."""
    # Digits are compared by length and text, so that a very long number costs no more.
    return tuple(
        (0, len(part.lstrip("0")), part.lstrip("0")) if place % 2 else (1, 0, part)
        for place, part in enumerate(DIGITS.split(name))
    )


def fold(names: Iterable[Named], limit: int | None = None, *, marked: bool = False) -> str:
    """Return the names folded, separated by commas, in natural order.

    `marked` is for reading, not for typing: names that aren't plain are quoted and explained.

    With a `limit` in characters the text is cut at the end of a term, or of a range in a long
    one, and ends with "and N more" (names, not terms); where not even one has room, it is
    "N servers".
    """
    return Folded(names, marked=marked).text(limit)


class Folded:
    """Names that are folded once, to be written out in several lengths.

    A name that several have never folds with others: each stands alone, or with their number.
    """

    def __init__(
        self,
        names: Iterable[Named],
        *,
        marked: bool = False,
    ) -> None:
        shown = spelling.shown if marked else _quoted
        single, several = _parted(list(names), shown, doubles=marked)
        self._terms = _folded(single, shown, several)

    def text(self, limit: int | None = None) -> str:
        """Return them as `fold` does."""
        whole = ",".join(term.text for term in self._terms)
        if limit is None or len(whole) <= limit:
            return whole
        return _cut(self._terms, limit)


def terms(names: Iterable[str]) -> list[str]:
    """Return the folded terms one by one, in natural order."""
    return [term.text for term in _folded(set(names), _quoted, [])]


def _parted(
    names: list[Named], shown: Callable[[str], str], *, doubles: bool
) -> tuple[set[str], list[_Term]]:
    """Return the names that one server has, and a term for each of the others.

    Without `doubles` a name that was given twice counts once: nobody types it twice.
    """
    if {*map(type, names)} <= {str} and (not doubles or len({*names}) == len(names)):
        return {one for one in names if isinstance(one, str)}, []
    single: set[str] = set()
    several: list[_Term] = []
    for one, count in collections.Counter(names).items():
        times = f"{count} servers" if count > 1 else ""
        if isinstance(one, Apart):
            beside = ", ".join(part for part in (one.place, times) if part)
            several.append(_Term(f"{shown(one.name)} ({beside})", "", count, one.name))
        elif times and doubles:
            several.append(_Term(f"{shown(one)} ({times})", "", count, one))
        else:
            single.add(one)
    return single, several


def _folded(
    names: set[str],
    shown: Callable[[str], str],
    several: list[_Term],
) -> list[_Term]:
    """Return the terms in natural order."""
    # One look at all of them together, since most fleets have plain names alone.
    safe = names if SAFE.fullmatch("".join(names)) else set(filter(SAFE.fullmatch, names))
    done = [*several, *(_Term(shown(name), "", 1, name) for name in names - safe)]
    unfinished = _fold_names(safe, done)
    for _ in range(MOST_BRACKETS - 1):
        unfinished = _fold_last_number(unfinished, done)
    return sorted(done + unfinished, key=lambda term: (natural(term.first), term.first, term.head))


def _fold_names(names: set[str], done: list[_Term]) -> list[_Term]:
    """Fold the last number of plain names; most names end here, so nothing is made for each."""
    alike: dict[tuple[str, str], list[str]] = {}
    for name in names:
        digits, rest = "", ""
        head = name.rstrip(NUMERALS)
        if len(head) < len(name):
            digits = name[len(head) :]
        elif split := LAST_NUMBER.fullmatch(name):
            head, digits, rest = split.groups()
        if 0 < len(digits) <= MOST_DIGITS:
            alike.setdefault((head, rest), []).append(digits)
        else:
            done.append(_Term(name, "", 1, name))
    return [
        _joined_names(head, rest, numbers)
        for (head, rest), found in alike.items()
        for numbers in _by_width(found)
    ]


def _by_width(found: list[str]) -> Iterable[list[str]]:
    """Part padded numbers from others, as `_by_padding` does, where they differ in length."""
    if len({*map(len, found)}) == 1:
        return [found]
    bare = _Term("", "", 1, "")
    parted = _by_padding([(digits, bare) for digits in found])
    return [[digits for digits, _ in numbered] for numbered in parted]


def _joined_names(head: str, rest: str, numbers: list[str]) -> _Term:
    """Make one term of names that differ in this number alone."""
    ordered = sorted(numbers, key=int)
    first = head + ordered[0] + rest
    if len(ordered) == 1:
        return _Term(head, ordered[0] + rest, 1, first)
    return _Term(head, f"[{_ranges(ordered)}]{rest}", len(ordered), first)


def _ranges(ordered: list[str]) -> str:
    """Return numbers as ranges: `01-06,08-20`."""
    values = [*map(int, ordered)]
    # A range ends where the next number isn't the next one.
    ends = [place for place in range(1, len(values)) if values[place] != values[place - 1] + 1]
    spans = zip([0, *ends], [*ends, len(values)], strict=True)
    return ",".join(
        ordered[low] if low == high - 1 else f"{ordered[low]}-{ordered[high - 1]}"
        for low, high in spans
    )


def _quoted(name: str) -> str:
    """Return a name that isn't made of letters, digits and `._-`, so that it reads as one name."""
    return '"' + name.replace('"', "'") + '"' if spelling.CONFUSING.search(name) else name


def _fold_last_number(unfinished: list[_Term], done: list[_Term]) -> list[_Term]:
    """Fold the last number of each head over all terms that go on alike."""
    alike: dict[tuple[str, str], list[tuple[str, _Term]]] = {}
    for term in unfinished:
        split = LAST_NUMBER.fullmatch(term.head)
        if split is None or len(split[2]) > MOST_DIGITS:
            done.append(term)
        else:
            head, digits, middle = split.groups()
            alike.setdefault((head, middle + term.rest), []).append((digits, term))
    return [
        _joined(head, rest, numbered)
        for (head, rest), found in alike.items()
        for numbered in _by_padding(found)
    ]


def _by_padding(found: list[tuple[str, _Term]]) -> Iterable[list[tuple[str, _Term]]]:
    """Part padded numbers from others: `01` and `1` are never in one bracket.

    Numbers without a leading zero count as padded where others of their length are, so that
    `08` and `10` stay together.
    """
    padded = {len(digits) for digits, _ in found if digits[0] == "0" and len(digits) > 1}
    if not padded:
        return [found]
    groups: dict[int, list[tuple[str, _Term]]] = {}
    for digits, term in found:
        width = len(digits) if len(digits) in padded else 0
        groups.setdefault(width, []).append((digits, term))
    return groups.values()


def _joined(head: str, rest: str, numbered: list[tuple[str, _Term]]) -> _Term:
    """Make one term of the numbers between the same head and rest."""
    if len(numbered) == 1:
        digits, term = numbered[0]
        return _Term(head, digits + rest, term.size, term.first)
    numbered = sorted(numbered, key=lambda pair: int(pair[0]))
    inside = _ranges([digits for digits, _ in numbered])
    first = numbered[0][1].first
    total = sum(term.size for _, term in numbered)
    return _Term(head, f"[{inside}]{rest}", total, first)


def _cut(folded: list[_Term], limit: int) -> str:
    """Return as many terms as there is room for, and how many names are left out."""
    left = sum(term.size for term in folded)
    # Room for the longest ending; the number only gets smaller from here.
    room = limit - len(f" and {left:,} more")
    shown: list[str] = []
    for term in folded:
        text, count = _shortened(term, room)
        if text:
            shown.append(text)
        left -= count
        room -= len(text) + 1
        if count < term.size:
            break
    return f"{','.join(shown)} and {left:,} more" if shown else f"{left:,} servers"


def _shortened(term: _Term, room: int) -> tuple[str, int]:
    """Return what of a term has room, and how many names that is.

    A long term loses ranges at the end of its last bracket. The term is a full product, so each
    number of that bracket stands for equally many names.
    """
    text = term.text
    if len(text) <= room:
        return text, term.size
    opening, closing = text.rfind("["), text.rfind("]")
    # A quoted or explained name can't be cut without becoming another.
    if opening < 0 or text.startswith('"') or text.endswith(")"):
        return "", 0
    ranges = text[opening + 1 : closing].split(",")
    kept: list[str] = []
    length = opening + len(text) - closing
    for one in ranges:
        length += len(one) + 1
        if length > room:
            break
        kept.append(one)
    if not kept:
        return "", 0
    each = term.size // sum(map(_size, ranges))
    return f"{text[:opening]}[{','.join(kept)}]{text[closing + 1 :]}", each * sum(map(_size, kept))


def _size(one: str) -> int:
    """Return how many numbers a range such as `01-06` or `08` has."""
    low, _, high = one.partition("-")
    return int(high or low) - int(low) + 1
