"""Forms say what is wrong while they are open, and trust nothing that they carry."""

from __future__ import annotations

from bot.power import inputs
from bot.power.request import Action
from bot.slack.inbound import guard
from bot.slack.outbound import sending
from bot.workflow import answers
from tests.slack import builders
from tests.slack.conftest import Side, pending
from tests.slack.fakes import Acked


async def test_form_of_another_workspace_shows_the_refusal_in_its_input(
    sender: sending.Sender,
) -> None:
    """A form can only be answered by an error at one of its inputs."""

    async def never(ack: guard.Ack, body: object) -> None:
        raise AssertionError

    ack = Acked()
    view = {"blocks": [{"type": "section"}, {"type": "input", "block_id": "reason"}]}
    body = {"type": "view_submission", "team": {"id": "T0OTHER"}, "view": view}
    await guard.Guard(builders.TEAM, sender).around(never)(ack=ack, body=body)

    assert ack.response == {
        "response_action": "errors",
        "errors": {"reason": guard.WRONG_TEAM},
    }


async def test_requester_types_the_count_of_a_large_request(connected: Side) -> None:
    """A wrong number keeps the form open; the right one requests."""
    await connected.workspace.command("dana", "ops", "/power reboot web[01-19]")
    await connected.settle()
    connected.workflow.says = [answers.CountWanted("PR-7F3K", 19, Action.REBOOT)]
    await connected.workspace.click("dana", connected.whispers("dana")[-1], "Request")
    await connected.settle()

    wrong = await connected.workspace.submit("dana", {"count": {"count": "20"}})
    right = await connected.workspace.submit("dana", {"count": {"count": " 19 "}})
    await connected.settle()

    assert wrong.errors == {"count": "That isn't the number of servers in the plan."}
    assert right.ok
    assert [one.text for one in connected.whispers("dana")] == ["Requested as PR-7F3K."]
    counted = connected.workflow.handled[-1].input
    assert isinstance(counted, inputs.FormSent)
    assert (counted.do, counted.count) == (inputs.Form.CONFIRM_COUNT, "19")
    assert connected.card().buttons == ["Approve", "Deny", "Details", "Cancel"]
    assert connected.workspace.violations == []


async def test_approver_gives_the_reason_of_a_denial_in_a_form(connected: Side) -> None:
    """Deny opens a form; the reason stands in the thread, harmless."""
    card = await pending(connected)
    connected.workflow.says = [answers.ReasonWanted("PR-7F3K")]
    await connected.workspace.click("sam", card, "Deny")
    await connected.settle()

    await connected.workspace.submit("sam", {"reason": {"reason": "not now <!here>"}})
    await connected.settle()

    assert connected.workflow.handled[-1].place.channel_id == "C0OPS"
    reply = connected.workspace.thread("ops", card.ts)[-1]
    assert reply.text == "⛔ Denied by <@U0SAM>: not now &lt;!here&gt;\nNothing was sent."
    assert connected.card().buttons == ["Ask again", "Details"]
    assert connected.workspace.violations == []


async def test_a_no_without_a_form_counts_where_no_reason_is_needed(connected: Side) -> None:
    """Slack lets no form open any more, and the request is denied all the same."""
    card = await pending(connected)
    connected.workspace.chaos.fail("views.open", "error", error="expired_trigger_id")
    connected.workflow.says = [answers.ReasonWanted("PR-7F3K", needed=False)]

    await connected.workspace.click("sam", card, "Deny")
    await connected.settle()

    denied = connected.workflow.handled[-1].input
    assert isinstance(denied, inputs.FormSent)
    assert denied.reason == ""
    assert connected.workspace.thread("ops", card.ts)[-1].text.startswith("⛔ Denied by <@U0SAM>")


async def test_the_reason_may_be_left_open_unless_the_policy_wants_one(connected: Side) -> None:
    """The form is sent empty, and the request is denied."""
    card = await pending(connected)
    connected.workflow.says = [answers.ReasonWanted("PR-7F3K", needed=False)]
    await connected.workspace.click("sam", card, "Deny")
    await connected.settle()

    sent = await connected.workspace.submit("sam", {"reason": {"reason": ""}})
    await connected.settle()

    assert sent.ok
    assert connected.card().buttons == ["Ask again", "Details"]
    assert connected.workspace.violations == []


async def test_form_of_a_request_that_is_gone_says_so(connected: Side) -> None:
    """What the form names is looked up; nothing that it carries is trusted."""
    card = await pending(connected)
    connected.workflow.says = [answers.ReasonWanted("PR-GONE")]
    await connected.workspace.click("sam", card, "Deny")
    await connected.settle()

    outcome = await connected.workspace.submit("sam", {"reason": {"reason": "no"}})

    assert outcome.errors == {"reason": "This request doesn't exist any more."}


async def test_form_is_not_lost_when_the_database_is_away(connected: Side) -> None:
    """The form stays open with what was typed, and says that nothing was done."""
    card = await pending(connected)
    connected.workflow.says = [answers.ReasonWanted("PR-7F3K")]
    await connected.workspace.click("sam", card, "Deny")
    await connected.settle()
    connected.store.away_for = 1

    outcome = await connected.workspace.submit("sam", {"reason": {"reason": "no"}})

    assert "nothing was changed" in outcome.errors["reason"]


async def test_expired_trigger_is_told_instead_of_a_form(connected: Side) -> None:
    """A form that can't be opened any more leaves the person with an answer."""
    card = await pending(connected)
    connected.workspace.chaos.fail("views.open", "error", error="expired_trigger_id")
    connected.workflow.says = [answers.ReasonWanted("PR-7F3K")]

    await connected.workspace.click("sam", card, "Deny")
    await connected.settle()

    assert "press the button again" in connected.whispers("sam")[-1].text
