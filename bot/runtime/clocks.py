"""The machine's clocks, and the poll intervals and lease times of one process."""

from __future__ import annotations

import asyncio
import dataclasses
import time

import structlog

from bot.power import ports

log = structlog.get_logger()


def _ticks() -> float:
    """Return the monotonic clock, which goes on while the machine sleeps where that is known."""
    # Plain monotonic time stands still in a suspended machine, and a lease must run out there too
    # ("clock_gettime(2)"); macOS has no such clock.
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)


class SystemClock:
    """Implements `ports.Clock`."""

    def now(self) -> float:
        """Return the wall clock in seconds since the epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds on a clock that nobody sets."""
        return _ticks()

    async def sleep(self, seconds: float) -> None:
        """Wait so many seconds while other tasks run."""
        await asyncio.sleep(seconds)


# Walls that differ by less are the same one, a little slower or faster.
STEP_S = 1.0  # In seconds.
# A wall clock that was set is believed when it has stayed there for so long: sooner where that
# only makes deadlines come earlier, later where they would be counted a second time.
FORWARD_S = 600.0  # Ten minutes in seconds.
BACK_S = 3600.0  # An hour in seconds.
# A wall that another's clock shows to be further off than this is wrong from the start: machines
# boot before their clock is set.
WRONG_S = 60.0
# Settings of the wall that were believed once, and are believed at once when it comes back.
MOST_REMEMBERED = 10


class SteadyClock:
    """A clock that a wall clock which jumps, and comes back, doesn't move.

    Deadlines are instants in the store, so that they outlive the process; within it the monotonic
    clock carries them on. A wall that was set for good is followed after a while, and one that
    comes back to where it was is followed at once.
    """

    def __init__(self, clock: ports.Clock, off_s: float = 0.0) -> None:
        """`off_s` is by how many seconds the wall is ahead of another's clock."""
        self._clock = clock
        seen = clock.now() - clock.monotonic()
        # A setting that is known to be wrong is never followed, however long it stays.
        self._wrong = seen if abs(off_s) > WRONG_S else None
        # What is added to the monotonic clock: now, at the start, and at times before.
        self._ahead = seen if self._wrong is None else seen - off_s
        self._first = self._ahead
        if self._wrong is not None:
            log.error("clock.wrong", ahead_s=round(off_s), fix="turn on time synchronisation (NTP)")
        self._before: list[float] = []
        self._doubted: tuple[float, float] | None = None

    def now(self) -> float:
        """Return the wall clock in seconds since the epoch, or where it should be by now."""
        wall, ticks = self._clock.now(), self._clock.monotonic()
        self._look_at(wall - ticks, ticks)
        return ticks + self._ahead

    def readings(self) -> tuple[float, ...]:
        """Return every instant that it may be: as we have it, by the wall, and by the start.

        What must not end early, like a freeze, has ended only when it has by all of them.
        """
        return (self.now(), self._clock.now(), self._clock.monotonic() + self._first)

    def _look_at(self, seen: float, ticks: float) -> None:
        """Follow the wall where it can be believed; `seen` is how far it is ahead of the ticks."""
        if _same(seen, self._ahead):
            self._ahead, self._doubted = seen, None
        elif self._wrong is not None and _same(seen, self._wrong):
            # It may drift, and is the same all the while.
            self._wrong, self._doubted = seen, None
        elif any(_same(seen, old) for old in self._before):
            self._believe(seen)
        elif self._doubted is None or not _same(seen, self._doubted[0]):
            self._doubted = (seen, ticks)
        elif ticks - self._doubted[1] >= (FORWARD_S if seen > self._ahead else BACK_S):
            self._believe(seen)

    def _believe(self, seen: float) -> None:
        self._before = [*self._before, self._ahead][-MOST_REMEMBERED:]
        self._ahead, self._doubted = seen, None

    @property
    def wall(self) -> ports.Clock:
        """The clock below, which signatures must be dated by."""
        return self._clock

    def monotonic(self) -> float:
        """Return seconds on a clock that nobody sets."""
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait so many seconds by the clock below."""
        await self._clock.sleep(seconds)


def _same(one: float, other: float) -> bool:
    """Whether two settings of the wall are the same."""
    return abs(one - other) < STEP_S


@dataclasses.dataclass(frozen=True, slots=True)
class Paces:
    """The process's own waits, in seconds; those of CloudDC and of cards are settings."""

    # A process that is silent for this long has lost what it held: any other goes on with it.
    lease_s: float = 30.0
    renew_s: float = 10.0  # Twice within a lease, so that one may fail.
    # A power call leaves within this part of its lease, or not at all.
    leave_s: float = 10.0
    # How often requests and messages that are due are looked for when nobody wakes the loop.
    look_s: float = 1.0
    sweep_s: float = 5.0  # How often payloads of dead processes are looked for.
    stop_s: float = 25.0  # A stop takes no longer, since platforms kill after 30 s.
    posts_per_s: float = 1.0  # What Slack takes in one channel ("Rate limits").

    @property
    def post_s(self) -> float:
        """For how long a post of a lease may leave: the other half is for Slack's answer.

        What leaves later may be another process's by then.
        """
        return self.lease_s / 2


USUAL = Paces()
