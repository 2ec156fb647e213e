"""From `/power reboot` to a proven result in the thread, by the real bot."""

from __future__ import annotations

import asyncio

from bot.sandbox import data_centre
from tests.acceptance.conftest import DANA, OLGA, OPS, SAM, Stage


async def test_a_reboot_is_asked_approved_and_proven_in_its_thread(stage: Stage) -> None:
    """One call leaves, with exactly the approved ids, and the thread says what is proven."""
    card = await stage.ask("/power reboot web[01-03] because kernel panic")
    await stage.slack.click(SAM, card, "Approve")

    ended = await stage.thread_says(card, "audit head")

    assert "rebooted: web[01-03]" in ended
    assert [set(call) for call in stage.power_calls()] == [stage.ids("web01", "web02", "web03")]


async def test_a_requester_may_not_approve_their_own_request(stage: Stage) -> None:
    """The person who asked is refused with a sentence of its own, and nothing is sent."""
    card = await stage.ask("/power reboot web01 because test")
    await stage.slack.click(DANA, card, "Approve")

    await stage.told(DANA, "your own request")

    assert stage.power_calls() == []


async def test_an_outsider_may_not_approve(stage: Stage) -> None:
    """Somebody whom no rule names is told which group would count."""
    card = await stage.ask("/power reboot web01 because test")
    await stage.slack.click(OLGA, card, "Approve")

    await stage.told(OLGA, "sre")

    assert stage.power_calls() == []


async def test_a_double_click_on_approve_sends_once(stage: Stage) -> None:
    """Two clicks of one person at the same time count once, and the second is answered."""
    card = await stage.ask("/power reboot web[01-02] because test")
    await asyncio.gather(
        stage.slack.click(SAM, card, "Approve"), stage.slack.click(SAM, card, "Approve")
    )

    await stage.thread_says(card, "audit head")

    assert [set(call) for call in stage.power_calls()] == [stage.ids("web01", "web02")]
    await stage.told(SAM, "already")


async def test_a_doubled_envelope_is_dealt_with_once(stage: Stage) -> None:
    """Slack may deliver an envelope twice; the second delivery changes nothing."""
    card = await stage.ask("/power reboot web01 because test")
    stage.slack.chaos.duplicate_next(2)
    await stage.slack.click(SAM, card, "Approve")

    await stage.thread_says(card, "audit head")

    assert [set(call) for call in stage.power_calls()] == [stage.ids("web01")]


async def test_a_denied_request_sends_nothing(stage: Stage) -> None:
    """An approver's no ends the request, and the card's buttons go."""
    card = await stage.ask("/power reboot web01 because test")
    await stage.slack.click(SAM, card, "Deny")
    await stage.until(lambda: stage.slack.views(SAM) or None)
    await stage.slack.submit(SAM, {"reason": {"reason": ""}})
    await stage.thread_says(card, "denied")
    await stage.until(lambda: "Approve" not in str(card.blocks))

    assert stage.power_calls() == []


async def test_a_failing_server_is_told_with_the_vendors_words(stage: Stage) -> None:
    """A failure is said as one, next to what is proven."""
    stage.playing.centre.set_fault("web02", data_centre.MachineFaultKind.FAILS)
    card = await stage.ask("/power reboot web[01-02] because test")
    await stage.slack.click(SAM, card, "Approve")

    ended = await stage.thread_says(card, "audit head")

    assert "rebooted: web01" in ended
    assert "failed: web02" in ended


async def test_a_mention_in_a_thread_is_the_same_request(stage: Stage) -> None:
    """Slack has no slash commands in threads; a mention does the same there."""
    incident = stage.slack.say(DANA, OPS, "web01 hangs")
    stage.slack.mention(DANA, OPS, "reboot web01 because INC-42", incident.ts)
    plan = await stage.shown(DANA, "Request")
    await stage.slack.click(DANA, plan, "Request")

    cards = await stage.until(
        lambda: [m for m in stage.slack.thread(OPS, incident.ts) if "Approve" in str(m.blocks)]
    )

    assert "web01" in cards[0].text
