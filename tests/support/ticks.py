"""Clocks of the tests: time passes when somebody waits, or only when a test says so."""

from __future__ import annotations

import asyncio
import datetime
import heapq
import itertools
from collections.abc import Awaitable, Callable

from bot.runtime import clocks

START = 1_800_000_000.0

Hook = Callable[[], Awaitable[object]]


class GivenClock:
    """A clock on which a wait takes no time, only moves it on; the wall may be set apart.

    `start` is the wall at the beginning, in seconds since the epoch; `slept` has every wait.
    `before_wait` and `after_wait` happen around each wait, and may raise.
    """

    def __init__(self, start: float = START) -> None:
        self.start = start
        self.passed_s = 0.0
        self.set_s = 0.0
        self.slept: list[float] = []
        self.before_wait: Hook | None = None
        self.after_wait: Hook | None = None

    def now(self) -> float:
        """Return the wall clock, as somebody may have set it."""
        return self.start + self.passed_s + self.set_s

    def monotonic(self) -> float:
        """Return the seconds that have passed, by the clock that nobody sets."""
        return self.passed_s

    def wall(self) -> datetime.datetime:
        """Return the time of day that belongs to the seconds that have passed."""
        return datetime.datetime.fromtimestamp(self.start + self.passed_s, datetime.UTC)

    async def sleep(self, seconds: float) -> None:
        """Move on, and let the others run."""
        if self.before_wait is not None:
            await self.before_wait()
        self.slept.append(seconds)
        self.passed_s += max(0.0, seconds)
        await asyncio.sleep(0)
        if self.after_wait is not None:
            await self.after_wait()

    async def pass_s(self, seconds: float) -> None:
        """Let time pass."""
        self.passed_s += seconds


class HandClock(GivenClock):
    """Time that moves only when a test says so; whoever sleeps wakes when it is due."""

    def __init__(self, start: float = START) -> None:
        super().__init__(start)
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()

    async def sleep(self, seconds: float) -> None:
        """Wait until the time has passed."""
        due: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.passed_s + seconds, next(self._numbers), due))
        await due

    async def pass_s(self, seconds: float) -> None:
        """Let time pass, and everybody who is due go on, in the order of their times."""
        end = self.passed_s + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            at, _, due = heapq.heappop(self._sleepers)
            self.passed_s = max(self.passed_s, at)
            if not due.done():
                due.set_result(None)
            await settle()
        self.passed_s = end
        await settle()


async def settle() -> None:
    """Let everything go on that needs no more than its turn."""
    for _ in range(50):
        await asyncio.sleep(0)


def faster(usual: clocks.Paces, factor: float) -> clocks.Paces:
    """Return the same waits, each divided by a factor; the stop keeps its time."""
    return clocks.Paces(
        lease_s=usual.lease_s / factor,
        renew_s=usual.renew_s / factor,
        leave_s=usual.leave_s / factor,
        look_s=max(0.05, usual.look_s / factor),
        sweep_s=usual.sweep_s / factor,
        stop_s=usual.stop_s,
        posts_per_s=usual.posts_per_s * factor,
    )
