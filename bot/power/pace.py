"""How fast records are read again while servers change: fast at first, then ever more slowly."""

from __future__ import annotations

import random as randomness

GROWTH = 1.5
JITTER = 0.2


class Pace:
    """Delays in seconds: `first_s`, then half as long again each time up to `cap_s`.

    Each is spread by a fifth either way, so that watchers don't read in step.
    """

    def __init__(self, first_s: float, cap_s: float, random: randomness.Random) -> None:
        self._first_s = first_s
        self._cap_s = cap_s
        self._random = random
        self._delay_s = first_s

    def next(self) -> float:
        """Return how long to wait before the next look."""
        delay_s = min(self._delay_s, self._cap_s)
        self._delay_s = delay_s * GROWTH
        return delay_s * self._random.uniform(1 - JITTER, 1 + JITTER)

    def reset(self) -> None:
        """Start fast again: a new call went out."""
        self._delay_s = self._first_s
