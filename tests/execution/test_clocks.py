"""A wall clock that is set in mid-run, and comes back: nothing of it is left in the run."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime
import pathlib
from collections.abc import AsyncIterator

import pytest

from bot.execution import gate
from bot.power import ports
from bot.power.lifecycle import ServerState, State
from bot.power.policy import policy
from bot.power.request import Action
from bot.power.run import runs, settling
from bot.runtime import clocks
from bot.sandbox import data_centre
from tests.execution import world
from tests.support import leases, ticks, virtual

HOUR_S = 3600.0


@contextlib.asynccontextmanager
async def opened(
    folder: pathlib.Path, *, steady: bool, rules: policy.Policy = policy.EMPTY
) -> AsyncIterator[tuple[world.World, virtual.VirtualClock]]:
    """Open a world whose process lives by a wall that can be set."""
    async with world.opened(folder, pace=data_centre.Pace(30.0, 0.0, 0.0)) as here:
        wall = virtual.VirtualClock(asyncio.get_running_loop())
        clock: ports.Clock = clocks.SteadyClock(wall) if steady else wall
        power = world.cloud_power(here.line, clock)
        acts = world.acting(here.store, power, clock, rules=rules)
        try:
            yield dataclasses.replace(here, power=power, context=acts), wall
        finally:
            await power.aclose()


@pytest.mark.parametrize("jump_s", [HOUR_S, -HOUR_S])
@pytest.mark.parametrize("steady", [True, False])
@virtual.on_given_time
async def test_a_run_under_way_outlives_a_wall_that_is_set_for_a_minute(
    steady: bool, jump_s: float, tmp_path: pathlib.Path
) -> None:
    """Its deadlines are of the clock that nobody sets: a cycle leaves nobody off."""
    async with opened(tmp_path, steady=steady) as (here, wall):
        id_ = await here.approved(Action.CYCLE, here.ready(2))
        task = asyncio.create_task(here.drive(await here.claimed()))
        while not here.calls():
            await here.clock.sleep(0.1)
        wall.set_s = jump_s
        await here.clock.sleep(10.0)
        wall.set_s = 0.0
        await task

        found, rows = await here.ended(id_)
        assert found.state is State.SUCCEEDED
        assert here.calls() == [2, 2]
        assert {row.state for row in rows.values()} == {ServerState.PROVEN}


@virtual.on_given_time
async def test_a_run_taken_over_while_the_wall_is_set_forward_is_still_looked_at(
    tmp_path: pathlib.Path,
) -> None:
    """The wall says that its deadline has passed long ago; the record says what happened."""
    async with opened(tmp_path, steady=False) as (here, wall):
        id_ = await here.approved(Action.OFF, here.ready(1))
        task = asyncio.create_task(here.drive(await here.claimed()))
        while not here.calls():
            await here.clock.sleep(0.1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await leases.end_all(here.store)
        wall.set_s = HOUR_S

        await here.drive(await here.claimed())

        found, _ = await here.ended(id_)
        assert found.state is State.SUCCEEDED


@pytest.mark.parametrize("jump_s", [2 * HOUR_S, -2 * HOUR_S])
@virtual.on_given_time
async def test_a_freeze_of_the_policy_holds_by_every_clock(
    jump_s: float, tmp_path: pathlib.Path
) -> None:
    """Set out of its window, either way, the wall doesn't end it; time does."""
    start = datetime.datetime.fromtimestamp(ticks.START, datetime.UTC)
    hour = datetime.timedelta(hours=1)
    window = policy.FreezeWindow("move", start - hour, start + hour, frozenset(Action), ())
    rules = dataclasses.replace(policy.EMPTY, freezes=(window,))
    async with opened(tmp_path, steady=True, rules=rules) as (here, wall):
        id_ = await here.approved(Action.OFF, here.ready(1))
        found, _ = await here.ended(id_)
        going = runs.Run(found, await here.claimed(), {})

        wall.set_s = jump_s
        assert not gate.may_intend(here.context, going)
        await here.clock.sleep(60.0)
        wall.set_s = 0.0
        assert not gate.may_intend(here.context, going)
        await here.clock.sleep(HOUR_S)
        assert gate.may_intend(here.context, going)


def test_a_call_taken_over_counts_from_when_it_was_sent_and_leaves_time_for_a_look() -> None:
    """Neither a wall in the past nor one in the future makes more, or nothing, of its deadline."""
    limits = settling.WatchLimits(settle_s=60.0, power_s=600.0, reboot_s=1200.0)
    row = ports.RunServer("id", "web01", sent_at=1000.0)

    def elapsed(action: Action, now: float) -> float:
        return 50.0 - runs.sent_before(row, limits, action, now=now, ticks=50.0)

    assert elapsed(Action.OFF, 1100.0) == 100.0
    assert elapsed(Action.OFF, 0.0) == 0.0
    assert elapsed(Action.OFF, 99999.0) == 540.0
    assert elapsed(Action.REBOOT, 99999.0) == 1140.0
