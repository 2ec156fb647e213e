"""How often records are read again while servers change: often at first, then backing off."""

from __future__ import annotations

import dataclasses
import math
import random as randomness

GROWTH = 1.5  # Of each delay over the one before.
JITTER = 0.2  # A fifth either way.
# Servers that have kept everybody waiting for this long are polled half as often.
LONG_S = 180.0
# A timer may fire a little early; what is due so soon is due now.
EARLY_S = 0.01


class Backoff:
    """Delays in seconds: `first_s`, then half as long again each time up to `cap_s`.

    Each is spread by a fifth either way, so that watchers don't read in step.
    """

    def __init__(self, first_s: float, cap_s: float, random: randomness.Random) -> None:
        self.first_s = first_s
        self._cap_s = cap_s
        self._random = random
        self._delay_s = first_s

    def next(self, *, slow: bool = False) -> float:
        """Return how long to wait before the next poll; `slow` doubles the longest wait."""
        delay_s = min(self._delay_s, self._cap_s * 2 if slow else self._cap_s)
        # Grows to twice the cap, which only slow polls use.
        self._delay_s = min(self._delay_s * GROWTH, self._cap_s * 2)
        return delay_s * self._random.uniform(1 - JITTER, 1 + JITTER)

    def reset(self) -> None:
        """Start fast again: a new call went out."""
        self._delay_s = self.first_s


@dataclasses.dataclass
class Poll:
    """A poll that is due at this time, for all who wait for it; it may be put off meanwhile."""

    at: float


class Schedule:
    """When all runs of a process poll their servers: together, so that they share a sweep.

    A call that goes out makes everybody poll fast again. Times are of the monotonic clock.
    """

    def __init__(self, pace: Backoff) -> None:
        self._pace = pace
        self._called_at = -math.inf
        self._next = Poll(-math.inf)
        # One wave after another could put a poll off for ever.
        self._at_the_latest = -math.inf

    def called(self, now: float) -> None:
        """Note that the first call of a wave went out: its servers are polled soon."""
        self._called_at = now
        self._pace.reset()
        soon = now + self._pace.next()
        if self._next.at <= now:
            self._plan(soon)
        # The object stays the same, since others are waiting on it.
        elif soon < self._next.at:
            self._next.at = soon
            self._at_the_latest = min(self._at_the_latest, soon + self._pace.first_s)

    def sent(self, now: float) -> None:
        """Note that the last call of a wave went out: the next poll waits for its servers too.

        It comes neither sooner nor later than the first poll of a single call. A poll that was
        due before that would only be repeated, so it is put off: once, however many waves end
        before it.
        """
        wanted = now + self._pace.first_s
        if self._next.at <= now:
            self._plan(wanted)
        else:
            self._next.at = min(wanted, self._at_the_latest)

    def next(self, now: float) -> Poll:
        """Return the next poll, due later than now: one that was due has been made.

        The time counts from when that one was due, unless polling took most of it.
        """
        if self._next.at <= now + EARLY_S:
            delay_s = self._pace.next(slow=now - self._called_at >= LONG_S)
            polled_s = now - self._next.at
            self._plan(now + delay_s - (polled_s if 0.0 < polled_s < delay_s / 2 else 0.0))
        return self._next

    def _plan(self, at: float) -> None:
        """Schedule a new poll; whoever waits for the one before is unaffected."""
        self._next = Poll(at)
        self._at_the_latest = at + self._pace.first_s


def usual(first_s: float = 2.0, cap_s: float = 15.0) -> Schedule:
    """Return a schedule that all runs of a process can share."""
    return Schedule(Backoff(first_s, cap_s, randomness.Random()))
