"""The work of one person is bounded, and a no is never held up by it."""

from __future__ import annotations

import asyncio

import pytest

from bot.power import errors, ports
from bot.slack import crowd
from tests.slack import builders, fakes


def line(text: str = "reboot web01", who: str = "U0DANA", key: str = "k1") -> ports.Inbound:
    """Return a line that somebody has typed."""
    person = builders.order().requester.model_copy(update={"user_id": who})
    return builders.inbound("command", key=key, person=person, body={"text": text})


async def test_person_may_send_so_much_in_a_minute_and_no_more() -> None:
    """The rest is refused in one sentence; a no still comes in, and so does everybody else."""
    clock = fakes.Clock()
    counted = crowd.Crowd(clock)
    for _ in range(crowd.PAYLOADS_A_MINUTE):
        counted.admit(line())

    with pytest.raises(errors.TooMuch, match="within a minute"):
        counted.admit(line())
    counted.admit(line("stop PR-7F3K"))
    counted.admit(line(who="U0SAM"))
    clock.time += 61.0
    counted.admit(line())


async def test_few_lines_of_one_person_are_worked_on_at_once() -> None:
    """Two are at work, others wait, the rest is refused; a no waits for no turn."""
    counted, gate, at_work = crowd.Crowd(fakes.Clock()), asyncio.Event(), 0

    async def work(inbound: ports.Inbound) -> None:
        nonlocal at_work
        async with counted.turn(inbound):
            at_work += 1
            await gate.wait()

    tasks = [asyncio.create_task(work(line())) for _ in range(crowd.UNDER_WAY_OF_ONE)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert at_work == crowd.AT_WORK_OF_ONE
    with pytest.raises(errors.TooMuch, match="as one person may"):
        counted.admit(line())
    counted.admit(line("stop PR-7F3K"))
    async with asyncio.timeout(1.0), counted.turn(line("stop PR-7F3K")):
        pass
    counted.admit(line(who="U0SAM"))
    async with asyncio.timeout(1.0), counted.turn(line(who="U0SAM")):
        pass
    gate.set()
    await asyncio.gather(*tasks)
    counted.admit(line())
