"""The demo's page on a phone, as a phone lays it out."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright import async_api

from tests.acceptance import seeing
from tests.acceptance.browsing import FLAGS, chromium
from tests.acceptance.conftest import DANA, OPS, SAM, Stage

WIDTH, HEIGHT = 390, 844


@pytest_asyncio.fixture
async def phone(stage: Stage) -> AsyncIterator[async_api.Page]:
    """The page on an emulated phone, where whatever is too wide widens the whole page."""
    async with async_api.async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        context = await browser.new_context(
            viewport={"width": WIDTH, "height": HEIGHT},
            is_mobile=True,
            has_touch=True,
            device_scale_factor=2,
        )
        page = await context.new_page()
        await page.goto(stage.playing.url)
        yield page
        await browser.close()


async def test_unread_messages_push_nothing_off_a_phones_screen(
    stage: Stage, phone: async_api.Page
) -> None:
    """The page stays as wide as the screen, and a form stands whole on it."""
    await phone.get_by_test_id("composer").wait_for()
    for channel in ("C0INC", "C0DEV"):
        stage.slack.say(SAM, channel, "look here")
    counts = phone.locator(".unread-count:visible")
    await async_api.expect(counts.first).to_be_attached()
    card = await stage.ask("/power reboot web01 because test", DANA)
    await stage.slack.click(SAM, card, "Approve")
    await stage.thread_says(card, "audit head")
    await phone.wait_for_function(
        "document.querySelectorAll('.unread-count:not([hidden])').length > 1"
    )

    wide = await phone.evaluate("document.documentElement.scrollWidth")
    await phone.get_by_test_id("composer").fill("/power")
    await phone.get_by_test_id("send").click()
    form = phone.get_by_role("dialog")
    await form.wait_for()
    box = await form.bounding_box()

    assert wide == WIDTH
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= WIDTH
    assert box["y"] + box["height"] <= HEIGHT


async def test_the_thread_leaves_the_story_in_sight(stage: Stage, phone: async_api.Page) -> None:
    """What is ticked off while it is open can be seen."""
    card = await stage.ask("/power reboot web01 because test", DANA)
    await stage.slack.click(SAM, card, "Approve")
    await stage.thread_says(card, "audit head")
    await phone.get_by_test_id("story").wait_for()
    await phone.get_by_test_id("replies-button").first.click()
    thread = phone.get_by_test_id("thread-panel")
    await async_api.expect(thread).to_be_visible()

    story, panel = await phone.get_by_test_id("story").bounding_box(), await thread.bounding_box()

    assert story is not None
    assert panel is not None
    assert panel["y"] >= story["y"] + story["height"]
    assert panel["y"] + panel["height"] <= HEIGHT


async def test_the_log_of_calls_stands_at_its_newest_row(
    stage: Stage, phone: async_api.Page
) -> None:
    """Though it grew while the other half of the page was shown."""
    card = await stage.ask("/power reboot web[01-04] because test", DANA)
    await stage.slack.click(SAM, card, "Approve")
    await stage.thread_says(card, "audit head")
    await async_api.expect(phone.locator("#request-log li")).not_to_have_count(0)
    await phone.get_by_test_id("tab-centre").click()
    await async_api.expect(phone.get_by_test_id("request-log")).to_be_visible()

    below = "(node) => node.scrollHeight - node.scrollTop - node.clientHeight"
    await phone.wait_for_timeout(300)

    log = phone.get_by_test_id("request-log")
    assert await log.evaluate("(node) => node.scrollHeight > node.clientHeight")
    assert await log.evaluate(below) < 5


async def test_notices_cover_no_message_and_no_button(stage: Stage, phone: async_api.Page) -> None:
    """Neither does "New messages", nor a notice, nor the thread what can still be reached."""
    await phone.get_by_test_id("composer").wait_for()
    for number in range(15):
        stage.slack.say(SAM, OPS, f"line {number}, which is long enough for two lines of a phone")
    messages = phone.locator("#messages")
    await async_api.expect(messages).to_contain_text("line 14")
    await messages.evaluate("(node) => { node.scrollTop = 0; }")
    await phone.wait_for_function("document.querySelector('#messages').scrollTop === 0")
    card = await stage.ask("/power reboot web01 because test", DANA)
    pill = phone.get_by_role("button", name="New messages")
    await async_api.expect(pill).to_be_visible()
    await phone.get_by_test_id("kill-bot").click()
    await async_api.expect(phone.get_by_test_id("toast")).to_be_visible()

    over, under = await pill.bounding_box(), await messages.bounding_box()

    assert over is not None
    assert under is not None
    assert over["y"] >= under["y"] + under["height"]
    assert await seeing.misplaced(phone, WIDTH) == []
    await phone.locator(f"[data-ts='{card.ts}']").get_by_test_id("replies-button").click()
    assert await seeing.misplaced(phone, WIDTH) == []


async def test_an_answer_is_followed_by_whoever_has_read_the_end(
    stage: Stage, phone: async_api.Page
) -> None:
    """Though the list shrinks under what is typed, before it hears that it was scrolled."""
    for number in range(15):
        stage.slack.say(SAM, OPS, f"line {number}")
    messages = phone.locator("#messages")
    await async_api.expect(messages).to_contain_text("line 14")
    await phone.evaluate(
        """() => {
          const box = document.querySelector("#composer-box");
          box.value = "one\\ntwo\\nthree\\nfour\\nfive";
          box.dispatchEvent(new Event("input"));
          document.querySelector("#messages").dispatchEvent(new Event("scroll"));
        }"""
    )
    stage.slack.say(SAM, OPS, "the answer")

    await async_api.expect(messages.get_by_text("the answer")).to_be_in_viewport()
    await async_api.expect(phone.get_by_role("button", name="New messages")).to_be_hidden()
