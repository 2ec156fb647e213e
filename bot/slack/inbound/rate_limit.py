"""A limit for each key within a time window; whatever exceeds it is refused, and not counted."""

from __future__ import annotations

import collections
from collections.abc import Hashable

# People that are counted; beyond this number, those who have been quiet are forgotten.
MOST_COUNTED = 5000


class RateLimit:
    """Lets so many of one pass within a time, and so many of all; one event loop uses it."""

    def __init__(self, of_one: int, within_s: float, of_all: int | None = None) -> None:
        """`within_s` is the time in seconds; without `of_all` only each is bounded."""
        self._of_one = of_one
        self._within_s = within_s
        self._of_all = of_all
        self._came: dict[Hashable, collections.deque[float]] = {}
        self._all: collections.deque[float] = collections.deque()

    def admits(self, who: Hashable, now: float) -> bool:
        """Count one, unless that is too many; `now` is on a clock that nobody sets."""
        came = self._came_of(who, now)
        self._forget(came, now)
        self._forget(self._all, now)
        if len(came) >= self._of_one:
            return False
        if self._of_all is not None and len(self._all) >= self._of_all:
            return False
        # What is refused isn't counted, or a flood would bar its person for good.
        came.append(now)
        if self._of_all is not None:
            self._all.append(now)
        return True

    def _forget(self, came: collections.deque[float], now: float) -> None:
        """Take out what came before the time that counts."""
        while came and now - came[0] >= self._within_s:
            came.popleft()

    def _came_of(self, who: Hashable, now: float) -> collections.deque[float]:
        """Return when those of one came."""
        if len(self._came) > MOST_COUNTED:
            quiet = now - self._within_s
            self._came = {
                one: came for one, came in self._came.items() if came and came[-1] > quiet
            }
        return self._came.setdefault(who, collections.deque())
