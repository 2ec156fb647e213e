"""Looks after the way to Slack: the connections every ten seconds, the token every minute."""

from __future__ import annotations

import asyncio
import contextlib

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.power import errors, ports
from bot.slack.door import connection, sockets

log = structlog.get_logger()

LOOK_S = 10.0  # In seconds.
TRY_TOKEN_S = 60.0  # In seconds.


class Watchdog:
    """Knows whether Slack can be reached and reaches us; `problem` says what is wrong."""

    def __init__(
        self,
        client: AsyncWebClient,
        store: ports.RequestStore,
        clock: ports.Clock,
        socket: sockets.SocketMode | None = None,
    ) -> None:
        """No socket means the HTTP transport."""
        self.socket = socket
        self._client = client
        self._store = store
        self._clock = clock
        self._token_problem = ""
        self._told = ""
        # The start has tried the token a moment ago.
        self._tried_at = clock.monotonic()

    async def problem(self) -> str:
        """Return what is wrong between Slack and us, or an empty text."""
        if self._token_problem:
            return self._token_problem
        if self.socket is not None and not await self.socket.well():
            return "no socket is connected"
        return ""

    async def run(self) -> None:
        """Check again and again until cancelled."""
        while True:
            await self._clock.sleep(LOOK_S)
            await self.look()

    async def look(self) -> None:
        """Look once: at every connection, and at the token when that is due."""
        if self.socket is not None:
            await self.socket.look_after()
        if self._clock.monotonic() - self._tried_at >= TRY_TOKEN_S:
            self._tried_at = self._clock.monotonic()
            await self.try_token()

    async def try_token(self) -> None:
        """Ask Slack who we are: a call that also wakes a connection that seems to sleep."""
        try:
            await connection.introduce(self._client)
        except errors.SlackUnavailable as error:
            self._token_problem = error.user_message
            # Once for each problem: an outage lasts for many looks.
            if error.user_message != self._told:
                log.error("slack.token_problem", why=error.user_message)
                # The log has it all the same.
                with contextlib.suppress(errors.StoreUnavailable, asyncio.TimeoutError):
                    await self._note(error.user_message)
            self._told = error.user_message
            return
        self._token_problem = self._told = ""

    async def _note(self, why: str) -> None:
        """Leave in the audit that Slack could not be reached, or refused the token."""
        entry = ports.AuditEntry("slack.away", self._clock.now(), detail={"why": why})
        await self._store.write(lambda tx: tx.audit(entry))
