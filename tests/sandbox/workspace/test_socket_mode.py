"""The real Bolt over Socket Mode against the workspace."""

import asyncio
import copy
from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.sandbox.workspace import Workspace
from tests.sandbox.workspace.builders import QUIET, modal, plain
from tests.sandbox.workspace.conftest import Connect


def card() -> list[dict[str, Any]]:
    """A section and an Approve button."""
    button = {"type": "button", "action_id": "approve", "text": plain("Approve"), "value": "PR-1"}
    return [
        {"type": "section", "text": {"type": "mrkdwn", "text": "reboot *web01*"}},
        {"type": "actions", "block_id": "decision", "elements": [button]},
    ]


def form() -> dict[str, Any]:
    """A modal with a typeahead for servers and a reason."""
    servers = {"type": "multi_external_select", "action_id": "pick", "min_query_length": 1}
    reason = {"type": "plain_text_input", "action_id": "words", "max_length": 20}
    return {
        "type": "modal",
        "callback_id": "request",
        "title": plain("Request"),
        "submit": plain("Request"),
        "blocks": [
            {"type": "input", "block_id": "servers", "label": plain("Who"), "element": servers},
            {"type": "input", "block_id": "reason", "label": plain("Why"), "element": reason},
        ],
    }


async def test_a_typist_sees_the_ack_of_a_command_alone(
    workspace: Workspace, bolt: AsyncApp, connect: Connect
) -> None:
    """The text of a command's ack is an ephemeral message, and the payload is Slack's."""
    seen: list[dict[str, Any]] = []

    @bolt.command("/power")
    async def power(ack: Any, command: dict[str, Any]) -> None:
        seen.append(command)
        await ack("Checking 1 server...")

    await connect(bolt)

    outcome = await workspace.command("dana", "ops", "/power reboot web01")

    assert outcome.ok
    assert [message.text for message in workspace.ephemerals("dana")] == ["Checking 1 server..."]
    assert workspace.messages("ops", as_user="sam") == []
    assert seen[0]["text"] == "reboot web01"
    assert seen[0]["is_enterprise_install"] == "false"
    assert (seen[0]["user_id"], seen[0]["team_id"]) == ("U0DANA", "T0DEMO")


async def test_a_click_reaches_the_app_and_the_card_changes(
    workspace: Workspace, bolt: AsyncApp, connect: Connect
) -> None:
    """A click carries the message, and an edit without blocks takes its buttons away."""
    seen: list[dict[str, Any]] = []

    @bolt.action("approve")
    async def approve(ack: Any, body: dict[str, Any], client: Any, respond: Any) -> None:
        await ack()
        seen.append(body)
        channel, ts = body["channel"]["id"], body["message"]["ts"]
        await client.chat_update(channel=channel, ts=ts, text="approved by <@U0SAM>")
        await respond("thank you")

    await connect(bolt)
    await bolt.client.chat_postMessage(channel="C0OPS", text="card", blocks=card(), **QUIET)
    (message,) = workspace.messages("ops")
    before = copy.deepcopy(message)

    outcome = await workspace.click("sam", message, "Approve")
    await workspace.wait_for(lambda: workspace.ephemerals("sam"))

    assert outcome.ok
    assert (message.text, message.buttons, message.edited) == ("approved by <@U0SAM>", [], True)
    assert seen[0]["actions"][0]["value"] == "PR-1"
    assert seen[0]["user"] == {
        "id": "U0SAM",
        "username": "sam",
        "name": "sam",
        "team_id": "T0DEMO",
    }
    assert (await workspace.click("rosa", before, "Approve")).ok
    assert workspace.violations == []


async def test_a_submitter_sees_errors_then_the_modal_closes(
    workspace: Workspace, bolt: AsyncApp, connect: Connect
) -> None:
    """Options come from the app, errors stay in the modal, and a bare ack closes it."""
    queries: list[str] = []

    @bolt.command("/power")
    async def power(ack: Any, command: dict[str, Any], client: Any) -> None:
        await ack()
        await client.views_open(trigger_id=command["trigger_id"], view=form())

    @bolt.options("pick")
    async def offer(ack: Any, payload: dict[str, Any]) -> None:
        queries.append(payload["value"])
        await ack(options=[{"text": plain("web01"), "value": "id-1"}])

    @bolt.view("request")
    async def submitted(ack: Any, view: dict[str, Any]) -> None:
        reason = view["state"]["values"]["reason"]["words"]["value"]
        if reason == "no":
            await ack(response_action="errors", errors={"reason": "say more"})
        else:
            await ack()

    await connect(bolt)
    await workspace.command("dana", "ops", "/power")
    (view,) = await workspace.wait_for(lambda: workspace.views("dana"))

    offers = await workspace.suggest("dana", view, "pick", "we")
    empty = await workspace.submit("dana", {"servers": {"pick": ["id-1"]}})
    refused = await workspace.submit("dana", {"reason": {"words": "no"}})
    taken = await workspace.submit("dana", {"reason": {"words": "kernel panic"}})

    assert queries == ["we"]
    assert offers.answer["options"][0]["value"] == "id-1"
    assert empty.errors == {"reason": "Please complete this required field."}
    assert (refused.errors, view.errors) == ({"reason": "say more"}, {})
    assert taken.ok
    assert workspace.views("dana") == []


async def test_a_modal_may_push_update_and_clear(
    workspace: Workspace, bolt: AsyncApp, connect: Connect
) -> None:
    """Each response_action does to the stack what Slack does."""
    answers = iter(["push", "update", "clear"])

    @bolt.command("/power")
    async def power(ack: Any, command: dict[str, Any], client: Any) -> None:
        await ack()
        await client.views_open(trigger_id=command["trigger_id"], view=modal(title=plain("first")))

    @bolt.view("review")
    async def submitted(ack: Any) -> None:
        action = next(answers)
        if action == "clear":
            await ack(response_action="clear")
        else:
            await ack(response_action=action, view=modal(title=plain(action)))

    await connect(bolt)
    await workspace.command("dana", "ops", "/power")
    await workspace.wait_for(lambda: workspace.views("dana"))
    titles = []
    for _ in range(3):
        assert (await workspace.submit("dana")).ok
        titles.append([view.title for view in workspace.views("dana")])

    assert titles == [["first", "push"], ["first", "update"], []]


async def test_a_mention_in_a_thread_is_answered_there(
    workspace: Workspace, bolt: AsyncApp, connect: Connect
) -> None:
    """An app_mention carries thread_ts, and the answer counts as a reply."""

    @bolt.event("app_mention")
    async def mentioned(event: dict[str, Any], say: Any) -> None:
        await say("on it", thread_ts=event["thread_ts"], **QUIET)

    await connect(bolt)
    root = workspace.say("dana", "incidents", "db03 is down <!channel>")

    workspace.mention("dana", "incidents", "reboot db03", thread_ts=root.ts)
    await workspace.wait_for(lambda: root.reply_count == 2)

    thread = workspace.thread("incidents", root.ts)
    assert [message.text for message in thread] == [
        "db03 is down &lt;!channel&gt;",
        "<@U0BOT> reboot db03",
        "on it",
    ]


async def test_an_event_without_ack_is_delivered_again(
    workspace: Workspace, bolt: AsyncApp, connect: Connect
) -> None:
    """A lost ack brings the same event id again, with a retry attempt."""
    seen: list[str] = []

    @bolt.event("app_mention")
    async def mentioned(body: dict[str, Any]) -> None:
        seen.append(body["event_id"])

    await connect(bolt)
    workspace.chaos.lose_acks(1)

    workspace.mention("dana", "ops", "status")
    await workspace.settle()

    sent = [entry.details for entry in workspace.journal.entries if entry.kind == "envelope"]
    assert len(seen) == 2
    assert len(set(seen)) == 1
    assert [envelope["retry_attempt"] for envelope in sent] == [0, 1]
    assert sent[1]["retry_reason"] == "timeout"


async def test_an_event_is_given_up_after_three_more_tries(workspace: Workspace) -> None:
    """With nobody connected an event is tried four times in all, then written off."""
    workspace.mention("dana", "ops", "status")
    await workspace.settle()

    kinds = [entry.kind for entry in workspace.journal.entries if entry.name == "events_api"]
    assert kinds.count("envelope") == 4
    assert kinds[-1] == "lost"


async def test_a_command_fails_at_once_when_nothing_is_connected(workspace: Workspace) -> None:
    """Commands aren't redelivered: the typist is told."""
    outcome = await workspace.command("dana", "ops", "/power list")

    assert outcome.error == "dispatch_failed"
    assert [toast.text for toast in workspace.toasts("dana")] == [
        '/power failed with the error "dispatch_failed".'
    ]


async def test_a_late_ack_is_a_toast(
    workspace: Workspace, bolt: AsyncApp, connect: Connect
) -> None:
    """A command whose ack doesn't come in time fails for the typist alone."""
    await connect(bolt)
    workspace.chaos.lose_acks(1)

    @bolt.command("/power")
    async def power(ack: Any) -> None:
        await ack()

    outcome = await workspace.command("dana", "ops", "/power list")

    assert outcome.error == "operation_timeout"
    assert "did not respond" in workspace.toasts("dana")[0].text


async def test_a_socket_that_was_just_cut_is_asked_to_come_back_in_vain(
    workspace: Workspace, bolt: AsyncApp, connect: Connect
) -> None:
    """The app finds the cut by itself, and whoever asked is told nothing of it."""
    await connect(bolt)

    await workspace.hub.drop()
    await workspace.hub.disconnect("refresh_requested")

    await workspace.wait_for(
        lambda: workspace.hub.connections_seen == 2 and workspace.hub.connected == 1
    )


async def test_an_app_comes_back_after_a_disconnect_and_a_cut(
    workspace: Workspace, bolt: AsyncApp, connect: Connect
) -> None:
    """A refresh and an abrupt cut both end in a new connection that serves."""

    @bolt.command("/power")
    async def power(ack: Any) -> None:
        await ack("here")

    await connect(bolt)

    await workspace.hub.disconnect("refresh_requested")
    await workspace.wait_for(
        lambda: workspace.hub.connections_seen == 2 and workspace.hub.connected == 1
    )
    after_refresh = await workspace.command("dana", "ops", "/power list")
    await workspace.hub.drop()
    await workspace.wait_for(
        lambda: workspace.hub.connections_seen == 3 and workspace.hub.connected == 1
    )
    after_cut = await workspace.command("dana", "ops", "/power list")

    assert after_refresh.ok
    assert after_cut.ok


async def test_envelopes_take_turns_between_two_sockets(
    workspace: Workspace, bolt: AsyncApp, connect: Connect
) -> None:
    """Each envelope goes to one socket, and a doubled one reaches the app twice."""
    arrived: asyncio.Queue[str] = asyncio.Queue()

    @bolt.command("/power")
    async def power(ack: Any, command: dict[str, Any]) -> None:
        arrived.put_nowait(command["trigger_id"])
        await ack()

    await connect(bolt)
    await connect(bolt)
    await workspace.command("dana", "ops", "/power list")
    workspace.chaos.duplicate_next()

    await workspace.command("dana", "ops", "/power list")
    seen = [await asyncio.wait_for(arrived.get(), 60) for _ in range(3)]

    assert workspace.hub.connected == 2
    assert seen[1] == seen[2] != seen[0]


async def test_shortcuts_and_the_home_tab_reach_the_app(
    workspace: Workspace, bolt: AsyncApp, connect: Connect
) -> None:
    """A global shortcut, a message shortcut and the Home tab each have their payload."""
    seen: list[str] = []

    @bolt.shortcut("power_request")
    async def anywhere(ack: Any, body: dict[str, Any]) -> None:
        seen.append(body["type"])
        await ack()

    @bolt.shortcut("power_from_message")
    async def on_message(ack: Any, body: dict[str, Any]) -> None:
        seen.append(body["message"]["text"])
        await ack()

    @bolt.event("app_home_opened")
    async def home(event: dict[str, Any], client: Any) -> None:
        view = {"type": "home", "blocks": [{"type": "header", "text": plain("Yours")}]}
        await client.views_publish(user_id=event["user"], view=view)

    await connect(bolt)
    alert = workspace.say("dana", "ops", "web01 is down")

    await workspace.shortcut("dana", "power_request")
    await workspace.shortcut("dana", "power_from_message", "ops", alert.ts)
    workspace.open_home("dana")
    shown = await workspace.wait_for(lambda: workspace.home("dana"))

    assert seen == ["shortcut", "web01 is down"]
    assert shown is not None
    assert shown.words == "Yours"


async def test_a_closed_modal_is_told_when_asked_for(
    workspace: Workspace, bolt: AsyncApp, connect: Connect
) -> None:
    """view_closed comes for notify_on_close, and the stack is empty after it."""
    seen: list[bool] = []

    @bolt.command("/power")
    async def power(ack: Any, command: dict[str, Any], client: Any) -> None:
        await ack()
        view = modal(notify_on_close=True)
        await client.views_open(trigger_id=command["trigger_id"], view=view)

    @bolt.view_closed("review")
    async def closed(ack: Any, body: dict[str, Any]) -> None:
        seen.append(body["is_cleared"])
        await ack()

    await connect(bolt)
    await workspace.command("dana", "ops", "/power")
    await workspace.wait_for(lambda: workspace.views("dana"))

    await workspace.close("dana")

    assert seen == [False]
    assert workspace.views("dana") == []
