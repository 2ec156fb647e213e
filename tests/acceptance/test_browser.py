"""The demo's page in a real browser: asked as one person, approved as another, proven."""

from __future__ import annotations

import re

from playwright import async_api

from tests.acceptance.browsing import become, shot, type_command
from tests.acceptance.conftest import DANA, OPS, ROSA, Stage


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
    await async_api.expect(thread).to_contain_text(re.compile("audit head"), timeout=120_000)
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
        re.compile("running"), timeout=120_000
    )

    await stage.until(lambda: stage.playing.bot.pid not in (0, before) or None)


async def test_a_press_is_heard_whatever_arrives_before_its_release(
    page: async_api.Page, stage: Stage
) -> None:
    """A card that is drawn anew, and lines that push it up, wait until its button was clicked."""
    await page.get_by_test_id(f"channel-{OPS}").click()
    card = await stage.ask("/power reboot db01 because index rebuild", DANA)
    shown = page.locator(f"[data-ts='{card.ts}']")
    button = shown.get_by_role("button", name="Details")
    await button.hover()
    await page.mouse.down()
    await stage.slack.click(ROSA, card, "Approve")
    await stage.thread_says(card, "Approved by")
    async with page.expect_response("**/ui/wait*"):
        stage.slack.say(ROSA, OPS, "the index\nis slow")
    await page.wait_for_timeout(500)
    await page.mouse.up()

    details = page.get_by_test_id("ephemeral").filter(has_text="Rack")
    await async_api.expect(details).to_be_visible()
    await async_api.expect(shown).to_contain_text("needs 1 more approval")
    await async_api.expect(page.locator("#messages")).to_contain_text("is slow")


async def test_a_button_that_is_pushed_from_under_the_mouse_is_clicked_once(
    page: async_api.Page, stage: Stage
) -> None:
    """What stands above it goes away; and a mouse that is pulled off takes the press back."""
    await page.get_by_test_id(f"channel-{OPS}").click()
    card = await stage.ask("/power reboot web01 because test", DANA)
    button = page.locator(f"[data-ts='{card.ts}']").get_by_role("button", name="Details")
    details = page.get_by_test_id("ephemeral").filter(has_text="Rack")
    await button.hover()
    await page.mouse.down()
    was = await button.bounding_box()
    await page.locator("#story-hide").evaluate("(node) => node.click()")
    assert await button.bounding_box() != was
    await page.mouse.up()
    await async_api.expect(details).to_have_count(1)
    await button.hover()
    await page.mouse.down()
    await page.mouse.move(5, 5)
    await page.mouse.up()
    await page.wait_for_timeout(1000)

    assert await details.count() == 1


async def test_plan_of_eight_columns_fits_into_a_message_at_a_desk(
    page: async_api.Page, stage: Stage
) -> None:
    """What lies beyond a sideways scroll isn't read; a name without a break is broken instead."""
    await page.get_by_test_id(f"channel-{OPS}").click()
    card = await stage.ask("/power reboot web[01-07] db01 because test", DANA)
    await page.locator(f"[data-ts='{card.ts}']").get_by_role("button", name="Details").click()
    table = page.get_by_test_id("ephemeral").locator(".table")
    heading = table.get_by_role("columnheader")
    await async_api.expect(heading).to_have_count(8)
    wide = "(node) => node.scrollWidth - node.clientWidth"
    high = "(nodes) => Math.max(...nodes.map((node) => node.offsetHeight))"

    hidden = await table.evaluate(wide)
    highest = await table.get_by_role("row").evaluate_all(high)
    await shot(page, "8-columns")
    long = "(node) => { node.textContent = 'x'.repeat(40); }"
    await table.get_by_role("cell").first.evaluate(long)
    hidden_of_long_name = await table.evaluate(wide)

    assert (hidden, hidden_of_long_name) == (0, 0)
    assert highest < 40
