"""Work that is shared by all who wait: they outlive it, and it outlives each of them."""

from __future__ import annotations

import asyncio

import pytest

from bot.runtime import single_flight
from tests.support import ticks


async def never(_: single_flight.Began) -> str:
    """Work that doesn't end by itself."""
    await asyncio.Event().wait()
    return "never"


async def test_waiter_learns_that_the_work_was_stopped_and_goes_on() -> None:
    """It isn't cancelled with it: whoever asked would hear nothing, and no line would say why."""
    flights = single_flight.SingleFlight(never, ticks.GivenClock())
    waiting = asyncio.create_task(flights.result())
    await ticks.settle()

    await flights.aclose()

    with pytest.raises(single_flight.FlightStopped):
        await waiting
    assert not waiting.cancelled()


async def test_waiter_that_gives_up_leaves_the_work_to_the_others() -> None:
    """One question that ran out of patience doesn't cost the next one its answer."""
    gate = asyncio.Event()

    async def work(_: single_flight.Began) -> str:
        await gate.wait()
        return "done"

    flights = single_flight.SingleFlight(work, ticks.GivenClock())
    waiting = [asyncio.create_task(flights.result()) for _ in range(2)]
    await ticks.settle()

    waiting[0].cancel()
    await ticks.settle()
    gate.set()

    assert await waiting[1] == "done"
    assert waiting[0].cancelled()
