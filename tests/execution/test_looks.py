"""When the servers of runs are looked at: for the last call of a wave, and together."""

from __future__ import annotations

import asyncio
import pathlib

from bot.power.lifecycle import State
from bot.power.request import Action
from bot.sandbox import data_centre
from tests.execution import world
from tests.support import virtual

POLL_FIRST_S = 2.0


def lists(here: world.World) -> list[float]:
    """Return when lists were read since the first power call."""
    first = here.centre.power_calls()[0].at
    listed = data_centre.Operation.LIST
    return [entry.at for entry in here.centre.log if entry.operation is listed and entry.at > first]


@virtual.on_given_time
async def test_the_end_of_a_long_wave_is_looked_for_from_its_last_call(
    tmp_path: pathlib.Path,
) -> None:
    """Counted from the first call, a look might come just before the last servers are over."""
    pace = data_centre.Pace(POLL_FIRST_S, spread=0.0, jitter=0.0)
    resting = data_centre.Power.ON
    async with world.opened(tmp_path, 1_000, pace=pace, resting=resting, round_trip_s=0.3) as here:
        found, _ = await here.carried_out(Action.OFF, here.ready(1_000))
        sent = [entry.at for entry in here.centre.power_calls()]

        assert found.state is State.SUCCEEDED
        assert sent[-1] - sent[0] > 2 * POLL_FIRST_S
        after = [at for at in lists(here) if at > sent[-1]]
        assert len(after) == 1
        assert POLL_FIRST_S <= after[0] - sent[-1] <= POLL_FIRST_S + 0.3 + 0.01


@virtual.on_given_time
async def test_a_run_that_waits_for_a_look_waits_for_the_last_call_of_another(
    tmp_path: pathlib.Path,
) -> None:
    """One look shows the end of both."""
    pace = data_centre.Pace(1.5, spread=0.0, jitter=0.0)
    async with world.opened(tmp_path, 120, pace=pace, resting=data_centre.Power.ON) as here:
        names = here.ready(120)
        ids = [await here.approved(Action.OFF, some) for some in (names[:60], names[60:])]
        tasks = []
        for _ in ids:
            tasks.append(asyncio.create_task(here.drive(await here.claimed())))
            await here.clock.sleep(1.2)
        await asyncio.gather(*tasks)

        assert [(await here.ended(id_))[0].state for id_ in ids] == [State.SUCCEEDED] * 2
        assert len(here.calls()) == 4
        assert len(lists(here)) == 1
