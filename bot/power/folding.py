"""Server names folded as a person would write them: `web[01-06,08-20]`.

The last number of each name is split off and the names are grouped by the rest; groups with the
same tail are then folded over the number before it. It is linear but for sorting.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

NUMBER = re.compile(r"(.*?)(\d{1,9})(\D*)\Z", re.DOTALL)
SAFE = re.compile(r"[A-Za-z0-9._-]+")
CHUNKS = re.compile(r"(\d+)")


def natural(name: str) -> tuple[tuple[int, int | str], ...]:
    """Return a sort key in which `web9` comes before `web10`."""
    return tuple((0, int(part)) if part.isdecimal() else (1, part) for part in CHUNKS.split(name))


def fold(names: Iterable[str], limit: int | None = None) -> str:
    """Return the names folded, separated by commas, in natural order.

    With a `limit` in characters the text ends with "and N more" (names, not terms) where it
    would grow longer; at least one term is shown.
    """
    terms = _terms(sorted(set(names), key=lambda name: (natural(name), name)))
    if limit is None:
        return ",".join(term for term, _ in terms)
    shown: list[str] = []
    length, left = 0, sum(count for _, count in terms)
    for term, count in terms:
        if shown and length + len(term) + 1 > limit:
            return f"{','.join(shown)} and {left} more"
        shown.append(term)
        length += len(term) + 1
        left -= count
    return ",".join(shown)


def _terms(names: list[str]) -> list[tuple[str, int]]:
    """Return folded terms, each with the number of names that it stands for."""
    groups: dict[tuple[str, str, int], list[int]] = {}
    odd: list[tuple[str, int]] = []
    for name in names:
        match = NUMBER.match(name) if SAFE.fullmatch(name) else None
        if match is None:
            odd.append((name, 1))
            continue
        head, digits, tail = match.groups()
        padded = _padded(digits) or (head, tail, len(digits)) in groups
        groups.setdefault((head, tail, len(digits) if padded else 0), []).append(int(digits))
    level = [
        (head, _body(numbers, width) + tail, len(numbers))
        for (head, tail, width), numbers in groups.items()
    ]
    return sorted(_fold_heads(level) + odd, key=lambda term: natural(term[0].replace("[", "")))


def _padded(digits: str) -> bool:
    """Whether a number has leading zeros; a lone 0 has none."""
    return digits[0] == "0" and len(digits) > 1


def _body(numbers: list[int], width: int) -> str:
    """Return numbers as `[01-06,08]`, padded to `width` (0 for none); one stays bare."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    text = ",".join(
        f"{first:0{width}}" if first == last else f"{first:0{width}}-{last:0{width}}"
        for first, last in runs
    )
    return f"[{text}]" if len(numbers) > 1 else text


def _fold_heads(level: list[tuple[str, str, int]]) -> list[tuple[str, int]]:
    """Fold the number before the last one over groups that go on in the same way."""
    alike: dict[tuple[str, str, int], list[tuple[int, int]]] = {}
    terms: list[tuple[str, int]] = []
    for head, rest, count in level:
        match = NUMBER.match(head)
        if match is None:
            terms.append((head + rest, count))
            continue
        first, digits, middle = match.groups()
        after = middle + rest
        padded = _padded(digits) or (first, after, len(digits)) in alike
        key = (first, after, len(digits) if padded else 0)
        alike.setdefault(key, []).append((int(digits), count))
    for (first, after, width), found in alike.items():
        body = _body([number for number, _ in found], width)
        terms.append((first + body + after, sum(count for _, count in found)))
    return terms
