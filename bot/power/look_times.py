"""How fast records are read again while servers change: fast at first, then ever more slowly."""

from __future__ import annotations

import math
import random as randomness

GROWTH = 1.5
JITTER = 0.2
# Servers that have kept everybody waiting for this long are looked at half as often.
LONG_S = 180.0
# A timer may fire a little early; what is due so soon is due now.
EARLY_S = 0.01


class Pace:
    """Delays in seconds: `first_s`, then half as long again each time up to `cap_s`.

    Each is spread by a fifth either way, so that watchers don't read in step.
    """

    def __init__(self, first_s: float, cap_s: float, random: randomness.Random) -> None:
        self._first_s = first_s
        self._cap_s = cap_s
        self._random = random
        self._delay_s = first_s

    def next(self, *, slow: bool = False) -> float:
        """Return how long to wait before the next look; `slow` doubles the longest wait."""
        delay_s = min(self._delay_s, self._cap_s * 2 if slow else self._cap_s)
        self._delay_s = min(self._delay_s * GROWTH, self._cap_s * 2)
        return delay_s * self._random.uniform(1 - JITTER, 1 + JITTER)

    def reset(self) -> None:
        """Start fast again: a new call went out."""
        self._delay_s = self._first_s


class Rhythm:
    """When all runs of a process look at their servers: together, so that they share a sweep.

    A call that goes out makes everybody look fast again. Times are of the monotonic clock.
    """

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._called_at = -math.inf
        self._due_at = -math.inf

    def called(self, now: float) -> None:
        """Note that a call went out: its servers are looked at soon."""
        self._called_at = now
        self._pace.reset()
        soon = now + self._pace.next()
        self._due_at = soon if self._due_at <= now else min(soon, self._due_at)

    def due_at(self, now: float) -> float:
        """Return when the next look is due, later than now: one that was due has been made.

        The time counts from when that one was due, unless looking took most of it.
        """
        if self._due_at <= now + EARLY_S:
            delay_s = self._pace.next(slow=now - self._called_at >= LONG_S)
            looked_s = now - self._due_at
            self._due_at = now + delay_s - (looked_s if 0.0 < looked_s < delay_s / 2 else 0.0)
        return self._due_at
