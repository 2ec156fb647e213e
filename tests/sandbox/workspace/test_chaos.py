"""Faults that are asked for come once, at the method that was named."""

import asyncio

import pytest
from aiohttp import ClientError
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.workspace import Workspace
from bot.sandbox.workspace.base.chaos import FaultKind
from tests.sandbox.workspace.builders import QUIET
from tests.sandbox.workspace.conftest import Ui


async def test_a_method_fails_as_often_as_asked(
    workspace: Workspace, client: AsyncWebClient
) -> None:
    """A 429, a 503 and an error of Slack's come one after another, then all is well."""
    workspace.chaos.fail("auth.test", "status", status=429, retry_after_s=7)
    workspace.chaos.fail("auth.test", "status", status=503)
    workspace.chaos.fail("any", "error", error="fatal_error")

    with pytest.raises(SlackApiError) as limited:
        await client.auth_test()
    with pytest.raises(SlackApiError) as broken:
        await client.auth_test()
    with pytest.raises(SlackApiError) as fatal:
        await client.auth_test()

    assert limited.value.response.headers["Retry-After"] == "7"
    assert broken.value.response.status_code == 503
    assert fatal.value.response["error"] == "fatal_error"
    assert (await client.auth_test())["ok"]


async def test_a_method_that_is_refused_as_too_often_says_when_to_come_back(
    workspace: Workspace, client: AsyncWebClient
) -> None:
    """That word comes with status 429 and a time, whoever asked for it."""
    workspace.chaos.refuse("auth.test", "ratelimited")

    with pytest.raises(SlackApiError) as limited:
        await client.auth_test()

    assert limited.value.response.status_code == 429
    assert limited.value.response.headers["Retry-After"] == "1"


async def test_a_channel_refuses_until_it_is_allowed_again(
    workspace: Workspace, client: AsyncWebClient, ui: Ui
) -> None:
    """With the word that was asked for, in that channel, for what was named, and nothing else."""
    root = workspace.say("sam", "ops", "down")
    narrow = {"where": "threads", "containing": "<!subteam^"}
    wish = {"method": "chat.postMessage", "error": "restricted_action", "channel": "C0OPS"}
    answer = await ui("/ui/chaos", {"kind": "refuse", **wish, **narrow})
    group = {"text": "<!subteam^S0ONCALL>", **QUIET}

    with pytest.raises(SlackApiError) as refused:
        await client.chat_postMessage(channel="C0OPS", thread_ts=root.ts, **group)
    await client.chat_postMessage(channel="C0OPS", thread_ts=root.ts, text="x", **QUIET)
    await client.chat_postMessage(channel="C0INC", text="x", **QUIET)
    workspace.chaos.allow("C0INC")
    assert workspace.chaos.refusal("chat.postMessage", {**group, "channel": "C0OPS"}) == ""
    workspace.chaos.allow("C0OPS")

    assert answer["ok"]
    assert refused.value.response["error"] == "restricted_action"
    in_thread = {**group, "channel": "C0OPS", "thread_ts": root.ts}
    assert workspace.chaos.refusal("chat.postMessage", in_thread) == ""


@pytest.mark.parametrize(("kind", "posted"), [("cut_before", 0), ("cut_after", 1)])
async def test_a_connection_is_cut_before_or_after_the_work(
    workspace: Workspace, client: AsyncWebClient, kind: FaultKind, posted: int
) -> None:
    """The caller can't tell the two apart; the channel can."""
    client.retry_handlers.clear()
    workspace.chaos.fail("chat.postMessage", kind)

    with pytest.raises(ClientError):
        await client.chat_postMessage(channel="C0OPS", text="x", **QUIET)

    assert len(workspace.messages("ops")) == posted


async def test_a_status_after_hides_that_it_worked(
    workspace: Workspace, client: AsyncWebClient
) -> None:
    """A 500 may follow work that was done."""
    workspace.chaos.fail("chat.postMessage", "status_after", status=500)

    with pytest.raises(SlackApiError):
        await client.chat_postMessage(channel="C0OPS", text="x", **QUIET)

    assert len(workspace.messages("ops")) == 1


async def test_a_slow_method_is_slow(workspace: Workspace, client: AsyncWebClient) -> None:
    """Latency holds one method's answers back, and the others not."""
    workspace.chaos.set_latency("users.info", 30)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.users_info(user="U0DANA"), 0.1)
    assert (await client.auth_test())["ok"]


async def test_a_page_can_cause_each_fault(workspace: Workspace, ui: Ui) -> None:
    """The page asks for the same faults by JSON, sees them waiting, and clears them."""
    wishes = [
        {"kind": "latency", "method": "auth.test", "seconds": 1},
        {"kind": "fail", "method": "views.open", "fault": "cut_after", "count": 2},
        {"kind": "duplicate"},
        {"kind": "lose_ack", "count": 3},
        {"kind": "disconnect"},
        {"kind": "drop"},
    ]
    for wish in wishes:
        last = await ui("/ui/chaos", wish)

    cleared = await ui("/ui/chaos", {"kind": "clear"})

    assert last["waiting"] == {
        "latency_s": {"auth.test": 1.0},
        "faults": {"views.open": 2},
        "duplicates": 1,
        "lost_acks": 3,
    }
    assert cleared["waiting"]["faults"] == {}
