"""The request form as a person uses it in the page: search, mistakes, review, an alert."""

from __future__ import annotations

import re

import pytest_asyncio
from playwright import async_api

from tests.acceptance.browsing import shot
from tests.acceptance.conftest import Stage

OPS = "C0OPS"
expect = async_api.expect


@pytest_asyncio.fixture
async def page(page: async_api.Page) -> async_api.Page:
    """The page in #ops, as Dana."""
    await page.get_by_test_id(f"channel-{OPS}").click()
    return page


async def search(page: async_api.Page, typed: str, choice: str) -> None:
    """Type into the field for servers and press what is offered."""
    field = page.get_by_role("combobox", name="Servers")
    await field.fill(typed)
    await page.get_by_role("option", name=re.compile(f"^{re.escape(choice)}")).first.click()


async def test_a_person_chooses_servers_mends_a_mistake_and_asks(
    page: async_api.Page, stage: Stage
) -> None:
    """Bare /power: typeahead, an error at its field, the plan, Request, and the card."""
    await page.get_by_test_id("composer").fill("/power")
    await page.get_by_test_id("send").click()
    form = page.get_by_test_id("modal")
    await expect(form).to_have_attribute("data-callback-id", "pb:request_form")
    await shot(page, "form-1-empty")
    await form.get_by_label("Reboot").check()
    await page.get_by_role("combobox", name="Servers").fill("web0")
    await expect(page.get_by_role("option").first).to_be_visible()
    await shot(page, "form-2-search")
    await search(page, "web[01-03]", "web[01-03]")
    await search(page, "!web02", "!web02")
    await form.get_by_label("Reason", exact=True).fill("kernel panic after 6.8.4")
    await form.get_by_label("Pause between waves", exact=True).fill("3 days")
    await page.get_by_test_id("modal-submit").click()
    await expect(form).to_contain_text("takes a number with ms, s, m or h right after it")
    await shot(page, "form-3-mistake")

    await form.get_by_label("Pause between waves", exact=True).fill("5s")
    await page.get_by_test_id("modal-submit").click()
    await expect(form).to_have_attribute("data-callback-id", "pb:review")
    await expect(form).to_contain_text("web[01,03]")
    await shot(page, "form-4-review")
    await page.get_by_test_id("modal-submit").click()
    await expect(form).to_contain_text("Requested as PR-")
    await shot(page, "form-5-asked")
    await page.get_by_test_id("modal-close").click()

    card = page.get_by_test_id("message").filter(has_text="web[01,03]").last
    await expect(card.get_by_role("button", name="Approve")).to_be_visible()
    assert stage.power_calls() == []


async def test_a_shortcut_on_an_alert_fills_the_form_and_stays_in_its_thread(
    page: async_api.Page, stage: Stage
) -> None:
    """The alert's servers are chosen already; the card stands in the alert's thread."""
    alert = stage.slack.say("U0SAM", OPS, "🔥 web[04-05] and db01.example.com don't answer")
    message = page.get_by_test_id("message").filter(has_text="don't answer").last
    await message.hover()
    await message.get_by_test_id("message-menu").click()
    await shot(page, "alert-1-menu")
    await page.get_by_role("menuitem", name="Power these servers").click()
    form = page.get_by_test_id("modal")
    await expect(form).to_have_attribute("data-callback-id", "pb:request_form")
    await expect(form.locator(".chip")).to_have_text(["db01×", "web04×", "web05×"])
    await form.get_by_label("Reboot").check()
    await form.get_by_label("Reason", exact=True).fill("they hang")
    await shot(page, "alert-2-form")
    await page.get_by_test_id("modal-submit").click()
    await expect(form).to_have_attribute("data-callback-id", "pb:review")
    await shot(page, "alert-3-review")
    await page.get_by_test_id("modal-submit").click()
    await expect(form).to_contain_text("Requested as PR-")
    await page.get_by_test_id("modal-close").click()
    await message.get_by_test_id("replies-button").click()
    thread = page.get_by_test_id("thread-panel")
    await expect(thread.get_by_role("button", name="Approve")).to_be_visible()
    await shot(page, "alert-4-thread")

    cards = [one for one in stage.slack.thread(OPS, alert.ts) if "Approve" in one.buttons]
    assert "db01,web[04-05]" in cards[0].text


async def test_a_global_shortcut_asks_for_the_channel(page: async_api.Page, stage: Stage) -> None:
    """The form has a field for it, and the card comes there."""
    await page.get_by_test_id("shortcuts").click()
    await page.get_by_role("menuitem", name="Request a power change").click()
    form = page.get_by_test_id("modal")
    await expect(form).to_have_attribute("data-callback-id", "pb:request_form")
    await form.get_by_label("Power on").check()
    await search(page, "rack", "rack:")
    await form.get_by_label("Channel").select_option(label="#incidents")
    await shot(page, "global-1-form")
    await page.get_by_test_id("modal-submit").click()
    await expect(form).to_contain_text("already on")
    await shot(page, "global-2-review")

    assert stage.slack.messages("C0INC") == []
