"""Trigger ids, stacks, versions and response URLs: what is short-lived, runs out here too."""

import re
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.sandbox.workspace import Workspace
from tests.sandbox.workspace.builders import (
    QUIET,
    Json,
    Mailbox,
    actions,
    button,
    entry,
    mailbox_of,
    modal,
    plain,
    section,
    select,
)
from tests.support import ticks


@pytest.fixture
def mailbox(workspace: Workspace) -> Mailbox:
    """Takes the place of an app."""
    return mailbox_of(workspace)


async def trigger(workspace: Workspace, mailbox: Mailbox) -> str:
    """Let dana type a command, and return its trigger id."""
    await workspace.command("dana", "ops", "/power")
    return str(mailbox.received[-1]["trigger_id"])


async def test_a_trigger_opens_one_modal_within_three_seconds(
    workspace: Workspace, client: AsyncWebClient, mailbox: Mailbox, clock: ticks.GivenClock
) -> None:
    """A trigger id is used up by use and by time."""
    first = await trigger(workspace, mailbox)
    second = await trigger(workspace, mailbox)
    await client.views_open(trigger_id=first, view=modal())

    with pytest.raises(SlackApiError, match="exchanged_trigger_id"):
        await client.views_open(trigger_id=first, view=modal())
    with pytest.raises(SlackApiError, match="invalid_trigger_id"):
        await client.views_open(trigger_id="1.2.3", view=modal())
    clock.passed_s += 3.1
    with pytest.raises(SlackApiError, match="expired_trigger_id"):
        await client.views_open(trigger_id=second, view=modal())


async def test_a_stack_holds_three_modals(
    workspace: Workspace, client: AsyncWebClient, mailbox: Mailbox
) -> None:
    """The fourth modal is refused."""
    await client.views_open(trigger_id=await trigger(workspace, mailbox), view=modal())
    for _ in range(2):
        await client.views_push(trigger_id=await trigger(workspace, mailbox), view=modal())

    with pytest.raises(SlackApiError, match="push_limit_reached"):
        await client.views_push(trigger_id=await trigger(workspace, mailbox), view=modal())

    bottom, middle, top = workspace.views("dana")
    assert (top.previous_view_id, top.root_view_id) == (middle.id, bottom.id)


async def test_an_update_of_an_old_version_is_refused(
    workspace: Workspace, client: AsyncWebClient, mailbox: Mailbox
) -> None:
    """A stale hash is a conflict; what was entered stays when its field stays."""
    field = {"type": "plain_text_input", "action_id": "words"}
    form = modal(entry(field, block_id="reason"))
    opened = await client.views_open(trigger_id=await trigger(workspace, mailbox), view=form)
    (view,) = workspace.views("dana")
    workspace.fill(view, {"reason": {"words": "kernel"}})
    known = opened["view"]["hash"]

    await client.views_update(view_id=view.id, hash=known, view={**form, "title": plain("Two")})
    with pytest.raises(SlackApiError, match="hash_conflict"):
        await client.views_update(view_id=view.id, hash=known, view=form)

    assert view.title == "Two"
    assert view.values["reason"]["words"]["value"] == "kernel"


async def test_values_become_the_state_of_each_element(
    workspace: Workspace, client: AsyncWebClient, mailbox: Mailbox
) -> None:
    """A submission carries one state object for each field, by its type."""
    fields: list[Json] = [
        {"type": "plain_text_input", "action_id": "f"},
        {"type": "number_input", "action_id": "f", "is_decimal_allowed": False},
        select(action_id="f"),
        {**select(action_id="f"), "type": "checkboxes"},
        {"type": "datetimepicker", "action_id": "f"},
        {"type": "conversations_select", "action_id": "f"},
        {"type": "multi_users_select", "action_id": "f"},
    ]
    blocks = [entry(field, block_id=f"b{n}", optional=True) for n, field in enumerate(fields)]
    await client.views_open(trigger_id=await trigger(workspace, mailbox), view=modal(*blocks))
    simple: list[Any] = ["why", "3", "id-1", ["web01"], "1800000000", "C0OPS", ["U0SAM"]]

    outcome = await workspace.submit("dana", {f"b{n}": {"f": v} for n, v in enumerate(simple)})

    values = mailbox.received[-1]["view"]["state"]["values"]
    chosen = {"text": plain("web01"), "value": "id-1"}
    assert outcome.ok
    assert [values[f"b{n}"]["f"] for n in range(7)] == [
        {"type": "plain_text_input", "value": "why"},
        {"type": "number_input", "value": "3"},
        {"type": "static_select", "selected_option": chosen},
        {"type": "checkboxes", "selected_options": [chosen]},
        {"type": "datetimepicker", "selected_date_time": 1_800_000_000},
        {"type": "conversations_select", "selected_conversation": "C0OPS"},
        {"type": "multi_users_select", "selected_users": ["U0SAM"]},
    ]


COMPLAINTS: dict[str, tuple[Json, Any]] = {
    "at least 5": ({"type": "plain_text_input", "min_length": 5}, "abc"),
    "at most 2": ({"type": "plain_text_input", "max_length": 2}, "abc"),
    "whole number": ({"type": "number_input", "is_decimal_allowed": False}, "1.5"),
    "a number.": ({"type": "number_input", "is_decimal_allowed": False}, "many"),
    "at most 3": ({"type": "number_input", "is_decimal_allowed": True, "max_value": "3"}, "4"),
    "at least 3": ({"type": "number_input", "is_decimal_allowed": True, "min_value": "3"}, "2"),
    "at most 1": ({"type": "multi_users_select", "max_selected_items": 1}, ["U0SAM", "U0DANA"]),
}


@pytest.mark.parametrize("complaint", COMPLAINTS)
async def test_the_client_complains_before_the_app_hears(
    workspace: Workspace, client: AsyncWebClient, mailbox: Mailbox, complaint: str
) -> None:
    """Slack's client checks a field's own limits, and sends nothing."""
    field, value = COMPLAINTS[complaint]
    form = modal(entry({**field, "action_id": "f"}, block_id="b"))
    await client.views_open(trigger_id=await trigger(workspace, mailbox), view=form)
    sent = len(mailbox.received)

    outcome = await workspace.submit("dana", {"b": {"f": value}})

    assert outcome.error == "incomplete"
    assert complaint in outcome.errors["b"]
    assert len(mailbox.received) == sent


@pytest.mark.parametrize(
    "answer",
    [
        {"response_action": "errors", "errors": {"nowhere": "x"}},
        {"response_action": "errors", "errors": {}},
        {"response_action": "update", "view": {"type": "modal"}},
        {"response_action": "dance"},
    ],
)
async def test_a_bad_answer_to_a_submission_is_a_violation(
    workspace: Workspace, client: AsyncWebClient, mailbox: Mailbox, answer: Json
) -> None:
    """The person sees that it didn't work, the modal stays, and the test can see why."""
    await client.views_open(trigger_id=await trigger(workspace, mailbox), view=modal())
    mailbox.answer = answer

    outcome = await workspace.submit("dana")

    assert outcome.error == "bad_answer"
    assert [violation.rule for violation in workspace.violations] == ["bad_answer"]
    assert len(workspace.views("dana")) == 1


async def test_a_response_url_works_five_times_in_thirty_minutes(
    workspace: Workspace, mailbox: Mailbox, clock: ticks.GivenClock
) -> None:
    """The sixth use and a late use are refused."""
    await workspace.command("dana", "ops", "/power")
    await workspace.command("dana", "ops", "/power")
    first, second = (AsyncWebhookClient(one["response_url"]) for one in mailbox.received)

    used = [(await first.send(text="x")).status_code for _ in range(6)]
    clock.passed_s += 30 * 60 + 1
    late = await second.send(text="x")

    assert used == [200] * 5 + [404]
    assert late.status_code == 404
    assert len(workspace.ephemerals("dana")) == 5


async def test_a_response_url_can_replace_and_delete(
    workspace: Workspace, client: AsyncWebClient, mailbox: Mailbox
) -> None:
    """An ephemeral message can be changed and removed through the URL of a click in it."""
    blocks = [actions(button())]
    await client.chat_postEphemeral(channel="C0OPS", user="U0DANA", text="x", blocks=blocks)
    (message,) = workspace.ephemerals("dana")
    await workspace.click("dana", message, "Approve")
    payload = mailbox.received[-1]
    hook = AsyncWebhookClient(payload["response_url"])

    await hook.send(text="done", replace_original=True)
    replaced = (message.text, message.buttons)
    await hook.send(text="to all", response_type="in_channel")
    await hook.send(delete_original=True)

    assert payload["container"]["is_ephemeral"]
    assert "message" not in payload
    assert replaced == ("done", [])
    assert message.deleted
    assert [m.text for m in workspace.messages("ops", as_user="sam")] == ["to all"]


async def test_a_choice_in_a_message_carries_its_state(
    workspace: Workspace, client: AsyncWebClient, mailbox: Mailbox
) -> None:
    """A select in a message sends the chosen option, and state keeps it."""
    blocks = [{**actions(select()), "block_id": "b"}, actions(menu())]
    await client.chat_postMessage(channel="C0OPS", text="x", blocks=blocks, **QUIET)
    (message,) = workspace.messages("ops")

    await workspace.click("dana", message, "pick", "web01")
    chosen = mailbox.received[-1]
    await workspace.click("dana", message, "more", "Undo")

    assert chosen["actions"][0]["selected_option"]["value"] == "id-1"
    assert chosen["state"]["values"]["b"]["pick"]["selected_option"]["value"] == "id-1"
    assert mailbox.received[-1]["actions"][0]["selected_option"]["value"] == "undo"


def menu() -> Json:
    """An overflow menu of one line."""
    options = [{"text": plain("Undo"), "value": "undo"}]
    return {"type": "overflow", "action_id": "more", "options": options}


async def test_a_person_acts_only_on_what_is_seen(
    workspace: Workspace, client: AsyncWebClient, mailbox: Mailbox
) -> None:
    """A stranger to the channel, a missing button and another's modal are all refused."""
    blocks = [section(), actions(button())]
    await client.chat_postMessage(channel="C0OPS", text="x", blocks=blocks, **QUIET)
    await client.views_open(trigger_id=await trigger(workspace, mailbox), view=modal())
    (message,) = workspace.messages("ops")
    (view,) = workspace.views("dana")

    with pytest.raises(LookupError, match=r"isn't in 'ops'"):
        await workspace.click("stan", message, "Approve")
    with pytest.raises(LookupError, match=re.escape("the buttons are ['Approve']")):
        await workspace.click("sam", message, "Deny")
    with pytest.raises(LookupError, match="doesn't have that modal"):
        await workspace.submit("sam", view=view)
    with pytest.raises(LookupError, match="nobody offered"):
        workspace.fill(await typeahead(workspace, client, mailbox), {"b": {"f": "web01"}})


async def typeahead(workspace: Workspace, client: AsyncWebClient, mailbox: Mailbox) -> Any:
    """Open a modal with a typeahead select."""
    form = modal(entry({"type": "external_select", "action_id": "f"}, block_id="b"))
    await client.views_open(trigger_id=await trigger(workspace, mailbox), view=form)
    return workspace.views("dana")[-1]


async def test_suggestions_are_checked(
    workspace: Workspace, client: AsyncWebClient, mailbox: Mailbox
) -> None:
    """A short query asks nobody; more than 100 options are a violation."""
    view = await typeahead(workspace, client, mailbox)
    sent = len(mailbox.received)
    short = await workspace.suggest("dana", view, "f", "we")
    mailbox.answer = {"options": [{"text": plain("x"), "value": "x"}] * 101}

    outcome = await workspace.suggest("dana", view, "f", "web")

    assert short.answer == {"options": []}
    assert len(mailbox.received) == sent + 1
    assert outcome.error == "bad_answer"
    assert "no more than 100 items" in workspace.violations[0].message


async def test_a_used_socket_address_is_refused(workspace: Workspace) -> None:
    """The address that apps.connections.open gives works once."""
    headers = {"Authorization": "Bearer xapp-demo"}
    async with aiohttp.ClientSession() as session:
        async with session.post(
            f"{workspace.api_url}apps.connections.open", headers=headers
        ) as response:
            url = (await response.json())["url"]
        async with session.ws_connect(url) as socket:
            hello = await socket.receive_json()
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(url)

    assert hello["type"] == "hello"
    assert hello["num_connections"] == 1
