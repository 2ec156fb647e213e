"""The surroundings on a socket of their own."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from bot.sandbox.surroundings import calls, control
from bot.sandbox.surroundings.surroundings import Surroundings

_SHUTDOWN_S = 0.5


@dataclass(frozen=True, slots=True)
class Running:
    """Listening surroundings; `url` has no closing slash."""

    url: str
    runner: web.AppRunner

    async def stop(self) -> None:
        """Close the socket; calls that are held are given up."""
        await self.runner.cleanup()


async def start(around: Surroundings, host: str = "127.0.0.1", port: int = 0) -> Running:
    """Serve them with their side door; port 0 takes any free one.

    Raises:
        OSError: when the address can't be had.
    """
    application = web.Application(client_max_size=calls.MOST_BODY_BYTES)
    application.add_routes([*around.routes(), *control.routes(around)])
    runner = web.AppRunner(
        application, access_log=None, shutdown_timeout=_SHUTDOWN_S, handler_cancellation=True
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError:
        await runner.cleanup()
        raise
    shown = f"[{host}]" if ":" in host else host
    return Running(f"http://{shown}:{runner.addresses[0][1]}", runner)
