"""One at a time, shared by all who wait: work that costs calls and whose result fits everybody."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from bot.power import ports

T = TypeVar("T")
# How far the wall clock may seem to have been set back before nothing old is shared any more.
CLOCK_STEP_S = 0.05  # In seconds.


class FlightStopped(Exception):
    """What was waited for has been stopped, by `aclose`; the one who waits lives on."""


@dataclasses.dataclass(frozen=True, slots=True)
class Began:
    """When something began: `at` in seconds since the epoch, `ticks` by the monotonic clock."""

    at: float
    ticks: float

    @classmethod
    def now(cls, clock: ports.Clock) -> Began:
        """Return this instant, by both clocks."""
        return cls(clock.now(), clock.monotonic())

    def age_s(self, clock: ports.Clock) -> float:
        """Return the seconds since, by the clock that nobody sets."""
        return clock.monotonic() - self.ticks

    def is_since(self, not_before: float, clock: ports.Clock) -> bool:
        """Whether this was at `not_before` or later.

        Both clocks must agree: after a wall clock was set back, an old instant lies in the future.
        """
        allowed_s = clock.now() - not_before + CLOCK_STEP_S
        return self.at >= not_before and self.age_s(clock) <= allowed_s


@dataclasses.dataclass(frozen=True, slots=True)
class _Flight(Generic[T]):
    number: int
    began: Began
    task: asyncio.Task[T]


class SingleFlight(Generic[T]):
    """Runs `work` once for all who want its result at the same time.

    `work` is told when it began. A caller who gives up doesn't stop it for the others.
    """

    def __init__(self, work: Callable[[Began], Coroutine[Any, Any, T]], clock: ports.Clock) -> None:
        self._work = work
        self._clock = clock
        self._flight: _Flight[T] | None = None
        self._number = 0

    async def result(self, may_join: Callable[[Began], bool] = lambda began: True) -> T:
        """Return the result of the flight under way, if `may_join` says so, else of the next.

        The next one begins when the present one has ended, and is shared by all who wait for it.

        Raises:
            FlightStopped: it was stopped. A task that got the cancellation of another as its own
                would end without a word to anybody.
        """
        # A flight that begins after this question is new enough whatever the caller wants.
        last_seen = self._number
        while True:
            flight = self._under_way() or self._begin()
            if flight.number > last_seen or may_join(flight.began):
                # One caller who is cancelled must not take the answer from the others.
                return await _landed(flight.task)
            await asyncio.wait({flight.task})

    async def aclose(self) -> None:
        """Stop the flight under way."""
        flight = self._under_way()
        if flight is not None:
            flight.task.cancel()
            await asyncio.wait({flight.task})

    def _under_way(self) -> _Flight[T] | None:
        return self._flight if self._flight and not self._flight.task.done() else None

    def _begin(self) -> _Flight[T]:
        self._number += 1
        began = Began.now(self._clock)
        task = asyncio.create_task(self._work(began))
        task.add_done_callback(_look_at)
        self._flight = _Flight(self._number, began, task)
        return self._flight


async def _landed(task: asyncio.Task[T]) -> T:
    """Wait for a flight, and tell its end from the end of who waits."""
    await asyncio.wait({task})
    if task.cancelled():
        raise FlightStopped
    return task.result()


def _look_at(task: asyncio.Task[Any]) -> None:
    # When everybody has given up waiting, asyncio would report the error as never looked at.
    if not task.cancelled():
        task.exception()
