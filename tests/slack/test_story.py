"""The whole way through Slack: command, plan, card, approval, thread, end; by both transports."""

from __future__ import annotations

from bot.power import input_fields
from tests.slack import builders
from tests.slack.conftest import Side

COMMAND = "/power reboot web[01-20] !web07 because kernel panic"


async def asked(side: Side) -> None:
    """Type the command and press Request."""
    await side.workspace.command("dana", "ops", COMMAND)
    await side.settle()
    await side.workspace.click("dana", side.whispers("dana")[-1], "Request")
    await side.settle()


async def test_requester_sees_the_plan_alone_after_a_command(connected: Side) -> None:
    """The plan with Request comes to the typist, and nobody else sees anything."""
    outcome = await connected.workspace.command("dana", "ops", COMMAND)
    await connected.settle()

    assert outcome.ok
    assert connected.whispers("dana")[-1].buttons == ["Request", "Change…"]
    assert not connected.workspace.messages("ops", as_user="sam")
    assert connected.workspace.violations == []


async def test_requester_turns_the_plan_into_a_card_with_request(connected: Side) -> None:
    """Request posts the card and leaves a short note where the plan stood."""
    await asked(connected)

    assert connected.card().buttons == ["Approve", "Deny", "Details", "Cancel"]
    assert "Waiting for sre and dc-ops" in connected.card().words
    assert [one.text for one in connected.whispers("dana")] == ["Requested as PR-7F3K."]
    assert connected.workspace.violations == []


async def test_approver_starts_a_run_whose_end_stands_in_the_thread(connected: Side) -> None:
    """Approve, run and end show on the card, in its thread, and in a direct message."""
    await asked(connected)

    await connected.workspace.click("sam", connected.card(), "Approve")
    await connected.settle()
    servers = builders.rows(proven=builders.names(1, 18), failed=["web20"])
    connected.workflow.finish_run("PR-7F3K", servers)
    await connected.settle()

    card = connected.card()
    said = [one.text for one in connected.workspace.thread("ops", card.ts)[1:]]
    assert said[0].startswith("✔ Approved by <@U0SAM> for sre")
    assert "rebooted: web[01-18] · failed: web20" in said[1]
    assert "audit head #12:" + "ab" * 6 in said[1]
    assert card.buttons == ["Retry failed", "Details"]
    assert "archives/C0OPS/p" in connected.workspace.direct_messages("dana")[-1].text
    assert connected.workspace.violations == []


async def test_mention_gets_its_card_in_the_thread_it_was_made_in(connected: Side) -> None:
    """A request from an incident's thread lives in that thread, replies included."""
    root = connected.workspace.say("sam", "incidents", "db03 is down")
    connected.workspace.mention("dana", "incidents", "reboot db03 because INC-42", root.ts)
    await connected.settle()
    await connected.workspace.click("dana", connected.whispers("dana")[-1], "Request")
    await connected.settle()

    assert input_fields.text(connected.workflow.handled[0].input) == "reboot db03 because INC-42"
    assert connected.card("C0INC").thread_ts == root.ts
    await connected.workspace.click("sam", connected.card("C0INC"), "Approve")
    await connected.settle()
    assert "Approved by" in connected.workspace.thread("incidents", root.ts)[-1].text
    assert connected.workspace.violations == []
