"""Questions while CloudDC hangs are answered from the last reading; changes wait for a new one."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import pathlib
from collections.abc import AsyncIterator

import httpx
import pytest

from bot.power import errors
from bot.power.lifecycle import State
from bot.sandbox import data_centre
from bot.slack.render import private_answers
from bot.workflow import answers
from bot.workflow.questions import queries
from tests.support import centre as centres, databases, virtual
from tests.workflow import world as world_
from tests.workflow.world import SAM, World

HOUR_S = 3600.0
QUESTIONS = ["status", "status web*", "list web01", "why web01", "history web01"]


class Way:
    """The way to a data centre; while it hangs, nothing is answered."""

    def __init__(self, centre: data_centre.DataCentre) -> None:
        self.centre = centre
        self._open = asyncio.Event()
        self._open.set()

    def hang(self) -> None:
        """Answer nothing from now on."""
        self._open.clear()

    def let_go(self) -> None:
        """Answer whoever waits, and everybody after them."""
        self._open.set()

    async def carry(self, call: httpx.Request) -> httpx.Response:
        """Bring a call there, and its answer back."""
        await self._open.wait()
        return centres.told(centres.asked(self.centre, call))


@dataclasses.dataclass
class Stage:
    """A world, and the way by which it reaches its data centre."""

    world: World
    way: Way

    async def asked(self, line: str) -> tuple[answers.Answer, float]:
        """Type a question; return the answer, and how many seconds it took."""
        began = asyncio.get_running_loop().time()
        answer = await self.world.type(line)
        assert answer is not None
        return answer, asyncio.get_running_loop().time() - began


@contextlib.asynccontextmanager
async def staged(folder: pathlib.Path) -> AsyncIterator[Stage]:
    """Run a world on the loop's own time."""
    clock = virtual.VirtualClock(asyncio.get_running_loop())
    way = Way(world_.a_centre(clock))
    async with world_.running(
        databases.sqlite(folder),
        clock=clock,
        centre=way.centre,
        way=httpx.MockTransport(way.carry),
    ) as world:
        yield Stage(world, way)


def read(answer: answers.Answer) -> str:
    """Return what a person reads of an answer."""
    assert isinstance(
        answer, answers.FleetShown | answers.WhyShown | answers.HistoryShown | answers.Mistake
    )
    return str(private_answers.render(answer).blocks)


@pytest.mark.parametrize("line", QUESTIONS)
@virtual.on_given_time
async def test_a_question_is_answered_from_the_last_reading(
    tmp_path: pathlib.Path, line: str
) -> None:
    """After a moment, and it says how old that reading is."""
    async with staged(tmp_path) as stage:
        await stage.asked("status")
        await asyncio.sleep(2 * HOUR_S)
        stage.way.hang()

        answer, took_s = await stage.asked(line)

    assert took_s == pytest.approx(queries.PATIENCE_S)
    assert "CloudDC hasn't answered yet. This uses its list from 2 h 2 s ago." in read(answer)
    assert "Now:" not in read(answer)


@pytest.mark.parametrize("line", QUESTIONS)
@virtual.on_given_time
async def test_a_question_before_the_first_reading_waits_for_it(
    tmp_path: pathlib.Path, line: str
) -> None:
    """A slow beginning is nothing that anybody is told of."""
    async with staged(tmp_path) as stage:
        stage.way.hang()
        asyncio.get_running_loop().call_later(9.0, stage.way.let_go)

        answer, took_s = await stage.asked(line)

    assert took_s == pytest.approx(9.0)
    assert "hasn't answered" not in read(answer)


@virtual.on_given_time
async def test_the_next_question_gets_what_came_meanwhile(tmp_path: pathlib.Path) -> None:
    """A reading that came too late for one question is shown to the next, at once."""
    async with staged(tmp_path) as stage:
        await stage.asked("status")
        await asyncio.sleep(HOUR_S)
        stage.way.hang()
        await stage.asked("status")
        stage.way.let_go()
        await asyncio.sleep(1.0)

        answer, took_s = await stage.asked("status")

    assert took_s == 0.0
    assert isinstance(answer, answers.FleetShown)
    assert answer.outdated is None


@pytest.mark.parametrize("line", QUESTIONS)
@virtual.on_given_time
async def test_a_question_that_cloud_refuses_is_answered_with_the_cause(
    tmp_path: pathlib.Path, line: str
) -> None:
    """What is missing, and who can mend it, stands beside the last reading."""
    async with staged(tmp_path) as stage:
        await stage.asked("status")
        await asyncio.sleep(HOUR_S)
        fault = data_centre.CallFaultKind.FORBIDDEN
        stage.world.centre.queue_fault(fault, data_centre.CallKind.LIST, 100)

        answer, _ = await stage.asked(line)

    assert "the bot's key lacks clouddc:imetal:list" in read(answer)
    assert "This uses its list from 1 h ago." in read(answer)


@pytest.mark.parametrize("line", ["status nosuch01", "why nosuch01", "history nosuch01"])
@virtual.on_given_time
async def test_a_name_that_the_last_reading_lacks_is_no_surer_than_that(
    tmp_path: pathlib.Path, line: str
) -> None:
    """The server may have been added since."""
    async with staged(tmp_path) as stage:
        await stage.asked("status")
        await asyncio.sleep(HOUR_S)
        stage.way.hang()

        answer, _ = await stage.asked(line)

    assert isinstance(answer, answers.Mistake)
    assert "nosuch01" in read(answer)
    assert answer.problem.endswith("This uses its list from 1 h 2 s ago.")


@virtual.on_given_time
async def test_a_change_is_never_planned_on_the_last_reading(tmp_path: pathlib.Path) -> None:
    """It waits, and fails where CloudDC stays silent."""
    async with staged(tmp_path) as stage:
        await stage.asked("status")
        await asyncio.sleep(HOUR_S)
        stage.way.hang()

        began = asyncio.get_running_loop().time()
        with pytest.raises(errors.CloudError):
            await stage.world.type("reboot web01 because x")

    assert asyncio.get_running_loop().time() - began > 10 * queries.PATIENCE_S / 2


@virtual.on_given_time
async def test_an_approved_request_sends_nothing_on_the_last_reading(
    tmp_path: pathlib.Path,
) -> None:
    """Questions that are answered meanwhile make no reading newer than it is."""
    async with staged(tmp_path) as stage:
        id_ = await stage.world.ask("reboot web01 because x")
        await stage.world.press(SAM, "approve", id_)
        await asyncio.sleep(60.0)
        stage.way.hang()
        await stage.asked("status")

        await stage.world.drive()

        assert await stage.world.state(id_) is State.VOID
        assert stage.world.calls() == []
