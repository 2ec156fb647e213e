"""How Slack reaches the bot: tokens tried first, then Socket Mode or plain HTTP.

Nothing here knows what a payload means.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import structlog
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.power import errors, ports

log = structlog.get_logger()

START_S = 20.0
PING_S = 10.0
# A socket that has answered no ping for this long is dead, whatever it says of itself.
SILENT_S = 60.0
LOOK_S = 30.0


@dataclasses.dataclass(frozen=True, slots=True)
class Identity:
    """What Slack says of our bot token; `url` is the workspace's address."""

    team_id: str
    team: str
    user_id: str
    bot_id: str
    url: str
    scopes: frozenset[str]


def open_session() -> aiohttp.ClientSession:
    """Return the session that all calls share: a new one for each call costs a TLS handshake."""
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))


async def introduce(client: AsyncWebClient) -> Identity:
    """Ask Slack who the bot token is, so that a wrong one is noticed at the start.

    Raises:
        SlackUnavailable: Slack refuses the token, or can't be reached.
    """
    answer = await _asked("SLACK_BOT_TOKEN", client.auth_test())
    headers = {key.lower(): value for key, value in (answer.headers or {}).items()}
    scopes = str(headers.get("x-oauth-scopes", ""))
    return Identity(
        team_id=str(answer.get("team_id") or ""),
        team=str(answer.get("team") or ""),
        user_id=str(answer.get("user_id") or ""),
        bot_id=str(answer.get("bot_id") or ""),
        url=str(answer.get("url") or ""),
        scopes=frozenset(scope.strip() for scope in scopes.split(",") if scope.strip()),
    )


async def try_app_token(client: AsyncWebClient, app_token: str) -> None:
    """Ask for a socket that isn't used: with a bad token the socket client would retry for ever.

    Raises:
        SlackUnavailable: Slack refuses the token, or can't be reached.
    """
    await _asked("SLACK_APP_TOKEN", client.apps_connections_open(app_token=app_token))


async def _asked(setting: str, call: Awaitable[AsyncSlackResponse]) -> AsyncSlackResponse:
    """Make a pre-flight call within the time limit and word what goes wrong."""
    try:
        async with asyncio.timeout(START_S):
            return await call
    except SlackApiError as error:
        code = error.response.get("error", "no reason given")
        raise errors.SlackUnavailable(f"Slack refuses {setting}: {code}.") from None
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        problem = type(error).__name__
        raise errors.SlackUnavailable(f"Slack can't be reached ({problem}).") from None


def make_app(client: AsyncWebClient, identity: Identity, signing_secret: str = "") -> AsyncApp:
    """Return Bolt's app for one workspace.

    Bolt would poll for an acknowledgement every 10 ms; `process_before_response` makes it send
    the one that the listener has given. Who we are is known, so no payload waits for auth.test.
    """
    token = client.token

    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(
            enterprise_id=None,
            team_id=identity.team_id,
            bot_user_id=identity.user_id,
            bot_id=identity.bot_id,
            bot_token=token,
        )

    return AsyncApp(
        name="powerbot",
        client=_without_token(client),
        authorize=authorize,
        signing_secret=signing_secret,
        process_before_response=True,
    )


def _without_token(client: AsyncWebClient) -> AsyncWebClient:
    """Return the same client without its token: Bolt warns about one beside `authorize`."""
    bare = AsyncWebClient(
        session=client.session, base_url=client.base_url, retry_handlers=client.retry_handlers
    )
    # The constructor would look at the environment once more.
    bare.proxy = client.proxy
    return bare


class SocketMode:
    """Socket Mode connections of one app; two of them bridge each other's refresh."""

    def __init__(self, app: AsyncApp, app_token: str, *, sockets: int = 2, ping_s: float = PING_S):
        self._app = app
        self._app_token = app_token
        self._wanted = sockets
        self._ping_s = ping_s
        self._handlers: list[AsyncSocketModeHandler] = []

    async def start(self) -> None:
        """Connect.

        Raises:
            SlackUnavailable: no connection within the time limit.
        """
        for _ in range(self._wanted):
            handler = AsyncSocketModeHandler(
                self._app,
                self._app_token,
                ping_interval=self._ping_s,
            )
            handler.client.proxy = self._app.client.proxy
            self._handlers.append(handler)
            try:
                # Not wait_for: before Python 3.12 it may lose a cancellation.
                async with asyncio.timeout(START_S):
                    await _socket(handler).connect()
            except TimeoutError:
                raise errors.SlackUnavailable("Slack opens no socket.") from None
        log.info("slack.connected", sockets=len(self._handlers))

    async def connected(self) -> bool:
        """Whether at least one socket is open and answers pings."""
        for handler in self._handlers:
            last = handler.client.last_ping_pong_time
            quiet = last is not None and time.time() - last > SILENT_S
            if not quiet and await handler.client.is_connected():
                return True
        return False

    async def watch(self, clock: ports.Clock) -> None:
        """Look after the connection until cancelled: one that is dead is made anew.

        Clients have been seen that stay "connected" and bring nothing; only a new one helps.
        """
        while True:
            await clock.sleep(LOOK_S)
            if await self.connected():
                continue
            log.error("slack.socket_dead")
            await self.close()
            try:
                await self.start()
            except errors.SlackUnavailable as error:
                log.error("slack.not_connected", why=error.user_message)

    async def close(self) -> None:
        """Close all sockets: no further payload arrives."""
        handlers, self._handlers = self._handlers, []
        for handler in handlers:
            await _socket(handler).close()


def _socket(handler: AsyncSocketModeHandler) -> Any:
    """Return a handler's client, two of whose methods slack_sdk leaves without types."""
    return handler.client


def http_handler(
    app: AsyncApp, signing_secret: str
) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return what answers `POST /slack/events`; Bolt checks each request's signature.

    Raises:
        ValueError: there is no secret, so that anybody could sign.
    """
    if not signing_secret:
        raise ValueError("SLACK_SIGNING_SECRET is needed for the HTTP transport")

    async def answer(request: web.Request) -> web.Response:
        bolt_request = await to_bolt_request(request)
        return await to_aiohttp_response(await app.async_dispatch(bolt_request))

    return answer
