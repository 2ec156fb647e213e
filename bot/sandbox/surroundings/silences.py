"""Alertmanager's silences, as its own store keeps them: no HTTP, and a clock that is given.

It follows `silence/silence.go` of Alertmanager: what is changed in more than its end becomes a new
silence with a new id, and the one before ends.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random


class BadSilence(ValueError):
    """What was posted is no silence; answered as 400."""


class UnknownSilence(LookupError):
    """There is no silence with this id."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on a label; a regular expression must match the whole value."""

    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels meet it; a label that isn't there counts as empty."""
        there = labels.get(self.name, "")
        same = bool(re.fullmatch(self.value, there)) if self.is_regex else there == self.value
        return same is self.is_equal


@dataclass(frozen=True, slots=True)
class Silence:
    """What is not told of, between two instants; `updated_at` is when it was last written."""

    id: str
    matchers: tuple[Matcher, ...]
    starts_at: datetime
    ends_at: datetime
    created_by: str
    comment: str
    updated_at: datetime

    def state(self, now: datetime) -> str:
        """`pending`, `active` or `expired`."""
        if now >= self.ends_at:
            return "expired"
        return "active" if now >= self.starts_at else "pending"

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an alert with these labels is silenced by it while it is active."""
        return all(matcher.matches(labels) for matcher in self.matchers)


class Silences:
    """All silences of one Alertmanager, the ended ones too."""

    def __init__(self, wall: Callable[[], datetime], rng: Random) -> None:
        """`wall` gives the time of day with its zone; `rng` makes ids."""
        self._wall = wall
        self._rng = rng
        self._silences: dict[str, Silence] = {}

    def post(self, wanted: Silence) -> str:
        """Make a silence, or change the one whose id it has; returns its id, which may be new.

        Raises:
            BadSilence: it ends before it begins, has already ended, or matches every alert.
            UnknownSilence: there is none with this id.
        """
        now = self._wall()
        _check(wanted, now)
        before = self.find(wanted.id) if wanted.id else None
        if before is not None and _same_but_for_its_end(before, wanted, now):
            self._keep(replace(wanted, starts_at=before.starts_at, updated_at=now))
            return wanted.id
        if before is not None and before.state(now) != "expired":
            self.expire(before.id)
        starts_at = max(wanted.starts_at, now)
        made = replace(wanted, id=self._new_id(), starts_at=starts_at, updated_at=now)
        self._keep(made)
        return made.id

    def expire(self, silence_id: str) -> None:
        """End a silence now; one that has ended stays as it is.

        Raises:
            UnknownSilence: there is none with this id.
        """
        now, found = self._wall(), self.find(silence_id)
        if found.state(now) != "expired":
            self._keep(replace(found, ends_at=now, updated_at=now))

    def find(self, silence_id: str) -> Silence:
        """Return a silence.

        Raises:
            UnknownSilence: there is none with this id.
        """
        if silence_id not in self._silences:
            raise UnknownSilence(silence_id)
        return self._silences[silence_id]

    def all(self) -> list[Silence]:
        """Return every silence, newest first."""
        return sorted(self._silences.values(), key=lambda one: one.updated_at, reverse=True)

    def active(self) -> list[Silence]:
        """Return those that hold now."""
        now = self._wall()
        return [one for one in self.all() if one.state(now) == "active"]

    def now(self) -> datetime:
        """Return the time by which they are judged."""
        return self._wall()

    def _keep(self, silence: Silence) -> None:
        self._silences[silence.id] = silence

    def _new_id(self) -> str:
        return str(uuid.UUID(int=self._rng.getrandbits(128), version=4))


def _check(wanted: Silence, now: datetime) -> None:
    """Refuse what Alertmanager refuses, in its words.

    Raises:
        BadSilence: it does.
    """
    if wanted.ends_at <= wanted.starts_at:
        raise BadSilence("start time must be before end time")
    if wanted.ends_at < now:
        raise BadSilence("end time can't be in the past")
    if all(matcher.matches({}) for matcher in wanted.matchers):
        raise BadSilence("at least one matcher must not match the empty string")


def _same_but_for_its_end(before: Silence, wanted: Silence, now: datetime) -> bool:
    """Whether a silence can be changed in place."""
    if before.matchers != wanted.matchers:
        return False
    if before.state(now) == "active":
        return int(before.starts_at.timestamp()) == int(wanted.starts_at.timestamp())
    return before.state(now) == "pending" and wanted.starts_at >= now


def read_matchers(rows: Iterable[object]) -> tuple[Matcher, ...]:
    """Read matchers as they are posted.

    Raises:
        BadSilence: one lacks its name or value, or its expression can't be read.
    """
    return tuple(_matcher(row) for row in rows)


def _matcher(row: object) -> Matcher:
    if not isinstance(row, dict) or not row.get("name") or not isinstance(row.get("value"), str):
        raise BadSilence("matchers.name and matchers.value in body are required")
    if not isinstance(row.get("isRegex"), bool):
        raise BadSilence("matchers.isRegex in body is required")
    try:
        re.compile(row["value"] if row["isRegex"] else "")
    except re.error as error:
        raise BadSilence(f"error parsing regexp: {error}") from error
    return Matcher(str(row["name"]), row["value"], row["isRegex"], row.get("isEqual", True))
