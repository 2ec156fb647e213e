"""A reboot of which nobody knows is told in the plan of the next one."""

from __future__ import annotations

import pathlib

from bot.power.request import Action
from bot.sandbox.data_centre import CallFaultKind, CallKind
from bot.workflow import planner
from tests.execution import world
from tests.support import virtual


@virtual.on_given_time
async def test_a_plan_knows_which_reboots_may_have_happened(tmp_path: pathlib.Path) -> None:
    """Until one is proven; another action doesn't settle it."""
    async with world.opened(tmp_path) as here:
        names = here.ready(2)
        ids = [here.centre.machine(name).server.id for name in names]
        here.centre.queue_fault(CallFaultKind.DROP_BEFORE, CallKind.POWER, 1)
        lost, _ = await here.carried_out(Action.REBOOT, names)

        first = await here.store.read(lambda tx: planner.unknown_reboots(tx, here.clock.now(), ids))
        await here.carried_out(Action.REBOOT, names[:1])
        second = await here.store.read(
            lambda tx: planner.unknown_reboots(tx, here.clock.now(), ids)
        )

        assert first == dict.fromkeys(ids, lost.id)
        assert second == {ids[1]: lost.id}
