"""The end that somebody types behind a freeze: `cooling until 04:00`, `cooling for 2h`.

An until with a time behind it is the end, wherever it stands; any other until is part of the
reason. What stands last and looks like a time but is none is a mistake: a freeze that ends at
another hour than its holder thinks is worse than one that was typed twice.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

from bot.power import errors
from bot.power.policy import freezes
from bot.power.text import times, typography

BECAUSE = "because"
HOW = "Ends look like until 04:00, until 2026-12-01T04:00, until 04:00Z or for 2h"
EVERYTHING = frozenset({"everything", "all", "it", "everyone", "everybody"})
MOST_DAYS = 366  # A longer freeze is more likely a slip.
MOST_WORDS = 5  # Of one time, at most.
MOST_LINE = 300  # Characters of a line to copy.
LENGTH = re.compile(r"(\d{1,5}(?:\.\d{1,3})?)\s*([a-z]+)\s*", re.IGNORECASE)
DURATION = re.compile(rf"(?:{LENGTH.pattern})+", re.IGNORECASE)
FOR = "for"
# Days as people write them to each other: somebody who freezes until then means an end.
_PART = "morning|noon|afternoon|evening|night"
_MONTH = "(?:jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec)[a-z]{0,6}[.]?"
_NUMBER = "[0-9]{1,2}(?:st|nd|rd|th|[.])?"
IN_WORDS = re.compile(
    rf"""eod|eow|eob|cob
    |(?:the\s)?end\sof\s(?:the\s|this\s)?(?:day|week|month|shift|weekend)
    |(?:next|this|the\snext)\s(?:day|week|weekend|month|{_PART}|{"|".join(times.DAYS)})
    |(?:tomorrow|{"|".join(times.DAYS)})\s(?:{_PART})
    |(?:the\s)?(?:{_PART}|weekend)
    |[0-9]{{1,2}}[./][0-9]{{1,2}}(?:[./](?:[0-9]{{2}}){{0,2}})?(?:\s[0-9:]+)?
    |(?:{_NUMBER}\s(?:of\s)?)?{_MONTH}(?:\s{_NUMBER})?(?:,?\s[0-9]{{4}})?(?:\s[0-9:]+)?""",
    re.IGNORECASE | re.VERBOSE,
)
# Nobody means anything else by it than a time or a day.
CERTAIN = re.compile(r"\d:\d|\d{4}-\d")
UNITS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86400),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """What a freeze is for, and its end (epoch seconds, 0 for none) with how it was understood."""

    reason: str
    until: float = 0.0
    note: str = ""


def is_frozen(wanted: Wanted, *, replaced: bool) -> str:
    """Return the answer to somebody who has frozen everything."""
    what = "Your freeze now has this reason and end" if replaced else "Frozen"
    end = (
        f"It lasts until {wanted.note}."
        if wanted.until
        else "It has no end: lift it with unfreeze."
    )
    return f"{what}: nothing new is sent. {end}"


def read(text: str, now: float, zone: times.Zone) -> Wanted:
    """Part a freeze's reason from its end.

    Raises:
        UserMistake: it has no reason, or an end that can't be understood or has passed.
    """
    words = text.split()
    place = next((i for i, word in enumerate(words) if word.lower() == BECAUSE), len(words))
    before, after = words[:place], words[place + 1 :]
    if (found := _found(before, now, zone)) is not None:
        # `freeze everything until 4` has no reason: its words only say what a freeze does.
        spoken = [word for word in found.rest if _bare(word) not in EVERYTHING]
        because = [BECAUSE] if spoken and after else []
        return _wanted(found, [*(found.rest if spoken or not after else []), *because, *after])
    if (found := _found(after, now, zone)) is not None:
        return _wanted(found, [*before, *([BECAUSE] if before else []), *found.rest])
    return Wanted(" ".join(words))


def may_have(text: str) -> bool:
    """Whether a text may have an end that depends on the holder's time zone."""
    return any(_bare(word) in times.UNTIL for word in text.split())


@dataclasses.dataclass(frozen=True, slots=True)
class _End:
    """An end that was found, or the mistake in it, and the words beside it."""

    rest: list[str]
    read: times.Instant


def _wanted(found: _End, reason: Sequence[str]) -> Wanted:
    """Return the freeze, unless its end is none or nothing is left as the reason."""
    said = " ".join(reason)
    if found.read.problem:
        better = found.read.better
        lead = "" if not better or better.startswith(FOR) else "until "
        line = f"/power freeze {said} {lead}{better}".rstrip()
        fits = bool(said) and len(line) <= MOST_LINE
        suggestion = line if fits else "/power help freeze"
        raise errors.UserMistake(
            f"{found.read.problem} {HOW}.", token=found.read.typed, suggestion=suggestion
        )
    if not said:
        problem = "Say why, as in freeze network work until 04:00."
        raise errors.UserMistake(problem, suggestion="/power help freeze")
    return Wanted(said, found.read.at, found.read.note)


def _found(words: list[str], now: float, zone: times.Zone) -> _End | None:
    """Return the end that these words have: the last one, the first, or one between."""
    last = _last(words, now, zone)
    if last is not None:
        return last
    for place, word in enumerate(words):
        found = _at(words, place, now, zone) if _bare(word) in times.UNTIL else None
        if found is not None:
            return found
    return _at(words, 0, now, zone) if words and _bare(words[0]) == "for" else None


def _at(words: list[str], place: int, now: float, zone: times.Zone) -> _End | None:
    """Return the end that begins at this word, as much of what follows as is one time."""
    # The longest first, or a day would be read without the time behind it.
    for many in range(min(MOST_WORDS, len(words) - place - 1), 0, -1):
        end = place + many + 1
        read = _end(_bare(words[place]), words[place + 1 : end], now, zone)
        if read is not None and (not read.problem or _is_certain(read.typed, place, many, now)):
            return _End([*_unended(words[:place]), *_unled(words[end:])], read)
    return None


def _is_certain(typed: str, place: int, many: int, now: float) -> bool:
    """Whether what can't be an end was meant as one though other words stand behind it."""
    if place == 0 and many == 1 and CERTAIN.search(typed):
        return True
    counted = any(char.isdecimal() for char in typed) and _no_instant(typed, now) is not None
    return counted and (place == 0 or typed.startswith("+"))


def _last(words: list[str], now: float, zone: times.Zone) -> _End | None:
    """Return the end that stands behind all other words."""
    for place in range(len(words) - 2, max(-1, len(words) - MOST_WORDS - 2), -1):
        lead = _bare(words[place])
        if lead in (*times.UNTIL, "for"):
            read = _end(lead, words[place + 1 :], now, zone)
            return None if read is None else _End(_unended(words[:place]), read)
    return None


def _end(lead: str, words: Sequence[str], now: float, zone: times.Zone) -> times.Instant | None:
    """Read until or for with the words behind it; None where they speak of no time."""
    typed = _plain(" ".join(words)).strip("()[],;!").rstrip(".:")
    if lead.lower() == "for":
        read = _after(typed, now)
    else:
        read = times.read(typed, now, zone)
        if read is None or (read.problem and not read.better):
            read = _no_instant(typed, now) or read
    if read is None or read.problem:
        return read
    if read.at > now + MOST_DAYS * 86400:
        problem = f"{typed} is more than a year ahead."
        return dataclasses.replace(read, problem=problem)
    return read


def _no_instant(typed: str, now: float) -> times.Instant | None:
    """Return the mistake of an until with a length of time, or with a day that is only words."""
    length = typed.lstrip("+~").lower().removeprefix("in ").strip()
    if (found := _after(length, now)) is not None:
        better = "" if found.problem else f"{FOR} {length}"
        return times.Instant(typed, problem=f"{typed} is a length of time.", better=better)
    if IN_WORDS.fullmatch(typed):
        return times.Instant(typed, problem=f"{typed} isn't understood as a time.")
    return None


def _after(typed: str, now: float) -> times.Instant | None:
    """Read a length of time; None for what is none, as in `for 2 racks`."""
    parts = LENGTH.findall(typed) if DURATION.fullmatch(typed) else []
    if not parts or any(unit.lower() not in UNITS for _, unit in parts):
        return None
    length_s = sum(float(count) * UNITS[unit.lower()] for count, unit in parts)
    if not length_s:
        return times.Instant(typed, problem=f"for {typed} is no time at all.")
    return times.Instant(typed, at=now + length_s, note=freezes.instant(now + length_s))


def _bare(word: str) -> str:
    """Return a word without what stands around it."""
    return _plain(word).lower().strip("([,;:")


def _plain(typed: str) -> str:
    """Return digits and signs as an ASCII keyboard types them, whichever typed these."""
    return typed.translate(typography.PLAIN)


def _unled(words: list[str]) -> list[str]:
    """Return words without a sign before the first that only parted them from the end."""
    while words and not (first := words[0].lstrip(":,;-–—")):
        words = words[1:]
    return [first, *words[1:]] if words else []


def _unended(words: list[str]) -> list[str]:
    """Return words without a comma or bracket behind the last that led to the end."""
    while words and not (last := words[-1].rstrip(",;:(–—-")):
        words = words[:-1]
    return [*words[:-1], last] if words else []
