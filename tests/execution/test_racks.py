"""Power-ons at once in one rack: over all requests, processes and waves."""

from __future__ import annotations

import asyncio
import collections
import pathlib

import pytest

from bot.power import plan
from bot.power.causes import Cause
from bot.power.lifecycle import ServerState, State
from bot.power.request import Action
from bot.sandbox import data_centre
from tests.execution import world
from tests.support import virtual

LIMIT = 2
TERMS = plan.Terms(ramp=(), batch=100, max_per_rack=LIMIT)
SLOW = data_centre.Pace(30.0, spread=0.2, jitter=0.0)


def in_racks(here: world.World) -> dict[tuple[str, str], list[str]]:
    """Return the names of all servers by room and rack."""
    found: dict[tuple[str, str], list[str]] = collections.defaultdict(list)
    for machine in here.centre.inventory.machines:
        found[machine.server.dc, machine.server.rack].append(machine.server.name)
    return found


@virtual.on_given_time
async def test_three_requests_switch_on_no_more_of_a_rack_than_one_may(
    tmp_path: pathlib.Path,
) -> None:
    """Each waits for the others' calls to come to their end, says so, and then goes on."""
    async with world.opened(tmp_path, pace=SLOW, resting=data_centre.Power.OFF) as here:
        names = max(in_racks(here).values(), key=len)
        assert len(names) >= 6
        ids = [await here.approved(Action.ON, names[n : n + 2], TERMS) for n in (0, 2, 4)]
        leases = [await here.claimed() for _ in ids]
        runs = [asyncio.create_task(here.drive(one)) for one in leases]
        most, causes = 0, set()
        while not all(task.done() for task in runs):
            rows = [row for id_ in ids for row in (await here.ended(id_))[1].values()]
            busy = [r for r in rows if r.state in (ServerState.INTENDED, ServerState.ACCEPTED)]
            most = max(most, len(busy))
            causes |= {row.cause for row in rows if row.state is ServerState.QUEUED}
            await here.clock.sleep(1.0)
        await asyncio.gather(*runs)

        assert most == LIMIT
        assert Cause.RACK_FULL in causes
        assert [(await here.ended(id_))[0].state for id_ in ids] == [State.SUCCEEDED] * 3


@virtual.on_given_time
async def test_a_rack_is_one_however_its_records_write_it(tmp_path: pathlib.Path) -> None:
    """Within a request and over two: case, blanks and width make no second rack."""
    async with world.opened(tmp_path, pace=SLOW, resting=data_centre.Power.OFF) as here:
        names = max(in_racks(here).values(), key=len)
        for name, rack in zip(names, ("R77", "r77", "R77 ", "Ｒ77"), strict=False):
            here.centre.change_server(name, rack=rack)
        ids = [await here.approved(Action.ON, names[n : n + k], TERMS) for n, k in ((0, 3), (3, 1))]
        leases = [await here.claimed() for _ in ids]
        runs = [asyncio.create_task(here.drive(one)) for one in leases]
        most = 0
        while not all(task.done() for task in runs):
            rows = [row for id_ in ids for row in (await here.ended(id_))[1].values()]
            busy = [r for r in rows if r.state in (ServerState.INTENDED, ServerState.ACCEPTED)]
            most = max(most, len(busy))
            await here.clock.sleep(1.0)
        await asyncio.gather(*runs)

        assert most == LIMIT
        assert [(await here.ended(id_))[0].state for id_ in ids] == [State.SUCCEEDED] * 2


@virtual.on_given_time
async def test_two_processes_cant_both_take_the_last_place_in_a_rack(
    tmp_path: pathlib.Path,
) -> None:
    """Both have looked and found room; the second intent is refused by the database."""
    async with world.opened(tmp_path, pace=SLOW, resting=data_centre.Power.OFF) as here:
        names = max(in_racks(here).values(), key=len)
        ids = [await here.approved(Action.ON, names[n : n + 2], TERMS) for n in (0, 2)]
        leases = [await here.claimed() for _ in ids]
        other = here.restarted()
        await asyncio.gather(here.drive(leases[0]), other.drive(leases[1]))

        accepted = [entry.at for entry in here.centre.power_calls()]
        assert here.calls()[0] == 2
        assert sum(here.calls()) == 4
        assert accepted[1] - accepted[0] > 10.0
        assert {(await here.ended(id_))[0].state for id_ in ids} == {State.SUCCEEDED}


@virtual.on_given_time
async def test_racks_of_one_name_in_two_rooms_are_two_racks(tmp_path: pathlib.Path) -> None:
    """R01 of one room has nothing to do with R01 of another."""
    async with world.opened(tmp_path, pace=SLOW, resting=data_centre.Power.OFF) as here:
        names = max(in_racks(here).values(), key=len)[:4]
        for name in names[2:]:
            here.centre.change_server(name, dc="another room")

        found, rows = await here.carried_out(Action.ON, names, TERMS)

        assert found.state is State.SUCCEEDED
        assert here.calls() == [4]
        assert len({row.stood[0] for row in rows.values()}) == 2


@virtual.on_given_time
async def test_the_power_ons_of_cycles_count_too(tmp_path: pathlib.Path) -> None:
    """Two cycles of two servers each: off all at once, on again two at a time."""
    async with world.opened(tmp_path, pace=SLOW, resting=data_centre.Power.ON) as here:
        names = max(in_racks(here).values(), key=len)
        ids = [await here.approved(Action.CYCLE, names[n : n + 2], TERMS) for n in (0, 2)]
        leases = [await here.claimed() for _ in ids]
        await asyncio.gather(*(here.drive(lease) for lease in leases))

        ons = [entry.at for entry in here.centre.power_calls()][2:]
        assert here.calls()[:3] == [2, 2, 2]
        assert ons[1] - ons[0] > 10.0
        assert {(await here.ended(id_))[0].state for id_ in ids} == {State.SUCCEEDED}


@virtual.on_given_time
async def test_the_strictest_limit_of_a_rack_holds_for_all(tmp_path: pathlib.Path) -> None:
    """A rule that allows ten doesn't pass one that allows two where both are at work."""
    async with world.opened(tmp_path, pace=SLOW, resting=data_centre.Power.OFF) as here:
        names = max(in_racks(here).values(), key=len)
        wide = TERMS.model_copy(update={"max_per_rack": 10})
        await here.approved(Action.ON, names[:2], TERMS)
        first = asyncio.create_task(here.drive(await here.claimed()))
        while not here.calls():
            await here.clock.sleep(0.1)
        await here.approved(Action.ON, names[2:5], wide)
        await here.drive(await here.claimed())
        await first

        first_at, second_at, *_ = (entry.at for entry in here.centre.power_calls())
        assert second_at - first_at > 10.0


@virtual.on_given_time
async def test_stop_ends_a_request_that_waits_for_its_rack(tmp_path: pathlib.Path) -> None:
    """It waits without holding anything, and can be stopped while it does."""
    stuck = data_centre.MachineFaultKind.STUCK
    async with world.opened(tmp_path, pace=SLOW, resting=data_centre.Power.OFF) as here:
        names = max(in_racks(here).values(), key=len)
        for name in names[:2]:
            here.centre.set_fault(name, stuck)
        await here.approved(Action.ON, names[:2], TERMS)
        first = asyncio.create_task(here.drive(await here.claimed()))
        while not here.calls():
            await here.clock.sleep(0.1)
        id_ = await here.approved(Action.ON, names[2:4], TERMS)
        second = asyncio.create_task(here.drive(await here.claimed()))
        await here.clock.sleep(60.0)
        at = here.clock.now()
        await here.store.write(lambda tx: tx.request_stop(id_, user_id="U0", reason="", at=at))
        await second

        found, rows = await here.ended(id_)
        assert found.state is State.STOPPED
        assert {row.state for row in rows.values()} == {ServerState.NOT_SENT}
        assert here.clock.now() - at < 10.0
        await first


@pytest.mark.parametrize("action", [Action.OFF, Action.REBOOT])
@virtual.on_given_time
async def test_what_switches_nothing_on_waits_for_no_rack(
    action: Action, tmp_path: pathlib.Path
) -> None:
    """The limit is about inrush current."""
    async with world.opened(tmp_path, pace=SLOW, resting=data_centre.Power.ON) as here:
        names = max(in_racks(here).values(), key=len)[:6]

        await here.carried_out(action, names, TERMS)

        assert here.calls() == [6]
