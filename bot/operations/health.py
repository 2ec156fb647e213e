"""Is it alive, and can it work? `/healthz`, `/readyz` and `/metrics`, with both transports."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping

import prometheus_client
from aiohttp import web

from bot import app, settings
from bot.power import errors

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
# A part of the bot and the question whether it can work: an empty answer means yes.
Checks = Mapping[str, Callable[[], Awaitable[str]]]


def for_bot(given: settings.Settings, bot: app.Bot) -> list[web.RouteDef]:
    """Return the routes for a running bot."""

    async def database() -> str:
        try:
            await bot.store.read(lambda tx: tx.audit_head())
        except errors.StoreUnavailable as error:
            return error.user_message
        return ""

    async def policy() -> str:
        return bot.policy.problem or ("" if bot.policy().version else "there is no policy file")

    async def clouddc() -> str:
        return "the credentials were refused lately" if bot.power.cloud.paused_s else ""

    checks = {"database": database, "policy": policy, "clouddc": clouddc}
    token = given.metrics_token.get_secret_value()
    return routes(checks, host=given.host, metrics_token=token)


def routes(checks: Checks, *, host: str, metrics_token: str) -> list[web.RouteDef]:
    """Return the routes; off loopback, details and metrics want the token as bearer."""

    def entitled(request: web.Request) -> bool:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if metrics_token:
            return hmac.compare_digest(given.encode(), metrics_token.encode())
        return host in LOOPBACK

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"ok": True})

    async def readyz(request: web.Request) -> web.Response:
        problems = {name: said for name, check in checks.items() if (said := await check())}
        body: dict[str, object] = {"ok": not problems}
        if entitled(request):
            body["problems"] = problems
        return web.json_response(body, status=503 if problems else 200)

    async def metrics(request: web.Request) -> web.Response:
        if not entitled(request):
            return web.json_response({"error": "a bearer token is needed"}, status=401)
        return web.Response(
            body=prometheus_client.generate_latest(),
            headers={"Content-Type": prometheus_client.CONTENT_TYPE_LATEST},
        )

    return [
        web.get("/healthz", healthz),
        web.get("/readyz", readyz),
        web.get("/metrics", metrics),
    ]
