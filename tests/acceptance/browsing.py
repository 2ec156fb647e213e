"""The demo's page in Debian's Chromium, and what people do on it."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
from collections.abc import AsyncIterator

import pytest
from playwright import async_api

PATIENCE_S = 120.0
# What is expected of a page has by default five seconds to come true: too few on a busy machine.
async_api.expect.set_options(timeout=PATIENCE_S * 1000)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium() -> str:
    """Return Chromium's path; in CI a missing browser is a failure, elsewhere a skip."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None and os.environ.get("CI"):
        pytest.fail("Chromium is missing; .ci/run installs it")
    if path is None:
        pytest.skip("Chromium isn't installed")
    return path


@contextlib.asynccontextmanager
async def opened(url: str) -> AsyncIterator[async_api.Page]:
    """Open the page 1280 pixels wide; at the end it has raised no error."""
    async with async_api.async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        shown = await browser.new_page(viewport={"width": 1280, "height": 860})
        shown.set_default_timeout(PATIENCE_S * 1000)
        errors: list[str] = []
        shown.on("pageerror", lambda error: errors.append(str(error)))
        await shown.goto(url)
        yield shown
        await browser.close()
        assert errors == []


async def shot(page: async_api.Page, name: str) -> None:
    """Keep a screenshot when a folder for them is named."""
    if folder := os.environ.get("POWERBOT_SCREENSHOTS", ""):
        await page.screenshot(path=pathlib.Path(folder) / f"{name}.png")


async def become(page: async_api.Page, person: str) -> None:
    """Play another person."""
    await page.get_by_test_id(f"person-{person}").click()


async def type_command(page: async_api.Page, text: str) -> None:
    """Type into the composer and send."""
    await page.get_by_test_id("composer").fill(text)
    await page.get_by_test_id("send").click()
