"""A workspace that runs, a client for its Web API, and Bolt apps connected to it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

import aiohttp
import pytest
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.workspace import Workspace
from tests.support import ticks

Connect = Callable[[AsyncApp], Awaitable[AsyncSocketModeHandler]]


@pytest.fixture
def clock() -> ticks.GivenClock:
    """A clock that stands still until it is moved."""
    return ticks.GivenClock()


@pytest.fixture
async def workspace(clock: ticks.GivenClock) -> AsyncIterator[Workspace]:
    """A workspace that serves, with short waits for acks and redeliveries."""
    running = Workspace(clock=clock.now, ack_s=2.0, redelivery_delays_s=(0.01, 0.01, 0.01))
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
def client(workspace: Workspace) -> AsyncWebClient:
    """The official client, pointed at the workspace; no proxy of this machine leads it astray."""
    client = AsyncWebClient("xoxb-demo", base_url=workspace.api_url)
    client.proxy = None
    return client


@pytest.fixture
def bolt(client: AsyncWebClient) -> AsyncApp:
    """A Bolt app without listeners."""
    return AsyncApp(client=client)


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Connects a Bolt app over Socket Mode."""
    handlers: list[AsyncSocketModeHandler] = []

    async def start(app: AsyncApp) -> AsyncSocketModeHandler:
        handler = AsyncSocketModeHandler(app, "xapp-demo", ping_interval=0.2)
        handler.client.proxy = None
        handlers.append(handler)
        await handler.connect_async()  # type: ignore[no-untyped-call]
        return handler

    yield start
    for handler in handlers:
        await handler.close_async()  # type: ignore[no-untyped-call]


Ui = Callable[..., Coroutine[Any, Any, dict[str, Any]]]


@pytest.fixture
async def ui(workspace: Workspace) -> AsyncIterator[Ui]:
    """Asks the page's API: a body makes it a POST."""
    async with aiohttp.ClientSession(workspace.url) as session:

        async def ask(path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
            method = "GET" if body is None else "POST"
            async with session.request(method, path, json=body) as response:
                answer: dict[str, Any] = await response.json()
                return answer

        yield ask
