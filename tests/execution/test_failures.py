"""What each kind of failure means: for on and off, which are goals, and for a reboot, an event."""

from __future__ import annotations

import asyncio
import pathlib
from collections.abc import Mapping

import httpx
import pytest

from bot.power import ports, request
from bot.power.lifecycle import ServerState, State
from bot.power.request import Action
from bot.sandbox import data_centre
from bot.sandbox.data_centre import CallFault, CallFaultKind, CallKind, MachineFaultKind, RetryAfter
from tests.execution import promises, world
from tests.support import leases, virtual

# Answers after which it may have happened: nobody knows whether the call got through.
LOST = (
    CallFault(CallFaultKind.DROP_BEFORE, CallKind.POWER),
    CallFault(CallFaultKind.INTERNAL_ERROR, CallKind.POWER),
    CallFault(CallFaultKind.BAD_GATEWAY, CallKind.POWER),
    CallFault(CallFaultKind.REDIRECT, CallKind.POWER),
)
# The same, and it did happen.
DONE_AND_LOST = (
    CallFault(CallFaultKind.DROP_AFTER, CallKind.POWER),
    CallFault(CallFaultKind.INTERNAL_ERROR, CallKind.POWER, applied=True),
    CallFault(CallFaultKind.DELAY, CallKind.POWER, delay_s=30.0),
    CallFault(CallFaultKind.GARBAGE, CallKind.POWER),
)


def word(fault: CallFault) -> str:
    """Return a fault in one word."""
    return f"{fault.kind}{'-applied' if fault.applied else ''}"


def states(rows: Mapping[str, ports.RunServer]) -> set[ServerState]:
    """Return the states that the servers are in."""
    return {row.state for row in rows.values()}


@pytest.mark.parametrize("action", [Action.OFF, Action.REBOOT])
@virtual.on_given_time
async def test_a_call_that_never_left_is_sent_again(action: Action, tmp_path: pathlib.Path) -> None:
    """No byte has left, so a reboot too may be sent again."""
    async with world.opened(tmp_path) as here:
        carry, refused = here.line.carry, 2

        async def unreachable(asked: httpx.Request) -> httpx.Response:
            nonlocal refused
            if asked.method == "PUT" and refused:
                refused -= 1
                raise httpx.ConnectError("nobody listens")
            return await carry(asked)

        here.line.carry = unreachable  # type: ignore[method-assign]
        here = here.restarted()
        found, rows = await here.carried_out(action, here.ready(3))

        assert found.state is State.SUCCEEDED
        assert here.calls() == [3]
        await promises.hold(here, found, rows)


@pytest.mark.parametrize("fault", LOST, ids=word)
@virtual.on_given_time
async def test_a_reboot_without_an_answer_that_nobody_sees_is_unknown_and_not_sent_again(
    fault: CallFault, tmp_path: pathlib.Path
) -> None:
    """Nothing is seen, so nobody knows: unknown, and counted as a failure."""
    async with world.opened(tmp_path) as here:
        here.centre.call_faults.queue(fault)

        found, rows = await here.carried_out(Action.REBOOT, here.ready(3))

        assert found.state is State.FAILED
        assert states(rows) == {ServerState.UNKNOWN}
        assert here.calls() == [3]


@pytest.mark.parametrize("fault", LOST, ids=word)
@virtual.on_given_time
async def test_a_goal_whose_answer_is_lost_is_asked_for_again_after_the_settle_time(
    fault: CallFault, tmp_path: pathlib.Path
) -> None:
    """Off is repeated when a read past the settle time shows no trace, and converges."""
    async with world.opened(tmp_path) as here:
        here.centre.call_faults.queue(fault)

        found, rows = await here.carried_out(Action.OFF, here.ready(3))

        assert found.state is State.SUCCEEDED
        assert here.calls() == [3, 3]
        first, second = (entry.at for entry in here.centre.power_calls())
        assert second - first >= world.LIMITS.settle_s
        await promises.hold(here, found, rows)


@virtual.on_given_time
async def test_a_goal_is_asked_for_at_most_three_times(tmp_path: pathlib.Path) -> None:
    """After two repeats it is unknown, and a person has to look."""
    async with world.opened(tmp_path) as here:
        here.centre.call_faults.queue(CallFault(CallFaultKind.DROP_BEFORE, CallKind.POWER), 9)

        found, rows = await here.carried_out(Action.OFF, here.ready(2))

        assert found.state is State.FAILED
        assert states(rows) == {ServerState.UNKNOWN}
        assert here.calls() == [2, 2, 2]


@pytest.mark.parametrize("action", [Action.OFF, Action.REBOOT])
@pytest.mark.parametrize("fault", DONE_AND_LOST, ids=word)
@virtual.on_given_time
async def test_a_call_that_acted_and_was_lost_is_proven_by_the_record(
    fault: CallFault, action: Action, tmp_path: pathlib.Path
) -> None:
    """Evidence of processing counts as accepted; nothing is sent twice."""
    async with world.opened(tmp_path) as here:
        here.centre.call_faults.queue(fault)

        found, rows = await here.carried_out(action, here.ready(3))

        assert found.state is State.SUCCEEDED
        assert here.calls() == [3]
        await promises.hold(here, found, rows)


@pytest.mark.parametrize("hint", list(RetryAfter))
@pytest.mark.parametrize(
    "kind",
    [
        CallFaultKind.THROTTLED_JSON,
        CallFaultKind.THROTTLED_GATEWAY,
        CallFaultKind.THROTTLED_STRING,
        CallFaultKind.THROTTLED_TEXT,
    ],
)
@virtual.on_given_time
async def test_a_throttled_reboot_waits_and_is_sent_again(
    kind: CallFaultKind, hint: RetryAfter, tmp_path: pathlib.Path
) -> None:
    """429 refuses before acting, in whatever form; the hint is honoured, the states are fresh."""
    async with world.opened(tmp_path) as here:
        fault = CallFault(kind, CallKind.POWER, retry_after=hint, retry_after_s=40)
        here.centre.call_faults.queue(fault)

        found, rows = await here.carried_out(Action.REBOOT, here.ready(2))

        assert found.state is State.SUCCEEDED
        first, second = (entry.at for entry in here.centre.power_calls())
        assert second - first >= (1.0 if hint is RetryAfter.ABSENT else 39.0)
        await promises.hold(here, found, rows)


@pytest.mark.parametrize("action", [Action.OFF, Action.REBOOT])
@virtual.on_given_time
async def test_a_refusal_that_names_servers_is_repaired_once(
    action: Action, tmp_path: pathlib.Path
) -> None:
    """One that became busy is rejected with the vendor's words, the others are sent once more."""
    async with world.opened(tmp_path) as here:
        names = here.ready(4)
        terms = world.ALL_AT_ONCE.model_copy(update={"max_failures": 2})
        id_ = await here.approved(action, names, terms)
        await here.power.snapshot(not_before=here.clock.now())
        here.centre.act_externally(names[1], data_centre.Action.OFF)
        await here.drive(await here.claimed())
        found, rows = await here.ended(id_)

        assert found.state is State.PARTIAL
        assert rows[names[1]].state is ServerState.REJECTED
        assert rows[names[1]].detail.startswith("iMetal.0101")
        assert here.calls() == [4, 3]
        assert [rows[name].state for name in (names[0], *names[2:])] == [ServerState.PROVEN] * 3


@pytest.mark.parametrize("action", [Action.OFF, Action.REBOOT])
@virtual.on_given_time
async def test_a_partly_accepted_call_leaves_the_others_unknown_until_they_show(
    action: Action, tmp_path: pathlib.Path
) -> None:
    """A server that the answer leaves out is watched; only a goal is asked for again."""
    async with world.opened(
        tmp_path, switches=data_centre.Switches(partial_acceptance=True)
    ) as here:
        names = here.ready(3)
        id_ = await here.approved(action, names)
        await here.power.snapshot(not_before=here.clock.now())
        here.centre.change_server(names[0], manage_state="maintain")
        asyncio.get_running_loop().call_later(
            30.0, lambda: here.centre.change_server(names[0], manage_state="in-use")
        )
        await here.drive(await here.claimed())
        _, rows = await here.ended(id_)

        goal = action is Action.OFF
        assert rows[names[0]].state is (ServerState.PROVEN if goal else ServerState.UNKNOWN)
        assert here.calls() == ([3, 1] if goal else [3])


@pytest.mark.parametrize("kind", [CallFaultKind.REF_IDS, CallFaultKind.MISSING_IDS])
@virtual.on_given_time
async def test_an_answer_with_strange_ids_is_settled_by_the_records(
    kind: CallFaultKind, tmp_path: pathlib.Path
) -> None:
    """Schema references instead of ids, and ids that are missing, prove nothing and fail nobody."""
    async with world.opened(tmp_path) as here:
        here.centre.queue_fault(kind, CallKind.POWER)

        found, rows = await here.carried_out(Action.REBOOT, here.ready(3))

        assert found.state is State.SUCCEEDED
        await promises.hold(here, found, rows)


@pytest.mark.parametrize("action", [Action.ON, Action.REBOOT])
@virtual.on_given_time
async def test_a_server_that_takes_the_call_and_does_nothing_times_out(
    action: Action, tmp_path: pathlib.Path
) -> None:
    """It was last seen as it was; "failed" would need evidence."""
    async with world.opened(tmp_path) as here:
        power = data_centre.Power.OFF if action is Action.ON else data_centre.Power.ON
        machine = next(
            one
            for one in here.centre.inventory.machines
            if one.look(0.0).power is power
            and one.is_ready(0.0)
            and one.server.last_action not in (None, data_centre.Action.REBOOT)
        )
        here.centre.set_fault(machine.server.name, MachineFaultKind.DEAD_BMC)

        _, rows = await here.carried_out(action, [machine.server.name])

        row = rows[machine.server.name]
        assert row.state is ServerState.TIMED_OUT
        assert row.detail == f"last seen {power}"
        deadline_s = world.LIMITS.power_s if action is Action.ON else world.LIMITS.reboot_s
        assert deadline_s <= row.settled_at - row.sent_at < deadline_s + 40.0


@pytest.mark.parametrize("generation", list(data_centre.Generation))
@pytest.mark.parametrize("action", [Action.OFF, Action.REBOOT])
@virtual.on_given_time
async def test_a_failed_server_is_told_with_the_vendors_words(
    action: Action, generation: data_centre.Generation, tmp_path: pathlib.Path
) -> None:
    """In both generations of the API, and with nothing sent after it."""
    async with world.opened(tmp_path, switches=data_centre.Switches(generation=generation)) as here:
        (name,) = here.ready(1)
        here.centre.set_fault(name, MachineFaultKind.FAILS)

        _, rows = await here.carried_out(action, [name])

        assert rows[name].state is ServerState.FAILED
        assert "The BMC did not confirm" in rows[name].detail
        assert here.calls() == [1]


@virtual.on_given_time
async def test_a_server_that_somebody_else_switches_is_superseded(tmp_path: pathlib.Path) -> None:
    """Another family's operation ends the watching: it isn't ours any more."""
    async with world.opened(tmp_path) as here:
        (name,) = here.ready(1)
        here.centre.set_fault(name, MachineFaultKind.SOMEONE_ELSE)

        _, rows = await here.carried_out(Action.REBOOT, [name])

        assert rows[name].state is ServerState.SUPERSEDED
        assert rows[name].detail.startswith("somebody else acted")


@virtual.on_given_time
async def test_a_server_that_falls_back_to_off_is_not_called_on(tmp_path: pathlib.Path) -> None:
    """Powering on that ends in off is seen as what it is, when it is quicker than a look."""
    async with world.opened(tmp_path, pace=data_centre.Pace(0.5, 0.0, 0.0)) as here:
        (name,) = here.ready(1, data_centre.Power.OFF)
        here.centre.set_fault(name, MachineFaultKind.FALLS_BACK)

        _, rows = await here.carried_out(Action.ON, [name])

        assert rows[name].state is ServerState.TIMED_OUT
        assert rows[name].detail == "last seen off"


@virtual.on_given_time
async def test_an_unknown_word_is_shown_and_watched_to_the_deadline(tmp_path: pathlib.Path) -> None:
    """A state that no documentation names is never guessed."""
    async with world.opened(tmp_path) as here:
        names = here.ready(1)
        id_ = await here.approved(Action.REBOOT, names)
        await here.power.snapshot(not_before=here.clock.now())
        here.centre.set_fault(names[0], MachineFaultKind.UNKNOWN_STATE)
        await here.drive(await here.claimed())
        _, rows = await here.ended(id_)

        assert rows[names[0]].state is ServerState.TIMED_OUT
        assert "self-test-processing" in rows[names[0]].detail


@virtual.on_given_time
async def test_the_deadline_passes_while_cloud_dc_cannot_be_read(tmp_path: pathlib.Path) -> None:
    """An outage doesn't keep a run open for ever, and says that it was one."""
    async with world.opened(tmp_path) as here:
        names = here.ready(2)
        id_ = await here.approved(Action.OFF, names)
        await here.power.snapshot(not_before=here.clock.now())
        away = CallFault(CallFaultKind.INTERNAL_ERROR, CallKind.LIST)
        here.centre.call_faults.at_random(away, 1.0)
        here.centre.call_faults.at_random(CallFault(CallFaultKind.BAD_GATEWAY, CallKind.SHOW), 1.0)
        await here.drive(await here.claimed())
        _, rows = await here.ended(id_)

        assert states(rows) == {ServerState.TIMED_OUT}
        assert rows[names[0]].detail.startswith("CloudDC could not be read")


@pytest.mark.parametrize("action", [Action.OFF, Action.REBOOT])
@virtual.on_given_time
async def test_a_run_is_taken_over_after_a_crash_and_watched(
    action: Action, tmp_path: pathlib.Path
) -> None:
    """A call that may have been sent is watched by the next process, never repeated blindly."""
    async with world.opened(tmp_path) as here:
        id_ = await here.approved(action, here.ready(3))
        driving = asyncio.create_task(here.drive(await here.claimed()))
        while not here.centre.power_calls():
            await here.clock.sleep(0.001)
        driving.cancel()
        await asyncio.gather(driving, return_exceptions=True)
        await leases.end_all(here.store)
        here = here.restarted()
        await here.drive(await here.claimed())
        found, rows = await here.ended(id_)

        assert found.state is State.SUCCEEDED
        assert here.calls() == [3]
        await promises.hold(here, found, rows)


@virtual.on_given_time
async def test_a_power_on_by_break_glass_passes_an_unknown_state(tmp_path: pathlib.Path) -> None:
    """Somebody said so in public; a reboot would not pass."""
    async with world.opened(tmp_path) as here:
        (name,) = here.ready(1, data_centre.Power.OFF)
        here.centre.set_fault(name, MachineFaultKind.POWER_UNKNOWN)
        broken = request.Options(break_glass=True)

        _, rows = await here.carried_out(Action.ON, [name], options=broken)
        assert here.calls() == [1]
        assert rows[name].state is not ServerState.PROVEN

        _, refused = await here.carried_out(Action.REBOOT, [name], options=broken)
        assert refused[name].state is ServerState.BLOCKED
