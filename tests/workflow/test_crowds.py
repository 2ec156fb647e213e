"""Two hundred clicks of all kinds at the same moment: one end, one run, and everybody is told."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import datetime
import json
import pathlib
import random
import re
import sys
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot.power import lifecycle
from bot.power.lifecycle import State
from bot.runtime import clocks
from bot.sandbox import data_centre
from bot.sandbox.data_centre import serve
from bot.storage.admin import audit_chain
from bot.storage.engine import connections
from tests.support import centre as centres, databases
from tests.workflow import world as world_
from tests.workflow.world import DANA, LEO, OLGA, ROSA, SAM, World

REPOSITORY = pathlib.Path(__file__).parents[2]
PATIENCE_S = 120.0
CLICKS = 200
# What is pressed by people who may: Cancel needs no look-up and so wins whenever it is there.
MAY = {
    "approve": [(SAM, "approve"), (ROSA, "approve"), (LEO, "approve")],
    "approve-or-stop": [(SAM, "approve"), (ROSA, "approve"), (LEO, "stop"), (OLGA, "stop")],
    "approve-or-deny": [(SAM, "approve"), (LEO, "approve"), (ROSA, "approve"), (SAM, "deny")],
    "all": [(SAM, "approve"), (ROSA, "approve"), (ROSA, "deny"), (DANA, "cancel"), (LEO, "stop")],
}
# What is pressed by people who may not, or changes nothing.
MAY_NOT = [
    *[(DANA, "approve"), (OLGA, "approve"), (OLGA, "deny"), (SAM, "cancel")],
    *[("U0GUEST", "approve"), (DANA, "nudge"), (DANA, "request"), (OLGA, "verdict")],
]
WINNERS = {
    State.DENIED: r"Denied PR-\w+\.",
    State.CANCELLED: r"PR-\w+ is cancelled\.",
    State.STOPPED: (
        r"PR-\w+ is stopped\."
        r"|PR-\w+ sends nothing more; what was already sent is still watched\."
    ),
}


class Bot:
    """One of the processes."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def press(self, clicks: list[list[str]]) -> list[list[str]]:
        """Press all of these at the same moment and return what each was told."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(clicks).encode() + b"\n")
        await self._process.stdin.drain()
        return list(json.loads(await self._line()))

    async def ready(self) -> None:
        """Wait until it takes clicks."""
        assert await self._line() == b"ready\n"

    async def end(self) -> None:
        """Let it end by itself."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        await asyncio.wait_for(self._process.wait(), PATIENCE_S)

    async def _line(self) -> bytes:
        assert self._process.stdout is not None
        return await asyncio.wait_for(self._process.stdout.readline(), PATIENCE_S)


@contextlib.asynccontextmanager
async def bots(count: int, url: str, cloud_url: str) -> AsyncIterator[list[Bot]]:
    """Run several bots on one database."""
    made = [
        Bot(
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.workflow.clicker", url, cloud_url),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                cwd=REPOSITORY,
                limit=2**22,
            )
        )
        for _ in range(count)
    ]
    for one in made:
        await one.ready()
    yield made
    for one in made:
        await one.end()


@pytest_asyncio.fixture
async def centre() -> AsyncIterator[tuple[data_centre.DataCentre, str]]:
    """A data centre that listens, whose operations take a moment."""
    made = data_centre.DataCentre(
        data_centre.build(120, seed=0),
        clock=time.monotonic,
        wall=lambda: datetime.datetime.now(datetime.UTC),
        account=centres.ACCOUNT,
        pace=data_centre.Pace(0.3),
    )
    listening = await serve.start(made)
    yield made, listening.url
    await listening.stop()


@pytest.fixture(params=["sqlite-1", "postgresql-2"])
def where(
    request: pytest.FixtureRequest, tmp_path: pathlib.Path, postgres: databases.Postgres
) -> tuple[str, int]:
    """A database's address, and how many processes are on it."""
    if request.param == "sqlite-1":
        return databases.sqlite(tmp_path), 1
    return postgres.fresh(), 2


async def ended(world: World, id_: str) -> State:
    """Wait until a request has ended."""
    deadline = time.monotonic() + PATIENCE_S
    while (state := await world.state(id_)) not in lifecycle.ENDED:
        assert time.monotonic() < deadline, state
        await asyncio.sleep(0.1)
    return state


async def test_crowd_of_clicks_has_one_end_and_at_most_one_run(
    where: tuple[str, int], centre: tuple[data_centre.DataCentre, str]
) -> None:
    """Whoever is quicker wins, once; each of the others is told who or what that was."""
    url, count = where
    async with (
        world_.beside(url, centre[1], clocks.SystemClock()) as world,
        bots(count, url, centre[1]) as running,
    ):
        for seed, kinds in enumerate(MAY):
            id_ = await world.ask(f"reboot db0{seed + 1} because x")
            shares = drawn(id_, kinds, count, random.Random(seed))
            told = await asyncio.gather(
                *(one.press(share) for one, share in zip(running, shares, strict=True))
            )
            state = await ended(world, id_)
            said = [
                (who, do, answer[0], answer[1])
                for share, answers_ in zip(shares, told, strict=True)
                for (who, do, _, _), answer in zip(share, answers_, strict=True)
            ]
            assert len(said) == CLICKS
            await judge(world, id_, state, said)
            print(kinds, state, collections.Counter(how for _, _, how, _ in said))  # noqa: T201

    sent = [id_ for entry in centre[0].power_calls() for id_ in entry.ids]
    assert len(sent) == len(set(sent))
    with connections.reading(url) as connection:
        assert audit_chain.verify(connection).ok


def drawn(id_: str, kinds: str, count: int, draw: random.Random) -> list[list[list[str]]]:
    """Return the clicks for each process; now and then Slack delivers the same one again."""
    shares: list[list[list[str]]] = [[] for _ in range(count)]
    for number in range(CLICKS):
        who, do = draw.choice(draw.choice([MAY[kinds], MAY[kinds], MAY_NOT]))
        same = number if draw.random() > 0.1 else draw.randrange(number + 1)
        shares[number % count].append([who, do, id_, f"click-{id_}-{same}"])
    return shares


async def judge(
    world: World, id_: str, state: State, said: list[tuple[str, str, str, str]]
) -> None:
    """Hold what was answered against what has happened."""
    found = await world.found(id_)
    attempts = await world.attempts(id_)
    taken = collections.Counter(text for _, _, how, text in said if how == "taken")
    for end, words in WINNERS.items():
        won = sum(n for text, n in taken.items() if re.fullmatch(words, text))
        assert won == (1 if state is end else 0) or (end is State.STOPPED and found.stopped_by), end
    if state in lifecycle.NEVER_RAN:
        assert attempts == []
    assert len(attempts) <= 1
    approvers = {one.person.user_id for one in found.approvals}
    assert approvers <= {SAM, ROSA, LEO}
    if attempts:
        assert ROSA in approvers or LEO in approvers
        assert len(approvers) >= 2
    named = {*approvers, found.stopped_by, *re.findall(r"U0\w+", found.end_reason)} - {""}
    for who, do, how, text in said:
        assert how in ("taken", "refused", "doubled", "shown"), (who, do, how, text)
        assert text or how == "doubled"
        if how == "refused" and text.startswith(f"{id_} has already ended"):
            assert any(name in text for name in named), text
        if how == "refused" and (who, do) not in MAY_NOT and text.startswith(f"{id_} is "):
            assert any(name in text for name in approvers), text
