"""The demo's reboots with everything around them, from Slack to the last pod."""

from __future__ import annotations

import asyncio
import pathlib
from collections.abc import AsyncIterator

import pytest_asyncio

from bot.sandbox import demo, surroundings, workspace
from tests.acceptance.conftest import PATIENCE_S, SAM, Stage

NAMES = tuple(f"web0{number}" for number in range(1, 7))
LINE = "/power reboot web[01-06] because kernel 6.8.5"
TAKEN_OUT = ("silenced", "cordoned", "out")


@pytest_asyncio.fixture
async def surrounded(tmp_path: pathlib.Path) -> AsyncIterator[Stage]:
    """The demo as it comes, with the steps of its own policy."""
    where = demo.Where(port=0, servers=40, data=tmp_path, operation_s=1.0)
    async with demo.running(where) as playing:
        await demo.ready(playing, PATIENCE_S)
        yield Stage(playing)
        assert playing.slack.violations == []


async def approved(stage: Stage) -> workspace.Message:
    """Ask for six reboots and approve them."""
    card = await stage.ask(LINE)
    await stage.slack.click(SAM, card, "Approve")
    return card


async def watched(stage: Stage, card: workspace.Message) -> dict[str, dict[str, object]]:
    """Wait for the end of a run; return how everything stood when each server was rebooting."""
    seen: dict[str, dict[str, object]] = {}

    async def look() -> None:
        while True:
            for row in stage.playing.around.of_note():
                machine = stage.playing.centre.machine(str(row["name"]))
                if machine.look(stage.playing.centre.now()).busy:
                    seen.setdefault(str(row["name"]), row)
            await asyncio.sleep(0.02)

    looking = asyncio.create_task(look())
    try:
        await stage.thread_says(card, "audit head")
    finally:
        looking.cancel()
    return seen


def out(stage: Stage) -> dict[str, list[str]]:
    """Return what each server that isn't as always is taken out of."""
    rows = stage.playing.around.of_note()
    return {str(row["name"]): [key for key in TAKEN_OUT if row[key]] for row in rows}


async def test_six_servers_reboot_silenced_drained_told_and_are_put_back(
    surrounded: Stage,
) -> None:
    """Wave by wave; at the end nothing is silenced, cordoned or out, and each was rebooted once."""
    card = await approved(surrounded)
    seen = await watched(surrounded, card)

    around = surrounded.playing.around
    assert set(seen) == set(NAMES)
    for row in seen.values():
        assert [key for key in TAKEN_OUT if row[key]] == list(TAKEN_OUT), row
        assert (row["pods"], row["firing"]) == (0, False), row
    assert out(surrounded) == {}
    assert [surrounded.playing.centre.reboots_received(name) for name in NAMES] == [1] * 6
    halves = [hook.type.rpartition(".")[2] for hook in around.balancer.hooks]
    assert halves == ["before", "after", "before", "after"]
    assert not any(hook.again for hook in around.balancer.hooks)


async def test_a_server_that_does_not_come_back_well_stays_out(surrounded: Stage) -> None:
    """The run stops itself; the rest was never touched, and those that are well are back.

    A person who presses Put back has the last word.
    """
    around = surrounded.playing.around
    around.services.faults["web02"] = surroundings.ServiceFault.UNWELL
    card = await approved(surrounded)
    seen = await watched(surrounded, card)

    assert set(seen) == {"web01", "web02", "web03"}
    assert out(surrounded) == {"web02": list(TAKEN_OUT)}
    assert [surrounded.playing.centre.reboots_received(name) for name in NAMES] == (
        [1, 1, 1, 0, 0, 0]
    )
    last = around.balancer.hooks[-1]
    assert (last.type, last.data["well"]) == ("powerbot.wave.after", ["web01", "web03"])
    told = " ".join(reply.text for reply in surrounded.slack.thread(card.channel, card.ts))
    assert "HTTP 503" in told
    assert "*still out:* web02" in told

    [card] = [one for one in surrounded.slack.messages("C0OPS", SAM) if one.ts == card.ts]
    await surrounded.slack.click(SAM, card, "Put back")
    await surrounded.until(lambda: not out(surrounded).get("web02", list(TAKEN_OUT)) or None)
    assert around.balancer.hooks[-1].data["well"] == []
