"""The Web API's door, and what its methods answer, by the official client and by bare HTTP."""

import json
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.workspace import App, Cast, UserGroup, Workspace
from tests.sandbox.workspace.builders import QUIET, Json, actions, button, section
from tests.support import ticks


async def refusal(call: Any) -> Json:
    """Await a call that must be refused, and return the answer."""
    with pytest.raises(SlackApiError) as refused:
        await call
    answer: Json = refused.value.response.data
    return answer


async def test_a_client_learns_who_it_is(client: AsyncWebClient) -> None:
    """auth.test names team, user and bot, and carries the scopes in a header."""
    answer = await client.auth_test()

    assert (answer["team_id"], answer["user_id"], answer["bot_id"]) == ("T0DEMO", "U0BOT", "B0BOT")
    assert "chat:write" in answer.headers["x-oauth-scopes"]


@pytest.mark.parametrize(
    ("method", "token", "error"),
    [
        ("auth.test", "", "not_authed"),
        ("auth.test", "xoxb-wrong", "invalid_auth"),
        ("auth.test", "xapp-demo", "not_allowed_token_type"),
        ("apps.connections.open", "xoxb-demo", "not_allowed_token_type"),
        ("chat.poke", "xoxb-demo", "unknown_method"),
    ],
)
async def test_a_wrong_token_or_method_is_refused(
    client: AsyncWebClient, method: str, token: str, error: str
) -> None:
    """Each token opens its own methods, and HTTP stays 200."""
    client.token = token

    answer = await refusal(client.api_call(method))

    assert answer["error"] == error


async def test_a_missing_scope_is_named() -> None:
    """missing_scope says what was needed and what was provided."""
    workspace = Workspace(app=App(scopes=("commands",)))
    await workspace.start()
    client = AsyncWebClient("xoxb-demo", base_url=workspace.api_url)

    answer = await refusal(client.users_info(user="U0DANA"))
    await workspace.stop()

    assert (answer["needed"], answer["provided"]) == ("users:read", "commands")


@pytest.mark.parametrize("how", ["query", "form", "json"])
async def test_arguments_may_come_in_any_way(workspace: Workspace, how: str) -> None:
    """Query, form and JSON mean the same, with blocks as a JSON string where they must be."""
    args = {"channel": "C0OPS", "text": "x", "unfurl_links": "false", "unfurl_media": "false"}
    blocks = json.dumps([section()])
    ways: dict[str, Json] = {
        "query": {"params": {**args, "blocks": blocks}},
        "form": {"data": {**args, "blocks": blocks}},
        "json": {"json": {**args, "blocks": [section()]}},
    }
    headers = {"Authorization": "Bearer xoxb-demo"}
    method = "GET" if how == "query" else "POST"

    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.request(method, f"{workspace.api_url}chat.postMessage", **ways[how]) as response,
    ):
        answer = await response.json()

    assert answer["ok"], answer
    assert workspace.messages("ops")[0].blocks[0]["text"]["text"] == "hello"
    assert workspace.calls("chat.postMessage")[0].args["channel"] == "C0OPS"


@pytest.mark.parametrize(
    ("body", "error"), [("{", "invalid_json"), ("[]", "json_not_object"), ("", "not_authed")]
)
async def test_a_broken_body_is_refused(workspace: Workspace, body: str, error: str) -> None:
    """A body that can't be read has an error of its own."""
    headers = {"Content-Type": "application/json"}

    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{workspace.api_url}auth.test", data=body) as response,
    ):
        answer = await response.json()

    assert (response.status, answer["error"]) == (200, error)


async def test_missing_and_unknown_arguments_are_refused(client: AsyncWebClient) -> None:
    """A method says which field is missing, and which one it doesn't know."""
    missing = await refusal(client.api_call("users.info"))
    unknown = await refusal(client.api_call("auth.test", params={"colour": "red"}))

    assert missing["response_metadata"]["messages"] == ["[ERROR] missing required field: user"]
    assert unknown["response_metadata"]["messages"] == ["[ERROR] unknown field: colour"]


POST_REFUSALS: dict[str, tuple[Json, str]] = {
    "nowhere": ({"channel": "C0NOWHERE", "text": "x"}, "channel_not_found"),
    "not a member": ({"channel": "C0DEV", "text": "x"}, "not_in_channel"),
    "no text": ({"channel": "C0OPS", "text": " "}, "no_text"),
    "40,001 letters": ({"channel": "C0OPS", "text": "x" * 40_001}, "msg_too_long"),
    "no such thread": (
        {"channel": "C0OPS", "text": "x", "thread_ts": "1.000001"},
        "cannot_reply_to_message",
    ),
    "text as a number": ({"channel": "C0OPS", "text": 7}, "invalid_arguments"),
    "blocks as an object": ({"channel": "C0OPS", "blocks": {"a": 1}}, "invalid_blocks_format"),
    "everybody by link_names": (
        {"channel": "C0OPS", "text": "@channel", "link_names": True},
        "forged_text",
    ),
    "blocks as text": ({"channel": "C0OPS", "blocks": "section"}, "invalid_blocks_format"),
    "bad metadata": (
        {"channel": "C0OPS", "text": "x", "metadata": {"event_type": 7}},
        "invalid_metadata_format",
    ),
}


@pytest.mark.parametrize("case", POST_REFUSALS)
async def test_a_bad_post_is_refused(client: AsyncWebClient, case: str) -> None:
    """chat.postMessage refuses with Slack's own error names."""
    body, error = POST_REFUSALS[case]

    answer = await refusal(client.api_call("chat.postMessage", json={**body, **QUIET}))

    assert answer["error"] == error


async def test_a_message_is_posted_edited_and_deleted(
    workspace: Workspace, client: AsyncWebClient
) -> None:
    """Text without blocks takes the blocks away; metadata and client_msg_id are kept."""
    metadata = {"event_type": "request", "event_payload": {"id": "PR-1"}}
    posted = await client.api_call(
        "chat.postMessage",
        json={
            "channel": "C0OPS",
            "text": "card",
            "blocks": [actions(button())],
            "metadata": metadata,
            "client_msg_id": "abc",
            **QUIET,
        },
    )
    (message,) = workspace.messages("ops")
    assert (message.metadata, message.client_msg_id) == (metadata, "abc")
    ts: str = posted["ts"]

    await client.api_call("chat.update", json={"channel": "C0OPS", "ts": ts, "blocks": [section()]})
    assert (message.text, message.words) == ("card", "hello")
    edited = await client.chat_update(
        channel="C0OPS", ts=ts, text="done", metadata={**metadata, "event_type": "end"}
    )
    link = await client.chat_getPermalink(channel="C0OPS", message_ts=ts)
    await client.chat_delete(channel="C0OPS", ts=ts)

    assert "blocks" not in edited["message"]
    assert edited["message"]["metadata"]["event_type"] == "end"
    assert edited["message"]["edited"]["ts"] > ts
    assert link["permalink"].endswith(f"/archives/C0OPS/p{ts.replace('.', '')}")
    assert message.deleted
    gone = await refusal(client.chat_update(channel="C0OPS", ts=ts, text="x"))
    assert gone["error"] == "message_not_found"


async def test_a_bot_may_not_edit_what_others_wrote(
    workspace: Workspace, client: AsyncWebClient
) -> None:
    """Only the bot's own messages can be changed, and ephemeral ones not at all."""
    theirs = workspace.say("dana", "ops", "mine")
    private = await client.chat_postEphemeral(channel="C0OPS", user="U0DANA", text="psst")

    edit = await refusal(client.chat_update(channel="C0OPS", ts=theirs.ts, text="x"))
    removal = await refusal(client.chat_delete(channel="C0OPS", ts=theirs.ts))
    whisper = await refusal(client.chat_update(channel="C0OPS", ts=private["message_ts"], text="x"))

    assert edit["error"] == "cant_update_message"
    assert removal["error"] == "cant_delete_message"
    assert whisper["error"] == "message_not_found"


async def test_an_ephemeral_message_is_for_one_member(
    workspace: Workspace, client: AsyncWebClient
) -> None:
    """Only the one person sees it, and it needs a member of the channel."""
    await client.chat_postEphemeral(channel="C0OPS", user="U0DANA", text="psst")

    outsider = await refusal(client.chat_postEphemeral(channel="C0OPS", user="U0STAN", text="psst"))

    assert [m.text for m in workspace.messages("ops", as_user="dana")] == ["psst"]
    assert workspace.messages("ops", as_user="sam") == []
    assert outsider["error"] == "user_not_in_channel"


async def test_an_ephemeral_message_is_shown_in_a_thread_with_replies_alone(
    workspace: Workspace, client: AsyncWebClient
) -> None:
    """Slack takes both, and shows the first to nobody ("chat.postEphemeral")."""
    root = workspace.say("sam", "ops", "down")
    where: dict[str, Any] = {"channel": "C0OPS", "user": "U0DANA", "thread_ts": root.ts}
    lost = await client.chat_postEphemeral(**where, text="lost")
    workspace.say("sam", "ops", "looking", thread_ts=root.ts)
    await client.chat_postEphemeral(**where, text="seen")

    assert lost["ok"]
    assert [one.text for one in workspace.ephemerals("dana")] == ["seen"]


async def test_a_post_to_a_person_is_a_direct_message(
    workspace: Workspace, client: AsyncWebClient
) -> None:
    """A user id as channel leads to the direct message with the bot."""
    answer = await client.chat_postMessage(channel="U0DANA", text="yours ended", **QUIET)

    assert answer["channel"] == "D0DANA"
    assert [message.text for message in workspace.direct_messages("dana")] == ["yours ended"]


async def test_people_are_told_apart(client: AsyncWebClient) -> None:
    """users.info tells guests, strangers, bots and deactivated people apart."""
    people = {
        name: (await client.users_info(user=f"U0{name.upper()}"))["user"]
        for name in ("dana", "gil", "dee", "stan", "bot")
    }

    assert not people["dana"]["is_restricted"]
    assert people["gil"]["is_restricted"]
    assert people["dee"]["deleted"]
    assert (people["stan"]["is_stranger"], people["stan"]["team_id"]) == (True, "T0OTHER")
    assert people["bot"]["is_bot"]
    assert (await refusal(client.users_info(user="U0NOBODY")))["error"] == "user_not_found"


async def test_lists_come_in_pages(client: AsyncWebClient) -> None:
    """A cursor leads to the next page, and the last page has none."""
    first = await client.users_list(limit=6)
    cursor = first["response_metadata"]["next_cursor"]
    second = await client.users_list(limit=6, cursor=cursor)

    assert (len(first["members"]), len(second["members"])) == (6, 2)
    assert second["response_metadata"]["next_cursor"] == ""
    bad = await refusal(client.users_list(cursor="!"))
    assert bad["error"] == "invalid_cursor"


async def test_user_groups_and_channels_are_told() -> None:
    """Disabled groups are hidden; channels say whether they are shared and have the bot."""
    groups = [
        UserGroup("S0ONCALL", "oncall", "On call", ["U0SAM"]),
        UserGroup("S0OLD", "old", "Old", ["U0SAM"], disabled=True),
    ]
    workspace = Workspace(cast=Cast(groups=groups))
    await workspace.start()
    client = AsyncWebClient("xoxb-demo", base_url=workspace.api_url)

    listed = await client.usergroups_list(include_users=True)
    members = await client.usergroups_users_list(usergroup="S0ONCALL")
    disabled = await refusal(client.usergroups_users_list(usergroup="S0OLD"))
    shared = await client.conversations_info(channel="C0SHARED")
    elsewhere = await client.conversations_info(channel="C0DEV")
    channels = await client.conversations_list(types="public_channel")
    people = await client.conversations_members(channel="C0SHARED")
    opening = await refusal(client.conversations_open(users=["U0DANA"]))
    await workspace.stop()

    assert [group["users"] for group in listed["usergroups"]] == [["U0SAM"]]
    assert members["users"] == ["U0SAM"]
    assert disabled["error"] == "no_such_subteam"
    assert shared["channel"]["is_ext_shared"]
    assert not elsewhere["channel"]["is_member"]
    assert len(channels["channels"]) == 4
    assert "U0STAN" in people["members"]
    assert opening["needed"] == "im:write"


async def test_a_step_can_be_completed_once(workspace: Workspace, client: AsyncWebClient) -> None:
    """A Workflow step ends with its outputs, and ends only once."""
    workspace.run_step("Fx1")

    await client.functions_completeSuccess(function_execution_id="Fx1", outputs={})
    again = await refusal(client.functions_completeError(function_execution_id="Fx1", error="x"))

    assert again["error"] == "function_execution_not_found"


async def test_posts_are_limited_by_the_clock(
    workspace: Workspace, client: AsyncWebClient, clock: ticks.GivenClock
) -> None:
    """Five at once in a channel, then one a second; another channel has its own measure."""
    for _ in range(5):
        await client.chat_postMessage(channel="C0OPS", text="x", **QUIET)

    with pytest.raises(SlackApiError) as refused:
        await client.chat_postMessage(channel="C0OPS", text="x", **QUIET)
    await client.chat_postMessage(channel="C0INC", text="x", **QUIET)
    clock.passed_s += 1
    await client.chat_postMessage(channel="C0OPS", text="x", **QUIET)

    assert refused.value.response.status_code == 429
    assert refused.value.response.headers["Retry-After"] == "1"
    assert refused.value.response["error"] == "ratelimited"
    assert len(workspace.messages("ops")) == 6


async def test_edits_are_limited_to_fifty_a_minute(
    client: AsyncWebClient, clock: ticks.GivenClock
) -> None:
    """chat.update takes fifty at once, and then one for each 1.2 seconds."""
    posted = await client.chat_postMessage(channel="C0OPS", text="x", **QUIET)
    ts: str = posted["ts"]
    for _ in range(50):
        await client.chat_update(channel="C0OPS", ts=ts, text="y")

    answer = await refusal(client.chat_update(channel="C0OPS", ts=ts, text="z"))

    assert answer["error"] == "ratelimited"
