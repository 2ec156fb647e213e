"""Slack's side of the bot, joined to the Slack stand-in, with a store and workflow in memory."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient

from bot import http_limits
from bot.power.lifecycle import State
from bot.runtime import clocks
from bot.sandbox.workspace import Message, Workspace
from bot.slack.door import connection, sockets
from bot.slack.inbound import bolt_registration, form_receiver, guard, processor
from bot.slack.outbound import context as outbound, delivery, home_publisher, reporter, sending
from tests.slack import builders, fakes
from tests.support import ticks


@dataclasses.dataclass
class Side:
    """Everything of one bot's Slack side, and the workspace that it lives in."""

    workspace: Workspace
    clock: ticks.GivenClock
    store: fakes.Store
    workflow: fakes.Workflow
    client: AsyncWebClient
    sender: sending.Sender
    processor: processor.Processor
    forms: form_receiver.FormReceiver
    reporter: reporter.Reporter
    request_url: str = ""
    bolt: connection.PromptApp = dataclasses.field(init=False, repr=False)

    async def settle(self) -> None:
        """Wait until every payload is dealt with and everything due has been delivered."""
        await self.workspace.settle()
        await self.processor.close()
        for _ in range(50):
            if not await self.reporter.deliver_due():
                await self.clock.pass_s(5)
                if not await self.reporter.deliver_due():
                    return

    def whispers(self, user: str) -> list[Message]:
        """What only this person sees and has not been taken away."""
        return [one for one in self.workspace.ephemerals(user) if not one.deleted]

    def card(self, channel: str = "C0OPS") -> Message:
        """The newest card in a channel."""
        cards = [one for one in self.workspace.messages(channel) if one.metadata]
        return cards[-1]


@pytest.fixture
def clock() -> ticks.GivenClock:
    """A clock that sleepers move on; Bolt compares signatures with this machine's time."""
    return ticks.GivenClock(start=time.time())


@pytest.fixture
async def workspace(clock: ticks.GivenClock) -> AsyncIterator[Workspace]:
    """A workspace that serves; acks may take as long as with Slack."""
    running = Workspace(
        clock=clock.now,
        ack_s=3.0,
        redelivery_delays_s=(0.01, 0.01),
        mentionable_groups=["S0ONCALL"],
        rate_factor=100.0,
    )
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def client(workspace: Workspace) -> AsyncIterator[AsyncWebClient]:
    """A client on a shared session, which no proxy setting of this machine leads astray."""
    async with connection.open_client(workspace.app.bot_token, workspace.api_url) as made:
        made.proxy = None
        yield made


@pytest.fixture
def sender(client: AsyncWebClient, clock: ticks.GivenClock) -> sending.Sender:
    """The one that sends."""
    return sending.Sender(client, clock)


@pytest.fixture
async def side(
    workspace: Workspace, client: AsyncWebClient, sender: sending.Sender, clock: ticks.GivenClock
) -> AsyncIterator[Side]:
    """Slack's side, without a transport yet."""
    store = fakes.Store(clock)
    workflow = fakes.Workflow(store)
    homes = home_publisher.HomePublisher(sender, clock)
    taking = processor.Processor(store, workflow, delivery.Delivery(sender, clock, homes), clock)
    telling = reporter.Reporter(
        outbound.Context(store, sender, clock, workspace_url="https://demo.slack.com/")
    )
    forms = form_receiver.FormReceiver(store, workflow, taking.receive, clock)
    yield Side(workspace, clock, store, workflow, client, sender, taking, forms, telling)
    await taking.close()


@pytest.fixture
async def over_socket(side: Side) -> AsyncIterator[Side]:
    """Slack's side, connected by Socket Mode."""
    app = await _bolt(side)
    socket = sockets.SocketMode(
        app, side.workspace.app.app_token, side.clock, sockets.SocketBounds(ping_s=1)
    )
    await socket.start()
    yield side
    await socket.close()


@pytest.fixture
async def over_http(side: Side) -> AsyncIterator[Side]:
    """Slack's side, reached by signed HTTP requests."""
    app = await _bolt(side)
    steady = clocks.SteadyClock(side.clock)
    handler = connection.http_handler(app, side.workspace.app.signing_secret, steady)
    door = http_limits.BoundedServer(app.turned_away)
    await door.open([web.post("/slack/events", handler)], "127.0.0.1", 0)
    side.request_url = f"http://127.0.0.1:{door.port}/slack/events"
    side.workspace.use_request_url(side.request_url)
    yield side
    await door.close()


@pytest.fixture(params=["over_socket", "over_http"], ids=["socket", "http"])
def connected(request: pytest.FixtureRequest) -> Side:
    """Slack's side by each of the two transports."""
    found: Side = request.getfixturevalue(request.param)
    return found


async def _bolt(side: Side) -> connection.PromptApp:
    """Return the Bolt app with all listeners."""
    identity = await connection.introduce(side.client)
    secret = side.workspace.app.signing_secret
    app = connection.make_app(side.client, identity, secret)
    guarding = guard.Guard(
        identity.team_id, side.sender, identity.app_id, app.turned_away, identity.enterprise_id
    )
    bolt_registration.Registration(side.processor, side.forms, guarding).register(app)
    side.bolt = app
    return app


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A session for requests that don't come from Slack."""
    async with aiohttp.ClientSession() as session:
        yield session


async def pending(side: Side) -> Message:
    """Put a card that waits for approval into the channel."""
    side.store.add(builders.request_in(State.PENDING))
    side.store.queue("PR-7F3K", "card", {})
    await side.settle()
    return side.card()
