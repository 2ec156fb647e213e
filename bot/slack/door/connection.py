"""How Slack reaches the bot: tokens tried first, then Socket Mode or plain HTTP.

Nothing here knows what a payload means.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import email.utils
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import aiohttp
import structlog
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncServerErrorRetryHandler,
)
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.power import errors, ports
from bot.slack import api_errors
from bot.slack.door import signed_posts, turned_away
from bot.slack.outbound import send_deadline

log = structlog.get_logger()

START_S = 20.0  # Seconds for one answer at the start.
# How long to wait before Slack is asked again at the start.
AGAIN_S = 2.0
# Nothing longer than this is read before its signature has been checked.
MOST_UNSIGNED = 4_096


@dataclasses.dataclass(frozen=True, slots=True)
class Identity:
    """What Slack says of our bot token; `url` is the workspace's address.

    `app_id` is the app that the token's bot belongs to, empty where Slack didn't say; `off_s` by
    how many seconds this machine's clock was ahead of Slack's.
    """

    team_id: str
    team: str
    user_id: str
    bot_id: str
    url: str
    scopes: frozenset[str]
    app_id: str = ""
    enterprise_id: str = ""
    off_s: float = 0.0


@contextlib.asynccontextmanager
async def open_client(token: str, api_url: str) -> AsyncIterator[AsyncWebClient]:
    """Open a client that repeats only what broke on the way, for as long as the block.

    Its calls share a session: a new one for each would cost a TLS handshake. A 429 isn't
    repeated: whoever sends knows better what to do with the wait. What must leave by an instant
    (`send_deadline.leaving_by`) isn't repeated after it.
    """
    retries = [
        AsyncConnectionErrorRetryHandler(max_retry_count=1),
        AsyncServerErrorRetryHandler(max_retry_count=1),
    ]
    # 30 s for one try, so that a connection which hangs is given up.
    async with aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=30), trace_configs=[send_deadline.traced()]
    ) as session:
        yield AsyncWebClient(token, api_url, session=session, retry_handlers=retries)


async def introduce(client: AsyncWebClient, *, patience_s: float = 0.0) -> Identity:
    """Ask Slack who the bot token is, so that a wrong one is noticed at the start.

    While Slack is away it is asked again for `patience_s`; a token that it refuses is final.

    Raises:
        SlackUnavailable: Slack refuses the token, or can't be reached.
    """
    answer = await _asked("SLACK_BOT_TOKEN", client.auth_test, patience_s)
    off_s = _off_s(answer)
    return Identity(
        team_id=str(answer.get("team_id") or ""),
        team=str(answer.get("team") or ""),
        user_id=str(answer.get("user_id") or ""),
        bot_id=str(answer.get("bot_id") or ""),
        url=str(answer.get("url") or ""),
        scopes=granted(answer),
        app_id=await _app_id(client, str(answer.get("bot_id") or "")),
        enterprise_id=str(answer.get("enterprise_id") or ""),
        off_s=off_s,
    )


def _off_s(answer: AsyncSlackResponse) -> float:
    """Return by how many seconds this machine's clock is ahead of the date of an answer."""
    dated = next((v for k, v in (answer.headers or {}).items() if k.lower() == "date"), "")
    try:
        return time.time() - email.utils.parsedate_to_datetime(str(dated)).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def granted(answer: AsyncSlackResponse) -> frozenset[str]:
    """Return the scopes that the token of a call has ("Installing with OAuth": X-OAuth-Scopes)."""
    headers = {key.lower(): value for key, value in (answer.headers or {}).items()}
    listed = str(headers.get("x-oauth-scopes", ""))
    return frozenset(scope.strip() for scope in listed.split(",") if scope.strip())


async def _app_id(client: AsyncWebClient, bot_id: str) -> str:
    """Return the id of a bot's app; without it the apps of payloads are not compared."""
    try:
        async with asyncio.timeout(START_S):
            answer = await client.bots_info(bot=bot_id)
    except (SlackApiError, TimeoutError, aiohttp.ClientError, OSError) as error:
        log.warning("slack.app_unknown", why=type(error).__name__)
        return ""
    bot = answer.get("bot")
    return str(bot.get("app_id") or "") if isinstance(bot, Mapping) else ""


async def try_app_token(client: AsyncWebClient, app_token: str, *, patience_s: float = 0.0) -> None:
    """Ask for a socket that isn't used: with a bad token the socket client would retry for ever.

    Raises:
        SlackUnavailable: Slack refuses the token, or can't be reached.
    """

    async def opened() -> AsyncSlackResponse:
        return await client.apps_connections_open(app_token=app_token)

    await _asked("SLACK_APP_TOKEN", opened, patience_s)


async def _asked(
    setting: str, ask: Callable[[], Awaitable[AsyncSlackResponse]], patience_s: float
) -> AsyncSlackResponse:
    """Make a pre-flight call within the time limit and word what goes wrong."""
    until = time.monotonic() + patience_s
    while True:
        try:
            async with asyncio.timeout(START_S):
                return await ask()
        except SlackApiError as error:
            refused = api_errors.undelivered(error)
            problem = f"Slack refuses {setting}: {refused.code}."
            final = not (refused.away or refused.retry_after_s)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            problem, final = f"Slack can't be reached ({type(error).__name__}).", False
        if final or time.monotonic() >= until:
            raise errors.SlackUnavailable(problem)
        log.warning("slack.waits", why=problem)
        await asyncio.sleep(AGAIN_S)


class PromptApp(AsyncApp):
    """Bolt's app, with what our door compares and counts."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # The newest one, by which requests over HTTP are compared.
        self.signing_secret = ""
        # What is refused before a listener sees it, over either transport.
        self.turned_away = turned_away.TurnedAway()


def make_app(
    client: AsyncWebClient,
    identity: Identity,
    signing_secret: str = "",
) -> PromptApp:
    """Return Bolt's app for one workspace.

    Bolt would poll for an acknowledgement every 10 ms; `process_before_response` makes it send
    the one that the listener has given. Who we are is known, so no payload waits for auth.test.
    """

    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(
            enterprise_id=None,
            team_id=identity.team_id,
            bot_user_id=identity.user_id,
            bot_id=identity.bot_id,
            # The newest one: it may have been exchanged.
            bot_token=client.token,
        )

    app = PromptApp(
        name="powerbot",
        client=_without_token(client),
        authorize=authorize,
        # `http_handler` compares each signature, with the newest secret; Bolt knows only one.
        request_verification_enabled=False,
        process_before_response=True,
    )
    app.signing_secret = signing_secret
    app.error(_failed_in(app))
    return app


def _failed_in(app: PromptApp) -> Callable[..., Awaitable[BoltResponse]]:
    """Return what Bolt calls when a payload is too odd for it; our listeners raise nothing."""

    # Bolt gives arguments by their names.
    async def failed(error: Exception) -> BoltResponse:
        app.turned_away.note(turned_away.Check.PAYLOAD_FAILED, error=type(error).__name__)
        # Over HTTP Slack isn't told that all is well; a frame is acknowledged in any case.
        return BoltResponse(status=400)

    return failed


def _without_token(client: AsyncWebClient) -> AsyncWebClient:
    """Return the same client without its token: Bolt warns about one beside `authorize`."""
    bare = AsyncWebClient(
        session=client.session, base_url=client.base_url, retry_handlers=client.retry_handlers
    )
    # The constructor would look at the environment once more.
    bare.proxy = client.proxy
    return bare


def with_token(client: AsyncWebClient, token: str) -> AsyncWebClient:
    """Return the same client with another token, to try it."""
    other = _without_token(client)
    other.token = token
    return other


def http_handler(
    app: PromptApp, signing_secret: str, clock: ports.Clock
) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return what answers `POST /slack/events`; each request's signature is checked.

    Raises:
        ValueError: there is no secret, so that anybody could sign.
    """
    if not signing_secret:
        raise ValueError("SLACK_SIGNING_SECRET is needed for the HTTP transport")
    app.signing_secret = signing_secret

    async def answer(request: web.Request) -> web.Response:
        body = await request.read()
        # Whoever presses a button while the wall is set wrongly must not be sent away.
        instants = ports.readings(clock)
        refused = signed_posts.refusal(app.signing_secret, request.headers, body, instants=instants)
        if refused is not None and await _looks_at_certificate(request):
            return web.Response()
        if refused is not None:
            return _refused(app, refused)
        try:
            text = body.decode()
        except UnicodeDecodeError:
            return _refused(app, signed_posts.PostRefusal(turned_away.Check.BODY_UNREADABLE))
        try:
            bolt_request = signed_posts.bolt_request(text, request)
            return await to_aiohttp_response(await app.async_dispatch(bolt_request))
        except Exception as error:  # Bolt reads parts of a body that it takes for granted.
            app.turned_away.note(turned_away.Check.PAYLOAD_FAILED, error=type(error).__name__)
            return web.Response(status=400)

    return answer


async def _looks_at_certificate(request: web.Request) -> bool:
    """Whether it is Slack's check of our certificate, which may come without a signature.

    It is answered, and nothing else is done ("ssl_check" in Slack's slash commands).
    """
    body = await request.read()
    if len(body) > MOST_UNSIGNED:
        return False
    return (
        signed_posts.read(body.decode(errors="replace"), request.content_type).get("ssl_check")
        == "1"
    )


def _refused(app: PromptApp, refused: signed_posts.PostRefusal) -> web.Response:
    """Count what was refused, and answer without a word that would help to guess."""
    unreadable = refused.check is turned_away.Check.BODY_UNREADABLE
    app.turned_away.note(refused.check, off_s=refused.off_s)
    return web.json_response({"error": "invalid request"}, status=400 if unreadable else 401)
