"""The edges of a run: repeats that nobody needs, lost locks, late answers, no database."""

from __future__ import annotations

import asyncio
import dataclasses
import pathlib
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from bot.execution import executor
from bot.power import errors, plan, ports
from bot.power.lifecycle import ServerState, State
from bot.power.request import Action
from bot.sandbox import data_centre
from bot.sandbox.data_centre import CallFault, CallFaultKind, CallKind, MachineFault
from tests.execution import promises, world
from tests.support import leases, virtual

T = TypeVar("T")


async def one_lost_and_one_slow(here: world.World) -> tuple[str, list[str], asyncio.Task[None]]:
    """Start a run that loses sight of one server, while another one keeps its wave open."""
    # The fault leaves the first id out of the answer; a dead BMC lets nothing come of the call.
    lost, slow = here.ready(2)
    here.centre.set_fault(lost, data_centre.MachineFaultKind.DEAD_BMC)
    here.centre.set_fault(slow, MachineFault(data_centre.MachineFaultKind.SLOW, factor=30.0))
    here.centre.queue_fault(CallFaultKind.MISSING_IDS, CallKind.POWER, 1)
    id_ = await here.approved(Action.OFF, [lost, slow])
    task = asyncio.create_task(here.drive(await here.claimed()))
    return id_, [lost, slow], task


@virtual.on_given_time
async def test_a_goal_that_is_met_before_its_repeat_is_proven_and_not_sent_again(
    tmp_path: pathlib.Path,
) -> None:
    """The wave is still open when the lost one shows its goal after all."""
    async with world.opened(tmp_path) as here:
        id_, names, task = await one_lost_and_one_slow(here)
        await here.clock.sleep(80.0)
        here.centre.set_fault(names[0], None)
        here.centre.act_externally(names[0], data_centre.Action.OFF)
        await task
        found, rows = await here.ended(id_)

        assert found.state is State.SUCCEEDED
        assert rows[names[0]].state is ServerState.PROVEN
        assert here.calls() == [2]


@virtual.on_given_time
async def test_a_repeat_that_is_stopped_leaves_its_server_unknown(tmp_path: pathlib.Path) -> None:
    """Its first call may have got through: "not sent" would be untrue."""
    async with world.opened(tmp_path) as here:
        id_, names, task = await one_lost_and_one_slow(here)
        await here.clock.sleep(80.0)
        await here.store.write(lambda tx: tx.request_stop(id_, user_id="U0", reason="", at=1.0))
        await task
        _, rows = await here.ended(id_)

        assert rows[names[0]].state is ServerState.UNKNOWN
        assert "not sent again: stopped" in rows[names[0]].detail
        assert here.calls() == [2]


@virtual.on_given_time
async def test_a_repeat_of_a_server_that_may_not_be_sent_any_more_is_unknown(
    tmp_path: pathlib.Path,
) -> None:
    """Blocked now, and nobody knows what its first call has done."""
    async with world.opened(tmp_path) as here:
        id_, names, task = await one_lost_and_one_slow(here)
        await here.clock.sleep(80.0)
        here.centre.change_server(names[0], manage_state="maintain")
        await task
        _, rows = await here.ended(id_)

        assert rows[names[0]].state is ServerState.UNKNOWN
        assert "not ready" in rows[names[0]].detail


@virtual.on_given_time
async def test_a_server_whose_lock_is_gone_is_left_alone(tmp_path: pathlib.Path) -> None:
    """Whoever holds it now may be acting on it."""
    async with world.opened(tmp_path) as here:
        names = here.ready(4)
        id_ = await here.approved(Action.REBOOT, names, plan.Terms(ramp=(), batch=2))
        task = asyncio.create_task(here.drive(await here.claimed()))
        while not here.centre.power_calls():
            await here.clock.sleep(0.1)
        await here.store.write(lambda tx: tx.unlock_servers(id_))
        await task
        _, rows = await here.ended(id_)

        assert here.calls() == [2]
        for name in names[2:]:
            assert rows[name].state is ServerState.BLOCKED
            assert rows[name].detail == "another request has taken it over"


@virtual.on_given_time
async def test_an_answer_that_comes_after_a_take_over_is_only_remembered(
    tmp_path: pathlib.Path,
) -> None:
    """The process that was slow writes nothing but the audit; the next one proves the reboot."""
    async with world.opened(tmp_path) as here:
        slow = CallFault(CallFaultKind.DELAY, CallKind.POWER, delay_s=9.0)
        here.centre.call_faults.queue(slow)
        id_ = await here.approved(Action.REBOOT, here.ready(2))
        first = asyncio.create_task(here.drive(await here.claimed()))
        while not here.centre.power_calls():
            await here.clock.sleep(0.1)
        await leases.end_all(here.store)
        lease = await here.claimed()
        second = asyncio.create_task(here.restarted().drive(lease))
        with pytest.raises(errors.LostLease):
            await first
        await second
        found, rows = await here.ended(id_)

        assert found.state is State.SUCCEEDED
        assert here.calls() == [2]
        late = await here.store.read(lambda tx: tx.audit_rows(event="call.late_answer"))
        assert len(late) == 1
        await promises.hold(here, found, rows)


@dataclasses.dataclass
class AwayStore:
    """A store that can't be reached for some of its writes."""

    store: ports.RequestStore
    away: set[int]
    writes: int = 0

    async def write(self, work: Callable[[ports.Tx], T]) -> T:
        """Write, unless it is away."""
        self.writes += 1
        if self.writes in self.away:
            raise errors.StoreUnavailable
        return await self.store.write(work)

    def __getattr__(self, name: str) -> Any:
        """Everything else is the store's."""
        return getattr(self.store, name)


@virtual.on_given_time
async def test_what_has_happened_is_written_down_however_long_the_database_is_away(
    tmp_path: pathlib.Path,
) -> None:
    """The answer of a call can't be asked for again, so its note is tried until it is stored."""
    async with world.opened(tmp_path) as here:
        # The first write opens the run, the second is the intent, the third the answer.
        away = AwayStore(here.store, {3, 4, 5, 7})
        act = world.acting(away, here.power, here.clock, like=here.context)
        id_ = await here.approved(Action.REBOOT, here.ready(2))
        await executor.carry_out(act, await here.claimed())
        found, _ = await here.ended(id_)

        assert found.state is State.SUCCEEDED
        assert here.calls() == [2]


@virtual.on_given_time
async def test_a_list_that_takes_too_long_to_read_sends_nothing(tmp_path: pathlib.Path) -> None:
    """States older than fifteen seconds by the time of the call are as good as none."""
    async with world.opened(tmp_path) as here:
        slow = CallFault(CallFaultKind.DELAY, CallKind.LIST, delay_s=18.0)
        here.centre.call_faults.at_random(slow, 1.0)

        found, _ = await here.carried_out(Action.REBOOT, here.ready(2))

        assert here.calls() == []
        assert found.state is State.STOPPED
        assert "so long to read that its states are too old" in found.end_reason
