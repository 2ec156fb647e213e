"""Wrong tokens are noticed at the start; connections open, close, and are looked after."""

from __future__ import annotations

import time

import aiohttp
import pytest
from aiohttp import test_utils, web
from slack_sdk.web.async_client import AsyncWebClient

from bot.power import errors
from bot.sandbox.workspace import Workspace
from bot.slack.door import connection
from tests.slack.conftest import Side


async def test_bot_learns_who_it_is_at_the_start(client: AsyncWebClient) -> None:
    """Team, ids and scopes come from Slack, not from settings."""
    identity = await connection.introduce(client)

    assert identity.team_id == "T0DEMO"
    assert identity.user_id == "U0BOT"
    assert "chat:write" in identity.scopes
    assert identity.url.startswith("http")


@pytest.mark.parametrize(
    ("dated", "at"), [("Mon, 30 Nov 2020 10:00:00 GMT", 1_606_730_400.0), ("no date", None)]
)
async def test_bot_learns_at_the_start_how_far_its_clock_is_off(
    dated: str, at: float | None
) -> None:
    """By the date of Slack's answer; one that can't be read says nothing."""

    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"ok": True}, headers={"Date": dated})

    app = web.Application()
    app.router.add_post("/api/{method}", answer)
    async with test_utils.TestServer(app) as server:
        url = str(server.make_url("/api/"))
        async with connection.open_client("xoxb-1", url) as client:
            identity = await connection.introduce(client)

    off_s = 0.0 if at is None else time.time() - at
    assert identity.off_s == pytest.approx(off_s, abs=60.0)


async def test_wrong_tokens_are_named_at_the_start(client: AsyncWebClient) -> None:
    """The sentence names the setting and Slack's word."""
    client.token = "xoxb-wrong"

    with pytest.raises(errors.SlackUnavailable, match="SLACK_BOT_TOKEN: invalid_auth"):
        await connection.introduce(client)
    with pytest.raises(errors.SlackUnavailable, match="SLACK_APP_TOKEN: "):
        await connection.try_app_token(client, "xapp-wrong")


async def test_good_app_token_is_taken(client: AsyncWebClient, workspace: Workspace) -> None:
    """The socket that the trial was given is never used."""
    await connection.try_app_token(client, workspace.app.app_token)

    assert workspace.calls("apps.connections.open")


async def test_unreachable_slack_is_named_at_the_start(client: AsyncWebClient) -> None:
    """Nobody waits for ever, and no trace is shown."""
    client.base_url = "http://127.0.0.1:9/api/"
    client.retry_handlers.clear()

    with pytest.raises(errors.SlackUnavailable, match="can't be reached"):
        await connection.introduce(client)


async def test_http_without_a_signing_secret_is_refused(side: Side) -> None:
    """Without a secret anybody could sign."""
    identity = await connection.introduce(side.client)
    app = connection.make_app(side.client, identity)

    with pytest.raises(ValueError, match="SLACK_SIGNING_SECRET"):
        connection.http_handler(app, "", side.clock)


async def test_unsigned_request_changes_nothing(
    over_http: Side, http: aiohttp.ClientSession
) -> None:
    """Only Slack can sign."""
    body = "command=/power&team_id=T0DEMO&user_id=U0DANA&channel_id=C0OPS&trigger_id=1&text=list"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}

    async with http.post(over_http.request_url, data=body, headers=headers) as answer:
        assert answer.status == 401
    assert over_http.store.inbox == {}
