"""What isn't ours: other apps' payloads, other commands, and addresses that aren't Slack's."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient

from bot.power.lifecycle import State
from bot.slack import api_errors
from bot.slack.blockkit import blocks
from bot.slack.door import connection
from bot.slack.door.turned_away import Check
from bot.slack.inbound import bolt_registration, guard
from bot.slack.outbound import sending
from tests.slack import builders
from tests.slack.conftest import Side

API = "https://slack.com/api/"
DANA, OPS = "U0DANA", "C0OPS"


async def test_the_bot_learns_its_app_from_slack(side: Side) -> None:
    """By bots.info, for either transport."""
    identity = await connection.introduce(side.client)

    assert identity.app_id == side.workspace.app.id


async def test_a_bot_whose_app_slack_does_not_tell_starts_all_the_same(
    side: Side, client: AsyncWebClient
) -> None:
    """Then signature and socket alone say whose a payload is."""
    side.workspace.chaos.fail("bots.info", count=5)

    assert (await connection.introduce(client)).app_id == ""


class Ack:
    """An acknowledgement that keeps what it was given."""

    response: Any = None

    async def __call__(self, text: Any = "", **rest: Any) -> None:
        """Acknowledge."""
        self.response = {"text": text, **rest}


BODIES: dict[str, dict[str, Any]] = {
    "command": {"command": "/power", "text": "status", "user_id": DANA, "team_id": builders.TEAM},
    "click": {"type": "block_actions", "actions": [{"action_id": "pb:approve"}]},
    "form": {"type": "view_submission", "view": {"callback_id": "x"}},
    "options": {"type": "block_suggestion", "action_id": "servers"},
    "event": {"type": "event_callback", "event": {"type": "app_mention"}},
}


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("app_id", ["A0OTHER", "", None, 5, ["A0DEMO"]])
async def test_a_payload_of_another_app_is_refused_and_counted(
    over_http: Side, kind: str, app_id: object
) -> None:
    """Were a secret shared by mistake, another app's Approve would not be ours."""
    heard = list[str]()

    async def listener(ack: guard.Ack, body: Any) -> None:
        heard.append("heard")

    away = over_http.bolt.turned_away
    ours = over_http.workspace.app.id
    guarding = guard.Guard(builders.TEAM, over_http.sender, ours, away)
    body = {**BODIES[kind], "team": {"id": builders.TEAM}, "api_app_id": app_id}
    await guarding.around(listener)(ack=Ack(), body=body)

    assert heard == []
    assert away.counts[Check.APP_DIFFERS] == 1


async def test_another_command_is_refused_by_its_name(side: Side) -> None:
    """Whatever else points at this app doesn't switch servers."""
    heard = bolt_registration.Registration(
        side.processor, side.forms, guard.Guard(builders.TEAM, side.sender), "/power-staging"
    )
    ack = Ack()

    await heard.other_command_received(ack, {"command": "/power", "text": "off web01"})

    assert ack.response is not None
    assert "/power-staging" in ack.response["text"]
    assert side.store.inbox == {}


async def test_a_command_of_another_name_changes_nothing(connected: Side) -> None:
    """Over either transport."""
    await connected.workspace.command(DANA, OPS, "/pwr off web01 because test")

    assert connected.store.inbox == {}


@pytest.mark.parametrize(
    ("url", "ours"),
    [
        ("https://hooks.slack.com/commands/T1/2/abc", True),
        ("https://hooks.slack.com/actions/T1/2/abc", True),
        ("https://hooks.slack-gov.com/actions/T1/2/abc", True),
        ("http://hooks.slack.com/commands/T1/2/abc", False),
        ("https://hooks.slack.com.evil.example/commands/T1", False),
        ("https://hooks.slack.com@evil.example/commands/T1", False),
        ("https://evil.example/hooks.slack.com/T1", False),
        ("https://hooks.slack.com:8443/commands/T1", False),
        ("https://hooks.slack.com\\@evil.example/T1", False),
        ("https://hooks.slack.com/a\n/b", False),
        ("https://HOOKS.slack.com/T1", False),
        ("https://slack.com/api/chat.postMessage", True),
        ("https://slack.com.evil.example/x", False),
        ("http://slack.com/x", False),
        ("http://169.254.169.254/latest/meta-data/", False),
        ("http://127.0.0.1:3000/metrics", False),
        ("file:///etc/passwd", False),
        ("", False),
    ],
)
def test_only_an_address_of_slacks_is_answered(url: str, ours: bool) -> None:
    """A forged payload could make the bot send plans and post into its own network."""
    assert sending.is_slacks(url, API) is ours


def test_the_stand_ins_address_is_answered_where_its_api_is() -> None:
    """On the same host and port, and nowhere else."""
    assert sending.is_slacks("http://127.0.0.1:8091/respond/a", "http://127.0.0.1:8091/api/")
    assert not sending.is_slacks("http://127.0.0.1:80910/respond/a", "http://127.0.0.1:8091/api/")
    assert not sending.is_slacks("http://127.0.0.1:8092/respond/a", "http://127.0.0.1:8091/api/")


async def test_nothing_is_sent_to_a_strangers_address(side: Side) -> None:
    """Whatever a payload names."""
    asked = asyncio.Event()

    async def stranger(_: web.Request) -> web.Response:
        asked.set()
        return web.Response()

    site = web.Application()
    site.add_routes([web.post("/respond/a", stranger)])
    runner = web.AppRunner(site)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/respond/a"
    message = blocks.Message("words", (blocks.section("words"),))
    with pytest.raises(api_errors.Undelivered, match="foreign_address"):
        await side.sender.respond(url, message)
    await runner.cleanup()

    assert not asked.is_set()
    assert State.PENDING not in {one.state for one in side.store.requests.values()}
