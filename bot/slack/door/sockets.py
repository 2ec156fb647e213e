"""Socket Mode: two connections of one app, each looked after by itself.

Clients have been seen that stay "connected" and bring nothing, and ones whose loop had ended: a
connection that stays unwell is not mended but made anew. Nothing here knows what a payload means.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import time
from typing import Any

import aiohttp
import structlog
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler

from bot.power import errors, ports
from bot.slack.door import connection, frames, turned_away

log = structlog.get_logger()

START_S = 20.0
PING_S = 10.0
# A socket that has answered no ping for this long is dead, whatever it says of itself.
SILENT_S = 60.0
# The client comes back by itself within seconds; one that hasn't in this time never will.
UNWELL_S = 30.0
CLOSE_S = 5.0


@dataclasses.dataclass
class SocketLine:
    """One connection; times are of the monotonic clock, 0 for never."""

    handler: AsyncSocketModeHandler
    opened_at: float
    heard_at: float = 0.0
    unwell_since: float = 0.0
    connections: int = 0

    async def well(self) -> bool:
        """Whether it is open and answers pings."""
        last = self.handler.client.last_ping_pong_time
        # The client notes its pongs by the wall clock.
        if last is not None and time.time() - last > SILENT_S:
            return False
        return bool(await self.handler.client.is_connected())

    async def close(self) -> None:
        """Close it, without waiting for a peer that doesn't answer."""
        with contextlib.suppress(TimeoutError, aiohttp.ClientError, OSError):
            async with asyncio.timeout(CLOSE_S):
                await _client(self.handler).close()


@dataclasses.dataclass(frozen=True, slots=True)
class SocketBounds:
    """How many connections there are, and how long each may take, in seconds.

    `unwell_s` is how long one may be unwell before it is made anew, `start_s` how long it may
    take to come up.
    """

    sockets: int = 2
    ping_s: float = PING_S
    unwell_s: float = UNWELL_S
    start_s: float = START_S


class SocketMode:
    """The connections of one app: while one is refreshed, the other takes what comes."""

    def __init__(
        self,
        app: connection.PromptApp,
        app_token: str,
        clock: ports.Clock,
        bounds: SocketBounds = SocketBounds(),
    ) -> None:
        self._app = app
        self._app_token = app_token
        self._clock = clock
        self._wanted = bounds.sockets
        self._ping_s = bounds.ping_s
        self._unwell_s = bounds.unwell_s
        self._start_s = bounds.start_s
        self.lines: list[SocketLine] = []
        self.others = 0
        unreadable = (json.JSONDecodeError, turned_away.Check.FRAME_UNREADABLE)
        deep = (RecursionError, turned_away.Check.FRAME_UNREADABLE)
        quiet = turned_away.OneLine(app.turned_away, (unreadable, deep), "slack.socket_failed")
        # The client would print a whole traceback for every frame that it can't read.
        self._logger = turned_away.logger("socket", quiet)

    async def start(self) -> None:
        """Open as many connections as are wanted.

        Raises:
            SlackUnavailable: no connection within the time limit.
        """
        while len(self.lines) < self._wanted:
            self.lines.append(await self._open())
        log.info("slack.connected", sockets=len(self.lines))

    async def well(self) -> bool:
        """Whether at least one connection is open and answers pings."""
        return any([await line.well() for line in self.lines])

    async def look_after(self) -> None:
        """Make every connection anew that has been unwell for too long."""
        now = self._clock.monotonic()
        for line in list(self.lines):
            if await line.well():
                line.unwell_since = 0.0
                continue
            line.unwell_since = line.unwell_since or now
            if now - line.unwell_since >= self._unwell_s:
                log.error("slack.socket_dead", unwell_s=round(now - line.unwell_since))
                self.lines.remove(line)
                await line.close()
        if len(self.lines) < self._wanted:
            try:
                await self.start()
            except errors.SlackUnavailable as error:
                log.error("slack.not_connected", why=error.user_message)

    def change_token(self, app_token: str) -> None:
        """Open by this token whatever is opened from now on; what is open stays."""
        self._app_token = app_token
        for line in self.lines:
            line.handler.app_token = line.handler.client.app_token = app_token

    async def close(self) -> None:
        """Close all connections: no further payload arrives."""
        lines, self.lines = self.lines, []
        await asyncio.gather(*(line.close() for line in lines))

    async def _open(self) -> SocketLine:
        """Open one more connection."""
        handler = AsyncSocketModeHandler(
            self._app, self._app_token, logger=self._logger, ping_interval=self._ping_s
        )
        handler.client.proxy = self._app.client.proxy
        # Bolt's own listener leaves whatever Bolt can't answer without an acknowledgement.
        handler.client.socket_mode_request_listeners.clear()
        frames_ = frames.Frames(self._app, self._app.turned_away)
        line = SocketLine(handler, self._clock.monotonic())

        # The client gives every message to its listeners with these three arguments.
        async def heard(client: Any, message: dict[str, Any], _raw: str | None = None) -> None:
            self._hear(line, message)
            await frames_.take(client, message)

        handler.client.message_listeners.append(heard)
        async with contextlib.AsyncExitStack() as undo:
            undo.push_async_callback(line.close)
            try:
                # Not wait_for: before Python 3.12 it may lose a cancellation.
                async with asyncio.timeout(self._start_s):
                    await _client(handler).connect()
            except TimeoutError:
                raise errors.SlackUnavailable("Slack won't open a socket.") from None
            undo.pop_all()
        return line

    def _hear(self, line: SocketLine, message: dict[str, Any]) -> None:
        """Note that something came, and from the hello how many are connected to this app."""
        line.heard_at = self._clock.monotonic()
        count = message.get("num_connections")
        if message.get("type") != "hello" or not isinstance(count, int):
            return
        line.connections = count
        others = max(0, count - self._wanted)
        if others > self.others:
            # Slack gives each payload to any one of them: a stranger would swallow clicks.
            log.warning("slack.others_connected", others=others, ours=self._wanted)
        self.others = others


def _client(handler: AsyncSocketModeHandler) -> Any:
    """Return a handler's client, two of whose methods slack_sdk leaves without types."""
    return handler.client
