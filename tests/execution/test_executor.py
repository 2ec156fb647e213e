"""An approved request carried out against the simulated data centre, on a clock that is given."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from bot.power import plan, ports
from bot.power.lifecycle import ServerState, State
from bot.power.policy import policy
from bot.power.request import Action
from bot.sandbox import data_centre
from bot.sandbox.data_centre import CallFault, CallFaultKind, CallKind, MachineFaultKind
from tests.execution import world as world_
from tests.execution.world import World
from tests.support import ticks


@pytest.fixture
def clock() -> ticks.GivenClock:
    """A clock on which no wait takes time."""
    return ticks.GivenClock()


@pytest_asyncio.fixture
async def world(clock: ticks.GivenClock, tmp_path: pathlib.Path) -> AsyncIterator[World]:
    """A world whose data centre answers at once, with operations of about five seconds."""
    async with world_.opened(tmp_path, clock=clock, round_trip_s=0.0) as made:
        yield made


def webs(count: int) -> list[str]:
    """Return names of servers that are on and ready."""
    return [f"web{n:02}" for n in range(1, count + 1)]


def all_on(world: World) -> list[str]:
    """Return the names of all servers that a reboot may be sent to."""
    found = []
    for n in range(1, 121):
        for stem in ("web", "db", "cache", "worker"):
            try:
                machine = world.centre.machine(f"{stem}{n:02}")
            except data_centre.UnknownServer:
                continue
            look = machine.look(world.clock.monotonic())
            if look.power is data_centre.Power.ON and machine.server.manage_state == "in-use":
                found.append(f"{stem}{n:02}")
    return found


@pytest.mark.parametrize(("count", "calls"), [(1, [1]), (50, [50]), (51, [50, 1]), (60, [50, 10])])
async def test_a_wave_is_sent_in_as_few_calls_as_the_api_allows(
    world: World, count: int, calls: list[int]
) -> None:
    """Fifty ids a call, none of them twice, and every server proven."""
    names = all_on(world)[:count]

    found, rows = await world.carried_out(
        Action.REBOOT, names, plan.Terms(ramp=(), batch=1000, max_per_rack=1000)
    )

    assert found.state is State.SUCCEEDED
    assert {row.state for row in rows.values()} == {ServerState.PROVEN}
    assert world.calls() == calls


async def test_a_run_begins_with_one_server(world: World) -> None:
    """The ramp is kept, and a wave waits for the proof of the one before."""
    found, _ = await world.carried_out(Action.REBOOT, webs(8), plan.Terms(ramp=(1, 5)))

    assert found.state is State.SUCCEEDED
    assert world.calls() == [1, 5, 2]


async def test_a_failure_in_a_wave_stops_the_run_at_its_limit(world: World) -> None:
    """The limit is over the whole run: at one failure nothing more is sent."""
    world.centre.set_fault("web02", MachineFaultKind.FAILS)

    found, rows = await world.carried_out(Action.REBOOT, webs(9), plan.Terms(ramp=(1, 2), batch=3))

    assert found.state is State.PARTIAL
    assert found.end_reason == "stopped itself at 1 failure"
    assert rows["web02"].state is ServerState.FAILED
    assert [rows[name].state for name in webs(9)[3:]] == [ServerState.NOT_SENT] * 6
    assert world.calls() == [1, 2]


async def test_a_reboot_too_quick_to_be_seen_is_not_called_done(world: World) -> None:
    """After a reboot of yesterday, one without a trace is accepted and not proven."""
    world.centre.act_externally("web01", data_centre.Action.REBOOT)
    await world.clock.sleep(300.0)
    world.centre.set_fault("web01", MachineFaultKind.INSTANT)

    found, rows = await world.carried_out(Action.REBOOT, ["web01"])

    assert rows["web01"].state is ServerState.NOT_PROVEN
    assert found.state is State.PARTIAL


async def test_a_reboot_that_is_seen_though_its_answer_is_lost_is_proven(world: World) -> None:
    """The call took effect, its answer did not come: the record proves it, one call was sent."""
    world.centre.queue_fault(CallFaultKind.DROP_AFTER, CallKind.POWER, 1)

    found, rows = await world.carried_out(Action.REBOOT, webs(2))

    assert found.state is State.SUCCEEDED
    assert {row.state for row in rows.values()} == {ServerState.PROVEN}
    assert world.calls() == [2]


async def test_a_reboot_that_was_lost_on_the_way_stays_unknown(world: World) -> None:
    """Nobody can know that it didn't happen, so nobody is rebooted by a guess."""
    world.centre.queue_fault(CallFaultKind.DROP_BEFORE, CallKind.POWER, 1)

    found, rows = await world.carried_out(Action.REBOOT, webs(2))

    assert found.state is State.FAILED
    assert {row.state for row in rows.values()} == {ServerState.UNKNOWN}
    assert world.calls() == [2]


async def test_a_power_off_that_was_lost_is_asked_for_again(world: World) -> None:
    """Off is a goal: past the settle time, without a trace, it is repeated and converges."""
    world.centre.queue_fault(CallFaultKind.DROP_BEFORE, CallKind.POWER, 1)

    found, rows = await world.carried_out(Action.OFF, webs(2))

    assert found.state is State.SUCCEEDED
    assert {row.state for row in rows.values()} == {ServerState.PROVEN}
    assert world.calls() == [2, 2]


@pytest.mark.parametrize(
    "kind",
    [
        CallFaultKind.THROTTLED_JSON,
        CallFaultKind.THROTTLED_GATEWAY,
        CallFaultKind.THROTTLED_STRING,
        CallFaultKind.THROTTLED_TEXT,
    ],
)
async def test_a_throttled_call_waits_and_goes_on(world: World, kind: CallFaultKind) -> None:
    """429 refuses before acting, in whatever form it comes."""
    world.centre.call_faults.queue(CallFault(kind, CallKind.POWER), 2)

    found, _ = await world.carried_out(Action.REBOOT, webs(2))

    assert found.state is State.SUCCEEDED
    assert world.centre.reboots_received("web01") == 1


async def test_ids_missing_from_the_answer_are_watched(world: World) -> None:
    """What an answer leaves out is unknown until the server's own record proves it."""
    world.centre.queue_fault(CallFaultKind.MISSING_IDS, CallKind.POWER, 1)

    found, rows = await world.carried_out(Action.REBOOT, webs(3))

    assert found.state is State.SUCCEEDED
    assert {row.state for row in rows.values()} == {ServerState.PROVEN}
    assert world.calls() == [3]


async def test_a_dead_server_times_out_and_is_not_called_failed(world: World) -> None:
    """Accepted, and nothing ever happens: the deadline ends the watching."""
    world.centre.act_externally("web01", data_centre.Action.OFF)
    await world.clock.sleep(300.0)
    world.centre.set_fault("web01", MachineFaultKind.DEAD_BMC)

    _, rows = await world.carried_out(Action.ON, ["web01"])

    assert rows["web01"].state is ServerState.TIMED_OUT
    assert rows["web01"].detail.startswith("last seen off")


async def test_a_cycle_is_off_proven_and_then_on_proven(world: World) -> None:
    """Two calls, and each server's record shows both."""
    found, rows = await world.carried_out(Action.CYCLE, webs(3))

    methods = [entry.action for entry in world.centre.power_calls()]
    assert found.state is State.SUCCEEDED
    assert [str(method) for method in methods] == ["power off", "power on"]
    assert {row.step for row in rows.values()} == {1}


async def test_a_server_that_is_in_the_goal_already_is_skipped(world: World) -> None:
    """Nothing is sent for what changed since the plan."""
    found, rows = await world.carried_out(Action.ON, ["web01"])

    assert found.state is State.SUCCEEDED
    assert (rows["web01"].state, rows["web01"].detail) == (ServerState.SKIPPED, "already on")
    assert world.calls() == []


async def test_an_approval_that_was_not_used_in_time_is_void(
    world: World, clock: ticks.GivenClock
) -> None:
    """What was approved too long ago is never sent."""
    id_ = await world.approved(Action.REBOOT, ["web01"])
    lease = await world.claimed()
    clock.passed_s += 901.0

    await world.drive(lease)

    found, _ = await world.ended(id_)

    assert found.state is State.VOID
    assert world.calls() == []


async def test_a_freeze_holds_a_run_and_ends_it_past_its_time(world: World) -> None:
    """No call leaves in a freeze; after use_within the run is stopped."""
    await world.store.write(lambda tx: tx.freeze(ports.Freeze("U0SAM", "storm", 0.0)))

    found, rows = await world.carried_out(Action.REBOOT, webs(2))

    assert found.state is State.STOPPED
    assert rows["web01"].detail == "held by freeze of U0SAM (storm) since 1970-01-01 00:00 UTC"
    assert world.calls() == []


async def test_a_freeze_of_the_policy_holds_a_run_as_well(
    world: World, clock: ticks.GivenClock
) -> None:
    """A window that the file names bars calls like the switch does, and ends by itself."""
    start = clock.wall()
    window = policy.FreezeWindow(
        "year end", start, start + timedelta(seconds=300), frozenset({Action.REBOOT})
    )
    rules = dataclasses.replace(policy.EMPTY, freezes=(window,))
    world.rule(policy=lambda: rules)

    found, rows = await world.carried_out(Action.REBOOT, webs(1))

    assert found.state is State.SUCCEEDED
    assert rows["web01"].sent_at >= window.ends.timestamp()
