"""What a cycle leaves off is said wherever people look, and looked at after the end."""

from __future__ import annotations

import asyncio
import pathlib
from collections.abc import Awaitable, Callable

import pytest

from bot.power import causes
from bot.power.lifecycle import ServerState, State
from bot.power.messages import running
from bot.power.run import retry_and_undo
from bot.sandbox import data_centre
from bot.sandbox.data_centre import CallFault, CallFaultKind, CallKind, MachineFault
from bot.slack.render import cards, home, request_lists, thread_replies
from bot.workflow import answers
from tests.support import databases, ticks
from tests.workflow import world as world_

Kind = data_centre.MachineFaultKind


async def shown(world: world_.World, id_: str) -> dict[str, str]:
    """Return what people read of a request, by where they read it."""
    found, rows = await world.found(id_), list((await world.rows(id_)).values())
    history = await world.type("history web09")
    why = await world.type("why web09")
    show = await world.type(f"show {id_}")
    assert isinstance(history, answers.HistoryShown)
    assert isinstance(why, answers.WhyShown)
    assert isinstance(show, answers.RequestShown)
    at_home = await world.flow.home(found.order.requester)
    ended = running.Ended(head="ab")
    return {
        "card": str(cards.render(found, rows).blocks),
        "notification": cards.render(found, rows).text,
        "show": str(cards.render(show.request, show.servers, private=True).blocks),
        "history": str(request_lists.history(history).blocks),
        "why": str(request_lists.why(why).blocks),
        "home": str(home.render(at_home)),
        "thread": thread_replies.render(found, rows, ended).text,
        "direct": thread_replies.direct(found, rows, ended).text,
    }


async def cycled(world: world_.World) -> str:
    """Cycle one server to the end of its run, and return the request's id."""
    id_ = await world.ask("cycle web09")
    await world.press(world_.SAM, "approve", id_)
    await world.drive()
    return id_


async def test_a_power_off_that_is_late_is_said_to_be_perhaps_off_and_then_off(
    tmp_path: pathlib.Path,
) -> None:
    """Still under way at its deadline, it completes later; a power-on from outside ends it."""
    async with world_.running(databases.sqlite(tmp_path)) as world:
        world.centre.set_fault("web09", MachineFault(Kind.SLOW, factor=180.0))

        id_ = await cycled(world)
        told = await shown(world, id_)

        assert (await world.rows(id_))["web09"].state is ServerState.TIMED_OUT
        assert {place for place, text in told.items() if "may be OFF" not in text} == set()
        assert "left_dark" in world.events(id_)
        await world.look_back(600.0)
        assert world.events(id_)[-1] == "late"
        told = await shown(world, id_)
        assert {place for place, text in told.items() if "OFF" not in text} == set()
        assert "may be OFF" not in told["card"]
        world.centre.set_fault("web09", None)
        world.centre.act_externally("web09", data_centre.Action.ON)
        await world.look_back(120.0)
        told = await shown(world, id_)
        assert {place for place, text in told.items() if "OFF" in text} == set()
        late = [row["detail"]["late"] for row in await world.audit("servers.late", id_)]
        assert late == ["went off", "came on"]


@pytest.mark.parametrize("kind", [Kind.FAILS, Kind.DEAD_BMC])
async def test_a_power_on_that_fails_leaves_the_server_off_everywhere(
    kind: data_centre.MachineFaultKind, tmp_path: pathlib.Path
) -> None:
    """Failed or never come: the one useful button is a power-on of exactly this server."""
    async with world_.running(databases.sqlite(tmp_path)) as world:
        machine = world.centre.machine("web09")
        id_ = await world.ask("cycle web09")
        await world.press(world_.SAM, "approve", id_)
        task = asyncio.create_task(world.drive())
        while machine.performed[data_centre.Action.OFF] == 0:
            await world.clock.sleep(0.0)
            machine.look(world.clock.monotonic())
        world.centre.set_fault("web09", kind)
        await task
        told = await shown(world, id_)

        assert (await world.rows(id_))["web09"].step == 1
        assert {place for place, text in told.items() if "OFF" not in text} == set()
        assert "Power back on" in told["card"]
        assert "Retry failed" not in told["card"]
        world.centre.set_fault("web09", None)
        plan = await world.press(world_.DANA, "back_on", id_)
        assert isinstance(plan, answers.PlanShown)
        assert plan.plan.order.action.value == "on"
        assert [one.name for one in plan.plan.order.targets] == ["web09"]


async def test_a_power_off_found_done_before_its_repeat_is_followed_by_the_power_on(
    tmp_path: pathlib.Path,
) -> None:
    """Its answer was lost and it acted late: the cycle isn't proven by its first half."""
    async with world_.running(databases.sqlite(tmp_path)) as world:
        world.centre.set_fault("web09", MachineFault(Kind.DEAD_BMC))
        fault = CallFault(CallFaultKind.DROP_AFTER, CallKind.POWER)
        world.centre.call_faults.queue(fault)
        world.centre.act_externally("web09", data_centre.Action.OFF, 59.0)

        id_ = await cycled(world)

        row = (await world.rows(id_))["web09"]
        assert row.step == 1
        assert row.state is not ServerState.PROVEN or row.seen_power == "on"


async def test_looking_ends_after_an_hour_and_says_so(tmp_path: pathlib.Path) -> None:
    """Nobody waits for news of a server at which nobody looks any more."""
    async with world_.running(databases.sqlite(tmp_path)) as world:
        world.centre.set_fault("web09", MachineFault(Kind.STUCK))
        id_ = await cycled(world)

        await world.look_back(3700.0)

        assert world.events(id_)[-1] == "looked_enough"
        assert await world.state(id_) is State.PARTIAL
        assert not await world.store.read(lambda tx: tx.looks_wait(now=1e12))


async def test_a_plain_call_that_succeeds_late_is_said_late(tmp_path: pathlib.Path) -> None:
    """Its end stays as it was; beside it stands what was seen later, and nothing is retried."""
    async with world_.running(databases.sqlite(tmp_path)) as world:
        world.centre.set_fault("web09", MachineFault(Kind.SLOW, factor=180.0))
        id_ = await world.ask("off web09")
        await world.press(world_.SAM, "approve", id_)
        await world.drive()
        assert (await world.rows(id_))["web09"].state is ServerState.TIMED_OUT

        await world.look_back(600.0)

        row = (await world.rows(id_))["web09"]
        card = str(cards.render(await world.found(id_), [row]).blocks)
        assert row.late is causes.Late.DONE
        assert "powered off after all" in card
        assert "Retry failed" not in card
        assert "Undo" in card


async def stopped(world: world_.World, id_: str) -> None:
    """Somebody presses Stop."""
    await world.press(world_.OLGA, "stop", id_)


async def protected(world: world_.World, _id: str) -> None:
    """The server gets the tag that protects it."""
    world.centre.change_server("web09", tags=(("powerbot", "never"),))


async def no_longer_ready(world: world_.World, _id: str) -> None:
    """CloudDC takes it out of use."""
    world.centre.change_server("web09", manage_state="maintain")


async def edited(world: world_.World, _id: str) -> None:
    """An edit of the policy takes the rule away that let it run."""
    world.edit(
        (
            'servers = "*"\nactions = ["on", "off", "reboot", "cycle"]',
            'servers = "*"\nactions = ["on"]',
        )
    )


async def refused(world: world_.World, _id: str) -> None:
    """CloudDC refuses the power-on."""
    world.centre.queue_fault(CallFaultKind.FORBIDDEN, CallKind.POWER, 50)


async def lost(world: world_.World, _id: str) -> None:
    """No answer to the power-on ever comes, and nothing of it is seen."""
    world.centre.set_fault("web09", Kind.DEAD_BMC)
    world.centre.queue_fault(CallFaultKind.DROP_AFTER, CallKind.POWER, 50)


async def deleted(world: world_.World, _id: str) -> None:
    """CloudDC doesn't have it any more, and another bears its name."""
    world.centre.delete_server("web09", "ffff")


@pytest.mark.parametrize(
    "between", [stopped, protected, no_longer_ready, edited, refused, lost, deleted]
)
async def test_whatever_comes_between_the_two_halves_of_a_cycle_is_said_with_the_server(
    between: Callable[[world_.World, str], Awaitable[None]], tmp_path: pathlib.Path
) -> None:
    """The power-off is proven and the power-on isn't: nobody has to guess that it is off."""
    clock = ticks.GivenClock()
    async with world_.running(databases.sqlite(tmp_path), clock=clock) as world:
        machine = world.centre.machine("web09")
        id_ = await world.ask("cycle web09")
        await world.press(world_.SAM, "approve", id_)

        async def once_it_is_off() -> None:
            machine.look(clock.monotonic())
            if machine.performed[data_centre.Action.OFF]:
                clock.after_wait = None
                await between(world, id_)

        clock.after_wait = once_it_is_off
        await world.drive()

        found, rows = await world.found(id_), list((await world.rows(id_)).values())
        card = cards.render(found, rows)
        assert found.state is not State.SUCCEEDED
        assert retry_and_undo.left(found.order.action, rows[0]) is not causes.Left.NONE
        assert "left_dark" in world.events(id_)
        assert "web09 is OFF" in str(card.blocks) or "web09 may be OFF" in str(card.blocks)
        assert "Power back on" in str(card.blocks)
        assert "Retry failed" not in str(card.blocks)
        assert "OFF" in str(home.render(await world.flow.home(found.order.requester)))


async def test_what_another_request_has_done_since_is_not_told_as_late_success(
    tmp_path: pathlib.Path,
) -> None:
    """The first power-off is still unproven; the second one is what switched the server off."""
    async with world_.running(databases.sqlite(tmp_path)) as world:
        world.centre.set_fault("web09", Kind.DEAD_BMC)
        first = await world.ask("off web09")
        await world.press(world_.SAM, "approve", first)
        await world.drive()
        world.centre.set_fault("web09", None)
        second = await world.ask("off web09")
        await world.press(world_.SAM, "approve", second)
        await world.drive()

        await world.look_back(120.0)

        assert (await world.rows(second))["web09"].state is ServerState.PROVEN
        assert (await world.rows(first))["web09"].late is causes.Late.NONE
        assert "late" not in world.events(first)


async def test_a_server_left_off_that_another_request_brings_back_is_told_as_on(
    tmp_path: pathlib.Path,
) -> None:
    """Whoever did it: nobody has to worry about it any more."""
    async with world_.running(databases.sqlite(tmp_path)) as world:
        machine = world.centre.machine("web09")
        id_ = await world.ask("cycle web09")
        await world.press(world_.SAM, "approve", id_)
        task = asyncio.create_task(world.drive())
        while machine.performed[data_centre.Action.OFF] == 0:
            await world.clock.sleep(0.0)
            machine.look(world.clock.monotonic())
        await world.press(world_.OLGA, "stop", id_)
        await task
        plan = await world.press(world_.DANA, "back_on", id_)
        assert isinstance(plan, answers.PlanShown)
        await world.press(world_.DANA, "request", plan.request_id)
        await world.press(world_.SAM, "approve", plan.request_id)
        await world.drive()

        await world.look_back(60.0)

        assert (await world.rows(id_))["web09"].late is causes.Late.CAME_ON
        card = cards.render(await world.found(id_), list((await world.rows(id_)).values()))
        assert "OFF" not in str(card.blocks)
        assert "Power back on" not in str(card.blocks)
