"""Stop pressed in the middle, in a real browser: the data centre's page agrees with the thread."""

from __future__ import annotations

import re

from playwright import async_api

from bot.sandbox.data_centre import MachineFaultKind
from tests.acceptance.browsing import become, shot, type_command
from tests.acceptance.conftest import Stage

SERVERS = 12


async def asked_and_approved(page: async_api.Page, line: str, names: str) -> async_api.Locator:
    """Ask as Dana, type the count, approve as Sam, and return the card."""
    await page.get_by_test_id("channel-C0OPS").click()
    await type_command(page, line)
    plan = page.get_by_test_id("ephemeral").last
    await plan.get_by_role("button", name="Request").click()
    count = page.get_by_role("dialog").get_by_role("textbox")
    await count.fill(str(SERVERS))
    await page.get_by_role("dialog").get_by_role("button", name="Request").click()
    card = page.get_by_test_id("message").filter(has_text=names).last
    await async_api.expect(card.get_by_role("button", name="Approve")).to_be_visible()
    await become(page, "U0SAM")
    await card.get_by_role("button", name="Approve").click()
    await page.get_by_test_id("confirm-ok").click()
    return card


async def test_stop_in_the_middle_and_the_centre_agrees_with_the_thread(
    page: async_api.Page, stage: Stage
) -> None:
    """The first wave is proven, the second is watched to its end, the rest is never sent."""
    stage.playing.centre.set_fault("web05", MachineFaultKind.SLOW)
    card = await asked_and_approved(
        page, "/power off web[01-12] --batch 4 because the rack moves", "web[01-12]"
    )
    await stage.until(lambda: len(stage.power_calls()) >= 2 or None)
    await async_api.expect(card).to_contain_text(re.compile(r"\d+ of 12 done"))
    await shot(page, "stop-1-running")
    await card.get_by_role("button", name="Stop").click()
    await page.get_by_test_id("confirm-ok").click()
    await async_api.expect(card).to_contain_text("Stopped by", timeout=120_000)
    await shot(page, "stop-2-pressed")
    await async_api.expect(card).to_contain_text(re.compile("Stopped"), timeout=120_000)
    await card.get_by_test_id("replies-button").click()
    thread = page.get_by_test_id("thread-panel")
    await async_api.expect(thread).to_contain_text(re.compile("audit head"), timeout=120_000)
    await shot(page, "stop-3-ended")

    told = await thread.inner_text()
    sent = set().union(*map(set, stage.power_calls()))
    for number in range(1, SERVERS + 1):
        tile = page.get_by_test_id(f"server-web{number:02}")
        (server_id,) = stage.ids(f"web{number:02}")
        power = "off" if server_id in sent else "on"
        await async_api.expect(tile).to_have_attribute("data-kind", power, timeout=120_000)
    done = len(sent)
    assert 0 < done < SERVERS
    assert f"{done} of {SERVERS} powered off" in told
    assert f"{SERVERS - done} untouched" in told


async def test_the_page_lets_time_pass_faster_and_somebody_else_act(
    page: async_api.Page, stage: Stage
) -> None:
    """The switches of the centre are turned from the page, and a server from the console."""
    await page.get_by_test_id("centre-switches").click()
    await page.get_by_role("menuitemradio", name="speed: 20").click()
    await stage.until(lambda: stage.playing.centre.tempo.speed == 20.0 or None)
    tile = page.get_by_test_id("server-web01")
    await tile.click()
    await page.get_by_role("menuitem", name="Somebody powers it off").click()
    await async_api.expect(tile).to_have_attribute("data-kind", "off", timeout=120_000)
    await shot(page, "centre-switches")

    assert stage.power_calls() == []
