"""How fast CloudDC is asked: a token bucket in which power calls go ahead of reads.

CloudDC documents no rate limit, so the rate is a setting; a 429 halves it and it recovers slowly.
Time is given in: the bucket never looks at a clock of its own.
"""

from __future__ import annotations

import bisect
import enum
import itertools

from bot.power import ports

# The rate halves no further than this part of the full one, and is whole again after a minute.
FLOOR = 1 / 16
RECOVERY_S = 60.0
# A timer may fire a little early; without a least wait the loop would spin until it is due.
LEAST_WAIT_S = 0.001


class Priority(enum.IntEnum):
    """Who goes first when the bucket is empty."""

    POWER = 0
    READ = 1


class Bucket:
    """Lets `rate_per_s` calls a second pass, evenly spaced: it saves up one token and no more."""

    def __init__(self, rate_per_s: float, clock: ports.Clock) -> None:
        self._full = rate_per_s
        self._rate = rate_per_s
        self._clock = clock
        self._tokens = 1.0
        # Tokens were counted at this instant; in the future while a 429's hint holds all back.
        self._counted_at = clock.monotonic()
        self._halved_at = float("-inf")
        self._queue: list[tuple[Priority, int]] = []
        self._tickets = itertools.count()

    @property
    def rate_per_s(self) -> float:
        """The rate of this moment."""
        self._refill()
        return self._rate

    async def take(self, priority: Priority) -> float:
        """Wait for a token and return the instant (monotonic) at which it was taken."""
        ticket = (priority, next(self._tickets))
        bisect.insort(self._queue, ticket)
        try:
            while (wait_s := self._wait_s(self._queue.index(ticket))) > 0:
                await self._clock.sleep(max(wait_s, LEAST_WAIT_S))
            self._tokens -= 1
            return self._clock.monotonic()
        finally:
            self._queue.remove(ticket)

    def wait_s(self) -> float:
        """Return about how long somebody who came now would wait."""
        return self._wait_s(len(self._queue))

    def throttled(self, taken_at: float, hint_s: float | None) -> None:
        """Note a 429 to a call whose token was taken at `taken_at`; nobody passes before the hint.

        Calls that were under way together halve the rate once.
        """
        self._refill()
        now = self._clock.monotonic()
        if taken_at >= self._halved_at:
            self._rate = max(self._rate / 2, self._full * FLOOR)
            self._halved_at = now
        self._tokens = 0.0
        self._counted_at = max(self._counted_at, now + (hint_s or 0.0))

    def _refill(self) -> None:
        now = self._clock.monotonic()
        passed_s = now - self._counted_at
        if passed_s > 0:
            self._tokens = min(1.0, self._tokens + passed_s * self._rate)
            self._rate = min(self._full, self._rate + self._full * passed_s / RECOVERY_S)
            self._counted_at = now

    def _wait_s(self, ahead: int) -> float:
        """Return how long it takes until those ahead and one more have their tokens."""
        self._refill()
        held_s = max(0.0, self._counted_at - self._clock.monotonic())
        missing = ahead + 1 - self._tokens
        # Sums of floating-point seconds miss a whole token by less than this.
        return held_s + (missing / self._rate if missing > 1e-9 else 0.0)
