"""A mention is obeyed once, whatever Slack announces about it, and answered where it is seen."""

from __future__ import annotations

import pytest

from bot.power import input_fields, inputs
from bot.power.lifecycle import State
from bot.workflow import answers
from tests.slack import builders, fakes
from tests.slack.conftest import Side

LINE = "reboot web01 because kernel panic"
MISTAKE = answers.Mistake("There is no server webb01.", "webb01", "/power reboot web01")


async def test_requester_sees_the_plan_of_a_mention_in_the_channel(connected: Side) -> None:
    """Slack shows an ephemeral message in a thread only where the thread has replies."""
    connected.workspace.mention("dana", "ops", LINE)
    await connected.settle()

    [plan] = connected.whispers("dana")
    assert plan.thread_ts is None
    await connected.workspace.click("dana", plan, "Request")
    await connected.settle()
    assert connected.card().thread_ts is None
    assert [one.text for one in connected.whispers("dana")] == ["Requested as PR-7F3K."]


async def test_requester_sees_the_plan_of_a_mention_in_its_thread(connected: Side) -> None:
    """Where there is a thread already, the plan comes there."""
    root = connected.workspace.say("sam", "ops", "web01 is down")
    connected.workspace.mention("dana", "ops", LINE, root.ts)
    await connected.settle()

    [plan] = connected.whispers("dana")
    assert plan.thread_ts == root.ts


async def test_requester_sees_the_answer_to_a_shortcut_on_a_lone_message(
    connected: Side,
) -> None:
    """When form and response URL are closed, the answer comes into the channel."""
    alert = connected.workspace.say("sam", "ops", "web01 is down")
    connected.workflow.says = [answers.Note("Told.")]
    inbound = builders.inbound(
        inputs.ShortcutUsed(lone=True),
        place=builders.order().place.model_copy(update={"thread_ts": alert.ts}),
    )

    connected.processor.begin(inbound)
    await connected.settle()

    [note] = connected.whispers("dana")
    assert (note.text, note.thread_ts) == ("Told.", None)


async def test_approver_s_form_is_answered_in_the_channel_before_the_thread_begins(
    connected: Side,
) -> None:
    """A request whose card isn't there yet has no thread that shows a private answer."""
    alert = connected.workspace.say("sam", "ops", "web01 is down")
    place = builders.order().place.model_copy(update={"thread_ts": alert.ts})
    found = builders.request_in(State.PENDING, builders.planned(builders.order(place=place)))
    connected.store.add(found)
    connected.workflow.says = [answers.Note("Denied.")]
    form = builders.inbound(
        inputs.FormSent(do=inputs.Form.DENY, request_id=found.id, reason="not now")
    )

    await connected.forms.receive(form, fakes.Acked())
    await connected.settle()

    [note] = connected.whispers("dana")
    assert (note.text, note.thread_ts) == ("Denied.", None)


@pytest.mark.parametrize("times", [1, 3])
async def test_requester_s_mention_does_nothing_again_when_a_link_unfolds(
    connected: Side, times: int
) -> None:
    """Slack announces the message again, under another event id."""
    message = connected.workspace.mention("dana", "ops", LINE)
    await connected.settle()

    for _ in range(times):
        connected.workspace.announce_again(message)
        await connected.settle()

    assert len(connected.workflow.handled) == 1
    assert len(connected.whispers("dana")) == 1


async def test_requester_s_edit_does_nothing_again(connected: Side) -> None:
    """Neither the same words nor others make a second plan."""
    message = connected.workspace.mention("dana", "ops", LINE)
    await connected.settle()

    for words in (LINE, "off web01 because kernel panic", LINE):
        connected.workspace.edit(message, f"@powerbot {words}")
        await connected.settle()

    assert len(connected.workflow.handled) == 1
    assert len(connected.whispers("dana")) == 1


async def test_requester_may_edit_a_mistake_until_it_is_understood(connected: Side) -> None:
    """Each edit of a mistake is read once; after the first that was none, nothing is."""
    connected.workflow.says = [MISTAKE, MISTAKE]
    message = connected.workspace.mention("dana", "ops", "reboot webb01")
    await connected.settle()

    for words in ("reboot webb02", "reboot web01", "off web01"):
        connected.workspace.edit(message, f"@powerbot {words}")
        await connected.settle()
        connected.workspace.announce_again(message)
        await connected.settle()

    read = [input_fields.text(one.input) for one in connected.workflow.handled]
    assert read == ["reboot webb01", "reboot webb02", "reboot web01"]


async def test_requester_s_mistake_is_told_once_however_often_it_is_announced(
    connected: Side,
) -> None:
    """Only an edit is read anew."""
    connected.workflow.says = [MISTAKE]
    message = connected.workspace.mention("dana", "ops", "reboot webb01")
    await connected.settle()

    connected.workspace.announce_again(message)
    await connected.settle()

    assert len(connected.workflow.handled) == 1


async def test_requester_s_message_is_read_when_an_edit_first_mentions_the_bot(
    connected: Side,
) -> None:
    """It was no mention before; after that it is one that was obeyed."""
    message = connected.workspace.say("dana", "ops", LINE)
    for words in (LINE, "off web01 because kernel panic"):
        connected.workspace.edit(message, f"@powerbot {words}")
        await connected.settle()

    assert [input_fields.text(one.input) for one in connected.workflow.handled] == [LINE]


async def test_edit_that_comes_while_the_message_is_read_is_read_after_a_mistake(
    connected: Side,
) -> None:
    """The newest edit alone, and once; readers in a hurry lose nothing."""
    held = connected.workflow.hold()
    connected.workflow.says = [MISTAKE]
    message = connected.workspace.mention("dana", "ops", "reboot webb01")
    await connected.workspace.settle()
    for words in ("reboot web0", "reboot web01 because x"):
        connected.workspace.edit(message, f"@powerbot {words}")
        await connected.workspace.settle()

    held.set()
    await connected.settle()
    connected.workspace.announce_again(message)
    await connected.settle()

    read = [input_fields.text(one.input) for one in connected.workflow.handled]
    assert read == ["reboot webb01", "reboot web01 because x"]


async def test_edit_that_comes_while_the_message_is_read_is_dropped_after_a_plan(
    connected: Side,
) -> None:
    """What was written is obeyed once."""
    held = connected.workflow.hold()
    message = connected.workspace.mention("dana", "ops", LINE)
    await connected.workspace.settle()
    connected.workspace.edit(message, "@powerbot off web01 because x")
    await connected.workspace.settle()

    held.set()
    await connected.settle()
    connected.workspace.edit(message, "@powerbot off web02 because x")
    await connected.settle()

    assert [input_fields.text(one.input) for one in connected.workflow.handled] == [LINE]


async def test_edit_that_comes_while_an_edit_is_read_is_read_after_it(connected: Side) -> None:
    """For as long as nothing comes of it."""
    connected.workflow.says = [MISTAKE, MISTAKE]
    message = connected.workspace.mention("dana", "ops", "reboot webb01")
    await connected.settle()
    held = connected.workflow.hold()
    for words in ("reboot webb02", "reboot web01"):
        connected.workspace.edit(message, f"@powerbot {words}")
        await connected.workspace.settle()

    held.set()
    await connected.settle()

    read = [input_fields.text(one.input) for one in connected.workflow.handled]
    assert read == ["reboot webb01", "reboot webb02", "reboot web01"]


async def test_refused_plan_may_be_edited_and_a_dry_run_may_not(connected: Side) -> None:
    """Nothing live came of a plan that is refused; the other was what was wanted."""
    made = builders.planned()
    refused = made.model_copy(update={"refusals": ("Say why.",)})
    connected.workflow.says = [
        answers.PlanShown(refused, "", builders.NOW),
        answers.PlanShown(made, "", builders.NOW),
    ]
    message = connected.workspace.mention("dana", "ops", "reboot web01")
    await connected.settle()
    for words in ("reboot web01 --dry-run", LINE):
        connected.workspace.edit(message, f"@powerbot {words}")
        await connected.settle()

    read = [input_fields.text(one.input) for one in connected.workflow.handled]
    assert read == ["reboot web01", "reboot web01 --dry-run"]
