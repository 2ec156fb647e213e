"""The work of one person is bounded, and a no is never held up by it."""

from __future__ import annotations

import asyncio

import pytest

from bot.power import errors, inputs, ports
from bot.slack.inbound import admission
from tests.slack import builders
from tests.support import ticks


def line(text: str = "reboot web01", who: str = "U0DANA", key: str = "k1") -> ports.Inbound:
    """Return a line that somebody has typed."""
    person = builders.order().requester.model_copy(update={"user_id": who})
    return builders.inbound(inputs.Typed(text=text), key, person=person)


async def test_person_may_send_so_much_in_a_minute_and_no_more() -> None:
    """The rest is refused in one sentence; a no still comes in, and so does everybody else."""
    clock = ticks.GivenClock()
    counted = admission.Admission(clock)
    for _ in range(admission.PAYLOADS_A_MINUTE):
        counted.admit(line())
        counted.leave(line())

    with pytest.raises(errors.TooMuch, match="in the last minute"):
        counted.admit(line())
    counted.admit(line("stop PR-7F3K"))
    counted.admit(line(who="U0SAM"))
    clock.passed_s += 61.0
    counted.admit(line())


async def test_few_lines_of_one_person_are_worked_on_at_once() -> None:
    """Two are at work, others wait, the rest is refused; a no waits for no turn."""
    counted, gate, at_work = admission.Admission(ticks.GivenClock()), asyncio.Event(), 0

    async def work(inbound: ports.Inbound) -> None:
        nonlocal at_work
        async with counted.turn(inbound):
            at_work += 1
            await gate.wait()
        counted.leave(inbound)

    lines = [line(key=str(number)) for number in range(admission.LINES.of_one)]
    assert all([counted.admit(one) for one in lines])
    tasks = [asyncio.create_task(work(one)) for one in lines]
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert at_work == admission.LINES.at_work_of_one
    with pytest.raises(errors.TooMuch, match="as one person can"):
        counted.admit(line(key="one more"))
    assert not counted.admit(line("stop PR-7F3K"))
    async with asyncio.timeout(1.0), counted.turn(line("stop PR-7F3K")):
        pass
    counted.admit(line(who="U0SAM"))
    async with asyncio.timeout(1.0), counted.turn(line(who="U0SAM")):
        pass
    gate.set()
    await asyncio.gather(*tasks)
    assert counted.admit(line(key="one more"))


async def test_a_line_is_counted_from_the_door_on_and_once() -> None:
    """A burst can't slip in before the first of it is at work; a second delivery counts as one."""
    counted = admission.Admission(ticks.GivenClock())

    new = [counted.admit(line(key=key)) for key in ("a", "a", "b")]

    assert new == [True, False, True]
    for number in range(admission.LINES.of_one - 2):
        counted.admit(line(key=str(number)))
    with pytest.raises(admission.Full) as refused:
        counted.admit(line(key="z"))
    assert refused.value.limit is admission.Limit.OF_ONE
    counted.leave(line(key="a"))
    assert counted.admit(line(key="z"))


@pytest.mark.parametrize(
    "text",
    [
        "reboot web01 because stop the world",
        "off web01 because cancel PR-7F3K",
        "help freeze",
        "stop everything now",
        "status stop",
    ],
)
async def test_person_gets_no_lane_of_a_no_for_a_word_of_one(text: str) -> None:
    """Only what is a no to the letter passes where lines are refused."""
    counted = admission.Admission(ticks.GivenClock())
    for number in range(admission.LINES.of_one):
        counted.admit(line(key=str(number)))

    with pytest.raises(admission.Full):
        counted.admit(line(text, key="z"))


async def test_presses_of_one_person_are_bounded_beside_the_lines() -> None:
    """Buttons have turns of their own: they wait for no line, and Stop for neither."""
    counted = admission.Admission(ticks.GivenClock())

    def press(do: str, key: str) -> ports.Inbound:
        button = inputs.Pressed(do=inputs.Do(do), request_id="PR-7F3K")
        return builders.inbound(button, key, person=line().person)

    for number in range(admission.LINES.of_one):
        counted.admit(line(key=str(number)))
    for number in range(admission.CLICKS.of_one):
        counted.admit(press("retry", f"b{number}"))
    with pytest.raises(admission.Full):
        counted.admit(press("undo", "z"))
    counted.admit(press("stop", "z"))


async def test_typing_person_is_offered_servers_only_so_often() -> None:
    """A program that searches has nothing found, and everybody else still has."""
    clock = ticks.GivenClock()
    searches = admission.Searches(clock)

    found = [searches.admits("U0DANA") for _ in range(200)]
    others = [searches.admits(f"U{number}") for number in range(200)]
    clock.passed_s += admission.SEARCHES_WITHIN_S

    assert (found.count(True), others.count(True)) == (
        admission.SEARCHES_OF_ONE,
        admission.SEARCHES - admission.SEARCHES_OF_ONE,
    )
    assert searches.admits("U0DANA")


async def test_the_next_turn_is_whose_who_had_the_fewest() -> None:
    """Somebody who types one line doesn't wait behind all those of others."""
    shared, order, gate = admission.FairTurns(1, ticks.GivenClock()), [], asyncio.Event()

    async def work(who: str) -> None:
        async with shared.take(who):
            order.append(who)
            await gate.wait()

    people = ("dana", "dana", "dana", "dana", "sam", "sam")
    tasks = [asyncio.create_task(work(who)) for who in people]
    await asyncio.sleep(0)
    first = [*order]
    gate.set()
    await asyncio.gather(*tasks)

    # The first of each waits for nobody.
    assert first == ["dana", "dana", "sam"]
    assert order[3:] == ["sam", "dana", "dana"]


async def test_a_turn_of_whoever_stopped_waiting_is_not_lost() -> None:
    """Whether they waited still, or were just given it."""
    shared = admission.FairTurns(1, ticks.GivenClock())
    async with shared.take("dana"), shared.take("sam"):
        pass

    async def work(gate: asyncio.Event) -> None:
        async with shared.take("dana"):
            await gate.wait()

    gates = [asyncio.Event() for _ in range(3)]
    first, waits, given = [asyncio.create_task(work(gate)) for gate in gates]
    await asyncio.sleep(0)
    waits.cancel()
    await asyncio.sleep(0)
    gates[0].set()
    await first
    given.cancel()
    await asyncio.gather(waits, given, return_exceptions=True)

    async with asyncio.timeout(1.0), shared.take("sam"):
        pass
