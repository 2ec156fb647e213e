"""Twenty operations at once beside one: they share what is read, and what Slack lets them say."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncGenerator

from bot.sandbox.data_centre.api import routing
from tests.benchmarks import stage
from tests.benchmarks.operation import UPDATE_PACE_S
from tests.benchmarks.rows import Profile, Row, ratios

FLEET, MANY = 1_000, 20
# Looks come about every second: an operation may end anywhere between two of them.
DEVICE_S = (5.0, 5.25, 5.5, 5.75, 6.0)
# Long enough for cards that have to wait for their turn.
LONG_S = 15.0
MOST_UPDATES = 40
MINUTE_S = 60.0


@dataclasses.dataclass(frozen=True)
class Counted:
    """List calls from the first power call on, most edits in a minute, and calls refused as 429."""

    lists: int
    edits: int
    refused: int


async def rows(profile: Profile) -> AsyncGenerator[Row]:
    """Run one operation and twenty at once in turns, on fleets that are the same."""
    one, many = [], []
    for duration_s in DEVICE_S if profile.full else DEVICE_S[:1]:
        one.append(await _operate(1, duration_s))
        many.append(await _operate(MANY, duration_s))
    beside = ", ".join(f"{b.lists} beside {a.lists}" for a, b in zip(one, many, strict=True))
    yield Row(
        f"{MANY} operations at once: list calls",
        "one operation's",
        ratios([found.lists for found in many], [found.lists for found in one]),
        bar=1.0,
        note=f"{beside}; one page each",
    )
    long = await _operate(MANY, LONG_S)
    yield Row(
        f"{MANY} operations at once: edits in the busiest minute",
        f"{MOST_UPDATES} a minute",
        (long.edits / MOST_UPDATES,),
        bar=1.0,
        note=f"{long.edits} edits, {long.refused} calls refused by the limits of Slack",
    )


async def _operate(operations: int, duration_s: float) -> Counted:
    """Carry operations of the same size out at once, each with a power call of its own."""
    async with stage.playing(FLEET, duration_s=duration_s) as playing:
        plans = [
            await playing.plan(f"/power off srv-{number + 1:03}-* because benchmark")
            for number in range(operations)
        ]
        await asyncio.gather(*(playing.request(plan) for plan, _ in plans))
        ends = {"succeeded"}
        await playing.until(lambda: all(state in ends for state, _ in playing.rows()) or None)
        await asyncio.sleep(UPDATE_PACE_S + 1)
        if playing.puts != operations:
            raise RuntimeError(f"{playing.puts} power calls of {operations} operations")
        first = playing.centre.power_calls()[0].at
        listed = routing.Operation.LIST
        lists = sum(e.operation is listed and e.at >= first for e in playing.centre.log)
        edits = [call.at for call in playing.slack.calls("chat.update")]
        busiest = max(
            (sum(at <= other < at + MINUTE_S for other in edits) for at in edits), default=0
        )
        refused = sum(call.status == 429 for call in playing.slack.calls())
    return Counted(lists, busiest, refused)
