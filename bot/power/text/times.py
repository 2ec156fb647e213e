"""Times as people type and read them, and as other programs do.

Instants: `04:00`, `4pm`, `2026-12-01T04:00+01:00`, `tomorrow 04:00`. Durations, in settings,
options and the policy alike: `500ms`, `1.5s`.
"""

from __future__ import annotations

import dataclasses
import datetime
import re
import zoneinfo

UNTIL = ("until", "till", "til", "untill")  # With the slips that people make.
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# Times by their names; the hour of each is beyond doubt.
NAMED = {"noon": (12, 0), "midday": (12, 0), "midnight": (0, 0)}
NEAR = ("today", "tomorrow", "tonight")
# These mean different hours in different countries, or in summer and winter.
LETTERS = frozenset(
    {
        *("cet", "cest", "eet", "eest", "wet", "west", "bst", "msk", "ist"),
        *("est", "edt", "cst", "cdt", "mst", "mdt", "pst", "pdt", "akst", "hst"),
        *("jst", "kst", "hkt", "sgt", "aest", "aedt", "acst", "awst", "nzst", "nzdt"),
    }
)
DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
CLOCK = re.compile(r"(\d{1,2})(?::(\d{2}))?(?::(\d{2}))?(am|pm)?", re.IGNORECASE)
OFFSET = re.compile(r"([+-])(\d{2}):?(\d{2})?")
DOTTED = re.compile(r"(\d{1,2})[.h](\d{2})", re.IGNORECASE)
ZONE_AT_END = re.compile(r"(?:(?<=:\d\d)|(?<=\d[ap]m))(Z|[+-]\d{2}(?::?\d{2})?)$", re.IGNORECASE)
BETWEEN = re.compile(r"(?<=\d)T(?=\d)", re.IGNORECASE)
NUMERIC = re.compile(r"[+-]?[0-9][0-9:.,h+-]*(am|pm)?")
PLACE = re.compile(r"[a-z_]+/[a-z_/+-]+")


def rfc3339(epoch_s: float, timespec: str = "milliseconds") -> str:
    """Return an instant in RFC 3339, in UTC; `timespec` is that of `datetime.isoformat`."""
    moment = datetime.datetime.fromtimestamp(epoch_s, datetime.UTC)
    return moment.isoformat(timespec=timespec).replace("+00:00", "Z")


def duration(seconds: float) -> str:
    """Return a length of time in its two largest units, like `4 min 10 s`."""
    rest = max(0, round(seconds))
    parts: list[str] = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        number, rest = divmod(rest, size)
        if number:
            parts.append(f"{number} {unit}")
    return " ".join(parts[:2]) or "0 s"


@dataclasses.dataclass(frozen=True, slots=True)
class Zone:
    """The time zone of a time without one; `name` is how a sentence calls it."""

    rules: datetime.tzinfo
    name: str


UTC = Zone(datetime.UTC, "UTC")


@dataclasses.dataclass(frozen=True, slots=True)
class Instant:
    """An instant (epoch seconds) with how it was understood; or a problem, with a better text."""

    typed: str
    at: float = 0.0
    note: str = ""
    problem: str = ""
    better: str = ""


class _Nonsense(Exception):
    """What was typed looks like a time and is none."""

    def __init__(self, problem: str, better: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.better = better


def zone_of(name: str, offset_s: int) -> Zone:
    """Return a person's zone: by its name, or where that isn't known by its distance from UTC."""
    if not name:
        return UTC
    try:
        return Zone(zoneinfo.ZoneInfo(name), name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        shift = datetime.timedelta(seconds=offset_s)
        return Zone(datetime.timezone(shift), f"UTC{_signed(offset_s)}")


def _signed(offset_s: int) -> str:
    """Return a distance from UTC as it is written."""
    minutes = abs(offset_s) // 60
    return f"{'-' if offset_s < 0 else '+'}{minutes // 60:02}:{minutes % 60:02}"


def read(typed: str, now: float, zone: Zone) -> Instant | None:
    """Read an instant after `now`; None for words that speak of no time.

    A time without a date is the next one. One that the clocks show twice is the later.
    """
    words = BETWEEN.sub(" ", ZONE_AT_END.sub(r" \1", typed)).split()
    words = [word for word in words if word.lower() not in ("at", "o'clock")]
    if not words or not all(map(_timelike, words)) or not any(map(_bears, words)):
        return None
    try:
        day, clock, own = _parts(words, now, zone)
        return _instant(typed, day, clock, own, now)
    except _Nonsense as nonsense:
        return Instant(typed, problem=nonsense.problem, better=nonsense.better)


def _timelike(word: str) -> bool:
    """Whether a word may be part of a time."""
    lowered = word.lower()
    known = lowered in (*DAYS, *NEAR, *NAMED, "am", "pm", "z", "utc", "gmt") or lowered in LETTERS
    return known or bool(NUMERIC.fullmatch(lowered) or PLACE.fullmatch(lowered))


def _bears(word: str) -> bool:
    """Whether a word alone makes others read it as a time."""
    return word[0].isdigit() or word.lower() in (*DAYS, *NEAR, *NAMED)


def _parts(
    words: list[str], now: float, zone: Zone
) -> tuple[datetime.date | str, datetime.time, Zone]:
    """Return the day (a date, or the name of one, or nothing), the time of day, and the zone."""
    day: datetime.date | str = ""
    clock: datetime.time | None = None
    for word in _with_halves(words):
        lowered = word.lower()
        if DATE.fullmatch(word):
            day = _date(word)
        elif lowered in DAYS or lowered in NEAR:
            day = lowered
        elif lowered in NAMED:
            clock = datetime.time(*NAMED[lowered])
        elif (found := _zone(word)) is not None:
            zone = found
        elif clock is None:
            clock = _clock(word)
        else:
            raise _Nonsense(f"{word} is a second time of day.")
    if clock is None:
        raise _no_hour(day, now, zone)
    return day, clock, zone


def _with_halves(words: list[str]) -> list[str]:
    """Return words with am and pm beside their number, as in `4 pm`."""
    joined: list[str] = []
    for word in words:
        if word.lower() in ("am", "pm") and joined:
            joined[-1] += word
        else:
            joined.append(word)
    return joined


def _no_hour(day: datetime.date | str, now: float, zone: Zone) -> _Nonsense:
    """Return the error for a day without a time of day, with the beginning of that day."""
    if not day:
        return _Nonsense("It has no time of day.")
    begins = _day(day, now, zone)
    return _Nonsense(f"{day} has no time of day.", f"{begins.isoformat()}T00:00")


def _date(word: str) -> datetime.date:
    """Return a date."""
    try:
        return datetime.date(*map(int, DATE.fullmatch(word).groups()))  # type: ignore[union-attr]
    except ValueError:
        raise _Nonsense(f"There is no day {word}.") from None


def _zone(word: str) -> Zone | None:
    """Return the zone that a word names, None for a word that names none."""
    lowered = word.lower()
    if lowered in ("z", "utc", "gmt"):
        return UTC
    if found := OFFSET.fullmatch(word):
        sign = -1 if found[1] == "-" else 1
        offset_s = sign * (int(found[2]) * 3600 + int(found[3] or 0) * 60)
        if abs(offset_s) >= 86400:
            raise _Nonsense(f"No place is {word} from UTC.")
        shift = datetime.timezone(datetime.timedelta(seconds=offset_s))
        return Zone(shift, f"UTC{_signed(offset_s)}")
    if lowered in LETTERS:
        raise _Nonsense(f"{word} isn't the same everywhere: write Z, +01:00 or Europe/Berlin.")
    if "/" not in word:
        return None
    try:
        return Zone(zoneinfo.ZoneInfo(word), word)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise _Nonsense(f"There is no time zone {word}.") from None


def _clock(word: str) -> datetime.time:
    """Return a time of day."""
    if dotted := DOTTED.fullmatch(word):
        raise _Nonsense(f"{word} has no colon.", f"{int(dotted[1]):02}:{dotted[2]}")
    found = CLOCK.fullmatch(word)
    # A bare number is more often a count than an hour.
    if found is None or not (found[2] or found[4]):
        raise _Nonsense(f"{word} isn't a time of day.")
    hour, minute, second = int(found[1]), int(found[2] or 0), int(found[3] or 0)
    if found[4]:
        if not 1 <= hour <= 12:
            raise _Nonsense(f"{word} isn't a time of day.")
        hour = hour % 12 + (12 if found[4].lower() == "pm" else 0)
    try:
        return datetime.time(hour, minute, second)
    except ValueError:
        raise _Nonsense(f"{word} isn't a time of day.") from None


def _day(day: datetime.date | str, now: float, zone: Zone) -> datetime.date:
    """Return the date that a day's name means; a weekday is the next one, today included."""
    if isinstance(day, datetime.date):
        return day
    today = datetime.datetime.fromtimestamp(now, zone.rules).date()
    if day == "tomorrow":
        return today + datetime.timedelta(days=1)
    if day in DAYS:
        return today + datetime.timedelta(days=(DAYS.index(day) - today.weekday()) % 7)
    return today


def _instant(
    typed: str, day: datetime.date | str, clock: datetime.time, zone: Zone, now: float
) -> Instant:
    """Return the instant, the later one of two.

    Raises:
        _Nonsense: it has passed, or the clocks skip it.
    """
    local = datetime.datetime.combine(_day(day, now, zone), clock, zone.rules)
    passed = _later(local).timestamp() <= now
    # Only what names no date can mean the next one.
    if passed and (day == "" or day in DAYS):
        local += datetime.timedelta(days=7 if day else 1)
        passed = False
    real = _later(local)
    written = f"{local:%Y-%m-%dT%H:%M}"
    # There and back again: a time that the clocks skip comes back as another one.
    there = real.astimezone(datetime.UTC).astimezone(zone.rules)
    if there.replace(tzinfo=None) != local.replace(tzinfo=None):
        better = f"{there:%Y-%m-%dT%H:%M}"
        raise _Nonsense(f"The clocks in {zone.name} skip {written}.", better)
    if passed:
        raise _Nonsense(f"{typed} has passed.", f"{clock:%H:%M}{_suffix(typed)}")
    twice = "" if real.utcoffset() == local.utcoffset() else ", the second time that clocks show it"
    return Instant(typed, real.timestamp(), f"{written.replace('T', ' ')} {zone.name}{twice}")


def _later(local: datetime.datetime) -> datetime.datetime:
    """Return the later of two instants that clocks show alike."""
    # The later one: a freeze that ends an hour too soon does more harm than one too late.
    return max(local.replace(fold=0), local.replace(fold=1), key=lambda one: one.timestamp())


def _suffix(typed: str) -> str:
    """Return the zone that was typed at the end, if one was."""
    found = ZONE_AT_END.search(typed)
    return found[1] if found else ""


UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
# Digits are ASCII's own: what another script's look like is for its readers to judge.
DURATION = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)(ms|s|m|h)", re.IGNORECASE | re.ASCII)


def duration_s(text: str) -> float | None:
    """Return how long a text says, in seconds; None for one that is no duration."""
    match = DURATION.fullmatch(text)
    return float(match[1]) * UNITS_S[match[2].lower()] if match else None
