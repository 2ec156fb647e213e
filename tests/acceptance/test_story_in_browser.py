"""The guided story of the demo's page: wide and narrow, by mouse and by keyboard, for everybody."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright import async_api
from playwright.async_api import expect

from bot.sandbox import demo
from tests.acceptance import seeing
from tests.acceptance.browsing import FLAGS, chromium
from tests.acceptance.conftest import PATIENCE_S, Stage
from tests.outside import npm

SHOTS = os.environ.get("POWERBOT_SCREENSHOTS", "")
# What axe calls worse than moderate would keep somebody from using the page.
SERIOUS = {"serious", "critical"}
STEPS = 12
WIDE, NARROW = (1280, "light"), (390, "dark")
QUICK_S = 6.0


@dataclasses.dataclass
class Reader:
    """Somebody who has the page open and follows the story."""

    page: async_api.Page
    stage: Stage
    axe: str
    name: str

    def by(self, test_id: str) -> async_api.Locator:
        """Return the element with this hook."""
        return self.page.get_by_test_id(test_id)

    async def step(self, number: int) -> None:
        """Wait until the story has come to this step, look at the page, and keep a picture."""
        await expect(self.page.locator(f"#story[data-step='{number}']")).to_be_visible(
            timeout=PATIENCE_S * 1000
        )
        assert await self.barriers() == []
        await self.picture(f"step-{number}")

    async def help(self) -> None:
        """Press the step's button."""
        await self.by("story-help").click()

    async def barriers(self) -> list[str]:
        """Return what axe finds that is serious."""
        if not await self.page.evaluate("() => 'axe' in window"):
            await self.page.add_script_tag(content=self.axe)
        found: list[dict[str, Any]] = await self.page.evaluate(seeing.BARRIERS)
        return [
            f"{one['id']}: {one['nodes'][0]['html'][:200]}"
            for one in found
            if one["impact"] in SERIOUS
        ]

    async def open_to_all(self, name: str) -> None:
        """Look at what is open, and keep a picture of it."""
        await self.picture(name.replace(" ", "-"))
        assert await self.barriers() == [], name

    async def picture(self, name: str) -> None:
        """Keep a screenshot when a folder for them is named."""
        if SHOTS:
            path = pathlib.Path(SHOTS) / f"{self.name}-{name}.png"
            await self.page.screenshot(path=path)

    async def chat(self) -> None:
        """Go to the chat, where only one half of the page is shown."""
        if await self.by("tab-chat").is_visible():
            await self.by("tab-chat").click()

    async def leave_thread(self) -> None:
        """Close the thread, which covers a narrow page."""
        if await self.by("thread-close").is_visible():
            await self.by("thread-close").click()

    def card(self, names: str) -> async_api.Locator:
        """Return the newest card that names these servers."""
        return self.page.locator("#messages").get_by_test_id("message").filter(has_text=names).last

    async def press(self, where: async_api.Locator, words: str) -> None:
        """Press a button, and yes in the dialog that asks once more."""
        await where.get_by_role("button", name=words, exact=False).first.click()
        if words in ("Approve", "Put back"):
            await self.by("confirm-ok").wait_for()
            await self.open_to_all("dialog")
            await self.by("confirm-ok").click()


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The accessibility checker's script."""
    installed = npm.install(tmp_path_factory.mktemp("axe"), "axe-core")
    return (installed / "axe-core" / "axe.min.js").read_text()


@pytest_asyncio.fixture
async def quick_stage(tmp_path: pathlib.Path) -> AsyncIterator[Stage]:
    """A demo whose servers need a few seconds only."""
    where = demo.Where(port=0, servers=40, data=tmp_path, operation_s=QUICK_S)
    async with demo.running(where) as playing:
        await demo.ready(playing, PATIENCE_S)
        yield Stage(playing)
        assert playing.slack.violations == []


@pytest_asyncio.fixture(params=[WIDE, NARROW], ids=["1280-light", "390-dark"])
async def reader(
    request: pytest.FixtureRequest, quick_stage: Stage, axe: str
) -> AsyncIterator[Reader]:
    """The page, wide and light or narrow and dark; at the end it has raised no error."""
    width, scheme = request.param
    async with async_api.async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        page = await browser.new_page(
            viewport={"width": width, "height": 844}, color_scheme=scheme, reduced_motion="reduce"
        )
        page.set_default_timeout(PATIENCE_S * 1000)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        await page.goto(quick_stage.playing.url)
        yield Reader(page, quick_stage, axe, f"{width}-{scheme}")
        await browser.close()
        assert errors == []


async def test_newcomer_follows_the_story_to_its_end(reader: Reader) -> None:
    """Each step ticks off as it is done, and nothing on the way is a barrier to anybody."""
    page, by = reader.page, reader.by
    await reader.step(1)
    await reader.help()
    await by("send").click()
    await reader.step(2)
    await reader.help()
    await expect(by("ephemeral").last.get_by_role("button", name="Request")).to_be_focused()
    await reader.press(by("ephemeral").last, "Request")
    await reader.step(3)
    await by("channel-C0INC").click()
    await expect(by("story-help")).to_have_text("Go to #ops")
    await reader.help()
    card = reader.card("web[01-06]")
    await reader.press(card, "Approve")
    await reader.step(4)
    await expect(by("story-help")).to_have_text("Be Sam")
    await reader.help()
    await reader.press(card, "Approve")
    await reader.step(5)
    await expect(card).to_contain_text("Rebooting")
    # The bot has to have seen them at work: what it has not seen it calls "not confirmed".
    await expect(reader.page.locator("#request-log .power ~ li")).not_to_have_count(0)
    await reader.help()
    await reader.step(6)
    await reader.help()
    await reader.step(7)
    await expect(by("thread-panel")).to_be_visible()
    await expect(by("thread-panel")).to_contain_text("Restarted; picked up after")
    await reader.open_to_all("thread")
    await reader.leave_thread()
    await reader.help()
    await reader.picture("racks")
    await page.keyboard.press("Enter")
    await page.get_by_role("menuitemradio", name="fails").click()
    await reader.step(8)
    await reader.chat()
    await reader.help()
    await by("send").click()

    await reader.press(by("ephemeral").filter(has_text="web[10-12]").last, "Request")
    await by("person-U0SAM").click()
    await reader.press(reader.card("web[10-12]"), "Approve")
    await reader.step(9)
    await reader.help()
    await page.keyboard.press("Enter")
    await page.get_by_role("menuitemradio", name="service unwell").click()
    await reader.step(10)
    await reader.chat()
    await reader.help()
    await by("send").click()
    await reader.press(by("ephemeral").filter(has_text="web[07-09]").last, "Request")
    await by("person-U0SAM").click()
    await reader.press(reader.card("web[07-09]"), "Approve")
    await reader.step(11)
    await reader.picture("still-out")
    await reader.press(reader.card("still out"), "Put back")
    await reader.step(12)
    if await by("tab-centre").is_visible():
        await by("tab-centre").click()
    await reader.help()
    await expect(by("home")).to_be_visible()
    await reader.step(STEPS + 1)
    await expect(by("home-tab")).to_be_in_viewport(ratio=0.9)

    assert reader.stage.playing.bot.restarts >= 1
    rows = reader.stage.playing.around.of_note()
    assert [row["name"] for row in rows if row["out"]] == ["web11"]
    for name in ("web01", "web06"):
        assert reader.stage.playing.centre.reboots_received(name) == 1


@pytest.mark.parametrize("reader", [WIDE], indirect=True, ids=["1280-light"])
async def test_newcomer_without_a_mouse_asks_and_approves(reader: Reader) -> None:
    """Everything from the first word to the proof can be reached by keys, where there are keys."""
    page = reader.page
    await reader.step(1)

    await tab_to(page, "story-help")
    await page.keyboard.press("Enter")
    await expect(reader.by("composer")).to_be_focused()
    await page.keyboard.press("Enter")
    await reader.step(2)
    await tab_to(page, "Request")
    await page.keyboard.press("Enter")
    await reader.step(3)
    await tab_to(page, "person-U0SAM")
    await page.keyboard.press("Enter")
    await tab_to(page, "Approve")
    await page.keyboard.press("Space")
    await expect(reader.by("confirm-cancel")).to_be_focused()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await reader.step(5)
    await tab_to(page, "replies-button")
    await page.keyboard.press("Enter")
    await expect(reader.by("thread-panel")).to_contain_text("audit head", timeout=120_000)
    assert await reader.barriers() == []
    await page.keyboard.press("Escape")

    await expect(reader.by("thread-panel")).to_be_hidden()


async def tab_to(page: async_api.Page, wanted: str) -> None:
    """Press Tab until a control with this hook or these words has the focus."""
    for _ in range(150):
        await page.keyboard.press("Tab")
        found = await page.evaluate(
            "() => { const at = document.activeElement;"
            " return [at.dataset.testid ?? '', at.textContent.trim()]; }"
        )
        if wanted in found:
            return
    pytest.fail(f"{wanted} can't be reached by Tab")


async def test_every_control_has_a_name(reader: Reader) -> None:
    """In a screen reader's tree no button, input or link is nameless."""
    await reader.step(1)
    nameless = await reader.page.evaluate(
        """() => [...document.querySelectorAll('button, input, textarea, select, a[href]')]
          .filter((one) => one.checkVisibility())
          .filter((one) => !(one.getAttribute('aria-label') || one.textContent.trim()
            || one.labels?.length || one.title))
          .map((one) => one.outerHTML.slice(0, 120))"""
    )

    assert nameless == []


async def test_no_dialog_or_menu_is_a_barrier(reader: Reader) -> None:
    """The form, its review, the dialogs, the menus and Details are for everybody too."""
    page, by = reader.page, reader.by
    await reader.step(1)
    await by("story-toggle").click()
    await reader.open_to_all("story list")
    await by("story-toggle").click()
    await by("shortcuts").click()
    await reader.open_to_all("shortcuts")
    await page.keyboard.press("Enter")
    await by("modal").get_by_text("Servers", exact=False).first.wait_for()
    await reader.open_to_all("form")
    await page.keyboard.press("Escape")
    await by("composer").fill("/power reboot web[01-03] because kernel panic")
    await by("send").click()
    await reader.press(by("ephemeral").last, "Request")
    card = reader.card("web[01-03]")
    await card.get_by_role("button", name="Details").click()
    await by("ephemeral").filter(has_text="Rack").wait_for()
    await reader.open_to_all("details")
    await by("home-tab").click()
    await by("home").get_by_role("button", name="Details").click()
    await by("modal").wait_for()
    await reader.open_to_all("details in a window")
    await page.keyboard.press("Escape")
    if await by("tab-centre").is_visible():
        await by("tab-centre").click()
    await by("server-web01").click()
    await reader.open_to_all("faults of a server")
