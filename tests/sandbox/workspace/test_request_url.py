"""The real Bolt behind a request URL: signed requests instead of sockets."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.workspace import App, Workspace
from bot.sandbox.workspace.transport.request_url import signature
from tests.sandbox.workspace.builders import QUIET, actions, button, entry, modal, plain

Serve = Callable[[web.Application], Any]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Serves an aiohttp application, and returns its address."""
    runners: list[web.AppRunner] = []

    async def start(application: web.Application) -> str:
        runner = web.AppRunner(application, access_log=None)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def workspace() -> AsyncIterator[Workspace]:
    """A workspace with the real time, since Bolt compares the age of a signature with its own."""
    running = Workspace(ack_s=2, redelivery_delays_s=(0.01, 0.01, 0.01))
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
def bolt(client: AsyncWebClient) -> AsyncApp:
    """A Bolt app that checks signatures."""
    return AsyncApp(client=client, signing_secret=App().signing_secret)


def mounted(bolt: AsyncApp) -> web.Application:
    """The app as Bolt's own aiohttp server serves it."""
    server = bolt.server(port=0, path="/slack/events")
    return server.web_app


async def test_a_story_works_over_signed_requests(
    workspace: Workspace, bolt: AsyncApp, serve: Serve
) -> None:
    """Command, click, typeahead, submission and mention arrive, and their acks count."""

    @bolt.command("/power")
    async def power(ack: Any, command: dict[str, Any], client: Any) -> None:
        await ack("Checking...")
        typeahead = {"type": "external_select", "action_id": "pick", "min_query_length": 0}
        field = entry(typeahead, block_id="server")
        await client.views_open(trigger_id=command["trigger_id"], view=modal(field))

    @bolt.options("pick")
    async def offer(ack: Any) -> None:
        await ack(options=[{"text": plain("web01"), "value": "id-1"}])

    @bolt.view("review")
    async def submitted(ack: Any, client: Any) -> None:
        await ack(response_action="errors", errors={"server": "locked"})

    @bolt.action("approve")
    async def approve(ack: Any, respond: Any) -> None:
        await ack()
        await respond("approved", replace_original=True)

    @bolt.event("app_mention")
    async def mentioned(client: Any, event: dict[str, Any]) -> None:
        blocks = [actions(button())]
        await client.chat_postMessage(channel=event["channel"], text="x", blocks=blocks, **QUIET)

    workspace.use_request_url(await serve(mounted(bolt)))

    command = await workspace.command("dana", "ops", "/power reboot web01 because a & b")
    (view,) = await workspace.wait_for(lambda: workspace.views("dana"))
    await workspace.suggest("dana", view, "pick", "")
    submitted_outcome = await workspace.submit("dana", {"server": {"pick": "web01"}})
    workspace.mention("dana", "ops", "hi")
    await workspace.settle()
    card = await workspace.wait_for(
        lambda: next((m for m in workspace.messages("ops") if m.buttons), None)
    )
    assert card is not None
    click = await workspace.click("sam", card, "Approve")
    await workspace.wait_for(lambda: card.text == "approved")

    assert command.ok
    assert workspace.ephemerals("dana")[0].text == "Checking..."
    assert submitted_outcome.errors == {"server": "locked"}
    assert click.ok


async def test_a_wrong_signature_is_not_acked(bolt: AsyncApp, serve: Serve) -> None:
    """Bolt refuses what another secret has signed, and the typist is told."""
    workspace = Workspace(app=App(signing_secret="another"))
    await workspace.start()
    workspace.use_request_url(await serve(mounted(bolt)))

    outcome = await workspace.command("dana", "ops", "/power list")
    await workspace.stop()

    assert outcome.error == "dispatch_failed"


async def test_an_event_is_sent_again_with_retry_headers(
    workspace: Workspace, serve: Serve
) -> None:
    """Each redelivery counts up, until the app says that it wants no more."""
    seen: list[tuple[str, str]] = []

    async def fail(request: web.Request) -> web.Response:
        headers = request.headers
        number = headers.get("X-Slack-Retry-Num", "")
        seen.append((number, headers.get("X-Slack-Retry-Reason", "")))
        stop = {"X-Slack-No-Retry": "1"} if number == "2" else {}
        return web.Response(status=503, headers=stop)

    application = web.Application()
    application.add_routes([web.post("/slack/events", fail)])
    workspace.use_request_url(await serve(application))

    workspace.mention("dana", "ops", "status")
    await workspace.settle()

    assert seen == [("", ""), ("1", "http_error"), ("2", "http_error")]


async def test_a_slow_answer_is_too_late(serve: Serve) -> None:
    """An app that answers after the time for acks has not acked."""
    held = asyncio.Event()

    async def hang(request: web.Request) -> web.Response:
        await held.wait()
        return web.Response()

    application = web.Application()
    application.add_routes([web.post("/slack/events", hang)])
    workspace = Workspace(ack_s=0.05, request_url=await serve(application))
    await workspace.start()

    outcome = await workspace.command("dana", "ops", "/power list")
    held.set()
    await workspace.stop()

    assert outcome.error == "operation_timeout"


async def test_a_dead_request_url_is_told_to_the_typist(workspace: Workspace) -> None:
    """Nobody listens: the command fails at once."""
    workspace.use_request_url("http://127.0.0.1:9/slack/events")

    outcome = await workspace.command("dana", "ops", "/power list")

    assert outcome.error == "dispatch_failed"


def test_a_signature_is_slacks_own_example() -> None:
    """The example from Slack's page "Verifying requests from Slack" comes out right."""
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow"
        b"&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner"
        b"&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com"
        b"%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )

    signed = signature("8f742231b10e8888abcd99yyyzzz85a5", "1531420618", body)

    assert signed == "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"


def test_a_request_url_must_be_on_this_machine() -> None:
    """Payloads don't leave the machine."""
    with pytest.raises(ValueError, match="must be on this machine"):
        Workspace(request_url="https://example.com/slack/events")
