"""Records what Slack has accepted; without that record, the same would be posted twice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog

from bot.power import errors, ports

log = structlog.get_logger()


async def noted(note: Callable[[], Awaitable[None]], clock: ports.Clock, again_s: float) -> None:
    """Store that Slack has taken something, however long the database is away.

    A note may be stored twice: after a commit without an answer nobody knows whether it was.
    """
    while True:
        try:
            return await note()
        except errors.StoreUnavailable as error:
            log.warning("reporter.not_noted", why=error.user_message)
            await clock.sleep(again_s)
