"""Free plays of the demo, at a desk and on a phone, in light and in dark colours.

Each play is looked at where it matters: nothing is off the screen, cut or covered, axe finds
nothing, and no program speaks. Usually each play runs in one setting; POWERBOT_PLAYS=all runs
each in all four, and POWERBOT_SCREENSHOTS=FOLDER keeps a picture of every look.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from playwright.async_api import expect

from bot.sandbox import demo
from bot.sandbox.data_centre import MachineFaultKind
from tests.acceptance.conftest import DANA, PATIENCE_S, ROSA, SAM, Stage
from tests.acceptance.playing import Player, Setting, Theatre, browser, player
from tests.outside import npm

pytestmark = pytest.mark.asyncio(loop_scope="module")

INC = "C0INC"
SETTINGS = tuple(
    Setting(*one) for one in ((390, "light"), (1280, "dark"), (390, "dark"), (1280, "light"))
)
OPERATION_S = 1.5
HALL = 40


async def plan_and_cancel(p: Player) -> None:
    """A dry run, the plan of several kinds of servers with its details, and a change of mind."""
    await p.type("/power cycle worker[02-04] db01 --dry-run because dry run")
    await p.private("dry run").wait_for()
    await p.look("dry-run")
    card = await p.ask("/power off worker[02-04] db01 --batch 2 --pause 5s", "cooling fails")
    await p.press(card, "Details")
    await p.private("Rack").wait_for()
    await p.look("details")
    await p.press(card, "Cancel")
    await p.says(card, "Cancelled")
    await p.look("cancelled")


async def deny(p: Player) -> None:
    """A denial says why, and can be asked again."""
    card = await p.ask("/power off cache01", "spare parts")
    await p.be(SAM)
    await p.press(card, "Deny")
    await p.by("modal").wait_for()
    await p.look("form")
    await p.fill("not during the sale")
    await p.says(card, "Denied by", "not during the sale")
    await p.be(DANA)
    await p.press(card, "Ask again")
    await p.private("spare parts").wait_for()
    await p.look("again")


async def retry(p: Player) -> None:
    """What failed is named with the vendor's words, and can be tried again."""
    p.stage.playing.centre.set_fault("worker13", MachineFaultKind.FAILS)
    card = await p.ask("/power reboot worker[12-13]", "firmware update")
    await p.approve(SAM, card)
    await p.says(card, "1 of 2 rebooted", "worker13")
    await p.look("partly")
    p.stage.playing.centre.set_fault("worker13", None)
    await p.press(card, "Retry failed")
    again = p.private("firmware update")
    await again.wait_for()
    await p.look("plan")
    await p.press(again, "Request")
    await expect(p.card("firmware update").get_by_role("button", name="Approve")).to_be_visible()
    await p.approve(DANA, p.card("firmware update"))
    await p.says(p.card("firmware update"), "worker13 rebooted")
    await p.look("done")


async def home(p: Player) -> None:
    """Home shows what waits, decides it, and begins a new request."""
    await p.ask("/power reboot worker16", "memory errors")
    await p.be(SAM)
    await p.by("home-tab").click()
    await p.says(p.by("home"), "memory errors")
    await p.look("waiting")
    await p.by("home").get_by_role("button", name="Details").last.click()
    await p.by("modal").wait_for()
    await p.look("details")
    await p.leave()
    await p.press(p.by("home"), "Approve", sure=True)
    await p.says(p.by("home"), "Succeeded")
    await p.look("finished")
    await p.press(p.by("home"), "New request")
    await p.by("modal").wait_for()
    await p.look("new-request")


Play = Callable[[Player], Awaitable[None]]
# Which plays share a demo, and how many servers it has.
BILL: tuple[tuple[int, tuple[Play, ...]], ...] = (
    (HALL, (plan_and_cancel, deny, retry)),
    (HALL, (home,)),
)


@dataclasses.dataclass(frozen=True)
class Hall:
    """Where some plays are given one after the other: a demo of its own, seen in one setting."""

    servers: int
    place: int
    setting: Setting


def performances() -> list[object]:
    """Return each play in one setting, and each setting with several plays; or all of them."""
    everything = os.environ.get("POWERBOT_PLAYS") == "all"
    once = enumerate(SETTINGS[: len(BILL)])
    chosen = itertools.product(range(len(BILL)), SETTINGS) if everything else once
    return [
        pytest.param(Hall(BILL[place][0], place, setting), play, id=f"{play.__name__}-{setting}")
        for place, setting in chosen
        for play in BILL[place][1]
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
        where = demo.Where(
            port=0,
            servers=hall.servers,
            data=self._folders.mktemp("demo"),
            operation_s=OPERATION_S,
        )
        async with demo.running(where) as playing, browser() as chromium:
            await demo.ready(playing, PATIENCE_S)
            for channel in (INC, "C0DEV"):
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
