"""What thread and audit are told of a wave that a person stopped, or that a process left."""

from __future__ import annotations

import asyncio
import pathlib

from bot.power import lifecycle
from bot.power.lifecycle import ServerState
from bot.power.request import Action
from bot.sandbox import data_centre
from tests.execution.steps import stage
from tests.support import leases, virtual

ON = data_centre.Power.ON


@virtual.on_given_time
async def test_a_stopped_drain_is_not_audited_as_done(tmp_path: pathlib.Path) -> None:
    """It was under way, and is put back; the thread calls its server untouched, not waiting."""
    async with stage.opened(tmp_path, resting=ON) as play:
        [name] = play.here.ready(1)
        play.outside.stuck = {name}
        id_ = await play.here.approved(Action.REBOOT, [name], stage.PACED)
        driving = asyncio.create_task(play.here.drive(await play.here.claimed()))
        await play.here.clock.sleep(10.0)
        now = play.here.clock.now()
        await play.here.store.write(
            lambda tx: tx.request_stop(id_, user_id="U0SAM", reason="", at=now)
        )
        await driving
        assert await play.audited(id_) == [
            "step.intended", "step.done", "step.intended", "step.failed",
            "step.put_back", "step.put_back",
        ]  # fmt: skip
        [reply] = await play.replies()
        assert (reply["counts"], reply["back"]) == ({"not sent": 1}, 1)


@virtual.on_given_time
async def test_a_wave_that_a_dead_process_has_begun_is_told_once(tmp_path: pathlib.Path) -> None:
    """When it is over: nobody was sent yet, and everything is done anew."""
    async with stage.opened(tmp_path, resting=ON) as play:
        [name] = play.here.ready(1)
        play.outside.stuck = {name}
        id_ = await play.here.approved(Action.REBOOT, [name], stage.PACED)
        driving = asyncio.create_task(play.here.drive(await play.here.claimed()))
        await play.here.clock.sleep(10.0)
        driving.cancel()
        await asyncio.gather(driving, return_exceptions=True)
        play.outside.stuck = set()
        await leases.end_all(play.here.store)
        await play.restarted().drive()
        found, rows = await play.here.ended(id_)
        assert (found.state, rows[name].state) == (lifecycle.State.SUCCEEDED, ServerState.PROVEN)
        [reply] = await play.replies()
        assert (reply["wave"], reply["counts"], reply["back"]) == (1, {"proven": 1}, 1)
        assert [(one["name"], one["unsure"]) for one in reply["steps"]] == [
            ("answering", []), ("quiet", []), ("drain", []),
        ]  # fmt: skip


@virtual.on_given_time
async def test_a_wave_of_a_number_that_was_told_before_a_death_is_told_too(
    tmp_path: pathlib.Path,
) -> None:
    """A wave that was set aside whole gives its number to the next; the process dies between."""
    async with stage.opened(tmp_path, resting=ON) as play:
        first, second = play.here.ready(2)
        play.outside.stuck = {first}
        id_ = await play.here.approved(Action.REBOOT, [first, second], stage.PACED)
        driving = asyncio.create_task(play.here.drive(await play.here.claimed()))
        while not await play.replies():
            await play.here.clock.sleep(0.5)
        driving.cancel()
        await asyncio.gather(driving, return_exceptions=True)
        await leases.end_all(play.here.store)
        await play.restarted().drive()
        _, rows = await play.here.ended(id_)
        assert [rows[one].state for one in (first, second)] == [
            ServerState.BLOCKED, ServerState.PROVEN,
        ]  # fmt: skip
        told = await play.replies()
        assert [(one["wave"], one["counts"]) for one in told] == [
            (1, {"blocked": 1}), (1, {"proven": 1}),
        ]  # fmt: skip
        await play.promised()
