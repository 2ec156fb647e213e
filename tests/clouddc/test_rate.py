"""The bucket keeps the rate, lets power calls go first, and slows down when it is told to."""

from __future__ import annotations

import asyncio

import pytest

from bot.clouddc import throttle
from bot.clouddc.throttle import Priority
from tests.support import ticks


async def taken(
    bucket: throttle.Bucket, clock: ticks.GivenClock, *, within_s: float
) -> list[float]:
    """The instants at which somebody who never stops asking gets tokens."""
    found: list[float] = []

    async def ask() -> None:
        while True:
            found.append(await bucket.take(Priority.READ))

    asking = asyncio.create_task(ask())
    await clock.pass_s(within_s)
    asking.cancel()
    return found


async def test_bucket_spaces_calls_evenly() -> None:
    """Five a second is one each 200 ms, the first at once."""
    clock = ticks.HandClock()

    found = await taken(throttle.Bucket(5.0, clock), clock, within_s=1.0)

    assert found == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])


async def test_bucket_saves_up_one_token_only() -> None:
    """A long rest earns no burst."""
    clock = ticks.HandClock()
    bucket = throttle.Bucket(5.0, clock)
    await clock.pass_s(3600.0)

    found = await taken(bucket, clock, within_s=0.3)

    assert found == pytest.approx([3600.0, 3600.2])


async def test_power_call_goes_ahead_of_reads_that_wait() -> None:
    """A power call that comes last is served first."""
    clock = ticks.HandClock()
    bucket = throttle.Bucket(1.0, clock)
    await bucket.take(Priority.READ)
    order: list[str] = []

    async def ask(name: str, priority: Priority) -> None:
        await bucket.take(priority)
        order.append(name)

    async with asyncio.TaskGroup() as group:
        for name in ("read 1", "read 2"):
            group.create_task(ask(name, Priority.READ))
        await clock.pass_s(0.5)
        group.create_task(ask("power", Priority.POWER))
        await clock.pass_s(5.0)

    assert order == ["power", "read 1", "read 2"]


async def test_caller_who_gives_up_leaves_the_queue() -> None:
    """A place in the queue isn't kept for somebody who has gone."""
    clock = ticks.HandClock()
    bucket = throttle.Bucket(1.0, clock)
    await bucket.take(Priority.POWER)
    gone = asyncio.create_task(bucket.take(Priority.POWER))
    await clock.pass_s(0.1)

    gone.cancel()
    await asyncio.wait({gone})

    assert bucket.wait_s() == pytest.approx(0.9)


async def test_bucket_halves_its_rate_once_for_calls_under_way_together() -> None:
    """Several 429s to calls that were sent together count as one; a later one counts again."""
    clock = ticks.HandClock()
    bucket = throttle.Bucket(8.0, clock)
    first = await bucket.take(Priority.READ)
    await clock.pass_s(1.0)

    bucket.throttled(first, None)
    bucket.throttled(first, None)
    once = bucket.rate_per_s
    bucket.throttled(clock.monotonic(), None)

    assert once == pytest.approx(4.0)
    assert bucket.rate_per_s == pytest.approx(2.0)


async def test_bucket_recovers_slowly_to_its_full_rate() -> None:
    """A minute without 429 brings the whole rate back, half a minute a half of it."""
    clock = ticks.HandClock()
    bucket = throttle.Bucket(8.0, clock)
    bucket.throttled(clock.monotonic(), None)

    await clock.pass_s(15.0)
    partly = bucket.rate_per_s
    await clock.pass_s(60.0)

    assert partly == pytest.approx(6.0)
    assert bucket.rate_per_s == 8.0


async def test_bucket_lets_nobody_pass_before_the_hint() -> None:
    """`Retry-After` holds everybody back, power calls too, and grants no burst afterwards."""
    clock = ticks.HandClock()
    bucket = throttle.Bucket(2.0, clock)

    bucket.throttled(clock.monotonic(), 7.0)
    found = await taken(bucket, clock, within_s=9.5)

    assert found[0] == pytest.approx(8.0)
    assert found[1] - found[0] > 0.5


async def test_bucket_never_slows_to_a_halt() -> None:
    """However many 429s come, a sixteenth of the rate remains."""
    clock = ticks.HandClock()
    bucket = throttle.Bucket(16.0, clock)

    for _ in range(50):
        bucket.throttled(clock.monotonic(), None)

    assert bucket.rate_per_s == pytest.approx(1.0)
