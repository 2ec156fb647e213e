"""kill -9 of the bot: the story goes on, and no server is rebooted twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bot.sandbox import data_centre, demo
from bot.sandbox.data_centre import CallFault, CallFaultKind, CallKind, MachineFaultKind
from bot.sandbox.data_centre.api.routing import Operation
from bot.storage import opening
from tests.acceptance.conftest import PATIENCE_S, SAM, Stage


async def until(look: Callable[[], bool]) -> None:
    """Wait for something outside of Slack."""
    async with asyncio.timeout(PATIENCE_S):
        while not look():  # noqa: ASYNC110 -- processes and sockets have no event for it
            await asyncio.sleep(0.02)


async def noted(stage: Stage) -> None:
    """Wait until the bot has written down where its card stands."""
    kept = opening.open_store(f"sqlite:///{stage.playing.bot.folder / 'powerbot.db'}")

    async def cards() -> list[str]:
        found = await kept.read(lambda tx: tx.requests())
        return [one.card.ts for one in found if one.card and one.card.ts]

    try:
        async with asyncio.timeout(PATIENCE_S):
            while not await cards():  # noqa: ASYNC110 -- another process has no event
                await asyncio.sleep(0.02)
    finally:
        await kept.close()


async def read_since(stage: Stage, calls: int) -> None:
    """Wait until the bot has read its servers, and taken in what it read."""
    # The second read begins after the first was dealt with.
    await until(lambda: reads(stage) >= calls + 2)


def reads(stage: Stage) -> int:
    """Return how many times servers were read."""
    return stage.playing.centre.log.counts()[Operation.LIST]


async def kill_and_wait(stage: Stage) -> None:
    """Kill the bot as a crash would, and wait until a new one has connected."""
    bot = stage.playing.bot
    restarts = bot.restarts
    assert bot.kill()
    await until(lambda: bot.restarts > restarts and bool(bot.pid))
    await demo.ready(stage.playing, PATIENCE_S)


async def test_a_waiting_request_outlives_a_kill(stage: Stage) -> None:
    """The card and its buttons work after the restart."""
    card = await stage.ask("/power reboot web01 because test")
    await noted(stage)
    await kill_and_wait(stage)
    await stage.slack.click(SAM, card, "Approve")

    ended = await stage.thread_says(card, "audit head")

    assert "rebooted: web01" in ended
    assert [set(call) for call in stage.power_calls()] == [stage.ids("web01")]


async def test_a_kill_between_intent_and_answer_never_reboots_twice(stage: Stage) -> None:
    """The call was on the wire when the bot died: it is watched after the restart, not sent."""
    slow = CallFault(CallFaultKind.DELAY, CallKind.POWER, delay_s=4.0)
    stage.playing.centre.call_faults.queue(slow, 1)
    card = await stage.ask("/power reboot web[01-02] because test")
    await stage.slack.click(SAM, card, "Approve")
    await until(lambda: bool(stage.power_calls()))
    await kill_and_wait(stage)

    ended = await stage.thread_says(card, "audit head")

    assert "web[01-02]" in ended
    assert [stage.playing.centre.log.reboots_sent(id_) for id_ in stage.ids("web01", "web02")] == [
        1,
        1,
    ]
    received = stage.playing.centre.machine("web01").received
    assert received[data_centre.Action.REBOOT] == 1


async def test_a_kill_while_watching_goes_on_watching(stage: Stage) -> None:
    """A run in the middle of its proof goes on after a restart and ends proven."""
    # One server is at work until the new process has seen it so.
    stage.playing.centre.set_fault("web03", MachineFaultKind.STUCK)
    card = await stage.ask("/power reboot web[01-03] because test")
    await stage.slack.click(SAM, card, "Approve")
    await stage.thread_says(card, "Starting")
    await until(lambda: bool(stage.power_calls()))
    await read_since(stage, reads(stage))
    await kill_and_wait(stage)
    await read_since(stage, reads(stage))
    stage.playing.centre.set_fault("web03", None)

    ended = await stage.thread_says(card, "audit head")

    assert "rebooted: web[01-03]" in ended
    assert len(stage.power_calls()) == 1
