"""Accepted isn't failed, and what we have sent ourselves is nobody else's doing."""

from __future__ import annotations

import asyncio
import pathlib

import pytest

from bot.power import causes
from bot.power.lifecycle import ServerState, State
from bot.power.messages import running
from bot.sandbox import data_centre
from bot.sandbox.data_centre import CallFaultKind, CallKind, MachineFault
from bot.slack.render import cards, home, plans, request_lists, thread_replies
from bot.workflow import answers
from tests.support import databases
from tests.workflow import world as world_

Kind = data_centre.MachineFaultKind


async def run(world: world_.World, text: str) -> str:
    """Carry out what is typed, and return the request's id."""
    id_ = await world.ask(text)
    await world.press(world_.SAM, "approve", id_)
    await world.drive()
    return id_


@pytest.mark.parametrize("text", ["reboot web09", "off web09"])
async def test_what_was_accepted_and_not_proven_is_told_so_and_named_by_the_next_plan(
    text: str, tmp_path: pathlib.Path
) -> None:
    """Nothing was seen to happen: that isn't a failure, and it may still come."""
    async with world_.running(databases.sqlite(tmp_path)) as world:
        if text.startswith("reboot"):
            world.centre.act_externally("web09", data_centre.Action.REBOOT)
            await world.later(300.0)
        world.centre.set_fault("web09", Kind.DEAD_BMC)

        id_ = await run(world, text)
        next_plan = await world.plan(text)

        assert await world.state(id_) is State.PARTIAL
        found, rows = await world.found(id_), list((await world.rows(id_)).values())
        told = str(plans.render(next_plan).blocks)
        assert f"web09 was sent a {'reboot' if 'reboot' in text else 'power-off'} by {id_}" in told
        assert "accepted, not confirmed" in told
        assert "ago" in told
        history = await world.type("history web09")
        assert isinstance(history, answers.HistoryShown)
        at_home = await world.flow.home(found.order.requester)
        word = "accepted, not confirmed" if "reboot" in text else "timed out"
        for place in (
            cards.render(found, rows).text,
            str(cards.render(found, rows).blocks),
            thread_replies.direct(found, rows, running.Ended()).text,
            str(request_lists.history(history).blocks),
            str(home.render(at_home)),
        ):
            assert word in place
            assert "ailed:" not in place


async def test_a_request_names_on_its_card_what_its_servers_were_sent_before(
    tmp_path: pathlib.Path,
) -> None:
    """Whoever approves sees what the requester saw."""
    async with world_.running(databases.sqlite(tmp_path)) as world:
        world.centre.set_fault("web09", Kind.DEAD_BMC)
        first = await run(world, "off web09")

        second = await world.ask("off web09")

        card = str(cards.render(await world.found(second)).blocks)
        assert f"web09 was sent a power-off by {first}" in card


async def test_a_server_that_is_busy_with_our_own_call_isnt_somebody_elses(
    tmp_path: pathlib.Path,
) -> None:
    """Off timed out while it was still under way, and is asked for again."""
    async with world_.running(databases.sqlite(tmp_path)) as world:
        world.centre.set_fault("web09", MachineFault(Kind.SLOW, factor=400.0))
        first = await run(world, "off web09")

        plan = (await world.plan("off web09")).plan

        assert [line.reason for line in plan.lines] == [
            f"it is still busy with our own power-off of {first}"
        ]


async def test_a_call_of_ours_that_begins_late_is_told_as_ours(tmp_path: pathlib.Path) -> None:
    """The first power-off did nothing for ten minutes, and begins under the reboot after it."""
    async with world_.running(databases.sqlite(tmp_path)) as world:
        world.centre.set_fault("web09", Kind.DEAD_BMC)
        first = await run(world, "off web09")
        world.centre.act_externally("web09", data_centre.Action.OFF, 20.0)

        second = await run(world, "reboot web09")

        row = (await world.rows(second))["web09"]
        assert (row.state, row.cause) == (ServerState.SUPERSEDED, causes.Cause.OUR_OWN)
        card = str(cards.render(await world.found(second), [row]).blocks)
        assert f"overtaken by one of our own earlier calls, from {first}" in card


async def test_a_server_that_the_answer_leaves_out_says_so_to_the_end(
    tmp_path: pathlib.Path,
) -> None:
    """A 200 whose list lacks the id is told apart from an answer that never came."""
    async with world_.running(databases.sqlite(tmp_path)) as world:
        world.centre.set_fault("web09", Kind.DEAD_BMC)
        world.centre.queue_fault(CallFaultKind.MISSING_IDS, CallKind.POWER, 1)

        id_ = await run(world, "reboot web09")

        row = (await world.rows(id_))["web09"]
        assert (row.state, row.cause) == (ServerState.UNKNOWN, causes.Cause.LEFT_OUT)
        card = str(cards.render(await world.found(id_), [row]).blocks)
        assert "its answer leaves this server out" in card


@pytest.mark.parametrize(
    ("heir", "cause", "said"),
    [
        ("", causes.Cause.DELETED, "deleted meanwhile"),
        ("ffff", causes.Cause.REPLACED, "another server now has its name"),
    ],
)
async def test_a_server_that_is_deleted_in_mid_run_is_told_as_deleted_or_replaced(
    heir: str, cause: causes.Cause, said: str, tmp_path: pathlib.Path
) -> None:
    """Whoever took its name over was never touched, and never counts as it."""
    async with world_.running(databases.sqlite(tmp_path)) as world:
        world.centre.set_fault("web09", Kind.STUCK)
        id_ = await world.ask("reboot web09")
        await world.press(world_.SAM, "approve", id_)
        task = asyncio.create_task(world.drive())
        while not world.calls():
            await world.clock.sleep(0.0)
        world.centre.delete_server("web09", heir)
        await task

        row = (await world.rows(id_))["web09"]
        assert row.state in (ServerState.TIMED_OUT, ServerState.UNKNOWN)
        assert row.cause is cause
        assert said in str(cards.render(await world.found(id_), [row]).blocks)
        if heir:
            assert sum(world.centre.machine("web09").received.values()) == 0
