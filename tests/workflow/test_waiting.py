"""A request that waits for CloudDC or Slack says so on its card, since when and until when."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

from bot.power import ports
from bot.power.causes import Service, Wait
from bot.power.lifecycle import State
from bot.sandbox.data_centre import CallFaultKind, CallKind
from bot.slack.render import cards
from tests.support import databases, ticks
from tests.workflow import world as world_
from tests.workflow.world import SAM, World

LACKS = "the bot's key lacks clouddc:imetal:list"


def card(found: ports.Request) -> str:
    """The card's text."""
    return "\n".join(str(block) for block in cards.render(found).blocks)


async def approved_and_cut_off(world: World) -> str:
    """A request that was approved just before CloudDC could not be read any more."""
    id_ = await world.ask("reboot web01 because x")
    await world.press(SAM, "approve", id_)
    world.clock.passed_s += 30.0
    world.centre.queue_fault(CallFaultKind.FORBIDDEN, CallKind.LIST, 100)
    await world.drive()
    return id_


async def test_an_approved_request_says_what_it_waits_for_and_until_when(world: World) -> None:
    """The first failure is on the card at once, and the time since then stays true."""
    id_ = await approved_and_cut_off(world)
    at = world.clock.now()
    first = await world.found(id_)
    await world.later(60.0)
    later = await world.found(id_)

    assert first.waiting is not None
    assert (first.waiting.service, first.waiting.since) == (Service.CLOUD, at)
    assert first.waiting.until == first.use_by
    assert "Waiting for CloudDC" in card(first)
    assert LACKS in card(first)
    assert later.waiting == first.waiting


async def test_a_card_that_waits_advises_nobody_to_try_again_and_tells_its_term_once(
    world: World,
) -> None:
    """It goes on by itself; an advice to a typist is for an answer to what was typed."""
    id_ = await world.ask("reboot web01 because x")
    await world.press(SAM, "approve", id_)
    world.clock.passed_s += 30.0
    world.centre.queue_fault(CallFaultKind.BAD_GATEWAY, CallKind.LIST, 100)
    await world.drive()

    shown = card(await world.found(id_))

    assert "CloudDC answered 502" in shown
    assert "try again" not in shown
    assert "Nothing was sent" not in shown
    assert shown.count("void") == 1
    assert "Starts on its own as soon as it can" in shown


async def test_an_approved_request_goes_on_when_cloud_answers_again(world: World) -> None:
    """What it waited for leaves the card."""
    id_ = await approved_and_cut_off(world)
    world.centre.call_faults.clear()

    await world.later(5.0)

    found = await world.found(id_)
    assert (found.state, found.waiting) == (State.SUCCEEDED, None)


async def test_a_request_that_waited_in_vain_is_void_with_its_cause(world: World) -> None:
    """Nothing was sent, and the end says what could not be read."""
    id_ = await approved_and_cut_off(world)

    await world.later(900.0)

    found = await world.found(id_)
    assert found.state is State.VOID
    assert LACKS in found.end_reason
    assert world.calls() == []


async def test_an_approved_request_waits_for_slack_by_name(world: World) -> None:
    """An edited policy takes a look-up that fails."""
    id_ = await world.ask("reboot web01 because x")
    await world.press(SAM, "approve", id_)
    world.edit(('sre = ["U0DANA", "U0SAM", "U0LEO"]', 'sre = ["U0SAM", "S0ONCALL"]'))
    world.folk.away = {world_.ONCALL}

    await world.later(30.0)

    found = await world.found(id_)
    assert found.waiting is not None
    assert found.waiting.service is Service.SLACK


async def waits_during(
    folder: pathlib.Path, fault: Callable[[World], None], *, after_calls: int = 0
) -> tuple[list[Wait], ports.Request]:
    """What a run shows that it waits for while these calls fail, and the request at its end."""
    clock, seen = ticks.GivenClock(), []
    async with world_.running(databases.sqlite(folder), clock=clock) as world:
        id_ = await world.ask("off web01 because x")
        await world.press(SAM, "approve", id_)
        left = [fault]

        async def look() -> None:
            if left and len(world.calls()) >= after_calls:
                left.pop()(world)
            seen.append((await world.found(id_)).waiting)

        await look()
        clock.before_wait = look
        await world.drive()
        clock.before_wait = None
        found = await world.found(id_)
    return [one for one in seen if one], found


async def test_a_run_that_is_asked_to_slow_down_shows_it(tmp_path: pathlib.Path) -> None:
    """A 429 is no silence: the card says that the run waits, and then no more."""
    waits, found = await waits_during(
        tmp_path,
        lambda world: world.centre.queue_fault(CallFaultKind.THROTTLED_JSON, CallKind.POWER, 2),
    )

    assert {one.service for one in waits} == {Service.CLOUD}
    assert (found.state, found.waiting) == (State.SUCCEEDED, None)


async def test_a_run_whose_servers_can_t_be_read_shows_it(tmp_path: pathlib.Path) -> None:
    """While polls fail the card says so; the deadline of the servers is when it gives up."""
    waits, found = await waits_during(
        tmp_path,
        lambda world: world.centre.queue_fault(CallFaultKind.FORBIDDEN, CallKind.LIST, 2),
        after_calls=1,
    )

    assert any(LACKS in one.why for one in waits)
    assert all(one.until > one.since for one in waits)
    assert (found.state, found.waiting) == (State.SUCCEEDED, None)
