"""Is it alive, and can it work? `/healthz`, `/readyz` and `/metrics`, with both transports."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Awaitable, Callable, Mapping

import prometheus_client
from aiohttp import web

from bot import app, serving, setting_words, settings
from bot.operations import metrics, secret_rotation
from bot.power import errors

# A probe waits no longer than this for any part.
PATIENCE_S = 5.0
# CloudDC is asked again when its last answer is older than this.
CLOUD_FRESH_S = 30.0
# A part of the bot and the question whether it can work: an empty answer means yes.
Checks = Mapping[str, Callable[[], Awaitable[str]]]
Warnings = Callable[[], Mapping[str, str]]


def of(counted: metrics.Metrics, rotating: secret_rotation.Rotation) -> serving.Routes:
    """Return what makes the routes for a running bot; its secrets may change."""

    def made(given: settings.Settings, bot: app.Bot) -> list[web.RouteDef]:
        return routes(
            checks_of(bot),
            lambda: counted.text(bot),
            warnings=warnings_of(bot, rotating),
            host=given.host,
            metrics_token=lambda: rotating.given.metrics_token.get_secret_value(),
        )

    return made


def warnings_of(bot: app.Bot, rotating: secret_rotation.Rotation) -> Warnings:
    """Return the warnings beside the problems: the bot works, but somebody should check."""

    def warnings() -> Mapping[str, str]:
        newest = bot.power.latest()
        short = newest.shortfall if newest else None
        found = {"clouddc": short.sentence} if short else {}
        if bot.policy().version and bot.policy.problem:
            found["policy"] = f"the previous one is still in force. {bot.policy.problem}"
        if rotating.problems:
            told = [f"{name}: {why}" for name, why in sorted(rotating.problems.items())]
            found["secrets"] = f"the previous ones are still used. {'; '.join(told)}"
        return found

    return warnings


def checks_of(bot: app.Bot) -> Checks:
    """Return the questions to the parts of a bot."""

    async def database() -> str:
        await bot.store.read(lambda tx: tx.audit_head())
        return ""

    async def policy() -> str:
        # A newer file with a mistake is a warning: the policy before it is in force, and a bot that
        # is taken out of service for it couldn't be told to stop any more.
        if bot.policy().version:
            return ""
        return bot.policy.problem or "there is no policy file"

    clouddc = _Cloud(bot)
    return {
        "database": database,
        "slack": bot.watchdog.problem,
        "clouddc": clouddc.problem,
        "policy": policy,
    }


class _Cloud:
    """Whether CloudDC answers; probes in a row cost one call."""

    def __init__(self, bot: app.Bot) -> None:
        self._cloud = bot.power.cloud
        self._asked_at = float("-inf")
        self._problem = ""

    async def problem(self) -> str:
        """Return what is wrong, or an empty text."""
        if self._cloud.paused_s:
            return "CloudDC refused the credentials; check the key and the clock"
        if time.monotonic() - self._asked_at >= CLOUD_FRESH_S:
            self._asked_at = time.monotonic()
            # What is said until the answer is there, should the probe give up before.
            self._problem = "it has not answered yet"
            try:
                await self._cloud.status()
            except errors.CloudError as error:
                self._problem = error.user_message
            else:
                self._problem = ""
        return self._problem


async def _asked(check: Callable[[], Awaitable[str]], patience_s: float) -> str:
    """Ask one part, for a bounded time."""
    try:
        async with asyncio.timeout(patience_s):
            return await check()
    except TimeoutError:
        return "no answer in time"
    except errors.PowerbotError as error:
        return error.user_message


async def _problems(checks: Checks, patience_s: float) -> dict[str, str]:
    """Ask all parts at once; return what those say that can't work."""
    answers = await asyncio.gather(*(_asked(check, patience_s) for check in checks.values()))
    return {name: said for name, said in zip(checks, answers, strict=True) if said}


def routes(
    checks: Checks,
    figures: Callable[[], Awaitable[bytes]],
    *,
    host: str,
    metrics_token: Callable[[], str],
    patience_s: float = PATIENCE_S,
    warnings: Warnings = dict,
) -> list[web.RouteDef]:
    """Return the routes; off loopback, details and metrics want the token as bearer."""

    def entitled(request: web.Request) -> bool:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token := metrics_token():
            # In constant time, which tells nobody how much of a guess was right.
            return hmac.compare_digest(given.encode(), token.encode())
        return host in setting_words.LOOPBACK

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"ok": True})

    async def readyz(request: web.Request) -> web.Response:
        problems = await _problems(checks, patience_s)
        body: dict[str, object] = {"ok": not problems}
        if entitled(request):
            body["problems"] = problems
            body["warnings"] = warnings()
        return web.json_response(body, status=503 if problems else 200)

    async def show_metrics(request: web.Request) -> web.Response:
        if not entitled(request):
            return web.json_response({"error": "a bearer token is needed"}, status=401)
        headers = {"Content-Type": prometheus_client.CONTENT_TYPE_LATEST}
        return web.Response(body=await figures(), headers=headers)

    return [
        web.get("/healthz", healthz),
        web.get("/readyz", readyz),
        web.get("/metrics", show_metrics),
    ]
