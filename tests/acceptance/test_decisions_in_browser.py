"""Decisions in a real browser: a quorum of two groups, a denial, an expiry, broken glass."""

from __future__ import annotations

import pathlib
from collections.abc import AsyncIterator

import pytest_asyncio
from playwright import async_api

from bot.sandbox import demo
from tests.acceptance.browsing import become, shot, type_command
from tests.acceptance.conftest import OPS, PATIENCE_S, Stage

POLICY = (
    demo.POLICY.replace("[defaults]", "[defaults]\ndeny_reason = true")
    .replace(
        "approvers = { sre = 1, dc-ops = 1 }\n\n",
        'approvers = { sre = 1, dc-ops = 1 }\nexpires = "4s"\nremind = "1s"\nescalate = "2s"\n\n',
        1,
    )
    .replace("from_servers = { 20", "from_servers = { 10")
    .replace('break_glass = ["sre"]', 'break_glass = ["sre"]\nreview_within = "1h"')
)
INC = "C0INC"
LARGE = "/power reboot web[01-12] because kernel panic after 6.8.4"


@pytest_asyncio.fixture
async def stage(tmp_path: pathlib.Path) -> AsyncIterator[Stage]:
    """A demo whose policy wants reasons of denials, and lets databases expire within seconds."""
    (tmp_path / "policy.toml").write_text(POLICY)
    async with demo.running(demo.Where(port=0, servers=40, data=tmp_path)) as playing:
        await demo.ready(playing, PATIENCE_S)
        yield Stage(playing)
        assert playing.slack.violations == []


def the_card(page: async_api.Page, words: str) -> async_api.Locator:
    """Return the card in the channel that names these words."""
    return page.get_by_test_id("message").filter(has_text=words).first


async def ask(page: async_api.Page, channel: str, text: str, words: str) -> async_api.Locator:
    """Type a command as Dana, press Request, and return the card."""
    await become(page, "U0DANA")
    await page.get_by_test_id(f"channel-{channel}").click()
    await type_command(page, text)
    plan = page.get_by_test_id("ephemeral").last
    if "--break-glass" in text:
        await plan.get_by_role("button", name="without approval").click()
        await page.get_by_test_id("confirm-ok").click()
    else:
        await plan.get_by_role("button", name="Request").click()
    return the_card(page, words)


async def says(where: async_api.Locator, words: str) -> None:
    """Wait until something says these words."""
    await async_api.expect(where).to_contain_text(words, timeout=PATIENCE_S * 1000)


async def fill(page: async_api.Page, words: str) -> None:
    """Fill in the open form's one input, and send it."""
    modal = page.get_by_test_id("modal")
    await modal.locator("textarea, input[type=text]").first.fill(words)
    await page.get_by_test_id("modal-submit").click()
    await async_api.expect(modal).to_have_count(0)


async def test_quorum_of_two_groups_and_a_denial_in_the_browser(
    page: async_api.Page, stage: Stage
) -> None:
    """One of sre and one of dc-ops agree, with words; another request is denied with a reason."""
    await become(page, "U0DANA")
    await page.get_by_test_id(f"channel-{OPS}").click()
    await type_command(page, LARGE)
    await page.get_by_test_id("ephemeral").last.get_by_role("button", name="Request").click()
    await fill(page, "12")
    card = the_card(page, "web[01-12]")
    await says(card, "Waiting for sre: @sam; dc-ops: @rosa")
    await shot(page, "quorum-1-asked")

    await become(page, "U0SAM")
    await card.get_by_role("button", name="Approve").click()
    await page.get_by_test_id("confirm-ok").click()
    await says(card, "Waiting for dc-ops: @rosa")
    answer = page.get_by_test_id("ephemeral").last
    await says(answer, "for sre (you are named in the policy)")
    await shot(page, "quorum-2-one-of-two")
    await answer.get_by_role("button", name="Comment").click()
    await fill(page, "checked the graphs first")
    await says(card, "checked the graphs first")

    await become(page, "U0ROSA")
    await card.get_by_role("button", name="Approve").click()
    await page.get_by_test_id("confirm-ok").click()
    await says(card, "(dc-ops)")
    await shot(page, "quorum-3-both")

    second = await ask(page, OPS, "/power off cache01 because test", "Power off 1 server")
    await become(page, "U0SAM")
    await second.get_by_role("button", name="Deny").click()
    await async_api.expect(page.get_by_test_id("modal")).to_be_visible()
    await shot(page, "denial-1-form")
    await fill(page, "not during the sale <!channel>")
    await says(second, "Denied by")
    await says(second, "not during the sale")
    await second.get_by_test_id("replies-button").click()
    await says(page.get_by_test_id("thread-panel"), "Nothing was sent.")
    await shot(page, "denial-2-card")
    assert await second.get_by_role("button", name="Approve").count() == 0


async def test_expiry_calls_everybody_and_is_no_denial_in_the_browser(
    page: async_api.Page, stage: Stage
) -> None:
    """The reminder and the escalation name people; then nobody has said no."""
    card = await ask(page, OPS, "/power reboot db01 because test", "Reboot 1 server")
    await says(card, "Expired")
    await says(card, "Nobody answered in time")
    await card.get_by_test_id("replies-button").click()
    thread = page.get_by_test_id("thread-panel")
    await says(thread, "Not decided yet")
    await says(thread, "Expired: nobody answered in time")
    await shot(page, "expiry")

    text = await thread.inner_text()
    assert "@sam" in text.lower()
    assert "@rosa" in text.lower()
    assert "denied" not in (await card.inner_text()).lower()
    assert stage.power_calls() == []


async def test_broken_glass_is_public_and_reviewed_by_somebody_else_in_the_browser(
    page: async_api.Page, stage: Stage
) -> None:
    """At once, with everybody named; barred again until another approver has reviewed it."""
    line = "/power reboot web02 --break-glass because INC-42 nobody answers"
    card = await ask(page, INC, line, "without approval")
    await card.get_by_test_id("replies-button").click()
    thread = page.get_by_test_id("thread-panel")
    await says(thread, "It starts without approval")
    await says(thread, "@sam")
    await shot(page, "glass-1-announced")
    await says(thread, "audit head")
    await async_api.expect(card.get_by_role("button", name="Review")).to_be_visible()

    await type_command(page, "/power reboot web03 --break-glass because again")
    await says(page.get_by_test_id("ephemeral").last, "n't been reviewed yet")
    await shot(page, "glass-2-barred")
    await card.get_by_role("button", name="Review").click()
    await says(page.get_by_test_id("ephemeral").last, "somebody else must review it")

    await become(page, "U0SAM")
    await card.get_by_role("button", name="Review").click()
    await async_api.expect(page.get_by_test_id("modal")).to_be_visible()
    await shot(page, "glass-3-form")
    await page.get_by_test_id("modal").get_by_role("radio", name="Not justified").check()
    await fill(page, "right so: the shop was down")
    await says(card, "right so: the shop was down")
    await says(card, "not justified")
    await says(thread, "reviewed the use of break glass")
    await shot(page, "glass-4-reviewed")

    assert await card.get_by_role("button", name="Review").count() == 0
    assert len(stage.power_calls()) == 1
