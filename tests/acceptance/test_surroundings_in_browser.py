"""What surrounds the servers, on the demo's page: letters on the tiles, and faults by menu."""

from __future__ import annotations

import datetime
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright import async_api

from bot.sandbox import surroundings
from tests.acceptance import seeing
from tests.acceptance.browsing import PATIENCE_S, shot
from tests.acceptance.conftest import Stage
from tests.acceptance.playing import Setting, browser


@pytest_asyncio.fixture(params=[Setting(1280, "light"), Setting(390, "dark")], ids=str)
async def page(request: pytest.FixtureRequest, stage: Stage) -> AsyncIterator[async_api.Page]:
    """The data centre on a desk's screen and on a phone's."""
    async with browser() as chromium:
        context = await request.param.context(chromium)
        shown = await context.new_page()
        shown.set_default_timeout(PATIENCE_S * 1000)
        await shown.goto(stage.playing.url)
        if await shown.get_by_test_id("tab-centre").is_visible():
            await shown.get_by_test_id("tab-centre").click()
        yield shown


async def look(page: async_api.Page, name: str) -> None:
    """Keep a picture, and find nothing off the screen, cut or covered."""
    assert page.viewport_size is not None
    width = page.viewport_size["width"]
    await shot(page, f"{name}-{width}")
    assert await seeing.misplaced(page, width) == []


def silence(stage: Stage, value: str) -> None:
    """Silence alerts, as whoever asks Alertmanager does."""
    now = datetime.datetime.now(datetime.UTC)
    matcher = surroundings.Matcher("instance", value, is_regex=True)
    ends = now + datetime.timedelta(hours=1)
    made = surroundings.Silence("", (matcher,), now, ends, "olga", "looking at it", now)
    stage.playing.around.alertmanager.store.post(made)


async def marks(tile: async_api.Locator) -> list[str]:
    """Return the marks of a tile; the style sheet has their letters."""
    found: list[str] = await tile.locator(".marks b").evaluate_all(
        "marks => marks.map((mark) => mark.dataset.mark)"
    )
    return found


async def test_tiles_say_what_surrounds_their_servers(page: async_api.Page, stage: Stage) -> None:
    """By a letter each, in words for who can't see them, and counted in the legend."""
    around = stage.playing.around
    silence(stage, "web0[12](:[0-9]+)?")
    around.kubernetes.cluster.nodes["web01"].unschedulable = True
    around.balancer.out["web01"] = "PR-7F3K"

    tile = page.get_by_test_id("server-web01")
    words = "alerts silenced, draining, 2 pods left, out of the load balancer"
    await async_api.expect(tile).to_have_attribute("aria-label", re.compile(words))
    assert await marks(tile) == ["silenced", "drained", "out"]
    await async_api.expect(page.locator("#legend")).to_contain_text("silenced 2")
    await look(page, "surroundings-1-marks")

    around.kubernetes.cluster.nodes["web01"].unschedulable = False
    around.balancer.out.clear()
    await async_api.expect(tile.locator(".marks b")).to_have_count(1)
    assert await marks(tile) == ["silenced"]


async def test_a_service_and_a_part_break_by_menu(page: async_api.Page, stage: Stage) -> None:
    """A tile breaks its service; the button lets the next call of a part go wrong."""
    tile = page.get_by_test_id("server-web02")
    await tile.click()
    await look(page, "surroundings-3-server")
    await page.locator("[data-service='unwell']").click()
    await async_api.expect(tile).to_have_attribute("aria-label", re.compile("alert firing"))

    await page.get_by_test_id("surroundings-faults").click()
    await look(page, "surroundings-2-faults")
    await page.locator("[data-part='kubernetes'][data-fault='429']").click()
    faults = stage.playing.around.faults
    await stage.until(lambda: list(faults.waiting()) or None)

    [waiting] = faults.waiting()
    assert (waiting.part.value, waiting.fault.value, waiting.left) == ("kubernetes", "429", 1)
    await page.get_by_test_id("surroundings-faults").click()
    await (
        page.get_by_role("menuitem", name="Fix all")
        .or_(page.get_by_role("menuitemradio", name="Fix all"))
        .click()
    )
    await stage.until(lambda: not list(faults.waiting()) or None)
