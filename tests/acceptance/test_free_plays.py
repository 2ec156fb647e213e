"""Free plays of the demo, at a desk and on a phone, in light and in dark colours.

Each play is looked at where it matters: nothing is off the screen, cut or covered, axe finds
nothing, and no program speaks. Usually a few plays run in one setting each; POWERBOT_PLAYS=all
runs all of them in all four, and POWERBOT_SCREENSHOTS=FOLDER keeps a picture of every look.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import os
import pathlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot.sandbox import demo
from tests.acceptance import seeing
from tests.acceptance.conftest import PATIENCE_S, ROSA, SAM, Stage
from tests.acceptance.playing import Setting, Theatre, browser, player
from tests.acceptance.plays.bill import BILL, Play
from tests.outside import npm

pytestmark = pytest.mark.asyncio(loop_scope="module")

SETTINGS = tuple(
    Setting(*one) for one in ((390, "light"), (1280, "dark"), (390, "dark"), (1280, "light"))
)
OPERATION_S = 1.5
PLAYS = 25
MOST_BROUGHT = 50_000


@dataclasses.dataclass(frozen=True)
class Hall:
    """Where an evening of the bill is given: a demo of its own, seen in one setting."""

    place: int
    setting: Setting


def performances() -> list[object]:
    """Return some plays in one setting each, and each setting with one at least; or all."""
    everything = os.environ.get("POWERBOT_PLAYS") == "all"
    once = enumerate(SETTINGS)
    chosen = itertools.product(range(len(BILL)), SETTINGS) if everything else once
    return [
        pytest.param(Hall(place, setting), play, id=f"{play.__name__}-{setting}")
        for place, setting in chosen
        for play in (BILL[place].plays if everything else BILL[place].sample)
    ]


class House:
    """The hall that is open; the next one is opened when the last play of this one is over."""

    def __init__(self, folders: pytest.TempPathFactory, axe: str) -> None:
        """`folders` makes a folder for each demo; `axe` is the accessibility checker's script."""
        self._folders = folders
        self._axe = axe
        self._open = contextlib.AsyncExitStack()
        self._now: tuple[Hall, Theatre] | None = None

    async def theatre(self, hall: Hall) -> Theatre:
        """Return the demo and the browser of a hall."""
        if self._now is None or self._now[0] != hall:
            await self.close()
            self._now = hall, await self._open.enter_async_context(self._opened(hall))
        return self._now[1]

    async def close(self) -> None:
        """Close the hall that is open."""
        self._now = None
        await self._open.aclose()

    @contextlib.asynccontextmanager
    async def _opened(self, hall: Hall) -> AsyncIterator[Theatre]:
        """Start a demo in which others have spoken in two channels, and a browser."""
        evening, data = BILL[hall.place], self._folders.mktemp("demo")
        if evening.policy:
            (data / "policy.toml").write_text(evening.policy)
        where = demo.Where(port=0, servers=evening.servers, data=data, operation_s=OPERATION_S)
        async with demo.running(where) as playing, browser() as chromium:
            await demo.ready(playing, PATIENCE_S)
            for channel in ("C0INC", "C0DEV"):
                playing.slack.say(SAM, channel, "web04 hangs again, who has a look?")
                playing.slack.say(ROSA, channel, "I do")
            yield Theatre(Stage(playing), chromium, hall.setting, self._axe)
            assert playing.slack.violations == []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """Where all plays are given."""
    installed = npm.install(tmp_path_factory.mktemp("axe"), "axe-core")
    made = House(tmp_path_factory, (installed / "axe-core" / "axe.min.js").read_text())
    yield made
    await made.close()


@pytest.mark.parametrize(("hall", "play"), performances())
async def test_player_finds_the_screen_in_order_wherever_the_play_leads(
    house: House, hall: Hall, play: Play
) -> None:
    """In each play, at each point where somebody would look."""
    async with player(await house.theatre(hall), play.__name__) as p:
        await play(p)


async def test_look_for_barriers_brings_little_from_a_large_page(tmp_path: pathlib.Path) -> None:
    """The stand-ins answer on the same loop: what takes long to read here cuts the bot off."""
    axe = (npm.install(tmp_path, "axe-core") / "axe-core" / "axe.min.js").read_text()
    async with browser() as chromium:
        page = await chromium.new_page()
        await page.set_content("<button></button>" * 100 + "<button>on</button>" * 600)
        found = await seeing.barriers(page, axe)
        brought = await page.evaluate(seeing.BARRIERS)

    assert any(each.startswith("button-name") for each in found)
    assert len(json.dumps(brought)) < MOST_BROUGHT


async def test_each_play_has_a_name_of_its_own() -> None:
    """Tests and pictures are told apart by it."""
    names = [play.__name__ for evening in BILL for play in evening.plays]

    assert len(names) == len(set(names)) == PLAYS
    assert all(set(evening.sample) <= set(evening.plays) for evening in BILL)
    assert all(evening.sample for evening in BILL[: len(SETTINGS)])
