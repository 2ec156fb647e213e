"""The demo's page in a real browser: asked as one person, approved as another, proven."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright import async_api

from tests.acceptance.conftest import PATIENCE_S, Stage

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SHOTS = os.environ.get("POWERBOT_SCREENSHOTS", "")


def chromium() -> str:
    """Return Chromium's path; in CI a missing browser is a failure, elsewhere a skip."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None and os.environ.get("CI"):
        pytest.fail("Chromium is missing; .ci/run installs it")
    if path is None:
        pytest.skip("Chromium isn't installed")
    return path


@pytest_asyncio.fixture
async def page(stage: Stage) -> AsyncIterator[async_api.Page]:
    """The demo's page, 1280 pixels wide; at the end it has raised no error."""
    async with async_api.async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        shown = await browser.new_page(viewport={"width": 1280, "height": 860})
        shown.set_default_timeout(PATIENCE_S * 1000)
        errors: list[str] = []
        shown.on("pageerror", lambda error: errors.append(str(error)))
        await shown.goto(stage.playing.url)
        yield shown
        await browser.close()
        assert errors == []


async def shot(page: async_api.Page, name: str) -> None:
    """Keep a screenshot when a folder for them is named."""
    if SHOTS:
        path = pathlib.Path(SHOTS) / f"{name}.jpg"
        await page.screenshot(path=path, type="jpeg", quality=82)


async def become(page: async_api.Page, person: str) -> None:
    """Play another person."""
    await page.get_by_test_id(f"person-{person}").click()


async def type_command(page: async_api.Page, text: str) -> None:
    """Type into the composer and send."""
    await page.get_by_test_id("composer").fill(text)
    await page.get_by_test_id("send").click()


async def test_two_people_see_a_reboot_through_in_the_browser(
    page: async_api.Page, stage: Stage
) -> None:
    """Dana asks, Sam approves, and the thread says that the servers were rebooted."""
    await page.get_by_test_id("channel-C0OPS").click()
    await type_command(page, "/power reboot web[01-03] because kernel panic after 6.8.4")
    plan = page.get_by_test_id("ephemeral").last
    await plan.get_by_role("button", name="Request").click()
    card = page.get_by_test_id("message").filter(has_text="web[01-03]").last
    await async_api.expect(card.get_by_role("button", name="Approve")).to_be_visible()
    await shot(page, "1-asked")

    await become(page, "U0SAM")
    await card.get_by_role("button", name="Approve").click()
    await shot(page, "2-confirm")
    await page.get_by_test_id("confirm-ok").click()
    await card.get_by_test_id("replies-button").click()
    thread = page.get_by_test_id("thread-panel")
    await shot(page, "3-running")
    await async_api.expect(thread).to_contain_text(re.compile("audit head"), timeout=60_000)
    await shot(page, "4-proven")

    assert "rebooted: web[01-03]" in await thread.inner_text()
    assert [set(call) for call in stage.power_calls()] == [stage.ids("web01", "web02", "web03")]


async def test_the_bot_is_killed_from_the_page_and_comes_back(
    page: async_api.Page, stage: Stage
) -> None:
    """The button on the page really kills the process, and a new one takes its place."""
    before = stage.playing.bot.pid
    await page.get_by_test_id("kill-bot").click()
    await async_api.expect(page.get_by_test_id("bot-state")).to_contain_text(
        re.compile("running"), timeout=30_000
    )

    await stage.until(lambda: stage.playing.bot.pid not in (0, before) or None)
