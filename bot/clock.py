"""The machine's clocks, as everything that waits is given them."""

from __future__ import annotations

import asyncio
import time

from bot.power import ports


class SystemClock:
    """Implements `ports.Clock`."""

    def now(self) -> float:
        """Return the wall clock in seconds since the epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds on a clock that nobody sets."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class SteadyClock:
    """A clock whose wall time never goes back and never falls behind the monotonic one.

    Deadlines are instants in the store, so that they outlive the process; within it a wall clock
    that is set back must not make them later. Whichever clock reaches an instant first, wins.
    """

    def __init__(self, clock: ports.Clock) -> None:
        self._clock = clock
        self._wall, self._ticks = clock.now(), clock.monotonic()

    def now(self) -> float:
        """Return the wall clock in seconds since the epoch, or where it should be by now."""
        wall, ticks = self._clock.now(), self._clock.monotonic()
        self._wall = max(wall, self._wall + max(0.0, ticks - self._ticks))
        self._ticks = ticks
        return self._wall

    @property
    def wall(self) -> ports.Clock:
        """The clock below, which signatures must be dated by."""
        return self._clock

    def monotonic(self) -> float:
        """Return seconds on a clock that nobody sets."""
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._clock.sleep(seconds)
