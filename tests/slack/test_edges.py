"""What happens at the edges: answers that can't be given, channels that close, stores that go."""

from __future__ import annotations

import pytest

from bot.power import inputs, ports
from bot.power.lifecycle import State
from bot.slack.blockkit import blocks
from bot.slack.inbound import bolt_registration, guard, processor
from bot.workflow import answers
from tests.slack import builders
from tests.slack.conftest import Side
from tests.slack.fakes import Acked


async def test_menus_and_closed_forms_are_acknowledged(side: Side) -> None:
    """Neither changes anything, and neither may leave a warning sign."""
    guarding = guard.Guard(builders.TEAM, side.sender)
    heard = bolt_registration.Registration(side.processor, side.forms, guarding)
    options, closed = Acked(), Acked()

    await heard.options_asked(options, {})
    await heard.form_closed(closed, {})

    assert options.response == {"options": []}
    assert closed.response == ""


async def test_person_without_any_open_way_is_logged_and_marked_as_done(side: Side) -> None:
    """An answer that nobody can get doesn't keep the payload alive for ever."""
    side.workspace.chaos.fail("chat.postEphemeral", "error", error="user_not_in_channel")
    side.workspace.chaos.fail("chat.postMessage", "error", error="messages_tab_disabled")
    side.workflow.says = [answers.Note("Done.")]
    await side.processor.store(builders.inbound())

    side.processor.begin(builders.inbound())
    await side.processor.close()

    assert side.store.finished == {"k1"}


async def test_guard_survives_a_response_url_that_is_used_up(side: Side) -> None:
    """The acknowledgement has gone out; the words are lost, and that is logged."""
    ack = Acked()
    body = {"type": "block_actions", "team": {"id": "T0OTHER"}}
    for url in (side.workspace.url + "/respond/used", None):
        await guard.Guard(builders.TEAM, side.sender).around(_never)(
            ack=ack, body={**body, "response_url": url}
        )
        assert ack.response == ""


async def test_twin_that_can_t_be_closed_is_left(side: Side) -> None:
    """It may have been deleted meanwhile."""
    side.store.add(builders.request_in(State.PENDING, card=ports.Card("C0OPS", "2.0")))
    pressed = builders.inbound(
        inputs.Pressed(do=inputs.Do.DETAILS, request_id="PR-7F3K", message_ts="1.0")
    )
    side.workflow.says = [answers.Note("Done.")]
    await side.processor.store(pressed)

    side.processor.begin(pressed)
    await side.processor.close()

    assert side.workspace.calls("chat.update")[-1].answer["error"] == "message_not_found"
    assert side.store.finished == {"k1"}


async def test_bug_in_answering_doesn_t_stop_the_processor(side: Side) -> None:
    """A task that breaks is logged; the payload stays for whoever mends it."""
    side.workflow.says = [answers.Note("Done.")]
    odd = builders.inbound(inputs.Pressed(do=inputs.Do.DETAILS, request_id="PR-7F3K"))
    await side.processor.store(odd)
    side.store.broken = True

    side.processor.begin(odd)
    await side.processor.close()
    side.store.broken = False

    assert side.store.finished == set()
    assert await side.processor.recover() == 1


async def test_card_in_a_closed_channel_isn_t_tried_for_ever(side: Side) -> None:
    """The thread is lost with its channel; the direct message at the end is not."""
    side.store.add(builders.request_in(State.FAILED), builders.rows(failed=["web01"]))
    side.workspace.directory.channel("ops").is_archived = True
    body = {"event": "ended", "head": "ab", "seq": 1}
    side.store.queue("PR-7F3K", "card", {})
    side.store.queue("PR-7F3K", "reply", body)
    side.store.queue("PR-7F3K", "direct", body)
    await side.clock.pass_s(31)

    await side.settle()

    told = [one.text for one in side.workspace.direct_messages("dana")]
    assert len(told) == 1
    assert "failed: web01" in told[0]
    assert side.store.outbox == []


async def test_reply_that_slack_refuses_is_tried_again_later(side: Side) -> None:
    """A message that can't be made doesn't hold up the others."""
    side.store.add(builders.request_in(State.RUNNING))
    side.store.queue("PR-7F3K", "reply", {"event": "started", "total": 19})
    side.store.change("PR-7F3K", card=ports.Card("C0OPS", "not-a-ts"))
    side.workspace.chaos.refuse("chat.postMessage", "message_limit_exceeded", "C0OPS")

    await side.reporter.deliver_due()

    assert side.store.outbox[0].error == "message_limit_exceeded"


@pytest.mark.parametrize("given", [builders.LINE, inputs.Pressed(do=inputs.Do.DETAILS)])
async def test_own_words_are_the_last_resort(side: Side, given: inputs.Input) -> None:
    """A bug in the workflow is told by any way that is open."""
    side.workflow.says = [ValueError("inner words")]
    await side.processor.store(builders.inbound(given))

    side.processor.begin(builders.inbound(given))
    await side.processor.close()

    assert side.whispers("dana")[-1].text == "🚫 " + processor.BROKEN


async def test_payload_that_can_t_be_read_is_acknowledged_in_words(side: Side) -> None:
    """A command without its ids does nothing, and its typist is told."""
    guarding = guard.Guard(builders.TEAM, side.sender)
    heard = bolt_registration.Registration(side.processor, side.forms, guarding)
    ack = Acked()

    around = guard.Guard(builders.TEAM, side.sender).around(heard.command_received)
    await around(ack=ack, body={"command": "/power", "team_id": builders.TEAM})

    assert ack.response == guard.UNREADABLE


async def test_event_of_another_workspace_is_acknowledged_without_words(side: Side) -> None:
    """An event leaves no way to answer."""
    ack = Acked()

    await guard.Guard(builders.TEAM, side.sender).around(_never)(
        ack=ack, body={"type": "event_callback", "team_id": "T0OTHER"}
    )

    assert ack.response == ""


async def test_form_without_inputs_still_shows_the_refusal(side: Side) -> None:
    """Slack wants a block id even then."""
    ack = Acked()
    body = {"type": "view_submission", "team": {"id": "T0OTHER"}, "view": None}

    await guard.Guard(builders.TEAM, side.sender).around(_never)(ack=ack, body=body)

    assert ack.response == {"response_action": "errors", "errors": {"count": guard.WRONG_TEAM}}


async def _never(ack: guard.Ack, body: object) -> None:
    raise AssertionError


def test_empty_message_has_still_something_to_show() -> None:
    """Slack refuses an empty paragraph."""
    assert blocks.bare(blocks.Message("")).blocks[0]["text"]["text"] == "…"
