"""A process that dies at every await around a step: what stands outside is what the store says."""

from __future__ import annotations

import os
import pathlib

import pytest

from bot.execution import executor
from bot.power import lifecycle
from bot.power.request import Action
from bot.power.steps.states import StepState
from bot.sandbox import data_centre
from tests.execution import crashing, world
from tests.execution.steps import dying, stage
from tests.support import leases, virtual

ON, OFF = data_centre.Power.ON, data_centre.Power.OFF
MOST_AWAITS = 400


async def to_the_end(play: stage.Stage, id_: str, doom: crashing.Doom) -> bool:
    """Drive a request until it has ended, over one death; whether the process died."""
    mortal = dying.doomed(play, doom)
    try:
        await executor.carry_out(mortal.here.context, await play.here.claimed())
    except crashing.Crash:
        await play.here.clock.sleep(1.0)
        await play.outside.quiet()
        await leases.end_all(play.here.store)
        found, _ = await play.here.ended(id_)
        if found.state not in lifecycle.ENDED:
            await play.restarted().drive()
        return True
    return False


def unfinished(states: dict[tuple[str, str], StepState]) -> set[tuple[str, str]]:
    """Return what is neither done nor owed nor back."""
    return {
        key for key, one in states.items() if one in (StepState.INTENDED, StepState.PUTTING_BACK)
    }


async def killed(folder: pathlib.Path, action: Action, at: int, *, after: bool, sick: bool) -> bool:
    """Play one death; return whether there was one."""
    power = OFF if action is Action.ON else ON
    async with stage.opened(folder, resting=ON) as play:
        names = play.here.ready(2)
        taken = 0
        if action is Action.ON:
            await play.run(Action.OFF, names)
            taken = len(play.outside.standing())
            assert taken == 4, power
        if sick:
            play.outside.answers = lambda name, now: "HTTP 503" if name == names[1] else ""
        id_ = await play.here.approved(action, names, stage.PACED)
        died = await to_the_end(play, id_, crashing.Doom(at, after))
        found, rows = await play.here.ended(id_)
        assert found.state in lifecycle.ENDED
        for _ in range(4):
            await play.here.clock.sleep(125.0)
            await play.keep()
        await play.promised()
        assert not unfinished(await play.states(id_))
        if action is Action.REBOOT:
            for name in names:
                machine = play.here.centre.machine(name)
                assert machine.received[data_centre.Action.REBOOT] <= 1
        proven = {n for n, row in rows.items() if row.state is lifecycle.ServerState.PROVEN}
        out = {name for _, name in play.outside.standing()}
        if action is Action.OFF:
            assert out == proven
        else:
            assert not out & proven, "a proven, well server was left out"
        return died


STORIES = [
    (Action.REBOOT, False),
    (Action.REBOOT, True),
    (Action.CYCLE, False),
    (Action.OFF, False),
    (Action.ON, False),
]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("action", "sick"), STORIES)
def test_a_death_at_any_await_leaves_nothing_that_the_store_does_not_know(
    tmp_path: pathlib.Path, action: Action, *, sick: bool, after: bool
) -> None:
    """Every second await (of the other stories every sixth), until it dies no more.

    With `POWERBOT_TEST_KILLS=all` it is every one; that takes some minutes.
    """
    every = os.environ.get("POWERBOT_TEST_KILLS") == "all"
    stride = 1 if every else 2 if sick else 6
    with world.quiet():
        for at in range(after % stride, MOST_AWAITS, stride):
            folder = tmp_path / str(at)
            folder.mkdir()
            try:
                died = virtual.run(
                    lambda folder=folder, at=at: killed(  # type: ignore[misc]
                        folder, action, at, after=after, sick=sick
                    )
                )
            except AssertionError as error:
                raise AssertionError(f"at await {at}: {error}") from error
            if not died:
                assert at > 40, "hardly anything was awaited"
                return
    raise AssertionError("the run never ends")
