"""A message finds the place that takes it: its thread, the card's own, or the channel."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from bot.power import ports
from bot.slack.blockkit import blocks
from bot.slack.outbound import pacing, sending, standing
from bot.slack.render import terms

log = structlog.get_logger()


class Postponed(Exception):
    """Not now: nothing was tried; `wait_s` says when, `why` what for."""

    def __init__(self, wait_s: float, why: str) -> None:
        super().__init__(why)
        self.wait_s = wait_s
        self.why = why


class Failed(Postponed):
    """It was tried and not taken; `refused` says that Slack says no for good."""

    def __init__(self, wait_s: float, why: str, *, refused: bool = False) -> None:
        super().__init__(wait_s, why)
        self.refused = refused


def outside(request: ports.Request, reply: blocks.Message, link: str = "") -> blocks.Message:
    """Return a reply as it reads outside of its thread: with the request that it speaks of."""
    named = f"<{link}|{request.id}>" if link else request.id
    title = f"*{named}* {terms.title(request.order)}"
    return blocks.Message(f"{title}\n{reply.text}", (blocks.context(title), *reply.blocks))


class Posting:
    """Posts within the pace of each channel."""

    def __init__(
        self,
        sender: sending.Sender,
        clock: ports.Clock,
        pace: pacing.Pace,
        known: standing.Standing,
    ) -> None:
        self._sender = sender
        self._clock = clock
        self._pace = pace
        self._known = known

    async def post(
        self,
        channel: str,
        threads: Sequence[str],
        ways: tuple[blocks.Message, blocks.Message],
        urgency: ports.Urgency,
    ) -> str:
        """Post into the first thread that takes it, else into the channel; return the ts.

        `ways` are the message as it reads in a thread, and outside of one.

        Raises:
            Postponed: the channel has taken too much of late.
            Undelivered: Slack has not taken it.
        """
        now = self._clock.monotonic()
        wait_s = self._pace.post_wait_s(channel, now, urgency)
        if wait_s > 0:
            raise Postponed(wait_s, "paced")
        self._pace.posted(channel, now, urgency)
        for thread_ts in threads:
            if self._known.is_shut(channel, thread_ts, now):
                continue
            try:
                return await self._sender.post(channel, ways[0], thread_ts)
            except sending.Undelivered as error:
                if not error.threadless:
                    raise
                log.warning("reporter.thread_shut", channel=channel, why=error.code)
                self._known.shut(channel, thread_ts, now)
        return await self._sender.post(channel, ways[1] if threads else ways[0])
